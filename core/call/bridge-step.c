/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The steps of a bridge, one after the other: what each asks of the media provider, and what it makes of
 * the answers. */

#include "call/bridge-step.h"

#include "call/negotiate.h"
#include "run/lane.h"

static void take_step (TdBridge *bridge);
static void answered_step (void *data, const TdMediaOutcome *outcome);

static TdBridgeSeat *
seat_at (TdBridge *bridge, unsigned index)
{
    return td_bridge_seat_at (&bridge->seats, index);
}

/* --- The end of a step ------------------------------------------------------------------- */

static void
step_free (TdStep *step)
{
    g_clear_pointer (&step->offer, td_description_unref);
    g_clear_pointer (&step->answer, td_description_unref);
    g_free (step);
}

/* Ends the step at the head and begins the next one. OUT and FAILURE go to the asker. */
static void
end_step (TdBridge *bridge, TdDescription *out, const TdCause *failure)
{
    TdStep *step = bridge->first;

    bridge->first = step->next;
    if (bridge->first == NULL) {
        bridge->last = &bridge->first;
        bridge->is_busy = false;
    }
    bool has_more = bridge->first != NULL;
    if (!bridge->is_closing && step->kind != TD_STEP_REMOVE && step->kind != TD_STEP_SPARE) {
        bridge->options.stepped (bridge->options.owner, step->tag, out, failure);
    }
    step_free (step);
    if (has_more) {
        take_step (bridge);
    }
}

static void
fail_step (TdBridge *bridge, unsigned cause, const char *reason)
{
    TdCause failure = td_cause (cause, reason);

    end_step (bridge, NULL, &failure);
}

/* --- What is asked of the provider ------------------------------------------------------- */

/* A bridge of which nothing is made, or nothing is left, is bound to no build of the provider: one that
 * stops would make it nothing any more. */
static void
renew_provider (TdBridge *bridge)
{
    TdProviderEntry *newest;

    if (!td_provider_is_stopping (bridge->provider)) {
        return;
    }
    for (unsigned i = 0; i < bridge->seats.n_seats; i++) {
        if (td_bridge_seat_is_made (seat_at (bridge, i))) {
            return;
        }
    }
    newest = td_provider_acquire ();
    if (newest == NULL) {
        return;
    }
    for (unsigned i = 0; i < bridge->seats.n_seats; i++) {
        TdBridgeSeat *seat = seat_at (bridge, i);
        if (seat->termination != NULL && !seat->is_leaving) {
            td_termination_hand_over (seat->termination, newest);
        }
    }
    td_provider_release (bridge->provider);
    bridge->provider = newest;
}

static void
modify (TdBridge *bridge, unsigned index, TdDescription *wanted, TdDescription *remote)
{
    TdBridgeSeat *seat = seat_at (bridge, index);
    TdTermination *termination = seat->termination;

    renew_provider (bridge);
    if (wanted != NULL) {
        td_bridge_seat_sign (seat, wanted);
    }
    td_media_modify (termination, wanted, remote, bridge->options.timeout_ms, answered_step,
                     bridge);
}

/* Has the provider make what the leg of INDEX will need to hear DESCRIPTION's streams, or those that a call
 * usually has, unless it has that. False: there is nothing to wait for. */
static bool
place (TdBridge *bridge, unsigned index, const TdDescription *description)
{
    const TdBridgeSeat *seat = seat_at (bridge, index);

    if (td_bridge_seat_is_internal (seat) || seat->is_placed) {
        return false;
    }
    g_autoptr (TdDescription) wanted =
        description != NULL ? td_negotiate_offer (description, false) : td_negotiate_any_offer ();
    modify (bridge, index, wanted, NULL);
    return true;
}

static void
connect_both (TdBridge *bridge, const TdStep *step)
{
    td_media_connect (seat_at (bridge, step->from)->termination,
                      seat_at (bridge, step->to)->termination, TD_DIRECTION_SENDRECV,
                      bridge->options.timeout_ms, answered_step, bridge);
}

