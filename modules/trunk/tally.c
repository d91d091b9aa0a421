/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is counted of a trunk group: bids, places, what became of the legs, and what its quality is by that. */

#include "tally.h"

#include "archive.h"

/* --- Bids and places ---------------------------------------------------------------------- */

void
group_add_to_metric (Group *group, GroupMetric metric, int amount)
{
    if (group->metrics[metric] != NULL) {
        td_metric_add (group->metrics[metric], amount);
    }
}

void
group_count_level (Group *group, unsigned priority_class, LevelCount count)
{
    group->levels[priority_class % TD_N_CLASSES].counts[count]++;
}

static void
count_at (Group *group, IntervalCount count, const Demand *demand)
{
    intervals_count (&group->intervals, count, demand->now_us, demand->wall_us);
}

void
group_count_excess (Group *group, unsigned priority_class)
{
    group_count_level (group, priority_class, LEVEL_OVER_LIMIT);
    group_add_to_metric (group, METRIC_OVER_LIMIT, 1);
}

static void
count_offer (Group *group, const TrunkLeg *leg, const Demand *demand)
{
    group_count_level (group, demand->priority_class, LEVEL_OFFERED);
    if (leg->is_over_limit) {
        group_count_excess (group, demand->priority_class);
    }
}

static void
count_refusal (Group *group, TakeResult result, const Demand *demand)
{
    group_add_to_metric (group, METRIC_REFUSED, 1);
    group_count_level (group, demand->priority_class, LEVEL_REJECTED);
    switch (result) {
    case TAKE_OUT_OF_SERVICE:
    case TAKE_NO_MEMBER:
        count_at (group, COUNT_STATE, demand);
        break;
    case TAKE_OVER_RATE:
        count_at (group, COUNT_RATE, demand);
        break;
    case TAKE_RESERVED:
        count_at (group, COUNT_RESERVED, demand);
        count_at (group, COUNT_OVERFLOW, demand);
        break;
    default:
        count_at (group, COUNT_OVERFLOW, demand);
    }
}

void
group_count_bid (Group *group, const TrunkLeg *leg, const Demand *demand, TakeResult result)
{
    bool is_in = demand->way == WAY_IN;

    /* That all members have been tried is no new bid, but the end of the last one. */
    if (result == TAKE_NO_MEMBER && demand->n_tried > 0) {
        return;
    }
    count_at (group, is_in ? COUNT_IN_ATTEMPTS : COUNT_OUT_ATTEMPTS, demand);
    group_add_to_metric (group, is_in ? METRIC_ATTEMPTS_IN : METRIC_ATTEMPTS_OUT, 1);
    count_offer (group, leg, demand);
    if (result != TAKE_DONE) {
        count_refusal (group, result, demand);
    }
}

void
group_count_entry (Group *group, const TrunkLeg *leg, const Demand *demand)
{
    bool is_in = leg->way == WAY_IN;

    group_count_level (group, leg->priority_class, LEVEL_ADMITTED);
    group->levels[leg->priority_class % TD_N_CLASSES].in += is_in;
    if (leg->exempted != 0) {
        group_count_level (group, leg->priority_class, LEVEL_EXEMPT);
        group_add_to_metric (group, METRIC_EXEMPT, 1);
    }
    count_at (group, is_in ? COUNT_IN_SEIZURES : COUNT_OUT_SEIZURES, demand);
    intervals_busy (&group->intervals, 1, demand->now_us, demand->wall_us);
    group_add_to_metric (group, is_in ? METRIC_CALLS_IN : METRIC_CALLS_OUT, 1);
    if (!is_in) {
        group_add_to_metric (group, METRIC_SEIZURES_OUT, 1);
    }
}

void
group_count_exit (Group *group, const TrunkLeg *leg, int64_t now_us, int64_t wall_us)
{
    intervals_busy (&group->intervals, -1, now_us, wall_us);
    if (leg->answered_us != 0) {
        intervals_talk (&group->intervals, now_us - leg->answered_us, now_us, wall_us);
    }
    group_add_to_metric (group, leg->way == WAY_IN ? METRIC_CALLS_IN : METRIC_CALLS_OUT, -1);
}

