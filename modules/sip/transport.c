/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listeners, lanes, and the ways messages go (RFC 3261 18, RFC 3581). */

#include "leg.h"

#include <arpa/inet.h>
#include <string.h>
#include <tandem/log.h>
#include <unistd.h>

#define PORT     5060 /* RFC 3261 19.1.2 */
#define TLS_PORT 5061

static SipLane *
current_lane (Sip *sip)
{
    unsigned index = td_lane_index (td_lane_current ());

    return index < sip->n_lanes ? &sip->lanes[index] : NULL;
}

/* --- Receiving --------------------------------------------------------------------------- */

static SipVerdict
scan_packet (SipLane *lane, const TdPacket *packet)
{
    return sip_scan (lane->scan, packet->bytes, packet->len_bytes,
                     packet->transport != TD_TRANSPORT_UDP);
}

/* --- Sorting: which lane, and before whom ------------------------------------------------ */

/* The tag in a Replaces or Join that is one of ours (RFC 3891 3, RFC 3911 4: "to-tag"). */
static bool
replaced_lane (const SipStack *stack, const SipScan *scan, unsigned *ret_lane)
{
    static const SipHeaderId ids[] = { SIP_HEADER_REPLACES, SIP_HEADER_JOIN };

    for (size_t i = 0; i < G_N_ELEMENTS (ids); i++) {
        SipView value = sip_scan_header (scan, ids[i]), tag;
        const char *params = value.len_bytes > 0 ? memchr (value.text, ';', value.len_bytes) : NULL;
        if (params != NULL
            && sip_param_find (sip_view_span (params, value.text + value.len_bytes), "to-tag", &tag)
            && sip_tag_lane (stack, tag, ret_lane)) {
            return true;
        }
    }
    return false;
}

/* The lane of what belongs to something of ours; false for all else. */
static bool
established_lane (const SipLane *here, const SipGlance *glance, unsigned *ret_lane)
{
    return glance->is_request ? sip_tag_lane (&here->stack, glance->to_tag, ret_lane)
                              : sip_branch_lane (&here->stack, glance->branch, ret_lane);
}

/* The lane of what belongs to nothing yet. */
static unsigned
new_lane (SipLane *here, const SipGlance *glance, const TdPacket *packet)
{
    unsigned lane;

    if (glance->is_request && glance->names_dialog) {
        scan_packet (here, packet);
        if (replaced_lane (&here->stack, here->scan, &lane)) {
            return lane;
        }
    }
    /* By the secret of the process: during an upgrade both builds must sort alike, but no caller may
     * choose the lane. */
    return (unsigned) (sip_seal (&here->stack.seal, glance->call_id) % here->sip->n_lanes);
}

/* What the word of whoever sent PACKET counts when it says that it matters more than others. */
static TdStanding
standing_of (const SipLane *lane, const SipGlance *glance, const TdPacket *packet)
{
    const TdArrivalService *service = glance->is_marked ? sip_arrival_service (lane->sip) : NULL;
    TdStanding standing = TD_STANDING_NONE;

    if (service != NULL) {
        const SipTrunk *trunk = sip_trunks_by_source (lane, packet);
        standing =
            service->marked (trunk != NULL ? trunk->name : "", packet->transport, service->data);
    }
    if (standing == TD_STANDING_NONE
        && sip_glance_is_for (glance, (const char *const *) lane->sip->first_numbers)) {
        standing = TD_STANDING_CLAIMED;
    }
    return standing;
}

/* A CANCEL must not overtake its INVITE. One that has had its turn is known, here at least. */
static bool
cancels_known (SipLane *lane, const TdPacket *packet)
{
    return scan_packet (lane, packet) == SIP_SCAN_GOOD
           && sip_server_find_invite (&lane->stack, lane->scan) != NULL;
}

/* What belongs to a call that is up, or is about to be, goes first: it has cost something already, and
 * ends sooner. But a tag of ours is given to everybody who is answered, so that it counts so often and
 * no more. */
static TdPostClass
established_class (SipLane *lane, const SipGlance *glance)
{
    SipView own = glance->is_request ? glance->to_tag : glance->branch;

    return sip_claims_take (lane->established, own, SIP_ESTABLISHED_RATE, td_clock_now_us ())
               ? TD_POST_ESTABLISHED
               : TD_POST_ORDINARY;
}

