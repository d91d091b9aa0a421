/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a number to the label of a route list. */

#include "lookup.h"

#include "plan.h"

#include <string.h>

#define NO_CONDITION UINT32_MAX

enum {
    MAX_PREFIXES = TD_NUMBER_DIGITS + 1, /* of one number: each length, and "" behind a "+" */
    MAX_COMPARED = 64,                   /* rows before one, when it is asked what they leave */
};

typedef struct {
    uint32_t label : 31;
    uint32_t is_last : 1; /* with this prefix */
    uint32_t condition;   /* or NO_CONDITION */
} Entry;

G_STATIC_ASSERT (sizeof (Entry) == 8);

typedef struct {
    uint32_t calling;                                                            /* in PATTERNS */
    uint32_t user, domain, ingress, carrier, category, bearer, attribute, value; /* in TEXTS */
    uint32_t calendar;
    uint32_t line, rank;
    int16_t line_information;
    int8_t type, nature; /* ROW_NOT_SAID: any */
} Condition;

/* What it takes to sort a row. */
typedef struct {
    uint32_t table, prefix, rank, order, line;
    Entry entry;
} Draft;

struct Lookup {
    LookupNames names;
    Names *texts;
    GArray *entries;    /* Entry, by table, prefix and rank */
    GArray *conditions; /* Condition */
    GArray *patterns;   /* Pattern */
    GPtrArray *trees;   /* of each table: TdPrefixTable of first entries, or NULL */
    GArray *label_lines, *calendar_lines; /* uint32_t: the first line that mentions each, + 1 */

    GArray *drafts; /* Draft; NULL after the end */
    GString *prefixes;
};

static void
free_tree (void *tree)
{
    td_prefix_table_free (tree);
}

Lookup *
lookup_new (const LookupNames *names)
{
    Lookup *lookup = g_new0 (Lookup, 1);

    lookup->names = *names;
    lookup->texts = names_new ();
    lookup->entries = g_array_new (false, false, sizeof (Entry));
    lookup->conditions = g_array_new (false, false, sizeof (Condition));
    lookup->patterns = g_array_new (false, false, sizeof (Pattern));
    lookup->trees = g_ptr_array_new_with_free_func (free_tree);
    lookup->label_lines = g_array_new (false, true, sizeof (uint32_t));
    lookup->calendar_lines = g_array_new (false, true, sizeof (uint32_t));
    lookup->drafts = g_array_new (false, false, sizeof (Draft));
    lookup->prefixes = g_string_new (NULL);
    return lookup;
}

static void
free_drafts (Lookup *lookup)
{
    g_clear_pointer (&lookup->drafts, g_array_unref);
    if (lookup->prefixes != NULL) {
        g_string_free (g_steal_pointer (&lookup->prefixes), true);
    }
}

void
lookup_free (Lookup *lookup)
{
    if (lookup != NULL) {
        free_drafts (lookup);
        names_free (lookup->texts);
        g_array_unref (lookup->entries);
        g_array_unref (lookup->conditions);
        g_array_unref (lookup->patterns);
        g_ptr_array_unref (lookup->trees);
        g_array_unref (lookup->label_lines);
        g_array_unref (lookup->calendar_lines);
        g_free (lookup);
    }
}

/* --- Adding ------------------------------------------------------------------------------ */

static void
note_line (GArray *lines, uint32_t index, unsigned line)
{
    if (index == NAMES_NONE) {
        return;
    }
    if (index >= lines->len) {
        g_array_set_size (lines, index + 1);
    }
    if (g_array_index (lines, uint32_t, index) == 0) {
        g_array_index (lines, uint32_t, index) = line + 1;
    }
}

static bool
read_calling (Lookup *lookup, const Row *row, Condition *condition, GError **error)
{
    Pattern pattern;

    condition->calling = NAMES_NONE;
    if (!row_says (row, ROUTE_CALLING)) {
        return true;
    }
    if (!row_pattern (row, ROUTE_CALLING, &pattern, error)) {
        return false;
    }
    condition->calling = lookup->patterns->len;
    g_array_append_val (lookup->patterns, pattern);
    return true;
}

