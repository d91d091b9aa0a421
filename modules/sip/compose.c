/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages as we write them: once, into one buffer, in the order and the case they should have. */

#include "compose.h"

#include "overload.h"

static const struct {
    uint16_t status;
    const char *reason;
} reasons[] = {
    { 100, "Trying" },
    { 180, "Ringing" },
    { 181, "Call Is Being Forwarded" },
    { 182, "Queued" },
    { 183, "Session Progress" },
    { 199, "Early Dialog Terminated" },
    { 200, "OK" },
    { 202, "Accepted" },
    { 204, "No Notification" },
    { 300, "Multiple Choices" },
    { 301, "Moved Permanently" },
    { 302, "Moved Temporarily" },
    { 305, "Use Proxy" },
    { 380, "Alternative Service" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 402, "Payment Required" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 406, "Not Acceptable" },
    { 407, "Proxy Authentication Required" },
    { 408, "Request Timeout" },
    { 410, "Gone" },
    { 412, "Conditional Request Failed" },
    { 413, "Request Entity Too Large" },
    { 414, "Request-URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 416, "Unsupported URI Scheme" },
    { 417, "Unknown Resource-Priority" },
    { 420, "Bad Extension" },
    { 421, "Extension Required" },
    { 422, "Session Interval Too Small" },
    { 423, "Interval Too Brief" },
    { 424, "Bad Location Information" },
    { 428, "Use Identity Header" },
    { 429, "Provide Referrer Identity" },
    { 433, "Anonymity Disallowed" },
    { 436, "Bad Identity Info" },
    { 437, "Unsupported Credential" },
    { 438, "Invalid Identity Header" },
    { 469, "Bad Info Package" },
    { 480, "Temporarily Unavailable" },
    { 481, "Call/Transaction Does Not Exist" },
    { 482, "Loop Detected" },
    { 483, "Too Many Hops" },
    { 484, "Address Incomplete" },
    { 485, "Ambiguous" },
    { 486, "Busy Here" },
    { 487, "Request Terminated" },
    { 488, "Not Acceptable Here" },
    { 489, "Bad Event" },
    { 491, "Request Pending" },
    { 493, "Undecipherable" },
    { 500, "Server Internal Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Server Time-out" },
    { 505, "Version Not Supported" },
    { 513, "Message Too Large" },
    { 580, "Precondition Failure" },
    { 600, "Busy Everywhere" },
    { 603, "Decline" },
    { 604, "Does Not Exist Anywhere" },
    { 606, "Not Acceptable" },
    { 607, "Unwanted" },
    { 608, "Rejected" },
};

const char *
sip_reason (unsigned status)
{
    for (size_t i = 0; i < G_N_ELEMENTS (reasons); i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Unknown";
}

static void
append_view (GString *out, SipView view)
{
    g_string_append_len (out, view.text, (gssize) view.len_bytes);
}

/* g_string_append_printf() costs more than the rest of a message. */
static void
append_number (GString *out, uint64_t number)
{
    char digits[20];
    unsigned n = 0;

    do {
        digits[n++] = (char) ('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (n > 0) {
        g_string_append_c (out, digits[--n]);
    }
}

/* VALUE on one line. */
static void
append_unfolded (GString *out, SipView value)
{
    if (value.len_bytes == 0) {
        return;
    }
    if (memchr (value.text, '\n', value.len_bytes) == NULL
        && memchr (value.text, '\r', value.len_bytes) == NULL) {
        append_view (out, value);
        return;
    }
    for (size_t i = 0; i < value.len_bytes; i++) {
        if (value.text[i] != '\r' && value.text[i] != '\n') {
            g_string_append_c (out, value.text[i]);
            continue;
        }
        while (i + 1 < value.len_bytes && sip_char_is (value.text[i + 1], SIP_CHAR_LWS)) {
            i++;
        }
        g_string_append_c (out, ' ');
    }
}

void
sip_compose_header (GString *out, const char *name, SipView value)
{
    g_string_append (out, name);
    g_string_append_len (out, ": ", 2);
    append_unfolded (out, value);
    g_string_append_len (out, "\r\n", 2);
}

void
sip_compose_text (GString *out, const char *name, const char *value)
{
    sip_compose_header (out, name, sip_view_of (value));
}

void
sip_compose_date (GString *out, int64_t wall_us)
{
    static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (wall_us / G_USEC_PER_SEC);

    g_string_append_printf (
        out, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
        days[g_date_time_get_day_of_week (time) - 1], g_date_time_get_day_of_month (time),
        months[g_date_time_get_month (time) - 1], g_date_time_get_year (time),
        g_date_time_get_hour (time), g_date_time_get_minute (time), g_date_time_get_second (time));
}

void
sip_compose_number (GString *out, const char *name, uint64_t number)
{
    g_string_append (out, name);
    g_string_append_len (out, ": ", 2);
    append_number (out, number);
    g_string_append_len (out, "\r\n", 2);
}

void
sip_compose_cseq (GString *out, uint32_t number, const char *method)
{
    g_string_append_len (out, "CSeq: ", 6);
    append_number (out, number);
    g_string_append_c (out, ' ');
    g_string_append (out, method);
    g_string_append_len (out, "\r\n", 2);
}

void
sip_compose_copy (GString *out, const SipHeader *header)
{
    if (header->id != SIP_HEADER_OTHER) {
        g_string_append (out, sip_header_name (header->id));
    } else {
        g_string_append_len (out, header->name, header->name_len_bytes);
    }
    g_string_append_len (out, ": ", 2);
    append_unfolded (out, sip_header_value (header));
    g_string_append_len (out, "\r\n", 2);
}

void
sip_compose_copy_all (GString *out, const SipScan *scan, SipHeaderId id)
{
    const SipHeader *header;
    unsigned index = 0;

    while ((header = sip_scan_next (scan, id, &index)) != NULL) {
        sip_compose_copy (out, header);
    }
}

void
sip_compose_quoted (GString *out, const char *text)
{
    g_string_append_c (out, '"');
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            g_string_append_c (out, '\\');
        }
        g_string_append_c (out, (unsigned char) *at < ' ' || *at == 0x7f ? ' ' : *at);
    }
    g_string_append_c (out, '"');
}

void
sip_compose_end (GString *out, const char *content_type, const char *body, size_t len_bytes)
{
    if (len_bytes > 0) {
        sip_compose_text (out, "Content-Type", content_type);
    }
    sip_compose_number (out, "Content-Length", len_bytes);
    g_string_append_len (out, "\r\n", 2);
    if (len_bytes > 0) {
        g_string_append_len (out, body, (gssize) len_bytes);
    }
}

/* RFC 3261 20.42 for Via. */
static const struct {
    const char *name, *in_via;
} transports[] = {
    [TD_TRANSPORT_UDP] = { "udp", "UDP" },
    [TD_TRANSPORT_TCP] = { "tcp", "TCP" },
    [TD_TRANSPORT_TLS] = { "tls", "TLS" },
};

const char *
sip_transport_name (TdTransport transport)
{
    return transports[transport].name;
}

void
sip_compose_request (GString *out, const char *method, SipView uri, TdTransport transport,
                     const char *via_host, const char *branch)
{
    g_string_truncate (out, 0);
    g_string_append (out, method);
    g_string_append_c (out, ' ');
    append_view (out, uri);
    g_string_append (out, " SIP/2.0\r\nVia: SIP/2.0/");
    g_string_append (out, transports[transport].in_via);
    g_string_append_c (out, ' ');
    g_string_append (out, via_host);
    g_string_append (out, transport == TD_TRANSPORT_UDP ? ";rport;branch=" : ";branch=");
    g_string_append (out, branch);
    g_string_append (out, SIP_OVERLOAD_PARAMETERS);
    g_string_append_len (out, "\r\n", 2);
}

/* RFC 7339 4: what a server fills in. */
static bool
is_of_load (SipView name)
{
    return sip_view_is_nocase (name, "oc") || sip_view_is_nocase (name, "oc-algo")
           || sip_view_is_nocase (name, "oc-validity") || sip_view_is_nocase (name, "oc-seq");
}

/* The topmost Via with what we know better: where the request came from. A "received" or a value of
 * "rport" that it brought along is not believed; where HAS_LOAD what it said of load is left out. */
static void
append_top_via (GString *out, const SipVia *via, const TdAddress *source, bool has_load)
{
    SipView rest = via->params, name, value;
    char host[TD_ADDRESS_TEXT_SIZE];

    td_address_print_host (source, host);
    g_string_append_len (out, "Via: SIP/2.0/", 13);
    append_view (out, via->transport);
    g_string_append_c (out, ' ');
    append_view (out, via->host);
    if (via->port != 0) {
        g_string_append_c (out, ':');
        append_number (out, via->port);
    }
    while (sip_param_next (&rest, &name, &value) == NULL && name.len_bytes > 0) {
        if (sip_view_is_nocase (name, "received") || sip_view_is_nocase (name, "rport")
            || (has_load && is_of_load (name))) {
            continue;
        }
        g_string_append_c (out, ';');
        append_view (out, name);
        if (value.len_bytes > 0) {
            g_string_append_c (out, '=');
            append_view (out, value);
        }
    }
    /* RFC 3261 18.2.1: when the host differs. RFC 3581 4: always, where rport was asked for. RFC
     * 5118 4.5: an IPv6 address stands here without brackets. */
    if (via->has_rport || !sip_view_is (via->host, host)) {
        g_string_append (out, ";received=");
        g_string_append (out, host);
    }
    if (via->has_rport) {
        g_string_append (out, ";rport=");
        append_number (out, td_address_port (source));
    }
}

/* Every Via in its order, the topmost one mended; what LOAD (nullable) has to say stands behind that
 * one. Returns where that one ends. */
static size_t
append_vias (GString *out, const SipScan *request, const TdAddress *source, bool has_load,
             SipLoad *load)
{
    const SipHeader *header;
    unsigned index = 0;
    bool is_first = true;
    size_t end = 0;

    while ((header = sip_scan_next (request, SIP_HEADER_VIA, &index)) != NULL) {
        if (!is_first) {
            sip_compose_copy (out, header);
            continue;
        }
        is_first = false;
        SipView rest = sip_header_value (header), top;
        sip_view_split (&rest, ',', &top);
        append_top_via (out, &request->via, source, has_load);
        end = out->len;
        if (load != NULL) {
            sip_load_write (load, out);
        }
        if (rest.len_bytes > 0) {
            g_string_append_c (out, ',');
            append_unfolded (out, rest);
        }
        g_string_append_len (out, "\r\n", 2);
    }
    return end;
}

void
sip_reply_head_init (SipReplyHead *head, const SipScan *request, const TdAddress *source,
                     SipLoad *load)
{
    GString *text = g_string_sized_new (1024);
    size_t ends[5];

    head->load = load != NULL && sip_load_is_asked (&request->via) ? load : NULL;
    head->load_at = append_vias (text, request, source, head->load != NULL, NULL);
    sip_compose_copy_all (text, request, SIP_HEADER_FROM);
    ends[0] = text->len;
    append_unfolded (text, request->to);
    ends[1] = text->len;
    sip_compose_copy_all (text, request, SIP_HEADER_CALL_ID);
    sip_compose_copy_all (text, request, SIP_HEADER_CSEQ);
    ends[2] = text->len;
    sip_compose_copy_all (text, request, SIP_HEADER_RECORD_ROUTE);
    ends[3] = text->len;
    sip_compose_copy_all (text, request, SIP_HEADER_TIMESTAMP);
    ends[4] = text->len;
    head->text = g_string_free (text, FALSE);
    head->vias = sip_view_span (head->text, head->text + ends[0]);
    head->to = sip_view_span (head->text + ends[0], head->text + ends[1]);
    head->rest = sip_view_span (head->text + ends[1], head->text + ends[2]);
    head->routes = sip_view_span (head->text + ends[2], head->text + ends[3]);
    head->timestamp = sip_view_span (head->text + ends[3], head->text + ends[4]);
    head->has_to_tag = request->to_tag.len_bytes > 0;
}

void
sip_reply_head_clear (SipReplyHead *head)
{
    g_free (head->text);
    *head = (SipReplyHead){ 0 };
}

static void
append_status_line (GString *out, unsigned status, const char *reason)
{
    g_string_truncate (out, 0);
    g_string_append_len (out, "SIP/2.0 ", 8);
    append_number (out, status);
    g_string_append_c (out, ' ');
    append_unfolded (out, sip_view_of (reason != NULL ? reason : sip_reason (status)));
    g_string_append_len (out, "\r\n", 2);
}

void
sip_compose_answer (GString *out, const SipScan *request, const TdAddress *source, SipLoad *load,
                    unsigned status, const char *reason, const char *lines, const char *to_tag)
{
    bool has_load = load != NULL && sip_load_is_asked (&request->via);

    append_status_line (out, status, reason);
    append_vias (out, request, source, has_load, has_load ? load : NULL);
    sip_compose_copy_all (out, request, SIP_HEADER_FROM);
    g_string_append_len (out, "To: ", 4);
    append_unfolded (out, request->to);
    if (request->to_tag.len_bytes == 0 && request->to.len_bytes > 0) {
        g_string_append_len (out, ";tag=", 5);
        g_string_append (out, to_tag);
    }
    g_string_append_len (out, "\r\n", 2);
    sip_compose_copy_all (out, request, SIP_HEADER_CALL_ID);
    sip_compose_copy_all (out, request, SIP_HEADER_CSEQ);
    if (lines != NULL) {
        g_string_append (out, lines);
    }
    g_string_append_len (out, "Content-Length: 0\r\n\r\n", 21);
}

void
sip_compose_response (GString *out, const SipReplyHead *head, unsigned status, const char *reason,
                      const char *to_tag)
{
    append_status_line (out, status, reason);
    if (head->load != NULL) {
        g_string_append_len (out, head->vias.text, (gssize) head->load_at);
        sip_load_write (head->load, out);
        append_view (out, sip_view_span (head->vias.text + head->load_at,
                                         head->vias.text + head->vias.len_bytes));
    } else {
        append_view (out, head->vias);
    }
    g_string_append_len (out, "To: ", 4);
    append_view (out, head->to);
    if (to_tag != NULL && !head->has_to_tag && status != 100 && head->to.len_bytes > 0) {
        g_string_append (out, ";tag=");
        g_string_append (out, to_tag);
    }
    g_string_append_len (out, "\r\n", 2);
    append_view (out, head->rest);
    if (status == 100) {
        append_view (out, head->timestamp); /* RFC 3261 8.2.6.1 */
    }
}

/* What ACK and CANCEL have in common: they are the INVITE's shadow. */
static void
append_shadow (GString *out, const char *method, const SipScan *invite, SipView to,
               const char *lines)
{
    g_string_truncate (out, 0);
    g_string_append (out, method);
    g_string_append_c (out, ' ');
    append_view (out, invite->request_uri);
    g_string_append (out, " SIP/2.0\r\n");
    sip_compose_header (out, "Via", invite->via.whole);
    sip_compose_text (out, "Max-Forwards", "70");
    sip_compose_copy_all (out, invite, SIP_HEADER_ROUTE);
    sip_compose_header (out, "From", invite->from);
    sip_compose_header (out, "To", to);
    sip_compose_header (out, "Call-ID", invite->call_id);
    sip_compose_cseq (out, invite->cseq_number, method);
    g_string_append (out, lines);
    sip_compose_end (out, NULL, NULL, 0);
}

void
sip_compose_ack (GString *out, const SipScan *invite, const SipScan *response)
{
    append_shadow (out, "ACK", invite, response->to, "");
}

void
sip_compose_cancel (GString *out, const SipScan *invite, const char *lines)
{
    append_shadow (out, "CANCEL", invite, invite->to, lines);
}
