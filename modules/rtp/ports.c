/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A queue of pairs of ports: taken at its head, given back at its end. */

#include "ports.h"

#include <errno.h>
#include <pthread.h>
#include <sys/random.h>
#include <tandem/base.h>

typedef struct {
    uint16_t port;
    int64_t rests_until_us;
} Pair;

/* A ring with a place for every pair of the range, so that there is room for all that come back. */
struct RtpPorts {
    pthread_mutex_t lock; /* guards what follows, never held while calling out */
    int64_t rest_us;
    unsigned n_pairs;
    unsigned head;
    unsigned n_free;
    Pair ring[];
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

RtpPorts *
rtp_ports_new (unsigned first, unsigned last, unsigned rest_ms, GError **error)
{
    unsigned even = first + first % 2;
    unsigned n_pairs = last > even ? (last - even + 1) / 2 : 0;

    if (n_pairs == 0 || first == 0 || last > UINT16_MAX) {
        g_set_error (
            error, g_quark_from_string ("td-rtp-error"), EINVAL,
            "ports %u to %u hold no pair of an even port and the next one: widen the range", first,
            last);
        return NULL;
    }
    RtpPorts *ports = g_malloc (sizeof *ports + n_pairs * sizeof (Pair));
    *ports =
        (RtpPorts){ .rest_us = (int64_t) rest_ms * 1000, .n_pairs = n_pairs, .n_free = n_pairs };
    pthread_mutex_init (&ports->lock, NULL);
    for (unsigned i = 0; i < n_pairs; i++) {
        ports->ring[i] = (Pair){ .port = (uint16_t) (even + 2 * i), .rests_until_us = INT64_MIN };
    }
    shuffle (ports->ring, n_pairs);
    return ports;
}

void
rtp_ports_free (RtpPorts *ports)
{
    if (ports == NULL) {
        return;
    }
    pthread_mutex_destroy (&ports->lock);
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
    }
    pthread_mutex_unlock (&ports->lock);
    return port;
}

void
rtp_ports_give (RtpPorts *ports, unsigned port, int64_t now_us)
{
    pthread_mutex_lock (&ports->lock);
    unsigned tail = (ports->head + ports->n_free) % ports->n_pairs;
    ports->ring[tail] =
        (Pair){ .port = (uint16_t) port, .rests_until_us = now_us + ports->rest_us };
    ports->n_free++;
    pthread_mutex_unlock (&ports->lock);
}

unsigned
rtp_ports_in_use (RtpPorts *ports)
{
    pthread_mutex_lock (&ports->lock);
    unsigned n = ports->n_pairs - ports->n_free;
    pthread_mutex_unlock (&ports->lock);
    return n;
}

unsigned
rtp_ports_total (const RtpPorts *ports)
{
    return ports->n_pairs;
}