/* A trunk's source can be forged as well, but it is one of a few. */
static bool
is_forgeable (const SipLane *lane, const TdPacket *packet)
{
    return packet->transport == TD_TRANSPORT_UDP && sip_trunks_by_source (lane, packet) == NULL;
}

/* What is marked by somebody whose marks count goes before the rest. A tag or a branch that is none of
 * ours belongs to nothing. */
static TdPostClass
new_class (SipLane *lane, const SipGlance *glance, const TdPacket *packet, bool is_here)
{
    const Sip *sip = lane->sip;

    if (!glance->is_request || glance->to_tag.len_bytes > 0) {
        return TD_POST_ORDINARY;
    }
    if (glance->method == SIP_METHOD_CANCEL && is_here && cancels_known (lane, packet)) {
        return TD_POST_ESTABLISHED;
    }
    switch (standing_of (lane, glance, packet)) {
    case TD_STANDING_TRUSTED:
        return TD_POST_PRIORITY;
    case TD_STANDING_CLAIMED:
        return sip_claims_take_of (lane->claims, &packet->remote, is_forgeable (lane, packet),
                                   sip->first_rate, td_clock_now_us ())
                   ? TD_POST_PRIORITY
                   : TD_POST_ORDINARY;
    default:
        return TD_POST_ORDINARY;
    }
}

/* Whether a request of this kind is refused when it waited too long. */
static bool
may_be_late (SipMethod method, SipView to_tag)
{
    return to_tag.len_bytes == 0 && method != SIP_METHOD_ACK && method != SIP_METHOD_CANCEL;
}

/* What may have to be refused. */
static bool
is_new_request (const SipGlance *glance)
{
    return glance->is_request && glance->method != SIP_METHOD_OPTIONS
           && may_be_late (glance->method, glance->to_tag);
}

/* Whether PACKET, an ordinary one, is likely to be refused: it has waited for too long, or, when it has
 * just come (IS_NEW), would have to; or whether it acknowledges such a refusal. All cost less than to let
 * it wait. */
static bool
is_brief (const SipLane *lane, const SipGlance *glance, const TdPacket *packet, bool is_new)
{
    if (!glance->is_request) {
        return false;
    }
    if (glance->method == SIP_METHOD_ACK) {
        return glance->to_tag.len_bytes == SIP_STATELESS_TAG_LEN
               && glance->to_tag.text[0] == SIP_STATELESS_TAG;
    }
    return is_new_request (glance)
           && ((is_new && sip_patience_is_full (&lane->patience, packet->n_waiting))
               || sip_patience_is_over (&lane->patience, td_clock_now_us () - packet->arrival_us));
}

static TdSorting
sort (const TdPacket *packet, void *data)
{
    SipListener *listener = data;
    Sip *sip = listener->sip;
    SipLane *lane = current_lane (sip);
    unsigned here = (unsigned) (lane - sip->lanes);
    TdSorting sorting = { .lane = here, .post_class = TD_POST_ORDINARY };
    SipGlance *glance = &lane->glance;

    lane->glanced_at = NULL;
    if (!sip_glance (glance, packet->bytes, packet->len_bytes)) {
        if (scan_packet (lane, packet) == SIP_SCAN_KEEPALIVE) {
            return sorting;
        }
        sip_glance_of_scan (glance, lane->scan);
    }
    if (established_lane (lane, glance, &sorting.lane)) {
        sorting.lane %= sip->n_lanes;
        sorting.post_class = established_class (lane, glance);
        return sorting;
    }
    sorting.lane = here;
    if (sip->n_lanes > 1) {
        sorting.lane = new_lane (lane, glance, packet) % sip->n_lanes;
    }
    sorting.post_class = new_class (lane, glance, packet, sorting.lane == here);
    if (sorting.post_class == TD_POST_ORDINARY && is_new_request (glance)) {
        sip_patience_count (&sip->lanes[sorting.lane].patience);
    }
    sorting.is_brief = sorting.lane == here && sorting.post_class == TD_POST_ORDINARY
                       && is_brief (lane, glance, packet, true);
    lane->glanced_at = sorting.is_brief ? packet->bytes : NULL;
    return sorting;
}

