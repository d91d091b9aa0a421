/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters that tell no number and no name: how often, by trunk and class. */

#include "count.h"

#include "rate.h"

#include <string.h>
#include <tandem/call.h>
#include <tandem/iface/trunk-counter.h>
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
    Counts *all;
    TdMetric *classes[TD_CLASS_MAX + 1][N_CALL_COUNTS];
    Rate rate; /* over all reloads */
};

#define REFUSED(way)                                                                               \
    {                                                                                              \
        .name = "tandem_priority_refused_total",                                                   \
        .help = "Requests refused for their marks with 403 or 417: in, the trunk's, here; out, "   \
                "ours, there.",                                                                    \
        .labels = "way=\"" way "\"", .is_priority = true, .alarm = "priority-refused",             \
        .alarm_help = "Many requests are refused for their marks of priority: the trunk uses "     \
                      "what it may not, or the other end does not know ours.",                     \
    }

static const TdTrunkCounterDecl refused_decls[N_REFUSED] = {
    [REFUSED_HERE] = REFUSED ("in"),
    [REFUSED_THERE] = REFUSED ("out"),
};

static const TdTrunkCounterDecl excess_decl = {
    .name = "tandem_priority_excess_total",
    .help = "Calls whose marks would count, were there not more than rph-rate.",
    .is_priority = true,
    .alarm = "priority-excess",
    .alarm_help =
        "The trunk has more calls with a priority than rph-rate: see whether it is still who uses "
        "it.",
};

struct Counts {
    TdModule *module;
    TdMetric *judged[N_JUDGED];
    GHashTable *by_trunk; /* name -> TrunkCounts; only grows */
    TdTrunkCounter refused[N_REFUSED], excess;
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
    for (Refused way = 0; way < N_REFUSED; way++) {
        td_trunk_counter_init (&counts->refused[way], module, &refused_decls[way]);
    }
    td_trunk_counter_init (&counts->excess, module, &excess_decl);
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
        for (Refused way = 0; way < N_REFUSED; way++) {
            td_trunk_counter_clear (&counts->refused[way]);
        }
        td_trunk_counter_clear (&counts->excess);
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
    one->all = counts;
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

void
counts_prepare (Counts *counts, Settings *settings)
{
    g_autoptr (GPtrArray) limited = g_ptr_array_new ();
    GHashTableIter iter;
    void *policy;

    for (Refused way = 0; way < N_REFUSED; way++) {
        td_trunk_counter_configure (&counts->refused[way],
                                    td_config_instances (settings->config, "trunk"),
                                    settings->alarm_refused, settings->alarm_window_ms);
    }
    settings->stranger.counts = trunk_counts (counts, "");
    g_hash_table_iter_init (&iter, settings->policies);
    while (g_hash_table_iter_next (&iter, NULL, &policy)) {
        Policy *one = policy;
        one->counts = one->trust >= TRUST_ACCEPT ? trunk_counts (counts, one->name)
                                                 : settings->stranger.counts;
        if (one->rate > 0) {
            g_ptr_array_add (limited, (char *) one->name);
        }
    }
    g_ptr_array_add (limited, NULL);
    /* One call is an alarm: the rate says what is too many. */
    td_trunk_counter_configure (&counts->excess, (const char *const *) limited->pdata, 1,
                                settings->alarm_window_ms);
}

void
counts_judged (Counts *counts, Judged judged)
{
    td_metric_add (counts->judged[judged], 1);
}

void
counts_refused (const Settings *settings, const char *trunk, Refused way)
{
    const Policy *policy = settings_policy (settings, trunk);

    if (policy->counts != NULL) {
        td_trunk_counter_add (&policy->counts->all->refused[way], trunk);
    }
}

bool
counts_admit (const Settings *settings, const char *trunk, TdModule *module)
{
    const Policy *policy = settings_policy (settings, trunk);

    if (policy->rate == 0 || policy->trust < TRUST_ACCEPT
        || rate_take (&policy->counts->rate, policy->rate, policy->burst, td_clock_now_us ())) {
        return true;
    }
    td_trunk_counter_add (&policy->counts->all->excess, trunk);
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
