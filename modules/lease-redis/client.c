/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connection to a Redis server, made when it is needed. */

#include "client.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <string.h>
#include <tandem/iface/lease.h>

enum {
    MAX_ANSWER_BYTES = TD_LEASE_MAX_BYTES + 4096,
};

struct RedisClient {
    RedisSettings *settings;
    redisContext *connection; /* NULL: not connected */
    char *trouble;            /* why the last attempt to connect failed ... */
    int64_t again_us;         /* ... and until when there is no other */
};

/* A server that has been started anew may have lost what it was told last, and one that takes over for
 * another may never have heard it: its run is a part of what is compared. Servers before 7 have to be
 * told that not the script but what it does is for their copies, because of INFO. */
static const char script[] =
    "if redis.replicate_commands then redis.replicate_commands() end "
    "local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') "
    "local text = redis.call('GET', KEYS[1]) "
    "if run == ARGV[1] and (text or '') == ARGV[2] then "
    "redis.call('SET', KEYS[1], ARGV[3]) "
    "return {1, run, ARGV[3]} "
    "end "
    "return {0, run, text}";

/* --- Settings ---------------------------------------------------------------------------- */

RedisSettings *
redis_settings_copy (const RedisSettings *settings)
{
    RedisSettings *copy = g_new (RedisSettings, 1);

    *copy = *settings;
    copy->host = g_strdup (settings->host);
    copy->user = g_strdup (settings->user);
    copy->password = g_strdup (settings->password);
    copy->prefix = g_strdup (settings->prefix);
    return copy;
}

void
redis_settings_free (RedisSettings *settings)
{
    if (settings != NULL) {
        g_free (settings->host);
        g_free (settings->user);
        g_free (settings->password);
        g_free (settings->prefix);
        g_free (settings);
    }
}

/* --- Connection -------------------------------------------------------------------------- */

RedisClient *
redis_client_new (void)
{
    return g_new0 (RedisClient, 1);
}

static void
disconnect (RedisClient *client)
{
    if (client->connection != NULL) {
        redisFree (client->connection);
        client->connection = NULL;
    }
}

void
redis_client_free (RedisClient *client)
{
    if (client != NULL) {
        disconnect (client);
        redis_settings_free (client->settings);
        g_free (client->trouble);
        g_free (client);
    }
}

void
redis_client_configure (RedisClient *client, RedisSettings *settings)
{
    disconnect (client);
    redis_settings_free (client->settings);
    client->settings = settings;
    client->again_us = 0;
}

static void
set_error (const RedisClient *client, const char *what, const char *advice, GError **error)
{
    const RedisSettings *settings = client->settings;
    g_autoptr (GString) quoted = g_string_new (NULL);

    td_text_append_value (quoted, what);
    g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "Redis at %s port %u: %s: %s", settings->host,
                 settings->port, quoted->str, advice);
}

static void
set_lost (RedisClient *client, GError **error)
{
    const redisContext *connection = client->connection;
    bool is_late = connection->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK);

    set_error (client, is_late ? "no answer in time" : connection->errstr,
               "see that the server runs and can be reached", error);
    disconnect (client);
}

/* The answer to what was appended (transfer full), or NULL with the connection gone: whatever comes by it
 * later would be taken for the answer to something else. A server that feeds us for ever gets no more
 * than its time, and no more memory than a text may take. */
static redisReply *
read_answer (RedisClient *client, GError **error)
{
    int64_t until_us = g_get_monotonic_time () + (int64_t) client->settings->timeout_ms * 1000;
    redisContext *connection = client->connection;
    void *reply = NULL;
    int is_written = 0;

    errno = 0;
    while (!is_written) {
        if (redisBufferWrite (connection, &is_written) != REDIS_OK) {
            set_lost (client, error);
            return NULL;
        }
    }
    for (;;) {
        if (redisGetReplyFromReader (connection, &reply) != REDIS_OK) {
            set_lost (client, error);
            return NULL;
        }
        if (reply != NULL) {
            return reply;
        }
        if (connection->reader->len > MAX_ANSWER_BYTES || g_get_monotonic_time () > until_us) {
            set_error (client, "its answer is too long, or too slow", "is this a Redis server?",
                       error);
            disconnect (client);
            return NULL;
        }
        if (redisBufferRead (connection) != REDIS_OK) {
            set_lost (client, error);
            return NULL;
        }
    }
}

/* Sends WORDS; the answer (transfer full), which is no error. */
static redisReply *
ask (RedisClient *client, int n_words, const char **words, const char *advice, GError **error)
{
    size_t lengths[8];

    for (int i = 0; i < n_words; i++) {
        lengths[i] = strlen (words[i]);
    }
    if (redisAppendCommandArgv (client->connection, n_words, words, lengths) != REDIS_OK) {
        set_lost (client, error);
        return NULL;
    }
    redisReply *reply = read_answer (client, error);
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {
        set_error (client, reply->str, advice, error);
        g_clear_pointer (&reply, freeReplyObject);
        disconnect (client);
    }
    return reply;
}

