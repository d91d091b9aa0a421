/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Causes: the phrases of ITU-T Q.850 and the tables of RFC 3398 between them and SIP. */

#include <string.h>

#include <tandem/cause.h>

enum {
    MAX_VALUE = 127,
};

typedef struct {
    const char *name;
    const char *phrase; /* ITU-T Q.850 2.2.7 */
    uint16_t sip;       /* RFC 3398 7.2.4.1; 0: not listed there */
    bool is_try_next;
} CauseRow;

static const CauseRow rows[MAX_VALUE + 1] = {
    [1] = { "unallocated-number", "Unallocated (unassigned) number", 404 },
    [2] = { "no-route-to-network", "No route to specified transit network", 404, true },
    [3] = { "no-route-to-destination", "No route to destination", 404, true },
    [4] = { "send-special-tone", "Send special information tone", 0 },
    [5] = { "misdialled-prefix", "Misdialled trunk prefix", 0 },
    [6] = { "channel-unacceptable", "Channel unacceptable", 0, true },
    [7] = { "call-awarded", "Call awarded and being delivered in an established channel", 0 },
    [8] = { "preemption", "Preemption", 0 },
    [9] = { "preemption-reserved", "Preemption - circuit reserved for reuse", 0 },
    [14] = { "ported-number", "QoR: ported number", 0 },
    /* The table has no status for normal clearing, which is a BYE or CANCEL. Where an INVITE must be
     * answered all the same, it is what normal, unspecified is. */
    [16] = { "normal-clearing", "Normal call clearing", 480 },
    [17] = { "user-busy", "User busy", 486 },
    [18] = { "no-user-responding", "No user responding", 408 },
    [19] = { "no-answer", "No answer from user (user alerted)", 480 },
    [20] = { "subscriber-absent", "Subscriber absent", 480 },
    [21] = { "call-rejected", "Call rejected", 403 },
    [22] = { "number-changed", "Number changed", 410 },
    [23] = { "redirection", "Redirection to new destination", 410, true },
    [24] = { "feature-rejected", "Call rejected due to feature at the destination", 0 },
    [25] = { "exchange-routing-error", "Exchange routing error", 0, true },
    [26] = { "non-selected-user-clearing", "Non-selected user clearing", 404 },
    [27] = { "destination-out-of-order", "Destination out of order", 502, true },
    [28] = { "invalid-number-format", "Invalid number format (address incomplete)", 484 },
    [29] = { "facility-rejected", "Facility rejected", 501 },
    [30] = { "response-to-status-enquiry", "Response to STATUS ENQUIRY", 0 },
    [31] = { "normal-unspecified", "Normal, unspecified", 480 },
    [34] = { "no-circuit", "No circuit/channel available", 503, true },
    [38] = { "network-out-of-order", "Network out of order", 503, true },
    [39] = { "frame-out-of-service", "Permanent frame mode connection out of service", 0, true },
    [40] = { "frame-operational", "Permanent frame mode connection operational", 0 },
    [41] = { "temporary-failure", "Temporary failure", 503, true },
    [42] = { "congestion", "Switching equipment congestion", 503, true },
    [43] = { "access-information-discarded", "Access information discarded", 0 },
    [44] = { "requested-circuit-not-available", "Requested circuit/channel not available", 0,
             true },
    [46] = { "precedence-call-blocked", "Precedence call blocked", 0 },
    [47] = { "resource-unavailable", "Resource unavailable, unspecified", 503, true },
    [49] = { "quality-not-available", "Quality of service not available", 0, true },
    [50] = { "facility-not-subscribed", "Requested facility not subscribed", 0 },
    [53] = { "outgoing-barred-in-cug", "Outgoing calls barred within CUG", 0 },
    [55] = { "incoming-barred-in-cug", "Incoming calls barred within CUG", 403 },
    [57] = { "bearer-not-authorized", "Bearer capability not authorized", 403 },
    [58] = { "bearer-not-available", "Bearer capability not presently available", 503, true },
    [62] = { "inconsistent-access-information",
             "Inconsistency in designated outgoing access information and subscriber class", 0 },
    [63] = { "service-not-available", "Service or option not available, unspecified", 0, true },
    [65] = { "bearer-not-implemented", "Bearer capability not implemented", 488, true },
    [66] = { "channel-type-not-implemented", "Channel type not implemented", 0, true },
    [69] = { "facility-not-implemented", "Requested facility not implemented", 0, true },
    [70] = { "restricted-digital-only",
             "Only restricted digital information bearer capability is available", 488, true },
    [79] = { "service-not-implemented", "Service or option not implemented, unspecified", 501,
             true },
    [81] = { "invalid-call-reference", "Invalid call reference value", 0 },
    [82] = { "channel-does-not-exist", "Identified channel does not exist", 0, true },
    [83] = { "call-identity-unknown", "A suspended call exists, but this call identity does not",
             0 },
    [84] = { "call-identity-in-use", "Call identity in use", 0 },
    [85] = { "no-call-suspended", "No call suspended", 0 },
    [86] = { "call-identity-cleared", "Call having the requested call identity has been cleared",
             0 },
    [87] = { "not-member-of-cug", "User not member of CUG", 403 },
    [88] = { "incompatible-destination", "Incompatible destination", 503 },
    [90] = { "non-existent-cug", "Non-existent CUG", 0 },
    [91] = { "invalid-transit-network", "Invalid transit network selection", 0, true },
    [95] = { "invalid-message", "Invalid message, unspecified", 0, true },
    [96] = { "mandatory-element-missing", "Mandatory information element is missing", 0, true },
    [97] = { "message-type-unknown", "Message type non-existent or not implemented", 0, true },
    [98] = { "message-incompatible-or-unknown",
             "Message not compatible with call state or message type non-existent or not "
             "implemented",
             0, true },
    [99] = { "element-unknown", "Information element/parameter non-existent or not implemented", 0,
             true },
    [100] = { "invalid-element-contents", "Invalid information element contents", 0, true },
    [101] = { "message-incompatible", "Message not compatible with call state", 0, true },
    [102] = { "recovery-on-timer", "Recovery on timer expiry", 504, true },
    [103] = { "parameter-passed-on", "Parameter non-existent or not implemented, passed on", 0 },
    [110] = { "parameter-unrecognized", "Message with unrecognized parameter, discarded", 0, true },
    [111] = { "protocol-error", "Protocol error, unspecified", 500, true },
    [127] = { "interworking", "Interworking, unspecified", 500, true },
};

