/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a ladder shows: who takes part, and what each message is. */

#include "compose.h"
#include "mime.h"
#include "scan.h"
#include "seal.h"
#include "trace.h"

#include <tandem/offer.h>

enum {
    MAX_SIDE = (SIP_LADDER_MAX_COLUMNS - 1) / 2, /* columns left and right of this switch */
    WHAT_CELLS = 60,
    MEDIA_CELLS = 120,
};

/* --- Texts ------------------------------------------------------------------------------- */

/* Whether C is one that everybody sees and that steers nothing. */
static bool
is_harmless (gunichar c)
{
    return g_unichar_isprint (c) && !g_unichar_iszerowidth (c);
}

unsigned
sip_ladder_append_safe (GString *out, SipView text, unsigned max_cells)
{
    const char *at = text.text, *end = at + text.len_bytes;
    unsigned n_cells = 0, n_kept_cells = 0;
    gsize kept = out->len;

    while (at < end) {
        gunichar c = g_utf8_get_char_validated (at, end - at);
        bool is_text = c < 0x110000;
        gunichar shown = is_text && is_harmless (c) ? c : '?';
        n_cells += g_unichar_iswide (shown) ? 2 : 1;
        if (n_cells > max_cells) {
            g_string_truncate (out, kept);
            g_string_append (out, max_cells >= 2 ? ".." : "");
            return n_kept_cells + (max_cells >= 2 ? 2 : 0);
        }
        g_string_append_unichar (out, shown);
        if (n_cells + 2 <= max_cells) {
            kept = out->len;
            n_kept_cells = n_cells;
        }
        at = is_text ? g_utf8_next_char (at) : at + 1;
    }
    return n_cells;
}

static char *
safe (SipView text, unsigned max_cells)
{
    GString *out = g_string_new (NULL);

    sip_ladder_append_safe (out, text, max_cells);
    return g_string_free (out, FALSE);
}

/* --- Media ------------------------------------------------------------------------------- */

static void
describe_stream (SipRung *rung, const TdStream *stream)
{
    static const char *const directions[] = { "inactive", "sendonly", "recvonly", "sendrecv" };
    char **media = rung->media[rung->n_media++];
    g_autoptr (GString) place = g_string_new (stream->kind_text);
    g_autoptr (GString) how = g_string_new (NULL);

    g_string_append_printf (place, stream->is_ipv6 ? " [%s]:%u" : " %s:%u",
                            stream->address != NULL ? stream->address : "?", stream->port);
    g_string_append (how, stream->port == 0 ? "refused" : directions[stream->direction]);
    for (unsigned i = 0; i < stream->n_formats; i++) {
        g_string_append_printf (how, "%c%s", i == 0 ? ' ' : ',',
                                stream->formats[i].name != NULL ? stream->formats[i].name : "?");
    }
    media[0] = safe (sip_view_of (place->str), MEDIA_CELLS);
    media[1] = safe (sip_view_of (how->str), MEDIA_CELLS);
}

static void
describe_media (SipRung *rung, const SipScan *scan)
{
    SipPart part;

    if (scan->body.len_bytes == 0
        || !sip_mime_find (scan->content_type, scan->body, "application/sdp", &part)) {
        return;
    }
    g_autoptr (TdDescription) description =
        td_description_from_sdp (part.body.text, part.body.len_bytes, NULL);
    if (description == NULL) {
        rung->media[rung->n_media][0] = g_strdup ("SDP");
        rung->media[rung->n_media++][1] = g_strdup ("cannot be read");
        return;
    }
    for (unsigned i = 0; i < description->n_streams; i++) {
        if (rung->n_media < SIP_LADDER_MAX_MEDIA) {
            describe_stream (rung, &description->streams[i]);
        } else {
            rung->n_more_media++;
        }
    }
}

static void
describe_message (SipRung *rung, SipScan *scan)
{
    const SipRecord *record = &rung->message->record;
    SipVerdict verdict = sip_scan (scan, rung->message->bytes, record->len_bytes,
                                   record->transport != TD_TRANSPORT_UDP);
    g_autoptr (GString) what = g_string_new (NULL);

    rung->of = g_strdup ("");
    if (verdict == SIP_SCAN_GOOD && scan->is_request) {
        g_string_append_len (what, scan->method_name.text, (gssize) scan->method_name.len_bytes);
    } else if (verdict == SIP_SCAN_GOOD) {
        rung->status = scan->status;
        g_string_append_printf (what, "%u %.*s", scan->status, (int) scan->reason.len_bytes,
                                scan->reason.text);
        g_free (rung->of);
        rung->of = safe (scan->cseq_method, WHAT_CELLS / 2);
    } else {
        g_string_append_printf (what, "malformed: %s", scan->why != NULL ? scan->why : "?");
    }
    rung->what = safe ((SipView){ what->str, what->len }, WHAT_CELLS);
    if (verdict == SIP_SCAN_GOOD) {
        describe_media (rung, scan);
    }
}

/* --- Columns ----------------------------------------------------------------------------- */

static bool
is_column_of (const SipColumn *column, const SipTraced *message)
{
    return column->is_left == message->is_left && column->transport == message->record.transport
           && td_address_equal (&column->address, &message->record.remote);
}

static void
name_column (SipColumn *column)
{
    td_address_print_host (&column->address, column->host);
    g_snprintf (column->port, sizeof column->port, "%s %u", sip_transport_name (column->transport),
                td_address_port (&column->address));
}

