/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may call whom. */

#include "screening.h"

#include "pattern-index.h"

#include <tandem/cause.h>

enum {
    DENY = 1,
    MAX_COMPARED = 64, /* rows before one, when it is asked what they leave for it */
};

#define NO_PATTERN UINT32_MAX

typedef struct {
    uint32_t list;
    uint32_t rank;
    uint32_t calling, called; /* in PATTERNS, or NO_PATTERN: any */
    uint32_t announcement;
    uint32_t line;
    int8_t presentation; /* ROW_NOT_SAID: any */
    uint8_t cause;
    bool is_deny;
} ListRow;

typedef struct {
    PatternIndex *by_calling; /* NULL: no such rows */
    PatternIndex *by_called;
} List;

struct Screenings {
    Names *names;
    Names *announcements;
    GArray *rows;     /* ListRow, by list and rank */
    GArray *patterns; /* Pattern */
    GArray *lists;    /* List */
};

static void
clear_list (void *data)
{
    List *list = data;

    pattern_index_free (list->by_calling);
    pattern_index_free (list->by_called);
}

Screenings *
screenings_new (Names *names)
{
    Screenings *screenings = g_new (Screenings, 1);

    screenings->names = names;
    screenings->announcements = names_new ();
    screenings->rows = g_array_new (false, false, sizeof (ListRow));
    screenings->patterns = g_array_new (false, false, sizeof (Pattern));
    screenings->lists = g_array_new (false, true, sizeof (List));
    g_array_set_clear_func (screenings->lists, clear_list);
    return screenings;
}

void
screenings_free (Screenings *screenings)
{
    if (screenings != NULL) {
        names_free (screenings->announcements);
        g_array_unref (screenings->rows);
        g_array_unref (screenings->patterns);
        g_array_unref (screenings->lists);
        g_free (screenings);
    }
}

/* --- Building ---------------------------------------------------------------------------- */

static bool
read_pattern (Screenings *screenings, const Row *row, unsigned column, uint32_t *ret_index,
              GError **error)
{
    Pattern pattern;

    *ret_index = NO_PATTERN;
    if (!row_says (row, column)) {
        return true;
    }
    if (!row_pattern (row, column, &pattern, error)) {
        return false;
    }
    *ret_index = screenings->patterns->len;
    g_array_append_val (screenings->patterns, pattern);
    return true;
}

bool
screenings_add (Screenings *screenings, const Row *row, GError **error)
{
    ListRow list_row = { .line = row->line };
    int64_t rank, cause;
    int presentation, action;

    if (!row_required (row, SCREENING_LIST, error)
        || !row_integer (row, SCREENING_RANK, &rank, error)
        || !row_choice (row, SCREENING_PRESENTATION, &presentation, error)
        || !row_choice (row, SCREENING_ACTION, &action, error)
        || !row_integer (row, SCREENING_CAUSE, &cause, error)
        || !read_pattern (screenings, row, SCREENING_CALLING, &list_row.calling, error)
        || !read_pattern (screenings, row, SCREENING_CALLED, &list_row.called, error)) {
        return false;
    }
    list_row.list = names_add (screenings->names, row_text (row, SCREENING_LIST));
    list_row.rank = (uint32_t) rank;
    list_row.presentation = (int8_t) presentation;
    list_row.is_deny = action == DENY;
    list_row.cause = (uint8_t) (cause > 0 ? cause : TD_CAUSE_CALL_REJECTED);
    list_row.announcement =
        names_add (screenings->announcements, row_text (row, SCREENING_ANNOUNCEMENT));
    g_array_append_val (screenings->rows, list_row);
    return true;
}

static int
compare_rows (const void *a, const void *b)
{
    const ListRow *one = a, *other = b;

    if (one->list != other->list) {
        return one->list < other->list ? -1 : 1;
    }
    return one->rank < other->rank ? -1 : one->rank > other->rank;
}

static const Pattern *
pattern_of (const Screenings *screenings, uint32_t index)
{
    return index != NO_PATTERN ? &g_array_index (screenings->patterns, Pattern, index) : NULL;
}

static bool
covers_number (const Screenings *screenings, uint32_t index, uint32_t other)
{
    return index == NO_PATTERN
           || (other != NO_PATTERN
               && pattern_covers (pattern_of (screenings, index), pattern_of (screenings, other)));
}

