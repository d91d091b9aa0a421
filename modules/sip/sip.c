/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SIP endpoints: the module's life, its configuration, and what an operator sees of it. */

#include "leg.h"
#include "probe.h"

#include <stdio.h>
#include <sys/random.h>
#include <tandem/log.h>

/* --- Configuration ----------------------------------------------------------------------- */

static const char *const digest_choices[] = { "both", "md5", "sha-256", NULL };
static const char *const strangers_choices[] = { "accept", "challenge", "refuse", NULL };
static const char *const redirects[] = { "advance", "follow", "pass", NULL };
static const char *const preemption_reasons[] = { "exact", "generic", NULL };
static const char *const reliabilities[] = { "never", "supported", "required",
                                             NULL }; /* SipReliability */

static const TdConfigKey keys[] = {
    { .name = "listen",
      .type = TD_CONFIG_LIST,
      .default_text = "udp:127.0.0.1:5060, tcp:127.0.0.1:5060",
      .help = "Where to listen: udp:ADDRESS:PORT, tcp:ADDRESS:PORT or tls:ADDRESS:PORT, IPv6 "
              "addresses in brackets.",
      .since = "0.1" },
    { .name = "advertise",
      .type = TD_CONFIG_TEXT,
      .default_text = "",
      .help = "HOST or HOST:PORT that peers reach this switch by, where it is not the address it "
              "listens on: behind a translator, or when it listens on any address.",
      .since = "0.1" },
    { .name = "strangers",
      .type = TD_CONFIG_CHOICE,
      .default_text = "challenge",
      .choices = strangers_choices,
      .help = "What a call gets that comes from no trunk. challenge: it must prove to be a "
              "registered user's (407). accept: it is served. refuse: 403.",
      .since = "0.1" },
    { .name = "realm",
      .type = TD_CONFIG_TEXT,
      .default_text = "",
      .help = "The realm of challenges; empty: the domain of the address that is used.",
      .since = "0.1" },
    { .name = "digest",
      .type = TD_CONFIG_CHOICE,
      .default_text = "both",
      .choices = digest_choices,
      .help =
          "What a challenge asks for and is answered with. md5: for phones that give up when they "
          "are offered SHA-256 as well.",
      .since = "0.1" },
    { .name = "nonce-life",
      .type = TD_CONFIG_DURATION,
      .default_text = "5 min",
      .min = 1000,
      .max = 86400000,
      .help = "How long a challenge may be answered.",
      .since = "0.1" },
    { .name = "t1",
      .type = TD_CONFIG_DURATION,
      .default_text = "500 ms",
      .min = 10,
      .max = 10000,
      .help = "Timer T1, the round trip that retransmissions begin with (RFC 3261 17.1.1.1).",
      .since = "0.1" },
    { .name = "t2",
      .type = TD_CONFIG_DURATION,
      .default_text = "4 s",
      .min = 10,
      .max = 60000,
      .help = "Timer T2, the longest interval of retransmissions (RFC 3261 17.1.2.2).",
      .since = "0.1" },
    { .name = "t4",
      .type = TD_CONFIG_DURATION,
      .default_text = "5 s",
      .min = 10,
      .max = 60000,
      .help = "Timer T4, the longest a message stays in the network (RFC 3261 17.1.2.2).",
      .since = "0.1" },
    { .name = "user-agent",
      .type = TD_CONFIG_TEXT,
      .default_text = "Tandem",
      .help = "What the User-Agent and Server header fields say; empty: nothing.",
      .since = "0.1" },
    { .name = "dscp",
      .type = TD_CONFIG_INTEGER,
      .default_text = "24",
      .min = 0,
      .max = 63,
      .help = "The code point that signalling packets are marked with; 24 is CS3 (RFC 4594 3).",
      .since = "0.1" },
    { .name = "priority-dscp",
      .type = TD_CONFIG_INTEGER,
      .default_text = "40",
      .min = 0,
      .max = 63,
      .help = "The same for datagrams of calls with a priority and emergency calls, from the first "
              "response on; 40 is CS5 (RFC 4594 3). A connection is marked as a whole, with dscp.",
      .since = "0.1" },
    { .name = "idle-timeout",
      .type = TD_CONFIG_DURATION,
      .default_text = "10 min",
      .min = 10000,
      .max = 86400000,
      .help = "When a silent TCP connection is closed.",
      .since = "0.1" },
    { .name = "connections-per-source",
      .type = TD_CONFIG_INTEGER,
      .default_text = "4096",
      .max = 1000000,
      .help =
          "How many TCP and TLS connections of each listener one address, or one IPv6 network of "
          "64 bits, may have open: more are closed at once, so that others find descriptors. 0: "
          "any number.",
      .since = "0.1" },
    { .name = "arrival-wait",
      .type = TD_CONFIG_DURATION,
      .default_text = "2 s",
      .max = 30000,
      .help =
          "How long a new request without priority may wait for its turn: one that waited longer "
          "gets 503 in place of service that would come too late. 0 s: for ever.",
      .since = "0.1" },
    { .name = "arrival-target",
      .type = TD_CONFIG_DURATION,
      .default_text = "15 ms",
      .min = 1,
      .max = 30000,
      .help = "The same while more comes than can be served, so that those who are served wait no "
              "longer: below the first threshold of lane-delay in [congestion].",
      .since = "0.1" },
    { .name = "redirect",
      .type = TD_CONFIG_CHOICE,
      .default_text = "advance",
      .choices = redirects,
      .help = "What becomes of a 3xx from a peer that is no trunk, such as a registered phone: as "
              "the key of [trunk] says.",
      .since = "0.1" },
    { .name = "first-numbers",
      .type = TD_CONFIG_LIST,
      .default_text = "",
      .help =
          "Numbers, as they stand in the Request-URI, that are served before others under load: "
          "access and emergency numbers. urn:service:sos always is.",
      .since = "0.1" },
    { .name = "first-rate",
      .type = TD_CONFIG_INTEGER,
      .default_text = "50",
      .max = 100000,
      .help =
          "How many requests a second each source may have served before others because of what "
          "is only claimed: a mark yet to be verified, an emergency, a number of first-numbers.",
      .since = "0.1" },
    { .name = "tls",
      .type = TD_CONFIG_TEXT,
      .default_text = "default",
      .help =
          "The section [tls NAME] that says who this switch is to whoever connects over TLS, and "
          "to trunks that name no other.",
      .since = "0.1" },
    { .name = "tls-handshake-timeout",
      .type = TD_CONFIG_DURATION,
      .default_text = "10 s",
      .min = 500,
      .max = 60000,
      .help = "When a connection is closed on which the TLS handshake is not over.",
      .since = "0.1" },
    { .name = "tls-handshake-share",
      .type = TD_CONFIG_INTEGER,
      .default_text = "25",
      .min = 1,
      .max = 100,
      .unit = "percent",
      .help = "What part of the time of a listener's lane the TLS handshakes of who connects may "
              "take: the others wait for their turn.",
      .since = "0.1" },
    { .name = "tls-handshakes-per-source",
      .type = TD_CONFIG_INTEGER,
      .default_text = "256",
      .max = 1000000,
      .help =
          "How many connections of each listener one address, or one IPv6 network of 64 bits, may "
          "have in their TLS handshakes: more are closed at once, so that those of others have "
          "their turn in time. 0: any number.",
      .since = "0.1" },
    { .name = "tell-load",
      .type = TD_CONFIG_BOOL,
      .default_text = "yes",
      .help =
          "Whether responses tell peers that understand it what share of their requests to keep "
          "back (RFC 7339).",
      .since = "0.1" },
    { .name = "pass-priority",
      .type = TD_CONFIG_BOOL,
      .default_text = "no",
      .help = "Whether calls with a priority go to a peer that wants no requests at all (oc=100), "
              "which "
              "RFC 7339 5.5 does not allow.",
      .since = "0.1" },
    { .name = "trace",
      .type = TD_CONFIG_BOOL,
      .default_text = "yes",
      .help = "Whether the last 16 MiB of messages of each lane are kept for the trace command.",
      .since = "0.1" },
};

