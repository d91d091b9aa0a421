/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is told of a call on the bus. */

#include "call/call.h"

#include "run/bus.h"

#define TEXT(member, help)     TD_FIELD (TdCallFact, member, TD_FIELD_TEXT, help)
#define UINT(member, help)     TD_FIELD (TdCallFact, member, TD_FIELD_UINT, help)
#define INT(member, help)      TD_FIELD (TdCallFact, member, TD_FIELD_INT, help)
#define TIME(member, help)     TD_FIELD (TdCallFact, member, TD_FIELD_TIME, help)
#define DURATION(member, help) TD_FIELD (TdCallFact, member, TD_FIELD_DURATION, help)

static const TdField fields[] = {
    TD_FIELD (TdCallFact, call, TD_FIELD_ID, "The call"),
    TEXT (calling, "Who calls: number or user"),
    TEXT (called, "Who is called: number or user, as it was dialled"),
    TEXT (calling_trunk, "Trunk group the call came in by"),
    TEXT (called_trunk, "Trunk group the leg goes out by"),
    TEXT (calling_peer, "Address of the calling peer"),
    TEXT (called_peer, "Address of the called peer"),
    TEXT (calling_peer_id, "The calling peer's name for the leg, such as a Call-ID"),
    TEXT (called_peer_id, "The called peer's name for the leg"),
    TEXT (route, "Label of the route list"),
    TEXT (state, "State of the call"),
    TIME (started_us, "When the call was offered"),
    TIME (alerting_us, "When the caller was first told of ringing"),
    TIME (answered_us, "When it was answered"),
    TIME (ended_us, "When it ended"),
    DURATION (duration_us, "From answer to end, by the monotonic clock"),
    DURATION (setup_us, "From offer to first ringing or answer, by the monotonic clock"),
    UINT (attempts, "Legs tried"),
    UINT (cause, "Why it ended: Q.850"),
    TEXT (cause_text, "The same in words, the peer's own where it had any"),
    UINT (protocol_code, "The peer's own code, such as a SIP status; 0: none"),
    TEXT (released_by, "calling, called or switch"),
    TEXT (name_space, "Resource-priority namespace"),
    TEXT (value, "Resource-priority value"),
    UINT (priority_class, "0 to 15, 15 the highest"),
    TEXT (codec_calling, "Codec of the calling leg"),
    TEXT (codec_called, "Codec of the called leg"),
    INT (packets_from_calling, "RTP packets received from the calling leg"),
    INT (packets_from_called, "RTP packets received from the called leg"),
    INT (packets_lost_from_calling, "RTP packets lost on the way from the calling leg"),
    INT (packets_lost_from_called, "RTP packets lost on the way from the called leg"),
    UINT (jitter_from_calling_us, "Interarrival jitter of the calling leg, microseconds"),
    UINT (jitter_from_called_us, "Interarrival jitter of the called leg, microseconds"),
    TD_FIELD (TdCallFact, calling_leg, TD_FIELD_ID, "The calling leg"),
    TD_FIELD (TdCallFact, called_leg, TD_FIELD_ID,
              "The called leg: of several that ring together the one it is about"),
    DURATION (queue_wait_us, "In queues for means, by the monotonic clock"),
    TEXT (queue_result,
          "How the last one ended: served, timeout, overflow, displaced or abandoned; waiting"),
    TEXT (exemptions, "Controls that would have kept it out but for its class, comma between"),
    TEXT (carriers, "Trunk groups that legs went out by, in their order, comma between"),
    TEXT (classified_by,
          "How the class was learnt: default, rph, signature, access, number, cpc, pin, sos"),
    TEXT (classified_stage,
          "early or late: before the call was admitted, or after; empty by default"),
    TEXT (marks_in, "The marks of priority that the calling leg brought"),
    TEXT (marks_out, "The marks of priority that the called leg's request has"),
    TEXT (preempted_by, "The call of higher precedence for which it was ended"),
    TEXT (preempted, "The calls of lower precedence that were ended for it, comma between"),
    TEXT (signature, "What was found of the signature over its marks: \"valid: ets.0\", "
                     "\"438: why it is not\", \"unchecked: why not\""),
    TEXT (account, "Who pays, where it is not who usually does: the account of a PIN"),
    TEXT (dialled, "Who was dialled at first, of a call that the called party has handed on: an "
                   "access number"),
    TIME (connected_us, "When somebody answered to whom it was handed on"),
    DURATION (connected_duration_us, "From then to its end, by the monotonic clock"),
    UINT (redirections, "How often it was called elsewhere because a called peer redirected it"),
    TEXT (original_called, "Who was called before the first of them"),
};

