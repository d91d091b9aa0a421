/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* REGISTER (RFC 3261 10.3), and who may call without being on a trunk. Both ask the registrar. */

#include "sip.h"

#include <tandem/number.h>

enum {
    MAX_CONTACTS = 16, /* of one request */
    AOR_SIZE = 2 * TD_PARTY_TEXT + 1,
};

/* --- Credentials ------------------------------------------------------------------------- */

typedef struct {
    const TdRegistrar *registrar;
    const char *realm;
} Secrets;

static bool
secret_of (const char *username, SipDigest digest, char ha1[SIP_HASH_SIZE], void *data)
{
    const Secrets *secrets = data;
    g_autofree char *text = secrets->registrar->credentials (
        username, secrets->realm, digest == SIP_DIGEST_SHA256 ? "SHA-256" : "MD5",
        secrets->registrar->data);

    return text != NULL && g_strlcpy (ha1, text, SIP_HASH_SIZE) < SIP_HASH_SIZE;
}

static void
challenge (SipLane *lane, const SipScan *request, const TdPacket *packet, bool is_proxy,
           const char *realm, bool is_stale)
{
    g_autoptr (GString) lines = g_string_new (NULL);

    sip_authority_challenge (lane->authority, lines, is_proxy, realm, is_stale);
    sip_answer_stateless (lane, request, packet, is_proxy ? 407 : 401, NULL, lines->str);
}

/* Whether REQUEST brings the credentials of USER; otherwise it has been answered. */
static bool
authenticate (SipLane *lane, const SipScan *request, const TdPacket *packet, bool is_proxy,
              const char *realm, const char *user)
{
    Secrets secrets = { lane->registrar, realm };
    char username[TD_PARTY_TEXT];
    SipMessage message;

    sip_message_init (&message, request);
    SipAuthVerdict verdict = sip_authority_check (lane->authority, &message, is_proxy, realm,
                                                  secret_of, &secrets, username, sizeof username);
    sip_message_clear (&message);
    switch (verdict) {
    case SIP_AUTH_NONE:
    case SIP_AUTH_STALE:
        challenge (lane, request, packet, is_proxy, realm, verdict == SIP_AUTH_STALE);
        return false;
    case SIP_AUTH_BAD:
        sip_answer_stateless (lane, request, packet, 403, "Wrong Credentials", NULL);
        return false;
    case SIP_AUTH_GOOD:
        break;
    }
    if (strcmp (username, user) != 0) {
        /* Not without a transaction: the nonce has been used, and would be stale the second time. */
        sip_answer_simple (lane, request, packet, 403, "Not Your Address", NULL);
        return false;
    }
    return true;
}

static bool
read_address (SipView text, char user[TD_PARTY_TEXT], char domain[TD_PARTY_TEXT])
{
    SipUri uri;

    if (sip_uri_scan (text, &uri) != NULL
        || (uri.scheme != SIP_SCHEME_SIP && uri.scheme != SIP_SCHEME_SIPS)
        || !sip_message_user_host (&uri, user, TD_PARTY_TEXT, domain, TD_PARTY_TEXT)) {
        return false;
    }
    for (char *at = domain; *at != '\0'; at++) {
        *at = g_ascii_tolower (*at);
    }
    return user[0] != '\0';
}

static const char *
realm_of (const Sip *sip, const char *domain)
{
    return sip->realm[0] != '\0' ? sip->realm : domain;
}

bool
sip_admit_stranger (SipLane *lane, const SipScan *request, const TdPacket *packet,
                    char ret_user[TD_PARTY_TEXT])
{
    const Sip *sip = lane->sip;
    char user[TD_PARTY_TEXT], domain[TD_PARTY_TEXT];

    if (ret_user != NULL) {
        ret_user[0] = '\0';
    }
    if (sip->strangers == SIP_STRANGERS_ACCEPT) {
        return true;
    }
    if (sip->strangers == SIP_STRANGERS_REFUSE || lane->registrar == NULL
        || !read_address (request->from_addr.uri, user, domain)) {
        sip_answer_stateless (lane, request, packet, 403, NULL, NULL);
        return false;
    }
    if (!authenticate (lane, request, packet, true, realm_of (sip, domain), user)) {
        return false;
    }
    if (ret_user != NULL) {
        g_strlcpy (ret_user, user, TD_PARTY_TEXT);
    }
    return true;
}

/* --- REGISTER ---------------------------------------------------------------------------- */

/* A registration that the registrar is storing. */
struct SipRegistration {
    SipRegistration *prev, *next; /* of its lane */
    SipLane *lane;
    SipTransaction *transaction; /* NULL: has ended */
    SipReplyHead head;
};

static void
transaction_ended (SipTransaction *transaction, void *data)
{
    ((SipRegistration *) data)->transaction = NULL;
}

static const SipUser user = { NULL, NULL, transaction_ended };

