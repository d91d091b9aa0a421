/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the module declares: attributes of calls and legs, and metrics. */

#include "sip.h"

/* --- Attributes -------------------------------------------------------------------------- */

/* What is carried from leg to leg. What belongs to a domain of trust (RFC 3324) does not leave it
 * unless somebody says so. */
static const struct {
    SipHeaderId id;
    unsigned flags;
} carried[] = {
    { SIP_HEADER_ACCEPT_CONTACT, TD_ATTRIBUTE_PASS },
    { SIP_HEADER_ACCEPT_LANGUAGE, TD_ATTRIBUTE_PASS },
    { SIP_HEADER_ALERT_INFO, TD_ATTRIBUTE_PASS },
    { SIP_HEADER_CALL_INFO, TD_ATTRIBUTE_PASS },
    { SIP_HEADER_DATE, TD_ATTRIBUTE_PASS },
    { SIP_HEADER_DIVERSION, TD_ATTRIBUTE_PASS },
    { SIP_HEADER_GEOLOCATION, TD_ATTRIBUTE_PASS },
    { SIP_HEADER_HISTORY_INFO, TD_ATTRIBUTE_PASS },
    { SIP_HEADER_IDENTITY, TD_ATTRIBUTE_PASS },
    { SIP_HEADER_IDENTITY_INFO, TD_ATTRIBUTE_PASS },
    { SIP_HEADER_IN_REPLY_TO, TD_ATTRIBUTE_PASS },
    { SIP_HEADER_ORGANIZATION, TD_ATTRIBUTE_PASS },
    { SIP_HEADER_P_ACCESS_NETWORK_INFO, 0 },
    { SIP_HEADER_P_ASSERTED_IDENTITY, 0 },
    { SIP_HEADER_P_CHARGING_VECTOR, 0 },
    { SIP_HEADER_P_EARLY_MEDIA, 0 },
    { SIP_HEADER_P_PREFERRED_IDENTITY, 0 },
    { SIP_HEADER_PRIORITY, TD_ATTRIBUTE_PASS },
    { SIP_HEADER_PRIVACY, TD_ATTRIBUTE_PASS },
    { SIP_HEADER_REFERRED_BY, TD_ATTRIBUTE_PASS },
    { SIP_HEADER_REJECT_CONTACT, TD_ATTRIBUTE_PASS },
    { SIP_HEADER_REPLY_TO, TD_ATTRIBUTE_PASS },
    { SIP_HEADER_REQUEST_DISPOSITION, TD_ATTRIBUTE_PASS },
    { SIP_HEADER_RESOURCE_PRIORITY, TD_ATTRIBUTE_PASS },
    { SIP_HEADER_SUBJECT, TD_ATTRIBUTE_PASS },
    { SIP_HEADER_USER_TO_USER, TD_ATTRIBUTE_PASS },
};

G_STATIC_ASSERT (G_N_ELEMENTS (carried) <= SIP_MAX_CARRIED);

static bool
declare_carried (Sip *sip, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS (carried); i++) {
        g_autofree char *lower = g_ascii_strdown (sip_header_name (carried[i].id), -1);
        g_autofree char *name = g_strconcat ("sip.header.", lower, NULL);
        g_autofree char *help =
            g_strdup_printf ("The %s header field of an INVITE.", sip_header_name (carried[i].id));
        const TdAttribute *attribute =
            td_attribute_declare (sip->module, name, TD_ATTRIBUTE_TEXT,
                                  carried[i].flags | TD_ATTRIBUTE_MANY, help, error);
        if (attribute == NULL) {
            return false;
        }
        sip->carried[sip->n_carried++] = (SipCarried){ carried[i].id, attribute };
        if (carried[i].id == SIP_HEADER_RESOURCE_PRIORITY) {
            sip->marks = attribute;
        }
    }
    return true;
}

