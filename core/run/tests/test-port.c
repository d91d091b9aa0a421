/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two builds on one port: nothing is lost between them, and each hears what is its own. */

#include "base/log.h"
#include "base/metric.h"
#include "run/lane.h"
#include "run/port.h"
#include "sockets.h"

#include <semaphore.h>
#include <string.h>

enum {
    MAX_BYTES = 2000,
    WATCHDOG_S = 30,
};

typedef struct {
    TdOwner module;
    TdListener *listener;
    GString *heard;
    const char *prefix; /* of what this build claims */
} Build;

static bool
claim (const TdPacket *packet, void *data)
{
    Build *build = data;

    g_assert_true (packet->listener == build->listener);
    return build->prefix != NULL && g_str_has_prefix (packet->bytes, build->prefix);
}

static void
hear (const TdPacket *packet, void *data)
{
    Build *build = data;

    g_assert_true (packet->listener == build->listener);
    g_string_append_printf (build->heard, "%s ", packet->bytes);
}

static void
build_share (Build *build, const TdAddress *address, const char *prefix)
{
    TdListenerDecl decl = { .size = sizeof decl,
                            .transport = TD_TRANSPORT_UDP,
                            .name = "test udp",
                            .address = *address,
                            .max_message_bytes = MAX_BYTES,
                            .data = build,
                            .deliver = hear,
                            .claim = claim };
    g_autoptr (GError) error = NULL;

    td_owner_init (&build->module, "guest");
    build->heard = g_string_new (NULL);
    build->prefix = prefix;
    build->listener = td_listener_open ((TdModule *) &build->module, td_lane_at (0), &decl, &error);
    g_assert_no_error (error);
}

static void
build_open (Build *build, const TdAddress *address, const char *prefix)
{
    build_share (build, address, prefix);
    td_lanes_settle ();
}

static void
build_free (Build *build)
{
    td_owner_clear (&build->module);
    g_string_free (build->heard, TRUE);
}

static void
build_close (Build *build)
{
    td_owner_revoke_all (&build->module, NULL, NULL);
    td_lanes_settle ();
    build_free (build);
}

static void
say_until_heard (int peer, const TdAddress *to, const char *text, GString *heard)
{
    size_t before = heard->len;

    g_assert_cmpint (sendto (peer, text, strlen (text), 0, &to->any, td_address_len_bytes (to)), ==,
                     (ssize_t) strlen (text));
    while (heard->len == before) {
        td_lanes_settle ();
    }
}

static bool
is_listed (const char *metric)
{
    g_autoptr (GString) all = g_string_new (NULL);

    td_metrics_to_prometheus (all, true);
    return strstr (all->str, metric) != NULL;
}

static void
test_two_builds_share_a_port (void)
{
    TdLanesOptions options = { .n_lanes = 2, .is_fake = true, .seed = 7 };
    TdAddress any = address_of ("127.0.0.1:0"), peer_address, address;
    int peer = open_peer ("127.0.0.1:0", &peer_address);
    Build old, new;

    td_lanes_open (&options);
    build_open (&old, &any, "old");
    address = td_listener_address (old.listener);
    say_until_heard (peer, &address, "first", old.heard);
    build_open (&new, &address, NULL);
    say_until_heard (peer, &address, "old-call", old.heard);
    say_until_heard (peer, &address, "new-call", new.heard);
    g_assert_cmpstr (old.heard->str, ==, "first old-call ");
    /* Both send through the one socket. */
    g_assert_true (td_listener_send (old.listener, &peer_address, "o", 1));
    g_assert_true (td_listener_send (new.listener, &peer_address, "n", 1));
    build_close (&old);
    g_assert_true (is_listed ("tandem_socket_received_total"));
    g_assert_true (is_listed ("tandem_socket_receive_buffer_bytes"));
    say_until_heard (peer, &address, "old-gone", new.heard);
    g_assert_cmpstr (new.heard->str, ==, "new-call old-gone ");
    build_close (&new);
    /* The last one has closed the port. */
    build_open (&old, &address, NULL);
    build_close (&old);
    close (peer);
    td_lanes_close ();
}

/* A lane that is in its turn, past the visit that the older build's closing pays it, while the newer
 * one is closed, too. */
typedef struct {
    TdPost post;
    TdListener *listener;
    TdAddress to;
    sem_t is_here, may_go_on;
    bool is_sent;
} LongTurn;

