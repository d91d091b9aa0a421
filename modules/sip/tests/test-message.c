/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The model: read when asked, and never less than the text said. */

#include "message.h"

#define HEAD                                                                                       \
    "REGISTER sip:b.example SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\n"                     \
    "From: <sip:a@a>;tag=1\r\nTo: <sip:a@a>\r\nCall-ID: c\r\nCSeq: 7 REGISTER\r\n"

typedef struct {
    SipScan scan;
    SipMessage message;
} Fixture;

static void
open_text (Fixture *f, const char *text)
{
    g_assert_cmpint (sip_scan (&f->scan, text, strlen (text), false), ==, SIP_SCAN_GOOD);
    sip_message_init (&f->message, &f->scan);
}

static void
test_contacts (void)
{
    Fixture f;

    open_text (&f, HEAD "m: <sip:a@1>;expires=60;q=0.5, \"b, c\" <sip:b@2>\r\n"
                        "Contact: sip:c@3;expires=nonsense\r\nExpires: 1800\r\n\r\n");
    const osip_message_t *osip = sip_message_need (&f.message, SIP_HEADER_CONTACT);
    g_assert_nonnull (osip);
    g_assert_cmpint (osip_list_size (&osip->contacts), ==, 3);
    g_assert_cmpuint (sip_message_expires (&f.message, 0, 99), ==, 60);
    g_assert_cmpuint (sip_message_expires (&f.message, 1, 99), ==, 1800);
    g_assert_cmpuint (sip_message_expires (&f.message, 2, 99), ==, 99);
    g_assert_true (sip_message_need (&f.message, SIP_HEADER_CONTACT) == osip);
    g_assert_cmpint (osip_list_size (&osip->contacts), ==, 3);
    sip_message_clear (&f.message);
}

static void
test_broken_field_harms_only_itself (void)
{
    Fixture f;

    open_text (&f, HEAD "Authorization: Digest\r\nContact: <sip:a@1>\r\n\r\n");
    g_assert_null (sip_message_need (&f.message, SIP_HEADER_AUTHORIZATION));
    g_assert_nonnull (sip_message_need (&f.message, SIP_HEADER_CONTACT));
    sip_message_clear (&f.message);
}

static void
test_authorization (void)
{
    Fixture f;
    osip_authorization_t *authorization;

    open_text (&f, HEAD "Authorization: Digest username=\"a,b\", realm=\"r\", nonce=\"n\",\r\n"
                        " uri=\"sip:b\", response=\"x\", algorithm=SHA-256, qop=auth, nc=00000001,"
                        " cnonce=\"q\"\r\n\r\n");
    const osip_message_t *osip = sip_message_need (&f.message, SIP_HEADER_AUTHORIZATION);
    g_assert_nonnull (osip);
    authorization = osip_list_get (&osip->authorizations, 0);
    g_assert_cmpstr (osip_authorization_get_username (authorization), ==, "\"a,b\"");
    g_assert_cmpstr (osip_authorization_get_nonce_count (authorization), ==, "00000001");
    sip_message_clear (&f.message);
}

static void
test_escaped_nul_in_display_name (void)
{
    static const char text[] = "OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\n"
                               "From: <sip:a@a>;tag=1\r\nTo: \"x\\\0y\" <sip:t@b>;tag=2\r\n"
                               "Call-ID: c\r\nCSeq: 7 OPTIONS\r\n\r\n";
    Fixture f;

    g_assert_cmpint (sip_scan (&f.scan, text, sizeof text - 1, false), ==, SIP_SCAN_GOOD);
    sip_message_init (&f.message, &f.scan);
    const osip_message_t *osip = sip_message_need (&f.message, SIP_HEADER_TO);
    g_assert_nonnull (osip);
    g_assert_cmpstr (osip->to->url->username, ==, "t");
    sip_message_clear (&f.message);
}

static void
test_display (void)
{
    char text[32];
    SipNameAddr addr;

    sip_name_addr_scan (SIP_VIEW ("\"A \\\"B\\\" \xc3\xa4\" <sip:a>"), &addr);
    g_assert_true (sip_message_display (&addr, text, sizeof text));
    g_assert_cmpstr (text, ==, "A \"B\" \xc3\xa4");
    sip_name_addr_scan (SIP_VIEW ("Al Bo <sip:a>"), &addr);
    g_assert_true (sip_message_display (&addr, text, sizeof text));
    g_assert_cmpstr (text, ==, "Al Bo");
    sip_name_addr_scan (SIP_VIEW ("\"\" <sip:a>"), &addr);
    g_assert_false (sip_message_display (&addr, text, sizeof text));
    sip_name_addr_scan (SIP_VIEW ("\"0123456789012345678901234567890123456789\" <sip:a>"), &addr);
    g_assert_false (sip_message_display (&addr, text, sizeof text));
}

static void
test_user_host (void)
{
    char user[32], host[32];
    SipUri uri;

    sip_uri_scan (SIP_VIEW ("sip:+12125550100;npdi=yes@h.example:5060;user=phone"), &uri);
    g_assert_true (sip_message_user_host (&uri, user, sizeof user, host, sizeof host));
    g_assert_cmpstr (user, ==, "+12125550100");
    g_assert_cmpstr (host, ==, "h.example");
    sip_uri_scan (SIP_VIEW ("sip:null-%00-null@h"), &uri);
    g_assert_true (sip_message_user_host (&uri, user, sizeof user, host, sizeof host));
    g_assert_cmpstr (user, ==, "null-%00-null");
    sip_uri_scan (SIP_VIEW ("sip:01234567890123456789012345678901@h"), &uri);
    g_assert_false (sip_message_user_host (&uri, user, sizeof user, host, sizeof host));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/sip/message/contacts", test_contacts);
    g_test_add_func ("/sip/message/broken-field-harms-only-itself",
                     test_broken_field_harms_only_itself);
    g_test_add_func ("/sip/message/authorization", test_authorization);
    g_test_add_func ("/sip/message/escaped-nul-in-display-name", test_escaped_nul_in_display_name);
    g_test_add_func ("/sip/message/display", test_display);
    g_test_add_func ("/sip/message/user-host", test_user_host);
    return g_test_run ();
}
