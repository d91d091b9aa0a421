/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbering plans. */

#include "plan.h"

#include "pattern-index.h"

#include <string.h>

enum { MAX_PASSES = 3 }; /* a carrier is dialled in front of a number, at most once more */

struct Plans {
    Names *names;
    GArray *rows;       /* PlanRow */
    GPtrArray *indices; /* of each plan: PatternIndex of its rows */
};

static void
clear_row (void *data)
{
    g_free (((PlanRow *) data)->text);
}

Plans *
plans_new (Names *names)
{
    Plans *plans = g_new (Plans, 1);

    plans->names = names;
    plans->rows = g_array_new (false, false, sizeof (PlanRow));
    g_array_set_clear_func (plans->rows, clear_row);
    plans->indices = g_ptr_array_new_with_free_func ((GDestroyNotify) pattern_index_free);
    return plans;
}

void
plans_free (Plans *plans)
{
    if (plans != NULL) {
        g_array_unref (plans->rows);
        g_ptr_array_unref (plans->indices);
        g_free (plans);
    }
}

const char *
call_type_name (CallType type)
{
    return type != CALL_TYPE_NONE ? row_choice_name (SCHEMA_PLAN, PLAN_TYPE, (int) type) : "none";
}

/* --- Building ---------------------------------------------------------------------------- */

static bool
read_row (const Row *row, PlanRow *plan_row, GError **error)
{
    int64_t min, max, carrier_digits, strip;
    int nature, type;

    if (!row_required (row, PLAN_PLAN, error) || !row_required (row, PLAN_PATTERN, error)
        || !row_pattern (row, PLAN_PATTERN, &plan_row->pattern, error)
        || !row_integer (row, PLAN_MIN, &min, error) || !row_integer (row, PLAN_MAX, &max, error)
        || !row_choice (row, PLAN_NATURE, &nature, error)
        || !row_choice (row, PLAN_TYPE, &type, error)
        || !row_integer (row, PLAN_CARRIER_DIGITS, &carrier_digits, error)
        || !row_integer (row, PLAN_STRIP, &strip, error)) {
        return false;
    }
    unsigned n = plan_row->pattern.n_digits;
    plan_row->min = (uint8_t) MAX (min, (int64_t) n);
    plan_row->max = max > 0                      ? (uint8_t) max
                    : plan_row->pattern.is_whole ? (uint8_t) n
                                                 : TD_NUMBER_DIGITS - 1;
    if (plan_row->max < plan_row->min) {
        return row_refuse (row, PLAN_MAX, error, "it is less than the %u digits at least",
                           plan_row->min);
    }
    plan_row->carrier_digits = (uint8_t) MAX (carrier_digits, 0);
    plan_row->strip = (uint8_t) MAX (strip, 0);
    plan_row->nature = (int8_t) nature;
    plan_row->type = (int8_t) type;
    return true;
}

bool
plans_add (Plans *plans, const Row *row, GError **error)
{
    PlanRow plan_row = { .line = row->line };

    if (!read_row (row, &plan_row, error)) {
        return false;
    }
    plan_row.plan = names_add (plans->names, row_text (row, PLAN_PLAN));
    plan_row.text = g_strdup (row_text (row, PLAN_PATTERN));
    g_array_append_val (plans->rows, plan_row);
    return true;
}

void
plans_end (Plans *plans)
{
    for (unsigned i = 0; i < plans->rows->len; i++) {
        const PlanRow *row = &g_array_index (plans->rows, PlanRow, i);
        while (plans->indices->len <= row->plan) {
            g_ptr_array_add (plans->indices, NULL);
        }
        if (plans->indices->pdata[row->plan] == NULL) {
            plans->indices->pdata[row->plan] = pattern_index_new ();
        }
        pattern_index_add (plans->indices->pdata[row->plan], &row->pattern, i);
    }
    for (unsigned i = 0; i < plans->indices->len; i++) {
        if (plans->indices->pdata[i] != NULL) {
            pattern_index_end (plans->indices->pdata[i]);
        }
    }
}

bool
plans_has (const Plans *plans, uint32_t index)
{
    return index < plans->indices->len && plans->indices->pdata[index] != NULL;
}

