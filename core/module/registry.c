/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The registry: which modules there are, and in which order they start and stop. */

#include "module/registry.h"

#include "base/text.h"
#include "module/error.h"
#include "module/feature.h"
#include "module/ledger.h"
#include "module/note.h"
#include "module/order.h"

#include <tandem/bus.h>
#include <tandem/log.h>

#include <errno.h>
#include <string.h>

/* No module can have this name, and so no module's own folder. */
#define IMAGES ".images"

struct TdRegistry {
    TdRegistryOptions options;
    char **module_path;
    char *state_dir;
    char *images;
    GPtrArray *modules;      /* TdModule, in the order of start */
    GHashTable *generations; /* name -> the last number given */
    GHashTable *features;    /* name -> GPtrArray of what feature.c provides */
    TdConfig *config;
    int64_t stop_by_us; /* of stop_all, 0: no deadline */
    void (*all_stopped) (void *data);
    void *all_stopped_data;
};

/* The body of a fact of "module.changed". */
typedef struct {
    const char *module;
    uint32_t generation;
    const char *version;
    const char *state;
    const char *reason;
} ModuleChanged;

static TdTopic *changed;

static void
declare_topic (void)
{
    static const TdField fields[] = {
        TD_FIELD (ModuleChanged, module, TD_FIELD_TEXT, "The module's name"),
        TD_FIELD (ModuleChanged, generation, TD_FIELD_UINT, "Which build of it"),
        TD_FIELD (ModuleChanged, version, TD_FIELD_TEXT, "The build's version"),
        TD_FIELD (ModuleChanged, state, TD_FIELD_TEXT, "The state it has come to"),
        TD_FIELD (ModuleChanged, reason, TD_FIELD_TEXT, "Why it failed"),
    };
    static const TdTopicDecl decl = {
        .size = sizeof decl,
        .version = 1,
        .name = "module.changed",
        .help = "A module came to another state.",
        .fields = fields,
        .n_fields = G_N_ELEMENTS (fields),
        .body_size = sizeof (ModuleChanged),
    };

    changed = td_topic_declare (NULL, &decl);
}

TdRegistry *
td_registry_open (const TdRegistryOptions *options)
{
    TdRegistry *registry = g_new0 (TdRegistry, 1);

    registry->options = *options;
    registry->module_path = g_strdupv ((char **) options->module_path);
    registry->state_dir = g_strdup (options->state_dir);
    registry->images = g_build_filename (options->state_dir, IMAGES, NULL);
    registry->modules = g_ptr_array_new ();
    registry->generations = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    registry->features =
        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
    td_machine_register (NULL, &td_module_machine);
    declare_topic ();
    td_features_init ();
    td_ledger_init ();
    td_image_remove_leftovers (registry->images);
    return registry;
}

void
td_registry_close (TdRegistry *registry)
{
    for (unsigned i = 0; i < registry->modules->len; i++) {
        TdModule *module = registry->modules->pdata[i];
        if (td_module_is_over (module)) {
            td_module_free (module);
        }
    }
    g_clear_pointer (&registry->config, td_config_unref);
    g_ptr_array_unref (registry->modules);
    g_hash_table_unref (registry->generations);
    g_hash_table_unref (registry->features);
    g_strfreev (registry->module_path);
    g_free (registry->state_dir);
    g_free (registry->images);
    g_free (registry);
}

unsigned
td_registry_next_generation (TdRegistry *registry, const char *name)
{
    unsigned next = GPOINTER_TO_UINT (g_hash_table_lookup (registry->generations, name)) + 1;

    g_hash_table_insert (registry->generations, g_strdup (name), GUINT_TO_POINTER (next));
    return next;
}

void
td_registry_publish (TdRegistry *registry, const char *feature, void *provided)
{
    GPtrArray *list = g_hash_table_lookup (registry->features, feature);

    if (list == NULL) {
        list = g_ptr_array_new ();
        g_hash_table_insert (registry->features, g_strdup (feature), list);
    }
    g_ptr_array_add (list, provided);
}

void
td_registry_withdraw (TdRegistry *registry, const char *feature, void *provided)
{
    g_ptr_array_remove (td_registry_features (registry, feature), provided);
}

GPtrArray *
td_registry_features (TdRegistry *registry, const char *feature)
{
    return g_hash_table_lookup (registry->features, feature);
}

