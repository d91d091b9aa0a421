/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of a trunk group, or of one of its members. */

#include "station.h"

#include <string.h>

enum { DRAIN_MAX_MS = 86400000 };

static void act (void *self, unsigned event, void *data);

static uint32_t
drain_timeout_ms (void *self, unsigned state)
{
    return ((const Station *) self)->drain_ms;
}

#define OPERATOR                                                                                   \
    (TD_BIT (STATION_BLOCK) | TD_BIT (STATION_UNBLOCK) | TD_BIT (STATION_DRAIN)                    \
     | TD_BIT (STATION_UP) | TD_BIT (STATION_DOWN))

static const TdState states[] = {
    [STATION_IN_SERVICE] = { .name = "in-service",
                             .events = TD_BIT (STATION_BLOCK) | TD_BIT (STATION_DRAIN)
                                       | TD_BIT (STATION_DOWN),
                             .next = TD_BIT (STATION_BLOCKED) | TD_BIT (STATION_DRAINING)
                                     | TD_BIT (STATION_OUT_OF_SERVICE)
                                     | TD_BIT (STATION_UNREACHABLE),
                             .action = act },
    [STATION_BLOCKED] = { .name = "blocked",
                          .events = OPERATOR,
                          .next = TD_BIT (STATION_IN_SERVICE) | TD_BIT (STATION_DRAINING)
                                  | TD_BIT (STATION_UNREACHABLE),
                          .action = act },
    [STATION_DRAINING] = { .name = "draining",
                           .events = OPERATOR | TD_BIT (STATION_EMPTY) | TD_BIT (STATION_TIMEOUT),
                           .next = TD_BIT (STATION_IN_SERVICE) | TD_BIT (STATION_BLOCKED)
                                   | TD_BIT (STATION_DRAINING) | TD_BIT (STATION_OUT_OF_SERVICE)
                                   | TD_BIT (STATION_UNREACHABLE),
                           .action = act,
                           .timer = { .name = "drain", .event = STATION_TIMEOUT } },
    [STATION_OUT_OF_SERVICE] = { .name = "out-of-service",
                                 .events = OPERATOR,
                                 .next = TD_BIT (STATION_IN_SERVICE) | TD_BIT (STATION_BLOCKED)
                                         | TD_BIT (STATION_DRAINING) | TD_BIT (STATION_UNREACHABLE),
                                 .action = act },
    [STATION_UNREACHABLE] = { .name = "unreachable",
                              .events = TD_BIT (STATION_BLOCK) | TD_BIT (STATION_DRAIN)
                                        | TD_BIT (STATION_UP),
                              .next = TD_BIT (STATION_IN_SERVICE) | TD_BIT (STATION_BLOCKED)
                                      | TD_BIT (STATION_DRAINING),
                              .action = act },
};

static const char *const events[] = {
    "block", "unblock", "drain", "empty", "timeout", "up", "down"
};

const TdMachine station_machine = { .name = "trunk.station",
                                    .states = states,
                                    .n_states = G_N_ELEMENTS (states),
                                    .events = events,
                                    .n_events = G_N_ELEMENTS (events),
                                    .timeout_ms = drain_timeout_ms };

const char *
station_state_name (unsigned state)
{
    return states[state].name;
}

bool
station_state_parse (const char *text, unsigned *ret_state)
{
    for (unsigned i = 0; i < G_N_ELEMENTS (states); i++) {
        if (strcmp (states[i].name, text) == 0) {
            *ret_state = i;
            return true;
        }
    }
    return false;
}

void
condition_set (Condition *condition, unsigned state, const char *who, const char *why,
               int64_t since_us)
{
    char *old_who = condition->who, *old_why = condition->why;

    condition->state = (uint8_t) state;
    condition->who = g_strdup (who);
    condition->why = g_strdup (why);
    condition->since_us = since_us;
    g_free (old_who);
    g_free (old_why);
}

