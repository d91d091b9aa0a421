/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operator's view: policy list. */

#include "policy.h"

#include <tandem/command.h>

static void
add_text (GVariantBuilder *row, const char *name, const char *text)
{
    g_variant_builder_add (row, "{sv}", name, g_variant_new_string (text != NULL ? text : ""));
}

static void
add_count (GVariantBuilder *row, const char *name, uint64_t count)
{
    g_variant_builder_add (row, "{sv}", name, g_variant_new_uint64 (count));
}

static char *
print_time (int64_t wall_us)
{
    g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (wall_us / G_USEC_PER_SEC);

    return time != NULL ? g_date_time_format (time, "%Y-%m-%dT%H:%M:%SZ") : NULL;
}

static void
add_server (GVariantBuilder *rows, Pool *pool, unsigned index)
{
    ServerView view;

    pool_view (pool, index, td_clock_now_us (), &view);
    g_autofree char *since = print_time (view.since_wall_us);
    g_autofree char *level = g_strdup_printf ("MC%u", view.level);
    g_variant_builder_open (rows, G_VARIANT_TYPE_VARDICT);
    add_text (rows, "server", pool->servers[index]->url);
    add_text (rows, "state", server_state_name (view.state));
    add_text (rows, "since", since);
    add_text (rows, "congestion", level);
    add_count (rows, "share", view.share);
    add_count (rows, "answered", view.n_outcomes[OUTCOME_ANSWERED]);
    add_count (rows, "busy", view.n_outcomes[OUTCOME_BUSY]);
    add_count (rows, "wrong", view.n_outcomes[OUTCOME_WRONG]);
    add_count (rows, "lost", view.n_outcomes[OUTCOME_LOST]);
    add_count (rows, "delay_us", (uint64_t) view.latency_us);
    add_text (rows, "why", view.why);
    g_variant_builder_close (rows);
}

static void
run_list (TdRequest *request, void *data)
{
    const Settings *settings = policy_settings (data);
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < settings->pool->n_servers; i++) {
        add_server (&rows, settings->pool, i);
    }
    td_request_reply (request, g_variant_builder_end (&rows));
}

bool
commands_start (Policy *policy, GError **error)
{
    return td_command_add (policy->module,
                           &(TdCommand){ .size = sizeof (TdCommand),
                                         .argument_size = sizeof (TdArgument),
                                         .name = "policy list",
                                         .help =
                                             "Lists the policy servers, whether they are there, "
                                             "and how they have answered",
                                         .data = policy,
                                         .run = run_list },
                           error);
}
