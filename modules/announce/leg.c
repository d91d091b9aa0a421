/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Legs that are heard and never answer: "announce:tone/busy 10 s".
 *
 *     originate -> a seat? -> progress: the caller hears it -> it ends, or the time is over -> released
 *
 * Nobody pays for them, because nothing is ever answered.
 */

#include "announce.h"

#include <tandem/call.h>

typedef struct {
    TdTimer timer; /* first; for the longest that anybody listens */
    TdSeat seat;
    Announce *announce;
    TdChannel *channel;
    bool is_counted;
} Leg;

static void
end (Leg *leg, unsigned value, const char *text)
{
    TdCause cause = td_cause (value, text);

    td_timer_stop (&leg->timer);
    td_seat_give (&leg->seat);
    td_channel_released (leg->channel, &cause);
}

static void
expire (TdTimer *timer)
{
    end ((Leg *) timer, TD_CAUSE_NORMAL_UNSPECIFIED, NULL);
}

static void
played (TdChannel *channel)
{
    end (td_channel_data (channel), TD_CAUSE_NORMAL_UNSPECIFIED, NULL);
}

/* Whether the caller said where he can be reached with sound before he is answered. */
static bool
has_offer (const TdChannel *channel)
{
    const TdCall *call = td_channel_call (channel);
    const TdChannel *caller = call != NULL ? td_call_incoming (call) : NULL;

    return caller != NULL && td_channel_offer (caller) != NULL;
}

static void
originate (TdChannel *channel)
{
    TdModule *module = td_channel_module (channel);
    Announce *announce = td_module_state (module);
    const Book *book = announce_book (announce);
    Leg *leg = g_new0 (Leg, 1);

    leg->announce = announce;
    leg->channel = channel;
    leg->seat.owner = module;
    leg->seat.holder = td_channel_call_id (channel);
    td_timer_init (&leg->timer, module, expire);
    td_channel_set_data (channel, leg);
    if (!has_offer (channel)) {
        /* RFC 3264 5: the caller waits for an offer, which comes when he is answered. */
        end (leg, TD_CAUSE_BEARER_NOT_AVAILABLE, "The caller made no offer to be heard with");
        return;
    }
    if (td_seat_take (&leg->seat, announce->limit, td_channel_priority (channel)->priority_class,
                      false)
        != TD_SEAT_GRANTED) {
        td_metric_add (announce->full, 1);
        end (leg, TD_CAUSE_RESOURCE_UNAVAILABLE, "All announcement channels are in use");
        return;
    }
    leg->is_counted = true;
    td_metric_add (announce->begun, 1);
    td_metric_add (announce->up, 1);
    td_timer_start (&leg->timer, book->longest_ms);
    td_channel_progressed (channel, 0, NULL);
}

/* Nobody ever calls from an announcement. */
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

    td_timer_stop (&leg->timer);
    td_seat_give (&leg->seat);
    td_channel_released (channel, cause);
}

static void
freed (void *data)
{
    Leg *leg = data;

    td_timer_stop (&leg->timer);
    td_seat_give (&leg->seat);
    if (leg->is_counted) {
        td_metric_add (leg->announce->up, -1);
    }
    g_free (leg);
}

static TdMetric *
declare (Announce *announce, TdMetricKind kind, const char *name, const char *help)
{
    return td_metric_declare (
        announce->module,
        &(TdMetricDecl){ .size = sizeof (TdMetricDecl), .kind = kind, .name = name, .help = help });
}

bool
announce_legs_start (Announce *announce, GError **error)
{
    static const TdChannelDriver driver = {
        .size = sizeof (TdChannelDriver),
        .name = ANNOUNCE_DRIVER,
        .service = "source/",
        .originate = originate,
        .answer = refuse_answer,
        .release = release,
        .freed = freed,
        .played = played,
    };

    announce->begun = declare (announce, TD_METRIC_COUNTER, "tandem_announcements_total",
                               "Calls that heard a tone or an announcement.");
    announce->up = declare (announce, TD_METRIC_GAUGE, "tandem_announcements",
                            "Calls that hear a tone or an announcement now.");
    announce->full = declare (announce, TD_METRIC_COUNTER, "tandem_announcements_full_total",
                              "Calls that heard nothing because [announce] capacity was in use.");
    announce->limit =
        td_limit_new (announce->module, "announcements", announce->prepared->capacity, 0);
    return td_channel_driver_register (announce->module, &driver, error);
}
