/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Channels: one leg of a call; what a driver tells of it and what it is told to do. */

#include "call/channel.h"

#include "base/owner.h"
#include "call/call.h"
#include "run/lane.h"

#include <string.h>
#include <tandem/log.h>

/* --- The machine ------------------------------------------------------------------------- */

/* Events from the driver come first and are the same as TdLegEventKind; then the verbs. */
enum {
    DO_OFFER_CALL = N_LEG_EVENTS,
    DO_ORIGINATE,
    DO_RING,
    DO_PROGRESS,
    DO_ANSWER,
    DO_OFFER,
    DO_ACCEPT,
    DO_REFUSE,
    DO_DIGIT,
    DO_QUEUE,
    DO_RELEASE,
    N_CHANNEL_EVENTS,
};

static const char *const event_names[N_CHANNEL_EVENTS] = {
    [LEG_PROCEEDING] = "proceeding",
    [LEG_RINGING] = "ringing",
    [LEG_PROGRESSED] = "progressed",
    [LEG_ANSWERED] = "answered",
    [LEG_OFFERED] = "offered",
    [LEG_OFFER_ANSWERED] = "offer-answered",
    [LEG_OFFER_REFUSED] = "offer-refused",
    [LEG_DIGIT] = "digit",
    [LEG_MORE_DIGITS] = "more-digits",
    [LEG_TRANSFERRED] = "transferred",
    [LEG_RELEASED] = "released",
    [DO_OFFER_CALL] = "offer-call",
    [DO_ORIGINATE] = "originate",
    [DO_RING] = "ring",
    [DO_PROGRESS] = "progress",
    [DO_ANSWER] = "answer",
    [DO_OFFER] = "offer",
    [DO_ACCEPT] = "accept",
    [DO_REFUSE] = "refuse",
    [DO_DIGIT] = "send-digit",
    [DO_QUEUE] = "queue",
    [DO_RELEASE] = "release",
};

/* The state that EVENT leads to, or the present one. */
static unsigned
state_after (const TdChannel *channel, unsigned event)
{
    static const uint8_t next[N_CHANNEL_EVENTS] = {
        [LEG_PROCEEDING] = TD_CHANNEL_PROCEEDING, [LEG_PROGRESSED] = TD_CHANNEL_PROCEEDING,
        [LEG_RINGING] = TD_CHANNEL_ALERTING,      [LEG_ANSWERED] = TD_CHANNEL_ANSWERED,
        [LEG_RELEASED] = TD_CHANNEL_RELEASED,     [DO_OFFER_CALL] = TD_CHANNEL_OFFERED,
        [DO_ORIGINATE] = TD_CHANNEL_CALLING,      [DO_PROGRESS] = TD_CHANNEL_PROCEEDING,
        [DO_RING] = TD_CHANNEL_ALERTING,          [DO_ANSWER] = TD_CHANNEL_ANSWERED,
        [DO_RELEASE] = TD_CHANNEL_RELEASING,
    };
    unsigned state = td_fsm_state (&channel->fsm);

    /* Progress after ringing is no way back. */
    return next[event] > state ? next[event] : state;
}

static void
act (void *self, unsigned event, void *data)
{
    TdChannel *channel = self;
    unsigned state = state_after (channel, event);

    if (state != td_fsm_state (&channel->fsm)) {
        td_fsm_enter (&channel->fsm, state);
    }
}

#define EARLY_EVENTS                                                                               \
    (TD_BIT (LEG_PROCEEDING) | TD_BIT (LEG_RINGING) | TD_BIT (LEG_PROGRESSED)                      \
     | TD_BIT (LEG_ANSWERED) | TD_BIT (LEG_DIGIT) | TD_BIT (LEG_MORE_DIGITS)                       \
     | TD_BIT (LEG_TRANSFERRED) | TD_BIT (LEG_RELEASED) | TD_BIT (DO_RING) | TD_BIT (DO_PROGRESS)  \
     | TD_BIT (DO_ANSWER) | TD_BIT (DO_DIGIT) | TD_BIT (DO_QUEUE) | TD_BIT (DO_RELEASE))
#define AFTER_EARLY                                                                                \
    (TD_BIT (TD_CHANNEL_PROCEEDING) | TD_BIT (TD_CHANNEL_ALERTING) | TD_BIT (TD_CHANNEL_ANSWERED)  \
     | TD_BIT (TD_CHANNEL_RELEASING) | TD_BIT (TD_CHANNEL_RELEASED))

