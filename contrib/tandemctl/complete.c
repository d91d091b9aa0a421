/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may come next on a command line, as the running tandemd knows it. */

#include "complete.h"

#include "connection.h"
#include "parts.h"

#include <string.h>

typedef struct {
    const char *path;
    const char *const *words; /* those before the one that was begun */
    unsigned n_words;
    const char *begun;
    GPtrArray *found;
} Search;

static void
keep (GVariant *answer, bool is_piece, void *data)
{
    if (answer != NULL && parts_is_part (answer)) {
        parts_add (data, answer);
    }
}

/* The rows of the table that WORDS are answered with (transfer full), dictionaries all. */
static GPtrArray *
ask_table (const char *path, const char *const *words)
{
    g_autofree char *text = NULL;
    Parts parts = { 0 };

    connection_ask (path, words, keep, &parts, &text);
    if (parts.rows == NULL) {
        return g_ptr_array_new ();
    }
    for (unsigned i = parts.rows->len; i > 0; i--) {
        if (!g_variant_is_of_type (parts.rows->pdata[i - 1], G_VARIANT_TYPE_VARDICT)) {
            g_ptr_array_remove_index (parts.rows, i - 1);
        }
    }
    return parts.rows;
}

static void
offer (Search *search, const char *word)
{
    if (g_str_has_prefix (word, search->begun)) {
        g_ptr_array_add (search->found, g_strdup (word));
    }
}

/* Offers the first column of what COMMAND answers. */
static void
offer_answers (Search *search, const char *command)
{
    g_auto (GStrv) words = g_strsplit (command, " ", -1);
    g_autoptr (GPtrArray) table = ask_table (search->path, (const char *const *) words);

    for (unsigned i = 0; i < table->len; i++) {
        GVariant *row = table->pdata[i];
        g_autoptr (GVariant) value = NULL;
        const char *name;
        if (g_variant_n_children (row) > 0) {
            g_variant_get_child (row, 0, "{&sv}", &name, &value);
            if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)) {
                offer (search, g_variant_get_string (value, NULL));
            }
        }
    }
}

typedef struct {
    const char *name, *complete;
    gboolean takes_value;
} Argument;

static Argument
argument_at (GVariant *arguments, gsize i)
{
    g_autoptr (GVariant) row = g_variant_get_child_value (arguments, i);
    Argument argument = { .name = "", .complete = "" };

    g_variant_lookup (row, "name", "&s", &argument.name);
    g_variant_lookup (row, "complete", "&s", &argument.complete);
    g_variant_lookup (row, "takes_value", "b", &argument.takes_value);
    return argument;
}

/* Whether WORD is an option of ARGUMENTS whose value follows it. */
static bool
wants_value (GVariant *arguments, const char *word, Argument *ret_option)
{
    for (gsize i = 0; i < g_variant_n_children (arguments); i++) {
        Argument argument = argument_at (arguments, i);
        if (argument.takes_value && g_str_equal (argument.name, word)) {
            *ret_option = argument;
            return true;
        }
    }
    return false;
}

/* Offers what may follow the words of a command's name, N_NAME of them. */
static void
offer_arguments (Search *search, GVariant *arguments, unsigned n_name)
{
    unsigned n_positional = 0, position = 0;
    Argument option = { .name = NULL };

    for (unsigned i = n_name; i < search->n_words; i++) {
        if (wants_value (arguments, search->words[i], &option)) {
            if (++i >= search->n_words) {
                if (*option.complete != '\0') {
                    offer_answers (search, option.complete);
                }
                return;
            }
        } else if (search->words[i][0] != '-') {
            n_positional++;
        }
    }
    for (gsize i = 0; i < g_variant_n_children (arguments); i++) {
        Argument argument = argument_at (arguments, i);
        if (argument.name[0] == '-') {
            offer (search, argument.name);
        } else if (position++ == n_positional && *argument.complete != '\0') {
            offer_answers (search, argument.complete);
        }
    }
}

/* Offers what the command in ROW has for the place; a name that is complete wins over a longer
 * one that is only begun, as both may be meant. */
static void
offer_command (Search *search, GVariant *row)
{
    g_autoptr (GVariant) arguments = g_variant_lookup_value (row, "arguments", NULL);
    const char *name = "";

    g_variant_lookup (row, "name", "&s", &name);
    g_auto (GStrv) parts = g_strsplit (name, " ", -1);
    unsigned n_parts = g_strv_length (parts);
    for (unsigned i = 0; i < MIN (n_parts, search->n_words); i++) {
        if (!g_str_equal (parts[i], search->words[i])) {
            return;
        }
    }
    if (search->n_words < n_parts) {
        offer (search, parts[search->n_words]);
    } else if (arguments != NULL) {
        offer_arguments (search, arguments, n_parts);
    }
}

static int
compare_words (const void *a, const void *b)
{
    return strcmp (*(const char *const *) a, *(const char *const *) b);
}

char **
complete_words (const char *path, const char *const *words)
{
    unsigned n_words = g_strv_length ((char **) words);
    g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GPtrArray) table = ask_table (path, (const char *const[]){ "commands", NULL });
    Search search = { .path = path,
                      .words = words,
                      .n_words = n_words > 0 ? n_words - 1 : 0,
                      .begun = n_words > 0 ? words[n_words - 1] : "",
                      .found = found };

    for (unsigned i = 0; i < table->len; i++) {
        offer_command (&search, table->pdata[i]);
    }
    if (search.n_words == 0) {
        offer (&search, "wait-ready");
    }
    g_ptr_array_sort (found, compare_words);
    for (unsigned i = found->len; i > 1; i--) {
        if (g_str_equal (found->pdata[i - 1], found->pdata[i - 2])) {
            g_ptr_array_remove_index (found, i - 1);
        }
    }
    g_ptr_array_add (found, NULL);
    return (char **) g_ptr_array_free (g_steal_pointer (&found), FALSE);
}
