/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ROU-060: what goes over the wire, there and back; and what is not taken. */

#include "wire.h"

#include <string.h>

static bool
is_trunk (const char *name, const void *data)
{
    return g_str_has_prefix (name, "carrier");
}

static bool
read_answer (const char *json, WireAnswer *ret, GError **error)
{
    return wire_read_answer (json, strlen (json), is_trunk, NULL, ret, error);
}

static const TdAttribute *
declare (const char *name, TdAttributeType type, unsigned flags)
{
    return td_attribute_declare (NULL, name, type, flags, "For tests", NULL);
}

/* --- Questions --------------------------------------------------------------------------- */

static void
test_question_in_short (void)
{
    static const char json[] =
        "{\"version\": 1, \"called\": \"+49 30 123\", \"calling\": \"ann@example.com\"}";
    WireQuestion question;

    g_assert_true (wire_read_question (json, strlen (json), &question, NULL));
    g_assert_cmpstr (td_party_key (&question.called), ==, "+4930123");
    g_assert_cmpuint (question.called.nature, ==, TD_NATURE_INTERNATIONAL);
    g_assert_true (question.called.is_complete);
    g_assert_cmpstr (question.calling.user, ==, "ann");
    g_assert_cmpstr (question.calling.host, ==, "example.com");
    g_assert_cmpint (question.time_us, ==, 0);
    wire_question_clear (&question);
}

static void
test_question_in_full (void)
{
    static const char json[] =
        "{\"version\": 1, \"node\": \"x\", \"trunk\": \"t\", \"time\": 1764000000.5, \"class\": 12,"
        " \"explain\": true, \"called\": {\"number\": \"030123\", \"nature\": \"national\","
        " \"complete\": false}, \"calling\": {\"number\": \"7\", \"presentation\": \"restricted\"},"
        " \"attributes\": {\"test.text\": \"a\", \"test.number\": 5, \"test.secret\": \"s\","
        " \"nobody.knows\": \"b\", \"policy.asked-for\": \"c\"}}";
    const TdAttribute *text = declare ("test.text", TD_ATTRIBUTE_TEXT, 0);
    const TdAttribute *number = declare ("test.number", TD_ATTRIBUTE_NUMBER, 0);
    const TdAttribute *secret = declare ("test.secret", TD_ATTRIBUTE_TEXT, TD_ATTRIBUTE_SECRET);
    const TdAttribute *mark = declare (WIRE_MARK, TD_ATTRIBUTE_TEXT, 0);
    WireQuestion question;

    g_assert_true (wire_read_question (json, strlen (json), &question, NULL));
    g_assert_cmpstr (question.node, ==, "x");
    g_assert_cmpstr (question.trunk, ==, "t");
    g_assert_cmpint (question.time_us, ==, INT64_C (1764000000500000));
    g_assert_cmpuint (question.priority.priority_class, ==, TD_CLASS_EMERGENCY);
    g_assert_true (question.is_explained);
    g_assert_cmpuint (question.called.nature, ==, TD_NATURE_NATIONAL);
    g_assert_false (question.called.is_complete);
    g_assert_cmpuint (question.calling.presentation, ==, TD_PRESENTATION_RESTRICTED);
    g_assert_cmpstr (td_attributes_text (question.attributes, text, 0), ==, "a");
    g_assert_cmpint (td_attributes_number (question.attributes, number), ==, 5);
    g_assert_null (td_attributes_text (question.attributes, secret, 0));
    g_assert_null (td_attributes_text (question.attributes, mark, 0));
    wire_question_clear (&question);
}

/* What is wrong, and how that is said. */
typedef struct {
    const char *json, *said;
} Bad;

static void
test_questions_that_are_none (void)
{
    static const Bad bad[] = {
        { "", "byte" },
        { "[]", "no object" },
        { "\"x\"", "no object" },
        { "{}", "\"version\" is 0" },
        { "{\"version\": 2, \"called\": \"1\"}", "\"version\" is 2" },
        { "{\"version\": \"1\", \"called\": \"1\"}", "\"version\" is no whole number" },
        { "{\"version\": 1}", "\"called\" is missing" },
        { "{\"version\": 1, \"called\": null}", "\"called\" is missing" },
        { "{\"version\": 1, \"called\": \"\"}", "\"called\" has neither" },
        { "{\"version\": 1, \"called\": \"@host\"}", "\"called\" has neither" },
        { "{\"version\": 1, \"called\": 5}", "\"called\" is neither a text nor an object" },
        { "{\"version\": 1, \"called\": {}}", "\"called\" has neither" },
        { "{\"version\": 1, \"called\": {\"number\": 5}}", "\"number\" is no text" },
        { "{\"version\": 1, \"called\": \"1\", \"trunk\": \"a\\nb\"}", "\"trunk\" is longer" },
        { "{\"version\": 1, \"called\": \"1\", \"time\": -1}", "no time of a call" },
        { "{\"version\": 1, \"called\": \"1\", \"time\": 1e300}", "no time of a call" },
        { "{\"version\": 1, \"called\": \"1\", \"time\": \"now\"}", "\"time\" is no number" },
        { "{\"version\": 1, \"called\": \"1\", \"class\": 16}", "\"class\" is no whole number" },
        { "{\"version\": 1, \"called\": \"1\", \"explain\": 1}", "neither true nor false" },
        { "{\"version\": 1, \"called\": \"1\", \"attributes\": []}",
          "\"attributes\" is no object" },
        { "{\"version\": 1, \"called\": {\"number\": \"1\", \"nature\": \"odd\"}}",
          "\"nature\" is \"odd\"" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) error = NULL;
        WireQuestion question;
        g_assert_false (wire_read_question (bad[i].json, strlen (bad[i].json), &question, &error));
        if (strstr (error->message, bad[i].said) == NULL) {
            g_error ("%s: \"%s\" instead of \"%s\"", bad[i].json, error->message, bad[i].said);
        }
    }
}

