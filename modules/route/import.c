/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A CSV becomes the rows of a table: its header, its rows, each bad one by its line. */

#include "import.h"

#include "csv.h"

#include <string.h>
#include <unistd.h>

enum { PROGRESS_ROWS = 4096 };

typedef struct {
    StoreChange *change;
    const Import *import;
    Report *report;
    unsigned n_cells;
    unsigned columns[SCHEMA_MAX_COLUMNS];  /* of each cell of the CSV */
    const char *cells[SCHEMA_MAX_COLUMNS]; /* of the row, as the table has them */
} Reading;

static ssize_t
read_fd (void *data, char *into, size_t size)
{
    return read (((const Import *) data)->fd, into, size);
}

/* --- The header -------------------------------------------------------------------------- */

static void
note_unknown (const Reading *reading, uint64_t line, const char *name)
{
    const SchemaTable *table = reading->import->table;
    const char *names[SCHEMA_MAX_COLUMNS];
    g_autoptr (GString) text = g_string_new (NULL), header = g_string_new (NULL);

    for (unsigned i = 0; i < table->n_columns; i++) {
        names[i] = table->columns[i].name;
    }
    const char *nearest = td_text_nearest (name, names, table->n_columns);
    td_text_append_value (text, name);
    schema_append_header (header, table);
    report_add (reading->report, table, line, NULL, NULL,
                "there is no column %s%s%s%s: the first line names them, as in %s", text->str,
                nearest != NULL ? " (" : "", nearest != NULL ? nearest : "",
                nearest != NULL ? "?)" : "", header->str);
}

static void
take_name (Reading *reading, uint64_t line, const char *name, bool *has_column)
{
    const SchemaTable *table = reading->import->table;
    int column = schema_find_column (table, name);

    if (column < 0) {
        note_unknown (reading, line, name);
    } else if (has_column[column]) {
        report_add (reading->report, table, line, NULL, table->columns[column].name,
                    "this column is named twice: take one of them out");
    } else {
        has_column[column] = true;
        reading->columns[reading->n_cells++] = (unsigned) column;
    }
}

/* Whether rows can be read by it; otherwise REPORT says why not. */
static bool
take_header (Reading *reading, const CsvRow *row)
{
    const SchemaTable *table = reading->import->table;
    bool has_column[SCHEMA_MAX_COLUMNS] = { false };
    uint64_t n_problems = reading->report->n_problems;

    for (unsigned i = 0; i < row->n_cells && reading->report->n_problems == n_problems; i++) {
        take_name (reading, row->line, row->cells[i], has_column);
    }
    for (unsigned i = 0; i < table->n_columns && reading->report->n_problems == n_problems; i++) {
        if (table->columns[i].is_required && !has_column[i]) {
            report_add (reading->report, table, row->line, NULL, table->columns[i].name,
                        "this column is missing: each row must fill it");
        }
    }
    return reading->report->n_problems == n_problems;
}

/* --- The rows ---------------------------------------------------------------------------- */

static void
note_bad (const Reading *reading, const CsvRow *row)
{
    const SchemaTable *table = reading->import->table;
    const char *column = row->column > 0 && row->column <= reading->n_cells
                             ? table->columns[reading->columns[row->column - 1]].name
                             : NULL;

    report_add (reading->report, table, row->line, NULL, column, "%s", row->reason);
}

static bool
take_row (Reading *reading, const CsvRow *row, GError **error)
{
    const SchemaTable *table = reading->import->table;

    if (row->n_cells != reading->n_cells) {
        report_add (reading->report, table, row->line, NULL, NULL,
                    "it has %u cells, but the first line has %u", row->n_cells, reading->n_cells);
        return true;
    }
    for (unsigned i = 0; i < row->n_cells; i++) {
        reading->cells[reading->columns[i]] = row->cells[i];
    }
    return store_change_put (reading->change, table, reading->cells, row->line, reading->report,
                             error);
}

static bool
tell_progress (const Import *import, uint64_t n_rows, const CsvReader *reader, GError **error)
{
    if (import->progress == NULL
        || import->progress (n_rows, csv_reader_bytes (reader), import->data)) {
        return true;
    }
    g_set_error (error, TD_ERROR, TD_ERROR_REFUSED, "the import of %s was stopped",
                 import->table->name);
    return false;
}

static bool
lose (const Import *import, const CsvRow *row, GError **error)
{
    g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "%s line %" G_GUINT64_FORMAT ": %s",
                 import->table->name, row->line, row->reason);
    return false;
}

static bool
read_rows (Reading *reading, CsvReader *reader, GError **error)
{
    CsvResult result;
    CsvRow row;
    uint64_t n_rows = 0;

    while ((result = csv_reader_next (reader, &row)) != CSV_END) {
        if (result == CSV_LOST) {
            return lose (reading->import, &row, error);
        }
        if (result == CSV_BAD) {
            note_bad (reading, &row);
        } else if (!take_row (reading, &row, error)) {
            return false;
        }
        if (++n_rows % PROGRESS_ROWS == 0
            && !tell_progress (reading->import, n_rows, reader, error)) {
            return false;
        }
    }
    return tell_progress (reading->import, n_rows, reader, error);
}

bool
import_csv (StoreChange *change, const Import *import, Report *report, GError **error)
{
    g_autoptr (CsvReader) reader = csv_reader_new (read_fd, (void *) import);
    g_autofree Reading *reading = g_new0 (Reading, 1);
    CsvRow row;
    CsvResult result = csv_reader_next (reader, &row);

    *reading = (Reading){ .change = change, .import = import, .report = report };
    for (unsigned i = 0; i < SCHEMA_MAX_COLUMNS; i++) {
        reading->cells[i] = "";
    }
    if (result == CSV_LOST) {
        return lose (import, &row, error);
    }
    if (result == CSV_BAD) {
        note_bad (reading, &row);
        return true;
    }
    if (result == CSV_END) {
        g_autoptr (GString) header = g_string_new (NULL);
        schema_append_header (header, import->table);
        report_add (report, import->table, 1, NULL, NULL,
                    "it is empty: the first line names the columns, as in %s", header->str);
        return true;
    }
    if (!take_header (reading, &row)) {
        return true;
    }
    if (import->is_replacement) {
        store_change_replace (change, import->table);
    }
    return read_rows (reading, reader, error);
}
