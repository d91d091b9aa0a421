/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses as text and back. */

#include "run/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

/* Reads a port, 0 .. 65535, that ends with the text. */
static bool
parse_port (const char *text, uint16_t *ret_port)
{
    unsigned port = 0;
    unsigned n_digits = 0;

    for (; g_ascii_isdigit (text[n_digits]); n_digits++) {
        port = port * 10 + (unsigned) (text[n_digits] - '0');
        if (n_digits == 5) {
            return false;
        }
    }
    if (n_digits == 0 || text[n_digits] != '\0' || port > UINT16_MAX) {
        return false;
    }
    *ret_port = (uint16_t) port;
    return true;
}

/* Reads the zone of a link-local address, a name or a number (RFC 4007 11). */
static bool
parse_zone (const char *zone, uint32_t *ret_scope)
{
    unsigned scope = if_nametoindex (zone);
    unsigned n_digits = 0;

    if (scope == 0) {
        for (; g_ascii_isdigit (zone[n_digits]) && n_digits < 9; n_digits++) {
            scope = scope * 10 + (unsigned) (zone[n_digits] - '0');
        }
        if (n_digits == 0 || zone[n_digits] != '\0') {
            return false;
        }
    }
    *ret_scope = scope;
    return true;
}

static bool
parse_host (const char *host, TdAddress *ret_address)
{
    TdAddress address = { .v6 = { 0 } };

    if (inet_pton (AF_INET, host, &address.v4.sin_addr) == 1) {
        address.v4.sin_family = AF_INET;
        *ret_address = address;
        return true;
    }
    char plain[INET6_ADDRSTRLEN];
    const char *zone = strchr (host, '%');
    size_t len = zone != NULL ? (size_t) (zone - host) : strlen (host);
    if (len >= sizeof plain) {
        return false;
    }
    memcpy (plain, host, len);
    plain[len] = '\0';
    address = (TdAddress){ .v6 = { .sin6_family = AF_INET6 } };
    if (inet_pton (AF_INET6, plain, &address.v6.sin6_addr) != 1
        || (zone != NULL && !parse_zone (zone + 1, &address.v6.sin6_scope_id))) {
        return false;
    }
    *ret_address = address;
    return true;
}

bool
td_address_parse (const char *text, uint16_t default_port, TdAddress *ret_address)
{
    char host[TD_ADDRESS_TEXT_SIZE];
    const char *begin = text, *end, *port_text = NULL;
    uint16_t port = default_port;
    TdAddress address;

    if (*text == '[') {
        begin++;
        end = strchr (text, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':')) {
            return false;
        }
        port_text = end[1] == ':' ? end + 2 : NULL;
    } else {
        end = strchr (text, ':');
        if (end != NULL && strchr (end + 1, ':') == NULL) {
            port_text = end + 1;
        } else { /* two colons: an IPv6 address alone */
            end = text + strlen (text);
        }
    }
    size_t len = (size_t) (end - begin);
    if (len >= sizeof host || (port_text != NULL && !parse_port (port_text, &port))) {
        return false;
    }
    memcpy (host, begin, len);
    host[len] = '\0';
    if (!parse_host (host, &address) || (*text == '[' && address.any.sa_family != AF_INET6)) {
        return false;
    }
    td_address_set_port (&address, port);
    *ret_address = address;
    return true;
}

/* inet_ntop() prints each number as it would print any, which takes longer than all else that is done with
 * a short message. */
static void
print_v4 (const struct in_addr *address, char *text)
{
    const uint8_t *bytes = (const uint8_t *) address;

    for (unsigned i = 0; i < 4; i++) {
        unsigned byte = bytes[i];
        if (byte >= 100) {
            *text++ = (char) ('0' + byte / 100);
        }
        if (byte >= 10) {
            *text++ = (char) ('0' + byte / 10 % 10);
        }
        *text++ = (char) ('0' + byte % 10);
        *text++ = i < 3 ? '.' : '\0';
    }
}

