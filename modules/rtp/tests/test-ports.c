/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pairs of ports are even, each given once, and rest before they come again. */

#include "ports.h"

#include <string.h>

static RtpPorts *
make (unsigned first, unsigned last, unsigned rest_ms)
{
    g_autoptr (GError) error = NULL;
    RtpRange range = { .first = first, .last = last, .rest_ms = rest_ms };
    RtpPorts *ports = rtp_ports_new (&range, &error);

    g_assert_no_error (error);
    return ports;
}

static void
change (RtpPorts *ports, unsigned first, unsigned last, unsigned rest_ms, int64_t now_us)
{
    rtp_ports_change (ports, &(RtpRange){ .first = first, .last = last, .rest_ms = rest_ms },
                      now_us);
}

static void
test_each_once (void)
{
    RtpPorts *ports = make (10001, 10300, 0);
    bool is_taken[300] = { false };

    g_assert_cmpuint (rtp_ports_total (ports), ==, 149);
    for (unsigned i = 0; i < 149; i++) {
        unsigned port = rtp_ports_take (ports, false, 0);
        g_assert_cmpuint (port % 2, ==, 0);
        g_assert_cmpuint (port, >=, 10002);
        g_assert_cmpuint (port + 1, <=, 10300);
        g_assert_false (is_taken[port - 10001]);
        is_taken[port - 10001] = true;
    }
    g_assert_cmpuint (rtp_ports_take (ports, false, 0), ==, 0);
    g_assert_cmpuint (rtp_ports_in_use (ports), ==, 149);
    rtp_ports_free (ports);
}

static void
test_order_is_random (void)
{
    RtpPorts *first = make (10000, 12047, 0), *second = make (10000, 12047, 0);
    unsigned n_same = 0;

    for (unsigned i = 0; i < 1024; i++) {
        n_same += rtp_ports_take (first, false, 0) == rtp_ports_take (second, false, 0);
    }
    /* One is expected; 30 would be one in 10^32. */
    g_assert_cmpuint (n_same, <, 30);
    rtp_ports_free (first);
    rtp_ports_free (second);
}

static void
test_rest (void)
{
    RtpPorts *ports = make (10000, 10001, 5000);

    g_assert_cmpuint (rtp_ports_take (ports, false, 0), ==, 10000);
    rtp_ports_give (ports, 10000, 1000000);
    g_assert_cmpuint (rtp_ports_in_use (ports), ==, 0);
    g_assert_cmpuint (rtp_ports_take (ports, false, 5999999), ==, 0);
    g_assert_cmpuint (rtp_ports_take (ports, false, 6000000), ==, 10000);
    rtp_ports_free (ports);
}

static void
test_longest_rested_first (void)
{
    RtpPorts *ports = make (10000, 10007, 0);
    unsigned taken[4];

    for (unsigned i = 0; i < 4; i++) {
        taken[i] = rtp_ports_take (ports, false, 0);
    }
    for (unsigned i = 4; i > 0; i--) {
        rtp_ports_give (ports, taken[i - 1], 0);
    }
    for (unsigned i = 4; i > 0; i--) {
        g_assert_cmpuint (rtp_ports_take (ports, false, 0), ==, taken[i - 1]);
    }
    rtp_ports_free (ports);
}

static void
test_no_range (void)
{
    static const unsigned ranges[][2] = { { 0, 100 }, { 10000, 10000 }, { 10001, 10002 },
                                          { 10, 9 },  { 65535, 65536 }, { 10, 65536 } };

    for (unsigned i = 0; i < G_N_ELEMENTS (ranges); i++) {
        g_autoptr (GError) error = NULL;
        RtpRange range = { .first = ranges[i][0], .last = ranges[i][1] };
        g_assert_null (rtp_ports_new (&range, &error));
        g_assert_nonnull (strstr (error->message, "widen the range"));
    }
}

/* Takes all that can be had. */
static unsigned
drain (RtpPorts *ports, int64_t now_us, bool is_taken[20])
{
    unsigned n = 0, port;

    memset (is_taken, 0, 20);
    while ((port = rtp_ports_take (ports, false, now_us)) != 0) {
        g_assert_cmpuint (port, >=, 10000);
        g_assert_cmpuint (port, <, 10020);
        g_assert_false (is_taken[port - 10000]);
        is_taken[port - 10000] = true;
        n++;
    }
    return n;
}

static void
test_range_that_grows (void)
{
    RtpPorts *ports = make (10000, 10007, 0);
    bool is_taken[20];

    unsigned used = rtp_ports_take (ports, false, 0);
    change (ports, 10000, 10019, 0, 0);
    g_assert_cmpuint (rtp_ports_total (ports), ==, 10);
    g_assert_cmpuint (drain (ports, 0, is_taken), ==, 9);
    g_assert_false (is_taken[used - 10000]);
    rtp_ports_give (ports, used, 0);
    g_assert_cmpuint (rtp_ports_take (ports, false, 0), ==, used);
    rtp_ports_free (ports);
}

static void
test_range_that_moves (void)
{
    RtpPorts *ports = make (10000, 10009, 0);
    bool is_taken[20];

    g_assert_cmpuint (drain (ports, 0, is_taken), ==, 5);
    change (ports, 10008, 10015, 0, 0);
    g_assert_cmpuint (rtp_ports_in_use (ports), ==, 5);
    g_assert_cmpuint (drain (ports, 0, is_taken), ==, 3);
    g_assert_false (is_taken[8]);
    /* What a call that is up gives back comes again only when it is in the range. */
    rtp_ports_give (ports, 10000, 0);
    g_assert_cmpuint (rtp_ports_take (ports, false, 0), ==, 0);
    rtp_ports_give (ports, 10008, 0);
    g_assert_cmpuint (rtp_ports_take (ports, false, 0), ==, 10008);
    g_assert_cmpuint (rtp_ports_in_use (ports), ==, 7);
    rtp_ports_free (ports);
}

