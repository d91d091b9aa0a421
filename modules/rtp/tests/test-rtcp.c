/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RTCP is checked and read while it passes. */

#include "rtcp.h"

#include <glib.h>
#include <string.h>

/* RFC 3550 6.4.1, figure 2: SR at 0xb705:2000, DLSR 5.25 s, heard back after 11.375 s. */
static const uint8_t sender_report[] = {
    0x80, 200,  0,    6,                            /* no block */
    0,    0,    0,    7,                            /* SSRC */
    0xb4, 0x4d, 0xb7, 0x05, 0x20, 0x00, 0x00, 0x00, /* NTP */
    0,    0,    0,    0,    0,    0,    0,    9,    0, 0, 9, 0,
};
static const uint8_t receiver_report[] = {
    0x81, 201,  0,    7,                          /* one block */
    0,    0,    0,    8,                          /* SSRC */
    0,    0,    0,    7,    64, 0xff, 0xff, 0xfe, /* of whom; a quarter lost; -2 in all */
    0,    1,    0,    5,    0,  0,    0,    40,   /* highest; jitter */
    0xb7, 0x05, 0x20, 0x00,                       /* LSR */
    0x00, 0x05, 0x40, 0x00,                       /* DLSR */
};

static void
test_round_trip (void)
{
    RtcpSent none = { 0 }, sent = { 0 }, passed_on = { 0 };
    RtcpReport report = { 0 };

    rtcp_read (sender_report, sizeof sender_report, 1000, &none, &report, &sent);
    g_assert_cmpuint (sent.ntp_middle, ==, 0xb7052000);
    g_assert_cmpint (sent.sent_us, ==, 1000);
    g_assert_cmpint (report.at_us, ==, 0);
    rtcp_read (receiver_report, sizeof receiver_report, 1000 + 11375000, &sent, &report,
               &passed_on);
    g_assert_cmpint (passed_on.sent_us, ==, 0);
    g_assert_cmpuint (report.n_reports, ==, 1);
    g_assert_cmpuint (report.fraction_lost, ==, 64);
    g_assert_cmpint (report.lost, ==, -2);
    g_assert_cmpuint (report.jitter, ==, 40);
    g_assert_cmpuint (report.round_trip_us, ==, 6125000);
}

static void
test_report_on_something_else (void)
{
    RtcpSent other = { .ntp_middle = 1, .sent_us = 1 }, passed_on = { 0 };
    RtcpReport report = { 0 };

    rtcp_read (receiver_report, sizeof receiver_report, 5, &other, &report, &passed_on);
    g_assert_cmpuint (report.round_trip_us, ==, 0);
    g_assert_cmpuint (report.n_reports, ==, 1);
    /* Earlier than it can be: a peer that makes its delay up. */
    other.ntp_middle = 0xb7052000;
    rtcp_read (receiver_report, sizeof receiver_report, 5, &other, &report, &passed_on);
    g_assert_cmpuint (report.round_trip_us, ==, 0);
}

static void
test_compound (void)
{
    uint8_t both[sizeof sender_report + sizeof receiver_report];
    RtcpSent sent = { .ntp_middle = 0xb7052000, .sent_us = 1 }, passed_on = { 0 };
    RtcpReport report = { 0 };

    memcpy (both, sender_report, sizeof sender_report);
    memcpy (both + sizeof sender_report, receiver_report, sizeof receiver_report);
    g_assert_true (rtcp_is_valid (both, sizeof both));
    rtcp_read (both, sizeof both, 10000000, &sent, &report, &passed_on);
    g_assert_cmpint (passed_on.sent_us, ==, 10000000);
    g_assert_cmpuint (report.n_reports, ==, 1);
}

static void
test_cut_short (void)
{
    RtcpSent sent = { 0 }, passed_on = { 0 };
    RtcpReport report = { 0 };

    for (size_t n = 0; n < sizeof receiver_report; n++) {
        g_autofree uint8_t *bytes = g_memdup2 (receiver_report, n);
        g_assert_false (rtcp_is_valid (bytes, n));
        rtcp_read (bytes, n, 1, &sent, &report, &passed_on);
    }
    g_assert_cmpuint (report.n_reports, ==, 0);
}

static void
test_more_blocks_than_bytes (void)
{
    uint8_t bytes[sizeof receiver_report];
    RtcpSent sent = { 0 }, passed_on = { 0 };
    RtcpReport report = { 0 };

    memcpy (bytes, receiver_report, sizeof bytes);
    bytes[0] = 0x9f; /* 31 blocks */
    g_assert_true (rtcp_is_valid (bytes, sizeof bytes));
    rtcp_read (bytes, sizeof bytes, 1, &sent, &report, &passed_on);
    g_assert_cmpuint (report.n_reports, ==, 1);
}

static void
test_no_rtcp (void)
{
    static const uint8_t version[] = { 0x41, 201, 0, 0 }, type[] = { 0x80, 100, 0, 0 },
                         longer[] = { 0x80, 201, 0xff, 0xff }, tail[] = { 0x80, 203, 0, 0, 1 };

    g_assert_false (rtcp_is_valid (version, sizeof version));
    g_assert_false (rtcp_is_valid (type, sizeof type));
    g_assert_false (rtcp_is_valid (longer, sizeof longer));
    g_assert_false (rtcp_is_valid (tail, sizeof tail));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/rtp/rtcp/round-trip", test_round_trip);
    g_test_add_func ("/rtp/rtcp/something-else", test_report_on_something_else);
    g_test_add_func ("/rtp/rtcp/compound", test_compound);
    g_test_add_func ("/rtp/rtcp/cut-short", test_cut_short);
    g_test_add_func ("/rtp/rtcp/more-blocks", test_more_blocks_than_bytes);
    g_test_add_func ("/rtp/rtcp/no-rtcp", test_no_rtcp);
    return g_test_run ();
}
