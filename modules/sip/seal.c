/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A keyed hash that tells nobody its key: for what strangers are shown and may bring back, and for tables
 * whose keys are theirs. */

#include "seal.h"

#include <sys/auxv.h>

/* What the kernel gives each process when it begins (getauxval(3), AT_RANDOM). */
#define RANDOM_BYTES 16

SipSeal
sip_seal_of_process (const char *purpose, uint64_t fallback)
{
    const void *random = (const void *) getauxval (AT_RANDOM); /* NOLINT: the kernel says where */
    GHmac *hmac = random != NULL
                      ? g_hmac_new (G_CHECKSUM_SHA256, random, RANDOM_BYTES)
                      : g_hmac_new (G_CHECKSUM_SHA256, (const guint8 *) &fallback, sizeof fallback);
    guint8 digest[32];
    gsize size = sizeof digest;
    SipSeal seal;

    /* Others in the process live on these bytes, too, so nothing made of them may tell them. */
    g_hmac_update (hmac, (const guchar *) purpose, -1);
    g_hmac_get_digest (hmac, digest, &size);
    g_hmac_unref (hmac);
    memcpy (&seal, digest, sizeof seal);
    return seal;
}

static inline uint64_t
rotate (uint64_t word, unsigned n_bits)
{
    return word << n_bits | word >> (64 - n_bits);
}

static inline void
stir (uint64_t v[4], unsigned n_rounds)
{
    while (n_rounds-- > 0) {
        v[0] += v[1];
        v[1] = rotate (v[1], 13) ^ v[0];
        v[0] = rotate (v[0], 32);
        v[2] += v[3];
        v[3] = rotate (v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotate (v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotate (v[1], 17) ^ v[2];
        v[2] = rotate (v[2], 32);
    }
}

static inline void
take (uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    stir (v, 2);
    v[0] ^= word;
}

uint64_t
sip_seal (const SipSeal *seal, SipView view)
{
    uint64_t v[4] = { seal->low ^ UINT64_C (0x736f6d6570736575),
                      seal->high ^ UINT64_C (0x646f72616e646f6d),
                      seal->low ^ UINT64_C (0x6c7967656e657261),
                      seal->high ^ UINT64_C (0x7465646279746573) };
    size_t at = 0;
    uint64_t word;

    for (; at + 8 <= view.len_bytes; at += 8) {
        memcpy (&word, view.text + at, 8);
        take (v, GUINT64_FROM_LE (word));
    }
    word = 0;
    if (at < view.len_bytes) {
        memcpy (&word, view.text + at, view.len_bytes - at);
    }
    take (v, GUINT64_FROM_LE (word) | (uint64_t) view.len_bytes << 56);
    v[2] ^= 0xff;
    stir (v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
sip_view_hash (SipView view, uint64_t seed)
{
    const SipSeal seal = { seed, ~seed };

    return sip_seal (&seal, view);
}
