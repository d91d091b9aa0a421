/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of a call, from its first place to its end: its legs' places, and what became of them.
 *
 * A leg's place ends with its hold; what became of the leg is told by facts, before or after that.
 */

#include "calls.h"
#include "shared.h"
#include "tally.h"

#include <string.h>

enum { MAX_REST_S = 300 };

struct Calls {
    Trunk *trunk;
    const TdAttribute *retry_after;
    TdSubscription *facts; /* control lane */
    TdPost over;           /* the last call has ended, after the module was told to stop */
    atomic_bool is_over;
    atomic_uint n_calls;
    unsigned n_lanes;
    GHashTable *lanes[]; /* Call by id */
};

/* --- Calls of this lane ------------------------------------------------------------------ */

static void
free_leg (Leg *leg)
{
    group_leg_clear (&leg->leg);
    g_free (leg);
}

void
call_leg_discard (Leg *leg)
{
    if (leg->leg.group != NULL) {
        group_leg_failed (&leg->leg, TD_CAUSE_NORMAL_CLEARING, false, td_clock_now_us (),
                          td_clock_wall_us ());
        group_leave (&leg->leg, td_clock_now_us (), td_clock_wall_us ());
    }
    free_leg (leg);
}

/* The call is over: what was not concluded, the caller gave up. */
static void
free_call (void *data)
{
    Call *call = data;

    while (call->legs != NULL) {
        Leg *leg = call->legs;
        call->legs = leg->next;
        leg->call = NULL;
        group_leg_failed (&leg->leg, TD_CAUSE_NORMAL_CLEARING, false, td_clock_now_us (),
                          td_clock_wall_us ());
        if (leg->has_ended) {
            free_leg (leg);
        } else { /* it has gone to another call, which would not be found */
            group_set_standing (&leg->leg, &(Standing){ .is_spared = true });
        }
    }
    g_clear_pointer (&call->succession, succession_forget);
    if (call->granted != NULL) {
        call_leg_discard (call->granted);
    }
    g_ptr_array_unref (call->tries);
    g_free (call);
}

static GHashTable *
calls_here (const Calls *calls)
{
    return calls->lanes[td_lane_index (td_lane_current ())];
}

Call *
calls_find (const Calls *calls, TdId id)
{
    return g_hash_table_lookup (calls_here (calls), &id);
}

Call *
calls_ensure (Calls *calls, TdId id)
{
    Call *call = calls_find (calls, id);

    if (call == NULL) {
        call = g_new0 (Call, 1);
        call->id = id;
        atomic_fetch_add (&calls->n_calls, 1);
        call->tries = g_ptr_array_new_with_free_func (try_free);
        g_hash_table_insert (calls_here (calls), &call->id, call);
    }
    return call;
}

Calls *
calls_new (Trunk *trunk)
{
    unsigned n_lanes = td_lane_count ();
    Calls *calls = g_malloc0 (sizeof (Calls) + n_lanes * sizeof (GHashTable *));

    calls->trunk = trunk;
    calls->n_lanes = n_lanes;
    for (unsigned i = 0; i < n_lanes; i++) {
        calls->lanes[i] = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, free_call);
    }
    return calls;
}

void
calls_free (Calls *calls)
{
    if (calls != NULL) {
        waits_free (calls->trunk);
    }
    for (unsigned i = 0; calls != NULL && i < calls->n_lanes; i++) {
        g_hash_table_unref (calls->lanes[i]);
    }
    g_free (calls);
}

/* Facts are heard as long as calls are known, also after the module was told to stop. */
static void
end_facts (TdPost *post)
{
    Calls *calls = (Calls *) ((char *) post - offsetof (Calls, over));

    td_bus_unsubscribe (g_steal_pointer (&calls->facts));
    shared_end (calls->trunk->shared);
}

static void
forget_call (Calls *calls, const Call *call)
{
    g_hash_table_remove (calls_here (calls), &call->id);
    if (atomic_fetch_sub (&calls->n_calls, 1) == 1
        && td_module_is_stopping (calls->trunk->module)) {
        td_lane_post (td_lane_control (), &calls->over);
    }
}

