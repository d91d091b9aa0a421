/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters, gauges and histograms: a cache line for each writer, added up by the reader. */

#include "base/metric.h"

#include "base/owner.h"

#include <stdlib.h>
#include <string.h>

enum {
    LINE_BYTES = 64,
    CELLS_PER_LINE = LINE_BYTES / sizeof (int64_t),
    BUCKETS_MAX = 32,
    N_OTHERS = 4, /* shards that all threads but the lanes share */
    N_LANES_DEFAULT = 2,
};

typedef atomic_int_least64_t Cell;

/* A shard of a counter or gauge is one cell; of a histogram one cell for each bucket, one for what
 * is over all of them, one for the sum. */
struct TdMetric {
    TdMetricKind kind;
    uint32_t n_buckets;
    uint32_t n_shards;
    uint32_t n_cells; /* of a shard, whole cache lines */
    Cell *cells;
    uint64_t *buckets;
    char *name, *help, *labels;
    atomic_bool is_watched; /* it has an alarm */
    GPtrArray *holders;     /* Holder; guarded by the registry's lock, like: */
    uint64_t declared;      /* grows with each declaration: the newest of two alike is listed */
    bool is_priority;
    TdMetricAlarm alarm; /* its texts are ours */
    int64_t alarm_base;
};

/* What one owner has declared. */
typedef struct {
    TdOwned owned;
    const TdOwner *owner;
    TdMetric *metric;
} Holder;

/* A metric stays for the life of the process once it is declared, as a lane may be in the middle
 * of adding to it when its last holder stops; without holders it is not listed, and whoever
 * declares it again goes on counting. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static GPtrArray *metrics; /* by name, then by labels, then by kind; guarded by the lock */
static GPtrArray *watched; /* those that have, or had, an alarm; likewise */
static _Atomic (void (*) (void)) tell_change;
static uint64_t n_declared;
static unsigned n_lanes = N_LANES_DEFAULT;

static _Thread_local unsigned own_shard = UINT_MAX;
static atomic_uint next_other;

void
td_metric_set_lanes (unsigned n)
{
    n_lanes = n;
}

void
td_metric_set_lane (unsigned index)
{
    own_shard = N_OTHERS + index;
}

static Cell *
cells_of_thread (const TdMetric *metric)
{
    if (G_UNLIKELY (own_shard == UINT_MAX)) {
        own_shard = atomic_fetch_add_explicit (&next_other, 1, memory_order_relaxed) % N_OTHERS;
    }
    unsigned shard = own_shard < metric->n_shards ? own_shard : own_shard % metric->n_shards;
    return metric->cells + (size_t) shard * metric->n_cells;
}

static void
add (Cell *cell, int64_t amount)
{
    atomic_fetch_add_explicit (cell, amount, memory_order_relaxed);
}

/* Somebody looks after what is an alarm. */
static void
touch (void)
{
    void (*changed) (void) = atomic_load (&tell_change);

    if (changed != NULL) {
        changed ();
    }
}

void
td_metric_watch (void (*changed) (void))
{
    atomic_store (&tell_change, changed);
}

void
td_metric_add (TdMetric *metric, int64_t amount)
{
    g_return_if_fail (metric != NULL && metric->kind != TD_METRIC_HISTOGRAM);
    g_return_if_fail (amount >= 0 || metric->kind == TD_METRIC_GAUGE);

    add (cells_of_thread (metric), amount);
    if (G_UNLIKELY (atomic_load_explicit (&metric->is_watched, memory_order_relaxed))) {
        touch ();
    }
}

void
td_metric_observe (TdMetric *metric, uint64_t value)
{
    g_return_if_fail (metric != NULL && metric->kind == TD_METRIC_HISTOGRAM);

    Cell *cells = cells_of_thread (metric);
    uint32_t bucket = 0;
    while (bucket < metric->n_buckets && value > metric->buckets[bucket]) {
        bucket++;
    }
    add (&cells[bucket], 1);
    add (&cells[metric->n_buckets + 1], (int64_t) value);
}

/* The sum of the cells with INDEX over all shards. */
static int64_t
sum_of (const TdMetric *metric, uint32_t index)
{
    uint64_t sum = 0; /* wraps round where a signed sum would be undefined */

    for (uint32_t shard = 0; shard < metric->n_shards; shard++) {
        sum += (uint64_t) atomic_load_explicit (
            &metric->cells[(size_t) shard * metric->n_cells + index], memory_order_relaxed);
    }
    return (int64_t) sum;
}

