/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Channels: one leg of a call, the same whatever protocol is behind it.
 *
 *                       events                                 verbs
 *     endpoint module --------> channel ---> call ---> channel --------> endpoint module
 *        (wire)        ringing,                        originate, ring,      (wire)
 *                      answered,                       answer, release,
 *                      released ...                    ...
 *
 * An endpoint module is a driver: a table of verbs. It makes a channel for what comes in and offers
 * it to a call; for what goes out the call makes the channel and tells the driver to originate. It
 * knows nothing of routing and of other legs.
 *
 *     incoming:  OFFERED -> PROCEEDING -> ALERTING -> ANSWERED --+
 *     outgoing:  CALLING -> PROCEEDING -> ALERTING -> ANSWERED --+-> RELEASING -> RELEASED
 *
 * All of it happens on the channel's lane. A verb may bring events about before it returns: they
 * are kept until the call has finished its step. After td_channel_released() the driver hears
 * nothing more but freed().
 *
 * An outgoing leg may fork: several early dialogs, each with an id of the driver's own choice,
 * which every event of it carries (RFC 3261 12.1).
 */

#ifndef TANDEM_CHANNEL_H
#define TANDEM_CHANNEL_H

#include <tandem/attribute.h>
#include <tandem/cause.h>
#include <tandem/id.h>
#include <tandem/lane.h>
#include <tandem/number.h>
#include <tandem/offer.h>
#include <tandem/priority.h>

G_BEGIN_DECLS

typedef enum {
    TD_CHANNEL_NEW, /* not offered, or not originated, yet */
    TD_CHANNEL_OFFERED,
    TD_CHANNEL_CALLING,
    TD_CHANNEL_PROCEEDING,
    TD_CHANNEL_ALERTING,
    TD_CHANNEL_ANSWERED,
    TD_CHANNEL_RELEASING, /* told to go; the driver is clearing */
    TD_CHANNEL_RELEASED,
} TdChannelState;

/* The verbs. All but originate, answer and release may be NULL: the call does without. DESCRIPTION
 * is transfer none everywhere: reference what you keep. DATA of the channel is
 * td_channel_data(). */
typedef struct {
    uint32_t size;    /* sizeof (TdChannelDriver) */
    const char *name; /* "sip": also how targets name it */
    /* Nullable. The media of its legs have no address but are an internal termination of this kind
     * ("loop"): such a leg answers with td_channel_answered() and no description. Behind one that ends
     * in "/" comes what the leg's target says after its scheme: of a driver with "source/" the target
     * "announce:tone/busy" is the termination "source/tone/busy". */
    const char *service;
    /* Places the leg: parties, attributes, target and offer are on the channel. An offer that is
     * NULL is asked of the peer (delayed offer). */
    void (*originate) (TdChannel *channel);
    void (*proceeding) (TdChannel *channel);
    /* The far end rings. DESCRIPTION (nullable): early media. */
    void (*ring) (TdChannel *channel, TdDescription *description);
    /* Something is to be heard, but nobody rings yet. */
    void (*progress) (TdChannel *channel, TdDescription *description);
    /* DESCRIPTION: the answer, or the offer where the peer made none. */
    void (*answer) (TdChannel *channel, TdDescription *description);
    /* Offers DESCRIPTION (NULL: asks for one) in an answered leg: hold, resume, other media. Ends
     * with td_channel_offer_answered() or td_channel_offer_refused(). */
    void (*offer) (TdChannel *channel, TdDescription *description);
    /* The answer to the peer's last offer. */
    void (*accept) (TdChannel *channel, TdDescription *description);
    /* To the peer's last offer, or to td_channel_transferred(): the call stays where it is. */
    void (*refuse) (TdChannel *channel, const TdCause *cause);
    /* One telephone event that came out of band on the other leg; to a leg whose termination is internal also
     * one that came with the media (RFC 4733), as it begins: DURATION_MS is 0 then. */
    void (*digit) (TdChannel *channel, char digit, uint32_t duration_ms);
    /* An incoming leg that is not answered is sent elsewhere: TARGETS, NULL-terminated. */
    void (*redirect) (TdChannel *channel, const char *const *targets);
    /* The priority class has risen. */
    void (*reclassify) (TdChannel *channel);
    /* Ends the leg. Must bring td_channel_released() about, at once or when the peer has agreed or
     * failed to. */
    void (*release) (TdChannel *channel, const TdCause *cause);
    /* As release, with the warning to the user that the cause asks for first. NULL: release. */
    void (*preempt) (TdChannel *channel, const TdCause *cause);
    /* The channel is being freed: free its data. */
    void (*freed) (void *data);
    /* What an operator wants to see in "call show" goes to INFO. */
    void (*describe) (TdChannel *channel, GVariantDict *info);
    /* What the leg's internal termination plays has come to its end. */
    void (*played) (TdChannel *channel);
    /* An incoming leg that is not answered waits for means to place its call (RFC 4412 4.7.2.2). The
     * driver says so again as often as its protocol asks for, until the next verb. */
    void (*queued) (TdChannel *channel);
} TdChannelDriver;

/* Makes DRIVER (copied) known under its name, leased to the newest generation.
 * Thread: control. */
TD_API bool td_channel_driver_register (TdModule *module, const TdChannelDriver *driver,
                                        GError **error);

/* --- For drivers: making a channel ------------------------------------------------------- */

/* A channel of MODULE, on the current lane, for a leg that comes in. It belongs to the core; fill
 * it in and give it to td_channel_offer_call(), or to td_channel_released(). Returns NULL when the
 * module is stopping or the lane's ids are used up. Thread: a lane. */
