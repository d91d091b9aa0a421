/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What goes to a LoST server and comes back (RFC 5222), as text. */

#ifndef EMERGENCY_LOST_H
#define EMERGENCY_LOST_H

#include "location.h"

#include <stdint.h>

#define LOST_TYPE "application/lost+xml"

enum { LOST_MAX_URI_BYTES = 255 };

typedef enum {
    LOST_MAPPING,
    LOST_ERROR,    /* the server cannot say: TEXT is what it says instead (RFC 5222 13.1) */
    LOST_REDIRECT, /* it names another server (RFC 5222 13.3): TEXT */
} LostKind;

typedef struct {
    LostKind kind;
    char **uris;        /* "sip:" and "sips:" ones, sips first; never empty in a mapping */
    char *number;       /* what people dial there, or "" (RFC 5222 5.7) */
    char *name;         /* to show, or "" (RFC 5222 5.3) */
    int64_t expires_us; /* wall; 0: not to be kept, INT64_MAX: never (RFC 5222 5.2) */
    char *text;
} LostAnswer;

/* <findService> for SERVICE where LOCATION is (transfer full). */
char *lost_print_question (const char *service, const Location *location);

/* Reads an answer; false when it is none that can be used. Errors: what is wrong with it. */
bool lost_read_answer (const char *text, size_t len_bytes, LostAnswer *ret, GError **error);
void lost_answer_clear (LostAnswer *answer);

/* Whether URI can be called: sip: or sips:, of no more than LOST_MAX_URI_BYTES, without header fields
 * and whatever has no place in a message. */
bool lost_is_uri (const char *uri);

#endif
