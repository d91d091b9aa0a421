/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys that a module adds to the core's sections come and go with it, and a reload takes them over. */

#include "world.h"

#include <string.h>

static const char with_seats[] = "[trunk a]\naddress = x:a\nseats = 3\n";
static const char without[] = "[trunk a]\naddress = x:a\n";

static void
set_up (TdFixture **fixture, gconstpointer config)
{
    *fixture = td_fixture_new (config);
}

static void
tear_down (TdFixture **fixture, gconstpointer config)
{
    td_fixture_free (*fixture);
    g_assert_cmpuint (abi_count_mapped (), ==, 0);
}

static void
rewrite (TdFixture *fixture, const char *config)
{
    g_assert_true (g_file_set_contents (fixture->config_file, config, -1, NULL));
}

static void
load (const char *name)
{
    g_autofree char *file = abi_module (name);

    abi_expect ("\"state\":\"running\"", "module load %s --file %s", name, file);
}

/* That NAME is refused, and that a reload still goes well. */
static void
expect_refused (const char *name, const char *wanted)
{
    g_autofree char *file = abi_module (name);

    abi_expect (wanted, "module load %s --file %s", name, file);
    abi_expect ("\"configuration\":\"taken over\"", "config reload");
}

static void
test_a_module_that_is_loaded_brings_its_keys (TdFixture **fixture, gconstpointer config)
{
    rewrite (*fixture, with_seats);
    abi_expect ("key \"seats\" is unknown in [trunk]: no module that runs declares it",
                "config reload");
    load ("adder");
    abi_expect ("\"seats\":3", "module info adder");
    abi_expect ("\"configuration\":\"taken over\"", "config reload");
}

static void
test_a_module_that_is_unloaded_takes_its_keys_along (TdFixture **fixture, gconstpointer config)
{
    load ("adder");
    rewrite (*fixture, with_seats);
    abi_expect ("\"configuration\":\"taken over\"", "config reload");
    abi_expect ("\"state\":\"unloaded\"", "module unload adder");
    abi_expect ("key \"seats\" is unknown in [trunk]: no module that runs declares it",
                "config reload");
    rewrite (*fixture, without);
    abi_expect ("\"configuration\":\"taken over\"", "config reload");
}

static void
test_a_reload_takes_an_added_key_over (TdFixture **fixture, gconstpointer config)
{
    load ("adder");
    abi_expect ("\"seats\":1", "module info adder");
    rewrite (*fixture, with_seats);
    abi_expect ("\"key\":\"seats\",\"before\":\"1 (default)\",\"after\":\"3\",\"module\":\"adder\","
                "\"needs\":\"reload\"",
                "config diff");
    abi_expect ("\"configuration\":\"taken over\"", "config reload");
    abi_expect ("\"seats\":3", "module info adder");
    abi_expect ("\"reloads\":1", "module info adder");
}

static void
test_a_newer_build_goes_on_with_its_keys (TdFixture **fixture, gconstpointer config)
{
    g_autofree char *file = abi_module ("adder");

    load ("adder");
    rewrite (*fixture, with_seats);
    abi_expect ("\"generation\":2", "module upgrade adder --file %s", file);
    abi_expect ("\"seats\":3", "module info adder");
    abi_expect ("\"configuration\":\"taken over\"", "config reload");
    abi_expect ("\"reloads\":1", "module info adder");
}

static void
test_a_key_of_two_modules_is_refused (TdFixture **fixture, gconstpointer config)
{
    load ("adder");
    expect_refused ("adder-too", "adder-too cannot add keys to section [trunk]: adder has declared "
                                 "key \"seats\" there already");
}

static void
test_a_section_of_nobody_is_refused (TdFixture **fixture, gconstpointer config)
{
    expect_refused ("adder-astray",
                    "adder-astray cannot add keys to section [stadium]: no module in [modules] "
                    "declares it: name the one that does, or disable adder-astray");
}

static void
add (const char *name, void (*run) (TdFixture **fixture, gconstpointer config))
{
    g_autofree char *path = g_strconcat ("/abi/additions/", name, NULL);

    g_test_add (path, TdFixture *, without, set_up, run, tear_down);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    add ("a-module-that-is-loaded-brings-its-keys", test_a_module_that_is_loaded_brings_its_keys);
    add ("a-module-that-is-unloaded-takes-its-keys-along",
         test_a_module_that_is_unloaded_takes_its_keys_along);
    add ("a-reload-takes-an-added-key-over", test_a_reload_takes_an_added_key_over);
    add ("a-newer-build-goes-on-with-its-keys", test_a_newer_build_goes_on_with_its_keys);
    add ("a-key-of-two-modules-is-refused", test_a_key_of_two_modules_is_refused);
    add ("a-section-of-nobody-is-refused", test_a_section_of_nobody_is_refused);
    return g_test_run ();
}
