/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Traffic as a picture. */

#ifndef TRUNK_PLOT_H
#define TRUNK_PLOT_H

#include "interval.h"

/* INTERVALS (Interval, in their order) of the group NAME as SVG, with a line at CAPACITY (0: none)
 * (transfer full). No script, no font, no link. */
char *plot_intervals (const char *name, const GArray *intervals, uint32_t capacity);

#endif
