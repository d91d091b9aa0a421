/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dips: from a question to an answer.
 *
 * A question that is under way stands in the table ASKED of its dip, with who waits for it. At the
 * deadline all who wait go on without it; the question goes on for a while: an answer that comes late is
 * kept for the next call, and says that the source is there. A source that fails several times in a row
 * is silent: nobody waits for it, but now and then one question goes out as a probe.
 */

#include "dip-inside.h"

#include <string.h>
#include <tandem/log.h>
#include <tandem/number.h>

enum {
    KEY_SIZE = DIP_NUMBER_SIZE + 1, /* the kind, the number */
    SILENT_AFTER = 5,               /* failures in a row */
    PROBE_US = 1000000,
    LATE_FACTOR = 4, /* so many deadlines after the first one a question ends */
};

/* One question, of the lane that asked it. */
struct DipInquiry {
    TdDipQuestion question; /* first */
    Dip *dip;
    const TdDipDriver *driver;
    TdTimer timer;
    int64_t asked_us;
    /* Under the lock of DIP: */
    DipWaiter *waiters;
    bool is_late;
    char key[KEY_SIZE];
};

/* --- One dip ----------------------------------------------------------------------------- */

static const struct {
    const char *name, *help, *label;
} counters[N_COUNTERS] = {
    [METRIC_CACHED] = { "tandem_dip_answers_total", "Answers that calls have gone by.", "cached" },
    [METRIC_FOUND] = { "tandem_dip_answers_total", "Answers that calls have gone by.", "found" },
    [METRIC_NOT_FOUND] = { "tandem_dip_answers_total", "Answers that calls have gone by.",
                           "not-found" },
    [METRIC_FAILED] = { "tandem_dip_failures_total", "Questions without an answer in time.",
                        "error" },
    [METRIC_LATE] = { "tandem_dip_failures_total", "Questions without an answer in time.",
                      "deadline" },
    [METRIC_SPARED] = { "tandem_dip_failures_total", "Questions without an answer in time.",
                        "not-asked" },
};

/* NAME as the value of a label (transfer full). */
static char *
escape_label (const char *name)
{
    GString *text = g_string_new (name);

    g_string_replace (text, "\\", "\\\\", 0);
    g_string_replace (text, "\"", "\\\"", 0);
    return g_string_free (text, FALSE);
}

static void
declare_metrics (Dip *dip)
{
    static const uint64_t bounds[] = { 500,   1000,   2000,   5000,   10000,  20000,
                                       50000, 100000, 200000, 500000, 1000000 };
    g_autofree char *name = escape_label (dip->name);
    g_autofree char *plain = g_strdup_printf ("dip=\"%s\"", name);

    for (unsigned i = 0; i < N_COUNTERS; i++) {
        bool is_answer = i <= METRIC_NOT_FOUND;
        g_autofree char *labels = g_strdup_printf ("dip=\"%s\",%s=\"%s\"", name,
                                                   is_answer ? "what" : "why", counters[i].label);
        dip->counters[i] =
            td_metric_declare (dip->module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                             .kind = TD_METRIC_COUNTER,
                                                             .name = counters[i].name,
                                                             .help = counters[i].help,
                                                             .labels = labels });
    }
    dip->under_way =
        td_metric_declare (dip->module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                         .kind = TD_METRIC_GAUGE,
                                                         .name = "tandem_dip_questions",
                                                         .help = "Questions that are under way.",
                                                         .labels = plain });
    dip->took = td_metric_declare (dip->module,
                                   &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                    .kind = TD_METRIC_HISTOGRAM,
                                                    .name = "tandem_dip_answer_microseconds",
                                                    .help = "How long a source took to answer.",
                                                    .labels = plain,
                                                    .buckets = bounds,
                                                    .n_buckets = G_N_ELEMENTS (bounds) });
}

