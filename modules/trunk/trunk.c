/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trunk: trunk groups: who may use them, in which order their members are tried, how they do.
 *
 *     [trunk carrier-a]            [member a-1]
 *     hunt     = percent           trunk   = carrier-a
 *     capacity = 480 calls         address = sip:198.51.100.7
 *     rate     = 30 calls/s        share   = 70 %
 */

#include "command.h"
#include "shared.h"
#include "tally.h"

#include <string.h>
#include <tandem/iface/lease.h>

/* --- The contract of iface/trunk.h ------------------------------------------------------- */

typedef struct {
    TdPost post;
    Trunk *trunk;
    char *group, *member, *why;
    bool is_up;
} Finding;

static void
drop_finding (TdPost *post)
{
    Finding *finding = (Finding *) post;

    g_free (finding->group);
    g_free (finding->member);
    g_free (finding->why);
    g_free (finding);
}

/* A trunk that is its own member is meant as a whole. */
static void
run_finding (TdPost *post)
{
    Finding *finding = (Finding *) post;
    Trunk *trunk = finding->trunk;
    Group *group = g_hash_table_lookup (trunk->book->groups, finding->group);
    Member *member = group != NULL ? group_find_member (group, finding->member) : NULL;
    StationWord word = { .who = "probe", .why = finding->why };

    if (member != NULL && !td_module_is_stopping (trunk->module)) {
        states_hear (trunk, group, group->members->len > 1 ? member : NULL,
                     finding->is_up ? STATION_UP : STATION_DOWN, &word);
    }
    drop_finding (post);
}

static void
tell_member (const char *group, const char *member, bool is_up, const char *why, void *data)
{
    Finding *finding = g_new0 (Finding, 1);
    Trunk *trunk = data;

    finding->post = (TdPost){ .owner = trunk->module, .run = run_finding, .drop = drop_finding };
    finding->trunk = trunk;
    finding->group = g_strdup (group);
    finding->member = g_strdup (member);
    finding->why = g_strdup (why);
    finding->is_up = is_up;
    td_lane_post (td_lane_control (), &finding->post);
}

static void
tell_level (const char *name, unsigned level, uint32_t duration_ms, void *data)
{
    Group *group = group_table_find (trunk_groups (data), name);

    if (group != NULL) {
        group_tell_level (group, level, (int64_t) duration_ms * 1000, td_clock_now_us ());
        states_level (data, group);
    }
}

static void
tell_glare (const char *name, void *data)
{
    Group *group = group_table_find (trunk_groups (data), name);

    if (group != NULL) {
        group_count (group, COUNT_GLARE, td_clock_now_us (), td_clock_wall_us ());
    }
}

static bool
quality (const char *name, TdTrunkQuality *ret, void *data)
{
    Group *group = group_table_find (trunk_groups (data), name);
    TdTrunkQuality found = { .size = ret->size };

    if (group == NULL) {
        return false;
    }
    found.level = states_level (data, group);
    group_quality (group, &found, td_clock_now_us (), td_clock_wall_us ());
    memcpy (ret, &found, MIN (ret->size, sizeof found));
    return true;
}

static bool
is_hard_to_reach (const char *number, void *data)
{
    const Trunk *trunk = data;

    pthread_mutex_lock (&trunk->book->lock);
    bool is_hard = reach_is_hard (trunk->book->reach, number, td_clock_now_us ());
    pthread_mutex_unlock (&trunk->book->lock);
    return is_hard;
}

/* --- Beginning --------------------------------------------------------------------------- */

/* The book of the build that is running, if it keeps it as this one does; else a new one. */
static Book *
find_book (TdModule *module, bool *ret_is_shared)
{
    const TdTrunkService *before = td_feature_acquire (module, TD_FEATURE_TRUNK);
    Book *book = NULL;

    if (before != NULL && before->size >= sizeof (TdTrunkService)
        && before->layout == BOOK_LAYOUT) {
        book = book_ref (before->shared);
    }
    if (before != NULL) {
        td_feature_release (module, TD_FEATURE_TRUNK);
    }
    *ret_is_shared = book != NULL;
    return book != NULL ? book : book_new ();
}

