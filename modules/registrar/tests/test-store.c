/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was answered is on the disk; what the disk refuses is told and undone. */

#include "store.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>

typedef struct {
    TdOwner module;
    char *folder, *path;
    Store *store;
    GString *loaded;
    unsigned n_renewed;
} Fixture;

typedef struct {
    StoreJob job; /* first */
    GArray *changes;
    unsigned n_done;
} Job;

static void
begin (Fixture *fixture)
{
    g_autoptr (GError) error = NULL;

    fixture->store = store_open ((TdModule *) &fixture->module, fixture->path, &error);
    g_assert_no_error (error);
}

static void
set_up (Fixture *fixture, const void *data)
{
    TdLanesOptions options = { .n_lanes = 2, .is_fake = true, .seed = g_test_rand_int () };

    td_lanes_open (&options);
    td_owner_init (&fixture->module, "registrar");
    fixture->folder = g_dir_make_tmp ("store-XXXXXX", NULL);
    fixture->path = g_build_filename (fixture->folder, "a.db", NULL);
    fixture->loaded = g_string_new (NULL);
    begin (fixture);
}

static void
tear_down (Fixture *fixture, const void *data)
{
    static const char *const ends[] = { "", "-wal", "-shm", ".away", ".away-wal", ".away-shm" };

    store_free (fixture->store);
    td_owner_revoke_all (&fixture->module, NULL, NULL);
    td_lanes_settle ();
    td_lanes_close ();
    td_owner_clear (&fixture->module);
    for (unsigned i = 0; i < G_N_ELEMENTS (ends); i++) {
        g_autofree char *path = g_strconcat (fixture->path, ends[i], NULL);
        g_remove (path);
    }
    g_assert_cmpint (g_rmdir (fixture->folder), ==, 0);
    g_free (fixture->folder);
    g_free (fixture->path);
    g_string_free (fixture->loaded, TRUE);
}

static void
job_done (StoreJob *job)
{
    ((Job *) job)->n_done++;
}

/* Whether "USER has CONTACT for SECONDS more" could be stored. */
static bool
put (Fixture *fixture, const char *user, const char *contact, int seconds)
{
    Job job = { .changes = changes_new () };
    TdBinding binding = { .contact = contact, .call_id = "c", .cseq = 7, .q_thousandths = 500 };
    Change change = { CHANGE_ADDED,
                      binding_new (&binding, td_clock_now_us () + seconds * G_USEC_PER_SEC), NULL };

    g_array_append_val (job.changes, change);
    job.job = (StoreJob){ .user = user, .changes = job.changes, .done = job_done };
    store_submit (fixture->store, &job.job);
    td_lanes_settle ();
    g_assert_cmpuint (job.n_done, ==, 1);
    g_array_unref (job.changes);
    return job.job.is_stored;
}

static void
note_loaded (const char *user, const TdBinding *binding, int64_t left_us, void *data)
{
    g_assert_cmpstr (binding->call_id, ==, "c");
    g_assert_cmpuint (binding->cseq, ==, 7);
    g_assert_cmpuint (binding->q_thousandths, ==, 500);
    g_string_append_printf (data, "%s:%s:%" G_GINT64_FORMAT " ", user, binding->contact,
                            left_us / G_USEC_PER_SEC);
}

/* Ends, begins again, and compares what is known then. */
#define assert_known(fixture, expected)                                                            \
    do {                                                                                           \
        store_free ((fixture)->store);                                                             \
        begin (fixture);                                                                           \
        g_string_truncate ((fixture)->loaded, 0);                                                  \
        g_assert_true (store_load ((fixture)->store, note_loaded, (fixture)->loaded, NULL));       \
        g_assert_cmpstr ((fixture)->loaded->str, ==, (expected));                                  \
    } while (0)

static void
test_stored_is_known (Fixture *fixture, const void *data)
{
    g_assert_true (put (fixture, "alice", "sip:a@h", 600));
    g_assert_true (put (fixture, "bob", "sip:b@h", 60));
    g_assert_true (put (fixture, "alice", "sip:a@h", 500));
    assert_known (fixture, "alice:sip:a@h:500 bob:sip:b@h:60 ");
}

static void
test_wall_clock_jumps (Fixture *fixture, const void *data)
{
    static const int64_t jumps_s[] = { 86400, -172800, 3 };

    g_assert_true (put (fixture, "alice", "sip:a@h", 600));
    for (unsigned i = 0; i < G_N_ELEMENTS (jumps_s); i++) {
        td_clock_fake_set_wall (td_clock_wall_us () + jumps_s[i] * G_USEC_PER_SEC);
        store_tidy (fixture->store);
        td_lanes_settle ();
        assert_known (fixture, "alice:sip:a@h:600 ");
    }
}

static void
test_jump_is_seen_by_writer (Fixture *fixture, const void *data)
{
    g_assert_true (put (fixture, "alice", "sip:a@h", 600));
    td_clock_fake_set_wall (td_clock_wall_us () + INT64_C (86400) * G_USEC_PER_SEC);
    g_assert_true (put (fixture, "bob", "sip:b@h", 60));
    assert_known (fixture, "alice:sip:a@h:600 bob:sip:b@h:60 ");
}

