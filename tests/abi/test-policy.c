/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration says required, optional or disabled; each is kept. */

#include "world.h"

#include <glib/gstdio.h>
#include <string.h>
#include <tandem/command.h>

static void
test_required_comes_up (void)
{
    G_GNUC_UNUSED g_autoptr (TdFixture) fixture =
        td_fixture_new ("[modules]\ncareful = required\n");

    abi_expect ("\"state\":\"running\"", "module info careful");
    abi_expect ("\"policy\":\"required\"", "module info careful");
}

static void
test_disabled_stays_away (void)
{
    G_GNUC_UNUSED g_autoptr (TdFixture) fixture =
        td_fixture_new ("[modules]\ncareful = disabled\n");

    abi_expect ("error: module careful is not loaded", "module info careful");
}

static void
test_optional_may_be_missing (void)
{
    G_GNUC_UNUSED g_autoptr (TdFixture) fixture = td_fixture_new ("[modules]\n"
                                                                  "carefull = optional\n"
                                                                  "careless = optional\n");

    abi_expect ("\"state\":\"running\"", "module info careless");
    abi_expect ("\"state\":\"failed\"", "module info carefull");
    abi_expect ("did you mean \\\"careful\\\"?", "module info carefull");
    g_assert_nonnull (strstr (fixture->problems->str, "module carefull: no carefull.so in "));
}

static void
test_required_may_not_be_missing (void)
{
    g_autofree char *dir = g_dir_make_tmp ("tandem-test-XXXXXX", NULL);
    g_autofree char *file = g_build_filename (dir, "tandem.conf", NULL);
    g_autoptr (GError) error = NULL;
    TdEngineOptions options = {
        .size = sizeof options, .config_file = file, .state_dir = dir, .is_fake = true
    };

    g_assert_true (g_file_set_contents (file, "[modules]\ncarefull = required\n", -1, NULL));
    g_assert_false (td_engine_open (&options, NULL, NULL, &error)
                    && td_engine_start (NULL, NULL, &error));
    g_assert_nonnull (strstr (error->message, "tandem.conf:2:"));
    g_assert_nonnull (strstr (error->message, "module carefull: no carefull.so in "));
    td_engine_close (0);
    g_assert_cmpuint (abi_count_mapped (), ==, 0);
    g_unlink (file);
    g_assert_cmpint (g_rmdir (dir), ==, 0);
}

/* The names of all modules, in the order of their start. */
static char **
list_modules (void)
{
    g_autofree char *json = abi_ask ("module list");
    g_autoptr (GVariant) rows = td_result_from_json (json, strlen (json), NULL);
    g_autoptr (GStrvBuilder) names = g_strv_builder_new ();

    g_assert_nonnull (rows);
    for (gsize i = 0; i < g_variant_n_children (rows); i++) {
        g_autoptr (GVariant) row = g_variant_get_child_value (rows, i);
        const char *name;
        g_assert_true (g_variant_lookup (row, "module", "&s", &name));
        g_strv_builder_add (names, name);
    }
    return g_strv_builder_end (names);
}

/* Every module of the build must be in every-module.conf. */
static void
assert_complete (char **names)
{
    g_autoptr (GDir) dir = g_dir_open (g_getenv ("MODULES"), 0, NULL);
    const char *name;

    g_assert_nonnull (dir);
    while ((name = g_dir_read_name (dir)) != NULL) {
        g_autofree char *file = g_strdup_printf ("%s/%s/%s.so", g_getenv ("MODULES"), name, name);
        if (g_file_test (file, G_FILE_TEST_EXISTS)
            && !g_strv_contains ((const char *const *) names, name)) {
            g_error ("module %s is not in every-module.conf: add it", name);
        }
    }
}

/* Started, stopped, started again, with nothing left in the ledger. */
static void
test_every_module_twice (void)
{
    g_autofree char *config = NULL;

    g_assert_true (g_file_get_contents (g_getenv ("EVERY_MODULE"), &config, NULL, NULL));
    G_GNUC_UNUSED g_autoptr (TdFixture) fixture = td_fixture_new (config);
    g_auto (GStrv) names = list_modules ();
    assert_complete (names);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = g_strv_length (names); i > 0; i--) {
            g_autofree char *answer = abi_ask ("module stop %s --now", names[i - 1]);
            if (strstr (answer, "\"state\":\"stopped\"") == NULL
                || strstr (answer, "defects") != NULL) {
                g_error ("module %s does not stop well: %s", names[i - 1], answer);
            }
            abi_expect ("\"owns\":[]", "module info %s", names[i - 1]);
        }
        for (unsigned i = 0; names[i] != NULL; i++) {
            abi_expect ("\"state\":\"running\"", "module load %s", names[i]);
        }
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/abi/policy/required-comes-up", test_required_comes_up);
    g_test_add_func ("/abi/policy/disabled-stays-away", test_disabled_stays_away);
    g_test_add_func ("/abi/policy/optional-may-be-missing", test_optional_may_be_missing);
    g_test_add_func ("/abi/policy/required-may-not-be-missing", test_required_may_not_be_missing);
    g_test_add_func ("/abi/policy/every-module-twice", test_every_module_twice);
    return g_test_run ();
}
