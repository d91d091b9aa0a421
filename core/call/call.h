/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a call is inside.
 *
 *     call.c         keeps it alive and lets one thing happen at a time
 *     call-view.c    what others may read and change of it
 *     calls.c        all of them
 *     machine.c      its way from offered to ended
 *     hunt.c         the part of it that looks for somebody who answers
 *     destination.c  ... and makes the leg for one attempt
 *     failure.c      who is asked when nobody was found
 *     wait.c         its time in queues for means, and what it was exempted from
 *     preempt.c      its end for another one of higher precedence
 *     transfer.c     a called leg that hands it on to somebody else
 *     redirect.c     one that has it go elsewhere before anybody has answered
 *     exchange.c     offer and answer once it is up
 *     adopt.c        a leg that goes to another call
 *     facts.c        what is told of it
 */

#ifndef CORE_CALL_CALL_H
#define CORE_CALL_CALL_H

#include "call/bridge.h"
#include "call/channel.h"
#include "call/settings.h"
#include "run/hook.h"

#include <tandem/call.h>
#include <tandem/resource.h>

/* What can happen to a call. Events of legs come first and are the same as TdLegEventKind. */
typedef enum {
    CALL_LEG_TIMEOUT = N_LEG_EVENTS,
    CALL_HOOK_ANSWERED,
    CALL_STEPPED,
    CALL_MEDIA,
    CALL_DIGIT_TIMEOUT, /* the collecting state's timer */
    CALL_RELEASE,
    CALL_RELEASE_TIMEOUT, /* the releasing state's timer */
    CALL_CLOSED,          /* the bridge has */
    CALL_GUARD_TIMEOUT,   /* the party without release control did not come back */
    N_CALL_EVENTS,
} TdCallEvent;

/* Why the bridge was asked for a step. */
typedef enum {
    STEP_FOR_ORIGINATE =
        1,         /* what leg B needs to be called, and an offer for it if leg A made one */
    STEP_FOR_RING, /* an early answer for leg A */
    STEP_FOR_PROGRESS,
    STEP_FOR_ANSWER,       /* the answer for leg A */
    STEP_FOR_ANSWER_OFFER, /* leg A made no offer: leg B's, with which it is answered */
    STEP_FOR_REOFFER,      /* an offer for the other leg of an answered call */
    STEP_FOR_REACCEPT,     /* the offer that a leg had asked for */
    STEP_FOR_ACCEPT,       /* the answer for the leg that had offered */
    STEP_FOR_PLAY,         /* other sound of a leg with an internal termination, or ringback */
} TdStepPurpose;

/* One thing that happened, as the actions get it. Pointers live as long as the action. */
typedef struct {
    TdChannel *leg;             /* of leg events and timeouts */
    const TdLegEvent *event;    /* of leg events */
    const TdHookAnswer *answer; /* of hooks; the payload is the action's */
    const char *hook_name;
    TdBridgeTag tag; /* of steps */
    TdDescription *out;
    const TdCause *failure; /* of steps; of CALL_RELEASE the cause; of its timeout: a stop */
    bool is_told_why;       /* of CALL_RELEASE: a caller who waits for an answer may hear why */
    unsigned termination;   /* of media events */
    TdMediaEventKind media_kind;
    int64_t value;
} TdHappening;

/* Offer and answer between the two legs of an answered call: one at a time (RFC 3264 4). */
typedef struct {
    TdChannel *from, *to; /* who offered, who is to answer; FROM NULL: none in flight */
    TdDescription *offer;
    TdChannel *asker; /* who had asked for an offer with an empty one, until it was given one */
    bool is_ours;     /* the call has asked, for ASKER, who knows nothing of it */
} TdExchange;

typedef struct TdDeferred TdDeferred;

/* Why nobody was found, while the "failed" hooks are asked and what they want is done. */
typedef struct {
    TdCause cause;
    const char *by;         /* "called", "switch"; NULL: the call has not failed */
    TdAttributes *returned; /* of the leg that had the cause: for leg A; nullable */
    bool is_final;          /* no other way is worth a try */
    unsigned n_lists;       /* that these hooks have answered with */
    bool is_treated;        /* the last of them is what the caller hears, not another way */
} TdFailure;

