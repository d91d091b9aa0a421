/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names to addresses, on a worker's thread, remembered for a while. */

#include "sip.h"

#include <netdb.h>
#include <tandem/worker.h>

enum {
    KNOWN_S = 60,   /* how long an address is believed */
    UNKNOWN_S = 10, /* how long a name without one is not asked for again */
    MAX_HOSTS = 4096,
    MAX_ADDRESSES = 8, /* of a name */
    PATIENCE_S = 10,   /* of whoever waits for one: afterwards nobody is asked any more */
};

typedef struct {
    TdAddress addresses[MAX_ADDRESSES]; /* without ports */
    unsigned n_addresses;
    int64_t expires_us;
    bool is_sought; /* a search is under way */
} Host;

typedef struct {
    TdWork work;
    SipLane *lane; /* stays until the search is over */
    char *name;
    uint16_t port;
    int64_t begun_us;
    SipResolved resolved;
    void *data;
    Host found;
    bool is_silent; /* nobody said that there is no such name: nobody answered */
} Search;

/* The system's order is RFC 6724's, so the first is the best that is left. */
static void
answer (const Search *search, const Host *host)
{
    TdAddress address = host->addresses[0];

    if (host->n_addresses == 0) {
        search->resolved (NULL, search->data);
        return;
    }
    td_address_set_port (&address, search->port);
    search->resolved (&address, search->data);
}

static void
search_free (Search *search)
{
    g_free (search->name);
    g_free (search);
}

/* An address of a family that no listener has can neither be called nor call. */
static void
add_address (Search *search, const struct addrinfo *info)
{
    Host *host = &search->found;
    TdAddress *address = &host->addresses[host->n_addresses];
    SipPath path;

    if (host->n_addresses == MAX_ADDRESSES || info->ai_addrlen > sizeof *address) {
        return;
    }
    memcpy (address, info->ai_addr, info->ai_addrlen);
    if (sip_transport_path (search->lane->sip, TD_TRANSPORT_UDP, address, &path)
        || sip_transport_path (search->lane->sip, TD_TRANSPORT_TCP, address, &path)
        || sip_transport_path (search->lane->sip, TD_TRANSPORT_TLS, address, &path)) {
        host->n_addresses++;
    }
}

static void
run (TdWork *work)
{
    Search *search = (Search *) work;
    struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG };
    struct addrinfo *found = NULL;

    bool is_late = td_clock_now_us () - search->begun_us > PATIENCE_S * (int64_t) G_USEC_PER_SEC;
    int code = is_late ? EAI_AGAIN : getaddrinfo (search->name, NULL, &hints, &found);
    search->is_silent = code == EAI_AGAIN || code == EAI_SYSTEM || code == EAI_MEMORY;
    if (code == 0) {
        for (const struct addrinfo *next = found; next != NULL; next = next->ai_next) {
            add_address (search, next);
        }
    }
    if (found != NULL) {
        freeaddrinfo (found);
    }
}

static gboolean
is_no_trunk (void *name, void *host, void *trunks)
{
    return !g_hash_table_contains (trunks, name);
}

/* Makes room. The names of trunks stay: what comes from their addresses would be a stranger's, and the
 * other names are whatever stands in anybody's Contact. */
static void
forget_others (SipLane *lane)
{
    const SipTrunks *trunks = (const SipTrunks *) td_snapshot_peek (lane->sip->trunks);
    g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);

    for (unsigned i = 0; i < trunks->by_dns->len; i++) {
        g_hash_table_add (names, ((const SipPeer *) trunks->by_dns->pdata[i])->host);
    }
    g_hash_table_foreach_remove (lane->hosts, is_no_trunk, names);
}

/* What is known of the name from now on. While the servers of the names are silent that is what it was. */
static const Host *
learn (const Search *search)
{
    SipLane *lane = search->lane;
    Host *host = g_hash_table_lookup (lane->hosts, search->name);
    bool is_kept = host != NULL && host->n_addresses > 0 && search->is_silent;

    if (host == NULL) {
        if (g_hash_table_size (lane->hosts) >= MAX_HOSTS) {
            forget_others (lane);
        }
        host = g_new0 (Host, 1);
        g_hash_table_insert (lane->hosts, g_strdup (search->name), host);
    }
    if (!is_kept) {
        *host = search->found;
    }
    host->is_sought = false;
    unsigned lifetime_s = host->n_addresses > 0 && !is_kept ? KNOWN_S : UNKNOWN_S;
    host->expires_us = td_clock_now_us () + lifetime_s * (int64_t) G_USEC_PER_SEC;
    return host;
}

static void
done (TdWork *work)
{
    Search *search = (Search *) work;
    const Host host = *learn (search);

    answer (search, &host);
    atomic_fetch_sub (&search->lane->sip->n_searches, 1);
    search_free (search);
}

static void
drop (TdWork *work)
{
    Search *search = (Search *) work;

    g_free (search->data);
    search_free (search);
}

void
sip_resolve (SipLane *lane, const char *name, uint16_t port, unsigned priority_class,
             SipResolved resolved, void *data)
{
    Host *host = g_hash_table_lookup (lane->hosts, name);
    Search *search = g_new0 (Search, 1);

    *search = (Search){ .work = { .owner = lane->sip->module,
                                  .priority_class = (uint8_t) priority_class,
                                  .run = run,
                                  .done = done,
                                  .drop = drop },
                        .lane = lane,
                        .name = g_strdup (name),
                        .port = port,
                        .begun_us = td_clock_now_us (),
                        .resolved = resolved,
                        .data = data };
    bool is_fresh = host != NULL && host->expires_us > td_clock_now_us ();
    /* One search is enough: each keeps a worker for as long as the servers of the names are silent. */
    if (is_fresh || (host != NULL && host->is_sought && host->n_addresses > 0)) {
        const Host known = *host;
        answer (search, &known);
        search_free (search);
        return;
    }
    if (host != NULL) {
        host->is_sought = true;
    }
    /* All for one name keep one worker, not all workers. */
    search->work.queue = search->name;
    atomic_fetch_add (&lane->sip->n_searches, 1);
    td_work_start (&search->work);
}

bool
sip_resolve_known (const SipLane *lane, const char *name, unsigned index, TdAddress *ret_address)
{
    const Host *host = g_hash_table_lookup (lane->hosts, name);

    if (host == NULL || index >= host->n_addresses) {
        return false;
    }
    *ret_address = host->addresses[index];
    return true;
}

static void
nothing (const TdAddress *address, void *data)
{
}

static void
refresh_expired (TdTimer *timer)
{
    sip_resolve_trunks ((SipLane *) ((char *) timer - offsetof (SipLane, refresh)));
}

void
sip_resolve_trunks (SipLane *lane)
{
    const SipTrunks *trunks = (const SipTrunks *) td_snapshot_peek (lane->sip->trunks);

    if (atomic_load (&lane->sip->is_closing)) {
        return;
    }
    for (unsigned i = 0; i < trunks->by_dns->len; i++) {
        const SipPeer *peer = trunks->by_dns->pdata[i];
        sip_resolve (lane, peer->host, 0, TD_CLASS_ORDINARY, nothing, NULL);
    }
    td_timer_init (&lane->refresh, lane->sip->module, refresh_expired);
    td_timer_start (&lane->refresh, UNKNOWN_S * 1000);
}