/* --- What becomes of a leg ---------------------------------------------------------------- */

void
group_leg_alerted (TrunkLeg *leg, int64_t now_us, int64_t wall_us)
{
    if (leg->group == NULL || leg->alerted_us != 0) {
        return;
    }
    leg->alerted_us = now_us;
    pthread_mutex_lock (&leg->group->lock);
    if (leg->way == WAY_OUT) {
        intervals_delay (&leg->group->intervals, now_us - leg->placed_us, now_us, wall_us);
    }
    pthread_mutex_unlock (&leg->group->lock);
}

void
group_leg_answered (TrunkLeg *leg, int64_t now_us, int64_t wall_us)
{
    bool is_out = leg->way == WAY_OUT;
    Group *group = leg->group;

    if (group == NULL || leg->is_concluded) {
        return;
    }
    group_leg_alerted (leg, now_us, wall_us);
    leg->is_concluded = true;
    pthread_mutex_lock (&group->lock);
    leg->answered_us = now_us;
    group_count_level (group, leg->priority_class, LEVEL_COMPLETED);
    if (is_out) {
        intervals_count (&group->intervals, COUNT_OUT_ANSWERS, now_us, wall_us);
        intervals_count (&group->intervals, COUNT_OUT_EFFECTIVE, now_us, wall_us);
        congestion_count (&group->congestion, false, now_us);
        group_add_to_metric (group, METRIC_ANSWERS_OUT, 1);
    } else {
        intervals_count (&group->intervals, COUNT_IN_ANSWERS, now_us, wall_us);
    }
    pthread_mutex_unlock (&group->lock);
}

static bool
is_congestion (unsigned cause)
{
    return cause == TD_CAUSE_NO_CIRCUIT || cause == TD_CAUSE_CONGESTION
           || cause == TD_CAUSE_RESOURCE_UNAVAILABLE || cause == TD_CAUSE_TEMPORARY_FAILURE;
}

/* What kind of failure CAUSE is, and whether the network had done its part (ITU-T E.425 1.5): the user
 * was busy, did not answer, or refused. That nobody responds (18) says so only from a peer: else it was
 * the peer itself that was silent. */
static IntervalCount
classify (const TrunkLeg *leg, unsigned cause, bool has_code, bool *ret_is_effective)
{
    *ret_is_effective = true;
    switch (cause) {
    case TD_CAUSE_USER_BUSY:
        return COUNT_BUSY;
    case TD_CAUSE_NO_USER_RESPONDING:
        *ret_is_effective = has_code || leg->alerted_us != 0;
        return *ret_is_effective ? COUNT_NO_ANSWER : COUNT_FAILED;
    case TD_CAUSE_NO_ANSWER:
    case TD_CAUSE_SUBSCRIBER_ABSENT:
    case TD_CAUSE_NORMAL_CLEARING: /* the caller gave up, or somebody else was faster */
    case TD_CAUSE_NONE:
        *ret_is_effective = leg->alerted_us != 0 || cause == TD_CAUSE_SUBSCRIBER_ABSENT
                            || cause == TD_CAUSE_NO_ANSWER;
        return COUNT_NO_ANSWER;
    case TD_CAUSE_CALL_REJECTED:
        return COUNT_FAILED;
    default:
        break;
    }
    *ret_is_effective = false;
    return is_congestion (cause)                                     ? COUNT_CONGESTION
           : cause == TD_CAUSE_NO_ROUTE_TO_DESTINATION || cause == 2 ? COUNT_NO_ROUTE
                                                                     : COUNT_FAILED;
}

void
group_leg_failed (TrunkLeg *leg, unsigned cause, bool has_code, int64_t now_us, int64_t wall_us)
{
    Group *group = leg->group;
    bool is_effective;

    if (group == NULL || leg->is_concluded || leg->way != WAY_OUT) {
        return;
    }
    leg->is_concluded = true;
    IntervalCount count = classify (leg, cause, has_code, &is_effective);
    pthread_mutex_lock (&group->lock);
    intervals_count (&group->intervals, count, now_us, wall_us);
    if (is_effective) {
        intervals_count (&group->intervals, COUNT_OUT_EFFECTIVE, now_us, wall_us);
    }
    congestion_count (&group->congestion, is_congestion (cause), now_us);
    pthread_mutex_unlock (&group->lock);
}

