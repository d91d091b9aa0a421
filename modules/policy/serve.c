/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Other nodes ask this one where calls go.
 *
 *     POST /policy/v1/route  -> the route hooks are asked as for a call, but for no call -> JSON
 *     GET  /policy/v1/status -> how congested this node is
 *
 * A call that is asked for by another node carries a mark, by which the hook of this very module lets it
 * be: two nodes that ask each other go no further than one question.
 */

#include "policy.h"

#include <string.h>
#include <tandem/log.h>

typedef struct {
    Policy *policy;
    TdHttpRequest *request;
    WireQuestion question;
    GArray *steps; /* nullable */
} Looking;

static WireNode
this_node (const Policy *policy)
{
    const TdMetric *level = td_metric_find ("tandem_congestion_level", NULL);
    int64_t value = level != NULL ? td_metric_value (level) : 0;

    return (WireNode){ .node = policy_settings (policy)->node,
                       .level = (unsigned) CLAMP (value, 0, WIRE_MAX_LEVEL) };
}

static void
reply (TdHttpRequest *request, unsigned status, const char *json)
{
    const TdHttpService *http = request->service;

    http->answer (request,
                  &(TdHttpAnswer){ .size = sizeof (TdHttpAnswer),
                                   .status = status,
                                   .type = WIRE_TYPE,
                                   .body = json,
                                   .len_bytes = strlen (json) },
                  http->data);
}

/* --- Where calls go ---------------------------------------------------------------------- */

static Lookup
lookup_of (TdHookVerdict verdict)
{
    switch (verdict) {
    case TD_HOOK_DONE:
        return LOOKUP_ROUTE;
    case TD_HOOK_REFUSE:
        return LOOKUP_REFUSE;
    case TD_HOOK_MORE_DIGITS:
        return LOOKUP_MORE_DIGITS;
    default:
        return LOOKUP_NONE;
    }
}

static void
note_step (const char *step, const char *text, void *data)
{
    wire_steps_add (((Looking *) data)->steps, step, text);
}

static void
decided (const TdHookAnswer *answer, const char *hook_name, const TdRouteList *routes, void *data)
{
    Looking *looking = data;
    WireNode node = this_node (looking->policy);
    g_autofree char *json =
        wire_print_answer (&node, &looking->question, answer, hook_name, routes, looking->steps);

    td_metric_add (looking->policy->lookups[lookup_of (answer->verdict)], 1);
    reply (looking->request, 200, json);
    wire_question_clear (&looking->question);
    g_clear_pointer (&looking->steps, g_array_unref);
    g_free (looking);
}

static void
look (Looking *looking)
{
    const WireQuestion *question = &looking->question;

    td_attributes_set_text (question->attributes, looking->policy->mark,
                            question->node != NULL ? question->node : "");
    td_route_ask (&(TdRouteQuestion){
        .size = sizeof (TdRouteQuestion),
        .owner = looking->policy->module,
        .calling = question->calling,
        .called = question->called,
        .trunk = question->trunk != NULL ? question->trunk : "",
        .time_us = question->time_us != 0 ? question->time_us : td_clock_wall_us (),
        .priority = question->priority,
        .attributes = question->attributes,
        .explain = question->is_explained ? note_step : NULL,
        .done = decided,
        .data = looking,
    });
}

static void
handle_route (TdHttpRequest *request, void *data)
{
    Policy *policy = data;
    g_autoptr (GError) error = NULL;
    Looking *looking = g_new0 (Looking, 1);

    if (!wire_read_question (request->body, request->len_bytes, &looking->question, &error)) {
        g_autofree char *json = wire_print_error (error->message);
        td_metric_add (policy->lookups[LOOKUP_BAD], 1);
        td_log_peer (policy->module, "policy.question", request->peer, NULL,
                     "asks what cannot be understood: %s", error->message);
        reply (request, 400, json);
        g_free (looking);
        return;
    }
    looking->policy = policy;
    looking->request = request;
    looking->steps = looking->question.is_explained ? wire_steps_new () : NULL;
    look (looking);
}

static void
handle_status (TdHttpRequest *request, void *data)
{
    WireNode node = this_node (data);
    g_autofree char *json = wire_print_status (&node);

    reply (request, 200, json);
}

/* --- Life -------------------------------------------------------------------------------- */

bool
serve_declare (Policy *policy, GError **error)
{
    static const char *const names[N_LOOKUPS] = { "route", "refuse", "more-digits", "none", "bad" };

    for (unsigned i = 0; i < N_LOOKUPS; i++) {
        g_autofree char *labels = g_strdup_printf ("verdict=\"%s\"", names[i]);
        policy->lookups[i] = td_metric_declare (
            policy->module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                             .kind = TD_METRIC_COUNTER,
                                             .name = "tandem_policy_lookups_total",
                                             .help = "Questions of other nodes",
                                             .labels = labels });
    }
    policy->mark = td_attribute_declare (policy->module, WIRE_MARK, TD_ATTRIBUTE_TEXT, 0,
                                         "The node that another node asks for", error);
    return policy->mark != NULL;
}

bool
serve_start (Policy *policy, const TdHttpService *http, GError **error)
{
    const TdHttpPath paths[] = {
        { .path = WIRE_ROUTE_PATH, .method = "POST", .handle = handle_route },
        { .path = WIRE_STATUS_PATH, .method = "GET", .handle = handle_status },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (paths); i++) {
        TdHttpPath path = paths[i];
        path.size = sizeof path;
        path.owner = policy->module;
        path.data = policy;
        if (!http->serve (&path, http->data, error)) {
            return false;
        }
    }
    return true;
}

void
serve_stop (Policy *policy, const TdHttpService *http)
{
    http->unserve (policy->module, WIRE_ROUTE_PATH, http->data);
    http->unserve (policy->module, WIRE_STATUS_PATH, http->data);
}
