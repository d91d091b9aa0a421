/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each type takes what it should, refuses the rest with a reason, and shows no secret. */

#include "config/value.h"

#include "config/unit.h"

#include <string.h>

/* Reads TEXT as KEY says, expects its number. */
static void
expect_number (const TdConfigKey *key, const char *text, int64_t wanted)
{
    TdValue value = { NULL };
    g_autofree char *reason = td_value_read (&value, key, text, "/etc");

    g_assert_cmpstr (reason, ==, NULL);
    g_assert_cmpint (value.number, ==, wanted);
    td_value_clear (&value);
}

static void
expect_reason (const TdConfigKey *key, const char *text, const char *wanted)
{
    TdValue value = { NULL };
    g_autofree char *reason = td_value_read (&value, key, text, "/etc");

    g_assert_cmpstr (reason, ==, wanted);
    g_assert_null (value.text);
    td_value_clear (&value);
}

/* Expects the texts, joined by bars. */
static void
expect_texts (const TdConfigKey *key, const char *text, const char *wanted)
{
    TdValue value = { NULL };
    g_autofree char *reason = td_value_read (&value, key, text, "/etc");

    g_assert_cmpstr (reason, ==, NULL);
    g_autofree char *got = g_strjoinv ("|", (char **) value.texts->pdata);
    g_assert_cmpstr (got, ==, wanted);
    td_value_clear (&value);
}

static void
test_bool (void)
{
    static const TdConfigKey key = { .name = "k", .type = TD_CONFIG_BOOL };

    expect_number (&key, "yes", 1);
    expect_number (&key, "true", 1);
    expect_number (&key, "on", 1);
    expect_number (&key, "no", 0);
    expect_number (&key, "false", 0);
    expect_number (&key, "off", 0);
    expect_number (&key, "Yes", 1);
    expect_reason (&key, "1", "\"1\" is not known: expected yes or no");
    expect_reason (&key, "yess", "\"yess\" is not known: expected yes or no");
    expect_reason (&key, "", "the value is missing: expected yes or no");
}

