/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where SIP listens: what the configuration says of it, how peers reach it, and its opening. */

#include "transport-inside.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

/* --- What is configured ------------------------------------------------------------------ */

/* Of "udp:...", "tcp:...", "tls:...". */
static bool
parse_transport (const char *text, TdTransport *ret_transport)
{
    static const TdTransport all[] = { TD_TRANSPORT_UDP, TD_TRANSPORT_TCP, TD_TRANSPORT_TLS };

    for (size_t i = 0; i < G_N_ELEMENTS (all); i++) {
        if (g_ascii_strncasecmp (text, sip_transport_name (all[i]), 3) == 0 && text[3] == ':') {
            *ret_transport = all[i];
            return true;
        }
    }
    return false;
}

/* "udp:127.0.0.1:5060", "tcp:[::1]:5060", "tls:192.0.2.1:5061". */
static bool
parse_listen (const char *text, TdTransport *ret_transport, TdAddress *ret_address)
{
    if (!parse_transport (text, ret_transport)) {
        return false;
    }
    /* Without brackets "::1:5060" would be another address, not one with a port. */
    return (text[4] == '[' || strchr (text + 4, ':') == strrchr (text + 4, ':'))
           && td_address_parse (text + 4, sip_default_port (*ret_transport), ret_address);
}

bool
sip_listen_has (const TdConfig *config, TdTransport transport)
{
    const char *const *list = td_config_list (config, "sip", NULL, "listen");
    TdTransport found;

    for (; *list != NULL; list++) {
        if (parse_transport (*list, &found) && found == transport) {
            return true;
        }
    }
    return false;
}

/* --- How peers reach it ------------------------------------------------------------------ */

static bool
is_any (const TdAddress *address)
{
    return address->any.sa_family == AF_INET ? address->v4.sin_addr.s_addr == htonl (INADDR_ANY)
                                             : IN6_IS_ADDR_UNSPECIFIED (&address->v6.sin6_addr);
}

/* The address that packets to the rest of the world would come from. Nothing is sent: connecting a
 * datagram socket only asks for the route. */