static const TdState states[] = {
    [TD_CHANNEL_NEW] = {
        .name = "new",
        .events = TD_BIT (DO_OFFER_CALL) | TD_BIT (DO_ORIGINATE) | TD_BIT (LEG_RELEASED)
                  | TD_BIT (DO_RELEASE),
        .next = TD_BIT (TD_CHANNEL_OFFERED) | TD_BIT (TD_CHANNEL_CALLING)
                | TD_BIT (TD_CHANNEL_RELEASING) | TD_BIT (TD_CHANNEL_RELEASED),
        .action = act,
    },
    [TD_CHANNEL_OFFERED] = { .name = "offered", .events = EARLY_EVENTS, .next = AFTER_EARLY,
                             .action = act },
    [TD_CHANNEL_CALLING] = { .name = "calling", .events = EARLY_EVENTS, .next = AFTER_EARLY,
                             .action = act },
    [TD_CHANNEL_PROCEEDING] = { .name = "proceeding", .events = EARLY_EVENTS, .next = AFTER_EARLY,
                                .action = act },
    [TD_CHANNEL_ALERTING] = { .name = "alerting", .events = EARLY_EVENTS, .next = AFTER_EARLY,
                              .action = act },
    [TD_CHANNEL_ANSWERED] = {
        .name = "answered",
        .events = TD_BIT (LEG_OFFERED) | TD_BIT (LEG_OFFER_ANSWERED) | TD_BIT (LEG_OFFER_REFUSED)
                  | TD_BIT (LEG_DIGIT) | TD_BIT (LEG_TRANSFERRED) | TD_BIT (LEG_RELEASED)
                  | TD_BIT (DO_OFFER)
                  | TD_BIT (DO_ACCEPT) | TD_BIT (DO_REFUSE) | TD_BIT (DO_DIGIT)
                  | TD_BIT (DO_RELEASE),
        .next = TD_BIT (TD_CHANNEL_RELEASING) | TD_BIT (TD_CHANNEL_RELEASED),
        .action = act,
    },
    [TD_CHANNEL_RELEASING] = {
        .name = "releasing",
        .events = TD_BIT (LEG_RELEASED),
        .next = TD_BIT (TD_CHANNEL_RELEASED),
        .action = act,
    },
    [TD_CHANNEL_RELEASED] = { .name = "released" },
};

const TdMachine td_channel_machine = {
    .name = "channel",
    .states = states,
    .n_states = G_N_ELEMENTS (states),
    .events = event_names,
    .n_events = N_CHANNEL_EVENTS,
};

/* --- Making and freeing ------------------------------------------------------------------ */

static TdChannel *
channel_new (TdDriverEntry *driver, bool is_incoming)
{
    TdChannel *channel = g_new0 (TdChannel, 1);

    channel->id = td_id_table_add (td_lane_ids (td_lane_current ()), TD_ID_CHANNEL, channel);
    if (channel->id == TD_ID_NONE) {
        g_free (channel);
        td_driver_release (driver);
        return NULL;
    }
    channel->driver = driver;
    channel->is_incoming = is_incoming;
    channel->attributes = td_attributes_new ();
    channel->termination = TD_NO_TERMINATION;
    td_fsm_init (&channel->fsm, NULL, &td_channel_machine, channel);
    return channel;
}

TdChannel *
td_channel_new (TdModule *module, const char *driver_name, void *data)
{
    TdDriverEntry *driver = td_driver_acquire (driver_name, module);

    if (driver == NULL) {
        return NULL;
    }
    if (module != NULL && atomic_load (&td_owner_of (module)->is_stopping)) {
        td_driver_release (driver);
        return NULL;
    }
    TdChannel *channel = channel_new (driver, true);
    if (channel != NULL) {
        channel->data = data;
    }
    return channel;
}

TdChannel *
td_channel_new_outgoing (TdCall *call, TdDriverEntry *driver, const char *target)
{
    TdChannel *channel = channel_new (driver, false);

    if (channel != NULL) {
        channel->call = call;
        channel->target = g_strdup (target);
    }
    return channel;
}

/* --- Holds ------------------------------------------------------------------------------- */

void
td_hold_add (TdHold **holds, TdHold *hold)
{
    td_owner_use (td_owner_of (hold->owner));
    hold->next = *holds;
    *holds = hold;
}

void
td_holds_move (TdHold **holds, TdChannel *leg)
{
    for (TdHold *hold = *holds; hold != NULL; hold = hold->next) {
        hold->leg = leg->id;
    }
    leg->holds = g_steal_pointer (holds);
}

