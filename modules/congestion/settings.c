/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may be configured, and how its lists are read. */

#include "settings.h"

#include <string.h>
#include <tandem/priority.h>

typedef struct {
    const char *name;
    int64_t factor;
} Unit;

static const Unit times_us[] = { { "us", 1 },
                                 { "ms", 1000 },
                                 { "s", 1000000 },
                                 { "min", INT64_C (60000000) },
                                 { "h", INT64_C (3600000000) },
                                 { "d", INT64_C (86400000000) },
                                 { NULL, 0 } };
static const Unit percents[] = { { "%", 1 }, { NULL, 0 } };
static const Unit calls[] = { { "", 1 }, { "calls", 1 }, { NULL, 0 } };
static const Unit factors[] = { { "", 1 }, { NULL, 0 } };

const char *const measure_names[N_MEASURES] = {
    [MEASURE_LANE_DELAY] = "lane-delay",         [MEASURE_ARRIVAL_DELAY] = "arrival-delay",
    [MEASURE_LANE_OCCUPANCY] = "lane-occupancy", [MEASURE_MEMORY] = "memory",
    [MEASURE_DESCRIPTORS] = "descriptors",       [MEASURE_CALLS] = "calls",
    [MEASURE_CALL_RATE] = "calls-per-second",
};

const char *const measure_units[N_MEASURES] = {
    [MEASURE_LANE_DELAY] = "us",     [MEASURE_ARRIVAL_DELAY] = "us", [MEASURE_LANE_OCCUPANCY] = "%",
    [MEASURE_MEMORY] = "%",          [MEASURE_DESCRIPTORS] = "%",    [MEASURE_CALLS] = "calls",
    [MEASURE_CALL_RATE] = "calls/s",
};

static const Unit *const units_of[N_MEASURES] = {
    [MEASURE_LANE_DELAY] = times_us,     [MEASURE_ARRIVAL_DELAY] = times_us,
    [MEASURE_LANE_OCCUPANCY] = percents, [MEASURE_MEMORY] = percents,
    [MEASURE_DESCRIPTORS] = percents,    [MEASURE_CALLS] = calls,
    [MEASURE_CALL_RATE] = calls,
};

static const char *const adaptive_choices[] = {
    "lane-delay",  "arrival-delay", "lane-occupancy",   "memory",
    "descriptors", "calls",         "calls-per-second", NULL,
};

#define THREE "three values, for MC1, MC2 and MC3, each or all of them off"

static const TdConfigKey keys[] = {
    { .name = "lane-delay",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "20 ms, 100 ms, 400 ms",
      .help = "How long work may wait for its turn on the slowest lane: " THREE ".",
      .since = "0.1" },
    { .name = "arrival-delay",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "20 ms, 100 ms, 400 ms",
      .help =
          "How long datagrams may wait in the kernel until the slowest lane reads them: " THREE ".",
      .since = "0.1" },
    { .name = "lane-occupancy",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "off",
      .help = "How much of a processor the busiest lane may use: " THREE ".",
      .since = "0.1" },
    { .name = "memory",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "80 %, 90 %, 95 %",
      .help = "How much of memory-limit the process may keep resident: " THREE ".",
      .since = "0.1" },
    { .name = "memory-limit",
      .type = TD_CONFIG_SIZE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "auto",
      .min = 1 << 20,
      .max = INT64_MAX,
      .choices = TD_LIST ("auto"),
      .help =
          "What memory is a share of; auto: the limit of the control group, or what the machine "
          "has.",
      .since = "0.1" },
    { .name = "descriptors",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "80 %, 90 %, 95 %",
      .help = "How many of the open files the kernel allows may be open: " THREE ".",
      .since = "0.1" },
    { .name = "calls",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "off",
      .help = "How many calls may be up: " THREE ".",
      .since = "0.1" },
    { .name = "calls-per-second",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "off",
      .help = "How many calls may come in a second, refused ones too: " THREE ".",
      .since = "0.1" },
    { .name = "adaptive",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .choices = adaptive_choices,
      .help = "Measures whose thresholds go by what is normal for this switch: never above those "
              "that are given, so what is unusual is seen earlier.",
      .since = "0.1" },
    { .name = "adaptive-times",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "2, 4, 8",
      .help = "How many times the normal value MC1, MC2 and MC3 begin at.",
      .since = "0.1" },
    { .name = "adaptive-floor",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "25",
      .unit = "%",
      .min = 0,
      .max = 100,
      .help = "An adaptive threshold is never below this share of the one that is given: a switch "
              "that is idle at night is not congested by the first calls of the day.",
      .since = "0.1" },
    { .name = "learn-time",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "15 min",
      .min = 1000,
      .max = INT64_C (604800000),
      .help = "How long the normal value takes to follow, and to be learnt first; at MC0 only.",
      .since = "0.1" },
    { .name = "clear",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "70",
      .unit = "%",
      .min = 1,
      .max = 100,
      .help = "A level ends below this share of the threshold at which it began.",
      .since = "0.1" },
    { .name = "rise-after",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "2 s",
      .min = 0,
      .max = 60000,
      .help = "How long a measure must stand at a threshold before its level rises.",
      .since = "0.1" },
    { .name = "dwell",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "5 s",
      .min = 0,
      .max = 3600000,
      .help =
          "The least time at a level before the one below it, and between two lines of the log.",
      .since = "0.1" },
    { .name = "priority",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "5",
      .min = 1,
      .max = TD_CLASS_EMERGENCY,
      .help =
          "Calls of this class (ordinary ones have 4, emergency calls 12) and of higher ones are "
          "never refused by this module.",
      .since = "0.1" },
    { .name = "admit-mc1",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "75 %",
      .help =
          "What share of the calls below priority is admitted at MC1: one for all, or by class, "
          "as in: 0-3 20 %, 4 75 %.",
      .since = "0.1" },
    { .name = "admit-mc2",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "50 %",
      .help = "The same at MC2.",
      .since = "0.1" },
    { .name = "admit-mc3",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "0 %",
      .help = "The same at MC3.",
      .since = "0.1" },
    { .name = "retry-after",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "0 s, 0 s, 5 s",
      .help = "What a refused caller is told to wait at MC1, MC2 and MC3; 0 s: nothing is said. A "
              "SIP peer that obeys sends no call at all meanwhile, of any class.",
      .since = "0.1" },
};

