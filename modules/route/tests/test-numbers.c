/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole numbers are found, and no others. */

#include "numbers.h"

static Numbers *
make (const char *const *numbers)
{
    NumbersBuilder *builder = numbers_builder_new ();

    for (uint32_t i = 0; numbers[i] != NULL; i++) {
        g_assert_true (numbers_builder_add (builder, numbers[i], i));
    }
    return numbers_builder_end (builder);
}

#define MAKE(...) make ((const char *const[]){ __VA_ARGS__, NULL })

static void
test_empty (void)
{
    g_autoptr (Numbers) numbers = numbers_builder_end (numbers_builder_new ());

    g_assert_cmpuint (numbers_find (numbers, "1"), ==, NUMBERS_NO_VALUE);
    g_assert_cmpuint (numbers_find (numbers, ""), ==, NUMBERS_NO_VALUE);
}

static void
test_whole (void)
{
    g_autoptr (Numbers) numbers = MAKE ("2125550100", "212555010", "+2125550100", "02125550100");

    g_assert_cmpuint (numbers_find (numbers, "2125550100"), ==, 0);
    g_assert_cmpuint (numbers_find (numbers, "212555010"), ==, 1);
    g_assert_cmpuint (numbers_find (numbers, "+2125550100"), ==, 2);
    g_assert_cmpuint (numbers_find (numbers, "02125550100"), ==, 3);
    g_assert_cmpuint (numbers_find (numbers, "21255501000"), ==, NUMBERS_NO_VALUE);
    g_assert_cmpuint (numbers_find (numbers, "+02125550100"), ==, NUMBERS_NO_VALUE);
}

static void
test_longest (void)
{
    g_autoptr (Numbers) numbers = MAKE ("999999999999999999", "+999999999999999999", "+0");

    g_assert_cmpuint (numbers_find (numbers, "999999999999999999"), ==, 0);
    g_assert_cmpuint (numbers_find (numbers, "+999999999999999999"), ==, 1);
    g_assert_cmpuint (numbers_find (numbers, "9999999999999999990"), ==, NUMBERS_NO_VALUE);
}

static void
test_what_is_no_number (void)
{
    static const char *const texts[] = { "", "+", "1a", "*21", " 1", "++1", "1234567890123456789" };
    g_autoptr (NumbersBuilder) builder = numbers_builder_new ();

    for (unsigned i = 0; i < G_N_ELEMENTS (texts); i++) {
        g_assert_false (numbers_builder_add (builder, texts[i], 1));
    }
}

/* A value that needs all its bits, in a table of two. */
static void
test_large_values (void)
{
    NumbersBuilder *builder = numbers_builder_new ();

    numbers_builder_add (builder, "1", (1u << 21) + 5);
    numbers_builder_add (builder, "+999999999999999998", 3);
    g_autoptr (Numbers) numbers = numbers_builder_end (builder);
    g_assert_cmpuint (numbers_find (numbers, "1"), ==, (1u << 21) + 5);
    g_assert_cmpuint (numbers_find (numbers, "+999999999999999998"), ==, 3);
}

static void
test_like_a_hash (void)
{
    g_autoptr (GHashTable) known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    NumbersBuilder *builder = numbers_builder_new ();

    for (uint32_t i = 1; i < 50000; i++) {
        char *number = g_strdup_printf ("%s%0*d", i % 3 == 0 ? "+" : "", 1 + (int) (i % 7),
                                        g_test_rand_int_range (0, 200000));
        if (g_hash_table_contains (known, number)) {
            g_free (number);
            continue;
        }
        g_hash_table_insert (known, number, GUINT_TO_POINTER (i));
        numbers_builder_add (builder, number, i);
    }
    g_autoptr (Numbers) numbers = numbers_builder_end (builder);
    g_assert_cmpuint (numbers_count (numbers), ==, g_hash_table_size (known));
    for (int i = 0; i < 50000; i++) {
        g_autofree char *number = g_strdup_printf ("%s%d", i % 2 == 0 ? "+" : "", i);
        void *value = g_hash_table_lookup (known, number);
        g_assert_cmpuint (numbers_find (numbers, number), ==,
                          value != NULL ? GPOINTER_TO_UINT (value) : NUMBERS_NO_VALUE);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/route/numbers/ROU-025/empty", test_empty);
    g_test_add_func ("/route/numbers/ROU-025/whole", test_whole);
    g_test_add_func ("/route/numbers/ROU-025/longest", test_longest);
    g_test_add_func ("/route/numbers/ROU-025/what-is-no-number", test_what_is_no_number);
    g_test_add_func ("/route/numbers/ROU-025/large-values", test_large_values);
    g_test_add_func ("/route/numbers/ROU-025/like-a-hash", test_like_a_hash);
    return g_test_run ();
}
