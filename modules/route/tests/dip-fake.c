/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dip-fake: a driver of dips that answers when the test says so.
 *
 *     fake list                                  the numbers that are asked for, the oldest first
 *     fake found +12125550111 +12015550000 0288  routing number, carrier
 *     fake absent +12125550111
 *     fake fail +12125550111 why
 *     fake away                                  from now on nobody can be asked
 */

#include <tandem/command.h>
#include <tandem/iface/dip.h>
#include <tandem/lane.h>
#include <tandem/module.h>

#include <string.h>

typedef struct {
    TdModule *module;
    TdDipDriver driver;
    GPtrArray *asked; /* Asked; lanes are stepped by one thread */
    bool is_away;
} Fake;

typedef struct {
    TdPost post; /* first */
    Fake *fake;
    TdDipQuestion *question; /* NULL: cancelled */
    TdLane *lane;
    TdDipAnswer answer;
    char *number, *carrier, *error;
} Asked;

static void
end_asked (Asked *asked)
{
    TdModule *module = asked->fake->module;

    g_free (asked->number);
    g_free (asked->carrier);
    g_free (asked->error);
    g_free (asked);
    td_module_unuse (module);
}

static void
run_answer (TdPost *post)
{
    Asked *asked = (Asked *) post;

    if (asked->question != NULL) {
        asked->question->done (asked->question, &asked->answer);
    }
    end_asked (asked);
}

static const char *
ask (TdDipQuestion *question, void *data)
{
    Fake *fake = data;

    if (fake->is_away) {
        return "it is away";
    }
    Asked *asked = g_new0 (Asked, 1);
    asked->fake = fake;
    asked->question = question;
    asked->lane = td_lane_current ();
    question->state = asked;
    td_module_use (fake->module);
    g_ptr_array_add (fake->asked, asked);
    return NULL;
}

static void
cancel (TdDipQuestion *question, void *data)
{
    Fake *fake = data;
    Asked *asked = question->state;

    asked->question = NULL;
    if (g_ptr_array_remove (fake->asked, asked)) {
        end_asked (asked);
    }
}

static void
list (const Fake *fake, TdRequest *request)
{
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < fake->asked->len; i++) {
        const Asked *asked = fake->asked->pdata[i];
        g_variant_builder_open (&rows, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add (&rows, "{sv}", "number",
                               g_variant_new_string (asked->question->number));
        g_variant_builder_close (&rows);
    }
    td_request_reply (request, g_variant_builder_end (&rows));
}

static Asked *
find (const Fake *fake, const char *number)
{
    for (unsigned i = 0; i < fake->asked->len; i++) {
        Asked *asked = fake->asked->pdata[i];
        if (strcmp (asked->question->number, number) == 0) {
            return asked;
        }
    }
    return NULL;
}

static void
answer (Fake *fake, Asked *asked, const char *verb, TdRequest *request)
{
    const char *what = td_request_argument (request, "WHAT");

    asked->answer = (TdDipAnswer){ .size = sizeof (TdDipAnswer), .result = TD_DIP_NOT_FOUND };
    if (strcmp (verb, "found") == 0) {
        asked->answer.result = TD_DIP_FOUND;
        asked->answer.number = asked->number = g_strdup (what);
        asked->answer.carrier = asked->carrier =
            g_strdup (td_request_argument (request, "CARRIER"));
    } else if (strcmp (verb, "fail") == 0) {
        asked->answer.result = TD_DIP_FAILED;
        asked->answer.error = asked->error = g_strdup (what);
    }
    g_ptr_array_remove (fake->asked, asked);
    asked->post = (TdPost){ .owner = fake->module, .run = run_answer, .drop = run_answer };
    td_lane_post (asked->lane, &asked->post);
    td_request_reply (request, NULL);
}

static void
run (TdRequest *request, void *data)
{
    Fake *fake = data;
    const char *verb = td_request_argument (request, "VERB");
    const char *number = td_request_argument (request, "NUMBER");
    Asked *asked = number != NULL ? find (fake, number) : NULL;

    if (strcmp (verb, "list") == 0) {
        list (fake, request);
    } else if (strcmp (verb, "away") == 0) {
        fake->is_away = true;
        td_request_reply (request, NULL);
    } else if (asked == NULL) {
        td_request_fail (request, "nobody asks for that");
    } else {
        answer (fake, asked, verb, request);
    }
}

static bool
start (TdModule *module, GError **error)
{
    static const TdArgument arguments[] = {
        { .name = "VERB", .help = "list, found, absent, fail, away", .is_required = true },
        { .name = "NUMBER", .help = "The number that is asked for" },
        { .name = "WHAT", .help = "A number, or why not" },
        { .name = "CARRIER", .help = "A carrier" },
    };
    Fake *fake = g_new0 (Fake, 1);

    fake->module = module;
    fake->driver =
        (TdDipDriver){ .size = sizeof (TdDipDriver), .data = fake, .ask = ask, .cancel = cancel };
    fake->asked = g_ptr_array_new ();
    td_module_set_state (module, fake);
    return td_feature_provide (module, TD_FEATURE_DIP "fake", &fake->driver, error)
           && td_command_add (module,
                              &(TdCommand){ .size = sizeof (TdCommand),
                                            .argument_size = sizeof (TdArgument),
                                            .name = "fake",
                                            .help = "Answers for a dip",
                                            .arguments = arguments,
                                            .n_arguments = G_N_ELEMENTS (arguments),
                                            .data = fake,
                                            .run = run },
                              error);
}

/* Who is still asked does not answer any more. */
static void
stop (TdModule *module)
{
    Fake *fake = td_module_state (module);

    while (fake->asked->len > 0) {
        Asked *asked = g_ptr_array_steal_index (fake->asked, 0);
        asked->answer = (TdDipAnswer){ .size = sizeof (TdDipAnswer),
                                       .result = TD_DIP_FAILED,
                                       .error = "it has stopped" };
        asked->post = (TdPost){ .owner = module, .run = run_answer, .drop = run_answer };
        td_lane_post (asked->lane, &asked->post);
    }
}

static void
unload (TdModule *module)
{
    Fake *fake = td_module_state (module);

    if (fake != NULL) {
        g_ptr_array_unref (fake->asked);
        g_free (fake);
    }
}

TD_MODULE_NAMED ("dip-fake", .summary = "A dip whose answers the test gives", .version = "1.0",
                 .license = "LGPL-2.1-or-later", .provides = TD_LIST (TD_FEATURE_DIP "fake"),
                 .start = start, .stop = stop, .unload = unload)