static void
keep (SipLane *lane, const SipListener *listener, SipView call_id, const TdAddress *remote,
      const char *bytes, size_t len_bytes, bool is_sent)
{
    if (lane->ring == NULL) {
        return;
    }
    SipRecord record = { .wall_us = td_clock_wall_us (),
                         .local = listener->address,
                         .remote = *remote,
                         .len_bytes = (uint32_t) len_bytes,
                         .transport = (uint8_t) listener->transport,
                         .is_sent = is_sent };
    sip_ring_add (lane->ring, call_id, &record, bytes);
}

/* RFC 5626 3.5.1: two CRLF on a stream are answered with one. */
static void
answer_keepalive (const TdPacket *packet)
{
    if (packet->transport != TD_TRANSPORT_UDP && packet->len_bytes >= 4) {
        td_flow_send (packet->listener, packet->flow, "\r\n", 2);
    }
}

static void
log_bad (const SipLane *lane, const TdPacket *packet, const char *what)
{
    char peer[TD_ADDRESS_TEXT_SIZE];

    td_address_print (&packet->remote, peer);
    td_log_peer (lane->sip->module, "sip.malformed", peer, NULL, "%s: %s", what, lane->scan->why);
}

/* What a response to a request of ours says of its sender's load; the others' word counts nothing. */
static void
hear_load (SipLane *lane, const TdPacket *packet)
{
    const TdTrunkService *service = sip_trunk_service (lane->sip);
    const SipTrunk *trunk;
    uint32_t duration_ms;
    unsigned level;

    if (!sip_overload_is_told (lane->scan) || !sip_knows (&lane->stack, lane->scan)
        || !sip_overload_hear (lane->sip->overload, lane->scan, &packet->remote, &level,
                               &duration_ms)) {
        return;
    }
    trunk = sip_trunks_by_source (lane, packet);
    if (service != NULL && trunk != NULL) {
        service->level (trunk->name, level, duration_ms, service->data);
    }
}

/* Whether the request in the scan comes too late to be served: it waited so long for its turn, or would
 * have to (IS_OVER), that this would only make those behind it late as well, and its caller gives up, or
 * sends it again. Whoever only
 * asks whether we are there gets an answer. What was once refused is refused again: the copy that its
 * caller sent meanwhile may have waited less, but the caller has had its answer. */
static bool
is_too_late (SipLane *lane, const TdPacket *packet, bool is_over)
{
    const SipScan *scan = lane->scan;
    SipPatience *patience = &lane->patience;

    if (patience->wait_us == 0 || !may_be_late (scan->method, scan->to_tag)) {
        return false;
    }
    uint64_t hash = sip_view_hash (scan->via.whole, lane->stack.secret + scan->cseq_number);
    hash = sip_view_hash (scan->call_id, hash) | 1;
    uint64_t *place = &lane->late[hash / 2 % SIP_N_LATE];
    __builtin_prefetch (place,
                        1); /* while what is known is looked up: all are far away in memory */
    bool is_known = sip_knows (&lane->stack, scan);
    if (*place == hash) {
        return true;
    }
    int64_t now_us = td_clock_now_us (), waited_us = now_us - packet->arrival_us;
    if (packet->post_class != TD_POST_ORDINARY || scan->method == SIP_METHOD_OPTIONS || is_known) {
        return false;
    }
    bool is_late = is_over || sip_patience_is_over (patience, waited_us);
    sip_patience_note (patience, waited_us, packet->n_waiting, is_late, now_us);
    if (is_late) {
        *place = hash;
    }
    return is_late;
}

/* What becomes of new calls is what peers are told of our load. */
static void
count_load (SipLane *lane, bool is_refused)
{
    const TdCongestionService *congestion = sip_congestion_service (lane->sip);
    const SipScan *scan = lane->scan;

    if (lane->sip->load == NULL || scan->method != SIP_METHOD_INVITE
        || scan->to_tag.len_bytes > 0) {
        return;
    }
    sip_load_count (lane->sip->load, is_refused);
    if (congestion != NULL && congestion->size > offsetof (TdCongestionService, spared)) {
        sip_load_set_least (lane->sip->load,
                            congestion->spared (TD_CLASS_ORDINARY, congestion->data));
    }
}

