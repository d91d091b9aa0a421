/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What dips were answered: a table of entries, which stand in the order of their use as well. */

#include "dip-cache.h"

#include <string.h>

typedef struct {
    GList link; /* DATA is the entry; the first one was used last */
    int64_t expires_us;
    DipKnown known;
    char key[]; /* of the table */
} Entry;

struct DipCache {
    GHashTable *entries; /* key -> Entry */
    GQueue used;
    unsigned max_entries;
};

DipCache *
dip_cache_new (unsigned max_entries)
{
    DipCache *cache = g_new0 (DipCache, 1);

    cache->entries = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
    g_queue_init (&cache->used);
    cache->max_entries = max_entries;
    return cache;
}

void
dip_cache_clear (DipCache *cache)
{
    g_queue_init (&cache->used); /* the links are the entries' */
    g_hash_table_remove_all (cache->entries);
}

void
dip_cache_free (DipCache *cache)
{
    if (cache != NULL) {
        g_hash_table_unref (cache->entries);
        g_free (cache);
    }
}

static void
drop (DipCache *cache, Entry *entry)
{
    g_queue_unlink (&cache->used, &entry->link);
    g_hash_table_remove (cache->entries, entry->key);
}

static void
shrink (DipCache *cache, unsigned max_entries)
{
    while (cache->used.length > max_entries) {
        drop (cache, cache->used.tail->data);
    }
}

void
dip_cache_resize (DipCache *cache, unsigned max_entries)
{
    cache->max_entries = max_entries;
    shrink (cache, max_entries);
}

const DipKnown *
dip_cache_find (DipCache *cache, const char *key, int64_t now_us)
{
    Entry *entry = g_hash_table_lookup (cache->entries, key);

    if (entry == NULL) {
        return NULL;
    }
    if (entry->expires_us <= now_us) {
        drop (cache, entry);
        return NULL;
    }
    if (cache->used.head != &entry->link) {
        g_queue_unlink (&cache->used, &entry->link);
        g_queue_push_head_link (&cache->used, &entry->link);
    }
    return &entry->known;
}

void
dip_cache_put (DipCache *cache, const char *key, const DipKnown *known, int64_t expires_us)
{
    Entry *before = g_hash_table_lookup (cache->entries, key);

    if (before != NULL) {
        drop (cache, before);
    }
    if (cache->max_entries == 0) {
        return;
    }
    shrink (cache, cache->max_entries - 1);
    Entry *entry = g_malloc0 (sizeof (Entry) + strlen (key) + 1);
    entry->link.data = entry;
    entry->expires_us = expires_us;
    entry->known = *known;
    strcpy (entry->key, key);
    g_queue_push_head_link (&cache->used, &entry->link);
    g_hash_table_insert (cache->entries, entry->key, entry);
}

unsigned
dip_cache_count (const DipCache *cache)
{
    return cache->used.length;
}
