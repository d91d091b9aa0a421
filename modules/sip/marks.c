/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resource-Priority on its way in and out (RFC 4412); what it is worth is for the priority service to
 * say. Without one it ends here, or is carried as any other header field. */

#include "leg.h"

#include <tandem/iface/priority.h>
#include <tandem/log.h>

enum { MAX_RECORD_BYTES = 255 };

/* --- What a request says ----------------------------------------------------------------- */

/* The values of all header fields ID, NULL-terminated. */
static GPtrArray *
values_of (const SipScan *request, SipHeaderId id)
{
    GPtrArray *values = g_ptr_array_new_with_free_func (g_free);
    const SipHeader *header;
    unsigned index = 0;

    while ((header = sip_scan_next (request, id, &index)) != NULL) {
        g_ptr_array_add (values, sip_view_dup (sip_header_value (header)));
    }
    g_ptr_array_add (values, NULL);
    return values;
}

static const char *const *
texts_of (const GPtrArray *values)
{
    return (const char *const *) values->pdata;
}

/* What came, for the record: what cannot be a mark is left out. */
static void
note_marks (TdChannel *channel, const GPtrArray *values)
{
    g_autoptr (GString) text = g_string_new (NULL);

    for (unsigned i = 0; i + 1 < values->len; i++) {
        g_string_append (text, i > 0 ? ", " : "");
        for (const char *at = values->pdata[i]; *at != '\0' && text->len < MAX_RECORD_BYTES; at++) {
            if (g_ascii_isprint (*at)) {
                g_string_append_c (text, *at);
            }
        }
    }
    td_channel_set_marks (channel, text->str);
}

static TdMarkedRequest
kind_of (const SipScan *request)
{
    if (request->to_tag.len_bytes > 0) {
        return TD_MARKED_DIALOG;
    }
    switch (request->method) {
    case SIP_METHOD_INVITE:
        return TD_MARKED_CALL;
    case SIP_METHOD_MESSAGE:
        return TD_MARKED_MESSAGE;
    case SIP_METHOD_SUBSCRIBE:
        return TD_MARKED_SUBSCRIPTION;
    default:
        return TD_MARKED_OTHER;
    }
}

/* A certificate that names the trunk says more than an address does. */
static TdPeerKnown
known_as (const SipTrunk *trunk, const TdPacket *packet)
{
    if (trunk == NULL) {
        return TD_PEER_UNKNOWN;
    }
    return packet->peer != NULL && td_peer_is (packet->peer, trunk->domain) ? TD_PEER_TLS
                                                                            : TD_PEER_ADDRESS;
}

/* Whether REQUEST, in a dialog, may bear a signature over its marks (RFC 8443 7.1: "MUST only be sent with
 * SIP INVITE"). */
static bool
may_be_signed (const SipScan *request)
{
    return request->method == SIP_METHOD_INVITE && kind_of (request) == TD_MARKED_DIALOG;
}

/* Answers into VERDICT, whose texts are the caller's. */
static void
ask (const TdPriorityService *service, SipLane *lane, const SipScan *request,
     const TdPacket *packet, const GPtrArray *marks, TdChannel *channel, TdPriorityVerdict *verdict)
{
    const SipTrunk *trunk = sip_trunks_by_source (lane, packet);
    TdForeign foreign = { .size = sizeof foreign };
    bool is_signed = may_be_signed (request);
    g_autoptr (GPtrArray) identities = is_signed ? values_of (request, SIP_HEADER_IDENTITY) : NULL;
    g_autofree char *orig = is_signed ? sip_view_dup (request->from_addr.uri) : NULL;
    g_autofree char *dest = is_signed ? sip_view_dup (request->to_addr.uri) : NULL;
    g_autofree char *urgency =
        is_signed ? sip_view_dup (sip_scan_header (request, SIP_HEADER_PRIORITY)) : NULL;
    const TdPriorityQuestion question = {
        .size = sizeof (TdPriorityQuestion),
        .request = kind_of (request),
        .known = known_as (trunk, packet),
        .is_spoofable = packet->transport == TD_TRANSPORT_UDP,
        .is_required = sip_scan_lists (request, SIP_HEADER_REQUIRE, SIP_TAG_PRIORITY),
        .trunk = trunk != NULL ? trunk->name : "",
        .local = &packet->local,
        .marks = texts_of (marks),
        .channel = channel,
        .foreign = kind_of (request) == TD_MARKED_CALL && sip_parts_read_isup (request, &foreign)
                       ? &foreign
                       : NULL,
        .identities = is_signed ? texts_of (identities) : NULL,
        .orig = orig,
        .dest = dest,
        .priority = urgency,
    };

    service->judge (&question, verdict, service->data);
}

