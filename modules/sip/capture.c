/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A trace as a capture file, and as text: for tools, and for whoever reads every byte.
 *
 * The packets never were: a message is put into one, or two, with the addresses and the time it had.
 * What the kernel did below (fragments, acknowledgements, the connection's begin) is not there. */

#include "compose.h"
#include "trace.h"

#include <netinet/in.h>

#define PCAP_MAGIC   0xa1b2c3d4u /* times in microseconds */
#define LINKTYPE_RAW 101         /* IPv4 or IPv6, as the first four bits say */
#define SNAP_BYTES   262144
#define HOP_LIMIT    64

enum {
    IPV4_BYTES = 20,
    IPV6_BYTES = 40,
    UDP_BYTES = 8,
    TCP_BYTES = 20,
    PAYLOAD_MAX_BYTES = 65535 - IPV4_BYTES - TCP_BYTES,
};

typedef struct {
    GByteArray *out;
    GHashTable *sequences; /* "from to" of a TCP direction -> the next sequence number */
} Capture;

typedef struct {
    const TdAddress *from, *to;
    const char *bytes;
    size_t len_bytes;
    int64_t wall_us;
    uint32_t sequence, acknowledged; /* TCP */
    uint8_t protocol;
} Packet;

static void
append (GByteArray *out, const void *bytes, size_t len_bytes)
{
    g_byte_array_append (out, bytes, (guint) len_bytes);
}

static void
put16 (uint8_t *at, unsigned number)
{
    at[0] = (uint8_t) (number >> 8);
    at[1] = (uint8_t) number;
}

static void
put32 (uint8_t *at, uint32_t number)
{
    put16 (at, number >> 16);
    put16 (at + 2, number & 0xffff);
}

/* RFC 1071: the sum of BYTES, added to SUM, not complemented yet. */
static uint32_t
add_up (uint32_t sum, const void *bytes, size_t len_bytes)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i + 1 < len_bytes; i += 2) {
        sum += (uint32_t) at[i] << 8 | at[i + 1];
    }
    if (len_bytes % 2 != 0) {
        sum += (uint32_t) at[len_bytes - 1] << 8;
    }
    return (sum & 0xffff) + (sum >> 16);
}

static unsigned
checksum (uint32_t sum)
{
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return ~sum & 0xffff;
}

static const void *
host_of (const TdAddress *address, size_t *ret_len_bytes)
{
    bool is_ipv6 = address->any.sa_family == AF_INET6;

    *ret_len_bytes = is_ipv6 ? sizeof address->v6.sin6_addr : sizeof address->v4.sin_addr;
    return is_ipv6 ? (const void *) &address->v6.sin6_addr : &address->v4.sin_addr;
}

/* What the pseudo-header of both (RFC 768, RFC 8200 8.1) adds to the sum. */
static uint32_t
pseudo_sum (const Packet *packet, size_t len_bytes)
{
    size_t host_bytes;
    const void *from = host_of (packet->from, &host_bytes);
    uint32_t sum = add_up (0, from, host_bytes);

    sum = add_up (sum, host_of (packet->to, &host_bytes), host_bytes);
    return sum + packet->protocol + (uint32_t) len_bytes;
}

static size_t
make_transport (const Packet *packet, uint8_t header[TCP_BYTES])
{
    bool is_udp = packet->protocol == IPPROTO_UDP;
    size_t header_bytes = is_udp ? UDP_BYTES : TCP_BYTES;
    size_t len_bytes = header_bytes + packet->len_bytes;

    memset (header, 0, TCP_BYTES);
    put16 (header, td_address_port (packet->from));
    put16 (header + 2, td_address_port (packet->to));
    if (is_udp) {
        put16 (header + 4, (unsigned) len_bytes);
    } else { /* RFC 9293 3.1 */
        put32 (header + 4, packet->sequence);
        put32 (header + 8, packet->acknowledged);
        header[12] = TCP_BYTES / 4 << 4;
        header[13] = 0x18; /* PSH, ACK */
        put16 (header + 14, 65535);
    }
    uint32_t sum = add_up (pseudo_sum (packet, len_bytes), header, header_bytes);
    unsigned check = checksum (add_up (sum, packet->bytes, packet->len_bytes));
    put16 (header + (is_udp ? 6 : 16), is_udp && check == 0 ? 0xffff : check); /* RFC 768 */
    return header_bytes;
}

static size_t
make_internet (const Packet *packet, size_t len_bytes, uint8_t header[IPV6_BYTES])
{
    size_t host_bytes;
    const void *from = host_of (packet->from, &host_bytes);
    const void *to = host_of (packet->to, &host_bytes);

    memset (header, 0, IPV6_BYTES);
    if (packet->from->any.sa_family == AF_INET6) { /* RFC 8200 3 */
        header[0] = 6 << 4;
        put16 (header + 4, (unsigned) len_bytes);
        header[6] = packet->protocol;
        header[7] = HOP_LIMIT;
        memcpy (header + 8, from, host_bytes);
        memcpy (header + 24, to, host_bytes);
        return IPV6_BYTES;
    }
    header[0] = 4 << 4 | IPV4_BYTES / 4; /* RFC 791 3.1 */
    put16 (header + 2, (unsigned) (IPV4_BYTES + len_bytes));
    header[8] = HOP_LIMIT;
    header[9] = packet->protocol;
    memcpy (header + 12, from, host_bytes);
    memcpy (header + 16, to, host_bytes);
    put16 (header + 10, checksum (add_up (0, header, IPV4_BYTES)));
    return IPV4_BYTES;
}

