/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Header field names and methods as constant tables. */

#include "header.h"

/* In the order of the alphabet: names with one first letter stand together. */
static const SipView names[SIP_N_HEADERS] = {
    [SIP_HEADER_ACCEPT] = { "Accept", 6 },
    [SIP_HEADER_ACCEPT_CONTACT] = { "Accept-Contact", 14 },
    [SIP_HEADER_ACCEPT_ENCODING] = { "Accept-Encoding", 15 },
    [SIP_HEADER_ACCEPT_LANGUAGE] = { "Accept-Language", 15 },
    [SIP_HEADER_ACCEPT_RESOURCE_PRIORITY] = { "Accept-Resource-Priority", 24 },
    [SIP_HEADER_ALERT_INFO] = { "Alert-Info", 10 },
    [SIP_HEADER_ALLOW] = { "Allow", 5 },
    [SIP_HEADER_ALLOW_EVENTS] = { "Allow-Events", 12 },
    [SIP_HEADER_AUTHENTICATION_INFO] = { "Authentication-Info", 19 },
    [SIP_HEADER_AUTHORIZATION] = { "Authorization", 13 },
    [SIP_HEADER_CALL_ID] = { "Call-ID", 7 },
    [SIP_HEADER_CALL_INFO] = { "Call-Info", 9 },
    [SIP_HEADER_CONTACT] = { "Contact", 7 },
    [SIP_HEADER_CONTENT_DISPOSITION] = { "Content-Disposition", 19 },
    [SIP_HEADER_CONTENT_ENCODING] = { "Content-Encoding", 16 },
    [SIP_HEADER_CONTENT_LANGUAGE] = { "Content-Language", 16 },
    [SIP_HEADER_CONTENT_LENGTH] = { "Content-Length", 14 },
    [SIP_HEADER_CONTENT_TYPE] = { "Content-Type", 12 },
    [SIP_HEADER_CSEQ] = { "CSeq", 4 },
    [SIP_HEADER_DATE] = { "Date", 4 },
    [SIP_HEADER_DIVERSION] = { "Diversion", 9 },
    [SIP_HEADER_ERROR_INFO] = { "Error-Info", 10 },
    [SIP_HEADER_EVENT] = { "Event", 5 },
    [SIP_HEADER_EXPIRES] = { "Expires", 7 },
    [SIP_HEADER_FROM] = { "From", 4 },
    [SIP_HEADER_GEOLOCATION] = { "Geolocation", 11 },
    [SIP_HEADER_HISTORY_INFO] = { "History-Info", 12 },
    [SIP_HEADER_IDENTITY] = { "Identity", 8 },
    [SIP_HEADER_IDENTITY_INFO] = { "Identity-Info", 13 },
    [SIP_HEADER_IN_REPLY_TO] = { "In-Reply-To", 11 },
    [SIP_HEADER_JOIN] = { "Join", 4 },
    [SIP_HEADER_MAX_FORWARDS] = { "Max-Forwards", 12 },
    [SIP_HEADER_MIME_VERSION] = { "MIME-Version", 12 },
    [SIP_HEADER_MIN_EXPIRES] = { "Min-Expires", 11 },
    [SIP_HEADER_MIN_SE] = { "Min-SE", 6 },
    [SIP_HEADER_ORGANIZATION] = { "Organization", 12 },
    [SIP_HEADER_P_ACCESS_NETWORK_INFO] = { "P-Access-Network-Info", 21 },
    [SIP_HEADER_P_ASSERTED_IDENTITY] = { "P-Asserted-Identity", 19 },
    [SIP_HEADER_P_CHARGING_VECTOR] = { "P-Charging-Vector", 17 },
    [SIP_HEADER_P_EARLY_MEDIA] = { "P-Early-Media", 13 },
    [SIP_HEADER_P_PREFERRED_IDENTITY] = { "P-Preferred-Identity", 20 },
    [SIP_HEADER_PATH] = { "Path", 4 },
    [SIP_HEADER_PRIORITY] = { "Priority", 8 },
    [SIP_HEADER_PRIVACY] = { "Privacy", 7 },
    [SIP_HEADER_PROXY_AUTHENTICATE] = { "Proxy-Authenticate", 18 },
    [SIP_HEADER_PROXY_AUTHORIZATION] = { "Proxy-Authorization", 19 },
    [SIP_HEADER_PROXY_REQUIRE] = { "Proxy-Require", 13 },
    [SIP_HEADER_RACK] = { "RAck", 4 },
    [SIP_HEADER_REASON] = { "Reason", 6 },
    [SIP_HEADER_RECORD_ROUTE] = { "Record-Route", 12 },
    [SIP_HEADER_REFER_TO] = { "Refer-To", 8 },
    [SIP_HEADER_REFERRED_BY] = { "Referred-By", 11 },
    [SIP_HEADER_REJECT_CONTACT] = { "Reject-Contact", 14 },
    [SIP_HEADER_REPLACES] = { "Replaces", 8 },
    [SIP_HEADER_REPLY_TO] = { "Reply-To", 8 },
    [SIP_HEADER_REQUEST_DISPOSITION] = { "Request-Disposition", 19 },
    [SIP_HEADER_REQUIRE] = { "Require", 7 },
    [SIP_HEADER_RESOURCE_PRIORITY] = { "Resource-Priority", 17 },
    [SIP_HEADER_RETRY_AFTER] = { "Retry-After", 11 },
    [SIP_HEADER_ROUTE] = { "Route", 5 },
    [SIP_HEADER_RSEQ] = { "RSeq", 4 },
    [SIP_HEADER_SERVER] = { "Server", 6 },
    [SIP_HEADER_SERVICE_ROUTE] = { "Service-Route", 13 },
    [SIP_HEADER_SESSION_EXPIRES] = { "Session-Expires", 15 },
    [SIP_HEADER_SUBJECT] = { "Subject", 7 },
    [SIP_HEADER_SUBSCRIPTION_STATE] = { "Subscription-State", 18 },
    [SIP_HEADER_SUPPORTED] = { "Supported", 9 },
    [SIP_HEADER_TIMESTAMP] = { "Timestamp", 9 },
    [SIP_HEADER_TO] = { "To", 2 },
    [SIP_HEADER_UNSUPPORTED] = { "Unsupported", 11 },
    [SIP_HEADER_USER_AGENT] = { "User-Agent", 10 },
    [SIP_HEADER_USER_TO_USER] = { "User-to-User", 12 },
    [SIP_HEADER_VIA] = { "Via", 3 },
    [SIP_HEADER_WARNING] = { "Warning", 7 },
    [SIP_HEADER_WWW_AUTHENTICATE] = { "WWW-Authenticate", 16 },
};

