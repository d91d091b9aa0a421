/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Watched descriptors call their module when they are ready, and never after its stop. */

#include "run/lane.h"

#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    TdOwner module;
    int near, far; /* the ends of a socket pair */
    TdWatch *watch;
    unsigned n_calls;
    unsigned seen;   /* all conditions so far */
    bool is_closing; /* ready () closes the watch */
    TdLane *lane;
} Fixture;

static void
ready (TdWatch *watch, unsigned conditions, void *data)
{
    Fixture *fixture = data;
    char byte;

    fixture->n_calls++;
    fixture->seen |= conditions;
    fixture->lane = td_lane_current ();
    if (fixture->is_closing) {
        fixture->watch = NULL;
        td_watch_close (watch);
    } else if (conditions & TD_WATCH_READ) {
        g_assert_cmpint (read (fixture->near, &byte, 1), >=, 0);
    } else {
        td_watch_set (watch, 0);
    }
}

static void
set_up (Fixture *fixture, const void *data)
{
    int ends[2];

    td_lanes_open (&(TdLanesOptions){ .n_lanes = 2, .is_fake = true, .seed = 1 });
    td_owner_init (&fixture->module, "guest");
    g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), ==, 0);
    fixture->near = ends[0];
    fixture->far = ends[1];
}

static void
tear_down (Fixture *fixture, const void *data)
{
    td_owner_revoke_all (&fixture->module, NULL, NULL);
    td_lanes_settle ();
    close (fixture->near);
    close (fixture->far);
    td_lanes_close ();
    td_owner_clear (&fixture->module);
}

static void
open_watch (Fixture *fixture, unsigned conditions)
{
    fixture->watch =
        td_watch_open ((TdModule *) &fixture->module, fixture->near, conditions, ready, fixture);
}

static void
send_byte (Fixture *fixture)
{
    g_assert_cmpint (write (fixture->far, "x", 1), ==, 1);
}

static void
test_read_on_control (Fixture *fixture, const void *data)
{
    open_watch (fixture, TD_WATCH_READ);
    td_lanes_settle ();
    g_assert_cmpuint (fixture->n_calls, ==, 0);
    send_byte (fixture);
    td_lanes_settle ();
    g_assert_cmpuint (fixture->n_calls, ==, 1);
    g_assert_cmpuint (fixture->seen, ==, TD_WATCH_READ);
    g_assert_true (fixture->lane == td_lane_control ());
}

static void
test_write_until_told_otherwise (Fixture *fixture, const void *data)
{
    open_watch (fixture, TD_WATCH_WRITE);
    td_lanes_settle ();
    g_assert_cmpuint (fixture->seen, ==, TD_WATCH_WRITE);
    g_assert_cmpuint (fixture->n_calls, ==, 1);
    td_watch_set (fixture->watch, TD_WATCH_WRITE);
    td_lanes_settle ();
    g_assert_cmpuint (fixture->n_calls, ==, 2);
}

static void
test_end_is_told_unasked (Fixture *fixture, const void *data)
{
    open_watch (fixture, 0);
    send_byte (fixture);
    td_lanes_settle ();
    g_assert_cmpuint (fixture->n_calls, ==, 0);
    fixture->is_closing = true;
    shutdown (fixture->far, SHUT_RDWR);
    td_lanes_settle ();
    g_assert_cmpuint (fixture->n_calls, ==, 1);
    g_assert_cmpuint (fixture->seen & TD_WATCH_END, ==, TD_WATCH_END);
}

static void
test_closed_from_within (Fixture *fixture, const void *data)
{
    fixture->is_closing = true;
    open_watch (fixture, TD_WATCH_READ);
    send_byte (fixture);
    send_byte (fixture);
    td_lanes_settle ();
    g_assert_cmpuint (fixture->n_calls, ==, 1);
    g_assert_cmpuint (td_owner_count (&fixture->module), ==, 0);
}

static void
visit (const char *kind, const char *name, void *data)
{
    g_string_append_printf (data, "%s,", kind);
}

static void
test_forgotten_is_taken_back (Fixture *fixture, const void *data)
{
    g_autoptr (GString) left = g_string_new (NULL);

    open_watch (fixture, TD_WATCH_READ);
    g_assert_cmpuint (td_owner_revoke_all (&fixture->module, visit, left), ==, 1);
    g_assert_cmpstr (left->str, ==, "watch,");
    send_byte (fixture);
    td_lanes_settle ();
    g_assert_cmpuint (fixture->n_calls, ==, 0);
}

static void
test_stopped_is_not_called (Fixture *fixture, const void *data)
{
    open_watch (fixture, TD_WATCH_READ);
    atomic_store (&fixture->module.is_stopped, true);
    send_byte (fixture);
    td_lanes_step ();
    g_assert_cmpuint (fixture->n_calls, ==, 0);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
    g_test_add ("/run/watch/" path, Fixture, NULL, set_up, function, tear_down)
    ADD ("read-on-control", test_read_on_control);
    ADD ("write-until-told-otherwise", test_write_until_told_otherwise);
    ADD ("end-is-told-unasked", test_end_is_told_unasked);
    ADD ("closed-from-within", test_closed_from_within);
    ADD ("forgotten-is-taken-back", test_forgotten_is_taken_back);
    ADD ("stopped-is-not-called", test_stopped_is_not_called);
    return g_test_run ();
}
