/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One question of an HTTP server for each certificate, however many tokens wait for it.
 *
 *     absent --first token--> under way --answer--> worker reads it --> there, for "keep"
 *                                 '----no answer, no certificate----> failed, for "fetch-retry"
 */

#include "fetch.h"

#include <pthread.h>
#include <string.h>

enum {
    MAX_ENTRIES = 1000,
    MAX_UNDER_WAY = 16,
    MAX_OF_TRUNK = 4, /* of those: a trunk that names many leaves room for others */
    MAX_WAITING = 1000,
};

typedef struct {
    char *info;
    Settings *settings; /* whose anchors have been asked */
    Credential *credential;
    char *why;
    int64_t until_us; /* monotonic */
    bool is_under_way;
    char *trunk; /* under way: who wanted it first */
    GQueue jobs; /* under way: Job */
} Entry;

struct Fetcher {
    TdModule *module;
    void (*hand_on) (Job *job, const char *why, void *data);
    void *data;
    _Atomic (const TdHttpService *) http; /* nullable */

    pthread_mutex_t lock; /* of what follows */
    GHashTable *entries;  /* info -> Entry */
    unsigned n_under_way, n_waiting;
};

/* A fetch under way: first the question, then the work with its answer. */
typedef struct {
    TdHttpQuestion question; /* first */
    TdWork work;
    Fetcher *fetcher;
    Settings *settings;
    char *info;
    GBytes *body;
    Credential *credential; /* the outcome, or WHY there is none */
    char *why;
} Fetch;

static void
free_entry (void *data)
{
    Entry *entry = data;

    g_free (entry->info);
    td_table_unref (&entry->settings->table);
    credential_unref (entry->credential);
    g_free (entry->why);
    g_free (entry->trunk);
    g_free (entry);
}

Fetcher *
fetcher_new (TdModule *module, void (*hand_on) (Job *job, const char *why, void *data), void *data)
{
    Fetcher *fetcher = g_new0 (Fetcher, 1);

    fetcher->module = module;
    fetcher->hand_on = hand_on;
    fetcher->data = data;
    atomic_init (&fetcher->http, NULL);
    pthread_mutex_init (&fetcher->lock, NULL);
    fetcher->entries = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_entry);
    return fetcher;
}

void
fetcher_free (Fetcher *fetcher)
{
    if (fetcher == NULL) {
        return;
    }
    g_hash_table_unref (fetcher->entries);
    pthread_mutex_destroy (&fetcher->lock);
    g_free (fetcher);
}

const TdHttpService *
fetcher_set_http (Fetcher *fetcher, const TdHttpService *http)
{
    return atomic_exchange (&fetcher->http, http);
}

/* --- The end of a fetch ------------------------------------------------------------------- */

/* Notes the outcome. Returns (transfer full) the jobs that have waited. */
static GQueue
settle (Fetch *fetch)
{
    Fetcher *fetcher = fetch->fetcher;
    const Settings *settings = fetch->settings;
    GQueue jobs = G_QUEUE_INIT;

    pthread_mutex_lock (&fetcher->lock);
    Entry *entry = g_hash_table_lookup (fetcher->entries, fetch->info);
    jobs = entry->jobs;
    g_queue_init (&entry->jobs);
    fetcher->n_waiting -= jobs.length;
    fetcher->n_under_way--;
    entry->is_under_way = false;
    entry->credential = fetch->credential != NULL ? credential_ref (fetch->credential) : NULL;
    entry->why = g_strdup (fetch->why);
    entry->until_us =
        td_clock_now_us () + (fetch->credential != NULL ? settings->keep_us : settings->retry_us);
    pthread_mutex_unlock (&fetcher->lock);
    return jobs;
}

static void
end_fetch (Fetch *fetch)
{
    Fetcher *fetcher = fetch->fetcher;
    GQueue jobs = settle (fetch);
    Job *job;

    while ((job = g_queue_pop_head (&jobs)) != NULL) {
        /* A job that came before a reload is verified as the certificate was read. */
        td_table_ref (&fetch->settings->table);
        td_table_unref (&job->settings->table);
        job->settings = fetch->settings;
        job->credential = fetch->credential != NULL ? credential_ref (fetch->credential) : NULL;
        fetcher->hand_on (job, fetch->why, fetcher->data);
    }
    credential_unref (fetch->credential);
    td_table_unref (&fetch->settings->table);
    g_clear_pointer (&fetch->body, g_bytes_unref);
    g_free (fetch->info);
    g_free (fetch->why);
    g_free (fetch);
    td_module_unuse (fetcher->module);
}

