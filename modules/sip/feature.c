/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What other modules do for this one: the newest of each that is there, in turns that begin after it
 * came. */

#include "probe.h"

#include <tandem/bus.h>

static const struct {
    const char *name;
    void (*tell) (TdLane *lane, void *sip); /* nullable: what a new one has to know, on each lane */
} used[SIP_N_FEATURES] = {
    [SIP_FEATURE_REGISTRAR] = { TD_FEATURE_REGISTRAR, NULL },
    [SIP_FEATURE_TRUNK] = { TD_FEATURE_TRUNK, sip_probes_tell },
    [SIP_FEATURE_ARRIVAL] = { TD_FEATURE_ARRIVAL, NULL },
    [SIP_FEATURE_TLS] = { TD_FEATURE_TLS, NULL },
    [SIP_FEATURE_CONGESTION] = { TD_FEATURE_CONGESTION, NULL },
    [SIP_FEATURE_PRIORITY] = { TD_FEATURE_PRIORITY, NULL },
    [SIP_FEATURE_EMERGENCY] = { TD_FEATURE_EMERGENCY, NULL },
    [SIP_FEATURE_INTERWORK] = { TD_FEATURE_INTERWORK, NULL },
};

static void
told (void *data)
{
}

/* A provider has come, or is about to go: the newest one is used from the next turn on, and the one
 * before is given back when no lane can be in it any more. */
static void
take_newest (Sip *sip, unsigned feature)
{
    const void *next = td_feature_acquire (sip->module, used[feature].name);
    const void *before = atomic_exchange (&sip->features[feature], next);

    if (next != NULL && used[feature].tell != NULL) {
        td_lane_sweep (sip->module, used[feature].tell, told, NULL, sip);
    }
    if (before != NULL) {
        td_feature_release_swept (sip->module, used[feature].name);
    }
}

static void
hear_feature (const TdFact *fact, void *data)
{
    const char *name = td_fact_text (fact, "feature");

    for (unsigned i = 0; i < SIP_N_FEATURES; i++) {
        if (g_strcmp0 (name, used[i].name) == 0) {
            take_newest (data, i);
        }
    }
}

void
sip_features_open (Sip *sip)
{
    for (unsigned i = 0; i < SIP_N_FEATURES; i++) {
        atomic_init (&sip->features[i], td_feature_acquire (sip->module, used[i].name));
    }
    sip->feature_changes =
        td_bus_subscribe (sip->module, TD_LIST ("feature.changed"), hear_feature, sip);
}

void
sip_features_hold (Sip *sip)
{
    g_clear_pointer (&sip->feature_changes, td_bus_unsubscribe);
}

void
sip_features_close (Sip *sip)
{
    for (unsigned i = 0; i < SIP_N_FEATURES; i++) {
        if (atomic_exchange (&sip->features[i], NULL) != NULL) {
            td_feature_release (sip->module, used[i].name);
        }
    }
}
