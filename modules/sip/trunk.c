/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The trunks of the configuration that are reached by SIP. */

#include "sip.h"

static void
clear_trunk (void *data)
{
    SipTrunk *trunk = data;

    g_free (trunk->name);
    g_free (trunk->address);
    g_free (trunk->username);
    g_free (trunk->password);
    g_free (trunk->host);
}

static void
free_trunks (TdTable *table)
{
    SipTrunks *trunks = (SipTrunks *) table;

    g_array_unref (trunks->trunks);
    g_free (trunks);
}

static bool
read_trunk (const TdConfig *config, const char *name, SipTrunk *trunk, GError **error)
{
    const char *address = td_config_text (config, "trunk", name, "address");
    TdTransport transport;
    SipUri uri;
    const char *why = sip_uri_scan (sip_view_of (address), &uri);

    if (why != NULL) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "%s: \"%s\" is no SIP URI: %s; write sip:HOST or sip:HOST:PORT",
                     td_config_place (config, "trunk", name, "address"), address, why);
        return false;
    }
    if (!sip_transport_can (&uri)) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "%s: \"%s\" asks for a transport that this module does not speak; write "
                     "transport=udp or transport=tcp",
                     td_config_place (config, "trunk", name, "address"), address);
        return false;
    }
    *trunk = (SipTrunk){ .name = g_strdup (name),
                         .address = g_strdup (address),
                         .username = g_strdup (td_config_text (config, "trunk", name, "username")),
                         .password = g_strdup (td_config_text (config, "trunk", name, "password")),
                         .host = sip_view_dup (uri.host) };
    trunk->has_peer = sip_transport_numeric (&uri, &transport, &trunk->peer);
    trunk->has_port = uri.port != 0;
    if (!trunk->has_peer) {
        trunk->peer.any.sa_family = AF_INET;
        td_address_set_port (&trunk->peer, uri.port);
    }
    return true;
}

SipTrunks *
sip_trunks_new (const TdConfig *config, GError **error)
{
    const char *const *names = td_config_instances (config, "trunk");
    SipTrunks *trunks = g_new0 (SipTrunks, 1);

    td_table_init (&trunks->table, free_trunks);
    trunks->trunks = g_array_new (FALSE, TRUE, sizeof (SipTrunk));
    g_array_set_clear_func (trunks->trunks, clear_trunk);
    for (unsigned i = 0; names[i] != NULL; i++) {
        SipTrunk trunk;
        if (!g_str_has_prefix (td_config_text (config, "trunk", names[i], "address"), "sip:")) {
            continue; /* another driver's */
        }
        if (!read_trunk (config, names[i], &trunk, error)) {
            td_table_unref (&trunks->table);
            return NULL;
        }
        g_array_append_val (trunks->trunks, trunk);
    }
    return trunks;
}

static bool
is_from (const SipTrunk *trunk, const TdAddress *peer, const TdPacket *packet)
{
    bool has_port = packet->transport == TD_TRANSPORT_UDP; /* a connection's is of no meaning */

    return has_port && trunk->has_port ? td_address_equal (peer, &packet->remote)
                                       : td_address_equal_host (peer, &packet->remote);
}

/* A trunk's calls come from its address, or from any that its name stands for. */
static bool
is_of (const SipLane *lane, const SipTrunk *trunk, const TdPacket *packet)
{
    TdAddress peer;

    if (trunk->has_peer) {
        return is_from (trunk, &trunk->peer, packet);
    }
    for (unsigned i = 0; sip_resolve_known (lane, trunk->host, i, &peer); i++) {
        td_address_set_port (&peer, td_address_port (&trunk->peer));
        if (is_from (trunk, &peer, packet)) {
            return true;
        }
    }
    return false;
}

const SipTrunk *
sip_trunks_by_source (const SipLane *lane, const TdPacket *packet)
{
    const SipTrunks *trunks = (const SipTrunks *) td_snapshot_peek (lane->sip->trunks);

    for (unsigned i = 0; i < trunks->trunks->len; i++) {
        const SipTrunk *trunk = &g_array_index (trunks->trunks, SipTrunk, i);
        if (is_of (lane, trunk, packet)) {
            return trunk;
        }
    }
    return NULL;
}

const SipTrunk *
sip_trunks_by_name (const Sip *sip, const char *name)
{
    const SipTrunks *trunks = (const SipTrunks *) td_snapshot_peek (sip->trunks);

    for (unsigned i = 0; i < trunks->trunks->len; i++) {
        const SipTrunk *trunk = &g_array_index (trunks->trunks, SipTrunk, i);
        if (strcmp (trunk->name, name) == 0) {
            return trunk;
        }
    }
    return NULL;
}
