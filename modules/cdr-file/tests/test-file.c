/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file has whole lines only, whatever happens to its writers and to itself. */

#include "file.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEAD "number,text\r\n"
#define HOUR (INT64_C (3600) * G_USEC_PER_SEC)

typedef struct {
    char *dir, *path;
    CdrFile file;
    CdrFileNews news;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
    g_autoptr (GError) error = NULL;

    fixture->dir = g_dir_make_tmp ("tandem-test-XXXXXX", &error);
    g_assert_no_error (error);
    fixture->path = g_build_filename (fixture->dir, "cdr.csv", NULL);
    cdr_file_init (&fixture->file, fixture->path, HEAD);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
    g_autoptr (GDir) dir = g_dir_open (fixture->dir, 0, NULL);
    const char *name;

    cdr_file_clear (&fixture->file);
    while ((name = g_dir_read_name (dir)) != NULL) {
        g_autofree char *path = g_build_filename (fixture->dir, name, NULL);
        g_remove (path);
    }
    g_rmdir (fixture->dir);
    g_free (fixture->news.rotated_to);
    g_free (fixture->path);
    g_free (fixture->dir);
}

static void
put (Fixture *fixture, const char *text)
{
    g_autoptr (GError) error = NULL;

    g_file_set_contents (fixture->path, text, -1, &error);
    g_assert_no_error (error);
}

static void
append_at (Fixture *fixture, const char *line, int64_t now_us)
{
    g_autoptr (GString) text = g_string_new (line);
    g_autoptr (GError) error = NULL;

    cdr_file_append (&fixture->file, text, now_us, &fixture->news, &error);
    g_assert_no_error (error);
}

static void
append (Fixture *fixture, const char *line)
{
    append_at (fixture, line, g_get_real_time ());
}

