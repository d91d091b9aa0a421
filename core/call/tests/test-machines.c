/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The machines of calls and channels: every event at every state. */

#include "common/fake-endpoint.h"
#include "common/machines.h"

#include "call/call.h"

#include <string.h>
#include <tandem/hook.h>

#define SDP                                                                                        \
    "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"              \
    "m=audio 4000 RTP/AVP 0\r\n"

enum { LONG_ENOUGH_MS = 300000 };

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
    const char *held; /* the hook point that is kept waiting, after N_PASSED were not */
    unsigned n_passed;
    TdToken *token;
    TdId call, channel;
} CallWorld;

static CallWorld *here; /* hooks of the core have no other way to it */

static TdHookAnswer
hold (void *subject, TdToken *token, void *point)
{
    if (g_strcmp0 (here->held, point) != 0 || here->token != NULL || here->n_passed-- > 0) {
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    here->token = td_token_take (token, NULL);
    return (TdHookAnswer){ .verdict = TD_HOOK_LATER };
}

static void
add_hook (const char *point)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *name = g_strconcat ("test.", point, NULL);

    td_hook_add (NULL, point,
                 &(TdHook){ .size = sizeof (TdHook),
                            .deadline_ms = 60000,
                            .name = name,
                            .before = g_str_equal (point, "route") ? TD_LIST ("fake.route") : NULL,
                            .silence = { .verdict = TD_HOOK_CONTINUE },
                            .data = (void *) (uintptr_t) point,
                            .ask = hold },
                 &error);
    g_assert_no_error (error);
}

static void
make_world (void)
{
    here = g_new0 (CallWorld, 1);
    here->fixture = td_fixture_new (NULL);
    here->endpoint = fake_endpoint_new (here->fixture);
    add_hook ("admit");
    add_hook ("route");
    add_hook ("attempt");
    add_hook ("failed");
}

static TdChannel *
leg_of (const char *name)
{
    const TdId *id = g_hash_table_lookup (here->endpoint->legs, name);

    return id != NULL ? td_channel_find (*id) : NULL;
}

static void
say (const char *name, FakeEvent event, const char *text)
{
    fake_say (here->endpoint, here->fixture, name, event, text);
}

static void
release_call (void *data)
{
    TdCause cause = td_cause (TD_CAUSE_NORMAL_CLEARING, NULL);
    TdCall *call = td_call_find (here->call);

    if (call != NULL) {
        td_call_release (call, &cause);
    }
}

static void
note_call (void *data)
{
    here->call = td_call_id (leg_of ("a")->call);
}

static void
place_call (void)
{
    fake_call (here->endpoint, here->fixture, "123", SDP);
    td_fixture_on (here->fixture, 0, note_call, NULL);
}

/* The hook point whose answer a call in STATE waits for. */
static const char *
held_in (unsigned state)
{
    switch (state) {
    case TD_CALL_ADMITTING:
        return "admit";
    case TD_CALL_ROUTING:
        return "route";
    case TD_CALL_ATTEMPTING:
    case TD_CALL_CALLING:
    case TD_CALL_ALERTING:
        return "attempt"; /* for a second leg */
    case TD_CALL_FAILING:
        return "failed";
    default:
        return NULL;
    }
}

static void *
begin_call (unsigned state)
{
    if (state == TD_CALL_ENDED) {
        return NULL; /* it is freed at once */
    }
    make_world ();
    here->held = held_in (state);
    here->n_passed = g_strcmp0 (here->held, "attempt") == 0 ? 1 : 0;
    here->endpoint->routes = g_strdup (state == TD_CALL_ATTEMPTING ? "b1=38;b2"
                                       : state == TD_CALL_FAILING  ? "b1=17"
                                                                   : "b1 b2");
    here->endpoint->min_digits = state == TD_CALL_COLLECTING ? 10 : 0;
    here->endpoint->is_quick = state < TD_CALL_ANSWERED;
    place_call ();
    if (state == TD_CALL_ALERTING) {
        say ("b1", FAKE_RING, NULL);
    }
    if (state >= TD_CALL_ANSWERED) {
        say ("b1", FAKE_ANSWER, SDP);
    }
    if (state == TD_CALL_RELEASING) {
        td_fixture_on (here->fixture, 0, release_call, NULL);
    }
    return here;
}

static TdFsm *
find_call (void *world)
{
    TdCall *call = td_call_find (here->call);

    return call != NULL ? &call->fsm : NULL;
}

static void
tell_call (TdCall *call, TdChannel *leg, unsigned event)
{
    g_autoptr (TdDescription) description = td_description_from_sdp (SDP, strlen (SDP), NULL);
    TdLegEvent what = {
        .kind = (TdLegEventKind) event,
        .description = description,
        .cause = td_cause (TD_CAUSE_USER_BUSY, NULL),
        .digit = '5',
        .duration_ms = 100,
        .digits = "7",
    };

    td_call_hear (call, leg, &what);
}

