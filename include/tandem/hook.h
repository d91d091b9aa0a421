/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hooks: asked before something happens, and may answer; at once, later, or never.
 *
 *     call ------> hook 1 ------> hook 2 ------> hook 3 ------> the call goes on
 *                  CONTINUE       LATER . . . .  |
 *                                       token ---+ (from any thread, once)
 *
 * Hooks of one point are ordered by the names they want to come before and after, never by number.
 * One that needs time takes a token and returns TD_HOOK_LATER. The token is answered once, from
 * any thread; when the call is gone, or the hook's deadline passed, the answer is counted and
 * ignored. Each hook declares its deadline and what its silence means.
 */

#ifndef TANDEM_HOOK_H
#define TANDEM_HOOK_H

#include <tandem/lane.h>

G_BEGIN_DECLS

typedef struct TdHookPoint TdHookPoint; /* "admit", "route", "attempt", "failed": see call.h */
typedef struct TdToken TdToken;

typedef enum {
    TD_HOOK_CONTINUE,    /* the next hook is asked; after the last one, the thing happens */
    TD_HOOK_DONE,        /* the thing happens; later hooks are not asked */
    TD_HOOK_LATER,       /* a token will bring the answer */
    TD_HOOK_REFUSE,      /* it does not happen, for the cause given */
    TD_HOOK_SKIP,        /* attempt: not this target; the next one is tried */
    TD_HOOK_MORE_DIGITS, /* route: the number may go on; ask again with the next digit */
} TdHookVerdict;

/* A hook's whole answer. */
typedef struct {
    TdHookVerdict verdict;
    uint8_t cause;      /* Q.850, with TD_HOOK_REFUSE and TD_HOOK_SKIP */
    const char *reason; /* nullable static text for log and record */
    void *payload;      /* transfer full, nullable: what the point says, e.g. a TdRouteList */
} TdHookAnswer;

/* A hook, copied when it is added. */
typedef struct {
    uint32_t size;             /* sizeof (TdHook) */
    uint32_t deadline_ms;      /* of a late answer, 1 .. 120000 */
    const char *name;          /* "priority.admit" */
    const char *const *before; /* names of hooks that must come later, nullable, NULL-terminated */
    const char *const *after;  /* names of hooks that must come earlier */
    TdHookAnswer silence;      /* when the deadline passes: CONTINUE or REFUSE */
    void *data;
    /* Answers about SUBJECT (for the call's points: a TdCall). For a late answer it first takes
     * TOKEN with td_token_take() and returns TD_HOOK_LATER. Thread: the lane of SUBJECT. */
    TdHookAnswer (*ask) (void *subject, TdToken *token, void *data);
    /* Nullable. The subject ended, or the deadline passed, before td_token_answer() was called: stop
     * the work. STATE is what td_token_take() was given. When another thread than the lane's answers, it
     * may just be doing so. Thread: the lane of the subject. */
    void (*cancel) (TdToken *token, void *state, void *data);
    /* Nullable. The token was answered, and cancel() will not come any more: STATE may be freed, which
     * whoever answers from another thread can do here alone. Thread: the lane of the subject. */
    void (*forget) (void *state, void *data);
} TdHook;

/* Adds HOOK to the point called POINT. Errors: an unknown point, a name that is taken, or an order
 * that goes round in a circle. Thread: control. */
TD_API bool td_hook_add (TdModule *module, const char *point, const TdHook *hook, GError **error);

/* Turns TOKEN, which ends with ask(), into one that outlasts it. The result (transfer full) must be
 * given to td_token_answer() exactly once, also after cancel(). STATE is handed to cancel().
 * Thread: in ask(). */
TD_API TdToken *td_token_take (TdToken *token, void *state);

/* Answers (transfer full of TOKEN and of the payload). Returns nothing: whether the answer still
 * mattered is counted. Thread: any. Blocks: never. */
TD_API void td_token_answer (TdToken *token, TdHookAnswer answer);

G_END_DECLS

#endif
