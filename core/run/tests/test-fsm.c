/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A machine does what its table lists and nothing else, and a table that makes no sense is found. */

#include "run/fsm.h"
#include "run/lane.h"

#include <string.h>

enum { IDLE, RINGING, ANSWERED, OVER, N_STATES };
enum { EV_RING, EV_ANSWER, EV_TIMEOUT, EV_END, N_EVENTS };

typedef struct {
    TdFsm fsm;
    GString *text;
    uint32_t ring_ms;
    bool goes_on_leaving;
    bool clears_on_leaving;
} Leg;

static void
write_down (Leg *leg, const char *what)
{
    g_string_append_printf (leg->text, "%s(%s) ", what, td_fsm_state_name (&leg->fsm));
}

static void
act (void *self, unsigned event, void *data)
{
    Leg *leg = self;

    write_down (leg, "act");
    if (event == EV_RING) {
        g_assert_true (td_fsm_enter (&leg->fsm, RINGING));
    } else if (event == EV_ANSWER) {
        td_fsm_enter (&leg->fsm, ANSWERED);
    } else if (event == EV_END || event == EV_TIMEOUT) {
        td_fsm_enter (&leg->fsm, OVER);
    }
    if (data != NULL) {
        *(unsigned *) data = event;
    }
}

static void
enter (void *self)
{
    write_down (self, "enter");
}

static void
leave (void *self)
{
    Leg *leg = self;

    write_down (leg, "leave");
    if (leg->goes_on_leaving) {
        g_assert_false (td_fsm_enter (&leg->fsm, OVER));
    }
    if (leg->clears_on_leaving) {
        td_fsm_clear (&leg->fsm);
    }
}

static uint32_t
timeout_ms (void *self, unsigned state)
{
    return ((Leg *) self)->ring_ms;
}

static const char *const events[] = { "ring", "answer", "timeout", "end" };

static const TdState states[] = {
    [IDLE] = { .name = "idle",
               .events = TD_BIT (EV_RING) | TD_BIT (EV_END),
               .next = TD_BIT (RINGING) | TD_BIT (OVER),
               .action = act },
    [RINGING] = { .name = "ringing",
                  .events = TD_BIT (EV_ANSWER) | TD_BIT (EV_TIMEOUT) | TD_BIT (EV_RING),
                  .next = TD_BIT (ANSWERED) | TD_BIT (OVER) | TD_BIT (RINGING),
                  .action = act,
                  .enter = enter,
                  .leave = leave,
                  .timer = { "no-answer", NULL, 30000, EV_TIMEOUT } },
    [ANSWERED] = { .name = "answered",
                   .events = TD_BIT (EV_END),
                   .next = TD_BIT (OVER),
                   .action = act,
                   .enter = enter,
                   .leave = leave },
    [OVER] = { .name = "over", .enter = enter },
};

static const TdMachine machine = { .name = "test.leg",
                                   .states = states,
                                   .n_states = N_STATES,
                                   .events = events,
                                   .n_events = N_EVENTS };

static void
set_up (Leg *leg, gconstpointer data)
{
    TdLanesOptions options = { .n_lanes = 1, .is_fake = true, .seed = g_test_rand_int () };

    td_lanes_open (&options);
    td_machine_register (NULL, &machine);
    leg->text = g_string_new (NULL);
    td_fsm_init (&leg->fsm, NULL, &machine, leg);
}

static void
tear_down (Leg *leg, gconstpointer data)
{
    td_fsm_clear (&leg->fsm);
    g_string_free (leg->text, TRUE);
    td_owner_revoke_all (&td_owner_core, NULL, NULL);
    td_lanes_close ();
}

typedef struct {
    unsigned n_machines;
    int64_t n_refused_events, n_refused_states;
    const char *module;
} Found;

