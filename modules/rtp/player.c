/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sends what sources have to say. */

#include "player.h"

#include "stream.h"

#include <string.h>

enum {
    PACKET_MS = 20, /* RFC 3551 4.2, unless the peer says otherwise */
    LONGEST_MS = 60,
    BEAT_MS = 10, /* packets are this long, or so many times as long */
    SAMPLES_PER_MS = TD_SOURCE_RATE_HZ / 1000,
    LONGEST_SAMPLES = LONGEST_MS * SAMPLES_PER_MS,
    LATE_US = 100000, /* what a thread that was kept from its work makes up for */
};

struct RtpPlayer {
    RtpStream *stream;
    RtpPlayer *next, *prev; /* of the thread */
    void *owner;
    TdSource *source;
    uint64_t position;
    const TdCodec *codec;
    void *encoder;
    unsigned n_frame;  /* samples of one frame of the codec */
    unsigned n_packet; /* and of a packet */
    int64_t due_us;    /* its next packet; 0: it has not begun */
    uint8_t payload_type;
    bool is_marked; /* the next packet begins a talkspurt (RFC 3551 4.1) */
    bool is_muted;
    uint16_t sequence;
    uint32_t timestamp, ssrc;
};

static unsigned
samples_of_frame (const TdCodec *codec)
{
    return codec->frame_us * SAMPLES_PER_MS / 1000;
}

/* RFC 3264 6.1: as long as the peer wants them, as far as whole frames and a common beat allow. */
static unsigned
samples_of_packet (const TdCodec *codec, unsigned ptime_ms)
{
    unsigned packet_ms = CLAMP (ptime_ms, BEAT_MS, LONGEST_MS) / BEAT_MS * BEAT_MS;
    unsigned n_samples = packet_ms * SAMPLES_PER_MS;

    return ptime_ms != 0 && n_samples % samples_of_frame (codec) == 0 ? n_samples
                                                                      : PACKET_MS * SAMPLES_PER_MS;
}

bool
rtp_player_can (const TdCodec *codec)
{
    return codec->sample_rate_hz == TD_SOURCE_RATE_HZ && codec->channels == 1 && codec->frame_us > 0
           && PACKET_MS * 1000 % codec->frame_us == 0 && samples_of_frame (codec) > 0;
}

RtpPlayer *
rtp_player_new (TdSource *source, const TdCodec *codec, const TdFormat *format, unsigned ptime_ms,
                void *owner)
{
    RtpPlayer *player = g_new0 (RtpPlayer, 1);

    player->owner = owner;
    player->source = source;
    player->codec = codec;
    player->n_frame = samples_of_frame (codec);
    player->n_packet = samples_of_packet (codec, ptime_ms);
    player->payload_type = format->payload_type;
    if (codec->encoder_new != NULL) {
        player->encoder = codec->encoder_new (format->fmtp, codec->data);
    }
    /* RFC 3550 5.1: all three begin where nobody can guess. */
    player->is_marked = true;
    player->sequence = (uint16_t) g_random_int ();
    player->timestamp = g_random_int ();
    player->ssrc = g_random_int ();
    return player;
}

void
rtp_player_mute (RtpPlayer *player)
{
    player->is_muted = true;
}

void
rtp_player_free (RtpPlayer *player)
{
    if (player == NULL) {
        return;
    }
    if (player->encoder != NULL && player->codec->encoder_free != NULL) {
        player->codec->encoder_free (player->encoder);
    }
    td_codec_release (player->codec);
    td_source_drop (player->source);
    g_free (player);
}

/* --- On the media thread ----------------------------------------------------------------- */

static void
link_player (RtpThread *thread, RtpStream *stream, RtpPlayer *player)
{
    if (thread->players == NULL) {
        thread->next_packet_us = thread->now_us;
    }
    if (player->due_us == 0) {
        player->due_us = thread->next_packet_us;
    }
    player->stream = stream;
    player->next = thread->players;
    if (player->next != NULL) {
        player->next->prev = player;
    }
    thread->players = player;
    stream->player = player;
}

static void
end_player (RtpThread *thread, RtpPlayer *player)
{
    if (player->prev != NULL) {
        player->prev->next = player->next;
    } else {
        thread->players = player->next;
    }
    if (player->next != NULL) {
        player->next->prev = player->prev;
    }
    rtp_player_free (player);
}

void
rtp_player_leave (RtpStream *stream)
{
    RtpPlayer *player = g_steal_pointer (&stream->player);

    if (player != NULL) {
        end_player (stream->thread, player);
    }
}

static void
write_header (RtpPlayer *player, uint8_t *packet)
{
    packet[0] = 0x80;
    packet[1] = (uint8_t) ((player->is_marked ? 0x80 : 0) | player->payload_type);
    packet[2] = (uint8_t) (player->sequence >> 8);
    packet[3] = (uint8_t) player->sequence;
    for (unsigned i = 0; i < 4; i++) {
        packet[4 + i] = (uint8_t) (player->timestamp >> (24 - 8 * i));
        packet[8 + i] = (uint8_t) (player->ssrc >> (24 - 8 * i));
    }
}

/* One packet's payload of SAMPLES; 0: silence that this codec does not send. */
static size_t
encode (RtpPlayer *player, const int16_t *samples, uint8_t *out, size_t out_size)
{
    size_t n_bytes = 0;

    for (unsigned at = 0; at < player->n_packet; at += player->n_frame) {
        ssize_t n = player->codec->encode (player->encoder, samples + at, player->n_frame,
                                           out + n_bytes, out_size - n_bytes);
        n_bytes += n > 0 ? (size_t) n : 0;
    }
    return n_bytes;
}

