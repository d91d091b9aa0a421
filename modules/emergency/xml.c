/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* XML that others wrote, as a tree with namespaces. */

#include "xml.h"

#include <string.h>
#include <tandem/base.h>

/* A prefix and what it stands for, from the element at DEPTH on. */
typedef struct {
    char *prefix, *name_space;
    unsigned depth;
} Binding;

typedef struct {
    Xml *root;
    GPtrArray *open;  /* Xml: the elements that have not ended */
    GArray *bindings; /* Binding */
    unsigned n_elements;
    bool has_type;
} Reading;

void
xml_free (void *data)
{
    Xml *xml = data;

    if (xml == NULL) {
        return;
    }
    g_free (xml->name);
    g_free (xml->name_space);
    g_string_free (xml->text, true);
    g_clear_pointer (&xml->attributes, g_hash_table_unref);
    g_clear_pointer (&xml->children, g_ptr_array_unref);
    g_free (xml);
}

static void
clear_binding (void *data)
{
    Binding *binding = data;

    g_free (binding->prefix);
    g_free (binding->name_space);
}

static void
refuse (GError **error, const char *what, const char *name)
{
    g_set_error (error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT, "%s: %.60s", what, name);
}

/* What PREFIX stands for here; NULL: nothing. Without one no prefix stands for no namespace. */
static const char *
resolve (const Reading *reading, const char *prefix)
{
    for (unsigned i = reading->bindings->len; i > 0; i--) {
        const Binding *binding = &g_array_index (reading->bindings, Binding, i - 1);
        if (strcmp (binding->prefix, prefix) == 0) {
            return binding->name_space;
        }
    }
    if (strcmp (prefix, "xml") == 0) {
        return "http://www.w3.org/XML/1998/namespace";
    }
    return *prefix == '\0' ? "" : NULL;
}

static void
bind (Reading *reading, const char *prefix, const char *name_space)
{
    Binding binding = { g_strdup (prefix), g_strdup (name_space), reading->open->len };

    g_array_append_val (reading->bindings, binding);
}

static void
take_attributes (Reading *reading, Xml *xml, const char **names, const char **values)
{
    for (unsigned i = 0; names[i] != NULL; i++) {
        if (strcmp (names[i], "xmlns") == 0) {
            bind (reading, "", values[i]);
        } else if (g_str_has_prefix (names[i], "xmlns:")) {
            bind (reading, names[i] + strlen ("xmlns:"), values[i]);
        } else if (strchr (names[i], ':') == NULL) {
            if (xml->attributes == NULL) {
                xml->attributes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
            }
            g_hash_table_insert (xml->attributes, g_strdup (names[i]), g_strdup (values[i]));
        }
    }
}

/* Hangs XML (transfer full) under the element that is open. */
static void
attach (Reading *reading, Xml *xml)
{
    Xml *parent = reading->open->len > 0 ? reading->open->pdata[reading->open->len - 1] : NULL;

    if (parent == NULL) {
        reading->root = xml;
    } else {
        if (parent->children == NULL) {
            parent->children = g_ptr_array_new_with_free_func (xml_free);
        }
        g_ptr_array_add (parent->children, xml);
    }
    g_ptr_array_add (reading->open, xml);
}

static void
begin (GMarkupParseContext *context, const char *name, const char **names, const char **values,
       void *data, GError **error)
{
    Reading *reading = data;
    const char *colon = strchr (name, ':');

    if (reading->has_type) {
        refuse (error, "a document type, of which none is taken, before", name);
        return;
    }
    if (reading->root != NULL && reading->open->len == 0) {
        refuse (error, "a second outermost element", name);
        return;
    }
    if (reading->open->len == XML_MAX_DEPTH || reading->n_elements++ == XML_MAX_ELEMENTS) {
        refuse (error, "too many elements, or too deep, at", name);
        return;
    }
    Xml *xml = g_new0 (Xml, 1);
    xml->text = g_string_new (NULL);
    xml->name = g_strdup (colon != NULL ? colon + 1 : name);
    attach (reading, xml);
    take_attributes (reading, xml, names, values);
    g_autofree char *prefix = g_strndup (name, colon != NULL ? (size_t) (colon - name) : 0);
    const char *name_space = resolve (reading, prefix);
    xml->name_space = g_strdup (name_space != NULL ? name_space : "");
    if (name_space == NULL) {
        refuse (error, "a prefix that stands for nothing", name);
    }
}

