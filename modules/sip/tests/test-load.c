/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What our responses say of our load, and that the other end of ours understands it (RFC 7339, PRI-074). */

#include "compose.h"
#include "overload.h"

#include <stdlib.h>
#include <tandem/priority.h>

#define INVITE(via)                                                                                \
    "INVITE sip:b@b SIP/2.0\r\nVia: SIP/2.0/UDP us:5060;branch=z9hG4bKx" via "\r\n"                \
    "From: <sip:a@a>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n"

typedef struct {
    SipLoad *load;
    SipOverload *overload;
    TdAddress us;
} Fixture;

static void
set_up (Fixture *f, const void *data)
{
    td_lanes_open (&(TdLanesOptions){ .n_lanes = 1, .is_fake = true, .boot = 1 });
    f->load = sip_load_new ();
    f->overload = sip_overload_new ();
    g_assert_true (td_address_parse ("192.0.2.1:5060", 5060, &f->us));
}

static void
tear_down (Fixture *f, const void *data)
{
    sip_load_free (f->load);
    sip_overload_free (f->overload);
    td_lanes_close ();
}

/* What is responded to INVITE (transfer full). */
static char *
respond (SipLoad *load, const TdAddress *source, const char *invite)
{
    g_autofree SipScan *scan = g_new0 (SipScan, 1);
    GString *out = g_string_new (NULL);
    SipReplyHead head;

    g_assert_cmpint (sip_scan (scan, invite, strlen (invite), false), ==, SIP_SCAN_GOOD);
    sip_reply_head_init (&head, scan, source, load);
    sip_compose_response (out, &head, 100, NULL, NULL);
    sip_compose_end (out, NULL, NULL, 0);
    sip_reply_head_clear (&head);
    return g_string_free (out, FALSE);
}

/* The client of ours hears what we respond. Returns the level of congestion, 9 for no news. */
static unsigned
hear (Fixture *f)
{
    g_autofree char *response = respond (f->load, &f->us, INVITE (SIP_OVERLOAD_PARAMETERS));
    g_autofree SipScan *scan = g_new0 (SipScan, 1);
    uint32_t duration_ms;
    unsigned level = 9;

    g_assert_cmpint (sip_scan (scan, response, strlen (response), false), ==, SIP_SCAN_GOOD);
    g_assert_true (sip_overload_is_told (scan));
    sip_overload_hear (f->overload, scan, &f->us, &level, &duration_ms);
    return level;
}

static unsigned
count_spared (Fixture *f, unsigned priority_class)
{
    unsigned n = 0;

    for (unsigned i = 0; i < 100; i++) {
        n += sip_overload_spares (f->overload, &f->us, priority_class);
    }
    return n;
}

/* A window in which N_SERVED calls were served and N_REFUSED were not, and its end. */
static void
count (Fixture *f, unsigned n_served, unsigned n_refused)
{
    for (unsigned i = 0; i < n_served + n_refused; i++) {
        sip_load_count (f->load, i >= n_served);
    }
    td_lanes_advance (300);
}

/* RFC 7339 5.1. */
static void
test_at_rest_it_wants_nothing_back (Fixture *f, const void *data)
{
    g_autofree char *response = respond (f->load, &f->us, INVITE (";oc;oc-algo=\"rate,loss\""));

    g_assert_nonnull (strstr (response, ";oc=0;oc-algo=\"loss\";oc-validity=0;oc-seq="));
    g_assert_null (strstr (response, "rate"));
    g_assert_cmpuint (hear (f), ==, 9);
    g_assert_cmpuint (count_spared (f, TD_CLASS_ORDINARY), ==, 0);
}

/* RFC 7339 4.1: nothing is said to who does not ask, and what somebody made up stays a text. */
static void
test_tells_nobody_who_does_not_ask (Fixture *f, const void *data)
{
    static const char *const invites[] = { INVITE (""),
                                           INVITE (";oc"),
                                           INVITE (";oc-algo=\"loss\""),
                                           INVITE (";oc;oc-algo=\"rate\""),
                                           INVITE (";oc;oc-algo=\""),
                                           INVITE (";oc;oc-algo") };

    sip_load_set_least (f->load, 50);
    for (size_t i = 0; i < G_N_ELEMENTS (invites); i++) {
        g_autofree SipScan *scan = g_new0 (SipScan, 1);
        if (sip_scan (scan, invites[i], strlen (invites[i]), false) == SIP_SCAN_GOOD) {
            g_autofree char *response = respond (f->load, &f->us, invites[i]);
            g_assert_null (strstr (response, "oc=50"));
        }
    }
    g_autofree char *silent = respond (NULL, &f->us, INVITE (SIP_OVERLOAD_PARAMETERS));
    g_assert_null (strstr (silent, "oc="));
}

static void
test_both_ends_agree (Fixture *f, const void *data)
{
    count (f, 0, 0);
    count (f, 25, 75);
    g_assert_cmpuint (hear (f), ==, 3);
    g_assert_cmpuint (count_spared (f, TD_CLASS_ORDINARY), ==, 75);
    /* Of the quarter that came half was too much. */
    count (f, 13, 13);
    hear (f);
    g_assert_cmpuint (count_spared (f, TD_CLASS_ORDINARY), ==, 88);
}

/* Refused are none: more and more may come, and at last all (RFC 7339 5.7). */
static void
test_relief_comes_bit_by_bit (Fixture *f, const void *data)
{
    unsigned before = 100, n = 0;

    count (f, 0, 0);
    count (f, 10, 90);
    do {
        hear (f);
        unsigned now = count_spared (f, TD_CLASS_ORDINARY);
        g_assert_cmpuint (now, <=, before);
        before = now;
        count (f, 20, 0);
    } while (before > 0 && ++n < 100);
    g_assert_cmpuint (n, >, 10);
    g_assert_cmpuint (n, <, 60);
}

/* Who floods us need not be who asks: whoever keeps back what he is told to is not silenced. */
static void
test_nobody_is_silenced_by_a_flood (Fixture *f, const void *data)
{
    count (f, 0, 0);
    for (unsigned i = 0; i < 20; i++) {
        count (f, 1, 99);
    }
    hear (f);
    g_assert_cmpuint (count_spared (f, TD_CLASS_ORDINARY), ==, 95);
}

static void
test_congestion_is_the_least (Fixture *f, const void *data)
{
    sip_load_set_least (f->load, 50);
    g_assert_cmpuint (hear (f), ==, 2);
    g_assert_cmpuint (count_spared (f, TD_CLASS_ORDINARY), ==, 50);
    sip_load_set_least (f->load, 100);
    g_assert_cmpuint (hear (f), ==, 3);
    sip_load_set_least (f->load, 0);
    g_assert_cmpuint (hear (f), ==, 0);
    g_assert_cmpuint (count_spared (f, TD_CLASS_ORDINARY), ==, 0);
}

#define ADD(name, function)                                                                        \
    g_test_add ("/sip/load/PRI-074/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char *argv[])
{
    g_test_init (&argc, &argv, NULL);
    ADD ("nobody-is-silenced-by-a-flood", test_nobody_is_silenced_by_a_flood);
    ADD ("at-rest-it-wants-nothing-back", test_at_rest_it_wants_nothing_back);
    ADD ("tells-nobody-who-does-not-ask", test_tells_nobody_who_does_not_ask);
    ADD ("both-ends-agree", test_both_ends_agree);
    ADD ("relief-comes-bit-by-bit", test_relief_comes_bit_by_bit);
    ADD ("congestion-is-the-least", test_congestion_is_the_least);
    return g_test_run ();
}
