/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the tables on the disk to those that decide. */

#ifndef ROUTE_COMPILE_H
#define ROUTE_COMPILE_H

#include "decision.h"
#include "store.h"

typedef struct {
    Tables *tables;
    int64_t version; /* 0: there are no rows */
    int64_t n_rows;
} Compiled;

/* Reads VERSION (or STORE_NEWEST) of STORE and compiles it. A row that makes no sense, and what is
 * wrong between rows, goes to FINDINGS. IS_SECTION (nullable): what the configuration has. Errors: the
 * file cannot be read. Blocks. */
bool compile (Store *store, int64_t version, TablesIsSection is_section, void *data,
              Compiled *ret_compiled, Findings *findings, GError **error);

#endif