/* Whether a transcoder might be of use between the legs of STEP, and is not there yet. */
static bool
may_transcode (TdBridge *bridge, const TdStep *step)
{
    return bridge->options.can_transcode && !bridge->has_transcoder
           && !td_bridge_seat_is_internal (seat_at (bridge, step->from))
           && !td_bridge_seat_is_internal (seat_at (bridge, step->to));
}

/* The next request about the termination of INDEX asks to keep a transcoder. */
static void
wish_transcoder (TdBridge *bridge, unsigned index)
{
    bridge->keeper = index;
    seat_at (bridge, index)->termination->transcoder = TD_TRANSCODER_KEEP;
}

/* --- Reserve: both terminations, the asking leg's first, and a transcoder ---------------- */

static unsigned
seat_of_phase (const TdStep *step)
{
    return step->phase == 0 ? step->from : step->to;
}

static void
go_on_reserving (TdBridge *bridge, TdStep *step)
{
    for (; step->phase < 2; step->phase++) {
        if (place (bridge, seat_of_phase (step), NULL)) {
            return;
        }
    }
    end_step (bridge, NULL, NULL);
}

/* Who is rung makes the offer, when he picks up: whether it needs a transcoder is not known yet. */
static void
begin_reserve (TdBridge *bridge, TdStep *step)
{
    if (bridge->options.is_through) {
        end_step (bridge, NULL, NULL);
        return;
    }
    if (may_transcode (bridge, step) && !seat_at (bridge, step->from)->is_placed) {
        wish_transcoder (bridge, step->from);
    }
    go_on_reserving (bridge, step);
}

static void
answered_reserve (TdBridge *bridge, TdStep *step, const TdMediaOutcome *outcome)
{
    seat_at (bridge, seat_of_phase (step))->is_placed = true;
    bridge->has_transcoder |= outcome->has_transcoder;
    step->phase++;
    go_on_reserving (bridge, step);
}

/* --- Offer: what the answer will need, then what is offered onwards ---------------------- */

/* Whether more could be offered than the leg of FROM did, if a transcoder was kept for it. */
static bool
wants_transcoder (TdBridge *bridge, const TdStep *step)
{
    return may_transcode (bridge, step) && td_negotiate_can_add (step->offer);
}

/* The seat whose termination is asked to keep a transcoder: always the same, as one is enough. */
static unsigned
find_keeper (TdBridge *bridge, const TdStep *step)
{
    return seat_at (bridge, step->from)->is_placed && bridge->keeper != TD_NO_TERMINATION
               ? bridge->keeper
               : step->from;
}

/* Nothing is offered that might have to be turned into something else, unless that can be done. */
static void
offer_onwards (TdBridge *bridge, TdStep *step)
{
    if (td_bridge_seat_is_internal (seat_at (bridge, step->to))) {
        end_step (bridge, NULL, NULL);
        return;
    }
    g_autoptr (TdDescription) wanted = td_negotiate_offer (step->offer, bridge->has_transcoder);
    modify (bridge, step->to, wanted, NULL);
}

/* First what the answer will need: nobody is called for whom there is no way back to the caller. */
static void
begin_offer (TdBridge *bridge, TdStep *step)
{
    if (bridge->options.is_through) {
        end_step (bridge, step->offer, NULL);
        return;
    }
    bool is_wanted = wants_transcoder (bridge, step);
    unsigned keeper = find_keeper (bridge, step);

    if (is_wanted) {
        wish_transcoder (bridge, keeper);
    }
    if (place (bridge, step->from, step->offer)) {
        return;
    }
    if (is_wanted) {
        modify (bridge, keeper, NULL, NULL);
    } else {
        step->phase = 1;
        offer_onwards (bridge, step);
    }
}

static void
answered_offer (TdBridge *bridge, TdStep *step, const TdMediaOutcome *outcome)
{
    if (step->phase++ == 0) {
        seat_at (bridge, step->from)->is_placed = true;
        bridge->has_transcoder |= outcome->has_transcoder;
        offer_onwards (bridge, step);
    } else {
        TdBridgeSeat *seat = seat_at (bridge, step->to);
        seat->is_placed = true;
        end_step (bridge, td_bridge_seat_tell (seat, outcome->local), NULL);
    }
}

