/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Takes the configuration apart. */

#include "settings.h"

#include <string.h>

#define RELOADED(...)                                                                              \
    {                                                                                              \
        .flags = TD_CONFIG_RELOADABLE, .since = "0.1", __VA_ARGS__                                 \
    }

static const TdConfigKey keys[] = {
    RELOADED (.name = "numbers", .type = TD_CONFIG_LIST, .default_text = "",
              .help =
                  "The access numbers: whoever calls one is asked for a personal number, such as "
                  "7106274387, +17106274387. Empty: there are none."),
    RELOADED (.name = "pins", .type = TD_CONFIG_PATH,
              .help = "The table of personal numbers, made with tandem-pin. Not given: another "
                      "module looks them up, or nobody has one."),
    RELOADED (.name = "length", .type = TD_CONFIG_INTEGER, .unit = "digits", .default_text = "12",
              .min = PINS_MIN_DIGITS, .max = PINS_MAX_DIGITS,
              .help = "How many digits a personal number has."),
    RELOADED (.name = "tries", .type = TD_CONFIG_INTEGER, .default_text = "3", .min = 1, .max = 10,
              .help = "How often a caller may try one, and then as often a destination."),
    RELOADED (.name = "inter-digit", .type = TD_CONFIG_DURATION, .default_text = "5 s", .min = 500,
              .max = 60000,
              .help = "How long after a digit the number counts as complete, if none comes."),
    RELOADED (.name = "total", .type = TD_CONFIG_DURATION, .default_text = "90 s", .min = 1000,
              .max = 600000, .help = "How long a caller may take for it all."),
    RELOADED (.name = "early", .type = TD_CONFIG_BOOL, .default_text = "no",
              .help = "Whether callers are asked before they are answered, with early media. Some "
                      "gateways let no digits through before an answer."),
    RELOADED (.name = "first-prompt", .type = TD_CONFIG_TEXT, .default_text = "tone/dial",
              .help = "What is heard until the first digit of a personal number: a sequence of the "
                      "module announce, as are the next five."),
    RELOADED (.name = "again-prompt", .type = TD_CONFIG_TEXT,
              .default_text = "tone/reorder 2 s, tone/dial",
              .help = "... after a personal number that is no good."),
    RELOADED (.name = "destination-prompt", .type = TD_CONFIG_TEXT, .default_text = "tone/dial",
              .help = "... until the first digit of a destination."),
    RELOADED (.name = "barred-prompt", .type = TD_CONFIG_TEXT,
              .default_text = "tone/reorder 2 s, tone/dial",
              .help = "... after a destination that may not be called."),
    RELOADED (.name = "refused-prompt", .type = TD_CONFIG_TEXT, .default_text = "tone/reorder 5 s",
              .help = "... when there are no more tries, before the call ends."),
    RELOADED (.name = "busy-prompt", .type = TD_CONFIG_TEXT, .default_text = "tone/reorder 5 s",
              .help = "... when personal numbers cannot be looked up now, before the call ends."),
    RELOADED (.name = "refuse", .type = TD_CONFIG_LIST,
              .default_text =
                  "800, 833, 844, 855, 866, 877, 888, 1800, 1833, 1844, 1855, 1866, 1877, 1888",
              .help = "What destinations begin with that nobody reaches with a personal number: "
                      "toll-free ones, which may be called without."),
    RELOADED (.name = "shortest", .type = TD_CONFIG_INTEGER, .unit = "digits", .default_text = "7",
              .min = 1, .max = 32,
              .help = "Shorter destinations are codes of services, and are refused as well."),
    RELOADED (.name = "capacity", .type = TD_CONFIG_INTEGER, .unit = "calls", .default_text = "500",
              .min = 1, .max = 100000,
              .help = "So many callers are asked at once. Fewer are from a reload on, more from a "
                      "restart on."),
    RELOADED (.name = "checks", .type = TD_CONFIG_INTEGER, .default_text = "64", .min = 1,
              .max = 10000,
              .help = "So many personal numbers wait to be looked up; who comes then hears "
                      "busy-prompt. Each takes some ten milliseconds for each salt of the table, "
                      "on purpose."),
    RELOADED (.name = "lock-after", .type = TD_CONFIG_INTEGER, .unit = "failures",
              .default_text = "6", .min = 1, .max = 1000,
              .help =
                  "After so many numbers that are no good a caller, or an account, is locked out."),
    RELOADED (.name = "lock-first", .type = TD_CONFIG_DURATION, .default_text = "60 s", .min = 1000,
              .max = 604800000, .help = "... for so long at first, and twice as long each time."),
    RELOADED (.name = "lock-longest", .type = TD_CONFIG_DURATION, .default_text = "24 h",
              .min = 1000, .max = 604800000,
              .help = "... at the longest; who was quiet for as long begins anew."),
    RELOADED (.name = "trunk-failures", .type = TD_CONFIG_INTEGER, .unit = "failures",
              .default_text = "120", .min = 0, .max = 1000000,
              .help =
                  "So many numbers that are no good are looked up at once of the callers by one "
                  "trunk, and as many within each alarm-window from then on, whoever they say "
                  "that they are; the same of all who come by none. Beyond it each number waits, "
                  "good or not, for up to 10 s; who would wait longer hears busy-prompt. Good "
                  "ones do not count. 0: any number."),
    RELOADED (.name = "alarm-failures", .type = TD_CONFIG_INTEGER, .unit = "failures",
              .default_text = "30", .min = 0, .max = 1000000,
              .help =
                  "How many numbers that are no good must come by one trunk within alarm-window "
                  "for the alarm access-failures, which is over when fewer than half as many do; "
                  "0: never."),
    RELOADED (.name = "alarm-window", .type = TD_CONFIG_DURATION, .default_text = "60 s",
              .min = 1000, .max = 86400000, .help = "See alarm-failures and trunk-failures."),
    RELOADED (.name = "code", .type = TD_CONFIG_TEXT, .default_text = "*272",
              .help = "What a caller with a subscription dials before a number, for a call with "
                      "priority; empty: nothing."),
    RELOADED (.name = "carrier-prefix", .type = TD_CONFIG_TEXT, .default_text = "101",
              .help = "What stands before the code of a carrier, and that before an access number "
                      "(101XXXX 710...). Empty: nobody dials a carrier here."),
    RELOADED (.name = "carrier-digits", .type = TD_CONFIG_INTEGER, .unit = "digits",
              .default_text = "4", .min = 1, .max = 16,
              .help = "How many digits the code of a carrier has."),
    RELOADED (.name = "carriers", .type = TD_CONFIG_LIST, .default_text = "",
              .help = "Whose code is which: CODE:TRUNK, such as 0288:west. The destination of a "
                      "caller who has dialled it is tried by that trunk first."),
    RELOADED (.name = "carrier-alternates", .type = TD_CONFIG_LIST, .default_text = "",
              .help = "Trunks that are tried after that, in their order."),
};

