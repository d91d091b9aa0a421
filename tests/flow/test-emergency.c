/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Public emergency calls on the fake clock: known by number and URN, in a class nothing refuses, to the
 * PSAP that is theirs, by LoST within its budget, and never by an ordinary list. */

#include "common/fake-endpoint.h"

#include <string.h>
#include <tandem/metric.h>

#define MODULES "[modules]\nemergency = required\nfake-http = required\n"

#define TRUNKS                                                                                     \
    "[call]\nmedia = through\n"                                                                    \
    "[trunk north]\naddress = fake:north\n[trunk south]\naddress = fake:south\n"                   \
    "[trunk city]\naddress = fake:city\n[trunk county]\naddress = fake:county\n"                   \
    "[trunk police]\naddress = fake:police\n[trunk last]\naddress = fake:last\n"                   \
    "[trunk esinet]\naddress = fake:esinet\n"

#define SECTIONS                                                                                   \
    "[emergency-region here]\nnumbers = 911, 112, 110 police\nprefixes = 9\ntrunks = north\n"      \
    "psaps = police, city\n"                                                                       \
    "[emergency-region there]\nnumbers = 000\ntrunks = south\n"                                    \
    "[emergency-psap city]\ntrunks = city, county\n"                                               \
    "[emergency-psap police]\ntrunks = police\nservices = police\n"                                \
    "[emergency-psap last]\ntrunks = last\n"

static const char plain[] = MODULES TRUNKS SECTIONS "[emergency]\nfallback = last\n";

static const char with_test[] =
    MODULES TRUNKS SECTIONS "[emergency]\nfallback = last\ntest = city\nregion = there\n";

static const char bare[] = MODULES TRUNKS;

static const char provisioned[] = MODULES TRUNKS SECTIONS
    "[emergency]\nfallback = last\n"
    "[emergency-location house]\nusers = 555*\ntrunks = north\npsaps = house\n"
    "callback = +12125550000\n"
    "[emergency-psap house]\ntrunks = esinet\nkeys = +12125110001, +12125110002\n";

static const char by_lost[] = MODULES TRUNKS SECTIONS
    "[emergency]\nfallback = last\nlost-servers = http://a/lost, http://b/lost\n"
    "lost-budget = 400 ms\nlost-trunk = esinet\n"
    "[emergency-location house]\ntrunks = north\npoint = 37.775 -122.422\n"
    "[emergency-psap nypd]\ntrunks = county\nuris = sip:nypd@example.com\n";

static const char controlled[] =
    MODULES "trunk = required\ncongestion = required\n[congestion]\nlane-occupancy = off\n"
            "memory = off\ndescriptors = off\n" TRUNKS SECTIONS "[emergency]\nfallback = last\n";

/* As td_fixture_ask () wants it: words are divided by blanks, so here are tabs. */
#define MAPPING(expires, uris)                                                                     \
    "fake answer 200 <findServiceResponse\txmlns=\"urn:ietf:params:xml:ns:lost1\"><mapping\t"      \
    "expires=\"" expires "\"\tlastUpdated=\"2006-11-01T01:00:00Z\"\tsource=\"a.example\"\t"        \
    "sourceId=\"1\">" uris "</mapping><path><via\tsource=\"a.example\"/></path>"                   \
    "</findServiceResponse>"

#define ERROR(name)                                                                                \
    "fake answer 200 <errors\txmlns=\"urn:ietf:params:xml:ns:lost1\"\tsource=\"a.example\"><" name \
    "/></errors>"

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
    GString *told;
} Flow;

static void
hear (const TdFact *fact, void *data)
{
    Flow *flow = data;
    const char *topic = td_topic_name (fact->topic);

    if (strcmp (topic, "emergency.routed") == 0) {
        g_string_append_printf (flow->told, "%s %s %s %s;", td_fact_text (fact, "service"),
                                td_fact_text (fact, "learnt"), td_fact_text (fact, "psap"),
                                td_fact_text (fact, "found"));
    } else if (strcmp (topic, "call.priority") == 0) {
        g_string_append_printf (flow->told, "class %u %s %s;",
                                ((const TdCallFact *) fact->body)->priority_class,
                                td_fact_text (fact, "name_space"), td_fact_text (fact, "value"));
    } else {
        g_string_append_printf (flow->told, "%s;", topic);
    }
}

