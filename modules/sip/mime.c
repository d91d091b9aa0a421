/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Multipart bodies (RFC 2046 5.1, RFC 5621), taken apart as views. */

#include "mime.h"

#define MAX_BOUNDARY_BYTES 70 /* RFC 2046 5.1.1 */

SipView
sip_mime_type (SipView content_type)
{
    const char *semicolon =
        content_type.len_bytes > 0 ? memchr (content_type.text, ';', content_type.len_bytes) : NULL;

    return semicolon != NULL ? sip_view_trim (sip_view_span (content_type.text, semicolon))
                             : sip_view_trim (content_type);
}

bool
sip_mime_is_multipart (SipView content_type)
{
    return content_type.len_bytes > 10
           && g_ascii_strncasecmp (content_type.text, "multipart/", 10) == 0;
}

/* "--" and the boundary, in LINE. Returns the length, or 0. */
static size_t
make_delimiter (SipView content_type, char line[MAX_BOUNDARY_BYTES + 3])
{
    SipView type = sip_mime_type (content_type), boundary;
    SipView params =
        sip_view_span (type.text + type.len_bytes, content_type.text + content_type.len_bytes);

    if (!sip_param_find (params, "boundary", &boundary)) {
        return 0;
    }
    if (boundary.len_bytes >= 2 && boundary.text[0] == '"') {
        boundary = sip_view_span (boundary.text + 1, boundary.text + boundary.len_bytes - 1);
    }
    if (boundary.len_bytes == 0 || boundary.len_bytes > MAX_BOUNDARY_BYTES) {
        return 0;
    }
    memcpy (line, "--", 2);
    memcpy (line + 2, boundary.text, boundary.len_bytes);
    return boundary.len_bytes + 2;
}

/* The next delimiter that stands at the begin of a line, from AT on, or NULL. */
static const char *
find_delimiter (SipView body, const char *at, const char *delimiter, size_t len_bytes)
{
    const char *end = body.text + body.len_bytes;

    while (at < end && (at = memmem (at, (size_t) (end - at), delimiter, len_bytes)) != NULL) {
        if (at == body.text || at[-1] == '\n') {
            return at;
        }
        at += len_bytes;
    }
    return NULL;
}

static void
take_part_header (SipView line, SipPart *part)
{
    const char *end = line.text + line.len_bytes;
    const char *colon = memchr (line.text, ':', line.len_bytes);

    if (colon == NULL) {
        return;
    }
    SipView name = sip_view_trim (sip_view_span (line.text, colon));
    SipView value = sip_view_trim (sip_view_span (colon + 1, end));
    if (sip_view_is_nocase (name, "Content-Type") || sip_view_is_nocase (name, "c")) {
        part->content_type = value;
    } else if (sip_view_is_nocase (name, "Content-Disposition")) {
        part->disposition = value;
    } else if (sip_view_is_nocase (name, "Content-ID")) {
        part->content_id = value;
    }
}

/* The header fields of a part, folded lines and all, up to the empty line. */
static void
scan_part (SipView text, SipPart *part)
{
    const char *end = text.text + text.len_bytes;
    const char *at = text.text;

    *part = (SipPart){ 0 };
    while (at < end) {
        const char *newline = memchr (at, '\n', (size_t) (end - at));
        if (newline == NULL) {
            break;
        }
        if (newline == at || (newline == at + 1 && *at == '\r')) {
            part->head = sip_view_span (text.text, at);
            part->body = sip_view_span (newline + 1, end);
            return;
        }
        while (newline + 1 < end && (newline[1] == ' ' || newline[1] == '\t')) {
            const char *next = memchr (newline + 1, '\n', (size_t) (end - newline - 1));
            if (next == NULL) {
                break;
            }
            newline = next;
        }
        take_part_header (sip_view_span (at, newline), part);
        at = newline + 1;
    }
    part->head = text;
    part->body = sip_view_span (end, end);
}

const char *
sip_mime_split (SipView content_type, SipView body, SipPart parts[SIP_MAX_PARTS],
                unsigned *ret_n_parts)
{
    char delimiter[MAX_BOUNDARY_BYTES + 3];
    const char *end = body.text + body.len_bytes;
    size_t length = make_delimiter (content_type, delimiter);
    unsigned n = 0;

    if (length == 0) {
        return "multipart body without a boundary";
    }
    const char *at = find_delimiter (body, body.text, delimiter, length);
    while (at != NULL) {
        at += length;
        if (end - at >= 2 && at[0] == '-' && at[1] == '-') {
            *ret_n_parts = n;
            return n > 0 ? NULL : "multipart body without a part";
        }
        const char *line_end = memchr (at, '\n', (size_t) (end - at));
        const char *next =
            line_end != NULL ? find_delimiter (body, line_end + 1, delimiter, length) : NULL;
        if (next == NULL) {
            break;
        }
        if (n == SIP_MAX_PARTS) {
            return "multipart body with over 16 parts";
        }
        /* The line end before a delimiter belongs to the delimiter (RFC 2046 5.1.1). */
        const char *part_end = next;
        if (part_end > line_end + 1 && part_end[-1] == '\n') {
            part_end -= part_end - 1 > line_end + 1 && part_end[-2] == '\r' ? 2 : 1;
        }
        scan_part (sip_view_span (line_end + 1, part_end), &parts[n++]);
        at = next;
    }
    return "multipart body that does not end in its boundary";
}

static const char *
check_depth (SipView content_type, SipView body, unsigned depth)
{
    SipPart parts[SIP_MAX_PARTS];
    unsigned n_parts = 0;

    if (!sip_mime_is_multipart (content_type)) {
        return NULL;
    }
    if (depth == SIP_MAX_NESTING) {
        return "multipart bodies nested more than two deep";
    }
    const char *why = sip_mime_split (content_type, body, parts, &n_parts);
    for (unsigned i = 0; why == NULL && i < n_parts; i++) {
        why = check_depth (parts[i].content_type, parts[i].body, depth + 1);
    }
    return why;
}

const char *
sip_mime_check (SipView content_type, SipView body)
{
    return body.len_bytes > 0 ? check_depth (content_type, body, 0) : NULL;
}

static bool
find_part (SipView content_type, SipView body, const char *type, unsigned depth, SipPart *ret_part)
{
    SipPart parts[SIP_MAX_PARTS];
    unsigned n_parts = 0;

    if (sip_view_is_nocase (sip_mime_type (content_type), type)) {
        *ret_part = (SipPart){ .content_type = content_type, .body = body };
        return true;
    }
    if (depth == SIP_MAX_NESTING || !sip_mime_is_multipart (content_type)
        || sip_mime_split (content_type, body, parts, &n_parts) != NULL) {
        return false;
    }
    for (unsigned i = 0; i < n_parts; i++) {
        if (sip_view_is_nocase (sip_mime_type (parts[i].content_type), type)) {
            *ret_part = parts[i];
            return true;
        }
        if (find_part (parts[i].content_type, parts[i].body, type, depth + 1, ret_part)) {
            return true;
        }
    }
    return false;
}

bool
sip_mime_find (SipView content_type, SipView body, const char *type, SipPart *ret_part)
{
    return body.len_bytes > 0 && find_part (content_type, body, type, 0, ret_part);
}
