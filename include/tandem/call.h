/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls: the only place where legs meet.
 *
 *     leg A offered -> class -> admit hooks -> route hooks -> for each target:
 *                                                  attempt hooks -> leg B originates
 *                                                       |                |
 *                                       skip, try next <+----------------+-> ringing, answered
 *                                                                              |
 *                       release from either side, in every state <-------------+
 *
 * A call lives on the lane of its first leg. Everybody else holds its id and posts. What happens to
 * it is told on the bus as facts ("call.started" ... "call.ended"); what may happen to it is asked
 * at four hook points, whose subject is the call:
 *
 *     "admit"    CONTINUE, DONE, REFUSE, LATER (a queue is a hook that takes its time)
 *     "route"    DONE with a TdRouteList as payload, MORE_DIGITS, CONTINUE (I know no route), REFUSE
 *     "attempt"  CONTINUE, SKIP (next target), REFUSE (the call fails), DONE
 *     "failed"   nobody was found: DONE with a TdRouteList (another way, or what the caller hears
 *                instead), CONTINUE (let it go), REFUSE (let it go for this cause), LATER
 */

#ifndef TANDEM_CALL_H
#define TANDEM_CALL_H

#include <tandem/bus.h>
#include <tandem/channel.h>
#include <tandem/hook.h>

G_BEGIN_DECLS

typedef enum {
    TD_CALL_ADMITTING,
    TD_CALL_ROUTING,
    TD_CALL_COLLECTING, /* waits for digits */
    TD_CALL_ATTEMPTING, /* the attempt hooks are being asked */
    TD_CALL_CALLING,    /* one leg B, or a ringing group of them, is out */
    TD_CALL_ALERTING,
    TD_CALL_FAILING, /* nobody was found: the failed hooks are being asked */
    TD_CALL_ANSWERED,
    TD_CALL_RELEASING,
    TD_CALL_ENDED,
} TdCallState;

typedef enum {
    TD_CONTROL_FIRST,   /* whoever hangs up first ends the call */
    TD_CONTROL_CALLING, /* only the caller does; the called party may come back meanwhile */
    TD_CONTROL_CALLED,
} TdReleaseControl;

/* --- Route lists ------------------------------------------------------------------------- */

typedef struct TdRouteList TdRouteList;

/* One target of a route list: a trunk group, whose members are tried one after another, or an address.
 * Texts are copied when it is added. */
typedef struct {
    uint32_t size;           /* sizeof (TdTarget) */
    uint32_t group;          /* targets of one group ring together; groups are tried in turn */
    const char *driver;      /* "sip"; NULL: that of the trunk's member */
    const char *trunk;       /* trunk group, nullable */
    const char *address;     /* what the driver's originate() reads; NULL: the trunk's members */
    const char *number;      /* number to send, NULL: the called one */
    uint32_t no_answer_ms;   /* after which the next group is tried; 0: the call's default */
    uint32_t no_response_ms; /* until the first sign of life; 0: the call's default */
    bool is_media_through;   /* media go past the switch, whatever the trunk says: descriptions are
                              * handed on untouched */
    const char *calling;     /* number to show as the calling one, NULL: as it came */
} TdTarget;

/* How far a route list is tried. Zeros are the call's defaults. */
typedef struct {
    uint32_t size; /* sizeof (TdHuntRules) */
    uint32_t max_attempts;
    uint32_t within_ms; /* after the first attempt: no new one is begun later */
    /* A bit for each Q.850 cause, the lowest bit of the first word for cause 0, after which the next
     * member or target is tried; used where HAS_CAUSES says so. */
    bool has_causes;
    uint64_t causes[2];
    /* From a failed hook: what the caller hears of why he does not get through, no other way. Whatever
     * becomes of it, the call ends for what it had failed for, with the route and the called leg it
     * had then; the hooks are not asked again. */
    bool is_treatment;
    uint8_t release_cause; /* of a treatment: what the call ends for instead; 0: as said */
} TdHuntRules;

