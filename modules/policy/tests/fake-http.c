/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fake-http: stands in the place of http. Probes are answered as the test wants, at once; questions wait
 * until it answers them, with JSON or, where it begins with "<", with XML of LoST.
 *
 *     fake probes up               fake asked            the URLs that wait, the oldest first
 *     fake probes down             fake answer 200 {...} answers the oldest one
 */

#include <tandem/command.h>
#include <tandem/iface/http.h>
#include <tandem/module.h>

#include <stdlib.h>
#include <string.h>

typedef struct {
    TdModule *module;
    TdHttpService service;
    GQueue waiting; /* Asked */
    bool is_down;
} Fake;

typedef struct {
    TdPost post; /* first */
    Fake *fake;
    TdHttpQuestion *question; /* NULL: cancelled */
    TdLane *lane;
    unsigned status;
    char *body, *url;
} Asked;

static void
drop_answer (TdPost *post)
{
    Asked *asked = (Asked *) post;

    g_free (asked->body);
    g_free (asked->url);
    g_free (asked);
}

static void
run_answer (TdPost *post)
{
    Asked *asked = (Asked *) post;
    TdHttpQuestion *question = asked->question;

    if (question != NULL) {
        TdModule *owner = question->owner;
        question->done (question,
                        &(TdHttpAnswer){ .size = sizeof (TdHttpAnswer),
                                         .status = asked->status,
                                         .error = asked->status == 0 ? "refused" : "",
                                         .type = *asked->body == '<' ? "application/lost+xml"
                                                                     : "application/json",
                                         .body = asked->body,
                                         .len_bytes = strlen (asked->body) });
        td_module_unuse (owner);
    }
    drop_answer (post);
}

static void
answer (Asked *asked, unsigned status, const char *body)
{
    asked->status = status;
    asked->body = g_strdup (body);
    td_lane_post (asked->lane, &asked->post);
}

static void
ask (TdHttpQuestion *question, void *data)
{
    Fake *fake = data;
    Asked *asked = g_new0 (Asked, 1);

    td_module_use (question->owner);
    asked->post = (TdPost){ .owner = fake->module, .run = run_answer, .drop = drop_answer };
    asked->fake = fake;
    asked->question = question;
    asked->lane = td_lane_current ();
    asked->url = g_strdup (question->url);
    question->asked = asked;
    if (strcmp (question->method, "GET") == 0) {
        answer (asked, fake->is_down ? 0 : 200, "{\"version\":1,\"congestion\":0}");
    } else {
        g_queue_push_tail (&fake->waiting, asked);
    }
}

static void
cancel (TdHttpQuestion *question, void *data)
{
    Asked *asked = question->asked;

    td_module_unuse (question->owner);
    asked->question = NULL;
    if (g_queue_remove (&asked->fake->waiting, asked)) {
        drop_answer (&asked->post);
    }
}

static bool
serve (const TdHttpPath *path, void *data, GError **error)
{
    return true;
}

static void
unserve (TdModule *owner, const char *path, void *data)
{
}

static void
run_probes (TdRequest *request, void *data)
{
    ((Fake *) data)->is_down = strcmp (td_request_argument (request, "HOW"), "down") == 0;
    td_request_reply (request, NULL);
}

static void
run_asked (TdRequest *request, void *data)
{
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (GList *link = ((Fake *) data)->waiting.head; link != NULL; link = link->next) {
        g_variant_builder_open (&rows, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add (&rows, "{sv}", "url",
                               g_variant_new_string (((Asked *) link->data)->url));
        g_variant_builder_close (&rows);
    }
    td_request_reply (request, g_variant_builder_end (&rows));
}

static void
run_reply (TdRequest *request, void *data)
{
    Asked *asked = g_queue_pop_head (&((Fake *) data)->waiting);

    if (asked == NULL) {
        td_request_fail (request, "nothing is asked");
        return;
    }
    answer (asked, (unsigned) atoi (td_request_argument (request, "STATUS")),
            td_request_argument (request, "BODY"));
    td_request_reply (request, NULL);
}

static bool
add (Fake *fake, const char *name, const TdArgument *arguments, unsigned n_arguments,
     void (*run) (TdRequest *request, void *data), GError **error)
{
    return td_command_add (fake->module,
                           &(TdCommand){ .size = sizeof (TdCommand),
                                         .argument_size = sizeof (TdArgument),
                                         .name = name,
                                         .help = "For tests",
                                         .arguments = arguments,
                                         .n_arguments = n_arguments,
                                         .data = fake,
                                         .run = run },
                           error);
}

static bool
start (TdModule *module, GError **error)
{
    static const TdArgument how[] = { { .name = "HOW", .help = "up, down", .is_required = true } };
    static const TdArgument said[] = {
        { .name = "STATUS", .help = "Of HTTP; 0: none", .is_required = true },
        { .name = "BODY", .help = "JSON", .is_required = true },
    };
    Fake *fake = g_new0 (Fake, 1);

    fake->module = module;
    fake->service = (TdHttpService){ .size = sizeof (TdHttpService),
                                     .data = fake,
                                     .ask = ask,
                                     .cancel = cancel,
                                     .serve = serve,
                                     .unserve = unserve };
    g_queue_init (&fake->waiting);
    td_module_set_state (module, fake);
    return td_feature_provide (module, TD_FEATURE_HTTP, &fake->service, error)
           && add (fake, "fake probes", how, 1, run_probes, error)
           && add (fake, "fake asked", NULL, 0, run_asked, error)
           && add (fake, "fake answer", said, 2, run_reply, error);
}

static void
unload (TdModule *module)
{
    g_free (td_module_state (module));
}

TD_MODULE_NAMED ("fake-http", .summary = "Stands in the place of http for tests", .version = "1.0",
                 .license = "LGPL-2.1-or-later", .provides = TD_LIST (TD_FEATURE_HTTP),
                 .start = start, .unload = unload)
