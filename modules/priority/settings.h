/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sections [priority], [priority-number ...] and what trunks say of marks, taken apart. */

#ifndef PRIORITY_SETTINGS_H
#define PRIORITY_SETTINGS_H

#include "interwork.h"

#include <tandem/config.h>
#include <tandem/metric.h>
#include <tandem/number.h>
#include <tandem/snapshot.h>
#include <tandem/socket.h>

/* What a trunk's marks are worth. */
typedef enum {
    TRUST_NONE,
    TRUST_PASS,     /* kept, without effect */
    TRUST_ACCEPT,   /* as far as the way they come by cannot be forged */
    TRUST_VALIDATE, /* as far as a signature covers them */
} Trust;

/* What becomes of marks on their way out by a trunk. */
typedef enum {
    EGRESS_PASS,
    EGRESS_MAP,
    EGRESS_GENERATE,
    EGRESS_STRIP,
} Egress;

/* The ISUP that a trunk's signalling is, or has within it. */
typedef enum {
    ISUP_NONE,
    ISUP_ANSI,
    ISUP_ITU,
} Isup;

/* What counts where Resource-Priority and the ISUP within the request disagree. */
typedef enum {
    CONFLICT_HIGHER,
    CONFLICT_HEADER,
    CONFLICT_ISUP,
} Conflict;

typedef struct {
    const Level *from, *to;
} Mapping;

typedef struct TrunkCounts TrunkCounts;

/* Who refused a request for its marks. */
typedef enum { REFUSED_HERE, REFUSED_THERE, N_REFUSED } Refused;

/* A trunk, or whoever is on none. */
typedef struct {
    const char *name;
    Trust trust;
    bool is_border;       /* what is not trusted does not go on */
    bool needs_proof;     /* what is not proven is refused, where others go on without marks */
    uint32_t rate, burst; /* calls a minute, and at once, that count as marked; RATE 0: all */
    bool may_downgrade;   /* what is not accepted is taken away, where others are refused */
    bool has_interface;   /* what comes to this address cannot be forged */
    TdAddress interface;
    bool has_category;  /* the caller's category counts as well */
    GArray *categories; /* CategoryRule; NULL: those of all trunks */
    Isup isup;
    Conflict conflict;
    bool says_precedence; /* with the two that follow */
    uint16_t precedence_network;
    uint32_t precedence_domain;
    bool has_model; /* reservations say their admission priority */
    TdBandwidthModel model;
    GHashTable *accepted; /* Level */
    Egress egress;
    GPtrArray *sent;   /* Level: what may be generated, and be tried after 417 */
    GArray *mappings;  /* Mapping */
    bool marks_dialog; /* requests in a dialog have the marks of its INVITE */
    bool may_retry;
    bool signs;
    TrunkCounts *counts; /* see count.h; NULL: nobody counts */
} Policy;

/* What a number called means. */
typedef enum {
    NUMBER_ACCESS,
    NUMBER_TRANSLATION,
    NUMBER_FEATURE_CODE,
} NumberKind;

typedef struct {
    const char *name;
    NumberKind kind;
    const Level *level; /* NULL: a feature code has none */
    uint8_t cause;
    const char *const *trunks; /* none: all */
} NumberRule;

typedef struct {
    char *category; /* see settings_category () */
    const Level *level;
} CategoryRule;

typedef struct {
    TdTable table; /* first */
    TdConfig *config;
    NamespaceTable *namespaces;
    InterworkTable *interwork;
    bool ignores_faulty;
    bool tells_refused;                      /* 417 says what would do */
    uint32_t alarm_refused, alarm_window_ms; /* so many 403 and 417 of a trunk within that */
    Policy stranger;
    GHashTable *policies;   /* trunk -> Policy */
    GArray *categories;     /* CategoryRule */
    GArray *rules;          /* NumberRule */
    TdPrefixTable *numbers; /* -> index of RULES; NULL: there are none */
} Settings;

enum { PRIORITY_N_SECTIONS = 3 };

extern const TdConfigSection priority_sections[PRIORITY_N_SECTIONS];

/* HAS_PASSPORT: whether somebody will be there who can verify signatures. Errors: which key, which value,
 * what to write instead. */
Settings *settings_new (const TdConfig *config, bool has_passport, GError **error);

/* Whether CONFIG runs the module that verifies signatures. */
bool settings_has_passport (const TdConfig *config);

/* TEXT (transfer full) as categories are compared: a number as a decimal one, so that "0xe2" is found as
 * "226", words in lower case. */
char *settings_category (const char *text);

/* Of TRUNK; whoever is on none, or on one that is not configured, is a stranger. */
const Policy *settings_policy (const Settings *settings, const char *trunk);

#endif
