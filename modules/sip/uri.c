/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* URIs and the header fields that hold one, taken apart as views. */

#include "uri.h"

#include <arpa/inet.h>

/* Whether every "%" begins an escape (RFC 3261 25.1 escaped). */
static bool
has_whole_escapes (SipView text)
{
    const char *at = text.text, *end = text.text + text.len_bytes;

    while (at < end && (at = memchr (at, '%', (size_t) (end - at))) != NULL) {
        if (end - at < 3 || !sip_char_is (at[1], SIP_CHAR_HEX)
            || !sip_char_is (at[2], SIP_CHAR_HEX)) {
            return false;
        }
        at += 3;
    }
    return true;
}

/* What stands in the brackets of an IPv6 reference. One colon too many before an IPv4 part is what
 * the grammar of RFC 3261 made of it and must be borne (RFC 5118 4.10). */
static bool
is_ipv6 (SipView text)
{
    char copy[INET6_ADDRSTRLEN + 1];
    struct in6_addr address;
    size_t n = 0;

    if (text.len_bytes == 0 || text.len_bytes >= sizeof copy) {
        return false;
    }
    for (size_t i = 0; i < text.len_bytes; i++) {
        bool is_third_colon =
            i >= 2 && text.text[i] == ':' && text.text[i - 1] == ':' && text.text[i - 2] == ':';
        bool is_before_v4 = memchr (text.text + i, '.', text.len_bytes - i) != NULL;
        if (!is_third_colon || !is_before_v4) {
            copy[n++] = text.text[i];
        }
    }
    copy[n] = '\0';
    return inet_pton (AF_INET6, copy, &address) == 1;
}

static const char *
scan_port (SipView text, uint16_t *ret_port)
{
    uint64_t port;

    if (!sip_view_number (text, UINT16_MAX, &port) || port == 0) {
        return "Port that is no number from 1 to 65535";
    }
    *ret_port = (uint16_t) port;
    return NULL;
}

const char *
sip_hostport_scan (SipView text, SipView *ret_host, uint16_t *ret_port)
{
    const char *end = text.text + text.len_bytes;
    const char *at = text.text;

    *ret_port = 0;
    if (text.len_bytes == 0) {
        return "Address without a host";
    }
    if (*at == '[') {
        const char *close = memchr (at, ']', text.len_bytes);
        if (close == NULL || !is_ipv6 (sip_view_span (at + 1, close))) {
            return "IPv6 reference that is no address";
        }
        at = close + 1;
    } else {
        while (at < end && sip_char_is (*at, SIP_CHAR_HOST)) {
            at++;
        }
        if (at == text.text) {
            return "Address without a host";
        }
    }
    *ret_host = sip_view_span (text.text, at);
    SipView rest = sip_view_trim (sip_view_span (at, end));
    if (rest.len_bytes == 0) {
        return NULL;
    }
    if (rest.text[0] != ':') {
        return "Character that may not stand in a host";
    }
    return scan_port (sip_view_trim (sip_view_span (rest.text + 1, end)), ret_port);
}

static SipScheme
scheme_of (SipView scheme)
{
    if (sip_view_is_nocase (scheme, "sip")) {
        return SIP_SCHEME_SIP;
    }
    if (sip_view_is_nocase (scheme, "sips")) {
        return SIP_SCHEME_SIPS;
    }
    if (sip_view_is_nocase (scheme, "urn")) {
        return SIP_SCHEME_URN;
    }
    return sip_view_is_nocase (scheme, "tel") ? SIP_SCHEME_TEL : SIP_SCHEME_OTHER;
}

static unsigned
count (SipView text, char c)
{
    unsigned n = 0;

    for (size_t i = 0; i < text.len_bytes; i++) {
        n += text.text[i] == c;
    }
    return n;
}

