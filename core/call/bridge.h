/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bridges: the media side of one call, step by step.
 *
 * A bridge carries descriptions from one leg to the other. Anchored, it puts a termination of its
 * own between each leg and the rest, and what a leg sees is ours; through, it hands descriptions on
 * untouched and has no terminations. Steps take time and are taken one after the other, in the order
 * they were asked for.
 */

#ifndef CORE_CALL_BRIDGE_H
#define CORE_CALL_BRIDGE_H

#include "call/media.h"

typedef struct TdBridge TdBridge;

/* What a step was asked for: handed back when it is done. */
typedef struct {
    TdId leg;
    unsigned purpose;
} TdBridgeTag;

typedef struct {
    bool is_through;
    bool can_transcode;
    uint32_t timeout_ms; /* of one request to the provider */
    unsigned priority_class;
    void *owner; /* the call */
    /* A step is done. TAG is the asker's; OUT (transfer none, nullable) is for the other leg; CAUSE
     * is TD_CAUSE_NONE unless it failed. */
    void (*stepped) (void *owner, TdBridgeTag tag, TdDescription *out, const TdCause *failure);
    void (*media_event) (void *owner, unsigned termination, TdMediaEventKind kind, int64_t value);
    /* The bridge has closed and is about to be freed: what each termination has seen, stream 0. */
    void (*closed) (void *owner);
} TdBridgeOptions;

/* On the current lane; NULL, with FAILURE, when media are to be anchored and no provider runs. */
TdBridge *td_bridge_new (const TdBridgeOptions *options, TdCause *ret_failure);

/* What is asked of the provider from now on is asked in PRIORITY_CLASS. */
void td_bridge_set_class (TdBridge *bridge, unsigned priority_class);

/* A termination for one leg, the one of a leg that was spared before a new one: its index, or TD_NO_TERMINATION
 * with RET_FAILURE when there is no room or the provider has no such kind. Through bridges give out indices,
 * too. SERVICE: of an internal one, NULL: IP. */
unsigned td_bridge_add (TdBridge *bridge, const char *service, TdCause *ret_failure);

/* The leg of FROM makes no offer yet: the terminations of both legs are made for the media that a call
 * usually has, and STEPPED gets no description. It fails when one of them cannot be made: then nobody
 * needs to be called. */
void td_bridge_reserve (TdBridge *bridge, unsigned from, unsigned to, TdBridgeTag tag);

/* The leg of FROM offers: STEPPED gets what is offered to the leg of TO. The termination of FROM is made
 * first, so that the answer lacks nothing. */
void td_bridge_offer (TdBridge *bridge, unsigned from, unsigned to, TdDescription *offer,
                      TdBridgeTag tag);

/* The leg of TO has answered (ANSWER NULL: it is internal): STEPPED gets the answer to OFFER for
 * the leg of FROM, and media flow between the two. */
void td_bridge_answer (TdBridge *bridge, unsigned from, unsigned to, TdDescription *offer,
                       TdDescription *answer, TdBridgeTag tag);

/* The leg of FROM hears the internal termination TO, and nothing else of it changes: STEPPED gets no
 * description. */
void td_bridge_play (TdBridge *bridge, unsigned from, unsigned to, TdBridgeTag tag);

/* What the leg of INDEX was told stands from now on, whoever it is connected with. Returns (transfer full) SAID,
 * what its peer said, as far as both agree on it: to be offered to others. NULL: nothing was agreed on. */
TdDescription *td_bridge_settle (TdBridge *bridge, unsigned index, const TdDescription *said);

/* It can be told again what changes. */
void td_bridge_unsettle (TdBridge *bridge, unsigned index);

/* Forgets what is not begun yet of the steps about LEG. */
void td_bridge_forget (TdBridge *bridge, TdId leg);

/* The leg of INDEX is gone: its termination is subtracted; no STEPPED. */
void td_bridge_remove (TdBridge *bridge, unsigned index);

/* The leg of INDEX is gone, and the next one that is added may have its termination, unless the leg has said
 * where it is: then packets may be on their way from there, and it is removed. */
void td_bridge_spare (TdBridge *bridge, unsigned index);

/* No other leg is going to be called, or no answer to come: what was kept for that is given back. */
void td_bridge_drop_spares (TdBridge *bridge);

/* The statistics of stream 0, as far as they are known; NULL: never had any. */
const TdMediaStats *td_bridge_stats (TdBridge *bridge, unsigned index);

/* Asks what the termination of INDEX has seen until now. ANSWERED is called once with DATA, maybe
 * before this returns, maybe when the bridge is gone. False: there is nothing to ask about. */
bool td_bridge_audit (TdBridge *bridge, unsigned index, TdMediaAnswered answered, void *data);

/* Steps not begun are forgotten, all terminations subtracted; then CLOSED is called, maybe before
 * this returns, and the bridge is freed. */
void td_bridge_close (TdBridge *bridge);

TdId td_bridge_id (const TdBridge *bridge);
bool td_bridge_is_through (const TdBridge *bridge);
bool td_bridge_is_closing (const TdBridge *bridge);

void td_bridges_open (void);

#endif
