/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Multipart bodies: parts, folded part headers, limits. */

#include "mime.h"

#define TYPE SIP_VIEW ("multipart/mixed;boundary=\"b 1\"")

static void
test_parts (void)
{
    SipPart parts[SIP_MAX_PARTS];
    unsigned n_parts;
    SipView body =
        SIP_VIEW ("preamble --b 1\r\n--b 1\r\nContent-Type: application/sdp;\r\n x=y\r\n\r\n"
                  "v=0\r\n\r\n--b 1\r\n\r\n\0x\r\n--b 1--\r\nepilogue");

    g_assert_null (sip_mime_split (TYPE, body, parts, &n_parts));
    g_assert_cmpuint (n_parts, ==, 2);
    g_assert_true (sip_view_is (sip_mime_type (parts[0].content_type), "application/sdp"));
    g_assert_true (sip_view_is (parts[0].body, "v=0\r\n"));
    g_assert_cmpuint (parts[1].content_type.len_bytes, ==, 0);
    g_assert_cmpuint (parts[1].body.len_bytes, ==, 2);
}

static void
test_find (void)
{
    SipPart part;
    SipView body = SIP_VIEW ("--b 1\r\nContent-Type: multipart/alternative;boundary=c\r\n\r\n"
                             "--c\r\nContent-Type: Application/SDP\r\n\r\nv=0\r\n--c--\r\n--b 1--");

    g_assert_true (sip_mime_find (TYPE, body, "application/sdp", &part));
    g_assert_true (sip_view_is (part.body, "v=0"));
    g_assert_false (sip_mime_find (TYPE, body, "application/isup", &part));
    g_assert_true (sip_mime_find (SIP_VIEW ("application/sdp"), body, "application/sdp", &part));
}

static char *
make_parts (unsigned n_parts)
{
    GString *body = g_string_new (NULL);

    for (unsigned i = 0; i < n_parts; i++) {
        g_string_append (body, "--b 1\r\n\r\nx\r\n");
    }
    return g_string_free (g_string_append (body, "--b 1--"), FALSE);
}

static void
test_limits (void)
{
    g_autofree char *most = make_parts (SIP_MAX_PARTS);
    g_autofree char *over = make_parts (SIP_MAX_PARTS + 1);
    const char *deep = "--b 1\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n--c\r\n"
                       "Content-Type: multipart/mixed;boundary=d\r\n\r\n--d\r\n\r\nx\r\n--d--\r\n"
                       "--c--\r\n--b 1--";

    g_assert_null (sip_mime_check (TYPE, sip_view_of (most)));
    g_assert_cmpstr (sip_mime_check (TYPE, sip_view_of (over)), ==,
                     "multipart body with over 16 parts");
    g_assert_cmpstr (sip_mime_check (TYPE, sip_view_of (deep)), ==,
                     "multipart bodies nested more than two deep");
}

static void
test_refused (void)
{
    g_assert_cmpstr (sip_mime_check (SIP_VIEW ("multipart/mixed"), SIP_VIEW ("x")), ==,
                     "multipart body without a boundary");
    g_assert_cmpstr (sip_mime_check (TYPE, SIP_VIEW ("--b 1--")), ==,
                     "multipart body without a part");
    g_assert_cmpstr (sip_mime_check (TYPE, SIP_VIEW ("--b 1\r\n\r\nx")), ==,
                     "multipart body that does not end in its boundary");
    g_assert_cmpstr (sip_mime_check (TYPE, SIP_VIEW ("--b 1")), ==,
                     "multipart body that does not end in its boundary");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/sip/mime/parts", test_parts);
    g_test_add_func ("/sip/mime/find", test_find);
    g_test_add_func ("/sip/mime/limits", test_limits);
    g_test_add_func ("/sip/mime/refused", test_refused);
    return g_test_run ();
}
