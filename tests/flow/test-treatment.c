/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a caller hears when a call fails, and what is told of the call: ROU-031. The media provider is the
 * test's own, so that it knows what is played and says when it has ended. */

#include "common/fake-endpoint.h"
#include "common/fake-media.h"

#include <stdlib.h>
#include <string.h>

#define SDP(label)                                                                                 \
    "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"              \
    "m=audio 4000 RTP/AVP 0\r\na=" label "\r\n"

#define CONFIG                                                                                     \
    "[modules]\nannounce = required\n"                                                             \
    "[announce]\ntones = %s\ntreatment = usual\nlongest = 20 s\ncapacity = 2\n"                    \
    "[treatment usual]\n17 = tone/busy 5 s\nunallocated-number = tone/sit-vc, tone/reorder 2 s\n"  \
    "preemption = tone/sit-nc, tone/reorder 3 s\n"                                                 \
    "27 = tone/reorder 1 s, release 41\n21 = release 34\nannouncement = tone/% 1 s\n"              \
    "[treatment other]\ndefault = tone/reorder\n"                                                  \
    "[trunk west]\naddress = fake:w\ntreatment = other\n"                                          \
    "[trunk east]\naddress = fake:e\n"                                                             \
    "[trunk spoken]\naddress = announce:tone/sit-nc\n"

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
    FakeMedia *media;
    GQueue late;  /* the requests it has not answered yet */
    bool is_slow; /* it answers some later, and so does a hook */
    GQueue asked; /* the tokens of the hook */
    unsigned n_started, n_ended;
    char *ended; /* what was told of the call */
} Flow;

static void
take_request (TdMediaRequest *request, void *data)
{
    Flow *flow = data;

    if (flow->is_slow && g_test_rand_bit ()) {
        g_queue_push_tail (&flow->late, request);
    } else {
        fake_media_answer (flow->media, request);
    }
}

static void
hear (const TdFact *fact, void *data)
{
    Flow *flow = data;
    const TdCallFact *body = fact->body;

    g_free (flow->ended);
    flow->ended = g_strdup_printf ("%u %s %s", body->cause, body->released_by,
                                   body->answered_us != 0 ? "answered" : "unanswered");
}

static void
set_up (Flow *flow, gconstpointer routes)
{
    g_autofree char *plan = g_test_build_filename (G_TEST_DIST, "north-america.ini", NULL);
    g_auto (GStrv) parts = g_strsplit (CONFIG, "%s", 2);
    g_autofree char *config = g_strjoin (plan, parts[0], parts[1], NULL);

    flow->fixture = td_fixture_new (config);
    g_assert_cmpstr (flow->fixture->problems->str, ==, "");
    flow->endpoint = fake_endpoint_new (flow->fixture);
    flow->endpoint->routes = g_strdup (routes);
    flow->endpoint->is_through = false;
    flow->media = fake_media_new (flow->fixture);
    flow->media->take = take_request;
    flow->media->data = flow;
    td_bus_subscribe (NULL, TD_LIST ("call.ended"), hear, flow);
}

static void
tear_down (Flow *flow, gconstpointer routes)
{
    td_engine_settle ();
    g_assert_false (fake_is_there (flow->endpoint, flow->fixture, "a"));
    td_fixture_free (flow->fixture);
    g_assert_cmpuint (flow->n_ended, ==, flow->n_started);
    fake_endpoint_free (flow->endpoint);
    fake_media_free (flow->media);
    g_free (flow->ended);
}

#define SAY(name, event, text) fake_say (flow->endpoint, flow->fixture, (name), (event), (text))
#define LOG(expected)          fake_assert_log (flow->endpoint, (expected))
#define ENDED(expected)        g_assert_cmpstr (flow->ended, ==, (expected))
#define PLAYED(expected)       fake_assert_played (flow->media, (expected))

static void
call (Flow *flow)
{
    fake_call (flow->endpoint, flow->fixture, "5550199", SDP ("a"));
}

static void
test_busy_tone_until_its_end (Flow *flow, gconstpointer routes)
{
    call (flow);
    LOG ("b1:originate<a> a:progress<a> ");
    PLAYED ("tone/busy 5 s;");
    td_engine_advance (4000);
    LOG ("");
    fake_media_end_sound (flow->media);
    LOG ("a:release(17) ");
    ENDED ("17 called unanswered");
}

