/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the called party is told of a caller, and what it is not (RFC 3323, RFC 3325). */

#include "common/sip-peers.h"

static void
hear_of_caller (Flow *flow, const char *lines)
{
    sip_invite (flow, lines, SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
}

static void
refuse (Flow *flow)
{
    ANSWER (&flow->b, 404, NULL);
}

/* RFC 3323 4.2: values are divided by semicolons; case does not count. */
static void
test_lists_of_privacy (Flow *flow, gconstpointer data)
{
    hear_of_caller (flow, data);
    g_assert_true (sip_has (&flow->b, "\r\nFrom: \"Anonymous\" <sip:anonymous@anonymous.invalid>"));
    g_assert_false (sip_has (&flow->b, "ann@"));
    refuse (flow);
}

static void
test_no_privacy (Flow *flow, gconstpointer data)
{
    hear_of_caller (flow, "Privacy: none\r\n");
    g_assert_true (sip_has (&flow->b, "\r\nFrom: \"Ann\" <sip:ann@"));
    refuse (flow);
}

/* RFC 3323 5.3: what else would tell who it is. */
static void
test_nothing_else_tells (Flow *flow, gconstpointer data)
{
    hear_of_caller (flow, "Privacy: user\r\nReply-To: <sip:ann@home>\r\nOrganization: Ann's\r\n"
                          "Subject: It is Ann\r\nCall-Info: <http://ann>\r\nIn-Reply-To: ann-1\r\n"
                          "Identity: ann\r\nIdentity-Info: <http://ann>\r\nAlert-Info: <x:y>\r\n");
    static const char *const names[] = { "Reply-To", "Organization", "Subject",      "Call-Info",
                                         "Identity", "In-Reply-To",  "Identity-Info" };
    for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autofree char *value = sip_field (flow->b.last, names[i]);
        g_assert_cmpstr (value, ==, "");
    }
    g_assert_true (sip_has (&flow->b, "\r\nAlert-Info: <x:y>\r\n"));
    refuse (flow);
}

/* RFC 3325 5, RFC 7315 6: what only a domain of trust may say does not come from a stranger. */
static void
test_trusted_fields_stay (Flow *flow, gconstpointer data)
{
    hear_of_caller (flow,
                    "P-Asserted-Identity: <sip:boss@x>\r\nP-Preferred-Identity: <sip:boss@x>\r\n"
                    "Remote-Party-ID: <sip:boss@x>;party=calling\r\n"
                    "P-Charging-Function-Addresses: ccf=boss\r\nP-Served-User: <sip:boss@x>\r\n"
                    "P-Visited-Network-ID: boss\r\nX-Own: kept\r\n");
    g_assert_false (sip_has (&flow->b, "boss"));
    g_assert_true (sip_has (&flow->b, "\r\nX-Own: kept\r\n"));
    refuse (flow);
}

/* The set-up takes no options here: DATA is the test's. */
static void
set_up (Flow *flow, gconstpointer data)
{
    sip_peers_set_up (flow, NULL);
}

#define ADD(path, function, data)                                                                  \
    g_test_add ("/flow/sip-privacy/" path, Flow, data, set_up, function, sip_peers_tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("list", test_lists_of_privacy, "Privacy: header;id\r\n");
    ADD ("list-with-spaces", test_lists_of_privacy, "Privacy: critical ; USER ; session\r\n");
    ADD ("two-fields", test_lists_of_privacy, "Privacy: header\r\nPrivacy: id\r\n");
    ADD ("none", test_no_privacy, NULL);
    ADD ("nothing-else-tells", test_nothing_else_tells, NULL);
    ADD ("trusted-fields-stay", test_trusted_fields_stay, NULL);
    return g_test_run ();
}
