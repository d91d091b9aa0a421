/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions of servers: asked on the thread, answered on the lane that asked.
 *
 *     lane   ask () --errand--> begin () ... answered, failed, too late --post--> deliver () -> done ()
 *            cancel () --errand--> withdraw ()
 *
 * An Ask is held by the thread's chain of callbacks until libsoup has let go of it, by the post that
 * brings the answer, and by the errand of a cancel. The answer is told once: a deadline does not wait
 * for what libsoup has under way.
 */

#include "http.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <string.h>
#include <tandem/priority.h>

enum {
    READ_BYTES = 16 * 1024,
    CONNECTIONS = 1024,
    IDLE_S = 30, /* servers keep connections longer: theirs do not end while a question is sent */
};

/* One server: how much is under way to it. */
typedef struct {
    char *name;
    unsigned n_asks;
} Host;

struct Ask {
    Errand begin, stop;
    TdPost post;
    atomic_int n_refs;
    Http *http;
    TdLane *lane;
    TdHttpQuestion *question; /* the lane's; NULL: cancelled */

    char *method, *url, *type, *token;
    GBytes *body;
    uint32_t deadline_ms;
    bool is_priority;

    /* The thread's. */
    GCancellable *cancellable;
    SoupMessage *message;
    GInputStream *stream;
    GSource *deadline;
    GList link;
    Host *host;
    bool is_told, is_listed, is_repeated;

    /* Written by the thread before it posts. */
    GByteArray *received;
    char *error, *answer_type;
    unsigned status;
    uint32_t retry_after_s;
};

/* --- An ask's end ------------------------------------------------------------------------ */

static Ask *
ask_ref (Ask *ask)
{
    atomic_fetch_add (&ask->n_refs, 1);
    return ask;
}

static void
ask_unref (Ask *ask)
{
    if (atomic_fetch_sub (&ask->n_refs, 1) > 1) {
        return;
    }
    TdModule *module = ask->http->module;
    g_free (ask->method);
    g_free (ask->url);
    g_free (ask->type);
    g_free (ask->token);
    g_clear_pointer (&ask->body, g_bytes_unref);
    g_clear_pointer (&ask->received, g_byte_array_unref);
    g_free (ask->error);
    g_free (ask->answer_type);
    g_free (ask);
    td_module_unuse (module);
}

static TdHttpQuestion *
take_question (Ask *ask)
{
    TdHttpQuestion *question = g_steal_pointer (&ask->question);

    if (question != NULL) {
        question->asked = NULL;
    }
    return question;
}

static void
deliver (TdPost *post)
{
    Ask *ask = (Ask *) ((char *) post - offsetof (Ask, post));
    TdHttpQuestion *question = take_question (ask);

    if (question != NULL) {
        TdModule *owner = question->owner;
        TdHttpAnswer answer = {
            .size = sizeof answer,
            .status = ask->status,
            .error = ask->error != NULL ? ask->error : "",
            .type = ask->answer_type != NULL ? ask->answer_type : "",
            .body = ask->received != NULL ? (const char *) ask->received->data : "",
            .len_bytes = ask->received != NULL ? ask->received->len - 1 : 0,
            .retry_after_s = ask->retry_after_s,
        };
        question->done (question, &answer);
        td_module_unuse (owner);
    }
    ask_unref (ask);
}

static void
drop (TdPost *post)
{
    Ask *ask = (Ask *) ((char *) post - offsetof (Ask, post));
    TdHttpQuestion *question = take_question (ask);

    if (question != NULL) {
        TdModule *owner = question->owner;
        question->drop (question);
        td_module_unuse (owner);
    }
    ask_unref (ask);
}

/* The answer is complete, or (ERROR: transfer full) there is none: sends it home. Once. */
static void
tell (Ask *ask, char *error)
{
    if (ask->is_told) {
        g_free (error);
        return;
    }
    ask->is_told = true;
    if (error != NULL) {
        ask->error = error;
        ask->status = 0;
        ask->retry_after_s = 0;
        g_clear_pointer (&ask->received, g_byte_array_unref);
    }
    td_metric_add (error != NULL ? ask->http->metrics.failed : ask->http->metrics.answered, 1);
    td_lane_post (ask->lane, &ask->post);
}