/* The leg is LEG, of events that have one. */
static void
happen (TdCall *call, TdChannel *leg, unsigned event)
{
    TdCause cause = td_cause (TD_CAUSE_NORMAL_CLEARING, NULL);
    TdHookAnswer answer = { .verdict = TD_HOOK_CONTINUE };

    if (event < N_LEG_EVENTS) {
        tell_call (call, leg, event);
        return;
    }
    if (event == CALL_HOOK_ANSWERED && td_fsm_admits (&call->fsm, event)) {
        td_hook_run_cancel (&call->hook); /* it has answered */
    }
    td_call_happen (call, (TdCallEvent) event,
                    &(TdHappening){ .leg = event == CALL_LEG_TIMEOUT ? leg : NULL,
                                    .answer = &answer,
                                    .hook_name = "test",
                                    .tag = { leg->id, STEP_FOR_RING },
                                    .failure = event == CALL_RELEASE ? &cause : NULL,
                                    .media_kind = TD_MEDIA_SILENCE });
}

/* The leg that EVENT comes from: PREFERRED, unless it can come from the other only. */
static TdChannel *
source_of (TdCall *call, unsigned event, TdChannel *preferred)
{
    TdChannel *called = call->legs->len > 1 ? call->legs->pdata[1] : call->a;

    switch (event) {
    case LEG_PROCEEDING:
    case LEG_RINGING:
    case LEG_PROGRESSED:
    case LEG_ANSWERED:
    case CALL_LEG_TIMEOUT:
        return called;
    case LEG_MORE_DIGITS:
        return call->a;
    default:
        return preferred != NULL ? preferred : called;
    }
}

static void
give_to_caller (void *world, TdFsm *fsm, unsigned event)
{
    TdCall *call = fsm->self;

    happen (call, source_of (call, event, call->a), event);
}

static void
give_to_called (void *world, TdFsm *fsm, unsigned event)
{
    TdCall *call = fsm->self;

    happen (call, source_of (call, event, NULL), event);
}

static void
free_channel (void *data)
{
    TdChannel *channel = td_channel_find (here->channel);

    if (channel != NULL && channel->call == NULL) {
        td_channel_free (channel);
    }
}

static void
on_lane (void *world, void (*function) (void *data), void *data)
{
    td_fixture_on (here->fixture, 0, function, data);
}

/* Drivers that do not clear are waited for until the call ends without them. */
static void
end (void *world)
{
    if (here->token != NULL) {
        td_token_answer (here->token, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
    }
    here->held = NULL;
    td_fixture_on (here->fixture, 0, release_call, NULL);
    td_fixture_on (here->fixture, 0, free_channel, NULL);
    td_engine_advance (LONG_ENOUGH_MS);
    g_assert_cmpuint (td_calls_count (), ==, 0);
    td_fixture_free (here->fixture);
    fake_endpoint_free (here->endpoint);
    g_clear_pointer (&here, g_free);
}

/* --- Channels ---------------------------------------------------------------------------- */

static void
note_channel (void *name)
{
    here->channel = td_channel_id (leg_of (name));
}

static void
make_channel (void *data)
{
    here->channel = td_channel_id (td_channel_new (NULL, "fake", g_strdup ("alone")));
}

static void
lead_channel (unsigned state)
{
    here->held = state == TD_CHANNEL_OFFERED ? "route" : NULL;
    here->endpoint->routes = g_strdup ("b1");
    here->endpoint->is_quick = false;
    place_call ();
    if (state == TD_CHANNEL_PROCEEDING) {
        say ("b1", FAKE_PROCEEDING, NULL);
    } else if (state == TD_CHANNEL_ALERTING) {
        say ("b1", FAKE_RING, NULL);
    } else if (state == TD_CHANNEL_ANSWERED) {
        say ("b1", FAKE_ANSWER, SDP);
    } else if (state == TD_CHANNEL_RELEASED) {
        say ("a", FAKE_RELEASE, NULL); /* while the other leg has not cleared */
    } else if (state == TD_CHANNEL_RELEASING) {
        td_fixture_on (here->fixture, 0, release_call, NULL);
    }
}

static void *
begin_channel (unsigned state)
{
    bool is_incoming = state == TD_CHANNEL_OFFERED || state == TD_CHANNEL_RELEASED;

    make_world ();
    if (state == TD_CHANNEL_NEW) {
        td_fixture_on (here->fixture, 0, make_channel, NULL);
        return here;
    }
    lead_channel (state);
    td_fixture_on (here->fixture, 0, note_channel, (char *) (is_incoming ? "a" : "b1"));
    return here;
}

static TdFsm *
find_channel (void *world)
{
    TdChannel *channel = td_channel_find (here->channel);

    return channel != NULL ? &channel->fsm : NULL;
}

static void
give_channel (void *world, TdFsm *fsm, unsigned event)
{
    td_fsm_dispatch (fsm, event, NULL);
}

static const MachineCase cases[] = {
    { &td_call_machine, "/caller", begin_call, find_call, give_to_caller, on_lane, end },
    { &td_call_machine, "/called", begin_call, find_call, give_to_called, on_lane, end },
    { &td_channel_machine, "", begin_channel, find_channel, give_channel, on_lane, end },
};

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        machine_case_add (&cases[i]);
    }
    return g_test_run ();
}
