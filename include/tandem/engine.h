/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine: order of start and stop. For tandemd and for tests; a module never needs it.
 *
 * There is one engine in a process. In a test it runs on a fake clock with all lanes stepped by the
 * calling thread in a seeded order, so that every run of a seed is the same run.
 */

#ifndef TANDEM_ENGINE_H
#define TANDEM_ENGINE_H

#include <stdio.h>
#include <tandem/base.h>

G_BEGIN_DECLS

typedef struct {
    uint32_t size;                /* sizeof (TdEngineOptions) */
    const char *config_file;      /* nullable: defaults only */
    const char *const *overrides; /* "section.key=value", nullable, NULL-terminated */
    const char *const
        *module_path;      /* folders, nullable; TANDEM_MODULE_PATH or the installed one next */
    const char *state_dir; /* nullable: the files', then TANDEM_STATE_DIR */
    bool is_fake;          /* fake clock, no threads */
    uint64_t seed;         /* of the fake lanes' order */
} TdEngineOptions;

/* What a problem of the configuration reads like: "file:line:column: reason". */
typedef void (*TdProblemVisit) (const char *problem, void *data);

/* Reads the configuration with all that the modules it names declare, and reports what is wrong with
 * either; nothing of a module runs, nothing is left open. Errors: the first problem. */
TD_API bool td_engine_check (const TdEngineOptions *options, TdProblemVisit problem, void *data,
                             GError **error);

typedef enum {
    TD_ENGINE_SAMPLE, /* a configuration file of comments */
    TD_ENGINE_MANUAL, /* Markdown */
    TD_ENGINE_MAN,    /* sections of a manual page */
} TdEngineText;

/* Writes to OUT what may be configured of each of OWNERS (NULL-terminated): "core", or a module by
 * its name, which is looked for in the OPTIONS' module path. Nothing of a module runs, nothing is
 * left open. Errors: a module that cannot be mapped, or OUT takes no more. */
TD_API bool td_engine_write (const TdEngineOptions *options, TdEngineText text,
                             const char *const *owners, FILE *out, GError **error);

/* Reads the configuration and maps the modules it names. PROBLEM (nullable) is told all that is
 * wrong. Errors: the first problem; the engine is closed then. An optional module that cannot be
 * mapped is told of, but is no error. */
TD_API bool td_engine_open (const TdEngineOptions *options, TdProblemVisit problem, void *data,
                            GError **error);

/* Loads and starts the modules. PROBLEM (nullable) is told of each that failed. Errors: a required
 * one did; td_engine_close() is to follow. */
TD_API bool td_engine_start (TdProblemVisit problem, void *data, GError **error);

/* Runs the control lane until td_engine_quit(); real engines only. */
TD_API void td_engine_run (void);
TD_API void td_engine_quit (void); /* Thread: any, and in signal sources */

/* Parses, checks and prepares the configuration anew; swaps it when nothing is wrong. All modules, all
 * trunks or all of a file gone is wrong, too. The report goes to PROBLEM. Returns whether it was taken
 * over. */
TD_API bool td_engine_reload (TdProblemVisit problem, void *data);

/* Refuses new calls, waits DRAIN_MS for those that are up, ends the rest, stops and unloads the
 * modules, frees everything. */
TD_API void td_engine_close (uint32_t drain_ms);

/* The drain time that the configuration gives, in milliseconds. */
TD_API uint32_t td_engine_drain_ms (void);

/* "tandem 0.1.0 (tree ..., ABI 1.0)" (transfer none). */
TD_API const char *td_engine_version (void);

/* Writes to OUT what the module in FILE says of itself, or why it is none; nothing is mapped.
 * Returns whether this Tandem would load it. */
TD_API bool td_engine_dump_module (const char *file, FILE *out);

/* Fake engines: one piece of work on a lane of the seed's choice; false when all is quiet. */
TD_API bool td_engine_step (void);
/* Steps until all is quiet. */
TD_API void td_engine_settle (void);
/* Moves both clocks by MS milliseconds, timer by timer, settling in between. */
TD_API void td_engine_advance (uint32_t ms);

G_END_DECLS

#endif
