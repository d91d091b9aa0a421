/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Credentials in messages that somebody is going to see, and digits in those that are kept. */

#include "trace.h"

static bool
is_blank (char c)
{
    return c == ' ' || c == '\t';
}

static bool
is_line_end (char c)
{
    return c == '\r' || c == '\n';
}

static bool
begins_with (const char *at, const char *end, const char *name)
{
    size_t len_bytes = strlen (name);

    return (size_t) (end - at) >= len_bytes && g_ascii_strncasecmp (at, name, len_bytes) == 0;
}

/* Behind the line end at AT where the line after it goes on with the same field (RFC 3261 7.3.1);
 * NULL otherwise. */
static char *
unfold (char *at, const char *end)
{
    at += at + 1 < end && at[0] == '\r' && at[1] == '\n' ? 2 : 1;
    return at < end && is_blank (*at) ? at : NULL;
}

static char *
skip_blanks (char *at, const char *end)
{
    while (at < end && (is_blank (*at) || is_line_end (*at))) {
        char *next = is_blank (*at) ? at + 1 : unfold (at, end);
        if (next == NULL) {
            break;
        }
        at = next;
    }
    return at;
}

/* Masks a value from AT to the end of its last line. Returns where it ended. */
static char *
mask_value (char *at, const char *end)
{
    static const char *const schemes[] = { "Digest", "Basic", "Bearer" };

    at = skip_blanks (at, end);
    for (size_t i = 0; i < G_N_ELEMENTS (schemes); i++) {
        size_t len_bytes = strlen (schemes[i]);
        if (begins_with (at, end, schemes[i]) && at + len_bytes < end
            && (is_blank (at[len_bytes]) || is_line_end (at[len_bytes]))) {
            at += len_bytes;
            break;
        }
    }
    while (at < end) {
        if (is_line_end (*at)) {
            char *next = unfold (at, end);
            if (next == NULL) {
                return at;
            }
            at = next;
        } else {
            *at = is_blank (*at) ? *at : '*';
            at++;
        }
    }
    return at;
}

/* The field name that AT begins with: its length, or 0. */
static size_t
name_length (const char *at, const char *end)
{
    return begins_with (at, end, "Proxy-Authorization") ? strlen ("Proxy-Authorization")
           : begins_with (at, end, "Authorization")     ? strlen ("Authorization")
                                                        : 0;
}

/* Masks the value of a header in a URI (RFC 3261 19.1.1), AT behind its "=". */
static char *
mask_uri_header (char *at, const char *end)
{
    while (at < end && !is_blank (*at) && !is_line_end (*at) && strchr ("&>\"", *at) == NULL) {
        *at++ = '*';
    }
    return at;
}

void
sip_mask (char *bytes, size_t len_bytes)
{
    char *end = bytes + len_bytes;

    for (char *at = bytes; at < end;) {
        bool is_line = at == bytes || is_line_end (at[-1]);
        bool is_uri = at > bytes && (at[-1] == '?' || at[-1] == '&');
        size_t name_bytes = is_line || is_uri ? name_length (at, end) : 0;
        if (name_bytes == 0) {
            at++;
            continue;
        }
        at += name_bytes;
        char *sign = is_line ? skip_blanks (at, end) : at;
        if (is_line && sign < end && *sign == ':') {
            at = mask_value (sign + 1, end);
        } else if (is_uri && sign < end && *sign == '=') {
            at = mask_uri_header (sign + 1, end);
        }
    }
}

/* --- Digits ------------------------------------------------------------------------------ */

bool
sip_has_digits (const char *bytes, size_t len_bytes)
{
    return begins_with (bytes, bytes + len_bytes, "INFO ");
}

/* Whether any field before BODY names application/dtmf, or application/dtmf-relay. */
static bool
is_dtmf (const char *bytes, const char *body)
{
    for (const char *at = bytes; at < body; at++) {
        if (begins_with (at, body, "application/dtmf")) {
            return true;
        }
    }
    return false;
}

static void
mask_line (char *at, char *end)
{
    for (; at < end && !is_line_end (*at); at++) {
        *at = is_blank (*at) ? *at : '*';
    }
}

/* "Signal=5" of application/dtmf-relay; of application/dtmf the body is the digit alone. */
void
sip_mask_digits (char *bytes, size_t len_bytes)
{
    char *end = bytes + len_bytes;
    char *body = len_bytes > 0 ? memmem (bytes, len_bytes, "\r\n\r\n", 4) : NULL;

    if (body == NULL || !is_dtmf (bytes, body)) {
        return;
    }
    bool is_relay = memchr (body, '=', (size_t) (end - body)) != NULL;
    for (char *at = body; at < end; at++) {
        if (!is_line_end (at[0]) || at + 1 >= end || is_line_end (at[1])) {
            continue;
        }
        char *sign = is_relay ? memchr (at + 1, '=', (size_t) (end - at - 1)) : at;
        char *name = skip_blanks (at + 1, end);
        if (sign != NULL && (!is_relay || begins_with (name, end, "Signal"))) {
            mask_line (sign + 1, end);
        }
    }
}
