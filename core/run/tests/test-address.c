/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses: what is read is printed again, and nothing else is read. */

#include "run/address.h"

#include <arpa/inet.h>
#include <string.h>

static void
assert_prints (const char *text, const char *printed, const char *host)
{
    char out[TD_ADDRESS_TEXT_SIZE];
    TdAddress address, again;

    g_assert_true (td_address_parse (text, 5060, &address));
    g_assert_cmpstr (td_address_print (&address, out), ==, printed);
    g_assert_true (td_address_parse (out, 1, &again));
    g_assert_true (td_address_equal (&address, &again));
    g_assert_cmpstr (td_address_print_host (&address, out), ==, host);
}

static void
test_text_and_back (void)
{
    assert_prints ("198.51.100.7:5070", "198.51.100.7:5070", "198.51.100.7");
    assert_prints ("198.51.100.7", "198.51.100.7:5060", "198.51.100.7");
    assert_prints ("0.0.0.0:0", "0.0.0.0:0", "0.0.0.0");
    assert_prints ("255.255.255.255:65535", "255.255.255.255:65535", "255.255.255.255");
    assert_prints ("[2001:DB8::1]:5070", "[2001:db8::1]:5070", "2001:db8::1");
    assert_prints ("[2001:db8::1]", "[2001:db8::1]:5060", "2001:db8::1");
    assert_prints ("2001:db8:0:0:0:0:0:1", "[2001:db8::1]:5060", "2001:db8::1");
    assert_prints ("::", "[::]:5060", "::");
    assert_prints ("[fe80::1%lo]:9", "[fe80::1%lo]:9", "fe80::1%lo");
    assert_prints ("[fe80::1%4000000]:9", "[fe80::1%4000000]:9", "fe80::1%4000000");
}

static void
test_nothing_else_is_read (void)
{
    static const char *const bad[] = {
        "",
        ":",
        ":5060",
        "198.51.100",
        "198.51.100.7:",
        "198.51.100.7:65536",
        "198.51.100.7:000080",
        "198.51.100.7: 80",
        "198.51.100.7:80 ",
        "198.51.100.7:-1",
        "198.51.100.07",
        "198.51.100.256",
        " 198.51.100.7",
        "[198.51.100.7]:5060",
        "[2001:db8::1",
        "[2001:db8::1]5060",
        "[2001:db8::1]:",
        "2001:db8::1]:5060",
        "[]:5060",
        "[2001:db8::1]:5060:1",
        "2001:db8:::1",
        "[fe80::1%]:9",
        "[fe80::1%no-such-interface]:9",
        "[fe80::1%1x]:9",
        "switch.example:5060",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:ffff:1:2:3:4:5:6",
        "[fe80::1%a-zone-that-is-far-too-long-to-be-an-interface-of-any-host-there-is]:5060",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++) {
        TdAddress address;
        memset (&address, 0x5a, sizeof address);
        if (td_address_parse (bad[i], 5060, &address)) {
            g_error ("\"%s\" was read as an address", bad[i]);
        }
        g_assert_cmphex (address.any.sa_family, ==, 0x5a5a);
    }
}

/* The longest text there can be fits, with its end. */
static void
test_longest_text_fits (void)
{
    TdAddress address = { .v6 = { .sin6_family = AF_INET6, .sin6_scope_id = UINT32_MAX } };
    char text[TD_ADDRESS_TEXT_SIZE];

    memset (&address.v6.sin6_addr, 0xff, sizeof address.v6.sin6_addr);
    td_address_set_port (&address, 65535);
    g_assert_cmpstr (td_address_print (&address, text), ==,
                     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
}

static void
test_equal_only_when_all_is (void)
{
    static const char *const different[] = { "127.0.0.1:1",          "127.0.0.1:2",
                                             "127.0.0.2:1",          "[::1]:1",
                                             "[::ffff:127.0.0.1]:1", "[fe80::1%1]:1",
                                             "[fe80::1%2]:1" };

    for (unsigned i = 0; i < G_N_ELEMENTS (different); i++) {
        for (unsigned j = 0; j < G_N_ELEMENTS (different); j++) {
            TdAddress a, b;
            g_assert_true (td_address_parse (different[i], 0, &a));
            g_assert_true (td_address_parse (different[j], 0, &b));
            g_assert_true (td_address_equal (&a, &b) == (i == j));
        }
    }
    TdAddress a, b;
    g_assert_true (td_address_parse (different[0], 0, &a));
    g_assert_true (td_address_parse (different[1], 0, &b));
    g_assert_true (td_address_equal_host (&a, &b));
}

static void
test_no_address_is_harmless (void)
{
    TdAddress none = { .v6 = { 0 } };
    char text[TD_ADDRESS_TEXT_SIZE];

    g_assert_cmpstr (td_address_print (&none, text), ==, "nowhere:0");
    g_assert_cmpuint (td_address_len_bytes (&none), ==, 0);
    td_address_set_port (&none, 7);
    g_assert_cmpuint (td_address_port (&none), ==, 0);
}

/* Addresses of one network that a hash without a key, or with one that does not matter, has in one place:
 * each last word takes back what the word before it has done. */
static void
test_nobody_fills_one_place_of_a_table (void)
{
    enum { N = 4096 };
    g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);

    for (uint32_t i = 0; i < N; i++) {
        TdAddress address = { .v6 = { .sin6_family = AF_INET6, .sin6_port = htons (5060) } };
        uint32_t *words = address.v6.sin6_addr.s6_addr32, state = 5060;
        words[0] = htonl (0x20010db8);
        words[2] = i;
        for (unsigned j = 0; j < 3; j++) {
            state = (state ^ words[j]) * 2654435761U;
        }
        words[3] = state;
        g_hash_table_add (seen, GUINT_TO_POINTER (td_address_hash (&address)));
    }
    g_assert_cmpuint (g_hash_table_size (seen), >, N - 10);
}

static void
test_equal_addresses_have_one_hash (void)
{
    TdAddress a, b, other;

    g_assert_true (td_address_parse ("192.0.2.1:5060", 0, &a));
    b = a;
    memset (b.v4.sin_zero, 1, sizeof b.v4.sin_zero);
    g_assert_cmpuint (td_address_hash (&a), ==, td_address_hash (&b));
    g_assert_true (td_address_parse ("192.0.2.1:5061", 0, &other));
    g_assert_cmpuint (td_address_hash (&a), !=, td_address_hash (&other));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/run/address/text-and-back", test_text_and_back);
    g_test_add_func ("/run/address/nothing-else-is-read", test_nothing_else_is_read);
    g_test_add_func ("/run/address/longest-text-fits", test_longest_text_fits);
    g_test_add_func ("/run/address/equal-only-when-all-is", test_equal_only_when_all_is);
    g_test_add_func ("/run/address/no-address-is-harmless", test_no_address_is_harmless);
    g_test_add_func ("/run/address/nobody-fills-one-place-of-a-table",
                     test_nobody_fills_one_place_of_a_table);
    g_test_add_func ("/run/address/equal-addresses-have-one-hash",
                     test_equal_addresses_have_one_hash);
    return g_test_run ();
}
