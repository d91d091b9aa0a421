/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What travels with a telephone number: that it was looked up, what was found, who is to carry the call
 * (RFC 3966 3, RFC 4694).
 *
 *     ;npdi;rn=+1-212-555-0000;cic=0288;cic-context=+1
 */

#ifndef ROUTE_PARAMETERS_H
#define ROUTE_PARAMETERS_H

#include "decision.h"

enum { PARAMETER_SIZE = 64 };

typedef struct {
    bool is_dipped;                                               /* npdi */
    char routing_number[PARAMETER_SIZE], carrier[PARAMETER_SIZE]; /* "": none that makes sense */
    char routing_context[PARAMETER_SIZE], carrier_context[PARAMETER_SIZE];
} Parameters;

/* TEXT is nullable. */
void parameters_read (const char *text, Parameters *ret_parameters);

/* What goes on with a number that DECISION was made of, where TEXT (nullable) came with it; NULL:
 * nothing (transfer full). */
char *parameters_write (const char *text, const Decision *decision);

/* The same of another number in its place. */
char *parameters_write_others (const char *text);

#endif