static void
find (const TdMachineView *view, void *data)
{
    Found *found = data;

    if (strcmp (view->machine->name, machine.name) == 0) {
        found->n_machines++;
        found->module = view->module;
        found->n_refused_events = view->n_refused_events;
        found->n_refused_states = view->n_refused_states;
    }
}

static Found
find_machine (void)
{
    Found found = { 0 };

    td_machines_each (find, &found);
    return found;
}

static void
test_listed_event_acts_and_moves (Leg *leg, gconstpointer data)
{
    unsigned event = UINT_MAX;

    g_assert_true (td_fsm_admits (&leg->fsm, EV_RING));
    g_assert_true (td_fsm_dispatch (&leg->fsm, EV_RING, &event));
    g_assert_cmpuint (event, ==, EV_RING);
    g_assert_cmpuint (td_fsm_state (&leg->fsm), ==, RINGING);
    g_assert_true (td_fsm_dispatch (&leg->fsm, EV_ANSWER, NULL));
    g_assert_cmpstr (leg->text->str, ==,
                     "act(idle) enter(ringing) act(ringing) leave(ringing) enter(answered) ");
}

static void
test_unlisted_event_is_refused_and_counted (Leg *leg, gconstpointer data)
{
    int64_t n_before = find_machine ().n_refused_events;

    g_assert_false (td_fsm_admits (&leg->fsm, EV_ANSWER));
    g_assert_false (td_fsm_dispatch (&leg->fsm, EV_ANSWER, NULL));
    g_assert_false (td_fsm_dispatch (&leg->fsm, N_EVENTS, NULL));
    g_assert_false (td_fsm_dispatch (&leg->fsm, 1000, NULL));
    g_assert_cmpstr (leg->text->str, ==, "");
    g_assert_cmpuint (td_fsm_state (&leg->fsm), ==, IDLE);
    g_assert_cmpint (find_machine ().n_refused_events, ==, n_before + 3);
}

static void
test_unlisted_state_is_refused_and_counted (Leg *leg, gconstpointer data)
{
    int64_t n_before = find_machine ().n_refused_states;

    g_assert_false (td_fsm_enter (&leg->fsm, ANSWERED));
    g_assert_false (td_fsm_enter (&leg->fsm, IDLE));
    g_assert_false (td_fsm_enter (&leg->fsm, 77));
    g_assert_cmpuint (td_fsm_state (&leg->fsm), ==, IDLE);
    g_assert_cmpint (find_machine ().n_refused_states, ==, n_before + 3);
}

static void
test_timer_brings_its_event (Leg *leg, gconstpointer data)
{
    td_fsm_dispatch (&leg->fsm, EV_RING, NULL);
    td_lanes_advance (29999);
    g_assert_cmpuint (td_fsm_state (&leg->fsm), ==, RINGING);
    td_lanes_advance (1);
    g_assert_cmpuint (td_fsm_state (&leg->fsm), ==, OVER);
}

static void
test_timer_ends_with_its_state (Leg *leg, gconstpointer data)
{
    td_fsm_dispatch (&leg->fsm, EV_RING, NULL);
    td_fsm_dispatch (&leg->fsm, EV_ANSWER, NULL);
    td_lanes_advance (60000);
    g_assert_cmpuint (td_fsm_state (&leg->fsm), ==, ANSWERED);
}

static void
test_entering_anew_restarts_the_timer (Leg *leg, gconstpointer data)
{
    td_fsm_dispatch (&leg->fsm, EV_RING, NULL);
    td_lanes_advance (20000);
    td_fsm_dispatch (&leg->fsm, EV_RING, NULL);
    td_lanes_advance (29999);
    g_assert_cmpuint (td_fsm_state (&leg->fsm), ==, RINGING);
    td_lanes_advance (1);
    g_assert_cmpuint (td_fsm_state (&leg->fsm), ==, OVER);
}

