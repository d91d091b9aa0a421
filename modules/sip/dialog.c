/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dialogs: who talks to whom, by which way, and with which numbers (RFC 3261 12). */

#include "dialog.h"

/* The URI in the first Contact of SCAN, or an empty view. */
static SipView
contact_of (const SipScan *scan)
{
    SipView rest = sip_scan_header (scan, SIP_HEADER_CONTACT), item;
    SipNameAddr addr;

    if (!sip_view_split (&rest, ',', &item) || sip_name_addr_scan (item, &addr) != NULL) {
        return SIP_VIEW_NONE;
    }
    return addr.uri;
}

static bool
is_loose (SipView route)
{
    SipNameAddr addr;
    SipView value;
    SipUri uri;

    return sip_name_addr_scan (route, &addr) == NULL && sip_uri_scan (addr.uri, &uri) == NULL
           && sip_param_find (uri.params, "lr", &value);
}

static char *
uri_of (SipView route)
{
    SipNameAddr addr;

    return sip_name_addr_scan (route, &addr) == NULL ? sip_view_dup (addr.uri) : NULL;
}

/* The Record-Route values of SCAN in their order. */
static GArray *
collect_routes (const SipScan *scan)
{
    GArray *routes = g_array_new (FALSE, FALSE, sizeof (SipView));
    const SipHeader *header;
    unsigned index = 0;

    while ((header = sip_scan_next (scan, SIP_HEADER_RECORD_ROUTE, &index)) != NULL) {
        SipView rest = sip_header_value (header), item;
        while (sip_view_split (&rest, ',', &item)) {
            g_array_append_val (routes, item);
        }
    }
    return routes;
}

/* The first route is a strict router: its URI goes to the request line, and the target to the end of
 * the Route lines (RFC 3261 12.2.1.1). As the target may change, it is appended when composing. */
static void
set_routes (SipDialog *dialog, const SipScan *scan, bool is_reversed)
{
    g_clear_pointer (&dialog->routes, g_free);
    g_clear_pointer (&dialog->uri, g_free);
    g_clear_pointer (&dialog->hop, g_free);
    if (!sip_scan_has (scan, SIP_HEADER_RECORD_ROUTE)) {
        return;
    }
    g_autoptr (GArray) routes = collect_routes (scan);
    GString *lines = g_string_new (NULL);
    for (unsigned i = 0; i < routes->len; i++) {
        SipView route = g_array_index (routes, SipView, is_reversed ? routes->len - 1 - i : i);
        if (i == 0) {
            dialog->hop = uri_of (route);
            if (!is_loose (route)) {
                dialog->uri = g_strdup (dialog->hop);
                continue;
            }
        }
        sip_compose_header (lines, "Route", route);
    }
    dialog->routes = g_string_free (lines, FALSE);
}

static char *
with_tag (SipView value, const char *tag)
{
    g_autofree char *text = sip_view_dup (value);

    return g_strconcat (text, ";tag=", tag, NULL);
}

bool
sip_dialog_init_uas (SipDialog *dialog, const SipScan *invite, const char *local_tag)
{
    SipView target = contact_of (invite);

    *dialog = (SipDialog){ 0 };
    if (target.len_bytes == 0) {
        return false;
    }
    dialog->call_id = sip_view_dup (invite->call_id);
    dialog->local = with_tag (invite->to, local_tag);
    dialog->remote = sip_view_dup (invite->from);
    dialog->remote_tag = sip_view_dup (invite->from_tag);
    dialog->target = sip_view_dup (target);
    g_strlcpy (dialog->local_tag, local_tag, sizeof dialog->local_tag);
    dialog->remote_cseq = invite->cseq_number;
    dialog->has_remote_cseq = true;
    set_routes (dialog, invite, false);
    return true;
}

bool
sip_dialog_init_uac (SipDialog *dialog, const SipScan *response)
{
    SipView target = contact_of (response);
    bool is_final = response->status >= 200;

    *dialog = (SipDialog){ 0 };
    if (target.len_bytes == 0 && is_final) {
        dialog->is_target_guessed = true;
        target = response->to_addr.uri;
    }
    if (target.len_bytes == 0 || (!is_final && response->to_tag.len_bytes == 0)
        || !sip_view_copy (response->from_tag, dialog->local_tag, sizeof dialog->local_tag)) {
        return false;
    }
    dialog->call_id = sip_view_dup (response->call_id);
    dialog->local = sip_view_dup (response->from);
    dialog->remote = sip_view_dup (response->to);
    dialog->remote_tag = sip_view_dup (response->to_tag);
    dialog->target = sip_view_dup (target);
    dialog->local_cseq = response->cseq_number;
    dialog->is_confirmed = is_final;
    set_routes (dialog, response, true);
    return true;
}

void
sip_dialog_confirm_uac (SipDialog *dialog, const SipScan *response)
{
    dialog->is_confirmed = true;
    sip_dialog_refresh_target (dialog, response);
    set_routes (dialog, response, true);
}

void
sip_dialog_clear (SipDialog *dialog)
{
    g_free (dialog->call_id);
    g_free (dialog->local);
    g_free (dialog->remote);
    g_free (dialog->remote_tag);
    g_free (dialog->target);
    g_free (dialog->routes);
    g_free (dialog->uri);
    g_free (dialog->hop);
    *dialog = (SipDialog){ 0 };
}

void
sip_dialog_refresh_target (SipDialog *dialog, const SipScan *scan)
{
    SipView target = contact_of (scan);

    if (target.len_bytes > 0 && !sip_view_is (target, dialog->target)) {
        g_free (dialog->target);
        dialog->target = sip_view_dup (target);
    }
}

bool
sip_dialog_is_of (const SipDialog *dialog, const SipScan *scan)
{
    SipView local = scan->is_request ? scan->to_tag : scan->from_tag;
    SipView remote = scan->is_request ? scan->from_tag : scan->to_tag;

    return sip_view_is (local, dialog->local_tag) && sip_view_is (scan->call_id, dialog->call_id)
           && sip_view_is (remote, dialog->remote_tag);
}

bool
sip_dialog_take_cseq (SipDialog *dialog, const SipScan *request)
{
    if (dialog->has_remote_cseq && request->cseq_number < dialog->remote_cseq) {
        return false;
    }
    dialog->remote_cseq = request->cseq_number;
    dialog->has_remote_cseq = true;
    return true;
}

void
sip_dialog_compose (GString *out, const SipDialog *dialog, const char *method, uint32_t cseq,
                    TdTransport transport, const char *via_host, const char *branch)
{
    sip_compose_request (out, method,
                         sip_view_of (dialog->uri != NULL ? dialog->uri : dialog->target),
                         transport, via_host, branch);
    g_string_append (out, "Max-Forwards: 70\r\n");
    if (dialog->routes != NULL) {
        g_string_append (out, dialog->routes);
    }
    if (dialog->uri != NULL) {
        g_string_append (out, "Route: <");
        g_string_append (out, dialog->target);
        g_string_append (out, ">\r\n");
    }
    sip_compose_text (out, "From", dialog->local);
    sip_compose_text (out, "To", dialog->remote);
    sip_compose_text (out, "Call-ID", dialog->call_id);
    sip_compose_cseq (out, cseq, method);
}

const char *
sip_dialog_next_hop (const SipDialog *dialog)
{
    return dialog->hop != NULL ? dialog->hop : dialog->target;
}
