/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the tables on the disk to those that decide. */

#include "compile.h"

typedef struct {
    TablesBuilder *builder;
    Findings *findings;
    int64_t n_rows;
} Reading;

/* A row that the store has let through, and that makes no sense all the same, is a finding. */
static bool
take_row (const StoreRow *row, void *data, GError **error)
{
    Reading *reading = data;
    g_autoptr (GError) why = NULL;
    unsigned line = (unsigned) row->line;

    reading->n_rows++;
    if (!tables_builder_add (reading->builder, row->table->id, row->cells, line, &why)) {
        findings_add (reading->findings, row->table->id, line, true, "%s", why->message);
    }
    return true;
}

bool
compile (Store *store, int64_t version, TablesIsSection is_section, void *data,
         Compiled *ret_compiled, Findings *findings, GError **error)
{
    Reading reading = { tables_builder_new (), findings, 0 };
    int64_t found;

    if (!store_load (store, version, NULL, take_row, &reading, &found, error)) {
        tables_builder_free (reading.builder);
        return false;
    }
    *ret_compiled =
        (Compiled){ .tables = tables_builder_end (reading.builder, findings, is_section, data),
                    .version = found,
                    .n_rows = reading.n_rows };
    return true;
}
