/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The section [policy] taken apart, and which trunk groups there are. */

#include "settings.h"

#include <stdlib.h>
#include <string.h>
#include <tandem/number.h>

static const TdConfigKey keys[] = {
    { .name = "serve",
      .type = TD_CONFIG_BOOL,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "no",
      .help = "Whether other nodes may ask this one where calls go, at the addresses of [http].",
      .since = "0.1" },
    { .name = "servers",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help =
          "Whom to ask where calls go, in turn: up to nine, such as http://10.0.0.1:8080. Empty: "
          "nobody, the tables here decide.",
      .since = "0.1" },
    { .name = "token",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE | TD_CONFIG_SECRET,
      .default_text = "",
      .help = "The bearer token that the servers ask for; empty: none is sent.",
      .since = "0.1" },
    { .name = "deadline",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "2500 ms",
      .min = 50,
      .max = 30000,
      .help = "How long a call may wait for servers, a second try included; then the tables here "
              "decide. The first one has half of it.",
      .since = "0.1" },
    { .name = "emergency-deadline",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "500 ms",
      .min = 0,
      .max = 30000,
      .help = "The same for emergency calls; 0: they wait for nobody, the tables here decide.",
      .since = "0.1" },
    { .name = "priority-deadline",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "500 ms",
      .min = 0,
      .max = 30000,
      .help = "The same for calls with a priority, which must not hang on a server that is dead or "
              "slow; 0: they wait for nobody, the tables here decide.",
      .since = "0.1" },
    { .name = "emergency-numbers",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "112, 911",
      .help = "Called numbers, as they are dialled, that are emergency calls whatever their class.",
      .since = "0.1" },
    { .name = "probe",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "5 s",
      .min = 100,
      .max = 600000,
      .help = "How often to look whether each server is there.",
      .since = "0.1" },
    { .name = "shares",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "75 %, 50 %, 0 %",
      .help = "Which part of its turns a server gets that is at MC1, MC2 and MC3.",
      .since = "0.1" },
};

const TdConfigSection policy_section = {
    .size = sizeof (TdConfigSection),
    .key_size = sizeof (TdConfigKey),
    .name = "policy",
    .help = "One node's routing for many: who is asked where calls go, and whether others may ask.",
    .keys = keys,
    .n_keys = G_N_ELEMENTS (keys),
};

static bool
fail (GError **error, const TdConfig *config, const char *key, const char *value, const char *what)
{
    return td_config_refuse (config, "policy", NULL, key, value, error, "%s", what);
}

static bool
is_url (const char *text)
{
    g_autoptr (GUri) uri = g_uri_parse (text, G_URI_FLAGS_NONE, NULL);

    return uri != NULL
           && (strcmp (g_uri_get_scheme (uri), "http") == 0
               || strcmp (g_uri_get_scheme (uri), "https") == 0)
           && g_uri_get_host (uri) != NULL && *g_uri_get_host (uri) != '\0'
           && g_uri_get_query (uri) == NULL && g_uri_get_fragment (uri) == NULL
           && g_uri_get_userinfo (uri) == NULL;
}

static bool
read_urls (Settings *settings, const TdConfig *config, GError **error)
{
    const char *const *texts = td_config_list (config, "policy", NULL, "servers");
    g_autoptr (GStrvBuilder) urls = g_strv_builder_new ();

    for (unsigned i = 0; texts[i] != NULL; i++) {
        g_autofree char *url = g_strdup (texts[i]);
        size_t len = strlen (url);
        if (!is_url (url)) {
            return fail (error, config, "servers", url,
                         "is no server: write it as http://HOST:PORT, or https:, without a query");
        }
        while (len > 0 && url[len - 1] == '/') {
            url[--len] = '\0';
        }
        if (g_strv_contains (texts + i + 1, texts[i])) {
            return fail (error, config, "servers", url, "stands there twice: take one of them out");
        }
        if (i == POOL_MAX_SERVERS) {
            return fail (error, config, "servers", url, "is the tenth: nine may be asked");
        }
        g_strv_builder_add (urls, url);
    }
    settings->urls = g_strv_builder_end (urls);
    return true;
}

static bool
read_shares (Settings *settings, const TdConfig *config, GError **error)
{
    const char *const *texts = td_config_list (config, "policy", NULL, "shares");
    unsigned n = g_strv_length ((char **) texts);

    settings->shares[0] = 100;
    if (n != POOL_N_LEVELS - 1) {
        return fail (error, config, "shares", n > 0 ? texts[0] : "",
                     "is not all of it: say three, for MC1, MC2 and MC3, such as 75 %, 50 %, 0 %");
    }
    for (unsigned i = 0; i < n; i++) {
        char *end;
        unsigned long share = strtoul (texts[i], &end, 10);
        end += strspn (end, " ");
        end += *end == '%';
        if (!g_ascii_isdigit (texts[i][0]) || *end != '\0' || share > 100) {
            return fail (error, config, "shares", texts[i], "is no share of 0 to 100 %");
        }
        settings->shares[i + 1] = (uint8_t) share;
    }
    return true;
}

/* Numbers as routing looks them up. */
static bool
read_emergency (Settings *settings, const TdConfig *config, GError **error)
{
    const char *const *texts = td_config_list (config, "policy", NULL, "emergency-numbers");
    TdParty party;

    settings->emergency = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    for (unsigned i = 0; texts[i] != NULL; i++) {
        if (!td_party_from_number (&party, texts[i])) {
            return fail (error, config, "emergency-numbers", texts[i], "is no number");
        }
        g_hash_table_add (settings->emergency, g_strdup (td_party_key (&party)));
    }
    return true;
}

static void
settings_free (TdTable *table)
{
    Settings *settings = (Settings *) table;

    if (settings->pool != NULL) {
        td_table_unref (&settings->pool->table);
    }
    g_strfreev (settings->urls);
    g_free (settings->token);
    g_free (settings->node);
    g_clear_pointer (&settings->emergency, g_hash_table_unref);
    g_clear_pointer (&settings->trunks, g_hash_table_unref);
    g_free (settings);
}

static uint32_t
duration_ms (const TdConfig *config, const char *key)
{
    return (uint32_t) td_config_number (config, "policy", NULL, key);
}

Settings *
settings_new (const TdConfig *config, GError **error)
{
    Settings *settings = g_new0 (Settings, 1);
    const char *token = td_config_text (config, "policy", NULL, "token");
    const char *const *trunks = td_config_instances (config, "trunk");

    td_table_init (&settings->table, settings_free);
    settings->serves = td_config_bool (config, "policy", NULL, "serve");
    settings->token = *token != '\0' ? g_strdup (token) : NULL;
    settings->node = g_strdup (td_config_text (config, "tandem", NULL, "node"));
    settings->deadline_ms = duration_ms (config, "deadline");
    settings->emergency_ms = duration_ms (config, "emergency-deadline");
    settings->priority_ms = duration_ms (config, "priority-deadline");
    settings->probe_ms = duration_ms (config, "probe");
    settings->trunks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    for (unsigned i = 0; trunks[i] != NULL; i++) {
        g_hash_table_add (settings->trunks, g_strdup (trunks[i]));
    }
    if (!read_urls (settings, config, error) || !read_shares (settings, config, error)
        || !read_emergency (settings, config, error)) {
        td_table_unref (&settings->table);
        return NULL;
    }
    return settings;
}

bool
settings_has_trunk (const char *name, const void *settings)
{
    return g_hash_table_contains (((const Settings *) settings)->trunks, name);
}
