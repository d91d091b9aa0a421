/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A request is answered exactly once, whoever goes away meanwhile. */

#include "operate/command.h"

#include "base/log.h"
#include "base/metric.h"

typedef struct {
    TdOwner answerer, asker;
    GPtrArray *asked;
    TdRequest *kept; /* by the command that answers later */
    unsigned n_gone;
    bool is_push_taken;
    GString *heard; /* what the asker was told */
    GString *log;
} Fixture;

static void
keep (TdRequest *request, void *data)
{
    ((Fixture *) data)->kept = td_request_ref (request);
}

static void
answer (TdRequest *request, void *data)
{
    td_request_reply (request, g_variant_new_string (td_request_argument (request, "WORD")));
}

static void
answer_whom (TdRequest *request, void *data)
{
    td_request_reply (request, g_variant_new_string (td_request_asker (request)));
}

static void
fail (TdRequest *request, void *data)
{
    td_request_fail (request, "trunk %s is down: \"trunk list\" says why", "a\xff");
}

static void
forget (TdRequest *request, void *data)
{
}

static void
stream (TdRequest *request, void *data)
{
    Fixture *fixture = data;

    td_request_push (request, g_variant_new_int32 (1));
    fixture->is_push_taken = td_request_push (request, g_variant_new_int32 (2));
    td_request_reply (request, NULL);
}

static void
gone (TdRequest *request, void *data)
{
    Fixture *fixture = data;

    fixture->n_gone++;
    g_assert_true (request == fixture->kept);
}

static void
hear (TdRequest *request, GVariant *piece, bool is_last, const char *error_text, void *data)
{
    Fixture *fixture = data;
    g_autofree char *json = piece != NULL ? td_result_to_json (piece) : g_strdup ("");

    g_string_append_printf (fixture->heard, "%s%s%s;", json, is_last ? " last" : "",
                            error_text != NULL ? " error" : "");
    if (error_text != NULL) {
        g_string_append_printf (fixture->heard, "%s;", error_text);
    }
}

static void
abandon_at_once (TdRequest *request, GVariant *piece, bool is_last, const char *error_text,
                 void *data)
{
    Fixture *fixture = data;

    g_string_append (fixture->heard, "piece;");
    td_request_abandon (td_request_ref (request));
}

static void
collect (const char *line, size_t len_bytes, void *data)
{
    g_string_append_len (((Fixture *) data)->log, line, (gssize) len_bytes);
}

static void
add (Fixture *fixture, const char *name, void (*run) (TdRequest *, void *), bool is_change,
     bool is_stream)
{
    static const TdArgument arguments[] = { { .name = "WORD", .help = "what is said" } };
    g_autoptr (GError) error = NULL;

    td_command_add ((TdModule *) &fixture->answerer,
                    &(TdCommand){ .size = sizeof (TdCommand),
                                  .argument_size = sizeof (TdArgument),
                                  .name = name,
                                  .help = "Helps",
                                  .arguments = arguments,
                                  .n_arguments = 1,
                                  .is_change = is_change,
                                  .is_stream = is_stream,
                                  .data = fixture,
                                  .run = run },
                    &error);
    g_assert_no_error (error);
}

static void
drop_asked (void *request)
{
    td_request_unref (request);
}

static void
set_up (Fixture *fixture, const void *data)
{
    td_owner_init (&fixture->answerer, "answerer");
    td_owner_init (&fixture->asker, "asker");
    fixture->asked = g_ptr_array_new_with_free_func (drop_asked);
    fixture->heard = g_string_new (NULL);
    fixture->log = g_string_new (NULL);
    g_unsetenv ("JOURNAL_STREAM");
    td_log_open (&(TdLogOptions){ .level = TD_LOG_INFO, .sink = collect, .sink_data = fixture });
    add (fixture, "say", answer, false, false);
    add (fixture, "whoami", answer_whom, false, false);
    add (fixture, "fail", fail, false, false);
    add (fixture, "forget", forget, false, false);
    add (fixture, "later", keep, false, false);
    add (fixture, "change", answer, true, false);
    add (fixture, "follow", stream, false, true);
}

