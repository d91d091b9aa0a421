/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A message as libosip2 models it, filled in field by field as somebody asks. */

#include "message.h"

#include <osipparser2/osip_parser.h>

typedef int (*SetFunction) (osip_message_t *, const char *);

static const struct {
    SipHeaderId id;
    bool is_list; /* commas divide values */
    SetFunction set;
} models[] = {
    { SIP_HEADER_ACCEPT, true, osip_message_set_accept },
    { SIP_HEADER_ALLOW, true, osip_message_set_allow },
    { SIP_HEADER_AUTHORIZATION, false, osip_message_set_authorization },
    { SIP_HEADER_CONTACT, true, osip_message_set_contact },
    { SIP_HEADER_CONTENT_TYPE, false, osip_message_set_content_type },
    { SIP_HEADER_FROM, false, osip_message_set_from },
    { SIP_HEADER_PROXY_AUTHENTICATE, false, osip_message_set_proxy_authenticate },
    { SIP_HEADER_PROXY_AUTHORIZATION, false, osip_message_set_proxy_authorization },
    { SIP_HEADER_RECORD_ROUTE, true, osip_message_set_record_route },
    { SIP_HEADER_ROUTE, true, osip_message_set_route },
    { SIP_HEADER_TO, false, osip_message_set_to },
    { SIP_HEADER_WWW_AUTHENTICATE, false, osip_message_set_www_authenticate },
};

void
sip_message_init (SipMessage *message, const SipScan *scan)
{
    *message = (SipMessage){ .scan = scan };
}

void
sip_message_clear (SipMessage *message)
{
    if (message->osip != NULL) {
        osip_message_free (message->osip);
    }
    *message = (SipMessage){ 0 };
}

static bool
set_value (osip_message_t *osip, SetFunction set, SipView value)
{
    g_autofree char *text = sip_view_dup (value);

    return set (osip, text) == OSIP_SUCCESS;
}

static bool
set_values (SipMessage *message, unsigned model)
{
    const SipHeader *header;
    unsigned index = 0;

    while ((header = sip_scan_next (message->scan, models[model].id, &index)) != NULL) {
        SipView rest = sip_header_value (header), item = rest;
        if (!models[model].is_list) {
            if (!set_value (message->osip, models[model].set, item)) {
                return false;
            }
            continue;
        }
        while (sip_view_split (&rest, ',', &item)) {
            if (!set_value (message->osip, models[model].set, item)) {
                return false;
            }
        }
    }
    return true;
}

const osip_message_t *
sip_message_need (SipMessage *message, SipHeaderId id)
{
    uint64_t bit = UINT64_C (1) << (id % 64);
    unsigned model = 0;

    while (model < G_N_ELEMENTS (models) && models[model].id != id) {
        model++;
    }
    g_return_val_if_fail (model < G_N_ELEMENTS (models), NULL);
    if (message->osip == NULL && osip_message_init (&message->osip) != OSIP_SUCCESS) {
        return NULL;
    }
    if ((message->asked[id / 64] & bit) == 0) {
        message->asked[id / 64] |= bit;
        if (!set_values (message, model)) {
            message->broken[id / 64] |= bit;
        }
    }
    return (message->broken[id / 64] & bit) == 0 ? message->osip : NULL;
}

uint32_t
sip_message_expires (SipMessage *message, unsigned index, uint32_t fallback)
{
    const osip_message_t *osip = sip_message_need (message, SIP_HEADER_CONTACT);
    osip_contact_t *contact = osip != NULL ? osip_list_get (&osip->contacts, (int) index) : NULL;
    SipView value = sip_scan_header (message->scan, SIP_HEADER_EXPIRES);
    osip_generic_param_t *param = NULL;
    uint64_t seconds;

    if (contact != NULL) {
        osip_contact_param_get_byname (contact, (char *) "expires", &param);
    }
    if (param != NULL && param->gvalue != NULL) {
        value = sip_view_of (param->gvalue);
    }
    return sip_view_number (value, UINT32_MAX, &seconds) ? (uint32_t) seconds : fallback;
}

bool
sip_message_display (const SipNameAddr *addr, char *buffer, size_t buffer_size)
{
    SipView text = addr->display;
    size_t n = 0;

    if (text.len_bytes < 2 || text.text[0] != '"') {
        return text.len_bytes > 0 && sip_view_copy (text, buffer, buffer_size);
    }
    for (size_t i = 1; i + 1 < text.len_bytes && n + 1 < buffer_size; i++) {
        if (text.text[i] == '\\' && i + 2 < text.len_bytes) {
            i++;
        }
        buffer[n++] = g_ascii_iscntrl (text.text[i]) ? ' ' : text.text[i];
    }
    buffer[n] = '\0';
    return n > 0 && n + 1 < buffer_size && g_utf8_validate (buffer, (gssize) n, NULL);
}

bool
sip_message_user_host (const SipUri *uri, char *user, size_t user_size, char *host,
                       size_t host_size)
{
    SipView name = uri->user;

    /* RFC 3261 19.1.6: what follows a ";" in a telephone number's user part is its parameters. */
    if (name.len_bytes > 0 && (name.text[0] == '+' || g_ascii_isdigit (name.text[0]))) {
        const char *semicolon = memchr (name.text, ';', name.len_bytes);
        if (semicolon != NULL) {
            name = sip_view_span (name.text, semicolon);
        }
    }
    return sip_unescape (name, user, user_size) && sip_view_copy (uri->host, host, host_size);
}

unsigned
sip_q_read (SipView value)
{
    unsigned thousandths = 0, scale = 100;

    if (value.len_bytes < 1 || value.text[0] != '0') {
        return 1000;
    }
    for (size_t i = 2; i < value.len_bytes && scale > 0; i++, scale /= 10) {
        if (!g_ascii_isdigit (value.text[i])) {
            return 1000;
        }
        thousandths += (unsigned) (value.text[i] - '0') * scale;
    }
    return thousandths;
}
