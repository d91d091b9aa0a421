/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The trunks of the configuration that are reached by SIP, and the peers they consist of. */

#include "sip.h"

#include <string.h>

enum { LEAST_PROBE_MS = 1000 };

static void
free_peer (void *data)
{
    SipPeer *peer = data;

    g_free (peer->trunk.username);
    g_free (peer->trunk.password);
    g_free (peer->host);
    g_free ((char *) peer->trunk.domain);
    g_free (peer);
}

static void
free_trunks (TdTable *table)
{
    SipTrunks *trunks = (SipTrunks *) table;

    g_hash_table_unref (trunks->by_name);
    g_hash_table_unref (trunks->by_host);
    g_hash_table_unref (trunks->by_domain);
    g_ptr_array_unref (trunks->by_dns);
    g_ptr_array_unref (trunks->peers);
    g_clear_pointer (&trunks->config, td_config_unref);
    g_free (trunks);
}

static unsigned
hash_host (const void *data)
{
    const TdAddress *address = data;
    const uint8_t *bytes = address->any.sa_family == AF_INET6
                               ? (const uint8_t *) &address->v6.sin6_addr
                               : (const uint8_t *) &address->v4.sin_addr;
    unsigned n_bytes = address->any.sa_family == AF_INET6 ? 16 : 4, hash = 2166136261u;

    for (unsigned i = 0; i < n_bytes; i++) {
        hash = (hash ^ bytes[i]) * 16777619u; /* FNV-1a */
    }
    return hash;
}

static gboolean
is_one_host (const void *a, const void *b)
{
    return td_address_equal_host (a, b);
}

/* The URI of the peer that SECTION NAME gives, when it is a SIP one. */
static bool
read_uri (const TdConfig *config, const char *section, const char *name, SipUri *ret_uri,
          GError **error)
{
    const char *address = td_config_text (config, section, name, "address");
    const char *why = sip_uri_scan (sip_view_of (address), ret_uri);

    if (why != NULL) {
        return td_config_refuse (config, section, name, "address", address, error,
                                 "is no SIP URI: %s; write sip:HOST, sip:HOST:PORT or sips:HOST",
                                 why);
    }
    if (!sip_transport_can (ret_uri)) {
        return td_config_refuse (config, section, name, "address", address, error,
                                 "asks for a transport that this module does not speak; write "
                                 "transport=udp, transport=tcp "
                                 "or transport=tls; sips goes with the last alone");
    }
    return true;
}

/* The name of the section [tls NAME] that TRUNK goes by. */
static const char *
identity_of (const TdConfig *config, const char *trunk)
{
    const char *identity = td_config_text (config, "trunk", trunk, "tls");

    return *identity != '\0' ? identity : td_config_text (config, "sip", NULL, "tls");
}

/* Whether a peer at URI can be reached over TLS, where it is to be. */
static bool
check_secure (const TdConfig *config, const char *section, const char *name, const char *trunk,
              const SipUri *uri, GError **error)
{
    if (!sip_secure_is_asked_for (uri)) {
        return true;
    }
    if (!sip_listen_has (config, TD_TRANSPORT_TLS)) {
        return td_config_refuse (config, section, name, "address", uri->whole.text, error,
                                 "is reached over TLS, and nothing under listen in [sip] is: add "
                                 "tls:ADDRESS:PORT there");
    }
    return sip_secure_check (config, "trunk", trunk, "tls", identity_of (config, trunk), error);
}

/* A peer that is asked more often than this is kept from its work. */
static bool
check_probe (const TdConfig *config, const char *trunk, GError **error)
{
    int64_t probe_ms = td_config_number (config, "trunk", trunk, "probe");

    if (probe_ms > 0 && probe_ms < LEAST_PROBE_MS) {
        return td_config_refuse (config, "trunk", trunk, "probe", NULL, error,
                                 "%" G_GINT64_FORMAT " ms is too often; write 0 s, or 1 s or more",
                                 probe_ms);
    }
    return true;
}

