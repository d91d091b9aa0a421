/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Losses: what a reload would take away, or a start would not find, that hardly anybody means to. */

#ifndef CORE_CONFIG_LOSS_H
#define CORE_CONFIG_LOSS_H

#include "config/config.h"

/* Adds to PROBLEMS what AFTER, good as it may be, has lost of BEFORE: a file that is empty now, all modules,
 * all trunks. A write that was cut off looks so. Whether there is any. */
bool td_config_find_losses (const TdConfig *before, const TdConfig *after, GPtrArray *problems);

/* Adds to PROBLEMS what INI, before anything of it is in force, looks cut off by: a file without even a comment,
 * or no section in any; OVERRIDES (nullable), what --set says, make up for sections. Whether there is any. */
bool td_ini_find_losses (const TdIni *ini, const char *const *overrides, GPtrArray *problems);

#endif
