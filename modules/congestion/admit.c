/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whom the level lets in: the only part that costs every call something. */

#include "congestion.h"

#include <tandem/call.h>
#include <tandem/priority.h>

const Settings *
congestion_settings (const Congestion *congestion)
{
    return (const Settings *) td_snapshot_peek (congestion->settings);
}

static TdHookAnswer
refuse (Congestion *congestion, TdCall *call, const Settings *settings, unsigned level)
{
    td_metric_add (congestion->metrics.refused[level], 1);
    if (settings->retry_after_s[level] > 0 && td_call_incoming (call) != NULL) {
        td_attributes_set_number (td_channel_attributes (td_call_incoming (call)),
                                  congestion->retry_after, settings->retry_after_s[level]);
    }
    return (TdHookAnswer){ .verdict = TD_HOOK_REFUSE,
                           .cause = TD_CAUSE_CONGESTION,
                           .reason = "The switch is congested" };
}

unsigned
congestion_spared (const Settings *settings, unsigned level, unsigned priority_class)
{
    unsigned class = priority_class % TD_N_CLASSES;

    return class >= settings->passing_class || class >= TD_CLASS_EMERGENCY
               ? 0
               : 100 - settings->shares[level % N_LEVELS][class];
}

/* ITU-T Q.543 3.4, 3.6: calls in progress go on, and of new ones those that matter most go first. An
 * emergency call is never refused here, whatever is configured. */
TdHookAnswer
congestion_admit (void *subject, TdToken *token, void *data)
{
    Congestion *congestion = data;
    unsigned level =
        atomic_load_explicit (&congestion->level_in_force, memory_order_relaxed) % N_LEVELS;

    if (G_LIKELY (level == 0)) {
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    const Settings *settings = congestion_settings (congestion);
    unsigned class = td_call_priority (subject)->priority_class % TD_N_CLASSES;
    if (class >= settings->passing_class || class >= TD_CLASS_EMERGENCY) {
        if (settings->shares[level][TD_CLASS_ORDINARY] < 100) {
            td_call_add_exemption (subject, "congestion");
        }
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    if (thinning_admits (&congestion->thinning[class], settings->shares[level][class])) {
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    return refuse (congestion, subject, settings, level);
}