Dip *
dip_new (TdModule *module, const char *name, DipSettings *settings)
{
    Dip *dip = g_new0 (Dip, 1);

    atomic_init (&dip->n_refs, 1);
    dip->module = module;
    dip->name = g_strdup (name);
    dip->feature = g_strconcat (TD_FEATURE_DIP, settings->driver, NULL);
    atomic_init (&dip->driver, td_feature_acquire (module, dip->feature));
    pthread_mutex_init (&dip->lock, NULL);
    dip->settings = *settings;
    dip->cache = dip_cache_new (settings->max_kept);
    dip->asked = g_hash_table_new (g_str_hash, g_str_equal);
    declare_metrics (dip);
    return dip;
}

Dip *
dip_ref (Dip *dip)
{
    atomic_fetch_add (&dip->n_refs, 1);
    return dip;
}

void
dip_unref (void *data)
{
    Dip *dip = data;

    if (atomic_fetch_sub (&dip->n_refs, 1) > 1) {
        return;
    }
    dip_settings_clear (&dip->settings);
    dip_cache_free (dip->cache);
    g_hash_table_unref (dip->asked);
    pthread_mutex_destroy (&dip->lock);
    g_free (dip->name);
    g_free (dip->feature);
    g_free (dip);
}

/* Under the lock. */
static void
fail (const Dip *dip, DipAnswer *ret_answer, const char *error)
{
    *ret_answer = (DipAnswer){ .result = TD_DIP_FAILED,
                               .fallback = dip->settings.fallback,
                               .cause = dip->settings.cause };
    g_strlcpy (ret_answer->error, error, sizeof ret_answer->error);
}

/* --- Whether the source answers ---------------------------------------------------------- */

/* Under the lock. True: it has become silent. */
static bool
note_failure (Dip *dip, const char *error)
{
    g_strlcpy (dip->trouble, error, sizeof dip->trouble);
    if (++dip->n_failures < SILENT_AFTER || dip->silent_us != 0) {
        return false;
    }
    dip->silent_us = td_clock_wall_us ();
    dip->probe_us = td_clock_now_us () + PROBE_US;
    return true;
}

/* Under the lock. True: it was silent. */
static bool
note_answer (Dip *dip)
{
    bool was_silent = dip->silent_us != 0;

    dip->n_failures = 0;
    dip->silent_us = 0;
    return was_silent;
}

/* --- Waiters ----------------------------------------------------------------------------- */

static void
run_answered (TdPost *post)
{
    DipWaiter *waiter = (DipWaiter *) ((char *) post - offsetof (DipWaiter, post));
    Dip *dip = waiter->dip;

    waiter->answered (waiter, &waiter->answer);
    dip_unref (dip);
}

static void
drop_answered (TdPost *post)
{
    DipWaiter *waiter = (DipWaiter *) ((char *) post - offsetof (DipWaiter, post));
    Dip *dip = waiter->dip;

    waiter->dropped (waiter);
    dip_unref (dip);
}

/* Under the lock. */
static void
add_waiter (DipInquiry *inquiry, DipWaiter *waiter)
{
    waiter->post =
        (TdPost){ .owner = inquiry->dip->module, .run = run_answered, .drop = drop_answered };
    waiter->lane = td_lane_current ();
    waiter->dip = dip_ref (inquiry->dip);
    waiter->inquiry = inquiry;
    waiter->asked_us = td_clock_now_us ();
    waiter->next = inquiry->waiters;
    inquiry->waiters = waiter;
}

/* Under the lock: takes all waiters off INQUIRY, with ANSWER. */
static DipWaiter *
take_waiters (DipInquiry *inquiry, const DipAnswer *answer)
{
    DipWaiter *first = g_steal_pointer (&inquiry->waiters);

    for (DipWaiter *waiter = first; waiter != NULL; waiter = waiter->next) {
        waiter->inquiry = NULL;
        waiter->answer = *answer;
        waiter->answer.took_us = td_clock_now_us () - waiter->asked_us;
    }
    return first;
}

/* A waiter may be gone as soon as it is posted. */
static void
wake (DipWaiter *waiters)
{
    for (DipWaiter *next; waiters != NULL; waiters = next) {
        next = waiters->next;
        td_lane_post (waiters->lane, &waiters->post);
    }
}

