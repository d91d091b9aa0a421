/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The leases of all groups that are shared, between the groups and the store. */

#include "shared.h"

#include "command.h"

#include <string.h>
#include <tandem/iface/lease.h>
#include <tandem/log.h>
#include <time.h>

enum { MIN_LOOK_MS = 10, MAX_LOOK_MS = 250, LOOKS_PER_KEEP_ALIVE = 8 };

typedef enum {
    METRIC_LEASED,
    METRIC_ALONE,
    METRIC_LOST,
    METRIC_RELEASED,
    N_SHARED_METRICS
} SharedMetric;

/* A lease of ours and what is told of it. */
typedef struct {
    Group *group;
    Lease *lease;
    TdMetric *metrics[N_SHARED_METRICS];
    uint32_t n_releasing;
} Entry;

struct Shared {
    Trunk *trunk;
    LeaseKeeper keeper;
    GHashTable *entries; /* Group -> Entry */
    TdTimer timer;
    TdTopic *topic;
    uint64_t n_tickets;
    uint32_t look_ms;
};

/* A change under way to the store. */
typedef struct {
    TdLeaseSwap swap;
    Shared *shared;
    Group *group;
    uint64_t ticket;
    char *run, *before, *after;
} Swap;

typedef struct {
    const char *trunk, *state, *before, *why;
    uint32_t share, leased, allowed;
} LeaseFact;

static const TdField fields[] = {
    TD_FIELD (LeaseFact, trunk, TD_FIELD_TEXT, "The trunk group"),
    TD_FIELD (LeaseFact, state, TD_FIELD_TEXT, "alone, sharing, fenced or twin"),
    TD_FIELD (LeaseFact, before, TD_FIELD_TEXT, "The state it was in"),
    TD_FIELD (LeaseFact, why, TD_FIELD_TEXT, "Why, in words"),
    TD_FIELD (LeaseFact, share, TD_FIELD_UINT, "Places that are this switch's own"),
    TD_FIELD (LeaseFact, leased, TD_FIELD_UINT, "Places leased from the pool"),
    TD_FIELD (LeaseFact, allowed, TD_FIELD_UINT, "Places that may be taken now"),
};

/* The lanes' clock, and the time the machine slept: leases go on running out meanwhile. */
static int64_t
slept_us (void)
{
    struct timespec all, awake;

    clock_gettime (CLOCK_MONOTONIC, &awake);
    clock_gettime (CLOCK_BOOTTIME, &all);
    return (int64_t) (all.tv_sec - awake.tv_sec) * G_USEC_PER_SEC
           + (all.tv_nsec - awake.tv_nsec) / 1000;
}

static int64_t
lease_now_us (void)
{
    return td_clock_now_us () + slept_us ();
}

static bool
is_in_charge (const Trunk *trunk)
{
    return atomic_load (&trunk->book->newest) == td_module_generation (trunk->module);
}

/* --- What is told ------------------------------------------------------------------------ */

static const struct {
    const char *name, *help;
    TdMetricKind kind;
} metrics[N_SHARED_METRICS] = {
    [METRIC_LEASED] = { "tandem_trunk_leased", "Places leased from the pool that switches share",
                        TD_METRIC_GAUGE },
    [METRIC_ALONE] = { "tandem_trunk_alone",
                       "1 while a shared group runs on this switch's own share", TD_METRIC_GAUGE },
    [METRIC_LOST] = { "tandem_trunk_leases_lost_total", "Leases that were not renewed in time",
                      TD_METRIC_COUNTER },
    [METRIC_RELEASED] = { "tandem_trunk_lease_calls_released_total",
                          "Calls that ended because a lease was lost", TD_METRIC_COUNTER },
};

static void
bind_metrics (TdModule *module, Entry *entry)
{
    g_autofree char *name = label_value (entry->group->name);
    g_autofree char *labels = g_strdup_printf ("trunk=\"%s\"", name);

    for (SharedMetric i = 0; i < N_SHARED_METRICS; i++) {
        entry->metrics[i] =
            td_metric_declare (module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                        .kind = metrics[i].kind,
                                                        .name = metrics[i].name,
                                                        .help = metrics[i].help,
                                                        .labels = labels });
    }
}

