/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running machines: from an event to an action, from a state to the next. */

#include "run/fsm.h"

#include <tandem/log.h>

static const TdState *
present (const TdFsm *fsm)
{
    return &fsm->machine->states[fsm->state];
}

static const char *
event_name (const TdMachine *machine, unsigned event)
{
    return event < machine->n_events ? machine->events[event] : "of no name";
}

static const char *
state_name (const TdMachine *machine, unsigned state)
{
    return state < machine->n_states ? machine->states[state].name : "of no name";
}

static void
refuse_event (const TdFsm *fsm, unsigned event)
{
    const TdMachine *machine = fsm->machine;

    td_machine_count_refusal (machine, false);
    td_log_peer (fsm->timer.owner, "fsm.refused-event", machine->name, NULL,
                 "event %s (%u) is not admitted in state %s", event_name (machine, event), event,
                 present (fsm)->name);
}

static void
refuse_state (const TdFsm *fsm, unsigned state)
{
    const TdMachine *machine = fsm->machine;

    td_machine_count_refusal (machine, true);
    td_log_peer (fsm->timer.owner, "fsm.refused-state", machine->name, NULL,
                 "state %s (%u) does not follow state %s%s", state_name (machine, state), state,
                 present (fsm)->name, fsm->is_leaving ? ", which is being left" : "");
}

static void
expire (TdTimer *timer)
{
    TdFsm *fsm = (TdFsm *) ((char *) timer - offsetof (TdFsm, timer));

    if (fsm->machine->expired != NULL) {
        fsm->machine->expired (fsm->self, present (fsm)->timer.event);
    } else {
        td_fsm_dispatch (fsm, present (fsm)->timer.event, NULL);
    }
}

static void
start_timer (TdFsm *fsm)
{
    const TdMachine *machine = fsm->machine;
    const TdFsmTimer *timer = &present (fsm)->timer;

    if (timer->name == NULL) {
        return;
    }
    uint32_t timeout_ms = machine->timeout_ms != NULL ? machine->timeout_ms (fsm->self, fsm->state)
                                                      : timer->default_ms;
    if (timeout_ms != 0) {
        td_timer_start (&fsm->timer, timeout_ms);
    }
}

void
td_fsm_init (TdFsm *fsm, TdModule *owner, const TdMachine *machine, void *self)
{
    g_return_if_fail (machine != NULL && machine->n_states > 0);
    *fsm = (TdFsm){ .machine = machine, .self = self };
    td_timer_init (&fsm->timer, owner, expire);
    start_timer (fsm);
}

void
td_fsm_clear (TdFsm *fsm)
{
    td_timer_stop (&fsm->timer);
    fsm->machine = NULL;
}

bool
td_fsm_admits (const TdFsm *fsm, unsigned event)
{
    return fsm->machine != NULL && event < fsm->machine->n_events
           && (present (fsm)->events & TD_BIT (event)) != 0;
}

bool
td_fsm_dispatch (TdFsm *fsm, unsigned event, void *data)
{
    if (fsm->machine == NULL) {
        return false;
    }
    if (!td_fsm_admits (fsm, event)) {
        refuse_event (fsm, event);
        return false;
    }
    present (fsm)->action (fsm->self, event, data);
    return true;
}

static bool
may_follow (const TdFsm *fsm, unsigned state)
{
    return state < fsm->machine->n_states && (present (fsm)->next & TD_BIT (state)) != 0;
}

/* Runs the present state's leave function. Returns false when it ended the machine. */
static bool
leave (TdFsm *fsm)
{
    if (present (fsm)->leave != NULL) {
        fsm->is_leaving = true;
        present (fsm)->leave (fsm->self);
        fsm->is_leaving = false;
    }
    return fsm->machine != NULL;
}

bool
td_fsm_enter (TdFsm *fsm, unsigned state)
{
    if (fsm->machine == NULL) {
        return false;
    }
    if (!may_follow (fsm, state) || fsm->is_leaving) {
        refuse_state (fsm, state);
        return false;
    }
    if (!leave (fsm)) {
        return false;
    }
    td_timer_stop (&fsm->timer);
    fsm->state = (uint8_t) state;
    start_timer (fsm);
    if (present (fsm)->enter != NULL) {
        present (fsm)->enter (fsm->self);
    }
    return true;
}

const char *
td_fsm_state_name (const TdFsm *fsm)
{
    return fsm->machine != NULL ? present (fsm)->name : "ended";
}
