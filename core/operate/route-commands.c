/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* route test: where a call to a number would go, and who says so. */

#include "operate/operate.h"

#include "call/dry-run.h"
#include "operate/command.h"

#include <string.h>

/* A question on its way to a lane and back. */
typedef struct {
    TdPost post; /* first */
    TdRequest *request;
    TdParty calling, called;
    GVariant *result; /* NULL: FAILURE */
    char *failure;
} Question;

static void
drop_question (TdPost *post)
{
    Question *question = (Question *) post;

    td_request_unref (question->request);
    g_clear_pointer (&question->result, g_variant_unref);
    g_free (question->failure);
    g_free (question);
}

static void
run_reply (TdPost *post)
{
    Question *question = (Question *) post;

    if (question->result != NULL) {
        td_request_reply (question->request, question->result);
    } else {
        td_request_fail (question->request, "%s", question->failure);
    }
    drop_question (post);
}

static void
add_target (GVariantBuilder *rows, const TdTarget *target, const char *called)
{
    g_variant_builder_open (rows, G_VARIANT_TYPE_VARDICT);
    td_row_number (rows, "group", target->group);
    td_row_text (rows, "driver", target->driver);
    td_row_text (rows, "trunk", target->trunk);
    td_row_text (rows, "address", target->address);
    td_row_text (rows, "number", target->number != NULL ? target->number : called);
    td_row_text (rows, "media", target->is_media_through ? "through" : "default");
    g_variant_builder_close (rows);
}

static GVariant *
describe (const TdRouteList *routes, const char *hook_name, const char *called)
{
    GVariantBuilder result, targets;

    g_variant_builder_init (&targets, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < td_route_list_length (routes); i++) {
        add_target (&targets, td_route_list_target (routes, i), called);
    }
    g_variant_builder_init (&result, G_VARIANT_TYPE_VARDICT);
    td_row_text (&result, "called", called);
    td_row_text (&result, "decided_by", hook_name);
    td_row_text (&result, "route", td_route_list_label (routes));
    g_variant_builder_add (&result, "{sv}", "targets", g_variant_builder_end (&targets));
    return g_variant_ref_sink (g_variant_builder_end (&result));
}

static void
dry_run_done (const TdHookAnswer *answer, const char *hook_name, const TdRouteList *routes,
              void *data)
{
    Question *question = data;
    const char *called = td_party_key (&question->called);

    switch (answer->verdict) {
    case TD_HOOK_DONE:
        question->result = describe (routes, hook_name, called);
        break;
    case TD_HOOK_REFUSE:
        question->failure = g_strdup_printf (
            "%s: refused by %s: %s", called, hook_name,
            answer->reason != NULL ? answer->reason : td_cause_phrase (answer->cause));
        break;
    case TD_HOOK_MORE_DIGITS:
        question->failure = g_strdup_printf ("%s: %s waits for more digits", called, hook_name);
        break;
    default:
        question->failure = g_strdup_printf ("%s: no route: no module knows where it goes", called);
    }
    question->post.run = run_reply;
    td_lane_post (td_lane_control (), &question->post);
}

static void
run_question (TdPost *post)
{
    Question *question = (Question *) post;

    td_call_dry_run (&question->calling, &question->called, dry_run_done, question);
}

/* "user@host" or a number. */
static bool
read_party (TdRequest *request, const char *text, TdParty *ret_party)
{
    g_auto (GStrv) parts = g_strsplit (text, "@", 2);

    if (parts[0] == NULL || *parts[0] == '\0') {
        td_request_fail (request, "\"%s\" has no number and no user: say NUMBER or USER@HOST",
                         text);
        return false;
    }
    if (parts[1] != NULL
            ? td_party_from_user (ret_party, parts[0], parts[1])
            : td_party_from_number (ret_party, text) || td_party_from_user (ret_party, text, "")) {
        ret_party->is_complete = true;
        return true;
    }
    td_request_fail (request,
                     "\"%s\" is neither a number nor USER@HOST: digits, with + in front of a "
                     "country code, or such as ann@example.com",
                     text);
    return false;
}

static void
run_test (TdRequest *request, void *data)
{
    const char *from = td_request_argument (request, "--from");
    TdParty calling = { .is_complete = true }, called;

    if (!read_party (request, td_request_argument (request, "NUMBER"), &called)
        || (from != NULL && !read_party (request, from, &calling))) {
        return;
    }
    Question *question = g_new0 (Question, 1);
    question->post = (TdPost){ .run = run_question, .drop = drop_question };
    question->request = td_request_ref (request);
    question->calling = calling;
    question->called = called;
    td_lane_post (td_lane_at (0), &question->post);
}

static const TdArgument arguments[] = {
    { .name = "NUMBER", .help = "The called number, or USER@HOST", .is_required = true },
    { .name = "--from", .help = "The calling number, or USER@HOST", .takes_value = true },
};

void
td_route_commands_open (void)
{
    td_command_add_own (&(TdCommand){ .size = sizeof (TdCommand),
                                      .argument_size = sizeof (TdArgument),
                                      .name = "route test",
                                      .help = "Says where a call to a number would go",
                                      .arguments = arguments,
                                      .n_arguments = G_N_ELEMENTS (arguments),
                                      .run = run_test });
}
