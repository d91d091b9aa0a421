/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A trunk many of whose tokens fail: told once when it begins and once when it is over.
 *
 *     quiet --alarm-failures within alarm-window--> raised --a window with fewer--> quiet
 */

#include "passport.h"

#include <pthread.h>
#include <tandem/log.h>

typedef struct {
    const char *trunk;
    bool is_raised;
    uint32_t failures;
    int64_t window;
    const char *reason;
} AlarmFact;

static const TdField fields[] = {
    TD_FIELD (AlarmFact, trunk, TD_FIELD_TEXT, "The trunk group, empty for strangers"),
    TD_FIELD (AlarmFact, is_raised, TD_FIELD_BOOL, "Whether it begins, or is over"),
    TD_FIELD (AlarmFact, failures, TD_FIELD_UINT, "How many of its tokens failed in the window"),
    TD_FIELD (AlarmFact, window, TD_FIELD_DURATION, "The window"),
    TD_FIELD (AlarmFact, reason, TD_FIELD_TEXT, "Why the last one failed"),
};

typedef struct {
    char *trunk;
    int64_t since_us; /* when its window began */
    int64_t window_us;
    unsigned n_failures, max_failures;
    bool is_raised;
} Watched;

struct Alarms {
    TdModule *module;
    TdTopic *topic;
    TdMetric *raised;
    TdTimer look; /* the control lane's */
    TdPost wake;

    pthread_mutex_t lock; /* of what follows */
    GHashTable *trunks;   /* Watched */
    bool is_awake;        /* the timer runs, or is about to */
};

static void
free_watched (void *data)
{
    Watched *watched = data;

    g_free (watched->trunk);
    g_free (watched);
}

static void
tell (Alarms *alarms, const Watched *watched, const char *reason)
{
    g_autofree char *n_failures = g_strdup_printf ("%u", watched->n_failures);
    const TdLogField log_fields[] = { { "trunk", watched->trunk },
                                      { "failures", n_failures },
                                      { "reason", reason },
                                      { NULL, NULL } };
    const AlarmFact fact = { .trunk = watched->trunk,
                             .is_raised = watched->is_raised,
                             .failures = watched->n_failures,
                             .window = watched->window_us,
                             .reason = reason };

    td_metric_add (alarms->raised, watched->is_raised ? 1 : -1);
    td_log (alarms->module, watched->is_raised ? TD_LOG_WARNING : TD_LOG_NOTICE, watched->trunk,
            log_fields,
            watched->is_raised ? "many of its PASSporTs are no good: an alarm"
                               : "the alarm about its PASSporTs is over");
    td_bus_publish (alarms->topic, TD_ID_NONE, NULL, 0, &fact);
}

/* --- The end of an alarm ------------------------------------------------------------------ */

/* One that is over, taken out as a copy (transfer full), or NULL; RET_NEXT_US is when to look again. */
static Watched *
take_over_locked (Alarms *alarms, int64_t now_us, int64_t *ret_next_us)
{
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init (&iter, alarms->trunks);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        Watched *watched = value;
        int64_t end_us = watched->since_us + watched->window_us;
        if (now_us < end_us) {
            *ret_next_us = MIN (*ret_next_us, end_us);
        } else if (watched->is_raised && watched->n_failures >= watched->max_failures) {
            watched->since_us = now_us;
            watched->n_failures = 0;
            *ret_next_us = MIN (*ret_next_us, now_us + watched->window_us);
        } else {
            g_hash_table_iter_steal (&iter);
            return watched;
        }
    }
    return NULL;
}

static void
look (TdTimer *timer)
{
    Alarms *alarms = (Alarms *) ((char *) timer - offsetof (Alarms, look));
    int64_t now_us = td_clock_now_us (), next_us;
    Watched *over;

    do {
        next_us = INT64_MAX;
        pthread_mutex_lock (&alarms->lock);
        over = take_over_locked (alarms, now_us, &next_us);
        alarms->is_awake = over != NULL || next_us != INT64_MAX;
        pthread_mutex_unlock (&alarms->lock);
        if (over != NULL && over->is_raised) {
            over->is_raised = false;
            tell (alarms, over, NULL);
        }
        if (over != NULL) {
            free_watched (over);
        }
    } while (over != NULL);
    if (next_us != INT64_MAX) {
        td_timer_start (timer, (uint32_t) ((next_us - now_us) / 1000 + 1));
    }
}

