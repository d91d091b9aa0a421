/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lease-redis: keeps what switches share in a Redis server.
 *
 *     trunk, on the control lane --- swap ---> a worker --- EVAL ---> Redis
 *            ^                                    |
 *            +------------- done -----------------+
 */

#include "client.h"

#include <tandem/iface/lease.h>
#include <tandem/log.h>
#include <tandem/metric.h>
#include <tandem/module.h>
#include <tandem/socket.h>
#include <tandem/worker.h>

enum { DEFAULT_PORT = 6379 };

typedef struct {
    TdModule *module;
    TdLeaseStore store;
    RedisClient *client; /* the worker's */
    RedisSettings *settings, *prepared;
    TdMetric *up_metric, *swaps_metric, *errors_metric;
    bool is_up, is_known; /* what is known of the server */
    char *trouble;
} State;

/* One swap on its way. */
typedef struct {
    TdWork work;
    State *state;
    TdLeaseSwap *swap;
    RedisSettings *settings; /* NULL: they are as before */
    RedisAnswer answer;
    char *error;
} Job;

static const TdConfigKey keys[] = {
    { .name = "server",
      .type = TD_CONFIG_ADDRESS,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "127.0.0.1:6379",
      .help = "The Redis server, the same for all switches that share trunks.",
      .since = "0.1" },
    { .name = "user",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help = "As whom to log in; empty: the default user.",
      .since = "0.1" },
    { .name = "password",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE | TD_CONFIG_SECRET,
      .default_text = "",
      .help = "The password; empty: the server asks for none.",
      .since = "0.1" },
    { .name = "database",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "0",
      .min = 0,
      .max = 65535,
      .help = "Which of the server's databases.",
      .since = "0.1" },
    { .name = "prefix",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "tandem",
      .help = "What keys begin with: PREFIX:lease:TRUNK. Another one for each network of switches.",
      .since = "0.1" },
    { .name = "timeout",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "1 s",
      .min = 20,
      .max = 10000,
      .help = "How long to wait for a connection, or for an answer. Well below [lease] timeout.",
      .since = "0.1" },
};

static const TdConfigSection sections[] = {
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "lease-redis",
      .help = "The Redis server in which switches keep what they share.",
      .keys = keys,
      .n_keys = G_N_ELEMENTS (keys) },
};

/* --- Settings ---------------------------------------------------------------------------- */

static RedisSettings *
read_settings (const TdConfig *config)
{
    RedisSettings *settings = g_new0 (RedisSettings, 1);
    char text[TD_ADDRESS_TEXT_SIZE];
    TdAddress server = { 0 };

    /* The core has checked it. */
    td_address_parse (td_config_text (config, "lease-redis", NULL, "server"), DEFAULT_PORT,
                      &server);
    settings->host = g_strdup (td_address_print_host (&server, text));
    settings->port = td_address_port (&server);
    settings->user = g_strdup (td_config_text (config, "lease-redis", NULL, "user"));
    settings->password = g_strdup (td_config_text (config, "lease-redis", NULL, "password"));
    settings->database = (unsigned) td_config_number (config, "lease-redis", NULL, "database");
    settings->prefix = g_strdup (td_config_text (config, "lease-redis", NULL, "prefix"));
    settings->timeout_ms = (uint32_t) td_config_number (config, "lease-redis", NULL, "timeout");
    return settings;
}

/* A user without a password would not be logged in, and nobody would know. */
static bool
check (const TdConfig *config, GError **error)
{
    const char *user = td_config_text (config, "lease-redis", NULL, "user");

    if (user[0] != '\0' && td_config_text (config, "lease-redis", NULL, "password")[0] == '\0') {
        return td_config_refuse (config, "lease-redis", NULL, "user", user, error,
                                 "cannot log in without a password: give password, too");
    }
    return true;
}

/* --- Swaps ------------------------------------------------------------------------------- */

static void
run_job (TdWork *work)
{
    Job *job = (Job *) work;
    g_autoptr (GError) error = NULL;

    if (job->settings != NULL) {
        redis_client_configure (job->state->client, g_steal_pointer (&job->settings));
    }
    if (!redis_client_swap (job->state->client, job->swap->key, job->swap->run, job->swap->before,
                            job->swap->after, &job->answer, &error)) {
        job->error = g_strdup (error->message);
    }
}

/* The log has each loss and each return once; what changes in between is shown by "module info". */
static void
note (State *state, const char *trouble)
{
    bool is_up = trouble == NULL;

    if (td_module_is_stopping (state->module)) {
        return;
    }
    if (state->is_known && state->is_up == is_up) {
        g_free (state->trouble);
        state->trouble = g_strdup (trouble);
        return;
    }
    if (is_up) {
        td_log_notice (state->module, "redis", "the server at %s port %u answers",
                       state->settings->host, state->settings->port);
    } else {
        td_log_warning (state->module, "redis", "%s", trouble);
    }
    td_metric_add (state->up_metric, is_up - (state->is_known && state->is_up));
    state->is_known = true;
    state->is_up = is_up;
    g_free (state->trouble);
    state->trouble = g_strdup (trouble);
}

