/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The [call] section and the trunks, taken apart once for all calls that begin under them. */

#ifndef CORE_CALL_SETTINGS_H
#define CORE_CALL_SETTINGS_H

#include "call/trunk.h"

#include <tandem/snapshot.h>

typedef struct {
    TdTable table; /* first */
    TdConfig *config;
    GHashTable *trunks; /* const char * -> TdTrunk * */
    bool is_through;    /* media = through */
    bool can_transcode;
    unsigned max_attempts, max_redirects;
    uint32_t no_response_ms, no_answer_ms, hunt_ms, digit_ms, release_ms, guard_ms, media_ms;
    char *ringback; /* the service of a termination, "source/tone/ringback" */
} TdCallSettings;

extern const TdConfigSection td_call_section;

/* Makes CONFIG the one that new calls begin with. Thread: control. */
void td_call_settings_swap (TdConfig *config);

/* The settings of now (transfer full). Thread: a lane. */
TdCallSettings *td_call_settings_ref (void);
void td_call_settings_unref (TdCallSettings *settings);

void td_call_settings_open (TdConfig *config);
void td_call_settings_close (void);

#endif
