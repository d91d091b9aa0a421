/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The check turns files into values, and finds every mistake of a tired operator. */

#include "config/config.h"

#include <string.h>

static const TdConfigKey core_keys[] = {
    { .name = "node", .type = TD_CONFIG_TEXT, .flags = TD_CONFIG_REQUIRED },
    { .name = "lanes",
      .type = TD_CONFIG_INTEGER,
      .default_text = "auto",
      .min = 1,
      .max = 256,
      .choices = TD_LIST ("auto") },
    { .name = "state", .type = TD_CONFIG_PATH, .default_text = "state" },
};
static const TdConfigKey module_keys[] = {
    { .name = "*",
      .type = TD_CONFIG_CHOICE,
      .choices = TD_LIST ("required", "optional", "disabled") },
};
static const TdConfigSection core_sections[] = {
    { sizeof (TdConfigSection), sizeof (TdConfigKey), "tandem", .keys = core_keys, .n_keys = 3 },
    { sizeof (TdConfigSection), sizeof (TdConfigKey), "modules", .takes_any_key = true,
      .keys = module_keys, .n_keys = 1 },
};
static const TdConfigKey trunk_keys[] = {
    { .name = "address", .type = TD_CONFIG_TEXT, .flags = TD_CONFIG_REQUIRED },
    { .name = "capacity",
      .type = TD_CONFIG_INTEGER,
      .default_text = "480 calls",
      .unit = "calls",
      .min = 1,
      .max = 10000 },
    { .name = "answer-within", .type = TD_CONFIG_DURATION, .default_text = "2 min" },
    { .name = "is-private", .type = TD_CONFIG_BOOL, .default_text = "yes" },
    { .name = "password", .type = TD_CONFIG_TEXT, .flags = TD_CONFIG_SECRET },
    { .name = "match", .type = TD_CONFIG_TEXT, .flags = TD_CONFIG_REPEATED },
    { .name = "fallback", .type = TD_CONFIG_REFERENCE, .refers = "trunk" },
    { .name = "partners", .type = TD_CONFIG_LIST, .refers = "trunk" },
};
static const TdConfigSection trunk_section = {
    sizeof (TdConfigSection), sizeof (TdConfigKey), "trunk",
    .is_named = true,         .keys = trunk_keys,   .n_keys = 8
};
/* Of a module that is asked for its keys before those of the section it adds them to. */
static const TdConfigKey added_keys[] = {
    { .name = "digest", .type = TD_CONFIG_TEXT, .default_text = "md5" },
    { .name = "overflow", .type = TD_CONFIG_LIST, .refers = "trunk" },
};
static const TdConfigSection addition = {
    sizeof (TdConfigSection), sizeof (TdConfigKey), "trunk",
    .keys = added_keys,       .n_keys = 2,          .is_addition = true
};
static const TdSchemaOwner owners[] = {
    { .name = "sip", .sections = &addition, .n_sections = 1 },
    { .name = "core", .sections = core_sections, .n_sections = 2, .can_reload = true },
    { .name = "trunk", .sections = &trunk_section, .n_sections = 1, .can_reload = true },
    { .name = "megaco", .is_absent = true },
};

/* The configuration of TEXT and OVERRIDES, and its problems as text. */
static TdConfig *
check_text (const char *text, const char *const *overrides, unsigned flags, char **ret_problems)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GPtrArray) problems = td_problems_new ();
    g_autoptr (TdSchema) schema = td_schema_new (owners, G_N_ELEMENTS (owners), &error);
    g_assert_no_error (error);
    g_autoptr (TdIni) ini = td_ini_parse ("/etc/f", text, strlen (text), problems);
    TdConfig *config = td_config_check (ini, overrides, schema, flags, problems);

    td_problems_sort (problems);
    *ret_problems = td_problems_to_text (problems);
    return config;
}

/* A configuration without a problem, below "[tandem] node". */
static TdConfig *
good (const char *text, const char *const *overrides)
{
    g_autofree char *whole = g_strconcat ("[tandem]\nnode = n\n", text, NULL);
    g_autofree char *problems = NULL;
    TdConfig *config = check_text (whole, overrides, 0, &problems);

    g_assert_cmpstr (problems, ==, "");
    return config;
}

