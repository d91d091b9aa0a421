/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters that tell no number and no name: how often, by trunk and class. */

#include "count.h"

#include "rate.h"

#include <string.h>
#include <tandem/call.h>
#include <tandem/lane.h>
#include <tandem/log.h>

typedef enum {
    CALL_OFFERED,
    CALL_ADMITTED,
    CALL_COMPLETED,
    CALL_BAD_SIGNATURE,
    N_CALL_COUNTS,
} CallCount;

static const char *const call_counts[N_CALL_COUNTS] = { "offered", "admitted", "completed",
                                                        "bad_signature" };

static const char *const judgements[N_JUDGED] = {
    [JUDGED_UNMARKED] = "unmarked",   [JUDGED_ACCEPTED] = "accepted",
    [JUDGED_PENDING] = "pending",     [JUDGED_PASSED] = "passed",
    [JUDGED_STRIPPED] = "stripped",   [JUDGED_DOWNGRADED] = "downgraded",
    [JUDGED_UNKNOWN] = "unknown",     [JUDGED_FAULTY] = "faulty",
    [JUDGED_FORBIDDEN] = "forbidden", [JUDGED_REFUSED] = "refused",
    [JUDGED_EXCESS] = "excess",
};

/* Of one trunk. */
struct TrunkCounts {
    TdMetric *classes[TD_CLASS_MAX + 1][N_CALL_COUNTS];
    Rate rate; /* over all reloads */
};

static const char *const ways[N_REFUSED] = { [REFUSED_HERE] = "in", [REFUSED_THERE] = "out" };

struct Counts {
    TdModule *module;
    TdMetric *judged[N_JUDGED];
    GHashTable *by_trunk; /* name -> TrunkCounts; only grows */
};

static TdMetric *
declare (Counts *counts, const char *name, const char *help, const char *labels)
{
    return td_metric_declare (counts->module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                               .kind = TD_METRIC_COUNTER,
                                                               .name = name,
                                                               .help = help,
                                                               .labels = labels,
                                                               .is_priority = true });
}

Counts *
counts_new (TdModule *module)
{
    Counts *counts = g_new0 (Counts, 1);

    counts->module = module;
    counts->by_trunk = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    for (unsigned i = 0; i < N_JUDGED; i++) {
        g_autofree char *labels = g_strdup_printf ("result=\"%s\"", judgements[i]);
        counts->judged[i] = declare (counts, "tandem_priority_judged_total",
                                     "Requests whose marks of priority were judged.", labels);
    }
    return counts;
}

void
counts_free (Counts *counts)
{
    if (counts != NULL) {
        g_hash_table_unref (counts->by_trunk);
        g_free (counts);
    }
}

static TrunkCounts *
trunk_counts (Counts *counts, const char *trunk)
{
    TrunkCounts *one = g_hash_table_lookup (counts->by_trunk, trunk);

    if (one != NULL) {
        return one;
    }
    one = g_new0 (TrunkCounts, 1);
    for (unsigned class = TD_CLASS_ORDINARY + 1; class <= TD_CLASS_MAX; class ++) {
        for (unsigned i = 0; i < N_CALL_COUNTS; i++) {
            g_autofree char *labels = g_strdup_printf ("trunk=\"%s\",class=\"%u\",calls=\"%s\"",
                                                       trunk, class, call_counts[i]);
            one->classes[class][i] =
                declare (counts, "tandem_priority_calls_total",
                         "Calls of a priority class, by the trunk they came by.", labels);
        }
    }
    g_hash_table_insert (counts->by_trunk, g_strdup (trunk), one);
    return one;
}

/* Also anew: the threshold may be another one. */
static TdMetric *
declare_refused (Counts *counts, const Settings *settings, const char *trunk, Refused way)
{
    g_autofree char *labels = g_strdup_printf ("trunk=\"%s\",way=\"%s\"", trunk, ways[way]);

    return td_metric_declare (
        counts->module,
        &(TdMetricDecl){
            .size = sizeof (TdMetricDecl),
            .kind = TD_METRIC_COUNTER,
            .name = "tandem_priority_refused_total",
            .help = "Requests refused for their marks with 403 or 417: in, the trunk's, here; out, "
                    "ours, there.",
            .labels = labels,
            .is_priority = true,
            .alarm = { .name = "priority-refused",
                       .help = "Many requests are refused for their marks of priority: the trunk "
                               "uses what it may not, or the other end does not know ours.",
                       .raise_at = settings->alarm_refused,
                       .clear_below = (settings->alarm_refused + 1) / 2,
                       .window_ms = settings->alarm_window_ms } });
}

