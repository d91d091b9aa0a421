/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Media as H.248 sees it: bridges (contexts) of terminations, driven by requests that may take time.
 *
 *     +------------------ bridge -------------------+
 *     |  termination 0            termination 1     |
 *     |  IP, towards leg A  <-->  IP, towards leg B |      a provider makes terminations:
 *     |  stream 0  PCMU     relay  stream 0  PCMU   |      rtp in this process, or a gateway
 *     |  stream 1  video    relay  stream 1  video  |      far away through megaco or mgcp
 *     +---------------------------------------------+
 *
 * The call machine owns bridges and speaks to a provider in four verbs: MODIFY (makes a termination
 * when there is none yet), CONNECT, SUBTRACT, AUDIT. Each request is answered once, at once or
 * later; a provider that is silent for too long has failed. A provider knows terminations and
 * descriptions, nothing of calls.
 */

#ifndef TANDEM_MEDIA_H
#define TANDEM_MEDIA_H

#include <tandem/cause.h>
#include <tandem/codec.h>
#include <tandem/id.h>
#include <tandem/lane.h>
#include <tandem/offer.h>

G_BEGIN_DECLS

#define TD_MAX_TERMINATIONS 65535 /* of one bridge */

typedef enum {
    TD_TERMINATION_IP,
    TD_TERMINATION_CIRCUIT,
    TD_TERMINATION_INTERNAL, /* made of software: "loop", "source/tone/busy" */
} TdTerminationKind;

typedef enum {
    TD_MEDIA_MODIFY,
    TD_MEDIA_CONNECT,
    TD_MEDIA_SUBTRACT,
    TD_MEDIA_AUDIT,
} TdMediaVerb;

/* What one stream of a termination has seen. Bytes are those of whole RTP packets. */
typedef struct {
    uint32_t size;      /* sizeof (TdMediaStats) */
    uint32_t jitter_us; /* RFC 3550 6.4.1 */
    uint64_t packets_received, bytes_received;
    uint64_t packets_sent, bytes_sent;
    uint64_t packets_lost;       /* by sequence number, RFC 3550 A.3 */
    uint64_t packets_duplicated; /* came more than once */
    uint64_t packets_reordered;  /* came after a later one */
    uint64_t packets_ignored;    /* from a source that was not the peer's */
    int64_t last_received_us;    /* monotonic, 0: never */
    uint32_t round_trip_us;      /* from RTCP, 0: unknown */
    char codec[32];              /* "PCMU/8000" */
    char remote[72];             /* where it sends to, "198.51.100.7:4000"; "": nowhere yet */
} TdMediaStats;

/* What is to become of the place among the calls whose codec is turned into another one. */
typedef enum {
    TD_TRANSCODER_AS_IS,
    TD_TRANSCODER_KEEP, /* the call may come to need one: HAS_TRANSCODER says whether it has it then */
    TD_TRANSCODER_SPARE, /* it has what it needs, and nothing more needs to be kept */
} TdTranscoderWish;

/* One request, made by the core and alive until its answer. */
typedef struct {
    TdMediaVerb verb;
    TdId bridge;
    uint16_t termination;   /* its index in the bridge */
    uint8_t kind;           /* TdTerminationKind */
    const char *service;    /* of an internal termination: "loop", "source/tone/busy" */
    void **state;           /* the provider's own pointer for this termination, NULL at first */
    uint8_t priority_class; /* 0 .. 15 */

    /* MODIFY. WANTED: what the termination shall offer or answer to its peer, right but for
     * addresses and ports, which the provider fills in. REMOTE: what the peer has said. Both are
     * nullable and stay as they were when they are NULL. What is WANTED at first is there to be held:
     * nobody may have been told of it when it changes, and then its addresses and ports should not. */
    TdDescription *wanted;
    TdDescription *remote;
    TdTranscoderWish transcoder;
    bool has_transcoder; /* the provider's to set, when a place was to be kept */

    /* CONNECT: media flows between this termination and PEER, stream by stream, in DIRECTION seen
     * from this termination (RECVONLY: only from PEER to it). PEER_STATE is the provider's pointer
     * of PEER. Every stream's codecs are taken from what both have agreed on. */
    uint16_t peer;
    void **peer_state;
    TdDirection direction;
} TdMediaRequest;

/* Who makes terminations. Copied when it is registered. */
typedef struct {
    uint32_t size;               /* sizeof (TdMediaProvider) */
    const char *name;            /* "rtp" */
    unsigned kinds;              /* TD_BIT () of each TdTerminationKind */
    const char *const *services; /* of internal terminations, nullable; one that ends in "/" is the
                                  * beginning of many */
    void *data;
    /* Answers REQUEST with td_media_done() or td_media_failed(), exactly once. Thread: the lane of
     * the bridge. */
    void (*request) (TdMediaRequest *request, void *data);
} TdMediaProvider;

/* Makes PROVIDER known. Of several, the newest generation of the first one registered serves a new
 * bridge. Thread: control. */
TD_API bool td_media_provider_register (TdModule *module, const TdMediaProvider *provider,
                                        GError **error);

/* Answers REQUEST (transfer full). LOCAL (transfer full): after MODIFY, what the termination now
 * tells its peer. STATS (transfer none, N_STATS of one size, one a stream): after SUBTRACT and AUDIT.
 * Thread: any. */
TD_API void td_media_done (TdMediaRequest *request, TdDescription *local, const TdMediaStats *stats,
                           unsigned n_stats);

/* REQUEST (transfer full) could not be done. Thread: any. */
TD_API void td_media_failed (TdMediaRequest *request, TdCauseValue cause, const char *reason);

typedef enum {
    TD_MEDIA_SILENCE, /* nothing came for the configured time; VALUE: milliseconds */
    TD_MEDIA_FLOWING, /* it came again, or for the first time */
    TD_MEDIA_DIGIT,   /* VALUE: the character */
    TD_MEDIA_BROKEN,  /* the termination cannot go on */
    TD_MEDIA_ENDED,   /* what an internal termination plays has come to its end */
} TdMediaEventKind;

/* Tells the call that owns BRIDGE. Thread: any. Blocks: never. */
TD_API void td_media_event (TdModule *module, TdId bridge, unsigned termination,
                            TdMediaEventKind kind, int64_t value);

G_END_DECLS

#endif
