/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What we write: responses, ACK, CANCEL, and the repair of what peers wrote. */

#include "compose.h"

#define REQUEST                                                                                    \
    "INVITE sip:b@b.example SIP/2.0\r\n"                                                           \
    "v: SIP/2.0/UDP a.example:5070;rport;branch=z9hG4bKx;received=6.6.6.6;ttl=3,\r\n"              \
    " SIP/2.0/TCP z.example;branch=z9hG4bKy\r\n"                                                   \
    "Via: SIP/2.0/UDP y.example;branch=z9hG4bKw\r\n"                                               \
    "record-route: <sip:p1;lr>\r\nRecord-Route: <sip:p2;lr>\r\n"                                   \
    "f: \"A\"\r\n <sip:a@a.example>;tag=1\r\nt: <sip:b@b.example>\r\ni: c@a\r\nCSeq: 7 INVITE\r\n"

static const TdAddress *
source (void)
{
    static const TdAddress address = {
        .v4 = { .sin_family = AF_INET,
                .sin_port = 0x3412, /* either order will do: it is compared with its print */
                .sin_addr = { .s_addr = 0x0100007f } }
    };
    return &address;
}

static void
test_response (void)
{
    g_autoptr (GString) out = g_string_new ("rubbish");
    g_autofree char *rport = g_strdup_printf ("%u", td_address_port (source ()));
    SipReplyHead head;
    SipScan scan;

    g_assert_cmpint (sip_scan (&scan, REQUEST "\r\n", strlen (REQUEST "\r\n"), false), ==,
                     SIP_SCAN_GOOD);
    sip_reply_head_init (&head, &scan, source (), NULL);
    sip_compose_response (out, &head, 180, NULL, "ours");
    g_string_append_len (out, head.routes.text, (gssize) head.routes.len_bytes);
    sip_compose_end (out, "application/sdp", "v=0", 3);
    g_autofree char *want = g_strconcat (
        "SIP/2.0 180 Ringing\r\n"
        "Via: SIP/2.0/UDP a.example:5070;branch=z9hG4bKx;ttl=3;received=127.0.0.1;rport=",
        rport,
        ",SIP/2.0/TCP z.example;branch=z9hG4bKy\r\n"
        "Via: SIP/2.0/UDP y.example;branch=z9hG4bKw\r\n"
        "From: \"A\" <sip:a@a.example>;tag=1\r\n"
        "To: <sip:b@b.example>;tag=ours\r\nCall-ID: c@a\r\nCSeq: 7 INVITE\r\n"
        "Record-Route: <sip:p1;lr>\r\nRecord-Route: <sip:p2;lr>\r\n"
        "Content-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0",
        NULL);
    g_string_replace (out, ", SIP", ",SIP", 0);
    g_assert_cmpstr (out->str, ==, want);
    sip_reply_head_clear (&head);
}

static void
test_trying (void)
{
    g_autoptr (GString) out = g_string_new (NULL);
    SipReplyHead head;
    SipScan scan;
    const char *request = REQUEST "Timestamp: 54\r\n\r\n";

    sip_scan (&scan, request, strlen (request), false);
    sip_reply_head_init (&head, &scan, source (), NULL);
    sip_compose_response (out, &head, 100, NULL, "ours");
    g_assert_nonnull (strstr (out->str, "\r\nTo: <sip:b@b.example>\r\n"));
    g_assert_nonnull (strstr (out->str, "\r\nTimestamp: 54\r\n"));
    sip_compose_response (out, &head, 404, "Gone\r\nX: y", "ours");
    g_assert_true (g_str_has_prefix (out->str, "SIP/2.0 404 Gone X: y\r\n"));
    g_assert_null (strstr (out->str, "Timestamp"));
    sip_reply_head_clear (&head);
}

/* RFC 3261 8.2.6.2: a tag that is there stays. */
static void
test_to_tag_stays (void)
{
    const char *request =
        "BYE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\n"
        "From: <sip:a>;tag=1\r\nTo: <sip:b>;tag=2\r\nCall-ID: c\r\nCSeq: 8 BYE\r\n\r\n";
    g_autoptr (GString) out = g_string_new (NULL);
    SipReplyHead head;
    SipScan scan;

    sip_scan (&scan, request, strlen (request), false);
    sip_reply_head_init (&head, &scan, source (), NULL);
    sip_compose_response (out, &head, 200, NULL, "ours");
    sip_compose_end (out, NULL, NULL, 0);
    g_assert_cmpstr (out->str, ==,
                     "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\n"
                     "From: <sip:a>;tag=1\r\nTo: <sip:b>;tag=2\r\nCall-ID: c\r\nCSeq: 8 BYE\r\n"
                     "Content-Length: 0\r\n\r\n");
    sip_reply_head_clear (&head);
}

