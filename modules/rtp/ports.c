/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A queue of pairs of ports: taken at its head, given back at its end; and who is in use. */

#include "ports.h"

#include <errno.h>
#include <pthread.h>
#include <sys/random.h>
#include <tandem/base.h>

typedef struct {
    uint16_t port;
    int64_t rests_until_us;
} Pair;

enum {
    ALL_PAIRS = (UINT16_MAX + 1) / 2,
    WORD = 64,
};

/* The ring has a place for every pair of the range, so that there is room for all that come back. */
struct RtpPorts {
    pthread_mutex_t lock; /* guards what follows, never held while calling out */
    int64_t rest_us;
    unsigned first; /* even */
    unsigned n_pairs;
    unsigned head;
    unsigned n_free;
    Pair *ring;
    unsigned n_in_use;
    uint64_t in_use[ALL_PAIRS / WORD]; /* a bit a pair, also of those that have left the range */
};

static uint32_t
random_below (uint32_t limit)
{
    uint32_t number;

    /* Small requests are answered whole once the kernel's pool is up, which is long before us. */
    if (getrandom (&number, sizeof number, 0) != sizeof number) {
        number = g_random_int ();
    }
    return number % limit;
}

/* Fisher and Yates. */
static void
shuffle (Pair *ring, unsigned n_pairs)
{
    for (unsigned i = n_pairs; i > 1; i--) {
        unsigned other = random_below (i);
        Pair pair = ring[i - 1];
        ring[i - 1] = ring[other];
        ring[other] = pair;
    }
}

static unsigned
first_even (unsigned first)
{
    return first + first % 2;
}

static unsigned
count_pairs (unsigned first, unsigned last)
{
    unsigned even = first_even (first);

    return last > even ? (last - even + 1) / 2 : 0;
}

bool
rtp_ports_check (unsigned first, unsigned last, GError **error)
{
    if (count_pairs (first, last) > 0 && first > 0 && last <= UINT16_MAX) {
        return true;
    }
    g_set_error (error, g_quark_from_string ("td-rtp-error"), EINVAL,
                 "ports %u to %u hold no pair of an even port and the next one: widen the range",
                 first, last);
    return false;
}

/* --- With the lock ----------------------------------------------------------------------- */

static bool
is_in_range (const RtpPorts *ports, unsigned port)
{
    return port >= ports->first && (port - ports->first) / 2 < ports->n_pairs;
}

static bool
is_in_use (const RtpPorts *ports, unsigned port)
{
    return (ports->in_use[port / 2 / WORD] >> port / 2 % WORD & 1) != 0;
}

static void
mark (RtpPorts *ports, unsigned port, bool is_used)
{
    uint64_t bit = UINT64_C (1) << port / 2 % WORD;

    if (is_used) {
        ports->in_use[port / 2 / WORD] |= bit;
        ports->n_in_use++;
    } else {
        ports->in_use[port / 2 / WORD] &= ~bit;
        ports->n_in_use--;
    }
}

static void
append (RtpPorts *ports, Pair pair)
{
    ports->ring[(ports->head + ports->n_free) % ports->n_pairs] = pair;
    ports->n_free++;
}

/* Whether PORT is one of the pairs that rest, or have never been used, in BEFORE. */
static bool
had (const RtpPorts *before, unsigned port)
{
    return before->ring != NULL && is_in_range (before, port);
}

/* Pairs that are new come first, in no order, then those that were free BEFORE, in theirs. None rests
 * for longer than a pair would that comes back now. */
static void
fill (RtpPorts *ports, const RtpPorts *before, int64_t now_us)
{
    for (unsigned i = 0; i < ports->n_pairs; i++) {
        unsigned port = ports->first + 2 * i;
        if (!is_in_use (ports, port) && !had (before, port)) {
            append (ports, (Pair){ .port = (uint16_t) port, .rests_until_us = INT64_MIN });
        }
    }
    shuffle (ports->ring, ports->n_free);
    for (unsigned i = 0; i < before->n_free; i++) {
        Pair pair = before->ring[(before->head + i) % before->n_pairs];
        pair.rests_until_us = MIN (pair.rests_until_us, now_us + ports->rest_us);
        if (is_in_range (ports, pair.port)) {
            append (ports, pair);
        }
    }
}

/* --- From outside ------------------------------------------------------------------------ */

void
rtp_ports_change (RtpPorts *ports, unsigned first, unsigned last, unsigned rest_ms, int64_t now_us)
{
    unsigned n_pairs = count_pairs (first, last);
    Pair *ring = g_new (Pair, n_pairs);

    pthread_mutex_lock (&ports->lock);
    RtpPorts before = *ports;
    ports->rest_us = (int64_t) rest_ms * 1000;
    ports->first = first_even (first);
    ports->n_pairs = n_pairs;
    ports->head = ports->n_free = 0;
    ports->ring = ring;
    fill (ports, &before, now_us);
    pthread_mutex_unlock (&ports->lock);
    g_free (before.ring);
}

RtpPorts *
rtp_ports_new (unsigned first, unsigned last, unsigned rest_ms, GError **error)
{
    if (!rtp_ports_check (first, last, error)) {
        return NULL;
    }
    RtpPorts *ports = g_new0 (RtpPorts, 1);
    pthread_mutex_init (&ports->lock, NULL);
    rtp_ports_change (ports, first, last, rest_ms, 0);
    return ports;
}

void
rtp_ports_free (RtpPorts *ports)
{
    if (ports == NULL) {
        return;
    }
    pthread_mutex_destroy (&ports->lock);
    g_free (ports->ring);
    g_free (ports);
}

unsigned
rtp_ports_take (RtpPorts *ports, int64_t now_us)
{
    unsigned port = 0;

    pthread_mutex_lock (&ports->lock);
    /* The head has rested the longest: when it may not go, none may. */
    if (ports->n_free > 0 && ports->ring[ports->head].rests_until_us <= now_us) {
        port = ports->ring[ports->head].port;
        ports->head = (ports->head + 1) % ports->n_pairs;
        ports->n_free--;
        mark (ports, port, true);
    }
    pthread_mutex_unlock (&ports->lock);
    return port;
}

void
rtp_ports_give (RtpPorts *ports, unsigned port, int64_t now_us)
{
    pthread_mutex_lock (&ports->lock);
    mark (ports, port, false);
    if (is_in_range (ports, port)) {
        append (ports,
                (Pair){ .port = (uint16_t) port, .rests_until_us = now_us + ports->rest_us });
    }
    pthread_mutex_unlock (&ports->lock);
}

unsigned
rtp_ports_in_use (RtpPorts *ports)
{
    pthread_mutex_lock (&ports->lock);
    unsigned n = ports->n_in_use;
    pthread_mutex_unlock (&ports->lock);
    return n;
}

unsigned
rtp_ports_total (RtpPorts *ports)
{
    pthread_mutex_lock (&ports->lock);
    unsigned n = ports->n_pairs;
    pthread_mutex_unlock (&ports->lock);
    return n;
}

void
rtp_ports_range (RtpPorts *ports, unsigned *ret_first, unsigned *ret_last)
{
    pthread_mutex_lock (&ports->lock);
    *ret_first = ports->first;
    *ret_last = ports->first + 2 * ports->n_pairs - 1;
    pthread_mutex_unlock (&ports->lock);
}
