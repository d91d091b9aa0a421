/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ROU-060: how long a call waits for policy servers, and what becomes of it, on the fake clock. */

#include "common/fake-endpoint.h"

#include <string.h>

#define ANSWER                                                                                     \
    "fake answer 200 {\"version\":1,\"verdict\":\"route\",\"route\":\"x\",\"targets\":"            \
    "[{\"driver\":\"fake\",\"address\":\"s1\"}]}"

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
} Flow;

static void
set_up (Flow *flow, gconstpointer servers)
{
    g_autofree char *config = g_strdup_printf ("[modules]\n"
                                               "fake-http = required\n"
                                               "marker = required\n"
                                               "policy = required\n"
                                               "[call]\n"
                                               "media = through\n"
                                               "[policy]\n"
                                               "servers = %s\n",
                                               (const char *) servers);

    flow->fixture = td_fixture_new (config);
    flow->endpoint = fake_endpoint_new (flow->fixture);
    flow->endpoint->routes = g_strdup ("b1");
    flow->endpoint->is_quick = true;
}

static void
tear_down (Flow *flow, gconstpointer servers)
{
    td_fixture_free (flow->fixture);
    fake_endpoint_free (flow->endpoint);
}

#define LOG(expected) fake_assert_log (flow->endpoint, (expected))

static void
call (Flow *flow, const char *called)
{
    fake_call (flow->endpoint, flow->fixture, called, NULL);
}

static void
command (const char *line)
{
    g_autofree char *answer = td_fixture_ask (line);

    g_assert_false (g_str_has_prefix (answer, "error: "));
}

/* Which servers are being asked: "a b". */
static void
assert_asked (const char *expected)
{
    g_autofree char *json = td_fixture_ask ("fake asked");
    g_autoptr (GString) asked = g_string_new (NULL);

    for (const char *at = json; (at = strstr (at, "http://")) != NULL;) {
        at += strlen ("http://");
        g_string_append_printf (asked, "%s%c", asked->len > 0 ? " " : "", *at);
    }
    g_assert_cmpstr (asked->str, ==, expected);
}

static void
assert_list (const char *part)
{
    g_autofree char *json = td_fixture_ask ("policy list");

    if (strstr (json, part) == NULL) {
        g_error ("no %s in %s", part, json);
    }
}

static void
test_answer_is_the_route (Flow *flow, gconstpointer servers)
{
    call (flow, "8001");
    LOG ("");
    assert_asked ("a");
    command (ANSWER);
    LOG ("s1:originate ");
    assert_asked ("");
}

static void
test_silence_takes_half_of_the_deadline_each (Flow *flow, gconstpointer servers)
{
    call (flow, "8001");
    td_engine_advance (1249);
    assert_asked ("a");
    td_engine_advance (2);
    assert_asked ("b");
    LOG ("");
    td_engine_advance (1247);
    LOG ("");
    td_engine_advance (4);
    LOG ("b1:originate ");
    assert_asked ("");
    assert_list ("\"lost\":1");
}

static void
test_the_second_server_answers (Flow *flow, gconstpointer servers)
{
    call (flow, "8001");
    command ("fake answer 500 oh");
    assert_asked ("b");
    command (ANSWER);
    LOG ("s1:originate ");
}

static void
test_two_tries_at_most (Flow *flow, gconstpointer servers)
{
    call (flow, "8001");
    command ("fake answer 503 x");
    command ("fake answer 503 x");
    assert_asked ("");
    LOG ("b1:originate ");
}

static void
test_refusal_ends_the_call (Flow *flow, gconstpointer servers)
{
    call (flow, "8001");
    command ("fake answer 200 {\"version\":1,\"verdict\":\"refuse\",\"cause\":28}");
    LOG ("a:release(28) ");
}

static void
test_no_route_there_is_none_of_it (Flow *flow, gconstpointer servers)
{
    call (flow, "8001");
    command ("fake answer 200 {\"version\":1,\"verdict\":\"none\"}");
    LOG ("b1:originate ");
}

static void
test_emergency_call_waits_less (Flow *flow, gconstpointer servers)
{
    call (flow, "112");
    td_engine_advance (251);
    assert_asked ("b");
    td_engine_advance (251);
    LOG ("b1:originate ");
}

/* PRI-076: a server that is slow, or dead, is not what a call with a priority hangs on. */
static void
test_call_with_a_priority_waits_less (Flow *flow, gconstpointer servers)
{
    call (flow, "7001");
    td_engine_advance (251);
    assert_asked ("b");
    td_engine_advance (251);
    LOG ("b1:originate ");
    assert_asked ("");
}

static void
test_call_with_a_priority_is_answered_in_time (Flow *flow, gconstpointer servers)
{
    call (flow, "7001");
    td_engine_advance (200);
    command (ANSWER);
    LOG ("s1:originate ");
}

static void
test_caller_hangs_up_meanwhile (Flow *flow, gconstpointer servers)
{
    call (flow, "8001");
    fake_say (flow->endpoint, flow->fixture, "a", FAKE_RELEASE, "16");
    assert_asked ("");
    td_engine_advance (5000);
    LOG ("");
    assert_list ("\"state\":\"up\"");
}

static void
test_lost_server_costs_no_second_call_anything (Flow *flow, gconstpointer servers)
{
    command ("fake probes down");
    call (flow, "8001");
    command ("fake answer 0 x");
    LOG ("b1:originate ");
    call (flow, "8001");
    assert_asked ("");
    LOG ("b1:originate ");
    command ("fake probes up");
    td_engine_advance (5001);
    call (flow, "8001");
    assert_asked ("a");
    command (ANSWER);
    LOG ("s1:originate ");
}

static void
test_stop_waits_for_the_answer (Flow *flow, gconstpointer servers)
{
    call (flow, "8001");
    g_autofree char *answer = td_fixture_ask ("module stop policy");
    g_assert_nonnull (strstr (answer, "\"state\":\"stopped\""));
    g_assert_null (strstr (answer, "defects"));
    LOG ("b1:originate ");
}

int
main (int argc, char **argv)
{
    static const char *const two = "http://a, http://b";

    g_test_init (&argc, &argv, NULL);
#define ADD(name, servers, function)                                                               \
    g_test_add ("/policy/ROU-060/" name, Flow, (servers), set_up, (function), tear_down)
    ADD ("answer", "http://a", test_answer_is_the_route);
    ADD ("silence", two, test_silence_takes_half_of_the_deadline_each);
    ADD ("second-server", two, test_the_second_server_answers);
    ADD ("two-tries", "http://a, http://b, http://c", test_two_tries_at_most);
    ADD ("refusal", "http://a", test_refusal_ends_the_call);
    ADD ("no-route-there", "http://a", test_no_route_there_is_none_of_it);
    ADD ("emergency", two, test_emergency_call_waits_less);
    g_test_add ("/priority/PRI-076/slow", Flow, two, set_up, test_call_with_a_priority_waits_less,
                tear_down);
    ADD ("priority", "http://a", test_call_with_a_priority_is_answered_in_time);
    ADD ("hang-up", "http://a", test_caller_hangs_up_meanwhile);
    ADD ("lost", "http://a", test_lost_server_costs_no_second_call_anything);
    ADD ("stop", "http://a", test_stop_waits_for_the_answer);
    return g_test_run ();
}
