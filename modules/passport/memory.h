/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verdicts that are remembered: the good ones apart, so that forged tokens do not push them out. A leaf
 * lock. Thread: any. */

#ifndef PASSPORT_MEMORY_H
#define PASSPORT_MEMORY_H

#include "verdict.h"

typedef struct Verdicts Verdicts;

Verdicts *verdicts_new (void);
void verdicts_free (Verdicts *verdicts);

/* The verdict of HASH (transfer full) under SETTINGS, or NULL. */
Verdict *verdicts_find (Verdicts *verdicts, const VerdictHash *hash, const Settings *settings);

/* Remembers VERDICT (transfer none), found under SETTINGS; verdicts under other settings are forgotten. */
void verdicts_add (Verdicts *verdicts, Verdict *verdict, Settings *settings);

#endif
