/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loss, doubles, disorder and jitter are counted as RFC 3550 counts them. */

#include "stats.h"

#include <glib.h>

#define MS INT64_C (1000000)

static void
feed (RtpStats *stats, uint16_t sequence)
{
    RtpHeader header = { .sequence = sequence, .ssrc = 7 };

    rtp_stats_count (stats, &header, 172, 0, 0);
}

static void
test_all_there (void)
{
    RtpStats stats = { 0 };

    /* Over the end of the 16 bits, twice. */
    for (unsigned i = 0; i < 140000; i++) {
        feed (&stats, (uint16_t) (65000 + i));
    }
    g_assert_cmpuint (stats.packets, ==, 140000);
    g_assert_cmpuint (stats.bytes, ==, 140000 * 172);
    g_assert_cmpuint (rtp_stats_lost (&stats), ==, 0);
    g_assert_cmpuint (stats.duplicates, ==, 0);
    g_assert_cmpuint (stats.reordered, ==, 0);
}

static void
test_loss (void)
{
    RtpStats stats = { 0 };

    for (unsigned i = 0; i < 1000; i++) {
        if (i % 10 != 5) {
            feed (&stats, (uint16_t) (65500 + i));
        }
    }
    g_assert_cmpuint (rtp_stats_lost (&stats), ==, 100);
}

static void
test_late_is_not_lost (void)
{
    RtpStats stats = { 0 };

    feed (&stats, 10);
    feed (&stats, 12);
    g_assert_cmpuint (rtp_stats_lost (&stats), ==, 1);
    feed (&stats, 11);
    g_assert_cmpuint (rtp_stats_lost (&stats), ==, 0);
    g_assert_cmpuint (stats.reordered, ==, 1);
    /* Before the first one: taken, and no reason for a negative loss. */
    feed (&stats, 9);
    g_assert_cmpuint (rtp_stats_lost (&stats), ==, 0);
    g_assert_cmpuint (stats.reordered, ==, 2);
}

static void
test_doubles (void)
{
    RtpStats stats = { 0 };

    for (unsigned i = 0; i < 100; i++) {
        feed (&stats, (uint16_t) i);
        feed (&stats, (uint16_t) i);
    }
    feed (&stats, 99 - 63);
    feed (&stats, 120); /* the window moves on */
    feed (&stats, 99);
    g_assert_cmpuint (stats.duplicates, ==, 102);
    g_assert_cmpuint (stats.reordered, ==, 0);
    g_assert_cmpuint (rtp_stats_lost (&stats), ==, 20);
}

static void
test_jump_is_believed_twice (void)
{
    RtpStats stats = { 0 };

    feed (&stats, 100);
    feed (&stats, 102);
    feed (&stats, 30000); /* stray */
    feed (&stats, 103);
    g_assert_cmpuint (rtp_stats_lost (&stats), ==, 1);
    feed (&stats, 30000);
    feed (&stats, 30001); /* the sender has started anew */
    feed (&stats, 30003);
    g_assert_cmpuint (rtp_stats_lost (&stats), ==, 2);
}

static void
test_jump_over_the_end (void)
{
    RtpStats stats = { 0 };

    feed (&stats, 30000);
    feed (&stats, 65535);
    feed (&stats, 0);
    feed (&stats, 1);
    g_assert_cmpuint (rtp_stats_lost (&stats), ==, 0);
    g_assert_cmpuint (stats.latest - stats.first, ==, 1);
}

static void
test_new_source_starts_anew (void)
{
    RtpStats stats = { 0 };
    RtpHeader other = { .sequence = 40000, .ssrc = 8 };

    feed (&stats, 1);
    feed (&stats, 4);
    rtp_stats_count (&stats, &other, 172, 0, 0);
    other.sequence++;
    rtp_stats_count (&stats, &other, 172, 0, 0);
    g_assert_cmpuint (rtp_stats_lost (&stats), ==, 2);
    g_assert_cmpuint (stats.packets, ==, 4);
}

static void
test_steady_has_no_jitter (void)
{
    RtpStats stats = { 0 };
    RtpHeader header = { .timestamp = UINT32_MAX - 1000 };

    for (unsigned i = 0; i < 500; i++) {
        rtp_stats_count (&stats, &header, 172, (INT64_C (1) << 50) + i * 20 * MS, 8000);
        header.sequence++;
        header.timestamp += 160;
    }
    g_assert_cmpuint (rtp_stats_jitter_us (&stats), ==, 0);
}

static void
test_jitter_comes_near (void)
{
    RtpStats stats = { 0 };
    RtpHeader header = { 0 };

    /* Every second packet is 2 ms late: |D| is 2 ms each time, and J goes there. */
    for (unsigned i = 0; i < 500; i++) {
        rtp_stats_count (&stats, &header, 172, i * 20 * MS + (i % 2) * 2 * MS, 8000);
        header.sequence++;
        header.timestamp += 160;
    }
    g_assert_cmpuint (rtp_stats_jitter_us (&stats), >=, 1800);
    g_assert_cmpuint (rtp_stats_jitter_us (&stats), <=, 2000);
}

static void
test_first_steps_of_jitter (void)
{
    RtpStats stats = { 0 };
    RtpHeader header = { 0 };

    /* RFC 3550 A.8 by hand: D = 160 units once, then none: J = 160/16 = 10, then 10 - 10/16. */
    rtp_stats_count (&stats, &header, 172, 0, 8000);
    header.timestamp += 160;
    rtp_stats_count (&stats, &header, 172, 40 * MS, 8000);
    g_assert_cmpuint (stats.jitter_x16, ==, 160);
    header.timestamp += 160;
    rtp_stats_count (&stats, &header, 172, 60 * MS, 8000);
    g_assert_cmpuint (stats.jitter_x16, ==, 160 - ((160 + 8) >> 4));
}

static void
test_digits_are_no_clock (void)
{
    RtpStats stats = { 0 };
    RtpHeader header = { 0 };

    rtp_stats_count (&stats, &header, 172, 0, 8000);
    for (unsigned i = 1; i < 10; i++) {
        rtp_stats_count (&stats, &header, 16, i * 20 * MS, 0); /* an event keeps its timestamp */
    }
    header.timestamp = 10 * 160;
    rtp_stats_count (&stats, &header, 172, 200 * MS, 8000);
    g_assert_cmpuint (rtp_stats_jitter_us (&stats), ==, 0);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/rtp/stats/all-there", test_all_there);
    g_test_add_func ("/rtp/stats/loss", test_loss);
    g_test_add_func ("/rtp/stats/late-is-not-lost", test_late_is_not_lost);
    g_test_add_func ("/rtp/stats/doubles", test_doubles);
    g_test_add_func ("/rtp/stats/jump-is-believed-twice", test_jump_is_believed_twice);
    g_test_add_func ("/rtp/stats/jump-over-the-end", test_jump_over_the_end);
    g_test_add_func ("/rtp/stats/new-source", test_new_source_starts_anew);
    g_test_add_func ("/rtp/stats/steady", test_steady_has_no_jitter);
    g_test_add_func ("/rtp/stats/jitter-comes-near", test_jitter_comes_near);
    g_test_add_func ("/rtp/stats/jitter-first-steps", test_first_steps_of_jitter);
    g_test_add_func ("/rtp/stats/digits-are-no-clock", test_digits_are_no_clock);
    return g_test_run ();
}
