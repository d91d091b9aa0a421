/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parties of a call: digits with their nature, or a user at a host. And prefixes of numbers, each with
 * a value. No policy. */

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

/* --- Prefixes ----------------------------------------------------------------------------
 *
 *                   (empty) = 7
 *                  /       \
 *               "4"         "1800" = 2          a node skips the digits that all below it share,
 *              /    \                           and keeps its children side by side, in the order
 *       "30" = 1     "9"                        of their digits: 16 bytes a node
 *                   /   \
 *             "" = 3     "89" = 4
 *
 * A table is made once and never changed: it may be read from any thread. Numbers with a "+" are a
 * tree of their own: the prefix "" does not fit them, "+" does. */

#define TD_PREFIX_NO_VALUE UINT32_MAX

typedef struct TdPrefixTable TdPrefixTable;

typedef struct {
    const char *digits; /* 0-9 * # A-D, after a "+" for international numbers; "": any */
    uint32_t value;     /* not TD_PREFIX_NO_VALUE */
} TdPrefix;

/* Whether TEXT can be a prefix. Thread: any. */
TD_API bool td_prefix_is_valid (const char *text);

/* A table of PREFIXES (all valid; sorted by this, and not needed afterwards), transfer full. Of two
 * that are equal the one with the lower value counts; RET_DUPLICATE (nullable) is one that was left
 * out, or without digits (NULL). Thread: any. */
TD_API TdPrefixTable *td_prefix_table_new (TdPrefix *prefixes, size_t n_prefixes,
                                           TdPrefix *ret_duplicate);
TD_API void td_prefix_table_free (TdPrefixTable *table);

/* The value of the longest prefix that NUMBER begins with, or TD_PREFIX_NO_VALUE. Thread: any. */
TD_API uint32_t td_prefix_table_find (const TdPrefixTable *table, const char *number);

/* The values of all prefixes that NUMBER begins with, the longest one first, into RET_VALUES; of more
 * than MAX_VALUES, the longest ones. Returns how many. Thread: any. */
TD_API size_t td_prefix_table_find_all (const TdPrefixTable *table, const char *number,
                                        uint32_t *ret_values, size_t max_values);

/* Whether there is a prefix that begins with NUMBER and is longer. Thread: any. */
TD_API bool td_prefix_table_has_longer (const TdPrefixTable *table, const char *number);

/* The memory that TABLE takes. Thread: any. */
TD_API size_t td_prefix_table_size_bytes (const TdPrefixTable *table);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TdPrefixTable, td_prefix_table_free)

G_END_DECLS

#endif
