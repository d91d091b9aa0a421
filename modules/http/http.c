/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* http: HTTP for the other modules: questions asked of servers, paths served to clients.
 *
 *     start      thread -- client_open, server_open --> loop_run . . . until stop () has been heard
 *     stop       no new connection, question or request; 3 s for what is under way; then it is
 *                told that there will be no answer, and the thread ends
 */

#include "http.h"

#include <tandem/log.h>

enum { GRACE_MS = 3000 };

/* --- The thread -------------------------------------------------------------------------- */

static bool
is_over (void *data)
{
    const Http *http = data;

    return http->is_ending && http->client.asks == NULL && http->server.hands == NULL
           && (http->grace == NULL || !gate_is_busy (http));
}

static gboolean
end_grace (void *data)
{
    Http *http = data;

    g_clear_pointer (&http->grace, g_source_unref);
    client_abort (http);
    server_abort (http);
    return G_SOURCE_REMOVE;
}

static void
begin_end (Errand *errand)
{
    Http *http = (Http *) ((char *) errand - offsetof (Http, begin_end));

    http->is_ending = true;
    gate_close (http);
    if (http->is_followed) {
        gate_leave (http);
    }
    http->grace = loop_add_timeout (&http->loop, GRACE_MS, end_grace, http);
}

static void
run_thread (void *data)
{
    Http *http = data;

    g_main_context_push_thread_default (http->loop.context);
    client_open (http);
    server_open (http);
    loop_run (&http->loop, is_over, http);
    http->has_ended = true;
    loop_drop_source (&http->grace);
    client_close (http);
    server_close (http);
    g_main_context_pop_thread_default (http->loop.context);
}

/* --- Configuration ----------------------------------------------------------------------- */

/* A configuration on its way to the thread. */
struct Change {
    Errand errand; /* first */
    Http *http;
    Settings *settings;
    GPtrArray *sockets;
};

static void
take_change (Errand *errand)
{
    Change *change = (Change *) errand;
    Http *http = change->http;

    settings_unref (http->settings);
    http->settings = change->settings;
    if (!http->is_ending) {
        client_configure (http);
        gate_configure (http, change->sockets);
    }
    g_ptr_array_unref (change->sockets);
    g_free (change);
}

/* For SETTINGS (transfer full) and the sockets of BOUND. */
static Change *
change_new (Http *http, Settings *settings, GPtrArray *bound)
{
    Change *change = g_new0 (Change, 1);

    *change = (Change){ .errand.run = take_change, .http = http, .settings = settings };
    change->sockets = g_ptr_array_new_with_free_func (g_object_unref);
    for (unsigned i = 0; i < bound->len; i++) {
        g_ptr_array_add (change->sockets, g_object_ref (((Bound *) bound->pdata[i])->socket));
    }
    return change;
}

static void
change_free (Change *change)
{
    settings_unref (change->settings);
    g_ptr_array_unref (change->sockets);
    g_free (change);
}

/* Hands CHANGE (transfer full) to the thread. */
static void
send_change (Http *http, Change *change)
{
    if (!loop_post (&http->loop, &change->errand)) {
        change_free (change);
    }
}

/* Everybody has been told by now that this build runs: who serves paths serves them here. Before, its clients
 * would have been told that there is nothing. */
static void
open_gates (TdPost *post)
{
    Http *http = (Http *) ((char *) post - offsetof (Http, open));
    Change *first = g_steal_pointer (&http->first);

    if (first != NULL) {
        send_change (http, first);
    }
}

static void
forget_gates (TdPost *post)
{
}

static bool
was_bound (const GPtrArray *before, const Bound *bound)
{
    for (unsigned i = 0; before != NULL && i < before->len; i++) {
        if (((const Bound *) before->pdata[i])->socket == bound->socket) {
            return true;
        }
    }
    return false;
}

static void
tell_changes (Http *http, const GPtrArray *before)
{
    for (unsigned i = 0; i < http->bound->len; i++) {
        const Bound *bound = http->bound->pdata[i];
        if (!was_bound (before, bound)) {
            td_log_notice (http->module, bound->text, "listening on %s", bound->address);
        }
    }
    for (unsigned i = 0; before != NULL && i < before->len; i++) {
        const Bound *bound = before->pdata[i];
        if (!was_bound (http->bound, bound)) {
            td_log_notice (http->module, bound->text, "no longer listening on %s", bound->address);
        }
    }
}

