/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dialogs: route sets, targets, numbers (RFC 3261 12). */

#include "dialog.h"

#define INVITE                                                                                     \
    "INVITE sip:b@us SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\nFrom: \"A\" "                \
    "<sip:a@a>;tag=1\r\n"                                                                          \
    "To: <sip:b@us>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n"
#define OK                                                                                         \
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP us;branch=z9hG4bKx\r\nFrom: <sip:us@us>;tag=l\r\n"         \
    "To: <sip:b@b>;tag=r\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n"

static SipScan
scan_of (const char *text)
{
    SipScan scan;

    g_assert_cmpint (sip_scan (&scan, text, strlen (text), false), ==, SIP_SCAN_GOOD);
    return scan;
}

static char *
compose (const SipDialog *dialog)
{
    GString *out = g_string_new (NULL);

    sip_dialog_compose (out, dialog, "BYE", 8, TD_TRANSPORT_UDP, "us:5060", "z9hG4bKn");
    return g_string_free (out, FALSE);
}

static void
test_uas (void)
{
    SipScan invite = scan_of (INVITE "Contact: <sip:a@1.2.3.4;x=y>;q=1\r\n"
                                     "Record-Route: <sip:p1;lr>, <sip:p2;lr>;x\r\n\r\n");
    SipDialog dialog;

    g_assert_true (sip_dialog_init_uas (&dialog, &invite, "mine"));
    g_autofree char *bye = compose (&dialog);
    g_assert_cmpstr (
        bye, ==,
        "BYE sip:a@1.2.3.4;x=y SIP/2.0\r\n"
        "Via: SIP/2.0/UDP us:5060;rport;branch=z9hG4bKn;oc;oc-algo=\"loss\"\r\nMax-Forwards: 70\r\n"
        "Route: <sip:p1;lr>\r\nRoute: <sip:p2;lr>;x\r\n"
        "From: <sip:b@us>;tag=mine\r\nTo: \"A\" <sip:a@a>;tag=1\r\nCall-ID: c\r\n"
        "CSeq: 8 BYE\r\n");
    g_assert_cmpstr (sip_dialog_next_hop (&dialog), ==, "sip:p1;lr");
    g_assert_cmpuint (dialog.remote_cseq, ==, 7);
    sip_dialog_clear (&dialog);
}

static void
test_uac_reverses_routes (void)
{
    SipScan ok = scan_of (OK "Contact: <sip:b@5.6.7.8>\r\n"
                             "Record-Route: <sip:p2;lr>\r\nRecord-Route: <sip:p1;lr>\r\n\r\n");
    SipDialog dialog;

    g_assert_true (sip_dialog_init_uac (&dialog, &ok));
    g_autofree char *bye = compose (&dialog);
    g_assert_nonnull (
        strstr (bye, "Route: <sip:p1;lr>\r\nRoute: <sip:p2;lr>\r\nFrom: <sip:us@us>;tag=l"));
    g_assert_true (g_str_has_prefix (bye, "BYE sip:b@5.6.7.8 SIP/2.0"));
    g_assert_cmpuint (dialog.local_cseq, ==, 7);
    g_assert_false (dialog.has_remote_cseq);
    sip_dialog_clear (&dialog);
}

/* RFC 3261 12.2.1.1, the example. */
static void
test_strict_router (void)
{
    SipScan invite =
        scan_of (INVITE "Contact: <sip:user@remoteua>\r\nRecord-Route: "
                        "<sip:proxy1>,<sip:proxy2>,<sip:proxy3;lr>,<sip:proxy4>\r\n\r\n");
    SipDialog dialog;

    g_assert_true (sip_dialog_init_uas (&dialog, &invite, "mine"));
    g_autofree char *bye = compose (&dialog);
    g_assert_true (g_str_has_prefix (bye, "BYE sip:proxy1 SIP/2.0\r\n"));
    g_assert_nonnull (strstr (bye, "Route: <sip:proxy2>\r\nRoute: <sip:proxy3;lr>\r\n"
                                   "Route: <sip:proxy4>\r\nRoute: <sip:user@remoteua>\r\nFrom"));
    g_assert_cmpstr (sip_dialog_next_hop (&dialog), ==, "sip:proxy1");
    sip_dialog_clear (&dialog);
}

