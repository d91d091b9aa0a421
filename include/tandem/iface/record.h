/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records of calls: what every module that stores or sends them calls by which name.
 *
 *     call.answered -----------------------> START    the bill begins
 *     call.ended, after an answer ---------> STOP     the bill is known: duration_us
 *     call.ended, without an answer -------> ATTEMPT  no bill, but a cause
 *     tandemd is killed in mid-call -------> STOP     at the next start: td_record_finish ()
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

/* Whether the field NAME of a call's fact tells of its priority. Thread: any. */
static inline bool
td_record_is_priority_field (const char *name)
{
    static const char *const names[] = {
        "name_space",   "value",      "priority_class", "queue_wait_us",
        "queue_result", "exemptions", "classified_by",  "classified_stage",
        "marks_in",     "marks_out",  "account",        "signature"
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
        if (g_str_equal (names[i], name)) {
            return true;
        }
    }
    return false;
}

/* For a spool of TD_RECORD_TOPICS with a journal: each call has its STOP, whenever tandemd is killed. */
#define TD_RECORD_BEGINS      "call.answered"
#define TD_RECORD_ENDS        "call.ended"
#define TD_RECORD_KILLED_TEXT "Node failure"

/* Makes of BODY, a copy of what was known when the call was answered (BEGUN), what is known of its end
 * when tandemd was killed: that it lasted until UNTIL_US (monotonic) at least. Thread: any. */
static inline void
td_record_finish (void *body, const TdFact *begun, int64_t until_us)
{
    TdCallFact *call = (TdCallFact *) body;

    call->duration_us = until_us - begun->monotonic_us;
    call->ended_us = call->answered_us + call->duration_us;
    call->cause = TD_CAUSE_TEMPORARY_FAILURE; /* ITU-T Q.850: 41 */
    call->cause_text = TD_RECORD_KILLED_TEXT;
    call->protocol_code = 0;
    call->released_by = "switch";
    call->state = "ended";
}

/* The key of a module's section that chooses records: its .choices, and its default. */
#define TD_RECORD_CHOICES TD_LIST ("start", "attempt", "stop")
#define TD_RECORD_DEFAULT "start, attempt, stop"

/* What FACT is on record as when that is among CHOSEN (NULL-terminated, of TD_RECORD_CHOICES), or
 * NULL. Thread: any. */
static inline const char *
td_record_chosen_name (const TdFact *fact, const char *const *chosen)
{
    const char *name = td_record_name (fact);

    while (name != NULL && *chosen != NULL && g_ascii_strcasecmp (*chosen, name) != 0) {
        chosen++;
    }
    return *chosen != NULL ? name : NULL;
}

G_END_DECLS

#endif