static Fetch *
fetch_of (TdWork *work)
{
    return (Fetch *) ((char *) work - offsetof (Fetch, work));
}

static void
read_body (TdWork *work)
{
    Fetch *fetch = fetch_of (work);
    g_autoptr (GError) error = NULL;
    gsize len;
    const void *data = g_bytes_get_data (fetch->body, &len);

    fetch->credential = credential_read (data, len, fetch->settings->anchors, &error);
    if (fetch->credential == NULL) {
        fetch->why = g_strdup (error->message);
    }
}

static void
have_read (TdWork *work)
{
    end_fetch (fetch_of (work));
}

static void
hear (TdHttpQuestion *question, const TdHttpAnswer *answer)
{
    Fetch *fetch = (Fetch *) question;

    if (answer->status != 200) {
        fetch->why = answer->status == 0
                         ? g_strdup_printf ("it could not be fetched: %s", answer->error)
                         : g_strdup_printf ("it could not be fetched: the server answered %u",
                                            answer->status);
        end_fetch (fetch);
        return;
    }
    fetch->body = g_bytes_new (answer->body, answer->len_bytes);
    fetch->work = (TdWork){
        .owner = question->owner, .run = read_body, .done = have_read, .drop = have_read
    };
    td_work_start (&fetch->work);
}

static void
drop (TdHttpQuestion *question)
{
    Fetch *fetch = (Fetch *) question;

    fetch->why = g_strdup ("the module stops");
    end_fetch (fetch);
}

/* --- The beginning ------------------------------------------------------------------------ */

static void
start (Fetcher *fetcher, const TdHttpService *http, const Job *job)
{
    Fetch *fetch = g_new0 (Fetch, 1);

    *fetch = (Fetch){
        .question = { .owner = fetcher->module,
                      .method = "GET",
                      .url = job->identity.info,
                      .deadline_ms = job->settings->fetch_ms,
                      .done = hear,
                      .drop = drop },
        .fetcher = fetcher,
        .settings = (Settings *) td_table_ref (&job->settings->table),
        .info = g_strdup (job->identity.info),
    };
    td_module_use (fetcher->module);
    http->ask (&fetch->question, http->data);
}

static unsigned
count_of_trunk_locked (Fetcher *fetcher, const char *trunk)
{
    GHashTableIter iter;
    void *value;
    unsigned n = 0;

    g_hash_table_iter_init (&iter, fetcher->entries);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        const Entry *entry = value;
        n += entry->is_under_way && strcmp (entry->trunk, trunk) == 0;
    }
    return n;
}

static unsigned
count_more (GHashTable *counts, const char *trunk)
{
    unsigned n = GPOINTER_TO_UINT (g_hash_table_lookup (counts, trunk)) + 1;

    g_hash_table_insert (counts, (char *) trunk, GUINT_TO_POINTER (n));
    return n;
}

/* Of the trunk that has named the most, the one that was fetched first: whoever names many, such as one
 * certificate by a thousand URLs, loses his own. */
static void
forget_one_locked (Fetcher *fetcher)
{
    g_autoptr (GHashTable) counts = g_hash_table_new (g_str_hash, g_str_equal);
    const Entry *found = NULL;
    const char *trunk = NULL;
    unsigned most = 0;
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init (&iter, fetcher->entries);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        const Entry *entry = value;
        unsigned n = entry->is_under_way ? 0 : count_more (counts, entry->trunk);
        trunk = n > most ? entry->trunk : trunk;
        most = MAX (n, most);
    }
    g_hash_table_iter_init (&iter, fetcher->entries);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        const Entry *entry = value;
        if (!entry->is_under_way && strcmp (entry->trunk, trunk) == 0
            && (found == NULL || entry->until_us < found->until_us)) {
            found = entry;
        }
    }
    if (found != NULL) {
        g_hash_table_remove (fetcher->entries, found->info);
    }
}

/* Makes room: forgets what is over, or has failed, or else one that is still good. */
static void
make_room_locked (Fetcher *fetcher, int64_t now_us)
{
    GHashTableIter iter;
    void *value;

    if (g_hash_table_size (fetcher->entries) < MAX_ENTRIES) {
        return;
    }
    g_hash_table_iter_init (&iter, fetcher->entries);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        const Entry *entry = value;
        if (!entry->is_under_way && (entry->credential == NULL || entry->until_us <= now_us)) {
            g_hash_table_iter_remove (&iter);
        }
    }
    if (g_hash_table_size (fetcher->entries) >= MAX_ENTRIES) {
        forget_one_locked (fetcher);
    }
}

