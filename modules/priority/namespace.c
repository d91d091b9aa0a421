/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of namespaces: its lines, and looking one up. */

#include "namespace.h"

#include "lines.h"

#include <string.h>

bool
mark_char (char c)
{
    return g_ascii_isalnum (c) || (c != '\0' && strchr ("-!%*_+`'~", c) != NULL);
}

NamespaceTable *
namespaces_new (void)
{
    NamespaceTable *table = g_new0 (NamespaceTable, 1);

    table->in_order = g_ptr_array_new_with_free_func (g_free);
    table->by_name = g_hash_table_new (g_str_hash, g_str_equal);
    return table;
}

void
namespaces_free (NamespaceTable *table)
{
    if (table != NULL) {
        g_hash_table_unref (table->by_name);
        g_ptr_array_unref (table->in_order);
        g_free (table);
    }
}

/* LEN bytes of TEXT in lower case; false when they do not fit. */
static bool
fold (const char *text, size_t len_bytes, char ret[TD_PRIORITY_TOKEN])
{
    if (len_bytes == 0 || len_bytes >= TD_PRIORITY_TOKEN) {
        return false;
    }
    for (size_t i = 0; i < len_bytes; i++) {
        ret[i] = g_ascii_tolower (text[i]);
    }
    ret[len_bytes] = '\0';
    return true;
}

static bool
take_token (const char *text, size_t len_bytes, char ret[TD_PRIORITY_TOKEN], const char *what,
            GError **error)
{
    bool is_token = fold (text, len_bytes, ret);

    for (size_t i = 0; is_token && i < len_bytes; i++) {
        is_token = mark_char (text[i]);
    }
    if (!is_token) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "\"%.*s\" is no %s: write 1 to %d letters, digits or -!%%*_+`'~",
                     (int) len_bytes, text, what, TD_PRIORITY_TOKEN - 1);
    }
    return is_token;
}

/* "4:7". */
static bool
take_level (Namespace *name_space, const char *text, GError **error)
{
    const char *colon = strrchr (text, ':');
    g_autofree char *digits = g_strdup (colon != NULL ? colon + 1 : "");
    bool takes_equals = g_str_has_suffix (digits, "=");
    Level *level = &name_space->levels[name_space->n_levels];
    uint64_t class;

    if (name_space->n_levels == NAMESPACE_MAX_LEVELS) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "\"%s\" has more than %d values",
                     name_space->name, NAMESPACE_MAX_LEVELS);
        return false;
    }
    if (takes_equals) {
        digits[strlen (digits) - 1] = '\0';
    }
    if (colon == NULL || (takes_equals && name_space->algorithm == TD_ALGORITHM_QUEUE)
        || !g_ascii_string_to_unsigned (digits, 10, TD_CLASS_ORDINARY + 1, TD_CLASS_MAX, &class,
                                        NULL)) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "\"%s\" is no value with its class: write VALUE:CLASS, CLASS from %d to %d",
                     text, TD_CLASS_ORDINARY + 1, TD_CLASS_MAX);
        return false;
    }
    if (!take_token (text, (size_t) (colon - text), level->value, "value", error)) {
        return false;
    }
    if (namespace_find_level (name_space, level->value, strlen (level->value)) != NULL) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "\"%s\" stands there twice", level->value);
        return false;
    }
    /* RFC 4412 8.3: orders that turn a namespace's own around "MUST NOT be configurable". */
    if (name_space->n_levels > 0 && class < level[-1].priority_class) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "\"%s\" has a lower class than the value before it: write the lowest value "
                     "first, and classes that do not fall",
                     text);
        return false;
    }
    level->priority_class = (uint8_t) class;
    level->takes_equals = takes_equals;
    level->name_space = name_space;
    name_space->n_levels++;
    return true;
}

