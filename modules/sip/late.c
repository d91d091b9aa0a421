/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* 2xx that nobody wants any more: of a second fork, or after the leg has gone (RFC 3261 13.2.2.4). */

#include "leg.h"

/* What is left of a leg with its INVITE's transaction, while a 2xx may come (RFC 6026 7.2). */
typedef struct {
    const char *credentials; /* a whole header line, or NULL */
    bool is_pinned;
    bool has_talked;   /* to who is named in WINNER */
    char winner_tag[]; /* the credentials stand behind it */
} Late;

static void
send_ack (SipLane *lane, const SipDialog *dialog, const SipPath *path, const char *credentials)
{
    GString *out = lane->stack.out;
    SipPath way = *path;
    char branch[SIP_BRANCH_SIZE];

    sip_stack_make_branch (&lane->stack, branch);
    sip_dialog_compose (out, dialog, "ACK", dialog->local_cseq, path->transport,
                        sip_transport_listener (lane->sip, path)->host, branch);
    if (credentials != NULL) {
        g_string_append (out, credentials); /* RFC 3261 22.1: the same as in the INVITE */
    }
    sip_compose_end (out, NULL, NULL, 0);
    sip_transport_send (&way, out->str, out->len, lane);
}

static void
send_bye (SipLane *lane, const SipDialog *dialog, const SipPath *path)
{
    static const TdCause elsewhere = { .value = TD_CAUSE_NORMAL_CLEARING };
    GString *out = lane->stack.out;
    char branch[SIP_BRANCH_SIZE];

    sip_stack_make_branch (&lane->stack, branch);
    sip_dialog_compose (out, dialog, "BYE", dialog->local_cseq + 1, path->transport,
                        sip_transport_listener (lane->sip, path)->host, branch);
    sip_cause_compose (out, &elsewhere);
    sip_compose_end (out, NULL, NULL, 0);
    sip_client_start (&lane->stack, SIP_METHOD_BYE, branch, path, out->str, out->len, NULL, NULL);
}

void
sip_late_dismiss (SipLane *lane, const SipScan *response, const SipPath *invite_path,
                  bool is_pinned, const char *credentials, bool is_over)
{
    SipPath path = *invite_path;
    SipDialog dialog;

    if (!sip_dialog_init_uac (&dialog, response)) {
        return;
    }
    sip_dialog_find_path (lane->sip, &dialog, is_pinned, &path);
    send_ack (lane, &dialog, &path, credentials);
    if (!is_over) {
        send_bye (lane, &dialog, &path);
    }
    sip_dialog_clear (&dialog);
}

static void
late_response (SipTransaction *transaction, const SipScan *response, void *data)
{
    const Late *late = data;

    if (response->status >= 200 && response->status < 300) {
        sip_late_dismiss (transaction->stack->data, response, &transaction->path, late->is_pinned,
                          late->credentials,
                          late->has_talked && sip_view_is (response->to_tag, late->winner_tag));
    }
}

static const SipUser late_user = { late_response, NULL, NULL };

void
sip_late_take (SipLeg *leg, SipTransaction *invite)
{
    const char *tag = leg->dialog.remote_tag != NULL ? leg->dialog.remote_tag : "";
    /* Those of a later request are not the INVITE's. */
    const char *credentials = leg->has_tried_bye || leg->has_tried_offer ? NULL : leg->credentials;
    size_t tag_size = strlen (tag) + 1;
    size_t credentials_size = credentials != NULL ? strlen (credentials) + 1 : 0;
    Late *late = g_malloc (sizeof *late + tag_size + credentials_size);

    late->is_pinned = leg->is_pinned;
    late->has_talked = leg->dialog.call_id != NULL;
    late->credentials = NULL;
    memcpy (late->winner_tag, tag, tag_size);
    if (credentials != NULL) {
        late->credentials = memcpy (late->winner_tag + tag_size, credentials, credentials_size);
    }
    sip_client_leave (invite, &late_user, late);
}
