/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is wrong, or odd, in tables whose rows are each good. */

#include "findings.h"

static void
clear_finding (void *data)
{
    g_free (((Finding *) data)->text);
}

Findings *
findings_new (void)
{
    Findings *findings = g_new0 (Findings, 1);

    findings->all = g_array_new (false, false, sizeof (Finding));
    g_array_set_clear_func (findings->all, clear_finding);
    return findings;
}

void
findings_free (Findings *findings)
{
    if (findings != NULL) {
        g_array_unref (findings->all);
        g_free (findings);
    }
}

void
findings_add (Findings *findings, SchemaTableId table, unsigned line, bool is_error,
              const char *format, ...)
{
    Finding finding = { table, line, is_error, NULL };
    va_list arguments;

    findings->n_errors += is_error;
    if (findings->all->len == FINDINGS_MAX) {
        findings->n_left_out++;
        return;
    }
    va_start (arguments, format);
    finding.text = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    g_array_append_val (findings->all, finding);
}
