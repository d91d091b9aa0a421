/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tandem-routes: fills, empties, compares and rolls back the routing tables, beside a running switch.
 *
 *     bzcat ported.csv.bz2 | tandem-routes import ported - --replace
 *
 * It works on the tables' file; a switch that uses it sees the new version within a second or two.
 */

#include "tool.h"
#include "csv.h"
#include "import.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef ROUTE_DATABASE
#define ROUTE_DATABASE "/var/lib/tandem/route/route.db"
#endif

enum {
    EXIT_MISUSE = 2,
    MAX_PROBLEMS = 100,
    BUSY_MS = 10000,
    KEPT_VERSIONS = 100,
    PROGRESS_US = 500000,
};

typedef struct {
    char *database;
    char *comment;
    int64_t version;
    gboolean is_replacement, is_dry;
    char **words; /* the verb, and what it is about */
    unsigned n_words;
    Store *store;
    Report *report;
} Tool;

typedef struct {
    const char *name;
    unsigned n_least, n_most; /* words behind the verb */
    const char *arguments, *help;
    bool makes_file; /* where there is none */
    bool (*run) (Tool *tool, GError **error);
} Verb;

/* --- What is said ------------------------------------------------------------------------ */

static const char *
user_name (void)
{
    const char *name = g_getenv ("SUDO_USER");
    const struct passwd *entry = getpwuid (getuid ());

    return name != NULL ? name : entry != NULL ? entry->pw_name : "unknown";
}

static StoreNote
note_of (const Tool *tool)
{
    return (StoreNote){ .who = user_name (),
                        .comment = tool->comment != NULL ? tool->comment : "",
                        .time_us = g_get_real_time () };
}

static void
print_problems (const Report *report)
{
    g_autoptr (GString) text = g_string_new (NULL);

    for (unsigned i = 0; i < report->problems->len; i++) {
        report_append_problem (text, report->problems->pdata[i]);
        g_string_append_c (text, '\n');
    }
    if (report->n_problems > report->problems->len) {
        g_string_append_printf (text, "... and %" G_GUINT64_FORMAT " more\n",
                                report->n_problems - report->problems->len);
    }
    fputs (text->str, stderr);
}

static void
print_counts (const ReportCounts *counts)
{
    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        const ReportCounts *of = &counts[i];
        if (of->n_read + of->n_added + of->n_removed + of->n_changed > 0) {
            printf ("%-12s %" G_GUINT64_FORMAT " read, %" G_GUINT64_FORMAT
                    " added, %" G_GUINT64_FORMAT " removed, %" G_GUINT64_FORMAT " changed\n",
                    schema_table ((SchemaTableId) i)->name, of->n_read, of->n_added, of->n_removed,
                    of->n_changed);
        }
    }
}

/* What became of a change. */
static void
print_outcome (const Tool *tool, int64_t version)
{
    print_counts (tool->report->tables);
    if (tool->is_dry) {
        printf ("dry run: nothing was changed\n");
    } else {
        printf ("version %" G_GINT64_FORMAT "\n", version);
    }
}

/* --- import, remove ---------------------------------------------------------------------- */

static const SchemaTable *
find_table (const char *name, GError **error)
{
    const SchemaTable *table = schema_find_table (name);

    if (table == NULL) {
        g_autoptr (GString) names = g_string_new (NULL);
        for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
            g_string_append_printf (names, " %s", schema_table ((SchemaTableId) i)->name);
        }
        g_set_error (error, TD_ERROR, TD_ERROR_NOT_FOUND, "\"%s\" is no table; there are:%s", name,
                     names->str);
    }
    return table;
}

typedef struct {
    const char *what;
    int64_t shown_us;
} Progress;

/* A line that is written over, on a terminal only. */
static bool
show_progress (uint64_t n_rows, uint64_t n_bytes, void *data)
{
    Progress *progress = data;
    int64_t now_us = g_get_monotonic_time ();

    if (isatty (STDERR_FILENO) && now_us - progress->shown_us > PROGRESS_US) {
        progress->shown_us = now_us;
        fprintf (stderr, "\r%s: %" G_GUINT64_FORMAT " rows, %.1f MiB ", progress->what, n_rows,
                 (double) n_bytes / (1 << 20));
    }
    return true;
}

