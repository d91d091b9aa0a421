/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One node's part of a limit that several nodes share: its own share, and seats it leases from a pool. */

#include "lease.h"

#include <string.h>

enum {
    MAX_TRIES = 8,   /* of one change that others were faster with */
    CALM_ROUNDS = 5, /* keep-alives before a block goes back */
};

static void act (void *self, unsigned event, void *data);

#define RENEWED TD_BIT (LEASE_RENEWED)
#define REFUSED TD_BIT (LEASE_REFUSED)

static const TdState states[] = {
    [LEASE_ALONE] = { .name = "alone",
                      .events = RENEWED | REFUSED,
                      .next = TD_BIT (LEASE_SHARING) | TD_BIT (LEASE_TWIN),
                      .action = act },
    [LEASE_SHARING] = { .name = "sharing",
                        .events = RENEWED | REFUSED | TD_BIT (LEASE_LATE),
                        .next =
                            TD_BIT (LEASE_SHARING) | TD_BIT (LEASE_FENCED) | TD_BIT (LEASE_TWIN),
                        .action = act },
    [LEASE_FENCED] = { .name = "fenced",
                       .events = RENEWED | REFUSED | TD_BIT (LEASE_LOST),
                       .next = TD_BIT (LEASE_SHARING) | TD_BIT (LEASE_ALONE) | TD_BIT (LEASE_TWIN),
                       .action = act },
    [LEASE_TWIN] = { .name = "twin",
                     .events = RENEWED,
                     .next = TD_BIT (LEASE_SHARING),
                     .action = act },
};

static const char *const events[] = { "renewed", "late", "lost", "refused" };

const TdMachine lease_machine = { .name = "trunk.lease",
                                  .states = states,
                                  .n_states = G_N_ELEMENTS (states),
                                  .events = events,
                                  .n_events = G_N_ELEMENTS (events) };

const char *
lease_state_name (unsigned state)
{
    return states[state].name;
}

/* --- Data -------------------------------------------------------------------------------- */

static void
free_peer (void *data)
{
    LeasePeer *peer = data;

    g_free (peer->name);
    g_free (peer);
}

LeaseData *
lease_data_new (uint32_t share)
{
    LeaseData *data = g_new0 (LeaseData, 1);

    data->state = LEASE_ALONE;
    data->share = share;
    data->timeout_ms = UINT32_MAX;
    data->tried_us = INT64_MIN / 2;
    data->peers = g_ptr_array_new_with_free_func (free_peer);
    return data;
}

void
lease_data_free (LeaseData *data)
{
    if (data != NULL) {
        g_ptr_array_unref (data->peers);
        g_free (data->why);
        g_free (data);
    }
}

void
lease_settings_clear (LeaseSettings *settings)
{
    g_clear_pointer (&settings->terms, g_free);
}

uint32_t
lease_allowed (const LeaseData *data)
{
    return data->state == LEASE_TWIN      ? 0
           : data->state == LEASE_SHARING ? data->share + data->held
                                          : data->share;
}

/* The shorter one while the others may go by another. */
static int64_t
timeout_us (const Lease *lease)
{
    return (int64_t) MIN (lease->settings.timeout_ms, lease->data->timeout_ms) * 1000;
}

static int64_t
fence_us (const Lease *lease)
{
    return lease->data->sent_us + timeout_us (lease) / 2;
}

static void
allow (Lease *lease)
{
    const LeaseData *data = lease->data;
    bool is_sharing = data->state == LEASE_SHARING;

    lease->keeper->allow (lease, lease_allowed (data), is_sharing ? fence_us (lease) : INT64_MAX,
                          data->share, lease->keeper->data);
}

/* --- States ------------------------------------------------------------------------------ */

static void
go (Lease *lease, LeaseState state)
{
    LeaseState before = td_fsm_state (&lease->fsm);

    if (!td_fsm_enter (&lease->fsm, state)) {
        return;
    }
    lease->data->state = (uint8_t) state;
    allow (lease);
    if (state != before) {
        lease->keeper->changed (lease, before, lease->keeper->data);
    }
}

