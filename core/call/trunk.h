/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The trunk groups of one configuration: who their members are, and where.
 *
 *     [trunk carrier-a]              [trunk carrier-b]          [member b-east]
 *     address = sip:198.51.100.7     media = through            trunk = carrier-b
 *        |                              |                       address = sip:203.0.113.5
 *     one member, of its name        members in the order of the files
 *
 * What else is known of them (capacity, credentials, trust) are keys that modules add.
 */

#ifndef CORE_CALL_TRUNK_H
#define CORE_CALL_TRUNK_H

#include <tandem/config.h>

/* In the order of the choices of "media". */
typedef enum {
    TRUNK_MEDIA_DEFAULT, /* as [call] says */
    TRUNK_MEDIA_ANCHOR,
    TRUNK_MEDIA_THROUGH,
} TdTrunkMedia;

typedef struct {
    const char *name; /* of [member ...], or of the trunk itself; the configuration's */
    char *driver;     /* the scheme of ADDRESS */
    const char *address;
} TdMember;

typedef struct {
    const char *name;
    TdTrunkMedia media;
    GArray *members; /* TdMember */
} TdTrunk;

extern const TdConfigSection td_trunk_section;
extern const TdConfigSection td_member_section;

/* The trunks of CONFIG, by name, which live as long as it (transfer full). */
GHashTable *td_trunks_new (const TdConfig *config);

#endif
