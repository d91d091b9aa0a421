/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What marks are worth, and which ones go out: decided from the settings alone. */

#ifndef PRIORITY_JUDGE_H
#define PRIORITY_JUDGE_H

#include "marks.h"
#include "settings.h"

#include <tandem/iface/arrival.h>
#include <tandem/iface/priority.h>

/* What came of a judgement, for counting. */
typedef enum {
    JUDGED_UNMARKED,
    JUDGED_ACCEPTED,
    JUDGED_PENDING,  /* a signature is to be verified */
    JUDGED_PASSED,   /* kept without effect */
    JUDGED_STRIPPED, /* understood, but not trusted, and taken away */
    JUDGED_DOWNGRADED,
    JUDGED_UNKNOWN,   /* none was understood */
    JUDGED_FAULTY,    /* 400, or ignored */
    JUDGED_FORBIDDEN, /* 403 */
    JUDGED_REFUSED,   /* 417 */
    JUDGED_EXCESS,    /* it would count, were there not too many */
    N_JUDGED,
} Judged;

/* Judges QUESTION, whose caller is of CATEGORY (nullable), into VERDICT. Empty texts: PENDING gets the marks
 * that must prove true, CONFLICT in words what Resource-Priority and the ISUP within disagree about. Touches
 * nothing else. */
Judged judge (const Settings *settings, const TdPriorityQuestion *question, const char *category,
              TdPriorityVerdict *verdict, GString *pending, GString *conflict);

/* Takes back from VERDICT what QUESTION's marks were worth, and them: too many calls have such. */
Judged judge_excess (const Settings *settings, const TdPriorityQuestion *question,
                     TdPriorityVerdict *verdict);

/* What a mark gives that comes from TRUNK by TRANSPORT before it is read. */
TdStanding judge_standing (const Settings *settings, const char *trunk, TdTransport transport);

/* Whether TRUNK is told what it may use; appends that to TEXT. */
bool judge_accepted (const Settings *settings, const char *trunk, GString *text);

/* The marks of a request that goes out by TRUNK in a call of PRIORITY, made of MARKS. */
void judge_outgoing (const Settings *settings, const char *trunk, TdMarkedRequest request,
                     const TdPriority *priority, const char *const *marks, GString *text);

/* What to try after 417 with ACCEPTED in a call of PRIORITY that goes out by TRUNK. False: nothing. */
bool judge_retry (const Settings *settings, const char *trunk, const TdPriority *priority,
                  const char *const *accepted, GString *text);

/* Whether a mark of LEVEL may be vouched for in a call of PRIORITY that goes out by TRUNK: it is one of GRANTED,
 * which count here, as it came or as it is mapped, or one that may be made up for such a call. */
bool judge_vouches (const Settings *settings, const char *trunk, const TdPriority *priority,
                    const Marks *granted, const Level *level);

/* What a call to NUMBER that came by TRUNK is, or NULL. */
const NumberRule *judge_number (const Settings *settings, const char *trunk, const char *number);

#endif
