/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is counted of a trunk group: bids, places, what became of the legs, and what its quality is by
 * that. Nothing is decided here. */

#ifndef TRUNK_TALLY_H
#define TRUNK_TALLY_H

#include "place.h"

#include <tandem/iface/trunk.h>

/* Counts COUNT for PRIORITY_CLASS. With the lock held. */
void group_count_level (Group *group, unsigned priority_class, LevelCount count);
void group_add_to_metric (Group *group, GroupMetric metric, int amount);

/* One too many of the calls with a priority. With the lock held. */
void group_count_excess (Group *group, unsigned priority_class);

/* What group_take () has made of LEG's DEMAND; the place it has got; that it gives it back. With the lock
 * held. */
void group_count_bid (Group *group, const TrunkLeg *leg, const Demand *demand, TakeResult result);
void group_count_entry (Group *group, const TrunkLeg *leg, const Demand *demand);
void group_count_exit (Group *group, const TrunkLeg *leg, int64_t now_us, int64_t wall_us);

/* What becomes of LEG. CAUSE of a failure is Q.850; HAS_CODE: the peer gave it, not we. */
void group_leg_alerted (TrunkLeg *leg, int64_t now_us, int64_t wall_us);
void group_leg_answered (TrunkLeg *leg, int64_t now_us, int64_t wall_us);
void group_leg_failed (TrunkLeg *leg, unsigned cause, bool has_code, int64_t now_us,
                       int64_t wall_us);

void group_count (Group *group, IntervalCount count, int64_t now_us, int64_t wall_us);
void group_count_control (Group *group, ControlKind kind, int64_t now_us, int64_t wall_us);

/* A call of PRIORITY_CLASS was spared a control. */
void group_count_exemption (Group *group, unsigned priority_class);

/* Takes back an interval that was closed before a restart. */
void group_restore (Group *group, const Interval *interval);

/* Appends to LINES the closed intervals that were not stored yet. With IS_LAST the present one, too:
 * nobody will count in it any more. */
void group_append_unstored (Group *group, GString *lines, bool is_last, int64_t now_us,
                            int64_t wall_us);

/* The level of congestion; RET_BEFORE: when it was asked for last. */
unsigned group_level (Group *group, int64_t now_us, unsigned *ret_before);
void group_tell_level (Group *group, unsigned level, int64_t duration_us, int64_t now_us);

/* Fills in all of RET but for its size and the level. */
void group_quality (Group *group, TdTrunkQuality *ret, int64_t now_us, int64_t wall_us);

#endif
