/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The folder for what must survive a restart. */

#ifndef CORE_STATE_FOLDER_H
#define CORE_STATE_FOLDER_H

#include "config/config.h"

/* Makes the folder that ASKED (nullable), the files, or the environment name, and all above it
 * (transfer full). Errors: why it cannot be made, and how to choose another one. */
char *td_state_folder_make (const char *asked, const TdConfig *config, GError **error);

/* The number of this life of the process, 0 to 4095: one more than the last one that FOLDER knows. */
unsigned td_state_folder_next_boot (const char *folder);

/* Removes FOLDER with all that is in it. */
void td_state_folder_remove (const char *folder);

#endif
