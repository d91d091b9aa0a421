/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A ladder as SVG: no script, no font, no link, nothing that must be fetched. */

#include "trace.h"

enum {
    LEFT = 200, /* where the first column stands */
    GAP = 260,
    RIGHT = 120,
    HEAD = 110,
    ROW = 26,
    NOTE = 15,
    FOOT = 60,
    LABEL_CELLS = 38,
    NOTE_CELLS = 38,
};

/* A palette that stays apart for every kind of colour vision; the text says the same. */
#define COLOUR_REQUEST     "#0072b2"
#define COLOUR_PROVISIONAL "#555555"
#define COLOUR_SUCCESS     "#00795a"
#define COLOUR_FAILURE     "#b34700"

static unsigned
x_of (unsigned column)
{
    return LEFT + column * GAP;
}

static const char *
colour_of (const SipRung *rung)
{
    return rung->status == 0    ? COLOUR_REQUEST
           : rung->status < 200 ? COLOUR_PROVISIONAL
           : rung->status < 300 ? COLOUR_SUCCESS
                                : COLOUR_FAILURE;
}

static void
append_text (GString *out, unsigned x, unsigned y, const char *attributes, const char *text)
{
    g_autofree char *escaped = g_markup_escape_text (text, -1);

    g_string_append_printf (out, "<text x=\"%u\" y=\"%u\"%s>%s</text>\n", x, y, attributes,
                            escaped);
}

static void
append_cut (GString *out, unsigned x, unsigned y, const char *attributes, const char *text,
            unsigned max_cells)
{
    g_autoptr (GString) cut = g_string_new (NULL);

    sip_ladder_append_safe (cut, sip_view_of (text), max_cells);
    append_text (out, x, y, attributes, cut->str);
}

static unsigned
height_of (const SipRung *rung)
{
    return ROW + NOTE * (2 * rung->n_media + (rung->n_more_media > 0));
}

static void
append_columns (GString *out, const SipLadder *ladder, unsigned bottom)
{
    for (unsigned i = 0; i < ladder->n_columns; i++) {
        const SipColumn *column = &ladder->columns[i];
        g_autofree char *port =
            g_strconcat (column->port, column->is_shared ? " and others" : "", NULL);
        append_text (out, x_of (i), 52, " class=\"m b\"", column->role);
        append_text (out, x_of (i), 68, " class=\"m\"", column->host);
        append_text (out, x_of (i), 84, " class=\"m\"", port);
        g_string_append_printf (
            out, "<line x1=\"%u\" y1=\"92\" x2=\"%u\" y2=\"%u\" stroke=\"#999999\"/>\n", x_of (i),
            x_of (i), bottom);
    }
}

static void
append_times (GString *out, const SipRung *rung, unsigned y)
{
    char text[64];

    g_snprintf (text, sizeof text, "%.3f s", (double) rung->since_us / G_USEC_PER_SEC);
    append_text (out, 70, y, " class=\"e\"", text);
    g_snprintf (text, sizeof text, "+%.2f ms", (double) rung->delta_us / 1000);
    append_text (out, 160, y, " class=\"e\" fill=\"#555555\"", text);
}

static void
append_head_of_arrow (GString *out, unsigned x, unsigned y, bool is_right, const char *colour)
{
    int tail = is_right ? -9 : 9;

    g_string_append_printf (out, "<polygon points=\"%u,%u %d,%u %d,%u\" fill=\"%s\"/>\n", x, y,
                            (int) x + tail, y - 4, (int) x + tail, y + 4, colour);
}

static void
append_notes (GString *out, const SipRung *rung, unsigned x, unsigned y)
{
    for (unsigned i = 0; i < rung->n_media; i++) {
        append_cut (out, x, y += NOTE, " class=\"m n\"", rung->media[i][0], NOTE_CELLS);
        append_cut (out, x, y += NOTE, " class=\"m n\"", rung->media[i][1], NOTE_CELLS);
    }
    if (rung->n_more_media > 0) {
        g_autofree char *more = g_strdup_printf ("and %u more", rung->n_more_media);
        append_text (out, x, y + NOTE, " class=\"m n\"", more);
    }
}

static void
append_rung (GString *out, const SipLadder *ladder, const SipRung *rung, unsigned y)
{
    unsigned peer = rung->from == ladder->self ? rung->to : rung->from;
    unsigned middle = peer < ladder->self ? x_of (peer) + GAP / 2 : x_of (peer) - GAP / 2;
    const char *colour = colour_of (rung);
    bool has_of = *rung->of != '\0';
    g_autofree char *label = g_strconcat (rung->what, has_of ? " (" : "", rung->of,
                                          has_of ? ")" : "", rung->is_again ? " again" : "", NULL);
    g_autofree char *attributes = g_strdup_printf (" class=\"m b\" fill=\"%s\"", colour);

    append_times (out, rung, y);
    append_cut (out, middle, y - 5, attributes, label, LABEL_CELLS);
    g_string_append_printf (out,
                            "<line x1=\"%u\" y1=\"%u\" x2=\"%u\" y2=\"%u\" stroke=\"%s\" "
                            "stroke-width=\"1.5\"%s/>\n",
                            x_of (rung->from), y, x_of (rung->to), y, colour,
                            rung->is_again ? " stroke-dasharray=\"5 4\"" : "");
    append_head_of_arrow (out, x_of (rung->to), y, rung->to > rung->from, colour);
    append_notes (out, rung, middle, y);
}

static void
append_begin (GString *out, const SipLadder *ladder, unsigned width, unsigned height)
{
    g_autofree char *title = g_markup_escape_text (ladder->title, -1);

    g_string_append_printf (
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%u\" height=\"%u\" "
        "viewBox=\"0 0 %u %u\" font-family=\"monospace\" font-size=\"11\">\n"
        "<title>%s</title>\n"
        "<style>.m{text-anchor:middle}.e{text-anchor:end}.b{font-weight:bold}.n{fill:#333333}"
        "</style>\n"
        "<rect width=\"%u\" height=\"%u\" fill=\"#ffffff\"/>\n",
        width, height, width, height, title, width, height);
    append_text (out, 20, 24, " font-size=\"14\" font-weight=\"bold\"", ladder->title);
}

char *
sip_ladder_to_svg (const SipLadder *ladder)
{
    unsigned width = x_of (ladder->n_columns - 1) + RIGHT, height = HEAD + FOOT;
    GString *out = g_string_new (NULL);
    unsigned y = HEAD + 10;

    for (unsigned i = 0; i < ladder->rungs->len; i++) {
        height += height_of (&g_array_index (ladder->rungs, SipRung, i));
    }
    append_begin (out, ladder, width, height);
    append_columns (out, ladder, height - FOOT + 10);
    for (unsigned i = 0; i < ladder->rungs->len; i++) {
        const SipRung *rung = &g_array_index (ladder->rungs, SipRung, i);
        append_rung (out, ladder, rung, y);
        y += height_of (rung);
    }
    g_autofree char *foot =
        g_strdup_printf ("%u messages, %u of them sent again (dashed)%s", ladder->rungs->len,
                         ladder->n_again, ladder->n_left_out > 0 ? "; later ones left out" : "");
    append_text (out, 20, height - 20, "", foot);
    g_string_append (out, "</svg>\n");
    return g_string_free (out, FALSE);
}
