/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Paths, and requests: from the client to who serves the path, and back.
 *
 *     headers -- token? path? method? size? busy? --no--> refused, the body is not kept
 *        |
 *      body --> Hand --post--> lane: handle () . . . answer () --errand--> client
 *                  '-- answer-time is over --> 503
 *
 * A Hand is held by the thread until the client has its answer, and by whoever serves until it has
 * answered. Which comes first does not matter.
 */

#include "http.h"

#include <string.h>
#include <tandem/log.h>

/* How much of a body that is refused is read all the same, so that the client sees why. */
enum { SPILL_BYTES = 1 << 20, LAST_TURNS = 100 };

typedef struct {
    TdHttpPath path;
    char *path_text, *method;
} Path;

struct Hand {
    TdHttpRequest request; /* first */
    TdPost post;
    Errand errand; /* the answer on its way back */
    atomic_int n_refs;
    Http *http;
    TdModule *owner;
    void (*handle) (TdHttpRequest *request, void *data);
    void *data;
    char *peer, *path, *query, *type;
    GBytes *body;

    /* The thread's. */
    SoupServerMessage *message; /* NULL: the client has its answer */
    GSource *deadline;
    GList link;

    /* Written by who answers before it posts. */
    unsigned status;
    char *answer_type;
    GBytes *answer;
    uint32_t retry_after_s;
};

/* What is known of a message while it is read. */
typedef struct {
    Http *http;
    size_t n_bytes, max_bytes;
} Reading;

/* --- Paths ------------------------------------------------------------------------------- */

static void
path_free (void *data)
{
    Path *path = data;

    g_free (path->path_text);
    g_free (path->method);
    g_free (path);
}

static Path *
path_new (const TdHttpPath *decl)
{
    Path *path = g_new0 (Path, 1);

    memcpy (&path->path, decl, MIN (decl->size, sizeof path->path));
    path->path_text = g_strdup (decl->path);
    path->method = g_strdup (decl->method);
    return path;
}

Paths *
paths_new (void)
{
    Paths *paths = g_new0 (Paths, 1);

    atomic_init (&paths->n_refs, 1);
    paths->table = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, path_free);
    pthread_mutex_init (&paths->lock, NULL);
    return paths;
}

Paths *
paths_ref (Paths *paths)
{
    atomic_fetch_add (&paths->n_refs, 1);
    return paths;
}

void
paths_unref (Paths *paths)
{
    if (paths != NULL && atomic_fetch_sub (&paths->n_refs, 1) == 1) {
        g_hash_table_unref (paths->table);
        pthread_mutex_destroy (&paths->lock);
        g_free (paths);
    }
}

bool
server_serve (const TdHttpPath *decl, void *data, GError **error)
{
    Http *http = data;
    Path *path;
    bool is_free = true;

    if (decl->path == NULL || *decl->path != '/' || decl->method == NULL || decl->handle == NULL) {
        g_set_error (
            error, TD_ERROR, TD_ERROR_INVALID,
            "\"%s\" cannot be served: a path begins with /, and has a method and a handler",
            decl->path != NULL ? decl->path : "");
        return false;
    }
    path = path_new (decl);
    pthread_mutex_lock (&http->paths->lock);
    const Path *before = g_hash_table_lookup (http->paths->table, decl->path);
    is_free = before == NULL
              || strcmp (td_module_name (before->path.owner), td_module_name (decl->owner)) == 0;
    if (is_free) {
        g_hash_table_replace (http->paths->table, path->path_text, path);
    } else {
        g_set_error (error, TD_ERROR, TD_ERROR_EXISTS, "\"%s\" is served by the module %s already",
                     decl->path, td_module_name (before->path.owner));
        path_free (path);
    }
    pthread_mutex_unlock (&http->paths->lock);
    return is_free;
}

void
server_unserve (TdModule *owner, const char *path, void *data)
{
    Http *http = data;

    pthread_mutex_lock (&http->paths->lock);
    const Path *found = g_hash_table_lookup (http->paths->table, path);
    if (found != NULL && found->path.owner == owner) {
        g_hash_table_remove (http->paths->table, path);
    }
    pthread_mutex_unlock (&http->paths->lock);
}

