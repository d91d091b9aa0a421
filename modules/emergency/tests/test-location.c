/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRI-091, PRI-093: where callers are, as configuration and INVITEs have it. */

#include "location.h"

#include <string.h>

#define POINT                                                                                      \
    "<gml:Point xmlns:gml=\"http://www.opengis.net/gml\" srsName=\"urn:ogc:def:crs:EPSG::4326\">"  \
    "<gml:pos>32.868600 -96.973690</gml:pos></gml:Point>"

#define PIDF(info)                                                                                 \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><!-- where -->\r\n"                                 \
    "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" "                                             \
    "xmlns:gp=\"urn:ietf:params:xml:ns:pidf:geopriv10\" "                                          \
    "xmlns:cl=\"urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr\" "                                \
    "xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" "                                         \
    "xmlns:gs=\"http://www.opengis.net/pidflo/1.0\" "                                              \
    "entity=\"pres:alice@example.com\"><dm:device id=\"t\"><gp:geopriv><gp:location-info>" info    \
    "</gp:location-info><gp:usage-rules/></gp:geopriv></dm:device></presence>"

#define LOOSE_POINT                                                                                \
    "<Point xmlns=\"http://www.opengis.net/gml\" srsName=\"urn:ogc:def:crs:EPSG::4326\">"          \
    "<pos> 32.86860\n -96.97369</pos></Point>"

static void
test_point (void)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (Location) location = location_from_point (" 32.8686 -96.97369", &error);
    static const char *const bad[] = { "", "1", "91 0", "0 181", "a b", "1,2 3", "nan 1", "1e9 2" };

    g_assert_no_error (error);
    g_assert_cmpstr (location->profile, ==, "geodetic-2d");
    g_assert_cmpstr (location->xml, ==, POINT);
    for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_assert_null (location_from_point (bad[i], NULL));
    }
}

static void
test_civic (void)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (Location) location =
        location_from_civic (TD_LIST ("country DE", "A3 M\xc3\xbcnchen & <Umland>"), &error);

    g_assert_no_error (error);
    g_assert_cmpstr (location->profile, ==, "civic");
    g_assert_cmpstr (location->xml, ==,
                     "<civicAddress xmlns=\"urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr\">"
                     "<country>DE</country><A3>M\xc3\xbcnchen &amp; &lt;Umland&gt;</A3>"
                     "</civicAddress>");
    g_assert_null (location_from_civic (TD_LIST ("country"), NULL));
    g_assert_null (location_from_civic (TD_LIST ("c<y DE"), NULL));
    g_assert_null (location_from_civic (TD_LIST ("A1 \xff"), NULL));
}

static Location *
read_pidf (const char *text)
{
    return location_from_pidf (text, strlen (text), NULL);
}

static void
test_pidf (void)
{
    g_autoptr (Location) point = read_pidf (PIDF (LOOSE_POINT));
    g_autoptr (Location) civic =
        read_pidf (PIDF ("<cl:civicAddress><cl:country>US</cl:country><cl:A1> TX </cl:A1><cl:A3/>"
                         "<x xmlns=\"other\">y</x></cl:civicAddress>"));
    g_autoptr (Location) circle = read_pidf (
        PIDF ("<gs:Circle srsName=\"urn:ogc:def:crs:EPSG::4326\"><pos "
              "xmlns=\"http://www.opengis.net/gml\">32.8686 -96.97369</pos><gs:radius>9</gs:radius>"
              "</gs:Circle>"));

    g_assert_cmpstr (point->xml, ==, POINT);
    g_assert_cmpstr (circle->xml, ==, POINT);
    g_assert_cmpstr (civic->xml, ==,
                     "<civicAddress xmlns=\"urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr\">"
                     "<country>US</country><A1>TX</A1></civicAddress>");
}

static void
test_pidf_that_is_none (void)
{
    static const char *const bad[] = {
        "",
        "x",
        "<presence/>",
        "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\"/>",
        PIDF (""),
        PIDF ("<Point xmlns=\"http://www.opengis.net/gml\"/>"),
        PIDF ("<Point xmlns=\"http://www.opengis.net/gml\"><pos>1</pos></Point>"),
        PIDF ("<Point xmlns=\"http://www.opengis.net/gml\" srsName=\"x\"><pos>1 2</pos></Point>"),
        PIDF ("<Point><pos>1 2</pos></Point>"),
        PIDF ("<no:Point/>"),
        "<!DOCTYPE x [<!ENTITY a \"b\">]>" PIDF (LOOSE_POINT),
        PIDF (LOOSE_POINT) "<more/>",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_test_message ("%s", bad[i]);
        g_assert_null (read_pidf (bad[i]));
    }
}

