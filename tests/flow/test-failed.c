/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Nobody was found: who is asked what to do, what comes of it, and what is told of the call. */

#include "common/fake-endpoint.h"

#define CONFIG                                                                                     \
    "[trunk t]\nmedia = through\n[member one]\ntrunk = t\naddress = fake:m1\n"                     \
    "[member two]\ntrunk = t\naddress = fake:m2\n"

/* What the failed hook does. */
typedef struct {
    TdHookVerdict verdict;
    const char *target; /* of the list it answers with */
    bool is_treatment;
    uint8_t cause;    /* with which it refuses */
    unsigned n_lists; /* it answers so often with a list, then CONTINUE */
    unsigned n_asked;
    unsigned max_attempts; /* of its lists */
    GString *causes;       /* what the call had failed for, each time */
    TdToken *token;
    unsigned n_cancelled;
} Hook;

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
    Hook hook;
    GString *facts;
    char *last; /* of the fact "call.ended" */
} Flow;

static TdHookAnswer
list_of (const Hook *hook)
{
    TdRouteList *list = td_route_list_new ("failed");

    td_route_list_add (list, &(TdTarget){ .size = sizeof (TdTarget),
                                          .driver = "fake",
                                          .trunk = "t",
                                          .address = hook->target,
                                          .is_media_through = true });
    td_route_list_set_rules (list, &(TdHuntRules){ .size = sizeof (TdHuntRules),
                                                   .is_treatment = hook->is_treatment,
                                                   .max_attempts = hook->max_attempts });
    return (TdHookAnswer){ .verdict = TD_HOOK_DONE, .payload = list };
}

