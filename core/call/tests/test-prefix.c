/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The longest prefix is found, whatever the tree looks like. */

#include <tandem/number.h>

#include <string.h>

static TdPrefixTable *
make (const char *const *digits)
{
    unsigned n = g_strv_length ((char **) digits);
    g_autofree TdPrefix *prefixes = g_new (TdPrefix, n);

    for (unsigned i = 0; i < n; i++) {
        prefixes[i] = (TdPrefix){ digits[i], i };
    }
    return td_prefix_table_new (prefixes, n, NULL);
}

#define MAKE(...) make ((const char *const[]){ __VA_ARGS__, NULL })

static void
test_empty (void)
{
    TdPrefixTable *table = td_prefix_table_new (NULL, 0, NULL);

    g_assert_cmpuint (td_prefix_table_find (table, "123"), ==, TD_PREFIX_NO_VALUE);
    g_assert_cmpuint (td_prefix_table_find (table, ""), ==, TD_PREFIX_NO_VALUE);
    g_assert_false (td_prefix_table_has_longer (table, ""));
    td_prefix_table_free (table);
}

static void
test_longest (void)
{
    TdPrefixTable *table = MAKE ("", "4", "49", "4989", "430", "1800", "*#A");

    g_assert_cmpuint (td_prefix_table_find (table, "4989123"), ==, 3);
    g_assert_cmpuint (td_prefix_table_find (table, "498"), ==, 2);
    g_assert_cmpuint (td_prefix_table_find (table, "43"), ==, 1);
    g_assert_cmpuint (td_prefix_table_find (table, "180"), ==, 0);
    g_assert_cmpuint (td_prefix_table_find (table, "18005550100"), ==, 5);
    g_assert_cmpuint (td_prefix_table_find (table, "*#a1"), ==, 6);
    g_assert_cmpuint (td_prefix_table_find (table, "alice"), ==, 0);
    td_prefix_table_free (table);
}

static void
test_all (void)
{
    TdPrefixTable *table = MAKE ("", "4", "49", "4989", "430");
    uint32_t values[3];

    g_assert_cmpuint (td_prefix_table_find_all (table, "498", values, 3), ==, 3);
    g_assert_cmpuint (values[0], ==, 2);
    g_assert_cmpuint (values[1], ==, 1);
    g_assert_cmpuint (values[2], ==, 0);
    g_assert_cmpuint (td_prefix_table_find_all (table, "5", values, 3), ==, 1);
    g_assert_cmpuint (values[0], ==, 0);
    g_assert_cmpuint (td_prefix_table_find_all (table, "+49", values, 3), ==, 0);
    td_prefix_table_free (table);
}

static void
test_all_that_have_room (void)
{
    TdPrefixTable *table = MAKE ("", "4", "49", "4989");
    uint32_t values[2];

    g_assert_cmpuint (td_prefix_table_find_all (table, "4989", values, 2), ==, 2);
    g_assert_cmpuint (values[0], ==, 3);
    g_assert_cmpuint (values[1], ==, 2);
    g_assert_cmpuint (td_prefix_table_find_all (table, "4989", NULL, 0), ==, 0);
    td_prefix_table_free (table);
}

static void
test_no_default (void)
{
    TdPrefixTable *table = MAKE ("4989");

    g_assert_cmpuint (td_prefix_table_find (table, "498"), ==, TD_PREFIX_NO_VALUE);
    g_assert_cmpuint (td_prefix_table_find (table, "4988"), ==, TD_PREFIX_NO_VALUE);
    g_assert_cmpuint (td_prefix_table_find (table, "4989"), ==, 0);
    td_prefix_table_free (table);
}

static void
test_international_apart (void)
{
    TdPrefixTable *table = MAKE ("49", "+49", "+");

    g_assert_cmpuint (td_prefix_table_find (table, "491"), ==, 0);
    g_assert_cmpuint (td_prefix_table_find (table, "+491"), ==, 1);
    g_assert_cmpuint (td_prefix_table_find (table, "+1"), ==, 2);
    g_assert_cmpuint (td_prefix_table_find (table, "1"), ==, TD_PREFIX_NO_VALUE);
    td_prefix_table_free (table);
}

/* More digits in a row than one node can skip. */
static void
test_long_way (void)
{
    TdPrefixTable *table = MAKE ("12345678901234567890", "1234567890123456789012345");

    g_assert_cmpuint (td_prefix_table_find (table, "12345678901234567890123"), ==, 0);
    g_assert_cmpuint (td_prefix_table_find (table, "12345678901234567890123456"), ==, 1);
    g_assert_cmpuint (td_prefix_table_find (table, "1234567890123456789"), ==, TD_PREFIX_NO_VALUE);
    td_prefix_table_free (table);
}

static void
test_duplicate_is_named (void)
{
    TdPrefix prefixes[] = { { "49", 2 }, { "1", 1 }, { "49", 0 } };
    TdPrefix duplicate;
    TdPrefixTable *table = td_prefix_table_new (prefixes, G_N_ELEMENTS (prefixes), &duplicate);

    g_assert_cmpstr (duplicate.digits, ==, "49");
    g_assert_cmpuint (duplicate.value, ==, 2);
    g_assert_cmpuint (td_prefix_table_find (table, "49"), ==, 0);
    td_prefix_table_free (table);
}

