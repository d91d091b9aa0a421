/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Screening lists allow and deny by calling, called and presentation, in the order of their ranks. */

#include "rows.h"
#include "screening.h"

typedef struct {
    Names *names;
    Screenings *screenings;
    Findings *findings;
} World;

static bool
add (void *screenings, const Row *row, GError **error)
{
    return screenings_add (screenings, row, error);
}

static void
begin (World *world, const char *rows)
{
    world->names = names_new ();
    world->screenings = screenings_new (world->names);
    world->findings = findings_new ();
    add_lines (SCHEMA_SCREENING, rows, add, world->screenings);
    screenings_end (world->screenings, world->findings);
}

static void
end (World *world)
{
    screenings_free (world->screenings);
    findings_free (world->findings);
    names_free (world->names);
}

static ScreeningResult
judge (const World *world, const char *calling, TdPresentation presentation, const char *called)
{
    Number from = { .nature = 0 }, to = { .nature = 0 };

    g_assert_true (number_set (&from, calling, TD_NATURE_UNKNOWN));
    g_assert_true (number_set (&to, called, TD_NATURE_UNKNOWN));
    return screenings_judge (world->screenings, 0, &from, presentation, &to);
}

#define ALLOWED(calling, called)                                                                   \
    g_assert_false (judge (&world, calling, TD_PRESENTATION_ALLOWED, called).is_denied)
#define DENIED(calling, called)                                                                    \
    g_assert_true (judge (&world, calling, TD_PRESENTATION_ALLOWED, called).is_denied)

static void
test_calling_called_pair (void)
{
    World world;

    begin (&world, "l,1,+1900,,,deny\n"
                   "l,2,,0900,,deny\n"
                   "l,3,+49,+1,,deny");
    DENIED ("+19005550100", "1");
    ALLOWED ("+19015550100", "1");
    DENIED ("5", "0900123");
    DENIED ("", "0900123");
    DENIED ("+4989", "+1212");
    ALLOWED ("+4989", "+44");
    ALLOWED ("+4489", "+1212");
    ALLOWED ("", "");
    end (&world);
}

static void
test_rank_decides (void)
{
    World world;

    begin (&world, "l,20,+4989,,,deny\n"
                   "l,10,+498912,,,allow\n"
                   "l,5,,112,,allow\n"
                   "l,30,,,,deny");
    ALLOWED ("+49891234", "5");
    DENIED ("+49893", "5");
    ALLOWED ("+49893", "112");
    DENIED ("+44", "5");
    DENIED ("", "5");
    end (&world);
}

/* A list of whom to let in: a row for each, and one that denies all others. */
static void
test_allow_list (void)
{
    World world;

    begin (&world, "l,1,+4989,,,allow\nl,2,,,,deny,57,not-here");
    ALLOWED ("+498912", "1");
    ScreeningResult result = judge (&world, "+44", TD_PRESENTATION_ALLOWED, "1");
    g_assert_true (result.is_denied);
    g_assert_cmpuint (result.cause, ==, 57);
    g_assert_cmpstr (result.announcement, ==, "not-here");
    g_assert_cmpuint (result.line, ==, 2);
    end (&world);
}

static void
test_anonymous (void)
{
    World world;

    begin (&world, "l,1,,,restricted,deny,21,reveal-yourself\nl,2,,,unavailable,deny");
    g_assert_true (judge (&world, "+49", TD_PRESENTATION_RESTRICTED, "1").is_denied);
    g_assert_true (judge (&world, "", TD_PRESENTATION_UNAVAILABLE, "1").is_denied);
    g_assert_false (judge (&world, "+49", TD_PRESENTATION_ALLOWED, "1").is_denied);
    end (&world);
}

static void
test_many_numbers (void)
{
    World world;
    g_autoptr (GString) rows = g_string_new (NULL);

    for (unsigned i = 0; i < 2000; i++) {
        g_string_append_printf (rows, "l,%u,+49%u$,,,deny\n", i, 100000 + 7 * i);
    }
    begin (&world, rows->str);
    for (unsigned i = 0; i < 14000; i++) {
        g_autofree char *calling = g_strdup_printf ("+49%u", 100000 + i);
        g_assert_true (judge (&world, calling, TD_PRESENTATION_ALLOWED, "1").is_denied
                       == (i % 7 == 0));
    }
    ALLOWED ("+491000000", "1"); /* longer than one of the list */
    end (&world);
}

static void
test_no_such_list (void)
{
    World world;
    Number none = { .nature = 0 };

    begin (&world, "");
    g_assert_false (screenings_has (world.screenings, 0));
    g_assert_false (
        screenings_judge (world.screenings, NAMES_NONE, &none, TD_PRESENTATION_ALLOWED, &none)
            .is_denied);
    end (&world);
}

static void
test_shadowed (void)
{
    World world;

    begin (&world, "l,1,+49,,,deny\n"
                   "l,2,+4989,,,allow\n"
                   "l,3,+4,,,allow\n"
                   "l,4,+49,,restricted,allow\n"
                   "other,5,+49,,,allow");
    g_assert_cmpuint (world.findings->all->len, ==, 2);
    g_assert_cmpuint (g_array_index (world.findings->all, Finding, 0).line, ==, 2);
    g_assert_cmpuint (g_array_index (world.findings->all, Finding, 1).line, ==, 4);
    g_assert_cmpuint (world.findings->n_errors, ==, 0);
    end (&world);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/route/screening/ROU-028/calling-called-pair", test_calling_called_pair);
    g_test_add_func ("/route/screening/ROU-028/rank-decides", test_rank_decides);
    g_test_add_func ("/route/screening/ROU-028/allow-list", test_allow_list);
    g_test_add_func ("/route/screening/ROU-028/anonymous", test_anonymous);
    g_test_add_func ("/route/screening/ROU-028/many-numbers", test_many_numbers);
    g_test_add_func ("/route/screening/ROU-028/no-such-list", test_no_such_list);
    g_test_add_func ("/route/screening/ROU-042/shadowed", test_shadowed);
    return g_test_run ();
}
