/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Queues of pairs of ports: taken at the head, given back at the end; and who is in use. */

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

/* A part of the range. It has a place for every pair, so that there is room for all that come back. */
typedef struct {
    unsigned first; /* even */
    unsigned n_pairs;
    unsigned head;
    unsigned n_free;
    Pair *ring;
} Part;

enum {
    PART_OPEN,
    PART_RESERVED, /* for calls with a priority: behind the other one */
    N_PARTS,
};

struct RtpPorts {
    pthread_mutex_t lock; /* guards what follows, never held while calling out */
    int64_t rest_us;
    Part parts[N_PARTS];
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
rtp_ports_check (const RtpRange *range, GError **error)
{
    if (count_pairs (range->first, range->last) > 0 && range->first > 0
        && range->last <= UINT16_MAX) {
        return true;
    }
    g_set_error (error, g_quark_from_string ("td-rtp-error"), EINVAL,
                 "ports %u to %u hold no pair of an even port and the next one: widen the range",
                 range->first, range->last);
    return false;
}

/* --- With the lock ----------------------------------------------------------------------- */

static bool
is_in_part (const Part *part, unsigned port)
{
    return port >= part->first && (port - part->first) / 2 < part->n_pairs;
}

static Part *
part_of (RtpPorts *ports, unsigned port)
{
    for (unsigned i = 0; i < N_PARTS; i++) {
        if (is_in_part (&ports->parts[i], port)) {
            return &ports->parts[i];
        }
    }
    return NULL;
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
append (Part *part, Pair pair)
{
    part->ring[(part->head + part->n_free) % part->n_pairs] = pair;
    part->n_free++;
}

static int
compare_rest (gconstpointer a, gconstpointer b, void *data)
{
    const Pair *one = a, *other = b;

    return one->rests_until_us < other->rests_until_us   ? -1
           : one->rests_until_us > other->rests_until_us ? 1
                                                         : 0;
}

/* Pairs that are new come first, in no order, then those that were free BEFORE, in theirs. None rests
 * for longer than a pair would that comes back now. */
static void
fill (RtpPorts *ports, Part *part, RtpPorts *before, int64_t now_us)
{
    for (unsigned i = 0; i < part->n_pairs; i++) {
        unsigned port = part->first + 2 * i;
        if (!is_in_use (ports, port) && part_of (before, port) == NULL) {
            append (part, (Pair){ .port = (uint16_t) port, .rests_until_us = INT64_MIN });
        }
    }
    shuffle (part->ring, part->n_free);
    for (unsigned i = 0; i < N_PARTS; i++) {
        const Part *old = &before->parts[i];
        for (unsigned j = 0; j < old->n_free; j++) {
            Pair pair = old->ring[(old->head + j) % old->n_pairs];
            pair.rests_until_us = MIN (pair.rests_until_us, now_us + ports->rest_us);
            if (is_in_part (part, pair.port)) {
                append (part, pair);
            }
        }
    }
    /* Some may have come from the other part. Equal ones keep their order. */
    g_qsort_with_data (part->ring, (int) part->n_free, sizeof *part->ring, compare_rest, NULL);
}

/* --- From outside ------------------------------------------------------------------------ */

static void
part_init (Part *part, unsigned first, unsigned n_pairs)
{
    *part = (Part){ .first = first, .n_pairs = n_pairs, .ring = g_new (Pair, n_pairs) };
}

void
rtp_ports_change (RtpPorts *ports, const RtpRange *range, int64_t now_us)
{
    unsigned first = first_even (range->first);
    unsigned n_pairs = count_pairs (range->first, range->last);
    unsigned n_reserved = n_pairs * range->reserve_percent / 100;
    Part parts[N_PARTS];

    part_init (&parts[PART_OPEN], first, n_pairs - n_reserved);
    part_init (&parts[PART_RESERVED], first + 2 * (n_pairs - n_reserved), n_reserved);
    pthread_mutex_lock (&ports->lock);
    RtpPorts before = *ports;
    ports->rest_us = (int64_t) range->rest_ms * 1000;
    for (unsigned i = 0; i < N_PARTS; i++) {
        ports->parts[i] = parts[i];
        fill (ports, &ports->parts[i], &before, now_us);
    }
    pthread_mutex_unlock (&ports->lock);
    for (unsigned i = 0; i < N_PARTS; i++) {
        g_free (before.parts[i].ring);
    }
}

RtpPorts *
rtp_ports_new (const RtpRange *range, GError **error)
{
    if (!rtp_ports_check (range, error)) {
        return NULL;
    }
    RtpPorts *ports = g_new0 (RtpPorts, 1);
    pthread_mutex_init (&ports->lock, NULL);
    rtp_ports_change (ports, range, 0);
    return ports;
}

void
rtp_ports_free (RtpPorts *ports)
{
    if (ports == NULL) {
        return;
    }
    pthread_mutex_destroy (&ports->lock);
    for (unsigned i = 0; i < N_PARTS; i++) {
        g_free (ports->parts[i].ring);
    }
    g_free (ports);
}

/* 0: every pair is in use or rests. The lock is held. */
static unsigned
take_from (RtpPorts *ports, Part *part, int64_t now_us)
{
    /* The head has rested the longest: when it may not go, none may. */
    if (part->n_free == 0 || part->ring[part->head].rests_until_us > now_us) {
        return 0;
    }
    unsigned port = part->ring[part->head].port;
    part->head = (part->head + 1) % part->n_pairs;
    part->n_free--;
    mark (ports, port, true);
    return port;
}

unsigned
rtp_ports_take (RtpPorts *ports, bool is_priority, int64_t now_us)
{
    unsigned port = 0;

    pthread_mutex_lock (&ports->lock);
    if (is_priority) {
        port = take_from (ports, &ports->parts[PART_RESERVED], now_us);
    }
    if (port == 0) {
        port = take_from (ports, &ports->parts[PART_OPEN], now_us);
    }
    pthread_mutex_unlock (&ports->lock);
    return port;
}

void
rtp_ports_give (RtpPorts *ports, unsigned port, int64_t now_us)
{
    pthread_mutex_lock (&ports->lock);
    mark (ports, port, false);
    Part *part = part_of (ports, port);
    if (part != NULL) {
        append (part, (Pair){ .port = (uint16_t) port, .rests_until_us = now_us + ports->rest_us });
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
    unsigned n = ports->parts[PART_OPEN].n_pairs + ports->parts[PART_RESERVED].n_pairs;
    pthread_mutex_unlock (&ports->lock);
    return n;
}

void
rtp_ports_range (RtpPorts *ports, bool is_priority, unsigned *ret_first, unsigned *ret_last)
{
    pthread_mutex_lock (&ports->lock);
    const Part *last = &ports->parts[is_priority ? PART_RESERVED : PART_OPEN];
    *ret_first = ports->parts[PART_OPEN].first;
    *ret_last = last->first + 2 * last->n_pairs - 1;
    pthread_mutex_unlock (&ports->lock);
}
