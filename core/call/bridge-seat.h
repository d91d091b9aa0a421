/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Seats: each leg's place at a bridge, the termination it has there and what the leg was told.
 *
 *     free --> used --> leaving --> free     its provider has answered all that it was asked
 *                \--> spare --> used         the next leg has it as it is
 *
 * Seats know nothing of the bridge and of its steps. All is on the bridge's lane. */

#ifndef CORE_CALL_BRIDGE_SEAT_H
#define CORE_CALL_BRIDGE_SEAT_H

#include "call/media.h"

typedef struct {
    bool is_used;
    bool is_leaving;                      /* its leg is gone; its provider may not know yet */
    bool is_spare;                        /* its leg is gone, and the next one is to have it */
    bool is_placed;                       /* the provider has all that it was asked for */
    bool is_heard;                        /* its leg has said where it is, or is about to */
    TdTermination *termination;           /* NULL in a through bridge */
    uint64_t session_id, session_version; /* of our own o= line towards this leg */
    TdDescription *told;                  /* what the leg was told last */
    bool is_settled;                      /* ... and cannot be told otherwise */
    bool has_stats;
    TdMediaStats stats;
} TdBridgeSeat;

typedef struct {
    /* A call between two parties has its seats here; a conference has the others behind them. */
    TdBridgeSeat pair[2];
    TdBridgeSeat *others;
    unsigned n_seats;
} TdBridgeSeats;

/* Good until a seat is taken. */
static inline TdBridgeSeat *
td_bridge_seat_at (TdBridgeSeats *seats, unsigned index)
{
    return index < G_N_ELEMENTS (seats->pair) ? &seats->pair[index]
                                              : &seats->others[index - G_N_ELEMENTS (seats->pair)];
}

/* NULL: there is none of INDEX. */
static inline TdBridgeSeat *
td_bridge_seat_find (TdBridgeSeats *seats, unsigned index)
{
    return index < seats->n_seats ? td_bridge_seat_at (seats, index) : NULL;
}

/* SEATS are zeroed. */
void td_bridge_seats_init (TdBridgeSeats *seats);
void td_bridge_seats_clear (TdBridgeSeats *seats);

/* The index of a seat for another leg: the one that a leg has left as it was, or an empty one.
 * TD_NO_TERMINATION: there is none, or no room for more. */
unsigned td_bridge_seats_take_spare (TdBridgeSeats *seats);
unsigned td_bridge_seats_take_free (TdBridgeSeats *seats);

/* Whether the provider of its termination has made it, or is about to. */
bool td_bridge_seat_is_made (const TdBridgeSeat *seat);

/* Whether its termination is made of software, and so takes nothing that could be scarce. */
bool td_bridge_seat_is_internal (const TdBridgeSeat *seat);

/* Whether its provider knows of a termination that a leg still has. */
bool td_bridge_seat_is_known (const TdBridgeSeat *seat);

/* Gives LOCAL our own o= line towards this leg. */
void td_bridge_seat_sign (const TdBridgeSeat *seat, TdDescription *local);

/* What is told to the leg: LOCAL, which it returns, with a version that grows by one whenever something has
 * changed since the leg was told last (RFC 3264 8). */
TdDescription *td_bridge_seat_tell (TdBridgeSeat *seat, TdDescription *local);

void td_bridge_seat_keep_stats (TdBridgeSeat *seat, const TdMediaOutcome *outcome);

/* Its leg is gone: the seat is free as soon as its provider has answered all that it was asked. */
void td_bridge_seat_leave (TdBridgeSeat *seat);

#endif
