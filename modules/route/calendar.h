/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Times of the day, the week and the year, each in its own time zone. The rows of the tables
 * "calendar" and "holiday".
 *
 *     office 10  Europe/Berlin  holiday                 out     the first row that fits says in or
 *     office 20  Europe/Berlin  mon-fri  08:00  18:00   in      out; none: out
 *
 * A window belongs to the day on which it begins, also past midnight. It is a window of what the
 * clocks on the wall show: in the hour that is put forward there is nothing to be in, the hour that
 * is put back comes twice. A set of holidays has the name of its calendar, or "*": every calendar's.
 */

#ifndef ROUTE_CALENDAR_H
#define ROUTE_CALENDAR_H

#include "row.h"

typedef struct Calendars Calendars;

/* The names of calendars are added to NAMES, which outlives it. */
Calendars *calendars_new (Names *names);
void calendars_free (Calendars *calendars);
bool calendars_add (Calendars *calendars, const Row *row, GError **error);
bool calendars_add_holiday (Calendars *calendars, const Row *row, GError **error);
void calendars_end (Calendars *calendars);

/* Whether rows of calendar INDEX were added. */
bool calendars_has (const Calendars *calendars, uint32_t index);

enum { CALENDAR_MAX_ZONES = 32 }; /* that one moment remembers; further ones are computed anew */

/* One moment, on the stack: what the clocks of each zone show is computed once. */
typedef struct {
    int64_t unix_s;
    uint32_t known; /* a bit for each zone */
    struct {
        int32_t day;     /* since 1 January 1970 */
        uint16_t minute; /* of the day */
    } zones[CALENDAR_MAX_ZONES];
} CalendarMoment;

void calendar_moment_init (CalendarMoment *moment, int64_t time_us);

/* Whether MOMENT is in the time of calendar INDEX. One without rows is never in. */
bool calendars_is_in (const Calendars *calendars, uint32_t index, CalendarMoment *moment);

#endif
