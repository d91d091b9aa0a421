/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Samples and manual pages say what the tables say, and a sample is itself a good configuration. */

#include "config/config.h"

#include <string.h>

static const TdConfigKey trunk_keys[] = {
    { .name = "capacity",
      .type = TD_CONFIG_INTEGER,
      .default_text = "480 calls",
      .unit = "calls",
      .min = 1,
      .max = 10000,
      .flags = TD_CONFIG_RELOADABLE,
      .help =
          "How many calls may stand at once, in both directions together; a call that waits in a "
          "queue does not count, one that is held does.",
      .since = "0.1" },
    { .name = "password",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_SECRET | TD_CONFIG_REPEATED,
      .help = ".starts with a dot, has a \\ in it" },
    { .name = "address", .type = TD_CONFIG_ADDRESS, .flags = TD_CONFIG_REQUIRED },
};
static const TdConfigKey any_key = { .name = "*",
                                     .type = TD_CONFIG_TEXT,
                                     .help = "Whether NAME is loaded." };
static const TdConfigSection sections[] = {
    { sizeof (TdConfigSection), sizeof (TdConfigKey), "trunk", "A partner's trunk group.",
      .is_named = true, .keys = trunk_keys, .n_keys = 3 },
    { sizeof (TdConfigSection), sizeof (TdConfigKey), "modules", .takes_any_key = true,
      .keys = &any_key, .n_keys = 1 },
};
static const TdSchemaOwner owners[] = {
    { .name = "trunks", .sections = &sections[0], .n_sections = 1, .can_reload = true },
    { .name = "core", .sections = &sections[1], .n_sections = 1 },
};

static char *
write_with (void (*write) (GString *out, const TdSchema *schema, const char *owner),
            const char *owner)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (TdSchema) schema = td_schema_new (owners, G_N_ELEMENTS (owners), &error);
    GString *out = g_string_new (NULL);

    g_assert_no_error (error);
    write (out, schema, owner);
    return g_string_free (out, FALSE);
}

static void
test_sample (void)
{
    g_autofree char *text = write_with (td_schema_write_sample, NULL);

    g_assert_cmpstr (
        text, ==,
        "# A partner's trunk group.\n"
        "#[trunk NAME]\n"
        "\n"
        "# How many calls may stand at once, in both directions together; a call that\n"
        "# waits in a queue does not count, one that is held does.\n"
        "# A whole number of calls from 1 to 10000. Taken over by a reload. Since 0.1.\n"
        "#capacity = 480 calls\n"
        "\n"
        "# .starts with a dot, has a \\ in it\n"
        "# A text. May stand more than once. Secret: never shown. A change needs a\n"
        "# restart.\n"
        "#password =\n"
        "\n"
        "# An address a.b.c.d or [IPv6], with :port or without; required. A change\n"
        "# needs a restart.\n"
        "#address =\n"
        "\n"
        "#[modules]\n"
        "\n"
        "# Whether NAME is loaded.\n"
        "# A text. A change needs a restart.\n"
        "# NAME =\n");
}

static void
test_one_owner (void)
{
    g_autofree char *text = write_with (td_schema_write_sample, "core");
    g_autofree char *nobody = write_with (td_schema_write_sample, "nobody");

    g_assert_true (g_str_has_prefix (text, "#[modules]\n"));
    g_assert_cmpstr (nobody, ==, "");
}

static void
test_manual (void)
{
    g_autofree char *text = write_with (td_schema_write_manual, NULL);

    g_assert_cmpstr (
        text, ==,
        "## `[trunk NAME]`\n"
        "\n"
        "A partner's trunk group.\n"
        "\n"
        "- `capacity` (default `480 calls`): How many calls may stand at once, in both "
        "directions together; a call that waits in a queue does not count, one that is "
        "held does. A whole number of calls from 1 to 10000. Taken over by a reload. "
        "Since 0.1.\n"
        "- `password`: .starts with a dot, has a \\ in it A text. May stand more than "
        "once. Secret: never shown. A change needs a restart.\n"
        "- `address`: An address a.b.c.d or [IPv6], with :port or without; required. A change "
        "needs a restart.\n"
        "\n"
        "## `[modules]`\n"
        "\n"
        "- `NAME`: Whether NAME is loaded. A text. A change needs a restart.\n");
}

static void
test_man_page (void)
{
    g_autofree char *text = write_with (td_schema_write_man, "trunks");

    g_assert_true (g_str_has_prefix (text, ".SS \"[trunk NAME]\"\nA partner's trunk group.\n"
                                           ".TP\n\\fBcapacity\\fR (default 480 calls)\n"));
    g_assert_nonnull (strstr (text,
                              ".TP\n\\fBpassword\\fR\n\\&.starts with a dot, has a \\e in it\n"
                              "A text."));
}

/* What the operator gets by taking away the marks before what is set. */
static char *
uncomment (const char *sample)
{
    g_auto (GStrv) lines = g_strsplit (sample, "\n", -1);
    GString *out = g_string_new (NULL);

    for (unsigned i = 0; lines[i] != NULL; i++) {
        bool is_set = lines[i][0] == '#' && lines[i][1] != ' ';
        g_string_append_printf (out, "%s%s\n", lines[i] + is_set,
                                strcmp (lines[i], "#address =") == 0 ? " 192.0.2.1" : "");
    }
    return g_string_free (out, FALSE);
}

static void
expect_no_problem (const char *text)
{
    g_autoptr (GPtrArray) problems = td_problems_new ();
    g_autoptr (TdSchema) schema = td_schema_new (owners, G_N_ELEMENTS (owners), NULL);
    g_autoptr (TdIni) ini = td_ini_parse ("sample", text, strlen (text), problems);
    g_autoptr (TdConfig) config = td_config_check (ini, NULL, schema, 0, problems);
    g_autofree char *report = td_problems_to_text (problems);

    g_assert_nonnull (config);
    g_assert_cmpstr (report, ==, "");
}

static void
test_a_sample_is_a_good_configuration (void)
{
    g_autofree char *sample = write_with (td_schema_write_sample, NULL);
    g_autofree char *in_use = uncomment (sample);

    expect_no_problem (sample);
    g_assert_nonnull (strstr (in_use, "\n[modules]\n"));
    expect_no_problem (in_use);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/config/sample/sample", test_sample);
    g_test_add_func ("/config/sample/one-owner", test_one_owner);
    g_test_add_func ("/config/sample/manual", test_manual);
    g_test_add_func ("/config/sample/man-page", test_man_page);
    g_test_add_func ("/config/sample/a-sample-is-a-good-configuration",
                     test_a_sample_is_a_good_configuration);
    return g_test_run ();
}
