/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The section [http] taken apart. */

#include "settings.h"

#include <string.h>
#include <sys/stat.h>
#include <tandem/socket.h>

enum { MAX_TOKEN = 1024 };

static const TdConfigKey keys[] = {
    { .name = "listen",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help = "Where to take requests: addresses with ports, such as 127.0.0.1:8080, [::1]:8080. "
              "Empty: nowhere. Port 0 is the kernel's choice, which \"http show\" names.",
      .since = "0.1" },
    { .name = "allow",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "127.0.0.1, ::1",
      .help = "Who may connect: addresses, and networks such as 10.0.0.0/8. Connections of others "
              "are closed before a byte of them is read.",
      .since = "0.1" },
    { .name = "token",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE | TD_CONFIG_SECRET,
      .default_text = "",
      .help = "The bearer token that every request must bring; empty: none is asked for.",
      .since = "0.1" },
    { .name = "token-file",
      .type = TD_CONFIG_PATH,
      .flags = TD_CONFIG_RELOADABLE,
      .help = "Instead of token: the file whose first line it is, readable by its owner alone.",
      .since = "0.1" },
    { .name = "trust",
      .type = TD_CONFIG_PATH,
      .flags = TD_CONFIG_RELOADABLE,
      .help = "The file (PEM) with the certificates by which https servers are checked; not given: "
              "the system's.",
      .since = "0.1" },
    { .name = "connections",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "256",
      .unit = "connections",
      .min = 1,
      .max = 65535,
      .help = "How many connections clients may have open; one more is closed at once.",
      .since = "0.1" },
    { .name = "requests",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "1000",
      .unit = "requests",
      .min = 1,
      .max = 100000,
      .help = "How many requests may wait for their answer; one more is answered 503.",
      .since = "0.1" },
    { .name = "body",
      .type = TD_CONFIG_SIZE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "64 KiB",
      .min = 1024,
      .max = 64 << 20,
      .help = "The longest body of a request; a longer one is answered 413.",
      .since = "0.1" },
    { .name = "read-time",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "10 s",
      .min = 100,
      .max = 300000,
      .help = "How long a client may take to send a request.",
      .since = "0.1" },
    { .name = "idle-time",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "60 s",
      .min = 1000,
      .max = 3600000,
      .help = "How long a connection of a client is kept when nothing is asked on it.",
      .since = "0.1" },
    { .name = "answer-time",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "10 s",
      .min = 100,
      .max = 300000,
      .help = "How long whoever serves a path may take; then the client is answered 503.",
      .since = "0.1" },
    { .name = "questions",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "1000",
      .unit = "questions",
      .min = 1,
      .max = 100000,
      .help = "How many questions may be under way to one server; one more fails at once.",
      .since = "0.1" },
    { .name = "dscp",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "24",
      .min = 0,
      .max = 63,
      .help = "The mark on the network of questions asked of servers (RFC 2474), from the first "
              "packet of a connection on.",
      .since = "0.1" },
    { .name = "priority-dscp",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "40",
      .min = 0,
      .max = 63,
      .help = "The same of questions about calls with a priority and emergency calls, which go by "
              "connections of their own.",
      .since = "0.1" },
    { .name = "connections-per-server",
      .type = TD_CONFIG_INTEGER,
      .default_text = "16",
      .unit = "connections",
      .min = 1,
      .max = 1000,
      .help = "How many connections to one server questions are sent on; the others wait for one.",
      .since = "0.1" },
    { .name = "answer",
      .type = TD_CONFIG_SIZE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "1 MiB",
      .min = 1024,
      .max = 64 << 20,
      .help = "The longest body that a server may answer with; a longer one is no answer.",
      .since = "0.1" },
};

const TdConfigSection http_section = {
    .size = sizeof (TdConfigSection),
    .key_size = sizeof (TdConfigKey),
    .name = "http",
    .help = "HTTP: where requests are taken, from whom, and how much of it.",
    .keys = keys,
    .n_keys = G_N_ELEMENTS (keys),
};

static bool
fail (GError **error, const TdConfig *config, const char *key, const char *value, const char *what)
{
    return td_config_refuse (config, "http", NULL, key, value, error, "%s", what);
}

static unsigned
number (const TdConfig *config, const char *key)
{
    return (unsigned) td_config_number (config, "http", NULL, key);
}

static bool
read_listen (Settings *settings, const TdConfig *config, GError **error)
{
    const char *const *texts = td_config_list (config, "http", NULL, "listen");
    TdAddress address, without;

    for (unsigned i = 0; texts[i] != NULL; i++) {
        /* A port that is not written is the default of both tries. */
        if (!td_address_parse (texts[i], 1, &address) || !td_address_parse (texts[i], 2, &without)
            || td_address_port (&address) != td_address_port (&without)) {
            return fail (error, config, "listen", texts[i],
                         "is no address with a port: write it as 127.0.0.1:8080 or [::1]:8080");
        }
        if (g_strv_contains (texts + i + 1, texts[i])) {
            return fail (error, config, "listen", texts[i],
                         "stands there twice: take one of them out");
        }
    }
    settings->listen = g_strdupv ((char **) texts);
    return true;
}

static bool
read_allow (Settings *settings, const TdConfig *config, GError **error)
{
    const char *const *texts = td_config_list (config, "http", NULL, "allow");

    settings->allow = g_ptr_array_new_with_free_func (g_object_unref);
    for (unsigned i = 0; texts[i] != NULL; i++) {
        g_autoptr (GError) why = NULL;
        GInetAddressMask *mask = g_inet_address_mask_new_from_string (texts[i], &why);
        if (mask == NULL) {
            return fail (error, config, "allow", texts[i],
                         "is neither an address nor a network: write it as 198.51.100.7 or "
                         "10.0.0.0/8, with no bit set behind the length");
        }
        g_ptr_array_add (settings->allow, mask);
    }
    return true;
}

