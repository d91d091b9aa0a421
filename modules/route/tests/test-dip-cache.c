/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is kept of answers, how many of them, and for how long. */

#include "dip-cache.h"

enum { HOLDS = 100 };

static void
put (DipCache *cache, const char *key, const char *number)
{
    DipKnown known = { .result = TD_DIP_FOUND };

    g_strlcpy (known.said.number, number, sizeof known.said.number);
    dip_cache_put (cache, key, &known, HOLDS);
}

static const char *
look (DipCache *cache, const char *key, int64_t now_us)
{
    const DipKnown *known = dip_cache_find (cache, key, now_us);

    return known != NULL ? known->said.number : NULL;
}

static void
test_time (void)
{
    DipCache *cache = dip_cache_new (2);

    put (cache, "a", "1");
    g_assert_cmpstr (look (cache, "a", HOLDS - 1), ==, "1");
    g_assert_cmpstr (look (cache, "b", 0), ==, NULL);
    g_assert_cmpstr (look (cache, "a", HOLDS), ==, NULL);
    g_assert_cmpuint (dip_cache_count (cache), ==, 0);
    dip_cache_free (cache);
}

static void
test_newer (void)
{
    DipCache *cache = dip_cache_new (2);

    put (cache, "a", "1");
    put (cache, "a", "2");
    g_assert_cmpstr (look (cache, "a", 0), ==, "2");
    g_assert_cmpuint (dip_cache_count (cache), ==, 1);
    dip_cache_free (cache);
}

/* The one that was used the longest ago goes. */
static void
test_room (void)
{
    DipCache *cache = dip_cache_new (2);

    put (cache, "a", "1");
    put (cache, "b", "2");
    g_assert_cmpstr (look (cache, "a", 0), ==, "1");
    put (cache, "c", "3");
    g_assert_cmpstr (look (cache, "b", 0), ==, NULL);
    g_assert_cmpstr (look (cache, "a", 0), ==, "1");
    dip_cache_resize (cache, 1);
    g_assert_cmpstr (look (cache, "c", 0), ==, NULL);
    g_assert_cmpstr (look (cache, "a", 0), ==, "1");
    dip_cache_free (cache);
}

static void
test_no_room (void)
{
    DipCache *cache = dip_cache_new (0);

    put (cache, "a", "1");
    g_assert_cmpstr (look (cache, "a", 0), ==, NULL);
    dip_cache_free (cache);
}

static void
test_clear (void)
{
    DipCache *cache = dip_cache_new (2);

    put (cache, "a", "1");
    dip_cache_clear (cache);
    g_assert_cmpstr (look (cache, "a", 0), ==, NULL);
    put (cache, "a", "2");
    g_assert_cmpstr (look (cache, "a", 0), ==, "2");
    dip_cache_free (cache);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/route/dip-cache/ROU-025/time", test_time);
    g_test_add_func ("/route/dip-cache/ROU-025/newer", test_newer);
    g_test_add_func ("/route/dip-cache/ROU-025/room", test_room);
    g_test_add_func ("/route/dip-cache/ROU-025/no-room", test_no_room);
    g_test_add_func ("/route/dip-cache/ROU-025/clear", test_clear);
    return g_test_run ();
}
