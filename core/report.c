/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells what is wrong with files and modules: all of it to a visitor, the first of it as the error. */

#include "report.h"

#include "config/problem.h"

bool
td_report_texts (const GPtrArray *texts, TdErrorCode code, TdProblemVisit visit, void *data,
                 GError **error)
{
    for (unsigned i = 0; visit != NULL && i < texts->len; i++) {
        visit (texts->pdata[i], data);
    }
    if (texts->len > 0) {
        g_set_error (error, TD_ERROR, code, "%s%s", (const char *) texts->pdata[0],
                     texts->len > 1 ? " (and more)" : "");
    }
    return texts->len == 0;
}

bool
td_report_problems (const GPtrArray *problems, TdProblemVisit visit, void *data, GError **error)
{
    g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);

    for (unsigned i = 0; i < problems->len; i++) {
        GString *text = g_string_new (NULL);
        td_problem_print (problems->pdata[i], text);
        g_ptr_array_add (texts, g_string_free (text, FALSE));
    }
    return td_report_texts (texts, TD_ERROR_INVALID, visit, data, error);
}
