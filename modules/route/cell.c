/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may stand in one cell of a table, and how a number is kept as an integer. */

#include "cell.h"

#include "pattern.h"

#include <tandem/number.h>

#include <string.h>

TD_PRINTF (3, 4)
static bool
refuse (GString *reason, const char *text, const char *format, ...)
{
    va_list arguments;

    td_text_append_value (reason, text);
    g_string_append_c (reason, ' ');
    va_start (arguments, format);
    g_string_append_vprintf (reason, format, arguments);
    va_end (arguments);
    return false;
}

/* --- Texts and numbers ------------------------------------------------------------------- */

/* A cell is one line of a message, of a listing and of a CSV. */
static bool
check_text (const char *text, GString *reason)
{
    size_t n = 0;

    for (const char *at = text; *at != '\0'; at = g_utf8_next_char (at)) {
        if (g_unichar_iscntrl (g_utf8_get_char (at))) {
            return refuse (reason, text, "has a control character: take it out");
        }
        n++;
    }
    if (n > SCHEMA_MAX_CHARACTERS) {
        g_string_append_printf (reason, "has %zu characters: %d are the most", n,
                                SCHEMA_MAX_CHARACTERS);
        return false;
    }
    return true;
}

static bool
check_integer (const SchemaColumn *column, const char *text, GString *reason)
{
    size_t n = strspn (text, "0123456789");

    if (text[n] != '\0') {
        return refuse (reason, text,
                       "is no whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                       column->min, column->max);
    }
    int64_t value = n < 18 ? g_ascii_strtoll (text, NULL, 10) : INT64_MAX;
    return (value >= column->min && value <= column->max)
           || refuse (reason, text, "is not between %" G_GINT64_FORMAT " and %" G_GINT64_FORMAT,
                      column->min, column->max);
}

static bool
check_choice (const SchemaColumn *column, const char *text, GString *reason)
{
    for (unsigned i = 0; column->choices[i] != NULL; i++) {
        if (strcmp (column->choices[i], text) == 0) {
            return true;
        }
    }
    g_autofree char *choices = g_strjoinv (", ", (char **) column->choices);
    return refuse (reason, text, "is none of %s", choices);
}

/* Letters of ALLOWED behind a leading plus; what they are is CALLED. */
static bool
check_digits (const char *text, const char *allowed, const char *called, size_t max,
              GString *reason)
{
    const char *digits = text + (*text == '+');
    size_t n = strspn (digits, allowed);

    if (digits[n] != '\0') {
        g_autofree char *character = g_utf8_substring (digits + n, 0, 1);
        return refuse (reason, text, "has \"%s\": %s, behind at most one leading +", character,
                       called);
    }
    if (n == 0 && digits != text && max == SCHEMA_MAX_NUMBER) {
        return refuse (reason, text, "has no digits");
    }
    return n <= max || refuse (reason, text, "has %zu digits: %zu are the most", n, max);
}

/* --- Times ------------------------------------------------------------------------------- */

static bool
read_two (const char *text, int *ret_number)
{
    if (!g_ascii_isdigit (text[0]) || !g_ascii_isdigit (text[1])) {
        return false;
    }
    *ret_number = (text[0] - '0') * 10 + text[1] - '0';
    return true;
}

static bool
check_time (const char *text, GString *reason)
{
    int hour, minute;

    if (strlen (text) == 5 && text[2] == ':' && read_two (text, &hour)
        && read_two (text + 3, &minute) && minute < 60
        && (hour < 24 || (hour == 24 && minute == 0))) {
        return true;
    }
    return refuse (reason, text, "is no time of the day: write it as 08:30, 00:00 to 24:00");
}

/* Which of the days, 7 for holidays, or -1. */
static int
find_day (const char *text, size_t len)
{
    static const char *const days[] = {
        "mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (days); i++) {
        if (strlen (days[i]) == len && strncmp (days[i], text, len) == 0) {
            return (int) i;
        }
    }
    return -1;
}

static bool
check_days (const char *text, GString *reason)
{
    for (const char *at = text;; at++) {
        size_t len = strcspn (at, ",-");
        int day = find_day (at, len);
        at += len;
        if (day >= 0 && *at == '-') {
            len = strcspn (++at, ",-");
            day = day == 7 || find_day (at, len) == 7 ? -1 : find_day (at, len);
            at += len;
        }
        if (day < 0 || *at == '-') {
            return refuse (reason, text,
                           "is no list of days: write it as mon-fri,sun,holiday (mon tue wed thu "
                           "fri sat sun)");
        }
        if (*at == '\0') {
            return true;
        }
    }
}

static bool
is_date (const char *text)
{
    int century, year, month, day;

    return strlen (text) >= 10 && text[4] == '-' && text[7] == '-' && read_two (text, &century)
           && read_two (text + 2, &year) && read_two (text + 5, &month) && read_two (text + 8, &day)
           && g_date_valid_dmy ((GDateDay) day, (GDateMonth) month,
                                (GDateYear) (century * 100 + year));
}

static bool
check_date (const char *text, GString *reason)
{
    return (strlen (text) == 10 && is_date (text))
           || refuse (reason, text, "is no day: write it as 2026-12-24");
}

static bool
check_dates (const char *text, GString *reason)
{
    bool is_range = strlen (text) == 22 && strncmp (text + 10, "..", 2) == 0;

    if (!is_date (text) || !(is_range ? is_date (text + 12) : strlen (text) == 10)) {
        return refuse (reason, text,
                       "is neither a day nor two: write it as 2026-12-24 or "
                       "2026-12-24..2027-01-06");
    }
    return !is_range || strncmp (text, text + 12, 10) <= 0
           || refuse (reason, text, "ends before it begins");
}

/* --- One cell ---------------------------------------------------------------------------- */

static bool
check_pattern (const char *text, GString *reason)
{
    g_autoptr (GError) error = NULL;
    Pattern pattern;

    return pattern_parse (&pattern, text, &error)
           || refuse (reason, text, "is no pattern: %s", error->message);
}

static bool
check_filled (const SchemaColumn *column, const char *text, GString *reason)
{
    switch (column->type) {
    case SCHEMA_TEXT:
        return check_text (text, reason);
    case SCHEMA_INTEGER:
        return check_integer (column, text, reason);
    case SCHEMA_CHOICE:
        return check_choice (column, text, reason);
    case SCHEMA_DIGITS:
        return check_digits (text, "0123456789ABCD*#", "it is made of 0-9 A-D * #",
                             TD_NUMBER_DIGITS - 1, reason);
    case SCHEMA_PATTERN:
        return check_pattern (text, reason);
    case SCHEMA_NUMBER:
        return check_digits (text, "0123456789", "it is made of 0-9", SCHEMA_MAX_NUMBER, reason);
    case SCHEMA_TIME:
        return check_time (text, reason);
    case SCHEMA_DAYS:
        return check_days (text, reason);
    case SCHEMA_DATE:
        return check_date (text, reason);
    case SCHEMA_DATES:
        return check_dates (text, reason);
    }
    return false;
}

bool
cell_check (const SchemaColumn *column, const char *text, GString *reason)
{
    if (*text == '\0' && column->is_required) {
        g_string_append (reason, "must not be empty");
        return false;
    }
    return *text == '\0' || check_filled (column, text, reason);
}

/* --- Integers ---------------------------------------------------------------------------- */

/* The digits behind a 1, or behind a 2 when there was a plus: no zero in front is lost, and 18
 * digits fit into 63 bits. */
int64_t
cell_pack (const SchemaColumn *column, const char *text)
{
    int64_t value = 0;

    if (column->type == SCHEMA_NUMBER) {
        value = *text == '+' ? 2 : 1;
        text += *text == '+';
    }
    for (; *text != '\0'; text++) {
        value = value * 10 + *text - '0';
    }
    return value;
}

const char *
cell_unpack (const SchemaColumn *column, int64_t stored, char into[CELL_INTEGER_SIZE])
{
    char *at = into + CELL_INTEGER_SIZE - 1;
    uint64_t left = (uint64_t) stored;

    *at = '\0';
    do {
        *--at = (char) ('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (column->type != SCHEMA_NUMBER) {
        return at;
    }
    if (*at == '2') {
        *at = '+';
        return at;
    }
    return at + 1;
}
