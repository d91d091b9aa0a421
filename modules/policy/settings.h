/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The section [policy] taken apart, and which trunk groups there are. */

#ifndef POLICY_SETTINGS_H
#define POLICY_SETTINGS_H

#include "pool.h"

#include <tandem/config.h>

typedef struct {
    TdTable table; /* first */
    bool serves;
    char **urls;
    uint8_t shares[POOL_N_LEVELS];
    Pool *pool;  /* NULL until it is made */
    char *token; /* nullable */
    char *node;
    uint32_t deadline_ms, emergency_ms, priority_ms, probe_ms;
    GHashTable *emergency; /* numbers */
    GHashTable *trunks;    /* names */
} Settings;

extern const TdConfigSection policy_section;

/* Without a pool: a check needs none. Errors: which key, which value, what to write instead. */
Settings *settings_new (const TdConfig *config, GError **error);

bool settings_has_trunk (const char *name, const void *settings);

#endif
