/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bridges: the media side of one call, step by step. */

#include "call/bridge.h"

#include "call/negotiate.h"
#include "run/lane.h"

#include <string.h>

typedef enum {
    STEP_RESERVE,
    STEP_OFFER,
    STEP_ANSWER,
    STEP_PLAY,
    STEP_REMOVE,
    STEP_SPARE, /* the transcoder */
    STEP_CLOSE,
} StepKind;

typedef struct Step Step;

/* One thing asked of the bridge. PHASE counts the provider's answers within it. */
struct Step {
    Step *next;
    StepKind kind;
    unsigned phase;
    unsigned from, to;
    TdBridgeTag tag;
    TdDescription *offer, *answer;
};

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
} Seat;

struct TdBridge {
    TdId id;
    TdBridgeOptions options;
    TdProviderEntry *provider;
    /* A call between two parties has its seats here; a conference has the others behind them. */
    Seat pair[2];
    Seat *others;
    unsigned n_seats;
    Step *first, **last;
    bool is_busy, is_closing;
    bool has_transcoder; /* one is kept, whatever will be answered */
    unsigned keeper;     /* the seat whose termination has it, or had it last */
};

static void take_step (TdBridge *bridge);

/* Good until a seat is added. */
static Seat *
seat_at (TdBridge *bridge, unsigned index)
{
    return index < G_N_ELEMENTS (bridge->pair)
               ? &bridge->pair[index]
               : &bridge->others[index - G_N_ELEMENTS (bridge->pair)];
}

TdBridge *
td_bridge_new (const TdBridgeOptions *options, TdCause *ret_failure)
{
    TdProviderEntry *provider = options->is_through ? NULL : td_provider_acquire ();

    if (!options->is_through && provider == NULL) {
        *ret_failure = td_cause (TD_CAUSE_BEARER_NOT_AVAILABLE, "No media provider is running");
        return NULL;
    }
    TdBridge *bridge = g_new0 (TdBridge, 1);
    bridge->options = *options;
    bridge->provider = provider;
    bridge->n_seats = G_N_ELEMENTS (bridge->pair);
    bridge->last = &bridge->first;
    bridge->keeper = TD_NO_TERMINATION;
    bridge->id = td_id_table_add (td_lane_ids (td_lane_current ()), TD_ID_BRIDGE, bridge);
    return bridge;
}

/* As many again, so that the hundredth leg costs no more than the third. */
static void
grow (TdBridge *bridge)
{
    unsigned n_pair = G_N_ELEMENTS (bridge->pair);
    unsigned n_seats = MIN (bridge->n_seats * 2, TD_MAX_TERMINATIONS);

    bridge->others = g_renew (Seat, bridge->others, n_seats - n_pair);
    memset (&bridge->others[bridge->n_seats - n_pair], 0,
            (n_seats - bridge->n_seats) * sizeof (Seat));
    bridge->n_seats = n_seats;
}

/* Of a leg that is gone the seat is free when its provider has answered all it was asked: until then it
 * may speak of the old termination by this index. */
static bool
is_free (Seat *seat)
{
    if (seat->is_leaving && (seat->termination == NULL || seat->termination->n_requests == 0)) {
        g_clear_pointer (&seat->termination, td_termination_unref);
        seat->is_leaving = seat->is_used = false;
    }
    return !seat->is_used;
}

static unsigned
find_free_seat (TdBridge *bridge)
{
    for (unsigned i = 0; i < bridge->n_seats; i++) {
        if (is_free (seat_at (bridge, i))) {
            return i;
        }
    }
    unsigned index = bridge->n_seats;
    if (index == TD_MAX_TERMINATIONS) {
        return TD_NO_TERMINATION;
    }
    grow (bridge);
    return index;
}

void
td_bridge_set_class (TdBridge *bridge, unsigned priority_class)
{
    bridge->options.priority_class = priority_class;
    for (unsigned i = 0; i < bridge->n_seats; i++) {
        TdTermination *termination = seat_at (bridge, i)->termination;
        if (termination != NULL) {
            td_termination_set_class (termination, priority_class);
        }
    }
}

