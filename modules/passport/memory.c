/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Verdicts that are remembered: the least recently used one is forgotten first. */

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
