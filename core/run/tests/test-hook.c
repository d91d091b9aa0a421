/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hooks are asked in order and awaited; late, too late and never are three different things. */

#include "run/hook.h"

#include "base/owner.h"
#include "run/lane.h"

#include <pthread.h>
#include <string.h>

typedef struct {
    TdHookRun run;
    GString *asked;
    unsigned n_settled;
    TdHookAnswer answer;
    TdToken *token;
    unsigned n_cancelled, n_forgotten;
    unsigned n_freed;
} Subject;

static Subject *subject; /* of the test that runs */

static void
settled (TdHookRun *run, const TdHookAnswer *answer, const char *hook_name)
{
    subject->n_settled++;
    subject->answer = *answer;
}

static void
free_payload (void *payload)
{
    subject->n_freed++;
}

static void
set_up (void)
{
    td_lanes_open (&(TdLanesOptions){ .n_lanes = 1, .is_fake = true, .seed = 7, .boot = 1 });
    td_hooks_open ();
    td_hook_point_declare ("admit", free_payload);
    subject = g_new0 (Subject, 1);
    subject->asked = g_string_new (NULL);
    subject->run = (TdHookRun){ .settled = settled, .subject = subject };
}

static void
tear_down (void)
{
    td_owner_revoke_all (&td_owner_core, NULL, NULL);
    td_lanes_settle ();
    td_hooks_close ();
    td_lanes_close ();
    g_string_free (subject->asked, true);
    g_clear_pointer (&subject, g_free);
}