void
td_holds_end (TdHold **holds, TdChannel *leg)
{
    TdHold *hold;

    while ((hold = *holds) != NULL) {
        TdModule *owner = hold->owner;
        *holds = hold->next;
        hold->ended (hold, leg);
        td_owner_unuse (td_owner_of (owner));
    }
}

void
td_channel_hold (TdChannel *channel, TdHold *hold)
{
    g_return_if_fail (td_channel_is_alive (channel));
    hold->leg = channel->id;
    td_hold_add (&channel->holds, hold);
}

void
td_channel_free (TdChannel *channel)
{
    const TdChannelDriver *driver = &channel->driver->driver;

    td_holds_end (&channel->holds, channel);
    td_timer_stop (&channel->timer);
    td_fsm_clear (&channel->fsm);
    td_id_table_remove (td_lane_ids (td_lane_current ()), channel->id);
    if (driver->freed != NULL && channel->data != NULL) {
        driver->freed (channel->data);
    }
    td_driver_release (channel->driver);
    td_attributes_free (channel->attributes);
    g_clear_pointer (&channel->offer, td_description_unref);
    g_free (channel->trunk);
    g_free (channel->target);
    g_free (channel->peer_id);
    g_free (channel->peer_address);
    g_free (channel->marks);
    g_free (channel->stats);
    g_free (channel);
}

/* --- What is on a channel ---------------------------------------------------------------- */

TdId
td_channel_id (const TdChannel *channel)
{
    return channel->id;
}

TdChannel *
td_channel_find (TdId id)
{
    return td_id_table_find (td_lane_ids (td_lane_current ()), TD_ID_CHANNEL, id);
}

TdModule *
td_channel_module (const TdChannel *channel)
{
    return channel->driver->module;
}

const char *
td_channel_driver_name (const TdChannel *channel)
{
    return channel->driver->driver.name;
}

void *
td_channel_data (const TdChannel *channel)
{
    return channel->data;
}

void
td_channel_set_data (TdChannel *channel, void *data)
{
    channel->data = data;
}

TdChannelState
td_channel_state (const TdChannel *channel)
{
    return td_fsm_state (&channel->fsm);
}

bool
td_channel_is_alive (const TdChannel *channel)
{
    return td_fsm_state (&channel->fsm) != TD_CHANNEL_RELEASED;
}

TdCall *
td_channel_call (const TdChannel *channel)
{
    return channel->call;
}

TdId
td_channel_call_id (const TdChannel *channel)
{
    return channel->call != NULL ? td_call_id (channel->call) : channel->adopted_by;
}

TdParty *
td_channel_calling (TdChannel *channel)
{
    return &channel->calling;
}

TdParty *
td_channel_called (TdChannel *channel)
{
    return &channel->called;
}

TdAttributes *
td_channel_attributes (TdChannel *channel)
{
    return channel->attributes;
}

const TdCause *
td_channel_cause (const TdChannel *channel)
{
    return &channel->cause;
}

const TdPriority *
td_channel_priority (const TdChannel *channel)
{
    static const TdPriority ordinary = { .priority_class = TD_CLASS_ORDINARY };

    if (channel->call != NULL) {
        return td_call_priority (channel->call);
    }
    return channel->priority.priority_class != 0 ? &channel->priority : &ordinary;
}

static void
replace (char **text, const char *value)
{
    char *old = *text;

    *text = g_strdup (value);
    g_free (old);
}

const char *
td_channel_trunk (const TdChannel *channel)
{
    return channel->trunk != NULL ? channel->trunk : "";
}

void
td_channel_set_trunk (TdChannel *channel, const char *trunk)
{
    replace (&channel->trunk, trunk);
}

const char *
td_channel_target (const TdChannel *channel)
{
    return channel->target;
}

TdDescription *
td_channel_offer (const TdChannel *channel)
{
    return channel->offer;
}

const char *
td_channel_peer_id (const TdChannel *channel)
{
    return channel->peer_id;
}

void
td_channel_set_peer_id (TdChannel *channel, const char *peer_id)
{
    replace (&channel->peer_id, peer_id);
}

void
td_channel_set_peer_address (TdChannel *channel, const char *address)
{
    replace (&channel->peer_address, address);
}

void
td_channel_set_marks (TdChannel *channel, const char *marks)
{
    replace (&channel->marks, marks);
}

bool
td_channel_classify (TdModule *module, TdChannel *channel, const TdPriority *priority)
{
    if (!td_call_may_raise (module)) {
        return false;
    }
    if (td_fsm_state (&channel->fsm) != TD_CHANNEL_NEW || !channel->is_incoming
        || priority->priority_class <= td_channel_priority (channel)->priority_class
        || priority->priority_class > TD_CLASS_MAX) {
        return false;
    }
    channel->priority = *priority;
    return true;
}

