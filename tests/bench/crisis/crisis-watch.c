/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Watches loopback and notes each message between callers and the switch, whose calls are known by
 * Call-IDs of a letter and a number: when (wall clock, of the kernel), which call, what.
 *
 *     filter --> AF_PACKET ring --> UDP from or to the switch's port --> FILE, 24 bytes a message
 *
 * The kernel shows a message to who watches while it is being sent: that is the sender's time. So a filter
 * leaves out what no figure needs: ACKs, and 503 to the public, which crisis-call counts.
 *
 * Ends with SIGTERM and then says in one line of JSON what the kernel let go. */

#include "wire.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    BLOCK_BYTES = 1 << 20,
    N_BLOCKS = 64,
    HEAD_BYTES = 700, /* the lines that are of interest are among the first */
    UDP_BYTES = 8,
};

/* As it stands in the file, little-endian or as the machine has it. */
typedef struct {
    int64_t at_us;
    uint32_t call;
    uint16_t status;   /* 0: a request */
    uint8_t caller;    /* the letter */
    uint8_t method;    /* the first letter; of a response that in CSeq */
    uint8_t is_marked; /* the request has a Resource-Priority */
    uint8_t is_ours;   /* the switch sent it */
    uint8_t reserved[6];
} Note;

G_STATIC_ASSERT (sizeof (Note) == 24);

static volatile sig_atomic_t is_over;

static void
end (int signal_number)
{
    is_over = signal_number;
}

static void
note_message (FILE *file, Note note, const char *message)
{
    Piece id, cseq;

    note.status = (uint16_t) wire_status (message);
    if (!wire_field (message, "\r\nCall-ID: ", &id) || !wire_field (message, "\r\nCSeq: ", &cseq)
        || !g_ascii_isalpha (id.text[0]) || !g_ascii_isdigit (id.text[1])) {
        return;
    }
    char *rest;
    unsigned long call = strtoul (id.text + 1, &rest, 10);
    if (!g_str_has_prefix (rest, "@crisis")) {
        return;
    }
    const char *space = memchr (cseq.text, ' ', cseq.len_bytes);
    note.call = (uint32_t) call;
    note.caller = (uint8_t) id.text[0];
    note.method = space != NULL ? (uint8_t) space[1] : 0;
    note.is_marked = note.status == 0 && strstr (message, "\r\nResource-Priority:") != NULL;
    fwrite (&note, sizeof note, 1, file);
}

static void
look_at (FILE *file, const struct tpacket3_hdr *header, uint16_t port)
{
    const uint8_t *bytes = (const uint8_t *) header + header->tp_net;
    const struct sockaddr_ll *from =
        (const struct sockaddr_ll *) ((const uint8_t *) header
                                      + TPACKET_ALIGN (sizeof (struct tpacket3_hdr)));
    char message[HEAD_BYTES + 1];
    struct iphdr ip;
    struct udphdr udp;

    if (from->sll_protocol != htons (ETH_P_IP) || header->tp_snaplen < sizeof ip + sizeof udp) {
        return;
    }
    memcpy (&ip, bytes, sizeof ip);
    size_t ip_bytes = ip.ihl * 4u, head_bytes = ip_bytes + sizeof udp;
    if (ip.protocol != IPPROTO_UDP || header->tp_snaplen < head_bytes) {
        return;
    }
    memcpy (&udp, bytes + ip_bytes, sizeof udp);
    if (udp.source != htons (port) && udp.dest != htons (port)) {
        return;
    }
    size_t len_bytes = MIN (header->tp_snaplen - head_bytes, (size_t) HEAD_BYTES);
    memcpy (message, bytes + head_bytes, len_bytes);
    message[len_bytes] = '\0';
    Note note = { .at_us = (int64_t) header->tp_sec * G_USEC_PER_SEC + header->tp_nsec / 1000,
                  .is_ours = udp.source == htons (port) };
    note_message (file, note, message);
}

static void
look_at_block (FILE *file, struct tpacket_block_desc *block, uint16_t port)
{
    struct tpacket3_hdr *header =
        (struct tpacket3_hdr *) ((uint8_t *) block + block->hdr.bh1.offset_to_first_pkt);

    for (unsigned i = 0; i < block->hdr.bh1.num_pkts; i++) {
        look_at (file, header, port);
        header = (struct tpacket3_hdr *) ((uint8_t *) header + header->tp_next_offset);
    }
}

/* Of packets without a link's header. Where to go on is a distance, and for KEEP and DROP found at the
 * end. */
