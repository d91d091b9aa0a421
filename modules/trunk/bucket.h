/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A token bucket: so many calls a second on average, so many at once. */

#ifndef TRUNK_BUCKET_H
#define TRUNK_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint32_t rate_millis; /* calls in 1000 s; 0: no limit */
    uint32_t burst;       /* calls, at least 1 */
    int64_t tokens;       /* in millionths of a thousandth of a call */
    int64_t filled_us;
} Bucket;

/* Another rate or burst: what is in it stays, as far as it fits. */
void bucket_set (Bucket *bucket, uint32_t rate_millis, uint32_t burst, int64_t now_us);

/* Takes one token; false, and nothing taken, when there is none. */
bool bucket_take (Bucket *bucket, int64_t now_us);

/* Puts one back: what it was taken for did not happen. */
void bucket_return (Bucket *bucket);

#endif
