/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Digest authentication, asked for and answered (RFC 3261 22, RFC 7616, RFC 8760). */

#include "auth.h"

#include <osipparser2/headers/osip_authorization.h>
#include <osipparser2/headers/osip_www_authenticate.h>
#include <stdlib.h>

#include <tandem/lane.h>

#define MAX_NONCES 4096 /* of which the last count is kept */

struct SipAuthority {
    uint8_t secret[32];
    unsigned nonce_life_s;
    SipDigests digests;
    unsigned lane;
    uint32_t n_nonces;
    uint64_t forgotten; /* the newest of the nonces whose counts are not kept any more; see Nonce */
    GHashTable *counts; /* nonce: the last count it was used with */
    GQueue order;       /* the same nonces, oldest first */
};

static const char *
digest_name (SipDigest digest)
{
    return digest == SIP_DIGEST_SHA256 ? "SHA-256" : "MD5";
}

/* H (PARTS, joined by colons), ended by NULL. */
static void
hash_parts (SipDigest digest, char hash[SIP_HASH_SIZE], const char *const *parts)
{
    GChecksum *sum =
        g_checksum_new (digest == SIP_DIGEST_SHA256 ? G_CHECKSUM_SHA256 : G_CHECKSUM_MD5);

    for (unsigned i = 0; parts[i] != NULL; i++) {
        if (i > 0) {
            g_checksum_update (sum, (const guchar *) ":", 1);
        }
        g_checksum_update (sum, (const guchar *) parts[i], -1);
    }
    g_strlcpy (hash, g_checksum_get_string (sum), SIP_HASH_SIZE);
    g_checksum_free (sum);
}

void
sip_auth_ha1 (SipDigest digest, const char *username, const char *realm, const char *password,
              char ha1[SIP_HASH_SIZE])
{
    hash_parts (digest, ha1, (const char *const[]){ username, realm, password, NULL });
}

/* RFC 7616 3.4.1; without QOP as RFC 2617 3.2.2.1 has it for old clients. */
static void
make_response (SipDigest digest, const char *ha1, const char *method, const char *uri,
               const char *nonce, const char *nc, const char *cnonce, const char *qop,
               char response[SIP_HASH_SIZE])
{
    char ha2[SIP_HASH_SIZE];

    hash_parts (digest, ha2, (const char *const[]){ method, uri, NULL });
    if (qop != NULL) {
        hash_parts (digest, response,
                    (const char *const[]){ ha1, nonce, nc, cnonce, qop, ha2, NULL });
    } else {
        hash_parts (digest, response, (const char *const[]){ ha1, nonce, ha2, NULL });
    }
}

/* TEXT without its quotes and escapes (transfer full); NULL stays NULL. */
static char *
unquote (const char *text)
{
    if (text == NULL) {
        return NULL;
    }
    size_t length = strlen (text);
    if (length < 2 || text[0] != '"' || text[length - 1] != '"') {
        return g_strdup (text);
    }
    GString *plain = g_string_sized_new (length);
    for (size_t i = 1; i + 1 < length; i++) {
        if (text[i] == '\\' && i + 2 < length) {
            i++;
        }
        g_string_append_c (plain, text[i]);
    }
    return g_string_free (plain, FALSE);
}

/* Compares without telling by the time it takes how much was right. */
static bool
is_same_secret (const char *a, const char *b)
{
    size_t length = strlen (a);
    unsigned difference = 0;

    if (strlen (b) != length) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        difference |=
            (unsigned char) g_ascii_tolower (a[i]) ^ (unsigned char) g_ascii_tolower (b[i]);
    }
    return difference == 0;
}

/* --- Asking ------------------------------------------------------------------------------ */

SipAuthority *
sip_authority_new (const uint8_t secret[32], unsigned nonce_life_s, SipDigests digests,
                   unsigned lane)
{
    SipAuthority *authority = g_new0 (SipAuthority, 1);

    memcpy (authority->secret, secret, sizeof authority->secret);
    authority->nonce_life_s = nonce_life_s;
    authority->digests = digests;
    authority->lane = lane;
    authority->n_nonces = 1; /* 0 of the first second would count as forgotten */
    authority->counts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    g_queue_init (&authority->order);
    return authority;
}

void
sip_authority_free (SipAuthority *authority)
{
    if (authority == NULL) {
        return;
    }
    g_queue_clear (&authority->order);
    g_hash_table_unref (authority->counts);
    g_free (authority);
}

