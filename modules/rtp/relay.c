/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A packet's way: from a socket to the sockets of the streams that are connected with its own. */

#include "stream.h"

#include <errno.h>
#include <string.h>

enum {
    MAX_ROUNDS = 32, /* bursts of one socket in one turn: a flood must not starve the others */
    EVENT_BYTES = 4, /* RFC 4733 2.3 */
    EVENT_ENDS = 0x80,
    LAST_DIGIT = 15, /* 0-9 * # A-D */
};

void
rtp_relay_prepare (RtpThread *thread)
{
    for (unsigned i = 0; i < RTP_BURST; i++) {
        thread->in_parts[i] = (struct iovec){ thread->bytes[i], RTP_PACKET_BYTES };
        thread->in[i].msg_hdr = (struct msghdr){ .msg_name = &thread->in_from[i],
                                                 .msg_namelen = sizeof thread->in_from[i],
                                                 .msg_iov = &thread->in_parts[i],
                                                 .msg_iovlen = 1 };
        thread->out[i].msg_hdr =
            (struct msghdr){ .msg_iov = &thread->out_parts[i], .msg_iovlen = 1 };
    }
    thread->n_out = 0;
}

static void
count_sent (RtpThread *thread, RtpStream *stream, size_t n_bytes)
{
    stream->packets_sent++;
    stream->bytes_sent += n_bytes;
    thread->totals.n_relayed++;
}

static void
count_ignored (RtpThread *thread, RtpStream *stream)
{
    stream->packets_ignored++;
    thread->totals.n_ignored++;
}

static void
count_bad (RtpThread *thread, RtpStream *stream)
{
    stream->packets_bad++;
    thread->totals.n_bad++;
}

/* Most turns bring one packet a socket, and for one the plain call is cheaper. */
static int
send_from (RtpThread *thread, unsigned at)
{
    unsigned n_left = thread->n_out - at;

    if (n_left > 1) {
        return sendmmsg (thread->out_fd, thread->out + at, n_left, MSG_DONTWAIT);
    }
    const struct msghdr *head = &thread->out[at].msg_hdr;
    ssize_t n =
        sendto (thread->out_fd, thread->out_parts[at].iov_base, thread->out_parts[at].iov_len,
                MSG_DONTWAIT, head->msg_name, head->msg_namelen);
    return n < 0 ? -1 : 1;
}

/* Sends what is queued. What the kernel refuses is counted and forgotten: the next packet is 20 ms
 * away, and waiting would delay everybody's. */
void
rtp_relay_flush (RtpThread *thread)
{
    unsigned at = 0;

    while (at < thread->n_out) {
        int n = send_from (thread, at);
        if (n <= 0) {
            thread->out_stream[at]->packets_unsent++;
            thread->totals.n_unsent++;
            at++;
        }
        for (int i = 0; i < n; i++, at++) {
            count_sent (thread, thread->out_stream[at], thread->out_parts[at].iov_len);
        }
    }
    thread->n_out = 0;
}

/* The place for one more packet that goes out of FD. */
static unsigned
next_place (RtpThread *thread, int fd)
{
    if (thread->n_out == RTP_BURST || (thread->n_out > 0 && thread->out_fd != fd)) {
        rtp_relay_flush (thread);
    }
    thread->out_fd = fd;
    return thread->n_out;
}

static void
put (RtpThread *thread, RtpStream *to, const TdAddress *target, void *bytes, size_t n_bytes)
{
    unsigned place = thread->n_out++;
    struct msghdr *head = &thread->out[place].msg_hdr;

    thread->out_parts[place] = (struct iovec){ bytes, n_bytes };
    thread->out_stream[place] = to;
    head->msg_name = (void *) target;
    head->msg_namelen = target->any.sa_family == AF_INET ? sizeof target->v4 : sizeof target->v6;
}

uint8_t *
rtp_relay_place (RtpThread *thread, RtpStream *stream)
{
    return thread->scratch[next_place (thread, stream->rtp.fd)];
}

void
rtp_relay_put (RtpThread *thread, RtpStream *stream, const TdAddress *target, uint8_t *packet,
               size_t n_bytes)
{
    put (thread, stream, target, packet, n_bytes);
}

