/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* call list, call show, call hangup: what an operator does to calls. */

#include "operate/calls.h"

#include "operate/command.h"

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

/* A call that is to be ended, on its way to the call's lane and back. */
typedef struct {
    TdPost post; /* first */
    TdRequest *request;
    TdId id;
    TdCause cause;
    bool is_found;
} Hangup;

static void
answer_hangup (TdPost *post)
{
    Hangup *hangup = (Hangup *) post;

    if (hangup->is_found) {
        td_request_reply (hangup->request,
                          g_variant_new_parsed ("{'released': <%s>}",
                                                td_request_argument (hangup->request, "CALL")));
    } else {
        td_call_fail_unknown (hangup->request);
    }
    td_request_unref (hangup->request);
    g_free (hangup);
}

static void
hang_up (TdPost *post)
{
    Hangup *hangup = (Hangup *) post;
    TdCall *call = td_call_find (hangup->id);

    hangup->is_found = call != NULL;
    if (call != NULL) {
        td_call_release (call, &hangup->cause);
    }
    hangup->post = (TdPost){ .run = answer_hangup, .drop = answer_hangup };
    td_lane_post (td_lane_control (), &hangup->post);
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
    Hangup *hangup = g_new0 (Hangup, 1);
    hangup->post = (TdPost){ .run = hang_up, .drop = answer_hangup };
    hangup->request = td_request_ref (request);
    hangup->id = id;
    hangup->cause = td_cause (value, "Released by the operator");
    td_lane_post (td_call_lane_of (id), &hangup->post);
}

static const TdArgument call_argument[] = {
    { .name = "CALL", .help = "The call's id", .is_required = true, .complete = "call list" },
};

static const TdArgument list_arguments[] = {
    { .name = "--caller",
      .help = "Only calls from this number or user; * and ? stand for what may be there",
      .takes_value = true },
    { .name = "--called", .help = "Only calls to it, as it was dialled", .takes_value = true },
    { .name = "--trunk",
      .help = "Only calls that came in or went out by it",
      .takes_value = true,
      .complete = "trunk list" },
    { .name = "--state",
      .help = "Only calls in this state, such as answered",
      .takes_value = true },
    { .name = "--since",
      .help = "Only calls that began so long ago at most (10min), or then at the earliest "
              "(2026-01-31T14:00:00Z)",
      .takes_value = true },
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
    td_command_add_own (
        &(TdCommand){ COMMAND, .name = "call list", .help = "Shows the calls that are up",
                      .arguments = list_arguments, .n_arguments = G_N_ELEMENTS (list_arguments),
                      .is_stream = true, .run = td_call_list });
    td_command_add_own (
        &(TdCommand){ COMMAND, .name = "call show", .help = "Shows everything about one call",
                      .arguments = call_argument, .n_arguments = 1, .run = run_show });
    td_command_add_own (&(TdCommand){ COMMAND, .name = "call hangup", .help = "Ends a call",
                                      .arguments = hangup_arguments, .n_arguments = 2,
                                      .is_change = true, .run = run_hangup });
}
