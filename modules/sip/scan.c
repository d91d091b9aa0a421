/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The first look at a message: is it one, whose is it, and if it is wrong, what is wrong with it. */

#include "scan.h"

#include "mime.h"

#define MAX_LIST_VALUES 256

/* Keeps the first mistake: what follows from it is of no interest. */
static void
refuse (SipScan *scan, unsigned status, const char *why)
{
    if (scan->why == NULL) {
        scan->refusal = status;
        scan->why = why;
    }
}

static void
refuse_if (SipScan *scan, const char *why)
{
    if (why != NULL) {
        refuse (scan, 400, why);
    }
}

/* RFC 3261 7.1: exactly this version; another one is known by its form. */
static void
check_version (SipScan *scan, SipView version)
{
    if (sip_view_is_nocase (version, "SIP/2.0")) {
        return;
    }
    if (version.len_bytes > 4 && g_ascii_strncasecmp (version.text, "SIP/", 4) == 0
        && sip_view_all (sip_view_span (version.text + 4, version.text + version.len_bytes),
                         SIP_CHAR_DIGIT | SIP_CHAR_SCHEME)) {
        refuse (scan, 505, "SIP version other than 2.0");
    } else {
        refuse (scan, 400, "Request line that does not end in SIP/2.0");
    }
}

static void
check_request_uri (SipScan *scan)
{
    const char *why = sip_uri_scan (scan->request_uri, &scan->uri);

    if (why != NULL) {
        refuse (scan, 400, why);
    } else if (scan->uri.scheme == SIP_SCHEME_OTHER) {
        refuse (scan, 416, "Unsupported URI Scheme"); /* RFC 3261 8.2.2.1 */
    } else if (scan->uri.headers.text != NULL) {
        refuse (scan, 400, "Request-URI that carries header fields"); /* RFC 3261 19.1.1 */
    }
}

/* Method SP Request-URI SP SIP-Version, one space each (RFC 3261 7.1). What the URI says is not looked at.
 * False where there is none. */
static bool
divide_request_line (SipScan *scan, SipView line)
{
    const char *end = line.text + line.len_bytes;
    const char *space = memchr (line.text, ' ', line.len_bytes);

    scan->is_request = true;
    if (space == NULL) {
        refuse (scan, 400, "Start line that is neither a request nor a response");
        return false;
    }
    scan->method_name = sip_view_span (line.text, space);
    if (scan->method_name.len_bytes == 0 || !sip_view_all (scan->method_name, SIP_CHAR_TOKEN)) {
        refuse (scan, 400, "Method that is no token");
    }
    scan->method = sip_method_id (scan->method_name);
    const char *last = memrchr (line.text, ' ', line.len_bytes);
    if (last == space) {
        refuse (scan, 400, "Request line that does not end in SIP/2.0");
        return false;
    }
    if (last + 1 == end || space[1] == ' ' || last[-1] == ' ') {
        refuse (scan, 400, "Request line with more spaces than two");
        return false;
    }
    scan->request_uri = sip_view_span (space + 1, last);
    check_version (scan, sip_view_span (last + 1, end));
    if (memchr (scan->request_uri.text, ' ', scan->request_uri.len_bytes) != NULL) {
        refuse (scan, 400, "Request-URI with a space in it");
        return false;
    }
    return true;
}

static void
scan_request_line (SipScan *scan, SipView line)
{
    if (divide_request_line (scan, line)) {
        check_request_uri (scan);
    }
}

/* SIP-Version SP Status-Code SP Reason-Phrase (RFC 3261 7.2). */
static void
scan_status_line (SipScan *scan, SipView line)
{
    const char *code = line.text + strlen ("SIP/2.0 ");
    const char *end = line.text + line.len_bytes;
    const char *code_end = code;
    uint64_t status;

    while (code_end < end && *code_end != ' ') {
        code_end++;
    }
    if (code_end - code != 3 || !sip_view_number (sip_view_span (code, code_end), 699, &status)
        || status < 100) {
        refuse (scan, 400, "Status code that is no number from 100 to 699");
        return;
    }
    scan->status = (unsigned) status;
    scan->reason = code_end < end ? sip_view_span (code_end + 1, end) : SIP_VIEW_NONE;
}

