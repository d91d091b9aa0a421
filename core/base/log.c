/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The log: one line made of what happened, written in one piece to stderr or to the journal. */

#include "base/log.h"

#include "base/json.h"
#include "base/owner.h"
#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    SENTENCE_MAX = 8192, /* longer ones are cut: a datagram of the journal has an end, too */
    VALUE_MAX = 4096,
    PASS_MAX = 10, /* lines of one code in PASS_US */
    N_CODES_MAX = 256,
};

#define PASS_US      (10 * G_USEC_PER_SEC)
#define JOURNAL_PATH "/run/systemd/journal/socket"

/* One line before it has a form. */
typedef struct {
    TdLogLevel level;
    const char *who;
    const char *subject; /* nullable */
    const char *sentence;
    const TdLogField *fields; /* nullable */
} Line;

/* What td_log_peer() knows of one code. */
typedef struct {
    int64_t passed_us[PASS_MAX]; /* when the last lines passed, a ring */
    unsigned next;               /* the oldest of them */
    unsigned n_passed;
    uint64_t n_held;
} Code;

typedef struct {
    TdLogFormat format; /* never TD_LOG_AUTO */
    void (*sink) (const char *line, size_t len_bytes, void *data);
    void *sink_data;
    int64_t (*now_us) (void);
    int journal_fd;
    bool is_coloured, is_under_journal;
} Target;

static const struct {
    const char *name;
    int syslog; /* RFC 5424 6.2.1 */
    const char *colour;
} levels[] = {
    [TD_LOG_ERROR] = { "error", 3, "\033[31m" },  [TD_LOG_WARNING] = { "warning", 4, "\033[33m" },
    [TD_LOG_NOTICE] = { "notice", 5, "\033[1m" }, [TD_LOG_INFO] = { "info", 6, "" },
    [TD_LOG_DEBUG] = { "debug", 7, "\033[2m" },
};

static const Target closed_target = { .format = TD_LOG_TEXT, .journal_fd = -1 };

static Target target = { .format = TD_LOG_TEXT, .journal_fd = -1 };
static atomic_int highest_level = TD_LOG_INFO;
static atomic_uint_least64_t n_lost; /* lines that nobody took */
static pthread_mutex_t stderr_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t codes_lock = PTHREAD_MUTEX_INITIALIZER;
static GHashTable *codes; /* code -> Code, guarded by codes_lock */

const char *
td_log_level_name (TdLogLevel level)
{
    return levels[level].name;
}

bool
td_log_level_parse (const char *text, TdLogLevel *ret_level)
{
    for (unsigned level = 0; level < G_N_ELEMENTS (levels); level++) {
        if (g_str_equal (text, levels[level].name)) {
            *ret_level = level;
            return true;
        }
    }
    return false;
}

void
td_log_set_level (TdLogLevel level)
{
    atomic_store_explicit (&highest_level, (int) level, memory_order_relaxed);
}

bool
td_log_is_on (TdLogLevel level)
{
    return (int) level <= atomic_load_explicit (&highest_level, memory_order_relaxed);
}

/* Whether stderr is the stream that systemd made for this unit: it says so by device and inode. */
static bool
is_stderr_journal (void)
{
    const char *stream = g_getenv ("JOURNAL_STREAM");
    struct stat status;
    unsigned long long device, inode;

    return stream != NULL && sscanf (stream, "%llu:%llu", &device, &inode) == 2
           && fstat (STDERR_FILENO, &status) == 0 && status.st_dev == device
           && status.st_ino == inode;
}

static int
connect_journal (const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (g_strlcpy (address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path) {
        return -1;
    }
    int fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect (fd, (struct sockaddr *) &address, sizeof address) != 0) {
        close (fd);
        fd = -1;
    }
    return fd;
}

