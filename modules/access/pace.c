/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bucket for each trunk that is one time: until when its places are taken, one after the other. */

#include "pace.h"

#include <pthread.h>

struct Paces {
    pthread_mutex_t lock;
    GHashTable *due; /* trunk -> int64_t, us; there are as many as trunks are configured */
};

Paces *
paces_new (void)
{
    Paces *paces = g_new0 (Paces, 1);

    pthread_mutex_init (&paces->lock, NULL);
    paces->due = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    return paces;
}

void
paces_free (Paces *paces)
{
    if (paces != NULL) {
        g_hash_table_unref (paces->due);
        pthread_mutex_destroy (&paces->lock);
        g_free (paces);
    }
}

/* Needs the lock. */
static int64_t *
due_of (Paces *paces, const char *trunk)
{
    int64_t *due_us = g_hash_table_lookup (paces->due, trunk);

    if (due_us == NULL) {
        due_us = g_new0 (int64_t, 1);
        g_hash_table_insert (paces->due, g_strdup (trunk), due_us);
    }
    return due_us;
}

int64_t
paces_take (Paces *paces, const PaceRules *rules, const char *trunk, int64_t now_us)
{
    if (rules->failures == 0) {
        return 0;
    }
    int64_t interval_us = rules->window_us / rules->failures;
    pthread_mutex_lock (&paces->lock);
    int64_t *due_us = due_of (paces, trunk);
    int64_t next_us = MAX (*due_us, now_us) + interval_us;
    int64_t wait_us = MAX (next_us - now_us - interval_us * rules->failures, 0);
    if (wait_us > PACE_LONGEST_S * G_USEC_PER_SEC) {
        wait_us = -1;
    } else {
        *due_us = next_us;
    }
    pthread_mutex_unlock (&paces->lock);
    return wait_us;
}

void
paces_give (Paces *paces, const PaceRules *rules, const char *trunk)
{
    if (rules->failures > 0) {
        pthread_mutex_lock (&paces->lock);
        *due_of (paces, trunk) -= rules->window_us / rules->failures;
        pthread_mutex_unlock (&paces->lock);
    }
}
