/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is to be said of a token by itself, whatever request brings it: worth remembering. */

#ifndef PASSPORT_VERDICT_H
#define PASSPORT_VERDICT_H

#include "settings.h"

enum { VERDICT_HASH_BYTES = 32 };

typedef struct {
    uint8_t bytes[VERDICT_HASH_BYTES];
} VerdictHash;

/* Immutable. */
typedef struct {
    atomic_int n_refs;
    VerdictHash hash;
    VerdictHash once; /* what may be brought by one call: see verdict.c */
    TdPassportResult result;
    char *reason;            /* nullable */
    Token *token;            /* NULL: it could not be read */
    Credential *credential;  /* nullable */
    char *anchor;            /* nullable: who vouches for it */
    int64_t from_s, until_s; /* when the whole chain is good */
} Verdict;

/* SHA-256 of TEXT. */
void verdict_hash_text (VerdictHash *ret, const char *text);

/* SHA-256 of what is verified: the token, and where its certificate is. */
void verdict_hash (VerdictHash *ret, const Identity *identity);
unsigned verdict_hash_value (const void *hash);
int verdict_hash_equal (const void *a, const void *b);

/* Verifies IDENTITY by CREDENTIAL (transfer none) as SETTINGS have it; FINDING gets the steps, and what the
 * verdict says. Thread: any; takes about 90 us. */
Verdict *verdict_make (const Identity *identity, const VerdictHash *hash, Credential *credential,
                       const Settings *settings, Finding *finding);
Verdict *verdict_ref (Verdict *verdict);
void verdict_unref (Verdict *verdict);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Verdict, verdict_unref)

#endif
