/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Transactions: requests and their responses, retransmitted, matched and told apart.
 *
 *                 sip_client_start ()                     sip_receive ()
 *     user ------------------------> client      server <--------------- wire
 *          <------------------------    |          |
 *            response, failed, ended    v          v  SIP_RECEIVED_NEW
 *                                      wire       user: sip_server_start (), sip_server_respond ()
 *
 * Four machines, as RFC 3261 17 with RFC 6026 draws them, found in constant time by the branch of
 * the topmost Via. All of it belongs to one lane: no locks, no references. A transaction ends by
 * itself; its user is told so by ended() and must not use it any more. */

#ifndef SIP_TRANSACTION_H
#define SIP_TRANSACTION_H

#include "compose.h"
#include "scan.h"
#include "seal.h"
#include "table.h"

#include <tandem/fsm.h>
#include <tandem/socket.h>

typedef struct SipStack SipStack;
typedef struct SipTransaction SipTransaction;

/* Whom a TLS connection is to be made to, and as whom. */
typedef struct {
    char *identity; /* of a section [tls NAME] */
    char *domain;   /* that the peer's certificate must stand for */
} SipWish;

/* Where a message goes, or came from. */
typedef struct {
    TdListener *listener;
    uint64_t flow; /* of a stream */
    TdTransport transport;
    TdAddress remote;
    const SipWish
        *wish; /* TLS; nullable: no new connection can be made. Lives as long as the module */
    uint8_t priority_class; /* of the call it is about; 0: of none */
} SipPath;

/* RFC 3261 17.1.1.1, table 4; all in ms. */
typedef struct {
    uint32_t t1_ms;      /* round trip, 500 */
    uint32_t t2_ms;      /* longest interval of non-INVITE requests and INVITE responses, 4000 */
    uint32_t t4_ms;      /* longest a message stays in the network, 5000 */
    uint32_t timer_d_ms; /* at least 32 s */
} SipTimers;

typedef enum {
    SIP_FAILURE_TIMEOUT,   /* client: no final response; server: no ACK */
    SIP_FAILURE_TRANSPORT, /* could not be sent */
} SipFailure;

typedef struct {
    /* Client: every provisional response, the final one, and each 2xx to INVITE. */
    void (*response) (SipTransaction *transaction, const SipScan *response, void *data);
    /* Client: the transaction ends. Server: the response may not have arrived. */
    void (*failed) (SipTransaction *transaction, SipFailure failure, void *data);
    /* The last call; nullable. */
    void (*ended) (SipTransaction *transaction, void *data);
} SipUser;

typedef enum {
    SIP_CLIENT_INVITE,
    SIP_CLIENT_OTHER,
    SIP_SERVER_INVITE,
    SIP_SERVER_OTHER,
} SipRole;

struct SipTransaction {
    SipLink link;
    SipLink merge; /* server: by Call-ID, From tag and CSeq */
    SipLink way;   /* client, over a stream: by its flow */
    SipStack *stack;
    SipTransaction *next_dead;
    const SipUser *user;
    void *data;
    TdFsm fsm;
    TdTimer retransmit;
    SipPath path;
    char *last; /* client: the request, or the ACK for its failure; server: the last response */
    uint32_t last_len_bytes;
    void *rest;           /* client: what its user has left it with; see sip_client_leave() */
    char *cancel_lines;   /* client: of the CANCEL that is to go out, or NULL */
    uint32_t interval_ms; /* of the next retransmission */
    int64_t started_us;
    uint8_t role;      /* SipRole */
    uint8_t method;    /* SipMethod */
    bool is_cancelled; /* client: CANCEL went out */
    bool is_canceller; /* client: this is a CANCEL */
    uint16_t last_status;
    uint16_t port; /* of sent-by */
    uint32_t key_len_bytes;
    char key[]; /* server: what tells it apart from others of its hash */
};

