/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sample files and manual pages, written from the tables that also make the check. */

#include "config/schema.h"

#include "config/describe.h"

#include <string.h>

enum {
    COLUMNS = 78, /* of a sample's comments */
};

/* Appends TEXT in lines of at most COLUMNS that begin with "# ". */
static void
append_comment (GString *out, const char *text)
{
    g_auto (GStrv) words = g_strsplit_set (text, " \n", -1);
    size_t column = 0;

    for (unsigned i = 0; words[i] != NULL; i++) {
        size_t len = (size_t) g_utf8_strlen (words[i], -1);
        if (len == 0) {
            continue;
        }
        if (column == 0 || column + 1 + len > COLUMNS) {
            g_string_append (out, column == 0 ? "#" : "\n#");
            column = 1;
        }
        g_string_append_printf (out, " %s", words[i]);
        column += 1 + len;
    }
    g_string_append_c (out, '\n');
}

static void
append_head (GString *out, const TdSchemaSection *section)
{
    g_string_append_printf (out, "[%s%s]", section->name, section->is_named ? " NAME" : "");
}

static bool
is_wanted (const TdSchemaSection *section, const char *owner)
{
    return owner == NULL || strcmp (section->owner, owner) == 0;
}

/* Whether a reload takes KEY over. */
static bool
is_reloadable (const TdSchemaKey *key)
{
    return (key->decl.flags & TD_CONFIG_RELOADABLE) != 0 && key->section->can_reload;
}

/* What there is to know of KEY but for its help: "A duration ... . Taken over by a reload." */
static char *
describe (const TdSchemaKey *key)
{
    const unsigned flags = key->decl.flags;
    GString *text = g_string_new (NULL);

    td_key_describe (&key->decl, text);
    text->str[0] = g_ascii_toupper (text->str[0]);
    g_string_append (text, flags & TD_CONFIG_REQUIRED ? "; required." : ".");
    if (flags & TD_CONFIG_REPEATED) {
        g_string_append (text, " May stand more than once.");
    }
    if (flags & TD_CONFIG_SECRET) {
        g_string_append (text, " Secret: never shown.");
    }
    g_string_append (text, is_reloadable (key) ? " Taken over by a reload."
                                               : " A change needs a restart.");
    if (key->decl.since != NULL) {
        g_string_append_printf (text, " Since %s.", key->decl.since);
    }
    return g_string_free (text, FALSE);
}

static void
sample_key (GString *out, const TdSchemaKey *key)
{
    g_autofree char *description = describe (key);
    const char *value = key->decl.default_text;

    g_string_append_c (out, '\n');
    if (key->decl.help != NULL) {
        append_comment (out, key->decl.help);
    }
    append_comment (out, description);
    if (strcmp (key->decl.name, "*") == 0) {
        g_string_append (out, "# NAME =\n");
    } else {
        g_string_append_printf (out, "#%s =%s%s\n", key->decl.name, value != NULL ? " " : "",
                                value != NULL ? value : "");
    }
}

/* Calls WRITE with each key of SECTION, and with what stands for those that are not declared. */
static void
each_key (GString *out, const TdSchemaSection *section,
          void (*write) (GString *out, const TdSchemaKey *key))
{
    for (unsigned i = 0; i < section->n_keys; i++) {
        write (out, &section->keys[i]);
    }
    if (section->any != NULL) {
        write (out, section->any);
    }
}

void
td_schema_write_sample (GString *out, const TdSchema *schema, const char *owner)
{
    for (unsigned i = 0; i < schema->sections->len; i++) {
        const TdSchemaSection *section = g_ptr_array_index (schema->sections, i);
        if (!is_wanted (section, owner)) {
            continue;
        }
        if (out->len > 0) {
            g_string_append_c (out, '\n');
        }
        if (section->help != NULL) {
            append_comment (out, section->help);
        }
        g_string_append_c (out, '#');
        append_head (out, section);
        g_string_append_c (out, '\n');
        each_key (out, section, sample_key);
    }
}

static void
manual_key (GString *out, const TdSchemaKey *key)
{
    g_autofree char *description = describe (key);
    bool is_any = strcmp (key->decl.name, "*") == 0;

    g_string_append_printf (out, "- `%s`", is_any ? "NAME" : key->decl.name);
    if (key->decl.default_text != NULL) {
        g_string_append_printf (out, " (default `%s`)", key->decl.default_text);
    }
    g_string_append_printf (out, ": %s%s%s\n", key->decl.help != NULL ? key->decl.help : "",
                            key->decl.help != NULL ? " " : "", description);
}

void
td_schema_write_manual (GString *out, const TdSchema *schema, const char *owner)
{
    for (unsigned i = 0; i < schema->sections->len; i++) {
        const TdSchemaSection *section = g_ptr_array_index (schema->sections, i);
        if (!is_wanted (section, owner)) {
            continue;
        }
        g_string_append (out, out->len > 0 ? "\n## `" : "## `");
        append_head (out, section);
        g_string_append (out, "`\n\n");
        if (section->help != NULL) {
            g_string_append_printf (out, "%s\n\n", section->help);
        }
        each_key (out, section, manual_key);
    }
}

/* Appends TEXT so that troff takes it for text: no request, no escape, no dash for a hyphen. */
static void
append_troff (GString *out, const char *text)
{
    if (*text == '.' || *text == '\'') {
        g_string_append (out, "\\&");
    }
    for (; *text != '\0'; text++) {
        if (*text == '\\') {
            g_string_append (out, "\\e");
        } else if (*text == '-') {
            g_string_append (out, "\\-");
        } else {
            g_string_append_c (out, *text == '\n' ? ' ' : *text);
        }
    }
}

static void
man_key (GString *out, const TdSchemaKey *key)
{
    g_autofree char *description = describe (key);
    bool is_any = strcmp (key->decl.name, "*") == 0;

    g_string_append (out, ".TP\n\\fB");
    append_troff (out, is_any ? "NAME" : key->decl.name);
    g_string_append (out, "\\fR");
    if (key->decl.default_text != NULL) {
        g_string_append (out, " (default ");
        append_troff (out, key->decl.default_text);
        g_string_append_c (out, ')');
    }
    g_string_append_c (out, '\n');
    if (key->decl.help != NULL) {
        append_troff (out, key->decl.help);
        g_string_append_c (out, '\n');
    }
    append_troff (out, description);
    g_string_append_c (out, '\n');
}

void
td_schema_write_man (GString *out, const TdSchema *schema, const char *owner)
{
    for (unsigned i = 0; i < schema->sections->len; i++) {
        const TdSchemaSection *section = g_ptr_array_index (schema->sections, i);
        if (!is_wanted (section, owner)) {
            continue;
        }
        g_string_append (out, ".SS \"");
        append_head (out, section);
        g_string_append (out, "\"\n");
        if (section->help != NULL) {
            append_troff (out, section->help);
            g_string_append_c (out, '\n');
        }
        each_key (out, section, man_key);
    }
}