/* The column of the peer of MESSAGE among N of one side; a new one if there is room. */
static unsigned
find_column (SipColumn columns[MAX_SIDE], unsigned *n, const SipTraced *message)
{
    for (unsigned i = 0; i < *n; i++) {
        if (is_column_of (&columns[i], message)) {
            return i;
        }
    }
    if (*n == MAX_SIDE) {
        columns[MAX_SIDE - 1].is_shared = true;
        return MAX_SIDE - 1;
    }
    columns[*n] = (SipColumn){ .address = message->record.remote,
                               .transport = message->record.transport,
                               .is_left = message->is_left };
    name_column (&columns[*n]);
    return (*n)++;
}

/* Puts this switch between those who called it and those it called. */
static void
arrange_columns (SipLadder *ladder, SipColumn left[MAX_SIDE], unsigned n_left,
                 SipColumn right[MAX_SIDE], unsigned n_right)
{
    const SipTraced *first = g_array_index (ladder->rungs, SipRung, 0).message;
    SipColumn *self = &ladder->columns[n_left];

    memcpy (ladder->columns, left, n_left * sizeof *left);
    *self = (SipColumn){ .address = first->record.local, .transport = first->record.transport };
    name_column (self);
    memcpy (self + 1, right, n_right * sizeof *right);
    ladder->self = n_left;
    ladder->n_columns = n_left + 1 + n_right;
    for (unsigned i = 0; i < ladder->n_columns; i++) {
        ladder->columns[i].role = i < n_left ? "caller" : i == n_left ? "tandem" : "callee";
    }
}

static void
place_rungs (SipLadder *ladder)
{
    SipColumn left[MAX_SIDE], right[MAX_SIDE];
    unsigned n_left = 0, n_right = 0;

    for (unsigned i = 0; i < ladder->rungs->len;
         i++) { /* "from" is the peer's column of its side */
        SipRung *rung = &g_array_index (ladder->rungs, SipRung, i);
        rung->from = rung->message->is_left ? find_column (left, &n_left, rung->message)
                                            : find_column (right, &n_right, rung->message);
    }
    arrange_columns (ladder, left, n_left, right, n_right);
    for (unsigned i = 0; i < ladder->rungs->len; i++) {
        SipRung *rung = &g_array_index (ladder->rungs, SipRung, i);
        unsigned peer = rung->message->is_left ? rung->from : ladder->self + 1 + rung->from;
        rung->from = rung->message->record.is_sent ? ladder->self : peer;
        rung->to = rung->message->record.is_sent ? peer : ladder->self;
    }
}

/* --- Rungs ------------------------------------------------------------------------------- */

static void
clear_rung (void *data)
{
    SipRung *rung = data;

    g_free (rung->what);
    g_free (rung->of);
    for (unsigned i = 0; i < rung->n_media; i++) {
        g_free (rung->media[i][0]);
        g_free (rung->media[i][1]);
    }
}

static guint
hash_bytes (const void *key)
{
    const SipTraced *message = key;

    return (guint) sip_view_hash ((SipView){ message->bytes, message->record.len_bytes }, 0);
}

/* The same bytes to the same place: sent again (RFC 3261 17.1.1.2, 13.3.1.4). */
static gboolean
are_same (const void *a, const void *b)
{
    const SipTraced *one = a, *other = b;

    return one->record.is_sent == other->record.is_sent
           && one->record.len_bytes == other->record.len_bytes
           && td_address_equal (&one->record.remote, &other->record.remote)
           && memcmp (one->bytes, other->bytes, one->record.len_bytes) == 0;
}

static void
add_rungs (SipLadder *ladder, const SipTraces *traces)
{
    g_autoptr (GHashTable) seen = g_hash_table_new (hash_bytes, are_same);
    g_autofree SipScan *scan = g_new0 (SipScan, 1);
    int64_t first_us = 0, before_us = 0;

    for (unsigned i = 0; i < traces->messages->len; i++) {
        SipTraced *message = &g_array_index (traces->messages, SipTraced, i);
        int64_t at_us = message->record.wall_us;
        first_us = i == 0 ? at_us : first_us;
        before_us = i == 0 ? at_us : before_us;
        SipRung rung = { .message = message,
                         .since_us = at_us - first_us,
                         .delta_us = at_us - before_us,
                         .is_again = !g_hash_table_add (seen, message) };
        before_us = at_us;
        describe_message (&rung, scan);
        ladder->n_again += rung.is_again;
        g_array_append_val (ladder->rungs, rung);
    }
}

SipLadder *
sip_ladder_new (const SipTraces *traces, const char *title)
{
    SipLadder *ladder = g_new0 (SipLadder, 1);

    ladder->title = safe (sip_view_of (title), WHAT_CELLS);
    ladder->n_left_out = traces->n_left_out;
    ladder->rungs = g_array_new (FALSE, FALSE, sizeof (SipRung));
    g_array_set_clear_func (ladder->rungs, clear_rung);
    add_rungs (ladder, traces);
    place_rungs (ladder);
    return ladder;
}

void
sip_ladder_free (SipLadder *ladder)
{
    if (ladder == NULL) {
        return;
    }
    g_array_unref (ladder->rungs);
    g_free (ladder->title);
    g_free (ladder);
}
