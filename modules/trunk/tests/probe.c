/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trunk-probe: stands in the place of an endpoint and of routing, and says to the module, or asks it, what
 * the test wants.
 *
 *     probe down pair east "no answer"      probe level one 2
 *     probe up pair east                    probe quality one
 */

#include <tandem/command.h>
#include <tandem/iface/trunk.h>
#include <tandem/module.h>

#include <stdlib.h>
#include <string.h>

static void
reply_quality (TdRequest *request, const TdTrunkService *service, const char *trunk)
{
    TdTrunkQuality quality = { .size = sizeof quality };

    if (!service->quality (trunk, &quality, service->data)) {
        td_request_fail (request, "no such trunk");
        return;
    }
    td_request_reply (request,
                      g_variant_new_parsed (
                          "{'seizures': <%u>, 'answers': <%u>, 'calls': <%u>, 'capacity': <%u>, "
                          "'level': <%u>, 'in_service': <%b>}",
                          quality.seizures, quality.answers, quality.calls, quality.capacity,
                          quality.level, (gboolean) quality.is_in_service));
}

static void
run (TdRequest *request, void *data)
{
    const TdTrunkService *service = td_module_state (data);
    const char *verb = td_request_argument (request, "VERB");
    const char *trunk = td_request_argument (request, "TRUNK");
    const char *what = td_request_argument (request, "WHAT");

    if (strcmp (verb, "up") == 0 || strcmp (verb, "down") == 0) {
        service->member (trunk, what, verb[0] == 'u', td_request_argument (request, "WHY"),
                         service->data);
    } else if (strcmp (verb, "level") == 0) {
        service->level (trunk, (unsigned) atoi (what), 5000, service->data);
    } else if (strcmp (verb, "glare") == 0) {
        service->glare (trunk, service->data);
    } else {
        reply_quality (request, service, trunk);
        return;
    }
    td_request_reply (request, NULL);
}

static bool
start (TdModule *module, GError **error)
{
    static const TdArgument arguments[] = {
        { .name = "VERB", .help = "up, down, level, glare, quality", .is_required = true },
        { .name = "TRUNK", .help = "The trunk group", .is_required = true },
        { .name = "WHAT", .help = "A member, or a level" },
        { .name = "WHY", .help = "Why it is down" },
    };

    td_module_set_state (module, (void *) td_feature_acquire (module, TD_FEATURE_TRUNK));
    return td_command_add (module,
                           &(TdCommand){ .size = sizeof (TdCommand),
                                         .argument_size = sizeof (TdArgument),
                                         .name = "probe",
                                         .help = "Speaks to the module",
                                         .arguments = arguments,
                                         .n_arguments = G_N_ELEMENTS (arguments),
                                         .data = module,
                                         .run = run },
                           error);
}

static void
stop (TdModule *module)
{
    td_feature_release (module, TD_FEATURE_TRUNK);
}

TD_MODULE_NAMED ("trunk-probe", .summary = "Speaks to the module trunk for tests", .version = "1.0",
                 .license = "LGPL-2.1-or-later", .needs = TD_LIST (TD_FEATURE_TRUNK),
                 .start = start, .stop = stop)