/* The seal over the head of a nonce: 32 hexadecimal digits. */
static void
seal (const SipAuthority *authority, const char *head, const char *realm, char seal_text[33])
{
    GHmac *hmac = g_hmac_new (G_CHECKSUM_SHA256, authority->secret, sizeof authority->secret);

    g_hmac_update (hmac, (const guchar *) head, 16);
    g_hmac_update (hmac, (const guchar *) realm, -1);
    g_strlcpy (seal_text, g_hmac_get_string (hmac), 33);
    g_hmac_unref (hmac);
}

/* By the monotonic clock: setting the other one makes no nonce older. */
static uint32_t
now_s (void)
{
    return (uint32_t) (td_clock_now_us () / G_USEC_PER_SEC);
}

/* Eight digits of seconds, two of the lane, six of a counter, and the seal. */
static void
make_nonce (SipAuthority *authority, const char *realm, char nonce[SIP_NONCE_SIZE])
{
    g_snprintf (nonce, 17, "%08x%02x%06x", now_s (), authority->lane & 0xff,
                authority->n_nonces++ & 0xffffff);
    seal (authority, nonce, realm, nonce + 16);
}

typedef struct {
    uint32_t age_s;
    unsigned lane;
    uint64_t number; /* grows from nonce to nonce of a lane */
} Nonce;

static Nonce
take_apart (const char *nonce)
{
    char head[17];

    g_strlcpy (head, nonce, sizeof head);
    uint64_t number = strtoull (head, NULL, 16);
    return (Nonce){ .age_s = now_s () - (uint32_t) (number >> 32),
                    .lane = (unsigned) (number >> 24) & 0xff,
                    .number = number };
}

/* Whether NONCE is one of ours for REALM, and which. */
static bool
read_nonce (const SipAuthority *authority, const char *nonce, const char *realm, Nonce *ret_nonce)
{
    char seal_text[33];

    if (strlen (nonce) != SIP_NONCE_SIZE - 1) {
        return false;
    }
    seal (authority, nonce, realm, seal_text);
    if (!is_same_secret (seal_text, nonce + 16)) {
        return false;
    }
    *ret_nonce = take_apart (nonce);
    return true;
}

static bool
is_wanted (const SipAuthority *authority, SipDigest digest)
{
    return authority->digests == SIP_DIGESTS_BOTH
           || (authority->digests == SIP_DIGESTS_MD5) == (digest == SIP_DIGEST_MD5);
}

void
sip_authority_challenge (SipAuthority *authority, GString *out, bool is_proxy, const char *realm,
                         bool is_stale)
{
    static const SipDigest digests[] = { SIP_DIGEST_SHA256, SIP_DIGEST_MD5 };

    for (size_t i = 0; i < G_N_ELEMENTS (digests); i++) {
        char nonce[SIP_NONCE_SIZE];
        if (!is_wanted (authority, digests[i])) {
            continue;
        }
        make_nonce (authority, realm, nonce);
        g_string_append (out, is_proxy ? "Proxy-Authenticate" : "WWW-Authenticate");
        g_string_append (out, ": Digest realm=");
        sip_compose_quoted (out, realm);
        g_string_append_printf (out, ", nonce=\"%s\", algorithm=%s, qop=\"auth\"%s\r\n", nonce,
                                digest_name (digests[i]), is_stale ? ", stale=true" : "");
    }
}

static void
forget_oldest (SipAuthority *authority)
{
    char *oldest = g_queue_pop_head (&authority->order);

    authority->forgotten = MAX (authority->forgotten, take_apart (oldest).number);
    g_hash_table_remove (authority->counts, oldest);
}

/* Whether NONCE is used with a higher count than ever before (RFC 7616 3.4, "nc"). */
static bool
take_count (SipAuthority *authority, const char *nonce, unsigned count)
{
    gpointer key, last;

    if (g_hash_table_lookup_extended (authority->counts, nonce, &key, &last)) {
        if (count <= GPOINTER_TO_UINT (last)) {
            return false;
        }
        g_hash_table_steal (authority->counts, nonce);
        g_hash_table_insert (authority->counts, key, GUINT_TO_POINTER (count));
        return true;
    }
    if (take_apart (nonce).number <= authority->forgotten) {
        return false; /* it may have been used */
    }
    if (g_hash_table_size (authority->counts) >= MAX_NONCES) {
        forget_oldest (authority);
    }
    char *copy = g_strdup (nonce);
    g_hash_table_insert (authority->counts, copy, GUINT_TO_POINTER (count));
    g_queue_push_tail (&authority->order, copy);
    return true;
}

