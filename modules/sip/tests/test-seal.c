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

/* Texts of pairs of words, whose top bits a multiplication keeps together: a hash that only multiplies and
 * shifts has half of the pairs cancel out whatever it begins with, and so thousands of texts in one place. */
static void
test_nobody_fills_one_place_of_a_table (void)
{
    enum { N_PAIRS = 12 };
    g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);

    for (unsigned choice = 0; choice < 1 << N_PAIRS; choice++) {
        uint64_t words[2 * N_PAIRS];
        for (unsigned i = 0; i < N_PAIRS; i++) {
            uint64_t flip = (choice >> i & 1) * UINT64_C (0x8000000080000000);
            words[2 * i] = UINT64_C (0x6162636465666768) ^ flip;
            words[2 * i + 1] = UINT64_C (0x696a6b6c6d6e6f70) ^ flip;
        }
        SipView view = { (const char *) words, sizeof words };
        g_hash_table_add (seen, GSIZE_TO_POINTER (sip_view_hash (view, 0x1234567890abcdef)));
    }
    g_assert_cmpuint (g_hash_table_size (seen), ==, 1 << N_PAIRS);
}

int
main (int argc, char *argv[])
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/sip/seal/is-siphash", test_is_siphash);
    g_test_add_func ("/sip/seal/is-another-for-each-purpose", test_is_another_for_each_purpose);
    g_test_add_func ("/sip/seal/nobody-fills-one-place-of-a-table",
                     test_nobody_fills_one_place_of_a_table);
    return g_test_run ();
}
