/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Media providers, terminations, and requests that are answered once, late, or not in time. */

#include "call/media.h"

#include "base/owner.h"
#include "run/clock.h"
#include "run/step.h"

#include <string.h>

struct TdProviderEntry {
    TdMediaProvider provider; /* the texts are our own copies */
    TdOwned owned;
    TdModule *module;
    atomic_int n_refs;
};

/* A request and who waits for its answer. */
typedef struct {
    TdMediaRequest request; /* first */
    TdTermination *termination, *peer;
    TdLane *lane;
    TdTimer deadline;
    TdPost post;              /* when the answer comes from another thread */
    TdMediaAnswered answered; /* NULL: nobody waits any more */
    void *data;
    unsigned cause;
    char *reason;
    TdDescription *local;
    TdMediaStats *stats;
    unsigned n_stats;
    bool is_expected; /* the lanes do not come to rest before its answer */
} Request;

typedef struct {
    TdPost post; /* first */
    TdId bridge;
    unsigned termination;
    TdMediaEventKind kind;
    int64_t value;
} Event;

static struct {
    pthread_mutex_t lock;
    GPtrArray *providers; /* oldest first */
    void (*event_sink) (TdId bridge, unsigned termination, TdMediaEventKind kind, int64_t value);
} media = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* --- Providers --------------------------------------------------------------------------- */

static void
provider_unref (TdProviderEntry *entry)
{
    if (atomic_fetch_sub (&entry->n_refs, 1) == 1) {
        g_free ((char *) entry->provider.name);
        g_strfreev ((char **) entry->provider.services);
        g_free (entry);
    }
}

static void
unlist (TdProviderEntry *entry)
{
    pthread_mutex_lock (&media.lock);
    g_ptr_array_remove (media.providers, entry);
    pthread_mutex_unlock (&media.lock);
    provider_unref (entry);
}

static void
revoke_provider (TdOwned *owned)
{
    unlist ((TdProviderEntry *) ((char *) owned - offsetof (TdProviderEntry, owned)));
}

bool
td_media_provider_register (TdModule *module, const TdMediaProvider *decl, GError **error)
{
    TdProviderEntry *entry = g_new0 (TdProviderEntry, 1);

    memcpy (&entry->provider, decl, MIN (decl->size, sizeof (TdMediaProvider)));
    if (entry->provider.name == NULL || entry->provider.request == NULL
        || entry->provider.kinds == 0) {
        g_free (entry);
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "media provider: a provider has a name, a kind of termination and a request "
                     "function");
        return false;
    }
    entry->provider.name = g_strdup (decl->name);
    entry->provider.services = (const char *const *) g_strdupv ((char **) entry->provider.services);
    entry->module = module;
    entry->owned = (TdOwned){ .kind = "media provider",
                              .is_lease = true,
                              .is_door = true,
                              .name = entry->provider.name,
                              .revoke = revoke_provider };
    atomic_init (&entry->n_refs, 1);
    td_owner_add (td_owner_of (module), &entry->owned);
    pthread_mutex_lock (&media.lock);
    g_ptr_array_add (media.providers, entry);
    pthread_mutex_unlock (&media.lock);
    return true;
}

/* The newest generation of ENTRY's module that still takes new work. Needs the lock. */
static TdProviderEntry *
newest_of (TdProviderEntry *entry)
{
    TdProviderEntry *newest = NULL;

    for (unsigned i = 0; i < media.providers->len; i++) {
        TdProviderEntry *other = media.providers->pdata[i];
        if (strcmp (other->provider.name, entry->provider.name) == 0
            && !td_provider_is_stopping (other)) {
            newest = other;
        }
    }
    return newest;
}

TdProviderEntry *
td_provider_acquire (void)
{
    TdProviderEntry *found = NULL;

    pthread_mutex_lock (&media.lock);
    for (unsigned i = 0; found == NULL && i < media.providers->len; i++) {
        found = newest_of (media.providers->pdata[i]);
    }
    if (found != NULL) {
        td_provider_ref (found);
    }
    pthread_mutex_unlock (&media.lock);
    return found;
}

TdProviderEntry *
td_provider_ref (TdProviderEntry *entry)
{
    atomic_fetch_add (&entry->n_refs, 1);
    td_owner_use (td_owner_of (entry->module));
    return entry;
}

void
td_provider_release (TdProviderEntry *entry)
{
    td_owner_unuse (td_owner_of (entry->module));
    provider_unref (entry);
}

bool
td_provider_is_stopping (const TdProviderEntry *entry)
{
    return atomic_load (&td_owner_of (entry->module)->is_stopping);
}

/* Whether one of SERVICES (nullable) is SERVICE, or the beginning of it. */
static bool
has_service (const char *const *services, const char *service)
{
    for (; services != NULL && *services != NULL; services++) {
        bool is_prefix = g_str_has_suffix (*services, "/");
        if (is_prefix ? g_str_has_prefix (service, *services) : g_str_equal (*services, service)) {
            return true;
        }
    }
    return false;
}