static void
test_object_decides_its_timeout (Leg *leg, gconstpointer data)
{
    TdMachine own = machine;

    own.timeout_ms = timeout_ms;
    td_fsm_clear (&leg->fsm);
    leg->ring_ms = 5;
    td_fsm_init (&leg->fsm, NULL, &own, leg);
    td_fsm_dispatch (&leg->fsm, EV_RING, NULL);
    leg->ring_ms = 0;
    td_fsm_dispatch (&leg->fsm, EV_RING, NULL);
    td_lanes_advance (100000);
    g_assert_cmpuint (td_fsm_state (&leg->fsm), ==, RINGING);
    leg->ring_ms = 5;
    td_fsm_dispatch (&leg->fsm, EV_RING, NULL);
    td_lanes_advance (5);
    g_assert_cmpuint (td_fsm_state (&leg->fsm), ==, OVER);
    td_fsm_clear (&leg->fsm);
}

static void
test_first_state_has_its_timer (Leg *leg, gconstpointer data)
{
    TdState own_states[N_STATES];
    TdMachine own = machine;

    memcpy (own_states, states, sizeof states);
    own_states[IDLE].timer = (TdFsmTimer){ "idle", NULL, 10, EV_END };
    own.states = own_states;
    td_fsm_clear (&leg->fsm);
    td_fsm_init (&leg->fsm, NULL, &own, leg);
    td_lanes_advance (10);
    g_assert_cmpuint (td_fsm_state (&leg->fsm), ==, OVER);
    td_fsm_clear (&leg->fsm);
}

static void
test_leave_function_goes_nowhere (Leg *leg, gconstpointer data)
{
    td_fsm_dispatch (&leg->fsm, EV_RING, NULL);
    leg->goes_on_leaving = true;
    td_fsm_dispatch (&leg->fsm, EV_ANSWER, NULL);
    g_assert_cmpuint (td_fsm_state (&leg->fsm), ==, ANSWERED);
}

static void
test_leave_function_may_clear (Leg *leg, gconstpointer data)
{
    td_fsm_dispatch (&leg->fsm, EV_RING, NULL);
    leg->clears_on_leaving = true;
    g_assert_true (td_fsm_dispatch (&leg->fsm, EV_ANSWER, NULL));
    g_assert_null (strstr (leg->text->str, "enter(answered)"));
}

static void
test_cleared_machine_takes_nothing (Leg *leg, gconstpointer data)
{
    td_fsm_dispatch (&leg->fsm, EV_RING, NULL);
    g_string_truncate (leg->text, 0);
    td_fsm_clear (&leg->fsm);
    td_fsm_clear (&leg->fsm);
    g_assert_false (td_fsm_admits (&leg->fsm, EV_ANSWER));
    g_assert_false (td_fsm_dispatch (&leg->fsm, EV_ANSWER, NULL));
    g_assert_false (td_fsm_enter (&leg->fsm, OVER));
    g_assert_cmpstr (td_fsm_state_name (&leg->fsm), ==, "ended");
    td_lanes_advance (60000);
    g_assert_cmpstr (leg->text->str, ==, "");
}

static void
end_self (void *self, unsigned event, void *data)
{
    Leg *leg = self;

    td_fsm_clear (&leg->fsm);
    g_free (leg);
}

static void
test_action_may_free_its_object (Leg *leg, gconstpointer data)
{
    static const TdState one[] = { { .name = "only", .events = 1, .action = end_self } };
    static const TdMachine short_lived = {
        .name = "test.short", .states = one, .n_states = 1, .events = events, .n_events = 1
    };
    Leg *mortal = g_new0 (Leg, 1);

    td_fsm_init (&mortal->fsm, NULL, &short_lived, mortal);
    g_assert_true (td_fsm_dispatch (&mortal->fsm, 0, NULL));
}

