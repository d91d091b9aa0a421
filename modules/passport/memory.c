/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two bounded memories: verdicts, the least recently used one forgotten first, and replays, the oldest. */

#include "memory.h"

#include <pthread.h>
#include <string.h>

/* --- Verdicts ---------------------------------------------------------------------------- */

typedef struct {
    GHashTable *links; /* VerdictHash -> GList of ORDER */
    GQueue order;      /* Verdict; the head is the one that was used last */
} Shelf;

struct Verdicts {
    pthread_mutex_t lock;
    Settings *settings; /* nullable: under which they were found */
    Shelf good, bad;
};

static void
shelf_init (Shelf *shelf)
{
    shelf->links = g_hash_table_new (verdict_hash_value, verdict_hash_equal);
    g_queue_init (&shelf->order);
}

static void
drop_verdict (void *verdict)
{
    verdict_unref (verdict);
}

static void
shelf_empty (Shelf *shelf)
{
    g_hash_table_remove_all (shelf->links);
    g_queue_clear_full (&shelf->order, drop_verdict);
}

static void
shelf_clear (Shelf *shelf)
{
    shelf_empty (shelf);
    g_hash_table_unref (shelf->links);
}

static Verdict *
shelf_find (Shelf *shelf, const VerdictHash *hash)
{
    GList *link = g_hash_table_lookup (shelf->links, hash);

    if (link == NULL) {
        return NULL;
    }
    g_queue_unlink (&shelf->order, link);
    g_queue_push_head_link (&shelf->order, link);
    return verdict_ref (link->data);
}

static void
shelf_add (Shelf *shelf, Verdict *verdict, unsigned max)
{
    if (g_hash_table_contains (shelf->links, &verdict->hash)) {
        return;
    }
    while (g_queue_get_length (&shelf->order) >= max) {
        Verdict *oldest = g_queue_pop_tail (&shelf->order);
        g_hash_table_remove (shelf->links, &oldest->hash);
        verdict_unref (oldest);
    }
    g_queue_push_head (&shelf->order, verdict_ref (verdict));
    g_hash_table_insert (shelf->links, &verdict->hash, shelf->order.head);
}

Verdicts *
verdicts_new (void)
{
    Verdicts *verdicts = g_new0 (Verdicts, 1);

    pthread_mutex_init (&verdicts->lock, NULL);
    shelf_init (&verdicts->good);
    shelf_init (&verdicts->bad);
    return verdicts;
}

void
verdicts_free (Verdicts *verdicts)
{
    if (verdicts == NULL) {
        return;
    }
    shelf_clear (&verdicts->good);
    shelf_clear (&verdicts->bad);
    if (verdicts->settings != NULL) {
        td_table_unref (&verdicts->settings->table);
    }
    pthread_mutex_destroy (&verdicts->lock);
    g_free (verdicts);
}

Verdict *
verdicts_find (Verdicts *verdicts, const VerdictHash *hash, const Settings *settings)
{
    Verdict *verdict = NULL;

    pthread_mutex_lock (&verdicts->lock);
    if (verdicts->settings == settings) {
        verdict = shelf_find (&verdicts->good, hash);
        if (verdict == NULL) {
            verdict = shelf_find (&verdicts->bad, hash);
        }
    }
    pthread_mutex_unlock (&verdicts->lock);
    return verdict;
}

void
verdicts_add (Verdicts *verdicts, Verdict *verdict, Settings *settings)
{
    Settings *before = NULL;

    pthread_mutex_lock (&verdicts->lock);
    if (verdicts->settings != settings) {
        shelf_empty (&verdicts->good);
        shelf_empty (&verdicts->bad);
        before = verdicts->settings;
        verdicts->settings = (Settings *) td_table_ref (&settings->table);
    }
    shelf_add (verdict->result == TD_PASSPORT_VALID ? &verdicts->good : &verdicts->bad, verdict,
               settings->max_verdicts);
    pthread_mutex_unlock (&verdicts->lock);
    if (before != NULL) {
        td_table_unref (&before->table);
    }
}

/* --- Replays ----------------------------------------------------------------------------- */

typedef struct {
    VerdictHash hash;
    int64_t until_us;
    GPtrArray *callers; /* "Call-ID\ntrunk", the first one first */
} Replay;

struct Replays {
    pthread_mutex_t lock;
    GHashTable *entries; /* VerdictHash -> Replay */
    GQueue order;        /* Replay, the oldest at the head */
};

static void
free_replay (void *data)
{
    Replay *replay = data;

    g_ptr_array_unref (replay->callers);
    g_free (replay);
}

Replays *
replays_new (void)
{
    Replays *replays = g_new0 (Replays, 1);

    pthread_mutex_init (&replays->lock, NULL);
    replays->entries = g_hash_table_new (verdict_hash_value, verdict_hash_equal);
    g_queue_init (&replays->order);
    return replays;
}

void
replays_free (Replays *replays)
{
    if (replays == NULL) {
        return;
    }
    g_hash_table_unref (replays->entries);
    g_queue_clear_full (&replays->order, free_replay);
    pthread_mutex_destroy (&replays->lock);
    g_free (replays);
}

/* Forgets what has expired, as far as it stands at the head, and what is too much. */
static void
forget (Replays *replays, int64_t now_us, unsigned max)
{
    for (Replay *oldest; (oldest = g_queue_peek_head (&replays->order)) != NULL;) {
        if (oldest->until_us > now_us && g_queue_get_length (&replays->order) <= max) {
            return;
        }
        g_queue_pop_head (&replays->order);
        g_hash_table_remove (replays->entries, &oldest->hash);
        free_replay (oldest);
    }
}

static Replay *
add_replay (Replays *replays, const VerdictHash *hash, int64_t until_us)
{
    Replay *replay = g_new (Replay, 1);

    *replay = (Replay){ .hash = *hash,
                        .until_us = until_us,
                        .callers = g_ptr_array_new_with_free_func (g_free) };
    g_hash_table_insert (replays->entries, &replay->hash, replay);
    g_queue_push_tail (&replays->order, replay);
    return replay;
}

static bool
has_caller (const Replay *replay, const char *caller)
{
    for (unsigned i = 0; i < replay->callers->len; i++) {
        if (strcmp (replay->callers->pdata[i], caller) == 0) {
            return true;
        }
    }
    return false;
}

bool
replays_admit (Replays *replays, const VerdictHash *hash, const char *call_id, const char *trunk,
               unsigned n_others, int64_t now_us, int64_t until_us, unsigned max)
{
    g_autofree char *caller = g_strjoin ("\n", call_id, trunk, NULL);

    pthread_mutex_lock (&replays->lock);
    forget (replays, now_us, max - 1);
    Replay *replay = g_hash_table_lookup (replays->entries, hash);
    if (replay == NULL) {
        replay = add_replay (replays, hash, until_us);
    }
    bool is_admitted = has_caller (replay, caller);
    if (!is_admitted && replay->callers->len <= n_others) {
        g_ptr_array_add (replay->callers, g_steal_pointer (&caller));
        is_admitted = true;
    }
    pthread_mutex_unlock (&replays->lock);
    return is_admitted;
}

unsigned
replays_count (Replays *replays)
{
    pthread_mutex_lock (&replays->lock);
    unsigned n = g_queue_get_length (&replays->order);
    pthread_mutex_unlock (&replays->lock);
    return n;
}
