/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The [call] section and the trunks, taken apart once for all calls that begin under them. */

#include "call/settings.h"

static const char *const media_choices[] = { "anchor", "through", NULL };

static const TdConfigKey keys[] = {
    { .name = "media",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "anchor",
      .choices = media_choices,
      .help = "anchor: media run through a media provider of this switch, such as rtp. through: "
              "media run past it, from peer to peer.",
      .since = "0.1" },
    { .name = "transcode",
      .type = TD_CONFIG_BOOL,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "yes",
      .help = "Whether anchored calls offer codecs the caller does not have, and transcode.",
      .since = "0.1" },
    { .name = "no-response",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "10 s",
      .min = 100,
      .max = 180000,
      .help = "How long a leg may be out without a sign of life before the next target is tried.",
      .since = "0.1" },
    { .name = "no-answer",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "180 s",
      .min = 1000,
      .max = 3600000,
      .help = "How long a leg may ring before the next target is tried.",
      .since = "0.1" },
    { .name = "max-attempts",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "100",
      .unit = "legs",
      .min = 1,
      .max = 1000,
      .help = "How many legs a call may try before it is given up; a route list may say otherwise.",
      .since = "0.1" },
    { .name = "hunt-time",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "0 s",
      .min = 0,
      .max = 3600000,
      .help =
          "How long after the first leg another one may be tried; 0: no limit; a route list may "
          "say otherwise.",
      .since = "0.1" },
    { .name = "max-redirects",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "10",
      .max = 100,
      .help = "How many of those to whom called peers redirect a call are tried, each once; 0: "
              "nobody is.",
      .since = "0.1" },
    { .name = "inter-digit",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "4 s",
      .min = 500,
      .max = 60000,
      .help = "Overlap dialling: how long to wait for one more digit.",
      .since = "0.1" },
    { .name = "release-timeout",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "40 s",
      .min = 1000,
      .max = 300000,
      .help = "How long a leg may take to clear before the call is ended without it.",
      .since = "0.1" },
    { .name = "re-answer",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "90 s",
      .min = 0,
      .max = 300000,
      .help = "Under one party's release control: how long the other one may have hung up.",
      .since = "0.1" },
    { .name = "media-timeout",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "4 s",
      .min = 100,
      .max = 60000,
      .help = "How long a media provider may take to answer one request.",
      .since = "0.1" },
    { .name = "ringback",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "tone/ringback",
      .help = "What a caller hears, who was answered before his call was handed on, while it rings "
              "at its "
              "destination: a sequence of the module announce.",
      .since = "0.1" },
    { .name = "max-calls",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "200000",
      .unit = "calls",
      .min = 1,
      .max = 10000000,
      .help = "How many calls may be up at once on this switch.",
      .since = "0.1" },
    { .name = "reserve",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "1",
      .unit = "%",
      .min = 0,
      .max = 50,
      .help =
          "The share of max-calls, rounded down, that only calls with a priority, and emergency "
          "calls, may use.",
      .since = "0.1" },
};

const TdConfigSection td_call_section = {
    .size = sizeof (TdConfigSection),
    .key_size = sizeof (TdConfigKey),
    .name = "call",
    .help = "What holds for every call.",
    .keys = keys,
    .n_keys = G_N_ELEMENTS (keys),
};

static TdSnapshot *current;

static void
settings_free (TdTable *table)
{
    TdCallSettings *settings = (TdCallSettings *) table;

    g_hash_table_unref (settings->trunks);
    td_config_unref (settings->config);
    g_free (settings->ringback);
    g_free (settings);
}

static uint32_t
duration_ms (TdConfig *config, const char *key)
{
    return (uint32_t) td_config_number (config, "call", NULL, key);
}

static TdCallSettings *
settings_new (TdConfig *config)
{
    TdCallSettings *settings = g_new0 (TdCallSettings, 1);

    td_table_init (&settings->table, settings_free);
    settings->config = td_config_ref (config);
    settings->trunks = td_trunks_new (config);
    settings->is_through = td_config_number (config, "call", NULL, "media") == 1;
    settings->can_transcode = td_config_bool (config, "call", NULL, "transcode");
    settings->no_response_ms = duration_ms (config, "no-response");
    settings->no_answer_ms = duration_ms (config, "no-answer");
    settings->max_attempts = (unsigned) td_config_number (config, "call", NULL, "max-attempts");
    settings->max_redirects = (unsigned) td_config_number (config, "call", NULL, "max-redirects");
    settings->hunt_ms = duration_ms (config, "hunt-time");
    settings->digit_ms = duration_ms (config, "inter-digit");
    settings->release_ms = duration_ms (config, "release-timeout");
    settings->guard_ms = duration_ms (config, "re-answer");
    settings->media_ms = duration_ms (config, "media-timeout");
    const char *ringback = td_config_text (config, "call", NULL, "ringback");
    settings->ringback = g_strconcat ("source/", ringback, NULL);
    return settings;
}

void
td_call_settings_open (TdConfig *config)
{
    current = td_snapshot_new (NULL, "call settings", &settings_new (config)->table);
}

void
td_call_settings_swap (TdConfig *config)
{
    td_snapshot_swap (current, &settings_new (config)->table);
}

TdCallSettings *
td_call_settings_ref (void)
{
    return (TdCallSettings *) td_table_ref (td_snapshot_peek (current));
}

void
td_call_settings_unref (TdCallSettings *settings)
{
    td_table_unref (&settings->table);
}

void
td_call_settings_close (void)
{
    current = NULL;
}