/* Every event at every state, and every state after every state: the table alone decides. */
static void
test_table_decides_all (Leg *leg, gconstpointer data)
{
    for (unsigned state = 0; state < N_STATES; state++) {
        for (unsigned event = 0; event < 32; event++) {
            td_fsm_clear (&leg->fsm);
            td_fsm_init (&leg->fsm, NULL, &machine, leg);
            leg->fsm.state = (uint8_t) state;
            bool is_listed = event < N_EVENTS && (states[state].events & TD_BIT (event)) != 0;
            g_string_truncate (leg->text, 0);
            g_assert_cmpint (td_fsm_dispatch (&leg->fsm, event, NULL), ==, is_listed);
            g_assert_cmpint (g_str_has_prefix (leg->text->str, "act"), ==, is_listed);
        }
        for (unsigned next = 0; next < N_STATES + 2; next++) {
            td_fsm_clear (&leg->fsm);
            td_fsm_init (&leg->fsm, NULL, &machine, leg);
            leg->fsm.state = (uint8_t) state;
            bool is_listed = next < N_STATES && (states[state].next & TD_BIT (next)) != 0;
            g_assert_cmpint (td_fsm_enter (&leg->fsm, next), ==, is_listed);
            g_assert_cmpuint (td_fsm_state (&leg->fsm), ==, is_listed ? next : state);
        }
    }
}

static void
test_machine_is_listed_once_until_its_module_stops (Leg *leg, gconstpointer data)
{
    TdOwner module;

    td_owner_revoke_all (&td_owner_core, NULL, NULL);
    g_assert_cmpuint (find_machine ().n_machines, ==, 0);
    td_owner_init (&module, "guest");
    td_machine_register ((TdModule *) &module, &machine);
    td_machine_register ((TdModule *) &module, &machine);
    Found found = find_machine ();
    g_assert_cmpuint (found.n_machines, ==, 1);
    g_assert_cmpstr (found.module, ==, "guest");
    g_assert_cmpuint (td_owner_revoke_all (&module, NULL, NULL), ==, 0);
    g_assert_cmpuint (find_machine ().n_machines, ==, 0);
    /* Not listed, still sound: what it refuses is logged. */
    g_assert_false (td_fsm_dispatch (&leg->fsm, EV_ANSWER, NULL));
    td_owner_clear (&module);
}

typedef struct {
    TdState states[N_STATES];
    const char *events[N_EVENTS];
    TdMachine machine;
} Table;

/* A copy of the good table to spoil. */
static void
copy_table (Table *table)
{
    memcpy (table->states, states, sizeof states);
    memcpy (table->events, events, sizeof events);
    table->machine = machine;
    table->machine.states = table->states;
    table->machine.events = table->events;
}

static void
assert_fault (const Table *table, const char *expected)
{
    g_autofree char *fault = td_machine_check (&table->machine);

    g_assert_cmpstr (fault, ==, expected);
}

static void
test_check_finds_faulty_texts (void)
{
    Table table;

    copy_table (&table);
    assert_fault (&table, NULL);
    table.machine.name = "";
    assert_fault (&table, "a machine without a name");
    copy_table (&table);
    table.machine.n_states = 0;
    assert_fault (&table, "machine test.leg: 0 states, which is not 1 to 32");
    table.machine.n_states = 33;
    assert_fault (&table, "machine test.leg: 33 states, which is not 1 to 32");
    copy_table (&table);
    table.machine.n_events = 33;
    assert_fault (&table, "machine test.leg: 33 events, which is not 1 to 32");
    copy_table (&table);
    table.states[0].name = NULL;
    assert_fault (&table, "machine test.leg: state 0 has no name of its own");
    copy_table (&table);
    table.states[3].name = "idle";
    assert_fault (&table, "machine test.leg: state 3 has no name of its own");
    copy_table (&table);
    table.events[1] = "ring";
    assert_fault (&table, "machine test.leg: event 1 has no name of its own");
}

