/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Traffic of a trunk group, an interval after the other, for two days.
 *
 *     |  10:00  |  10:15  |  10:30  |  10:45 ...        intervals begin with the quarter of the hour
 *     |  closed |  NULL   |  closed |  the one that is counted
 *                 nothing happened
 *
 * Terms as in ITU-T E.425 (03/2002) 1 and E.411 (03/2000) 3: a bid (attempt) asks the group for a
 * place, a seizure got one. ASR: answers of 100 seizures. NER: of 100 seizures those the network
 * carried to the called user, who may have been busy, not have answered or have refused. Occupancy is
 * counted over time, set-up included. Post-dialling delay: from the seizure to the first ringing.
 */

#ifndef TRUNK_INTERVAL_H
#define TRUNK_INTERVAL_H

#include "control.h"

/* What is counted: name, as it is shown, help. */
#define INTERVAL_COUNTS(X)                                                                         \
    X (IN_ATTEMPTS, "in_attempts", "Calls that came in by the group")                              \
    X (IN_SEIZURES, "in_seizures", "Calls that came in and were taken")                            \
    X (IN_ANSWERS, "in_answers", "Calls that came in and were answered")                           \
    X (OUT_ATTEMPTS, "out_attempts", "Calls offered to the group: bids")                           \
    X (OUT_SEIZURES, "out_seizures", "Legs placed by the group")                                   \
    X (OUT_ANSWERS, "out_answers", "Legs that were answered")                                      \
    X (OUT_EFFECTIVE, "out_effective", "Legs that reached the called user: the NER's")             \
    X (BUSY, "busy", "Legs that met a busy user")                                                  \
    X (NO_ANSWER, "no_answer", "Legs that nobody answered")                                        \
    X (CONGESTION, "congestion", "Legs the peer had no means for")                                 \
    X (NO_ROUTE, "no_route", "Legs the peer had no route for")                                     \
    X (FAILED, "failed", "Legs that failed for another reason")                                    \
    X (OVERFLOW, "overflow", "Calls that found no place in the group")                             \
    X (RESERVED, "reserved", "Of these, calls that only a reservation kept out")                   \
    X (RATE, "rate_exceeded", "Calls over the calls a second")                                     \
    X (STATE, "not_in_service", "Calls that met a blocked group, or none of its members in order") \
    X (PREEMPTED, "preempted", "Calls released for one of higher precedence")                      \
    X (GLARE, "glare", "Circuits both ends seized at once")                                        \
    X (TALK_S, "talk_seconds", "Seconds between answer and release, of legs that ended")           \
    X (ENDED, "ended", "Answered legs that ended")                                                 \
    X (GOOD, "quality_good", "Calls whose media came through as sent")                             \
    X (FAIR, "quality_fair", "Calls with media losses few would hear")                             \
    X (POOR, "quality_poor", "Calls with media losses everybody hears")                            \
    X (BAD, "quality_bad", "Calls hardly to be understood")

typedef enum {
#define X(name, text, help) COUNT_##name,
    INTERVAL_COUNTS (X)
#undef X
        N_COUNTS
} IntervalCount;

enum { INTERVAL_N_BUCKETS = 20 };

typedef struct {
    int64_t begin_us; /* wall */
    uint32_t length_s;
    uint32_t counts[N_COUNTS];
    uint32_t control_hits[N_CONTROL_KINDS];
    uint32_t n_delays; /* post-dialling delays measured */
    uint32_t delay_p50_ms, delay_p95_ms;
    uint32_t usage_s;    /* busy places, summed over time; a hundred seconds are a CCS */
    uint32_t peak;       /* most places busy at once */
    uint32_t mean_centi; /* places busy on average, in hundredths: 100 are an erlang */
} Interval;

typedef struct {
    int64_t period_us, begin_us, end_us; /* monotonic */
    int64_t touched_us;
    uint64_t usage_us;
    uint64_t talk_ms;
    uint32_t n_busy;
    uint32_t delays[INTERVAL_N_BUCKETS];
    Interval now;
    Interval **closed; /* a ring, lazily filled; NULL where nothing happened */
    unsigned n_kept, next;
    uint64_t n_turned, n_stored; /* periods that are over; of these, those that were stored */
} Intervals;

void intervals_init (Intervals *intervals, int64_t now_us, int64_t wall_us);
void intervals_clear (Intervals *intervals);

/* Periods of PERIOD_US from the next one on, so many as fit into KEPT_US. What is closed stays. */
void intervals_set (Intervals *intervals, int64_t period_us, int64_t kept_us, int64_t now_us,
                    int64_t wall_us);

/* Closes what is over. The functions below do so first. */
void intervals_turn (Intervals *intervals, int64_t now_us, int64_t wall_us);

void intervals_count (Intervals *intervals, IntervalCount count, int64_t now_us, int64_t wall_us);
void intervals_control (Intervals *intervals, ControlKind kind, int64_t now_us, int64_t wall_us);
void intervals_delay (Intervals *intervals, int64_t delay_us, int64_t now_us, int64_t wall_us);
void intervals_talk (Intervals *intervals, int64_t talk_us, int64_t now_us, int64_t wall_us);

/* DELTA places more, or fewer, are busy from now on. */
void intervals_busy (Intervals *intervals, int delta, int64_t now_us, int64_t wall_us);

/* The present interval as it stands. */
Interval intervals_now (Intervals *intervals, int64_t now_us, int64_t wall_us);

/* The INDEXth closed interval, the oldest first; NULL where nothing happened. */
const Interval *intervals_closed (const Intervals *intervals, unsigned index);

/* The next closed interval that nobody was given yet, the oldest first; NULL when there is none. */
const Interval *intervals_take_unstored (Intervals *intervals);

/* Takes back INTERVAL, which was closed before a restart. Two that a restart has cut out of one period
 * become one again. False when it is too old, or of a time to come. */
bool intervals_restore (Intervals *intervals, const Interval *interval);

/* Whether nothing happened in INTERVAL. */
bool interval_is_empty (const Interval *interval);

size_t intervals_size_bytes (const Intervals *intervals);

/* In percent, -1 where there is nothing to divide by. */
double interval_asr (const Interval *interval);
double interval_ner (const Interval *interval);
/* Mean time between answer and release in seconds; -1 likewise. */
double interval_acd (const Interval *interval);

const char *interval_count_name (IntervalCount count);
const char *interval_count_help (IntervalCount count);

/* Which COUNT_GOOD .. COUNT_BAD a call with LOSS_PERMILLE and JITTER_US belongs to. */
IntervalCount interval_grade (uint32_t loss_permille, uint32_t jitter_us);

#endif
