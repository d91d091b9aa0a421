/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the service manager is told. */

#include "notify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <tandem/lane.h>
#include <tandem/log.h>
#include <unistd.h>

static TdTimer watchdog;
static uint32_t watchdog_ms; /* half of what the service manager allows */

void
td_notify (const char *state)
{
    const char *path = g_getenv ("NOTIFY_SOCKET");
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (path == NULL || (path[0] != '/' && path[0] != '@')
        || strlen (path) >= sizeof (address.sun_path)) {
        return;
    }
    socklen_t size = (socklen_t) (offsetof (struct sockaddr_un, sun_path) + strlen (path));
    strcpy (address.sun_path, path);
    if (path[0] == '@') {
        address.sun_path[0] = '\0';
    }
    int fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0
        || sendto (fd, state, strlen (state), MSG_NOSIGNAL, (struct sockaddr *) &address, size)
               < 0) {
        td_log_warning (NULL, "notify", "cannot tell the service manager %s: %s", state,
                        g_strerror (errno));
    }
    if (fd >= 0) {
        close (fd);
    }
}

static void
visit_nothing (TdLane *lane, void *data)
{
}

/* Every lane has ended a turn since the timer expired. */
static void
all_lanes_turned (void *data)
{
    td_notify ("WATCHDOG=1");
    if (watchdog_ms > 0) {
        td_timer_start (&watchdog, watchdog_ms);
    }
}

static void
ask_lanes (TdTimer *timer)
{
    td_lane_sweep (NULL, visit_nothing, all_lanes_turned, NULL, NULL);
}

void
td_notify_start_watchdog (void)
{
    const char *text = g_getenv ("WATCHDOG_USEC");
    uint64_t usec = text != NULL ? g_ascii_strtoull (text, NULL, 10) : 0;

    watchdog_ms = (uint32_t) MIN (usec / 2000, UINT32_C (3600000));
    td_timer_init (&watchdog, NULL, ask_lanes);
    if (watchdog_ms > 0) {
        td_timer_start (&watchdog, watchdog_ms);
    }
}

void
td_notify_stop_watchdog (void)
{
    watchdog_ms = 0;
    td_timer_stop (&watchdog);
}