static const RtpRule *
find_rule (const RtpPath *path, uint8_t payload_type)
{
    for (unsigned i = 0; i < path->n_rules; i++) {
        if (path->rules[i].type_in == payload_type) {
            return &path->rules[i];
        }
    }
    return NULL;
}

/* Where the payload begins: behind the contributing sources and the extension (RFC 3550 5.1, 5.3.1);
 * N_BYTES when the packet is too short for what it says. */
static size_t
payload_offset (const uint8_t *bytes, size_t n_bytes)
{
    size_t at = RTP_HEADER_BYTES + 4 * (size_t) (bytes[0] & 0x0f);

    if ((bytes[0] & 0x10) != 0) {
        if (at + 4 > n_bytes) {
            return n_bytes;
        }
        at += 4 + 4 * (size_t) rtp_read_u16 (bytes + at + 2);
    }
    return MIN (at, n_bytes);
}

/* RFC 3550 5.1: with the P bit the last byte counts the padding. */
static size_t
payload_end (const uint8_t *bytes, size_t n_bytes)
{
    bool is_padded = (bytes[0] & 0x20) != 0 && bytes[n_bytes - 1] <= n_bytes;

    return is_padded ? n_bytes - bytes[n_bytes - 1] : n_bytes;
}

static void
translate (uint8_t *bytes, size_t n_bytes, const uint8_t *table)
{
    size_t end = payload_end (bytes, n_bytes);

    for (size_t i = payload_offset (bytes, n_bytes); i < end; i++) {
        bytes[i] = table[bytes[i]];
    }
}

static void
change_ssrc (const RtpPath *path, uint8_t *bytes)
{
    for (unsigned i = 0; i < 4; i++) {
        bytes[8 + i] ^= (uint8_t) (path->ssrc_change >> (8 * i));
    }
}

static void
write_sequence (RtpPath *path, uint8_t *bytes)
{
    bytes[2] = (uint8_t) (path->sequence >> 8);
    bytes[3] = (uint8_t) path->sequence;
    path->sequence++;
}

/* A copy of the packet as PATH wants it, in the scratch of PLACE. */
static uint8_t *
rewrite (RtpThread *thread, unsigned place, RtpPath *path, const RtpRule *rule,
         const uint8_t *bytes, size_t n_bytes)
{
    uint8_t *copy = thread->scratch[place];

    memcpy (copy, bytes, n_bytes);
    if (rule != NULL) {
        copy[1] = (uint8_t) ((copy[1] & 0x80) | rule->type_out);
        if (rule->table != NULL) {
            translate (copy, n_bytes, rule->table);
        }
    }
    if (path->is_renumbered) {
        write_sequence (path, copy);
    }
    change_ssrc (path, copy);
    return copy;
}

/* Decodes the packet and sends every packet that has become full by it. */
static void
pass_transcoded (RtpThread *thread, RtpPath *path, const RtpRule *rule, const TdAddress *target,
                 const RtpHeader *header, const uint8_t *bytes, size_t n_bytes)
{
    size_t at = payload_offset (bytes, n_bytes), end = payload_end (bytes, n_bytes);
    uint32_t timestamp;
    bool is_marked;

    rtp_transcoder_put (rule->transcoder, header, bytes + at, end > at ? end - at : 0,
                        thread->samples);
    for (;;) {
        unsigned place = next_place (thread, path->to->rtp.fd);
        uint8_t *packet = thread->scratch[place];
        size_t n = rtp_transcoder_get (rule->transcoder, packet + RTP_HEADER_BYTES,
                                       RTP_PACKET_BYTES - RTP_HEADER_BYTES, &timestamp, &is_marked);
        if (n == 0) {
            return;
        }
        packet[0] = 0x80;
        packet[1] = (uint8_t) ((is_marked ? 0x80 : 0) | rule->type_out);
        write_sequence (path, packet);
        for (unsigned i = 0; i < 4; i++) {
            packet[4 + i] = (uint8_t) (timestamp >> (24 - 8 * i));
        }
        memcpy (packet + 8, bytes + 8, 4);
        change_ssrc (path, packet);
        put (thread, path->to, target, packet, RTP_HEADER_BYTES + n);
    }
}