static void
test_range_that_comes_back (void)
{
    RtpPorts *ports = make (10000, 10001, 0);

    g_assert_cmpuint (rtp_ports_take (ports, false, 0), ==, 10000);
    change (ports, 10010, 10011, 0, 0);
    change (ports, 10000, 10001, 0, 0);
    g_assert_cmpuint (rtp_ports_take (ports, false, 0), ==, 0);
    rtp_ports_give (ports, 10000, 0);
    g_assert_cmpuint (rtp_ports_take (ports, false, 0), ==, 10000);
    rtp_ports_free (ports);
}

static void
test_rest_that_shrinks (void)
{
    RtpPorts *ports = make (10000, 10001, 60000);

    rtp_ports_give (ports, rtp_ports_take (ports, false, 0), 0);
    change (ports, 10000, 10001, 1000, 5000000);
    g_assert_cmpuint (rtp_ports_take (ports, false, 5999999), ==, 0);
    g_assert_cmpuint (rtp_ports_take (ports, false, 6000000), ==, 10000);
    rtp_ports_free (ports);
}

/* --- A part for those who come first ----------------------------------------------------- */

static RtpPorts *
make_reserved (unsigned percent)
{
    g_autoptr (GError) error = NULL;
    RtpRange range = { .first = 10000, .last = 10019, .reserve_percent = percent };
    RtpPorts *ports = rtp_ports_new (&range, &error);

    g_assert_no_error (error);
    return ports;
}

static void
test_ordinary_never_takes_the_reserve (void)
{
    RtpPorts *ports = make_reserved (25);
    bool is_taken[20];

    g_assert_cmpuint (rtp_ports_total (ports), ==, 10);
    g_assert_cmpuint (drain (ports, 0, is_taken), ==, 8);
    g_assert_false (is_taken[16] || is_taken[18]);
    g_assert_cmpuint (rtp_ports_take (ports, true, 0), >=, 10016);
    g_assert_cmpuint (rtp_ports_take (ports, false, 0), ==, 0);
    g_assert_cmpuint (rtp_ports_take (ports, true, 0), >=, 10016);
    g_assert_cmpuint (rtp_ports_take (ports, true, 0), ==, 0);
    rtp_ports_free (ports);
}

static void
test_priority_takes_the_reserve_first (void)
{
    RtpPorts *ports = make_reserved (25);

    g_assert_cmpuint (rtp_ports_take (ports, true, 0), >=, 10016);
    g_assert_cmpuint (rtp_ports_take (ports, true, 0), >=, 10016);
    unsigned open = rtp_ports_take (ports, true, 0);
    g_assert_cmpuint (open, <, 10016);
    g_assert_cmpuint (open, !=, 0);
    rtp_ports_free (ports);
}

static void
test_without_reserve_nothing_is_kept (void)
{
    RtpPorts *ports = make_reserved (0);
    bool is_taken[20];

    g_assert_cmpuint (drain (ports, 0, is_taken), ==, 10);
    g_assert_cmpuint (rtp_ports_take (ports, true, 0), ==, 0);
    rtp_ports_free (ports);
}

/* What comes back goes to the part that it is of now, and whoever has rested longest goes first. */
static void
test_reserve_that_shrinks (void)
{
    RtpPorts *ports = make_reserved (25);
    RtpRange range = { .first = 10000, .last = 10019, .rest_ms = 1000, .reserve_percent = 10 };
    bool is_taken[20];

    g_assert_cmpuint (drain (ports, 0, is_taken), ==, 8);
    unsigned one = rtp_ports_take (ports, true, 0), other = rtp_ports_take (ports, true, 0);
    rtp_ports_change (ports, &range, 0);
    rtp_ports_give (ports, one, 0);
    rtp_ports_give (ports, other, 0);
    rtp_ports_give (ports, 10000, 5);
    g_assert_cmpuint (rtp_ports_take (ports, false, 1000000), ==, 10016);
    g_assert_cmpuint (rtp_ports_take (ports, false, 1000000), ==, 0);
    g_assert_cmpuint (rtp_ports_take (ports, false, 1000005), ==, 10000);
    g_assert_cmpuint (rtp_ports_take (ports, true, 1000005), ==, 10018);
    rtp_ports_free (ports);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/rtp/ports/each-once", test_each_once);
    g_test_add_func ("/rtp/ports/random", test_order_is_random);
    g_test_add_func ("/rtp/ports/rest", test_rest);
    g_test_add_func ("/rtp/ports/longest-rested-first", test_longest_rested_first);
    g_test_add_func ("/rtp/ports/no-range", test_no_range);
    g_test_add_func ("/rtp/ports/range-grows", test_range_that_grows);
    g_test_add_func ("/rtp/ports/range-moves", test_range_that_moves);
    g_test_add_func ("/rtp/ports/range-comes-back", test_range_that_comes_back);
    g_test_add_func ("/rtp/ports/rest-shrinks", test_rest_that_shrinks);
    g_test_add_func ("/rtp/ports/PRI-081/ordinary", test_ordinary_never_takes_the_reserve);
    g_test_add_func ("/rtp/ports/PRI-081/priority", test_priority_takes_the_reserve_first);
    g_test_add_func ("/rtp/ports/PRI-081/off", test_without_reserve_nothing_is_kept);
    g_test_add_func ("/rtp/ports/PRI-081/shrinks", test_reserve_that_shrinks);
    return g_test_run ();
}
