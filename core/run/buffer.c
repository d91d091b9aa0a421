/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes of a stream that come in at one end and are taken at the other. */

#include "run/buffer.h"

#include <string.h>

void
td_buffer_append (TdBuffer *buffer, const char *bytes, size_t len_bytes)
{
    if (buffer->begin > 0 && buffer->size - buffer->end < len_bytes + 1) {
        memmove (buffer->bytes, buffer->bytes + buffer->begin, buffer->end - buffer->begin);
        buffer->end -= buffer->begin;
        buffer->begin = 0;
    }
    if (buffer->size - buffer->end < len_bytes + 1) { /* a NUL will find its place, too */
        buffer->size = MAX (buffer->size * 2, buffer->end + len_bytes + 1);
        buffer->bytes = g_realloc (buffer->bytes, buffer->size);
    }
    memcpy (buffer->bytes + buffer->end, bytes, len_bytes);
    buffer->end += len_bytes;
}

size_t
td_buffer_len_bytes (const TdBuffer *buffer)
{
    return buffer->end - buffer->begin;
}

void
td_buffer_consume (TdBuffer *buffer, size_t n_bytes)
{
    buffer->begin += n_bytes;
    if (buffer->begin == buffer->end) {
        g_free (buffer->bytes);
        *buffer = (TdBuffer){ NULL, 0, 0, 0 };
    }
}
