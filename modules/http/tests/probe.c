/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* http-probe: asks a server what the test wants, and serves paths that answer at once, later, or never.
 *
 *     probe ask GET http://127.0.0.1:8080/x --for 500 --token secret
 *     probe cancel http://127.0.0.1:8080/x          asks, and changes its mind at once
 *     POST /probe/echo    what was sent               /probe/late    half a second later
 *     POST /probe/never   kept until the module stops
 */

#include <tandem/command.h>
#include <tandem/iface/http.h>
#include <tandem/module.h>

#include <stdlib.h>
#include <string.h>

enum { LATE_MS = 500 };

typedef struct {
    TdModule *module;
    const TdHttpService *http;
    TdHttpRequest *kept; /* control lane */
} Probe;

/* --- Asking ------------------------------------------------------------------------------ */

typedef struct {
    TdHttpQuestion question; /* first */
    TdRequest *request;
} Asked;

static void
done (TdHttpQuestion *question, const TdHttpAnswer *answer)
{
    Asked *asked = (Asked *) question;

    td_request_reply (
        asked->request,
        g_variant_new_parsed ("{'status': <%u>, 'error': <%s>, 'type': <%s>, 'body': <%s>, "
                              "'length': <%u>, 'retry_after': <%u>}",
                              answer->status, answer->error, answer->type,
                              answer->len_bytes < 1000 ? answer->body : "",
                              (unsigned) answer->len_bytes, answer->retry_after_s));
    td_request_unref (asked->request);
    g_free (asked);
}

static void
drop (TdHttpQuestion *question)
{
    td_request_unref (((Asked *) question)->request);
    g_free (question);
}

static Asked *
ask (Probe *probe, TdRequest *request, const char *method)
{
    const char *deadline = td_request_argument (request, "--for");
    const char *body = td_request_argument (request, "--body");
    Asked *asked = g_new0 (Asked, 1);

    asked->request = td_request_ref (request);
    asked->question = (TdHttpQuestion){
        .owner = probe->module,
        .method = method,
        .url = td_request_argument (request, "URL"),
        .type = body != NULL ? "text/plain" : NULL,
        .body = body,
        .len_bytes = body != NULL ? strlen (body) : 0,
        .deadline_ms = deadline != NULL ? (uint32_t) atoi (deadline) : 2000,
        .token = td_request_argument (request, "--token"),
        .done = done,
        .drop = drop,
    };
    probe->http->ask (&asked->question, probe->http->data);
    return asked;
}

static void
run_ask (TdRequest *request, void *data)
{
    ask (data, request, td_request_argument (request, "METHOD"));
}

static void
run_cancel (TdRequest *request, void *data)
{
    Probe *probe = data;
    Asked *asked = ask (probe, request, "GET");

    probe->http->cancel (&asked->question, probe->http->data);
    td_request_reply (request, NULL);
    drop (&asked->question);
}

/* --- Serving ----------------------------------------------------------------------------- */

static void
answer (TdHttpRequest *request)
{
    request->service->answer (request,
                              &(TdHttpAnswer){ .size = sizeof (TdHttpAnswer),
                                               .status = 200,
                                               .type = request->type,
                                               .body = request->body,
                                               .len_bytes = request->len_bytes },
                              request->service->data);
}

static void
echo (TdHttpRequest *request, void *data)
{
    answer (request);
}

typedef struct {
    TdTimer timer; /* first */
    Probe *probe;
    TdHttpRequest *request;
} Late;

static void
answer_late (TdTimer *timer)
{
    Late *late = (Late *) timer;

    answer (late->request);
    g_free (late);
}

static void
wait (TdHttpRequest *request, void *data)
{
    Late *late = g_new0 (Late, 1);

    late->probe = data;
    late->request = request;
    td_timer_init (&late->timer, late->probe->module, answer_late);
    td_timer_start (&late->timer, LATE_MS);
}

static void
keep (TdHttpRequest *request, void *data)
{
    Probe *probe = data;

    if (probe->kept != NULL) {
        answer (request);
    } else {
        probe->kept = request;
    }
}

/* What was kept is answered when its client has long been told something else. */
static void
run_release (TdRequest *request, void *data)
{
    Probe *probe = data;

    if (probe->kept != NULL) {
        answer (g_steal_pointer (&probe->kept));
    }
    td_request_reply (request, NULL);
}

/* --- Life -------------------------------------------------------------------------------- */

static bool
serve (Probe *probe, const char *path, void (*handle) (TdHttpRequest *request, void *data),
       GError **error)
{
    return probe->http->serve (&(TdHttpPath){ .size = sizeof (TdHttpPath),
                                              .owner = probe->module,
                                              .path = path,
                                              .method = "POST",
                                              .data = probe,
                                              .handle = handle },
                               probe->http->data, error);
}

static bool
add_command (Probe *probe, const char *name, const TdArgument *arguments, unsigned n_arguments,
             void (*run) (TdRequest *request, void *data), GError **error)
{
    return td_command_add (probe->module,
                           &(TdCommand){ .size = sizeof (TdCommand),
                                         .argument_size = sizeof (TdArgument),
                                         .name = name,
                                         .help = "For tests",
                                         .arguments = arguments,
                                         .n_arguments = n_arguments,
                                         .data = probe,
                                         .run = run },
                           error);
}

static bool
start (TdModule *module, GError **error)
{
    static const TdArgument words[] = {
        { .name = "METHOD", .help = "GET or POST", .is_required = true },
        { .name = "URL", .help = "What to ask", .is_required = true },
        { .name = "--body", .help = "What to send", .takes_value = true },
        { .name = "--for", .help = "Milliseconds", .takes_value = true },
        { .name = "--token", .help = "Bearer token", .takes_value = true },
    };
    Probe *probe = g_new0 (Probe, 1);

    probe->module = module;
    td_module_set_state (module, probe);
    probe->http = td_feature_acquire (module, TD_FEATURE_HTTP);
    return serve (probe, "/probe/echo", echo, error) && serve (probe, "/probe/late", wait, error)
           && serve (probe, "/probe/never", keep, error)
           && add_command (probe, "probe ask", words, G_N_ELEMENTS (words), run_ask, error)
           && add_command (probe, "probe cancel", words + 1, G_N_ELEMENTS (words) - 1, run_cancel,
                           error)
           && add_command (probe, "probe release", NULL, 0, run_release, error);
}

static void
stop (TdModule *module)
{
    Probe *probe = td_module_state (module);

    probe->http->unserve (module, "/probe/echo", probe->http->data);
    probe->http->unserve (module, "/probe/late", probe->http->data);
    probe->http->unserve (module, "/probe/never", probe->http->data);
    if (probe->kept != NULL) {
        answer (g_steal_pointer (&probe->kept));
    }
    td_feature_release (module, TD_FEATURE_HTTP);
}

static void
unload (TdModule *module)
{
    g_free (td_module_state (module));
}

TD_MODULE_NAMED ("http-probe", .summary = "Speaks to the module http for tests", .version = "1.0",
                 .license = "LGPL-2.1-or-later", .needs = TD_LIST (TD_FEATURE_HTTP), .start = start,
                 .stop = stop, .unload = unload)
