/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All bindings, in memory, for the way of a call. */

#include "table.h"

#include "directory.h"
#include "fact.h"

#include <tandem/log.h>
#include <tandem/metric.h>
#include <tandem/module.h>

#include <pthread.h>
#include <string.h>

enum {
    N_SHARDS = 64,
    MAX_UNDER_WAY = 10000, /* updates; the disk has come to a halt when there are more */
};

typedef struct Entry Entry;
typedef struct Update Update;

/* Written by its home lane alone, which holds the lock for that; others hold it to read. */
typedef struct {
    pthread_mutex_t lock;
    GHashTable *entries; /* user -> Entry */
} Shard;

struct Table {
    TdModule *module;
    Store *store;
    TdSnapshot *directory;
    Facts facts;
    TdMetric *n_bindings, *results[TD_REGISTRAR_FAILED + 1];
    atomic_uint n_under_way;
    Shard shards[N_SHARDS];
};

/* A user who has bindings, or is about to. All but SET is for the home lane alone. */
struct Entry {
    TdTimer timer; /* first: until the first binding is over */
    Table *table;
    char *user;
    BindingSet *set; /* nullable */
    bool is_busy;    /* an update is on its way to the disk; the others wait */
    bool is_unsaved; /* the database was made anew meanwhile */
    Update *first, **last;
};

/* One request, from the lane that asked and back to it. */
struct Update {
    TdPost post; /* first */
    StoreJob job;
    Table *table;
    TdModule *asker;
    TdLane *origin;
    char *user;
    GPtrArray *wanted; /* Binding */
    bool remove_all, is_forced;
    TdRegistrarDone done;
    void *done_data;
    TdRegistrarResult result;
    GArray *changes;
    BindingSet *after; /* nullable */
    Update *next;      /* of the same user */
};

/* --- Places ------------------------------------------------------------------------------ */

static unsigned
shard_index (const char *user)
{
    return g_str_hash (user) % N_SHARDS;
}

static Shard *
shard_of (Table *table, const char *user)
{
    return &table->shards[shard_index (user)];
}

static TdLane *
home_of (const char *user)
{
    return td_lane_at (shard_index (user) % td_lane_count ());
}

static void
entry_free (void *data)
{
    Entry *entry = data;

    binding_set_unref (entry->set);
    g_free (entry->user);
    g_free (entry);
}

static void expire (TdTimer *timer);

static Entry *
find_or_make (Table *table, const char *user)
{
    Shard *shard = shard_of (table, user);
    Entry *entry = g_hash_table_lookup (shard->entries, user);

    if (entry != NULL) {
        return entry;
    }
    entry = g_new0 (Entry, 1);
    entry->table = table;
    entry->user = g_strdup (user);
    entry->last = &entry->first;
    td_timer_init (&entry->timer, table->module, expire);
    pthread_mutex_lock (&shard->lock);
    g_hash_table_insert (shard->entries, entry->user, entry);
    pthread_mutex_unlock (&shard->lock);
    return entry;
}

static void
replace_set (Entry *entry, BindingSet *set)
{
    Shard *shard = shard_of (entry->table, entry->user);
    BindingSet *before = entry->set;
    int64_t n_before = before != NULL ? before->n : 0;

    pthread_mutex_lock (&shard->lock);
    entry->set = set;
    pthread_mutex_unlock (&shard->lock);
    td_metric_add (entry->table->n_bindings, (int64_t) set->n - n_before);
    binding_set_unref (before);
}

/* ENTRY, idle, waits for its first deadline; one that has no bindings is freed. */
static void
settle (Entry *entry)
{
    int64_t deadline_us = binding_set_deadline_us (entry->set);
    Shard *shard = shard_of (entry->table, entry->user);

    td_timer_stop (&entry->timer);
    if (deadline_us == INT64_MAX) {
        pthread_mutex_lock (&shard->lock);
        g_hash_table_remove (shard->entries, entry->user);
        pthread_mutex_unlock (&shard->lock);
        return;
    }
    if (!td_module_is_stopping (entry->table->module)) {
        int64_t left_ms = (deadline_us - td_clock_now_us () + 999) / 1000;
        td_timer_start (&entry->timer, (uint32_t) CLAMP (left_ms, 0, INT32_MAX));
    }
}

/* --- Time -------------------------------------------------------------------------------- */

/* Changes to rows that nobody waits for. */
typedef struct {
    StoreJob job; /* first */
    char *user;
    GArray *changes;
} Tidying;

static void
tidied (StoreJob *job)
{
    Tidying *tidying = (Tidying *) job;

    g_free (tidying->user);
    g_array_unref (tidying->changes);
    g_free (tidying);
}

