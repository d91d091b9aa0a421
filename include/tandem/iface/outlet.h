/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Outlets: the one or two places where a module keeps records (iface/record.h), and their life.
 *
 *     start    td_outlets_open () --> open () each --> td_outlets_begin ()    spools, the last step
 *     reload   td_outlets_reload ():  read (), probe () each --> configure () each, on its worker
 *     stop     td_outlets_end ()
 *
 * The section of the module has the keys path, priority-path, priority-records and spool; with
 * priority-records = include there is one outlet. Thread, of all functions: control.
 */

#ifndef TANDEM_IFACE_OUTLET_H
#define TANDEM_IFACE_OUTLET_H

#include <tandem/iface/record.h>
#include <tandem/module.h>

#include <string.h>

G_BEGIN_DECLS

enum { TD_N_OUTLETS = 2 };

typedef struct TdOutlet TdOutlet;

/* What the module does itself. Settings are its own struct. */
typedef struct {
    const char *section; /* "cdr-file" */
    const char *noun;    /* "file": what a place is, for an operator */
    uint32_t retry_ms;   /* as in TdSpoolDecl, like those at the end */
    /* What a place is called in td_module_state_dir () where CONFIG names none. */
    const char *(*name) (const TdConfig *config, bool is_priority);
    /* What CONFIG says (transfer full) of the place at PATH (transfer full). */
    void *(*read) (const TdConfig *config, char *path, bool is_priority);
    /* Opens the place of OUTLET as SETTINGS (transfer full) say, for the worker to use. */
    bool (*open) (TdOutlet *outlet, void *settings, GError **error);
    /* Whether SETTINGS (transfer none) could be gone over to. Meanwhile the worker has the place. */
    bool (*probe) (const TdOutlet *outlet, const void *settings, GError **error);
    GDestroyNotify drop_settings;
    /* Their data is the outlet's place. */
    bool (*take) (const TdFact *const *facts, unsigned n_facts, uint32_t *ret_again_ms, void *data,
                  GError **error);
    void (*end) (void *data);
    void (*configure) (void *settings, void *data);
} TdOutletDecl;

struct TdOutlet {
    const TdOutletDecl *decl;
    TdModule *module;
    void *place;      /* the module's own; the worker's from td_outlets_begin () to end () */
    bool is_priority; /* the one for who may see calls with a priority */
    TdSpool *spool;   /* NULL: not in use */
    void *prepared;   /* settings of a reload that is not committed yet */
};

/* Makes of OUTLETS those of MODULE, for load (). PLACE is the first of two, SIZE bytes each. */
static inline void
td_outlets_init (TdOutlet *outlets, const TdOutletDecl *decl, TdModule *module, void *place,
                 size_t size)
{
    for (unsigned i = 0; i < TD_N_OUTLETS; i++) {
        memset (&outlets[i], 0, sizeof outlets[i]);
        outlets[i].decl = decl;
        outlets[i].module = module;
        outlets[i].place = (char *) place + i * size;
        outlets[i].is_priority = i > 0;
    }
}

/* Where the outlet OUTLET is by CONFIG (transfer full), or NULL. Errors: the state-dir's. */
static inline char *
td_outlet_path (const TdOutlet *outlet, const TdConfig *config, GError **error)
{
    const TdOutletDecl *decl = outlet->decl;
    const char *key = outlet->is_priority ? "priority-path" : "path";

    if (td_config_is_set (config, decl->section, NULL, key)) {
        return g_strdup (td_config_text (config, decl->section, NULL, key));
    }
    const char *folder = td_module_state_dir (outlet->module, error);
    return folder != NULL
               ? g_build_filename (folder, decl->name (config, outlet->is_priority), NULL)
               : NULL;
}

/* How many outlets CONFIG wants. Errors (0): the state-dir's; two places that are one. */
static inline unsigned
td_outlets_count (const TdOutlet *outlets, const TdConfig *config, GError **error)
{
    const TdOutletDecl *decl = outlets[0].decl;

    if (td_config_number (config, decl->section, NULL, "priority-records") == 0) {
        return 1;
    }
    char *path = td_outlet_path (&outlets[0], config, error);
    char *other = path != NULL ? td_outlet_path (&outlets[1], config, error) : NULL;
    bool is_one = other != NULL && g_str_equal (path, other);
    unsigned n_outlets = other != NULL && !is_one ? TD_N_OUTLETS : 0;
    if (is_one) {
        g_set_error (error, TD_ERROR, TD_ERROR_REFUSED,
                     "[%s] path and priority-path are both %s: what is withheld needs a %s of its "
                     "own",
                     decl->section, path, decl->noun);
    }
    g_free (other);
    g_free (path);
    return n_outlets;
}

