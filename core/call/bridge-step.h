/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The steps of a bridge, one after the other; and a bridge from the inside, for its two files only.
 *
 *     asked --> waits --> begins --> provider answers, once or more --> ends: the asker is told
 *                           ^                                             |
 *                           +------------- the one behind it -------------+
 */

#ifndef CORE_CALL_BRIDGE_STEP_H
#define CORE_CALL_BRIDGE_STEP_H

#include "call/bridge-seat.h"
#include "call/bridge.h"

typedef enum {
    TD_STEP_RESERVE,
    TD_STEP_OFFER,
    TD_STEP_ANSWER,
    TD_STEP_PLAY,
    TD_STEP_REMOVE,
    TD_STEP_SPARE, /* the transcoder */
    TD_STEP_CLOSE,
} TdStepKind;

typedef struct TdStep TdStep;

/* One thing asked of the bridge. PHASE counts the provider's answers within it. */
struct TdStep {
    TdStep *next;
    TdStepKind kind;
    unsigned phase;
    unsigned from, to;
    TdBridgeTag tag;
    TdDescription *offer, *answer;
};

struct TdBridge {
    TdId id;
    TdBridgeOptions options;
    TdProviderEntry *provider; /* NULL in a through bridge */
    TdBridgeSeats seats;
    TdStep *first, **last;
    bool is_busy, is_closing;
    bool has_transcoder; /* one is kept, whatever will be answered */
    unsigned keeper;     /* the seat whose termination has it, or had it last */
};

/* Asks for a step like STEP, whose descriptions (nullable) are referenced; it begins at once when nothing else
 * is under way. The last one, TD_STEP_CLOSE, frees BRIDGE, maybe before this returns. */
void td_bridge_ask (TdBridge *bridge, const TdStep *step);

/* Forgets the steps that have not begun: ALL, or those about LEG but for its removal. */
void td_bridge_forget_steps (TdBridge *bridge, bool all, TdId leg);

#endif
