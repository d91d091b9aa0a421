/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From values to levels, on random walks and on paths laid by hand (ROU-051). */

#include "measure.h"

enum { STEP_US = 100000, N_WALKS = 200, N_STEPS = 500 };

static MeasureRules
fixed_rules (void)
{
    return (MeasureRules){ .is_on = true,
                           .fixed = { 100, 200, 400 },
                           .times = { 2, 4, 8 },
                           .floor_percent = 25,
                           .clear_percent = 70,
                           .rise_us = 300000,
                           .dwell_us = 1000000,
                           .learn_us = 10000000 };
}

typedef struct {
    MeasureRules rules;
    Measure measure;
    int64_t now_us;
} Path;

static void
begin (Path *path, const MeasureRules *rules)
{
    *path = (Path){ .rules = *rules, .now_us = 5000000 };
    measure_init (&path->measure);
}

static void
stay (Path *path, int64_t value, int64_t for_us)
{
    for (int64_t end_us = path->now_us + for_us; path->now_us < end_us; path->now_us += STEP_US) {
        measure_take (&path->measure, &path->rules, value, path->now_us);
    }
}

/* --- By hand ----------------------------------------------------------------------------- */

static void
test_rises_once_it_stood_long_enough (void)
{
    MeasureRules rules = fixed_rules ();
    Path path;

    begin (&path, &rules);
    stay (&path, 99, 5000000);
    g_assert_cmpuint (path.measure.level, ==, 0);
    stay (&path, 100, 300000);
    g_assert_cmpuint (path.measure.level, ==, 0);
    stay (&path, 100, 100000);
    g_assert_cmpuint (path.measure.level, ==, 1);
}

static void
test_rises_over_levels_at_once (void)
{
    MeasureRules rules = fixed_rules ();
    Path path;

    begin (&path, &rules);
    stay (&path, 1000, 400000);
    g_assert_cmpuint (path.measure.level, ==, 3);
}

static void
test_falls_one_level_a_dwell (void)
{
    MeasureRules rules = fixed_rules ();
    Path path;

    begin (&path, &rules);
    stay (&path, 1000, 400000);
    stay (&path, 0, 1000000);
    g_assert_cmpuint (path.measure.level, ==, 3);
    stay (&path, 0, 100000);
    g_assert_cmpuint (path.measure.level, ==, 2);
    stay (&path, 0, 1000000);
    g_assert_cmpuint (path.measure.level, ==, 1);
    stay (&path, 0, 1000000);
    g_assert_cmpuint (path.measure.level, ==, 0);
}

static void
test_between_clear_and_threshold_nothing_happens (void)
{
    MeasureRules rules = fixed_rules ();
    Path path;

    begin (&path, &rules);
    stay (&path, 100, 400000);
    for (unsigned i = 0; i < 100; i++) {
        stay (&path, 70, 900000);
        stay (&path, 99, 100000);
        g_assert_cmpuint (path.measure.level, ==, 1);
    }
}

static void
test_off_is_no_congestion (void)
{
    MeasureRules rules = fixed_rules ();
    Path path;

    begin (&path, &rules);
    stay (&path, 1000, 400000);
    path.rules.is_on = false;
    stay (&path, 1000, STEP_US);
    g_assert_cmpuint (path.measure.level, ==, 0);
    g_assert_cmpint (path.measure.value, ==, 1000);
}

static void
test_level_that_is_off_is_never_reached (void)
{
    MeasureRules rules = fixed_rules ();
    Path path;

    rules.fixed[2] = MEASURE_NEVER;
    rules.is_adaptive = true;
    begin (&path, &rules);
    stay (&path, 10, 3 * rules.learn_us);
    stay (&path, INT64_MAX - 1, 10000000);
    g_assert_cmpuint (path.measure.level, ==, 2);
}

/* --- Adaptive ---------------------------------------------------------------------------- */

static Path
learn (int64_t value)
{
    MeasureRules rules = fixed_rules ();
    Path path;

    rules.is_adaptive = true;
    begin (&path, &rules);
    stay (&path, value, 3 * rules.learn_us);
    return path;
}

static void
test_goes_by_what_is_normal (void)
{
    Path path = learn (20);

    g_assert_cmpfloat_with_epsilon (path.measure.normal, 20, 0.01);
    g_assert_cmpint (measure_threshold (&path.measure, &path.rules, 1), ==, 40);
    g_assert_cmpint (measure_threshold (&path.measure, &path.rules, 2), ==, 80);
    stay (&path, 80, 400000);
    g_assert_cmpuint (path.measure.level, ==, 2);
}

static void
test_first_sample_is_one_of_many (void)
{
    MeasureRules rules = fixed_rules ();
    Path path;

    rules.is_adaptive = true;
    begin (&path, &rules);
    stay (&path, 0, STEP_US);
    stay (&path, 20, rules.learn_us);
    g_assert_true (measure_has_learnt (&path.measure, &rules));
    g_assert_cmpfloat_with_epsilon (path.measure.normal, 20, 0.5);
}

static void
test_fixed_until_it_has_learnt (void)
{
    MeasureRules rules = fixed_rules ();
    Path path;

    rules.is_adaptive = true;
    begin (&path, &rules);
    stay (&path, 10, rules.learn_us / 2);
    g_assert_false (measure_has_learnt (&path.measure, &rules));
    g_assert_cmpint (measure_threshold (&path.measure, &rules, 1), ==, 100);
}

