/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that wait for a dip: its answer comes in time, late, never, for several calls at once, for none.
 * With the module route and a driver that answers when it is told to. */

#include "common/fake-endpoint.h"

#include <glib/gstdio.h>
#include <string.h>

#define NUMBER "+12125550111"
#define PORTED "+12015550000"

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
    char *folder;
} Flow;

typedef struct {
    const char *dip, *ingress; /* keys of [dip lnp], cells of the row "customer" */
} Case;

/* --- The tables -------------------------------------------------------------------------- */

static void
write_table (const Flow *flow, const char *name, const char *text)
{
    g_autofree char *path = g_strdup_printf ("%s/%s.csv", flow->folder, name);
    g_autoptr (GError) error = NULL;

    g_file_set_contents (path, text, -1, &error);
    g_assert_no_error (error);
}

/* 212 is served at home, 201 away. */
static void
make_tables (const Flow *flow, const char *ingress)
{
    g_autofree char *database = g_build_filename (flow->folder, "route.db", NULL);
    g_autofree char *row = g_strdup_printf (
        "trunk,table,country,portability_dip,portability\ncustomer,main,1,%s\n", ingress);
    const char *const words[] = {
        g_getenv ("TANDEM_ROUTES"), "-d", database, "import", flow->folder, NULL
    };
    g_autofree char *said = NULL;
    g_autoptr (GError) error = NULL;
    int status;

    write_table (flow, "list", "label\nhome\naway\n");
    write_table (flow, "target", "label,position,trunk\nhome,1,home\naway,1,away\n");
    write_table (flow, "route", "table,prefix,label\nmain,212,home\nmain,201,away\n");
    write_table (flow, "ingress", row);
    g_spawn_sync (NULL, (char **) words, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, &said,
                  &status, &error);
    g_assert_no_error (error);
    g_spawn_check_wait_status (status, &error);
    g_assert_cmpstr (said, ==, "");
    g_assert_no_error (error);
}

static void
set_up (Flow *flow, gconstpointer data)
{
    const Case *of = data;

    flow->folder = g_dir_make_tmp ("tandem-dips-XXXXXX", NULL);
    make_tables (flow, of->ingress);
    g_autofree char *config =
        g_strdup_printf ("[modules]\nroute = required\ndip-fake = required\nmarker = required\n"
                         "[marker]\nprefix = 21255507\n"
                         "[routing]\ndatabase = %s/route.db\n[call]\nmedia = through\n"
                         "[dip lnp]\ndriver = fake\n%s"
                         "[trunk customer]\naddress = fake:customer\n"
                         "[trunk home]\naddress = fake:home\n[trunk away]\naddress = fake:away\n",
                         flow->folder, of->dip);
    flow->fixture = td_fixture_new (config);
    flow->endpoint = fake_endpoint_new (flow->fixture);
    flow->endpoint->trunk = "customer";
}

static void
tear_down (Flow *flow, gconstpointer data)
{
    static const char *const files[] = { "list.csv", "target.csv",   "route.csv",   "ingress.csv",
                                         "route.db", "route.db-wal", "route.db-shm" };

    td_fixture_free (flow->fixture);
    fake_endpoint_free (flow->endpoint);
    for (unsigned i = 0; i < G_N_ELEMENTS (files); i++) {
        g_autofree char *path = g_build_filename (flow->folder, files[i], NULL);
        g_unlink (path);
    }
    g_assert_cmpint (g_rmdir (flow->folder), ==, 0);
    g_free (flow->folder);
}

/* --- What happens ------------------------------------------------------------------------ */

#define SAY(name, event, text) fake_say (flow->endpoint, flow->fixture, (name), (event), (text))
#define LOG(expected)          fake_assert_log (flow->endpoint, (expected))

/* Calls that nobody answers meanwhile are of no interest. */
static void
pass (Flow *flow, unsigned ms)
{
    td_engine_advance (ms);
    g_string_truncate (flow->endpoint->log, 0);
}

static void
call (Flow *flow, const char *name, const char *number)
{
    flow->endpoint->caller = name;
    fake_call (flow->endpoint, flow->fixture, number, NULL);
}

static void
must (const char *line, const char *expected)
{
    g_autofree char *answer = td_fixture_ask (line);

    g_test_message ("%s: %s", line, answer);
    if (strstr (answer, expected) == NULL) {
        g_error ("\"%s\" is answered by %s, which does not say %s", line, answer, expected);
    }
}