static void
test_too_deep (void)
{
    g_autoptr (GString) text = g_string_new (NULL);

    for (unsigned i = 0; i < 100000; i++) {
        g_string_append (text, "<a>");
    }
    g_assert_null (location_from_pidf (text->str, text->len, NULL));
}

/* --- What an INVITE brings --------------------------------------------------------------- */

#define HEAD "Content-Type: application/pidf+xml\r\nContent-ID: <there@example.com>\r\n\r\n"

static LocationResult
find (const char *const *values, const char *body)
{
    const TdAttribute *geolocation =
        td_attribute_declare (NULL, "sip.header.geolocation", TD_ATTRIBUTE_TEXT,
                              TD_ATTRIBUTE_PASS | TD_ATTRIBUTE_MANY, "For tests", NULL);
    const TdAttribute *parts = td_attribute_declare (NULL, "sip.parts", TD_ATTRIBUTE_BYTES,
                                                     TD_ATTRIBUTE_PASS, "For tests", NULL);
    g_autoptr (TdAttributes) attributes = td_attributes_new ();
    g_autofree char *text = g_strconcat ("b\r\n--b\r\n", body, "\r\n", NULL);
    g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));
    Location *location = NULL;

    for (; *values != NULL; values++) {
        td_attributes_add_text (attributes, geolocation, *values);
    }
    td_attributes_set_bytes (attributes, parts, bytes);
    LocationResult result = location_from_call (attributes, &location);
    g_assert_cmpint (location != NULL, ==, result == LOCATION_FOUND);
    location_free (location);
    return result;
}

static void
test_of_an_invite (void)
{
    static const char there[] = "<cid:there@example.com>", good[] = HEAD PIDF (LOOSE_POINT);

    g_assert_cmpint (find (TD_LIST (there), good), ==, LOCATION_FOUND);
    g_assert_cmpint (find (TD_LIST ("<CID:there%40example.com>;x=\"a,b\""), good), ==,
                     LOCATION_FOUND);
    g_assert_cmpint (find (TD_LIST ("<cid:other@x>, <cid:there@example.com>"), good), ==,
                     LOCATION_FOUND);
    g_assert_cmpint (find (TD_LIST ("<https://ls.example.com/?a,b>", there), good), ==,
                     LOCATION_FOUND);
    g_assert_cmpint (find (TD_LIST ("<https://ls.example.com/x>"), good), ==, LOCATION_REFERENCE);
    g_assert_cmpint (find (TD_LIST (NULL), good), ==, LOCATION_NONE);
    g_assert_cmpint (find (TD_LIST ("<cid:other@x>"), good), ==, LOCATION_BAD);
    g_assert_cmpint (find (TD_LIST (there), HEAD "x"), ==, LOCATION_BAD);
    g_assert_cmpint (find (TD_LIST (there), "Content-Type: text/plain\r\n\r\nx"), ==, LOCATION_BAD);
    g_assert_cmpint (find (TD_LIST ("over there"), good), ==, LOCATION_BAD);
    g_assert_cmpint (find (TD_LIST ("<>"), good), ==, LOCATION_BAD);
}

/* A message of 64 KiB has room for 6000 values and 600 parts: looking for each in each takes seconds, in
 * which the lane does nothing else, for a caller who is asked nothing. */
static void
test_too_many (void)
{
    static const char there[] = "<cid:there@example.com>", good[] = HEAD PIDF (LOOSE_POINT);
    g_autoptr (GString) values = g_string_new (NULL), parts = g_string_new (NULL);

    for (unsigned i = 0; i < 20; i++) {
        g_string_append (values, "<cid:nowhere@example.com>, ");
        g_string_append (parts, "Content-Type: text/plain\r\n\r\n\r\n--b\r\n");
    }
    g_string_append (values, there);
    g_string_append (parts, good);
    g_assert_cmpint (find (TD_LIST (values->str), good), ==, LOCATION_BAD);
    g_assert_cmpint (find (TD_LIST (there), parts->str), ==, LOCATION_BAD);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/priority/PRI-091/location/point", test_point);
    g_test_add_func ("/priority/PRI-091/location/civic", test_civic);
    g_test_add_func ("/priority/PRI-091/location/pidf", test_pidf);
    g_test_add_func ("/priority/PRI-093/location/no-pidf", test_pidf_that_is_none);
    g_test_add_func ("/priority/PRI-093/location/deep", test_too_deep);
    g_test_add_func ("/priority/PRI-093/location/invite", test_of_an_invite);
    g_test_add_func ("/priority/PRI-093/location/too-many", test_too_many);
    return g_test_run ();
}