bool
dips_cancel (DipWaiter *waiter)
{
    Dip *dip = waiter->dip;

    pthread_mutex_lock (&dip->lock);
    bool is_off = waiter->inquiry != NULL;
    if (is_off) {
        DipWaiter **at = &waiter->inquiry->waiters;
        while (*at != waiter) {
            at = &(*at)->next;
        }
        *at = waiter->next;
    }
    pthread_mutex_unlock (&dip->lock);
    if (is_off) {
        dip_unref (dip);
    }
    return is_off;
}

/* --- A question under way ---------------------------------------------------------------- */

/* Nobody waits for it any more, and nobody finds it. */
static void
end_inquiry (DipInquiry *inquiry)
{
    Dip *dip = inquiry->dip;

    td_timer_stop (&inquiry->timer);
    td_metric_add (dip->under_way, -1);
    TdModule *module = dip->module;
    g_free (inquiry);
    dip_unref (dip);
    td_module_unuse (module);
}

/* Without an answer. IS_OVER: nothing can come any more. */
static void
give_up (DipInquiry *inquiry, const char *error, bool is_over)
{
    Dip *dip = inquiry->dip;
    DipAnswer answer;

    pthread_mutex_lock (&dip->lock);
    fail (dip, &answer, error);
    bool is_news = !inquiry->is_late && note_failure (dip, error);
    DipWaiter *waiters = take_waiters (inquiry, &answer);
    inquiry->is_late = true;
    if (is_over) {
        g_hash_table_remove (dip->asked, inquiry->key);
    }
    pthread_mutex_unlock (&dip->lock);
    if (is_news) {
        td_log_error (dip->module, dip->name,
                      "does not answer: %s; calls do not wait for it until it does", error);
    }
    wake (waiters);
}

static void
expire (TdTimer *timer)
{
    DipInquiry *inquiry = (DipInquiry *) ((char *) timer - offsetof (DipInquiry, timer));
    uint32_t deadline_ms = inquiry->question.deadline_ms;

    if (!inquiry->is_late) {
        g_autofree char *error = g_strdup_printf ("no answer within %u ms", deadline_ms);
        td_metric_add (inquiry->dip->counters[METRIC_LATE], 1);
        give_up (inquiry, error, false);
        td_timer_start (timer, deadline_ms * LATE_FACTOR);
    } else {
        inquiry->driver->cancel (&inquiry->question, inquiry->driver->data);
        give_up (inquiry, "", true);
        end_inquiry (inquiry);
    }
}

/* Takes TEXT, a number as sources write it, into NUMBER; false: it is none. */
static bool
take_number (char number[DIP_NUMBER_SIZE], const char *text)
{
    size_t len = 0;

    for (; text != NULL && *text != '\0'; text++) {
        if (strchr ("-.() ", *text) == NULL) { /* RFC 3966 5.1.1, and what databases have */
            if (len + 1 == DIP_NUMBER_SIZE) {
                return false;
            }
            number[len++] = g_ascii_toupper (*text);
        }
    }
    number[len] = '\0';
    return len == 0 || (strcmp (number, "+") != 0 && td_prefix_is_valid (number));
}

static bool
take_carrier (const Dip *dip, char carrier[CARRIER_SIZE], const char *text)
{
    char number[DIP_NUMBER_SIZE];

    if (!take_number (number, text)) {
        /* A name is as good as a code: rows have names, too. */
        if (strlen (text) >= CARRIER_SIZE) {
            return false;
        }
        g_strlcpy (carrier, text, CARRIER_SIZE);
    } else {
        g_strlcpy (carrier, number, CARRIER_SIZE);
    }
    if (g_strv_contains ((const char *const *) dip->settings.no_carrier, carrier)) {
        carrier[0] = '\0';
    }
    return true;
}

/* Under the lock: what SAID means; false: nothing, and ERROR (of DIP_ERROR_SIZE) says why. */
static bool
take_answer (const Dip *dip, const TdDipAnswer *said, DipAnswer *ret_answer, char *error)
{
    *ret_answer = (DipAnswer){ .result = said->result };
    if (said->result == TD_DIP_FAILED) {
        g_strlcpy (error, said->error != NULL ? said->error : "it did not say why", DIP_ERROR_SIZE);
        return false;
    }
    if (said->result == TD_DIP_NOT_FOUND) {
        return true;
    }
    if (!take_number (ret_answer->said.number, said->number)
        || !take_carrier (dip, ret_answer->said.carrier, said->carrier)) {
        g_autoptr (GString) text = g_string_new (NULL);
        td_text_append_value (text, said->number != NULL ? said->number : "");
        g_string_append (text, " with carrier ");
        td_text_append_value (text, said->carrier != NULL ? said->carrier : "");
        g_snprintf (error, DIP_ERROR_SIZE, "its answer is no number: %s", text->str);
        return false;
    }
    return true;
}

