/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every event at every state of a state machine, with the real object it drives.
 *
 *     static const MachineCase legs = { &leg_machine, "", make_world, find_leg, give, NULL, end_world };
 *
 *     machine_case_add (&legs);     a test a state: /machines/NAME/STATE
 *
 * For each state and event a world is made anew in which an object has come to that state the way real
 * ones do. The event is given to it; what the table admits may only lead where the table says, what it
 * does not admit changes nothing and is counted; and then the world goes on to its end and nothing may
 * be left. Each machine that is registered has a case beside the code it is of; contrib/check looks.
 */

#ifndef TESTS_COMMON_MACHINES_H
#define TESTS_COMMON_MACHINES_H

#include <tandem/fsm.h>
#include <tandem/metric.h>

typedef struct {
    const TdMachine *machine;
    const char *of; /* tells cases of one machine apart, or "" */
    /* A world with an object in STATE. NULL: nothing lives in STATE, which must be an end. */
    void *(*begin) (unsigned state);
    /* The object's machine; NULL when it is gone. */
    TdFsm *(*find) (void *world);
    /* Gives EVENT to the object as it comes to it, with what comes with it. */
    void (*give) (void *world, TdFsm *fsm, unsigned event);
    /* Calls FUNCTION where the object lives; NULL: here. */
    void (*run) (void *world, void (*function) (void *data), void *data);
    /* Lets things take their course to the end; fails the test when anything is left. */
    void (*end) (void *world);
} MachineCase;

typedef struct {
    const MachineCase *of;
    void *world;
    unsigned state, event;
} MachineTrial;

/* How many events, or states (WHAT), MACHINE has refused. */
static inline int64_t
machine_refusals (const TdMachine *machine, const char *what)
{
    g_autofree char *labels = g_strdup_printf ("machine=\"%s\",what=\"%s\"", machine->name, what);
    TdMetricDecl decl = { .size = sizeof decl,
                          .kind = TD_METRIC_COUNTER,
                          .name = "tandem_fsm_refused_total",
                          .labels = labels };

    return td_metric_value (td_metric_declare (NULL, &decl));
}

static inline void
machine_try (void *data)
{
    const MachineTrial *trial = data;
    const MachineCase *of = trial->of;
    TdFsm *fsm = of->find (trial->world);

    g_assert_nonnull (fsm);
    g_assert_cmpuint (td_fsm_state (fsm), ==, trial->state);
    bool is_admitted = td_fsm_admits (fsm, trial->event);
    int64_t n_events = machine_refusals (of->machine, "event");
    int64_t n_states = machine_refusals (of->machine, "state");
    of->give (trial->world, fsm, trial->event);
    g_assert_cmpint (machine_refusals (of->machine, "state"), ==, n_states);
    if (is_admitted) {
        g_assert_cmpint (machine_refusals (of->machine, "event"), ==, n_events);
        return;
    }
    fsm = of->find (trial->world);
    g_assert_nonnull (fsm);
    g_assert_cmpuint (td_fsm_state (fsm), ==, trial->state);
    g_assert_cmpint (machine_refusals (of->machine, "event"), ==, n_events + 1);
}

static inline void
machine_try_state (const void *data)
{
    MachineTrial trial = *(const MachineTrial *) data;
    const TdMachine *machine = trial.of->machine;

    for (trial.event = 0; trial.event < machine->n_events; trial.event++) {
        g_test_message ("%s at %s", machine->events[trial.event],
                        machine->states[trial.state].name);
        trial.world = trial.of->begin (trial.state);
        if (trial.world == NULL) {
            g_assert_cmphex (machine->states[trial.state].next, ==, 0);
            return;
        }
        if (trial.of->run != NULL) {
            trial.of->run (trial.world, machine_try, &trial);
        } else {
            machine_try (&trial);
        }
        trial.of->end (trial.world);
    }
}

/* Adds the tests of OF, which lives as long as the process. */
static inline void
machine_case_add (const MachineCase *of)
{
    for (unsigned state = 0; state < of->machine->n_states; state++) {
        g_autofree char *path = g_strdup_printf ("/machines/%s%s/%s", of->machine->name, of->of,
                                                 of->machine->states[state].name);
        MachineTrial *trial = g_new0 (MachineTrial, 1);
        *trial = (MachineTrial){ .of = of, .state = state };
        g_test_add_data_func_full (path, trial, machine_try_state, g_free);
    }
}

#endif
