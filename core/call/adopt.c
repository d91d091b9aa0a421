/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A leg moves to another call: attended transfer, pick-up, a conference that begins.
 *
 *     adopting call's lane              the leg's own lane
 *     td_call_adopt_leg () ---post--->  frozen: it leaves its call, becomes a stub
 *     a channel in its place <--post--  (its call goes on, or ends)
 *          | verbs ------------post---> stub ---> driver
 *          | <---------------post------ stub <--- driver's events
 *
 * The driver never notices: its leg stays on the lane where its messages arrive, and the stub carries
 * verbs one way and events the other. On one lane there is no stub; the leg itself changes hands.
 */

#include "call/call.h"

#include "base/owner.h"

#include <tandem/log.h>

/* How long the call that is left waits for its other leg to be adopted, too. */
enum { OTHER_LEG_MS = 500 };

/* --- Stubs ------------------------------------------------------------------------------- */

typedef enum {
    VERB_OFFER,
    VERB_ACCEPT,
    VERB_REFUSE,
    VERB_DIGIT,
    VERB_RELEASE,
} Verb;

/* One verb or event on its way from lane to lane. */
typedef struct {
    TdPost post; /* first */
    TdId to;     /* the channel it is for */
    Verb verb;
    TdLegEvent event;
    TdDescription *description;
    TdCause cause;
    char digit;
    uint32_t duration_ms;
} Message;

static void
drop_message (TdPost *post)
{
    Message *message = (Message *) post;

    g_clear_pointer (&message->description, td_description_unref);
    g_free (message);
}

static void
send_message (Message *message, void (*run) (TdPost *post))
{
    if (message->description != NULL) {
        td_description_ref (message->description);
    }
    message->post = (TdPost){ .run = run, .drop = drop_message };
    td_lane_post (td_lane_at (td_id_lane (message->to)), &message->post);
}

static void
run_verb (TdPost *post)
{
    Message *message = (Message *) post;
    TdChannel *leg = td_channel_find (message->to);

    if (leg != NULL && td_channel_is_alive (leg)) {
        switch (message->verb) {
        case VERB_OFFER:
            if (!td_leg_offer (leg, message->description)) {
                TdCause cause = td_cause (TD_CAUSE_BEARER_NOT_IMPLEMENTED, NULL);
                td_channel_offer_refused (leg, &cause);
            }
            break;
        case VERB_ACCEPT:
            td_leg_accept (leg, message->description);
            break;
        case VERB_REFUSE:
            td_leg_refuse (leg, &message->cause);
            break;
        case VERB_DIGIT:
            td_leg_digit (leg, message->digit, message->duration_ms);
            break;
        case VERB_RELEASE:
            td_leg_release (leg, &message->cause);
            break;
        }
    }
    drop_message (post);
}

static TdId
home_of (const TdChannel *channel)
{
    return *(const TdId *) td_channel_data (channel);
}

static void
send_verb (TdChannel *channel, const Message *what)
{
    Message *message = g_memdup2 (what, sizeof (Message));

    message->to = home_of (channel);
    send_message (message, run_verb);
}

static void
send_offer (TdChannel *channel, TdDescription *description)
{
    send_verb (channel, &(Message){ .verb = VERB_OFFER, .description = description });
}

static void
send_accept (TdChannel *channel, TdDescription *description)
{
    send_verb (channel, &(Message){ .verb = VERB_ACCEPT, .description = description });
}

static void
send_refuse (TdChannel *channel, const TdCause *cause)
{
    send_verb (channel, &(Message){ .verb = VERB_REFUSE, .cause = *cause });
}

static void
send_digit (TdChannel *channel, char digit, uint32_t duration_ms)
{
    send_verb (channel,
               &(Message){ .verb = VERB_DIGIT, .digit = digit, .duration_ms = duration_ms });
}

static void
send_release (TdChannel *channel, const TdCause *cause)
{
    send_verb (channel, &(Message){ .verb = VERB_RELEASE, .cause = *cause });
}

/* A leg that was adopted is answered already: these two never come. */
static void
never_originate (TdChannel *channel)
{
    g_return_if_reached ();
}

static void
never_answer (TdChannel *channel, TdDescription *description)
{
    g_return_if_reached ();
}

static const TdChannelDriver adopted_driver = {
    .size = sizeof (TdChannelDriver),
    .name = "adopted",
    .originate = never_originate,
    .answer = never_answer,
    .offer = send_offer,
    .accept = send_accept,
    .refuse = send_refuse,
    .digit = send_digit,
    .release = send_release,
    .freed = g_free,
};

static void
run_event (TdPost *post)
{
    Message *message = (Message *) post;
    TdChannel *channel = td_channel_find (message->to);

    if (channel != NULL) {
        message->event.description = message->description;
        td_channel_tell (channel, &message->event);
    }
    drop_message (post);
}