void
server_shut (Http *http, bool is_followed)
{
    pthread_mutex_lock (&http->paths->lock);
    http->is_shut = !is_followed;
    http->is_followed = is_followed;
    if (!is_followed) {
        g_hash_table_remove_all (http->paths->table);
    }
    pthread_mutex_unlock (&http->paths->lock);
}

GVariant *
server_paths (Http *http)
{
    GVariantBuilder rows;
    GHashTableIter iter;
    void *value;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    pthread_mutex_lock (&http->paths->lock);
    g_hash_table_iter_init (&iter, http->paths->table);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        const Path *path = value;
        g_variant_builder_open (&rows, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add (&rows, "{sv}", "path", g_variant_new_string (path->path_text));
        g_variant_builder_add (&rows, "{sv}", "method", g_variant_new_string (path->method));
        g_variant_builder_add (&rows, "{sv}", "module",
                               g_variant_new_string (td_module_name (path->path.owner)));
        g_variant_builder_close (&rows);
    }
    pthread_mutex_unlock (&http->paths->lock);
    return g_variant_builder_end (&rows);
}

/* --- Refusing ---------------------------------------------------------------------------- */

static void
count_status (Http *http, unsigned status)
{
    td_metric_add (http->metrics.answers[MIN (status / 100, STATUS_CLASSES - 1)], 1);
}

/* Tells the client STATUS, and why in a line of text. */
static void
refuse (Http *http, SoupServerMessage *message, unsigned status, const char *why)
{
    SoupMessageHeaders *headers = soup_server_message_get_response_headers (message);

    count_status (http, status);
    soup_server_message_set_status (message, status, NULL);
    soup_server_message_set_response (message, "text/plain", SOUP_MEMORY_COPY, why, strlen (why));
    if (status == SOUP_STATUS_UNAUTHORIZED) {
        soup_message_headers_replace (headers, "WWW-Authenticate", "Bearer"); /* RFC 6750 3 */
    }
    if (status == SOUP_STATUS_SERVICE_UNAVAILABLE) {
        soup_message_headers_replace (headers, "Retry-After", "1");
    }
    if (status != SOUP_STATUS_SERVICE_UNAVAILABLE) {
        soup_message_headers_replace (headers, "Connection", "close");
    }
}

/* --- Hands ------------------------------------------------------------------------------- */

static void
hand_unref (Hand *hand)
{
    if (atomic_fetch_sub (&hand->n_refs, 1) > 1) {
        return;
    }
    TdModule *module = hand->http->module;
    g_free (hand->peer);
    g_free (hand->path);
    g_free (hand->query);
    g_free (hand->type);
    g_clear_pointer (&hand->body, g_bytes_unref);
    g_free (hand->answer_type);
    g_clear_pointer (&hand->answer, g_bytes_unref);
    g_free (hand);
    td_module_unuse (module);
}

/* The client has what it gets: libsoup sends it. */
static void
put_down (Hand *hand)
{
    Server *server = &hand->http->server;
    SoupServerMessage *message = g_steal_pointer (&hand->message);

    loop_drop_source (&hand->deadline);
    server->hands = g_list_remove_link (server->hands, &hand->link);
    server->n_hands--;
    td_metric_add (hand->http->metrics.hands, -1);
    gate_note_reading (hand->http, message); /* as long it may take to read the answer */
    soup_server_message_unpause (message);
    g_object_unref (message);
    hand_unref (hand);
}

static void
give_up (Hand *hand, const char *why)
{
    refuse (hand->http, hand->message, SOUP_STATUS_SERVICE_UNAVAILABLE, why);
    put_down (hand);
}

static gboolean
expire (void *data)
{
    Hand *hand = data;

    td_metric_add (hand->http->metrics.late, 1);
    td_log_peer (hand->http->module, "http.late", hand->path, NULL,
                 "not answered within %u ms: the client was told 503",
                 hand->http->settings->answer_ms);
    give_up (hand, "whoever serves this path has not answered in time\n");
    return G_SOURCE_REMOVE;
}

