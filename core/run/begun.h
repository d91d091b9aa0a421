/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What has begun and not ended, as a process that is killed leaves it: a fact each, beside the store.
 *
 *     | head: alive until | slot: call.answered | slot: free | slot: call.answered | ...
 *
 * A slot is written when something begins and freed when it ends: a write of at most 2 KiB each, whose
 * result outlives the process, though not the machine. The file is as large as most was going on at
 * once. All spools of one name in a process share it, so that what begins under one build of a module
 * ends under the next.
 */

#ifndef CORE_RUN_BEGUN_H
#define CORE_RUN_BEGUN_H

#include <tandem/bus.h>

typedef struct TdBegun TdBegun;

/* A fact of another process whose end nobody told. */
typedef struct {
    TdFact *fact;     /* transfer full */
    int64_t until_us; /* monotonic, of that process: it was still going on */
} TdBegunLeft;

/* Opens the file NAME in FOLDER. What other processes have left is added to RET_LEFT (TdBegunLeft), and
 * stays in the file until td_begun_end(); what this one, BOOT, has, goes on. N_SKIPPED counts what could
 * not be read. Thread: control. Blocks: for a read of the file. */
TdBegun *td_begun_open (const char *folder, const char *name, uint32_t boot, GArray *ret_left,
                        unsigned *ret_n_skipped, GError **error);

TdBegun *td_begun_ref (TdBegun *begun);

/* The last one closes the file. BEGUN is nullable. */
void td_begun_unref (TdBegun *begun);

/* The call of FACT has begun; false, with errno, when that is not in the file. Texts that do not fit are
 * cut. Thread: any. */
bool td_begun_add (TdBegun *begun, const TdFact *fact);

/* Whether CALL has begun and not ended. Thread: any. */
bool td_begun_has (TdBegun *begun, TdId call);

/* CALL has ended, if it ever began. Thread: any. */
void td_begun_end (TdBegun *begun, TdId call);

/* This process lives at NOW_US (monotonic). Thread: any. */
void td_begun_live (TdBegun *begun, int64_t now_us);

unsigned td_begun_count (TdBegun *begun);

#endif
