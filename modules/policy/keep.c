/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Probes, and what is told of servers that are lost and come back. All of it on the control lane. */

#include "policy.h"

#include <tandem/log.h>

#include <string.h>

enum { PROBE_MAX_MS = 2000 };

typedef struct {
    const char *server, *why;
} ServerFact;

static const TdField fields[] = {
    TD_FIELD (ServerFact, server, TD_FIELD_TEXT, "The URL of the server"),
    TD_FIELD (ServerFact, why, TD_FIELD_TEXT, "Why, in words"),
};

/* --- Facts, metrics ---------------------------------------------------------------------- */

static TdTopic *
declare_topic (Policy *policy, const char *name, const char *help)
{
    return td_topic_declare (policy->module, &(TdTopicDecl){ .size = sizeof (TdTopicDecl),
                                                             .version = 1,
                                                             .name = name,
                                                             .help = help,
                                                             .fields = fields,
                                                             .n_fields = G_N_ELEMENTS (fields),
                                                             .body_size = sizeof (ServerFact) });
}

static void
set_gauge (TdMetric *gauge, int64_t value)
{
    td_metric_add (gauge, value - td_metric_value (gauge));
}

static void
changed (Server *server, ServerState before, void *data)
{
    Policy *policy = data;
    ServerState state = td_fsm_state (&server->fsm);
    ServerFact fact = { .server = server->url, .why = server->why };

    set_gauge (server->is_up, state == SERVER_UP);
    if (state == SERVER_LOST) {
        td_log_warning (policy->module, server->url,
                        "is not asked any more until a probe is "
                        "answered: %s",
                        server->why != NULL ? server->why : "no answer");
        td_bus_publish (policy->lost, TD_ID_NONE, NULL, 0, &fact);
    } else {
        td_log_notice (policy->module, server->url, "is there%s",
                       before == SERVER_LOST ? " again" : "");
        td_bus_publish (policy->back, TD_ID_NONE, NULL, 0, &fact);
    }
}

void
keep_declare (Policy *policy)
{
    policy->keeper = (PoolKeeper){ .module = policy->module, .changed = changed, .data = policy };
    policy->lost = declare_topic (policy, "policy.lost",
                                  "A policy server does not answer, and is not asked any more");
    policy->back = declare_topic (policy, "policy.back", "A policy server answers, and is asked");
    policy->alone = td_metric_declare (
        policy->module,
        &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                         .kind = TD_METRIC_COUNTER,
                         .name = "tandem_policy_alone_total",
                         .help = "Calls for which no server answered: the tables here decided" });
}

static TdMetric *
declare (const Policy *policy, const Server *server, TdMetricKind kind, const char *name,
         const char *outcome, const char *help)
{
    static const uint64_t bounds[] = { 500,   1000,   2000,   5000,   10000,   20000,
                                       50000, 100000, 200000, 500000, 1000000, 2500000 };
    g_autoptr (GString) labels = g_string_new (server->url);

    g_string_replace (labels, "\\", "\\\\", 0);
    g_string_replace (labels, "\"", "\\\"", 0);
    g_string_prepend (labels, "server=\"");
    g_string_append_printf (labels, outcome != NULL ? "\",outcome=\"%s\"" : "\"", outcome);
    return td_metric_declare (
        policy->module,
        &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                         .kind = kind,
                         .name = name,
                         .help = help,
                         .labels = labels->str,
                         .buckets = kind == TD_METRIC_HISTOGRAM ? bounds : NULL,
                         .n_buckets = kind == TD_METRIC_HISTOGRAM ? G_N_ELEMENTS (bounds) : 0 });
}

static void
bind (const Policy *policy, Server *server)
{
    static const char *const outcomes[N_OUTCOMES] = { "answered", "busy", "wrong", "lost" };

    for (unsigned i = 0; i < N_OUTCOMES; i++) {
        server->outcomes[i] =
            declare (policy, server, TD_METRIC_COUNTER, "tandem_policy_questions_total",
                     outcomes[i], "Questions asked of policy servers, by what came of them");
    }
    server->delay =
        declare (policy, server, TD_METRIC_HISTOGRAM, "tandem_policy_delay_microseconds", NULL,
                 "How long answers of policy servers took");
    server->is_up = declare (policy, server, TD_METRIC_GAUGE, "tandem_policy_server_up", NULL,
                             "1 when the policy server is there, 0 when it is not");
    set_gauge (server->is_up, 0);
}

void
keep_bind (Policy *policy, Pool *pool)
{
    for (unsigned i = 0; i < pool->n_servers; i++) {
        if (pool->servers[i]->is_up == NULL) {
            bind (policy, pool->servers[i]);
        }
    }
}

