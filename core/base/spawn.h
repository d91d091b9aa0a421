/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads that leave signals to the main thread. */

#ifndef TANDEM_BASE_SPAWN_H
#define TANDEM_BASE_SPAWN_H

#include <pthread.h>

/* Starts a thread for RUN (DATA). Signals from outside are not delivered to it; what it does wrong itself
 * is, so that whoever watches for that can say where it was. Returns an errno value, 0: it runs. */
int td_spawn (pthread_t *ret_thread, void *(*run) (void *data), void *data);

#endif