int64_t
td_metric_value (const TdMetric *metric)
{
    int64_t value = 0;

    g_return_val_if_fail (metric != NULL, 0);
    if (metric->kind != TD_METRIC_HISTOGRAM) {
        return sum_of (metric, 0);
    }
    for (uint32_t bucket = 0; bucket <= metric->n_buckets; bucket++) {
        value += sum_of (metric, bucket);
    }
    return value;
}

static bool
is_name (const char *name)
{
    if (name == NULL || *name == '\0' || g_ascii_isdigit (*name)) {
        return false;
    }
    return name[strspn (name, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_")] == '\0';
}

static bool
are_buckets (const TdMetricDecl *decl)
{
    if (decl->kind != TD_METRIC_HISTOGRAM) {
        return decl->n_buckets == 0;
    }
    for (uint32_t i = 1; i < decl->n_buckets; i++) {
        if (decl->buckets[i] <= decl->buckets[i - 1]) {
            return false;
        }
    }
    return decl->n_buckets <= BUCKETS_MAX;
}

static TdMetric *
make_metric (const TdMetricDecl *decl, const char *labels)
{
    TdMetric *metric = g_new0 (TdMetric, 1);
    bool is_histogram = decl->kind == TD_METRIC_HISTOGRAM;
    size_t n_cells = is_histogram ? decl->n_buckets + 2 : 1;

    metric->kind = decl->kind;
    metric->n_buckets = decl->n_buckets;
    metric->n_shards = N_OTHERS + n_lanes + 1; /* and the control lane */
    metric->n_cells = (n_cells + CELLS_PER_LINE - 1) / CELLS_PER_LINE * CELLS_PER_LINE;
    size_t size = sizeof (Cell) * metric->n_shards * metric->n_cells;
    metric->cells = aligned_alloc (LINE_BYTES, size);
    if (metric->cells == NULL) {
        g_error ("no memory for the %zu bytes of metric %s", size, decl->name);
    }
    memset (metric->cells, 0, size);
    metric->buckets = g_memdup2 (decl->buckets, sizeof *decl->buckets * decl->n_buckets);
    metric->name = g_strdup (decl->name);
    metric->help = g_strdup (decl->help != NULL ? decl->help : "");
    metric->labels = g_strdup (labels);
    metric->holders = g_ptr_array_new ();
    return metric;
}

static int
compare (const TdMetric *a, const char *name, const char *labels, TdMetricKind kind)
{
    int order = strcmp (a->name, name);

    if (order == 0) {
        order = strcmp (a->labels, labels);
    }
    return order != 0 ? order : (int) a->kind - (int) kind;
}

static bool
has_buckets (const TdMetric *metric, const TdMetricDecl *decl)
{
    return metric->n_buckets == decl->n_buckets
           && (decl->n_buckets == 0
               || memcmp (metric->buckets, decl->buckets, sizeof *decl->buckets * decl->n_buckets)
                      == 0);
}

/* The metric of DECL, made where there is none with the same name, labels, kind and buckets yet.
 * Needs the lock. */
static TdMetric *
find_or_make (const TdMetricDecl *decl)
{
    const char *labels = decl->labels != NULL ? decl->labels : "";
    unsigned low = 0, high;

    if (metrics == NULL) {
        metrics = g_ptr_array_new ();
    }
    for (high = metrics->len; low < high;) {
        unsigned middle = (low + high) / 2;
        if (compare (metrics->pdata[middle], decl->name, labels, decl->kind) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (unsigned i = low; i < metrics->len; i++) {
        TdMetric *metric = metrics->pdata[i];
        if (compare (metric, decl->name, labels, decl->kind) != 0) {
            break;
        }
        if (has_buckets (metric, decl)) {
            return metric;
        }
    }
    TdMetric *metric = make_metric (decl, labels);
    g_ptr_array_insert (metrics, (int) low, metric);
    return metric;
}

static void
release (TdOwned *owned)
{
    Holder *holder = (Holder *) owned;

    pthread_mutex_lock (&lock);
    g_ptr_array_remove (holder->metric->holders, holder);
    pthread_mutex_unlock (&lock);
    if (atomic_load (&holder->metric->is_watched)) {
        touch ();
    }
    g_free (holder);
}

/* What OWNER has of METRIC, NULL: nothing yet. Needs the lock. */
static Holder *
find_holder (const TdMetric *metric, const TdOwner *owner)
{
    for (unsigned i = 0; i < metric->holders->len; i++) {
        Holder *holder = metric->holders->pdata[i];
        if (holder->owner == owner) {
            return holder;
        }
    }
    return NULL;
}

/* Needs the lock. */
static void
set_alarm (TdMetric *metric, const TdMetricAlarm *alarm)
{
    bool is_new = metric->alarm.raise_at == 0 || metric->holders->len == 0;

    if (is_new) {
        metric->alarm_base = sum_of (metric, 0);
    }
    if (alarm->raise_at == 0) {
        metric->alarm.raise_at = 0;
        return;
    }
    if (metric->alarm.name == NULL) { /* once: who looks may have the texts */
        metric->alarm.name = g_strdup (alarm->name);
        metric->alarm.help = g_strdup (alarm->help);
        watched = watched != NULL ? watched : g_ptr_array_new ();
        g_ptr_array_add (watched, metric);
    }
    metric->alarm.raise_at = alarm->raise_at;
    metric->alarm.clear_below = alarm->clear_below;
    metric->alarm.window_ms = alarm->window_ms;
    atomic_store (&metric->is_watched, true);
}

static bool
is_alarm (const TdMetricDecl *decl)
{
    const TdMetricAlarm *alarm = &decl->alarm;

    return alarm->raise_at == 0
           || (decl->kind != TD_METRIC_HISTOGRAM && alarm->name != NULL && alarm->help != NULL
               && alarm->clear_below > 0 && alarm->clear_below <= alarm->raise_at
               && (decl->kind == TD_METRIC_GAUGE || alarm->window_ms >= 1000));
}

TdMetric *
td_metric_declare (TdModule *module, const TdMetricDecl *decl)
{
    TdMetricDecl known = { 0 };
    Holder *new_holder = NULL;

    memcpy (&known, decl, MIN (decl->size, sizeof known));
    g_return_val_if_fail (is_name (known.name), NULL);
    g_return_val_if_fail (are_buckets (&known) && is_alarm (&known), NULL);
    g_return_val_if_fail (
        known.kind != TD_METRIC_COUNTER || g_str_has_suffix (known.name, "_total"), NULL);
    pthread_mutex_lock (&lock);
    TdMetric *metric = find_or_make (&known);
    set_alarm (metric, &known.alarm);
    if (find_holder (metric, td_owner_of (module)) == NULL) {
        new_holder = g_new0 (Holder, 1);
        *new_holder = (Holder){ .owned = { .kind = "metric",
                                           .name = metric->name,
                                           .revoke = release,
                                           .is_lease = true },
                                .owner = td_owner_of (module),
                                .metric = metric };
        g_ptr_array_add (metric->holders, new_holder);
    }
    metric->is_priority = known.is_priority;
    metric->declared = ++n_declared;
    pthread_mutex_unlock (&lock);
    if (new_holder != NULL) {
        td_owner_add (td_owner_of (module), &new_holder->owned);
    }
    if (atomic_load (&metric->is_watched)) {
        touch ();
    }
    return metric;
}

TdMetric *
td_metric_find (const char *name, const char *labels)
{
    TdMetric *found = NULL;

    pthread_mutex_lock (&lock);
    for (unsigned i = 0; metrics != NULL && i < metrics->len; i++) {
        TdMetric *metric = metrics->pdata[i];
        if (metric->holders->len > 0
            && compare (metric, name, labels != NULL ? labels : "", metric->kind) == 0
            && (found == NULL || metric->declared > found->declared)) {
            found = metric;
        }
    }
    pthread_mutex_unlock (&lock);
    return found;
}

static void
view_of (const TdMetric *metric, uint64_t *counts, TdMetricView *ret_view)
{
    *ret_view = (TdMetricView){ .kind = metric->kind,
                                .name = metric->name,
                                .help = metric->help,
                                .labels = metric->labels,
                                .buckets = metric->buckets,
                                .counts = counts,
                                .n_buckets = metric->n_buckets,
                                .is_priority = metric->is_priority,
                                .alarm = metric->alarm.raise_at > 0 ? &metric->alarm : NULL,
                                .alarm_base = metric->alarm_base };
    if (metric->kind != TD_METRIC_HISTOGRAM) {
        ret_view->value = sum_of (metric, 0);
        return;
    }
    for (uint32_t bucket = 0; bucket <= metric->n_buckets; bucket++) {
        counts[bucket] = (uint64_t) sum_of (metric, bucket);
        ret_view->value += (int64_t) counts[bucket];
    }
    ret_view->sum = (uint64_t) sum_of (metric, metric->n_buckets + 1);
}

/* Whether the metric at INDEX is held, and no newer one goes by the same name and labels: a new
 * build may have changed its kind or its buckets. Needs the lock. */
static bool
is_listed (unsigned index)
{
    const TdMetric *metric = metrics->pdata[index];

    if (metric->holders->len == 0) {
        return false;
    }
    for (int step = -1; step <= 1; step += 2) {
        for (unsigned i = index + step; i < metrics->len; i += step) {
            const TdMetric *other = metrics->pdata[i];
            if (compare (other, metric->name, metric->labels, other->kind) != 0) {
                break;
            }
            if (other->holders->len > 0 && other->declared > metric->declared) {
                return false;
            }
        }
    }
    return true;
}

void
td_metric_each (void (*visit) (const TdMetricView *view, void *data), void *data)
{
    uint64_t counts[BUCKETS_MAX + 1];
    TdMetricView view;

    pthread_mutex_lock (&lock);
    for (unsigned i = 0; metrics != NULL && i < metrics->len; i++) {
        if (is_listed (i)) {
            view_of (metrics->pdata[i], counts, &view);
            visit (&view, data);
        }
    }
    pthread_mutex_unlock (&lock);
}

void
td_metric_each_alarm (void (*visit) (const TdMetric *metric, const TdMetricView *view, void *data),
                      void *data)
{
    TdMetricView view;

    pthread_mutex_lock (&lock);
    for (unsigned i = 0; watched != NULL && i < watched->len; i++) {
        const TdMetric *metric = watched->pdata[i];
        if (metric->holders->len > 0 && metric->alarm.raise_at > 0) {
            view_of (metric, NULL, &view);
            visit (metric, &view, data);
        }
    }
    pthread_mutex_unlock (&lock);
}

typedef struct {
    GString *out;
    const char *last_name;
    bool with_priority;
} Exposition;

static void
append_head (GString *out, const TdMetricView *view)
{
    static const char *const types[] = { "counter", "gauge", "histogram" };

    g_string_append_printf (out, "# HELP %s ", view->name);
    for (const char *c = view->help; *c != '\0'; c++) {
        if (*c == '\\') {
            g_string_append (out, "\\\\");
        } else if (*c == '\n') {
            g_string_append (out, "\\n");
        } else {
            g_string_append_c (out, *c);
        }
    }
    g_string_append_printf (out, "\n# TYPE %s %s\n", view->name, types[view->kind]);
}

static void
append_buckets (GString *out, const TdMetricView *view)
{
    const char *comma = *view->labels != '\0' ? "," : "";
    uint64_t count = 0;

    for (uint32_t i = 0; i < view->n_buckets; i++) {
        count += view->counts[i];
        g_string_append_printf (
            out, "%s_bucket{%s%sle=\"%" G_GUINT64_FORMAT "\"} %" G_GUINT64_FORMAT "\n", view->name,
            view->labels, comma, view->buckets[i], count);
    }
    g_string_append_printf (out, "%s_bucket{%s%sle=\"+Inf\"} %" G_GINT64_FORMAT "\n", view->name,
                            view->labels, comma, view->value);
}

static void
append_name (GString *out, const TdMetricView *view, const char *suffix)
{
    g_string_append_printf (out, "%s%s", view->name, suffix);
    if (*view->labels != '\0') {
        g_string_append_printf (out, "{%s}", view->labels);
    }
}

static void
expose (const TdMetricView *view, void *data)
{
    Exposition *exposition = data;
    GString *out = exposition->out;

    if (view->is_priority && !exposition->with_priority) {
        return;
    }
    if (exposition->last_name == NULL || !g_str_equal (exposition->last_name, view->name)) {
        append_head (out, view);
        exposition->last_name = view->name; /* lives as long as the process */
    }
    if (view->kind == TD_METRIC_HISTOGRAM) {
        append_buckets (out, view);
        append_name (out, view, "_sum");
        g_string_append_printf (out, " %" G_GUINT64_FORMAT "\n", view->sum);
    }
    append_name (out, view, view->kind == TD_METRIC_HISTOGRAM ? "_count" : "");
    g_string_append_printf (out, " %" G_GINT64_FORMAT "\n", view->value);
}

void
td_metrics_to_prometheus (GString *out, bool with_priority)
{
    Exposition exposition = { .out = out, .with_priority = with_priority };

    td_metric_each (expose, &exposition);
}