void
td_registry_tell (TdModule *module)
{
    TdLogLevel level = td_module_phase (module) == TD_MODULE_RUNNING ? TD_LOG_NOTICE : TD_LOG_DEBUG;
    ModuleChanged body = { module->owner.name, module->generation, module->version,
                           td_fsm_state_name (&module->fsm), module->reason };

    td_log (module, level, NULL, NULL, "generation %u, version %s: %s", module->generation,
            module->version, body.state);
    td_bus_publish (changed, TD_ID_NONE, NULL, 0, &body);
}

void
td_registry_evict (TdModule *module)
{
    const TdRegistryOptions *options = &module->registry->options;

    if (options->evict != NULL) {
        options->evict (module, options->data);
    }
}

/* A call of a function in a turn of its own. */
typedef struct {
    TdPost post;
    void (*function) (void *data);
    void *data;
} Later;

static void
run_later (TdPost *post)
{
    Later *later = (Later *) post;

    later->function (later->data);
    g_free (later);
}

void
td_registry_later (void (*function) (void *data), void *data)
{
    Later *later = g_new0 (Later, 1);

    /* What is asked for is done, also when the lanes are about to close. */
    later->post = (TdPost){ .run = run_later, .drop = run_later };
    later->function = function;
    later->data = data;
    td_lane_post (td_lane_control (), &later->post);
}

static void
free_module (void *data)
{
    td_module_free (data);
}

/* MODULE, which is listed no more, is freed once nobody holds it and the turn is over. */
static void
free_later (TdModule *module)
{
    module->is_buried = true;
    if (module->n_holds == 0) {
        td_registry_later (free_module, module);
    }
}

void
td_registry_hold (TdModule *module)
{
    module->n_holds++;
}

void
td_registry_let_go (TdModule *module)
{
    module->n_holds--;
    if (module->is_buried) {
        free_later (module);
    }
}

void
td_registry_bury (TdModule *module)
{
    GPtrArray *modules = module->registry->modules;
    bool is_listed = g_ptr_array_find (modules, module, NULL);
    bool has_heir = false;

    for (unsigned i = 0; i < modules->len; i++) {
        const TdModule *other = modules->pdata[i];
        has_heir |= other != module && strcmp (other->owner.name, module->owner.name) == 0;
    }
    if (has_heir || !is_listed) {
        g_ptr_array_remove (modules, module);
        free_later (module);
    }
}

void
td_registry_list (TdModule *module)
{
    GPtrArray *modules = module->registry->modules;
    int place = -1; /* the end */

    /* After the last of its name, in the place that the name has in the order of start. */
    for (unsigned i = modules->len; i > 0; i--) {
        TdModule *other = modules->pdata[i - 1];
        if (strcmp (other->owner.name, module->owner.name) != 0) {
            continue;
        }
        place = MAX (place, (int) i);
        if (td_module_is_over (other)) {
            g_ptr_array_remove_index (modules, i - 1);
            free_later (other);
            place--;
        }
    }
    g_ptr_array_insert (modules, place, module);
}

TdModule *
td_registry_find (TdRegistry *registry, const char *name)
{
    TdModule *newest = NULL;

    for (unsigned i = 0; i < registry->modules->len; i++) {
        TdModule *module = registry->modules->pdata[i];
        if (strcmp (module->owner.name, name) == 0
            && (newest == NULL || module->generation > newest->generation)) {
            newest = module;
        }
    }
    return newest;
}

GPtrArray *
td_registry_modules (TdRegistry *registry)
{
    return registry->modules;
}

void
td_registry_each (TdRegistry *registry, void (*visit) (TdModule *module, void *data), void *data)
{
    for (unsigned i = 0; i < registry->modules->len; i++) {
        visit (registry->modules->pdata[i], data);
    }
}

/* Adds the modules that are in FOLDER, as they would be named, to NAMES. */
static void
collect_names (const char *folder, GPtrArray *names)
{
    g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
    const char *file;

    while (dir != NULL && (file = g_dir_read_name (dir)) != NULL) {
        g_autofree char *name =
            g_strndup (file, strlen (file) - (g_str_has_suffix (file, ".so") ? 3 : 0));
        g_autofree char *below = g_strdup_printf ("%s/%s/%s.so", folder, name, name);
        if (td_note_is_name (name)
            && (g_str_has_suffix (file, ".so") || g_file_test (below, G_FILE_TEST_EXISTS))) {
            g_ptr_array_add (names, g_steal_pointer (&name));
        }
    }
}