/* RFC 3398 8.2.6.1. 504 stands there twice, the second time for "Version Not Supported", which is
 * 505 (RFC 3261 21.5.6). 487 has no mapping: it answers our own CANCEL, so it is a normal clearing.
 * 488 and 606 go by their Warning; without one they are 31. */
static const struct {
    uint16_t status;
    uint8_t value;
} from_sip[] = {
    { 400, 41 },  { 401, 21 },  { 402, 21 },  { 403, 21 },  { 404, 1 },   { 405, 63 }, { 406, 79 },
    { 407, 21 },  { 408, 102 }, { 410, 22 },  { 413, 127 }, { 414, 127 }, { 415, 79 }, { 416, 127 },
    { 420, 127 }, { 421, 127 }, { 423, 127 }, { 480, 18 },  { 481, 41 },  { 482, 25 }, { 483, 25 },
    { 484, 28 },  { 485, 1 },   { 486, 17 },  { 487, 16 },  { 488, 31 },  { 500, 41 }, { 501, 79 },
    { 502, 38 },  { 503, 41 },  { 504, 102 }, { 505, 127 }, { 513, 127 }, { 600, 17 }, { 603, 21 },
    { 604, 1 },   { 606, 31 },
};

#define TEN(tens)                                                                                  \
    tens "0", tens "1", tens "2", tens "3", tens "4", tens "5", tens "6", tens "7", tens "8",      \
        tens "9"
/* What a value without a name is written as. */
static const char *const numbers[] = { TEN (""),   TEN ("1"),  TEN ("2"), TEN ("3"), TEN ("4"),
                                       TEN ("5"),  TEN ("6"),  TEN ("7"), TEN ("8"), TEN ("9"),
                                       TEN ("10"), TEN ("11"), TEN ("12") };

/* ITU-T Q.850 2.2.5 groups values by their upper three bits; each class ends with what is
 * unspecified in it, which stands for every value of the class that is not known. */
static unsigned
class_default (unsigned value)
{
    unsigned last = value | 0x0f;

    return last == 15 ? TD_CAUSE_NORMAL_UNSPECIFIED : last;
}

static unsigned
clamp (unsigned value)
{
    return value <= MAX_VALUE ? value : TD_CAUSE_INTERWORKING;
}

/* Copies what fits of PHRASE, whole characters of one line. */
static void
copy_phrase (char text[64], const char *phrase)
{
    size_t n = 0;

    for (; phrase[n] != '\0' && n < 63; n++) {
        text[n] = g_ascii_iscntrl (phrase[n]) ? ' ' : phrase[n];
    }
    if (phrase[n] != '\0') {
        /* Not in the middle of a character of UTF-8: its first byte goes with the rest. */
        while (n > 0 && ((unsigned char) phrase[n] & 0xc0) == 0x80) {
            n--;
        }
    }
    text[n] = '\0';
}

TdCause
td_cause (unsigned value, const char *text)
{
    TdCause cause = { .value = (uint8_t) clamp (value) };

    copy_phrase (cause.text, text != NULL ? text : td_cause_phrase (cause.value));
    return cause;
}

const char *
td_cause_phrase (unsigned value)
{
    value = clamp (value);
    if (value == TD_CAUSE_NONE) {
        return "";
    }
    if (rows[value].phrase == NULL) {
        value = class_default (value);
    }
    return rows[value].phrase;
}

const char *
td_cause_name (unsigned value)
{
    value = clamp (value);
    if (value == TD_CAUSE_NONE) {
        return "none";
    }
    return rows[value].name != NULL ? rows[value].name : numbers[value];
}

/* 1 to 127, without a sign or a zero in front. */
static bool
parse_number (const char *text, unsigned *ret_value)
{
    for (unsigned value = 1; value <= MAX_VALUE; value++) {
        if (strcmp (text, numbers[value]) == 0) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

bool
td_cause_parse (const char *text, unsigned *ret_value)
{
    for (unsigned value = 1; value <= MAX_VALUE; value++) {
        if (rows[value].name != NULL && strcmp (text, rows[value].name) == 0) {
            *ret_value = value;
            return true;
        }
    }
    return parse_number (text, ret_value);
}

unsigned
td_cause_to_sip (unsigned value)
{
    value = clamp (value);
    /* RFC 3398 7.2.4.1: 500 for every value that is not in the table. */
    return rows[value].sip != 0 ? rows[value].sip : 500;
}

unsigned
td_cause_from_sip (unsigned status)
{
    if (status < 300) {
        return TD_CAUSE_NONE;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS (from_sip); i++) {
        if (from_sip[i].status == status) {
            return from_sip[i].value;
        }
    }
    return TD_CAUSE_NORMAL_UNSPECIFIED; /* RFC 3398 8.2.6.1: every status that is not listed */
}

bool
td_cause_is_try_next (unsigned value)
{
    value = clamp (value);
    if (rows[value].name == NULL && value != TD_CAUSE_NONE) {
        value = class_default (value);
    }
    return rows[value].is_try_next;
}