static const TdConfigKey profile_keys[] = {
    RELOADED (.name = "mark", .type = TD_CONFIG_TEXT, .default_text = "",
              .help =
                  "What the call counts as marked with, such as ets.0: see the module priority."),
    RELOADED (.name = "destinations", .type = TD_CONFIG_LIST, .default_text = "",
              .help = "What the numbers begin with that may be called; empty: any."),
};

static const TdConfigKey trunk_keys[] = {
    RELOADED (.name = "access-subscription", .type = TD_CONFIG_REFERENCE,
              .refers = "access-profile",
              .help = "What calls are worth that come by the trunk with the code of [access] "
                      "before the number (*272). Not given: they are refused."),
};

#define SECTION(...)                                                                               \
    {                                                                                              \
        .size = sizeof (TdConfigSection), .key_size = sizeof (TdConfigKey), __VA_ARGS__            \
    }

const TdConfigSection access_sections[ACCESS_N_SECTIONS] = {
    SECTION (.name = "access",
             .help = "Calls with priority by a personal number, or by subscription.", .keys = keys,
             .n_keys = G_N_ELEMENTS (keys)),
    SECTION (.name = "access-profile",
             .help = "What a personal number, or a subscription, is good for.", .is_named = true,
             .keys = profile_keys, .n_keys = G_N_ELEMENTS (profile_keys)),
    SECTION (.name = "trunk", .keys = trunk_keys, .n_keys = G_N_ELEMENTS (trunk_keys),
             .is_addition = true),
};

static void
free_profile (void *data)
{
    Profile *profile = data;

    g_free (profile->name);
    g_free (profile->mark);
    g_strfreev (profile->destinations);
    g_free (profile);
}

static void
settings_free (TdTable *table)
{
    Settings *settings = (Settings *) table;
    Prompts *prompts = &settings->prompts;

    pins_free (settings->pins);
    g_hash_table_unref (settings->subscriptions);
    g_hash_table_unref (settings->profiles);
    g_hash_table_unref (settings->numbers);
    g_hash_table_unref (settings->carriers);
    g_strfreev (settings->alternates);
    g_free (settings->carrier_prefix);
    td_prefix_table_free (settings->refused);
    g_free (prompts->first);
    g_free (prompts->again);
    g_free (prompts->destination);
    g_free (prompts->barred);
    g_free (prompts->refused);
    g_free (prompts->busy);
    g_free (settings->code);
    g_free (settings);
}

