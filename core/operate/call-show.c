/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* call show: what the call's lane knows of it, and what its media provider says when asked.
 *
 *     control          the call's lane             the provider
 *     show ---post---> legs, route ...
 *                      an audit a leg  ----------> answers, soon or in time
 *     answer <--post-- when all have answered <--'
 */

#include "operate/calls.h"

/* One request on its way there and back. */
typedef struct {
    TdPost post; /* first */
    TdRequest *request;
    TdId id;
    bool is_found;
    GVariantBuilder row;
    GVariantBuilder streams;
    bool has_streams;
    unsigned n_awaited; /* audits, and who asks for them */
} Show;

typedef struct {
    Show *show;
    TdId leg;
} Audit;

static void
describe_leg (TdChannel *leg, GVariantBuilder *rows)
{
    char id[TD_ID_TEXT_SIZE];

    g_variant_builder_open (rows, G_VARIANT_TYPE_VARDICT);
    td_row_text (rows, "leg", td_id_print (td_channel_id (leg), id));
    td_row_text (rows, "driver", td_channel_driver_name (leg));
    td_row_text (rows, "state", td_fsm_state_name (&leg->fsm));
    td_row_text (rows, "trunk", td_channel_trunk (leg));
    td_row_text (rows, "peer", leg->peer_address);
    td_row_text (rows, "peer_id", leg->peer_id);
    if (leg->cause.value != TD_CAUSE_NONE) {
        td_row_text (rows, "cause", leg->cause.text);
    }
    if (leg->driver->driver.describe != NULL && td_channel_is_alive (leg)) {
        GVariantDict own;
        g_variant_dict_init (&own, NULL);
        leg->driver->driver.describe (leg, &own);
        td_row_rest (rows, &own);
    }
    g_variant_builder_close (rows);
}

static void
describe_call (const TdCall *call, GVariantBuilder *row)
{
    GVariantBuilder legs;

    td_call_describe_briefly (call, row);
    td_row_text (row, "route", call->route_label);
    td_row_number (row, "attempts", call->n_attempts);
    td_row_text (row, "media",
                 call->bridge == NULL                  ? "none yet"
                 : td_bridge_is_through (call->bridge) ? "through"
                                                       : "anchored");
    g_variant_builder_init (&legs, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < call->legs->len; i++) {
        describe_leg (call->legs->pdata[i], &legs);
    }
    g_variant_builder_add (row, "{sv}", "legs", g_variant_builder_end (&legs));
}

static void
add_ms (GVariantBuilder *row, const char *name, uint32_t time_us)
{
    g_variant_builder_add (row, "{sv}", name, g_variant_new_double (time_us / 1000.0));
}

static void
describe_stream (Show *show, TdId leg, unsigned index, const TdMediaStats *stats)
{
    GVariantBuilder *row = &show->streams;
    char id[TD_ID_TEXT_SIZE];

    show->has_streams = true;
    g_variant_builder_open (row, G_VARIANT_TYPE_VARDICT);
    td_row_text (row, "leg", td_id_print (leg, id));
    td_row_number (row, "stream", index);
    td_row_text (row, "codec", stats->codec);
    td_row_text (row, "remote", stats->remote);
    td_row_number (row, "packets_in", (int64_t) stats->packets_received);
    td_row_number (row, "octets_in", (int64_t) stats->bytes_received);
    td_row_number (row, "packets_out", (int64_t) stats->packets_sent);
    td_row_number (row, "octets_out", (int64_t) stats->bytes_sent);
    td_row_number (row, "lost", (int64_t) stats->packets_lost);
    td_row_number (row, "duplicated", (int64_t) stats->packets_duplicated);
    td_row_number (row, "reordered", (int64_t) stats->packets_reordered);
    td_row_number (row, "ignored", (int64_t) stats->packets_ignored);
    add_ms (row, "jitter_ms", stats->jitter_us);
    if (stats->round_trip_us != 0) {
        add_ms (row, "round_trip_ms", stats->round_trip_us);
    }
    g_variant_builder_close (row);
}

/* Why there are no statistics of LEG. */
static void
describe_failure (Show *show, TdId leg, const char *reason)
{
    char id[TD_ID_TEXT_SIZE];

    show->has_streams = true;
    g_variant_builder_open (&show->streams, G_VARIANT_TYPE_VARDICT);
    td_row_text (&show->streams, "leg", td_id_print (leg, id));
    td_row_text (&show->streams, "failed", reason);
    g_variant_builder_close (&show->streams);
}

void
td_call_fail_unknown (TdRequest *request)
{
    td_request_fail (request, "there is no call %s any more: \"call list\" shows those there are",
                     td_request_argument (request, "CALL"));
}

/* An id of another installation may name a lane that is not here: no call is found there. */
TdLane *
td_call_lane_of (TdId id)
{
    unsigned lane = td_id_lane (id);

    return lane < td_lane_count () ? td_lane_at (lane) : td_lane_control ();
}

/* On the control lane again. */
static void
answer (TdPost *post)
{
    Show *show = (Show *) post;
    GVariant *streams = g_variant_ref_sink (g_variant_builder_end (&show->streams));

    if (show->has_streams) {
        g_variant_builder_add (&show->row, "{sv}", "streams", streams);
    }
    g_variant_unref (streams);
    GVariant *result = g_variant_ref_sink (g_variant_builder_end (&show->row));
    if (show->is_found) {
        td_request_reply (show->request, result);
    } else {
        td_call_fail_unknown (show->request);
    }
    g_variant_unref (result);
    td_request_unref (show->request);
    g_free (show);
}

/* One thing less to wait for. */
static void
go_back (Show *show)
{
    if (--show->n_awaited == 0) {
        show->post = (TdPost){ .run = answer, .drop = answer };
        td_lane_post (td_lane_control (), &show->post);
    }
}

static void
take_audit (void *data, const TdMediaOutcome *outcome)
{
    Audit *audit = data;

    if (outcome->cause != TD_CAUSE_NONE) {
        describe_failure (audit->show, audit->leg, outcome->reason);
    }
    for (unsigned i = 0; i < outcome->n_stats; i++) {
        describe_stream (audit->show, audit->leg, i, &outcome->stats[i]);
    }
    go_back (audit->show);
    g_free (audit);
}

static void
audit_leg (Show *show, const TdCall *call, const TdChannel *leg)
{
    Audit *audit = g_new (Audit, 1);

    *audit = (Audit){ show, td_channel_id (leg) };
    show->n_awaited++;
    if (!td_bridge_audit (call->bridge, leg->termination, take_audit, audit)) {
        show->n_awaited--;
        g_free (audit);
    }
}

/* On the lane the call lives on. */
static void
look (TdPost *post)
{
    Show *show = (Show *) post;
    const TdCall *call = td_call_find (show->id);

    if (call != NULL
        && !td_request_may_see (show->request, td_call_priority (call)->priority_class)) {
        call = NULL;
    }
    show->n_awaited = 1;
    show->is_found = call != NULL;
    if (call != NULL) {
        describe_call (call, &show->row);
        for (unsigned i = 0; call->bridge != NULL && i < call->legs->len; i++) {
            audit_leg (show, call, call->legs->pdata[i]);
        }
    }
    go_back (show);
}

void
td_call_show (TdRequest *request, TdId id)
{
    Show *show = g_new0 (Show, 1);

    show->request = td_request_ref (request);
    show->id = id;
    show->post = (TdPost){ .run = look, .drop = answer };
    g_variant_builder_init (&show->row, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_init (&show->streams, G_VARIANT_TYPE ("aa{sv}"));
    td_lane_post (td_call_lane_of (id), &show->post);
}