/* The first of many are those an operator has named. */
static char *
describe_path (char **module_path)
{
    enum { SHOWN = 2 };
    unsigned n = g_strv_length (module_path);

    if (n == 0) {
        return g_strdup ("an empty module path");
    }
    return n <= SHOWN + 1 ? g_strjoinv (", ", module_path)
                          : g_strdup_printf ("%s, %s and %u more folders of the module path",
                                             module_path[0], module_path[1], n - SHOWN);
}

static void
fail_not_found (TdRegistry *registry, const char *name, GError **error)
{
    g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
    g_autofree char *folders = describe_path (registry->module_path);

    for (unsigned i = 0; registry->module_path[i] != NULL; i++) {
        collect_names (registry->module_path[i], names);
    }
    const char *nearest = td_text_nearest (name, (const char *const *) names->pdata, names->len);
    g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_FILE, "no %s.so in %s%s%s%s", name,
                 folders, nearest != NULL ? ": did you mean \"" : "",
                 nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
}

/* The file of the module NAME in the module path (transfer full). */
static char *
find_file (TdRegistry *registry, const char *name, GError **error)
{
    if (!td_note_is_name (name)) {
        g_autofree char *shown = g_strescape (name, NULL);
        g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_NAME,
                     "\"%s\" cannot be a module's name: that is a lower-case letter, then "
                     "lower-case letters, digits and hyphens",
                     shown);
        return NULL;
    }
    for (unsigned i = 0; registry->module_path[i] != NULL; i++) {
        g_autofree char *file = g_strdup_printf ("%s/%s.so", registry->module_path[i], name);
        g_autofree char *below =
            g_strdup_printf ("%s/%s/%s.so", registry->module_path[i], name, name);
        if (g_file_test (file, G_FILE_TEST_EXISTS)) {
            return g_steal_pointer (&file);
        }
        if (g_file_test (below, G_FILE_TEST_EXISTS)) {
            return g_steal_pointer (&below);
        }
    }
    fail_not_found (registry, name, error);
    return NULL;
}

TdModule *
td_registry_map (TdRegistry *registry, const char *name, const char *path, GError **error)
{
    g_autofree char *file = path != NULL ? g_strdup (path) : find_file (registry, name, error);

    if (file == NULL) {
        return NULL;
    }
    TdImage *image = td_image_map (file, name, registry->images, error);
    return image != NULL ? td_module_new (registry, name, image) : NULL;
}

bool
td_registry_configure (TdModule *module, GError **error)
{
    TdRegistry *registry = module->registry;

    if (registry->options.configure == NULL) {
        return true;
    }
    module->config = registry->options.configure (module, registry->options.data, error);
    return module->config != NULL;
}

void
td_registry_configured (TdModule *module)
{
    TdRegistry *registry = module->registry;

    if (module->config != NULL && registry->options.configured != NULL) {
        registry->options.configured (module, module->config, registry->options.data);
    }
}

/* What td_registry_map_all() and its like have to say. */
typedef struct {
    GPtrArray *problems;
    bool is_whole; /* no required module has failed */
} Report;

static void
report (Report *sheet, const TdModule *module, const char *reason)
{
    g_ptr_array_add (sheet->problems, g_strdup_printf ("%s%smodule %s: %s",
                                                       module->place != NULL ? module->place : "",
                                                       module->place != NULL ? ": " : "",
                                                       module->owner.name, reason));
    sheet->is_whole &= module->policy != TD_POLICY_REQUIRED;
}

static void
refuse_module (TdModule *module, const char *reason, void *data)
{
    report (data, module, reason);
    td_module_refuse (module, reason);
}

/* Maps the module of WISH, or lists one that has failed. */
static void
map_wish (TdRegistry *registry, const TdModuleWish *wish, Report *sheet)
{
    g_autoptr (GError) error = NULL;
    TdModule *module = td_registry_map (registry, wish->name, wish->path, &error);
    bool is_mapped = module != NULL;

    if (!is_mapped) {
        module = td_module_new (registry, wish->name, NULL);
    }
    module->policy = wish->policy;
    module->place = g_strdup (wish->place);
    td_registry_list (module);
    if (!is_mapped) {
        refuse_module (module, error->message, sheet);
    }
}