/* libsoup has let go of it. */
static void
leave (Ask *ask)
{
    loop_drop_source (&ask->deadline);
    if (ask->stream != NULL) {
        /* A body that was not read to its end is not read on: the connection is closed with it. */
        g_clear_object (&ask->stream);
    }
    g_clear_object (&ask->message);
    g_clear_object (&ask->cancellable);
    if (ask->host != NULL && --ask->host->n_asks == 0) {
        g_hash_table_remove (ask->http->client.hosts, ask->host->name);
    }
    if (ask->is_listed) {
        Client *client = &ask->http->client;
        client->asks = g_list_remove_link (client->asks, &ask->link);
    }
    ask_unref (ask);
}

static void
leave_with (Ask *ask, char *error)
{
    tell (ask, error);
    leave (ask);
}

/* --- An ask's way ------------------------------------------------------------------------ */

static const char *
media_type (SoupMessageHeaders *headers)
{
    const char *type = soup_message_headers_get_content_type (headers, NULL);

    return type != NULL ? type : "";
}

static uint32_t
retry_after (SoupMessageHeaders *headers)
{
    const char *text = soup_message_headers_get_one (headers, "Retry-After");
    uint64_t seconds = text != NULL ? g_ascii_strtoull (text, NULL, 10) : 0;

    return (uint32_t) MIN (seconds, 3600);
}

static void
finish_answer (Ask *ask)
{
    static const uint8_t nul = 0;
    SoupMessageHeaders *headers = soup_message_get_response_headers (ask->message);

    ask->status = soup_message_get_status (ask->message);
    ask->answer_type = g_strdup (media_type (headers));
    ask->retry_after_s = retry_after (headers);
    g_byte_array_append (ask->received, &nul, 1);
    leave_with (ask, NULL);
}

static char *
say_too_long (const Ask *ask)
{
    return g_strdup_printf ("its answer is over %zu bytes, which [http] answer allows",
                            ask->http->settings->max_answer_bytes);
}

static void read_on (Ask *ask);

static void
have_read (GObject *stream, GAsyncResult *result, void *data)
{
    Ask *ask = data;
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) bytes =
        g_input_stream_read_bytes_finish (G_INPUT_STREAM (stream), result, &error);
    size_t len_bytes = 0;

    if (bytes == NULL) {
        leave_with (ask, g_strdup (error->message));
        return;
    }
    const void *from = g_bytes_get_data (bytes, &len_bytes);
    if (ask->is_told) {
        leave (ask);
    } else if (len_bytes == 0) {
        finish_answer (ask);
    } else if (ask->received->len + len_bytes > ask->http->settings->max_answer_bytes) {
        leave_with (ask, say_too_long (ask));
    } else {
        g_byte_array_append (ask->received, from, (unsigned) len_bytes);
        read_on (ask);
    }
}

static void
read_on (Ask *ask)
{
    g_input_stream_read_bytes_async (ask->stream, READ_BYTES, G_PRIORITY_DEFAULT, ask->cancellable,
                                     have_read, ask);
}

/* The server has ended the connection, as one does that is upgraded: maybe before it had the question. */
static bool
is_connection_lost (const GError *error)
{
    return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE)
           || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT);
}

static void repeat (Ask *ask);

static void
have_sent (GObject *session, GAsyncResult *result, void *data)
{
    Ask *ask = data;
    g_autoptr (GError) error = NULL;

    ask->stream = soup_session_send_finish (SOUP_SESSION (session), result, &error);
    if (ask->stream == NULL && is_connection_lost (error) && !ask->is_told && !ask->is_repeated) {
        repeat (ask);
        return;
    }
    if (ask->stream == NULL) {
        leave_with (ask, g_strdup (error->message));
        return;
    }
    SoupMessageHeaders *headers = soup_message_get_response_headers (ask->message);
    goffset length = soup_message_headers_get_content_length (headers);
    if (ask->is_told) {
        leave (ask);
    } else if (length > (goffset) ask->http->settings->max_answer_bytes) {
        leave_with (ask, say_too_long (ask));
    } else {
        ask->received = g_byte_array_new ();
        read_on (ask);
    }
}

static gboolean
expire (void *data)
{
    Ask *ask = data;

    loop_drop_source (&ask->deadline);
    tell (ask, g_strdup_printf ("no answer within %u ms", ask->deadline_ms));
    g_cancellable_cancel (ask->cancellable);
    return G_SOURCE_REMOVE;
}

static Host *
find_host (Client *client, GUri *uri)
{
    g_autofree char *name = g_strdup_printf ("%s://%s:%d", g_uri_get_scheme (uri),
                                             g_uri_get_host (uri), g_uri_get_port (uri));
    Host *host = g_hash_table_lookup (client->hosts, name);

    if (host == NULL) {
        host = g_new0 (Host, 1);
        host->name = g_steal_pointer (&name);
        g_hash_table_insert (client->hosts, host->name, host);
    }
    return host;
}

