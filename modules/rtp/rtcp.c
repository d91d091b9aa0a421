/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads RTCP (RFC 3550 6.4.1, 6.4.2). */

#include "rtcp.h"

#include "packet.h"

enum {
    SENDER_REPORT = 200,
    RECEIVER_REPORT = 201,
    HEAD_BYTES = 8,    /* of either, up to the SSRC of who sends it */
    SENDER_BYTES = 20, /* what a sender report has more */
    BLOCK_BYTES = 24,
};

/* The length of the packet that begins at BYTES, or 0 when it is none. */
static size_t
packet_length (const uint8_t *bytes, size_t n_bytes)
{
    if (n_bytes < 4 || bytes[0] >> 6 != 2 || bytes[1] < 192 || bytes[1] > 223) {
        return 0;
    }
    size_t n = ((size_t) rtp_read_u16 (bytes + 2) + 1) * 4;
    return n <= n_bytes ? n : 0;
}

bool
rtcp_is_valid (const uint8_t *bytes, size_t n_bytes)
{
    if (n_bytes == 0) {
        return false;
    }
    while (n_bytes > 0) {
        size_t n = packet_length (bytes, n_bytes);
        if (n == 0) {
            return false;
        }
        bytes += n;
        n_bytes -= n;
    }
    return true;
}

/* RFC 3550 6.4.1: the cumulative number of packets lost has 24 bits and a sign. */
static int32_t
read_s24 (const uint8_t *bytes)
{
    int32_t value = bytes[0] << 16 | bytes[1] << 8 | bytes[2];

    return value >= 1 << 23 ? value - (1 << 24) : value;
}

/* RFC 3550 6.4.1: now - LSR - DLSR, where we stand in for who sent the report that LSR names. */
static uint32_t
round_trip (uint32_t last_report, uint32_t delay, int64_t now_us, const RtcpSent *sent)
{
    if (sent->sent_us == 0 || last_report == 0 || last_report != sent->ntp_middle) {
        return 0;
    }
    int64_t delay_us = ((int64_t) delay * 1000000) >> 16;
    int64_t took_us = now_us - sent->sent_us - delay_us;
    return took_us > 0 && took_us < UINT32_MAX ? (uint32_t) took_us : 0;
}

static void
read_block (const uint8_t *block, int64_t now_us, const RtcpSent *sent, RtcpReport *report)
{
    report->at_us = now_us;
    report->n_reports++;
    report->fraction_lost = block[4];
    report->lost = read_s24 (block + 5);
    report->jitter = rtp_read_u32 (block + 12);
    uint32_t took_us =
        round_trip (rtp_read_u32 (block + 16), rtp_read_u32 (block + 20), now_us, sent);
    if (took_us != 0) {
        report->round_trip_us = took_us;
    }
}

static void
read_packet (const uint8_t *bytes, size_t n_bytes, int64_t now_us, const RtcpSent *sent,
             RtcpReport *report, RtcpSent *passed_on)
{
    size_t at = HEAD_BYTES;

    if (bytes[1] == SENDER_REPORT && n_bytes >= HEAD_BYTES + SENDER_BYTES) {
        passed_on->ntp_middle = rtp_read_u32 (bytes + HEAD_BYTES + 2);
        passed_on->sent_us = now_us;
        at += SENDER_BYTES;
    } else if (bytes[1] != RECEIVER_REPORT) {
        return;
    }
    for (unsigned i = bytes[0] & 0x1f; i > 0 && at + BLOCK_BYTES <= n_bytes; i--) {
        read_block (bytes + at, now_us, sent, report);
        at += BLOCK_BYTES;
    }
}

void
rtcp_read (const uint8_t *bytes, size_t n_bytes, int64_t now_us, const RtcpSent *sent,
           RtcpReport *report, RtcpSent *passed_on)
{
    size_t n;

    for (; n_bytes > 0 && (n = packet_length (bytes, n_bytes)) > 0; bytes += n, n_bytes -= n) {
        read_packet (bytes, n, now_us, sent, report, passed_on);
    }
}