/* Everything after "sip:" (RFC 3261 25.1 SIP-URI). */
static const char *
scan_sip_uri (const char *from, const char *end, SipUri *uri)
{
    const char *at = memchr (from, '@', (size_t) (end - from));
    const char *host = from;

    if (at != NULL) {
        const char *colon = memchr (from, ':', (size_t) (at - from));
        uri->user = sip_view_span (from, colon != NULL ? colon : at);
        if (uri->user.len_bytes == 0) {
            return "URI with an empty user before the @";
        }
        host = at + 1;
    }
    const char *host_end = host;
    while (host_end < end && *host_end != ';' && *host_end != '?') {
        host_end++;
    }
    const char *question = memchr (host_end, '?', (size_t) (end - host_end));
    uri->params = sip_view_span (host_end, question != NULL ? question : end);
    if (question != NULL) {
        uri->headers = sip_view_span (question + 1, end);
    }
    if (count (uri->params, ';') > SIP_MAX_PARAMS) {
        return "URI with over 64 parameters";
    }
    return sip_hostport_scan (sip_view_span (host, host_end), &uri->host, &uri->port);
}

const char *
sip_uri_scan (SipView text, SipUri *ret_uri)
{
    const char *end = text.text + text.len_bytes;
    const char *at = text.text;

    *ret_uri = (SipUri){ .whole = text };
    while (at < end && sip_char_is (*at, SIP_CHAR_SCHEME)) {
        at++;
    }
    if (at == text.text || at >= end || *at != ':' || !g_ascii_isalpha (text.text[0])) {
        return "URI without a scheme";
    }
    ret_uri->scheme = scheme_of (sip_view_span (text.text, at));
    at++;
    if (!sip_view_all (sip_view_span (at, end), SIP_CHAR_URI)) {
        return "Character that may not stand in a URI";
    }
    if (ret_uri->scheme == SIP_SCHEME_OTHER) {
        return NULL;
    }
    if (ret_uri->scheme == SIP_SCHEME_URN) {
        ret_uri->user = text;
        return NULL;
    }
    if (!has_whole_escapes (sip_view_span (at, end))) {
        return "URI with a percent sign that begins no escape";
    }
    if (ret_uri->scheme != SIP_SCHEME_TEL) {
        return scan_sip_uri (at, end, ret_uri);
    }
    const char *semicolon = memchr (at, ';', (size_t) (end - at));
    ret_uri->user = sip_view_span (at, semicolon != NULL ? semicolon : end);
    ret_uri->params = sip_view_span (semicolon != NULL ? semicolon : end, end);
    if (count (ret_uri->params, ';') > SIP_MAX_PARAMS) {
        return "URI with over 64 parameters";
    }
    return ret_uri->user.len_bytes > 0 ? NULL : "tel URI without a number";
}

/* Walks the parameters only to see that they are well formed. */
static const char *
check_params (SipView params)
{
    SipView name, value;
    unsigned n = 0;

    do {
        const char *why = sip_param_next (&params, &name, &value);
        if (why != NULL) {
            return why;
        }
        if (++n > SIP_MAX_PARAMS + 1) {
            return "Header field value with over 64 parameters";
        }
    } while (name.len_bytes > 0);
    return NULL;
}

/* The URI in brackets at OPEN, and the parameters after it. */
static const char *
scan_bracketed (const char *open, const char *end, SipNameAddr *addr)
{
    const char *close = memchr (open, '>', (size_t) (end - open));

    if (close == NULL) {
        return "< without a >";
    }
    addr->is_bracketed = true;
    addr->uri = sip_view_span (open + 1, close);
    if (addr->uri.len_bytes == 0) {
        return "Nothing between < and >";
    }
    if (!sip_view_all (addr->uri, SIP_CHAR_URI)) {
        return "Character that may not stand in a URI between < and >";
    }
    addr->params = sip_view_span (close + 1, end);
    return check_params (addr->params);
}

/* A URI without brackets: every parameter belongs to the header field, and "?" and "," may not
 * stand in it (RFC 3261 20.10). */
