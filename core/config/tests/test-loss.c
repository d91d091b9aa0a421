/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a reload would take away that hardly anybody means to. */

#include "config/loss.h"

#include <string.h>
#include <tandem/config.h>

static const TdConfigSection sections[] = {
    { sizeof (TdConfigSection), sizeof (TdConfigKey), "modules", .takes_any_key = true },
    { sizeof (TdConfigSection), sizeof (TdConfigKey), "trunk", .is_named = true },
    { sizeof (TdConfigSection), sizeof (TdConfigKey), "route", .is_named = true },
};
static const TdSchemaOwner owners[] = {
    { .name = "core", .sections = sections, .n_sections = 3, .can_reload = true },
};

static TdConfig *
make_config (const char *text)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GPtrArray) problems = td_problems_new ();
    g_autoptr (TdSchema) schema = td_schema_new (owners, G_N_ELEMENTS (owners), &error);
    g_assert_no_error (error);
    g_autoptr (TdIni) ini = td_ini_parse ("/f", text, strlen (text), problems);
    TdConfig *config = td_config_check (ini, NULL, schema, 0, problems);

    g_assert_cmpuint (problems->len, ==, 0);
    return config;
}

static void
expect_losses (const char *before, const char *after, const char *wanted)
{
    g_autoptr (TdConfig) old = make_config (before);
    g_autoptr (TdConfig) new = make_config (after);
    g_autoptr (GPtrArray) problems = td_problems_new ();
    bool is_lost = td_config_find_losses (old, new, problems);
    g_autofree char *got = td_problems_to_text (problems);

    g_assert_cmpstr (got, ==, wanted);
    g_assert_true (is_lost == (*wanted != '\0'));
}

static void
test_an_empty_file_is_one_loss (void)
{
    expect_losses ("[modules]\nsip = on\n[trunk a]\n[route b]\n", " \r\n\n",
                   "/f: the file is empty, and what is in force has 3 sections of it: nothing is "
                   "taken over; if that is meant, say config reload --force\n");
}

static void
test_no_module_is_left (void)
{
    expect_losses ("[modules]\nsip = on\nrtp = on\n", "# all gone\n[modules]\n",
                   "/f: no name of a module in [modules] is left, here or in conf.d, and 2 are in "
                   "force: nothing is taken over; if that is meant, say config reload --force\n");
}

static void
test_no_trunk_is_left (void)
{
    expect_losses ("[modules]\nsip = on\n[trunk a]\n", "[modules]\nsip = on\n",
                   "/f: no section [trunk ...] is left, here or in conf.d, and 1 is in force: "
                   "nothing is taken over; if that is meant, say config reload --force\n");
}

static void
test_what_somebody_edited_is_meant (void)
{
    expect_losses ("[modules]\nsip = on\n[trunk a]\n[trunk b]\n[route c]\n",
                   "[modules]\nrtp = on\n[trunk d]\n", "");
    expect_losses ("[route c]\n", "# [route c]\n", "");
}

static void
test_what_was_empty_may_stay_so (void)
{
    expect_losses ("", "", "");
    expect_losses ("# nothing yet\n", "", "");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/config/loss/empty-file", test_an_empty_file_is_one_loss);
    g_test_add_func ("/config/loss/modules", test_no_module_is_left);
    g_test_add_func ("/config/loss/trunks", test_no_trunk_is_left);
    g_test_add_func ("/config/loss/edited", test_what_somebody_edited_is_meant);
    g_test_add_func ("/config/loss/empty-before", test_what_was_empty_may_stay_so);
    return g_test_run ();
}
