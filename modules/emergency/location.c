/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Locations as LoST servers are asked about them. */

#include "location.h"

#include "xml.h"

#include <math.h>
#include <string.h>

#define GML_NS       "http://www.opengis.net/gml"
#define SHAPE_NS     "http://www.opengis.net/pidflo/1.0"
#define PIDF_NS      "urn:ietf:params:xml:ns:pidf"
#define GEOPRIV_NS   "urn:ietf:params:xml:ns:pidf:geopriv10"
#define CIVIC_NS     "urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"
#define WGS_84       "urn:ogc:def:crs:EPSG::4326"
#define WGS_84_3D    "urn:ogc:def:crs:EPSG::4979"
#define MAX_ELEMENTS 40

void
location_free (Location *location)
{
    if (location != NULL) {
        g_free (location->xml);
        g_free (location);
    }
}

static Location *
location_new (const char *profile, GString *xml)
{
    Location *location = g_new0 (Location, 1);

    location->profile = profile;
    location->xml = g_string_free (xml, false);
    return location;
}

static Location *
fail (GError **error, const char *what)
{
    g_set_error_literal (error, TD_ERROR, TD_ERROR_INVALID, what);
    return NULL;
}

/* --- Points ------------------------------------------------------------------------------ */

/* The next number of *AT, which is moved behind it. */
static bool
read_degrees (const char **at, double most, double *ret)
{
    char *end;
    double value = g_ascii_strtod (*at, &end);

    if (end == *at || !isfinite (value) || value < -most || value > most
        || (*end != '\0' && !g_ascii_isspace (*end))) {
        return false;
    }
    *at = end;
    *ret = value;
    return true;
}

static void
append_degrees (GString *xml, double value)
{
    char text[32];

    g_string_append (xml, g_ascii_formatd (text, sizeof text, "%.6f", value)); /* 0.1 m */
}

Location *
location_from_point (const char *text, GError **error)
{
    double latitude, longitude;

    if (!read_degrees (&text, 90, &latitude) || !read_degrees (&text, 180, &longitude)) {
        return fail (error, "is no latitude (-90 to 90) and longitude (-180 to 180), as 37.775 "
                            "-122.422");
    }
    GString *xml =
        g_string_new ("<gml:Point xmlns:gml=\"" GML_NS "\" srsName=\"" WGS_84 "\"><gml:pos>");
    append_degrees (xml, latitude);
    g_string_append_c (xml, ' ');
    append_degrees (xml, longitude);
    g_string_append (xml, "</gml:pos></gml:Point>");
    return location_new ("geodetic-2d", xml);
}

/* --- Civic addresses --------------------------------------------------------------------- */

