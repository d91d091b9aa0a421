/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Locations as LoST servers are asked about them: a point or a civic address (RFC 5222 12). From
 * configuration, or from what a caller's INVITE brings (RFC 6442, RFC 4119, RFC 5139, RFC 5491). */

#ifndef EMERGENCY_LOCATION_H
#define EMERGENCY_LOCATION_H

#include <tandem/attribute.h>

typedef struct {
    const char *profile; /* "geodetic-2d", "civic": static text */
    char *xml;           /* what stands in <location>: the same text for the same location */
} Location;

void location_free (Location *location);

/* "37.775 -122.422": latitude and longitude in degrees, WGS 84. Errors: what is wrong with it. */
Location *location_from_point (const char *text, GError **error);

/* "country DE", "A3 Munich" ...: elements of RFC 5139 and what stands in them. Errors: as above. */
Location *location_from_civic (const char *const *elements, GError **error);

/* Of the first tuple, device or person of a PIDF-LO that says where it is. Errors: no PIDF-LO, or
 * nothing in it that can be asked about. */
Location *location_from_pidf (const char *text, size_t len_bytes, GError **error);

typedef enum {
    LOCATION_NONE, /* the INVITE says nothing of it */
    LOCATION_FOUND,
    LOCATION_REFERENCE, /* it is somewhere else, and nobody fetches it */
    LOCATION_BAD,
} LocationResult;

/* What an INVITE brings, by its attributes "sip.header.geolocation" and "sip.parts". RET (transfer full) is
 * set for LOCATION_FOUND alone. */
LocationResult location_from_call (const TdAttributes *attributes, Location **ret);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Location, location_free)

#endif