static void
pass_rtp (RtpThread *thread, RtpPath *path, const RtpHeader *header, uint8_t *bytes, size_t n_bytes)
{
    const TdAddress *target = rtp_source_target (&path->to->rtp.source);
    const RtpRule *rule = path->n_rules > 0 ? find_rule (path, header->payload_type) : NULL;

    if (target == NULL || (rule != NULL && rule->is_dropped)) {
        return;
    }
    if (rule != NULL && rule->transcoder != NULL) {
        pass_transcoded (thread, path, rule, target, header, bytes, n_bytes);
        return;
    }
    unsigned place = next_place (thread, path->to->rtp.fd);
    if (rule != NULL || path->ssrc_change != 0 || path->is_renumbered) {
        bytes = rewrite (thread, place, path, rule, bytes, n_bytes);
    }
    put (thread, path->to, target, bytes, n_bytes);
}

/* The meaning of PAYLOAD_TYPE, looked up when it changes. */
static void
learn_payload_type (RtpStream *stream, uint8_t payload_type)
{
    stream->payload_type = payload_type;
    stream->clock_rate_hz = 0;
    stream->is_digit = false;
    if (stream->local == NULL || stream->index >= stream->local->n_streams) {
        return;
    }
    const TdStream *said = &stream->local->streams[stream->index];
    for (unsigned i = 0; i < said->n_formats; i++) {
        const TdFormat *format = &said->formats[i];
        if (format->payload_type == payload_type) {
            stream->is_digit = g_ascii_strcasecmp (format->name, "telephone-event") == 0;
            stream->clock_rate_hz = stream->is_digit ? 0 : format->clock_rate_hz;
            return;
        }
    }
}

/* A packet of an event that is over, which others have overtaken: older by its number and by its time. One
 * that is older by its time alone is of a peer whose clock has jumped. */
static bool
is_overtaken (const RtpDigit *digit, const RtpHeader *header)
{
    return (int16_t) (header->sequence - digit->sequence) < 0
           && (int32_t) (header->timestamp - digit->timestamp) < 0;
}

/* RFC 4733 2.5.1.3: an event that lasts longer than a duration can say goes on in a segment that begins where
 * the one before it came to its full length, and is not marked as an event that begins. */
static bool
is_segment (const RtpDigit *digit, const RtpHeader *header, uint8_t code)
{
    uint32_t since = header->timestamp - digit->timestamp;

    return code == digit->code && !digit->has_ended && !header->is_marked
           && (since == UINT16_MAX || since == digit->duration);
}

/* RFC 4733 2.5.1.2: every packet of an event has the same timestamp, so each is told once. */
static void
read_digit (RtpStream *stream, const RtpHeader *header, const uint8_t *bytes, size_t n_bytes)
{
    RtpDigit *digit = &stream->digit;
    size_t at = payload_offset (bytes, n_bytes);

    if (at + EVENT_BYTES > n_bytes || bytes[at] > LAST_DIGIT) {
        return;
    }
    uint8_t code = bytes[at];
    bool is_known = digit->is_told && digit->ssrc == header->ssrc;
    bool is_same = is_known && digit->timestamp == header->timestamp;
    if (is_known && is_overtaken (digit, header)) {
        return;
    }
    bool is_new = !is_same && !(is_known && is_segment (digit, header, code));
    if (!is_same) {
        *digit = (RtpDigit){ .is_told = true,
                             .code = code,
                             .sequence = header->sequence,
                             .ssrc = header->ssrc,
                             .timestamp = header->timestamp };
    }
    digit->has_ended |= (bytes[at + 1] & EVENT_ENDS) != 0;
    digit->duration = MAX (digit->duration, rtp_read_u16 (bytes + at + 2));
    if ((int16_t) (header->sequence - digit->sequence) > 0) {
        digit->sequence = header->sequence;
    }
    if (is_new) {
        const RtpEngineSetup *setup = &stream->thread->engine->setup;
        setup->event (stream->owner, TD_MEDIA_DIGIT, "0123456789*#ABCD"[code], setup -> data);
    }
}