/* What is wrong in TEXT, below "[tandem] node" in lines 1 and 2. */
static void
expect (const char *text, const char *wanted)
{
    g_autofree char *whole = g_strconcat ("[tandem]\nnode = n\n", text, NULL);
    g_autofree char *problems = NULL;
    g_autoptr (TdConfig) config = check_text (whole, NULL, 0, &problems);

    g_assert_nonnull (config);
    g_assert_cmpstr (problems, ==, wanted);
}

static void
expect_override (const char *override, const char *wanted)
{
    g_autofree char *problems = NULL;
    g_autoptr (TdConfig) config = check_text ("[tandem]\nnode = n\n[trunk carrier]\naddress = x\n",
                                              TD_LIST (override), 0, &problems);

    g_assert_nonnull (config);
    g_assert_cmpstr (problems, ==, wanted);
}

static void
test_added_keys_are_read (void)
{
    g_autoptr (TdConfig) config = good ("[trunk a]\naddress = x\ndigest = sha-256\n"
                                        "[trunk b]\naddress = y\noverflow = a\n",
                                        TD_LIST ("trunk b.capacity=9"));

    g_assert_cmpstr (td_config_text (config, "trunk", "a", "digest"), ==, "sha-256");
    g_assert_cmpstr (td_config_text (config, "trunk", "b", "digest"), ==, "md5");
    g_assert_cmpstr (td_config_place (config, "trunk", "a", "digest"), ==, "/etc/f:5:10");
    g_assert_cmpstr (td_config_list (config, "trunk", "b", "overflow")[0], ==, "a");
    g_assert_null (td_config_list (config, "trunk", "a", "overflow")[0]);
    g_assert_cmpint (td_config_number (config, "trunk", "b", "capacity"), ==, 9);
    g_assert_cmpint (td_config_number (config, "trunk", "a", "capacity"), ==, 480);
}

static void
test_added_keys_are_checked (void)
{
    expect ("[trunk a]\naddress = x\noverflow = b\ndigets = md5\n",
            "/etc/f:5:12: overflow: \"b\" is the name of no section [trunk ...]\n"
            "/etc/f:6:1: key \"digets\" is unknown in [trunk]: no module that runs declares it; "
            "did you mean \"digest\"?\n");
}

static void
test_values_are_read (void)
{
    g_autoptr (TdConfig) config = good ("[trunk a]\naddress = sip:x\ncapacity = 7 calls\n"
                                        "answer-within = 30 s\nis-private = no\n",
                                        NULL);

    g_assert_cmpstr (td_config_text (config, "tandem", NULL, "node"), ==, "n");
    g_assert_cmpstr (td_config_text (config, "trunk", "a", "address"), ==, "sip:x");
    g_assert_cmpint (td_config_number (config, "trunk", "a", "capacity"), ==, 7);
    g_assert_cmpint (td_config_number (config, "trunk", "a", "answer-within"), ==, 30000);
    g_assert_false (td_config_bool (config, "trunk", "a", "is-private"));
}

static void
test_defaults_speak_where_nothing_is_given (void)
{
    g_autoptr (TdConfig) config = good ("[trunk a]\naddress = x\n", NULL);

    g_assert_cmpint (td_config_number (config, "trunk", "a", "capacity"), ==, 480);
    g_assert_cmpint (td_config_number (config, "tandem", NULL, "lanes"), ==, -1);
    g_assert_true (td_config_bool (config, "trunk", "a", "is-private"));
    g_assert_false (td_config_is_set (config, "trunk", "a", "capacity"));
    g_assert_true (td_config_is_set (config, "trunk", "a", "address"));
    g_assert_null (td_config_text (config, "trunk", "a", "password"));
    g_assert_cmpuint (g_strv_length ((char **) td_config_list (config, "trunk", "a", "match")), ==,
                      0);
}

static void
test_places (void)
{
    g_autoptr (TdConfig) config =
        good ("[trunk a]\naddress =  x\n", TD_LIST ("trunk a.capacity=9"));

    g_assert_cmpstr (td_config_place (config, "trunk", "a", "address"), ==, "/etc/f:4:12");
    g_assert_cmpstr (td_config_place (config, "trunk", "a", "capacity"), ==, "--set");
    g_assert_cmpstr (td_config_place (config, "tandem", NULL, "lanes"), ==, "default");
    g_assert_cmpstr (td_config_place (config, "trunk", "a", "password"), ==, "default");
}

