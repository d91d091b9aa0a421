/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The feature "service.emergency": which calls are public emergency calls, for endpoints that would
 * otherwise ask who is calling before they let him.
 *
 *     endpoint -- recognise () before any challenge --> emergency     "911 by this trunk: yes"
 *              -- classify () before it offers a leg ->                (its first seat has the class)
 *              -- location_error () ----------------->                "its location cannot be used"
 *     gateway  -- digit_map () ---------------------->                "(911|112)"
 *     records  -- find_key () ----------------------->                "who was shown as +12125110001"
 *
 * The table is published with td_feature_provide() and found with td_feature_acquire(). Without a
 * provider no call is an emergency call. Where it goes is the provider's own business: its hooks see to
 * it; and that it gets its class, where an endpoint has not asked for that.
 */

#ifndef TANDEM_IFACE_EMERGENCY_H
#define TANDEM_IFACE_EMERGENCY_H

#include <tandem/channel.h>
#include <tandem/socket.h>

G_BEGIN_DECLS

#define TD_FEATURE_EMERGENCY "service.emergency"

/* A number of the call: 1, whom it goes to is shown who calls, though he asks not to be; 2, he is shown
 * what the trunk asserts of him as well (RFC 3325). */
#define TD_ATTRIBUTE_SHOWN "party.shown"

typedef enum {
    TD_EMERGENCY_NONE,
    TD_EMERGENCY_CALL,
    TD_EMERGENCY_TEST, /* urn:service:test.sos: nobody is in need */
} TdEmergencyKind;

typedef struct {
    uint32_t size;          /* sizeof (TdEmergencyQuestion) */
    const char *trunk;      /* the trunk group it comes by, "" for none */
    const char *called;     /* a number as td_party_key() has it, or a URN (RFC 5031) */
    const TdParty *calling; /* nullable: as he calls himself */
} TdEmergencyQuestion;

typedef struct {
    uint32_t size; /* sizeof (TdEmergencyAnswer) */
    TdEmergencyKind kind;
    bool is_number;              /* recognised by its number, not by a URN */
    bool is_admitted;            /* whoever calls: he is not asked to prove who he is */
    char service[TD_PARTY_TEXT]; /* the service: "urn:service:sos.police", in small letters */
} TdEmergencyAnswer;

/* By which way a request came. */
typedef struct {
    uint32_t size;          /* sizeof (TdEmergencyWay) */
    bool is_spoofable;      /* in a datagram: anybody can write another's address into it */
    const TdAddress *local; /* where it came to; nullable */
} TdEmergencyWay;

/* Who a call with a number of its own was from. */
typedef struct {
    uint32_t size; /* sizeof (TdEmergencyCaller) */
    TdParty calling;
    int64_t since_us; /* wall */
    bool is_up;       /* false: the call is over, and the number still its own */
} TdEmergencyCaller;

typedef struct {
    uint32_t size; /* sizeof (TdEmergencyService) */
    void *data;

    /* What kind of call QUESTION is about. Costs one look-up for the calls that are none.
     * Thread: a lane. Blocks: never. */
    TdEmergencyKind (*recognise) (const TdEmergencyQuestion *question, TdEmergencyAnswer *ret,
                                  void *data);

    /* Why the location that an ordinary call brings (its attributes "sip.header.geolocation" and
     * "sip.parts") cannot be used: a code of RFC 6442 4.4, such as 100; 0: it can, there is none, or
     * nobody minds. Thread: a lane. Blocks: never. */
    unsigned (*location_error) (const TdAttributes *attributes, void *data);

    /* The digit map (RFC 3435 2.1.5) of an access gateway that has too much to do: emergency codes of
     * TRUNK's region, and others that configuration names. Transfer full. Thread: a lane. */
    char *(*digit_map) (const char *trunk, void *data);

    /* Who was shown to a PSAP as KEY, one of its numbers that stand for calls. Thread: a lane. */
    bool (*find_key) (const char *key, TdEmergencyCaller *ret, void *data);

    /* Gives CHANNEL, which has its parties, trunk and attributes, came by WAY, and is yet to be offered, the
     * class of an emergency call or of a PSAP's callback, where it is one: no limit that is full of
     * ordinary calls keeps it out then. Whoever does not ask has no callbacks: that a call is one is
     * believed of who is known alone. Thread: the lane of CHANNEL. Blocks: never. */
    void (*classify) (TdChannel *channel, const TdEmergencyWay *way, void *data);
} TdEmergencyService;

G_END_DECLS

#endif