/* --- Events, from drivers ---------------------------------------------------------------- */

/* Only the leg that was placed can be answered or hand the call on, only the one that came can have more
 * digits. */
static bool
is_right_way (const TdChannel *channel, TdLegEventKind kind)
{
    switch (kind) {
    case LEG_PROCEEDING:
    case LEG_RINGING:
    case LEG_PROGRESSED:
    case LEG_ANSWERED:
    case LEG_TRANSFERRED:
        return !channel->is_incoming;
    case LEG_MORE_DIGITS:
        return channel->is_incoming;
    default:
        return true;
    }
}

void
td_channel_tell (TdChannel *channel, const TdLegEvent *event)
{
    if (!is_right_way (channel, event->kind)) {
        td_log_peer (td_channel_module (channel), "channel.wrong-way", channel->peer_id, NULL,
                     "%s is not for %s leg: ignored", event_names[event->kind],
                     channel->is_incoming ? "an incoming" : "an outgoing");
        return;
    }
    if (!td_fsm_dispatch (&channel->fsm, event->kind, NULL)) {
        return;
    }
    if (event->kind == LEG_RELEASED) {
        channel->cause = event->cause;
        td_timer_stop (&channel->timer);
        td_holds_end (&channel->holds, channel);
    }
    if (channel->stands_for != TD_ID_NONE) {
        td_adopted_hear (channel, event);
    } else if (channel->call != NULL) {
        td_call_hear (channel->call, channel, event);
    } else if (event->kind == LEG_RELEASED) {
        td_channel_free (channel);
    } else if (event->kind == LEG_OFFERED) {
        /* On its way from one call to another: not now (RFC 3261 14.2). */
        td_leg_refuse (channel, &(TdCause){ 0 });
    }
}

void
td_channel_offer_call (TdChannel *channel, TdDescription *offer)
{
    if (offer != NULL) {
        channel->offer = td_description_ref (offer);
    }
    td_fsm_dispatch (&channel->fsm, DO_OFFER_CALL, NULL);
    td_call_start (channel);
}

void
td_channel_proceeding (TdChannel *channel)
{
    td_channel_tell (channel, &(TdLegEvent){ .kind = LEG_PROCEEDING });
}

void
td_channel_ringing (TdChannel *channel, uint32_t early_id, TdDescription *description)
{
    td_channel_tell (
        channel,
        &(TdLegEvent){ .kind = LEG_RINGING, .early_id = early_id, .description = description });
}

void
td_channel_progressed (TdChannel *channel, uint32_t early_id, TdDescription *description)
{
    td_channel_tell (
        channel,
        &(TdLegEvent){ .kind = LEG_PROGRESSED, .early_id = early_id, .description = description });
}

void
td_channel_answered (TdChannel *channel, uint32_t early_id, TdDescription *description)
{
    td_channel_tell (
        channel,
        &(TdLegEvent){ .kind = LEG_ANSWERED, .early_id = early_id, .description = description });
}

void
td_channel_offered (TdChannel *channel, TdDescription *description)
{
    td_channel_tell (channel, &(TdLegEvent){ .kind = LEG_OFFERED, .description = description });
}

void
td_channel_offer_answered (TdChannel *channel, TdDescription *description)
{
    td_channel_tell (channel,
                     &(TdLegEvent){ .kind = LEG_OFFER_ANSWERED, .description = description });
}

void
td_channel_offer_refused (TdChannel *channel, const TdCause *cause)
{
    td_channel_tell (channel, &(TdLegEvent){ .kind = LEG_OFFER_REFUSED, .cause = *cause });
}

void
td_channel_digit (TdChannel *channel, char digit, uint32_t duration_ms)
{
    td_channel_tell (
        channel, &(TdLegEvent){ .kind = LEG_DIGIT, .digit = digit, .duration_ms = duration_ms });
}

void
td_channel_more_digits (TdChannel *channel, const char *digits, bool is_last)
{
    td_channel_tell (
        channel, &(TdLegEvent){ .kind = LEG_MORE_DIGITS, .digits = digits, .is_last = is_last });
}

void
td_channel_transferred (TdChannel *channel, const char *number)
{
    td_channel_tell (channel, &(TdLegEvent){ .kind = LEG_TRANSFERRED, .digits = number });
}

bool
td_channel_play (TdChannel *channel, const char *service)
{
    return channel->call != NULL && td_call_play (channel->call, channel, service);
}

void
td_channel_released (TdChannel *channel, const TdCause *cause)
{
    td_channel_tell (channel, &(TdLegEvent){ .kind = LEG_RELEASED, .cause = *cause });
}

