/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Translations, step by step: 200 cases from a file, and what a file cannot say. */

#include "rows.h"
#include "translation.h"

typedef struct {
    Names *names;
    Translations *translations;
} World;

static bool
add (void *translations, const Row *row, GError **error)
{
    return translations_add (translations, row, error);
}

static void
begin (World *world)
{
    world->names = names_new ();
    world->translations = translations_new (world->names);
}

static void
end (World *world)
{
    translations_free (world->translations);
    names_free (world->names);
}

/* --- The table of cases ------------------------------------------------------------------ */

enum {
    CASE_SET,
    CASE_CALLED,
    CASE_NATURE,
    CASE_CALLING,
    CASE_THEN_CALLED,
    CASE_THEN_NATURE,
    CASE_THEN_CALLING,
    CASE_THEN_CARRIER,
    CASE_THEN_ATTRIBUTES,
    N_CASE_COLUMNS,
};

static TdNature
nature_of (const char *text)
{
    const char *const *choices = schema_table (SCHEMA_PLAN)->columns[PLAN_NATURE].choices;

    for (unsigned i = 0; choices[i] != NULL; i++) {
        if (strcmp (choices[i], text) == 0) {
            return (TdNature) i;
        }
    }
    g_assert_cmpstr (text, ==, "");
    return TD_NATURE_UNKNOWN;
}

static char *
write_attributes (const Translated *subject)
{
    GString *text = g_string_new (NULL);

    for (unsigned i = 0; i < subject->n_attributes; i++) {
        g_string_append_printf (text, "%s%s=%s", i > 0 ? " " : "", subject->attributes[i].name,
                                subject->attributes[i].value);
    }
    return g_string_free (text, false);
}

static void
check_case (World *world, const char *const *cells)
{
    Translated subject = { .n_attributes = 0 };
    uint32_t set = names_find (world->names, cells[CASE_SET]);

    g_test_message ("%s: %s", cells[CASE_SET], cells[CASE_CALLED]);
    g_assert_true (translations_has (world->translations, set));
    g_assert_true (
        number_set (&subject.called, cells[CASE_CALLED], nature_of (cells[CASE_NATURE])));
    g_assert_true (number_set (&subject.calling, cells[CASE_CALLING], TD_NATURE_UNKNOWN));
    translations_run (world->translations, set, &subject, NULL, "translation");
    g_autofree char *attributes = write_attributes (&subject);
    g_assert_cmpstr (subject.called.text, ==, cells[CASE_THEN_CALLED]);
    g_assert_cmpint (subject.called.nature, ==, nature_of (cells[CASE_THEN_NATURE]));
    g_assert_cmpstr (subject.calling.text, ==, cells[CASE_THEN_CALLING]);
    g_assert_cmpstr (subject.carrier, ==, cells[CASE_THEN_CARRIER]);
    g_assert_cmpstr (attributes, ==, cells[CASE_THEN_ATTRIBUTES]);
}

static void
test_cases (void)
{
    World world;
    g_autofree char *sets = g_test_build_filename (G_TEST_DIST, "translation-sets.csv", NULL);
    g_autofree char *cases = g_test_build_filename (G_TEST_DIST, "translation-cases.csv", NULL);
    g_autofree char *text = NULL;

    begin (&world);
    add_file (SCHEMA_TRANSLATION, sets, add, world.translations);
    translations_end (world.translations);
    g_assert_true (g_file_get_contents (cases, &text, NULL, NULL));
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
    unsigned n = 0;
    for (char **line = lines + 1; *line != NULL && **line != '\0'; line++, n++) {
        const char *cells[N_CASE_COLUMNS];
        split_cells (*line, cells, N_CASE_COLUMNS);
        check_case (&world, cells);
    }
    g_assert_cmpuint (n, >=, 200);
    end (&world);
}

/* --- What a file cannot say -------------------------------------------------------------- */

