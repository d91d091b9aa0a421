/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Metrics add up over threads, outlive their first declarer and read as Prometheus wants. */

#include "base/metric.h"
#include "base/owner.h"

enum { N_THREADS = 4, N_ADDITIONS = 20000 };

static TdMetric *
declare (TdOwner *owner, TdMetricKind kind, const char *name, const char *labels)
{
    return td_metric_declare ((TdModule *) owner, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                                   .kind = kind,
                                                                   .name = name,
                                                                   .help = "Help",
                                                                   .labels = labels });
}

static char *
expose (const char *prefix)
{
    g_autoptr (GString) all = g_string_new (NULL);
    g_autoptr (GString) some = g_string_new (NULL);

    td_metrics_to_prometheus (all, true);
    g_auto (GStrv) lines = g_strsplit (all->str, "\n", -1);
    for (unsigned i = 0; lines[i] != NULL; i++) {
        if (g_str_has_prefix (lines[i], prefix)
            || (*lines[i] == '#' && strstr (lines[i], prefix) != NULL)) {
            g_string_append_printf (some, "%s\n", lines[i]);
        }
    }
    return g_string_free (g_steal_pointer (&some), FALSE);
}

static void *
add_many (void *data)
{
    static atomic_uint next_lane;

    td_metric_set_lane (atomic_fetch_add (&next_lane, 1));
    for (unsigned i = 0; i < N_ADDITIONS; i++) {
        td_metric_add (data, 1);
    }
    return NULL;
}

static void
test_threads_add_up (void)
{
    pthread_t threads[N_THREADS];
    TdMetric *metric = declare (NULL, TD_METRIC_COUNTER, "threads_total", NULL);

    for (unsigned i = 0; i < N_THREADS; i++) {
        g_assert_cmpint (pthread_create (&threads[i], NULL, add_many, metric), ==, 0);
    }
    td_metric_add (metric, 7);
    for (unsigned i = 0; i < N_THREADS; i++) {
        pthread_join (threads[i], NULL);
    }
    g_assert_cmpint (td_metric_value (metric), ==, N_THREADS * N_ADDITIONS + 7);
}

static void
test_newer_generation_counts_on (void)
{
    TdOwner old, new;

    td_owner_init (&old, "sip");
    td_owner_init (&new, "sip");
    TdMetric *first = declare (&old, TD_METRIC_GAUGE, "gen_calls", "a=\"1\"");
    td_metric_add (first, 5);
    TdMetric *second = declare (&new, TD_METRIC_GAUGE, "gen_calls", "a=\"1\"");
    g_assert_true (first == second);
    g_assert_true (first != declare (&new, TD_METRIC_GAUGE, "gen_calls", "a=\"2\""));
    g_assert_cmpuint (td_owner_revoke_all (&old, NULL, NULL), ==, 0);
    td_metric_add (second, -2);
    g_autofree char *text = expose ("gen_");
    g_assert_cmpstr (text, ==,
                     "# HELP gen_calls Help\n# TYPE gen_calls gauge\n"
                     "gen_calls{a=\"1\"} 3\ngen_calls{a=\"2\"} 0\n");
    td_owner_revoke_all (&new, NULL, NULL);
    td_owner_clear (&old);
    td_owner_clear (&new);
}

static void
test_stopped_owner_is_not_listed (void)
{
    TdOwner owner;

    td_owner_init (&owner, "sip");
    TdMetric *metric = declare (&owner, TD_METRIC_COUNTER, "gone_total", NULL);
    td_metric_add (metric, 5);
    td_owner_revoke_all (&owner, NULL, NULL);
    g_autofree char *without = expose ("gone_");
    g_assert_cmpstr (without, ==, "");
    /* Started again, it goes on where it was: a counter never falls. */
    g_assert_true (declare (&owner, TD_METRIC_COUNTER, "gone_total", NULL) == metric);
    g_autofree char *with = expose ("gone_");
    g_assert_true (g_str_has_suffix (with, "\ngone_total 5\n"));
    td_owner_revoke_all (&owner, NULL, NULL);
    td_owner_clear (&owner);
}