/* --- Verbs ------------------------------------------------------------------------------- */

void
td_leg_originate (TdChannel *channel)
{
    if (td_fsm_dispatch (&channel->fsm, DO_ORIGINATE, NULL)) {
        channel->driver->driver.originate (channel);
    }
}

void
td_leg_ring (TdChannel *channel, TdDescription *description)
{
    if (td_fsm_dispatch (&channel->fsm, DO_RING, NULL) && channel->driver->driver.ring != NULL) {
        channel->driver->driver.ring (channel, description);
    }
}

void
td_leg_progress (TdChannel *channel, TdDescription *description)
{
    if (td_fsm_dispatch (&channel->fsm, DO_PROGRESS, NULL)
        && channel->driver->driver.progress != NULL) {
        channel->driver->driver.progress (channel, description);
    }
}

void
td_leg_answer (TdChannel *channel, TdDescription *description)
{
    if (td_fsm_dispatch (&channel->fsm, DO_ANSWER, NULL)) {
        channel->driver->driver.answer (channel, description);
    }
}

bool
td_leg_offer (TdChannel *channel, TdDescription *description)
{
    if (channel->driver->driver.offer == NULL || !td_fsm_dispatch (&channel->fsm, DO_OFFER, NULL)) {
        return false;
    }
    channel->driver->driver.offer (channel, description);
    return true;
}

void
td_leg_accept (TdChannel *channel, TdDescription *description)
{
    if (td_fsm_dispatch (&channel->fsm, DO_ACCEPT, NULL)
        && channel->driver->driver.accept != NULL) {
        channel->driver->driver.accept (channel, description);
    }
}

void
td_leg_refuse (TdChannel *channel, const TdCause *cause)
{
    if (td_fsm_dispatch (&channel->fsm, DO_REFUSE, NULL)
        && channel->driver->driver.refuse != NULL) {
        channel->driver->driver.refuse (channel, cause);
    }
}

void
td_leg_refuse_transfer (TdChannel *channel, const TdCause *cause)
{
    if (channel->driver->driver.refuse != NULL) {
        channel->driver->driver.refuse (channel, cause);
    }
}

void
td_leg_digit (TdChannel *channel, char digit, uint32_t duration_ms)
{
    if (td_fsm_dispatch (&channel->fsm, DO_DIGIT, NULL) && channel->driver->driver.digit != NULL) {
        channel->driver->driver.digit (channel, digit, duration_ms);
    }
}

void
td_leg_queued (TdChannel *channel)
{
    if (td_fsm_dispatch (&channel->fsm, DO_QUEUE, NULL) && channel->driver->driver.queued != NULL) {
        channel->driver->driver.queued (channel);
    }
}

void
td_leg_played (TdChannel *channel)
{
    if (td_channel_is_alive (channel) && td_fsm_state (&channel->fsm) != TD_CHANNEL_RELEASING
        && channel->driver->driver.played != NULL) {
        channel->driver->driver.played (channel);
    }
}

char *
td_leg_service (const TdChannel *leg)
{
    const char *service = leg->driver->driver.service;
    const char *rest = leg->target != NULL ? strchr (leg->target, ':') : NULL;

    if (service == NULL || !g_str_has_suffix (service, "/")) {
        return g_strdup (service);
    }
    return g_strconcat (service, rest != NULL ? rest + 1 : leg->target, NULL);
}

void
td_leg_reclassify (TdChannel *channel)
{
    if (td_channel_is_alive (channel) && channel->driver->driver.reclassify != NULL) {
        channel->driver->driver.reclassify (channel);
    }
}

void
td_leg_release (TdChannel *channel, const TdCause *cause)
{
    unsigned state = td_fsm_state (&channel->fsm);

    if (state == TD_CHANNEL_RELEASING || state == TD_CHANNEL_RELEASED) {
        return;
    }
    TdCause own = *cause;
    if (own.value == TD_CAUSE_PREEMPTION && channel->is_reused) {
        own.value = TD_CAUSE_PREEMPTION_REUSE;
    }
    td_timer_stop (&channel->timer);
    td_fsm_dispatch (&channel->fsm, DO_RELEASE, NULL);
    if (state == TD_CHANNEL_NEW) {
        /* The driver has not heard of it yet. */
        td_channel_released (channel, &own);
    } else if (own.space == TD_CODE_PREEMPTION && channel->driver->driver.preempt != NULL) {
        channel->driver->driver.preempt (channel, &own);
    } else {
        channel->driver->driver.release (channel, &own);
    }
}
