/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doorman refuses what it is told to, and nothing else. */

#include <common/fake-endpoint.h>

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
} Door;

static void
set_up (Door *door, gconstpointer data)
{
    door->fixture =
        td_fixture_new ("[modules]\ndoorman = required\n[doorman]\nrefuse = 900, +881\n");
    door->endpoint = fake_endpoint_new (door->fixture);
    door->endpoint->routes = g_strdup ("b");
}

static void
tear_down (Door *door, gconstpointer data)
{
    td_fixture_free (door->fixture);
    fake_endpoint_free (door->endpoint);
}

static void
test_refuses_what_begins_so (Door *door, gconstpointer data)
{
    fake_call (door->endpoint, door->fixture, "900123", NULL);
    fake_assert_log (door->endpoint, "a:release(21) ");
}

static void
test_lets_the_others_in (Door *door, gconstpointer data)
{
    fake_call (door->endpoint, door->fixture, "5550199", NULL);
    fake_assert_log (door->endpoint, "b:originate ");
    fake_say (door->endpoint, door->fixture, "b", FAKE_ANSWER, NULL);
    fake_assert_log (door->endpoint, "a:answer ");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add ("/doorman/refuses what begins so", Door, NULL, set_up, test_refuses_what_begins_so,
                tear_down);
    g_test_add ("/doorman/lets the others in", Door, NULL, set_up, test_lets_the_others_in,
                tear_down);
    return g_test_run ();
}
