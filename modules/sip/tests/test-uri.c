/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* URIs, addresses and Via values are taken apart as RFC 3261 25.1 has it. */

#include "uri.h"

#define assert_view(view, literal)                                                                 \
    G_STMT_START                                                                                   \
    {                                                                                              \
        g_autofree char *got = g_strndup ((view).text, (view).len_bytes);                          \
        g_assert_cmpstr (got, ==, (literal));                                                      \
    }                                                                                              \
    G_STMT_END

static void
test_uri_parts (void)
{
    SipUri uri;

    g_assert_null (
        sip_uri_scan (SIP_VIEW ("sip:a;b=c:pw@[2001:db8::1]:5070;lr;x=1?Subject=y"), &uri));
    g_assert_cmpint (uri.scheme, ==, SIP_SCHEME_SIP);
    assert_view (uri.user, "a;b=c");
    assert_view (uri.host, "[2001:db8::1]");
    g_assert_cmpuint (uri.port, ==, 5070);
    assert_view (uri.params, ";lr;x=1");
    assert_view (uri.headers, "Subject=y");
    g_assert_null (sip_uri_scan (SIP_VIEW ("tel:+1-212-555-0100;phone-context=x"), &uri));
    assert_view (uri.user, "+1-212-555-0100");
    assert_view (uri.params, ";phone-context=x");
}

static void
test_uri_refused (void)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        { "", "URI without a scheme" },
        { "sip", "URI without a scheme" },
        { ":a@b", "URI without a scheme" },
        { "1sip:a@b", "URI without a scheme" },
        { "sip:", "Address without a host" },
        { "sip:a@", "Address without a host" },
        { "sip:@b", "URI with an empty user before the @" },
        { "sip:a@b:0", "Port that is no number from 1 to 65535" },
        { "sip:a@b:65536", "Port that is no number from 1 to 65535" },
        { "sip:a@b:x", "Port that is no number from 1 to 65535" },
        { "sip:a@[::1", "IPv6 reference that is no address" },
        { "sip:a@[::g]", "IPv6 reference that is no address" },
        { "sip:a@[2001:db8:::1]", "IPv6 reference that is no address" },
        { "sip:a%4@b", "URI with a percent sign that begins no escape" },
        { "sip:a%zz@b", "URI with a percent sign that begins no escape" },
        { "sip:a b@c", "Character that may not stand in a URI" },
        { "sip:a@b\xc3\xa4", "Character that may not stand in a URI" },
        { "sip:a@b/c", "Character that may not stand in a host" },
        { "tel:", "tel URI without a number" },
    };
    SipUri uri;

    for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_test_message ("%s", bad[i].text);
        g_assert_cmpstr (sip_uri_scan (sip_view_of (bad[i].text), &uri), ==, bad[i].why);
    }
}

static void
test_uri_parameter_limit (void)
{
    g_autoptr (GString) text = g_string_new ("sip:a@b");
    SipUri uri;

    for (unsigned i = 0; i < SIP_MAX_PARAMS; i++) {
        g_string_append (text, ";p");
    }
    g_assert_null (sip_uri_scan (sip_view_of (text->str), &uri));
    g_string_append (text, ";p");
    g_assert_cmpstr (sip_uri_scan (sip_view_of (text->str), &uri), ==,
                     "URI with over 64 parameters");
}

