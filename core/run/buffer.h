/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes of a stream that come in at one end and are taken at the other. Empty when it is all zeros. */

#ifndef CORE_RUN_BUFFER_H
#define CORE_RUN_BUFFER_H

#include <tandem/base.h>

typedef struct {
    char *bytes; /* g_free() ends a buffer */
    size_t begin, end,
        size; /* what is there, and the room; behind the end there is room for a NUL */
} TdBuffer;

void td_buffer_append (TdBuffer *buffer, const char *bytes, size_t len_bytes);
size_t td_buffer_len_bytes (const TdBuffer *buffer);

/* Takes away the first N_BYTES; an empty buffer keeps no memory, most connections are idle. */
void td_buffer_consume (TdBuffer *buffer, size_t n_bytes);

#endif