/* Puts the modules that can be started first, in their order, then the rest. */
static void
sort_modules (TdRegistry *registry, Report *sheet)
{
    g_autoptr (GPtrArray) found = g_ptr_array_new ();

    for (unsigned i = 0; i < registry->modules->len; i++) {
        if (td_module_phase (registry->modules->pdata[i]) == TD_MODULE_FOUND) {
            g_ptr_array_add (found, registry->modules->pdata[i]);
        }
    }
    GPtrArray *order = td_order_sort (found, refuse_module, sheet);
    for (unsigned i = 0; i < registry->modules->len; i++) {
        if (!g_ptr_array_find (order, registry->modules->pdata[i], NULL)) {
            g_ptr_array_add (order, registry->modules->pdata[i]);
        }
    }
    g_ptr_array_unref (registry->modules);
    registry->modules = order;
}

bool
td_registry_map_all (TdRegistry *registry, const TdModuleWish *wishes, unsigned n_wishes,
                     GPtrArray *problems)
{
    Report sheet = { problems, true };

    for (unsigned i = 0; i < n_wishes; i++) {
        if (wishes[i].policy != TD_POLICY_DISABLED) {
            map_wish (registry, &wishes[i], &sheet);
        }
    }
    sort_modules (registry, &sheet);
    return sheet.is_whole;
}

/* The first feature that MODULE needs and neither it nor a module in STATE provides, or NULL. */
static const char *
first_missing (TdModule *module, TdModuleState state)
{
    const TdRegistry *registry = module->registry;
    const char *const *needs = td_module_needs (module);

    for (unsigned i = 0; needs[i] != NULL; i++) {
        bool is_there = g_strv_contains (td_module_provides (module), needs[i]);
        for (unsigned j = 0; j < registry->modules->len && !is_there; j++) {
            TdModule *other = registry->modules->pdata[j];
            is_there = td_module_phase (other) == state
                       && g_strv_contains (td_module_provides (other), needs[i]);
        }
        if (!is_there) {
            return needs[i];
        }
    }
    return NULL;
}

/* What MODULE lacks, in words (transfer full), or NULL. */
static char *
explain_missing (TdModule *module, TdModuleState state)
{
    TdRegistry *registry = module->registry;
    const char *feature = first_missing (module, state);

    if (feature == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < registry->modules->len; i++) {
        TdModule *other = registry->modules->pdata[i];
        if (other->reason != NULL && g_strv_contains (td_module_provides (other), feature)) {
            return g_strdup_printf ("needs %s of module %s, which has failed: %s", feature,
                                    other->owner.name, other->reason);
        }
    }
    return g_strdup_printf ("needs %s, which no running module provides: load one first", feature);
}

bool
td_registry_check_needs (TdModule *module, GError **error)
{
    g_autofree char *missing = explain_missing (module, TD_MODULE_RUNNING);

    if (missing != NULL) {
        g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_DEPENDENCY, "module %s %s",
                     module->owner.name, missing);
        return false;
    }
    return true;
}

/* Whether another running module than MODULE, or INSTEAD, provides FEATURE. */
static bool
is_provided_without (const TdModule *module, const TdModule *instead, const char *feature)
{
    const GPtrArray *modules = module->registry->modules;

    if (instead != NULL && g_strv_contains (td_module_provides (instead), feature)) {
        return true;
    }
    for (unsigned i = 0; i < modules->len; i++) {
        const TdModule *other = modules->pdata[i];
        if (other != module && td_module_phase (other) == TD_MODULE_RUNNING
            && g_strv_contains (td_module_provides (other), feature)) {
            return true;
        }
    }
    return false;
}

bool
td_registry_check_needed (TdModule *module, const TdModule *instead, GError **error)
{
    const GPtrArray *modules = module->registry->modules;

    for (unsigned i = 0; i < modules->len; i++) {
        const TdModule *other = modules->pdata[i];
        const char *const *needs = td_module_needs (other);
        for (unsigned j = 0; td_module_phase (other) == TD_MODULE_RUNNING && needs[j] != NULL;
             j++) {
            if (strcmp (other->owner.name, module->owner.name) == 0
                || !g_strv_contains (td_module_provides (module), needs[j])
                || is_provided_without (module, instead, needs[j])) {
                continue;
            }
            g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_DEPENDENCY,
                         "module %s provides %s, which module %s needs: stop %s first",
                         module->owner.name, needs[j], other->owner.name, other->owner.name);
            return false;
        }
    }
    return true;
}

