/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hooks: kept in order, asked one after the other, awaited with a deadline.
 *
 * The hooks of a point stand in a chain that never changes; adding or revoking a hook makes a new
 * one. A run keeps the chain it began with, and skips hooks whose module has stopped since.
 */

#include "run/hook.h"

#include "base/owner.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <tandem/log.h>

typedef struct {
    TdOwned owned; /* first */
    TdModule *module;
    TdHookPoint *point;
    TdHook hook; /* texts and lists are our own */
    atomic_int n_refs;
} Hook;

struct HookChain {
    atomic_int n_refs;
    unsigned n;
    Hook *hooks[];
};

struct TdHookPoint {
    char *name;
    void (*payload_free) (void *payload);
    HookChain *chain; /* under the lock */
};

/* A late answer on its way. Lives until both the holder has answered and the run has let go. */
struct TdToken {
    TdOwned owned; /* first; in the hook's module's ledger while the holder has it */
    TdPost answer_post, revoke_post;
    TdHookRun *run; /* NULL: nobody waits any more; touched on LANE only */
    TdLane *lane;
    Hook *hook;
    void *state;
    TdHookAnswer answer;
    bool is_taken;
    bool has_run_ended; /* of one that is not taken yet: RUN is not to be touched any more */
    atomic_bool is_answered;
    atomic_int n_refs;
};

static struct {
    pthread_mutex_t lock;
    GHashTable *points;
    atomic_ullong n_late;
} hooks = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* --- Hooks and chains -------------------------------------------------------------------- */

static void
hook_unref (Hook *hook)
{
    if (atomic_fetch_sub (&hook->n_refs, 1) > 1) {
        return;
    }
    g_free ((char *) hook->hook.name);
    g_strfreev ((char **) hook->hook.before);
    g_strfreev ((char **) hook->hook.after);
    g_free (hook);
}

static HookChain *
chain_new (unsigned n)
{
    HookChain *chain = g_malloc0 (sizeof (HookChain) + n * sizeof (Hook *));

    atomic_init (&chain->n_refs, 1);
    return chain;
}

static void
chain_append (HookChain *chain, Hook *hook)
{
    atomic_fetch_add (&hook->n_refs, 1);
    chain->hooks[chain->n++] = hook;
}

static void
chain_unref (HookChain *chain)
{
    if (atomic_fetch_sub (&chain->n_refs, 1) > 1) {
        return;
    }
    for (unsigned i = 0; i < chain->n; i++) {
        hook_unref (chain->hooks[i]);
    }
    g_free (chain);
}

static HookChain *
chain_of (TdHookPoint *point)
{
    pthread_mutex_lock (&hooks.lock);
    HookChain *chain = point->chain;
    atomic_fetch_add (&chain->n_refs, 1);
    pthread_mutex_unlock (&hooks.lock);
    return chain;
}

static bool
is_listed (const char *const *names, const char *name)
{
    return names != NULL && g_strv_contains (names, name);
}

/* Whether A must come before B, by the wish of either. */
static bool
must_precede (const Hook *a, const Hook *b)
{
    return is_listed (a->hook.before, b->hook.name) || is_listed (b->hook.after, a->hook.name);
}

/* The first of the N hooks not yet placed that none of the others must precede; -1: a circle. */
static int
find_next (Hook *const *candidates, const bool *is_placed, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        bool is_free = !is_placed[i];
        for (unsigned j = 0; is_free && j < n; j++) {
            is_free = is_placed[j] || j == i || !must_precede (candidates[j], candidates[i]);
        }
        if (is_free) {
            return (int) i;
        }
    }
    return -1;
}

/* A chain of CANDIDATES in an order that pleases all, earlier added first where nobody cares; NULL
 * when their wishes go round in a circle. */
static HookChain *
sort_chain (Hook *const *candidates, unsigned n)
{
    g_autofree bool *is_placed = g_new0 (bool, n + 1);
    HookChain *chain = chain_new (n);

    while (chain->n < n) {
        int next = find_next (candidates, is_placed, n);
        if (next < 0) {
            chain_unref (chain);
            return NULL;
        }
        is_placed[next] = true;
        chain_append (chain, candidates[next]);
    }
    return chain;
}

static void
swap_chain (TdHookPoint *point, HookChain *chain)
{
    pthread_mutex_lock (&hooks.lock);
    HookChain *old = point->chain;
    point->chain = chain;
    pthread_mutex_unlock (&hooks.lock);
    chain_unref (old);
}

