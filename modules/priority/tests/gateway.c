/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gateway: an endpoint of no protocol in particular, which has the fields of all that priority goes to and
 * comes from. What a later endpoint of ISUP or H.248 does with the contract, this one does.
 *
 *     gateway call TRUNK NUMBER category:226,precedence:0     a call comes in that says so
 *     gateway heard                                           what the last one that went out was told
 *     gateway map TRUNK                                       the digit map of TRUNK when it has too much to do
 */

#include <tandem/call.h>
#include <tandem/command.h>
#include <tandem/iface/emergency.h>
#include <tandem/iface/priority.h>
#include <tandem/module.h>

#include <stdlib.h>
#include <string.h>

typedef struct {
    const TdPriorityService *priority;   /* nullable */
    const TdInterworkService *interwork; /* nullable */
    const TdEmergencyService *emergency; /* nullable */
    GString *heard;
} Gateway;

/* --- A call that goes out ---------------------------------------------------------------- */

static void
write_isup (const TdForeign *foreign, GString *out)
{
    if (foreign->given & TD_FOREIGN_CATEGORY) {
        g_string_append_printf (out, " category:%u", foreign->category);
    }
    if (foreign->given & TD_FOREIGN_PRECEDENCE) {
        g_string_append_printf (out, " precedence:%u@%04x:%06x", foreign->precedence,
                                foreign->precedence_network, foreign->precedence_domain);
    }
    if (foreign->given & TD_FOREIGN_MESSAGE_PRIORITY) {
        g_string_append_printf (out, " mtp:%u", foreign->message_priority);
    }
}

static void
write_others (const TdForeign *foreign, GString *out)
{
    static const char *const models[] = { "mam", "rdm", "prbm" };

    if (foreign->given & TD_FOREIGN_CONTEXT) {
        g_string_append_printf (out, " h248:%u%s%s", foreign->context_priority,
                                foreign->is_emergency ? ",emergency" : "",
                                foreign->is_ieps ? ",ieps" : "");
    }
    if (foreign->given & TD_FOREIGN_RADIO) {
        g_string_append_printf (out, " radio:%u%s%s", foreign->radio_level,
                                foreign->may_queue ? ",queue" : "",
                                foreign->may_preempt ? ",preempt" : "");
    }
    if (foreign->given & TD_FOREIGN_EMLPP) {
        g_string_append_printf (out, " emlpp:%u", foreign->emlpp);
    }
    if (foreign->given & TD_FOREIGN_ADMISSION) {
        g_string_append_printf (out, " admission:%u,%s", foreign->admission,
                                models[foreign->model % G_N_ELEMENTS (models)]);
    }
    if (foreign->given & TD_FOREIGN_RANK) {
        g_string_append_printf (out, " rank:%u", foreign->rank);
    }
    if (foreign->given & TD_FOREIGN_RESERVATION) {
        g_string_append_printf (out, " rx:%u%s", foreign->reservation,
                                foreign->is_multimedia_priority ? ",mps" : "");
    }
}

static void
originate (TdChannel *channel)
{
    static const TdCause busy = { .value = TD_CAUSE_USER_BUSY };
    Gateway *gateway = td_module_state (td_channel_module (channel));
    const TdInterworkService *service = gateway->interwork;
    const TdPriority *priority = td_channel_priority (channel);
    TdForeign foreign = { .size = sizeof foreign };

    g_string_printf (gateway->heard, "class:%u", priority->priority_class);
    if (service != NULL) {
        service->of (td_channel_trunk (channel), priority, &foreign, service->data);
        write_isup (&foreign, gateway->heard);
        write_others (&foreign, gateway->heard);
        g_string_append_printf (
            gateway->heard, " dscp:%u,%u",
            service->dscp (TD_PLANE_H248, priority->priority_class, service->data),
            service->dscp (TD_PLANE_MGCP, priority->priority_class, service->data));
    }
    td_channel_released (channel, &busy);
}

/* --- A call that comes in ---------------------------------------------------------------- */

static void
read_word (const char *word, TdForeign *foreign)
{
    static const struct {
        const char *name;
        unsigned field;
        size_t offset;
    } words[] = {
        { "category:", TD_FOREIGN_CATEGORY, offsetof (TdForeign, category) },
        { "precedence:", TD_FOREIGN_PRECEDENCE, offsetof (TdForeign, precedence) },
        { "h248:", TD_FOREIGN_CONTEXT, offsetof (TdForeign, context_priority) },
        { "radio:", TD_FOREIGN_RADIO, offsetof (TdForeign, radio_level) },
        { "emlpp:", TD_FOREIGN_EMLPP, offsetof (TdForeign, emlpp) },
    };

    for (size_t i = 0; i < G_N_ELEMENTS (words); i++) {
        if (g_str_has_prefix (word, words[i].name)) {
            foreign->given |= words[i].field;
            ((uint8_t *) foreign)[words[i].offset] = (uint8_t) atoi (strchr (word, ':') + 1);
        }
    }
    if (strcmp (word, "ieps") == 0 || strcmp (word, "emergency") == 0) {
        foreign->given |= TD_FOREIGN_CONTEXT;
        *(word[0] == 'i' ? &foreign->is_ieps : &foreign->is_emergency) = true;
    }
}

