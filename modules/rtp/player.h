/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Players: sound from a source, paced and encoded on a media thread, sent to the peer of a stream.
 *
 *     every 20 ms: source -> 160 samples -> encode -> one packet -> the peer
 *
 * Or as long as the peer wants its packets, in steps of 10 ms. All players of a thread have the same beat: a
 * thread wakes up once for all that is due then.
 */

#ifndef MODULES_RTP_PLAYER_H
#define MODULES_RTP_PLAYER_H

#include "engine.h"

#include <tandem/iface/source.h>

typedef struct RtpPlayer RtpPlayer;

/* Plays SOURCE (transfer full) for OWNER, who is told TD_MEDIA_ENDED when it has come to its end, as FORMAT
 * says it, by CODEC (transfer full), which rtp_player_can() play. PTIME_MS: of a packet, as the peer wants it;
 * 0: it has not said. */
RtpPlayer *rtp_player_new (TdSource *source, const TdCodec *codec, const TdFormat *format,
                           unsigned ptime_ms, void *owner);
void rtp_player_free (RtpPlayer *player); /* nullable */

/* The peer wants to hear nothing: the sound goes on without it. Before it is played. */
void rtp_player_mute (RtpPlayer *player);

/* Whether CODEC takes what sources have, in packets of 20 ms. */
bool rtp_player_can (const TdCodec *codec);

/* STREAM's peer hears PLAYER (transfer full) from now on, in place of another one; one that plays the
 * same source for the same owner goes on where that one is. Thread: any. */
void rtp_stream_play (RtpStream *stream, RtpPlayer *player);

/* Ends what is played for OWNER on the streams of KEY, then calls DONE (nullable) on the media thread: OWNER is
 * not told anything afterwards. Thread: any. */
void rtp_players_stop (RtpEngine *engine, uint64_t key, void *owner, void (*done) (void *data),
                       void *data);

/* --- On the media thread --- */

/* Sends what is due. */
void rtp_players_turn (RtpThread *thread);

/* How long the thread may wait for it, in microseconds; -1: nothing plays. */
int64_t rtp_players_wait_us (const RtpThread *thread);

/* STREAM is being closed. */
void rtp_player_leave (RtpStream *stream);

#endif
