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
write_with (void (*write) (GString *out, const TdSchema *schema, const char *const *owners),
            const char *const *names)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (TdSchema) schema = td_schema_new (owners, G_N_ELEMENTS (owners), &error);
    GString *out = g_string_new (NULL);

    g_assert_no_error (error);
    write (out, schema, names);
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
    g_autofree char *text = write_with (td_schema_write_sample, TD_LIST ("core"));
    g_autofree char *nobody = write_with (td_schema_write_sample, TD_LIST ("nobody"));

    g_assert_true (g_str_has_prefix (text, "#[modules]\n"));
    g_assert_cmpstr (nobody, ==, "# The module nobody has nothing to configure.\n");
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
    g_autofree char *text = write_with (td_schema_write_man, TD_LIST ("trunks"));

    g_assert_true (g_str_has_prefix (text, ".SS \"[trunk NAME]\"\nA partner's trunk group.\n"
                                           ".TP\n\\fBcapacity\\fR (default 480 calls)\n"));
    g_assert_nonnull (strstr (text,
                              ".TP\n\\fBpassword\\fR\n\\&.starts with a dot, has a \\e in it\n"
                              "A text."));
}

static const TdConfigKey rate_keys[] = {
    { .name = "rate", .type = TD_CONFIG_TEXT, .help = "What it costs." },
};
static const TdConfigSection rating_sections[] = {
    { sizeof (TdConfigSection), sizeof (TdConfigKey), "trunk", .keys = rate_keys, .n_keys = 1,
      .is_addition = true },
    { sizeof (TdConfigSection), sizeof (TdConfigKey), "rating", .keys = rate_keys, .n_keys = 1 },
};

/* The same with a module "rating", which adds to [trunk]. */
static char *
write_rated (void (*write) (GString *out, const TdSchema *schema, const char *const *owners),
             const char *const *names)
{
    TdSchemaOwner rated[] = {
        owners[0],
        owners[1],
        { .name = "rating", .sections = rating_sections, .n_sections = 2, .can_reload = true },
    };
    g_autoptr (TdSchema) schema = td_schema_new (rated, G_N_ELEMENTS (rated), NULL);
    GString *out = g_string_new (NULL);

    g_assert_nonnull (schema);
    write (out, schema, names);
    return g_string_free (out, FALSE);
}

static void
test_added_keys_stand_with_their_section (void)
{
    g_autofree char *all = write_rated (td_schema_write_manual, NULL);
    g_autofree char *both = write_rated (td_schema_write_manual, TD_LIST ("rating", "trunks"));
    g_autofree char *without = write_rated (td_schema_write_manual, TD_LIST ("trunks", "core"));
    static const char added[] =
        "required. A change needs a restart.\n"
        "- `rate`: What it costs. A text. A change needs a restart. Of the module rating.\n";

    g_assert_nonnull (strstr (all, added));
    g_assert_nonnull (strstr (both, added));
    g_assert_true (g_str_has_prefix (both, "## `[rating]`\n\n- `rate`: What it costs. A text. A "
                                           "change needs a restart.\n\n## `[trunk NAME]`\n"));
    g_assert_null (strstr (without, "rate"));
}

static void
test_added_keys_alone (void)
{
    g_autofree char *manual = write_rated (td_schema_write_manual, TD_LIST ("rating"));
    g_autofree char *man = write_rated (td_schema_write_man, TD_LIST ("rating"));

    g_assert_cmpstr (manual, ==,
                     "## `[rating]`\n"
                     "\n"
                     "- `rate`: What it costs. A text. A change needs a restart.\n"
                     "\n"
                     "## `[trunk NAME]`\n"
                     "\n"
                     "What the module rating adds to this section, which the module trunks "
                     "declares.\n"
                     "\n"
                     "- `rate`: What it costs. A text. A change needs a restart.\n");
    g_assert_true (g_str_has_suffix (man, ".SS \"[trunk NAME]\"\nWhat the module rating adds to "
                                          "this section, which the module trunks declares.\n"
                                          ".TP\n\\fBrate\\fR\nWhat it costs.\n"
                                          "A text. A change needs a restart.\n"));
}

/* A section stands once: its keys are not to be switched on beside it. */
static void
test_a_sample_of_added_keys (void)
{
    g_autofree char *sample = write_rated (td_schema_write_sample, TD_LIST ("rating"));

    g_assert_cmpstr (sample, ==,
                     "#[rating]\n"
                     "\n"
                     "# What it costs.\n"
                     "# A text. A change needs a restart.\n"
                     "#rate =\n"
                     "\n"
                     "# What the module rating adds to this section, which the module trunks\n"
                     "# declares.\n"
                     "# Write these keys where that section stands.\n"
                     "# [trunk NAME]\n"
                     "\n"
                     "# What it costs.\n"
                     "# A text. A change needs a restart.\n"
                     "# rate =\n");
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
    g_test_add_func ("/config/sample/added-keys-stand-with-their-section",
                     test_added_keys_stand_with_their_section);
    g_test_add_func ("/config/sample/added-keys-alone", test_added_keys_alone);
    g_test_add_func ("/config/sample/a-sample-of-added-keys", test_a_sample_of_added_keys);
    g_test_add_func ("/config/sample/a-sample-is-a-good-configuration",
                     test_a_sample_is_a_good_configuration);
    return g_test_run ();
}