/* The line of VERDICT for the response. */
static void
append_accepted (GString *lines, const TdPriorityVerdict *verdict)
{
    if (verdict->has_accepted) {
        sip_compose_text (lines, "Accept-Resource-Priority", verdict->accepted->str);
    }
}

/* --- On the way in ----------------------------------------------------------------------- */

unsigned
sip_marks_take (SipLeg *leg, const SipScan *invite, const TdPacket *packet, GString *lines,
                const char **ret_reason)
{
    const TdPriorityService *service = sip_priority (leg->lane->sip);
    g_autoptr (GPtrArray) marks = NULL;
    g_autoptr (GString) kept = NULL, accepted = NULL;

    if (service == NULL) {
        return 0;
    }
    marks = values_of (invite, SIP_HEADER_RESOURCE_PRIORITY);
    kept = g_string_new (NULL);
    accepted = g_string_new (NULL);
    TdPriorityVerdict verdict = { .size = sizeof (TdPriorityVerdict),
                                  .kept = kept,
                                  .accepted = accepted };
    if (marks->len > 1) {
        note_marks (leg->channel, marks);
    }
    ask (service, leg->lane, invite, packet, marks, leg->channel, &verdict);
    td_attributes_set_text (td_channel_attributes (leg->channel), leg->lane->sip->marks,
                            kept->len > 0 ? kept->str : NULL);
    if (verdict.is_foreign_void) {
        sip_parts_void_isup (leg);
    }
    append_accepted (lines, &verdict);
    *ret_reason = verdict.reason;
    return verdict.status;
}

bool
sip_marks_admit (SipLane *lane, const SipScan *request, const TdPacket *packet, SipLeg *leg)
{
    const TdPriorityService *service = sip_priority (lane->sip);
    g_autoptr (GPtrArray) marks = NULL;
    g_autoptr (GString) kept = NULL, accepted = NULL, lines = NULL;

    if (service == NULL || request->method == SIP_METHOD_BYE
        || (!sip_scan_has (request, SIP_HEADER_RESOURCE_PRIORITY)
            && !sip_scan_has (request, SIP_HEADER_REQUIRE))) {
        return true; /* RFC 4412 3.1: the class is the dialog's; and a BYE always ends it */
    }
    marks = values_of (request, SIP_HEADER_RESOURCE_PRIORITY);
    kept = g_string_new (NULL);
    accepted = g_string_new (NULL);
    lines = g_string_new (NULL);
    TdPriorityVerdict verdict = { .size = sizeof (TdPriorityVerdict),
                                  .kept = kept,
                                  .accepted = accepted };
    ask (service, lane, request, packet, marks, leg != NULL ? leg->channel : NULL, &verdict);
    if (request->method == SIP_METHOD_PRACK) {
        return true; /* RFC 3262 3: one that matches gets a 2xx */
    }
    if (verdict.status != 0 && request->method != SIP_METHOD_ACK) {
        append_accepted (lines, &verdict);
        if (leg != NULL) { /* its CSeq was taken */
            sip_answer_simple (lane, request, packet, verdict.status, verdict.reason, lines->str);
        } else {
            sip_answer_stateless (lane, request, packet, verdict.status, verdict.reason,
                                  lines->str);
        }
    }
    return verdict.status == 0;
}