const PlanRow *
plans_rows (const Plans *plans, unsigned *ret_n)
{
    *ret_n = plans->rows->len;
    return (const PlanRow *) plans->rows->data;
}

/* --- Analysing --------------------------------------------------------------------------- */

typedef struct {
    const Plans *plans;
    size_t n_digits; /* of the number */
    bool is_complete;
    AnalysisVerdict verdict;
    const PlanRow *row;
} Search;

/* Whether what stands behind ROW's digits is analysed as a number of its own. */
static bool
goes_on (const PlanRow *row)
{
    return row->type == CALL_TYPE_CARRIER_ACCESS && row->strip > 0;
}

/* Of a number with enough digits, but not too many. */
static AnalysisVerdict
judge (const Search *search, const PlanRow *row)
{
    bool has_all = search->is_complete || search->n_digits == row->max
                   || (goes_on (row) && search->n_digits > row->strip);

    return has_all ? ANALYSIS_FITS : ANALYSIS_WANTS_MORE;
}

/* The closest pattern decides, unless the number has too many digits for it; a number that may grow
 * waits for a closer one that it could still become. */
static bool
consider (uint32_t value, PatternFit fit, void *data)
{
    Search *search = data;
    const PlanRow *row = &g_array_index (search->plans->rows, PlanRow, value);

    if (search->n_digits > row->max) {
        search->verdict = ANALYSIS_TOO_LONG;
        return false;
    }
    if (fit == PATTERN_WANTS_MORE || search->n_digits < row->min) {
        if (!search->is_complete) {
            search->verdict = ANALYSIS_WANTS_MORE;
        } else if (search->verdict == ANALYSIS_UNKNOWN) {
            search->verdict = ANALYSIS_TOO_SHORT;
        }
        return !search->is_complete;
    }
    search->verdict = judge (search, row);
    search->row = row;
    return true;
}

static AnalysisVerdict
find_row (const Plans *plans, uint32_t index, const Number *number, bool is_complete,
          const PlanRow **ret_row)
{
    const PatternIndex *patterns = plans->indices->pdata[index];
    Search search = { plans, strlen (number_digits (number)), is_complete, ANALYSIS_UNKNOWN, NULL };

    if (pattern_index_has_longer (patterns, number->text)) {
        if (!is_complete) {
            return ANALYSIS_WANTS_MORE;
        }
        search.verdict = ANALYSIS_TOO_SHORT;
    }
    pattern_index_each (patterns, number->text, consider, &search);
    *ret_row = search.row;
    return search.verdict;
}

/* The first group of the pattern, or the digits behind it. */
static void
take_carrier (const PlanRow *row, const Number *number, Analysis *analysis)
{
    unsigned len = row->carrier_digits;
    const char *digits = number_digits (number) + row->pattern.n_digits;

    if (row->pattern.n_groups > 0) {
        digits = pattern_group (&row->pattern, number->text, 1, &len);
    }
    if (len > 0) {
        g_strlcpy (analysis->carrier, digits, MIN (len + 1, sizeof analysis->carrier));
    }
}

AnalysisVerdict
plans_analyse (const Plans *plans, uint32_t index, Number *number, bool is_complete,
               Analysis *ret_analysis)
{
    Analysis analysis = { .type = CALL_TYPE_NONE };
    Number written = *number;

    g_return_val_if_fail (plans_has (plans, index), ANALYSIS_UNKNOWN);
    for (unsigned pass = 0; pass < MAX_PASSES; pass++) {
        const PlanRow *row = NULL;
        AnalysisVerdict verdict = find_row (plans, index, &written, is_complete, &row);
        if (verdict != ANALYSIS_FITS) {
            return verdict;
        }
        take_carrier (row, &written, &analysis);
        number_strip (&written, row->strip);
        if (row->nature != ROW_NOT_SAID) {
            number_set_nature (&written, (TdNature) row->nature);
        }
        analysis.type = (CallType) row->type;
        analysis.line = row->line;
        g_strlcpy (analysis.pattern, row->text, sizeof analysis.pattern);
        if (!goes_on (row) || written.text[0] == '\0') {
            break;
        }
    }
    *number = written;
    *ret_analysis = analysis;
    return ANALYSIS_FITS;
}