static void
take_answer (Errand *errand)
{
    Hand *hand = (Hand *) ((char *) errand - offsetof (Hand, errand));

    if (hand->message != NULL) {
        SoupMessageHeaders *headers = soup_server_message_get_response_headers (hand->message);
        size_t len_bytes;
        const char *body = g_bytes_get_data (hand->answer, &len_bytes);
        count_status (hand->http, hand->status);
        soup_server_message_set_status (hand->message, hand->status, NULL);
        soup_server_message_set_response (hand->message, hand->answer_type, SOUP_MEMORY_COPY, body,
                                          len_bytes);
        if (hand->http->is_ending) {
            soup_message_headers_replace (headers, "Connection", "close"); /* RFC 9112 9.6 */
        }
        if (hand->retry_after_s > 0) {
            g_autofree char *text = g_strdup_printf ("%u", hand->retry_after_s);
            soup_message_headers_replace (headers, "Retry-After", text);
        }
        put_down (hand);
    }
    hand_unref (hand);
}

void
server_answer (TdHttpRequest *request, const TdHttpAnswer *answer, void *data)
{
    Hand *hand = (Hand *) request;

    hand->status = answer->status;
    hand->answer_type =
        g_strdup (answer->type != NULL && *answer->type != '\0' ? answer->type : "text/plain");
    hand->answer = g_bytes_new (answer->body, answer->body != NULL ? answer->len_bytes : 0);
    hand->retry_after_s = answer->retry_after_s;
    td_module_unuse (hand->owner);
    if (!loop_post (&hand->http->loop, &hand->errand)) {
        hand_unref (hand);
    }
}

static void
answer_stopping (Hand *hand)
{
    static const char text[] = "the module that serves this path stops\n";

    server_answer (&hand->request,
                   &(TdHttpAnswer){ .size = sizeof (TdHttpAnswer),
                                    .status = SOUP_STATUS_SERVICE_UNAVAILABLE,
                                    .body = text,
                                    .len_bytes = strlen (text),
                                    .retry_after_s = 1 },
                   NULL);
}

/* While it waited for its turn, a newer build may have come to serve the path. */
static void
follow_path (Hand *hand)
{
    pthread_mutex_lock (&hand->http->paths->lock);
    const Path *path = g_hash_table_lookup (hand->http->paths->table, hand->path);
    if (path != NULL && strcmp (path->method, hand->request.method) == 0) {
        hand->owner = path->path.owner;
        hand->handle = path->path.handle;
        hand->data = path->path.data;
    }
    td_module_use (hand->owner);
    pthread_mutex_unlock (&hand->http->paths->lock);
}

static void
run_hand (TdPost *post)
{
    Hand *hand = (Hand *) ((char *) post - offsetof (Hand, post));

    if (td_module_is_stopping (hand->owner)) {
        follow_path (hand);
    } else {
        td_module_use (hand->owner);
    }
    if (td_module_is_stopping (hand->owner)) {
        answer_stopping (hand);
    } else {
        hand->handle (&hand->request, hand->data);
    }
}

static void
drop_hand (TdPost *post)
{
    Hand *hand = (Hand *) ((char *) post - offsetof (Hand, post));

    td_module_use (hand->owner);
    answer_stopping (hand);
}

/* --- From libsoup ------------------------------------------------------------------------ */

static const char *
text_of (char *text)
{
    return text != NULL ? text : "";
}

/* The body with a NUL behind it. */
static GBytes *
copy_body (SoupServerMessage *message, size_t *ret_len_bytes)
{
    g_autoptr (GBytes) flat =
        soup_message_body_flatten (soup_server_message_get_request_body (message));
    size_t len_bytes;
    const char *bytes = g_bytes_get_data (flat, &len_bytes);
    char *copy = g_malloc (len_bytes + 1);

    if (len_bytes > 0) {
        memcpy (copy, bytes, len_bytes);
    }
    copy[len_bytes] = '\0';
    *ret_len_bytes = len_bytes;
    return g_bytes_new_take (copy, len_bytes + 1);
}

