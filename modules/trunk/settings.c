/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a configuration says of trunk groups: keys added to [trunk] and [member], and [traffic]. */

#include "book.h"

#include <stdlib.h>
#include <string.h>

static const char *const unlimited[] = { "unlimited", NULL };
static const char *const by_codec[] = { "by-codec", NULL };
static const char *const as_traffic[] = { "as-traffic", NULL };
static const char *const one_second[] = { "one-second", NULL };
static const char *const hunts[] = { "sequential", "circular",   "circular-back", "most-idle",
                                     "least-idle", "least-cost", "percent",       NULL };
static const char *const losses[] = { "release", "keep", NULL };
static const char *const queue_ways[] = { "outgoing", "incoming", NULL };
static const char *const no_place_statuses[] = { "503", "488", NULL };
static const char *const queue_wait_statuses[] = { "408", "503", NULL };
static const char *const queue_full_statuses[] = { "503", "600", "488", NULL };
static const char *const kinds[] = { "final", "high-usage", "full", NULL };

#define CAP(key_name, key_unit, key_max, key_help)                                                 \
    {                                                                                              \
        .name = key_name, .type = TD_CONFIG_INTEGER, .flags = TD_CONFIG_RELOADABLE,                \
        .default_text = "unlimited", .unit = key_unit, .min = 0, .max = key_max,                   \
        .choices = unlimited, .help = key_help, .since = "0.1"                                     \
    }

#define RESERVE(key_name, key_help)                                                                \
    {                                                                                              \
        .name = key_name, .type = TD_CONFIG_TEXT, .flags = TD_CONFIG_RELOADABLE,                   \
        .default_text = "0", .help = key_help, .since = "0.1"                                      \
    }

