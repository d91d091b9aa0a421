/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One client: lines come in, commands run, answers go out as fast as it takes them. */

#include <tandem/command.h>
#include <tandem/log.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"

enum { READ_BYTES = 16 * 1024 };

/* A request of a client that is not answered completely. */
typedef struct {
    CliClient *client;
    char *id;           /* as JSON */
    TdRequest *request; /* NULL while the command is being started */
    bool is_over;
    bool is_paused; /* its command waits until the client has taken what there is */
} Pending;

struct CliClient {
    TdPost post; /* serves one line a turn; first, so that a post is its client */
    bool is_posted;
    unsigned n_refs;   /* the server's list, the post, and functions that call out */
    CliServer *server; /* NULL once it is closed */
    TdModule *module;
    int fd;
    TdWatch *watch;
    char *name;        /* "uid 1000 pid 4711" */
    unsigned rights;   /* TdMay */
    bool is_read_over; /* the other end sends no more, but may still listen */
    GString *in;
    GString *out;
    size_t n_sent; /* of OUT */
    GPtrArray *pending;
};

static void
client_unref (CliClient *client)
{
    if (--client->n_refs > 0) {
        return;
    }
    g_string_free (client->in, TRUE);
    g_string_free (client->out, TRUE);
    g_ptr_array_unref (client->pending);
    g_free (client->name);
    g_free (client);
}

static void
pending_free (Pending *pending)
{
    g_free (pending->id);
    g_free (pending);
}

void
cli_client_close (CliClient *client)
{
    CliServer *server = client->server;

    if (server == NULL) {
        return;
    }
    client->server = NULL;
    while (client->pending->len > 0) {
        Pending *pending = g_ptr_array_steal_index (client->pending, client->pending->len - 1);
        /* One that is being started is freed by who starts it. */
        if (pending->request != NULL) {
            td_request_abandon (pending->request);
            pending_free (pending);
        }
    }
    td_watch_close (client->watch);
    close (client->fd);
    g_ptr_array_remove_fast (server->clients, client);
    client_unref (client);
}

static void
update_watch (CliClient *client)
{
    bool wants_read = !client->is_read_over && client->in->len < CLI_LINE_MAX;
    bool wants_write = client->n_sent < client->out->len;

    td_watch_set (client->watch,
                  (wants_read ? TD_WATCH_READ : 0) | (wants_write ? TD_WATCH_WRITE : 0));
}

/* Hands the kernel what it takes of the answers. Returns false when the client is gone. */
static bool
flush (CliClient *client)
{
    while (client->n_sent < client->out->len) {
        ssize_t n = send (client->fd, client->out->str + client->n_sent,
                          client->out->len - client->n_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno != EAGAIN) {
            cli_client_close (client);
            return false;
        }
        if (n < 0) {
            break;
        }
        client->n_sent += (size_t) n;
    }
    if (client->n_sent * 2 >= client->out->len) {
        g_string_erase (client->out, 0, (gssize) client->n_sent);
        client->n_sent = 0;
    }
    update_watch (client);
    return true;
}

/* Ends a client that has asked its last and has all its answers. */
static void
finish (CliClient *client)
{
    if (client->server != NULL && client->is_read_over && client->pending->len == 0
        && client->out->len == 0 && !client->is_posted) {
        cli_client_close (client);
    }
}

/* Lets commands go on that had to wait. */
static void
resume (CliClient *client)
{
    unsigned i = 0;

    while (client->server != NULL && client->out->len - client->n_sent <= CLI_QUEUE_LOW
           && i < client->pending->len) {
        Pending *pending = client->pending->pdata[i++];
        if (pending->is_paused && pending->request != NULL) {
            pending->is_paused = false;
            td_request_pause (pending->request, false);
            i = 0; /* it may have ended, or the client with it */
        }
    }
}