static SipPeer *
peer_new (const TdConfig *config, const char *trunk, const char *name, const SipUri *uri)
{
    SipPeer *peer = g_new0 (SipPeer, 1);
    TdTransport transport;

    peer->trunk.name = trunk;
    peer->name = name;
    peer->uri = uri->whole.text;
    peer->trunk.username = g_strdup (td_config_text (config, "trunk", trunk, "username"));
    peer->trunk.password = g_strdup (td_config_text (config, "trunk", trunk, "password"));
    peer->trunk.identity = identity_of (config, trunk);
    peer->trunk.tls_name = td_config_text (config, "trunk", trunk, "tls-name");
    peer->trunk.redirect = (SipRedirect) td_config_number (config, "trunk", trunk, "redirect");
    peer->trunk.hides_preemption =
        td_config_number (config, "trunk", trunk, "preemption-reason") == 1;
    peer->trunk.reliable_in =
        (SipReliability) td_config_number (config, "trunk", trunk, "reliable-in");
    peer->trunk.reliable_out =
        (SipReliability) td_config_number (config, "trunk", trunk, "reliable-out");
    peer->probe_ms = (uint32_t) td_config_number (config, "trunk", trunk, "probe");
    peer->n_probe_failures = (uint32_t) td_config_number (config, "trunk", trunk, "probe-failures");
    peer->host = sip_view_dup (uri->host);
    peer->is_numeric = sip_transport_numeric (uri, &transport, &peer->address);
    peer->has_port = uri->port != 0;
    peer->is_secure = sip_secure_is_asked_for (uri);
    peer->trunk.domain =
        g_ascii_strdown (*peer->trunk.tls_name != '\0' ? peer->trunk.tls_name : peer->host, -1);
    if (!peer->is_numeric) {
        peer->address.any.sa_family = AF_INET;
        td_address_set_port (&peer->address, uri->port);
    }
    return peer;
}

/* Behind those of the same host that came earlier. */
static void
file_peer (SipTrunks *trunks, SipPeer *peer)
{
    peer->rank = trunks->peers->len;
    g_ptr_array_add (trunks->peers, peer);
    if (!g_hash_table_contains (trunks->by_name, peer->trunk.name)) {
        g_hash_table_insert (trunks->by_name, (char *) peer->trunk.name, &peer->trunk);
    }
    if (peer->is_secure) {
        SipPeer *first = g_hash_table_lookup (trunks->by_domain, peer->trunk.domain);
        if (first == NULL) {
            g_hash_table_insert (trunks->by_domain, (char *) peer->trunk.domain, peer);
        } else {
            peer->next_of_domain = first->next_of_domain;
            first->next_of_domain = peer;
        }
    }
    if (!peer->is_numeric) {
        g_ptr_array_add (trunks->by_dns, peer);
        return;
    }
    SipPeer *first = g_hash_table_lookup (trunks->by_host, &peer->address);
    if (first == NULL) {
        g_hash_table_insert (trunks->by_host, &peer->address, peer);
    } else { /* their order does not matter: the rank does */
        peer->next = first->next;
        first->next = peer;
    }
}

/* Reads the peers that the sections of one name give. */
static bool
read_peers (SipTrunks *trunks, const char *section, GError **error)
{
    const TdConfig *config = trunks->config;
    const char *const *names = td_config_instances (config, section);

    for (; *names != NULL; names++) {
        const char *address = td_config_text (config, section, *names, "address");
        bool is_member = strcmp (section, "member") == 0;
        SipUri uri;
        if (address == NULL
            || (!g_str_has_prefix (address, "sip:") && !g_str_has_prefix (address, "sips:"))) {
            continue; /* its members have them, or it is another driver's */
        }
        const char *trunk = is_member ? td_config_text (config, section, *names, "trunk") : *names;
        if (!read_uri (config, section, *names, &uri, error) || !check_probe (config, trunk, error)
            || !check_secure (config, section, *names, trunk, &uri, error)) {
            return false;
        }
        file_peer (trunks, peer_new (config, trunk, *names, &uri));
    }
    return true;
}

SipTrunks *
sip_trunks_new_none (void)
{
    SipTrunks *trunks = g_new0 (SipTrunks, 1);

    td_table_init (&trunks->table, free_trunks);
    trunks->peers = g_ptr_array_new_with_free_func (free_peer);
    trunks->by_dns = g_ptr_array_new ();
    trunks->by_host = g_hash_table_new (hash_host, is_one_host);
    trunks->by_name = g_hash_table_new (g_str_hash, g_str_equal);
    trunks->by_domain = g_hash_table_new (g_str_hash, g_str_equal);
    return trunks;
}

SipTrunks *
sip_trunks_new (const TdConfig *config, GError **error)
{
    SipTrunks *trunks = sip_trunks_new_none ();

    trunks->config = td_config_ref ((TdConfig *) config);
    if (!read_peers (trunks, "trunk", error) || !read_peers (trunks, "member", error)) {
        td_table_unref (&trunks->table);
        return NULL;
    }
    return trunks;
}

