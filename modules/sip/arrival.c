/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In which arrival queue a message waits, seen at a glance. */

#include "arrival.h"

#include "seal.h"

/* One line that ends in CR LF, without it. False at what is written otherwise, or does not end. */
static bool
next_line (const char **at, const char *end, SipView *ret_line)
{
    const char *newline = memchr (*at, '\n', (size_t) (end - *at));

    if (newline == NULL || newline == *at || newline[-1] != '\r') {
        return false;
    }
    *ret_line = sip_view_span (*at, newline - 1);
    *at = newline + 1;
    return true;
}

/* RFC 3261 7.1, 7.2. */
static bool
glance_at_start (SipGlance *glance, SipView line)
{
    static const char version[] = " SIP/2.0";
    const size_t version_bytes = sizeof version - 1;
    const char *end = line.text + line.len_bytes - version_bytes;

    if (line.len_bytes > 8 && memcmp (line.text, "SIP/2.0 ", 8) == 0) {
        return true;
    }
    if (line.len_bytes <= version_bytes || memcmp (end, version, version_bytes) != 0) {
        return false;
    }
    const char *space = memchr (line.text, ' ', line.len_bytes);
    if (space >= end) {
        return false;
    }
    glance->is_request = true;
    glance->method = sip_method_id (sip_view_span (line.text, space));
    glance->request_uri = sip_view_span (space + 1, end);
    return true;
}

/* The tag behind ">", or, where there is none, behind the URI (RFC 3261 20.10). */
static bool
find_tag (SipView party, SipView *ret_tag)
{
    const char *params = memrchr (party.text, '>', party.len_bytes);
    SipNameAddr addr;

    if (memchr (party.text, '"', party.len_bytes) != NULL) {
        if (sip_name_addr_scan (party, &addr) != NULL) {
            return false;
        }
        sip_param_find (addr.params, "tag", ret_tag);
        return true;
    }
    params = params != NULL ? params + 1 : memchr (party.text, ';', party.len_bytes);
    if (params != NULL) {
        sip_param_find (sip_view_trim (sip_view_span (params, party.text + party.len_bytes)), "tag",
                        ret_tag);
    }
    return true;
}

static bool
glance_at_via (SipGlance *glance, SipView value)
{
    SipView rest = value, top;
    SipVia via;

    if (glance->is_request) {
        glance->first_via = glance->first_via.text != NULL ? glance->first_via : value;
        return true;
    }
    if (glance->branch.text != NULL) {
        return true;
    }
    if (!sip_view_split (&rest, ',', &top) || sip_via_scan (top, &via) != NULL) {
        return false;
    }
    glance->branch = via.branch;
    return true;
}

/* LINE: NAME HCOLON VALUE, on one line. */
static bool
glance_at_header (SipGlance *glance, SipView line)
{
    const char *colon = memchr (line.text, ':', line.len_bytes);

    if (colon == NULL || line.text[0] == ' ' || line.text[0] == '\t') {
        return false;
    }
    SipView name = sip_view_trim (sip_view_span (line.text, colon));
    SipView value = sip_view_trim (sip_view_span (colon + 1, line.text + line.len_bytes));
    switch (sip_header_id (name)) {
    case SIP_HEADER_VIA:
        return glance_at_via (glance, value);
    case SIP_HEADER_TO:
        return glance->to_tag.text == NULL && find_tag (value, &glance->to_tag);
    case SIP_HEADER_CALL_ID:
        if (glance->call_id.text != NULL) {
            return false;
        }
        glance->call_id = value;
        break;
    case SIP_HEADER_RESOURCE_PRIORITY:
        glance->is_marked = true;
        break;
    case SIP_HEADER_REPLACES:
    case SIP_HEADER_JOIN:
        glance->names_dialog = true;
        break;
    default:
        break;
    }
    return true;
}

/* Whether a header field can be of interest: most begin with other letters, and looking up a name
 * costs more than passing over it. LINE is followed by CR LF. */
static bool
is_of_interest (const char *line)
{
    switch (line[0] | 0x20) {
    case 'c':
        return (line[1] | 0x20) == 'a';
    case 'i':
    case 'j':
    case 'r':
    case 't':
    case 'v':
    case ' ' | 0x20:
    case '\t' | 0x20:
        return true;
    default:
        return false;
    }
}