/* So many questions are at the driver. */
static void
expect_asked (unsigned n)
{
    g_autofree char *answer = td_fixture_ask ("fake list");
    g_auto (GStrv) parts = g_strsplit (answer, "number", -1);

    g_assert_cmpuint (g_strv_length (parts) - 1, ==, n);
}

static void
answer (const char *line)
{
    g_autofree char *said = td_fixture_ask (line);

    g_assert_cmpstr (said, ==, "");
}

/* --- Tests ------------------------------------------------------------------------------- */

static void
test_in_time (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "2125550111");
    LOG ("");
    expect_asked (1);
    answer ("fake found " NUMBER " " PORTED);
    LOG ("away:originate ");
    call (flow, "a2", "2125550112");
    answer ("fake absent +12125550112");
    LOG ("home:originate ");
    must ("dip list", "\"kept\":2");
}

/* Visual separators are of no matter, and what is no number is no answer. */
static void
test_what_is_no_number (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "2125550111");
    answer ("fake found " NUMBER " +1(201)555-0000");
    LOG ("away:originate ");
    call (flow, "a2", "2125550112");
    answer ("fake found +12125550112 elsewhere");
    LOG ("home:originate ");
    must ("dip list", "its answer is no number: elsewhere");
}

static void
test_kept (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "2125550111");
    answer ("fake found " NUMBER " " PORTED);
    LOG ("away:originate ");
    call (flow, "a2", "2125550111");
    LOG ("away:originate ");
    expect_asked (0);
    pass (flow, 301000); /* keep = 5 min */
    call (flow, "a3", "2125550111");
    LOG ("");
    answer ("fake absent " NUMBER);
    LOG ("home:originate ");
    pass (flow, 59000); /* keep-absent = 1 min */
    call (flow, "a4", "2125550111");
    LOG ("home:originate ");
    pass (flow, 2000);
    call (flow, "a5", "2125550111");
    expect_asked (1);
    answer ("fake absent " NUMBER);
    answer ("dip forget lnp");
    call (flow, "a6", "2125550111");
    expect_asked (1);
}

static void
test_late (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "2125550111");
    td_engine_advance (490);
    LOG ("");
    td_engine_advance (20);
    LOG ("home:originate ");
    expect_asked (1);
    call (flow, "a2", "2125550111"); /* it is known to be late: nobody waits again */
    LOG ("home:originate ");
    answer ("fake found " NUMBER " " PORTED);
    call (flow, "a3", "2125550111");
    LOG ("away:originate ");
    must ("dip list", "no answer within 500 ms");
}

static void
test_never (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "2125550111");
    td_engine_advance (510);
    LOG ("home:originate ");
    pass (flow, 2100); /* four more of its deadlines */
    expect_asked (0);
    must ("dip list", "\"under_way\":0");
    call (flow, "a2", "2125550111");
    expect_asked (1);
}

static void
test_failed (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "2125550111");
    answer ("fake fail " NUMBER " SERVFAIL");
    LOG ("home:originate ");
    must ("dip list", "\"last_failure\":\"SERVFAIL\"");
    answer ("fake away");
    call (flow, "a2", "2125550112");
    LOG ("home:originate ");
    must ("dip list", "it is away");
}

/* The caller hangs up: the answer is kept all the same. */
static void
test_cancelled (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "2125550111");
    SAY ("a1", FAKE_RELEASE, "16");
    LOG ("");
    expect_asked (1);
    answer ("fake found " NUMBER " " PORTED);
    LOG ("");
    call (flow, "a2", "2125550111");
    LOG ("away:originate ");
}

static void
test_cancelled_of_two (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "2125550111");
    call (flow, "a2", "2125550111");
    call (flow, "a3", "2125550111");
    expect_asked (1);
    SAY ("a2", FAKE_RELEASE, "16");
    answer ("fake found " NUMBER " " PORTED);
    LOG ("away:originate away:originate ");
}

/* Also of calls on several lanes. */
static void
test_shared (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "2125550111");
    flow->endpoint->lane = 1;
    call (flow, "a2", "2125550111");
    expect_asked (1);
    answer ("fake found " NUMBER " " PORTED);
    LOG ("away:originate away:originate ");
    expect_asked (0);
}

