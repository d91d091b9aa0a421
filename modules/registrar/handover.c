/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bindings on their way from one build of the module to the next, in the same process. */

#include "registrar.h"

#include <string.h>

enum { STATE_VERSION = 1 };

/* user, contact, call_id, received, user_agent, cseq, q, flow, monotonic deadline */
#define ROW_TYPE   "(sssssuqtx)"
#define STATE_TYPE "(ua" ROW_TYPE ")"

static void
add_rows (const char *user, const BindingSet *set, void *data)
{
    for (unsigned i = 0; i < set->n; i++) {
        const Binding *binding = set->items[i];
        g_variant_builder_add (data, ROW_TYPE, user, binding->contact, binding->call_id,
                               binding->received, binding->user_agent, binding->cseq,
                               binding->q_thousandths, binding->flow, binding->deadline_us);
    }
}

GBytes *
registrar_export (Registrar *registrar)
{
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("a" ROW_TYPE));
    table_each (registrar->table, add_rows, &rows);
    g_autoptr (GVariant) state =
        g_variant_ref_sink (g_variant_new (STATE_TYPE, STATE_VERSION, &rows));
    return g_variant_get_data_as_bytes (state);
}

typedef void (*VisitRow) (Registrar *registrar, const char *user, const TdBinding *binding,
                          int64_t left_us);

static bool
each_row (Registrar *registrar, GBytes *bytes, VisitRow visit)
{
    g_autoptr (GVariant) state =
        g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (STATE_TYPE), bytes, false));
    g_autoptr (GVariantIter) rows = NULL;
    TdBinding binding = { .size = sizeof binding };
    const char *user;
    int64_t deadline_us;
    uint32_t version;

    g_variant_get (state, "(ua" ROW_TYPE ")", &version, &rows);
    if (version != STATE_VERSION) {
        return false;
    }
    while (g_variant_iter_next (rows, "(&s&s&s&s&suqtx)", &user, &binding.contact, &binding.call_id,
                                &binding.received, &binding.user_agent, &binding.cseq,
                                &binding.q_thousandths, &binding.flow, &deadline_us)) {
        visit (registrar, user, &binding, deadline_us - td_clock_now_us ());
    }
    return true;
}

static void
restore_row (Registrar *registrar, const char *user, const TdBinding *binding, int64_t left_us)
{
    if (left_us > 0) {
        table_restore (registrar->table, user, binding, left_us);
    }
}

/* Nothing may have happened to the binding since its flow was written down. */
static void
restore_flow (Registrar *registrar, const char *user, const TdBinding *binding, int64_t left_us)
{
    BindingSet *set = table_set_of (registrar->table, user);
    bool is_there = false;

    for (unsigned i = 0; set != NULL && i < set->n; i++) {
        const Binding *present = set->items[i];
        is_there |= strcmp (present->contact, binding->contact) == 0
                    && strcmp (present->call_id, binding->call_id) == 0
                    && present->cseq == binding->cseq;
    }
    binding_set_unref (set);
    if (is_there) {
        restore_row (registrar, user, binding, left_us);
    }
}

bool
registrar_import (Registrar *registrar, GBytes *state)
{
    return each_row (registrar, state, restore_row);
}

bool
registrar_import_flows (Registrar *registrar, GBytes *state)
{
    return each_row (registrar, state, restore_flow);
}