/* What RFC 6750 2.1 lets a token be made of. */
static bool
is_token (const char *text)
{
    size_t len = strlen (text);

    return len > 0 && len <= MAX_TOKEN
           && strspn (text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=")
                  == len;
}

static bool
read_token_file (Settings *settings, const TdConfig *config, const char *path, GError **error)
{
    g_autoptr (GError) why = NULL;
    g_autofree char *text = NULL;
    struct stat status;

    if (stat (path, &status) == 0 && (status.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0) {
        return fail (error, config, "token-file", path,
                     "may be read by everybody, or written by others: make it its owner's alone, "
                     "chmod 600");
    }
    if (!g_file_get_contents (path, &text, NULL, &why)) {
        return fail (error, config, "token-file", path, why->message);
    }
    text[strcspn (text, "\r\n")] = '\0';
    if (!is_token (text)) {
        return fail (error, config, "token-file", path,
                     "does not begin with a token of letters, digits and -._~+/=, 1024 at most");
    }
    settings->token = g_strdup (text);
    return true;
}

static bool
read_token (Settings *settings, const TdConfig *config, bool touches_files, GError **error)
{
    const char *token = td_config_text (config, "http", NULL, "token");
    const char *path = td_config_text (config, "http", NULL, "token-file");
    bool has_file = td_config_is_set (config, "http", NULL, "token-file");

    if (*token != '\0' && has_file) {
        return fail (error, config, "token-file", path,
                     "stands beside token: take one of them out");
    }
    if (*token != '\0' && !is_token (token)) {
        return fail (error, config, "token", "the value",
                     "is no token: letters, digits and -._~+/= only, 1024 at most");
    }
    if (has_file && touches_files) {
        return read_token_file (settings, config, path, error);
    }
    settings->token = *token != '\0' ? g_strdup (token) : NULL;
    return true;
}

static bool
read_trust (Settings *settings, const TdConfig *config, bool touches_files, GError **error)
{
    g_autoptr (GError) why = NULL;

    if (!touches_files || !td_config_is_set (config, "http", NULL, "trust")) {
        return true;
    }
    const char *path = td_config_text (config, "http", NULL, "trust");
    settings->trust = g_tls_file_database_new (path, &why);
    return settings->trust != NULL || fail (error, config, "trust", path, why->message);
}

Settings *
settings_new (const TdConfig *config, bool touches_files, GError **error)
{
    Settings *settings = g_new0 (Settings, 1);

    settings->n_refs = 1;
    settings->max_body_bytes = number (config, "body");
    settings->max_answer_bytes = number (config, "answer");
    settings->max_connections = number (config, "connections");
    settings->max_hands = number (config, "requests");
    settings->max_questions = number (config, "questions");
    settings->dscp = (uint8_t) number (config, "dscp");
    settings->priority_dscp = (uint8_t) number (config, "priority-dscp");
    settings->connections_per_server = number (config, "connections-per-server");
    settings->read_ms = number (config, "read-time");
    settings->idle_ms = number (config, "idle-time");
    settings->answer_ms = number (config, "answer-time");
    if (!read_listen (settings, config, error) || !read_allow (settings, config, error)
        || !read_token (settings, config, touches_files, error)
        || !read_trust (settings, config, touches_files, error)) {
        settings_unref (settings);
        return NULL;
    }
    return settings;
}

Settings *
settings_ref (Settings *settings)
{
    g_atomic_int_inc (&settings->n_refs);
    return settings;
}

void
settings_unref (Settings *settings)
{
    if (settings == NULL || !g_atomic_int_dec_and_test (&settings->n_refs)) {
        return;
    }
    g_strfreev (settings->listen);
    g_clear_pointer (&settings->allow, g_ptr_array_unref);
    g_clear_object (&settings->trust);
    g_free (settings->token);
    g_free (settings);
}

/* An IPv4 address that came to an IPv6 socket (RFC 4291 2.5.5.2) as what it is. */
static GInetAddress *
unmap (GInetAddress *address)
{
    static const uint8_t prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    const uint8_t *bytes = g_inet_address_to_bytes (address);

    return g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6
                   && memcmp (bytes, prefix, sizeof prefix) == 0
               ? g_inet_address_new_from_bytes (bytes + sizeof prefix, G_SOCKET_FAMILY_IPV4)
               : g_object_ref (address);
}

bool
settings_allow (const Settings *settings, GInetAddress *address)
{
    g_autoptr (GInetAddress) plain = unmap (address);

    for (unsigned i = 0; i < settings->allow->len; i++) {
        if (g_inet_address_mask_matches (settings->allow->pdata[i], plain)) {
            return true;
        }
    }
    return false;
}

/* The time it takes says nothing of how many characters were right. */
static bool
is_equal (const char *a, const char *b)
{
    size_t len_a = strlen (a), len_b = strlen (b);
    volatile unsigned difference = len_a != len_b;

    for (size_t i = 0; i < len_a; i++) {
        difference |= (unsigned) (a[i] ^ (i < len_b ? b[i] : 0));
    }
    return difference == 0;
}

bool
settings_accept (const Settings *settings, const char *authorization)
{
    static const char scheme[] = "Bearer ";

    if (settings->token == NULL) {
        return true;
    }
    /* RFC 9110 11.1: the scheme's case does not matter. */
    return authorization != NULL
           && g_ascii_strncasecmp (authorization, scheme, strlen (scheme)) == 0
           && is_equal (authorization + strlen (scheme), settings->token);
}
