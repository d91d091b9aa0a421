/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A trunk group's members are tried one after another, a hook may choose among them, and what it holds
 * for a leg comes back whatever became of the leg. */

#include "common/fake-endpoint.h"

#include <string.h>

static const char config[] = "[trunk solo]\naddress = fake:s\n"
                             "[trunk pair]\n"
                             "[member east]\ntrunk = pair\naddress = fake:e\n"
                             "[member west]\ntrunk = pair\naddress = fake:w\n"
                             "[trunk strange]\naddress = nobody:x\n";

/* What an attempt hook of the test does, and has seen. */
typedef struct {
    const char *address; /* to choose, nullable */
    bool is_holding;
    TdHookVerdict verdict;
    unsigned skip_after; /* SKIP after so many tries; 0: never */
    TdToken *token;      /* of a hook that answers later */
    GString *seen;       /* "pair/0 pair/1 ": who was asked about, after how many tries */
    int n_held;
    unsigned n_without_leg;
} Hooks;

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
    Hooks hooks;
} Flow;

static Hooks *hooks;

static void
end_hold (TdHold *hold, TdChannel *leg)
{
    hooks->n_held--;
    hooks->n_without_leg += leg == NULL;
    g_free (hold);
}

static void
hold_for_attempt (TdCall *call)
{
    TdHold *hold = g_new0 (TdHold, 1);

    *hold = (TdHold){ .ended = end_hold };
    hooks->n_held++;
    td_call_hold (call, hold);
}

static TdHookAnswer
ask (void *subject, TdToken *token, void *data)
{
    TdCall *call = subject;
    unsigned n_tries = td_call_target_tries (call);

    g_string_append_printf (hooks->seen, "%s/%u ", td_call_target (call)->trunk, n_tries);
    if (hooks->skip_after > 0 && n_tries >= hooks->skip_after) {
        return (TdHookAnswer){ .verdict = TD_HOOK_SKIP };
    }
    if (hooks->address != NULL) {
        td_call_set_address (call, hooks->address);
    }
    if (hooks->is_holding) {
        hold_for_attempt (call);
    }
    if (hooks->verdict == TD_HOOK_LATER) {
        hooks->token = td_token_take (token, NULL);
    }
    return (TdHookAnswer){ .verdict = hooks->verdict };
}

static void
add_hook (const char *name)
{
    g_autoptr (GError) error = NULL;

    td_hook_add (NULL, "attempt",
                 &(TdHook){ .size = sizeof (TdHook),
                            .name = name,
                            .deadline_ms = 60000,
                            .silence = { .verdict = TD_HOOK_CONTINUE },
                            .ask = ask },
                 &error);
    g_assert_no_error (error);
}

static void
set_up (Flow *flow, gconstpointer routes)
{
    flow->fixture = td_fixture_new (config);
    flow->endpoint = fake_endpoint_new (flow->fixture);
    flow->endpoint->routes = g_strdup (routes);
    flow->hooks.seen = g_string_new (NULL);
    hooks = &flow->hooks;
}

static void
tear_down (Flow *flow, gconstpointer routes)
{
    td_fixture_free (flow->fixture);
    fake_endpoint_free (flow->endpoint);
    g_assert_cmpint (flow->hooks.n_held, ==, 0);
    g_string_free (flow->hooks.seen, TRUE);
}

#define SAY(name, event, text) fake_say (flow->endpoint, flow->fixture, (name), (event), (text))
#define LOG(expected)          fake_assert_log (flow->endpoint, (expected))

static void
call (Flow *flow)
{
    fake_call (flow->endpoint, flow->fixture, "5550199", NULL);
}

/* --- Members ----------------------------------------------------------------------------- */

static void
test_trunk_with_one_address (Flow *flow, gconstpointer routes)
{
    call (flow);
    LOG ("s:originate ");
    SAY ("s", FAKE_RELEASE, "38");
    LOG ("a:release(38) ");
}

