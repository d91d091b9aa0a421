/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Precedence and preemption in the switch (PRI-014, PRI-070 to 072). A call to a number that begins with 61
 * to 65 preempts and has class 5 to 9, one with 66 class 10 and displaces its like; 7 is ets, 112 an emergency
 * call, others are ordinary. */

#include "trunk-flow.h"

#include <tandem/bus.h>

#define MARKED "marker = required\n[marker]\ndsn = yes\n"
#define FULL   ONE "capacity = 1 calls\n"
#define MLPP   MARKED FULL "mlpp = on\n"
#define IN     "[trunk in]\naddress = fake:z\n"

typedef struct {
    char *call, *by, *of;
    unsigned cause, code, class;
} Record;

static GPtrArray *records; /* of the calls that have ended, in their order */

static void
free_record (void *data)
{
    Record *record = data;

    g_free (record->call);
    g_free (record->by);
    g_free (record->of);
    g_free (record);
}

static void
hear_ended (const TdFact *fact, void *data)
{
    const TdCallFact *body = fact->body;
    char text[TD_ID_TEXT_SIZE];
    Record *record = g_new0 (Record, 1);

    record->call = g_strdup (td_id_print (body->call, text));
    record->by = g_strdup (body->preempted_by);
    record->of = g_strdup (body->preempted);
    record->cause = body->cause;
    record->code = body->protocol_code;
    record->class = body->priority_class;
    g_ptr_array_add (records, record);
}

static const Record *
record (unsigned index)
{
    g_assert_cmpuint (index, <, records->len);
    return records->pdata[index];
}

static void
set_up_marked (Flow *flow, gconstpointer data)
{
    set_up (flow, data);
    records = g_ptr_array_new_with_free_func (free_record);
    td_bus_subscribe (NULL, TD_LIST ("call.ended"), hear_ended, NULL);
}

static void
tear_down_marked (Flow *flow, gconstpointer data)
{
    tear_down (flow, data);
    g_clear_pointer (&records, g_ptr_array_unref);
}

static void
dial (Flow *flow, const char *name, const char *number, const char *trunk)
{
    flow->endpoint->caller = name;
    flow->endpoint->trunk = trunk;
    fake_call (flow->endpoint, flow->fixture, number, NULL);
}

/* The only place is taken by a call of NUMBER that stays. */
static void
fill (Flow *flow, const char *number)
{
    dial (flow, "o1", number, NULL);
    SAY ("b", FAKE_ANSWER, NULL);
    LOG ("b:originate o1:answer ");
}

/* --- Victim and winner -------------------------------------------------------------------- */

/* PRI-071: both legs of the victim go before the winner's comes; the records name each other. */
static void
test_both_legs (Flow *flow, gconstpointer data)
{
    fill (flow, "6101");
    dial (flow, "p1", "6401", NULL);
    LOG ("b:preempt(9) o1:preempt(8) b:originate ");
    g_assert_cmpint (shown ("one", "calls_out"), ==, 1);
    SAY ("b", FAKE_ANSWER, NULL);
    SAY ("p1", FAKE_RELEASE, "16");
    LOG ("p1:answer b:release(16) ");
    g_assert_cmpuint (record (0)->cause, ==, 8);
    g_assert_cmpuint (record (0)->code, ==, 0);
    g_assert_cmpstr (record (0)->by, ==, record (1)->call);
    g_assert_cmpstr (record (1)->of, ==, record (0)->call);
    g_assert_null (record (1)->by);
    g_assert_null (record (0)->of);
    g_assert_cmpint (shown ("one", "calls_out"), ==, 0);
}

