/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of tandem-routes that decide as a switch would. */

#ifndef ROUTE_TOOL_H
#define ROUTE_TOOL_H

#include "store.h"

/* Compiles VERSION and prints what is wrong or odd. RET_N_ERRORS: how many mistakes keep a switch from
 * using it. */
bool tool_check (Store *store, int64_t version, unsigned *ret_n_errors, GError **error);

/* Decides each call of the CSV at PATH by VERSION and prints those that do not go where it says.
 * RET_N_WRONG: how many. */
bool tool_verify (Store *store, int64_t version, const char *path, unsigned *ret_n_wrong,
                  GError **error);

#endif
