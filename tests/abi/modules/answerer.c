/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An endpoint that answers every call at once and looks after it until it ends: a timer of each leg
 * runs all the time, so that code of the build that answered is called while others come and go. */

#include <tandem/channel.h>
#include <tandem/module.h>

enum { TICK_MS = 5 };

typedef struct {
    TdTimer tick; /* first */
    unsigned n_ticks;
} Leg;

static void
tick (TdTimer *timer)
{
    ((Leg *) timer)->n_ticks++;
    td_timer_start (timer, TICK_MS);
}

static void
originate (TdChannel *channel)
{
    Leg *leg = g_new0 (Leg, 1);

    td_channel_set_data (channel, leg);
    td_timer_init (&leg->tick, td_channel_module (channel), tick);
    td_timer_start (&leg->tick, TICK_MS);
    td_channel_answered (channel, 0, NULL);
}

/* Nobody calls from here. */
static void
answer (TdChannel *channel, TdDescription *description)
{
    TdCause cause = td_cause (TD_CAUSE_NORMAL_UNSPECIFIED, NULL);

    td_channel_released (channel, &cause);
}

static void
release (TdChannel *channel, const TdCause *cause)
{
    td_timer_stop (&((Leg *) td_channel_data (channel))->tick);
    td_channel_released (channel, cause);
}

static bool
start (TdModule *module, GError **error)
{
    static const TdChannelDriver driver = { .size = sizeof driver,
                                            .name = "answerer",
                                            .originate = originate,
                                            .answer = answer,
                                            .release = release,
                                            .freed = g_free };

    return td_channel_driver_register (module, &driver, error);
}

TD_MODULE (answerer, .summary = "Answers every call at once", .version = "1.0",
           .license = "LGPL-2.1-or-later", .upgrade = TD_UPGRADE_BESIDE, .start = start)