/* The winner's leg waits until the victim's has gone, so that the peer hears of the end first. */
static void
test_after_the_end (Flow *flow, gconstpointer data)
{
    fill (flow, "6101");
    flow->endpoint->is_quick = false;
    dial (flow, "p1", "6401", NULL);
    LOG ("b:preempt(9) o1:preempt(8) ");
    dial (flow, "o2", "8002", NULL);
    LOG ("o2:release(34) "); /* nobody slips in */
    SAY ("o2", FAKE_RELEASE, "34");
    SAY ("b", FAKE_RELEASE, "16");
    LOG ("b:originate ");
    SAY ("o1", FAKE_RELEASE, "16");
    flow->endpoint->is_quick = true;
    SAY ("p1", FAKE_RELEASE, "16");
    LOG ("b:release(16) ");
}

/* The victim's call lives on another lane. */
static void
test_another_lane (Flow *flow, gconstpointer data)
{
    flow->endpoint->lane = 1;
    fill (flow, "6101");
    flow->endpoint->is_quick = false;
    flow->endpoint->lane = 0;
    dial (flow, "p1", "6401", NULL);
    LOG ("b:preempt(9) o1:preempt(8) ");
    flow->endpoint->lane = 1;
    SAY ("b", FAKE_RELEASE, "16");
    LOG ("b:originate ");
    SAY ("o1", FAKE_RELEASE, "16");
    flow->endpoint->is_quick = true;
    flow->endpoint->lane = 0;
    SAY ("p1", FAKE_RELEASE, "16");
    LOG ("b:release(16) ");
    g_assert_cmpint (shown ("one", "calls_out"), ==, 0);
}

/* A peer that does not say so keeps nobody waiting. */
static void
test_silent_peer (Flow *flow, gconstpointer data)
{
    fill (flow, "6101");
    flow->endpoint->is_quick = false;
    dial (flow, "p1", "6401", NULL);
    LOG ("b:preempt(9) o1:preempt(8) ");
    td_engine_advance (1999);
    LOG ("");
    td_engine_advance (1);
    LOG ("b:originate ");
    flow->endpoint->is_quick = true;
    SAY ("o1", FAKE_RELEASE, "16");
    SAY ("p1", FAKE_RELEASE, "16");
    LOG ("b:release(16) ");
    td_engine_advance (60000); /* the leg that was not released is given up */
    g_assert_cmpint (shown ("one", "calls_out"), ==, 0);
}

/* Who hangs up while it waits leaves the place. */
static void
test_winner_gives_up (Flow *flow, gconstpointer data)
{
    fill (flow, "6101");
    flow->endpoint->is_quick = false;
    dial (flow, "p1", "6401", NULL);
    LOG ("b:preempt(9) o1:preempt(8) ");
    SAY ("p1", FAKE_RELEASE, "16");
    LOG ("");
    SAY ("b", FAKE_RELEASE, "16");
    SAY ("o1", FAKE_RELEASE, "16");
    LOG ("");
    g_assert_cmpint (shown ("one", "calls_out"), ==, 0);
    flow->endpoint->is_quick = true;
    dial (flow, "o2", "8002", NULL);
    LOG ("b:originate ");
}

/* One that rings goes as well. */
static void
test_not_answered (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "6101", NULL);
    SAY ("b", FAKE_RING, NULL);
    LOG ("b:originate o1:ring ");
    dial (flow, "p1", "6401", NULL);
    LOG ("b:preempt(9) o1:preempt(8) b:originate ");
    g_assert_cmpstr (record (0)->by, !=, NULL);
}

/* The place that an incoming leg has is taken by another one that comes in. */
static void
test_incoming (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "6101", "in");
    SAY ("b", FAKE_ANSWER, NULL);
    LOG ("b:originate o1:answer ");
    dial (flow, "p1", "6401", "in");
    LOG ("b:preempt(8) o1:preempt(9) b:originate ");
    dial (flow, "o2", "6201", "in");
    LOG ("o2:release(46) ");
}

/* How many calls of class 5 have lost their places since the process began. */
static long
n_preempted (void)
{
    static const char key[] = "class=\\\"5\\\"\",\"value\":";
    g_autofree char *answer = ask ("metric tandem_trunk_preempted_calls_total", key);

    return strtol (strstr (answer, key) + strlen (key), NULL, 10);
}

