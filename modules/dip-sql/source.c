/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One database that is asked: its queue, its thread. */

#include "source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { PATIENCE_FACTOR = 4 }; /* so many deadlines after it was asked a question is given up */

/* --- Settings ---------------------------------------------------------------------------- */

void
sql_settings_clear (SqlSettings *settings)
{
    g_free (settings->database);
    g_free (settings->server);
    g_free (settings->query);
    *settings = (SqlSettings){ NULL };
}

bool
sql_settings_equal (const SqlSettings *a, const SqlSettings *b)
{
    return g_strcmp0 (a->database, b->database) == 0 && g_strcmp0 (a->server, b->server) == 0
           && g_strcmp0 (a->query, b->query) == 0 && a->n_connections == b->n_connections;
}

/* --- Life -------------------------------------------------------------------------------- */

Source *
source_ref (Source *source)
{
    atomic_fetch_add (&source->n_refs, 1);
    return source;
}

void
source_unref (Source *source)
{
    if (atomic_fetch_sub (&source->n_refs, 1) > 1) {
        return;
    }
    close (source->wake);
    pthread_mutex_destroy (&source->lock);
    sql_settings_clear (&source->settings);
    g_free (source->name);
    g_free (source);
}

static void
wake (Source *source)
{
    static const uint64_t one = 1;
    ssize_t n = write (source->wake, &one, sizeof one);

    (void) n; /* a counter that is full wakes it, too */
}

static void
run (void *data)
{
    Source *source = data;

    if (source->settings.database != NULL) {
        sqlite_run (source);
    }
#ifdef HAVE_POSTGRESQL
    if (source->settings.server != NULL) {
        postgresql_run (source);
    }
#endif
    source_fail_waiting (source, "it has stopped");
    source_unref (source);
}

Source *
source_new (TdModule *module, const char *name, SqlSettings *settings, GError **error)
{
    Source *source = g_new0 (Source, 1);
    g_autofree char *thread = g_strconcat ("dip ", name, NULL);

    atomic_init (&source->n_refs, 1);
    source->module = module;
    source->name = g_strdup (name);
    source->settings = *settings;
    *settings = (SqlSettings){ NULL };
    source->last = &source->first;
    pthread_mutex_init (&source->lock, NULL);
    source->wake = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (source->wake < 0) {
        g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "[dip %s]: no descriptor to be had: %s",
                     name, g_strerror (errno));
        source_unref (source);
        return NULL;
    }
    if (!td_thread_start (module, thread, run, source_ref (source), error)) {
        source_unref (source);
        source_unref (source);
        return NULL;
    }
    return source;
}

void
source_end (Source *source)
{
    pthread_mutex_lock (&source->lock);
    atomic_store (&source->is_ending, true);
    pthread_mutex_unlock (&source->lock);
    wake (source);
}

/* --- From a lane, and back --------------------------------------------------------------- */

static void
run_answer (TdPost *post)
{
    SqlAsked *asked = (SqlAsked *) post;
    TdModule *module = asked->source->module;
    const TdDipAnswer answer = {
        .size = sizeof answer,
        .result = asked->result,
        .number = asked->found[0] != '\0' ? asked->found : NULL,
        .carrier = asked->carrier[0] != '\0' ? asked->carrier : NULL,
        .has_ttl = asked->has_ttl,
        .ttl_s = asked->ttl_s,
        .error = asked->error,
    };

    if (asked->question != NULL) {
        asked->question->done (asked->question, &answer);
    }
    source_unref (asked->source);
    g_free (asked);
    td_module_unuse (module);
}

const char *
source_ask (Source *source, TdDipQuestion *question)
{
    SqlAsked *asked = g_new0 (SqlAsked, 1);

    if (g_strlcpy (asked->number, question->number, sizeof asked->number) >= sizeof asked->number) {
        g_free (asked);
        return "the number is too long";
    }
    asked->source = source_ref (source);
    asked->question = question;
    asked->lane = td_lane_current ();
    asked->asked_us = g_get_monotonic_time ();
    asked->limit_us = question->deadline_ms * INT64_C (1000) * PATIENCE_FACTOR;
    question->state = asked;
    td_module_use (source->module);
    pthread_mutex_lock (&source->lock);
    bool is_ending = atomic_load (&source->is_ending);
    if (!is_ending) {
        *source->last = asked;
        source->last = &asked->next;
    }
    pthread_mutex_unlock (&source->lock);
    if (is_ending) {
        asked->question = NULL;
        source_fail (asked, "it has stopped");
        return "it has stopped";
    }
    wake (source);
    return NULL;
}

void
source_cancel (TdDipQuestion *question)
{
    SqlAsked *asked = question->state;

    asked->question = NULL;
}

/* --- The thread's ------------------------------------------------------------------------ */

bool
source_goes_on (const Source *source)
{
    return !atomic_load (&source->is_ending) && !td_module_is_stopping (source->module);
}

SqlAsked *
source_take (Source *source)
{
    pthread_mutex_lock (&source->lock);
    SqlAsked *asked = source->first;
    if (asked != NULL) {
        source->first = asked->next;
        if (source->first == NULL) {
            source->last = &source->first;
        }
        asked->next = NULL;
    }
    pthread_mutex_unlock (&source->lock);
    return asked;
}

void
source_answer (SqlAsked *asked)
{
    asked->post = (TdPost){ .owner = asked->source->module, .run = run_answer, .drop = run_answer };
    td_lane_post (asked->lane, &asked->post);
}

void
source_fail (SqlAsked *asked, const char *format, ...)
{
    va_list arguments;

    va_start (arguments, format);
    g_vsnprintf (asked->error, sizeof asked->error, format, arguments);
    va_end (arguments);
    asked->result = TD_DIP_FAILED;
    source_answer (asked);
}

static bool
take_text (char into[SQL_TEXT_SIZE], const char *text)
{
    return g_strlcpy (into, text != NULL ? text : "", SQL_TEXT_SIZE) < SQL_TEXT_SIZE;
}

void
source_found (SqlAsked *asked, const char *number, const char *carrier, const char *ttl)
{
    char *end = NULL;

    if (!take_text (asked->found, number) || !take_text (asked->carrier, carrier)) {
        source_fail (asked, "the row has a text of more than %d characters", SQL_TEXT_SIZE - 1);
        return;
    }
    if (ttl != NULL && g_ascii_isdigit (*ttl)) {
        guint64 value = g_ascii_strtoull (ttl, &end, 10);
        asked->has_ttl = *end == '\0';
        asked->ttl_s = (uint32_t) MIN (value, UINT32_MAX);
    }
    asked->result = TD_DIP_FOUND;
    source_answer (asked);
}

/* What waits the longest stands in front. */
void
source_fail_waiting (Source *source, const char *reason)
{
    for (;;) {
        pthread_mutex_lock (&source->lock);
        const SqlAsked *first = source->first;
        bool is_due =
            first != NULL
            && (reason != NULL || g_get_monotonic_time () - first->asked_us > first->limit_us);
        pthread_mutex_unlock (&source->lock);
        if (!is_due) {
            return;
        }
        source_fail (source_take (source), "%s",
                     reason != NULL ? reason : "no connection was free");
    }
}
