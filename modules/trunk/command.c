/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operator's verbs about trunk groups: trunk list, show, block, unblock, drain; code list. */

#include "command.h"
#include "queue.h"
#include "shared.h"

#include <string.h>

bool
command_add (Trunk *trunk, const TdCommand *decl, GError **error)
{
    TdCommand command = *decl;

    command.size = sizeof (TdCommand);
    command.argument_size = sizeof (TdArgument);
    command.data = trunk;
    return td_command_add (trunk->module, &command, error);
}

bool
commands_add (Trunk *trunk, const TdCommand *commands, size_t n_commands, GError **error)
{
    for (size_t i = 0; i < n_commands; i++) {
        if (!command_add (trunk, &commands[i], error)) {
            return false;
        }
    }
    return true;
}

void
row_text (GVariantBuilder *row, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        g_variant_builder_add (row, "{sv}", name, g_variant_new_string (value));
    }
}

void
row_number (GVariantBuilder *row, const char *name, int64_t value)
{
    g_variant_builder_add (row, "{sv}", name, g_variant_new_int64 (value));
}

void
row_cap (GVariantBuilder *row, const char *name, uint32_t value)
{
    if (value != GROUP_UNLIMITED) {
        row_number (row, name, value);
    }
}

void
row_time (GVariantBuilder *row, const char *name, int64_t wall_us)
{
    g_autofree char *text = wall_us != 0 ? time_print (wall_us) : NULL;

    row_text (row, name, text);
}

char *
time_print (int64_t wall_us)
{
    g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (wall_us / G_USEC_PER_SEC);

    return time != NULL ? g_date_time_format (time, "%Y-%m-%dT%H:%M:%SZ") : NULL;
}

bool
duration_parse (const char *text, int64_t *ret_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {
        { "ms", 1 }, { "s", 1000 }, { "min", 60000 }, { "h", 3600000 }, { "d", 86400000 }
    };
    char *end;
    uint64_t number = g_ascii_strtoull (text, &end, 10);

    if (!g_ascii_isdigit (text[0]) || number > 10000000) {
        return false;
    }
    end += strspn (end, " ");
    for (unsigned i = 0; i < G_N_ELEMENTS (units); i++) {
        if (strcmp (units[i].unit, end) == 0) {
            *ret_ms = (int64_t) number * units[i].ms;
            return true;
        }
    }
    return false;
}

char *
label_value (const char *name)
{
    GString *text = g_string_new (name);

    g_string_replace (text, "\\", "\\\\", 0);
    g_string_replace (text, "\"", "\\\"", 0);
    return g_string_free (text, FALSE);
}

/* --- Finding ----------------------------------------------------------------------------- */

/* The name in NAMES that was meant by NAME, in words (transfer full). */
static char *
did_you_mean (const char *name, GHashTable *names)
{
    g_autofree const char **all = (const char **) g_hash_table_get_keys_as_array (names, NULL);
    const char *nearest = td_text_nearest (name, all, g_hash_table_size (names));

    return nearest != NULL ? g_strdup_printf ("; is \"%s\" meant?", nearest)
                           : g_strdup (": \"trunk list\" shows those there are");
}

Group *
request_group (Trunk *trunk, TdRequest *request, const char *argument)
{
    const char *name = td_request_argument (request, argument);
    Group *group = g_hash_table_lookup (trunk->book->groups, name);

    if (group == NULL) {
        g_autofree char *hint = did_you_mean (name, trunk->book->groups);
        td_request_fail (request, "there is no trunk \"%s\"%s", name, hint);
    }
    return group;
}

/* The member a request names, NULL for none; false with an answer given when there is no such. */
static bool
request_member (TdRequest *request, const Group *group, Member **ret_member)
{
    const char *name = td_request_argument (request, "MEMBER");
    Member *member = name != NULL ? group_find_member (group, name) : NULL;

    if (name != NULL && member == NULL) {
        td_request_fail (request,
                         "trunk %s has no member \"%s\": \"trunk show %s\" shows those it has",
                         group->name, name, group->name);
        return false;
    }
    *ret_member = member;
    return true;
}

/* --- trunk list, trunk show -------------------------------------------------------------- */

static const char *const hunt_names[] = { "sequential", "circular",   "circular-back", "most-idle",
                                          "least-idle", "least-cost", "percent" };
static const char *const kind_names[] = { "final", "high-usage", "full" };

/* What an operator is shown of a group, read under its lock at once. */
typedef struct {
    GroupSettings settings;
    uint32_t n_legs[N_WAYS];
    unsigned n_members, n_up;
} View;