static void
test_quiet_switch_has_a_floor (void)
{
    Path path = learn (0);

    g_assert_cmpint (measure_threshold (&path.measure, &path.rules, 1), ==, 25);
    g_assert_cmpint (measure_threshold (&path.measure, &path.rules, 3), ==, 100);
}

static void
test_never_above_what_is_fixed (void)
{
    Path path = learn (90);

    g_assert_cmpint (measure_threshold (&path.measure, &path.rules, 1), ==, 100);
    g_assert_cmpint (measure_threshold (&path.measure, &path.rules, 3), ==, 400);
}

static void
test_congestion_is_never_learnt (void)
{
    Path path = learn (20);
    double normal = path.measure.normal;

    stay (&path, 300, 100 * path.rules.learn_us);
    g_assert_cmpfloat (path.measure.normal, ==, normal);
    g_assert_cmpuint (path.measure.level, ==, 3);
}

/* --- Properties -------------------------------------------------------------------------- */

typedef struct {
    int64_t values[N_STEPS];
    unsigned levels[N_STEPS];
    bool is_adaptive;
} Walk;

static void
walk (Walk *walk, const MeasureRules *rules, unsigned number)
{
    Path path;
    int64_t value = 0;

    begin (&path, rules);
    for (unsigned i = 0; i < N_STEPS; i++) {
        /* Every other walk jumps; the rest drift. */
        value = number % 2 == 0 ? g_test_rand_int_range (0, 500)
                                : CLAMP (value + g_test_rand_int_range (-40, 41), 0, 500);
        walk->values[i] = value;
        stay (&path, value, STEP_US);
        walk->levels[i] = path.measure.level;
    }
}

/* Whether the last STEPS values before and at I are all at least AT_LEAST. */
static bool
stood_at (const Walk *path, unsigned i, unsigned steps, int64_t at_least)
{
    for (unsigned back = 0; back <= steps; back++) {
        if (back > i || path->values[i - back] < at_least) {
            return false;
        }
    }
    return true;
}

static bool
was_below (const Walk *path, unsigned i, unsigned steps, double below)
{
    for (unsigned back = 0; back <= steps; back++) {
        if (back > i || (double) path->values[i - back] >= below) {
            return false;
        }
    }
    return true;
}

/* What holds at each step of any path: a rise is to the highest level that was deserved for RISE, a
 * fall is by one, after DWELL below its clear mark, and DWELL after any other change. */
static void
check_step (const Walk *path, const MeasureRules *rules, unsigned i, unsigned *last_change)
{
    unsigned rise = (unsigned) (rules->rise_us / STEP_US);
    unsigned dwell = (unsigned) (rules->dwell_us / STEP_US);
    unsigned before = i > 0 ? path->levels[i - 1] : 0, now = path->levels[i], deserved = 0;

    for (unsigned level = 1; level < N_LEVELS; level++) {
        if (stood_at (path, i, rise, rules->fixed[level - 1])) {
            deserved = level;
        }
    }
    if (now > before) {
        g_assert_cmpuint (now, ==, deserved);
    } else {
        g_assert_cmpuint (now, >=, deserved);
    }
    if (now < before) {
        g_assert_cmpuint (now, ==, before - 1);
        g_assert_true (was_below (path, i, dwell,
                                  (double) rules->fixed[before - 1] * rules->clear_percent / 100));
        g_assert_cmpuint (i - *last_change, >=, dwell);
    }
    if (now != before) {
        *last_change = i;
    }
}

static void
test_any_path (void)
{
    MeasureRules rules = fixed_rules ();
    g_autofree Walk *path = g_new0 (Walk, 1);
    unsigned n_rises = 0, n_falls = 0;

    for (unsigned number = 0; number < N_WALKS; number++) {
        unsigned last_change = 0;
        walk (path, &rules, number);
        for (unsigned i = 0; i < N_STEPS; i++) {
            check_step (path, &rules, i, &last_change);
            n_rises += i > 0 && path->levels[i] > path->levels[i - 1];
            n_falls += i > 0 && path->levels[i] < path->levels[i - 1];
        }
    }
    g_test_message ("%u rises, %u falls", n_rises, n_falls);
    g_assert_cmpuint (n_rises, >, 100);
    g_assert_cmpuint (n_falls, >, 50);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, function) g_test_add_func ("/congestion/measure/" path, function)
    ADD ("rises", test_rises_once_it_stood_long_enough);
    ADD ("rises-over-levels", test_rises_over_levels_at_once);
    ADD ("falls", test_falls_one_level_a_dwell);
    ADD ("hysteresis", test_between_clear_and_threshold_nothing_happens);
    ADD ("off", test_off_is_no_congestion);
    ADD ("level-off", test_level_that_is_off_is_never_reached);
    ADD ("adaptive/normal", test_goes_by_what_is_normal);
    ADD ("adaptive/first-sample", test_first_sample_is_one_of_many);
    ADD ("adaptive/learning", test_fixed_until_it_has_learnt);
    ADD ("adaptive/floor", test_quiet_switch_has_a_floor);
    ADD ("adaptive/ceiling", test_never_above_what_is_fixed);
    ADD ("adaptive/congestion-is-not-normal", test_congestion_is_never_learnt);
    ADD ("any-path", test_any_path);
    return g_test_run ();
}
