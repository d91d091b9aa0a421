/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys, certificates and tokens for tests, made by OpenSSL alone: a second way beside the module's own. */

#ifndef TESTS_COMMON_PKI_H
#define TESTS_COMMON_PKI_H

#include <glib.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    X509 *certificate;
    EVP_PKEY *key;
} Pair;

/* What a certificate is to be; zeros: what is usual. */
typedef struct {
    const char *name;
    const Pair *issuer; /* NULL: it signs itself */
    bool is_authority;
    int64_t from_s, until_s; /* 0: a year around NOW_S */
    int64_t now_s;
    const char *curve; /* "P-384" */
    const char *dns;   /* subjectAltName */
    const char
        *numbers; /* TNAuthList as OpenSSL's ASN1_generate_v3 writes it: a list of its entries */
    const char *required; /* JWTClaimConstraints: the claim that must be there */
    bool is_for_keys;     /* its key is for key agreement, not for signatures */
} PairDraft;

Pair *pair_new (const PairDraft *draft);
void pair_free (Pair *pair);

/* The certificates, the first one first, as PEM (transfer full). */
char *pair_print (const Pair *first, const Pair *second);
char *pair_print_key (const Pair *pair);

/* A token of HEADER and PAYLOAD, JSON as it stands, signed by PAIR (transfer full). */
char *pki_token (const Pair *pair, const char *header, const char *payload);

/* The same as a header field with the usual header: ppt is nullable. */
char *pki_identity (const Pair *pair, const char *info, const char *ppt, const char *payload);

/* The list of certificates that ISSUER has revoked as PEM (transfer full): REVOKED alone (nullable). */
char *pki_revoke (const Pair *issuer, const Pair *revoked, int64_t now_s);

/* TOKEN with the other S that is right for its signature (transfer full), and all that is behind it. */
char *pki_turn (const char *token);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Pair, pair_free)

#endif
