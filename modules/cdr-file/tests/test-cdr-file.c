/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module, loaded: calls become records, whatever happens to the file meanwhile. */

#include "common/fake-endpoint.h"

#include "format.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tandem/iface/record.h>
#include <unistd.h>

#define MODULES "[modules]\ncdr-file = required\n[tandem]\nnode = exchange-1\n[cdr-file]\n"

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
    char *path;
    GPtrArray *rows; /* GHashTable: column -> value; of read_csv () */
} Test;

static void
set_up (Test *test, gconstpointer config)
{
    g_autofree char *text = g_strconcat (MODULES, config, NULL);
    bool is_json = strstr (config, "json") != NULL;

    test->fixture = td_fixture_new (text);
    test->endpoint = fake_endpoint_new (test->fixture);
    test->endpoint->routes = g_strdup ("b1");
    test->path = g_build_filename (test->fixture->dir, is_json ? "cdr.jsonl" : "cdr.csv", NULL);
    test->rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_hash_table_unref);
}

static void
close_switch (Test *test)
{
    if (test->fixture != NULL) {
        td_fixture_free (g_steal_pointer (&test->fixture));
        fake_endpoint_free (g_steal_pointer (&test->endpoint));
    }
}

static void
tear_down (Test *test, gconstpointer config)
{
    close_switch (test);
    g_ptr_array_unref (test->rows);
    g_free (test->path);
}

static void
say (Test *test, const char *name, FakeEvent event, const char *text)
{
    fake_say (test->endpoint, test->fixture, name, event, text);
}

#define REST_MS 20 /* as long as records may wait for others */

static void
talk (Test *test, const char *called, unsigned seconds)
{
    fake_call (test->endpoint, test->fixture, called, NULL);
    say (test, "b1", FAKE_RING, NULL);
    td_engine_advance (2000);
    say (test, "b1", FAKE_ANSWER, NULL);
    td_engine_advance (seconds * 1000);
    say (test, "b1", FAKE_RELEASE, "16");
    td_engine_advance (REST_MS);
}

static void
fail_call (Test *test, const char *called)
{
    fake_call (test->endpoint, test->fixture, called, NULL);
    say (test, "b1", FAKE_RELEASE, "17");
    td_engine_advance (REST_MS);
}

static char *
read_file (const char *path)
{
    g_autoptr (GError) error = NULL;
    char *text = NULL;

    g_file_get_contents (path, &text, NULL, &error);
    g_assert_no_error (error);
    return text;
}

/* The fields of one line without its end (RFC 4180 2.5, 2.7). */
static GPtrArray *
split_csv (const char *line)
{
    GPtrArray *fields = g_ptr_array_new_with_free_func (g_free);
    GString *field = g_string_new (NULL);
    bool is_quoted = false;

    for (; *line != '\0'; line++) {
        if (*line == '"' && is_quoted && line[1] == '"') {
            g_string_append_c (field, *line++);
        } else if (*line == '"') {
            is_quoted = !is_quoted;
        } else if (*line == ',' && !is_quoted) {
            g_ptr_array_add (fields, g_string_free (field, FALSE));
            field = g_string_new (NULL);
        } else {
            g_string_append_c (field, *line);
        }
    }
    g_ptr_array_add (fields, g_string_free (field, FALSE));
    return fields;
}

static void
read_csv_of (Test *test, const char *path)
{
    g_autofree char *text = read_file (path);
    g_auto (GStrv) lines = g_strsplit (text, "\r\n", -1);
    g_autoptr (GPtrArray) names = split_csv (lines[0]);

    g_ptr_array_set_size (test->rows, 0);
    for (char **line = lines + 1; *line != NULL && **line != '\0'; line++) {
        g_autoptr (GPtrArray) values = split_csv (*line);
        GHashTable *row = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
        g_assert_cmpuint (values->len, ==, names->len);
        for (unsigned i = 0; i < names->len; i++) {
            g_hash_table_insert (row, g_strdup (names->pdata[i]), g_strdup (values->pdata[i]));
        }
        g_ptr_array_add (test->rows, row);
    }
}

static void
read_csv (Test *test)
{
    read_csv_of (test, test->path);
}

static const char *
value (Test *test, unsigned row, const char *column)
{
    g_assert_cmpuint (row, <, test->rows->len);
    const char *found = g_hash_table_lookup (test->rows->pdata[row], column);
    g_assert_nonnull (found);
    return found;
}

#define assert_value(row, column, expected)                                                        \
    g_assert_cmpstr (value (test, (row), (column)), ==, (expected))