/* What a trunk that is reached by SIP has beside what every trunk has. */
static const TdConfigKey trunk_keys[] = {
    { .name = "username",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help = "The name by which this switch answers the peer's challenge.",
      .since = "0.1" },
    { .name = "password",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE | TD_CONFIG_SECRET,
      .default_text = "",
      .help = "The password that belongs to it.",
      .since = "0.1" },
    { .name = "tls",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help =
          "The section [tls NAME] that says who this switch is to the trunk, over TLS; empty: the "
          "one of [sip].",
      .since = "0.1" },
    { .name = "tls-name",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help =
          "The domain that the peer's certificate must stand for, over TLS (RFC 5922); empty: the "
          "host of its address.",
      .since = "0.1" },
    { .name = "redirect",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "advance",
      .choices = redirects,
      .help = "What becomes of a 3xx from the trunk. advance: it has not taken the call, and the "
              "next target is tried. follow: whom it names is routed as if the caller had dialled "
              "that, in the same call; for trunks that may have callers call others, at their "
              "cost. pass: the caller gets the 3xx.",
      .since = "0.1" },
    { .name = "preemption-reason",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "exact",
      .choices = preemption_reasons,
      .help = "What the peer is told when a call is released for one of higher precedence: exact "
              "(RFC 4411: by a user agent, a network's reservation, a gateway), or generic, where "
              "the peer is a user's own and his domain wants it so (5.3).",
      .since = "0.1" },
    { .name = "reliable-in",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "required",
      .choices = reliabilities,
      .help =
          "To which INVITEs of the trunk ringing and progress are sent until they are acknowledged "
          "(100rel, RFC 3262). required: to those that require it, since each costs a transaction, "
          "and the answer waits for it. supported: to those that support it, too, where messages "
          "are lost or early media matter. never: who requires it gets 420.",
      .since = "0.1" },
    { .name = "reliable-out",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "supported",
      .choices = reliabilities,
      .help =
          "What INVITEs to the trunk say of ringing and progress that are acknowledged (100rel, "
          "RFC 3262). supported: as RFC 3262 4 has it, the peer may send them so. required: it "
          "must, or refuse the call. never: nothing, for a peer that goes wrong over it. An "
          "INVITE without an offer says nothing.",
      .since = "0.1" },
    { .name = "probe",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "0 s",
      .max = 86400000,
      .help = "How often each peer of the trunk is asked by OPTIONS whether it is there (RFC 3261 "
              "11); 0 s: never.",
      .since = "0.1" },
    { .name = "probe-failures",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "2",
      .min = 1,
      .max = 100,
      .help = "After how many probes in a row without an answer, or with 503, a peer counts as "
              "gone.",
      .since = "0.1" },
};

