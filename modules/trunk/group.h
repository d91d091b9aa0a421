/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A trunk group as it lives: who is in it, who has a place, what has been counted.
 *
 *     group_take ()    state? -> member? -> places? -> calls a second? ---> a leg has its places
 *                        |         |           |             |
 *                        +---------+-----------+-------------+---> why not, counted
 *     group_leave ()   whatever became of the leg; those who wait for a place (queue.h) get it first
 *
 * A call with a priority class above the ordinary one is spared what would only spread a shortage: calls a
 * second, rests, probes that went unanswered. How many such calls a group takes as what they are can be
 * limited; those above it are ordinary ones there. Emergency calls are not limited.
 *
 * Settings, members and states may change under calls: places are kept by the limits, which find the
 * seats of an earlier build again, and by counts here, which two builds share. Every function may be
 * called on any lane, unless it says otherwise; the group's lock is held for a few loads and stores.
 */

#ifndef TRUNK_GROUP_H
#define TRUNK_GROUP_H

#include "bucket.h"
#include "congestion.h"
#include "hunt.h"
#include "interval.h"
#include "lease.h"

#include <pthread.h>
#include <stdatomic.h>
#include <tandem/call.h>
#include <tandem/iface/trunk.h>
#include <tandem/metric.h>
#include <tandem/resource.h>

typedef struct Group Group;
typedef struct Member Member;
typedef struct Takeover Takeover;
typedef struct TrunkLeg TrunkLeg;
typedef struct Waiter Waiter;

/* Both ways together, and one by one. */
typedef enum { WAY_ALL, WAY_IN, WAY_OUT, N_WAYS } Way;

typedef enum { GROUP_FINAL, GROUP_HIGH_USAGE, GROUP_FULL_GROUP } GroupKind;

#define GROUP_UNLIMITED UINT32_MAX

enum { GROUP_MAX_TRIES = 64 };

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
} GroupLevel;

/* What an operator, or a probe, has made of a group or a member. */
typedef struct {
    uint8_t state; /* StationState; station.h */
    bool is_unreachable;
    char *who, *why;        /* nullable */
    int64_t since_us;       /* wall */
    int64_t drain_until_us; /* wall: when calls of a draining one are ended, 0: never */
} Condition;

struct Member {
    HuntMember hunt; /* under the group's lock */
    atomic_int n_refs;
    char *name;
    char *address;       /* under the group's lock */
    Condition condition; /* control lane */
};

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

/* How a call stands when places are taken from calls. */
typedef struct {
    uint8_t priority_class;
    bool may_take;     /* its namespace preempts (RFC 4412 4.5.1) ... */
    bool takes_equals; /* ... and its value displaces its like as well (RFC 4412 10.3) */
    bool is_spared;    /* nobody takes its place */
} Standing;

/* A leg's place in a group. Embedded in what the module knows of the leg; all zero before. */
struct TrunkLeg {
    Group *group;
    Member *member; /* of an outgoing one; NULL: an address of the target's own */
    Way way;
    TdId call;
    TdSeat seats[4];
    TrunkLeg *next, **link;
    int64_t placed_us, alerted_us, answered_us;
    uint8_t priority_class; /* it was offered with */
    Standing standing;      /* under the group's lock, as the next two */
    Takeover *lost_to;      /* who has its place and waits for it to go; nullable */
    bool is_victim;         /* its place is being taken, or was */
    uint8_t exempted;       /* Exemption bits: what it was spared */
    bool has_priority;      /* it counts as one of those */
    bool is_over_limit;     /* it would, but for the limit on them */
    bool has_place;         /* between group_take () and group_leave () */
    bool is_concluded;      /* what became of it has been counted */
};

typedef enum {
    EXEMPT_RATE = 1 << 0,  /* calls a second */
    EXEMPT_REST = 1 << 1,  /* the time a member asked for with Retry-After */
    EXEMPT_PROBE = 1 << 2, /* nobody answered the probes of the last member */
} Exemption;

typedef enum {
    TAKE_DONE,
    TAKE_OUT_OF_SERVICE,
    TAKE_NO_MEMBER, /* none that is in service, or all have been tried */
    TAKE_FULL,
    TAKE_RESERVED, /* full but for what is reserved for others */
    TAKE_OVER_RATE,
} TakeResult;

typedef struct {
    Way way; /* WAY_IN or WAY_OUT */
    TdId call;
    TdModule *module;
    unsigned priority_class;
    bool is_lesser; /* alternate-routed, or to a code that is hard to reach */
    uint32_t kbit_s;
    Standing standing;
    Takeover *takeover;   /* nullable: it takes nobody's place */
    bool is_waiter;       /* it has waited for its turn, and was judged before */
    bool has_address;     /* outgoing: no member is needed */
    Member *const *tried; /* by the same call, for the same target */
    unsigned n_tried;
    int64_t now_us, wall_us;
} Demand;

