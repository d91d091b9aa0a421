/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What goes to a LoST server and comes back (RFC 5222), as text. */

#include "lost.h"

#include "xml.h"

#include <string.h>

#define LOST_NS "urn:ietf:params:xml:ns:lost1"

enum { MAX_TEXT = 200 };

char *
lost_print_question (const char *service, const Location *location)
{
    g_autofree char *escaped = g_markup_escape_text (service, -1);

    /* RFC 5222 8.3. A boundary is of no use: what is kept is kept for this location alone. */
    return g_strdup_printf ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                            "<findService xmlns=\"" LOST_NS "\" serviceBoundary=\"reference\" "
                            "recursive=\"true\"><location id=\"caller\" profile=\"%s\">%s"
                            "</location><service>%s</service></findService>\n",
                            location->profile, location->xml, escaped);
}

bool
lost_is_uri (const char *uri)
{
    size_t len = strlen (uri);
    bool is_sip = g_ascii_strncasecmp (uri, "sip:", 4) == 0;
    size_t scheme = is_sip ? 4 : 5;

    if ((!is_sip && g_ascii_strncasecmp (uri, "sips:", 5) != 0) || len <= scheme
        || len > LOST_MAX_URI_BYTES) {
        return false;
    }
    for (const char *at = uri; *at != '\0'; at++) {
        if (*at <= ' ' || *at >= 0x7f || strchr ("<>\"\\^`{|}?", *at) != NULL) {
            return false;
        }
    }
    return true;
}

/* What a server wrote, as it may be shown (transfer full). */
static char *
shown (const char *text)
{
    return g_utf8_substring (text, 0, MIN (g_utf8_strlen (text, -1), MAX_TEXT));
}

static bool
fail (GError **error, const char *what, const char *value)
{
    g_autofree char *text = shown (value);

    g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "%s \"%s\"", what, text);
    return false;
}

/* RFC 5222 5.2. */
static bool
read_expires (const char *text, int64_t *ret_us, GError **error)
{
    if (strcmp (text, "NO-CACHE") == 0 || strcmp (text, "NO-EXPIRATION") == 0) {
        *ret_us = strcmp (text, "NO-CACHE") == 0 ? 0 : INT64_MAX;
        return true;
    }
    g_autoptr (GDateTime) time = g_date_time_new_from_iso8601 (text, NULL);
    if (time == NULL) {
        return fail (error, "its mapping has no time to expire at but", text);
    }
    *ret_us = g_date_time_to_unix (time) * G_USEC_PER_SEC;
    return true;
}

/* sips before sip (RFC 5222 5.8: the order of the URIs says nothing). */
static char **
read_uris (const Xml *mapping)
{
    g_autoptr (GPtrArray) uris = g_ptr_array_new ();

    for (unsigned i = 0; mapping->children != NULL && i < mapping->children->len; i++) {
        const Xml *child = mapping->children->pdata[i];
        g_autofree char *uri = xml_is (child, LOST_NS, "uri") ? xml_text (child) : NULL;
        if (uri != NULL && lost_is_uri (uri)) {
            bool is_safe = g_ascii_strncasecmp (uri, "sips:", 5) == 0;
            g_ptr_array_insert (uris, is_safe ? 0 : -1, g_steal_pointer (&uri));
        }
    }
    g_ptr_array_add (uris, NULL);
    return (char **) g_ptr_array_free (g_steal_pointer (&uris), false);
}

static char *
child_text (const Xml *xml, const char *name)
{
    const Xml *child = xml_child (xml, LOST_NS, name);
    g_autofree char *text = child != NULL ? xml_text (child) : g_strdup ("");

    return shown (text);
}

static bool
read_mapping (const Xml *response, LostAnswer *ret, GError **error)
{
    const Xml *mapping = xml_child (response, LOST_NS, "mapping");

    if (mapping == NULL) {
        return fail (error, "it has no mapping in its", response->name);
    }
    if (!read_expires (xml_attribute (mapping, "expires"), &ret->expires_us, error)) {
        return false;
    }
    ret->kind = LOST_MAPPING;
    ret->uris = read_uris (mapping);
    ret->number = child_text (mapping, "serviceNumber");
    ret->name = child_text (mapping, "displayName");
    ret->text = g_strdup ("");
    if (ret->uris[0] == NULL) {
        fail (error, "no SIP URI is among those of the service", ret->name);
        lost_answer_clear (ret);
        return false;
    }
    return true;
}

/* The first error, with what the server says to it. */
static void
read_errors (const Xml *errors, LostAnswer *ret)
{
    const Xml *first =
        errors->children != NULL && errors->children->len > 0 ? errors->children->pdata[0] : NULL;
    g_autofree char *text =
        first != NULL ? g_strconcat (first->name, ": ", xml_attribute (first, "message"), NULL)
                      : g_strdup ("it names no error");

    ret->kind = LOST_ERROR;
    ret->text = shown (text);
}

bool
lost_read_answer (const char *text, size_t len_bytes, LostAnswer *ret, GError **error)
{
    XML_AUTO root = xml_read (text, len_bytes, error);

    *ret = (LostAnswer){ 0 };
    if (root == NULL) {
        return false;
    }
    if (xml_is (root, LOST_NS, "findServiceResponse")) {
        return read_mapping (root, ret, error);
    }
    if (xml_is (root, LOST_NS, "errors")) {
        read_errors (root, ret);
        return true;
    }
    if (xml_is (root, LOST_NS, "redirect")) {
        ret->kind = LOST_REDIRECT;
        ret->text = shown (xml_attribute (root, "target"));
        return true;
    }
    return fail (error, "it is no answer of LoST to findService but", root->name);
}

void
lost_answer_clear (LostAnswer *answer)
{
    g_strfreev (answer->uris);
    g_free (answer->number);
    g_free (answer->name);
    g_free (answer->text);
    *answer = (LostAnswer){ 0 };
}
