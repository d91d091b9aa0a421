/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* alarm list: figures that have come to where an operator is to know. What is watched, and from where on, is
 * said with the metric (TdMetricAlarm).
 *
 *     td_metric_add () -- any thread --> wake -- control lane --> look () --> alarm.raised, alarm.cleared
 *                                                  '-- each second, until everything is at rest
 */

#include "operate/operate.h"

#include "base/metric.h"
#include "operate/command.h"

#include <stdatomic.h>
#include <string.h>
#include <tandem/bus.h>
#include <tandem/log.h>
#include <tandem/priority.h>

enum { LOOK_MS = 1000, N_PARTS = 8 };

/* What is watched: a metric with its labels. */
typedef struct {
    TdMetric *shown; /* 1 while it is raised */
    const TdMetricAlarm *rule;
    char *object; /* the labels */
    bool is_counter, is_priority, is_raised, is_seen;
    int64_t value; /* of a counter: what it has grown within the window */
    int64_t since_wall_us;
    /* Of a counter: what it was at the last look, and at the ends of the last parts of the window, the oldest
     * first. */
    int64_t count, parts[N_PARTS];
    int64_t part_until_us;
} Alarm;

typedef struct {
    const char *alarm;
    const char *object;
    const char *help;
    int64_t value;
    int64_t raise_at;
    int64_t clear_below;
    int64_t window;
    int64_t since;
} AlarmFact;

static const TdField fields[] = {
    TD_FIELD (AlarmFact, alarm, TD_FIELD_TEXT, "Which alarm"),
    TD_FIELD (AlarmFact, object, TD_FIELD_TEXT, "Of what: the labels of the metric"),
    TD_FIELD (AlarmFact, help, TD_FIELD_TEXT, "What is going on"),
    TD_FIELD (AlarmFact, value, TD_FIELD_INT, "The figure"),
    TD_FIELD (AlarmFact, raise_at, TD_FIELD_INT, "Where the alarm begins"),
    TD_FIELD (AlarmFact, clear_below, TD_FIELD_INT, "Below what it is over"),
    TD_FIELD (AlarmFact, window, TD_FIELD_DURATION, "Within which time the figure is counted"),
    TD_FIELD (AlarmFact, since, TD_FIELD_TIME, "When it began"),
};

static struct {
    GHashTable *alarms; /* TdMetric -> Alarm; control lane */
    TdTopic *raised, *cleared;
    TdTimer timer;
    TdPost wake;
    atomic_bool is_awake; /* the post is on its way, or the timer runs */
} watch;

static void
alarm_free (void *data)
{
    Alarm *alarm = data;

    g_free (alarm->object);
    g_free (alarm);
}

/* --- Telling ----------------------------------------------------------------------------- */

static void
tell (Alarm *alarm, bool is_raised)
{
    const TdMetricAlarm *rule = alarm->rule;

    alarm->is_raised = is_raised;
    if (is_raised) {
        alarm->since_wall_us = td_clock_wall_us ();
    }
    AlarmFact fact = { .alarm = rule->name,
                       .object = alarm->object,
                       .help = rule->help,
                       .value = alarm->value,
                       .raise_at = (int64_t) rule->raise_at,
                       .clear_below = (int64_t) rule->clear_below,
                       .window = (int64_t) rule->window_ms * 1000,
                       .since = alarm->since_wall_us };
    td_metric_add (alarm->shown, is_raised ? 1 : -1);
    if (is_raised) {
        td_log_warning (NULL, alarm->object, "alarm %s at %" G_GINT64_FORMAT ": %s", rule->name,
                        alarm->value, rule->help);
    } else {
        td_log_notice (NULL, alarm->object, "alarm %s is over", rule->name);
    }
    td_bus_publish (is_raised ? watch.raised : watch.cleared, TD_ID_NONE, NULL,
                    alarm->is_priority ? TD_CLASS_MAX : TD_CLASS_ORDINARY, &fact);
}

/* --- Judging ----------------------------------------------------------------------------- */

