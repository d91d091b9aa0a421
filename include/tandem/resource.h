/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits with classes: trunks, bandwidth, circuits, ports, DSP, descriptors, accounts.
 *
 *     capacity 10     |##########|          a class may take a seat while
 *     reserve[8..] 2  |########|..|          in_use + weight <= capacity - reserved for higher classes
 *                      ^ ordinary stops here
 *
 * A limit is a number of units, a reservation for each priority class, a queue ordered by class and
 * then by arrival, and the list of holders. A seat takes one unit, or as many as it weighs. The first
 * waiter that does not fit keeps those behind it waiting, and lighter ones that come, so that a heavy
 * seat gets its turn, too. The limit's lock is held for a few loads and stores and never while calling
 * out. A queued seat is granted by a post to the waiter's lane; if the waiter's module has stopped by
 * then, the post's drop gives the seat back. A full queue makes room for a higher class: its youngest
 * waiter of the lowest class is refused.
 */

#ifndef TANDEM_RESOURCE_H
#define TANDEM_RESOURCE_H

#include <tandem/id.h>
#include <tandem/lane.h>

G_BEGIN_DECLS

#define TD_N_CLASSES 16

typedef struct TdLimit TdLimit;
typedef struct TdSeat TdSeat;

typedef enum {
    TD_SEAT_GRANTED,
    TD_SEAT_QUEUED, /* granted() or refused() will come, or td_seat_give() first */
    TD_SEAT_FULL,
} TdSeatResult;

/* A claim on one seat. Embed it; clear it with zeros before the first take; give it back before
 * freeing it, whatever became of the take. */
struct TdSeat {
    TdModule *owner;
    void (*granted) (TdSeat *seat); /* on the lane that took it; needed only to queue */
    void (*refused) (TdSeat *seat); /* likewise: a higher class needed its place in the queue, the
                                     * limit was retired, or became smaller than its weight; it
                                     * holds nothing */
    TdId holder;                    /* shown in the list of holders */
    unsigned weight;                /* units it takes, such as kbit/s; 0 is 1; read at the take */
    unsigned units;                 /* private from here */
    TdLimit *limit;
    TdSeat *next, **link;
    struct TdGrant *grant;
    uint64_t arrival;
    uint8_t seat_class;
    uint8_t state;
};

/* A limit called NAME with CAPACITY units and a queue of QUEUE_LENGTH waiters, nothing reserved. It
 * ends with MODULE. Where MODULE, or another generation of it, has made NAME before, and has not
 * retired it or seats of it are still held, both are one: seats, waiters and holders count for both,
 * and the figures of the newest that is not retired are in force. So a new build begins with the
 * calls of the old one, and one that fails to start leaves the old one as it was.
 * Returns (transfer none). Thread: control. */
TD_API TdLimit *td_limit_new (TdModule *module, const char *name, unsigned capacity,
                              unsigned queue_length);

/* Ends LIMIT: nobody gets a seat through it any more; its waiters are refused, unless a newer
 * generation has taken over, which they then wait for. LIMIT is freed with its last seat, so no lane
 * may be about to take one. What is not retired when the module has stopped is retired then, which
 * is nobody's defect. Thread: control. */
TD_API void td_limit_retire (TdLimit *limit);

/* Seats over a smaller new capacity stay until they are given back. Thread: any. */
TD_API void td_limit_set_capacity (TdLimit *limit, unsigned capacity);

/* N_UNITS that only SEAT_CLASS (0 .. 15) and higher ones may take, besides what is reserved for
 * other classes. Thread: any. */
TD_API void td_limit_reserve (TdLimit *limit, unsigned seat_class, unsigned n_units);

/* What is in force: capacity and use in units, the queue in waiters. Thread: any. */
TD_API unsigned td_limit_capacity (const TdLimit *limit);
TD_API unsigned td_limit_in_use (const TdLimit *limit);
TD_API unsigned td_limit_queued (const TdLimit *limit);

/* Takes a seat for SEAT_CLASS (0 .. 15), or waits for one when MAY_QUEUE. One that is heavier than
 * all its class may ever take is refused at once. Thread: a lane. */
TD_API TdSeatResult td_seat_take (TdSeat *seat, TdLimit *limit, unsigned seat_class,
                                  bool may_queue);

/* SEAT's call has a higher class now: a waiter moves forward, to its place by arrival in that class.
 * A class is never lowered; nothing happens when SEAT holds nothing. Thread: as td_seat_give(). */
TD_API void td_seat_raise (TdSeat *seat, unsigned seat_class);

/* Gives SEAT back, or leaves the queue; neither granted() nor refused() comes afterwards. Nothing
 * happens when it holds nothing. Thread: the lane that took it, while it waits or granted() is still
 * to come; once it is held, any, one at a time: its leg may have gone to another lane. */
TD_API void td_seat_give (TdSeat *seat);

/* Calls VISIT with each holder's id, oldest first, until it returns false. Seats that are given or
 * taken meanwhile may be missing. Thread: any; VISIT runs outside the lock on a copy. */
TD_API void td_limit_holders (TdLimit *limit,
                              bool (*visit) (TdId holder, unsigned seat_class, void *data),
                              void *data);

G_END_DECLS

#endif