/* --- Answer: both sides get to know each other, then media flow -------------------------- */

static TdDescription *
answer_internally (TdBridge *bridge, const TdStep *step)
{
    const char *service = seat_at (bridge, step->to)->termination->service;

    return td_negotiate_own_answer (step->offer,
                                    service != NULL && g_str_has_prefix (service, "source/"));
}

static void
begin_answer (TdBridge *bridge, TdStep *step)
{
    if (bridge->options.is_through) {
        end_step (bridge, step->answer, NULL);
        return;
    }
    if (step->answer == NULL) {
        step->answer = answer_internally (bridge, step);
    }
    modify (bridge, step->to, NULL, step->answer);
}

static void
answer_asker (TdBridge *bridge, TdStep *step)
{
    g_autoptr (TdDescription) wanted =
        td_negotiate_answer (step->offer, step->answer, bridge->has_transcoder);

    if (wanted == NULL) {
        fail_step (bridge, TD_CAUSE_BEARER_NOT_IMPLEMENTED, "No codec in common");
        return;
    }
    bool is_settled = seat_at (bridge, step->from)->is_settled;
    modify (bridge, step->from, is_settled ? NULL : wanted, step->offer);
}

/* The step's offer becomes what its asker is told, unless he cannot be told otherwise. */
static void
tell_asker (TdBridge *bridge, TdStep *step, TdDescription *local)
{
    TdBridgeSeat *seat = seat_at (bridge, step->from);

    seat->is_placed = true;
    if (!seat->is_settled) {
        g_clear_pointer (&step->offer, td_description_unref);
        step->offer = td_description_ref (td_bridge_seat_tell (seat, local));
    }
}

static void
answered_answer (TdBridge *bridge, TdStep *step, const TdMediaOutcome *outcome)
{
    switch (step->phase++) {
    case 0: /* the answering side knows its remote end */
        answer_asker (bridge, step);
        break;
    case 1: /* the asking side has its local description */
        tell_asker (bridge, step, outcome->local);
        connect_both (bridge, step);
        break;
    default:
        end_step (bridge, step->offer, NULL);
    }
}

/* --- Play: a sound is made, then heard --------------------------------------------------- */

static void
begin_play (TdBridge *bridge, TdStep *step)
{
    modify (bridge, step->to, NULL, NULL);
}

static void
answered_play (TdBridge *bridge, TdStep *step, const TdMediaOutcome *outcome)
{
    if (step->phase++ == 0) {
        connect_both (bridge, step);
    } else {
        end_step (bridge, NULL, NULL);
    }
}

/* --- Spare: the transcoder --------------------------------------------------------------- */

/* What was kept for an answer that came otherwise, or not at all, is for other calls. */
static void
begin_spare (TdBridge *bridge, TdStep *step)
{
    if (!bridge->has_transcoder) {
        end_step (bridge, NULL, NULL);
        return;
    }
    bridge->has_transcoder = false;
    seat_at (bridge, bridge->keeper)->termination->transcoder = TD_TRANSCODER_SPARE;
    modify (bridge, bridge->keeper, NULL, NULL);
}

static void
answered_spare (TdBridge *bridge, TdStep *step, const TdMediaOutcome *outcome)
{
    end_step (bridge, NULL, NULL);
}

/* --- Remove: one termination ------------------------------------------------------------- */

static void
drop_seat (TdBridge *bridge, unsigned index)
{
    if (index == bridge->keeper) {
        bridge->keeper = TD_NO_TERMINATION;
        bridge->has_transcoder = false;
    }
    td_bridge_seat_leave (seat_at (bridge, index));
}

static void
begin_remove (TdBridge *bridge, TdStep *step)
{
    TdBridgeSeat *seat = seat_at (bridge, step->to);

    if (seat->termination == NULL || seat->termination->state == NULL) {
        drop_seat (bridge, step->to);
        end_step (bridge, NULL, NULL);
        return;
    }
    td_media_subtract (seat->termination, bridge->options.timeout_ms, answered_step, bridge);
}