static void
test_trace (void)
{
    World world;
    Translated subject = { .n_attributes = 0 };
    g_autoptr (Explanation) explanation = explanation_new ();

    begin (&world);
    add_lines (SCHEMA_TRANSLATION,
               "in,10,called,0(Z),,replace,+49\\1\n"
               "in,20,called,1,,strip,1\n"
               "in,30,calling,,,set-nature,national",
               add, world.translations);
    translations_end (world.translations);
    number_set (&subject.called, "08912345", TD_NATURE_UNKNOWN);
    number_set (&subject.calling, "123", TD_NATURE_UNKNOWN);
    translations_run (world.translations, 0, &subject, explanation, "translation");
    static const char *const expected[] = {
        "step 10 (line 1), called: replace +49\\1: 08912345 becomes +498912345, of another nature",
        "step 20 (line 2) does not fit called \"+498912345\"",
        "step 30 (line 3), calling: set-nature national: 123 becomes 123, of another nature",
    };
    g_assert_cmpuint (explanation->steps->len, ==, G_N_ELEMENTS (expected));
    for (unsigned i = 0; i < G_N_ELEMENTS (expected); i++) {
        const ExplanationStep *step = &g_array_index (explanation->steps, ExplanationStep, i);
        g_assert_cmpstr (step->step, ==, "translation");
        g_assert_cmpstr (step->sentence, ==, expected[i]);
    }
    end (&world);
}

/* The ninth attribute is one too many; an old one may still change. */
static void
test_many_attributes (void)
{
    World world;
    Translated subject = { .n_attributes = 0 };

    begin (&world);
    for (int i = 0; i < 9; i++) {
        g_autofree char *line = g_strdup_printf ("in,%d,,,,set-attribute,a%d=1", i, i);
        add_lines (SCHEMA_TRANSLATION, line, add, world.translations);
    }
    add_lines (SCHEMA_TRANSLATION, "in,20,,,,set-attribute,a0=2", add, world.translations);
    translations_end (world.translations);
    translations_run (world.translations, 0, &subject, NULL, "translation");
    g_assert_cmpuint (subject.n_attributes, ==, TRANSLATION_MAX_ATTRIBUTES);
    g_assert_cmpstr (subject.attributes[0].value, ==, "2");
    end (&world);
}

static void
test_no_set (void)
{
    World world;
    Translated subject = { .n_attributes = 0 };

    begin (&world);
    translations_end (world.translations);
    g_assert_false (translations_has (world.translations, 7));
    translations_run (world.translations, NAMES_NONE, &subject, NULL, "translation");
    translations_run (world.translations, 7, &subject, NULL, "translation");
    end (&world);
}

static void
test_bad_rows (void)
{
    static const struct {
        const char *line, *message;
    } cases[] = {
        { "in,1,,(1,,strip,1", "translation.pattern: \"(1\": character 3" },
        { "in,1,,,,strip,", "translation.argument: \"\": write how many digits" },
        { "in,1,,,,strip,x", "translation.argument: \"x\": write how many digits" },
        { "in,1,,,,strip,99", "translation.argument: \"99\": write how many digits" },
        { "in,1,,1,,replace,\\1", "the number of a group of the pattern, which has 0" },
        { "in,1,,(1),,replace,\\2", "the number of a group of the pattern, which has 1" },
        { "in,1,,(1),,replace,\\", "the number of a group" },
        { "in,1,,,,prefix,abx", "write digits" },
        { "in,1,,,,set-nature,odd", "write one of unknown, subscriber" },
        { "in,1,,,,set-attribute,x", "write NAME=VALUE" },
        { "in,1,,,,set-attribute,=x", "write NAME=VALUE" },
        { "in,1,,,,stop,x", "stop takes none" },
        { "in,,,,,stop,", "translation.step: must not be empty" },
        { "in,1,somebody,,,stop,", "translation.party: somebody is none of" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        World world;
        g_autoptr (GError) error = NULL;
        begin (&world);
        g_assert_false (
            add_line (SCHEMA_TRANSLATION, cases[i].line, 1, add, world.translations, &error));
        g_test_message ("%s", error->message);
        g_assert_nonnull (strstr (error->message, cases[i].message));
        end (&world);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/route/translation/ROU-021/cases", test_cases);
    g_test_add_func ("/route/translation/ROU-021/trace", test_trace);
    g_test_add_func ("/route/translation/ROU-021/many-attributes", test_many_attributes);
    g_test_add_func ("/route/translation/ROU-021/no-set", test_no_set);
    g_test_add_func ("/route/translation/ROU-021/bad-rows", test_bad_rows);
    return g_test_run ();
}
