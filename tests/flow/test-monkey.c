/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every event at every state, in an order nobody thought of: whatever the legs say, each call ends
 * once, no leg is told anything after it has ended, and nothing is left. */

#include "common/fake-endpoint.h"

#include <string.h>

enum { N_CALLS = 400, N_EVENTS = 30 };

#define SDP                                                                                        \
    "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"              \
    "m=audio 4000 RTP/AVP 0\r\n"

typedef struct {
    unsigned n_started, n_ended;
    GHashTable *ended; /* ids */
} Count;

static void
hear (const TdFact *fact, void *data)
{
    Count *count = data;

    if (strcmp (td_topic_name (fact->topic), "call.started") == 0) {
        count->n_started++;
    } else if (strcmp (td_topic_name (fact->topic), "call.ended") == 0) {
        TdId *id = g_new (TdId, 1);
        *id = fact->call;
        count->n_ended++;
        g_assert_true (g_hash_table_add (count->ended, id));
    }
}

static const char *
pick_text (FakeEvent event)
{
    static const char *const causes[] = { "16", "17", "38", "42", "1", "88" };

    switch (event) {
    case FAKE_RELEASE:
    case FAKE_OFFER_REFUSED:
        return causes[g_test_rand_int_range (0, G_N_ELEMENTS (causes))];
    case FAKE_DIGIT:
    case FAKE_MORE_DIGITS:
    case FAKE_LAST_DIGITS:
        return "7";
    case FAKE_TRANSFER:
        return g_test_rand_bit () ? "5550100" : "nobody";
    case FAKE_REDIRECT:
        return g_test_rand_bit () ? "5550100 nobody 5550101" : "5550102\tx 5550199";
    case FAKE_OFFER_ANSWERED:
        return SDP;
    default:
        return g_test_rand_bit () ? SDP : NULL;
    }
}

/* One call: legs a, b1, b2, b3 say what they like, and time passes. */
static void
play (TdFixture *fixture, FakeEndpoint *endpoint)
{
    static const char *const names[] = { "a", "b1", "b2", "b3" };
    static const char *const routes[] = { "b1", "b1;b2;b3", "b1 b2;b3", "b1=38;b2 b3", "b1=17" };

    g_free (endpoint->routes);
    endpoint->routes = g_strdup (routes[g_test_rand_int_range (0, G_N_ELEMENTS (routes))]);
    endpoint->is_quick = g_test_rand_bit ();
    endpoint->min_digits = g_test_rand_bit () ? 9 : 0;
    endpoint->lane = (unsigned) g_test_rand_int_range (0, 2);
    g_hash_table_remove_all (endpoint->legs);
    fake_call (endpoint, fixture, "5550199", g_test_rand_bit () ? SDP : NULL);
    for (unsigned i = 0; i < N_EVENTS; i++) {
        const char *name = names[g_test_rand_int_range (0, G_N_ELEMENTS (names))];
        FakeEvent event = (FakeEvent) g_test_rand_int_range (0, FAKE_RELEASE + 1);
        if (fake_is_there (endpoint, fixture, name)) {
            fake_say (endpoint, fixture, name, event, pick_text (event));
        }
        if (g_test_rand_int_range (0, 8) == 0) {
            td_engine_advance ((uint32_t) g_test_rand_int_range (1, 20000));
        }
    }
}

static void
test_monkey (void)
{
    g_autoptr (TdFixture) fixture = td_fixture_new ("[tandem]\nlog-level = error\n");
    FakeEndpoint *endpoint = fake_endpoint_new (fixture);
    Count count = { .ended = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL) };

    td_bus_subscribe (NULL, TD_LIST ("call.started", "call.ended"), hear, &count);
    for (unsigned i = 0; i < N_CALLS; i++) {
        play (fixture, endpoint);
    }
    g_assert_cmpuint (count.n_started, ==, N_CALLS);
    /* Those that still ring or talk are ended by the engine. */
    endpoint->is_quick = true;
    g_clear_pointer (&fixture, td_fixture_free);
    g_assert_cmpuint (count.n_ended, ==, N_CALLS);
    fake_endpoint_free (endpoint);
    g_hash_table_unref (count.ended);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/flow/monkey", test_monkey);
    return g_test_run ();
}
