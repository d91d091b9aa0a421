/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A token bucket: so many calls a second on average, so many at once. */

#include "bucket.h"

/* One call: rate_millis * microseconds comes in this unit, so nothing is ever rounded. */
#define CALL INT64_C (1000000000)

static int64_t
full (const Bucket *bucket)
{
    return (int64_t) bucket->burst * CALL;
}

static void
fill (Bucket *bucket, int64_t now_us)
{
    int64_t elapsed_us = now_us - bucket->filled_us;
    int64_t missing = full (bucket) - bucket->tokens;

    bucket->filled_us = now_us;
    if (elapsed_us <= 0 || bucket->rate_millis == 0) {
        return;
    }
    /* Where it is full anyhow, the product could be too large to be written. */
    if (elapsed_us > missing / bucket->rate_millis) {
        bucket->tokens = full (bucket);
    } else {
        bucket->tokens += elapsed_us * bucket->rate_millis;
    }
}

void
bucket_set (Bucket *bucket, uint32_t rate_millis, uint32_t burst, int64_t now_us)
{
    bool was_unlimited = bucket->rate_millis == 0;

    fill (bucket, now_us);
    bucket->rate_millis = rate_millis;
    bucket->burst = burst > 0 ? burst : 1;
    if (was_unlimited || bucket->tokens > full (bucket)) {
        bucket->tokens = full (bucket);
    }
}

bool
bucket_take (Bucket *bucket, int64_t now_us)
{
    if (bucket->rate_millis == 0) {
        return true;
    }
    fill (bucket, now_us);
    if (bucket->tokens < CALL) {
        return false;
    }
    bucket->tokens -= CALL;
    return true;
}

void
bucket_return (Bucket *bucket)
{
    if (bucket->rate_millis != 0) {
        bucket->tokens += CALL;
        bucket->tokens = bucket->tokens < full (bucket) ? bucket->tokens : full (bucket);
    }
}