static void
answered_remove (TdBridge *bridge, TdStep *step, const TdMediaOutcome *outcome)
{
    td_bridge_seat_keep_stats (seat_at (bridge, step->to), outcome);
    drop_seat (bridge, step->to);
    end_step (bridge, NULL, NULL);
}

/* --- Close: all terminations, then the bridge -------------------------------------------- */

static void
free_bridge (TdBridge *bridge)
{
    g_clear_pointer (&bridge->first, step_free);
    td_bridge_seats_clear (&bridge->seats);
    g_clear_pointer (&bridge->provider, td_provider_release);
    td_id_table_remove (td_lane_ids (td_lane_current ()), bridge->id);
    g_free (bridge);
}

/* Subtracts the next termination that the provider knows; when none is left, the end. */
static void
go_on_closing (TdBridge *bridge, TdStep *step)
{
    for (; step->to < bridge->seats.n_seats; step->to++) {
        TdBridgeSeat *seat = seat_at (bridge, step->to);
        if (td_bridge_seat_is_known (seat)) {
            td_media_subtract (seat->termination, bridge->options.timeout_ms, answered_step,
                               bridge);
            return;
        }
    }
    bridge->options.closed (bridge->options.owner);
    free_bridge (bridge);
}

static void
answered_close (TdBridge *bridge, TdStep *step, const TdMediaOutcome *outcome)
{
    td_bridge_seat_keep_stats (seat_at (bridge, step->to++), outcome);
    go_on_closing (bridge, step);
}

/* --- One after the other ----------------------------------------------------------------- */

/* How each kind begins, and how it goes on when the provider has answered. A refusal fails it, unless it
 * gives something back. */
static const struct {
    void (*begin) (TdBridge *bridge, TdStep *step);
    void (*answered) (TdBridge *bridge, TdStep *step, const TdMediaOutcome *outcome);
    bool gives_back;
} kinds[] = {
    [TD_STEP_RESERVE] = { begin_reserve, answered_reserve, false },
    [TD_STEP_OFFER] = { begin_offer, answered_offer, false },
    [TD_STEP_ANSWER] = { begin_answer, answered_answer, false },
    [TD_STEP_PLAY] = { begin_play, answered_play, false },
    [TD_STEP_SPARE] = { begin_spare, answered_spare, true },
    [TD_STEP_REMOVE] = { begin_remove, answered_remove, true },
    [TD_STEP_CLOSE] = { go_on_closing, answered_close, true },
};

/* Begins the step at the head. */
static void
take_step (TdBridge *bridge)
{
    kinds[bridge->first->kind].begin (bridge, bridge->first);
}

/* The provider has answered the request of the step at the head. */
static void
answered_step (void *data, const TdMediaOutcome *outcome)
{
    TdBridge *bridge = data;
    TdStep *step = bridge->first;

    if (outcome->cause != TD_CAUSE_NONE && !kinds[step->kind].gives_back) {
        fail_step (bridge, outcome->cause, outcome->reason);
    } else {
        kinds[step->kind].answered (bridge, step, outcome);
    }
}

void
td_bridge_ask (TdBridge *bridge, const TdStep *wanted)
{
    TdStep *step = g_new (TdStep, 1);

    *step = *wanted;
    if (step->offer != NULL) {
        td_description_ref (step->offer);
    }
    if (step->answer != NULL) {
        td_description_ref (step->answer);
    }
    *bridge->last = step;
    bridge->last = &step->next;
    if (!bridge->is_busy) {
        bridge->is_busy = true;
        take_step (bridge);
    }
}

void
td_bridge_forget_steps (TdBridge *bridge, bool all, TdId leg)
{
    if (bridge->first == NULL) {
        return;
    }
    TdStep **link = &bridge->first->next;
    while (*link != NULL) {
        TdStep *step = *link;
        bool is_removal = step->kind == TD_STEP_REMOVE;
        if (all || (!is_removal && step->tag.leg == leg)) {
            *link = step->next;
            step_free (step);
        } else {
            link = &step->next;
        }
    }
    bridge->last = link;
}
