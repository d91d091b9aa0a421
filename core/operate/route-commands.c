/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* route test: where a call to a number would go, and who says so. */

#include "operate/operate.h"

#include "operate/command.h"

#include <string.h>
#include <tandem/call.h>

static TdConfig *(*current) (void);

/* A question on its way to a lane and back. */
typedef struct {
    TdPost post; /* first */
    TdRequest *request;
    TdRouteQuestion question;
    char *trunk;      /* which QUESTION names */
    GPtrArray *steps; /* Step */
    GVariant *result; /* NULL: FAILURE */
    char *failure;
} Question;

static void
drop_question (TdPost *post)
{
    Question *question = (Question *) post;

    td_request_unref (question->request);
    g_clear_pointer (&question->result, g_variant_unref);
    g_ptr_array_unref (question->steps);
    g_free (question->failure);
    g_free (question->trunk);
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

/* One step of the way to the answer. */
typedef struct {
    char *name, *text;
} Step;

static void
free_step (void *data)
{
    Step *step = data;

    g_free (step->name);
    g_free (step->text);
    g_free (step);
}

static void
explain (const char *name, const char *text, void *data)
{
    Question *question = data;
    Step *step = g_new (Step, 1);

    *step = (Step){ g_strdup (name), g_strdup (text) };
    g_ptr_array_add (question->steps, step);
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
    td_row_text (rows, "calling", target->calling);
    td_row_text (rows, "media", target->is_media_through ? "through" : "default");
    g_variant_builder_close (rows);
}

static GVariant *
describe_steps (const Question *question)
{
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < question->steps->len; i++) {
        const Step *step = question->steps->pdata[i];
        g_variant_builder_open (&rows, G_VARIANT_TYPE_VARDICT);
        td_row_text (&rows, "step", step->name);
        td_row_text (&rows, "what", step->text);
        g_variant_builder_close (&rows);
    }
    return g_variant_builder_end (&rows);
}

static GVariant *
describe (const Question *question, const TdRouteList *routes, const char *hook_name)
{
    const char *called = td_party_key (&question->question.called);
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
    if (question->steps->len > 0) {
        g_variant_builder_add (&result, "{sv}", "steps", describe_steps (question));
    }
    return g_variant_ref_sink (g_variant_builder_end (&result));
}

/* What was refused, and the steps that led there. */
TD_PRINTF (2, 3)
static void
fail (Question *question, const char *format, ...)
{
    GString *text = g_string_new (NULL);
    va_list arguments;

    g_string_append_printf (text, "%s: ", td_party_key (&question->question.called));
    va_start (arguments, format);
    g_string_append_vprintf (text, format, arguments);
    va_end (arguments);
    for (unsigned i = 0; i < question->steps->len; i++) {
        const Step *step = question->steps->pdata[i];
        g_string_append_printf (text, "\n  %s: %s", step->name, step->text);
    }
    question->failure = g_string_free (text, FALSE);
}

static void
dry_run_done (const TdHookAnswer *answer, const char *hook_name, const TdRouteList *routes,
              void *data)
{
    Question *question = data;

    switch (answer->verdict) {
    case TD_HOOK_DONE:
        question->result = describe (question, routes, hook_name);
        break;
    case TD_HOOK_REFUSE:
        fail (question, "refused by %s: %s", hook_name,
              answer->reason != NULL ? answer->reason : td_cause_phrase (answer->cause));
        break;
    case TD_HOOK_MORE_DIGITS:
        fail (question, "%s waits for more digits", hook_name);
        break;
    default:
        fail (question, "no route: no module knows where it goes");
    }
    question->post.run = run_reply;
    td_lane_post (td_lane_control (), &question->post);
}

static void
run_question (TdPost *post)
{
    Question *question = (Question *) post;

    td_route_ask (&question->question);
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

/* A time of ISO 8601, local where it says no other zone; now when TEXT is NULL. */
static bool
read_time (TdRequest *request, const char *text, int64_t *ret_us)
{
    g_autoptr (GTimeZone) local = g_time_zone_new_local ();
    g_autofree char *with_seconds = NULL;

    if (text == NULL) {
        *ret_us = td_clock_wall_us ();
        return true;
    }
    if (strlen (text) == strlen ("2026-12-24T18:00")) {
        with_seconds = g_strconcat (text, ":00", NULL);
    }
    GDateTime *time =
        g_date_time_new_from_iso8601 (with_seconds != NULL ? with_seconds : text, local);
    if (time == NULL) {
        td_request_fail (request,
                         "--at: \"%s\" is no time: write it as 2026-12-24T18:00, or with a zone as "
                         "2026-12-24T18:00:00Z",
                         text);
        return false;
    }
    *ret_us = g_date_time_to_unix (time) * G_USEC_PER_SEC;
    g_date_time_unref (time);
    return true;
}

static bool
read_trunk (TdRequest *request, const char *name)
{
    const char *const *all = td_config_instances (current (), "trunk");

    if (name == NULL || g_strv_contains (all, name)) {
        return true;
    }
    const char *nearest = td_text_nearest (name, all, g_strv_length ((char **) all));
    if (nearest != NULL) {
        td_request_fail (request, "--trunk: there is no trunk \"%s\"; is \"%s\" meant?", name,
                         nearest);
    } else {
        td_request_fail (request, "--trunk: the configuration has no section [trunk %s]", name);
    }
    return false;
}

static void
run_test (TdRequest *request, void *data)
{
    const char *from = td_request_argument (request, "--from");
    const char *trunk = td_request_argument (request, "--trunk");
    TdRouteQuestion asked = { .size = sizeof asked,
                              .calling = { .is_complete = true },
                              .explain = explain,
                              .done = dry_run_done };

    if (!read_party (request, td_request_argument (request, "NUMBER"), &asked.called)
        || (from != NULL && !read_party (request, from, &asked.calling))
        || !read_trunk (request, trunk)
        || !read_time (request, td_request_argument (request, "--at"), &asked.time_us)) {
        return;
    }
    Question *question = g_new0 (Question, 1);
    question->post = (TdPost){ .run = run_question, .drop = drop_question };
    question->request = td_request_ref (request);
    question->steps = g_ptr_array_new_with_free_func (free_step);
    question->question = asked;
    question->trunk = g_strdup (trunk != NULL ? trunk : "");
    question->question.trunk = question->trunk;
    question->question.data = question;
    td_lane_post (td_lane_at (0), &question->post);
}

static const TdArgument arguments[] = {
    { .name = "NUMBER", .help = "The called number, or USER@HOST", .is_required = true },
    { .name = "--from", .help = "The calling number, or USER@HOST", .takes_value = true },
    { .name = "--trunk",
      .help = "The trunk the call comes by",
      .takes_value = true,
      .complete = "trunk list" },
    { .name = "--at",
      .help = "The time it is made, such as 2026-12-24T18:00; otherwise now",
      .takes_value = true },
};

void
td_route_commands_open (TdConfig *(*current_config) (void) )
{
    current = current_config;
    td_command_add_own (&(TdCommand){ .size = sizeof (TdCommand),
                                      .argument_size = sizeof (TdArgument),
                                      .name = "route test",
                                      .help = "Says where a call to a number would go, and why",
                                      .arguments = arguments,
                                      .n_arguments = G_N_ELEMENTS (arguments),
                                      .run = run_test });
}