static void
refuse_late (SipLane *lane, const TdPacket *packet)
{
    count_load (lane, true);
    td_metric_add (lane->sip->late, 1);
    sip_answer_stateless (lane, lane->scan, packet, 503, NULL, NULL);
}

/* Serves PACKET without having read all of it when there is nothing to be done but to refuse it, or when
 * it acknowledges such a refusal. What is wrong with the rest of it does not matter then. */
static bool
take_brief (SipLane *lane, const SipListener *listener, const TdPacket *packet)
{
    SipGlance *glance = &lane->glance;
    bool is_known = lane->glanced_at == packet->bytes; /* to be brief: it has just been sorted */

    if (packet->post_class != TD_POST_ORDINARY
        || (!is_known
            && (!sip_glance (glance, packet->bytes, packet->len_bytes)
                || !is_brief (lane, glance, packet, false)))) {
        return false;
    }
    bool is_ack = glance->method == SIP_METHOD_ACK;
    if (is_ack ? !sip_is_of_refusal (lane, glance)
               : !sip_scan_brief (lane->scan, packet->bytes, packet->len_bytes)
                     || !is_too_late (lane, packet, is_known)) {
        return false;
    }
    td_metric_add (lane->sip->received, 1);
    keep (lane, listener, glance->call_id, &packet->remote, packet->bytes, packet->len_bytes,
          false);
    if (!is_ack) {
        refuse_late (lane, packet);
    }
    return true;
}

static void
take_good (SipLane *lane, const TdPacket *packet)
{
    if (lane->scan->is_request && is_too_late (lane, packet, false)) {
        refuse_late (lane, packet);
        return;
    }
    hear_load (lane, packet);
    SipReceived received = sip_receive (&lane->stack, lane->scan);

    if (received == SIP_RECEIVED_NEW) {
        count_load (lane, false);
    }
    if (received != SIP_RECEIVED_HANDLED) {
        sip_dispatch_request (lane, lane->scan, packet, received);
    }
}

static void
deliver (const TdPacket *packet, void *data)
{
    SipListener *listener = data;
    Sip *sip = listener->sip;
    SipLane *lane = current_lane (sip);

    lane->answer_class = 0;
    bool is_taken = take_brief (lane, listener, packet);

    lane->glanced_at = NULL; /* the bytes may be another message's next time */
    if (is_taken) {
        return;
    }
    SipVerdict verdict = scan_packet (lane, packet);
    if (verdict == SIP_SCAN_KEEPALIVE) {
        answer_keepalive (packet);
        return;
    }
    lane->registrar = sip_registrar (sip);
    td_metric_add (sip->received, 1);
    keep (lane, listener, lane->scan->call_id, &packet->remote, packet->bytes, packet->len_bytes,
          false);
    switch (verdict) {
    case SIP_SCAN_GOOD:
        take_good (lane, packet);
        break;
    case SIP_SCAN_REFUSE:
        td_metric_add (sip->refused, 1);
        log_bad (lane, packet, "request refused");
        sip_answer_stateless (lane, lane->scan, packet, lane->scan->refusal, lane->scan->why, NULL);
        break;
    default:
        td_metric_add (sip->dropped, 1);
        log_bad (lane, packet, "message dropped");
        break;
    }
}

/* Asked while a newer build shares the port: whether PACKET belongs to a transaction or a dialog of
 * this one. */
static bool
claim (const TdPacket *packet, void *data)
{
    SipListener *listener = data;
    SipLane *lane = current_lane (listener->sip);
    const SipScan *scan = lane->scan;

    if (scan_packet (lane, packet) != SIP_SCAN_GOOD) {
        return false;
    }
    return sip_knows (&lane->stack, scan)
           || (scan->is_request && scan->to_tag.len_bytes > 0 && sip_leg_find (lane, scan) != NULL);
}

static ssize_t
frame (const char *bytes, size_t len_bytes, void *data)
{
    return sip_frame (bytes, len_bytes);
}

/* A flow has ended, on its way to a lane. */
typedef struct {
    TdPost post; /* first */
    SipLane *lane;
    uint64_t flow;
} Loss;

static void
drop_loss (TdPost *post)
{
    g_free (post);
}