static SipRegistration *
begin (SipLane *lane, const SipScan *request, const TdPacket *packet)
{
    SipRegistration *registration = g_new0 (SipRegistration, 1);
    SipPath path = sip_transport_reply_path (request, packet);

    registration->lane = lane;
    sip_reply_head_init (&registration->head, request, &packet->remote, lane->sip->load);
    registration->transaction =
        sip_server_start (&lane->stack, request, &path, &user, registration);
    registration->next = lane->registrations;
    if (registration->next != NULL) {
        registration->next->prev = registration;
    }
    lane->registrations = registration;
    return registration;
}

static void
end (SipRegistration *registration)
{
    if (registration->prev != NULL) {
        registration->prev->next = registration->next;
    } else {
        registration->lane->registrations = registration->next;
    }
    if (registration->next != NULL) {
        registration->next->prev = registration->prev;
    }
    if (registration->transaction != NULL) {
        sip_transaction_orphan (registration->transaction);
    }
    sip_reply_head_clear (&registration->head);
    g_free (registration);
}

void
sip_registrations_clear (SipLane *lane)
{
    while (lane->registrations != NULL) {
        end (lane->registrations);
    }
}

static void
append_binding (const TdBinding *binding, void *data)
{
    GString *out = data;
    int64_t left_us = binding->expires_us - td_clock_wall_us ();
    int64_t left_s = (left_us + G_USEC_PER_SEC - 1) / (int64_t) G_USEC_PER_SEC; /* rounded up */

    if (left_s <= 0) {
        return;
    }
    g_string_append_printf (out, "Contact: <%s>;expires=%" G_GINT64_FORMAT, binding->contact,
                            left_s);
    if (binding->q_thousandths != 1000) {
        g_string_append_printf (out, ";q=0.%03u", binding->q_thousandths);
    }
    g_string_append (out, "\r\n");
}

static void
respond (SipRegistration *registration, unsigned status, const char *reason,
         const TdBinding *bindings, unsigned n_bindings)
{
    SipStack *stack = &registration->lane->stack;
    char tag[SIP_TAG_SIZE];

    if (registration->transaction != NULL) {
        sip_stack_make_tag (stack, tag);
        sip_compose_response (stack->out, &registration->head, status, reason, tag);
        for (unsigned i = 0; status == 200 && i < n_bindings; i++) {
            append_binding (&bindings[i], stack->out);
        }
        sip_compose_end (stack->out, NULL, NULL, 0);
        sip_server_respond (registration->transaction, status, stack->out->str, stack->out->len);
    }
    end (registration);
}

static void
stored (TdRegistrarResult result, const TdBinding *bindings, unsigned n_bindings, void *data)
{
    SipRegistration *registration = data;

    switch (result) {
    case TD_REGISTRAR_DONE:
        respond (registration, 200, NULL, bindings, n_bindings);
        break;
    case TD_REGISTRAR_OUT_OF_ORDER:
        respond (registration, 500, "CSeq out of order", NULL, 0);
        break;
    case TD_REGISTRAR_TOO_MANY:
        respond (registration, 403, "Too Many Contacts", NULL, 0);
        break;
    case TD_REGISTRAR_FAILED:
        respond (registration, 500, NULL, NULL, 0);
        break;
    }
}

/* A REGISTER taken apart. Texts belong to it. */
typedef struct {
    TdBinding bindings[MAX_CONTACTS];
    char *contacts[MAX_CONTACTS];
    unsigned n_bindings;
    bool is_remove_all;
    char *call_id, *user_agent;
    char received[TD_ADDRESS_TEXT_SIZE + 8];
    char aor[AOR_SIZE];
} Request;

static void
clear_request (Request *r)
{
    for (unsigned i = 0; i < r->n_bindings; i++) {
        g_free (r->contacts[i]);
    }
    g_free (r->call_id);
    g_free (r->user_agent);
}

static TdBinding *
add_binding (Request *r, const SipScan *scan, const TdPacket *packet)
{
    TdBinding *binding = &r->bindings[r->n_bindings++];

    *binding = (TdBinding){ .size = sizeof (TdBinding),
                            .cseq = scan->cseq_number,
                            .contact = "",
                            .call_id = r->call_id,
                            .received = r->received,
                            .user_agent = r->user_agent,
                            .flow = packet->flow,
                            .q_thousandths = 1000 };
    return binding;
}

/* Adds the contact in ITEM; a status and its reason when it cannot be taken. */
static unsigned
take_contact (SipLane *lane, Request *r, SipMessage *message, unsigned index, SipView item,
              const TdPacket *packet, const char **ret_reason)
{
    const TdRegistrar *registrar = lane->registrar;
    uint32_t min_s, default_s, max_s;
    SipNameAddr addr;
    SipView q;

    if (r->n_bindings == MAX_CONTACTS) {
        *ret_reason = "Too Many Contacts";
        return 403;
    }
    if (sip_name_addr_scan (item, &addr) != NULL) {
        *ret_reason = "Contact that is no address";
        return 400;
    }
    registrar->expiry (&min_s, &default_s, &max_s, registrar->data);
    uint32_t seconds = sip_message_expires (message, index, default_s);
    if (seconds > 0 && seconds < min_s) { /* RFC 3261 10.3 7: but not an hour or more */
        return 423;
    }
    TdBinding *binding = add_binding (r, message->scan, packet);
    r->contacts[r->n_bindings - 1] = sip_view_dup (addr.uri);
    binding->contact = r->contacts[r->n_bindings - 1];
    binding->q_thousandths =
        sip_param_find (addr.params, "q", &q) ? (uint16_t) sip_q_read (q) : 1000;
    binding->expires_us =
        seconds == 0 ? 0 : td_clock_wall_us () + MIN (seconds, max_s) * (int64_t) G_USEC_PER_SEC;
    return 0;
}