static int64_t
figure (const TdConfig *config, const char *key)
{
    return td_config_number (config, "access", NULL, key);
}

static char *
text (const TdConfig *config, const char *key)
{
    return g_strdup (td_config_text (config, "access", NULL, key));
}

static bool
read_numbers (Settings *settings, const TdConfig *config, GError **error)
{
    const char *const *numbers = td_config_list (config, "access", NULL, "numbers");

    for (unsigned i = 0; numbers[i] != NULL; i++) {
        TdParty party;
        if (!td_party_from_number (&party, numbers[i])) {
            return td_config_refuse (
                config, "access", NULL, "numbers", numbers[i], error,
                "is no number: write digits, after a + for an international one");
        }
        g_hash_table_add (settings->numbers, g_strdup (td_party_key (&party)));
    }
    return true;
}

static bool
check_prefixes (const TdConfig *config, const char *section, const char *instance, const char *key,
                GError **error)
{
    const char *const *prefixes = td_config_list (config, section, instance, key);

    for (unsigned i = 0; prefixes[i] != NULL; i++) {
        if (!td_prefix_is_valid (prefixes[i])) {
            return td_config_refuse (
                config, section, instance, key, prefixes[i], error,
                "is no prefix: write digits, * and #, after a + for international numbers");
        }
    }
    return true;
}

static bool
read_refused (Settings *settings, const TdConfig *config, GError **error)
{
    const char *const *list = td_config_list (config, "access", NULL, "refuse");
    g_autoptr (GArray) prefixes = g_array_new (false, false, sizeof (TdPrefix));

    if (!check_prefixes (config, "access", NULL, "refuse", error)) {
        return false;
    }
    for (unsigned i = 0; list[i] != NULL; i++) {
        TdPrefix prefix = { list[i], i };
        g_array_append_val (prefixes, prefix);
    }
    settings->refused =
        td_prefix_table_new ((TdPrefix *) (void *) prefixes->data, prefixes->len, NULL);
    return true;
}

static bool
read_profiles (Settings *settings, const TdConfig *config, GError **error)
{
    const char *const *names = td_config_instances (config, "access-profile");

    for (unsigned i = 0; names[i] != NULL; i++) {
        Profile *profile = g_new0 (Profile, 1);
        profile->name = g_strdup (names[i]);
        profile->mark = g_strdup (td_config_text (config, "access-profile", names[i], "mark"));
        profile->destinations = g_strdupv (
            (char **) td_config_list (config, "access-profile", names[i], "destinations"));
        g_hash_table_insert (settings->profiles, profile->name, profile);
        if (!check_prefixes (config, "access-profile", names[i], "destinations", error)) {
            return false;
        }
    }
    return true;
}

static void
read_subscriptions (Settings *settings, const TdConfig *config)
{
    const char *const *trunks = td_config_instances (config, "trunk");

    for (unsigned i = 0; trunks[i] != NULL; i++) {
        const char *name = td_config_text (config, "trunk", trunks[i], "access-subscription");
        Profile *profile =
            name != NULL && *name != '\0' ? g_hash_table_lookup (settings->profiles, name) : NULL;
        if (profile != NULL) {
            g_hash_table_insert (settings->subscriptions, g_strdup (trunks[i]), profile);
        }
    }
}

/* --- Carriers ---------------------------------------------------------------------------- */

static bool
check_trunk (const TdConfig *config, const char *key, const char *value, const char *trunk,
             GError **error)
{
    return g_strv_contains (td_config_instances (config, "trunk"), trunk)
           || td_config_refuse (config, "access", NULL, key, value, error,
                                "names no trunk: there is no [trunk %s]", trunk);
}