static const TdConfigSection sections[] = {
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "sip",
      .help = "SIP endpoints.",
      .keys = keys,
      .n_keys = G_N_ELEMENTS (keys) },
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "trunk",
      .keys = trunk_keys,
      .n_keys = G_N_ELEMENTS (trunk_keys),
      .is_addition = true },
};

/* --- Attributes and metrics -------------------------------------------------------------- */

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
declare_attributes (Sip *sip, GError **error)
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
    sip->other_headers = td_attribute_declare (
        sip->module, "sip.other-headers", TD_ATTRIBUTE_TEXT, TD_ATTRIBUTE_PASS | TD_ATTRIBUTE_MANY,
        "Header fields that nobody here knows, each as NAME: VALUE.", error);
    sip->max_forwards = td_attribute_declare (
        sip->module, "sip.max-forwards", TD_ATTRIBUTE_NUMBER, TD_ATTRIBUTE_PASS,
        "How many more hops an INVITE was allowed (RFC 3261 20.22).", error);
    sip->shown = td_attribute_declare (
        sip->module, TD_ATTRIBUTE_SHOWN, TD_ATTRIBUTE_NUMBER, 0,
        "That the called party is shown who calls, whatever the caller asks for", error);
    sip->user_parameters = td_attribute_declare (
        sip->module, TD_ATTRIBUTE_USER_PARAMETERS, TD_ATTRIBUTE_TEXT, TD_ATTRIBUTE_PASS,
        "What follows the telephone number in the user part, such as \";npdi;rn=+1...\" "
        "(RFC 4694).",
        error);
    sip->parts = td_attribute_declare (
        sip->module, "sip.parts", TD_ATTRIBUTE_BYTES, TD_ATTRIBUTE_PASS,
        "The parts of an INVITE's body that are no session description, such as ISUP.", error);
    sip->retry_after = td_attribute_declare (
        sip->module, "call.retry-after", TD_ATTRIBUTE_NUMBER, TD_ATTRIBUTE_RETURN,
        "Seconds after which a call that was refused may be tried again (RFC 3261 20.33).", error);
    sip->answer_lines = td_attribute_declare (
        sip->module, TD_ATTRIBUTE_ANSWER_LINES, TD_ATTRIBUTE_TEXT, TD_ATTRIBUTE_MANY,
        "Header fields of the answer to an INVITE, each as NAME: VALUE.", error);
    sip->is_sips = td_attribute_declare (
        sip->module, "sip.sips", TD_ATTRIBUTE_NUMBER, TD_ATTRIBUTE_PASS,
        "1: the call came with a sips URI, and must not go on without TLS (RFC 3261 26.2.2).",
        error);
    sip->category = td_attribute_declare (
        sip->module, "party.category", TD_ATTRIBUTE_TEXT, 0,
        "The calling party's category, such as \"payphone\" (ITU-T Q.763 3.11).", error);
    sip->line_information = td_attribute_declare (
        sip->module, "party.line-information", TD_ATTRIBUTE_TEXT, 0,
        "Originating line information of the caller: the ANI II digits.", error);
    sip->redirection = td_attribute_declare (
        sip->module, TD_ATTRIBUTE_REDIRECTION, TD_ATTRIBUTE_TEXT, TD_ATTRIBUTE_MANY,
        "Whom the peer of a leg that has failed would have called in its stead", error);
    sip->passed_contacts = td_attribute_declare (sip->module, "sip.contacts", TD_ATTRIBUTE_TEXT,
                                                 TD_ATTRIBUTE_MANY | TD_ATTRIBUTE_RETURN,
                                                 "Contacts of a 3xx that the caller gets.", error);
    sip->source =
        td_attribute_declare (sip->module, TD_ATTRIBUTE_SOURCE, TD_ATTRIBUTE_TEXT, 0,
                              "Who has placed the call, by what nobody writes into it.", error);
    sip->to = td_attribute_declare (sip->module, "sip.to", TD_ATTRIBUTE_TEXT, 0,
                                    "The URI of an INVITE's To header field: whom the caller "
                                    "meant, where its Request-URI is another.",
                                    error);
    return sip->other_headers != NULL && sip->max_forwards != NULL && sip->user_parameters != NULL
           && sip->parts != NULL && sip->retry_after != NULL && sip->category != NULL
           && sip->line_information != NULL && sip->is_sips != NULL && sip->answer_lines != NULL
           && sip->to != NULL && sip->source != NULL && sip->redirection != NULL
           && sip->passed_contacts != NULL;
}

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