static void
test_newest_kind_is_listed (void)
{
    TdOwner old, new;

    td_owner_init (&old, "sip");
    td_owner_init (&new, "sip");
    TdMetric *counter = declare (&old, TD_METRIC_COUNTER, "kind_total", NULL);
    TdMetric *gauge = declare (&new, TD_METRIC_GAUGE, "kind_total", NULL);
    g_assert_true (counter != gauge);
    td_metric_add (gauge, 4);
    g_autofree char *text = expose ("kind_");
    g_assert_cmpstr (text, ==, "# HELP kind_total Help\n# TYPE kind_total gauge\nkind_total 4\n");
    td_owner_revoke_all (&new, NULL, NULL);
    g_autofree char *back = expose ("kind_");
    g_assert_true (g_str_has_suffix (back, "\nkind_total 0\n"));
    td_owner_revoke_all (&old, NULL, NULL);
    td_owner_clear (&old);
    td_owner_clear (&new);
}

static void
test_is_found (void)
{
    TdOwner owner;

    td_owner_init (&owner, "sip");
    TdMetric *bare = declare (&owner, TD_METRIC_GAUGE, "found_calls", NULL);
    TdMetric *labelled = declare (&owner, TD_METRIC_GAUGE, "found_calls", "lane=\"1\"");
    g_assert_true (td_metric_find ("found_calls", NULL) == bare);
    g_assert_true (td_metric_find ("found_calls", "lane=\"1\"") == labelled);
    g_assert_null (td_metric_find ("found_call", NULL));
    g_assert_null (td_metric_find ("found_calls", "lane=\"2\""));
    TdMetric *newer = declare (NULL, TD_METRIC_HISTOGRAM, "found_calls", NULL);
    g_assert_true (td_metric_find ("found_calls", NULL) == newer);
    td_owner_revoke_all (&owner, NULL, NULL);
    g_assert_null (td_metric_find ("found_calls", "lane=\"1\""));
    td_owner_clear (&owner);
}

static void
test_histogram (void)
{
    static const uint64_t buckets[] = { 10, 100 };
    TdMetric *metric = td_metric_declare (NULL, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                                 .kind = TD_METRIC_HISTOGRAM,
                                                                 .name = "setup_ms",
                                                                 .help = "Line\none \\ two",
                                                                 .labels = "m=\"x\"",
                                                                 .buckets = buckets,
                                                                 .n_buckets = 2 });

    td_metric_observe (metric, 0);
    td_metric_observe (metric, 10);
    td_metric_observe (metric, 11);
    td_metric_observe (metric, 101);
    g_assert_cmpint (td_metric_value (metric), ==, 4);
    g_autofree char *text = expose ("setup_");
    g_assert_cmpstr (text, ==,
                     "# HELP setup_ms Line\\none \\\\ two\n"
                     "# TYPE setup_ms histogram\n"
                     "setup_ms_bucket{m=\"x\",le=\"10\"} 2\n"
                     "setup_ms_bucket{m=\"x\",le=\"100\"} 3\n"
                     "setup_ms_bucket{m=\"x\",le=\"+Inf\"} 4\n"
                     "setup_ms_sum{m=\"x\"} 122\n"
                     "setup_ms_count{m=\"x\"} 4\n");
}

static void
test_old_smaller_declaration (void)
{
    TdMetricDecl decl = { .size = offsetof (TdMetricDecl, labels),
                          .kind = TD_METRIC_GAUGE,
                          .name = "small_calls",
                          .help = "Help",
                          .labels = (const char *) 1,
                          .n_buckets = 99 };

    td_metric_add (td_metric_declare (NULL, &decl), 1);
    g_autofree char *text = expose ("small_");
    g_assert_true (g_str_has_suffix (text, "\nsmall_calls 1\n"));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/base/metric/threads-add-up", test_threads_add_up);
    g_test_add_func ("/base/metric/newer-generation-counts-on", test_newer_generation_counts_on);
    g_test_add_func ("/base/metric/stopped-owner-is-not-listed", test_stopped_owner_is_not_listed);
    g_test_add_func ("/base/metric/newest-kind-is-listed", test_newest_kind_is_listed);
    g_test_add_func ("/base/metric/is-found", test_is_found);
    g_test_add_func ("/base/metric/histogram", test_histogram);
    g_test_add_func ("/base/metric/old-smaller-declaration", test_old_smaller_declaration);
    return g_test_run ();
}
