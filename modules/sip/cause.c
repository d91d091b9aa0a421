/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Causes as SIP says them: status, phrase, Reason (RFC 3326). */

#include "leg.h"

TdCause
sip_cause_of_response (const SipScan *response)
{
    TdCause cause = { .value = (uint8_t) td_cause_from_sip (response->status),
                      .space = TD_CODE_SIP,
                      .code = (uint16_t) response->status };
    TdCause reason;

    if (!sip_view_copy (response->reason, cause.text, sizeof cause.text)) {
        g_strlcpy (cause.text, sip_reason (response->status), sizeof cause.text);
    }
    if (sip_cause_of_reason (response, &reason) && reason.space == TD_CODE_NONE) {
        cause.value = reason.value;
        cause.is_given = true;
    }
    return cause;
}

/* RFC 4411 7.2. */
static const char *const preemptions[] = { "", "UA Preemption", "Reserved Resources Preempted",
                                           "Generic Preemption", "Non-IP Preemption" };

enum { PREEMPTION_GENERIC = 3 };

/* One value of Reason: "Q.850;cause=16;text="x"" or "SIP;cause=600". */
static bool
read_reason (SipView item, TdCause *ret_cause)
{
    SipView protocol = item, number, text;
    uint64_t code;
    const char *semicolon = memchr (item.text, ';', item.len_bytes);

    if (semicolon == NULL) {
        return false;
    }
    protocol = sip_view_trim (sip_view_span (item.text, semicolon));
    SipView params = sip_view_span (semicolon, item.text + item.len_bytes);
    if (!sip_param_find (params, "cause", &number)) {
        return false;
    }
    if (sip_view_is_nocase (protocol, "Q.850") && sip_view_number (number, 127, &code)
        && code > 0) {
        *ret_cause = td_cause ((unsigned) code, NULL);
    } else if (sip_view_is_nocase (protocol, "preemption") && sip_view_number (number, 4, &code)
               && code > 0) {
        *ret_cause = td_cause (TD_CAUSE_PREEMPTION, preemptions[code]);
        ret_cause->space = TD_CODE_PREEMPTION;
        ret_cause->code = (uint16_t) code;
    } else if (sip_view_is_nocase (protocol, "SIP") && sip_view_number (number, 699, &code)
               && code >= 200) {
        *ret_cause = code < 300 ? td_cause (TD_CAUSE_NORMAL_CLEARING, NULL)
                                : td_cause (td_cause_from_sip ((unsigned) code), NULL);
        ret_cause->space = TD_CODE_SIP;
        ret_cause->code = (uint16_t) code;
    } else {
        return false;
    }
    if (sip_param_find (params, "text", &text) && text.len_bytes > 2 && text.text[0] == '"') {
        char copy[sizeof ret_cause->text];
        text = sip_view_span (text.text + 1, text.text + text.len_bytes - 1);
        if (sip_view_copy (text, copy, sizeof copy)) {
            memcpy (ret_cause->text, copy, sizeof copy);
        }
    }
    return true;
}

/* RFC 4411 says more than Q.850, which has one value for all kinds of preemption, and that more than SIP. */
static unsigned
rank (const TdCause *cause)
{
    return cause->space == TD_CODE_PREEMPTION ? 2 : cause->space == TD_CODE_NONE ? 1 : 0;
}

/* What says most counts, wherever it stands. */
bool
sip_cause_of_reason (const SipScan *scan, TdCause *ret_cause)
{
    const SipHeader *header;
    unsigned index = 0;
    bool is_found = false;

    while ((header = sip_scan_next (scan, SIP_HEADER_REASON, &index)) != NULL) {
        SipView rest = sip_header_value (header), item;
        TdCause cause;
        while (sip_view_split (&rest, ',', &item)) {
            if (read_reason (item, &cause) && (!is_found || rank (&cause) > rank (ret_cause))) {
                *ret_cause = cause;
                is_found = true;
            }
        }
    }
    return is_found;
}

/* RFC 3398 has no row for those whose place another call has, or keeps: there is none left for them. */
static unsigned
status_of_value (unsigned value)
{
    bool is_for_want_of_place = value == TD_CAUSE_PREEMPTION || value == TD_CAUSE_PREEMPTION_REUSE
                                || value == TD_CAUSE_PRECEDENCE_BLOCKED;

    return td_cause_to_sip (is_for_want_of_place ? TD_CAUSE_NO_CIRCUIT : value);
}

