/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* XML that others wrote, as a tree with namespaces (REC-xml-names). Bounded, and without what makes a small
 * text a large one: no document type, no entities but the five of XML itself. */

#ifndef EMERGENCY_XML_H
#define EMERGENCY_XML_H

#include <glib.h>
#include <stdbool.h>

enum {
    XML_MAX_BYTES = 256 * 1024,
    XML_MAX_DEPTH = 32,
    XML_MAX_ELEMENTS = 8192,
};

typedef struct Xml Xml;

struct Xml {
    char *name;             /* without its prefix */
    char *name_space;       /* "" for none */
    GString *text;          /* all that stands in it but not in its children */
    GHashTable *attributes; /* those without a prefix; nullable */
    GPtrArray *children;    /* Xml; nullable */
};

/* Errors: what is wrong, and in which line. */
Xml *xml_read (const char *text, size_t len_bytes, GError **error);
void xml_free (void *xml);

bool xml_is (const Xml *xml, const char *name_space, const char *name);

/* "" where there is none (transfer none). */
const char *xml_attribute (const Xml *xml, const char *name);

/* The first child of that name in NAME_SPACE, or NULL. */
const Xml *xml_child (const Xml *xml, const char *name_space, const char *name);

/* The first such element in XML, itself included, at any depth, or NULL. */
const Xml *xml_find (const Xml *xml, const char *name_space, const char *name);

/* Its text without white space at its ends (transfer full). */
char *xml_text (const Xml *xml);

static inline void
xml_clear (Xml **xml)
{
    xml_free (*xml);
}

#define XML_AUTO __attribute__ ((cleanup (xml_clear))) Xml *

#endif
