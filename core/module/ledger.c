/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module's ledger: what it has taken from the core, who uses it, and what it left behind. */

#include "module/ledger.h"

#include "module/feature.h"
#include "module/thread.h"

#include <tandem/log.h>
#include <tandem/metric.h>

static TdMetric *defects_total;

void
td_ledger_init (void)
{
    static const TdMetricDecl decl = {
        .size = sizeof decl,
        .kind = TD_METRIC_COUNTER,
        .name = "tandem_module_defects_total",
        .help = "Things that modules left behind when they were stopped.",
    };

    defects_total = td_metric_declare (NULL, &decl);
}

/* Nobody is blamed for what his calls needed, or for what a failed start() could not undo. */
static bool
is_blamed (const TdModule *module)
{
    return !module->is_excused && module->reason == NULL;
}

static void
blame (const char *kind, const char *name, void *data)
{
    TdModule *module = data;

    if (is_blamed (module)) {
        g_ptr_array_add (module->defects, g_strdup_printf ("%s %s", kind, name));
    }
}

void
td_ledger_revoke (TdModule *module)
{
    td_threads_reap (module);
    td_owner_revoke_all (&module->owner, blame, module);
}

void
td_ledger_add_leftovers (TdModule *module, unsigned n_timers)
{
    g_autoptr (GString) list = g_string_new (NULL);

    if (n_timers > 0 && is_blamed (module)) {
        g_ptr_array_add (module->defects, n_timers == 1 ? g_strdup ("1 timer")
                                                        : g_strdup_printf ("%u timers", n_timers));
    }
    for (unsigned i = 0; i < module->defects->len; i++) {
        g_string_append_printf (list, "%s%s", i > 0 ? ", " : "",
                                (char *) module->defects->pdata[i]);
    }
    if (module->defects->len > 0) {
        td_metric_add (defects_total, module->defects->len);
        td_log_error (module, NULL, "left behind when it was stopped: %s: give it back in stop ()",
                      list->str);
    }
}

char *
td_ledger_users (TdModule *module)
{
    g_autoptr (GString) list = g_string_new (NULL);
    unsigned n_named = td_threads_append_names (module, list);

    n_named += td_features_append_users (module, list);
    unsigned n_uses = td_owner_uses (&module->owner);
    if (n_uses > n_named || n_named == 0) {
        unsigned n_calls = n_uses - MIN (n_named, n_uses);
        g_string_append_printf (list, "%s%u call%s or piece%s of work", list->len > 0 ? ", " : "",
                                n_calls, n_calls == 1 ? "" : "s", n_calls == 1 ? "" : "s");
    }
    return g_string_free (g_steal_pointer (&list), FALSE);
}

void *
td_module_state (const TdModule *module)
{
    return module->state;
}

void
td_module_set_state (TdModule *module, void *state)
{
    module->state = state;
}

const char *
td_module_name (const TdModule *module)
{
    return td_owner_of (module)->name;
}

unsigned
td_module_generation (const TdModule *module)
{
    return module->generation;
}

void
td_module_use (TdModule *module)
{
    td_owner_use (td_owner_of (module));
}

void
td_module_unuse (TdModule *module)
{
    td_owner_unuse (td_owner_of (module));
}

bool
td_module_is_stopping (const TdModule *module)
{
    return module != NULL
           && atomic_load_explicit (&module->owner.is_stopping, memory_order_acquire);
}