static void
scan_start_line (SipScan *scan, SipView line)
{
    if (line.len_bytes > 8 && g_ascii_strncasecmp (line.text, "SIP/", 4) == 0) {
        if (g_ascii_strncasecmp (line.text, "SIP/2.0 ", 8) == 0) {
            scan_status_line (scan, line);
        } else {
            refuse (scan, 505, "SIP version other than 2.0");
        }
        return;
    }
    scan_request_line (scan, line);
}

/* Takes one line, end of line included, off *AT. False when no line end is left. */
static bool
take_line (SipScan *scan, const char **at, const char *end, SipView *ret_line)
{
    const char *newline = memchr (*at, '\n', (size_t) (end - *at));

    if (newline == NULL) {
        return false;
    }
    const char *line_end = newline;
    if (newline > *at && newline[-1] == '\r') {
        line_end--;
    } else {
        refuse (scan, 400, "Line that does not end in CR LF"); /* RFC 3261 7 */
    }
    if (memchr (*at, '\r', (size_t) (line_end - *at)) != NULL) {
        refuse (scan, 400, "CR inside a line");
    }
    *ret_line = sip_view_span (*at, line_end);
    *at = newline + 1;
    return true;
}

/* A NUL is legal in one place, after a backslash in a quoted string (RFC 3261 25.1 quoted-pair). */
static void
check_nul (SipScan *scan, SipView line)
{
    const char *end = line.text + line.len_bytes;
    bool is_quoted = false;

    for (const char *at = line.text; at < end; at++) {
        if (*at == '"') {
            is_quoted = !is_quoted;
        } else if (*at == '\\' && is_quoted) {
            at++;
        } else if (*at == '\0') {
            refuse (scan, 400, "NUL in a header field");
            return;
        }
    }
}

/* NAME HCOLON VALUE (RFC 3261 7.3.1). LINE has its folded lines in it. */
static void
add_header (SipScan *scan, SipView line)
{
    const char *end = line.text + line.len_bytes;
    const char *at = line.text;

    while (at < end && sip_char_is (*at, SIP_CHAR_TOKEN)) {
        at++;
    }
    SipView name = sip_view_span (line.text, at);
    while (at < end && (*at == ' ' || *at == '\t')) {
        at++;
    }
    if (name.len_bytes == 0 || name.len_bytes > UINT16_MAX || at >= end || *at != ':') {
        refuse (scan, 400, "Header line that does not begin with a name and a colon");
        return;
    }
    if (scan->n_headers == SIP_MAX_HEADERS) {
        refuse (scan, 400, "Over 256 header fields");
        return;
    }
    SipView value = sip_view_trim (sip_view_span (at + 1, end));
    scan->headers[scan->n_headers++] =
        (SipHeader){ name.text, value.text, (uint32_t) value.len_bytes, (uint16_t) name.len_bytes,
                     (uint8_t) sip_header_id (name) };
}

/* Divides the head into header fields. Returns where the body begins. */
static const char *
scan_head (SipScan *scan, const char *at, const char *end)
{
    SipView line;

    if (!take_line (scan, &at, end, &line)) {
        refuse (scan, 400, "Message without a line end");
        return end;
    }
    scan_start_line (scan, line);
    if (memchr (line.text, '\0', line.len_bytes) != NULL) {
        refuse (scan, 400, "NUL in the start line");
    }
    while (take_line (scan, &at, end, &line)) {
        if (line.len_bytes == 0) {
            return at;
        }
        while (at < end && (*at == ' ' || *at == '\t')) { /* folded: RFC 3261 7.3.1 */
            SipView more;
            if (!take_line (scan, &at, end, &more)) {
                break;
            }
            line = sip_view_span (line.text, more.text + more.len_bytes);
        }
        if (memchr (line.text, '\0', line.len_bytes) != NULL) {
            check_nul (scan, line);
        }
        add_header (scan, line);
    }
    if (at != end) {
        refuse (scan, 400, "Header field without a line end");
    }
    refuse (scan, 400, "Head without the empty line at its end");
    return end;
}

/* The topmost Via whole; of the others only that each is one. */
static void
scan_vias (SipScan *scan, const SipHeader *header)
{
    SipView rest = sip_header_value (header), item;
    SipVia via;

    if (rest.len_bytes == 0) {
        refuse (scan, 400, "Via without a value");
    }
    while (sip_view_split (&rest, ',', &item)) {
        refuse_if (scan, sip_via_scan (item, &via));
        if (scan->n_vias++ == 0 && via.host.len_bytes > 0) {
            scan->via = via;
        }
    }
}