static Alarm *
alarm_new (const TdMetricView *view)
{
    Alarm *alarm = g_new0 (Alarm, 1);

    alarm->object = g_utf8_make_valid (view->labels, -1);
    alarm->is_counter = view->kind == TD_METRIC_COUNTER;
    alarm->part_until_us = td_clock_now_us ();
    alarm->count = view->alarm_base;
    for (unsigned i = 0; i < N_PARTS; i++) {
        alarm->parts[i] = view->alarm_base;
    }
    return alarm;
}

/* Moves the window on to now; what has come since the last look came now. Returns what COUNT has grown within
 * it. */
static int64_t
growth (Alarm *alarm, int64_t count, int64_t now_us)
{
    int64_t part_us = (int64_t) alarm->rule->window_ms * 1000 / N_PARTS;

    for (unsigned i = 0; i < N_PARTS && now_us >= alarm->part_until_us; i++) {
        memmove (alarm->parts, alarm->parts + 1, sizeof *alarm->parts * (N_PARTS - 1));
        alarm->parts[N_PARTS - 1] = alarm->count;
        alarm->part_until_us += part_us;
    }
    if (now_us >= alarm->part_until_us) {
        alarm->part_until_us = now_us + part_us;
    }
    alarm->count = count;
    return count - alarm->parts[0];
}

/* Under the lock of the metrics: what it comes to is told later. */
static void
look_at (const TdMetric *metric, const TdMetricView *view, void *data)
{
    Alarm *alarm = g_hash_table_lookup (watch.alarms, metric);

    if (alarm == NULL) {
        alarm = alarm_new (view);
        g_hash_table_insert (watch.alarms, (void *) metric, alarm);
    }
    alarm->rule = view->alarm;
    alarm->is_priority = view->is_priority;
    alarm->is_seen = true;
    alarm->value =
        alarm->is_counter ? growth (alarm, view->value, td_clock_now_us ()) : view->value;
}

static TdMetric *
declare (const Alarm *alarm)
{
    g_autofree char *labels = g_strdup_printf ("alarm=\"%s\"%s%s", alarm->rule->name,
                                               *alarm->object != '\0' ? "," : "", alarm->object);

    return td_metric_declare (NULL, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                     .kind = TD_METRIC_GAUGE,
                                                     .name = "tandem_alarm_raised",
                                                     .help = "1 while the alarm is raised.",
                                                     .labels = labels,
                                                     .is_priority = alarm->is_priority });
}

/* Returns whether it stirs: it is to be looked at again though nobody touches it. */
static bool
conclude (Alarm *alarm)
{
    if (alarm->shown == NULL) {
        alarm->shown = declare (alarm);
    }
    if (!alarm->is_raised && alarm->value >= (int64_t) alarm->rule->raise_at) {
        tell (alarm, true);
    } else if (alarm->is_raised && alarm->value < (int64_t) alarm->rule->clear_below) {
        tell (alarm, false);
    }
    return alarm->is_counter && (alarm->is_raised || alarm->value > 0);
}

/* Whoever counted has gone, or watches no more. */
static void
forget (Alarm *alarm)
{
    if (alarm->is_raised) {
        tell (alarm, false);
    }
}

static bool
look (void)
{
    GHashTableIter iter;
    void *value;
    bool stirs = false;

    td_metric_each_alarm (look_at, NULL);
    g_hash_table_iter_init (&iter, watch.alarms);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        Alarm *alarm = value;
        if (alarm->is_seen) {
            alarm->is_seen = false;
            stirs |= conclude (alarm);
        } else {
            forget (alarm);
            g_hash_table_iter_remove (&iter);
        }
    }
    return stirs;
}

/* What is counted after IS_AWAKE is false wakes anew; what was counted before, the last look sees. */
static void
look_again (TdTimer *timer)
{
    if (!look ()) {
        atomic_store (&watch.is_awake, false);
        if (!look () || atomic_exchange (&watch.is_awake, true)) {
            return;
        }
    }
    td_timer_start (timer, LOOK_MS);
}

static void
run_wake (TdPost *post)
{
    if (watch.alarms != NULL) {
        look ();
        td_timer_start (&watch.timer, LOOK_MS);
    }
}

static void
drop_wake (TdPost *post)
{
    atomic_store (&watch.is_awake, false);
}

static void
changed (void)
{
    if (!atomic_load_explicit (&watch.is_awake, memory_order_seq_cst)
        && !atomic_exchange (&watch.is_awake, true)) {
        td_lane_post (td_lane_control (), &watch.wake);
    }
}

