/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Units of durations and sizes, and numbers written with them. */

#include "config/unit.h"

/* From the largest to the smallest. */
static const TdUnit durations[] = {
    { "d", 86400000 }, { "h", 3600000 }, { "min", 60000 }, { "s", 1000 }, { "ms", 1 }, { NULL, 0 },
};
static const TdUnit sizes[] = {
    { "TiB", INT64_C (1) << 40 }, { "GiB", 1 << 30 }, { "MiB", 1 << 20 },
    { "KiB", 1 << 10 },           { "B", 1 },         { NULL, 0 },
};

const TdUnit *
td_units_of (TdConfigType type)
{
    return type == TD_CONFIG_DURATION ? durations : type == TD_CONFIG_SIZE ? sizes : NULL;
}

void
td_unit_print (GString *out, TdConfigType type, int64_t number)
{
    const TdUnit *unit = td_units_of (type);

    if (unit == NULL) {
        g_string_append_printf (out, "%" G_GINT64_FORMAT, number);
        return;
    }
    while (unit[1].name != NULL && (number == 0 || number % unit->factor != 0)) {
        unit++;
    }
    g_string_append_printf (out, "%" G_GINT64_FORMAT " %s", number / unit->factor, unit->name);
}
