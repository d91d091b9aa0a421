/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a change of the tables would do, and every row that is in its way. */

#include "report.h"

static void
free_problem (void *data)
{
    ReportProblem *problem = data;

    g_free (problem->key);
    g_free (problem->text);
    g_free (problem);
}

Report *
report_new (unsigned max_problems)
{
    Report *report = g_new0 (Report, 1);

    report->problems = g_ptr_array_new_with_free_func (free_problem);
    report->max_problems = max_problems;
    return report;
}

void
report_free (Report *report)
{
    if (report != NULL) {
        g_ptr_array_unref (report->problems);
        g_free (report);
    }
}

void
report_add (Report *report, const SchemaTable *table, uint64_t line, const char *key,
            const char *column, const char *format, ...)
{
    va_list arguments;

    if (report->n_problems++ >= report->max_problems) {
        return;
    }
    ReportProblem *problem = g_new0 (ReportProblem, 1);
    va_start (arguments, format);
    *problem = (ReportProblem){ .table = table,
                                .line = line,
                                .key = g_strdup (key),
                                .column = column,
                                .text = g_strdup_vprintf (format, arguments) };
    va_end (arguments);
    g_ptr_array_add (report->problems, problem);
}

void
report_append_problem (GString *out, const ReportProblem *problem)
{
    g_string_append (out, problem->table->name);
    if (problem->line > 0) {
        g_string_append_printf (out, " line %" G_GUINT64_FORMAT, problem->line);
    } else if (problem->key != NULL) {
        g_string_append_printf (out, " (%s)", problem->key);
    }
    if (problem->column != NULL) {
        g_string_append_printf (out, ", %s", problem->column);
    }
    g_string_append_printf (out, ": %s", problem->text);
}

bool
report_is_clean (const Report *report, GError **error)
{
    g_autoptr (GString) first = NULL;

    if (report->n_problems == 0) {
        return true;
    }
    first = g_string_new (NULL);
    if (report->problems->len > 0) {
        g_string_append (first, ", the first: ");
        report_append_problem (first, g_ptr_array_index (report->problems, 0));
    }
    g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                 "nothing was changed: %" G_GUINT64_FORMAT " mistakes in the tables%s",
                 report->n_problems, first->str);
    return false;
}
