/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lease-fake: a store in this process, for tests that move the clock.
 *
 *     store away      store back      store forget      store show
 */

#include <tandem/command.h>
#include <tandem/iface/lease.h>
#include <tandem/lane.h>
#include <tandem/module.h>

#include <string.h>

typedef struct {
    TdModule *module;
    TdLeaseStore store;
    char *text;
    unsigned n_runs;
    bool is_away;
} State;

typedef struct {
    TdPost post;
    State *state;
    TdLeaseSwap *swap;
} Job;

static void
answer (TdPost *post)
{
    Job *job = (Job *) post;
    State *state = job->state;
    TdLeaseSwap *swap = job->swap;
    g_autofree char *run = g_strdup_printf ("run%u", state->n_runs);
    bool is_done = !state->is_away && g_strcmp0 (swap->run, run) == 0
                   && g_strcmp0 (swap->before, state->text) == 0;

    if (is_done) {
        g_free (state->text);
        state->text = g_strdup (swap->after);
    }
    g_autofree char *text = g_strdup (state->text);
    swap->done (swap, &(TdLeaseAnswer){ .size = sizeof (TdLeaseAnswer),
                                        .error = state->is_away ? "the store is away" : NULL,
                                        .is_done = is_done,
                                        .run = run,
                                        .text = text });
    g_free (job);
}

static void
begin_swap (TdLeaseSwap *swap, void *data)
{
    State *state = data;
    Job *job = g_new0 (Job, 1);

    job->post = (TdPost){ .owner = state->module, .run = answer, .drop = answer };
    job->state = state;
    job->swap = swap;
    td_lane_post (td_lane_control (), &job->post);
}

static void
run (TdRequest *request, void *data)
{
    State *state = data;
    const char *verb = td_request_argument (request, "VERB");

    if (strcmp (verb, "forget") == 0) {
        g_clear_pointer (&state->text, g_free);
        state->n_runs++;
    } else if (strcmp (verb, "show") != 0) {
        state->is_away = strcmp (verb, "away") == 0;
    }
    td_request_reply (
        request, g_variant_new_parsed ("{'text': <%s>}", state->text != NULL ? state->text : ""));
}

static bool
start (TdModule *module, GError **error)
{
    static const TdArgument arguments[] = {
        { .name = "VERB", .help = "away, back, forget, show", .is_required = true },
    };
    State *state = g_new0 (State, 1);

    state->module = module;
    state->store =
        (TdLeaseStore){ .size = sizeof (TdLeaseStore), .data = state, .swap = begin_swap };
    td_module_set_state (module, state);
    return td_feature_provide (module, TD_FEATURE_LEASE_STORE, &state->store, error)
           && td_command_add (module,
                              &(TdCommand){ .size = sizeof (TdCommand),
                                            .argument_size = sizeof (TdArgument),
                                            .name = "store",
                                            .help = "Does to the store what may happen to one",
                                            .arguments = arguments,
                                            .n_arguments = G_N_ELEMENTS (arguments),
                                            .data = state,
                                            .run = run },
                              error);
}

static void
unload (TdModule *module)
{
    State *state = td_module_state (module);

    if (state != NULL) {
        g_free (state->text);
        g_free (state);
    }
}

TD_MODULE_NAMED ("lease-fake", .summary = "A store for tests", .version = "1.0",
                 .license = "LGPL-2.1-or-later", .provides = TD_LIST (TD_FEATURE_LEASE_STORE),
                 .start = start, .unload = unload)