/* Puts the rows of the CSV at PATH ("-": the standard input) into CHANGE. */
static bool
import_file (Tool *tool, StoreChange *change, const SchemaTable *table, const char *path,
             GError **error)
{
    bool is_input = strcmp (path, "-") == 0;
    int fd = is_input ? STDIN_FILENO : open (path, O_RDONLY | O_CLOEXEC);
    Progress progress = { table->name, 0 };

    if (fd < 0) {
        g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "%s cannot be read: %s", path,
                     g_strerror (errno));
        return false;
    }
    bool is_read = import_csv (change,
                               &(Import){ .table = table,
                                          .fd = fd,
                                          .is_replacement = tool->is_replacement,
                                          .progress = show_progress,
                                          .data = &progress },
                               tool->report, error);
    if (progress.shown_us != 0) {
        fputc ('\n', stderr);
    }
    if (!is_input) {
        close (fd);
    }
    return is_read;
}

static bool
commit (Tool *tool, StoreChange *change, GError **error)
{
    StoreNote note = note_of (tool);
    int64_t version = 0;

    if (!store_change_commit (change, &note, tool->is_dry, tool->report, &version, error)) {
        return false;
    }
    print_outcome (tool, version);
    return true;
}

/* Every TABLE.csv in the folder, as one change. */
static bool
import_folder (Tool *tool, StoreChange *change, const char *folder, GError **error)
{
    unsigned n_files = 0;

    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        const SchemaTable *table = schema_table ((SchemaTableId) i);
        g_autofree char *name = g_strconcat (table->name, ".csv", NULL);
        g_autofree char *path = g_build_filename (folder, name, NULL);
        if (!g_file_test (path, G_FILE_TEST_EXISTS)) {
            continue;
        }
        n_files++;
        if (!import_file (tool, change, table, path, error)) {
            return false;
        }
    }
    if (n_files == 0) {
        g_set_error (error, TD_ERROR, TD_ERROR_NOT_FOUND,
                     "%s has no file that is called like a table, such as route.csv", folder);
    }
    return n_files > 0;
}

static bool
run_import (Tool *tool, GError **error)
{
    const char *what = tool->words[1];
    /* A table's name stands for the table, whatever lies about. */
    bool is_folder = tool->n_words == 2 && schema_find_table (what) == NULL
                     && g_file_test (what, G_FILE_TEST_IS_DIR);
    const SchemaTable *table = is_folder ? NULL : find_table (what, error);

    if (!is_folder && table == NULL) {
        return false;
    }
    g_autoptr (StoreChange) change = store_change_begin (tool->store, error);
    if (change == NULL) {
        return false;
    }
    const char *path = tool->n_words > 2 ? tool->words[2] : "-";
    return (is_folder ? import_folder (tool, change, what, error)
                      : import_file (tool, change, table, path, error))
           && commit (tool, change, error);
}

/* The first cells of a row name it. */
static bool
run_remove (Tool *tool, GError **error)
{
    const SchemaTable *table = find_table (tool->words[1], error);

    if (table == NULL) {
        return false;
    }
    if (tool->n_words - 2 != table->n_keys) {
        g_autoptr (GString) keys = g_string_new (NULL);
        schema_append_columns (keys, table, table->n_keys, "");
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "a row of %s is named by %s", table->name,
                     keys->str);
        return false;
    }
    g_autoptr (StoreChange) change = store_change_begin (tool->store, error);
    return change != NULL
           && store_change_remove (change, table, (const char *const *) tool->words + 2, error)
           && commit (tool, change, error);
}

/* --- Looking ----------------------------------------------------------------------------- */

static bool
run_export (Tool *tool, GError **error)
{
    const SchemaTable *table = find_table (tool->words[1], error);

    return table != NULL && store_export (tool->store, tool->version, table, STDOUT_FILENO, error);
}

static bool
run_tables (Tool *tool, GError **error)
{
    g_autoptr (GString) text = g_string_new (NULL);

    schema_append_manual (text);
    fputs (text->str, stdout);
    return true;
}

