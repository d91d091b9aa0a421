/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of a call from its first place on: for what is asked (hooks.c) and what is heard
 * (calls.c). A call lives on one lane, and so does all that is here of it. */

#ifndef TRUNK_CALLS_H
#define TRUNK_CALLS_H

#include "preempt.h"
#include "trunk.h"

typedef struct Call Call;
typedef struct Leg Leg;
typedef struct Succession Succession;
typedef struct Wait Wait;

/* A leg with its place. Freed when it has ended and its call knows why. */
struct Leg {
    TdHold hold; /* first */
    TrunkLeg leg;
    Trunk *trunk;
    Call *call; /* NULL: that has ended */
    Leg *next;  /* of the same call */
    bool has_ended;
};

typedef enum {
    BY_ITSELF,   /* by its own group */
    BY_OTHERS,   /* led to another group, before its own one is tried */
    BY_OVERFLOW, /* led to another group, because its own one had no place */
} TargetWay;

/* What was tried for one target of the route list. */
typedef struct {
    const TdTarget *target;
    TargetWay way;
    char *via;          /* the group it was led to */
    char *full;         /* the first group that had no place, NULL: none */
    bool is_over_limit; /* it had none for the call as an ordinary one */
    bool was_asked;     /* the controls of its own group */
    Member *tried[GROUP_MAX_TRIES];
    unsigned n_tried;
} Try;

struct Call {
    TdId id; /* first: the key */
    Leg *legs;
    GPtrArray *tries;  /* Try */
    bool is_alternate; /* its target is none of the first group of the route list */
    bool was_placed, was_answered;
    Wait *wait;             /* in a queue, nullable */
    Leg *granted;           /* it has waited, and has its place; the target's turn is to come */
    Succession *succession; /* it has places of others, who have not gone yet; nullable */
    bool is_blocked;        /* a group that preempts had no call below it */
    bool has_waited;
    bool was_led_on; /* to alternates */
};

/* The call of ID on this lane, which is known from now on. */
Call *calls_ensure (Calls *calls, TdId id);

/* A leg of CALL without a place; one that gets none is freed with g_free (). */
Leg *call_leg_new (Trunk *trunk, Call *call);
void call_link_leg (Leg *leg);

/* Frees what was tried for a target. */
void try_free (void *tried);

bool hooks_add (Trunk *trunk, GError **error);

/* Whether the hooks of another build, or nobody's, are in charge from now on. */
bool hooks_are_in_charge (const Trunk *trunk);
Demand hooks_demand (const Trunk *trunk, TdCall *call, const Group *group, Way way, bool is_lesser);

/* How CALL stands in GROUP when places are taken from calls. */
Standing hooks_standing (TdCall *call, const Group *group);

/* What the records say that CALL was spared. */
void hooks_tell_exemptions (TdCall *call, const TrunkLeg *leg);

/* The call of ID on this lane, NULL: it is not known. */
Call *calls_find (const Calls *calls, TdId id);

/* Frees LEG, which no call knows, and gives its place back. */
void call_leg_discard (Leg *leg);

/* --- take-over.c: calls that take the places of others ----------------------------------- */

/* What a demand takes from others, to be ended once that has been asked. */
Takeover *succession_begin (Trunk *trunk);

/* CALL has asked with TAKEOVER (transfer full, nullable): releases those who lost their places. */
void succession_end (Trunk *trunk, TdCall *call, Call *known, Takeover *takeover);

/* CALL does not wait for them any more. */
void succession_forget (Succession *succession);
bool successions_start (Trunk *trunk, GError **error);

/* --- wait.c: calls that wait for a place ------------------------------------------------- */

enum { WAIT_DEADLINE_MS = 100000 }; /* nobody waits for so long: see queue-wait */

/* CALL, which came in by GROUP, found no place there: LATER when it waits for one, else what it is refused
 * with. */
TdHookAnswer wait_for_admission (Trunk *trunk, TdCall *call, Call *known, Group *group,
                                 const Leg *refused, TdToken *token);
void wait_cancel (TdToken *token, void *wait, void *trunk);
bool waits_add_hook (Trunk *trunk, GError **error);

/* WAIT's call has a higher class now. */
void wait_raise (Wait *wait, unsigned priority_class);

/* Frees what is left: nobody is on a lane any more. */
void waits_free (Trunk *trunk);

#endif