static bool
covers (const Screenings *screenings, const ListRow *row, const ListRow *other)
{
    return covers_number (screenings, row->calling, other->calling)
           && covers_number (screenings, row->called, other->called)
           && (row->presentation == ROW_NOT_SAID || row->presentation == other->presentation);
}

static void
check_shadow (const Screenings *screenings, unsigned at, Findings *findings)
{
    const ListRow *row = &g_array_index (screenings->rows, ListRow, at);

    for (unsigned i = at; i-- > 0 && at - i <= MAX_COMPARED;) {
        const ListRow *before = &g_array_index (screenings->rows, ListRow, i);
        if (before->list != row->list) {
            return;
        }
        if (covers (screenings, before, row)) {
            findings_add (findings, SCHEMA_SCREENING, row->line, false,
                          "screening \"%s\", rank %u: the row of line %u, rank %u, comes first and "
                          "fits all that it fits; give it a lower rank, or take it out",
                          names_text (screenings->names, row->list), row->rank, before->line,
                          before->rank);
            return;
        }
    }
}

static void
index_row (Screenings *screenings, unsigned at)
{
    static const Pattern any = { .n_digits = 0 };
    const ListRow *row = &g_array_index (screenings->rows, ListRow, at);
    List *list = &g_array_index (screenings->lists, List, row->list);
    bool has_calling = row->calling != NO_PATTERN;
    PatternIndex **index = has_calling ? &list->by_calling : &list->by_called;
    const Pattern *pattern = pattern_of (screenings, has_calling ? row->calling : row->called);

    if (*index == NULL) {
        *index = pattern_index_new ();
    }
    pattern_index_add (*index, pattern != NULL ? pattern : &any, at);
}

void
screenings_end (Screenings *screenings, Findings *findings)
{
    g_array_sort (screenings->rows, compare_rows); /* stable */
    g_array_set_size (screenings->lists, names_count (screenings->names));
    for (unsigned i = 0; i < screenings->rows->len; i++) {
        index_row (screenings, i);
        check_shadow (screenings, i, findings);
    }
    for (unsigned i = 0; i < screenings->lists->len; i++) {
        List *list = &g_array_index (screenings->lists, List, i);
        if (list->by_calling != NULL) {
            pattern_index_end (list->by_calling);
        }
        if (list->by_called != NULL) {
            pattern_index_end (list->by_called);
        }
    }
}

bool
screenings_has (const Screenings *screenings, uint32_t index)
{
    if (index >= screenings->lists->len) {
        return false;
    }
    const List *list = &g_array_index (screenings->lists, List, index);
    return list->by_calling != NULL || list->by_called != NULL;
}

/* --- Judging ----------------------------------------------------------------------------- */

typedef struct {
    const Screenings *screenings;
    const char *called; /* still to be compared; NULL: the index has done so */
    TdPresentation presentation;
    uint32_t best; /* the first row that fits, as they are ordered */
} Search;

static bool
consider (uint32_t value, PatternFit fit, void *data)
{
    Search *search = data;
    const ListRow *row = &g_array_index (search->screenings->rows, ListRow, value);
    const Pattern *called = pattern_of (search->screenings, row->called);

    if (fit != PATTERN_FITS || value >= search->best) {
        return false;
    }
    if ((row->presentation == ROW_NOT_SAID || row->presentation == (int) search->presentation)
        && (search->called == NULL || called == NULL
            || pattern_fit (called, search->called) == PATTERN_FITS)) {
        search->best = value;
    }
    return false;
}

ScreeningResult
screenings_judge (const Screenings *screenings, uint32_t index, const Number *calling,
                  TdPresentation presentation, const Number *called)
{
    ScreeningResult result = { .announcement = "" };
    Search search = { screenings, called->text, presentation, UINT32_MAX };

    if (!screenings_has (screenings, index)) {
        return result;
    }
    const List *list = &g_array_index (screenings->lists, List, index);
    if (list->by_calling != NULL && calling->text[0] != '\0') {
        pattern_index_each (list->by_calling, calling->text, consider, &search);
    }
    if (list->by_called != NULL) {
        search.called = NULL;
        pattern_index_each (list->by_called, called->text, consider, &search);
    }
    if (search.best != UINT32_MAX) {
        const ListRow *row = &g_array_index (screenings->rows, ListRow, search.best);
        result = (ScreeningResult){
            .is_row = true,
            .is_denied = row->is_deny,
            .cause = row->cause,
            .announcement = names_text (screenings->announcements, row->announcement),
            .line = row->line,
            .rank = row->rank,
        };
    }
    return result;
}