static void
revoke_hook (TdOwned *owned)
{
    Hook *hook = (Hook *) owned;
    HookChain *old = chain_of (hook->point);
    HookChain *chain = chain_new (old->n);

    for (unsigned i = 0; i < old->n; i++) {
        if (old->hooks[i] != hook) {
            chain_append (chain, old->hooks[i]);
        }
    }
    chain_unref (old);
    swap_chain (hook->point, chain);
    hook_unref (hook);
}

static Hook *
hook_new (TdModule *module, TdHookPoint *point, const TdHook *decl)
{
    Hook *hook = g_new0 (Hook, 1);

    memcpy (&hook->hook, decl, MIN (decl->size, sizeof (TdHook)));
    hook->hook.name = g_strdup (decl->name);
    hook->hook.before = (const char *const *) g_strdupv ((char **) decl->before);
    hook->hook.after = (const char *const *) g_strdupv ((char **) decl->after);
    hook->module = module;
    hook->point = point;
    hook->owned = (TdOwned){ .kind = "hook",
                             .name = hook->hook.name,
                             .revoke = revoke_hook,
                             .is_lease = true,
                             .is_door = true };
    atomic_init (&hook->n_refs, 1);
    return hook;
}

/* Whether a hook of NAME from the same generation stands in CHAIN. */
static bool
has_name (const HookChain *chain, const TdModule *module, const char *name)
{
    for (unsigned i = 0; i < chain->n; i++) {
        if (chain->hooks[i]->module == module && strcmp (chain->hooks[i]->hook.name, name) == 0) {
            return true;
        }
    }
    return false;
}

bool
td_hook_add (TdModule *module, const char *point_name, const TdHook *decl, GError **error)
{
    TdHookPoint *point = g_hash_table_lookup (hooks.points, point_name);

    if (point == NULL) {
        g_set_error (
            error, TD_ERROR, TD_ERROR_NOT_FOUND,
            "hook %s: there is no hook point \"%s\"; the points are admit, route, attempt, failed",
            decl->name, point_name);
        return false;
    }
    HookChain *old = chain_of (point);
    if (has_name (old, module, decl->name)) {
        chain_unref (old);
        g_set_error (error, TD_ERROR, TD_ERROR_EXISTS, "hook %s: added to \"%s\" already",
                     decl->name, point_name);
        return false;
    }
    Hook *hook = hook_new (module, point, decl);
    g_autofree Hook **candidates = g_new0 (Hook *, old->n + 1);
    memcpy (candidates, old->hooks, old->n * sizeof (Hook *));
    candidates[old->n] = hook;
    HookChain *chain = sort_chain (candidates, old->n + 1);
    chain_unref (old);
    if (chain == NULL) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "hook %s: what it wants to come before and after goes round in a circle with "
                     "the other hooks of \"%s\"",
                     decl->name, point_name);
        hook_unref (hook);
        return false;
    }
    td_owner_add (td_owner_of (module), &hook->owned);
    swap_chain (point, chain);
    return true;
}

/* --- Tokens ------------------------------------------------------------------------------ */

static void
token_unref (TdToken *token)
{
    if (atomic_fetch_sub (&token->n_refs, 1) > 1) {
        return;
    }
    td_owner_unuse (td_owner_of (token->hook->module));
    hook_unref (token->hook);
    g_free (token);
}

static void
free_payload (const Hook *hook, const TdHookAnswer *answer)
{
    if (answer->payload != NULL && hook->point->payload_free != NULL) {
        hook->point->payload_free (answer->payload);
    }
}

static void resume (TdHookRun *run, const TdHookAnswer *answer);

/* RUN waits for TOKEN no more. */
static void
let_go (TdHookRun *run)
{
    TdToken *token = g_steal_pointer (&run->pending);

    td_timer_stop (&run->deadline);
    token->run = NULL;
    token_unref (token);
}

/* The answer is here: whoever gave it has done with TOKEN, and nobody will be told to cancel it. */
static void
forget_state (const TdToken *token)
{
    const TdHook *hook = &token->hook->hook;

    if (hook->forget != NULL && !td_owner_is_stopped (token->hook->module)) {
        hook->forget (token->state, hook->data);
    }
}

static void
run_answer (TdPost *post)
{
    TdToken *token = (TdToken *) ((char *) post - offsetof (TdToken, answer_post));
    TdHookRun *run = token->run;

    if (run != NULL) {
        let_go (run);
    }
    forget_state (token);
    if (run == NULL) {
        atomic_fetch_add (&hooks.n_late, 1);
        free_payload (token->hook, &token->answer);
    } else {
        resume (run, &token->answer);
    }
    token_unref (token);
}

