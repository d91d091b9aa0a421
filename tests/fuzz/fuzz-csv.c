/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as a CSV, in pieces: rows are texts, lines go up, and what is read can be written and
 * read again as the same. */

#include "fuzz.h"

#include "csv.h"

#include <string.h>

typedef struct {
    const uint8_t *data;
    size_t n_bytes, at;
    size_t step;
} Source;

static ssize_t
read_source (void *data, char *into, size_t size)
{
    Source *source = data;
    size_t n = MIN (MIN (size, source->step), source->n_bytes - source->at);

    memcpy (into, source->data + source->at, n);
    source->at += n;
    return (ssize_t) n;
}

static void
check_row (CsvResult result, const CsvRow *row, uint64_t line_before)
{
    FUZZ_CHECK (row->line > line_before || line_before == 0);
    FUZZ_CHECK (row->line > 0);
    if (result != CSV_ROW) {
        FUZZ_CHECK (row->reason != NULL && g_utf8_validate (row->reason, -1, NULL));
        FUZZ_CHECK (row->column <= CSV_MAX_CELLS);
        return;
    }
    FUZZ_CHECK (row->n_cells > 0 && row->n_cells <= CSV_MAX_CELLS);
    for (unsigned i = 0; i < row->n_cells; i++) {
        FUZZ_CHECK (g_utf8_validate (row->cells[i], -1, NULL));
    }
}

/* The good rows, written behind HEAD; the number of bad ones is counted. */
static GString *
rewrite (const char *head, const uint8_t *data, size_t n_bytes, size_t step, unsigned *ret_n_bad)
{
    Source source = { data, n_bytes, 0, step };
    g_autoptr (CsvReader) reader = csv_reader_new (read_source, &source);
    GString *out = g_string_new (head);
    uint64_t line = 0;
    CsvResult result;
    CsvRow row;

    *ret_n_bad = 0;
    while ((result = csv_reader_next (reader, &row)) != CSV_END) {
        check_row (result, &row, line);
        line = row.line;
        for (unsigned i = 0; i < row.n_cells && result == CSV_ROW; i++) {
            g_string_append (out, i > 0 ? "," : "");
            csv_append_cell (out, row.cells[i]);
        }
        g_string_append (out, result == CSV_ROW ? "\r\n" : "");
        *ret_n_bad += result != CSV_ROW;
        if (result == CSV_LOST) {
            break;
        }
    }
    return out;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n_bytes)
{
    /* A byte order mark is none behind a head, as every table has one. */
    static const char head[] = "head\r\n";
    unsigned n_bad, n_bad_in_pieces, n_bad_again;
    g_autoptr (GString) whole = rewrite (head, data, n_bytes, SIZE_MAX, &n_bad);
    g_autoptr (GString) pieces =
        rewrite (head, data, n_bytes, n_bytes > 0 ? 1 + data[0] % 8 : 1, &n_bad_in_pieces);
    g_autoptr (GString) again =
        rewrite ("", (const uint8_t *) whole->str, whole->len, SIZE_MAX, &n_bad_again);

    FUZZ_CHECK (g_string_equal (whole, pieces) && n_bad == n_bad_in_pieces);
    FUZZ_CHECK (g_string_equal (whole, again) && n_bad_again == 0);
    return 0;
}