static bool
may_begin_locked (Fetcher *fetcher, const Job *job)
{
    return fetcher->n_under_way < MAX_UNDER_WAY
           && count_of_trunk_locked (fetcher, job->trunk) < MAX_OF_TRUNK;
}

static Entry *
begin_locked (Fetcher *fetcher, const Job *job)
{
    Entry *entry = g_new0 (Entry, 1);

    *entry = (Entry){ .info = g_strdup (job->identity.info),
                      .settings = (Settings *) td_table_ref (&job->settings->table),
                      .is_under_way = true,
                      .trunk = g_strdup (job->trunk) };
    g_queue_init (&entry->jobs);
    g_hash_table_insert (fetcher->entries, entry->info, entry);
    fetcher->n_under_way++;
    return entry;
}

/* The entry of INFO that still counts, or NULL. */
static Entry *
find_locked (Fetcher *fetcher, const char *info, const Settings *settings, int64_t now_us)
{
    Entry *entry = g_hash_table_lookup (fetcher->entries, info);

    if (entry == NULL || entry->is_under_way) {
        return entry;
    }
    if (entry->until_us <= now_us || entry->settings != settings) {
        g_hash_table_remove (fetcher->entries, info);
        return NULL;
    }
    return entry;
}

static FetchResult
find_or_begin_locked (Fetcher *fetcher, Job *job, bool *ret_begins, const char **ret_why)
{
    int64_t now_us = td_clock_now_us ();
    Entry *entry = find_locked (fetcher, job->identity.info, job->settings, now_us);

    if (entry == NULL && may_begin_locked (fetcher, job)) {
        make_room_locked (fetcher, now_us);
        entry = begin_locked (fetcher, job);
        *ret_begins = true;
    }
    if (entry == NULL || (entry->is_under_way && fetcher->n_waiting >= MAX_WAITING)) {
        *ret_why = "too many certificates are being fetched";
        return FETCH_NOT;
    }
    if (entry->is_under_way) {
        g_queue_push_tail (&entry->jobs, job);
        fetcher->n_waiting++;
        return FETCH_WAIT;
    }
    if (entry->credential == NULL) {
        *ret_why = "its certificate could not be fetched a moment ago";
        return FETCH_NOT;
    }
    job->credential = credential_ref (entry->credential);
    return FETCH_HAVE;
}

FetchResult
fetcher_find (Fetcher *fetcher, Job *job, const char **ret_why)
{
    const TdHttpService *http = atomic_load (&fetcher->http);
    bool begins = false;

    if (!settings_may_fetch (job->settings, job->identity.info)) {
        *ret_why = "its certificate is in no file, and may not be fetched from there";
        return FETCH_NOT;
    }
    if (http == NULL) {
        *ret_why = "its certificate is in no file, and the module http does not run";
        return FETCH_NOT;
    }
    pthread_mutex_lock (&fetcher->lock);
    FetchResult result = find_or_begin_locked (fetcher, job, &begins, ret_why);
    pthread_mutex_unlock (&fetcher->lock);
    if (begins) {
        start (fetcher, http, job);
    }
    return result;
}

Credential *
fetcher_peek (Fetcher *fetcher, const char *info, const Settings *settings)
{
    Credential *credential = NULL;

    pthread_mutex_lock (&fetcher->lock);
    const Entry *entry = find_locked (fetcher, info, settings, td_clock_now_us ());
    if (entry != NULL && entry->credential != NULL) {
        credential = credential_ref (entry->credential);
    }
    pthread_mutex_unlock (&fetcher->lock);
    return credential;
}

void
fetcher_each (Fetcher *fetcher, void (*show) (const FetchView *view, void *data), void *data)
{
    GHashTableIter iter;
    void *value;

    pthread_mutex_lock (&fetcher->lock);
    g_hash_table_iter_init (&iter, fetcher->entries);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        const Entry *entry = value;
        show (&(FetchView){ .info = entry->info,
                            .credential = entry->credential,
                            .why = entry->why,
                            .is_under_way = entry->is_under_way },
              data);
    }
    pthread_mutex_unlock (&fetcher->lock);
}