static unsigned
take_contacts (SipLane *lane, Request *r, SipMessage *message, const TdPacket *packet,
               const char **ret_reason)
{
    const SipHeader *header;
    unsigned i = 0, index = 0;

    while ((header = sip_scan_next (message->scan, SIP_HEADER_CONTACT, &i)) != NULL) {
        SipView rest = sip_header_value (header), item;
        while (sip_view_split (&rest, ',', &item)) {
            unsigned status;
            if (sip_view_is (item, "*")) {
                r->is_remove_all = true;
                continue;
            }
            status = take_contact (lane, r, message, index++, item, packet, ret_reason);
            if (status != 0) {
                return status;
            }
        }
    }
    if (!r->is_remove_all) {
        return 0;
    }
    /* RFC 3261 10.2.2: "*" stands alone and only with Expires 0. */
    if (r->n_bindings > 0
        || !sip_view_is (sip_scan_header (message->scan, SIP_HEADER_EXPIRES), "0")) {
        *ret_reason = "Contact * without Expires 0, or with other contacts";
        return 400;
    }
    add_binding (r, message->scan, packet);
    return 0;
}

/* What is registered now (RFC 3261 10.3 8). */
static void
answer_query (SipLane *lane, const SipScan *request, const TdPacket *packet, const char *aor)
{
    const TdRegistrar *registrar = lane->registrar;
    g_autoptr (GString) lines = g_string_new (NULL);

    registrar->lookup (aor, append_binding, lines, registrar->data);
    sip_answer_simple (lane, request, packet, 200, NULL, lines->str);
}

static void
refuse (SipLane *lane, const SipScan *request, const TdPacket *packet, unsigned status,
        const char *reason)
{
    const TdRegistrar *registrar = lane->registrar;
    uint32_t min_s = 0, default_s, max_s;
    char line[48] = "";

    if (status == 423) {
        registrar->expiry (&min_s, &default_s, &max_s, registrar->data);
        g_snprintf (line, sizeof line, "Min-Expires: %u\r\n", min_s);
    }
    sip_answer_simple (lane, request, packet, status, reason, line);
}

static void
store (SipLane *lane, const SipScan *request, const TdPacket *packet, const char *aor)
{
    const TdRegistrar *registrar = lane->registrar;
    char peer[TD_ADDRESS_TEXT_SIZE];
    const char *reason = NULL;
    SipMessage message;
    Request r = { .call_id = sip_view_dup (request->call_id),
                  .user_agent = sip_view_dup (sip_scan_header (request, SIP_HEADER_USER_AGENT)) };

    g_snprintf (r.received, sizeof r.received, "%s:%s", sip_transport_name (packet->transport),
                td_address_print (&packet->remote, peer));
    sip_message_init (&message, request);
    unsigned status = take_contacts (lane, &r, &message, packet, &reason);
    sip_message_clear (&message);
    if (status != 0) {
        refuse (lane, request, packet, status, reason);
    } else if (r.n_bindings == 0) {
        answer_query (lane, request, packet, aor);
    } else {
        SipRegistration *registration = begin (lane, request, packet);
        registrar->update (lane->sip->module, aor, r.bindings, r.n_bindings, r.is_remove_all,
                           stored, registration, registrar->data);
    }
    clear_request (&r);
}

void
sip_register (SipLane *lane, const SipScan *request, const TdPacket *packet)
{
    const Sip *sip = lane->sip;
    char name[TD_PARTY_TEXT], domain[TD_PARTY_TEXT], aor[AOR_SIZE];

    if (lane->registrar == NULL) { /* RFC 4475 3.3.7 */
        sip_answer_stateless (lane, request, packet, 405, NULL, "Allow: " SIP_ALLOW "\r\n");
        return;
    }
    if (!read_address (request->to_addr.uri, name, domain)) { /* RFC 4475 3.3.4 */
        sip_answer_stateless (lane, request, packet, 400, "To is no SIP address of record", NULL);
        return;
    }
    if (!lane->registrar->is_local (domain, lane->registrar->data)) { /* RFC 3261 10.3 5 */
        sip_answer_stateless (lane, request, packet, 404, NULL, NULL);
        return;
    }
    if (authenticate (lane, request, packet, false, realm_of (sip, domain), name)) {
        g_snprintf (aor, sizeof aor, "%s@%s", name, domain);
        store (lane, request, packet, aor);
    }
}