/* Gauges take differences: what was told is kept with what outlives us. */
static void
tell (const Entry *entry, LeaseData *data, uint32_t held, bool is_alone)
{
    td_metric_add (entry->metrics[METRIC_LEASED], (int64_t) held - data->told_held);
    td_metric_add (entry->metrics[METRIC_ALONE], (int64_t) is_alone - data->is_told_alone);
    data->told_held = held;
    data->is_told_alone = is_alone;
}

static void
tell_now (const Entry *entry, LeaseData *data)
{
    bool is_sharing = data->state == LEASE_SHARING;

    tell (entry, data, is_sharing ? data->held : 0, !is_sharing);
}

static void
log_state (const Trunk *trunk, const LeaseFact *fact, LeaseState state)
{
    static const char *const meanings[N_LEASE_STATES] = {
        [LEASE_ALONE] = "runs on this switch's own share",
        [LEASE_SHARING] = "leases places from the pool",
        [LEASE_FENCED] = "takes no new calls above this switch's own share: the lease runs out",
        [LEASE_TWIN] = "takes no calls: another switch runs by the name of this one",
    };
    g_autofree char *subject = g_strdup_printf ("trunk %s", fact->trunk);
    g_autofree char *share = g_strdup_printf ("%u", fact->share);
    g_autofree char *leased = g_strdup_printf ("%u", fact->leased);

    td_log (trunk->module,
            state == LEASE_SHARING ? TD_LOG_NOTICE
            : state == LEASE_TWIN  ? TD_LOG_ERROR
                                   : TD_LOG_WARNING,
            subject,
            (TdLogField[]){ { "share", share },
                            { "leased", leased },
                            { "why", fact->why != NULL ? fact->why : "" },
                            { 0 } },
            "%s, was %s", meanings[state], fact->before);
}

static void
changed (Lease *lease, LeaseState before, void *user)
{
    const Shared *shared = user;
    Entry *entry = lease->owner;
    const LeaseData *data = lease->data;
    LeaseFact fact = { .trunk = entry->group->name,
                       .state = lease_state_name (data->state),
                       .before = lease_state_name (before),
                       .why = data->why,
                       .share = data->share,
                       .leased = data->held,
                       .allowed = lease_allowed (data) };

    if (data->state == LEASE_ALONE) {
        td_metric_add (entry->metrics[METRIC_LOST], 1);
    }
    tell_now (entry, lease->data);
    log_state (shared->trunk, &fact, data->state);
    td_bus_publish (shared->topic, TD_ID_NONE, NULL, 0, &fact);
}

static void
troubled (Lease *lease, const char *why, void *user)
{
    const Shared *shared = user;
    const Entry *entry = lease->owner;
    g_autofree char *subject = g_strdup_printf ("trunk %s", entry->group->name);

    if (why != NULL) {
        td_log_peer (shared->trunk->module, "trunk.lease", subject, NULL,
                     "places cannot be leased (%s): %s", lease_state_name (lease->data->state),
                     why);
    } else {
        td_log_notice (shared->trunk->module, subject, "places are leased again");
    }
}

/* --- What a lease has done for it -------------------------------------------------------- */

static uint32_t
in_use (Lease *lease, void *user)
{
    return group_in_use (((const Entry *) lease->owner)->group);
}

static void
allow (Lease *lease, uint32_t seats, int64_t until_us, uint32_t after, void *user)
{
    const Entry *entry = lease->owner;

    group_allow (entry->group, seats, until_us != INT64_MAX ? until_us - slept_us () : until_us,
                 after);
    tell_now (entry, lease->data);
}

typedef struct {
    TdId call;
    unsigned seat_class, order;
} Holder;

static bool
add_holder (TdId call, unsigned seat_class, void *data)
{
    GArray *holders = data;
    Holder holder = { .call = call, .seat_class = seat_class, .order = holders->len };

    g_array_append_val (holders, holder);
    return true;
}

/* No loss of a lease ends a call for help, nor one of no lower class. */
static bool
may_be_released (const Holder *holder)
{
    return holder->seat_class < TD_CLASS_EMERGENCY;
}

