/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the service manager is told: sd_notify(3)'s protocol, one datagram each. */

#ifndef CORE_NOTIFY_H
#define CORE_NOTIFY_H

/* Sends STATE ("READY=1"); nothing happens where nobody asked for it. Thread: any. */
void td_notify (const char *state);

/* Tells the watchdog that all is well as often as it wants, as long as every lane ends its turns.
 * Thread: control. */
void td_notify_start_watchdog (void);
void td_notify_stop_watchdog (void);

#endif