static void
print_version (const StoreVersion *version, void *data)
{
    g_autoptr (GDateTime) time =
        g_date_time_new_from_unix_local (version->note.time_us / G_USEC_PER_SEC);
    g_autofree char *shown = g_date_time_format (time, "%Y-%m-%d %H:%M:%S");
    g_autoptr (GString) note = g_string_new (NULL);

    td_text_append_value (note, version->note.who);
    if (*version->note.comment != '\0') {
        g_string_append (note, "  ");
        td_text_append_value (note, version->note.comment);
    }
    printf ("%" G_GINT64_FORMAT "  %s  %s\n", version->number, shown, note->str);
    print_counts (version->tables);
}

static bool
run_versions (Tool *tool, GError **error)
{
    return store_list_versions (tool->store, print_version, NULL, error);
}

static bool
read_version (const char *text, int64_t *ret_version, GError **error)
{
    char *end;

    errno = 0;
    *ret_version = g_ascii_strtoll (text, &end, 10);
    if (*text == '\0' || *end != '\0' || errno != 0 || *ret_version < 0) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "\"%s\" is no version: \"tandem-routes versions\" shows them", text);
        return false;
    }
    return true;
}

static void
print_cells (const SchemaTable *table, char sign, const char *const *cells)
{
    g_autoptr (GString) line = g_string_new (NULL);

    for (unsigned i = 0; i < table->n_columns; i++) {
        g_string_append (line, i > 0 ? "," : "");
        csv_append_cell (line, cells[i]);
    }
    printf ("%c %s: %s\n", sign, table->name, line->str);
}

static bool
print_difference (const StoreDifference *difference, void *data, GError **error)
{
    if (difference->before != NULL) {
        print_cells (difference->table, '-', difference->before);
    }
    if (difference->after != NULL) {
        print_cells (difference->table, '+', difference->after);
    }
    return true;
}

static bool
run_diff (Tool *tool, GError **error)
{
    int64_t from, to = STORE_NEWEST;

    return read_version (tool->words[1], &from, error)
           && (tool->n_words < 3 || read_version (tool->words[2], &to, error))
           && store_diff (tool->store, from, to, print_difference, NULL, error);
}

static bool
run_roll_back (Tool *tool, GError **error)
{
    StoreNote note = note_of (tool);
    int64_t version, made;

    if (!read_version (tool->words[1], &version, error)
        || !store_roll_back (tool->store, version, &note, tool->is_dry, tool->report, &made,
                             error)) {
        return false;
    }
    print_outcome (tool, made);
    return true;
}

static bool
run_check (Tool *tool, GError **error)
{
    unsigned n_errors;

    if (!tool_check (tool->store, tool->version, &n_errors, error)) {
        return false;
    }
    if (n_errors > 0) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "%u mistakes: a switch does not take this version", n_errors);
    }
    return n_errors == 0;
}

static bool
run_verify (Tool *tool, GError **error)
{
    unsigned n_wrong;

    if (!tool_verify (tool->store, tool->version, tool->words[1], &n_wrong, error)) {
        return false;
    }
    if (n_wrong > 0) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "%u calls do not go where they should",
                     n_wrong);
    }
    return n_wrong == 0;
}

/* --- The words --------------------------------------------------------------------------- */

static const Verb verbs[] = {
    { "import", 1, 2, "TABLE [FILE|-] | FOLDER",
      "takes the rows of a CSV, or of every TABLE.csv in a folder, in one change", true,
      run_import },
    { "remove", 2, 4, "TABLE KEY...", "takes one row out", false, run_remove },
    { "export", 1, 1, "TABLE", "writes a CSV to the standard output", false, run_export },
    { "versions", 0, 0, "", "shows who changed what, and when", false, run_versions },
    { "diff", 1, 2, "FROM [TO]", "shows the rows that are not the same in two versions", false,
      run_diff },
    { "roll-back", 1, 1, "VERSION", "makes a new version that is as an old one was", false,
      run_roll_back },
    { "check", 0, 0, "", "shows what is wrong or odd between the rows", false, run_check },
    { "verify", 1, 1, "FILE", "shows which calls of a CSV do not go where it says", false,
      run_verify },
    { "tables", 0, 0, "", "shows all tables with their columns", true, run_tables },
};

