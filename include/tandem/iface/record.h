/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records of calls: what every module that stores or sends them calls by which name.
 *
 *     call.answered -----------------------> START    the bill begins
 *     call.ended, after an answer ---------> STOP     the bill is known: duration_us
 *     call.ended, without an answer -------> ATTEMPT  no bill, but a cause
 *
 * A record is named by the envelope of its fact: node, boot, call, sequence and time. Records are
 * stored at least once; of those that agree in all five, one counts.
 */

#ifndef TANDEM_IFACE_RECORD_H
#define TANDEM_IFACE_RECORD_H

#include <tandem/call.h>

G_BEGIN_DECLS

/* The facts that records are made of: what to subscribe to. */
#define TD_RECORD_TOPICS TD_LIST ("call.answered", "call.ended")

/* What FACT is on record as: "START", "STOP", "ATTEMPT", or NULL: it is none of the facts above.
 * Thread: any. */
static inline const char *
td_record_name (const TdFact *fact)
{
    const char *topic = td_topic_name (fact->topic);

    if (g_str_equal (topic, "call.answered")) {
        return "START";
    }
    if (g_str_equal (topic, "call.ended")) {
        return ((const TdCallFact *) fact->body)->answered_us != 0 ? "STOP" : "ATTEMPT";
    }
    return NULL;
}

G_END_DECLS

#endif