bool
td_provider_can (const TdProviderEntry *entry, TdTerminationKind kind, const char *service)
{
    return (entry->provider.kinds & (1u << kind)) != 0
           && (kind != TD_TERMINATION_INTERNAL
               || (service != NULL && has_service (entry->provider.services, service)));
}

/* --- Terminations ------------------------------------------------------------------------ */

TdTermination *
td_termination_new (TdProviderEntry *provider, TdId bridge, unsigned index, TdTerminationKind kind,
                    const char *service, unsigned priority_class)
{
    TdTermination *termination = g_new0 (TdTermination, 1);

    termination->n_refs = 1;
    termination->provider = td_provider_ref (provider);
    termination->bridge = bridge;
    termination->index = index;
    termination->kind = kind;
    termination->service = g_strdup (service);
    termination->priority_class = priority_class;
    return termination;
}

void
td_termination_set_class (TdTermination *termination, unsigned priority_class)
{
    termination->priority_class = (uint8_t) priority_class;
}

static TdTermination *
termination_ref (TdTermination *termination)
{
    termination->n_refs++;
    return termination;
}

void
td_termination_unref (TdTermination *termination)
{
    if (--termination->n_refs > 0) {
        return;
    }
    g_clear_pointer (&termination->wanted, td_description_unref);
    g_clear_pointer (&termination->local, td_description_unref);
    g_clear_pointer (&termination->remote, td_description_unref);
    td_provider_release (termination->provider);
    g_free (termination->service);
    g_free (termination);
}

bool
td_termination_is_made (const TdTermination *termination)
{
    return termination->state != NULL || termination->n_requests > 0;
}

void
td_termination_hand_over (TdTermination *termination, TdProviderEntry *provider)
{
    g_return_if_fail (!td_termination_is_made (termination));

    TdProviderEntry *before = termination->provider;
    termination->provider = td_provider_ref (provider);
    td_provider_release (before);
}

/* --- Requests ---------------------------------------------------------------------------- */

static void
request_free (Request *request)
{
    g_clear_pointer (&request->request.wanted, td_description_unref);
    g_clear_pointer (&request->request.remote, td_description_unref);
    g_clear_pointer (&request->local, td_description_unref);
    g_clear_pointer (&request->peer, td_termination_unref);
    td_termination_unref (request->termination);
    g_free (request->stats);
    g_free (request->reason);
    g_free (request);
}

/* Gives the answer to who waits for it, or takes back what came too late. */
static void
finish (Request *request)
{
    TdMediaAnswered answered = g_steal_pointer (&request->answered);

    td_timer_stop (&request->deadline);
    request->termination->n_requests--;
    if (answered != NULL) {
        TdMediaOutcome outcome = {
            .cause = request->cause,
            .reason = request->reason,
            .local = request->local,
            .has_transcoder = request->request.has_transcoder,
            .stats = request->stats,
            .n_stats = request->n_stats,
        };
        answered (request->data, &outcome);
    } else if (request->termination->is_abandoned && request->request.verb == TD_MEDIA_MODIFY
               && request->termination->state != NULL) {
        td_media_subtract (request->termination, 0, NULL, NULL);
    }
    request_free (request);
}

static void
run_finish (TdPost *post)
{
    finish ((Request *) ((char *) post - offsetof (Request, post)));
}

static void
finish_on_lane (Request *request)
{
    bool is_expected = request->is_expected;

    if (td_lane_current () == request->lane) {
        finish (request);
    } else {
        request->post = (TdPost){ .run = run_finish, .drop = run_finish };
        td_lane_post (request->lane, &request->post);
    }
    if (is_expected) {
        td_step_came ();
    }
}

/* A provider may have been built with fewer members, or with more. */
static TdMediaStats *
copy_stats (const TdMediaStats *stats, unsigned n_stats)
{
    TdMediaStats *copies = g_new0 (TdMediaStats, n_stats);

    for (unsigned i = 0; i < n_stats; i++) {
        memcpy (&copies[i], (const char *) stats + (size_t) i * stats->size,
                MIN (stats->size, sizeof (TdMediaStats)));
        copies[i].size = sizeof (TdMediaStats);
    }
    return copies;
}

void
td_media_done (TdMediaRequest *public, TdDescription *local, const TdMediaStats *stats,
               unsigned n_stats)
{
    Request *request = (Request *) public;

    request->local = local;
    request->stats = copy_stats (stats, n_stats);
    request->n_stats = n_stats;
    finish_on_lane (request);
}

