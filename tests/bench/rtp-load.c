/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sends many RTP streams through a relay on loopback and weighs what comes out.
 *
 *     here A ----> RA  relay  RB ----> here B
 *            <----                <----
 *
 * Each line of the map file is one two-way call, "A RA B RB": ports A and B are ours, RA and RB the
 * relay's. Streams are spread evenly over the packet interval. Each payload carries when it was
 * sent; when it arrived is the kernel's time stamp, so that our own queueing is not the relay's
 * delay. When the relay has learnt both sides, "START" is printed; at the end, one line of JSON.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MARK        UINT32_C (0x54644d6b)
#define HEAD_BYTES  12 /* RFC 3550 5.1 */
#define MAX_PAYLOAD 1400
#define BATCH       32
#define MAX_US      200000 /* what takes longer counts as that long */
#define SETTLE_US   400000 /* for the relay to learn, and for the last packets to arrive */
#define TURN_US     500

typedef struct {
    int fd;
    struct sockaddr_in relay;
    uint32_t ssrc, timestamp;
    uint16_t sequence;
    uint8_t payload_type;
    bool is_heard;
} Leg;

typedef struct {
    uint32_t mark, reserved;
    int64_t sent_ns; /* wall time: what the kernel stamps with */
} Stamp;

typedef struct {
    Leg *legs;
    unsigned n_legs;
    int epoll;
    unsigned payload_bytes;
    uint64_t n_sent, n_refused, n_received, n_changed, n_late_rounds;
    uint64_t *delays; /* how many packets took so many us */
    double took_s, own_cpu_s;
} Load;

static char *map_file;
static double seconds = 5;
static int rate_hz = 50;
static int payload_bytes = 160;
static char *payload_types;

static const GOptionEntry options[] = {
    { "map", 0, 0, G_OPTION_ARG_FILENAME, &map_file, "Calls, one a line: A RA B RB", "FILE" },
    { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &seconds, "How long to send (5)", "S" },
    { "rate", 0, 0, G_OPTION_ARG_INT, &rate_hz, "Packets a second and stream (50)", "HZ" },
    { "payload", 0, 0, G_OPTION_ARG_INT, &payload_bytes, "Bytes a packet carries (160)", "BYTES" },
    { "types", 0, 0, G_OPTION_ARG_STRING, &payload_types, "Payload types of A and B (0,0)", "A,B" },
    G_OPTION_ENTRY_NULL,
};

static int64_t
clock_ns (clockid_t clock)
{
    struct timespec now;

    clock_gettime (clock, &now);
    return now.tv_sec * INT64_C (1000000000) + now.tv_nsec;
}

static struct sockaddr_in
loopback (unsigned port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons (port),
                                 .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
}

