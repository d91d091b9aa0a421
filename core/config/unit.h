/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Units of durations and sizes, and numbers written with them. */

#ifndef CORE_CONFIG_UNIT_H
#define CORE_CONFIG_UNIT_H

#include <tandem/config.h>

typedef struct {
    const char *name;
    int64_t factor; /* of milliseconds, or bytes */
} TdUnit;

/* The units of TYPE, the largest first, ended by one without a name; NULL: it has none. */
const TdUnit *td_units_of (TdConfigType type);

/* Appends NUMBER in the largest unit that divides it: of DURATION or SIZE, else as it is. */
void td_unit_print (GString *out, TdConfigType type, int64_t number);

#endif