static void
set_up (Flow *flow, gconstpointer config)
{
    flow->fixture = td_fixture_new (config);
    g_assert_cmpstr (flow->fixture->problems->str, ==, "");
    flow->endpoint = fake_endpoint_new (flow->fixture);
    flow->endpoint->routes = g_strdup ("ordinary");
    flow->endpoint->trunk = "north";
    flow->told = g_string_new (NULL);
    td_bus_subscribe (NULL, TD_LIST ("emergency.*", "call.priority"), hear, flow);
}

static void
tear_down (Flow *flow, gconstpointer config)
{
    td_fixture_free (flow->fixture);
    fake_endpoint_free (flow->endpoint);
    g_string_free (flow->told, true);
}

#define SAY(name, event, text) fake_say (flow->endpoint, flow->fixture, (name), (event), (text))
#define LOG(expected)          fake_assert_log (flow->endpoint, (expected))
#define TOLD(expected)                                                                             \
    do {                                                                                           \
        g_assert_cmpstr (flow->told->str, ==, (expected));                                         \
        g_string_truncate (flow->told, 0);                                                         \
    } while (0)

static void
call (Flow *flow, const char *trunk, const char *called)
{
    flow->endpoint->trunk = trunk;
    fake_call (flow->endpoint, flow->fixture, called, NULL);
}

static void
command (const char *line)
{
    g_autofree char *answer = td_fixture_ask (line);

    if (g_str_has_prefix (answer, "error: ")) {
        g_error ("%s: %s", line, answer);
    }
}

static int64_t
count (const char *name, const char *labels)
{
    return td_metric_value (td_metric_find (name, labels));
}

/* --- Known ------------------------------------------------------------------------------- */

static void
test_number_goes_to_the_psap (Flow *flow, gconstpointer config)
{
    int64_t before = count ("tandem_emergency_calls_total", "learnt=\"number\"");

    call (flow, "north", "911");
    LOG ("city:originate ");
    TOLD ("class 12 sos number;urn:service:sos number city region;");
    g_assert_cmpint (count ("tandem_emergency_calls_total", "learnt=\"number\""), ==, before + 1);
}

/* RFC 6443 13: neither before nor after the answer, and the call goes on. */
static void
test_call_for_help_is_not_handed_on (Flow *flow, gconstpointer config)
{
    call (flow, "north", "911");
    LOG ("city:originate ");
    SAY ("city", FAKE_TRANSFER, "5550100");
    LOG ("city:refuse(29) ");
    SAY ("city", FAKE_ANSWER, NULL);
    SAY ("city", FAKE_TRANSFER, "5550100");
    LOG ("a:answer city:refuse(29) ");
    g_assert_cmpstr (fake_call_state (flow->endpoint, flow->fixture, "city"), ==, "answered");
}

static void
test_other_call_is_handed_on (Flow *flow, gconstpointer config)
{
    call (flow, "north", "5550199");
    LOG ("ordinary:originate ");
    SAY ("ordinary", FAKE_TRANSFER, "5550100");
    LOG ("ordinary:release(16) ordinary:originate ");
}

static void
test_number_of_another_region_is_ordinary (Flow *flow, gconstpointer config)
{
    call (flow, "south", "911");
    LOG ("ordinary:originate ");
    TOLD ("");
}

static void
test_urn_in_any_case (Flow *flow, gconstpointer config)
{
    call (flow, "south", "URN:Service:SOS.Fire");
    LOG ("last:originate ");
    TOLD ("class 12 sos sos;urn:service:sos.fire sos last fallback;");
}

static void
test_service_of_its_own (Flow *flow, gconstpointer config)
{
    call (flow, "north", "110");
    LOG ("police:originate ");
    TOLD ("class 12 sos number;urn:service:sos.police number police region;");
}

static void
test_unknown_sub_service_goes_where_its_parent_goes (Flow *flow, gconstpointer config)
{
    call (flow, "north", "urn:service:sos.police.harbour");
    LOG ("police:originate ");
}

static void
test_number_behind_a_prefix (Flow *flow, gconstpointer config)
{
    call (flow, "north", "9911");
    LOG ("city:originate ");
}

