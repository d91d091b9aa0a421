/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The section [dip NAME]: whom to ask, how long to wait, what to keep, what to do without an answer. */

#ifndef ROUTE_DIP_SETTINGS_H
#define ROUTE_DIP_SETTINGS_H

#include "dip-answer.h"

#include <tandem/config.h>

typedef struct {
    char *driver;
    char **no_carrier; /* codes that stand for none */
    uint32_t deadline_ms, found_ms, not_found_ms;
    unsigned max_kept, max_asked;
    DipFallback fallback;
    unsigned cause;
} DipSettings;

#define DIP_SECTION_NAME "dip"

enum { N_DIP_KEYS = 8 };
extern const TdConfigKey dip_keys[];

/* The settings of [dip NAME], which dip_settings_check () has passed. */
void dip_settings_read (DipSettings *settings, const TdConfig *config, const char *name);
void dip_settings_clear (DipSettings *settings);

/* What no table of keys can say of all [dip NAME]. */
bool dip_settings_check (const TdConfig *config, GError **error);

#endif