static bool
read_attribute (Lookup *lookup, const Row *row, Condition *condition, GError **error)
{
    const char *text = row_text (row, ROUTE_ATTRIBUTE), *equals = strchr (text, '=');

    condition->attribute = condition->value = NAMES_NONE;
    if (*text == '\0') {
        return true;
    }
    if (equals == NULL || equals == text) {
        return row_refuse (row, ROUTE_ATTRIBUTE, error, "write NAME=VALUE");
    }
    g_autofree char *name = g_strndup (text, (size_t) (equals - text));
    condition->attribute = names_add (lookup->texts, name);
    condition->value = names_add (lookup->texts, equals + 1);
    return true;
}

static bool
read_condition (Lookup *lookup, const Row *row, Condition *condition, GError **error)
{
    int64_t line_information, rank;
    int type, nature;

    if (!row_choice (row, ROUTE_TYPE, &type, error)
        || !row_choice (row, ROUTE_NATURE, &nature, error)
        || !row_integer (row, ROUTE_LINE_INFORMATION, &line_information, error)
        || !row_integer (row, ROUTE_RANK, &rank, error)
        || !read_calling (lookup, row, condition, error)
        || !read_attribute (lookup, row, condition, error)) {
        return false;
    }
    condition->type = (int8_t) type;
    condition->nature = (int8_t) nature;
    condition->line_information = (int16_t) line_information;
    condition->rank = (uint32_t) rank;
    condition->line = row->line;
    condition->user = names_add (lookup->texts, row_text (row, ROUTE_USER));
    condition->domain = names_add (lookup->texts, row_text (row, ROUTE_DOMAIN));
    condition->ingress = names_add (lookup->texts, row_text (row, ROUTE_INGRESS));
    condition->carrier = names_add (lookup->texts, row_text (row, ROUTE_CARRIER));
    condition->category = names_add (lookup->texts, row_text (row, ROUTE_CATEGORY));
    condition->bearer = names_add (lookup->texts, row_text (row, ROUTE_BEARER));
    condition->calendar = names_add (lookup->names.calendars, row_text (row, ROUTE_CALENDAR));
    note_line (lookup->calendar_lines, condition->calendar, row->line);
    return true;
}

static bool
has_conditions (const Row *row)
{
    for (unsigned column = ROUTE_CALLING; column <= ROUTE_CALENDAR; column++) {
        if (row_says (row, column)) {
            return true;
        }
    }
    return false;
}

bool
lookup_add (Lookup *lookup, const Row *row, GError **error)
{
    Condition condition;

    if (!row_required (row, ROUTE_TABLE, error) || !row_required (row, ROUTE_LABEL, error)
        || !row_digits (row, ROUTE_PREFIX, error)
        || !read_condition (lookup, row, &condition, error)) {
        return false;
    }
    Draft draft = {
        .table = names_add (lookup->names.tables, row_text (row, ROUTE_TABLE)),
        .prefix = (uint32_t) lookup->prefixes->len,
        .rank = condition.rank,
        .order = lookup->drafts->len,
        .line = row->line,
        .entry = { .label =
                       names_add (lookup->names.labels, row_text (row, ROUTE_LABEL)) & INT32_MAX,
                   .condition = NO_CONDITION },
    };
    if (has_conditions (row)) {
        draft.entry.condition = lookup->conditions->len;
        g_array_append_val (lookup->conditions, condition);
    }
    note_line (lookup->label_lines, draft.entry.label, row->line);
    g_string_append_len (lookup->prefixes, row_text (row, ROUTE_PREFIX),
                         (gssize) strlen (row_text (row, ROUTE_PREFIX)) + 1);
    g_array_append_val (lookup->drafts, draft);
    return true;
}

/* --- Ending ------------------------------------------------------------------------------ */