static void
test_digits_one_by_one (Flow *flow, gconstpointer config)
{
    flow->endpoint->min_digits = 7;
    call (flow, "north", "91");
    LOG ("");
    SAY ("a", FAKE_MORE_DIGITS, "1");
    LOG ("city:originate ");
    TOLD ("class 12 sos number;urn:service:sos number city region;");
}

static void
test_test_call_is_refused (Flow *flow, gconstpointer config)
{
    call (flow, "north", "urn:service:test.sos.fire");
    LOG ("a:release(65) "); /* 488 */
    TOLD ("");
}

static void
test_test_call_has_a_psap (Flow *flow, gconstpointer config)
{
    int64_t before = count ("tandem_emergency_tests_total", NULL);

    call (flow, "north", "urn:service:test.sos");
    LOG ("city:originate ");
    TOLD (""); /* no class, no alarm */
    g_assert_cmpint (count ("tandem_emergency_tests_total", NULL), ==, before + 1);
}

static void
test_stranger_is_where_the_default_says (Flow *flow, gconstpointer config)
{
    call (flow, NULL, "000");
    LOG ("last:originate ");
}

/* --- Overflow ---------------------------------------------------------------------------- */

/* A PSAP that redirects the call has not taken it, and what it names is nobody for who needs help. */
static void
test_call_for_help_is_not_redirected (Flow *flow, gconstpointer config)
{
    call (flow, "north", "911");
    SAY ("city", FAKE_REDIRECT, "5550100");
    LOG ("city:originate county:originate ");
    SAY ("county", FAKE_ANSWER, NULL);
    LOG ("a:answer ");
    SAY ("a", FAKE_RELEASE, "16");
}

/* Who calls somebody else and is sent to an emergency number calls for help from there on. */
static void
test_redirected_to_an_emergency_number (Flow *flow, gconstpointer config)
{
    call (flow, "north", "5550199");
    SAY ("ordinary", FAKE_REDIRECT, "911 5550101");
    LOG ("ordinary:originate city:originate ");
    SAY ("city", FAKE_REDIRECT, "5550102");
    LOG ("county:originate ");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_next_psap_after_any_failure (Flow *flow, gconstpointer config)
{
    call (flow, "north", "112");
    LOG ("city:originate ");
    SAY ("city", FAKE_RELEASE, "17");
    LOG ("county:originate ");
    SAY ("county", FAKE_RELEASE, "21");
    LOG ("last:originate ");
    SAY ("last", FAKE_RING, NULL);
    LOG ("a:ring ");
    TOLD ("class 12 sos number;urn:service:sos number city region;");
}

static void
test_nobody_takes_it (Flow *flow, gconstpointer config)
{
    int64_t before = count ("tandem_emergency_failed_total", NULL);

    call (flow, "north", "112");
    SAY ("city", FAKE_RELEASE, "38");
    SAY ("county", FAKE_RELEASE, "38");
    SAY ("last", FAKE_RELEASE, "38");
    LOG ("city:originate county:originate last:originate a:release(38) ");
    TOLD ("class 12 sos number;urn:service:sos number city region;emergency.unanswered;");
    g_assert_cmpint (count ("tandem_emergency_failed_total", NULL), ==, before + 1);
}

static void
test_nothing_is_configured (Flow *flow, gconstpointer config)
{
    call (flow, "north", "urn:service:sos");
    LOG ("a:release(3) ");
    TOLD ("class 12 sos sos;emergency.unanswered;");
    call (flow, "north", "911");
    LOG ("ordinary:originate ");
}

static void
test_caller_hangs_up_first (Flow *flow, gconstpointer config)
{
    call (flow, "north", "112");
    SAY ("a", FAKE_RELEASE, "16");
    LOG ("city:originate city:release(16) ");
    TOLD ("class 12 sos number;urn:service:sos number city region;");
}

/* --- Controls ---------------------------------------------------------------------------- */

static void
test_nothing_refuses_it (Flow *flow, gconstpointer config)
{
    command ("control set block --code 9");
    command ("control set gap --code 9 --gap 60s");
    command ("control set cancel-to --trunk city");
    command ("congestion set MC3");
    call (flow, "north", "911");
    LOG ("city:originate ");
    SAY ("a", FAKE_RELEASE, "16");
    g_string_truncate (flow->endpoint->log, 0);
    call (flow, "north", "9555");
    LOG ("a:release(42) ");
}

/* --- Location ---------------------------------------------------------------------------- */

static const char *shown;

static void
note_shown (const TdFact *fact, void *data)
{
    const TdCallFact *body = fact->body;
    TdCall *call = td_call_find (body->call);

    shown = g_intern_string (td_party_key (td_channel_calling (td_call_outgoing (call))));
}

static void
test_line_has_its_own_psap (Flow *flow, gconstpointer config)
{
    td_bus_subscribe (NULL, TD_LIST ("call.attempt"), note_shown, flow);
    call (flow, "north", "911");
    LOG ("esinet:originate ");
    TOLD ("class 12 sos number;urn:service:sos number house provisioned;");
    g_assert_cmpstr (shown, ==, "+12125110001");
    SAY ("esinet", FAKE_RELEASE, "38");
    LOG ("city:originate ");
    g_assert_cmpstr (shown, ==, "+12125550000");
}

static void
test_calls_have_different_keys (Flow *flow, gconstpointer config)
{
    static const char *const expected[] = { "+12125110001", "+12125110002", "+12125550000" };
    static const char *const names[] = { "a1", "a2", "a3" };

    td_bus_subscribe (NULL, TD_LIST ("call.attempt"), note_shown, flow);
    for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
        flow->endpoint->caller = names[i];
        call (flow, "north", "911");
        g_assert_cmpstr (shown, ==, expected[i]);
    }
    SAY ("a1", FAKE_RELEASE, "16");
    td_engine_advance (29 * 60000);
    flow->endpoint->caller = "a4";
    call (flow, "north", "911");
    g_assert_cmpstr (shown, ==, "+12125550000"); /* the PSAP may still ask who a1 was */
    td_engine_advance (2 * 60000);
    flow->endpoint->caller = "a5";
    call (flow, "north", "911");
    g_assert_cmpstr (shown, ==, "+12125110001");
}

