/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a glance at a message tells, and how often a mere claim goes first (PRI-073). */

#include "arrival.h"

#define REST                                                                                       \
    "Via: SIP/2.0/UDP a.example;branch=z9hG4bKx\r\nMax-Forwards: 70\r\nFrom: <sip:a@a>;tag=1\r\n"  \
    "Call-ID: one\r\nCSeq: 1 INVITE\r\nContact: <sip:a@a>\r\n"

static bool
glance (SipGlance *ret_glance, const char *text)
{
    return sip_glance (ret_glance, text, strlen (text));
}

/* What is sorted in one way and parsed in another would be served by the wrong lane. */
static void
test_says_what_the_scan_says (void)
{
    static const char *const messages[] = {
        "INVITE sip:b@b SIP/2.0\r\nTo: <sip:b@b>\r\n" REST "\r\n",
        "INVITE sip:b@b SIP/2.0\r\nTo: <sip:b@b>;tag=t00aa\r\n" REST "\r\nTo: <sip:x>;tag=y\r\n",
        "BYE sip:b@b SIP/2.0\r\nt: sip:b@b;tag=abc\r\n" REST "\r\n",
        "INVITE sip:b@b SIP/2.0\r\nTo: \"x>;tag=no\" <sip:b@b>;tag=yes\r\n" REST "\r\n",
        "INVITE sip:b@b SIP/2.0\r\nTo: <sip:b@b;tag=no> ; x=1 ; tag = yes\r\n" REST "\r\n",
        "INVITE sip:b@b SIP/2.0\r\nTo: <sip:b@b>\r\nResource-Priority: ets.0\r\n" REST "\r\n",
        "INVITE sip:b@b SIP/2.0\r\nTo: <sip:b@b>\r\nreplaces: x;to-tag=1\r\n" REST "\r\n",
        "SIP/2.0 200 OK\r\nTo: <sip:b@b>;tag=2\r\n" REST "\r\n",
        "SIP/2.0 180 Ringing\r\nTo: <sip:b@b>;tag=2\r\n" REST "v: SIP/2.0/UDP c;branch=z9hG4bKy\r\n"
        "\r\n",
        "ACK urn:service:sos SIP/2.0\r\nTo: <sip:b@b>\r\n" REST "\r\n",
    };
    g_autofree SipScan *scan = g_new0 (SipScan, 1);

    for (size_t i = 0; i < G_N_ELEMENTS (messages); i++) {
        SipGlance seen, scanned;
        g_assert_true (glance (&seen, messages[i]));
        sip_scan (scan, messages[i], strlen (messages[i]), false);
        sip_glance_of_scan (&scanned, scan);
        g_assert_cmpint (seen.is_request, ==, scanned.is_request);
        if (seen.is_request) {
            g_assert_cmpint (seen.method, ==, scanned.method);
            g_assert_true (sip_view_equal (seen.request_uri, scanned.request_uri));
        } else {
            g_assert_true (sip_view_equal (seen.branch, scanned.branch));
        }
        g_assert_true (sip_view_equal (seen.to_tag, scanned.to_tag));
        g_assert_true (sip_view_equal (seen.call_id, scanned.call_id));
        g_assert_cmpint (seen.is_marked, ==, scanned.is_marked);
        g_assert_cmpint (seen.names_dialog, ==, scanned.names_dialog);
    }
}

static void
test_leaves_the_unusual_to_the_scan (void)
{
    static const char *const messages[] = {
        "",
        "\r\n\r\n",
        "INVITE sip:b@b SIP/2.0",
        "INVITE sip:b@b SIP/2.0\r\n",
        "INVITE SIP/2.0\r\nTo: <sip:b@b>\r\n" REST "\r\n",
        "INVITE sip:b@b SIP/2.0\r\nTo: <sip:b@b>\r\n ;tag=x\r\n" REST "\r\n",
        "INVITE sip:b@b SIP/2.0\r\nSubject: a\r\n b\r\nTo: <sip:b@b>\r\n" REST "\r\n",
        "INVITE sip:b@b SIP/2.0\nTo: <sip:b@b>\n" REST "\r\n",
        "INVITE sip:b@b SIP/2.0\r\nTo: \"b <sip:b@b>\r\n" REST "\r\n",
        "INVITE sip:b@b SIP/2.0\r\nTo: <sip:b@b>\r\n" REST "Call-ID: two\r\n\r\n",
        "INVITE sip:b@b SIP/2.0\r\nTo: <sip:b@b>;tag=1\r\nTo: <sip:b@b>\r\n" REST "\r\n",
        "INVITE sip:b@b SIP/2.0\r\nTo: <sip:b@b>\r\n" REST,
        "SIP/2.0 200 OK\r\nVia: none\r\nTo: <sip:b@b>\r\n" REST "\r\n",
        "INVITE sip:b@b SIP/2.0\r\nTo: <sip:b@b>\r\n\r\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS (messages); i++) {
        SipGlance seen;
        g_assert_false (glance (&seen, messages[i]));
    }
}

