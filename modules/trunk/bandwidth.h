/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the media of a call take one way on a wire. */

#ifndef TRUNK_BANDWIDTH_H
#define TRUNK_BANDWIDTH_H

#include <tandem/offer.h>

/* In kbit/s, with the headers of IP, UDP and RTP: of the widest codec of each stream of OFFER (nullable:
 * G.711, as nobody knows yet), at its packet time. */
uint32_t bandwidth_of (const TdDescription *offer);

#endif
