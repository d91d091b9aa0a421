/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the relay costs: connects pairs of streams, prints which ports a load generator shall use, and
 * tells the processor time afterwards.
 *
 *     bench-relay PAIRS FIRST-PORT SECONDS BATCH-MS [THREADS]
 *
 * Each line of its output is a pair: "A RA B RB". What the generator sends from port A to RA comes
 * out of RB to its port B, and back; A and B are FIRST-PORT + 20000 and up. */

#include "starter.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void
add_view (const RtpView *views, unsigned n_views, void *data)
{
    atomic_uint_fast64_t *packets = data;

    for (unsigned i = 0; i < n_views; i++) {
        atomic_fetch_add (packets, views[i].packets_sent);
    }
}

static RtpStream *
open_stream (RtpEngine *engine, unsigned key, unsigned peer_port)
{
    RtpAgreement agreement = { .is_awaited = true };
    TdAddress host;
    g_autoptr (GError) error = NULL;

    td_address_parse ("127.0.0.1", 0, &host);
    td_address_parse ("127.0.0.1", (uint16_t) peer_port, &agreement.remote);
    td_address_parse ("127.0.0.1", (uint16_t) (peer_port + 1), &agreement.remote_rtcp);
    RtpStream *stream =
        rtp_stream_open (engine, key, &host, RTP_STREAM_PAIR, TD_CLASS_ORDINARY, NULL, &error);
    if (stream == NULL) {
        fprintf (stderr, "%s\n", error->message);
        exit (1);
    }
    rtp_stream_agree (stream, &agreement);
    return stream;
}

static double
cpu_s (void)
{
    struct rusage usage;

    getrusage (RUSAGE_SELF, &usage);
    return (double) usage.ru_utime.tv_sec + (double) usage.ru_stime.tv_sec
           + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static long
resident_kib (void)
{
    long total, resident;
    FILE *file = fopen ("/proc/self/statm", "r");

    if (file == NULL || fscanf (file, "%ld %ld", &total, &resident) != 2) {
        return 0;
    }
    fclose (file);
    return resident * (sysconf (_SC_PAGESIZE) / 1024);
}

int
main (int argc, char **argv)
{
    if (argc < 5) {
        fprintf (stderr, "Usage: %s PAIRS FIRST-PORT SECONDS BATCH-MS [THREADS]\n", argv[0]);
        return 2;
    }
    unsigned n_pairs = (unsigned) atoi (argv[1]), first = (unsigned) atoi (argv[2]);
    RtpEngineSetup setup = { .n_threads = argc > 5 ? (unsigned) atoi (argv[5]) : 1,
                             .settings.batch_us = (unsigned) (atof (argv[4]) * 1000),
                             .settings.silence_ms = 60000,
                             .settings.lock_after = 10,
                             .settings.range.first = first,
                             .settings.range.last = first + 19999,
                             .event = ignore_event,
                             .start = start };
    g_autoptr (GError) error = NULL;
    RtpEngine *engine = rtp_engine_new (&setup, &error);
    if (engine == NULL || !rtp_engine_start (engine, &error)) {
        fprintf (stderr, "%s\n", error->message);
        return 1;
    }
    long before_kib = resident_kib ();
    RtpStream **streams = g_new (RtpStream *, 2 * n_pairs);
    for (unsigned i = 0; i < n_pairs; i++) {
        unsigned peer = first + 20000 + 4 * i;
        streams[2 * i] = open_stream (engine, i, peer);
        streams[2 * i + 1] = open_stream (engine, i, peer + 2);
        rtp_stream_connect (streams[2 * i], streams[2 * i + 1], NULL, 0);
        rtp_stream_connect (streams[2 * i + 1], streams[2 * i], NULL, 0);
        printf ("%u %u %u %u\n", peer, rtp_stream_port (streams[2 * i]), peer + 2,
                rtp_stream_port (streams[2 * i + 1]));
    }
    fflush (stdout);
    fclose (stdout);
    long after_kib = resident_kib ();
    double cpu_before = cpu_s ();
    poll (NULL, 0, atoi (argv[3]) * 1000);
    double cpu = cpu_s () - cpu_before;
    atomic_uint_fast64_t packets = 0;
    for (unsigned i = 0; i < n_pairs; i++) {
        rtp_streams_view (streams + 2 * i, 2, true, add_view, &packets);
    }
    rtp_engine_stop (engine);
    join_starters ();
    fprintf (stderr,
             "{\"pairs\":%u,\"batch_ms\":%s,\"packets\":%lu,\"cpu_s\":%.3f,\"cpu_s_per_1M\":%.3f,"
             "\"kib_per_pair\":%.2f}\n",
             n_pairs, argv[4], (unsigned long) packets, cpu,
             packets > 0 ? cpu * 1e6 / (double) packets : 0,
             (double) (after_kib - before_kib) / n_pairs);
    g_free (streams);
    rtp_engine_free (engine);
    return 0;
}