/* What CONFIG says of OUTLET (transfer full), or NULL. Errors: the state-dir's. */
static inline void *
td_outlet_read (const TdOutlet *outlet, const TdConfig *config, GError **error)
{
    char *path = td_outlet_path (outlet, config, error);

    return path != NULL ? outlet->decl->read (config, path, outlet->is_priority) : NULL;
}

/* Opens the places that CONFIG wants. Returns how many. Errors (0): as td_outlets_count (), and those of
 * open (). */
static inline unsigned
td_outlets_open (TdOutlet *outlets, const TdConfig *config, GError **error)
{
    unsigned n_outlets = td_outlets_count (outlets, config, error);

    for (unsigned i = 0; i < n_outlets; i++) {
        void *settings = td_outlet_read (&outlets[i], config, error);
        if (settings == NULL || !outlets[i].decl->open (&outlets[i], settings, error)) {
            return 0;
        }
    }
    return n_outlets;
}

/* Hands the first N_OUTLETS to their spools: the last step of start (), since it cannot fail. */
static inline void
td_outlets_begin (TdOutlet *outlets, unsigned n_outlets, const TdConfig *config)
{
    static const char *const topics[] = { TD_RECORD_BEGINS, TD_RECORD_CONNECTS, TD_RECORD_RISES,
                                          TD_RECORD_ENDS, NULL };

    for (unsigned i = 0; i < n_outlets; i++) {
        TdOutlet *outlet = &outlets[i];
        const TdOutletDecl *decl = outlet->decl;
        TdSpoolDecl spool;
        memset (&spool, 0, sizeof spool);
        spool.size = sizeof spool;
        spool.retry_ms = decl->retry_ms;
        spool.capacity_bytes = (uint64_t) td_config_number (config, decl->section, NULL, "spool");
        spool.name = outlet->is_priority ? "priority-records" : "records";
        spool.journal = td_module_state_dir (outlet->module, NULL);
        spool.begins = TD_RECORD_BEGINS;
        spool.ends = TD_RECORD_ENDS;
        spool.finish = td_record_finish;
        spool.take = decl->take;
        spool.end = decl->end;
        spool.configure = decl->configure;
        spool.drop_settings = decl->drop_settings;
        spool.data = outlet->place;
        outlet->spool = td_spool_open (outlet->module, topics, &spool);
    }
}

static inline void
td_outlet_abandon (TdOutlet *outlet)
{
    outlet->decl->drop_settings (g_steal_pointer (&outlet->prepared));
}

static inline bool
td_outlet_prepare (TdOutlet *outlet, const TdConfig *next, GError **error)
{
    outlet->prepared = td_outlet_read (outlet, next, error);
    if (outlet->prepared == NULL) {
        return false;
    }
    if (!outlet->decl->probe (outlet, outlet->prepared, error)) {
        td_outlet_abandon (outlet);
        return false;
    }
    return true;
}

/* For reload (): PHASE of going over to NEXT. Errors: those of td_outlets_open (), and of probe (). */
static inline bool
td_outlets_reload (TdOutlet *outlets, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    bool is_good = phase != TD_RELOAD_PREPARE || td_outlets_count (outlets, next, error) > 0;

    for (unsigned i = 0; is_good && i < TD_N_OUTLETS; i++) {
        TdOutlet *outlet = &outlets[i];
        if (outlet->spool == NULL) {
            continue;
        }
        if (phase == TD_RELOAD_PREPARE) {
            is_good = td_outlet_prepare (outlet, next, error);
        } else if (phase == TD_RELOAD_COMMIT) {
            td_spool_configure (outlet->spool, g_steal_pointer (&outlet->prepared));
        } else {
            td_outlet_abandon (outlet);
        }
    }
    return is_good;
}

/* For stop (). */
static inline void
td_outlets_end (TdOutlet *outlets)
{
    for (unsigned i = 0; i < TD_N_OUTLETS; i++) {
        td_spool_close (g_steal_pointer (&outlets[i].spool));
    }
}

G_END_DECLS

#endif
