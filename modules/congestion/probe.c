/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stamped posts to every lane. */

#include "probe.h"

#include <stdatomic.h>
#include <tandem/metric.h>
#include <time.h>

enum { WINDOW_US = 1000000 };

typedef struct {
    int64_t at_us, processor_us;
} Work;

/* What the lane writes is read on control after the post is no longer under way. */
typedef struct {
    TdPost post; /* first */
    atomic_bool is_under_way;
    int64_t sent_us; /* also the first time the queue was full */
    bool is_refused;
    int64_t delay_us; /* of the last one that came back */
    Work work;        /* when it did */
    Work window;      /* where the second that is being measured began */
    bool has_window;
    unsigned occupancy_percent;
    TdMetric *n_arrivals, *arrival_wait; /* of the core */
    int64_t seen_arrivals, seen_wait_us;
    int64_t shown_delay_us, shown_arrival_us; /* until something newer is known */
} Probe;

struct Probes {
    unsigned n;
    Probe probes[];
};

static int64_t
processor_us (void)
{
    struct timespec time;

    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &time);
    return (int64_t) time.tv_sec * G_USEC_PER_SEC + time.tv_nsec / 1000;
}

static void
arrive (TdPost *post)
{
    Probe *probe = (Probe *) post;

    probe->work = (Work){ td_clock_now_us (), processor_us () };
    probe->delay_us = MAX (probe->work.at_us - probe->sent_us, 0);
    atomic_store_explicit (&probe->is_under_way, false, memory_order_release);
}

static void
drop (TdPost *post)
{
    atomic_store_explicit (&((Probe *) post)->is_under_way, false, memory_order_release);
}

static void
probe_init (Probe *probe, TdModule *module, unsigned index)
{
    char labels[24];

    g_snprintf (labels, sizeof labels, "lane=\"%u\"", index);
    probe->post = (TdPost){ .owner = module, .run = arrive, .drop = drop };
    probe->n_arrivals = td_metric_find ("tandem_lane_arrivals_total", labels);
    probe->arrival_wait = td_metric_find ("tandem_lane_arrival_wait_microseconds_total", labels);
    if (probe->n_arrivals != NULL && probe->arrival_wait != NULL) {
        probe->seen_arrivals = td_metric_value (probe->n_arrivals);
        probe->seen_wait_us = td_metric_value (probe->arrival_wait);
    }
}

Probes *
probes_new (TdModule *module)
{
    unsigned n = td_lane_count ();
    Probes *probes = g_malloc0 (sizeof (Probes) + n * sizeof (Probe));

    probes->n = n;
    for (unsigned i = 0; i < n; i++) {
        probe_init (&probes->probes[i], module, i);
    }
    return probes;
}

void
probes_free (Probes *probes)
{
    g_free (probes);
}

static void
measure_occupancy (Probe *probe)
{
    if (!probe->has_window) {
        probe->window = probe->work;
        probe->has_window = true;
        return;
    }
    int64_t elapsed_us = probe->work.at_us - probe->window.at_us;
    if (elapsed_us >= WINDOW_US) {
        int64_t percent =
            (probe->work.processor_us - probe->window.processor_us) * 100 / elapsed_us;
        probe->occupancy_percent = (unsigned) CLAMP (percent, 0, 100);
        probe->window = probe->work;
    }
}

/* The mean of the batches that were read since the last look. A lane that hangs reads none, which says
 * nothing. */
static void
look_at_arrivals (Probe *probe, bool is_back)
{
    if (probe->n_arrivals == NULL || probe->arrival_wait == NULL) {
        return;
    }
    int64_t n = td_metric_value (probe->n_arrivals) - probe->seen_arrivals;
    int64_t wait_us = td_metric_value (probe->arrival_wait) - probe->seen_wait_us;
    probe->seen_arrivals += n;
    probe->seen_wait_us += wait_us;
    if (n > 0 || is_back) {
        probe->shown_arrival_us = n > 0 ? wait_us / n : 0;
    }
}

static void
send (Probe *probe, TdLane *lane, int64_t now_us)
{
    /* Where the queue is full the wait began when it was found so. */
    if (!probe->is_refused) {
        probe->sent_us = now_us;
    }
    atomic_store_explicit (&probe->is_under_way, true, memory_order_relaxed);
    probe->is_refused = !td_lane_try_post (lane, &probe->post, TD_POST_ORDINARY);
    if (probe->is_refused) {
        atomic_store_explicit (&probe->is_under_way, false, memory_order_relaxed);
    }
}

/* Looks at PROBE, and sends it again when it is back. */
static void
turn (Probe *probe, TdLane *lane, int64_t now_us)
{
    bool is_back = !atomic_load_explicit (&probe->is_under_way, memory_order_acquire);

    look_at_arrivals (probe, is_back);
    if (!is_back) {
        probe->shown_delay_us = MAX (probe->shown_delay_us, now_us - probe->sent_us);
        return;
    }
    probe->shown_delay_us = probe->is_refused ? now_us - probe->sent_us : probe->delay_us;
    if (!probe->is_refused && probe->work.at_us != 0) {
        measure_occupancy (probe);
    }
    send (probe, lane, now_us);
}

void
probes_turn (Probes *probes, ProbeReading *ret_reading)
{
    int64_t now_us = td_clock_now_us ();

    *ret_reading = (ProbeReading){ 0 };
    for (unsigned i = 0; i < probes->n; i++) {
        Probe *probe = &probes->probes[i];
        turn (probe, td_lane_at (i), now_us);
        if (probe->shown_delay_us > ret_reading->delay_us) {
            ret_reading->delay_us = probe->shown_delay_us;
            ret_reading->slowest_lane = i;
        }
        if (probe->shown_arrival_us > ret_reading->arrival_us) {
            ret_reading->arrival_us = probe->shown_arrival_us;
            ret_reading->latest_lane = i;
        }
        if (probe->occupancy_percent > ret_reading->occupancy_percent) {
            ret_reading->occupancy_percent = probe->occupancy_percent;
            ret_reading->busiest_lane = i;
        }
    }
}
