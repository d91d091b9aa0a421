/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A call's time in queues for means, and what its class has spared it. */

#include "call/call.h"

#include <string.h>

enum {
    MAX_TEXT = 200, /* of a list for the records: a call may try a hundred carriers */
};

void
td_call_wait (TdCall *call)
{
    if (call->wait.since_us != 0) {
        return;
    }
    call->wait.since_us = td_clock_now_us ();
    g_strlcpy (call->wait.result, "waiting", sizeof call->wait.result);
    if (call->a != NULL && !td_call_is_handed_on (call)) {
        td_leg_queued (call->a);
    }
    td_call_tell (call, FACT_QUEUED, NULL);
}

int64_t
td_call_waited_us (const TdCall *call)
{
    int64_t now_us = call->wait.since_us != 0 ? td_clock_now_us () : 0;

    return call->wait.waited_us + (now_us - call->wait.since_us);
}

void
td_call_wait_ended (TdCall *call, const char *result)
{
    call->wait.waited_us = td_call_waited_us (call);
    call->wait.since_us = 0;
    g_strlcpy (call->wait.result, result, sizeof call->wait.result);
}

bool
td_call_is_waiting (const TdCall *call)
{
    return call->wait.since_us != 0;
}

void
td_wait_abandon (TdCall *call)
{
    if (call->wait.since_us != 0) {
        td_call_wait_ended (call, "abandoned");
    }
}

/* Whether TEXT stands in LIST between commas. */
static bool
is_listed (const GString *list, const char *text)
{
    g_auto (GStrv) names = g_strsplit (list->str, ",", -1);

    return g_strv_contains ((const char *const *) names, text);
}

void
td_call_add_name (GString **list, const char *name)
{
    if (name[0] == '\0') {
        return;
    }
    if (*list == NULL) {
        *list = g_string_new (NULL);
    }
    if ((*list)->len > 0) {
        if ((*list)->len + strlen (name) > MAX_TEXT || is_listed (*list, name)) {
            return;
        }
        g_string_append_c (*list, ',');
    }
    g_string_append (*list, name);
}

void
td_call_add_exemption (TdCall *call, const char *control)
{
    td_call_add_name (&call->exemptions, control);
}

void
td_call_add_carrier (TdCall *call, const char *trunk)
{
    td_call_add_name (&call->carriers, trunk);
}