static const char *
scan_bare (const char *from, const char *end, SipNameAddr *addr)
{
    const char *at = from;

    while (at < end && *at != ';' && !sip_char_is (*at, SIP_CHAR_LWS)) {
        if (*at == '?' || *at == ',') {
            return "URI with ? or , that must stand between < and >";
        }
        if (!sip_char_is (*at, SIP_CHAR_URI)) {
            return "Character that may not stand in a URI";
        }
        at++;
    }
    if (at == from) {
        return "Header field without an address";
    }
    addr->uri = sip_view_span (from, at);
    addr->params = sip_view_span (at, end);
    return check_params (addr->params);
}

const char *
sip_name_addr_scan (SipView value, SipNameAddr *ret_addr)
{
    SipView text = sip_view_trim (value);
    const char *end = text.text + text.len_bytes;
    const char *why;
    SipUri uri;

    *ret_addr = (SipNameAddr){ 0 };
    if (text.len_bytes == 0) {
        return "Header field without an address";
    }
    if (text.text[0] == '"') {
        size_t length = sip_quoted_length (text.text, end);
        if (length == 0) {
            return "Quoted string without an end";
        }
        ret_addr->display = sip_view_span (text.text, text.text + length);
        SipView rest = sip_view_trim (sip_view_span (text.text + length, end));
        if (rest.len_bytes == 0 || rest.text[0] != '<') {
            return "Display name without an address in <>";
        }
        why = scan_bracketed (rest.text, end, ret_addr);
    } else {
        const char *open = text.text;
        while (open < end && sip_char_is (*open, SIP_CHAR_TOKEN | SIP_CHAR_LWS)) {
            open++;
        }
        if (open < end && *open == '<') {
            ret_addr->display = sip_view_trim (sip_view_span (text.text, open));
            why = scan_bracketed (open, end, ret_addr);
        } else if (memchr (text.text, '<', text.len_bytes) != NULL && *open != ':') {
            return "Display name that needs quotes";
        } else {
            why = scan_bare (text.text, end, ret_addr);
        }
    }
    return why != NULL ? why : sip_uri_scan (ret_addr->uri, &uri);
}

static const char *
scan_via_params (SipVia *via)
{
    SipView rest = via->params, name, value;
    unsigned n = 0;

    for (;;) {
        const char *why = sip_param_next (&rest, &name, &value);
        if (why != NULL || name.len_bytes == 0) {
            return why;
        }
        if (++n > SIP_MAX_PARAMS) {
            return "Header field value with over 64 parameters";
        }
        if (sip_view_is_nocase (name, "branch")) {
            via->branch = value;
        } else if (sip_view_is_nocase (name, "rport")) {
            via->has_rport = true;
            via->rport = value;
        } else if (sip_view_is_nocase (name, "received")) {
            via->received = value;
        }
    }
}

/* "SIP / 2.0 /" at *AT, and what follows up to the next white space. */
static const char *
scan_via_protocol (const char **at, const char *end, SipVia *via)
{
    SipView parts[3];

    for (unsigned i = 0; i < 3; i++) {
        while (*at < end && sip_char_is (**at, SIP_CHAR_LWS)) {
            (*at)++;
        }
        const char *from = *at;
        while (*at < end && sip_char_is (**at, SIP_CHAR_TOKEN)) {
            (*at)++;
        }
        parts[i] = sip_view_span (from, *at);
        while (*at < end && sip_char_is (**at, SIP_CHAR_LWS)) {
            (*at)++;
        }
        if (parts[i].len_bytes == 0 || (i < 2 && (*at >= end || *(*at)++ != '/'))) {
            return "Via that does not begin with SIP/2.0/transport";
        }
    }
    via->is_sip_2 = sip_view_is_nocase (parts[0], "SIP") && sip_view_is (parts[1], "2.0");
    via->transport = parts[2];
    return NULL;
}