/* A display name may hold an escaped NUL (RFC 4475 3.1.1.2): it is copied, not cut. */
static void
test_nul_is_copied (void)
{
    static const char request[] = "OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\n"
                                  "From: \"x\\\0y\" <sip:a>;tag=1\r\nTo: \"\\\0\" <sip:b>\r\n"
                                  "Call-ID: c\r\nCSeq: 8 OPTIONS\r\n\r\n";
    static const char want[] =
        "From: \"x\\\0y\" <sip:a>;tag=1\r\nTo: \"\\\0\" <sip:b>;tag=t\r\nCall-ID";
    g_autoptr (GString) out = g_string_new (NULL);
    SipReplyHead head;
    SipScan scan;

    g_assert_cmpint (sip_scan (&scan, request, sizeof request - 1, false), ==, SIP_SCAN_GOOD);
    sip_reply_head_init (&head, &scan, source (), NULL);
    sip_compose_response (out, &head, 200, NULL, "t");
    g_assert_nonnull (memmem (out->str, out->len, want, sizeof want - 1));
    sip_reply_head_clear (&head);
}

/* A request without To and Call-ID is still answered, with what there is. */
static void
test_refusal_of_a_torso (void)
{
    const char *request = "INVITE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a.example;;branch=z9hG4bKx\r\n"
                          "CSeq: 8 INVITE\r\n\r\n";
    g_autoptr (GString) out = g_string_new (NULL);
    SipReplyHead head;
    SipScan scan;

    g_assert_cmpint (sip_scan (&scan, request, strlen (request), false), ==, SIP_SCAN_REFUSE);
    sip_reply_head_init (&head, &scan, source (), NULL);
    sip_compose_response (out, &head, scan.refusal, scan.why, "ours");
    g_assert_cmpstr (out->str, ==,
                     "SIP/2.0 400 Semicolon without a parameter\r\n"
                     "Via: SIP/2.0/UDP a.example;received=127.0.0.1\r\nTo: \r\nCSeq: 8 INVITE\r\n");
    sip_reply_head_clear (&head);
}

static void
test_cancel (void)
{
    const char *invite =
        "INVITE sip:b@b SIP/2.0\r\nVia: SIP/2.0/UDP us:5060;rport;branch=z9hG4bKx\r\n"
        "Route: <sip:r1;lr>\r\nRoute: <sip:r2;lr>\r\nFrom: <sip:a>;tag=1\r\n"
        "To: <sip:b>\r\nCall-ID: c\r\nCSeq: 8 INVITE\r\nRequire: x\r\n\r\n";
    g_autoptr (GString) out = g_string_new (NULL);
    SipScan scan;

    sip_scan (&scan, invite, strlen (invite), false);
    sip_compose_cancel (out, &scan, "");
    /* RFC 3261 9.1: no Require. */
    g_assert_cmpstr (out->str, ==,
                     "CANCEL sip:b@b SIP/2.0\r\nVia: SIP/2.0/UDP us:5060;rport;branch=z9hG4bKx\r\n"
                     "Max-Forwards: 70\r\nRoute: <sip:r1;lr>\r\nRoute: <sip:r2;lr>\r\n"
                     "From: <sip:a>;tag=1\r\nTo: <sip:b>\r\nCall-ID: c\r\nCSeq: 8 CANCEL\r\n"
                     "Content-Length: 0\r\n\r\n");
}

static void
test_request_and_fields (void)
{
    g_autoptr (GString) out = g_string_new ("rubbish");

    sip_compose_request (out, "INFO", SIP_VIEW ("sip:b@b"), TD_TRANSPORT_TCP, "[::1]:5060",
                         "z9hG4bKx");
    sip_compose_text (out, "Subject", "a\r\n b");
    sip_compose_number (out, "Max-Forwards", 0);
    g_string_append (out, "From: ");
    sip_compose_quoted (out, "a\"\\\r\n");
    g_assert_cmpstr (out->str, ==,
                     "INFO sip:b@b SIP/2.0\r\nVia: SIP/2.0/TCP "
                     "[::1]:5060;branch=z9hG4bKx;oc;oc-algo=\"loss\"\r\n"
                     "Subject: a b\r\nMax-Forwards: 0\r\nFrom: \"a\\\"\\\\  \"");
}

/* What is refused after a brief scan and at once must be what is refused after a whole one, byte by
 * byte. Returns whether a brief scan was enough. */