static void
lose (Lease *lease, LeaseState state)
{
    lease->data->held = 0;
    lease->data->is_shrinking = true;
    go (lease, state);
}

static void
act (void *self, unsigned event, void *data)
{
    switch ((LeaseEvent) event) {
    case LEASE_RENEWED:
        go (self, LEASE_SHARING);
        break;
    case LEASE_LATE:
        go (self, LEASE_FENCED);
        break;
    case LEASE_LOST:
        lose (self, LEASE_ALONE);
        break;
    case LEASE_REFUSED:
        lose (self, LEASE_TWIN);
        break;
    }
}

/* A look that comes late finds both due. */
static void
expire (Lease *lease, int64_t now_us)
{
    const LeaseData *data = lease->data;

    if (data->state == LEASE_SHARING && now_us >= fence_us (lease)) {
        td_fsm_dispatch (&lease->fsm, LEASE_LATE, NULL);
    }
    if (data->state == LEASE_FENCED && now_us >= data->sent_us + timeout_us (lease) / 4 * 3) {
        td_fsm_dispatch (&lease->fsm, LEASE_LOST, NULL);
    }
}

/* --- What is seen of others -------------------------------------------------------------- */

static LeasePeer *
find_peer (const LeaseData *data, const char *name)
{
    for (unsigned i = 0; i < data->peers->len; i++) {
        LeasePeer *peer = data->peers->pdata[i];
        if (strcmp (peer->name, name) == 0) {
            return peer;
        }
    }
    return NULL;
}

static void
observe_node (LeaseData *data, const LedgerNode *node, int64_t now_us)
{
    LeasePeer *peer = find_peer (data, node->name);

    if (peer == NULL) {
        peer = g_new0 (LeasePeer, 1);
        peer->name = g_strdup (node->name);
        g_ptr_array_add (data->peers, peer);
    } else if (peer->boot == node->boot && peer->seq == node->seq) {
        return;
    } else {
        peer->is_alive = peer->boot == node->boot;
    }
    peer->boot = node->boot;
    peer->seq = node->seq;
    peer->seats = node->seats;
    peer->moved_us = now_us;
}

/* The store had LEDGER when it answered, which was before NOW_US. */
static void
observe (LeaseData *data, const Ledger *ledger, int64_t now_us)
{
    if (ledger->epoch != data->epoch) {
        data->epoch = ledger->epoch;
        data->epoch_us = now_us;
        g_ptr_array_set_size (data->peers, 0);
    }
    data->is_ripe = ledger->is_ripe;
    for (unsigned i = data->peers->len; i-- > 0;) {
        if (ledger_find (ledger, ((const LeasePeer *) data->peers->pdata[i])->name) == NULL) {
            g_ptr_array_remove_index (data->peers, i);
        }
    }
    for (unsigned i = 0; i < ledger->nodes->len; i++) {
        observe_node (data, ledger->nodes->pdata[i], now_us);
    }
}

/* Those that have stood still for a whole time-out under our eyes (transfer container). */
static LedgerNode *
find_dead (const Lease *lease, int64_t now_us, unsigned *ret_n)
{
    const LeaseData *data = lease->data;
    LedgerNode *dead = g_new0 (LedgerNode, data->peers->len);
    int64_t since_us = now_us - (int64_t) lease->settings.timeout_ms * 1000;

    *ret_n = 0;
    for (unsigned i = 0; i < data->peers->len; i++) {
        const LeasePeer *peer = data->peers->pdata[i];
        bool is_us = strcmp (peer->name, lease->node) == 0 && peer->boot == data->boot;
        if (!is_us && peer->moved_us <= since_us) {
            dead[(*ret_n)++] =
                (LedgerNode){ .name = peer->name, .boot = peer->boot, .seq = peer->seq };
        }
    }
    return dead;
}

/* --- Renewing ---------------------------------------------------------------------------- */