unsigned
sip_cause_to_status (const TdCause *cause, const char **ret_reason)
{
    unsigned status = cause->code;

    *ret_reason = NULL;
    if (cause->space != TD_CODE_SIP || status < 400 || status > 699) {
        return status_of_value (cause->value);
    }
    switch (status) {
    case 401: /* these speak of our own request to the other side */
    case 407:
    case 481:
    case 487:
    case 491:
    case 420:
    case 421:
    case 422:
    case 494:
        return td_cause_to_sip (cause->value);
    case 503: /* RFC 3261 16.7 6: it is not we who are unavailable */
        return 500;
    default:
        *ret_reason = cause->text[0] != '\0' ? cause->text : NULL;
        return status;
    }
}

void
sip_cause_compose (GString *out, const TdCause *cause)
{
    if (cause->value == TD_CAUSE_NONE) {
        return;
    }
    if (cause->space == TD_CODE_PREEMPTION) { /* RFC 4411 5 */
        unsigned code = MIN (cause->code, G_N_ELEMENTS (preemptions) - 1);
        g_string_append_printf (out, "Reason: preemption ;cause=%u ;text=\"%s\"", code,
                                preemptions[code]);
    } else if (cause->space == TD_CODE_SIP
               && cause->code == 200) { /* RFC 3326 2: answered elsewhere */
        g_string_append (out, "Reason: SIP;cause=200;text=");
        sip_compose_quoted (out, cause->text);
    } else {
        g_string_append_printf (out, "Reason: Q.850;cause=%u;text=", cause->value);
        sip_compose_quoted (out, td_cause_phrase (cause->value));
    }
    g_string_append (out, "\r\n");
}

void
sip_cause_compose_for (const SipLeg *leg, GString *out, const TdCause *cause)
{
    const SipTrunk *trunk = sip_trunks_by_name (leg->lane->sip, td_channel_trunk (leg->channel));
    TdCause shown = *cause;

    if (cause->space == TD_CODE_PREEMPTION && trunk != NULL && trunk->hides_preemption) {
        shown.code = PREEMPTION_GENERIC; /* RFC 4411 5.3: by the last one before the user */
    }
    sip_cause_compose (out, &shown);
}

void
sip_cause_compose_warning (SipLeg *leg, GString *out, unsigned status, const TdCause *cause)
{
    if (status != 488
        || (cause->value != TD_CAUSE_NO_CIRCUIT && cause->value != TD_CAUSE_PRECEDENCE_BLOCKED)) {
        return;
    }
    g_string_append_printf (out, "Warning: 370 %s \"Insufficient Bandwidth\"\r\n",
                            sip_transport_listener (leg->lane->sip, &leg->path)->host);
}

/* RFC 8224 6.2.2: what is stale to one of two is not to the other, when their clocks differ. */
void
sip_cause_compose_date (GString *out, unsigned status, const TdCause *cause)
{
    static const unsigned of_signatures[] = { 428, 436, 437, 438 };
    bool is_one = status == 403 && strcmp (cause->text, "Stale Date") == 0;

    for (size_t i = 0; i < G_N_ELEMENTS (of_signatures); i++) {
        is_one |= status == of_signatures[i];
    }
    if (is_one) {
        sip_compose_date (out, td_clock_wall_us ());
    }
}

/* "120 (I'm in a meeting)", "18000;duration=3600": the number of seconds is what is passed on. */
void
sip_retry_after_take (SipLeg *leg, const SipScan *response)
{
    SipView value = sip_scan_header (response, SIP_HEADER_RETRY_AFTER);
    uint64_t seconds;
    size_t n_digits = 0;

    while (n_digits < value.len_bytes && g_ascii_isdigit (value.text[n_digits])) {
        n_digits++;
    }
    value.len_bytes = n_digits;
    if (sip_view_number (value, UINT32_MAX, &seconds) && seconds > 0) {
        td_attributes_set_number (td_channel_attributes (leg->channel), leg->lane->sip->retry_after,
                                  (int64_t) seconds);
    }
}

/* RFC 3261 20.33. */
static bool
may_have_retry_after (unsigned status)
{
    static const unsigned known[] = { 404, 413, 480, 486, 500, 503, 600, 603 };

    for (unsigned i = 0; i < G_N_ELEMENTS (known); i++) {
        if (known[i] == status) {
            return true;
        }
    }
    return false;
}

void
sip_retry_after_compose (SipLeg *leg, GString *out, unsigned status)
{
    int64_t seconds =
        td_attributes_number (td_channel_attributes (leg->channel), leg->lane->sip->retry_after);

    if (seconds > 0 && may_have_retry_after (status)) {
        sip_compose_number (out, "Retry-After", (uint64_t) seconds);
    }
}
