/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a call or a leg ended: Q.850 is the inner tongue; each border maps its own codes to it. */

#ifndef TANDEM_CAUSE_H
#define TANDEM_CAUSE_H

#include <tandem/base.h>

G_BEGIN_DECLS

/* ITU-T Q.850 2.2.7, the values Tandem's own code names. Any 1 .. 127 may be carried. */
typedef enum {
    TD_CAUSE_NONE = 0,
    TD_CAUSE_UNALLOCATED_NUMBER = 1,
    TD_CAUSE_NO_ROUTE_TO_DESTINATION = 3,
    TD_CAUSE_PREEMPTION = 8,
    TD_CAUSE_PREEMPTION_REUSE = 9,
    TD_CAUSE_NORMAL_CLEARING = 16,
    TD_CAUSE_USER_BUSY = 17,
    TD_CAUSE_NO_USER_RESPONDING = 18,
    TD_CAUSE_NO_ANSWER = 19,
    TD_CAUSE_SUBSCRIBER_ABSENT = 20,
    TD_CAUSE_CALL_REJECTED = 21,
    TD_CAUSE_NUMBER_CHANGED = 22,
    TD_CAUSE_REDIRECTION = 23, /* the peer would have the call elsewhere */
    TD_CAUSE_EXCHANGE_ROUTING_ERROR = 25,
    TD_CAUSE_DESTINATION_OUT_OF_ORDER = 27,
    TD_CAUSE_INVALID_NUMBER_FORMAT = 28,
    TD_CAUSE_FACILITY_REJECTED = 29,
    TD_CAUSE_NORMAL_UNSPECIFIED = 31,
    TD_CAUSE_NO_CIRCUIT = 34,
    TD_CAUSE_NETWORK_OUT_OF_ORDER = 38,
    TD_CAUSE_TEMPORARY_FAILURE = 41,
    TD_CAUSE_CONGESTION = 42,
    TD_CAUSE_PRECEDENCE_BLOCKED = 46,
    TD_CAUSE_RESOURCE_UNAVAILABLE = 47,
    TD_CAUSE_BEARER_NOT_AUTHORIZED = 57,
    TD_CAUSE_BEARER_NOT_AVAILABLE = 58,
    TD_CAUSE_BEARER_NOT_IMPLEMENTED = 65,
    TD_CAUSE_INCOMPATIBLE_DESTINATION = 88,
    TD_CAUSE_MANDATORY_ELEMENT_MISSING = 96,
    TD_CAUSE_RECOVERY_ON_TIMER = 102,
    TD_CAUSE_PROTOCOL_ERROR = 111,
    TD_CAUSE_INTERWORKING = 127,
} TdCauseValue;

/* Which protocol a foreign code belongs to. */
typedef enum {
    TD_CODE_NONE,
    TD_CODE_SIP,
    TD_CODE_MGCP,
    TD_CODE_MEGACO,
    TD_CODE_PREEMPTION, /* RFC 4411 5: 1 by a UA, 2 reserved resources, 3 generic, 4 non-IP */
} TdCodeSpace;

/* A cause as it travels: the value, and what the peer said, so that a SIP leg can give a SIP leg
 * the very code and phrase it got. */
typedef struct {
    uint8_t value; /* Q.850 */
    uint8_t space; /* TdCodeSpace */
    uint16_t code; /* in SPACE, 0: none */
    char text[64]; /* the peer's or our own phrase, or "" */
    bool is_given; /* the peer gave VALUE itself (RFC 3326): it is no translation of CODE */
} TdCause;

/* VALUE with our phrase for it, or TEXT (nullable) in its place. Thread: any. */
TD_API TdCause td_cause (unsigned value, const char *text);

/* The phrase of ITU-T Q.850 for VALUE (transfer none). Thread: any. */
TD_API const char *td_cause_phrase (unsigned value);

/* "user-busy" and the like, as configuration and records write them (transfer none), and back;
 * a plain number is read, too. Thread: any. */
TD_API const char *td_cause_name (unsigned value);
TD_API bool td_cause_parse (const char *text, unsigned *ret_value);

/* The SIP status for VALUE (RFC 3398 7.2.4.1), and the cause for a final SIP status (RFC 3398
 * 8.2.6.1), TD_CAUSE_NONE for one below 300. Thread: any. */
TD_API unsigned td_cause_to_sip (unsigned value);
TD_API unsigned td_cause_from_sip (unsigned status);

/* Whether the next target is worth a try after VALUE: congestion, out of order, no circuit and the
 * like, but not busy, not rejected, not an unallocated number. Thread: any. */
TD_API bool td_cause_is_try_next (unsigned value);

G_END_DECLS

#endif
