/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The application's machine: every event at every state, in calls of a real core. The module is made by the
 * test, as is who looks personal numbers up. */

#include "access.h"
#include "common/fake-endpoint.h"
#include "common/fake-media.h"
#include "common/machines.h"

#include <tandem/hook.h>

#define SDP                                                                                        \
    "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"              \
    "m=audio 4000 RTP/AVP 0\r\n"

enum { LONG_ENOUGH_MS = 300000 };

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
    FakeMedia *media;
    TdModule module;
    Access access;
    TdPinService service;
    Settings settings;
    TdPinQuestion *question; /* one that is not answered */
    TdId channel;
} World;

static World *here;

/* --- The world --------------------------------------------------------------------------- */

static bool
keep_question (TdPinQuestion *question, void *data)
{
    here->question = question;
    return true;
}

static void
forget_question (TdPinQuestion *question, void *data)
{
    here->question = NULL;
}

static TdHookAnswer
route (void *call, TdToken *token, void *data)
{
    TdRouteList *list = td_route_list_new ("test");

    td_route_list_add (list, &(TdTarget){ .size = sizeof (TdTarget), .address = "access:first" });
    return (TdHookAnswer){ .verdict = TD_HOOK_DONE, .payload = list };
}

static void
keep_settings (TdTable *table)
{
}

static void
open_access (void)
{
    Access *access = &here->access;
    g_autoptr (GError) error = NULL;

    td_owner_init (&here->module.owner, "access");
    here->module.state = access;
    here->settings =
        (Settings){ .prompts = { (char *) "first", (char *) "again", (char *) "destination",
                                 (char *) "barred", (char *) "refused", (char *) "busy" },
                    .n_digits = 4,
                    .n_tries = 3,
                    .shortest = 7,
                    .digit_ms = 5000,
                    .total_ms = 60000,
                    .locks = { .failures = 100, .first_us = 1, .longest_us = 1 } };
    td_table_init (&here->settings.table, keep_settings);
    here->settings.refused = td_prefix_table_new (NULL, 0, NULL);
    access->module = &here->module;
    access->settings = td_snapshot_new (&here->module, "access", &here->settings.table);
    access->secrets = secrets_new (4, &error);
    access->limit = td_limit_new (&here->module, "access", 4, 0);
    here->service = (TdPinService){ .size = sizeof (TdPinService),
                                    .ask = keep_question,
                                    .cancel = forget_question };
    atomic_init (&access->pins, &here->service);
    g_assert_true (guard_start (access, &error) && access_legs_start (access, &error));
    g_assert_no_error (error);
}

static void
close_access (void)
{
    td_owner_revoke_all (&here->module.owner, NULL, NULL);
    secrets_free (here->access.secrets);
    guard_free (&here->access);
    td_prefix_table_free (here->settings.refused);
}

static void
make_world (void)
{
    g_autoptr (GError) error = NULL;

    here = g_new0 (World, 1);
    here->fixture = td_fixture_new (NULL);
    here->endpoint = fake_endpoint_new (here->fixture);
    here->endpoint->is_quick = true;
    td_hook_add (NULL, "route",
                 &(TdHook){ .size = sizeof (TdHook),
                            .name = "test.route",
                            .before = TD_LIST ("fake.route"),
                            .ask = route },
                 &error);
    g_assert_no_error (error);
    here->media = fake_media_new (here->fixture);
    open_access ();
}

/* --- Where it is led --------------------------------------------------------------------- */

static void
type (const char *digits)
{
    for (; *digits != '\0'; digits++) {
        fake_say (here->endpoint, here->fixture, "a", FAKE_DIGIT, ((char[]){ *digits, '\0' }));
    }
}

static void
answer (void *data)
{
    TdPinQuestion *question = g_steal_pointer (&here->question);

    question->done (question, &(TdPinVerdict){ .size = sizeof (TdPinVerdict),
                                               .result = TD_PIN_GOOD,
                                               .account = "someone" });
}

static void
note_channel (void *data)
{
    const TdId *a = g_hash_table_lookup (here->endpoint->legs, "a");

    here->channel = td_channel_id (td_call_outgoing (td_channel_call (td_channel_find (*a))));
}

static void *
begin (unsigned state)
{
    if (state == STATE_DONE) {
        return NULL; /* the leg is on its way out */
    }
    make_world ();
    if (state == STATE_WAITING) { /* one of the caller's kind has been wrong */
        here->settings.paces = (PaceRules){ .failures = 1, .window_us = G_USEC_PER_SEC };
        paces_take (here->access.paces, &here->settings.paces, "", td_clock_now_us ());
    }
    fake_call (here->endpoint, here->fixture, "123", SDP);
    td_fixture_on (here->fixture, 0, note_channel, NULL);
    if (state == STATE_WAITING || state == STATE_CHECKING || state == STATE_DESTINATION) {
        type ("1234");
    }
    if (state == STATE_DESTINATION) {
        td_fixture_on (here->fixture, 0, answer, NULL);
    } else if (state == STATE_ENDING) {
        td_engine_advance (60001);
    }
    return here;
}

/* The machine is the first part of a leg. */
static TdFsm *
find (void *world)
{
    TdChannel *channel = td_channel_find (here->channel);

    return channel != NULL ? td_channel_data (channel) : NULL;
}

static void
give (void *world, TdFsm *fsm, unsigned event)
{
    char digit = '5';
    Finding finding = { .result = RESULT_WRONG };

    if (event == EVENT_CHECKED && here->question != NULL) {
        answer (NULL);
        return;
    }
    td_fsm_dispatch (fsm, event,
                     event == EVENT_DIGIT     ? (void *) &digit
                     : event == EVENT_CHECKED ? (void *) &finding
                                              : NULL);
}

static void
on_lane (void *world, void (*function) (void *data), void *data)
{
    td_fixture_on (here->fixture, 0, function, data);
}

static void
end (void *world)
{
    if (fake_is_there (here->endpoint, here->fixture, "a")) {
        fake_say (here->endpoint, here->fixture, "a", FAKE_RELEASE, "16");
    }
    td_engine_advance (LONG_ENOUGH_MS);
    g_assert_false (fake_is_there (here->endpoint, here->fixture, "a"));
    g_assert_null (here->question);
    close_access ();
    td_fixture_free (here->fixture);
    fake_endpoint_free (here->endpoint);
    fake_media_free (here->media);
    td_owner_clear (&here->module.owner);
    g_clear_pointer (&here, g_free);
}

static const MachineCase legs = { &access_machine, "", begin, find, give, on_lane, end };

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    machine_case_add (&legs);
    return g_test_run ();
}
