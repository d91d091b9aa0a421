/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* 3xx responses to our INVITE: whom the peer would have us call instead (RFC 3261 8.1.3.4, 21.3).
 *
 *     advance   it has not taken the call: the next target is tried
 *     follow    its Contacts, the best first, are routed as if the caller had dialled them
 *     pass      the caller gets the response, and decides
 *
 * Of a Contact counts whom it names and, where its host is one of our trunks, that trunk; no request goes to a host
 * because a peer says so. What else a URI may carry into a request (19.1.5) is not taken over. */

#include "leg.h"

#include "message.h"

#include <string.h>
#include <tandem/log.h>

enum {
    MAX_CONTACTS = 20,
    MAX_PASSED_BYTES = 1024, /* of each */
};

typedef struct {
    SipView value; /* as it stands */
    SipUri uri;
    unsigned q_thousandths;
} Contact;

/* --- Reading ----------------------------------------------------------------------------- */

static bool
read_contact (SipView item, Contact *ret)
{
    SipNameAddr addr;
    SipView q;

    if (item.len_bytes == 0 || sip_name_addr_scan (item, &addr) != NULL
        || sip_uri_scan (addr.uri, &ret->uri) != NULL) {
        return false;
    }
    ret->value = item;
    ret->q_thousandths = sip_param_find (addr.params, "q", &q) ? sip_q_read (q) : 1000;
    return true;
}

/* The best first; of equal ones the first. */
static unsigned
read_contacts (const SipScan *response, Contact contacts[MAX_CONTACTS])
{
    const SipHeader *header;
    unsigned n = 0, index = 0;
    Contact contact;

    while ((header = sip_scan_next (response, SIP_HEADER_CONTACT, &index)) != NULL) {
        SipView rest = sip_header_value (header), item;
        while (n < MAX_CONTACTS && sip_view_split (&rest, ',', &item)) {
            if (!read_contact (item, &contact)) {
                continue;
            }
            unsigned place = n++;
            for (; place > 0 && contacts[place - 1].q_thousandths < contact.q_thousandths;
                 place--) {
                contacts[place] = contacts[place - 1];
            }
            contacts[place] = contact;
        }
    }
    return n;
}

/* --- Following --------------------------------------------------------------------------- */

/* Whether a request formed from URI would be another one than an INVITE, or need what only the header fields in it
 * say: such a one is not sent in another form (RFC 3261 19.1.5). */
static bool
asks_for_more (const SipUri *uri)
{
    static const char *const needed[] = { "require", "replaces", "join", "body" };
    SipView rest = uri->headers, item, method;

    if (sip_param_find (uri->params, "method", &method) && !sip_view_is_nocase (method, "INVITE")) {
        return true;
    }
    while (sip_view_split (&rest, '&', &item)) {
        const char *equals = memchr (item.text, '=', item.len_bytes);
        SipView name = equals != NULL ? sip_view_span (item.text, equals) : item;
        for (size_t i = 0; i < G_N_ELEMENTS (needed); i++) {
            if (sip_view_is_nocase (name, needed[i])) {
                return true;
            }
        }
    }
    return false;
}

/* Whether the call came with "sips": then every leg is secure, whatever a Contact says. */
static bool
is_secure (const SipLeg *leg)
{
    return td_attributes_number (td_channel_attributes (leg->channel), leg->lane->sip->is_sips)
           != 0;
}

/* Whether HOST is what the caller has dialled at, so that names there are ours to know. */
static bool
is_ours (const SipLeg *leg, SipView host)
{
    const char *realm = leg->lane->sip->realm;

    return sip_view_is_nocase (host, td_channel_called (leg->channel)->host)
           || (*realm != '\0' && sip_view_is_nocase (host, realm));
}

static bool
read_party (const SipUri *uri, TdParty *ret)
{
    char user[TD_PARTY_TEXT], host[TD_PARTY_TEXT];

    return sip_message_user_host (uri, user, sizeof user, host, sizeof host)
           && td_party_from_user (ret, user, host);
}

/* "USER", TAB, the trunk, TAB, what stands behind the number (transfer full); NULL: CONTACT is nobody whom we would
 * call. A Contact without a user is another way to whom was called (a proxy: RFC 3261 21.3.4). */
static char *
write_way (const SipLeg *leg, const Contact *contact)
{
    const Sip *sip = leg->lane->sip;
    const SipUri *uri = &contact->uri;
    bool is_tel = uri->scheme == SIP_SCHEME_TEL;
    const SipPeer *peer =
        is_tel ? NULL : sip_trunks_by_uri (sip, uri, td_channel_trunk (leg->channel));
    const char *trunk = peer != NULL ? peer->trunk.name : "";
    TdCall *call = td_channel_call (leg->channel);
    TdParty party;

    if ((!is_tel && uri->scheme != SIP_SCHEME_SIP && uri->scheme != SIP_SCHEME_SIPS)
        || asks_for_more (uri) || call == NULL || !read_party (uri, &party)) {
        return NULL;
    }
    if (uri->scheme == SIP_SCHEME_SIPS && !is_secure (leg) && (peer == NULL || !peer->is_secure)) {
        return NULL;
    }
    if (party.user[0] == '\0') {
        const char *same = td_attributes_text (td_call_attributes (call), sip->user_parameters, 0);
        return peer == NULL ? NULL
                            : g_strjoin ("\t", td_party_key (td_call_called (call)), trunk,
                                         same != NULL ? same : "", NULL);
    }
    if (party.digits[0] == '\0' && peer == NULL && !is_ours (leg, uri->host)) {
        return NULL;
    }
    g_autofree char *parameters = sip_view_dup (sip_uas_number_parameters (uri));
    return g_strjoin ("\t", td_party_key (&party), trunk, parameters, NULL);
}

