/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ROU-004: codes that are hard to reach; ROU-008: the level of congestion. */

#include "congestion.h"
#include "reach.h"

enum { SECOND_US = 1000000 };

#define WINDOW_US ((int64_t) 300 * SECOND_US)

static const ReachSettings settings = {
    .n_digits = 4, .min_calls = 20, .mark_percent = 20, .free_percent = 40, .window_us = WINDOW_US
};

static void
calls (Reach *reach, const char *number, unsigned n, unsigned n_answered, int64_t now_us)
{
    for (unsigned i = 0; i < n; i++) {
        reach_count (reach, number, i < n_answered, now_us);
    }
}

static void
test_marked_and_freed (void)
{
    Reach *reach = reach_new ();

    reach_set (reach, &settings, 0);
    calls (reach, "+49301234", 100, 19, 0);
    g_assert_false (reach_is_hard (reach, "+49305678", WINDOW_US - 1));
    g_assert_true (reach_is_hard (reach, "+49305678", WINDOW_US));
    g_assert_false (reach_is_hard (reach, "+49895678", WINDOW_US));
    g_assert_false (reach_is_hard (reach, "+493", WINDOW_US));
    calls (reach, "+49301234", 100, 39, WINDOW_US);
    g_assert_true (reach_is_hard (reach, "+49305678", 2 * WINDOW_US)); /* between the marks */
    calls (reach, "+49301234", 100, 40, 2 * WINDOW_US);
    g_assert_false (reach_is_hard (reach, "+49305678", 3 * WINDOW_US));
    reach_free (reach);
}

static void
test_too_few_to_judge (void)
{
    Reach *reach = reach_new ();

    reach_set (reach, &settings, 0);
    calls (reach, "49301234", 19, 0, 0);
    g_assert_false (reach_is_hard (reach, "49301234", WINDOW_US));
    reach_free (reach);
}

static void
test_forgotten (void)
{
    Reach *reach = reach_new ();

    reach_set (reach, &settings, 0);
    calls (reach, "49301234", 50, 0, 0);
    g_assert_true (reach_is_hard (reach, "49301234", WINDOW_US));
    g_assert_false (reach_is_hard (reach, "49301234", 3 * WINDOW_US));
    reach_free (reach);
}

static void
test_long_silence (void)
{
    Reach *reach = reach_new ();

    reach_set (reach, &settings, 0);
    calls (reach, "49301234", 50, 0, 0);
    g_assert_false (reach_is_hard (reach, "49301234", 100 * WINDOW_US));
    reach_free (reach);
}

static void
add_code (const char *code, unsigned percent, void *data)
{
    g_string_append_printf (data, "%s:%u ", code, percent);
}

static void
test_listed (void)
{
    Reach *reach = reach_new ();
    g_autoptr (GString) list = g_string_new (NULL);

    reach_set (reach, &settings, 0);
    calls (reach, "1234567", 50, 5, 0);
    calls (reach, "2234567", 50, 45, 0);
    reach_each (reach, WINDOW_US, add_code, list);
    g_assert_cmpstr (list->str, ==, "1234:10 ");
    reach_free (reach);
}

/* Numbers nobody has, from somebody who tries them all. */
static void
test_bounded (void)
{
    Reach *reach = reach_new ();
    ReachSettings long_codes = settings;
    unsigned n_hard = 0;

    long_codes.n_digits = 15;
    long_codes.min_calls = 1;
    reach_set (reach, &long_codes, 0);
    for (unsigned i = 0; i < 3 * REACH_MAX_CODES; i++) {
        g_autofree char *number = g_strdup_printf ("9%015u", i);
        reach_count (reach, number, false, 0);
    }
    for (unsigned i = 0; i < 3 * REACH_MAX_CODES; i += 10) {
        g_autofree char *number = g_strdup_printf ("9%015u", i);
        n_hard += reach_is_hard (reach, number, WINDOW_US);
    }
    g_assert_cmpuint (n_hard, <=, REACH_MAX_CODES);
    reach_free (reach);
}

static void
test_told_level (void)
{
    Congestion congestion = { 0 };

    congestion_tell (&congestion, 2, 5 * SECOND_US, 0);
    g_assert_cmpuint (congestion_level (&congestion, 5 * SECOND_US - 1), ==, 2);
    g_assert_cmpuint (congestion_level (&congestion, 5 * SECOND_US), ==, 0);
    congestion_tell (&congestion, 9, SECOND_US, 0);
    g_assert_cmpuint (congestion_level (&congestion, 0), ==, 3);
}

static void
test_measured_level (void)
{
    static const unsigned failures[] = { 9, 10, 29, 30, 59, 60, 100 };
    static const unsigned levels[] = { 0, 1, 1, 2, 2, 3, 3 };

    for (unsigned i = 0; i < G_N_ELEMENTS (failures); i++) {
        Congestion congestion = { 0 };
        for (unsigned n = 0; n < 100; n++) {
            congestion_count (&congestion, n < failures[i], n * (SECOND_US / 10));
        }
        g_assert_cmpuint (congestion_level (&congestion, 9 * (int64_t) SECOND_US), ==, levels[i]);
        g_assert_cmpuint (congestion_level (&congestion, 30 * (int64_t) SECOND_US), ==, 0);
    }
}

static void
test_few_calls_say_nothing (void)
{
    Congestion congestion = { 0 };

    for (unsigned n = 0; n < 9; n++) {
        congestion_count (&congestion, true, 0);
    }
    g_assert_cmpuint (congestion_level (&congestion, 0), ==, 0);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/trunk/ROU-004/marked-and-freed", test_marked_and_freed);
    g_test_add_func ("/trunk/ROU-004/too-few", test_too_few_to_judge);
    g_test_add_func ("/trunk/ROU-004/forgotten", test_forgotten);
    g_test_add_func ("/trunk/ROU-004/long-silence", test_long_silence);
    g_test_add_func ("/trunk/ROU-004/listed", test_listed);
    g_test_add_func ("/trunk/ROU-004/bounded", test_bounded);
    g_test_add_func ("/trunk/ROU-008/told", test_told_level);
    g_test_add_func ("/trunk/ROU-008/measured", test_measured_level);
    g_test_add_func ("/trunk/ROU-008/few-calls", test_few_calls_say_nothing);
    return g_test_run ();
}
