/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an operator sees of a module. */

#include "base/row.h"
#include "module/ledger.h"
#include "module/registry.h"

static const char *
policy_name (TdModulePolicy policy)
{
    static const char *const names[] = { "required", "optional", "disabled" };

    return names[policy];
}

static void
append_owned (const char *kind, const char *name, void *data)
{
    g_ptr_array_add (data, g_strdup_printf ("%s %s", kind, name));
}

/* What the module says of itself, behind what the core knows. */
static void
add_own (TdModule *module, GVariantBuilder *row)
{
    TdModuleState phase = td_module_phase (module);
    GVariantDict own;

    if ((phase == TD_MODULE_RUNNING || phase == TD_MODULE_DRAINING)
        && module->image->descriptor.describe != NULL) {
        g_variant_dict_init (&own, NULL);
        module->image->descriptor.describe (module, &own);
        td_row_rest (row, &own);
    }
}

GVariant *
td_registry_info (TdModule *module)
{
    g_autoptr (GPtrArray) owned = g_ptr_array_new_with_free_func (g_free);
    GVariantBuilder row;

    g_variant_builder_init (&row, G_VARIANT_TYPE_VARDICT);
    td_row_text (&row, "name", module->owner.name);
    td_row_number (&row, "generation", module->generation);
    td_row_text (&row, "state", td_fsm_state_name (&module->fsm));
    td_row_text (&row, "policy", policy_name (module->policy));
    td_row_text (&row, "version", module->version);
    td_row_text (&row, "summary", module->summary);
    td_row_text (&row, "license", module->license);
    td_row_text (&row, "file", module->path);
    td_row_text (&row, "reason", module->reason);
    td_row_number (&row, "uses", td_owner_uses (&module->owner));
    if (td_owner_uses (&module->owner) > 0) {
        g_autofree char *users = td_ledger_users (module);
        td_row_text (&row, "used_by", users);
    }
    td_row_list (&row, "provides", (const char *const *) module->provides, -1);
    td_row_list (&row, "needs", (const char *const *) module->needs, -1);
    td_row_list (&row, "wants", (const char *const *) module->wants, -1);
    td_owner_each (&module->owner, append_owned, owned);
    td_row_list (&row, "owns", (const char *const *) owned->pdata, owned->len);
    td_row_list (&row, "defects", (const char *const *) module->defects->pdata,
                 module->defects->len);
    add_own (module, &row);
    return g_variant_builder_end (&row);
}
