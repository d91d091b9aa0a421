/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What other modules do for this one: the newest of each that is there, in turns that begin after it
 * came. */

#include "probe.h"

#include <tandem/bus.h>

static void
release_registrar (void *module)
{
    td_feature_release (module, TD_FEATURE_REGISTRAR);
}

static void
release_trunks (void *module)
{
    td_feature_release (module, TD_FEATURE_TRUNK);
}

static void
release_arrival (void *module)
{
    td_feature_release (module, TD_FEATURE_ARRIVAL);
}

static void
release_tls (void *module)
{
    td_feature_release (module, TD_FEATURE_TLS);
}

static void
release_congestion (void *module)
{
    td_feature_release (module, TD_FEATURE_CONGESTION);
}

static void
release_priority (void *module)
{
    td_feature_release (module, TD_FEATURE_PRIORITY);
}

static void
release_emergency (void *module)
{
    td_feature_release (module, TD_FEATURE_EMERGENCY);
}

static void
release_interwork (void *module)
{
    td_feature_release (module, TD_FEATURE_INTERWORK);
}

static const struct {
    const char *name;
    void (*release) (void *module);
    void (*tell) (TdLane *lane, void *sip); /* nullable: what a new one has to know, on each lane */
} used[SIP_N_FEATURES] = {
    [SIP_FEATURE_REGISTRAR] = { TD_FEATURE_REGISTRAR, release_registrar, NULL },
    [SIP_FEATURE_TRUNK] = { TD_FEATURE_TRUNK, release_trunks, sip_probes_tell },
    [SIP_FEATURE_ARRIVAL] = { TD_FEATURE_ARRIVAL, release_arrival, NULL },
    [SIP_FEATURE_TLS] = { TD_FEATURE_TLS, release_tls, NULL },
    [SIP_FEATURE_CONGESTION] = { TD_FEATURE_CONGESTION, release_congestion, NULL },
    [SIP_FEATURE_PRIORITY] = { TD_FEATURE_PRIORITY, release_priority, NULL },
    [SIP_FEATURE_EMERGENCY] = { TD_FEATURE_EMERGENCY, release_emergency, NULL },
    [SIP_FEATURE_INTERWORK] = { TD_FEATURE_INTERWORK, release_interwork, NULL },
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
        td_lane_sweep (sip->module, NULL, used[feature].release, used[feature].release,
                       sip->module);
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
            used[i].release (sip->module);
        }
    }
}