static void
run_call (TdRequest *request, void *data)
{
    TdModule *module = data;
    const TdPriorityService *service = ((Gateway *) td_module_state (module))->priority;
    const char *trunk = td_request_argument (request, "TRUNK");
    g_auto (GStrv) words = g_strsplit (td_request_argument (request, "WORDS"), ",", -1);
    TdForeign foreign = { .size = sizeof foreign };
    TdChannel *channel = td_channel_new (module, "gw", NULL);
    TdPriorityVerdict verdict = { .size = sizeof verdict,
                                  .kept = g_string_new (NULL),
                                  .accepted = g_string_new (NULL) };
    const char *mark = td_request_argument (request, "--mark");
    const TdPriorityQuestion question = {
        .size = sizeof question,
        .request = TD_MARKED_CALL,
        .known = TD_PEER_ADDRESS,
        .trunk = trunk,
        .marks = mark != NULL ? TD_LIST (mark) : (const char *const[]){ NULL },
        .channel = channel,
        .foreign = &foreign,
    };

    for (char **word = words; *word != NULL; word++) {
        read_word (*word, &foreign);
    }
    td_channel_set_trunk (channel, trunk);
    td_party_from_number (td_channel_called (channel), td_request_argument (request, "NUMBER"));
    if (service != NULL) {
        service->judge (&question, &verdict, service->data);
    }
    td_channel_offer_call (channel, NULL);
    td_request_reply (request, NULL);
    g_string_free (verdict.kept, TRUE);
    g_string_free (verdict.accepted, TRUE);
}

static void
run_heard (TdRequest *request, void *data)
{
    Gateway *gateway = td_module_state (data);

    td_request_reply (request, g_variant_new_string (gateway->heard->str));
    g_string_truncate (gateway->heard, 0);
}

static void
run_map (TdRequest *request, void *data)
{
    const TdEmergencyService *service = ((Gateway *) td_module_state (data))->emergency;
    g_autofree char *map =
        service != NULL ? service->digit_map (td_request_argument (request, "TRUNK"), service->data)
                        : NULL;

    td_request_reply (request, g_variant_new_string (map != NULL ? map : ""));
}

static void
answer (TdChannel *channel, TdDescription *description)
{
}

static void
release (TdChannel *channel, const TdCause *cause)
{
    td_channel_released (channel, cause);
}

/* --- Life -------------------------------------------------------------------------------- */

static const TdChannelDriver driver = {
    .size = sizeof (TdChannelDriver),
    .name = "gw",
    .originate = originate,
    .answer = answer,
    .release = release,
};

static bool
add_commands (TdModule *module, GError **error)
{
    static const TdArgument arguments[] = {
        { .name = "TRUNK", .help = "By which it comes", .is_required = true },
        { .name = "NUMBER", .help = "That is called", .is_required = true },
        { .name = "WORDS", .help = "What its signalling says", .is_required = true },
        { .name = "--mark", .help = "Resource-Priority of the request", .takes_value = true },
    };

    return td_command_add (module,
                           &(TdCommand){ .size = sizeof (TdCommand),
                                         .argument_size = sizeof (TdArgument),
                                         .name = "gateway call",
                                         .help = "A call comes in",
                                         .arguments = arguments,
                                         .n_arguments = G_N_ELEMENTS (arguments),
                                         .data = module,
                                         .run = run_call },
                           error)
           && td_command_add (module,
                              &(TdCommand){ .size = sizeof (TdCommand),
                                            .argument_size = sizeof (TdArgument),
                                            .name = "gateway heard",
                                            .help = "What went out",
                                            .data = module,
                                            .run = run_heard },
                              error)
           && td_command_add (module,
                              &(TdCommand){ .size = sizeof (TdCommand),
                                            .argument_size = sizeof (TdArgument),
                                            .name = "gateway map",
                                            .help = "What is collected under overload",
                                            .arguments = arguments,
                                            .n_arguments = 1,
                                            .data = module,
                                            .run = run_map },
                              error);
}

static bool
start (TdModule *module, GError **error)
{
    Gateway *gateway = g_new0 (Gateway, 1);

    gateway->heard = g_string_new (NULL);
    gateway->priority = td_feature_acquire (module, TD_FEATURE_PRIORITY);
    gateway->interwork = td_feature_acquire (module, TD_FEATURE_INTERWORK);
    gateway->emergency = td_feature_acquire (module, TD_FEATURE_EMERGENCY);
    td_module_set_state (module, gateway);
    return td_channel_driver_register (module, &driver, error) && add_commands (module, error);
}

static void
stop (TdModule *module)
{
    Gateway *gateway = td_module_state (module);

    if (gateway->priority != NULL) {
        td_feature_release (module, TD_FEATURE_PRIORITY);
    }
    if (gateway->interwork != NULL) {
        td_feature_release (module, TD_FEATURE_INTERWORK);
    }
    if (gateway->emergency != NULL) {
        td_feature_release (module, TD_FEATURE_EMERGENCY);
    }
}

static void
unload (TdModule *module)
{
    Gateway *gateway = td_module_state (module);

    g_string_free (gateway->heard, TRUE);
    g_free (gateway);
}

TD_MODULE (gateway, .summary = "An endpoint with the fields of all protocols, for tests",
           .version = "1.0", .license = "LGPL-2.1-or-later",
           .wants = TD_LIST (TD_FEATURE_PRIORITY, TD_FEATURE_INTERWORK, TD_FEATURE_EMERGENCY),
           .start = start, .stop = stop, .unload = unload)