static const struct {
    const char *name, *help;
} decls[N_CALL_FACTS] = {
    [FACT_STARTED] = { "call.started", "A call was offered" },
    [FACT_ROUTED] = { "call.routed", "A route list was found for it" },
    [FACT_ATTEMPT] = { "call.attempt", "A leg was placed" },
    [FACT_ATTEMPT_FAILED] = { "call.attempt-failed", "A leg failed before it was answered" },
    [FACT_ALERTING] = { "call.alerting", "The caller was told that it rings" },
    [FACT_ANSWERED] = { "call.answered", "The call was answered" },
    [FACT_CONNECTED] = { "call.connected",
                         "Somebody answered to whom an answered call was handed on" },
    [FACT_UPDATED] = { "call.updated", "Its media changed: hold, resume, another codec" },
    [FACT_PRIORITY] = { "call.priority", "Its priority class rose" },
    [FACT_MEDIA] = { "call.media", "A leg's media fell silent, or flow again" },
    [FACT_QUEUED] = { "call.queued", "It waits for means to be placed with" },
    [FACT_ENDED] = { "call.ended", "The call is over" },
};

static TdTopic *topics[N_CALL_FACTS];
static const TdAttribute *signature;
static const TdAttribute *account;

void
td_call_facts_open (void)
{
    signature =
        td_attribute_declare (NULL, TD_ATTRIBUTE_SIGNATURE, TD_ATTRIBUTE_TEXT, 0,
                              "What was found of signatures over what the caller claims.", NULL);
    for (unsigned i = 0; i < N_CALL_FACTS; i++) {
        topics[i] = td_topic_declare (NULL, &(TdTopicDecl){
                                                .size = sizeof (TdTopicDecl),
                                                .version = 1,
                                                .name = decls[i].name,
                                                .help = decls[i].help,
                                                .fields = fields,
                                                .n_fields = G_N_ELEMENTS (fields),
                                                .body_size = sizeof (TdCallFact),
                                            });
    }
    account = td_attribute_declare (NULL, TD_ATTRIBUTE_ACCOUNT, TD_ATTRIBUTE_TEXT, 0,
                                    "The account that pays for the call", NULL);
}

static void
fill_legs (TdCallFact *fact, const TdCall *call, const TdChannel *b)
{
    const TdChannel *a = call->a;

    fact->calling_trunk = a != NULL ? td_channel_trunk (a) : call->gone_a.trunk;
    fact->calling_peer = a != NULL ? a->peer_address : call->gone_a.peer_address;
    fact->calling_peer_id = a != NULL ? a->peer_id : call->gone_a.peer_id;
    fact->called_trunk = b != NULL ? td_channel_trunk (b) : call->gone_b.trunk;
    fact->called_peer = b != NULL ? b->peer_address : call->gone_b.peer_address;
    fact->called_peer_id = b != NULL ? b->peer_id : call->gone_b.peer_id;
    fact->marks_in = a != NULL ? a->marks : call->gone_a.marks;
    fact->marks_out = b != NULL ? b->marks : call->gone_b.marks;
    fact->calling_leg = a != NULL ? a->id : call->gone_a.leg;
    fact->called_leg = b != NULL ? b->id : call->gone_b.leg;
}

