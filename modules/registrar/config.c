/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may be configured: [registrar] and [user NAME]. */

#include "registrar.h"

static const TdConfigKey registrar_keys[] = {
    { .name = "domains",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "*",
      .help = "The domains and addresses that users are registered under; * for whatever they call "
              "this switch by. All are names of one set of users.",
      .since = "0.1" },
    { .name = "realm",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help = "The realm that the hashes in the database were made for; empty: whichever is asked "
              "for. It must be the one that endpoints challenge with.",
      .since = "0.1" },
    { .name = "database",
      .type = TD_CONFIG_PATH,
      .help = "The SQLite file with contacts and users; registrar.db in the module's folder of the "
              "state directory where it is not given.",
      .since = "0.1" },
    { .name = "min-expiry",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "60 s",
      .min = 1000,
      .max = 3600000, /* RFC 3261 10.3 7: only less than an hour may be too brief */
      .help = "A contact that wants to be known for less is refused.",
      .since = "0.1" },
    { .name = "default-expiry",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "1 h",
      .min = 1000,
      .max = INT64_C (2592000000),
      .help = "How long a contact is known that names no time.",
      .since = "0.1" },
    { .name = "max-expiry",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "2 h",
      .min = 1000,
      .max = INT64_C (2592000000),
      .help = "How long a contact is known at most.",
      .since = "0.1" },
    { .name = "max-contacts",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "10",
      .unit = "contacts",
      .min = 1,
      .max = 64,
      .help = "How many contacts a user may have at once.",
      .since = "0.1" },
};

static const TdConfigKey user_keys[] = {
    { .name = "password",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_REQUIRED | TD_CONFIG_RELOADABLE | TD_CONFIG_SECRET,
      .help = "What the phone proves that it knows.",
      .since = "0.1" },
    { .name = "numbers",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help = "Numbers that reach this user, a + before international ones.",
      .since = "0.1" },
};

const TdConfigSection registrar_sections[REGISTRAR_N_SECTIONS] = {
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "registrar",
      .help = "Where phones say where they are.",
      .keys = registrar_keys,
      .n_keys = G_N_ELEMENTS (registrar_keys) },
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "user",
      .help = "Somebody who may register; many of them belong in the database.",
      .is_named = true,
      .keys = user_keys,
      .n_keys = G_N_ELEMENTS (user_keys) },
};