static bool
leg_open (Leg *leg, unsigned port, unsigned relay_port, uint8_t payload_type, unsigned number,
          int epoll)
{
    struct sockaddr_in own = loopback (port);
    struct epoll_event event = { .events = EPOLLIN, .data.u32 = number };
    int buffer_bytes = 1 << 20, is_on = 1;

    *leg = (Leg){ .relay = loopback (relay_port),
                  .ssrc = 0x10000 + number,
                  .sequence = 1,
                  .payload_type = payload_type };
    leg->fd = socket (AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt (leg->fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    setsockopt (leg->fd, SOL_SOCKET, SO_TIMESTAMPNS, &is_on, sizeof is_on);
    if (bind (leg->fd, (struct sockaddr *) &own, sizeof own) < 0) {
        g_printerr ("rtp-load: port %u: %s\n", port, g_strerror (errno));
        return false;
    }
    return epoll_ctl (epoll, EPOLL_CTL_ADD, leg->fd, &event) == 0;
}

/* Opens both legs of every call of the map. */
static bool
load_open (Load *load, const char *map, const uint8_t types[2])
{
    g_auto (GStrv) lines = g_strsplit (map, "\n", -1);
    unsigned n_lines = g_strv_length (lines);

    load->epoll = epoll_create1 (EPOLL_CLOEXEC);
    load->legs = g_new0 (Leg, 2 * n_lines + 1);
    load->delays = g_new0 (uint64_t, MAX_US + 1);
    for (unsigned i = 0; i < n_lines; i++) {
        unsigned a, relay_a, b, relay_b;
        if (lines[i][0] == '\0') {
            continue;
        }
        if (sscanf (lines[i], "%u %u %u %u", &a, &relay_a, &b, &relay_b) != 4) {
            g_printerr ("rtp-load: %s:%u: want four ports: %s\n", map_file, i + 1, lines[i]);
            return false;
        }
        unsigned n = load->n_legs;
        if (!leg_open (&load->legs[n], a, relay_a, types[0], n, load->epoll)
            || !leg_open (&load->legs[n + 1], b, relay_b, types[1], n + 1, load->epoll)) {
            return false;
        }
        load->n_legs += 2;
    }
    return load->n_legs > 0;
}

static void
load_clear (Load *load)
{
    for (unsigned i = 0; i < load->n_legs; i++) {
        close (load->legs[i].fd);
    }
    close (load->epoll);
    g_free (load->legs);
    g_free (load->delays);
}

static void
leg_send (Load *load, Leg *leg)
{
    uint8_t packet[HEAD_BYTES + MAX_PAYLOAD];
    uint16_t sequence = htons (leg->sequence++);
    uint32_t timestamp = htonl (leg->timestamp), ssrc = htonl (leg->ssrc);
    size_t len_bytes = HEAD_BYTES + load->payload_bytes;

    packet[0] = 0x80;
    packet[1] = leg->payload_type;
    memcpy (packet + 2, &sequence, 2);
    memcpy (packet + 4, &timestamp, 4);
    memcpy (packet + 8, &ssrc, 4);
    memset (packet + HEAD_BYTES, 0xd5, load->payload_bytes);
    leg->timestamp += load->payload_bytes; /* G.711: a byte a sample */
    Stamp stamp = { .mark = MARK, .sent_ns = clock_ns (CLOCK_REALTIME) };
    memcpy (packet + HEAD_BYTES, &stamp, sizeof stamp);
    if (sendto (leg->fd, packet, len_bytes, 0, (struct sockaddr *) &leg->relay, sizeof leg->relay)
        == (ssize_t) len_bytes) {
        load->n_sent++;
    } else {
        load->n_refused++;
    }
}

/* When the kernel took the packet in. */
static int64_t
arrival_ns (struct msghdr *message)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR (message); head != NULL;
         head = CMSG_NXTHDR (message, head)) {
        if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec at;
            memcpy (&at, CMSG_DATA (head), sizeof at);
            return at.tv_sec * INT64_C (1000000000) + at.tv_nsec;
        }
    }
    return clock_ns (CLOCK_REALTIME);
}

static void
take (Load *load, Leg *leg, const uint8_t *packet, size_t len_bytes, struct msghdr *message)
{
    Stamp stamp = { 0 };

    leg->is_heard = true;
    load->n_received++;
    if (len_bytes >= HEAD_BYTES + sizeof stamp) {
        memcpy (&stamp, packet + HEAD_BYTES, sizeof stamp);
    }
    if (stamp.mark != MARK) {
        load->n_changed++; /* transcoded, or not ours */
        return;
    }
    int64_t delay_us = (arrival_ns (message) - stamp.sent_ns) / 1000;
    load->delays[CLAMP (delay_us, 0, MAX_US)]++;
}

/* Reads all that waits at LEG. */
static void
leg_drain (Load *load, Leg *leg)
{
    static uint8_t packets[BATCH][HEAD_BYTES + MAX_PAYLOAD];
    static uint8_t controls[BATCH][CMSG_SPACE (sizeof (struct timespec))];
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    int n_read;

    do {
        for (unsigned i = 0; i < BATCH; i++) {
            vectors[i] = (struct iovec){ packets[i], sizeof packets[i] };
            messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &vectors[i],
                                                         .msg_iovlen = 1,
                                                         .msg_control = controls[i],
                                                         .msg_controllen = sizeof controls[i] } };
        }
        n_read = recvmmsg (leg->fd, messages, BATCH, 0, NULL);
        for (int i = 0; i < n_read; i++) {
            take (load, leg, packets[i], messages[i].msg_len, &messages[i].msg_hdr);
        }
    } while (n_read == BATCH);
}

static void
load_drain (Load *load)
{
    struct epoll_event events[256];
    int n_events;

    do {
        n_events = epoll_wait (load->epoll, events, G_N_ELEMENTS (events), 0);
        for (int i = 0; i < n_events; i++) {
            leg_drain (load, &load->legs[events[i].data.u32]);
        }
    } while (n_events == (int) G_N_ELEMENTS (events));
}

static void
wait_us (Load *load, int64_t us)
{
    for (int64_t until = g_get_monotonic_time () + us; g_get_monotonic_time () < until;) {
        g_usleep (5000);
        load_drain (load);
    }
}

/* One packet from each leg: a relay that learns where its peers are learns it here. */
static void
load_open_paths (Load *load)
{
    for (unsigned i = 0; i < load->n_legs; i++) {
        leg_send (load, &load->legs[i]);
        if (i % 64 == 63) {
            wait_us (load, 2000);
        }
    }
    wait_us (load, SETTLE_US);
    load->n_sent = load->n_refused = load->n_received = load->n_changed = 0;
    memset (load->delays, 0, (MAX_US + 1) * sizeof *load->delays);
    for (unsigned i = 0; i < load->n_legs; i++) {
        load->legs[i].is_heard = false;
    }
}

