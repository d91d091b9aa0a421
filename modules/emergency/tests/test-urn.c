/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRI-090: which URNs are emergency services (RFC 5031 3). */

#include "urn.h"

#include <string.h>

typedef struct {
    const char *text;
    TdEmergencyKind kind;
    const char *service;
} Case;

static void
test_read (void)
{
    static const Case cases[] = {
        { "urn:service:sos", TD_EMERGENCY_CALL, "urn:service:sos" },
        { "URN:SERVICE:SOS.Police", TD_EMERGENCY_CALL, "urn:service:sos.police" },
        { "urn:service:sos.animal-control", TD_EMERGENCY_CALL, "urn:service:sos.animal-control" },
        { "urn:service:sos.x.y.z", TD_EMERGENCY_CALL, "urn:service:sos.x.y.z" },
        { "urn:service:test.sos.fire", TD_EMERGENCY_TEST, "urn:service:test.sos.fire" },
        /* Its end is odd: what is left is its parent. */
        { "urn:service:sos.", TD_EMERGENCY_CALL, "urn:service:sos" },
        { "urn:service:sos..fire", TD_EMERGENCY_CALL, "urn:service:sos" },
        { "urn:service:sos.-fire", TD_EMERGENCY_CALL, "urn:service:sos" },
        { "urn:service:sos.fire-", TD_EMERGENCY_CALL, "urn:service:sos" },
        { "urn:service:sos.fire;x=y", TD_EMERGENCY_CALL, "urn:service:sos.fire" },
        { "urn:service:sos?+x", TD_EMERGENCY_CALL, "urn:service:sos" },
        { "urn:service:sosx", TD_EMERGENCY_NONE, NULL },
        { "urn:service:so", TD_EMERGENCY_NONE, NULL },
        { "urn:service:", TD_EMERGENCY_NONE, NULL },
        { "urn:service:test", TD_EMERGENCY_NONE, NULL },
        { "urn:service:test.sosx", TD_EMERGENCY_NONE, NULL },
        { "urn:service:counseling.suicide", TD_EMERGENCY_NONE, NULL },
        { "urn:nena:service:sos", TD_EMERGENCY_NONE, NULL },
        { "sip:sos@example.com", TD_EMERGENCY_NONE, NULL },
        { "sos", TD_EMERGENCY_NONE, NULL },
        { "", TD_EMERGENCY_NONE, NULL },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        char service[TD_PARTY_TEXT] = "untouched";
        g_test_message ("%s", cases[i].text);
        g_assert_cmpint (urn_read (cases[i].text, service), ==, cases[i].kind);
        g_assert_cmpstr (service, ==, cases[i].service != NULL ? cases[i].service : "untouched");
    }
}

static void
test_long_one_is_cut_at_a_label (void)
{
    g_autoptr (GString) text = g_string_new ("urn:service:sos");
    char service[TD_PARTY_TEXT];

    for (unsigned i = 0; i < 5000; i++) {
        g_string_append (text, ".abcdefg");
    }
    g_assert_cmpint (urn_read (text->str, service), ==, TD_EMERGENCY_CALL);
    g_assert_cmpuint (strlen (service), <, TD_PARTY_TEXT);
    g_assert_cmpuint (strlen (service), >, TD_PARTY_TEXT - 12);
    g_assert_true (g_str_has_suffix (service, ".abcdefg"));
}

static void
test_from_configuration (void)
{
    char service[TD_PARTY_TEXT];

    g_assert_true (urn_from_config ("police", service));
    g_assert_cmpstr (service, ==, "urn:service:sos.police");
    g_assert_true (urn_from_config ("sos", service));
    g_assert_cmpstr (service, ==, "urn:service:sos");
    g_assert_true (urn_from_config ("urn:service:sos.fire", service));
    g_assert_cmpstr (service, ==, "urn:service:sos.fire");
    g_assert_false (urn_from_config ("urn:service:counseling", service));
    g_assert_false (urn_from_config ("police!", service));
    g_assert_false (urn_from_config ("", service));
}

static void
test_below (void)
{
    g_assert_true (urn_is_below ("urn:service:sos.police", "urn:service:sos"));
    g_assert_true (urn_is_below ("urn:service:sos.police", "urn:service:sos.police"));
    g_assert_false (urn_is_below ("urn:service:sos.policex", "urn:service:sos.police"));
    g_assert_false (urn_is_below ("urn:service:sos", "urn:service:sos.police"));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/priority/PRI-090/urn/read", test_read);
    g_test_add_func ("/priority/PRI-090/urn/long", test_long_one_is_cut_at_a_label);
    g_test_add_func ("/priority/PRI-090/urn/configured", test_from_configuration);
    g_test_add_func ("/priority/PRI-090/urn/below", test_below);
    return g_test_run ();
}