static bool
set_filter (int fd, uint16_t port, uint16_t public_port)
{
    enum { DROP = 255, KEEP = 254 };
    struct sock_filter code[] = {
        BPF_STMT (BPF_LD | BPF_B | BPF_ABS, 9), /* protocol */
        BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, DROP),
        BPF_STMT (BPF_LDX | BPF_B | BPF_MSH, 0),
        BPF_STMT (BPF_LD | BPF_W | BPF_IND, UDP_BYTES),
        BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, 0x41434b20, DROP, 0), /* "ACK " */
        BPF_STMT (BPF_LD | BPF_H | BPF_IND, 2),                    /* to */
        BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, port, KEEP, 0),
        BPF_STMT (BPF_LD | BPF_H | BPF_IND, 2),
        BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, public_port, 0, 2),
        BPF_STMT (BPF_LD | BPF_W | BPF_IND, UDP_BYTES + 8),
        BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, 0x35303320, DROP, 0), /* "503 " */
        BPF_STMT (BPF_LD | BPF_H | BPF_IND, 0),                    /* from */
        BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, port, KEEP, DROP),
        BPF_STMT (BPF_RET | BPF_K, HEAD_BYTES + 100),
        BPF_STMT (BPF_RET | BPF_K, 0),
    };
    const unsigned n = G_N_ELEMENTS (code);
    struct sock_fprog program = { .len = (unsigned short) n, .filter = code };

    for (unsigned i = 0; i < n; i++) {
        uint8_t *ways[] = { &code[i].jt, &code[i].jf };
        for (unsigned j = 0; j < 2; j++) {
            *ways[j] = *ways[j] == KEEP   ? (uint8_t) (n - 3 - i)
                       : *ways[j] == DROP ? (uint8_t) (n - 2 - i)
                                          : *ways[j];
        }
    }
    return setsockopt (fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

static bool
open_ring (uint16_t port, uint16_t public_port, int *ret_fd, uint8_t **ret_ring)
{
    int version = TPACKET_V3, on = 1, fd = socket (AF_PACKET, SOCK_DGRAM, htons (ETH_P_IP));
    struct tpacket_req3 request = { .tp_block_size = BLOCK_BYTES,
                                    .tp_block_nr = N_BLOCKS,
                                    .tp_frame_size = 2048,
                                    .tp_frame_nr = BLOCK_BYTES / 2048 * N_BLOCKS,
                                    .tp_retire_blk_tov = 50 };
    struct sockaddr_ll where = { .sll_family = AF_PACKET,
                                 .sll_protocol = htons (ETH_P_IP),
                                 .sll_ifindex = (int) if_nametoindex ("lo") };

    if (fd < 0 || setsockopt (fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0
        || setsockopt (fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) != 0
        /* Loopback shows each packet twice, going out and coming in; the copy is its sender's cost. */
        || setsockopt (fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0
        || !set_filter (fd, port, public_port)
        || bind (fd, (struct sockaddr *) &where, sizeof where) != 0) {
        g_printerr ("crisis-watch: cannot capture on lo: %s; it needs CAP_NET_RAW\n",
                    g_strerror (errno));
        return false;
    }
    *ret_ring =
        mmap (NULL, (size_t) BLOCK_BYTES * N_BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    *ret_fd = fd;
    return *ret_ring != MAP_FAILED;
}

/* Until the end, and then what is left. */
static void
watch (int fd, uint8_t *ring, FILE *file, uint16_t port)
{
    unsigned next = 0;

    for (;;) {
        struct tpacket_block_desc *block =
            (struct tpacket_block_desc *) (ring + (size_t) next * BLOCK_BYTES);
        if ((__atomic_load_n (&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)
            == 0) {
            struct pollfd watched = { .fd = fd, .events = POLLIN | POLLERR };
            if (poll (&watched, 1, is_over ? 100 : 500) == 0 && is_over) {
                return;
            }
            continue;
        }
        look_at_block (file, block, port);
        __atomic_store_n (&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        next = (next + 1) % N_BLOCKS;
    }
}

int
main (int argc, char *argv[])
{
    struct tpacket_stats_v3 stats = { 0 };
    socklen_t len_bytes = sizeof stats;
    uint8_t *ring;
    int fd;

    if (argc != 4) {
        g_printerr ("usage: crisis-watch PORT PUBLIC-PORT FILE\n");
        return 2;
    }
    uint16_t port = (uint16_t) atoi (argv[1]);
    FILE *file = fopen (argv[3], "wb");
    if (file == NULL || !open_ring (port, (uint16_t) atoi (argv[2]), &fd, &ring)) {
        return 1;
    }
    signal (SIGTERM, end);
    signal (SIGINT, end);
    printf ("WATCHING\n");
    fflush (stdout);
    watch (fd, ring, file, port);
    getsockopt (fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len_bytes);
    printf ("{\"packets\": %u, \"dropped\": %u}\n", stats.tp_packets, stats.tp_drops);
    return fclose (file) == 0 ? 0 : 1;
}
