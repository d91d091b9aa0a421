/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trunk statistics: the intervals of one group, or the present one of all, as a table, CSV or a plot. */

#include "command.h"
#include "plot.h"

#include <inttypes.h>
#include <string.h>

/* Copies of the intervals of GROUP, the oldest first, the present one last (transfer full). */
static GArray *
copy_intervals (Group *group, unsigned n_wanted)
{
    GArray *all = g_array_new (FALSE, FALSE, sizeof (Interval));

    pthread_mutex_lock (&group->lock);
    Interval now = intervals_now (&group->intervals, td_clock_now_us (), td_clock_wall_us ());
    unsigned n_kept = group->intervals.n_kept;
    unsigned first = n_wanted > 0 && n_wanted <= n_kept ? n_kept - n_wanted + 1 : 0;
    for (unsigned i = first; i < n_kept; i++) {
        const Interval *closed = intervals_closed (&group->intervals, i);
        if (closed != NULL) {
            g_array_append_val (all, *closed);
        }
    }
    pthread_mutex_unlock (&group->lock);
    g_array_append_val (all, now);
    return all;
}

/* --- As rows ------------------------------------------------------------------------------ */

static void
add_ratio (GVariantBuilder *row, const char *name, double value)
{
    if (value >= 0) {
        g_variant_builder_add (row, "{sv}", name,
                               g_variant_new_double ((double) (int64_t) (value * 10 + 0.5) / 10));
    }
}

static void
add_hits (GVariantBuilder *row, const Interval *interval)
{
    for (ControlKind kind = 0; kind < N_CONTROL_KINDS; kind++) {
        if (interval->control_hits[kind] > 0) {
            g_autofree char *name = g_strdup_printf ("control_%s", control_kind_name (kind));
            row_number (row, g_strdelimit (name, "-", '_'), interval->control_hits[kind]);
        }
    }
}

static void
add_interval (GVariantBuilder *row, const Group *group, const Interval *interval)
{
    row_text (row, "trunk", group != NULL ? group->name : NULL);
    row_time (row, "begin", interval->begin_us);
    row_number (row, "seconds", interval->length_s);
    add_ratio (row, "asr_percent", interval_asr (interval));
    add_ratio (row, "ner_percent", interval_ner (interval));
    add_ratio (row, "acd_s", interval_acd (interval));
    if (interval->n_delays > 0) {
        row_number (row, "pdd_p50_ms", interval->delay_p50_ms);
        row_number (row, "pdd_p95_ms", interval->delay_p95_ms);
    }
    g_variant_builder_add (row, "{sv}", "erlang",
                           g_variant_new_double (interval->mean_centi / 100.0));
    row_number (row, "peak", interval->peak);
    g_variant_builder_add (row, "{sv}", "ccs", g_variant_new_double (interval->usage_s / 100.0));
    for (IntervalCount count = 0; count < N_COUNTS; count++) {
        row_number (row, interval_count_name (count), interval->counts[count]);
    }
    add_hits (row, interval);
}

static GVariant *
to_rows (const GArray *intervals)
{
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < intervals->len; i++) {
        g_variant_builder_open (&rows, G_VARIANT_TYPE_VARDICT);
        add_interval (&rows, NULL, &g_array_index (intervals, Interval, i));
        g_variant_builder_close (&rows);
    }
    return g_variant_builder_end (&rows);
}

/* --- As files ----------------------------------------------------------------------------- */

static void
append_ratio (GString *out, double value)
{
    if (value >= 0) {
        int64_t tenths = (int64_t) (value * 10 + 0.5); /* as the table has it */
        g_string_append_printf (out, ",%" PRId64 ".%" PRId64, tenths / 10, tenths % 10);
    } else {
        g_string_append_c (out, ',');
    }
}

