/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRI-032: the parties of a request in the form that is signed (RFC 8224 8). */

#include "canon.h"

#include <glib.h>
#include <string.h>

static const CanonPlan nanp = { .country = "1", .national = "1", .international = "011" };
static const CanonPlan none = { .country = "", .national = "", .international = "" };

static void
test_parties (void)
{
    static const struct {
        const char *text, *number, *uri;
    } cases[] = {
        { "+1 (215) 555-1212", "12155551212", NULL },
        { "tel:+1-215-555-1212;ext=4", "12155551212", NULL },
        { "tel:911", "911", NULL },
        { "sip:+12155551212@example.com;user=phone", "12155551212", NULL },
        { "sip:12155551212@example.com;user=phone", "12155551212", NULL },
        { "SIP:%2B12155551212@example.com", "12155551212", NULL },
        { "sip:+1215;npdi:pw@example.com", "1215", NULL },
        { "sip:*67@example.com", "*67", NULL },
        { "sip:Alice@Example.COM:5060;transport=tcp", NULL, "sip:alice@example.com" },
        { "sips:alice:secret@example.com?x=y", NULL, "sips:alice@example.com" },
        { "sip:%61lice%20b@[2001:DB8::1]:5060", NULL, "sip:alice%20b@[2001:db8::1]" },
        { "sip:example.com", NULL, "sip:example.com" },
        { "sip:101.b@example.com", NULL, "sip:101.b@example.com" },
        { "URN:service:SOS", NULL, "urn:service:sos" },
        { "", NULL, NULL },
        { "tel:", NULL, NULL },
        { "tel:alice", NULL, NULL },
        { "sip:", NULL, NULL },
        { "sip:@", NULL, NULL },
        { "sip:a@[", NULL, NULL },
        { "+", NULL, "+" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        Canon canon;
        g_test_message ("%s", cases[i].text);
        bool is_read = canon_read (&canon, cases[i].text);
        g_assert_cmpint (is_read, ==, cases[i].number != NULL || cases[i].uri != NULL);
        if (is_read) {
            g_assert_cmpint (canon.is_number, ==, cases[i].number != NULL);
            g_assert_cmpstr (canon.is_number ? canon.number : canon.uri, ==,
                             canon.is_number ? cases[i].number : cases[i].uri);
        }
    }
}

static void
test_completion (void)
{
    static const struct {
        const char *text;
        const CanonPlan *plan;
        const char *number;
    } cases[] = {
        { "+12155551212", &nanp, "12155551212" },
        { "2155551212", &nanp, "12155551212" },
        { "1 215 555 1212", &nanp, "12155551212" },
        { "011 49 30 123456", &nanp, "4930123456" },
        { "911", &nanp, "911" },
        { "*272 2155551212", &nanp, "*2722155551212" },
        { "2155551212", &none, "2155551212" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        char number[CANON_NUMBER_SIZE];
        Canon canon;
        g_assert_true (canon_read (&canon, cases[i].text));
        canon_complete (&canon, cases[i].plan, number);
        g_assert_cmpstr (number, ==, cases[i].number);
        g_assert_true (canon_is_number (&canon, cases[i].plan, cases[i].number));
    }
}

static void
test_others (void)
{
    Canon canon;

    g_assert_true (canon_read (&canon, "+12155551212"));
    g_assert_false (canon_is_number (&canon, &nanp, "12155551213"));
    g_assert_false (canon_is_number (&canon, &nanp, "2155551212"));
    g_assert_false (canon_is_uri (&canon, "12155551212"));
    g_assert_true (canon_read (&canon, "sip:alice@example.com"));
    g_assert_true (canon_is_uri (&canon, "sip:ALICE@example.com"));
    g_assert_false (canon_is_uri (&canon, "sips:alice@example.com"));
    g_assert_false (canon_is_uri (&canon, "sip:alice@example.org"));
}

static void
test_lengths (void)
{
    g_autofree char *digits = g_strnfill (CANON_NUMBER_SIZE - 1, '1');
    g_autofree char *more = g_strnfill (CANON_NUMBER_SIZE, '1');
    g_autofree char *uri = g_strnfill (CANON_URI_SIZE, 'a');
    char number[CANON_NUMBER_SIZE];
    Canon canon;

    g_assert_true (canon_is_tn (digits));
    g_assert_false (canon_is_tn (more));
    g_assert_true (canon_read (&canon, digits));
    canon_complete (&canon, &nanp, number); /* no room for the country: as it is */
    g_assert_cmpuint (strlen (number), <, CANON_NUMBER_SIZE);
    g_assert_false (canon_read (&canon, more));
    g_assert_false (canon_read (&canon, uri));
    for (const char *const *tn = (const char *const[]){ "", "+1", "1 2", "a", NULL }; *tn; tn++) {
        g_assert_false (canon_is_tn (*tn));
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/passport/PRI-032/parties", test_parties);
    g_test_add_func ("/passport/PRI-032/numbers-are-completed", test_completion);
    g_test_add_func ("/passport/PRI-032/others-are-others", test_others);
    g_test_add_func ("/passport/PRI-032/lengths", test_lengths);
    return g_test_run ();
}
