/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of what is shown to an operator: dictionaries whose names stay in the order they were given,
 * as a GVariantDict's do not. */

#ifndef CORE_BASE_ROW_H
#define CORE_BASE_ROW_H

#include <tandem/base.h>

/* All append to a dictionary (a{sv}) under construction. NULL and "" are left out; what is not UTF-8
 * in a VALUE, which may be a peer's, becomes U+FFFD. */
void td_row_text (GVariantBuilder *row, const char *name, const char *value);
void td_row_number (GVariantBuilder *row, const char *name, int64_t value);
void td_row_list (GVariantBuilder *row, const char *name, const char *const *values, gssize n);

/* Appends what is in DICT, by name, and clears it. */
void td_row_rest (GVariantBuilder *row, GVariantDict *dict);

#endif