/* RFC 4180; every interval with every column, so that files can be put one behind the other. */
static char *
to_csv (const GArray *intervals)
{
    GString *out =
        g_string_new ("begin,seconds,asr_percent,ner_percent,acd_s,pdd_p50_ms,pdd_p95_ms,"
                      "erlang,peak,ccs");

    for (IntervalCount count = 0; count < N_COUNTS; count++) {
        g_string_append_printf (out, ",%s", interval_count_name (count));
    }
    for (ControlKind kind = 0; kind < N_CONTROL_KINDS; kind++) {
        g_autofree char *name = g_strdup_printf (",control_%s", control_kind_name (kind));
        g_string_append (out, g_strdelimit (name, "-", '_'));
    }
    g_string_append (out, "\r\n");
    for (unsigned i = 0; i < intervals->len; i++) {
        const Interval *interval = &g_array_index (intervals, Interval, i);
        g_autofree char *begin = time_print (interval->begin_us);
        g_string_append_printf (out, "%s,%u", begin, interval->length_s);
        append_ratio (out, interval_asr (interval));
        append_ratio (out, interval_ner (interval));
        append_ratio (out, interval_acd (interval));
        g_string_append_printf (out, ",%u,%u,%u.%02u,%u,%u.%02u", interval->delay_p50_ms,
                                interval->delay_p95_ms, interval->mean_centi / 100,
                                interval->mean_centi % 100, interval->peak, interval->usage_s / 100,
                                interval->usage_s % 100);
        for (IntervalCount count = 0; count < N_COUNTS; count++) {
            g_string_append_printf (out, ",%u", interval->counts[count]);
        }
        for (ControlKind kind = 0; kind < N_CONTROL_KINDS; kind++) {
            g_string_append_printf (out, ",%u", interval->control_hits[kind]);
        }
        g_string_append (out, "\r\n");
    }
    return g_string_free (out, FALSE);
}

static GVariant *
to_file (const Group *group, const char *ending, const char *type, char *text)
{
    g_autofree char *content = text;
    g_autofree char *name = g_strdup_printf ("%s.%s", group->name, ending);

    return g_variant_new_parsed ("{'file': <{'name': <%s>, 'type': <%s>, 'text': <%s>}>}", name,
                                 type, content);
}

/* --- The command -------------------------------------------------------------------------- */

static void
reply_all (TdRequest *request, Trunk *trunk)
{
    g_autoptr (GPtrArray) groups = sorted_groups (trunk);
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < groups->len; i++) {
        Group *group = groups->pdata[i];
        g_autoptr (GArray) now = copy_intervals (group, 1);
        g_variant_builder_open (&rows, G_VARIANT_TYPE_VARDICT);
        add_interval (&rows, group, &g_array_index (now, Interval, now->len - 1));
        g_variant_builder_close (&rows);
    }
    td_request_reply (request, g_variant_builder_end (&rows));
}

static void
reply_one (TdRequest *request, Group *group, unsigned n_wanted)
{
    g_autoptr (GArray) intervals = copy_intervals (group, n_wanted);
    const char *form = td_request_argument (request, "--form");

    if (form == NULL || strcmp (form, "table") == 0) {
        td_request_reply (request, to_rows (intervals));
    } else if (strcmp (form, "csv") == 0) {
        td_request_reply (request, to_file (group, "csv", "text/csv", to_csv (intervals)));
    } else if (strcmp (form, "svg") == 0) {
        uint32_t capacity = group->settings.capacity[WAY_ALL];
        td_request_reply (request,
                          to_file (group, "svg", "image/svg+xml",
                                   plot_intervals (group->name, intervals,
                                                   capacity != GROUP_UNLIMITED ? capacity : 0)));
    } else {
        td_request_fail (request, "\"%s\" is no form: write table, csv or svg", form);
    }
}

static void
run_statistics (TdRequest *request, void *data)
{
    const char *last = td_request_argument (request, "--last");
    char *end = NULL;
    uint64_t n_wanted = last != NULL ? g_ascii_strtoull (last, &end, 10) : 0;

    if (last != NULL
        && (!g_ascii_isdigit (last[0]) || *end != '\0' || n_wanted < 1 || n_wanted > 10000)) {
        td_request_fail (request, "\"%s\" is no number of intervals from 1 on", last);
        return;
    }
    if (td_request_argument (request, "TRUNK") == NULL) {
        reply_all (request, data);
        return;
    }
    Group *group = request_group (data, request, "TRUNK");
    if (group != NULL) {
        reply_one (request, group, (unsigned) n_wanted);
    }
}

bool
statistics_commands_start (Trunk *trunk, GError **error)
{
    static const TdArgument arguments[] = {
        { .name = "TRUNK",
          .help = "The trunk group; without it, the present interval of all",
          .complete = "trunk list" },
        { .name = "--last",
          .help = "How many intervals, the present one counted; all of 48 h without it",
          .takes_value = true },
        { .name = "--form", .help = "table, csv or svg", .takes_value = true },
    };

    return command_add (trunk,
                        &(TdCommand){ .name = "trunk statistics",
                                      .help = "Shows the traffic of trunk groups by intervals",
                                      .arguments = arguments,
                                      .n_arguments = G_N_ELEMENTS (arguments),
                                      .run = run_statistics },
                        error);
}
