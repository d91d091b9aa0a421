/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* State machines as constant tables.
 *
 * No state is assigned by hand. A machine is a table of states; each state lists the events it
 * admits and the states that may follow, and has an action, and may have enter and leave functions
 * and a timer. What the table does not list is refused, logged and counted; docs/states/ is drawn
 * from the same tables, and tests throw every event at every state (tests/common/machines.h).
 *
 *     td_fsm_dispatch (&leg->fsm, EV_ANSWER, &answer)
 *          |  is EV_ANSWER in this state's events?  no: refused, counted
 *          v
 *     state->action (leg, EV_ANSWER, &answer)
 *          |
 *          v
 *     td_fsm_enter (&leg->fsm, ANSWERED)
 *          |  is ANSWERED in this state's next?  no: refused, counted, stays
 *          v
 *     old->leave (leg)   timer of old stopped   timer of new started   new->enter (leg)
 */

#ifndef TANDEM_FSM_H
#define TANDEM_FSM_H

#include <tandem/lane.h>

G_BEGIN_DECLS

#define TD_BIT(n) (UINT32_C (1) << (n))

/* A timer that runs while a state is held. */
typedef struct {
    const char *name;    /* "no-answer", "Timer B" */
    const char *clause;  /* "RFC 3261 17.1.1.2", or NULL */
    uint32_t default_ms; /* 0: off unless the machine's timeout function says otherwise */
    uint32_t event;      /* dispatched when it expires */
} TdFsmTimer;

typedef struct {
    const char *name;
    uint32_t events; /* TD_BIT () of each admitted event */
    uint32_t next;   /* TD_BIT () of each state that may follow */
    void (*action) (void *self, unsigned event, void *data);
    void (*enter) (void *self);
    void (*leave) (void *self);
    TdFsmTimer timer; /* name NULL: none */
} TdState;

/* A machine: up to 32 states and 32 events. The first state is where it begins; a state without
 * NEXT is where it ends. */
typedef struct {
    const char *name; /* "call", "sip.invite-server" */
    const char *clause;
    const TdState *states;
    unsigned n_states;
    const char *const *events;
    unsigned n_events;
    /* Nullable: the timeout of the state in ms for this object, 0 for none. */
    uint32_t (*timeout_ms) (void *self, unsigned state);
    /* Nullable: the state's timer has expired. For an object that lets one thing happen at a time and
     * gives EVENT to td_fsm_dispatch() itself; without it that is done here. */
    void (*expired) (void *self, unsigned event);
} TdMachine;

/* One running machine. Embed it in the object the machine is about. */
typedef struct {
    const TdMachine *machine;
    void *self;
    TdTimer timer;
    uint8_t state;   /* read it through td_fsm_state () */
    bool is_leaving; /* private */
} TdFsm;

/* Makes MACHINE (transfer none, constant) known until MODULE stops: it is listed, drawn and tested
 * by its name, and what it refuses is counted. A table that contradicts itself (a timer whose event
 * is not admitted, a state that none leads to, an end that cannot be reached) is a critical.
 * Thread: control. */
TD_API void td_machine_register (TdModule *module, const TdMachine *machine);

/* Puts FSM into the first state of MACHINE and starts that state's timer, without running its enter
 * function; actions get SELF. OWNER is whose code the table's functions are.
 * Thread: the lane of SELF. */
TD_API void td_fsm_init (TdFsm *fsm, TdModule *owner, const TdMachine *machine, void *self);

/* Stops the state's timer; the machine takes no event any more. Thread: the lane of SELF. */
TD_API void td_fsm_clear (TdFsm *fsm);

/* Gives EVENT to the present state. Returns false, having logged and counted it, when the state
 * does not list the event. SELF may be gone when this returns: an action may end it.
 * Thread: the lane of SELF. */
TD_API bool td_fsm_dispatch (TdFsm *fsm, unsigned event, void *data);

/* Whether the present state lists EVENT. Thread: the lane of SELF. */
TD_API bool td_fsm_admits (const TdFsm *fsm, unsigned event);

/* Goes to STATE. Returns false, having logged and counted it, when the present state does not list
 * STATE as a next one, or is being left: a leave function goes nowhere and keeps SELF. SELF may be
 * gone when this returns: an enter function may end it. Thread: the lane of SELF. */
TD_API bool td_fsm_enter (TdFsm *fsm, unsigned state);

static inline unsigned
td_fsm_state (const TdFsm *fsm)
{
    return fsm->state;
}

/* The present state's name (transfer none). Thread: the lane of SELF. */
TD_API const char *td_fsm_state_name (const TdFsm *fsm);

G_END_DECLS

#endif
