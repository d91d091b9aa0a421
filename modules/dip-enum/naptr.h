/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the DNS says of a number: NAPTR records (RFC 3403 4) for the Enumservice "pstn" (RFC 4769), each of
 * which makes a URI of the number (RFC 6116). No record can take long, or more room than it has.
 *
 *     100 10 "u" "E2U+pstn:tel" "!^.*$!tel:+1-212-555-0111;npdi;rn=+1-201-555-0000!" .
 */

#ifndef DIP_ENUM_NAPTR_H
#define DIP_ENUM_NAPTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NAPTR_TEXT_SIZE = 256, /* a <character-string> and a NUL (RFC 1035 3.3) */
    NAPTR_URI_SIZE = 512,
    NAPTR_NUMBER_SIZE = 64,
    NAPTR_MAX = 32, /* records of one number that are looked at */
};

typedef struct {
    uint16_t order, preference;
    char flags[NAPTR_TEXT_SIZE], services[NAPTR_TEXT_SIZE], regexp[NAPTR_TEXT_SIZE];
    bool has_replacement; /* it names another domain */
} Naptr;

/* Reads RDATA (RFC 3403 4.1); false: it is none. */
bool naptr_read (Naptr *ret_naptr, const void *rdata, size_t len_bytes);

/* Whether it is of the Enumservice "pstn" (RFC 4769 3), alone or among others (RFC 6116 3.4.3). */
bool naptr_is_pstn (const Naptr *naptr);

/* The URI it makes of NUMBER ("+12125550111"). False: none, and RET_WHY (static text) says why. */
bool naptr_substitute (const Naptr *naptr, const char *number, char ret_uri[NAPTR_URI_SIZE],
                       const char **ret_why);

/* What a "tel" or "sip" URI says of the number in it (RFC 3966 3, RFC 4694 4). "": nothing. */
typedef struct {
    char number[NAPTR_NUMBER_SIZE], routing_number[NAPTR_NUMBER_SIZE], carrier[NAPTR_NUMBER_SIZE];
    bool is_dipped; /* npdi */
} NaptrNumber;

/* False: URI is no such URI, or one that is too long. */
bool naptr_read_uri (NaptrNumber *ret_number, const char *uri);

/* Of N records, the first in the order of RFC 3403 4.1 that is of the service and makes a URI which can be
 * read. False: none; RET_WHY (static text) is why the first one of the service was of no use, NULL where
 * none is of the service. */
bool naptr_choose (Naptr *naptrs, unsigned n, const char *number, NaptrNumber *ret_number,
                   const char **ret_why);

#endif