/* Sends {"id":ID,"NAME":JSON}; is it slow beyond patience, the client is let go instead. */
static void
answer (CliClient *client, const char *id, const char *name, const char *json, const char *more)
{
    if (client->server == NULL) {
        return;
    }
    if (client->out->len - client->n_sent > CLI_QUEUE_MAX) {
        client->server->n_slow++;
        td_log_peer (client->module, "cli.slow", client->name, NULL,
                     "it left %zu bytes of answers untaken and was disconnected",
                     client->out->len - client->n_sent);
        cli_client_close (client);
        return;
    }
    g_string_append_printf (client->out, "{\"id\":%s,\"%s\":%s%s}\n", id, name, json, more);
    flush (client);
}

static void
answer_error (CliClient *client, const char *id, const char *text, bool is_misuse)
{
    g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_string (text));
    g_autofree char *json = td_result_to_json (value);

    answer (client, id, "error", json, is_misuse ? ",\"is_misuse\":true" : "");
}

static void
answer_result (CliClient *client, const char *id, const char *name, GVariant *result)
{
    g_autofree char *json = result != NULL ? td_result_to_json (result) : g_strdup ("null");

    answer (client, id, name, json, "");
}

void
cli_client_farewell (CliClient *client)
{
    client->n_refs++;
    for (unsigned i = client->pending->len; i > 0 && client->server != NULL; i--) {
        const Pending *pending = client->pending->pdata[i - 1];
        answer_error (client, pending->id,
                      "the control socket closes, as module cli stops or is replaced: what you "
                      "asked goes on, and the log says how it ends",
                      false);
    }
    cli_client_close (client);
    client_unref (client);
}

static void
reply (TdRequest *request, GVariant *piece, bool is_last, const char *error_text, void *data)
{
    Pending *pending = data;
    CliClient *client = pending->client;

    client->n_refs++;
    if (is_last) {
        pending->is_over = true;
        g_ptr_array_remove_fast (client->pending, pending);
    }
    if (error_text != NULL) {
        answer_error (client, pending->id, error_text, td_request_is_misuse (request));
    } else {
        answer_result (client, pending->id, is_last ? "result" : "piece", piece);
    }
    if (!is_last && client->server != NULL && client->out->len - client->n_sent > CLI_QUEUE_FULL) {
        pending->is_paused = true;
        td_request_pause (request, true);
    }
    /* Closing has freed a pending that is not over. */
    if (is_last && pending->request != NULL) {
        td_request_unref (pending->request);
        pending_free (pending);
    }
    finish (client);
    client_unref (client);
}

/* Runs the command of WORDS for the request ID. */
static void
start (CliClient *client, const char *id, const char *const *words)
{
    Pending *pending = g_new0 (Pending, 1);

    pending->client = client;
    pending->id = g_strdup (id);
    g_ptr_array_add (client->pending, pending);
    client->n_refs++;
    TdRequest *request =
        td_command_run (client->module, words, client->name, client->rights, reply, pending);
    if (pending->is_over) {
        td_request_unref (request);
        pending_free (pending);
    } else if (client->server == NULL) {
        td_request_abandon (request);
        pending_free (pending);
    } else {
        pending->request = request;
    }
    client_unref (client);
}

/* Ends the request ID, which may have been answered already. */
static void
cancel (CliClient *client, const char *id)
{
    for (unsigned i = 0; i < client->pending->len; i++) {
        Pending *pending = client->pending->pdata[i];
        if (pending->request != NULL && g_str_equal (pending->id, id)) {
            g_ptr_array_remove_index_fast (client->pending, i);
            td_request_abandon (pending->request);
            pending_free (pending);
            answer_result (client, id, "result", NULL);
            return;
        }
    }
}

static char *
id_of (GVariant *object, const char *member)
{
    g_autoptr (GVariant) id = g_variant_lookup_value (object, member, NULL);

    return id != NULL ? td_result_to_json (id) : NULL;
}