static bool
say (RedisClient *client, int n_words, const char **words, const char *advice, GError **error)
{
    redisReply *reply = ask (client, n_words, words, advice, error);

    g_clear_pointer (&reply, freeReplyObject);
    return client->connection != NULL;
}

static bool
introduce (RedisClient *client, GError **error)
{
    const RedisSettings *settings = client->settings;
    bool has_user = settings->user[0] != '\0';
    const char *auth[] = { "AUTH", has_user ? settings->user : settings->password,
                           settings->password };
    g_autofree char *database = g_strdup_printf ("%u", settings->database);
    const char *chosen[] = { "SELECT", database };

    return (settings->password[0] == '\0'
            || say (client, has_user ? 3 : 2, auth, "see user and password in [lease-redis]",
                    error))
           && (settings->database == 0
               || say (client, 2, chosen, "see database in [lease-redis]", error));
}

static bool
open_connection (RedisClient *client, GError **error)
{
    const RedisSettings *settings = client->settings;
    const struct timeval timeout = { .tv_sec = settings->timeout_ms / 1000,
                                     .tv_usec = settings->timeout_ms % 1000 * 1000 };

    client->connection = redisConnectWithTimeout (settings->host, settings->port, timeout);
    if (client->connection == NULL) {
        set_error (client, "no memory", "free some", error);
        return false;
    }
    if (client->connection->err != 0 || redisSetTimeout (client->connection, timeout) != REDIS_OK) {
        set_lost (client, error);
        return false;
    }
    return introduce (client, error);
}

/* Many may ask at once: while the server is away, only one of them has to find out. */
static bool
connect_once (RedisClient *client, GError **error)
{
    g_autoptr (GError) failure = NULL;
    int64_t now_us = g_get_monotonic_time ();

    if (client->connection != NULL) {
        return true;
    }
    if (client->trouble != NULL && now_us < client->again_us) {
        g_set_error_literal (error, TD_ERROR, TD_ERROR_SYSTEM, client->trouble);
        return false;
    }
    g_clear_pointer (&client->trouble, g_free);
    if (open_connection (client, &failure)) {
        return true;
    }
    client->trouble = g_strdup (failure->message);
    client->again_us = g_get_monotonic_time () + (int64_t) client->settings->timeout_ms * 500;
    g_propagate_error (error, g_steal_pointer (&failure));
    return false;
}

/* --- The one thing it is for ------------------------------------------------------------- */

/* A word of the answer (transfer full), NULL when it is another kind. */
static char *
text_of (const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING && reply->len <= TD_LEASE_MAX_BYTES
                   && memchr (reply->str, '\0', reply->len) == NULL
               ? g_strndup (reply->str, reply->len)
               : NULL;
}

static bool
read_reply (RedisClient *client, const redisReply *reply, RedisAnswer *ret_answer, GError **error)
{
    bool is_three = reply->type == REDIS_REPLY_ARRAY && reply->elements == 3
                    && reply->element[0]->type == REDIS_REPLY_INTEGER;
    char *run = is_three ? text_of (reply->element[1]) : NULL;
    bool is_empty = is_three && reply->element[2]->type == REDIS_REPLY_NIL;
    char *text = is_three && !is_empty ? text_of (reply->element[2]) : NULL;

    if (run == NULL || (text == NULL && !is_empty)) {
        g_free (run);
        g_free (text);
        set_error (client, "its answer is not what was asked for",
                   "is this a Redis server, and is the key another program's?", error);
        disconnect (client);
        return false;
    }
    *ret_answer =
        (RedisAnswer){ .is_done = reply->element[0]->integer == 1, .run = run, .text = text };
    return true;
}

bool
redis_client_swap (RedisClient *client, const char *key, const char *run, const char *before,
                   const char *after, RedisAnswer *ret_answer, GError **error)
{
    if (!connect_once (client, error)) {
        return false;
    }
    g_autofree char *name = g_strdup_printf ("%s:lease:%s", client->settings->prefix, key);
    const char *words[] = { "EVAL",
                            script,
                            "1",
                            name,
                            run != NULL ? run : "",
                            before != NULL ? before : "",
                            after != NULL ? after : "" };
    redisReply *reply =
        ask (client, G_N_ELEMENTS (words), words,
             "the user of [lease-redis] needs EVAL, INFO, GET and SET, the server has "
             "to be a master with memory left",
             error);
    if (reply == NULL) {
        return false;
    }
    bool is_good = read_reply (client, reply, ret_answer, error);
    freeReplyObject (reply);
    return is_good;
}

void
redis_answer_clear (RedisAnswer *answer)
{
    g_clear_pointer (&answer->run, g_free);
    g_clear_pointer (&answer->text, g_free);
}