/* Its time in queues. */
typedef struct {
    int64_t since_us;  /* 0: it does not wait */
    int64_t waited_us; /* before that */
    char result[16]; /* of the last one; a copy: who gave it may be unmapped. "": it was in none */
} TdWait;

/* A call that its called leg has handed on. */
typedef struct {
    char *dialled;    /* whom the caller had called at first; NULL: it was not handed on */
    bool is_answered; /* the caller was answered before: nothing of signalling can be told to him */
    unsigned ringback; /* the termination that he hears ringing from; TD_NO_TERMINATION: none */
    int64_t connected_us, connected_wall_us; /* when somebody answered to whom it was handed on */
} TdTransfer;

typedef struct TdRedirects TdRedirects;

/* What the facts still tell of a leg that has gone to another call. */
typedef struct {
    char *trunk, *peer_address, *peer_id, *marks;
    TdId leg;
} TdLegTrace;

struct TdCall {
    TdId id;
    TdFsm fsm; /* TdCallState */
    TdCallSettings *settings;
    TdSeat seat; /* of the limit on all calls */

    TdChannel *a; /* the leg that came in; NULL: it has gone to another call */
    TdChannel *b; /* the leg that answered */
    TdLegTrace gone_a, gone_b;
    TdChannel *early; /* the leg whose early media leg A hears */
    GPtrArray *legs;  /* all legs, A first as long as it is here; freed with the call */
    TdBridge *bridge;
    bool is_untold; /* leg A has had no description of ours yet */
    TdExchange exchange;

    TdParty calling, called;
    TdAttributes *attributes;
    TdPriority priority;
    bool is_class_late; /* it was raised when the call had been admitted */
    TdReleaseControl release_control;
    TdTimer guard;

    TdHookRun hook;
    TdRouteList *routes;
    unsigned next_target;           /* the next one to be asked about for the first time */
    unsigned group;                 /* the one being tried */
    unsigned target;                /* the one that is asked about */
    char *number, *address, *trunk; /* for it, when a hook altered them */
    TdAttributes *target_attributes;
    TdHold *holds;             /* for the leg that may come of it */
    int64_t hunt_until_us;     /* no attempt is begun later; 0: none was yet */
    unsigned n_before;         /* attempts that were made for the lists before this one */
    TdAttributes *returned;    /* of the leg whose cause is kept: for leg A; nullable */
    unsigned n_failed, n_busy; /* attempts of the list that failed; of these, for a busy user */
    bool may_try_next;         /* a leg of the group failed for a cause worth another try */
    bool has_more_digits;      /* came while the route hooks were being asked */

    TdFailure failure;
    TdTransfer transfer;
    TdRedirects *redirects; /* NULL: nobody has redirected it */
    TdWait wait;
    GString *exemptions, *carriers, *preempted; /* as the facts have them; NULL: none */
    TdId preempted_by;
    TdCause cause;
    const char *released_by;
    char *route_label;
    uint32_t sequence, n_attempts;
    int64_t started_wall_us, alerting_wall_us, answered_wall_us, ended_wall_us;
    int64_t started_us, alerting_us, answered_us, ended_us;

    const TdRouteQuestion *question; /* of a dry run; NULL: a real call */

    unsigned depth;            /* how many functions of the call are on the stack */
    TdDeferred *first, **last; /* what happened meanwhile */
};

extern const TdMachine td_call_machine;

void td_calls_open (const TdConfig *config);
void td_calls_close (void);
void td_calls_set_limit (const TdConfig *config); /* Thread: any */

/* New calls are refused from now on. Thread: any. */
void td_calls_refuse_new (void);
unsigned td_calls_count (void);

/* A call has begun; is gone. */
void td_calls_count_begun (void);
void td_calls_count_ended (void);

/* Why CALL, which is new, is not even let in, or TD_CAUSE_NONE: then it has its seat. */
unsigned td_calls_refusal (TdCall *call);

/* The switch stops: CALL ends, and waits no longer for legs that do not answer their release. It may be gone. */
void td_call_abandon (TdCall *call);

/* Calls VISIT with each call of the current lane. */
void td_calls_each (void (*visit) (TdCall *call, void *data), void *data);

/* As above, a part at a time: see td_id_table_some(). */
uint32_t td_calls_some (uint32_t first, uint32_t n_slots,
                        bool (*visit) (TdId id, void *call, void *data), void *data);

