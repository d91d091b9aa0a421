/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is found of a token: the first thing that is wrong with it, and, for an operator, each step. */

#ifndef PASSPORT_FINDING_H
#define PASSPORT_FINDING_H

#include <tandem/iface/passport.h>

typedef struct {
    char *step;
    bool is_passed;
    char *text;
} Step;

typedef struct {
    TdPassportResult result; /* VALID as long as nothing is wrong */
    char *reason;            /* nullable: in words */
    GPtrArray *steps;        /* nullable: Step */
} Finding;

/* Notes what is wrong. Returns false. */
TD_PRINTF (4, 5)
bool finding_fail (Finding *finding, const char *step, TdPassportResult result, const char *format,
                   ...);

/* One step that was passed; costs nothing where nobody wants to know. */
TD_PRINTF (3, 4)
void finding_pass (Finding *finding, const char *step, const char *format, ...);

void finding_clear (Finding *finding);

GPtrArray *finding_steps_new (void);

/* "valid", "stale". */
const char *finding_name (TdPassportResult result);

/* What a request is refused with (RFC 8224 6.2.2), 0: nothing. */
unsigned finding_status (TdPassportResult result);

#endif
