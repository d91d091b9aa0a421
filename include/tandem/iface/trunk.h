/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The feature "service.trunk": how trunk groups do, and what endpoints find out about them.
 *
 *     endpoint  -- member () answers or not, level () of a peer -->  trunk  -- quality () -->  routing
 *
 * The table is published with td_feature_provide() and found with td_feature_acquire(). Names that
 * are not configured are ignored.
 */

#ifndef TANDEM_IFACE_TRUNK_H
#define TANDEM_IFACE_TRUNK_H

#include <tandem/base.h>

G_BEGIN_DECLS

#define TD_FEATURE_TRUNK "service.trunk"

/* How calls to a group went, in the interval that is counted and the one before. */
typedef struct {
    uint32_t size; /* sizeof (TdTrunkQuality) */
    uint32_t seizures;
    uint32_t answers;
    uint32_t effective;    /* reached the called user (ITU-T E.425 1.5) */
    uint32_t delay_p50_ms; /* from seizure to ringing, of the last interval that had any */
    uint32_t calls;        /* up now */
    uint32_t capacity;     /* UINT32_MAX: unlimited */
    uint32_t level;        /* of congestion, 0 to 3 */
    bool is_in_service;    /* takes calls */
    double mean_grade;     /* of the media: 1 good .. 4 bad, 0: not known */
} TdTrunkQuality;

typedef struct {
    uint32_t size; /* sizeof (TdTrunkService) */
    void *data;

    /* Whether MEMBER of TRUNK answers, as a probe found; WHY (nullable) in words. A trunk that is its
     * own member has its name. Thread: any. */
    void (*member) (const char *trunk, const char *member, bool is_up, const char *why, void *data);

    /* The peer of TRUNK says that its congestion is at LEVEL (0 to 3) for DURATION_MS: ACC, RFC
     * 7339. Thread: a lane. */
    void (*level) (const char *trunk, unsigned level, uint32_t duration_ms, void *data);

    /* Both ends have seized one circuit of TRUNK. Thread: a lane. */
    void (*glare) (const char *trunk, void *data);

    /* Fills RET as far as its size goes; false for a trunk that is not there. Thread: a lane. */
    bool (*quality) (const char *trunk, TdTrunkQuality *ret, void *data);

    /* Whether the code that NUMBER belongs to is hard to reach. Thread: a lane. */
    bool (*is_hard_to_reach) (const char *number, void *data);

    /* For the next build of the provider alone. */
    uint32_t layout;
    void *shared;
} TdTrunkService;

G_END_DECLS

#endif
