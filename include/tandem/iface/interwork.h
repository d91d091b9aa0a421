/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The feature "service.interwork": what a call's priority is in protocols other than SIP, and the other way
 * round.
 *
 *     TdPriority, trunk -> of () -> TdForeign -> ISUP, H.248, BSSMAP, RSVP, Diameter
 *     ISUP, H.248, BSSMAP -> TdForeign -> judge () of iface/priority.h -> the channel has its class
 *
 * One struct has what all of these protocols can say; an endpoint looks at what it has a field for. What
 * comes in goes through judge (), which knows what the trunk is trusted with: nobody gives a channel a
 * class by himself. The tables are data, etc/priority/interwork.conf of the module `priority`.
 *
 * The functions may be called on any lane. The table is published with td_feature_provide() and found
 * with td_feature_acquire(). Without a provider no call has a priority that another protocol is told of.
 */

#ifndef TANDEM_IFACE_INTERWORK_H
#define TANDEM_IFACE_INTERWORK_H

#include <tandem/priority.h>

G_BEGIN_DECLS

#define TD_FEATURE_INTERWORK "service.interwork"

/* Which members of a TdForeign say something. */
typedef enum {
    TD_FOREIGN_CATEGORY = 1 << 0,
    TD_FOREIGN_PRECEDENCE = 1 << 1,
    TD_FOREIGN_MESSAGE_PRIORITY = 1 << 2,
    TD_FOREIGN_CONTEXT = 1 << 3, /* CONTEXT_PRIORITY, IS_EMERGENCY, IS_IEPS */
    TD_FOREIGN_RADIO = 1 << 4,   /* RADIO_LEVEL, MAY_QUEUE, MAY_PREEMPT */
    TD_FOREIGN_EMLPP = 1 << 5,
    TD_FOREIGN_ADMISSION = 1 << 6, /* ADMISSION, MODEL */
    TD_FOREIGN_RANK = 1 << 7,
    TD_FOREIGN_RESERVATION = 1 << 8, /* RESERVATION, IS_MULTIMEDIA_PRIORITY */
} TdForeignField;

/* How a router shares its bandwidth out by admission priorities (RFC 6401 appendix A). */
typedef enum {
    TD_BANDWIDTH_MAM,  /* maximum allocation: a part for each */
    TD_BANDWIDTH_RDM,  /* Russian dolls: the higher may use what the lower may */
    TD_BANDWIDTH_PRBM, /* priority bypass: the higher are not counted against the lower's limit */
} TdBandwidthModel;

typedef struct {
    uint32_t size;  /* sizeof (TdForeign) */
    uint32_t given; /* TdForeignField */

    /* ISUP. */
    uint8_t category;         /* of the calling party (ITU-T Q.763 3.11) */
    uint8_t precedence;       /* of the MLPP precedence parameter: 0 flash override .. 4 routine */
    uint8_t message_priority; /* of MTP3 for the IAM: 0 .. 3, ANSI only */
    uint16_t precedence_network; /* the parameter's network identity, four BCD digits */
    uint32_t precedence_domain;  /* its MLPP service domain, 24 bits */

    /* A context of H.248. */
    uint8_t context_priority; /* 0 .. 15, 15 the highest */
    bool is_emergency;        /* a public call for help; of a radio channel as well */
    bool is_ieps;             /* IEPSCall, version 3 */

    /* BSSMAP, and the supplementary service eMLPP. */
    uint8_t radio_level; /* the priority element's level: 1, the highest, .. 14 */
    bool may_queue;      /* its queueing allowed indicator */
    bool may_preempt;    /* its preemption capability indicator */
    uint8_t emlpp;       /* 0, the highest, .. 4 */

    /* RSVP. */
    uint8_t admission; /* admission priority (RFC 6401 5.1): higher is more */
    uint8_t model;     /* TdBandwidthModel */
    uint8_t rank;      /* the mark's numerical value in its namespace: 0 the highest (RFC 6401 7) */

    /* Diameter Rx. */
    uint8_t reservation;         /* Reservation-Priority: 0, none, .. 7, the highest */
    bool is_multimedia_priority; /* a call with a priority of the network: MPS-Identifier */
} TdForeign;

/* What packets carry. */
typedef enum {
    TD_PLANE_H248,
    TD_PLANE_MGCP,
    TD_PLANE_POLICY, /* Diameter, RSVP */
} TdPlane;

typedef struct {
    uint32_t size; /* sizeof (TdInterworkService) */
    void *data;

    /* What a call of PRIORITY says in a request that goes out by TRUNK (a gateway's or BSC's name; "":
     * none). RET, whose SIZE the caller has set, is all zero otherwise, and stays so for an ordinary call.
     * Of ISUP it says what TRUNK's profile has: its variant, and whether precedence goes with it. */
    void (*of) (const char *trunk, const TdPriority *priority, TdForeign *ret, void *data);

    /* The code point (0 .. 63) that packets of PLANE are marked with for a call of PRIORITY_CLASS. */
    uint8_t (*dscp) (TdPlane plane, unsigned priority_class, void *data);
} TdInterworkService;

G_END_DECLS

#endif
