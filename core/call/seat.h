/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Seats: each leg's place at a bridge, the termination it has there and what the leg was told.
 *
 *     free --> used --> leaving --> free     its provider has answered all that it was asked
 *                \--> spare --> used         the next leg has it as it is
 *
 * Seats know nothing of the bridge and of its steps. All is on the bridge's lane. */

#ifndef CORE_CALL_SEAT_H
#define CORE_CALL_SEAT_H

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
} TdSeat;

typedef struct {
    /* A call between two parties has its seats here; a conference has the others behind them. */
    TdSeat pair[2];
    TdSeat *others;
    unsigned n_seats;
} TdSeats;

/* Good until a seat is taken. */
static inline TdSeat *
td_seat_at (TdSeats *seats, unsigned index)
{
    return index < G_N_ELEMENTS (seats->pair) ? &seats->pair[index]
                                              : &seats->others[index - G_N_ELEMENTS (seats->pair)];
}

/* NULL: there is none of INDEX. */
static inline TdSeat *
td_seat_find (TdSeats *seats, unsigned index)
{
    return index < seats->n_seats ? td_seat_at (seats, index) : NULL;
}

/* SEATS are zeroed. */
void td_seats_init (TdSeats *seats);
void td_seats_clear (TdSeats *seats);

/* The index of a seat for another leg: the one that a leg has left as it was, or an empty one.
 * TD_NO_TERMINATION: there is none, or no room for more. */
unsigned td_seats_take_spare (TdSeats *seats);
unsigned td_seats_take_free (TdSeats *seats);

/* Whether the provider of its termination has made it, or is about to. */
bool td_seat_is_made (const TdSeat *seat);

/* Whether its termination is made of software, and so takes nothing that could be scarce. */
bool td_seat_is_internal (const TdSeat *seat);

/* Whether its provider knows of a termination that a leg still has. */
bool td_seat_is_known (const TdSeat *seat);

/* Gives LOCAL our own o= line towards this leg. */
void td_seat_sign (const TdSeat *seat, TdDescription *local);

/* What is told to the leg: LOCAL, which it returns, with a version that grows by one whenever something has
 * changed since the leg was told last (RFC 3264 8). */
TdDescription *td_seat_tell (TdSeat *seat, TdDescription *local);

void td_seat_keep_stats (TdSeat *seat, const TdMediaOutcome *outcome);

/* Its leg is gone: the seat is free as soon as its provider has answered all that it was asked. */
void td_seat_leave (TdSeat *seat);

#endif
