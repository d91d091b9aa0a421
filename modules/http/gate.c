/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may connect, and how long a connection may do nothing of use.
 *
 *     accept -- not allowed, or too many --> closed, nothing read
 *        |
 *        v      something came         read         answered, and kept
 *     waiting -----------------> reading -> working ------------------> waiting
 *        '- idle-time, end         '- read-time
 *
 * A connection is libsoup's while there is a request on it, and ours in between. libsoup has no limit on
 * how many there are and no time for a client that sends a byte now and then; and in its version 3.2 a
 * connection that a client ends between two requests is never closed, nor its memory freed.
 */

#include "http.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <tandem/log.h>
#include <tandem/socket.h>

enum { BACKLOG = 128, ACCEPTS_A_TURN = 32, SWEEP_MS = 250, PAUSE_MS = 1000 };

/* A socket that is listened on. */
typedef struct {
    Http *http;
    GSocket *socket;
    GSource *source; /* what waits for it, or the pause after the kernel had no descriptor left */
} Gate;

struct Connection {
    Http *http;
    GSocket *socket;
    GIOStream *stream;
    GSocketAddress *local, *remote;
    GSource *waiting; /* for the next request; NULL: libsoup has it */
    int64_t until_us; /* INT64_MAX: as long as it takes */
};

/* --- Binding, on the control lane -------------------------------------------------------- */

static GSocketAddress *
native_address (const char *text, TdAddress *ret_address)
{
    g_return_val_if_fail (td_address_parse (text, 0, ret_address), NULL);
    return g_socket_address_new_from_native (ret_address, td_address_len_bytes (ret_address));
}

static char *
print_address (GSocketAddress *address)
{
    char text[TD_ADDRESS_TEXT_SIZE];
    TdAddress native;

    if (!g_socket_address_to_native (address, &native, sizeof native, NULL)) {
        return g_strdup ("?");
    }
    return g_strdup (td_address_print (&native, text));
}

static GSocket *
listen_on (const char *text, GError **error)
{
    TdAddress native;
    g_autoptr (GSocketAddress) address = native_address (text, &native);
    GSocketFamily family = g_socket_address_get_family (address);
    g_autoptr (GSocket) opened =
        g_socket_new (family, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);

    if (opened == NULL) {
        return NULL;
    }
    if (family == G_SOCKET_FAMILY_IPV6) {
        g_socket_set_option (opened, IPPROTO_IPV6, IPV6_V6ONLY, 1, NULL);
    }
    g_socket_set_blocking (opened, FALSE);
    g_socket_set_listen_backlog (opened, BACKLOG);
    return g_socket_bind (opened, address, TRUE, error) && g_socket_listen (opened, error)
               ? g_steal_pointer (&opened)
               : NULL;
}

static void
bound_free (void *data)
{
    Bound *bound = data;

    g_clear_object (&bound->socket);
    g_free (bound->address);
    g_free (bound->text);
    g_free (bound);
}

static GSocket *
find_open (const GPtrArray *before, const char *text)
{
    for (unsigned i = 0; before != NULL && i < before->len; i++) {
        const Bound *bound = before->pdata[i];
        if (strcmp (bound->text, text) == 0) {
            return g_object_ref (bound->socket);
        }
    }
    return NULL;
}

GPtrArray *
gate_bind (const Settings *next, const GPtrArray *before, GError **error)
{
    g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func (bound_free);

    for (unsigned i = 0; next->listen[i] != NULL; i++) {
        const char *text = next->listen[i];
        g_autoptr (GError) why = NULL;
        GSocket *socket = find_open (before, text);
        if (socket == NULL) {
            socket = listen_on (text, &why);
        }
        if (socket == NULL) {
            g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "[http] listen: %s cannot be had: %s",
                         text, why->message);
            return NULL;
        }
        g_autoptr (GSocketAddress) local = g_socket_get_local_address (socket, NULL);
        Bound *bound = g_new (Bound, 1);
        *bound = (Bound){ g_strdup (text), socket,
                          local != NULL ? print_address (local) : g_strdup (text) };
        g_ptr_array_add (all, bound);
    }
    return g_steal_pointer (&all);
}

/* --- Connections ------------------------------------------------------------------------- */

static Connection *
connection_of (Http *http, SoupServerMessage *message)
{
    GSocketAddress *remote = soup_server_message_get_remote_address (message);

    return remote != NULL ? g_hash_table_lookup (http->server.connections, remote) : NULL;
}

static void
set_time (Connection *connection, int64_t ms)
{
    connection->until_us = ms > 0 ? g_get_monotonic_time () + ms * 1000 : INT64_MAX;
}

