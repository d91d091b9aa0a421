/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counts judgements, and calls by trunk and class. */

#ifndef PRIORITY_COUNT_H
#define PRIORITY_COUNT_H

#include "judge.h"

#include <tandem/bus.h>
#include <tandem/metric.h>

typedef struct Counts Counts;

/* Owns: MODULE, as the metrics; freed with counts_free () when nothing of it runs any more.
 * Thread: control. */
Counts *counts_new (TdModule *module);
void counts_free (Counts *counts);

/* Calls by the trunks that SETTINGS give any right are counted by themselves from now on.
 * Thread: control. */
void counts_prepare (Counts *counts, Settings *settings);

/* Thread: any. */
void counts_judged (Counts *counts, Judged judged);

/* A request was refused for its marks, by the peer of TRUNK, or it was refused one. Thread: any. */
void counts_refused (const Settings *settings, const char *trunk, Refused way);

/* Whether one more call of TRUNK may count as marked; otherwise it is counted, and told. Thread: a lane. */
bool counts_admit (const Settings *settings, const char *trunk, TdModule *module);

/* A call by TRUNK claimed PRIORITY_CLASS, above the ordinary one, and could not prove it. Thread: any. */
void counts_unproven (const Settings *settings, const char *trunk, unsigned priority_class);

/* FACT is of a call that is more than ordinary. Thread: a lane. */
void counts_hear (Counts *counts, const Settings *settings, const TdFact *fact);

#endif
