/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A keyed hash that tells nobody its key: for what strangers are shown and may bring back, and for tables
 * whose keys are theirs. */

#ifndef SIP_SEAL_H
#define SIP_SEAL_H

#include "text.h"

typedef struct {
    uint64_t low, high;
} SipSeal;

/* The key for PURPOSE of this process: all builds of the module in it have the same one, and after a
 * restart it is another. FALLBACK: a secret, where the kernel gave the process none. */
SipSeal sip_seal_of_process (const char *purpose, uint64_t fallback);

/* SipHash-2-4. It costs a few tens of nanoseconds for what is as short as a tag. */
uint64_t sip_seal (const SipSeal *seal, SipView view);

/* The same for tables of which no peer may fill one bucket on purpose: SEED is secret. */
uint64_t sip_view_hash (SipView view, uint64_t seed);

#endif