/* --- LoST -------------------------------------------------------------------------------- */

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
test_lost_says_where (Flow *flow, gconstpointer config)
{
    call (flow, "north", "911");
    assert_asked ("a");
    LOG ("");
    command (MAPPING ("2100-01-01T00:00:00Z", "<uri>sip:nypd@example.com</uri>"));
    LOG ("county:originate ");
    TOLD ("class 12 sos number;urn:service:sos number nypd lost;");
    SAY ("a", FAKE_RELEASE, "16");
    g_string_truncate (flow->endpoint->log, 0);
    call (flow, "north", "911"); /* nobody is asked twice */
    assert_asked ("");
    LOG ("county:originate ");
    TOLD ("class 12 sos number;urn:service:sos number nypd cache;");
}

static void
test_uri_that_no_psap_has (Flow *flow, gconstpointer config)
{
    call (flow, "north", "911");
    command (MAPPING ("NO-CACHE", "<uri>xmpp:x@y</uri><uri>fake:z</uri><uri>sip:x@y</uri>"));
    TOLD ("class 12 sos number;urn:service:sos number sip:x@y lost;");
    call (flow, "north", "911");
    assert_asked ("a"); /* NO-CACHE */
    command ("fake answer 0 x");
    command ("fake answer 0 x");
}

static void
test_budget_is_never_exceeded (Flow *flow, gconstpointer config)
{
    call (flow, "north", "911");
    td_engine_advance (199);
    assert_asked ("a");
    td_engine_advance (2);
    assert_asked ("b");
    LOG ("");
    td_engine_advance (200);
    LOG ("city:originate ");
    assert_asked ("");
    SAY ("a", FAKE_RELEASE, "16");
    LOG ("city:release(16) ");
    call (flow, "north", "911"); /* both are down: no waiting at all */
    assert_asked ("");
    LOG ("city:originate ");
    SAY ("a", FAKE_RELEASE, "16");
    LOG ("city:release(16) ");
    td_engine_advance (10001);
    call (flow, "north", "911");
    assert_asked ("a");
    command (MAPPING ("2100-01-01T00:00:00Z", "<uri>sip:nypd@example.com</uri>"));
    LOG ("county:originate ");
}

