/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Traffic of a trunk group, an interval after the other. */

#include "interval.h"

#include <string.h>

enum {
    DEFAULT_PERIOD_S = 900,
    SECOND_US = 1000000,
    /* The clocks are not read at the same instant: that much before the end of a period is the end. */
    TOLERANCE_US = SECOND_US,
};

/* Upper bounds in milliseconds; the last bucket has none. */
static const uint32_t delay_bounds_ms[INTERVAL_N_BUCKETS] = {
    25,   50,   100,  150,  200,  300,  400,   600,   800,   1000,
    1500, 2000, 3000, 4000, 5000, 7500, 10000, 15000, 30000, UINT32_MAX,
};

static const struct {
    const char *name, *help;
} counts[N_COUNTS] = {
#define X(symbol, text, help_text) [COUNT_##symbol] = { text, help_text },
    INTERVAL_COUNTS (X)
#undef X
};

const char *
interval_count_name (IntervalCount count)
{
    return counts[count].name;
}

const char *
interval_count_help (IntervalCount count)
{
    return counts[count].help;
}

/* --- One interval after the other -------------------------------------------------------- */

/* Begins an interval that ends with the next whole period of the clock on the wall. */
static void
begin (Intervals *intervals, int64_t now_us, int64_t wall_us)
{
    int64_t since_us = wall_us % intervals->period_us;

    if (intervals->period_us - since_us < TOLERANCE_US) {
        since_us -= intervals->period_us;
        wall_us -= since_us;
    }
    memset (&intervals->now, 0, sizeof intervals->now);
    memset (intervals->delays, 0, sizeof intervals->delays);
    intervals->now.begin_us = wall_us;
    intervals->now.peak = intervals->n_busy;
    intervals->begin_us = intervals->touched_us = now_us;
    intervals->end_us = now_us + intervals->period_us - since_us;
    intervals->usage_us = 0;
    intervals->talk_ms = 0;
}

void
intervals_init (Intervals *intervals, int64_t now_us, int64_t wall_us)
{
    *intervals = (Intervals){ .period_us = (int64_t) DEFAULT_PERIOD_S * SECOND_US };
    begin (intervals, now_us, wall_us);
}

void
intervals_clear (Intervals *intervals)
{
    for (unsigned i = 0; i < intervals->n_kept; i++) {
        g_free (intervals->closed[i]);
    }
    g_clear_pointer (&intervals->closed, g_free);
    intervals->n_kept = 0;
}

void
intervals_set (Intervals *intervals, int64_t period_us, int64_t kept_us, int64_t now_us,
               int64_t wall_us)
{
    unsigned n_kept = (unsigned) (kept_us / period_us);

    intervals_turn (intervals, now_us, wall_us);
    if (n_kept != intervals->n_kept) {
        Interval **closed = g_new0 (Interval *, n_kept);
        unsigned n_moved = MIN (n_kept, intervals->n_kept);
        for (unsigned i = 0; i < intervals->n_kept; i++) { /* the oldest first */
            Interval **from = &intervals->closed[(intervals->next + i) % intervals->n_kept];
            if (i >= intervals->n_kept - n_moved) {
                closed[n_kept - intervals->n_kept + i] = g_steal_pointer (from);
            }
        }
        intervals_clear (intervals);
        intervals->closed = closed;
        intervals->n_kept = n_kept;
        intervals->next = 0;
    }
    if (period_us != intervals->period_us) {
        intervals->period_us = period_us;
        intervals->end_us = MIN (intervals->end_us, now_us + period_us - wall_us % period_us);
    }
}

/* The delay below which SHARE percent of the calls stayed, as far as buckets can tell. */
static uint32_t
quantile (const uint32_t *delays, uint32_t n, unsigned share)
{
    double wanted = (double) n * share / 100, below = 0;

    for (unsigned i = 0; i < INTERVAL_N_BUCKETS; i++) {
        if (delays[i] > 0 && below + delays[i] >= wanted) {
            uint32_t low = i > 0 ? delay_bounds_ms[i - 1] : 0;
            uint32_t high = i < INTERVAL_N_BUCKETS - 1 ? delay_bounds_ms[i] : 2 * low;
            return low + (uint32_t) ((high - low) * (wanted - below) / delays[i]);
        }
        below += delays[i];
    }
    return 0;
}

