/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is done to numbers, in ordered steps. */

#include "translation.h"

#include <string.h>

/* In the order of the choices of translation.action. */
typedef enum { STRIP, PREFIX, REPLACE, SET_NATURE, SET_CARRIER, SET_ATTRIBUTE, STOP } Action;

enum { CALLED, CALLING };

typedef struct {
    uint32_t set;
    int step;
    unsigned line;
    Pattern pattern;
    bool is_calling;
    int8_t nature; /* ROW_NOT_SAID: any */
    uint8_t action;
    uint8_t number; /* STRIP: digits, SET_NATURE: nature */
    char *text;     /* what the others write */
    char *name;     /* SET_ATTRIBUTE */
} Step;

struct Translations {
    Names *names;
    GArray *steps;  /* Step, by set and number */
    GArray *starts; /* uint32_t: of each set, its first step; one more at the end */
};

static void
clear_step (void *data)
{
    Step *step = data;

    g_free (step->text);
    g_free (step->name);
}

Translations *
translations_new (Names *names)
{
    Translations *translations = g_new (Translations, 1);

    translations->names = names;
    translations->steps = g_array_new (false, false, sizeof (Step));
    g_array_set_clear_func (translations->steps, clear_step);
    translations->starts = g_array_new (false, false, sizeof (uint32_t));
    return translations;
}

void
translations_free (Translations *translations)
{
    if (translations != NULL) {
        g_array_unref (translations->steps);
        g_array_unref (translations->starts);
        g_free (translations);
    }
}

/* --- Building ---------------------------------------------------------------------------- */

/* Whether TEXT, but for the groups it names, is characters that IS_GOOD takes. */
static bool
check_template (const Row *row, const Step *step, const char *text, bool has_digits_only,
                GError **error)
{
    g_autoptr (GString) plain = g_string_new (NULL);

    for (; *text != '\0'; text++) {
        if (*text != '\\') {
            g_string_append_c (plain, *text);
        } else if (!g_ascii_isdigit (*++text) || *text - '0' > step->pattern.n_groups) {
            return row_refuse (row, TRANSLATION_ARGUMENT, error,
                               "behind a \\ stands the number of a group of the pattern, which "
                               "has %u",
                               step->pattern.n_groups);
        }
    }
    if (has_digits_only && !td_prefix_is_valid (plain->str)) {
        return row_refuse (row, TRANSLATION_ARGUMENT, error,
                           "write digits, after a + or not, and groups as \\1");
    }
    return true;
}

static bool
read_strip (const Row *row, Step *step, GError **error)
{
    char *end;
    const char *text = row_text (row, TRANSLATION_ARGUMENT);
    uint64_t n = g_ascii_strtoull (text, &end, 10);

    if (!g_ascii_isdigit (*text) || *end != '\0' || n == 0 || n >= TD_NUMBER_DIGITS) {
        return row_refuse (row, TRANSLATION_ARGUMENT, error, "write how many digits, 1 to %d",
                           TD_NUMBER_DIGITS - 1);
    }
    step->number = (uint8_t) n;
    return true;
}

static bool
read_nature (const Row *row, Step *step, GError **error)
{
    const char *text = row_text (row, TRANSLATION_ARGUMENT);
    const char *const *choices =
        schema_table (SCHEMA_TRANSLATION)->columns[TRANSLATION_NATURE].choices;

    for (uint8_t i = 0; choices[i] != NULL; i++) {
        if (strcmp (choices[i], text) == 0) {
            step->number = i;
            return true;
        }
    }
    g_autofree char *all = g_strjoinv (", ", (char **) choices);
    return row_refuse (row, TRANSLATION_ARGUMENT, error, "write one of %s", all);
}

static bool
read_attribute (const Row *row, Step *step, GError **error)
{
    const char *text = row_text (row, TRANSLATION_ARGUMENT), *equals = strchr (text, '=');

    if (equals == NULL || equals == text) {
        return row_refuse (row, TRANSLATION_ARGUMENT, error, "write NAME=VALUE");
    }
    step->name = g_strndup (text, (size_t) (equals - text));
    step->text = g_strdup (equals + 1);
    return check_template (row, step, step->text, false, error);
}

