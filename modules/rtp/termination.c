/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers the requests of bridges: opens streams, tells them where their peers are, connects them. */

#include "termination.h"

#include "player.h"
#include "rules.h"

#include <errno.h>
#include <string.h>
#include <tandem/log.h>

/* One side of a call. Belongs to the lane of its bridge; media threads only read what is constant. */
typedef struct {
    RtpProvider *provider; /* constant, as are bridge and index */
    TdId bridge;
    uint16_t index;
    uint8_t priority_class; /* as the last request has it */
    bool is_loop;           /* no streams: it sends back what comes */
    TdSource *source;       /* no streams: it plays this; nullable */
    TdSeat transcode;       /* of the call, with one of its two terminations */
    bool has_transcode;
    bool keeps_transcode; /* whether it is needed or not, until it is spared */
    bool is_transcoded;   /* connected so that it is needed */
    unsigned n_streams;
    RtpStream **streams; /* NULL where a stream is refused */
    TdDescription *local, *remote;
} Termination;

void
rtp_termination_event (void *owner, TdMediaEventKind kind, int64_t value, void *data)
{
    const Termination *termination = owner;

    td_media_event (termination->provider->module, termination->bridge, termination->index, kind,
                    value);
}

/* The source of a service "source/NAME", or NULL. */
static TdSource *
open_source (RtpProvider *provider, const char *service, const char **ret_why)
{
    const TdSourceService *sources = atomic_load (&provider->sources);

    if (sources == NULL) {
        *ret_why = "no module makes sound: load announce";
        return NULL;
    }
    return sources->open (service + strlen (RTP_SERVICE_SOURCE), ret_why, sources->data);
}

/* NULL, with a reason: there is nothing to play. */
static Termination *
termination_new (RtpProvider *provider, const TdMediaRequest *request, const char **ret_why)
{
    TdSource *source = NULL;

    if (request->kind == TD_TERMINATION_INTERNAL
        && g_str_has_prefix (request->service, RTP_SERVICE_SOURCE)) {
        source = open_source (provider, request->service, ret_why);
        if (source == NULL) {
            return NULL;
        }
    }
    Termination *termination = g_new0 (Termination, 1);

    termination->provider = provider;
    termination->bridge = request->bridge;
    termination->index = request->termination;
    termination->source = source;
    termination->is_loop = request->kind == TD_TERMINATION_INTERNAL && source == NULL;
    return termination;
}

static void
termination_free (Termination *termination)
{
    RtpEngine *engine = termination->provider->engine;

    g_clear_pointer (&termination->local, td_description_unref);
    g_clear_pointer (&termination->remote, td_description_unref);
    g_clear_pointer (&termination->source, td_source_drop);
    td_seat_give (&termination->transcode);
    g_free (termination->streams);
    g_free (termination);
    rtp_engine_leave (engine);
}

static const TdStream *
stream_of (const TdDescription *description, unsigned index)
{
    return description != NULL && index < description->n_streams ? &description->streams[index]
                                                                 : NULL;
}

static void
ignore_views (const RtpView *views, unsigned n_views, void *data)
{
}

static void
close_stream (Termination *termination, unsigned index)
{
    if (index < termination->n_streams && termination->streams[index] != NULL) {
        rtp_streams_view (&termination->streams[index], 1, true, ignore_views, NULL);
        termination->streams[index] = NULL;
    }
}

/* UDPTL and other datagrams pass as they are; what runs over streams of bytes cannot. */
static bool
is_datagrams (const TdStream *stream)
{
    return g_ascii_strncasecmp (stream->transport, "udp", 3) == 0;
}

/* RFC 5761 5.1.1: one port is enough when the peer has offered it; who offers it needs both. */
static RtpStreamKind
kind_of (const TdStream *wanted, const TdStream *remote)
{
    if (!td_stream_is_rtp (wanted)) {
        return RTP_STREAM_OPAQUE;
    }
    return wanted->is_rtcp_mux && remote != NULL && remote->is_rtcp_mux ? RTP_STREAM_MUX
                                                                        : RTP_STREAM_PAIR;
}

