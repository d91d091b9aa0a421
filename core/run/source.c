/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many connections each source has open, so that one alone cannot take all descriptors. */

#include "run/source.h"

#include "run/address.h"

#include <string.h>

static unsigned
source_hash (gconstpointer key)
{
    return td_address_hash (key);
}

static gboolean
source_equal (gconstpointer a, gconstpointer b)
{
    return td_address_equal (a, b);
}

TdSources *
td_sources_new (void)
{
    return g_hash_table_new_full (source_hash, source_equal, g_free, NULL);
}

void
td_sources_free (TdSources *sources)
{
    if (sources != NULL) {
        g_hash_table_unref (sources);
    }
}

/* What is the same for all addresses of a source. One that maps IPv4 is of no network (RFC 4291 2.5.5.2). */
static TdAddress
source_of (const TdAddress *address)
{
    TdAddress source = { .v6 = { 0 } };

    if (address->any.sa_family != AF_INET6) {
        source.v4.sin_family = AF_INET;
        source.v4.sin_addr = address->v4.sin_addr;
    } else if (IN6_IS_ADDR_V4MAPPED (&address->v6.sin6_addr)) {
        source.v4.sin_family = AF_INET;
        memcpy (&source.v4.sin_addr, address->v6.sin6_addr.s6_addr + 12, 4);
    } else {
        source.v6.sin6_family = AF_INET6;
        memcpy (&source.v6.sin6_addr, &address->v6.sin6_addr, 8);
    }
    return source;
}

bool
td_sources_take (TdSources *sources, const TdAddress *address, uint32_t max)
{
    TdAddress source = source_of (address);
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
    TdAddress source = source_of (address);
    unsigned n = GPOINTER_TO_UINT (g_hash_table_lookup (sources, &source));

    if (n > 1) {
        g_hash_table_insert (sources, g_memdup2 (&source, sizeof source), GUINT_TO_POINTER (n - 1));
    } else {
        g_hash_table_remove (sources, &source);
    }
}
