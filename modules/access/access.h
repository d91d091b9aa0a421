/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the module share. */

#ifndef ACCESS_ACCESS_H
#define ACCESS_ACCESS_H

#include "secret.h"
#include "settings.h"

#include <stdatomic.h>
#include <tandem/attribute.h>
#include <tandem/bus.h>
#include <tandem/call.h>
#include <tandem/fsm.h>
#include <tandem/iface/pin.h>
#include <tandem/iface/priority.h>
#include <tandem/iface/trunk-counter.h>
#include <tandem/metric.h>
#include <tandem/resource.h>

/* The name of the driver, and of the scheme of its targets. */
#define ACCESS_DRIVER "access"

/* What became of a personal number. */
typedef enum {
    RESULT_GOOD,
    RESULT_WRONG,
    RESULT_EXPIRED,
    RESULT_UNAVAILABLE,
    RESULT_LOCKED,
    N_RESULTS,
} Result;

typedef struct {
    TdModule *module;
    TdSnapshot *settings;
    Settings *prepared; /* by a reload that is not committed yet */
    Secrets *secrets;
    Locks *locks;
    Paces *paces;
    TdTrunkCounter failures; /* of whole numbers, by trunk */
    TdTopic *locked;
    TdLimit *limit;
    /* Of calls: who pays, whether they have been here, the code of the carrier that was dialled. */
    const TdAttribute *account, *handed_on, *carrier;
    /* ... whom they may call, and whom their caller has typed. */
    const TdAttribute *destinations, *destination;
    const TdAttribute *source;                   /* who has placed them */
    atomic_uint n_checks;                        /* under way in workers */
    const TdPinService *_Atomic pins;            /* of another module; NULL: the table here */
    const TdPriorityService *_Atomic priorities; /* NULL: marks mean nothing */
    TdSubscription *features;
    TdMetric *results[N_RESULTS], *up, *connected, *n_locks;
} Access;

/* The settings in force, good until the turn is over. Thread: a lane. */
static inline Settings *
access_settings (const Access *access)
{
    return (Settings *) td_snapshot_peek (access->settings);
}

/* --- declare.c: metrics and attributes --- */
void access_declare (Access *access);

/* --- leg.c: the application --- */
typedef enum {
    STATE_NUMBER,
    STATE_WAITING,
    STATE_CHECKING,
    STATE_DESTINATION,
    STATE_ENDING,
    STATE_DONE
} State;

typedef enum {
    EVENT_DIGIT,
    EVENT_QUIET,   /* no digit came for a while */
    EVENT_LATE,    /* the caller takes too long */
    EVENT_TURN,    /* the number is to be looked up */
    EVENT_CHECKED, /* whose number it is, or nobody's */
    EVENT_PLAYED,
    N_EVENTS,
} Event;

extern const TdMachine access_machine;
bool access_legs_start (Access *access, GError **error);

/* --- route.c: who gets to it, and what a code before a number means --- */
bool access_route_start (Access *access, GError **error);

/* CALL is worth MARK ("ets.0") from now on, learnt so. False: nobody knows such a mark. */
bool access_raise (const Access *access, TdCall *call, const char *mark, TdPriorityLearnt learnt);

/* --- check.c: whose a personal number is --- */
typedef struct Check Check;

/* What is known at the end. Texts live as long as the function that gets it runs. */
typedef struct {
    Result result;
    const char *account, *mark;
    const char *const *destinations;
} Finding;

/* Asks whose DIGITS (transfer full, a secret) are; DONE gets the answer, maybe before this returns, then NULL
 * is returned, and what is returned is gone when DONE runs. DATA's owner may not end before. Thread: a lane. */
Check *check_start (Access *access, Settings *settings, char *digits, const TdPinQuestion *about,
                    void (*done) (const Finding *finding, void *data), void *data);

/* DONE does not come any more. Thread: the same lane. */
void check_cancel (Check *check);

/* --- guard.c: who is locked out, and what trunks are to blame for --- */

/* What the caller of CALL, and an account, are known by to a lock (transfer full). */
char *guard_caller_key (const Access *access, TdCall *call);
char *guard_account_key (const char *account);

/* Whether nobody of KEY gets in now. */
bool guard_is_locked (const Access *access, const char *key);

/* KEY has failed; true: it is locked now. */
bool guard_fail (Access *access, const Settings *settings, const char *key);
bool guard_start (Access *access, GError **error);
void guard_free (Access *access);

/* CONFIG and what SETTINGS make of it hold from now on. Thread: control. */
void guard_configure (Access *access, const TdConfig *config, const Settings *settings);

#endif