static void
end_job (Job *job, const char *error)
{
    State *state = job->state;
    TdLeaseAnswer answer = { .size = sizeof (TdLeaseAnswer),
                             .error = error,
                             .is_done = job->answer.is_done,
                             .run = job->answer.run,
                             .text = job->answer.text };

    td_metric_add (error != NULL ? state->errors_metric : state->swaps_metric, 1);
    note (state, error);
    job->swap->done (job->swap, &answer);
    redis_answer_clear (&job->answer);
    redis_settings_free (job->settings);
    g_free (job->error);
    g_free (job);
}

static void
job_done (TdWork *work)
{
    Job *job = (Job *) work;

    end_job (job, job->error);
}

static void
job_dropped (TdWork *work)
{
    end_job ((Job *) work, "lease-redis has been stopped");
}

static void
begin_swap (TdLeaseSwap *swap, void *data)
{
    State *state = data;
    Job *job = g_new0 (Job, 1);

    job->work = (TdWork){ .owner = state->module,
                          .queue = "lease-redis",
                          .run = run_job,
                          .done = job_done,
                          .drop = job_dropped };
    job->state = state;
    job->swap = swap;
    job->settings = g_steal_pointer (&state->prepared);
    td_work_start (&job->work);
}

/* --- Life -------------------------------------------------------------------------------- */

static TdMetric *
declare (TdModule *module, TdMetricKind kind, const char *name, const char *help)
{
    return td_metric_declare (
        module,
        &(TdMetricDecl){ .size = sizeof (TdMetricDecl), .kind = kind, .name = name, .help = help });
}

/* SETTINGS (transfer full) go to the worker with the next swap. */
static void
take_over (State *state, RedisSettings *settings)
{
    redis_settings_free (state->settings);
    redis_settings_free (state->prepared);
    state->settings = settings;
    state->prepared = redis_settings_copy (settings);
}

static bool
load (TdModule *module, GError **error)
{
    State *state = g_new0 (State, 1);

    state->module = module;
    state->client = redis_client_new ();
    td_module_set_state (module, state);
    return true;
}

static bool
start (TdModule *module, GError **error)
{
    State *state = td_module_state (module);

    take_over (state, read_settings (td_module_config (module)));
    state->up_metric = declare (module, TD_METRIC_GAUGE, "tandem_lease_redis_up",
                                "1 when the Redis server answered last time");
    state->swaps_metric = declare (module, TD_METRIC_COUNTER, "tandem_lease_redis_swaps_total",
                                   "Questions and changes that the Redis server answered");
    state->errors_metric = declare (module, TD_METRIC_COUNTER, "tandem_lease_redis_errors_total",
                                    "Questions and changes that the Redis server did not answer");
    state->store =
        (TdLeaseStore){ .size = sizeof (TdLeaseStore), .data = state, .swap = begin_swap };
    return td_feature_provide (module, TD_FEATURE_LEASE_STORE, &state->store, error);
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    if (phase == TD_RELOAD_COMMIT) {
        take_over (td_module_state (module), read_settings (next));
    }
    return true;
}

/* A gauge outlives who has set it. */
static void
stop (TdModule *module)
{
    State *state = td_module_state (module);

    if (state->is_known && state->is_up) {
        td_metric_add (state->up_metric, -1);
    }
    state->is_known = state->is_up = false;
}

static void
unload (TdModule *module)
{
    State *state = td_module_state (module);

    redis_client_free (state->client);
    redis_settings_free (state->settings);
    redis_settings_free (state->prepared);
    g_free (state->trouble);
    g_free (state);
}

static void
describe (TdModule *module, GVariantDict *info)
{
    const State *state = td_module_state (module);

    if (state->settings == NULL) {
        return;
    }
    g_autofree char *server =
        g_strdup_printf ("%s port %u", state->settings->host, state->settings->port);
    g_variant_dict_insert (info, "server", "s", server);
    g_variant_dict_insert (info, "answers", "s",
                           !state->is_known ? "not asked yet"
                           : state->is_up   ? "yes"
                                            : "no");
    if (state->trouble != NULL) {
        g_variant_dict_insert (info, "trouble", "s", state->trouble);
    }
}

TD_MODULE_NAMED ("lease-redis", .summary = "Keeps what switches share in a Redis server",
                 .version = "1.0", .license = "LGPL-2.1-or-later",
                 .provides = TD_LIST (TD_FEATURE_LEASE_STORE), .config = sections,
                 .n_config = G_N_ELEMENTS (sections), .upgrade = TD_UPGRADE_BESIDE, .load = load,
                 .start = start, .reload = reload, .stop = stop, .unload = unload,
                 .describe = describe, .check = check)