static void
test_members_in_turn_then_the_next_target (Flow *flow, gconstpointer routes)
{
    call (flow);
    LOG ("e:originate ");
    SAY ("e", FAKE_RELEASE, "38");
    LOG ("w:originate ");
    SAY ("w", FAKE_RELEASE, "41");
    LOG ("s:originate ");
    SAY ("s", FAKE_ANSWER, NULL);
    LOG ("a:answer ");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_cause_of_the_last_member_is_the_call_s (Flow *flow, gconstpointer routes)
{
    call (flow);
    SAY ("e", FAKE_RELEASE, "38");
    SAY ("w", FAKE_RELEASE, "41");
    LOG ("e:originate w:originate a:release(41) ");
}

static void
test_busy_at_one_member_is_busy (Flow *flow, gconstpointer routes)
{
    call (flow);
    SAY ("e", FAKE_RELEASE, "17");
    LOG ("e:originate a:release(17) ");
}

static void
test_silent_member_is_passed_over (Flow *flow, gconstpointer routes)
{
    call (flow);
    td_engine_advance (10001);
    LOG ("e:originate e:release(18) w:originate ");
    SAY ("w", FAKE_ANSWER, NULL);
    SAY ("a", FAKE_RELEASE, "16");
}

/* Whoever did not answer will not do so by another way of the same trunk. */
static void
test_no_answer_goes_to_the_next_target (Flow *flow, gconstpointer routes)
{
    flow->endpoint->no_answer_ms = 20000;
    call (flow);
    SAY ("e", FAKE_RING, NULL);
    td_engine_advance (20001);
    LOG ("e:originate a:ring e:release(19) s:originate ");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_member_fails_while_another_target_rings (Flow *flow, gconstpointer routes)
{
    call (flow);
    LOG ("e:originate s:originate ");
    SAY ("s", FAKE_RING, NULL);
    SAY ("e", FAKE_RELEASE, "38");
    LOG ("a:ring w:originate ");
    SAY ("w", FAKE_ANSWER, NULL);
    LOG ("s:release(16) a:answer ");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_driver_that_is_not_there (Flow *flow, gconstpointer routes)
{
    add_hook ("test.attempt");
    flow->hooks.is_holding = true;
    call (flow);
    LOG ("s:originate ");
    g_assert_cmpuint (flow->hooks.n_without_leg, ==, 1);
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_trunk_that_is_not_there (Flow *flow, gconstpointer routes)
{
    call (flow);
    LOG ("s:originate ");
    SAY ("a", FAKE_RELEASE, "16");
}

/* --- Hooks that choose ------------------------------------------------------------------- */

static void
test_hook_chooses_until_it_skips (Flow *flow, gconstpointer routes)
{
    add_hook ("test.attempt");
    flow->hooks.address = "fake:x=38";
    flow->hooks.skip_after = 3;
    call (flow);
    LOG ("x:originate x:originate x:originate x:originate x:originate x:originate a:release(38) ");
    g_assert_cmpstr (flow->hooks.seen->str, ==,
                     "pair/0 pair/1 pair/2 pair/3 solo/0 solo/1 solo/2 solo/3 ");
}

static void
test_hook_skips_at_once (Flow *flow, gconstpointer routes)
{
    add_hook ("test.attempt");
    flow->hooks.verdict = TD_HOOK_SKIP;
    call (flow);
    LOG ("a:release(34) ");
}

/* --- Holds ------------------------------------------------------------------------------- */

static void
test_hold_lasts_as_long_as_the_leg (Flow *flow, gconstpointer routes)
{
    add_hook ("test.attempt");
    flow->hooks.is_holding = true;
    flow->endpoint->is_quick = false;
    call (flow);
    SAY ("e", FAKE_RELEASE, "38");
    SAY ("w", FAKE_ANSWER, NULL);
    g_assert_cmpint (flow->hooks.n_held, ==, 1);
    SAY ("a", FAKE_RELEASE, "16");
    g_assert_cmpint (flow->hooks.n_held, ==, 1); /* it clears */
    SAY ("w", FAKE_RELEASE, "16");
    g_assert_cmpint (flow->hooks.n_held, ==, 0);
    g_assert_cmpuint (flow->hooks.n_without_leg, ==, 0);
}

static void
test_hold_ends_when_a_later_hook_says_no (Flow *flow, gconstpointer routes)
{
    add_hook ("test.attempt");
    flow->hooks.is_holding = true;
    flow->hooks.verdict = TD_HOOK_SKIP;
    call (flow);
    g_assert_cmpint (flow->hooks.n_held, ==, 0);
    g_assert_cmpuint (flow->hooks.n_without_leg, ==, 1);
}

static void
test_hold_ends_when_the_call_is_refused (Flow *flow, gconstpointer routes)
{
    add_hook ("test.attempt");
    flow->hooks.is_holding = true;
    flow->hooks.verdict = TD_HOOK_REFUSE;
    call (flow);
    LOG ("a:release(21) ");
    g_assert_cmpint (flow->hooks.n_held, ==, 0);
}

/* The caller goes while a hook still thinks. */
static void
test_hold_ends_when_the_caller_goes_first (Flow *flow, gconstpointer routes)
{
    add_hook ("test.attempt");
    flow->hooks.is_holding = true;
    flow->hooks.verdict = TD_HOOK_LATER;
    call (flow);
    g_assert_cmpint (flow->hooks.n_held, ==, 1);
    SAY ("a", FAKE_RELEASE, "16");
    g_assert_cmpint (flow->hooks.n_held, ==, 0);
    td_token_answer (flow->hooks.token, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
    td_engine_settle ();
    LOG ("");
}

/* Another target answers while a hook still thinks about this one. */
static void
test_hold_ends_when_another_target_answers (Flow *flow, gconstpointer routes)
{
    add_hook ("test.attempt");
    flow->hooks.is_holding = true;
    flow->hooks.verdict = TD_HOOK_LATER;
    call (flow);
    td_token_answer (flow->hooks.token, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
    td_engine_settle ();
    LOG ("e:originate ");
    g_assert_cmpint (flow->hooks.n_held, ==, 2);
    SAY ("e", FAKE_ANSWER, NULL);
    g_assert_cmpint (flow->hooks.n_held, ==, 1);
    g_assert_cmpuint (flow->hooks.n_without_leg, ==, 1);
    SAY ("a", FAKE_RELEASE, "16");
    td_token_answer (flow->hooks.token, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
    td_engine_settle ();
}

/* --- Rules ------------------------------------------------------------------------------- */

static void
test_at_most_so_many_attempts (Flow *flow, gconstpointer routes)
{
    flow->endpoint->rules.max_attempts = 2;
    call (flow);
    LOG ("b1:originate b2:originate a:release(42) ");
}

static void
test_within_so_much_time (Flow *flow, gconstpointer routes)
{
    flow->endpoint->rules.within_ms = 15000;
    call (flow);
    td_engine_advance (20002);
    LOG ("b1:originate b1:release(18) b2:originate b2:release(18) a:release(18) ");
}

static void
test_causes_of_the_list_s_own (Flow *flow, gconstpointer routes)
{
    flow->endpoint->rules.has_causes = true;
    flow->endpoint->rules.causes[0] = UINT64_C (1) << 17;
    call (flow);
    LOG ("b1:originate b2:originate a:release(42) ");
}

/* --- Numbers ----------------------------------------------------------------------------- */

static void
look_at_calling (void *data)
{
    Flow *flow = data;
    const TdId *id = g_hash_table_lookup (flow->endpoint->legs, "b1");
    const TdParty *calling = td_channel_calling (td_channel_find (*id));

    g_assert_cmpstr (td_party_key (calling), ==, "+4989123");
    g_assert_cmpstr (calling->user, ==, "+4989123");
}

static void
test_calling_number_of_the_target_s_own (Flow *flow, gconstpointer routes)
{
    flow->endpoint->calling = "+4989123";
    call (flow);
    td_fixture_on (flow->fixture, flow->endpoint->lane, look_at_calling, flow);
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_calling_number_that_is_none (Flow *flow, gconstpointer routes)
{
    flow->endpoint->calling = "nobody";
    call (flow);
    LOG ("a:release(28) ");
}

#define ADD(path, routes, function)                                                                \
    g_test_add ("/flow/members/" path, Flow, (routes), set_up, (function), tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("one-address", "@solo", test_trunk_with_one_address);
    ADD ("in-turn", "@pair;@solo", test_members_in_turn_then_the_next_target);
    ADD ("last-cause", "@pair", test_cause_of_the_last_member_is_the_call_s);
    ADD ("busy", "@pair;@solo", test_busy_at_one_member_is_busy);
    ADD ("no-response", "@pair", test_silent_member_is_passed_over);
    ADD ("no-answer", "@pair;@solo", test_no_answer_goes_to_the_next_target);
    ADD ("ring-together", "@pair @solo", test_member_fails_while_another_target_rings);
    ADD ("no-driver", "@strange;@solo", test_driver_that_is_not_there);
    ADD ("no-trunk", "@gone;@solo", test_trunk_that_is_not_there);
    ADD ("hook-chooses", "@pair;@solo", test_hook_chooses_until_it_skips);
    ADD ("hook-skips", "@pair;@solo", test_hook_skips_at_once);
    ADD ("hold", "@pair", test_hold_lasts_as_long_as_the_leg);
    ADD ("hold-skip", "@solo", test_hold_ends_when_a_later_hook_says_no);
    ADD ("hold-refuse", "@solo", test_hold_ends_when_the_call_is_refused);
    ADD ("hold-caller-goes", "@solo", test_hold_ends_when_the_caller_goes_first);
    ADD ("hold-another-answers", "@pair @solo", test_hold_ends_when_another_target_answers);
    ADD ("max-attempts/ROU-023", "b1=38;b2=42;b3", test_at_most_so_many_attempts);
    ADD ("within/ROU-023", "b1;b2;b3", test_within_so_much_time);
    ADD ("causes/ROU-023", "b1=17;b2=42;b3", test_causes_of_the_list_s_own);
    ADD ("calling", "b1", test_calling_number_of_the_target_s_own);
    ADD ("calling-wrong", "b1", test_calling_number_that_is_none);
    return g_test_run ();
}