static Hand *
hand_new (Http *http, SoupServerMessage *message)
{
    GUri *uri = soup_server_message_get_uri (message);
    SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
    GInetSocketAddress *remote =
        G_INET_SOCKET_ADDRESS (soup_server_message_get_remote_address (message));
    g_autofree char *host = g_inet_address_to_string (g_inet_socket_address_get_address (remote));
    Hand *hand = g_new0 (Hand, 1);
    size_t len_bytes;

    td_module_use (http->module);
    atomic_init (&hand->n_refs, 2); /* the thread's, that of who serves */
    hand->http = http;
    hand->errand.run = take_answer;
    hand->peer = g_strdup_printf (strchr (host, ':') != NULL ? "[%s]:%u" : "%s:%u", host,
                                  g_inet_socket_address_get_port (remote));
    hand->path = g_strdup (g_uri_get_path (uri));
    hand->query = g_strdup (g_uri_get_query (uri));
    hand->type = g_strdup (soup_message_headers_get_content_type (headers, NULL));
    hand->body = copy_body (message, &len_bytes);
    hand->request = (TdHttpRequest){ .size = sizeof (TdHttpRequest),
                                     .method = soup_server_message_get_method (message),
                                     .path = hand->path,
                                     .query = text_of (hand->query),
                                     .type = text_of (hand->type),
                                     .body = g_bytes_get_data (hand->body, NULL),
                                     .len_bytes = len_bytes,
                                     .peer = hand->peer,
                                     .service = &http->iface };
    return hand;
}

/* Sends HAND to the next lane for who serves PATH; under the lock, so that the owner is there. */
static bool
dispatch (Http *http, Hand *hand, const Path *path)
{
    hand->owner = path->path.owner;
    hand->handle = path->path.handle;
    hand->data = path->path.data;
    hand->post = (TdPost){ .owner = hand->owner, .run = run_hand, .drop = drop_hand };
    return td_lane_try_post (td_lane_at (http->next_lane++ % td_lane_count ()), &hand->post,
                             TD_POST_ORDINARY);
}

static void
take_up (Http *http, SoupServerMessage *message, Hand *hand)
{
    Server *server = &http->server;

    hand->message = g_object_ref (message);
    hand->link = (GList){ .data = hand };
    server->hands = g_list_concat (&hand->link, server->hands);
    server->n_hands++;
    td_metric_add (http->metrics.hands, 1);
    hand->deadline = loop_add_timeout (&http->loop, http->settings->answer_ms, expire, hand);
    gate_note_working (http, message);
    soup_server_message_pause (message);
}

static void
handle (SoupServer *soup, SoupServerMessage *message, const char *path_text, GHashTable *query,
        void *data)
{
    Http *http = data;
    Hand *hand = hand_new (http, message);
    bool is_sent = false;

    pthread_mutex_lock (&http->paths->lock);
    const Path *path = g_hash_table_lookup (http->paths->table, path_text);
    /* After the end no answer would come any more. */
    is_sent = path != NULL && !http->has_ended && dispatch (http, hand, path);
    pthread_mutex_unlock (&http->paths->lock);
    if (is_sent) {
        take_up (http, message, hand);
        return;
    }
    if (http->has_ended && http->is_followed) {
        gate_cut (http, message); /* the next build has what this one cannot answer any more */
    }
    refuse (http, message, SOUP_STATUS_SERVICE_UNAVAILABLE,
            http->is_ending ? "this server stops\n" : "too much is waiting here\n");
    hand_unref (hand);
    hand_unref (hand);
}