/* The module has stopped and left the token behind: what its silence means is the answer. */
static void
run_revoke (TdPost *post)
{
    TdToken *token = (TdToken *) ((char *) post - offsetof (TdToken, revoke_post));
    TdHookRun *run = token->run;

    if (run != NULL) {
        TdHookAnswer silence = token->hook->hook.silence;
        let_go (run);
        resume (run, &silence);
    }
    if (!atomic_exchange (&token->is_answered, true)) {
        token_unref (token); /* the holder's: it is gone without having answered */
    }
    token_unref (token);
}

static void
revoke_token (TdOwned *owned)
{
    TdToken *token = (TdToken *) owned;

    atomic_fetch_add (&token->n_refs, 1);
    td_lane_post (token->lane, &token->revoke_post);
}

TdToken *
td_token_take (TdToken *proto, void *state)
{
    g_return_val_if_fail (!proto->is_taken, NULL);

    TdToken *token = g_new0 (TdToken, 1);
    proto->is_taken = true;
    if (!proto->has_run_ended) {
        token->run = proto->run;
        token->run->pending = token;
    }
    token->lane = td_lane_current ();
    token->hook = proto->hook;
    token->state = state;
    token->answer_post = (TdPost){ .run = run_answer, .drop = run_answer };
    token->revoke_post = (TdPost){ .run = run_revoke, .drop = run_revoke };
    token->owned =
        (TdOwned){ .kind = "token", .name = token->hook->hook.name, .revoke = revoke_token };
    atomic_init (&token->n_refs, token->run != NULL ? 2 : 1); /* the run's, the holder's */
    atomic_fetch_add (&token->hook->n_refs, 1);
    td_owner_use (td_owner_of (token->hook->module));
    td_owner_add (td_owner_of (token->hook->module), &token->owned);
    return token;
}

void
td_token_answer (TdToken *token, TdHookAnswer answer)
{
    g_return_if_fail (answer.verdict != TD_HOOK_LATER);
    if (atomic_exchange (&token->is_answered, true)) {
        g_return_if_reached ();
    }
    td_owner_remove (&token->owned);
    token->answer = answer;
    td_lane_post (token->lane, &token->answer_post);
}

/* --- Runs -------------------------------------------------------------------------------- */

static void
settle (TdHookRun *run, const TdHookAnswer *answer, const char *hook_name)
{
    HookChain *chain = g_steal_pointer (&run->chain);

    /* The name lives in the chain, the run perhaps not beyond the call. */
    run->settled (run, answer, hook_name);
    chain_unref (chain);
}

/* Whether the holder is to be told that nobody waits: not when its answer is under way already, and it may
 * have freed the state it would be given. Another thread may answer right after this look: it leaves the state
 * to forget (). */
static bool
may_cancel (const TdToken *token)
{
    return token->hook->hook.cancel != NULL && !td_owner_is_stopped (token->hook->module)
           && !atomic_load (&token->is_answered);
}

static void
expire (TdTimer *timer)
{
    TdHookRun *run = (TdHookRun *) ((char *) timer - offsetof (TdHookRun, deadline));
    TdToken *token = g_steal_pointer (&run->pending);
    const Hook *hook = token->hook;
    TdHookAnswer silence = hook->hook.silence;
    bool has_ended = false;

    td_log_peer (hook->module, "hook.deadline", hook->hook.name, NULL, "no answer within %u ms: %s",
                 hook->hook.deadline_ms,
                 silence.verdict == TD_HOOK_REFUSE ? "refused" : "going on without it");
    token->run = NULL;
    if (may_cancel (token)) {
        run->has_ended = &has_ended;
        hook->hook.cancel (token, token->state, hook->hook.data);
    }
    token_unref (token);
    if (!has_ended) {
        run->has_ended = NULL;
        resume (run, &silence);
    }
}

/* Asks HOOK, the one the run has come to. False: the hook has ended the subject, and perhaps freed
 * the run with it. */
static bool
ask (TdHookRun *run, Hook *hook, TdHookAnswer *ret_answer)
{
    TdToken proto = { .run = run, .hook = hook };

    run->has_ended = &proto.has_run_ended;
    TdHookAnswer answer = hook->hook.ask (run->subject, &proto, hook->hook.data);
    if (proto.has_run_ended) {
        free_payload (hook, &answer);
        return false;
    }
    run->has_ended = NULL;
    if ((answer.verdict == TD_HOOK_LATER) != proto.is_taken) {
        td_log_error (hook->module, hook->hook.name,
                      "the hook %s: its answer is what its silence means",
                      proto.is_taken ? "took a token and answered at once"
                                     : "wants to answer later, but took no token");
        if (proto.is_taken) {
            let_go (run);
        }
        free_payload (hook, &answer);
        answer = hook->hook.silence;
    }
    *ret_answer = answer;
    return true;
}

/* Whether a newer build has brought the same hook: names go over to the newest, and the older one may
 * drain for as long as its last call lasts. */