static TdHookAnswer
ask (void *subject, TdToken *token, void *data)
{
    Hook *hook = data;
    const TdCause *failure = td_call_failure (subject);

    hook->n_asked++;
    g_assert_nonnull (failure);
    g_string_append_printf (hook->causes, "%u ", failure->value);
    if (hook->verdict == TD_HOOK_LATER) {
        hook->token = td_token_take (token, NULL);
    } else if (hook->verdict == TD_HOOK_DONE && hook->n_lists-- > 0) {
        return list_of (hook);
    } else if (hook->verdict == TD_HOOK_DONE) {
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    return (TdHookAnswer){ .verdict = hook->verdict, .cause = hook->cause };
}

static void
cancel (TdToken *token, void *state, void *data)
{
    Hook *hook = data;

    hook->n_cancelled++;
}

static void
hear (const TdFact *fact, void *data)
{
    Flow *flow = data;
    const TdCallFact *body = fact->body;
    const char *name = td_topic_name (fact->topic) + strlen ("call.");

    g_string_append_printf (flow->facts, "%s ", name);
    if (g_str_equal (name, "ended")) {
        flow->last =
            g_strdup_printf ("%u %s attempts=%u route=%s to=%s", body->cause, body->released_by,
                             body->attempts, body->route, body->called_trunk);
    }
}

static void
set_up (Flow *flow, gconstpointer routes)
{
    g_autoptr (GError) error = NULL;

    flow->fixture = td_fixture_new (CONFIG);
    flow->endpoint = fake_endpoint_new (flow->fixture);
    flow->endpoint->routes = g_strdup (routes);
    flow->facts = g_string_new (NULL);
    flow->hook = (Hook){ .verdict = TD_HOOK_CONTINUE, .causes = g_string_new (NULL) };
    td_bus_subscribe (NULL, TD_LIST ("call.*"), hear, flow);
    td_hook_add (NULL, "failed",
                 &(TdHook){ .size = sizeof (TdHook),
                            .name = "test.failed",
                            .deadline_ms = 5000,
                            .silence = { .verdict = TD_HOOK_CONTINUE },
                            .data = &flow->hook,
                            .ask = ask,
                            .cancel = cancel },
                 &error);
    g_assert_no_error (error);
}

static void
tear_down (Flow *flow, gconstpointer routes)
{
    g_assert_false (fake_is_there (flow->endpoint, flow->fixture, "a"));
    td_fixture_free (flow->fixture);
    fake_endpoint_free (flow->endpoint);
    g_string_free (flow->facts, true);
    g_string_free (flow->hook.causes, true);
    g_free (flow->last);
}

#define SAY(name, event, text) fake_say (flow->endpoint, flow->fixture, (name), (event), (text))
#define LOG(expected)          fake_assert_log (flow->endpoint, (expected))
#define ENDED(expected)        g_assert_cmpstr (flow->last, ==, (expected))

static void
call (Flow *flow)
{
    fake_call (flow->endpoint, flow->fixture, "5550199", NULL);
}

/* The hook answers with N lists of one target. */
static void
answer_with (Flow *flow, unsigned n_lists, const char *target, bool is_treatment)
{
    flow->hook.verdict = TD_HOOK_DONE;
    flow->hook.n_lists = n_lists;
    flow->hook.target = target;
    flow->hook.is_treatment = is_treatment;
}

static void
test_nothing_to_say (Flow *flow, gconstpointer routes)
{
    call (flow);
    LOG ("b1:originate a:release(17) ");
    g_assert_cmpstr (flow->hook.causes->str, ==, "17 ");
    ENDED ("17 called attempts=1 route=test to=");
}

static void
test_no_route_is_asked_about (Flow *flow, gconstpointer routes)
{
    call (flow);
    LOG ("a:release(3) ");
    g_assert_cmpstr (flow->hook.causes->str, ==, "3 ");
    ENDED ("3 switch attempts=0 route=(null) to=(null)");
}

static TdHookAnswer
refuse (void *subject, TdToken *token, void *data)
{
    return (TdHookAnswer){ .verdict = TD_HOOK_REFUSE, .cause = 57, .reason = "not today" };
}

static void
add_refusal (const char *point)
{
    g_autoptr (GError) error = NULL;

    td_hook_add (NULL, point,
                 &(TdHook){ .size = sizeof (TdHook),
                            .name = "test.refuse",
                            .before = TD_LIST ("fake.route"),
                            .ask = refuse },
                 &error);
    g_assert_no_error (error);
}

static void
test_refusals_are_asked_about (Flow *flow, gconstpointer routes)
{
    add_refusal ("route");
    call (flow);
    LOG ("a:release(57) ");
    g_assert_cmpstr (flow->hook.causes->str, ==, "57 ");
}

/* An attempt hook refuses the second target of a group: the leg that is out already goes. */
static TdHookAnswer
refuse_second (void *subject, TdToken *token, void *data)
{
    bool is_second = td_call_outgoing (subject) != NULL;

    return (TdHookAnswer){ .verdict = is_second ? TD_HOOK_REFUSE : TD_HOOK_CONTINUE, .cause = 57 };
}

static void
test_a_refused_attempt_is_asked_about (Flow *flow, gconstpointer routes)
{
    g_autoptr (GError) error = NULL;

    td_hook_add (NULL, "attempt",
                 &(TdHook){ .size = sizeof (TdHook), .name = "test.second", .ask = refuse_second },
                 &error);
    g_assert_no_error (error);
    flow->hook.verdict = TD_HOOK_LATER;
    call (flow);
    LOG ("b1:originate b1:release(57) ");
    g_assert_cmpstr (fake_call_state (flow->endpoint, flow->fixture, "a"), ==, "failing");
    td_token_answer (flow->hook.token, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
    td_engine_settle ();
    LOG ("a:release(57) ");
}

static void
test_who_is_not_admitted_is_let_go (Flow *flow, gconstpointer routes)
{
    add_refusal ("admit");
    call (flow);
    LOG ("a:release(57) ");
    g_assert_cmpuint (flow->hook.n_asked, ==, 0);
}

static void
test_another_cause (Flow *flow, gconstpointer routes)
{
    flow->hook.verdict = TD_HOOK_REFUSE;
    flow->hook.cause = 21;
    call (flow);
    LOG ("b1:originate a:release(21) ");
    ENDED ("21 switch attempts=1 route=test to=");
}

static void
test_another_way_answers (Flow *flow, gconstpointer routes)
{
    answer_with (flow, 1, "c1", false);
    call (flow);
    LOG ("b1:originate c1:originate ");
    SAY ("c1", FAKE_ANSWER, NULL);
    LOG ("a:answer ");
    SAY ("a", FAKE_RELEASE, "16");
    ENDED ("16 calling attempts=2 route=failed to=t");
    g_assert_cmpstr (flow->facts->str, ==,
                     "started routed attempt attempt-failed routed attempt answered ended ");
}

/* The new way is tried for what it is: the old list's targets and attempts are not counted. */
static void
test_another_way_counts_anew (Flow *flow, gconstpointer routes)
{
    flow->endpoint->rules.max_attempts = flow->hook.max_attempts = 1;
    answer_with (flow, 1, "c1", false);
    call (flow);
    LOG ("b1:originate c1:originate ");
    SAY ("a", FAKE_RELEASE, "16");
    LOG ("c1:release(16) ");
    ENDED ("16 calling attempts=2 route=failed to=t");
}

static void
test_another_way_fails (Flow *flow, gconstpointer routes)
{
    answer_with (flow, 1, "c1=27", false);
    call (flow);
    LOG ("b1:originate c1:originate a:release(27) ");
    g_assert_cmpstr (flow->hook.causes->str, ==, "17 27 ");
    ENDED ("27 called attempts=2 route=failed to=t");
}

static TdHookAnswer
note_target (void *subject, TdToken *token, void *seen)
{
    g_ptr_array_add (seen, (void *) td_call_target (subject));
    return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

/* Who remembers what it did for a target knows it by its address. */
static void
test_no_target_is_taken_for_another (Flow *flow, gconstpointer routes)
{
    g_autoptr (GPtrArray) seen = g_ptr_array_new ();
    g_autoptr (GError) error = NULL;

    td_hook_add (
        NULL, "attempt",
        &(TdHook){ .size = sizeof (TdHook), .name = "test.note", .data = seen, .ask = note_target },
        &error);
    g_assert_no_error (error);
    answer_with (flow, 2, "c1=27", false);
    call (flow);
    g_assert_cmpuint (seen->len, ==, 3);
    g_assert_true (seen->pdata[0] != seen->pdata[1] && seen->pdata[1] != seen->pdata[2]
                   && seen->pdata[0] != seen->pdata[2]);
}

static void
test_lists_are_bounded (Flow *flow, gconstpointer routes)
{
    answer_with (flow, 1000, "c1=27", false);
    call (flow);
    LOG ("b1:originate c1:originate c1:originate c1:originate c1:originate a:release(27) ");
    g_assert_cmpuint (flow->hook.n_asked, ==, 4);
    ENDED ("27 called attempts=5 route=failed to=t");
}

static void
test_empty_list (Flow *flow, gconstpointer routes)
{
    TdHookAnswer answer = { .verdict = TD_HOOK_DONE, .payload = td_route_list_new ("empty") };

    flow->hook.verdict = TD_HOOK_LATER;
    call (flow);
    td_token_answer (flow->hook.token, answer);
    td_engine_settle ();
    LOG ("b1:originate a:release(17) ");
}

/* What the caller hears is not why he did not get through. */
static void
test_treatment_ends (Flow *flow, gconstpointer routes)
{
    answer_with (flow, 1000, "tone", true);
    call (flow);
    LOG ("b1:originate tone:originate ");
    SAY ("tone", FAKE_RELEASE, "31");
    LOG ("a:release(17) ");
    g_assert_cmpuint (flow->hook.n_asked, ==, 1);
    ENDED ("17 called attempts=2 route=test to=");
    g_assert_cmpstr (flow->facts->str, ==,
                     "started routed attempt attempt-failed attempt attempt-failed ended ");
}

static void
test_treatment_after_another_way (Flow *flow, gconstpointer routes)
{
    answer_with (flow, 1, "c1", false);
    call (flow);
    answer_with (flow, 1, "tone", true);
    SAY ("c1", FAKE_RELEASE, "27");
    LOG ("b1:originate c1:originate tone:originate ");
    SAY ("tone", FAKE_RELEASE, "16");
    LOG ("a:release(27) ");
    ENDED ("27 called attempts=3 route=failed to=t");
}

static void
test_caller_hangs_up_in_the_treatment (Flow *flow, gconstpointer routes)
{
    answer_with (flow, 1, "tone", true);
    call (flow);
    SAY ("tone", FAKE_PROGRESS, NULL);
    SAY ("a", FAKE_RELEASE, "16");
    LOG ("b1:originate tone:originate tone:release(17) ");
    ENDED ("17 called attempts=2 route=test to=");
}

/* Each member of a trunk is tried, also when a target of the list before has failed. */
static void
test_members_of_another_way (Flow *flow, gconstpointer routes)
{
    answer_with (flow, 1, NULL, false);
    call (flow);
    LOG ("b1:originate ");
    SAY ("b1", FAKE_RELEASE, "17");
    LOG ("m1:originate ");
    SAY ("m1", FAKE_RELEASE, "38");
    LOG ("m2:originate ");
    SAY ("a", FAKE_RELEASE, "16");
    LOG ("m2:release(16) ");
}

static void
test_too_many_digits (Flow *flow, gconstpointer routes)
{
    flow->endpoint->min_digits = 33;
    call (flow);
    g_assert_cmpstr (fake_call_state (flow->endpoint, flow->fixture, "a"), ==, "collecting");
    SAY ("a", FAKE_MORE_DIGITS,
         "0123456789012345678901234567890123456789012345678901234567890123456789");
    LOG ("a:release(28) ");
    g_assert_cmpstr (flow->hook.causes->str, ==, "28 ");
}

static void
test_late_answer (Flow *flow, gconstpointer routes)
{
    flow->hook.verdict = TD_HOOK_LATER;
    flow->hook.target = "c1";
    call (flow);
    td_engine_advance (4000);
    LOG ("b1:originate ");
    td_token_answer (flow->hook.token, list_of (&flow->hook));
    td_engine_settle ();
    LOG ("c1:originate ");
    SAY ("c1", FAKE_ANSWER, NULL);
    LOG ("a:answer ");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_no_answer_in_time (Flow *flow, gconstpointer routes)
{
    flow->hook.verdict = TD_HOOK_LATER;
    flow->hook.target = "c1";
    call (flow);
    td_engine_advance (5001);
    LOG ("b1:originate a:release(17) ");
    g_assert_cmpuint (flow->hook.n_cancelled, ==, 1);
    td_token_answer (flow->hook.token, list_of (&flow->hook)); /* freed, as nobody waits */
    td_engine_settle ();
    LOG ("");
}

static void
test_caller_hangs_up_meanwhile (Flow *flow, gconstpointer routes)
{
    flow->hook.verdict = TD_HOOK_LATER;
    flow->hook.target = "c1";
    call (flow);
    SAY ("a", FAKE_RELEASE, "16");
    LOG ("b1:originate ");
    g_assert_cmpuint (flow->hook.n_cancelled, ==, 1);
    ENDED ("16 calling attempts=1 route=test to=");
    td_token_answer (flow->hook.token, list_of (&flow->hook));
    td_engine_settle ();
    LOG ("");
}

static void
test_not_asked_when_the_caller_gives_up (Flow *flow, gconstpointer routes)
{
    call (flow);
    SAY ("a", FAKE_RELEASE, "16");
    LOG ("b1:originate b1:release(16) ");
    g_assert_cmpuint (flow->hook.n_asked, ==, 0);
}

static void
test_not_asked_after_the_answer (Flow *flow, gconstpointer routes)
{
    call (flow);
    SAY ("b1", FAKE_ANSWER, NULL);
    SAY ("b1", FAKE_RELEASE, "27");
    LOG ("b1:originate a:answer a:release(27) ");
    g_assert_cmpuint (flow->hook.n_asked, ==, 0);
}

/* The first of a group fails as it is placed, before the others were: they are placed all the same, each
 * once, and nobody has failed yet. */
static void
test_group_whose_first_fails_at_once (Flow *flow, gconstpointer routes)
{
    call (flow);
    LOG ("b1:originate b2:originate b3:originate b4:originate ");
    g_assert_cmpuint (flow->hook.n_asked, ==, 0);
    SAY ("b2", FAKE_RELEASE, "17");
    SAY ("b3", FAKE_RELEASE, "17");
    SAY ("b4", FAKE_RELEASE, "17");
    LOG ("a:release(17) ");
    g_assert_cmpuint (flow->hook.n_asked, ==, 1);
}

static void
test_pair_whose_first_fails_at_once (Flow *flow, gconstpointer routes)
{
    call (flow);
    LOG ("b1:originate b2:originate ");
    g_assert_cmpuint (flow->hook.n_asked, ==, 0);
    SAY ("a", FAKE_RELEASE, "16");
    LOG ("b2:release(16) ");
}

#define ADD(name, routes, test)                                                                    \
    g_test_add ("/flow/failed/" name, Flow, routes, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("nothing-to-say", "b1=17", test_nothing_to_say);
    ADD ("no-route", NULL, test_no_route_is_asked_about);
    ADD ("route-refused", "b1", test_refusals_are_asked_about);
    ADD ("attempt-refused", "b1 b2", test_a_refused_attempt_is_asked_about);
    ADD ("not-admitted", "b1", test_who_is_not_admitted_is_let_go);
    ADD ("another-cause", "b1=17", test_another_cause);
    ADD ("another-way-answers", "b1=17", test_another_way_answers);
    ADD ("another-way-counts-anew", "b1=17", test_another_way_counts_anew);
    ADD ("another-way-fails", "b1=17", test_another_way_fails);
    ADD ("targets-apart", "b1=17", test_no_target_is_taken_for_another);
    ADD ("lists-are-bounded", "b1=17", test_lists_are_bounded);
    ADD ("empty-list", "b1=17", test_empty_list);
    ADD ("treatment-ends", "b1=17", test_treatment_ends);
    ADD ("treatment-after-another-way", "b1=17", test_treatment_after_another_way);
    ADD ("treatment-hang-up", "b1=17", test_caller_hangs_up_in_the_treatment);
    ADD ("members", "b1", test_members_of_another_way);
    ADD ("too-many-digits", "b1", test_too_many_digits);
    ADD ("late-answer", "b1=17", test_late_answer);
    ADD ("no-answer-in-time", "b1=17", test_no_answer_in_time);
    ADD ("hang-up-meanwhile", "b1=17", test_caller_hangs_up_meanwhile);
    ADD ("caller-gives-up", "b1", test_not_asked_when_the_caller_gives_up);
    ADD ("after-the-answer", "b1", test_not_asked_after_the_answer);
    ADD ("group-fails-at-once", "b1=17 b2 b3 b4", test_group_whose_first_fails_at_once);
    ADD ("pair-fails-at-once", "b1=17 b2", test_pair_whose_first_fails_at_once);
    return g_test_run ();
}