Group *group_new (const char *name, int64_t now_us, int64_t wall_us);
Group *group_ref (Group *group);
void group_unref (Group *group);

Member *member_new (const char *name, const char *address);
Member *member_ref (Member *member);
void member_unref (Member *member);

/* Takes over SETTINGS and MEMBERS (Member, transfer full). With MODULE (nullable), its limits from now
 * on, which find the seats of an earlier build. Thread: control. */
void group_configure (Group *group, TdModule *module, const GroupSettings *settings,
                      GPtrArray *members, int64_t now_us);

/* Nobody gets a place any more; who has one keeps it. Thread: control. */
void group_close (Group *group);

/* Gives LEG a place, and (an outgoing one) its member, or says why not. */
TakeResult group_take (Group *group, TrunkLeg *leg, const Demand *demand);

/* The same with the lock held, and without counting a bid. */
TakeResult group_take_locked (Group *group, TrunkLeg *leg, const Demand *demand);

/* Gives back what LEG has, serving nobody. With the lock held. */
void group_leave_locked (Group *group, TrunkLeg *leg, int64_t now_us, int64_t wall_us);

/* Whether DEMAND, which needs a member, would get one. With the lock held. */
bool group_has_member (const Group *group, const TrunkLeg *leg, const Demand *demand);

/* LEG's call stands otherwise from now on. */
void group_set_standing (TrunkLeg *leg, const Standing *standing);

/* Counts COUNT for PRIORITY_CLASS. With the lock held. */
void group_count_level (Group *group, unsigned priority_class, LevelCount count);
void group_add_to_metric (Group *group, GroupMetric metric, int amount);

/* Gives back what LEG has; nothing happens when that is nothing. LEG still knows its group, until
 * group_leg_clear (). Thread: the lane that took it. */
void group_leave (TrunkLeg *leg, int64_t now_us, int64_t wall_us);
void group_leg_clear (TrunkLeg *leg);

/* The same, but nobody who waits is served: LEG's call takes the place in another way, in a moment. */
void group_hand_over (TrunkLeg *leg, int64_t now_us, int64_t wall_us);

/* What becomes of LEG. CAUSE of a failure is Q.850; HAS_CODE: the peer gave it, not we. */
void group_leg_alerted (TrunkLeg *leg, int64_t now_us, int64_t wall_us);
void group_leg_answered (TrunkLeg *leg, int64_t now_us, int64_t wall_us);
void group_leg_failed (TrunkLeg *leg, unsigned cause, bool has_code, int64_t now_us,
                       int64_t wall_us);

void group_count (Group *group, IntervalCount count, int64_t now_us, int64_t wall_us);
void group_count_control (Group *group, ControlKind kind, int64_t now_us, int64_t wall_us);

/* A call of PRIORITY_CLASS was spared a control. */
void group_count_exemption (Group *group, unsigned priority_class);

/* Takes back an interval that was closed before a restart. */
void group_restore (Group *group, const Interval *interval);

/* Appends to LINES the closed intervals that were not stored yet. With IS_LAST the present one, too:
 * nobody will count in it any more. */
void group_append_unstored (Group *group, GString *lines, bool is_last, int64_t now_us,
                            int64_t wall_us);

/* The address of MEMBER (transfer full). */
char *group_member_address (Group *group, const Member *member);

/* The level of congestion; RET_BEFORE: when it was asked for last. */
unsigned group_level (Group *group, int64_t now_us, unsigned *ret_before);
void group_tell_level (Group *group, unsigned level, int64_t duration_us, int64_t now_us);

uint32_t group_n_idle (Group *group);

/* Whether GROUP is the line of one user. */
bool group_is_line (Group *group);

/* What may be taken of a capacity that is shared: CALLS until UNTIL_US, then AFTER. Once this returns,
 * nobody gets more. */
void group_allow (Group *group, uint32_t calls, int64_t until_us, uint32_t after);

/* The places taken, and how many there are for this node. */
uint32_t group_in_use (Group *group);
uint32_t group_capacity (Group *group);

/* Fills in all of RET but for its size and the level. */
void group_quality (Group *group, TdTrunkQuality *ret, int64_t now_us, int64_t wall_us);

/* Whether GROUP takes calls, and, where it does, those that go out as well. */
void group_set_up (Group *group, bool is_up, bool is_reachable);

/* MEMBER is to get no calls before UNTIL_US, but those with a priority. */
void group_rest (Group *group, Member *member, int64_t until_us);

/* Whether calls may go out by MEMBER. IS_SILENT: it is only that it does not answer a probe. */
void group_set_member_up (Group *group, Member *member, bool is_up, bool is_silent);

/* How many legs GROUP, or MEMBER (nullable) of it, has; and their calls, at most MAX ids. */
uint32_t group_load (Group *group, const Member *member);
unsigned group_calls (Group *group, const Member *member, TdId *ret_calls, unsigned max);

#endif