static void
test_expired_mapping_is_better_than_none (Flow *flow, gconstpointer config)
{
    call (flow, "north", "911");
    command (MAPPING ("2001-01-01T00:00:00Z", "<uri>sip:nypd@example.com</uri>"));
    LOG ("county:originate ");
    g_string_truncate (flow->told, 0);
    call (flow, "north", "911");
    command ("fake answer 500 oh");
    command ("fake answer 200 <html/>");
    LOG ("county:originate ");
    TOLD ("class 12 sos number;urn:service:sos number nypd stale;");
}

static void
test_parent_service_is_asked_for (Flow *flow, gconstpointer config)
{
    call (flow, "north", "urn:service:sos.marine");
    command (ERROR ("serviceNotImplemented"));
    assert_asked ("a");
    command (ERROR ("notFound"));
    assert_asked ("b");
    command (MAPPING ("NO-CACHE", "<uri>sip:nypd@example.com</uri>"));
    LOG ("county:originate ");
}

static void
test_caller_hangs_up_meanwhile (Flow *flow, gconstpointer config)
{
    call (flow, "north", "911");
    SAY ("a", FAKE_RELEASE, "16");
    assert_asked ("");
    td_engine_advance (5000);
    LOG ("");
}

static void
test_stop_waits_for_the_answer (Flow *flow, gconstpointer config)
{
    call (flow, "north", "911");
    g_autofree char *answer = td_fixture_ask ("module stop emergency");
    g_assert_nonnull (strstr (answer, "\"state\":\"stopped\""));
    g_assert_null (strstr (answer, "defects"));
    LOG ("city:originate ");
}

static void
test_dry_run (Flow *flow, gconstpointer config)
{
    g_autofree char *answer = td_fixture_ask ("route test --trunk north 911");

    g_assert_nonnull (strstr (answer, "\"decided_by\":\"emergency.route\""));
    TOLD ("");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(name, config, function)                                                                \
    g_test_add ("/priority/" name, Flow, (config), set_up, (function), tear_down)
    ADD ("PRI-090/number", plain, test_number_goes_to_the_psap);
    ADD ("PRI-090/other-region", plain, test_number_of_another_region_is_ordinary);
    ADD ("PRI-090/urn", plain, test_urn_in_any_case);
    ADD ("PRI-090/service", plain, test_service_of_its_own);
    ADD ("PRI-090/sub-service", plain, test_unknown_sub_service_goes_where_its_parent_goes);
    ADD ("PRI-112/prefix", plain, test_number_behind_a_prefix);
    ADD ("PRI-090/overlap", plain, test_digits_one_by_one);
    ADD ("PRI-052/test-refused", plain, test_test_call_is_refused);
    ADD ("PRI-052/test-psap", with_test, test_test_call_has_a_psap);
    ADD ("PRI-090/stranger", with_test, test_stranger_is_where_the_default_says);
    ADD ("PRI-090/route-test", plain, test_dry_run);
    ADD ("PRI-095/overflow", plain, test_next_psap_after_any_failure);
    ADD ("PRI-095/nobody", plain, test_nobody_takes_it);
    ADD ("PRI-095/unconfigured", bare, test_nothing_is_configured);
    ADD ("PRI-095/hang-up", plain, test_caller_hangs_up_first);
    ADD ("PRI-094/controls", controlled, test_nothing_refuses_it);
    ADD ("PRI-094/transfer", plain, test_call_for_help_is_not_handed_on);
    ADD ("PRI-094/redirection", plain, test_call_for_help_is_not_redirected);
    ADD ("PRI-094/redirected-to-it", plain, test_redirected_to_an_emergency_number);
    ADD ("others-transfer", plain, test_other_call_is_handed_on);
    ADD ("PRI-091/provisioned", provisioned, test_line_has_its_own_psap);
    ADD ("PRI-112/keys", provisioned, test_calls_have_different_keys);
    ADD ("PRI-091/lost", by_lost, test_lost_says_where);
    ADD ("PRI-091/uri", by_lost, test_uri_that_no_psap_has);
    ADD ("PRI-091/budget", by_lost, test_budget_is_never_exceeded);
    ADD ("PRI-091/expired", by_lost, test_expired_mapping_is_better_than_none);
    ADD ("PRI-091/parent", by_lost, test_parent_service_is_asked_for);
    ADD ("PRI-091/hang-up", by_lost, test_caller_hangs_up_meanwhile);
    ADD ("PRI-091/stop", by_lost, test_stop_waits_for_the_answer);
    return g_test_run ();
}