static void
go (Station *station, StationState state, const StationWord *word)
{
    StationState before = td_fsm_state (&station->fsm);

    if (!td_fsm_enter (&station->fsm, state)) {
        return;
    }
    condition_set (station->condition, state, word->who, word->why, td_clock_wall_us ());
    station->keeper->changed (station, before, station->keeper->data);
}

/* Back to service, if it can be reached. */
static void
go_back (Station *station, const StationWord *word)
{
    static const StationWord unreachable = { .who = "probe", .why = "it did not answer before" };

    if (station->condition->is_unreachable) {
        go (station, STATION_UNREACHABLE, &unreachable);
    } else {
        go (station, STATION_IN_SERVICE, word);
    }
}

static void
hear_probe (Station *station, bool is_up, const StationWord *word)
{
    station->condition->is_unreachable = !is_up;
    if (td_fsm_state (&station->fsm) == STATION_IN_SERVICE && !is_up) {
        go (station, STATION_UNREACHABLE, word);
    } else if (td_fsm_state (&station->fsm) == STATION_UNREACHABLE && is_up) {
        go (station, STATION_IN_SERVICE, word);
    }
}

/* Draining or blocked once more: with another reason, or time. */
static void
renew (Station *station, StationState state, const StationWord *word)
{
    if (td_fsm_state (&station->fsm) == (unsigned) state && state != STATION_DRAINING) {
        condition_set (station->condition, state, word->who, word->why, td_clock_wall_us ());
    } else {
        go (station, state, word);
    }
}

static void
act (void *self, unsigned event, void *data)
{
    static const StationWord nobody = { .who = "switch" };
    Station *station = self;
    const StationWord *word = data != NULL ? data : &nobody;
    StationWord drained = { .who = station->condition->who, .why = station->condition->why };

    switch ((StationEvent) event) {
    case STATION_BLOCK:
        renew (station, STATION_BLOCKED, word);
        break;
    case STATION_UNBLOCK:
        go_back (station, word);
        break;
    case STATION_DRAIN:
        station->drain_ms = word->drain_ms;
        station->condition->drain_until_us =
            word->drain_ms > 0 ? td_clock_wall_us () + (int64_t) word->drain_ms * 1000 : 0;
        renew (station, STATION_DRAINING, word);
        break;
    case STATION_EMPTY: /* still by whom, and why, it was drained */
        go (station, STATION_OUT_OF_SERVICE, &drained);
        break;
    case STATION_TIMEOUT:
        station->keeper->evict (station, station->keeper->data);
        break;
    case STATION_UP:
    case STATION_DOWN:
        hear_probe (station, event == STATION_UP, word);
        break;
    }
}

bool
station_hear (Station *station, StationEvent event, const StationWord *word)
{
    if (!td_fsm_admits (&station->fsm, event)) {
        return false;
    }
    return td_fsm_dispatch (&station->fsm, event, (void *) word);
}

/* What is left of the time to drain, that an earlier build, or life, has given. */
static uint32_t
time_left_ms (const Condition *condition)
{
    int64_t left_ms = (condition->drain_until_us - td_clock_wall_us ()) / 1000;

    return condition->drain_until_us == 0 ? 0 : (uint32_t) CLAMP (left_ms, 1, DRAIN_MAX_MS);
}

Station *
station_new (const StationKeeper *keeper, Group *group, Member *member)
{
    Station *station = g_new0 (Station, 1);

    station->keeper = keeper;
    station->group = group_ref (group);
    station->member = member != NULL ? member_ref (member) : NULL;
    station->condition = member != NULL ? &member->condition : &group->condition;
    station->drain_ms = time_left_ms (station->condition);
    td_fsm_init (&station->fsm, keeper->module, &station_machine, station);
    if (station->condition->state != STATION_IN_SERVICE) {
        td_fsm_enter (&station->fsm, station->condition->state);
    }
    return station;
}

void
station_free (Station *station)
{
    td_fsm_clear (&station->fsm);
    g_clear_pointer (&station->member, member_unref);
    group_unref (station->group);
    g_free (station);
}
