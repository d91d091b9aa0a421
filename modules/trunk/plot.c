/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Traffic as a picture: three panels over one axis of time.
 *
 *     calls       mean and peak, and the capacity
 *     percent     answer-seizure ratio, network effectiveness ratio
 *     per interval  attempts, overflow
 */

#include "plot.h"

#include <string.h>

enum {
    WIDTH = 960,
    LEFT = 60,
    RIGHT = 20,
    TOP = 40,
    PANEL = 150,
    GAP = 50,
    N_PANELS = 3,
    MAX_LINES = 2,
    HEIGHT = TOP + N_PANELS * (PANEL + GAP),
};

typedef double (*Reading) (const Interval *interval);

typedef struct {
    const char *title;
    double top; /* of the scale; 0: what the readings ask for */
    struct {
        const char *name, *colour;
        Reading read;
    } lines[MAX_LINES];
} Panel;

static double
read_mean (const Interval *interval)
{
    return interval->mean_centi / 100.0;
}

static double
read_peak (const Interval *interval)
{
    return interval->peak;
}

static double
read_attempts (const Interval *interval)
{
    return interval->counts[COUNT_IN_ATTEMPTS] + interval->counts[COUNT_OUT_ATTEMPTS];
}

static double
read_overflow (const Interval *interval)
{
    return interval->counts[COUNT_OVERFLOW];
}

static const Panel panels[N_PANELS] = {
    { "Calls", 0, { { "mean", "#1f6fb4", read_mean }, { "peak", "#d1781d", read_peak } } },
    { "Percent", 100, { { "ASR", "#1f6fb4", interval_asr }, { "NER", "#3a8f3a", interval_ner } } },
    { "Calls an interval",
      0,
      { { "attempts", "#1f6fb4", read_attempts }, { "overflow", "#b4291f", read_overflow } } },
};

typedef struct {
    GString *out;
    const GArray *intervals;
    int64_t begin_us, end_us;
    uint32_t capacity;
} Plot;

static const Interval *
at (const Plot *plot, unsigned index)
{
    return &g_array_index (plot->intervals, Interval, index);
}

static void
append_text (GString *out, double x, double y, const char *anchor, const char *text)
{
    g_autofree char *escaped = g_markup_escape_text (text, -1);

    g_string_append_printf (out, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>\n", (int) x,
                            (int) y, anchor, escaped);
}

static double
x_of (const Plot *plot, int64_t wall_us)
{
    double whole = (double) MAX (plot->end_us - plot->begin_us, 1);

    return LEFT + (WIDTH - LEFT - RIGHT) * (double) (wall_us - plot->begin_us) / whole;
}

/* The next of 1, 2, 5, 10, 20 ... that is not less than VALUE. */
static double
round_up (double value)
{
    static const double steps[] = { 1, 2, 5 };

    for (double scale = 1;; scale *= 10) {
        for (unsigned i = 0; i < G_N_ELEMENTS (steps); i++) {
            if (steps[i] * scale >= value) {
                return steps[i] * scale;
            }
        }
    }
}

static double
top_of (const Plot *plot, const Panel *panel)
{
    double top = panel == &panels[0] ? plot->capacity : 0;

    for (unsigned i = 0; i < plot->intervals->len; i++) {
        for (unsigned line = 0; line < MAX_LINES; line++) {
            top = MAX (top, panel->lines[line].read (at (plot, i)));
        }
    }
    return panel->top > 0 ? panel->top : round_up (top);
}

/* Steps, as each value holds for a whole interval; a gap where there is none. */
static void
draw_line (const Plot *plot, const Panel *panel, unsigned line, double base, double top)
{
    GString *out = plot->out;

    g_string_append_printf (out, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" d=\"",
                            panel->lines[line].colour);
    for (unsigned i = 0; i < plot->intervals->len; i++) {
        const Interval *interval = at (plot, i);
        double value = panel->lines[line].read (interval);
        int64_t end_us = interval->begin_us + (int64_t) interval->length_s * G_USEC_PER_SEC;
        if (value >= 0) {
            int y = (int) (base - PANEL * value / top);
            g_string_append_printf (out, "M%d %dH%d", (int) x_of (plot, interval->begin_us), y,
                                    (int) x_of (plot, end_us));
        }
    }
    g_string_append (out, "\"/>\n");
}

static void
draw_panel (const Plot *plot, unsigned index)
{
    const Panel *panel = &panels[index];
    double base = TOP + index * (PANEL + GAP) + PANEL, top = top_of (plot, panel);
    g_autofree char *scale = g_strdup_printf ("%d", (int) top);

    append_text (plot->out, LEFT, base - PANEL - 8, "start", panel->title);
    append_text (plot->out, LEFT - 6, base - PANEL + 4, "end", scale);
    append_text (plot->out, LEFT - 6, base + 4, "end", "0");
    g_string_append_printf (plot->out,
                            "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" "
                            "stroke=\"#999\"/>\n",
                            LEFT, (int) base - PANEL, WIDTH - LEFT - RIGHT, PANEL);
    if (index == 0 && plot->capacity > 0) {
        int y = (int) (base - PANEL * plot->capacity / top);
        g_string_append_printf (plot->out,
                                "<path stroke=\"#b4291f\" stroke-dasharray=\"4 4\" "
                                "d=\"M%d %dH%d\"/>\n",
                                LEFT, y, WIDTH - RIGHT);
    }
    for (unsigned line = 0; line < MAX_LINES; line++) {
        draw_line (plot, panel, line, base, top);
        g_string_append_printf (plot->out, "<g fill=\"%s\">", panel->lines[line].colour);
        append_text (plot->out, WIDTH - RIGHT - 80.0 * (MAX_LINES - 1 - line), base - PANEL - 8,
                     "end", panel->lines[line].name);
        g_string_append (plot->out, "</g>\n");
    }
}

static void
draw_times (const Plot *plot)
{
    enum { N_TIMES = 6 };

    for (unsigned i = 0; i <= N_TIMES; i++) {
        int64_t wall_us = plot->begin_us + (plot->end_us - plot->begin_us) * i / N_TIMES;
        g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (wall_us / G_USEC_PER_SEC);
        g_autofree char *text = g_date_time_format (time, "%m-%d %H:%M");
        append_text (plot->out, x_of (plot, wall_us), HEIGHT - GAP + 16, "middle", text);
    }
}

char *
plot_intervals (const char *name, const GArray *intervals, uint32_t capacity)
{
    const Interval *last = &g_array_index (intervals, Interval, intervals->len - 1);
    Plot plot = {
        .out = g_string_new (NULL),
        .intervals = intervals,
        .begin_us = g_array_index (intervals, Interval, 0).begin_us,
        .end_us = last->begin_us + (int64_t) MAX (last->length_s, 1) * G_USEC_PER_SEC,
        .capacity = capacity,
    };
    g_autofree char *title = g_strdup_printf ("Trunk %s, UTC", name);

    g_string_append_printf (plot.out,
                            "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" "
                            "width=\"%d\" height=\"%d\" font-family=\"sans-serif\" "
                            "font-size=\"12\">\n<rect width=\"%d\" height=\"%d\" "
                            "fill=\"#fff\"/>\n",
                            WIDTH, HEIGHT, WIDTH, HEIGHT);
    append_text (plot.out, LEFT, 16, "start", title);
    for (unsigned i = 0; i < N_PANELS; i++) {
        draw_panel (&plot, i);
    }
    draw_times (&plot);
    g_string_append (plot.out, "</svg>\n");
    return g_string_free (plot.out, FALSE);
}
