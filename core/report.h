/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells what is wrong with files and modules: all of it to a visitor, the first of it as the error. */

#ifndef CORE_REPORT_H
#define CORE_REPORT_H

#include <tandem/engine.h>

/* Tells VISIT (nullable) each of TEXTS. Returns whether there are none. Errors: the first of them,
 * with CODE. */
bool td_report_texts (const GPtrArray *texts, TdErrorCode code, TdProblemVisit visit, void *data,
                      GError **error);

/* The same for PROBLEMS, a list of TdProblem. */
bool td_report_problems (const GPtrArray *problems, TdProblemVisit visit, void *data,
                         GError **error);

#endif