const char *
td_address_print_host (const TdAddress *address, char text[TD_ADDRESS_TEXT_SIZE])
{
    char zone[IF_NAMESIZE];

    if (address->any.sa_family == AF_INET) {
        print_v4 (&address->v4.sin_addr, text);
        return text;
    }
    if (address->any.sa_family != AF_INET6) {
        g_strlcpy (text, "nowhere", TD_ADDRESS_TEXT_SIZE);
        return text;
    }
    inet_ntop (AF_INET6, &address->v6.sin6_addr, text, TD_ADDRESS_TEXT_SIZE);
    if (address->v6.sin6_scope_id != 0) {
        if (if_indextoname (address->v6.sin6_scope_id, zone) == NULL) {
            g_snprintf (zone, sizeof zone, "%u", address->v6.sin6_scope_id);
        }
        size_t len = strlen (text);
        g_snprintf (text + len, TD_ADDRESS_TEXT_SIZE - len, "%%%s", zone);
    }
    return text;
}

const char *
td_address_print (const TdAddress *address, char text[TD_ADDRESS_TEXT_SIZE])
{
    char host[TD_ADDRESS_TEXT_SIZE];
    bool is_v6 = address->any.sa_family == AF_INET6;

    td_address_print_host (address, host);
    /* The longest host leaves room for brackets and port: the size was counted so. */
    size_t len = g_strlcpy (text, is_v6 ? "[" : "", TD_ADDRESS_TEXT_SIZE);
    len += g_strlcpy (text + len, host, TD_ADDRESS_TEXT_SIZE - len);
    g_snprintf (text + len, TD_ADDRESS_TEXT_SIZE - len, "%s:%u", is_v6 ? "]" : "",
                td_address_port (address));
    return text;
}

uint16_t
td_address_port (const TdAddress *address)
{
    switch (address->any.sa_family) {
    case AF_INET:
        return ntohs (address->v4.sin_port);
    case AF_INET6:
        return ntohs (address->v6.sin6_port);
    default:
        return 0;
    }
}

void
td_address_set_port (TdAddress *address, uint16_t port)
{
    if (address->any.sa_family == AF_INET) {
        address->v4.sin_port = htons (port);
    } else if (address->any.sa_family == AF_INET6) {
        address->v6.sin6_port = htons (port);
    }
}

bool
td_address_equal_host (const TdAddress *a, const TdAddress *b)
{
    if (a->any.sa_family != b->any.sa_family) {
        return false;
    }
    switch (a->any.sa_family) {
    case AF_INET:
        return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    case AF_INET6:
        return memcmp (&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0
               && a->v6.sin6_scope_id == b->v6.sin6_scope_id;
    default:
        return true;
    }
}

bool
td_address_equal (const TdAddress *a, const TdAddress *b)
{
    return td_address_equal_host (a, b) && td_address_port (a) == td_address_port (b);
}

socklen_t
td_address_len_bytes (const TdAddress *address)
{
    switch (address->any.sa_family) {
    case AF_INET:
        return sizeof address->v4;
    case AF_INET6:
        return sizeof address->v6;
    default:
        return 0;
    }
}

static struct {
    pthread_once_t once;
    uint64_t words[6]; /* what is added; one factor for each word of 32 bits */
} key = { .once = PTHREAD_ONCE_INIT };

static void
draw_key (void)
{
    if (getrandom (key.words, sizeof key.words, 0) != sizeof key.words) {
        for (unsigned i = 0; i < G_N_ELEMENTS (key.words); i++) {
            key.words[i] = (uint64_t) g_random_int () << 32 | g_random_int ();
        }
    }
}

unsigned
td_address_hash (const TdAddress *address)
{
    uint32_t words[5] = { td_address_port (address) };
    unsigned n_words = 2;

    pthread_once (&key.once, draw_key);
    if (address->any.sa_family == AF_INET6) {
        memcpy (words + 1, &address->v6.sin6_addr, sizeof address->v6.sin6_addr);
        n_words = 5;
    } else {
        words[1] = address->v4.sin_addr.s_addr;
    }
    /* The sum of products of words and random factors, its upper half: any two addresses have the same one
     * with a probability of 2^-32 (multiply-shift hashing of vectors). */
    uint64_t sum = key.words[0];
    for (unsigned i = 0; i < n_words; i++) {
        sum += key.words[i + 1] * words[i];
    }
    return (unsigned) (sum >> 32);
}
