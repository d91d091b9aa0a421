/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The core's own commands, declared together. */

#include "operate/operate.h"

#include "operate/command.h"

void
td_operate_open (const TdOperateOptions *options)
{
    td_commands_start ();
    td_call_commands_open ();
    td_route_commands_open (options->current);
    td_config_commands_open (options);
    td_event_commands_open ();
    td_machine_commands_open ();
    td_alarms_open ();
}

void
td_operate_close (void)
{
    td_alarms_close ();
}