/* Thread, of all here: any, one at a time. */
/* LABEL is for the records; NULL (of a list from a failed hook): as that of the list before. */
TD_API TdRouteList *td_route_list_new (const char *label);
TD_API void td_route_list_free (TdRouteList *list);
/* At most 100 targets; returns false when there are that many. */
TD_API bool td_route_list_add (TdRouteList *list, const TdTarget *target);
TD_API void td_route_list_set_rules (TdRouteList *list, const TdHuntRules *rules);
TD_API unsigned td_route_list_length (const TdRouteList *list);
TD_API const TdTarget *td_route_list_target (const TdRouteList *list, unsigned index);
TD_API const char *td_route_list_label (const TdRouteList *list);
TD_API const TdHuntRules *td_route_list_rules (const TdRouteList *list);

/* --- What is on a call ------------------------------------------------------------------- */
/* Thread, of all here: the lane of CALL. Results are transfer none. */

TD_API TdId td_call_id (const TdCall *call);
TD_API TdCall *td_call_find (TdId id); /* NULL: stale, or of another lane */
TD_API TdCallState td_call_state (const TdCall *call);
TD_API const char *td_call_state_name (const TdCall *call);
TD_API TdChannel *td_call_incoming (const TdCall *call);
/* The leg B that answered, or the first one that is out, or NULL. */
TD_API TdChannel *td_call_outgoing (const TdCall *call);
TD_API const TdParty *td_call_calling (const TdCall *call);
TD_API const TdParty *td_call_called (const TdCall *call);
TD_API TdAttributes *td_call_attributes (TdCall *call);
TD_API const TdPriority *td_call_priority (const TdCall *call);
TD_API TdConfig *td_call_config (const TdCall *call);
/* The trunk group the call came by, "" for none. */
TD_API const char *td_call_trunk (const TdCall *call);
/* When the call began, or the time a "route test" asks about (wall us): what schedules go by. */
TD_API int64_t td_call_time_us (const TdCall *call);

/* --- In an attempt hook ------------------------------------------------------------------ */

/* The target that is asked about. Its number and attributes may be altered. */
TD_API const TdTarget *td_call_target (const TdCall *call);
TD_API void td_call_set_number (TdCall *call, const char *number);
TD_API TdAttributes *td_call_target_attributes (TdCall *call);

/* How many legs of that target have failed. One that names a trunk and no address is asked about again
 * after each failure that is worth another try, until a hook answers SKIP or, where no hook has set an
 * address, the trunk's members have all been tried. */
TD_API unsigned td_call_target_tries (const TdCall *call);

/* Sends this attempt to ADDRESS ("sip:198.51.100.7"): the member that the hook has chosen. */
TD_API void td_call_set_address (TdCall *call, const char *address);

/* Sends this attempt out by TRUNK in place of the target's (a reroute), to the address that is set as
 * well. That it fails is a failure of the target all the same. */
TD_API void td_call_set_trunk (TdCall *call, const char *trunk);

/* Something that lasts as long as a leg, such as a seat on its trunk. Embed it. */
typedef struct TdHold TdHold;

struct TdHold {
    TdModule *owner; /* in use until the hold has ended */
    /* The leg has been released, or (LEG is NULL) none came of the attempt. On the lane that took the
     * hold, also when another lane's call has adopted the leg. May free HOLD. */
    void (*ended) (TdHold *hold, TdChannel *leg);
    TdHold *next; /* private */
    TdId leg;     /* the leg it is kept for; TD_ID_NONE as long as none came of the attempt */
};

/* Keeps HOLD (transfer none until it has ended) for the leg that comes of this attempt. */
TD_API void td_call_hold (TdCall *call, TdHold *hold);

/* The same for a leg that is there, such as the incoming one in an admit hook. Thread: the lane of
 * CHANNEL. */
TD_API void td_channel_hold (TdChannel *channel, TdHold *hold);

/* --- In a route hook --------------------------------------------------------------------- */

/* Whether somebody wants to know how the answer is found ("route test"), and one line of that:
 * STEP is a word or two. Without effect on other calls. */
TD_API bool td_call_is_explained (const TdCall *call);
TD_API void td_call_explain (TdCall *call, const char *step, const char *format, ...)
    TD_PRINTF (3, 4);

/* CALLED is whom it is about from now on: for a code in front of the number, which says something of the
 * call and nothing of who is called. The hooks that come later see that number. */
