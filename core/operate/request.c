/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests: one asked command from its words to its last answer. */

#include "operate/command.h"

#include <tandem/log.h>
#include <tandem/priority.h>

#include <string.h>

typedef enum {
    STATE_RUNNING,
    STATE_ENDED,     /* the last answer was given */
    STATE_ABANDONED, /* nobody listens any more */
} State;

/* A request is in two ledgers: of the module whose command runs, and of the module that asks. */
struct TdRequest {
    TdOwned in_answerer, in_asker;
    unsigned n_refs;
    State state;
    bool is_misuse, is_stream;
    unsigned rights; /* TdMay */
    char *name;      /* of the command, or what was asked */
    char *asker;
    TdModule *answerer;
    GHashTable *arguments; /* nullable */
    void (*reply) (TdRequest *request, GVariant *piece, bool is_last, const char *error_text,
                   void *data);
    void *data;
    void (*gone) (TdRequest *request, void *data);
    void *gone_data;
    bool is_paused;
    void (*ready) (TdRequest *request, void *data); /* the command waits for the asker */
    void *ready_data;
};

TdRequest *
td_request_ref (TdRequest *request)
{
    request->n_refs++;
    return request;
}

void
td_request_unref (TdRequest *request)
{
    if (request == NULL || --request->n_refs > 0) {
        return;
    }
    td_owner_remove (&request->in_answerer);
    td_owner_remove (&request->in_asker);
    g_clear_pointer (&request->arguments, g_hash_table_unref);
    g_free (request->name);
    g_free (request->asker);
    g_free (request);
}

const char *
td_request_argument (const TdRequest *request, const char *name)
{
    return request->arguments != NULL ? g_hash_table_lookup (request->arguments, name) : NULL;
}

const char *
td_request_asker (const TdRequest *request)
{
    return request->asker;
}

bool
td_request_may_see (const TdRequest *request, unsigned priority_class)
{
    return (request->rights & TD_MAY_SEE_PRIORITY) != 0 || !td_class_is_restricted (priority_class);
}

bool
td_request_is_misuse (const TdRequest *request)
{
    return request->is_misuse;
}

/* From here on REQUEST is in no ledger, and neither side is called any more. */
static void
leave (TdRequest *request, State state)
{
    request->state = state;
    request->gone = NULL;
    request->ready = NULL;
    td_owner_remove (&request->in_answerer);
    td_owner_remove (&request->in_asker);
}

static void
end (TdRequest *request, GVariant *result, const char *error_text)
{
    td_request_ref (request);
    leave (request, STATE_ENDED);
    request->reply (request, result, true, error_text, request->data);
    td_request_unref (request);
}

void
td_request_reply (TdRequest *request, GVariant *result)
{
    g_autoptr (GVariant) owned = result != NULL ? g_variant_ref_sink (result) : NULL;

    g_return_if_fail (request->state != STATE_ENDED);
    if (request->state == STATE_RUNNING) {
        end (request, owned, NULL);
    }
}

bool
td_request_push (TdRequest *request, GVariant *piece)
{
    g_autoptr (GVariant) owned = g_variant_ref_sink (piece);

    g_return_val_if_fail (request->state != STATE_ENDED, false);
    g_return_val_if_fail (request->is_stream, false);
    td_request_ref (request);
    if (request->state == STATE_RUNNING) {
        request->reply (request, owned, false, NULL, request->data);
    }
    /* The asker may go while it takes the piece. */
    bool is_running = request->state == STATE_RUNNING;
    td_request_unref (request);
    return is_running;
}

void
td_request_fail (TdRequest *request, const char *format, ...)
{
    va_list arguments;

    g_return_if_fail (request->state != STATE_ENDED);
    if (request->state != STATE_RUNNING) {
        return;
    }
    va_start (arguments, format);
    g_autofree char *text = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    g_autofree char *valid = g_utf8_make_valid (text, -1); /* it may quote what was asked */
    end (request, NULL, valid);
}

void
td_request_on_gone (TdRequest *request, void (*gone) (TdRequest *request, void *data), void *data)
{
    if (request->state == STATE_RUNNING) {
        request->gone = gone;
        request->gone_data = data;
    } else if (request->state == STATE_ABANDONED && gone != NULL) {
        gone (request, data);
    }
}

void
td_request_when_ready (TdRequest *request, void (*ready) (TdRequest *request, void *data),
                       void *data)
{
    g_return_if_fail (request->is_stream && request->ready == NULL);

    if (request->state == STATE_RUNNING && request->is_paused) {
        request->ready = ready;
        request->ready_data = data;
    } else if (request->state != STATE_ENDED) {
        ready (request, data);
    }
}

void
td_request_pause (TdRequest *request, bool is_paused)
{
    void (*ready) (TdRequest *, void *) = is_paused ? NULL : request->ready;

    request->is_paused = is_paused;
    if (ready != NULL) {
        request->ready = NULL;
        ready (request, request->ready_data);
    }
}

void
td_request_abandon (TdRequest *request)
{
    if (request->state == STATE_RUNNING) {
        void (*gone) (TdRequest *, void *) = request->gone;
        void (*ready) (TdRequest *, void *) = request->ready;
        leave (request, STATE_ABANDONED);
        if (gone != NULL && !td_owner_is_stopped (request->answerer)) {
            gone (request, request->gone_data);
        }
        if (ready != NULL && !td_owner_is_stopped (request->answerer)) {
            ready (request, request->ready_data);
        }
    }
    td_request_unref (request);
}

