/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The section [http] taken apart. */

#ifndef HTTP_SETTINGS_H
#define HTTP_SETTINGS_H

#include <gio/gio.h>
#include <tandem/config.h>

typedef struct {
    int n_refs; /* atomic */
    char **listen;
    GPtrArray *allow;    /* GInetAddressMask */
    char *token;         /* NULL: none is asked for */
    GTlsDatabase *trust; /* NULL: the system's */
    size_t max_body_bytes, max_answer_bytes;
    unsigned max_connections, max_hands, max_questions, connections_per_server;
    uint8_t dscp, priority_dscp; /* of questions */
    unsigned read_ms, idle_ms, answer_ms;
} Settings;

extern const TdConfigSection http_section;

/* Errors: which key, which value, what to write instead. With TOUCHES_FILES the token and the
 * certificates are read; without, only the section is looked at. */
Settings *settings_new (const TdConfig *config, bool touches_files, GError **error);
Settings *settings_ref (Settings *settings);
void settings_unref (Settings *settings);

/* Whether ADDRESS may ask. */
bool settings_allow (const Settings *settings, GInetAddress *address);

/* Whether AUTHORIZATION (nullable), the header's value, brings the token. */
bool settings_accept (const Settings *settings, const char *authorization);

#endif
