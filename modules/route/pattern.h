/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Patterns of numbers, as numbering plans write them. Each element fits exactly one digit, so a match
 * looks at each digit once, whatever a table's author wrote: there is nothing to repeat, and nothing
 * to go back to. That is why this is no regular expression.
 *
 *     +        at the front: an international number
 *     0-9*#A-D that digit          X  0-9     N  2-9     Z  1-9
 *     [2-57]   one of these        ( )        what replacements call \1, \2 ... \9
 *     .        at the end: the rest of the number, however long
 *     $        at the end: nothing follows; without it, anything may
 *
 *     0(ZX).   a 0 in front of an area code        \0  all that fits, \1  the first group
 */

#ifndef ROUTE_PATTERN_H
#define ROUTE_PATTERN_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    PATTERN_MAX_DIGITS = 32,
    PATTERN_MAX_GROUPS = 9,
    PATTERN_REST = 255, /* a group that reaches to the end of the number */
};

typedef struct {
    uint16_t digits[PATTERN_MAX_DIGITS]; /* the digits that fit, a bit each */
    uint8_t n_digits;
    bool is_international, takes_rest, is_whole;
    uint8_t n_groups;
    struct {
        uint8_t first, n;
    } groups[PATTERN_MAX_GROUPS];
} Pattern;

/* A bit for the digit C, or 0. */
uint16_t pattern_digit_bit (char c);

/* False: ERROR says what is wrong at which character. */
bool pattern_parse (Pattern *ret_pattern, const char *text, GError **error);

typedef enum {
    PATTERN_MISSES,
    PATTERN_WANTS_MORE, /* it fits so far, and wants further digits */
    PATTERN_FITS,
} PatternFit;

/* How DIGITS of a pattern fit TEXT, without a "+". */
PatternFit pattern_fit_digits (const uint16_t *digits, unsigned n_digits, bool is_whole,
                               const char *text);

PatternFit pattern_fit (const Pattern *pattern, const char *number);

/* The characters of NUMBER, which fits, that are PATTERN's: those behind are none of its business. */
unsigned pattern_len (const Pattern *pattern, const char *number);

/* The text of GROUP (0: all that fits) of NUMBER, which fits; its length. */
const char *pattern_group (const Pattern *pattern, const char *number, unsigned group,
                           unsigned *ret_len);

/* Whether all numbers that OTHER fits are fit by PATTERN, too. */
bool pattern_covers (const Pattern *pattern, const Pattern *other);

/* Whether there is a number that both fit. */
bool pattern_meets (const Pattern *pattern, const Pattern *other);

#endif
