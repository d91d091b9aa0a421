/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The listening side: accepts clients and knows them all. */

#include "server.h"

#include <tandem/log.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPTS_A_TURN = 8,
    PAUSE_MS = 500,
};

/* Tells the other end of FD why it is not served, as far as it can be told at once. */
static void
turn_away (int fd, const char *why)
{
    g_autofree char *line = g_strdup_printf ("{\"id\":null,\"error\":\"%s\"}\n", why);

    (void) send (fd, line, strlen (line), MSG_NOSIGNAL | MSG_DONTWAIT);
    close (fd);
}

static void
take_in (CliServer *server, int fd)
{
    CliPeer peer;

    if (!cli_socket_peer (&server->socket, fd, &peer) || !peer.may_look) {
        server->n_refused++;
        td_log_peer (server->module, "cli.refused", "control socket", NULL,
                     "somebody without the right connected and was refused");
        turn_away (fd, "you may not even look: that is for root, for the user that tandemd runs "
                       "as, and for members of the group set in [cli]");
        return;
    }
    if (server->clients->len >= CLI_CLIENTS_MAX) {
        server->n_refused++;
        td_log_peer (server->module, "cli.full", "control socket", NULL,
                     "%u clients are connected: one more was refused", server->clients->len);
        turn_away (fd, "too many clients are connected: end some and try again");
        return;
    }
    server->n_accepted++;
    g_ptr_array_add (server->clients, cli_client_new (server, fd, &peer));
}

static void
ready (TdWatch *watch, unsigned conditions, void *data)
{
    CliServer *server = data;

    for (unsigned i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = accept4 (server->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            take_in (server, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            /* The client stays in the backlog and would wake us at once, again and again. */
            td_log_peer (server->module, "cli.descriptors", "control socket", NULL,
                         "a client must wait: %s", g_strerror (errno));
            td_watch_set (watch, 0);
            td_timer_start (&server->pause, PAUSE_MS);
            return;
        } else {
            return;
        }
    }
}

static void
go_on (TdTimer *timer)
{
    CliServer *server = (CliServer *) (void *) ((char *) timer - offsetof (CliServer, pause));

    td_watch_set (server->watch, TD_WATCH_READ);
}

CliServer *
cli_server_open (TdModule *module, const char *path, const char *group, const char *priority_group,
                 GError **error)
{
    CliServer *server = g_new0 (CliServer, 1);
    bool is_group_known;

    if (!cli_socket_open (&server->socket, path, group, &is_group_known, error)) {
        g_free (server);
        return NULL;
    }
    if (!is_group_known && *group != '\0') {
        td_log_info (module, "control socket",
                     "only root and this user may use it: there is no group %s that it could be "
                     "given to",
                     group);
    }
    server->socket.priority_group = cli_find_group (priority_group);
    server->module = module;
    server->clients = g_ptr_array_new ();
    td_timer_init (&server->pause, module, go_on);
    server->watch = td_watch_open (module, server->socket.fd, TD_WATCH_READ, ready, server);
    return server;
}

void
cli_server_close (CliServer *server)
{
    if (server == NULL) {
        return;
    }
    while (server->clients->len > 0) {
        cli_client_farewell (server->clients->pdata[0]);
    }
    g_ptr_array_unref (server->clients);
    td_timer_stop (&server->pause);
    td_watch_close (server->watch);
    cli_socket_close (&server->socket);
    g_free (server);
}