/* The module that asked has stopped: it does not come back for its reference. */
static void
revoke_asker (TdOwned *owned)
{
    td_request_abandon ((TdRequest *) (void *) ((char *) owned - offsetof (TdRequest, in_asker)));
}

/* The module whose command runs has stopped: it does not answer any more. */
static void
revoke_answerer (TdOwned *owned)
{
    TdRequest *request =
        (TdRequest *) (void *) ((char *) owned - offsetof (TdRequest, in_answerer));

    request->gone = NULL;
    request->ready = NULL;
    td_request_fail (request,
                     "module %s stopped before \"%s\" was answered: start it and ask again",
                     td_owner_of (request->answerer)->name, request->name);
}

/* Puts REQUEST where it is found when either side stops. */
static void
enter (TdRequest *request, TdModule *asker, TdModule *answerer)
{
    request->answerer = answerer;
    request->in_asker =
        (TdOwned){ .kind = "request", .name = request->name, .revoke = revoke_asker };
    request->in_answerer =
        (TdOwned){ .kind = "request", .name = request->name, .revoke = revoke_answerer };
    /* The asker's last: of one module that is both, it is the first to be taken back. */
    td_owner_add (td_owner_of (answerer), &request->in_answerer);
    td_owner_add (td_owner_of (asker), &request->in_asker);
}

/* WORDS after the command's name, up to "--", ask for help. */
static bool
wants_help (const TdCommandLease *lease, const char *const *words)
{
    for (unsigned i = lease->n_words; words[i] != NULL && !g_str_equal (words[i], "--"); i++) {
        if (g_str_equal (words[i], "--help") || g_str_equal (words[i], "-h")) {
            return true;
        }
    }
    return false;
}

/* "help" and the words of LEASE's name (transfer full). */
static char **
make_help_words (const TdCommandLease *lease)
{
    g_autofree char *line = g_strconcat ("help ", lease->decl.name, NULL);

    return g_strsplit (line, " ", -1);
}

static void
log_change (TdModule *module, const char *const *words, const char *asker)
{
    g_autofree char *line = g_strjoinv (" ", (char **) words);

    td_log (module, TD_LOG_NOTICE, "command", (TdLogField[]){ { "asker", asker }, { 0 } }, "%s",
            line);
}

static void
fail_misuse (TdRequest *request, const GError *error)
{
    request->is_misuse = true;
    td_request_fail (request, "%s", error->message);
}

/* Runs LEASE's command; whoever answers later has taken a reference. */
static void
run (TdRequest *request, const TdCommandLease *lease)
{
    void (*command) (TdRequest *, void *) = lease->decl.run;

    td_request_ref (request);
    unsigned n_refs = request->n_refs;
    command (request, lease->decl.data);
    if (request->state == STATE_RUNNING && request->n_refs <= n_refs) {
        td_log_error (request->answerer, request->name, "the command ended without an answer");
        td_request_fail (request, "\"%s\" gave no answer: this is a defect of module %s",
                         request->name, td_owner_of (request->answerer)->name);
    }
    td_request_unref (request);
}

/* Whether who asks may run COMMAND; if not, REQUEST has failed. */
static bool
is_allowed (TdRequest *request, const TdCommand *command)
{
    if (command->is_change && (request->rights & TD_MAY_CHANGE) == 0) {
        td_request_fail (
            request,
            "\"%s\" changes something and you may only look: run it as root, or as the "
            "user that tandemd runs as",
            request->name);
        return false;
    }
    if (command->is_priority && (request->rights & TD_MAY_SEE_PRIORITY) == 0) {
        td_request_fail (request,
                         "\"%s\" tells of calls with a priority, and you have not got that role: "
                         "it is for members of the group that priority-group in [cli] names",
                         request->name);
        return false;
    }
    return true;
}

/* Finds the command of WORDS and runs it, or fails. */
static void
begin (TdRequest *request, TdModule *module, const char *const *words, const char *asker)
{
    g_autoptr (GError) error = NULL;
    g_auto (GStrv) help_words = NULL;
    const TdCommandLease *lease = td_command_find (words, &error);

    if (lease != NULL && wants_help (lease, words)) {
        help_words = make_help_words (lease);
        words = (const char *const *) help_words;
        lease = td_command_find (words, &error);
    }
    if (lease != NULL) {
        request->arguments = td_arguments_parse (lease, words + lease->n_words, &error);
    }
    if (error != NULL) {
        fail_misuse (request, error);
        return;
    }
    g_free (request->name);
    request->name = g_strdup (lease->decl.name);
    if (!is_allowed (request, &lease->decl)) {
        return;
    }
    if (lease->decl.is_change) {
        log_change (module, words, asker);
    }
    request->is_stream = lease->decl.is_stream;
    enter (request, module, lease->module);
    run (request, lease);
}

TdRequest *
td_command_run (TdModule *module, const char *const *words, const char *asker, unsigned rights,
                void (*reply) (TdRequest *request, GVariant *piece, bool is_last,
                               const char *error_text, void *data),
                void *data)
{
    TdRequest *request = g_new0 (TdRequest, 1);

    request->n_refs = 1;
    request->reply = reply;
    request->data = data;
    request->name = g_strjoinv (" ", (char **) words);
    request->asker = g_strdup (asker);
    request->rights = rights;
    td_request_ref (request);
    begin (request, module, words, asker);
    td_request_unref (request);
    return request;
}