static void
test_uri_equal (void)
{
    static const struct {
        const char *a, *b;
        bool is_equal;
    } pairs[] = {
        /* RFC 3261 19.1.4, its examples. */
        { "sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true },
        { "sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true },
        { "sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true },
        { "SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false },
        { "sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false },
        { "sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false },
        { "sip:carol@chicago.com?Subject=next%20meeting", "sip:carol@chicago.com", false },
        { "sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false },
        { "sip:a%00b@c", "sip:a@c", false },
        { "sip:a%00b@c", "sip:a%2500b@c", false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS (pairs); i++) {
        SipUri a, b;
        g_test_message ("%s %s", pairs[i].a, pairs[i].b);
        g_assert_null (sip_uri_scan (sip_view_of (pairs[i].a), &a));
        g_assert_null (sip_uri_scan (sip_view_of (pairs[i].b), &b));
        g_assert_true (sip_uri_equal (&a, &b) == pairs[i].is_equal);
        g_assert_true (sip_uri_equal (&b, &a) == pairs[i].is_equal);
    }
}

static void
test_escapes (void)
{
    g_autoptr (GString) escaped = g_string_new (NULL);
    char text[16];

    g_assert_true (sip_unescape (SIP_VIEW ("%61%20%00%25b"), text, sizeof text));
    g_assert_cmpstr (text, ==, "a %00%25b");
    sip_escape_user (escaped, text);
    g_assert_cmpstr (escaped->str, ==, "a%20%00%25b");
    g_assert_false (sip_unescape (SIP_VIEW ("0123456789abcdef"), text, sizeof text));
    g_assert_cmpstr (text, ==, "");
}

static void
test_name_addr (void)
{
    SipNameAddr addr;
    SipView tag;

    g_assert_null (sip_name_addr_scan (
        SIP_VIEW (" \"A \\\" <x>\"  <sip:a@b;lr> ; x = \"y;z\" ;tag= 1"), &addr));
    assert_view (addr.display, "\"A \\\" <x>\"");
    assert_view (addr.uri, "sip:a@b;lr");
    g_assert_true (sip_param_find (addr.params, "tag", &tag));
    assert_view (tag, "1");
    g_assert_null (sip_name_addr_scan (SIP_VIEW ("sip:a@b;tag=2"), &addr));
    g_assert_false (addr.is_bracketed);
    assert_view (addr.uri, "sip:a@b");
    g_assert_null (sip_name_addr_scan (SIP_VIEW ("A. Bell <sip:a@b>"), &addr));
    assert_view (addr.display, "A. Bell");
}

static void
test_name_addr_refused (void)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        { "", "Header field without an address" },
        { "\"A <sip:a@b>", "Quoted string without an end" },
        { "\"A\" sip:a@b", "Display name without an address in <>" },
        { "A, B <sip:a@b>", "Display name that needs quotes" },
        { "A <sip:a@b", "< without a >" },
        { "<>", "Nothing between < and >" },
        { "< sip:a@b>", "Character that may not stand in a URI between < and >" },
        { "sip:a@b?x=y", "URI with ? or , that must stand between < and >" },
        { "<sip:a@b>;", "Semicolon without a parameter" },
        { "<sip:a@b>;;x", "Semicolon without a parameter" },
        { "<sip:a@b>;x=", "Parameter without the value after its equals sign" },
        { "<sip:a@b>;x=\"y", "Quoted string without an end" },
        { "<sip:a@b> x", "Unexpected text where a parameter should begin" },
    };
    SipNameAddr addr;

    for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_test_message ("%s", bad[i].text);
        g_assert_cmpstr (sip_name_addr_scan (sip_view_of (bad[i].text), &addr), ==, bad[i].why);
    }
}

static void
test_via (void)
{
    SipVia via;

    g_assert_null (sip_via_scan (
        SIP_VIEW ("SIP / 2.0\r\n / UDP [::1] : 5070 ;rport;branch=z9hG4bKx;received=::2"), &via));
    assert_view (via.transport, "UDP");
    assert_view (via.host, "[::1]");
    g_assert_cmpuint (via.port, ==, 5070);
    assert_view (via.branch, "z9hG4bKx");
    assert_view (via.received, "::2");
    g_assert_true (via.has_rport);
    g_assert_cmpuint (via.rport.len_bytes, ==, 0);
    g_assert_nonnull (sip_via_scan (SIP_VIEW ("SIP/2.0/UDP"), &via));
    g_assert_nonnull (sip_via_scan (SIP_VIEW ("SIP/3.0/UDP a"), &via));
    g_assert_nonnull (sip_via_scan (SIP_VIEW ("SIP/2.0/UDP a b"), &via));
    g_assert_nonnull (sip_via_scan (SIP_VIEW ("SIP/2.0/UDP a;;branch=1"), &via));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/sip/uri/parts", test_uri_parts);
    g_test_add_func ("/sip/uri/refused", test_uri_refused);
    g_test_add_func ("/sip/uri/parameter-limit", test_uri_parameter_limit);
    g_test_add_func ("/sip/uri/equal", test_uri_equal);
    g_test_add_func ("/sip/uri/escapes", test_escapes);
    g_test_add_func ("/sip/uri/name-addr", test_name_addr);
    g_test_add_func ("/sip/uri/name-addr-refused", test_name_addr_refused);
    g_test_add_func ("/sip/uri/via", test_via);
    return g_test_run ();
}