static const Verb *
find_verb (const Tool *tool, GError **error)
{
    for (unsigned i = 0; tool->n_words > 0 && i < G_N_ELEMENTS (verbs); i++) {
        unsigned n = tool->n_words - 1;
        if (strcmp (verbs[i].name, tool->words[0]) != 0) {
            continue;
        }
        if (n < verbs[i].n_least || n > verbs[i].n_most) {
            g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "say tandem-routes %s %s",
                         verbs[i].name, verbs[i].arguments);
            return NULL;
        }
        return &verbs[i];
    }
    g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "%s%s: see tandem-routes --help",
                 tool->n_words > 0 ? "there is no verb " : "say what to do",
                 tool->n_words > 0 ? tool->words[0] : "");
    return NULL;
}

static char *
describe (void)
{
    GString *text = g_string_new ("Verbs:\n");

    for (unsigned i = 0; i < G_N_ELEMENTS (verbs); i++) {
        g_autofree char *head = g_strconcat (verbs[i].name, " ", verbs[i].arguments, NULL);
        g_string_append_printf (text, "  %-34s %s\n", head, verbs[i].help);
    }
    g_string_append (text,
                     "\nExit status: 0 it is done, 1 it failed and nothing was changed, 2 wrong "
                     "arguments.");
    return g_string_free (text, FALSE);
}

static bool
parse (Tool *tool, int argc, char **argv, GError **error)
{
    const GOptionEntry entries[] = {
        { "database", 'd', 0, G_OPTION_ARG_FILENAME, &tool->database,
          "The tables' file (" ROUTE_DATABASE "), or postgresql://USER@HOST/DATABASE", "FILE" },
        { "replace", 'r', 0, G_OPTION_ARG_NONE, &tool->is_replacement,
          "Import: rows go that the CSV does not have", NULL },
        { "dry-run", 'n', 0, G_OPTION_ARG_NONE, &tool->is_dry,
          "Say what would change, and what is wrong; change nothing", NULL },
        { "comment", 'm', 0, G_OPTION_ARG_STRING, &tool->comment, "Why: kept with the version",
          "TEXT" },
        { "version", 'v', 0, G_OPTION_ARG_INT64, &tool->version,
          "Export, check, verify: this version", "N" },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &tool->words, NULL, "VERB ..." },
        { NULL },
    };
    g_autoptr (GOptionContext) context = g_option_context_new (NULL);
    g_autofree char *description = describe ();

    g_option_context_set_summary (context,
                                  "Changes and shows the routing tables of the module route.");
    g_option_context_set_description (context, description);
    g_option_context_add_main_entries (context, entries, NULL);
    if (!g_option_context_parse (context, &argc, &argv, error)) {
        return false;
    }
    tool->n_words = tool->words != NULL ? g_strv_length (tool->words) : 0;
    return true;
}

/* Whether all that was printed has been taken. */
static bool
end_output (GError **error)
{
    if (fflush (stdout) == 0 && !ferror (stdout)) {
        return true;
    }
    g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "the output cannot be written: %s",
                 g_strerror (errno));
    return false;
}

static bool
run (Tool *tool, const Verb *verb, GError **error)
{
    const char *path = tool->database != NULL ? tool->database : ROUTE_DATABASE;
    StoreOptions options = { .may_create = verb->makes_file,
                             .busy_ms = BUSY_MS,
                             .n_versions = KEPT_VERSIONS };

    if (verb->run == run_tables) {
        return verb->run (tool, error) && end_output (error);
    }
    tool->store = store_open (path, &options, error);
    return tool->store != NULL && verb->run (tool, error) && end_output (error);
}

int
main (int argc, char **argv)
{
    Tool tool = { .version = STORE_NEWEST };
    g_autoptr (GError) error = NULL;
    const Verb *verb = NULL;
    int code = EXIT_SUCCESS;

    if (!parse (&tool, argc, argv, &error) || (verb = find_verb (&tool, &error)) == NULL) {
        code = EXIT_MISUSE;
    } else {
        tool.report = report_new (MAX_PROBLEMS);
        code = run (&tool, verb, &error) ? EXIT_SUCCESS : EXIT_FAILURE;
        if (tool.report->n_problems > 1) { /* the error names the first */
            print_problems (tool.report);
        }
    }
    if (error != NULL) {
        fprintf (stderr, "tandem-routes: %s\n", error->message);
    }
    report_free (tool.report);
    store_close (tool.store);
    g_strfreev (tool.words);
    g_free (tool.database);
    g_free (tool.comment);
    return code;
}
