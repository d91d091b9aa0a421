/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a configuration says of calls that wait for a place, and of calls with a priority. */

#include "book.h"

#include <stdlib.h>

static uint16_t
status_of (const TdConfig *config, const char *name, const char *key)
{
    int status = atoi (td_config_text (config, "trunk", name, key));

    return status == 503 ? 0 : (uint16_t) status;
}

static uint32_t
limit_of (const TdConfig *config, const char *name, const char *key)
{
    int64_t value = td_config_number (config, "trunk", name, key);

    return value < 0 ? 0 : (uint32_t) value;
}

/* Rounded up. */
static uint32_t
percent_of (uint32_t calls, uint32_t percent)
{
    return (calls * percent + 99) / 100;
}

static bool
read_priority (const TdConfig *config, const char *name, GroupSettings *settings, GError **error)
{
    int64_t burst = td_config_number (config, "trunk", name, "priority-burst");
    uint32_t rate = limit_of (config, name, "priority-rate");

    settings->priority_calls = limit_of (config, name, "priority-calls");
    if (td_config_number (config, "trunk", name, "priority-calls") == 0) {
        return plan_refuse (config, "trunk", name, "priority-calls", error,
                            "at least one; without a module that marks calls there is none anyhow");
    }
    if (td_config_number (config, "trunk", name, "priority-rate") == 0) {
        return plan_refuse (config, "trunk", name, "priority-rate", error,
                            "at least one call a second");
    }
    if (burst >= 0 && rate == 0) {
        return plan_refuse (config, "trunk", name, "priority-burst", error,
                            "there is no rate it could exceed: give priority-rate");
    }
    settings->priority_rate_millis = rate * 1000;
    settings->priority_burst = burst >= 0 ? (uint32_t) burst : MAX (rate, 1);
    settings->alarm_waiting = percent_of (
        settings->queue_length, (uint32_t) td_config_number (config, "trunk", name, "queue-alarm"));
    settings->alarm_over_limit =
        (uint32_t) td_config_number (config, "trunk", name, "priority-alarm");
    settings->alarm_window_ms =
        (uint32_t) td_config_number (config, "trunk", name, "priority-alarm-window");
    return true;
}

static bool
check_alternates (const TdConfig *config, const char *name, GError **error)
{
    const char *const *alternates = td_config_list (config, "trunk", name, "alternates");

    for (; alternates != NULL && *alternates != NULL; alternates++) {
        if (!g_strv_contains (td_config_instances (config, "trunk"), *alternates)) {
            g_autofree char *why = g_strdup_printf ("there is no trunk \"%s\"", *alternates);
            return plan_refuse (config, "trunk", name, "alternates", error, why);
        }
        if (g_str_equal (*alternates, name)) {
            return plan_refuse (config, "trunk", name, "alternates", error,
                                "it is no alternate of itself");
        }
    }
    return true;
}

bool
plan_read_queue (const TdConfig *config, const char *name, GroupSettings *settings, GError **error)
{
    bool is_in = td_config_number (config, "trunk", name, "queue-for") == 1;

    settings->queue_length = (uint32_t) td_config_number (config, "trunk", name, "queue");
    settings->is_mlpp = td_config_bool (config, "trunk", name, "mlpp");
    settings->is_line = td_config_bool (config, "trunk", name, "line");
    settings->queue_way = is_in ? WAY_IN : WAY_OUT;
    settings->queue_wait_ms = (uint32_t) td_config_number (config, "trunk", name, "queue-wait");
    settings->is_public_use = td_config_bool (config, "trunk", name, "public-use");
    settings->priority_percent =
        (uint32_t) td_config_number (config, "trunk", name, "public-use-share");
    settings->full_status = status_of (config, name, "no-place-status");
    settings->wait_status = status_of (config, name, "queue-wait-status");
    settings->overflow_status = status_of (config, name, "queue-full-status");
    settings->alternate_tries =
        (uint32_t) td_config_number (config, "trunk", name, "alternate-tries");
    settings->alternate_ms = (uint32_t) td_config_number (config, "trunk", name, "alternate-time");
    if (!check_alternates (config, name, error)) {
        return false;
    }
    if (settings->is_public_use && settings->queue_length == 0) {
        return plan_refuse (
            config, "trunk", name, "public-use", error,
            "there is no queue to wait in: say how long it is with queue = N calls");
    }
    if (settings->is_line && settings->queue_length > 0) {
        return plan_refuse (config, "trunk", name, "line", error,
                            "a user who is busy has no queue: leave queue out, or write line = no");
    }
    return read_priority (config, name, settings, error);
}

bool
plan_check_queues (const TdConfig *config, const Plan *plan, GError **error)
{
    const PlanEntry *first = NULL;

    for (unsigned i = 0; i < plan->entries->len; i++) {
        const PlanEntry *entry = plan->entries->pdata[i];
        if (entry->settings.queue_length == 0) {
            continue;
        }
        if (first != NULL && first->settings.queue_way != entry->settings.queue_way) {
            g_autofree char *why = g_strdup_printf (
                "trunk %s has a queue for the other kind of calls, and a call could wait twice",
                first->name);
            return plan_refuse (config, "trunk", entry->name, "queue-for", error, why);
        }
        first = first != NULL ? first : entry;
    }
    return true;
}
