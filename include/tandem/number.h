/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parties of a call: digits with their nature, or a user at a host. No policy. */

#ifndef TANDEM_NUMBER_H
#define TANDEM_NUMBER_H

#include <tandem/base.h>

G_BEGIN_DECLS

/* ITU-T Q.763 3.9 b. */
typedef enum {
    TD_NATURE_UNKNOWN,
    TD_NATURE_SUBSCRIBER,
    TD_NATURE_NATIONAL,
    TD_NATURE_INTERNATIONAL, /* the digits of a "+" number, without the "+" */
    TD_NATURE_NETWORK_SPECIFIC,
} TdNature;

/* ITU-T Q.763 3.10 e. */
typedef enum {
    TD_PRESENTATION_ALLOWED,
    TD_PRESENTATION_RESTRICTED,
    TD_PRESENTATION_UNAVAILABLE,
} TdPresentation;

#define TD_NUMBER_DIGITS 64
#define TD_PARTY_TEXT    128

/* One party. A telephone number has DIGITS (0-9 A-D * #); anything else has only USER. HOST is the
 * domain it was addressed at. All texts end with NUL; what would not fit is refused, never cut. */
typedef struct {
    char digits[TD_NUMBER_DIGITS];
    uint8_t nature;
    uint8_t presentation;
    bool is_complete;         /* no more digits will follow */
    char user[TD_PARTY_TEXT]; /* unescaped, for telephone numbers "+" and digits; "" if none */
    char host[TD_PARTY_TEXT];
    char display[TD_PARTY_TEXT]; /* the name to show, or "" */
} TdParty;

/* Reads a number as people write it: "+1 (212) 555-0100", "0800.." with visual separators
 * (RFC 3966 5.1.1). Returns false, with RET_PARTY untouched, when TEXT is no number.
 * Thread: any. */
TD_API bool td_party_from_number (TdParty *ret_party, const char *text);

/* Reads a user part (unescaped; a number, or a name) and a host. Returns false when one of them is
 * too long or holds a NUL or control character. Thread: any. */
TD_API bool td_party_from_user (TdParty *ret_party, const char *user, const char *host);

/* Appends one more digit to an incomplete number. Thread: any. */
TD_API bool td_party_add_digit (TdParty *party, char digit);

/* What routing looks up: "+" and digits for an international number, plain digits for other
 * numbers, the user for the rest (transfer none, good as long as PARTY). Thread: any. */
TD_API const char *td_party_key (const TdParty *party);

G_END_DECLS

#endif