static const struct {
    const char *name, *help, *way;
    TdMetricKind kind;
    bool is_priority;
} metrics[N_METRICS] = {
    [METRIC_CALLS_IN] = { "tandem_trunk_calls", "Calls that are up", "in", TD_METRIC_GAUGE },
    [METRIC_CALLS_OUT] = { "tandem_trunk_calls", "Calls that are up", "out", TD_METRIC_GAUGE },
    [METRIC_ATTEMPTS_IN] = { "tandem_trunk_attempts_total", "Calls offered to the group", "in",
                             TD_METRIC_COUNTER },
    [METRIC_ATTEMPTS_OUT] = { "tandem_trunk_attempts_total", "Calls offered to the group", "out",
                              TD_METRIC_COUNTER },
    [METRIC_SEIZURES_OUT] = { "tandem_trunk_seizures_total", "Legs placed by the group", "out",
                              TD_METRIC_COUNTER },
    [METRIC_ANSWERS_OUT] = { "tandem_trunk_answers_total", "Legs that were answered", "out",
                             TD_METRIC_COUNTER },
    [METRIC_REFUSED] = { "tandem_trunk_refused_total",
                         "Calls for which the group had no place, or was not in service", "any",
                         TD_METRIC_COUNTER },
    [METRIC_WAITING] = { "tandem_trunk_queued", "Calls that wait for a place", "any",
                         TD_METRIC_GAUGE, true },
    [METRIC_SERVED] = { "tandem_trunk_queue_served_total", "Calls that waited and got a place",
                        "any", TD_METRIC_COUNTER, true },
    [METRIC_TIMEOUT] = { "tandem_trunk_queue_timeouts_total",
                         "Calls that waited in vain: too long, or a higher class took their turn",
                         "any", TD_METRIC_COUNTER, true },
    [METRIC_OVERFLOW] = { "tandem_trunk_queue_overflow_total", "Calls that found the queue full",
                          "any", TD_METRIC_COUNTER, true },
    [METRIC_ABANDONED] = { "tandem_trunk_queue_abandoned_total",
                           "Calls whose caller hung up while they waited", "any", TD_METRIC_COUNTER,
                           true },
    [METRIC_EXEMPT] = { "tandem_trunk_exempted_total",
                        "Calls that their priority spared a control or a limit", "any",
                        TD_METRIC_COUNTER, true },
    [METRIC_PREEMPTED] = { "tandem_trunk_preempted_total",
                           "Calls released for one of higher precedence", "any", TD_METRIC_COUNTER,
                           true },
    [METRIC_OVER_LIMIT] = { "tandem_trunk_priority_excess_total",
                            "Calls with a priority above the limit on them: ordinary ones here",
                            "any", TD_METRIC_COUNTER, true },
};

/* When METRIC is one. */
static TdMetricAlarm
alarm_of (GroupMetric metric, const GroupSettings *settings)
{
    switch (metric) {
    case METRIC_WAITING:
        return (TdMetricAlarm){ .name = "trunk-queue",
                                .help = "Many calls wait for a place in the trunk group: "
                                        "\"trunk show\" says for how long.",
                                .raise_at = settings->alarm_waiting,
                                .clear_below = (settings->alarm_waiting + 1) / 2 };
    case METRIC_OVER_LIMIT:
        return (TdMetricAlarm){ .name = "trunk-priority-excess",
                                .help = "More calls with a priority than priority-calls and "
                                        "priority-rate of the trunk allow: the others are "
                                        "ordinary ones.",
                                .raise_at = settings->alarm_over_limit,
                                .clear_below = (settings->alarm_over_limit + 1) / 2,
                                .window_ms = settings->alarm_window_ms };
    default:
        return (TdMetricAlarm){ .raise_at = 0 };
    }
}

/* Also anew: the thresholds may be others. */
static void
bind_metrics (TdModule *module, Group *group)
{
    g_autofree char *name = label_value (group->name);

    for (GroupMetric i = 0; i < N_METRICS; i++) {
        g_autofree char *labels = g_strdup_printf ("trunk=\"%s\",way=\"%s\"", name, metrics[i].way);
        TdMetric *metric =
            td_metric_declare (module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                        .kind = metrics[i].kind,
                                                        .name = metrics[i].name,
                                                        .help = metrics[i].help,
                                                        .labels = labels,
                                                        .is_priority = metrics[i].is_priority,
                                                        .alarm = alarm_of (i, &group->settings) });
        pthread_mutex_lock (&group->lock);
        group->metrics[i] = metric;
        pthread_mutex_unlock (&group->lock);
    }
}

/* Makes the groups what PLAN says. */
static void
apply (Trunk *trunk, const Plan *plan, bool is_new)
{
    GroupTable *table =
        book_apply (trunk->book, plan, trunk->module, is_new, is_new ? NULL : states_forget, trunk);
    GHashTableIter iter;
    void *group;

    g_hash_table_iter_init (&iter, table->groups);
    while (g_hash_table_iter_next (&iter, NULL, &group)) {
        bind_metrics (trunk->module, group);
    }
    td_snapshot_swap (trunk->table, &table->table);
    shared_apply (trunk->shared, plan);
}

