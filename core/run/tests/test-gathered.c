/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams that leave in one go arrive as what they are. */

#include "run/gathered.h"
#include "sockets.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MOST = 64,
    LONGEST_BYTES = 1024,
    N_PEERS = 3,
    WATCHDOG_S = 30,
};

typedef struct {
    TdGathered *gathered;
    int own;
    int peers[N_PEERS];
    TdAddress own_address, addresses[N_PEERS];
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer host)
{
    fixture->own = open_peer (host, &fixture->own_address);
    fixture->gathered = td_gathered_new (fixture->own);
    for (unsigned i = 0; i < N_PEERS; i++) {
        fixture->peers[i] = open_peer (host, &fixture->addresses[i]);
    }
}

static void
tear_down (Fixture *fixture, gconstpointer host)
{
    td_gathered_free (fixture->gathered);
    close (fixture->own);
    for (unsigned i = 0; i < N_PEERS; i++) {
        close (fixture->peers[i]);
    }
}

/* Datagrams of LEN_BYTES are told apart by their first bytes. */
static char *
make_text (unsigned number, size_t len_bytes)
{
    char *text = g_malloc0 (LONGEST_BYTES + 2);

    memset (text, 'a' + (int) (number % 26), len_bytes);
    text[0] = (char) ('0' + number);
    return text;
}

static bool
add (Fixture *fixture, unsigned peer, unsigned number, size_t len_bytes)
{
    g_autofree char *text = make_text (number, len_bytes);

    return td_gathered_add (fixture->gathered, &fixture->addresses[peer], text, len_bytes);
}

/* Takes out of what PEER has been sent the datagram with NUMBER, in whatever order they came. */
static void
assert_has (int peer, unsigned number, size_t len_bytes)
{
    g_autofree char *expected = make_text (number, len_bytes);
    char bytes[LONGEST_BYTES + 1];
    ssize_t len = recv (peer, bytes, sizeof bytes, 0);

    g_assert_cmpint (len, ==, (ssize_t) len_bytes);
    g_assert_cmpmem (bytes, len, expected, len_bytes);
}

static void
assert_no_more (const Fixture *fixture)
{
    char byte;

    for (unsigned i = 0; i < N_PEERS; i++) {
        g_assert_cmpint (recv (fixture->peers[i], &byte, 1, MSG_DONTWAIT), <, 0);
        g_assert_cmpint (errno, ==, EAGAIN);
    }
}

/* Two peers, two lengths each, one after the other; a third one with one datagram. */
static void
send_mixture (Fixture *fixture)
{
    for (unsigned i = 0; i < 20; i++) {
        g_assert_true (add (fixture, i % 2, i, i % 4 < 2 ? 300 : 500));
    }
    g_assert_true (add (fixture, 2, 20, 1));
    g_assert_cmpuint (td_gathered_send (fixture->gathered), ==, 21);
    for (unsigned peer = 0; peer < 2; peer++) {
        for (unsigned i = peer; i < 20; i += 4) {
            assert_has (fixture->peers[peer], i, 300);
        }
        for (unsigned i = peer + 2; i < 20; i += 4) {
            assert_has (fixture->peers[peer], i, 500);
        }
    }
    assert_has (fixture->peers[2], 20, 1);
    assert_no_more (fixture);
}

static void
test_each_arrives (Fixture *fixture, gconstpointer host)
{
    send_mixture (fixture);
    send_mixture (fixture);
}

/* Where datagrams bear no checksum the kernel does not cut buffers up: they leave one by one. */
static void
test_not_taken_at_once (Fixture *fixture, gconstpointer host)
{
    int on = 1;

    g_assert_cmpint (setsockopt (fixture->own, SOL_SOCKET, SO_NO_CHECK, &on, sizeof on), ==, 0);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 3; i++) {
            g_assert_true (add (fixture, 0, i, 100));
        }
        g_assert_cmpuint (td_gathered_send (fixture->gathered), ==, 3);
        for (unsigned i = 0; i < 3; i++) {
            assert_has (fixture->peers[0], i, 100);
        }
    }
    assert_no_more (fixture);
}

/* 64 of the longest are more than a datagram may have, and so more than one buffer. */
static void
test_full (Fixture *fixture, gconstpointer host)
{
    g_assert_false (add (fixture, 0, 0, LONGEST_BYTES + 1));
    g_assert_false (add (fixture, 0, 0, 0));
    for (unsigned i = 0; i < MOST; i++) {
        g_assert_true (add (fixture, 0, i, LONGEST_BYTES));
    }
    g_assert_false (add (fixture, 0, 0, 1));
    g_assert_cmpuint (td_gathered_send (fixture->gathered), ==, MOST);
    for (unsigned i = 0; i < MOST; i++) {
        assert_has (fixture->peers[0], i, LONGEST_BYTES);
    }
    g_assert_cmpuint (td_gathered_send (fixture->gathered), ==, 0);
    assert_no_more (fixture);
}

/* Whoever cannot be reached takes nothing from the others. */
static void
test_unreachable (Fixture *fixture, gconstpointer host)
{
    static const char *const nowhere[] = { "[::1]:9", "127.0.0.1:9" };
    bool is_v6 = fixture->own_address.any.sa_family == AF_INET6;
    TdAddress other;

    g_assert_true (td_address_parse (nowhere[is_v6], 9, &other));
    for (unsigned i = 0; i < 2; i++) {
        g_assert_true (add (fixture, 0, 2 * i, 10));
        g_assert_true (td_gathered_add (fixture->gathered, &other, "lost", 4));
    }
    g_assert_cmpuint (td_gathered_send (fixture->gathered), ==, 2);
    assert_has (fixture->peers[0], 0, 10);
    assert_has (fixture->peers[0], 2, 10);
    assert_no_more (fixture);
}

int
main (int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*test) (Fixture *fixture, gconstpointer host);
    } tests[] = {
        { "each-arrives", test_each_arrives },
        { "not-taken-at-once", test_not_taken_at_once },
        { "full", test_full },
        { "unreachable", test_unreachable },
    };
    static const char *const hosts[] = { "127.0.0.1:0", "[::1]:0" };

    g_test_init (&argc, &argv, NULL);
    watchdog_start (WATCHDOG_S);
    for (unsigned i = 0; i < G_N_ELEMENTS (tests); i++) {
        for (unsigned v6 = 0; v6 < 2; v6++) {
            g_autofree char *path =
                g_strdup_printf ("/run/gathered/%s/%s", tests[i].name, v6 ? "ipv6" : "ipv4");
            g_test_add (path, Fixture, hosts[v6], set_up, tests[i].test, tear_down);
        }
    }
    return g_test_run ();
}
