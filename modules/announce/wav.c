/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads recordings. Every length in the file is checked against the file. */

#include "wav.h"

#include <string.h>
#include <tandem/base.h>

enum {
    RIFF_BYTES = 12, /* "RIFF", length, "WAVE" */
    HEAD_BYTES = 8,  /* of a chunk: name, length */
    FORMAT_BYTES = 16,
    FORMAT_PCM = 1,
    RATE_HZ = 8000,
};

typedef struct {
    const uint8_t *bytes;
    size_t n_bytes;
} Chunk;

static uint32_t
read_u16 (const uint8_t *bytes)
{
    return (uint32_t) bytes[0] | (uint32_t) bytes[1] << 8;
}

static uint32_t
read_u32 (const uint8_t *bytes)
{
    return read_u16 (bytes) | read_u16 (bytes + 2) << 16;
}

static bool
fail (GError **error, const char *what)
{
    g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                 "%s; make it with: sox RECORDING -r 8000 -c 1 -b 16 -e signed-integer PROMPT.wav",
                 what);
    return false;
}

static bool
check_format (const Chunk *format, GError **error)
{
    char text[160];

    if (format->n_bytes < FORMAT_BYTES) {
        return fail (error, "its format is cut short");
    }
    unsigned tag = read_u16 (format->bytes), n_channels = read_u16 (format->bytes + 2);
    unsigned rate_hz = read_u32 (format->bytes + 4), bits = read_u16 (format->bytes + 14);
    if (tag != FORMAT_PCM || n_channels != 1 || rate_hz != RATE_HZ || bits != 16) {
        g_snprintf (
            text, sizeof text,
            "it has format %u, %u channels, %u samples a second, %u bits, and not linear PCM "
            "(1), one, 8000, 16",
            tag, n_channels, rate_hz, bits);
        return fail (error, text);
    }
    return true;
}

/* The chunk at AT, and where the next one is. Chunks are padded to an even length. */
static bool
read_chunk (const uint8_t *bytes, size_t n_bytes, size_t *at, Chunk *chunk,
            const uint8_t **ret_name, GError **error)
{
    if (n_bytes - *at < HEAD_BYTES) {
        return fail (error, "it ends in the middle of a chunk's head");
    }
    size_t n = read_u32 (bytes + *at + 4);
    if (n > n_bytes - *at - HEAD_BYTES) {
        return fail (error, "a chunk says it is longer than the file");
    }
    *ret_name = bytes + *at;
    *chunk = (Chunk){ bytes + *at + HEAD_BYTES, n };
    *at += HEAD_BYTES + n;
    *at += n % 2 != 0 && *at < n_bytes;
    return true;
}

/* The data, behind a format that is right. */
static bool
find_data (const uint8_t *bytes, size_t n_bytes, Chunk *ret_data, GError **error)
{
    bool has_format = false;

    for (size_t at = RIFF_BYTES; at < n_bytes;) {
        const uint8_t *name;
        Chunk chunk;
        if (!read_chunk (bytes, n_bytes, &at, &chunk, &name, error)) {
            return false;
        }
        if (memcmp (name, "fmt ", 4) == 0) {
            if (!check_format (&chunk, error)) {
                return false;
            }
            has_format = true;
        } else if (memcmp (name, "data", 4) == 0) {
            *ret_data = chunk;
            return has_format || fail (error, "its sound comes before its format");
        }
    }
    return fail (error, "it has no sound");
}

int16_t *
wav_parse (const uint8_t *bytes, size_t n_bytes, size_t *ret_n, GError **error)
{
    Chunk data;

    if (n_bytes < RIFF_BYTES || memcmp (bytes, "RIFF", 4) != 0
        || memcmp (bytes + 8, "WAVE", 4) != 0) {
        fail (error, "it is no RIFF WAVE file");
        return NULL;
    }
    if (n_bytes > WAV_MAX_BYTES) {
        fail (error, "it is longer than 16 MiB");
        return NULL;
    }
    if (!find_data (bytes, n_bytes, &data, error)) {
        return NULL;
    }
    if (data.n_bytes < 2 || data.n_bytes % 2 != 0) {
        fail (error, "its sound is no whole number of samples");
        return NULL;
    }
    int16_t *samples = g_new (int16_t, data.n_bytes / 2);
    for (size_t i = 0; i < data.n_bytes / 2; i++) {
        samples[i] = (int16_t) read_u16 (data.bytes + 2 * i);
    }
    *ret_n = data.n_bytes / 2;
    return samples;
}
