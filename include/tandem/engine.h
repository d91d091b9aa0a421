/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine: order of start and stop. For tandemd and for tests; a module never needs it.
 *
 * There is one engine in a process. In a test it runs on a fake clock with all lanes stepped by the
 * calling thread in a seeded order, so that every run of a seed is the same run.
 */

#ifndef TANDEM_ENGINE_H
#define TANDEM_ENGINE_H

#include <tandem/base.h>

G_BEGIN_DECLS

typedef struct {
    uint32_t size;                  /* sizeof (TdEngineOptions) */
    const char *config_file;        /* nullable: defaults only */
    const char *const *overrides;   /* "section.key=value", nullable, NULL-terminated */
    const char *const *module_path; /* folders, nullable: the installed one */
    const char *state_dir;          /* nullable: from the configuration */
    bool is_fake;                   /* fake clock, no threads */
    uint64_t seed;                  /* of the fake lanes' order */
} TdEngineOptions;

/* What a problem of the configuration reads like: "file:line:column: reason". */
typedef void (*TdProblemVisit) (const char *problem, void *data);

/* Reads the configuration, loads the modules it names. PROBLEM (nullable) is told all that is
 * wrong; RET_IS_CONFIG_ERROR (nullable) says whether it was the configuration. Errors: the first
 * problem, or that there are several. */
TD_API bool td_engine_open (const TdEngineOptions *options, TdProblemVisit problem, void *data,
                            GError **error);

/* Starts the modules. Errors: a required module failed; all are stopped again. */
TD_API bool td_engine_start (GError **error);

/* Runs the control lane until td_engine_quit(); real engines only. */
TD_API void td_engine_run (void);
TD_API void td_engine_quit (void); /* Thread: any, and in signal sources */

/* Parses, checks and prepares the configuration anew; swaps it when nothing is wrong. The report
 * goes to PROBLEM. Returns whether it was taken over. */
TD_API bool td_engine_reload (TdProblemVisit problem, void *data);

/* Refuses new calls, waits DRAIN_MS for those that are up, ends the rest, stops and unloads the
 * modules, frees everything. */
TD_API void td_engine_close (uint32_t drain_ms);

/* Fake engines: one piece of work on a lane of the seed's choice; false when all is quiet. */
TD_API bool td_engine_step (void);
/* Steps until all is quiet. */
TD_API void td_engine_settle (void);
/* Moves both clocks by MS milliseconds, timer by timer, settling in between. */
TD_API void td_engine_advance (uint32_t ms);

G_END_DECLS

#endif
