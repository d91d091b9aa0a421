/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a message on a stream ends (RFC 3261 18.3). */

#include "scan.h"

/* The length of the white lines that BYTES begins with, or 0. */
static size_t
count_white (const char *bytes, size_t len_bytes)
{
    size_t n = 0;

    while (n < len_bytes && (bytes[n] == '\r' || bytes[n] == '\n')) {
        n++;
    }
    return n;
}

/* Where the head ends, its empty line included, or NULL. */
static const char *
find_head_end (const char *bytes, size_t len_bytes)
{
    const char *at = memmem (bytes, len_bytes, "\r\n\r\n", 4);
    const char *bare = memmem (bytes, len_bytes, "\n\n", 2);

    if (bare != NULL && (at == NULL || bare < at)) {
        return bare + 2; /* the scan will refuse it */
    }
    return at != NULL ? at + 4 : NULL;
}

/* If LINE is a Content-Length, its value: 1 when it is read, 0 when it is another header, -1 when
 * it is no number. */
static int
read_length (SipView line, uint64_t *ret_length)
{
    const char *colon = memchr (line.text, ':', line.len_bytes);

    if (colon == NULL) {
        return 0;
    }
    SipView name = sip_view_trim (sip_view_span (line.text, colon));
    if (sip_header_id (name) != SIP_HEADER_CONTENT_LENGTH) {
        return 0;
    }
    SipView value = sip_view_trim (sip_view_span (colon + 1, line.text + line.len_bytes));
    return sip_view_number (value, SIP_MAX_MESSAGE_BYTES, ret_length) ? 1 : -1;
}

/* The one value of Content-Length between FROM and END. */
static bool
find_length (const char *from, const char *end, uint64_t *ret_length)
{
    bool is_found = false;

    while (from < end) {
        const char *newline = memchr (from, '\n', (size_t) (end - from));
        /* A value may go on in folded lines. */
        while (newline != NULL && newline + 1 < end && (newline[1] == ' ' || newline[1] == '\t')) {
            newline = memchr (newline + 1, '\n', (size_t) (end - newline - 1));
        }
        const char *line_end = newline != NULL ? newline : end;
        uint64_t length;
        int result = read_length (sip_view_span (from, line_end), &length);
        if (result < 0 || (result > 0 && is_found && length != *ret_length)) {
            return false;
        }
        if (result > 0) {
            is_found = true;
            *ret_length = length;
        }
        from = newline != NULL ? newline + 1 : end;
    }
    return is_found;
}

ssize_t
sip_frame (const char *bytes, size_t len_bytes)
{
    uint64_t length = 0;
    size_t n_white = count_white (bytes, len_bytes);

    if (n_white > 0) {
        return (ssize_t) n_white;
    }
    const char *body = find_head_end (bytes, MIN (len_bytes, SIP_MAX_MESSAGE_BYTES));
    if (body == NULL) {
        return len_bytes >= SIP_MAX_MESSAGE_BYTES ? -1 : 0;
    }
    if (!find_length (bytes, body, &length)) {
        return -1;
    }
    size_t whole = (size_t) (body - bytes) + (size_t) length;
    if (whole > SIP_MAX_MESSAGE_BYTES) {
        return -1;
    }
    return (ssize_t) whole;
}