/* Under the lock. */
static void
keep (Dip *dip, const DipInquiry *inquiry, const TdDipAnswer *said, const DipAnswer *answer)
{
    const DipKnown known = { answer->result, answer->said };
    int64_t for_us =
        INT64_C (1000)
        * (answer->result == TD_DIP_FOUND ? dip->settings.found_ms : dip->settings.not_found_ms);

    if (said->has_ttl) {
        for_us = MIN (for_us, said->ttl_s * INT64_C (1000000));
    }
    if (for_us > 0) {
        dip_cache_put (dip->cache, inquiry->key, &known, td_clock_now_us () + for_us);
    }
}

/* The driver has something to say. */
static void
hear (TdDipQuestion *question, const TdDipAnswer *told)
{
    DipInquiry *inquiry = (DipInquiry *) question;
    Dip *dip = inquiry->dip;
    TdDipAnswer said = { 0 };
    DipAnswer answer;
    char error[DIP_ERROR_SIZE];

    memcpy (&said, told, MIN (told->size, sizeof said));
    pthread_mutex_lock (&dip->lock);
    if (!take_answer (dip, &said, &answer, error)) {
        pthread_mutex_unlock (&dip->lock);
        td_metric_add (dip->counters[METRIC_FAILED], inquiry->is_late ? 0 : 1);
        give_up (inquiry, error, true);
        end_inquiry (inquiry);
        return;
    }
    bool was_silent = note_answer (dip);
    keep (dip, inquiry, &said, &answer);
    DipWaiter *waiters = take_waiters (inquiry, &answer);
    g_hash_table_remove (dip->asked, inquiry->key);
    pthread_mutex_unlock (&dip->lock);
    td_metric_observe (dip->took, (uint64_t) (td_clock_now_us () - inquiry->asked_us));
    td_metric_add (dip->counters[answer.result == TD_DIP_FOUND ? METRIC_FOUND : METRIC_NOT_FOUND],
                   1);
    if (was_silent) {
        td_log_notice (dip->module, dip->name, "answers again");
    }
    wake (waiters);
    end_inquiry (inquiry);
}

/* Under the lock: a question that is not sent yet. */
static DipInquiry *
begin (Dip *dip, const TdDipDriver *driver, const char *key)
{
    DipInquiry *inquiry = g_new0 (DipInquiry, 1);

    inquiry->question = (TdDipQuestion){ .size = sizeof (TdDipQuestion),
                                         .kind = (TdDipKind) (key[0] - '0'),
                                         .dip = dip->name,
                                         .number = inquiry->key + 1,
                                         .deadline_ms = dip->settings.deadline_ms,
                                         .done = hear };
    inquiry->dip = dip_ref (dip);
    inquiry->driver = driver;
    inquiry->asked_us = td_clock_now_us ();
    g_strlcpy (inquiry->key, key, sizeof inquiry->key);
    g_hash_table_insert (dip->asked, inquiry->key, inquiry);
    return inquiry;
}

static void
send_inquiry (DipInquiry *inquiry)
{
    Dip *dip = inquiry->dip;

    td_module_use (dip->module);
    td_metric_add (dip->under_way, 1);
    td_timer_init (&inquiry->timer, dip->module, expire);
    td_timer_start (&inquiry->timer, inquiry->question.deadline_ms);
    const char *why = inquiry->driver->ask (&inquiry->question, inquiry->driver->data);
    if (why != NULL) {
        td_metric_add (dip->counters[METRIC_FAILED], 1);
        give_up (inquiry, why, true);
        end_inquiry (inquiry);
    }
}

/* --- Asking ------------------------------------------------------------------------------ */