static void
test_integer (void)
{
    static const TdConfigKey key = {
        .name = "k", .type = TD_CONFIG_INTEGER, .unit = "calls", .min = 1, .max = 1000
    };
    static const char expected[] = "expected a whole number of calls from 1 to 1000";

    expect_number (&key, "1", 1);
    expect_number (&key, "1000", 1000);
    expect_number (&key, "480 calls", 480);
    expect_number (&key, "480calls", 480);
    expect_number (&key, "1 call", 1);
    expect_number (&key, "007", 7);
    const char *const wrong[][2] = {
        { "0", "is out of range" },           { "1001 calls", "is out of range" },
        { "-5", "is out of range" },          { "99999999999999999999", "is out of range" },
        { "ten", "is not a number" },         { "-", "is not a number" },
        { "+5", "is not a number" },          { "1.5", "is not a whole number" },
        { "1,000", "is not a whole number" }, { "5 seats", "has a wrong unit" },
        { "5 cal", "has a wrong unit" },      { "5 Calls", "has a wrong unit" },
        { "0x10", "has a wrong unit" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS (wrong); i++) {
        g_autofree char *reason =
            g_strdup_printf ("\"%s\" %s: %s", wrong[i][0], wrong[i][1], expected);
        expect_reason (&key, wrong[i][0], reason);
    }
}

static void
test_integer_without_limits (void)
{
    static const TdConfigKey key = { .name = "k", .type = TD_CONFIG_INTEGER };

    expect_number (&key, "9223372036854775807", INT64_MAX);
    expect_number (&key, "-9223372036854775807", -INT64_MAX);
    expect_reason (&key, "9223372036854775808",
                   "\"9223372036854775808\" is out of range: expected a whole number");
    expect_reason (&key, "5 calls", "\"5 calls\" has a wrong unit: expected a whole number");
}

static void
test_number_open_above (void)
{
    static const TdConfigKey key = {
        .name = "k", .type = TD_CONFIG_INTEGER, .min = 2, .max = INT64_MAX
    };

    expect_number (&key, "9223372036854775807", INT64_MAX);
    expect_reason (&key, "1", "\"1\" is out of range: expected a whole number of at least 2");
}

static void
test_words_instead_of_a_number (void)
{
    const TdConfigKey key = { .name = "k",
                              .type = TD_CONFIG_INTEGER,
                              .min = 1,
                              .max = 64,
                              .choices = TD_LIST ("auto", "all") };

    expect_number (&key, "auto", -1);
    expect_number (&key, "all", -2);
    expect_number (&key, "4", 4);
    expect_reason (&key, "-1",
                   "\"-1\" is out of range: expected a whole number from 1 to 64, or one of auto, "
                   "all");
    expect_reason (&key, "atuo",
                   "\"atuo\" is not a number: expected a whole number from 1 to 64, or one of "
                   "auto, all; did you mean \"auto\"?");
}

static void
test_duration (void)
{
    static const TdConfigKey key = {
        .name = "k", .type = TD_CONFIG_DURATION, .min = 500, .max = 7200000
    };
    static const char expected[] = "expected a duration from 500 ms to 2 h in ms, s, min, h or d";

    expect_number (&key, "500 ms", 500);
    expect_number (&key, "1500ms", 1500);
    expect_number (&key, "30 s", 30000);
    expect_number (&key, "5 min", 300000);
    expect_number (&key, "2 h", 7200000);
    const char *const wrong[][2] = {
        { "30", "has no unit" },
        { "30 sec", "has a wrong unit" },
        { "30 S", "has a wrong unit" },
        { "499 ms", "is out of range" },
        { "1 d", "is out of range" },
        { "-1 s", "is out of range" },
        { "9223372036854775807 d", "is out of range" },
        { "1 h 30 min", "has a wrong unit" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS (wrong); i++) {
        g_autofree char *reason =
            g_strdup_printf ("\"%s\" %s: %s", wrong[i][0], wrong[i][1], expected);
        expect_reason (&key, wrong[i][0], reason);
    }
}

static void
test_duration_of_nothing_needs_no_unit (void)
{
    static const TdConfigKey key = { .name = "k", .type = TD_CONFIG_DURATION };

    expect_number (&key, "0", 0);
    expect_number (&key, "7 d", INT64_C (604800000));
    expect_reason (&key, "-1 s",
                   "\"-1 s\" is out of range: expected a duration in ms, s, min, h or d");
}

static void
test_size (void)
{
    static const TdConfigKey key = { .name = "k", .type = TD_CONFIG_SIZE };

    expect_number (&key, "500 B", 500);
    expect_number (&key, "64 KiB", 65536);
    expect_number (&key, "16 MiB", 16 << 20);
    expect_number (&key, "1 GiB", 1 << 30);
    expect_number (&key, "2 TiB", INT64_C (2) << 40);
    expect_reason (&key, "64 kB",
                   "\"64 kB\" has a wrong unit: expected a size in B, KiB, MiB, GiB or TiB");
    expect_reason (&key, "64", "\"64\" has no unit: expected a size in B, KiB, MiB, GiB or TiB");
}

static void
test_choice (void)
{
    const TdConfigKey key = { .name = "k",
                              .type = TD_CONFIG_CHOICE,
                              .choices = TD_LIST ("none", "full", "partial") };

    expect_number (&key, "none", 0);
    expect_number (&key, "partial", 2);
    expect_reason (&key, "ful",
                   "\"ful\" is not known: expected one of none, full, partial; did you mean "
                   "\"full\"?");
    expect_reason (&key, "sometimes",
                   "\"sometimes\" is not known: expected one of none, full, partial");
}

static void
test_address (void)
{
    static const TdConfigKey key = { .name = "k", .type = TD_CONFIG_ADDRESS };
    static const char *const good[] = { "127.0.0.1", "198.51.100.7:5060",   "0.0.0.0:0",
                                        "[::1]",     "[2001:db8::7]:65535", "[fe80::1%eth0]:5060" };
    static const char *const bad[] = { "localhost",    "256.0.0.1",        "1.2.3",
                                       "1.2.3.4:",     "1.2.3.4:65536",    "1.2.3.4:5060x",
                                       "[::1",         "[::1]5060",        "[127.0.0.1]",
                                       "[fe80::1%]",   "1.2.3.4:5060:1",   ":5060",
                                       "1.2.3.4%eth0", "1.2.3.4:000005060" };

    for (unsigned i = 0; i < G_N_ELEMENTS (good); i++) {
        expect_texts (&key, good[i], good[i]);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autofree char *reason = g_strdup_printf (
            "\"%s\" is no address: expected an address a.b.c.d or [IPv6], with :port or without",
            bad[i]);
        expect_reason (&key, bad[i], reason);
    }
    expect_reason (
        &key, "2001:db8::7",
        "\"2001:db8::7\" is an IPv6 address without its brackets: expected an address a.b.c.d or "
        "[IPv6], with :port or without");
}

static void
test_path (void)
{
    static const TdConfigKey key = { .name = "k", .type = TD_CONFIG_PATH };

    expect_texts (&key, "/var/x", "/var/x");
    expect_texts (&key, "routes.csv", "/etc/routes.csv");
    expect_reason (&key, "", "the value is missing: expected a path");
}

static void
test_list (void)
{
    static const TdConfigKey key = { .name = "k", .type = TD_CONFIG_LIST };

    expect_texts (&key, "a", "a");
    expect_texts (&key, " a ,b,  c d", "a|b|c d");
    expect_texts (&key, "", "");
    expect_reason (&key, "a,,b", "\"a,,b\" has an empty part: expected a list divided by commas");
    expect_reason (&key, "a,", "\"a,\" has an empty part: expected a list divided by commas");
}

static void
test_list_of_choices (void)
{
    const TdConfigKey key = { .name = "k",
                              .type = TD_CONFIG_LIST,
                              .choices = TD_LIST ("PCMA", "PCMU") };

    expect_texts (&key, "PCMU, PCMA", "PCMU|PCMA");
    expect_reason (&key, "PCMA, PCNU",
                   "\"PCMA, PCNU\" has a part that is not known: expected a list divided by commas "
                   "of PCMA, PCMU; did you mean \"PCMU\"?");
}

static void
test_repeated_values_gather (void)
{
    static const TdConfigKey key = { .name = "k",
                                     .type = TD_CONFIG_LIST,
                                     .flags = TD_CONFIG_REPEATED };
    TdValue value = { NULL };

    g_assert_null (td_value_read (&value, &key, "a, b", "/"));
    g_autofree char *reason = td_value_read (&value, &key, "x,,y", "/");
    g_assert_nonnull (reason);
    g_assert_null (td_value_read (&value, &key, "c", "/"));
    g_autofree char *got = g_strjoinv ("|", (char **) value.texts->pdata);
    g_assert_cmpstr (got, ==, "a|b|c");
    td_value_clear (&value);
}

static void
test_text_may_be_empty_unless_required (void)
{
    static const TdConfigKey free_key = { .name = "k", .type = TD_CONFIG_TEXT };
    static const TdConfigKey required = { .name = "k",
                                          .type = TD_CONFIG_TEXT,
                                          .flags = TD_CONFIG_REQUIRED };

    expect_texts (&free_key, "", "");
    expect_reason (&required, "", "the value is missing: expected a text");
}

static void
test_a_secret_is_never_shown (void)
{
    const TdConfigKey keys[] = {
        { .type = TD_CONFIG_BOOL },
        { .type = TD_CONFIG_INTEGER },
        { .type = TD_CONFIG_DURATION },
        { .type = TD_CONFIG_SIZE },
        { .type = TD_CONFIG_ADDRESS },
        { .type = TD_CONFIG_CHOICE, .choices = TD_LIST ("7hunter") },
        { .type = TD_CONFIG_LIST, .choices = TD_LIST ("7huntex") },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (keys); i++) {
        TdConfigKey key = keys[i];
        TdValue value = { NULL };
        key.flags = TD_CONFIG_SECRET;
        g_autofree char *reason = td_value_read (&value, &key, "7hunted", "/");
        g_assert_nonnull (reason);
        g_assert_null (strstr (reason, "7hunted"));
        g_assert_null (strstr (reason, "did you mean"));
        td_value_clear (&value);
    }
}

static void
test_equal_values (void)
{
    static const TdConfigKey duration = { .type = TD_CONFIG_DURATION };
    static const TdConfigKey list = { .type = TD_CONFIG_LIST };
    static const struct {
        const TdConfigKey *key;
        const char *a, *b;
        bool is_equal;
    } rows[] = {
        { &duration, "60 s", "1 min", true }, { &duration, "60 s", "61 s", false },
        { &list, "a,b", "a, b", true },       { &list, "a,b", "b,a", false },
        { &list, "a", "a,b", false },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++) {
        TdValue a = { NULL }, b = { NULL }, none = { NULL };
        g_assert_null (td_value_read (&a, rows[i].key, rows[i].a, "/"));
        g_assert_null (td_value_read (&b, rows[i].key, rows[i].b, "/"));
        g_assert_cmpint (td_value_equal (&a, &b, rows[i].key), ==, rows[i].is_equal);
        g_assert_false (td_value_equal (&a, &none, rows[i].key));
        td_value_clear (&a);
        td_value_clear (&b);
    }
}

static void
test_numbers_print_in_their_largest_unit (void)
{
    g_autoptr (GString) out = g_string_new (NULL);

    td_unit_print (out, TD_CONFIG_DURATION, 90000);
    g_string_append (out, ", ");
    td_unit_print (out, TD_CONFIG_DURATION, 0);
    g_string_append (out, ", ");
    td_unit_print (out, TD_CONFIG_SIZE, 3 << 20);
    g_string_append (out, ", ");
    td_unit_print (out, TD_CONFIG_INTEGER, -7);
    g_assert_cmpstr (out->str, ==, "90 s, 0 ms, 3 MiB, -7");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/config/value/bool", test_bool);
    g_test_add_func ("/config/value/integer", test_integer);
    g_test_add_func ("/config/value/integer-without-limits", test_integer_without_limits);
    g_test_add_func ("/config/value/number-open-above", test_number_open_above);
    g_test_add_func ("/config/value/words-instead-of-a-number", test_words_instead_of_a_number);
    g_test_add_func ("/config/value/duration", test_duration);
    g_test_add_func ("/config/value/duration-of-nothing-needs-no-unit",
                     test_duration_of_nothing_needs_no_unit);
    g_test_add_func ("/config/value/size", test_size);
    g_test_add_func ("/config/value/choice", test_choice);
    g_test_add_func ("/config/value/address", test_address);
    g_test_add_func ("/config/value/path", test_path);
    g_test_add_func ("/config/value/list", test_list);
    g_test_add_func ("/config/value/list-of-choices", test_list_of_choices);
    g_test_add_func ("/config/value/repeated-values-gather", test_repeated_values_gather);
    g_test_add_func ("/config/value/text-may-be-empty-unless-required",
                     test_text_may_be_empty_unless_required);
    g_test_add_func ("/config/value/a-secret-is-never-shown", test_a_secret_is_never_shown);
    g_test_add_func ("/config/value/equal-values", test_equal_values);
    g_test_add_func ("/config/value/numbers-print-in-their-largest-unit",
                     test_numbers_print_in_their_largest_unit);
    return g_test_run ();
}