static int
compare_drafts (const void *a, const void *b, void *data)
{
    const Draft *one = a, *other = b;
    const char *prefixes = data;

    if (one->table != other->table) {
        return one->table < other->table ? -1 : 1;
    }
    int difference = g_ascii_strcasecmp (prefixes + one->prefix, prefixes + other->prefix);
    if (difference != 0) {
        return difference;
    }
    if (one->rank != other->rank) {
        return one->rank < other->rank ? -1 : 1;
    }
    return one->order < other->order ? -1 : 1;
}

static bool
covers_text (uint32_t text, uint32_t other)
{
    return text == NAMES_NONE || text == other;
}

static bool
covers_number (int number, int other)
{
    return number == ROW_NOT_SAID || number == other;
}

/* Whether a row with CONDITION leaves nothing for one with OTHER behind it. */
static bool
covers (const Lookup *lookup, uint32_t condition, uint32_t other)
{
    if (condition == NO_CONDITION || other == NO_CONDITION) {
        return condition == NO_CONDITION;
    }
    const Condition *x = &g_array_index (lookup->conditions, Condition, condition);
    const Condition *y = &g_array_index (lookup->conditions, Condition, other);
    if (x->calling != NAMES_NONE
        && (y->calling == NAMES_NONE
            || !pattern_covers (&g_array_index (lookup->patterns, Pattern, x->calling),
                                &g_array_index (lookup->patterns, Pattern, y->calling)))) {
        return false;
    }
    return covers_text (x->user, y->user) && covers_text (x->domain, y->domain)
           && covers_text (x->ingress, y->ingress) && covers_text (x->carrier, y->carrier)
           && covers_text (x->category, y->category) && covers_text (x->bearer, y->bearer)
           && covers_text (x->attribute, y->attribute) && covers_text (x->value, y->value)
           && covers_text (x->calendar, y->calendar) && covers_number (x->type, y->type)
           && covers_number (x->nature, y->nature)
           && covers_number (x->line_information, y->line_information);
}

static bool
has_same_prefix (const Lookup *lookup, const Draft *one, const Draft *other)
{
    return one->table == other->table
           && g_ascii_strcasecmp (lookup->prefixes->str + one->prefix,
                                  lookup->prefixes->str + other->prefix)
                  == 0;
}

static void
check_shadow (const Lookup *lookup, unsigned at, Findings *findings)
{
    const Draft *row = &g_array_index (lookup->drafts, Draft, at);

    for (unsigned i = at; i-- > 0 && at - i <= MAX_COMPARED;) {
        const Draft *before = &g_array_index (lookup->drafts, Draft, i);
        if (!has_same_prefix (lookup, before, row)) {
            return;
        }
        if (covers (lookup, before->entry.condition, row->entry.condition)) {
            findings_add (
                findings, SCHEMA_ROUTE, row->line, false,
                "route \"%s\", prefix \"%s\", rank %u: the row of line %u, rank %u, comes "
                "first and holds whenever it does; give it a lower rank, or take it out",
                names_text (lookup->names.tables, row->table), lookup->prefixes->str + row->prefix,
                row->rank, before->line, before->rank);
            return;
        }
    }
}

/* The tree of the drafts from FIRST on that are of one table. Returns behind the last of them. */
static unsigned
make_tree (Lookup *lookup, unsigned first)
{
    const Draft *drafts = (const Draft *) lookup->drafts->data;
    unsigned end = first, n = 0;

    while (end < lookup->drafts->len && drafts[end].table == drafts[first].table) {
        end++;
    }
    g_autofree TdPrefix *prefixes = g_new (TdPrefix, end - first);
    for (unsigned i = first; i < end; i++) {
        if (i == first || !has_same_prefix (lookup, &drafts[i - 1], &drafts[i])) {
            prefixes[n++] = (TdPrefix){ lookup->prefixes->str + drafts[i].prefix, i };
        }
    }
    lookup->trees->pdata[drafts[first].table] = td_prefix_table_new (prefixes, n, NULL);
    return end;
}