static bool
is_civic_name (const char *name)
{
    size_t len = strspn (name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");

    return g_ascii_isalpha (name[0]) && name[len] == '\0' && len <= 16;
}

static void
append_civic (GString *xml, const char *name, const char *value)
{
    g_autofree char *escaped = g_markup_escape_text (value, -1);

    g_string_append_printf (xml, "<%s>%s</%s>", name, escaped, name);
}

static GString *
begin_civic (void)
{
    return g_string_new ("<civicAddress xmlns=\"" CIVIC_NS "\">");
}

static Location *
end_civic (GString *xml)
{
    return location_new ("civic", g_string_append (xml, "</civicAddress>"));
}

Location *
location_from_civic (const char *const *elements, GError **error)
{
    GString *xml = begin_civic ();

    for (; *elements != NULL; elements++) {
        g_auto (GStrv) words = g_strsplit (*elements, " ", 2);
        if (words[1] == NULL || !is_civic_name (words[0])
            || !g_utf8_validate (words[1], -1, NULL)) {
            g_string_free (xml, true);
            return fail (error, "has something that is no element of RFC 5139 and what stands in "
                                "it, as country DE");
        }
        append_civic (xml, words[0], g_strstrip (words[1]));
    }
    return end_civic (xml);
}

/* --- PIDF-LO ----------------------------------------------------------------------------- */

static Location *
read_civic (const Xml *civic, GError **error)
{
    GString *xml = begin_civic ();
    unsigned n = 0;

    for (unsigned i = 0; civic->children != NULL && i < civic->children->len; i++) {
        const Xml *element = civic->children->pdata[i];
        g_autofree char *value = xml_text (element);
        if (strcmp (element->name_space, CIVIC_NS) == 0 && is_civic_name (element->name)
            && *value != '\0' && n++ < MAX_ELEMENTS) {
            append_civic (xml, element->name, value);
        }
    }
    if (n == 0) {
        g_string_free (xml, true);
        return fail (error, "its civic address is empty");
    }
    return end_civic (xml);
}

/* The point, or the middle of a circle (RFC 5491 5.2): from within a shape a client may always choose a
 * point (RFC 5222 12.2). */
static Location *
read_shape (const Xml *shape, GError **error)
{
    const char *system = xml_attribute (shape, "srsName");
    const Xml *pos = xml_child (shape, GML_NS, "pos");

    if (*system != '\0' && strcmp (system, WGS_84) != 0 && strcmp (system, WGS_84_3D) != 0) {
        return fail (error, "its coordinates are not of WGS 84");
    }
    if (pos == NULL) {
        return fail (error, "its shape has no position");
    }
    g_autofree char *text = xml_text (pos);
    return location_from_point (text, error);
}

Location *
location_from_pidf (const char *text, size_t len_bytes, GError **error)
{
    XML_AUTO pidf = xml_read (text, len_bytes, error);

    if (pidf == NULL) {
        return NULL;
    }
    if (!xml_is (pidf, PIDF_NS, "presence")) {
        return fail (error, "it is no presence document");
    }
    const Xml *info = xml_find (pidf, GEOPRIV_NS, "location-info");
    if (info == NULL) {
        return fail (error, "it has no location-info");
    }
    const Xml *shape = xml_child (info, GML_NS, "Point");
    shape = shape != NULL ? shape : xml_child (info, SHAPE_NS, "Circle");
    const Xml *civic = xml_child (info, CIVIC_NS, "civicAddress");
    if (shape != NULL) {
        return read_shape (shape, error);
    }
    return civic != NULL ? read_civic (civic, error)
                         : fail (error, "it has neither a point, a circle nor a civic address");
}

/* --- What an INVITE brings --------------------------------------------------------------- */

/* What an INVITE may bring before the rest of it is not looked at: each value is looked for in each part,
 * and whoever calls for help is not asked who he is. Nobody is in twenty places. */
enum { MAX_VALUES = 8, MAX_PARTS = 16 };

/* One part of a multipart body. Views. */
typedef struct {
    const char *head, *body;
    size_t head_bytes, body_bytes;
} Part;

/* The value of the header field NAME (with its colon) in HEAD (transfer full), or NULL. */
static char *
part_field (const Part *part, const char *name)
{
    g_autofree char *head = g_strndup (part->head, part->head_bytes);
    g_auto (GStrv) lines = g_strsplit (head, "\r\n", -1);
    size_t len = strlen (name);

    for (char **line = lines; *line != NULL; line++) {
        if (g_ascii_strncasecmp (*line, name, len) == 0) {
            return g_strstrip (g_strdup (*line + len));
        }
    }
    return NULL;
}

/* The next part behind *AT, as the attribute "sip.parts" has them: a delimiter, the head, an empty line,
 * the body. */
static bool
next_part (const char **at, const char *end, const char *delimiter, size_t len, Part *ret)
{
    const char *from = memmem (*at, (size_t) (end - *at), delimiter, len);

    if (from == NULL) {
        return false;
    }
    from += len;
    const char *next = memmem (from, (size_t) (end - from), delimiter, len);
    const char *to = next != NULL ? next : end;
    const char *blank = memmem (from, (size_t) (to - from), "\r\n\r\n", 4);
    *at = to;
    *ret = (Part){ from, to, (size_t) (to - from), 0 };
    if (blank != NULL) {
        ret->head_bytes = (size_t) (blank - from);
        ret->body = blank + 4;
        ret->body_bytes = (size_t) (to - ret->body);
    }
    return true;
}

/* Whether PART is what CID ("alice@example.com") names (RFC 2392). */
static bool
is_named (const Part *part, const char *cid)
{
    g_autofree char *id = part_field (part, "Content-ID:");
    size_t len = id != NULL ? strlen (id) : 0;

    return len > 2 && id[0] == '<' && id[len - 1] == '>' && strlen (cid) == len - 2
           && strncmp (id + 1, cid, len - 2) == 0;
}

static Location *
find_part (GBytes *parts, const char *cid)
{
    gsize size = 0;
    const char *text = parts != NULL ? g_bytes_get_data (parts, &size) : NULL;
    const char *line_end = size > 0 ? memmem (text, size, "\r\n", 2) : NULL;
    Location *location = NULL;
    Part part;

    if (line_end == NULL) {
        return NULL;
    }
    g_autofree char *delimiter = g_strdup_printf ("--%.*s\r\n", (int) (line_end - text), text);
    const char *at = line_end + 2;
    for (unsigned n = 0; n < MAX_PARTS && location == NULL
                         && next_part (&at, text + size, delimiter, strlen (delimiter), &part);
         n++) {
        g_autofree char *type = part_field (&part, "Content-Type:");
        if (type != NULL && g_ascii_strncasecmp (type, "application/pidf+xml", 20) == 0
            && is_named (&part, cid)) {
            location = location_from_pidf (part.body, part.body_bytes, NULL);
        }
    }
    return location;
}

/* One value of Geolocation at *AT, which is moved behind it: "<cid:x@y>" with parameters (RFC 6442 4.1). */
static LocationResult
read_value (const char **at, GBytes *parts, Location **ret)
{
    const char *open = strchr (*at, '<');
    const char *close = open != NULL ? strchr (open, '>') : NULL;

    *at += strlen (*at);
    if (close == NULL || close == open + 1) {
        return LOCATION_BAD;
    }
    const char *comma = strchr (close, ',');
    *at = comma != NULL ? comma + 1 : *at;
    g_autofree char *uri = g_strndup (open + 1, (size_t) (close - open - 1));
    if (g_ascii_strncasecmp (uri, "cid:", 4) != 0) {
        return g_uri_is_valid (uri, G_URI_FLAGS_NON_DNS, NULL) ? LOCATION_REFERENCE : LOCATION_BAD;
    }
    g_autofree char *cid = g_uri_unescape_string (uri + 4, NULL);
    *ret = cid != NULL ? find_part (parts, cid) : NULL;
    return *ret != NULL ? LOCATION_FOUND : LOCATION_BAD;
}

LocationResult
location_from_call (const TdAttributes *attributes, Location **ret)
{
    const TdAttribute *geolocation = td_attribute_find ("sip.header.geolocation");
    const TdAttribute *parts = td_attribute_find ("sip.parts");
    GBytes *body = parts != NULL ? td_attributes_bytes (attributes, parts) : NULL;
    LocationResult best = LOCATION_NONE;
    unsigned n_values = 0;
    const char *text;

    /* RFC 6442 4.4: one good value makes the location good. */
    for (unsigned i = 0; geolocation != NULL && best != LOCATION_FOUND && n_values < MAX_VALUES
                         && (text = td_attributes_text (attributes, geolocation, i)) != NULL;
         i++) {
        do {
            LocationResult result = read_value (&text, body, ret);
            best = result == LOCATION_FOUND || best != LOCATION_REFERENCE ? result : best;
        } while (*text != '\0' && best != LOCATION_FOUND && ++n_values < MAX_VALUES);
    }
    return best;
}
