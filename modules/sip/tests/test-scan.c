/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scan: what it finds, what it refuses, and the words it refuses with. */

#include "scan.h"

#define START   "INVITE sip:bob@b.example SIP/2.0\r\n"
#define VIA     "Via: SIP/2.0/UDP a.example:5070;rport;branch=z9hG4bKx\r\n"
#define FROM    "From: \"A\" <sip:a@a.example>;tag=1\r\n"
#define TO      "To: <sip:bob@b.example>\r\n"
#define CALL_ID "Call-ID: c@a.example\r\n"
#define CSEQ    "CSeq: 7 INVITE\r\n"
#define REST    VIA FROM TO CALL_ID CSEQ
#define END     "Content-Length: 0\r\n\r\n"

static SipVerdict
scan_text (SipScan *scan, const char *text)
{
    return sip_scan (scan, text, strlen (text), false);
}

static void
test_finds (void)
{
    SipScan scan;

    g_assert_cmpint (scan_text (&scan,
                                START "v: SIP/2.0/UDP a.example:5070;branch=z9hG4bKx,\r\n"
                                      " SIP/2.0/TCP z.example;branch=z9hG4bKy\r\n"
                                      "f: <sip:a@a.example>;TAG=1\r\nt: <sip:bob@b.example>\r\n"
                                      "i: c@a.example\r\nCSEQ : 7  INVITE\r\n"
                                      "Max-Forwards: 070\r\nX-Own: y\r\nl: 2\r\n\r\nabc"),
                     ==, SIP_SCAN_GOOD);
    g_assert_true (scan.is_request);
    g_assert_cmpint (scan.method, ==, SIP_METHOD_INVITE);
    g_assert_true (sip_view_is (scan.request_uri, "sip:bob@b.example"));
    g_assert_cmpuint (scan.n_vias, ==, 2);
    g_assert_true (sip_view_is (scan.via.host, "a.example"));
    g_assert_true (sip_view_is (scan.via.branch, "z9hG4bKx"));
    g_assert_true (sip_view_is (scan.from_tag, "1"));
    g_assert_cmpuint (scan.to_tag.len_bytes, ==, 0);
    g_assert_true (sip_view_is (scan.call_id, "c@a.example"));
    g_assert_cmpuint (scan.cseq_number, ==, 7);
    g_assert_cmpint (scan.max_forwards, ==, 70);
    g_assert_true (sip_view_is (scan.body, "ab"));
    g_assert_cmpuint (scan.n_headers, ==, 8);
    g_assert_cmpint (scan.headers[6].id, ==, SIP_HEADER_OTHER);
}

static void
test_finds_response (void)
{
    SipScan scan;

    g_assert_cmpint (scan_text (&scan, "SIP/2.0 183 Session Progress\r\n" REST END), ==,
                     SIP_SCAN_GOOD);
    g_assert_false (scan.is_request);
    g_assert_cmpuint (scan.status, ==, 183);
    g_assert_true (sip_view_is (scan.reason, "Session Progress"));
    g_assert_cmpint (scan.method, ==, SIP_METHOD_INVITE);
}

typedef struct {
    const char *text;
    unsigned refusal;
    const char *why;
    bool is_dropped;
} Bad;

