/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two phones, a third one, and a switch between them: peers that say what the test says, over real
 * sockets on loopback, while the switch runs on the fake clock.
 *
 *     A ----- INVITE ----> switch ----- INVITE ----> B (trunk "b"), then C (trunk "c")
 */

#ifndef TESTS_COMMON_SIP_PEERS_H
#define TESTS_COMMON_SIP_PEERS_H

#include "common/fixture.h"

#define SDP(label)                                                                                 \
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"                    \
    "m=audio 4000 RTP/AVP 0\r\na=" label "\r\n"

/* Who plays a phone. */
typedef struct {
    int fd;
    uint16_t port;
    char *last; /* what was received last */
} Peer;

typedef struct {
    TdFixture *fixture;
    Peer a, b, c;
    Peer probe;    /* asks whether all that was sent before has been served */
    uint16_t port; /* of the switch */
    int claim;     /* on the port */
    unsigned n_branches;
    unsigned n_calls;
    /* "From: ...\r\nTo: ...\r\n" of the requests of A and B in their dialogs. */
    char *a_parties, *b_parties, *b_call_id;
} Flow;

typedef struct {
    const char *strangers; /* what [sip] says of them; NULL: accept */
    const char *b_host;    /* how trunk b is named; NULL: 127.0.0.1 */
    const char *b_keys;    /* what else the section of trunk b says; NULL: nothing */
    const char *more;      /* modules, then sections; NULL: media go past the switch */
} SipPeersOptions;

/* DATA: a SipPeersOptions, or NULL. */
void sip_peers_set_up (Flow *flow, gconstpointer data);
void sip_peers_tear_down (Flow *flow, gconstpointer data);

/* The switch stops, with whatever calls there are; the peers stay. */
void sip_peers_stop_switch (Flow *flow);

void sip_peer_open (Peer *peer);
void sip_peer_close (Peer *peer);
void sip_peer_send (Flow *flow, Peer *peer, const char *text);

/* The next message, kept in peer->last; NULL when there is none. */
const char *sip_peer_receive (Peer *peer);

/* Steps the switch until FD has something to read. */
void sip_wait_for (int fd);

/* Steps the switch until all that was sent before has been served. */
void sip_catch_up (Flow *flow);
void sip_advance (Flow *flow, uint32_t ms);

/* The next message of PEER begins with START; or there is none. */
#define expect(peer, start)  sip_expect_at ((peer), (start), __LINE__)
#define expect_nothing(peer) sip_expect_nothing_at ((peer), __LINE__)
void sip_expect_at (Peer *peer, const char *start, int line);
void sip_expect_nothing_at (Peer *peer, int line);

/* Receives all there is, each beginning with START; returns how many. */
unsigned sip_drain (Peer *peer, const char *start);

/* The value of the first header field NAME of TEXT (transfer full), or "". */
char *sip_field (const char *text, const char *name);

/* Whether what PEER received last contains TEXT. */
bool sip_has (const Peer *peer, const char *text);

/* The answer of PEER to REQUEST. */
void sip_answer_to (Flow *flow, Peer *peer, const char *request, unsigned status, const char *tag,
                    const char *lines, const char *sdp);
#define ANSWER(peer, status, sdp)                                                                  \
    sip_answer_to (flow, (peer), (peer)->last, (status), "pt", "", (sdp))

/* A request of A outside a dialog (transfer full); an INVITE of A, sent. */
char *sip_request_of (Flow *flow, const char *method, const char *lines, const char *sdp);
void sip_invite (Flow *flow, const char *lines, const char *sdp);

/* ACK for the failure that PEER has just got (RFC 3261 17.1.1.3). */
void sip_acknowledge (Flow *flow, Peer *peer);

/* Takes note of the dialog in the 2xx that A got; in the INVITE that B got and answers with TAG. */
void sip_learn_a (Flow *flow);
void sip_learn_b (Flow *flow, const char *tag);

/* A request of A or B in its dialog. */
void sip_from_a (Flow *flow, const char *method, unsigned cseq, const char *lines, const char *sdp);
void sip_from_b (Flow *flow, const char *method, unsigned cseq, const char *lines, const char *sdp);

/* A calls B, B answers, all is acknowledged; A hangs up. */
void sip_set_up_call (Flow *flow);
void sip_hang_up (Flow *flow);

#endif
