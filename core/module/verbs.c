/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operator's verbs about modules: list, info, load, stop, unload, reload, upgrade. */

#include "base/row.h"
#include "config/value.h"
#include "module/registry.h"

#include <tandem/command.h>

enum { DEADLINE_MS = 30000 };

#define MODULE_ARGUMENT                                                                            \
    {                                                                                              \
        .name = "MODULE", .help = "The module's name", .is_required = true,                        \
        .complete = "module list"                                                                  \
    }

#define FILE_ARGUMENT                                                                              \
    {                                                                                              \
        .name = "--file",                                                                          \
        .help = "The program file; otherwise it is looked for in the module path",                 \
        .takes_value = true                                                                        \
    }

#define DEADLINE_ARGUMENT                                                                          \
    {                                                                                              \
        .name = "--deadline",                                                                      \
        .help = "How long calls may go on before they are ended, such as 5 min; 30 s by default",  \
        .takes_value = true                                                                        \
    }

/* A request that waits for the registry. */
typedef struct {
    TdRegistry *registry;
    TdRequest *request;
} Wait;

static Wait *
wait_with (TdRegistry *registry, TdRequest *request)
{
    Wait *wait = g_new (Wait, 1);

    wait->registry = registry;
    wait->request = td_request_ref (request);
    return wait;
}

static void
end_wait (Wait *wait)
{
    td_request_unref (wait->request);
    g_free (wait);
}

/* What has become of MODULE, as the answer to a change. */
static GVariant *
brief (TdModule *module)
{
    GVariantBuilder row;

    g_variant_builder_init (&row, G_VARIANT_TYPE_VARDICT);
    td_row_text (&row, "module", td_module_name (module));
    td_row_number (&row, "generation", td_module_generation (module));
    td_row_text (&row, "state", td_fsm_state_name (&module->fsm));
    td_row_text (&row, "version", module->version);
    if (module->defects->len > 0) {
        td_row_list (&row, "defects", (const char *const *) module->defects->pdata,
                     module->defects->len);
    }
    return g_variant_builder_end (&row);
}

static void
answer (TdModule *module, const GError *error, void *data)
{
    Wait *wait = data;

    if (error != NULL) {
        td_request_fail (wait->request, "%s", error->message);
    } else {
        td_request_reply (wait->request, brief (module));
    }
    end_wait (wait);
}

/* The time that "--deadline" gives, or false, having failed REQUEST. */
static bool
read_deadline (TdRequest *request, uint32_t *ret_ms)
{
    static const TdConfigKey key = {
        .name = "deadline", .type = TD_CONFIG_DURATION, .min = 0, .max = 24 * 60 * 60 * 1000
    };
    const char *text = td_request_argument (request, "--deadline");
    TdValue value = { 0 };

    *ret_ms = td_request_argument (request, "--now") != NULL ? 0 : DEADLINE_MS;
    if (text == NULL) {
        return true;
    }
    g_autofree char *reason = td_value_read (&value, &key, text, "/");
    if (reason != NULL) {
        td_request_fail (request, "--deadline: %s", reason);
        return false;
    }
    *ret_ms = (uint32_t) value.number;
    td_value_clear (&value);
    return true;
}

static void
add_row (TdModule *module, void *data)
{
    GVariantBuilder *rows = data;
    const char *what = module->reason != NULL ? module->reason : module->summary;

    g_variant_builder_open (rows, G_VARIANT_TYPE_VARDICT);
    td_row_text (rows, "module", td_module_name (module));
    td_row_number (rows, "generation", td_module_generation (module));
    td_row_text (rows, "state", td_fsm_state_name (&module->fsm));
    td_row_text (rows, "version", module->version);
    td_row_number (rows, "uses", td_owner_uses (&module->owner));
    td_row_text (rows, "summary", what);
    g_variant_builder_close (rows);
}

static void
run_list (TdRequest *request, void *data)
{
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    td_registry_each (data, add_row, &rows);
    td_request_reply (request, g_variant_builder_end (&rows));
}

static void
run_info (TdRequest *request, void *data)
{
    const char *name = td_request_argument (request, "MODULE");
    TdModule *module = td_registry_find (data, name);

    if (module == NULL) {
        td_request_fail (request, "module %s is not loaded: \"module list\" shows those that are",
                         name);
        return;
    }
    td_request_reply (request, td_registry_info (module));
}

