/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certificates that are fetched (RFC 8224 7.2), kept for a while, and those that could not be had. */

#ifndef PASSPORT_FETCH_H
#define PASSPORT_FETCH_H

#include "desk.h"

#include <tandem/iface/http.h>
#include <tandem/module.h>

typedef struct Fetcher Fetcher;

typedef enum {
    FETCH_HAVE, /* it is there */
    FETCH_WAIT, /* it is under way: the job will be handed on */
    FETCH_NOT,  /* it cannot be had */
} FetchResult;

/* What an operator sees. */
typedef struct {
    const char *info;
    const Credential *credential; /* nullable */
    const char *why;              /* nullable: why there is none */
    bool is_under_way;
} FetchView;

/* Jobs that have waited go to HAND_ON, with their credential or without one, on the lane that fetched. */
Fetcher *fetcher_new (TdModule *module, void (*hand_on) (Job *job, const char *why, void *data),
                      void *data);
void fetcher_free (Fetcher *fetcher);

/* Another provider of HTTP, or none (NULL). Thread: control. */
const TdHttpService *fetcher_set_http (Fetcher *fetcher, const TdHttpService *http);

/* The certificate of JOB under its settings: puts it into the job, or keeps the job until it is there.
 * RET_WHY (static text) where it cannot be had. Thread: a lane. */
FetchResult fetcher_find (Fetcher *fetcher, Job *job, const char **ret_why);

/* The same without fetching anything (transfer full, nullable). Thread: any. */
Credential *fetcher_peek (Fetcher *fetcher, const char *info, const Settings *settings);

/* Shows each certificate once. Thread: any. */
void fetcher_each (Fetcher *fetcher, void (*show) (const FetchView *view, void *data), void *data);

#endif
