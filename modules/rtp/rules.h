/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which payload types mean what on the other side. */

#ifndef MODULES_RTP_RULES_H
#define MODULES_RTP_RULES_H

#include "engine.h"

/* Packets come with the payload types of HEARD, what we told one peer, and go out with those of
 * SPOKEN, what the other one told us. Fills RULES with what cannot pass as it is and returns how many
 * there are; what they hold is the caller's. */
unsigned rtp_rules_make (const TdStream *heard, const TdStream *spoken,
                         RtpRule rules[TD_MAX_FORMATS]);

#endif
