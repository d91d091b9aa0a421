/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recordings: RIFF WAVE files of linear PCM, 16 bits, 8000 samples a second, one channel. */

#ifndef MODULES_ANNOUNCE_WAV_H
#define MODULES_ANNOUNCE_WAV_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    WAV_MAX_BYTES = 16 * 1024 * 1024, /* a quarter of an hour and more */
};

/* The samples of the file BYTES (transfer full), RET_N of them, at least one. NULL: it is none of that kind;
 * ERROR says what it is instead, and what to do. */
int16_t *wav_parse (const uint8_t *bytes, size_t n_bytes, size_t *ret_n, GError **error);

#endif