/* RFC 4566 5.2: unique for whoever hears it; the time and the id make it so. */
static void
begin_session (Seat *seat, unsigned index)
{
    seat->session_id = (uint64_t) td_clock_wall_us () + index;
    seat->session_version = 1;
}

/* The seat that another leg has left as it was; TD_NO_TERMINATION: there is none. */
static unsigned
take_spare (TdBridge *bridge)
{
    for (unsigned i = 0; i < bridge->n_seats; i++) {
        Seat *seat = seat_at (bridge, i);
        if (seat->is_spare) {
            seat->is_spare = false;
            begin_session (seat, i);
            return i;
        }
    }
    return TD_NO_TERMINATION;
}

unsigned
td_bridge_add (TdBridge *bridge, const char *service, TdCause *ret_failure)
{
    TdTerminationKind kind = service != NULL ? TD_TERMINATION_INTERNAL : TD_TERMINATION_IP;

    if (bridge->provider != NULL && !td_provider_can (bridge->provider, kind, service)) {
        *ret_failure = td_cause (TD_CAUSE_BEARER_NOT_IMPLEMENTED,
                                 "The media provider has no such termination");
        return TD_NO_TERMINATION;
    }
    unsigned index = service == NULL ? take_spare (bridge) : TD_NO_TERMINATION;
    if (index != TD_NO_TERMINATION) {
        return index;
    }
    index = find_free_seat (bridge);
    if (index == TD_NO_TERMINATION) {
        *ret_failure = td_cause (TD_CAUSE_RESOURCE_UNAVAILABLE, "Too many legs in one bridge");
        return index;
    }
    Seat *seat = seat_at (bridge, index);
    *seat = (Seat){ .is_used = true };
    if (bridge->provider != NULL) {
        seat->termination = td_termination_new (bridge->provider, bridge->id, index, kind, service,
                                                bridge->options.priority_class);
        begin_session (seat, index);
    }
    return index;
}

/* --- What our side of a leg says --------------------------------------------------------- */

/* Gives LOCAL our own o= line towards this leg. */
static void
make_ours (const Seat *seat, TdDescription *local)
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

/* What is told to the leg: LOCAL, with a version that grows by one whenever something has changed
 * since the leg was told last (RFC 3264 8). */
static TdDescription *
tell (Seat *seat, TdDescription *local)
{
    make_ours (seat, local);
    if (seat->told != NULL && !is_same_text (local, seat->told)) {
        local->session_version = ++seat->session_version;
    }
    g_clear_pointer (&seat->told, td_description_unref);
    seat->told = td_description_ref (local);
    return local;
}

/* --- Steps ------------------------------------------------------------------------------- */

static void
step_free (Step *step)
{
    g_clear_pointer (&step->offer, td_description_unref);
    g_clear_pointer (&step->answer, td_description_unref);
    g_free (step);
}

static void
push_step (TdBridge *bridge, StepKind kind, unsigned from, unsigned to, TdDescription *offer,
           TdDescription *answer, TdBridgeTag tag)
{
    Step *step = g_new0 (Step, 1);

    step->kind = kind;
    step->from = from;
    step->to = to;
    step->tag = tag;
    step->offer = offer != NULL ? td_description_ref (offer) : NULL;
    step->answer = answer != NULL ? td_description_ref (answer) : NULL;
    *bridge->last = step;
    bridge->last = &step->next;
    if (!bridge->is_busy) {
        bridge->is_busy = true;
        take_step (bridge);
    }
}

