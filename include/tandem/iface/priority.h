/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The feature "service.priority": what marks of priority are worth, and which ones go out.
 *
 *     INVITE with marks -> sip -> judge () --+-- 400, 403, 417: the request is refused
 *                                            |
 *                                            +-- the channel has its class, the leg is offered, and
 *                                                "kept" waits for the other leg:
 *     INVITE with marks <- sip <- outgoing () <- kept marks, the class, the trunk's policy
 *
 * Marks are the values of Resource-Priority header fields as they came (RFC 4412 3.1). An endpoint does
 * not read them: it says who brought them and by which way, and gives the answer that it is told. A
 * module that gives the feature has "priority.class" as well, and is the only one that turns a mark into
 * a class.
 *
 * The functions may be called on any lane. The table is published with td_feature_provide() and found
 * with td_feature_acquire(). Without a provider marks mean nothing, and an endpoint does not pass them on
 * unless it is told to: whom they came from is not known, and whoever trusts this switch would trust them.
 */

#ifndef TANDEM_IFACE_PRIORITY_H
#define TANDEM_IFACE_PRIORITY_H

#include <tandem/channel.h>
#include <tandem/iface/interwork.h>
#include <tandem/socket.h>

G_BEGIN_DECLS

#define TD_FEATURE_PRIORITY "service.priority"

/* A text of the call, from the hook "priority.admit" on: "yes", a token that proved true says that it is a
 * PSAP's callback (RFC 9027 4), as the request does. Since 0.1. */
#define TD_ATTRIBUTE_CALLBACK "priority.psap-callback"

/* How an endpoint knows who sent a request. */
typedef enum {
    TD_PEER_UNKNOWN,
    TD_PEER_ADDRESS, /* it came from an address of the trunk */
    TD_PEER_DIGEST,  /* a user has proved who he is */
    TD_PEER_TLS,     /* mutual TLS: the peer's certificate names the trunk */
} TdPeerKnown;

/* What the request wants; the class of those in a dialog is the dialog's, and may rise. */
typedef enum {
    TD_MARKED_CALL,    /* an INVITE that begins one; CHANNEL is to be offered */
    TD_MARKED_DIALOG,  /* a request in the dialog of CHANNEL */
    TD_MARKED_MESSAGE, /* outside a dialog, as the following */
    TD_MARKED_SUBSCRIPTION,
    TD_MARKED_OTHER,
} TdMarkedRequest;

typedef struct {
    uint32_t size; /* sizeof (TdPriorityQuestion) */
    TdMarkedRequest request;
    TdPeerKnown known;
    bool is_spoofable;        /* by a datagram: anybody can write another's address into it */
    bool is_required;         /* Require: resource-priority */
    const char *trunk;        /* by which it came; "": none */
    const TdAddress *local;   /* where it came to; nullable */
    const char *const *marks; /* values of Resource-Priority, NULL-terminated, maybe empty */
    TdChannel *channel;       /* nullable */
    /* What another protocol, or ISUP within the SIP request, says of the same call; nullable. */
    const TdForeign *foreign;
    /* Of an INVITE in a dialog: its Identity header fields, NULL-terminated, maybe none, and the URIs of its
     * From and To. NULL: the request cannot bear a signature over its marks (RFC 8443 7.1). */
    const char *const *identities;
    const char *orig, *dest;
    const char *priority; /* its Priority header field, nullable: see RFC 9027 4 */
} TdPriorityQuestion;

/* The caller sets SIZE, KEPT and ACCEPTED (each an empty text of its own); the rest is zero. */
typedef struct {
    uint32_t size;      /* sizeof (TdPriorityVerdict) */
    unsigned status;    /* 0: go on; otherwise refuse with this SIP status */
    const char *reason; /* its phrase, nullable static text */
    GString *kept;      /* marks for the other leg; stays empty when there are none */
    /* The answer, a refusal or not, has Accept-Resource-Priority with the values in ACCEPTED, of which
     * there may be none (RFC 4412 3.2). */
    bool has_accepted;
    GString *accepted;
    bool is_pending;     /* some marks must prove true first: the class may rise in an admit hook */
    TdPriority priority; /* class 0: the marks mean nothing */
    bool is_foreign_void; /* what FOREIGN said means nothing, and must not go on as it came */
} TdPriorityVerdict;

/* An INVITE that CHANNEL's leg is about to send. ORIG and DEST are the URIs of its From and To. */
typedef struct {
    uint32_t size; /* sizeof (TdPriorityDemand) */
    TdChannel *channel;
    const char *marks; /* its Resource-Priority; nullable: none */
    const char *orig, *dest;
    bool is_caller_hidden; /* ORIG does not say who calls */
    /* TD_MARKED_CALL, or TD_MARKED_DIALOG: what the call came with is of another time, and is not sent. */
    TdMarkedRequest request;
} TdPriorityDemand;

/* What becomes of the signatures over a request. */
typedef enum {
    TD_SIGNATURES_LEFT, /* those that the call came with go on as they are */
    TD_SIGNATURES_KEPT, /* the ones given, in the place of those */
    TD_SIGNATURES_MADE, /* the same, and one at least is new: the request says when (RFC 8224 6.1) */
} TdSignatures;

typedef struct {
    uint32_t size; /* sizeof (TdPriorityService) */
    void *data;

    /* What QUESTION's marks are worth. Classifies the channel of a call, raises the call of a dialog.
     * Thread: the lane of the channel, any lane without one. */
    void (*judge) (const TdPriorityQuestion *question, TdPriorityVerdict *verdict, void *data);

    /* Appends to TEXT what whoever comes by TRUNK may mark requests with, for Accept-Resource-Priority
     * (RFC 4412 3.2). False, with TEXT untouched: it is not told (RFC 4412 4.4). */
    bool (*accepted) (const char *trunk, GString *text, void *data);

    /* Appends to TEXT the value of Resource-Priority in a request that CHANNEL's leg sends by its trunk
     * (nothing: none), made of MARKS, what was kept of the leg the call came by. REQUEST is
     * TD_MARKED_CALL, or TD_MARKED_DIALOG with what the INVITE had, if anything; to these come marks that have
     * raised the call since. */
    void (*outgoing) (TdChannel *channel, TdMarkedRequest request, const char *const *marks,
                      GString *text, void *data);

    /* The peer of CHANNEL's leg has answered 417 with ACCEPTED, the values of
     * Accept-Resource-Priority: appends to TEXT what to try once more with (RFC 4412 4.7.1). False: no
     * use to try. */
    bool (*retry) (TdChannel *channel, const char *const *accepted, GString *text, void *data);

    /* Adds to IDENTITIES, which frees its texts, the values of the Identity header fields (RFC 8224 4) that
     * the request of DEMAND has: see TdSignatures. When nobody can sign just now the request goes without.
     * Since 0.1. */
    TdSignatures (*sign) (const TdPriorityDemand *demand, GPtrArray *identities, void *data);

    /* What MARK ("ets.0"), which no request had, is worth: of a personal number, of a subscription. RET's
     * learnt is the caller's to set. False, with RET untouched: nobody knows it. Since 0.1. */
    bool (*read) (const char *mark, TdPriority *ret, void *data);

    /* The peer of CHANNEL's leg has refused a request with marks, an INVITE or one within the call, with 403 or
     * 417: that is counted. Before retry (). Since 0.1. */
    void (*refused) (TdChannel *channel, void *data);
} TdPriorityService;

G_END_DECLS

#endif
