/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* call list, call show, call hangup: what an operator does to calls. */

#include "operate/operate.h"

#include "call/call.h"

#include <stdlib.h>

/* A journey over the lanes that gathers a row for each call. */
typedef struct {
    TdRequest *request;
    GVariantBuilder rows;
    TdId only; /* TD_ID_NONE: all */
    bool is_found;
} Gathering;

static int64_t
age_s (int64_t since_us)
{
    return (td_clock_now_us () - since_us) / G_USEC_PER_SEC;
}

static void
describe_briefly (const TdCall *call, GVariantBuilder *row)
{
    char id[TD_ID_TEXT_SIZE];
    const TdChannel *b = td_call_outgoing (call);

    td_row_text (row, "call", td_id_print (td_call_id (call), id));
    td_row_text (row, "state", td_call_state_name (call));
    td_row_text (row, "calling", td_party_key (td_call_calling (call)));
    td_row_text (row, "called", td_party_key (td_call_called (call)));
    td_row_text (row, "from", call->a != NULL ? td_channel_trunk (call->a) : NULL);
    td_row_text (row, "to", b != NULL ? td_channel_trunk (b) : NULL);
    td_row_number (row, "class", td_call_priority (call)->priority_class);
    td_row_number (row, "seconds",
                   age_s (call->answered_us != 0 ? call->answered_us : call->started_us));
}

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
describe_fully (const TdCall *call, GVariantBuilder *row)
{
    GVariantBuilder legs;

    describe_briefly (call, row);
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
add_call (TdCall *call, void *data)
{
    Gathering *gathering = data;

    g_variant_builder_open (&gathering->rows, G_VARIANT_TYPE_VARDICT);
    describe_briefly (call, &gathering->rows);
    g_variant_builder_close (&gathering->rows);
}

static void
visit_lane (TdLane *lane, void *data)
{
    Gathering *gathering = data;

    if (lane == td_lane_control ()) {
        return;
    }
    if (gathering->only == TD_ID_NONE) {
        td_calls_each (add_call, gathering);
        return;
    }
    TdCall *call = td_call_find (gathering->only);
    if (call != NULL) {
        describe_fully (call, &gathering->rows);
        gathering->is_found = true;
    }
}

static void
finish (void *data)
{
    Gathering *gathering = data;
    g_autoptr (GVariant) result = g_variant_ref_sink (g_variant_builder_end (&gathering->rows));

    if (gathering->only == TD_ID_NONE || gathering->is_found) {
        td_request_reply (gathering->request, result);
    } else {
        td_request_fail (gathering->request,
                         "there is no such call any more; \"call list\" shows those there are");
    }
    td_request_unref (gathering->request);
    g_free (gathering);
}

static void
gather (TdRequest *request, TdId only)
{
    Gathering *gathering = g_new0 (Gathering, 1);

    gathering->request = td_request_ref (request);
    gathering->only = only;
    g_variant_builder_init (&gathering->rows, only == TD_ID_NONE ? G_VARIANT_TYPE ("aa{sv}")
                                                                 : G_VARIANT_TYPE_VARDICT);
    td_lane_sweep (NULL, visit_lane, finish, finish, gathering);
}

static void
run_list (TdRequest *request, void *data)
{
    gather (request, TD_ID_NONE);
}

static bool
read_id (TdRequest *request, TdId *ret_id)
{
    const char *text = td_request_argument (request, "CALL");

    if (!td_id_parse (text, ret_id)) {
        td_request_fail (request, "\"%s\" is no call: the first column of \"call list\" is", text);
        return false;
    }
    return true;
}

static void
run_show (TdRequest *request, void *data)
{
    TdId id;

    if (read_id (request, &id)) {
        gather (request, id);
    }
}

static void
run_hangup (TdRequest *request, void *data)
{
    const char *text = td_request_argument (request, "--cause");
    unsigned value = TD_CAUSE_NORMAL_UNSPECIFIED;
    TdId id;

    if (!read_id (request, &id)) {
        return;
    }
    if (text != NULL && !td_cause_parse (text, &value)) {
        td_request_fail (request,
                         "\"%s\" is no cause: a Q.850 number from 1 to 127, or a name such as "
                         "user-busy",
                         text);
        return;
    }
    TdCause cause = td_cause (value, "Released by the operator");
    td_call_release_by_id (NULL, id, &cause);
    td_request_reply (request, g_variant_new_parsed ("{'released': <%s>}",
                                                     td_request_argument (request, "CALL")));
}

static const TdArgument call_argument[] = {
    { .name = "CALL", .help = "The call's id", .is_required = true, .complete = "call list" },
};

static const TdArgument hangup_arguments[] = {
    { .name = "CALL", .help = "The call's id", .is_required = true, .complete = "call list" },
    { .name = "--cause",
      .help = "Q.850 cause, number or name; 31 (normal, unspecified) otherwise",
      .takes_value = true },
};

#define COMMAND .size = sizeof (TdCommand), .argument_size = sizeof (TdArgument)

void
td_call_commands_open (void)
{
    td_operate_add (&(TdCommand){ COMMAND, .name = "call list", .help = "The calls that are up",
                                  .run = run_list });
    td_operate_add (&(TdCommand){ COMMAND, .name = "call show", .help = "Everything about one call",
                                  .arguments = call_argument, .n_arguments = 1, .run = run_show });
    td_operate_add (&(TdCommand){ COMMAND, .name = "call hangup", .help = "Ends a call",
                                  .arguments = hangup_arguments, .n_arguments = 2,
                                  .is_change = true, .run = run_hangup });
}