void
calls_stop (Trunk *trunk)
{
    if (atomic_load (&trunk->calls->n_calls) == 0) {
        td_bus_unsubscribe (g_steal_pointer (&trunk->calls->facts));
        shared_end (trunk->shared);
    }
}

/* --- Legs -------------------------------------------------------------------------------- */

/* A peer that sends calls away for a while should get none for so long (RFC 3261 21.5.4), within
 * reason. */
static void
heed_retry_after (const Calls *calls, TrunkLeg *leg, TdChannel *channel)
{
    const TdCause *cause = td_channel_cause (channel);
    int64_t seconds = td_attributes_number (td_channel_attributes (channel), calls->retry_after);
    int64_t rest_us = MIN (seconds, MAX_REST_S) * G_USEC_PER_SEC, now_us = td_clock_now_us ();

    if (cause->space == TD_CODE_SIP && cause->code == 503 && seconds > 0) {
        group_tell_level (leg->group, 2, rest_us, now_us);
        if (leg->member != NULL) {
            group_rest (leg->group, leg->member, now_us + rest_us);
        }
    }
}

static void
unlink_leg (Leg *leg)
{
    Leg **link = &leg->call->legs;

    while (*link != leg) {
        link = &(*link)->next;
    }
    *link = leg->next;
    leg->call = NULL;
}

static void
leg_ended (TdHold *hold, TdChannel *channel)
{
    Leg *leg = (Leg *) hold;
    int64_t now_us = td_clock_now_us (), wall_us = td_clock_wall_us ();

    group_leave (&leg->leg, now_us, wall_us);
    leg->has_ended = true;
    if (channel == NULL) { /* no leg came of it */
        group_leg_failed (&leg->leg, TD_CAUSE_NETWORK_OUT_OF_ORDER, false, now_us, wall_us);
    } else if (leg->leg.way == WAY_OUT) {
        heed_retry_after (leg->trunk->calls, &leg->leg, channel);
    }
    if (leg->call != NULL && leg->leg.is_concluded) {
        unlink_leg (leg);
    }
    if (leg->call == NULL) {
        free_leg (leg);
    }
}

Leg *
call_leg_new (Trunk *trunk, Call *call)
{
    Leg *leg = g_new0 (Leg, 1);

    leg->hold.owner = trunk->module;
    leg->hold.ended = leg_ended;
    leg->trunk = trunk;
    leg->call = call;
    return leg;
}

void
call_link_leg (Leg *leg)
{
    leg->next = leg->call->legs;
    leg->call->legs = leg;
}

/* --- Facts ------------------------------------------------------------------------------- */

/* The leg of ID, where it has a place in a group and is not concluded. */
static Leg *
find_leg (const Call *call, TdId id)
{
    Leg *leg = call->legs;

    while (leg != NULL && (leg->hold.leg != id || leg->leg.is_concluded)) {
        leg = leg->next;
    }
    return leg;
}

static void
count_reach (const Trunk *trunk, const char *number, bool is_answered)
{
    if (number != NULL && atomic_load (&trunk->book->is_reach_on)) {
        pthread_mutex_lock (&trunk->book->lock);
        reach_count (trunk->book->reach, number, is_answered, td_clock_now_us ());
        pthread_mutex_unlock (&trunk->book->lock);
    }
}

static void
hear_alerting (const Call *call, const TdCallFact *fact, int64_t now_us, int64_t wall_us)
{
    Leg *out = find_leg (call, fact->called_leg);

    if (out != NULL) {
        group_leg_alerted (&out->leg, now_us, wall_us);
    }
}

static void
hear_answered (Call *call, const TdCallFact *fact, int64_t now_us, int64_t wall_us)
{
    Leg *out = find_leg (call, fact->called_leg);
    Leg *in = find_leg (call, fact->calling_leg);

    if (out != NULL) {
        group_leg_answered (&out->leg, now_us, wall_us);
        call->was_answered = true;
    }
    if (in != NULL) {
        group_leg_answered (&in->leg, now_us, wall_us);
    }
}