static void
test_refusals_say_where_and_what (void)
{
    g_autoptr (TdConfig) config = good ("[trunk a]\naddress = x\n", NULL);
    g_autoptr (GError) error = NULL;

    g_assert_false (
        td_config_refuse (config, "trunk", "a", "address", "a b", &error, "is %s", "bad"));
    g_assert_error (error, TD_ERROR, TD_ERROR_INVALID);
    g_assert_cmpstr (error->message, ==, "/etc/f:4:11: [trunk a] address: \"a b\" is bad");
    g_clear_error (&error);
    g_assert_false (td_config_refuse (config, "tandem", NULL, "lanes", NULL, &error, "no"));
    g_assert_cmpstr (error->message, ==, "default: [tandem] lanes: no");
}

static void
test_paths_are_beside_the_main_file (void)
{
    g_autoptr (TdConfig) config = good ("", NULL);

    g_assert_cmpstr (td_config_text (config, "tandem", NULL, "state"), ==, "/etc/state");
}

static void
test_instances_stand_in_the_order_of_the_files (void)
{
    g_autoptr (TdConfig) config = good ("[trunk b]\naddress = x\n[trunk a]\naddress = x\n"
                                        "[trunk c]\naddress = x\n",
                                        NULL);
    g_autofree char *names = g_strjoinv (" ", (char **) td_config_instances (config, "trunk"));

    g_assert_cmpstr (names, ==, "b a c");
    g_assert_null (td_config_instances (config, "tandem")[0]);
}

static void
test_repeated_keys_gather (void)
{
    g_autoptr (TdConfig) config = good ("[trunk a]\naddress = x\nmatch = 1\nmatch = 2\n", NULL);
    g_autofree char *texts =
        g_strjoinv ("|", (char **) td_config_list (config, "trunk", "a", "match"));

    g_assert_cmpstr (texts, ==, "1|2");
}

static void
test_any_keys (void)
{
    g_autoptr (TdConfig) config = good ("[modules]\nsip = required\ncodec-g711 = optional\n", NULL);
    g_autofree char *names = g_strjoinv (" ", (char **) td_config_keys (config, "modules", NULL));

    g_assert_cmpstr (names, ==, "sip codec-g711");
    g_assert_cmpint (td_config_number (config, "modules", NULL, "codec-g711"), ==, 1);
    g_assert_cmpstr (td_config_place (config, "modules", NULL, "sip"), ==, "/etc/f:4:7");
    g_assert_null (td_config_text (config, "modules", NULL, "rtp"));
}

static void
test_a_reference_may_come_before_its_section (void)
{
    g_autoptr (TdConfig) config = good ("[trunk a]\naddress = x\nfallback = b\npartners = a, b\n"
                                        "[trunk b]\naddress = x\n",
                                        NULL);

    g_assert_cmpstr (td_config_text (config, "trunk", "a", "fallback"), ==, "b");
}

static void
test_unknown_section (void)
{
    expect ("[trnk a]\nx = y\n[banana]\n",
            "/etc/f:3:1: section \"trnk\" is unknown: did you mean [trunk]?\n"
            "/etc/f:5:1: section \"banana\" is unknown: no module in [modules] declares it: "
            "name the one that does, or take the section out\n");
}

static void
test_sections_of_absent_modules_are_passed_over (void)
{
    expect ("[megaco]\nx = y\n", "");
}

static void
test_unknown_key (void)
{
    expect ("[trunk a]\naddress = x\ncapcity = 7\nbanana = 1\n",
            "/etc/f:5:1: key \"capcity\" is unknown in [trunk]: no module that runs declares it; "
            "did you mean \"capacity\"?\n"
            "/etc/f:6:1: key \"banana\" is unknown in [trunk]: no module that runs declares it\n");
}

static void
test_duplicate_section (void)
{
    expect (
        "[trunk a]\naddress = x\n[trunk a]\ncapacity = none\n",
        "/etc/f:5:1: section [trunk a] stands here again, first at /etc/f:3:1\n"
        "/etc/f:6:12: capacity: \"none\" is not a number: expected a whole number of calls from "
        "1 to 10000\n");
    expect ("[modules]\n[modules]\n",
            "/etc/f:4:1: section [modules] stands here again, first at /etc/f:3:1\n");
}

