/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sections [emergency], [emergency-region], [emergency-location] and [emergency-psap] taken apart. */

#ifndef EMERGENCY_SETTINGS_H
#define EMERGENCY_SETTINGS_H

#include "location.h"
#include "urn.h"

#include <tandem/config.h>
#include <tandem/snapshot.h>

enum { SETTINGS_MAX_SERVERS = 9 };

/* Where emergency calls are answered. */
typedef struct {
    char *name;
    char **trunks;      /* tried in turn: the PSAP's own and where it overflows to */
    char **services;    /* URNs; empty: all */
    char **uris;        /* by which LoST servers name it */
    char **keys;        /* numbers that stand for calls; see keys.h */
    char **callbacks;   /* trunks by which it calls back */
    bool has_interface; /* what comes to this address cannot be forged */
    TdAddress interface;
    char *number;   /* to send; NULL: as it was called */
    bool sends_urn; /* the service URN in its place */
    uint32_t no_answer_ms;
} Psap;

/* A list of them, in the order of the configuration. Elements are not its own. */
typedef GPtrArray PsapList;

typedef struct {
    char *name;
    GHashTable *numbers; /* as td_party_key() has them -> URN */
    PsapList *psaps;
} Region;

/* Where callers are. */
typedef struct {
    char *name;
    char **trunks;        /* empty: any */
    const Region *region; /* nullable */
    PsapList *psaps;
    Location *location; /* nullable */
    char *callback;     /* to show in place of the caller's own number; nullable */
} Place;

typedef struct {
    TdTable table; /* first */
    GPtrArray *psaps, *regions, *places;
    GHashTable *psap_by_name, *region_by_trunk, *place_by_trunk;
    GHashTable *place_by_user;     /* user -> GPtrArray of Place */
    TdPrefixTable *place_prefixes; /* of their indices */
    GHashTable *numbers;           /* of all regions */
    const Region *region;          /* of whoever is in no other; nullable */
    PsapList *fallback;
    const Psap *test;       /* nullable */
    bool admits_strangers;  /* without asking who they are */
    unsigned max_strangers; /* ... so many at a time; 0: any number */
    bool refuses_bad_location;
    bool takes_location; /* of the caller's own */
    bool may_hold;       /* he can put the PSAP on hold */
    bool shows_caller;   /* though he asks not to be */
    char **priority_codes;
    char **servers; /* LoST */
    char *lost_trunk;
    uint32_t budget_ms, cache_size;
    uint32_t key_life_ms;
} Settings;

enum { SETTINGS_N_SECTIONS = 4 };
extern const TdConfigSection emergency_sections[SETTINGS_N_SECTIONS];

/* Errors: which key, which value, what to write instead. */
Settings *settings_new (const TdConfig *config, GError **error);

/* Where CALLING (nullable) is who comes by TRUNK ("": none), or NULL. */
const Place *settings_place (const Settings *settings, const char *trunk, const TdParty *calling);

/* The region of PLACE (nullable) and TRUNK, or NULL. */
const Region *settings_region (const Settings *settings, const char *trunk, const Place *place);

/* Thread: any. */
TdEmergencyKind settings_recognise (const Settings *settings, const TdEmergencyQuestion *question,
                                    TdEmergencyAnswer *ret);

/* Whether CALLED is the beginning of a longer emergency number of TRUNK's region. */
bool settings_has_longer (const Settings *settings, const TdEmergencyQuestion *question);

/* Whether what comes by TRUNK, in the WAY it came, is from a PSAP and from nobody else. */
bool settings_is_psap (const Settings *settings, const char *trunk, const TdEmergencyWay *way);

/* The PSAP that LoST servers name URI, or NULL. */
const Psap *settings_psap_of_uri (const Settings *settings, const char *uri);

/* RFC 3435 2.1.5; transfer full. */
char *settings_digit_map (const Settings *settings, const char *trunk);

#endif