static const TdConfigKey trunk_keys[] = {
    { .name = "hunt",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "sequential",
      .choices = hunts,
      .help =
          "In which order members are tried. Idle: by the share of their capacity that is free, "
          "then by how long ago their last call began.",
      .since = "0.1" },
    { .name = "type",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "final",
      .choices = kinds,
      .help = "What the group is in the plan of the network; shown beside its overflow.",
      .since = "0.1" },
    CAP ("capacity", "calls", 1000000, "How many calls the group carries, both ways together."),
    CAP ("capacity-in", "calls", 1000000, "How many of them may come in."),
    CAP ("capacity-out", "calls", 1000000, "How many of them may go out."),
    CAP ("bandwidth", "kbit/s", 1000000000,
         "How much the media of its calls may take one way, with the headers of IP, UDP and RTP, "
         "for both kinds of calls together."),
    CAP ("bandwidth-in", "kbit/s", 1000000000, "How much of it calls that come in may take."),
    CAP ("bandwidth-out", "kbit/s", 1000000000, "How much of it calls that go out may take."),
    { .name = "bandwidth-per-call",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "by-codec",
      .unit = "kbit/s",
      .min = 1,
      .max = 100000,
      .choices = by_codec,
      .help = "What one call counts; by-codec: what the widest codec that was offered takes at its "
              "packet time.",
      .since = "0.1" },
    CAP ("rate", "calls/s", 100000, "How many calls a second may begin, both ways together."),
    CAP ("rate-in", "calls/s", 100000, "How many of them may come in."),
    CAP ("rate-out", "calls/s", 100000, "How many of them may go out."),
    { .name = "burst",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "one-second",
      .unit = "calls",
      .min = 1,
      .max = 100000,
      .choices = one_second,
      .help = "How many calls may begin at once after a pause; one-second: as many as in a second.",
      .since = "0.1" },
    RESERVE ("reserve-in",
             "Places of the capacity that calls going out cannot have: \"20 calls\" or "
             "\"10 %\"."),
    RESERVE ("reserve-out", "Places that calls coming in cannot have."),
    RESERVE ("reserve-direct",
             "The last free places, which only direct calls get: not those that are "
             "alternate-routed, nor those to codes that are hard to reach."),
    RESERVE ("reserve-priority", "The last free places, which only calls with a priority get."),
    { .name = "max-tries",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "5",
      .unit = "members",
      .min = 1,
      .max = GROUP_MAX_TRIES,
      .help = "How many members are tried for one call.",
      .since = "0.1" },
    { .name = "interval",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "as-traffic",
      .min = 5 * 60000,
      .max = 1440 * 60000,
      .choices = as_traffic,
      .help = "How long an interval of its statistics is; as-traffic: as [traffic] interval says.",
      .since = "0.1" },
    { .name = "shared-by",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .help = "The switches that carry capacity together, each with the places it has whatever "
              "happens: \"exchange-1 60, exchange-2 60\". They lease the others from a store. The "
              "same on all of them.",
      .since = "0.1" },
    { .name = "shared-block",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "10",
      .unit = "calls",
      .min = 1,
      .max = 100000,
      .help = "How many places this switch leases, and gives back, at a time.",
      .since = "0.1" },
    { .name = "shared-loss",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "release",
      .choices = losses,
      .help =
          "What becomes of calls on leased places when the store cannot be reached for three "
          "quarters of [lease] timeout: release (the capacity holds; those of the lowest class "
          "first, calls for help never), keep (they go on, and all switches together may exceed "
          "it).",
      .since = "0.1" },
    { .name = "mlpp",
      .type = TD_CONFIG_BOOL,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "off",
      .help = "Whether a call whose namespace preempts (dsn, drsn, q735 and their like) takes the "
              "place of one of a lower class when the group is full: multi-level precedence and "
              "preemption (RFC 4412 4.5.1). That call is released.",
      .since = "0.1" },
    { .name = "mlpp-spares",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "ets, wps, esnet",
      .help = "Namespaces whose calls neither take the place of others here nor lose their own, "
              "whatever [priority] namespace says of them. Those of namespaces that queue do "
              "neither anyhow, and emergency calls never.",
      .since = "0.1" },
    { .name = "line",
      .type = TD_CONFIG_BOOL,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "no",
      .help = "Whether the group is the line of one user: a call to him that finds no place, and "
              "cannot take one, meets a busy user (RFC 4412 4.6.6), and does not wait.",
      .since = "0.1" },
    { .name = "queue",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "0",
      .unit = "calls",
      .min = 0,
      .max = 256,
      .help = "How many calls with a priority may wait for a place, when no target of their route "
              "list had one; 0: none. 50 are usual.",
      .since = "0.1" },
    { .name = "queue-for",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "outgoing",
      .choices = queue_ways,
      .help =
          "Which calls wait: those that would go out by the group, or those that come in by it. "
          "The same in all groups that have a queue: no call waits twice.",
      .since = "0.1" },
    { .name = "queue-wait",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "60 s",
      .min = 1000,
      .max = 90000,
      .help = "How long a call waits.",
      .since = "0.1" },
    { .name = "queue-alarm",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "80",
      .unit = "%",
      .min = 0,
      .max = 100,
      .help = "How full the queue is to be for the alarm trunk-queue, which is over when it is "
              "less than half as full; 0: never.",
      .since = "0.1" },
    { .name = "public-use",
      .type = TD_CONFIG_BOOL,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "no",
      .help =
          "Whether ordinary calls wait in the queue, too, behind the others but not for ever: see "
          "public-use-share.",
      .since = "0.1" },
    { .name = "public-use-share",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "25",
      .unit = "%",
      .min = 1,
      .max = 100,
      .help =
          "Of the places for which calls with a priority and ordinary calls wait at the same time, "
          "how many the former get.",
      .since = "0.1" },
    CAP ("priority-calls", "calls", 1000000,
         "How many calls with a priority are treated as such at once, both ways together; those "
         "above "
         "it as ordinary ones. Emergency calls are not counted."),
    CAP ("priority-rate", "calls/s", 100000,
         "How many calls with a priority a second are treated as such; likewise."),
    { .name = "priority-burst",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "one-second",
      .unit = "calls",
      .min = 1,
      .max = 100000,
      .choices = one_second,
      .help = "How many of them may come at once after a pause.",
      .since = "0.1" },
    { .name = "priority-alarm",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "1",
      .unit = "calls",
      .min = 0,
      .max = 1000000,
      .help = "How many calls above priority-calls or priority-rate within priority-alarm-window "
              "are the alarm trunk-priority-excess, which is over when there are fewer than half "
              "as many; 0: never.",
      .since = "0.1" },
    { .name = "priority-alarm-window",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "60 s",
      .min = 1000,
      .max = 86400000,
      .help = "See priority-alarm.",
      .since = "0.1" },
    { .name = "alternates",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .help =
          "Trunk groups, in their order, by which a call with a priority is tried when its route "
          "list, which names this one, has failed for want of means or of an answer; before it "
          "waits.",
      .since = "0.1" },
    { .name = "alternate-tries",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "5",
      .unit = "legs",
      .min = 1,
      .max = 100,
      .help = "How many legs are tried by alternates.",
      .since = "0.1" },
    { .name = "alternate-time",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "30 s",
      .min = 1000,
      .max = 180000,
      .help = "How long after the first of them another one may be tried.",
      .since = "0.1" },
    { .name = "no-place-status",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "503",
      .choices = no_place_statuses,
      .help =
          "What a call with a priority that came in by the group is told in SIP when there is no "
          "place to be had: 503, so that others are tried, or 488 (RFC 4412 4.6.5).",
      .since = "0.1" },
    { .name = "queue-wait-status",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "408",
      .choices = queue_wait_statuses,
      .help = "What it is told when it has waited in vain: 408, or 503 where the group leads to "
              "another switch of the same network.",
      .since = "0.1" },
    { .name = "queue-full-status",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "503",
      .choices = queue_full_statuses,
      .help = "What it is told when the queue is full.",
      .since = "0.1" },
};

