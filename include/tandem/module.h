/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module descriptor, and a module's life.
 *
 *     file --- read as data: ELF, note, ABI, name ---> refused, with a sentence
 *      |
 *      v            load              start
 *     mapped ----------------> loaded ------> running -----> draining -----> stopped ---> unmapped
 *                (declare)            (act)          (stop)   calls end      (unload)
 *
 * All functions run on the control lane, one at a time, and are optional. One that returns false has
 * undone what it did itself; what it took from the core is taken back, and after load() unload() is
 * not called.
 *
 * A module that is stopped may be started again in the same mapping; it is unloaded and loaded first,
 * so that every life runs from load() to unload().
 *
 * What a module takes from the core (subscriptions, hooks, timers, commands, listeners ...) it takes
 * with itself as first argument. While calls under way use the module it keeps all that, and its
 * code goes on for them. When the last use has ended the core revokes what is left: what could have
 * been given back in stop(), and no call needed, is reported as the module's defect.
 *
 * A module keeps no static mutable state: two generations of it may run side by side during an
 * upgrade. Its state hangs on td_module_set_state().
 */

#ifndef TANDEM_MODULE_H
#define TANDEM_MODULE_H

#include <tandem/config.h>
#include <tandem/lane.h>

G_BEGIN_DECLS

#define TD_MODULE_MAGIC     UINT32_C (0x4d644e54) /* "TNdM" in the file */
#define TD_MODULE_SYMBOL    "td_module_descriptor"
#define TD_MODULE_NAME_SIZE 32
#define TD_MODULE_NOTE_TYPE 1

typedef enum {
    TD_UPGRADE_BESIDE,   /* new calls go to the new build, the old one ends its own */
    TD_UPGRADE_HANDOVER, /* export_state(), stop(), then import_state() in the new build */
    TD_UPGRADE_RESTART,  /* stopped, then started anew; its service is away meanwhile */
} TdUpgradeMode;

typedef enum {
    TD_MODULE_RESIDENT = 1 << 0,  /* a library of it cannot be unmapped: stays until the end */
    TD_MODULE_LINKS_GPL = 1 << 1, /* links a GPL library: the licence must say so */
} TdModuleFlags;

typedef enum {
    TD_RELOAD_PREPARE, /* check NEXT, get ready; an error keeps everything as it is */
    TD_RELOAD_COMMIT,  /* every module was ready: take it; cannot fail */
    TD_RELOAD_ABANDON, /* another module was not: forget it */
} TdReloadPhase;

/* What a module says of itself. Only appended to within a major: an old binary has a smaller
 * struct_size, and what it lacks reads as zero. */
typedef struct {
    uint32_t magic;
    uint16_t abi_major;
    uint16_t abi_minor;
    uint32_t struct_size;
    uint32_t flags;
    const char *name;    /* lower case, digits, hyphens */
    const char *summary; /* one line */
    const char *version;
    const char *license;         /* SPDX */
    const char *const *provides; /* features: "endpoint.sip" */
    const char *const *needs;    /* features it cannot run without */
    const char *const *wants;    /* features it uses where they are: only an order of start */
    const TdConfigSection *config;
    uint32_t n_config;
    TdUpgradeMode upgrade;

    /* Declares; touches nothing outside the process. */
    bool (*load) (TdModule *module, GError **error);
    /* Acts: listens, subscribes, opens files. */
    bool (*start) (TdModule *module, GError **error);
    /* Takes over a new configuration in two phases; NULL: every change needs a restart. */
    bool (*reload) (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error);
    /* Takes no new work; gives back what it can. Calls under way keep the module mapped. */
    void (*stop) (TdModule *module);
    /* Frees the state. Nothing of the module runs afterwards. */
    void (*unload) (TdModule *module);
    /* Adds what an operator wants to see in "module info" to INFO (a GVariantDict). */
    void (*describe) (TdModule *module, GVariantDict *info);
    /* TD_UPGRADE_HANDOVER: the state as bytes (transfer full), and back. */
    GBytes *(*export_state) (TdModule *module, GError **error);
    bool (*import_state) (TdModule *module, GBytes *state, GError **error);
    /* Says what no table of keys can: that a value names nothing, or contradicts another. Asked
     * before load(), before a reload, and by "tandemd --check-config", which does nothing else:
     * reads CONFIG and touches nothing. Errors: td_config_refuse(). */
    bool (*check) (const TdConfig *config, GError **error);
} TdModuleDescriptor;

/* The same numbers and the name, where they are found without mapping the file. */
typedef struct {
    uint32_t name_size, desc_size, type; /* an ELF note's head */
    char owner[8];
    uint32_t magic;
    uint16_t abi_major;
    uint16_t abi_minor;
    uint32_t struct_size;
    char name[TD_MODULE_NAME_SIZE];
} TdModuleNote;