static void
test_tidy_forgets_what_is_over (Fixture *fixture, const void *data)
{
    g_assert_true (put (fixture, "alice", "sip:a@h", -1));
    g_assert_true (put (fixture, "bob", "sip:b@h", 60));
    store_tidy (fixture->store);
    td_lanes_settle ();
    assert_known (fixture, "bob:sip:b@h:60 ");
}

static void
test_many_at_once (Fixture *fixture, const void *data)
{
    enum { N_JOBS = 2500 };
    g_autofree Job *jobs = g_new0 (Job, N_JOBS);
    TdBinding binding = { .contact = "sip:a@h", .call_id = "c" };

    for (unsigned i = 0; i < N_JOBS; i++) {
        Change change = { CHANGE_ADDED, binding_new (&binding, INT64_MAX / 2), NULL };
        jobs[i].changes = changes_new ();
        g_array_append_val (jobs[i].changes, change);
        jobs[i].job = (StoreJob){ .user = g_strdup_printf ("user-%u", i),
                                  .changes = jobs[i].changes,
                                  .done = job_done };
        store_submit (fixture->store, &jobs[i].job);
    }
    td_lanes_settle ();
    for (unsigned i = 0; i < N_JOBS; i++) {
        g_assert_cmpuint (jobs[i].n_done, ==, 1);
        g_assert_true (jobs[i].job.is_stored);
        g_free ((char *) jobs[i].job.user);
        g_array_unref (jobs[i].changes);
    }
}

static void
test_locked_by_another (Fixture *fixture, const void *data)
{
    sqlite3 *other = NULL;

    g_assert_true (put (fixture, "alice", "sip:a@h", 600));
    g_assert_cmpint (sqlite3_open (fixture->path, &other), ==, SQLITE_OK);
    g_assert_cmpint (sqlite3_exec (other, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
    g_assert_false (put (fixture, "bob", "sip:b@h", 60));
    sqlite3_close (other);
    g_assert_true (put (fixture, "carol", "sip:c@h", 60));
    assert_known (fixture, "alice:sip:a@h:600 carol:sip:c@h:60 ");
}

/* A limit on the size of files refuses writes as a full disk does. */
static void
test_full_disk (Fixture *fixture, const void *data)
{
    struct rlimit before, limit;

    g_assert_true (put (fixture, "alice", "sip:a@h", 600));
    signal (SIGXFSZ, SIG_IGN);
    g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &before), ==, 0);
    limit = before;
    limit.rlim_cur = 1024;
    g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
    bool is_stored = put (fixture, "bob", "sip:b@h", 60);
    g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &before), ==, 0);
    g_assert_false (is_stored);
    g_assert_true (put (fixture, "carol", "sip:c@h", 60));
    assert_known (fixture, "alice:sip:a@h:600 carol:sip:c@h:60 ");
}

static void
note_renewed (void *data)
{
    ((Fixture *) data)->n_renewed++;
}

static void
test_moved_away (Fixture *fixture, const void *data)
{
    g_autofree char *away = g_strconcat (fixture->path, ".away", NULL);

    store_on_renewed (fixture->store, note_renewed, fixture);
    g_assert_true (put (fixture, "alice", "sip:a@h", 600));
    g_assert_cmpuint (fixture->n_renewed, ==, 0);
    g_assert_cmpint (g_rename (fixture->path, away), ==, 0);
    g_assert_true (put (fixture, "bob", "sip:b@h", 60));
    g_assert_true (put (fixture, "carol", "sip:c@h", 60));
    g_assert_cmpuint (fixture->n_renewed, ==, 1);
    assert_known (fixture, "bob:sip:b@h:60 carol:sip:c@h:60 ");
}

static void
test_newer_tables_are_left_alone (Fixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;
    sqlite3 *other = NULL;

    store_free (fixture->store);
    g_assert_cmpint (sqlite3_open (fixture->path, &other), ==, SQLITE_OK);
    sqlite3_exec (other, "PRAGMA user_version = 2", NULL, NULL, NULL);
    sqlite3_close (other);
    fixture->store = store_open ((TdModule *) &fixture->module, fixture->path, &error);
    g_assert_null (fixture->store);
    g_assert_error (error, TD_ERROR, TD_ERROR_INVALID);
    g_assert_nonnull (strstr (error->message, "have version 2, this build knows up to 1"));
}

static void
test_nobody_else_may_read (Fixture *fixture, const void *data)
{
    GStatBuf status;

    g_assert_cmpint (g_stat (fixture->path, &status), ==, 0);
    g_assert_cmpuint (status.st_mode & 07777, ==, 0600);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
    g_test_add ("/registrar/store/" path, Fixture, NULL, set_up, function, tear_down)
    ADD ("stored-is-known", test_stored_is_known);
    ADD ("wall-clock-jumps", test_wall_clock_jumps);
    ADD ("jump-is-seen-by-writer", test_jump_is_seen_by_writer);
    ADD ("tidy-forgets-what-is-over", test_tidy_forgets_what_is_over);
    ADD ("many-at-once", test_many_at_once);
    ADD ("locked-by-another", test_locked_by_another);
    ADD ("full-disk", test_full_disk);
    ADD ("moved-away", test_moved_away);
    ADD ("newer-tables-are-left-alone", test_newer_tables_are_left_alone);
    ADD ("nobody-else-may-read", test_nobody_else_may_read);
    return g_test_run ();
}
