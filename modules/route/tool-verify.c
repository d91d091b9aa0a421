/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tandem-routes check, verify: what a version of the tables would do, before a switch does it.
 *
 *     called,calling,trunk,time,list,targets
 *     12125550100,,customer-a,,price-017,carrier-a:+12125550100 carrier-b:+12125550100
 *     19005550100,,customer-a,,,cause 21
 */

#include "tool.h"

#include "compile.h"
#include "csv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CALLED, CALLING, TRUNK, TIME, LIST, TARGETS, N_COLUMNS };

static const char *const columns[N_COLUMNS] = { "called", "calling", "trunk",
                                                "time",   "list",    "targets" };

/* --- check ------------------------------------------------------------------------------- */

static void
print_findings (const Findings *findings)
{
    for (unsigned i = 0; i < findings->all->len; i++) {
        const Finding *finding = &g_array_index (findings->all, Finding, i);
        printf ("%s: %s line %u: %s\n", finding->is_error ? "error" : "warning",
                schema_table (finding->table)->name, finding->line, finding->text);
    }
    if (findings->n_left_out > 0) {
        printf ("... and %u more\n", findings->n_left_out);
    }
}

bool
tool_check (Store *store, int64_t version, unsigned *ret_n_errors, GError **error)
{
    g_autoptr (Findings) findings = findings_new ();
    Compiled compiled;

    if (!compile (store, version, NULL, NULL, &compiled, findings, error)) {
        return false;
    }
    print_findings (findings);
    *ret_n_errors = findings->n_errors;
    tables_free (compiled.tables);
    return true;
}

/* --- verify ------------------------------------------------------------------------------ */

/* A CSV of expected results, as its columns stand. */
typedef struct {
    CsvReader *reader;
    int places[N_COLUMNS]; /* of our columns in its rows; -1: it has none of that name */
    const Tables *tables;
    const char *path;
    unsigned n_header; /* cells of the header line */
    unsigned n_rows, n_wrong;
} Verification;

static ssize_t
read_fd (void *data, char *into, size_t size)
{
    return read (*(int *) data, into, size);
}

static const char *
cell (const Verification *verification, const CsvRow *row, unsigned column)
{
    int place = verification->places[column];

    return place >= 0 && (unsigned) place < row->n_cells ? row->cells[place] : "";
}

/* A name that is misspelt would make an expectation that anything meets. */
static bool
take_name (Verification *verification, const char *name, unsigned place, GError **error)
{
    g_autoptr (GString) shown = g_string_new (NULL);

    for (unsigned i = 0; i < N_COLUMNS; i++) {
        if (strcmp (columns[i], name) == 0 && verification->places[i] < 0) {
            verification->places[i] = (int) place;
            return true;
        }
        if (strcmp (columns[i], name) == 0) {
            g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                         "%s: \"%s\" stands twice in the header line: take one of them out",
                         verification->path, name);
            return false;
        }
    }
    td_text_append_value (shown, name);
    g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                 "%s: %s in the header line is no column; there are called, calling, trunk, time, "
                 "list, targets",
                 verification->path, shown->str);
    return false;
}

static bool
read_header (Verification *verification, GError **error)
{
    CsvRow row;

    if (csv_reader_next (verification->reader, &row) != CSV_ROW) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "%s has no header line",
                     verification->path);
        return false;
    }
    verification->n_header = row.n_cells;
    for (unsigned i = 0; i < N_COLUMNS; i++) {
        verification->places[i] = -1;
    }
    for (unsigned i = 0; i < row.n_cells; i++) {
        if (!take_name (verification, row.cells[i], i, error)) {
            return false;
        }
    }
    if (verification->places[CALLED] < 0) {
        g_set_error (
            error, TD_ERROR, TD_ERROR_INVALID,
            "%s: the header line has no \"called\"; it may have calling, trunk, time, list, "
            "targets beside",
            verification->path);
        return false;
    }
    return true;
}

static bool
read_party (TdParty *ret_party, const char *text)
{
    *ret_party = (TdParty){ .is_complete = true };
    if (*text != '\0' && !td_party_from_number (ret_party, text)
        && !td_party_from_user (ret_party, text, "")) {
        return false;
    }
    ret_party->is_complete = true;
    return true;
}

static bool
read_time (const char *text, int64_t *ret_us)
{
    g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
    g_autoptr (GDateTime) time = NULL;

    if (*text == '\0') {
        *ret_us = g_get_real_time ();
        return true;
    }
    time = g_date_time_new_from_iso8601 (text, utc);
    *ret_us = time != NULL ? g_date_time_to_unix (time) * G_USEC_PER_SEC : 0;
    return time != NULL;
}