static void
trouble (Lease *lease, const char *why)
{
    LeaseData *data = lease->data;

    if (g_strcmp0 (why, data->why) != 0) {
        g_free (data->why);
        data->why = g_strdup (why);
        lease->keeper->troubled (lease, why, lease->keeper->data);
    }
}

static void
fail (Lease *lease, const char *why)
{
    g_clear_pointer (&lease->run, g_free);
    g_clear_pointer (&lease->value, g_free);
    trouble (lease, why);
}

static LedgerAsk
ask_of (const Lease *lease, const LedgerTerms *terms, int64_t now_us)
{
    const LeaseData *data = lease->data;
    bool is_over = data->in_use > data->share;
    int64_t ripe_us = data->epoch_us + (int64_t) lease->settings.timeout_ms * 1000;

    return (LedgerAsk){
        .node = lease->node,
        .boot = data->boot,
        .seq = data->seq,
        .epoch = data->held_epoch,
        .fresh = MAX (lease->keeper->random (lease->keeper->data), 1),
        .known = now_us >= ripe_us ? data->epoch : 0,
        .is_leaving = lease->is_leaving,
        .held = data->held,
        .kept = lease->settings.is_kept && is_over ? data->in_use - data->share : 0,
        .want = MAX (lease->want, data->held),
        .terms = terms,
    };
}

/* The text that is to take the place of what the store has (transfer full), NULL when that is not to be
 * understood. */
static char *
make_change (Lease *lease, int64_t now_us, GError **error)
{
    g_autoptr (Ledger) ledger = ledger_parse (lease->value, error);
    LedgerTerms terms = { lease->settings.pool, lease->settings.timeout_ms, lease->settings.terms };

    if (ledger == NULL) {
        return NULL;
    }
    observe (lease->data, ledger, now_us);
    lease->data->seq++;
    lease->is_farewell = lease->is_leaving;
    LedgerAsk ask = ask_of (lease, &terms, now_us);
    g_autofree LedgerNode *dead = find_dead (lease, now_us, &ask.n_dead);
    ask.dead = dead;
    lease->verdict = ledger_apply (ledger, lease->run, &ask);
    char *text = ledger_print (ledger);
    if (strlen (text) > LEDGER_MAX_BYTES) {
        g_clear_pointer (&text, g_free);
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "the switches' names are too many and too long for the store");
    }
    return text;
}

/* One attempt: the first one reads what the store has, unless that is known. */
static void
attempt (Lease *lease, int64_t now_us)
{
    g_autoptr (GError) error = NULL;

    g_clear_pointer (&lease->after, g_free);
    if (lease->run != NULL) {
        lease->after = make_change (lease, now_us, &error);
        if (lease->after == NULL) {
            fail (lease, error->message);
            return;
        }
    }
    lease->asked_us = now_us;
    lease->is_busy =
        lease->keeper->swap (lease, lease->run, lease->run != NULL ? lease->value : NULL,
                             lease->after, lease->keeper->data);
    if (!lease->is_busy) {
        fail (lease, "no module provides a store: enable lease-redis");
    }
}

static void
begin (Lease *lease, uint32_t want, int64_t now_us)
{
    lease->want = want;
    lease->n_tries = 0;
    lease->data->tried_us = now_us;
    attempt (lease, now_us);
}

/* A share that has become larger by a reload holds once the pool has become smaller. */
static void
adopt_share (Lease *lease)
{
    LeaseData *data = lease->data;

    if (lease->verdict.is_agreed) {
        data->timeout_ms = lease->settings.timeout_ms;
        if (lease->verdict.n_taken <= lease->settings.pool) {
            data->share = lease->settings.share;
        }
    }
}