/* Declares the one module of a program file:
 *
 *     TD_MODULE (echo, .summary = "Answers and plays back what it hears", .version = "1.0",
 *                .license = "LGPL-2.1-or-later", .start = start, .stop = stop)
 *
 * A name with a hyphen is written TD_MODULE_NAMED ("codec-g711", ...). */
#define TD_MODULE(module_name, ...) TD_MODULE_NAMED (#module_name, __VA_ARGS__)

#define TD_MODULE_NAMED(module_name, ...)                                                          \
    TD_API extern const TdModuleDescriptor td_module_descriptor;                                   \
    const TdModuleDescriptor td_module_descriptor = { .magic = TD_MODULE_MAGIC,                    \
                                                      .abi_major = TD_ABI_MAJOR,                   \
                                                      .abi_minor = TD_ABI_MINOR,                   \
                                                      .struct_size = sizeof (TdModuleDescriptor),  \
                                                      .name = module_name,                         \
                                                      __VA_ARGS__ };                               \
    extern const TdModuleNote td_module_note;                                                      \
    __attribute__ ((section (".note.tandem"), aligned (4), used))                                  \
    const TdModuleNote td_module_note = { 8,                                                       \
                                          sizeof (TdModuleNote) - offsetof (TdModuleNote, magic),  \
                                          TD_MODULE_NOTE_TYPE,                                     \
                                          "Tandem",                                                \
                                          TD_MODULE_MAGIC,                                         \
                                          TD_ABI_MAJOR,                                            \
                                          TD_ABI_MINOR,                                            \
                                          sizeof (TdModuleDescriptor),                             \
                                          module_name };

/* The module's own state, NULL until set. Thread: any; set on the control lane. */
TD_API void *td_module_state (const TdModule *module);
TD_API void td_module_set_state (TdModule *module, void *state);

TD_API const char *td_module_name (const TdModule *module);

/* 1, 2, 3 ...: which build of the same name, in the order they were loaded. Thread: any. */
TD_API unsigned td_module_generation (const TdModule *module);

/* The configuration in force (transfer none; good until the next reload). Thread: control. */
TD_API TdConfig *td_module_config (const TdModule *module);

/* The folder where the module may keep files between two lives of the process; made when it is
 * missing (transfer none). Errors: what the kernel said. Thread: control. */
TD_API const char *td_module_state_dir (TdModule *module, GError **error);

/* A use keeps the module mapped and its stop waiting: one for each call it serves, each thread it
 * started. Thread: any. */
TD_API void td_module_use (TdModule *module);
TD_API void td_module_unuse (TdModule *module);

/* Whether stop() has begun: new work is to be refused. Thread: any. */
TD_API bool td_module_is_stopping (const TdModule *module);

/* Publishes INTERFACE (transfer none; begins with its size, lives until the module stops), a table
 * of iface/, under FEATURE. Errors: FEATURE is not in the descriptor's .provides. Emits:
 * "feature.changed" once the module runs, and when it begins to stop. Thread: control. */
TD_API bool td_feature_provide (TdModule *module, const char *feature, const void *interface_table,
                                GError **error);

/* The table that the newest running module provides as FEATURE (transfer none), or NULL. MODULE
 * holds a use of its provider until td_feature_release(), which ends the oldest acquisition: whoever
 * keeps a table for long listens to "feature.changed", acquires the newer one and releases, so that
 * the provider can stop. Thread: control. */
TD_API const void *td_feature_acquire (TdModule *module, const char *feature);
TD_API void td_feature_release (TdModule *module, const char *feature);

/* An acquisition on its way over the lanes; see below. */
typedef struct {
    TdModule *module;
    char *feature;
} TdFeatureRelease;

static inline void
td_feature_release_end (void *data)
{
    TdFeatureRelease *release = (TdFeatureRelease *) data;

    td_feature_release (release->module, release->feature);
    g_free (release->feature);
    g_free (release);
}

/* td_feature_release() once no lane can be in the provider any more that was reached by a table read before
 * this call: exchange the table that lanes read for a newer one or NULL, then call this for the one
 * before. Thread: control. Blocks: never. */
static inline void
td_feature_release_swept (TdModule *module, const char *feature)
{
    TdFeatureRelease *release = g_new (TdFeatureRelease, 1);

    release->module = module;
    release->feature = g_strdup (feature);
    td_lane_sweep (module, NULL, td_feature_release_end, td_feature_release_end, release);
}

/* A thread of the module's own, for what neither lane nor worker can do. RUN must return soon
 * after td_module_is_stopping() says so; the thread holds a use until then. Thread: control. */
TD_API bool td_thread_start (TdModule *module, const char *name, void (*run) (void *data),
                             void *data, GError **error);

G_END_DECLS

#endif
