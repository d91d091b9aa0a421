/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may be configured. */

#include "sip.h"

static const char *const digest_choices[] = { "both", "md5", "sha-256", NULL };
static const char *const strangers_choices[] = { "accept", "challenge", "refuse", NULL };
static const char *const unjudged_choices[] = { "drop", "pass", NULL };
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
    { .name = "unjudged-marks",
      .type = TD_CONFIG_CHOICE,
      .default_text = "drop",
      .choices = unjudged_choices,
      .help = "What becomes of a call's Resource-Priority while no module says what it is worth. "
              "drop: it ends here, whoever sent it. pass: it goes on as it came.",
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

const TdConfigSection sip_sections[SIP_N_SECTIONS] = {
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
