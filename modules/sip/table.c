/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A hash table of links that live inside what is found. */

#include "table.h"

#define FIRST_SIZE 1024

void
sip_table_init (SipTable *table)
{
    *table = (SipTable){ .buckets = g_new0 (SipLink *, FIRST_SIZE), .n_buckets = FIRST_SIZE };
}

void
sip_table_clear (SipTable *table)
{
    g_free (table->buckets);
    *table = (SipTable){ 0 };
}

static SipLink **
bucket_of (const SipTable *table, uint64_t hash)
{
    return &table->buckets[hash & (table->n_buckets - 1)];
}

static void
grow (SipTable *table)
{
    SipTable larger = { g_new0 (SipLink *, table->n_buckets * 2), table->n_buckets * 2,
                        table->n_links };

    for (unsigned i = 0; i < table->n_buckets; i++) {
        SipLink *link = table->buckets[i];
        while (link != NULL) {
            SipLink *next = link->next;
            SipLink **bucket = bucket_of (&larger, link->hash);
            link->next = *bucket;
            *bucket = link;
            link = next;
        }
    }
    g_free (table->buckets);
    *table = larger;
}

/* 0 marks a link that is in no table. */
static uint64_t
nonzero (uint64_t hash)
{
    return hash != 0 ? hash : 1;
}

void
sip_table_add (SipTable *table, SipLink *link, uint64_t hash)
{
    if (table->n_links >= table->n_buckets) {
        grow (table);
    }
    link->hash = nonzero (hash);
    SipLink **bucket = bucket_of (table, link->hash);
    link->next = *bucket;
    *bucket = link;
    table->n_links++;
}

void
sip_table_remove (SipTable *table, SipLink *link)
{
    if (link->hash == 0) {
        return;
    }
    for (SipLink **at = bucket_of (table, link->hash); *at != NULL; at = &(*at)->next) {
        if (*at == link) {
            *at = link->next;
            table->n_links--;
            break;
        }
    }
    *link = (SipLink){ NULL, 0 };
}

SipLink *
sip_table_first (const SipTable *table, uint64_t hash)
{
    SipLink *link = *bucket_of (table, nonzero (hash));

    while (link != NULL && link->hash != nonzero (hash)) {
        link = link->next;
    }
    return link;
}

SipLink *
sip_table_next (const SipLink *link)
{
    uint64_t hash = link->hash;
    SipLink *next = link->next;

    while (next != NULL && next->hash != hash) {
        next = next->next;
    }
    return next;
}

SipLink *
sip_table_any (const SipTable *table)
{
    for (unsigned i = 0; i < table->n_buckets; i++) {
        if (table->buckets[i] != NULL) {
            return table->buckets[i];
        }
    }
    return NULL;
}
