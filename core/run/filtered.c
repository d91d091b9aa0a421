/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The filter of one flow: how it begins, how far it is, how it ends. */

#include "run/filtered.h"

const char *
td_filtered_begin (TdFiltered *filtered, const TdListener *listener, const TdFilterFlow *flow,
                   GByteArray *wire)
{
    const TdStreamFilter *filter =
        listener->decl.filter != NULL ? listener->decl.filter (listener->decl.data) : NULL;
    const char *why = "no module that serves such connections is running";

    if (filter == NULL || td_owner_is_stopped (filter->module)) {
        return why;
    }
    filtered->state = filter->begin (flow, wire, &why, filter->data);
    if (filtered->state == NULL) {
        return why;
    }
    filtered->filter = filter;
    td_owner_use (td_owner_of (filter->module));
    return NULL;
}

void
td_filtered_clear (TdFiltered *filtered)
{
    if (filtered->state != NULL) {
        TdModule *module = filtered->filter->module;
        filtered->filter->end (filtered->state);
        td_owner_unuse (td_owner_of (module));
    }
    if (filtered->peer != NULL) {
        td_peer_unref (filtered->peer);
    }
    g_free (filtered->held.bytes);
    *filtered = (TdFiltered){ 0 };
}