const TdConfigSection congestion_section = {
    .size = sizeof (TdConfigSection),
    .key_size = sizeof (TdConfigKey),
    .name = "congestion",
    .help = "When this switch has too much to do, and whom it lets in then.",
    .keys = keys,
    .n_keys = G_N_ELEMENTS (keys),
};

/* --- Texts ------------------------------------------------------------------------------- */

/* "20 ms" with one of UNITS. */
static bool
parse_quantity (const char *text, const Unit *units, int64_t *ret_number)
{
    char *end;
    uint64_t number = g_ascii_strtoull (text, &end, 10);

    if (!g_ascii_isdigit (*text) || number > INT64_MAX) {
        return false;
    }
    end += strspn (end, " ");
    for (; units->name != NULL; units++) {
        if (strcmp (end, units->name) == 0) {
            return !__builtin_mul_overflow ((int64_t) number, units->factor, ret_number);
        }
    }
    return false;
}

bool
duration_parse (const char *text, int64_t *ret_us)
{
    return parse_quantity (text, times_us, ret_us);
}

bool
level_parse (const char *text, unsigned *ret_level)
{
    if (g_ascii_strncasecmp (text, "mc", 2) == 0) {
        text += 2;
    }
    if (*text < '0' || *text >= '0' + N_LEVELS || text[1] != '\0') {
        return false;
    }
    *ret_level = (unsigned) (*text - '0');
    return true;
}

/* --- Lists of three ---------------------------------------------------------------------- */

typedef struct {
    const TdConfig *config;
    const char *key;
} Place;

static bool
fail (const Place *place, const char *value, const char *what, GError **error)
{
    return td_config_refuse (place->config, "congestion", NULL, place->key, value, error, "%s",
                             what);
}

static const char *const *
list_of (const Place *place)
{
    return td_config_list (place->config, "congestion", NULL, place->key);
}

static bool
read_three (const Place *place, const Unit *units, bool may_be_off, int64_t numbers[N_ONSETS],
            GError **error)
{
    const char *const *texts = list_of (place);

    if (g_strv_length ((char **) texts) != N_ONSETS) {
        return fail (place, td_config_text (place->config, "congestion", NULL, place->key),
                     "is not three values: one for MC1, one for MC2, one for MC3", error);
    }
    for (unsigned i = 0; i < N_ONSETS; i++) {
        if (may_be_off && strcmp (texts[i], "off") == 0) {
            numbers[i] = MEASURE_NEVER;
        } else if (!parse_quantity (texts[i], units, &numbers[i])) {
            return fail (place, texts[i],
                         units == times_us   ? "is no time: write it as 20 ms or 5 s"
                         : units == percents ? "is no share: write it as 80 %"
                                             : "is no number",
                         error);
        }
    }
    return true;
}

static bool
read_growing (const Place *place, const Unit *units, int64_t numbers[N_ONSETS], GError **error)
{
    if (!read_three (place, units, units != factors, numbers, error)) {
        return false;
    }
    for (unsigned i = 0; i < N_ONSETS; i++) {
        if (numbers[i] <= (i > 0 ? numbers[i - 1] : 0) && numbers[i] != MEASURE_NEVER) {
            return fail (place, list_of (place)[i],
                         i > 0 ? "is not above the value before it"
                               : "would always be reached: write off to switch the measure off",
                         error);
        }
    }
    return true;
}

static bool
is_off (const Place *place)
{
    const char *const *texts = list_of (place);

    return texts[0] != NULL && strcmp (texts[0], "off") == 0 && texts[1] == NULL;
}

/* --- Shares by class --------------------------------------------------------------------- */