static void
serve_line (CliClient *client, const char *line, size_t len_bytes)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GVariant) object = td_result_from_json (line, len_bytes, &error);

    if (object == NULL || !g_variant_is_of_type (object, G_VARIANT_TYPE_VARDICT)) {
        answer_error (client, "null", error != NULL ? error->message : "a request is a JSON object",
                      true);
        return;
    }
    g_autofree char *cancelled = id_of (object, "cancel");
    if (cancelled != NULL) {
        cancel (client, cancelled);
        return;
    }
    g_autofree char *given_id = id_of (object, "id");
    const char *id = given_id != NULL ? given_id : "null";
    g_autoptr (GVariant) words =
        g_variant_lookup_value (object, "words", G_VARIANT_TYPE_STRING_ARRAY);
    if (words == NULL) {
        answer_error (client, id, "a request needs \"words\", a list of texts with one at least",
                      true);
    } else if (client->pending->len >= CLI_REQUESTS_MAX) {
        answer_error (client, id, "too many requests at once: wait for an answer", false);
    } else {
        g_autofree const char **list = g_variant_get_strv (words, NULL);
        start (client, id, list);
    }
}

/* Whether a whole line has come in; one that cannot be served ends the client. */
static bool
has_line (CliClient *client)
{
    if (memchr (client->in->str, '\n', client->in->len) != NULL) {
        return true;
    }
    if (client->in->len >= CLI_LINE_MAX) {
        td_log_peer (client->module, "cli.long", client->name, NULL,
                     "it sent a request of over %d bytes and was disconnected", CLI_LINE_MAX);
        answer_error (client, "null", "a request is longer than 65536 bytes", true);
        cli_client_close (client);
    }
    return false;
}

static void
post (CliClient *client)
{
    client->is_posted = true;
    client->n_refs++;
    td_lane_post (td_lane_control (), &client->post);
}

/* Serves one line and comes back for the next: a client must not have the lane to itself. */
static void
serve (TdPost *posted)
{
    CliClient *client = (CliClient *) posted;
    g_autofree char *line = NULL;

    client->is_posted = false;
    if (client->server != NULL) {
        const char *newline = memchr (client->in->str, '\n', client->in->len);
        size_t len = (size_t) (newline - client->in->str);
        line = g_memdup2 (client->in->str, len + 1);
        g_string_erase (client->in, 0, (gssize) len + 1);
        serve_line (client, line, len);
    }
    if (client->server != NULL && has_line (client)) {
        post (client);
    }
    if (client->server != NULL) {
        update_watch (client);
        finish (client);
    }
    client_unref (client);
}

static void
drop (TdPost *posted)
{
    client_unref ((CliClient *) posted);
}

/* Takes in what has come. */
static void
take (CliClient *client)
{
    char buffer[READ_BYTES];
    ssize_t n = recv (client->fd, buffer, sizeof buffer, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n < 0) {
        cli_client_close (client);
        return;
    }
    g_string_append_len (client->in, buffer, n);
    if (n == 0) {
        client->is_read_over = true;
        if (client->in->len > 0 && client->in->str[client->in->len - 1] != '\n') {
            g_string_append_c (client->in, '\n'); /* the last line may lack it */
        }
    }
    update_watch (client);
    if (!client->is_posted && has_line (client)) {
        post (client);
    }
}

static void
ready (TdWatch *watch, unsigned conditions, void *data)
{
    CliClient *client = data;

    client->n_refs++;
    if (conditions & TD_WATCH_READ) {
        take (client);
    } else if ((conditions & TD_WATCH_END) && !client->is_posted) {
        cli_client_close (client); /* all it asked has been begun */
    }
    if (client->server != NULL && (conditions & TD_WATCH_WRITE) && flush (client)) {
        resume (client);
    }
    finish (client);
    client_unref (client);
}

CliClient *
cli_client_new (CliServer *server, int fd, const CliPeer *peer)
{
    CliClient *client = g_new0 (CliClient, 1);

    client->post = (TdPost){ .owner = server->module, .run = serve, .drop = drop };
    client->n_refs = 1;
    client->server = server;
    client->module = server->module;
    client->fd = fd;
    client->name = g_strdup_printf ("uid %u pid %d", (unsigned) peer->uid, (int) peer->pid);
    client->rights =
        (peer->may_change ? TD_MAY_CHANGE : 0) | (peer->may_see_priority ? TD_MAY_SEE_PRIORITY : 0);
    client->in = g_string_new (NULL);
    client->out = g_string_new (NULL);
    client->pending = g_ptr_array_new ();
    client->watch = td_watch_open (server->module, fd, TD_WATCH_READ, ready, client);
    return client;
}