/* Whether PEER, of those addresses, is where PACKET comes from. Of a peer that proves who it is an address
 * says nothing. */
static bool
is_from (const SipLane *lane, const SipPeer *peer, const TdAddress *address, const TdPacket *packet)
{
    bool has_port = packet->transport == TD_TRANSPORT_UDP; /* a connection's is of no meaning */

    if (peer->is_secure && !sip_secure_goes_by_address (lane->sip, &peer->trunk, packet)) {
        return false;
    }
    return has_port && peer->has_port ? td_address_equal (address, &packet->remote)
                                      : td_address_equal_host (address, &packet->remote);
}

static const SipPeer *
earlier (const SipPeer *one, const SipPeer *other)
{
    return one == NULL || other->rank < one->rank ? other : one;
}

/* Whether PACKET comes from one of the addresses that the name of PEER stands for. */
static bool
is_from_name (const SipLane *lane, const SipPeer *peer, const TdPacket *packet)
{
    TdAddress address;

    for (unsigned i = 0; sip_resolve_known (lane, peer->host, i, &address); i++) {
        td_address_set_port (&address, td_address_port (&peer->address));
        if (is_from (lane, peer, &address, packet)) {
            return true;
        }
    }
    return false;
}

/* Whom the certificate of PACKET's sender stands for, or NULL: RFC 5922 7.4. */
static const SipPeer *
find_by_certificate (const SipTrunks *trunks, const TdPacket *packet)
{
    const SipPeer *found = NULL;

    if (!sip_is_mutual (packet)) {
        return NULL;
    }
    for (const char *const *name = packet->peer->names; *name != NULL; name++) {
        g_autofree char *domain = g_ascii_strdown (*name, -1);
        const SipPeer *peer = g_hash_table_lookup (trunks->by_domain, domain);
        for (; peer != NULL; peer = peer->next_of_domain) {
            found = earlier (found, peer);
        }
    }
    return found;
}

const SipTrunk *
sip_trunks_by_source (const SipLane *lane, const TdPacket *packet)
{
    const SipTrunks *trunks = (const SipTrunks *) td_snapshot_peek (lane->sip->trunks);
    const SipPeer *found = find_by_certificate (trunks, packet);

    if (sip_is_mutual (packet)) { /* whoever has proved who it is, is nobody else */
        return found != NULL ? &found->trunk : NULL;
    }
    for (const SipPeer *peer = g_hash_table_lookup (trunks->by_host, &packet->remote); peer != NULL;
         peer = peer->next) {
        if (is_from (lane, peer, &peer->address, packet)) {
            found = earlier (found, peer);
        }
    }
    for (unsigned i = 0; i < trunks->by_dns->len; i++) {
        const SipPeer *peer = trunks->by_dns->pdata[i];
        if ((found == NULL || peer->rank < found->rank) && is_from_name (lane, peer, packet)) {
            found = peer;
        }
    }
    return found != NULL ? &found->trunk : NULL;
}

const SipTrunk *
sip_trunks_by_name (const Sip *sip, const char *name)
{
    const SipTrunks *trunks = (const SipTrunks *) td_snapshot_peek (sip->trunks);

    return g_hash_table_lookup (trunks->by_name, name);
}

/* Whether PEER is reached at HOST and PORT. */
static bool
is_at (const SipPeer *peer, SipView host, uint16_t port)
{
    SipUri own;

    return sip_view_is_nocase (host, peer->host)
           && sip_uri_scan (sip_view_of (peer->uri), &own) == NULL
           && sip_transport_port (&own) == port;
}

const SipPeer *
sip_trunks_by_uri (const Sip *sip, const SipUri *uri, const char *name)
{
    const SipTrunks *trunks = (const SipTrunks *) td_snapshot_peek (sip->trunks);
    uint16_t port = sip_transport_port (uri);
    const SipPeer *found = NULL;

    for (unsigned i = 0; i < trunks->peers->len; i++) { /* in the order of their ranks */
        const SipPeer *peer = trunks->peers->pdata[i];
        if (!is_at (peer, uri->host, port)) {
            continue;
        }
        if (strcmp (peer->trunk.name, name) == 0) {
            return peer;
        }
        found = found != NULL ? found : peer;
    }
    return found;
}
