/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What LoST servers have said, kept until it expires, and afterwards. */

#include "mapping.h"

#include <pthread.h>

typedef struct {
    char *key;
    char **uris;
    int64_t expires_us;
    GList link; /* of the order of use */
} Mapping;

struct Mappings {
    pthread_mutex_t lock;
    GHashTable *by_key; /* of the mappings' own keys */
    GQueue used;        /* Mapping, the last one used first */
    unsigned size;
};

static void
mapping_free (void *data)
{
    Mapping *mapping = data;

    g_free (mapping->key);
    g_strfreev (mapping->uris);
    g_free (mapping);
}

Mappings *
mappings_new (void)
{
    Mappings *mappings = g_new0 (Mappings, 1);

    pthread_mutex_init (&mappings->lock, NULL);
    mappings->by_key = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, mapping_free);
    g_queue_init (&mappings->used);
    return mappings;
}

void
mappings_free (Mappings *mappings)
{
    if (mappings != NULL) {
        g_hash_table_unref (mappings->by_key);
        pthread_mutex_destroy (&mappings->lock);
        g_free (mappings);
    }
}

static void
forget (Mappings *mappings, Mapping *mapping)
{
    g_queue_unlink (&mappings->used, &mapping->link);
    g_hash_table_remove (mappings->by_key, mapping->key);
}

static void
shrink (Mappings *mappings, unsigned size)
{
    while (mappings->used.length > size) {
        forget (mappings, mappings->used.tail->data);
    }
}

void
mappings_set_size (Mappings *mappings, unsigned size)
{
    pthread_mutex_lock (&mappings->lock);
    mappings->size = size;
    shrink (mappings, size);
    pthread_mutex_unlock (&mappings->lock);
}

unsigned
mappings_count (Mappings *mappings)
{
    pthread_mutex_lock (&mappings->lock);
    unsigned n = mappings->used.length;
    pthread_mutex_unlock (&mappings->lock);
    return n;
}

void
mappings_put (Mappings *mappings, const char *key, char *const *uris, int64_t expires_us)
{
    pthread_mutex_lock (&mappings->lock);
    Mapping *mapping = g_hash_table_lookup (mappings->by_key, key);
    if (mapping != NULL) {
        forget (mappings, mapping);
    }
    if (expires_us != 0 && mappings->size > 0) {
        shrink (mappings, mappings->size - 1);
        mapping = g_new0 (Mapping, 1);
        mapping->key = g_strdup (key);
        mapping->uris = g_strdupv ((char **) uris);
        mapping->expires_us = expires_us;
        mapping->link.data = mapping;
        g_hash_table_insert (mappings->by_key, mapping->key, mapping);
        g_queue_push_head_link (&mappings->used, &mapping->link);
    }
    pthread_mutex_unlock (&mappings->lock);
}

char **
mappings_find (Mappings *mappings, const char *key, int64_t now_us, bool *ret_is_fresh)
{
    char **uris = NULL;

    pthread_mutex_lock (&mappings->lock);
    Mapping *mapping = g_hash_table_lookup (mappings->by_key, key);
    if (mapping != NULL) {
        uris = g_strdupv (mapping->uris);
        *ret_is_fresh = mapping->expires_us > now_us;
        g_queue_unlink (&mappings->used, &mapping->link);
        g_queue_push_head_link (&mappings->used, &mapping->link);
    }
    pthread_mutex_unlock (&mappings->lock);
    return uris;
}