/* Whether the stream that is open serves for KIND at PLACE: a pair does for both of RTP's. */
static bool
serves (const RtpStream *stream, RtpStreamKind kind, const RtpPlace *place)
{
    bool is_opaque = rtp_stream_kind (stream) == RTP_STREAM_OPAQUE;

    return is_opaque == (kind == RTP_STREAM_OPAQUE)
           && rtp_stream_is_ipv6 (stream) == (place->host.any.sa_family == AF_INET6)
           && (rtp_stream_kind (stream) == RTP_STREAM_PAIR || kind != RTP_STREAM_PAIR);
}

/* The address for a stream: of the peer's family where it is known, else of the family that was asked
 * for, else what there is. */
static const RtpPlace *
place_for (const RtpProvider *provider, const TdStream *wanted, const TdStream *remote)
{
    bool is_ipv6 = remote != NULL && remote->address != NULL ? remote->is_ipv6 : wanted->is_ipv6;
    const RtpPlace *first = is_ipv6 ? &provider->ipv6 : &provider->ipv4;
    const RtpPlace *second = is_ipv6 ? &provider->ipv4 : &provider->ipv6;

    return first->host.any.sa_family != AF_UNSPEC ? first : second;
}

/* Opens stream INDEX unless an open one serves, and puts its address and port into LOCAL. */
static bool
open_stream (Termination *termination, unsigned index, TdStream *local, GError **error)
{
    const TdStream *remote = stream_of (termination->remote, index);
    const RtpPlace *place = place_for (termination->provider, local, remote);
    RtpStreamKind kind = kind_of (local, remote);

    if (termination->streams[index] != NULL && !serves (termination->streams[index], kind, place)) {
        close_stream (termination, index);
    }
    if (termination->streams[index] == NULL) {
        termination->streams[index] =
            rtp_stream_open (termination->provider->engine, termination->bridge, &place->host, kind,
                             termination->priority_class, termination, error);
        if (termination->streams[index] == NULL) {
            return false;
        }
    }
    local->port = (uint16_t) rtp_stream_port (termination->streams[index]);
    local->rtcp_port = 0; /* the next one */
    local->is_ipv6 = place->host.any.sa_family == AF_INET6;
    td_description_set_text (&local->address, place->told);
    return true;
}

static void
refuse_stream (Termination *termination, unsigned index, TdStream *local)
{
    close_stream (termination, index);
    local->port = 0;
    local->direction = TD_DIRECTION_INACTIVE;
}

static void
make_room (Termination *termination, unsigned n_streams)
{
    if (n_streams <= termination->n_streams) {
        return;
    }
    termination->streams = g_renew (RtpStream *, termination->streams, n_streams);
    for (unsigned i = termination->n_streams; i < n_streams; i++) {
        termination->streams[i] = NULL;
    }
    termination->n_streams = n_streams;
}

/* Makes of WANTED what the peer is told. */
static bool
take_wanted (Termination *termination, const TdDescription *wanted, GError **error)
{
    g_autoptr (TdDescription) local = td_description_copy (wanted);

    make_room (termination, local->n_streams);
    for (unsigned i = 0; i < local->n_streams; i++) {
        TdStream *stream = &local->streams[i];
        if (stream->port == 0 || !(td_stream_is_rtp (stream) || is_datagrams (stream))) {
            refuse_stream (termination, i, stream);
        } else if (!open_stream (termination, i, stream, error)) {
            return false;
        }
    }
    const RtpProvider *provider = termination->provider;
    bool is_ipv6 = local->n_streams > 0 && local->streams[0].is_ipv6;
    td_description_set_text (&local->origin_address, is_ipv6 && provider->ipv6.told[0] != '\0'
                                                         ? provider->ipv6.told
                                                         : provider->ipv4.told);
    /* RFC 9143 7.3: a bundle has one port, and these streams have one each. */
    td_description_drop_lines (&local->lines, "a=group:BUNDLE");
    g_clear_pointer (&termination->local, td_description_unref);
    termination->local = g_steal_pointer (&local);
    return true;
}

