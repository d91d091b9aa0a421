/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bindings of one user, and what a REGISTER does to them. Nothing here waits, locks or stores. */

#ifndef REGISTRAR_BINDING_H
#define REGISTRAR_BINDING_H

#include <tandem/iface/registrar.h>

#include <stdatomic.h>

/* One contact; immutable, shared by sets, facts and rows on their way to the disk. */
typedef struct {
    atomic_uint n_refs;
    char *contact, *call_id, *received, *user_agent;
    uint64_t flow;
    uint32_t cseq;
    uint16_t q_thousandths;
    int64_t deadline_us; /* monotonic: a wall clock that jumps ends no registration */
} Binding;

/* All contacts of a user, the highest q first; immutable, replaced whole. */
typedef struct {
    atomic_uint n_refs;
    unsigned n;
    Binding *items[];
} BindingSet;

typedef enum {
    CHANGE_ADDED,
    CHANGE_REFRESHED,
    CHANGE_REMOVED,
    CHANGE_EXPIRED,
} ChangeKind;

typedef struct {
    ChangeKind kind;
    Binding *binding; /* as it is now, or was last */
    Binding *before;  /* of a refreshed one */
} Change;

/* What a request asks for. */
typedef struct {
    Binding *const *wanted; /* those whose deadline is not after NOW_US are to go */
    unsigned n_wanted;
    bool remove_all; /* WANTED has one element, for its Call-ID and CSeq, or none */
    bool is_forced;  /* by the operator: whatever Call-ID and CSeq are */
    unsigned max_contacts;
    int64_t now_us;
} Request;

/* A copy of BINDING that ends at DEADLINE_US. NULL texts become "". */
Binding *binding_new (const TdBinding *binding, int64_t deadline_us);
Binding *binding_ref (Binding *binding);
void binding_unref (void *binding);

/* BINDING as others see it at the monotonic time NOW_US; texts live as long as it. */
TdBinding binding_show (const Binding *binding, int64_t now_us);

BindingSet *binding_set_ref (BindingSet *set);
void binding_set_unref (BindingSet *set);

/* A set of ITEMS (Binding, transfer none). */
BindingSet *binding_set_new (Binding *const *items, unsigned n);

/* Applies REQUEST to BEFORE (nullable) as one: all or none. What has expired goes whatever comes. On
 * TD_REGISTRAR_DONE there is a new set, and CHANGES (array of Change, see changes_new ()) what led
 * to it. Spec: RFC 3261 10.3 6, 7. */
TdRegistrarResult binding_set_apply (const BindingSet *before, const Request *request,
                                     BindingSet **ret_after, GArray *changes);

/* The first deadline in SET (nullable), INT64_MAX for none. */
int64_t binding_set_deadline_us (const BindingSet *set);

/* An empty array of Change that owns what is in it. */
GArray *changes_new (void);

#endif
