/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The report of what became of calls with a priority, from the records that are stored. */

#ifndef CDR_SQL_REPORT_H
#define CDR_SQL_REPORT_H

#include <tandem/module.h>

/* Declares the command "report completion". Thread: control. */
bool cdr_report_add (TdModule *module, GError **error);

/* The database that has the records of calls with a priority whole (transfer full). Thread: control. */
char *cdr_whole_path (TdModule *module, GError **error);

#endif