static View
view_of (Group *group)
{
    View view = { .n_up = 0 };

    pthread_mutex_lock (&group->lock);
    view.settings = group->settings;
    memcpy (view.n_legs, group->n_legs, sizeof view.n_legs);
    view.n_members = group->members->len;
    for (unsigned i = 0; i < group->members->len; i++) {
        view.n_up += group->hunted[i]->is_up;
    }
    pthread_mutex_unlock (&group->lock);
    return view;
}

static void
add_view (GVariantBuilder *row, Trunk *trunk, Group *group)
{
    View view = view_of (group);
    g_autofree char *members = g_strdup_printf ("%u/%u", view.n_up, view.n_members);

    row_text (row, "trunk", group->name);
    row_text (row, "state", station_state_name (group->condition.state));
    row_text (row, "type", kind_names[view.settings.kind]);
    row_text (row, "hunt", hunt_names[view.settings.hunt]);
    row_text (row, "members", members);
    row_number (row, "calls_in", view.n_legs[WAY_IN]);
    row_number (row, "calls_out", view.n_legs[WAY_OUT]);
    row_cap (row, "capacity", view.settings.capacity[WAY_ALL]);
    row_number (row, "congestion", states_level (trunk, group));
}

static int
compare_groups (const void *a, const void *b)
{
    return strcmp ((*(Group *const *) a)->name, (*(Group *const *) b)->name);
}

GPtrArray *
sorted_groups (const Trunk *trunk)
{
    GPtrArray *groups = g_ptr_array_new ();
    GHashTableIter iter;
    void *group;

    g_hash_table_iter_init (&iter, trunk->book->groups);
    while (g_hash_table_iter_next (&iter, NULL, &group)) {
        g_ptr_array_add (groups, group);
    }
    g_ptr_array_sort (groups, compare_groups);
    return groups;
}

static void
run_list (TdRequest *request, void *data)
{
    g_autoptr (GPtrArray) groups = sorted_groups (data);
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < groups->len; i++) {
        g_variant_builder_open (&rows, G_VARIANT_TYPE_VARDICT);
        add_view (&rows, data, groups->pdata[i]);
        g_variant_builder_close (&rows);
    }
    td_request_reply (request, g_variant_builder_end (&rows));
}

static void
add_condition (GVariantBuilder *row, const Condition *condition)
{
    row_time (row, "since", condition->since_us);
    row_text (row, "who", condition->who);
    row_text (row, "why", condition->why);
}

static GVariant *
list_members (Group *group)
{
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < group->members->len; i++) {
        const Member *member = group->members->pdata[i];
        pthread_mutex_lock (&group->lock);
        HuntMember hunt = member->hunt;
        pthread_mutex_unlock (&group->lock);
        g_variant_builder_open (&rows, G_VARIANT_TYPE_VARDICT);
        row_text (&rows, "member", member->name);
        row_text (&rows, "address", member->address);
        row_text (&rows, "state", station_state_name (member->condition.state));
        row_number (&rows, "calls", hunt.load);
        if (hunt.capacity != 0) {
            row_number (&rows, "capacity", hunt.capacity);
            row_number (&rows, "reserve_priority", hunt.reserved);
        }
        row_number (&rows, "cost", hunt.cost);
        row_number (&rows, "share", hunt.share);
        add_condition (&rows, &member->condition);
        g_variant_builder_close (&rows);
    }
    return g_variant_builder_end (&rows);
}

static void
add_settings (GVariantBuilder *row, const GroupSettings *settings)
{
    static const char *const ways[N_WAYS] = { "", "_in", "_out" };

    for (Way way = WAY_ALL; way < N_WAYS; way++) {
        g_autofree char *bandwidth = g_strconcat ("bandwidth_kbit_s", ways[way], NULL);
        g_autofree char *capacity = g_strconcat ("capacity", ways[way], NULL);
        g_autofree char *rate = g_strconcat ("rate", ways[way], NULL);
        if (way != WAY_ALL) {
            row_cap (row, capacity, settings->capacity[way]);
        }
        row_cap (row, bandwidth, settings->bandwidth[way]);
        if (settings->rate_millis[way] != 0) {
            row_number (row, rate, settings->rate_millis[way] / 1000);
        }
    }
    row_number (row, "reserve_in", settings->reserve_in);
    row_number (row, "reserve_out", settings->reserve_out);
    row_number (row, "reserve_direct", settings->reserve_direct);
    row_number (row, "reserve_priority", settings->reserve_priority);
    row_number (row, "max_tries", settings->max_tries);
}

enum { SHOWN_WAITERS = 256 };

