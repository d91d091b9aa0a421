/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Priority in protocols other than SIP: what they say here, and what is said there. */

#ifndef PRIORITY_FOREIGN_H
#define PRIORITY_FOREIGN_H

#include "settings.h"

/* What the ISUP in FOREIGN stands for on a trunk of POLICY, as far as it may; class 0: for nothing. */
TdPriority foreign_isup (const Settings *settings, const Policy *policy, const TdForeign *foreign);

/* Likewise what else FOREIGN says. */
TdPriority foreign_other (const Settings *settings, const Policy *policy, const TdForeign *foreign);

/* Whether FOREIGN says of a call that it is more than ordinary, to whoever believes it. */
bool foreign_is_marked (const Settings *settings, const Policy *policy, const TdForeign *foreign);

/* Whether FOREIGN's ISUP, which stands for SAID, says the same as MARK, from a trunk of POLICY. */
bool foreign_agrees (const Settings *settings, const Policy *policy, const TdForeign *foreign,
                     const TdPriority *said, const TdPriority *mark);

/* What CATEGORY (as settings_category () has it) stands for on a trunk of POLICY, as far as it may, or
 * NULL. */
const Level *foreign_category (const Settings *settings, const Policy *policy,
                               const char *category);

/* What a call of PRIORITY says to a trunk of POLICY; RET has nothing given otherwise. */
void foreign_of (const Settings *settings, const Policy *policy, const TdPriority *priority,
                 TdForeign *ret);

#endif
