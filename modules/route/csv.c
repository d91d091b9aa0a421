/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CSV as RFC 4180 has it, in constant memory: rows from a stream of bytes, and cells as text. */

#include "csv.h"

#include <errno.h>
#include <string.h>

enum {
    BUFFER_BYTES = 1 << 16,
    END = -1, /* instead of a byte */
};

struct CsvReader {
    CsvSource read;
    void *data;
    size_t at, end;
    uint64_t n_bytes, line;
    bool is_ended, is_lost;
    int errno_of_read;

    size_t len; /* of TEXT */
    size_t starts[CSV_MAX_CELLS];
    const char *cells[CSV_MAX_CELLS];
    unsigned n_cells;
    bool is_ascii;
    uint64_t row_line;
    unsigned bad_column;
    const char *problem; /* of the row, or NULL */
    char reason[160];

    /* Not zeroed at the beginning. */
    char text[CSV_MAX_BYTES]; /* of the row: its cells, each with a NUL */
    char buffer[BUFFER_BYTES];
};

CsvReader *
csv_reader_new (CsvSource read, void *data)
{
    CsvReader *reader = g_malloc (sizeof *reader);

    memset (reader, 0, offsetof (CsvReader, text));
    reader->read = read;
    reader->data = data;
    reader->line = 1;
    return reader;
}

void
csv_reader_free (CsvReader *reader)
{
    g_free (reader);
}

uint64_t
csv_reader_bytes (const CsvReader *reader)
{
    return reader->n_bytes;
}

/* --- Bytes ------------------------------------------------------------------------------- */

static bool
fill (CsvReader *reader)
{
    ssize_t n;

    if (reader->is_ended) {
        return false;
    }
    do {
        n = reader->read (reader->data, reader->buffer, BUFFER_BYTES);
    } while (n < 0 && errno == EINTR);
    reader->errno_of_read = n < 0 ? errno : 0;
    reader->is_ended = n <= 0;
    reader->at = 0;
    reader->end = n > 0 ? (size_t) n : 0;
    reader->n_bytes += reader->end;
    return n > 0;
}

static int
peek (CsvReader *reader)
{
    return reader->at < reader->end || fill (reader) ? (unsigned char) reader->buffer[reader->at]
                                                     : END;
}

static int
take (CsvReader *reader)
{
    int c = peek (reader);

    if (c != END) {
        reader->at++;
        reader->line += c == '\n';
    }
    return c;
}

static bool
take_if (CsvReader *reader, char wanted)
{
    return peek (reader) == wanted && take (reader) == wanted;
}

/* --- A row ------------------------------------------------------------------------------- */

/* The first problem of a row is told. */
static void
note (CsvReader *reader, const char *problem)
{
    if (reader->problem == NULL) {
        reader->problem = problem;
        reader->bad_column = MIN (reader->n_cells + 1, CSV_MAX_CELLS);
    }
}

static void
keep (CsvReader *reader, int c)
{
    if (reader->len + 1 >= CSV_MAX_BYTES) { /* one is for the NUL */
        reader->is_lost = true;
        return;
    }
    if (c == '\0') {
        note (reader, "has a NUL byte: is this a text?");
    }
    reader->is_ascii = reader->is_ascii && c < 0x80;
    reader->text[reader->len++] = (char) c;
}

static void
end_cell (CsvReader *reader)
{
    if (reader->n_cells == CSV_MAX_CELLS) {
        note (reader, "is one cell too many: is it a table at all?");
        return;
    }
    if (reader->len + 1 > CSV_MAX_BYTES) {
        reader->is_lost = true;
        return;
    }
    reader->text[reader->len++] = '\0';
    reader->n_cells++;
    if (reader->n_cells < CSV_MAX_CELLS) {
        reader->starts[reader->n_cells] = reader->len;
    }
}

/* Whether C, just taken, ends the cell. A carriage return does as a part of the line's end, RFC 4180
 * 2.1. */
static bool
is_end (CsvReader *reader, int c)
{
    return c == END || c == ',' || c == '\n' || (c == '\r' && peek (reader) == '\n');
}

/* Behind the opening quote; RFC 4180 2.5 to 2.7. Returns what ends the cell. */
static int
read_quoted (CsvReader *reader)
{
    int c;

    while (!reader->is_lost && (c = take (reader)) != END) {
        if (c != '"' || take_if (reader, '"')) {
            keep (reader, c);
            continue;
        }
        c = take (reader);
        if (!is_end (reader, c)) {
            note (reader, "goes on behind its closing quote: write a quote inside a cell twice");
        }
        while (!is_end (reader, c)) {
            c = take (reader);
        }
        return c;
    }
    note (reader, "has a quote that is never closed");
    return END;
}

