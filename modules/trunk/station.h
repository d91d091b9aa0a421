/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of a trunk group, or of one of its members: in service or not, why, by whom, since when.
 *
 *                       block                   drain
 *        IN SERVICE ------------> BLOCKED ---------------> DRAINING --- empty ---> OUT OF SERVICE
 *          |    ^ <-- unblock -- calls go on              no new calls, the last
 *     down |    | up                                      ones may take a time
 *          v    |
 *        UNREACHABLE    what the probe found; an operator's word outweighs it
 *
 * All of it happens on the control lane. What lanes need of it is one flag, which changed() sets.
 */

#ifndef TRUNK_STATION_H
#define TRUNK_STATION_H

#include "group.h"

#include <tandem/fsm.h>

typedef enum {
    STATION_IN_SERVICE,
    STATION_BLOCKED,
    STATION_DRAINING,
    STATION_OUT_OF_SERVICE,
    STATION_UNREACHABLE,
    N_STATION_STATES,
} StationState;

typedef enum {
    STATION_BLOCK,
    STATION_UNBLOCK,
    STATION_DRAIN,
    STATION_EMPTY,   /* the last call of a draining one has ended */
    STATION_TIMEOUT, /* its time for that is over */
    STATION_UP,      /* it answers again */
    STATION_DOWN,    /* it does not answer */
} StationEvent;

typedef struct Station Station;

/* Who keeps stations, and is told by them. */
typedef struct {
    TdModule *module;
    void *data;
    /* A station has gone from BEFORE to another state. */
    void (*changed) (Station *station, StationState before, void *data);
    /* Its calls are to end now. */
    void (*evict) (Station *station, void *data);
} StationKeeper;

/* Made when a group or member first leaves service. */
struct Station {
    TdFsm fsm;
    const StationKeeper *keeper;
    Group *group;
    Member *member;       /* NULL: the group itself */
    Condition *condition; /* of either */
    uint32_t drain_ms;
};

/* What comes with an event: who says so, and why (nullable). */
typedef struct {
    const char *who, *why;
    uint32_t drain_ms; /* STATION_DRAIN: after that calls are ended; 0: never */
} StationWord;

extern const TdMachine station_machine;

/* The station of MEMBER, or of GROUP (MEMBER is NULL), in the state its condition says. */
Station *station_new (const StationKeeper *keeper, Group *group, Member *member);
void station_free (Station *station);

/* False when the event does not fit the state. */
bool station_hear (Station *station, StationEvent event, const StationWord *word);

const char *station_state_name (unsigned state);
bool station_state_parse (const char *text, unsigned *ret_state);

/* Sets the condition itself, as it was found in a file. */
void condition_set (Condition *condition, unsigned state, const char *who, const char *why,
                    int64_t since_us);

#endif
