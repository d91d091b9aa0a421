/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Features: interface tables that modules find by name, leased to the newest generation. */

#include "module/feature.h"

#include "module/error.h"
#include "module/registry.h"

#include <tandem/bus.h>

#include <string.h>

typedef struct {
    TdOwned owned; /* of the provider: a lease, the core takes it back when it stops */
    TdModule *provider;
    char *name;
    const void *table;
    GPtrArray *leases; /* TdLease */
} TdFeature;

typedef struct {
    TdOwned owned; /* of who acquired it */
    TdModule *user;
    TdFeature *feature;
} TdLease;

/* The body of a fact of "feature.changed". */
typedef struct {
    const char *feature;
    const char *module;
    uint32_t generation;
    bool is_available;
} FeatureChanged;

static TdTopic *changed;

void
td_features_init (void)
{
    static const TdField fields[] = {
        TD_FIELD (FeatureChanged, feature, TD_FIELD_TEXT, "The feature's name"),
        TD_FIELD (FeatureChanged, module, TD_FIELD_TEXT, "The module that provides it"),
        TD_FIELD (FeatureChanged, generation, TD_FIELD_UINT, "Which build of the module"),
        TD_FIELD (FeatureChanged, is_available, TD_FIELD_BOOL,
                  "Whether it can be acquired now; otherwise whoever has it is to release it"),
    };
    static const TdTopicDecl decl = {
        .size = sizeof decl,
        .version = 1,
        .name = "feature.changed",
        .help = "A module began to provide a feature, or ceased to.",
        .fields = fields,
        .n_fields = G_N_ELEMENTS (fields),
        .body_size = sizeof (FeatureChanged),
    };

    changed = td_topic_declare (NULL, &decl);
}

void
td_features_tell (TdModule *module, bool is_available)
{
    for (unsigned i = 0; i < module->features->len; i++) {
        const TdFeature *feature = module->features->pdata[i];
        FeatureChanged body = { feature->name, module->owner.name, module->generation,
                                is_available };
        td_bus_publish (changed, TD_ID_NONE, NULL, 0, &body);
    }
}

unsigned
td_features_append_users (const TdModule *module, GString *list)
{
    unsigned n = 0;

    for (unsigned i = 0; i < module->features->len; i++) {
        const TdFeature *feature = module->features->pdata[i];
        for (unsigned j = 0; j < feature->leases->len; j++, n++) {
            const TdLease *lease = feature->leases->pdata[j];
            g_string_append_printf (list, "%sfeature %s for %s", list->len > 0 ? ", " : "",
                                    feature->name, td_owner_of (lease->user)->name);
        }
    }
    return n;
}

/* The provider stops: nobody uses it, so there is no lease. */
static void
revoke_feature (TdOwned *owned)
{
    TdFeature *feature = (TdFeature *) owned;

    g_ptr_array_remove (feature->provider->features, feature);
    td_registry_withdraw (feature->provider->registry, feature->name, feature);
    g_ptr_array_unref (feature->leases);
    g_free (feature->name);
    g_free (feature);
}

bool
td_feature_provide (TdModule *module, const char *name, const void *interface_table, GError **error)
{
    g_return_val_if_fail (module != NULL && name != NULL && interface_table != NULL, false);

    if (!g_strv_contains (td_module_provides (module), name)) {
        g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_DESCRIPTOR,
                     "module %s offers the feature %s, which its descriptor does not list: add it "
                     "to .provides",
                     module->owner.name, name);
        return false;
    }
    TdFeature *feature = g_new0 (TdFeature, 1);
    feature->provider = module;
    feature->name = g_strdup (name);
    feature->table = interface_table;
    feature->leases = g_ptr_array_new ();
    feature->owned = (TdOwned){
        .kind = "feature", .name = feature->name, .revoke = revoke_feature, .is_lease = true
    };
    td_owner_add (&module->owner, &feature->owned);
    g_ptr_array_add (module->features, feature);
    td_registry_publish (module->registry, feature->name, feature);
    return true;
}

/* The newest one whose module is running, or NULL. */
static TdFeature *
find_feature (TdRegistry *registry, const char *name)
{
    GPtrArray *features = td_registry_features (registry, name);

    for (unsigned i = features != NULL ? features->len : 0; i > 0; i--) {
        TdFeature *feature = features->pdata[i - 1];
        if (td_module_phase (feature->provider) == TD_MODULE_RUNNING) {
            return feature;
        }
    }
    return NULL;
}

static void
revoke_lease (TdOwned *owned)
{
    TdLease *lease = (TdLease *) owned;
    TdModule *provider = lease->feature->provider;

    g_ptr_array_remove (lease->user->leases, lease);
    g_ptr_array_remove (lease->feature->leases, lease);
    g_free (lease);
    td_owner_unuse (&provider->owner);
}

const void *
td_feature_acquire (TdModule *module, const char *name)
{
    g_return_val_if_fail (module != NULL && name != NULL, NULL);

    TdFeature *feature = find_feature (module->registry, name);
    if (feature == NULL) {
        return NULL;
    }
    TdLease *lease = g_new0 (TdLease, 1);
    lease->user = module;
    lease->feature = feature;
    lease->owned = (TdOwned){ .kind = "feature", .name = feature->name, .revoke = revoke_lease };
    td_owner_use (&feature->provider->owner);
    td_owner_add (&module->owner, &lease->owned);
    g_ptr_array_add (module->leases, lease);
    g_ptr_array_add (feature->leases, lease);
    return feature->table;
}

void
td_feature_release (TdModule *module, const char *name)
{
    g_return_if_fail (module != NULL && name != NULL);

    /* The oldest first: who changes over to a newer provider acquires that one, then releases. */
    for (unsigned i = 0; i < module->leases->len; i++) {
        TdLease *lease = module->leases->pdata[i];
        if (strcmp (lease->feature->name, name) == 0) {
            td_owner_remove (&lease->owned);
            revoke_lease (&lease->owned);
            return;
        }
    }
    g_critical ("module %s releases the feature %s, which it has not acquired", module->owner.name,
                name);
}