/* NO_COLOR counts when it is there and not empty. */
static bool
wants_colour (void)
{
    const char *no_color = g_getenv ("NO_COLOR");
    const char *term = g_getenv ("TERM");

    return isatty (STDERR_FILENO) && (no_color == NULL || *no_color == '\0')
           && g_strcmp0 (term, "dumb") != 0;
}

void
td_log_open (const TdLogOptions *options)
{
    bool is_under_journal = is_stderr_journal ();
    bool wants_journal =
        options->format == TD_LOG_JOURNAL
        || (options->format == TD_LOG_AUTO && is_under_journal && options->sink == NULL);

    td_log_close ();
    target = (Target){ .format = options->format == TD_LOG_JSON ? TD_LOG_JSON : TD_LOG_TEXT,
                       .sink = options->sink,
                       .sink_data = options->sink_data,
                       .now_us = options->now_us,
                       .journal_fd = -1,
                       .is_coloured = options->sink == NULL && wants_colour (),
                       .is_under_journal = is_under_journal };
    if (wants_journal) {
        target.journal_fd =
            connect_journal (options->journal_path != NULL ? options->journal_path : JOURNAL_PATH);
        if (target.journal_fd >= 0 || target.sink != NULL) {
            target.format = TD_LOG_JOURNAL;
        }
    }
    td_log_set_level (options->level);
}

static void
append_time (GString *out)
{
    struct timespec now;
    struct tm parts;

    clock_gettime (CLOCK_REALTIME, &now);
    gmtime_r (&now.tv_sec, &parts);
    g_string_append_printf (out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                            parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                            parts.tm_sec, (int) (now.tv_nsec / 1000000));
}

/* The part of TEXT that a line has room for. */
static ssize_t
cut (const char *text, size_t max)
{
    size_t len = strnlen (text, max + 1);

    if (len <= max) {
        return (ssize_t) len;
    }
    /* Not through the middle of a character, where it is one. */
    const char *end = g_utf8_find_prev_char (text, text + max + 1);
    return end != NULL && text + max - end < 6 ? end - text : (ssize_t) max;
}

static void
append_fields (GString *out, const TdLogField *fields)
{
    for (unsigned i = 0; fields != NULL && fields[i].name != NULL; i++) {
        const char *value = fields[i].value != NULL ? fields[i].value : "";
        g_autofree char *fitting = g_strndup (value, cut (value, VALUE_MAX));

        g_string_append_printf (out, "%s%s=", i == 0 ? "  " : " ", fields[i].name);
        td_text_append_value (out, fitting);
    }
}

/* "who subject: sentence  name=value": what text and journal have in common. */
static void
append_body (GString *out, const Line *line)
{
    g_string_append (out, line->who);
    if (line->subject != NULL) {
        g_string_append_c (out, ' ');
        td_text_append_visible (out, line->subject, cut (line->subject, VALUE_MAX));
    }
    g_string_append (out, ": ");
    td_text_append_visible (out, line->sentence, -1);
    append_fields (out, line->fields);
}

static void
make_text (GString *out, const Line *line)
{
    if (target.is_under_journal) {
        g_string_append_printf (out, "<%d>", levels[line->level].syslog);
    } else {
        append_time (out);
        g_string_append_c (out, ' ');
    }
    if (target.is_coloured && !target.is_under_journal) {
        g_string_append_printf (out, "%s%s\033[0m ", levels[line->level].colour,
                                levels[line->level].name);
    } else {
        g_string_append_printf (out, "%s ", levels[line->level].name);
    }
    append_body (out, line);
    g_string_append_c (out, '\n');
}

static void
append_member (GString *out, const char *name, const char *value)
{
    g_autofree char *fitting = g_strndup (value, cut (value, SENTENCE_MAX + VALUE_MAX));

    g_string_append_c (out, ',');
    td_json_append_text (out, name);
    g_string_append_c (out, ':');
    td_json_append_text (out, fitting);
}

