/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads that leave signals to the main thread. */

#include "base/spawn.h"

#include <glib.h>
#include <signal.h>

/* A fault that is blocked ends the process all the same, but before a handler, such as a sanitizer's, has
 * seen it. */
static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT };

int
td_spawn (pthread_t *ret_thread, void *(*run) (void *data), void *data)
{
    sigset_t blocked, before;

    sigfillset (&blocked);
    for (unsigned i = 0; i < G_N_ELEMENTS (faults); i++) {
        sigdelset (&blocked, faults[i]);
    }
    pthread_sigmask (SIG_SETMASK, &blocked, &before);
    int error = pthread_create (ret_thread, NULL, run, data);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    return error;
}
