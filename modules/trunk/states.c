/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* States of trunk groups and members, and the level of their congestion: kept, and made known. */

#include "queue.h"
#include "tally.h"
#include "trunk.h"

#include <string.h>
#include <tandem/log.h>

enum { TICK_MS = 1000, EVICT_MAX = 4096 };

/* --- Facts ------------------------------------------------------------------------------- */

typedef struct {
    const char *trunk, *member, *state, *before, *why, *who;
} StateFact;

typedef struct {
    const char *trunk;
    uint32_t level, before;
} CongestionFact;

static const TdField state_fields[] = {
    TD_FIELD (StateFact, trunk, TD_FIELD_TEXT, "The trunk group"),
    TD_FIELD (StateFact, member, TD_FIELD_TEXT, "The member of it; empty: the group itself"),
    TD_FIELD (StateFact, state, TD_FIELD_TEXT,
              "in-service, blocked, draining, out-of-service or unreachable"),
    TD_FIELD (StateFact, before, TD_FIELD_TEXT, "The state it was in"),
    TD_FIELD (StateFact, why, TD_FIELD_TEXT, "Why, in words"),
    TD_FIELD (StateFact, who, TD_FIELD_TEXT, "Who wanted it so"),
};

static const TdField congestion_fields[] = {
    TD_FIELD (CongestionFact, trunk, TD_FIELD_TEXT, "The trunk group"),
    TD_FIELD (CongestionFact, level, TD_FIELD_UINT, "The level of congestion, 0 to 3"),
    TD_FIELD (CongestionFact, before, TD_FIELD_UINT, "The level before"),
};

void
states_declare (Trunk *trunk)
{
    trunk->state_topic =
        td_topic_declare (trunk->module, &(TdTopicDecl){
                                             .size = sizeof (TdTopicDecl),
                                             .version = 1,
                                             .name = "trunk.state",
                                             .help = "A trunk group or a member has another state",
                                             .fields = state_fields,
                                             .n_fields = G_N_ELEMENTS (state_fields),
                                             .body_size = sizeof (StateFact),
                                         });
    trunk->congestion_topic = td_topic_declare (
        trunk->module, &(TdTopicDecl){
                           .size = sizeof (TdTopicDecl),
                           .version = 1,
                           .name = "trunk.congestion",
                           .help = "The congestion of a trunk group has another level",
                           .fields = congestion_fields,
                           .n_fields = G_N_ELEMENTS (congestion_fields),
                           .body_size = sizeof (CongestionFact),
                       });
}

/* --- Stations ---------------------------------------------------------------------------- */

/* A peer that does not answer may call all the same. */
static void
let_through (Group *group, Member *member, StationState state)
{
    if (member != NULL) {
        group_set_member_up (group, member, state == STATION_IN_SERVICE,
                             state == STATION_UNREACHABLE);
    } else {
        group_set_up (group, state == STATION_IN_SERVICE || state == STATION_UNREACHABLE,
                      state != STATION_UNREACHABLE);
    }
}

static void
changed (Station *station, StationState before, void *data)
{
    Trunk *trunk = data;
    StationState state = td_fsm_state (&station->fsm);
    const Condition *condition = station->condition;
    g_autofree char *subject =
        station->member != NULL
            ? g_strdup_printf ("trunk %s, member %s", station->group->name, station->member->name)
            : g_strdup_printf ("trunk %s", station->group->name);
    StateFact fact = { .trunk = station->group->name,
                       .member = station->member != NULL ? station->member->name : "",
                       .state = station_state_name (state),
                       .before = station_state_name (before),
                       .why = condition->why,
                       .who = condition->who };

    let_through (station->group, station->member, state);
    td_log (trunk->module, state == STATION_UNREACHABLE ? TD_LOG_WARNING : TD_LOG_NOTICE, subject,
            (TdLogField[]){ { "who", condition->who }, { "why", condition->why }, { 0 } },
            "%s, was %s", fact.state, fact.before);
    td_bus_publish (trunk->state_topic, TD_ID_NONE, NULL, 0, &fact);
    store_save (trunk);
}

