/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ear: stands in the place of the module that keeps trunk groups, and says what it was told.
 *
 *     ear told     "east of pair: up, 200 to OPTIONS\npair: level 2 for 500 ms\n", each once
 */

#include <tandem/command.h>
#include <tandem/iface/trunk.h>
#include <tandem/module.h>

#include <pthread.h>

typedef struct {
    pthread_mutex_t lock;
    GString *told;
    TdTrunkService service;
} Ear;

static void
hear_member (const char *trunk, const char *member, bool is_up, const char *why, void *data)
{
    Ear *ear = data;

    pthread_mutex_lock (&ear->lock);
    g_string_append_printf (ear->told, "%s of %s: %s, %s\n", member, trunk, is_up ? "up" : "down",
                            why);
    pthread_mutex_unlock (&ear->lock);
}

static void
hear_level (const char *trunk, unsigned level, uint32_t duration_ms, void *data)
{
    Ear *ear = data;

    pthread_mutex_lock (&ear->lock);
    g_string_append_printf (ear->told, "%s: level %u for %u ms\n", trunk, level, duration_ms);
    pthread_mutex_unlock (&ear->lock);
}

static void
run_told (TdRequest *request, void *data)
{
    Ear *ear = data;

    pthread_mutex_lock (&ear->lock);
    td_request_reply (request, g_variant_new_string (ear->told->str));
    g_string_truncate (ear->told, 0);
    pthread_mutex_unlock (&ear->lock);
}

static bool
start (TdModule *module, GError **error)
{
    Ear *ear = td_module_state (module) != NULL ? td_module_state (module) : g_new0 (Ear, 1);
    const TdCommand command = { .size = sizeof (TdCommand),
                                .argument_size = sizeof (TdArgument),
                                .name = "ear told",
                                .help = "For tests.",
                                .run = run_told,
                                .data = ear };

    if (ear->told == NULL) { /* it was not here before */
        pthread_mutex_init (&ear->lock, NULL);
        ear->told = g_string_new (NULL);
    }
    ear->service = (TdTrunkService){
        .size = sizeof ear->service, .data = ear, .member = hear_member, .level = hear_level
    };
    td_module_set_state (module, ear);
    return td_command_add (module, &command, error)
           && td_feature_provide (module, TD_FEATURE_TRUNK, &ear->service, error);
}

static void
unload (TdModule *module)
{
    Ear *ear = td_module_state (module);

    if (ear != NULL) {
        g_string_free (ear->told, true);
        pthread_mutex_destroy (&ear->lock);
        g_free (ear);
        td_module_set_state (module, NULL);
    }
}

TD_MODULE (ear, .summary = "Hears what is told of trunks, for tests", .version = "1.0",
           .license = "LGPL-2.1-or-later", .provides = TD_LIST (TD_FEATURE_TRUNK), .start = start,
           .unload = unload)
