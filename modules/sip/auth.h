/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Digest authentication, asked for and answered (RFC 3261 22, RFC 7616, RFC 8760).
 *
 * A nonce carries its time and a seal (HMAC-SHA-256 with a secret of this process), so a challenge
 * leaves no state behind. What is kept, in a table of bounded size, is the last nonce count of each
 * nonce that was used well, so that a response cannot be sent twice; what is older than
 * those that the table has let go of is stale. */

#ifndef SIP_AUTH_H
#define SIP_AUTH_H

#include "compose.h"
#include "message.h"

#define SIP_HASH_SIZE  65 /* hexadecimal SHA-256 and its end */
#define SIP_NONCE_SIZE 49

typedef enum {
    SIP_DIGEST_MD5,
    SIP_DIGEST_SHA256,
} SipDigest;

/* What is asked for and taken. */
typedef enum {
    SIP_DIGESTS_BOTH,
    SIP_DIGESTS_MD5,
    SIP_DIGESTS_SHA256,
} SipDigests;

/* H (username ":" realm ":" password), what a table of subscribers keeps instead of a password. */
void sip_auth_ha1 (SipDigest digest, const char *username, const char *realm, const char *password,
                   char ha1[SIP_HASH_SIZE]);

/* --- Asking ------------------------------------------------------------------------------ */

typedef struct SipAuthority SipAuthority;

/* One for each lane. SECRET is of the process; a nonce lives NONCE_LIFE_S seconds. One of another LANE
 * (below 256) is stale, since that lane alone knows how often it was used. */
SipAuthority *sip_authority_new (const uint8_t secret[32], unsigned nonce_life_s,
                                 SipDigests digests, unsigned lane);
void sip_authority_free (SipAuthority *authority);

/* Appends the challenges of a 401 (IS_PROXY: 407): SHA-256 before MD5 (RFC 8760 2.4). */
void sip_authority_challenge (SipAuthority *authority, GString *out, bool is_proxy,
                              const char *realm, bool is_stale);

typedef enum {
    SIP_AUTH_GOOD,
    SIP_AUTH_NONE,  /* no credentials for this realm: challenge */
    SIP_AUTH_STALE, /* right, but for an old nonce: challenge, stale */
    SIP_AUTH_BAD,   /* wrong credentials: challenge, or 403 */
} SipAuthVerdict;

/* The HA1 of USERNAME in the realm, or false when there is no such user. */
typedef bool (*SipSecretOf) (const char *username, SipDigest digest, char ha1[SIP_HASH_SIZE],
                             void *data);

/* Looks at the credentials that MESSAGE brings for REALM. RET_USERNAME (of USERNAME_SIZE bytes) is
 * who it is, when GOOD. */
SipAuthVerdict sip_authority_check (SipAuthority *authority, SipMessage *message, bool is_proxy,
                                    const char *realm, SipSecretOf secret_of, void *data,
                                    char *ret_username, size_t username_size);

/* --- Answering --------------------------------------------------------------------------- */

typedef struct {
    const char *username;
    const char *password;
} SipCredentials;

/* Appends an Authorization (407: Proxy-Authorization) line for the strongest challenge of RESPONSE
 * that we know, for a request of METHOD to URI. False when there is none, or it is a refusal of the
 * same credentials (HAS_TRIED, and not stale). CNONCE: fresh and unguessable. */
bool sip_auth_answer (GString *out, SipMessage *response, const SipCredentials *credentials,
                      const char *method, const char *uri, const char *cnonce, bool has_tried);

#endif