static bool
find_own_address (TdAddress *address)
{
    TdAddress somewhere, own;
    socklen_t length = sizeof own;
    uint16_t port = td_address_port (address);
    bool is_v4 = address->any.sa_family == AF_INET;

    /* Addresses for documentation (RFC 5737, RFC 3849). */
    td_address_parse (is_v4 ? "198.51.100.1" : "[2001:db8::1]", SIP_PORT, &somewhere);
    int fd = socket (address->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is_found = fd >= 0 && connect (fd, &somewhere.any, td_address_len_bytes (&somewhere)) == 0
                    && getsockname (fd, &own.any, &length) == 0;
    if (fd >= 0) {
        close (fd);
    }
    if (is_found) {
        *address = own;
        td_address_set_port (address, port);
    }
    return is_found;
}

/* How peers reach this listener: as configured, or where it is bound, or by what address this host
 * speaks to the world. */
static bool
name_listener (SipListener *listener, const char *advertise, GError **error)
{
    static const char *const parameters[] = { [TD_TRANSPORT_UDP] = "",
                                              [TD_TRANSPORT_TCP] = ";transport=tcp",
                                              [TD_TRANSPORT_TLS] = ";transport=tls" };
    char bound[TD_ADDRESS_TEXT_SIZE];
    TdAddress address = listener->address;
    TdConfig *config = td_module_config (listener->sip->module);

    if (*advertise == '\0' && is_any (&address) && !find_own_address (&address)) {
        return td_config_refuse (config, "sip", NULL, "listen", NULL, error,
                                 "it listens on any address, and this host has no route to the "
                                 "world that would say which "
                                 "one is its own: say under advertise how peers reach it");
    }
    td_address_print (&address, bound);
    g_strlcpy (listener->host, *advertise != '\0' ? advertise : bound, sizeof listener->host);
    g_snprintf (listener->contact, sizeof listener->contact, "<sip:%s%s>", listener->host,
                parameters[listener->transport]);
    g_snprintf (listener->secure_contact, sizeof listener->secure_contact, "<sips:%s>",
                listener->host);
    return true;
}

/* --- Checking and opening ---------------------------------------------------------------- */

static bool
refuse_listen (const TdConfig *config, const char *text, const char *why, GError **error)
{
    return td_config_refuse (config, "sip", NULL, "listen", text, error,
                             "cannot be listened on: %s", why);
}

bool
sip_listen_check (const TdConfig *config, GError **error)
{
    const char *const *list = td_config_list (config, "sip", NULL, "listen");
    TdTransport transports[SIP_MAX_LISTENERS];
    TdAddress addresses[SIP_MAX_LISTENERS];

    for (unsigned i = 0; list[i] != NULL; i++) {
        if (i == SIP_MAX_LISTENERS) {
            return refuse_listen (config, list[i],
                                  "there are more than " G_STRINGIFY (SIP_MAX_LISTENERS), error);
        }
        if (!parse_listen (list[i], &transports[i], &addresses[i])) {
            return refuse_listen (config, list[i],
                                  "write udp:ADDRESS:PORT, tcp:ADDRESS:PORT or tls:ADDRESS:PORT, "
                                  "with an address of this host, no name, and a port up to 65535; "
                                  "IPv6 in brackets",
                                  error);
        }
        for (unsigned j = 0; j < i; j++) {
            if (transports[j] == transports[i] && td_address_port (&addresses[i]) != 0
                && td_address_equal (&addresses[j], &addresses[i])) {
                return refuse_listen (config, list[i], "it is there twice", error);
            }
        }
    }
    return !sip_listen_has (config, TD_TRANSPORT_TLS)
           || sip_secure_check (config, "sip", NULL, "tls",
                                td_config_text (config, "sip", NULL, "tls"), error);
}

static ssize_t
frame (const char *bytes, size_t len_bytes, void *data)
{
    return sip_frame (bytes, len_bytes);
}

static bool
open_listener (Sip *sip, const char *text, GError **error)
{
    TdConfig *config = td_module_config (sip->module);
    SipListener *listener = &sip->listeners[sip->n_listeners];
    g_autofree char *name = g_strconcat ("sip ", text, NULL);

    *listener = (SipListener){ .sip = sip };
    parse_listen (text, &listener->transport, &listener->address); /* was checked */
    TdListenerDecl decl = {
        .size = sizeof decl,
        .transport = listener->transport,
        .name = name,
        .address = listener->address,
        .dscp = (uint8_t) td_config_number (config, "sip", NULL, "dscp"),
        .max_message_bytes = SIP_MAX_MESSAGE_BYTES,
        .idle_timeout_ms = (uint32_t) td_config_number (config, "sip", NULL, "idle-timeout"),
        .data = listener,
        .sort = sip_sort,
        .deliver = sip_deliver,
        .claim = sip_claim,
        .frame = frame,
        .closed = sip_flow_closed,
        .dropped = sip_dropped,
        .filter = sip_secure_filter,
        .identity = sip->identity,
        .handshake_timeout_ms =
            (uint32_t) td_config_number (config, "sip", NULL, "tls-handshake-timeout"),
        .max_flows_of_source =
            (uint32_t) td_config_number (config, "sip", NULL, "connections-per-source"),
        .max_handshakes_of_source =
            (uint32_t) td_config_number (config, "sip", NULL, "tls-handshakes-per-source"),
        .handshake_percent =
            (uint32_t) td_config_number (config, "sip", NULL, "tls-handshake-share"),
    };
    TdLane *reader = td_lane_at (sip->n_listeners % sip->n_lanes);
    const char *advertise = td_config_text (config, "sip", NULL, "advertise");
    /* All is in place before the first message can come; a port of the kernel's choice, which only
     * tests ask for, is known afterwards. */
    if (!name_listener (listener, advertise, error)) {
        return false;
    }
    sip->n_listeners++;
    listener->listener = td_listener_open (sip->module, reader, &decl, error);
    if (listener->listener == NULL) {
        sip->n_listeners--;
        return false;
    }
    if (td_address_port (&decl.address) == 0) {
        listener->address = td_listener_address (listener->listener);
        return name_listener (listener, advertise, error);
    }
    return true;
}

bool
sip_listen_open (Sip *sip, GError **error)
{
    const TdConfig *config = td_module_config (sip->module);
    const char *const *list = td_config_list (config, "sip", NULL, "listen");

    if (!sip_listen_check (config, error)) {
        return false;
    }
    for (unsigned i = 0; list[i] != NULL; i++) {
        if (!open_listener (sip, list[i], error)) {
            sip_listen_close (sip);
            return false;
        }
    }
    return true;
}

void
sip_listen_close (Sip *sip)
{
    for (unsigned i = 0; i < sip->n_listeners; i++) {
        if (sip->listeners[i].listener != NULL) {
            td_listener_close (sip->listeners[i].listener);
            sip->listeners[i].listener = NULL;
        }
    }
}
