/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ways out: what a message is sent by, and to where (RFC 3261 18, RFC 3581). */

#include "transport-inside.h"

#include <string.h>

/* --- What a URI asks for ----------------------------------------------------------------- */

bool
sip_transport_can (const SipUri *uri)
{
    SipView transport;

    if (!sip_param_find (uri->params, "transport", &transport)) {
        return true;
    }
    /* RFC 3261 26.2.2: "sips" with "tcp" is TLS over TCP, and never in the clear. */
    return sip_view_is_nocase (transport, "tcp") || sip_view_is_nocase (transport, "tls")
           || (sip_view_is_nocase (transport, "udp") && uri->scheme != SIP_SCHEME_SIPS);
}

uint16_t
sip_transport_port (const SipUri *uri)
{
    return uri->port != 0 ? uri->port : sip_secure_is_asked_for (uri) ? SIP_TLS_PORT : SIP_PORT;
}

bool
sip_transport_numeric (const SipUri *uri, TdTransport *ret_transport, TdAddress *ret_address)
{
    char host[TD_ADDRESS_TEXT_SIZE];
    SipView value;

    *ret_transport = TD_TRANSPORT_UDP;
    if (sip_secure_is_asked_for (uri)) {
        *ret_transport = TD_TRANSPORT_TLS;
    } else if (sip_param_find (uri->params, "transport", &value)
               && sip_view_is_nocase (value, "tcp")) {
        *ret_transport = TD_TRANSPORT_TCP;
    }
    if (!sip_param_find (uri->params, "maddr", &value)) {
        value = uri->host;
    }
    return sip_view_copy (value, host, sizeof host)
           && td_address_parse (host, sip_transport_port (uri), ret_address);
}

/* --- A path ------------------------------------------------------------------------------ */

bool
sip_transport_path (Sip *sip, TdTransport transport, const TdAddress *address, SipPath *ret_path)
{
    for (unsigned i = 0; i < sip->n_listeners; i++) {
        const SipListener *listener = &sip->listeners[i];
        if (listener->transport == transport
            && listener->address.any.sa_family == address->any.sa_family) {
            *ret_path = (SipPath){ .listener = listener->listener,
                                   .transport = transport,
                                   .remote = *address };
            return true;
        }
    }
    return false;
}

SipPath
sip_transport_reply_path (const SipScan *request, const TdPacket *packet)
{
    SipPath path = { .listener = packet->listener,
                     .flow = packet->flow,
                     .transport = packet->transport,
                     .remote = packet->remote };
    uint16_t port = sip_default_port (packet->transport);
    const SipVia *via = &request->via;
    char host[TD_ADDRESS_TEXT_SIZE];
    SipView maddr;

    if (!via->has_rport || packet->transport != TD_TRANSPORT_UDP) {
        td_address_set_port (&path.remote, via->port != 0 ? via->port : port);
    }
    /* RFC 3261 18.2.2: "maddr", where it is an address. */
    if (packet->transport == TD_TRANSPORT_UDP && sip_param_find (via->params, "maddr", &maddr)
        && sip_view_copy (maddr, host, sizeof host)) {
        td_address_parse (host, via->port != 0 ? via->port : SIP_PORT, &path.remote);
    }
    return path;
}

const SipListener *
sip_transport_listener (const Sip *sip, const SipPath *path)
{
    for (unsigned i = 0; i < sip->n_listeners; i++) {
        if (sip->listeners[i].listener == path->listener) {
            return &sip->listeners[i];
        }
    }
    return &sip->listeners[0];
}

/* --- What is sent by it ------------------------------------------------------------------ */

void
sip_transport_compose_self (const Sip *sip, const SipPath *path, GString *out, bool is_server,
                            bool is_sips)
{
    const SipListener *listener = sip_transport_listener (sip, path);
    bool is_secure = is_sips && listener->transport == TD_TRANSPORT_TLS;

    sip_compose_text (out, "Contact", is_secure ? listener->secure_contact : listener->contact);
    g_string_append (out, "Allow: " SIP_ALLOW "\r\n");
    if (sip->user_agent[0] != '\0') {
        sip_compose_text (out, is_server ? "Server" : "User-Agent", sip->user_agent);
    }
}

/* The Call-ID of a message of ours, which always has one and always writes it so. */
static SipView
call_id_of (const char *bytes, size_t len_bytes)
{
    static const char name[] = "\r\nCall-ID: ";
    const char *at = memmem (bytes, len_bytes, name, sizeof name - 1);

    if (at == NULL) {
        return SIP_VIEW_NONE;
    }
    at += sizeof name - 1;
    const char *end = memchr (at, '\r', (size_t) (bytes + len_bytes - at));
    return end != NULL ? sip_view_span (at, end) : SIP_VIEW_NONE;
}

static bool
send_datagram (const Sip *sip, const SipPath *path, const char *bytes, size_t len_bytes)
{
    if (path->priority_class > TD_CLASS_ORDINARY) {
        return td_listener_send_marked (path->listener, &path->remote, bytes, len_bytes,
                                        sip->priority_dscp);
    }
    return td_listener_send (path->listener, &path->remote, bytes, len_bytes);
}

bool
sip_transport_send (SipPath *path, const char *bytes, size_t len_bytes, void *data)
{
    SipLane *lane = data;

    if (path->listener == NULL) {
        return false;
    }
    if (lane->ring != NULL) {
        sip_keep (lane, sip_transport_listener (lane->sip, path), call_id_of (bytes, len_bytes),
                  &path->remote, bytes, len_bytes, true);
    }
    td_metric_add (lane->sip->sent, 1);
    if (path->transport == TD_TRANSPORT_UDP) {
        return send_datagram (lane->sip, path, bytes, len_bytes);
    }
    if (path->flow != 0 && td_flow_send (path->listener, path->flow, bytes, len_bytes)) {
        return true;
    }
    /* RFC 3261 18.2.2: where the connection is gone, another one is opened to the same place. Over TLS
     * only to somebody whose name we know, so that it can be checked. */
    TdFlowWish wish = { .size = sizeof wish, .priority_class = path->priority_class };
    if (path->transport == TD_TRANSPORT_TLS) {
        if (path->wish == NULL) {
            return false;
        }
        wish.identity = path->wish->identity;
        wish.peer_name = path->wish->domain;
    }
    path->flow = td_flow_connect_as (path->listener, &path->remote, &wish);
    return path->flow != 0 && td_flow_send (path->listener, path->flow, bytes, len_bytes);
}