/* "4 75 %", "0-3 20 %" or "75 %" of all: RET_FIRST to RET_LAST, and the rest of the text. */
static const char *
read_classes (const char *text, unsigned passing_class, unsigned *ret_first, unsigned *ret_last)
{
    char *end, *rest;
    uint64_t first = g_ascii_strtoull (text, &end, 10), last = first;

    if (*end == '-') {
        last = g_ascii_strtoull (end + 1, &end, 10);
    }
    rest = end + strspn (end, " ");
    if (!g_ascii_isdigit (*rest)) {
        *ret_first = 0;
        *ret_last = passing_class - 1;
        return text;
    }
    *ret_first = (unsigned) MIN (first, TD_N_CLASSES);
    *ret_last = (unsigned) MIN (last, TD_N_CLASSES);
    return rest;
}

static bool
read_shares (Settings *settings, const Place *place, unsigned level, GError **error)
{
    const char *const *texts = list_of (place);

    memset (settings->shares[level], 100, sizeof settings->shares[level]);
    for (unsigned i = 0; texts[i] != NULL; i++) {
        unsigned first, last;
        int64_t percent;
        const char *share = read_classes (texts[i], settings->passing_class, &first, &last);
        if (!parse_quantity (share, percents, &percent) || percent > 100 || first > last) {
            return fail (place, texts[i],
                         "is no share of 0 to 100 %, such as 75 %, or 0-3 20 % by class", error);
        }
        if (last >= settings->passing_class) {
            return fail (place, texts[i], "names a class that always passes: see the key priority",
                         error);
        }
        memset (settings->shares[level] + first, (int) percent, last - first + 1);
    }
    return true;
}

/* --- The whole --------------------------------------------------------------------------- */

static int64_t
number (const TdConfig *config, const char *key)
{
    return td_config_number (config, "congestion", NULL, key);
}

static bool
read_measure (Settings *settings, MeasureName name, const MeasureRules *common,
              const TdConfig *config, GError **error)
{
    MeasureRules *rules = &settings->measures[name];
    Place place = { config, measure_names[name] };

    *rules = *common;
    rules->is_on = !is_off (&place);
    rules->is_adaptive = g_strv_contains (td_config_list (config, "congestion", NULL, "adaptive"),
                                          measure_names[name]);
    if (rules->is_adaptive && !rules->is_on) {
        return fail (&(Place){ config, "adaptive" }, measure_names[name],
                     "is off: give its thresholds, which are the highest it may adapt to", error);
    }
    return !rules->is_on || read_growing (&place, units_of[name], rules->fixed, error);
}

static bool
read_measures (Settings *settings, const TdConfig *config, GError **error)
{
    int64_t times[N_ONSETS];
    MeasureRules common = {
        .floor_percent = (unsigned) number (config, "adaptive-floor"),
        .clear_percent = (unsigned) number (config, "clear"),
        .rise_us = number (config, "rise-after") * 1000,
        .dwell_us = number (config, "dwell") * 1000,
        .learn_us = number (config, "learn-time") * 1000,
    };

    if (!read_growing (&(Place){ config, "adaptive-times" }, factors, times, error)) {
        return false;
    }
    for (unsigned i = 0; i < N_ONSETS; i++) {
        common.times[i] = (unsigned) MIN (times[i], G_MAXINT);
    }
    for (unsigned i = 0; i < N_MEASURES; i++) {
        if (!read_measure (settings, i, &common, config, error)) {
            return false;
        }
    }
    return true;
}

static bool
read_admission (Settings *settings, const TdConfig *config, GError **error)
{
    static const char *const admit[N_LEVELS] = { NULL, "admit-mc1", "admit-mc2", "admit-mc3" };
    int64_t retry_after_us[N_ONSETS];

    settings->passing_class = (unsigned) number (config, "priority");
    memset (settings->shares[0], 100, sizeof settings->shares[0]);
    for (unsigned level = 1; level < N_LEVELS; level++) {
        if (!read_shares (settings, &(Place){ config, admit[level] }, level, error)) {
            return false;
        }
    }
    if (!read_three (&(Place){ config, "retry-after" }, times_us, false, retry_after_us, error)) {
        return false;
    }
    for (unsigned i = 0; i < N_ONSETS; i++) {
        int64_t seconds = (retry_after_us[i] + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC;
        settings->retry_after_s[i + 1] = (uint32_t) MIN (seconds, 3600);
    }
    return true;
}

static void
settings_free (TdTable *table)
{
    g_free (table);
}

Settings *
settings_new (const TdConfig *config, GError **error)
{
    Settings *settings = g_new0 (Settings, 1);

    td_table_init (&settings->table, settings_free);
    settings->dwell_us = number (config, "dwell") * 1000;
    settings->memory_bytes = number (config, "memory-limit");
    if (!read_measures (settings, config, error) || !read_admission (settings, config, error)) {
        td_table_unref (&settings->table);
        return NULL;
    }
    return settings;
}