static void
fill_times (TdCallFact *fact, const TdCall *call)
{
    int64_t first_us = call->alerting_us != 0 ? call->alerting_us : call->answered_us;

    fact->started_us = call->started_wall_us;
    fact->alerting_us = call->alerting_wall_us;
    fact->answered_us = call->answered_wall_us;
    fact->ended_us = call->ended_wall_us;
    fact->duration_us =
        call->answered_us != 0 && call->ended_us != 0 ? call->ended_us - call->answered_us : 0;
    fact->setup_us = first_us != 0 ? first_us - call->started_us : 0;
    fact->connected_us = call->transfer.connected_wall_us;
    fact->connected_duration_us = call->transfer.connected_us != 0 && call->ended_us != 0
                                      ? call->ended_us - call->transfer.connected_us
                                      : 0;
}

static void
fill_media (TdCallFact *fact, const TdCall *call, const TdChannel *b)
{
    const TdMediaStats *from_a = call->a != NULL ? call->a->stats : NULL;
    const TdMediaStats *from_b = b != NULL ? b->stats : NULL;

    if (from_a != NULL) {
        fact->codec_calling = from_a->codec;
        fact->packets_from_calling = (int64_t) from_a->packets_received;
        fact->packets_lost_from_calling = (int64_t) from_a->packets_lost;
        fact->jitter_from_calling_us = from_a->jitter_us;
    }
    if (from_b != NULL) {
        fact->codec_called = from_b->codec;
        fact->packets_from_called = (int64_t) from_b->packets_received;
        fact->packets_lost_from_called = (int64_t) from_b->packets_lost;
        fact->jitter_from_called_us = from_b->jitter_us;
    }
}

static void
fill_class (TdCallFact *fact, const TdCall *call)
{
    const TdPriority *priority = &call->priority;

    fact->name_space = priority->name_space;
    fact->value = priority->value;
    fact->priority_class = priority->priority_class;
    fact->classified_by = td_learnt_name (priority->learnt);
    fact->classified_stage = priority->learnt == TD_LEARNT_DEFAULT ? ""
                             : call->is_class_late                 ? "late"
                                                                   : "early";
}

static const TdChannel *
last_tried (const TdCall *call)
{
    for (unsigned i = call->legs->len; i > 0; i--) {
        const TdChannel *leg = call->legs->pdata[i - 1];
        if (leg != call->a && !leg->is_treatment) {
            return leg;
        }
    }
    return NULL;
}

void
td_call_tell (TdCall *call, TdCallFactKind kind, const TdChannel *leg)
{
    if (!td_topic_is_heard (topics[kind])) {
        call->sequence++;
        return;
    }
    const TdChannel *b = leg != NULL ? leg : call->b != NULL ? call->b : last_tried (call);
    char winner[TD_ID_TEXT_SIZE];
    const TdCause *cause = kind == FACT_ATTEMPT_FAILED && leg != NULL ? &leg->cause : &call->cause;
    TdCallFact fact = {
        .call = call->id,
        .calling = td_party_key (&call->calling),
        .called = td_party_key (&call->called),
        .route = call->route_label,
        .state = td_fsm_state_name (&call->fsm),
        .attempts = call->n_attempts,
        .cause = cause->value,
        .cause_text = cause->text,
        .protocol_code = cause->space != TD_CODE_PREEMPTION ? cause->code : 0,
        .released_by = call->released_by,
        .queue_wait_us = td_call_waited_us (call),
        .queue_result = call->wait.result[0] != '\0' ? call->wait.result : NULL,
        .exemptions = call->exemptions != NULL ? call->exemptions->str : NULL,
        .carriers = call->carriers != NULL ? call->carriers->str : NULL,
        .preempted_by =
            call->preempted_by != TD_ID_NONE ? td_id_print (call->preempted_by, winner) : NULL,
        .preempted = call->preempted != NULL ? call->preempted->str : NULL,
        .signature = td_attributes_text (call->attributes, signature, 0),
        .account = td_attributes_text (call->attributes, account, 0),
        .dialled = call->transfer.dialled,
        .redirections = td_redirect_count (call),
        .original_called = td_redirect_original (call),
    };

    fill_class (&fact, call);
    fill_legs (&fact, call, b);
    fill_times (&fact, call);
    fill_media (&fact, call, b);
    td_bus_publish (topics[kind], call->id, &call->sequence, call->priority.priority_class, &fact);
}
