/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Probes: whether the peers of trunks are there, asked with OPTIONS (RFC 3261 11).
 *
 *              a response                        so many failures in a row
 *     unknown ------------> up <---------> down <--------------------------
 *
 * Each peer whose trunk has a "probe" is asked from one lane, which its name decides, at times that
 * its name spreads over the interval. */

#ifndef SIP_PROBE_H
#define SIP_PROBE_H

#include "sip.h"

/* Begins the probes of LANE that the trunks ask for, and ends those they do not. One whose peer stays
 * goes on and knows what it knew. */
void sip_probes_update (SipLane *lane);

/* Ends them all, at once and without a word. */
void sip_probes_clear (SipLane *lane);

/* Tells the feature "service.trunk" what is known on the lane AT of SIP. */
void sip_probes_tell (TdLane *at, void *sip);

#endif