static void
tear_down (Fixture *fixture, const void *data)
{
    td_request_unref (fixture->kept);
    g_ptr_array_unref (fixture->asked);
    td_owner_revoke_all (&fixture->answerer, NULL, NULL);
    td_owner_clear (&fixture->answerer);
    td_owner_clear (&fixture->asker);
    td_log_close ();
    g_string_free (fixture->heard, TRUE);
    g_string_free (fixture->log, TRUE);
}

static TdRequest *
ask (Fixture *fixture, const char *line, bool may_change)
{
    g_auto (GStrv) words = g_strsplit (line, " ", -1);

    return td_command_run ((TdModule *) &fixture->asker, (const char *const *) words, "uid 7",
                           may_change, hear, fixture);
}

/* As ask (), for a test that does not abandon what it asked. */
static TdRequest *
put (Fixture *fixture, const char *line, bool may_change)
{
    TdRequest *request = ask (fixture, line, may_change);

    g_ptr_array_add (fixture->asked, request);
    return request;
}

static void
test_answer_at_once (Fixture *fixture, const void *data)
{
    TdRequest *request = put (fixture, "say hello", false);

    g_assert_cmpstr (fixture->heard->str, ==, "\"hello\" last;");
    g_assert_false (td_request_is_misuse (request));
    g_assert_cmpuint (td_owner_count (&fixture->asker), ==, 0);
}

static void
test_command_knows_who_asks (Fixture *fixture, const void *data)
{
    put (fixture, "whoami", false);
    g_assert_cmpstr (fixture->heard->str, ==, "\"uid 7\" last;");
}

static void
test_answer_later (Fixture *fixture, const void *data)
{
    put (fixture, "later", false);

    g_assert_cmpstr (fixture->heard->str, ==, "");
    td_request_reply (fixture->kept, g_variant_new_int32 (5));
    g_assert_cmpstr (fixture->heard->str, ==, "5 last;");
}

static void
test_failure (Fixture *fixture, const void *data)
{
    TdRequest *request = put (fixture, "fail", false);

    g_assert_cmpstr (fixture->heard->str, ==,
                     " last error;trunk a\xef\xbf\xbd is down: \"trunk list\" says why;");
    g_assert_false (td_request_is_misuse (request));
}

static void
test_misuse (Fixture *fixture, const void *data)
{
    TdRequest *unknown = put (fixture, "sya hello", false);
    TdRequest *wrong = put (fixture, "say a b", false);

    g_assert_true (td_request_is_misuse (unknown));
    g_assert_true (td_request_is_misuse (wrong));
    g_assert_cmpstr (fixture->heard->str, ==,
                     " last error;there is no command \"sya hello\": did you mean \"say\"?;"
                     " last error;say: \"b\" is one word too many; usage: say [WORD];");
}

static void
test_stream (Fixture *fixture, const void *data)
{
    put (fixture, "follow", false);

    g_assert_true (fixture->is_push_taken);
    g_assert_cmpstr (fixture->heard->str, ==, "1;2; last;");
}

static void
test_asker_leaves_on_a_piece (Fixture *fixture, const void *data)
{
    g_ptr_array_add (fixture->asked,
                     td_command_run ((TdModule *) &fixture->asker, TD_LIST ("follow"), "uid 7",
                                     false, abandon_at_once, fixture));

    g_assert_cmpstr (fixture->heard->str, ==, "piece;");
    g_assert_false (fixture->is_push_taken);
}

static void
test_abandon_tells_the_command (Fixture *fixture, const void *data)
{
    TdRequest *request = ask (fixture, "later", false);

    td_request_on_gone (fixture->kept, gone, fixture);
    td_request_abandon (request);
    g_assert_cmpuint (fixture->n_gone, ==, 1);
    td_request_reply (fixture->kept, g_variant_new_int32 (5));
    td_request_fail (fixture->kept, "too late");
    g_assert_cmpstr (fixture->heard->str, ==, "");
}