static TdMetric *
declare_excess (Counts *counts, const Settings *settings, const char *trunk)
{
    g_autofree char *labels = g_strdup_printf ("trunk=\"%s\"", trunk);

    return td_metric_declare (
        counts->module,
        &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                         .kind = TD_METRIC_COUNTER,
                         .name = "tandem_priority_excess_total",
                         .help =
                             "Calls whose marks would count, were there not more than rph-rate.",
                         .labels = labels,
                         .is_priority = true,
                         .alarm = { .name = "priority-excess",
                                    .help = "The trunk has more calls with a priority than "
                                            "rph-rate: see whether it is still who uses it.",
                                    .raise_at = 1,
                                    .clear_below = 1,
                                    .window_ms = settings->alarm_window_ms } });
}

static void
bind_refused (Counts *counts, const Settings *settings, Policy *policy, const char *trunk)
{
    for (Refused way = 0; way < N_REFUSED; way++) {
        policy->refused[way] = declare_refused (counts, settings, trunk, way);
    }
    policy->excess = policy->rate > 0 ? declare_excess (counts, settings, trunk) : NULL;
}

void
counts_prepare (Counts *counts, Settings *settings)
{
    GHashTableIter iter;
    void *policy;

    settings->stranger.counts = trunk_counts (counts, "");
    bind_refused (counts, settings, &settings->stranger, "");
    g_hash_table_iter_init (&iter, settings->policies);
    while (g_hash_table_iter_next (&iter, NULL, &policy)) {
        Policy *one = policy;
        one->counts = one->trust >= TRUST_ACCEPT ? trunk_counts (counts, one->name)
                                                 : settings->stranger.counts;
        bind_refused (counts, settings, one, one->name);
    }
}

void
counts_judged (Counts *counts, Judged judged)
{
    td_metric_add (counts->judged[judged], 1);
}

void
counts_refused (const Settings *settings, const char *trunk, Refused way)
{
    td_metric_add (settings_policy (settings, trunk)->refused[way], 1);
}

bool
counts_admit (const Settings *settings, const char *trunk, TdModule *module)
{
    const Policy *policy = settings_policy (settings, trunk);

    if (policy->rate == 0 || policy->trust < TRUST_ACCEPT
        || rate_take (&policy->counts->rate, policy->rate, policy->burst, td_clock_now_us ())) {
        return true;
    }
    td_metric_add (policy->excess, 1);
    td_log_peer (module, "priority.excess", trunk, NULL,
                 "more calls with a priority than rph-rate lets count: this one is ordinary");
    return false;
}

void
counts_unproven (const Settings *settings, const char *trunk, unsigned priority_class)
{
    const Policy *policy = settings_policy (settings, trunk);

    if (policy->counts != NULL && priority_class <= TD_CLASS_MAX) {
        td_metric_add (policy->counts->classes[priority_class][CALL_BAD_SIGNATURE], 1);
    }
}

/* A call whose class rises later is offered, and maybe admitted, in that class then. */
void
counts_hear (Counts *counts, const Settings *settings, const TdFact *fact)
{
    const TdCallFact *body = fact->body;
    const char *topic = td_topic_name (fact->topic);
    const Policy *policy =
        settings_policy (settings, body->calling_trunk != NULL ? body->calling_trunk : "");
    CallCount count = strcmp (topic, "call.answered") == 0 ? CALL_COMPLETED
                      : strcmp (topic, "call.routed") == 0 ? CALL_ADMITTED
                                                           : CALL_OFFERED;

    if (policy->counts != NULL && fact->priority_class <= TD_CLASS_MAX) {
        td_metric_add (policy->counts->classes[fact->priority_class][count], 1);
    }
}