static void
end (GMarkupParseContext *context, const char *name, void *data, GError **error)
{
    Reading *reading = data;
    unsigned n = reading->bindings->len;

    while (n > 0 && g_array_index (reading->bindings, Binding, n - 1).depth == reading->open->len) {
        n--;
    }
    g_array_set_size (reading->bindings, n);
    g_ptr_array_remove_index (reading->open, reading->open->len - 1);
}

static void
take_text (GMarkupParseContext *context, const char *text, size_t len_bytes, void *data,
           GError **error)
{
    Reading *reading = data;

    if (reading->open->len > 0) {
        Xml *xml = reading->open->pdata[reading->open->len - 1];
        g_string_append_len (xml->text, text, (gssize) len_bytes);
    }
}

/* Comments and processing instructions say nothing. GMarkup goes on behind an error of this one, so a
 * document type is refused with the first element. */
static void
pass (GMarkupParseContext *context, const char *text, size_t len_bytes, void *data, GError **error)
{
    ((Reading *) data)->has_type |=
        len_bytes > 2 && text[0] == '<' && text[1] == '!' && text[2] != '-';
}

/* Parses TEXT into READING. */
static bool
parse (Reading *reading, const char *text, size_t len_bytes, GError **error)
{
    static const GMarkupParser parser = { begin, end, take_text, pass, NULL };
    GMarkupParseContext *context =
        g_markup_parse_context_new (&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, reading, NULL);
    bool is_read = g_markup_parse_context_parse (context, text, (gssize) len_bytes, error)
                   && g_markup_parse_context_end_parse (context, error);

    g_markup_parse_context_free (context);
    return is_read;
}

Xml *
xml_read (const char *text, size_t len_bytes, GError **error)
{
    Reading reading = { 0 };

    if (len_bytes == 0 || len_bytes > XML_MAX_BYTES) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "it has %zu bytes, not 1 to %d", len_bytes,
                     XML_MAX_BYTES);
        return NULL;
    }
    /* GMarkup looks only where it reads names and text, and goes on behind some mistakes. */
    if (!g_utf8_validate_len (text, len_bytes, NULL)) {
        g_set_error_literal (error, TD_ERROR, TD_ERROR_INVALID, "it is not written in UTF-8");
        return NULL;
    }
    reading.open = g_ptr_array_new ();
    reading.bindings = g_array_new (false, false, sizeof (Binding));
    g_array_set_clear_func (reading.bindings, clear_binding);
    bool is_read = parse (&reading, text, len_bytes, error);
    g_array_unref (reading.bindings);
    g_ptr_array_unref (reading.open);
    if (!is_read) {
        xml_free (reading.root);
        return NULL;
    }
    if (reading.root == NULL) {
        g_set_error_literal (error, TD_ERROR, TD_ERROR_INVALID, "it has no element");
    }
    return reading.root;
}

bool
xml_is (const Xml *xml, const char *name_space, const char *name)
{
    return strcmp (xml->name, name) == 0 && strcmp (xml->name_space, name_space) == 0;
}

const char *
xml_attribute (const Xml *xml, const char *name)
{
    const char *value =
        xml->attributes != NULL ? g_hash_table_lookup (xml->attributes, name) : NULL;

    return value != NULL ? value : "";
}

const Xml *
xml_child (const Xml *xml, const char *name_space, const char *name)
{
    for (unsigned i = 0; xml->children != NULL && i < xml->children->len; i++) {
        const Xml *child = xml->children->pdata[i];
        if (xml_is (child, name_space, name)) {
            return child;
        }
    }
    return NULL;
}

const Xml *
xml_find (const Xml *xml, const char *name_space, const char *name)
{
    const Xml *found = xml_is (xml, name_space, name) ? xml : NULL;

    for (unsigned i = 0; found == NULL && xml->children != NULL && i < xml->children->len; i++) {
        found = xml_find (xml->children->pdata[i], name_space, name);
    }
    return found;
}

char *
xml_text (const Xml *xml)
{
    return g_strstrip (g_strdup (xml->text->str));
}