/* RFC 3261 7.3.3, and the registry of header fields for the later ones. */
static const uint8_t compact_forms[26] = {
    ['a' - 'a'] = SIP_HEADER_ACCEPT_CONTACT,
    ['b' - 'a'] = SIP_HEADER_REFERRED_BY,
    ['c' - 'a'] = SIP_HEADER_CONTENT_TYPE,
    ['d' - 'a'] = SIP_HEADER_REQUEST_DISPOSITION,
    ['e' - 'a'] = SIP_HEADER_CONTENT_ENCODING,
    ['f' - 'a'] = SIP_HEADER_FROM,
    ['i' - 'a'] = SIP_HEADER_CALL_ID,
    ['j' - 'a'] = SIP_HEADER_REJECT_CONTACT,
    ['k' - 'a'] = SIP_HEADER_SUPPORTED,
    ['l' - 'a'] = SIP_HEADER_CONTENT_LENGTH,
    ['m' - 'a'] = SIP_HEADER_CONTACT,
    ['n' - 'a'] = SIP_HEADER_IDENTITY_INFO,
    ['o' - 'a'] = SIP_HEADER_EVENT,
    ['r' - 'a'] = SIP_HEADER_REFER_TO,
    ['s' - 'a'] = SIP_HEADER_SUBJECT,
    ['t' - 'a'] = SIP_HEADER_TO,
    ['u' - 'a'] = SIP_HEADER_ALLOW_EVENTS,
    ['v' - 'a'] = SIP_HEADER_VIA,
    ['x' - 'a'] = SIP_HEADER_SESSION_EXPIRES,
    ['y' - 'a'] = SIP_HEADER_IDENTITY,
};

