/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two extensions that say what a certificate may sign (RFC 8226 8, 9). */

#ifndef PASSPORT_EXTENSION_H
#define PASSPORT_EXTENSION_H

#include <glib.h>
#include <openssl/x509.h>
#include <stdbool.h>

#define EXTENSION_TN_AUTH_LIST     "1.3.6.1.5.5.7.1.26"
#define EXTENSION_CLAIM_CONSTRAINT "1.3.6.1.5.5.7.1.27"

/* The extension OID of CERTIFICATE as DER (transfer full), NULL: it has none. */
GByteArray *extension_find (X509 *certificate, const char *oid);

/* Whether LIST, a TNAuthList as DER, has the number TN, or a service provider, whose numbers are not
 * listed. What cannot be read has nothing. */
bool extension_has_number (const GByteArray *list, const char *tn);

/* Whether CONSTRAINTS, JWTClaimConstraints as DER, permit PAYLOAD (a{sv}); why not, otherwise. */
bool extension_permits (const GByteArray *constraints, GVariant *payload, const char **ret_why);

#endif
