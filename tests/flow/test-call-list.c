/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operator lists the calls of a busy switch: each once, in parts, as fast as the parts are
 * taken, and only those that are wanted. */

#include "common/fake-endpoint.h"

#include <string.h>
#include <tandem/command.h>

enum { N_A_LANE = 100 };

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
    TdRequest *request;
    GHashTable *seen; /* ids of calls */
    unsigned n_pieces, n_rows, n_doubled, largest;
    bool is_over, pauses, leaves;
    char *error;
} Flow;

static void
place (Flow *flow, unsigned lane, const char *number)
{
    g_autofree char *name = g_strdup_printf ("a%u", g_hash_table_size (flow->endpoint->legs));

    flow->endpoint->lane = lane;
    flow->endpoint->caller = name;
    fake_call (flow->endpoint, flow->fixture, number, NULL);
    flow->endpoint->caller = "a";
}

static void
set_up (Flow *flow, gconstpointer data)
{
    flow->fixture = td_fixture_new (NULL);
    flow->endpoint = fake_endpoint_new (flow->fixture);
    flow->endpoint->routes = g_strdup ("b1");
    flow->endpoint->is_quick = true;
    flow->seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

static void
tear_down (Flow *flow, gconstpointer data)
{
    if (flow->is_over || flow->leaves) { /* otherwise the core takes it back */
        td_request_unref (g_steal_pointer (&flow->request));
    }
    td_fixture_free (flow->fixture);
    fake_endpoint_free (flow->endpoint);
    g_hash_table_unref (flow->seen);
    g_free (flow->error);
}

static void
place_many (Flow *flow)
{
    for (unsigned lane = 0; lane < 2; lane++) {
        for (unsigned i = 0; i < N_A_LANE; i++) {
            place (flow, lane, "5550199");
        }
    }
}

static void
take (TdRequest *request, GVariant *piece, bool is_last, const char *error_text, void *data)
{
    Flow *flow = data;
    unsigned n_rows = piece != NULL ? (unsigned) g_variant_n_children (piece) : 0;

    flow->error = g_strdup (error_text);
    flow->is_over = is_last;
    flow->n_pieces++;
    flow->n_rows += n_rows;
    flow->largest = MAX (flow->largest, n_rows);
    for (unsigned i = 0; i < n_rows; i++) {
        g_autoptr (GVariant) row = g_variant_get_child_value (piece, i);
        char *call = NULL;
        g_assert_true (g_variant_lookup (row, "call", "s", &call));
        flow->n_doubled += !g_hash_table_add (flow->seen, call);
    }
    if (!is_last && flow->pauses) {
        td_request_pause (request, true);
    }
    if (!is_last && flow->leaves) {
        td_request_abandon (td_request_ref (request));
    }
}

static void
ask (Flow *flow, const char *const *words)
{
    flow->request = td_command_run (NULL, words, "a test", false, take, flow);
    td_engine_settle ();
}

static void
test_each_call_once (Flow *flow, gconstpointer data)
{
    place_many (flow);
    ask (flow, TD_LIST ("call", "list"));
    g_assert_true (flow->is_over);
    g_assert_cmpuint (flow->n_rows, ==, 2 * N_A_LANE);
    g_assert_cmpuint (flow->n_doubled, ==, 0);
}

/* However many there are, a lane has a bounded part in its turn. */
static void
test_a_part_is_bounded (Flow *flow, gconstpointer data)
{
    place_many (flow);
    ask (flow, TD_LIST ("call", "list"));
    g_assert_cmpuint (flow->largest, <=, 32);
    g_assert_cmpuint (flow->n_pieces, >=, 2 * N_A_LANE / 32);
}

static void
test_waits_for_a_slow_asker (Flow *flow, gconstpointer data)
{
    place_many (flow);
    flow->pauses = true;
    ask (flow, TD_LIST ("call", "list"));
    g_assert_cmpuint (flow->n_pieces, ==, 1);
    td_request_pause (flow->request, false);
    td_engine_settle ();
    g_assert_cmpuint (flow->n_pieces, ==, 2);
    flow->pauses = false;
    td_request_pause (flow->request, false);
    td_engine_settle ();
    g_assert_true (flow->is_over);
    g_assert_cmpuint (flow->n_rows, ==, 2 * N_A_LANE);
}

static void
test_asker_goes_while_it_is_waited_for (Flow *flow, gconstpointer data)
{
    place_many (flow);
    flow->pauses = true;
    ask (flow, TD_LIST ("call", "list"));
    td_request_abandon (g_steal_pointer (&flow->request));
    td_engine_settle ();
    g_assert_cmpuint (flow->n_pieces, ==, 1);
}

static void
test_asker_goes_on_a_part (Flow *flow, gconstpointer data)
{
    place_many (flow);
    flow->leaves = true;
    ask (flow, TD_LIST ("call", "list"));
    g_assert_cmpuint (flow->n_pieces, ==, 1);
}

static void
test_switch_stops_while_a_list_waits (Flow *flow, gconstpointer data)
{
    place_many (flow);
    flow->pauses = true;
    ask (flow, TD_LIST ("call", "list"));
    g_assert_false (flow->is_over);
}

static void
test_no_call (Flow *flow, gconstpointer data)
{
    ask (flow, TD_LIST ("call", "list"));
    g_assert_true (flow->is_over);
    g_assert_cmpuint (flow->n_pieces, ==, 1);
    g_assert_cmpuint (flow->n_rows, ==, 0);
}

typedef struct {
    const char *option, *value;
    unsigned n_rows;
} Filter;

/* Two calls to 5550199, one of which is answered and a minute older, and one to 5550200. */
static void
test_filter (Flow *flow, gconstpointer data)
{
    const Filter *filter = data;

    place (flow, 0, "5550199");
    fake_say (flow->endpoint, flow->fixture, "b1", FAKE_ANSWER, NULL);
    td_engine_advance (60000);
    flow->endpoint->no_answer_ms = 600000;
    place (flow, 0, "5550199");
    place (flow, 1, "5550200");
    ask (flow, TD_LIST ("call", "list", filter->option, filter->value));
    g_assert_cmpstr (flow->error, ==, NULL);
    g_assert_cmpuint (flow->n_rows, ==, filter->n_rows);
}

static void
test_bad_filter (Flow *flow, gconstpointer data)
{
    const Filter *filter = data;

    ask (flow, TD_LIST ("call", "list", filter->option, filter->value));
    g_assert_nonnull (flow->error);
    g_assert_nonnull (strstr (flow->error, filter->value));
}

#define ADD(path, function)                                                                        \
    g_test_add ("/flow/call-list/" path, Flow, NULL, set_up, function, tear_down)
#define ADD_FILTER(path, function, filter_option, filter_value, count)                             \
    do {                                                                                           \
        static const Filter filter = { filter_option, filter_value, count };                       \
        g_test_add ("/flow/call-list/" path, Flow, &filter, set_up, function, tear_down);          \
    } while (0)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("each-once", test_each_call_once);
    ADD ("bounded-part", test_a_part_is_bounded);
    ADD ("slow-asker", test_waits_for_a_slow_asker);
    ADD ("asker-goes-while-waited-for", test_asker_goes_while_it_is_waited_for);
    ADD ("asker-goes-on-a-part", test_asker_goes_on_a_part);
    ADD ("switch-stops", test_switch_stops_while_a_list_waits);
    ADD ("none", test_no_call);
    ADD_FILTER ("called", test_filter, "--called", "5550199", 2);
    ADD_FILTER ("called-pattern", test_filter, "--called", "555*", 3);
    ADD_FILTER ("caller", test_filter, "--caller", "5550100", 3);
    ADD_FILTER ("another-caller", test_filter, "--caller", "5550", 0);
    ADD_FILTER ("state", test_filter, "--state", "answered", 1);
    ADD_FILTER ("since", test_filter, "--since", "30 s", 2);
    ADD_FILTER ("since-long-ago", test_filter, "--since", "2min", 3);
    ADD_FILTER ("since-a-day", test_filter, "--since", "2000-01-31T14:00:00Z", 3);
    ADD_FILTER ("since-a-day-to-come", test_filter, "--since", "2999-01-31T14:00:00Z", 0);
    ADD_FILTER ("trunk", test_filter, "--trunk", "nobody", 0);
    ADD_FILTER ("bad-state", test_bad_filter, "--state", "talking", 0);
    ADD_FILTER ("bad-since", test_bad_filter, "--since", "yesterday", 0);
    return g_test_run ();
}
