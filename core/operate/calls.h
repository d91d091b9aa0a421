/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the commands about calls share. */

#ifndef CORE_OPERATE_CALLS_H
#define CORE_OPERATE_CALLS_H

#include "operate/operate.h"

#include "call/call.h"

/* What "call list" says of CALL. Thread: the lane of CALL. */
void td_call_describe_briefly (const TdCall *call, GVariantBuilder *row);

/* "call show": answers REQUEST with all that is known of the call ID. Thread: control. */
void td_call_show (TdRequest *request, TdId id);

/* Ends REQUEST, whose argument CALL names a call that is not there. Thread: control. */
void td_call_fail_unknown (TdRequest *request);

/* The lane on which the call ID is, if it is anywhere. */
TdLane *td_call_lane_of (TdId id);

/* "call list". Thread: control. */
void td_call_list (TdRequest *request, void *data);

#endif