static bool
is_superseded (const HookChain *chain, const Hook *hook)
{
    bool is_superseded = false;

    if (!atomic_load_explicit (&td_owner_of (hook->module)->is_stopping, memory_order_acquire)) {
        return false;
    }
    for (unsigned i = 0; i < chain->n && !is_superseded; i++) {
        const Hook *other = chain->hooks[i];
        is_superseded =
            other->module != hook->module && strcmp (other->hook.name, hook->hook.name) == 0
            && strcmp (td_owner_of (other->module)->name, td_owner_of (hook->module)->name) == 0
            && !atomic_load (&td_owner_of (other->module)->is_stopping);
    }
    return is_superseded;
}

/* Asks on from the run's index until a hook decides or wants time. CHAIN outlasts the run. */
static void
ask_on (TdHookRun *run, const HookChain *chain)
{
    while (run->index < chain->n) {
        Hook *hook = chain->hooks[run->index++];
        TdHookAnswer answer;
        if (td_owner_is_stopped (hook->module) || is_superseded (chain, hook)) {
            continue;
        }
        if (!ask (run, hook, &answer)) {
            return;
        }
        if (answer.verdict == TD_HOOK_LATER) {
            td_timer_init (&run->deadline, NULL, expire);
            td_timer_start (&run->deadline, hook->hook.deadline_ms);
            return;
        }
        if (answer.verdict != TD_HOOK_CONTINUE) {
            settle (run, &answer, hook->hook.name);
            return;
        }
    }
    settle (run, &(TdHookAnswer){ .verdict = TD_HOOK_CONTINUE }, NULL);
}

static void
go_on (TdHookRun *run)
{
    HookChain *chain = run->chain;

    atomic_fetch_add (&chain->n_refs, 1);
    ask_on (run, chain);
    chain_unref (chain);
}

/* Goes on after a late answer. */
static void
resume (TdHookRun *run, const TdHookAnswer *answer)
{
    if (answer->verdict == TD_HOOK_CONTINUE) {
        go_on (run);
    } else {
        settle (run, answer, run->chain->hooks[run->index - 1]->hook.name);
    }
}

void
td_hook_run_start (TdHookRun *run, const char *point_name)
{
    TdHookPoint *point = g_hash_table_lookup (hooks.points, point_name);

    g_return_if_fail (point != NULL);
    g_return_if_fail (run->chain == NULL);
    run->chain = chain_of (point);
    run->index = 0;
    go_on (run);
}

void
td_hook_run_cancel (TdHookRun *run)
{
    TdToken *token = run->pending;

    if (run->has_ended != NULL) {
        *run->has_ended = true;
        run->has_ended = NULL;
    }
    if (token != NULL) {
        const Hook *hook = token->hook;
        td_timer_stop (&run->deadline);
        run->pending = NULL;
        token->run = NULL;
        if (may_cancel (token)) {
            hook->hook.cancel (token, token->state, hook->hook.data);
        }
        token_unref (token);
    }
    g_clear_pointer (&run->chain, chain_unref);
}

bool
td_hook_run_is_active (const TdHookRun *run)
{
    return run->chain != NULL;
}

uint64_t
td_hook_late_answers (void)
{
    return atomic_load (&hooks.n_late);
}

/* --- Points ------------------------------------------------------------------------------ */

void
td_hook_point_declare (const char *name, void (*payload_free) (void *payload))
{
    TdHookPoint *point = g_new0 (TdHookPoint, 1);

    point->name = g_strdup (name);
    point->payload_free = payload_free;
    point->chain = chain_new (0);
    g_hash_table_insert (hooks.points, point->name, point);
}

static void
point_free (void *data)
{
    TdHookPoint *point = data;

    chain_unref (point->chain);
    g_free (point->name);
    g_free (point);
}

void
td_hooks_each (void (*visit) (const char *point, const char *hook, const char *owner, void *data),
               void *data)
{
    g_autoptr (GList) names =
        g_list_sort (g_hash_table_get_keys (hooks.points), (GCompareFunc) strcmp);

    for (GList *name = names; name != NULL; name = name->next) {
        HookChain *chain = chain_of (g_hash_table_lookup (hooks.points, name->data));
        for (unsigned i = 0; i < chain->n; i++) {
            visit (name->data, chain->hooks[i]->hook.name,
                   td_owner_of (chain->hooks[i]->module)->name, data);
        }
        chain_unref (chain);
    }
}

void
td_hooks_open (void)
{
    hooks.points = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, point_free);
    atomic_store (&hooks.n_late, 0);
}

void
td_hooks_close (void)
{
    g_clear_pointer (&hooks.points, g_hash_table_unref);
}
