/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRI-048, PRI-050: the table of personal numbers. */

#include "pins.h"

#include <string.h>

/* A line for DIGITS, with SALT (nullable: a new one). */
static char *
make_line (const char *account, const char *until, const char *digits, const char *salt)
{
    g_autofree char *own = salt != NULL ? g_strdup (salt) : pins_salt (NULL);
    g_autofree char *hash = pins_hash (digits, own);

    g_assert_nonnull (hash);
    return g_strdup_printf ("%s\tgets  %s %s\n", account, until, hash);
}

static void
test_found (void)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *one = make_line ("ncs-1", "never", "482915736028", NULL);
    g_autofree char *two = make_line ("ncs-2", "2027-12-31", "111122223333", NULL);
    g_autofree char *text = g_strconcat ("# comment\n\n", one, two, NULL);
    Pins *pins = pins_parse (text, "table", &error);

    g_assert_no_error (error);
    g_assert_cmpstr (pins_find (pins, "482915736028")->account, ==, "ncs-1");
    g_assert_cmpstr (pins_find (pins, "111122223333")->account, ==, "ncs-2");
    g_assert_cmpint (pins_find (pins, "111122223333")->until_us, ==,
                     INT64_C (1830297600) * 1000000); /* 2028-01-01 00:00 UTC */
    g_assert_null (pins_find (pins, "482915736029"));
    g_assert_null (strstr (text, "482915736028"));
    pins_free (pins);
}

/* A new salt as long as there are few, then those that are there. */
static void
test_salts_are_few (void)
{
    GString *text = g_string_new (NULL);

    for (unsigned i = 0; i < PINS_MAX_SALTS + 2; i++) {
        g_autoptr (GError) error = NULL;
        Pins *pins = pins_parse (text->str, "table", &error);
        g_assert_no_error (error);
        g_assert_cmpuint (pins->salts->len, ==, MIN (i, PINS_MAX_SALTS));
        g_autofree char *salt = pins_salt (pins);
        g_autofree char *account = g_strdup_printf ("a%u", i);
        g_autofree char *digits = g_strdup_printf ("%012u", i);
        g_autofree char *line = make_line (account, "never", digits, salt);
        g_string_append (text, line);
        pins_free (pins);
    }
    g_string_free (text, true);
}

static void
assert_refused (const char *text, const char *reason)
{
    g_autoptr (GError) error = NULL;

    g_assert_null (pins_parse (text, "table", &error));
    g_assert_nonnull (error);
    if (strstr (error->message, reason) == NULL) {
        g_test_message ("%s", error->message);
        g_test_fail ();
    }
}

static void
test_what_is_wrong (void)
{
    g_autofree char *line = make_line ("a", "never", "1234", NULL);
    g_autofree char *twice = g_strconcat (line, "b", line + 1, NULL);

    assert_refused ("# c\na gets never", "table:2: it is to be: account");
    assert_refused ("a gets never 482915736028", "table:1: it has no hash");
    assert_refused ("a gets never $6$abc$def", "it has no hash that begins with $y$");
    assert_refused ("a gets soon $y$j9T$abc$def", "the last day");
    assert_refused ("a gets 2027-02-30 $y$j9T$abc$def", "the last day");
    assert_refused ("a/b gets never $y$j9T$abc$def", "an account is");
    assert_refused (twice, "another account has the same number");
}

static void
test_too_many_salts (void)
{
    GString *text = g_string_new (NULL);

    for (unsigned i = 0; i <= PINS_MAX_SALTS; i++) {
        g_string_append_printf (text, "a%u gets never $y$j9T$salt%u$hash\n", i, i);
    }
    assert_refused (text->str, "table:9: these are more salts");
    g_string_free (text, true);
}

/* Whoever has the table has no numbers: each hash has a salt, and takes its time. */
static void
test_salted (void)
{
    g_autofree char *salt = pins_salt (NULL), *other = pins_salt (NULL);
    g_autofree char *hash = pins_hash ("482915736028", salt);
    g_autofree char *differs = pins_hash ("482915736028", other);

    g_assert_true (g_str_has_prefix (hash, "$y$"));
    g_assert_cmpstr (hash, !=, differs);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/access/PRI-050/found", test_found);
    g_test_add_func ("/access/PRI-048/salted", test_salted);
    g_test_add_func ("/access/PRI-048/salts-are-few", test_salts_are_few);
    g_test_add_func ("/access/PRI-048/too-many-salts", test_too_many_salts);
    g_test_add_func ("/access/PRI-048/what-is-wrong", test_what_is_wrong);
    return g_test_run ();
}