static double
cpu_s (void)
{
    struct rusage usage;

    getrusage (RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
           + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void
load_run (Load *load)
{
    double gap_us = 1e6 / rate_hz / load->n_legs;
    uint64_t n_total = (uint64_t) (seconds * rate_hz) * load->n_legs, n_done = 0;
    int64_t start_us = g_get_monotonic_time ();
    double start_cpu_s = cpu_s ();

    /* One packet at a time, as from many phones, and not a bunch for each late wake-up. */
    prctl (PR_SET_TIMERSLACK, 1000);
    while (n_done < n_total) {
        uint64_t n_due = (uint64_t) ((g_get_monotonic_time () - start_us) / gap_us) + 1;
        n_due = MIN (n_due, n_total);
        if (n_due - n_done > load->n_legs) {
            load->n_late_rounds++; /* we are the bottleneck, a whole interval behind */
        }
        for (; n_done < n_due; n_done++) {
            leg_send (load, &load->legs[n_done % load->n_legs]);
        }
        load_drain (load);
        int64_t next_us = start_us + (int64_t) (n_done * gap_us) - g_get_monotonic_time ();
        if (next_us > 0) {
            g_usleep (MIN (next_us, TURN_US));
        }
    }
    load->took_s = (g_get_monotonic_time () - start_us) / 1e6;
    wait_us (load, SETTLE_US);
    load->own_cpu_s = cpu_s () - start_cpu_s;
}

/* The delay that SHARE of the packets did not exceed, in us; -1 when none was stamped. */
static int
percentile_us (const uint64_t *delays, double share)
{
    uint64_t n_all = 0, n_below = 0;

    for (int us = 0; us <= MAX_US; us++) {
        n_all += delays[us];
    }
    for (int us = 0; us <= MAX_US && n_all > 0; us++) {
        n_below += delays[us];
        if (n_below >= share * n_all) {
            return us;
        }
    }
    return -1;
}

static void
load_report (const Load *load)
{
    unsigned n_silent = 0;

    for (unsigned i = 0; i < load->n_legs; i++) {
        n_silent += !load->legs[i].is_heard;
    }
    g_print ("{\"streams\": %u, \"sent\": %" G_GUINT64_FORMAT ", \"refused\": %" G_GUINT64_FORMAT
             ", \"received\": %" G_GUINT64_FORMAT ", \"changed\": %" G_GUINT64_FORMAT
             ", \"silent_legs\": %u, \"late_rounds\": %" G_GUINT64_FORMAT
             ", \"seconds\": %.3f, \"own_cpu_s\": %.3f, "
             "\"p50_us\": %d, \"p90_us\": %d, \"p99_us\": %d, \"max_us\": %d}\n",
             load->n_legs, load->n_sent, load->n_refused, load->n_received, load->n_changed,
             n_silent, load->n_late_rounds, load->took_s, load->own_cpu_s,
             percentile_us (load->delays, 0.5), percentile_us (load->delays, 0.9),
             percentile_us (load->delays, 0.99), percentile_us (load->delays, 1));
}

int
main (int argc, char **argv)
{
    g_autoptr (GOptionContext) context = g_option_context_new ("- weighs an RTP relay");
    g_autoptr (GError) error = NULL;
    g_autofree char *map = NULL;
    unsigned types[2] = { 0, 0 };
    Load load = { 0 };

    g_option_context_add_main_entries (context, options, NULL);
    if (!g_option_context_parse (context, &argc, &argv, &error) || map_file == NULL
        || payload_bytes < (int) sizeof (Stamp) || payload_bytes > MAX_PAYLOAD || rate_hz < 1
        || seconds <= 0 || !g_file_get_contents (map_file, &map, NULL, &error)) {
        g_printerr ("rtp-load: %s\n", error != NULL
                                          ? error->message
                                          : "want --map, --payload 16 to 1400, --rate and "
                                            "--seconds above 0");
        return 2;
    }
    if (payload_types != NULL && sscanf (payload_types, "%u,%u", &types[0], &types[1]) != 2) {
        g_printerr ("rtp-load: --types wants two numbers, as in 0,8\n");
        return 2;
    }
    load.payload_bytes = payload_bytes;
    if (!load_open (&load, map, (const uint8_t[]){ types[0], types[1] })) {
        return 1;
    }
    load_open_paths (&load);
    g_print ("START\n");
    load_run (&load);
    load_report (&load);
    load_clear (&load);
    return 0;
}
