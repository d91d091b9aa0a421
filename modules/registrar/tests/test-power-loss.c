/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a disk has of the contacts that were answered, when a sync has failed before. */

#include "store.h"

#include "common/folder.h"
#include "common/forgetful-disk.h"

#include <sqlite3.h>

typedef struct {
    TdOwner module;
    char *folder, *path;
    Store *store;
} Fixture;

typedef struct {
    StoreJob job; /* first */
    unsigned n_done;
} Job;

static void
set_up (Fixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;

    td_lanes_open (&(TdLanesOptions){ .n_lanes = 1, .is_fake = true, .seed = 1 });
    td_owner_init (&fixture->module, "registrar");
    fixture->folder = g_dir_make_tmp ("store-XXXXXX", NULL);
    fixture->path = g_build_filename (fixture->folder, "a.db", NULL);
    fixture->store = store_open ((TdModule *) &fixture->module, fixture->path, &error);
    g_assert_no_error (error);
}

static void
tear_down (Fixture *fixture, const void *data)
{
    forgetful_disk_fail (false);
    store_free (fixture->store);
    td_owner_revoke_all (&fixture->module, NULL, NULL);
    td_lanes_settle ();
    td_lanes_close ();
    td_owner_clear (&fixture->module);
    folder_remove (fixture->folder);
    g_free (fixture->folder);
    g_free (fixture->path);
    forgetful_disk_clear ();
}

static void
job_done (StoreJob *job)
{
    ((Job *) job)->n_done++;
}

/* Whether a contact of USER was said to be stored. */
static bool
put (Fixture *fixture, const char *user)
{
    GArray *changes = changes_new ();
    TdBinding binding = { .contact = "sip:a@h", .call_id = "c", .cseq = 7 };
    Change change = { CHANGE_ADDED,
                      binding_new (&binding, td_clock_now_us () + 600 * G_USEC_PER_SEC), NULL };
    Job job = { .job = { .user = user, .changes = changes, .done = job_done } };

    g_array_append_val (changes, change);
    store_submit (fixture->store, &job.job);
    td_lanes_settle ();
    g_assert_cmpuint (job.n_done, ==, 1);
    g_array_unref (changes);
    return job.job.is_stored;
}

/* Whether a machine that begins anew with what the disk has finds the contact of USER. */
static bool
is_found_after_power_loss (Fixture *fixture, const char *user)
{
    g_autofree char *copy = g_build_filename (fixture->folder, "copy.db", NULL);
    sqlite3 *db;
    sqlite3_stmt *count;

    forgetful_disk_copy (fixture->path, copy);
    g_assert_cmpint (sqlite3_open (copy, &db), ==, SQLITE_OK);
    g_assert_cmpint (
        sqlite3_prepare_v2 (db, "SELECT count (*) FROM binding WHERE user = ?1", -1, &count, NULL),
        ==, SQLITE_OK);
    sqlite3_bind_text (count, 1, user, -1, SQLITE_STATIC);
    g_assert_cmpint (sqlite3_step (count), ==, SQLITE_ROW);
    int n = sqlite3_column_int (count, 0);
    sqlite3_finalize (count);
    sqlite3_close (db);
    return n == 1;
}

static void
test_stored (Fixture *fixture, const void *data)
{
    g_assert_true (put (fixture, "alice"));
    g_assert_true (is_found_after_power_loss (fixture, "alice"));
}

/* What stands in the log behind something that is not on the disk cannot be read. */
static void
test_stored_behind_what_failed (Fixture *fixture, const void *data)
{
    g_assert_true (put (fixture, "alice"));
    forgetful_disk_fail (true);
    g_assert_false (put (fixture, "bob"));
    forgetful_disk_fail (false);
    g_assert_true (put (fixture, "carol"));
    g_assert_true (is_found_after_power_loss (fixture, "alice"));
    g_assert_true (is_found_after_power_loss (fixture, "carol"));
}

static void
test_not_stored_while_it_fails (Fixture *fixture, const void *data)
{
    g_assert_true (put (fixture, "alice"));
    forgetful_disk_fail (true);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_false (put (fixture, "bob"));
    }
    forgetful_disk_fail (false);
    g_assert_true (put (fixture, "bob"));
    g_assert_true (is_found_after_power_loss (fixture, "bob"));
}

#define ADD(path, test)                                                                            \
    g_test_add ("/registrar/power-loss/" path, Fixture, NULL, set_up, test, tear_down)

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
