/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What comes of a dip: what its source has said, or what is done without it. */

#ifndef ROUTE_DIP_ANSWER_H
#define ROUTE_DIP_ANSWER_H

#include "plan.h"

#include <tandem/iface/dip.h>

enum {
    N_DIP_KINDS = TD_DIP_PORTABILITY + 1,
    DIP_NUMBER_SIZE = 33, /* "+", 31 digits and a NUL: ITU-T E.164 6.1 has 15 */
    DIP_ERROR_SIZE = 128,
};

/* Of a number that was FOUND. */
typedef struct {
    char number[DIP_NUMBER_SIZE]; /* digits behind a "+" or not; "": none */
    char carrier[CARRIER_SIZE];   /* "": none */
} DipSaid;

/* What is done when a source does not say. */
typedef enum {
    DIP_BY_TABLE, /* the local table is asked */
    DIP_AS_IS,    /* the call goes on as if nobody had to ask */
    DIP_REFUSE,
} DipFallback;

typedef struct {
    TdDipResult result;
    DipSaid said;
    bool is_cached;
    int64_t took_us; /* of one that is not cached: how long this call has waited */
    /* FAILED: */
    DipFallback fallback;
    unsigned cause; /* DIP_REFUSE */
    char error[DIP_ERROR_SIZE];
} DipAnswer;

#endif
