/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Times as the tables write them. */

#include "times.h"

#include <glib.h>
#include <string.h>

/* Reads N digits and moves AT behind them. */
static bool
read_digits (const char **at, unsigned n, unsigned *ret_number)
{
    unsigned number = 0;

    for (; n > 0; n--, (*at)++) {
        if (!g_ascii_isdigit (**at)) {
            return false;
        }
        number = number * 10 + (unsigned) (**at - '0');
    }
    *ret_number = number;
    return true;
}

bool
times_read_clock (const char *text, uint16_t *ret_minute)
{
    unsigned hour, minute;

    if (!read_digits (&text, 2, &hour) || *text++ != ':' || !read_digits (&text, 2, &minute)
        || *text != '\0' || minute > 59 || hour * 60 + minute > TIMES_MINUTES_A_DAY) {
        return false;
    }
    *ret_minute = (uint16_t) (hour * 60 + minute);
    return true;
}

/* Reads a date and moves AT behind it. */
static bool
read_date (const char **at, int32_t *ret_day)
{
    enum { JULIAN_1970 = 719163 };
    unsigned year, month, day;
    GDate date;

    if (!read_digits (at, 4, &year) || *(*at)++ != '-' || !read_digits (at, 2, &month)
        || *(*at)++ != '-' || !read_digits (at, 2, &day)
        || !g_date_valid_dmy ((GDateDay) day, (GDateMonth) month, (GDateYear) year)) {
        return false;
    }
    g_date_clear (&date, 1);
    g_date_set_dmy (&date, (GDateDay) day, (GDateMonth) month, (GDateYear) year);
    *ret_day = (int32_t) g_date_get_julian (&date) - JULIAN_1970;
    return true;
}

bool
times_read_date (const char *text, int32_t *ret_day)
{
    int32_t day;

    if (!read_date (&text, &day) || *text != '\0') {
        return false;
    }
    *ret_day = day;
    return true;
}

bool
times_read_dates (const char *text, int32_t *ret_first, int32_t *ret_last)
{
    int32_t first, last;

    if (!read_date (&text, &first)) {
        return false;
    }
    last = first;
    if (g_str_has_prefix (text, "..")) {
        text += 2;
        if (!read_date (&text, &last)) {
            return false;
        }
    }
    if (*text != '\0' || last < first) {
        return false;
    }
    *ret_first = first;
    *ret_last = last;
    return true;
}

/* Monday is 0, TIMES_HOLIDAY the last; -1: none. */
static int
find_day (const char *text, size_t len)
{
    static const char *const names[] = {
        "mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"
    };

    for (int i = 0; i < (int) G_N_ELEMENTS (names); i++) {
        if (strlen (names[i]) == len && strncmp (names[i], text, len) == 0) {
            return i;
        }
    }
    return -1;
}

/* One day, or a range of those of the week: LEN bytes of TEXT. */
static bool
read_range (const char *text, size_t len, uint8_t *days)
{
    const char *dash = memchr (text, '-', len);
    size_t len_first = dash != NULL ? (size_t) (dash - text) : len;
    int first = find_day (text, len_first);
    int last = dash != NULL ? find_day (dash + 1, len - len_first - 1) : first;

    if (first < 0 || last < 0
        || (dash != NULL && (first == TIMES_HOLIDAY || last == TIMES_HOLIDAY))) {
        return false;
    }
    for (int day = first;; day = (day + 1) % TIMES_HOLIDAY) {
        *days |= (uint8_t) (1u << day);
        if (day == last) {
            return true;
        }
    }
}

bool
times_read_days (const char *text, uint8_t *ret_days)
{
    uint8_t days = 0;

    for (;;) {
        size_t n_blanks = strspn (text, " ");
        size_t len = strcspn (text + n_blanks, ", ");
        if (!read_range (text + n_blanks, len, &days)) {
            return false;
        }
        text += n_blanks + len;
        text += strspn (text, " ");
        if (*text == '\0') {
            *ret_days = days;
            return true;
        }
        if (*text++ != ',') {
            return false;
        }
    }
}