/* A source that has not answered for long is not waited for, until it answers a probe. */
static void
test_silent (Flow *flow, gconstpointer data)
{
    for (unsigned i = 0; i < 5; i++) {
        g_autofree char *number = g_strdup_printf ("212555010%u", i);
        call (flow, "a1", number);
    }
    td_engine_advance (510);
    LOG ("home:originate home:originate home:originate home:originate home:originate ");
    must ("dip list", "\"state\":\"silent\"");
    pass (flow, 2100);
    call (flow, "a2", "2125550111"); /* a probe; who makes it does not wait */
    LOG ("home:originate ");
    expect_asked (1);
    call (flow, "a3", "2125550112");
    LOG ("home:originate ");
    expect_asked (1);
    answer ("fake found " NUMBER " " PORTED);
    must ("dip list", "\"state\":\"up\"");
    call (flow, "a4", "2125550111");
    LOG ("away:originate ");
    call (flow, "a5", "2125550112");
    LOG ("");
}

static void
test_too_many (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "2125550111");
    call (flow, "a2", "2125550112");
    LOG ("home:originate ");
    expect_asked (1);
}

static void
hear_ended (const TdFact *fact, void *data)
{
    const TdCallFact *body = fact->body;

    g_string_append_printf (data, "%s:%s ", body->called, body->exemptions);
}

/* PRI-060: the limit of the number service is none for a call with a priority, and the record says so. */
static void
test_too_many_but_a_priority (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "2125550111");
    call (flow, "a2", "2125550112");
    LOG ("home:originate ");
    expect_asked (1);
    g_autoptr (GString) records = g_string_new (NULL);
    TdSubscription *ended = td_bus_subscribe (NULL, TD_LIST ("call.ended"), hear_ended, records);
    call (flow, "a3", "2125550711");
    LOG ("");
    expect_asked (2);
    answer ("fake found +12125550711 " PORTED);
    LOG ("away:originate ");
    SAY ("a2", FAKE_RELEASE, "16");
    SAY ("a3", FAKE_RELEASE, "16");
    g_assert_cmpstr (records->str, ==, "2125550112:(null) 2125550711:dip ");
    td_bus_unsubscribe (ended);
}

/* PRI-043: the call goes where the number is now, in its class. */
static void
test_class_survives (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "2125550711");
    answer ("fake found +12125550711 " PORTED);
    LOG ("away:originate ");
    must ("call list", "\"class\":8");
}

static void
test_refused (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "2125550111");
    td_engine_advance (510);
    LOG ("a1:release(41) ");
}

static void
test_driver_stops (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "2125550111");
    must ("module stop dip-fake", "");
    LOG ("home:originate ");
    must ("dip list", "\"state\":\"away\"");
    call (flow, "a2", "2125550112");
    LOG ("home:originate ");
    must ("module load dip-fake", "");
    must ("dip list", "\"state\":\"up\"");
    call (flow, "a3", "2125550113");
    answer ("fake found +12125550113 " PORTED);
    LOG ("away:originate ");
}

static void
test_explained (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "2125550111");
    answer ("fake found " NUMBER " " PORTED);
    must ("route test 2125550111 --trunk customer",
          "dip \\\"lnp\\\" was asked for " NUMBER ": number \\\"" PORTED
          "\\\", carrier \\\"\\\" (kept from before)");
    must ("route test 2125550112 --trunk customer", "no answer within 500 ms: the table is asked");
}

/* Its settings hold from now on, and what it said before does not. */
static void
test_reload (Flow *flow, gconstpointer data)
{
    g_autofree char *text = NULL;
    g_autoptr (GString) next = NULL;

    call (flow, "a1", "2125550111");
    answer ("fake found " NUMBER " " PORTED);
    LOG ("away:originate ");
    g_assert_true (g_file_get_contents (flow->fixture->config_file, &text, NULL, NULL));
    next = g_string_new (text);
    g_string_replace (next, "driver = fake\n", "driver = fake\ndeadline = 2 s\n", 1);
    g_assert_true (g_file_set_contents (flow->fixture->config_file, next->str, -1, NULL));
    must ("config reload", "");
    call (flow, "a2", "2125550111");
    td_engine_advance (1900);
    LOG ("");
    td_engine_advance (200);
    LOG ("home:originate ");
}

/* However seldom the file is looked at. */
static void
test_reload_looks_at_the_tables (Flow *flow, gconstpointer data)
{
    g_autofree char *text = NULL;
    g_autoptr (GString) next = NULL;

    g_assert_true (g_file_get_contents (flow->fixture->config_file, &text, NULL, NULL));
    next = g_string_new (text);
    g_string_replace (next, "[trunk away]", "[trunk elsewhere]", 1);
    g_assert_true (g_file_set_contents (flow->fixture->config_file, next->str, -1, NULL));
    must ("config reload", "");
    td_engine_settle ();
    must ("routing check", "there is no [trunk away] in the configuration");
}

