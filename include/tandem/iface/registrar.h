/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The feature "service.registrar": who is reachable where, and with which password.
 *
 *     REGISTER -> sip -> credentials () -> 401, or checked -> update () . . . -> done () -> 200
 *                                                             stored, on a worker
 *
 * An address of record is written "user@domain", the domain in lower case, nothing escaped (RFC 3261 10.3 5).
 * The functions may be called on any lane. The table is published with td_feature_provide() and found with
 * td_feature_acquire().
 */

#ifndef TANDEM_IFACE_REGISTRAR_H
#define TANDEM_IFACE_REGISTRAR_H

#include <tandem/lane.h>

G_BEGIN_DECLS

#define TD_FEATURE_REGISTRAR "service.registrar"

/* One contact of an address of record (RFC 3261 10.3). Texts are never NULL. */
typedef struct {
    uint32_t size;       /* sizeof (TdBinding) */
    uint32_t cseq;       /* of the REGISTER that made or refreshed it */
    const char *contact; /* the URI, without angle brackets */
    const char *call_id;
    const char *received; /* where it came from: "udp:198.51.100.7:5060", or "tcp:..." */
    const char *user_agent;
    uint64_t flow;          /* the stream connection it came on, 0: none, or it is gone */
    uint16_t q_thousandths; /* 0 .. 1000 */
    int64_t expires_us;     /* wall time; in a request not after now: remove this contact */
} TdBinding;

typedef enum {
    TD_REGISTRAR_DONE,
    TD_REGISTRAR_OUT_OF_ORDER, /* an older CSeq of the same Call-ID (RFC 3261 10.3 7): 500 */
    TD_REGISTRAR_TOO_MANY,     /* more contacts than one address may have: 403 */
    TD_REGISTRAR_FAILED,       /* it could not be stored: 500 */
} TdRegistrarResult;

/* The outcome of an update: all bindings of the address afterwards (transfer none). */
typedef void (*TdRegistrarDone) (TdRegistrarResult result, const TdBinding *bindings,
                                 unsigned n_bindings, void *data);

typedef struct {
    uint32_t size; /* sizeof (TdRegistrar) */
    void *data;

    /* Whether DOMAIN (lower case) is one that this switch registers users for. */
    bool (*is_local) (const char *domain, void *data);

    /* The digest secret of USER in REALM for ALGORITHM ("MD5", "SHA-256"): H(user:realm:password) in
     * hexadecimal (transfer full, g_free()), or NULL for an unknown user. */
    char *(*credentials) (const char *user, const char *realm, const char *algorithm, void *data);

    /* Applies CHANGES to AOR as one: all or none (RFC 3261 10.3 6, 7); with REMOVE_ALL ("Contact: *")
     * CHANGES has one element, which gives Call-ID and CSeq. DONE is called on the current lane when
     * the change is on the disk; not at all when ASKER has stopped. */
    void (*update) (TdModule *asker, const char *aor, const TdBinding *changes, unsigned n_changes,
                    bool remove_all, TdRegistrarDone done, void *done_data, void *data);

    /* Calls VISIT with every live binding of AOR, the highest q first; returns how many. */
    unsigned (*lookup) (const char *aor, void (*visit) (const TdBinding *binding, void *visit_data),
                        void *visit_data, void *data);

    /* The limits that Expires is brought into, in seconds (RFC 3261 10.2.1.1; 423 below the
     * minimum). */
    void (*expiry) (uint32_t *ret_min_s, uint32_t *ret_default_s, uint32_t *ret_max_s, void *data);
} TdRegistrar;

/* What the address of a target looks like when it leads to a contact: a name-addr with up to two
 * parameters behind it, both optional.
 *
 *     <sip:alice@10.0.0.1:5070;ob>;received=udp:198.51.100.7:5070
 *     <sip:alice@10.0.0.1:5070;transport=tcp>;received=tcp:[2001:db8::7]:41022;flow=17
 *
 * The request is written to the URI in brackets (RFC 3261 16.6 6) and sent to where the REGISTER
 * came from: on the stream connection "flow" while it is there, else to the transport, address and
 * port in "received". Without either the URI says where to. */

/* The body of "registration.added", "registration.refreshed", "registration.removed" and
 * "registration.expired". */
typedef struct {
    const char *user;
    const char *contact;
    const char *received;
    const char *user_agent;
    const char *call_id;
    uint32_t q_thousandths;
    int64_t expires_us; /* wall time */
} TdRegistrationFact;

G_END_DECLS

#endif