static bool
has_server (const Pool *pool, const Server *server)
{
    for (unsigned i = 0; i < pool->n_servers; i++) {
        if (pool->servers[i] == server) {
            return true;
        }
    }
    return false;
}

void
keep_unbind (Policy *policy, const Pool *before, const Pool *now)
{
    for (unsigned i = 0; i < before->n_servers; i++) {
        if (!has_server (now, before->servers[i])) {
            set_gauge (before->servers[i]->is_up, 0);
        }
    }
}

/* --- Probes ------------------------------------------------------------------------------ */

struct Probe {
    TdHttpQuestion http; /* first */
    Policy *policy;
    Server *server;
    const TdHttpService *service;
    char *url;
};

static void
forget (Probe *probe)
{
    Policy *policy = probe->policy;

    for (unsigned i = 0; i < POOL_MAX_SERVERS; i++) {
        if (policy->probes[i] == probe) {
            policy->probes[i] = NULL;
        }
    }
    server_unref (probe->server);
    g_free (probe->url);
    g_free (probe);
}

/* What is wrong with ANSWER (transfer full), or NULL. */
static char *
judge (const TdHttpAnswer *answer, unsigned *ret_level)
{
    g_autoptr (GError) error = NULL;

    if (answer->status == 0) {
        return g_strdup (answer->error);
    }
    if (answer->status == 401) {
        return g_strdup ("does not take our token: see [policy] token");
    }
    if (answer->status != 200) {
        return g_strdup_printf ("answers a probe with status %u", answer->status);
    }
    return wire_read_status (answer->body, answer->len_bytes, ret_level, &error)
               ? NULL
               : g_strdup_printf ("its answer to a probe cannot be used: %s", error->message);
}

static void
done (TdHttpQuestion *http, const TdHttpAnswer *answer)
{
    Probe *probe = (Probe *) http;
    unsigned level;
    g_autofree char *why = judge (answer, &level);

    if (why == NULL) {
        server_note_level (probe->server, level);
    }
    if (!td_module_is_stopping (probe->policy->module)) {
        server_note_probe (probe->server, why == NULL, why);
    }
    forget (probe);
}

static void
drop (TdHttpQuestion *http)
{
    forget ((Probe *) http);
}

static void
begin (Policy *policy, const Settings *settings, Server *server, unsigned place)
{
    const TdHttpService *service = atomic_load (&policy->http);
    Probe *probe;

    if (service == NULL) {
        return;
    }
    probe = policy->probes[place] = g_new0 (Probe, 1);
    probe->policy = policy;
    probe->service = service;
    probe->server = server_ref (server);
    probe->url = g_strconcat (server->url, WIRE_STATUS_PATH, NULL);
    probe->http = (TdHttpQuestion){ .owner = policy->module,
                                    .method = "GET",
                                    .url = probe->url,
                                    .deadline_ms = MIN (settings->probe_ms, PROBE_MAX_MS),
                                    .token = settings->token,
                                    .done = done,
                                    .drop = drop };
    service->ask (&probe->http, service->data);
}

static bool
is_probed (const Policy *policy, const Server *server)
{
    for (unsigned i = 0; i < POOL_MAX_SERVERS; i++) {
        if (policy->probes[i] != NULL && policy->probes[i]->server == server) {
            return true;
        }
    }
    return false;
}

static unsigned
free_place (const Policy *policy)
{
    unsigned place = 0;

    while (place < POOL_MAX_SERVERS && policy->probes[place] != NULL) {
        place++;
    }
    return place;
}

static void
tick (TdTimer *timer)
{
    Policy *policy = (Policy *) ((char *) timer - offsetof (Policy, tick));
    Settings *settings = policy_settings (policy);
    unsigned place;

    for (unsigned i = 0; i < settings->pool->n_servers; i++) {
        Server *server = settings->pool->servers[i];
        if (!is_probed (policy, server) && (place = free_place (policy)) < POOL_MAX_SERVERS) {
            begin (policy, settings, server, place);
        }
    }
    if (settings->pool->n_servers > 0) {
        td_timer_start (timer, settings->probe_ms);
    }
}

/* Looks at once, and from then on again and again. */
void
keep_start (Policy *policy)
{
    td_timer_init (&policy->tick, policy->module, tick);
    td_timer_start (&policy->tick, 0);
}

void
keep_stop (Policy *policy)
{
    td_timer_stop (&policy->tick);
    for (unsigned i = 0; i < POOL_MAX_SERVERS; i++) {
        Probe *probe = policy->probes[i];
        if (probe != NULL) {
            probe->service->cancel (&probe->http, probe->service->data);
            forget (probe);
        }
    }
}
