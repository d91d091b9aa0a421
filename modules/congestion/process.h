/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What this process has taken from the machine, and what it may take. */

#ifndef CONGESTION_PROCESS_H
#define CONGESTION_PROCESS_H

#include <stdint.h>

/* 0 where the kernel does not say. */
typedef struct {
    int64_t resident_bytes;
    int64_t memory_bytes; /* the smaller of the control group's limit and the machine's memory */
    int64_t n_descriptors;
    int64_t max_descriptors;
} ProcessUsage;

/* Thread: any. Blocks: it counts the files under /proc/self/fd. */
void process_read (ProcessUsage *ret_usage);

#endif
