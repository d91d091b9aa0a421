/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each folder of tests/config is a configuration and the exact report it gets: tandem.conf, its
 * conf.d, an override a line in "overrides", the report in "expected". */

#include "config/config.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static const TdConfigKey core_keys[] = {
    { .name = "node", .type = TD_CONFIG_TEXT, .flags = TD_CONFIG_REQUIRED },
    { .name = "lanes",
      .type = TD_CONFIG_INTEGER,
      .default_text = "auto",
      .min = 1,
      .max = 256,
      .choices = TD_LIST ("auto") },
    { .name = "log-level",
      .type = TD_CONFIG_CHOICE,
      .default_text = "info",
      .choices = TD_LIST ("error", "warning", "info", "debug") },
    { .name = "trace-buffer",
      .type = TD_CONFIG_SIZE,
      .default_text = "16 MiB",
      .max = INT64_C (1) << 30 },
    { .name = "state-dir", .type = TD_CONFIG_PATH, .default_text = "/var/lib/tandem" },
};
static const TdConfigKey module_key = { .name = "*",
                                        .type = TD_CONFIG_CHOICE,
                                        .choices = TD_LIST ("required", "optional", "disabled") };
static const TdConfigSection core_sections[] = {
    { sizeof (TdConfigSection), sizeof (TdConfigKey), "tandem", .keys = core_keys, .n_keys = 5 },
    { sizeof (TdConfigSection), sizeof (TdConfigKey), "modules", .takes_any_key = true,
      .keys = &module_key, .n_keys = 1 },
};
static const TdConfigKey sip_keys[] = {
    { .name = "listen", .type = TD_CONFIG_ADDRESS, .flags = TD_CONFIG_REPEATED },
    { .name = "t1",
      .type = TD_CONFIG_DURATION,
      .default_text = "500 ms",
      .min = 100,
      .max = 10000 },
    { .name = "answers-options", .type = TD_CONFIG_BOOL, .default_text = "yes" },
    { .name = "default-trunk", .type = TD_CONFIG_REFERENCE, .refers = "trunk" },
};
static const TdConfigSection sip_section = { sizeof (TdConfigSection), sizeof (TdConfigKey), "sip",
                                             .keys = sip_keys, .n_keys = 4 };
static const TdConfigKey trunk_keys[] = {
    { .name = "address", .type = TD_CONFIG_TEXT, .flags = TD_CONFIG_REQUIRED },
    { .name = "capacity",
      .type = TD_CONFIG_INTEGER,
      .unit = "calls",
      .default_text = "480 calls",
      .min = 1,
      .max = 100000 },
    { .name = "codecs", .type = TD_CONFIG_LIST, .choices = TD_LIST ("PCMA", "PCMU", "G722") },
    { .name = "password", .type = TD_CONFIG_TEXT, .flags = TD_CONFIG_SECRET },
    { .name = "pin", .type = TD_CONFIG_INTEGER, .flags = TD_CONFIG_SECRET, .min = 1, .max = 9999 },
    { .name = "overflow", .type = TD_CONFIG_LIST, .refers = "trunk" },
};
static const TdConfigSection trunk_section = {
    sizeof (TdConfigSection), sizeof (TdConfigKey), "trunk",
    .is_named = true,         .keys = trunk_keys,   .n_keys = 6
};
static const TdSchemaOwner owners[] = {
    { .name = "core", .sections = core_sections, .n_sections = 2 },
    { .name = "sip", .sections = &sip_section, .n_sections = 1 },
    { .name = "trunk", .sections = &trunk_section, .n_sections = 1 },
    { .name = "megaco", .is_absent = true },
};

static char *
read_text (const char *name)
{
    char *text = NULL;

    g_file_get_contents (name, &text, NULL, NULL);
    return text != NULL ? text : g_strdup ("");
}

/* The lines of the file "overrides" of the working folder (transfer full, of GStrv). */
static char **
read_overrides (void)
{
    g_autofree char *text = read_text ("overrides");

    return g_strsplit (g_strchomp (text), "\n", -1);
}

static void
test_case (gconstpointer data)
{
    const char *folder = data;
    g_autoptr (GError) error = NULL;
    g_autoptr (GPtrArray) problems = td_problems_new ();
    g_autoptr (TdSchema) schema = td_schema_new (owners, G_N_ELEMENTS (owners), &error);

    g_assert_no_error (error);
    /* From within, so that the report has no path of this machine. */
    g_assert_cmpint (g_chdir (folder), ==, 0);
    g_auto (GStrv) overrides = read_overrides ();
    g_autoptr (TdConfig) config =
        td_config_load ("tandem.conf", (const char *const *) overrides, schema, problems);
    g_assert_nonnull (config);
    g_autofree char *report = td_problems_to_text (problems);
    g_assert_true (g_file_test ("expected", G_FILE_TEST_EXISTS));
    g_autofree char *expected = read_text ("expected");
    g_assert_cmpstr (report, ==, expected);
}

int
main (int argc, char **argv)
{
    const char *name;
    unsigned n_cases = 0;

    g_test_init (&argc, &argv, NULL);
    g_assert_cmpint (argc, ==, 2);
    GDir *dir = g_dir_open (argv[1], 0, NULL);
    while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
        char *folder = g_build_filename (argv[1], name, NULL);
        if (!g_file_test (folder, G_FILE_TEST_IS_DIR)) {
            g_free (folder);
            continue;
        }
        g_autofree char *path = g_strconcat ("/config/table/", name, NULL);
        g_test_add_data_func_full (path, folder, test_case, g_free);
        n_cases++;
    }
    g_clear_pointer (&dir, g_dir_close);
    g_assert_cmpuint (n_cases, >, 0);
    return g_test_run ();
}
