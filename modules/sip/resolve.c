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

typedef struct Search Search;

typedef struct {
    TdAddress addresses[MAX_ADDRESSES]; /* without ports */
    unsigned n_addresses;
} Found;

typedef struct {
    Found found;
    int64_t expires_us;
    Search *search; /* under way, of the highest class that asked; nullable */
} Host;

typedef struct {
    uint16_t port;
    SipResolved resolved;
    void *data;
} Asker;

/* One for all who ask for a name meanwhile. */
struct Search {
    TdWork work;
    SipLane *lane; /* stays until the search is over */
    char *name;
    GArray *askers;                /* Asker; the lane's */
    atomic_int_least64_t asked_us; /* by the last of them */
    Found found;
    bool is_silent; /* nobody said that there is no such name: nobody answered */
};

/* The system's order is RFC 6724's, so the first is the best that is left. */
static void
answer (const Asker *asker, const Found *found)
{
    TdAddress address = found->addresses[0];

    if (found->n_addresses == 0) {
        asker->resolved (NULL, asker->data);
        return;
    }
    td_address_set_port (&address, asker->port);
    asker->resolved (&address, asker->data);
}

static void
search_free (Search *search)
{
    g_array_unref (search->askers);
    g_free (search->name);
    g_free (search);
}

/* An address of a family that no listener has can neither be called nor call. */
static void
add_address (Search *search, const struct addrinfo *info)
{
    Found *found = &search->found;
    TdAddress *address = &found->addresses[found->n_addresses];
    SipPath path;

    if (found->n_addresses == MAX_ADDRESSES || info->ai_addrlen > sizeof *address) {
        return;
    }
    memcpy (address, info->ai_addr, info->ai_addrlen);
    if (sip_transport_path (search->lane->sip, TD_TRANSPORT_UDP, address, &path)
        || sip_transport_path (search->lane->sip, TD_TRANSPORT_TCP, address, &path)
        || sip_transport_path (search->lane->sip, TD_TRANSPORT_TLS, address, &path)) {
        found->n_addresses++;
    }
}

static void
run (TdWork *work)
{
    Search *search = (Search *) work;
    struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG };
    struct addrinfo *found = NULL;

    int64_t asked_us = atomic_load_explicit (&search->asked_us, memory_order_relaxed);
    bool is_late = td_clock_now_us () - asked_us > PATIENCE_S * (int64_t) G_USEC_PER_SEC;
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

static Host *
host_of (SipLane *lane, const char *name)
{
    Host *host = g_hash_table_lookup (lane->hosts, name);

    if (host == NULL) {
        if (g_hash_table_size (lane->hosts) >= MAX_HOSTS) {
            forget_others (lane);
        }
        host = g_new0 (Host, 1);
        g_hash_table_insert (lane->hosts, g_strdup (name), host);
    }
    return host;
}

/* What is known of the name from now on. While the servers of the names are silent that is what it was. */
static const Host *
learn (const Search *search)
{
    Host *host = host_of (search->lane, search->name);
    bool is_kept = host->found.n_addresses > 0 && search->is_silent;

    if (!is_kept) {
        host->found = search->found;
    }
    if (host->search == search) {
        host->search = NULL;
    }
    unsigned lifetime_s = host->found.n_addresses > 0 && !is_kept ? KNOWN_S : UNKNOWN_S;
    host->expires_us = td_clock_now_us () + lifetime_s * (int64_t) G_USEC_PER_SEC;
    return host;
}

static void
answer_all (Search *search, const Found *found)
{
    g_autoptr (GArray) askers = g_steal_pointer (&search->askers);

    search->askers = g_array_new (FALSE, FALSE, sizeof (Asker));
    for (unsigned i = 0; i < askers->len; i++) {
        answer (&g_array_index (askers, Asker, i), found);
    }
}

static void
done (TdWork *work)
{
    Search *search = (Search *) work;
    const Host host = *learn (search);

    answer_all (search, &host.found);
    if (host.search != NULL && host.found.n_addresses > 0) { /* it need not have been begun */
        answer_all (host.search, &host.found);
    }
    atomic_fetch_sub (&search->lane->sip->n_searches, 1);
    search_free (search);
}

static void
drop (TdWork *work)
{
    Search *search = (Search *) work;

    for (unsigned i = 0; i < search->askers->len; i++) {
        g_free (g_array_index (search->askers, Asker, i).data);
    }
    search_free (search);
}

static Search *
search_begin (SipLane *lane, const char *name, unsigned priority_class)
{
    Search *search = g_new0 (Search, 1);

    search->work = (TdWork){ .owner = lane->sip->module,
                             .priority_class = (uint8_t) priority_class,
                             .run = run,
                             .done = done,
                             .drop = drop };
    search->lane = lane;
    search->name = g_strdup (name);
    search->askers = g_array_new (FALSE, FALSE, sizeof (Asker));
    atomic_init (&search->asked_us, td_clock_now_us ());
    /* All for one name keep one worker, not all workers. */
    search->work.queue = search->name;
    atomic_fetch_add (&lane->sip->n_searches, 1);
    return search;
}

void
sip_resolve (SipLane *lane, const char *name, uint16_t port, unsigned priority_class,
             SipResolved resolved, void *data)
{
    const Asker asker = { port, resolved, data };
    Host *host = host_of (lane, name);
    bool is_sought = host->search != NULL;

    if (host->expires_us > td_clock_now_us () || (is_sought && host->found.n_addresses > 0)) {
        const Found known = host->found;
        answer (&asker, &known);
        return;
    }
    /* One search serves all who wait for it, however slow the servers of the names are, but for those whose
     * class finds a worker sooner. */
    if (is_sought && host->search->work.priority_class >= priority_class) {
        atomic_store_explicit (&host->search->asked_us, td_clock_now_us (), memory_order_relaxed);
        g_array_append_val (host->search->askers, asker);
        return;
    }
    host->search = search_begin (lane, name, priority_class);
    g_array_append_val (host->search->askers, asker);
    td_work_start (&host->search->work);
}

bool
sip_resolve_known (const SipLane *lane, const char *name, unsigned index, TdAddress *ret_address)
{
    const Host *host = g_hash_table_lookup (lane->hosts, name);

    if (host == NULL || index >= host->found.n_addresses) {
        return false;
    }
    *ret_address = host->found.addresses[index];
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
