/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A number on its way through a decision. */

#include "digits.h"

#include <string.h>

enum {
    LONGEST_PREFIX = 4
}; /* that one way of writing a number has, and another not: "+49", "0011" */

/* After its text was changed: an international number is one with a "+". */
static void
settle_nature (Number *number)
{
    if (number->text[0] == '+') {
        number->nature = TD_NATURE_INTERNATIONAL;
    } else if (number->nature == TD_NATURE_INTERNATIONAL) {
        number->nature = TD_NATURE_UNKNOWN;
    }
}

bool
number_set (Number *number, const char *text, TdNature nature)
{
    size_t len = strlen (text);

    if (len >= TD_NUMBER_DIGITS || !td_prefix_is_valid (text)) {
        return false;
    }
    memcpy (number->text, text, len + 1);
    number->nature = TD_NATURE_UNKNOWN;
    number_set_nature (number, text[0] == '+' ? TD_NATURE_INTERNATIONAL : nature);
    return true;
}

void
number_from_party (Number *number, const TdParty *party)
{
    size_t len = strlen (party->digits);

    memcpy (number->text, party->digits, len + 1); /* both have room for TD_NUMBER_DIGITS */
    number->nature = TD_NATURE_UNKNOWN;
    if (len > 0) {
        number_set_nature (number, (TdNature) party->nature);
    }
}

void
number_strip (Number *number, unsigned n)
{
    const char *digits = number_digits (number);
    size_t len = strlen (digits);

    if (n == 0) {
        return;
    }
    n = MIN (n, (unsigned) len);
    memmove (number->text, digits + n, len - n + 1);
    if (number->nature == TD_NATURE_INTERNATIONAL) {
        number->nature = TD_NATURE_UNKNOWN;
    }
}

bool
number_replace (Number *number, unsigned n, const char *text)
{
    char rest[sizeof number->text];
    size_t len = strlen (text), len_rest = strlen (number->text + n);

    memcpy (rest, number->text + n, len_rest + 1);
    const char *kept = rest + (rest[0] == '+'); /* N is 0: what stands in front takes its place */
    len_rest -= (size_t) (kept - rest);
    if (len + len_rest - (text[0] == '+') >= TD_NUMBER_DIGITS) {
        return false;
    }
    memcpy (number->text, text, len);
    memcpy (number->text + len, kept, len_rest + 1);
    settle_nature (number);
    return true;
}

bool
number_is_alike (const char *one, const char *other)
{
    size_t a = strlen (one), b = strlen (other), shorter = MIN (a, b), n = 0;

    while (n < shorter && one[a - 1 - n] == other[b - 1 - n]) {
        n++;
    }
    return n > 0 && n + LONGEST_PREFIX >= shorter;
}

void
number_set_nature (Number *number, TdNature nature)
{
    bool has_plus = number->text[0] == '+';

    if (nature == TD_NATURE_INTERNATIONAL && !has_plus && number->text[0] != '\0') {
        memmove (number->text + 1, number->text, strlen (number->text) + 1);
        number->text[0] = '+';
    } else if (nature != TD_NATURE_INTERNATIONAL && has_plus) {
        memmove (number->text, number->text + 1, strlen (number->text));
    }
    number->nature = (uint8_t) nature;
}
