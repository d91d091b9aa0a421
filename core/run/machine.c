/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The machines that are known: their tables checked, what they refuse counted. */

#include "base/owner.h"
#include "run/fsm.h"

#include <tandem/metric.h>

#include <string.h>

enum { BITS = 32 };

typedef struct Entry Entry;

struct Entry {
    TdOwned owned;
    const TdMachine *machine;
    const char *module; /* outlives the entry */
    TdMetric *refused_events, *refused_states;
    Entry *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Entry *first; /* guarded by the lock */

/* The bits of N things. */
static uint32_t
all_of (unsigned n)
{
    return n == BITS ? UINT32_MAX : TD_BIT (n) - 1;
}

static char *
check_texts (const TdMachine *machine)
{
    if (machine->name == NULL || machine->name[0] == '\0') {
        return g_strdup ("a machine without a name");
    }
    if (machine->n_states == 0 || machine->n_states > BITS) {
        return g_strdup_printf ("machine %s: %u states, which is not 1 to %d", machine->name,
                                machine->n_states, BITS);
    }
    if (machine->n_events == 0 || machine->n_events > BITS) {
        return g_strdup_printf ("machine %s: %u events, which is not 1 to %d", machine->name,
                                machine->n_events, BITS);
    }
    for (unsigned i = 0; i < machine->n_states; i++) {
        for (unsigned j = 0; j <= i; j++) {
            const char *name = machine->states[i].name;
            if (name == NULL || (j < i && strcmp (name, machine->states[j].name) == 0)) {
                return g_strdup_printf ("machine %s: state %u has no name of its own",
                                        machine->name, i);
            }
        }
    }
    for (unsigned i = 0; i < machine->n_events; i++) {
        for (unsigned j = 0; j <= i; j++) {
            const char *name = machine->events[i];
            if (name == NULL || (j < i && strcmp (name, machine->events[j]) == 0)) {
                return g_strdup_printf ("machine %s: event %u has no name of its own",
                                        machine->name, i);
            }
        }
    }
    return NULL;
}

/* What is wrong with one state, as a static sentence, or NULL. */
static const char *
fault_of_state (const TdMachine *machine, const TdState *state)
{
    const TdFsmTimer *timer = &state->timer;

    if (state->events & ~all_of (machine->n_events)) {
        return "admits an event that the machine has no name for";
    }
    if (state->next & ~all_of (machine->n_states)) {
        return "is followed by a state that the machine does not have";
    }
    if (state->events != 0 && state->action == NULL) {
        return "admits events and has no action for them";
    }
    if (state->events == 0 && state->action != NULL) {
        return "has an action and admits no event";
    }
    if (timer->name == NULL && timer->default_ms != 0) {
        return "has a timeout without a name";
    }
    if (timer->name != NULL
        && (timer->event >= machine->n_events || !(state->events & TD_BIT (timer->event)))) {
        return "has a timer whose event it does not admit";
    }
    if (timer->name != NULL && timer->default_ms == 0 && machine->timeout_ms == NULL) {
        return "has a timer that never runs";
    }
    return NULL;
}

static char *
check_states (const TdMachine *machine)
{
    uint32_t admitted = 0;

    for (unsigned i = 0; i < machine->n_states; i++) {
        const char *fault = fault_of_state (machine, &machine->states[i]);
        if (fault != NULL) {
            return g_strdup_printf ("machine %s: state %s %s", machine->name,
                                    machine->states[i].name, fault);
        }
        admitted |= machine->states[i].events;
    }
    for (unsigned i = 0; i < machine->n_events; i++) {
        if (!(admitted & TD_BIT (i))) {
            return g_strdup_printf ("machine %s: no state admits event %s", machine->name,
                                    machine->events[i]);
        }
    }
    return NULL;
}

/* The states that can be reached from the first one. */
static uint32_t
reached_from_first (const TdMachine *machine)
{
    uint32_t reached = TD_BIT (0), before;

    do {
        before = reached;
        for (unsigned i = 0; i < machine->n_states; i++) {
            if (reached & TD_BIT (i)) {
                reached |= machine->states[i].next;
            }
        }
    } while (reached != before);
    return reached;
}

/* The states from which an end can be reached. */
static uint32_t
leading_to_end (const TdMachine *machine)
{
    uint32_t leading = 0, before;

    do {
        before = leading;
        for (unsigned i = 0; i < machine->n_states; i++) {
            uint32_t next = machine->states[i].next;
            if (next == 0 || (next & leading) != 0) {
                leading |= TD_BIT (i);
            }
        }
    } while (leading != before);
    return leading;
}

static char *
check_ways (const TdMachine *machine)
{
    uint32_t reached = reached_from_first (machine);
    uint32_t leading = leading_to_end (machine);

    for (unsigned i = 0; i < machine->n_states; i++) {
        if (!(reached & TD_BIT (i))) {
            return g_strdup_printf ("machine %s: state %s cannot be reached from %s", machine->name,
                                    machine->states[i].name, machine->states[0].name);
        }
        /* A machine without any end runs for ever, which is a thing to want. */
        if (leading != 0 && !(leading & TD_BIT (i))) {
            return g_strdup_printf ("machine %s: no end can be reached from state %s",
                                    machine->name, machine->states[i].name);
        }
    }
    return NULL;
}

char *
td_machine_check (const TdMachine *machine)
{
    char *fault = check_texts (machine);

    if (fault == NULL) {
        fault = check_states (machine);
    }
    return fault != NULL ? fault : check_ways (machine);
}

static TdMetric *
declare_refusals (TdModule *module, const TdMachine *machine, const char *what)
{
    g_autofree char *labels = g_strdup_printf ("machine=\"%s\",what=\"%s\"", machine->name, what);
    TdMetricDecl decl = {
        .size = sizeof decl,
        .kind = TD_METRIC_COUNTER,
        .name = "tandem_fsm_refused_total",
        .help = "Events and states that a state machine's table does not list.",
        .labels = labels,
    };

    return td_metric_declare (module, &decl);
}

static void
forget (TdOwned *owned)
{
    Entry *entry = (Entry *) owned;

    pthread_mutex_lock (&lock);
    for (Entry **link = &first; *link != NULL; link = &(*link)->next) {
        if (*link == entry) {
            *link = entry->next;
            break;
        }
    }
    pthread_mutex_unlock (&lock);
    g_free (entry);
}

/* Needs the lock. */
static Entry *
find_locked (const TdMachine *machine)
{
    for (Entry *entry = first; entry != NULL; entry = entry->next) {
        if (entry->machine == machine) {
            return entry;
        }
    }
    return NULL;
}

static bool
is_known (const TdMachine *machine)
{
    pthread_mutex_lock (&lock);
    bool is_known = find_locked (machine) != NULL;
    pthread_mutex_unlock (&lock);
    return is_known;
}

void
td_machine_register (TdModule *module, const TdMachine *machine)
{
    g_autofree char *fault = td_machine_check (machine);

    if (fault != NULL) {
        g_critical ("%s", fault);
        return;
    }
    if (is_known (machine)) {
        return;
    }
    Entry *entry = g_new0 (Entry, 1);
    entry->machine = machine;
    entry->module = td_owner_of (module)->name;
    entry->refused_events = declare_refusals (module, machine, "event");
    entry->refused_states = declare_refusals (module, machine, "state");
    pthread_mutex_lock (&lock);
    Entry **end = &first;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = entry;
    pthread_mutex_unlock (&lock);
    entry->owned = (TdOwned){
        .kind = "state machine", .name = machine->name, .revoke = forget, .is_lease = true
    };
    td_owner_add (td_owner_of (module), &entry->owned);
}

void
td_machine_count_refusal (const TdMachine *machine, bool is_state)
{
    pthread_mutex_lock (&lock);
    const Entry *entry = find_locked (machine);
    if (entry != NULL) {
        td_metric_add (is_state ? entry->refused_states : entry->refused_events, 1);
    }
    pthread_mutex_unlock (&lock);
}

void
td_machines_each (void (*visit) (const TdMachineView *view, void *data), void *data)
{
    pthread_mutex_lock (&lock);
    for (const Entry *entry = first; entry != NULL; entry = entry->next) {
        TdMachineView view = {
            .machine = entry->machine,
            .module = entry->module,
            .n_refused_events = td_metric_value (entry->refused_events),
            .n_refused_states = td_metric_value (entry->refused_states),
        };
        visit (&view, data);
    }
    pthread_mutex_unlock (&lock);
}
