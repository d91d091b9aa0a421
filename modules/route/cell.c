/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may stand in one cell of a table, and how a number is kept as an integer. */

#include "cell.h"

#include "pattern.h"
#include "times.h"

#include <tandem/number.h>

#include <string.h>

TD_PRINTF (3, 4)
static bool
refuse (GString *reason, const char *text, const char *format, ...)
{
    va_list arguments;

    if (reason == NULL) {
        return false;
    }
    if (*text != '\0') {
        td_text_append_value (reason, text);
        g_string_append_c (reason, ' ');
    }
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
        return refuse (reason, "", "has %zu characters: %d are the most", n, SCHEMA_MAX_CHARACTERS);
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

static bool
check_pattern (const char *text, GString *reason)
{
    g_autoptr (GError) error = NULL;
    Pattern pattern;

    return pattern_parse (&pattern, text, &error)
           || refuse (reason, text, "is no pattern: %s", error->message);
}

/* --- Times ------------------------------------------------------------------------------- */

static bool
check_time (const char *text, GString *reason)
{
    uint16_t minute;

    return times_read_clock (text, &minute)
           || refuse (reason, text, "is no time of the day: write it as 08:30, 00:00 to 24:00");
}

static bool
check_days (const char *text, GString *reason)
{
    uint8_t days;

    return times_read_days (text, &days)
           || refuse (reason, text,
                      "is no list of days: write it as mon-fri,sun,holiday (mon tue wed thu fri "
                      "sat sun)");
}

static bool
check_date (const char *text, GString *reason)
{
    int32_t day;

    return times_read_date (text, &day)
           || refuse (reason, text, "is no day: write it as 2026-12-24");
}

static bool
check_dates (const char *text, GString *reason)
{
    int32_t first, last;

    return times_read_dates (text, &first, &last)
           || refuse (reason, text,
                      "is neither a day nor a day and a later one: write it as 2026-12-24 or "
                      "2026-12-24..2027-01-06");
}

/* --- One cell ---------------------------------------------------------------------------- */

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
        return refuse (reason, "", "must not be empty");
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
