/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Views of SIP text, and the lexical rules of RFC 3261 25.1. */

#include "text.h"

#define T SIP_CHAR_TOKEN
#define L SIP_CHAR_LWS
#define H SIP_CHAR_HOST
#define U SIP_CHAR_URI
#define D SIP_CHAR_DIGIT
#define X SIP_CHAR_HEX
#define S SIP_CHAR_SCHEME
#define V SIP_CHAR_VALUE

#define ALPHA     (T | H | U | S | V)
#define ALPHA_HEX (T | H | U | S | V | X)
#define DIGIT     (T | H | U | D | X | S | V)

const uint8_t sip_char_kinds[256] = {
    ['\t'] = L,
    ['\n'] = L,
    ['\r'] = L,
    [' '] = L,
    ['!'] = T | U | V,
    ['#'] = U, /* not in the grammar, but telephones send what was dialled */
    ['$'] = U | V,
    ['%'] = T | U | V,
    ['&'] = U | V,
    ['\''] = T | U | V,
    ['('] = U | V,
    [')'] = U | V,
    ['*'] = T | U | V,
    ['+'] = T | U | S | V,
    [','] = U,
    ['-'] = T | H | U | S | V,
    ['.'] = T | H | U | S | V,
    ['/'] = U | V,
    ['0' ... '9'] = DIGIT,
    [':'] = U | V,
    [';'] = U,
    ['='] = U | V,
    ['?'] = U | V,
    ['@'] = U | V,
    ['A' ... 'F'] = ALPHA_HEX,
    ['G' ... 'Z'] = ALPHA,
    ['['] = U | V,
    [']'] = U | V,
    ['_'] = T | H | U | V,
    ['`'] = T | V,
    ['a' ... 'f'] = ALPHA_HEX,
    ['g' ... 'z'] = ALPHA,
    ['~'] = T | U | V,
};

bool
sip_view_equal_nocase (SipView a, SipView b)
{
    if (a.len_bytes != b.len_bytes) {
        return false;
    }
    for (size_t i = a.len_bytes;
         i-- > 0;) { /* names differ at their ends sooner than at their begins */
        char x = a.text[i], y = b.text[i];
        if (x != y && g_ascii_tolower (x) != g_ascii_tolower (y)) {
            return false;
        }
    }
    return true;
}

bool
sip_view_is (SipView view, const char *text)
{
    return sip_view_equal (view, sip_view_of (text));
}

bool
sip_view_is_nocase (SipView view, const char *text)
{
    return sip_view_equal_nocase (view, sip_view_of (text));
}

SipView
sip_view_trim (SipView view)
{
    while (view.len_bytes > 0 && sip_char_is (view.text[0], SIP_CHAR_LWS)) {
        view.text++;
        view.len_bytes--;
    }
    while (view.len_bytes > 0 && sip_char_is (view.text[view.len_bytes - 1], SIP_CHAR_LWS)) {
        view.len_bytes--;
    }
    return view;
}

/* Copies VIEW to TO, each fold with the white space around it made one space (RFC 3261 7.3.1), and
 * returns the length. TO has room for VIEW. */
static size_t
copy_unfolded (SipView view, char *to)
{
    size_t n = 0;

    if (view.len_bytes == 0) {
        return 0;
    }
    if (memchr (view.text, '\n', view.len_bytes) == NULL) {
        memcpy (to, view.text, view.len_bytes);
        return view.len_bytes;
    }
    for (size_t i = 0; i < view.len_bytes; i++) {
        if (view.text[i] != '\r' && view.text[i] != '\n') {
            to[n++] = view.text[i];
            continue;
        }
        while (i + 1 < view.len_bytes && sip_char_is (view.text[i + 1], SIP_CHAR_LWS)) {
            i++;
        }
        while (n > 0 && sip_char_is (to[n - 1], SIP_CHAR_LWS)) {
            n--;
        }
        to[n++] = ' ';
    }
    return n;
}

char *
sip_view_dup (SipView view)
{
    char *copy = g_malloc (view.len_bytes + 1);
    size_t length = copy_unfolded (view, copy);
    char *nul = copy;

    while ((nul = memchr (nul, '\0', (size_t) (copy + length - nul))) != NULL) {
        *nul = '?';
    }
    copy[length] = '\0';
    return copy;
}

