/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has brought which token (RFC 8224 12.1): in a file, so that neither a kill nor an upgrade lets one be
 * brought again. */

#ifndef PASSPORT_REPLAY_H
#define PASSPORT_REPLAY_H

#include "verdict.h"

typedef struct Replays Replays;

/* Room for N_TOKENS, in memory until replays_keep(). MODULE (nullable) says in the log what went wrong. */
Replays *replays_new (TdModule *module, unsigned n_tokens);
void replays_free (Replays *replays);

/* Goes on with the file PATH, which is made when it is missing and made anew when it is of another size; what
 * lives at NOW_US (wall) is carried over. Builds that run beside one another share the file.
 * Errors: what the kernel said; then the memory stays where it is. Thread: control, before the first call. */
bool replays_keep (Replays *replays, const char *path, int64_t now_us, GError **error);

/* Whether the token of HASH may count for the call CALL_ID from TRUNK: nobody else has brought it, or one
 * other has and ALLOWS_ONCE; which is remembered until UNTIL_US (wall). Among too many tokens the one that
 * expires first is forgotten. Thread: a lane. Blocks: for two calls of the kernel. */
bool replays_admit (Replays *replays, const VerdictHash *hash, const char *call_id,
                    const char *trunk, bool allows_once, int64_t now_us, int64_t until_us);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Replays, replays_free)

#endif