static void
send_packet (RtpThread *thread, RtpPlayer *player, const int16_t *samples)
{
    const TdAddress *target =
        player->is_muted ? NULL : rtp_source_target (&player->stream->rtp.source);
    uint8_t *packet = rtp_relay_place (thread, player->stream);
    size_t n_bytes =
        encode (player, samples, packet + RTP_HEADER_BYTES, RTP_PACKET_BYTES - RTP_HEADER_BYTES);

    bool is_sent = target != NULL && n_bytes > 0;

    if (is_sent) {
        write_header (player, packet);
        rtp_relay_put (thread, player->stream, target, packet, RTP_HEADER_BYTES + n_bytes);
        player->sequence++;
    }
    player->is_marked = !is_sent;
    player->timestamp +=
        (uint32_t) ((uint64_t) player->codec->clock_rate_hz * player->n_packet / TD_SOURCE_RATE_HZ);
}

static void
play (RtpThread *thread, RtpPlayer *player)
{
    int16_t samples[LONGEST_SAMPLES];
    unsigned n_packet = player->n_packet;
    unsigned n = player->source->read (player->source, player->position, samples, n_packet);

    if (n > 0) {
        n = MIN (n, n_packet);
        memset (samples + n, 0, (n_packet - n) * sizeof samples[0]);
        send_packet (thread, player, samples);
        player->position += n;
    }
    if (n < n_packet) {
        const RtpEngineSetup *setup = &thread->engine->setup;
        void *owner = player->owner;
        rtp_relay_flush (thread);
        rtp_player_leave (player->stream);
        setup->event (owner, TD_MEDIA_ENDED, 0, setup->data);
    }
}

/* Sends what is due at the present beat, and finds the next one. */
static void
beat (RtpThread *thread)
{
    int64_t soonest_us = INT64_MAX;
    RtpPlayer *next;

    for (RtpPlayer *player = thread->players; player != NULL; player = next) {
        bool is_due = player->due_us <= thread->next_packet_us;
        next = player->next;
        if (is_due) {
            player->due_us += (int64_t) player->n_packet * 1000 / SAMPLES_PER_MS;
        }
        soonest_us = MIN (soonest_us, player->due_us);
        if (is_due) {
            play (thread, player);
        }
    }
    thread->next_packet_us = soonest_us;
}

/* Too much is overdue: it is left out, for all alike. */
static void
skip_to_now (RtpThread *thread)
{
    for (RtpPlayer *player = thread->players; player != NULL; player = player->next) {
        player->due_us += thread->now_us - thread->next_packet_us;
    }
    thread->next_packet_us = thread->now_us;
}

void
rtp_players_turn (RtpThread *thread)
{
    if (thread->players != NULL && thread->now_us - thread->next_packet_us > LATE_US) {
        skip_to_now (thread);
    }
    while (thread->players != NULL && thread->next_packet_us <= thread->now_us) {
        beat (thread);
    }
    rtp_relay_flush (thread);
}

int64_t
rtp_players_wait_us (const RtpThread *thread)
{
    if (thread->players == NULL) {
        return -1;
    }
    return MAX (thread->next_packet_us - rtp_engine_now_us (thread->engine), 0);
}

/* --- What lanes ask for ------------------------------------------------------------------ */

typedef struct {
    RtpCommand command;
    RtpStream *stream;
    RtpPlayer *player;
} PlayCommand;

static void
run_play (RtpThread *thread, RtpCommand *command)
{
    RtpStream *stream = ((PlayCommand *) command)->stream;
    RtpPlayer *player = ((PlayCommand *) command)->player;
    RtpPlayer *before = stream->player;

    if (before != NULL && before->owner == player->owner && before->source == player->source) {
        player->position = before->position;
        player->ssrc = before->ssrc;
        player->sequence = before->sequence;
        player->timestamp = before->timestamp;
        player->is_marked = before->is_marked;
        player->due_us = before->due_us;
    }
    /* In this order, so that a thread which plays nothing else keeps its beat. */
    link_player (thread, stream, player);
    if (before != NULL) {
        end_player (thread, before);
    }
    g_free (command);
}

void
rtp_stream_play (RtpStream *stream, RtpPlayer *player)
{
    PlayCommand *command = g_new0 (PlayCommand, 1);

    command->command.run = run_play;
    command->stream = stream;
    command->player = player;
    rtp_thread_post (stream->thread, &command->command);
}

typedef struct {
    RtpCommand command;
    void *owner;
    void (*done) (void *data);
    void *data;
} StopCommand;

static void
run_stop (RtpThread *thread, RtpCommand *command)
{
    StopCommand *stop = (StopCommand *) command;
    RtpPlayer *next;

    for (RtpPlayer *player = thread->players; player != NULL; player = next) {
        next = player->next;
        if (player->owner == stop->owner) {
            rtp_player_leave (player->stream);
        }
    }
    if (stop->done != NULL) {
        stop->done (stop->data);
    }
    g_free (command);
}

void
rtp_players_stop (RtpEngine *engine, uint64_t key, void *owner, void (*done) (void *data),
                  void *data)
{
    StopCommand *command = g_new0 (StopCommand, 1);

    command->command.run = run_stop;
    command->owner = owner;
    command->done = done;
    command->data = data;
    rtp_thread_post (rtp_engine_thread_of (engine, key), &command->command);
}
