/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands the core answers by itself: what there is to ask, which build this is, the figures. */

#include "operate/command.h"

#include "base/metric.h"
#include "base/version.h"

#include <string.h>
#include <tandem/priority.h>

/* Whether the command NAME is, or is under, what WORDS say: "" is everything. */
static bool
is_selected (const char *name, const char *words)
{
    size_t len = strlen (words);

    return len == 0 || (strncmp (name, words, len) == 0 && (name[len] == '\0' || name[len] == ' '));
}

typedef struct {
    const char *words;
    GVariantBuilder rows;
    unsigned n_rows;
} Selection;

static void
add_help_row (const TdCommandLease *lease, void *data)
{
    Selection *selection = data;

    if (is_selected (lease->decl.name, selection->words)) {
        g_autofree char *usage = td_command_synopsis (lease);
        g_variant_builder_open (&selection->rows, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add (&selection->rows, "{sv}", "command", g_variant_new_string (usage));
        g_variant_builder_add (&selection->rows, "{sv}", "help",
                               g_variant_new_string (lease->decl.help));
        g_variant_builder_close (&selection->rows);
        selection->n_rows++;
    }
}

static void
add_argument_row (GVariantBuilder *rows, const TdArgument *argument, bool is_full)
{
    const char *help = argument->help != NULL ? argument->help : "";
    const char *complete = argument->complete != NULL ? argument->complete : "";

    g_variant_builder_open (rows, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (rows, "{sv}", "name", g_variant_new_string (argument->name));
    g_variant_builder_add (rows, "{sv}", "help", g_variant_new_string (help));
    if (is_full) {
        g_variant_builder_add (rows, "{sv}", "is_required",
                               g_variant_new_boolean (argument->is_required));
        g_variant_builder_add (rows, "{sv}", "takes_value",
                               g_variant_new_boolean (argument->takes_value));
        g_variant_builder_add (rows, "{sv}", "complete", g_variant_new_string (complete));
    }
    g_variant_builder_close (rows);
}

static GVariant *
describe_arguments (const TdCommandLease *lease, bool is_full)
{
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (uint32_t i = 0; i < lease->decl.n_arguments; i++) {
        add_argument_row (&rows, &lease->arguments[i], is_full);
    }
    return g_variant_builder_end (&rows);
}

/* What "help call list" says. */
static GVariant *
describe_one (const TdCommandLease *lease)
{
    GVariantBuilder text;
    g_autofree char *usage = td_command_usage (lease);

    g_variant_builder_init (&text, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (&text, "{sv}", "usage", g_variant_new_string (usage));
    g_variant_builder_add (&text, "{sv}", "help", g_variant_new_string (lease->decl.help));
    if (lease->decl.n_arguments > 0) {
        g_variant_builder_add (&text, "{sv}", "arguments", describe_arguments (lease, false));
    }
    if (lease->decl.is_change) {
        g_variant_builder_add (&text, "{sv}", "needs",
                               g_variant_new_string ("the operator's role: it changes something"));
    }
    if (lease->decl.is_priority) {
        g_variant_builder_add (&text, "{sv}", "needs",
                               g_variant_new_string ("the role for calls with a priority"));
    }
    return g_variant_builder_end (&text);
}

static void
run_help (TdRequest *request, void *data)
{
    const char *noun = td_request_argument (request, "NOUN");
    const char *verb = td_request_argument (request, "VERB");
    const char *words[] = { noun, verb, NULL };
    g_autofree char *line = g_strjoinv (" ", (char **) words);
    g_autoptr (GError) error = NULL;
    Selection selection = { .words = line };

    const TdCommandLease *lease = noun != NULL ? td_command_find (words, &error) : NULL;
    if (lease != NULL && g_str_equal (lease->decl.name, line)) {
        td_request_reply (request, describe_one (lease));
        return;
    }
    g_variant_builder_init (&selection.rows, G_VARIANT_TYPE ("aa{sv}"));
    td_command_each (add_help_row, &selection);
    GVariant *rows = g_variant_ref_sink (g_variant_builder_end (&selection.rows));
    if (selection.n_rows > 0) {
        td_request_reply (request, rows);
    } else {
        td_request_fail (request, "%s",
                         error != NULL ? error->message : "there is no such command");
    }
    g_variant_unref (rows);
}

static void
add_command_row (const TdCommandLease *lease, void *rows)
{
    g_autofree char *usage = td_command_usage (lease);

    g_variant_builder_open (rows, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (rows, "{sv}", "name", g_variant_new_string (lease->decl.name));
    g_variant_builder_add (rows, "{sv}", "module",
                           g_variant_new_string (td_owner_of (lease->module)->name));
    g_variant_builder_add (rows, "{sv}", "is_change",
                           g_variant_new_boolean (lease->decl.is_change));
    g_variant_builder_add (rows, "{sv}", "is_priority",
                           g_variant_new_boolean (lease->decl.is_priority));
    g_variant_builder_add (rows, "{sv}", "is_stream",
                           g_variant_new_boolean (lease->decl.is_stream));
    g_variant_builder_add (rows, "{sv}", "usage", g_variant_new_string (usage));
    g_variant_builder_add (rows, "{sv}", "help", g_variant_new_string (lease->decl.help));
    g_variant_builder_add (rows, "{sv}", "arguments", describe_arguments (lease, true));
    g_variant_builder_close (rows);
}

static void
run_commands (TdRequest *request, void *data)
{
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    td_command_each (add_command_row, &rows);
    td_request_reply (request, g_variant_builder_end (&rows));
}

static void
run_version (TdRequest *request, void *data)
{
    GVariantBuilder text;
    g_autofree char *abi = g_strdup_printf ("%d.%d", TD_ABI_MAJOR, TD_ABI_MINOR);

    g_variant_builder_init (&text, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (&text, "{sv}", "version", g_variant_new_string (td_version ()));
    g_variant_builder_add (&text, "{sv}", "tree", g_variant_new_string (td_version_tree ()));
    g_variant_builder_add (&text, "{sv}", "abi", g_variant_new_string (abi));
    td_request_reply (request, g_variant_builder_end (&text));
}

typedef struct {
    const char *prefix;
    bool with_priority;
    GVariantBuilder rows;
    unsigned n_rows;
} Figures;

static void
add_metric_row (const TdMetricView *view, void *data)
{
    Figures *figures = data;
    g_autofree char *labels = g_utf8_make_valid (view->labels, -1);

    if (!g_str_has_prefix (view->name, figures->prefix)
        || (view->is_priority && !figures->with_priority)) {
        return;
    }
    g_variant_builder_open (&figures->rows, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (&figures->rows, "{sv}", "name", g_variant_new_string (view->name));
    g_variant_builder_add (&figures->rows, "{sv}", "labels", g_variant_new_string (labels));
    g_variant_builder_add (&figures->rows, "{sv}", "value", g_variant_new_int64 (view->value));
    if (view->kind == TD_METRIC_HISTOGRAM && view->value > 0) {
        g_variant_builder_add (&figures->rows, "{sv}", "mean",
                               g_variant_new_double ((double) view->sum / (double) view->value));
    }
    g_variant_builder_add (&figures->rows, "{sv}", "help", g_variant_new_string (view->help));
    g_variant_builder_close (&figures->rows);
    figures->n_rows++;
}

static void
run_metric (TdRequest *request, void *data)
{
    const char *prefix = td_request_argument (request, "NAME");
    Figures figures = { .prefix = prefix != NULL ? prefix : "",
                        .with_priority = td_request_may_see (request, TD_CLASS_MAX) };

    if (td_request_argument (request, "--prometheus") != NULL) {
        g_autoptr (GString) text = g_string_new (NULL);
        td_metrics_to_prometheus (text, figures.with_priority);
        td_request_reply (request, g_variant_new_string (text->str));
        return;
    }
    g_variant_builder_init (&figures.rows, G_VARIANT_TYPE ("aa{sv}"));
    td_metric_each (add_metric_row, &figures);
    GVariant *rows = g_variant_ref_sink (g_variant_builder_end (&figures.rows));
    if (figures.n_rows > 0 || prefix == NULL) {
        td_request_reply (request, rows);
    } else {
        td_request_fail (request, "no metric begins with \"%s\": \"metric\" lists all of them",
                         prefix);
    }
    g_variant_unref (rows);
}

static void
add (const char *name, const char *help, const TdArgument *arguments, uint32_t n_arguments,
     void (*run) (TdRequest *request, void *data))
{
    td_command_add_own (&(TdCommand){ .size = sizeof (TdCommand),
                                      .argument_size = sizeof (TdArgument),
                                      .name = name,
                                      .help = help,
                                      .arguments = arguments,
                                      .n_arguments = n_arguments,
                                      .run = run });
}

void
td_commands_start (void)
{
    static const TdArgument help_arguments[] = {
        { .name = "NOUN", .help = "What the command is about, or its whole name" },
        { .name = "VERB", .help = "What is to be done with it" },
    };
    static const TdArgument metric_arguments[] = {
        { .name = "NAME", .help = "What the names begin with", .complete = "metric" },
        { .name = "--prometheus", .help = "All of them as Prometheus reads them" },
    };

    add ("help", "Says which commands there are and how one is used", help_arguments,
         G_N_ELEMENTS (help_arguments), run_help);
    add ("commands", "Lists the commands with all a program needs to know of them", NULL, 0,
         run_commands);
    add ("version", "Says which build is running", NULL, 0, run_version);
    add (
        "metric",
        "Shows counters, gauges and histograms; those of calls with a priority to who may see them",
        metric_arguments, G_N_ELEMENTS (metric_arguments), run_metric);
}
