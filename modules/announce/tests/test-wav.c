/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recordings: what is taken, and what is said of the rest. */

#include "wav.h"

#include <string.h>

/* A file in the making. */
static GByteArray *
begin (void)
{
    GByteArray *file = g_byte_array_new ();

    g_byte_array_append (file, (const uint8_t *) "RIFF\0\0\0\0WAVE", 12);
    return file;
}

static void
add_number (GByteArray *file, uint32_t number, unsigned n_bytes)
{
    for (unsigned i = 0; i < n_bytes; i++) {
        uint8_t byte = (uint8_t) (number >> (8 * i));
        g_byte_array_append (file, &byte, 1);
    }
}

static void
add_chunk (GByteArray *file, const char *name, const void *bytes, uint32_t n_bytes)
{
    g_byte_array_append (file, (const uint8_t *) name, 4);
    add_number (file, n_bytes, 4);
    g_byte_array_append (file, bytes, n_bytes);
    if (n_bytes % 2 != 0) {
        g_byte_array_append (file, (const uint8_t *) "", 1);
    }
}

static void
add_format (GByteArray *file, uint32_t tag, uint32_t n_channels, uint32_t rate_hz, uint32_t bits)
{
    g_byte_array_append (file, (const uint8_t *) "fmt ", 4);
    add_number (file, 16, 4);
    add_number (file, tag, 2);
    add_number (file, n_channels, 2);
    add_number (file, rate_hz, 4);
    add_number (file, rate_hz * n_channels * bits / 8, 4);
    add_number (file, n_channels * bits / 8, 2);
    add_number (file, bits, 2);
}

static void
assert_refused (GByteArray *file, const char *why)
{
    g_autoptr (GError) error = NULL;
    size_t n = 0;

    g_assert_null (wav_parse (file->data, file->len, &n, &error));
    g_assert_nonnull (strstr (error->message, why));
    g_byte_array_unref (file);
}

static void
test_samples_come_out (void)
{
    g_autoptr (GError) error = NULL;
    GByteArray *file = begin ();
    size_t n;

    add_chunk (file, "LIST", "odd", 3);
    add_format (file, 1, 1, 8000, 16);
    add_chunk (file, "data", "\x01\x00\xff\xff\x00\x80", 6);
    add_chunk (file, "LIST", "behind", 6);
    g_autofree int16_t *samples = wav_parse (file->data, file->len, &n, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (n, ==, 3);
    g_assert_cmpint (samples[0], ==, 1);
    g_assert_cmpint (samples[1], ==, -1);
    g_assert_cmpint (samples[2], ==, INT16_MIN);
    g_byte_array_unref (file);
}

static void
test_another_format (void)
{
    GByteArray *file = begin ();

    add_format (file, 1, 2, 44100, 16);
    add_chunk (file, "data", "\0\0\0\0", 4);
    assert_refused (file, "2 channels, 44100 samples a second, 16 bits");
    file = begin ();
    add_format (file, 7, 1, 8000, 8);
    assert_refused (file, "format 7");
}

static void
test_cut_short (void)
{
    GByteArray *file = begin ();

    g_byte_array_set_size (file, 11);
    assert_refused (file, "no RIFF WAVE");
    file = begin ();
    g_byte_array_append (file, (const uint8_t *) "fmt ", 4);
    assert_refused (file, "middle of a chunk's head");
    file = begin ();
    add_chunk (file, "fmt ", "\1\0\1\0", 4);
    assert_refused (file, "format is cut short");
    file = begin ();
    add_format (file, 1, 1, 8000, 16);
    g_byte_array_append (file, (const uint8_t *) "data\xff\xff\xff\xff\0\0", 10);
    assert_refused (file, "longer than the file");
}

static void
test_nothing_to_hear (void)
{
    GByteArray *file = begin ();

    add_format (file, 1, 1, 8000, 16);
    assert_refused (file, "no sound");
    file = begin ();
    add_format (file, 1, 1, 8000, 16);
    add_chunk (file, "data", "", 0);
    assert_refused (file, "no whole number of samples");
    file = begin ();
    add_chunk (file, "data", "\0\0", 2);
    assert_refused (file, "before its format");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/announce/wav/samples", test_samples_come_out);
    g_test_add_func ("/announce/wav/another-format", test_another_format);
    g_test_add_func ("/announce/wav/cut-short", test_cut_short);
    g_test_add_func ("/announce/wav/nothing-to-hear", test_nothing_to_hear);
    return g_test_run ();
}
