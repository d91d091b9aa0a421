/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module inside: what there is once, once a lane, and once a listener.
 *
 *     wire -> sort.c -> receive.c -> transactions -> dispatch.c -> uas.c   \
 *                                         |                                 >- leg.c <-> channel
 *     wire <- transport.c                 \--------------------> uac.c     /
 *
 * Everything that belongs to a call lives in the SipLane of its lane. What stands in Sip itself does
 * not change after start, but for the trunks, which are a snapshot. */

#ifndef SIP_SIP_H
#define SIP_SIP_H

#include "arrival.h"
#include "auth.h"
#include "load.h"
#include "overload.h"
#include "patience.h"
#include "ring.h"
#include "transaction.h"

#include <stdatomic.h>
#include <tandem/bus.h>
#include <tandem/channel.h>
#include <tandem/iface/congestion.h>
#include <tandem/iface/emergency.h>
#include <tandem/iface/priority.h>
#include <tandem/iface/registrar.h>
#include <tandem/iface/tls.h>
#include <tandem/iface/trunk.h>
#include <tandem/metric.h>
#include <tandem/module.h>
#include <tandem/snapshot.h>

#define SIP_MAX_LISTENERS 16
#define SIP_ALLOW         "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK"

/* RFC 4412 3.4. */
#define SIP_TAG_PRIORITY "resource-priority"

/* RFC 3262 8.1. */
#define SIP_TAG_RELIABLE "100rel"

typedef struct Sip Sip;
typedef struct SipLane SipLane;
typedef struct SipLeg SipLeg;
typedef struct SipRegistration SipRegistration;

typedef struct {
    Sip *sip;
    TdListener *listener;
    TdTransport transport;
    TdAddress address;
    char host[TD_ADDRESS_TEXT_SIZE];                /* for Via: what peers reach us by */
    char contact[TD_ADDRESS_TEXT_SIZE + 32];        /* "<sip:host:port;transport=tcp>" */
    char secure_contact[TD_ADDRESS_TEXT_SIZE + 32]; /* TLS: "<sips:host:port>" */
} SipListener;

typedef enum {
    SIP_STRANGERS_ACCEPT,
    SIP_STRANGERS_CHALLENGE,
    SIP_STRANGERS_REFUSE,
} SipStrangers;

struct SipLane {
    SipStack stack;
    Sip *sip;
    SipTable legs; /* by our tag */
    SipAuthority *authority;
    SipRing *ring;                  /* NULL: nobody traces */
    SipScan *scan;                  /* of what is being received */
    SipGlance glance;               /* of what is being sorted */
    const char *glanced_at;         /* its bytes; NULL: nothing is */
    uint8_t answer_class;           /* of the call that the request in the scan belongs to */
    SipRegistration *registrations; /* being stored */
    const TdRegistrar *registrar;   /* of this turn, nullable */
    SipClaims *claims;              /* of sources this lane reads from */
    SipClaims *established;         /* of tags and branches of ours that come back to it */
    SipPatience patience;
    uint64_t *late;     /* hashes of the latest requests that were refused as late */
    TdTimer refresh;    /* of the trunks' names */
    GHashTable *hosts;  /* name -> what it was resolved to; see resolve.c */
    GHashTable *probes; /* of peers; see probe.c */
};

/* Whether provisional responses are acknowledged: not at all, to who supports it, or only to who requires
 * it. */
typedef enum {
    SIP_RELIABILITY_NEVER,
    SIP_RELIABILITY_SUPPORTED,
    SIP_RELIABILITY_REQUIRED,
} SipReliability;

/* What becomes of a 3xx; as the choices of the keys "redirect" are. */
typedef enum {
    SIP_REDIRECT_ADVANCE,
    SIP_REDIRECT_FOLLOW,
    SIP_REDIRECT_PASS,
} SipRedirect;

/* A trunk as this module uses it. */
typedef struct {
    const char *name;
    char *username, *password;
    const char *identity; /* of TLS: [tls IDENTITY] */
    const char *tls_name; /* the domain that its certificate stands for; "": its address's */
    const char *domain;   /* of this peer: either of the two, in lower case */
    SipRedirect redirect;
    bool hides_preemption; /* it is not told of which kind one was */
    SipReliability reliable_in, reliable_out;
} SipTrunk;

/* Where a trunk's calls come from: its address, or that of a member. */
typedef struct SipPeer SipPeer;

struct SipPeer {
    SipTrunk trunk;
    const char *name; /* the member's, or the trunk's where that is the peer */
    const char *uri;
    uint32_t probe_ms; /* 0: it is not probed */
    uint32_t n_probe_failures;
    char *host; /* of the URI */
    TdAddress address;
    bool is_numeric;         /* the host is an address */
    bool has_port;           /* one was given: a datagram from another port is somebody else's */
    bool is_secure;          /* reached over TLS */
    unsigned rank;           /* of two that fit the one earlier in the files counts */
    SipPeer *next;           /* of the same host */
    SipPeer *next_of_domain; /* SECURE: of the same domain */
};

