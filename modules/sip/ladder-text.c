/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A ladder for the terminal.
 *
 *       time s   delta ms  127.0.0.1          tandem           127.0.0.1
 *        0.000                 |----- INVITE ---->|                 |
 *        0.001        0.6      |<-- 100 Trying ---|                 |
 */

#include "trace.h"

enum {
    PREFIX = 22,  /* columns for the times */
    GAP_MIN = 28, /* an IPv4 address with its port stands between two columns */
    GAP_MAX = 44,
    MARGIN = 4,
};

/* One line, cell by cell: a wide character takes one cell and leaves the next one 0. */
typedef struct {
    const SipLadder *ladder;
    GString *out;
    unsigned gap;
    gunichar *cells;
    unsigned n_cells;
} Canvas;

static unsigned
x_of (const Canvas *canvas, unsigned column)
{
    return PREFIX + MARGIN + column * canvas->gap;
}

static void
put_char (Canvas *canvas, unsigned x, gunichar c)
{
    if (x < canvas->n_cells) {
        canvas->cells[x] = c;
    }
}

static void
put (Canvas *canvas, unsigned x, const char *text)
{
    for (; *text != '\0'; text = g_utf8_next_char (text)) {
        gunichar c = g_utf8_get_char (text);
        put_char (canvas, x++, c);
        if (g_unichar_iswide (c)) {
            put_char (canvas, x++, 0);
        }
    }
}

static void
begin_line (Canvas *canvas)
{
    for (unsigned i = 0; i < canvas->n_cells; i++) {
        canvas->cells[i] = ' ';
    }
}

static void
end_line (Canvas *canvas)
{
    unsigned n = canvas->n_cells;

    while (n > 0 && canvas->cells[n - 1] == ' ') {
        n--;
    }
    for (unsigned i = 0; i < n; i++) {
        if (canvas->cells[i] != 0) {
            g_string_append_unichar (canvas->out, canvas->cells[i]);
        }
    }
    g_string_append_c (canvas->out, '\n');
}

static void
put_posts (Canvas *canvas)
{
    for (unsigned i = 0; i < canvas->ladder->n_columns; i++) {
        put_char (canvas, x_of (canvas, i), '|');
    }
}

/* Puts TEXT, cut to ROOM columns, into the middle of ROOM columns from X on. */
static void
put_between (Canvas *canvas, unsigned x, unsigned room, const char *text)
{
    g_autoptr (GString) cut = g_string_new (NULL);
    unsigned width = sip_ladder_append_safe (cut, sip_view_of (text), room);

    put (canvas, x + (room - width) / 2, cut->str);
}

/* Where the gap beside PEER begins, on the side of this switch: no other arrow's label is there. */
static unsigned
gap_of (const Canvas *canvas, const SipRung *rung)
{
    unsigned self = canvas->ladder->self, peer = rung->from == self ? rung->to : rung->from;

    return x_of (canvas, peer < self ? peer : peer - 1) + 1;
}

/* --- The head ---------------------------------------------------------------------------- */

static bool
is_cut (const Canvas *canvas, const SipColumn *column)
{
    return strlen (column->host) > canvas->gap - 2;
}

static void
append_head (Canvas *canvas)
{
    const SipLadder *ladder = canvas->ladder;
    char name[TD_ADDRESS_TEXT_SIZE + 8];

    for (unsigned line = 0; line < 3; line++) {
        begin_line (canvas);
        for (unsigned i = 0; i < ladder->n_columns; i++) {
            const SipColumn *column = &ladder->columns[i];
            g_snprintf (name, sizeof name, "%s", line == 0 ? column->role : column->host);
            if (line == 1 && is_cut (canvas, column)) {
                g_snprintf (name, sizeof name, "(%u)", i + 1);
            }
            if (line == 2) {
                g_snprintf (name, sizeof name, "%s%s", column->port,
                            column->is_shared ? " and others" : "");
            }
            put_between (canvas, x_of (canvas, i) - canvas->gap / 2 + 1, canvas->gap - 2, name);
        }
        end_line (canvas);
    }
    begin_line (canvas);
    put (canvas, 0, "    time s   delta ms");
    put_posts (canvas);
    end_line (canvas);
}

/* --- Rungs ------------------------------------------------------------------------------- */

static void
put_times (Canvas *canvas, const SipRung *rung, bool is_first)
{
    char text[64];

    g_snprintf (text, sizeof text, "%10.3f", (double) rung->since_us / G_USEC_PER_SEC);
    put (canvas, 0, text);
    if (!is_first) {
        g_snprintf (text, sizeof text, "%11.2f", (double) rung->delta_us / 1000);
        put (canvas, 10, text);
    }
}