static bool
check_brief (const char *bytes, size_t len_bytes)
{
    g_autoptr (GString) out = g_string_new (NULL), want = g_string_new (NULL);
    g_autofree SipScan *brief = g_new0 (SipScan, 1), *whole = g_new0 (SipScan, 1);
    SipReplyHead head;

    if (!sip_scan_brief (brief, bytes, len_bytes)) {
        return false;
    }
    sip_scan (whole, bytes, len_bytes, false);
    g_assert_true (whole->is_request);
    /* An ACK is never answered; what else cannot be has no Via that leads back. */
    g_assert_true (whole->verdict != SIP_SCAN_DROP || whole->method == SIP_METHOD_ACK);
    g_assert_cmpint (brief->method, ==, whole->method);
    g_assert_true (sip_view_equal (brief->to_tag, whole->to_tag));
    g_assert_true (sip_view_equal (brief->from_tag, whole->from_tag));
    g_assert_true (sip_view_equal (brief->call_id, whole->call_id));
    g_assert_true (sip_view_equal (brief->via.whole, whole->via.whole));
    g_assert_true (sip_view_equal (brief->via.branch, whole->via.branch));
    g_assert_cmpuint (brief->cseq_number, ==, whole->cseq_number);
    sip_compose_answer (out, brief, source (), NULL, 503, NULL, NULL, "ours");
    sip_reply_head_init (&head, whole, source (), NULL);
    sip_compose_response (want, &head, 503, NULL, "ours");
    sip_compose_end (want, NULL, NULL, 0);
    g_assert_cmpmem (out->str, out->len, want->str, want->len);
    sip_reply_head_clear (&head);
    return true;
}

static void
test_brief_refusal (void)
{
    static const char usual[] =
        "INVITE sip:b@b.example SIP/2.0\r\n"
        "Via: SIP/2.0/UDP a.example:5070;rport;branch=z9hG4bKx\r\n"
        "v: SIP/2.0/UDP y.example;branch=z9hG4bKw, SIP/2.0/TCP z.example\r\n"
        "Max-Forwards: 70\r\nContact: <sip:a@a>\r\nRoute: <sip:p1;lr>\r\n"
        "FROM: \"A\" <sip:a@a.example>;tag=1\r\nt: <sip:b@b.example>\r\n"
        "i: c@a\r\nCSeq: 7 INVITE\r\nContent-Length: 3\r\n\r\nv=0";

    g_assert_true (check_brief (usual, strlen (usual)));
}

/* With a folded line, a second To, no end: the whole scan has to say what that is. */
static void
test_brief_scan_leaves_the_unusual (void)
{
    static const char *const unusual[] = {
        REQUEST "\r\n",
        "INVITE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
        "To: <sip:c>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n",
        "INVITE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
        "Call-ID: c\r\nCSeq: 1 BYE\r\n\r\n",
        "INVITE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
        "Call-ID: c\r\nCSeq: 1 INVITE\r\n",
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
        "Call-ID: c\r\nCSeq: 1 INVITE\r\n\r\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS (unusual); i++) {
        g_assert_false (check_brief (unusual[i], strlen (unusual[i])));
    }
}

/* Over all that the fuzzers begin with, cut and changed. */
static void
test_brief_refusals_of_the_corpus (void)
{
    const char *folder = g_getenv ("TANDEM_SIP_CORPUS");
    g_autoptr (GDir) names = folder != NULL ? g_dir_open (folder, 0, NULL) : NULL;
    unsigned n_brief = 0;
    const char *name;

    g_assert_nonnull (names);
    while ((name = g_dir_read_name (names)) != NULL) {
        g_autofree char *path = g_build_filename (folder, name, NULL), *bytes = NULL;
        size_t len_bytes;
        g_assert_true (g_file_get_contents (path, &bytes, &len_bytes, NULL));
        n_brief += check_brief (bytes, len_bytes);
        for (unsigned i = 0; i < 200 && len_bytes > 1; i++) {
            g_autofree char *changed = g_memdup2 (bytes, len_bytes + 1);
            size_t at = (size_t) g_random_int_range (0, (int) len_bytes);
            changed[at] = (char) g_random_int_range (0, 256);
            n_brief += check_brief (changed, i % 2 == 0 ? len_bytes : at + 1);
        }
    }
    g_test_message ("%u refused after a brief scan", n_brief);
    g_assert_cmpuint (n_brief, >, 100);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/sip/compose/response", test_response);
    g_test_add_func ("/sip/compose/trying", test_trying);
    g_test_add_func ("/sip/compose/to-tag-stays", test_to_tag_stays);
    g_test_add_func ("/sip/compose/nul-is-copied", test_nul_is_copied);
    g_test_add_func ("/sip/compose/refusal-of-a-torso", test_refusal_of_a_torso);
    g_test_add_func ("/sip/compose/PRI-075/brief-refusal", test_brief_refusal);
    g_test_add_func ("/sip/compose/PRI-075/brief-scan-leaves-the-unusual",
                     test_brief_scan_leaves_the_unusual);
    g_test_add_func ("/sip/compose/PRI-075/brief-refusals-of-the-corpus",
                     test_brief_refusals_of_the_corpus);
    g_test_add_func ("/sip/compose/cancel", test_cancel);
    g_test_add_func ("/sip/compose/request-and-fields", test_request_and_fields);
    return g_test_run ();
}
