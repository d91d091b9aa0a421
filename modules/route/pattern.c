/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Patterns of numbers. */

#include "pattern.h"

#include <string.h>
#include <tandem/base.h>

#define BIT(n) ((uint16_t) (1u << (n)))

enum {
    ANY_DIGIT = 0x3ff, /* X */
    FROM_1 = 0x3fe,    /* Z */
    FROM_2 = 0x3fc,    /* N */
    NO_DIGITS = 0,
};

uint16_t
pattern_digit_bit (char c)
{
    static const uint16_t bits[256] = {
        ['0'] = BIT (0),  ['1'] = BIT (1),  ['2'] = BIT (2),  ['3'] = BIT (3),  ['4'] = BIT (4),
        ['5'] = BIT (5),  ['6'] = BIT (6),  ['7'] = BIT (7),  ['8'] = BIT (8),  ['9'] = BIT (9),
        ['*'] = BIT (10), ['#'] = BIT (11), ['A'] = BIT (12), ['B'] = BIT (13), ['C'] = BIT (14),
        ['D'] = BIT (15), ['a'] = BIT (12), ['b'] = BIT (13), ['c'] = BIT (14), ['d'] = BIT (15),
    };

    return bits[(uint8_t) c];
}

/* --- Reading ----------------------------------------------------------------------------- */

typedef struct {
    Pattern *pattern;
    const char *start, *at;
    bool is_in_group;
} Reader;

static bool
refuse (const Reader *reader, GError **error, const char *what)
{
    g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "character %td: %s",
                 reader->at - reader->start + 1, what);
    return false;
}

/* What one character but a bracket stands for. */
static uint16_t
digits_of (char c)
{
    return c == 'X' ? ANY_DIGIT : c == 'N' ? FROM_2 : c == 'Z' ? FROM_1 : pattern_digit_bit (c);
}

/* "[2-57]", of which AT is at the bracket; it is left at the other one. */
static bool
read_range (Reader *reader, uint16_t *ret_digits, GError **error)
{
    uint16_t digits = NO_DIGITS;

    for (reader->at++; *reader->at != ']'; reader->at++) {
        uint16_t first = pattern_digit_bit (*reader->at), last = first;
        if (first == NO_DIGITS) {
            return refuse (reader, error, "in [ ] stand digits, as in [2-57]");
        }
        if (reader->at[1] == '-') {
            reader->at += 2;
            last = pattern_digit_bit (*reader->at);
            if (last < first) {
                return refuse (reader, error, "a range goes from a digit to a higher one");
            }
        }
        digits |= (uint16_t) ((last << 1) - first); /* all bits from FIRST to LAST */
    }
    if (digits == NO_DIGITS) {
        return refuse (reader, error, "no digit fits []");
    }
    *ret_digits = digits;
    return true;
}

static bool
begin_group (Reader *reader, GError **error)
{
    Pattern *pattern = reader->pattern;

    if (reader->is_in_group) {
        return refuse (reader, error, "a group cannot stand in another one");
    }
    if (pattern->n_groups == PATTERN_MAX_GROUPS) {
        return refuse (reader, error, "nine groups are the most");
    }
    pattern->groups[pattern->n_groups].first = pattern->n_digits;
    reader->is_in_group = true;
    return true;
}

static bool
end_group (Reader *reader, GError **error)
{
    Pattern *pattern = reader->pattern;

    if (!reader->is_in_group) {
        return refuse (reader, error, "no group was begun with (");
    }
    unsigned first = pattern->groups[pattern->n_groups].first;
    pattern->groups[pattern->n_groups++].n =
        pattern->takes_rest ? PATTERN_REST : (uint8_t) (pattern->n_digits - first);
    reader->is_in_group = false;
    return true;
}

static bool
read_element (Reader *reader, GError **error)
{
    Pattern *pattern = reader->pattern;
    uint16_t digits = digits_of (*reader->at);

    if (*reader->at == '[' && !read_range (reader, &digits, error)) {
        return false;
    }
    if (digits == NO_DIGITS) {
        return refuse (reader, error,
                       "write digits, X, N, Z, [2-5], groups in ( ), a leading +, a . or $ at "
                       "the end");
    }
    if (pattern->n_digits == PATTERN_MAX_DIGITS) {
        return refuse (reader, error, "32 digits are the most");
    }
    pattern->digits[pattern->n_digits++] = digits;
    return true;
}