void
sip_marks_compose_options (SipLane *lane, const TdPacket *packet, GString *lines)
{
    const TdPriorityService *service = sip_priority (lane->sip);
    const SipTrunk *trunk = sip_trunks_by_source (lane, packet);
    g_autoptr (GString) text = g_string_new (NULL);

    /* RFC 4412 4.4: for those who may use them; the option tag is for everybody. */
    if (service != NULL && trunk != NULL && service->accepted (trunk->name, text, service->data)) {
        sip_compose_text (lines, "Accept-Resource-Priority", text->str);
    }
}

/* --- On the way out ---------------------------------------------------------------------- */

/* The URI in the header field VALUE (transfer full), or NULL. */
static char *
uri_in (const char *value)
{
    SipNameAddr party;

    return sip_name_addr_scan (sip_view_of (value), &party) == NULL ? sip_view_dup (party.uri)
                                                                    : NULL;
}

/* Has the marks of DEMAND, an INVITE of LEG with the header field FROM, signed into IDENTITIES, if they are to
 * be. */
static TdSignatures
ask_to_sign (const SipLeg *leg, TdPriorityDemand *demand, const char *from, GPtrArray *identities)
{
    const TdPriorityService *service = sip_priority (leg->lane->sip);
    g_autofree char *orig = uri_in (from);

    demand->size = sizeof *demand;
    demand->channel = leg->channel;
    demand->orig = orig;
    demand->is_caller_hidden = sip_uac_hides_caller (leg);
    return orig != NULL && demand->dest != NULL ? service->sign (demand, identities, service->data)
                                                : TD_SIGNATURES_LEFT;
}

/* Has the marks signed that are to be; the request says when that was (RFC 8224 6.1, step 3). */
static void
sign (SipLeg *leg)
{
    g_autoptr (GPtrArray) identities = g_ptr_array_new_with_free_func (g_free);
    TdPriorityDemand demand = { .marks = leg->marks, .dest = leg->request_uri };
    TdSignatures signatures = ask_to_sign (leg, &demand, leg->from, identities);

    g_clear_pointer (&leg->identities, g_ptr_array_unref);
    if (signatures != TD_SIGNATURES_LEFT) {
        leg->identities = g_steal_pointer (&identities);
    }
    leg->signed_us = signatures == TD_SIGNATURES_MADE ? td_clock_wall_us () : 0;
}

static void
set_marks (SipLeg *leg, const GString *text)
{
    g_free (leg->marks);
    leg->marks = text->len > 0 ? g_strdup (text->str) : NULL;
    td_channel_set_marks (leg->channel, leg->marks);
    sign (leg);
}

/* Nobody says whose marks they are: whom LEG goes to may believe them because it believes us. */
static void
drop_unjudged (SipLeg *leg)
{
    const Sip *sip = leg->lane->sip;

    leg->has_marks = !sip->passes_unjudged_marks;
    if (leg->has_marks
        && td_attributes_text (td_channel_attributes (leg->channel), sip->marks, 0) != NULL) {
        td_log_peer (sip->module, "sip.unjudged-marks", td_channel_trunk (leg->channel), NULL,
                     "a call's Resource-Priority is not sent to it: no module that runs says what "
                     "it is worth; start the module priority, or say [sip] unjudged-marks = pass");
    }
}

void
sip_marks_place (SipLeg *leg)
{
    const Sip *sip = leg->lane->sip;
    const TdPriorityService *service = sip_priority (leg->lane->sip);
    TdAttributes *attributes = td_channel_attributes (leg->channel);
    g_autoptr (GPtrArray) marks = NULL;
    g_autoptr (GString) text = NULL;
    const char *one;

    if (service == NULL) {
        drop_unjudged (leg);
        return;
    }
    leg->has_marks = true;
    marks = g_ptr_array_new ();
    text = g_string_new (NULL);
    for (unsigned i = 0; (one = td_attributes_text (attributes, sip->marks, i)) != NULL; i++) {
        g_ptr_array_add (marks, (char *) one);
    }
    g_ptr_array_add (marks, NULL);
    service->outgoing (leg->channel, TD_MARKED_CALL, texts_of (marks), text, service->data);
    set_marks (leg, text);
}

