/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of what values are in other protocols: its lines, and looking one up. */

#include "interwork.h"

#include "lines.h"

#include <string.h>

InterworkTable *
interwork_new (void)
{
    InterworkTable *table = g_new0 (InterworkTable, 1);

    table->in_order = g_ptr_array_new_with_free_func (g_free);
    table->by_mark = g_hash_table_new (g_str_hash, g_str_equal);
    return table;
}

void
interwork_free (InterworkTable *table)
{
    if (table != NULL) {
        g_hash_table_unref (table->by_mark);
        g_ptr_array_unref (table->in_order);
        g_free (table);
    }
}

/* --- Words ------------------------------------------------------------------------------- */

/* "NAME:NUMBER", NUMBER as it is written in C. */
typedef struct {
    const char *name;
    unsigned field; /* TdForeignField, 0: a category */
    size_t offset;  /* of an octet in InterworkLine */
    unsigned min, max;
} Word;

#define MEMBER(m) offsetof (InterworkLine, m)

static const Word words_with_number[] = {
    { "ansi", 0, MEMBER (ansi), 1, 255 },
    { "itu", 0, MEMBER (itu), 1, 255 },
    { "mtp", TD_FOREIGN_MESSAGE_PRIORITY, MEMBER (foreign.message_priority), 0, 3 },
    { "precedence", TD_FOREIGN_PRECEDENCE, MEMBER (foreign.precedence), 0, 4 },
    { "h248", TD_FOREIGN_CONTEXT, MEMBER (foreign.context_priority), 0, 15 },
    { "radio", TD_FOREIGN_RADIO, MEMBER (foreign.radio_level), 1, 14 },
    { "emlpp", TD_FOREIGN_EMLPP, MEMBER (foreign.emlpp), 0, 4 },
    { "admission", TD_FOREIGN_ADMISSION, MEMBER (foreign.admission), 0, 255 },
    { "rx", TD_FOREIGN_RESERVATION, MEMBER (foreign.reservation), 0, 7 },
};

static bool
take_number (const char *text, unsigned min, unsigned max, uint8_t *ret)
{
    char *end;
    uint64_t number = g_ascii_strtoull (text, &end, 0);

    if (!g_ascii_isdigit (*text) || *end != '\0' || number < min || number > max) {
        return false;
    }
    *ret = (uint8_t) number;
    return true;
}

static bool
take_word (InterworkLine *line, const char *word, GError **error)
{
    const char *colon = strchr (word, ':');

    if (strcmp (word, "emergency") == 0 || strcmp (word, "ieps") == 0) {
        *(word[0] == 'e' ? &line->foreign.is_emergency : &line->foreign.is_ieps) = true;
        line->foreign.given |= TD_FOREIGN_CONTEXT;
        return true;
    }
    if (strcmp (word, "mps") == 0) {
        line->foreign.is_multimedia_priority = true;
        line->foreign.given |= TD_FOREIGN_RESERVATION;
        return true;
    }
    for (size_t i = 0; colon != NULL && i < G_N_ELEMENTS (words_with_number); i++) {
        const Word *one = &words_with_number[i];
        if (strlen (one->name) != (size_t) (colon - word)
            || strncmp (one->name, word, strlen (one->name)) != 0) {
            continue;
        }
        if (!take_number (colon + 1, one->min, one->max, (uint8_t *) line + one->offset)) {
            g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                         "\"%s\" has no number from %u to %u behind the colon", word, one->min,
                         one->max);
            return false;
        }
        line->foreign.given |= one->field;
        return true;
    }
    g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                 "\"%s\" is nothing a protocol says: write one of ansi:N, itu:N, mtp:N, "
                 "precedence:N, h248:N, emergency, ieps, radio:N, emlpp:N, admission:N, rx:N, mps",
                 word);
    return false;
}

/* --- Lines ------------------------------------------------------------------------------- */

