/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The application: asks a caller for a personal number, then for a destination, and hands the call on.
 *
 *     number --complete--> checking --good--> destination --may be called--> handed on
 *       |  too many no good   ^
 *       |  of its trunk       | its turn
 *       +-----> waiting ------+
 *
 *       ^                     |                  |   ^
 *       +----- no good -------+                  +---+ may not
 *                             |                  |
 *                             +--- no more tries-+--> ending --played--> released
 *
 * A digit stops what is heard. "#" completes a number, "*" begins it anew. The digits of a personal number are
 * in a secret's memory and nowhere else.
 */

#include "access.h"

#include <string.h>
#include <tandem/log.h>

enum {
    MAX_DESTINATION = 32,
    ENDING_MS = 30000, /* for a last prompt that does not end */
};

#define SILENCE "source/silence 3600 s"

typedef struct {
    TdFsm fsm; /* first */
    TdTimer quiet, total, turn;
    TdSeat seat;
    Access *access;
    Settings *settings;
    TdChannel *channel;
    Check *check;
    char *secret; /* digits of a personal number, NUL behind them; NULL while it is looked up */
    char destination[MAX_DESTINATION + 1];
    unsigned n_digits; /* of whichever is asked for */
    unsigned n_tries;
    bool is_prompted; /* something else than silence is heard */
    char *caller;     /* as a lock knows him */
    char *trunk;
    char **destinations;
    uint8_t cause; /* with which it ends */
} Leg;

/* --- What is heard ----------------------------------------------------------------------- */

static void
play (Leg *leg, const char *prompt)
{
    g_autofree char *service = g_strconcat ("source/", prompt, NULL);

    leg->is_prompted = true;
    td_channel_play (leg->channel, service);
}

static void
be_silent (Leg *leg)
{
    if (leg->is_prompted) {
        leg->is_prompted = false;
        td_channel_play (leg->channel, SILENCE);
    }
}

/* --- Ending ------------------------------------------------------------------------------ */

static void
wipe (Leg *leg)
{
    if (leg->secret != NULL) {
        explicit_bzero (leg->secret, SECRET_BYTES);
    }
    leg->n_digits = 0;
}

/* A number that has not been looked up has not failed. */
static void
stop_waiting (Leg *leg)
{
    if (td_timer_is_active (&leg->turn)) {
        td_timer_stop (&leg->turn);
        paces_give (leg->access->paces, &leg->settings->paces, leg->trunk);
    }
}

/* Nothing is asked any more; the caller hears PROMPT, and the call ends for CAUSE. */
static void
end_with (Leg *leg, const char *prompt, unsigned cause)
{
    stop_waiting (leg);
    wipe (leg);
    leg->cause = (uint8_t) cause;
    td_timer_stop (&leg->total);
    td_fsm_enter (&leg->fsm, STATE_ENDING);
    play (leg, prompt);
    td_timer_start (&leg->quiet, ENDING_MS);
}

static void
stop_all (Leg *leg)
{
    wipe (leg);
    stop_waiting (leg);
    td_timer_stop (&leg->quiet);
    td_timer_stop (&leg->total);
    g_clear_pointer (&leg->check, check_cancel);
    td_seat_give (&leg->seat);
}

static void
release_for (Leg *leg, unsigned value, const char *text)
{
    TdCause cause = td_cause (value, text);

    stop_all (leg);
    td_channel_released (leg->channel, &cause);
}

/* --- Personal numbers -------------------------------------------------------------------- */

static void take_finding (const Finding *finding, void *data);

static void
ask_number (Leg *leg, const char *prompt)
{
    wipe (leg);
    if (leg->secret == NULL) {
        leg->secret = secret_take (leg->access->secrets);
    }
    if (leg->secret == NULL) {
        end_with (leg, leg->settings->prompts.busy, TD_CAUSE_RESOURCE_UNAVAILABLE);
        return;
    }
    td_fsm_enter (&leg->fsm, STATE_NUMBER);
    play (leg, prompt);
}

