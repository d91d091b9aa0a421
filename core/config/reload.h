/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reload: what differs between two configurations, and a new one taken over by all or by nobody.
 *
 *     prepare a, b, c --- all ready ----> commit a, b, c
 *                    \--- b refuses ----> abandon c, a     (b has cleaned up after itself)
 */

#ifndef CORE_CONFIG_RELOAD_H
#define CORE_CONFIG_RELOAD_H

#include "config/config.h"

#include <tandem/module.h>

typedef enum {
    TD_CHANGE_ADDED,
    TD_CHANGE_REMOVED,
    TD_CHANGE_CHANGED,
} TdChangeKind;

typedef struct {
    TdChangeKind kind;
    bool needs_restart; /* a reload does not take it over */
    char *owner;        /* who declared the section or added the key: who must be restarted */
    char *section;
    char *instance; /* nullable */
    char *key;      /* NULL: the whole section */
    char *before;   /* as a file would say it, "(secret)" of a secret; NULL: nothing */
    char *after;
    char *place; /* of what is new, or of what is gone */
} TdChange;

/* What AFTER says otherwise than BEFORE, values compared by what they mean; in the order of AFTER's
 * files, then what is gone (transfer full: of TdChange, with its free function). */
GPtrArray *td_config_diff (const TdConfig *before, const TdConfig *after);

/* Appends "changed [trunk a] capacity: 480 calls -> 500 calls; restart trunk (FILE:12:9)". */
void td_change_print (const TdChange *change, GString *out);

const char *td_change_kind_name (TdChangeKind kind);

/* Whoever takes a configuration over. */
typedef struct {
    const char *name;
    /* As the reload function of a module: only PREPARE may refuse. */
    bool (*reload) (void *data, TdReloadPhase phase, const TdConfig *next, GError **error);
    void *data;
} TdReloadParticipant;

typedef enum {
    TD_VERDICT_TAKEN,     /* took the new configuration over */
    TD_VERDICT_REFUSED,   /* said no in PREPARE: REASON */
    TD_VERDICT_ABANDONED, /* was ready, but somebody else was not */
    TD_VERDICT_BROKEN,    /* failed where it must not: REASON; a defect of its own */
} TdVerdictKind;

typedef struct {
    char *name;
    TdVerdictKind kind;
    char *reason; /* nullable */
} TdVerdict;

/* Asks all, even after one has refused, so that all refusals are in the report; then commits all in
 * order, or abandons those that were ready, in reverse. Whether NEXT was taken over. RET_VERDICTS
 * has one TdVerdict a participant, in order (transfer full). Thread: control. */
bool td_reload_run (const TdReloadParticipant *participants, unsigned n_participants,
                    const TdConfig *next, GPtrArray **ret_verdicts);

/* Appends "trunk: refused: no such address". */
void td_verdict_print (const TdVerdict *verdict, GString *out);

const char *td_verdict_kind_name (TdVerdictKind kind);

#endif