static void
scan_party (SipScan *scan, const SipHeader *header, SipView *whole, SipNameAddr *addr, SipView *tag)
{
    if (whole->text != NULL) {
        refuse (scan, 400, header->id == SIP_HEADER_TO ? "More than one To" : "More than one From");
        return;
    }
    *whole = sip_header_value (header);
    const char *why = sip_name_addr_scan (*whole, addr);
    if (why != NULL) {
        refuse (scan, 400, why);
    } else if (sip_param_find (addr->params, "tag", tag) && tag->len_bytes == 0) {
        refuse (scan, 400, "tag without a value");
    }
}

static void
scan_call_id (SipScan *scan, const SipHeader *header)
{
    if (scan->call_id.text != NULL) {
        refuse (scan, 400, "More than one Call-ID");
        return;
    }
    scan->call_id = sip_header_value (header);
    if (scan->call_id.len_bytes == 0) {
        refuse (scan, 400, "Call-ID without a value");
    }
    for (size_t i = 0; i < scan->call_id.len_bytes; i++) {
        if ((unsigned char) scan->call_id.text[i] <= ' ') {
            refuse (scan, 400, "Call-ID with white space in it");
            return;
        }
    }
}

/* 1*DIGIT LWS Method, below 2^31 (RFC 3261 8.1.1.5). */
static void
scan_cseq (SipScan *scan, const SipHeader *header)
{
    uint64_t number;

    if (scan->cseq.text != NULL) {
        refuse (scan, 400, "More than one CSeq");
        return;
    }
    SipView value = scan->cseq = sip_header_value (header);
    const char *end = value.text + value.len_bytes;
    const char *at = value.text;
    while (at < end && sip_char_is (*at, SIP_CHAR_DIGIT)) {
        at++;
    }
    SipView digits = sip_view_span (value.text, at);
    scan->cseq_method = sip_view_trim (sip_view_span (at, end));
    if (digits.len_bytes == 0 || scan->cseq_method.len_bytes == 0 || at == end
        || !sip_char_is (*at, SIP_CHAR_LWS)) {
        refuse (scan, 400, "CSeq that is no number and method");
    } else if (!sip_view_number (digits, INT32_MAX, &number)) {
        refuse (scan, 400, "CSeq number is not below 2147483648");
    } else {
        scan->cseq_number = (uint32_t) number;
    }
}

static void
scan_max_forwards (SipScan *scan, const SipHeader *header)
{
    uint64_t number;

    if (scan->max_forwards >= 0) {
        refuse (scan, 400, "More than one Max-Forwards");
    } else if (!sip_view_number (sip_header_value (header), 255, &number)) {
        refuse (scan, 400, "Max-Forwards is no number from 0 to 255"); /* RFC 3261 20.22 */
    } else {
        scan->max_forwards = (int) number;
    }
}

/* Contact, Route and Record-Route: lists of addresses that the message cannot be served without. */
static void
scan_addresses (SipScan *scan, const SipHeader *header)
{
    SipView rest = sip_header_value (header), item;
    SipNameAddr addr;
    unsigned n = 0;

    if (header->id == SIP_HEADER_CONTACT && sip_view_is (rest, "*")) {
        return;
    }
    if (rest.len_bytes == 0) {
        refuse (scan, 400, "Header field without an address");
    }
    while (sip_view_split (&rest, ',', &item)) {
        refuse_if (scan, sip_name_addr_scan (item, &addr));
        if (++n > MAX_LIST_VALUES) {
            refuse (scan, 400, "Header field with over 256 values");
            return;
        }
        if (header->id != SIP_HEADER_CONTACT && !addr.is_bracketed) {
            refuse (scan, 400, "Route that does not stand between < and >"); /* RFC 3261 20.34 */
        }
    }
}

static void
scan_content_type (SipScan *scan, const SipHeader *header)
{
    if (scan->content_type.text != NULL) {
        refuse (scan, 400, "More than one Content-Type");
    }
    scan->content_type = sip_header_value (header);
}

