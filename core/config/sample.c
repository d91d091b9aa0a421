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

/* One section as it is written. */
typedef struct {
    GString *out;
    const TdSchemaSection *section;
    const char *const *owners; /* whose keys; NULL: everybody's */
    const char *guest; /* nullable: who adds these keys, written without the section's owner */
} Page;

static void
append_head (const Page *page)
{
    g_string_append_printf (page->out, "[%s%s]", page->section->name,
                            page->section->is_named ? " NAME" : "");
}

/* What stands in the place of a guest's section's help (transfer full). */
static char *
explain_guest (const Page *page)
{
    bool is_core = strcmp (page->section->owner, "core") == 0;

    return g_strdup_printf ("What the module %s adds to this section, which %s%s declares.",
                            page->guest, is_core ? "the " : "the module ", page->section->owner);
}

/* Whether a reload takes KEY over. */
static bool
is_reloadable (const TdSchemaKey *key)
{
    return (key->decl.flags & TD_CONFIG_RELOADABLE) != 0 && key->can_reload;
}

/* What there is to know of KEY but for its help: "A duration ... . Taken over by a reload." */
static char *
describe (const Page *page, const TdSchemaKey *key)
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
    if (page->guest == NULL && strcmp (key->owner, page->section->owner) != 0) {
        g_string_append_printf (text, " Of the module %s.", key->owner);
    }
    return g_string_free (text, FALSE);
}

/* Calls WRITE with each wanted key of PAGE, and with what stands for those that are not declared. */
static void
each_key (const Page *page, void (*write) (const Page *page, const TdSchemaKey *key))
{
    const TdSchemaSection *section = page->section;

    for (unsigned i = 0; i < section->n_keys; i++) {
        const TdSchemaKey *key = &section->keys[i];
        if (page->owners == NULL || g_strv_contains (page->owners, key->owner)) {
            write (page, key);
        }
    }
    if (section->any != NULL) {
        write (page, section->any);
    }
}

/* Whether OWNER has a key in PAGE's section, which somebody declares who is not among the owners. */
static bool
is_guest (const Page *page, const char *owner)
{
    const TdSchemaSection *section = page->section;

    if (g_strv_contains (page->owners, section->owner)) {
        return false;
    }
    for (unsigned i = 0; i < section->n_keys; i++) {
        if (strcmp (section->keys[i].owner, owner) == 0) {
            return true;
        }
    }
    return false;
}

/* Calls WRITE with what there is to tell of OWNER, one of PAGE's owners: its sections, then its keys
 * in those of others. */
static void
each_section_of (const char *owner, Page page, const TdSchema *schema,
                 void (*write) (const Page *page))
{
    const char *const alone[] = { owner, NULL };

    for (unsigned i = 0; i < schema->sections->len; i++) {
        page.section = g_ptr_array_index (schema->sections, i);
        if (strcmp (page.section->owner, owner) == 0) {
            write (&page);
        }
    }
    for (unsigned i = 0; i < schema->sections->len; i++) {
        page.section = g_ptr_array_index (schema->sections, i);
        if (is_guest (&page, owner)) {
            Page guest = { page.out, page.section, alone, owner };
            write (&guest);
        }
    }
}

/* Calls WRITE with each section, in the order of OWNERS; NOTHING (nullable) with an owner of none. */
static void
each_section (GString *out, const TdSchema *schema, const char *const *owners,
              void (*write) (const Page *page), void (*nothing) (GString *out, const char *owner))
{
    Page page = { .out = out, .owners = owners };

    for (unsigned i = 0; owners != NULL && owners[i] != NULL; i++) {
        size_t len_before = out->len;
        each_section_of (owners[i], page, schema, write);
        if (out->len == len_before && nothing != NULL) {
            nothing (out, owners[i]);
        }
    }
    for (unsigned i = 0; owners == NULL && i < schema->sections->len; i++) {
        page.section = g_ptr_array_index (schema->sections, i);
        write (&page);
    }
}

static void
sample_key (const Page *page, const TdSchemaKey *key)
{
    g_autofree char *description = describe (page, key);
    const char *value = key->decl.default_text;

    g_string_append_c (page->out, '\n');
    if (key->decl.help != NULL) {
        append_comment (page->out, key->decl.help);
    }
    append_comment (page->out, description);
    if (strcmp (key->decl.name, "*") == 0) {
        g_string_append (page->out, "# NAME =\n");
    } else {
        g_string_append_printf (page->out, "#%s%s =%s%s\n", page->guest != NULL ? " " : "",
                                key->decl.name, value != NULL && *value != '\0' ? " " : "",
                                value != NULL ? value : "");
    }
}

/* A section stands once, so a guest's keys are not for switching on where its sample has them. */
static void
sample_section (const Page *page)
{
    if (page->out->len > 0) {
        g_string_append_c (page->out, '\n');
    }
    if (page->guest != NULL) {
        g_autofree char *text = explain_guest (page);
        append_comment (page->out, text);
        append_comment (page->out, "Write these keys where that section stands.");
    } else if (page->section->help != NULL) {
        append_comment (page->out, page->section->help);
    }
    g_string_append (page->out, page->guest != NULL ? "# " : "#");
    append_head (page);
    g_string_append_c (page->out, '\n');
    each_key (page, sample_key);
}

static void
sample_nothing (GString *out, const char *owner)
{
    g_string_append_printf (out, "# The module %s has nothing to configure.\n", owner);
}

void
td_schema_write_sample (GString *out, const TdSchema *schema, const char *const *owners)
{
    each_section (out, schema, owners, sample_section, sample_nothing);
}

static void
manual_key (const Page *page, const TdSchemaKey *key)
{
    g_autofree char *description = describe (page, key);
    bool is_any = strcmp (key->decl.name, "*") == 0;

    g_string_append_printf (page->out, "- `%s`", is_any ? "NAME" : key->decl.name);
    if (key->decl.default_text != NULL) {
        g_string_append_printf (page->out, " (default `%s`)", key->decl.default_text);
    }
    g_string_append_printf (page->out, ": %s%s%s\n", key->decl.help != NULL ? key->decl.help : "",
                            key->decl.help != NULL ? " " : "", description);
}

static void
manual_section (const Page *page)
{
    g_string_append (page->out, page->out->len > 0 ? "\n## `" : "## `");
    append_head (page);
    g_string_append (page->out, "`\n\n");
    if (page->guest != NULL) {
        g_autofree char *text = explain_guest (page);
        g_string_append_printf (page->out, "%s\n\n", text);
    } else if (page->section->help != NULL) {
        g_string_append_printf (page->out, "%s\n\n", page->section->help);
    }
    each_key (page, manual_key);
}

void
td_schema_write_manual (GString *out, const TdSchema *schema, const char *const *owners)
{
    each_section (out, schema, owners, manual_section, NULL);
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
man_key (const Page *page, const TdSchemaKey *key)
{
    g_autofree char *description = describe (page, key);
    bool is_any = strcmp (key->decl.name, "*") == 0;
    GString *out = page->out;

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

static void
man_section (const Page *page)
{
    g_autofree char *guest = page->guest != NULL ? explain_guest (page) : NULL;
    const char *help = guest != NULL ? guest : page->section->help;

    g_string_append (page->out, ".SS \"");
    append_head (page);
    g_string_append (page->out, "\"\n");
    if (help != NULL) {
        append_troff (page->out, help);
        g_string_append_c (page->out, '\n');
    }
    each_key (page, man_key);
}

void
td_schema_write_man (GString *out, const TdSchema *schema, const char *const *owners)
{
    each_section (out, schema, owners, man_section, NULL);
}