static void
assert_content (const char *path, const char *expected)
{
    g_autofree char *found = NULL;
    g_autoptr (GError) error = NULL;

    g_file_get_contents (path, &found, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpstr (found, ==, expected);
}

static unsigned
count_files (const Fixture *fixture)
{
    g_autoptr (GDir) dir = g_dir_open (fixture->dir, 0, NULL);
    unsigned n = 0;

    while (g_dir_read_name (dir) != NULL) {
        n++;
    }
    return n;
}

static void
test_new_file_has_a_head (Fixture *fixture, gconstpointer data)
{
    append (fixture, "1,a\r\n");
    append (fixture, "2,b\r\n");
    assert_content (fixture->path, HEAD "1,a\r\n2,b\r\n");
}

static void
test_old_file_goes_on (Fixture *fixture, gconstpointer data)
{
    put (fixture, HEAD "1,a\r\n");
    append (fixture, "2,b\r\n");
    assert_content (fixture->path, HEAD "1,a\r\n2,b\r\n");
    g_assert_cmpint (fixture->news.n_cut_bytes, ==, 0);
}

static void
test_cut_line_is_taken_off (Fixture *fixture, gconstpointer data)
{
    g_autoptr (GError) error = NULL;

    put (fixture, HEAD "1,a\r\n2,this was goi");
    g_assert_true (cdr_file_open (&fixture->file, &fixture->news, &error));
    g_assert_cmpint (fixture->news.n_cut_bytes, ==, strlen ("2,this was goi"));
    assert_content (fixture->path, HEAD "1,a\r\n");
}

static void
test_cut_line_of_many_blocks (Fixture *fixture, gconstpointer data)
{
    g_autofree char *junk = g_strnfill (10000, 'x');
    g_autofree char *text = g_strconcat (HEAD "1,a\r\n", junk, NULL);

    put (fixture, text);
    append (fixture, "2,b\r\n");
    g_assert_cmpint (fixture->news.n_cut_bytes, ==, 10000);
    assert_content (fixture->path, HEAD "1,a\r\n2,b\r\n");
}

static void
test_cut_head_is_written_anew (Fixture *fixture, gconstpointer data)
{
    put (fixture, "number,te");
    append (fixture, "1,a\r\n");
    assert_content (fixture->path, HEAD "1,a\r\n");
}

static void
test_cut_between_the_two_ends (Fixture *fixture, gconstpointer data)
{
    put (fixture, HEAD "1,a\r\n2,b\r");
    append (fixture, "3,c\r\n");
    assert_content (fixture->path, HEAD "1,a\r\n3,c\r\n");
}

/* A file of another kind is neither mended nor mixed up with ours. */
static void
test_foreign_file_is_moved_aside (Fixture *fixture, gconstpointer data)
{
    put (fixture, "{\"record\":\"STOP\"}\n{\"rec");
    append (fixture, "1,a\r\n");
    assert_content (fixture->path, HEAD "1,a\r\n");
    assert_content (fixture->news.rotated_to, "{\"record\":\"STOP\"}\n{\"rec");
    g_assert_cmpint (fixture->news.n_cut_bytes, ==, 0);
}

static void
test_moved_away (Fixture *fixture, gconstpointer data)
{
    g_autofree char *elsewhere = g_build_filename (fixture->dir, "old", NULL);

    append (fixture, "1,a\r\n");
    g_assert_cmpint (g_rename (fixture->path, elsewhere), ==, 0);
    append (fixture, "2,b\r\n");
    assert_content (elsewhere, HEAD "1,a\r\n");
    assert_content (fixture->path, HEAD "2,b\r\n");
}

static void
test_removed (Fixture *fixture, gconstpointer data)
{
    append (fixture, "1,a\r\n");
    g_remove (fixture->path);
    append (fixture, "2,b\r\n");
    assert_content (fixture->path, HEAD "2,b\r\n");
}

static void
test_rotated_by_size (Fixture *fixture, gconstpointer data)
{
    fixture->file.rotate_size_bytes = strlen (HEAD "1,a\r\n");
    append (fixture, "1,a\r\n");
    append (fixture, "2,b\r\n");
    assert_content (fixture->news.rotated_to, HEAD "1,a\r\n");
    assert_content (fixture->path, HEAD "2,b\r\n");
}

/* 2026-01-31 23:59:59 and 2026-02-01 00:00:00 UTC are of two hours. */
static void
test_rotated_by_time (Fixture *fixture, gconstpointer data)
{
    int64_t midnight_us = INT64_C (1769904000) * G_USEC_PER_SEC;
    g_autofree char *expected = g_strconcat (fixture->path, ".20260201T000000Z", NULL);

    fixture->file.rotate_interval_us = HOUR;
    append_at (fixture, "1,a\r\n", midnight_us - HOUR);
    append_at (fixture, "2,b\r\n", midnight_us - 1);
    g_assert_null (fixture->news.rotated_to);
    append_at (fixture, "3,c\r\n", midnight_us);
    g_assert_cmpstr (fixture->news.rotated_to, ==, expected);
    assert_content (expected, HEAD "1,a\r\n2,b\r\n");
    assert_content (fixture->path, HEAD "3,c\r\n");
}

static void
test_rotated_without_a_line (Fixture *fixture, gconstpointer data)
{
    int64_t midnight_us = INT64_C (1769904000) * G_USEC_PER_SEC;

    fixture->file.rotate_interval_us = HOUR;
    append_at (fixture, "1,a\r\n", midnight_us - 1);
    append_at (fixture, "", midnight_us);
    g_assert_cmpuint (count_files (fixture), ==, 2);
    assert_content (fixture->path, "");
    append_at (fixture, "", midnight_us + HOUR);
    g_assert_cmpuint (count_files (fixture), ==, 2);
}

static void
test_rotated_twice_in_a_second (Fixture *fixture, gconstpointer data)
{
    fixture->file.rotate_size_bytes = 1;
    append_at (fixture, "1,a\r\n", HOUR);
    append_at (fixture, "2,b\r\n", HOUR);
    append_at (fixture, "3,c\r\n", HOUR);
    g_assert_cmpuint (count_files (fixture), ==, 3);
    g_assert_true (g_str_has_suffix (fixture->news.rotated_to, "T010000Z-1"));
    assert_content (fixture->news.rotated_to, HEAD "2,b\r\n");
}

static void
assert_refused (Fixture *fixture, const char *part)
{
    g_autoptr (GError) error = NULL;

    g_assert_false (cdr_file_open (&fixture->file, &fixture->news, &error));
    g_assert_nonnull (strstr (error->message, fixture->file.path));
    g_assert_nonnull (strstr (error->message, part));
}

static void
test_no_folder (Fixture *fixture, gconstpointer data)
{
    g_free (fixture->file.path);
    fixture->file.path = g_build_filename (fixture->dir, "nowhere", "cdr.csv", NULL);
    assert_refused (fixture, "make the folder");
}

static void
test_a_folder_itself (Fixture *fixture, gconstpointer data)
{
    g_free (fixture->file.path);
    fixture->file.path = g_strdup (fixture->dir);
    assert_refused (fixture, "must name a file");
}

/* --- Killed while it writes -------------------------------------------------------------- */

enum { N_KILLS = 30, LINES_PER_BATCH = 500 };

/* Appends batches, and tells the number of each one through FD once it is written. */
static _Noreturn void
write_until_killed (const char *path, unsigned run, int fd)
{
    g_autofree char *filler = g_strnfill (200, 'z');
    CdrFile file;
    CdrFileNews news = { 0 };

    cdr_file_init (&file, path, HEAD);
    for (unsigned batch = 0;; batch++) {
        g_autoptr (GString) text = g_string_new (NULL);
        for (unsigned i = 0; i < LINES_PER_BATCH; i++) {
            g_string_append_printf (text, "%u,%u,%s\r\n", run, batch * LINES_PER_BATCH + i, filler);
        }
        if (!cdr_file_append (&file, text, g_get_real_time (), &news, NULL)
            || write (fd, &batch, sizeof batch) != sizeof batch) {
            _exit (1);
        }
    }
}

/* Kills a writer after some batches; returns how many it was told of. */
static unsigned
kill_one (Fixture *fixture, unsigned run)
{
    int fds[2];
    unsigned batch = 0, n_batches = 0, n_wanted = (unsigned) g_test_rand_int_range (1, 4);

    g_assert_cmpint (pipe (fds), ==, 0);
    pid_t pid = fork ();
    if (pid == 0) {
        close (fds[0]);
        write_until_killed (fixture->path, run, fds[1]);
    }
    close (fds[1]);
    while (n_batches < n_wanted && read (fds[0], &batch, sizeof batch) == sizeof batch) {
        n_batches++;
    }
    kill (pid, SIGKILL);
    while (read (fds[0], &batch, sizeof batch) == sizeof batch) {
        n_batches++;
    }
    close (fds[0]);
    waitpid (pid, NULL, 0);
    return n_batches;
}

/* Every line is whole, each run's numbers go up by one, and nothing that was told of is missing. */
static void
check_lines (Fixture *fixture, const unsigned *n_batches)
{
    g_autofree char *text = NULL;
    unsigned n_lines[N_KILLS] = { 0 };

    g_file_get_contents (fixture->path, &text, NULL, NULL);
    g_assert_true (g_str_has_prefix (text, HEAD));
    g_auto (GStrv) lines = g_strsplit (text + strlen (HEAD), "\r\n", -1);
    for (char **line = lines; line[1] != NULL; line++) {
        unsigned run, number;
        int at = 0;
        g_assert_cmpint (sscanf (*line, "%u,%u,%n", &run, &number, &at), ==, 2);
        g_assert_cmpuint (number, ==, n_lines[run]++);
        g_assert_cmpuint (strspn (*line + at, "z"), ==, 200);
        g_assert_cmpuint (strlen (*line + at), ==, 200);
    }
    for (unsigned i = 0; i < N_KILLS; i++) {
        g_assert_cmpuint (n_lines[i], >=, n_batches[i] * LINES_PER_BATCH);
    }
}

static void
test_killed (Fixture *fixture, gconstpointer data)
{
    unsigned n_batches[N_KILLS];

    for (unsigned i = 0; i < N_KILLS; i++) {
        n_batches[i] = kill_one (fixture, i);
    }
    append (fixture, "");
    check_lines (fixture, n_batches);
}

#define ADD(path, test) g_test_add ("/file/" path, Fixture, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("head", test_new_file_has_a_head);
    ADD ("goes-on", test_old_file_goes_on);
    ADD ("cut/line", test_cut_line_is_taken_off);
    ADD ("cut/blocks", test_cut_line_of_many_blocks);
    ADD ("cut/head", test_cut_head_is_written_anew);
    ADD ("cut/end", test_cut_between_the_two_ends);
    ADD ("foreign", test_foreign_file_is_moved_aside);
    ADD ("moved-away", test_moved_away);
    ADD ("removed", test_removed);
    ADD ("rotated/size", test_rotated_by_size);
    ADD ("rotated/time", test_rotated_by_time);
    ADD ("rotated/quiet", test_rotated_without_a_line);
    ADD ("rotated/same-second", test_rotated_twice_in_a_second);
    ADD ("refused/no-folder", test_no_folder);
    ADD ("refused/folder", test_a_folder_itself);
    ADD ("killed", test_killed);
    return g_test_run ();
}