static const TdConfigKey member_keys[] = {
    { .name = "capacity",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "unlimited",
      .unit = "calls",
      .min = 1,
      .max = 1000000,
      .choices = unlimited,
      .help = "How many calls it carries that go out.",
      .since = "0.1" },
    RESERVE ("reserve-priority",
             "The last free places of the capacity, which only calls with a priority get."),
    { .name = "cost",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "0",
      .min = 0,
      .max = 1000000,
      .help = "For hunt = least-cost: the lower, the earlier.",
      .since = "0.1" },
    { .name = "share",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "0",
      .unit = "%",
      .min = 0,
      .max = 100,
      .help = "For hunt = percent: its share of the calls. Those of a group add up to 100.",
      .since = "0.1" },
};

static const TdConfigKey traffic_keys[] = {
    { .name = "interval",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "15 min",
      .min = 5 * 60000,
      .max = 1440 * 60000,
      .help = "How long an interval of the statistics is. They are kept for 48 h.",
      .since = "0.1" },
    { .name = "hard-to-reach-digits",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "0",
      .unit = "digits",
      .min = 0,
      .max = 15,
      .help = "How many digits of a called number are its code; 0: no code is watched.",
      .since = "0.1" },
    { .name = "hard-to-reach-window",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "5 min",
      .min = 1000,
      .max = 1440 * 60000,
      .help = "After how long codes are judged.",
      .since = "0.1" },
    { .name = "hard-to-reach-calls",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "20",
      .unit = "calls",
      .min = 1,
      .max = 1000000,
      .help = "A code with fewer calls is not judged.",
      .since = "0.1" },
    { .name = "hard-to-reach-below",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "15",
      .unit = "%",
      .min = 1,
      .max = 100,
      .help = "A code of whose calls fewer are answered is hard to reach ...",
      .since = "0.1" },
    { .name = "hard-to-reach-until",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "25",
      .unit = "%",
      .min = 1,
      .max = 100,
      .help = "... until so many are.",
      .since = "0.1" },
};

static const TdConfigKey lease_keys[] = {
    { .name = "keep-alive",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "2 s",
      .min = 50,
      .max = 60000,
      .help = "How often places of a shared capacity are renewed at the store.",
      .since = "0.1" },
    { .name = "timeout",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "40 s",
      .min = 500,
      .max = 3600000,
      .help =
          "After what time without a sign of life the places of a switch are for others. At least "
          "five keep-alives, and the same on all switches.",
      .since = "0.1" },
};

