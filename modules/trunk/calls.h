/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of a call from its first place on: for what is asked (hooks.c) and what is heard
 * (calls.c). A call lives on one lane, and so does all that is here of it. */

#ifndef TRUNK_CALLS_H
#define TRUNK_CALLS_H

#include "trunk.h"

typedef struct Call Call;
typedef struct Leg Leg;

/* A leg with its place. Freed when it has ended and its call knows why. */
struct Leg {
    TdHold hold; /* first */
    TrunkLeg leg;
    Trunk *trunk;
    Call *call; /* NULL: that has ended */
    Leg *next;  /* of the same call */
    bool has_ended;
};

struct Call {
    TdId id; /* first: the key */
    Leg *legs;
    GPtrArray *tries;  /* Try */
    bool is_alternate; /* its target is none of the first group of the route list */
    bool was_placed, was_answered;
};

/* The call of ID on this lane, which is known from now on. */
Call *calls_ensure (Calls *calls, TdId id);

/* A leg of CALL without a place; one that gets none is freed with g_free (). */
Leg *call_leg_new (Trunk *trunk, Call *call);
void call_link_leg (Leg *leg);

/* Frees what was tried for a target. */
void try_free (void *tried);

bool hooks_add (Trunk *trunk, GError **error);

#endif