/* Who waits for a place, the one served next first, as far as who asks may see. */
static GVariant *
list_waiting (Group *group, const TdRequest *request)
{
    g_autofree QueueEntry *entries = g_new (QueueEntry, SHOWN_WAITERS);
    unsigned n = queue_list (group, entries, SHOWN_WAITERS, td_clock_now_us ());
    char call[TD_ID_TEXT_SIZE];
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < n; i++) {
        if (!td_request_may_see (request, entries[i].priority_class)) {
            continue;
        }
        g_variant_builder_open (&rows, G_VARIANT_TYPE_VARDICT);
        row_text (&rows, "call", td_id_print (entries[i].call, call));
        row_number (&rows, "class", entries[i].priority_class);
        row_number (&rows, "waits_ms", entries[i].waited_us / 1000);
        g_variant_builder_close (&rows);
    }
    return g_variant_builder_end (&rows);
}

static void
add_queue (GVariantBuilder *row, Group *group, const GroupSettings *settings,
           const TdRequest *request)
{
    static const char *const ways[N_WAYS] = { "", "incoming", "outgoing" };

    if (settings->queue_length == 0) {
        return;
    }
    pthread_mutex_lock (&group->lock);
    unsigned n_waiting = group->n_waiting, most = group->most_waiting;
    pthread_mutex_unlock (&group->lock);
    row_number (row, "queue", settings->queue_length);
    row_text (row, "queue_for", ways[settings->queue_way]);
    row_number (row, "queue_wait_ms", settings->queue_wait_ms);
    if (td_request_may_see (request, TD_CLASS_MAX)) {
        row_number (row, "queued", n_waiting);
        row_number (row, "queued_most", most);
    }
    g_variant_builder_add (row, "{sv}", "waiting", list_waiting (group, request));
}

static void
run_show (TdRequest *request, void *data)
{
    Group *group = request_group (data, request, "TRUNK");
    GVariantBuilder row;

    if (group == NULL) {
        return;
    }
    View view = view_of (group);
    g_variant_builder_init (&row, G_VARIANT_TYPE_VARDICT);
    add_view (&row, data, group);
    add_condition (&row, &group->condition);
    add_settings (&row, &view.settings);
    add_queue (&row, group, &view.settings, request);
    shared_show (((const Trunk *) data)->shared, group, &row);
    g_variant_builder_add (&row, "{sv}", "members_in_detail", list_members (group));
    td_request_reply (request, g_variant_builder_end (&row));
}

/* --- trunk priority ---------------------------------------------------------------------- */

static const char *const level_names[N_LEVEL_COUNTS] = {
#define X(name, text) [LEVEL_##name] = text,
    LEVEL_COUNTS (X)
#undef X
};

static void
add_level (GVariantBuilder *rows, unsigned class, const GroupLevel *level)
{
    uint64_t n_over = level->counts[LEVEL_SERVED] + level->counts[LEVEL_TIMEOUT]
                      + level->counts[LEVEL_DISPLACED] + level->counts[LEVEL_ABANDONED];

    g_variant_builder_open (rows, G_VARIANT_TYPE_VARDICT);
    row_number (rows, "class", class);
    for (LevelCount i = 0; i < N_LEVEL_COUNTS; i++) {
        row_number (rows, level_names[i], (int64_t) level->counts[i]);
    }
    row_number (rows, "admitted_in", (int64_t) level->in);
    row_number (rows, "admitted_out", (int64_t) (level->counts[LEVEL_ADMITTED] - level->in));
    row_number (rows, "wait_ms", level->wait_us / 1000);
    row_number (rows, "wait_mean_ms", n_over > 0 ? level->wait_us / 1000 / (int64_t) n_over : 0);
    row_number (rows, "wait_longest_ms", level->longest_us / 1000);
    row_number (rows, "queued_now", level->n_waiting);
    row_number (rows, "queued_most", level->most_waiting);
    g_variant_builder_close (rows);
}

static void
run_priority (TdRequest *request, void *data)
{
    Group *group = request_group (data, request, "TRUNK");
    GroupLevel levels[TD_N_CLASSES];
    GVariantBuilder rows;

    if (group == NULL) {
        return;
    }
    pthread_mutex_lock (&group->lock);
    memcpy (levels, group->levels, sizeof levels);
    pthread_mutex_unlock (&group->lock);
    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned class = TD_N_CLASSES; class -- > 0;) {
        if (levels[class].counts[LEVEL_OFFERED] > 0 || levels[class].counts[LEVEL_EXEMPT] > 0) {
            add_level (&rows, class, &levels[class]);
        }
    }
    td_request_reply (request, g_variant_builder_end (&rows));
}

/* --- trunk block, unblock, drain --------------------------------------------------------- */

