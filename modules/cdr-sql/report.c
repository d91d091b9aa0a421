/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The report of what became of calls with a priority: a day and an account, or a carrier, a row.
 *
 *     command --> worker: reads the database, beside who writes it --> answer
 *
 * A call that was answered has a STOP, one that was not an ATTEMPT: each call counts once, on the day that
 * it ended, by UTC. */

#include "report.h"

#include <sqlite3.h>
#include <tandem/command.h>
#include <tandem/priority.h>
#include <tandem/worker.h>

enum {
    ROWS_MAX = 10000,
    BUSY_MS = 2000,
    DAY_LENGTH = 10, /* 2026-01-31 */
};

typedef struct {
    TdWork work; /* first */
    TdRequest *request;
    char *path;
    char *day; /* nullable: all of them */
    bool is_by_carrier;
    GVariantBuilder rows;
    GError *error;
} Report;

static void
report_free (Report *report)
{
    g_variant_builder_clear (&report->rows);
    g_clear_error (&report->error);
    td_request_unref (report->request);
    g_free (report->path);
    g_free (report->day);
    g_free (report);
}

static void
fail (Report *report, sqlite3 *db, const char *what)
{
    g_set_error (&report->error, TD_ERROR, TD_ERROR_SYSTEM,
                 "%s: %s: %s: see the log for whether records "
                 "are stored, and try again",
                 report->path, what, sqlite3_errmsg (db));
}

/* Records that were written before there were accounts have no such column. */
static bool
has_accounts (sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    bool is_there =
        sqlite3_prepare_v2 (db, "SELECT account FROM records LIMIT 0", -1, &statement, NULL)
        == SQLITE_OK;

    sqlite3_finalize (statement);
    return is_there;
}

/* The statement for REPORT (transfer full). Calls of an account have a priority by it, or were to have. */
static char *
compose (const Report *report, bool has_account)
{
    const char *who = report->is_by_carrier ? "called_trunk" : has_account ? "account" : "NULL";

    return g_strdup_printf (
        "SELECT date (time / 1000000, 'unixepoch') AS day, ifnull (%s, '') AS who, count (*), "
        "sum (record = 'STOP'), sum (CASE record WHEN 'STOP' THEN duration_us ELSE 0 END) / "
        "1000000 "
        "FROM records WHERE record IN ('STOP', 'ATTEMPT') AND ((priority_class > %d AND "
        "priority_class <> %d)%s) AND (?1 IS NULL OR date (time / 1000000, 'unixepoch') = ?1) "
        "GROUP BY day, who ORDER BY day, who LIMIT %d",
        who, TD_CLASS_ORDINARY, TD_CLASS_EMERGENCY, has_account ? " OR account <> ''" : "",
        ROWS_MAX);
}

static void
add_row (Report *report, sqlite3_stmt *statement)
{
    GVariantBuilder *rows = &report->rows;
    int64_t n_offered = sqlite3_column_int64 (statement, 2);
    int64_t n_completed = sqlite3_column_int64 (statement, 3);

    g_variant_builder_open (rows, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (
        rows, "{sv}", "day",
        g_variant_new_string ((const char *) sqlite3_column_text (statement, 0)));
    g_variant_builder_add (
        rows, "{sv}", report->is_by_carrier ? "carrier" : "account",
        g_variant_new_string ((const char *) sqlite3_column_text (statement, 1)));
    g_variant_builder_add (rows, "{sv}", "calls", g_variant_new_int64 (n_offered));
    g_variant_builder_add (rows, "{sv}", "completed", g_variant_new_int64 (n_completed));
    g_variant_builder_add (rows, "{sv}", "percent",
                           g_variant_new_double ((double) (n_completed * 1000 / n_offered) / 10));
    g_variant_builder_add (rows, "{sv}", "seconds",
                           g_variant_new_int64 (sqlite3_column_int64 (statement, 4)));
    g_variant_builder_close (rows);
}

static void
read_rows (Report *report, sqlite3 *db)
{
    g_autofree char *sql = compose (report, has_accounts (db));
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2 (db, sql, -1, &statement, NULL);

    if (code == SQLITE_OK && report->day != NULL) {
        code = sqlite3_bind_text (statement, 1, report->day, -1, SQLITE_STATIC);
    }
    while (code == SQLITE_OK && (code = sqlite3_step (statement)) == SQLITE_ROW) {
        add_row (report, statement);
        code = SQLITE_OK;
    }
    if (code != SQLITE_DONE) {
        fail (report, db, "its records cannot be read");
    }
    sqlite3_finalize (statement);
}

static void
run_work (TdWork *work)
{
    Report *report = (Report *) work;
    sqlite3 *db = NULL;

    if (sqlite3_open_v2 (report->path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
        fail (report, db, "it cannot be opened");
    } else {
        sqlite3_busy_timeout (db, BUSY_MS);
        read_rows (report, db);
    }
    sqlite3_close (db);
}

static void
work_done (TdWork *work)
{
    Report *report = (Report *) work;

    if (report->error != NULL) {
        td_request_fail (report->request, "%s", report->error->message);
    } else {
        td_request_reply (report->request, g_variant_builder_end (&report->rows));
    }
    report_free (report);
}

static void
work_dropped (TdWork *work)
{
    Report *report = (Report *) work;

    td_request_fail (report->request, "the module cdr-sql has stopped: start it and ask again");
    report_free (report);
}

/* "2026-01-31", and a day that there is. */
static bool
is_day (const char *text)
{
    g_autofree char *midnight = g_strconcat (text, "T00:00:00Z", NULL);
    g_autoptr (GDateTime) time =
        strlen (text) == DAY_LENGTH ? g_date_time_new_from_iso8601 (midnight, NULL) : NULL;

    return time != NULL;
}

static void
run (TdRequest *request, void *data)
{
    const char *day = td_request_argument (request, "--day");
    g_autoptr (GError) error = NULL;
    char *path;

    if (day != NULL && !is_day (day)) {
        td_request_fail (request, "\"%s\" is no day: say one such as 2026-01-31", day);
        return;
    }
    path = cdr_whole_path (data, &error);
    if (path == NULL) {
        td_request_fail (request, "%s", error->message);
        return;
    }
    Report *report = g_new0 (Report, 1);
    report->request = td_request_ref (request);
    report->path = path;
    report->day = g_strdup (day);
    report->is_by_carrier = td_request_argument (request, "--carriers") != NULL;
    g_variant_builder_init (&report->rows, G_VARIANT_TYPE ("aa{sv}"));
    report->work =
        (TdWork){ .owner = data, .run = run_work, .done = work_done, .drop = work_dropped };
    td_work_start (&report->work);
}

bool
cdr_report_add (TdModule *module, GError **error)
{
    static const TdArgument arguments[] = {
        { .name = "--day", .help = "Only this day (UTC), such as 2026-01-31", .takes_value = true },
        { .name = "--carriers", .help = "By the trunk group that calls went out by" },
    };

    return td_command_add (module,
                           &(TdCommand){ .size = sizeof (TdCommand),
                                         .argument_size = sizeof (TdArgument),
                                         .name = "report completion",
                                         .help =
                                             "Shows for each day and account how many calls with "
                                             "a priority were answered",
                                         .arguments = arguments,
                                         .n_arguments = G_N_ELEMENTS (arguments),
                                         .is_priority = true,
                                         .data = module,
                                         .run = run },
                           error);
}