/* --- For the channel --- */
void td_call_start (TdChannel *channel);
void td_call_hear (TdCall *call, TdChannel *leg, const TdLegEvent *event);

/* --- For the parts of the call itself --- */

/* Gives EVENT to the machine, or keeps it until the call has finished its step. */
void td_call_happen (TdCall *call, TdCallEvent event, const TdHappening *happening);

/* Whether the machine will be given an answer of hooks, and that it is to be given none. */
bool td_call_is_asking (const TdCall *call);
void td_call_ask_no_more (TdCall *call);

/* The leg on the other side of LEG in an answered call, or NULL. */
TdChannel *td_call_other (const TdCall *call, const TdChannel *leg);

/* Whether LEG is out and may still answer. */
bool td_call_leg_is_live (const TdChannel *leg);

/* Makes the bridge and leg A's termination when there is none yet. */
bool td_call_ensure_bridge (TdCall *call, bool is_through, TdCause *ret_failure);

/* Goes to releasing for CAUSE; the first cause stays. BY: "calling", "called", "switch". */
void td_call_end (TdCall *call, const TdCause *cause, const char *by);

/* Goes to releasing for the cause VALUE, by the switch; TEXT is nullable. */
void td_call_end_for (TdCall *call, unsigned value, const char *text);

/* A hook has refused: the call has failed, or was not admitted. */
void td_call_refuse (TdCall *call, const TdHappening *what);

/* Tells the leg that has the termination of WHAT when it has played all there was. */
void td_call_take_end_of_media (TdCall *call, const TdHappening *what);

/* Every state before the release ends in the same ways. Returns whether EVENT was one of them. */
bool td_call_is_end (TdCall *call, unsigned event, const TdHappening *what);

/* Whether MODULE has the right to say a call's class; says in the log when it has not. */
bool td_call_may_raise (TdModule *module);

/* As td_call_raise_priority (), by the core. */
bool td_call_take_priority (TdCall *call, const TdPriority *priority, bool is_late);

/* --- route.c --- */

/* LIST takes the place of BEFORE (transfer full, nullable), which lives as long: hooks know targets of a
 * call by their address, and must not take one of LIST for one they have seen. */
void td_route_list_follow (TdRouteList *list, TdRouteList *before);

/* A list (transfer full) of the targets of LIST from FIRST on that go out by TRUNK (NULL: all of them), with its
 * rules; it may be empty. */
TdRouteList *td_route_list_part (const TdRouteList *list, unsigned first, const char *trunk);

/* --- hunt.c: attempting, calling, alerting --- */
void td_hunt_enter (void *self);
void td_hunt_act (void *self, unsigned event, void *data);
/* Hunts ROUTES (transfer full), which has a target, from its beginning. */
void td_hunt_begin (TdCall *call, TdRouteList *routes);
/* Releases the legs that are still out. */
void td_hunt_give_up (TdCall *call, const TdCause *cause);

/* --- failure.c: failing --- */
void td_failing_enter (void *self);
void td_failing_act (void *self, unsigned event, void *data);

/* Nobody was found, for CAUSE: the "failed" hooks are asked. BY: "called", "switch". RETURNED
 * (transfer full, nullable): what the leg that had the cause says with it. */
void td_call_fail (TdCall *call, const TdCause *cause, const char *by, TdAttributes *returned);
void td_call_fail_for (TdCall *call, unsigned value, const char *text);

/* Ends the call for what it has failed for. */
void td_call_end_failed (TdCall *call);
void td_failure_clear (TdFailure *failure);

/* --- transfer.c --- */

/* The leg of WHAT hands the call on. */
void td_call_take_transfer (TdCall *call, const TdHappening *what);

/* A step of STEP_FOR_PLAY is done. */
void td_call_take_play_step (TdCall *call, const TdHappening *what);

/* LEG, whose termination is internal, is heard as SERVICE from now on. */
bool td_call_play (TdCall *call, TdChannel *leg, const char *service);

/* Whether leg A was answered before the call was handed on. */
bool td_call_is_handed_on (const TdCall *call);

/* The caller, who can be told by sound alone, hears that it rings, or no more. */
void td_call_begin_ringback (TdCall *call);
void td_call_end_ringback (TdCall *call);

/* What leg A says in band, or beside its media, is for a called leg that is made of software. */
void td_call_take_digit (TdCall *call, const TdHappening *what);