/* Another number was no good. ACCOUNT (nullable) is whose it was. */
static void
count_failure (Leg *leg, Result result, const char *account)
{
    Access *access = leg->access;
    bool is_locked = guard_fail (access, leg->settings, leg->caller);

    td_metric_add (access->results[result], 1);
    if (account != NULL) {
        g_autofree char *key = guard_account_key (account);
        guard_fail (access, leg->settings, key);
    }
    if (++leg->n_tries >= leg->settings->n_tries || is_locked) {
        end_with (leg, leg->settings->prompts.refused, TD_CAUSE_CALL_REJECTED);
    } else {
        ask_number (leg, leg->settings->prompts.again);
    }
}

static void
look_up (Leg *leg)
{
    TdCall *call = td_channel_call (leg->channel);

    if (call == NULL) {
        count_failure (leg, RESULT_WRONG, NULL);
        return;
    }
    TdPinQuestion about = { .dialled = td_party_key (td_call_called (call)),
                            .calling = td_party_key (td_call_calling (call)),
                            .trunk = td_call_trunk (call) };
    td_fsm_enter (&leg->fsm, STATE_CHECKING);
    leg->check = check_start (leg->access, leg->settings, g_steal_pointer (&leg->secret), &about,
                              take_finding, leg);
}

/* A number that cannot be one is no guess: it waits for nobody. */
static void
complete_number (Leg *leg)
{
    bool is_whole = leg->n_digits == leg->settings->n_digits;

    td_timer_stop (&leg->quiet);
    be_silent (leg);
    leg->n_digits = 0;
    if (!is_whole) {
        count_failure (leg, RESULT_WRONG, NULL);
        return;
    }
    int64_t wait_us =
        paces_take (leg->access->paces, &leg->settings->paces, leg->trunk, td_clock_now_us ());
    if (wait_us < 0) {
        td_metric_add (leg->access->results[RESULT_UNAVAILABLE], 1);
        end_with (leg, leg->settings->prompts.busy, TD_CAUSE_CONGESTION);
    } else if (wait_us > 0) {
        td_fsm_enter (&leg->fsm, STATE_WAITING);
        td_timer_start (&leg->turn, (uint32_t) ((wait_us + 999) / 1000));
    } else {
        look_up (leg);
    }
}

/* The account and the class are the call's from now on. */
static void
take_good (Leg *leg, const Finding *finding)
{
    TdCall *call = td_channel_call (leg->channel);

    td_metric_add (leg->access->results[RESULT_GOOD], 1);
    locks_forgive (leg->access->locks, leg->caller);
    leg->destinations = g_strdupv ((char **) finding->destinations);
    leg->n_tries = 0;
    if (call != NULL) {
        td_attributes_set_text (td_call_attributes (call), leg->access->account, finding->account);
        access_raise (leg->access, call, finding->mark, TD_LEARNT_PIN);
    }
    td_fsm_enter (&leg->fsm, STATE_DESTINATION);
    play (leg, leg->settings->prompts.destination);
}

/* What became of the number looks the same to its caller whether there is none, it has expired, or its account is
 * locked out: whoever is told which one it was knows the number. */
static void
judge (Leg *leg, const Finding *finding)
{
    g_autofree char *key = finding->account != NULL ? guard_account_key (finding->account) : NULL;

    if (finding->result == RESULT_UNAVAILABLE) {
        paces_give (leg->access->paces, &leg->settings->paces, leg->trunk);
        td_metric_add (leg->access->results[RESULT_UNAVAILABLE], 1);
        end_with (leg, leg->settings->prompts.busy, TD_CAUSE_CONGESTION);
    } else if (guard_is_locked (leg->access, leg->caller)) {
        /* By another call of his: calling more often at a time gives no more tries. */
        td_metric_add (leg->access->results[RESULT_LOCKED], 1);
        end_with (leg, leg->settings->prompts.refused, TD_CAUSE_CALL_REJECTED);
    } else if (finding->result != RESULT_GOOD) {
        td_trunk_counter_add (&leg->access->failures, leg->trunk);
        count_failure (leg, finding->result, finding->account);
    } else if (key != NULL && guard_is_locked (leg->access, key)) {
        td_trunk_counter_add (&leg->access->failures, leg->trunk);
        count_failure (leg, RESULT_LOCKED, NULL);
    } else {
        paces_give (leg->access->paces, &leg->settings->paces, leg->trunk);
        take_good (leg, finding);
    }
}

