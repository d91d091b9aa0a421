/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listeners and connections: they belong to the core, modules take delivery.
 *
 *                    sort: which lane, which class?
 *     wire -> reader ---- own lane, nothing waits ------> deliver ()
 *            (a lane) \-- else: a lane's arrival queues -> deliver () there
 *
 * Each flow (a datagram listener, a stream connection) is read by one lane, so order is kept within a class;
 * anybody may send through it. A lane that has more to do than it can empties the kernel's buffer into its
 * arrival queues before it serves them: what goes first does not wait behind the rest. A message arrives whole:
 * a stream's frame function says where one ends. A listener asks for 4 MiB of kernel buffer and reports what it
 * was granted and what overflowed: that buffer is the first queue.
 */

#ifndef TANDEM_SOCKET_H
#define TANDEM_SOCKET_H

#include <tandem/lane.h>

#include <netinet/in.h>

G_BEGIN_DECLS

typedef enum {
    TD_TRANSPORT_UDP,
    TD_TRANSPORT_TCP,
    TD_TRANSPORT_TLS, /* a stream behind a filter that knows who the peer is */
} TdTransport;

/* An IPv4 or IPv6 address with its port. */
typedef union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} TdAddress;

/* Room for "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%enp0s31f6]:65535" and its end. */
#define TD_ADDRESS_TEXT_SIZE 72

/* Reads "198.51.100.7:5060", "[2001:db8::1]:5060" or an address without a port, which is then
 * DEFAULT_PORT. Returns false, and leaves RET_ADDRESS alone, when TEXT is no numeric address. */
TD_API bool td_address_parse (const char *text, uint16_t default_port, TdAddress *ret_address);
TD_API const char *td_address_print (const TdAddress *address, char text[TD_ADDRESS_TEXT_SIZE]);
/* Without the port and without brackets. */
TD_API const char *td_address_print_host (const TdAddress *address,
                                          char text[TD_ADDRESS_TEXT_SIZE]);
TD_API uint16_t td_address_port (const TdAddress *address);
TD_API void td_address_set_port (TdAddress *address, uint16_t port);
TD_API bool td_address_equal (const TdAddress *a, const TdAddress *b);
TD_API bool td_address_equal_host (const TdAddress *a, const TdAddress *b);
TD_API socklen_t td_address_len_bytes (const TdAddress *address);

/* Whether ADDRESS is PLACE, whose port 0 stands for any. */
static inline bool
td_address_is_at (const TdAddress *address, const TdAddress *place)
{
    return td_address_equal_host (address, place)
           && (td_address_port (place) == 0
               || td_address_port (place) == td_address_port (address));
}

typedef struct TdListener TdListener;
typedef struct TdFlow TdFlow;

/* Whom a stream is with, as its filter found out. It never changes and is shared. */
typedef struct {
    bool is_verified;         /* it has proved to be who it says it is */
    const char *subject;      /* who that is, for people; "": nobody */
    const char *const *names; /* the domains it is, NULL-terminated, maybe empty */
} TdPeer;

/* Copies what it is given; SUBJECT and NAMES are nullable. Thread: any. */
TD_API TdPeer *td_peer_new (bool is_verified, const char *subject, const char *const *names);
TD_API TdPeer *td_peer_ref (TdPeer *peer);
TD_API void td_peer_unref (TdPeer *peer);
/* Whether PEER (nullable) is verified and NAME is one of its names, as a whole and without regard to
 * case. Thread: any. */
TD_API bool td_peer_is (const TdPeer *peer, const char *name);

/* One message as it came. Lives as long as the turn. */
typedef struct {
    TdListener *listener;
    uint64_t flow; /* a stream connection's number, for td_flow_send(); 0 for a datagram */
    TdTransport transport;
    TdAddress local;
    TdAddress remote;
    int64_t arrival_us; /* monotonic, when a datagram came to this host, a message was read whole */
    const char *bytes;  /* followed by a NUL that is not counted */
    size_t len_bytes;
    TdPostClass post_class; /* as sort() had it; in deliver () and claim () */
    TdPeer *peer;           /* nullable: whom a stream with a filter is with */
    unsigned n_waiting;     /* ordinary posts: in sort () on the reader's lane, then on its own */
} TdPacket;

