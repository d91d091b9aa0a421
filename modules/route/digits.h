/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A number on its way through a decision: on the stack, no allocation. Its "+" and the nature
 * international are one thing: whatever sets one sets the other. */

#ifndef ROUTE_DIGITS_H
#define ROUTE_DIGITS_H

#include <tandem/number.h>

typedef struct {
    char text[TD_NUMBER_DIGITS + 1]; /* "+" and digits, digits, or "" */
    uint8_t nature;                  /* TdNature */
} Number;

/* False, with NUMBER untouched: TEXT is too long, or is no number. */
bool number_set (Number *number, const char *text, TdNature nature);

/* "" for who has no number. */
void number_from_party (Number *number, const TdParty *party);

static inline const char *
number_digits (const Number *number)
{
    return number->text + (number->text[0] == '+');
}

/* Takes N digits off the front, and the "+" with them: what is left is of unknown nature. */
void number_strip (Number *number, unsigned n);

/* Puts TEXT, digits after a "+" or not, in the place of the first N characters. False, with NUMBER
 * untouched: it would be too long. */
bool number_replace (Number *number, unsigned n, const char *text);

/* Whether two texts can be one number, written locally, nationally or internationally: what differs
 * stands in front, and is no longer than a prefix. */
bool number_is_alike (const char *one, const char *other);

void number_set_nature (Number *number, TdNature nature);

#endif
