/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The feature "service.congestion": how much this switch has to do, said as one level.
 *
 *     measures, or an operator  -->  congestion  -- level (): MC0 .. MC3 -->  who has calls to spare
 *
 * The table is published with td_feature_provide() and found with td_feature_acquire(). Without a
 * provider the level is MC0. Each change is the fact "congestion.level" as well.
 */

#ifndef TANDEM_IFACE_CONGESTION_H
#define TANDEM_IFACE_CONGESTION_H

#include <tandem/base.h>

G_BEGIN_DECLS

#define TD_FEATURE_CONGESTION "service.congestion"

typedef struct {
    uint32_t size; /* sizeof (TdCongestionService) */
    void *data;

    /* The level in force, 0 to 3. Thread: any. */
    unsigned (*level) (void *data);

    /* How many percent of the calls of PRIORITY_CLASS are refused at that level. Thread: a lane. */
    unsigned (*spared) (unsigned priority_class, void *data);
} TdCongestionService;

G_END_DECLS

#endif
