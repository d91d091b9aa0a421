/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Marks that come within a call (RFC 4412 3.1), and what they mean for those that go out from then on. */

#ifndef PRIORITY_WITHIN_H
#define PRIORITY_WITHIN_H

#include "verify.h"

/* Those of the list MARKS that are worth more than PRIORITY_CLASS (transfer full), or NULL. */
char *within_rising (const NamespaceTable *table, const char *marks, unsigned priority_class);

/* Whether each of the list MARKS is in the list KNOWN (nullable). */
bool within_knows (const NamespaceTable *table, const char *known, const char *marks);

/* The list OLD (nullable) with those of MORE (nullable), which take the place of what is of their namespace
 * (transfer full). */
char *within_merge (const NamespaceTable *table, const char *old, const char *more);

/* The list MARKS has raised CALL: the marks count, and new legs have them. Thread: the lane of CALL. */
void within_grant (const Known *known, const NamespaceTable *table, TdCall *call,
                   const char *marks);

/* What CHANNEL's leg marks a request in its dialog with goes to TEXT: INVITE_MARKS (nullable) and, as its
 * trunk has them, those that raised its call since. Thread: the lane of CHANNEL. */
void within_outgoing (const Known *known, const Settings *settings, TdChannel *channel,
                      const char *invite_marks, GString *text);

#endif
