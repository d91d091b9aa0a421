/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a disk has of the tables that were said to be changed, when a sync has failed before. */

#include "store-fixture.h"

#include "common/forgetful-disk.h"

#include <string.h>

static void
reopen (StoreFixture *fixture)
{
    g_autoptr (GError) error = NULL;

    store_close (fixture->store);
    fixture->store = store_fixture_open (fixture, fixture->path, &error);
    g_assert_no_error (error);
}

static void
set_up (StoreFixture *fixture, const void *data)
{
    store_fixture_set_up (fixture, data);
    store_fixture_import (fixture, ROUTE_FIXTURE_TABLES, 0);
}

static void
tear_down (StoreFixture *fixture, const void *data)
{
    forgetful_disk_fail (false);
    store_fixture_tear_down (fixture, data);
    forgetful_disk_clear ();
}

/* Adds a route to PREFIX, as another process would; whether that was said to be stored. */
static bool
add (StoreFixture *fixture, const char *prefix)
{
    g_autofree char *text = g_strdup_printf ("[route]\ntable,prefix,label\nmain,%s,a\n", prefix);
    g_autoptr (GError) error = NULL;

    reopen (fixture);
    bool is_stored = store_fixture_try (fixture, text, FIXTURE_MERGE, &error);
    g_test_message ("%s", error != NULL ? error->message : "stored");
    return is_stored;
}

/* Whether a machine that begins anew with what the disk has finds a route to PREFIX. */
static bool
is_found_after_power_loss (StoreFixture *fixture, const char *prefix)
{
    g_autofree char *copy = g_build_filename (fixture->folder, "copy.db", NULL);
    g_autofree char *row = g_strdup_printf ("\nmain,%s,", prefix);
    g_autoptr (GError) error = NULL;
    StoreFixture anew = *fixture;

    forgetful_disk_copy (fixture->path, copy);
    anew.store = store_fixture_open (fixture, copy, &error);
    g_assert_no_error (error);
    g_autofree char *routes = store_fixture_dump (&anew, "route", STORE_NEWEST);
    store_close (anew.store);
    return strstr (routes, row) != NULL;
}

static void
test_stored (StoreFixture *fixture, const void *data)
{
    g_assert_true (add (fixture, "7"));
    g_assert_true (is_found_after_power_loss (fixture, "7"));
}

/* What stands in the log behind something that is not on the disk cannot be read. */
static void
test_stored_behind_what_failed (StoreFixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;
    /* Somebody reads on: the log stays. */
    G_GNUC_UNUSED g_autoptr (Store) reader = store_fixture_open (fixture, fixture->path, &error);

    forgetful_disk_fail (true);
    g_assert_false (add (fixture, "7"));
    forgetful_disk_fail (false);
    g_assert_true (add (fixture, "8"));
    g_assert_true (is_found_after_power_loss (fixture, "8"));
}

static void
test_not_stored_while_it_fails (StoreFixture *fixture, const void *data)
{
    forgetful_disk_fail (true);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_false (add (fixture, "7"));
    }
    forgetful_disk_fail (false);
    g_assert_true (add (fixture, "8"));
    g_assert_true (is_found_after_power_loss (fixture, "8"));
}

#define ADD(path, test)                                                                            \
    g_test_add ("/route/ROU-040/power-loss/" path, StoreFixture, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    forgetful_disk_make ();
    ADD ("stored", test_stored);
    ADD ("behind", test_stored_behind_what_failed);
    ADD ("fails-on", test_not_stored_while_it_fails);
    int code = g_test_run ();
    forgetful_disk_end ();
    return code;
}
