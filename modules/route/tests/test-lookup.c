/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of one prefix are asked in the order of their ranks, and then those of the next shorter one. */

#include "lookup.h"
#include "rows.h"

typedef struct {
    Names *tables, *labels, *calendars_names;
    Lookup *lookup;
    Calendars *calendars;
    Findings *findings;
} World;

static bool
add (void *lookup, const Row *row, GError **error)
{
    return lookup_add (lookup, row, error);
}

static bool
add_calendar (void *calendars, const Row *row, GError **error)
{
    return calendars_add (calendars, row, error);
}

static void
begin (World *world, const char *rows)
{
    world->tables = names_new ();
    world->labels = names_new ();
    world->calendars_names = names_new ();
    world->findings = findings_new ();
    world->lookup =
        lookup_new (&(LookupNames){ world->tables, world->labels, world->calendars_names });
    world->calendars = calendars_new (world->calendars_names);
    add_lines (SCHEMA_ROUTE, rows, add, world->lookup);
    add_lines (SCHEMA_CALENDAR, "night,,UTC,,22:00,06:00", add_calendar, world->calendars);
    lookup_end (world->lookup, world->findings);
    calendars_end (world->calendars);
}

static void
end (World *world)
{
    lookup_free (world->lookup);
    calendars_free (world->calendars);
    findings_free (world->findings);
    names_free (world->tables);
    names_free (world->labels);
    names_free (world->calendars_names);
}

/* Alters what may be altered of a call to NUMBER. */
typedef void (*Alter) (LookupSubject *subject);

static const char *
find (const World *world, const char *number, Alter alter, Explanation *explanation)
{
    Number called = { .nature = 0 }, calling = { .nature = 0 };
    CalendarMoment moment;
    LookupSubject subject = { .number = called.text,
                              .called = &called,
                              .calling = &calling,
                              .type = ROW_NOT_SAID,
                              .line_information = ROW_NOT_SAID,
                              .moment = &moment };

    g_assert_true (number_set (&called, number, TD_NATURE_NATIONAL));
    number_set (&calling, "+4989", TD_NATURE_UNKNOWN);
    calendar_moment_init (&moment, INT64_C (12) * 3600 * G_USEC_PER_SEC);
    if (alter != NULL) {
        alter (&subject);
    }
    return names_text (world->labels,
                       lookup_find (world->lookup, 0, &subject, world->calendars, explanation));
}

static void
test_longest (void)
{
    World world;

    begin (&world, "main,,,,,,,,,,,,,,,rest\n"
                   "main,49,,,,,,,,,,,,,,de\n"
                   "main,4989,,,,,,,,,,,,,,munich\n"
                   "main,+49,,,,,,,,,,,,,,plus\n"
                   "other,4989,,,,,,,,,,,,,,wrong");
    g_assert_cmpstr (find (&world, "498912", NULL, NULL), ==, "munich");
    g_assert_cmpstr (find (&world, "4988", NULL, NULL), ==, "de");
    g_assert_cmpstr (find (&world, "1", NULL, NULL), ==, "rest");
    g_assert_cmpstr (find (&world, "", NULL, NULL), ==, "rest");
    g_assert_cmpstr (find (&world, "+498", NULL, NULL), ==, "plus");
    g_assert_cmpstr (find (&world, "+1", NULL, NULL), ==, "rest");
    end (&world);
}

static void
at_midnight (LookupSubject *subject)
{
    calendar_moment_init (subject->moment, 0);
}

static void
alter_carrier (LookupSubject *subject)
{
    subject->carrier = "0288";
}

static void
alter_user (LookupSubject *subject)
{
    subject->user = "alice";
}

static void
alter_domain (LookupSubject *subject)
{
    subject->domain = "Example.NET";
}

static void
alter_ingress (LookupSubject *subject)
{
    subject->ingress = "carrier-a";
}

static void
alter_type (LookupSubject *subject)
{
    subject->type = 1;
}

static void
alter_line_information (LookupSubject *subject)
{
    subject->line_information = 70;
}

static void
alter_category (LookupSubject *subject)
{
    subject->category = "payphone";
}

static void
alter_bearer (LookupSubject *subject)
{
    subject->bearer = "data";
}

static const char *
one_attribute (const char *name, void *data G_GNUC_UNUSED)
{
    return strcmp (name, "class") == 0 ? "gold" : NULL;
}

static void
alter_attribute (LookupSubject *subject)
{
    subject->attribute = one_attribute;
}