static void
test_answered_call (Test *test, gconstpointer config)
{
    talk (test, "5550199", 30);
    read_csv (test);
    g_assert_cmpuint (test->rows->len, ==, 2);
    assert_value (0, "record", "START");
    assert_value (1, "record", "STOP");
    for (unsigned i = 0; i < 2; i++) {
        assert_value (i, "node", "exchange-1");
        assert_value (i, "boot", "1");
        assert_value (i, "calling", "5550100");
        assert_value (i, "called", "5550199");
        assert_value (i, "route", "test");
        g_assert_cmpstr (value (test, i, "call"), ==, value (test, 0, "call"));
    }
    assert_value (0, "ended_us", "");
    assert_value (1, "duration_us", "30000000");
    assert_value (1, "setup_us", "0");
    assert_value (1, "cause", "16");
    assert_value (1, "released_by", "called");
    g_assert_cmpint (atoi (value (test, 0, "sequence")), <, atoi (value (test, 1, "sequence")));
}

static void
test_failed_call (Test *test, gconstpointer config)
{
    fail_call (test, "5550199");
    read_csv (test);
    g_assert_cmpuint (test->rows->len, ==, 1);
    assert_value (0, "record", "ATTEMPT");
    assert_value (0, "cause", "17");
    assert_value (0, "answered_us", "");
    assert_value (0, "duration_us", "0");
}

/* Neither a comma nor a quote nor a line's end breaks a record in two. */
static void
test_awkward_texts (Test *test, gconstpointer config)
{
    g_autoptr (GString) text = g_string_new (NULL);
    TdCallFact body = { .calling = "a,b", .called = "\"quoted\"", .route = "1\r\nSTOP,2" };
    TdFact fact = { .topic = td_topic_find ("call.ended"), .node = "n", .body = &body };

    cdr_format_append_head (CDR_FORMAT_CSV, text, fact.topic);
    cdr_format_append (CDR_FORMAT_CSV, text, td_record_name (&fact), &fact);
    g_assert_nonnull (strstr (text->str, ",\"a,b\",\"\"\"quoted\"\"\","));
    g_file_set_contents (test->path, text->str, -1, NULL);
    read_csv (test);
    g_assert_cmpuint (test->rows->len, ==, 1);
    assert_value (0, "record", "ATTEMPT");
    assert_value (0, "calling", "a,b");
    assert_value (0, "called", "\"quoted\"");
    assert_value (0, "route", "1  STOP,2");
}

static void
test_json (Test *test, gconstpointer config)
{
    talk (test, "5550199", 30);
    g_autofree char *text = read_file (test->path);
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
    g_assert_cmpuint (g_strv_length (lines), ==, 3);
    g_assert_true (
        g_str_has_prefix (lines[0], "{\"record\":\"START\",\"event\":\"call.answered\","));
    g_assert_true (g_str_has_prefix (lines[1], "{\"record\":\"STOP\",\"event\":\"call.ended\","));
    g_assert_nonnull (strstr (lines[1], "\"node\":\"exchange-1\",\"boot\":1,"));
    g_assert_nonnull (strstr (lines[1], "\"duration_us\":30000000"));
    g_assert_true (g_str_has_suffix (lines[1], "}}"));
    g_assert_cmpstr (lines[2], ==, "");
}

static void
test_only_some_records (Test *test, gconstpointer config)
{
    talk (test, "5550199", 1);
    fail_call (test, "5550199");
    read_csv (test);
    g_assert_cmpuint (test->rows->len, ==, 1);
    assert_value (0, "record", "STOP");
}

static void
test_rotated (Test *test, gconstpointer config)
{
    talk (test, "5550199", 1);
    talk (test, "5550198", 1);
    read_csv (test);
    g_assert_cmpuint (test->rows->len, ==, 1);
    assert_value (0, "called", "5550198");
}

static unsigned
count_rotated (Test *test)
{
    g_autoptr (GDir) dir = g_dir_open (test->fixture->dir, 0, NULL);
    const char *name;
    unsigned n = 0;

    while ((name = g_dir_read_name (dir)) != NULL) {
        n += g_str_has_prefix (name, "cdr.csv.");
    }
    return n;
}

/* Records are of one interval; a quiet switch gives its file away, too. */
static void
test_rotated_by_time (Test *test, gconstpointer config)
{
    fail_call (test, "5550199");
    unsigned n_before = count_rotated (test);
    td_engine_advance (3600 * 1000);
    g_assert_cmpuint (count_rotated (test), ==, n_before + 1);
    td_engine_advance (3600 * 1000);
    g_assert_cmpuint (count_rotated (test), ==, n_before + 1);
}

static void
test_moved_away (Test *test, gconstpointer config)
{
    g_autofree char *elsewhere = g_build_filename (test->fixture->dir, "old.csv", NULL);

    fail_call (test, "5550199");
    g_assert_cmpint (g_rename (test->path, elsewhere), ==, 0);
    fail_call (test, "5550198");
    read_csv (test);
    g_assert_cmpuint (test->rows->len, ==, 1);
    assert_value (0, "called", "5550198");
    read_csv_of (test, elsewhere);
    g_assert_cmpuint (test->rows->len, ==, 1);
    assert_value (0, "called", "5550199");
}

/* A folder in the file's place: whoever runs the test, nobody can write to that. */
static void
block (Test *test)
{
    g_remove (test->path);
    g_assert_cmpint (g_mkdir (test->path, 0700), ==, 0);
}