bool
sip_view_copy (SipView view, char *buffer, size_t buffer_size)
{
    buffer[0] = '\0';
    if (view.len_bytes >= buffer_size
        || (view.len_bytes > 0 && memchr (view.text, '\0', view.len_bytes) != NULL)) {
        return false;
    }
    buffer[copy_unfolded (view, buffer)] = '\0';
    return true;
}

bool
sip_view_number (SipView view, uint64_t max, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (view.len_bytes == 0) {
        return false;
    }
    for (size_t i = 0; i < view.len_bytes; i++) {
        unsigned digit = (unsigned char) view.text[i] - '0';
        if (digit > 9 || digit > max || number > (max - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *ret_number = number;
    return true;
}

bool
sip_view_all (SipView view, unsigned kinds)
{
    for (size_t i = 0; i < view.len_bytes; i++) {
        if (!sip_char_is (view.text[i], kinds)) {
            return false;
        }
    }
    return true;
}

size_t
sip_quoted_length (const char *from, const char *end)
{
    for (const char *at = from + 1; at < end; at++) {
        if (*at == '\\') {
            at++;
        } else if (*at == '"') {
            return (size_t) (at + 1 - from);
        }
    }
    return 0;
}

bool
sip_view_split (SipView *rest, char separator, SipView *ret_item)
{
    const char *from = rest->text;
    const char *end = sip_view_end (*rest);
    const char *at = from;
    bool is_in_angle = false;

    if (rest->len_bytes == 0) {
        return false;
    }
    while (at < end && (is_in_angle || *at != separator)) {
        if (*at == '"' && !is_in_angle) {
            size_t length = sip_quoted_length (at, end);
            at += length > 0 ? length : (size_t) (end - at);
            continue;
        }
        is_in_angle = *at == '<' || (is_in_angle && *at != '>');
        at++;
    }
    *ret_item = sip_view_trim (sip_view_span (from, at));
    *rest = at < end ? sip_view_span (at + 1, end) : sip_view_span (end, end);
    return true;
}

static const char *
skip_lws (const char *at, const char *end)
{
    while (at < end && sip_char_is (*at, SIP_CHAR_LWS)) {
        at++;
    }
    return at;
}

/* The value after "=": a quoted string, or everything that may stand in a token or a host. */
static const char *
param_value (const char **at, const char *end, SipView *ret_value)
{
    const char *from = *at = skip_lws (*at, end);

    if (from < end && *from == '"') {
        size_t length = sip_quoted_length (from, end);
        if (length == 0) {
            return "Quoted string without an end";
        }
        *at = from + length;
    } else {
        while (*at < end && sip_char_is (**at, SIP_CHAR_VALUE)) {
            (*at)++;
        }
        if (*at == from) {
            return "Parameter without the value after its equals sign";
        }
    }
    *ret_value = sip_view_span (from, *at);
    return NULL;
}

const char *
sip_param_next (SipView *rest, SipView *ret_name, SipView *ret_value)
{
    const char *why = NULL;

    *ret_name = *ret_value = SIP_VIEW_NONE;
    if (rest->len_bytes == 0) { /* maybe no text at all */
        return NULL;
    }
    const char *end = sip_view_end (*rest);
    const char *at = skip_lws (rest->text, end);
    if (at >= end) {
        *rest = SIP_VIEW_NONE;
        return NULL;
    }
    if (*at != ';') {
        return "Unexpected text where a parameter should begin";
    }
    const char *name = at = skip_lws (at + 1, end);
    while (at < end && sip_char_is (*at, SIP_CHAR_TOKEN)) {
        at++;
    }
    if (at == name) {
        return "Semicolon without a parameter";
    }
    *ret_name = sip_view_span (name, at);
    const char *after = skip_lws (at, end);
    if (after < end && *after == '=') {
        at = after + 1;
        why = param_value (&at, end, ret_value);
    }
    *rest = sip_view_span (at, end);
    return why;
}

bool
sip_param_find (SipView params, const char *name, SipView *ret_value)
{
    SipView found, value;

    while (sip_param_next (&params, &found, &value) == NULL && found.len_bytes > 0) {
        if (sip_view_is_nocase (found, name)) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}