void
lookup_end (Lookup *lookup, Findings *findings)
{
    g_array_sort_with_data (lookup->drafts, compare_drafts, lookup->prefixes->str);
    g_array_set_size (lookup->entries, lookup->drafts->len);
    for (unsigned i = 0; i < lookup->drafts->len; i++) {
        const Draft *draft = &g_array_index (lookup->drafts, Draft, i);
        Entry *entry = &g_array_index (lookup->entries, Entry, i);
        check_shadow (lookup, i, findings);
        *entry = draft->entry;
        entry->is_last =
            i + 1 == lookup->drafts->len || !has_same_prefix (lookup, draft, draft + 1);
    }
    g_ptr_array_set_size (lookup->trees, (int) names_count (lookup->names.tables));
    for (unsigned i = 0; i < lookup->drafts->len;) {
        i = make_tree (lookup, i);
    }
    free_drafts (lookup);
}

static unsigned
line_of (const GArray *lines, uint32_t index)
{
    return index < lines->len ? MAX (g_array_index (lines, uint32_t, index), 1u) - 1 : 0;
}

unsigned
lookup_line_of_label (const Lookup *lookup, uint32_t label)
{
    return line_of (lookup->label_lines, label);
}

unsigned
lookup_line_of_calendar (const Lookup *lookup, uint32_t calendar)
{
    return line_of (lookup->calendar_lines, calendar);
}

bool
lookup_leads_to (const Lookup *lookup, uint32_t label)
{
    return label < lookup->label_lines->len
           && g_array_index (lookup->label_lines, uint32_t, label) != 0;
}

bool
lookup_asks_for (const Lookup *lookup, uint32_t calendar)
{
    return calendar < lookup->calendar_lines->len
           && g_array_index (lookup->calendar_lines, uint32_t, calendar) != 0;
}

bool
lookup_has (const Lookup *lookup, uint32_t index)
{
    return index < lookup->trees->len && lookup->trees->pdata[index] != NULL;
}

size_t
lookup_size_bytes (const Lookup *lookup)
{
    size_t size = sizeof (Lookup) + lookup->entries->len * sizeof (Entry)
                  + lookup->conditions->len * sizeof (Condition)
                  + lookup->patterns->len * sizeof (Pattern);

    for (unsigned i = 0; i < lookup->trees->len; i++) {
        if (lookup->trees->pdata[i] != NULL) {
            size += td_prefix_table_size_bytes (lookup->trees->pdata[i]);
        }
    }
    return size;
}

/* --- Looking up -------------------------------------------------------------------------- */

static bool
is_text (const Lookup *lookup, uint32_t wanted, const char *text)
{
    return wanted == NAMES_NONE
           || (text != NULL && strcmp (names_text (lookup->texts, wanted), text) == 0);
}

static bool
is_domain (const Lookup *lookup, uint32_t wanted, const char *text)
{
    return wanted == NAMES_NONE
           || (text != NULL && g_ascii_strcasecmp (names_text (lookup->texts, wanted), text) == 0);
}

static bool
has_attribute (const Lookup *lookup, const Condition *condition, const LookupSubject *subject)
{
    if (condition->attribute == NAMES_NONE) {
        return true;
    }
    const char *value =
        subject->attribute != NULL
            ? subject->attribute (names_text (lookup->texts, condition->attribute), subject->data)
            : NULL;
    return value != NULL && strcmp (names_text (lookup->texts, condition->value), value) == 0;
}

static bool
is_number (int wanted, int number)
{
    return wanted == ROW_NOT_SAID || wanted == number;
}

/* The column that SUBJECT does not meet, or NULL. */
static const char *
unmet (const Lookup *lookup, const Condition *condition, const LookupSubject *subject,
       const Calendars *calendars)
{
    if (condition->calling != NAMES_NONE
        && pattern_fit (&g_array_index (lookup->patterns, Pattern, condition->calling),
                        subject->calling->text)
               != PATTERN_FITS) {
        return "calling";
    }
    return !is_text (lookup, condition->user, subject->user)         ? "user"
           : !is_domain (lookup, condition->domain, subject->domain) ? "domain"
           : !is_text (lookup, condition->ingress, subject->ingress) ? "ingress"
           : !is_text (lookup, condition->carrier, subject->carrier) ? "carrier"
           : !is_number (condition->type, subject->type)             ? "type"
           : !is_number (condition->nature, subject->called->nature) ? "nature"
           : !is_number (condition->line_information, subject->line_information)
               ? "line_information"
           : !is_text (lookup, condition->category, subject->category) ? "category"
           : !is_text (lookup, condition->bearer, subject->bearer)     ? "bearer"
           : !has_attribute (lookup, condition, subject)               ? "attribute"
           : condition->calendar != NAMES_NONE
                   && !calendars_is_in (calendars, condition->calendar, subject->moment)
               ? "calendar"
               : NULL;
}

