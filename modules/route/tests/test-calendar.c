/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calendars: days, holidays, dates, windows past midnight, and both edges of summer time. */

#include "calendar.h"
#include "rows.h"

typedef struct {
    Names *names;
    Calendars *calendars;
} World;

static bool
add (void *calendars, const Row *row, GError **error)
{
    return calendars_add (calendars, row, error);
}

static bool
add_holiday (void *calendars, const Row *row, GError **error)
{
    return calendars_add_holiday (calendars, row, error);
}

static void
begin (World *world, const char *rows, const char *holidays)
{
    world->names = names_new ();
    world->calendars = calendars_new (world->names);
    add_lines (SCHEMA_CALENDAR, rows, add, world->calendars);
    add_lines (SCHEMA_HOLIDAY, holidays, add_holiday, world->calendars);
    calendars_end (world->calendars);
}

static void
end (World *world)
{
    calendars_free (world->calendars);
    names_free (world->names);
}

static bool
is_in (const World *world, const char *name, const char *utc)
{
    g_autoptr (GDateTime) time = g_date_time_new_from_iso8601 (utc, NULL);
    CalendarMoment moment;

    g_assert_nonnull (time);
    calendar_moment_init (&moment, g_date_time_to_unix (time) * G_USEC_PER_SEC);
    return calendars_is_in (world->calendars, names_find (world->names, name), &moment);
}

#define IN(name, utc)  g_assert_true (is_in (&world, name, utc))
#define OUT(name, utc) g_assert_false (is_in (&world, name, utc))

static void
test_time_of_day (void)
{
    World world;

    begin (&world, "office,,UTC,,08:00,18:00\nall,,,,,", "");
    OUT ("office", "2030-01-07T07:59:59Z");
    IN ("office", "2030-01-07T08:00:00Z");
    IN ("office", "2030-01-07T17:59:59Z");
    OUT ("office", "2030-01-07T18:00:00Z");
    IN ("all", "2030-01-07T00:00:00Z");
    IN ("all", "2030-01-07T23:59:59Z");
    OUT ("nowhere", "2030-01-07T12:00:00Z");
    end (&world);
}

static void
test_days (void)
{
    World world;

    begin (&world, "work,,UTC,mon-fri\nodd,,UTC,\"sat-mon,wed\"", "");
    for (int day = 7; day <= 13; day++) { /* Monday to Sunday */
        g_autofree char *noon = g_strdup_printf ("2030-01-%02dT12:00:00Z", day);
        g_assert_true (is_in (&world, "work", noon) == (day <= 11));
        g_assert_true (is_in (&world, "odd", noon)
                       == (day == 7 || day == 9 || day == 12 || day == 13));
    }
    IN ("work", "1969-12-31T23:59:59Z"); /* a Wednesday, before the epoch */
    OUT ("work", "1969-12-28T12:00:00Z");
    end (&world);
}

static void
test_past_midnight (void)
{
    World world;

    begin (&world, "night,,UTC,fri,22:00,06:00\nday,,UTC,fri,09:00,09:00", "");
    OUT ("night", "2030-01-11T05:00:00Z"); /* Friday morning belongs to Thursday */
    IN ("night", "2030-01-11T22:00:00Z");
    IN ("night", "2030-01-12T05:59:59Z");
    OUT ("night", "2030-01-12T06:00:00Z");
    OUT ("night", "2030-01-12T22:00:00Z");
    IN ("day", "2030-01-12T08:59:00Z");
    OUT ("day", "2030-01-12T09:00:00Z");
    end (&world);
}

static void
test_holidays (void)
{
    World world;

    begin (&world,
           "office,20,UTC,mon-fri,08:00,18:00\n"
           "office,10,UTC,holiday,,,,out\n"
           "party,,UTC,holiday",
           "office,2030-01-08\n*,2030-01-01");
    OUT ("office", "2030-01-08T12:00:00Z");
    OUT ("office", "2030-01-01T12:00:00Z");
    IN ("office", "2030-01-09T12:00:00Z");
    OUT ("party", "2030-01-08T12:00:00Z");
    IN ("party", "2030-01-01T12:00:00Z");
    end (&world);
}

static void
test_dates (void)
{
    World world;

    begin (&world, "week,,UTC,,,,2030-12-24..2030-12-31\nday,,UTC,,20:00,02:00,2030-12-31", "");
    OUT ("week", "2030-12-23T23:59:59Z");
    IN ("week", "2030-12-24T00:00:00Z");
    IN ("week", "2030-12-31T23:59:59Z");
    OUT ("week", "2031-01-01T00:00:00Z");
    IN ("day", "2031-01-01T01:59:59Z");
    OUT ("day", "2030-12-31T01:59:59Z");
    end (&world);
}

/* Berlin goes from +01:00 to +02:00 at 01:00 UTC on the last Sunday in March, and back at 01:00 UTC on
 * the last one in October: 2:30 on the wall does not come, then comes twice. */
