/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which Tandem this is. */

#ifndef CORE_BASE_VERSION_H
#define CORE_BASE_VERSION_H

#include <tandem/base.h>

/* "0.1.0". */
const char *td_version (void);

/* What the version control system calls the tree it was built from, or the version again when it
 * was built outside one. */
const char *td_version_tree (void);

/* "tandem 0.1.0 (tree 1b4e28ba2f1f, ABI 1.0)", static. */
const char *td_version_text (void);

#endif
