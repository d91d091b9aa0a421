/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an operator sees of a module. */

#include "module/ledger.h"
#include "module/registry.h"

static const char *
policy_name (TdModulePolicy policy)
{
    static const char *const names[] = { "required", "optional", "disabled" };

    return names[policy];
}

static void
add_text (GVariantDict *dict, const char *key, const char *text)
{
    if (text != NULL) {
        g_variant_dict_insert (dict, key, "s", text);
    }
}

static void
append_owned (const char *kind, const char *name, void *data)
{
    g_ptr_array_add (data, g_strdup_printf ("%s %s", kind, name));
}

static void
add_list (GVariantDict *dict, const char *key, char *const *texts, gssize n)
{
    g_variant_dict_insert_value (dict, key, g_variant_new_strv ((const char *const *) texts, n));
}

GVariant *
td_registry_info (TdModule *module)
{
    g_autoptr (GPtrArray) owned = g_ptr_array_new_with_free_func (g_free);
    TdModuleState phase = td_module_phase (module);
    GVariantDict dict;

    g_variant_dict_init (&dict, NULL);
    add_text (&dict, "name", module->owner.name);
    g_variant_dict_insert (&dict, "generation", "u", module->generation);
    add_text (&dict, "state", td_fsm_state_name (&module->fsm));
    add_text (&dict, "policy", policy_name (module->policy));
    add_text (&dict, "version", module->version);
    add_text (&dict, "summary", module->summary);
    add_text (&dict, "license", module->license);
    add_text (&dict, "file", module->path);
    add_text (&dict, "reason", module->reason);
    g_variant_dict_insert (&dict, "uses", "u", td_owner_uses (&module->owner));
    if (td_owner_uses (&module->owner) > 0) {
        g_autofree char *users = td_ledger_users (module);
        add_text (&dict, "used_by", users);
    }
    add_list (&dict, "provides", module->provides, -1);
    add_list (&dict, "needs", module->needs, -1);
    add_list (&dict, "wants", module->wants, -1);
    td_owner_each (&module->owner, append_owned, owned);
    add_list (&dict, "owns", (char *const *) owned->pdata, owned->len);
    add_list (&dict, "defects", (char *const *) module->defects->pdata, module->defects->len);
    if ((phase == TD_MODULE_RUNNING || phase == TD_MODULE_DRAINING)
        && module->image->descriptor.describe != NULL) {
        module->image->descriptor.describe (module, &dict);
    }
    return g_variant_dict_end (&dict);
}
