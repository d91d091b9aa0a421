/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A trunk group as it stands: what it is set to, what may be taken of it, whether it takes calls, and
 * what is kept of it under its lock. Who decides on it, and who only counts:
 *
 *     place.h   takes and gives back places, in the order of ...  member.h   whose members are asked
 *     queue.h, preempt.h   who waits for a place, who takes one from others
 *     tally.h   counts what becomes of all of them
 *
 * Settings, members and states may change under calls: places are kept by the limits, which find the
 * seats of an earlier build again, and by counts here, which two builds share. Every function may be
 * called on any lane, unless it says otherwise; the group's lock is held for a few loads and stores.
 */

#ifndef TRUNK_GROUP_H
#define TRUNK_GROUP_H

#include "bucket.h"
#include "congestion.h"
#include "interval.h"
#include "lease.h"
#include "member.h"

#include <pthread.h>
#include <tandem/call.h>
#include <tandem/metric.h>
#include <tandem/resource.h>

typedef struct Takeover Takeover;
typedef struct Waiter Waiter;

/* Both ways together, and one by one. */
typedef enum { WAY_ALL, WAY_IN, WAY_OUT, N_WAYS } Way;

typedef enum { GROUP_FINAL, GROUP_HIGH_USAGE, GROUP_FULL_GROUP } GroupKind;

#define GROUP_UNLIMITED UINT32_MAX

enum {
    GROUP_MAX_TRIES = 64,

    /* Classes of the limits: who is kept out first, and who next. Above come the calls' own. */
    GROUP_CLASS_LESSER = TD_CLASS_ORDINARY - 1,
    GROUP_CLASS_DIRECT = TD_CLASS_ORDINARY,
};

typedef struct {
    HuntOrder hunt;
    GroupKind kind;
    uint32_t capacity[N_WAYS];    /* calls */
    uint32_t bandwidth[N_WAYS];   /* kbit/s */
    uint32_t rate_millis[N_WAYS]; /* calls in 1000 s, 0: no limit */
    uint32_t burst;
    uint32_t reserve_in, reserve_out, reserve_direct, reserve_priority; /* calls */
    uint32_t kbit_s;                                                    /* of a call, 0: by codec */
    uint32_t max_tries; /* members tried for one call */
    int64_t period_us;  /* of the statistics */
    bool is_shared;     /* the capacity is that of several nodes together ... */
    uint32_t share;     /* ... of which this one has so much for itself */
    bool is_mlpp;       /* calls of higher precedence take places from others: see preempt.h */
    bool is_line;       /* the line of one user: when it is full he is busy */
    Way queue_way;      /* whose calls wait for a place: WAY_OUT or WAY_IN */
    uint32_t queue_length;
    uint32_t queue_wait_ms;
    bool is_public_use;        /* ordinary calls wait, too; then calls with a priority get ... */
    uint32_t priority_percent; /* ... so much of what both wait for */
    uint32_t alternate_tries, alternate_ms;
    uint32_t priority_calls; /* so many calls have a priority here, 0: no limit ... */
    uint32_t priority_rate_millis, priority_burst; /* ... and so many in 1000 s, 0: no limit */
    uint32_t alarm_waiting;    /* so many calls that wait are an alarm, 0: none ... */
    uint32_t alarm_over_limit; /* ... and so many above the limit within a time, 0: none */
    uint32_t alarm_window_ms;
    /* SIP statuses that calls from this group are released with: for want of places, after waiting in
     * vain, because the queue was full. 0: as the cause says. */
    uint16_t full_status, wait_status, overflow_status;
} GroupSettings;

/* What is counted of the calls of one priority class. */
#define LEVEL_COUNTS(X)                                                                            \
    X (OFFERED, "offered")                                                                         \
    X (ADMITTED, "admitted")                                                                       \
    X (COMPLETED, "completed")                                                                     \
    X (REJECTED, "rejected")                                                                       \
    X (OVER_LIMIT, "over_limit")                                                                   \
    X (EXEMPT, "exempt")                                                                           \
    X (QUEUED, "queued")                                                                           \
    X (SERVED, "served")                                                                           \
    X (TIMEOUT, "timeouts")                                                                        \
    X (OVERFLOW, "overflow")                                                                       \
    X (DISPLACED, "displaced")                                                                     \
    X (ABANDONED, "abandoned")                                                                     \
    X (PREEMPTED, "preempted")                                                                     \
    X (PREEMPTING, "preempting")