static void
make_json (GString *out, const Line *line)
{
    g_string_append (out, "{\"time\":\"");
    append_time (out);
    g_string_append_c (out, '"');
    append_member (out, "level", levels[line->level].name);
    append_member (out, "who", line->who);
    if (line->subject != NULL) {
        append_member (out, "subject", line->subject);
    }
    append_member (out, "message", line->sentence);
    if (line->fields != NULL && line->fields[0].name != NULL) {
        g_string_append (out, ",\"fields\":");
        gsize start = out->len;
        for (const TdLogField *field = line->fields; field->name != NULL; field++) {
            append_member (out, field->name, field->value != NULL ? field->value : "");
        }
        out->str[start] = '{'; /* in place of the first comma */
        g_string_append_c (out, '}');
    }
    g_string_append (out, "}\n");
}

/* The journal's own form: NAME=value, or, for a value that breaks lines, NAME, its length in 64
 * bits with the lowest byte first, and the value. */
static void
append_journal (GString *out, const char *name, const char *value, size_t max)
{
    ssize_t len = cut (value, max);

    g_string_append (out, name);
    if (memchr (value, '\n', len) == NULL) {
        g_string_append_c (out, '=');
    } else {
        uint64_t len_le = GUINT64_TO_LE ((uint64_t) len);
        g_string_append_c (out, '\n');
        g_string_append_len (out, (const char *) &len_le, sizeof len_le);
    }
    g_string_append_len (out, value, len);
    g_string_append_c (out, '\n');
}

static void
append_journal_field (GString *out, const TdLogField *field)
{
    g_autofree char *upper = g_ascii_strup (field->name, -1);
    g_autofree char *name = g_strdup_printf ("TANDEM_%.50s", upper);

    /* The journal takes no other characters in a name. */
    g_strcanon (name, G_CSET_A_2_Z G_CSET_DIGITS "_", '_');
    append_journal (out, name, field->value != NULL ? field->value : "", VALUE_MAX);
}

static void
make_journal (GString *out, const Line *line)
{
    g_autoptr (GString) body = g_string_new (NULL);
    char priority[] = { (char) ('0' + levels[line->level].syslog), '\0' };

    append_body (body, line);
    append_journal (out, "MESSAGE", body->str, SENTENCE_MAX + VALUE_MAX);
    append_journal (out, "PRIORITY", priority, 1);
    append_journal (out, "SYSLOG_IDENTIFIER", "tandemd", VALUE_MAX);
    append_journal (out, "TANDEM_MODULE", line->who, VALUE_MAX);
    if (line->subject != NULL) {
        append_journal (out, "TANDEM_SUBJECT", line->subject, VALUE_MAX);
    }
    for (const TdLogField *field = line->fields; field != NULL && field->name != NULL; field++) {
        append_journal_field (out, field);
    }
}

/* What a write to stderr that would not wait now may be given: all of it, but to a pipe or a terminal
 * no more than is promised to fit (pipe(7)); 0 when they are full. */
static size_t
room_in_stderr (size_t len_bytes)
{
    struct pollfd room = { .fd = STDERR_FILENO, .events = POLLOUT };
    struct stat status;

    if (poll (&room, 1, 0) != 1) {
        return 0;
    }
    if (len_bytes <= PIPE_BUF
        || (fstat (STDERR_FILENO, &status) == 0 && S_ISREG (status.st_mode))) {
        return len_bytes;
    }
    return PIPE_BUF;
}

/* Writes all of it to stderr; a pipe that takes nothing any more costs the line, not the caller.
 * Needs the lock: what has room for one would keep a second one waiting. */
static bool
write_stderr_locked (const char *bytes, size_t len_bytes)
{
    while (len_bytes > 0) {
        size_t n_fitting = room_in_stderr (len_bytes);
        if (n_fitting == 0) {
            return false;
        }
        ssize_t n_written = write (STDERR_FILENO, bytes, n_fitting);
        if (n_written < 0 && errno == EINTR) {
            continue;
        }
        if (n_written < 0) {
            return false;
        }
        bytes += n_written;
        len_bytes -= (size_t) n_written;
    }
    return true;
}

