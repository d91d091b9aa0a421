/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connection to a Redis server, made when it is needed. Thread: a worker, one at a time. Blocks. */

#ifndef LEASE_REDIS_CLIENT_H
#define LEASE_REDIS_CLIENT_H

#include <tandem/base.h>

typedef struct {
    char *host;
    uint16_t port;
    char *user, *password; /* "": none */
    unsigned database;
    char *prefix;
    uint32_t timeout_ms; /* of a connection, and of an answer */
} RedisSettings;

typedef struct {
    bool is_done;
    char *run;
    char *text; /* nullable: the server has none */
} RedisAnswer;

typedef struct RedisClient RedisClient;

RedisClient *redis_client_new (void);
void redis_client_free (RedisClient *client);

/* SETTINGS (transfer full) from now on; the old connection is closed. */
void redis_client_configure (RedisClient *client, RedisSettings *settings);

/* Puts AFTER in place of BEFORE (nullable: nothing) under KEY, if the server is still RUN (nullable: only
 * reads). Errors: what the server, or the way to it, did, and what to do. */
bool redis_client_swap (RedisClient *client, const char *key, const char *run, const char *before,
                        const char *after, RedisAnswer *ret_answer, GError **error);

void redis_answer_clear (RedisAnswer *answer);

RedisSettings *redis_settings_copy (const RedisSettings *settings);
void redis_settings_free (RedisSettings *settings);

#endif