static bool
names_type (const Lookup *lookup, const Entry *entry)
{
    return entry->condition != NO_CONDITION
           && g_array_index (lookup->conditions, Condition, entry->condition).type != ROW_NOT_SAID;
}

/* How many characters of NUMBER the prefix of the rows from FIRST on has: only for explanations, so
 * nobody keeps it. */
static int
prefix_len (const Lookup *lookup, uint32_t index, const char *number, uint32_t first)
{
    int len = 0;

    for (char cut[TD_NUMBER_DIGITS + 1]; number[len] != '\0'; len++) {
        g_strlcpy (cut, number, (size_t) len + 1);
        if (td_prefix_table_find (lookup->trees->pdata[index], cut) == first) {
            break;
        }
    }
    return len;
}

static void
explain_row (const Lookup *lookup, const Entry *entry, const char *number, int n_prefix,
             const char *column, Explanation *explanation)
{
    unsigned line = 0;

    if (entry->condition != NO_CONDITION) {
        line = g_array_index (lookup->conditions, Condition, entry->condition).line;
    }
    explanation_judge (explanation, "route", names_text (lookup->names.labels, entry->label), line,
                       column == NULL, "prefix \"%.*s\": %s%s%s", n_prefix, number,
                       column == NULL ? "the first row that holds" : "the call's ",
                       column != NULL ? column : "",
                       column != NULL ? " is not what the row wants" : "");
}

static uint32_t
find_in_prefix (const Lookup *lookup, uint32_t index, uint32_t first, const LookupSubject *subject,
                const Calendars *calendars, Explanation *explanation)
{
    int n_prefix = explanation != NULL ? prefix_len (lookup, index, subject->number, first) : 0;

    for (uint32_t i = first;; i++) {
        const Entry *entry = &g_array_index (lookup->entries, Entry, i);
        const char *column = NULL;
        if (subject->has_own_rows && !names_type (lookup, entry)) {
            column = "type";
        } else if (entry->condition != NO_CONDITION) {
            column =
                unmet (lookup, &g_array_index (lookup->conditions, Condition, entry->condition),
                       subject, calendars);
        }
        if (explanation != NULL) {
            explain_row (lookup, entry, subject->number, n_prefix, column, explanation);
        }
        if (column == NULL) {
            return entry->label;
        }
        if (entry->is_last) {
            return NAMES_NONE;
        }
    }
}

uint32_t
lookup_find (const Lookup *lookup, uint32_t index, const LookupSubject *subject,
             const Calendars *calendars, Explanation *explanation)
{
    uint32_t firsts[MAX_PREFIXES + 1];

    if (!lookup_has (lookup, index)) {
        return NAMES_NONE;
    }
    const TdPrefixTable *tree = lookup->trees->pdata[index];
    size_t n = td_prefix_table_find_all (tree, subject->number, firsts, MAX_PREFIXES);
    if (subject->number[0] == '+') { /* the empty prefix is any number's */
        firsts[n] = td_prefix_table_find (tree, "");
        n += firsts[n] != TD_PREFIX_NO_VALUE;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t label = find_in_prefix (lookup, index, firsts[i], subject, calendars, explanation);
        if (label != NAMES_NONE) {
            return label;
        }
    }
    return NAMES_NONE;
}

bool
lookup_has_longer (const Lookup *lookup, uint32_t index, const char *number)
{
    return lookup_has (lookup, index)
           && td_prefix_table_has_longer (lookup->trees->pdata[index], number);
}