/* Whether somebody else than whom the caller has called may be called in his stead. */
bool td_call_may_be_handed_on (TdCall *call);

/* Whoever the call was handed on to has answered. */
void td_call_connect (TdCall *call);
void td_transfer_clear (TdTransfer *transfer);

/* --- redirect.c --- */

/* LEG has failed: whom its peer would have called in its stead is kept until the group has failed. */
void td_redirect_take (TdCall *call, const TdChannel *leg);

/* The group has failed. Whether somebody of it has said where else, or was to be called elsewhere himself, and that
 * is tried now. */
bool td_redirect_begin (TdCall *call);
bool td_redirect_go_on (TdCall *call);

/* Whether the route hooks are asked where a redirected call may go; takes their answer. */
bool td_redirect_is_asking (const TdCall *call);
void td_redirect_take_routes (TdCall *call, const TdHookAnswer *answer);

/* Whoever has not been called yet will not be. */
void td_redirect_stop (TdCall *call);

/* For the facts: how often it was followed, and who was called before (nullable). */
unsigned td_redirect_count (const TdCall *call);
const char *td_redirect_original (const TdCall *call);
void td_redirects_free (TdRedirects *redirects);

/* --- wait.c --- */

bool td_call_is_waiting (const TdCall *call);

/* The call is over, whatever it waited for. */
void td_wait_abandon (TdCall *call);
void td_call_add_carrier (TdCall *call, const char *trunk);
/* Appends NAME to LIST, which is for the records, unless it is there, or the list too long. */
void td_call_add_name (GString **list, const char *name);
int64_t td_call_waited_us (const TdCall *call);

/* --- destination.c --- */

/* Where an attempt goes. */
typedef struct {
    const TdTarget *target;
    const char *trunk_name; /* nullable */
    const TdTrunk *trunk;   /* NULL: it names none, or one that the configuration no longer has */
    char *driver;           /* to be freed */
    const char *address;
} TdDestination;

/* To the address that a hook has chosen, the target's own, or that of the trunk's next member. Returns
 * false when all members have been tried. */
bool td_call_find_destination (TdCall *call, TdDestination *ret);

/* A leg of CALL for TO, with what the hooks have put on it. NULL: there is none, for RET_FAILURE. */
TdChannel *td_call_make_leg (TdCall *call, const TdDestination *to, TdCause *ret_failure);

/* Whom LEG calls, and its termination. */
bool td_call_prepare_leg (TdCall *call, const TdDestination *to, TdChannel *leg,
                          TdCause *ret_failure);

/* --- adopt.c --- */
void td_adoption_open (void);

/* LEG is another call's from now on; CALL ends in GRACE_MS unless its other leg leaves as well. */
void td_call_leave_leg (TdCall *call, TdChannel *leg, uint32_t grace_ms);

/* Puts LEG, which is answered, in the place of OLD (nullable: the place that is free). */
void td_call_seat_leg (TdCall *call, TdChannel *leg, const TdChannel *old);

/* --- exchange.c: an answered call --- */
void td_exchange_take_offer (TdCall *call, const TdHappening *what);
void td_exchange_take_answer (TdCall *call, const TdHappening *what);
void td_exchange_take_refusal (TdCall *call, const TdHappening *what);
void td_exchange_take_step (TdCall *call, const TdHappening *what);
/* The call itself has LEG make an offer for the other leg. */
void td_exchange_begin_ours (TdCall *call, TdChannel *leg);
void td_exchange_begin_delayed (TdCall *call, TdDescription *offer);
void td_exchange_clear (TdExchange *exchange);

/* --- facts.c --- */
void td_call_facts_open (void);
typedef enum {
    FACT_STARTED,
    FACT_ROUTED,
    FACT_ATTEMPT,
    FACT_ATTEMPT_FAILED,
    FACT_ALERTING,
    FACT_ANSWERED,
    FACT_CONNECTED,
    FACT_UPDATED,
    FACT_PRIORITY,
    FACT_MEDIA,
    FACT_QUEUED,
    FACT_ENDED,
    N_CALL_FACTS,
} TdCallFactKind;
/* LEG: the called leg it is about; NULL: the one that answered, or was tried last. */
void td_call_tell (TdCall *call, TdCallFactKind kind, const TdChannel *leg);

#endif
