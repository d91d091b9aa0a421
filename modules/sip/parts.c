/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of an INVITE's body that are no session description, such as ISUP (RFC 3372): carried to
 * the other leg as they are.
 *
 * The attribute holds the boundary, a line end, and the parts between delimiters of that boundary. */

#include "leg.h"

#include "isup.h"
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

/* --- ISUP -------------------------------------------------------------------------------- */

static const char isup_type[] = "application/isup"; /* RFC 3204 3.1 */

static bool
has_isup (const SipPart *part)
{
    SipPart inner;

    return sip_mime_find (part->content_type, part->body, isup_type, &inner);
}

bool
sip_parts_read_isup (const SipScan *invite, TdForeign *ret)
{
    SipPart part;

    return sip_mime_find (invite->content_type, invite->body, isup_type, &part)
           && sip_isup_read (part.body, ret);
}

/* Has the ISUP in BODY, which ends in its BOUNDARY, say what FOREIGN does; NULL: that the call is ordinary. */
static void
edit_isup (GString *body, const char *boundary, const TdForeign *foreign)
{
    g_autofree char *type = g_strdup_printf ("multipart/mixed;boundary=%s", boundary);
    SipPart part;

    if (!sip_mime_find ((SipView){ type, strlen (type) }, (SipView){ body->str, body->len },
                        isup_type, &part)) {
        return;
    }
    if (foreign != NULL) {
        sip_isup_write (body, (size_t) (part.body.text - body->str), part.body.len_bytes, foreign);
    } else {
        sip_isup_clear (body, (size_t) (part.body.text - body->str), part.body.len_bytes);
    }
}

/* As a call of the leg's class says it to its trunk. */
static void
mark_isup (SipLeg *leg, GString *body, const char *boundary)
{
    const TdInterworkService *service = sip_interwork (leg->lane->sip);
    TdForeign foreign = { .size = sizeof foreign };

    if (service == NULL) {
        return;
    }
    service->of (td_channel_trunk (leg->channel), td_channel_priority (leg->channel), &foreign,
                 service->data);
    if ((foreign.given & (TD_FOREIGN_CATEGORY | TD_FOREIGN_PRECEDENCE)) != 0) {
        edit_isup (body, boundary, &foreign);
    }
}

/* --- On the way in ----------------------------------------------------------------------- */

void
sip_parts_take (SipLeg *leg, const SipScan *invite)
{
    SipPart parts[SIP_MAX_PARTS];
    char boundary[SIP_TAG_SIZE];
    unsigned n_parts = 0;
    bool has_message = false;

    if (!sip_mime_is_multipart (invite->content_type)
        || sip_mime_split (invite->content_type, invite->body, parts, &n_parts) != NULL
        || n_parts < 2) {
        return;
    }
    GString *text = g_string_new (NULL);
    sip_stack_make_tag (&leg->lane->stack, boundary); /* nobody can have written it before */
    g_string_append_printf (text, "%s\r\n", boundary);
    for (unsigned i = 0; i < n_parts; i++) {
        bool is_message = has_isup (&parts[i]);
        /* A call has one initial address message: what was not looked at must not go on. */
        if (!is_description (&parts[i]) && !(is_message && has_message)) {
            append_part (text, boundary, &parts[i]);
        }
        has_message |= is_message;
    }
    g_autoptr (GBytes) bytes = g_string_free_to_bytes (text);
    td_attributes_set_bytes (td_channel_attributes (leg->channel), leg->lane->sip->parts, bytes);
}

/* The parts that LEG's channel has, and their BOUNDARY (transfer full), or NULL. */
static char *
find_parts (SipLeg *leg, SipView *ret_parts)
{
    GBytes *bytes =
        td_attributes_bytes (td_channel_attributes (leg->channel), leg->lane->sip->parts);
    gsize size = 0;
    const char *text = bytes != NULL ? g_bytes_get_data (bytes, &size) : NULL;
    const char *line_end = size > 0 ? memchr (text, '\r', size) : NULL;

    if (line_end == NULL || text + size < line_end + 2) {
        return NULL;
    }
    *ret_parts = sip_view_span (line_end + 2, text + size);
    return g_strndup (text, (gsize) (line_end - text));
}

void
sip_parts_void_isup (SipLeg *leg)
{
    SipView parts;
    g_autofree char *boundary = find_parts (leg, &parts);

    if (boundary == NULL) {
        return;
    }
    GString *text = g_string_new_len (parts.text, (gssize) parts.len_bytes);
    gsize whole = text->len;
    g_string_append_printf (text, "--%s--\r\n", boundary);
    gsize end = text->len - whole;
    edit_isup (text, boundary, NULL);
    g_string_truncate (text, text->len - end);
    g_string_prepend (text, "\r\n");
    g_string_prepend (text, boundary);
    g_autoptr (GBytes) bytes = g_string_free_to_bytes (text);
    td_attributes_set_bytes (td_channel_attributes (leg->channel), leg->lane->sip->parts, bytes);
}

/* --- On the way out ---------------------------------------------------------------------- */

bool
sip_parts_compose (SipLeg *leg, GString *out, TdDescription *description)
{
    SipView parts;
    g_autofree char *boundary = find_parts (leg, &parts);
    g_autoptr (GString) body = NULL;

    if (boundary == NULL) {
        return false;
    }
    g_autofree char *type = g_strdup_printf ("multipart/mixed;boundary=%s", boundary);
    body = g_string_new (NULL);
    if (description != NULL) {
        g_string_append_printf (body, "--%s\r\nContent-Type: application/sdp\r\n\r\n", boundary);
        td_description_to_sdp (description, body);
        g_string_append (body, "\r\n");
    }
    g_string_append_len (body, parts.text, (gssize) parts.len_bytes);
    g_string_append_printf (body, "--%s--\r\n", boundary);
    mark_isup (leg, body, boundary);
    sip_compose_text (out, "MIME-Version", "1.0");
    sip_compose_end (out, type, body->str, body->len);
    return true;
}