static void
test_longer (void)
{
    TdPrefixTable *table = MAKE ("4989", "1", "+7");

    g_assert_true (td_prefix_table_has_longer (table, ""));
    g_assert_true (td_prefix_table_has_longer (table, "4"));
    g_assert_true (td_prefix_table_has_longer (table, "498"));
    g_assert_false (td_prefix_table_has_longer (table, "4989"));
    g_assert_false (td_prefix_table_has_longer (table, "488"));
    g_assert_false (td_prefix_table_has_longer (table, "1"));
    g_assert_true (td_prefix_table_has_longer (table, "+"));
    g_assert_false (td_prefix_table_has_longer (table, "7"));
    td_prefix_table_free (table);
}

static void
test_valid (void)
{
    g_assert_true (td_prefix_is_valid (""));
    g_assert_true (td_prefix_is_valid ("+"));
    g_assert_true (td_prefix_is_valid ("0123456789*#ABCDabcd"));
    g_assert_false (td_prefix_is_valid ("++1"));
    g_assert_false (td_prefix_is_valid ("1+"));
    g_assert_false (td_prefix_is_valid ("12 3"));
    g_assert_false (td_prefix_is_valid ("alice"));
}

/* Against the plain way, over tables and numbers of few different digits, so that they meet. */
static uint32_t
find_plainly (GPtrArray *digits, const char *number)
{
    uint32_t best = TD_PREFIX_NO_VALUE;
    size_t best_len = 0;

    for (unsigned i = 0; i < digits->len; i++) {
        const char *prefix = digits->pdata[i];
        size_t len = strlen (prefix);
        if (g_str_has_prefix (number, prefix) && (best == TD_PREFIX_NO_VALUE || len > best_len)
            && (*prefix == '+') == (*number == '+')) {
            best = i;
            best_len = len;
        }
    }
    return best;
}

/* Each prefix that fits is the longest one of a number that ends with it. */
static void
check_all (GPtrArray *digits, const TdPrefixTable *table, const char *number)
{
    uint32_t values[TD_NUMBER_DIGITS];
    size_t n = td_prefix_table_find_all (table, number, values, G_N_ELEMENTS (values));
    g_autofree char *cut = g_strdup (number);

    for (size_t i = 0; i < n; i++) {
        const char *prefix = digits->pdata[values[i]];
        g_assert_cmpuint (values[i], ==, find_plainly (digits, cut));
        g_assert_cmpuint (strlen (prefix), <=, strlen (cut));
        cut[strlen (prefix)] = '\0';
        if (strlen (prefix) == 0 || strcmp (prefix, "+") == 0) {
            g_assert_cmpuint (i, ==, n - 1);
            return;
        }
        cut[strlen (prefix) - 1] = '\0';
    }
    g_assert_cmpuint (find_plainly (digits, cut), ==, TD_PREFIX_NO_VALUE);
}

static bool
has_longer_plainly (GPtrArray *digits, const char *number)
{
    for (unsigned i = 0; i < digits->len; i++) {
        const char *prefix = digits->pdata[i];
        if (strlen (prefix) > strlen (number) && g_str_has_prefix (prefix, number)
            && (*prefix == '+') == (*number == '+')) {
            return true;
        }
    }
    return false;
}

static char *
random_number (unsigned max_len)
{
    GString *number = g_string_new (g_test_rand_bit () ? "+" : "");

    for (int n = g_test_rand_int_range (0, (int) max_len); n > 0; n--) {
        g_string_append_c (number, "129D"[g_test_rand_int_range (0, 4)]);
    }
    return g_string_free (number, FALSE);
}

static void
test_like_the_plain_way (void)
{
    for (unsigned round = 0; round < 200; round++) {
        g_autoptr (GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);
        g_autoptr (GPtrArray) digits = g_ptr_array_new_with_free_func (g_free);
        for (int n = g_test_rand_int_range (1, 60); n > 0; n--) {
            char *prefix = random_number (14);
            if (!g_hash_table_contains (known, prefix)) {
                g_hash_table_add (known, prefix);
                g_ptr_array_add (digits, prefix);
            } else {
                g_free (prefix);
            }
        }
        g_autofree TdPrefix *prefixes = g_new (TdPrefix, digits->len);
        for (unsigned i = 0; i < digits->len; i++) {
            prefixes[i] = (TdPrefix){ digits->pdata[i], i };
        }
        TdPrefixTable *table = td_prefix_table_new (prefixes, digits->len, NULL);
        for (unsigned i = 0; i < 200; i++) {
            g_autofree char *number = random_number (18);
            g_assert_cmpuint (td_prefix_table_find (table, number), ==,
                              find_plainly (digits, number));
            check_all (digits, table, number);
            g_assert_true (td_prefix_table_has_longer (table, number)
                           == has_longer_plainly (digits, number));
        }
        td_prefix_table_free (table);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/call/prefix/empty", test_empty);
    g_test_add_func ("/call/prefix/longest", test_longest);
    g_test_add_func ("/call/prefix/all", test_all);
    g_test_add_func ("/call/prefix/all-that-have-room", test_all_that_have_room);
    g_test_add_func ("/call/prefix/no-default", test_no_default);
    g_test_add_func ("/call/prefix/international", test_international_apart);
    g_test_add_func ("/call/prefix/long-way", test_long_way);
    g_test_add_func ("/call/prefix/duplicate", test_duplicate_is_named);
    g_test_add_func ("/call/prefix/longer", test_longer);
    g_test_add_func ("/call/prefix/valid", test_valid);
    g_test_add_func ("/call/prefix/plain-way", test_like_the_plain_way);
    return g_test_run ();
}
