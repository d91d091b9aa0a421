/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Times of the day, the week and the year. */

#include "calendar.h"

#include "times.h"

#include <string.h>

enum {
    SECONDS_A_DAY = 86400,
    EVERY_DAY = 0,
};

/* One row. */
typedef struct {
    uint32_t calendar;
    int64_t rank;
    uint16_t zone;
    uint16_t from, to; /* minutes of the day; past midnight when TO is not after FROM */
    int32_t first_day, last_day;
    uint8_t days; /* a bit each, EVERY_DAY: all of them */
    bool is_out;
} Window;

typedef struct {
    uint32_t calendar; /* NAMES_NONE: of every one */
    int32_t day;
} Holiday;

struct Calendars {
    Names *names;
    GArray *windows;  /* Window, by calendar and rank */
    GArray *holidays; /* Holiday, by calendar and day */
    GArray *starts;   /* uint32_t: of each calendar, its first window; one more at the end */
    Names *zone_names;
    GPtrArray *zones; /* GTimeZone */
};

Calendars *
calendars_new (Names *names)
{
    Calendars *calendars = g_new (Calendars, 1);

    calendars->names = names;
    calendars->windows = g_array_new (false, false, sizeof (Window));
    calendars->holidays = g_array_new (false, false, sizeof (Holiday));
    calendars->starts = g_array_new (false, false, sizeof (uint32_t));
    calendars->zone_names = names_new ();
    calendars->zones = g_ptr_array_new_with_free_func ((GDestroyNotify) g_time_zone_unref);
    return calendars;
}

void
calendars_free (Calendars *calendars)
{
    if (calendars != NULL) {
        g_array_unref (calendars->windows);
        g_array_unref (calendars->holidays);
        g_array_unref (calendars->starts);
        names_free (calendars->zone_names);
        g_ptr_array_unref (calendars->zones);
        g_free (calendars);
    }
}

/* --- Reading ----------------------------------------------------------------------------- */

static bool
read_zone (Calendars *calendars, const Row *row, Window *window, GError **error)
{
    const char *name = row_says (row, CALENDAR_ZONE) ? row_text (row, CALENDAR_ZONE) : "UTC";
    uint32_t index = names_find (calendars->zone_names, name);

    if (index == NAMES_NONE) {
        GTimeZone *zone = g_time_zone_new_identifier (name);
        if (zone == NULL) {
            return row_refuse (row, CALENDAR_ZONE, error,
                               "there is no such time zone here; write one as Europe/Berlin");
        }
        index = names_add (calendars->zone_names, name);
        g_ptr_array_add (calendars->zones, zone);
    }
    window->zone = (uint16_t) index;
    return true;
}

static bool
read_time (const Row *row, unsigned column, uint16_t fallback, uint16_t *ret_minute, GError **error)
{
    *ret_minute = fallback;
    return !row_says (row, column) || times_read_clock (row_text (row, column), ret_minute)
           || row_refuse (row, column, error, "write a time from 00:00 to 24:00");
}

static bool
read_dates (const Row *row, Window *window, GError **error)
{
    window->first_day = INT32_MIN;
    window->last_day = INT32_MAX;
    return !row_says (row, CALENDAR_DATES)
           || times_read_dates (row_text (row, CALENDAR_DATES), &window->first_day,
                                &window->last_day)
           || row_refuse (row, CALENDAR_DATES, error,
                          "write a day as 2030-12-24, or two, joined by ..");
}

static bool
read_days (const Row *row, Window *window, GError **error)
{
    window->days = EVERY_DAY;
    return !row_says (row, CALENDAR_DAYS)
           || times_read_days (row_text (row, CALENDAR_DAYS), &window->days)
           || row_refuse (row, CALENDAR_DAYS, error, "write days as mon-fri, sun, holiday");
}

bool
calendars_add (Calendars *calendars, const Row *row, GError **error)
{
    Window window = { .calendar = 0 };
    int side;

    if (!row_required (row, CALENDAR_NAME, error)
        || !row_integer (row, CALENDAR_RANK, &window.rank, error)
        || !read_zone (calendars, row, &window, error) || !read_days (row, &window, error)
        || !read_time (row, CALENDAR_FROM, 0, &window.from, error)
        || !read_time (row, CALENDAR_TO, TIMES_MINUTES_A_DAY, &window.to, error)
        || !read_dates (row, &window, error) || !row_choice (row, CALENDAR_ACTION, &side, error)) {
        return false;
    }
    window.is_out = side == 1;
    window.calendar = names_add (calendars->names, row_text (row, CALENDAR_NAME));
    g_array_append_val (calendars->windows, window);
    return true;
}

bool
calendars_add_holiday (Calendars *calendars, const Row *row, GError **error)
{
    Holiday holiday = { .calendar = NAMES_NONE };

    if (!row_required (row, HOLIDAY_NAME, error)) {
        return false;
    }
    if (!times_read_date (row_text (row, HOLIDAY_DATE), &holiday.day)) {
        return row_refuse (row, HOLIDAY_DATE, error, "write a day as 2030-12-24");
    }
    if (strcmp (row_text (row, HOLIDAY_NAME), "*") != 0) {
        holiday.calendar = names_add (calendars->names, row_text (row, HOLIDAY_NAME));
    }
    g_array_append_val (calendars->holidays, holiday);
    return true;
}