/* Its place goes to another call, of higher precedence. */
static void
preempt (void *data)
{
    const FakeEndpoint *endpoint = data;
    const TdId *leg = g_hash_table_lookup (endpoint->legs, "a");
    TdCause cause = td_cause (TD_CAUSE_PREEMPTION, NULL);

    cause.space = TD_CODE_PREEMPTION;
    td_call_preempt_by_id (NULL, td_channel_call_id (td_channel_find (*leg)), 1, false, &cause);
}

/* PRI-071: who was not answered yet hears why his call is over. */
static void
test_preempted_while_it_rings (Flow *flow, gconstpointer routes)
{
    call (flow);
    SAY ("b1", FAKE_RING, NULL);
    td_fixture_on (flow->fixture, 0, preempt, flow->endpoint);
    td_engine_settle ();
    LOG ("b1:originate<a> a:ring b1:preempt(9) a:progress<a> ");
    PLAYED ("tone/sit-nc, tone/reorder 3 s;");
    fake_media_end_sound (flow->media);
    LOG ("a:preempt(8) ");
    ENDED ("8 switch unanswered");
}

/* Who was, is told with the end of it, for his telephone to say (RFC 4411 2). */
static void
test_preempted_when_answered (Flow *flow, gconstpointer routes)
{
    call (flow);
    SAY ("b1", FAKE_ANSWER, SDP ("b"));
    LOG ("b1:originate<a> a:answer<b> ");
    td_fixture_on (flow->fixture, 0, preempt, flow->endpoint);
    td_engine_settle ();
    LOG ("b1:preempt(9) a:preempt(8) ");
    PLAYED ("");
    ENDED ("8 switch answered");
}

static void
test_no_route (Flow *flow, gconstpointer routes)
{
    call (flow);
    LOG ("a:release(3) ");
    PLAYED ("");
}

static void
test_cause_by_its_name (Flow *flow, gconstpointer routes)
{
    call (flow);
    PLAYED ("tone/sit-vc, tone/reorder 2 s;");
    fake_media_end_sound (flow->media);
    ENDED ("1 called unanswered");
}

static void
test_treatment_of_the_trunk (Flow *flow, gconstpointer routes)
{
    flow->endpoint->trunk = "west";
    call (flow);
    PLAYED ("tone/reorder;");
    SAY ("a", FAKE_RELEASE, "16");
    LOG ("b1:originate<a> a:progress<a> ");
    ENDED ("17 called unanswered");
}