/* ITU-T Q.850 2.2.7, cause 14: who served the number before says that it is ported. */
static void
test_query_on_release (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "2125550111");
    LOG ("home:originate ");
    expect_asked (0);
    SAY ("home", FAKE_RELEASE, "14");
    LOG ("");
    answer ("fake found " NUMBER " " PORTED);
    LOG ("away:originate ");
    SAY ("away", FAKE_RELEASE, "14"); /* it was looked up: nobody asks again */
    LOG ("a1:release(14) ");
    expect_asked (0);
}

static void
test_query_of_no_use (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "2125550111");
    LOG ("home:originate ");
    SAY ("home", FAKE_RELEASE, "17");
    LOG ("a1:release(17) ");
    expect_asked (0);
    call (flow, "a2", "2125550111");
    SAY ("home", FAKE_RELEASE, "1");
    answer ("fake absent " NUMBER);
    LOG ("home:originate a2:release(1) ");
}

static void
test_query_of_a_caller_who_goes (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "2125550111");
    LOG ("home:originate ");
    SAY ("home", FAKE_RELEASE, "14");
    SAY ("a1", FAKE_RELEASE, "16");
    LOG ("");
    answer ("fake found " NUMBER " " PORTED);
    LOG ("");
}

static void
test_query_without_an_answer (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "2125550111");
    LOG ("home:originate ");
    SAY ("home", FAKE_RELEASE, "14");
    td_engine_advance (510);
    LOG ("a1:release(14) ");
}

/* The number is not where it was ported to at the first try of a call that was looked up first. */
static void
test_no_query_of_what_was_asked_first (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "2125550111");
    answer ("fake absent " NUMBER);
    LOG ("home:originate ");
    SAY ("home", FAKE_RELEASE, "14");
    LOG ("a1:release(14) ");
    expect_asked (0);
}

#define ADD(path, test, dip, ...)                                                                  \
    do {                                                                                           \
        static const Case of = { dip, __VA_ARGS__ };                                               \
        g_test_add ("/flow/dips/" path, Flow, &of, set_up, test, tear_down);                       \
    } while (0)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("ROU-025/in-time", test_in_time, "", "lnp,");
    ADD ("ROU-025/what-is-no-number", test_what_is_no_number, "", "lnp,");
    ADD ("ROU-025/kept", test_kept, "", "lnp,");
    ADD ("ROU-025/late", test_late, "", "lnp,");
    ADD ("ROU-025/never", test_never, "", "lnp,");
    ADD ("ROU-025/failed", test_failed, "", "lnp,");
    ADD ("ROU-025/cancelled", test_cancelled, "", "lnp,");
    ADD ("ROU-025/cancelled-of-two", test_cancelled_of_two, "", "lnp,");
    ADD ("ROU-025/shared", test_shared, "", "lnp,");
    ADD ("ROU-025/silent", test_silent, "", "lnp,");
    ADD ("ROU-025/too-many", test_too_many, "ask-most = 1\n", "lnp,");
    ADD ("PRI-060/dip-limit", test_too_many_but_a_priority, "ask-most = 1\n", "lnp,");
    ADD ("PRI-043/ported", test_class_survives, "", "lnp,");
    ADD ("ROU-025/refused", test_refused, "on-failure = refuse 41\n", "lnp,");
    ADD ("ROU-025/driver-stops", test_driver_stops, "", "lnp,");
    ADD ("ROU-043/explained", test_explained, "", "lnp,");
    ADD ("ROU-025/reload", test_reload, "", "lnp,");
    ADD ("ROU-042/reload", test_reload_looks_at_the_tables, "", "lnp,");
    ADD ("ROU-025/query-on-release", test_query_on_release, "", "lnp,on-release");
    ADD ("ROU-025/query-of-no-use", test_query_of_no_use, "", "lnp,on-release");
    ADD ("ROU-025/query-of-a-caller-who-goes", test_query_of_a_caller_who_goes, "",
         "lnp,on-release");
    ADD ("ROU-025/query-without-an-answer", test_query_without_an_answer, "", "lnp,on-release");
    ADD ("ROU-025/no-query-of-what-was-asked-first", test_no_query_of_what_was_asked_first, "",
         "lnp,");
    return g_test_run ();
}