static void
tidy (const Entry *entry, GArray *changes)
{
    Tidying *tidying = g_new0 (Tidying, 1);

    tidying->user = g_strdup (entry->user);
    tidying->changes = changes;
    tidying->job = (StoreJob){ .user = tidying->user, .changes = changes, .done = tidied };
    store_submit (entry->table->store, &tidying->job);
}

/* Writes what is known of ENTRY into a database that knows nothing. */
static void
save_again (Entry *entry)
{
    GArray *changes;

    entry->is_unsaved = entry->is_busy;
    if (entry->is_busy || entry->set == NULL) {
        return; /* later: what is under way would be undone */
    }
    changes = changes_new ();
    for (unsigned i = 0; i < entry->set->n; i++) {
        Change change = { CHANGE_ADDED, binding_ref (entry->set->items[i]), NULL };
        g_array_append_val (changes, change);
    }
    tidy (entry, changes);
}

static void
expire (TdTimer *timer)
{
    Entry *entry = (Entry *) timer;
    Request request = { .max_contacts = UINT_MAX, .now_us = td_clock_now_us () };
    BindingSet *after;
    GArray *changes;

    if (entry->is_busy) {
        return; /* the update takes out what is over, or settles when it has failed */
    }
    changes = changes_new ();
    binding_set_apply (entry->set, &request, &after, changes);
    replace_set (entry, after);
    facts_tell (&entry->table->facts, entry->user, changes);
    tidy (entry, changes);
    settle (entry);
}

/* --- Updates ----------------------------------------------------------------------------- */

static void
update_free (Update *update)
{
    g_free (update->user);
    g_ptr_array_unref (update->wanted);
    g_array_unref (update->changes);
    binding_set_unref (update->after);
    g_free (update);
}

static void
end_update (Update *update)
{
    TdModule *module = update->table->module;

    atomic_fetch_sub (&update->table->n_under_way, 1);
    update_free (update);
    td_module_unuse (module);
}

/* On the lane that asked. */
static void
answer (TdPost *post)
{
    Update *update = (Update *) post;
    unsigned n = update->after != NULL ? update->after->n : 0;
    g_autofree TdBinding *shown = g_new0 (TdBinding, n + 1);
    int64_t now_us = td_clock_now_us ();

    for (unsigned i = 0; i < n; i++) {
        shown[i] = binding_show (update->after->items[i], now_us);
    }
    if (update->done != NULL) {
        update->done (update->result, shown, n, update->done_data);
    }
    end_update (update);
}

/* The asker has stopped. */
static void
drop_answer (TdPost *post)
{
    end_update ((Update *) post);
}

static void
send_answer (Update *update, TdRegistrarResult result)
{
    update->result = result;
    td_metric_add (update->table->results[result], 1);
    update->post = (TdPost){ .owner = update->asker, .run = answer, .drop = drop_answer };
    td_lane_post (update->origin, &update->post);
}

/* This module was stopped by force. */
static void
drop_update (TdPost *post)
{
    send_answer ((Update *) post, TD_REGISTRAR_FAILED);
}

static void begin_next (Entry *entry);

/* On the home lane: the worker has done what it could. */
static void
take_result (TdPost *post)
{
    Update *update = (Update *) post;
    Entry *entry = find_or_make (update->table, update->user);
    bool is_stored = update->job.is_stored;

    entry->is_busy = false;
    if (is_stored) {
        replace_set (entry, binding_set_ref (update->after));
        facts_tell (&update->table->facts, entry->user, update->changes);
    } else {
        /* RFC 3261 10.3 7: what was tentative is removed. */
        binding_set_unref (update->after);
        update->after = entry->set != NULL ? binding_set_ref (entry->set) : NULL;
    }
    send_answer (update, is_stored ? TD_REGISTRAR_DONE : TD_REGISTRAR_FAILED);
    if (entry->is_unsaved) {
        save_again (entry);
    }
    begin_next (entry);
}

/* On a worker. */
static void
stored (StoreJob *job)
{
    Update *update = (Update *) ((char *) job - offsetof (Update, job));

    update->post =
        (TdPost){ .owner = update->table->module, .run = take_result, .drop = drop_update };
    td_lane_post (home_of (update->user), &update->post);
}