/* --- The command ------------------------------------------------------------------------- */

static void
add_row (GVariantBuilder *rows, const Alarm *alarm)
{
    const TdMetricAlarm *rule = alarm->rule;

    g_variant_builder_open (rows, G_VARIANT_TYPE_VARDICT);
    td_row_text (rows, "alarm", rule->name);
    td_row_text (rows, "object", alarm->object);
    td_row_text (rows, "state", alarm->is_raised ? "raised" : "quiet");
    td_row_number (rows, "value", alarm->value);
    td_row_number (rows, "raise_at", (int64_t) rule->raise_at);
    td_row_number (rows, "clear_below", (int64_t) rule->clear_below);
    if (alarm->is_counter) {
        td_row_number (rows, "window_s", rule->window_ms / 1000);
    }
    if (alarm->is_raised) {
        td_row_number (rows, "since_us", alarm->since_wall_us);
    }
    td_row_text (rows, "help", rule->help);
    g_variant_builder_close (rows);
}

static int
compare (const void *a, const void *b)
{
    const Alarm *left = *(Alarm *const *) a, *right = *(Alarm *const *) b;
    int order = strcmp (left->rule->name, right->rule->name);

    return order != 0 ? order : strcmp (left->object, right->object);
}

static void
run_list (TdRequest *request, void *data)
{
    bool sees_all = td_request_may_see (request, TD_CLASS_MAX);
    bool wants_all = td_request_argument (request, "--all") != NULL;
    g_autoptr (GPtrArray) alarms = g_ptr_array_new ();
    GHashTableIter iter;
    GVariantBuilder rows;
    void *value;

    look ();
    g_hash_table_iter_init (&iter, watch.alarms);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        const Alarm *alarm = value;
        if ((alarm->is_raised || wants_all) && (sees_all || !alarm->is_priority)) {
            g_ptr_array_add (alarms, value);
        }
    }
    g_ptr_array_sort (alarms, compare);
    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < alarms->len; i++) {
        add_row (&rows, alarms->pdata[i]);
    }
    td_request_reply (request, g_variant_builder_end (&rows));
}

/* --- Life -------------------------------------------------------------------------------- */

static TdTopic *
declare_topic (const char *name, const char *help)
{
    return td_topic_declare (NULL, &(TdTopicDecl){ .size = sizeof (TdTopicDecl),
                                                   .version = 1,
                                                   .name = name,
                                                   .help = help,
                                                   .fields = fields,
                                                   .n_fields = G_N_ELEMENTS (fields),
                                                   .body_size = sizeof (AlarmFact) });
}

void
td_alarms_open (void)
{
    static const TdArgument arguments[] = {
        { .name = "--all", .help = "Also what is watched, and is no alarm at present" },
    };

    watch.alarms = g_hash_table_new_full (NULL, NULL, NULL, alarm_free);
    watch.raised = declare_topic ("alarm.raised", "A figure has come to where it is an alarm.");
    watch.cleared = declare_topic ("alarm.cleared", "An alarm is over.");
    watch.wake = (TdPost){ .run = run_wake, .drop = drop_wake };
    td_timer_init (&watch.timer, NULL, look_again);
    atomic_store (&watch.is_awake, false);
    td_metric_watch (changed);
    td_command_add_own (&(TdCommand){
        .size = sizeof (TdCommand),
        .argument_size = sizeof (TdArgument),
        .name = "alarm list",
        .help =
            "Lists the alarms that are raised; those of calls with a priority to who may see them",
        .arguments = arguments,
        .n_arguments = G_N_ELEMENTS (arguments),
        .run = run_list });
}

/* The metric outlives this engine: the next one in the process begins with nothing raised. */
static void
lower_all (void)
{
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init (&iter, watch.alarms);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        const Alarm *alarm = value;
        if (alarm->is_raised) {
            td_metric_add (alarm->shown, -1);
        }
    }
}

void
td_alarms_close (void)
{
    td_metric_watch (NULL);
    td_timer_stop (&watch.timer);
    lower_all ();
    g_clear_pointer (&watch.alarms, g_hash_table_unref);
}
