/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a process that is killed leaves of the facts it had not stored: files beside the store.
 *
 *     hear () -> [ filling ]      td_journal_turn ()      [ filling ] -> [ draining ] -> take ()
 *
 * Two files take turns, as the two lists of a spool do: one is written to, the facts of the other one
 * are being stored; it is emptied when they are. Each write is in the kernel's memory when it returns:
 * that outlives the process, though not the machine.
 */

#ifndef CORE_RUN_JOURNAL_H
#define CORE_RUN_JOURNAL_H

#include <tandem/bus.h>

typedef struct TdJournal TdJournal;

/* Opens the journal NAME in FOLDER, one that no other process and no other build of the module has
 * open. What was left in it, and in others that nobody has open, is added to RET_DRAINING and
 * RET_FILLING (TdFact, transfer full) in the order in which it was heard. N_SKIPPED counts what could
 * not be read. Thread: control. Blocks: for some reads of files. */
TdJournal *td_journal_open (const char *folder, const char *name, GPtrArray *ret_draining,
                            GPtrArray *ret_filling, unsigned *ret_n_skipped, GError **error);

/* Writes FACT; false, with errno, when it is not in the journal. Thread: any, one at a time. */
bool td_journal_add (TdJournal *journal, const TdFact *fact);

/* The files change places: what was filled drains. The one that drained is empty. Thread: as for
 * td_journal_add(). */
void td_journal_turn (TdJournal *journal);

/* The first N of the facts that drain are stored; IS_ALL: all are. Thread: any, one at a time. */
void td_journal_drained (TdJournal *journal, unsigned n, bool is_all);

/* FACT as it stands in a file, in place of what is in TEXT: first its length as uint32_t, then the rest.
 * Texts are cut to MAX_TEXT bytes. */
void td_journal_put (GString *text, const TdFact *fact, size_t max_text);

/* The fact (transfer full) in BYTES, which stand behind its length, or NULL. */
TdFact *td_journal_get (const char *bytes, size_t size);

/* Closes the journal (nullable); what is in it is found by the next one who opens it. */
void td_journal_close (TdJournal *journal);

#endif
