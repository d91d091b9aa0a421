/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits with classes: trunks, circuits, ports, DSP, descriptors, accounts.
 *
 *     capacity 10     |##########|          a class may take a seat while
 *     reserve[8..] 2  |########|..|          in_use < capacity - reserved for higher classes
 *                      ^ ordinary stops here
 *
 * A limit is a number of seats, a reservation for each priority class, a queue ordered by class and
 * then by arrival, and the list of holders. Its lock is held for a few loads and stores and never
 * while calling out. A queued seat is granted by a post to the waiter's lane; if the waiter is gone
 * by then, the post's drop gives the seat back.
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
    TD_SEAT_QUEUED, /* granted() will come, or td_seat_give() first */
    TD_SEAT_FULL,
} TdSeatResult;

/* A claim on one seat. Embed it; clear it with zeros before the first take. */
struct TdSeat {
    TdModule *owner;
    void (*granted) (TdSeat *seat); /* on the lane that took it; needed only to queue */
    TdId holder;                    /* shown in the list of holders */
    TdLimit *limit;                 /* private from here */
    TdLane *lane;
    TdSeat *next, **link;
    TdPost post;
    uint8_t seat_class;
    uint8_t state;
};

/* A limit called NAME with CAPACITY seats and a queue of QUEUE_LENGTH waiters. It belongs to MODULE
 * and lives until its last seat is given back after the module stopped. Returns (transfer none).
 * Thread: control. */
TD_API TdLimit *td_limit_new (TdModule *module, const char *name, unsigned capacity,
                              unsigned queue_length);

/* Ends LIMIT: nobody gets a seat any more, waiters are refused; freed with its last seat.
 * Thread: control. */
TD_API void td_limit_retire (TdLimit *limit);

/* Seats over a smaller new capacity stay until they are given back. Thread: any. */
TD_API void td_limit_set_capacity (TdLimit *limit, unsigned capacity);

/* N_SEATS that only SEAT_CLASS (0 .. 15) and higher ones may take. Thread: any. */
TD_API void td_limit_reserve (TdLimit *limit, unsigned seat_class, unsigned n_seats);

TD_API unsigned td_limit_capacity (const TdLimit *limit);
TD_API unsigned td_limit_in_use (const TdLimit *limit);
TD_API unsigned td_limit_queued (const TdLimit *limit);

/* Takes a seat for SEAT_CLASS, or waits for one when MAY_QUEUE. Thread: a lane. */
TD_API TdSeatResult td_seat_take (TdSeat *seat, TdLimit *limit, unsigned seat_class,
                                  bool may_queue);

/* Gives SEAT back, or leaves the queue; nothing happens when it holds nothing. Thread: the lane
 * that took it. */
TD_API void td_seat_give (TdSeat *seat);

/* Calls VISIT with each holder's id, oldest first, until it returns false. Thread: any; VISIT runs
 * outside the lock on a copy. */
TD_API void td_limit_holders (TdLimit *limit,
                              bool (*visit) (TdId holder, unsigned seat_class, void *data),
                              void *data);

G_END_DECLS

#endif