/* The lowest class first, of those the youngest. */
static int
compare_holders (const void *a, const void *b)
{
    const Holder *one = a, *other = b;

    return one->seat_class != other->seat_class ? (one->seat_class < other->seat_class ? -1 : 1)
           : one->order > other->order          ? -1
                                                : one->order < other->order;
}

static void
release (Lease *lease, uint32_t n, void *user)
{
    const Shared *shared = user;
    Entry *entry = lease->owner;
    TdCause cause = td_cause (TD_CAUSE_PREEMPTION, "Shared capacity lost");
    g_autoptr (GArray) holders = g_array_new (FALSE, FALSE, sizeof (Holder));
    uint32_t n_released = 0;

    if (entry->group->calls[WAY_ALL] == NULL) {
        return;
    }
    td_limit_holders (entry->group->calls[WAY_ALL], add_holder, holders);
    g_array_sort (holders, compare_holders);
    for (; n_released < MIN (n, holders->len); n_released++) {
        const Holder *holder = &g_array_index (holders, Holder, n_released);
        if (!may_be_released (holder)) {
            break;
        }
        td_call_release_by_id (shared->trunk->module, holder->call, &cause);
    }
    if (n_released > entry->n_releasing) {
        g_autofree char *subject = g_strdup_printf ("trunk %s", entry->group->name);
        td_metric_add (entry->metrics[METRIC_RELEASED], n_released - entry->n_releasing);
        td_log_warning (shared->trunk->module, subject,
                        "%u calls above this switch's own share are released: their lease is lost",
                        n_released - entry->n_releasing);
    }
    entry->n_releasing = n_released;
}

static uint64_t
random_number (void *user)
{
    return (uint64_t) g_random_int () << 32 | g_random_int ();
}

/* --- The store --------------------------------------------------------------------------- */

static void
swap_done (TdLeaseSwap *done, const TdLeaseAnswer *answer)
{
    Swap *swap = done->data;
    TdModule *module = swap->shared->trunk->module;
    const Entry *entry = g_hash_table_lookup (swap->shared->entries, swap->group);

    if (entry != NULL && entry->lease->is_busy && entry->lease->ticket == swap->ticket
        && is_in_charge (swap->shared->trunk)) {
        lease_answer (entry->lease,
                      &(LeaseAnswer){ .error = answer->error,
                                      .is_done = answer->is_done,
                                      .run = answer->run,
                                      .value = answer->text },
                      lease_now_us ());
    }
    td_feature_release (module, TD_FEATURE_LEASE_STORE);
    group_unref (swap->group);
    g_free (swap->run);
    g_free (swap->before);
    g_free (swap->after);
    g_free (swap);
    td_module_unuse (module);
}

static bool
begin_swap (Lease *lease, const char *run, const char *before, const char *after, void *user)
{
    Shared *shared = user;
    TdModule *module = shared->trunk->module;
    const TdLeaseStore *store = td_feature_acquire (module, TD_FEATURE_LEASE_STORE);

    if (store == NULL) {
        return false;
    }
    Swap *swap = g_new0 (Swap, 1);
    td_module_use (module);
    swap->shared = shared;
    swap->group = group_ref (((Entry *) lease->owner)->group);
    swap->ticket = lease->ticket = ++shared->n_tickets;
    swap->run = g_strdup (run);
    swap->before = g_strdup (before);
    swap->after = g_strdup (after);
    swap->swap = (TdLeaseSwap){ .size = sizeof (TdLeaseSwap),
                                .key = swap->group->name,
                                .run = swap->run,
                                .before = swap->before,
                                .after = swap->after,
                                .done = swap_done,
                                .data = swap };
    store->swap (&swap->swap, store->data);
    return true;
}

/* --- Groups ------------------------------------------------------------------------------ */

static void
free_entry (void *data)
{
    Entry *entry = data;

    lease_free (entry->lease);
    group_unref (entry->group);
    g_free (entry);
}

