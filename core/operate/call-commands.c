/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* call list, call show, call hangup: what an operator does to calls. */

#include "operate/calls.h"

#include "operate/command.h"

/* A journey over the lanes that gathers a row for each call. */
typedef struct {
    TdRequest *request;
    GVariantBuilder rows;
} Gathering;

static int64_t
age_s (int64_t since_us)
{
    return (td_clock_now_us () - since_us) / G_USEC_PER_SEC;
}

void
td_call_describe_briefly (const TdCall *call, GVariantBuilder *row)
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
add_call (TdCall *call, void *data)
{
    Gathering *gathering = data;

    g_variant_builder_open (&gathering->rows, G_VARIANT_TYPE_VARDICT);
    td_call_describe_briefly (call, &gathering->rows);
    g_variant_builder_close (&gathering->rows);
}

static void
visit_lane (TdLane *lane, void *data)
{
    td_calls_each (add_call, data);
}

static void
finish (void *data)
{
    Gathering *gathering = data;

    td_request_reply (gathering->request, g_variant_builder_end (&gathering->rows));
    td_request_unref (gathering->request);
    g_free (gathering);
}

static void
run_list (TdRequest *request, void *data)
{
    Gathering *gathering = g_new0 (Gathering, 1);

    gathering->request = td_request_ref (request);
    g_variant_builder_init (&gathering->rows, G_VARIANT_TYPE ("aa{sv}"));
    td_lane_sweep (NULL, visit_lane, finish, finish, gathering);
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
        td_call_show (request, id);
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
    td_command_add_own (&(TdCommand){ COMMAND, .name = "call list", .help = "The calls that are up",
                                      .run = run_list });
    td_command_add_own (
        &(TdCommand){ COMMAND, .name = "call show", .help = "Everything about one call",
                      .arguments = call_argument, .n_arguments = 1, .run = run_show });
    td_command_add_own (&(TdCommand){ COMMAND, .name = "call hangup", .help = "Ends a call",
                                      .arguments = hangup_arguments, .n_arguments = 2,
                                      .is_change = true, .run = run_hangup });
}
