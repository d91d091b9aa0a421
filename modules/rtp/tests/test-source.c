/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The first source is taken, a steady one is kept, and nobody else gets in. */

#include "source.h"

enum {
    LOCK_AFTER = 5,
};

static TdAddress
address (const char *text)
{
    TdAddress result;

    g_assert_true (td_address_parse (text, 0, &result));
    return result;
}

static bool
admit (RtpSource *source, const char *from, uint32_t ssrc, int64_t at_us)
{
    TdAddress whence = address (from);

    return rtp_source_admit (source, &whence, ssrc, at_us, LOCK_AFTER);
}

static void
signal_to (RtpSource *source, const char *text)
{
    TdAddress said = address (text);

    rtp_source_signal (source, &said);
}

static void
assert_target (const RtpSource *source, const char *text)
{
    TdAddress wanted = address (text);

    g_assert_true (td_address_equal (rtp_source_target (source), &wanted));
}

/* A locked source at 198.51.100.1:4000. */
static void
lock (RtpSource *source)
{
    signal_to (source, "10.0.0.1:4000");
    for (unsigned i = 0; i < LOCK_AFTER; i++) {
        g_assert_true (admit (source, "198.51.100.1:4000", 7, i));
    }
    g_assert_cmpint (source->state, ==, RTP_SOURCE_LOCKED);
}

static void
test_nothing_known (void)
{
    RtpSource source = { 0 };

    g_assert_null (rtp_source_target (&source));
    signal_to (&source, "10.0.0.1:4000");
    assert_target (&source, "10.0.0.1:4000");
}

static void
test_first_source_is_taken (void)
{
    RtpSource source = { 0 };

    signal_to (&source, "10.0.0.1:4000");
    g_assert_true (admit (&source, "198.51.100.1:4000", 7, 0));
    assert_target (&source, "198.51.100.1:4000");
    g_assert_false (admit (&source, "203.0.113.9:1", 8, 1));
    assert_target (&source, "198.51.100.1:4000");
}

static void
test_early_media_is_forgotten_when_told (void)
{
    RtpSource source = { 0 };

    g_assert_true (admit (&source, "203.0.113.9:1", 8, 0));
    signal_to (&source, "10.0.0.1:4000");
    assert_target (&source, "10.0.0.1:4000");
    g_assert_true (admit (&source, "10.0.0.1:4000", 7, 1));
}

static void
test_signalled_source_wins_before_the_lock (void)
{
    RtpSource source = { 0 };

    signal_to (&source, "10.0.0.1:4000");
    g_assert_true (admit (&source, "203.0.113.9:1", 8, 0));
    g_assert_true (admit (&source, "10.0.0.1:4000", 7, 1));
    assert_target (&source, "10.0.0.1:4000");
    g_assert_false (admit (&source, "203.0.113.9:1", 8, 2));
}

static void
test_one_stray_packet_does_not_keep_the_peer_out (void)
{
    RtpSource source = { 0 };

    signal_to (&source, "10.0.0.1:4000");
    g_assert_true (admit (&source, "203.0.113.9:1", 8, 0));
    g_assert_false (admit (&source, "198.51.100.1:4000", 7, RTP_SOURCE_SILENT_US - 1));
    g_assert_true (admit (&source, "198.51.100.1:4000", 7, RTP_SOURCE_SILENT_US));
}

static void
test_lock_takes_one_ssrc (void)
{
    RtpSource source = { 0 };

    for (unsigned i = 0; i < 10 * LOCK_AFTER; i++) {
        g_assert_true (admit (&source, "198.51.100.1:4000", 7 + i % 2, i));
    }
    g_assert_cmpint (source.state, ==, RTP_SOURCE_LATCHED);
}

static void
test_locked_hears_nobody_else (void)
{
    RtpSource source = { 0 };

    lock (&source);
    g_assert_false (admit (&source, "203.0.113.9:1", 8, 10 * RTP_SOURCE_SILENT_US));
    g_assert_false (admit (&source, "10.0.0.1:4000", 8, 10 * RTP_SOURCE_SILENT_US));
    g_assert_false (admit (&source, "203.0.113.9:1", 7, 10)); /* a guessed SSRC */
    g_assert_true (admit (&source, "198.51.100.1:4000", 9, 11));
    g_assert_cmpint (source.state, ==, RTP_SOURCE_LOCKED);
}

static void
test_translator_that_forgets (void)
{
    RtpSource source = { 0 };

    lock (&source);
    g_assert_true (admit (&source, "198.51.100.1:4444", 7, LOCK_AFTER + RTP_SOURCE_SILENT_US));
    assert_target (&source, "198.51.100.1:4444");
}

static void
test_signalling_opens_once (void)
{
    RtpSource source = { 0 };

    lock (&source);
    signal_to (&source, "10.0.0.1:4000"); /* a refresh */
    g_assert_cmpint (source.state, ==, RTP_SOURCE_LOCKED);
    signal_to (&source, "10.0.0.1:4002"); /* a move */
    g_assert_cmpint (source.state, ==, RTP_SOURCE_OPEN);
    assert_target (&source, "10.0.0.1:4002");
}

/* RFC 3264 8.4: neither where it was nor where it still sends from; until it says where again. */
static void
test_peer_that_holds_is_sent_nothing (void)
{
    static const char *const nowhere[] = { "0.0.0.0:4000", "[::]:4000" };

    for (unsigned i = 0; i < G_N_ELEMENTS (nowhere); i++) {
        RtpSource source = { 0 };
        lock (&source);
        signal_to (&source, nowhere[i]);
        g_assert_null (rtp_source_target (&source));
        g_assert_true (admit (&source, "198.51.100.1:4444", 7, 0));
        g_assert_null (rtp_source_target (&source));
        signal_to (&source, "10.0.0.1:4000");
        assert_target (&source, "10.0.0.1:4000");
    }
}

static void
test_ipv6 (void)
{
    RtpSource source = { 0 };

    signal_to (&source, "[2001:db8::1]:4000");
    g_assert_true (admit (&source, "[2001:db8::2]:4000", 7, 0));
    g_assert_false (admit (&source, "[2001:db8::3]:4000", 7, 1));
    g_assert_false (admit (&source, "198.51.100.1:4000", 7, 1));
    g_assert_true (admit (&source, "[2001:db8::2]:4000", 7, 2));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/rtp/source/nothing-known", test_nothing_known);
    g_test_add_func ("/rtp/source/first-is-taken", test_first_source_is_taken);
    g_test_add_func ("/rtp/source/early-media", test_early_media_is_forgotten_when_told);
    g_test_add_func ("/rtp/source/signalled-wins", test_signalled_source_wins_before_the_lock);
    g_test_add_func ("/rtp/source/stray-packet", test_one_stray_packet_does_not_keep_the_peer_out);
    g_test_add_func ("/rtp/source/one-ssrc", test_lock_takes_one_ssrc);
    g_test_add_func ("/rtp/source/locked", test_locked_hears_nobody_else);
    g_test_add_func ("/rtp/source/translator", test_translator_that_forgets);
    g_test_add_func ("/rtp/source/signalling-opens-once", test_signalling_opens_once);
    g_test_add_func ("/rtp/source/hold", test_peer_that_holds_is_sent_nothing);
    g_test_add_func ("/rtp/source/ipv6", test_ipv6);
    return g_test_run ();
}