static void
scan_header (SipScan *scan, const SipHeader *header)
{
    switch (header->id) {
    case SIP_HEADER_VIA:
        scan_vias (scan, header);
        break;
    case SIP_HEADER_FROM:
        scan_party (scan, header, &scan->from, &scan->from_addr, &scan->from_tag);
        break;
    case SIP_HEADER_TO:
        scan_party (scan, header, &scan->to, &scan->to_addr, &scan->to_tag);
        break;
    case SIP_HEADER_CALL_ID:
        scan_call_id (scan, header);
        break;
    case SIP_HEADER_CSEQ:
        scan_cseq (scan, header);
        break;
    case SIP_HEADER_MAX_FORWARDS:
        scan_max_forwards (scan, header);
        break;
    case SIP_HEADER_CONTENT_TYPE:
        scan_content_type (scan, header);
        break;
    case SIP_HEADER_CONTACT:
    case SIP_HEADER_ROUTE:
    case SIP_HEADER_RECORD_ROUTE:
        scan_addresses (scan, header);
        break;
    default:
        break;
    }
}

/* RFC 3261 18.3, 20.14. */
static void
scan_body (SipScan *scan, const char *from, const char *end, bool is_stream)
{
    const SipHeader *header;
    bool is_given = false;
    uint64_t length = 0, other;
    unsigned index = 0;

    while ((header = sip_scan_next (scan, SIP_HEADER_CONTENT_LENGTH, &index)) != NULL) {
        SipView value = sip_header_value (header);
        if (!sip_view_number (value, UINT32_MAX, &other)) {
            refuse (scan, 400,
                    value.len_bytes > 0 && value.text[0] == '-' ? "Content-Length is negative"
                                                                : "Content-Length is no number");
            return;
        }
        if (is_given && other != length) {
            refuse (scan, 400, "Two Content-Length that differ");
            return;
        }
        is_given = true;
        length = other;
    }
    if (!is_given) {
        length = (uint64_t) (end - from);
        if (is_stream) {
            refuse (scan, 400, "Content-Length is missing");
        }
    } else if (length > (uint64_t) (end - from)) {
        refuse (scan, 400, "Content-Length is larger than the message");
        return;
    }
    scan->body = sip_view_span (from, from + length);
}

/* RFC 3261 8.1.1: what every message has. Max-Forwards may be missing from an old element's. */
static void
check_mandatory (SipScan *scan)
{
    static const struct {
        size_t offset;
        const char *why;
    } mandatory[] = {
        { offsetof (SipScan, from), "From is missing" },
        { offsetof (SipScan, to), "To is missing" },
        { offsetof (SipScan, call_id), "Call-ID is missing" },
        { offsetof (SipScan, cseq), "CSeq is missing" },
    };

    if (scan->n_vias == 0) {
        refuse (scan, 400, "Via is missing");
    }
    for (size_t i = 0; i < G_N_ELEMENTS (mandatory); i++) {
        const SipView *view = G_STRUCT_MEMBER_P (scan, mandatory[i].offset);
        if (view->text == NULL) {
            refuse (scan, 400, mandatory[i].why);
        }
    }
}

static void
check_request (SipScan *scan)
{
    if (!sip_view_equal (scan->cseq_method, scan->method_name)) {
        /* RFC 4475 3.1.2.18: an unknown method weighs more. */
        if (scan->method == SIP_METHOD_OTHER) {
            refuse (scan, 501, "Not Implemented");
        }
        refuse (scan, 400, "CSeq names another method than the request line");
    }
    /* RFC 3261 8.1.1.7: the cookie is followed by what makes the branch unique. */
    if (sip_view_is_nocase (scan->via.branch, "z9hG4bK")) {
        refuse (scan, 400, "Via branch without an identifier");
    }
}

static void
check_response (SipScan *scan)
{
    scan->method = sip_method_id (scan->cseq_method);
    if (scan->n_vias > 1) {
        refuse (scan, 400, "Response with more than one Via"); /* RFC 3261 8.1.3.3 */
    }
}

static SipVerdict
verdict_of (const SipScan *scan)
{
    if (scan->why == NULL) {
        return SIP_SCAN_GOOD;
    }
    if (!scan->is_request || scan->method == SIP_METHOD_ACK
        || scan->via.whole.len_bytes == 0) { /* RFC 3261 17.2: an ACK is never answered */
        return SIP_SCAN_DROP;
    }
    return SIP_SCAN_REFUSE;
}

/* Everything but the array of headers, whose first bytes are written as they are needed. */
static void
clear (SipScan *scan)
{
    memset (scan, 0, offsetof (SipScan, headers));
    scan->max_forwards = -1;
}

