/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module, loaded: both codecs keep the contract of codec.h. */

#include "common/fixture.h"

#include <tandem/codec.h>

#include <string.h>

typedef struct {
    TdFixture *fixture;
    const TdCodec *codec;
    void *decoder;
} Test;

static void
set_up (Test *test, gconstpointer name)
{
    test->fixture = td_fixture_new ("[modules]\ncodec-g711 = required\n");
    test->codec = td_codec_acquire (name, 8000);
    g_assert_nonnull (test->codec);
    test->decoder = test->codec->decoder_new (NULL, test->codec->data);
}

static void
tear_down (Test *test, gconstpointer name)
{
    test->codec->decoder_free (test->decoder);
    td_codec_release (test->codec);
    td_fixture_free (test->fixture);
}

static void
test_payload_comes_back (Test *test, gconstpointer name)
{
    uint8_t payload[80], again[80];
    int16_t samples[80];

    for (unsigned i = 0; i < 80; i++) {
        payload[i] = (uint8_t) (0x80 + i);
    }
    g_assert_cmpint (test->codec->decode (test->decoder, payload, 80, samples, 80), ==, 80);
    g_assert_cmpint (test->codec->encode (NULL, samples, 80, again, 80), ==, 80);
    g_assert_cmpmem (again, 80, payload, 80);
}

static void
test_what_does_not_fit (Test *test, gconstpointer name)
{
    uint8_t payload[81] = { 0 };
    int16_t samples[81] = { 0 };

    g_assert_cmpint (test->codec->decode (test->decoder, payload, 81, samples, 80), ==, -1);
    g_assert_cmpint (test->codec->decode (test->decoder, payload, 0, samples, 80), ==, -1);
    g_assert_cmpint (test->codec->encode (NULL, samples, 81, payload, 80), ==, -1);
    g_assert_cmpint (test->codec->encode (NULL, samples, 0, payload, 80), ==, -1);
}

static void
test_a_lost_frame_sounds_like_the_last (Test *test, gconstpointer name)
{
    uint8_t payload[160];
    int16_t heard[160], filled[80];

    memset (payload, 0x91, sizeof payload);
    test->codec->decode (test->decoder, payload, 160, heard, 160);
    g_assert_cmpint (test->codec->conceal (test->decoder, filled, 80), ==, 80);
    g_assert_cmpmem (filled, 160, heard, 160);
}

static void
test_direct_to_the_other (Test *test, gconstpointer name)
{
    const char *other = strcmp (name, "PCMU") == 0 ? "pcma" : "pcmu";
    const TdCodec *back = td_codec_acquire (other, 8000);
    const uint8_t *there = test->codec->direct (other, test->codec->data);
    int16_t before, after;

    g_assert_nonnull (there);
    for (unsigned octet = 0; octet < 256; octet++) {
        uint8_t from = (uint8_t) octet, to = there[octet];
        void *decoder = back->decoder_new (NULL, back->data);
        test->codec->decode (test->decoder, &from, 1, &before, 1);
        back->decode (decoder, &to, 1, &after, 1);
        back->decoder_free (decoder);
        g_assert_cmpint (ABS (after - before), <=, ABS (before) / 32 + 8);
    }
    td_codec_release (back);
}

static void
test_no_direct_way_elsewhere (Test *test, gconstpointer name)
{
    g_assert_null (test->codec->direct ("G722", test->codec->data));
    g_assert_null (test->codec->direct (name, test->codec->data));
}

static void
add (const char *name, const char *path, void (*run) (Test *, gconstpointer))
{
    g_autofree char *full = g_strdup_printf ("/codec-g711/%s/%s", name, path);

    g_test_add (full, Test, name, set_up, run, tear_down);
}

int
main (int argc, char **argv)
{
    static const char *const names[] = { "PCMU", "PCMA" };

    g_test_init (&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
        add (names[i], "payload-comes-back", test_payload_comes_back);
        add (names[i], "does-not-fit", test_what_does_not_fit);
        add (names[i], "lost-frame", test_a_lost_frame_sounds_like_the_last);
        add (names[i], "direct", test_direct_to_the_other);
        add (names[i], "not-direct", test_no_direct_way_elsewhere);
    }
    return g_test_run ();
}
