/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A thread and its streams from the inside. Everything here belongs to the media thread, but for what
 * says otherwise. */

#ifndef MODULES_RTP_STREAM_H
#define MODULES_RTP_STREAM_H

#include "engine.h"
#include "packet.h"
#include "source.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

enum {
    RTP_BURST = 8, /* packets taken from one socket in one call */

    /* The two low bits of an event's pointer tell which socket of the stream it is about. */
    RTP_TAG_RTP = 0,
    RTP_TAG_RTCP = 1,
    RTP_TAG_WAKE = 2,
    RTP_TAG_BITS = 3,
};

typedef struct RtpCommand RtpCommand;
typedef struct RtpPath RtpPath;
struct RtpPlayer;

/* One of the two sockets of a stream. */
typedef struct {
    int fd; /* -1: none */
    bool is_rtcp;
    RtpSource source;
} RtpSocket;

/* From one stream to another. In two lists: of FROM and of TO. */
struct RtpPath {
    RtpStream *from, *to;
    RtpPath *next_of_from, *next_of_to;
    uint32_t ssrc_change; /* added in a loop: nobody may hear its own SSRC (RFC 3550 8.2) */
    bool is_renumbered;   /* transcoded packets are not one for one: the sequence is our own */
    uint16_t sequence;    /* of the next packet, when it is */
    unsigned n_rules;
    RtpRule rules[];
};

/* The telephone event that was told last (RFC 4733 2.3). */
typedef struct {
    bool is_told, has_ended;
    uint8_t code;
    uint16_t sequence, duration; /* the highest that were seen of it */
    uint32_t ssrc, timestamp;
} RtpDigit;

struct RtpStream {
    RtpThread *thread; /* constant, as are owner, port, kind and class */
    void *owner;
    uint16_t port;
    uint8_t kind;
    uint8_t priority_class; /* as it was opened, or classified since by its lane */
    bool is_ipv6;           /* constant */
    bool is_awaited;
    bool is_silent; /* somebody was told so */
    uint8_t payload_type;
    uint32_t clock_rate_hz; /* of PAYLOAD_TYPE, 0 when its timestamps are no clock */
    bool is_digit;          /* PAYLOAD_TYPE is a telephone event */
    RtpDigit digit;
    RtpSocket rtp, rtcp;
    bool is_remote_mux;
    TdAddress rtcp_guess; /* beside the seen source of RTP, until RTCP shows its own */
    RtpStats received;
    uint64_t packets_sent, bytes_sent, packets_ignored, packets_bad, packets_unsent;
    int64_t last_received_us;
    int64_t awaited_since_us;
    RtcpReport report;
    RtcpSent reported; /* the last sender report that went to this peer */
    TdDescription *local;
    unsigned index;
    RtpPath *outgoing;
    RtpPath *incoming;
    struct RtpPlayer *player; /* what the peer hears besides; nullable */
    RtpStream *next, *prev;   /* of the thread */
};

struct RtpThread {
    RtpEngine *engine;
    int epoll_fd;
    int wake_fd;
    RtpStream *streams;
    RtpStream *dead; /* closed in this turn, whose events may still name them */
    unsigned n_streams;
    unsigned n_awaited;
    int64_t next_sweep_us;
    struct RtpPlayer *players;
    int64_t next_packet_us; /* of all players, when there is one */

    pthread_mutex_t lock; /* guards the commands */
    RtpCommand *first, **last;
    atomic_bool is_asleep;
    atomic_bool must_end;
    RtpTotals totals; /* of this turn */

    /* One burst: what came in, and what goes out of OUT_FD. */
    int64_t now_us;
    struct mmsghdr in[RTP_BURST], out[RTP_BURST];
    struct iovec in_parts[RTP_BURST], out_parts[RTP_BURST];
    TdAddress in_from[RTP_BURST];
    int out_fd;
    unsigned n_out;
    RtpStream *out_stream[RTP_BURST];
    uint8_t bytes[RTP_BURST][RTP_PACKET_BYTES];
    uint8_t scratch[RTP_BURST][RTP_PACKET_BYTES]; /* packets that are changed on their way */
    int16_t samples[RTP_MAX_SAMPLES];             /* of the packet that is decoded */
};

struct RtpEngine {
    RtpEngineSetup setup; /* but for its settings, which are these: */
    atomic_uint batch_us, silence_ms, lock_after, dscp, priority_dscp;
    RtpPorts *ports;
    pthread_mutex_t lock; /* guards these two */
    unsigned n_clients;
    bool is_stopping;
    unsigned n_threads;
    RtpThread *threads[];
};

/* Does what a lane asks of a thread, and frees COMMAND. */
typedef void (*RtpRun) (RtpThread *thread, RtpCommand *command);

struct RtpCommand {
    RtpCommand *next;
    RtpRun run;
};

/* Frees what was closed in this turn. */
void rtp_streams_bury (RtpThread *thread);

/* The thread of the streams of KEY. */
RtpThread *rtp_engine_thread_of (RtpEngine *engine, uint64_t key);

/* Asks epoll to tell again of a SOCKET that was not emptied. */
void rtp_stream_rearm (RtpStream *stream, RtpSocket *socket);

int64_t rtp_engine_now_us (const RtpEngine *engine);

/* One of the engine's settings, which may change between two turns. */
static inline unsigned
rtp_setting (atomic_uint *setting)
{
    return atomic_load_explicit (setting, memory_order_relaxed);
}

/* One turn: the commands, then what has come. Waits when nothing has. Returns whether packets were
 * carried and nothing more is there. */
bool rtp_thread_turn (RtpThread *thread);

/* Thread: any. */
void rtp_thread_post (RtpThread *thread, RtpCommand *command);

void rtp_relay_prepare (RtpThread *thread);

/* Carries what has come to SOCKET of STREAM. */
void rtp_relay_receive (RtpThread *thread, RtpStream *stream, RtpSocket *socket);

/* What the above does for one packet of at most RTP_PACKET_BYTES, and for all that it queued. */
void rtp_relay_take (RtpThread *thread, RtpStream *stream, RtpSocket *socket, const TdAddress *from,
                     uint8_t *bytes, size_t n_bytes);
void rtp_relay_flush (RtpThread *thread);

/* Room for one more packet of RTP_PACKET_BYTES that goes out of STREAM; put, it goes to TARGET with the
 * next flush. */
uint8_t *rtp_relay_place (RtpThread *thread, RtpStream *stream);
void rtp_relay_put (RtpThread *thread, RtpStream *stream, const TdAddress *target, uint8_t *packet,
                    size_t n_bytes);

/* Tells of streams that have fallen silent. */
void rtp_relay_sweep (RtpThread *thread);

#endif
