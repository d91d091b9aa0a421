/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way to a user: all contacts of the highest q ring together, then those of the next one. */

#include "registrar.h"

#include <tandem/call.h>

#include <string.h>

/* Who is called, or NULL. A name counts in our domains only; a number, which callers from outside
 * dial at whatever address they reach us under, anywhere. */
static const User *
find_called (const Directory *directory, const TdParty *called)
{
    const char *key = td_party_key (called);

    if (called->digits[0] == '\0' && called->host[0] != '\0'
        && !directory_is_local (directory, called->host)) {
        return NULL;
    }
    return directory_find (directory, key);
}

/* Whether a leg of the driver "sip" can go there. */
static bool
is_reachable (const Binding *binding, int64_t now_us)
{
    const char *contact = binding->contact;

    return binding->deadline_us > now_us && strpbrk (contact, "<>\r\n") == NULL
           && (g_ascii_strncasecmp (contact, "sip:", 4) == 0
               || g_ascii_strncasecmp (contact, "sips:", 5) == 0);
}

/* As iface/registrar.h says. */
static char *
write_address (const Binding *binding)
{
    GString *address = g_string_new (NULL);

    g_string_append_printf (address, "<%s>", binding->contact);
    if (binding->received[0] != '\0') {
        g_string_append_printf (address, ";received=%s", binding->received);
    }
    if (binding->flow != 0) {
        g_string_append_printf (address, ";flow=%" G_GUINT64_FORMAT, binding->flow);
    }
    return g_string_free (address, FALSE);
}

/* RFC 3261 16.6: contacts of equal q in parallel, the next ones after them. */
static TdRouteList *
list_targets (const BindingSet *set)
{
    TdRouteList *list = td_route_list_new ("registrar");
    int64_t now_us = td_clock_now_us ();
    uint32_t group = 0;
    unsigned q_thousandths = 0;

    for (unsigned i = 0; set != NULL && i < set->n; i++) {
        const Binding *binding = set->items[i];
        if (!is_reachable (binding, now_us)) {
            continue;
        }
        if (td_route_list_length (list) > 0 && binding->q_thousandths != q_thousandths) {
            group++;
        }
        q_thousandths = binding->q_thousandths;
        g_autofree char *address = write_address (binding);
        td_route_list_add (list, &(TdTarget){ .size = sizeof (TdTarget),
                                              .group = group,
                                              .driver = "sip",
                                              .address = address });
    }
    return list;
}

static TdHookAnswer
route_call (void *subject, TdToken *token, void *data)
{
    Registrar *registrar = data;
    const Directory *directory = registrar_directory (registrar);
    const TdParty *called = td_call_called (subject);
    const User *user = find_called (directory, called);

    if (user == NULL) {
        return (TdHookAnswer){ .verdict = !called->is_complete
                                                  && directory_goes_on (directory, called->digits)
                                              ? TD_HOOK_MORE_DIGITS
                                              : TD_HOOK_CONTINUE };
    }
    BindingSet *set = table_set_of (registrar->table, user->name);
    TdRouteList *list = list_targets (set);
    binding_set_unref (set);
    if (td_route_list_length (list) == 0) {
        td_route_list_free (list);
        return (TdHookAnswer){ .verdict = TD_HOOK_REFUSE,
                               .cause = TD_CAUSE_SUBSCRIBER_ABSENT,
                               .reason = "User is not registered" };
    }
    return (TdHookAnswer){ .verdict = TD_HOOK_DONE, .payload = list };
}

bool
registrar_add_route (Registrar *registrar, GError **error)
{
    return td_hook_add (registrar->module, "route",
                        &(TdHook){ .size = sizeof (TdHook),
                                   .name = "registrar.route",
                                   .before = TD_LIST ("route-table.route"),
                                   .data = registrar,
                                   .ask = route_call },
                        error);
}
