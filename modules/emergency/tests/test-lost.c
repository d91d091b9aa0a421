/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRI-091: what LoST servers are asked, and what is taken from them (RFC 5222). */

#include "lost.h"

#include <string.h>

#define MAPPING(attributes, inside)                                                                \
    "<findServiceResponse xmlns=\"urn:ietf:params:xml:ns:lost1\"><mapping " attributes             \
    " lastUpdated=\"2006-11-01T01:00:00Z\" source=\"a.example\" sourceId=\"7\">" inside            \
    "</mapping><path><via source=\"a.example\"/></path></findServiceResponse>"

#define EXPIRES "expires=\"2007-01-01T01:44:33Z\""

/* RFC 5222 8.2.1, but for the location. */
static const char figure[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<findServiceResponse xmlns=\"urn:ietf:params:xml:ns:lost1\"\n"
    "  xmlns:p2=\"http://www.opengis.net/gml\"><mapping " EXPIRES "\n"
    "  lastUpdated=\"2006-11-01T01:00:00Z\" source=\"authoritative.example\"\n"
    "  sourceId=\"7e3f40b098c711dbb6060800200c9a66\">\n"
    "  <displayName xml:lang=\"en\">\n New York City Police Department\n </displayName>\n"
    "  <service>urn:service:sos.police</service>\n"
    "  <serviceBoundary profile=\"geodetic-2d\"><p2:Polygon><p2:exterior/></p2:Polygon>"
    "</serviceBoundary>\n"
    "  <uri>sip:nypd@example.com</uri><uri>xmpp:nypd@example.com</uri>\n"
    "  <uri>sips:nypd@example.com</uri><serviceNumber>911</serviceNumber></mapping>\n"
    "  <path><via source=\"resolver.example\"/></path><locationUsed id=\"6020688f1ce1896d\"/>\n"
    "</findServiceResponse>\n";

static bool
read_text (const char *text, LostAnswer *ret, GError **error)
{
    return lost_read_answer (text, strlen (text), ret, error);
}

static void
test_question (void)
{
    g_autoptr (Location) location = location_from_point ("37.775 -122.422", NULL);
    g_autofree char *question = lost_print_question ("urn:service:sos.police", location);

    g_assert_cmpstr (
        question, ==,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<findService xmlns=\"urn:ietf:params:xml:ns:lost1\" serviceBoundary=\"reference\" "
        "recursive=\"true\"><location id=\"caller\" profile=\"geodetic-2d\">"
        "<gml:Point xmlns:gml=\"http://www.opengis.net/gml\" "
        "srsName=\"urn:ogc:def:crs:EPSG::4326\"><gml:pos>37.775000 -122.422000</gml:pos>"
        "</gml:Point></location><service>urn:service:sos.police</service></findService>\n");
}

static void
test_mapping (void)
{
    g_autoptr (GError) error = NULL;
    LostAnswer answer;

    g_assert_true (read_text (figure, &answer, &error));
    g_assert_no_error (error);
    g_assert_cmpint (answer.kind, ==, LOST_MAPPING);
    g_assert_cmpuint (g_strv_length (answer.uris), ==, 2);
    g_assert_cmpstr (answer.uris[0], ==, "sips:nypd@example.com");
    g_assert_cmpstr (answer.uris[1], ==, "sip:nypd@example.com");
    g_assert_cmpstr (answer.number, ==, "911");
    g_assert_cmpstr (answer.name, ==, "New York City Police Department");
    g_assert_cmpint (answer.expires_us, ==, INT64_C (1167615873000000));
    lost_answer_clear (&answer);
}

static void
test_expires (void)
{
    LostAnswer answer;

    g_assert_true (
        read_text (MAPPING ("expires=\"NO-CACHE\"", "<uri>sip:a@b</uri>"), &answer, NULL));
    g_assert_cmpint (answer.expires_us, ==, 0);
    lost_answer_clear (&answer);
    g_assert_true (
        read_text (MAPPING ("expires=\"NO-EXPIRATION\"", "<uri>sip:a@b</uri>"), &answer, NULL));
    g_assert_cmpint (answer.expires_us, ==, INT64_MAX);
    lost_answer_clear (&answer);
}

static void
test_errors_and_redirect (void)
{
    LostAnswer answer;

    g_assert_true (read_text ("<errors xmlns=\"urn:ietf:params:xml:ns:lost1\" source=\"r.example\">"
                              "<internalError message=\"Software bug.\" xml:lang=\"en\"/></errors>",
                              &answer, NULL));
    g_assert_cmpint (answer.kind, ==, LOST_ERROR);
    g_assert_cmpstr (answer.text, ==, "internalError: Software bug.");
    lost_answer_clear (&answer);
    g_assert_true (read_text ("<l:redirect xmlns:l=\"urn:ietf:params:xml:ns:lost1\" "
                              "target=\"eastpsap.example\" source=\"westpsap.example\"/>",
                              &answer, NULL));
    g_assert_cmpint (answer.kind, ==, LOST_REDIRECT);
    g_assert_cmpstr (answer.text, ==, "eastpsap.example");
    lost_answer_clear (&answer);
}

/* What is wrong, and how that is said. */
typedef struct {
    const char *text, *said;
} Bad;

static void
test_no_answers (void)
{
    static const Bad bad[] = {
        { "", "0 bytes" },
        { "<?xml version=\"\xff\"?><a/>", "UTF-8" },
        { "{}", "Document must begin" },
        { "<html/>", "no answer of LoST" },
        { "<findServiceResponse/>", "no answer of LoST" },
        { "<findServiceResponse xmlns=\"urn:ietf:params:xml:ns:lost1\"/>", "no mapping" },
        { MAPPING ("", "<uri>sip:a@b</uri>"), "no time to expire" },
        { MAPPING ("expires=\"soon\"", "<uri>sip:a@b</uri>"), "no time to expire" },
        { MAPPING ("expires=\"2007-01-01T01:44:33\"", "<uri>sip:a@b</uri>"), "no time to expire" },
        { MAPPING (EXPIRES, ""), "no SIP URI" },
        { MAPPING (EXPIRES, "<uri>xmpp:a@b</uri>"), "no SIP URI" },
        { MAPPING (EXPIRES, "<uri>sip:a@b?Route=x</uri>"), "no SIP URI" },
        { MAPPING (EXPIRES, "<uri>sip:a b</uri>"), "no SIP URI" },
        { MAPPING (EXPIRES, "<uri>sip:&#13;&#10;x</uri>"), "no SIP URI" },
        { MAPPING (EXPIRES, "<uri xmlns=\"x\">sip:a@b</uri>"), "no SIP URI" },
        { "<!DOCTYPE a><a/>", "document type" },
        { "<a>&b;</a>", "b" },
        { "<!-- nothing -->", "no element" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) error = NULL;
        LostAnswer answer;
        g_assert_false (read_text (bad[i].text, &answer, &error));
        if (strstr (error->message, bad[i].said) == NULL) {
            g_error ("%s: \"%s\" instead of \"%s\"", bad[i].text, error->message, bad[i].said);
        }
    }
}

static void
test_uris (void)
{
    g_autofree char *longest = g_strnfill (LOST_MAX_URI_BYTES - 4, 'a');
    g_autofree char *fits = g_strconcat ("sip:", longest, NULL);
    g_autofree char *too_long = g_strconcat ("sips:", longest, NULL);

    g_assert_true (lost_is_uri ("SIP:a@b;lr"));
    g_assert_true (lost_is_uri (fits));
    g_assert_false (lost_is_uri (too_long));
    g_assert_false (lost_is_uri ("sip:"));
    g_assert_false (lost_is_uri ("sips:"));
    g_assert_false (lost_is_uri ("tel:911"));
    g_assert_false (lost_is_uri ("sip:<a@b>"));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/priority/PRI-091/lost/question", test_question);
    g_test_add_func ("/priority/PRI-091/lost/mapping", test_mapping);
    g_test_add_func ("/priority/PRI-091/lost/expires", test_expires);
    g_test_add_func ("/priority/PRI-091/lost/errors", test_errors_and_redirect);
    g_test_add_func ("/priority/PRI-091/lost/none", test_no_answers);
    g_test_add_func ("/priority/PRI-091/lost/uris", test_uris);
    return g_test_run ();
}
