/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The section [dip NAME]. */

#include "dip-settings.h"

#include <string.h>

#define SECTION DIP_SECTION_NAME

enum { MAX_CAUSE = 127 }; /* ITU-T Q.850 2.2.5: seven bits */

const TdConfigKey dip_keys[] = {
    { .name = "driver",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_REQUIRED | TD_CONFIG_RELOADABLE,
      .help = "How it is asked: sql, enum or http, by the module dip-sql, dip-enum or dip-http.",
      .since = "0.1" },
    { .name = "deadline",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "500 ms",
      .min = 10,
      .max = 10000,
      .help = "How long a call waits for an answer. A source nearby answers within some "
              "milliseconds, and callers notice more than half a second.",
      .since = "0.1" },
    { .name = "on-failure",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "table",
      .help =
          "What is done without an answer: table (the local table is asked), as-is (the call goes "
          "on as if nobody had to ask) or refuse CAUSE (Q.850), such as refuse 41.",
      .since = "0.1" },
    { .name = "keep",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "5 min",
      .max = 86400000,
      .help =
          "How long an answer is kept at most; shorter where the source says so. 0 s: not at all.",
      .since = "0.1" },
    { .name = "keep-absent",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "1 min",
      .max = 86400000,
      .help = "The same of the answer that a number is not there.",
      .since = "0.1" },
    { .name = "keep-most",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .unit = "answers",
      .default_text = "100000",
      .max = 10000000,
      .help = "How many answers are kept, at about 200 bytes each.",
      .since = "0.1" },
    { .name = "ask-most",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .unit = "questions",
      .default_text = "1000",
      .min = 1,
      .max = 100000,
      .help = "How many questions may be under way. Calls beyond do not wait.",
      .since = "0.1" },
    { .name = "no-carrier",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .help = "Codes in answers that stand for no carrier, such as 0110 for a number that was "
              "translated (RFC 4694 5.2.2).",
      .since = "0.1" },
};

G_STATIC_ASSERT (G_N_ELEMENTS (dip_keys) == N_DIP_KEYS);

/* --- What is done without an answer ------------------------------------------------------ */

/* False: TEXT is none of the three. */
static bool
read_fallback (const char *text, DipFallback *ret_fallback, unsigned *ret_cause)
{
    static const char refuse[] = "refuse ";
    char *end = NULL;

    if (strcmp (text, "table") == 0 || strcmp (text, "as-is") == 0) {
        *ret_fallback = text[0] == 't' ? DIP_BY_TABLE : DIP_AS_IS;
        *ret_cause = 0;
        return true;
    }
    if (!g_str_has_prefix (text, refuse)) {
        return false;
    }
    guint64 cause = g_ascii_strtoull (text + strlen (refuse), &end, 10);
    if (!g_ascii_isdigit (text[strlen (refuse)]) || *end != '\0' || cause < 1
        || cause > MAX_CAUSE) {
        return false;
    }
    *ret_fallback = DIP_REFUSE;
    *ret_cause = (unsigned) cause;
    return true;
}

static bool
check_fallback (const TdConfig *config, const char *name, GError **error)
{
    const char *text = td_config_text (config, SECTION, name, "on-failure");
    DipFallback fallback;
    unsigned cause;

    if (!read_fallback (text, &fallback, &cause)) {
        return td_config_refuse (
            config, SECTION, name, "on-failure", text, error,
            "is neither table nor as-is nor refuse and a cause of 1 to %d, as in "
            "\"refuse 41\"",
            MAX_CAUSE);
    }
    return true;
}

/* --- Whom to ask ------------------------------------------------------------------------- */

/* The modules dip-... that the configuration has, without that (transfer container). */
static GPtrArray *
list_drivers (const TdConfig *config)
{
    GPtrArray *drivers = g_ptr_array_new ();
    const char *const *modules = td_config_keys (config, "modules", NULL);

    for (unsigned i = 0; modules[i] != NULL; i++) {
        const char *wish = td_config_text (config, "modules", NULL, modules[i]);
        if (g_str_has_prefix (modules[i], "dip-") && g_strcmp0 (wish, "disabled") != 0) {
            g_ptr_array_add (drivers, (char *) modules[i] + strlen ("dip-"));
        }
    }
    return drivers;
}

static bool
check_driver (const TdConfig *config, const char *name, GError **error)
{
    const char *driver = td_config_text (config, SECTION, name, "driver");
    g_autoptr (GPtrArray) drivers = list_drivers (config);

    for (unsigned i = 0; i < drivers->len; i++) {
        if (strcmp (drivers->pdata[i], driver) == 0) {
            return true;
        }
    }
    const char *nearest =
        td_text_nearest (driver, (const char *const *) drivers->pdata, drivers->len);
    return td_config_refuse (config, SECTION, name, "driver", driver, error,
                             "needs dip-%s, which [modules] has not: %s%s", driver,
                             nearest != NULL ? "is this meant: "
                                             : "enable it there, or name another driver",
                             nearest != NULL ? nearest : "");
}

bool
dip_settings_check (const TdConfig *config, GError **error)
{
    const char *const *names = td_config_instances (config, SECTION);

    for (unsigned i = 0; names[i] != NULL; i++) {
        if (!check_driver (config, names[i], error) || !check_fallback (config, names[i], error)) {
            return false;
        }
    }
    return true;
}

/* --- Reading ----------------------------------------------------------------------------- */

static uint32_t
number (const TdConfig *config, const char *name, const char *key)
{
    return (uint32_t) td_config_number (config, SECTION, name, key);
}

void
dip_settings_read (DipSettings *settings, const TdConfig *config, const char *name)
{
    *settings = (DipSettings){
        .driver = g_strdup (td_config_text (config, SECTION, name, "driver")),
        .no_carrier = g_strdupv ((char **) td_config_list (config, SECTION, name, "no-carrier")),
        .deadline_ms = number (config, name, "deadline"),
        .found_ms = number (config, name, "keep"),
        .not_found_ms = number (config, name, "keep-absent"),
        .max_kept = number (config, name, "keep-most"),
        .max_asked = number (config, name, "ask-most"),
    };
    read_fallback (td_config_text (config, SECTION, name, "on-failure"), &settings->fallback,
                   &settings->cause);
}

void
dip_settings_clear (DipSettings *settings)
{
    g_free (settings->driver);
    g_strfreev (settings->no_carrier);
    *settings = (DipSettings){ 0 };
}