static void
take_finding (const Finding *finding, void *data)
{
    Leg *leg = data;

    leg->check = NULL;
    td_fsm_dispatch (&leg->fsm, EVENT_CHECKED, (void *) finding);
}

/* --- Destinations ------------------------------------------------------------------------ */

/* The call comes by the route hook once more, and is not to be taken again. */
static void
mark_handed_on (const Leg *leg)
{
    const Access *access = leg->access;
    TdCall *call = td_channel_call (leg->channel);

    if (call == NULL) {
        return;
    }
    TdAttributes *attributes = td_call_attributes (call);
    td_attributes_set_number (attributes, access->handed_on, 1);
    td_attributes_set_text (attributes, access->destination, leg->destination);
    for (unsigned i = 0; leg->destinations != NULL && leg->destinations[i] != NULL; i++) {
        td_attributes_add_text (attributes, access->destinations, leg->destinations[i]);
    }
}

static void
complete_destination (Leg *leg)
{
    const Settings *settings = leg->settings;

    td_timer_stop (&leg->quiet);
    leg->destination[leg->n_digits] = '\0';
    leg->n_digits = 0;
    if (settings_may_call (settings, (const char *const *) leg->destinations, leg->destination)) {
        td_metric_add (leg->access->connected, 1);
        td_timer_stop (&leg->total);
        td_fsm_enter (&leg->fsm, STATE_DONE);
        mark_handed_on (leg);
        td_channel_transferred (leg->channel, leg->destination); /* LEG may be gone */
    } else if (++leg->n_tries >= settings->n_tries) {
        end_with (leg, settings->prompts.refused, TD_CAUSE_CALL_REJECTED);
    } else {
        play (leg, settings->prompts.barred);
    }
}

/* --- The machine ------------------------------------------------------------------------- */

/* What a caller is asked for. */
typedef struct {
    char *digits; /* where it is kept, SIZE bytes in all */
    size_t size;
    unsigned n_max;
    bool is_fixed; /* all have N_MAX digits: the last one completes it */
    const char *prompt;
    void (*complete) (Leg *leg);
} Entry;

static void
keep_digit (Leg *leg, const Entry *entry, char digit)
{
    be_silent (leg);
    if (!g_ascii_isdigit (digit) || leg->n_digits >= entry->n_max) {
        return;
    }
    entry->digits[leg->n_digits++] = digit;
    td_timer_start (&leg->quiet, leg->settings->digit_ms);
    if (entry->is_fixed && leg->n_digits == entry->n_max) {
        entry->complete (leg);
    }
}

/* "*": what was typed is forgotten. */
static void
start_over (Leg *leg, const Entry *entry)
{
    explicit_bzero (entry->digits, entry->size);
    leg->n_digits = 0;
    td_timer_stop (&leg->quiet);
    play (leg, entry->prompt);
}

static void
take_entry (Leg *leg, const Entry *entry, unsigned event, const void *data)
{
    char digit = event == EVENT_DIGIT ? *(const char *) data : '\0';

    if (event == EVENT_LATE) {
        end_with (leg, leg->settings->prompts.refused, TD_CAUSE_NO_USER_RESPONDING);
    } else if (event == EVENT_QUIET || digit == '#') {
        entry->complete (leg);
    } else if (digit == '*') {
        start_over (leg, entry);
    } else if (event == EVENT_DIGIT) {
        keep_digit (leg, entry, digit);
    }
}

static void
number (void *self, unsigned event, void *data)
{
    Leg *leg = self;

    take_entry (leg,
                &(Entry){ .digits = leg->secret,
                          .size = SECRET_BYTES,
                          .n_max = leg->settings->n_digits,
                          .is_fixed = true,
                          .prompt = leg->settings->prompts.first,
                          .complete = complete_number },
                event, data);
}

static void
waiting (void *self, unsigned event, void *data)
{
    Leg *leg = self;

    if (event == EVENT_TURN) {
        look_up (leg);
    } else if (event == EVENT_LATE) {
        end_with (leg, leg->settings->prompts.busy, TD_CAUSE_CONGESTION);
    }
}