/* MARKS and IDENTITIES are nullable; SIGNED_US 0: none of these is new. */
static void
compose (GString *out, const char *marks, const GPtrArray *identities, int64_t signed_us)
{
    if (marks != NULL) {
        sip_compose_text (out, sip_header_name (SIP_HEADER_RESOURCE_PRIORITY), marks);
    }
    for (unsigned i = 0; identities != NULL && i < identities->len; i++) {
        sip_compose_text (out, sip_header_name (SIP_HEADER_IDENTITY), identities->pdata[i]);
    }
    if (signed_us != 0) {
        sip_compose_date (out, signed_us);
    }
}

void
sip_marks_compose (const SipLeg *leg, GString *out)
{
    compose (out, leg->marks, leg->identities, leg->signed_us);
}

bool
sip_marks_have (const SipLeg *leg, SipHeaderId id)
{
    switch (id) {
    case SIP_HEADER_RESOURCE_PRIORITY:
        return leg->has_marks;
    case SIP_HEADER_IDENTITY:
        return leg->identities != NULL;
    case SIP_HEADER_DATE:
        return leg->signed_us != 0;
    default:
        return false;
    }
}

/* The marks of a request in LEG's dialog (transfer full, nullable). */
static char *
marks_inside (const SipLeg *leg)
{
    const TdPriorityService *service = leg->has_marks ? sip_priority (leg->lane->sip) : NULL;
    GString *text;

    if (service == NULL) {
        return NULL;
    }
    text = g_string_new (NULL);
    service->outgoing (leg->channel, TD_MARKED_DIALOG, TD_LIST (leg->marks), text, service->data);
    return g_string_free (text, text->len == 0);
}

void
sip_marks_compose_inside (const SipLeg *leg, GString *out)
{
    g_autofree char *marks = marks_inside (leg);

    compose (out, marks, NULL, 0); /* RFC 8443 7.1: a signature only with INVITE */
}

/* Of legs that we have placed: who is in From is the caller, as in their first INVITE (RFC 8224 12.1.1). */
void
sip_marks_compose_again (const SipLeg *leg, GString *out)
{
    g_autofree char *marks = marks_inside (leg);
    g_autoptr (GPtrArray) identities = NULL;
    TdSignatures signatures;

    if (marks == NULL) {
        return;
    }
    g_autofree char *dest = uri_in (leg->dialog.remote);
    TdPriorityDemand demand = { .marks = marks, .dest = dest, .request = TD_MARKED_DIALOG };
    identities = g_ptr_array_new_with_free_func (g_free);
    signatures = ask_to_sign (leg, &demand, leg->dialog.local, identities);
    compose (out, marks, identities, signatures == TD_SIGNATURES_MADE ? td_clock_wall_us () : 0);
}

/* RFC 4412 4.6.2, 4.6.4: they are not known there, or not allowed. */
static bool
is_refusal (const SipScan *response)
{
    return response->status == 417 || response->status == 403;
}

void
sip_marks_hear_inside (SipLeg *leg, const SipScan *response)
{
    const TdPriorityService *service = sip_priority (leg->lane->sip);
    g_autofree char *marks = is_refusal (response) ? marks_inside (leg) : NULL;

    if (service != NULL && marks != NULL) {
        service->refused (leg->channel, service->data);
    }
}

bool
sip_marks_try_others (SipLeg *leg, const SipScan *response)
{
    const TdPriorityService *service = sip_priority (leg->lane->sip);
    g_autoptr (GPtrArray) accepted = NULL;
    g_autoptr (GString) text = NULL;

    if (service != NULL && leg->marks != NULL && is_refusal (response)) {
        service->refused (leg->channel, service->data);
    }
    if (service == NULL || response->status != 417 || leg->has_tried_marks) {
        return false;
    }
    accepted = values_of (response, SIP_HEADER_ACCEPT_RESOURCE_PRIORITY);
    text = g_string_new (NULL);
    leg->has_tried_marks = service->retry (leg->channel, texts_of (accepted), text, service->data);
    if (leg->has_tried_marks) {
        set_marks (leg, text);
    }
    return leg->has_tried_marks;
}