static void
test_stopped_answerer_ends_it (Fixture *fixture, const void *data)
{
    put (fixture, "later", false);

    td_request_on_gone (fixture->kept, gone, fixture);
    g_assert_cmpuint (td_owner_revoke_all (&fixture->answerer, NULL, NULL), ==, 1);
    g_assert_cmpuint (fixture->n_gone, ==, 0);
    g_assert_cmpstr (fixture->heard->str, ==,
                     " last error;module answerer stopped before \"later\" was answered: start it "
                     "and ask again;");
}

static void
test_stopped_asker_is_not_called (Fixture *fixture, const void *data)
{
    ask (fixture, "later", false); /* its reference goes with the ledger */
    td_request_on_gone (fixture->kept, gone, fixture);
    g_assert_cmpuint (td_owner_revoke_all (&fixture->asker, NULL, NULL), ==, 1);
    g_assert_cmpuint (fixture->n_gone, ==, 1);
    td_request_reply (fixture->kept, NULL);
    g_assert_cmpstr (fixture->heard->str, ==, "");
}

static void
test_module_that_asks_itself (Fixture *fixture, const void *data)
{
    TdRequest *request = td_command_run ((TdModule *) &fixture->answerer, TD_LIST ("later"),
                                         "itself", false, hear, fixture);

    g_assert_true (request == fixture->kept);
    td_request_on_gone (fixture->kept, gone, fixture);
    atomic_store (&fixture->answerer.is_stopped, true);
    td_owner_revoke_all (&fixture->answerer, NULL, NULL);
    g_assert_cmpstr (fixture->heard->str, ==, "");
    g_assert_cmpuint (fixture->n_gone, ==, 0);
}

static void
test_no_answer_is_a_defect (Fixture *fixture, const void *data)
{
    put (fixture, "forget", false);

    g_assert_cmpstr (fixture->heard->str, ==,
                     " last error;\"forget\" gave no answer: this is a defect of module answerer;");
    g_assert_nonnull (strstr (fixture->log->str,
                              " error answerer forget: the command ended without an answer\n"));
}

static void
test_change_needs_the_role (Fixture *fixture, const void *data)
{
    put (fixture, "change x", false);

    g_assert_cmpstr (fixture->heard->str, ==,
                     " last error;\"change\" changes something and you may only look: run it as "
                     "root, or as the user that tandemd runs as;");
    g_assert_cmpstr (fixture->log->str, ==, "");
}

static void
test_change_is_logged (Fixture *fixture, const void *data)
{
    put (fixture, "change x\ny", true);

    g_assert_cmpstr (fixture->heard->str, ==, "\"x\\ny\" last;");
    g_assert_nonnull (
        strstr (fixture->log->str, " notice asker command: change x\\ny  asker=\"uid 7\"\n"));
}

static void
test_help_of_one (Fixture *fixture, const void *data)
{
    static const char expected[] =
        "{\"usage\":\"say [WORD]\",\"help\":\"Helps\",\"arguments\":[{\"name\":\"WORD\","
        "\"help\":\"what is said\"}]} last;";
    put (fixture, "say x --help", false);

    g_assert_cmpstr (fixture->heard->str, ==, expected);
    g_string_truncate (fixture->heard, 0);
    put (fixture, "help say", false);
    g_assert_cmpstr (fixture->heard->str, ==, expected);
}

static void
test_help_of_all (Fixture *fixture, const void *data)
{
    put (fixture, "help", false);

    g_assert_nonnull (strstr (fixture->heard->str, "{\"command\":\"say [WORD]\","
                                                   "\"help\":\"Helps\"}"));
    g_string_truncate (fixture->heard, 0);
    put (fixture, "help bananas", false);
    g_assert_nonnull (strstr (fixture->heard->str, "there is no command \"bananas\""));
}

