/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keyed hash under what strangers bring back. */

#include "seal.h"

/* The example of its authors: key and text are 0, 1, 2 ... */
static void
test_is_siphash (void)
{
    const SipSeal seal = { UINT64_C (0x0706050403020100), UINT64_C (0x0f0e0d0c0b0a0908) };
    char text[15];

    for (unsigned i = 0; i < sizeof text; i++) {
        text[i] = (char) i;
    }
    g_assert_cmphex (sip_seal (&seal, (SipView){ text, sizeof text }), ==,
                     UINT64_C (0xa129ca6149be45e5));
}

static void
test_is_another_for_each_purpose (void)
{
    SipSeal tags = sip_seal_of_process ("tags", 1), again = sip_seal_of_process ("tags", 2),
            others = sip_seal_of_process ("others", 1);

    g_assert_cmpmem (&tags, sizeof tags, &again, sizeof again);
    g_assert_cmphex (tags.low, !=, others.low);
    g_assert_cmphex (tags.high, !=, others.high);
}

int
main (int argc, char *argv[])
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/sip/seal/is-siphash", test_is_siphash);
    g_test_add_func ("/sip/seal/is-another-for-each-purpose", test_is_another_for_each_purpose);
    return g_test_run ();
}
