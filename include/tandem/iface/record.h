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
        "name_space", "value",         "priority_class",   "queue_wait_us", "queue_result",
        "exemptions", "classified_by", "classified_stage", "marks_in",      "marks_out",
        "account",    "signature",     "preempted_by",     "preempted",     "dialled"
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
        if (g_str_equal (names[i], name)) {
            return true;
        }
    }
    return false;
}

/* The key that says where what is known of priorities goes: its .choices. */
#define TD_RECORD_PRIORITY_CHOICES TD_LIST ("include", "withhold", "separate")

/* What of the records a place gets. */
typedef enum {
    TD_RECORD_ALL,      /* every record, as it is */
    TD_RECORD_MASKED,   /* every record, as if its call had no priority */
    TD_RECORD_ORDINARY, /* those of calls without one */
    TD_RECORD_PRIORITY, /* those of calls with one */
} TdRecordPart;

/* What the place for everybody gets by CHOICE, or the other one (IS_PRIORITY). Whatever CHOICE says, one of
 * the two has each record whole. Thread: any. */
static inline TdRecordPart
td_record_part (int64_t choice, bool is_priority)
{
    return choice == 2   ? (is_priority ? TD_RECORD_PRIORITY : TD_RECORD_ORDINARY)
           : choice == 1 ? (is_priority ? TD_RECORD_ALL : TD_RECORD_MASKED)
                         : TD_RECORD_ALL;
}

/* The body of FACT (transfer full) as that of an ordinary call. Thread: any. */
static inline void *
td_record_mask (const TdFact *fact)
{
    char *body = (char *) g_memdup2 (fact->body, td_topic_body_size (fact->topic));
    uint32_t n_fields;
    const TdField *fields = td_topic_fields (fact->topic, &n_fields);

    for (uint32_t i = 0; i < n_fields; i++) {
        void *value = body + fields[i].offset;
        if (!td_record_is_priority_field (fields[i].name)) {
            continue;
        }
        if (fields[i].type == TD_FIELD_TEXT) {
            *(const char **) value = NULL;
        } else if (fields[i].type == TD_FIELD_UINT) {
            bool is_class = g_str_equal (fields[i].name, "priority_class");
            *(uint32_t *) value = is_class ? TD_CLASS_ORDINARY : 0;
        } else if (fields[i].type != TD_FIELD_BOOL) { /* all others have 64 bits */
            *(int64_t *) value = 0;
        }
    }
    return body;
}

/* FACT as PART has it: FACT itself or RET_MASKED, or NULL: not at all. RET_BODY (transfer full, NULL before)
 * holds what RET_MASKED tells. Thread: any. */
static inline const TdFact *
td_record_part_of (const TdFact *fact, TdRecordPart part, TdFact *ret_masked, void **ret_body)
{
    bool is_restricted = td_class_is_restricted (fact->priority_class);

    if (part == TD_RECORD_MASKED && td_record_name (fact) != NULL) {
        *ret_masked = *fact;
        ret_masked->body = *ret_body = td_record_mask (fact);
        ret_masked->priority_class = TD_CLASS_ORDINARY;
        return ret_masked;
    }
    return (part == TD_RECORD_ORDINARY && is_restricted)
                   || (part == TD_RECORD_PRIORITY && !is_restricted)
               ? NULL
               : fact;
}

/* For a spool with a journal: each call has its STOP, whenever tandemd is killed. That a call was handed on and
 * connected is on no record of its own, nor that its class rose, but the STOP knows then whom it came to, whose
 * account pays, and what class it was of. */
#define TD_RECORD_BEGINS      "call.answered"
#define TD_RECORD_CONNECTS    "call.connected"
#define TD_RECORD_RISES       "call.priority"
#define TD_RECORD_ENDS        "call.ended"
#define TD_RECORD_KILLED_TEXT "Node failure"

/* Makes of BODY, a copy of what was known when the call was answered, connected or raised (BEGUN), what is known
 * of its end when tandemd was killed: that it lasted until UNTIL_US (monotonic) at least. Thread: any. */
static inline void
td_record_finish (void *body, const TdFact *begun, int64_t until_us)
{
    TdCallFact *call = (TdCallFact *) body;

    call->duration_us = until_us - begun->monotonic_us;
    if (!g_str_equal (td_topic_name (begun->topic), TD_RECORD_BEGINS)) {
        call->duration_us += MAX (begun->wall_us - call->answered_us, 0);
    }
    call->ended_us = call->answered_us + call->duration_us;
    if (call->connected_us != 0) {
        call->connected_duration_us = MAX (call->ended_us - call->connected_us, 0);
    }
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