static void
checking (void *self, unsigned event, void *data)
{
    Leg *leg = self;

    if (event == EVENT_CHECKED) {
        judge (leg, data);
    } else if (event == EVENT_LATE) {
        g_clear_pointer (&leg->check, check_cancel);
        end_with (leg, leg->settings->prompts.busy, TD_CAUSE_CONGESTION);
    }
}

static void
destination (void *self, unsigned event, void *data)
{
    Leg *leg = self;

    take_entry (leg,
                &(Entry){ .digits = leg->destination,
                          .size = sizeof leg->destination,
                          .n_max = MAX_DESTINATION,
                          .prompt = leg->settings->prompts.destination,
                          .complete = complete_destination },
                event, data);
}

static void
ending (void *self, unsigned event, void *data)
{
    Leg *leg = self;

    if (event == EVENT_PLAYED || event == EVENT_QUIET) {
        td_fsm_enter (&leg->fsm, STATE_DONE);
        release_for (leg, leg->cause, NULL); /* LEG may be gone */
    }
}

static const TdState states[] = {
    [STATE_NUMBER] = {
        .name = "number",
        .events = TD_BIT (EVENT_DIGIT) | TD_BIT (EVENT_QUIET) | TD_BIT (EVENT_LATE)
                  | TD_BIT (EVENT_PLAYED),
        .next = TD_BIT (STATE_NUMBER) | TD_BIT (STATE_WAITING) | TD_BIT (STATE_CHECKING)
                | TD_BIT (STATE_ENDING),
        .action = number,
    },
    [STATE_WAITING] = {
        .name = "waiting",
        .events = TD_BIT (EVENT_DIGIT) | TD_BIT (EVENT_LATE) | TD_BIT (EVENT_TURN)
                  | TD_BIT (EVENT_PLAYED),
        .next = TD_BIT (STATE_NUMBER) | TD_BIT (STATE_CHECKING) | TD_BIT (STATE_ENDING),
        .action = waiting,
    },
    [STATE_CHECKING] = {
        .name = "checking",
        .events = TD_BIT (EVENT_DIGIT) | TD_BIT (EVENT_LATE) | TD_BIT (EVENT_CHECKED)
                  | TD_BIT (EVENT_PLAYED),
        .next = TD_BIT (STATE_NUMBER) | TD_BIT (STATE_DESTINATION) | TD_BIT (STATE_ENDING),
        .action = checking,
    },
    [STATE_DESTINATION] = {
        .name = "destination",
        .events = TD_BIT (EVENT_DIGIT) | TD_BIT (EVENT_QUIET) | TD_BIT (EVENT_LATE)
                  | TD_BIT (EVENT_PLAYED),
        .next = TD_BIT (STATE_ENDING) | TD_BIT (STATE_DONE),
        .action = destination,
    },
    [STATE_ENDING] = {
        .name = "ending",
        .events = TD_BIT (EVENT_DIGIT) | TD_BIT (EVENT_QUIET) | TD_BIT (EVENT_PLAYED),
        .next = TD_BIT (STATE_DONE),
        .action = ending,
    },
    [STATE_DONE] = { .name = "done" },
};

static const char *const event_names[N_EVENTS] = {
    [EVENT_DIGIT] = "digit", [EVENT_QUIET] = "quiet",     [EVENT_LATE] = "late",
    [EVENT_TURN] = "turn",   [EVENT_CHECKED] = "checked", [EVENT_PLAYED] = "played",
};

const TdMachine access_machine = {
    .name = "access",
    .states = states,
    .n_states = G_N_ELEMENTS (states),
    .events = event_names,
    .n_events = N_EVENTS,
};

/* --- The driver -------------------------------------------------------------------------- */

static void
be_quiet_no_more (TdTimer *timer)
{
    td_fsm_dispatch (&((Leg *) ((char *) timer - offsetof (Leg, quiet)))->fsm, EVENT_QUIET, NULL);
}

static void
be_late (TdTimer *timer)
{
    td_fsm_dispatch (&((Leg *) ((char *) timer - offsetof (Leg, total)))->fsm, EVENT_LATE, NULL);
}

