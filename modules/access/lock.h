/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has tried too many numbers is not asked for one for a while, which doubles each time.
 *
 *     free --failures--> locked for 1 min --> free --failures--> locked for 2 min --> free --> ... 24 h
 */

#ifndef ACCESS_LOCK_H
#define ACCESS_LOCK_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum { LOCKS_MAX = 65536 };

typedef struct Locks Locks;

typedef struct {
    unsigned failures; /* after so many */
    int64_t first_us, longest_us;
} LockRules;

/* What a list shows. */
typedef struct {
    const char *key; /* "caller TRUNK NUMBER", "address HOST", "account NAME" */
    unsigned n_failures, n_locks;
    int64_t until_us; /* monotonic; not later than now: it is free */
} Lock;

Locks *locks_new (void);
void locks_free (Locks *locks);

/* Thread, of all that follow: any. */
bool locks_is_locked (Locks *locks, const char *key, int64_t now_us);

/* KEY has failed once more. Returns until when it is locked because of that, 0: it is not. */
int64_t locks_fail (Locks *locks, const LockRules *rules, const char *key, int64_t now_us);

/* KEY has a good number: it has failed once less. No more than that, and no lock is forgotten: whoever has a
 * number of his own could otherwise try those of others between two calls with it, for ever. */
void locks_forgive (Locks *locks, const char *key);

/* An operator lets KEY in: it is as if it had never failed. False: it had not. */
bool locks_forget (Locks *locks, const char *key);

/* Calls VISIT with each that has failed lately, under the lock. */
void locks_each (Locks *locks, void (*visit) (const Lock *lock, void *data), void *data);

#endif
