/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers that stand for a call, for its life and a while longer. */

#include "keys.h"

#include <pthread.h>
#include <string.h>

typedef struct {
    TdId call;
    TdParty calling;
    int64_t since_us, until_us; /* UNTIL: INT64_MAX while the call is up */
} Key;

struct Keys {
    pthread_mutex_t lock;
    GHashTable *by_number; /* -> Key */
};

Keys *
keys_new (void)
{
    Keys *keys = g_new0 (Keys, 1);

    pthread_mutex_init (&keys->lock, NULL);
    keys->by_number = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    return keys;
}

void
keys_free (Keys *keys)
{
    if (keys != NULL) {
        g_hash_table_unref (keys->by_number);
        pthread_mutex_destroy (&keys->lock);
        g_free (keys);
    }
}

/* With the lock held: the number of CALL, or else the one whose time was up first. */
static const char *
choose (const Keys *keys, char *const *numbers, TdId call, int64_t now_us)
{
    const char *chosen = NULL;
    int64_t oldest_us = now_us;

    for (; *numbers != NULL; numbers++) {
        const Key *key = g_hash_table_lookup (keys->by_number, *numbers);
        if (key != NULL && key->call == call) {
            return *numbers;
        }
        int64_t until_us = key != NULL ? key->until_us : INT64_MIN;
        if (until_us < oldest_us) {
            oldest_us = until_us;
            chosen = *numbers;
        }
    }
    return chosen;
}

const char *
keys_take (Keys *keys, char *const *numbers, TdId call, const TdParty *calling, int64_t now_us)
{
    pthread_mutex_lock (&keys->lock);
    const char *number = choose (keys, numbers, call, now_us);
    if (number != NULL) {
        Key *key = g_new0 (Key, 1);
        *key = (Key){ call, *calling, now_us, INT64_MAX };
        g_hash_table_insert (keys->by_number, g_strdup (number), key);
    }
    pthread_mutex_unlock (&keys->lock);
    return number;
}

void
keys_end (Keys *keys, TdId call, int64_t until_us)
{
    GHashTableIter all;
    void *key;

    pthread_mutex_lock (&keys->lock);
    g_hash_table_iter_init (&all, keys->by_number);
    while (g_hash_table_iter_next (&all, NULL, &key)) {
        if (((Key *) key)->call == call) {
            ((Key *) key)->until_us = until_us;
        }
    }
    pthread_mutex_unlock (&keys->lock);
}

bool
keys_find (Keys *keys, const char *number, int64_t now_us, TdEmergencyCaller *ret)
{
    pthread_mutex_lock (&keys->lock);
    const Key *key = g_hash_table_lookup (keys->by_number, number);
    bool is_found = key != NULL && key->until_us > now_us;
    if (is_found) {
        TdEmergencyCaller caller = { .size = ret->size,
                                     .calling = key->calling,
                                     .since_us = key->since_us,
                                     .is_up = key->until_us == INT64_MAX };
        memcpy (ret, &caller, MIN (ret->size, sizeof caller));
    }
    pthread_mutex_unlock (&keys->lock);
    return is_found;
}
