/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parties of a request in the one form that is signed (RFC 8224 8). */

#ifndef PASSPORT_CANON_H
#define PASSPORT_CANON_H

#include <stdbool.h>

enum { CANON_NUMBER_SIZE = 65, CANON_URI_SIZE = 513 };

/* How numbers without "+" are completed here. Texts are never NULL. */
typedef struct {
    const char *country;       /* "1", "49"; "": they stay as they are */
    const char *national;      /* dialled before national numbers: "0" */
    const char *international; /* dialled before international numbers: "00" */
} CanonPlan;

typedef struct {
    bool is_number;
    bool is_global;                 /* of numbers: it had a "+" */
    char number[CANON_NUMBER_SIZE]; /* digits, "*" and "#" (RFC 8224 8.3) */
    char uri[CANON_URI_SIZE];       /* RFC 8224 8.5 */
} Canon;

/* Reads a party: a number as people write it, or a URI. Returns false when it is neither. */
bool canon_read (Canon *ret, const char *text);

/* The number of CANON as it is signed. */
void canon_complete (const Canon *canon, const CanonPlan *plan, char ret[CANON_NUMBER_SIZE]);

/* Whether CANON is the number TN of a token: as it stands, or completed. */
bool canon_is_number (const Canon *canon, const CanonPlan *plan, const char *tn);

/* Whether CANON is the URI of a token. */
bool canon_is_uri (const Canon *canon, const char *uri);

/* RFC 8224 8.3: tn-spec. */
bool canon_is_tn (const char *text);

#endif