static void
test_the_first_of_two_values_holds_and_the_second_is_checked (void)
{
    expect (
        "[trunk a]\naddress = x\ncapacity = 7\ncapacity = none\n",
        "/etc/f:6:1: key \"capacity\" is given twice, first at /etc/f:5:1\n"
        "/etc/f:6:12: capacity: \"none\" is not a number: expected a whole number of calls from "
        "1 to 10000\n");
}

static void
test_duplicate_any_key (void)
{
    expect ("[modules]\nsip = required\nsip = disabled\n",
            "/etc/f:5:1: key \"sip\" is given twice, first at /etc/f:4:1\n");
}

static void
test_missing_required_key (void)
{
    expect ("[trunk a]\n[trunk b]\naddress = x",
            "/etc/f:3:1: section [trunk a] lacks the key \"address\"\n");
}

static void
test_a_wrong_value_is_not_missing_too (void)
{
    expect ("[trunk a]\naddress =\n[trunk b]\naddress = \"x\n",
            "/etc/f:4:10: address: the value is missing: expected a text\n"
            "/etc/f:6:11: the quote that opens here is not closed\n");
}

static void
test_missing_required_section (void)
{
    g_autofree char *problems = NULL;
    g_autoptr (TdConfig) config = check_text ("[modules]\n", NULL, 0, &problems);

    g_assert_nonnull (config);
    g_assert_cmpstr (problems, ==,
                     "/etc/f:1:1: section [tandem] is missing: its key \"node\" has no default\n");
}

static void
test_dangling_reference (void)
{
    expect ("[trunk carrier-a]\naddress = x\nfallback = carrier-b\npartners = carrier-a, nobody\n",
            "/etc/f:5:12: fallback: \"carrier-b\" is the name of no section [trunk ...]: did you "
            "mean \"carrier-a\"?\n"
            "/etc/f:6:12: partners: \"nobody\" is the name of no section [trunk ...]\n");
}

static void
test_a_name_where_it_must_be (void)
{
    expect ("[trunk]\n[modules x]\n",
            "/etc/f:3:1: section [trunk] needs a name: write [trunk NAME]\n"
            "/etc/f:4:1: section [modules] takes no name: write "
            "[modules]\n");
}

static void
test_wrong_choice_of_any_key (void)
{
    expect ("[modules]\nsip = requird\n",
            "/etc/f:4:7: sip: \"requird\" is not known: expected one of required, optional, "
            "disabled; did you mean \"required\"?\n");
}

static void
test_the_first_look_passes_over_what_is_not_declared (void)
{
    g_autofree char *problems = NULL;
    g_autoptr (TdConfig) config =
        check_text ("[tandem]\nnode = n\n[banana]\n", TD_LIST ("cherry.x=y"),
                    TD_CHECK_DECLARED_ONLY, &problems);

    g_assert_nonnull (config);
    g_assert_cmpstr (problems, ==, "");
}

static void
test_set_overrides_the_files (void)
{
    g_autoptr (TdConfig) config =
        good ("[trunk a]\naddress = x\ncapacity = 7\n",
              TD_LIST ("trunk a.capacity=8", "trunk a.capacity=9 calls", "tandem.node=other",
                       "modules.sip=required", "trunk a.address=sip:b;x=y # z"));

    g_assert_cmpint (td_config_number (config, "trunk", "a", "capacity"), ==, 9);
    g_assert_cmpstr (td_config_text (config, "tandem", NULL, "node"), ==, "other");
    g_assert_cmpstr (td_config_text (config, "modules", NULL, "sip"), ==, "required");
    g_assert_cmpstr (td_config_text (config, "trunk", "a", "address"), ==, "sip:b;x=y # z");
}

static void
test_set_replaces_a_repeated_key_and_gathers (void)
{
    g_autoptr (TdConfig) config = good ("[trunk a]\naddress = x\nmatch = 1\nmatch = 2\n",
                                        TD_LIST ("trunk a.match=3", "trunk a.match=4"));
    g_autofree char *texts =
        g_strjoinv ("|", (char **) td_config_list (config, "trunk", "a", "match"));

    g_assert_cmpstr (texts, ==, "3|4");
}

