/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module http from the inside.
 *
 *     http.c      its life and its configuration
 *     loop.c      the thread that libsoup lives on
 *     settings.c  the section [http] taken apart
 *     client.c    questions of servers
 *     gate.c      who may connect: sockets, addresses, connections and how long they may idle
 *     server.c    paths, and requests from the client to who serves them and back
 *
 * libsoup is touched on the thread alone. The others meet it through errands (loop.h) and posts.
 */

#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "loop.h"
#include "settings.h"

#include <gio/gio.h>
#include <libsoup/soup.h>
#include <stdatomic.h>
#include <tandem/command.h>
#include <tandem/iface/http.h>
#include <tandem/metric.h>
#include <tandem/module.h>

typedef struct Http Http;
typedef struct Connection Connection;
typedef struct Hand Hand;
typedef struct Ask Ask;
typedef struct Change Change;

/* One address that is listened on. A newer build takes the sockets of the one before over, so that nobody
 * is refused meanwhile: whatever changes in here changes the layout as well. */
enum { SHARED_LAYOUT = 2 };

typedef struct {
    char *text;      /* as it is configured */
    GSocket *socket; /* shared with the thread */
    char *address;   /* where it is really bound */
} Bound;

/* What is served, by all builds of this module that run: the one that goes answers what has come to it by whoever
 * serves the path by then. Written by the control lane, read by their threads. */
typedef struct {
    atomic_int n_refs;
    pthread_mutex_t lock;
    GHashTable *table; /* Path, by its text */
} Paths;

/* What the next build finds in TdHttpService.shared. */
typedef struct {
    GPtrArray *bound; /* Bound */
    Paths *paths;
} Shared;

/* What clients have asked and nobody has answered, and questions of ours; the thread's own. */
typedef struct {
    SoupServer *soup;
    GPtrArray *gates;        /* Gate */
    GHashTable *connections; /* GSocketAddress -> Connection */
    GSource *sweep;
    GList *hands; /* Hand */
    unsigned n_hands;
} Server;

typedef struct {
    SoupSession *soup, *first; /* FIRST: of calls with a priority */
    GHashTable *hosts;         /* Host, by "http://127.0.0.1:80" */
    GList *asks;               /* Ask */
    bool has_trust;            /* certificates of our own */
} Client;

enum { STATUS_CLASSES = 6 };

typedef struct {
    TdMetric *answered, *failed, *cancelled;
    TdMetric *answers[STATUS_CLASSES]; /* by the first digit of the status */
    TdMetric *late, *connections, *hands, *refused_address, *refused_full;
} Metrics;

struct Http {
    TdModule *module;
    TdHttpService iface;
    Metrics metrics;
    Loop loop;
    Errand begin_end; /* stop () */
    bool has_thread;

    /* Control lane only. */
    GPtrArray *bound, *prepared_bound; /* Bound */
    Settings *prepared;
    TdPost open;
    Change *first; /* not sent yet */

    /* The thread's own. */
    Settings *settings;
    Client client;
    Server server;
    bool is_ending, has_ended; /* nothing new; no answer comes any more */
    GSource *grace;

    Paths *paths;
    Shared shared; /* control lane only */
    /* Under the lock of PATHS: */
    bool is_shut;     /* for good: the modules that served them may go before the thread does */
    bool is_followed; /* by the next build: clients shall ask that one, on new connections */
    unsigned next_lane;
};

/* --- client.c ---------------------------------------------------------------------------- */

void client_ask (TdHttpQuestion *question, void *data);    /* Thread: a lane */
void client_cancel (TdHttpQuestion *question, void *data); /* Thread: the lane that asked */
/* Thread, of these: the loop's. */
void client_open (Http *http);
void client_configure (Http *http);
void client_abort (Http *http); /* whoever waits for an answer gets none */
void client_close (Http *http);

/* --- gate.c ------------------------------------------------------------------------------ */

/* Opens the sockets of NEXT that are not open already, on the control lane. Errors: what the kernel
 * said, of which address. */
GPtrArray *gate_bind (const Settings *next, const GPtrArray *before, GError **error);
/* Thread, of these: the loop's. */
void gate_configure (Http *http, GPtrArray *sockets);
void gate_close (Http *http); /* takes no more connections */
void gate_leave (Http *http); /* ends the connections on which no request is under way */
GHashTable *gate_connections_new (void);
/* Whether libsoup has a connection that it has not closed: there may be an answer to be sent. */
bool gate_is_busy (const Http *http);
/* The connection that MESSAGE came on: the client is sending, or takes our answer; it waits for us; it has
 * the answer, and may ask again. */
void gate_note_reading (Http *http, SoupServerMessage *message);
void gate_note_working (Http *http, SoupServerMessage *message);
void gate_keep (Http *http, SoupServerMessage *message);
/* Ends the connection that MESSAGE came on. */
void gate_cut (Http *http, SoupServerMessage *message);

/* --- server.c ---------------------------------------------------------------------------- */

bool server_serve (const TdHttpPath *path, void *data, GError **error);        /* Thread: control */
void server_unserve (TdModule *owner, const char *path, void *data);           /* Thread: control */
void server_answer (TdHttpRequest *request, const TdHttpAnswer *, void *data); /* Thread: any */
void server_shut (Http *http, bool is_followed);                               /* Thread: control */
GVariant *server_paths (Http *http);                                           /* Thread: control */
/* Thread, of these: the loop's. */
void server_open (Http *http);
void server_abort (Http *http); /* whoever waits is told 503 */
void server_close (Http *http);
Paths *paths_new (void);
Paths *paths_ref (Paths *paths);
void paths_unref (Paths *paths); /* nullable */

#endif