typedef struct {
    TdTable table;
    TdConfig *config;
    GPtrArray *peers;      /* SipPeer */
    GHashTable *by_host;   /* TdAddress, whatever its port -> the first SipPeer there */
    GPtrArray *by_dns;     /* those that are not numeric */
    GHashTable *by_name;   /* trunk -> SipTrunk */
    GHashTable *by_domain; /* domain -> the first SipPeer over TLS that is it */
} SipTrunks;

/* Header fields that are carried from leg to leg as attributes. */
typedef struct {
    SipHeaderId id;
    const TdAttribute *attribute;
} SipCarried;

#define SIP_MAX_CARRIED 32
#define SIP_N_LATE      8192 /* a power of two */
#define SIP_N_SOURCES   1024

/* A call has one message or two a second at most: of a thousand calls a second few share a place with
 * others. */
#define SIP_N_ESTABLISHED    4096
#define SIP_ESTABLISHED_RATE 50

/* What other modules do for this one. */
enum {
    SIP_FEATURE_REGISTRAR,
    SIP_FEATURE_TRUNK,
    SIP_FEATURE_ARRIVAL,
    SIP_FEATURE_TLS,
    SIP_FEATURE_CONGESTION,
    SIP_FEATURE_PRIORITY,
    SIP_FEATURE_EMERGENCY,
    SIP_FEATURE_INTERWORK,
    SIP_N_FEATURES,
};

/* Whatever connections were wished for, each once. */
typedef struct {
    pthread_mutex_t lock;
    GHashTable *all;
} SipWishes;

struct Sip {
    TdModule *module;
    SipLane *lanes;
    unsigned n_lanes;
    SipListener listeners[SIP_MAX_LISTENERS];
    unsigned n_listeners;
    SipTimers timers;
    char *realm;
    char *user_agent;
    char *identity; /* in TLS, where a trunk has none of its own */
    SipWishes wishes;
    SipStrangers strangers;
    bool passes_unjudged_marks;
    SipRedirect redirect; /* of legs that go out by no trunk */
    char **first_numbers;
    unsigned first_rate;
    uint8_t priority_dscp; /* of datagrams of calls above ordinary */
    SipOverload *overload;
    SipLoad *load; /* nullable: nobody is told */
    TdSnapshot *trunks;
    SipTrunks *next_trunks;                          /* of a reload that is being prepared */
    _Atomic (const void *) features[SIP_N_FEATURES]; /* nullable; swapped on the control lane */
    TdSubscription *feature_changes;
    SipCarried carried[SIP_MAX_CARRIED];
    unsigned n_carried;
    const TdAttribute *marks; /* Resource-Priority, one of those carried */
    const TdAttribute *other_headers;
    const TdAttribute *max_forwards;
    const TdAttribute *user_parameters;
    const TdAttribute *category, *line_information; /* of the caller */
    const TdAttribute *to;                          /* whom he meant */
    const TdAttribute *source;                      /* who he is, as far as he cannot lie */
    const TdAttribute *parts;
    const TdAttribute *shown;
    const TdAttribute *retry_after;
    const TdAttribute *answer_lines;
    const TdAttribute *is_sips;
    const TdAttribute *redirection;     /* whom a peer would have called instead */
    const TdAttribute *passed_contacts; /* the same for the caller to decide, as the peer says it */
    atomic_uint n_legs;
    atomic_uint n_searches; /* for addresses of names, which need their lane */
    unsigned n_traces;      /* being gathered; control lane */
    TdTimer poll;           /* on the control lane, while legs end */
    atomic_bool is_closing;
    TdMetric *received, *sent, *refused, *dropped, *retransmitted, *late;
    TdMetric *probes, *failed_probes, *unreachable, *spared;
};

/* The part of SIP on the lane AT; NULL: none, or no more. */
SipLane *sip_lane_at (Sip *sip, const TdLane *at);

/* --- keys.c ------------------------------------------------------------------------------ */

#define SIP_N_SECTIONS 2

extern const TdConfigSection sip_sections[SIP_N_SECTIONS];

/* --- declare.c --------------------------------------------------------------------------- */

bool sip_declare_attributes (Sip *sip, GError **error);
void sip_declare_metrics (Sip *sip);

/* --- feature.c --------------------------------------------------------------------------- */

/* Finds who is there, and listens for who comes and goes; stops listening; lets go of them. */
void sip_features_open (Sip *sip);
void sip_features_hold (Sip *sip);
void sip_features_close (Sip *sip);