static void
test_check_finds_faulty_states (void)
{
    Table table;

    copy_table (&table);
    table.states[IDLE].events |= TD_BIT (N_EVENTS);
    assert_fault (&table, "machine test.leg: state idle admits an event that the machine has no "
                          "name for");
    copy_table (&table);
    table.states[IDLE].next |= TD_BIT (31);
    assert_fault (&table, "machine test.leg: state idle is followed by a state that the machine "
                          "does not have");
    copy_table (&table);
    table.states[ANSWERED].action = NULL;
    assert_fault (&table, "machine test.leg: state answered admits events and has no action for "
                          "them");
    copy_table (&table);
    table.states[OVER].action = act;
    assert_fault (&table, "machine test.leg: state over has an action and admits no event");
    copy_table (&table);
    table.states[IDLE].timer.default_ms = 1;
    assert_fault (&table, "machine test.leg: state idle has a timeout without a name");
    copy_table (&table);
    table.states[RINGING].timer.event = EV_END;
    assert_fault (&table,
                  "machine test.leg: state ringing has a timer whose event it does not admit");
    copy_table (&table);
    table.states[RINGING].timer.default_ms = 0;
    assert_fault (&table, "machine test.leg: state ringing has a timer that never runs");
    copy_table (&table);
    table.states[IDLE].events &= ~TD_BIT (EV_RING);
    table.states[RINGING].events &= ~TD_BIT (EV_RING);
    assert_fault (&table, "machine test.leg: no state admits event ring");
}

static void
test_check_finds_missing_ways (void)
{
    Table table;

    copy_table (&table);
    table.states[RINGING].next &= ~TD_BIT (ANSWERED);
    assert_fault (&table, "machine test.leg: state answered cannot be reached from idle");
    copy_table (&table);
    table.states[ANSWERED].next = TD_BIT (ANSWERED);
    assert_fault (&table, "machine test.leg: no end can be reached from state answered");
    copy_table (&table);
    table.states[OVER].next = TD_BIT (IDLE);
    assert_fault (&table, NULL);
}

static void
test_faulty_machine_is_not_registered (void)
{
    Table table;

    copy_table (&table);
    table.states[ANSWERED].action = NULL;
    g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_CRITICAL, "*answered admits events and*");
    td_machine_register (NULL, &table.machine);
    g_test_assert_expected_messages ();
    g_assert_cmpuint (find_machine ().n_machines, ==, 0);
}

#define ADD(name, function) g_test_add ("/run/fsm/" name, Leg, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("listed-event-acts-and-moves", test_listed_event_acts_and_moves);
    ADD ("unlisted-event-is-refused-and-counted", test_unlisted_event_is_refused_and_counted);
    ADD ("unlisted-state-is-refused-and-counted", test_unlisted_state_is_refused_and_counted);
    ADD ("timer-brings-its-event", test_timer_brings_its_event);
    ADD ("timer-ends-with-its-state", test_timer_ends_with_its_state);
    ADD ("entering-anew-restarts-the-timer", test_entering_anew_restarts_the_timer);
    ADD ("object-decides-its-timeout", test_object_decides_its_timeout);
    ADD ("first-state-has-its-timer", test_first_state_has_its_timer);
    ADD ("leave-function-goes-nowhere", test_leave_function_goes_nowhere);
    ADD ("leave-function-may-clear", test_leave_function_may_clear);
    ADD ("cleared-machine-takes-nothing", test_cleared_machine_takes_nothing);
    ADD ("action-may-free-its-object", test_action_may_free_its_object);
    ADD ("table-decides-all", test_table_decides_all);
    ADD ("machine-is-listed-once-until-its-module-stops",
         test_machine_is_listed_once_until_its_module_stops);
    g_test_add_func ("/run/fsm/check-finds-faulty-texts", test_check_finds_faulty_texts);
    g_test_add_func ("/run/fsm/check-finds-faulty-states", test_check_finds_faulty_states);
    g_test_add_func ("/run/fsm/check-finds-missing-ways", test_check_finds_missing_ways);
    g_test_add_func ("/run/fsm/faulty-machine-is-not-registered",
                     test_faulty_machine_is_not_registered);
    return g_test_run ();
}
