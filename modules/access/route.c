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

enum { FACILITY_NOT_SUBSCRIBED = 50 }; /* ITU-T Q.850 */

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

/* The number behind the code becomes the called one. Without a subscription the call is refused. */
static bool
take_code (const Access *access, const Settings *settings, TdCall *call, const char *number)
{
    const Profile *profile = g_hash_table_lookup (settings->subscriptions, td_call_trunk (call));
    TdParty called;

    if (profile == NULL || !td_party_from_number (&called, number)) {
        return false;
    }
    td_call_explain (call, "access", "%s: [access-profile %s]", settings->code, profile->name);
    called.is_complete = td_call_called (call)->is_complete;
    g_strlcpy (called.host, td_call_called (call)->host, sizeof called.host);
    td_call_set_called (call, &called);
    if (td_call_incoming (call) != NULL) { /* not of a call that is only asked about */
        access_raise (access, call, profile->mark, TD_LEARNT_ACCESS);
    }
    return true;
}

static TdHookAnswer
route (void *subject, TdToken *token, void *data)
{
    const Access *access = data;
    const Settings *settings = access_settings (access);
    TdCall *call = subject;
    const char *key = td_party_key (td_call_called (call));

    if (td_attributes_number (td_call_attributes (call), access->handed_on) != 0) {
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    if (*settings->code != '\0' && g_str_has_prefix (key, settings->code)) {
        if (!take_code (access, settings, call, key + strlen (settings->code))) {
            return (TdHookAnswer){ .verdict = TD_HOOK_REFUSE,
                                   .cause = FACILITY_NOT_SUBSCRIBED,
                                   .reason = "No subscription to calls with priority" };
        }
        key = td_party_key (td_call_called (call));
    }
    return g_hash_table_contains (settings->numbers, key)
               ? answer_with_application (settings, call)
               : (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

bool
access_route_start (Access *access, GError **error)
{
    return td_hook_add (
        access->module, "route",
        &(TdHook){ .size = sizeof (TdHook),
                   .name = "access.route",
                   .after = TD_LIST ("emergency.route"),
                   /* Nobody's screening keeps a caller from an access number, and whoever
                                    * looks at the number sees it without the code. */
                   .before = TD_LIST ("priority.route", "policy.route", "registrar.route",
                                      "route.route", "route-table.route"),
                   .data = access,
                   .ask = route },
        error);
}