/* "carrier-a:+49891234 carrier-b", or "cause 21", or "more digits". */
static char *
print_targets (const Tables *tables, const Decision *decision)
{
    GString *text = g_string_new (NULL);

    if (decision->verdict == DECISION_REFUSE) {
        g_string_printf (text, "cause %u", decision->cause);
    } else if (decision->verdict == DECISION_MORE_DIGITS) {
        g_string_assign (text, "more digits");
    }
    for (unsigned i = 0; decision->verdict == DECISION_ROUTE && i < decision->n_targets; i++) {
        DecisionTarget target;
        decision_target (tables, decision, i, &target, NULL);
        g_string_append_printf (text, "%s%s:%s", i > 0 ? " " : "", target.trunk,
                                target.numbers.called.text);
    }
    return g_string_free (text, FALSE);
}

/* An expectation that says nothing is met by anything. */
static bool
is_met (const char *expected, const char *found)
{
    return *expected == '\0' || strcmp (expected, found) == 0;
}

static void
complain (Verification *verification, const CsvRow *row, const char *what)
{
    g_autoptr (GString) called = g_string_new (NULL);

    td_text_append_value (called, cell (verification, row, CALLED));
    printf ("%s:%" G_GUINT64_FORMAT ": %s: %s\n", verification->path, row->line, called->str, what);
    verification->n_wrong++;
}

static void
append_result (GString *out, const char *list, const char *targets)
{
    td_text_append_value (out, list);
    g_string_append (out, ", ");
    td_text_append_value (out, targets);
}

static void
verify_row (Verification *verification, const CsvRow *row)
{
    TdParty called, calling;
    Decision decision;
    DecisionRequest request = { .called = &called,
                                .calling = &calling,
                                .trunk = cell (verification, row, TRUNK),
                                .line_information = ROW_NOT_SAID };

    verification->n_rows++;
    if (row->n_cells > verification->n_header) {
        g_autofree char *what = g_strdup_printf ("has %u cells, the header line %u", row->n_cells,
                                                 verification->n_header);
        complain (verification, row, what);
        return;
    }
    if (!read_party (&called, cell (verification, row, CALLED))
        || !read_party (&calling, cell (verification, row, CALLING))
        || !read_time (cell (verification, row, TIME), &request.time_us)) {
        complain (verification, row, "called or calling is no party, or time is none of ISO 8601");
        return;
    }
    decision_make (verification->tables, &request, &decision, NULL);
    g_autofree char *targets = print_targets (verification->tables, &decision);
    const char *list = decision.verdict == DECISION_ROUTE ? decision.label : "";
    if (!is_met (cell (verification, row, LIST), list)
        || !is_met (cell (verification, row, TARGETS), targets)) {
        g_autoptr (GString) what = g_string_new ("goes to list ");
        append_result (what, list, targets);
        g_string_append (what, "; expected was ");
        append_result (what, cell (verification, row, LIST), cell (verification, row, TARGETS));
        complain (verification, row, what->str);
    }
}

static bool
verify_rows (Verification *verification, GError **error)
{
    CsvResult result;
    CsvRow row;

    if (!read_header (verification, error)) {
        return false;
    }
    while ((result = csv_reader_next (verification->reader, &row)) != CSV_END) {
        if (result == CSV_LOST) {
            g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "%s:%" G_GUINT64_FORMAT ": %s",
                         verification->path, row.line, row.reason);
            return false;
        }
        if (result == CSV_BAD) {
            printf ("%s:%" G_GUINT64_FORMAT ": %s\n", verification->path, row.line, row.reason);
            verification->n_wrong++;
        } else {
            verify_row (verification, &row);
        }
    }
    printf ("%u calls, %u of them wrong\n", verification->n_rows, verification->n_wrong);
    return true;
}

bool
tool_verify (Store *store, int64_t version, const char *path, unsigned *ret_n_wrong, GError **error)
{
    g_autoptr (Findings) findings = findings_new ();
    Compiled compiled;
    int fd = open (path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "%s cannot be read: %s", path,
                     g_strerror (errno));
        return false;
    }
    bool is_good = compile (store, version, NULL, NULL, &compiled, findings, error);
    if (is_good) {
        g_autoptr (CsvReader) reader = csv_reader_new (read_fd, &fd);
        Verification verification = { .reader = reader, .tables = compiled.tables, .path = path };
        is_good = verify_rows (&verification, error);
        *ret_n_wrong = verification.n_wrong;
        tables_free (compiled.tables);
    }
    close (fd);
    return is_good;
}