static bool
read_argument (const Row *row, Step *step, GError **error)
{
    const char *text = row_text (row, TRANSLATION_ARGUMENT);

    switch ((Action) step->action) {
    case STRIP:
        return read_strip (row, step, error);
    case SET_NATURE:
        return read_nature (row, step, error);
    case SET_ATTRIBUTE:
        return read_attribute (row, step, error);
    case PREFIX:
    case REPLACE:
    case SET_CARRIER:
        step->text = g_strdup (text);
        return check_template (row, step, text, step->action != SET_CARRIER, error);
    case STOP:
        break;
    }
    return *text == '\0' || row_refuse (row, TRANSLATION_ARGUMENT, error, "stop takes none");
}

bool
translations_add (Translations *translations, const Row *row, GError **error)
{
    Step step = { .line = row->line };
    int64_t number;
    int party, nature, action;

    if (!row_required (row, TRANSLATION_TRANSLATION, error)
        || !row_integer (row, TRANSLATION_STEP, &number, error)
        || !row_choice (row, TRANSLATION_PARTY, &party, error)
        || !row_pattern (row, TRANSLATION_PATTERN, &step.pattern, error)
        || !row_choice (row, TRANSLATION_NATURE, &nature, error)
        || !row_choice (row, TRANSLATION_ACTION, &action, error)) {
        return false;
    }
    step.step = (int) number;
    step.is_calling = party == CALLING;
    step.nature = (int8_t) nature;
    step.action = (uint8_t) action;
    if (!read_argument (row, &step, error)) {
        clear_step (&step);
        return false;
    }
    step.set = names_add (translations->names, row_text (row, TRANSLATION_TRANSLATION));
    g_array_append_val (translations->steps, step);
    return true;
}

static int
compare_steps (const void *a, const void *b)
{
    const Step *one = a, *other = b;

    if (one->set != other->set) {
        return one->set < other->set ? -1 : 1;
    }
    return one->step - other->step;
}

void
translations_end (Translations *translations)
{
    uint32_t at = 0;

    g_array_sort (translations->steps, compare_steps); /* stable */
    for (uint32_t set = 0; set <= names_count (translations->names); set++) {
        g_array_append_val (translations->starts, at);
        while (at < translations->steps->len
               && g_array_index (translations->steps, Step, at).set == set) {
            at++;
        }
    }
}

/* The steps of set INDEX, from RET_FIRST on; how many. */
static unsigned
steps_of (const Translations *translations, uint32_t index, const Step **ret_first)
{
    if (index == NAMES_NONE || index + 1 >= translations->starts->len) {
        return 0;
    }
    uint32_t first = g_array_index (translations->starts, uint32_t, index);
    *ret_first = &g_array_index (translations->steps, Step, first);
    return g_array_index (translations->starts, uint32_t, index + 1) - first;
}

bool
translations_has (const Translations *translations, uint32_t index)
{
    const Step *first;

    return steps_of (translations, index, &first) > 0;
}

/* --- Running ----------------------------------------------------------------------------- */

/* Writes STEP's text for NUMBER, which fits its pattern. False: it does not fit into SIZE. */
static bool
expand (const Step *step, const char *number, char *into, size_t size)
{
    size_t n = 0;

    for (const char *at = step->text; *at != '\0'; at++) {
        unsigned len = 1;
        const char *part = at;
        if (*at == '\\') {
            part = pattern_group (&step->pattern, number, (unsigned) (*++at - '0'), &len);
        }
        if (n + len >= size) {
            return false;
        }
        memcpy (into + n, part, len);
        n += len;
    }
    into[n] = '\0';
    return true;
}

static void
set_attribute (Translated *subject, const Step *step, const char *value)
{
    unsigned i = 0;

    while (i < subject->n_attributes && strcmp (subject->attributes[i].name, step->name) != 0) {
        i++;
    }
    if (i == TRANSLATION_MAX_ATTRIBUTES) {
        return; /* a ninth one; the first eight hold */
    }
    subject->n_attributes = MAX (subject->n_attributes, i + 1);
    subject->attributes[i].name = step->name;
    g_strlcpy (subject->attributes[i].value, value, TRANSLATION_VALUE_SIZE);
}

/* A "+" in the middle, of a group that was put behind digits, is none. */
static bool
replace_front (Number *number, unsigned n, const char *text)
{
    return td_prefix_is_valid (text) && number_replace (number, n, text);
}