typedef enum {
#define X(name, text) LEVEL_##name,
    LEVEL_COUNTS (X)
#undef X
        N_LEVEL_COUNTS
} LevelCount;

typedef struct {
    uint64_t counts[N_LEVEL_COUNTS];
    uint64_t in; /* of those admitted, calls that came in */
    int64_t wait_us, longest_us;
    unsigned n_waiting, most_waiting;
} GroupLevel;

typedef enum {
    METRIC_CALLS_IN,
    METRIC_CALLS_OUT,
    METRIC_ATTEMPTS_IN,
    METRIC_ATTEMPTS_OUT,
    METRIC_SEIZURES_OUT,
    METRIC_ANSWERS_OUT,
    METRIC_REFUSED,
    METRIC_WAITING,
    METRIC_SERVED,
    METRIC_TIMEOUT,
    METRIC_OVERFLOW,
    METRIC_ABANDONED,
    METRIC_EXEMPT,
    METRIC_PREEMPTED,
    METRIC_OVER_LIMIT,
    N_METRICS
} GroupMetric;

struct Group {
    atomic_int n_refs;
    char *name;
    pthread_mutex_t lock; /* guards what follows but for the condition */
    GroupSettings settings;
    uint32_t allowed;         /* calls, of a capacity that is shared ... */
    int64_t allowed_until_us; /* ... until then, on the lanes' clock; then: */
    uint32_t allowed_after;
    TdLimit *calls[N_WAYS], *kbits[N_WAYS];
    Bucket buckets[N_WAYS];
    GPtrArray *members; /* Member */
    HuntMember **hunted;
    unsigned cursor;
    bool is_up;        /* takes calls ... */
    bool is_reachable; /* ... that go out, too */
    Congestion congestion;
    unsigned told_level; /* last made known */
    Intervals intervals;
    TrunkLeg *legs;
    uint32_t n_legs[N_WAYS];
    uint32_t n_priority; /* of these, calls with a priority */
    Bucket priority_bucket;
    Waiter *waiting; /* the one served next first */
    unsigned n_waiting, most_waiting;
    unsigned owed; /* percent of a place that those with a priority are owed */
    GroupLevel levels[TD_N_CLASSES];
    TdMetric *metrics[N_METRICS]; /* nullable */
    Condition condition;          /* control lane */
    LeaseData *lease;             /* nullable; control lane */
};

Group *group_new (const char *name, int64_t now_us, int64_t wall_us);
Group *group_ref (Group *group);
void group_unref (Group *group);

/* Takes over SETTINGS and MEMBERS (Member, transfer full). With MODULE (nullable), its limits from now
 * on, which find the seats of an earlier build. Thread: control. */
void group_configure (Group *group, TdModule *module, const GroupSettings *settings,
                      GPtrArray *members, int64_t now_us);

/* Nobody gets a place any more; who has one keeps it. Thread: control. */
void group_close (Group *group);

uint32_t group_n_idle (Group *group);

/* What this node may have of the capacity for WAY; takes back what was lent for a time that is over. With
 * the lock held. */
uint32_t group_capacity_of (const Group *group, Way way);
void group_let_lapse (Group *group, int64_t now_us);

/* Whether GROUP is the line of one user. */
bool group_is_line (Group *group);

/* What may be taken of a capacity that is shared: CALLS until UNTIL_US, then AFTER. Once this returns,
 * nobody gets more. */
void group_allow (Group *group, uint32_t calls, int64_t until_us, uint32_t after);

/* The places taken, and how many there are for this node. */
uint32_t group_in_use (Group *group);
uint32_t group_capacity (Group *group);

/* Whether GROUP takes calls, and, where it does, those that go out as well. */
void group_set_up (Group *group, bool is_up, bool is_reachable);

/* How many legs GROUP, or MEMBER (nullable) of it, has; and their calls, at most MAX ids. */
uint32_t group_load (Group *group, const Member *member);
unsigned group_calls (Group *group, const Member *member, TdId *ret_calls, unsigned max);

#endif
