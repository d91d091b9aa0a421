/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whose a personal number is: looked up in a worker, or by another module.
 *
 *     leg -- check_start () --+-- service.pin ----------------------------> done ()
 *                             +-- a place? -- worker: hash, look up ------> done ()
 */

#include "access.h"

#include <string.h>
#include <tandem/worker.h>

struct Check {
    TdWork work; /* first */
    TdPinQuestion question;
    const TdPinService *service; /* whom it was put to; NULL: the table */
    Access *access;
    Settings *settings;
    char *digits; /* a secret */
    void (*done) (const Finding *finding, void *data);
    void *data;
    const Pin *pin; /* what the worker found */
    bool is_cancelled, is_starting, is_over;
};

static void
check_free (Check *check)
{
    secret_give (check->access->secrets, check->digits);
    td_table_unref (&check->settings->table);
    g_free (check);
}

static void
finish (Check *check, const Finding *finding)
{
    secret_give (check->access->secrets, g_steal_pointer (&check->digits));
    check->is_over = true;
    if (!check->is_cancelled) {
        check->done (finding, check->data);
    }
    if (!check->is_starting) {
        check_free (check);
    }
}

/* --- The table here ---------------------------------------------------------------------- */

/* On a worker. */
static void
look_up (TdWork *work)
{
    Check *check = (Check *) work;

    check->pin =
        check->settings->pins != NULL ? pins_find (check->settings->pins, check->digits) : NULL;
    explicit_bzero (check->digits, SECRET_BYTES);
}

static void
end_look_up (TdWork *work)
{
    Check *check = (Check *) work;
    const Pin *pin = check->pin;
    const Profile *profile = pin != NULL ? settings_profile (check->settings, pin->profile) : NULL;
    Finding finding = { .result = RESULT_WRONG };

    atomic_fetch_sub (&check->access->n_checks, 1);
    if (pin != NULL && profile != NULL) {
        finding =
            (Finding){ .result = td_clock_wall_us () < pin->until_us ? RESULT_GOOD : RESULT_EXPIRED,
                       .account = pin->account,
                       .mark = profile->mark,
                       .destinations = (const char *const *) profile->destinations };
    }
    finish (check, &finding);
}

static void
drop_look_up (TdWork *work)
{
    Check *check = (Check *) work;

    atomic_fetch_sub (&check->access->n_checks, 1);
    check_free (check);
}

/* One at a time: whoever tries numbers is to find one worker busy, not all of them. */
static bool
start_look_up (Check *check)
{
    Access *access = check->access;

    if (atomic_fetch_add (&access->n_checks, 1) >= check->settings->n_checks) {
        atomic_fetch_sub (&access->n_checks, 1);
        return false;
    }
    check->work = (TdWork){ .owner = access->module,
                            .queue = "access.pins",
                            .run = look_up,
                            .done = end_look_up,
                            .drop = drop_look_up };
    td_work_start (&check->work);
    return true;
}

/* --- Another module ---------------------------------------------------------------------- */

static void
take_verdict (TdPinQuestion *question, const TdPinVerdict *verdict)
{
    static const Result results[] = { [TD_PIN_GOOD] = RESULT_GOOD,
                                      [TD_PIN_WRONG] = RESULT_WRONG,
                                      [TD_PIN_EXPIRED] = RESULT_EXPIRED,
                                      [TD_PIN_UNAVAILABLE] = RESULT_UNAVAILABLE };
    Check *check = (Check *) ((char *) question - offsetof (Check, question));
    unsigned result = (unsigned) verdict->result;

    finish (check, &(Finding){ .result = result < G_N_ELEMENTS (results) ? results[result]
                                                                         : RESULT_UNAVAILABLE,
                               .account = verdict->account,
                               .mark = verdict->mark,
                               .destinations = verdict->destinations });
}

Check *
check_start (Access *access, Settings *settings, char *digits, const TdPinQuestion *about,
             void (*done) (const Finding *finding, void *data), void *data)
{
    Check *check = g_new0 (Check, 1);

    check->access = access;
    check->settings = settings_ref (settings);
    check->digits = digits;
    check->done = done;
    check->data = data;
    check->question = *about;
    check->question.size = sizeof check->question;
    check->question.digits = digits;
    check->question.done = take_verdict;
    check->service = atomic_load (&access->pins);
    check->is_starting = true;
    bool is_asked = check->service != NULL
                        ? check->service->ask (&check->question, check->service->data)
                        : start_look_up (check);
    if (!is_asked) {
        finish (check, &(Finding){ .result = RESULT_UNAVAILABLE });
    }
    check->is_starting = false;
    if (check->is_over) {
        check_free (check);
        return NULL;
    }
    return check;
}

void
check_cancel (Check *check)
{
    check->is_cancelled = true;
    if (check->service != NULL) {
        check->service->cancel (&check->question, check->service->data);
        check_free (check);
    }
}