/* Each (transfer none, good for this turn): NULL when there is none. */
static inline const TdRegistrar *
sip_registrar (Sip *sip)
{
    return atomic_load_explicit (&sip->features[SIP_FEATURE_REGISTRAR], memory_order_acquire);
}

static inline const TdTrunkService *
sip_trunk_service (Sip *sip)
{
    return atomic_load_explicit (&sip->features[SIP_FEATURE_TRUNK], memory_order_acquire);
}

static inline const TdArrivalService *
sip_arrival_service (Sip *sip)
{
    return atomic_load_explicit (&sip->features[SIP_FEATURE_ARRIVAL], memory_order_acquire);
}

static inline const TdTlsService *
sip_tls (Sip *sip)
{
    return atomic_load_explicit (&sip->features[SIP_FEATURE_TLS], memory_order_acquire);
}

static inline const TdPriorityService *
sip_priority (Sip *sip)
{
    return atomic_load_explicit (&sip->features[SIP_FEATURE_PRIORITY], memory_order_acquire);
}

static inline const TdInterworkService *
sip_interwork (Sip *sip)
{
    return atomic_load_explicit (&sip->features[SIP_FEATURE_INTERWORK], memory_order_acquire);
}

/* --- secure.c ---------------------------------------------------------------------------- */

void sip_wishes_init (SipWishes *wishes);
void sip_wishes_clear (SipWishes *wishes);

/* A connection to TRUNK (nullable) at HOST, whose certificate must stand for the name that the trunk
 * says, or else for HOST; NULL when there were too many. Thread: any. */
const SipWish *sip_wish (Sip *sip, const SipTrunk *trunk, SipView host);

/* Whether the sender of PACKET has proved by a certificate who it is. */
bool sip_is_mutual (const TdPacket *packet);

/* Whether PACKET can be TRUNK's, which is reached over TLS, by its address alone: it came over TLS, and
 * nobody asks that trunk for a certificate. */
bool sip_secure_goes_by_address (Sip *sip, const SipTrunk *trunk, const TdPacket *packet);

/* TdListenerDecl.filter of a SipListener. */
const TdStreamFilter *sip_secure_filter (void *listener);

/* Whether URI can be reached over TLS alone (RFC 3261 19.1, 26.2.2). */
bool sip_secure_is_asked_for (const SipUri *uri);

/* Whether there is an IDENTITY, as KEY asks for. */
bool sip_secure_check (const TdConfig *config, const char *section, const char *instance,
                       const char *key, const char *identity, GError **error);

static inline const TdCongestionService *
sip_congestion_service (Sip *sip)
{
    return atomic_load_explicit (&sip->features[SIP_FEATURE_CONGESTION], memory_order_acquire);
}

static inline const TdEmergencyService *
sip_emergency_service (Sip *sip)
{
    return atomic_load_explicit (&sip->features[SIP_FEATURE_EMERGENCY], memory_order_acquire);
}

/* --- emergency.c ------------------------------------------------------------------------- */

/* What REQUEST asks for, by its Request-URI and where it comes from. RET is filled in unless it is
 * TD_EMERGENCY_NONE. */
TdEmergencyKind sip_emergency_kind (SipLane *lane, const SipScan *request, const TdPacket *packet,
                                    TdEmergencyAnswer *ret);

/* Whether REQUEST is a call for help, which no mark that it bears may have refused. */
bool sip_emergency_is_call (SipLane *lane, const SipScan *request, const TdPacket *packet);

/* Whether whoever has sent REQUEST may call, because it is a call for help. */
bool sip_emergency_admits (SipLane *lane, const SipScan *request, const TdPacket *packet);

/* Why the location that came with the INVITE of an ordinary call, kept in ATTRIBUTES, cannot be used:
 * a code of RFC 6442 4.4, or 0. */
unsigned sip_emergency_location_error (SipLane *lane, const SipScan *invite, const TdPacket *packet,
                                       const TdAttributes *attributes);

/* --- listen.c ---------------------------------------------------------------------------- */

/* Whether CONFIG says where to listen in a way that can be understood. */
bool sip_listen_check (const TdConfig *config, GError **error);
bool sip_listen_open (Sip *sip, GError **error);
void sip_listen_close (Sip *sip);

/* Whether CONFIG has a listener of TRANSPORT. */
bool sip_listen_has (const TdConfig *config, TdTransport transport);

/* --- transport.c ------------------------------------------------------------------------- */

/* SipStack.send of a lane. */
bool sip_transport_send (SipPath *path, const char *bytes, size_t len_bytes, void *lane);

/* Where the responses to REQUEST go (RFC 3261 18.2.2, RFC 3581 4). */
SipPath sip_transport_reply_path (const SipScan *request, const TdPacket *packet);

