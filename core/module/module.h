/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One generation of a module, as this room and the engine see it.
 *
 *              LOAD            START               STARTED            STOP
 *     found ---------> loaded -------> starting ------------> running -----> draining
 *       | REFUSE         | REFUSE,        | REFUSE                              |  nobody uses
 *       v                | UNLOAD         v                                     v  it: IDLE
 *     failed             +-----------> draining                              clearing
 *                                                                               |  taken back,
 *            UNLOAD, and a reason to have failed: failed                        v  quiet
 *     unloaded <------------------------------------------------------------ stopped
 *                                                              LOAD: loaded, a new life
 */

#ifndef CORE_MODULE_MODULE_H
#define CORE_MODULE_MODULE_H

#include <tandem/fsm.h>
#include <tandem/module.h>

#include "base/owner.h"
#include "module/loader.h"

typedef struct TdRegistry TdRegistry;

typedef enum {
    TD_MODULE_FOUND,    /* its file is mapped, nothing of it has run */
    TD_MODULE_LOADED,   /* it has declared what it has */
    TD_MODULE_STARTING, /* it is in start() */
    TD_MODULE_RUNNING,
    TD_MODULE_DRAINING, /* it takes no new work; what it serves comes to its end */
    TD_MODULE_CLEARING, /* nobody uses it; what it left is taken back */
    TD_MODULE_STOPPED,  /* nothing of it can run; it may be loaded again */
    TD_MODULE_UNLOADED,
    TD_MODULE_FAILED, /* unloaded, or never loaded, for a reason */
    TD_MODULE_N_STATES
} TdModuleState;

typedef enum {
    TD_MODULE_EV_LOAD,
    TD_MODULE_EV_START,
    TD_MODULE_EV_STARTED,
    TD_MODULE_EV_REFUSE,  /* data: why, a const char * */
    TD_MODULE_EV_STOP,    /* data: its deadline, a uint32_t * in milliseconds */
    TD_MODULE_EV_IDLE,    /* nobody uses it */
    TD_MODULE_EV_REVOKED, /* every lane gave back its timers and posts */
    TD_MODULE_EV_QUIET,   /* every lane had one more turn */
    TD_MODULE_EV_UNLOAD,
    TD_MODULE_N_EVENTS
} TdModuleEvent;

/* Wait for as long as it takes. */
#define TD_DEADLINE_NONE UINT32_MAX

typedef enum {
    TD_POLICY_REQUIRED, /* without it the switch does not start */
    TD_POLICY_OPTIONAL,
    TD_POLICY_DISABLED,
} TdModulePolicy;

/* Something asked of a module has come to its end; ERROR is NULL when it went well. */
typedef void (*TdModuleDone) (TdModule *module, const GError *error, void *data);

struct TdModule {
    TdOwner owner; /* first: all that the lower rooms know of a module */
    TdRegistry *registry;
    TdFsm fsm;
    TdModulePolicy policy;
    unsigned generation;
    TdImage *image; /* NULL when unmapped */
    char *summary, *version, *license, *path;
    char *place;                       /* in the configuration, nullable */
    char **provides, **needs, **wants; /* features */
    TdConfig *config;                  /* nullable: of its own, until the next reload */
    void *state;
    char *state_dir;
    char *reason;       /* why it failed, NULL when it did not */
    GPtrArray *defects; /* what it left behind, in words */

    unsigned n_holds; /* an upgrade has its eye on it: it is not freed */
    bool is_buried;   /* to be freed when nobody holds it */
    bool is_loaded;   /* load() said yes, unload() is due */
    bool is_excused;  /* calls were under way after stop(): they needed things */
    bool is_prepared; /* for the reload under way */
    bool is_shut;     /* no lane comes to it anew; those that were in it have had their turn */
    bool unload_when_stopped;
    bool is_given_up; /* its deadline passed and it is still in use */
    bool is_evicted;
    TdTimer poll;     /* looks whether it is still in use */
    TdTimer deadline; /* of draining */
    uint32_t poll_ms;
    int64_t drained_since_us;
    GArray *waiters; /* Waiter: whom the end of what is under way matters */

    GPtrArray *threads;  /* TdThread */
    GPtrArray *features; /* TdFeature it provides */
    GPtrArray *leases;   /* TdLease it holds */
};

extern const TdMachine td_module_machine;

/* A new generation of the module NAME in the state found; IMAGE (transfer full, nullable). */
TdModule *td_module_new (TdRegistry *registry, const char *name, TdImage *image);
void td_module_free (TdModule *module);

static inline TdModuleState
td_module_phase (const TdModule *module)
{
    return (TdModuleState) td_fsm_state (&module->fsm);
}

static inline bool
td_module_is_over (const TdModule *module)
{
    return td_module_phase (module) >= TD_MODULE_UNLOADED;
}

/* What the descriptor says of features. */
static inline const char *const *
td_module_provides (const TdModule *module)
{
    return (const char *const *) module->provides;
}

static inline const char *const *
td_module_needs (const TdModule *module)
{
    return (const char *const *) module->needs;
}

static inline const char *const *
td_module_wants (const TdModule *module)
{
    return (const char *const *) module->wants;
}

/* Loads a module that is found, or, unloading it first, one that is stopped; then starts. Errors:
 * what load() or start() said; the module is on its way to failed. */
bool td_module_load (TdModule *module, GError **error);
bool td_module_start (TdModule *module, GError **error);

/* Stops a running module, which ends stopped, or, with IS_UNLOAD, unloaded; DONE (nullable) tells
 * when. After DEADLINE_MS what it serves is ended. Errors, by DONE: still in use after that. */
void td_module_stop (TdModule *module, uint32_t deadline_ms, bool is_unload, TdModuleDone done,
                     void *data);

/* Gives a module that is stopping already a nearer deadline; it ends unloaded. */
void td_module_hurry (TdModule *module, uint32_t deadline_ms, TdModuleDone done, void *data);

/* Unloads a module that is found, loaded or stopped. */
void td_module_unload (TdModule *module, TdModuleDone done, void *data);

/* Refuses a module that is found or loaded: it ends failed, with REASON. */
void td_module_refuse (TdModule *module, const char *reason);

#endif
