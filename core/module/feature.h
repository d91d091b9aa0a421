/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Features: interface tables that modules find by name. Everything here: Thread: control. */

#ifndef CORE_MODULE_FEATURE_H
#define CORE_MODULE_FEATURE_H

#include "module/module.h"

/* Declares the topic "feature.changed". */
void td_features_init (void);

/* Publishes that what MODULE provides can be acquired now, or not any more. */
void td_features_tell (TdModule *module, bool is_available);

/* Appends "feature NAME for MODULE" for each lease of what MODULE provides to LIST; returns how
 * many there are. */
unsigned td_features_append_users (const TdModule *module, GString *list);

#endif