static void
declare_metrics (Sip *sip)
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

/* --- Lanes ------------------------------------------------------------------------------- */

static void
open_lane (Sip *sip, unsigned index, uint64_t secret, const uint8_t nonce_secret[32])
{
    SipLane *lane = &sip->lanes[index];
    TdConfig *config = td_module_config (sip->module);
    unsigned nonce_life_s =
        (unsigned) (td_config_number (config, "sip", NULL, "nonce-life") / 1000);

    lane->sip = sip;
    sip_stack_init (&lane->stack, sip->module, index, &sip->timers, secret);
    lane->stack.counter += (uint64_t) index << 48;
    lane->stack.send = sip_transport_send;
    lane->stack.data = lane;
    sip_table_init (&lane->legs);
    lane->authority =
        sip_authority_new (nonce_secret, nonce_life_s,
                           (SipDigests) td_config_number (config, "sip", NULL, "digest"), index);
    lane->ring =
        td_config_bool (config, "sip", NULL, "trace") ? sip_ring_new (SIP_RING_BYTES) : NULL;
    lane->scan = g_new0 (SipScan, 1);
    lane->claims = sip_claims_new (secret, SIP_N_SOURCES);
    lane->established = sip_claims_new (secret, SIP_N_ESTABLISHED);
    sip_patience_init (&lane->patience,
                       td_config_number (config, "sip", NULL, "arrival-wait") * 1000,
                       td_config_number (config, "sip", NULL, "arrival-target") * 1000);
    lane->late = g_new0 (uint64_t, SIP_N_LATE);
    lane->hosts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

static void
open_lanes (Sip *sip)
{
    uint8_t nonce_secret[32];
    uint64_t secret;

    if (getrandom (&secret, sizeof secret, 0) != sizeof secret
        || getrandom (nonce_secret, sizeof nonce_secret, 0) != sizeof nonce_secret) {
        td_log_warning (sip->module, NULL,
                        "the kernel gave no random numbers: tags and nonces can "
                        "be guessed");
    }
    sip->n_lanes = td_lane_count ();
    sip->lanes = g_new0 (SipLane, sip->n_lanes);
    for (unsigned i = 0; i < sip->n_lanes; i++) {
        open_lane (sip, i, secret, nonce_secret);
    }
}

SipLane *
sip_lane_at (Sip *sip, const TdLane *at)
{
    unsigned index = td_lane_index (at);

    return index < sip->n_lanes && sip->lanes[index].sip != NULL ? &sip->lanes[index] : NULL;
}

/* On its lane: nothing is left that a timer could call. */
static void
clear_lane (TdLane *at, void *data)
{
    SipLane *lane = sip_lane_at (data, at);

    if (lane != NULL) {
        td_timer_stop (&lane->refresh);
        sip_probes_clear (lane);
        sip_registrations_clear (lane);
        sip_stack_clear (&lane->stack);
        sip_table_clear (&lane->legs);
        lane->sip = NULL;
    }
}

static void
free_lanes (Sip *sip)
{
    for (unsigned i = 0; i < sip->n_lanes; i++) {
        SipLane *lane = &sip->lanes[i];
        sip_authority_free (lane->authority);
        sip_ring_free (lane->ring);
        g_free (lane->scan);
        sip_claims_free (lane->claims);
        sip_claims_free (lane->established);
        g_free (lane->late);
        g_hash_table_unref (lane->hosts);
    }
    g_free (sip->lanes);
}

static void
begin_lane (TdLane *at, void *data)
{
    SipLane *lane = sip_lane_at (data, at);

    if (lane != NULL) {
        sip_resolve_trunks (lane);
        sip_probes_update (lane);
    }
}

static void
update_probes (TdLane *at, void *data)
{
    SipLane *lane = sip_lane_at (data, at);

    if (lane != NULL) {
        sip_probes_update (lane);
    }
}

static void
end_probes (TdLane *at, void *data)
{
    SipLane *lane = sip_lane_at (data, at);

    if (lane != NULL) {
        sip_probes_clear (lane);
    }
}

static void
swept (void *data)
{
}

/* --- Life -------------------------------------------------------------------------------- */

static bool
load (TdModule *module, GError **error)
{
    td_machine_register (module, &sip_invite_client);
    td_machine_register (module, &sip_other_client);
    td_machine_register (module, &sip_invite_server);
    td_machine_register (module, &sip_other_server);
    td_machine_register (module, &sip_leg_machine);
    return true;
}

static void
read_settings (Sip *sip)
{
    TdConfig *config = td_module_config (sip->module);

    sip->timers = sip_timers_default;
    sip->timers.t1_ms = (uint32_t) td_config_number (config, "sip", NULL, "t1");
    sip->timers.t2_ms = (uint32_t) td_config_number (config, "sip", NULL, "t2");
    sip->timers.t4_ms = (uint32_t) td_config_number (config, "sip", NULL, "t4");
    sip->redirect = (SipRedirect) td_config_number (config, "sip", NULL, "redirect");
    sip->realm = g_strdup (td_config_text (config, "sip", NULL, "realm"));
    sip->user_agent = g_strdup (td_config_text (config, "sip", NULL, "user-agent"));
    sip->identity = g_strdup (td_config_text (config, "sip", NULL, "tls"));
    sip_wishes_init (&sip->wishes);
    sip->strangers = (SipStrangers) td_config_number (config, "sip", NULL, "strangers");
    sip->first_numbers =
        g_strdupv ((char **) td_config_list (config, "sip", NULL, "first-numbers"));
    sip->first_rate = (unsigned) td_config_number (config, "sip", NULL, "first-rate");
    sip->priority_dscp = (uint8_t) td_config_number (config, "sip", NULL, "priority-dscp");
}

static void
free_sip (Sip *sip)
{
    free_lanes (sip);
    sip_overload_free (sip->overload);
    sip_load_free (sip->load);
    g_free (sip->realm);
    g_free (sip->user_agent);
    g_strfreev (sip->first_numbers);
    g_free (sip->identity);
    sip_wishes_clear (&sip->wishes);
    g_free (sip);
}

/* No leg and no trace is left: lets go of the wire, then of what waited for it. */
static void
closed (void *data)
{
    Sip *sip = data;
    TdModule *module = sip->module;

    sip_features_close (sip);
    td_module_set_state (module, NULL);
    free_sip (sip);
    td_module_unuse (module);
}

static void
close_wire (Sip *sip)
{
    sip_features_hold (sip);
    sip_listen_close (sip);
    td_lane_sweep (sip->module, clear_lane, closed, NULL, sip);
}

static void
look_for_legs (TdTimer *timer)
{
    Sip *sip = (Sip *) ((char *) timer - offsetof (Sip, poll));

    if (atomic_load (&sip->n_legs) == 0 && atomic_load (&sip->n_searches) == 0
        && sip->n_traces == 0) {
        close_wire (sip);
    } else {
        td_timer_start (&sip->poll, 20);
    }
}

static void
probes_ended (void *data)
{
    look_for_legs (&((Sip *) data)->poll);
}

static bool
check (const TdConfig *config, GError **error)
{
    SipTrunks *trunks = sip_trunks_new (config, error);

    if (trunks == NULL) {
        return false;
    }
    td_table_unref (&trunks->table);
    return sip_listen_check (config, error);
}

static bool
start (TdModule *module, GError **error)
{
    Sip *sip = g_new0 (Sip, 1);
    SipTrunks *trunks = sip_trunks_new (td_module_config (module), error);
    TdChannelDriver secure_driver = sip_channel_driver;

    secure_driver.name = "sips"; /* of addresses that begin so */
    sip->module = module;
    if (trunks == NULL) {
        g_free (sip);
        return false;
    }
    td_timer_init (&sip->poll, module, look_for_legs);
    read_settings (sip);
    declare_metrics (sip);
    sip->trunks = td_snapshot_new (module, "sip.trunks", &trunks->table);
    sip_features_open (sip);
    sip->overload = sip_overload_new ();
    if (td_config_bool (td_module_config (module), "sip", NULL, "pass-priority")) {
        sip_overload_pass_priority (sip->overload);
    }
    sip->load = td_config_bool (td_module_config (module), "sip", NULL, "tell-load")
                    ? sip_load_new ()
                    : NULL;
    open_lanes (sip);
    td_module_set_state (module, sip);
    if (!declare_attributes (sip, error)
        || !td_channel_driver_register (module, &sip_channel_driver, error)
        || !td_channel_driver_register (module, &secure_driver, error)
        || !sip_trace_command_add (module, error) || !sip_listen_open (sip, error)) {
        td_module_use (module);
        close_wire (sip);
        return false;
    }
    td_lane_sweep (module, begin_lane, swept, NULL, sip);
    return true;
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    Sip *sip = td_module_state (module);

    switch (phase) {
    case TD_RELOAD_PREPARE:
        sip->next_trunks = sip_trunks_new (next, error);
        return sip->next_trunks != NULL;
    case TD_RELOAD_COMMIT:
        td_snapshot_swap (sip->trunks, &sip->next_trunks->table);
        td_lane_sweep (module, update_probes, swept, NULL, sip);
        break;
    case TD_RELOAD_ABANDON:
        td_table_unref (&sip->next_trunks->table);
        break;
    }
    sip->next_trunks = NULL;
    return true;
}

static void
stop (TdModule *module)
{
    Sip *sip = td_module_state (module);

    atomic_store (&sip->is_closing, true);
    td_module_use (module);
    /* Calls may stay for hours; no lane begins anything else after this. */
    td_lane_sweep (module, end_probes, probes_ended, NULL, sip);
}

static void
describe (TdModule *module, GVariantDict *info)
{
    Sip *sip = td_module_state (module);
    g_autoptr (GString) listeners = g_string_new (NULL);

    if (sip == NULL) {
        return;
    }
    for (unsigned i = 0; i < sip->n_listeners; i++) {
        g_string_append_printf (listeners, "%s%s:%s", i > 0 ? ", " : "",
                                sip_transport_name (sip->listeners[i].transport),
                                sip->listeners[i].host);
    }
    g_variant_dict_insert (info, "listeners", "s", listeners->str);
    g_variant_dict_insert (info, "legs", "u", atomic_load (&sip->n_legs));
}

TD_MODULE (sip, .summary = "SIP endpoints over UDP, TCP and TLS", .version = "1.0",
           .license = "LGPL-2.1-or-later", .provides = TD_LIST ("endpoint.sip"),
           .wants = TD_LIST (TD_FEATURE_PRIORITY, TD_FEATURE_REGISTRAR, TD_FEATURE_TRUNK,
                             TD_FEATURE_ARRIVAL, TD_FEATURE_TLS, TD_FEATURE_CONGESTION,
                             TD_FEATURE_EMERGENCY, TD_FEATURE_INTERWORK),
           .config = sections, .n_config = G_N_ELEMENTS (sections), .upgrade = TD_UPGRADE_BESIDE,
           .load = load, .start = start, .reload = reload, .stop = stop, .describe = describe,
           .check = check)
