/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Problems: their list, their order, their print; and the nearest name to a misspelt one. */

#include "config/problem.h"

#include <string.h>

enum {
    QUOTE_MAX = 60,
    WORD_MAX = 48, /* longer words are not compared */
};

static void
free_problem (gpointer data)
{
    TdProblem *problem = data;

    g_free (problem->file);
    g_free (problem->text);
    g_free (problem);
}

GPtrArray *
td_problems_new (void)
{
    return g_ptr_array_new_with_free_func (free_problem);
}

static void
append (GPtrArray *problems, const TdPlace *place, char *text)
{
    TdProblem *problem = g_new (TdProblem, 1);

    *problem = (TdProblem){ .file = g_strdup (place->file),
                            .rank = place->rank,
                            .line = place->line,
                            .column = place->column,
                            .text = text };
    g_ptr_array_add (problems, problem);
}

void
td_problem_add (GPtrArray *problems, const TdPlace *place, const char *format, ...)
{
    if (problems->len > TD_PROBLEMS_MAX) {
        return;
    }
    if (problems->len == TD_PROBLEMS_MAX) {
        TdPlace last = { .file = place->file, .rank = G_MAXUINT };
        append (problems, &last, g_strdup ("there are more problems than can be shown"));
        return;
    }
    va_list arguments;
    va_start (arguments, format);
    append (problems, place, g_strdup_vprintf (format, arguments));
    va_end (arguments);
}

static int
compare_numbers (unsigned a, unsigned b)
{
    return (a > b) - (a < b);
}

static int
compare_problems (gconstpointer a, gconstpointer b, gpointer unused)
{
    const TdProblem *one = *(TdProblem *const *) a, *other = *(TdProblem *const *) b;
    int order = compare_numbers (one->rank, other->rank);

    if (order == 0) {
        order = compare_numbers (one->line, other->line);
    }
    return order != 0 ? order : compare_numbers (one->column, other->column);
}

void
td_problems_sort (GPtrArray *problems)
{
    /* Unlike g_ptr_array_sort(), this one is promised to be stable. */
    if (problems->len > 0) {
        g_qsort_with_data (problems->pdata, (int) problems->len, sizeof (void *), compare_problems,
                           NULL);
    }
}

static void
append_place (GString *out, const char *file, unsigned line, unsigned column)
{
    g_string_append (out, file);
    if (line != 0) {
        g_string_append_printf (out, ":%u:%u", line, column);
    }
}

void
td_problem_print (const TdProblem *problem, GString *out)
{
    append_place (out, problem->file, problem->line, problem->column);
    g_string_append_printf (out, ": %s", problem->text);
}

char *
td_problems_to_text (const GPtrArray *problems)
{
    GString *out = g_string_new (NULL);

    for (unsigned i = 0; i < problems->len; i++) {
        td_problem_print (g_ptr_array_index (problems, i), out);
        g_string_append_c (out, '\n');
    }
    return g_string_free (out, FALSE);
}

char *
td_place_print (const TdPlace *place)
{
    GString *out = g_string_new (NULL);

    append_place (out, place->file, place->line, place->column);
    return g_string_free (out, FALSE);
}

char *
td_problem_quote (const char *text)
{
    GString *out = g_string_new ("\"");
    unsigned n_shown = 0;

    for (const char *at = text; *at != '\0'; n_shown++) {
        if (n_shown == QUOTE_MAX) {
            g_string_append (out, "...");
            break;
        }
        gunichar c = g_utf8_get_char_validated (at, -1);
        if (c == (gunichar) -1 || c == (gunichar) -2 || g_unichar_iscntrl (c)) {
            g_string_append_printf (out, "\\x%02x", (unsigned char) *at);
            at++;
        } else {
            g_string_append_unichar (out, c);
            at = g_utf8_next_char (at);
        }
    }
    g_string_append_c (out, '"');
    return g_string_free (out, FALSE);
}

/* How many single changes (a letter more, less, other, or two neighbours exchanged) lead from A to
 * B: the optimal string alignment distance. */
static unsigned
edit_distance (const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];

    for (size_t j = 0; j <= b_len; j++) {
        last[j] = (unsigned) j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        now[0] = (unsigned) i;
        for (size_t j = 1; j <= b_len; j++) {
            char x = g_ascii_tolower (a[i - 1]), y = g_ascii_tolower (b[j - 1]);
            unsigned best = MIN (MIN (last[j], now[j - 1]) + 1, last[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == g_ascii_tolower (b[j - 2])
                && y == g_ascii_tolower (a[i - 2])) {
                best = MIN (best, before[j - 2] + 1);
            }
            now[j] = best;
        }
        unsigned *oldest = before;
        before = last;
        last = now;
        now = oldest;
    }
    return last[b_len];
}

void
td_nearest_init (TdNearest *nearest, const char *word)
{
    *nearest = (TdNearest){ .word = word };
}

void
td_nearest_offer (TdNearest *nearest, const char *candidate)
{
    size_t word_len = strnlen (nearest->word, WORD_MAX + 1);
    size_t candidate_len = strnlen (candidate, WORD_MAX + 1);

    if (word_len > WORD_MAX || candidate_len > WORD_MAX) {
        return;
    }
    /* One slip in three letters; more is another word. */
    unsigned limit = (unsigned) MIN (MAX (word_len, candidate_len) / 3, 3);
    unsigned distance = edit_distance (nearest->word, word_len, candidate, candidate_len);
    if (distance <= limit && (nearest->best == NULL || distance < nearest->distance)) {
        nearest->best = candidate;
        nearest->distance = distance;
    }
}