const TdConfigSection trunk_sections[TRUNK_N_SECTIONS] = {
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "trunk",
      .is_addition = true,
      .keys = trunk_keys,
      .n_keys = G_N_ELEMENTS (trunk_keys) },
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "member",
      .is_addition = true,
      .keys = member_keys,
      .n_keys = G_N_ELEMENTS (member_keys) },
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "traffic",
      .help = "How the traffic of trunk groups is measured.",
      .keys = traffic_keys,
      .n_keys = G_N_ELEMENTS (traffic_keys) },
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "lease",
      .help = "Capacities that several switches share.",
      .keys = lease_keys,
      .n_keys = G_N_ELEMENTS (lease_keys) },
};

/* --- Reading ----------------------------------------------------------------------------- */

bool
plan_refuse (const TdConfig *config, const char *section, const char *instance, const char *key,
             GError **error, const char *why)
{
    g_autoptr (GString) value = g_string_new (NULL);

    td_text_append_value (value, td_config_text (config, section, instance, key));
    return td_config_refuse (config, section, instance, key, NULL, error, "%s: %s", value->str,
                             why);
}

static uint32_t
cap_of (const TdConfig *config, const char *section, const char *name, const char *key)
{
    int64_t value = td_config_number (config, section, name, key);

    return value < 0 ? GROUP_UNLIMITED : (uint32_t) value;
}

/* The text of a reservation: calls, or a percentage of the capacity, rounded up. */
static bool
read_reserve (const TdConfig *config, const char *section, const char *name, const char *key,
              uint32_t capacity, uint32_t *ret_calls, GError **error)
{
    const char *text = td_config_text (config, section, name, key);
    char *end;
    uint64_t value = g_ascii_strtoull (text, &end, 10);
    bool has_digits = g_ascii_isdigit (text[0]);

    end += strspn (end, " ");
    bool is_percent = strcmp (end, "%") == 0;
    if (!has_digits || (!is_percent && end[0] != '\0' && strcmp (end, "calls") != 0)) {
        return plan_refuse (config, section, name, key, error,
                            "write a number of calls, or a share such as 10 %");
    }
    if (value > 0 && capacity == GROUP_UNLIMITED) {
        return plan_refuse (
            config, section, name, key, error,
            "places are reserved of a capacity: say what it is with capacity = N calls");
    }
    if (value > (is_percent ? 100 : capacity)) {
        return plan_refuse (config, section, name, key, error, "this is more than the capacity");
    }
    *ret_calls = is_percent ? (uint32_t) ((capacity * value + 99) / 100) : (uint32_t) value;
    return true;
}

/* One way may not have more than both. */
static bool
read_caps (const TdConfig *config, const char *name, const char *const keys[N_WAYS],
           uint32_t ret_caps[N_WAYS], GError **error)
{
    for (Way way = WAY_ALL; way < N_WAYS; way++) {
        ret_caps[way] = cap_of (config, "trunk", name, keys[way]);
        if (ret_caps[way] != GROUP_UNLIMITED && ret_caps[way] > ret_caps[WAY_ALL]) {
            g_autofree char *why =
                g_strdup_printf ("this is more than %s allows for both ways together", keys[0]);
            return plan_refuse (config, "trunk", name, keys[way], error, why);
        }
    }
    return true;
}

static bool
read_reserves (const TdConfig *config, const char *name, GroupSettings *settings, GError **error)
{
    uint32_t capacity = settings->capacity[WAY_ALL];
    const struct {
        const char *key;
        uint32_t *calls;
    } rows[] = {
        { "reserve-in", &settings->reserve_in },
        { "reserve-out", &settings->reserve_out },
        { "reserve-direct", &settings->reserve_direct },
        { "reserve-priority", &settings->reserve_priority },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++) {
        if (!read_reserve (config, "trunk", name, rows[i].key, capacity, rows[i].calls, error)) {
            return false;
        }
    }
    if ((uint64_t) settings->reserve_in + settings->reserve_out > capacity) {
        return plan_refuse (config, "trunk", name, "reserve-out", error,
                            "with reserve-in this is more than the capacity");
    }
    if ((uint64_t) settings->reserve_direct + settings->reserve_priority > capacity) {
        return plan_refuse (config, "trunk", name, "reserve-priority", error,
                            "with reserve-direct this is more than the capacity");
    }
    return true;
}

