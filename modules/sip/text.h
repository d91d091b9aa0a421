/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Views of SIP text, and the lexical rules of RFC 3261 25.1: nothing is copied, nothing is freed.
 *
 * A view is a piece of a message as it came, not ended by a NUL. What a view came from must live as
 * long as the view. */

#ifndef SIP_TEXT_H
#define SIP_TEXT_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const char *text;
    size_t len_bytes;
} SipView;

#define SIP_VIEW_NONE     ((SipView){ NULL, 0 })
#define SIP_VIEW(literal) ((SipView){ (literal), sizeof (literal) - 1 })

/* What a byte may be part of. */
enum {
    SIP_CHAR_TOKEN = 1 << 0, /* token */
    SIP_CHAR_LWS = 1 << 1,   /* SP, HTAB, and CR and LF, which stand only where a line is folded */
    SIP_CHAR_HOST = 1 << 2,  /* hostname, IPv4address; "_" too, because people do */
    SIP_CHAR_URI = 1 << 3,   /* anything that may stand in a URI, "%" included */
    SIP_CHAR_DIGIT = 1 << 4,
    SIP_CHAR_HEX = 1 << 5,
    SIP_CHAR_SCHEME = 1 << 6,
    SIP_CHAR_VALUE = 1 << 7, /* an unquoted parameter value: token, host, IPv6 reference */
};

extern const uint8_t sip_char_kinds[256];

static inline bool
sip_char_is (char c, unsigned kinds)
{
    return (sip_char_kinds[(unsigned char) c] & kinds) != 0;
}

static inline bool
sip_view_is_empty (SipView view)
{
    return view.len_bytes == 0;
}

static inline SipView
sip_view_of (const char *text)
{
    return (SipView){ text, text != NULL ? strlen (text) : 0 };
}

/* Behind the last byte. What is not there has no text, and even nothing must not be added to that (C11
 * 6.5.6). */
static inline const char *
sip_view_end (SipView view)
{
    return view.len_bytes > 0 ? view.text + view.len_bytes : view.text;
}

/* From FROM up to END. */
static inline SipView
sip_view_span (const char *from, const char *end)
{
    return (SipView){ from, (size_t) (end - from) };
}

static inline bool
sip_view_equal (SipView a, SipView b)
{
    return a.len_bytes == b.len_bytes
           && (a.len_bytes == 0 || memcmp (a.text, b.text, a.len_bytes) == 0);
}

bool sip_view_equal_nocase (SipView a, SipView b);
bool sip_view_is (SipView view, const char *text);
bool sip_view_is_nocase (SipView view, const char *text);
/* Without white space at either end. */
SipView sip_view_trim (SipView view);
/* A copy (transfer full) with folded lines made one. A NUL, which can only stand escaped in a quoted
 * string, becomes "?": a text ends there. */
char *sip_view_dup (SipView view);
/* The same into BUFFER; false, with BUFFER empty, when it does not fit or holds a NUL. */
bool sip_view_copy (SipView view, char *buffer, size_t buffer_size);

/* Reads 1*DIGIT up to MAX. False when VIEW is empty, holds anything else, or is over MAX. */
bool sip_view_number (SipView view, uint64_t max, uint64_t *ret_number);

/* Whether every byte of VIEW is of one of KINDS. True for an empty view. */
bool sip_view_all (SipView view, unsigned kinds);

/* Takes the text up to the first SEPARATOR that stands in no quotes and no <> off the front of REST.
 * Returns false when nothing is left. */
bool sip_view_split (SipView *rest, char separator, SipView *ret_item);

/* The length of the quoted string that FROM begins with, quotes included, or 0 when it does not end
 * before END. Clause: RFC 3261 25.1 quoted-string. */
size_t sip_quoted_length (const char *from, const char *end);

/* One ";name" or ";name = value" off the front of REST, which holds only parameters; a quoted value
 * keeps its quotes. RET_NAME is empty at the end. Returns NULL, or what is wrong (static text). */
const char *sip_param_next (SipView *rest, SipView *ret_name, SipView *ret_value);

/* The value of the parameter NAME (lower case) in PARAMS: true when it is there, with an empty value
 * when it has none. */
bool sip_param_find (SipView params, const char *name, SipView *ret_value);

#endif