static void
test_knows_emergencies_and_numbers (void)
{
    static const struct {
        const char *uri;
        bool is_first;
    } uris[] = {
        { "urn:service:sos", true },
        { "URN:Service:SOS.police", true },
        { "urn:service:sosx", false },
        { "urn:service:test.sos", false },
        { "sip:112@b", true },
        { "sip:7106274387;phone-context=+1@b", true },
        { "tel:112;phone-context=+1", true },
        { "sip:1129@b", false },
        { "sip:b@112", false },
        { "sips:11@b", false },
        { "112", false },
    };
    static const char *const numbers[] = { "112", "7106274387", NULL };

    for (size_t i = 0; i < G_N_ELEMENTS (uris); i++) {
        SipGlance asked = { .is_request = true, .request_uri = sip_view_of (uris[i].uri) };
        g_assert_cmpint (sip_glance_is_for (&asked, numbers), ==, uris[i].is_first);
    }
}

static unsigned
count_taken (SipClaims *claims, const char *source, unsigned rate, int64_t now_us)
{
    TdAddress address;
    unsigned n = 0;

    g_assert_true (td_address_parse (source, 5060, &address));
    for (unsigned i = 0; i < 1000; i++) {
        n += sip_claims_take (claims, sip_claim_of_source (&address), rate, now_us);
    }
    return n;
}

static void
test_claims_have_a_rate (void)
{
    SipClaims *claims = sip_claims_new (7, 1024);
    int64_t now_us = 5 * G_USEC_PER_SEC;

    g_assert_cmpuint (count_taken (claims, "192.0.2.1", 50, now_us), ==, 50);
    g_assert_cmpuint (count_taken (claims, "192.0.2.1:9", 50, now_us), ==, 0);
    g_assert_cmpuint (count_taken (claims, "192.0.2.2", 50, now_us), ==, 50);
    g_assert_cmpuint (count_taken (claims, "[2001:db8::1]", 50, now_us), ==, 50);
    g_assert_cmpuint (count_taken (claims, "192.0.2.1", 50, now_us + G_USEC_PER_SEC / 2), ==, 25);
    g_assert_cmpuint (count_taken (claims, "192.0.2.1", 50, now_us + 60 * G_USEC_PER_SEC), ==, 50);
    g_assert_cmpuint (count_taken (claims, "192.0.2.3", 0, now_us), ==, 0);
    sip_claims_free (claims);
}

/* One claim each of a hundred sources, at once. */
static unsigned
count_sources (bool may_be_forged)
{
    SipClaims *claims = sip_claims_new (7, 65536);
    unsigned n = 0;

    for (unsigned i = 0; i < 100; i++) {
        g_autofree char *source = g_strdup_printf ("198.51.100.%u", i);
        TdAddress address;
        g_assert_true (td_address_parse (source, 5060, &address));
        n += sip_claims_take_of (claims, &address, may_be_forged, 2, 5 * G_USEC_PER_SEC);
    }
    sip_claims_free (claims);
    return n;
}

/* Whoever writes another source into each datagram is not as many. */
static void
test_forged_sources_have_a_rate (void)
{
    g_assert_cmpuint (count_sources (false), >, 90);
    g_assert_cmpuint (count_sources (true), ==, 2 * SIP_FORGED_SOURCES);
}

int
main (int argc, char *argv[])
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/sip/arrival/PRI-073/says-what-the-scan-says", test_says_what_the_scan_says);
    g_test_add_func ("/sip/arrival/leaves-the-unusual-to-the-scan",
                     test_leaves_the_unusual_to_the_scan);
    g_test_add_func ("/sip/arrival/PRI-073/knows-emergencies-and-numbers",
                     test_knows_emergencies_and_numbers);
    g_test_add_func ("/sip/arrival/PRI-073/claims-have-a-rate", test_claims_have_a_rate);
    g_test_add_func ("/sip/arrival/PRI-073/forged-sources-have-a-rate",
                     test_forged_sources_have_a_rate);
    return g_test_run ();
}