/* The part of the module's state that belongs to one lane. */
struct SipStack {
    TdModule *module;
    unsigned lane;
    SipTimers timers;
    uint64_t secret;  /* of hashes that nobody sees */
    uint64_t counter; /* of branches and tags */
    SipSeal seal;     /* under branches and tags; that of all builds in this process */
    SipSeal draw;     /* makes of COUNTER what nobody can guess */
    SipTable clients, servers, merges, ways;
    SipTransaction *dead; /* freed by REAPER, in a turn of its own */
    TdTimer reaper;
    GString *out;  /* for whoever composes a message; good until the next one does */
    GString *key;  /* scratch */
    SipScan *scan; /* scratch: no message that comes in may be scanned into it */
    /* Puts BYTES on the wire; false when the kernel, or the lack of a connection, refused. PATH
     * takes note of a connection that was made for it. */
    bool (*send) (SipPath *path, const char *bytes, size_t len_bytes, void *data);
    void *data;
    uint64_t n_retransmitted; /* by us */
    uint64_t n_repeated;      /* by peers */
    uint64_t n_timeouts;
    uint64_t n_stray;
};

/* Prepares and empties a stack. Thread: its lane, or control before and after the lanes use it. */
void sip_stack_init (SipStack *stack, TdModule *module, unsigned lane, const SipTimers *timers,
                     uint64_t secret);
void sip_stack_clear (SipStack *stack);

extern const SipTimers sip_timers_default;
extern const TdMachine sip_invite_client, sip_other_client, sip_invite_server, sip_other_server;

/* A tag, or a branch, that nobody can guess and that says which lane it is of (RFC 3261 19.3,
 * 8.1.1.7). */
void sip_stack_make_tag (SipStack *stack, char tag[SIP_TAG_SIZE]);
void sip_stack_make_branch (SipStack *stack, char branch[SIP_BRANCH_SIZE]);

/* The lane that TAG, or BRANCH, is of; false when this process did not make it. */
bool sip_tag_lane (const SipStack *stack, SipView tag, unsigned *ret_lane);
bool sip_branch_lane (const SipStack *stack, SipView branch, unsigned *ret_lane);

typedef enum {
    SIP_RECEIVED_HANDLED, /* belonged to a transaction, or to none: nothing is left to do */
    SIP_RECEIVED_NEW,     /* a request that begins a transaction */
    SIP_RECEIVED_ACK,     /* an ACK for a 2xx: the dialog's */
    SIP_RECEIVED_MERGED,  /* as NEW, but another way of one that is being served: 482 */
} SipReceived;

/* Gives a scanned message to the transaction it belongs to. */
SipReceived sip_receive (SipStack *stack, const SipScan *scan);

/* Whether SCAN belongs to a transaction of this lane; nothing happens to it. */
bool sip_knows (SipStack *stack, const SipScan *scan);

/* Begins a server transaction for REQUEST, which came by PATH (where its responses go). */
SipTransaction *sip_server_start (SipStack *stack, const SipScan *request, const SipPath *path,
                                  const SipUser *user, void *data);

/* Sends the response in BYTES, of STATUS, and keeps it for retransmission. */
void sip_server_respond (SipTransaction *transaction, unsigned status, const char *bytes,
                         size_t len_bytes);

/* Sends the last response once more. */
void sip_server_repeat (SipTransaction *transaction);

/* The INVITE's transaction that CANCEL means (RFC 3261 9.2), or NULL. */
SipTransaction *sip_server_find_invite (SipStack *stack, const SipScan *cancel);

/* Sends the request in BYTES, whose branch is BRANCH, and begins a client transaction. Never returns
 * NULL; a request that cannot be sent fails in a later turn. */
SipTransaction *sip_client_start (SipStack *stack, SipMethod method, const char *branch,
                                  const SipPath *path, const char *bytes, size_t len_bytes,
                                  const SipUser *user, void *data);

/* Sends CANCEL for an INVITE that has had a provisional response; otherwise as soon as it has one
 * (RFC 3261 9.1). LINES: whole header lines of it, such as Reason. Nothing happens after the final
 * response. */
void sip_client_cancel (SipTransaction *transaction, const char *lines);

/* Whether the INVITE had a final response that was no 2xx. */
bool sip_client_is_refused (const SipTransaction *invite);

/* The user goes, and leaves the transaction to USER with REST (transfer full, from g_malloc ()). */
void sip_client_leave (SipTransaction *transaction, const SipUser *user, void *rest);

/* FLOW has ended: whoever sent a request by it and has heard nothing yet will not (RFC 3261 17.1.4). */
void sip_client_lose_flow (SipStack *stack, uint64_t flow);

/* The user is gone: nothing is told any more; the transaction goes on to its end. */
void sip_transaction_orphan (SipTransaction *transaction);

#endif
