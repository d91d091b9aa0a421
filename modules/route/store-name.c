/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may be shown of the name of the tables: of a URI the host and the database. */

#include "store.h"

#include <string.h>

/* A host or several, each with a port perhaps: "db1:5432,[2001:db8::1]". What else stands there may be
 * a part of a password that should have been escaped. */
static bool
is_host (const char *text, size_t len)
{
    bool is_port = false, is_bracketed = false;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        is_bracketed = (is_bracketed || c == '[') && c != ']';
        is_port = (is_port || (c == ':' && !is_bracketed)) && c != ',';
        if (is_port ? !g_ascii_isdigit (c) && c != ':'
                    : !g_ascii_isalnum (c) && strchr (".-_:,[]%", c) == NULL) {
            return false;
        }
    }
    return true;
}

char *
store_show_name (const char *name)
{
    if (!store_is_server (name)) {
        return g_strdup (name);
    }
    const char *rest = strstr (name, "://") + 3;
    const char *at = strchr (rest, '@');
    const char *host = at != NULL ? at + 1 : rest;
    size_t host_len = strcspn (host, "/?#");
    const char *database = host + host_len + (host[host_len] == '/');
    size_t database_len = strcspn (database, "?#");

    if (strchr (host, '@') != NULL || strcspn (rest, "/?#") < (size_t) (host - rest)
        || !is_host (host, host_len)) {
        return g_strdup ("postgresql://...");
    }
    return g_strdup_printf ("postgresql://%.*s/%.*s", (int) host_len, host, (int) database_len,
                            database);
}
