/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control socket: every client gets its own answers, and none of them can do harm. */

#include "common/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <tandem/command.h>
#include <unistd.h>

typedef struct {
    TdFixture *switch_;
    char *path;
    TdRequest *kept; /* of the command "test follow" */
    unsigned n_gone;
    unsigned n_left; /* pieces of "test long" */
    char *text;      /* that the command "test big" answers with */
} Fixture;

static void
run_echo (TdRequest *request, void *data)
{
    const char *word = td_request_argument (request, "WORD");

    td_request_reply (request, word != NULL ? g_variant_new_string (word) : NULL);
}

static void
gone (TdRequest *request, void *data)
{
    Fixture *fixture = data;

    fixture->n_gone++;
    g_clear_pointer (&fixture->kept, td_request_unref);
}

static void
run_follow (TdRequest *request, void *data)
{
    Fixture *fixture = data;

    fixture->kept = td_request_ref (request);
    td_request_on_gone (request, gone, fixture);
}

static void
run_big (TdRequest *request, void *data)
{
    td_request_reply (request, g_variant_new_string (((Fixture *) data)->text));
}

/* Pieces of the text, each when the client can take it. */
static void
push_next (TdRequest *request, void *data)
{
    Fixture *fixture = data;

    if (fixture->n_left == 0) {
        td_request_reply (request, NULL);
        td_request_unref (request);
    } else {
        fixture->n_left--;
        td_request_push (request, g_variant_new_string (fixture->text));
        td_request_when_ready (request, push_next, data);
    }
}

static void
run_long (TdRequest *request, void *data)
{
    push_next (td_request_ref (request), data);
}

static void
add (Fixture *fixture, const char *name, bool is_change, bool is_stream,
     void (*run) (TdRequest *request, void *data))
{
    static const TdArgument arguments[] = { { .name = "WORD" } };
    g_autoptr (GError) error = NULL;

    td_command_add (NULL,
                    &(TdCommand){ .size = sizeof (TdCommand),
                                  .argument_size = sizeof (TdArgument),
                                  .name = name,
                                  .arguments = arguments,
                                  .n_arguments = 1,
                                  .is_change = is_change,
                                  .is_stream = is_stream,
                                  .data = fixture,
                                  .run = run },
                    &error);
    g_assert_no_error (error);
}

static void
set_up (Fixture *fixture, const void *data)
{
    fixture->switch_ =
        td_fixture_new ("[modules]\ncli = required\n[cli]\nsocket = control.sock\ngroup =\n");
    fixture->path = g_build_filename (fixture->switch_->dir, "control.sock", NULL);
    add (fixture, "test echo", false, false, run_echo);
    add (fixture, "test change", true, false, run_echo);
    add (fixture, "test follow", false, true, run_follow);
    add (fixture, "test big", false, false, run_big);
    add (fixture, "test long", false, true, run_long);
}

static void
tear_down (Fixture *fixture, const void *data)
{
    g_clear_pointer (&fixture->kept, td_request_unref);
    td_fixture_free (fixture->switch_);
    g_assert_false (g_file_test (fixture->path, G_FILE_TEST_EXISTS));
    g_free (fixture->path);
    g_free (fixture->text);
}