/* A packet is the first one, or the first one after a silence that was told. */
static void
tell_flowing (RtpStream *stream)
{
    const RtpEngineSetup *setup = &stream->thread->engine->setup;

    stream->is_silent = false;
    setup->event (stream->owner, TD_MEDIA_FLOWING, 0, setup->data);
}

/* The peer's: remembers when it came, and tells when it is the first one for long. */
static void
note_arrival (RtpThread *thread, RtpStream *stream)
{
    if (stream->last_received_us == 0 || stream->is_silent) {
        tell_flowing (stream);
    }
    stream->last_received_us = thread->now_us;
}

static void
take_rtp (RtpThread *thread, RtpStream *stream, const TdAddress *from, uint8_t *bytes,
          size_t n_bytes)
{
    RtpHeader header;

    if (!rtp_read_header (bytes, n_bytes, &header)) {
        count_bad (thread, stream);
        return;
    }
    if (!rtp_source_admit (&stream->rtp.source, from, header.ssrc, thread->now_us,
                           rtp_setting (&thread->engine->lock_after))) {
        count_ignored (thread, stream);
        return;
    }
    note_arrival (thread, stream);
    if (header.payload_type != stream->payload_type) {
        learn_payload_type (stream, header.payload_type);
    }
    rtp_stats_count (&stream->received, &header, n_bytes, thread->now_us * 1000,
                     stream->clock_rate_hz);
    if (stream->is_digit) {
        read_digit (stream, &header, bytes, n_bytes);
    }
    for (RtpPath *path = stream->outgoing; path != NULL; path = path->next_of_from) {
        pass_rtp (thread, path, &header, bytes, n_bytes);
    }
}

/* Where TO's peer wants RTCP, when not with RTP. A peer behind an address translator said an address
 * that nobody reaches: until its RTCP comes, the port next to where its RTP comes from is better. */
static const TdAddress *
rtcp_target (RtpStream *to)
{
    const RtpSource *rtp = &to->rtp.source, *rtcp = &to->rtcp.source;

    if (rtcp->is_holding || rtcp->state != RTP_SOURCE_OPEN || rtp->state == RTP_SOURCE_OPEN
        || td_address_equal_host (&rtp->seen, &rtcp->signalled)) {
        return rtp_source_target (rtcp);
    }
    to->rtcp_guess = rtp->seen;
    td_address_set_port (&to->rtcp_guess, (uint16_t) (td_address_port (&rtp->seen) + 1));
    return &to->rtcp_guess;
}

/* RTCP leaves by the socket and for the address that TO's peer expects it from and at. */
static void
pass_rtcp (RtpThread *thread, RtpStream *to, uint8_t *bytes, size_t n_bytes)
{
    bool is_mux = to->is_remote_mux || to->rtcp.fd < 0;
    const TdAddress *target = is_mux ? rtp_source_target (&to->rtp.source) : rtcp_target (to);

    if (target != NULL) {
        next_place (thread, is_mux ? to->rtp.fd : to->rtcp.fd);
        put (thread, to, target, bytes, n_bytes);
    }
}

/* RTCP comes from the host that RTP comes from, and from nowhere else once that is known. */
static bool
admit_rtcp (RtpThread *thread, RtpStream *stream, RtpSocket *socket, const TdAddress *from,
            uint32_t ssrc)
{
    const RtpSource *rtp = &stream->rtp.source;

    if (!socket->is_rtcp) {
        return rtp->state == RTP_SOURCE_OPEN || rtp_address_is_same (&rtp->seen, from);
    }
    const TdAddress *known = rtp->state != RTP_SOURCE_OPEN ? &rtp->seen : rtp_source_target (rtp);
    if (known != NULL && !td_address_equal_host (known, from)) {
        return false;
    }
    return rtp_source_admit (&socket->source, from, ssrc, thread->now_us,
                             rtp_setting (&thread->engine->lock_after));
}