void
gate_note_reading (Http *http, SoupServerMessage *message)
{
    Connection *connection = connection_of (http, message);

    if (connection != NULL) {
        set_time (connection, http->settings->read_ms);
    }
}

void
gate_note_working (Http *http, SoupServerMessage *message)
{
    Connection *connection = connection_of (http, message);

    if (connection != NULL) {
        set_time (connection, 0);
    }
}

/* libsoup sees the end, and closes the connection by itself. */
static void
cut (Connection *connection)
{
    connection->until_us = INT64_MAX;
    g_socket_shutdown (connection->socket, TRUE, TRUE, NULL);
}

void
gate_cut (Http *http, SoupServerMessage *message)
{
    Connection *connection = connection_of (http, message);

    if (connection != NULL) {
        cut (connection);
    }
}

/* Of the table of connections. */
static void
connection_free (void *data)
{
    Connection *connection = data;

    loop_drop_source (&connection->waiting);
    td_metric_add (connection->http->metrics.connections, -1);
    g_io_stream_close (connection->stream, NULL, NULL);
    g_object_unref (connection->stream);
    g_object_unref (connection->socket);
    g_object_unref (connection->local);
    g_object_unref (connection->remote);
    g_free (connection);
}

GHashTable *
gate_connections_new (void)
{
    return g_hash_table_new_full (NULL, NULL, NULL, connection_free);
}

bool
gate_is_busy (const Http *http)
{
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init (&iter, http->server.connections);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        const Connection *connection = value;
        if (connection->waiting == NULL && !g_io_stream_is_closed (connection->stream)) {
            return true;
        }
    }
    return false;
}

/* From here on there is no server that could be given a connection. */
void
gate_leave (Http *http)
{
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init (&iter, http->server.connections);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        if (((const Connection *) value)->waiting != NULL) {
            g_hash_table_iter_remove (&iter);
        }
    }
}

/* Ends those whose time is over, and forgets those that libsoup has closed. */
static gboolean
sweep (void *data)
{
    Server *server = &((Http *) data)->server;
    int64_t now_us = g_get_monotonic_time ();
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init (&iter, server->connections);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        Connection *connection = value;
        bool is_over = connection->until_us <= now_us;
        if (g_io_stream_is_closed (connection->stream)
            || (is_over && connection->waiting != NULL)) {
            g_hash_table_iter_remove (&iter);
        } else if (is_over) {
            cut (connection);
        }
    }
    if (g_hash_table_size (server->connections) > 0) {
        return G_SOURCE_CONTINUE;
    }
    g_clear_pointer (&server->sweep, g_source_unref);
    return G_SOURCE_REMOVE;
}

/* A request begins, or the client has gone. */
static gboolean
take_up (GSocket *socket, GIOCondition condition, void *data)
{
    Connection *connection = data;
    Server *server = &connection->http->server;
    char first;
    ssize_t n = recv (g_socket_get_fd (socket), &first, 1, MSG_PEEK | MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return G_SOURCE_CONTINUE;
    }
    if (n <= 0 || server->soup == NULL) {
        g_hash_table_remove (server->connections, connection->remote);
        return G_SOURCE_REMOVE;
    }
    loop_drop_source (&connection->waiting);
    set_time (connection, connection->http->settings->read_ms);
    soup_server_accept_iostream (server->soup, connection->stream, connection->local,
                                 connection->remote, NULL);
    return G_SOURCE_REMOVE;
}

static void
wait_for_request (Connection *connection, unsigned ms)
{
    set_time (connection, ms);
    connection->waiting = g_socket_create_source (connection->socket, G_IO_IN, NULL);
    g_source_set_callback (connection->waiting, G_SOURCE_FUNC (take_up), connection, NULL);
    g_source_attach (connection->waiting, connection->http->loop.context);
}

/* What a client has sent before it had its answer, libsoup has read and takes along: requests are not
 * pipelined here. */
void
gate_keep (Http *http, SoupServerMessage *message)
{
    Connection *connection = connection_of (http, message);
    g_autoptr (GIOStream) wrapped = soup_server_message_steal_connection (message);

    if (connection != NULL && wrapped != NULL && http->is_ending && http->is_followed) {
        g_hash_table_remove (http->server.connections, connection->remote);
    } else if (connection != NULL && wrapped != NULL) {
        wait_for_request (connection, http->settings->idle_ms);
    }
}

