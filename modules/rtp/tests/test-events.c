/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a stream tells of what it hears: that it has begun, that it is silent, and which digits came. */

#include "phones.h"

static void
test_silence_is_told_once (Fixture *fixture, const void *data)
{
    Pair pair = connect_pair (fixture);
    uint8_t packet[256];

    talk (&pair.a, pair.to_a, 0, packet);
    talk (&pair.b, pair.to_b, 0, packet);
    turn (fixture);
    g_assert_cmpstr (fixture->events->str, ==, "1:flowing:0 2:flowing:0 ");
    g_string_truncate (fixture->events, 0);
    for (unsigned i = 0; i < 10; i++) {
        clock_us += 1000000;
        talk (&pair.b, pair.to_b, 0, packet);
        turn (fixture);
    }
    g_assert_cmpstr (fixture->events->str, ==, "1:silence:5000 ");
    g_string_truncate (fixture->events, 0);
    talk (&pair.a, pair.to_a, 0, packet);
    turn (fixture);
    talk (&pair.a, pair.to_a, 0, packet);
    turn (fixture);
    g_assert_cmpstr (fixture->events->str, ==, "1:flowing:0 ");
    close_pair (fixture, &pair);
}

static void
test_hold_is_no_silence (Fixture *fixture, const void *data)
{
    Pair pair = connect_pair (fixture);
    RtpAgreement hold = { .is_awaited = false };

    rtp_stream_agree (pair.to_a, &hold);
    rtp_stream_agree (pair.to_b, &hold);
    for (unsigned i = 0; i < 10; i++) {
        clock_us += 1000000;
        turn (fixture);
    }
    g_assert_cmpstr (fixture->events->str, ==, "");
    /* The time of the hold does not count afterwards. */
    hold.is_awaited = true;
    rtp_stream_agree (pair.to_a, &hold);
    turn (fixture);
    clock_us += 4000000;
    turn (fixture);
    g_assert_cmpstr (fixture->events->str, ==, "");
    clock_us += 2000000;
    turn (fixture);
    g_assert_cmpstr (fixture->events->str, ==, "1:silence:6000 ");
    close_pair (fixture, &pair);
}

static void
test_digits_are_told_once (Fixture *fixture, const void *data)
{
    g_autoptr (TdDescription) local = read_sdp ("0 101\na=rtpmap:101 telephone-event/8000");
    Pair pair = connect_pair (fixture);
    uint8_t packet[] = { 0x80, 101, 0, 0, 0, 0, 0, 0, 0x11, 0x22, 0x33, 0x44, 11, 10, 0, 160 };

    agree (pair.to_a, &pair.a, local);
    for (unsigned i = 0; i < 6; i++) {
        packet[3]++;
        packet[7] = (uint8_t) (i / 3);
        packet[12] = i < 3 ? 5 : 11;
        send_to (pair.a.rtp, pair.to_a, 0, packet, sizeof packet);
        turn (fixture);
        assert_hears (pair.b.rtp, packet, sizeof packet);
    }
    packet[7] = 9;
    packet[12] = 16; /* flash is no digit */
    send_to (pair.a.rtp, pair.to_a, 0, packet, sizeof packet);
    send_to (pair.a.rtp, pair.to_a, 0, packet, sizeof packet - 1);
    turn (fixture);
    g_assert_cmpstr (fixture->events->str, ==, "1:flowing:0 1:digit:53 1:digit:35 ");
    close_pair (fixture, &pair);
}

/* A packet of an event: its number, its time, what it says. */
static void
send_event (Fixture *fixture, const Pair *pair, bool is_marked, uint16_t sequence,
            uint32_t timestamp, uint8_t code, bool is_end, uint16_t duration)
{
    uint8_t packet[] = { 0x80,
                         (uint8_t) (101 | (is_marked ? 0x80 : 0)),
                         (uint8_t) (sequence >> 8),
                         (uint8_t) sequence,
                         (uint8_t) (timestamp >> 24),
                         (uint8_t) (timestamp >> 16),
                         (uint8_t) (timestamp >> 8),
                         (uint8_t) timestamp,
                         0x11,
                         0x22,
                         0x33,
                         0x44,
                         code,
                         is_end ? 0x8a : 10,
                         (uint8_t) (duration >> 8),
                         (uint8_t) duration };

    send_to (pair->a.rtp, pair->to_a, 0, packet, sizeof packet);
    turn (fixture);
    assert_hears (pair->b.rtp, packet, sizeof packet);
}

static void
test_overtaken_digit_is_not_told_again (Fixture *fixture, const void *data)
{
    g_autoptr (TdDescription) local = read_sdp ("0 101\na=rtpmap:101 telephone-event/8000");
    Pair pair = connect_pair (fixture);

    agree (pair.to_a, &pair.a, local);
    send_event (fixture, &pair, true, 65534, 0xffffff00, 5, false, 160);
    send_event (fixture, &pair, true, 1, 700, 6, false, 160);
    send_event (fixture, &pair, false, 65535, 0xffffff00, 5, true, 320); /* late */
    send_event (fixture, &pair, false, 2, 700, 6, true, 320);
    send_event (fixture, &pair, true, 3, 0x80000000, 7, false, 160); /* its clock has jumped */
    g_assert_cmpstr (fixture->events->str, ==, "1:flowing:0 1:digit:53 1:digit:54 1:digit:55 ");
    close_pair (fixture, &pair);
}

/* RFC 4733 2.5.1.3. */
static void
test_long_digit_is_told_once (Fixture *fixture, const void *data)
{
    g_autoptr (TdDescription) local = read_sdp ("0 101\na=rtpmap:101 telephone-event/8000");
    Pair pair = connect_pair (fixture);

    agree (pair.to_a, &pair.a, local);
    send_event (fixture, &pair, true, 1, 1000, 5, false, 160);
    send_event (fixture, &pair, false, 2, 1000, 5, false, 0xffff);
    send_event (fixture, &pair, false, 3, 1000 + 0xffff, 5, false, 160);
    send_event (fixture, &pair, false, 4, 1000 + 2 * 0xffff, 5, false, 160); /* after a gap */
    send_event (fixture, &pair, false, 5, 1000 + 2 * 0xffff, 5, true, 800);
    send_event (fixture, &pair, true, 6, 1000 + 3 * 0xffff, 5, false, 160); /* once more */
    g_assert_cmpstr (fixture->events->str, ==, "1:flowing:0 1:digit:53 1:digit:53 ");
    close_pair (fixture, &pair);
}

#define ADD(path, function)                                                                        \
    g_test_add ("/rtp/events/" path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("silence", test_silence_is_told_once);
    ADD ("hold", test_hold_is_no_silence);
    ADD ("digits", test_digits_are_told_once);
    ADD ("PRI-046/overtaken-digit", test_overtaken_digit_is_not_told_again);
    ADD ("PRI-046/long-digit", test_long_digit_is_told_once);
    return g_test_run ();
}