/* --- Intervals and levels ----------------------------------------------------------------- */

void
group_count (Group *group, IntervalCount count, int64_t now_us, int64_t wall_us)
{
    pthread_mutex_lock (&group->lock);
    intervals_count (&group->intervals, count, now_us, wall_us);
    pthread_mutex_unlock (&group->lock);
}

void
group_count_control (Group *group, ControlKind kind, int64_t now_us, int64_t wall_us)
{
    pthread_mutex_lock (&group->lock);
    intervals_control (&group->intervals, kind, now_us, wall_us);
    pthread_mutex_unlock (&group->lock);
}

void
group_count_exemption (Group *group, unsigned priority_class)
{
    pthread_mutex_lock (&group->lock);
    group_count_level (group, priority_class, LEVEL_EXEMPT);
    group_add_to_metric (group, METRIC_EXEMPT, 1);
    pthread_mutex_unlock (&group->lock);
}

void
group_restore (Group *group, const Interval *interval)
{
    pthread_mutex_lock (&group->lock);
    intervals_restore (&group->intervals, interval);
    pthread_mutex_unlock (&group->lock);
}

void
group_append_unstored (Group *group, GString *lines, bool is_last, int64_t now_us, int64_t wall_us)
{
    const Interval *closed;

    pthread_mutex_lock (&group->lock);
    Interval now = intervals_now (&group->intervals, now_us, wall_us);
    while ((closed = intervals_take_unstored (&group->intervals)) != NULL) {
        archive_append (lines, group->name, closed);
    }
    if (is_last && !interval_is_empty (&now)) {
        archive_append (lines, group->name, &now);
    }
    pthread_mutex_unlock (&group->lock);
}

unsigned
group_level (Group *group, int64_t now_us, unsigned *ret_before)
{
    pthread_mutex_lock (&group->lock);
    unsigned level = congestion_level (&group->congestion, now_us);
    *ret_before = group->told_level;
    group->told_level = level;
    pthread_mutex_unlock (&group->lock);
    return level;
}

void
group_tell_level (Group *group, unsigned level, int64_t duration_us, int64_t now_us)
{
    pthread_mutex_lock (&group->lock);
    congestion_tell (&group->congestion, level, duration_us, now_us);
    pthread_mutex_unlock (&group->lock);
}

static void
add_quality (TdTrunkQuality *sum, uint32_t graded[4], const Interval *interval)
{
    sum->seizures += interval->counts[COUNT_OUT_SEIZURES];
    sum->answers += interval->counts[COUNT_OUT_ANSWERS];
    sum->effective += interval->counts[COUNT_OUT_EFFECTIVE];
    if (interval->n_delays > 0) {
        sum->delay_p50_ms = interval->delay_p50_ms;
    }
    for (unsigned i = 0; i < 4; i++) {
        graded[i] += interval->counts[COUNT_GOOD + i];
    }
}

void
group_quality (Group *group, TdTrunkQuality *ret, int64_t now_us, int64_t wall_us)
{
    uint32_t graded[4] = { 0 }, n_graded = 0, sum = 0;

    pthread_mutex_lock (&group->lock);
    Interval now = intervals_now (&group->intervals, now_us, wall_us);
    const Interval *last = intervals_closed (&group->intervals, group->intervals.n_kept - 1);
    if (last != NULL) {
        add_quality (ret, graded, last);
    }
    add_quality (ret, graded, &now);
    ret->calls = group->n_legs[WAY_ALL];
    ret->capacity = group_capacity_of (group, WAY_ALL);
    ret->is_in_service = group->is_up && group->is_reachable;
    pthread_mutex_unlock (&group->lock);
    for (unsigned i = 0; i < 4; i++) {
        n_graded += graded[i];
        sum += graded[i] * (i + 1);
    }
    ret->mean_grade = n_graded > 0 ? (double) sum / n_graded : 0;
}
