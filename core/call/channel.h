/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a channel is inside, for the call machine. */

#ifndef CORE_CALL_CHANNEL_H
#define CORE_CALL_CHANNEL_H

#include "call/driver.h"

#include <tandem/call.h>
#include <tandem/fsm.h>
#include <tandem/media.h>

/* What a driver can tell of a leg, and what the call machine hears of it. */
typedef enum {
    LEG_PROCEEDING,
    LEG_RINGING,
    LEG_PROGRESSED,
    LEG_ANSWERED,
    LEG_OFFERED,
    LEG_OFFER_ANSWERED,
    LEG_OFFER_REFUSED,
    LEG_DIGIT,
    LEG_MORE_DIGITS,
    LEG_TRANSFERRED,
    LEG_RELEASED,
    N_LEG_EVENTS,
} TdLegEventKind;

typedef struct {
    TdLegEventKind kind;
    uint32_t early_id;
    TdDescription *description; /* nullable */
    TdCause cause;
    char digit;
    uint32_t duration_ms;
    const char *digits;
    bool is_last;
} TdLegEvent;

struct TdChannel {
    TdId id;
    TdFsm fsm; /* TdChannelState */
    TdDriverEntry *driver;
    void *data;
    TdCall *call;
    bool is_incoming;
    TdParty calling, called;
    TdAttributes *attributes;
    TdCause cause;
    TdDescription *offer;
    char *trunk, *target, *peer_id, *peer_address, *marks;
    TdPriority priority; /* of the call that is to begin with it; class 0: nobody said */

    /* The call machine's: */
    unsigned termination;  /* in the call's bridge */
    unsigned group;        /* of the route list */
    unsigned route_target; /* ... and which target of it */
    bool wants_again;      /* it failed, and that target may have another member */
    bool is_treatment;     /* what the caller hears of it is why he did not get through */
    TdHold *holds;
    TdTimer timer; /* no response, no answer */
    uint32_t no_response_ms, no_answer_ms;
    bool has_progressed;       /* it rang, or said what else becomes of the call */
    bool is_timed, is_alerted; /* no-answer counts, since the first ringing if there was any */
    bool is_reused;            /* another call takes its place */
    unsigned gave_up;          /* the cause for which the call gave the leg up, 0: it has not */
    TdId stands_for;           /* adopted on another lane: what its events go to */
    TdId adopted_by;           /* ... and the call there */
    TdMediaStats *stats;       /* of its termination, once that is gone; NULL: none */
};

extern const TdMachine td_channel_machine;

/* A leg that CALL places with DRIVER (transfer full of a use). NULL: no id is left. */
TdChannel *td_channel_new_outgoing (TdCall *call, TdDriverEntry *driver, const char *target);

/* Ends the object; the driver frees its data. */
void td_channel_free (TdChannel *channel);

bool td_channel_is_alive (const TdChannel *channel);

/* The kind of internal termination that LEG has (transfer full), NULL: it has an address. */
char *td_leg_service (const TdChannel *leg);

/* Adds HOLD, whose owner is in use from now on, to HOLDS. */
void td_hold_add (TdHold **holds, TdHold *hold);

/* All HOLDS of an attempt are LEG's from now on, which came of it. */
void td_holds_move (TdHold **holds, TdChannel *leg);

/* Ends all HOLDS, of LEG or (NULL) of an attempt that no leg came of. */
void td_holds_end (TdHold **holds, TdChannel *leg);

/* What a driver tells of CHANNEL. */
void td_channel_tell (TdChannel *channel, const TdLegEvent *event);

/* adopt.c: what a driver tells of a leg that was adopted on another lane. */
void td_adopted_hear (TdChannel *stub, const TdLegEvent *event);

/* The verbs, as far as the driver has them and the state admits them. */
void td_leg_originate (TdChannel *channel);
void td_leg_ring (TdChannel *channel, TdDescription *description);
void td_leg_progress (TdChannel *channel, TdDescription *description);
void td_leg_answer (TdChannel *channel, TdDescription *description);
bool td_leg_offer (TdChannel *channel, TdDescription *description); /* false: it cannot */
void td_leg_accept (TdChannel *channel, TdDescription *description);
void td_leg_refuse (TdChannel *channel, const TdCause *cause);
void td_leg_refuse_transfer (TdChannel *channel, const TdCause *cause); /* in any state */
void td_leg_digit (TdChannel *channel, char digit, uint32_t duration_ms);
void td_leg_reclassify (TdChannel *channel);
void td_leg_queued (TdChannel *channel);
void td_leg_played (TdChannel *channel);
void td_leg_release (TdChannel *channel, const TdCause *cause);

#endif
