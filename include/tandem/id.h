/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names for things that live on a lane: 64 bits that are either still true or find nothing.
 *
 * Calls, channels and bridges are never referenced from outside their lane and have no reference
 * count. Whoever is elsewhere keeps the id and posts to the lane, where the id is looked up:
 *
 *     63        52 51      44 43              24 23               0
 *     +-----------+----------+------------------+-----------------+
 *     |   boot    |   lane   |    generation    |      slot       |
 *     +-----------+----------+------------------+-----------------+
 *
 * The generation of a slot grows each time the slot is given away, the boot number each time the
 * process starts, so an old id finds nothing rather than somebody else's call.
 */

#ifndef TANDEM_ID_H
#define TANDEM_ID_H

#include <tandem/base.h>

G_BEGIN_DECLS

typedef uint64_t TdId;

#define TD_ID_NONE ((TdId) 0)

/* Room for the text form, "1f3-00-00a41-00002c", and its end. */
#define TD_ID_TEXT_SIZE 24

typedef enum {
    TD_ID_CALL = 1,
    TD_ID_CHANNEL,
    TD_ID_BRIDGE,
} TdIdKind;

/* The index of the lane that ID lives on, as td_lane_at() takes it. Thread: any. */
TD_API unsigned td_id_lane (TdId id);

/* Writes ID as text into TEXT and returns TEXT. Thread: any. */
TD_API const char *td_id_print (TdId id, char text[TD_ID_TEXT_SIZE]);

/* Reads the text form back. Returns false, and leaves RET_ID alone, when TEXT is no id.
 * Thread: any. */
TD_API bool td_id_parse (const char *text, TdId *ret_id);

G_END_DECLS

#endif
