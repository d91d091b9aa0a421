/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The order of start, from what modules provide, need and want. */

#include "module/order.h"

/* The module of MODULES that provides FEATURE, or NULL. */
static TdModule *
provider_in (const GPtrArray *modules, const char *feature)
{
    for (unsigned i = 0; i < modules->len; i++) {
        if (g_strv_contains (td_module_provides (modules->pdata[i]), feature)) {
            return modules->pdata[i];
        }
    }
    return NULL;
}

/* The first of FEATURES that somebody else in WAITING, but nobody in ORDER, provides, or NULL. */
static const char *
first_awaited (const TdModule *module, const char *const *features, const GPtrArray *waiting,
               const GPtrArray *order)
{
    for (unsigned i = 0; features[i] != NULL; i++) {
        const TdModule *provider = provider_in (waiting, features[i]);
        if (provider != NULL && provider != module && provider_in (order, features[i]) == NULL) {
            return features[i];
        }
    }
    return NULL;
}

/* The first of the modules WAITING that needs nothing, and if IS_STRICT wants nothing, of another
 * one there. */
static TdModule *
first_ready (const GPtrArray *waiting, const GPtrArray *order, bool is_strict)
{
    for (unsigned i = 0; i < waiting->len; i++) {
        TdModule *module = waiting->pdata[i];
        if (first_awaited (module, td_module_needs (module), waiting, order) == NULL
            && (!is_strict
                || first_awaited (module, td_module_wants (module), waiting, order) == NULL)) {
            return module;
        }
    }
    return NULL;
}

/* Every module WAITING needs another one there. Walks from need to need until one comes again;
 * these go, with the circle in words. */
static void
refuse_circle (GPtrArray *waiting, const GPtrArray *order, TdOrderRefuse refuse, void *data)
{
    g_autoptr (GPtrArray) path = g_ptr_array_new ();
    g_autoptr (GString) words = g_string_new ("is in a circle of needs: ");
    TdModule *module = waiting->pdata[0];
    unsigned first;

    while (!g_ptr_array_find (path, module, &first)) {
        g_ptr_array_add (path, module);
        const char *feature = first_awaited (module, td_module_needs (module), waiting, order);
        module = provider_in (waiting, feature);
    }
    g_ptr_array_remove_range (path, 0, first);
    for (unsigned i = 0; i < path->len; i++) {
        module = path->pdata[i];
        const char *feature = first_awaited (module, td_module_needs (module), waiting, order);
        g_string_append_printf (words, "%s%s needs %s of %s", i > 0 ? ", " : "", module->owner.name,
                                feature, provider_in (waiting, feature)->owner.name);
    }
    g_string_append (words, ": one of them must do without");
    for (unsigned i = 0; i < path->len; i++) {
        g_ptr_array_remove (waiting, path->pdata[i]);
        refuse (path->pdata[i], words->str, data);
    }
}

/* Refuses the first module WAITING that needs what neither they nor ORDER provide. */
static bool
refuse_unprovided (GPtrArray *waiting, const GPtrArray *order, const GPtrArray *all,
                   TdOrderRefuse refuse, void *data)
{
    for (unsigned i = 0; i < waiting->len; i++) {
        TdModule *module = waiting->pdata[i];
        const char *const *needs = td_module_needs (module);
        for (unsigned j = 0; needs[j] != NULL; j++) {
            if (provider_in (waiting, needs[j]) != NULL || provider_in (order, needs[j]) != NULL) {
                continue;
            }
            const TdModule *failed = provider_in (all, needs[j]);
            g_autofree char *reason =
                failed != NULL
                    ? g_strdup_printf ("needs %s of module %s, which has failed", needs[j],
                                       failed->owner.name)
                    : g_strdup_printf ("needs %s, which no module provides that is enabled: "
                                       "enable one in [modules]",
                                       needs[j]);
            g_ptr_array_remove_index (waiting, i);
            refuse (module, reason, data);
            return true;
        }
    }
    return false;
}

GPtrArray *
td_order_sort (const GPtrArray *modules, TdOrderRefuse refuse, void *data)
{
    g_autoptr (GPtrArray) waiting = g_ptr_array_new ();
    GPtrArray *order = g_ptr_array_new ();

    for (unsigned i = 0; i < modules->len; i++) {
        g_ptr_array_add (waiting, modules->pdata[i]);
    }
    while (refuse_unprovided (waiting, order, modules, refuse, data)) {
    }
    while (waiting->len > 0) {
        TdModule *next = first_ready (waiting, order, true);
        /* A want is only an order: where wants go round in a circle, they do without. */
        if (next == NULL) {
            next = first_ready (waiting, order, false);
        }
        if (next != NULL) {
            g_ptr_array_remove (waiting, next);
            g_ptr_array_add (order, next);
            continue;
        }
        refuse_circle (waiting, order, refuse, data);
        while (refuse_unprovided (waiting, order, modules, refuse, data)) {
        }
    }
    return order;
}
