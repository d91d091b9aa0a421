/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module's parts, and what they share. */

#ifndef TRUNK_TRUNK_H
#define TRUNK_TRUNK_H

#include "archive.h"
#include "book.h"
#include "station.h"

#include <tandem/bus.h>
#include <tandem/command.h>
#include <tandem/iface/congestion.h>
#include <tandem/iface/trunk.h>
#include <tandem/module.h>

typedef struct Calls Calls;
typedef struct Shared Shared;
typedef struct Store Store;

typedef struct {
    TdModule *module;
    Book *book;
    TdSnapshot *table; /* GroupTable */
    Plan *prepared;    /* by a reload that is not committed yet */
    Calls *calls;
    Store *store;
    Archive *archive;
    Shared *shared;
    StationKeeper keeper;
    _Atomic (const TdCongestionService *) congestion; /* nullable */
    TdSubscription *features;
    GHashTable *stations; /* Condition -> Station */
    TdMetric *preempted[TD_N_CLASSES];
    TdTopic *state_topic, *congestion_topic;
    TdTimer tick;
    TdTrunkService iface;
} Trunk;

/* The groups, good until the turn is over. Thread: a lane. */
static inline const GroupTable *
trunk_groups (const Trunk *trunk)
{
    return (const GroupTable *) td_snapshot_peek (trunk->table);
}

/* --- calls.c, hooks.c: what is known of a call, from its first place to its end ------------ */

Calls *calls_new (Trunk *trunk);
void calls_free (Calls *calls);
bool calls_start (Trunk *trunk, GError **error);
void calls_stop (Trunk *trunk);

/* --- states.c: states of groups and members, congestion ---------------------------------- */

void states_declare (Trunk *trunk);
void states_start (Trunk *trunk);
void states_stop (Trunk *trunk);
void states_free (Trunk *trunk);

/* EVENT for MEMBER (nullable) of GROUP. False when it does not fit its state. Thread: control. */
bool states_hear (Trunk *trunk, Group *group, Member *member, StationEvent event,
                  const StationWord *word);

/* GROUP, or MEMBER of it, is no more. Thread: control. */
void states_forget (Group *group, Member *member, void *trunk);

/* Makes known what the level of GROUP's congestion has become. Returns it. Thread: a lane. */
unsigned states_level (Trunk *trunk, Group *group);

/* --- store.c: states set by hand, and controls, on the disk ------------------------------- */

bool store_open (Trunk *trunk, GError **error);
void store_free (Store *store);

/* Takes over what is stored: once, at the start. What cannot be read is reported and left. Thread:
 * control. */
void store_load (Trunk *trunk);

/* Something has changed. Thread: control. */
void store_save (Trunk *trunk);

/* --- statistics.c: closed intervals, on the disk ------------------------------------------- */

bool statistics_open (Trunk *trunk, GError **error);

/* Takes over what is stored: once, at the start. Thread: control. */
void statistics_load (Trunk *trunk);

/* Stores what has been closed since the last time. Thread: control. */
void statistics_store (Trunk *trunk);

/* The same at the end, when nobody counts on: with the present intervals, at once. */
void statistics_stop (Trunk *trunk);

/* --- machine.c: the congestion of this switch itself --------------------------------------- */

void machine_start (Trunk *trunk);
void machine_stop (Trunk *trunk);

/* MC0 .. MC3; MC0 where nobody watches it. Thread: a lane. */
unsigned machine_level (const Trunk *trunk);

/* --- Commands ----------------------------------------------------------------------------- */

typedef const char *(*OptionGetter) (const char *name, void *data);

bool commands_start (Trunk *trunk, GError **error);
bool control_commands_start (Trunk *trunk, GError **error);
bool statistics_commands_start (Trunk *trunk, GError **error);
bool command_add (Trunk *trunk, const TdCommand *command, GError **error);
bool commands_add (Trunk *trunk, const TdCommand *commands, size_t n_commands, GError **error);

/* A control of KIND as its options say. Errors: which option is wrong, and how to write it. */
Control *control_read (const char *kind, OptionGetter get, void *data, GError **error);

/* CONTROL as its options: calls SET for each (transfer none). */
void control_write (const Control *control,
                    void (*set) (const char *name, const char *value, void *data), void *data);

/* The group a request names, or NULL with an answer given. */
Group *request_group (Trunk *trunk, TdRequest *request, const char *argument);

#endif
