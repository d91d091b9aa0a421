/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The log: subject first, one sentence, structured fields; to journald and to stderr.
 *
 *     warning sip  trunk carrier-a: no answer to OPTIONS for 30 s  peer=198.51.100.7:5060
 *     |       |    |                |                               |
 *     level   who  subject          sentence                        fields
 *
 * What a peer can cause goes through td_log_peer(), which lets a few lines of each code through
 * and then counts: a flood of bad messages must not become a flood of log lines.
 */

#ifndef TANDEM_LOG_H
#define TANDEM_LOG_H

#include <tandem/base.h>

G_BEGIN_DECLS

typedef enum {
    TD_LOG_ERROR,   /* something an operator must mend */
    TD_LOG_WARNING, /* something that will become an error, or a peer's fault */
    TD_LOG_NOTICE,  /* a rare, normal, significant event: started, reloaded, stopped */
    TD_LOG_INFO,    /* a normal event of the configuration or of a peer */
    TD_LOG_DEBUG,   /* for whoever reads the code */
} TdLogLevel;

typedef struct {
    const char *name; /* lower case, words joined by an underscore */
    const char *value;
} TdLogField;

/* Writes one line. MODULE (nullable: the core itself), SUBJECT (nullable) and FIELDS (transfer
 * none, ended by a NULL name, nullable) say whose line it is and what it is about.
 * Thread: any. Blocks: as long as a write to stderr or to the journal's socket takes. */
TD_API void td_log (TdModule *module, TdLogLevel level, const char *subject,
                    const TdLogField *fields, const char *format, ...) TD_PRINTF (5, 6);

/* As td_log() at TD_LOG_WARNING, for what a peer can cause: of one CODE (static text such as
 * "sip.malformed") at most ten lines pass in ten seconds; the next line that passes says how many
 * were held back. Returns whether the line was written. Thread: any. */
TD_API bool td_log_peer (TdModule *module, const char *code, const char *subject,
                         const TdLogField *fields, const char *format, ...) TD_PRINTF (5, 6);

/* Whether a line of LEVEL would be written at all: ask before an expensive one. Thread: any. */
TD_API bool td_log_is_on (TdLogLevel level);

#define td_log_error(module, subject, ...)                                                         \
    td_log ((module), TD_LOG_ERROR, (subject), NULL, __VA_ARGS__)
#define td_log_warning(module, subject, ...)                                                       \
    td_log ((module), TD_LOG_WARNING, (subject), NULL, __VA_ARGS__)
#define td_log_notice(module, subject, ...)                                                        \
    td_log ((module), TD_LOG_NOTICE, (subject), NULL, __VA_ARGS__)
#define td_log_info(module, subject, ...)                                                          \
    td_log ((module), TD_LOG_INFO, (subject), NULL, __VA_ARGS__)
#define td_log_debug(module, subject, ...)                                                         \
    do {                                                                                           \
        if (td_log_is_on (TD_LOG_DEBUG)) {                                                         \
            td_log ((module), TD_LOG_DEBUG, (subject), NULL, __VA_ARGS__);                         \
        }                                                                                          \
    } while (0)

G_END_DECLS

#endif