/* The fields of one Authorization, without their quotes. */
typedef struct {
    char *username, *realm, *nonce, *uri, *response, *cnonce, *nc, *qop;
    SipDigest digest;
    bool is_known; /* digest, with an algorithm and a qop that we know */
} Credentials;

static void
clear_credentials (Credentials *c)
{
    g_free (c->username);
    g_free (c->realm);
    g_free (c->nonce);
    g_free (c->uri);
    g_free (c->response);
    g_free (c->cnonce);
    g_free (c->nc);
    g_free (c->qop);
}

static bool
read_algorithm (const char *text, SipDigest *ret_digest)
{
    g_autofree char *algorithm = unquote (text);

    if (algorithm == NULL || g_ascii_strcasecmp (algorithm, "MD5") == 0) {
        *ret_digest = SIP_DIGEST_MD5; /* RFC 7616 3.3: the default */
        return true;
    }
    *ret_digest = SIP_DIGEST_SHA256;
    return g_ascii_strcasecmp (algorithm, "SHA-256") == 0;
}

static Credentials
read_credentials (const osip_authorization_t *from)
{
    Credentials c = { .username = unquote (from->username),
                      .realm = unquote (from->realm),
                      .nonce = unquote (from->nonce),
                      .uri = unquote (from->uri),
                      .response = unquote (from->response),
                      .cnonce = unquote (from->cnonce),
                      .nc = unquote (from->nonce_count),
                      .qop = unquote (from->message_qop) };

    c.is_known =
        from->auth_type != NULL && g_ascii_strcasecmp (from->auth_type, "Digest") == 0
        && read_algorithm (from->algorithm, &c.digest) && c.username != NULL && c.realm != NULL
        && c.nonce != NULL && c.uri != NULL && c.response != NULL
        && (c.qop == NULL || (strcmp (c.qop, "auth") == 0 && c.nc != NULL && c.cnonce != NULL));
    return c;
}

/* The digest-uri must name what the request is for (RFC 3261 22.4). */
static bool
is_uri_of (const SipScan *scan, const char *text)
{
    SipUri uri;

    return sip_view_is (scan->request_uri, text)
           || (sip_uri_scan (sip_view_of (text), &uri) == NULL && sip_uri_equal (&uri, &scan->uri));
}

static SipAuthVerdict
check_credentials (SipAuthority *authority, const SipScan *scan, const Credentials *c,
                   SipSecretOf secret_of, void *data)
{
    char ha1[SIP_HASH_SIZE], response[SIP_HASH_SIZE];
    Nonce nonce;
    g_autofree char *method = sip_view_dup (scan->method_name);

    if (!read_nonce (authority, c->nonce, c->realm, &nonce) || !is_uri_of (scan, c->uri)) {
        return SIP_AUTH_NONE;
    }
    if (!secret_of (c->username, c->digest, ha1, data)) {
        return SIP_AUTH_BAD;
    }
    make_response (c->digest, ha1, method, c->uri, c->nonce, c->nc, c->cnonce, c->qop, response);
    if (!is_same_secret (response, c->response)) {
        return SIP_AUTH_BAD;
    }
    if (nonce.age_s > authority->nonce_life_s || nonce.lane != authority->lane) {
        return SIP_AUTH_STALE;
    }
    /* A client without qop counts as using each nonce once: its response vouches for no count. */
    unsigned count = c->qop != NULL ? (unsigned) strtoul (c->nc, NULL, 16) : 1;
    return take_count (authority, c->nonce, count) ? SIP_AUTH_GOOD : SIP_AUTH_STALE;
}

SipAuthVerdict
sip_authority_check (SipAuthority *authority, SipMessage *message, bool is_proxy, const char *realm,
                     SipSecretOf secret_of, void *data, char *ret_username, size_t username_size)
{
    SipHeaderId id = is_proxy ? SIP_HEADER_PROXY_AUTHORIZATION : SIP_HEADER_AUTHORIZATION;
    const osip_message_t *osip = sip_message_need (message, id);
    SipAuthVerdict verdict = SIP_AUTH_NONE;

    if (osip == NULL) {
        return SIP_AUTH_NONE;
    }
    const osip_list_t *list = is_proxy ? &osip->proxy_authorizations : &osip->authorizations;
    for (int i = 0; i < osip_list_size (list) && verdict == SIP_AUTH_NONE; i++) {
        Credentials c = read_credentials (osip_list_get (list, i));
        if (c.is_known && is_wanted (authority, c.digest) && strcmp (c.realm, realm) == 0) {
            verdict = check_credentials (authority, message->scan, &c, secret_of, data);
        }
        if (verdict == SIP_AUTH_GOOD
            && g_strlcpy (ret_username, c.username, username_size) >= username_size) {
            verdict = SIP_AUTH_BAD;
        }
        clear_credentials (&c);
    }
    return verdict;
}