/* A row with each condition wins for the call that meets it, and for no other. */
static void
test_conditions (void)
{
    static const struct {
        const char *row;
        Alter alter;
    } cases[] = {
        { "main,49,1,,alice,,,,,,,,,,,yes", alter_user },
        { "main,49,1,,,example.net,,,,,,,,,,yes", alter_domain },
        { "main,49,1,,,,carrier-a,,,,,,,,,yes", alter_ingress },
        { "main,49,1,,,,,0288,,,,,,,,yes", alter_carrier },
        { "main,49,1,,,,,,national,,,,,,,yes", alter_type },
        { "main,49,1,,,,,,,,70,,,,,yes", alter_line_information },
        { "main,49,1,,,,,,,,,payphone,,,,yes", alter_category },
        { "main,49,1,,,,,,,,,,data,,,yes", alter_bearer },
        { "main,49,1,,,,,,,,,,,class=gold,,yes", alter_attribute },
        { "main,49,1,,,,,,,,,,,,night,yes", at_midnight },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        World world;
        g_autofree char *rows = g_strdup_printf ("%s\nmain,49,2,,,,,,,,,,,,,no", cases[i].row);
        begin (&world, rows);
        g_test_message ("%s", cases[i].row);
        g_assert_cmpstr (find (&world, "49", cases[i].alter, NULL), ==, "yes");
        g_assert_cmpstr (find (&world, "49", NULL, NULL), ==, "no");
        end (&world);
    }
}

static void
test_calling_and_nature (void)
{
    World world;

    begin (&world, "main,49,1,+4930,,,,,,,,,,,,berlin\n"
                   "main,49,2,+49[78],,,,,,subscriber,,,,,,odd\n"
                   "main,49,3,+49[78],,,,,,national,,,,,,munich");
    g_assert_cmpstr (find (&world, "49", NULL, NULL), ==, "munich");
    end (&world);
}

static void
test_next_shorter (void)
{
    World world;

    begin (&world, "main,4989,,,,,,0288,,,,,,,,long\n"
                   "main,498,,,,,,0333,,,,,,,,middle\n"
                   "main,4,,,,,,,,,,,,,,short");
    g_assert_cmpstr (find (&world, "49891", NULL, NULL), ==, "short");
    g_assert_cmpstr (find (&world, "49891", alter_carrier, NULL), ==, "long");
    g_assert_cmpstr (find (&world, "5", NULL, NULL), ==, "");
    end (&world);
}

static void
alter_own_rows (LookupSubject *subject)
{
    subject->type = 4;
    subject->has_own_rows = true;
}

/* A number of a service enters only lists that are said to be for it. */
static void
test_own_rows (void)
{
    World world;

    begin (&world, "main,4,,,,,,,,,,,,,,ordinary\nmain,411,,,,,,,service-n11,,,,,,,directory");
    g_assert_cmpstr (find (&world, "411", alter_own_rows, NULL), ==, "directory");
    g_assert_cmpstr (find (&world, "4", alter_own_rows, NULL), ==, "");
    end (&world);
}

static void
test_explained (void)
{
    World world;
    g_autoptr (Explanation) explanation = explanation_new ();

    begin (&world, "main,4989,7,,,,,0288,,,,,,,,long\n"
                   "main,49,,,,,,,,,,,,,,short\n"
                   "main,,,,,,,,,,,,,,,rest");
    g_assert_cmpstr (find (&world, "49891", NULL, explanation), ==, "short");
    g_assert_cmpuint (explanation->candidates->len, ==, 2);
    const Candidate *first = &g_array_index (explanation->candidates, Candidate, 0);
    g_assert_cmpstr (first->name, ==, "long");
    g_assert_cmpuint (first->line, ==, 1);
    g_assert_false (first->is_chosen);
    g_assert_cmpstr (first->reason, ==,
                     "prefix \"4989\": the call's carrier is not what the row wants");
    const Candidate *second = &g_array_index (explanation->candidates, Candidate, 1);
    g_assert_true (second->is_chosen);
    g_assert_cmpstr (second->reason, ==, "prefix \"49\": the first row that holds");
    end (&world);
}

static void
test_shadowed (void)
{
    World world;

    begin (&world, "main,49,1,+49,,,,,,,,,,,,a\n"
                   "main,49,2,+4989,,,,,,,,,,,,b\n"
                   "main,49,3,,,,,,,,,,,,,c\n"
                   "main,49,4,,alice,,,,,,,,,,,d\n"
                   "main,498,5,,alice,,,,,,,,,,,e");
    g_assert_cmpuint (world.findings->all->len, ==, 2);
    g_assert_cmpuint (g_array_index (world.findings->all, Finding, 0).line, ==, 2);
    g_assert_cmpuint (g_array_index (world.findings->all, Finding, 1).line, ==, 4);
    end (&world);
}

static void
test_longer (void)
{
    World world;

    begin (&world, "main,4989,,,,,,,,,,,,,,a");
    g_assert_true (lookup_has_longer (world.lookup, 0, "49"));
    g_assert_false (lookup_has_longer (world.lookup, 0, "4989"));
    g_assert_false (lookup_has_longer (world.lookup, 5, "49"));
    end (&world);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/route/lookup/ROU-020/longest", test_longest);
    g_test_add_func ("/route/lookup/ROU-020/conditions", test_conditions);
    g_test_add_func ("/route/lookup/ROU-020/calling-and-nature", test_calling_and_nature);
    g_test_add_func ("/route/lookup/ROU-020/next-shorter", test_next_shorter);
    g_test_add_func ("/route/lookup/ROU-029/own-rows", test_own_rows);
    g_test_add_func ("/route/lookup/ROU-043/explained", test_explained);
    g_test_add_func ("/route/lookup/ROU-042/shadowed", test_shadowed);
    g_test_add_func ("/route/lookup/ROU-030/longer", test_longer);
    return g_test_run ();
}
