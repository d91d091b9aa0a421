/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the ISUP in a body says of priority (SIP-I, ITU-T Q.1912.5; RFC 3372): the calling party's category and
 * the precedence of an initial address message, read and written in place. The rest of it is nobody's here. */

#ifndef SIP_ISUP_H
#define SIP_ISUP_H

#include "text.h"

#include <tandem/iface/interwork.h>

/* Adds what MESSAGE says to RET. False, with RET untouched: it is no initial address message, or a damaged
 * one. */
bool sip_isup_read (SipView message, TdForeign *ret);

/* Has the message of LEN bytes at AT in BODY say what is given in FOREIGN; what is not given stays. A message
 * that cannot be read stays as it is. */
void sip_isup_write (GString *body, size_t at, size_t len_bytes, const TdForeign *foreign);

/* Has it say that the call is ordinary. */
void sip_isup_clear (GString *body, size_t at, size_t len_bytes);

#endif