/* Where the peer of stream INDEX is and what is to be expected of it. A name in place of an address is
 * not looked up: its packets tell where it is. */
static void
agree (Termination *termination, unsigned index)
{
    const TdStream *local = stream_of (termination->local, index);
    const TdStream *remote = stream_of (termination->remote, index);
    RtpAgreement agreement = { .local = termination->local, .index = index };

    if (termination->streams[index] == NULL || termination->remote == NULL) {
        return; /* nobody is there yet with whom something could be agreed */
    }
    if (remote != NULL && remote->port == 0) { /* RFC 3264 6: the peer does not want it */
        close_stream (termination, index);
        return;
    }
    if (remote != NULL && remote->address != NULL
        && td_address_parse (remote->address, remote->port, &agreement.remote)) {
        agreement.remote_rtcp = agreement.remote;
        td_address_set_port (&agreement.remote_rtcp, remote->rtcp_port != 0
                                                         ? remote->rtcp_port
                                                         : (uint16_t) (remote->port + 1));
    }
    if (local != NULL && remote != NULL) {
        agreement.is_remote_mux = local->is_rtcp_mux && remote->is_rtcp_mux;
        agreement.is_awaited = (local->direction & TD_DIRECTION_RECVONLY) != 0
                               && (remote->direction & TD_DIRECTION_SENDONLY) != 0
                               && td_stream_is_rtp (local);
    }
    rtp_stream_agree (termination->streams[index], &agreement);
}

static TdCauseValue
cause_of (const GError *error)
{
    return error->code == EADDRINUSE || error->code == EMFILE || error->code == ENFILE
                   || error->code == ENOBUFS || error->code == ENOMEM
               ? TD_CAUSE_RESOURCE_UNAVAILABLE
               : TD_CAUSE_TEMPORARY_FAILURE;
}

/* Makes the termination of REQUEST when there is none; false: REQUEST has failed. */
static bool
ensure_termination (RtpProvider *provider, TdMediaRequest *request)
{
    const char *why = NULL;

    if (*request->state != NULL) {
        return true;
    }
    if (!rtp_engine_enter (provider->engine)) {
        td_media_failed (request, TD_CAUSE_TEMPORARY_FAILURE, "the media relay is stopping");
        return false;
    }
    *request->state = termination_new (provider, request, &why);
    if (*request->state == NULL) {
        rtp_engine_leave (provider->engine);
        td_log_peer (provider->module, "rtp.source", request->service, NULL,
                     "nothing is played: %s", why);
        td_media_failed (request, TD_CAUSE_BEARER_NOT_IMPLEMENTED, why);
    }
    return *request->state != NULL;
}

static void
classify (Termination *termination, unsigned priority_class)
{
    termination->priority_class = (uint8_t) priority_class;
    td_seat_raise (&termination->transcode, priority_class);
    for (unsigned i = 0; i < termination->n_streams; i++) {
        if (termination->streams[i] != NULL) {
            rtp_stream_classify (termination->streams[i], priority_class);
        }
    }
}

static bool
take_seat (Termination *termination)
{
    TdLimit *limit = termination->provider->transcodes;

    if (limit != NULL && !termination->has_transcode) {
        termination->transcode.holder = termination->bridge;
        termination->has_transcode =
            td_seat_take (&termination->transcode, limit, termination->priority_class, false)
            == TD_SEAT_GRANTED;
        td_metric_add (termination->provider->untranscoded, !termination->has_transcode);
    }
    return limit == NULL || termination->has_transcode;
}

static void
give_seat (Termination *termination)
{
    if (!termination->keeps_transcode) {
        td_seat_give (&termination->transcode);
        termination->has_transcode = false;
    }
}