static void
send_at_the_end_of_the_turn (TdPost *post)
{
    LongTurn *turn = (LongTurn *) post;

    sem_post (&turn->is_here);
    sem_wait (&turn->may_go_on);
    turn->is_sent = td_listener_send (turn->listener, &turn->to, "n", 1);
}

static void
test_port_stays_for_a_turn_of_its_last_sharer (void)
{
    TdLanesOptions options = { .n_lanes = 1 };
    TdAddress any = address_of ("127.0.0.1:0"), peer_address, address;
    int peer = open_peer ("127.0.0.1:0", &peer_address);
    Build old, new;
    LongTurn turn = { .post = { .run = send_at_the_end_of_the_turn }, .to = peer_address };

    td_lanes_open (&options);
    build_share (&old, &any, NULL);
    address = td_listener_address (old.listener);
    build_share (&new, &address, NULL);
    turn.listener = new.listener;
    sem_init (&turn.is_here, 0, 0);
    sem_init (&turn.may_go_on, 0, 0);
    td_owner_revoke_all (&old.module, NULL, NULL);
    td_lane_post (td_lane_at (0), &turn.post);
    sem_wait (&turn.is_here);
    td_owner_revoke_all (&new.module, NULL, NULL);
    while (td_owner_uses (&old.module) > 0) {
        g_main_context_iteration (NULL, FALSE);
    }
    sem_post (&turn.may_go_on);
    while (td_owner_uses (&new.module) > 0) {
        g_main_context_iteration (NULL, FALSE);
    }
    g_assert_true (turn.is_sent);
    build_free (&old);
    build_free (&new);
    close (peer);
    td_lanes_close ();
}

typedef struct {
    TdAddress to;
    int peer;
    atomic_bool is_over;
} Flood;

static void *
flood (void *data)
{
    Flood *flood = data;

    while (!atomic_load (&flood->is_over)) {
        sendto (flood->peer, "x", 1, 0, &flood->to.any, td_address_len_bytes (&flood->to));
    }
    return NULL;
}

static void
hear_nothing (const TdPacket *packet, void *data)
{
}

/* Nothing is awaited here: ThreadSanitizer is to see no race. */
static void
test_joins_a_busy_port (void)
{
    TdLanesOptions options = { .n_lanes = 1 };
    TdListenerDecl decl = { .size = sizeof decl,
                            .transport = TD_TRANSPORT_UDP,
                            .name = "test udp",
                            .address = address_of ("127.0.0.1:0"),
                            .max_message_bytes = MAX_BYTES,
                            .deliver = hear_nothing };
    Flood state = { .is_over = false };
    TdAddress peer_address;
    TdOwner old, new;
    pthread_t thread;

    td_owner_init (&old, "guest");
    td_owner_init (&new, "guest");
    state.peer = open_peer ("127.0.0.1:0", &peer_address);
    td_lanes_open (&options);
    decl.address =
        td_listener_address (td_listener_open ((TdModule *) &old, td_lane_at (0), &decl, NULL));
    state.to = decl.address;
    pthread_create (&thread, NULL, flood, &state);
    for (unsigned i = 0; i < 20; i++) {
        g_assert_nonnull (td_listener_open ((TdModule *) &new, td_lane_at (0), &decl, NULL));
        td_owner_revoke_all (&new, NULL, NULL);
        while (td_owner_uses (&new) > 0) {
            g_main_context_iteration (NULL, FALSE);
        }
    }
    atomic_store (&state.is_over, true);
    pthread_join (thread, NULL);
    td_owner_revoke_all (&old, NULL, NULL);
    while (td_owner_uses (&old) > 0) {
        g_main_context_iteration (NULL, FALSE);
    }
    td_owner_clear (&new);
    td_owner_clear (&old);
    close (state.peer);
    td_lanes_close ();
}

int
main (int argc, char **argv)
{
    TdLogOptions log = { .level = TD_LOG_ERROR };

    g_test_init (&argc, &argv, NULL);
    td_log_open (&log);
    watchdog_start (WATCHDOG_S);
#define ADD(path, function) g_test_add_func ("/run/port/" path, function)
    ADD ("two-builds-share-a-port", test_two_builds_share_a_port);
    ADD ("port-stays-for-a-turn-of-its-last-sharer", test_port_stays_for_a_turn_of_its_last_sharer);
    ADD ("joins-a-busy-port", test_joins_a_busy_port);
#undef ADD
    return g_test_run ();
}
