/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What overloaded servers ask for, and how many calls they are spared (RFC 7339, ROU-008). */

#include "overload.h"

#include <tandem/priority.h>

typedef struct {
    SipOverload *overload;
    TdAddress server, other;
    unsigned level;
    uint32_t duration_ms;
} Fixture;

static void
set_up (Fixture *f, const void *data)
{
    td_lanes_open (&(TdLanesOptions){ .n_lanes = 1, .is_fake = true, .boot = 1 });
    f->overload = sip_overload_new ();
    g_assert_true (td_address_parse ("192.0.2.1:5060", 5060, &f->server));
    g_assert_true (td_address_parse ("192.0.2.1:5061", 5060, &f->other));
}

static void
tear_down (Fixture *f, const void *data)
{
    sip_overload_free (f->overload);
    td_lanes_close ();
}

/* The server says PARAMETERS. Returns whether that is news. */
static bool
say (Fixture *f, const char *parameters)
{
    g_autofree char *text = g_strdup_printf (
        "SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP us;branch=z9hG4bKx%s\r\nFrom: <sip:a@a>;tag=1\r\n"
        "To: <sip:b@b>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n",
        parameters);
    g_autofree SipScan *scan = g_new0 (SipScan, 1);

    f->level = 9;
    g_assert_cmpint (sip_scan (scan, text, strlen (text), false), ==, SIP_SCAN_GOOD);
    return sip_overload_is_told (scan)
           && sip_overload_hear (f->overload, scan, &f->server, &f->level, &f->duration_ms);
}

/* How many of 100 ordinary calls are kept back. */
static unsigned
count_spared (Fixture *f)
{
    unsigned n = 0;

    for (unsigned i = 0; i < 100; i++) {
        n += sip_overload_spares (f->overload, &f->server, TD_CLASS_ORDINARY);
    }
    return n;
}

