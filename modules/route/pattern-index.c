/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many patterns, each with a value, and those that fit a number. */

#include "pattern-index.h"

#include <string.h>
#include <tandem/number.h>

typedef struct {
    uint32_t value;
    uint32_t digits; /* where those behind the front begin */
    uint8_t n_front; /* characters of the front, its "+" included */
    uint8_t n_digits;
    bool is_whole;
    bool is_last; /* with this front */
} Entry;

/* What it takes to sort an entry. */
typedef struct {
    uint32_t front; /* in FRONTS */
    uint32_t order; /* in which it was added */
    Entry entry;
} Draft;

struct PatternIndex {
    Entry *entries; /* by front, then the closest first */
    GArray *digits; /* uint16_t */
    TdPrefixTable *tree;
    uint32_t any; /* the first entry without a front, or TD_PREFIX_NO_VALUE */

    GArray *drafts; /* Draft; NULL after the end */
    GString *fronts;
};

PatternIndex *
pattern_index_new (void)
{
    PatternIndex *index = g_new0 (PatternIndex, 1);

    index->digits = g_array_new (false, false, sizeof (uint16_t));
    index->drafts = g_array_new (false, false, sizeof (Draft));
    index->fronts = g_string_new (NULL);
    return index;
}

static void
free_drafts (PatternIndex *index)
{
    g_clear_pointer (&index->drafts, g_array_unref);
    if (index->fronts != NULL) {
        g_string_free (g_steal_pointer (&index->fronts), true);
    }
}

void
pattern_index_free (PatternIndex *index)
{
    if (index != NULL) {
        free_drafts (index);
        g_array_unref (index->digits);
        td_prefix_table_free (index->tree);
        g_free (index->entries);
        g_free (index);
    }
}

/* --- Building ---------------------------------------------------------------------------- */

static bool
is_one_digit (uint16_t digits)
{
    return (digits & (digits - 1)) == 0;
}

void
pattern_index_add (PatternIndex *index, const Pattern *pattern, uint32_t value)
{
    Draft draft = { .front = (uint32_t) index->fronts->len, .order = index->drafts->len };
    unsigned n = 0;

    g_return_if_fail (index->drafts != NULL);
    if (pattern->is_international) {
        g_string_append_c (index->fronts, '+');
    }
    while (n < pattern->n_digits && is_one_digit (pattern->digits[n])) {
        g_string_append_c (index->fronts,
                           "0123456789*#ABCD"[g_bit_nth_lsf (pattern->digits[n++], -1)]);
    }
    g_string_append_c (index->fronts, '\0');
    draft.entry = (Entry){ .value = value,
                           .digits = index->digits->len,
                           .n_front = (uint8_t) (pattern->is_international + n),
                           .n_digits = (uint8_t) (pattern->n_digits - n),
                           .is_whole = pattern->is_whole };
    g_array_append_vals (index->digits, pattern->digits + n, pattern->n_digits - n);
    g_array_append_val (index->drafts, draft);
}

static int
compare_closeness (const PatternIndex *index, const Entry *one, const Entry *other)
{
    const uint16_t *x = &g_array_index (index->digits, uint16_t, one->digits);
    const uint16_t *y = &g_array_index (index->digits, uint16_t, other->digits);

    for (unsigned i = 0; i < MIN (one->n_digits, other->n_digits); i++) {
        int difference = __builtin_popcount (x[i]) - __builtin_popcount (y[i]);
        if (difference != 0) {
            return difference;
        }
    }
    if (one->n_digits != other->n_digits) {
        return other->n_digits - one->n_digits;
    }
    return (int) other->is_whole - (int) one->is_whole;
}

static int
compare_drafts (const void *a, const void *b, void *data)
{
    const Draft *one = a, *other = b;
    const PatternIndex *index = data;
    int difference = strcmp (index->fronts->str + one->front, index->fronts->str + other->front);

    if (difference == 0) {
        difference = compare_closeness (index, &one->entry, &other->entry);
    }
    return difference != 0 ? difference : one->order < other->order ? -1 : 1;
}

void
pattern_index_end (PatternIndex *index)
{
    const Draft *drafts = (const Draft *) index->drafts->data;
    unsigned n = index->drafts->len;
    g_autofree TdPrefix *prefixes = g_new (TdPrefix, n);
    unsigned n_prefixes = 0;

    g_array_sort_with_data (index->drafts, compare_drafts, index);
    index->entries = g_new (Entry, n);
    index->any = TD_PREFIX_NO_VALUE;
    for (unsigned i = 0; i < n; i++) {
        const char *front = index->fronts->str + drafts[i].front;
        index->entries[i] = drafts[i].entry;
        index->entries[i].is_last = true;
        if (n_prefixes > 0 && strcmp (prefixes[n_prefixes - 1].digits, front) == 0) {
            index->entries[i - 1].is_last = false;
        } else {
            prefixes[n_prefixes++] = (TdPrefix){ front, i };
        }
    }
    if (n_prefixes > 0 && *prefixes[0].digits == '\0') { /* sorted, it is the first one */
        index->any = 0;
    }
    index->tree = td_prefix_table_new (prefixes, n_prefixes, NULL);
    free_drafts (index);
}

/* --- Looking up -------------------------------------------------------------------------- */

/* Tells of the entries with one front, which NUMBER begins with. Returns whether it is enough. */
static bool
visit_front (const PatternIndex *index, uint32_t first, const char *number, PatternVisit visit,
             void *data)
{
    for (const Entry *entry = &index->entries[first];; entry++) {
        PatternFit fit =
            pattern_fit_digits (&g_array_index (index->digits, uint16_t, entry->digits),
                                entry->n_digits, entry->is_whole, number + entry->n_front);
        if (fit != PATTERN_MISSES && visit (entry->value, fit, data)) {
            return true;
        }
        if (entry->is_last) {
            return false;
        }
    }
}

void
pattern_index_each (const PatternIndex *index, const char *number, PatternVisit visit, void *data)
{
    uint32_t fronts[TD_NUMBER_DIGITS];
    size_t n = td_prefix_table_find_all (index->tree, number, fronts, G_N_ELEMENTS (fronts));

    for (size_t i = 0; i < n; i++) {
        if (visit_front (index, fronts[i], number, visit, data)) {
            return;
        }
    }
    if (*number == '+' && index->any != TD_PREFIX_NO_VALUE) { /* "" fits it, too; "X" does not */
        visit_front (index, index->any, number, visit, data);
    }
}

bool
pattern_index_has_longer (const PatternIndex *index, const char *number)
{
    return td_prefix_table_has_longer (index->tree, number);
}
