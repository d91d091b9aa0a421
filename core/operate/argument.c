/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A command's arguments: how they are written, and what to say when they are not. */

#include "operate/command.h"

#include "base/text.h"

#include <string.h>

/* How far the words have been read. */
typedef struct {
    const TdCommandLease *lease;
    GHashTable *values;
    unsigned n_positional; /* taken so far */
    bool are_options_over; /* "--" was seen */
} Reading;

static bool
is_option (const TdArgument *argument)
{
    return argument->name[0] == '-';
}

/* What stands for the value of an option in its usage: " FILE" of "--file" (transfer full). */
static char *
value_name (const TdArgument *argument)
{
    if (!is_option (argument) || !argument->takes_value) {
        return g_strdup ("");
    }
    g_autofree char *upper = g_ascii_strup (argument->name + strspn (argument->name, "-"), -1);
    return g_strconcat (" ", upper, NULL);
}

char *
td_command_usage (const TdCommandLease *lease)
{
    g_autoptr (GString) usage = g_string_new (lease->decl.name);

    for (uint32_t i = 0; i < lease->decl.n_arguments; i++) {
        const TdArgument *argument = &lease->arguments[i];
        g_autofree char *value = value_name (argument);
        g_string_append_printf (usage, argument->is_required ? " %s%s" : " [%s%s]", argument->name,
                                value);
    }
    return g_string_free (g_steal_pointer (&usage), FALSE);
}

/* A terminal has eighty columns, and beside it stands what the command does. */
enum { SYNOPSIS_WIDTH = 40 };

char *
td_command_synopsis (const TdCommandLease *lease)
{
    char *usage = td_command_usage (lease);

    if (strlen (usage) <= SYNOPSIS_WIDTH) {
        return usage;
    }
    GString *synopsis = g_string_new (lease->decl.name);
    for (uint32_t i = 0; i < lease->decl.n_arguments; i++) {
        const TdArgument *argument = &lease->arguments[i];
        if (!is_option (argument)) {
            g_string_append_printf (synopsis, argument->is_required ? " %s" : " [%s]",
                                    argument->name);
        }
    }
    g_free (usage);
    return g_string_free (g_string_append (synopsis, " [OPTION...]"), FALSE);
}

static void set_wrong (GError **error, const TdCommandLease *lease, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

static void
set_wrong (GError **error, const TdCommandLease *lease, const char *format, ...)
{
    g_autofree char *usage = td_command_usage (lease);
    va_list arguments;

    va_start (arguments, format);
    g_autofree char *what = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    g_set_error (error, TD_OPERATE_ERROR, TD_OPERATE_ERROR_ARGUMENT, "%s: %s; usage: %s",
                 lease->decl.name, what, usage);
}

/* The option with the LEN_BYTES of NAME, or NULL. */
static const TdArgument *
find_option (const TdCommandLease *lease, const char *name, size_t len_bytes)
{
    for (uint32_t i = 0; i < lease->decl.n_arguments; i++) {
        const TdArgument *argument = &lease->arguments[i];
        if (is_option (argument) && strlen (argument->name) == len_bytes
            && memcmp (argument->name, name, len_bytes) == 0) {
            return argument;
        }
    }
    return NULL;
}

static void
set_unknown_option (GError **error, const TdCommandLease *lease, const char *name)
{
    g_autoptr (GPtrArray) names = g_ptr_array_new ();

    for (uint32_t i = 0; i < lease->decl.n_arguments; i++) {
        if (is_option (&lease->arguments[i])) {
            g_ptr_array_add (names, (void *) lease->arguments[i].name);
        }
    }
    const char *near = td_text_nearest (name, (const char *const *) names->pdata, names->len);
    if (near != NULL) {
        set_wrong (error, lease, "there is no option %s, did you mean %s?", name, near);
    } else {
        set_wrong (error, lease, "there is no option %s", name);
    }
}

/* Reads the option WORD, and NEXT as its value where it has none of its own. Returns the number of
 * words read, 0 on failure. */
static unsigned
read_option (Reading *reading, const char *word, const char *next, GError **error)
{
    const char *equals = strchr (word, '=');
    g_autofree char *name =
        g_strndup (word, equals != NULL ? (size_t) (equals - word) : strlen (word));
    const TdArgument *option = find_option (reading->lease, name, strlen (name));

    if (option == NULL) {
        set_unknown_option (error, reading->lease, name);
        return 0;
    }
    if (g_hash_table_contains (reading->values, option->name)) {
        set_wrong (error, reading->lease, "%s is given twice", name);
        return 0;
    }
    if (!option->takes_value && equals != NULL) {
        set_wrong (error, reading->lease, "%s takes no value, not even \"%s\"", name, equals + 1);
        return 0;
    }
    if (option->takes_value && equals == NULL && next == NULL) {
        set_wrong (error, reading->lease, "%s needs a value", name);
        return 0;
    }
    const char *value = equals != NULL ? equals + 1 : option->takes_value ? next : "";
    g_hash_table_insert (reading->values, (void *) option->name, g_strdup (value));
    return option->takes_value && equals == NULL ? 2 : 1;
}

static bool
read_positional (Reading *reading, const char *word, GError **error)
{
    const TdCommandLease *lease = reading->lease;
    unsigned n_positional = 0;

    for (uint32_t i = 0; i < lease->decl.n_arguments; i++) {
        const TdArgument *argument = &lease->arguments[i];
        if (!is_option (argument) && n_positional++ == reading->n_positional) {
            g_hash_table_insert (reading->values, (void *) argument->name, g_strdup (word));
            reading->n_positional++;
            return true;
        }
    }
    set_wrong (error, lease, "\"%s\" is one word too many", word);
    return false;
}

static bool
is_complete (const Reading *reading, GError **error)
{
    for (uint32_t i = 0; i < reading->lease->decl.n_arguments; i++) {
        const TdArgument *argument = &reading->lease->arguments[i];
        if (argument->is_required && !g_hash_table_contains (reading->values, argument->name)) {
            set_wrong (error, reading->lease, "%s is missing (%s)", argument->name,
                       argument->help != NULL ? argument->help : "it is required");
            return false;
        }
    }
    return true;
}

GHashTable *
td_arguments_parse (const TdCommandLease *lease, const char *const *words, GError **error)
{
    g_autoptr (GHashTable) values = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
    Reading reading = { .lease = lease, .values = values };

    for (unsigned i = 0; words[i] != NULL;) {
        if (!reading.are_options_over && g_str_equal (words[i], "--")) {
            reading.are_options_over = true;
            i++;
        } else if (!reading.are_options_over && words[i][0] == '-' && words[i][1] != '\0') {
            unsigned n_read = read_option (&reading, words[i], words[i + 1], error);
            if (n_read == 0) {
                return NULL;
            }
            i += n_read;
        } else if (!read_positional (&reading, words[i++], error)) {
            return NULL;
        }
    }
    return is_complete (&reading, error) ? g_steal_pointer (&values) : NULL;
}
