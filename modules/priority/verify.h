/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Marks that count once a signature over them has been verified (RFC 8443): a call is admitted when whoever
 * verifies has answered. */

#ifndef PRIORITY_VERIFY_H
#define PRIORITY_VERIFY_H

#include "judge.h"

#include <tandem/module.h>

typedef struct Verifier Verifier;

/* Finds who verifies, listens for who comes and goes, and adds the hook. Marks that are to be verified
 * stand in PENDING on the channel. NAMESPACES says what a value is worth now. Thread: control. */
Verifier *verifier_new (TdModule *module, const TdAttribute *pending,
                        const NamespaceTable *(*namespaces) (void *data), void *data,
                        GError **error);

/* MODULE stops. Thread: control. */
void verifier_stop (Verifier *verifier);

/* Nothing of it runs any more. */
void verifier_free (Verifier *verifier);

#endif