/* Ends the step at the head and begins the next one. OUT and FAILURE go to the asker. */
static void
end_step (TdBridge *bridge, TdDescription *out, const TdCause *failure)
{
    Step *step = bridge->first;

    bridge->first = step->next;
    if (bridge->first == NULL) {
        bridge->last = &bridge->first;
        bridge->is_busy = false;
    }
    bool has_more = bridge->first != NULL;
    if (!bridge->is_closing && step->kind != STEP_REMOVE && step->kind != STEP_SPARE) {
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

static void answered_step (void *data, const TdMediaOutcome *outcome);

static bool
is_made (const Seat *seat)
{
    return seat->termination != NULL && !seat->is_leaving
           && td_termination_is_made (seat->termination);
}

/* A bridge of which nothing is made, or nothing is left, is bound to no build of the provider: one that
 * stops would make it nothing any more. */
static void
renew_provider (TdBridge *bridge)
{
    TdProviderEntry *newest;

    if (!td_provider_is_stopping (bridge->provider)) {
        return;
    }
    for (unsigned i = 0; i < bridge->n_seats; i++) {
        if (is_made (seat_at (bridge, i))) {
            return;
        }
    }
    newest = td_provider_acquire ();
    if (newest == NULL) {
        return;
    }
    for (unsigned i = 0; i < bridge->n_seats; i++) {
        Seat *seat = seat_at (bridge, i);
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
    Seat *seat = seat_at (bridge, index);
    TdTermination *termination = seat->termination;

    renew_provider (bridge);
    if (wanted != NULL) {
        make_ours (seat, wanted);
    }
    td_media_modify (termination, wanted, remote, bridge->options.timeout_ms, answered_step,
                     bridge);
}

/* What is made of software takes nothing that could be scarce. */
static bool
is_internal (TdBridge *bridge, unsigned index)
{
    return seat_at (bridge, index)->termination->kind == TD_TERMINATION_INTERNAL;
}

/* Has the provider make what the leg of INDEX will need to hear DESCRIPTION's streams, or those that a call
 * usually has, unless it has that. False: there is nothing to wait for. */
static bool
place (TdBridge *bridge, unsigned index, const TdDescription *description)
{
    if (is_internal (bridge, index) || seat_at (bridge, index)->is_placed) {
        return false;
    }
    g_autoptr (TdDescription) wanted =
        description != NULL ? td_negotiate_offer (description, false) : td_negotiate_any_offer ();
    modify (bridge, index, wanted, NULL);
    return true;
}

static void
go_on_reserving (TdBridge *bridge, Step *step)
{
    while (step->phase < 2) {
        if (place (bridge, step->phase == 0 ? step->from : step->to, NULL)) {
            return;
        }
        step->phase++;
    }
    end_step (bridge, NULL, NULL);
}

/* Nothing is offered that might have to be turned into something else, unless that can be done. */
static void
offer_onwards (TdBridge *bridge, Step *step)
{
    if (is_internal (bridge, step->to)) {
        end_step (bridge, NULL, NULL);
        return;
    }
    g_autoptr (TdDescription) wanted = td_negotiate_offer (step->offer, bridge->has_transcoder);
    modify (bridge, step->to, wanted, NULL);
}

/* Whether more could be offered than the leg of FROM did, if a transcoder was kept for it. */
static bool
wants_transcoder (TdBridge *bridge, const Step *step)
{
    return bridge->options.can_transcode && !bridge->has_transcoder
           && !is_internal (bridge, step->to) && td_negotiate_can_add (step->offer);
}

/* The seat whose termination is asked to keep a transcoder: always the same, as one is enough. */
static unsigned
find_keeper (TdBridge *bridge, const Step *step)
{
    return seat_at (bridge, step->from)->is_placed && bridge->keeper != TD_NO_TERMINATION
               ? bridge->keeper
               : step->from;
}

/* First what the answer will need: nobody is called for whom there is no way back to the caller. */
static void
begin_offer (TdBridge *bridge, Step *step)
{
    bool is_wanted = !is_internal (bridge, step->from) && wants_transcoder (bridge, step);
    unsigned keeper = find_keeper (bridge, step);

    if (is_wanted) {
        bridge->keeper = keeper;
        seat_at (bridge, keeper)->termination->transcoder = TD_TRANSCODER_KEEP;
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

/* What was kept for an answer that came otherwise, or not at all, is for other calls. */
static void
begin_spare (TdBridge *bridge)
{
    if (!bridge->has_transcoder) {
        end_step (bridge, NULL, NULL);
        return;
    }
    bridge->has_transcoder = false;
    seat_at (bridge, bridge->keeper)->termination->transcoder = TD_TRANSCODER_SPARE;
    modify (bridge, bridge->keeper, NULL, NULL);
}

static TdDescription *
answer_internally (TdBridge *bridge, const Step *step)
{
    const char *service = seat_at (bridge, step->to)->termination->service;

    return td_negotiate_own_answer (step->offer,
                                    service != NULL && g_str_has_prefix (service, "source/"));
}

static void
begin_answer (TdBridge *bridge, Step *step)
{
    if (step->answer == NULL) {
        step->answer = answer_internally (bridge, step);
    }
    modify (bridge, step->to, NULL, step->answer);
}

static void
answer_asker (TdBridge *bridge, Step *step)
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

static void
connect_both (TdBridge *bridge, const Step *step)
{
    td_media_connect (seat_at (bridge, step->from)->termination,
                      seat_at (bridge, step->to)->termination, TD_DIRECTION_SENDRECV,
                      bridge->options.timeout_ms, answered_step, bridge);
}

static void
drop_seat (TdBridge *bridge, unsigned index)
{
    Seat *seat = seat_at (bridge, index);

    if (index == bridge->keeper) {
        bridge->keeper = TD_NO_TERMINATION;
        bridge->has_transcoder = false;
    }
    if (seat->termination != NULL) {
        seat->termination->is_abandoned = true;
    }
    g_clear_pointer (&seat->told, td_description_unref);
    seat->is_leaving = true;
    is_free (seat);
}

static void
begin_remove (TdBridge *bridge, Step *step)
{
    Seat *seat = seat_at (bridge, step->to);

    if (seat->termination == NULL || seat->termination->state == NULL) {
        drop_seat (bridge, step->to);
        end_step (bridge, NULL, NULL);
        return;
    }
    td_media_subtract (seat->termination, bridge->options.timeout_ms, answered_step, bridge);
}

static void
free_bridge (TdBridge *bridge)
{
    g_clear_pointer (&bridge->first, step_free);
    for (unsigned i = 0; i < bridge->n_seats; i++) {
        drop_seat (bridge, i);
        g_clear_pointer (&seat_at (bridge, i)->termination, td_termination_unref);
    }
    g_clear_pointer (&bridge->provider, td_provider_release);
    td_id_table_remove (td_lane_ids (td_lane_current ()), bridge->id);
    g_free (bridge->others);
    g_free (bridge);
}

/* Subtracts the next termination that the provider knows; when none is left, the end. */
static void
go_on_closing (TdBridge *bridge, Step *step)
{
    while (step->to < bridge->n_seats) {
        Seat *seat = seat_at (bridge, step->to);
        if (seat->termination != NULL && !seat->is_leaving && seat->termination->state != NULL) {
            td_media_subtract (seat->termination, bridge->options.timeout_ms, answered_step,
                               bridge);
            return;
        }
        step->to++;
    }
    bridge->options.closed (bridge->options.owner);
    free_bridge (bridge);
}

/* Begins the step at the head. */
static void
take_step (TdBridge *bridge)
{
    Step *step = bridge->first;

    switch (step->kind) {
    case STEP_RESERVE:
        if (bridge->options.is_through) {
            end_step (bridge, NULL, NULL);
        } else {
            go_on_reserving (bridge, step);
        }
        break;
    case STEP_OFFER:
        if (bridge->options.is_through) {
            end_step (bridge, step->offer, NULL);
        } else {
            begin_offer (bridge, step);
        }
        break;
    case STEP_ANSWER:
        if (bridge->options.is_through) {
            end_step (bridge, step->answer, NULL);
        } else {
            begin_answer (bridge, step);
        }
        break;
    case STEP_PLAY:
        modify (bridge, step->to, NULL, NULL);
        break;
    case STEP_REMOVE:
        begin_remove (bridge, step);
        break;
    case STEP_SPARE:
        begin_spare (bridge);
        break;
    case STEP_CLOSE:
        go_on_closing (bridge, step);
        break;
    }
}

static void
keep_stats (Seat *seat, const TdMediaOutcome *outcome)
{
    if (outcome->n_stats > 0) {
        seat->stats = outcome->stats[0];
        seat->has_stats = true;
    }
}

/* The provider has answered the request of the step at the head. */
static void
answered_reserve (TdBridge *bridge, Step *step)
{
    seat_at (bridge, step->phase++ == 0 ? step->from : step->to)->is_placed = true;
    go_on_reserving (bridge, step);
}

static void
answered_offer (TdBridge *bridge, Step *step, const TdMediaOutcome *outcome)
{
    if (step->phase++ == 0) {
        seat_at (bridge, step->from)->is_placed = true;
        bridge->has_transcoder |= outcome->has_transcoder;
        offer_onwards (bridge, step);
    } else {
        seat_at (bridge, step->to)->is_placed = true;
        end_step (bridge, tell (seat_at (bridge, step->to), outcome->local), NULL);
    }
}

static void
answered_answer (TdBridge *bridge, Step *step, const TdMediaOutcome *outcome)
{
    switch (step->phase++) {
    case 0: /* the answering side knows its remote end */
        answer_asker (bridge, step);
        break;
    case 1: /* the asking side has its local description */
        seat_at (bridge, step->from)->is_placed = true;
        if (!seat_at (bridge, step->from)->is_settled) {
            g_clear_pointer (&step->offer, td_description_unref);
            step->offer = td_description_ref (tell (seat_at (bridge, step->from), outcome->local));
        }
        connect_both (bridge, step);
        break;
    default:
        end_step (bridge, step->offer, NULL);
    }
}

static void
answered_step (void *data, const TdMediaOutcome *outcome)
{
    TdBridge *bridge = data;
    Step *step = bridge->first;

    if (step->kind == STEP_REMOVE) {
        keep_stats (seat_at (bridge, step->to), outcome);
        drop_seat (bridge, step->to);
        end_step (bridge, NULL, NULL);
    } else if (step->kind == STEP_CLOSE) {
        keep_stats (seat_at (bridge, step->to++), outcome);
        go_on_closing (bridge, step);
    } else if (step->kind == STEP_SPARE) {
        end_step (bridge, NULL, NULL);
    } else if (outcome->cause != TD_CAUSE_NONE) {
        fail_step (bridge, outcome->cause, outcome->reason);
    } else if (step->kind == STEP_OFFER) {
        answered_offer (bridge, step, outcome);
    } else if (step->kind == STEP_RESERVE) {
        answered_reserve (bridge, step);
    } else if (step->kind == STEP_PLAY) {
        if (step->phase++ == 0) {
            connect_both (bridge, step);
        } else {
            end_step (bridge, NULL, NULL);
        }
    } else {
        answered_answer (bridge, step, outcome);
    }
}

/* --- Asking ------------------------------------------------------------------------------ */

void
td_bridge_reserve (TdBridge *bridge, unsigned from, unsigned to, TdBridgeTag tag)
{
    push_step (bridge, STEP_RESERVE, from, to, NULL, NULL, tag);
}

void
td_bridge_offer (TdBridge *bridge, unsigned from, unsigned to, TdDescription *offer,
                 TdBridgeTag tag)
{
    push_step (bridge, STEP_OFFER, from, to, offer, NULL, tag);
}

void
td_bridge_answer (TdBridge *bridge, unsigned from, unsigned to, TdDescription *offer,
                  TdDescription *answer, TdBridgeTag tag)
{
    if (to < bridge->n_seats) {
        seat_at (bridge, to)->is_heard = true;
    }
    push_step (bridge, STEP_ANSWER, from, to, offer, answer, tag);
}

void
td_bridge_play (TdBridge *bridge, unsigned from, unsigned to, TdBridgeTag tag)
{
    push_step (bridge, STEP_PLAY, from, to, NULL, NULL, tag);
}

TdDescription *
td_bridge_settle (TdBridge *bridge, unsigned index, const TdDescription *said)
{
    Seat *seat = index < bridge->n_seats ? seat_at (bridge, index) : NULL;

    if (seat == NULL || seat->told == NULL) {
        return NULL;
    }
    seat->is_settled = true;
    return td_negotiate_agreed (said, seat->told);
}

void
td_bridge_unsettle (TdBridge *bridge, unsigned index)
{
    if (index < bridge->n_seats) {
        seat_at (bridge, index)->is_settled = false;
    }
}

void
td_bridge_remove (TdBridge *bridge, unsigned index)
{
    push_step (bridge, STEP_REMOVE, index, index, NULL, NULL, (TdBridgeTag){ 0 });
}

/* Whether nothing is known of the seat of INDEX but to us, and nothing is under way. */
static bool
may_be_spared (TdBridge *bridge, unsigned index)
{
    const Seat *seat = seat_at (bridge, index);
    const Step *step = bridge->first;

    return seat->is_placed && !seat->is_heard && !seat->is_leaving
           && (step == NULL || (step->from != index && step->to != index));
}

void
td_bridge_spare (TdBridge *bridge, unsigned index)
{
    if (may_be_spared (bridge, index)) {
        Seat *seat = seat_at (bridge, index);
        seat->is_spare = true;
        g_clear_pointer (&seat->told, td_description_unref);
    } else {
        td_bridge_remove (bridge, index);
    }
}

void
td_bridge_drop_spares (TdBridge *bridge)
{
    for (unsigned i = 0; i < bridge->n_seats; i++) {
        Seat *seat = seat_at (bridge, i);
        if (seat->is_spare) {
            seat->is_spare = false;
            td_bridge_remove (bridge, i);
        }
    }
    if (bridge->provider != NULL && bridge->options.can_transcode && !bridge->is_closing) {
        push_step (bridge, STEP_SPARE, 0, 0, NULL, NULL, (TdBridgeTag){ 0 });
    }
}

/* Forgets the steps behind the head: ALL, or those about LEG but for its removal. */
static void
forget (TdBridge *bridge, bool all, TdId leg)
{
    if (bridge->first == NULL) {
        return;
    }
    Step **link = &bridge->first->next;
    while (*link != NULL) {
        Step *step = *link;
        bool is_removal = step->kind == STEP_REMOVE;
        if (all || (!is_removal && step->tag.leg == leg)) {
            *link = step->next;
            step_free (step);
        } else {
            link = &step->next;
        }
    }
    bridge->last = link;
}

void
td_bridge_forget (TdBridge *bridge, TdId leg)
{
    forget (bridge, false, leg);
}

void
td_bridge_close (TdBridge *bridge)
{
    g_return_if_fail (!bridge->is_closing);
    bridge->is_closing = true;
    forget (bridge, true, TD_ID_NONE);
    push_step (bridge, STEP_CLOSE, 0, 0, NULL, NULL, (TdBridgeTag){ 0 });
}

const TdMediaStats *
td_bridge_stats (TdBridge *bridge, unsigned index)
{
    const Seat *seat = index < bridge->n_seats ? seat_at (bridge, index) : NULL;

    return seat != NULL && seat->has_stats ? &seat->stats : NULL;
}

/* No step: it changes nothing and need not wait for what does. */
bool
td_bridge_audit (TdBridge *bridge, unsigned index, TdMediaAnswered answered, void *data)
{
    const Seat *seat = index < bridge->n_seats ? seat_at (bridge, index) : NULL;

    if (seat == NULL || seat->is_leaving || seat->termination == NULL
        || seat->termination->state == NULL) {
        return false;
    }
    td_media_audit (seat->termination, bridge->options.timeout_ms, answered, data);
    return true;
}

bool
td_bridge_is_closing (const TdBridge *bridge)
{
    return bridge->is_closing;
}

TdId
td_bridge_id (const TdBridge *bridge)
{
    return bridge->id;
}

bool
td_bridge_is_through (const TdBridge *bridge)
{
    return bridge->options.is_through;
}

/* --- Events ------------------------------------------------------------------------------ */

static void
take_event (TdId id, unsigned termination, TdMediaEventKind kind, int64_t value)
{
    TdBridge *bridge = td_id_table_find (td_lane_ids (td_lane_current ()), TD_ID_BRIDGE, id);

    if (bridge != NULL && !bridge->is_closing) {
        bridge->options.media_event (bridge->options.owner, termination, kind, value);
    }
}

void
td_bridges_open (void)
{
    td_media_set_event_sink (take_event);
}