static int
connect_to (const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    g_strlcpy (address.sun_path, path, sizeof address.sun_path);
    g_assert_cmpint (connect (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
    td_engine_settle ();
    return fd;
}

static void
say (int fd, const char *text)
{
    g_assert_cmpint (send (fd, text, strlen (text), MSG_NOSIGNAL), ==, strlen (text));
    td_engine_settle ();
}

/* All that has come, and " closed" where the connection has ended. */
static char *
hear (int fd)
{
    GString *heard = g_string_new (NULL);
    char buffer[65536];
    ssize_t n;

    while ((n = recv (fd, buffer, sizeof buffer, 0)) > 0) {
        g_string_append_len (heard, buffer, n);
        td_engine_settle ();
    }
    if (n == 0 || errno != EAGAIN) {
        g_string_append (heard, "closed");
    }
    return g_string_free (heard, FALSE);
}

static void
expect (int fd, const char *expected)
{
    g_autofree char *heard = hear (fd);

    g_assert_cmpstr (heard, ==, expected);
}

static void
test_answer_carries_id (Fixture *fixture, const void *data)
{
    int fd = connect_to (fixture->path);

    say (fd, "{\"words\":[\"test\",\"echo\",\"x\"],\"id\":7}\n");
    expect (fd, "{\"id\":7,\"result\":\"x\"}\n");
    say (fd, "{\"id\":\"a\\\"b\",\"words\":[\"test\",\"echo\"]}\n");
    expect (fd, "{\"id\":\"a\\\"b\",\"result\":null}\n");
    say (fd, "{\"words\":[\"test\",\"echo\",\"two\\nlines\"]}\n");
    expect (fd, "{\"id\":null,\"result\":\"two\\nlines\"}\n");
    close (fd);
}

static void
test_many_in_one_piece (Fixture *fixture, const void *data)
{
    int fd = connect_to (fixture->path);
    g_autoptr (GString) asked = g_string_new (NULL);
    g_autoptr (GString) expected = g_string_new (NULL);

    for (unsigned i = 0; i < 100; i++) {
        g_string_append_printf (asked, "{\"words\":[\"test\",\"echo\",\"%u\"],\"id\":%u}\n", i, i);
        g_string_append_printf (expected, "{\"id\":%u,\"result\":\"%u\"}\n", i, i);
    }
    say (fd, asked->str);
    expect (fd, expected->str);
    close (fd);
}

static void
test_one_in_many_pieces (Fixture *fixture, const void *data)
{
    static const char asked[] = "{\"words\":[\"test\",\"echo\",\"x\"],\"id\":7}";
    int fd = connect_to (fixture->path);

    for (const char *c = asked; *c != '\0'; c++) {
        char byte[] = { *c, '\0' };
        say (fd, byte);
    }
    expect (fd, "");
    say (fd, "\n");
    expect (fd, "{\"id\":7,\"result\":\"x\"}\n");
    close (fd);
}

static void
test_bad_lines_are_answered (Fixture *fixture, const void *data)
{
    static const struct {
        const char *line, *answer;
    } rows[] = {
        { "\n", "{\"id\":null,\"error\":\"JSON, byte 0: no value that JSON knows\","
                "\"is_misuse\":true}\n" },
        { "[]\n", "{\"id\":null,\"error\":\"a request is a JSON object\",\"is_misuse\":true}\n" },
        { "{\"id\":1}\n", "{\"id\":1,\"error\":\"a request needs \\\"words\\\", a list of texts "
                          "with one at least\",\"is_misuse\":true}\n" },
        { "{\"id\":2,\"words\":[]}\n", "{\"id\":2,\"error\":\"a request needs \\\"words\\\", a "
                                       "list of texts with one at least\",\"is_misuse\":true}\n" },
        { "{\"id\":3,\"words\":[1]}\n", "{\"id\":3,\"error\":\"a request needs \\\"words\\\", a "
                                        "list of texts with one at least\",\"is_misuse\":true}\n" },
        { "{\"id\":4,\"words\":[\"test\",\"ehco\"]}\n",
          "{\"id\":4,\"error\":\"there is no command \\\"test ehco\\\": did you mean \\\"test "
          "echo\\\"?\",\"is_misuse\":true}\n" },
        { "{\"cancel\":99}\n", "" },
    };
    int fd = connect_to (fixture->path);

    for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++) {
        say (fd, rows[i].line);
        expect (fd, rows[i].answer);
    }
    close (fd);
}

static void
test_endless_line_ends_it (Fixture *fixture, const void *data)
{
    g_autofree char *piece = g_strnfill (16 * 1024, 'x');
    int fd = connect_to (fixture->path);

    for (unsigned i = 0; i < 4; i++) {
        say (fd, piece);
    }
    expect (fd, "{\"id\":null,\"error\":\"a request is longer than 65536 bytes\","
                "\"is_misuse\":true}\nclosed");
    close (fd);
}

static void
test_last_line_may_lack_its_end (Fixture *fixture, const void *data)
{
    int fd = connect_to (fixture->path);

    say (fd, "{\"words\":[\"test\",\"echo\",\"1\"],\"id\":1}\n{\"words\":[\"test\",\"echo\"]}");
    shutdown (fd, SHUT_WR);
    td_engine_settle ();
    expect (fd, "{\"id\":1,\"result\":\"1\"}\n{\"id\":null,\"result\":null}\nclosed");
    close (fd);
}

static void
test_stream_comes_in_pieces (Fixture *fixture, const void *data)
{
    int fd = connect_to (fixture->path);

    say (fd, "{\"words\":[\"test\",\"follow\"],\"id\":1}\n");
    expect (fd, "");
    g_assert_true (td_request_push (fixture->kept, g_variant_new_int32 (1)));
    g_assert_true (td_request_push (fixture->kept, g_variant_new_int32 (2)));
    say (fd, "{\"words\":[\"test\",\"echo\",\"between\"],\"id\":2}\n");
    td_request_reply (fixture->kept, NULL);
    td_engine_settle ();
    expect (fd, "{\"id\":1,\"piece\":1}\n{\"id\":1,\"piece\":2}\n"
                "{\"id\":2,\"result\":\"between\"}\n{\"id\":1,\"result\":null}\n");
    g_assert_cmpuint (fixture->n_gone, ==, 0);
    close (fd);
}

static void
test_cancel_ends_a_stream (Fixture *fixture, const void *data)
{
    int fd = connect_to (fixture->path);

    say (fd, "{\"words\":[\"test\",\"follow\"],\"id\":[1]}\n{\"cancel\":[1]}\n");
    expect (fd, "{\"id\":[1],\"result\":null}\n");
    g_assert_cmpuint (fixture->n_gone, ==, 1);
    close (fd);
}

static void
test_leaving_ends_a_stream (Fixture *fixture, const void *data)
{
    int fd = connect_to (fixture->path);

    say (fd, "{\"words\":[\"test\",\"follow\"],\"id\":1}\n");
    close (fd);
    td_engine_settle ();
    g_assert_cmpuint (fixture->n_gone, ==, 1);
}

static void
test_stop_bids_farewell (void)
{
    TdFixture *fixture = td_fixture_new ("[modules]\ncli = required\n[cli]\n"
                                         "socket = control.sock\ngroup =\n");
    g_autofree char *path = g_build_filename (fixture->dir, "control.sock", NULL);
    int fd = connect_to (path);

    say (fd, "{\"words\":[\"module\",\"upgrade\",\"cli\"],\"id\":1}\n");
    expect (fd, "{\"id\":1,\"error\":\"the control socket closes, as module cli stops or is "
                "replaced: what you asked goes on, and the log says how it ends\"}\nclosed");
    close (fd);
    fd = connect_to (path);
    say (fd, "{\"words\":[\"module\",\"list\"],\"id\":1}\n");
    g_autofree char *list = hear (fd);
    g_assert_nonnull (strstr (list, "{\"module\":\"cli\",\"generation\":2,\"state\":\"running\""));
    close (fd);
    td_fixture_free (fixture);
}

static void
test_asked_and_gone_is_still_done (Fixture *fixture, const void *data)
{
    int fd = connect_to (fixture->path);
    static const char asked[] = "{\"words\":[\"test\",\"follow\"]}\n";

    g_assert_cmpint (send (fd, asked, strlen (asked), 0), ==, strlen (asked));
    close (fd);
    td_engine_settle ();
    g_assert_cmpuint (fixture->n_gone, ==, 1);
}

static void
test_slow_client_is_let_go (Fixture *fixture, const void *data)
{
    g_autofree char *text = g_strnfill (60000, 'x');
    int fd = connect_to (fixture->path);
    int other = connect_to (fixture->path);
    unsigned n_pushed = 0;

    say (fd, "{\"words\":[\"test\",\"follow\"],\"id\":1}\n");
    while (fixture->kept != NULL && n_pushed < 1000) {
        td_request_push (fixture->kept, g_variant_new_string (text));
        td_engine_settle ();
        n_pushed++;
    }
    g_assert_cmpuint (fixture->n_gone, ==, 1);
    g_assert_cmpuint (n_pushed, >=, 1024 * 1024 / 60000);
    g_assert_cmpuint (n_pushed, <, 100);
    say (other, "{\"words\":[\"test\",\"echo\",\"x\"],\"id\":7}\n");
    expect (other, "{\"id\":7,\"result\":\"x\"}\n");
    close (fd);
    close (other);
}

static void
test_command_waits_for_a_slow_client (Fixture *fixture, const void *data)
{
    enum { N = 100, LEN = 60000 };
    int fd = connect_to (fixture->path);

    fixture->text = g_strnfill (LEN, 'x');
    fixture->n_left = N;
    say (fd, "{\"words\":[\"test\",\"long\"],\"id\":1}\n");
    g_assert_cmpuint (fixture->n_left, >, N - 1024 * 1024 / LEN);
    g_autofree char *heard = hear (fd);
    g_assert_cmpuint (fixture->n_left, ==, 0);
    g_assert_cmpuint (strlen (heard), >, N * LEN);
    g_assert_true (g_str_has_suffix (heard, "{\"id\":1,\"result\":null}\n"));
    close (fd);
}

static void
test_large_answer_arrives_whole (Fixture *fixture, const void *data)
{
    int fd = connect_to (fixture->path);

    fixture->text = g_strnfill (5 * 1024 * 1024, 'x');
    say (fd, "{\"words\":[\"test\",\"big\"],\"id\":1}\n");
    g_autofree char *heard = hear (fd);
    g_autofree char *expected = g_strdup_printf ("{\"id\":1,\"result\":\"%s\"}\n", fixture->text);
    g_assert_true (g_str_equal (heard, expected));
    close (fd);
}

static void
test_too_many_requests (Fixture *fixture, const void *data)
{
    g_autofree char *heard = NULL;
    int fd = connect_to (fixture->path);

    for (unsigned i = 0; i < 33; i++) {
        g_autofree char *line =
            g_strdup_printf ("{\"words\":[\"test\",\"follow\"],\"id\":%u}\n", i);
        say (fd, line);
        g_clear_pointer (&fixture->kept, td_request_unref);
    }
    heard = hear (fd);
    g_assert_cmpstr (heard, ==,
                     "{\"id\":32,\"error\":\"too many requests at once: wait for an answer\"}\n");
    close (fd);
    td_engine_settle ();
    g_assert_cmpuint (fixture->n_gone, ==, 32);
}

static void
test_too_many_clients (Fixture *fixture, const void *data)
{
    int clients[65];

    for (unsigned i = 0; i < G_N_ELEMENTS (clients); i++) {
        clients[i] = connect_to (fixture->path);
    }
    expect (clients[63], "");
    expect (clients[64], "{\"id\":null,\"error\":\"too many clients are connected: end some and "
                         "try again\"}\nclosed");
    close (clients[64]);
    close (clients[0]);
    td_engine_settle ();
    clients[0] = connect_to (fixture->path);
    expect (clients[0], "");
    for (unsigned i = 0; i < 64; i++) {
        close (clients[i]);
    }
}

static void
test_owner_may_change (Fixture *fixture, const void *data)
{
    int fd = connect_to (fixture->path);

    say (fd, "{\"words\":[\"test\",\"change\",\"x\"],\"id\":1}\n");
    expect (fd, "{\"id\":1,\"result\":\"x\"}\n");
    close (fd);
}

static void
test_nobody_else_may_connect (Fixture *fixture, const void *data)
{
    struct stat status;

    g_assert_cmpint (stat (fixture->path, &status), ==, 0);
    g_assert_cmpuint (status.st_mode & 07777, ==, 0600);
}

/* A switch whose control socket is to be at PATH. */
static TdFixture *
start_at (const char *path)
{
    g_autofree char *config =
        g_strdup_printf ("[modules]\ncli = optional\n[cli]\nsocket = %s\ngroup =\n", path);

    return td_fixture_new (config);
}

static int
listen_at (const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy (address.sun_path, path, sizeof address.sun_path);
    g_assert_cmpint (bind (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
    g_assert_cmpint (listen (fd, 1), ==, 0);
    return fd;
}

typedef struct {
    char *folder, *path;
} Place;

static void
make_place (Place *place, const void *data)
{
    place->folder = g_dir_make_tmp ("cli-XXXXXX", NULL);
    place->path = g_build_filename (place->folder, "control.sock", NULL);
}

static void
remove_place (Place *place, const void *data)
{
    g_remove (place->path);
    g_assert_cmpint (g_rmdir (place->folder), ==, 0);
    g_free (place->folder);
    g_free (place->path);
}

static void
test_stale_socket_is_replaced (Place *place, const void *data)
{
    close (listen_at (place->path)); /* its file stays, as after a crash */
    TdFixture *fixture = start_at (place->path);
    g_assert_cmpstr (fixture->problems->str, ==, "");
    close (connect_to (place->path));
    td_fixture_free (fixture);
    g_assert_false (g_file_test (place->path, G_FILE_TEST_EXISTS));
}

static void
test_socket_in_use_is_left_alone (Place *place, const void *data)
{
    int fd = listen_at (place->path);
    TdFixture *fixture = start_at (place->path);

    g_assert_nonnull (strstr (fixture->problems->str, "another process listens at "));
    td_fixture_free (fixture);
    g_assert_true (g_file_test (place->path, G_FILE_TEST_EXISTS));
    close (fd);
}

static void
test_other_file_is_left_alone (Place *place, const void *data)
{
    g_assert_true (g_file_set_contents (place->path, "precious", -1, NULL));
    TdFixture *fixture = start_at (place->path);
    g_assert_nonnull (strstr (fixture->problems->str, " is there already and no socket: "));
    td_fixture_free (fixture);
    g_assert_true (g_file_test (place->path, G_FILE_TEST_IS_REGULAR));
}

static void
test_socket_of_another_is_not_removed (Place *place, const void *data)
{
    TdFixture *fixture = start_at (place->path);

    /* Somebody has put a socket of his own in the place of ours. */
    g_assert_cmpint (unlink (place->path), ==, 0);
    int fd = listen_at (place->path);
    td_fixture_free (fixture);
    g_assert_true (g_file_test (place->path, G_FILE_TEST_EXISTS));
    close (fd);
}

static void
test_path_too_long (Place *place, const void *data)
{
    g_autofree char *name = g_strnfill (120, 'x');
    g_autofree char *path = g_build_filename (place->folder, name, NULL);
    TdFixture *fixture = start_at (path);

    g_assert_nonnull (strstr (fixture->problems->str, " is too long for a socket: at most 107 "));
    td_fixture_free (fixture);
}

static void
test_folder_is_made (Place *place, const void *data)
{
    g_autofree char *folder = g_build_filename (place->folder, "run", NULL);
    g_autofree char *path = g_build_filename (folder, "control.sock", NULL);
    TdFixture *fixture = start_at (path);

    close (connect_to (path));
    td_fixture_free (fixture);
    g_assert_cmpint (g_rmdir (folder), ==, 0);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
    g_test_add ("/flow/cli/" path, Fixture, NULL, set_up, function, tear_down)
    ADD ("answer-carries-id", test_answer_carries_id);
    ADD ("many-in-one-piece", test_many_in_one_piece);
    ADD ("one-in-many-pieces", test_one_in_many_pieces);
    ADD ("bad-lines-are-answered", test_bad_lines_are_answered);
    ADD ("endless-line-ends-it", test_endless_line_ends_it);
    ADD ("last-line-may-lack-its-end", test_last_line_may_lack_its_end);
    ADD ("stream-comes-in-pieces", test_stream_comes_in_pieces);
    ADD ("cancel-ends-a-stream", test_cancel_ends_a_stream);
    ADD ("leaving-ends-a-stream", test_leaving_ends_a_stream);
    ADD ("asked-and-gone-is-still-done", test_asked_and_gone_is_still_done);
    ADD ("slow-client-is-let-go", test_slow_client_is_let_go);
    ADD ("command-waits-for-a-slow-client", test_command_waits_for_a_slow_client);
    ADD ("large-answer-arrives-whole", test_large_answer_arrives_whole);
    ADD ("too-many-requests", test_too_many_requests);
    ADD ("too-many-clients", test_too_many_clients);
    ADD ("owner-may-change", test_owner_may_change);
    ADD ("nobody-else-may-connect", test_nobody_else_may_connect);
    g_test_add_func ("/flow/cli/stop-bids-farewell", test_stop_bids_farewell);
#define ADD_PLACE(path, function)                                                                  \
    g_test_add ("/flow/cli/" path, Place, NULL, make_place, function, remove_place)
    ADD_PLACE ("stale-socket-is-replaced", test_stale_socket_is_replaced);
    ADD_PLACE ("socket-in-use-is-left-alone", test_socket_in_use_is_left_alone);
    ADD_PLACE ("other-file-is-left-alone", test_other_file_is_left_alone);
    ADD_PLACE ("socket-of-another-is-not-removed", test_socket_of_another_is_not_removed);
    ADD_PLACE ("path-too-long", test_path_too_long);
    ADD_PLACE ("folder-is-made", test_folder_is_made);
    return g_test_run ();
}
