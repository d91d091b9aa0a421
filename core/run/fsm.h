/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The machines that are known, for lists, drawings and tests. */

#ifndef CORE_RUN_FSM_H
#define CORE_RUN_FSM_H

#include <tandem/fsm.h>

typedef struct {
    const TdMachine *machine;
    const char *module; /* whose it is */
    int64_t n_refused_events;
    int64_t n_refused_states;
} TdMachineView;

/* Visits every registered machine in the order of registration. The view lives as long as the
 * visit. Thread: any; VISIT must not register, nor have anything refused. */
void td_machines_each (void (*visit) (const TdMachineView *view, void *data), void *data);

/* Looks for what makes no sense in MACHINE's table. Returns the first such thing as a sentence
 * (transfer full), or NULL. */
char *td_machine_check (const TdMachine *machine);

/* Counts an event or, when IS_STATE, a state that MACHINE refused. Thread: any. */
void td_machine_count_refusal (const TdMachine *machine, bool is_state);

#endif