static void
add_entry (Shared *shared, Group *group, const char *node, const LeaseSettings *settings)
{
    Entry *entry = g_new0 (Entry, 1);

    if (group->lease == NULL) {
        group->lease = lease_data_new (settings->share);
    }
    entry->group = group_ref (group);
    bind_metrics (shared->trunk->module, entry);
    entry->lease =
        lease_new (&shared->keeper, group->lease, node, settings, entry, lease_now_us ());
    g_hash_table_insert (shared->entries, group, entry);
}

/* GROUP is shared no more, or is gone. What it has leased is for others when it has run out. */
static void
remove_entry (Shared *shared, Group *group)
{
    const Entry *entry = g_hash_table_lookup (shared->entries, group);

    if (entry != NULL) {
        tell (entry, group->lease, 0, false);
        g_hash_table_remove (shared->entries, group);
        g_clear_pointer (&group->lease, lease_data_free);
    }
}

static LeaseSettings
copy_settings (const LeaseSettings *settings)
{
    LeaseSettings copy = *settings;

    copy.terms = g_strdup (settings->terms);
    return copy;
}

static void
apply_entry (Shared *shared, const char *node, const PlanEntry *planned)
{
    Group *group = g_hash_table_lookup (shared->trunk->book->groups, planned->name);
    const Entry *entry = g_hash_table_lookup (shared->entries, group);

    if (!planned->settings.is_shared) {
        remove_entry (shared, group);
        return;
    }
    LeaseSettings settings = copy_settings (&planned->lease);
    uint32_t look_ms = settings.keep_alive_ms / LOOKS_PER_KEEP_ALIVE;
    shared->look_ms = CLAMP (look_ms, MIN_LOOK_MS, MAX_LOOK_MS);
    if (entry != NULL) {
        lease_configure (entry->lease, &settings, lease_now_us ());
    } else {
        add_entry (shared, group, node, &settings);
    }
}

static void
remove_others (Shared *shared)
{
    g_autoptr (GList) groups = g_hash_table_get_keys (shared->entries);

    for (const GList *link = groups; link != NULL; link = link->next) {
        Group *group = link->data;
        if (g_hash_table_lookup (shared->trunk->book->groups, group->name) != group) {
            remove_entry (shared, group);
        }
    }
}

static void
look (TdTimer *timer)
{
    Shared *shared = (Shared *) ((char *) timer - offsetof (Shared, timer));
    GHashTableIter iter;
    void *value;

    if (!is_in_charge (shared->trunk)) {
        g_hash_table_remove_all (shared->entries);
        return;
    }
    g_hash_table_iter_init (&iter, shared->entries);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        Entry *entry = value;
        lease_look (entry->lease, lease_now_us ());
        if (!entry->lease->data->is_shrinking) {
            entry->n_releasing = 0;
        }
    }
    td_timer_start (timer, shared->look_ms);
}

void
shared_apply (Shared *shared, const Plan *plan)
{
    for (unsigned i = 0; i < plan->entries->len; i++) {
        apply_entry (shared, plan->node, plan->entries->pdata[i]);
    }
    remove_others (shared);
    if (g_hash_table_size (shared->entries) == 0) {
        td_timer_stop (&shared->timer);
    } else if (!td_timer_is_active (&shared->timer)) {
        td_timer_start (&shared->timer, 0);
    }
}

/* --- Beginning and end ------------------------------------------------------------------- */

Shared *
shared_new (Trunk *trunk)
{
    Shared *shared = g_new0 (Shared, 1);

    shared->trunk = trunk;
    shared->entries = g_hash_table_new_full (NULL, NULL, NULL, free_entry);
    shared->keeper = (LeaseKeeper){ .module = trunk->module,
                                    .data = shared,
                                    .in_use = in_use,
                                    .allow = allow,
                                    .release = release,
                                    .swap = begin_swap,
                                    .changed = changed,
                                    .troubled = troubled,
                                    .random = random_number };
    shared->topic = td_topic_declare (
        trunk->module,
        &(TdTopicDecl){ .size = sizeof (TdTopicDecl),
                        .version = 1,
                        .name = "trunk.lease",
                        .help = "A shared trunk group leases places, or has to do without",
                        .fields = fields,
                        .n_fields = G_N_ELEMENTS (fields),
                        .body_size = sizeof (LeaseFact) });
    td_timer_init (&shared->timer, trunk->module, look);
    return shared;
}

