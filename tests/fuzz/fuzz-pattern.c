/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as patterns and numbers, a line each: what is read as a pattern fits alike alone and in an
 * index, its groups lie in the number, and translations by it leave a number that can be one.
 *
 *     0(ZX).
 *     =+49\1
 *     08912345
 *
 * A line with "=" is what the pattern before it is replaced by; a line that is no pattern, or follows
 * one, is tried as a number, too.
 */

#include "fuzz.h"

#include "pattern-index.h"
#include "translation.h"

#include <string.h>

typedef struct {
    Pattern pattern;
    PatternFit fit;
    bool is_told;
} Tried;

static bool
hear (uint32_t value, PatternFit fit, void *data)
{
    Tried *tried = data;

    FUZZ_CHECK (value == 7);
    tried->is_told = true;
    tried->fit = fit;
    return true;
}

static void
check_groups (const Pattern *pattern, const char *number)
{
    for (unsigned group = 0; group <= pattern->n_groups; group++) {
        unsigned len;
        const char *text = pattern_group (pattern, number, group, &len);
        FUZZ_CHECK (text >= number && text + len <= number + strlen (number));
    }
}

/* An index tells of what fits, and of what could; the rest it may leave to has_longer. */
static void
check_number (const Pattern *pattern, const char *number)
{
    g_autoptr (PatternIndex) index = pattern_index_new ();
    Tried tried = { *pattern, PATTERN_MISSES, false };
    PatternFit fit = pattern_fit (pattern, number);

    pattern_index_add (index, pattern, 7);
    pattern_index_end (index);
    pattern_index_each (index, number, hear, &tried);
    if (fit == PATTERN_FITS) {
        FUZZ_CHECK (tried.is_told && tried.fit == PATTERN_FITS);
        check_groups (pattern, number);
    } else if (fit == PATTERN_WANTS_MORE) {
        FUZZ_CHECK ((tried.is_told && tried.fit == PATTERN_WANTS_MORE)
                    || pattern_index_has_longer (index, number));
    } else {
        FUZZ_CHECK (!tried.is_told);
    }
    FUZZ_CHECK (pattern_covers (pattern, pattern) && pattern_meets (pattern, pattern));
}

static void
translate (const char *pattern, const char *replacement, const char *number)
{
    const char *const cells[N_TRANSLATION_COLUMNS] = { "set", "1",       "called",   pattern,
                                                       "",    "replace", replacement };
    g_autoptr (Names) names = names_new ();
    Translations *translations = translations_new (names);
    Translated subject = { .n_attributes = 0 };

    if (translations_add (translations, &(Row){ SCHEMA_TRANSLATION, cells, 1 }, NULL)
        && number_set (&subject.called, number, TD_NATURE_UNKNOWN)) {
        translations_end (translations);
        translations_run (translations, 0, &subject, NULL, "fuzz");
        FUZZ_CHECK (td_prefix_is_valid (subject.called.text));
        FUZZ_CHECK (strlen (subject.called.text) <= TD_NUMBER_DIGITS);
        FUZZ_CHECK ((subject.called.text[0] == '+')
                    == (subject.called.nature == TD_NATURE_INTERNATIONAL));
    }
    translations_free (translations);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n_bytes)
{
    g_autofree char *text = g_strndup ((const char *) data, n_bytes);
    g_auto (GStrv) lines = g_strsplit (text, "\n", 64);
    const char *pattern_text = "", *replacement = "";
    Pattern pattern = { .n_digits = 0 };

    for (char **line = lines; *line != NULL; line++) {
        Number number;
        if (**line == '=') {
            replacement = *line + 1;
            continue;
        }
        if (number_set (&number, *line, TD_NATURE_UNKNOWN)) {
            check_number (&pattern, *line);
            translate (pattern_text, replacement, *line);
        }
        Pattern next;
        if (pattern_parse (&next, *line, NULL)) {
            FUZZ_CHECK (next.n_digits <= PATTERN_MAX_DIGITS);
            FUZZ_CHECK (next.n_groups <= PATTERN_MAX_GROUPS);
            pattern = next;
            pattern_text = *line;
        }
    }
    return 0;
}
