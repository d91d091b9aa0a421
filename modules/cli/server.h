/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The listening side: accepts clients and knows them all. */

#ifndef CLI_SERVER_H
#define CLI_SERVER_H

#include <tandem/lane.h>

#include "socket.h"

G_BEGIN_DECLS

typedef struct CliClient CliClient;

enum {
    CLI_LINE_MAX = 64 * 1024,    /* of a request */
    CLI_QUEUE_MAX = 1024 * 1024, /* of answers that wait when another one comes */
    CLI_QUEUE_FULL = 256 * 1024, /* a command that can wait does */
    CLI_QUEUE_LOW = 64 * 1024,   /* ... until no more than this is left */
    CLI_CLIENTS_MAX = 64,
    CLI_REQUESTS_MAX = 32, /* of one client at a time */
};

typedef struct {
    TdModule *module;
    CliSocket socket;
    TdWatch *watch;
    TdTimer pause; /* no descriptor was free: wait a little */
    GPtrArray *clients;
    uint64_t n_accepted, n_refused, n_slow;
} CliServer;

/* Thread: control. */
CliServer *cli_server_open (TdModule *module, const char *path, const char *group,
                            const char *priority_group, GError **error);
void cli_server_close (CliServer *server);

/* A client over FD, from now on the client's. */
CliClient *cli_client_new (CliServer *server, int fd, const CliPeer *peer);

/* Ends it, whatever it waits for; it leaves the server's list. */
void cli_client_close (CliClient *client);

/* As above, having told it that what it still waits for will not be answered. */
void cli_client_farewell (CliClient *client);

G_END_DECLS

#endif