static int
read_plain (CsvReader *reader)
{
    for (;;) {
        int c = take (reader);
        if (is_end (reader, c) || reader->is_lost) {
            return c;
        }
        if (c == '"') {
            note (reader, "has a quote inside: put the whole cell in quotes, and write it twice");
        } else if (c == '\r') {
            note (reader, "has a carriage return inside");
        }
        keep (reader, c);
    }
}

/* Returns what ends it: a comma, or what ends the row. */
static int
read_cell (CsvReader *reader)
{
    int c = take_if (reader, '"') ? read_quoted (reader) : read_plain (reader);

    end_cell (reader);
    return c;
}

static void
check_utf8 (CsvReader *reader)
{
    for (unsigned i = 0; i < reader->n_cells && !reader->is_ascii; i++) {
        const char *bad;
        if (!g_utf8_validate (reader->text + reader->starts[i], -1, &bad)) {
            g_snprintf (reader->reason, sizeof reader->reason,
                        "is not UTF-8 (byte 0x%02x): convert the file, for example with iconv",
                        (unsigned char) *bad);
            if (reader->problem == NULL) {
                reader->problem = reader->reason;
                reader->bad_column = i + 1;
            }
            return;
        }
    }
}

static void
read_row (CsvReader *reader)
{
    int c;

    reader->len = reader->n_cells = 0;
    reader->starts[0] = 0;
    reader->is_ascii = true;
    reader->problem = NULL;
    reader->row_line = reader->line;
    do {
        c = read_cell (reader);
    } while (c == ',' && !reader->is_lost);
    if (c == '\r') {
        take (reader);
    }
    check_utf8 (reader);
    for (unsigned i = 0; i < reader->n_cells; i++) {
        reader->cells[i] = reader->text + reader->starts[i];
    }
}

/* --- Reading ----------------------------------------------------------------------------- */

static void
skip_mark (CsvReader *reader)
{
    static const char mark[] = "\xef\xbb\xbf";

    if (reader->n_bytes != 0 || peek (reader) != (unsigned char) mark[0]) {
        return;
    }
    /* A pipe may give fewer bytes at a time: what is too few for a mark is no UTF-8 anyway. */
    while (reader->end < 3 && !reader->is_ended) {
        ssize_t n =
            reader->read (reader->data, reader->buffer + reader->end, BUFFER_BYTES - reader->end);
        if (n <= 0) {
            break;
        }
        reader->end += (size_t) n;
        reader->n_bytes += (size_t) n;
    }
    if (reader->end >= 3 && memcmp (reader->buffer, mark, 3) == 0) {
        reader->at = 3;
    }
}

/* A line with nothing on it, which RFC 4180 does not know, but editors leave at the end. */
static bool
is_empty (const CsvReader *reader)
{
    return reader->n_cells == 1 && reader->len == 1 && reader->problem == NULL;
}

static CsvResult
lose (CsvReader *reader, CsvRow *ret_row)
{
    reader->is_lost = true;
    if (reader->errno_of_read != 0) {
        g_snprintf (reader->reason, sizeof reader->reason, "cannot be read: %s",
                    g_strerror (reader->errno_of_read));
    } else {
        g_snprintf (reader->reason, sizeof reader->reason,
                    "begins a row of more than %d bytes: is a quote never closed?", CSV_MAX_BYTES);
    }
    *ret_row = (CsvRow){ .line = reader->errno_of_read != 0 ? reader->line : reader->row_line,
                         .reason = reader->reason };
    return CSV_LOST;
}

CsvResult
csv_reader_next (CsvReader *reader, CsvRow *ret_row)
{
    if (reader->is_lost) {
        return lose (reader, ret_row);
    }
    skip_mark (reader);
    do {
        if (peek (reader) == END) {
            *ret_row = (CsvRow){ .line = reader->line };
            return reader->errno_of_read != 0 ? lose (reader, ret_row) : CSV_END;
        }
        read_row (reader);
    } while (is_empty (reader) && !reader->is_lost);
    if (reader->is_lost || reader->errno_of_read != 0) {
        return lose (reader, ret_row);
    }
    *ret_row =
        (CsvRow){ .cells = reader->cells, .n_cells = reader->n_cells, .line = reader->row_line };
    if (reader->problem == NULL) {
        return CSV_ROW;
    }
    ret_row->column = reader->bad_column;
    ret_row->reason = reader->problem;
    return CSV_BAD;
}

/* --- Writing ----------------------------------------------------------------------------- */

void
csv_append_cell (GString *out, const char *text)
{
    if (strpbrk (text, "\",\r\n") == NULL) {
        g_string_append (out, text);
        return;
    }
    g_string_append_c (out, '"'); /* RFC 4180 2.6, 2.7 */
    for (const char *quote; (quote = strchr (text, '"')) != NULL; text = quote + 1) {
        g_string_append_len (out, text, quote - text + 1);
        g_string_append_c (out, '"');
    }
    g_string_append (out, text);
    g_string_append_c (out, '"');
}
