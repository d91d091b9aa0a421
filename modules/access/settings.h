/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is configured: access numbers, what is heard, who may call whom. Read whole, swapped whole. */

#ifndef ACCESS_SETTINGS_H
#define ACCESS_SETTINGS_H

#include "lock.h"
#include "pace.h"
#include "pins.h"

#include <tandem/config.h>
#include <tandem/number.h>
#include <tandem/snapshot.h>

enum { ACCESS_N_SECTIONS = 3 };

/* What a personal number, or a subscription, is good for. */
typedef struct {
    char *name;
    char *mark;          /* "ets.0"; "": none */
    char **destinations; /* prefixes; empty: any number */
} Profile;

typedef struct {
    char *first;       /* heard before the first digit of a personal number */
    char *again;       /* ... after one that is no good */
    char *destination; /* before the first digit of a destination */
    char *barred;      /* it may not be called */
    char *refused;     /* no more tries */
    char *busy;        /* nobody can look it up now */
} Prompts;

typedef struct {
    TdTable table;             /* first */
    Pins *pins;                /* nullable: no file is named */
    GHashTable *numbers;       /* access numbers: const char * as a set */
    GHashTable *profiles;      /* const char * -> Profile */
    GHashTable *subscriptions; /* trunk -> Profile *, of those above */
    TdPrefixTable *refused; /* destinations that nobody reaches with a personal number; nullable */
    GHashTable *carriers;   /* code -> trunk */
    char **alternates;      /* trunks that are tried after the dialled carrier's */
    char *carrier_prefix;   /* "101"; "": nobody dials a carrier */
    unsigned n_carrier_digits;
    Prompts prompts;
    char *code; /* of calls with priority by subscription, "*272" */
    unsigned n_digits, n_tries, shortest;
    uint32_t digit_ms, total_ms;
    bool is_early;
    unsigned capacity, n_checks;
    LockRules locks;
    PaceRules paces;         /* of a trunk */
    unsigned alarm_failures; /* of a trunk, within alarm_window_ms */
    uint32_t alarm_window_ms;
} Settings;

extern const TdConfigSection access_sections[ACCESS_N_SECTIONS];

/* Reads CONFIG and the table of personal numbers. Blocks. Errors: place, and what is wrong there. */
Settings *settings_new (const TdConfig *config, GError **error);

static inline Settings *
settings_ref (Settings *settings)
{
    return (Settings *) td_table_ref (&settings->table);
}

/* The profile called NAME, or NULL. */
const Profile *settings_profile (const Settings *settings, const char *name);

/* Whether NUMBER may be called by whoever is confined to DESTINATIONS (nullable, empty: nobody is). */
bool settings_may_call (const Settings *settings, const char *const *destinations,
                        const char *number);

#endif