/* Whether UPDATE is on its way to the disk; otherwise its answer is. */
static bool
begin (Entry *entry, Update *update)
{
    const Directory *directory = (const Directory *) td_snapshot_peek (entry->table->directory);
    Request request = {
        .wanted = (Binding *const *) update->wanted->pdata,
        .n_wanted = update->wanted->len,
        .remove_all = update->remove_all,
        .is_forced = update->is_forced,
        .max_contacts = directory->max_contacts,
        .now_us = td_clock_now_us (),
    };
    TdRegistrarResult result = TD_REGISTRAR_FAILED;

    /* The user may have gone between his password and his contacts. */
    if (update->is_forced || directory_user (directory, update->user) != NULL) {
        result = binding_set_apply (entry->set, &request, &update->after, update->changes);
    }
    if (result == TD_REGISTRAR_DONE && update->changes->len > 0) {
        update->job =
            (StoreJob){ .user = update->user, .changes = update->changes, .done = stored };
        store_submit (entry->table->store, &update->job);
        return true;
    }
    if (update->after == NULL && entry->set != NULL) {
        update->after = binding_set_ref (entry->set);
    }
    send_answer (update, result);
    return false;
}

static void
begin_next (Entry *entry)
{
    while (!entry->is_busy && entry->first != NULL) {
        Update *update = entry->first;
        entry->first = update->next;
        if (entry->first == NULL) {
            entry->last = &entry->first;
        }
        entry->is_busy = begin (entry, update);
    }
    if (!entry->is_busy) {
        settle (entry);
    }
}

/* On the home lane. */
static void
arrive (TdPost *post)
{
    Update *update = (Update *) post;
    Entry *entry = find_or_make (update->table, update->user);

    *entry->last = update;
    entry->last = &update->next;
    begin_next (entry);
}

static GPtrArray *
read_wanted (const TableUpdate *asked, uint32_t max_s)
{
    GPtrArray *wanted = g_ptr_array_new_with_free_func (binding_unref);
    int64_t now_us = td_clock_now_us (), wall_us = td_clock_wall_us ();

    for (unsigned i = 0; i < asked->n_changes; i++) {
        int64_t left_us = asked->changes[i].expires_us - wall_us;
        left_us = CLAMP (left_us, 0, (int64_t) max_s * G_USEC_PER_SEC);
        g_ptr_array_add (wanted, binding_new (&asked->changes[i], now_us + left_us));
    }
    return wanted;
}

void
table_update (Table *table, const TableUpdate *asked)
{
    const Directory *directory = (const Directory *) td_snapshot_peek (table->directory);
    Update *update = g_new0 (Update, 1);

    td_module_use (table->module);
    *update = (Update){
        .post = { .owner = table->module, .run = arrive, .drop = drop_update },
        .table = table,
        .asker = asked->asker,
        .origin = td_lane_current (),
        .user = g_strdup (asked->user),
        .wanted = read_wanted (asked, directory->max_s),
        .remove_all = asked->remove_all,
        .is_forced = asked->is_forced,
        .done = asked->done,
        .done_data = asked->done_data,
        .changes = changes_new (),
    };
    if (atomic_fetch_add (&table->n_under_way, 1) >= MAX_UNDER_WAY) {
        td_log_peer (table->module, "registrar.slow", "database", NULL,
                     "%u registrations wait for the disk already: more are refused", MAX_UNDER_WAY);
        send_answer (update, TD_REGISTRAR_FAILED);
        return;
    }
    td_lane_post (home_of (update->user), &update->post);
}

/* --- Reading ----------------------------------------------------------------------------- */

BindingSet *
table_set_of (Table *table, const char *user)
{
    Shard *shard = shard_of (table, user);
    BindingSet *set = NULL;

    pthread_mutex_lock (&shard->lock);
    const Entry *entry = g_hash_table_lookup (shard->entries, user);
    if (entry != NULL && entry->set != NULL) {
        set = binding_set_ref (entry->set);
    }
    pthread_mutex_unlock (&shard->lock);
    return set;
}

unsigned
table_lookup (Table *table, const char *user, void (*visit) (const TdBinding *binding, void *data),
              void *data)
{
    BindingSet *set = table_set_of (table, user);
    int64_t now_us = td_clock_now_us ();
    unsigned n = 0;

    for (unsigned i = 0; set != NULL && i < set->n; i++) {
        if (set->items[i]->deadline_us > now_us) {
            TdBinding shown = binding_show (set->items[i], now_us);
            visit (&shown, data);
            n++;
        }
    }
    binding_set_unref (set);
    return n;
}

typedef struct {
    char *user;
    BindingSet *set;
} Found;

static void
clear_found (void *data)
{
    Found *found = data;

    g_free (found->user);
    binding_set_unref (found->set);
}