static void
test_levels (Fixture *f, const void *data)
{
    static const struct {
        const char *parameters;
        unsigned level;
    } cases[] = {
        { ";oc=1;oc-algo=\"loss\";oc-seq=1.1", 1 },  { ";oc=29;oc-algo=\"loss\";oc-seq=2.1", 1 },
        { ";oc=30;oc-algo=\"loss\";oc-seq=3.1", 2 }, { ";oc=59;oc-algo=\"loss\";oc-seq=4.1", 2 },
        { ";oc=60;oc-algo=\"loss\";oc-seq=5.1", 3 }, { ";oc=100;oc-algo=\"loss\";oc-seq=6.1", 3 },
        { ";oc=0;oc-algo=\"loss\";oc-seq=7.1", 0 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_assert_true (say (f, cases[i].parameters));
        g_assert_cmpuint (f->level, ==, cases[i].level);
    }
}

/* To the percent, not on average. */
static void
test_loss_is_exact (Fixture *f, const void *data)
{
    static const unsigned percents[] = { 100, 99, 50, 17, 1 };

    for (unsigned i = 0; i < G_N_ELEMENTS (percents); i++) {
        g_autofree char *text = g_strdup_printf (";oc=%u;oc-seq=%u.0", percents[i], i + 1);
        g_assert_true (say (f, text));
        g_assert_cmpuint (count_spared (f), ==, percents[i]);
    }
}

/* RFC 7339 5.10.1: what they leave is made good by the others. */
static void
test_calls_with_priority_go_on (Fixture *f, const void *data)
{
    unsigned n = 0;

    say (f, ";oc=50;oc-seq=1.0");
    for (unsigned i = 0; i < 100; i++) {
        bool has_priority = i % 2 == 0;
        bool is_spared = sip_overload_spares (
            f->overload, &f->server, has_priority ? TD_CLASS_EMERGENCY : TD_CLASS_ORDINARY);
        g_assert_false (has_priority && is_spared);
        n += is_spared;
    }
    g_assert_cmpuint (n, ==, 50);
}

/* Where ordinary calls are fewer than are to be kept back, the lowest of the higher classes pays. */
static void
test_classes_pay_from_the_lowest_up (Fixture *f, const void *data)
{
    static const unsigned classes[] = { 4, 4, 4, 6, 10 };
    unsigned n_spared[TD_CLASS_MAX + 1] = { 0 };

    say (f, ";oc=75;oc-validity=60000;oc-seq=1.0");
    for (unsigned i = 0; i < 5000; i++) {
        unsigned class = classes[i % G_N_ELEMENTS (classes)];
        n_spared[class] += sip_overload_spares (f->overload, &f->server, class);
    }
    /* 3750 of 5000: 3000 ordinary ones, and the rest, but for what is still due, of the class 6. */
    g_assert_cmpuint (n_spared[TD_CLASS_ORDINARY], >=, 2990);
    g_assert_cmpuint (n_spared[6], >=, 700);
    g_assert_cmpuint (n_spared[6], <=, 750);
    g_assert_cmpuint (n_spared[10], ==, 0);
}

/* RFC 7339 5.5; PRI-074: to pass them all the same is a departure, and has to be asked for. */
static void
test_full_loss_is_for_all_unless_told (Fixture *f, const void *data)
{
    say (f, ";oc=100;oc-seq=1.0");
    g_assert_true (sip_overload_spares (f->overload, &f->server, TD_CLASS_EMERGENCY));
    g_assert_true (sip_overload_spares (f->overload, &f->server, TD_CLASS_ORDINARY));
    sip_overload_pass_priority (f->overload);
    g_assert_false (sip_overload_spares (f->overload, &f->server, TD_CLASS_EMERGENCY));
    g_assert_true (sip_overload_spares (f->overload, &f->server, TD_CLASS_ORDINARY));
}

/* RFC 7339 5.4: of one address and port. */
static void
test_another_port (Fixture *f, const void *data)
{
    say (f, ";oc=100;oc-seq=1.0");
    g_assert_false (sip_overload_spares (f->overload, &f->other, TD_CLASS_ORDINARY));
    g_assert_true (sip_overload_spares (f->overload, &f->server, TD_CLASS_ORDINARY));
}

/* RFC 7339 4.3: 500 ms, unless it says otherwise. */
static void
test_validity (Fixture *f, const void *data)
{
    say (f, ";oc=100;oc-seq=1.0");
    g_assert_cmpuint (f->duration_ms, ==, 500);
    td_lanes_advance (499);
    g_assert_cmpuint (count_spared (f), ==, 100);
    td_lanes_advance (1);
    g_assert_cmpuint (count_spared (f), ==, 0);
    say (f, ";oc=100;oc-validity=3000;oc-seq=2.0");
    g_assert_cmpuint (f->duration_ms, ==, 3000);
    td_lanes_advance (2999);
    g_assert_cmpuint (count_spared (f), ==, 100);
    td_lanes_advance (1);
    g_assert_cmpuint (count_spared (f), ==, 0);
}

/* RFC 7339 5.7: whatever "oc" says. */
static void
test_validity_of_0_ends_it (Fixture *f, const void *data)
{
    say (f, ";oc=100;oc-seq=1.0");
    g_assert_true (say (f, ";oc=100;oc-validity=0;oc-seq=1.1"));
    g_assert_cmpuint (f->level, ==, 0);
    g_assert_cmpuint (count_spared (f), ==, 0);
}

/* A server that is not overloaded says so in every response: that is no news. */
static void
test_no_overload_is_no_news (Fixture *f, const void *data)
{
    g_assert_false (say (f, ";oc=0;oc-algo=\"loss\";oc-validity=0"));
    g_assert_false (say (f, ";oc;oc-algo=\"loss\"")); /* it only gives back what we sent */
}

/* RFC 7339 4.4. */
static void
test_sequence (Fixture *f, const void *data)
{
    g_assert_true (say (f, ";oc=10;oc-seq=1282321615.782"));
    g_assert_false (say (f, ";oc=20;oc-seq=1282321615.782")); /* the same */
    g_assert_false (say (f, ";oc=20;oc-seq=1282321615.78"));  /* older */
    g_assert_false (say (f, ";oc=20;oc-seq=1282321614.9"));
    g_assert_true (say (f, ";oc=30;oc-seq=1282321615.79"));
    g_assert_true (say (f, ";oc=40;oc-seq=1.0")); /* begun anew */
    g_assert_cmpuint (count_spared (f), ==, 40);
}

/* What is older than the end of it does not begin it again. */
static void
test_late_word_after_the_end (Fixture *f, const void *data)
{
    say (f, ";oc=100;oc-seq=5.0");
    say (f, ";oc=0;oc-seq=7.0");
    g_assert_false (say (f, ";oc=100;oc-seq=6.0"));
    g_assert_cmpuint (count_spared (f), ==, 0);
}

static void
test_nonsense (Fixture *f, const void *data)
{
    static const char *const cases[] = {
        ";oc=101",
        ";oc=-1",
        ";oc=99999999999999999999",
        ";oc=many",
        ";oc=\"50\"",
        ";oc=50;oc-algo=\"rate\"",
        ";oc=50;oc-algo",
        ";oc=50;oc-validity=soon",
        ";oc=50;oc-validity",
        ";oc-validity=500",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_test_message ("%s", cases[i]);
        g_assert_false (say (f, cases[i]));
    }
    g_assert_true (say (f, ";oc=50;oc-seq")); /* as without */
    g_assert_true (say (f, ";oc=50;oc-seq=1.123456"));
    g_assert_cmpuint (count_spared (f), ==, 50);
}

#define ADD(path, function)                                                                        \
    g_test_add ("/sip/overload/" path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("levels", test_levels);
    ADD ("loss-is-exact", test_loss_is_exact);
    ADD ("calls-with-priority-go-on", test_calls_with_priority_go_on);
    ADD ("PRI-074/classes-pay-from-the-lowest-up", test_classes_pay_from_the_lowest_up);
    ADD ("PRI-074/full-loss-is-for-all-unless-told", test_full_loss_is_for_all_unless_told);
    ADD ("another-port", test_another_port);
    ADD ("validity", test_validity);
    ADD ("validity-of-0-ends-it", test_validity_of_0_ends_it);
    ADD ("no-overload-is-no-news", test_no_overload_is_no_news);
    ADD ("sequence", test_sequence);
    ADD ("late-word-after-the-end", test_late_word_after_the_end);
    ADD ("nonsense", test_nonsense);
    return g_test_run ();
}
