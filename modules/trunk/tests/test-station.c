/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ROU-006: the states of groups and members, every event at every one. */

#include "station.h"
#include "world.h"

#include "common/machines.h"

#include <string.h>

typedef struct {
    World world;
    StationKeeper keeper;
    Station *station;
    unsigned n_changes, n_evictions;
} Place;

static void
changed (Station *station, StationState before, void *data)
{
    Place *place = data;

    g_assert_cmpuint (station->condition->state, ==, td_fsm_state (&station->fsm));
    place->n_changes++;
}

static void
evict (Station *station, void *data)
{
    ((Place *) data)->n_evictions++;
}

static const StationWord word = { .who = "uid 0", .why = "cable", .drain_ms = 5000 };

static Place *
place_new (void)
{
    Place *place = g_new0 (Place, 1);

    world_open (&place->world);
    world_configure (&place->world, 1);
    place->keeper = (StationKeeper){ (TdModule *) &place->world.module, place, changed, evict };
    place->station = station_new (&place->keeper, place->world.group, NULL);
    return place;
}

static void
place_free (void *data)
{
    Place *place = data;

    station_free (place->station);
    world_close (&place->world);
    g_free (place);
}

static void *
begin (unsigned state)
{
    static const struct {
        StationEvent events[2];
        unsigned n;
    } ways[N_STATION_STATES] = {
        [STATION_BLOCKED] = { { STATION_BLOCK }, 1 },
        [STATION_DRAINING] = { { STATION_DRAIN }, 1 },
        [STATION_OUT_OF_SERVICE] = { { STATION_DRAIN, STATION_EMPTY }, 2 },
        [STATION_UNREACHABLE] = { { STATION_DOWN }, 1 },
    };
    Place *place = place_new ();

    for (unsigned i = 0; i < ways[state].n; i++) {
        g_assert_true (station_hear (place->station, ways[state].events[i], &word));
    }
    return place;
}

static TdFsm *
find (void *data)
{
    return &((Place *) data)->station->fsm;
}

static void
give (void *data, TdFsm *fsm, unsigned event)
{
    td_fsm_dispatch (fsm, event, (void *) &word);
}

static void
test_why_and_who (void)
{
    Place *place = begin (STATION_BLOCKED);
    const Condition *condition = &place->world.group->condition;

    g_assert_cmpstr (condition->who, ==, "uid 0");
    g_assert_cmpstr (condition->why, ==, "cable");
    g_assert_cmpint (condition->since_us, ==, td_clock_wall_us ());
    place_free (place);
}

static void
test_unreachable_meanwhile (void)
{
    Place *place = begin (STATION_BLOCKED);

    station_hear (place->station, STATION_DOWN, &word);
    g_assert_cmpuint (td_fsm_state (&place->station->fsm), ==, STATION_BLOCKED);
    station_hear (place->station, STATION_UNBLOCK, &word);
    g_assert_cmpuint (td_fsm_state (&place->station->fsm), ==, STATION_UNREACHABLE);
    station_hear (place->station, STATION_UP, &word);
    g_assert_cmpuint (td_fsm_state (&place->station->fsm), ==, STATION_IN_SERVICE);
    place_free (place);
}

static void
test_drained_keeps_its_reason (void)
{
    Place *place = begin (STATION_OUT_OF_SERVICE);

    g_assert_cmpstr (place->world.group->condition.why, ==, "cable");
    place_free (place);
}

static void
test_time_to_drain (void)
{
    Place *place = begin (STATION_DRAINING);

    td_lanes_advance (4999);
    g_assert_cmpuint (place->n_evictions, ==, 0);
    td_lanes_advance (2);
    g_assert_cmpuint (place->n_evictions, ==, 1);
    g_assert_cmpuint (td_fsm_state (&place->station->fsm), ==, STATION_DRAINING);
    place_free (place);
}

/* A new build makes its stations from the conditions it finds. */
static void
test_made_from_a_condition (void)
{
    for (unsigned state = 0; state < N_STATION_STATES; state++) {
        Place *place = begin (state);
        station_free (place->station);
        place->station = station_new (&place->keeper, place->world.group, NULL);
        g_assert_cmpuint (td_fsm_state (&place->station->fsm), ==, state);
        place_free (place);
    }
}

int
main (int argc, char **argv)
{
    static const MachineCase stations = {
        &station_machine, "", begin, find, give, NULL, place_free
    };

    g_test_init (&argc, &argv, NULL);
    td_machine_register (NULL, &station_machine);
    machine_case_add (&stations);
    g_test_add_func ("/trunk/ROU-006/why-and-who", test_why_and_who);
    g_test_add_func ("/trunk/ROU-006/unreachable-meanwhile", test_unreachable_meanwhile);
    g_test_add_func ("/trunk/ROU-006/drained", test_drained_keeps_its_reason);
    g_test_add_func ("/trunk/ROU-006/time-to-drain", test_time_to_drain);
    g_test_add_func ("/trunk/ROU-006/made-from-a-condition", test_made_from_a_condition);
    return g_test_run ();
}