static void
test_target_refresh (void)
{
    SipScan invite = scan_of (INVITE "Contact: <sip:a@1.2.3.4>\r\n\r\n");
    SipScan again = scan_of (INVITE "Contact: <sip:a@9.9.9.9>\r\nRecord-Route: <sip:p;lr>\r\n\r\n");
    SipScan without = scan_of (INVITE "\r\n");
    SipDialog dialog;

    sip_dialog_init_uas (&dialog, &invite, "mine");
    sip_dialog_refresh_target (&dialog, &without);
    g_assert_cmpstr (dialog.target, ==, "sip:a@1.2.3.4");
    sip_dialog_refresh_target (&dialog, &again);
    g_assert_cmpstr (dialog.target, ==, "sip:a@9.9.9.9");
    g_assert_null (dialog.routes);
    sip_dialog_clear (&dialog);
    g_assert_false (sip_dialog_init_uas (&dialog, &without, "mine"));
}

static void
test_confirm_replaces_early_routes (void)
{
    SipScan ok = scan_of (OK "Contact: <sip:b@5>\r\nRecord-Route: <sip:p;lr>\r\n\r\n");
    SipScan better = scan_of (OK "Contact: <sip:b@6>\r\n\r\n");
    SipDialog dialog;

    sip_dialog_init_uac (&dialog, &ok);
    sip_dialog_confirm_uac (&dialog, &better);
    g_assert_null (dialog.routes);
    g_assert_cmpstr (dialog.target, ==, "sip:b@6");
    g_assert_cmpstr (sip_dialog_next_hop (&dialog), ==, "sip:b@6");
    sip_dialog_clear (&dialog);
}

static void
test_cseq (void)
{
    SipScan invite = scan_of (INVITE "Contact: <sip:a@1>\r\n\r\n");
    SipDialog dialog;

    sip_dialog_init_uas (&dialog, &invite, "mine");
    invite.cseq_number = 6;
    g_assert_false (sip_dialog_take_cseq (&dialog, &invite));
    invite.cseq_number = 70;
    g_assert_true (sip_dialog_take_cseq (&dialog, &invite));
    g_assert_cmpuint (dialog.remote_cseq, ==, 70);
    sip_dialog_clear (&dialog);
}

static void
test_belongs (void)
{
    SipScan invite = scan_of (INVITE "Contact: <sip:a@1>\r\n\r\n");
    SipScan bye = scan_of ("BYE sip:b@us SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\n"
                           "From: <sip:a@a>;tag=1\r\nTo: <sip:b@us>;tag=mine\r\nCall-ID: c\r\n"
                           "CSeq: 8 BYE\r\n\r\n");
    SipDialog dialog;

    sip_dialog_init_uas (&dialog, &invite, "mine");
    g_assert_true (sip_dialog_is_of (&dialog, &bye));
    bye.from_tag = SIP_VIEW ("2");
    g_assert_false (sip_dialog_is_of (&dialog, &bye));
    sip_dialog_clear (&dialog);
}

/* A 2xx is to be acknowledged, whatever it lacks. */
static void
test_uac_without_contact (void)
{
    SipScan ok = scan_of (OK "\r\n");
    SipScan ringing = ok;
    SipDialog dialog;

    ringing.status = 180;
    g_assert_false (sip_dialog_init_uac (&dialog, &ringing));
    g_assert_true (sip_dialog_init_uac (&dialog, &ok));
    g_assert_true (dialog.is_target_guessed);
    g_assert_cmpstr (dialog.target, ==, "sip:b@b");
    sip_dialog_clear (&dialog);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/sip/dialog/uas", test_uas);
    g_test_add_func ("/sip/dialog/uac-without-contact", test_uac_without_contact);
    g_test_add_func ("/sip/dialog/uac-reverses-routes", test_uac_reverses_routes);
    g_test_add_func ("/sip/dialog/strict-router", test_strict_router);
    g_test_add_func ("/sip/dialog/target-refresh", test_target_refresh);
    g_test_add_func ("/sip/dialog/confirm-replaces-early-routes",
                     test_confirm_replaces_early_routes);
    g_test_add_func ("/sip/dialog/cseq", test_cseq);
    g_test_add_func ("/sip/dialog/belongs", test_belongs);
    return g_test_run ();
}