/* A place for the call among those that are transcoded, before it is known whether it needs one. */
static void
keep_transcode (Termination *termination, TdMediaRequest *request)
{
    switch (request->transcoder) {
    case TD_TRANSCODER_AS_IS:
        break;
    case TD_TRANSCODER_KEEP:
        request->has_transcoder = termination->keeps_transcode = take_seat (termination);
        break;
    case TD_TRANSCODER_SPARE:
        termination->keeps_transcode = false;
        if (!termination->is_transcoded) {
            give_seat (termination);
        }
        break;
    }
}

static void
modify (RtpProvider *provider, TdMediaRequest *request)
{
    g_autoptr (GError) error = NULL;

    if (!ensure_termination (provider, request)) {
        return;
    }
    Termination *termination = *request->state;
    classify (termination, request->priority_class);
    if (request->remote != NULL) {
        g_clear_pointer (&termination->remote, td_description_unref);
        termination->remote = td_description_ref (request->remote);
    }
    if (termination->is_loop || termination->source != NULL) {
        td_media_done (request, NULL, NULL, 0);
        return;
    }
    if (request->wanted != NULL && !take_wanted (termination, request->wanted, &error)) {
        td_log_peer (provider->module, "rtp.refused", "streams", NULL, "refused: %s",
                     error->message);
        td_media_failed (request, cause_of (error), error->message);
        return;
    }
    keep_transcode (termination, request);
    bool is_news = request->remote != NULL || request->wanted != NULL;
    for (unsigned i = 0; is_news && i < termination->n_streams; i++) {
        agree (termination, i);
    }
    td_media_done (request,
                   termination->local != NULL ? td_description_ref (termination->local) : NULL,
                   NULL, 0);
}

/* What comes to FROM goes to TO, or no more. */
static void
connect_one_way (Termination *from, Termination *to, bool is_on)
{
    RtpRule rules[TD_MAX_FORMATS];

    for (unsigned i = 0; i < MIN (from->n_streams, to->n_streams); i++) {
        const TdStream *heard = stream_of (from->local, i), *spoken = stream_of (to->remote, i);
        if (from->streams[i] == NULL || to->streams[i] == NULL) {
            continue;
        }
        if (!is_on || heard == NULL || spoken == NULL
            || (rtp_stream_kind (from->streams[i]) == RTP_STREAM_OPAQUE)
                   != (rtp_stream_kind (to->streams[i]) == RTP_STREAM_OPAQUE)) {
            rtp_stream_disconnect (from->streams[i], to->streams[i]);
            continue;
        }
        unsigned n_rules = rtp_rules_make (heard, spoken, rules);
        rtp_stream_connect (from->streams[i], to->streams[i], rules, n_rules);
    }
}

static bool
has_format (const TdStream *stream, const TdFormat *format)
{
    for (unsigned i = 0; i < stream->n_formats; i++) {
        if (td_format_matches (&stream->formats[i], format)) {
            return true;
        }
    }
    return false;
}

/* Whether what both sides of FROM have agreed on is nothing that TO's peer understands. */
static bool
needs_transcode (const Termination *from, const Termination *to, unsigned index)
{
    const TdStream *local = stream_of (from->local, index),
                   *remote = stream_of (from->remote, index);
    const TdStream *spoken = stream_of (to->remote, index);

    if (from->streams[index] == NULL || to->streams[index] == NULL || local == NULL
        || remote == NULL || spoken == NULL || local->kind != TD_MEDIA_AUDIO
        || !td_stream_is_rtp (local)) {
        return false;
    }
    for (unsigned i = 0; i < remote->n_formats; i++) {
        const TdFormat *format = &remote->formats[i];
        if (!td_format_is_companion (format) && has_format (local, format)
            && has_format (spoken, format)) {
            return false;
        }
    }
    return true;
}

