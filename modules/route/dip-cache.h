/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What dips were answered, for as long as it holds: so many answers at most, the one that was used the
 * longest ago goes first. A lock is its owner's matter. */

#ifndef ROUTE_DIP_CACHE_H
#define ROUTE_DIP_CACHE_H

#include "dip-answer.h"

/* What a source has said. */
typedef struct {
    TdDipResult result; /* FOUND or NOT_FOUND */
    DipSaid said;
} DipKnown;

typedef struct DipCache DipCache;

DipCache *dip_cache_new (unsigned max_entries);
void dip_cache_free (DipCache *cache);

/* Of KEY, NULL when nothing is known, or does not hold any more at NOW_US. Good until the next call. */
const DipKnown *dip_cache_find (DipCache *cache, const char *key, int64_t now_us);

/* Keeps KNOWN until EXPIRES_US, in the place of what is known of KEY. */
void dip_cache_put (DipCache *cache, const char *key, const DipKnown *known, int64_t expires_us);

void dip_cache_resize (DipCache *cache, unsigned max_entries);
void dip_cache_clear (DipCache *cache);
unsigned dip_cache_count (const DipCache *cache);

#endif