static int
compare_windows (const void *a, const void *b)
{
    const Window *one = a, *other = b;

    if (one->calendar != other->calendar) {
        return one->calendar < other->calendar ? -1 : 1;
    }
    return one->rank < other->rank ? -1 : one->rank > other->rank;
}

static int
compare_holidays (const void *a, const void *b)
{
    const Holiday *one = a, *other = b;

    if (one->calendar != other->calendar) {
        return one->calendar < other->calendar ? -1 : 1;
    }
    return one->day < other->day ? -1 : one->day > other->day;
}

void
calendars_end (Calendars *calendars)
{
    uint32_t at = 0;

    g_array_sort (calendars->windows, compare_windows); /* stable */
    g_array_sort (calendars->holidays, compare_holidays);
    for (uint32_t i = 0; i <= names_count (calendars->names); i++) {
        g_array_append_val (calendars->starts, at);
        while (at < calendars->windows->len
               && g_array_index (calendars->windows, Window, at).calendar == i) {
            at++;
        }
    }
}

static unsigned
windows_of (const Calendars *calendars, uint32_t index, const Window **ret_first)
{
    if (index == NAMES_NONE || index + 1 >= calendars->starts->len) {
        return 0;
    }
    uint32_t first = g_array_index (calendars->starts, uint32_t, index);
    *ret_first = &g_array_index (calendars->windows, Window, first);
    return g_array_index (calendars->starts, uint32_t, index + 1) - first;
}

bool
calendars_has (const Calendars *calendars, uint32_t index)
{
    const Window *first;

    return windows_of (calendars, index, &first) > 0;
}

/* --- A moment ---------------------------------------------------------------------------- */

void
calendar_moment_init (CalendarMoment *moment, int64_t time_us)
{
    moment->unix_s = time_us / G_USEC_PER_SEC - (time_us % G_USEC_PER_SEC < 0);
    moment->known = 0;
}

static void
read_clock (const Calendars *calendars, unsigned zone, const CalendarMoment *moment,
            int32_t *ret_day, uint16_t *ret_minute)
{
    GTimeZone *known = calendars->zones->pdata[zone];
    int interval = g_time_zone_find_interval (known, G_TIME_TYPE_UNIVERSAL, moment->unix_s);
    int64_t local_s = moment->unix_s + g_time_zone_get_offset (known, interval);
    int64_t second = local_s % SECONDS_A_DAY;

    second += second < 0 ? SECONDS_A_DAY : 0;
    *ret_day = (int32_t) ((local_s - second) / SECONDS_A_DAY);
    *ret_minute = (uint16_t) (second / 60);
}

static void
clock_of (const Calendars *calendars, unsigned zone, CalendarMoment *moment, int32_t *ret_day,
          uint16_t *ret_minute)
{
    if (zone >= CALENDAR_MAX_ZONES) {
        read_clock (calendars, zone, moment, ret_day, ret_minute);
        return;
    }
    if ((moment->known & 1u << zone) == 0) {
        read_clock (calendars, zone, moment, &moment->zones[zone].day, &moment->zones[zone].minute);
        moment->known |= 1u << zone;
    }
    *ret_day = moment->zones[zone].day;
    *ret_minute = moment->zones[zone].minute;
}

/* --- Being in ---------------------------------------------------------------------------- */

static bool
is_in_set (const Calendars *calendars, uint32_t set, int32_t day)
{
    Holiday wanted = { set, day };
    unsigned low = 0, high = calendars->holidays->len;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        const Holiday *holiday = &g_array_index (calendars->holidays, Holiday, middle);
        int difference = compare_holidays (&wanted, holiday);
        if (difference == 0) {
            return true;
        }
        if (difference < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return false;
}

/* Whether WINDOW begins on DAY. */
static bool
is_on_day (const Calendars *calendars, const Window *window, int32_t day)
{
    int weekday = (day % TIMES_HOLIDAY + TIMES_HOLIDAY + 3)
                  % TIMES_HOLIDAY; /* 1 January 1970 was a Thursday */

    if (day < window->first_day || day > window->last_day) {
        return false;
    }
    if (window->days == EVERY_DAY || (window->days & 1u << weekday) != 0) {
        return true;
    }
    return (window->days & 1u << TIMES_HOLIDAY) != 0
           && (is_in_set (calendars, window->calendar, day)
               || is_in_set (calendars, NAMES_NONE, day));
}

static bool
is_in_window (const Calendars *calendars, const Window *window, CalendarMoment *moment)
{
    int32_t day;
    uint16_t minute;

    clock_of (calendars, window->zone, moment, &day, &minute);
    if (window->from < window->to) {
        return minute >= window->from && minute < window->to && is_on_day (calendars, window, day);
    }
    return (minute >= window->from && is_on_day (calendars, window, day))
           || (minute < window->to && is_on_day (calendars, window, day - 1));
}

bool
calendars_is_in (const Calendars *calendars, uint32_t index, CalendarMoment *moment)
{
    const Window *windows = NULL;
    unsigned n = windows_of (calendars, index, &windows);

    for (unsigned i = 0; i < n; i++) {
        if (is_in_window (calendars, &windows[i], moment)) {
            return !windows[i].is_out;
        }
    }
    return false;
}