/* Counts the usage up to NOW_US, and sums up. */
static void
sum_up (Intervals *intervals, int64_t now_us)
{
    Interval *now = &intervals->now;
    int64_t length_us = now_us - intervals->begin_us;

    intervals->usage_us +=
        (uint64_t) intervals->n_busy * (uint64_t) MAX (now_us - intervals->touched_us, 0);
    intervals->touched_us = MAX (now_us, intervals->touched_us);
    now->length_s = (uint32_t) ((length_us + SECOND_US / 2) / SECOND_US);
    now->usage_s = (uint32_t) ((intervals->usage_us + SECOND_US / 2) / SECOND_US);
    now->mean_centi = length_us > 0 ? (uint32_t) (intervals->usage_us * 100 / (uint64_t) length_us)
                                    : intervals->n_busy * 100;
    now->counts[COUNT_TALK_S] = (uint32_t) ((intervals->talk_ms + 500) / 1000);
    now->delay_p50_ms = quantile (intervals->delays, now->n_delays, 50);
    now->delay_p95_ms = quantile (intervals->delays, now->n_delays, 95);
}

bool
interval_is_empty (const Interval *interval)
{
    static const uint32_t no_counts[N_COUNTS], no_hits[N_CONTROL_KINDS];

    return interval->peak == 0 && interval->usage_s == 0
           && memcmp (interval->counts, no_counts, sizeof no_counts) == 0
           && memcmp (interval->control_hits, no_hits, sizeof no_hits) == 0;
}

static void
keep (Intervals *intervals)
{
    if (intervals->n_kept == 0) {
        return;
    }
    Interval **place = &intervals->closed[intervals->next];
    g_clear_pointer (place, g_free);
    if (!interval_is_empty (&intervals->now)) {
        *place = g_memdup2 (&intervals->now, sizeof (Interval));
    }
    intervals->next = (intervals->next + 1) % intervals->n_kept;
    intervals->n_turned++;
}

void
intervals_turn (Intervals *intervals, int64_t now_us, int64_t wall_us)
{
    int64_t late_us = now_us - intervals->end_us;

    /* After a very long silence only what will be kept is gone through. */
    if (late_us > intervals->period_us * (int64_t) (intervals->n_kept + 1)) {
        intervals->end_us += late_us / intervals->period_us * intervals->period_us
                             - intervals->period_us * (int64_t) intervals->n_kept;
    }
    while (now_us >= intervals->end_us) {
        int64_t end_us = intervals->end_us;
        sum_up (intervals, end_us);
        keep (intervals);
        begin (intervals, end_us, wall_us - (now_us - end_us));
    }
}

/* --- Counting ---------------------------------------------------------------------------- */

void
intervals_count (Intervals *intervals, IntervalCount count, int64_t now_us, int64_t wall_us)
{
    intervals_turn (intervals, now_us, wall_us);
    intervals->now.counts[count]++;
}

void
intervals_control (Intervals *intervals, ControlKind kind, int64_t now_us, int64_t wall_us)
{
    intervals_turn (intervals, now_us, wall_us);
    intervals->now.control_hits[kind]++;
}

void
intervals_delay (Intervals *intervals, int64_t delay_us, int64_t now_us, int64_t wall_us)
{
    unsigned at = 0;

    intervals_turn (intervals, now_us, wall_us);
    while (at < INTERVAL_N_BUCKETS - 1 && delay_us > (int64_t) delay_bounds_ms[at] * 1000) {
        at++;
    }
    intervals->delays[at]++;
    intervals->now.n_delays++;
}

void
intervals_talk (Intervals *intervals, int64_t talk_us, int64_t now_us, int64_t wall_us)
{
    intervals_turn (intervals, now_us, wall_us);
    intervals->talk_ms += (uint64_t) talk_us / 1000;
    intervals->now.counts[COUNT_ENDED]++;
}

void
intervals_busy (Intervals *intervals, int delta, int64_t now_us, int64_t wall_us)
{
    intervals_turn (intervals, now_us, wall_us);
    sum_up (intervals, now_us);
    intervals->n_busy = (uint32_t) ((int) intervals->n_busy + delta);
    intervals->now.peak = MAX (intervals->now.peak, intervals->n_busy);
}

/* --- Reading ----------------------------------------------------------------------------- */