static void
put_out (const Line *line)
{
    g_autoptr (GString) out = g_string_sized_new (256);
    bool is_taken = true;

    if (target.format == TD_LOG_JOURNAL) {
        make_journal (out, line);
    } else if (target.format == TD_LOG_JSON) {
        make_json (out, line);
    } else {
        make_text (out, line);
    }
    if (target.sink != NULL) {
        target.sink (out->str, out->len, target.sink_data);
    } else if (target.format == TD_LOG_JOURNAL) {
        /* A journal that is behind must not hold a lane up. */
        is_taken = send (target.journal_fd, out->str, out->len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
    } else {
        pthread_mutex_lock (&stderr_lock);
        is_taken = write_stderr_locked (out->str, out->len);
        pthread_mutex_unlock (&stderr_lock);
    }
    if (!is_taken) {
        atomic_fetch_add_explicit (&n_lost, 1, memory_order_relaxed);
    }
}

/* Once the log is taken again, says how much of it was not. */
static void
confess_lost (void)
{
    uint64_t n = atomic_exchange_explicit (&n_lost, 0, memory_order_relaxed);

    if (n > 0) {
        g_autofree char *sentence =
            g_strdup_printf ("%" G_GUINT64_FORMAT " lines were lost: nobody took them", n);
        put_out (&(Line){
            .level = TD_LOG_WARNING, .who = "core", .subject = "log", .sentence = sentence });
    }
}

static char *make_sentence (const char *format, va_list arguments) G_GNUC_PRINTF (1, 0);

static char *
make_sentence (const char *format, va_list arguments)
{
    char *sentence = g_strdup_vprintf (format, arguments);
    ssize_t fitting = cut (sentence, SENTENCE_MAX);

    if (sentence[fitting] != '\0') {
        char *shorter = g_strdup_printf ("%.*s [cut, %zu bytes in all]", (int) fitting, sentence,
                                         strlen (sentence));
        g_free (sentence);
        return shorter;
    }
    return sentence;
}

void
td_log (TdModule *module, TdLogLevel level, const char *subject, const TdLogField *fields,
        const char *format, ...)
{
    va_list arguments;

    g_return_if_fail (level < G_N_ELEMENTS (levels));
    if (!td_log_is_on (level)) {
        return;
    }
    if (atomic_load_explicit (&n_lost, memory_order_relaxed) > 0) {
        confess_lost ();
    }
    va_start (arguments, format);
    g_autofree char *sentence = make_sentence (format, arguments);
    va_end (arguments);
    put_out (&(Line){ level, td_owner_of (module)->name, subject, sentence, fields });
}

static int64_t
now_us (void)
{
    return target.now_us != NULL ? target.now_us () : g_get_monotonic_time ();
}

/* The entry of CODE; too many of them share one. Needs the lock. */
static Code *
find_code (const char *code)
{
    if (codes == NULL) {
        codes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    }
    Code *entry = g_hash_table_lookup (codes, code);
    if (entry == NULL && g_hash_table_size (codes) >= N_CODES_MAX) {
        code = "other";
        entry = g_hash_table_lookup (codes, code);
    }
    if (entry == NULL) {
        entry = g_new0 (Code, 1);
        g_hash_table_insert (codes, g_strdup (code), entry);
    }
    return entry;
}

/* Whether a line of CODE passes; if so, how many were held back since the last one. */
static bool
pass (const char *code, uint64_t *ret_n_held)
{
    bool passes = true;
    int64_t now = now_us ();

    pthread_mutex_lock (&codes_lock);
    Code *entry = find_code (code);
    if (entry->n_passed == PASS_MAX && now - entry->passed_us[entry->next] < PASS_US) {
        entry->n_held++;
        passes = false;
    } else {
        entry->passed_us[entry->next] = now;
        entry->next = (entry->next + 1) % PASS_MAX;
        entry->n_passed = MIN (entry->n_passed + 1, PASS_MAX);
        *ret_n_held = entry->n_held;
        entry->n_held = 0;
    }
    pthread_mutex_unlock (&codes_lock);
    return passes;
}

/* FIELDS and two more, in one list that the caller frees. */
static TdLogField *
join_fields (const char *code, const char *n_held, const TdLogField *fields)
{
    unsigned n_fields = 0, n = 0;

    while (fields != NULL && fields[n_fields].name != NULL) {
        n_fields++;
    }
    TdLogField *joined = g_new0 (TdLogField, n_fields + 3);
    for (; n < n_fields; n++) {
        joined[n] = fields[n];
    }
    joined[n++] = (TdLogField){ "code", code };
    if (n_held != NULL) {
        joined[n++] = (TdLogField){ "held_back", n_held };
    }
    return joined;
}

bool
td_log_peer (TdModule *module, const char *code, const char *subject, const TdLogField *fields,
             const char *format, ...)
{
    uint64_t n_held;
    char digits[24];
    va_list arguments;

    if (!td_log_is_on (TD_LOG_WARNING) || !pass (code, &n_held)) {
        return false;
    }
    g_snprintf (digits, sizeof digits, "%" G_GUINT64_FORMAT, n_held);
    g_autofree TdLogField *joined = join_fields (code, n_held > 0 ? digits : NULL, fields);
    va_start (arguments, format);
    g_autofree char *sentence = make_sentence (format, arguments);
    va_end (arguments);
    td_log (module, TD_LOG_WARNING, subject, joined, "%s", sentence);
    return true;
}

/* What was held back and never followed by a line that passed must not go unsaid. */
static void
say_held_back (void)
{
    GHashTableIter each;
    gpointer code, entry;

    g_hash_table_iter_init (&each, codes);
    while (g_hash_table_iter_next (&each, &code, &entry)) {
        uint64_t n_held = ((Code *) entry)->n_held;
        if (n_held > 0) {
            td_log (NULL, TD_LOG_WARNING, "log", (TdLogField[]){ { "code", code }, { NULL, NULL } },
                    "%" G_GUINT64_FORMAT " more lines were held back", n_held);
        }
    }
}

void
td_log_close (void)
{
    pthread_mutex_lock (&codes_lock);
    GHashTable *old = codes;
    if (old != NULL) {
        say_held_back ();
        codes = NULL;
        g_hash_table_unref (old);
    }
    pthread_mutex_unlock (&codes_lock);
    if (target.journal_fd >= 0) {
        close (target.journal_fd);
    }
    target = closed_target;
    td_log_set_level (TD_LOG_INFO);
}

static GLogWriterOutput
take_from_glib (GLogLevelFlags flags, const GLogField *fields, gsize n_fields, void *data)
{
    TdLogLevel level = TD_LOG_DEBUG;
    const char *message = "", *domain = "glib";

    if (flags & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) {
        level = TD_LOG_ERROR;
    } else if (flags & G_LOG_LEVEL_WARNING) {
        level = TD_LOG_WARNING;
    } else if (flags & G_LOG_LEVEL_MESSAGE) {
        level = TD_LOG_NOTICE;
    } else if (flags & G_LOG_LEVEL_INFO) {
        level = TD_LOG_INFO;
    }
    for (gsize i = 0; i < n_fields; i++) {
        if (g_str_equal (fields[i].key, "MESSAGE") && fields[i].length < 0) {
            message = fields[i].value;
        } else if (g_str_equal (fields[i].key, "GLIB_DOMAIN") && fields[i].length < 0) {
            domain = fields[i].value;
        }
    }
    td_log (NULL, level, domain, NULL, "%s", message);
    return G_LOG_WRITER_HANDLED;
}

void
td_log_capture_glib (void)
{
    g_log_set_writer_func (take_from_glib, NULL, NULL);
}