static void
test_set_gives_what_is_required (void)
{
    g_autofree char *problems = NULL;
    g_autoptr (TdConfig) config = check_text ("", TD_LIST ("tandem.node=n"), 0, &problems);

    g_assert_nonnull (config);
    g_assert_cmpstr (problems, ==, "");
}

static void
test_wrong_overrides (void)
{
    expect_override ("trunk carrier.capacity",
                     "--set: \"=\" is missing: write section.key=value\n");
    expect_override ("capacity=7", "--set capacity: write section.key=value or \"section "
                                   "instance.key=value\"\n");
    expect_override (".x=7", "--set .x: write section.key=value or \"section "
                             "instance.key=value\"\n");
    expect_override ("x.=7", "--set x.: write section.key=value or \"section "
                             "instance.key=value\"\n");
    expect_override ("trnk.x=7",
                     "--set trnk.x: section \"trnk\" is unknown: did you mean [trunk]?\n");
    expect_override ("trunk.capacity=7",
                     "--set trunk.capacity: section [trunk] needs a name: write [trunk NAME]\n");
    expect_override ("trunk carrir.capacity=7",
                     "--set trunk carrir.capacity: no file has a section [trunk carrir]: did you "
                     "mean [trunk carrier]?\n");
    expect_override ("trunk carrier.capacty=7",
                     "--set trunk carrier.capacty: key \"capacty\" is unknown in [trunk]: no "
                     "module that runs declares it; did you "
                     "mean \"capacity\"?\n");
    expect_override ("trunk carrier.capacity=x",
                     "--set trunk carrier.capacity: capacity: \"x\" is not a number: expected a "
                     "whole number of calls from 1 to 10000\n");
    expect_override ("trunk carrier.password=\xff",
                     "--set: a value is not UTF-8 or has control characters\n");
}

static void
test_no_problem_shows_a_secret (void)
{
    g_autofree char *problems = NULL;
    g_autoptr (TdConfig) config =
        check_text ("[tandem]\nnode = n\n[trunk a]\naddress = x\npassword = hunter2\n"
                    "password = hunter3\npasword = hunter4\n",
                    TD_LIST ("trunk a.pasword=hunter5", "password:hunter6",
                             "trunk b.password=hunter7", "trunk a.password=hunter8\n"),
                    0, &problems);

    g_assert_nonnull (config);
    g_assert_null (strstr (problems, "hunter"));
    g_assert_nonnull (strstr (problems, "did you mean \"password\"?"));
}

static void
test_dump_says_the_same_without_secrets (void)
{
    g_autoptr (TdConfig) config =
        good ("[modules]\nsip = required\n[trunk a]\naddress = \" x # y\\n\"\n"
              "password = hunter2\nmatch = 1\nmatch = 2\n",
              TD_LIST ("trunk a.capacity=9"));
    g_autoptr (GString) out = g_string_new (NULL);

    td_config_dump (config, out);
    g_assert_cmpstr (out->str, ==,
                     "[tandem]\n"
                     "node = n  # /etc/f:2:8\n"
                     "lanes = auto  # default\n"
                     "state = /etc/state  # default\n"
                     "\n"
                     "[modules]\n"
                     "sip = required  # /etc/f:4:7\n"
                     "\n"
                     "[trunk a]\n"
                     "address = \" x # y\\n\"  # /etc/f:6:11\n"
                     "capacity = 9  # --set\n"
                     "answer-within = 2 min  # default\n"
                     "is-private = yes  # default\n"
                     "password = (secret)  # /etc/f:7:12\n"
                     "match = 1  # /etc/f:8:9\n"
                     "match = 2  # /etc/f:8:9\n"
                     "digest = md5  # default\n");
}

static void
test_further_checks_report_at_the_key (void)
{
    g_autoptr (GPtrArray) problems = td_problems_new ();
    g_autoptr (TdConfig) config = good ("[modules]\nsipp = required\n", NULL);

    td_config_problem (config, problems, "modules", NULL, "sipp", "no file %s", "sipp.so");
    g_autofree char *text = td_problems_to_text (problems);
    g_assert_cmpstr (text, ==, "/etc/f:4:8: sipp: no file sipp.so\n");
}

