/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The core's own commands: calls, trunks, routes, configuration, events, machines. */

#ifndef CORE_OPERATE_OPERATE_H
#define CORE_OPERATE_OPERATE_H

#include <tandem/command.h>
#include <tandem/config.h>

#include "base/row.h"

/* What only the engine can do. */
typedef struct {
    /* The configuration in force, and the files as they are now (transfer full, problems to VISIT;
     * NULL: they cannot even be read). */
    TdConfig *(*current) (void);
    TdConfig *(*read) (void (*visit) (const char *problem, void *data), void *data);
    /* IS_FORCED: losses (config/loss.h) are meant. */
    bool (*reload) (bool is_forced, void (*visit) (const char *problem, void *data), void *data);
    bool (*is_ready) (void);
} TdOperateOptions;

/* Declares all commands of the core. Thread: control. */
void td_operate_open (const TdOperateOptions *options);

/* The lanes end. Thread: control. */
void td_operate_close (void);

/* One file each: */
void td_call_commands_open (void);
void td_route_commands_open (TdConfig *(*current) (void) );
void td_config_commands_open (const TdOperateOptions *options);
void td_event_commands_open (void);
void td_machine_commands_open (void);

/* alarm.c: from now on metrics that are alarms are watched, until the lanes end. */
void td_alarms_open (void);
void td_alarms_close (void);

#endif