TD_API TdChannel *td_channel_new (TdModule *module, const char *driver, void *data);

/* Says, before the leg is offered, which class its call begins with: its first resource is taken in
 * that class already. Of several the highest stays. Needs a module with the feature "priority.class".
 * Returns false when MODULE has not that right, the leg was offered before, or the class is not above
 * TD_CLASS_ORDINARY and what was said before.
 * Thread: the lane of CHANNEL. */
TD_API bool td_channel_classify (TdModule *module, TdChannel *channel, const TdPriority *priority);

/* Offers the leg: a call is made and takes its way. OFFER is nullable (delayed offer).
 * Thread: the lane of CHANNEL. */
TD_API void td_channel_offer_call (TdChannel *channel, TdDescription *offer);

/* --- What is on a channel ---------------------------------------------------------------- */
/* Thread, of all here: the lane of CHANNEL. Results are transfer none. */

TD_API TdId td_channel_id (const TdChannel *channel);
TD_API TdChannel *td_channel_find (TdId id); /* NULL: stale, or of another lane */
TD_API TdModule *td_channel_module (const TdChannel *channel);
TD_API const char *td_channel_driver_name (const TdChannel *channel);
TD_API void *td_channel_data (const TdChannel *channel);
TD_API void td_channel_set_data (TdChannel *channel, void *data);
TD_API TdChannelState td_channel_state (const TdChannel *channel);
TD_API TdCall *td_channel_call (const TdChannel *channel); /* NULL: none, or on another lane */
TD_API TdId td_channel_call_id (const TdChannel *channel); /* that one's, too; TD_ID_NONE: none */
TD_API TdParty *td_channel_calling (TdChannel *channel);   /* to be read; a driver may write ... */
TD_API TdParty *td_channel_called (TdChannel *channel);    /* ... until it offers the leg */
TD_API TdAttributes *td_channel_attributes (TdChannel *channel);
TD_API const TdCause *td_channel_cause (const TdChannel *channel);
TD_API const TdPriority *td_channel_priority (const TdChannel *channel);

/* The trunk group a leg came in by or goes out by, "" for none; a driver sets it before it offers
 * the leg. */
TD_API const char *td_channel_trunk (const TdChannel *channel);
TD_API void td_channel_set_trunk (TdChannel *channel, const char *trunk);

/* Where an outgoing leg goes: what the driver's originate() reads, such as a URI or an address. */
TD_API const char *td_channel_target (const TdChannel *channel);

/* The offer of an outgoing leg, or NULL. */
TD_API TdDescription *td_channel_offer (const TdChannel *channel);

/* The peer's own name for the leg, such as a Call-ID: for traces and records. */
TD_API const char *td_channel_peer_id (const TdChannel *channel);
TD_API void td_channel_set_peer_id (TdChannel *channel, const char *peer_id);

/* The peer's address, for traces and records. */
TD_API void td_channel_set_peer_address (TdChannel *channel, const char *address);

/* The marks of priority as they stood in the message that placed the leg, for records ("ets.0, wps.1").
 * NULL, or "": none. */
TD_API void td_channel_set_marks (TdChannel *channel, const char *marks);

/* --- Events, from drivers ---------------------------------------------------------------- */
/* Thread, of all here: the lane of CHANNEL. EARLY_ID: which early dialog, 0 where there is one
 * only. DESCRIPTION is transfer none. With td_channel_progressed () a leg whose termination is internal is
 * heard by the caller, too. */

TD_API void td_channel_proceeding (TdChannel *channel);
TD_API void td_channel_ringing (TdChannel *channel, uint32_t early_id, TdDescription *description);
TD_API void td_channel_progressed (TdChannel *channel, uint32_t early_id,
                                   TdDescription *description);
TD_API void td_channel_answered (TdChannel *channel, uint32_t early_id, TdDescription *description);

/* The peer offers in an answered leg (NULL: it asks for an offer). The call answers with accept or
 * refuse; with cause TD_CAUSE_NONE the refusal is glare (RFC 3261 14.2). */
TD_API void td_channel_offered (TdChannel *channel, TdDescription *description);
TD_API void td_channel_offer_answered (TdChannel *channel, TdDescription *description);
TD_API void td_channel_offer_refused (TdChannel *channel, const TdCause *cause);

TD_API void td_channel_digit (TdChannel *channel, char digit, uint32_t duration_ms);

/* More of the called number came (overlap dialling). IS_LAST: no more will follow. */
TD_API void td_channel_more_digits (TdChannel *channel, const char *digits, bool is_last);

/* An outgoing leg hands the call on to NUMBER (digits, after a + for an international number), whom it calls
 * from now on: the leg is released, and the route hooks are asked. A caller who was answered stays it; he
 * hears ringing, early media and whatever is played to him, and "call.connected" tells of the answer. A call
 * with TD_ATTRIBUTE_NO_TRANSFER, such as one for help, stays with the leg, which is told so by refuse(). */
TD_API void td_channel_transferred (TdChannel *channel, const char *number);

/* A leg with an internal termination is heard as SERVICE ("source/tone/dial") from now on, in place of what
 * it was. When that has ended, or could not be begun, comes played(). Returns false when there is nobody to
 * hear it, or no place for it; true tells that it was asked for. Thread: the lane of CHANNEL. */
TD_API bool td_channel_play (TdChannel *channel, const char *service);

/* The leg has ended, whoever ended it. The last event. */
TD_API void td_channel_released (TdChannel *channel, const TdCause *cause);

G_END_DECLS

#endif