static void
welcome (Http *http, GSocket *socket, GSocketAddress *local, GSocketAddress *remote)
{
    Server *server = &http->server;
    Connection *connection = g_new0 (Connection, 1);

    connection->http = http;
    connection->socket = g_object_ref (socket);
    connection->stream = G_IO_STREAM (g_socket_connection_factory_create_connection (socket));
    connection->local = g_object_ref (local);
    connection->remote = g_object_ref (remote);
    g_socket_set_option (socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
    td_metric_add (http->metrics.connections, 1);
    g_hash_table_insert (server->connections, connection->remote, connection);
    wait_for_request (connection, http->settings->read_ms);
    if (server->sweep == NULL) {
        server->sweep = loop_add_timeout (&http->loop, SWEEP_MS, sweep, http);
    }
}

/* Whether the peer behind REMOTE may stay; if not, says so to the operator. */
static bool
may_stay (Http *http, GSocketAddress *remote)
{
    GInetAddress *address = g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (remote));
    unsigned n_open = g_hash_table_size (http->server.connections);
    g_autofree char *text = print_address (remote);

    if (!settings_allow (http->settings, address)) {
        td_metric_add (http->metrics.refused_address, 1);
        td_log_peer (http->module, "http.address", text, NULL,
                     "connection closed: [http] allow does not name the address");
        return false;
    }
    if (n_open >= http->settings->max_connections) {
        td_metric_add (http->metrics.refused_full, 1);
        td_log_peer (http->module, "http.connections", text, NULL,
                     "connection closed: %u are open, as many as [http] connections allows",
                     n_open);
        return false;
    }
    return true;
}

static gboolean accept_some (GSocket *socket, GIOCondition condition, void *data);

static void
wait_for_peers (Gate *gate)
{
    loop_drop_source (&gate->source);
    gate->source = g_socket_create_source (gate->socket, G_IO_IN, NULL);
    g_source_set_callback (gate->source, G_SOURCE_FUNC (accept_some), gate, NULL);
    g_source_attach (gate->source, gate->http->loop.context);
}

static gboolean
end_pause (void *data)
{
    wait_for_peers (data);
    return G_SOURCE_REMOVE;
}

static gboolean
accept_some (GSocket *listening, GIOCondition condition, void *data)
{
    Gate *gate = data;
    Http *http = gate->http;

    for (unsigned i = 0; i < ACCEPTS_A_TURN; i++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (GSocket) socket = g_socket_accept (listening, NULL, &error);
        if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
            break;
        }
        if (socket == NULL) {
            /* No descriptor is left, or so: it would be said again at once, and again. */
            td_log_peer (http->module, "http.accept", "listener", NULL,
                         "no connection can be accepted: %s", error->message);
            loop_drop_source (&gate->source);
            gate->source = loop_add_timeout (&http->loop, PAUSE_MS, end_pause, gate);
            return G_SOURCE_REMOVE;
        }
        g_autoptr (GSocketAddress) remote = g_socket_get_remote_address (socket, NULL);
        g_autoptr (GSocketAddress) local = g_socket_get_local_address (socket, NULL);
        if (remote != NULL && local != NULL && may_stay (http, remote)) {
            welcome (http, socket, local, remote);
        }
    }
    return G_SOURCE_CONTINUE;
}

/* --- Gates ------------------------------------------------------------------------------- */

static void
gate_free (void *data)
{
    Gate *gate = data;

    loop_drop_source (&gate->source);
    g_object_unref (gate->socket);
    g_free (gate);
}

/* Connections that whoever is allowed now would not get are ended with the next look at them. */
static void
end_strangers (Http *http)
{
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init (&iter, http->server.connections);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        Connection *connection = value;
        GInetSocketAddress *remote = G_INET_SOCKET_ADDRESS (connection->remote);
        if (!settings_allow (http->settings, g_inet_socket_address_get_address (remote))) {
            connection->until_us = 0;
        }
    }
}

/* Listens on SOCKETS and on no others; those that are the same go on without a gap. */
void
gate_configure (Http *http, GPtrArray *sockets)
{
    Server *server = &http->server;
    G_GNUC_UNUSED g_autoptr (GPtrArray) before = g_steal_pointer (&server->gates);

    server->gates = g_ptr_array_new_with_free_func (gate_free);
    for (unsigned i = 0; i < sockets->len; i++) {
        Gate *gate = g_new0 (Gate, 1);
        *gate = (Gate){ .http = http, .socket = g_object_ref (sockets->pdata[i]) };
        g_ptr_array_add (server->gates, gate);
        wait_for_peers (gate);
    }
    end_strangers (http);
}

void
gate_close (Http *http)
{
    g_ptr_array_set_size (http->server.gates, 0);
}
