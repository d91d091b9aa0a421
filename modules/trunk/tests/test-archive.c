/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ROU-009: closed intervals outlive a restart: the files they are kept in. */

#include "archive.h"
#include "common/folder.h"

#include <string.h>
#include <unistd.h>

#define SECOND_US G_USEC_PER_SEC
#define HEAD      "# tandem trunk statistics 1\n"

/* 2026-03-29, noon, UTC. */
#define NOON_US (INT64_C (1774785600) * SECOND_US)
#define TODAY   "statistics-20260329"

typedef struct {
    char *folder;
    TdOwner owner;
    Archive *archive;
    GString *found; /* what was read */
} World;

static void
set_up (World *world, gconstpointer data)
{
    world->folder = g_dir_make_tmp ("archive-XXXXXX", NULL);
    td_owner_init (&world->owner, "trunk");
    world->archive = archive_new ((TdModule *) &world->owner, world->folder);
    world->found = g_string_new (NULL);
}

static void
tear_down (World *world, gconstpointer data)
{
    archive_free (world->archive);
    td_owner_clear (&world->owner);
    folder_remove (world->folder);
    g_free (world->folder);
    g_string_free (world->found, TRUE);
}

static Interval
interval_of (int64_t begin_us, uint32_t n_answers)
{
    Interval interval = { .begin_us = begin_us, .length_s = 900, .peak = 3, .usage_s = 1700 };

    interval.counts[COUNT_OUT_ANSWERS] = n_answers;
    interval.counts[COUNT_BAD] = 1;
    interval.control_hits[CONTROL_SKIP] = 2;
    return interval;
}

static void
write_interval (World *world, const char *trunk, const Interval *interval, int64_t wall_us)
{
    g_autoptr (GString) lines = g_string_new (NULL);
    g_autoptr (GError) error = NULL;

    archive_append (lines, trunk, interval);
    archive_write (world->archive, lines, wall_us, &error);
    g_assert_no_error (error);
}

static void
write_answers (World *world, const char *trunk, uint32_t n_answers, int64_t wall_us)
{
    Interval interval = interval_of (wall_us - 900 * SECOND_US, n_answers);

    write_interval (world, trunk, &interval, wall_us);
}

static void
note (const char *trunk, const Interval *interval, void *data)
{
    g_string_append_printf (data, "%s:%u ", trunk, interval->counts[COUNT_OUT_ANSWERS]);
}

static void
assert_read (World *world, int64_t wall_us, const char *expected)
{
    g_string_truncate (world->found, 0);
    archive_read (world->archive, wall_us, note, world->found);
    g_assert_cmpstr (world->found->str, ==, expected);
}

static char *
path_of (const World *world, const char *name)
{
    return g_build_filename (world->folder, name, NULL);
}

static void
put (const World *world, const char *name, const char *text, gssize length)
{
    g_autofree char *path = path_of (world, name);

    g_assert_true (g_file_set_contents (path, text, length, NULL));
}

static bool
has (const World *world, const char *name)
{
    g_autofree char *path = path_of (world, name);

    return g_file_test (path, G_FILE_TEST_EXISTS);
}

static void
keep_one (const char *trunk, const Interval *interval, void *data)
{
    *(Interval *) data = *interval;
}

static void
test_comes_back_whole (World *world, gconstpointer data)
{
    Interval interval = interval_of (NOON_US, 7), found = { 0 };

    for (unsigned i = 0; i < N_COUNTS; i++) {
        interval.counts[i] = i * 1000;
    }
    interval.n_delays = 12;
    interval.delay_p50_ms = UINT32_MAX;
    interval.mean_centi = 188;
    write_interval (world, "a trunk = with trunk=", &interval, NOON_US);
    archive_read (world->archive, NOON_US, keep_one, &found);
    g_assert_cmpmem (&found, sizeof found, &interval, sizeof interval);
}

static void
test_name_of_any_kind (World *world, gconstpointer data)
{
    write_answers (world, "carrier trunk=a \"b\"", 1, NOON_US);
    assert_read (world, NOON_US, "carrier trunk=a \"b\":1 ");
}