static const Bad bad[] = {
    { "INVITE\r\n" REST END, 400, "Start line that is neither a request nor a response", false },
    { "INVITE sip:a@b\r\n" REST END, 400, "Request line that does not end in SIP/2.0", false },
    { "INVITE  sip:a@b SIP/2.0\r\n" REST END, 400, "Request line with more spaces than two",
      false },
    { "INVITE sip:a@b SIP/2.0 \r\n" REST END, 400, "Request line with more spaces than two",
      false },
    { "INVITE sip:a @b SIP/2.0\r\n" REST END, 400, "Request-URI with a space in it", false },
    { "INV(TE sip:a@b SIP/2.0\r\n" REST END, 400, "Method that is no token", false },
    { "INVITE sip:a@b HTTP/1.1\r\n" REST END, 400, "Request line that does not end in SIP/2.0",
      false },
    { "INVITE sip:a@b SIP/2.1\r\n" REST END, 505, "SIP version other than 2.0", false },
    { "INVITE sip:a@b SIP/2.00\r\n" REST END, 505, "SIP version other than 2.0", false },
    { "INVITE mailto:a@b SIP/2.0\r\n" REST END, 416, "Unsupported URI Scheme", false },
    { "INVITE sip:a@b?x=y SIP/2.0\r\n" REST END, 400, "Request-URI that carries header fields",
      false },
    { "INVITE <sip:a@b> SIP/2.0\r\n" REST END, 400, "URI without a scheme", false },
    { START FROM TO CALL_ID CSEQ END, 400, "Via is missing", true },
    { START VIA TO CALL_ID CSEQ END, 400, "From is missing", false },
    { START VIA FROM CALL_ID CSEQ END, 400, "To is missing", false },
    { START VIA FROM TO CSEQ END, 400, "Call-ID is missing", false },
    { START VIA FROM TO CALL_ID END, 400, "CSeq is missing", false },
    { START REST TO END, 400, "More than one To", false },
    { START REST FROM END, 400, "More than one From", false },
    { START REST CALL_ID END, 400, "More than one Call-ID", false },
    { START REST CSEQ END, 400, "More than one CSeq", false },
    { START REST "Max-Forwards: 1\r\nMax-Forwards: 1\r\n" END, 400, "More than one Max-Forwards",
      false },
    { START REST "Max-Forwards: 256\r\n" END, 400, "Max-Forwards is no number from 0 to 255",
      false },
    { START REST "Max-Forwards: -1\r\n" END, 400, "Max-Forwards is no number from 0 to 255",
      false },
    { START REST "Max-Forwards:\r\n" END, 400, "Max-Forwards is no number from 0 to 255", false },
    { START REST "c: a/b\r\nContent-Type: a/b\r\n" END, 400, "More than one Content-Type", false },
    { START VIA FROM TO CALL_ID "CSeq: 7 BYE\r\n" END, 400,
      "CSeq names another method than the request line", false },
    { START VIA FROM TO CALL_ID "CSeq: 7 invite\r\n" END, 400,
      "CSeq names another method than the request line", false },
    { START VIA FROM TO CALL_ID "CSeq: 2147483648 INVITE\r\n" END, 400,
      "CSeq number is not below 2147483648", false },
    { START VIA FROM TO CALL_ID "CSeq: -1 INVITE\r\n" END, 400, "CSeq that is no number and method",
      false },
    { START VIA FROM TO CALL_ID "CSeq: 7\r\n" END, 400, "CSeq that is no number and method",
      false },
    { START VIA FROM TO CALL_ID "CSeq: 7INVITE\r\n" END, 400, "CSeq that is no number and method",
      false },
    { START VIA FROM TO CSEQ "Call-ID: a b\r\n" END, 400, "Call-ID with white space in it", false },
    { START VIA FROM TO CSEQ "Call-ID:\r\n" END, 400, "Call-ID without a value", false },
    { START REST "Content-Length: -5\r\n\r\n", 400, "Content-Length is negative", false },
    { START REST "Content-Length: five\r\n\r\n", 400, "Content-Length is no number", false },
    { START REST "Content-Length: +5\r\n\r\nabcde", 400, "Content-Length is no number", false },
    { START REST "Content-Length:\r\n\r\n", 400, "Content-Length is no number", false },
    { START REST "Content-Length: 99999999999999999999\r\n\r\n", 400, "Content-Length is no number",
      false },
    { START REST "Content-Length: 3\r\n\r\nab", 400, "Content-Length is larger than the message",
      false },
    { START REST "Content-Length: 1\r\nl: 2\r\n\r\nabc", 400, "Two Content-Length that differ",
      false },
    { START REST "no colon\r\n" END, 400, "Header line that does not begin with a name and a colon",
      false },
    { START REST ": x\r\n" END, 400, "Header line that does not begin with a name and a colon",
      false },
    { START REST "a b: x\r\n" END, 400, "Header line that does not begin with a name and a colon",
      false },
    { START "X: y\n" REST END, 400, "Line that does not end in CR LF", false },
    { START "X: y\rz\r\n" REST END, 400, "CR inside a line", false },
    { START REST, 400, "Head without the empty line at its end", false },
    { START REST "X: y", 400, "Header field without a line end", false },
    { START REST "Contact: <sip:a@b>;;\r\n" END, 400, "Semicolon without a parameter", false },
    { START REST "Contact:\r\n" END, 400, "Header field without an address", false },
    { START REST "Route: sip:a@b\r\n" END, 400, "Route that does not stand between < and >",
      false },
    { START FROM TO CALL_ID CSEQ "Via: SIP/2.0/UDP a.example;branch=z9hG4bK\r\n" END, 400,
      "Via branch without an identifier", false },
    { START FROM TO CALL_ID CSEQ "Via: SIP/2.0/UDP a;;\r\n" END, 400,
      "Semicolon without a parameter", false },
    { START REST "c: multipart/mixed\r\n\r\nx", 400, "multipart body without a boundary", false },
    { "NEW sip:a@b SIP/2.0\r\n" REST END, 501, "Not Implemented", false },
    { "ACK sip:a@b SIP/2.0\r\n" REST END, 400, "CSeq names another method than the request line",
      true },
    { "SIP/2.0 099 x\r\n" REST END, 400, "Status code that is no number from 100 to 699", true },
    { "SIP/2.0 700 x\r\n" REST END, 400, "Status code that is no number from 100 to 699", true },
    { "SIP/2.0 2000 x\r\n" REST END, 400, "Status code that is no number from 100 to 699", true },
    { "SIP/2.0 +20 x\r\n" REST END, 400, "Status code that is no number from 100 to 699", true },
    { "SIP/3.0 200 OK\r\n" REST END, 505, "SIP version other than 2.0", true },
    { "SIP/2.0 200 OK\r\n" VIA REST END, 400, "Response with more than one Via", true },
};

