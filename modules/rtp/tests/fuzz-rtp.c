/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes at a media port: as RTP, as RTCP beside it and on its port, through a table, a
 * renumbering and a loop. The first byte says where they come to and from whom. */

#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t n_bytes);

enum {
    N_STREAMS = 3,
};

/* Made once: streams 0 and 1 in conversation, 2 in a loop. */
typedef struct {
    RtpEngine *engine;
    RtpStream *streams[N_STREAMS];
    TdAddress senders[2];
} Stage;

static void
ignore_event (void *owner, TdMediaEventKind kind, int64_t value, void *data)
{
}

static void
free_command (RtpThread *thread, RtpCommand *command)
{
    g_free (command);
}

static void
turn (RtpThread *thread)
{
    RtpCommand *command = g_new0 (RtpCommand, 1);

    command->run = free_command;
    rtp_thread_post (thread, command);
    rtp_thread_turn (thread);
}

static void
connect_streams (Stage *stage, const uint8_t *table)
{
    static const char sdp[] = "v=0\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0 8 13 97\n"
                              "a=rtpmap:97 telephone-event/8000\n";
    g_autoptr (TdDescription) local = td_description_from_sdp (sdp, sizeof sdp - 1, NULL);
    const RtpRule rules[] = { { .type_in = 0, .type_out = 8, .table = table },
                              { .type_in = 13, .is_dropped = true },
                              { .type_in = 97, .type_out = 101 } };

    for (unsigned i = 0; i < N_STREAMS; i++) {
        RtpAgreement agreement = { .local = local, .is_awaited = true };
        td_address_parse ("127.0.0.1", 9, &agreement.remote);
        agreement.remote_rtcp = agreement.remote;
        rtp_stream_agree (stage->streams[i], &agreement);
    }
    rtp_stream_connect (stage->streams[0], stage->streams[1], rules, G_N_ELEMENTS (rules));
    rtp_stream_connect (stage->streams[1], stage->streams[0], NULL, 0);
    rtp_stream_connect (stage->streams[2], stage->streams[2], NULL, 0);
    turn (stage->engine->threads[0]);
}

static void
set_stage (Stage *stage)
{
    static uint8_t table[256];
    RtpEngineSetup setup = { .n_threads = 1,
                             .settings.lock_after = 3,
                             .settings.range.first = 61000,
                             .settings.range.last = 65534,
                             .event = ignore_event };
    TdAddress host;

    stage->engine = rtp_engine_new (&setup, NULL);
    td_address_parse ("127.0.0.1", 0, &host);
    for (unsigned i = 0; i < N_STREAMS; i++) {
        stage->streams[i] =
            rtp_stream_open (stage->engine, 1, &host, i == 1 ? RTP_STREAM_MUX : RTP_STREAM_PAIR,
                             TD_CLASS_ORDINARY, NULL, NULL);
    }
    td_address_parse ("127.0.0.1", 9, &stage->senders[0]);
    td_address_parse ("127.0.0.1", 11, &stage->senders[1]);
    connect_streams (stage, table);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n_bytes)
{
    static Stage stage;

    if (stage.engine == NULL) {
        set_stage (&stage);
    }
    if (n_bytes == 0 || n_bytes - 1 > RTP_PACKET_BYTES) {
        return 0;
    }
    RtpThread *thread = stage.engine->threads[0];
    RtpStream *stream = stage.streams[data[0] % N_STREAMS];
    RtpSocket *socket =
        (data[0] & 0x40) != 0 && stream->rtcp.fd >= 0 ? &stream->rtcp : &stream->rtp;
    /* Of just this size, so that a sanitizer sees each byte behind it. */
    g_autofree uint8_t *packet = g_memdup2 (data + 1, n_bytes - 1);
    rtp_relay_take (thread, stream, socket, &stage.senders[data[0] >> 7],
                    packet != NULL ? packet : (uint8_t *) "", n_bytes - 1);
    rtp_relay_flush (thread);
    if (rtp_stats_lost (&stream->received) > UINT64_C (1) << 48) {
        fprintf (stderr, "more was lost than was ever sent\n");
        abort ();
    }
    return 0;
}