TD_API void td_call_set_called (TdCall *call, const TdParty *called);

/* --- In a failed hook --------------------------------------------------------------------- */

/* What CALL failed for, NULL when it has not: of all its route lists the last one that was no treatment.
 * The failed hooks are asked when a route hook refused or nobody knew a route, when an attempt hook
 * refused, when no target is left, and when a list of their own has failed in its turn; for four
 * such lists a call at most. They are not asked when the caller hangs up or an operator releases. */
TD_API const TdCause *td_call_failure (const TdCall *call);

/* Whether what CALL failed for is worth another try by another way, as its route list's rules say. */
TD_API bool td_call_may_go_elsewhere (const TdCall *call);

/* What CALL fails for instead, with a protocol's code where one is to be said. In an admit hook that
 * refuses as well. */
TD_API void td_call_set_failure (TdCall *call, const TdCause *cause);

/* --- Waiting ----------------------------------------------------------------------------- */

/* In an admit or failed hook that answers later: CALL waits for means from now on, its caller is told,
 * and "call.queued" tells so. */
TD_API void td_call_wait (TdCall *call);

/* CALL waits no more, or could not even wait; RESULT says how that went: "served", "timeout",
 * "overflow", "displaced". A call that ends while it waits has "abandoned". */
TD_API void td_call_wait_ended (TdCall *call, const char *result);

/* CONTROL ("gap", "rate") would have kept CALL out but for its class: for the records. */
TD_API void td_call_add_exemption (TdCall *call, const char *control);

/* --- Asking where a call would go -------------------------------------------------------- */

/* A call that is not made. Copied; what it points to lives until DONE. */
typedef struct {
    uint32_t size;   /* sizeof (TdRouteQuestion) */
    TdModule *owner; /* in use until DONE; NULL: the core */
    TdParty calling, called;
    const char *trunk; /* the trunk group it would come by, "" for none */
    int64_t time_us;   /* wall */
    TdPriority priority;
    TdAttributes *attributes; /* nullable; the hooks may set others */
    /* Nullable. One line of how the answer is found. */
    void (*explain) (const char *step, const char *text, void *data);
    /* The outcome: HOOK_NAME (nullable: no hook decided) has answered. ROUTES: of TD_HOOK_DONE
     * (transfer none). */
    void (*done) (const TdHookAnswer *answer, const char *hook_name, const TdRouteList *routes,
                  void *data);
    void *data;
} TdRouteQuestion;

/* Asks the route hooks QUESTION. They see a call without legs, that nobody can find:
 * td_call_incoming () is NULL. DONE comes on this lane, maybe before this returns. Thread: a lane
 * that carries calls. Blocks: never. */
TD_API void td_route_ask (const TdRouteQuestion *question);

/* --- Doing something to a call ----------------------------------------------------------- */

TD_API void td_call_set_release_control (TdCall *call, TdReleaseControl control);

/* Raises the class of CALL, never lowers it; every channel and seat of it follows, and the fact
 * "call.priority" tells so. IS_LATE: after the call was admitted. Needs a module with the feature
 * "priority.class". Returns false when the class would not rise, or MODULE has not the right. */
TD_API bool td_call_raise_priority (TdModule *module, TdCall *call, const TdPriority *priority,
                                    bool is_late);

/* Ends CALL for CAUSE, from any state. Thread: the lane of CALL. */
TD_API void td_call_release (TdCall *call, const TdCause *cause);

/* Ends the call of ID if it is still there. Thread: any. Blocks: never. */
TD_API void td_call_release_by_id (TdModule *module, TdId id, const TdCause *cause);

/* Ends the call of ID, if it is still there, because the call WINNER takes the place of one of its legs: of
 * the incoming one with IS_INCOMING, else of an outgoing one. CAUSE is TD_CAUSE_PREEMPTION, in
 * TD_CODE_PREEMPTION where that applies; the leg whose place it is hears TD_CAUSE_PREEMPTION_REUSE. A caller
 * who was not answered yet, and keeps his place, is treated as one whose call has failed. The record names
 * WINNER. Thread: any. Blocks: never. Spec: RFC 4412 4.5.1, RFC 4411. */