static bool
provide (Trunk *trunk, GError **error)
{
    trunk->iface = (TdTrunkService){
        .size = sizeof (TdTrunkService),
        .data = trunk,
        .member = tell_member,
        .level = tell_level,
        .glare = tell_glare,
        .quality = quality,
        .is_hard_to_reach = is_hard_to_reach,
        .layout = BOOK_LAYOUT,
        .shared = trunk->book,
    };
    return td_feature_provide (trunk->module, TD_FEATURE_TRUNK, &trunk->iface, error);
}

static bool
load (TdModule *module, GError **error)
{
    td_machine_register (module, &station_machine);
    td_machine_register (module, &lease_machine);
    return true;
}

/* What may fail comes first: from the moment the groups are this build's, they are no other's. */
static bool
start (TdModule *module, GError **error)
{
    Plan *plan = plan_new (td_module_config (module), error);
    Trunk *trunk = g_new0 (Trunk, 1);
    bool is_shared;

    trunk->module = module;
    trunk->prepared = plan;
    trunk->book = find_book (module, &is_shared);
    trunk->calls = calls_new (trunk);
    trunk->shared = shared_new (trunk);
    td_module_set_state (module, trunk);
    if (plan == NULL || !store_open (trunk, error) || !statistics_open (trunk, error)) {
        return false;
    }
    trunk->table = td_snapshot_new (module, "trunk groups", &book_table (trunk->book)->table);
    states_declare (trunk);
    if (!commands_start (trunk, error) || !control_commands_start (trunk, error)
        || !statistics_commands_start (trunk, error) || !shared_commands_start (trunk, error)
        || !provide (trunk, error) || !calls_start (trunk, error)) {
        return false;
    }
    atomic_store (&trunk->book->newest, td_module_generation (module));
    apply (trunk, plan, true);
    g_clear_pointer (&trunk->prepared, plan_free);
    if (!is_shared) {
        store_load (trunk);
        statistics_load (trunk);
    }
    states_start (trunk);
    machine_start (trunk);
    return true;
}

/* --- Reload, end ------------------------------------------------------------------------- */

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    Trunk *trunk = td_module_state (module);

    switch (phase) {
    case TD_RELOAD_PREPARE:
        trunk->prepared = plan_new (next, error);
        return trunk->prepared != NULL;
    case TD_RELOAD_COMMIT:
        apply (trunk, trunk->prepared, false);
        break;
    case TD_RELOAD_ABANDON:
        break;
    }
    g_clear_pointer (&trunk->prepared, plan_free);
    return true;
}

static bool
check (const TdConfig *config, GError **error)
{
    Plan *plan = plan_new (config, error);
    bool is_good = plan != NULL;

    plan_free (plan);
    return is_good;
}

static void
stop (TdModule *module)
{
    Trunk *trunk = td_module_state (module);

    calls_stop (trunk);
    states_stop (trunk);
    statistics_stop (trunk);
    machine_stop (trunk);
}

static void
unload (TdModule *module)
{
    Trunk *trunk = td_module_state (module);

    if (trunk == NULL) {
        return;
    }
    calls_free (trunk->calls);
    states_free (trunk);
    shared_free (trunk->shared);
    store_free (trunk->store);
    archive_free (trunk->archive);
    plan_free (trunk->prepared);
    book_unref (trunk->book);
    g_free (trunk);
    td_module_set_state (module, NULL);
}

static void
describe (TdModule *module, GVariantDict *info)
{
    const Trunk *trunk = td_module_state (module);

    if (trunk != NULL) {
        g_variant_dict_insert (info, "trunks", "u", g_hash_table_size (trunk->book->groups));
        g_variant_dict_insert (info, "controls", "u", atomic_load (&trunk->book->n_controls));
    }
}

TD_MODULE (trunk, .summary = "Trunk groups: members, capacity, states, controls, statistics",
           .version = "1.0", .license = "LGPL-2.1-or-later", .provides = TD_LIST (TD_FEATURE_TRUNK),
           .wants = TD_LIST (TD_FEATURE_CONGESTION, TD_FEATURE_LEASE_STORE),
           .config = trunk_sections, .n_config = TRUNK_N_SECTIONS, .upgrade = TD_UPGRADE_BESIDE,
           .load = load, .start = start, .reload = reload, .stop = stop, .unload = unload,
           .describe = describe, .check = check)