/* PRI-101 */
static void
test_counted (Flow *flow, gconstpointer data)
{
    long before = n_preempted ();

    fill (flow, "6101");
    dial (flow, "p1", "6401", NULL);
    LOG ("b:preempt(9) o1:preempt(8) b:originate ");
    g_assert_cmpint (n_preempted (), ==, before + 1);
    g_assert_cmpfloat (counted ("one", "preempted"), ==, 1);
    must ("trunk priority one", "\"preempted\":1");
    must ("trunk priority one", "\"preempting\":1");
}

/* --- Who is spared ------------------------------------------------------------------------ */

/* PRI-070: ets takes nobody's place, whatever the group does, ... */
static void
test_ets_takes_none (Flow *flow, gconstpointer data)
{
    fill (flow, "8001");
    dial (flow, "p1", "7001", NULL);
    LOG ("p1:release(34) ");
    g_assert_cmpuint (record (0)->class, ==, 8);
    g_assert_true (fake_is_there (flow->endpoint, flow->fixture, "o1"));
}

/* ... and nobody takes its. */
static void
test_ets_loses_none (Flow *flow, gconstpointer data)
{
    fill (flow, "7001");
    dial (flow, "p1", "6601", NULL);
    LOG ("p1:release(46) ");
    g_assert_true (fake_is_there (flow->endpoint, flow->fixture, "o1"));
}

/* An emergency call takes none and loses none, even where no namespace is spared. */
static void
test_emergency (Flow *flow, gconstpointer data)
{
    fill (flow, "112");
    dial (flow, "p1", "6601", NULL);
    LOG ("p1:release(46) ");
    dial (flow, "p2", "112", NULL);
    LOG ("p2:release(34) ");
    g_assert_true (fake_is_there (flow->endpoint, flow->fixture, "o1"));
}

