/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRI-096: the digit map of an access gateway that has too much to do. */

#include "settings.h"

typedef struct {
    Settings settings;
    Region here, there;
} World;

static void
add_number (Region *region, const char *number)
{
    g_hash_table_insert (region->numbers, g_strdup (number), g_strdup ("urn:service:sos"));
}

static void
set_up (World *world, gconstpointer unused)
{
    static char *codes[] = { (char *) "*272", (char *) "710xxxxxxx", NULL };
    Settings *settings = &world->settings;

    world->here.numbers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    world->there.numbers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    add_number (&world->here, "911");
    add_number (&world->here, "112");
    add_number (&world->there, "000");
    settings->region_by_trunk = g_hash_table_new (g_str_hash, g_str_equal);
    settings->place_by_trunk = g_hash_table_new (g_str_hash, g_str_equal);
    g_hash_table_insert (settings->region_by_trunk, (char *) "gateway", &world->here);
    settings->region = &world->there;
    settings->priority_codes = codes;
}

static void
tear_down (World *world, gconstpointer unused)
{
    g_hash_table_unref (world->here.numbers);
    g_hash_table_unref (world->there.numbers);
    g_hash_table_unref (world->settings.region_by_trunk);
    g_hash_table_unref (world->settings.place_by_trunk);
}

static void
assert_map (const World *world, const char *trunk, const char *expected)
{
    g_autofree char *map = settings_digit_map (&world->settings, trunk);

    g_assert_cmpstr (map, ==, expected);
}

static void
test_digit_map (World *world, gconstpointer unused)
{
    assert_map (world, "gateway", "(112|911|*272|710xxxxxxx)");
    assert_map (world, "another", "(000|*272|710xxxxxxx)");
    world->settings.region = NULL;
    assert_map (world, "another", "(*272|710xxxxxxx)");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add ("/priority/PRI-096/digit-map", World, NULL, set_up, test_digit_map, tear_down);
    return g_test_run ();
}