static void
adopt (Lease *lease, int64_t now_us)
{
    const LedgerVerdict *verdict = &lease->verdict;
    LeaseData *data = lease->data;

    if (verdict->is_twin) {
        const LeasePeer *peer = find_peer (data, lease->node);
        if (peer != NULL && peer->is_alive && data->state != LEASE_TWIN) {
            td_fsm_dispatch (&lease->fsm, LEASE_REFUSED, NULL);
        }
        trouble (lease, peer != NULL && peer->is_alive
                            ? "another switch runs by the name of this one: [tandem] node"
                            : "the seats of this switch's last life have to expire");
        return;
    }
    if (verdict->is_crowded) {
        trouble (lease, "the store has as many switches as it may");
        return;
    }
    if (now_us - lease->asked_us >= timeout_us (lease) / 2) {
        trouble (lease, "the store answers too late");
        return;
    }
    data->sent_us = lease->asked_us;
    data->held = verdict->seats;
    data->held_epoch = data->epoch;
    data->n_free = verdict->n_free;
    data->n_taken = verdict->n_taken;
    data->is_starved = verdict->seats < lease->want;
    adopt_share (lease);
    td_fsm_dispatch (&lease->fsm, LEASE_RENEWED, NULL);
    trouble (lease, verdict->is_agreed ? NULL
                                       : "the switches differ in capacity, shared-by or [lease] "
                                         "timeout of this trunk: nobody is given more");
}

static void
take_over (Lease *lease, const char *run, const char *value)
{
    g_free (lease->run);
    lease->run = g_strdup (run);
    g_free (lease->value);
    lease->value = g_strdup (value);
}

void
lease_answer (Lease *lease, const LeaseAnswer *answer, int64_t now_us)
{
    lease->is_busy = false;
    if (answer->error != NULL) {
        fail (lease, answer->error);
        return;
    }
    if (answer->run == NULL || (answer->is_done && lease->after == NULL)) {
        fail (lease, "the store's answer makes no sense");
        return;
    }
    take_over (lease, answer->run, answer->is_done ? lease->after : answer->value);
    if (!answer->is_done) {
        if (++lease->n_tries > MAX_TRIES) {
            fail (lease, "other switches were always faster");
        } else {
            attempt (lease, now_us);
        }
        return;
    }
    g_autoptr (Ledger) ledger = ledger_parse (lease->value, NULL);
    if (ledger != NULL) {
        observe (lease->data, ledger, now_us);
    }
    if (!lease->is_leaving) {
        adopt (lease, now_us);
    } else if (!lease->is_farewell) {
        begin (lease, 0, now_us);
    }
}

void
lease_leave (Lease *lease, int64_t now_us)
{
    lease->is_leaving = true;
    lease->data->held = 0;
    allow (lease);
    if (!lease->is_busy && lease->run != NULL) {
        begin (lease, 0, now_us);
    }
}

/* --- How much ---------------------------------------------------------------------------- */

static uint32_t
round_up (int64_t seats, uint32_t block)
{
    return (uint32_t) ((MAX (seats, 0) + block - 1) / block * block);
}

/* While the pool has less than a block for everybody, less is kept for calls to come. */
static bool
is_scarce (const Lease *lease)
{
    return lease->data->n_free < lease->settings.block;
}

/* Seats that nobody has needed for a while go back. Nobody may sit down there any more before the store
 * hears of it; if somebody just has, they stay. */
static void
give_back (Lease *lease)
{
    LeaseData *data = lease->data;
    uint32_t block = lease->settings.block, held = data->held;
    uint32_t spare = is_scarce (lease) ? data->calm_free - (block + 1) / 2
                                       : (data->calm_free - block) / block * block;

    data->held -= MIN (spare, held);
    allow (lease);
    if (lease->keeper->in_use (lease, lease->keeper->data) > lease_allowed (data)) {
        data->held = held;
        allow (lease);
    }
}

/* Whether so much has been free for a while that some of it may go back. */
static bool
is_calm (Lease *lease, int64_t n_free, int64_t now_us)
{
    LeaseData *data = lease->data;
    int64_t calm_us = (int64_t) lease->settings.keep_alive_ms * 1000 * CALM_ROUNDS;
    int64_t mark = (int64_t) lease->settings.block * (is_scarce (lease) ? 1 : 2);

    if (n_free < mark || data->state != LEASE_SHARING) {
        data->calm_us = now_us;
        data->calm_free = UINT32_MAX;
        return false;
    }
    data->calm_free = (uint32_t) MIN (n_free, (int64_t) data->calm_free);
    return data->held > 0 && now_us - data->calm_us >= calm_us;
}