static void
evict (Station *station, void *data)
{
    Trunk *trunk = data;
    g_autofree TdId *calls = g_new (TdId, EVICT_MAX);
    TdCause cause = td_cause (TD_CAUSE_NETWORK_OUT_OF_ORDER, "Trunk group taken out of service");
    unsigned n = group_calls (station->group, station->member, calls, EVICT_MAX);

    for (unsigned i = 0; i < n; i++) {
        td_call_release_by_id (trunk->module, calls[i], &cause);
    }
    if (n == EVICT_MAX) { /* more of them: in a moment */
        station->drain_ms = TICK_MS;
        td_fsm_enter (&station->fsm, STATION_DRAINING);
    }
}

static void
free_station (void *station)
{
    station_free (station);
}

static Station *
station_of (Trunk *trunk, Group *group, Member *member)
{
    Condition *condition = member != NULL ? &member->condition : &group->condition;
    Station *station = g_hash_table_lookup (trunk->stations, condition);

    if (station == NULL) {
        station = station_new (&trunk->keeper, group, member);
        g_hash_table_insert (trunk->stations, condition, station);
    }
    return station;
}

/* A draining one that has lost its last call, of whichever build, is out of service. */
static void
look_at (Station *station)
{
    if (td_fsm_state (&station->fsm) == STATION_DRAINING
        && group_load (station->group, station->member) == 0) {
        station_hear (station, STATION_EMPTY, NULL);
    }
}

bool
states_hear (Trunk *trunk, Group *group, Member *member, StationEvent event,
             const StationWord *word)
{
    const Condition *condition = member != NULL ? &member->condition : &group->condition;

    /* What was there all the time is no news, and needs no station. */
    if (event == STATION_UP && condition->state == STATION_IN_SERVICE) {
        return false;
    }
    Station *station = station_of (trunk, group, member);
    if (!station_hear (station, event, word)) {
        return false;
    }
    if (event == STATION_DRAIN) {
        look_at (station);
    }
    return true;
}

void
states_forget (Group *group, Member *member, void *data)
{
    Trunk *trunk = data;

    g_hash_table_remove (trunk->stations, member != NULL ? &member->condition : &group->condition);
    for (unsigned i = 0; member == NULL && i < group->members->len; i++) {
        Member *one = group->members->pdata[i];
        g_hash_table_remove (trunk->stations, &one->condition);
    }
}

/* --- Congestion -------------------------------------------------------------------------- */

unsigned
states_level (Trunk *trunk, Group *group)
{
    unsigned before;
    unsigned level = group_level (group, td_clock_now_us (), &before);

    if (level != before) {
        CongestionFact fact = { .trunk = group->name, .level = level, .before = before };
        td_bus_publish (trunk->congestion_topic, TD_ID_NONE, NULL, 0, &fact);
    }
    return level;
}

static void
tick (TdTimer *timer)
{
    Trunk *trunk = (Trunk *) ((char *) timer - offsetof (Trunk, tick));
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init (&iter, trunk->book->groups);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        states_level (trunk, value);
        queue_look (value); /* time itself may have made a place */
    }
    g_hash_table_iter_init (&iter, trunk->stations);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        look_at (value);
    }
    statistics_store (trunk);
    td_timer_start (timer, TICK_MS);
}

/* --- Beginning and end ------------------------------------------------------------------- */

/* What is not in service, as an earlier build left it, goes on being so. */
static void
adopt (Trunk *trunk, Group *group, Member *member)
{
    const Condition *condition = member != NULL ? &member->condition : &group->condition;

    if (condition->state != STATION_IN_SERVICE) {
        let_through (group, member, condition->state);
        station_of (trunk, group, member);
    }
}

void
states_start (Trunk *trunk)
{
    GHashTableIter iter;
    void *value;

    trunk->keeper = (StationKeeper){ trunk->module, trunk, changed, evict };
    trunk->stations = g_hash_table_new_full (NULL, NULL, NULL, free_station);
    g_hash_table_iter_init (&iter, trunk->book->groups);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        Group *group = value;
        adopt (trunk, group, NULL);
        for (unsigned i = 0; i < group->members->len; i++) {
            adopt (trunk, group, group->members->pdata[i]);
        }
    }
    td_timer_init (&trunk->tick, trunk->module, tick);
    td_timer_start (&trunk->tick, TICK_MS);
}

void
states_stop (Trunk *trunk)
{
    td_timer_stop (&trunk->tick);
    g_hash_table_remove_all (trunk->stations);
}

void
states_free (Trunk *trunk)
{
    g_clear_pointer (&trunk->stations, g_hash_table_unref);
}