static void
append_packet (Capture *capture, const Packet *packet)
{
    uint8_t transport[TCP_BYTES], internet[IPV6_BYTES];
    size_t transport_bytes = make_transport (packet, transport);
    size_t internet_bytes = make_internet (packet, transport_bytes + packet->len_bytes, internet);
    uint32_t len_bytes = (uint32_t) (internet_bytes + transport_bytes + packet->len_bytes);
    uint32_t head[4] = { (uint32_t) (packet->wall_us / G_USEC_PER_SEC),
                         (uint32_t) (packet->wall_us % G_USEC_PER_SEC), len_bytes, len_bytes };

    append (capture->out, head, sizeof head);
    append (capture->out, internet, internet_bytes);
    append (capture->out, transport, transport_bytes);
    append (capture->out, packet->bytes, packet->len_bytes);
}

/* The next sequence number of the direction FROM to TO. */
static uint32_t
sequence_of (Capture *capture, const TdAddress *from, const TdAddress *to, size_t n_sent)
{
    char from_text[TD_ADDRESS_TEXT_SIZE], to_text[TD_ADDRESS_TEXT_SIZE];
    g_autofree char *key = g_strdup_printf ("%s %s", td_address_print (from, from_text),
                                            td_address_print (to, to_text));
    unsigned sequence = GPOINTER_TO_UINT (g_hash_table_lookup (capture->sequences, key));

    sequence = sequence == 0 ? 1 : sequence;
    g_hash_table_insert (capture->sequences, g_steal_pointer (&key),
                         GUINT_TO_POINTER (sequence + (unsigned) n_sent));
    return sequence;
}

static void
append_message (Capture *capture, const SipTraced *message)
{
    const SipRecord *record = &message->record;
    bool is_tcp = record->transport != TD_TRANSPORT_UDP; /* of TLS what was within */
    Packet packet = { .from = record->is_sent ? &record->local : &record->remote,
                      .to = record->is_sent ? &record->remote : &record->local,
                      .wall_us = record->wall_us,
                      .protocol = is_tcp ? IPPROTO_TCP : IPPROTO_UDP };

    if (packet.from->any.sa_family != packet.to->any.sa_family) {
        return;
    }
    for (size_t n_done = 0; n_done < record->len_bytes; n_done += packet.len_bytes) {
        packet.bytes = message->bytes + n_done;
        packet.len_bytes = MIN (record->len_bytes - n_done, PAYLOAD_MAX_BYTES);
        if (is_tcp) {
            packet.sequence = sequence_of (capture, packet.from, packet.to, packet.len_bytes);
            packet.acknowledged = sequence_of (capture, packet.to, packet.from, 0);
        }
        append_packet (capture, &packet);
    }
}

GByteArray *
sip_capture (const SipTraces *traces)
{
    Capture capture = { g_byte_array_new (),
                        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };
    const struct {
        uint32_t magic;
        uint16_t major, minor;
        uint32_t zone, accuracy, snap_bytes, link_type;
    } head = { PCAP_MAGIC, 2, 4, 0, 0, SNAP_BYTES, LINKTYPE_RAW };

    append (capture.out, &head, sizeof head);
    for (unsigned i = 0; i < traces->messages->len; i++) {
        append_message (&capture, &g_array_index (traces->messages, SipTraced, i));
    }
    g_hash_table_unref (capture.sequences);
    return capture.out;
}

char *
sip_trace_time (int64_t wall_us)
{
    g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (wall_us / G_USEC_PER_SEC);
    g_autofree char *text = time != NULL ? g_date_time_format (time, "%Y-%m-%d %H:%M:%S") : NULL;

    return g_strdup_printf ("%s.%06u", text != NULL ? text : "?",
                            (unsigned) (wall_us % G_USEC_PER_SEC));
}

GByteArray *
sip_trace_raw (const SipTraces *traces)
{
    GByteArray *out = g_byte_array_new ();

    for (unsigned i = 0; i < traces->messages->len; i++) {
        const SipTraced *message = &g_array_index (traces->messages, SipTraced, i);
        const SipRecord *record = &message->record;
        char local[TD_ADDRESS_TEXT_SIZE], remote[TD_ADDRESS_TEXT_SIZE];
        g_autofree char *time = sip_trace_time (record->wall_us);
        td_address_print (&record->local, local);
        td_address_print (&record->remote, remote);
        g_autofree char *line = g_strdup_printf (
            "%s--- %s UTC %s %s -> %s, %u bytes\n", i > 0 ? "\n" : "", time,
            sip_transport_name (record->transport), record->is_sent ? local : remote,
            record->is_sent ? remote : local, record->len_bytes);
        append (out, line, strlen (line));
        append (out, message->bytes, record->len_bytes);
    }
    return out;
}