/* False: no more calls of this class may be transcoded. */
static bool
take_transcode (Termination *from, Termination *to, TdDirection direction)
{
    bool is_needed = false;

    for (unsigned i = 0; direction != 0 && i < MIN (from->n_streams, to->n_streams); i++) {
        is_needed |= needs_transcode (from, to, i);
    }
    from->is_transcoded = to->is_transcoded = is_needed;
    if (!is_needed) {
        give_seat (from);
        give_seat (to);
        return true;
    }
    return to->has_transcode || take_seat (from);
}

/* A player of SOURCE's sound for the peer of stream INDEX of TO, with the first codec that both sides named
 * and that is here; NULL: there is none. */
static RtpPlayer *
make_player (Termination *source, const Termination *to, unsigned index)
{
    const TdStream *local = stream_of (to->local, index), *remote = stream_of (to->remote, index);

    if (local == NULL || remote == NULL || to->streams[index] == NULL
        || remote->kind != TD_MEDIA_AUDIO
        || rtp_stream_kind (to->streams[index]) == RTP_STREAM_OPAQUE) {
        return NULL;
    }
    for (unsigned i = 0; i < remote->n_formats; i++) {
        const TdFormat *format = &remote->formats[i];
        bool is_agreed = false;
        for (unsigned j = 0; j < local->n_formats; j++) {
            is_agreed |= td_format_matches (&local->formats[j], format);
        }
        const TdCodec *codec =
            is_agreed ? td_codec_acquire (format->name, format->clock_rate_hz) : NULL;
        if (codec != NULL && rtp_player_can (codec)) {
            return rtp_player_new (td_source_keep (source->source), codec, format, remote->ptime_ms,
                                   source);
        }
        td_codec_release (codec);
    }
    return NULL;
}

/* Whether the peer of stream INDEX wants media: RFC 3264 5.1. */
static bool
wants_media (const Termination *to, unsigned index)
{
    const TdStream *remote = stream_of (to->remote, index);

    return (remote->direction & TD_DIRECTION_RECVONLY) != 0;
}

/* Returns whether there is a stream on which it can be heard. To a peer that holds it is played all the same,
 * without a packet: when that is over, it is where it would be. */
static bool
play_to (Termination *source, Termination *to)
{
    for (unsigned i = 0; i < to->n_streams; i++) {
        RtpPlayer *player = make_player (source, to, i);
        if (player != NULL) {
            if (!wants_media (to, i)) {
                rtp_player_mute (player);
            }
            rtp_stream_play (to->streams[i], player);
            return true;
        }
    }
    return false;
}

static void
connect_source (TdMediaRequest *request, Termination *source, Termination *to, bool is_on)
{
    if (!is_on) {
        rtp_players_stop (source->provider->engine, source->bridge, source, NULL, NULL);
    } else if (!play_to (source, to)) {
        td_media_failed (request, TD_CAUSE_BEARER_NOT_IMPLEMENTED,
                         "the peer has no codec in which sound can be made here");
        return;
    }
    td_media_done (request, NULL, NULL, 0);
}

static void
connect_terminations (TdMediaRequest *request)
{
    Termination *termination = *request->state, *peer = *request->peer_state;

    if (termination == NULL || peer == NULL) {
        td_media_failed (request, TD_CAUSE_TEMPORARY_FAILURE,
                         "a termination that was never made cannot be connected");
        return;
    }
    bool sends = (request->direction & TD_DIRECTION_SENDONLY) != 0;
    bool receives = (request->direction & TD_DIRECTION_RECVONLY) != 0;
    if (termination->source != NULL) {
        connect_source (request, termination, peer, sends);
        return;
    }
    if (peer->source != NULL) {
        connect_source (request, peer, termination, receives);
        return;
    }
    if (!termination->is_loop && !peer->is_loop
        && !take_transcode (termination, peer, request->direction)) {
        td_media_failed (request, TD_CAUSE_RESOURCE_UNAVAILABLE,
                         "all calls that may be transcoded are there: max-transcodes");
        return;
    }
    if (termination->is_loop) {
        connect_one_way (peer, peer, sends && receives);
    } else if (peer->is_loop) {
        connect_one_way (termination, termination, sends && receives);
    } else {
        connect_one_way (termination, peer, sends);
        connect_one_way (peer, termination, receives);
    }
    td_media_done (request, NULL, NULL, 0);
}

