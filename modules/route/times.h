/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Times as the tables write them. */

#ifndef ROUTE_TIMES_H
#define ROUTE_TIMES_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TIMES_MINUTES_A_DAY = 1440,
    TIMES_HOLIDAY = 7, /* behind Monday, 0, to Sunday, 6 */
};

/* "08:30", up to "24:00": the minute of the day. */
bool times_read_clock (const char *text, uint16_t *ret_minute);

/* "2026-12-24": its days since 1 January 1970. */
bool times_read_date (const char *text, int32_t *ret_day);

/* The same, or two joined by "..", the first not behind the last. */
bool times_read_dates (const char *text, int32_t *ret_first, int32_t *ret_last);

/* "mon-fri, sun, holiday", also past the end of a week as "sat-mon": a bit for each day. */
bool times_read_days (const char *text, uint8_t *ret_days);

#endif