/* What a connection is for, told to the filter that begins to serve it. */
typedef struct {
    uint32_t size;         /* sizeof (TdFilterFlow) */
    bool is_client;        /* this side has connected */
    const char *identity;  /* who this side is; nullable */
    const char *peer_name; /* CLIENT: the domain that the peer has to be; nullable: anybody */
    TdAddress remote;
} TdFilterFlow;

typedef enum {
    TD_FILTER_SHAKING, /* it is not known yet whom the stream is with: nothing passes */
    TD_FILTER_OPEN,
    TD_FILTER_CLOSED, /* the peer has said that it will send no more */
    TD_FILTER_FAILED, /* the connection must end; what is in WIRE is sent before */
} TdFilterState;

/* What stands between the messages of a stream and the wire, such as TLS.
 *
 *     wire -> receive () -> plain -> frame (), deliver ()
 *     wire <- send () <------------- td_flow_send ()
 *
 * Nothing blocks, nothing is remembered that the peer could make grow. PLAIN and WIRE are appended to.
 * Thread: one, the reader's lane, for all functions of a flow. */
typedef struct {
    uint32_t size;    /* sizeof (TdStreamFilter) */
    TdModule *module; /* in use from begin() to end() */
    void *data;
    /* Returns the filter's state for FLOW, or NULL, with what is wrong in RET_WHY (static text). Of a
     * client WIRE gets what is said first. */
    void *(*begin) (const TdFilterFlow *flow, GByteArray *wire, const char **ret_why, void *data);
    TdFilterState (*receive) (void *state, const void *bytes, size_t len_bytes, GByteArray *plain,
                              GByteArray *wire);
    /* Called when the state is OPEN. */
    TdFilterState (*send) (void *state, const void *bytes, size_t len_bytes, GByteArray *wire);
    /* Whom the stream is with (transfer full, nullable). Called once, when the state is OPEN. */
    TdPeer *(*peer) (void *state);
    /* Why it FAILED, in words; lives as long as STATE. */
    const char *(*why) (void *state);
    /* Says good-bye. */
    void (*close) (void *state, GByteArray *wire);
    void (*end) (void *state);
} TdStreamFilter;

/* Where a packet goes. */
typedef struct {
    unsigned lane;
    TdPostClass post_class;
    /* LANE is the reader's: to deliver it now costs less than to let it wait. A datagram that is sent then
     * leaves when all that was read with it has been seen. */
    bool is_brief;
} TdSorting;

typedef struct {
    uint32_t size; /* sizeof (TdListenerDecl) */
    TdTransport transport;
    const char *name;           /* "sip udp:127.0.0.1:5060": for log and metrics */
    TdAddress address;          /* port 0: the kernel's choice, see td_listener_address () */
    uint8_t dscp;               /* 0 .. 63, of everything sent */
    uint32_t max_message_bytes; /* a longer message ends a stream, is reported for a datagram */
    uint32_t idle_timeout_ms;   /* of a stream connection, 0 for none */
    void *data;
    /* Nullable: own lane, ordinary. Looks, never keeps. Thread: the reader's lane. */
    TdSorting (*sort) (const TdPacket *packet, void *data);
    /* Thread: the lane SORT named. */
    void (*deliver) (const TdPacket *packet, void *data);
    /* Streams: the length of the first message in BYTES, 0 when more is needed to know it, -1 when
     * there is none to be found and the connection must end. A length over LEN_BYTES: so much will
     * it be once it is whole. Thread: the reader's lane. */
    ssize_t (*frame) (const char *bytes, size_t len_bytes, void *data);
    /* Nullable; streams: FLOW has ended, but not because its listener was closed. Thread: the
     * reader's lane. */
    void (*closed) (uint64_t flow, const TdAddress *remote, void *data);
    /* Nullable: asked of an older build while a newer one shares the port: whether PACKET belongs to
     * work this build has under way. Thread: the lane that SORT of the newest build named. */
    bool (*claim) (const TdPacket *packet, void *data);
    /* Nullable: a datagram over max_message_bytes, or refused by a full arrival queue, was let go.
     * Thread: the reader's lane. */
    void (*dropped) (const TdPacket *packet, const char *why, void *data);
    /* TD_TRANSPORT_TLS: what serves a connection that begins (transfer none, good for this turn; its
     * module is in use as long as the connection), or NULL: there is none now, and the connection
     * ends. Thread: the reader's lane. */
    const TdStreamFilter *(*filter) (void *data);
    const char *identity; /* nullable: what FILTER is told of a connection that was accepted */
    uint32_t handshake_timeout_ms; /* for the filter to be OPEN, 0 for none */
    /* Streams: more connections of one source (an address, of IPv6 a /64) are closed as soon as they are
     * accepted; 0 for no limit. */
    uint32_t max_flows_of_source;
    /* Streams with a filter: how many of these at most may have their handshakes under way, and what
     * percentage of the reader's time all handshakes of who connects may take; 0 for no limit. */
    uint32_t max_handshakes_of_source;
    uint32_t handshake_percent;
} TdListenerDecl;