static void
host_free (void *data)
{
    Host *host = data;

    g_free (host->name);
    g_free (host);
}

/* A message for ASK's URL, or NULL and why not. */
static SoupMessage *
compose (const Ask *ask, GUri **ret_uri, char **ret_why)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GUri) uri = g_uri_parse (ask->url, SOUP_HTTP_URI_FLAGS, &error);

    if (uri == NULL || g_uri_get_host (uri) == NULL || *g_uri_get_host (uri) == '\0'
        || (strcmp (g_uri_get_scheme (uri), "http") != 0
            && strcmp (g_uri_get_scheme (uri), "https") != 0)) {
        *ret_why = g_strdup ("it is no URL: write it as http://HOST:PORT/PATH, or https:");
        return NULL;
    }
    SoupMessage *message = soup_message_new_from_uri (ask->method, uri);
    /* Idempotent: on a connection that is there already, whatever the method. */
    soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT | SOUP_MESSAGE_IDEMPOTENT);
    if (ask->body != NULL) {
        soup_message_set_request_body_from_bytes (message, ask->type, ask->body);
    }
    /* RFC 5222 14 wants it said, and every question here is about now (RFC 9111 5.2.1.4). */
    soup_message_headers_replace (soup_message_get_request_headers (message), "Cache-Control",
                                  "no-cache");
    if (ask->token != NULL) {
        g_autofree char *value = g_strconcat ("Bearer ", ask->token, NULL);
        soup_message_headers_replace (soup_message_get_request_headers (message), "Authorization",
                                      value);
    }
    *ret_uri = g_steal_pointer (&uri);
    return message;
}

/* RFC 2474 3: before the first packet, so that a connection has one mark from its beginning to its end. */
static void
mark (SoupMessage *message, GSocketClientEvent event, GIOStream *stream, void *data)
{
    const Ask *ask = data;
    const Settings *settings = ask->http->settings;
    int traffic_class = (ask->is_priority ? settings->priority_dscp : settings->dscp) << 2;

    if (event != G_SOCKET_CLIENT_CONNECTING || !G_IS_SOCKET_CONNECTION (stream)) {
        return;
    }
    GSocket *socket = g_socket_connection_get_socket (G_SOCKET_CONNECTION (stream));
    bool is_v6 = g_socket_get_family (socket) == G_SOCKET_FAMILY_IPV6;
    /* A question that is not marked is better than none. */
    g_socket_set_option (socket, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_TCLASS : IP_TOS,
                         traffic_class, NULL);
}

static void
send_message (Ask *ask)
{
    const Client *client = &ask->http->client;

    g_signal_connect (ask->message, "network-event", G_CALLBACK (mark), ask);
    soup_session_send_async (ask->is_priority ? client->first : client->soup, ask->message,
                             G_PRIORITY_DEFAULT, ask->cancellable, have_sent, ask);
}

/* Once, on a connection of its own: all that is asked may be asked twice. */
static void
repeat (Ask *ask)
{
    g_autoptr (GUri) uri = NULL;
    char *why = NULL;

    ask->is_repeated = true;
    g_clear_object (&ask->message);
    ask->message = compose (ask, &uri, &why);
    soup_message_add_flags (ask->message, SOUP_MESSAGE_NEW_CONNECTION);
    send_message (ask);
}

static void
begin (Errand *errand)
{
    Ask *ask = (Ask *) ((char *) errand - offsetof (Ask, begin));
    Client *client = &ask->http->client;
    g_autoptr (GUri) uri = NULL;
    char *why = NULL;

    if (ask->http->is_ending) {
        leave_with (ask, g_strdup ("the module http stops"));
        return;
    }
    ask->message = compose (ask, &uri, &why);
    if (ask->message == NULL) {
        leave_with (ask, why);
        return;
    }
    ask->host = find_host (client, uri);
    ask->host->n_asks++;
    if (ask->host->n_asks > ask->http->settings->max_questions && !ask->is_priority) {
        leave_with (ask, g_strdup_printf ("%u questions are under way to it: as many as [http] "
                                          "questions allows",
                                          ask->host->n_asks - 1));
        return;
    }
    ask->cancellable = g_cancellable_new ();
    ask->deadline = loop_add_timeout (&ask->http->loop, ask->deadline_ms, expire, ask);
    ask->link = (GList){ .data = ask };
    client->asks = g_list_concat (&ask->link, client->asks);
    ask->is_listed = true;
    send_message (ask);
}

