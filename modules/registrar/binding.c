/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bindings of one user, and what a REGISTER does to them. */

#include "binding.h"

#include "uri.h"

#include <string.h>

static char *
copy_text (const char *text)
{
    return g_strdup (text != NULL ? text : "");
}

Binding *
binding_new (const TdBinding *binding, int64_t deadline_us)
{
    Binding *copy = g_new0 (Binding, 1);

    atomic_init (&copy->n_refs, 1);
    copy->contact = copy_text (binding->contact);
    copy->call_id = copy_text (binding->call_id);
    copy->received = copy_text (binding->received);
    copy->user_agent = copy_text (binding->user_agent);
    copy->flow = binding->flow;
    copy->cseq = binding->cseq;
    copy->q_thousandths = MIN (binding->q_thousandths, 1000);
    copy->deadline_us = deadline_us;
    return copy;
}

Binding *
binding_ref (Binding *binding)
{
    atomic_fetch_add (&binding->n_refs, 1);
    return binding;
}

void
binding_unref (void *data)
{
    Binding *binding = data;

    if (binding == NULL || atomic_fetch_sub (&binding->n_refs, 1) != 1) {
        return;
    }
    g_free (binding->contact);
    g_free (binding->call_id);
    g_free (binding->received);
    g_free (binding->user_agent);
    g_free (binding);
}

TdBinding
binding_show (const Binding *binding, int64_t now_us)
{
    return (TdBinding){
        .size = sizeof (TdBinding),
        .cseq = binding->cseq,
        .contact = binding->contact,
        .call_id = binding->call_id,
        .received = binding->received,
        .user_agent = binding->user_agent,
        .flow = binding->flow,
        .q_thousandths = binding->q_thousandths,
        .expires_us = td_clock_wall_us () + (binding->deadline_us - now_us),
    };
}

BindingSet *
binding_set_ref (BindingSet *set)
{
    atomic_fetch_add (&set->n_refs, 1);
    return set;
}

void
binding_set_unref (BindingSet *set)
{
    if (set == NULL || atomic_fetch_sub (&set->n_refs, 1) != 1) {
        return;
    }
    for (unsigned i = 0; i < set->n; i++) {
        binding_unref (set->items[i]);
    }
    g_free (set);
}

BindingSet *
binding_set_new (Binding *const *items, unsigned n)
{
    BindingSet *set = g_malloc0 (sizeof (BindingSet) + n * sizeof (Binding *));

    atomic_init (&set->n_refs, 1);
    for (unsigned i = 0; i < n; i++) {
        unsigned place = set->n++;
        for (; place > 0 && set->items[place - 1]->q_thousandths < items[i]->q_thousandths;
             place--) {
            set->items[place] = set->items[place - 1];
        }
        set->items[place] = binding_ref (items[i]);
    }
    return set;
}

int64_t
binding_set_deadline_us (const BindingSet *set)
{
    int64_t first_us = INT64_MAX;

    for (unsigned i = 0; set != NULL && i < set->n; i++) {
        first_us = MIN (first_us, set->items[i]->deadline_us);
    }
    return first_us;
}

static void
clear_change (void *data)
{
    Change *change = data;

    binding_unref (change->binding);
    binding_unref (change->before);
}

GArray *
changes_new (void)
{
    GArray *changes = g_array_new (false, false, sizeof (Change));

    g_array_set_clear_func (changes, clear_change);
    return changes;
}

static void
note (GArray *changes, ChangeKind kind, Binding *binding, Binding *before)
{
    Change change = { kind, binding_ref (binding), before != NULL ? binding_ref (before) : NULL };

    g_array_append_val (changes, change);
}

/* Whether REQUEST may touch BINDING for WANTED: another Call-ID, or a higher CSeq of the same one. */
static bool
is_in_order (const Binding *binding, const Binding *wanted, const Request *request)
{
    return request->is_forced || wanted == NULL || strcmp (binding->call_id, wanted->call_id) != 0
           || wanted->cseq > binding->cseq;
}

/* RFC 3261 10.3 6: all go, or none. */
static bool
remove_all (GPtrArray *present, const Request *request, GArray *changes)
{
    const Binding *wanted = request->n_wanted > 0 ? request->wanted[0] : NULL;

    for (unsigned i = 0; i < present->len; i++) {
        Binding *binding = present->pdata[i];
        if (!is_in_order (binding, wanted, request)) {
            return false;
        }
        note (changes, CHANGE_REMOVED, binding, NULL);
    }
    g_ptr_array_set_size (present, 0);
    return true;
}

static unsigned
find_contact (const GPtrArray *present, const char *contact)
{
    unsigned i = 0;

    while (i < present->len && !uri_equal (((Binding *) present->pdata[i])->contact, contact)) {
        i++;
    }
    return i;
}

/* Whether BINDING came with this very request, which names one contact more than once. */
static bool
is_of_request (const Binding *binding, const Request *request)
{
    for (unsigned i = 0; i < request->n_wanted; i++) {
        if (request->wanted[i] == binding) {
            return true;
        }
    }
    return false;
}

/* RFC 3261 10.3 7, for one contact. */
static bool
apply_one (GPtrArray *present, Binding *wanted, const Request *request, GArray *changes)
{
    bool is_removal = wanted->deadline_us <= request->now_us;
    unsigned place = find_contact (present, wanted->contact);

    if (place == present->len) {
        if (!is_removal) {
            g_ptr_array_add (present, binding_ref (wanted));
            note (changes, CHANGE_ADDED, wanted, NULL);
        }
        return true;
    }
    Binding *binding = present->pdata[place];
    if (!is_of_request (binding, request) && !is_in_order (binding, wanted, request)) {
        return false;
    }
    if (is_removal) {
        note (changes, CHANGE_REMOVED, binding, NULL);
        g_ptr_array_remove_index (present, place);
    } else {
        note (changes, CHANGE_REFRESHED, wanted, binding);
        binding_unref (binding);
        present->pdata[place] = binding_ref (wanted);
    }
    return true;
}

/* The bindings of BEFORE (nullable) that are not over. */
static GPtrArray *
take_live (const BindingSet *before, int64_t now_us, GArray *changes)
{
    GPtrArray *present = g_ptr_array_new_with_free_func (binding_unref);

    for (unsigned i = 0; before != NULL && i < before->n; i++) {
        if (before->items[i]->deadline_us > now_us) {
            g_ptr_array_add (present, binding_ref (before->items[i]));
        } else {
            note (changes, CHANGE_EXPIRED, before->items[i], NULL);
        }
    }
    return present;
}

TdRegistrarResult
binding_set_apply (const BindingSet *before, const Request *request, BindingSet **ret_after,
                   GArray *changes)
{
    g_autoptr (GPtrArray) present = take_live (before, request->now_us, changes);
    unsigned n_before = present->len;
    bool is_in_turn = true;

    if (request->remove_all) {
        is_in_turn = remove_all (present, request, changes);
    }
    for (unsigned i = 0; !request->remove_all && is_in_turn && i < request->n_wanted; i++) {
        is_in_turn = apply_one (present, request->wanted[i], request, changes);
    }
    if (!is_in_turn) {
        return TD_REGISTRAR_OUT_OF_ORDER;
    }
    /* Whoever has more since the limit was lowered may keep, refresh and give up what he has. */
    if (present->len > request->max_contacts && present->len > n_before) {
        return TD_REGISTRAR_TOO_MANY;
    }
    *ret_after = binding_set_new ((Binding *const *) present->pdata, present->len);
    return TD_REGISTRAR_DONE;
}
