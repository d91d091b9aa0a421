/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a measured value to a level: thresholds, hysteresis, the least time at a level. */

#include "measure.h"

#define NEVER INT64_MIN

void
measure_init (Measure *measure)
{
    *measure = (Measure){ .sampled_us = NEVER, .changed_us = NEVER, .below_us = NEVER };
    for (unsigned i = 0; i < N_ONSETS; i++) {
        measure->above_us[i] = NEVER;
    }
}

bool
measure_has_learnt (const Measure *measure, const MeasureRules *rules)
{
    return measure->learnt_us >= rules->learn_us;
}

/* The fixed thresholds stay the highest there are: whatever a switch has got used to, what is fixed is
 * too much for it. */
int64_t
measure_threshold (const Measure *measure, const MeasureRules *rules, unsigned level)
{
    int64_t fixed = rules->fixed[level - 1];

    if (!rules->is_adaptive || fixed == MEASURE_NEVER || !measure_has_learnt (measure, rules)) {
        return fixed;
    }
    double usual = measure->normal * rules->times[level - 1];
    int64_t floor = fixed / 100 * rules->floor_percent + fixed % 100 * rules->floor_percent / 100;
    return usual >= (double) fixed ? fixed : MAX (MAX ((int64_t) usual, floor), 1);
}

/* The mean of all that came, until it has learnt; from then on an exponentially weighted one, so that
 * the first sample counts no more than any other. Weights go by time: samples may be late. */
static void
learn (Measure *measure, const MeasureRules *rules, int64_t value, int64_t now_us)
{
    int64_t elapsed_us = measure->sampled_us != NEVER ? now_us - measure->sampled_us : 0;

    if (elapsed_us > 0) {
        int64_t memory_us = MIN (measure->learnt_us, rules->learn_us);
        double weight = (double) elapsed_us / (double) (memory_us + elapsed_us);
        measure->normal += ((double) value - measure->normal) * weight;
        /* Once it has learnt enough it has, however long it goes on. */
        measure->learnt_us = MIN (measure->learnt_us + elapsed_us, INT64_MAX / 2);
    }
}

/* The highest level that VALUE has deserved for long enough. */
static unsigned
deserved (Measure *measure, const MeasureRules *rules, int64_t value, int64_t now_us)
{
    unsigned level = 0;

    for (unsigned i = 0; i < N_ONSETS; i++) {
        if (value < measure_threshold (measure, rules, i + 1)) {
            measure->above_us[i] = NEVER;
            continue;
        }
        if (measure->above_us[i] == NEVER) {
            measure->above_us[i] = now_us;
        }
        if (now_us - measure->above_us[i] >= rules->rise_us) {
            level = i + 1;
        }
    }
    return level;
}

static bool
is_clear (const Measure *measure, const MeasureRules *rules, int64_t value)
{
    int64_t onset = measure_threshold (measure, rules, measure->level);

    return (double) value < (double) onset * rules->clear_percent / 100;
}

/* Whether it has been low for so long that the level may fall by one. */
static bool
may_fall (Measure *measure, const MeasureRules *rules, int64_t value, int64_t now_us)
{
    if (measure->level == 0 || !is_clear (measure, rules, value)) {
        measure->below_us = NEVER;
        return false;
    }
    if (measure->below_us == NEVER) {
        measure->below_us = now_us;
    }
    return now_us - measure->below_us >= rules->dwell_us;
}

static void
go_to (Measure *measure, unsigned level, int64_t now_us)
{
    measure->level = level;
    measure->changed_us = now_us;
    measure->below_us = NEVER;
}

bool
measure_take (Measure *measure, const MeasureRules *rules, int64_t value, int64_t now_us)
{
    unsigned before = measure->level;

    measure->value = value;
    if (!rules->is_on) {
        go_to (measure, 0, now_us);
        return before != 0;
    }
    unsigned level = deserved (measure, rules, value, now_us);
    if (level > measure->level) {
        go_to (measure, level, now_us);
    } else if (may_fall (measure, rules, value, now_us)) {
        go_to (measure, measure->level - 1, now_us);
        may_fall (measure, rules, value, now_us); /* where that is low enough, its dwell begins */
    }
    if (measure->level == 0 && measure->above_us[0] == NEVER) {
        learn (measure, rules, value, now_us);
    }
    measure->sampled_us = now_us;
    return measure->level != before;
}