TD_API void td_call_preempt_by_id (TdModule *module, TdId id, TdId winner, bool is_incoming,
                                   const TdCause *cause);

/* CALL has taken a place of the call VICTIM: for the records. Thread: the lane of CALL. */
TD_API void td_call_add_preempted (TdCall *call, TdId victim);

/* Moves the answered leg CHANNEL, from whatever call and lane it is on, into CALL, in the place of
 * LEG (one of CALL's own, which is released with TD_CAUSE_NORMAL_CLEARING), or as its missing
 * second leg when LEG is TD_ID_NONE. The call it leaves goes on with its other leg, if that is being
 * adopted too, and ends otherwise. DONE runs on the lane of CALL. Thread: the lane of CALL. */
TD_API void td_call_adopt_leg (TdModule *module, TdCall *call, TdId channel, TdId leg,
                               void (*done) (bool is_adopted, void *data), void *data);

/* --- Facts ------------------------------------------------------------------------------- */

/* The body of every "call.*" fact: what is known of the call at that moment. Times are 0 until they
 * have come. */
typedef struct {
    TdId call;
    const char *calling;
    const char *called;
    const char *calling_trunk;
    const char *called_trunk;
    const char *calling_peer; /* address */
    const char *called_peer;
    const char *calling_peer_id; /* Call-ID */
    const char *called_peer_id;
    const char *route; /* label of the route list */
    const char *state;
    int64_t started_us; /* wall */
    int64_t alerting_us;
    int64_t answered_us;
    int64_t ended_us;
    int64_t duration_us; /* from answer to end, monotonic */
    int64_t setup_us;    /* from start to first alerting or answer, monotonic */
    uint32_t attempts;   /* legs tried */
    uint32_t cause;      /* Q.850 */
    const char *cause_text;
    uint32_t protocol_code;  /* "486" */
    const char *released_by; /* "calling", "called", "switch" */
    const char *name_space;  /* priority */
    const char *value;
    uint32_t priority_class;
    const char *codec_calling;
    const char *codec_called;
    int64_t packets_from_calling;
    int64_t packets_from_called;
    int64_t packets_lost_from_calling;
    int64_t packets_lost_from_called;
    uint32_t jitter_from_calling_us;
    uint32_t jitter_from_called_us;
    TdId calling_leg;         /* as its channel, and whoever holds something for it, name it */
    TdId called_leg;          /* the one the fact is about, where several ring together */
    int64_t queue_wait_us;    /* in queues for means, monotonic */
    const char *queue_result; /* of the last one; NULL: it was in none */
    const char *exemptions; /* controls that would have kept it out but for its class, "gap,rate" */
    const char *carriers;   /* trunk groups that legs went out by, in their order, "a,b" */
    /* "default", "rph", "signature", "access", "number", "cpc", "pin", "sos" */
    const char *classified_by;
    const char *classified_stage; /* "early", "late"; "" by default */
    const char *marks_in;         /* of priority, as the calling leg brought them */
    const char *marks_out;        /* ... and as the called leg's request has them */
    const char *preempted_by;     /* the call for which it was ended; NULL: none */
    const char *preempted;        /* the calls that were ended for it, "id,id" */
    const char *signature;        /* TD_ATTRIBUTE_SIGNATURE; NULL: none was asked for */
    const char *account;          /* TD_ATTRIBUTE_ACCOUNT; NULL: who usually pays */
    const char *dialled; /* who was dialled at first, of a call that was handed on; nullable */
    /* When somebody answered to whom an answered call was handed on, and how long until its end. */
    int64_t connected_us;
    int64_t connected_duration_us;
    uint32_t redirections;       /* followed: called peers would have it elsewhere */
    const char *original_called; /* who was called before the first of them; NULL: there was none */
} TdCallFact;

/* The topics "call.started", "call.routed", "call.attempt", "call.attempt-failed", "call.alerting",
 * "call.answered", "call.connected", "call.updated", "call.priority", "call.media", "call.queued" and
 * "call.ended" have TdCallFact as body. In an inline subscriber the call may be looked up as well. */

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TdRouteList, td_route_list_free)

G_END_DECLS

#endif
