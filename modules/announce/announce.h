/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the module share. */

#ifndef MODULES_ANNOUNCE_ANNOUNCE_H
#define MODULES_ANNOUNCE_ANNOUNCE_H

#include "book.h"

#include <tandem/attribute.h>
#include <tandem/iface/source.h>
#include <tandem/metric.h>
#include <tandem/resource.h>

/* The name of the driver, and of the scheme of its targets. */
#define ANNOUNCE_DRIVER "announce"

typedef struct {
    TdModule *module;
    TdSnapshot *book;
    Book *prepared; /* by a reload that is not committed yet */
    TdLimit *limit;
    TdSourceService service;
    const TdAttribute *treatment, *announcement;
    TdMetric *begun, *up, *full;
    unsigned n_tones, n_prompts, n_treatments; /* of the book in force; on the control lane */
} Announce;

/* The book in force, good until the turn is over. Thread: a lane. */
static inline Book *
announce_book (const Announce *announce)
{
    return (Book *) td_snapshot_peek (announce->book);
}

/* --- play.c: sequences as sources --- */
bool announce_play_start (Announce *announce, GError **error);

/* --- leg.c: legs that are heard and never answer --- */
bool announce_legs_start (Announce *announce, GError **error);

/* --- treat.c: calls that failed --- */
bool announce_treat_start (Announce *announce, GError **error);

#endif
