/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sections [passport] and [passport-...] taken apart, with the certificates they name. */

#ifndef PASSPORT_SETTINGS_H
#define PASSPORT_SETTINGS_H

#include "canon.h"
#include "credential.h"

#include <tandem/config.h>
#include <tandem/snapshot.h>

enum { PASSPORT_N_SECTIONS = 4 };

/* A certificate from a file: [passport-certificate NAME]. */
typedef struct {
    char *name, *info;
    Credential *credential;
} Provisioned;

/* Who signs here: [passport-signer NAME]. */
typedef struct {
    char *name, *info;
    char **name_spaces; /* in lower case */
    bool is_for_identity;
    Credential *credential;
    EVP_PKEY *key;
} Signer;

typedef struct {
    TdTable table; /* first */
    int64_t freshness_us;
    bool allows_once; /* one more call with a token that one has brought */
    unsigned max_replays, max_verdicts, max_queue, n_verifiers;
    char *country, *national, *international;
    CanonPlan plan;          /* the three of them */
    GPtrArray *anchors;      /* Anchor */
    GHashTable *provisioned; /* info -> Provisioned */
    GPtrArray *signers;      /* Signer */
    char **fetch;            /* what URLs must begin with that are fetched from */
    int64_t keep_us, retry_us, warning_s;
    uint32_t fetch_ms;
    unsigned max_failures;
    uint32_t window_ms;
} Settings;

extern const TdConfigSection passport_sections[PASSPORT_N_SECTIONS];

/* Reads the files that CONFIG names. Errors: which key, which file, what to do. Thread: control. Blocks: it
 * reads files. */
Settings *settings_new (const TdConfig *config, GError **error);

/* Whether a certificate may be fetched from INFO. */
bool settings_may_fetch (const Settings *settings, const char *info);

#endif