/* Waits for the views of a termination's streams. */
typedef struct {
    TdMediaRequest *request;
    Termination *termination; /* NULL when it stays */
    unsigned n_streams;
    int16_t view_of[]; /* each stream's place among the views, -1: none */
} Audit;

static void
fill_stats (TdMediaStats *stats, const RtpView *view)
{
    *stats = (TdMediaStats){
        .size = sizeof *stats,
        .packets_received = view->received.packets,
        .bytes_received = view->received.bytes,
        .packets_sent = view->packets_sent,
        .bytes_sent = view->bytes_sent,
        .packets_lost = rtp_stats_lost (&view->received),
        .packets_duplicated = view->received.duplicates,
        .packets_reordered = view->received.reordered,
        .packets_ignored = view->packets_ignored,
        .jitter_us = rtp_stats_jitter_us (&view->received),
        .round_trip_us = view->report.round_trip_us,
        .last_received_us = view->last_received_us,
    };
    g_strlcpy (stats->codec, view->codec, sizeof stats->codec);
    if (view->remote.any.sa_family != AF_UNSPEC) {
        char text[TD_ADDRESS_TEXT_SIZE];
        g_strlcpy (stats->remote, td_address_print (&view->remote, text), sizeof stats->remote);
    }
}

/* Thread: media, or the lane when there was nothing to ask the thread for. */
static void
finish_audit (const RtpView *views, unsigned n_views, void *data)
{
    Audit *audit = data;
    g_autofree TdMediaStats *stats = g_new0 (TdMediaStats, audit->n_streams);

    for (unsigned i = 0; i < audit->n_streams; i++) {
        stats[i].size = sizeof *stats;
        if (audit->view_of[i] >= 0) {
            fill_stats (&stats[i], &views[audit->view_of[i]]);
        }
    }
    td_media_done (audit->request, NULL, stats, audit->n_streams);
    /* Last: the threads may end with it. */
    g_clear_pointer (&audit->termination, termination_free);
    g_free (audit);
}

static void
finish_source (void *data)
{
    finish_audit (NULL, 0, data);
}

static void
audit_termination (TdMediaRequest *request, bool is_last)
{
    Termination *termination = *request->state;
    RtpStream *open[TD_MAX_STREAMS];
    int n_open = 0;

    if (termination == NULL) {
        td_media_done (request, NULL, NULL, 0);
        return;
    }
    Audit *audit = g_malloc (sizeof *audit + termination->n_streams * sizeof audit->view_of[0]);
    *audit = (Audit){ .request = request,
                      .termination = is_last ? termination : NULL,
                      .n_streams = termination->n_streams };
    for (unsigned i = 0; i < termination->n_streams; i++) {
        audit->view_of[i] = (int16_t) (termination->streams[i] != NULL ? n_open : -1);
        if (termination->streams[i] != NULL) {
            open[n_open++] = termination->streams[i];
        }
    }
    if (is_last) {
        *request->state = NULL;
    }
    if (is_last && termination->source != NULL) {
        rtp_players_stop (termination->provider->engine, termination->bridge, termination,
                          finish_source, audit);
    } else if (n_open > 0) {
        rtp_streams_view (open, (unsigned) n_open, is_last, finish_audit, audit);
    } else {
        finish_audit (NULL, 0, audit);
    }
}

void
rtp_provider_request (TdMediaRequest *request, void *data)
{
    switch (request->verb) {
    case TD_MEDIA_MODIFY:
        modify (data, request);
        break;
    case TD_MEDIA_CONNECT:
        connect_terminations (request);
        break;
    case TD_MEDIA_SUBTRACT:
        audit_termination (request, true);
        break;
    case TD_MEDIA_AUDIT:
        audit_termination (request, false);
        break;
    }
}
