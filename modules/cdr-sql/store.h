/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The database: one table of records, whose columns are the envelope's and those of the facts. */

#ifndef CDR_SQL_STORE_H
#define CDR_SQL_STORE_H

#include <tandem/bus.h>

typedef struct CdrStore CdrStore;

/* As SQLite's PRAGMA synchronous counts. */
typedef enum {
    CDR_SYNC_OFF,
    CDR_SYNC_NORMAL,
    CDR_SYNC_FULL,
} CdrSync;

/* Opens the database at PATH, makes it where it is missing (IS_PRIVATE: nobody else may read it), and adds the
 * columns of TOPIC that it has not yet. Waits BUSY_MS for whoever holds it. Blocks. Errors: it is held, full,
 * damaged, of a newer version or somebody else's: with what to do. */
CdrStore *cdr_store_open (const char *path, CdrSync sync, bool is_private, int busy_ms,
                          const TdTopic *topic, GError **error);
void cdr_store_close (CdrStore *store); /* nullable */

/* Whether the path still names what is open. */
bool cdr_store_is_in_place (const CdrStore *store);

/* Stores FACTS, each as what RECORDS calls it (NULL: not at all), in one transaction: all or none. A
 * record that is there already is left alone. Blocks. */
bool cdr_store_add (CdrStore *store, const TdFact *const *facts, const char *const *records,
                    unsigned n_facts, GError **error);

#endif