/* What the driver tells of a stub goes to the channel that stands for it. */
void
td_adopted_hear (TdChannel *stub, const TdLegEvent *event)
{
    Message *message = g_new0 (Message, 1);

    message->to = stub->stands_for;
    message->event = *event;
    message->description = event->description;
    send_message (message, run_event);
    if (event->kind == LEG_RELEASED) {
        td_channel_free (stub);
    }
}

/* --- Adoption ---------------------------------------------------------------------------- */

/* The request, on its way there and back. */
typedef struct {
    TdPost post; /* first */
    TdModule *module;
    TdId call, leg, channel;
    void (*done) (bool is_adopted, void *data);
    void *data;
    /* What comes back: */
    bool is_frozen;
    TdParty calling, called;
    TdPriority priority; /* of the call that is left */
    bool is_incoming;
    TdAttributes *attributes;
    char *trunk, *peer_id, *peer_address;
    TdId replacement; /* id of the channel on the adopting lane, for the stub */
} Adoption;

static void
adoption_free (Adoption *adoption)
{
    td_attributes_free (adoption->attributes);
    g_free (adoption->trunk);
    g_free (adoption->peer_id);
    g_free (adoption->peer_address);
    g_free (adoption);
}

static void
finish (Adoption *adoption, bool is_adopted)
{
    if (!td_owner_is_stopped (adoption->module)) {
        adoption->done (is_adopted, adoption->data);
    }
    adoption_free (adoption);
}

/* LEG leaves its call, which ends unless its other leg is adopted, too. */
static bool
detach (TdChannel *leg, TdPriority *ret_priority)
{
    TdCall *call = leg->call;

    if (call == NULL || td_fsm_state (&leg->fsm) != TD_CHANNEL_ANSWERED
        || td_call_state (call) != TD_CALL_ANSWERED || call->exchange.from != NULL) {
        return false;
    }
    if (call->bridge != NULL && leg->termination != TD_NO_TERMINATION) {
        td_bridge_remove (call->bridge, leg->termination);
    }
    leg->termination = TD_NO_TERMINATION;
    leg->call = NULL;
    *ret_priority = call->priority;
    td_call_leave_leg (call, leg, OTHER_LEG_MS);
    return true;
}

/* On its way to the stub of a channel, and on to the leg itself when it was adopted more than once. */
typedef struct {
    TdPost post; /* first */
    TdId stub, call;
} Naming;

static void name_at_home (const TdChannel *channel, TdId call);

static void
run_naming (TdPost *post)
{
    Naming *naming = (Naming *) post;
    TdChannel *stub = td_channel_find (naming->stub);

    if (stub != NULL) {
        stub->adopted_by = naming->call;
        name_at_home (stub, naming->call);
    }
    g_free (naming);
}

static void
drop_naming (TdPost *post)
{
    g_free (post);
}

/* Where CHANNEL stands for a leg of another lane, that leg learns whose it is: an operator asks its
 * driver by the id of the call. */
static void
name_at_home (const TdChannel *channel, TdId call)
{
    if (channel->driver->driver.offer != send_offer) {
        return;
    }
    Naming *naming = g_new0 (Naming, 1);
    naming->post = (TdPost){ .run = run_naming, .drop = drop_naming };
    naming->stub = home_of (channel);
    naming->call = call;
    td_lane_post (td_lane_at (td_id_lane (naming->stub)), &naming->post);
}

/* CHANNEL takes its place in CALL, which is of PRIORITY now if that is the higher one, and the other leg
 * is told of its media. */
static bool
attach (TdCall *call, TdChannel *channel, TdId replaced, const TdPriority *priority)
{
    TdChannel *old = replaced != TD_ID_NONE ? td_channel_find (replaced) : NULL;
    TdCause cause = td_cause (TD_CAUSE_NORMAL_CLEARING, NULL);

    if (td_call_state (call) != TD_CALL_ANSWERED
        || (replaced != TD_ID_NONE && (old == NULL || old->call != call))) {
        return false;
    }
    channel->call = call;
    name_at_home (channel, td_call_id (call));
    td_call_seat_leg (call, channel, old);
    td_call_take_priority (call, priority, true);
    if (old != NULL) {
        if (call->bridge != NULL && old->termination != TD_NO_TERMINATION) {
            td_bridge_remove (call->bridge, old->termination);
            old->termination = TD_NO_TERMINATION;
        }
        td_leg_release (old, &cause);
    }
    td_exchange_begin_ours (call, channel);
    return true;
}

