/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All calls: how many there are and may be, those of a lane one by one, and one by its id from anywhere. */

#include "call/call.h"

#include "run/lane.h"

#include <stdatomic.h>
#include <tandem/metric.h>

static struct {
    atomic_bool is_refusing;
    atomic_uint n_calls;
    TdLimit *limit;
    TdMetric *begun, *up;
} calls;

/* --- How many there are ------------------------------------------------------------------ */

void
td_calls_count_begun (void)
{
    atomic_fetch_add (&calls.n_calls, 1);
    td_metric_add (calls.begun, 1);
    td_metric_add (calls.up, 1);
}

void
td_calls_count_ended (void)
{
    atomic_fetch_sub (&calls.n_calls, 1);
    td_metric_add (calls.up, -1);
}

unsigned
td_calls_count (void)
{
    return atomic_load (&calls.n_calls);
}

/* --- How many there may be --------------------------------------------------------------- */

void
td_calls_set_limit (const TdConfig *config)
{
    int64_t max_calls = td_config_number (config, "call", NULL, "max-calls");
    int64_t reserve = td_config_number (config, "call", NULL, "reserve");

    td_limit_set_capacity (calls.limit, (unsigned) max_calls);
    td_limit_reserve (calls.limit, TD_CLASS_ORDINARY + 1, (unsigned) (max_calls * reserve / 100));
}

void
td_calls_refuse_new (void)
{
    atomic_store (&calls.is_refusing, true);
}

unsigned
td_calls_refusal (TdCall *call)
{
    if (atomic_load_explicit (&calls.is_refusing, memory_order_relaxed)) {
        return TD_CAUSE_TEMPORARY_FAILURE;
    }
    if (td_seat_take (&call->seat, calls.limit, call->priority.priority_class, false)
        != TD_SEAT_GRANTED) {
        return TD_CAUSE_CONGESTION;
    }
    return TD_CAUSE_NONE;
}

/* --- Which there are --------------------------------------------------------------------- */

typedef struct {
    void (*visit) (TdCall *call, void *data);
    void *data;
} Visit;

static bool
visit_one (TdId id, void *object, void *data)
{
    Visit *visit = data;

    visit->visit (object, visit->data);
    return true;
}

void
td_calls_each (void (*visit) (TdCall *call, void *data), void *data)
{
    td_id_table_each (td_lane_ids (td_lane_current ()), TD_ID_CALL, visit_one,
                      &(Visit){ visit, data });
}

uint32_t
td_calls_some (uint32_t first, uint32_t n_slots, bool (*visit) (TdId id, void *call, void *data),
               void *data)
{
    return td_id_table_some (td_lane_ids (td_lane_current ()), TD_ID_CALL, first, n_slots, visit,
                             data);
}

typedef struct {
    TdPost post; /* first */
    TdId id;
    TdCause cause;
} Release;

static void
drop_release (TdPost *post)
{
    g_free (post);
}

static void
run_release (TdPost *post)
{
    Release *release = (Release *) post;
    TdCall *call = td_call_find (release->id);

    if (call != NULL) {
        td_call_release (call, &release->cause);
    }
    g_free (release);
}

void
td_call_release_by_id (TdModule *module, TdId id, const TdCause *cause)
{
    if (td_id_lane (id) >= td_lane_count ()) {
        return;
    }
    Release *release = g_new0 (Release, 1);
    release->post = (TdPost){ .owner = module, .run = run_release, .drop = drop_release };
    release->id = id;
    release->cause = *cause;
    td_lane_post (td_lane_at (td_id_lane (id)), &release->post);
}

/* --- Opening and closing ----------------------------------------------------------------- */

static void
declare_metrics (void)
{
    calls.begun =
        td_metric_declare (NULL, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                  .kind = TD_METRIC_COUNTER,
                                                  .name = "tandem_calls_total",
                                                  .help = "Calls that came, refused ones too." });
    calls.up = td_metric_declare (NULL, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                         .kind = TD_METRIC_GAUGE,
                                                         .name = "tandem_calls",
                                                         .help = "Calls that are there, in any "
                                                                 "state." });
}

void
td_calls_open (const TdConfig *config)
{
    atomic_store (&calls.is_refusing, false);
    declare_metrics ();
    calls.limit = td_limit_new (NULL, "calls", 0, 0);
    td_calls_set_limit (config);
    td_hook_point_declare ("admit", NULL);
    td_hook_point_declare ("route", (void (*) (void *)) td_route_list_free);
    td_hook_point_declare ("attempt", NULL);
    td_hook_point_declare ("failed", (void (*) (void *)) td_route_list_free);
    td_machine_register (NULL, &td_call_machine);
    td_machine_register (NULL, &td_channel_machine);
    td_call_facts_open ();
    td_bridges_open ();
    td_adoption_open ();
}

void
td_calls_close (void)
{
    calls.limit = NULL; /* the core's owner has taken it back */
}
