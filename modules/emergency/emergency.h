/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module emergency from the inside.
 *
 *     emergency.c  its life, and the feature "service.emergency"
 *     settings.c   the sections of the configuration taken apart, and looked up in
 *     sections.c   those sections
 *     urn.c        service URNs
 *     hooks.c      what is asked about calls: class, way, failure
 *     ask.c        a call waits while a LoST server is asked, and maybe a second one
 *     plan.c       which PSAPs a call goes to, one after the other
 *     location.c   where callers are        lost.c, xml.c  what goes to LoST servers and comes back
 *     mapping.c    what they have said      keys.c         numbers that stand for a call
 *     tell.c       facts, metrics, the log
 */

#ifndef EMERGENCY_EMERGENCY_H
#define EMERGENCY_EMERGENCY_H

#include "keys.h"
#include "mapping.h"
#include "settings.h"

#include <stdatomic.h>
#include <tandem/bus.h>
#include <tandem/call.h>
#include <tandem/iface/http.h>
#include <tandem/metric.h>
#include <tandem/module.h>

/* How a call's PSAPs were found. */
typedef enum {
    FOUND_PROVISIONED, /* by the caller's location */
    FOUND_REGION,
    FOUND_FALLBACK,
    FOUND_LOST,
    FOUND_CACHE,
    FOUND_STALE, /* no LoST server has answered: what one said once */
    N_FOUND,
} Found;

/* What came of a question to a LoST server. */
typedef enum {
    OUTCOME_MAPPING,
    OUTCOME_NONE, /* it has none */
    OUTCOME_WRONG,
    OUTCOME_LOST,
    N_OUTCOMES,
} Outcome;

typedef struct {
    TdModule *module;
    TdSnapshot *settings; /* Settings */
    Settings *prepared;
    TdEmergencyService service;
    _Atomic (const TdHttpService *) http; /* NULL: there is none */
    TdSubscription *features;
    Mappings *mappings;
    Keys *keys;
    atomic_uint n_strangers; /* emergency calls that are up, of those who come by no trunk */
    atomic_int_least64_t down_until_us[SETTINGS_MAX_SERVERS]; /* of LoST servers, monotonic */
    const TdAttribute *asked_for; /* the service: of emergency calls alone */
    const TdAttribute *failed;
    const TdAttribute *no_hold, *no_transfer;
    const TdAttribute *callback; /* the call is a PSAP's, who is known */
    const TdAttribute *shown;
    TdTopic *routed, *unanswered;
    TdMetric *calls[2]; /* by URN, by number */
    TdMetric *found[N_FOUND], *outcomes[N_OUTCOMES], *tests, *callbacks, *strangers, *failures,
        *delay;
} Emergency;

/* Thread: a lane, until its turn is over. */
Settings *emergency_settings (const Emergency *emergency);

/* --- hooks.c ----------------------------------------------------------------------------- */

bool hooks_add (Emergency *emergency, GError **error);

/* TdEmergencyService.classify; DATA is the Emergency. */
void hooks_classify (TdChannel *channel, const TdEmergencyWay *way, void *data);

/* The whole answer of the route hook for CALL, with the URIs (nullable) that were FOUND. */
TdHookAnswer hooks_conclude (Emergency *emergency, const Settings *settings, TdCall *call,
                             const TdEmergencyAnswer *asked, char *const *uris, Found found);

/* --- ask.c ------------------------------------------------------------------------------- */

/* As hooks_conclude (), maybe later and with what LoST servers say; never later than the budget. */
TdHookAnswer ask_route (Emergency *emergency, TdCall *call, const TdEmergencyAnswer *asked,
                        TdToken *token);
void ask_cancel (TdToken *token, void *state, void *data);

/* --- tell.c ------------------------------------------------------------------------------ */

bool tell_declare (Emergency *emergency, GError **error);

/* N calls of strangers are up, the last of which has just begun; MAX 0: any number may be. */
void tell_strangers (Emergency *emergency, unsigned n, unsigned max);
void tell_routed (Emergency *emergency, TdCall *call, const TdEmergencyAnswer *asked,
                  const char *region, const char *place, const char *psap, Found found);

/* Nobody has answered. */
void tell_failed (Emergency *emergency, TdCall *call, const TdCause *cause);

#endif