/* Where the names that begin with a letter begin. */
static const uint8_t first_of_letter[26] = {
    ['a' - 'a'] = SIP_HEADER_ACCEPT,       ['c' - 'a'] = SIP_HEADER_CALL_ID,
    ['d' - 'a'] = SIP_HEADER_DATE,         ['e' - 'a'] = SIP_HEADER_ERROR_INFO,
    ['f' - 'a'] = SIP_HEADER_FROM,         ['g' - 'a'] = SIP_HEADER_GEOLOCATION,
    ['h' - 'a'] = SIP_HEADER_HISTORY_INFO, ['i' - 'a'] = SIP_HEADER_IDENTITY,
    ['j' - 'a'] = SIP_HEADER_JOIN,         ['m' - 'a'] = SIP_HEADER_MAX_FORWARDS,
    ['o' - 'a'] = SIP_HEADER_ORGANIZATION, ['p' - 'a'] = SIP_HEADER_P_ACCESS_NETWORK_INFO,
    ['r' - 'a'] = SIP_HEADER_RACK,         ['s' - 'a'] = SIP_HEADER_SERVER,
    ['t' - 'a'] = SIP_HEADER_TIMESTAMP,    ['u' - 'a'] = SIP_HEADER_UNSUPPORTED,
    ['v' - 'a'] = SIP_HEADER_VIA,          ['w' - 'a'] = SIP_HEADER_WARNING,
};

static const char *const methods[SIP_N_METHODS] = {
    [SIP_METHOD_ACK] = "ACK",
    [SIP_METHOD_BYE] = "BYE",
    [SIP_METHOD_CANCEL] = "CANCEL",
    [SIP_METHOD_INFO] = "INFO",
    [SIP_METHOD_INVITE] = "INVITE",
    [SIP_METHOD_MESSAGE] = "MESSAGE",
    [SIP_METHOD_NOTIFY] = "NOTIFY",
    [SIP_METHOD_OPTIONS] = "OPTIONS",
    [SIP_METHOD_PRACK] = "PRACK",
    [SIP_METHOD_PUBLISH] = "PUBLISH",
    [SIP_METHOD_REFER] = "REFER",
    [SIP_METHOD_REGISTER] = "REGISTER",
    [SIP_METHOD_SUBSCRIBE] = "SUBSCRIBE",
    [SIP_METHOD_UPDATE] = "UPDATE",
};

/* 0 for "a" and "A", 25 for "z" and "Z". */
static unsigned
initial (SipView name)
{
    return (unsigned) (unsigned char) (name.text[0] | 0x20) - 'a';
}

SipHeaderId
sip_header_id (SipView name)
{
    if (name.len_bytes == 0) {
        return SIP_HEADER_OTHER;
    }
    unsigned letter = initial (name);
    if (letter >= 26) {
        return SIP_HEADER_OTHER;
    }
    if (name.len_bytes == 1) {
        return compact_forms[letter];
    }
    unsigned id = first_of_letter[letter];
    if (id == 0) {
        return SIP_HEADER_OTHER;
    }
    for (; id < SIP_N_HEADERS && initial (names[id]) == letter; id++) {
        if (sip_view_equal_nocase (names[id], name)) {
            return id;
        }
    }
    return SIP_HEADER_OTHER;
}

const char *
sip_header_name (SipHeaderId id)
{
    return id < SIP_N_HEADERS ? names[id].text : NULL;
}

SipMethod
sip_method_id (SipView name)
{
    if (name.len_bytes == 0) {
        return SIP_METHOD_OTHER;
    }
    for (unsigned id = SIP_METHOD_OTHER + 1; id < SIP_N_METHODS; id++) {
        if (methods[id][0] == name.text[0] && sip_view_is (name, methods[id])) {
            return id;
        }
    }
    return SIP_METHOD_OTHER;
}

const char *
sip_method_name (SipMethod method)
{
    return method < SIP_N_METHODS ? methods[method] : NULL;
}
