/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CSV as people and their programs write it, and what is none, with its line and reason. */

#include "csv.h"

#include <errno.h>
#include <string.h>

typedef struct {
    const char *text;
    size_t len, at;
    size_t step; /* at most so many bytes at a time */
    int error;   /* errno after the text, or 0 */
} Source;

static ssize_t
read_source (void *data, char *into, size_t size)
{
    Source *source = data;
    size_t n = MIN (MIN (size, source->step), source->len - source->at);

    if (n == 0 && source->error != 0) {
        errno = source->error;
        return -1;
    }
    memcpy (into, source->text + source->at, n);
    source->at += n;
    return (ssize_t) n;
}

static void
append_row (GString *out, CsvResult result, const CsvRow *row)
{
    g_string_append_printf (out, "%" G_GUINT64_FORMAT ":", row->line);
    if (result != CSV_ROW) {
        g_string_append_printf (out, "%s%u %s;", result == CSV_LOST ? "lost " : "", row->column,
                                row->reason);
        return;
    }
    for (unsigned i = 0; i < row->n_cells; i++) {
        g_string_append_printf (out, "%s%s", i > 0 ? "|" : "", row->cells[i]);
    }
    g_string_append_c (out, ';');
}

/* "LINE:CELL|CELL;" of each row, "LINE:COLUMN REASON;" of a bad one. */
static char *
read_all (Source *source)
{
    g_autoptr (CsvReader) reader = csv_reader_new (read_source, source);
    g_autoptr (GString) out = g_string_new (NULL);
    CsvResult result;
    CsvRow row;

    while ((result = csv_reader_next (reader, &row)) != CSV_END) {
        append_row (out, result, &row);
        if (result == CSV_LOST) {
            g_assert_cmpint (csv_reader_next (reader, &row), ==, CSV_LOST);
            break;
        }
    }
    g_assert_cmpuint (csv_reader_bytes (reader), ==, source->at);
    return g_string_free (g_steal_pointer (&out), FALSE);
}

/* Whatever the pieces are in which the bytes come. */
static void
check (const char *text, size_t len, const char *expected)
{
    static const size_t steps[] = { 1, 2, 3, 7, 1 << 20 };

    for (unsigned i = 0; i < G_N_ELEMENTS (steps); i++) {
        Source source = { text, len, 0, steps[i], 0 };
        g_autofree char *rows = read_all (&source);
        g_assert_cmpstr (rows, ==, expected);
    }
}

#define CHECK(text, expected) check (text, sizeof (text) - 1, expected)

static void
test_rows (void)
{
    CHECK ("", "");
    CHECK ("a,b\r\nc,d\r\n", "1:a|b;2:c|d;");
    CHECK ("a,b\nc,d", "1:a|b;2:c|d;");
    CHECK (",\n", "1:|;");
    CHECK ("a,\r\n,b\r\n", "1:a|;2:|b;");
    CHECK (" a , b\n", "1: a | b;");
    CHECK ("# a\n", "1:# a;");
}

static void
test_quotes (void)
{
    CHECK ("\"a,b\",\"c\"\"d\"\r\n", "1:a,b|c\"d;");
    CHECK ("\"a\r\nb\"\nc\n", "1:a\r\nb;3:c;");
    CHECK ("\"\",\"\"\"\"", "1:|\";");
}

static void
test_mark_and_empty_lines (void)
{
    CHECK ("\xef\xbb\xbf"
           "a\n\n\r\n\nb\n\r\n",
           "1:a;5:b;");
    CHECK ("\xef\xbb\xbf", "");
    CHECK ("\n\n", "");
    CHECK ("\xef\xbb", "1:1 is not UTF-8 (byte 0xef): convert the file, for example with iconv;");
}

static void
test_bad_rows_are_named_and_passed_over (void)
{
    CHECK ("a,b\"c\nd\n",
           "1:2 has a quote inside: put the whole cell in quotes, and write it twice;2:d;");
    CHECK ("\"a\"b,c\nd\n",
           "1:1 goes on behind its closing quote: write a quote inside a cell twice;2:d;");
    CHECK ("a\rb\nc\n", "1:1 has a carriage return inside;2:c;");
    CHECK ("a,b\0c\nd\n", "1:2 has a NUL byte: is this a text?;2:d;");
    CHECK ("\"a\xe9\",\xc3\xa9\nd\n",
           "1:1 is not UTF-8 (byte 0xe9): convert the file, for example with iconv;2:d;");
    CHECK ("a\n\"b", "1:a;2:1 has a quote that is never closed;");
}

static void
test_long_row_is_the_end (void)
{
    g_autofree char *cell = g_strnfill (CSV_MAX_BYTES, 'x');
    g_autofree char *text = g_strconcat ("a\n\"", cell, NULL);

    check (text, strlen (text),
           "1:a;2:lost 0 begins a row of more than 65536 bytes: is a quote never closed?;");
    /* The longest that is taken. */
    cell[CSV_MAX_BYTES - 1] = '\0';
    Source source = { cell, strlen (cell), 0, SIZE_MAX, 0 };
    g_autofree char *rows = read_all (&source);
    g_assert_cmpuint (strlen (rows), ==, CSV_MAX_BYTES - 1 + strlen ("1:;"));
}

static void
test_many_cells (void)
{
    g_autofree char *commas = g_strnfill (CSV_MAX_CELLS, ',');
    Source source = { commas, CSV_MAX_CELLS, 0, SIZE_MAX, 0 };
    g_autofree char *rows = read_all (&source);

    g_assert_cmpstr (rows, ==, "1:256 is one cell too many: is it a table at all?;");
}

static void
test_failing_source (void)
{
    Source source = { "a\nb", 3, 0, 2, EIO };
    g_autofree char *rows = read_all (&source);

    g_assert_cmpstr (rows, ==, "1:a;2:lost 0 cannot be read: Input/output error;");
}

static void
test_written_is_read (void)
{
    static const char *const cells[] = { "a", "", "a,b", "\"", "a\"\"b", "\r", "\n", " x " };
    g_autoptr (GString) text = g_string_new (NULL), expected = g_string_new ("1:");

    for (unsigned i = 0; i < G_N_ELEMENTS (cells); i++) {
        g_string_append (text, i > 0 ? "," : "");
        csv_append_cell (text, cells[i]);
        g_string_append_printf (expected, "%s%s", i > 0 ? "|" : "", cells[i]);
    }
    g_string_append_c (expected, ';');
    g_assert_cmpstr (text->str, ==, "a,,\"a,b\",\"\"\"\",\"a\"\"\"\"b\",\"\r\",\"\n\", x ");
    check (text->str, text->len, expected->str);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, function) g_test_add_func ("/route/ROU-040/csv/" path, function)
    ADD ("rows", test_rows);
    ADD ("quotes", test_quotes);
    ADD ("mark-and-empty-lines", test_mark_and_empty_lines);
    ADD ("bad-rows-are-named-and-passed-over", test_bad_rows_are_named_and_passed_over);
    ADD ("long-row-is-the-end", test_long_row_is_the_end);
    ADD ("many-cells", test_many_cells);
    ADD ("failing-source", test_failing_source);
    ADD ("written-is-read", test_written_is_read);
    return g_test_run ();
}
