/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The core's own commands, declared together. */

#include "operate/operate.h"

#include "operate/command.h"

void
td_operate_add (const TdCommand *command)
{
    g_autoptr (GError) error = NULL;

    if (!td_command_add (NULL, command, &error)) {
        g_critical ("%s", error->message);
    }
}

void
td_row_text (GVariantBuilder *row, const char *name, const char *value)
{
    if (value != NULL && *value != '\0') {
        g_variant_builder_add (row, "{sv}", name, g_variant_new_string (value));
    }
}

void
td_row_number (GVariantBuilder *row, const char *name, int64_t value)
{
    g_variant_builder_add (row, "{sv}", name, g_variant_new_int64 (value));
}

void
td_operate_open (const TdOperateOptions *options)
{
    td_commands_start ();
    td_call_commands_open ();
    td_route_commands_open ();
    td_config_commands_open (options);
    td_event_commands_open ();
}
