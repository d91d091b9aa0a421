/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The level of this switch's own congestion, as whoever provides it says. */

#include "trunk.h"

/* SERVICE (nullable) from now on. No lane reads the one before after the sweep. */
static void
use (Trunk *trunk, const TdCongestionService *service)
{
    if (atomic_exchange (&trunk->congestion, service) != NULL) {
        td_feature_release_swept (trunk->module, TD_FEATURE_CONGESTION);
    }
}

/* Another build of the provider, or none any more. */
static void
hear_feature (const TdFact *fact, void *data)
{
    Trunk *trunk = data;

    if (g_strcmp0 (td_fact_text (fact, "feature"), TD_FEATURE_CONGESTION) == 0) {
        use (trunk, td_feature_acquire (trunk->module, TD_FEATURE_CONGESTION));
    }
}

void
machine_start (Trunk *trunk)
{
    use (trunk, td_feature_acquire (trunk->module, TD_FEATURE_CONGESTION));
    trunk->features =
        td_bus_subscribe (trunk->module, TD_LIST ("feature.changed"), hear_feature, trunk);
}

void
machine_stop (Trunk *trunk)
{
    g_clear_pointer (&trunk->features, td_bus_unsubscribe);
    use (trunk, NULL);
}

unsigned
machine_level (const Trunk *trunk)
{
    const TdCongestionService *service = atomic_load (&trunk->congestion);

    return service != NULL ? service->level (service->data) : 0;
}
