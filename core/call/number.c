/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parties: numbers as people write them, users at hosts, digits that come one by one. */

#include <string.h>

#include <tandem/number.h>

/* RFC 3966 3, visual-separator, and the space of printed numbers (RFC 3966 5.1.1). */
static bool
is_separator (char c)
{
    return c == '-' || c == '.' || c == '(' || c == ')' || c == ' ';
}

/* A digit of a number that is not global (RFC 3966 5.1.3), in capitals, or 0. */
static char
dial_digit (char c)
{
    c = g_ascii_toupper (c);
    return g_ascii_isdigit (c) || c == '*' || c == '#' || (c >= 'A' && c <= 'D') ? c : '\0';
}

/* Copies the digits of TEXT. Returns how many, or 0 when it is no number. */
static unsigned
read_digits (char digits[TD_NUMBER_DIGITS], const char *text, bool is_global)
{
    unsigned n_digits = 0;
    bool has_key = false; /* of a telephone's twelve: letters alone are a name */

    for (; *text != '\0'; text++) {
        if (is_separator (*text)) {
            continue;
        }
        char digit = is_global && !g_ascii_isdigit (*text) ? '\0' : dial_digit (*text);
        if (digit == '\0' || n_digits == TD_NUMBER_DIGITS - 1) {
            return 0;
        }
        has_key = has_key || !g_ascii_isalpha (digit);
        digits[n_digits++] = digit;
    }
    digits[n_digits] = '\0';
    return has_key ? n_digits : 0;
}

bool
td_party_from_number (TdParty *ret_party, const char *text)
{
    bool is_global = *text == '+';
    TdParty party = { .nature = is_global ? TD_NATURE_INTERNATIONAL : TD_NATURE_UNKNOWN,
                      .is_complete = true };

    if (read_digits (party.digits, text + is_global, is_global) == 0) {
        return false;
    }
    g_snprintf (party.user, sizeof party.user, "%s%s", is_global ? "+" : "", party.digits);
    *ret_party = party;
    return true;
}

/* Copies TEXT (nullable). False when it is too long or would break a line or a log. */
static bool
copy_text (char copy[TD_PARTY_TEXT], const char *text)
{
    size_t n = 0;

    for (; text != NULL && text[n] != '\0'; n++) {
        if (n == TD_PARTY_TEXT - 1 || g_ascii_iscntrl (text[n])) {
            return false;
        }
        copy[n] = text[n];
    }
    copy[n] = '\0';
    return true;
}

/* Whether a user part is meant as a number: global ones may have separators, the digits of others
 * stand alone, since "10.5" and "a-b" are names as well. */
static bool
looks_like_number (const char *user)
{
    return *user == '+' || (*user != '\0' && strspn (user, "0123456789*#") == strlen (user));
}

bool
td_party_from_user (TdParty *ret_party, const char *user, const char *host)
{
    TdParty party = { .is_complete = true };

    if (!copy_text (party.user, user) || !copy_text (party.host, host)) {
        return false;
    }
    if (looks_like_number (party.user)) {
        TdParty number;
        if (td_party_from_number (&number, party.user)) {
            memcpy (number.host, party.host, sizeof number.host);
            party = number;
        } else if (strlen (party.user) >= TD_NUMBER_DIGITS) {
            return false; /* a number too long is not a name instead */
        }
    }
    *ret_party = party;
    return true;
}

bool
td_party_add_digit (TdParty *party, char digit)
{
    size_t n_digits = strlen (party->digits), n_user = strlen (party->user);

    digit = dial_digit (digit);
    if (party->is_complete || digit == '\0' || n_digits + 1 >= TD_NUMBER_DIGITS
        || n_user + 1 >= TD_PARTY_TEXT) {
        return false;
    }
    if (n_digits == 0 && n_user > 0) {
        return false; /* a name */
    }
    if (party->nature == TD_NATURE_INTERNATIONAL && !g_ascii_isdigit (digit)) {
        return false; /* RFC 3966 5.1.3 */
    }
    party->digits[n_digits] = digit;
    party->digits[n_digits + 1] = '\0';
    party->user[n_user] = digit;
    party->user[n_user + 1] = '\0';
    return true;
}

const char *
td_party_key (const TdParty *party)
{
    if (party->digits[0] == '\0' || party->user[0] == '+') {
        return party->user;
    }
    return party->digits;
}
