/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a key takes, in words. */

#ifndef CORE_CONFIG_DESCRIBE_H
#define CORE_CONFIG_DESCRIBE_H

#include <tandem/config.h>

/* Appends what KEY takes: "a whole number of calls from 1 to 1000". */
void td_key_describe (const TdConfigKey *key, GString *out);

#endif
