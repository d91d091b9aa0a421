/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many connections each source has open, so that one alone cannot take all descriptors. */

#include "run/source.h"

#include <string.h>

TdSources *
td_sources_new (void)
{
    return g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
}

void
td_sources_free (TdSources *sources)
{
    if (sources != NULL) {
        g_hash_table_unref (sources);
    }
}

/* What is the same for all addresses of a source. No network is one that maps IPv4 (RFC 4291 2.5.5.2). */
static int64_t
source_of (const TdAddress *address)
{
    uint64_t source = 0;

    if (address->any.sa_family == AF_INET) {
        memcpy (&source, &address->v4.sin_addr, 4);
    } else if (IN6_IS_ADDR_V4MAPPED (&address->v6.sin6_addr)) {
        memcpy (&source, address->v6.sin6_addr.s6_addr + 12, 4);
    } else {
        memcpy (&source, &address->v6.sin6_addr, 8);
    }
    return (int64_t) source;
}

bool
td_sources_take (TdSources *sources, const TdAddress *address, uint32_t max)
{
    int64_t source = source_of (address);
    unsigned n = GPOINTER_TO_UINT (g_hash_table_lookup (sources, &source));

    if (max != 0 && n >= max) {
        return false;
    }
    g_hash_table_insert (sources, g_memdup2 (&source, sizeof source), GUINT_TO_POINTER (n + 1));
    return true;
}

void
td_sources_give (TdSources *sources, const TdAddress *address)
{
    int64_t source = source_of (address);
    unsigned n = GPOINTER_TO_UINT (g_hash_table_lookup (sources, &source));

    if (n > 1) {
        g_hash_table_insert (sources, g_memdup2 (&source, sizeof source), GUINT_TO_POINTER (n - 1));
    } else {
        g_hash_table_remove (sources, &source);
    }
}
