/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whom connections over TLS are made to. */

#include "leg.h"

/* A wish is kept for as long as the module runs, and strangers name hosts in their Contacts. */
static void
test_strangers_leave_room_for_trunks (void)
{
    const SipTrunk trunk = { .name = "carrier", .identity = "default", .tls_name = "" };
    Sip sip = { .identity = (char *) "default" };
    char host[32];

    sip_wishes_init (&sip.wishes);
    for (unsigned i = 0; i < 20000; i++) {
        g_snprintf (host, sizeof host, "h%u.example.com", i);
        sip_wish (&sip, NULL, sip_view_of (host));
    }
    g_assert_null (sip_wish (&sip, NULL, SIP_VIEW ("one-more.example.com")));
    g_assert_nonnull (sip_wish (&sip, &trunk, SIP_VIEW ("carrier.example.com")));
    sip_wishes_clear (&sip.wishes);
}

int
main (int argc, char *argv[])
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/sip/secure/strangers-leave-room-for-trunks",
                     test_strangers_leave_room_for_trunks);
    return g_test_run ();
}