const char *
sip_via_scan (SipView value, SipVia *ret_via)
{
    SipView text = sip_view_trim (value);
    const char *end = text.text + text.len_bytes;
    const char *at = text.text;

    *ret_via = (SipVia){ .whole = text };
    if (text.len_bytes == 0) {
        return "Via without a value";
    }
    const char *why = scan_via_protocol (&at, end, ret_via);
    if (why != NULL) {
        return why;
    }
    const char *semicolon = memchr (at, ';', (size_t) (end - at));
    if (semicolon == NULL) {
        semicolon = end;
    }
    why = sip_hostport_scan (sip_view_trim (sip_view_span (at, semicolon)), &ret_via->host,
                             &ret_via->port);
    if (why != NULL) {
        return why;
    }
    ret_via->params = sip_view_span (semicolon, end);
    why = scan_via_params (ret_via);
    return why != NULL || ret_via->is_sip_2 ? why
                                            : "Via of another protocol or version than SIP/2.0";
}

bool
sip_unescape (SipView text, char *buffer, size_t buffer_size)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len_bytes; i++) {
        int c = (unsigned char) text.text[i];
        if (n + 1 >= buffer_size) {
            buffer[0] = '\0';
            return false;
        }
        if (c == '%' && i + 2 < text.len_bytes) {
            int high = g_ascii_xdigit_value (text.text[i + 1]);
            int low = g_ascii_xdigit_value (text.text[i + 2]);
            int value = high * 16 + low;
            if (high >= 0 && low >= 0 && value >= 0x20 && value != 0x7f && value != '%') {
                c = value;
                i += 2;
            }
        }
        buffer[n++] = (char) c;
    }
    buffer[n] = '\0';
    return true;
}

void
sip_escape_user (GString *to, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        /* RFC 3261 25.1 user: unreserved and user-unreserved stand for themselves. A "%" that is
         * left in a text stood for a character that may not be unescaped. */
        if (g_ascii_isalnum (*at) || strchr ("-_.!~*'()&=+$,;?/", *at) != NULL
            || (*at == '%' && g_ascii_isxdigit (at[1]) && g_ascii_isxdigit (at[2]))) {
            g_string_append_c (to, *at);
        } else {
            g_string_append_printf (to, "%%%02X", (unsigned char) *at);
        }
    }
}

/* Compares two texts, an escape being equal to what it stands for. */
static bool
equal_unescaped (SipView a, SipView b, bool with_case)
{
    char x[512], y[512];

    if (sip_view_equal (a, b)) {
        return true;
    }
    if (!sip_unescape (a, x, sizeof x) || !sip_unescape (b, y, sizeof y)) {
        return false;
    }
    return with_case ? strcmp (x, y) == 0 : g_ascii_strcasecmp (x, y) == 0;
}

/* Whether each parameter of A that B has, too, has the same value, and none of those that must not
 * be missing is (RFC 3261 19.1.4). */
static bool
params_agree (SipView a, SipView b)
{
    SipView name, value, other;

    if (sip_view_equal (a, b)) { /* also where a name stands twice, which it must not: 19.1.1 */
        return true;
    }
    while (sip_param_next (&a, &name, &value) == NULL && name.len_bytes > 0) {
        char lower[32];
        bool is_short = sip_view_copy (name, lower, sizeof lower);
        if (is_short) {
            for (char *at = lower; *at != '\0'; at++) {
                *at = g_ascii_tolower (*at);
            }
        }
        if (is_short && sip_param_find (b, lower, &other)) {
            if (!equal_unescaped (value, other, false)) {
                return false;
            }
        } else if (is_short
                   && (strcmp (lower, "user") == 0 || strcmp (lower, "ttl") == 0
                       || strcmp (lower, "method") == 0 || strcmp (lower, "maddr") == 0
                       || strcmp (lower, "transport") == 0)) {
            return false;
        }
    }
    return true;
}

bool
sip_uri_equal (const SipUri *a, const SipUri *b)
{
    return a->scheme == b->scheme && a->port == b->port && equal_unescaped (a->user, b->user, true)
           && sip_view_equal_nocase (a->host, b->host) && params_agree (a->params, b->params)
           && params_agree (b->params, a->params) && sip_view_equal (a->headers, b->headers);
}