static void
unblock (Test *test)
{
    g_assert_cmpint (g_rmdir (test->path), ==, 0);
}

static void
test_nothing_is_lost_while_it_fails (Test *test, gconstpointer config)
{
    fail_call (test, "5550199");
    block (test);
    fail_call (test, "5550198");
    talk (test, "5550197", 600);
    unblock (test);
    td_engine_advance (5000);
    read_csv (test);
    g_assert_cmpuint (test->rows->len, ==, 3);
    assert_value (0, "called", "5550198");
    assert_value (1, "record", "START");
    assert_value (2, "record", "STOP");
}

static char *
copy_path (Test *test)
{
    return g_strconcat (test->fixture->dir, "-kept.csv", NULL);
}

/* The fixture removes its folder: the file is outside of it. */
static void
test_stop_writes_all (Test *test, gconstpointer config)
{
    g_autofree char *outside = copy_path (test);

    g_file_set_contents (outside, "", 0, NULL);
    g_remove (test->path);
    g_assert_cmpint (symlink (outside, test->path), ==, 0);
    fake_call (test->endpoint, test->fixture, "5550199", NULL);
    say (test, "b1", FAKE_ANSWER, NULL);
    close_switch (test);
    read_csv_of (test, outside);
    g_remove (outside);
    g_assert_cmpuint (test->rows->len, ==, 2);
    assert_value (1, "record", "STOP");
    assert_value (1, "released_by", "switch");
}

static void
reload (Test *test, const char *config, bool is_good)
{
    g_autofree char *text = g_strconcat (MODULES, config, NULL);

    g_file_set_contents (test->fixture->config_file, text, -1, NULL);
    g_assert_cmpint (td_engine_reload (NULL, NULL), ==, is_good);
    td_engine_settle ();
}

static void
note (const char *problem, void *data)
{
    g_string_append_printf (data, "%s\n", problem);
}

static void
test_reload_to_another_file (Test *test, gconstpointer config)
{
    g_autofree char *other = g_build_filename (test->fixture->dir, "other.csv", NULL);

    fail_call (test, "5550199");
    reload (test, "path = other.csv\n", true);
    fail_call (test, "5550198");
    read_csv_of (test, other);
    g_assert_cmpuint (test->rows->len, ==, 1);
    assert_value (0, "called", "5550198");
}

static void
test_reload_to_nowhere (Test *test, gconstpointer config)
{
    g_autofree char *text = g_strconcat (MODULES, "path = nowhere/cdr.csv\n", NULL);
    g_autoptr (GString) problems = g_string_new (NULL);

    g_file_set_contents (test->fixture->config_file, text, -1, NULL);
    g_assert_false (td_engine_reload (note, problems));
    g_assert_nonnull (strstr (problems->str, "nowhere/cdr.csv: cannot be opened"));
    fail_call (test, "5550198");
    read_csv (test);
    g_assert_cmpuint (test->rows->len, ==, 1);
}

static void
test_reload_to_json (Test *test, gconstpointer config)
{
    fail_call (test, "5550199");
    reload (test, "path = cdr.csv\nformat = json\n", true);
    fail_call (test, "5550198");
    g_autofree char *text = read_file (test->path);
    g_assert_true (g_str_has_prefix (text, "{\"record\":\"ATTEMPT\""));
    g_assert_cmpuint (count_rotated (test), ==, 1);
}

#define ADD(path, config, test)                                                                    \
    g_test_add ("/cdr-file/" path, Test, (config), set_up, test, tear_down)

int
main (int argc, char **argv)
{
    const char *plain = "path = cdr.csv\n";

    g_test_init (&argc, &argv, NULL);
    ADD ("answered-call", plain, test_answered_call);
    ADD ("failed-call", plain, test_failed_call);
    ADD ("awkward-texts", plain, test_awkward_texts);
    ADD ("json", "path = cdr.jsonl\nformat = json\n", test_json);
    ADD ("only-some-records", "path = cdr.csv\nrecords = stop\n", test_only_some_records);
    ADD ("fsync/always", "path = cdr.csv\nfsync = always\n", test_failed_call);
    ADD ("fsync/never", "path = cdr.csv\nfsync = never\n", test_failed_call);
    ADD ("rotated/size", "path = cdr.csv\nrotate-size = 1 B\n", test_rotated);
    ADD ("rotated/time", "path = cdr.csv\nrotate-interval = 1 h\n", test_rotated_by_time);
    ADD ("moved-away", plain, test_moved_away);
    ADD ("failing", plain, test_nothing_is_lost_while_it_fails);
    ADD ("stop", plain, test_stop_writes_all);
    ADD ("reload/path", plain, test_reload_to_another_file);
    ADD ("reload/nowhere", plain, test_reload_to_nowhere);
    ADD ("reload/format", plain, test_reload_to_json);
    return g_test_run ();
}
