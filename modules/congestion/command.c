/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operator's verbs: congestion show, set, clear. */

#include "congestion.h"

#include <tandem/command.h>

static void
add_text (GVariantBuilder *row, const char *name, const char *text)
{
    g_variant_builder_add (row, "{sv}", name, g_variant_new_string (text));
}

static void
add_number (GVariantBuilder *row, const char *name, int64_t number)
{
    g_variant_builder_add (row, "{sv}", name, g_variant_new_int64 (number));
}

static void
add_level (GVariantBuilder *row, const char *name, unsigned level)
{
    char text[] = { 'M', 'C', (char) ('0' + level % N_LEVELS), '\0' };

    add_text (row, name, text);
}

static void
add_time (GVariantBuilder *row, const char *name, int64_t wall_us)
{
    g_autoptr (GDateTime) seconds = g_date_time_new_from_unix_utc (wall_us / G_USEC_PER_SEC);
    g_autofree char *text =
        seconds != NULL ? g_date_time_format (seconds, "%Y-%m-%dT%H:%M:%SZ") : g_strdup ("");

    add_text (row, name, text);
}

/* --- congestion show --------------------------------------------------------------------- */

static void
add_measure (GVariantBuilder *rows, const Congestion *congestion, unsigned name)
{
    static const char *const columns[N_ONSETS] = { "mc1", "mc2", "mc3" };
    const MeasureRules *rules = &congestion_settings (congestion)->measures[name];
    const Measure *measure = &congestion->measures[name];

    g_variant_builder_open (rows, G_VARIANT_TYPE_VARDICT);
    add_text (rows, "measure", measure_names[name]);
    add_level (rows, "level", measure->level);
    add_number (rows, "value", measure->value);
    add_text (rows, "unit", measure_units[name]);
    for (unsigned i = 0; i < N_ONSETS; i++) {
        int64_t threshold = measure_threshold (measure, rules, i + 1);
        if (rules->is_on && threshold != MEASURE_NEVER) {
            add_number (rows, columns[i], threshold);
        } else {
            add_text (rows, columns[i], "off");
        }
    }
    add_text (rows, "thresholds",
              !rules->is_adaptive                   ? "fixed"
              : measure_has_learnt (measure, rules) ? "adaptive"
                                                    : "learning");
    if (rules->is_adaptive) {
        add_number (rows, "normal", (int64_t) (measure->normal + 0.5));
    } else {
        add_text (rows, "normal", "");
    }
    g_variant_builder_close (rows);
}

static void
add_by_hand (GVariantBuilder *row, const ByHand *by_hand)
{
    int64_t left_us = by_hand->until_us - td_clock_now_us ();

    add_level (row, "set_to", by_hand->level);
    add_text (row, "set_by", by_hand->who);
    add_time (row, "set_at", by_hand->wall_us);
    if (by_hand->until_us != INT64_MAX) {
        add_time (row, "set_until", td_clock_wall_us () + left_us);
    }
}

static int64_t
count_refused (const Congestion *congestion)
{
    int64_t sum = 0;

    for (unsigned level = 1; level < N_LEVELS; level++) {
        sum += td_metric_value (congestion->metrics.refused[level]);
    }
    return sum;
}

static GVariant *
describe (const Congestion *congestion)
{
    const Level *level = &congestion->level;
    GVariantBuilder row, rows;

    g_variant_builder_init (&row, G_VARIANT_TYPE_VARDICT);
    add_level (&row, "level", level->level);
    add_time (&row, "since", level->wall_us);
    add_level (&row, "measured", level->measured);
    add_text (&row, "by",
              level->by_hand.is_set ? "operator"
              : level->leading >= 0 ? measure_names[level->leading]
                                    : "");
    if (level->by_hand.is_set) {
        add_by_hand (&row, &level->by_hand);
    }
    add_number (&row, "refused", count_refused (congestion));
    add_number (&row, "slowest_lane", congestion->reading.slowest_lane);
    add_number (&row, "latest_lane", congestion->reading.latest_lane);
    add_number (&row, "busiest_lane", congestion->reading.busiest_lane);
    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < N_MEASURES; i++) {
        add_measure (&rows, congestion, i);
    }
    g_variant_builder_add (&row, "{sv}", "measures", g_variant_builder_end (&rows));
    return g_variant_builder_end (&row);
}

static void
run_show (TdRequest *request, void *data)
{
    td_request_reply (request, describe (data));
}

/* --- congestion set, clear --------------------------------------------------------------- */

static void
run_set (TdRequest *request, void *data)
{
    Congestion *congestion = data;
    const char *text = td_request_argument (request, "LEVEL");
    const char *time = td_request_argument (request, "--for");
    int64_t for_us = INT64_MAX;
    unsigned level;

    if (!level_parse (text, &level)) {
        td_request_fail (request, "\"%s\" is no level: say MC0, MC1, MC2 or MC3", text);
        return;
    }
    if (time != NULL && (!duration_parse (time, &for_us) || for_us == 0)) {
        td_request_fail (request, "\"%s\" is no time: say how long, as in 90s, 10min or 2h", time);
        return;
    }
    level_set (&congestion->level, level, td_request_asker (request), td_clock_now_us (), for_us);
    congestion_settle_level (congestion);
    td_request_reply (request, describe (congestion));
}

static void
run_clear (TdRequest *request, void *data)
{
    Congestion *congestion = data;

    if (!congestion->level.by_hand.is_set) {
        td_request_fail (request, "no level is set by hand: \"congestion show\" says what the "
                                  "measures find");
        return;
    }
    level_unset (&congestion->level);
    congestion_settle_level (congestion);
    td_request_reply (request, describe (congestion));
}

bool
congestion_add_commands (Congestion *congestion, GError **error)
{
    static const TdArgument set[] = {
        { .name = "LEVEL", .help = "MC0 (none), MC1, MC2 or MC3", .is_required = true },
        { .name = "--for",
          .help = "How long, as in 10min; until it is cleared without it",
          .takes_value = true },
    };
    const TdCommand commands[] = {
        { .name = "congestion show",
          .help = "Shows the level of machine congestion, each measure, its thresholds and level",
          .run = run_show },
        { .name = "congestion set",
          .help = "Sets the level by hand, over what is measured",
          .arguments = set,
          .n_arguments = G_N_ELEMENTS (set),
          .is_change = true,
          .run = run_set },
        { .name = "congestion clear",
          .help = "Gives the level back to the measures",
          .is_change = true,
          .run = run_clear },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (commands); i++) {
        TdCommand command = commands[i];
        command.size = sizeof (TdCommand);
        command.argument_size = sizeof (TdArgument);
        command.data = congestion;
        if (!td_command_add (congestion->module, &command, error)) {
            return false;
        }
    }
    return true;
}
