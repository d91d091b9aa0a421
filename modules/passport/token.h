/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A PASSporT taken apart (RFC 8225), and put together. */

#ifndef PASSPORT_TOKEN_H
#define PASSPORT_TOKEN_H

#include "finding.h"
#include "identity.h"

enum { TOKEN_SIGNATURE_BYTES = 64 };

typedef enum {
    TOKEN_BASELINE, /* no ppt */
    TOKEN_RPH,      /* RFC 8443, RFC 9027 */
    TOKEN_SHAKEN,   /* RFC 8588 */
    TOKEN_OTHER,    /* not understood: div (RFC 8946) and what comes after it */
} TokenType;

/* What a token claims. Texts that are not there are NULL. */
typedef struct {
    TokenType type;
    char *text;          /* header.payload.signature */
    size_t signed_bytes; /* of TEXT: what the signature is over */
    uint8_t signature[TOKEN_SIGNATURE_BYTES];
    GVariant *payload; /* a{sv} */
    int64_t iat_s;
    char *orig;
    bool orig_is_number;
    char **dest_numbers, **dest_uris; /* maybe empty, not both */
    char **auth;                      /* rph: r-values in lower case, one or more */
    char *sph, *attest, *origid;
} Token;

TokenType token_type (const char *ppt);

/* Reads the token of IDENTITY: its form, and that it says what the header field says (RFC 8224 4.1). On
 * failure NULL, and FINDING says why. Thread: any. */
Token *token_read (const Identity *identity, Finding *finding);
void token_free (Token *token);

/* What is to be signed. Parties are canonical. */
typedef struct {
    const char *ppt, *info;
    int64_t iat_s;
    const char *orig;
    bool orig_is_number;
    GPtrArray *dest_numbers, *dest_uris; /* texts; sorted by this */
    const char *const *auth;             /* nullable */
    const char *sph, *attest, *origid;   /* nullable */
} TokenDraft;

/* The header and payload of DRAFT as RFC 8225 9 writes them, in base64url, with the dot between (transfer
 * full): what is signed. */
char *token_print (const TokenDraft *draft);

/* SIGNED (of token_print ()) with its signature (transfer full). */
char *token_finish (const char *signed_text, const uint8_t signature[TOKEN_SIGNATURE_BYTES]);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Token, token_free)

#endif
