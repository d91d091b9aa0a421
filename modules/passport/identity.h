/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The value of an Identity header field (RFC 8224 4). */

#ifndef PASSPORT_IDENTITY_H
#define PASSPORT_IDENTITY_H

#include "finding.h"

enum { IDENTITY_MAX_BYTES = 8192 };

/* Texts are never NULL after it was read. */
typedef struct {
    char *token; /* full form: header.payload.signature */
    char *info;  /* the URI, without its angle brackets */
    char *alg;   /* "ES256" where none is said */
    char *ppt;   /* "" where none is said */
} Identity;

/* Reads TEXT, of which nothing is trusted. On failure RET is empty, and FINDING says why. */
bool identity_read (Identity *ret, const char *text, Finding *finding);
void identity_clear (Identity *identity);

/* TOKEN as the value of an Identity header field (transfer full). */
char *identity_print (const char *token, const char *info, const char *ppt);

#endif
