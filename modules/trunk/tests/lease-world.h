/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Nodes, a store and a network between them, for tests: lease.c and ledger.c are the real ones.
 *
 * Time is the world's; each node has a clock of its own that runs a little fast or slow. A node can be
 * killed, stopped for a while or cut off; the store can be stopped, killed, emptied, and come back with
 * what it had a while ago. What a node has sent may be carried out long after it has given up waiting.
 */

#ifndef TRUNK_TESTS_LEASE_WORLD_H
#define TRUNK_TESTS_LEASE_WORLD_H

#include "lease.h"
#include "world.h"

enum {
    WORLD_MAX_NODES = 5,
    WORLD_KEEP_ALIVE_MS = 2000,
    WORLD_TIMEOUT_MS = 40000,
    WORLD_END_US = 3000000, /* how long a call that is released may take at most */
};

typedef struct LeaseWorld LeaseWorld;

typedef struct {
    LeaseWorld *world;
    char name[8];
    bool is_up, is_stopped, is_cut;
    bool was_stopped; /* for so long that its calls were not its own any more */
    double rate;      /* of its clock */
    LeaseSettings settings;
    LeaseData *data;
    Lease *lease;
    uint64_t ticket;
    int64_t sent_us, stopped_until_us, ended_us;
    /* Its calls, and what it may have, as a group keeps it: */
    uint32_t n_calls, n_ending, allowed, after;
    int64_t until_us;
    unsigned n_released, n_changes, n_troubles;
} LeaseNode;

/* A question or an answer on its way. */
typedef struct {
    LeaseNode *node;
    uint64_t ticket;
    int64_t at_us;
    bool is_answer, is_done;
    char *run, *text, *after; /* what is expected, or was found */
} Message;

struct LeaseWorld {
    TdOwner module;
    LeaseKeeper keeper;
    GRand *rand;
    int64_t now_us;
    unsigned n_nodes, limit, n_runs;
    LeaseNode nodes[WORLD_MAX_NODES];
    GPtrArray *messages;
    char *run, *text, *old_text; /* of the store */
    bool is_store_stopped, is_store_down;
    int64_t delay_us;  /* one way */
    int64_t answer_us; /* how long a node waits for the store */
};

static inline void
message_free (void *data)
{
    Message *message = data;

    g_free (message->run);
    g_free (message->text);
    g_free (message->after);
    g_free (message);
}

static inline int64_t
node_now_us (const LeaseNode *node)
{
    return (int64_t) ((double) node->world->now_us * node->rate);
}

/* --- What leases need -------------------------------------------------------------------- */

static inline uint32_t
world_in_use (Lease *lease, void *data)
{
    return ((const LeaseNode *) lease->owner)->n_calls;
}

static inline void
world_allow (Lease *lease, uint32_t seats, int64_t until_us, uint32_t after, void *data)
{
    LeaseNode *node = lease->owner;

    node->allowed = seats;
    node->until_us = until_us;
    node->after = after;
}

static inline void
world_release (Lease *lease, uint32_t n, void *data)
{
    LeaseNode *node = lease->owner;

    if (node->n_ending == 0) {
        node->ended_us =
            node->world->now_us + g_rand_int_range (node->world->rand, 0, WORLD_END_US);
    }
    node->n_released += n > node->n_ending ? n - node->n_ending : 0;
    node->n_ending = MAX (node->n_ending, n);
}

static inline bool
world_swap (Lease *lease, const char *run, const char *before, const char *after, void *data)
{
    LeaseNode *node = lease->owner;
    LeaseWorld *world = node->world;
    Message *message = g_new0 (Message, 1);

    message->node = node;
    message->ticket = ++node->ticket;
    message->at_us = world->now_us + world->delay_us;
    message->run = g_strdup (run);
    message->text = g_strdup (before);
    message->after = g_strdup (after);
    node->sent_us = world->now_us;
    if (node->is_cut) {
        message_free (message);
    } else {
        g_ptr_array_add (world->messages, message);
    }
    return true;
}

static inline void
world_changed (Lease *lease, LeaseState before, void *data)
{
    ((LeaseNode *) lease->owner)->n_changes++;
}

static inline void
world_troubled (Lease *lease, const char *why, void *data)
{
    ((LeaseNode *) lease->owner)->n_troubles += why != NULL;
}

static inline uint64_t
world_random (void *data)
{
    const LeaseWorld *world = data;

    return (uint64_t) g_rand_int (world->rand) << 32 | g_rand_int (world->rand);
}

/* --- Nodes ------------------------------------------------------------------------------- */

static inline void
node_start (LeaseNode *node)
{
    LeaseSettings settings = node->settings;

    settings.terms = g_strdup (node->settings.terms);
    node->is_up = true;
    node->is_stopped = node->was_stopped = false;
    node->n_calls = node->n_ending = 0;
    node->data = lease_data_new (settings.share);
    node->lease = lease_new (&node->world->keeper, node->data, node->name, &settings, node,
                             node_now_us (node));
}

static inline void
node_kill (LeaseNode *node)
{
    if (node->is_up) {
        lease_free (node->lease);
        lease_data_free (node->data);
        node->lease = NULL;
        node->data = NULL;
        node->is_up = false;
        node->n_calls = node->n_ending = 0;
        node->ticket++;
    }
}

/* A call, as group_take () takes it. */
static inline bool
node_take (LeaseNode *node)
{
    if (!node->is_up || node->is_stopped) {
        return false;
    }
    if (node_now_us (node) >= node->until_us) {
        node->allowed = node->after;
        node->until_us = INT64_MAX;
    }
    if (node->n_calls >= node->allowed) {
        return false;
    }
    node->n_calls++;
    return true;
}

