/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings out of the text of a configuration file, for tests of what is decided by them. */

#ifndef PRIORITY_TESTS_WORLD_H
#define PRIORITY_TESTS_WORLD_H

#include "settings.h"

#include <string.h>

static inline TdConfig *
world_config (const char *text)
{
    static const TdConfigKey keys[] = { { .name = "*", .type = TD_CONFIG_TEXT } };
    TdConfigSection core[] = {
        { .size = sizeof (TdConfigSection),
          .key_size = sizeof (TdConfigKey),
          .name = "modules",
          .takes_any_key = true,
          .keys = keys,
          .n_keys = 1 },
        td_trunk_section,
        td_member_section,
    };
    const TdSchemaOwner owners[] = {
        { .name = "core", .sections = core, .n_sections = G_N_ELEMENTS (core) },
        { .name = "priority",
          .sections = priority_sections,
          .n_sections = PRIORITY_N_SECTIONS,
          .can_reload = true },
    };
    g_autoptr (GError) error = NULL;
    g_autoptr (GPtrArray) problems = td_problems_new ();
    g_autoptr (TdSchema) schema = td_schema_new (owners, G_N_ELEMENTS (owners), &error);
    g_assert_no_error (error);
    g_autoptr (TdIni) ini = td_ini_parse ("f", text, strlen (text), problems);
    TdConfig *config = td_config_check (ini, NULL, schema, 0, problems);
    g_autofree char *found = td_problems_to_text (problems);

    g_assert_cmpstr (found, ==, "");
    return config;
}

static inline Settings *
world_settings (const char *text)
{
    g_autoptr (TdConfig) config = world_config (text);
    g_autoptr (GError) error = NULL;
    Settings *settings = settings_new (config, settings_has_passport (config), &error);

    g_assert_no_error (error);
    return settings;
}

/* TEXT is refused with WANTED in the message. */
static inline void
world_refuse (const char *text, const char *wanted)
{
    g_autoptr (TdConfig) config = world_config (text);
    g_autoptr (GError) error = NULL;

    g_assert_null (settings_new (config, settings_has_passport (config), &error));
    if (strstr (error->message, wanted) == NULL) {
        g_error ("\"%s\" does not say \"%s\"", error->message, wanted);
    }
}

#endif