static bool
read_carriers (Settings *settings, const TdConfig *config, GError **error)
{
    const char *const *pairs = td_config_list (config, "access", NULL, "carriers");
    const char *const *others = td_config_list (config, "access", NULL, "carrier-alternates");

    for (unsigned i = 0; pairs[i] != NULL; i++) {
        size_t len_code = strspn (pairs[i], "0123456789");
        if (len_code != settings->n_carrier_digits || pairs[i][len_code] != ':') {
            return td_config_refuse (config, "access", NULL, "carriers", pairs[i], error,
                                     "is no CODE:TRUNK with a code of %u digits, such as 0288:west",
                                     settings->n_carrier_digits);
        }
        const char *trunk = pairs[i] + len_code + 1;
        if (!check_trunk (config, "carriers", pairs[i], trunk, error)) {
            return false;
        }
        g_hash_table_insert (settings->carriers, g_strndup (pairs[i], len_code), g_strdup (trunk));
    }
    for (unsigned i = 0; others[i] != NULL; i++) {
        if (!check_trunk (config, "carrier-alternates", others[i], others[i], error)) {
            return false;
        }
    }
    settings->alternates = g_strdupv ((char **) others);
    return true;
}

static bool
read_pins (Settings *settings, const TdConfig *config, GError **error)
{
    const char *path = td_config_text (config, "access", NULL, "pins");
    GHashTableIter iter;
    void *value;

    if (path == NULL || *path == '\0') {
        return true;
    }
    g_autoptr (GError) why = NULL;
    settings->pins = pins_read (path, &why);
    if (settings->pins == NULL) {
        return td_config_refuse (config, "access", NULL, "pins", NULL, error, "%s", why->message);
    }
    g_hash_table_iter_init (&iter, settings->pins->by_hash);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        const Pin *pin = value;
        if (!g_hash_table_contains (settings->profiles, pin->profile)) {
            return td_config_refuse (
                config, "access", NULL, "pins", pin->profile, error,
                "is the profile of an account in that table, and there is no such "
                "[access-profile]");
        }
    }
    return true;
}

static void
read_values (Settings *settings, const TdConfig *config)
{
    settings->prompts = (Prompts){ .first = text (config, "first-prompt"),
                                   .again = text (config, "again-prompt"),
                                   .destination = text (config, "destination-prompt"),
                                   .barred = text (config, "barred-prompt"),
                                   .refused = text (config, "refused-prompt"),
                                   .busy = text (config, "busy-prompt") };
    settings->code = text (config, "code");
    settings->carrier_prefix = text (config, "carrier-prefix");
    settings->n_carrier_digits = (unsigned) figure (config, "carrier-digits");
    settings->n_digits = (unsigned) figure (config, "length");
    settings->n_tries = (unsigned) figure (config, "tries");
    settings->shortest = (unsigned) figure (config, "shortest");
    settings->digit_ms = (uint32_t) figure (config, "inter-digit");
    settings->total_ms = (uint32_t) figure (config, "total");
    settings->is_early = td_config_bool (config, "access", NULL, "early");
    settings->capacity = (unsigned) figure (config, "capacity");
    settings->n_checks = (unsigned) figure (config, "checks");
    settings->locks = (LockRules){ .failures = (unsigned) figure (config, "lock-after"),
                                   .first_us = figure (config, "lock-first") * 1000,
                                   .longest_us = figure (config, "lock-longest") * 1000 };
    settings->alarm_failures = (unsigned) figure (config, "alarm-failures");
    settings->alarm_window_ms = (uint32_t) figure (config, "alarm-window");
    settings->paces = (PaceRules){ .failures = (unsigned) figure (config, "trunk-failures"),
                                   .window_us = settings->alarm_window_ms * INT64_C (1000) };
}

Settings *
settings_new (const TdConfig *config, GError **error)
{
    Settings *settings = g_new0 (Settings, 1);

    td_table_init (&settings->table, settings_free);
    settings->numbers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    settings->profiles = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_profile);
    settings->subscriptions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    settings->carriers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    read_values (settings, config);
    if (!read_carriers (settings, config, error) || !read_numbers (settings, config, error)
        || !read_refused (settings, config, error) || !read_profiles (settings, config, error)
        || !read_pins (settings, config, error)) {
        td_table_unref (&settings->table);
        return NULL;
    }
    read_subscriptions (settings, config);
    return settings;
}

const Profile *
settings_profile (const Settings *settings, const char *name)
{
    return g_hash_table_lookup (settings->profiles, name);
}

bool
settings_may_call (const Settings *settings, const char *const *destinations, const char *number)
{
    if (strspn (number, "0123456789") < settings->shortest
        || td_prefix_table_find (settings->refused, number) != TD_PREFIX_NO_VALUE) {
        return false;
    }
    if (destinations == NULL || destinations[0] == NULL) {
        return true;
    }
    for (unsigned i = 0; destinations[i] != NULL; i++) {
        if (g_str_has_prefix (number, destinations[i])) {
            return true;
        }
    }
    return false;
}