/* The lane does not wait any more. */
static void
withdraw (Errand *errand)
{
    Ask *ask = (Ask *) ((char *) errand - offsetof (Ask, stop));

    if (!ask->is_told) {
        td_metric_add (ask->http->metrics.cancelled, 1);
        ask->is_told = true;
        td_lane_post (ask->lane, &ask->post);
    }
    if (ask->cancellable != NULL) {
        g_cancellable_cancel (ask->cancellable);
    }
    ask_unref (ask);
}

/* --- On the lane ------------------------------------------------------------------------- */

void
client_ask (TdHttpQuestion *question, void *data)
{
    Http *http = data;
    Ask *ask = g_new0 (Ask, 1);

    td_module_use (http->module);
    td_module_use (question->owner);
    ask->begin.run = begin;
    ask->stop.run = withdraw;
    ask->post = (TdPost){ .owner = http->module, .run = deliver, .drop = drop };
    atomic_init (&ask->n_refs, 2); /* the thread's, the post's */
    ask->http = http;
    ask->lane = td_lane_current ();
    ask->question = question;
    question->asked = ask;
    ask->method = g_strdup (question->method);
    ask->url = g_strdup (question->url);
    ask->type = g_strdup (question->type);
    ask->token = g_strdup (question->token);
    ask->body = question->body != NULL ? g_bytes_new (question->body, question->len_bytes) : NULL;
    ask->is_priority = question->priority_class > TD_CLASS_ORDINARY;
    ask->deadline_ms = CLAMP (question->deadline_ms, 1, 60000);
    if (!loop_post (&http->loop, &ask->begin)) {
        tell (ask, g_strdup ("the module http has stopped"));
        ask_unref (ask);
    }
}

void
client_cancel (TdHttpQuestion *question, void *data)
{
    Ask *ask = question->asked;

    if (ask == NULL) {
        return;
    }
    take_question (ask);
    td_module_unuse (question->owner);
    if (!loop_post (&ask->http->loop, &ask_ref (ask)->stop)) {
        ask_unref (ask); /* the thread has told it before it ended */
    }
}

/* --- Life -------------------------------------------------------------------------------- */

/* Straight to the server that is named, which says what it means: no proxy of the environment, no
 * compression, no passwords. Without certificates of our own the system's are read when somebody first
 * asks over https. */
static SoupSession *
session_new (const Settings *settings)
{
    SoupSession *session =
        g_object_new (SOUP_TYPE_SESSION, "max-conns", CONNECTIONS, "max-conns-per-host",
                      (int) settings->connections_per_server, "user-agent", "tandem",
                      "idle-timeout", IDLE_S, NULL);

    soup_session_set_proxy_resolver (session, NULL);
    soup_session_remove_feature_by_type (session, SOUP_TYPE_CONTENT_DECODER);
    soup_session_remove_feature_by_type (session, SOUP_TYPE_AUTH_MANAGER);
    if (settings->trust != NULL) {
        soup_session_set_tls_database (session, settings->trust);
    }
    return session;
}

static void
open_sessions (Client *client, const Settings *settings)
{
    client->soup = session_new (settings);
    client->first = session_new (settings);
}

static void
close_sessions (Client *client)
{
    g_clear_object (&client->soup);
    g_clear_object (&client->first);
}

/* Nothing is asked any more on a connection whose server was trusted by another list. What is under way
 * keeps the old session until it has its answer. */
void
client_configure (Http *http)
{
    Client *client = &http->client;
    bool has_trust = http->settings->trust != NULL;

    if (has_trust || client->has_trust) {
        close_sessions (client);
        open_sessions (client, http->settings);
    }
    client->has_trust = has_trust;
}

void
client_open (Http *http)
{
    Client *client = &http->client;

    client->hosts = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, host_free);
    open_sessions (client, http->settings);
    client->has_trust = http->settings->trust != NULL;
}

void
client_abort (Http *http)
{
    GList *next;

    for (GList *link = http->client.asks; link != NULL; link = next) {
        Ask *ask = link->data;
        next = link->next;
        tell (ask, g_strdup ("the module http stops"));
        g_cancellable_cancel (ask->cancellable);
    }
}

void
client_close (Http *http)
{
    soup_session_abort (http->client.soup);
    soup_session_abort (http->client.first);
    close_sessions (&http->client);
    g_clear_pointer (&http->client.hosts, g_hash_table_unref);
}