/* False: NUMBER is too long for one. */
static bool
make_key (char key[KEY_SIZE], TdDipKind kind, const char *number)
{
    key[0] = (char) ('0' + kind);
    return g_strlcpy (key + 1, number, KEY_SIZE - 1) < KEY_SIZE - 1;
}

/* Under the lock: whether there is an answer without asking. */
static bool
look (Dip *dip, const TdDipDriver *driver, const char *key, DipAnswer *ret_answer)
{
    int64_t now_us = td_clock_now_us ();
    const DipKnown *known = dip_cache_find (dip->cache, key, now_us);

    if (known != NULL) {
        *ret_answer = (DipAnswer){ known->result, known->said, .is_cached = true };
        return true;
    }
    if (driver == NULL) {
        fail (dip, ret_answer, "the module of its driver does not run");
        return true;
    }
    if (dip->silent_us != 0 && now_us < dip->probe_us) {
        fail (dip, ret_answer, dip->trouble);
        return true;
    }
    return false;
}

static void
count_look (Dip *dip, const DipAnswer *answer)
{
    td_metric_add (dip->counters[answer->is_cached ? METRIC_CACHED : METRIC_SPARED], 1);
}

bool
dip_peek (Dip *dip, TdDipKind kind, const char *number, DipAnswer *ret_answer)
{
    char key[KEY_SIZE];
    bool has_key = make_key (key, kind, number);
    pthread_mutex_lock (&dip->lock);
    if (!has_key) {
        fail (dip, ret_answer, "the number is too long");
    }
    bool is_known = !has_key || look (dip, atomic_load (&dip->driver), key, ret_answer);
    pthread_mutex_unlock (&dip->lock);
    if (is_known) {
        count_look (dip, ret_answer);
    }
    return is_known;
}

/* Under the lock: joins a question that is under way, or begins one, which RET_INQUIRY then is. True:
 * nobody waits, for RET_ANSWER. */
static bool
join (Dip *dip, const TdDipDriver *driver, const char *key, DipWaiter *waiter,
      DipInquiry **ret_inquiry, DipAnswer *ret_answer)
{
    DipInquiry *inquiry = g_hash_table_lookup (dip->asked, key);

    if (inquiry != NULL && (inquiry->is_late || dip->silent_us != 0)) {
        fail (dip, ret_answer, dip->trouble);
        return true;
    }
    if (inquiry != NULL) {
        add_waiter (inquiry, waiter);
        return false;
    }
    if (g_hash_table_size (dip->asked) >= dip->settings.max_asked) {
        if (!waiter->is_priority) {
            fail (dip, ret_answer, "too many questions are under way");
            return true;
        }
        waiter->is_exempted = true;
    }
    *ret_inquiry = begin (dip, driver, key);
    if (dip->silent_us != 0) {
        dip->probe_us = td_clock_now_us () + PROBE_US;
        fail (dip, ret_answer, dip->trouble);
        return true;
    }
    add_waiter (*ret_inquiry, waiter);
    return false;
}

bool
dip_ask (Dip *dip, TdDipKind kind, const char *number, DipWaiter *waiter, DipAnswer *ret_answer)
{
    DipInquiry *inquiry = NULL;
    char key[KEY_SIZE];

    if (!make_key (key, kind, number)) {
        return dip_peek (dip, kind, number, ret_answer);
    }
    pthread_mutex_lock (&dip->lock);
    const TdDipDriver *driver = atomic_load (&dip->driver);
    bool is_known = look (dip, driver, key, ret_answer)
                    || join (dip, driver, key, waiter, &inquiry, ret_answer);
    pthread_mutex_unlock (&dip->lock);
    if (is_known) {
        count_look (dip, ret_answer);
    }
    if (inquiry != NULL) {
        send_inquiry (inquiry);
    }
    return is_known;
}

void
dip_change (Dip *dip, DipSettings *settings)
{
    pthread_mutex_lock (&dip->lock);
    DipSettings before = dip->settings;
    dip->settings = *settings;
    dip_cache_clear (dip->cache);
    dip_cache_resize (dip->cache, settings->max_kept);
    note_answer (dip);
    pthread_mutex_unlock (&dip->lock);
    dip_settings_clear (&before);
}