static void
run_load (TdRequest *request, void *data)
{
    td_registry_load (data, td_request_argument (request, "MODULE"),
                      td_request_argument (request, "--file"), answer, wait_with (data, request));
}

static void
run_stop (TdRequest *request, void *data)
{
    uint32_t deadline_ms;

    if (read_deadline (request, &deadline_ms)) {
        td_registry_stop (data, td_request_argument (request, "MODULE"), deadline_ms, answer,
                          wait_with (data, request));
    }
}

static void
run_unload (TdRequest *request, void *data)
{
    uint32_t deadline_ms;

    if (read_deadline (request, &deadline_ms)) {
        td_registry_unload (data, td_request_argument (request, "MODULE"), deadline_ms, answer,
                            wait_with (data, request));
    }
}

static void
run_upgrade (TdRequest *request, void *data)
{
    uint32_t deadline_ms;

    if (read_deadline (request, &deadline_ms)) {
        td_registry_upgrade (data, td_request_argument (request, "MODULE"),
                             td_request_argument (request, "--file"), deadline_ms, answer,
                             wait_with (data, request));
    }
}

/* Half of a reload: it is unloaded, or was not there. */
static void
load_again (TdModule *module, const GError *error, void *data)
{
    Wait *wait = data;

    if (error != NULL) {
        answer (module, error, wait);
        return;
    }
    td_registry_load (wait->registry, td_module_name (module), NULL, answer, wait);
}

static void
run_reload (TdRequest *request, void *data)
{
    uint32_t deadline_ms;

    if (read_deadline (request, &deadline_ms)) {
        td_registry_unload (data, td_request_argument (request, "MODULE"), deadline_ms, load_again,
                            wait_with (data, request));
    }
}

static const TdArgument info_arguments[] = { MODULE_ARGUMENT };
static const TdArgument load_arguments[] = { MODULE_ARGUMENT, FILE_ARGUMENT };
static const TdArgument upgrade_arguments[] = { MODULE_ARGUMENT, FILE_ARGUMENT, DEADLINE_ARGUMENT };
static const TdArgument stop_arguments[] = { MODULE_ARGUMENT,
                                             DEADLINE_ARGUMENT,
                                             { .name = "--now",
                                               .help = "End the calls it serves at once" } };

static const TdCommand commands[] = {
    { .name = "module list",
      .help = "Shows every module and every build of it that still runs",
      .run = run_list },
    { .name = "module info",
      .help = "Shows all about one module: its state, what it provides, owns and left behind",
      .arguments = info_arguments,
      .n_arguments = G_N_ELEMENTS (info_arguments),
      .run = run_info },
    { .name = "module load",
      .help = "Loads and starts a module, or starts one that is stopped",
      .arguments = load_arguments,
      .n_arguments = G_N_ELEMENTS (load_arguments),
      .is_change = true,
      .run = run_load },
    { .name = "module stop",
      .help = "Lets a module's calls come to their end, then stops it; it stays loaded",
      .arguments = stop_arguments,
      .n_arguments = G_N_ELEMENTS (stop_arguments),
      .is_change = true,
      .run = run_stop },
    { .name = "module unload",
      .help = "Stops a module and takes its program out of the process",
      .arguments = stop_arguments,
      .n_arguments = G_N_ELEMENTS (stop_arguments),
      .is_change = true,
      .run = run_unload },
    { .name = "module reload",
      .help = "Unloads a module and loads it anew from its file; its service is away meanwhile",
      .arguments = stop_arguments,
      .n_arguments = G_N_ELEMENTS (stop_arguments),
      .is_change = true,
      .run = run_reload },
    { .name = "module upgrade",
      .help = "Puts a new build of a module in the place of the running one; no call is lost",
      .arguments = upgrade_arguments,
      .n_arguments = G_N_ELEMENTS (upgrade_arguments),
      .is_change = true,
      .run = run_upgrade },
};

void
td_registry_add_commands (TdRegistry *registry)
{
    for (unsigned i = 0; i < G_N_ELEMENTS (commands); i++) {
        g_autoptr (GError) error = NULL;
        TdCommand command = commands[i];
        command.size = sizeof command;
        command.argument_size = sizeof (TdArgument);
        command.data = registry;
        if (!td_command_add (NULL, &command, &error)) {
            g_critical ("%s", error->message);
        }
    }
}
