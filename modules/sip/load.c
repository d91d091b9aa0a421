/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What our responses say of our own load (RFC 7339, we as the server, algorithm "loss"). */

#include "load.h"

#include <stdatomic.h>
#include <tandem/lane.h>

enum {
    WINDOW_US = 250000,  /* how long is counted before the share is set anew */
    VALIDITY_MS = 1000,  /* a client that hears nothing for so long sends all again */
    LEAST_REQUESTS = 10, /* fewer in a window say nothing */
    RELIEF = 10,         /* a tenth less is asked for after a window in which all were served */
    MOST_PERCENT = 95,   /* by what became of requests; see next_percent () */
};

struct SipLoad {
    atomic_uint n_served, n_refused; /* in this window */
    _Atomic int64_t until_us;        /* when it ends */
    atomic_uint percent;             /* by what became of requests */
    atomic_uint least_percent;
    _Atomic uint64_t seq; /* milliseconds of the wall clock, when something changed last */
};

SipLoad *
sip_load_new (void)
{
    SipLoad *load = g_new0 (SipLoad, 1);

    atomic_store (&load->seq, (uint64_t) td_clock_wall_us () / 1000);
    return load;
}

void
sip_load_free (SipLoad *load)
{
    g_free (load);
}

/* RFC 7339 4.4: later ones are larger, also when the clock was set back or stands still. */
static void
advance_seq (SipLoad *load)
{
    uint64_t now_ms = (uint64_t) td_clock_wall_us () / 1000;
    uint64_t before = atomic_load (&load->seq);

    atomic_store (&load->seq, MAX (before + 1, now_ms));
}

/* What is kept back already did not come: of the rest the refused share should not have come either.
 * When nobody was refused more may come, little by little. A twentieth may always come: it may be others
 * who flood us and keep nothing back, and at 100 those who do what we ask would send nothing at all, not
 * even what matters most (RFC 7339 5.5). */
static unsigned
next_percent (unsigned percent, unsigned n_served, unsigned n_refused)
{
    unsigned n = n_served + n_refused;

    if (n_refused == 0 || n < LEAST_REQUESTS) {
        return percent - (percent + RELIEF - 1) / RELIEF;
    }
    return MIN (100 - (100 - percent) * n_served / n, MOST_PERCENT);
}

static void
end_window (SipLoad *load)
{
    unsigned n_served = atomic_exchange (&load->n_served, 0);
    unsigned n_refused = atomic_exchange (&load->n_refused, 0);
    unsigned percent = atomic_load (&load->percent);
    unsigned next = next_percent (percent, n_served, n_refused);

    if (next != percent) {
        atomic_store (&load->percent, next);
        advance_seq (load);
    }
}

/* The lane that first sees the window over ends it. */
static void
look_at_window (SipLoad *load)
{
    int64_t now_us = td_clock_now_us ();
    int64_t until_us = atomic_load_explicit (&load->until_us, memory_order_relaxed);

    if (now_us >= until_us
        && atomic_compare_exchange_strong (&load->until_us, &until_us, now_us + WINDOW_US)) {
        end_window (load);
    }
}

void
sip_load_count (SipLoad *load, bool is_refused)
{
    look_at_window (load);
    atomic_fetch_add_explicit (is_refused ? &load->n_refused : &load->n_served, 1,
                               memory_order_relaxed);
}

void
sip_load_set_least (SipLoad *load, unsigned percent)
{
    if (atomic_exchange (&load->least_percent, MIN (percent, 100)) != MIN (percent, 100)) {
        advance_seq (load);
    }
}

bool
sip_load_is_asked (const SipVia *via)
{
    SipView value, algorithms, item;

    /* RFC 7339 4.1: a request has no value there. */
    if (!sip_param_find (via->params, "oc", &value) || value.len_bytes > 0
        || !sip_param_find (via->params, "oc-algo", &algorithms) || algorithms.len_bytes < 2) {
        return false;
    }
    algorithms = sip_view_span (algorithms.text + 1, algorithms.text + algorithms.len_bytes - 1);
    while (sip_view_split (&algorithms, ',', &item)) {
        if (sip_view_is_nocase (sip_view_trim (item), "loss")) {
            return true;
        }
    }
    return false;
}

void
sip_load_write (SipLoad *load, GString *out)
{
    unsigned percent = 0;
    uint64_t seq = 0;
    char text[96];

    if (load != NULL) {
        look_at_window (load);
        percent = MAX (atomic_load (&load->percent), atomic_load (&load->least_percent));
        seq = atomic_load (&load->seq);
    }
    /* RFC 7339 5.1, 5.7: nothing to keep back is 0 for no time. */
    g_snprintf (text, sizeof text,
                ";oc=%u;oc-algo=\"loss\";oc-validity=%u;oc-seq=%" G_GUINT64_FORMAT ".%03u", percent,
                percent > 0 ? VALIDITY_MS : 0, seq / 1000, (unsigned) (seq % 1000));
    g_string_append (out, text);
}
