/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRI-091: mappings are kept until they expire, bounded. */

#include "mapping.h"

static char *const uris[] = { (char *) "sip:a@x", NULL };

static void
assert_kept (Mappings *mappings, const char *key, int64_t now_us, int expected)
{
    bool is_fresh = false;
    g_auto (GStrv) found = mappings_find (mappings, key, now_us, &is_fresh);

    g_assert_cmpint (found == NULL ? -1 : is_fresh, ==, expected);
    if (found != NULL) {
        g_assert_cmpstr (found[0], ==, "sip:a@x");
    }
}

static void
test_expiry (void)
{
    Mappings *mappings = mappings_new ();

    mappings_set_size (mappings, 10);
    assert_kept (mappings, "k", 0, -1);
    mappings_put (mappings, "k", uris, 1000);
    assert_kept (mappings, "k", 999, 1);
    assert_kept (mappings, "k", 1000, 0);
    mappings_put (mappings, "k", uris, INT64_MAX);
    assert_kept (mappings, "k", INT64_MAX - 1, 1);
    mappings_put (mappings, "k", uris, 0); /* NO-CACHE */
    assert_kept (mappings, "k", 0, -1);
    mappings_free (mappings);
}

static void
test_the_least_used_goes_first (void)
{
    Mappings *mappings = mappings_new ();

    mappings_set_size (mappings, 2);
    mappings_put (mappings, "a", uris, 1000);
    mappings_put (mappings, "b", uris, 1000);
    assert_kept (mappings, "a", 1, 1);
    mappings_put (mappings, "c", uris, 1000);
    g_assert_cmpuint (mappings_count (mappings), ==, 2);
    assert_kept (mappings, "b", 1, -1);
    assert_kept (mappings, "a", 1, 1);
    mappings_set_size (mappings, 0);
    assert_kept (mappings, "a", 1, -1);
    mappings_put (mappings, "a", uris, 1000);
    g_assert_cmpuint (mappings_count (mappings), ==, 0);
    mappings_free (mappings);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/priority/PRI-091/mapping/expiry", test_expiry);
    g_test_add_func ("/priority/PRI-091/mapping/bounded", test_the_least_used_goes_first);
    return g_test_run ();
}
