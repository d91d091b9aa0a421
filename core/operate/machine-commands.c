/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine list, machine show: the state machines there are, and what their tables refused. */

#include "operate/operate.h"

#include "operate/command.h"
#include "run/fsm.h"

#include <string.h>

enum { BITS = 32 };

static void
add_machine (const TdMachineView *view, void *rows)
{
    g_variant_builder_open (rows, G_VARIANT_TYPE_VARDICT);
    td_row_text (rows, "machine", view->machine->name);
    td_row_text (rows, "module", view->module);
    td_row_number (rows, "states", view->machine->n_states);
    td_row_number (rows, "refused_events", view->n_refused_events);
    td_row_number (rows, "refused_states", view->n_refused_states);
    g_variant_builder_close (rows);
}

static void
run_list (TdRequest *request, void *data)
{
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    td_machines_each (add_machine, &rows);
    td_request_reply (request, g_variant_builder_end (&rows));
}

static void
add_events (GVariantBuilder *row, const TdMachine *machine, uint32_t bits)
{
    const char *names[BITS];
    unsigned n = 0;

    for (unsigned i = 0; i < machine->n_events; i++) {
        if (bits & TD_BIT (i)) {
            names[n++] = machine->events[i];
        }
    }
    td_row_list (row, "events", names, n);
}

static void
add_next (GVariantBuilder *row, const TdMachine *machine, uint32_t bits)
{
    const char *names[BITS];
    unsigned n = 0;

    for (unsigned i = 0; i < machine->n_states; i++) {
        if (bits & TD_BIT (i)) {
            names[n++] = machine->states[i].name;
        }
    }
    td_row_list (row, "next", names, n);
}

static void
add_state (GVariantBuilder *rows, const TdMachine *machine, const TdState *state)
{
    const TdFsmTimer *timer = &state->timer;

    g_variant_builder_open (rows, G_VARIANT_TYPE_VARDICT);
    td_row_text (rows, "state", state->name);
    add_events (rows, machine, state->events);
    add_next (rows, machine, state->next);
    if (timer->name != NULL) {
        td_row_text (rows, "timer", timer->name);
        td_row_number (rows, "timeout_ms", timer->default_ms);
        td_row_text (rows, "timer_event", machine->events[timer->event]);
        td_row_text (rows, "timer_clause", timer->clause);
    }
    g_variant_builder_close (rows);
}

typedef struct {
    const char *name;
    GVariant *found; /* floating, or NULL */
} Search;

static void
describe_if_named (const TdMachineView *view, void *data)
{
    Search *search = data;
    const TdMachine *machine = view->machine;
    GVariantBuilder text, states;

    if (search->found != NULL || strcmp (machine->name, search->name) != 0) {
        return;
    }
    g_variant_builder_init (&states, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < machine->n_states; i++) {
        add_state (&states, machine, &machine->states[i]);
    }
    g_variant_builder_init (&text, G_VARIANT_TYPE_VARDICT);
    td_row_text (&text, "machine", machine->name);
    td_row_text (&text, "module", view->module);
    td_row_text (&text, "clause", machine->clause);
    td_row_number (&text, "refused_events", view->n_refused_events);
    td_row_number (&text, "refused_states", view->n_refused_states);
    g_variant_builder_add (&text, "{sv}", "states", g_variant_builder_end (&states));
    search->found = g_variant_builder_end (&text);
}

static void
run_show (TdRequest *request, void *data)
{
    Search search = { .name = td_request_argument (request, "MACHINE") };

    td_machines_each (describe_if_named, &search);
    if (search.found != NULL) {
        td_request_reply (request, search.found);
    } else {
        td_request_fail (request, "no machine is called \"%s\": \"machine list\" shows all of them",
                         search.name);
    }
}

static const TdArgument show_arguments[] = {
    { .name = "MACHINE",
      .help = "The machine's name, as \"machine list\" shows it",
      .is_required = true,
      .complete = "machine list" },
};

void
td_machine_commands_open (void)
{
    td_command_add_own (
        &(TdCommand){ .size = sizeof (TdCommand),
                      .argument_size = sizeof (TdArgument),
                      .name = "machine list",
                      .help = "Shows the state machines, and how often each refused something",
                      .run = run_list });
    td_command_add_own (&(TdCommand){ .size = sizeof (TdCommand),
                                      .argument_size = sizeof (TdArgument),
                                      .name = "machine show",
                                      .help = "Shows the table of a state machine",
                                      .arguments = show_arguments,
                                      .n_arguments = G_N_ELEMENTS (show_arguments),
                                      .run = run_show });
}
