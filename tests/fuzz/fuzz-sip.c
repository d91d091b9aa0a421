/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as a SIP message: framed, scanned, modelled and answered. */

#include "fuzz.h"

#include "compose.h"
#include "message.h"
#include "mime.h"

static bool
is_inside (SipView view, const char *bytes, size_t n_bytes)
{
    return view.len_bytes == 0
           || (view.text >= bytes && view.text + view.len_bytes <= bytes + n_bytes);
}

static void
check_views (const SipScan *scan, const char *bytes, size_t n_bytes)
{
    FUZZ_CHECK (scan->n_headers <= SIP_MAX_HEADERS);
    FUZZ_CHECK (is_inside (scan->body, bytes, n_bytes));
    FUZZ_CHECK (is_inside (scan->via.whole, bytes, n_bytes));
    FUZZ_CHECK (is_inside (scan->request_uri, bytes, n_bytes));
    for (unsigned i = 0; i < scan->n_headers; i++) {
        FUZZ_CHECK (is_inside (sip_header_value (&scan->headers[i]), bytes, n_bytes));
    }
}

/* Asks libosip2 for everything it can model. */
static void
check_model (const SipScan *scan)
{
    static const SipHeaderId ids[] = { SIP_HEADER_ACCEPT,
                                       SIP_HEADER_ALLOW,
                                       SIP_HEADER_AUTHORIZATION,
                                       SIP_HEADER_CONTACT,
                                       SIP_HEADER_CONTENT_TYPE,
                                       SIP_HEADER_FROM,
                                       SIP_HEADER_TO,
                                       SIP_HEADER_PROXY_AUTHENTICATE,
                                       SIP_HEADER_RECORD_ROUTE,
                                       SIP_HEADER_PROXY_AUTHORIZATION,
                                       SIP_HEADER_ROUTE,
                                       SIP_HEADER_WWW_AUTHENTICATE };
    char text[128], host[128];
    SipMessage message;
    SipPart part;

    sip_message_init (&message, scan);
    for (size_t i = 0; i < G_N_ELEMENTS (ids); i++) {
        sip_message_need (&message, ids[i]);
    }
    sip_message_expires (&message, 0, 1);
    sip_message_display (&scan->from_addr, text, sizeof text);
    sip_message_user_host (&scan->uri, text, sizeof text, host, sizeof host);
    sip_mime_find (scan->content_type, scan->body, "application/sdp", &part);
    FUZZ_CHECK (sip_uri_equal (&scan->uri, &scan->uri));
    sip_message_clear (&message);
}

/* The answer to a request that is good is good itself, and still belongs to it. */
static void
check_answer (const SipScan *scan)
{
    static const TdAddress source = { .v4 = { .sin_family = AF_INET, .sin_port = 1 } };
    g_autoptr (GString) out = g_string_new (NULL);
    SipReplyHead head;
    SipScan answer;

    sip_reply_head_init (&head, scan, &source, NULL);
    sip_compose_response (out, &head, scan->refusal != 0 ? scan->refusal : 200, scan->why, "tag");
    sip_compose_end (out, NULL, NULL, 0);
    sip_scan (&answer, out->str, out->len, true);
    if (scan->verdict == SIP_SCAN_GOOD && scan->n_vias == 1) {
        FUZZ_CHECK (answer.verdict == SIP_SCAN_GOOD);
        FUZZ_CHECK (answer.cseq_number == scan->cseq_number);
        FUZZ_CHECK (sip_view_equal (answer.via.branch, scan->via.branch));
        FUZZ_CHECK (answer.to_tag.len_bytes > 0);
        FUZZ_CHECK (sip_frame (out->str, out->len) == (ssize_t) out->len);
    }
    sip_reply_head_clear (&head);
}

static void
check_shadows (const SipScan *invite)
{
    g_autoptr (GString) out = g_string_new (NULL);
    SipScan shadow;

    sip_compose_cancel (out, invite, "");
    sip_scan (&shadow, out->str, out->len, true);
    FUZZ_CHECK (shadow.verdict == SIP_SCAN_GOOD);
    sip_compose_ack (out, invite, invite);
    sip_scan (&shadow, out->str, out->len, true);
    FUZZ_CHECK (shadow.verdict == SIP_SCAN_GOOD);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n_bytes)
{
    const char *bytes = (const char *) data;
    ssize_t frame = sip_frame (bytes, n_bytes);
    SipScan scan;

    FUZZ_CHECK (frame >= -1 && frame <= SIP_MAX_MESSAGE_BYTES);
    for (unsigned is_stream = 0; is_stream < 2; is_stream++) {
        sip_scan (&scan, bytes, n_bytes, is_stream);
        check_views (&scan, bytes, n_bytes);
        if (scan.verdict == SIP_SCAN_GOOD) {
            check_model (&scan);
        }
        if (scan.is_request && scan.via.whole.len_bytes > 0) {
            check_answer (&scan);
        }
        if (scan.verdict == SIP_SCAN_GOOD && scan.method == SIP_METHOD_INVITE && scan.is_request) {
            check_shadows (&scan);
        }
    }
    return 0;
}
