/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Has jemalloc give memory back to the system after a busy time. */

#include "trim.h"

#include <glib.h>
#include <jemalloc/jemalloc.h>
#include <tandem/log.h>

/* It does so by itself ten seconds after memory was freed, but when it is idle only with a thread for it. */
static void
set_thread (bool is_on)
{
    int error = mallctl ("background_thread", NULL, NULL, &is_on, sizeof is_on);

    if (error != 0) {
        td_log_warning (NULL, "memory", "what is free after a busy time may stay: jemalloc: %s",
                        g_strerror (error));
    }
}

void
td_trim_start (void)
{
    set_thread (true);
}

void
td_trim_stop (void)
{
    set_thread (false);
}
