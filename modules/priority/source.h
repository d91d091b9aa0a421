/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether somebody else could pass for a trunk whose marks are accepted (RFC 4412 11.3). */

#ifndef PRIORITY_SOURCE_H
#define PRIORITY_SOURCE_H

#include <tandem/config.h>

/* What is wrong with ADDRESS, where a peer of TRUNK is, and what to do (static text); NULL: nobody else could
 * pass for it. */
const char *source_weakness (const TdConfig *config, const char *trunk, const char *address);

/* Whether CONFIG has the module NAME, and not as disabled. */
bool source_has_module (const TdConfig *config, const char *name);

#endif