/* The others, each with its place in Sip. */
static const struct {
    size_t at; /* in Sip */
    const char *name;
    TdAttributeType type;
    unsigned flags;
    const char *help;
} known[] = {
    { offsetof (Sip, other_headers), "sip.other-headers", TD_ATTRIBUTE_TEXT,
      TD_ATTRIBUTE_PASS | TD_ATTRIBUTE_MANY,
      "Header fields that nobody here knows, each as NAME: VALUE." },
    { offsetof (Sip, max_forwards), "sip.max-forwards", TD_ATTRIBUTE_NUMBER, TD_ATTRIBUTE_PASS,
      "How many more hops an INVITE was allowed (RFC 3261 20.22)." },
    { offsetof (Sip, shown), TD_ATTRIBUTE_SHOWN, TD_ATTRIBUTE_NUMBER, 0,
      "That the called party is shown who calls, whatever the caller asks for" },
    { offsetof (Sip, user_parameters), TD_ATTRIBUTE_USER_PARAMETERS, TD_ATTRIBUTE_TEXT,
      TD_ATTRIBUTE_PASS,
      "What follows the telephone number in the user part, such as \";npdi;rn=+1...\" "
      "(RFC 4694)." },
    { offsetof (Sip, parts), "sip.parts", TD_ATTRIBUTE_BYTES, TD_ATTRIBUTE_PASS,
      "The parts of an INVITE's body that are no session description, such as ISUP." },
    { offsetof (Sip, retry_after), "call.retry-after", TD_ATTRIBUTE_NUMBER, TD_ATTRIBUTE_RETURN,
      "Seconds after which a call that was refused may be tried again (RFC 3261 20.33)." },
    { offsetof (Sip, answer_lines), TD_ATTRIBUTE_ANSWER_LINES, TD_ATTRIBUTE_TEXT, TD_ATTRIBUTE_MANY,
      "Header fields of the answer to an INVITE, each as NAME: VALUE." },
    { offsetof (Sip, is_sips), "sip.sips", TD_ATTRIBUTE_NUMBER, TD_ATTRIBUTE_PASS,
      "1: the call came with a sips URI, and must not go on without TLS (RFC 3261 26.2.2)." },
    { offsetof (Sip, category), "party.category", TD_ATTRIBUTE_TEXT, 0,
      "The calling party's category, such as \"payphone\" (ITU-T Q.763 3.11)." },
    { offsetof (Sip, line_information), "party.line-information", TD_ATTRIBUTE_TEXT, 0,
      "Originating line information of the caller: the ANI II digits." },
    { offsetof (Sip, redirection), TD_ATTRIBUTE_REDIRECTION, TD_ATTRIBUTE_TEXT, TD_ATTRIBUTE_MANY,
      "Whom the peer of a leg that has failed would have called in its stead" },
    { offsetof (Sip, passed_contacts), "sip.contacts", TD_ATTRIBUTE_TEXT,
      TD_ATTRIBUTE_MANY | TD_ATTRIBUTE_RETURN, "Contacts of a 3xx that the caller gets." },
    { offsetof (Sip, source), TD_ATTRIBUTE_SOURCE, TD_ATTRIBUTE_TEXT, 0,
      "Who has placed the call, by what nobody writes into it." },
    { offsetof (Sip, to), "sip.to", TD_ATTRIBUTE_TEXT, 0,
      "The URI of an INVITE's To header field: whom the caller meant, where its Request-URI is "
      "another." },
};

static bool
declare_known (Sip *sip, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS (known); i++) {
        const TdAttribute *attribute = td_attribute_declare (
            sip->module, known[i].name, known[i].type, known[i].flags, known[i].help, error);
        if (attribute == NULL) {
            return false;
        }
        *(const TdAttribute **) ((char *) sip + known[i].at) = attribute;
    }
    return true;
}

bool
sip_declare_attributes (Sip *sip, GError **error)
{
    return declare_carried (sip, error) && declare_known (sip, error);
}

/* --- Metrics ----------------------------------------------------------------------------- */

static TdMetric *
declare_metric (Sip *sip, TdMetricKind kind, const char *name, const char *help)
{
    return td_metric_declare (
        sip->module,
        &(TdMetricDecl){ .size = sizeof (TdMetricDecl), .kind = kind, .name = name, .help = help });
}

static TdMetric *
declare_counter (Sip *sip, const char *name, const char *help)
{
    return declare_metric (sip, TD_METRIC_COUNTER, name, help);
}

void
sip_declare_metrics (Sip *sip)
{
    sip->received = declare_counter (sip, "tandem_sip_received_messages_total",
                                     "SIP messages that were received.");
    sip->sent = declare_counter (sip, "tandem_sip_sent_messages_total",
                                 "SIP messages that were sent, retransmissions included.");
    sip->refused = declare_counter (sip, "tandem_sip_malformed_requests_total",
                                    "Malformed requests that were refused.");
    sip->dropped = declare_counter (sip, "tandem_sip_dropped_messages_total",
                                    "Messages that were dropped: malformed and not to be answered, "
                                    "too large, or too many.");
    sip->late = declare_counter (sip, "tandem_sip_late_requests_total",
                                 "New requests that were refused because they had waited too long "
                                 "for their turn.");
    sip->probes = declare_counter (sip, "tandem_sip_probes_total",
                                   "Peers of trunks that were asked whether they are there.");
    sip->failed_probes = declare_counter (sip, "tandem_sip_failed_probes_total",
                                          "Probes without a response, or with 503.");
    sip->spared = declare_counter (sip, "tandem_sip_spared_invites_total",
                                   "INVITEs that were kept back because the peer asked for fewer.");
    sip->unreachable = declare_metric (sip, TD_METRIC_GAUGE, "tandem_sip_unreachable_peers",
                                       "Peers of trunks that no longer answer their probes.");
}
