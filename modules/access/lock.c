/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counts failures by caller and by account. */

#include "lock.h"

#include <pthread.h>

typedef struct {
    Lock lock; /* first; its key is our own */
    int64_t last_us;
    GList *place;
} Entry;

struct Locks {
    pthread_mutex_t mutex;
    GHashTable *by_key;
    GQueue by_age; /* who failed last is at the tail */
};

static void
free_entry (void *data)
{
    Entry *entry = data;

    g_free ((char *) entry->lock.key);
    g_free (entry);
}

Locks *
locks_new (void)
{
    Locks *locks = g_new0 (Locks, 1);

    pthread_mutex_init (&locks->mutex, NULL);
    locks->by_key = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_entry);
    g_queue_init (&locks->by_age);
    return locks;
}

void
locks_free (Locks *locks)
{
    if (locks != NULL) {
        g_queue_clear (&locks->by_age);
        g_hash_table_unref (locks->by_key);
        pthread_mutex_destroy (&locks->mutex);
        g_free (locks);
    }
}

static void
remove_entry (Locks *locks, Entry *entry)
{
    g_queue_delete_link (&locks->by_age, entry->place);
    g_hash_table_remove (locks->by_key, entry->lock.key);
}

bool
locks_is_locked (Locks *locks, const char *key, int64_t now_us)
{
    pthread_mutex_lock (&locks->mutex);
    const Entry *entry = g_hash_table_lookup (locks->by_key, key);
    bool is_locked = entry != NULL && entry->lock.until_us > now_us;
    pthread_mutex_unlock (&locks->mutex);
    return is_locked;
}

static bool
is_over (const Entry *entry, const LockRules *rules, int64_t now_us)
{
    return now_us - MAX (entry->last_us, entry->lock.until_us) > rules->longest_us;
}

/* Whoever has long been quiet begins anew, and so that there is room, whoever has been quiet for longest. */
static void
make_room (Locks *locks, const LockRules *rules, int64_t now_us)
{
    Entry *oldest;

    while (
        (oldest = g_queue_peek_head (&locks->by_age)) != NULL
        && (g_queue_get_length (&locks->by_age) >= LOCKS_MAX || is_over (oldest, rules, now_us))) {
        remove_entry (locks, oldest);
    }
}

static Entry *
find_or_add (Locks *locks, const LockRules *rules, const char *key, int64_t now_us)
{
    Entry *entry = g_hash_table_lookup (locks->by_key, key);

    if (entry != NULL && is_over (entry, rules, now_us)) {
        remove_entry (locks, entry);
        entry = NULL;
    }
    if (entry != NULL) {
        g_queue_unlink (&locks->by_age, entry->place);
        g_queue_push_tail_link (&locks->by_age, entry->place);
        return entry;
    }
    make_room (locks, rules, now_us);
    entry = g_new0 (Entry, 1);
    entry->lock.key = g_strdup (key);
    g_hash_table_insert (locks->by_key, (char *) entry->lock.key, entry);
    g_queue_push_tail (&locks->by_age, entry);
    entry->place = g_queue_peek_tail_link (&locks->by_age);
    return entry;
}

static int64_t
lock_time_us (const LockRules *rules, unsigned n_locks)
{
    int64_t time_us = rules->first_us;

    for (unsigned i = 0; i < n_locks && time_us < rules->longest_us; i++) {
        time_us *= 2;
    }
    return MIN (time_us, rules->longest_us);
}

int64_t
locks_fail (Locks *locks, const LockRules *rules, const char *key, int64_t now_us)
{
    int64_t until_us = 0;

    pthread_mutex_lock (&locks->mutex);
    Entry *entry = find_or_add (locks, rules, key, now_us);
    entry->last_us = now_us;
    if (++entry->lock.n_failures >= rules->failures && entry->lock.until_us <= now_us) {
        until_us = now_us + lock_time_us (rules, entry->lock.n_locks++);
        entry->lock.until_us = until_us;
        entry->lock.n_failures = 0;
    }
    pthread_mutex_unlock (&locks->mutex);
    return until_us;
}

void
locks_forgive (Locks *locks, const char *key)
{
    pthread_mutex_lock (&locks->mutex);
    Entry *entry = g_hash_table_lookup (locks->by_key, key);
    if (entry != NULL && entry->lock.n_failures > 0) {
        entry->lock.n_failures--;
    }
    if (entry != NULL && entry->lock.n_failures == 0 && entry->lock.n_locks == 0) {
        remove_entry (locks, entry);
    }
    pthread_mutex_unlock (&locks->mutex);
}

bool
locks_forget (Locks *locks, const char *key)
{
    pthread_mutex_lock (&locks->mutex);
    Entry *entry = g_hash_table_lookup (locks->by_key, key);
    if (entry != NULL) {
        remove_entry (locks, entry);
    }
    pthread_mutex_unlock (&locks->mutex);
    return entry != NULL;
}

void
locks_each (Locks *locks, void (*visit) (const Lock *lock, void *data), void *data)
{
    pthread_mutex_lock (&locks->mutex);
    for (const GList *link = locks->by_age.head; link != NULL; link = link->next) {
        visit (&((const Entry *) link->data)->lock, data);
    }
    pthread_mutex_unlock (&locks->mutex);
}