static void
test_trunk_without_one_has_the_usual (Flow *flow, gconstpointer routes)
{
    flow->endpoint->trunk = "east";
    call (flow);
    PLAYED ("tone/busy 5 s;");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_another_cause_after_the_tone (Flow *flow, gconstpointer routes)
{
    call (flow);
    PLAYED ("tone/reorder 1 s;");
    fake_media_end_sound (flow->media);
    LOG ("b1:originate<a> a:progress<a> a:release(41) ");
    ENDED ("41 switch unanswered");
}

static void
test_another_cause_alone (Flow *flow, gconstpointer routes)
{
    call (flow);
    PLAYED ("");
    LOG ("b1:originate<a> a:release(34) ");
}

static void
test_the_longest_time (Flow *flow, gconstpointer routes)
{
    flow->endpoint->trunk = "west";
    call (flow);
    td_engine_advance (19999);
    LOG ("b1:originate<a> a:progress<a> ");
    td_engine_advance (2);
    LOG ("a:release(17) ");
}

static void
test_caller_without_an_offer (Flow *flow, gconstpointer routes)
{
    fake_call (flow->endpoint, flow->fixture, "5550199", NULL);
    LOG ("b1:originate a:release(17) ");
    PLAYED ("");
}

static void
test_nothing_to_play_it_with (Flow *flow, gconstpointer routes)
{
    flow->media->is_deaf = true;
    call (flow);
    LOG ("b1:originate<a> a:release(17) ");
    ENDED ("17 called unanswered");
}

/* Early media went past the switch: it cannot take their place. */
static void
test_media_that_went_past (Flow *flow, gconstpointer routes)
{
    flow->endpoint->is_through = true;
    call (flow);
    SAY ("b1", FAKE_PROGRESS, SDP ("early"));
    SAY ("b1", FAKE_RELEASE, "17");
    LOG ("b1:originate<a> a:progress<early> a:release(17) ");
}

static void
test_media_that_would_have_gone_past (Flow *flow, gconstpointer routes)
{
    flow->endpoint->is_through = true;
    call (flow);
    LOG ("b1:originate<a> a:progress<a> ");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_no_more_than_the_capacity (Flow *flow, gconstpointer routes)
{
    flow->endpoint->caller = "a1";
    call (flow);
    flow->endpoint->caller = "a2";
    call (flow);
    flow->endpoint->caller = "a3";
    call (flow);
    LOG ("b1:originate<a> a1:progress<a> b1:originate<a> a2:progress<a> "
         "b1:originate<a> a3:release(17) ");
    SAY ("a1", FAKE_RELEASE, "16");
    call (flow);
    LOG ("b1:originate<a> a3:progress<a> ");
    SAY ("a2", FAKE_RELEASE, "16");
    SAY ("a3", FAKE_RELEASE, "16");
}

static TdHookAnswer
refuse_with_announcement (void *subject, TdToken *token, void *name)
{
    const TdAttribute *announcement = td_attribute_find ("call.announcement");

    td_attributes_set_text (td_call_attributes (subject), announcement, name);
    return (TdHookAnswer){ .verdict = TD_HOOK_REFUSE, .cause = 21 };
}

static void
add_refusal (const char *announcement)
{
    g_autoptr (GError) error = NULL;

    td_hook_add (NULL, "route",
                 &(TdHook){ .size = sizeof (TdHook),
                            .name = "test.refuse",
                            .before = TD_LIST ("fake.route"),
                            .data = (void *) announcement,
                            .ask = refuse_with_announcement },
                 &error);
    g_assert_no_error (error);
}

static void
test_announcement_of_a_refusal (Flow *flow, gconstpointer routes)
{
    add_refusal ("sit-ic");
    call (flow);
    PLAYED ("tone/sit-ic 1 s;");
    fake_media_end_sound (flow->media);
    LOG ("a:progress<a> a:release(34) ");
}

static void
test_announcement_that_is_not_there (Flow *flow, gconstpointer routes)
{
    add_refusal ("no-such-thing");
    call (flow);
    PLAYED ("");
    LOG ("a:release(34) ");
}

static TdHookAnswer
choose_treatment (void *subject, TdToken *token, void *name)
{
    td_attributes_set_text (td_call_attributes (subject), td_attribute_find ("call.treatment"),
                            name);
    return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

static void
test_treatment_that_a_hook_chose (Flow *flow, gconstpointer routes)
{
    g_autoptr (GError) error = NULL;

    td_hook_add (NULL, "admit",
                 &(TdHook){ .size = sizeof (TdHook),
                            .name = "test.choose",
                            .data = (void *) "other",
                            .ask = choose_treatment },
                 &error);
    g_assert_no_error (error);
    call (flow);
    PLAYED ("tone/reorder;");
    SAY ("a", FAKE_RELEASE, "16");
}

/* Whoever hears something goes on hearing it; who comes later is let go at once. */
static void
test_module_stops_in_the_tone (Flow *flow, gconstpointer routes)
{
    call (flow);
    LOG ("b1:originate<a> a:progress<a> ");
    g_autofree char *answer = td_fixture_ask ("module upgrade announce");
    g_assert_null (strstr (answer, "error"));
    LOG ("");
    fake_media_end_sound (flow->media);
    LOG ("a:release(17) ");
    call (flow);
    LOG ("b1:originate<a> a:progress<a> ");
    SAY ("a", FAKE_RELEASE, "16");
}

/* Sound would be sent in the clear, and the caller takes it for none. */
static void
test_caller_who_wants_it_encrypted (Flow *flow, gconstpointer routes)
{
    fake_call (flow->endpoint, flow->fixture, "5550199",
               "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"
               "m=audio 4000 RTP/SAVP 0\r\na=a\r\n");
    LOG ("b1:originate<a> a:release(17) ");
    ENDED ("17 called unanswered");
}

static void
test_caller_who_would_take_it_encrypted (Flow *flow, gconstpointer routes)
{
    fake_call (flow->endpoint, flow->fixture, "5550199",
               "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"
               "m=audio 4000 RTP/AVP 0\r\na=crypto:1 AES inline:key\r\na=a\r\n");
    LOG ("b1:originate<crypto:1 AES inline:key> a:progress<a> ");
    SAY ("a", FAKE_RELEASE, "16");
}

/* --- Whatever happens -------------------------------------------------------------------- */

enum { N_CALLS = 300, N_EVENTS = 24 };

static void
count (const TdFact *fact, void *data)
{
    Flow *flow = data;

    flow->n_started += g_str_equal (td_topic_name (fact->topic), "call.started");
    flow->n_ended += g_str_equal (td_topic_name (fact->topic), "call.ended");
}

/* One request, of those that wait the one that came first, is answered, or cannot be done. */
static void
answer_late (void *data)
{
    Flow *flow = data;
    TdMediaRequest *request = g_queue_pop_head (&flow->late);

    if (request != NULL && flow->is_slow && g_test_rand_int_range (0, 8) == 0) {
        td_media_failed (request, TD_CAUSE_RESOURCE_UNAVAILABLE, "no ports");
    } else if (request != NULL) {
        fake_media_answer (flow->media, request);
    }
}

static TdHookAnswer
ask_at_random (void *subject, TdToken *token, void *data)
{
    static const TdHookVerdict verdicts[] = { TD_HOOK_CONTINUE, TD_HOOK_CONTINUE, TD_HOOK_CONTINUE,
                                              TD_HOOK_SKIP, TD_HOOK_REFUSE };
    Flow *flow = data;

    if (flow->is_slow && g_test_rand_bit ()) {
        g_queue_push_tail (&flow->asked, td_token_take (token, NULL));
        return (TdHookAnswer){ .verdict = TD_HOOK_LATER };
    }
    return (TdHookAnswer){ .verdict = verdicts[g_test_rand_int_range (0, G_N_ELEMENTS (verdicts))],
                           .cause = 17 };
}

static void
add_hook_at_random (Flow *flow)
{
    g_autoptr (GError) error = NULL;

    td_hook_add (NULL, "attempt",
                 &(TdHook){ .size = sizeof (TdHook),
                            .name = "test.attempt",
                            .deadline_ms = 8000,
                            .silence = { .verdict = TD_HOOK_CONTINUE },
                            .data = flow,
                            .ask = ask_at_random },
                 &error);
    g_assert_no_error (error);
}

/* Whoever has been asked answers, perhaps when nobody wants to know any more. */
static void
answer_hook (Flow *flow)
{
    TdToken *token = g_queue_pop_head (&flow->asked);

    if (token != NULL) {
        td_token_answer (token, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
        td_engine_settle ();
    }
}

static void
say_at_random (Flow *flow)
{
    static const char *const names[] = { "a", "b1", "b2", "b3", "b4" };
    static const char *const causes[] = { "16", "17", "21", "27", "1", "38" };
    const char *name = names[g_test_rand_int_range (0, G_N_ELEMENTS (names))];
    FakeEvent event = (FakeEvent) g_test_rand_int_range (0, FAKE_RELEASE + 1);
    const char *text = g_test_rand_bit () ? SDP ("a") : NULL;

    if (event == FAKE_RELEASE || event == FAKE_OFFER_REFUSED) {
        text = causes[g_test_rand_int_range (0, G_N_ELEMENTS (causes))];
    } else if (event >= FAKE_DIGIT) {
        text = "7";
    } else if (event == FAKE_OFFER_ANSWERED) {
        text = SDP ("a");
    }
    if (fake_is_there (flow->endpoint, flow->fixture, name)) {
        SAY (name, event, text);
    }
}

static void
do_at_random (Flow *flow)
{
    switch (g_test_rand_int_range (0, 14)) {
    case 12:
    case 13:
        answer_hook (flow);
        break;
    case 0:
        fake_media_end_sound (flow->media);
        break;
    case 1:
        td_engine_advance ((uint32_t) g_test_rand_int_range (1, 20000));
        break;
    case 2:
    case 3:
    case 4:
    case 5:
        td_fixture_on (flow->fixture, 0, answer_late, flow);
        td_engine_settle ();
        break;
    default:
        say_at_random (flow);
    }
}

static void
call_at_random (Flow *flow)
{
    static const char *const routes[] = {
        "b1",          "b1=17",   "b1=1",  "b1=27",          "b1 b2;b3",
        "b1=38;b2 b3", "@spoken", "b1=21", "b1=17 b2 b3 b4", "b1 b2=38 b3;b4",
    };
    static const char *const trunks[] = { NULL, "west", "east" };

    g_free (flow->endpoint->routes);
    flow->endpoint->routes = g_strdup (routes[g_test_rand_int_range (0, G_N_ELEMENTS (routes))]);
    flow->endpoint->trunk = trunks[g_test_rand_int_range (0, G_N_ELEMENTS (trunks))];
    flow->endpoint->is_quick = g_test_rand_bit ();
    flow->endpoint->is_through = g_test_rand_int_range (0, 6) == 0;
    flow->endpoint->min_digits = g_test_rand_int_range (0, 4) == 0 ? 9 : 0;
    g_hash_table_remove_all (flow->endpoint->legs);
    fake_call (flow->endpoint, flow->fixture, "5550199",
               g_test_rand_int_range (0, 4) > 0 ? SDP ("a") : NULL);
    for (unsigned i = 0; i < N_EVENTS; i++) {
        do_at_random (flow);
    }
}

/* Each call ends once and leaves nothing, whoever speaks first: the legs, the sound, the clock, or a
 * media provider that takes its time. */
static void
test_whatever_happens (Flow *flow, gconstpointer routes)
{
    td_bus_subscribe (NULL, TD_LIST ("call.started", "call.ended"), count, flow);
    add_hook_at_random (flow);
    flow->is_slow = true;
    for (unsigned i = 0; i < N_CALLS; i++) {
        call_at_random (flow);
        if (i % 100 == 50) {
            g_free (td_fixture_ask ("module upgrade announce"));
        }
    }
    flow->is_slow = false;
    flow->endpoint->is_quick = true;
    while (!g_queue_is_empty (&flow->asked)) {
        answer_hook (flow);
    }
    while (!g_queue_is_empty (&flow->late)) {
        td_fixture_on (flow->fixture, 0, answer_late, flow);
        td_engine_settle ();
    }
    for (unsigned i = 0; i < 20; i++) {
        td_engine_advance (20000);
    }
    g_autofree char *metrics = td_fixture_ask ("metric tandem_announcements");
    g_assert_nonnull (strstr (metrics, "\"tandem_announcements\",\"labels\":\"\",\"value\":0,"));
    g_assert_cmpuint (flow->media->played->len, >, 0);
    g_assert_cmpuint (flow->n_started, ==, N_CALLS);
    g_hash_table_remove_all (flow->endpoint->legs);
}

/* A target of any route may be an announcement: it is heard, and nobody has answered. */
static void
test_announcement_as_a_target (Flow *flow, gconstpointer routes)
{
    call (flow);
    PLAYED ("tone/sit-nc;");
    fake_media_end_sound (flow->media);
    ENDED ("31 called unanswered");
}

#define ADD(name, routes, test)                                                                    \
    g_test_add ("/flow/treatment/" name, Flow, routes, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("busy", "b1=17", test_busy_tone_until_its_end);
    ADD ("PRI-071/ringing", "b1", test_preempted_while_it_rings);
    ADD ("PRI-071/answered", "b1", test_preempted_when_answered);
    ADD ("no-entry", NULL, test_no_route);
    ADD ("cause-by-name", "b1=1", test_cause_by_its_name);
    ADD ("trunk", "b1=17", test_treatment_of_the_trunk);
    ADD ("trunk-without", "b1=17", test_trunk_without_one_has_the_usual);
    ADD ("release-cause", "b1=27", test_another_cause_after_the_tone);
    ADD ("release-cause-alone", "b1=21", test_another_cause_alone);
    ADD ("longest", "b1=17", test_the_longest_time);
    ADD ("no-offer", "b1=17", test_caller_without_an_offer);
    ADD ("no-sound", "b1=17", test_nothing_to_play_it_with);
    ADD ("past-the-switch", "b1", test_media_that_went_past);
    ADD ("not-past-the-switch", "b1=17", test_media_that_would_have_gone_past);
    ADD ("capacity", "b1=17", test_no_more_than_the_capacity);
    ADD ("announcement", "b1", test_announcement_of_a_refusal);
    ADD ("announcement-missing", "b1", test_announcement_that_is_not_there);
    ADD ("chosen", "b1=17", test_treatment_that_a_hook_chose);
    ADD ("upgrade", "b1=17", test_module_stops_in_the_tone);
    ADD ("encrypted", "b1=17", test_caller_who_wants_it_encrypted);
    ADD ("perhaps-encrypted", "b1=17", test_caller_who_would_take_it_encrypted);
    ADD ("whatever", "b1=17", test_whatever_happens);
    ADD ("target", "@spoken", test_announcement_as_a_target);
    return g_test_run ();
}
