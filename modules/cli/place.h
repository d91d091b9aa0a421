/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where both ends look for the control socket when nobody says otherwise. */

#ifndef CLI_PLACE_H
#define CLI_PLACE_H

#include <glib.h>

/* TANDEM_CONTROL in the environment comes first, so that a switch beside the system's can be
 * reached without an option (transfer none). */
static inline const char *
cli_default_place (void)
{
    const char *place = g_getenv ("TANDEM_CONTROL");

    return place != NULL && *place != '\0' ? place : CLI_RUNSTATEDIR "/tandem/control.sock";
}

#endif
