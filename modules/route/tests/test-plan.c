/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plans that are installed say what dialled numbers are. */

#include "plan.h"
#include "rows.h"

typedef struct {
    Names *names;
    Plans *plans;
} World;

static bool
add (void *plans, const Row *row, GError **error)
{
    return plans_add (plans, row, error);
}

static void
set_up (World *world, const void *plan)
{
    g_autofree char *path = g_test_build_filename (G_TEST_DIST, plan, NULL);

    world->names = names_new ();
    world->plans = plans_new (world->names);
    add_file (SCHEMA_PLAN, path, add, world->plans);
    plans_end (world->plans);
}

static void
tear_down (World *world, const void *plan G_GNUC_UNUSED)
{
    plans_free (world->plans);
    names_free (world->names);
}

typedef struct {
    const char *dialled;
    CallType type;
    const char *number;
    TdNature nature;
    const char *carrier;
} Case;

static void
check (World *world, const Case *cases, unsigned n_cases)
{
    for (unsigned i = 0; i < n_cases; i++) {
        const Case *expected = &cases[i];
        Number number = { .nature = 0 };
        Analysis analysis;
        g_test_message ("%s", expected->dialled);
        g_assert_true (number_set (&number, expected->dialled, TD_NATURE_UNKNOWN));
        g_assert_cmpint (plans_analyse (world->plans, 0, &number, true, &analysis), ==,
                         ANALYSIS_FITS);
        g_assert_cmpstr (call_type_name (analysis.type), ==, call_type_name (expected->type));
        g_assert_cmpstr (number.text, ==, expected->number);
        g_assert_cmpint (number.nature, ==, expected->nature);
        g_assert_cmpstr (analysis.carrier, ==, expected->carrier);
    }
}

static AnalysisVerdict
verdict (World *world, const char *dialled, bool is_complete)
{
    Number number = { .nature = 0 };
    Analysis analysis;

    g_assert_true (number_set (&number, dialled, TD_NATURE_UNKNOWN));
    return plans_analyse (world->plans, 0, &number, is_complete, &analysis);
}

static void
test_nanp (World *world, const void *plan G_GNUC_UNUSED)
{
    static const Case cases[] = {
        { "911", CALL_TYPE_EMERGENCY, "911", TD_NATURE_UNKNOWN, "" },
        { "411", CALL_TYPE_SERVICE_N11, "411", TD_NATURE_UNKNOWN, "" },
        { "988", CALL_TYPE_SERVICE_N11, "988", TD_NATURE_UNKNOWN, "" },
        { "5550100", CALL_TYPE_LOCAL, "5550100", TD_NATURE_SUBSCRIBER, "" },
        { "2125550100", CALL_TYPE_NATIONAL, "2125550100", TD_NATURE_NATIONAL, "" },
        { "12125550100", CALL_TYPE_NATIONAL, "2125550100", TD_NATURE_NATIONAL, "" },
        { "+12125550100", CALL_TYPE_NATIONAL, "2125550100", TD_NATURE_NATIONAL, "" },
        { "18005550100", CALL_TYPE_TOLL_FREE, "8005550100", TD_NATURE_NATIONAL, "" },
        { "+18335550100", CALL_TYPE_TOLL_FREE, "8335550100", TD_NATURE_NATIONAL, "" },
        { "18105550100", CALL_TYPE_NATIONAL, "8105550100", TD_NATURE_NATIONAL, "" },
        { "011498912345", CALL_TYPE_INTERNATIONAL, "+498912345", TD_NATURE_INTERNATIONAL, "" },
        { "+498912345", CALL_TYPE_INTERNATIONAL, "+498912345", TD_NATURE_INTERNATIONAL, "" },
        { "01498912345", CALL_TYPE_OPERATOR, "+498912345", TD_NATURE_INTERNATIONAL, "" },
        { "0", CALL_TYPE_OPERATOR, "0", TD_NATURE_UNKNOWN, "" },
        { "00", CALL_TYPE_OPERATOR, "00", TD_NATURE_UNKNOWN, "" },
        { "02125550100", CALL_TYPE_OPERATOR, "2125550100", TD_NATURE_NATIONAL, "" },
        { "101028812125550100", CALL_TYPE_NATIONAL, "2125550100", TD_NATURE_NATIONAL, "0288" },
        { "1010288011498912345", CALL_TYPE_INTERNATIONAL, "+498912345", TD_NATURE_INTERNATIONAL,
          "0288" },
        { "10102880", CALL_TYPE_OPERATOR, "0", TD_NATURE_UNKNOWN, "0288" },
        { "1010288", CALL_TYPE_CARRIER_ACCESS, "", TD_NATURE_UNKNOWN, "0288" },
        { "9501022", CALL_TYPE_CARRIER_ACCESS, "9501022", TD_NATURE_UNKNOWN, "1022" },
        { "*67", CALL_TYPE_FEATURE, "*67", TD_NATURE_UNKNOWN, "" },
    };

    check (world, cases, G_N_ELEMENTS (cases));
}