/* --- Answers ----------------------------------------------------------------------------- */

static char *
print_route (void)
{
    static const TdTarget targets[] = {
        { .size = sizeof (TdTarget),
          .trunk = "carrier-a",
          .number = "+4930",
          .no_answer_ms = 9000 },
        { .size = sizeof (TdTarget),
          .group = 3,
          .driver = "sip",
          .address = "sip:198.51.100.7",
          .calling = "anonymous",
          .is_media_through = true },
    };
    const TdHuntRules rules = { .size = sizeof rules,
                                .max_attempts = 4,
                                .within_ms = 8000,
                                .has_causes = true,
                                .causes = { UINT64_C (1) << 34, UINT64_C (1) << 63 } };
    const WireNode node = { "policy-1", 2 };
    WireQuestion question = { .attributes = td_attributes_new () };
    g_autoptr (TdRouteList) routes = td_route_list_new ("germany");
    g_autoptr (GArray) steps = wire_steps_new ();

    td_attributes_set_text (question.attributes, declare ("test.text", TD_ATTRIBUTE_TEXT, 0), "b");
    td_route_list_add (routes, &targets[0]);
    td_route_list_add (routes, &targets[1]);
    td_route_list_set_rules (routes, &rules);
    wire_steps_add (steps, "prefix", "a line\nand \"another\"");
    char *json = wire_print_answer (&node, &question, &(TdHookAnswer){ .verdict = TD_HOOK_DONE },
                                    "route.route", routes, steps);
    wire_question_clear (&question);
    return json;
}

static void
test_route_there_and_back (void)
{
    g_autofree char *json = print_route ();
    g_autoptr (TdAttributes) attributes = td_attributes_new ();
    g_autoptr (GError) error = NULL;
    WireAnswer answer;

    read_answer (json, &answer, &error);
    g_assert_no_error (error);
    g_assert_cmpint (answer.verdict, ==, TD_HOOK_DONE);
    g_assert_cmpstr (answer.node, ==, "policy-1");
    g_assert_cmpuint (answer.level, ==, 2);
    g_assert_cmpstr (answer.decided_by, ==, "route.route");
    g_assert_cmpstr (td_route_list_label (answer.routes), ==, "germany");
    g_assert_cmpuint (td_route_list_length (answer.routes), ==, 2);
    const TdTarget *first = td_route_list_target (answer.routes, 0);
    g_assert_cmpstr (first->trunk, ==, "carrier-a");
    g_assert_cmpstr (first->number, ==, "+4930");
    g_assert_cmpuint (first->no_answer_ms, ==, 9000);
    const TdTarget *second = td_route_list_target (answer.routes, 1);
    g_assert_cmpuint (second->group, ==, 3);
    g_assert_cmpstr (second->driver, ==, "sip");
    g_assert_cmpstr (second->address, ==, "sip:198.51.100.7");
    g_assert_cmpstr (second->calling, ==, "anonymous");
    g_assert_true (second->is_media_through);
    const TdHuntRules *rules = td_route_list_rules (answer.routes);
    g_assert_cmpuint (rules->max_attempts, ==, 4);
    g_assert_cmpuint (rules->within_ms, ==, 8000);
    g_assert_true (rules->has_causes);
    g_assert_cmpuint (rules->causes[0], ==, UINT64_C (1) << 34);
    g_assert_cmpuint (rules->causes[1], ==, UINT64_C (1) << 63);
    g_assert_cmpstr (g_array_index (answer.steps, WireStep, 0).text, ==, "a line and \"another\"");
    wire_set_attributes (&answer, attributes);
    g_assert_cmpstr (
        td_attributes_text (attributes, declare ("test.text", TD_ATTRIBUTE_TEXT, 0), 0), ==, "b");
    wire_answer_clear (&answer);
}