bool
sip_glance (SipGlance *glance, const char *bytes, size_t len_bytes)
{
    const char *at = bytes, *end = bytes + len_bytes;
    SipView line;

    *glance = (SipGlance){ 0 };
    if (!next_line (&at, end, &line) || !glance_at_start (glance, line)) {
        return false;
    }
    while (next_line (&at, end, &line)) {
        if (line.len_bytes == 0) {
            return glance->call_id.len_bytes > 0;
        }
        if (is_of_interest (line.text) && !glance_at_header (glance, line)) {
            return false;
        }
    }
    return false;
}

void
sip_glance_of_scan (SipGlance *glance, const SipScan *scan)
{
    *glance = (SipGlance){
        .is_request = scan->is_request,
        .method = scan->method,
        .request_uri = scan->request_uri,
        .branch = scan->via.branch,
        .first_via = scan->is_request ? sip_scan_header (scan, SIP_HEADER_VIA) : SIP_VIEW_NONE,
        .to_tag = scan->to_tag,
        .call_id = scan->call_id,
        .is_marked = sip_scan_has (scan, SIP_HEADER_RESOURCE_PRIORITY),
        .names_dialog =
            sip_scan_has (scan, SIP_HEADER_REPLACES) || sip_scan_has (scan, SIP_HEADER_JOIN),
    };
}

/* RFC 5031 4.2: the service or one below it; "urn:service:test.sos" (RFC 6881 ED-80) is another. */
static bool
is_sos (SipView uri)
{
    static const char sos[] = "urn:service:sos";
    const size_t len_bytes = sizeof sos - 1;

    return uri.len_bytes >= len_bytes && g_ascii_strncasecmp (uri.text, sos, len_bytes) == 0
           && (uri.len_bytes == len_bytes || uri.text[len_bytes] == '.');
}

/* What stands before the host, or is the whole of a tel URI; without parameters. */
static SipView
user_of (SipView uri)
{
    const char *from = memchr (uri.text, ':', uri.len_bytes);

    if (from == NULL) {
        return SIP_VIEW_NONE;
    }
    const char *end = uri.text + uri.len_bytes, *at = ++from;
    while (at < end && *at != '@' && *at != ';' && *at != '?') {
        at++;
    }
    return sip_view_span (from, at);
}

bool
sip_glance_is_for (const SipGlance *glance, const char *const *numbers)
{
    if (is_sos (glance->request_uri)) {
        return true;
    }
    if (*numbers == NULL) {
        return false;
    }
    SipView user = user_of (glance->request_uri);
    for (; *numbers != NULL; numbers++) {
        if (sip_view_is (user, *numbers)) {
            return true;
        }
    }
    return false;
}

/* --- Claims ------------------------------------------------------------------------------ */

/* A bucket that fills all the time and holds a second. */
typedef struct {
    int64_t filled_us;
    int64_t level_us;
} Claimant;

struct SipClaims {
    uint64_t secret;
    Claimant forged; /* all whose source may be a forged one */
    unsigned n_places;
    Claimant places[];
};

SipClaims *
sip_claims_new (uint64_t secret, unsigned n_places)
{
    SipClaims *claims = g_malloc0 (sizeof *claims + n_places * sizeof (Claimant));

    claims->secret = secret;
    claims->n_places = n_places;
    return claims;
}

void
sip_claims_free (SipClaims *claims)
{
    g_free (claims);
}

SipView
sip_claim_of_source (const TdAddress *source)
{
    return source->any.sa_family == AF_INET6 ? (SipView){ (const char *) &source->v6.sin6_addr, 16 }
                                             : (SipView){ (const char *) &source->v4.sin_addr, 4 };
}

static bool
take (Claimant *claimant, unsigned rate, int64_t now_us)
{
    claimant->level_us = MIN (claimant->level_us + (now_us - claimant->filled_us), G_USEC_PER_SEC);
    claimant->filled_us = now_us;
    if (rate == 0 || claimant->level_us < G_USEC_PER_SEC / rate) {
        return false;
    }
    claimant->level_us -= G_USEC_PER_SEC / rate;
    return true;
}

bool
sip_claims_take (SipClaims *claims, SipView who, unsigned rate, int64_t now_us)
{
    return take (&claims->places[sip_view_hash (who, claims->secret) % claims->n_places], rate,
                 now_us);
}

bool
sip_claims_take_of (SipClaims *claims, const TdAddress *source, bool may_be_forged, unsigned rate,
                    int64_t now_us)
{
    return sip_claims_take (claims, sip_claim_of_source (source), rate, now_us)
           && (!may_be_forged || take (&claims->forged, rate * SIP_FORGED_SOURCES, now_us));
}