static void
test_refused (const void *data)
{
    const Bad *b = data;
    SipScan scan;

    scan_text (&scan, b->text);
    g_assert_cmpstr (scan.why, ==, b->why);
    g_assert_cmpuint (scan.refusal, ==, b->refusal);
    g_assert_cmpint (scan.verdict, ==, b->is_dropped ? SIP_SCAN_DROP : SIP_SCAN_REFUSE);
}

static void
test_nul (void)
{
    static const char in_header[] = START REST "X: a\0b\r\n" END;
    static const char in_start[] = "INVITE sip:a\0@b SIP/2.0\r\n" REST END;
    static const char escaped[] =
        START VIA "From: \"\\\0\" <sip:a@b>;tag=1\r\n" TO CALL_ID CSEQ END;
    static const char in_body[] = START REST "Content-Length: 3\r\n\r\na\0b";
    SipScan scan;

    sip_scan (&scan, in_header, sizeof in_header - 1, false);
    g_assert_cmpstr (scan.why, ==, "NUL in a header field");
    sip_scan (&scan, in_start, sizeof in_start - 1, false);
    g_assert_nonnull (scan.why);
    sip_scan (&scan, escaped, sizeof escaped - 1, false);
    g_assert_cmpint (scan.verdict, ==, SIP_SCAN_GOOD);
    sip_scan (&scan, in_body, sizeof in_body - 1, false);
    g_assert_cmpuint (scan.body.len_bytes, ==, 3);
}

static void
test_header_limit (void)
{
    g_autoptr (GString) text = g_string_new (START REST);
    SipScan scan;

    for (unsigned i = 6; i <= SIP_MAX_HEADERS; i++) {
        g_string_append (text, "X: y\r\n");
    }
    g_autofree char *most = g_strconcat (text->str, "\r\n", NULL);
    g_autofree char *over = g_strconcat (text->str, "X: y\r\n\r\n", NULL);
    g_assert_cmpint (scan_text (&scan, most), ==, SIP_SCAN_GOOD);
    g_assert_cmpint (scan_text (&scan, over), ==, SIP_SCAN_REFUSE);
    g_assert_cmpstr (scan.why, ==, "Over 256 header fields");
}

static void
test_size_limit (void)
{
    g_autoptr (GString) text = g_string_new (START REST "\r\n");
    SipScan scan;

    while (text->len < SIP_MAX_MESSAGE_BYTES) {
        g_string_append_c (text, 'x');
    }
    g_assert_cmpint (scan_text (&scan, text->str), ==, SIP_SCAN_GOOD);
    g_string_append_c (text, 'x');
    g_assert_cmpint (scan_text (&scan, text->str), ==, SIP_SCAN_REFUSE);
    g_assert_cmpuint (scan.refusal, ==, 513);
}