/* In a list of commands one with many options leaves room for what it does. */
static void
test_help_of_many_options (Fixture *fixture, const void *data)
{
    static const TdArgument arguments[] = {
        { .name = "KIND", .help = "which", .is_required = true },
        { .name = "--trunk", .help = "where", .takes_value = true },
        { .name = "WHY", .help = "why" },
        { .name = "--percent", .help = "how much", .takes_value = true },
    };

    g_assert_true (td_command_add ((TdModule *) &fixture->answerer,
                                   &(TdCommand){ .size = sizeof (TdCommand),
                                                 .argument_size = sizeof (TdArgument),
                                                 .name = "set",
                                                 .help = "Sets",
                                                 .arguments = arguments,
                                                 .n_arguments = G_N_ELEMENTS (arguments),
                                                 .data = fixture,
                                                 .run = answer },
                                   NULL));
    put (fixture, "help", false);
    g_assert_nonnull (strstr (fixture->heard->str, "\"set KIND [WHY] [OPTION...]\""));
    put (fixture, "help set", false);
    g_assert_nonnull (
        strstr (fixture->heard->str, "\"set KIND [--trunk TRUNK] [WHY] [--percent PERCENT]\""));
}

static void
test_commands_are_listed (Fixture *fixture, const void *data)
{
    put (fixture, "commands", false);

    g_assert_nonnull (strstr (
        fixture->heard->str,
        "{\"name\":\"change\",\"module\":\"answerer\",\"is_change\":true,\"is_priority\":false,"
        "\"is_stream\":false,"
        "\"usage\":\"change [WORD]\",\"help\":\"Helps\",\"arguments\":[{\"name\":\"WORD\","
        "\"help\":\"what is "
        "said\",\"is_required\":false,\"takes_value\":false,\"complete\":\"\"}]}"));
}

static void
test_metrics_are_shown (Fixture *fixture, const void *data)
{
    td_metric_add (td_metric_declare (NULL, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                             .kind = TD_METRIC_GAUGE,
                                                             .name = "shown_calls",
                                                             .help = "Help" }),
                   3);
    put (fixture, "metric shown_", false);
    g_assert_cmpstr (fixture->heard->str, ==,
                     "[{\"name\":\"shown_calls\",\"labels\":\"\",\"value\":3,\"help\":\"Help\"}]"
                     " last;");
    g_string_truncate (fixture->heard, 0);
    put (fixture, "metric --prometheus", false);
    g_assert_nonnull (strstr (fixture->heard->str, "\\nshown_calls 3\\n"));
    g_string_truncate (fixture->heard, 0);
    put (fixture, "metric bananas", false);
    g_assert_nonnull (strstr (fixture->heard->str, "no metric begins with \"bananas\""));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    td_commands_start ();
#define ADD(path, function)                                                                        \
    g_test_add ("/operate/request/" path, Fixture, NULL, set_up, function, tear_down)
    ADD ("answer-at-once", test_answer_at_once);
    ADD ("knows-who-asks", test_command_knows_who_asks);
    ADD ("answer-later", test_answer_later);
    ADD ("failure", test_failure);
    ADD ("misuse", test_misuse);
    ADD ("stream", test_stream);
    ADD ("asker-leaves-on-a-piece", test_asker_leaves_on_a_piece);
    ADD ("abandon-tells-the-command", test_abandon_tells_the_command);
    ADD ("stopped-answerer-ends-it", test_stopped_answerer_ends_it);
    ADD ("stopped-asker-is-not-called", test_stopped_asker_is_not_called);
    ADD ("module-that-asks-itself", test_module_that_asks_itself);
    ADD ("no-answer-is-a-defect", test_no_answer_is_a_defect);
    ADD ("change-needs-the-role", test_change_needs_the_role);
    ADD ("change-is-logged", test_change_is_logged);
    ADD ("help-of-one", test_help_of_one);
    ADD ("help-of-all", test_help_of_all);
    ADD ("help-of-many-options", test_help_of_many_options);
    ADD ("commands-are-listed", test_commands_are_listed);
    ADD ("metrics-are-shown", test_metrics_are_shown);
    return g_test_run ();
}