/* Renews, asks for more, or gives back. */
static void
renew (Lease *lease, int64_t now_us)
{
    LeaseData *data = lease->data;
    const LeaseSettings *settings = &lease->settings;
    uint32_t in_use = lease->keeper->in_use (lease, lease->keeper->data);
    int64_t rise = in_use > data->in_use ? in_use - data->in_use : 0;
    int64_t n_free = (int64_t) data->share + data->held - in_use;
    bool is_due = now_us - data->tried_us >= (int64_t) settings->keep_alive_ms * 1000;
    bool is_low = n_free < MAX ((settings->block + 1) / 2, 2 * rise);
    bool is_spare = is_calm (lease, n_free, now_us);
    uint32_t want = data->held;

    data->in_use = in_use;
    if (is_low) {
        want += round_up (MAX (settings->block, 4 * rise) - n_free, settings->block);
        want = MIN (want, settings->pool);
        is_due |=
            data->state == LEASE_SHARING && data->is_ripe && !data->is_starved && want > data->held;
    } else if (is_spare) {
        give_back (lease);
        data->calm_us = now_us;
        data->calm_free = UINT32_MAX;
        is_due = true;
        want = data->held;
    }
    if (is_due) {
        begin (lease, want, now_us);
    }
}

/* Calls above what is left are named again and again until they are gone: the same ones. */
static void
shrink (Lease *lease)
{
    LeaseData *data = lease->data;
    uint32_t in_use = lease->keeper->in_use (lease, lease->keeper->data);
    uint32_t allowed = lease_allowed (data);

    if (in_use <= allowed) {
        data->is_shrinking = false;
    } else if (!lease->settings.is_kept) {
        lease->keeper->release (lease, in_use - allowed, lease->keeper->data);
    }
}

void
lease_look (Lease *lease, int64_t now_us)
{
    if (lease->is_leaving) {
        return;
    }
    expire (lease, now_us);
    if (!lease->is_busy) {
        renew (lease, now_us);
    }
    if (lease->data->is_shrinking) {
        shrink (lease);
    }
}

/* --- Making ------------------------------------------------------------------------------ */

Lease *
lease_new (const LeaseKeeper *keeper, LeaseData *data, const char *node,
           const LeaseSettings *settings, void *owner, int64_t now_us)
{
    Lease *lease = g_new0 (Lease, 1);

    lease->keeper = keeper;
    lease->data = data;
    lease->owner = owner;
    lease->node = g_strdup (node);
    while (data->boot == 0) {
        data->boot = keeper->random (keeper->data);
    }
    td_fsm_init (&lease->fsm, keeper->module, &lease_machine, lease);
    if (data->state == LEASE_FENCED) {
        td_fsm_enter (&lease->fsm, LEASE_SHARING);
    }
    if (data->state != LEASE_ALONE) {
        td_fsm_enter (&lease->fsm, data->state);
    }
    lease_configure (lease, settings, now_us);
    return lease;
}

void
lease_free (Lease *lease)
{
    if (lease != NULL) {
        td_fsm_clear (&lease->fsm);
        lease_settings_clear (&lease->settings);
        g_free (lease->node);
        g_free (lease->run);
        g_free (lease->value);
        g_free (lease->after);
        g_free (lease);
    }
}

void
lease_configure (Lease *lease, const LeaseSettings *settings, int64_t now_us)
{
    LeaseData *data = lease->data;

    lease_settings_clear (&lease->settings);
    lease->settings = *settings;
    data->share = MIN (data->share, settings->share);
    data->calm_us = now_us;
    data->calm_free = UINT32_MAX;
    allow (lease);
}
