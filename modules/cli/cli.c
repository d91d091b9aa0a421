/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module cli: opens the control socket behind tandemctl. */

#include <tandem/log.h>
#include <tandem/module.h>

#include "place.h"
#include "server.h"

static const TdConfigKey keys[] = {
    { .name = "socket",
      .type = TD_CONFIG_PATH,
      .help = "The Unix socket that tandemctl connects to. Without it: TANDEM_CONTROL in the "
              "environment, then " CLI_RUNSTATEDIR "/tandem/control.sock.",
      .since = "0.1" },
    { .name = "group",
      .type = TD_CONFIG_TEXT,
      .default_text = "tandem",
      .help = "The group whose members may look but not change anything. Root and the user that "
              "tandemd runs as may do both.",
      .since = "0.1" },
    { .name = "priority-group",
      .type = TD_CONFIG_TEXT,
      .default_text = "tandem-priority",
      .help = "The group whose members, who are members of the other group as well, may see calls "
              "with a priority and what is known of them. Root and the user that tandemd runs as "
              "may, too.",
      .since = "0.1" },
};

static const TdConfigSection sections[] = {
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "cli",
      .help = "The control socket.",
      .keys = keys,
      .n_keys = G_N_ELEMENTS (keys) },
};

static bool
start (TdModule *module, GError **error)
{
    const TdConfig *config = td_module_config (module);
    const char *path = td_config_text (config, "cli", NULL, "socket");
    const char *group = td_config_text (config, "cli", NULL, "group");
    const char *priority_group = td_config_text (config, "cli", NULL, "priority-group");

    if (path == NULL || *path == '\0') {
        path = cli_default_place ();
    }
    CliServer *server =
        cli_server_open (module, path, group != NULL ? group : "", priority_group, error);
    td_module_set_state (module, server);
    if (server != NULL) {
        td_log_info (module, "control socket", "listens at %s", path);
    }
    return server != NULL;
}

static void
stop (TdModule *module)
{
    CliServer *server = td_module_state (module);

    td_module_set_state (module, NULL);
    cli_server_close (server);
}

static void
describe (TdModule *module, GVariantDict *info)
{
    const CliServer *server = td_module_state (module);

    if (server != NULL) {
        g_variant_dict_insert (info, "socket", "s", server->socket.path);
        g_variant_dict_insert (info, "clients", "u", server->clients->len);
        g_variant_dict_insert (info, "accepted", "t", server->n_accepted);
        g_variant_dict_insert (info, "refused", "t", server->n_refused);
        g_variant_dict_insert (info, "too_slow", "t", server->n_slow);
    }
}

/* There is one socket file: two generations cannot both have it. */
TD_MODULE (cli, .summary = "The control socket that tandemctl speaks to", .version = "1.0",
           .license = "LGPL-2.1-or-later", .provides = TD_LIST ("control.cli"), .config = sections,
           .n_config = G_N_ELEMENTS (sections), .upgrade = TD_UPGRADE_RESTART, .start = start,
           .stop = stop, .describe = describe)
