/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of an INVITE's body that are no session description, such as ISUP (RFC 3372): carried to
 * the other leg as they are.
 *
 * The attribute holds the boundary, a line end, and the parts between delimiters of that boundary. */

#include "leg.h"

#include "mime.h"

/* One part as it came, behind a delimiter. */
static void
append_part (GString *parts, const char *boundary, const SipPart *part)
{
    g_string_append_printf (parts, "--%s\r\n", boundary);
    g_string_append_len (parts, part->head.text, (gssize) part->head.len_bytes);
    g_string_append (parts, "\r\n");
    g_string_append_len (parts, part->body.text, (gssize) part->body.len_bytes);
    g_string_append (parts, "\r\n");
}

static bool
is_description (const SipPart *part)
{
    SipPart inner;

    return sip_mime_find (part->content_type, part->body, "application/sdp", &inner);
}

void
sip_parts_take (SipLeg *leg, const SipScan *invite)
{
    SipPart parts[SIP_MAX_PARTS];
    char boundary[SIP_TAG_SIZE];
    unsigned n_parts = 0;

    if (!sip_mime_is_multipart (invite->content_type)
        || sip_mime_split (invite->content_type, invite->body, parts, &n_parts) != NULL
        || n_parts < 2) {
        return;
    }
    GString *text = g_string_new (NULL);
    sip_stack_make_tag (&leg->lane->stack, boundary); /* nobody can have written it before */
    g_string_append_printf (text, "%s\r\n", boundary);
    for (unsigned i = 0; i < n_parts; i++) {
        if (!is_description (&parts[i])) {
            append_part (text, boundary, &parts[i]);
        }
    }
    g_autoptr (GBytes) bytes = g_string_free_to_bytes (text);
    td_attributes_set_bytes (td_channel_attributes (leg->channel), leg->lane->sip->parts, bytes);
}

bool
sip_parts_compose (SipLeg *leg, GString *out, TdDescription *description)
{
    GBytes *bytes =
        td_attributes_bytes (td_channel_attributes (leg->channel), leg->lane->sip->parts);
    g_autoptr (GString) body = NULL;
    gsize size;

    if (bytes == NULL) {
        return false;
    }
    const char *text = g_bytes_get_data (bytes, &size);
    const char *line_end = size > 0 ? memchr (text, '\r', size) : NULL;
    if (line_end == NULL || text + size < line_end + 2) {
        return false;
    }
    g_autofree char *boundary = g_strndup (text, (gsize) (line_end - text));
    g_autofree char *type = g_strdup_printf ("multipart/mixed;boundary=%s", boundary);
    body = g_string_new (NULL);
    if (description != NULL) {
        g_string_append_printf (body, "--%s\r\nContent-Type: application/sdp\r\n\r\n", boundary);
        td_description_to_sdp (description, body);
        g_string_append (body, "\r\n");
    }
    g_string_append_len (body, line_end + 2, text + size - line_end - 2);
    g_string_append_printf (body, "--%s--\r\n", boundary);
    sip_compose_text (out, "MIME-Version", "1.0");
    sip_compose_end (out, type, body->str, body->len);
    return true;
}