/* --- Metrics, the command ---------------------------------------------------------------- */

static TdMetric *
declare (Http *http, TdMetricKind kind, const char *name, const char *labels, const char *help)
{
    return td_metric_declare (http->module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                             .kind = kind,
                                                             .name = name,
                                                             .help = help,
                                                             .labels = labels });
}

static void
declare_metrics (Http *http)
{
    static const char *const classes[STATUS_CLASSES] = { "0xx", "1xx", "2xx", "3xx", "4xx", "5xx" };
    static const char questions[] = "tandem_http_questions_total";
    static const char asked[] = "Questions asked of servers";
    static const char refused[] = "tandem_http_connections_refused_total";
    static const char closed[] = "Connections of clients that were closed at once";
    Metrics *metrics = &http->metrics;

    metrics->answered = declare (http, TD_METRIC_COUNTER, questions, "outcome=\"answered\"", asked);
    metrics->failed = declare (http, TD_METRIC_COUNTER, questions, "outcome=\"failed\"", asked);
    metrics->cancelled =
        declare (http, TD_METRIC_COUNTER, questions, "outcome=\"cancelled\"", asked);
    for (unsigned i = 2; i < STATUS_CLASSES; i++) {
        g_autofree char *labels = g_strdup_printf ("status=\"%s\"", classes[i]);
        metrics->answers[i] = declare (http, TD_METRIC_COUNTER, "tandem_http_requests_total",
                                       labels, "Requests of clients that were answered");
    }
    metrics->answers[0] = metrics->answers[1] = metrics->answers[5];
    metrics->late = declare (http, TD_METRIC_COUNTER, "tandem_http_late_total", NULL,
                             "Requests that were not answered in time by who serves the path");
    metrics->connections = declare (http, TD_METRIC_GAUGE, "tandem_http_connections", NULL,
                                    "Connections of clients that are open");
    metrics->hands = declare (http, TD_METRIC_GAUGE, "tandem_http_requests", NULL,
                              "Requests of clients that wait for their answer");
    metrics->refused_address =
        declare (http, TD_METRIC_COUNTER, refused, "why=\"address\"", closed);
    metrics->refused_full = declare (http, TD_METRIC_COUNTER, refused, "why=\"full\"", closed);
}

static GVariant *
describe_listeners (const Http *http)
{
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < http->bound->len; i++) {
        const Bound *bound = http->bound->pdata[i];
        g_variant_builder_open (&rows, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add (&rows, "{sv}", "listen", g_variant_new_string (bound->text));
        g_variant_builder_add (&rows, "{sv}", "address", g_variant_new_string (bound->address));
        g_variant_builder_close (&rows);
    }
    return g_variant_builder_end (&rows);
}