static TdHookAnswer
go_on (void *of, TdToken *token, void *data)
{
    g_string_append (((Subject *) of)->asked, data);
    return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

static TdHookAnswer
refuse (void *of, TdToken *token, void *data)
{
    g_string_append (((Subject *) of)->asked, data);
    return (TdHookAnswer){ .verdict = TD_HOOK_REFUSE, .cause = 21 };
}

static TdHookAnswer
take_time (void *of, TdToken *token, void *data)
{
    subject->token = td_token_take (token, of);
    return (TdHookAnswer){ .verdict = TD_HOOK_LATER };
}

static void
note_cancel (TdToken *token, void *state, void *data)
{
    g_assert_true (state == subject);
    g_assert_true (token == subject->token);
    subject->n_cancelled++;
}

static void
add (const TdHook *hook)
{
    g_autoptr (GError) error = NULL;

    g_assert_true (td_hook_add (NULL, "admit", hook, &error));
    g_assert_no_error (error);
}

static void
add_slow (TdHookVerdict silence)
{
    add (&(TdHook){ .size = sizeof (TdHook),
                    .name = "slow",
                    .deadline_ms = 100,
                    .silence = { .verdict = silence, .cause = 41 },
                    .ask = take_time,
                    .cancel = note_cancel });
}

static void
add_quick (const char *name, const char *const *before, const char *const *after)
{
    add (&(TdHook){ .size = sizeof (TdHook),
                    .name = name,
                    .before = before,
                    .after = after,
                    .data = (void *) name,
                    .ask = go_on });
}

static void
start (void *data)
{
    td_hook_run_start (&subject->run, "admit");
}

static void
ask_all (void)
{
    td_lanes_on (td_lane_at (0), start, NULL);
}

static void
test_order_comes_from_names (void)
{
    set_up ();
    add_quick ("c", NULL, NULL);
    add_quick ("b", TD_LIST ("c"), NULL);
    add_quick ("a", NULL, NULL);
    add_quick ("d", TD_LIST ("b"), TD_LIST ("a"));
    ask_all ();
    g_assert_cmpstr (subject->asked->str, ==, "adbc");
    g_assert_cmpint (subject->answer.verdict, ==, TD_HOOK_CONTINUE);
    g_assert_cmpuint (subject->n_settled, ==, 1);
    tear_down ();
}

static void
test_circle_is_refused (void)
{
    g_autoptr (GError) error = NULL;

    set_up ();
    add_quick ("a", TD_LIST ("b"), NULL);
    g_assert_false (td_hook_add (
        NULL, "admit",
        &(TdHook){ .size = sizeof (TdHook), .name = "b", .before = TD_LIST ("a"), .ask = go_on },
        &error));
    g_assert_error (error, TD_ERROR, TD_ERROR_INVALID);
    g_assert_nonnull (strstr (error->message, "circle"));
    ask_all ();
    g_assert_cmpstr (subject->asked->str, ==, "a");
    tear_down ();
}

static void
test_refusal_ends_the_asking (void)
{
    set_up ();
    add_quick ("a", NULL, NULL);
    add (&(TdHook){ .size = sizeof (TdHook), .name = "b", .data = (void *) "b", .ask = refuse });
    add_quick ("c", NULL, NULL);
    ask_all ();
    g_assert_cmpstr (subject->asked->str, ==, "ab");
    g_assert_cmpint (subject->answer.verdict, ==, TD_HOOK_REFUSE);
    g_assert_cmpuint (subject->answer.cause, ==, 21);
    tear_down ();
}

static void
test_late_answer_goes_on_where_it_was (void)
{
    set_up ();
    add_slow (TD_HOOK_REFUSE);
    add_quick ("then", NULL, TD_LIST ("slow"));
    ask_all ();
    td_lanes_advance (99);
    g_assert_cmpuint (subject->n_settled, ==, 0);
    td_token_answer (subject->token, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
    td_lanes_settle ();
    g_assert_cmpstr (subject->asked->str, ==, "then");
    g_assert_cmpint (subject->answer.verdict, ==, TD_HOOK_CONTINUE);
    td_lanes_advance (1000);
    g_assert_cmpuint (subject->n_settled, ==, 1);
    g_assert_cmpuint (subject->n_cancelled, ==, 0);
    g_assert_cmpuint (td_hook_late_answers (), ==, 0);
    tear_down ();
}

static void
test_answer_after_the_deadline_is_ignored (void)
{
    set_up ();
    add_slow (TD_HOOK_REFUSE);
    ask_all ();
    td_lanes_advance (101);
    g_assert_cmpuint (subject->n_settled, ==, 1);
    g_assert_cmpint (subject->answer.verdict, ==, TD_HOOK_REFUSE);
    g_assert_cmpuint (subject->answer.cause, ==, 41);
    g_assert_cmpuint (subject->n_cancelled, ==, 1);
    td_token_answer (subject->token, (TdHookAnswer){ .verdict = TD_HOOK_DONE, .payload = subject });
    td_lanes_settle ();
    g_assert_cmpuint (subject->n_settled, ==, 1);
    g_assert_cmpuint (subject->n_freed, ==, 1);
    g_assert_cmpuint (td_hook_late_answers (), ==, 1);
    tear_down ();
}

/* A hook that never answers: silence, and at its module's stop the token is in the ledger. */
static void
test_token_never_answered_is_revoked (void)
{
    set_up ();
    add_slow (TD_HOOK_CONTINUE);
    add_quick ("then", NULL, TD_LIST ("slow"));
    ask_all ();
    g_assert_cmpuint (td_owner_uses (&td_owner_core), ==, 1);
    td_lanes_advance (101);
    g_assert_cmpstr (subject->asked->str, ==, "then");
    g_assert_cmpuint (td_owner_count (&td_owner_core), >, 0);
    tear_down ();
    g_assert_cmpuint (td_owner_uses (&td_owner_core), ==, 0);
}

static void
cancel (void *data)
{
    td_hook_run_cancel (&subject->run);
}

static void
test_cancelled_run_hears_nothing (void)
{
    set_up ();
    add_slow (TD_HOOK_REFUSE);
    ask_all ();
    td_lanes_on (td_lane_at (0), cancel, NULL);
    g_assert_cmpuint (subject->n_cancelled, ==, 1);
    td_token_answer (subject->token, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
    td_lanes_advance (1000);
    g_assert_cmpuint (subject->n_settled, ==, 0);
    g_assert_cmpuint (td_hook_late_answers (), ==, 1);
    tear_down ();
}

static void
answer_and_cancel (void *data)
{
    td_token_answer (subject->token, (TdHookAnswer){ .verdict = TD_HOOK_DONE, .payload = subject });
    td_hook_run_cancel (&subject->run);
}

/* The holder has forgotten its state by then. */
static void
test_answer_under_way_is_not_cancelled (void)
{
    set_up ();
    add_slow (TD_HOOK_REFUSE);
    ask_all ();
    td_lanes_on (td_lane_at (0), answer_and_cancel, NULL);
    td_lanes_settle ();
    g_assert_cmpuint (subject->n_cancelled, ==, 0);
    g_assert_cmpuint (subject->n_settled, ==, 0);
    g_assert_cmpuint (subject->n_freed, ==, 1);
    tear_down ();
}

static void
note_forget (void *state, void *data)
{
    g_assert_true (state == subject);
    subject->n_forgotten++;
}

static void
add_forgetful (void (*told) (TdToken *token, void *state, void *data))
{
    add (&(TdHook){ .size = sizeof (TdHook),
                    .name = "slow",
                    .deadline_ms = 100,
                    .silence = { .verdict = TD_HOOK_REFUSE, .cause = 41 },
                    .ask = take_time,
                    .cancel = told,
                    .forget = note_forget });
}

static void
test_state_is_forgotten_with_the_answer (void)
{
    set_up ();
    add_forgetful (note_cancel);
    ask_all ();
    td_token_answer (subject->token, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
    g_assert_cmpuint (subject->n_forgotten, ==, 0);
    td_lanes_settle ();
    g_assert_cmpuint (subject->n_forgotten, ==, 1);
    g_assert_cmpuint (subject->n_settled, ==, 1);
    tear_down ();
}

static void *
answer_from_elsewhere (void *token)
{
    td_token_answer (token, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
    return NULL;
}

/* Another thread answers between the look whether it has, and the moment the holder is told. */
static void
cancel_beside_the_answer (TdToken *token, void *state, void *data)
{
    pthread_t thread;

    g_assert_cmpint (pthread_create (&thread, NULL, answer_from_elsewhere, token), ==, 0);
    pthread_join (thread, NULL);
    g_assert_cmpuint (subject->n_forgotten, ==, 0);
    note_cancel (token, state, data);
}

static void
test_state_outlasts_a_cancel_beside_the_answer (void)
{
    set_up ();
    add_forgetful (cancel_beside_the_answer);
    ask_all ();
    td_lanes_advance (101);
    g_assert_cmpuint (subject->n_cancelled, ==, 1);
    g_assert_cmpuint (subject->n_forgotten, ==, 1);
    g_assert_cmpuint (td_hook_late_answers (), ==, 1);
    tear_down ();
}

static TdHookAnswer
say_both (void *of, TdToken *token, void *data)
{
    subject->token = td_token_take (token, of);
    return (TdHookAnswer){ .verdict = TD_HOOK_DONE, .payload = of };
}

static void
test_token_and_answer_are_silence (void)
{
    set_up ();
    add (&(TdHook){ .size = sizeof (TdHook),
                    .name = "both",
                    .silence = { .verdict = TD_HOOK_REFUSE, .cause = 41 },
                    .ask = say_both });
    ask_all ();
    g_assert_cmpint (subject->answer.verdict, ==, TD_HOOK_REFUSE);
    g_assert_cmpuint (subject->n_freed, ==, 1);
    td_token_answer (subject->token, (TdHookAnswer){ .verdict = TD_HOOK_DONE, .payload = subject });
    td_lanes_settle ();
    g_assert_cmpuint (subject->n_settled, ==, 1);
    g_assert_cmpuint (subject->n_freed, ==, 2);
    tear_down ();
}

/* The subject ends, and is gone, while one of its hooks is being asked. */
static TdHookAnswer
end_subject (void *of, TdToken *token, void *data)
{
    TdHookRun *run = &((Subject *) of)->run;

    td_hook_run_cancel (run);
    memset (run, 0xdd, sizeof *run);
    return (TdHookAnswer){ .verdict = TD_HOOK_DONE, .payload = of };
}

static void
test_subject_ended_by_its_hook (void)
{
    set_up ();
    add (&(TdHook){ .size = sizeof (TdHook), .name = "end", .ask = end_subject });
    add_quick ("then", NULL, TD_LIST ("end"));
    ask_all ();
    g_assert_cmpstr (subject->asked->str, ==, "");
    g_assert_cmpuint (subject->n_settled, ==, 0);
    g_assert_cmpuint (subject->n_freed, ==, 1);
    tear_down ();
}

/* The hook wants time for a subject that it has just ended. */
static TdHookAnswer
end_and_take_time (void *of, TdToken *token, void *data)
{
    end_subject (of, token, data);
    return take_time (of, token, data);
}

static void
test_token_of_an_ended_subject_is_too_late (void)
{
    set_up ();
    add (&(TdHook){ .size = sizeof (TdHook), .name = "end", .ask = end_and_take_time });
    ask_all ();
    td_lanes_advance (1000);
    td_token_answer (subject->token, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
    td_lanes_settle ();
    g_assert_cmpuint (subject->n_settled, ==, 0);
    g_assert_cmpuint (td_hook_late_answers (), ==, 1);
    g_assert_cmpuint (td_owner_uses (&td_owner_core), ==, 0);
    tear_down ();
}

static void
end_when_cancelled (TdToken *token, void *state, void *data)
{
    note_cancel (token, state, data);
    td_token_answer (token, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
    end_subject (state, NULL, NULL);
}

static void
test_subject_ended_at_the_deadline (void)
{
    set_up ();
    add (&(TdHook){ .size = sizeof (TdHook),
                    .name = "slow",
                    .deadline_ms = 100,
                    .silence = { .verdict = TD_HOOK_CONTINUE },
                    .ask = take_time,
                    .cancel = end_when_cancelled });
    add_quick ("then", NULL, TD_LIST ("slow"));
    ask_all ();
    td_lanes_advance (101);
    g_assert_cmpuint (subject->n_cancelled, ==, 1);
    g_assert_cmpstr (subject->asked->str, ==, "");
    g_assert_cmpuint (subject->n_settled, ==, 0);
    g_assert_cmpuint (td_owner_uses (&td_owner_core), ==, 0);
    tear_down ();
}

/* An upgrade: the older build drains, perhaps for hours, and has the same hook as the newer one. */
static void
test_newer_build_is_asked_in_place_of_the_draining_one (void)
{
    TdOwner old, new;
    TdHook hook = { .size = sizeof hook, .name = "guest.admit", .ask = go_on };

    set_up ();
    td_owner_init (&old, "guest");
    td_owner_init (&new, "guest");
    hook.data = (void *) "old ";
    g_assert_true (td_hook_add ((TdModule *) &old, "admit", &hook, NULL));
    hook.data = (void *) "new ";
    g_assert_true (td_hook_add ((TdModule *) &new, "admit", &hook, NULL));
    add_quick ("other ", NULL, NULL);
    atomic_store (&old.is_stopping, true);
    ask_all ();
    g_assert_cmpstr (subject->asked->str, ==, "new other ");
    /* Without a newer one beside it, a draining build still has its say. */
    td_owner_revoke_all (&new, NULL, NULL);
    ask_all ();
    g_assert_cmpstr (subject->asked->str, ==, "new other old other ");
    td_owner_revoke_all (&old, NULL, NULL);
    td_owner_clear (&new);
    td_owner_clear (&old);
    tear_down ();
}

static void
test_unknown_point_is_an_error (void)
{
    g_autoptr (GError) error = NULL;

    set_up ();
    g_assert_false (td_hook_add (
        NULL, "admitt", &(TdHook){ .size = sizeof (TdHook), .name = "a", .ask = go_on }, &error));
    g_assert_error (error, TD_ERROR, TD_ERROR_NOT_FOUND);
    tear_down ();
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/run/hook/order-comes-from-names", test_order_comes_from_names);
    g_test_add_func ("/run/hook/circle-is-refused", test_circle_is_refused);
    g_test_add_func ("/run/hook/refusal-ends-the-asking", test_refusal_ends_the_asking);
    g_test_add_func ("/run/hook/late-answer", test_late_answer_goes_on_where_it_was);
    g_test_add_func ("/run/hook/too-late-answer", test_answer_after_the_deadline_is_ignored);
    g_test_add_func ("/run/hook/never-answered", test_token_never_answered_is_revoked);
    g_test_add_func ("/run/hook/cancelled-run", test_cancelled_run_hears_nothing);
    g_test_add_func ("/run/hook/answer-under-way", test_answer_under_way_is_not_cancelled);
    g_test_add_func ("/run/hook/forget", test_state_is_forgotten_with_the_answer);
    g_test_add_func ("/run/hook/forget-after-cancel",
                     test_state_outlasts_a_cancel_beside_the_answer);
    g_test_add_func ("/run/hook/token-and-answer", test_token_and_answer_are_silence);
    g_test_add_func ("/run/hook/ended-by-its-hook", test_subject_ended_by_its_hook);
    g_test_add_func ("/run/hook/ended-before-its-token",
                     test_token_of_an_ended_subject_is_too_late);
    g_test_add_func ("/run/hook/ended-at-the-deadline", test_subject_ended_at_the_deadline);
    g_test_add_func ("/run/hook/newer-build-is-asked",
                     test_newer_build_is_asked_in_place_of_the_draining_one);
    g_test_add_func ("/run/hook/unknown-point", test_unknown_point_is_an_error);
    return g_test_run ();
}