static void
take_rtcp (RtpThread *thread, RtpStream *stream, RtpSocket *socket, const TdAddress *from,
           uint8_t *bytes, size_t n_bytes)
{
    RtcpSent passed_on = { 0 };

    if (!rtcp_is_valid (bytes, n_bytes) || n_bytes < 8) {
        count_bad (thread, stream);
        return;
    }
    if (!admit_rtcp (thread, stream, socket, from, rtp_read_u32 (bytes + 4))) {
        count_ignored (thread, stream);
        return;
    }
    rtcp_read (bytes, n_bytes, thread->now_us, &stream->reported, &stream->report, &passed_on);
    for (const RtpPath *path = stream->outgoing; path != NULL; path = path->next_of_from) {
        if (path->to == stream) {
            continue; /* nobody wants its own reports back */
        }
        if (passed_on.sent_us != 0) {
            path->to->reported = passed_on;
        }
        pass_rtcp (thread, path->to, bytes, n_bytes);
    }
}

/* What is no RTP goes through untouched: its source is known by its address alone. */
static void
take_opaque (RtpThread *thread, RtpStream *stream, const TdAddress *from, uint8_t *bytes,
             size_t n_bytes)
{
    if (!rtp_source_admit (&stream->rtp.source, from, 0, thread->now_us,
                           rtp_setting (&thread->engine->lock_after))) {
        count_ignored (thread, stream);
        return;
    }
    note_arrival (thread, stream);
    stream->received.packets++;
    stream->received.bytes += n_bytes;
    for (const RtpPath *path = stream->outgoing; path != NULL; path = path->next_of_from) {
        const TdAddress *target = rtp_source_target (&path->to->rtp.source);
        if (target != NULL) {
            next_place (thread, path->to->rtp.fd);
            put (thread, path->to, target, bytes, n_bytes);
        }
    }
}

void
rtp_relay_take (RtpThread *thread, RtpStream *stream, RtpSocket *socket, const TdAddress *from,
                uint8_t *bytes, size_t n_bytes)
{
    if (stream->kind == RTP_STREAM_OPAQUE) {
        take_opaque (thread, stream, from, bytes, n_bytes);
    } else if (socket->is_rtcp || rtp_is_rtcp (bytes, n_bytes)) {
        take_rtcp (thread, stream, socket, from, bytes, n_bytes);
    } else {
        take_rtp (thread, stream, from, bytes, n_bytes);
    }
}

static void
take (RtpThread *thread, RtpStream *stream, RtpSocket *socket, unsigned place)
{
    const struct mmsghdr *message = &thread->in[place];

    if ((message->msg_hdr.msg_flags & MSG_TRUNC) != 0) {
        count_bad (thread, stream);
        return;
    }
    rtp_relay_take (thread, stream, socket, &thread->in_from[place], thread->bytes[place],
                    message->msg_len);
}

void
rtp_relay_receive (RtpThread *thread, RtpStream *stream, RtpSocket *socket)
{
    for (unsigned round = 0; round < MAX_ROUNDS; round++) {
        int n = recvmmsg (socket->fd, thread->in, RTP_BURST, MSG_DONTWAIT, NULL);
        if (n <= 0) {
            return;
        }
        for (int i = 0; i < n; i++) {
            take (thread, stream, socket, (unsigned) i);
            thread->in[i].msg_hdr.msg_namelen = sizeof thread->in_from[i];
        }
        rtp_relay_flush (thread);
        if (n < RTP_BURST) {
            return;
        }
    }
    rtp_stream_rearm (stream, socket);
}

static void
check_silence (RtpThread *thread, RtpStream *stream)
{
    const RtpEngineSetup *setup = &thread->engine->setup;
    int64_t since_us = MAX (stream->last_received_us, stream->awaited_since_us);

    if (!stream->is_awaited || stream->is_silent
        || thread->now_us - since_us < (int64_t) rtp_setting (&thread->engine->silence_ms) * 1000) {
        return;
    }
    stream->is_silent = true;
    setup->event (stream->owner, TD_MEDIA_SILENCE, (thread->now_us - since_us) / 1000, setup->data);
}

void
rtp_relay_sweep (RtpThread *thread)
{
    for (RtpStream *stream = thread->streams; stream != NULL; stream = stream->next) {
        check_silence (thread, stream);
    }
}
