/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modules that are loaded live as promised: old binaries too, side by side, whatever happens to
 * their files; and what they leave behind is taken back and named. */

#include "world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
set_up (TdFixture **fixture, gconstpointer data)
{
    *fixture = td_fixture_new (NULL);
}

static void
tear_down (TdFixture **fixture, gconstpointer data)
{
    td_fixture_free (*fixture);
    g_assert_cmpuint (abi_count_mapped (), ==, 0);
}

static void
load (const char *name, const char *file)
{
    abi_expect ("\"state\":\"running\"", "module load %s --file %s", name, file);
}

static void
test_old_binary (TdFixture **fixture, gconstpointer data)
{
    g_autofree char *file = abi_variant ("old");

    load ("old", file);
    g_autofree char *info = abi_ask ("module info old");
    /* Its descriptor ends before describe (): that must not be called. */
    g_assert_null (strstr (info, "\"private\""));
}

static void
test_file_is_overwritten (TdFixture **fixture, gconstpointer data)
{
    g_autofree char *file = abi_variant ("good");
    g_autofree char *edited = abi_edited (*fixture, file, NULL, NULL, 0);

    load ("variant", edited);
    FILE *stream = fopen (edited, "r+");
    g_assert_cmpint (ftruncate (fileno (stream), 0), ==, 0);
    g_assert_cmpint (fputs ("no program any more", stream), >, 0);
    fclose (stream);
    abi_expect ("\"private\":1", "module info variant");
    abi_expect ("\"state\":\"unloaded\"", "module unload variant");
    abi_expect ("is no program file", "module load variant --file %s", edited);
}

static void
test_equal_symbols_do_not_meet (TdFixture **fixture, gconstpointer data)
{
    g_autofree char *good = abi_variant ("good");
    g_autofree char *twin = abi_variant ("twin");

    load ("variant", good);
    load ("twin", twin);
    abi_expect ("\"private\":1", "module info variant");
    abi_expect ("\"private\":2", "module info twin");
    abi_expect ("\"state\":\"unloaded\"", "module unload variant");
    abi_expect ("\"private\":2", "module info twin");
}

static void
test_what_is_left_is_named (TdFixture **fixture, gconstpointer data)
{
    g_autofree char *file = abi_module ("careless");

    load ("careless", file);
    abi_expect (
        "\"defects\":[\"watch file descriptor\",\"subscription module.changed\",\"1 timer\"]",
        "module stop careless");
    abi_expect ("\"owns\":[]", "module info careless");
    abi_expect ("\"state\":\"unloaded\"", "module unload careless");
    /* A timer, a fact and a descriptor that ran now would run in what is not there any more. */
    td_engine_advance (1000);
    abi_expect ("\"state\":\"running\"", "module load careless --file %s", file);
}

static void
test_nothing_left_is_nobody_named (TdFixture **fixture, gconstpointer data)
{
    g_autofree char *file = abi_module ("careful");

    load ("careful", file);
    g_autofree char *answer = abi_ask ("module stop careful");
    g_assert_nonnull (strstr (answer, "\"state\":\"stopped\""));
    g_assert_null (strstr (answer, "defects"));
    abi_expect ("\"state\":\"running\"", "module load careful");
}

/* The number after "NAME": in JSON. */
static long
number_in (const char *json, const char *name)
{
    g_autofree char *key = g_strdup_printf ("\"%s\":", name);
    const char *found = strstr (json, key);

    g_assert_nonnull (found);
    return strtol (found + strlen (key), NULL, 10);
}

static void
test_a_thread_that_stays_is_named (TdFixture **fixture, gconstpointer data)
{
    g_autofree char *file = abi_module ("careless-thread");

    load ("careless-thread", file);
    g_autofree char *info = abi_ask ("module info careless-thread");
    int end_of_pipe = (int) number_in (info, "end_of_pipe");
    abi_expect ("error: module careless-thread: still used by thread pump",
                "module unload careless-thread --now");
    abi_expect ("\"defects\":[\"thread pump\"]", "module info careless-thread");
    abi_expect ("\"state\":\"draining\"", "module info careless-thread");
    /* It ends after all, and the module with it. */
    int null = open ("/dev/null", O_WRONLY | O_CLOEXEC);
    g_assert_cmpint (dup2 (null, end_of_pipe), ==, end_of_pipe);
    close (null);
    for (unsigned i = 0; i < 100000 && abi_count_mapped () > 0; i++) {
        td_engine_advance (300);
        g_thread_yield ();
    }
    abi_expect ("\"state\":\"unloaded\"", "module info careless-thread");
}

static void
add (const char *path, void (*test) (TdFixture **, gconstpointer))
{
    g_test_add (path, TdFixture *, NULL, set_up, test, tear_down);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    add ("/abi/life/old-binary", test_old_binary);
    add ("/abi/life/file-is-overwritten", test_file_is_overwritten);
    add ("/abi/life/equal-symbols-do-not-meet", test_equal_symbols_do_not_meet);
    add ("/abi/life/what-is-left-is-named", test_what_is_left_is_named);
    add ("/abi/life/nothing-left-is-nobody-named", test_nothing_left_is_nobody_named);
    add ("/abi/life/a-thread-that-stays-is-named", test_a_thread_that_stays_is_named);
    return g_test_run ();
}
