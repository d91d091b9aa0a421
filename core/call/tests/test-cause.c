/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Causes have names and phrases, and meet SIP as RFC 3398 says. */

#include <string.h>

#include <tandem/cause.h>

static void
test_to_sip (void)
{
    /* RFC 3398 7.2.4.1, whole. */
    static const unsigned table[][2] = {
        { 1, 404 },   { 2, 404 },  { 3, 404 },  { 17, 486 },   { 18, 408 },  { 19, 480 },
        { 20, 480 },  { 21, 403 }, { 22, 410 }, { 23, 410 },   { 26, 404 },  { 27, 502 },
        { 28, 484 },  { 29, 501 }, { 31, 480 }, { 34, 503 },   { 38, 503 },  { 41, 503 },
        { 42, 503 },  { 47, 503 }, { 55, 403 }, { 57, 403 },   { 58, 503 },  { 65, 488 },
        { 70, 488 },  { 79, 501 }, { 87, 403 }, { 88, 503 },   { 102, 504 }, { 111, 500 },
        { 127, 500 }, { 99, 500 }, { 12, 500 }, { 1000, 500 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (table); i++) {
        g_assert_cmpuint (td_cause_to_sip (table[i][0]), ==, table[i][1]);
    }
}

static void
test_from_sip (void)
{
    /* RFC 3398 8.2.6.1, whole. */
    static const unsigned table[][2] = {
        { 400, 41 },  { 401, 21 },  { 402, 21 },  { 403, 21 },  { 404, 1 },   { 405, 63 },
        { 406, 79 },  { 407, 21 },  { 408, 102 }, { 410, 22 },  { 413, 127 }, { 414, 127 },
        { 415, 79 },  { 416, 127 }, { 420, 127 }, { 421, 127 }, { 423, 127 }, { 480, 18 },
        { 481, 41 },  { 482, 25 },  { 483, 25 },  { 484, 28 },  { 485, 1 },   { 486, 17 },
        { 487, 16 },  { 488, 31 },  { 500, 41 },  { 501, 79 },  { 502, 38 },  { 503, 41 },
        { 504, 102 }, { 505, 127 }, { 513, 127 }, { 600, 17 },  { 603, 21 },  { 604, 1 },
        { 606, 31 },  { 499, 31 },  { 699, 31 },  { 302, 31 },  { 200, 0 },   { 0, 0 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (table); i++) {
        g_assert_cmpuint (td_cause_from_sip (table[i][0]), ==, table[i][1]);
    }
}

static void
test_every_value_has_words (void)
{
    for (unsigned value = 1; value <= 127; value++) {
        unsigned back = 0;
        g_assert_cmpuint (strlen (td_cause_phrase (value)), >, 3);
        g_assert_true (td_cause_parse (td_cause_name (value), &back));
        g_assert_cmpuint (back, ==, value);
        g_autofree char *number = g_strdup_printf ("%u", value);
        g_assert_true (td_cause_parse (number, &back));
        g_assert_cmpuint (back, ==, value);
    }
    g_assert_cmpstr (td_cause_name (TD_CAUSE_USER_BUSY), ==, "user-busy");
    g_assert_cmpstr (td_cause_phrase (TD_CAUSE_USER_BUSY), ==, "User busy");
}

static void
test_unknown_values_are_their_class (void)
{
    g_assert_cmpstr (td_cause_name (45), ==, "45");
    g_assert_cmpstr (td_cause_phrase (45), ==, td_cause_phrase (47));
    g_assert_cmpstr (td_cause_phrase (10), ==, td_cause_phrase (31));
    g_assert_true (td_cause_is_try_next (45));
    g_assert_false (td_cause_is_try_next (10));
}

static void
test_bad_names (void)
{
    static const char *const texts[] = { "", "0", "128", "017", "+17", "17 ", "busy", "none" };
    unsigned value = 7;

    for (unsigned i = 0; i < G_N_ELEMENTS (texts); i++) {
        g_assert_false (td_cause_parse (texts[i], &value));
        g_assert_cmpuint (value, ==, 7);
    }
}

static void
test_try_next (void)
{
    static const unsigned yes[] = { TD_CAUSE_NO_CIRCUIT,
                                    TD_CAUSE_NETWORK_OUT_OF_ORDER,
                                    TD_CAUSE_CONGESTION,
                                    TD_CAUSE_TEMPORARY_FAILURE,
                                    TD_CAUSE_DESTINATION_OUT_OF_ORDER,
                                    TD_CAUSE_RECOVERY_ON_TIMER,
                                    TD_CAUSE_NO_ROUTE_TO_DESTINATION };
    static const unsigned no[] = { TD_CAUSE_NONE,
                                   TD_CAUSE_UNALLOCATED_NUMBER,
                                   TD_CAUSE_USER_BUSY,
                                   TD_CAUSE_CALL_REJECTED,
                                   TD_CAUSE_NO_ANSWER,
                                   TD_CAUSE_NORMAL_CLEARING,
                                   TD_CAUSE_NORMAL_UNSPECIFIED,
                                   TD_CAUSE_PREEMPTION,
                                   TD_CAUSE_INVALID_NUMBER_FORMAT };

    for (unsigned i = 0; i < G_N_ELEMENTS (yes); i++) {
        g_assert_true (td_cause_is_try_next (yes[i]));
    }
    for (unsigned i = 0; i < G_N_ELEMENTS (no); i++) {
        g_assert_false (td_cause_is_try_next (no[i]));
    }
}

static void
test_made_causes (void)
{
    g_autofree char *longest = g_strnfill (63, 'x');
    g_autofree char *cut = g_strconcat (longest + 1, "\xc3\xa4", NULL); /* crosses the limit */
    g_autofree char *fits = g_strconcat (longest + 2, "\xc3\xa4", NULL);

    TdCause cause = td_cause (TD_CAUSE_USER_BUSY, NULL);
    g_assert_cmpuint (cause.value, ==, 17);
    g_assert_cmpuint (cause.space, ==, TD_CODE_NONE);
    g_assert_cmpuint (cause.code, ==, 0);
    g_assert_cmpstr (cause.text, ==, "User busy");
    cause = td_cause (17, "Busy\r\nHere");
    g_assert_cmpstr (cause.text, ==, "Busy  Here");
    cause = td_cause (17, longest);
    g_assert_cmpstr (cause.text, ==, longest);
    cause = td_cause (17, cut);
    g_assert_cmpstr (cause.text, ==, longest + 1);
    cause = td_cause (17, fits);
    g_assert_cmpstr (cause.text, ==, fits);
    cause = td_cause (300, NULL);
    g_assert_cmpuint (cause.value, ==, TD_CAUSE_INTERWORKING);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/call/cause/to-sip", test_to_sip);
    g_test_add_func ("/call/cause/from-sip", test_from_sip);
    g_test_add_func ("/call/cause/words", test_every_value_has_words);
    g_test_add_func ("/call/cause/unknown", test_unknown_values_are_their_class);
    g_test_add_func ("/call/cause/bad-names", test_bad_names);
    g_test_add_func ("/call/cause/try-next", test_try_next);
    g_test_add_func ("/call/cause/made", test_made_causes);
    return g_test_run ();
}