/* "180 Ringing (INVITE) again" in at most MAX columns; what is cut is the phrase. */
static char *
label_of (const SipRung *rung, unsigned max)
{
    g_autofree char *tail =
        g_strdup_printf ("%s%s%s%s", *rung->of != '\0' ? " (" : "", rung->of,
                         *rung->of != '\0' ? ")" : "", rung->is_again ? " again" : "");
    GString *label = g_string_new (NULL);
    unsigned tail_cells = (unsigned) g_utf8_strlen (tail, -1);

    sip_ladder_append_safe (label, sip_view_of (rung->what),
                            max > tail_cells + 6 ? max - tail_cells : 6);
    g_string_append (label, tail);
    g_autofree char *all = g_string_free (label, FALSE);
    label = g_string_new (NULL);
    sip_ladder_append_safe (label, sip_view_of (all), max);
    return g_string_free (label, FALSE);
}

static void
append_arrow (Canvas *canvas, const SipRung *rung, bool is_first)
{
    unsigned low = x_of (canvas, MIN (rung->from, rung->to));
    unsigned high = x_of (canvas, MAX (rung->from, rung->to));
    g_autofree char *label = label_of (rung, canvas->gap - 6);
    g_autofree char *spaced = g_strdup_printf (" %s ", label);

    begin_line (canvas);
    put_times (canvas, rung, is_first);
    put_posts (canvas);
    for (unsigned x = low + 1; x < high; x++) {
        put_char (canvas, x, rung->is_again && (x - low) % 2 == 0 ? ' ' : '-');
    }
    put_char (canvas, rung->to > rung->from ? high - 1 : low + 1,
              rung->to > rung->from ? '>' : '<');
    put_between (canvas, gap_of (canvas, rung) + 1, canvas->gap - 3, spaced);
    end_line (canvas);
}

static void
append_note (Canvas *canvas, unsigned x, const char *text)
{
    begin_line (canvas);
    put_posts (canvas);
    put_between (canvas, x, canvas->gap - 1, text);
    end_line (canvas);
}

/* The whole of TEXT, on as many lines as it needs. */
static void
append_whole (Canvas *canvas, unsigned x, const char *text)
{
    g_autoptr (GString) line = g_string_new (NULL);
    unsigned n_cells = 0;

    for (; *text != '\0'; text = g_utf8_next_char (text)) {
        gunichar c = g_utf8_get_char (text);
        unsigned width = g_unichar_iswide (c) ? 2 : 1;
        if (n_cells + width > canvas->gap - 1) {
            append_note (canvas, x, line->str);
            g_string_truncate (line, 0);
            n_cells = 0;
        }
        g_string_append_unichar (line, c);
        n_cells += width;
    }
    append_note (canvas, x, line->str);
}

/* Media under the arrow: on one line where they fit, on two otherwise. */
static void
append_media (Canvas *canvas, const SipRung *rung)
{
    unsigned x = gap_of (canvas, rung);

    for (unsigned i = 0; i < rung->n_media; i++) {
        g_autofree char *both = g_strdup_printf ("%s %s", rung->media[i][0], rung->media[i][1]);
        if (g_utf8_strlen (both, -1) < (glong) canvas->gap) {
            append_note (canvas, x, both);
        } else {
            append_whole (canvas, x, rung->media[i][0]);
            append_note (canvas, x, rung->media[i][1]);
        }
    }
    if (rung->n_more_media > 0) {
        g_autofree char *more = g_strdup_printf ("and %u more", rung->n_more_media);
        append_note (canvas, x, more);
    }
}

/* --- The foot ---------------------------------------------------------------------------- */

static void
append_foot (Canvas *canvas)
{
    const SipLadder *ladder = canvas->ladder;

    g_string_append_printf (canvas->out, "%u messages, %u of them sent again\n", ladder->rungs->len,
                            ladder->n_again);
    if (ladder->n_left_out > 0) {
        g_string_append_printf (canvas->out, "%u later messages are left out\n",
                                ladder->n_left_out);
    }
    for (unsigned i = 0; i < ladder->n_columns; i++) {
        if (is_cut (canvas, &ladder->columns[i])) {
            g_string_append_printf (canvas->out, "(%u) %s\n", i + 1, ladder->columns[i].host);
        }
    }
}

char *
sip_ladder_to_text (const SipLadder *ladder, unsigned width)
{
    Canvas canvas = { .ladder = ladder, .out = g_string_new (NULL) };
    unsigned room = width > PREFIX + MARGIN ? width - PREFIX - MARGIN : 0;

    canvas.gap = CLAMP (2 * room / (2 * ladder->n_columns - 1), GAP_MIN, GAP_MAX);
    canvas.n_cells = x_of (&canvas, ladder->n_columns - 1) + canvas.gap / 2 + 1;
    canvas.cells = g_new (gunichar, canvas.n_cells);
    append_head (&canvas);
    for (unsigned i = 0; i < ladder->rungs->len; i++) {
        const SipRung *rung = &g_array_index (ladder->rungs, SipRung, i);
        append_arrow (&canvas, rung, i == 0);
        append_media (&canvas, rung);
    }
    append_foot (&canvas);
    g_free (canvas.cells);
    return g_string_free (canvas.out, FALSE);
}