static void
collect (Shard *shard, GArray *all)
{
    GHashTableIter iter;
    void *data;

    pthread_mutex_lock (&shard->lock);
    g_hash_table_iter_init (&iter, shard->entries);
    while (g_hash_table_iter_next (&iter, NULL, &data)) {
        const Entry *entry = data;
        if (entry->set != NULL && entry->set->n > 0) {
            Found found = { g_strdup (entry->user), binding_set_ref (entry->set) };
            g_array_append_val (all, found);
        }
    }
    pthread_mutex_unlock (&shard->lock);
}

void
table_each (Table *table, void (*visit) (const char *user, const BindingSet *set, void *data),
            void *data)
{
    for (unsigned i = 0; i < N_SHARDS; i++) {
        g_autoptr (GArray) all = g_array_new (false, false, sizeof (Found));
        g_array_set_clear_func (all, clear_found);
        collect (&table->shards[i], all);
        for (unsigned j = 0; j < all->len; j++) {
            const Found *found = &g_array_index (all, Found, j);
            visit (found->user, found->set, data);
        }
    }
}

/* --- Beginning and end ------------------------------------------------------------------- */

static void
declare_metrics (Table *table)
{
    static const char *const results[] = { "result=\"done\"", "result=\"out-of-order\"",
                                           "result=\"too-many\"", "result=\"failed\"" };

    table->n_bindings = td_metric_declare (
        table->module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                        .kind = TD_METRIC_GAUGE,
                                        .name = "tandem_registrar_bindings",
                                        .help = "Contacts that are registered." });
    for (unsigned i = 0; i < G_N_ELEMENTS (results); i++) {
        table->results[i] = td_metric_declare (
            table->module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                            .kind = TD_METRIC_COUNTER,
                                            .name = "tandem_registrar_updates_total",
                                            .help = "Requests to change bindings.",
                                            .labels = results[i] });
    }
}

Table *
table_new (TdModule *module, Store *store, TdSnapshot *directory)
{
    Table *table = g_new0 (Table, 1);

    table->module = module;
    table->store = store;
    table->directory = directory;
    facts_init (&table->facts, module);
    declare_metrics (table);
    for (unsigned i = 0; i < N_SHARDS; i++) {
        pthread_mutex_init (&table->shards[i].lock, NULL);
        table->shards[i].entries =
            g_hash_table_new_full (g_str_hash, g_str_equal, NULL, entry_free);
    }
    return table;
}

void
table_free (Table *table)
{
    if (table == NULL) {
        return;
    }
    for (unsigned i = 0; i < N_SHARDS; i++) {
        g_hash_table_unref (table->shards[i].entries);
        pthread_mutex_destroy (&table->shards[i].lock);
    }
    g_free (table);
}

void
table_restore (Table *table, const char *user, const TdBinding *binding, int64_t left_us)
{
    g_autoptr (GArray) changes = changes_new ();
    Binding *restored = binding_new (binding, td_clock_now_us () + left_us);
    Entry *entry = find_or_make (table, user);
    Request request = { .wanted = &restored,
                        .n_wanted = 1,
                        .is_forced = true,
                        .max_contacts = UINT_MAX,
                        .now_us = td_clock_now_us () };
    BindingSet *after;

    binding_set_apply (entry->set, &request, &after, changes);
    replace_set (entry, after);
    binding_unref (restored);
}

typedef void (*VisitEntry) (Entry *entry);

static void
each_entry_of (Table *table, const TdLane *lane, VisitEntry visit)
{
    for (unsigned i = 0; i < N_SHARDS; i++) {
        if (td_lane_index (lane) == i % td_lane_count ()) {
            /* A list of its own: to visit one may free it. */
            g_autoptr (GList) entries = g_hash_table_get_values (table->shards[i].entries);
            for (GList *link = entries; link != NULL; link = link->next) {
                visit (link->data);
            }
        }
    }
}

static void
begin_entry (Entry *entry)
{
    if (!entry->is_busy) {
        settle (entry);
    }
}

static void
begin_lane (TdLane *lane, void *data)
{
    each_entry_of (data, lane, begin_entry);
}

static void
quiet_entry (Entry *entry)
{
    td_timer_stop (&entry->timer);
}

static void
quiet_lane (TdLane *lane, void *data)
{
    each_entry_of (data, lane, quiet_entry);
}

static void
save_lane (TdLane *lane, void *data)
{
    each_entry_of (data, lane, save_again);
}

static void
swept (void *data)
{
}

/* On a worker. */
static void
renewed (void *data)
{
    Table *table = data;

    td_lane_sweep (table->module, save_lane, swept, NULL, table);
}

void
table_begin (Table *table)
{
    store_on_renewed (table->store, renewed, table);
    td_lane_sweep (table->module, begin_lane, swept, NULL, table);
}

void
table_quiet (Table *table)
{
    td_lane_sweep (table->module, quiet_lane, swept, NULL, table);
}
