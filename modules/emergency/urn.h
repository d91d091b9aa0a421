/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Service URNs of emergency services (RFC 5031), leniently: a call for help is not refused because its
 * last label is odd. */

#ifndef EMERGENCY_URN_H
#define EMERGENCY_URN_H

#include <tandem/iface/emergency.h>

#define URN_PREFIX "urn:service:"

/* What TEXT asks for. Into RET (untouched for TD_EMERGENCY_NONE) goes the URN in small letters, without
 * the labels at its end that are none or do not fit: what is left is its parent (RFC 5031 3). */
TdEmergencyKind urn_read (const char *text, char ret[TD_PARTY_TEXT]);

/* The URN of "police", "sos.police" or a whole one; false when it is no emergency service, or has to be
 * shortened. */
bool urn_from_config (const char *text, char ret[TD_PARTY_TEXT]);

/* Whether SERVICE is PARENT or below it, both as urn_read() has them. */
bool urn_is_below (const char *service, const char *parent);

#endif
