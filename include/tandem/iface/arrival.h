/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The feature "service.arrival": whose marks let a request go first, before anything else is known of it.
 *
 *     wire -> endpoint -- marked (trunk)? --> priority
 *               |  <------ standing --------'
 *               '--> arrival queues: established > priority > ordinary
 *
 * Sorting what arrives costs every message something, so nothing is verified here: a peer whose marks
 * count once they are verified goes first within a rate, one that is trusted always, all others never.
 * What class a call has is another question, asked later.
 *
 * The table is published with td_feature_provide() and found with td_feature_acquire(). Without a
 * provider no mark counts.
 */

#ifndef TANDEM_IFACE_ARRIVAL_H
#define TANDEM_IFACE_ARRIVAL_H

#include <tandem/socket.h>

G_BEGIN_DECLS

#define TD_FEATURE_ARRIVAL "service.arrival"

typedef enum {
    TD_STANDING_NONE,    /* a mark of this peer gives nothing */
    TD_STANDING_CLAIMED, /* it counts once it is verified: goes first within a rate */
    TD_STANDING_TRUSTED,
} TdStanding;

typedef struct {
    uint32_t size; /* sizeof (TdArrivalService) */
    void *data;

    /* What a mark is worth that comes from TRUNK ("": a stranger) by TRANSPORT. Allocates nothing.
     * Thread: a lane. */
    TdStanding (*marked) (const char *trunk, TdTransport transport, void *data);
} TdArrivalService;

G_END_DECLS

#endif
