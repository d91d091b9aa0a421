/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CSV as RFC 4180 has it, in constant memory: rows from a stream of bytes, and cells as text.
 *
 *     read () --> 64 KiB --> csv_reader_next () --> row, row, bad row with its reason, row ... end
 *
 * Lines end with CRLF or LF. A byte order mark in front and empty lines are passed over. There are
 * no comments: a row may begin with any character.
 */

#ifndef ROUTE_CSV_H
#define ROUTE_CSV_H

#include <tandem/base.h>

#include <sys/types.h>

enum {
    CSV_MAX_CELLS = 256,     /* of a row */
    CSV_MAX_BYTES = 1 << 16, /* of a row's cells, their NULs included */
};

typedef enum {
    CSV_ROW,
    CSV_BAD,  /* one row is no CSV: go on with the next */
    CSV_LOST, /* what follows makes no sense, or cannot be read: stop */
    CSV_END,
} CsvResult;

typedef struct {
    const char *const *cells; /* UTF-8; until the next row */
    unsigned n_cells;
    uint64_t line; /* on which it begins, from 1 on */
    /* Of what is bad or lost. */
    unsigned column;    /* the cell, from 1 on; 0: the row */
    const char *reason; /* until the next row */
} CsvRow;

typedef struct CsvReader CsvReader;

/* Fills INTO with up to SIZE bytes; returns how many, 0 at the end, -1 with errno. */
typedef ssize_t (*CsvSource) (void *data, char *into, size_t size);

CsvReader *csv_reader_new (CsvSource read, void *data);
void csv_reader_free (CsvReader *reader); /* nullable */

/* The next row, into RET_ROW; after the last one, and once lost, always the same. Blocks as the
 * source does. */
CsvResult csv_reader_next (CsvReader *reader, CsvRow *ret_row);

/* How many bytes were read. */
uint64_t csv_reader_bytes (const CsvReader *reader);

/* Appends TEXT as a cell, in quotes where it needs them (RFC 4180 2.6). */
void csv_append_cell (GString *out, const char *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsvReader, csv_reader_free)

#endif
