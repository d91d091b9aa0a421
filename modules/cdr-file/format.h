/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A fact as one line of text: CSV (RFC 4180) or JSON. */

#ifndef CDR_FILE_FORMAT_H
#define CDR_FILE_FORMAT_H

#include <tandem/bus.h>

typedef enum {
    CDR_FORMAT_CSV,
    CDR_FORMAT_JSON,
} CdrFormat;

/* Appends FACT as RECORD to TEXT: one line, whatever is in it, with its end. */
void cdr_format_append (CdrFormat format, GString *text, const char *record, const TdFact *fact);

/* Appends the line that a new file begins with, of the columns of TOPIC; JSON needs none. */
void cdr_format_append_head (CdrFormat format, GString *text, const TdTopic *topic);

#endif