static void
run_loss (TdPost *post)
{
    Loss *loss = (Loss *) post;

    if (loss->lane->sip != NULL) {
        sip_client_lose_flow (&loss->lane->stack, loss->flow);
    }
    g_free (loss);
}

/* Requests of any lane may have gone by FLOW. */
static void
closed (uint64_t flow, const TdAddress *remote, void *data)
{
    Sip *sip = ((SipListener *) data)->sip;

    for (unsigned i = 0; i < sip->n_lanes; i++) {
        Loss *loss = g_new0 (Loss, 1);
        *loss = (Loss){ .post = { .owner = sip->module, .run = run_loss, .drop = drop_loss },
                        .lane = &sip->lanes[i],
                        .flow = flow };
        td_lane_post (td_lane_at (i), &loss->post);
    }
}

static void
dropped (const TdPacket *packet, const char *why, void *data)
{
    SipListener *listener = data;
    char peer[TD_ADDRESS_TEXT_SIZE];

    td_metric_add (listener->sip->dropped, 1);
    td_address_print (&packet->remote, peer);
    td_log_peer (listener->sip->module, "sip.dropped", peer, NULL, "message dropped: %s", why);
}

/* --- Opening ----------------------------------------------------------------------------- */

static uint16_t
default_port (TdTransport transport)
{
    return transport == TD_TRANSPORT_TLS ? TLS_PORT : PORT;
}

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
           && td_address_parse (text + 4, default_port (*ret_transport), ret_address);
}

bool
sip_transport_listens (const TdConfig *config, TdTransport transport)
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
    td_address_parse (is_v4 ? "198.51.100.1" : "[2001:db8::1]", PORT, &somewhere);
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

static bool
refuse_listen (const TdConfig *config, const char *text, const char *why, GError **error)
{
    return td_config_refuse (config, "sip", NULL, "listen", text, error,
                             "cannot be listened on: %s", why);
}

bool
sip_transport_check (const TdConfig *config, GError **error)
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
    return !sip_transport_listens (config, TD_TRANSPORT_TLS)
           || sip_secure_check (config, "sip", NULL, "tls",
                                td_config_text (config, "sip", NULL, "tls"), error);
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
        .sort = sort,
        .deliver = deliver,
        .claim = claim,
        .frame = frame,
        .closed = closed,
        .dropped = dropped,
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
sip_transport_open (Sip *sip, GError **error)
{
    const TdConfig *config = td_module_config (sip->module);
    const char *const *list = td_config_list (config, "sip", NULL, "listen");

    if (!sip_transport_check (config, error)) {
        return false;
    }
    for (unsigned i = 0; list[i] != NULL; i++) {
        if (!open_listener (sip, list[i], error)) {
            sip_transport_close (sip);
            return false;
        }
    }
    return true;
}

void
sip_transport_close (Sip *sip)
{
    for (unsigned i = 0; i < sip->n_listeners; i++) {
        if (sip->listeners[i].listener != NULL) {
            td_listener_close (sip->listeners[i].listener);
            sip->listeners[i].listener = NULL;
        }
    }
}

/* --- Sending ----------------------------------------------------------------------------- */

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
        keep (lane, sip_transport_listener (lane->sip, path), call_id_of (bytes, len_bytes),
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

SipPath
sip_transport_reply_path (const SipScan *request, const TdPacket *packet)
{
    SipPath path = { .listener = packet->listener,
                     .flow = packet->flow,
                     .transport = packet->transport,
                     .remote = packet->remote };
    uint16_t port = default_port (packet->transport);
    const SipVia *via = &request->via;
    char host[TD_ADDRESS_TEXT_SIZE];
    SipView maddr;

    if (!via->has_rport || packet->transport != TD_TRANSPORT_UDP) {
        td_address_set_port (&path.remote, via->port != 0 ? via->port : port);
    }
    /* RFC 3261 18.2.2: "maddr", where it is an address. */
    if (packet->transport == TD_TRANSPORT_UDP && sip_param_find (via->params, "maddr", &maddr)
        && sip_view_copy (maddr, host, sizeof host)) {
        td_address_parse (host, via->port != 0 ? via->port : PORT, &path.remote);
    }
    return path;
}

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
    return uri->port != 0 ? uri->port : sip_secure_is_asked_for (uri) ? TLS_PORT : PORT;
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