/* "dscp.h248", and "0:24" "5:40" behind it. */
static bool
take_plane (InterworkTable *table, char *const *words, GError **error)
{
    static const char *const names[INTERWORK_N_PLANES] = { "dscp.h248", "dscp.mgcp",
                                                           "dscp.policy" };
    uint8_t dscp[TD_CLASS_MAX + 1] = { 0 };
    unsigned plane = 0;

    while (plane < INTERWORK_N_PLANES && strcmp (words[0], names[plane]) != 0) {
        plane++;
    }
    if (plane == INTERWORK_N_PLANES) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "\"%s\" is no plane: write dscp.h248, dscp.mgcp or dscp.policy", words[0]);
        return false;
    }
    for (char *const *word = words + 1; *word != NULL; word++) {
        g_auto (GStrv) sides = g_strsplit (*word, ":", 2);
        uint8_t first, code;
        if (sides[1] == NULL || !take_number (sides[0], 0, TD_CLASS_MAX, &first)
            || !take_number (sides[1], 0, 63, &code)) {
            g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                         "\"%s\" is no class with a code point: write CLASS:N, CLASS from 0 to %d, "
                         "N from 0 to 63",
                         *word, TD_CLASS_MAX);
            return false;
        }
        memset (dscp + first, code, sizeof dscp - first);
    }
    memcpy (table->dscp[plane], dscp, sizeof dscp);
    return true;
}

static bool
take_mark (InterworkLine *line, const char *text, GError **error)
{
    g_autofree char *lower = g_ascii_strdown (text, -1);
    uint8_t number;
    bool is_mark = strcmp (lower, "sos") == 0 || strchr (lower, '.') != NULL;

    if (g_str_has_prefix (lower, "class.")) {
        is_mark = take_number (lower + 6, TD_CLASS_ORDINARY + 1, TD_CLASS_MAX, &number);
    }
    if (!is_mark || g_strlcpy (line->mark, lower, sizeof line->mark) >= sizeof line->mark) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "\"%s\" is no value: write NAMESPACE.VALUE, sos, or class.N, N from %d to %d",
                     text, TD_CLASS_ORDINARY + 1, TD_CLASS_MAX);
        return false;
    }
    return true;
}

bool
interwork_add (InterworkTable *table, const char *text, GError **error)
{
    g_auto (GStrv) words = line_words (text);
    g_autofree InterworkLine *line = g_new0 (InterworkLine, 1);

    if (words[0] == NULL || words[1] == NULL) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "\"%s\" says nothing: write VALUE and what it is in other protocols, such as "
                     "ets.0 ansi:0xe2",
                     words[0] != NULL ? words[0] : "");
        return false;
    }
    if (g_str_has_prefix (words[0], "dscp.")) {
        return take_plane (table, words, error);
    }
    if (!take_mark (line, words[0], error)) {
        return false;
    }
    for (char **word = words + 1; *word != NULL; word++) {
        if (!take_word (line, *word, error)) {
            return false;
        }
    }
    InterworkLine *before = g_hash_table_lookup (table->by_mark, line->mark);
    if (before != NULL) { /* in its place: the order says which of several counts */
        *before = *line;
        return true;
    }
    g_hash_table_insert (table->by_mark, line->mark, line);
    g_ptr_array_add (table->in_order, g_steal_pointer (&line));
    return true;
}

static bool
add_line (void *table, const char *line, GError **error)
{
    return interwork_add (table, line, error);
}

bool
interwork_add_all (InterworkTable *table, const char *text, const char *name, GError **error)
{
    return lines_add_all (text, name, add_line, table, error);
}

/* --- Looking up -------------------------------------------------------------------------- */

void
interwork_resolve (InterworkTable *table, const NamespaceTable *namespaces)
{
    for (unsigned i = 0; i < table->in_order->len; i++) {
        InterworkLine *line = table->in_order->pdata[i];
        const char *dot = strchr (line->mark, '.');
        const Namespace *name_space =
            dot != NULL ? namespaces_find (namespaces, line->mark, (size_t) (dot - line->mark))
                        : NULL;
        line->level = name_space != NULL
                          ? namespace_find_level (name_space, dot + 1, strlen (dot + 1))
                          : NULL;
    }
}

const InterworkLine *
interwork_find (const InterworkTable *table, const TdPriority *priority)
{
    char mark[2 * TD_PRIORITY_TOKEN];
    const InterworkLine *line;

    g_snprintf (mark, sizeof mark, "%s.%s", priority->name_space, priority->value);
    line = g_hash_table_lookup (table->by_mark, g_str_has_prefix (mark, "sos.") ? "sos" : mark);
    if (line == NULL) {
        g_snprintf (mark, sizeof mark, "class.%u", priority->priority_class);
        line = g_hash_table_lookup (table->by_mark, mark);
    }
    return line;
}
