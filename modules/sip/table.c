/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A hash table of links that live inside what is found. */

#include "table.h"

#define FIRST_SIZE 1024

void
sip_table_init (SipTable *table)
{
    *table = (SipTable){ .buckets = g_new0 (SipLink *, FIRST_SIZE),
                         .marks = g_new0 (uint16_t, FIRST_SIZE),
                         .n_buckets = FIRST_SIZE };
}

void
sip_table_clear (SipTable *table)
{
    g_free (table->buckets);
    g_free (table->marks);
    *table = (SipTable){ 0 };
}

static unsigned
place_of (const SipTable *table, uint64_t hash)
{
    return (unsigned) hash & (table->n_buckets - 1);
}

/* Of other bits than those that make the place. */
static uint16_t
mark_of (uint64_t hash)
{
    return (uint16_t) (1u << (hash >> 60));
}

static void
put (SipTable *table, SipLink *link)
{
    unsigned place = place_of (table, link->hash);

    link->next = table->buckets[place];
    table->buckets[place] = link;
    table->marks[place] |= mark_of (link->hash);
}

static void
grow (SipTable *table)
{
    SipTable larger = { .buckets = g_new0 (SipLink *, table->n_buckets * 2),
                        .marks = g_new0 (uint16_t, table->n_buckets * 2),
                        .n_buckets = table->n_buckets * 2,
                        .n_links = table->n_links };

    for (unsigned i = 0; i < table->n_buckets; i++) {
        SipLink *link = table->buckets[i];
        while (link != NULL) {
            SipLink *next = link->next;
            put (&larger, link);
            link = next;
        }
    }
    sip_table_clear (table);
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
    put (table, link);
    table->n_links++;
}

void
sip_table_remove (SipTable *table, SipLink *link)
{
    if (link->hash == 0) {
        return;
    }
    unsigned place = place_of (table, link->hash);
    uint16_t marks = 0;
    for (SipLink **at = &table->buckets[place]; *at != NULL;) {
        if (*at == link) {
            *at = link->next;
            table->n_links--;
        } else {
            marks |= mark_of ((*at)->hash);
            at = &(*at)->next;
        }
    }
    table->marks[place] = marks;
    *link = (SipLink){ NULL, 0 };
}

void
sip_table_expect (const SipTable *table, uint64_t hash)
{
    __builtin_prefetch (&table->marks[place_of (table, nonzero (hash))]);
}

SipLink *
sip_table_first (const SipTable *table, uint64_t hash)
{
    hash = nonzero (hash);
    unsigned place = place_of (table, hash);

    if ((table->marks[place] & mark_of (hash)) == 0) {
        return NULL;
    }
    SipLink *link = table->buckets[place];
    while (link != NULL && link->hash != hash) {
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
