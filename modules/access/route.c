/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who gets to the application, and what a code before a number means.
 *
 *     7106274387             the application
 *     1010288 7106274387     the application, and the destination by way of carrier 0288
 *     *272 NUMBER            NUMBER, with the class of the trunk's subscription
 *     *272 7106274387        both
 */

#include "access.h"

#include <string.h>

enum {
    FACILITY_NOT_SUBSCRIBED = 50, /* ITU-T Q.850 */
    MAX_CARRIER = 16,             /* digits of a code */
};

bool
access_raise (const Access *access, TdCall *call, const char *mark, TdPriorityLearnt learnt)
{
    const TdPriorityService *service = atomic_load (&access->priorities);
    TdPriority priority;

    if (mark == NULL || *mark == '\0' || service == NULL || service->read == NULL
        || !service->read (mark, &priority, service->data)) {
        return false;
    }
    priority.learnt = (uint8_t) learnt;
    return td_call_raise_priority (access->module, call, &priority, true);
}

static TdHookAnswer
answer_with_application (const Settings *settings, TdCall *call)
{
    g_autofree char *address = g_strconcat (ACCESS_DRIVER ":", settings->prompts.first, NULL);
    TdRouteList *list = td_route_list_new (ACCESS_DRIVER);

    td_call_explain (call, "access", "an access number");
    td_route_list_add (list, &(TdTarget){ .size = sizeof (TdTarget),
                                          .driver = ACCESS_DRIVER,
                                          .address = address,
                                          .no_answer_ms = settings->total_ms * 2 });
    return (TdHookAnswer){ .verdict = TD_HOOK_DONE, .payload = list };
}

/* NUMBER is called from now on, from the same host. */
static bool
become (TdCall *call, const char *number)
{
    TdParty called;

    if (!td_party_from_number (&called, number)) {
        return false;
    }
    called.is_complete = td_call_called (call)->is_complete;
    g_strlcpy (called.host, td_call_called (call)->host, sizeof called.host);
    td_call_set_called (call, &called);
    return true;
}

/* --- Carriers ---------------------------------------------------------------------------- */

/* The access number behind a carrier's code becomes the called one; what the code is for is done when the
 * destination is known. */
static void
take_carrier (const Access *access, const Settings *settings, TdCall *call)
{
    const char *key = td_party_key (td_call_called (call));
    size_t len_prefix = strlen (settings->carrier_prefix);
    size_t len = len_prefix + settings->n_carrier_digits;
    char code[MAX_CARRIER + 1];

    if (len_prefix == 0 || strlen (key) <= len || !g_str_has_prefix (key, settings->carrier_prefix)
        || !g_hash_table_contains (settings->numbers, key + len)) {
        return;
    }
    g_strlcpy (code, key + len_prefix, settings->n_carrier_digits + 1);
    td_call_explain (call, "access", "by way of carrier %s", code);
    td_attributes_set_text (td_call_attributes (call), access->carrier, code);
    become (call, key + len);
}

static void
add_carrier (TdRouteList *list, const char *trunk, const char *number)
{
    td_route_list_add (list, &(TdTarget){ .size = sizeof (TdTarget),
                                          .group = td_route_list_length (list),
                                          .trunk = trunk,
                                          .number = number });
}

/* The destination is known: by the carrier that was dialled first, then by the others. Without a carrier it is
 * routed as any. */
static TdHookAnswer
answer_with_carriers (const Access *access, const Settings *settings, TdCall *call)
{
    const char *code = td_attributes_text (td_call_attributes (call), access->carrier, 0);
    const char *first = code != NULL ? g_hash_table_lookup (settings->carriers, code) : NULL;
    const char *number = td_party_key (td_call_called (call));

    if (code == NULL || (first == NULL && settings->alternates[0] == NULL)) {
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    TdRouteList *list = td_route_list_new (ACCESS_DRIVER);
    if (first != NULL) {
        add_carrier (list, first, number);
    }
    for (char **trunk = settings->alternates; *trunk != NULL; trunk++) {
        if (g_strcmp0 (*trunk, first) != 0) {
            add_carrier (list, *trunk, number);
        }
    }
    td_call_explain (call, "access", "carrier %s, then the alternates", code);
    return (TdHookAnswer){ .verdict = TD_HOOK_DONE, .payload = list };
}

/* --- Codes ------------------------------------------------------------------------------- */

/* The number behind the code becomes the called one. Without a subscription the call is refused. */
static bool
take_code (const Access *access, const Settings *settings, TdCall *call, const char *number)
{
    const Profile *profile = g_hash_table_lookup (settings->subscriptions, td_call_trunk (call));

    if (profile == NULL || !become (call, number)) {
        return false;
    }
    td_call_explain (call, "access", "%s: [access-profile %s]", settings->code, profile->name);
    if (td_call_incoming (call) != NULL) { /* not of a call that is only asked about */
        access_raise (access, call, profile->mark, TD_LEARNT_ACCESS);
    }
    return true;
}

/* Whether the account may pay for a call to KEY: to whom its caller has typed, or to whom he was redirected then. */
static bool
may_go_on (const Access *access, const Settings *settings, TdCall *call, const char *key)
{
    const TdAttributes *attributes = td_call_attributes (call);
    g_autoptr (GPtrArray) destinations = g_ptr_array_new ();
    const char *one;

    if (g_strcmp0 (td_attributes_text (attributes, access->destination, 0), key) == 0) {
        return true;
    }
    for (unsigned i = 0; (one = td_attributes_text (attributes, access->destinations, i)) != NULL;
         i++) {
        g_ptr_array_add (destinations, (char *) one);
    }
    g_ptr_array_add (destinations, NULL);
    return settings_may_call (settings, (const char *const *) destinations->pdata, key);
}

static TdHookAnswer
route (void *subject, TdToken *token, void *data)
{
    const Access *access = data;
    const Settings *settings = access_settings (access);
    TdCall *call = subject;
    const char *key = td_party_key (td_call_called (call));

    if (td_attributes_number (td_call_attributes (call), access->handed_on) != 0) {
        return may_go_on (access, settings, call, key)
                   ? answer_with_carriers (access, settings, call)
                   : (TdHookAnswer){ .verdict = TD_HOOK_REFUSE,
                                     .cause = TD_CAUSE_CALL_REJECTED,
                                     .reason = "The account is not for this number" };
    }
    if (*settings->code != '\0' && g_str_has_prefix (key, settings->code)) {
        if (!take_code (access, settings, call, key + strlen (settings->code))) {
            return (TdHookAnswer){ .verdict = TD_HOOK_REFUSE,
                                   .cause = FACILITY_NOT_SUBSCRIBED,
                                   .reason = "No subscription to calls with priority" };
        }
    }
    take_carrier (access, settings, call);
    key = td_party_key (td_call_called (call));
    return g_hash_table_contains (settings->numbers, key)
               ? answer_with_application (settings, call)
               : (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

/* Before the tables, so that nobody's screening keeps a caller from an access number, and whoever looks at the
 * number sees it without the code. */
bool
access_route_start (Access *access, GError **error)
{
    return td_hook_add (
        access->module, "route",
        &(TdHook){ .size = sizeof (TdHook),
                   .name = "access.route",
                   .after = TD_LIST ("emergency.route"),
                   .before = TD_LIST ("priority.route", "policy.route", "registrar.route",
                                      "route.route", "route-table.route"),
                   .data = access,
                   .ask = route },
        error);
}
