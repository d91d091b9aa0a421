/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A hash table of links that live inside what is found: no allocation to add or to remove. */

#ifndef SIP_TABLE_H
#define SIP_TABLE_H

#include <glib.h>
#include <stdint.h>

typedef struct SipLink SipLink;

struct SipLink {
    SipLink *next;
    uint64_t hash;
};

typedef struct {
    SipLink **buckets;
    uint16_t *
        marks; /* of each bucket: a bit for each link, by its hash. What is not there is seldom looked
                      * for in the buckets, which are far apart in memory */
    unsigned n_buckets; /* a power of two */
    unsigned n_links;
} SipTable;

void sip_table_init (SipTable *table);
/* The links must be gone, or nobody's any more. */
void sip_table_clear (SipTable *table);
void sip_table_add (SipTable *table, SipLink *link, uint64_t hash);
/* Nothing happens when LINK is in no table: its hash is then 0. */
void sip_table_remove (SipTable *table, SipLink *link);
/* HASH is looked up in a moment: what says whether it is there is fetched meanwhile. */
void sip_table_expect (const SipTable *table, uint64_t hash);
/* The links of HASH, one after the other; NULL at the end. */
SipLink *sip_table_first (const SipTable *table, uint64_t hash);
SipLink *sip_table_next (const SipLink *link);
/* Any link, or NULL: to empty a table. */
SipLink *sip_table_any (const SipTable *table);

#endif
