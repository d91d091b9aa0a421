/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network management controls: what keeps traffic away from where it would only do harm, or leads it
 * where there is room.
 *
 *     a call comes in      gap, block (a code, anywhere); silc (the group it comes in by)
 *     a group's turn       gap, block (a code, by this group); cancel-to, skip, acc, reservation, reroute
 *     the group has no     reroute-overflow, cancel-from
 *     place for it
 *
 * Each concerns calls to a code, by a group, direct or alternate-routed, to codes that are hard to
 * reach or to all, and a share of them: exactly that share, not only on average. Calls with a
 * priority are never kept out (GETS, and an operator in need, get through). Nothing here has a lock
 * or a clock of its own.
 */

#ifndef TRUNK_CONTROL_H
#define TRUNK_CONTROL_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* ITU-T E.412 (01/2003); the clause is where what each does is described. */
typedef enum {
    CONTROL_GAP,              /* 2.3.2, 3.1.1: so many calls in a time */
    CONTROL_BLOCK,            /* 3.1.1: a share of the calls to a code */
    CONTROL_CANCEL_TO,        /* 3.1.2: no calls to the group */
    CONTROL_CANCEL_FROM,      /* 3.2.1: what the group cannot take goes nowhere else */
    CONTROL_SKIP,             /* 3.2.2: on to what comes after the group */
    CONTROL_REROUTE,          /* 3.2.3: other groups first */
    CONTROL_REROUTE_OVERFLOW, /* 3.2.3: other groups where this one has no place */
    CONTROL_ACC,              /* 4.1: what the level of congestion asks for */
    CONTROL_SILC,             /* selective incoming load control: calls from the group */
    CONTROL_RESERVATION,      /* 4.2.4: few free places are kept for direct calls */
    N_CONTROL_KINDS,
} ControlKind;

typedef enum { TRAFFIC_ALL, TRAFFIC_DIRECT, TRAFFIC_ALTERNATE } ControlTraffic;

enum {
    CONTROL_MAX = 1000,   /* so many at once */
    CONTROL_MAX_VIA = 16, /* groups to lead calls to */
    CONTROL_N_LEVELS = 3,
};

typedef struct {
    uint32_t id;
    ControlKind kind;
    char *trunk; /* nullable: everywhere */
    char *code;  /* what the called number begins with, nullable: any */
    ControlTraffic traffic;
    bool is_hard_to_reach; /* only calls to codes that are */
    uint32_t percent;      /* 1 .. 100 of what it concerns */
    uint32_t min_level;    /* a rule: only while the congestion is at least this: the group's ... */
    bool is_machine;       /* ... or this switch's own */
    uint32_t gap_ms;       /* CONTROL_GAP: one call in so long ... */
    bool is_continuous;    /* ... by the clock, not from the last call on */
    bool is_spray;         /* reroute: the groups in turn, not in order */
    bool is_skip;          /* ACC, reservation: the call goes on behind the group */
    char **via;            /* reroute: groups */
    uint32_t direct[CONTROL_N_LEVELS]; /* ACC, SILC, reservation: percent kept out at level 1 .. */
    uint32_t alternate[CONTROL_N_LEVELS]; /* ... of direct and of alternate-routed calls */
    uint32_t threshold[2];     /* reservation: free places at which level 1 and 2 begin */
    uint8_t cause;             /* Q.850, of calls that end here */
    int64_t from_us, until_us; /* wall time, 0: always */
    char *who;                 /* set it ... */
    int64_t set_us;            /* ... and when, wall time */
    uint64_t n_seen, n_hits;   /* calls it concerned; calls it did something to */
    /* How it goes on: private. */
    uint32_t owed[2];
    unsigned next_via;
    int64_t next_us, slot;
} Control;

/* What is to be decided about. */
typedef struct {
    const char *trunk; /* the group, "" for none */
    const char *code;  /* the called number */
    bool is_alternate; /* not the first choice of the route list */
    bool is_hard_to_reach;
    bool is_priority;
    unsigned level;         /* the group's congestion, 0 .. 3 */
    unsigned machine_level; /* this switch's own, MC0 .. MC3 */
    uint32_t n_idle;        /* free places, UINT32_MAX: no limit */
    int64_t now_us;         /* monotonic */
    int64_t wall_us;
} ControlQuestion;

typedef enum { AT_CALL, AT_TARGET, AT_OVERFLOW } ControlPoint;

typedef enum {
    CONTROL_PASS,
    CONTROL_CANCEL,   /* the call ends */
    CONTROL_GO_ON,    /* the next target */
    CONTROL_LEAD_OFF, /* to VIA */
} ControlVerdict;

typedef struct {
    ControlVerdict verdict;
    ControlKind kind;
    uint32_t id;
    uint8_t cause;
    const char *via; /* good until the set is changed */
    uint32_t
        spared; /* a bit for each kind that would have kept the call out but for its priority */
} ControlAnswer;

typedef struct {
    GPtrArray *controls; /* Control, in the order in which they were set */
    uint32_t last_id;
} ControlSet;

ControlSet *control_set_new (void);
void control_set_free (ControlSet *set);

/* Adds CONTROL (transfer full) and gives it an id, where it has none. False, with why, when it makes no
 * sense or there are CONTROL_MAX. */
bool control_set_add (ControlSet *set, Control *control, GError **error);
bool control_set_remove (ControlSet *set, uint32_t id);
void control_set_clear (ControlSet *set);
const Control *control_set_find (const ControlSet *set, uint32_t id);

/* What the controls say to QUESTION at POINT; the strongest that has something to say counts. */
ControlAnswer control_set_ask (ControlSet *set, ControlPoint point,
                               const ControlQuestion *question);

/* Whether what CONTROL keeps out goes by the level of congestion. */
bool control_is_by_level (const Control *control);

/* Whether CONTROL is in force at WALL_US. */
bool control_is_due (const Control *control, int64_t wall_us);

Control *control_new (ControlKind kind);
void control_free (Control *control);
const char *control_kind_name (ControlKind kind);
bool control_kind_parse (const char *text, ControlKind *ret_kind);

#endif