static void
test_other_verdicts (void)
{
    static const struct {
        TdHookAnswer said;
        TdHookVerdict heard;
    } cases[] = {
        { { .verdict = TD_HOOK_REFUSE, .cause = 28 }, TD_HOOK_REFUSE },
        { { .verdict = TD_HOOK_MORE_DIGITS }, TD_HOOK_MORE_DIGITS },
        { { .verdict = TD_HOOK_CONTINUE }, TD_HOOK_CONTINUE },
    };
    WireQuestion question = { .attributes = td_attributes_new () };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        WireAnswer answer;
        g_autofree char *json =
            wire_print_answer (&(WireNode){ "n", 0 }, &question, &cases[i].said, NULL, NULL, NULL);
        g_assert_true (read_answer (json, &answer, NULL));
        g_assert_cmpint (answer.verdict, ==, cases[i].heard);
        g_assert_cmpuint (answer.cause, ==, cases[i].said.cause);
        wire_answer_clear (&answer);
    }
    wire_question_clear (&question);
}

#define ROUTE(targets) "{\"version\": 1, \"verdict\": \"route\", \"targets\": " targets "}"

static void
test_answers_that_are_none (void)
{
    static const Bad bad[] = {
        { "{\"version\": 1}", "\"verdict\" is missing" },
        { "{\"version\": 1, \"verdict\": \"perhaps\"}", "\"verdict\" is \"perhaps\"" },
        { "{\"version\": 1, \"verdict\": \"refuse\"}", "\"cause\" of a refusal" },
        { "{\"version\": 1, \"verdict\": \"refuse\", \"cause\": 200}", "\"cause\" is no" },
        { "{\"version\": 1, \"verdict\": \"none\", \"congestion\": 9}", "\"congestion\" is no" },
        { "{\"version\": 1, \"verdict\": \"none\", \"steps\": 5}", "\"steps\" is no array" },
        { ROUTE ("[]"), "\"targets\" are missing" },
        { ROUTE ("[5]"), "\"targets\" is no array" },
        { ROUTE ("[{}]"), "neither \"trunk\"" },
        { ROUTE ("[{\"driver\": \"sip\"}]"), "neither \"trunk\"" },
        { ROUTE ("[{\"trunk\": \"\"}]"), "neither \"trunk\"" },
        { ROUTE ("[{\"trunk\": \"carrier\", \"number\": \"1\\r\\nX: y\"}]"), "control" },
        { ROUTE ("[{\"trunk\": \"carrier\", \"group\": -1}]"), "\"group\" is no" },
        { ROUTE ("[{\"trunk\": \"carrier\"}], \"rules\": {\"causes\": [128]}"), "no cause" },
        { ROUTE ("[{\"trunk\": \"carrier\"}], \"rules\": {\"causes\": [\"a\"]}"),
          "\"causes\" is no" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) error = NULL;
        WireAnswer answer;
        g_assert_false (read_answer (bad[i].json, &answer, &error));
        g_assert_error (error, TD_ERROR, TD_ERROR_INVALID);
        if (strstr (error->message, bad[i].said) == NULL) {
            g_error ("%s: \"%s\" instead of \"%s\"", bad[i].json, error->message, bad[i].said);
        }
    }
}

static void
test_unknown_trunk_is_told_apart (void)
{
    g_autoptr (GError) error = NULL;
    WireAnswer answer;

    g_assert_false (read_answer (ROUTE ("[{\"trunk\": \"stranger\"}]"), &answer, &error));
    g_assert_error (error, TD_ERROR, TD_ERROR_NOT_FOUND);
    g_assert_nonnull (strstr (error->message, "no [trunk stranger]"));
}

/* Each prefix of a good answer is no answer, and no harm. */
static void
test_cut_off_anywhere (void)
{
    g_autofree char *json = print_route ();

    for (size_t len = 0; len < strlen (json); len++) {
        WireAnswer answer;
        g_assert_false (wire_read_answer (json, len, is_trunk, NULL, &answer, NULL));
    }
}

static void
test_status (void)
{
    g_autofree char *json = wire_print_status (&(WireNode){ "n", 3 });
    unsigned level = 9;

    g_assert_true (wire_read_status (json, strlen (json), &level, NULL));
    g_assert_cmpuint (level, ==, 3);
    g_assert_false (wire_read_status ("{}", 2, &level, NULL));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/policy/ROU-060/question-in-short", test_question_in_short);
    g_test_add_func ("/policy/ROU-060/question-in-full", test_question_in_full);
    g_test_add_func ("/policy/ROU-060/no-question", test_questions_that_are_none);
    g_test_add_func ("/policy/ROU-060/route-there-and-back", test_route_there_and_back);
    g_test_add_func ("/policy/ROU-060/other-verdicts", test_other_verdicts);
    g_test_add_func ("/policy/ROU-060/no-answer", test_answers_that_are_none);
    g_test_add_func ("/policy/ROU-060/unknown-trunk", test_unknown_trunk_is_told_apart);
    g_test_add_func ("/policy/ROU-060/cut-off", test_cut_off_anywhere);
    g_test_add_func ("/policy/ROU-060/status", test_status);
    return g_test_run ();
}