/* Does what STEP says, which fits NUMBER. False: it would make too long a number. */
static bool
act (const Step *step, Translated *subject, Number *number)
{
    char text[TRANSLATION_VALUE_SIZE];

    if (step->text != NULL && !expand (step, number->text, text, sizeof text)) {
        return false;
    }
    switch ((Action) step->action) {
    case STRIP:
        number_strip (number, step->number);
        break;
    case PREFIX:
        return replace_front (number, 0, text);
    case REPLACE:
        return replace_front (number, pattern_len (&step->pattern, number->text), text);
    case SET_NATURE:
        number_set_nature (number, (TdNature) step->number);
        break;
    case SET_CARRIER:
        g_strlcpy (subject->carrier, text, sizeof subject->carrier);
        break;
    case SET_ATTRIBUTE:
        set_attribute (subject, step, text);
        break;
    case STOP:
        break;
    }
    return true;
}

static bool
fits (const Step *step, const Number *number)
{
    return (step->nature == ROW_NOT_SAID || step->nature == number->nature)
           && pattern_fit (&step->pattern, number->text) == PATTERN_FITS;
}

/* What STEP says it does, for people. */
static const char *
describe (const Step *step, char *into, size_t size)
{
    const char *action = row_choice_name (SCHEMA_TRANSLATION, TRANSLATION_ACTION, step->action);

    if (step->action == STRIP) {
        g_snprintf (into, size, "%s %u", action, step->number);
    } else if (step->action == SET_NATURE) {
        g_snprintf (into, size, "%s %s", action,
                    row_choice_name (SCHEMA_TRANSLATION, TRANSLATION_NATURE, step->number));
    } else {
        g_snprintf (into, size, "%s%s%s%s%s", action, step->name != NULL ? " " : "",
                    step->name != NULL ? step->name : "", step->text != NULL ? " " : "",
                    step->text != NULL ? step->text : "");
    }
    return into;
}

static void
run_explained (const Step *step, Translated *subject, Number *number, Explanation *explanation,
               const char *name)
{
    char action[128];
    Number before = *number;
    bool is_done = act (step, subject, number);

    explanation_say (explanation, name, "step %d (line %u), %s: %s: %s%s%s%s", step->step,
                     step->line, step->is_calling ? "calling" : "called",
                     describe (step, action, sizeof action), before.text,
                     is_done ? " becomes " : " stays: it would be too long, or no number",
                     is_done ? number->text : "",
                     is_done && before.nature != number->nature ? ", of another nature" : "");
}

void
translations_run (const Translations *translations, uint32_t index, Translated *subject,
                  Explanation *explanation, const char *name)
{
    const Step *steps = NULL;
    unsigned n = steps_of (translations, index, &steps);

    for (unsigned i = 0; i < n; i++) {
        const Step *step = &steps[i];
        Number *number = step->is_calling ? &subject->calling : &subject->called;
        if (!fits (step, number)) {
            EXPLAIN (explanation, name, "step %d (line %u) does not fit %s \"%s\"", step->step,
                     step->line, step->is_calling ? "calling" : "called", number->text);
            continue;
        }
        if (explanation != NULL) {
            run_explained (step, subject, number, explanation, name);
        } else {
            act (step, subject, number);
        }
        if (step->action == STOP) {
            return;
        }
    }
}

/* What other steps make of a number is not followed: only a stop for any number is sure. */
static bool
always_stops (const Step *step)
{
    return step->action == STOP && step->nature == ROW_NOT_SAID && step->pattern.n_digits == 0
           && !step->pattern.is_international && !step->pattern.is_whole;
}

void
translations_check (const Translations *translations, Findings *findings)
{
    const Step *stop = NULL;

    for (unsigned i = 0; i < translations->steps->len; i++) {
        const Step *step = &g_array_index (translations->steps, Step, i);
        if (stop != NULL && stop->set == step->set) {
            findings_add (findings, SCHEMA_TRANSLATION, step->line, false,
                          "translation \"%s\", step %d: step %d stops any number before it; take "
                          "one of them out",
                          names_text (translations->names, step->set), step->step, stop->step);
        } else {
            stop = always_stops (step) ? step : NULL;
        }
    }
}