/* Whoever asks for help is spared, whatever else his call is marked with. */
static TdHookAnswer
ask_for_help (void *subject, TdToken *token, void *data)
{
    if (g_str_equal (td_party_key (td_call_called (subject)), "6101")) {
        td_attributes_set_text (td_call_attributes (subject), data, "urn:service:sos");
    }
    return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

static void
test_asks_for_help (Flow *flow, gconstpointer data)
{
    const TdAttribute *service =
        td_attribute_declare (NULL, "emergency.service", TD_ATTRIBUTE_TEXT, 0, "x", NULL);

    td_hook_add (NULL, "admit",
                 &(TdHook){ .size = sizeof (TdHook),
                            .name = "emergency.admit",
                            .data = (void *) service,
                            .ask = ask_for_help },
                 NULL);
    fill (flow, "6101");
    dial (flow, "p1", "6601", NULL);
    LOG ("p1:release(46) ");
    g_assert_true (fake_is_there (flow->endpoint, flow->fixture, "o1"));
}

/* The trunk can spare more namespaces. */
static void
test_spared_by_key (Flow *flow, gconstpointer data)
{
    fill (flow, "6101");
    dial (flow, "p1", "6401", NULL);
    LOG ("p1:release(34) ");
    g_assert_cmpuint (record (0)->class, ==, 8);
    g_assert_true (fake_is_there (flow->endpoint, flow->fixture, "o1"));
}

/* --- Nobody below (PRI-072) --------------------------------------------------------------- */

static void
test_blocked (Flow *flow, gconstpointer data)
{
    fill (flow, "6401");
    dial (flow, "p1", "6401", NULL);
    LOG ("p1:release(46) ");
    dial (flow, "p2", "6101", NULL);
    LOG ("p2:release(46) ");
    g_assert_true (fake_is_there (flow->endpoint, flow->fixture, "o1"));
}

/* Diversion: it goes on to the next group. */
static void
test_goes_on (Flow *flow, gconstpointer data)
{
    fill (flow, "6401");
    dial (flow, "p1", "6401", NULL);
    LOG ("c:originate ");
    SAY ("c", FAKE_RELEASE, "17");
    LOG ("p1:release(17) ");
    g_assert_cmpuint (record (0)->class, ==, 8);
}

static void
test_displaces_its_like (Flow *flow, gconstpointer data)
{
    fill (flow, "6601");
    dial (flow, "p1", "6601", NULL);
    LOG ("b:preempt(9) o1:preempt(8) b:originate ");
}

/* --- Busy (PRI-014) ----------------------------------------------------------------------- */

static void
test_line (Flow *flow, gconstpointer data)
{
    fill (flow, "6201");
    dial (flow, "o2", "8001", NULL);
    LOG ("o2:release(17) ");
    dial (flow, "p1", "6201", NULL);
    LOG ("p1:release(17) ");
    dial (flow, "p2", "6301", NULL);
    LOG ("b:preempt(9) o1:preempt(8) b:originate ");
}

static void
test_busy_everywhere (Flow *flow, gconstpointer data)
{
    dial (flow, "p1", "7001", NULL);
    LOG ("b:originate c:originate p1:release(17) ");
    g_assert_cmpuint (record (0)->code, ==, 600);
    dial (flow, "o1", "8001", NULL);
    LOG ("b:originate c:originate o1:release(17) ");
    g_assert_cmpuint (record (1)->code, ==, 0);
}

/* One that was no busy user: somebody else may be tried. */
static void
test_not_busy_everywhere (Flow *flow, gconstpointer data)
{
    dial (flow, "p1", "7001", NULL);
    LOG ("b:originate c:originate p1:release(17) ");
    g_assert_cmpuint (record (0)->class, ==, 8);
    g_assert_cmpuint (record (0)->code, ==, 0);
}

#define ADD(path, config_text, routes_text, test)                                                  \
    do {                                                                                           \
        static const Case of = { config_text, routes_text };                                       \
        g_test_add ("/priority/" path, Flow, &of, set_up_marked, test, tear_down_marked);          \
    } while (0)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("PRI-014/line", MARKED FULL "mlpp = on\nline = yes\n", "@one", test_line);
    ADD ("PRI-014/busy-everywhere", MARKED, "b=17 c=17", test_busy_everywhere);
    ADD ("PRI-014/not-everywhere", MARKED, "b=17 c=38", test_not_busy_everywhere);
    ADD ("PRI-070/takes-none", MLPP, "@one", test_ets_takes_none);
    ADD ("PRI-070/loses-none", MLPP, "@one", test_ets_loses_none);
    ADD ("PRI-070/emergency", MLPP "mlpp-spares =\n", "@one", test_emergency);
    ADD ("PRI-070/asks-for-help", MLPP, "@one", test_asks_for_help);
    ADD ("PRI-070/spared-by-key", MLPP "mlpp-spares = ets, dsn\n", "@one", test_spared_by_key);
    ADD ("PRI-071/both-legs", MLPP, "@one", test_both_legs);
    ADD ("PRI-071/after-the-end", MLPP, "@one", test_after_the_end);
    ADD ("PRI-071/another-lane", MLPP, "@one", test_another_lane);
    ADD ("PRI-071/silent-peer", MLPP, "@one", test_silent_peer);
    ADD ("PRI-071/winner-gives-up", MLPP, "@one", test_winner_gives_up);
    ADD ("PRI-071/not-answered", MLPP, "@one", test_not_answered);
    ADD ("PRI-071/incoming", MARKED IN "capacity = 1 calls\nmlpp = on\n", "b", test_incoming);
    ADD ("PRI-072/blocked", MLPP, "@one", test_blocked);
    ADD ("PRI-072/goes-on", MLPP TWO, "@one;@two", test_goes_on);
    ADD ("PRI-072/displaces-its-like", MLPP, "@one", test_displaces_its_like);
    ADD ("PRI-101/preempted", MLPP, "@one", test_counted);
    return g_test_run ();
}