static bool
read_rates (const TdConfig *config, const char *name, GroupSettings *settings, GError **error)
{
    static const char *const keys[N_WAYS] = { "rate", "rate-in", "rate-out" };
    uint32_t rates[N_WAYS], fastest = 0;
    int64_t burst = td_config_number (config, "trunk", name, "burst");

    if (!read_caps (config, name, keys, rates, error)) {
        return false;
    }
    for (Way way = WAY_ALL; way < N_WAYS; way++) {
        if (rates[way] == 0) {
            return plan_refuse (config, "trunk", name, keys[way], error,
                                "at least one call a second; capacity = 0 calls lets none through");
        }
        settings->rate_millis[way] = rates[way] != GROUP_UNLIMITED ? rates[way] * 1000 : 0;
        fastest = rates[way] != GROUP_UNLIMITED ? MAX (fastest, rates[way]) : fastest;
    }
    if (burst >= 0 && fastest == 0) {
        return plan_refuse (config, "trunk", name, "burst", error,
                            "there is no rate it could exceed: give rate, rate-in or rate-out");
    }
    settings->burst = burst >= 0 ? (uint32_t) burst : MAX (fastest, 1);
    return true;
}

static bool
read_settings (const TdConfig *config, const char *name, GroupSettings *settings, GError **error)
{
    static const char *const capacity[N_WAYS] = { "capacity", "capacity-in", "capacity-out" };
    static const char *const bandwidth[N_WAYS] = { "bandwidth", "bandwidth-in", "bandwidth-out" };
    int64_t kbit_s = td_config_number (config, "trunk", name, "bandwidth-per-call");
    int64_t period_ms = td_config_number (config, "trunk", name, "interval");
    int64_t common_ms = td_config_number (config, "traffic", NULL, "interval");

    settings->hunt = (HuntOrder) td_config_number (config, "trunk", name, "hunt");
    settings->kind = (GroupKind) td_config_number (config, "trunk", name, "type");
    settings->kbit_s = kbit_s < 0 ? 0 : (uint32_t) kbit_s;
    settings->max_tries = (uint32_t) td_config_number (config, "trunk", name, "max-tries");
    settings->period_us = (period_ms >= 0 ? period_ms : common_ms) * 1000;
    return read_caps (config, name, capacity, settings->capacity, error)
           && read_caps (config, name, bandwidth, settings->bandwidth, error)
           && read_reserves (config, name, settings, error)
           && read_rates (config, name, settings, error)
           && plan_read_queue (config, name, settings, error);
}

/* --- The plan ---------------------------------------------------------------------------- */

static void
free_member (void *data)
{
    PlanMember *member = data;

    g_free (member->name);
    g_free (member->address);
    g_free (member);
}

static void
free_entry (void *data)
{
    PlanEntry *entry = data;

    g_free (entry->name);
    lease_settings_clear (&entry->lease);
    g_ptr_array_unref (entry->members);
    g_free (entry);
}

void
plan_free (Plan *plan)
{
    if (plan != NULL) {
        g_ptr_array_unref (plan->entries);
        g_free (plan->node);
        g_free (plan);
    }
}

static PlanMember *
add_member (PlanEntry *entry, const char *name, const char *address)
{
    PlanMember *member = g_new0 (PlanMember, 1);

    member->name = g_strdup (name);
    member->address = g_strdup (address);
    g_ptr_array_add (entry->members, member);
    return member;
}

