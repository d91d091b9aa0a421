/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certificates that sign tokens (RFC 8226), and the anchors that vouch for them. */

#ifndef PASSPORT_CREDENTIAL_H
#define PASSPORT_CREDENTIAL_H

#include "token.h"

#include <openssl/x509.h>
#include <stdatomic.h>

enum { CREDENTIAL_MAX_ANCHORS = 64, CREDENTIAL_MAX_CHAIN = 8 };

/* Who may vouch for what: [passport-anchor NAME]. */
typedef struct {
    char *name;
    X509_STORE *store;
    char **name_spaces;   /* in lower case: for which r-values, maybe none */
    bool is_for_identity; /* for the calling number: baseline and shaken */
    char *subject;        /* of the first certificate */
    int64_t until_s;      /* when the first of its certificates expires */
    int64_t crl_until_s;  /* and the first of its lists of revoked ones; INT64_MAX: none does */
    bool refuses_stale;   /* it vouches for nobody when one has */
} Anchor;

/* What an anchor says of a certificate, whatever the time. */
typedef struct {
    bool is_vouched;
    int64_t from_s, until_s; /* when all certificates of the chain are good */
    char *why;               /* nullable: why it is not vouched for */
    GPtrArray *numbers;      /* of GByteArray: TNAuthLists on the chain (RFC 8226 9), as DER */
} Vouch;

/* A certificate, immutable: with the key that signs, and what the anchors say of it. */
typedef struct {
    atomic_int n_refs;
    X509 *leaf;
    STACK_OF (X509) * chain; /* what came with it */
    EVP_PKEY *key;
    char *subject;
    int64_t from_s, until_s; /* of LEAF */
    Vouch *vouches;          /* one for each anchor */
    unsigned n_vouches;
} Credential;

/* Errors: of FILE, what is wrong with it. Thread: any. Blocks: it reads a file. */
Anchor *anchor_read (const char *name, const char *file, GError **error);

/* ANCHOR vouches for nobody from now on who is on a list in FILE (RFC 5280 5), or whose authority has none there;
 * REFUSES_STALE: for nobody at all when the time of one of them is over. Errors, thread: as above. */
bool anchor_read_revoked (Anchor *anchor, const char *file, bool refuses_stale, GError **error);
void anchor_free (void *anchor);
bool anchor_has_name_space (const Anchor *anchor, const char *r_value);

/* The certificate in LEN bytes of DATA, PEM or DER, the signing one first, with what ANCHORS (Anchor) say
 * of it. Errors: it is none, or its key cannot sign ES256. Thread: any. */
Credential *credential_read (const void *data, size_t len, const GPtrArray *anchors,
                             GError **error);
Credential *credential_ref (Credential *credential);
void credential_unref (Credential *credential);

/* Whether KEY has signed TOKEN (RFC 7518 3.4). Thread: any; takes about 65 us. */
bool credential_has_signed (EVP_PKEY *key, const Token *token);

/* Whether the certificate and its chain as VOUCH has it may sign for what TOKEN claims: its number, where
 * that is what is asked (RFC 8226 9), and its claims (RFC 8226 8). */
bool credential_covers_number (const Vouch *vouch, const char *tn, Finding *finding);
bool credential_permits_claims (const Credential *credential, const Token *token, Finding *finding);

/* ES256 over TEXT. Thread: any; takes about 25 us. */
bool credential_sign (EVP_PKEY *key, const char *text, uint8_t ret[TOKEN_SIGNATURE_BYTES]);

/* The private key in FILE, that of CREDENTIAL. Errors: of FILE, what is wrong with it. */
EVP_PKEY *credential_read_key (const char *file, const Credential *credential, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Credential, credential_unref)

#endif
