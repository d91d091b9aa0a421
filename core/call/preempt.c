/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A call that is ended for another one of higher precedence.
 *
 *     hunting  --the place of a leg B--> failing: the caller may hear why --> releasing
 *     any other state, or the place of leg A -------------------------------> releasing
 *
 * Both legs go for the same cause, with what RFC 4411 has for it. The leg whose place is taken has "reserved
 * for reuse" (ITU-T Q.850 2.2.7, cause 9), for those to whom a place is a circuit.
 */

#include "call/call.h"

typedef struct {
    TdPost post; /* first */
    TdId id, winner;
    bool is_incoming;
    TdCause cause;
} Preemption;

static void
drop (TdPost *post)
{
    g_free (post);
}

/* Marks the legs whose places go to the other call. */
static void
mark_legs (const TdCall *call, bool is_incoming)
{
    for (unsigned i = 0; i < call->legs->len; i++) {
        TdChannel *leg = call->legs->pdata[i];
        leg->is_reused = leg->is_incoming == is_incoming;
    }
}

static void
run (TdPost *post)
{
    Preemption *preemption = (Preemption *) post;
    TdCall *call = td_call_find (preemption->id);

    if (call != NULL && td_fsm_state (&call->fsm) < TD_CALL_RELEASING) {
        call->preempted_by = preemption->winner;
        mark_legs (call, preemption->is_incoming);
        td_call_happen (call, CALL_RELEASE,
                        &(TdHappening){ .failure = &preemption->cause,
                                        .is_told_why = !preemption->is_incoming });
    }
    g_free (preemption);
}

void
td_call_preempt_by_id (TdModule *module, TdId id, TdId winner, bool is_incoming,
                       const TdCause *cause)
{
    if (td_id_lane (id) >= td_lane_count ()) {
        return;
    }
    Preemption *preemption = g_new (Preemption, 1);
    *preemption = (Preemption){ .post = { .owner = module, .run = run, .drop = drop },
                                .id = id,
                                .winner = winner,
                                .is_incoming = is_incoming,
                                .cause = *cause };
    td_lane_post (td_lane_at (td_id_lane (id)), &preemption->post);
}

void
td_call_add_preempted (TdCall *call, TdId victim)
{
    char text[TD_ID_TEXT_SIZE];

    td_call_add_name (&call->preempted, td_id_print (victim, text));
}