SipVerdict
sip_scan (SipScan *scan, const char *bytes, size_t len_bytes, bool is_stream)
{
    const char *end = bytes + len_bytes;
    const char *at = bytes;

    clear (scan);
    while (at < end && (*at == '\r' || *at == '\n')) { /* RFC 3261 7.5 */
        at++;
    }
    if (at == end || (len_bytes <= 4 && memchr (bytes, '\0', len_bytes) != NULL)) {
        return scan->verdict = SIP_SCAN_KEEPALIVE;
    }
    if (len_bytes > SIP_MAX_MESSAGE_BYTES) {
        refuse (scan, 513, "Message Too Large");
    }
    const char *body = scan_head (scan, at, MIN (end, at + SIP_MAX_MESSAGE_BYTES));
    for (unsigned i = 0; i < scan->n_headers; i++) {
        scan_header (scan, &scan->headers[i]);
    }
    check_mandatory (scan);
    scan_body (scan, body, end, is_stream);
    if (scan->is_request) {
        check_request (scan);
    } else {
        check_response (scan);
    }
    refuse_if (scan, sip_mime_check (scan->content_type, scan->body));
    return scan->verdict = verdict_of (scan);
}

/* Most header fields begin with other letters than those that a brief scan reads. LINE is followed by CR
 * LF. */
static bool
is_for_brief (const char *line)
{
    switch (line[0] | 0x20) {
    case 'c': /* Call-ID and CSeq, not Contact and Content-Type */
        return (line[1] | 0x20) == 'a' || (line[1] | 0x20) == 's';
    case 'f':
    case 'i':
    case 't':
    case 'v':
        return true;
    default:
        return false;
    }
}

static void
scan_brief_line (SipScan *scan, SipView line)
{
    const SipHeader *header = &scan->headers[scan->n_headers];

    if (!is_for_brief (line.text)) {
        return;
    }
    add_header (scan, line);
    if (scan->why != NULL) {
        return;
    }
    switch (header->id) {
    case SIP_HEADER_CALL_ID:
    case SIP_HEADER_CSEQ:
    case SIP_HEADER_FROM:
    case SIP_HEADER_TO:
    case SIP_HEADER_VIA:
        if (memchr (line.text, '\0', line.len_bytes) != NULL) {
            refuse (scan, 400, "NUL in a header field");
        }
        scan_header (scan, header);
        break;
    default:
        scan->n_headers--;
        break;
    }
}

bool
sip_scan_brief (SipScan *scan, const char *bytes, size_t len_bytes)
{
    const char *at = bytes, *end = bytes + len_bytes;
    SipView line;

    clear (scan);
    if (!take_line (scan, &at, end, &line) || !divide_request_line (scan, line)) {
        return false;
    }
    while (scan->why == NULL && take_line (scan, &at, end, &line)) {
        if (line.len_bytes == 0) {
            check_mandatory (scan);
            return scan->why == NULL && scan->is_request
                   && sip_view_equal (scan->cseq_method, scan->method_name);
        }
        if (line.text[0] == ' ' || line.text[0] == '\t') {
            return false; /* folded */
        }
        scan_brief_line (scan, line);
    }
    return false;
}

const SipHeader *
sip_scan_next (const SipScan *scan, SipHeaderId id, unsigned *index)
{
    while (*index < scan->n_headers) {
        const SipHeader *header = &scan->headers[(*index)++];
        if (header->id == id) {
            return header;
        }
    }
    return NULL;
}

SipView
sip_scan_header (const SipScan *scan, SipHeaderId id)
{
    unsigned index = 0;
    const SipHeader *header = sip_scan_next (scan, id, &index);

    return header != NULL ? sip_header_value (header) : SIP_VIEW_NONE;
}

bool
sip_scan_has (const SipScan *scan, SipHeaderId id)
{
    unsigned index = 0;

    return sip_scan_next (scan, id, &index) != NULL;
}

bool
sip_scan_lists (const SipScan *scan, SipHeaderId id, const char *token)
{
    const SipHeader *header;
    unsigned index = 0;

    while ((header = sip_scan_next (scan, id, &index)) != NULL) {
        SipView rest = sip_header_value (header), item;
        while (sip_view_split (&rest, ',', &item)) {
            if (sip_view_is_nocase (item, token)) {
                return true;
            }
        }
    }
    return false;
}
