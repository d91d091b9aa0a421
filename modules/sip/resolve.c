/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names to addresses, on a worker's thread, remembered for a while. */

#include "sip.h"

#include <netdb.h>
#include <tandem/worker.h>

enum {
    KNOWN_S = 60,   /* how long an address is believed */
    UNKNOWN_S = 10, /* how long a name without one is not asked for again */
    MAX_HOSTS = 4096,
};

typedef struct {
    TdAddress address; /* without its port */
    bool is_known;
    int64_t expires_us;
} Host;

typedef struct {
    TdWork work;
    SipLane *lane;
    char *name;
    uint16_t port;
    SipResolved resolved;
    void *data;
    TdAddress address;
    bool is_known;
} Search;

static void
answer (const Search *search, const Host *host)
{
    TdAddress address = host->address;

    if (!host->is_known) {
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

static void
run (TdWork *work)
{
    Search *search = (Search *) work;
    struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG };
    struct addrinfo *found = NULL;

    if (getaddrinfo (search->name, NULL, &hints, &found) == 0 && found != NULL
        && found->ai_addrlen <= sizeof search->address) {
        memcpy (&search->address, found->ai_addr, found->ai_addrlen);
        search->is_known = true;
    }
    if (found != NULL) {
        freeaddrinfo (found);
    }
}

static void
done (TdWork *work)
{
    Search *search = (Search *) work;
    Host *host = g_new0 (Host, 1);

    host->address = search->address;
    host->is_known = search->is_known;
    host->expires_us =
        td_clock_now_us () + (search->is_known ? KNOWN_S : UNKNOWN_S) * (int64_t) G_USEC_PER_SEC;
    if (g_hash_table_size (search->lane->hosts) >= MAX_HOSTS) {
        g_hash_table_remove_all (search->lane->hosts);
    }
    g_hash_table_insert (search->lane->hosts, g_strdup (search->name), host);
    answer (search, host);
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
sip_resolve (SipLane *lane, const char *name, uint16_t port, SipResolved resolved, void *data)
{
    const Host *host = g_hash_table_lookup (lane->hosts, name);
    Search *search = g_new0 (Search, 1);

    *search =
        (Search){ .work = { .owner = lane->sip->module, .run = run, .done = done, .drop = drop },
                  .lane = lane,
                  .name = g_strdup (name),
                  .port = port,
                  .resolved = resolved,
                  .data = data };
    if (host != NULL && host->expires_us > td_clock_now_us ()) {
        answer (search, host);
        search_free (search);
        return;
    }
    td_work_start (&search->work);
}

bool
sip_resolve_known (const SipLane *lane, const char *name, TdAddress *ret_address)
{
    const Host *host = g_hash_table_lookup (lane->hosts, name);

    if (host == NULL || !host->is_known) {
        return false;
    }
    *ret_address = host->address;
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

    for (unsigned i = 0; i < trunks->trunks->len; i++) {
        const SipTrunk *trunk = &g_array_index (trunks->trunks, SipTrunk, i);
        if (!trunk->has_peer) {
            sip_resolve (lane, trunk->host, 0, nothing, NULL);
        }
    }
    td_timer_init (&lane->refresh, lane->sip->module, refresh_expired);
    td_timer_start (&lane->refresh, UNKNOWN_S * 1000);
}