/* --- Answering --------------------------------------------------------------------------- */

static bool
offers_auth (const char *qop)
{
    g_autofree char *list = unquote (qop);
    SipView rest = sip_view_of (list), item;

    while (sip_view_split (&rest, ',', &item)) {
        if (sip_view_is_nocase (item, "auth")) {
            return true;
        }
    }
    return false;
}

/* The strongest challenge we can answer, the first of its strength (RFC 8760 2.4), or NULL. */
static const osip_www_authenticate_t *
choose (const osip_list_t *list, SipDigest *ret_digest)
{
    const osip_www_authenticate_t *best = NULL;

    for (int i = 0; i < osip_list_size (list); i++) {
        const osip_www_authenticate_t *challenge = osip_list_get (list, i);
        SipDigest digest;
        if (challenge->auth_type == NULL || g_ascii_strcasecmp (challenge->auth_type, "Digest") != 0
            || !read_algorithm (challenge->algorithm, &digest) || challenge->nonce == NULL
            || challenge->realm == NULL
            || (challenge->qop_options != NULL && !offers_auth (challenge->qop_options))) {
            continue;
        }
        if (best == NULL || digest > *ret_digest) {
            best = challenge;
            *ret_digest = digest;
        }
    }
    return best;
}

static void
append_quoted_field (GString *out, const char *name, const char *value)
{
    g_string_append_printf (out, ", %s=", name);
    sip_compose_quoted (out, value);
}

static void
append_answer (GString *out, const osip_www_authenticate_t *challenge, SipDigest digest,
               const SipCredentials *credentials, const char *method, const char *uri,
               const char *cnonce)
{
    static const char nc[] = "00000001"; /* each challenge is answered once */
    char ha1[SIP_HASH_SIZE], response[SIP_HASH_SIZE];
    g_autofree char *realm = unquote (challenge->realm);
    g_autofree char *nonce = unquote (challenge->nonce);
    g_autofree char *opaque = unquote (challenge->opaque);
    const char *qop = challenge->qop_options != NULL ? "auth" : NULL;

    sip_auth_ha1 (digest, credentials->username, realm, credentials->password, ha1);
    make_response (digest, ha1, method, uri, nonce, nc, cnonce, qop, response);
    g_string_append (out, ": Digest username=");
    sip_compose_quoted (out, credentials->username);
    append_quoted_field (out, "realm", realm);
    append_quoted_field (out, "nonce", nonce);
    append_quoted_field (out, "uri", uri);
    append_quoted_field (out, "response", response);
    if (challenge->algorithm != NULL) {
        g_string_append_printf (out, ", algorithm=%s", digest_name (digest));
    }
    if (qop != NULL) {
        g_string_append_printf (out, ", qop=auth, nc=%s", nc);
        append_quoted_field (out, "cnonce", cnonce);
    }
    if (opaque != NULL) {
        append_quoted_field (out, "opaque", opaque);
    }
    g_string_append (out, "\r\n");
}

bool
sip_auth_answer (GString *out, SipMessage *response, const SipCredentials *credentials,
                 const char *method, const char *uri, const char *cnonce, bool has_tried)
{
    bool is_proxy = response->scan->status == 407;
    const osip_message_t *osip = sip_message_need (
        response, is_proxy ? SIP_HEADER_PROXY_AUTHENTICATE : SIP_HEADER_WWW_AUTHENTICATE);
    SipDigest digest = SIP_DIGEST_MD5;

    if (osip == NULL) {
        return false;
    }
    const osip_www_authenticate_t *challenge =
        choose (is_proxy ? &osip->proxy_authenticates : &osip->www_authenticates, &digest);
    if (challenge == NULL) {
        return false;
    }
    g_autofree char *stale = unquote (challenge->stale);
    if (has_tried && (stale == NULL || g_ascii_strcasecmp (stale, "true") != 0)) {
        return false; /* RFC 3261 22.1: the same credentials would be refused again */
    }
    g_string_append (out, is_proxy ? "Proxy-Authorization" : "Authorization");
    append_answer (out, challenge, digest, credentials, method, uri, cnonce);
    return true;
}