static void
test_no_file_at_all (void)
{
    g_autoptr (GPtrArray) problems = td_problems_new ();
    g_autoptr (TdSchema) schema = td_schema_new (owners, G_N_ELEMENTS (owners), NULL);
    g_autoptr (TdConfig) config = td_config_load (NULL, NULL, schema, problems);
    g_assert_nonnull (config);
    g_autofree char *text = td_problems_to_text (problems);

    g_assert_cmpstr (text, ==,
                     "--config: section [tandem] is missing: its key \"node\" has no default\n");
}

static void
test_asking_for_what_is_not_declared_is_a_defect (void)
{
    g_autoptr (TdConfig) config = good ("", NULL);

    g_test_expect_message ("tandem", G_LOG_LEVEL_CRITICAL, "*[tandem ] nodes is asked for*");
    g_assert_null (td_config_text (config, "tandem", NULL, "nodes"));
    g_test_assert_expected_messages ();
    g_test_expect_message ("tandem", G_LOG_LEVEL_CRITICAL, "*[trunk b] address is asked for*");
    g_assert_null (td_config_text (config, "trunk", "b", "address"));
    g_test_assert_expected_messages ();
}

static void
test_a_reference_keeps_it (void)
{
    TdConfig *config = good ("", NULL);
    TdConfig *kept = td_config_ref (config);

    td_config_unref (config);
    g_assert_cmpstr (td_config_text (kept, "tandem", NULL, "node"), ==, "n");
    td_config_unref (kept);
    td_config_unref (NULL);
}

int
main (int argc, char **argv)
{
    static const struct {
        const char *name;
        GTestFunc run;
    } tests[] = {
        { "values-are-read", test_values_are_read },
        { "added-keys-are-read", test_added_keys_are_read },
        { "added-keys-are-checked", test_added_keys_are_checked },
        { "defaults-speak-where-nothing-is-given", test_defaults_speak_where_nothing_is_given },
        { "places", test_places },
        { "refusals-say-where-and-what", test_refusals_say_where_and_what },
        { "paths-are-beside-the-main-file", test_paths_are_beside_the_main_file },
        { "instances-stand-in-the-order-of-the-files",
          test_instances_stand_in_the_order_of_the_files },
        { "repeated-keys-gather", test_repeated_keys_gather },
        { "any-keys", test_any_keys },
        { "a-reference-may-come-before-its-section", test_a_reference_may_come_before_its_section },
        { "unknown-section", test_unknown_section },
        { "sections-of-absent-modules-are-passed-over",
          test_sections_of_absent_modules_are_passed_over },
        { "unknown-key", test_unknown_key },
        { "duplicate-section", test_duplicate_section },
        { "the-first-of-two-values-holds-and-the-second-is-checked",
          test_the_first_of_two_values_holds_and_the_second_is_checked },
        { "duplicate-any-key", test_duplicate_any_key },
        { "missing-required-key", test_missing_required_key },
        { "a-wrong-value-is-not-missing-too", test_a_wrong_value_is_not_missing_too },
        { "missing-required-section", test_missing_required_section },
        { "dangling-reference", test_dangling_reference },
        { "a-name-where-it-must-be", test_a_name_where_it_must_be },
        { "wrong-choice-of-any-key", test_wrong_choice_of_any_key },
        { "the-first-look-passes-over-what-is-not-declared",
          test_the_first_look_passes_over_what_is_not_declared },
        { "set-overrides-the-files", test_set_overrides_the_files },
        { "set-replaces-a-repeated-key-and-gathers", test_set_replaces_a_repeated_key_and_gathers },
        { "set-gives-what-is-required", test_set_gives_what_is_required },
        { "wrong-overrides", test_wrong_overrides },
        { "no-problem-shows-a-secret", test_no_problem_shows_a_secret },
        { "dump-says-the-same-without-secrets", test_dump_says_the_same_without_secrets },
        { "further-checks-report-at-the-key", test_further_checks_report_at_the_key },
        { "no-file-at-all", test_no_file_at_all },
        { "asking-for-what-is-not-declared-is-a-defect",
          test_asking_for_what_is_not_declared_is_a_defect },
        { "a-reference-keeps-it", test_a_reference_keeps_it },
    };

    g_test_init (&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS (tests); i++) {
        g_autofree char *path = g_strconcat ("/config/check/", tests[i].name, NULL);
        g_test_add_func (path, tests[i].run);
    }
    return g_test_run ();
}
