/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables on a disk of their own that gets full: a change is refused, what was stored stays. */

#include "store-fixture.h"

#include "common/disk.h"

#include <string.h>

static void
set_up (StoreFixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;

    fixture->folder = disk_new ("2m");
    fixture->path = g_build_filename (fixture->folder, "route.db", NULL);
    fixture->store = store_fixture_open (fixture, fixture->path, &error);
    g_assert_no_error (error);
    fixture->report = report_new (10);
    store_fixture_import (fixture, ROUTE_FIXTURE_TABLES, 0);
}

static void
tear_down (StoreFixture *fixture, const void *data)
{
    store_close (fixture->store);
    report_free (fixture->report);
    disk_free (fixture->folder);
    g_free (fixture->path);
}

/* N numbers, in 24 bytes each. */
static char *
make_numbers (unsigned n)
{
    g_autoptr (GString) text = g_string_new ("[ported]\nnumber,routing_number\n");

    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf (text, "+1212%07u,+13035550000\n", i);
    }
    return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
check_full (StoreFixture *fixture, unsigned n)
{
    g_autofree char *before = store_fixture_dump_all (fixture, STORE_NEWEST);
    g_autofree char *numbers = make_numbers (n);
    g_autoptr (GError) error = NULL;

    g_assert_false (store_fixture_try (fixture, numbers, 0, &error));
    g_assert_error (error, TD_ERROR, TD_ERROR_SYSTEM);
    g_assert_nonnull (strstr (error->message, "make room on its disk"));
    g_autofree char *after = store_fixture_dump_all (fixture, STORE_NEWEST);
    g_assert_cmpstr (after, ==, before);
    g_assert_cmpint (store_fixture_import (fixture, "[code]\nprefix\n1\n", 0), ==, 2);
}

/* The rows that come do not fit beside the tables ... */
static void
test_full_while_gathering (StoreFixture *fixture, const void *data)
{
    check_full (fixture, 150000);
}

/* ... or they do, but not into them. */
static void
test_full_while_merging (StoreFixture *fixture, const void *data)
{
    check_full (fixture, 60000);
}

int
main (int argc, char **argv)
{
    bool may_mount = disk_enter_namespace ();

    g_test_init (&argc, &argv, NULL);
    if (!may_mount) {
        return disk_refuse ("/route/ROU-040/full-disk");
    }
#define ADD(path, function)                                                                        \
    g_test_add ("/route/ROU-040/full-disk/" path, StoreFixture, NULL, set_up, function, tear_down)
    ADD ("while-gathering", test_full_while_gathering);
    ADD ("while-merging", test_full_while_merging);
    return g_test_run ();
}
