/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the commands share: rows, times. */

#ifndef TRUNK_COMMAND_H
#define TRUNK_COMMAND_H

#include "trunk.h"

/* All append to a dictionary under construction; what is empty or unlimited is left out. */
void row_text (GVariantBuilder *row, const char *name, const char *value);
void row_number (GVariantBuilder *row, const char *name, int64_t value);
void row_cap (GVariantBuilder *row, const char *name, uint32_t value);
void row_time (GVariantBuilder *row, const char *name, int64_t wall_us);

/* UTC, ISO 8601 (transfer full). */
char *time_print (int64_t wall_us);

/* "90s", "15 min"; at most 10^7 of a unit. */
bool duration_parse (const char *text, int64_t *ret_ms);

/* NAME as the value of a metric's label (transfer full). */
char *label_value (const char *name);

/* The groups by name. Thread: control. */
GPtrArray *sorted_groups (const Trunk *trunk);

#endif