/* Brings every module that is in the state FROM on by STEP, unless what it needs is not in TO. */
static bool
advance_all (TdRegistry *registry, TdModuleState from, TdModuleState to,
             bool (*step) (TdModule *module, GError **error), GPtrArray *problems)
{
    Report sheet = { problems, true };
    g_autoptr (GPtrArray) modules = g_ptr_array_copy (registry->modules, NULL, NULL);

    for (unsigned i = 0; i < modules->len; i++) {
        TdModule *module = modules->pdata[i];
        g_autoptr (GError) error = NULL;
        if (td_module_phase (module) != from) {
            continue;
        }
        g_autofree char *missing = explain_missing (module, to);
        if (missing != NULL) {
            refuse_module (module, missing, &sheet);
        } else if (!step (module, &error)) {
            report (&sheet, module, error->message);
        }
    }
    return sheet.is_whole;
}

bool
td_registry_load_all (TdRegistry *registry, GPtrArray *problems)
{
    return advance_all (registry, TD_MODULE_FOUND, TD_MODULE_LOADED, td_module_load, problems);
}

bool
td_registry_start_all (TdRegistry *registry, GPtrArray *problems)
{
    return advance_all (registry, TD_MODULE_LOADED, TD_MODULE_RUNNING, td_module_start, problems);
}

static void stop_next (void *data);

static void
stopped_one (TdModule *module, const GError *error, void *data)
{
    td_registry_later (stop_next, data);
}

/* What is left of the time for everything. */
static uint32_t
remaining_ms (const TdRegistry *registry)
{
    int64_t left_us = registry->stop_by_us - td_clock_now_us ();

    if (registry->stop_by_us == 0) {
        return TD_DEADLINE_NONE;
    }
    return left_us > 0 ? (uint32_t) ((left_us + 999) / 1000) : 0;
}

/* Takes the last module of the order that is not over; the next one when that is. */
static void
stop_next (void *data)
{
    TdRegistry *registry = data;

    for (unsigned i = registry->modules->len; i > 0; i--) {
        TdModule *module = registry->modules->pdata[i - 1];
        switch (td_module_phase (module)) {
        case TD_MODULE_RUNNING:
            td_module_stop (module, remaining_ms (registry), true, stopped_one, registry);
            return;
        case TD_MODULE_FOUND:
        case TD_MODULE_LOADED:
        case TD_MODULE_STOPPED:
            td_module_unload (module, stopped_one, registry);
            return;
        case TD_MODULE_DRAINING:
        case TD_MODULE_CLEARING:
            if (!module->is_given_up) {
                td_module_hurry (module, remaining_ms (registry), stopped_one, registry);
                return;
            }
            break;
        default:
            break;
        }
    }
    registry->all_stopped (registry->all_stopped_data);
}

void
td_registry_stop_all (TdRegistry *registry, uint32_t deadline_ms, void (*done) (void *data),
                      void *data)
{
    registry->all_stopped = done;
    registry->all_stopped_data = data;
    registry->stop_by_us =
        deadline_ms == TD_DEADLINE_NONE ? 0 : td_clock_now_us () + deadline_ms * INT64_C (1000);
    td_registry_later (stop_next, registry);
}

void
td_registry_set_config (TdRegistry *registry, TdConfig *config)
{
    TdConfig *old = registry->config;

    registry->config = config != NULL ? td_config_ref (config) : NULL;
    for (unsigned i = 0; i < registry->modules->len; i++) {
        TdModule *module = registry->modules->pdata[i];
        if (td_registry_find (registry, module->owner.name) == module) {
            g_clear_pointer (&module->config, td_config_unref);
        } else if (module->config == NULL && old != NULL) {
            /* A build that was superseded goes on with keys the newer one may not know. */
            module->config = td_config_ref (old);
        }
    }
    g_clear_pointer (&old, td_config_unref);
}

TdConfig *
td_module_config (const TdModule *module)
{
    return module->config != NULL ? module->config : module->registry->config;
}

const char *
td_module_state_dir (TdModule *module, GError **error)
{
    if (module->state_dir != NULL) {
        return module->state_dir;
    }
    g_autofree char *folder =
        g_build_filename (module->registry->state_dir, module->owner.name, NULL);
    if (g_mkdir_with_parents (folder, 0750) < 0) {
        g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_FILE,
                     "module %s: cannot make its folder %s: %s: see to the state directory",
                     module->owner.name, folder, g_strerror (errno));
        return NULL;
    }
    module->state_dir = g_steal_pointer (&folder);
    return module->state_dir;
}
