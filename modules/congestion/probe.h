/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long work waits for its turn on each lane, and how busy each lane is: asked by a stamped post.
 *
 *     control           lane 1
 *     stamp --post----> | waits | waits | read the clock, and the processor's time of this thread
 *     look <------------------------------'
 *
 * What waits in the kernel is no post yet: the core counts for how long, and what came since the last
 * look is read from its metrics.
 *
 * A post stands behind whatever arrived from outside before it, in the same queue. One that is not
 * back yet has waited for at least as long as it is away, so a lane that hangs is seen while it does.
 */

#ifndef CONGESTION_PROBE_H
#define CONGESTION_PROBE_H

#include <tandem/lane.h>

typedef struct Probes Probes;

typedef struct {
    int64_t delay_us; /* of the slowest lane */
    unsigned slowest_lane;
    int64_t arrival_us; /* how long datagrams waited in the kernel for the latest lane */
    unsigned latest_lane;
    unsigned occupancy_percent; /* of the busiest lane, over the last second */
    unsigned busiest_lane;
} ProbeReading;

/* One probe a lane that carries calls. Posts under way hold a use of MODULE. */
Probes *probes_new (TdModule *module);
void probes_free (Probes *probes);

/* Looks what has come back, then sends anew where nothing is under way. Thread: control. */
void probes_turn (Probes *probes, ProbeReading *ret_reading);

#endif
