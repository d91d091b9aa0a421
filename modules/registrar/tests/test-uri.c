/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pairs of RFC 3261 19.1.4, and some that are easily taken for each other. */

#include "uri.h"

static const char *const equal[][2] = {
    { "sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp" },
    { "sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5" },
    { "sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on" },
    { "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
      "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com" },
    { "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
      "sip:alice@atlanta.com?priority=urgent&subject=project%20x" },
    { "sip:a@[2001:DB8::1]:5060", "sip:a@[2001:db8::1]:5060" },
    { "SIP:a@h", "sip:a@h" },
    { "tel:+1-212", "tel:+1-212" },
};

static const char *const different[][2] = {
    { "SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP" },
    { "sip:bob@biloxi.com", "sip:bob@biloxi.com:5060" },
    { "sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp" },
    { "sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp" },
    { "sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting" },
    { "sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4" },
    { "sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off" },
    { "sip:a@h", "sips:a@h" },
    { "sip:a@h", "sip:h" },
    { "sip:a:b@h", "sip:a%3Ab@h" },
    { "sip:a@h;maddr=1.2.3.4", "sip:a@h" },
    { "sip:a@[2001:db8::1]:5060", "sip:a@[2001:db8::1]" },
    { "sip:a@h%", "sip:a@h%2" },
    { "tel:+1-212", "tel:+1212" },
    { "sip", "sip:" },
};

static void
test_equal (void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS (equal); i++) {
        g_test_message ("%s, %s", equal[i][0], equal[i][1]);
        g_assert_true (uri_equal (equal[i][0], equal[i][1]));
        g_assert_true (uri_equal (equal[i][1], equal[i][0]));
    }
}

static void
test_different (void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS (different); i++) {
        g_test_message ("%s, %s", different[i][0], different[i][1]);
        g_assert_false (uri_equal (different[i][0], different[i][1]));
        g_assert_false (uri_equal (different[i][1], different[i][0]));
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/registrar/uri/equal", test_equal);
    g_test_add_func ("/registrar/uri/different", test_different);
    return g_test_run ();
}
