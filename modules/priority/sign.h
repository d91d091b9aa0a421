/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signatures over marks that go out (RFC 8224 6.1, RFC 8443 4.1). */

#ifndef PRIORITY_SIGN_H
#define PRIORITY_SIGN_H

#include "verify.h"

typedef struct {
    TdModule *module;
    const Settings *settings;
    const Known *known;
    const TdPassportService *service; /* nullable: nobody signs just now */
} Signing;

/* See TdPriorityService.sign. Thread: a lane. Blocks: never. */
TdSignatures sign_request (const Signing *signing, const TdPriorityDemand *demand,
                           GPtrArray *identities);

#endif