/* What is to be said of a request before its body is read: 0, it may come. */
static unsigned
judge (Http *http, SoupServerMessage *message, const char *path_text, const char **ret_why)
{
    SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
    unsigned status = 0;

    if (!settings_accept (http->settings,
                          soup_message_headers_get_one (headers, "Authorization"))) {
        *ret_why = "the bearer token is missing, or is not the one that is asked for here\n";
        return SOUP_STATUS_UNAUTHORIZED;
    }
    pthread_mutex_lock (&http->paths->lock);
    const Path *path = g_hash_table_lookup (http->paths->table, path_text);
    if (http->is_shut || (path == NULL && http->is_ending)) {
        *ret_why = "this server stops\n";
        status = SOUP_STATUS_SERVICE_UNAVAILABLE;
    } else if (path == NULL) {
        *ret_why = "nothing is served at this path\n";
        status = SOUP_STATUS_NOT_FOUND;
    } else if (strcmp (path->method, soup_server_message_get_method (message)) != 0) {
        soup_message_headers_replace (soup_server_message_get_response_headers (message), "Allow",
                                      path->method); /* RFC 9110 15.5.6 */
        *ret_why = "this path takes another method\n";
        status = SOUP_STATUS_METHOD_NOT_ALLOWED;
    } else if (td_module_is_stopping (path->path.owner)) {
        *ret_why = "the module that serves this path stops\n";
        status = SOUP_STATUS_SERVICE_UNAVAILABLE;
    }
    pthread_mutex_unlock (&http->paths->lock);
    if (status == 0 && http->server.n_hands >= http->settings->max_hands) {
        *ret_why = "as many requests as may are waiting for their answers\n";
        status = SOUP_STATUS_SERVICE_UNAVAILABLE;
    }
    if (status == 0
        && soup_message_headers_get_content_length (headers)
               > (goffset) http->settings->max_body_bytes) {
        *ret_why = "the body is longer than is taken here\n";
        status = SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE;
    }
    return status;
}

static void
count_bytes (SoupServerMessage *message, GBytes *chunk, void *data)
{
    Reading *reading = data;

    reading->n_bytes += g_bytes_get_size (chunk);
    if (reading->n_bytes > reading->max_bytes) {
        gate_cut (reading->http, message);
    }
}

static void
free_reading (void *data, GClosure *closure)
{
    g_free (data);
}

/* RFC 9112 9.3. */
static bool
is_kept (SoupServerMessage *message)
{
    return soup_server_message_get_http_version (message) == SOUP_HTTP_1_1
           && !soup_message_headers_header_contains (
               soup_server_message_get_request_headers (message), "Connection", "close")
           && !soup_message_headers_header_contains (
               soup_server_message_get_response_headers (message), "Connection", "close");
}

static void
have_answered (SoupServerMessage *message, void *data)
{
    if (is_kept (message)) {
        gate_keep (data, message);
    }
}

/* The headers are there. A body that will be of no use is let through, within bounds, and not kept. */
static void
look (SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query, void *data)
{
    Http *http = data;
    Reading *reading = g_new (Reading, 1);
    const char *why = NULL;
    unsigned status = judge (http, message, path, &why);

    *reading = (Reading){ .http = http, .max_bytes = http->settings->max_body_bytes };
    if (status != 0) {
        refuse (http, message, status, why);
        soup_message_body_set_accumulate (soup_server_message_get_request_body (message), FALSE);
        reading->max_bytes += SPILL_BYTES;
    }
    g_signal_connect (message, "wrote-body", G_CALLBACK (have_answered), http);
    g_signal_connect_data (message, "got-chunk", G_CALLBACK (count_bytes), reading, free_reading,
                           0);
}

/* --- Life -------------------------------------------------------------------------------- */

void
server_open (Http *http)
{
    Server *server = &http->server;

    server->gates = g_ptr_array_new ();
    server->connections = gate_connections_new ();
    server->soup = soup_server_new ("server-header", "tandem", NULL);
    soup_server_add_early_handler (server->soup, NULL, look, http, NULL);
    soup_server_add_handler (server->soup, NULL, handle, http, NULL);
}

void
server_abort (Http *http)
{
    while (http->server.hands != NULL) {
        give_up (http->server.hands->data, "this server stops\n");
    }
}

void
server_close (Http *http)
{
    Server *server = &http->server;

    /* What has come by now is told why it is not served; the last answers are libsoup's to send, in a turn or
     * two. */
    for (unsigned i = 0; i == 0 || (i < LAST_TURNS && gate_is_busy (http)); i++) {
        g_main_context_iteration (http->loop.context, FALSE);
    }
    gate_leave (http);
    soup_server_disconnect (server->soup);
    g_clear_object (&server->soup);
    while (g_main_context_iteration (http->loop.context, FALSE)) {
    }
    loop_drop_source (&server->sweep);
    g_clear_pointer (&server->gates, g_ptr_array_unref);
    g_clear_pointer (&server->connections, g_hash_table_unref);
}
