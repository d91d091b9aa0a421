/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* echo: answers every call and plays back what it hears. The module to read first.
 *
 * It is an endpoint driver, so its legs are channels like any other. What it does not say, the core
 * does: its media are an internal termination called "loop", which a media provider makes.
 */

#include <tandem/call.h>
#include <tandem/module.h>

/* One leg. It is the channel's data: made in originate(), freed in freed(). */
typedef struct {
    TdTimer answer;
    TdChannel *channel;
} Leg;

static const TdConfigKey keys[] = {
    { .name = "delay",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "0 s",
      .min = 0,
      .max = 60000,
      .help = "How long it rings before it answers.",
      .since = "0.1" },
    { .name = "report",
      .type = TD_CONFIG_BOOL,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "no",
      .help =
          "Tells callers with the answer what class their calls have here, and why: for tests that "
          "users of a priority service make.",
      .since = "0.1" },
};

static const TdConfigSection sections[] = {
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "echo",
      .help = "A number that answers and plays back what it hears.",
      .keys = keys,
      .n_keys = G_N_ELEMENTS (keys) },
};

static void
answer (TdTimer *timer)
{
    Leg *leg = (Leg *) timer;

    td_channel_answered (leg->channel, 0, NULL);
}

/* The class of CALL, for its caller: SIP puts it into the 200. Where no endpoint can say it there is nobody
 * to be told. */
static void
report (const TdCall *call)
{
    const TdAttribute *lines = td_attribute_find (TD_ATTRIBUTE_ANSWER_LINES);
    const TdPriority *priority = td_call_priority (call);
    TdChannel *caller = td_call_incoming (call);

    if (lines == NULL || caller == NULL) {
        return;
    }
    bool has_mark = priority->name_space[0] != '\0';
    g_autofree char *line = g_strdup_printf (
        "X-Priority-Report: class=%u;mark=%s%s%s;learnt=%s", priority->priority_class,
        has_mark ? priority->name_space : "none", has_mark ? "." : "",
        has_mark ? priority->value : "", td_learnt_name (priority->learnt));
    td_attributes_set_text (td_channel_attributes (caller), lines, line);
}

static void
originate (TdChannel *channel)
{
    TdModule *module = td_channel_module (channel);
    const TdConfig *config = td_call_config (td_channel_call (channel));
    int64_t delay_ms = td_config_number (config, "echo", NULL, "delay");
    Leg *leg = g_new0 (Leg, 1);

    leg->channel = channel;
    td_channel_set_data (channel, leg);
    td_timer_init (&leg->answer, module, answer);
    if (td_config_bool (config, "echo", NULL, "report")) {
        report (td_channel_call (channel));
    }
    if (delay_ms > 0) {
        td_channel_ringing (channel, 0, NULL);
        td_timer_start (&leg->answer, (uint32_t) delay_ms);
    } else {
        td_channel_answered (channel, 0, NULL);
    }
}

/* The one verb besides release() that a leg which only goes out must have: nobody ever calls from an
 * echo, so there is nothing to answer. */
static void
refuse_answer (TdChannel *channel, TdDescription *description)
{
    TdCause cause = td_cause (TD_CAUSE_NORMAL_UNSPECIFIED, NULL);

    td_channel_released (channel, &cause);
}

static void
release (TdChannel *channel, const TdCause *cause)
{
    Leg *leg = td_channel_data (channel);

    td_timer_stop (&leg->answer);
    td_channel_released (channel, cause);
}

static const TdChannelDriver driver = {
    .size = sizeof (TdChannelDriver),
    .name = "echo",
    .service = "loop",
    .originate = originate,
    .answer = refuse_answer,
    .release = release,
    .freed = g_free,
};

static bool
start (TdModule *module, GError **error)
{
    return td_channel_driver_register (module, &driver, error);
}

/* Legs read the delay from the configuration their call began with: nothing is to be prepared. */
static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    return true;
}

TD_MODULE (echo, .summary = "Answers and plays back what it hears", .version = "1.0",
           .license = "LGPL-2.1-or-later", .provides = TD_LIST ("endpoint.echo"),
           .wants = TD_LIST ("media"), .config = sections, .n_config = G_N_ELEMENTS (sections),
           .upgrade = TD_UPGRADE_BESIDE, .start = start, .reload = reload)
