/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a server says of a number: a JSON object. */

#ifndef DIP_HTTP_ANSWER_H
#define DIP_HTTP_ANSWER_H

#include <tandem/iface/dip.h>

enum {
    HTTP_TEXT_SIZE = 64,
    HTTP_ERROR_SIZE = 128,
};

/* How the members of the object are called. */
typedef struct {
    char *number, *carrier, *ttl;
} HttpMembers;

typedef struct {
    TdDipAnswer answer; /* points to what follows */
    char number[HTTP_TEXT_SIZE], carrier[HTTP_TEXT_SIZE], error[HTTP_ERROR_SIZE];
} HttpSaid;

/* Reads the BODY of a response with STATUS (RFC 9110 15). */
void http_read_answer (HttpSaid *ret_said, unsigned status, const char *body, size_t len_bytes,
                       const HttpMembers *members);

/* No answer came; WHY in words. */
void http_fail (HttpSaid *ret_said, const char *why);

/* TEMPLATE with NUMBER in the place of "{number}", and what KIND is called in that of "{kind}" (transfer
 * full). */
char *http_make_url (const char *url_template, TdDipKind kind, const char *number);

#endif
