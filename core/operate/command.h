/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of commands: who has declared which, how words find one, what its arguments mean. */

#ifndef CORE_OPERATE_COMMAND_H
#define CORE_OPERATE_COMMAND_H

#include <tandem/command.h>

#include "base/owner.h"

#define TD_OPERATE_ERROR (td_operate_error_quark ())

typedef enum {
    TD_OPERATE_ERROR_UNKNOWN,  /* no such command */
    TD_OPERATE_ERROR_ARGUMENT, /* wrong arguments */
    TD_OPERATE_ERROR_TAKEN,    /* another module has the name */
    TD_OPERATE_ERROR_NAME,     /* no name for a command */
    TD_OPERATE_ERROR_JSON,
} TdOperateError;

GQuark td_operate_error_quark (void);

/* A command as one module declared it; the newest of a name is the one that runs. */
typedef struct {
    TdOwned owned;
    TdModule *module;
    TdCommand decl;        /* its arguments are ours, its texts the module's */
    TdArgument *arguments; /* decl.n_arguments of them */
    unsigned n_words;      /* of the name */
} TdCommandLease;

/* Declares help, commands, version and metric, as the core's own. Thread: control. */
void td_commands_start (void);

/* Declares COMMAND as the core's own; a failure is the program's mistake. Thread: control. */
void td_command_add_own (const TdCommand *command);

/* The command that WORDS begin with: its name's words come first. Errors: there is none, and which
 * may have been meant. Thread: control. */
const TdCommandLease *td_command_find (const char *const *words, GError **error);

/* Calls VISIT with each command, by name. Thread: control; VISIT must not declare. */
void td_command_each (void (*visit) (const TdCommandLease *lease, void *data), void *data);

/* "route test NUMBER [--at AT]" (transfer full). */
char *td_command_usage (const TdCommandLease *lease);

/* The same in a line of a table: where it would be long, "[OPTION...]" stands for the options (transfer
 * full). */
char *td_command_synopsis (const TdCommandLease *lease);

/* Reads the WORDS after a command's name. Returns (transfer full) name -> value. Errors: which word
 * is wrong, and the usage. */
GHashTable *td_arguments_parse (const TdCommandLease *lease, const char *const *words,
                                GError **error);

#endif
