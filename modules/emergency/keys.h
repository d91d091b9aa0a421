/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers that stand for a call: what a PSAP is shown in place of a caller whose own number says nothing
 * there (pseudo-ANI, ESRK). One call has one at a time, and keeps it for a while after its end, so that
 * the PSAP can ask who it was. */

#ifndef EMERGENCY_KEYS_H
#define EMERGENCY_KEYS_H

#include <tandem/id.h>
#include <tandem/iface/emergency.h>

typedef struct Keys Keys;

Keys *keys_new (void);
void keys_free (Keys *keys);

/* Thread, of all that follow: any. */

/* One of NUMBERS that is free at NOW_US, the one that has been so for longest, for CALL of CALLING
 * (transfer none, of NUMBERS); NULL: none is. A call that has one of them already keeps it. */
const char *keys_take (Keys *keys, char *const *numbers, TdId call, const TdParty *calling,
                       int64_t now_us);

/* CALL is over: its numbers stay its own until UNTIL_US. */
void keys_end (Keys *keys, TdId call, int64_t until_us);

/* Whose NUMBER is. */
bool keys_find (Keys *keys, const char *number, int64_t now_us, TdEmergencyCaller *ret);

#endif