static void
be_next (TdTimer *timer)
{
    td_fsm_dispatch (&((Leg *) ((char *) timer - offsetof (Leg, turn)))->fsm, EVENT_TURN, NULL);
}

static Leg *
leg_new (TdChannel *channel)
{
    TdModule *module = td_channel_module (channel);
    Access *access = td_module_state (module);
    Leg *leg = g_new0 (Leg, 1);

    leg->access = access;
    leg->channel = channel;
    leg->settings = settings_ref (access_settings (access));
    leg->caller = guard_caller_key (access, td_channel_call (channel));
    leg->trunk = g_strdup (td_call_trunk (td_channel_call (channel)));
    leg->seat.owner = module;
    leg->seat.holder = td_channel_call_id (channel);
    td_timer_init (&leg->quiet, module, be_quiet_no_more);
    td_timer_init (&leg->total, module, be_late);
    td_timer_init (&leg->turn, module, be_next);
    td_fsm_init (&leg->fsm, module, &access_machine, leg);
    td_metric_add (access->up, 1);
    return leg;
}

static void
originate (TdChannel *channel)
{
    Leg *leg = leg_new (channel);
    Access *access = leg->access;
    unsigned priority_class = td_channel_priority (channel)->priority_class;

    td_channel_set_data (channel, leg);
    if (guard_is_locked (access, leg->caller)) {
        td_metric_add (access->results[RESULT_LOCKED], 1);
        release_for (leg, TD_CAUSE_CALL_REJECTED, "Locked out");
        return;
    }
    if (td_seat_take (&leg->seat, access->limit, priority_class, false) != TD_SEAT_GRANTED
        || (leg->secret = secret_take (access->secrets)) == NULL) {
        release_for (leg, TD_CAUSE_RESOURCE_UNAVAILABLE, "All who ask for numbers are busy");
        return;
    }
    leg->is_prompted = true; /* the target says with what */
    td_timer_start (&leg->total, leg->settings->total_ms);
    if (leg->settings->is_early) {
        td_channel_progressed (channel, 0, NULL);
    } else {
        td_channel_answered (channel, 0, NULL);
    }
}

/* Nobody ever calls from here. */
static void
refuse_answer (TdChannel *channel, TdDescription *description)
{
    TdCause cause = td_cause (TD_CAUSE_NORMAL_UNSPECIFIED, NULL);

    td_channel_released (channel, &cause);
}

/* The call is not to be handed on, and there is nothing else here for it. */
static void
take_refusal (TdChannel *channel, const TdCause *cause)
{
    release_for (td_channel_data (channel), cause->value, cause->text);
}

static void
take_digit (TdChannel *channel, char digit, uint32_t duration_ms)
{
    Leg *leg = td_channel_data (channel);

    td_fsm_dispatch (&leg->fsm, EVENT_DIGIT, &digit);
    explicit_bzero (&digit, sizeof digit);
}

static void
take_end (TdChannel *channel)
{
    Leg *leg = td_channel_data (channel);

    td_fsm_dispatch (&leg->fsm, EVENT_PLAYED, NULL);
}

static void
release (TdChannel *channel, const TdCause *cause)
{
    stop_all (td_channel_data (channel));
    td_channel_released (channel, cause);
}

static void
freed (void *data)
{
    Leg *leg = data;

    stop_all (leg);
    td_fsm_clear (&leg->fsm);
    secret_give (leg->access->secrets, leg->secret);
    td_metric_add (leg->access->up, -1);
    g_strfreev (leg->destinations);
    g_free (leg->caller);
    g_free (leg->trunk);
    td_table_unref (&leg->settings->table);
    g_free (leg);
}

bool
access_legs_start (Access *access, GError **error)
{
    static const TdChannelDriver driver = {
        .size = sizeof (TdChannelDriver),
        .name = ACCESS_DRIVER,
        .service = "source/",
        .originate = originate,
        .answer = refuse_answer,
        .release = release,
        .refuse = take_refusal,
        .digit = take_digit,
        .freed = freed,
        .played = take_end,
    };

    access_declare (access);
    td_machine_register (access->module, &access_machine);
    return td_channel_driver_register (access->module, &driver, error);
}