static void
test_days_in_their_order (World *world, gconstpointer data)
{
    int64_t day_us = INT64_C (86400) * SECOND_US;

    for (unsigned i = 0; i < 5; i++) {
        write_answers (world, "a", i, NOON_US + i * day_us);
    }
    assert_read (world, NOON_US + 4 * day_us, "a:2 a:3 a:4 ");
    g_assert_false (has (world, "statistics-20260330")); /* and nothing grows for ever */
    g_assert_true (has (world, "statistics-20260331"));
}

/* Who is killed while writing leaves a part of a line, which is not said, and in nobody's way. */
static void
test_killed_in_mid_line (World *world, gconstpointer data)
{
    put (world, TODAY, HEAD "begin_us=5 seconds=9 out_answers=1 trunk=a\nbegin_us=6 seco", -1);
    assert_read (world, NOON_US, "a:1 ");
    write_answers (world, "a", 2, NOON_US);
    assert_read (world, NOON_US, "a:1 a:2 ");
    g_assert_false (has (world, TODAY ".damaged"));
    put (world, TODAY, "# tand", -1);
    write_answers (world, "a", 3, NOON_US);
    assert_read (world, NOON_US, "a:3 ");
}

/* What is good in a damaged file is kept; it is said once. */
static void
test_damaged (World *world, gconstpointer data)
{
    static const char text[] = HEAD "begin_us=5 seconds=9 out_answers=1 trunk=a\n"
                                    "begin_us=6 seconds=\0\0\0 trunk=a\n"
                                    "begin_us=x trunk=a\n"
                                    "begin_us=7 seconds=9 out_answers=99999999999 trunk=a\n"
                                    "seconds=9 out_answers=8 trunk=a\n"
                                    "begin_us=8 seconds=9 out_answers=2 trunk=a\n";

    put (world, TODAY, text, sizeof text - 1);
    assert_read (world, NOON_US, "a:1 a:2 ");
    g_assert_true (has (world, TODAY ".damaged"));
    g_autofree char *aside = path_of (world, TODAY ".damaged");
    g_assert_cmpint (g_unlink (aside), ==, 0);
    assert_read (world, NOON_US, "a:1 a:2 ");
    g_assert_false (has (world, TODAY ".damaged"));
}

static void
test_no_text_at_all (World *world, gconstpointer data)
{
    g_autofree char *noise = g_malloc (100000);

    for (unsigned i = 0; i < 100000; i++) {
        noise[i] = (char) g_test_rand_int ();
    }
    noise[0] = 'x';
    put (world, TODAY, noise, 100000);
    assert_read (world, NOON_US, "");
    g_assert_true (has (world, TODAY ".damaged"));
    write_answers (world, "a", 2, NOON_US);
    assert_read (world, NOON_US, "a:2 ");
}

/* What another build counts is passed over; another form of file is not guessed at. */
static void
test_of_another_build (World *world, gconstpointer data)
{
    put (world, TODAY, HEAD "begin_us=5 seconds=9 out_answers=1 marvels=12 trunk=a\n", -1);
    assert_read (world, NOON_US, "a:1 ");
    put (world, TODAY, "# tandem trunk statistics 2\nbegin_us=5 out_answers=1 trunk=a\n", -1);
    assert_read (world, NOON_US, "");
    g_assert_true (has (world, TODAY ".damaged"));
}

static void
test_folder_vanished (World *world, gconstpointer data)
{
    g_autoptr (GString) lines = g_string_new ("x");
    g_autoptr (GError) error = NULL;

    folder_remove (world->folder);
    g_assert_false (archive_write (world->archive, lines, NOON_US, &error));
    g_assert_nonnull (strstr (error->message, TODAY));
    assert_read (world, NOON_US, "");
}

#define ADD(name, test) g_test_add ("/trunk/ROU-009/" name, World, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("comes-back-whole", test_comes_back_whole);
    ADD ("name-of-any-kind", test_name_of_any_kind);
    ADD ("days-in-their-order", test_days_in_their_order);
    ADD ("killed-in-mid-line", test_killed_in_mid_line);
    ADD ("damaged", test_damaged);
    ADD ("no-text-at-all", test_no_text_at_all);
    ADD ("of-another-build", test_of_another_build);
    ADD ("folder-vanished", test_folder_vanished);
    return g_test_run ();
}