static void
wake (TdPost *post)
{
    Alarms *alarms = (Alarms *) ((char *) post - offsetof (Alarms, wake));

    td_timer_start (&alarms->look, 0);
}

static void
drop_wake (TdPost *post)
{
}

/* --- The beginning ------------------------------------------------------------------------ */

static Watched *
find_locked (Alarms *alarms, const Settings *settings, const char *trunk, int64_t now_us)
{
    Watched *watched = g_hash_table_lookup (alarms->trunks, trunk);

    if (watched == NULL) {
        watched = g_new0 (Watched, 1);
        watched->trunk = g_strdup (trunk);
        watched->since_us = now_us;
        g_hash_table_insert (alarms->trunks, watched->trunk, watched);
    }
    watched->window_us = settings->window_us;
    watched->max_failures = settings->max_failures;
    if (!watched->is_raised && now_us - watched->since_us >= watched->window_us) {
        watched->since_us = now_us;
        watched->n_failures = 0;
    }
    return watched;
}

void
alarms_note (Alarms *alarms, const Settings *settings, const char *trunk, const char *reason)
{
    int64_t now_us = td_clock_now_us ();

    pthread_mutex_lock (&alarms->lock);
    Watched *watched = find_locked (alarms, settings, trunk, now_us);
    watched->n_failures++;
    bool begins = !watched->is_raised && watched->n_failures >= watched->max_failures;
    if (begins) {
        watched->is_raised = true;
        watched->since_us = now_us;
    }
    Watched copy = *watched;
    bool must_wake = !alarms->is_awake;
    alarms->is_awake = true;
    pthread_mutex_unlock (&alarms->lock);
    if (begins) {
        copy.trunk = (char *) trunk;
        tell (alarms, &copy, reason);
    }
    if (must_wake) {
        td_lane_post (td_lane_control (), &alarms->wake);
    }
}

/* --- Life -------------------------------------------------------------------------------- */

Alarms *
alarms_new (TdModule *module)
{
    Alarms *alarms = g_new0 (Alarms, 1);

    alarms->module = module;
    alarms->topic = td_topic_declare (
        module, &(TdTopicDecl){ .size = sizeof (TdTopicDecl),
                                .version = 1,
                                .name = "passport.alarm",
                                .help = "Many PASSporTs of a trunk are no good, or that is over",
                                .fields = fields,
                                .n_fields = G_N_ELEMENTS (fields),
                                .body_size = sizeof (AlarmFact) });
    alarms->raised = td_metric_declare (
        module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                 .kind = TD_METRIC_GAUGE,
                                 .name = "tandem_passport_alarms",
                                 .help = "Trunks many of whose PASSporTs are no good just now." });
    alarms->wake = (TdPost){ .owner = module, .run = wake, .drop = drop_wake };
    alarms->trunks = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_watched);
    pthread_mutex_init (&alarms->lock, NULL);
    td_timer_init (&alarms->look, module, look);
    return alarms;
}

/* The alarms end with who watches. */
void
alarms_stop (Alarms *alarms)
{
    GHashTableIter iter;
    void *value;
    int64_t n_raised = 0;

    td_timer_stop (&alarms->look);
    pthread_mutex_lock (&alarms->lock);
    g_hash_table_iter_init (&iter, alarms->trunks);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        n_raised += ((const Watched *) value)->is_raised;
    }
    g_hash_table_remove_all (alarms->trunks);
    pthread_mutex_unlock (&alarms->lock);
    td_metric_add (alarms->raised, -n_raised);
}

void
alarms_free (Alarms *alarms)
{
    if (alarms == NULL) {
        return;
    }
    g_hash_table_unref (alarms->trunks);
    pthread_mutex_destroy (&alarms->lock);
    g_free (alarms);
}