static bool
add_members (const TdConfig *config, GHashTable *entries, GError **error)
{
    for (const char *const *name = td_config_instances (config, "member"); *name != NULL; name++) {
        const char *trunk = td_config_text (config, "member", *name, "trunk");
        const char *address = td_config_text (config, "member", *name, "address");
        PlanEntry *entry = trunk != NULL ? g_hash_table_lookup (entries, trunk) : NULL;
        if (entry == NULL || address == NULL) { /* it is reported already */
            continue;
        }
        PlanMember *member = add_member (entry, *name, address);
        uint32_t capacity = cap_of (config, "member", *name, "capacity");
        member->capacity = capacity == GROUP_UNLIMITED ? 0 : capacity;
        if (!read_reserve (config, "member", *name, "reserve-priority", capacity, &member->reserved,
                           error)) {
            return false;
        }
        member->cost = (uint32_t) td_config_number (config, "member", *name, "cost");
        member->share = (uint32_t) td_config_number (config, "member", *name, "share");
    }
    return true;
}

/* A trunk with an address and without members is its only one. */
static bool
complete (const TdConfig *config, PlanEntry *entry, GError **error)
{
    const char *address = td_config_text (config, "trunk", entry->name, "address");
    uint32_t shares = 0;

    if (entry->members->len == 0 && address != NULL && address[0] != '\0') {
        add_member (entry, entry->name, address)->share = 100;
    }
    for (unsigned i = 0; i < entry->members->len; i++) {
        shares += ((const PlanMember *) entry->members->pdata[i])->share;
    }
    if (entry->settings.hunt == HUNT_PERCENT && shares != 100) {
        g_autofree char *why =
            g_strdup_printf ("the shares of its members add up to %u, not to 100", shares);
        return plan_refuse (config, "trunk", entry->name, "hunt", error, why);
    }
    return true;
}

static bool
read_traffic (const TdConfig *config, Plan *plan, GError **error)
{
    ReachSettings *reach = &plan->reach;
    const char *const prefix = "hard-to-reach-";

    reach->window_us = td_config_number (config, "traffic", NULL, "hard-to-reach-window") * 1000;
    unsigned *const numbers[] = { &reach->n_digits, &reach->min_calls, &reach->mark_percent,
                                  &reach->free_percent };
    static const char *const keys[] = { "digits", "calls", "below", "until" };
    for (unsigned i = 0; i < G_N_ELEMENTS (keys); i++) {
        g_autofree char *key = g_strconcat (prefix, keys[i], NULL);
        *numbers[i] = (unsigned) td_config_number (config, "traffic", NULL, key);
    }
    if (reach->free_percent < reach->mark_percent) {
        return td_config_refuse (
            config, "traffic", NULL, "hard-to-reach-until", NULL, error,
            "%u is less than hard-to-reach-below, which is %u: a code would be "
            "marked and freed by the same ratio",
            reach->free_percent, reach->mark_percent);
    }
    return true;
}

static PlanEntry *
add_entry (Plan *plan, const char *name)
{
    PlanEntry *entry = g_new0 (PlanEntry, 1);

    entry->name = g_strdup (name);
    entry->members = g_ptr_array_new_with_free_func (free_member);
    g_ptr_array_add (plan->entries, entry);
    return entry;
}

static bool
read_plan (const TdConfig *config, Plan *plan, GError **error)
{
    g_autoptr (GHashTable) entries = g_hash_table_new (g_str_hash, g_str_equal);

    for (const char *const *name = td_config_instances (config, "trunk"); *name != NULL; name++) {
        PlanEntry *entry = add_entry (plan, *name);
        g_hash_table_insert (entries, entry->name, entry);
        if (!read_settings (config, *name, &entry->settings, error)
            || !plan_read_sharing (config, entry, error)) {
            return false;
        }
        if (entry->settings.is_shared && plan->node == NULL) {
            plan->node = g_strdup (td_config_text (config, "tandem", NULL, "node"));
        }
    }
    if (!plan_check_queues (config, plan, error) || !add_members (config, entries, error)) {
        return false;
    }
    for (unsigned i = 0; i < plan->entries->len; i++) {
        if (!complete (config, plan->entries->pdata[i], error)) {
            return false;
        }
    }
    return read_traffic (config, plan, error);
}

Plan *
plan_new (const TdConfig *config, GError **error)
{
    Plan *plan = g_new0 (Plan, 1);

    plan->entries = g_ptr_array_new_with_free_func (free_entry);
    if (!read_plan (config, plan, error)) {
        plan_free (plan);
        return NULL;
    }
    return plan;
}