static void
test_summer_time_berlin (void)
{
    World world;

    begin (&world,
           "early,,Europe/Berlin,sun,02:00,03:00\n"
           "late,,Europe/Berlin,sun,02:30,03:30\n"
           "night,,Europe/Berlin,sat,23:00,04:00",
           "");
    OUT ("early", "2030-03-31T00:59:59Z"); /* 01:59:59 */
    OUT ("early", "2030-03-31T01:00:00Z"); /* 03:00:00 */
    IN ("late", "2030-03-31T01:00:00Z");
    IN ("late", "2030-03-31T01:29:59Z");
    OUT ("late", "2030-03-31T01:30:00Z");
    IN ("night", "2030-03-31T01:59:59Z");
    OUT ("night", "2030-03-31T02:00:00Z");
    OUT ("early", "2030-10-26T23:59:59Z"); /* 01:59:59 */
    IN ("early", "2030-10-27T00:00:00Z");  /* 02:00:00, for the first time */
    IN ("early", "2030-10-27T00:59:59Z");
    IN ("early", "2030-10-27T01:00:00Z"); /* and again */
    IN ("early", "2030-10-27T01:59:59Z");
    OUT ("early", "2030-10-27T02:00:00Z"); /* 03:00:00 */
    IN ("night", "2030-10-27T02:59:59Z");
    OUT ("night", "2030-10-27T03:00:00Z");
    end (&world);
}

/* New York changes at 2:00 on the wall: on the second Sunday in March, on the first in November. */
static void
test_summer_time_new_york (void)
{
    World world;

    begin (&world,
           "early,,America/New_York,sun,01:00,02:00\n"
           "gone,,America/New_York,sun,02:00,03:00\n"
           "noon,,America/New_York,,12:00,13:00",
           "");
    IN ("early", "2030-03-10T06:59:59Z"); /* 01:59:59 EST */
    OUT ("gone", "2030-03-10T06:59:59Z");
    OUT ("gone", "2030-03-10T07:00:00Z");  /* 03:00:00 EDT */
    IN ("early", "2030-11-03T05:00:00Z");  /* 01:00:00 EDT */
    IN ("early", "2030-11-03T06:59:59Z");  /* 01:59:59 EST */
    OUT ("early", "2030-11-03T07:00:00Z"); /* 02:00:00 EST */
    IN ("gone", "2030-11-03T07:59:59Z");
    IN ("noon", "2030-03-09T17:00:00Z");
    OUT ("noon", "2030-03-11T17:00:00Z");
    IN ("noon", "2030-03-11T16:00:00Z");
    end (&world);
}

/* More zones than one moment remembers. */
static void
test_many_zones (void)
{
    World world;
    g_autoptr (GString) rows = g_string_new (NULL);

    for (int i = 0; i < 40; i++) {
        g_string_append_printf (rows, "c%d,,+00:%02d,,12:00,12:01\n", i, i);
    }
    begin (&world, rows->str, "");
    g_autoptr (GDateTime) noon = g_date_time_new_from_iso8601 ("2030-01-07T11:21:30Z", NULL);
    CalendarMoment moment;
    calendar_moment_init (&moment, g_date_time_to_unix (noon) * G_USEC_PER_SEC);
    for (unsigned round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 40; i++) {
            g_assert_true (calendars_is_in (world.calendars, i, &moment) == (i == 39));
        }
    }
    end (&world);
}

static void
test_bad_rows (void)
{
    static const struct {
        const char *line, *message;
    } cases[] = {
        { "c,,Mars/Base", "calendar.zone: \"Mars/Base\"" },
        { "c,,,monday", "calendar.days: \"monday\"" },
        { "c,,,holiday-mon", "calendar.days" },
        { "c,,,,8:00", "calendar.from: \"8:00\"" },
        { "c,,,,,24:01", "calendar.to: \"24:01\"" },
        { "c,,,,,08:60", "calendar.to: \"08:60\"" },
        { "c,,,,,,2030-02-30", "calendar.dates: \"2030-02-30\"" },
        { "c,,,,,,2030-02-02..2030-02-01", "calendar.dates" },
        { "c,,,,,,2030-02-02.", "calendar.dates" },
        { "c,,,,,,,sideways", "calendar.action: sideways is none of in, out" },
        { ",,,,,,,", "calendar.name: \"\"" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        World world;
        g_autoptr (GError) error = NULL;
        begin (&world, "", "");
        g_assert_false (add_line (SCHEMA_CALENDAR, cases[i].line, 1, add, world.calendars, &error));
        g_assert_nonnull (strstr (error->message, cases[i].message));
        end (&world);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/route/calendar/ROU-020/time-of-day", test_time_of_day);
    g_test_add_func ("/route/calendar/ROU-020/days", test_days);
    g_test_add_func ("/route/calendar/ROU-020/past-midnight", test_past_midnight);
    g_test_add_func ("/route/calendar/ROU-020/holidays", test_holidays);
    g_test_add_func ("/route/calendar/ROU-020/dates", test_dates);
    g_test_add_func ("/route/calendar/ROU-020/summer-time-berlin", test_summer_time_berlin);
    g_test_add_func ("/route/calendar/ROU-020/summer-time-new-york", test_summer_time_new_york);
    g_test_add_func ("/route/calendar/ROU-020/many-zones", test_many_zones);
    g_test_add_func ("/route/calendar/ROU-020/bad-rows", test_bad_rows);
    return g_test_run ();
}
