/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the log goes, how much of it and in which form. */

#ifndef CORE_BASE_LOG_H
#define CORE_BASE_LOG_H

#include <tandem/log.h>

typedef enum {
    TD_LOG_AUTO,    /* the journal when stderr is connected to it, text otherwise */
    TD_LOG_TEXT,    /* "time level who subject: sentence  name=value" to stderr */
    TD_LOG_JSON,    /* one object a line to stderr */
    TD_LOG_JOURNAL, /* datagrams to the journal; text to stderr where there is none */
} TdLogFormat;

/* All zero but LEVEL is what the daemon starts with. */
typedef struct {
    TdLogLevel level; /* the least important level that is written */
    TdLogFormat format;
    const char *journal_path; /* NULL: the system's */
    /* For tests: takes each line with its line end, or each journal datagram, in place of stderr
     * and socket. Thread: any, so it locks for itself. */
    void (*sink) (const char *line, size_t len_bytes, void *data);
    void *sink_data;
    int64_t (*now_us) (void); /* monotonic; NULL: the system's */
} TdLogOptions;

/* Until it is called the log is text on stderr at TD_LOG_INFO. Thread: control, while no other
 * thread logs. */
void td_log_open (const TdLogOptions *options);

/* Says what td_log_peer() still holds back, and goes back to what was before td_log_open().
 * Thread: control, while no other thread logs. */
void td_log_close (void);

/* Thread: any. */
void td_log_set_level (TdLogLevel level);

/* Reads "error", "warning", "notice", "info" or "debug"; returns false, and leaves RET_LEVEL alone,
 * for anything else. */
bool td_log_level_parse (const char *text, TdLogLevel *ret_level);
const char *td_log_level_name (TdLogLevel level);

/* Takes in what GLib and libraries log by g_log(). Once in the life of the process, by its main
 * function. */
void td_log_capture_glib (void);

#endif
