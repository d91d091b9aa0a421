/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many connections each source has open, so that one alone cannot take all descriptors. */

#ifndef CORE_RUN_SOURCE_H
#define CORE_RUN_SOURCE_H

#include <tandem/socket.h>

/* One thread's own. NULL is none. */
typedef GHashTable TdSources;

TdSources *td_sources_new (void);
void td_sources_free (TdSources *sources);

/* Whether the source of ADDRESS, which has less than MAX (0: no limit), may have one more; counts it. Of
 * IPv6 a source is a network of 64 bits: whoever has one has all its addresses (RFC 4291 2.5.4). */
bool td_sources_take (TdSources *sources, const TdAddress *address, uint32_t max);

/* One that was taken is no more. */
void td_sources_give (TdSources *sources, const TdAddress *address);

#endif
