/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Losses: what a reload would take away that hardly anybody means to. */

#ifndef CORE_CONFIG_LOSS_H
#define CORE_CONFIG_LOSS_H

#include "config/config.h"

/* Adds to PROBLEMS what AFTER, good as it may be, has lost of BEFORE: a file that is empty now, all modules,
 * all trunks. A write that was cut off looks so. Whether there is any. */
bool td_config_find_losses (const TdConfig *before, const TdConfig *after, GPtrArray *problems);

#endif
