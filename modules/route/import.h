/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A CSV becomes the rows of a table: its header, its rows, each bad one by its line. */

#ifndef ROUTE_IMPORT_H
#define ROUTE_IMPORT_H

#include "store.h"

typedef struct {
    const SchemaTable *table;
    int fd;              /* read to its end: a file, a pipe */
    bool is_replacement; /* all rows go that it does not have; otherwise they stay */
    /* Nullable; now and then, with what was read so far. False ends it with an error. */
    bool (*progress) (uint64_t n_rows, uint64_t n_bytes, void *data);
    void *data;
} Import;

/* Puts the rows of a CSV into CHANGE. The first line names the columns, in any order; those that it
 * does not name are empty. What is wrong with the header or a row is noted in REPORT, which is no
 * failure. Errors: it cannot be read or kept, it was ended. Blocks. */
bool import_csv (StoreChange *change, const Import *import, Report *report, GError **error);

#endif