static void
tell_of_nobody (const SipLeg *leg, const SipScan *response)
{
    char peer[TD_ADDRESS_TEXT_SIZE];

    td_log_peer (leg->lane->sip->module, "sip.redirected-nowhere",
                 td_address_print (&leg->path.remote, peer), NULL,
                 "%u without a Contact that can be followed, Call-ID %s: the next target is tried",
                 response->status, leg->call_id);
}

static void
follow (SipLeg *leg, const SipScan *response)
{
    TdAttributes *attributes = td_channel_attributes (leg->channel);
    const TdAttribute *redirection = leg->lane->sip->redirection;
    Contact contacts[MAX_CONTACTS];
    unsigned n = read_contacts (response, contacts);

    for (unsigned i = 0; i < n; i++) {
        g_autofree char *way = write_way (leg, &contacts[i]);
        if (way != NULL) {
            td_attributes_add_text (attributes, redirection, way);
        }
    }
    if (td_attributes_text (attributes, redirection, 0) == NULL) {
        tell_of_nobody (leg, response);
    }
}

/* --- Passing on -------------------------------------------------------------------------- */

/* Nobody answers for a call for help but us: RFC 6443 13. */
static bool
is_for_help (const SipLeg *leg)
{
    const TdAttribute *no_transfer = td_attribute_find (TD_ATTRIBUTE_NO_TRANSFER);

    return no_transfer != NULL
           && td_attributes_number (td_channel_attributes (leg->channel), no_transfer) != 0;
}

/* Whether there was somebody to name. */
static bool
pass (SipLeg *leg, const SipScan *response)
{
    TdAttributes *attributes = td_channel_attributes (leg->channel);
    Contact contacts[MAX_CONTACTS];
    unsigned n = read_contacts (response, contacts), n_passed = 0;

    for (unsigned i = 0; i < n; i++) {
        if (contacts[i].value.len_bytes <= MAX_PASSED_BYTES) {
            g_autofree char *value = sip_view_dup (contacts[i].value);
            td_attributes_add_text (attributes, leg->lane->sip->passed_contacts, value);
            n_passed++;
        }
    }
    return n_passed > 0;
}

void
sip_redirect_compose (const SipLeg *leg, GString *out)
{
    const TdAttributes *attributes = td_channel_attributes (leg->channel);
    const char *value;

    for (unsigned i = 0;
         (value = td_attributes_text (attributes, leg->lane->sip->passed_contacts, i)) != NULL;
         i++) {
        sip_compose_text (out, sip_header_name (SIP_HEADER_CONTACT), value);
    }
}

unsigned
sip_redirect_status (const SipLeg *leg, const TdCause *cause, unsigned otherwise)
{
    const TdAttribute *contacts = leg->lane->sip->passed_contacts;

    if (cause->space != TD_CODE_SIP || cause->code < 300 || cause->code > 399) {
        return otherwise;
    }
    if (td_attributes_text (td_channel_attributes (leg->channel), contacts, 0) != NULL) {
        return cause->code;
    }
    return cause->value == TD_CAUSE_REDIRECTION ? 480 : otherwise; /* not gone for ever: not 410 */
}

/* --- What becomes of one ----------------------------------------------------------------- */

/* What is called instead (300, 301, 302, and what is not known: RFC 3261 8.1.3.2). Of 380 the body tells what can
 * be done otherwise, in no form that is defined (21.3.5). */
static bool
names_others (unsigned status)
{
    return status != 380;
}

void
sip_redirect_take (SipLeg *leg, const SipScan *response, TdCause *cause)
{
    const Sip *sip = leg->lane->sip;
    const SipTrunk *trunk = sip_trunks_by_name (sip, td_channel_trunk (leg->channel));
    SipRedirect redirect = trunk != NULL ? trunk->redirect : sip->redirect;

    if (response->status < 300 || response->status > 399) {
        return;
    }
    if (!cause->is_given) {
        cause->value = TD_CAUSE_REDIRECTION;
    }
    if (redirect == SIP_REDIRECT_FOLLOW && names_others (response->status)) {
        follow (leg, response);
    } else if (redirect == SIP_REDIRECT_PASS && names_others (response->status)
               && response->status != 305 /* is for who has sent the request: 21.3.4 */
               && !is_for_help (leg) && pass (leg, response)) {
        cause->value = TD_CAUSE_NORMAL_UNSPECIFIED; /* it has been decided: no other target */
        cause->is_given = false;
    }
}