/* Binds, listens and begins to deliver. READER reads datagrams and accepts connections. Where an older build of
 * the same module has the address open, its port is shared: nothing is lost, the connections stay, and claim()
 * says which messages are still the older build's. The listener belongs to MODULE until td_listener_close() or
 * its stop. Metrics and log call it by DECL's name, so two of a module should not share one. Errors: what the
 * kernel said, with the name. Thread: control. */
TD_API TdListener *td_listener_open (TdModule *module, TdLane *reader, const TdListenerDecl *decl,
                                     GError **error);

/* Ends LISTENER and its connections. No function of its declaration is begun any more; a lane that
 * is in one finishes its turn, so what DATA points to may be freed after a td_lane_sweep(). The
 * port is free after such a sweep, too. A thread that is no lane must have made its last
 * td_listener_send() before. Thread: control. */
TD_API void td_listener_close (TdListener *listener);

/* Where it is really bound. Thread: any. */
TD_API TdAddress td_listener_address (const TdListener *listener);

/* Sends a datagram. Returns false with errno set when the kernel refused it. Thread: any.
 * Blocks: never. */
TD_API bool td_listener_send (TdListener *listener, const TdAddress *remote, const void *bytes,
                              size_t len_bytes);

/* As td_listener_send(), but that this datagram is marked with DSCP (0 .. 63) and not as the listener's
 * others are. It costs no system call more. */
TD_API bool td_listener_send_marked (TdListener *listener, const TdAddress *remote,
                                     const void *bytes, size_t len_bytes, uint8_t dscp);

/* How a connection is made. */
typedef struct {
    uint32_t size;           /* sizeof (TdFlowWish) */
    unsigned priority_class; /* of what it is made for, 0 .. 15: see td_descriptor_may_keep () */
    const char *identity;    /* of a listener with a filter: see TdFilterFlow; both are nullable */
    const char *peer_name;
} TdFlowWish;

/* Connects a stream to REMOTE, or finds the connection that is open to it already; the connection
 * is read like one that LISTENER accepted. Returns the flow's number, good for td_flow_send() at
 * once: what is sent before the connection stands is kept. When it cannot be made, closed() says
 * so, later. Returns 0 when LISTENER is closed. Thread: a lane. */
TD_API uint64_t td_flow_connect (TdListener *listener, const TdAddress *remote);

/* As td_flow_connect(), which is for ordinary calls, as WISH says. A connection that was made for another
 * name, or as somebody else, is not found. */
TD_API uint64_t td_flow_connect_as (TdListener *listener, const TdAddress *remote,
                                    const TdFlowWish *wish);

/* Sends a message on a stream; a copy is kept until the kernel takes it. Returns false when there is
 * no such flow, or more than 1 MiB waits for its peer. Thread: a lane. Blocks: never. */
TD_API bool td_flow_send (TdListener *listener, uint64_t flow, const void *bytes, size_t len_bytes);

/* Whether FD, which the kernel has just given, may be kept for something of PRIORITY_CLASS (0 .. 15). The
 * last of those that the process may have, [tandem] descriptor-reserve, are for classes above
 * TD_CLASS_ORDINARY. If not, errno is EMFILE, and FD is still the caller's to close. Thread: any. */
TD_API bool td_descriptor_may_keep (int fd, unsigned priority_class);

G_END_DECLS

#endif
