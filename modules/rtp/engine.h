/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The media engine: threads that carry packets between streams, and how lanes speak to them.
 *
 *      lane                      media thread                              peer
 *     open  ---- a pair of ports, then the thread has the stream ----> epoll <--- packets
 *     describe, connect ... --- commands, taken between two turns --->   |
 *     close, audit  <---------- statistics ------------------------   recvmmsg
 *                                                                        |  admit, count, rewrite
 *                                                                     sendmmsg ---> packets
 *
 * A thread sleeps until a packet comes, carries whatever has come, and then rests for the batch time:
 * what a relay costs is wake-ups, so at 10,000 packets a second it wakes 200 times and not 10,000.
 * Streams that are connected live on one thread, so that a packet meets no lock; nothing is
 * allocated for it either.
 */

#ifndef MODULES_RTP_ENGINE_H
#define MODULES_RTP_ENGINE_H

#include "ports.h"
#include "rtcp.h"
#include "stats.h"
#include "transcode.h"

#include <tandem/media.h>
#include <tandem/priority.h>
#include <tandem/socket.h>

typedef struct RtpEngine RtpEngine;
typedef struct RtpStream RtpStream;
typedef struct RtpThread RtpThread;

typedef void (*RtpThreadRun) (void *thread);

/* What the threads have done since the last time they said so. */
typedef struct {
    uint64_t n_relayed;
    uint64_t n_ignored; /* from a source that is not the peer's */
    uint64_t n_bad;     /* neither RTP nor RTCP, or too long */
    uint64_t n_unsent;  /* the kernel would not take them */
} RtpTotals;

/* What may change while the engine runs. */
typedef struct {
    unsigned batch_us;            /* 0: every packet at once */
    unsigned silence_ms;          /* 0: nobody is told */
    unsigned lock_after;          /* packets, 1 .. 255 */
    unsigned dscp, priority_dscp; /* 0 .. 63 */
    RtpRange range;
} RtpSettings;

typedef struct {
    unsigned n_threads;
    RtpSettings settings;
    /* Tells of what happened to the stream of OWNER, once for each change. Thread: media. */
    void (*event) (void *owner, TdMediaEventKind kind, int64_t value, void *data);
    /* Told at the end of a turn in which something was counted; nullable. Thread: media. */
    void (*count) (const RtpTotals *totals, void *data);
    /* Told once: it was stopped, and the last client has left; nullable. Thread: any. */
    void (*ended) (void *data);
    void *data;
    /* The monotonic clock; NULL: the kernel's. */
    int64_t (*now_us) (void);
    /* Starts RUN (THREAD). */
    bool (*start) (const char *name, RtpThreadRun run, void *thread, void *data, GError **error);
} RtpEngineSetup;

/* Errors: no ports, no descriptors. */
RtpEngine *rtp_engine_new (const RtpEngineSetup *setup, GError **error);

/* Takes over SETTINGS, whose range of ports has been checked. Streams that are open keep their ports and
 * their mark. Thread: any. */
void rtp_engine_change (RtpEngine *engine, const RtpSettings *settings);

/* Starts the threads. Errors: one could not start; the others are told to end. */
bool rtp_engine_start (RtpEngine *engine, GError **error);

/* Whoever opens streams is a client: threads run on for it after a stop. False after a stop when there
 * is no client left, because then there are no threads either. Thread: any. */
bool rtp_engine_enter (RtpEngine *engine);
void rtp_engine_leave (RtpEngine *engine);

/* Lets the threads end when the last client has left. Thread: any. */
void rtp_engine_stop (RtpEngine *engine);

/* Only when all threads have ended. */
void rtp_engine_free (RtpEngine *engine);

/* What a stream does with one of the payload types that come in, where it is not passed as it is. */
typedef struct {
    uint8_t type_in;
    uint8_t type_out;
    bool is_dropped;           /* the other side does not understand it */
    const uint8_t *table;      /* of 256, turns each byte of the payload; nullable */
    const TdCodec *codec;      /* whose table it is: released with the rule; nullable */
    RtpTranscoder *transcoder; /* freed with the rule; nullable */
} RtpRule;

typedef enum {
    RTP_STREAM_PAIR,   /* RTP, and RTCP on the next port */
    RTP_STREAM_MUX,    /* both on one port (RFC 5761) */
    RTP_STREAM_OPAQUE, /* datagrams that are no RTP, such as UDPTL */
} RtpStreamKind;

/* Binds a pair of ports, or one, as KIND says, of HOST's address, for a call of PRIORITY_CLASS, which says
 * what of the ports and descriptors it may use. Streams with the same KEY share a thread. OWNER is who
 * EVENT is told of. Errors: no port is left, or what the kernel says. Thread: any. */
RtpStream *rtp_stream_open (RtpEngine *engine, uint64_t key, const TdAddress *host,
                            RtpStreamKind kind, unsigned priority_class, void *owner,
                            GError **error);
/* The class of STREAM's call has risen: what goes out from now on is marked so. Thread: the one that opened
 * it. */
void rtp_stream_classify (RtpStream *stream, unsigned priority_class);
RtpStreamKind rtp_stream_kind (const RtpStream *stream);
unsigned rtp_stream_port (const RtpStream *stream);
bool rtp_stream_is_ipv6 (const RtpStream *stream);

/* What is agreed with the peer. LOCAL (nullable, counted): its stream INDEX says what the payload
 * types that come in mean. REMOTE: where the peer wants its packets. IS_AWAITED: packets must come, so
 * that silence is news. Thread: any. */
typedef struct {
    TdDescription *local;
    unsigned index;
    TdAddress remote; /* family 0: unknown as yet */
    TdAddress remote_rtcp;
    bool is_remote_mux; /* RTCP goes to REMOTE */
    bool is_awaited;
} RtpAgreement;

void rtp_stream_agree (RtpStream *stream, const RtpAgreement *agreement);

/* From now on what comes to FROM goes out of TO, by RULES (N_RULES, copied; transfer full of what
 * they hold); connecting again changes
 * the rules. FROM and TO may be one: the loop. Thread: any. */
void rtp_stream_connect (RtpStream *from, RtpStream *to, const RtpRule *rules, unsigned n_rules);
void rtp_stream_disconnect (RtpStream *from, RtpStream *to);

/* Everything that is known of a stream. */
typedef struct {
    RtpStats received;
    RtcpReport report; /* what the peer says of what it gets */
    uint64_t packets_sent, bytes_sent;
    uint64_t packets_ignored; /* from a source that is not the peer's */
    uint64_t packets_bad;     /* neither RTP nor RTCP, or longer than RTP_PACKET_BYTES */
    uint64_t packets_unsent;  /* the kernel would not take them */
    int64_t last_received_us; /* monotonic, 0: never */
    TdAddress remote;         /* where packets go to; family 0: nowhere yet */
    uint8_t payload_type;     /* of the last packet, 255: none yet */
    char codec[32];           /* "PCMU/8000", or "" */
} RtpView;

typedef void (*RtpDone) (const RtpView *views, unsigned n_views, void *data);

/* Tells DONE about N_STREAMS of one key, in their order, and closes them when IS_CLOSING: they are gone
 * when DONE runs, and no event comes after it. DONE is called once, on the media thread. Thread: any. */
void rtp_streams_view (RtpStream *const *streams, unsigned n_streams, bool is_closing, RtpDone done,
                       void *data);

unsigned rtp_engine_ports_in_use (RtpEngine *engine);
unsigned rtp_engine_ports_total (RtpEngine *engine);

#endif