static inline void
node_look (LeaseNode *node)
{
    /* The peer has been told: it does not matter any more what becomes of the process. */
    if (node->n_ending > 0 && node->world->now_us >= node->ended_us) {
        node->n_calls -= MIN (node->n_calls, node->n_ending);
        node->n_ending = 0;
    }
    if (!node->is_up || node->is_stopped) {
        return;
    }
    if (node->lease->is_busy && node->world->now_us - node->sent_us >= node->world->answer_us) {
        node->ticket++;
        lease_answer (node->lease, &(LeaseAnswer){ .error = "no answer" }, node_now_us (node));
    }
    lease_look (node->lease, node_now_us (node));
}

/* --- The store --------------------------------------------------------------------------- */

static inline void
store_new_run (LeaseWorld *world)
{
    g_free (world->run);
    world->run = g_strdup_printf ("run%u", ++world->n_runs);
    for (unsigned i = world->messages->len; i-- > 0;) { /* its connections are gone */
        if (!((const Message *) world->messages->pdata[i])->is_answer) {
            g_ptr_array_remove_index (world->messages, i);
        }
    }
}

static inline void
store_set (LeaseWorld *world, const char *text)
{
    char *copy = g_strdup (text);

    g_free (world->text);
    world->text = copy;
}

/* What lease-redis has the server do. */
static inline void
store_execute (LeaseWorld *world, Message *message)
{
    message->is_done = g_strcmp0 (message->run, world->run) == 0
                       && g_strcmp0 (message->text, world->text) == 0 && message->after != NULL;
    if (message->is_done) {
        store_set (world, message->after);
    }
    g_free (message->run);
    g_free (message->text);
    message->run = g_strdup (world->run);
    message->text = g_strdup (world->text);
    message->is_answer = true;
    message->at_us = world->now_us + world->delay_us;
}

static inline void
message_arrive (LeaseWorld *world, Message *message)
{
    LeaseNode *node = message->node;

    if (node->is_up && !node->is_cut && node->ticket == message->ticket) {
        lease_answer (node->lease,
                      &(LeaseAnswer){ .is_done = message->is_done,
                                      .run = message->run,
                                      .value = message->text },
                      node_now_us (node));
    }
    message_free (message);
}

static inline void
world_deliver (LeaseWorld *world)
{
    for (unsigned i = 0; i < world->messages->len;) {
        Message *message = world->messages->pdata[i];
        bool is_held = message->is_answer ? message->node->is_stopped : world->is_store_stopped;
        if (message->at_us > world->now_us || is_held) {
            i++;
        } else if (!message->is_answer && world->is_store_down) {
            g_ptr_array_remove_index (world->messages, i);
        } else if (!message->is_answer) {
            store_execute (world, message);
            i++;
        } else {
            g_ptr_array_steal_index (world->messages, i);
            message_arrive (world, message);
        }
    }
}

/* --- The world --------------------------------------------------------------------------- */

static inline LeaseWorld *
lease_world_new (uint32_t seed, unsigned n_nodes, const uint32_t *shares, uint32_t pool,
                 uint32_t block)
{
    TdLanesOptions options = { .n_lanes = 1, .is_fake = true, .seed = 1 };
    LeaseWorld *world = g_new0 (LeaseWorld, 1);

    td_lanes_open (&options);
    td_owner_init (&world->module, "trunk");
    world->rand = g_rand_new_with_seed (seed);
    world->messages = g_ptr_array_new_with_free_func (message_free);
    world->now_us = G_USEC_PER_SEC;
    world->delay_us = 300;
    world->answer_us = G_USEC_PER_SEC;
    world->n_nodes = n_nodes;
    world->limit = pool;
    world->keeper = (LeaseKeeper){ .module = (TdModule *) &world->module,
                                   .data = world,
                                   .in_use = world_in_use,
                                   .allow = world_allow,
                                   .release = world_release,
                                   .swap = world_swap,
                                   .changed = world_changed,
                                   .troubled = world_troubled,
                                   .random = world_random };
    store_new_run (world);
    for (unsigned i = 0; i < n_nodes; i++) {
        LeaseNode *node = &world->nodes[i];
        node->world = world;
        node->rate = 1;
        g_snprintf (node->name, sizeof node->name, "n%u", i);
        node->settings = (LeaseSettings){ .pool = pool,
                                          .share = shares[i],
                                          .block = block,
                                          .keep_alive_ms = WORLD_KEEP_ALIVE_MS,
                                          .timeout_ms = WORLD_TIMEOUT_MS,
                                          .terms = (char *) "terms" };
        world->limit += shares[i];
        node_start (node);
    }
    return world;
}

static inline void
lease_world_free (LeaseWorld *world)
{
    for (unsigned i = 0; i < world->n_nodes; i++) {
        node_kill (&world->nodes[i]);
    }
    g_ptr_array_unref (world->messages);
    g_rand_free (world->rand);
    g_free (world->run);
    g_free (world->text);
    g_free (world->old_text);
    td_owner_clear (&world->module);
    td_lanes_close ();
    g_free (world);
}

/* All that happens until then, without new calls. */
static inline void
lease_world_run (LeaseWorld *world, int64_t duration_ms)
{
    for (int64_t end_us = world->now_us + duration_ms * 1000; world->now_us < end_us;) {
        world->now_us += 100000;
        world_deliver (world);
        for (unsigned i = 0; i < world->n_nodes; i++) {
            node_look (&world->nodes[i]);
        }
        world->now_us += 400;
        world_deliver (world);
        world->now_us += 400;
        world_deliver (world);
    }
}

#endif