static bool
read_one (Reader *reader, GError **error)
{
    Pattern *pattern = reader->pattern;
    char c = *reader->at;

    if (c == ')') {
        return end_group (reader, error);
    }
    if (pattern->takes_rest || pattern->is_whole) {
        return refuse (reader, error, "nothing follows a . or $");
    }
    if (c == '(') {
        return begin_group (reader, error);
    }
    if (c == '.' || c == '$') {
        pattern->takes_rest = c == '.';
        pattern->is_whole = c == '$';
        return c == '.' || !reader->is_in_group
               || refuse (reader, error, "a $ stands behind the last group");
    }
    return read_element (reader, error);
}

bool
pattern_parse (Pattern *ret_pattern, const char *text, GError **error)
{
    Pattern pattern = { .is_international = *text == '+' };
    Reader reader = { &pattern, text, text + pattern.is_international, false };

    for (; *reader.at != '\0'; reader.at++) {
        if (!read_one (&reader, error)) {
            return false;
        }
    }
    if (reader.is_in_group) {
        return refuse (&reader, error, "a group is not ended with )");
    }
    *ret_pattern = pattern;
    return true;
}

/* --- Fitting ----------------------------------------------------------------------------- */

PatternFit
pattern_fit_digits (const uint16_t *digits, unsigned n_digits, bool is_whole, const char *text)
{
    for (unsigned i = 0; i < n_digits; i++) {
        if ((pattern_digit_bit (text[i]) & digits[i]) == 0) {
            return text[i] == '\0' ? PATTERN_WANTS_MORE : PATTERN_MISSES;
        }
    }
    return is_whole && text[n_digits] != '\0' ? PATTERN_MISSES : PATTERN_FITS;
}

PatternFit
pattern_fit (const Pattern *pattern, const char *number)
{
    bool is_any = pattern->n_digits == 0 && !pattern->is_whole; /* "" fits "+49", too */

    if (pattern->is_international != (*number == '+') && (pattern->is_international || !is_any)) {
        return PATTERN_MISSES;
    }
    return pattern_fit_digits (pattern->digits, pattern->n_digits, pattern->is_whole,
                               number + pattern->is_international);
}

unsigned
pattern_len (const Pattern *pattern, const char *number)
{
    return pattern->takes_rest ? (unsigned) strlen (number)
                               : (unsigned) pattern->is_international + pattern->n_digits;
}

const char *
pattern_group (const Pattern *pattern, const char *number, unsigned group, unsigned *ret_len)
{
    if (group == 0) {
        *ret_len = pattern_len (pattern, number);
        return number;
    }
    const char *first = number + pattern->is_international + pattern->groups[group - 1].first;
    unsigned n = pattern->groups[group - 1].n;
    *ret_len = n == PATTERN_REST ? (unsigned) strlen (first) : n;
    return first;
}

/* --- Two patterns ------------------------------------------------------------------------ */

bool
pattern_covers (const Pattern *pattern, const Pattern *other)
{
    if (pattern->n_digits == 0 && !pattern->is_whole && !pattern->is_international) {
        return true;
    }
    if (pattern->is_international != other->is_international
        || pattern->n_digits > other->n_digits) {
        return false;
    }
    for (unsigned i = 0; i < pattern->n_digits; i++) {
        if ((other->digits[i] & ~pattern->digits[i]) != 0) {
            return false;
        }
    }
    return !pattern->is_whole || (other->is_whole && other->n_digits == pattern->n_digits);
}

bool
pattern_meets (const Pattern *pattern, const Pattern *other)
{
    if (pattern->is_international != other->is_international) {
        return false;
    }
    for (unsigned i = 0; i < MIN (pattern->n_digits, other->n_digits); i++) {
        if ((pattern->digits[i] & other->digits[i]) == 0) {
            return false;
        }
    }
    return (!pattern->is_whole || other->n_digits <= pattern->n_digits)
           && (!other->is_whole || pattern->n_digits <= other->n_digits);
}
