/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is remembered of tokens: their verdicts, and who has brought them. Leaf locks. Thread: any. */

#ifndef PASSPORT_MEMORY_H
#define PASSPORT_MEMORY_H

#include "verdict.h"

/* --- Verdicts: the good ones apart, so that forged tokens do not push them out ------------- */

typedef struct Verdicts Verdicts;

Verdicts *verdicts_new (void);
void verdicts_free (Verdicts *verdicts);

/* The verdict of HASH (transfer full) under SETTINGS, or NULL. */
Verdict *verdicts_find (Verdicts *verdicts, const VerdictHash *hash, const Settings *settings);

/* Remembers VERDICT (transfer none), found under SETTINGS; verdicts under other settings are forgotten. */
void verdicts_add (Verdicts *verdicts, Verdict *verdict, Settings *settings);

/* --- Replays (RFC 8224 12.1) --------------------------------------------------------------- */

typedef struct Replays Replays;

Replays *replays_new (void);
void replays_free (Replays *replays);

/* Whether the token of HASH may count for the call CALL_ID from TRUNK: nobody else has brought it, or
 * N_OTHERS others at most; which is remembered until UNTIL_US (wall). Of more than MAX tokens the oldest
 * one is forgotten. */
bool replays_admit (Replays *replays, const VerdictHash *hash, const char *call_id,
                    const char *trunk, unsigned n_others, int64_t now_us, int64_t until_us,
                    unsigned max);

unsigned replays_count (Replays *replays);

#endif