/* The path to ADDRESS by TRANSPORT; false when no listener speaks it. */
bool sip_transport_path (Sip *sip, TdTransport transport, const TdAddress *address,
                         SipPath *ret_path);

/* Writes who we are to whoever PATH leads to: Contact, with "sips" if IS_SIPS, Allow, and Server or
 * User-Agent. */
void sip_transport_compose_self (const Sip *sip, const SipPath *path, GString *out, bool is_server,
                                 bool is_sips);

/* The listener of PATH. */
const SipListener *sip_transport_listener (const Sip *sip, const SipPath *path);

/* Whether there is a transport for URI: neither a parameter nor "sips" with one asks for what we do not
 * speak. */
bool sip_transport_can (const SipUri *uri);

/* The port that URI names, or that of its transport (RFC 3261 19.1.2). */
uint16_t sip_transport_port (const SipUri *uri);

/* The numeric address and the transport in URI; false when its host is a name. */
bool sip_transport_numeric (const SipUri *uri, TdTransport *ret_transport, TdAddress *ret_address);

/* --- trunk.c ----------------------------------------------------------------------------- */

SipTrunks *sip_trunks_new_none (void);
/* Of the [trunk] and [member] sections of CONFIG. */
SipTrunks *sip_trunks_new (const TdConfig *config, GError **error);
/* Both (transfer none, good for this turn): NULL when there is none. */
const SipTrunk *sip_trunks_by_source (const SipLane *lane, const TdPacket *packet);
const SipTrunk *sip_trunks_by_name (const Sip *sip, const char *name);

/* The peer that URI, not a tel one, is at (transfer none, good for this turn): of several one of the trunk NAME if
 * there is one, or else the first. NULL: it is no trunk's. */
const SipPeer *sip_trunks_by_uri (const Sip *sip, const SipUri *uri, const char *name);

/* --- dispatch.c -------------------------------------------------------------------------- */

/* A request that belongs to no transaction. */
void sip_dispatch_request (SipLane *lane, const SipScan *request, const TdPacket *packet,
                           SipReceived received);

/* Answers without a transaction of its own: to what changes nothing, and will get the same answer when it
 * comes again (RFC 3261 8.2.7). LINES (nullable) are whole header lines. */
void sip_answer_stateless (SipLane *lane, const SipScan *request, const TdPacket *packet,
                           unsigned status, const char *reason, const char *lines);

/* The To tag of such an answer begins with this letter and is so long. */
#define SIP_STATELESS_TAG     's'
#define SIP_STATELESS_TAG_LEN 17

/* Whether ACK is for such an answer: there is nothing to be done about it (RFC 3261 8.2.7). */
bool sip_is_of_refusal (const SipLane *lane, const SipGlance *ack);

/* Begins a server transaction and ends it with STATUS; LINES (nullable) are whole header lines. */
void sip_answer_simple (SipLane *lane, const SipScan *request, const TdPacket *packet,
                        unsigned status, const char *reason, const char *lines);
void sip_answer_tagged (SipLane *lane, const SipScan *request, const TdPacket *packet,
                        unsigned status, const char *reason, const char *lines, const char *tag);

/* --- register.c -------------------------------------------------------------------------- */

void sip_register (SipLane *lane, const SipScan *request, const TdPacket *packet);
void sip_registrations_clear (SipLane *lane);

/* Whether the sender of REQUEST, who is on no trunk, may call: true; or it was answered. RET_USER (nullable) is then
 * whom he has proved to be, "": nobody asked him. */
bool sip_admit_stranger (SipLane *lane, const SipScan *request, const TdPacket *packet,
                         char ret_user[TD_PARTY_TEXT]);

/* --- trace.c ----------------------------------------------------------------------------- */

bool sip_trace_command_add (TdModule *module, GError **error);

/* --- resolve.c --------------------------------------------------------------------------- */

typedef void (*SipResolved) (const TdAddress *address, void *data);

/* Finds an address of HOST that a listener can reach, with PORT; calls RESOLVED on this lane, at once or later,
 * with NULL when there is none. DATA is from g_malloc () and RESOLVED's to free; it is freed here when the
 * module stops before. */
void sip_resolve (SipLane *lane, const char *host, uint16_t port, unsigned priority_class,
                  SipResolved resolved, void *data);

/* The address of HOST at INDEX of those this lane has found out, without its port. */
bool sip_resolve_known (const SipLane *lane, const char *host, unsigned index,
                        TdAddress *ret_address);

/* Finds out, now and from time to time, the addresses of trunks that are known by name: by these
 * their calls are told apart. */
void sip_resolve_trunks (SipLane *lane);

#endif
