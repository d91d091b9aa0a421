/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A call that takes the places of others: they are told to go, and it goes on when they have gone.
 *
 *     trunk.admit, trunk.attempt: places taken --> victims released --> trunk.take-over --LATER--> goes on
 *
 * The places are its own from the first moment (preempt.h); it only waits so that the peer has heard of the
 * end of the others before it hears of the new call. A peer that does not answer a BYE keeps nobody waiting:
 * the session is over as soon as that is sent (RFC 3261 15.1.1).
 */

#include "calls.h"

enum {
    PATIENCE_MS = 2000,
    DEADLINE_MS = 10000, /* of the hook; nobody waits for so long */
};

struct Succession {
    Takeover takeover; /* first */
    TdTimer timer;
    TdToken *token; /* nullable: nobody waits */
    bool have_gone;
    bool is_forgotten;
};

static void
succession_free (Succession *succession)
{
    if (succession->takeover.group != NULL) {
        group_unref (succession->takeover.group);
    }
    g_free (succession);
}

static void
answer (Succession *succession)
{
    td_timer_stop (&succession->timer);
    td_token_answer (g_steal_pointer (&succession->token),
                     (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
}

/* The last of the victims has gone. */
static void
run_gone (TdPost *post)
{
    Succession *succession = (Succession *) post;

    succession->have_gone = true;
    if (succession->token != NULL) {
        answer (succession);
        succession_free (succession);
    } else if (succession->is_forgotten) {
        succession_free (succession);
    }
}

/* The module has stopped; the core looks after the token. */
static void
drop_gone (TdPost *post)
{
    succession_free ((Succession *) post);
}

void
succession_forget (Succession *succession)
{
    if (succession->have_gone || preempt_forget (&succession->takeover)) {
        succession_free (succession);
    } else {
        succession->is_forgotten = true;
    }
}

static void
expired (TdTimer *timer)
{
    Succession *succession = (Succession *) ((char *) timer - offsetof (Succession, timer));

    answer (succession);
    succession_forget (succession);
}

static void
cancel (TdToken *token, void *state, void *data)
{
    expired (&((Succession *) state)->timer);
}

Takeover *
succession_begin (Trunk *trunk)
{
    Succession *succession = g_new0 (Succession, 1);

    succession->takeover.post =
        (TdPost){ .owner = trunk->module, .run = run_gone, .drop = drop_gone };
    succession->takeover.lane = td_lane_current ();
    td_timer_init (&succession->timer, trunk->module, expired);
    return &succession->takeover;
}

/* RFC 4411 5.1: "A user agent in a session has purposely preempted a session", which this switch is in
 * both of its dialogs; reserved resources (5.2) are those of RSVP. */
static void
release_victims (Trunk *trunk, TdCall *call, const Takeover *takeover)
{
    TdCause cause = td_cause (TD_CAUSE_PREEMPTION, "UA Preemption");

    cause.space = TD_CODE_PREEMPTION;
    cause.code = 1;
    for (unsigned i = 0; i < takeover->n_victims; i++) {
        const Victim *victim = &takeover->victims[i];
        td_metric_add (trunk->preempted[victim->priority_class % TD_N_CLASSES], 1);
        td_call_add_preempted (call, victim->call);
        td_call_preempt_by_id (trunk->module, victim->call, td_call_id (call), victim->is_incoming,
                               &cause);
    }
}

void
succession_end (Trunk *trunk, TdCall *call, Call *known, Takeover *takeover)
{
    Succession *succession = (Succession *) takeover;

    if (takeover == NULL) {
        return;
    }
    known->is_blocked |= takeover->is_blocked;
    if (takeover->n_victims == 0) {
        succession_free (succession);
        return;
    }
    g_clear_pointer (&known->succession, succession_forget);
    known->succession = succession;
    release_victims (trunk, call, takeover);
}

static TdHookAnswer
ask (void *subject, TdToken *token, void *data)
{
    Trunk *trunk = data;
    Call *known = calls_find (trunk->calls, td_call_id (subject));
    Succession *succession = known != NULL ? g_steal_pointer (&known->succession) : NULL;

    if (succession == NULL) {
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    if (succession->have_gone) {
        succession_free (succession);
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    succession->token = td_token_take (token, succession);
    td_timer_start (&succession->timer, PATIENCE_MS);
    return (TdHookAnswer){ .verdict = TD_HOOK_LATER };
}

static bool
add (Trunk *trunk, const char *point, const char *const *after, GError **error)
{
    return td_hook_add (trunk->module, point,
                        &(TdHook){ .size = sizeof (TdHook),
                                   .name = "trunk.take-over",
                                   .after = after,
                                   .deadline_ms = DEADLINE_MS,
                                   .silence = { .verdict = TD_HOOK_CONTINUE },
                                   .data = trunk,
                                   .ask = ask,
                                   .cancel = cancel },
                        error);
}

bool
successions_start (Trunk *trunk, GError **error)
{
    for (unsigned i = 0; i < TD_N_CLASSES; i++) {
        g_autofree char *labels = g_strdup_printf ("class=\"%u\"", i);
        trunk->preempted[i] = td_metric_declare (
            trunk->module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                            .kind = TD_METRIC_COUNTER,
                                            .name = "tandem_trunk_preempted_calls_total",
                                            .help = "Calls released for one of higher precedence, "
                                                    "by their own class.",
                                            .is_priority = true,
                                            .labels = labels });
    }
    return add (trunk, "admit", TD_LIST ("trunk.admit"), error)
           && add (trunk, "attempt", TD_LIST ("trunk.attempt"), error);
}
