/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hook points, and one subject's way through the hooks of a point. */

#ifndef CORE_RUN_HOOK_H
#define CORE_RUN_HOOK_H

#include <tandem/hook.h>

typedef struct HookChain HookChain;
typedef struct TdHookRun TdHookRun;

/* One question under way. Embed it in the subject; zeros are a run at rest. */
struct TdHookRun {
    /* The answer, with the payload in full: CONTINUE when no hook decided, never LATER. */
    void (*settled) (TdHookRun *run, const TdHookAnswer *answer, const char *hook_name);
    void *subject;
    HookChain *chain; /* private from here */
    unsigned index;
    TdToken *pending;
    TdTimer deadline;
    bool *has_ended; /* told to whoever is in a hook's function for the run, which may end it */
};

void td_hooks_open (void);
void td_hooks_close (void);

/* Makes a point known. PAYLOAD_FREE (nullable) frees a payload that comes too late.
 * Thread: control. */
void td_hook_point_declare (const char *name, void (*payload_free) (void *payload));

/* Asks the hooks of POINT about RUN's subject. SETTLED is called once, maybe before this returns,
 * unless the run is cancelled. RUN must be at rest. Thread: the lane of the subject. */
void td_hook_run_start (TdHookRun *run, const char *point);

/* Puts RUN to rest without an answer; the hook that is being waited for is told. Thread: the lane
 * of the subject. */
void td_hook_run_cancel (TdHookRun *run);

bool td_hook_run_is_active (const TdHookRun *run);

/* How many answers came when nobody waited for them any more. Thread: any. */
uint64_t td_hook_late_answers (void);

/* Calls VISIT with each hook, by point and in order. Thread: control. */
void td_hooks_each (void (*visit) (const char *point, const char *hook, const char *owner,
                                   void *data),
                    void *data);

#endif