static void
hear (TdRequest *request, Trunk *trunk, StationEvent event, uint32_t drain_ms)
{
    Group *group = request_group (trunk, request, "TRUNK");
    StationWord word = { .who = td_request_asker (request),
                         .why = td_request_argument (request, "--why"),
                         .drain_ms = drain_ms };
    Member *member;

    if (group == NULL || !request_member (request, group, &member)) {
        return;
    }
    const Condition *condition = member != NULL ? &member->condition : &group->condition;
    if (!states_hear (trunk, group, member, event, &word)) {
        td_request_fail (request, "trunk %s%s%s is %s already", group->name,
                         member != NULL ? ", member " : "", member != NULL ? member->name : "",
                         station_state_name (condition->state));
        return;
    }
    td_request_reply (request,
                      g_variant_new_parsed ("{'trunk': <%s>, 'member': <%s>, 'state': <%s>, "
                                            "'calls': <%u>}",
                                            group->name, member != NULL ? member->name : "",
                                            station_state_name (condition->state),
                                            group_load (group, member)));
}

static void
run_block (TdRequest *request, void *data)
{
    hear (request, data, STATION_BLOCK, 0);
}

static void
run_unblock (TdRequest *request, void *data)
{
    hear (request, data, STATION_UNBLOCK, 0);
}

static void
run_drain (TdRequest *request, void *data)
{
    const char *text = td_request_argument (request, "--timeout");
    int64_t timeout_ms = 0;

    if (text != NULL
        && (!duration_parse (text, &timeout_ms) || timeout_ms < 1 || timeout_ms > 86400000)) {
        td_request_fail (request, "\"%s\" is no time up to a day: write 90s or 15min", text);
        return;
    }
    if (td_request_argument (request, "--force") != NULL) {
        timeout_ms = 1;
    }
    hear (request, data, STATION_DRAIN, (uint32_t) timeout_ms);
}

/* --- code list --------------------------------------------------------------------------- */

static void
add_code (const char *code, unsigned percent, void *data)
{
    g_variant_builder_open (data, G_VARIANT_TYPE_VARDICT);
    row_text (data, "code", code);
    row_number (data, "answered_percent", percent);
    g_variant_builder_close (data);
}

static void
run_codes (TdRequest *request, void *data)
{
    Trunk *trunk = data;
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    pthread_mutex_lock (&trunk->book->lock);
    reach_each (trunk->book->reach, td_clock_now_us (), add_code, &rows);
    pthread_mutex_unlock (&trunk->book->lock);
    td_request_reply (request, g_variant_builder_end (&rows));
}

static const TdArgument one[] = {
    { .name = "TRUNK", .help = "The trunk group", .is_required = true, .complete = "trunk list" },
};
#define TRUNK_AND_MEMBER                                                                           \
    { .name = "TRUNK", .help = "The trunk group", .is_required = true, .complete = "trunk list" }, \
        { .name = "MEMBER", .help = "One member of it; the whole group without it" },              \
    {                                                                                              \
        .name = "--why", .help = "The reason, which is shown and told", .takes_value = true        \
    }
static const TdArgument some[] = { TRUNK_AND_MEMBER };
static const TdArgument drain[] = {
    TRUNK_AND_MEMBER,
    { .name = "--timeout",
      .help = "After this time, such as 15min, calls that are left are released",
      .takes_value = true },
    { .name = "--force", .help = "Release all calls now" },
};
static const TdCommand commands[] = {
    { .name = "trunk list", .help = "Shows the trunk groups and how they do", .run = run_list },
    { .name = "trunk show",
      .help = "Shows one trunk group with its limits and members",
      .arguments = one,
      .n_arguments = G_N_ELEMENTS (one),
      .run = run_show },
    { .name = "trunk priority",
      .is_priority = true,
      .help = "Shows for each priority class what became of the calls offered to a trunk group",
      .arguments = one,
      .n_arguments = G_N_ELEMENTS (one),
      .run = run_priority },
    { .name = "trunk block",
      .help = "Takes a trunk group or a member out of use; calls that are up go on",
      .arguments = some,
      .n_arguments = G_N_ELEMENTS (some),
      .is_change = true,
      .run = run_block },
    { .name = "trunk unblock",
      .help = "Puts a trunk group or a member back into service",
      .arguments = some,
      .n_arguments = G_N_ELEMENTS (some),
      .is_change = true,
      .run = run_unblock },
    { .name = "trunk drain",
      .help = "Lets the calls of a trunk group or a member come to their end, then takes it "
              "out of service",
      .arguments = drain,
      .n_arguments = G_N_ELEMENTS (drain),
      .is_change = true,
      .run = run_drain },
    { .name = "code list", .help = "Shows the codes that are hard to reach", .run = run_codes },
};

bool
commands_start (Trunk *trunk, GError **error)
{
    return commands_add (trunk, commands, G_N_ELEMENTS (commands), error);
}