/* A channel on this lane in the place of the frozen one on its own. */
static TdChannel *
make_replacement (const Adoption *adoption)
{
    TdChannel *channel = td_channel_new (NULL, adopted_driver.name, NULL);

    if (channel == NULL) {
        return NULL;
    }
    channel->data = g_memdup2 (&adoption->channel, sizeof (TdId));
    channel->is_incoming = adoption->is_incoming;
    channel->calling = adoption->calling;
    channel->called = adoption->called;
    td_channel_set_trunk (channel, adoption->trunk);
    td_channel_set_peer_id (channel, adoption->peer_id);
    td_channel_set_peer_address (channel, adoption->peer_address);
    td_fsm_enter (&channel->fsm, TD_CHANNEL_OFFERED);
    td_fsm_enter (&channel->fsm, TD_CHANNEL_ANSWERED);
    return channel;
}

/* The frozen leg has nobody any more: it is let go. */
static void
let_go (TdId channel)
{
    Message *message = g_new0 (Message, 1);

    message->to = channel;
    message->verb = VERB_RELEASE;
    message->cause = td_cause (TD_CAUSE_NORMAL_UNSPECIFIED, NULL);
    send_message (message, run_verb);
}

/* On the leg's lane again: it now stands for its replacement. */
static void
run_link (TdPost *post)
{
    Adoption *adoption = (Adoption *) post;
    TdChannel *stub = td_channel_find (adoption->channel);

    if (stub != NULL) {
        stub->stands_for = adoption->replacement;
    } else {
        /* It was released while it stood alone. */
        Message *message = g_new0 (Message, 1);
        message->to = adoption->replacement;
        message->event = (TdLegEvent){ .kind = LEG_RELEASED,
                                       .cause = td_cause (TD_CAUSE_NORMAL_CLEARING, NULL) };
        send_message (message, run_event);
    }
    adoption_free (adoption);
}

static void
link_stub (Adoption *adoption, TdId replacement)
{
    Adoption *link = g_new0 (Adoption, 1);

    link->channel = adoption->channel;
    link->replacement = replacement;
    link->post = (TdPost){ .run = run_link, .drop = run_link };
    td_lane_post (td_lane_at (td_id_lane (adoption->channel)), &link->post);
}

/* Back on the adopting lane. */
static void
run_adopted (TdPost *post)
{
    Adoption *adoption = (Adoption *) post;
    TdCall *call = td_call_find (adoption->call);

    if (!adoption->is_frozen) {
        finish (adoption, false);
        return;
    }
    TdChannel *channel = call != NULL ? make_replacement (adoption) : NULL;
    if (channel != NULL) {
        link_stub (adoption, channel->id);
        if (attach (call, channel, adoption->leg, &adoption->priority)) {
            finish (adoption, true);
            return;
        }
        td_channel_free (channel);
    }
    let_go (adoption->channel);
    finish (adoption, false);
}

static void
freeze (Adoption *adoption)
{
    TdChannel *leg = td_channel_find (adoption->channel);

    adoption->is_frozen = leg != NULL && detach (leg, &adoption->priority);
    if (adoption->is_frozen) {
        adoption->calling = leg->calling;
        adoption->called = leg->called;
        adoption->is_incoming = leg->is_incoming;
        adoption->trunk = g_strdup (leg->trunk);
        adoption->peer_id = g_strdup (leg->peer_id);
        adoption->peer_address = g_strdup (leg->peer_address);
    }
}

static void
run_freeze (TdPost *post)
{
    Adoption *adoption = (Adoption *) post;

    freeze (adoption);
    post->run = post->drop = run_adopted;
    td_lane_post (td_lane_at (td_id_lane (adoption->call)), post);
}

/* On one lane: the leg itself changes hands. */
static void
adopt_here (Adoption *adoption, TdCall *call)
{
    TdChannel *leg = td_channel_find (adoption->channel);
    bool is_adopted = leg != NULL && leg->call != call && detach (leg, &adoption->priority);

    if (is_adopted && !attach (call, leg, adoption->leg, &adoption->priority)) {
        TdCause cause = td_cause (TD_CAUSE_NORMAL_UNSPECIFIED, NULL);
        td_leg_release (leg, &cause);
        is_adopted = false;
    }
    finish (adoption, is_adopted);
}

void
td_call_adopt_leg (TdModule *module, TdCall *call, TdId channel, TdId leg,
                   void (*done) (bool is_adopted, void *data), void *data)
{
    Adoption *adoption = g_new0 (Adoption, 1);

    adoption->module = module;
    adoption->call = td_call_id (call);
    adoption->channel = channel;
    adoption->leg = leg;
    adoption->done = done;
    adoption->data = data;
    if (td_id_lane (channel) >= td_lane_count ()) {
        finish (adoption, false);
    } else if (td_id_lane (channel) == td_id_lane (adoption->call)) {
        adopt_here (adoption, call);
    } else {
        adoption->post = (TdPost){ .run = run_freeze, .drop = run_freeze };
        td_lane_post (td_lane_at (td_id_lane (channel)), &adoption->post);
    }
}

void
td_adoption_open (void)
{
    g_autoptr (GError) error = NULL;

    if (!td_channel_driver_register (NULL, &adopted_driver, &error)) {
        g_critical ("%s", error->message);
    }
}