void
td_media_failed (TdMediaRequest *public, TdCauseValue cause, const char *reason)
{
    Request *request = (Request *) public;

    request->cause = cause != TD_CAUSE_NONE ? cause : TD_CAUSE_TEMPORARY_FAILURE;
    request->reason = g_strdup (reason);
    finish_on_lane (request);
}

static void
expire (TdTimer *timer)
{
    Request *request = (Request *) ((char *) timer - offsetof (Request, deadline));
    TdMediaAnswered answered = g_steal_pointer (&request->answered);
    TdMediaOutcome outcome = { .cause = TD_CAUSE_RECOVERY_ON_TIMER,
                               .reason = "the media provider did not answer in time" };

    /* The request itself stays until the provider has answered it. */
    answered (request->data, &outcome);
}

static bool
has_threads (const TdProviderEntry *entry)
{
    return atomic_load (&td_owner_of (entry->module)->n_threads) > 0;
}

static void
send_request (Request *request, uint32_t timeout_ms)
{
    TdTermination *termination = request->termination;

    request->lane = td_lane_current ();
    request->request.bridge = termination->bridge;
    request->request.termination = termination->index;
    request->request.kind = termination->kind;
    request->request.service = termination->service;
    request->request.state = &termination->state;
    request->request.priority_class = termination->priority_class;
    request->request.transcoder = termination->transcoder;
    termination->transcoder = TD_TRANSCODER_AS_IS;
    td_timer_init (&request->deadline, NULL, expire);
    if (timeout_ms > 0 && request->answered != NULL) {
        td_timer_start (&request->deadline, timeout_ms);
    }
    if (td_clock_is_fake () && has_threads (termination->provider)) {
        request->is_expected = true;
        td_step_expect ();
    }
    termination->n_requests++;
    const TdMediaProvider *provider = &termination->provider->provider;
    provider->request (&request->request, provider->data);
}

static Request *
request_new (TdTermination *termination, TdMediaVerb verb, TdMediaAnswered answered, void *data)
{
    Request *request = g_new0 (Request, 1);

    request->request.verb = verb;
    request->termination = termination_ref (termination);
    request->answered = answered;
    request->data = data;
    return request;
}

void
td_media_modify (TdTermination *termination, TdDescription *wanted, TdDescription *remote,
                 uint32_t timeout_ms, TdMediaAnswered answered, void *data)
{
    Request *request = request_new (termination, TD_MEDIA_MODIFY, answered, data);

    request->request.wanted = wanted != NULL ? td_description_ref (wanted) : NULL;
    request->request.remote = remote != NULL ? td_description_ref (remote) : NULL;
    send_request (request, timeout_ms);
}

void
td_media_connect (TdTermination *termination, TdTermination *peer, TdDirection direction,
                  uint32_t timeout_ms, TdMediaAnswered answered, void *data)
{
    Request *request = request_new (termination, TD_MEDIA_CONNECT, answered, data);

    request->peer = termination_ref (peer);
    request->request.peer = peer->index;
    request->request.peer_state = &peer->state;
    request->request.direction = direction;
    send_request (request, timeout_ms);
}

void
td_media_subtract (TdTermination *termination, uint32_t timeout_ms, TdMediaAnswered answered,
                   void *data)
{
    send_request (request_new (termination, TD_MEDIA_SUBTRACT, answered, data), timeout_ms);
}

void
td_media_audit (TdTermination *termination, uint32_t timeout_ms, TdMediaAnswered answered,
                void *data)
{
    send_request (request_new (termination, TD_MEDIA_AUDIT, answered, data), timeout_ms);
}

/* --- Events ------------------------------------------------------------------------------ */

static void
run_event (TdPost *post)
{
    Event *event = (Event *) post;

    if (media.event_sink != NULL) {
        media.event_sink (event->bridge, event->termination, event->kind, event->value);
    }
    g_free (event);
}

static void
drop_event (TdPost *post)
{
    g_free (post);
}

void
td_media_event (TdModule *module, TdId bridge, unsigned termination, TdMediaEventKind kind,
                int64_t value)
{
    Event *event = g_new0 (Event, 1);

    event->post = (TdPost){ .owner = module, .run = run_event, .drop = drop_event };
    event->bridge = bridge;
    event->termination = termination;
    event->kind = kind;
    event->value = value;
    td_lane_post (td_lane_at (td_id_lane (bridge)), &event->post);
}

void
td_media_set_event_sink (void (*sink) (TdId bridge, unsigned termination, TdMediaEventKind kind,
                                       int64_t value))
{
    media.event_sink = sink;
}

void
td_media_open (void)
{
    media.providers = g_ptr_array_new ();
}

void
td_media_close (void)
{
    while (media.providers->len > 0) {
        TdProviderEntry *entry = media.providers->pdata[0];
        td_owner_remove (&entry->owned);
        unlist (entry);
    }
    g_clear_pointer (&media.providers, g_ptr_array_unref);
}