static void
run_show (TdRequest *request, void *data)
{
    Http *http = data;
    GVariantBuilder row;

    g_variant_builder_init (&row, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (&row, "{sv}", "connections",
                           g_variant_new_int64 (td_metric_value (http->metrics.connections)));
    g_variant_builder_add (&row, "{sv}", "requests",
                           g_variant_new_int64 (td_metric_value (http->metrics.hands)));
    g_variant_builder_add (&row, "{sv}", "listeners", describe_listeners (http));
    g_variant_builder_add (&row, "{sv}", "paths", server_paths (http));
    td_request_reply (request, g_variant_builder_end (&row));
}

/* --- Life -------------------------------------------------------------------------------- */

static Http *
http_new (TdModule *module)
{
    Http *http = g_new0 (Http, 1);

    http->module = module;
    http->begin_end.run = begin_end;
    http->open = (TdPost){ .owner = module, .run = open_gates, .drop = forget_gates };
    http->iface = (TdHttpService){
        .size = sizeof (TdHttpService),
        .data = http,
        .ask = client_ask,
        .cancel = client_cancel,
        .serve = server_serve,
        .unserve = server_unserve,
        .answer = server_answer,
        .layout = SHARED_LAYOUT,
    };
    loop_init (&http->loop);
    return http;
}

/* Opens what the settings want; what an older build has open, and who serves paths, is shared with it until it
 * stops. */
static bool
bind_all (Http *http, GError **error)
{
    const TdHttpService *older = td_feature_acquire (http->module, TD_FEATURE_HTTP);
    const Shared *before =
        older != NULL && older->size >= sizeof *older && older->layout == SHARED_LAYOUT
            ? older->shared
            : NULL;

    http->paths = before != NULL ? paths_ref (before->paths) : paths_new ();
    http->bound = gate_bind (http->settings, before != NULL ? before->bound : NULL, error);
    http->shared = (Shared){ .bound = http->bound, .paths = http->paths };
    http->iface.shared = &http->shared;
    if (older != NULL) {
        td_feature_release (http->module, TD_FEATURE_HTTP);
    }
    return http->bound != NULL;
}

/* What may fail comes before the thread, which then has all it needs. */
static bool
start (TdModule *module, GError **error)
{
    Http *http = http_new (module);
    const TdCommand show = {
        .size = sizeof (TdCommand),
        .argument_size = sizeof (TdArgument),
        .name = "http show",
        .help = "Shows where requests are taken, which paths are served, and how much is under way",
        .data = http,
        .run = run_show,
    };

    td_module_set_state (module, http);
    http->settings = settings_new (td_module_config (module), true, error);
    if (http->settings == NULL || !bind_all (http, error)) {
        return false;
    }
    declare_metrics (http);
    if (!td_command_add (module, &show, error)
        || !td_feature_provide (module, TD_FEATURE_HTTP, &http->iface, error)
        || !td_thread_start (module, "http", run_thread, http, error)) {
        return false;
    }
    http->has_thread = true;
    http->first = change_new (http, settings_ref (http->settings), http->bound);
    td_lane_post (td_lane_control (), &http->open);
    tell_changes (http, NULL);
    return true;
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    Http *http = td_module_state (module);

    switch (phase) {
    case TD_RELOAD_PREPARE:
        http->prepared = settings_new (next, true, error);
        http->prepared_bound =
            http->prepared != NULL ? gate_bind (http->prepared, http->bound, error) : NULL;
        if (http->prepared_bound == NULL) {
            g_clear_pointer (&http->prepared, settings_unref);
        }
        return http->prepared_bound != NULL;
    case TD_RELOAD_COMMIT: {
        g_autoptr (GPtrArray) before = g_steal_pointer (&http->bound);
        http->bound = http->shared.bound = g_steal_pointer (&http->prepared_bound);
        g_clear_pointer (&http->first, change_free);
        send_change (http, change_new (http, g_steal_pointer (&http->prepared), http->bound));
        tell_changes (http, before);
        break;
    }
    case TD_RELOAD_ABANDON:
        g_clear_pointer (&http->prepared_bound, g_ptr_array_unref);
        g_clear_pointer (&http->prepared, settings_unref);
        break;
    }
    return true;
}

/* The port is free at once for whoever comes next. */
static void
stop (TdModule *module)
{
    Http *http = td_module_state (module);

    g_ptr_array_set_size (http->bound, 0);
    bool is_followed = td_feature_acquire (module, TD_FEATURE_HTTP) != NULL;
    if (is_followed) {
        td_feature_release (module, TD_FEATURE_HTTP);
    }
    server_shut (http, is_followed);
    loop_post (&http->loop, &http->begin_end);
}

static void
unload (TdModule *module)
{
    Http *http = td_module_state (module);

    if (http == NULL) {
        return;
    }
    settings_unref (http->settings);
    g_clear_pointer (&http->first, change_free);
    g_clear_pointer (&http->bound, g_ptr_array_unref);
    paths_unref (http->paths);
    loop_clear (&http->loop);
    g_free (http);
    td_module_set_state (module, NULL);
}

static bool
check (const TdConfig *config, GError **error)
{
    Settings *settings = settings_new (config, false, error);

    settings_unref (settings);
    return settings != NULL;
}

static void
describe (TdModule *module, GVariantDict *info)
{
    const Http *http = td_module_state (module);

    if (http != NULL && http->bound != NULL) {
        g_variant_dict_insert (info, "listeners", "u", http->bound->len);
    }
}

TD_MODULE (http, .summary = "HTTP for other modules: questions of servers, paths for clients",
           .version = "1.0", .license = "LGPL-2.1-or-later",
           .flags = TD_MODULE_RESIDENT, /* libsoup registers types */
           .provides = TD_LIST (TD_FEATURE_HTTP), .config = &http_section, .n_config = 1,
           .upgrade = TD_UPGRADE_BESIDE, .start = start, .reload = reload, .stop = stop,
           .unload = unload, .check = check, .describe = describe)