static void
hear_failed (const Call *call, const TdCallFact *fact, int64_t now_us, int64_t wall_us)
{
    Leg *out = find_leg (call, fact->called_leg);

    if (out == NULL) {
        return;
    }
    group_leg_failed (&out->leg, fact->cause, fact->protocol_code != 0, now_us, wall_us);
    if (out->has_ended) {
        unlink_leg (out);
        free_leg (out);
    }
}

static uint32_t
loss_permille (int64_t received, int64_t lost)
{
    return received + lost > 0 && lost > 0 ? (uint32_t) (lost * 1000 / (received + lost)) : 0;
}

static void
grade (const Trunk *trunk, const char *name, int64_t received, int64_t lost, uint32_t jitter_us)
{
    Group *group = group_table_find (trunk_groups (trunk), name);

    if (group != NULL && received + lost > 0) {
        group_count (group, interval_grade (loss_permille (received, lost), jitter_us),
                     td_clock_now_us (), td_clock_wall_us ());
    }
}

static void
hear_ended (const Trunk *trunk, const Call *call, const TdCallFact *fact)
{
    grade (trunk, fact->calling_trunk, fact->packets_from_calling, fact->packets_lost_from_calling,
           fact->jitter_from_calling_us);
    grade (trunk, fact->called_trunk, fact->packets_from_called, fact->packets_lost_from_called,
           fact->jitter_from_called_us);
    if (call->was_placed) {
        count_reach (trunk, fact->called, call->was_answered);
    }
    forget_call (trunk->calls, call);
}

/* Its class has risen: who waits moves forward, and who talks is defended by it. */
static void
hear_class (const Call *call, const TdFact *fact)
{
    TdCall *subject = td_call_find (fact->call);

    if (call->wait != NULL) {
        wait_raise (call->wait, fact->priority_class);
    }
    for (Leg *leg = call->legs; leg != NULL && subject != NULL; leg = leg->next) {
        if (leg->leg.group != NULL) {
            Standing standing = hooks_standing (subject, leg->leg.group);
            group_set_standing (&leg->leg, &standing);
        }
    }
}

static void
hear (const TdFact *fact, void *data)
{
    const Trunk *trunk = data;
    Call *call = calls_find (trunk->calls, fact->call);
    const char *name = td_topic_name (fact->topic);
    int64_t now_us = fact->monotonic_us, wall_us = fact->wall_us;

    if (call == NULL) {
        return;
    }
    if (strcmp (name, "call.alerting") == 0) {
        hear_alerting (call, fact->body, now_us, wall_us);
    } else if (strcmp (name, "call.answered") == 0 || strcmp (name, "call.connected") == 0) {
        hear_answered (call, fact->body, now_us, wall_us);
    } else if (strcmp (name, "call.attempt-failed") == 0) {
        hear_failed (call, fact->body, now_us, wall_us);
    } else if (strcmp (name, "call.priority") == 0) {
        hear_class (call, fact);
    } else {
        hear_ended (trunk, call, fact->body);
    }
}

bool
calls_start (Trunk *trunk, GError **error)
{
    /* Whichever of us and the endpoint comes first declares it. */
    trunk->calls->retry_after = td_attribute_declare (
        trunk->module, "call.retry-after", TD_ATTRIBUTE_NUMBER, TD_ATTRIBUTE_RETURN,
        "Seconds after which a call that was refused may be tried again (RFC 3261 20.33).", error);
    if (trunk->calls->retry_after == NULL) {
        return false;
    }
    trunk->calls->over = (TdPost){ .owner = trunk->module, .run = end_facts, .drop = end_facts };
    trunk->calls->facts =
        td_bus_subscribe (trunk->module,
                          TD_LIST ("call.alerting", "call.answered", "call.connected",
                                   "call.attempt-failed", "call.priority", "call.ended"),
                          hear, trunk);
    return hooks_add (trunk, error) && successions_start (trunk, error)
           && waits_add_hook (trunk, error);
}
