/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The registry: which modules there are, in which order they start, what an operator asks of them.
 *
 *     engine: td_registry_open -> map_all -> (configuration) -> load_all -> start_all
 *                                                                             |
 *     operator: load, stop, unload, upgrade; each begins in a turn of its own |
 *                                                                             v
 *     engine: td_registry_stop_all -> td_registry_close
 *
 * Everything here runs on the control lane.
 */

#ifndef CORE_MODULE_REGISTRY_H
#define CORE_MODULE_REGISTRY_H

#include "module/module.h"

typedef struct {
    const char *const *module_path; /* folders with NAME.so or NAME/NAME.so, NULL-terminated */
    const char *state_dir;          /* made when it is missing */
    /* Nullable: a configuration (transfer full) in which the sections of MODULE, mapped but not
     * loaded, are checked; NULL with ERROR when they are wrong. Asked when a module comes while
     * the switch runs. */
    TdConfig *(*configure) (TdModule *module, void *data, GError **error);
    /* Nullable: MODULE runs with what configure() made: from now on it is everybody's. */
    void (*configured) (TdModule *module, TdConfig *config, void *data);
    /* Nullable: ends the calls that MODULE serves; its deadline has passed. */
    void (*evict) (TdModule *module, void *data);
    void *data;
} TdRegistryOptions;

/* What the configuration says of one module. */
typedef struct {
    const char *name;
    TdModulePolicy policy;
    const char *path;  /* nullable: looked for in the module path */
    const char *place; /* nullable: where the configuration says so, put before problems */
} TdModuleWish;

TdRegistry *td_registry_open (const TdRegistryOptions *options);

/* Declares the operator's verbs about modules. */
void td_registry_add_commands (TdRegistry *registry);

/* Frees everything. A module that is still in use stays mapped. */
void td_registry_close (TdRegistry *registry);

/* Maps the modules of WISHES but for the disabled, and puts them into an order of start. PROBLEMS
 * (char *, its own free function) gets one sentence for each that failed. Returns whether every
 * required one is there. */
bool td_registry_map_all (TdRegistry *registry, const TdModuleWish *wishes, unsigned n_wishes,
                          GPtrArray *problems);

/* Loads, starts all modules that have not failed, each after those it needs. As above. */
bool td_registry_load_all (TdRegistry *registry, GPtrArray *problems);
bool td_registry_start_all (TdRegistry *registry, GPtrArray *problems);

/* Stops and unloads all modules, each before those it needs; DONE tells when. After DEADLINE_MS
 * what they serve is ended. */
void td_registry_stop_all (TdRegistry *registry, uint32_t deadline_ms, void (*done) (void *data),
                           void *data);

/* Every generation that is not gone, in the order of start. */
void td_registry_each (TdRegistry *registry, void (*visit) (TdModule *module, void *data),
                       void *data);

/* The newest generation of NAME, running or not, or NULL. */
TdModule *td_registry_find (TdRegistry *registry, const char *name);

/* What "module info" and "module list" say of MODULE (transfer floating). */
GVariant *td_registry_info (TdModule *module);

/* What an operator asks. The answer comes by DONE (nullable), never before these return: nothing
 * of a module is called from within a module. MODULE is NULL there when there is none. */

/* Starts a module that is stopped, or maps (PATH, nullable), loads and starts one that is not
 * there. */
void td_registry_load (TdRegistry *registry, const char *name, const char *path, TdModuleDone done,
                       void *data);
/* Drains and stops; it stays mapped and can be started again. DEADLINE_MS 0: at once;
 * TD_DEADLINE_NONE: when its last call has ended. */
void td_registry_stop (TdRegistry *registry, const char *name, uint32_t deadline_ms,
                       TdModuleDone done, void *data);
/* Stops where it must, then unmaps. */
void td_registry_unload (TdRegistry *registry, const char *name, uint32_t deadline_ms,
                         TdModuleDone done, void *data);
/* Puts the build in PATH (nullable: the module path) in the place of the running one, as the new
 * build's descriptor says. A refused build leaves the old one as it is. DONE is called when the
 * new build runs; the old one may go on with its calls. DEADLINE_MS is the old build's, where the
 * new one has to wait for it. */
void td_registry_upgrade (TdRegistry *registry, const char *name, const char *path,
                          uint32_t deadline_ms, TdModuleDone done, void *data);

/* The configuration that td_module_config() gives (transfer none, nullable). */
void td_registry_set_config (TdRegistry *registry, TdConfig *config);

/* Adds to TEXTS what modules have against CONFIG that their tables do not say. */
void td_registry_check (TdRegistry *registry, const TdConfig *config, GPtrArray *texts);

/* The two phases of a reload. PROBLEMS as above; when one module refuses, those that were ready
 * are told to forget it. */
bool td_registry_prepare (TdRegistry *registry, TdConfig *next, GPtrArray *problems);
void td_registry_commit (TdRegistry *registry, TdConfig *next);
void td_registry_abandon (TdRegistry *registry, TdConfig *next);

/* For the other files of this room. */

/* A module that is not listed yet: found, checked, mapped and configured. NAME's file, where PATH
 * is NULL, is looked for. */
TdModule *td_registry_map (TdRegistry *registry, const char *name, const char *path,
                           GError **error);
bool td_registry_configure (TdModule *module, GError **error);
void td_registry_configured (TdModule *module);

/* In the order of start (transfer none). */
GPtrArray *td_registry_modules (TdRegistry *registry);

/* Lists MODULE as the newest of its name; those of the name that are over go. */
void td_registry_list (TdModule *module);

/* Whether every feature MODULE needs is provided by a running module. */
bool td_registry_check_needs (TdModule *module, GError **error);

/* Whether no running module needs what MODULE provides, now that INSTEAD (nullable) provides it. */
bool td_registry_check_needed (TdModule *module, const TdModule *instead, GError **error);

unsigned td_registry_next_generation (TdRegistry *registry, const char *name);

/* MODULE has changed its state. */
void td_registry_tell (TdModule *module);
void td_registry_evict (TdModule *module);

/* MODULE is not freed until it is let go of as often. */
void td_registry_hold (TdModule *module);
void td_registry_let_go (TdModule *module);

/* MODULE is over: it stays listed unless there is another generation of its name. */
void td_registry_bury (TdModule *module);

/* Runs FUNCTION in a turn of its own, where no module's code is under way. */
void td_registry_later (void (*function) (void *data), void *data);

/* What is provided as FEATURE, oldest first. */
void td_registry_publish (TdRegistry *registry, const char *feature, void *provided);
void td_registry_withdraw (TdRegistry *registry, const char *feature, void *provided);
GPtrArray *td_registry_features (TdRegistry *registry, const char *feature);

#endif