static void
test_de (World *world, const void *plan G_GNUC_UNUSED)
{
    static const Case cases[] = {
        { "110", CALL_TYPE_EMERGENCY, "110", TD_NATURE_UNKNOWN, "" },
        { "112", CALL_TYPE_EMERGENCY, "112", TD_NATURE_UNKNOWN, "" },
        { "116117", CALL_TYPE_SERVICE_N11, "116117", TD_NATURE_UNKNOWN, "" },
        { "11833", CALL_TYPE_SERVICE_N11, "11833", TD_NATURE_UNKNOWN, "" },
        { "123456", CALL_TYPE_LOCAL, "123456", TD_NATURE_SUBSCRIBER, "" },
        { "08912345", CALL_TYPE_NATIONAL, "8912345", TD_NATURE_NATIONAL, "" },
        { "+498912345", CALL_TYPE_NATIONAL, "8912345", TD_NATURE_NATIONAL, "" },
        { "00498912345", CALL_TYPE_NATIONAL, "8912345", TD_NATURE_NATIONAL, "" },
        { "01711234567", CALL_TYPE_NATIONAL, "1711234567", TD_NATURE_NATIONAL, "" },
        { "08001234567", CALL_TYPE_TOLL_FREE, "8001234567", TD_NATURE_NATIONAL, "" },
        { "0012125550100", CALL_TYPE_INTERNATIONAL, "+12125550100", TD_NATURE_INTERNATIONAL, "" },
        { "0103308912345", CALL_TYPE_NATIONAL, "8912345", TD_NATURE_NATIONAL, "33" },
        { "01003308912345", CALL_TYPE_NATIONAL, "8912345", TD_NATURE_NATIONAL, "033" },
    };

    check (world, cases, G_N_ELEMENTS (cases));
}

static void
test_overlap_nanp (World *world, const void *plan G_GNUC_UNUSED)
{
    static const char *const wanting[] = { "",        "9",           "91",  "0",      "01",
                                           "011",     "01149891234", "555", "555010", "1212555010",
                                           "1010288", "10102881212", "+",   "+1212" };
    static const char *const whole[] = { "911",         "411",     "12125550100",
                                         "18005550100", "9501022", "101028812125550100",
                                         "+12125550100" };

    for (unsigned i = 0; i < G_N_ELEMENTS (wanting); i++) {
        g_test_message ("%s", wanting[i]);
        g_assert_cmpint (verdict (world, wanting[i], false), ==, ANALYSIS_WANTS_MORE);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS (whole); i++) {
        g_test_message ("%s", whole[i]);
        g_assert_cmpint (verdict (world, whole[i], false), ==, ANALYSIS_FITS);
    }
}

static void
test_overlap_de (World *world, const void *plan G_GNUC_UNUSED)
{
    g_assert_cmpint (verdict (world, "11", false), ==, ANALYSIS_WANTS_MORE);
    g_assert_cmpint (verdict (world, "112", false), ==, ANALYSIS_FITS);
    g_assert_cmpint (verdict (world, "089", false), ==, ANALYSIS_WANTS_MORE);
    g_assert_cmpint (verdict (world, "08912345", false), ==, ANALYSIS_WANTS_MORE);
    g_assert_cmpint (verdict (world, "08912345", true), ==, ANALYSIS_FITS);
    g_assert_cmpint (verdict (world, "01234567890123", false), ==, ANALYSIS_FITS);
}

static void
test_wrong_length (World *world, const void *plan G_GNUC_UNUSED)
{
    g_assert_cmpint (verdict (world, "1212555010", true), ==, ANALYSIS_TOO_SHORT);
    g_assert_cmpint (verdict (world, "121255501000", true), ==, ANALYSIS_TOO_LONG);
    g_assert_cmpint (verdict (world, "91", true), ==, ANALYSIS_TOO_SHORT);
    g_assert_cmpint (verdict (world, "#1", true), ==, ANALYSIS_UNKNOWN);
}

static void
refuses (const char *line, const char *what)
{
    g_autoptr (Names) names = names_new ();
    Plans *plans = plans_new (names);
    g_autoptr (GError) error = NULL;

    g_assert_false (add_line (SCHEMA_PLAN, line, 1, add, plans, &error));
    g_assert_nonnull (strstr (error->message, what));
    plans_free (plans);
}

static void
test_bad_rows (void)
{
    refuses ("p,1x,,,,local", "plan.pattern: \"1x\"");
    refuses ("p,1,,,,wherever", "plan.type: wherever is none of");
    refuses ("p,1234,,3,,local", "plan.max: \"3\"");
    refuses ("p,1,99,,,local", "plan.min: 99 is not between");
    refuses (",1,,,,local", "plan.plan: \"\"");
    refuses ("p,1,,,,", "plan.type: must not be empty");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add ("/route/plan/ROU-024/nanp", World, "../../../etc/plans/nanp.csv", set_up, test_nanp,
                tear_down);
    g_test_add ("/route/plan/ROU-024/e164-de", World, "../../../etc/plans/e164-de.csv", set_up,
                test_de, tear_down);
    g_test_add ("/route/plan/ROU-030/nanp", World, "../../../etc/plans/nanp.csv", set_up,
                test_overlap_nanp, tear_down);
    g_test_add ("/route/plan/ROU-030/e164-de", World, "../../../etc/plans/e164-de.csv", set_up,
                test_overlap_de, tear_down);
    g_test_add ("/route/plan/ROU-030/wrong-length", World, "../../../etc/plans/nanp.csv", set_up,
                test_wrong_length, tear_down);
    g_test_add_func ("/route/plan/ROU-024/bad-rows", test_bad_rows);
    return g_test_run ();
}
