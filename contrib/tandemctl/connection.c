/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connection to a running tandemd: a question, and its answers as they come. */

#include "connection.h"

#include <tandem/command.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static volatile sig_atomic_t is_interrupted;

typedef struct {
    int fd;
    GString *in;
    void (*visit) (GVariant *answer, bool is_piece, void *data);
    void *data;
    char **ret_text;
} Connection;

static void
note_interrupt (int number)
{
    is_interrupted = 1;
}

void
connection_catch_interrupt (void)
{
    /* Without SA_RESTART: what waits must wake up. */
    struct sigaction action = { .sa_handler = note_interrupt };

    sigaction (SIGINT, &action, NULL);
}

bool
connection_take_interrupt (void)
{
    bool was_interrupted = is_interrupted != 0;

    is_interrupted = 0;
    return was_interrupted;
}

static Outcome fail (Connection *connection, Outcome outcome, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

static Outcome
fail (Connection *connection, Outcome outcome, const char *format, ...)
{
    va_list arguments;

    va_start (arguments, format);
    *connection->ret_text = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    return outcome;
}

static Outcome
fail_connect (Connection *connection, const char *path, int code)
{
    switch (code) {
    case ENOENT:
    case ENOTDIR:
        return fail (connection, OUTCOME_NO_DAEMON,
                     "tandemd is not running (no control socket at %s): start it with \"systemctl "
                     "start tandemd\" or \"tandemd --config FILE\", or say where it is with "
                     "--socket PATH",
                     path);
    case ECONNREFUSED:
        return fail (connection, OUTCOME_NO_DAEMON,
                     "tandemd is not running (nobody listens at the control socket %s any more): "
                     "start it with \"systemctl start tandemd\" or \"tandemd --config FILE\"",
                     path);
    case EACCES:
    case EPERM:
        return fail (connection, OUTCOME_FAILED,
                     "you may not use the control socket %s: be root, the user that tandemd runs "
                     "as, or a member of its group",
                     path);
    default:
        return fail (connection, OUTCOME_FAILED, "the control socket %s cannot be reached: %s",
                     path, g_strerror (code));
    }
}

static Outcome
open_connection (Connection *connection, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (g_strlcpy (address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path) {
        return fail_connect (connection, path, ENAMETOOLONG);
    }
    connection->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0
        || connect (connection->fd, (struct sockaddr *) &address, sizeof address) != 0) {
        return fail_connect (connection, path, errno);
    }
    return OUTCOME_DONE;
}

static Outcome
send_question (Connection *connection, const char *const *words)
{
    g_autoptr (GVariant) list = g_variant_ref_sink (g_variant_new_strv (words, -1));
    g_autofree char *json = td_result_to_json (list);
    g_autofree char *line = g_strdup_printf ("{\"id\":1,\"words\":%s}\n", json);

    for (size_t n_sent = 0, len = strlen (line); n_sent < len;) {
        ssize_t n = send (connection->fd, line + n_sent, len - n_sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR && !is_interrupted) {
            continue;
        }
        if (n < 0 && is_interrupted) {
            return OUTCOME_INTERRUPTED;
        }
        if (n < 0) {
            return OUTCOME_DONE; /* its reason may be waiting to be read */
        }
        n_sent += (size_t) n;
    }
    return OUTCOME_DONE;
}

/* Waits until there is more to read. The signal is let in only while waiting, so that none comes
 * between the look at it and the wait. */
static bool
wait_for_more (Connection *connection)
{
    struct pollfd waiting = { .fd = connection->fd, .events = POLLIN };
    sigset_t interrupt, before;

    sigemptyset (&interrupt);
    sigaddset (&interrupt, SIGINT);
    sigprocmask (SIG_BLOCK, &interrupt, &before);
    if (!is_interrupted) {
        ppoll (&waiting, 1, NULL, &before);
    }
    sigprocmask (SIG_SETMASK, &before, NULL);
    return !is_interrupted;
}

/* Takes in more; RET_IS_OVER says that there is no more. */
static Outcome
receive (Connection *connection, bool *ret_is_over)
{
    char buffer[16384];

    if (!wait_for_more (connection)) {
        return OUTCOME_INTERRUPTED;
    }
    ssize_t n = recv (connection->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n > 0) {
        g_string_append_len (connection->in, buffer, n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        *ret_is_over = true;
    }
    return OUTCOME_DONE;
}

/* Takes one line of an answer; RET_IS_LAST says that the question is answered. */
static Outcome
take_line (Connection *connection, const char *line, size_t len_bytes, bool *ret_is_last)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GVariant) object = td_result_from_json (line, len_bytes, &error);
    const char *text;

    *ret_is_last = true;
    if (object == NULL || !g_variant_is_of_type (object, G_VARIANT_TYPE_VARDICT)) {
        return fail (connection, OUTCOME_FAILED, "tandemd's answer cannot be read: %s",
                     error != NULL ? error->message : "it is no object");
    }
    if (g_variant_lookup (object, "error", "&s", &text)) {
        gboolean is_misuse = FALSE;
        g_variant_lookup (object, "is_misuse", "b", &is_misuse);
        return fail (connection, is_misuse ? OUTCOME_MISUSE : OUTCOME_FAILED, "%s", text);
    }
    g_autoptr (GVariant) piece = g_variant_lookup_value (object, "piece", NULL);
    if (piece != NULL) {
        *ret_is_last = false;
        connection->visit (piece, true, connection->data);
        return OUTCOME_DONE;
    }
    g_autoptr (GVariant) result = g_variant_lookup_value (object, "result", NULL);
    bool is_nothing = result == NULL || g_variant_is_of_type (result, G_VARIANT_TYPE ("mv"));
    connection->visit (is_nothing ? NULL : result, false, connection->data);
    return OUTCOME_DONE;
}

static Outcome
take_answers (Connection *connection)
{
    bool is_over = false, is_last = false;
    Outcome outcome = OUTCOME_DONE;
    size_t n_taken = 0;

    while (outcome == OUTCOME_DONE && !is_last) {
        const char *start = connection->in->str + n_taken;
        const char *newline = memchr (start, '\n', connection->in->len - n_taken);
        if (newline != NULL) {
            outcome = take_line (connection, start, (size_t) (newline - start), &is_last);
            n_taken += (size_t) (newline - start) + 1;
        } else if (is_over) {
            return fail (connection, OUTCOME_FAILED,
                         "tandemd closed the connection before it had answered: its log may say "
                         "why");
        } else {
            g_string_erase (connection->in, 0, (gssize) n_taken);
            n_taken = 0;
            outcome = receive (connection, &is_over);
        }
    }
    return outcome;
}

Outcome
connection_ask (const char *path, const char *const *words,
                void (*visit) (GVariant *answer, bool is_piece, void *data), void *data,
                char **ret_text)
{
    g_autoptr (GString) in = g_string_new (NULL);
    Connection connection = {
        .fd = -1, .in = in, .visit = visit, .data = data, .ret_text = ret_text
    };

    Outcome outcome = open_connection (&connection, path);
    if (outcome == OUTCOME_DONE) {
        outcome = send_question (&connection, words);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = take_answers (&connection);
    }
    if (connection.fd >= 0) {
        close (connection.fd);
    }
    return outcome;
}
