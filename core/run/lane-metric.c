/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a lane says of itself: counted without a lock while it works, told after each batch. */

#include "run/lane-inside.h"

/* In the order of TdLane's metrics. */
static const struct {
    TdMetricKind kind;
    const char *name;
    const char *class_name; /* of the inbox, or NULL */
    const char *help;
} kinds[TD_LANE_METRICS] = {
    [TD_LANE_POSTS] = { TD_METRIC_COUNTER, "tandem_lane_posts_total", NULL,
                        "Posts that were served." },
    [TD_LANE_EXPIRIES] = { TD_METRIC_COUNTER, "tandem_lane_timers_total", NULL,
                           "Timers that expired." },
    [TD_LANE_LONG_TURNS] = { TD_METRIC_COUNTER, "tandem_lane_long_turns_total", NULL,
                             "Turns over 2 ms." },
    [TD_LANE_REFUSED_ESTABLISHED] = { TD_METRIC_COUNTER, "tandem_lane_refused_total", "established",
                                      "Posts that found their class of the inbox full." },
    [TD_LANE_REFUSED_PRIORITY] = { TD_METRIC_COUNTER, "tandem_lane_refused_total", "priority",
                                   "Posts that found their class of the inbox full." },
    [TD_LANE_REFUSED_ORDINARY] = { TD_METRIC_COUNTER, "tandem_lane_refused_total", "ordinary",
                                   "Posts that found their class of the inbox full." },
    [TD_LANE_WAITING_MUST] = { TD_METRIC_GAUGE, "tandem_lane_waiting", "must",
                               "Posts that wait for their turn." },
    [TD_LANE_WAITING_ESTABLISHED] = { TD_METRIC_GAUGE, "tandem_lane_waiting", "established",
                                      "Posts that wait for their turn." },
    [TD_LANE_WAITING_PRIORITY] = { TD_METRIC_GAUGE, "tandem_lane_waiting", "priority",
                                   "Posts that wait for their turn." },
    [TD_LANE_WAITING_ORDINARY] = { TD_METRIC_GAUGE, "tandem_lane_waiting", "ordinary",
                                   "Posts that wait for their turn." },
    [TD_LANE_ARRIVALS] = { TD_METRIC_COUNTER, "tandem_lane_arrivals_total", NULL,
                           "Batches of datagrams that were read." },
    [TD_LANE_ARRIVAL_WAIT] = { TD_METRIC_COUNTER, "tandem_lane_arrival_wait_microseconds_total",
                               NULL,
                               "How long the first datagram of each batch had waited in the "
                               "kernel, summed up." },
};

void
td_lane_declare_metrics (TdLane *lane, bool is_control)
{
    for (unsigned i = 0; i < TD_LANE_METRICS; i++) {
        g_autoptr (GString) labels = g_string_new (NULL);
        if (is_control) {
            g_string_append (labels, "lane=\"control\"");
        } else {
            g_string_append_printf (labels, "lane=\"%u\"", lane->index);
        }
        if (kinds[i].class_name != NULL) {
            g_string_append_printf (labels, ",class=\"%s\"", kinds[i].class_name);
        }
        TdMetricDecl decl = { .size = sizeof decl,
                              .kind = kinds[i].kind,
                              .name = kinds[i].name,
                              .help = kinds[i].help,
                              .labels = labels->str,
                              .is_priority = g_strcmp0 (kinds[i].class_name, "priority") == 0 };
        lane->metrics[i] = td_metric_declare (NULL, &decl);
    }
}

static inline int64_t
read_count (const _Atomic uint64_t *count)
{
    return (int64_t) atomic_load_explicit (count, memory_order_relaxed);
}

void
td_lane_publish (TdLane *lane)
{
    const TdInboxCounts *inbox = &lane->inbox_counts;
    const int64_t counts[TD_LANE_METRICS] = {
        [TD_LANE_POSTS] = read_count (&lane->n_posts),
        [TD_LANE_EXPIRIES] = read_count (&lane->n_expiries),
        [TD_LANE_LONG_TURNS] = read_count (&lane->n_long_turns),
        [TD_LANE_REFUSED_ESTABLISHED] = (int64_t) inbox->n_refused[TD_INBOX_ESTABLISHED],
        [TD_LANE_REFUSED_PRIORITY] = (int64_t) inbox->n_refused[TD_INBOX_PRIORITY],
        [TD_LANE_REFUSED_ORDINARY] = (int64_t) inbox->n_refused[TD_INBOX_ORDINARY],
        [TD_LANE_WAITING_MUST] = inbox->n_waiting[TD_INBOX_MUST],
        [TD_LANE_WAITING_ESTABLISHED] = inbox->n_waiting[TD_INBOX_ESTABLISHED],
        [TD_LANE_WAITING_PRIORITY] = inbox->n_waiting[TD_INBOX_PRIORITY],
        [TD_LANE_WAITING_ORDINARY] = inbox->n_waiting[TD_INBOX_ORDINARY],
    };

    for (unsigned i = 0; i < TD_LANE_METRICS; i++) {
        if (counts[i] != lane->told[i]) {
            td_metric_add (lane->metrics[i], counts[i] - lane->told[i]);
            lane->told[i] = counts[i];
        }
    }
}

void
td_lane_note_arrival (TdLane *lane, int64_t waited_us)
{
    td_metric_add (lane->metrics[TD_LANE_ARRIVALS], 1);
    td_metric_add (lane->metrics[TD_LANE_ARRIVAL_WAIT], MAX (waited_us, 0));
}

void
td_lane_stats (TdLane *lane, TdLaneStats *ret_stats)
{
    TdInbox *inbox = &lane->inbox;

    pthread_mutex_lock (&inbox->lock);
    TdInboxCounts counts = inbox->counts;
    pthread_mutex_unlock (&inbox->lock);
    *ret_stats = (TdLaneStats){
        .n_posts = (uint64_t) read_count (&lane->n_posts),
        .n_expiries = (uint64_t) read_count (&lane->n_expiries),
        .n_refused_established = counts.n_refused[TD_INBOX_ESTABLISHED],
        .n_refused_priority = counts.n_refused[TD_INBOX_PRIORITY],
        .n_refused_ordinary = counts.n_refused[TD_INBOX_ORDINARY],
        .n_long_turns = (uint64_t) read_count (&lane->n_long_turns),
        .longest_turn_us = (uint64_t) read_count (&lane->longest_turn_us),
        .n_waiting_must = counts.n_waiting[TD_INBOX_MUST],
        .n_waiting_established = counts.n_waiting[TD_INBOX_ESTABLISHED],
        .n_waiting_priority = counts.n_waiting[TD_INBOX_PRIORITY],
        .n_waiting_ordinary = counts.n_waiting[TD_INBOX_ORDINARY],
    };
}
