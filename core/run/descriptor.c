/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The last of the process's descriptors, kept for who comes first.
 *
 * Nothing is counted: the kernel gives the lowest number that is free (POSIX, 2.6), so the number of a
 * descriptor tells how many are in use below it, whoever has taken them.
 */

#include "run/socket.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <tandem/priority.h>

static atomic_int ceiling = INT_MAX; /* ordinary work uses the numbers below */

void
td_descriptors_reserve (unsigned percent)
{
    struct rlimit limit;

    if (percent == 0 || getrlimit (RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX) {
        atomic_store (&ceiling, INT_MAX);
    } else {
        atomic_store (&ceiling, (int) (limit.rlim_cur - limit.rlim_cur * percent / 100));
    }
}

bool
td_descriptor_may_keep (int fd, unsigned priority_class)
{
    if (priority_class > TD_CLASS_ORDINARY
        || fd < atomic_load_explicit (&ceiling, memory_order_relaxed)) {
        return true;
    }
    errno = EMFILE;
    return false;
}
