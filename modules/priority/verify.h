/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Marks that count once a signature over them has been verified (RFC 8443): a call is admitted when whoever
 * verifies has answered. */

#ifndef PRIORITY_VERIFY_H
#define PRIORITY_VERIFY_H

#include "judge.h"

#include <tandem/iface/passport.h>
#include <tandem/module.h>

typedef struct Verifier Verifier;

/* What is known of the marks of a call: attributes of it. */
typedef struct {
    const TdAttribute *granted; /* "ets.0, wps.1": those that count, signed or not */
    const TdAttribute *pending; /* those that are to be verified */
    const TdAttribute *tokens;  /* the good tokens it came with */
    const TdAttribute *proven;  /* of each of them the marks that it proves */
    const TdAttribute *within;  /* "ets.0": those that have raised it since it began */
    const TdAttribute *signature;
    const TdAttribute *callback; /* TD_ATTRIBUTE_CALLBACK */
} Known;

/* Finds who verifies, listens for who comes and goes, and adds the hook. SETTINGS says what a value is
 * worth now. Thread: control. */
Verifier *verifier_new (TdModule *module, const Known *known,
                        const Settings *(*settings) (void *data), void *data, GError **error);

/* QUESTION, of a request within CALL, has MARKS that count when a signature over them has been verified:
 * the call goes on meanwhile. Thread: the lane of CALL. Blocks: never. */
void verifier_ask_within (Verifier *verifier, TdCall *call, const TdPriorityQuestion *question,
                          const char *marks);

/* Who verifies and signs just now, or NULL. Thread: a lane. */
const TdPassportService *verifier_service (Verifier *verifier);

/* MODULE stops. Thread: control. */
void verifier_stop (Verifier *verifier);

/* Nothing of it runs any more. */
void verifier_free (Verifier *verifier);

#endif