Interval
intervals_now (Intervals *intervals, int64_t now_us, int64_t wall_us)
{
    intervals_turn (intervals, now_us, wall_us);
    sum_up (intervals, now_us);
    return intervals->now;
}

const Interval *
intervals_closed (const Intervals *intervals, unsigned index)
{
    return intervals->closed[(intervals->next + index) % intervals->n_kept];
}

/* --- Storing ----------------------------------------------------------------------------- */

const Interval *
intervals_take_unstored (Intervals *intervals)
{
    while (intervals->n_stored < intervals->n_turned) {
        uint64_t back = intervals->n_turned - intervals->n_stored++;
        const Interval *closed =
            back <= intervals->n_kept
                ? intervals_closed (intervals, intervals->n_kept - (unsigned) back)
                : NULL;
        if (closed != NULL) {
            return closed;
        }
    }
    return NULL;
}

/* Adds FROM, of the same period, to INTERVAL. Of the delays those of the larger number are kept. */
static void
merge (Interval *interval, const Interval *from)
{
    const Interval *delays = from->n_delays > interval->n_delays ? from : interval;

    interval->delay_p50_ms = delays->delay_p50_ms;
    interval->delay_p95_ms = delays->delay_p95_ms;
    interval->n_delays += from->n_delays;
    interval->begin_us = MIN (interval->begin_us, from->begin_us);
    interval->length_s += from->length_s;
    interval->usage_s += from->usage_s;
    interval->peak = MAX (interval->peak, from->peak);
    interval->mean_centi =
        interval->length_s > 0
            ? (uint32_t) ((uint64_t) interval->usage_s * 100 / interval->length_s)
            : 0;
    for (unsigned i = 0; i < N_COUNTS; i++) {
        interval->counts[i] += from->counts[i];
    }
    for (unsigned i = 0; i < N_CONTROL_KINDS; i++) {
        interval->control_hits[i] += from->control_hits[i];
    }
}

bool
intervals_restore (Intervals *intervals, const Interval *interval)
{
    int64_t before_us = intervals->now.begin_us - interval->begin_us;
    int64_t back = (before_us + intervals->period_us - 1) / intervals->period_us;

    if (before_us <= 0 || back > (int64_t) intervals->n_kept) {
        return false;
    }
    unsigned at = (intervals->next + intervals->n_kept - (unsigned) back) % intervals->n_kept;
    if (intervals->closed[at] != NULL) {
        merge (intervals->closed[at], interval);
    } else {
        intervals->closed[at] = g_memdup2 (interval, sizeof *interval);
    }
    return true;
}

size_t
intervals_size_bytes (const Intervals *intervals)
{
    size_t size = sizeof (Intervals) + intervals->n_kept * sizeof (Interval *);

    for (unsigned i = 0; i < intervals->n_kept; i++) {
        size += intervals->closed[i] != NULL ? sizeof (Interval) : 0;
    }
    return size;
}

static double
ratio (uint32_t part, uint32_t whole, double scale)
{
    return whole > 0 ? part * scale / whole : -1;
}

/* ITU-T E.425 1.3 */
double
interval_asr (const Interval *interval)
{
    return ratio (interval->counts[COUNT_OUT_ANSWERS], interval->counts[COUNT_OUT_SEIZURES], 100);
}

/* ITU-T E.425 1.5 */
double
interval_ner (const Interval *interval)
{
    return ratio (interval->counts[COUNT_OUT_EFFECTIVE], interval->counts[COUNT_OUT_SEIZURES], 100);
}

double
interval_acd (const Interval *interval)
{
    return ratio (interval->counts[COUNT_TALK_S], interval->counts[COUNT_ENDED], 1);
}

/* Two percent is where concealment of G.711 begins to be heard (ITU-T G.113 appendix I); jitter costs
 * about what a buffer of its size adds in delay and loses in late packets. */
IntervalCount
interval_grade (uint32_t loss_permille, uint32_t jitter_us)
{
    static const struct {
        uint32_t loss_permille, jitter_us;
    } bounds[] = { { 2, 20000 }, { 20, 40000 }, { 50, 80000 } };

    for (unsigned i = 0; i < G_N_ELEMENTS (bounds); i++) {
        if (loss_permille <= bounds[i].loss_permille && jitter_us <= bounds[i].jitter_us) {
            return COUNT_GOOD + i;
        }
    }
    return COUNT_BAD;
}
