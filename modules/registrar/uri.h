/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether two contacts are the same one. */

#ifndef REGISTRAR_URI_H
#define REGISTRAR_URI_H

#include <stdbool.h>

/* RFC 3261 19.1.4 for SIP and SIPS URIs; others are the same when their texts are. */
bool uri_equal (const char *a, const char *b);

#endif
