/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Seats: each leg's place at a bridge, the termination it has there and what the leg was told. */

#include "call/bridge-seat.h"

#include <string.h>

/* --- Taking one -------------------------------------------------------------------------- */

void
td_bridge_seats_init (TdBridgeSeats *seats)
{
    seats->n_seats = G_N_ELEMENTS (seats->pair);
}

/* RFC 4566 5.2: unique for whoever hears it; the time and the id make it so. */
static void
begin_session (TdBridgeSeat *seat, unsigned index)
{
    seat->session_id = (uint64_t) td_clock_wall_us () + index;
    seat->session_version = 1;
}

unsigned
td_bridge_seats_take_spare (TdBridgeSeats *seats)
{
    for (unsigned i = 0; i < seats->n_seats; i++) {
        TdBridgeSeat *seat = td_bridge_seat_at (seats, i);
        if (seat->is_spare) {
            seat->is_spare = false;
            begin_session (seat, i);
            return i;
        }
    }
    return TD_NO_TERMINATION;
}

/* Of a leg that is gone the seat is free when its provider has answered all it was asked: until then it
 * may speak of the old termination by this index. */
static bool
is_free (TdBridgeSeat *seat)
{
    if (seat->is_leaving && (seat->termination == NULL || seat->termination->n_requests == 0)) {
        g_clear_pointer (&seat->termination, td_termination_unref);
        seat->is_leaving = seat->is_used = false;
    }
    return !seat->is_used;
}

/* As many again, so that the hundredth leg costs no more than the third. */
static void
grow (TdBridgeSeats *seats)
{
    unsigned n_pair = G_N_ELEMENTS (seats->pair);
    unsigned n_seats = MIN (seats->n_seats * 2, TD_MAX_TERMINATIONS);

    seats->others = g_renew (TdBridgeSeat, seats->others, n_seats - n_pair);
    memset (&seats->others[seats->n_seats - n_pair], 0,
            (n_seats - seats->n_seats) * sizeof (TdBridgeSeat));
    seats->n_seats = n_seats;
}

static unsigned
find_free (TdBridgeSeats *seats)
{
    for (unsigned i = 0; i < seats->n_seats; i++) {
        if (is_free (td_bridge_seat_at (seats, i))) {
            return i;
        }
    }
    unsigned index = seats->n_seats;
    if (index == TD_MAX_TERMINATIONS) {
        return TD_NO_TERMINATION;
    }
    grow (seats);
    return index;
}

unsigned
td_bridge_seats_take_free (TdBridgeSeats *seats)
{
    unsigned index = find_free (seats);

    if (index != TD_NO_TERMINATION) {
        TdBridgeSeat *seat = td_bridge_seat_at (seats, index);
        *seat = (TdBridgeSeat){ .is_used = true };
        begin_session (seat, index);
    }
    return index;
}

/* --- What it has ------------------------------------------------------------------------- */

bool
td_bridge_seat_is_made (const TdBridgeSeat *seat)
{
    return seat->termination != NULL && !seat->is_leaving
           && td_termination_is_made (seat->termination);
}

bool
td_bridge_seat_is_internal (const TdBridgeSeat *seat)
{
    return seat->termination->kind == TD_TERMINATION_INTERNAL;
}

bool
td_bridge_seat_is_known (const TdBridgeSeat *seat)
{
    return seat->termination != NULL && !seat->is_leaving && seat->termination->state != NULL;
}

/* --- What its leg is told ---------------------------------------------------------------- */

void
td_bridge_seat_sign (const TdBridgeSeat *seat, TdDescription *local)
{
    td_description_set_text (&local->origin_user, "-");
    td_description_set_text (&local->session_name, "-");
    local->session_id = seat->session_id;
    local->session_version = seat->session_version;
}

static bool
is_same_text (TdDescription *a, TdDescription *b)
{
    g_autoptr (GString) text_a = g_string_new (NULL);
    g_autoptr (GString) text_b = g_string_new (NULL);

    td_description_to_sdp (a, text_a);
    td_description_to_sdp (b, text_b);
    return g_string_equal (text_a, text_b);
}

TdDescription *
td_bridge_seat_tell (TdBridgeSeat *seat, TdDescription *local)
{
    td_bridge_seat_sign (seat, local);
    if (seat->told != NULL && !is_same_text (local, seat->told)) {
        local->session_version = ++seat->session_version;
    }
    g_clear_pointer (&seat->told, td_description_unref);
    seat->told = td_description_ref (local);
    return local;
}

/* --- Leaving it -------------------------------------------------------------------------- */

void
td_bridge_seat_keep_stats (TdBridgeSeat *seat, const TdMediaOutcome *outcome)
{
    if (outcome->n_stats > 0) {
        seat->stats = outcome->stats[0];
        seat->has_stats = true;
    }
}

void
td_bridge_seat_leave (TdBridgeSeat *seat)
{
    if (seat->termination != NULL) {
        seat->termination->is_abandoned = true;
    }
    g_clear_pointer (&seat->told, td_description_unref);
    seat->is_leaving = true;
    is_free (seat);
}

void
td_bridge_seats_clear (TdBridgeSeats *seats)
{
    for (unsigned i = 0; i < seats->n_seats; i++) {
        TdBridgeSeat *seat = td_bridge_seat_at (seats, i);
        td_bridge_seat_leave (seat);
        g_clear_pointer (&seat->termination, td_termination_unref);
    }
    g_clear_pointer (&seats->others, g_free);
    seats->n_seats = 0;
}