static bool
take_words (Namespace *name_space, char **words, GError **error)
{
    if (words[0] == NULL || words[1] == NULL || words[2] == NULL) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "\"%s\" is no namespace: write NAME queue|preemption VALUE:CLASS ...",
                     words[0] != NULL ? words[0] : "");
        return false;
    }
    if (!take_token (words[0], strlen (words[0]), name_space->name, "namespace", error)) {
        return false;
    }
    if (strcmp (words[1], "queue") != 0 && strcmp (words[1], "preemption") != 0) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "\"%s\" is no algorithm: write queue or preemption", words[1]);
        return false;
    }
    name_space->algorithm = words[1][0] == 'q' ? TD_ALGORITHM_QUEUE : TD_ALGORITHM_PREEMPT;
    for (char **word = words + 2; *word != NULL; word++) {
        if (!take_level (name_space, *word, error)) {
            return false;
        }
    }
    return true;
}

bool
namespaces_add (NamespaceTable *table, const char *line, GError **error)
{
    g_auto (GStrv) words = line_words (line);
    Namespace *name_space = g_new0 (Namespace, 1);

    if (!take_words (name_space, words, error)) {
        g_free (name_space);
        return false;
    }
    Namespace *before = g_hash_table_lookup (table->by_name, name_space->name);
    if (before != NULL) {
        g_hash_table_remove (table->by_name, before->name);
        g_ptr_array_remove (table->in_order, before);
    }
    g_ptr_array_add (table->in_order, name_space);
    g_hash_table_insert (table->by_name, name_space->name, name_space);
    return true;
}

static bool
add_line (void *table, const char *line, GError **error)
{
    return namespaces_add (table, line, error);
}

bool
namespaces_add_all (NamespaceTable *table, const char *text, const char *name, GError **error)
{
    return lines_add_all (text, name, add_line, table, error);
}

bool
namespaces_keep (NamespaceTable *table, const char *const *names, GError **error)
{
    for (const char *const *name = names; *name != NULL; name++) {
        if (namespaces_find (table, *name, strlen (*name)) == NULL) {
            g_set_error (error, TD_ERROR, TD_ERROR_NOT_FOUND,
                         "\"%s\" is no namespace that is known", *name);
            return false;
        }
    }
    for (unsigned i = table->in_order->len; i > 0; i--) {
        Namespace *name_space = table->in_order->pdata[i - 1];
        bool is_kept = false;
        for (const char *const *name = names; *name != NULL && !is_kept; name++) {
            is_kept = g_ascii_strcasecmp (*name, name_space->name) == 0;
        }
        if (!is_kept) {
            g_hash_table_remove (table->by_name, name_space->name);
            g_ptr_array_remove_index (table->in_order, i - 1);
        }
    }
    return true;
}

const Namespace *
namespaces_find (const NamespaceTable *table, const char *name, size_t len_bytes)
{
    char folded[TD_PRIORITY_TOKEN];

    return fold (name, len_bytes, folded) ? g_hash_table_lookup (table->by_name, folded) : NULL;
}

const Level *
namespace_find_level (const Namespace *name_space, const char *value, size_t len_bytes)
{
    char folded[TD_PRIORITY_TOKEN];

    if (!fold (value, len_bytes, folded)) {
        return NULL;
    }
    for (unsigned i = 0; i < name_space->n_levels; i++) {
        if (strcmp (name_space->levels[i].value, folded) == 0) {
            return &name_space->levels[i];
        }
    }
    return NULL;
}

void
level_to_priority (const Level *level, TdPriorityLearnt learnt, TdPriority *ret)
{
    *ret = (TdPriority){ .priority_class = level->priority_class,
                         .algorithm = level->takes_equals ? TD_ALGORITHM_PREEMPT_EQUAL
                                                          : (uint8_t) level->name_space->algorithm,
                         .learnt = (uint8_t) learnt };
    g_strlcpy (ret->name_space, level->name_space->name, sizeof ret->name_space);
    g_strlcpy (ret->value, level->value, sizeof ret->value);
}

void
level_append (GString *out, const Level *level)
{
    if (out->len > 0) {
        g_string_append (out, ", ");
    }
    g_string_append (out, level->name_space->name);
    g_string_append_c (out, '.');
    g_string_append (out, level->value);
}
