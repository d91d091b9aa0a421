/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What LoST servers have said, kept until it expires; and afterwards, for when no server answers (RFC 5222
 * 5.2). Bounded: what was used least recently goes first. */

#ifndef EMERGENCY_MAPPING_H
#define EMERGENCY_MAPPING_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Mappings Mappings;

Mappings *mappings_new (void);
void mappings_free (Mappings *mappings);

/* Thread, of all that follow: any. */

/* At most SIZE are kept from now on; 0: none. */
void mappings_set_size (Mappings *mappings, unsigned size);
unsigned mappings_count (Mappings *mappings);

/* Keeps URIS (copied) for KEY until EXPIRES_US (wall); 0: forgets KEY. */
void mappings_put (Mappings *mappings, const char *key, char *const *uris, int64_t expires_us);

/* The URIs of KEY (transfer full), or NULL. RET_IS_FRESH: they have not expired at NOW_US. */
char **mappings_find (Mappings *mappings, const char *key, int64_t now_us, bool *ret_is_fresh);

#endif