static void
test_keepalive (void)
{
    SipScan scan;

    g_assert_cmpint (sip_scan (&scan, "\r\n\r\n", 4, false), ==, SIP_SCAN_KEEPALIVE);
    g_assert_cmpint (sip_scan (&scan, "", 0, false), ==, SIP_SCAN_KEEPALIVE);
    g_assert_cmpint (sip_scan (&scan, "\0\0\0\0", 4, false), ==, SIP_SCAN_KEEPALIVE);
    g_assert_cmpint (scan_text (&scan, "\r\n" START REST END), ==, SIP_SCAN_GOOD);
}

static void
test_stream_needs_length (void)
{
    const char *text = START REST "\r\n";
    SipScan scan;

    g_assert_cmpint (sip_scan (&scan, text, strlen (text), false), ==, SIP_SCAN_GOOD);
    g_assert_cmpint (sip_scan (&scan, text, strlen (text), true), ==, SIP_SCAN_REFUSE);
    g_assert_cmpstr (scan.why, ==, "Content-Length is missing");
}

/* Whatever the bytes are, the scan ends and reads none that are not there. */
static void
test_truncated_everywhere (void)
{
    const char *text =
        START REST "Contact: \"x\\\"\" <sip:a@[::1]:5060;lr?a=b>;q=0.5\r\n"
                   "c: multipart/mixed;boundary=b\r\nl: 20\r\n\r\n--b\r\n\r\nx\r\n--b--\r\nxx";

    for (size_t i = 0; i <= strlen (text); i++) {
        SipScan scan;
        g_autofree char *part = g_memdup2 (text, i);
        sip_scan (&scan, part, i, i % 2 == 0);
        g_assert_true (i == strlen (text) || scan.verdict != SIP_SCAN_GOOD || i == 0
                       || scan.body.len_bytes < 22);
    }
}

static void
test_lists (void)
{
    SipScan scan;

    scan_text (&scan, START REST "Require: a, b\r\nRequire: C\r\n" END);
    g_assert_true (sip_scan_lists (&scan, SIP_HEADER_REQUIRE, "b"));
    g_assert_true (sip_scan_lists (&scan, SIP_HEADER_REQUIRE, "c"));
    g_assert_false (sip_scan_lists (&scan, SIP_HEADER_REQUIRE, "d"));
    g_assert_false (sip_scan_lists (&scan, SIP_HEADER_SUPPORTED, "a"));
}

static void
test_header_names (void)
{
    for (unsigned id = 1; id < SIP_N_HEADERS; id++) {
        g_autofree char *upper = g_ascii_strup (sip_header_name (id), -1);
        g_assert_cmpint (sip_header_id (sip_view_of (upper)), ==, id);
    }
    for (unsigned id = 1; id < SIP_N_METHODS; id++) {
        g_assert_cmpint (sip_method_id (sip_view_of (sip_method_name (id))), ==, id);
    }
    g_assert_cmpint (sip_header_id (SIP_VIEW ("X-Own")), ==, SIP_HEADER_OTHER);
    g_assert_cmpint (sip_header_id (SIP_VIEW ("~")), ==, SIP_HEADER_OTHER);
    g_assert_cmpint (sip_header_id (SIP_VIEW ("V")), ==, SIP_HEADER_VIA);
    g_assert_cmpint (sip_method_id (SIP_VIEW ("invite")), ==, SIP_METHOD_OTHER);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/sip/scan/finds", test_finds);
    g_test_add_func ("/sip/scan/finds-response", test_finds_response);
    for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autofree char *name = g_strdup_printf ("/sip/scan/refused/%02zu %s", i, bad[i].why);
        for (char *at = name + 18; *at != '\0'; at++) {
            *at = *at == '/' ? ' ' : *at;
        }
        g_test_add_data_func (name, &bad[i], test_refused);
    }
    g_test_add_func ("/sip/scan/nul", test_nul);
    g_test_add_func ("/sip/scan/header-limit", test_header_limit);
    g_test_add_func ("/sip/scan/size-limit", test_size_limit);
    g_test_add_func ("/sip/scan/keepalive", test_keepalive);
    g_test_add_func ("/sip/scan/stream-needs-length", test_stream_needs_length);
    g_test_add_func ("/sip/scan/truncated-everywhere", test_truncated_everywhere);
    g_test_add_func ("/sip/scan/lists", test_lists);
    g_test_add_func ("/sip/scan/header-names", test_header_names);
    return g_test_run ();
}