void
shared_end (Shared *shared)
{
    GHashTableIter iter;
    void *value;

    td_timer_stop (&shared->timer);
    g_hash_table_iter_init (&iter, shared->entries);
    while (is_in_charge (shared->trunk) && g_hash_table_iter_next (&iter, NULL, &value)) {
        const Entry *entry = value;
        if (group_in_use (entry->group) == 0) {
            lease_leave (entry->lease, lease_now_us ());
        }
        tell (entry, entry->lease->data, 0, false);
    }
}

void
shared_free (Shared *shared)
{
    if (shared != NULL) {
        g_hash_table_unref (shared->entries);
        g_free (shared);
    }
}

/* --- Shown ------------------------------------------------------------------------------- */

static double
seconds_since (int64_t since_us)
{
    return (double) ((lease_now_us () - since_us) / 1000) / 1000;
}

static void
add_peer (GVariantBuilder *rows, const Entry *entry, const LeasePeer *peer, bool is_with_trunk)
{
    const Lease *lease = entry->lease;
    bool is_us = strcmp (peer->name, lease->node) == 0 && peer->boot == lease->data->boot;
    g_autofree char *boot = g_strdup_printf ("%016" G_GINT64_MODIFIER "x", peer->boot);

    g_variant_builder_open (rows, G_VARIANT_TYPE_VARDICT);
    if (is_with_trunk) {
        row_text (rows, "trunk", entry->group->name);
    }
    row_text (rows, "node", peer->name);
    row_text (rows, "state", is_us ? lease_state_name (lease->data->state) : "peer");
    row_number (rows, "leased", peer->seats);
    g_variant_builder_add (rows, "{sv}", "seen_s_ago",
                           g_variant_new_double (seconds_since (peer->moved_us)));
    row_text (rows, "life", boot);
    g_variant_builder_close (rows);
}

static void
add_peers (GVariantBuilder *rows, const Entry *entry, bool is_with_trunk)
{
    const GPtrArray *peers = entry->lease->data->peers;

    for (unsigned i = 0; i < peers->len; i++) {
        add_peer (rows, entry, peers->pdata[i], is_with_trunk);
    }
}

void
shared_show (const Shared *shared, Group *group, GVariantBuilder *row)
{
    const Entry *entry = g_hash_table_lookup (shared->entries, group);
    GVariantBuilder rows;

    if (entry == NULL) {
        return;
    }
    const LeaseData *data = entry->lease->data;
    row_text (row, "lease", lease_state_name (data->state));
    row_text (row, "lease_trouble", data->why);
    row_number (row, "share", data->share);
    row_number (row, "leased", data->state == LEASE_SHARING ? data->held : 0);
    row_number (row, "allowed", group_capacity (group));
    row_number (row, "pool", entry->lease->settings.pool);
    row_number (row, "pool_free", data->n_free);
    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    add_peers (&rows, entry, false);
    g_variant_builder_add (row, "{sv}", "peers", g_variant_builder_end (&rows));
}

static int
compare_entries (const void *a, const void *b)
{
    return strcmp ((*(Entry *const *) a)->group->name, (*(Entry *const *) b)->group->name);
}

static void
run_list (TdRequest *request, void *data)
{
    const Trunk *trunk = data;
    g_autoptr (GPtrArray) entries = g_ptr_array_new ();
    GHashTableIter iter;
    GVariantBuilder rows;
    void *value;

    g_hash_table_iter_init (&iter, trunk->shared->entries);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        g_ptr_array_add (entries, value);
    }
    g_ptr_array_sort (entries, compare_entries);
    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < entries->len; i++) {
        add_peers (&rows, entries->pdata[i], true);
    }
    td_request_reply (request, g_variant_builder_end (&rows));
}

bool
shared_commands_start (Trunk *trunk, GError **error)
{
    return command_add (
        trunk,
        &(TdCommand){ .name = "lease list",
                      .help =
                          "Shows the switches that share trunk groups, and what each has leased",
                      .run = run_list },
        error);
}
