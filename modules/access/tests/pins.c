/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pins: looks personal numbers up in a worker, as a module for RADIUS or Diameter would in a server.
 *
 *     135791357913    good: account far-1, ets.2, destinations 703...
 *     8...            was good: far-2
 *     2...            good: the same account, again
 *     0...            the server is silent
 */

#include <string.h>
#include <tandem/iface/pin.h>
#include <tandem/module.h>
#include <tandem/worker.h>

typedef struct {
    TdModule *module;
    TdPinService service;
} Pins;

typedef struct {
    TdWork work;             /* first */
    TdPinQuestion *question; /* NULL: nobody waits any more */
    char first;
    bool is_good;
} Lookup;

static void
look_up (TdWork *work)
{
}

static void
answer (TdWork *work)
{
    static const char *const destinations[] = { "703", NULL };
    Lookup *lookup = (Lookup *) work;
    TdPinVerdict verdict = { .size = sizeof (TdPinVerdict), .result = TD_PIN_WRONG };

    if (lookup->is_good) {
        verdict.result = TD_PIN_GOOD;
        verdict.account = "far-1";
        verdict.mark = "ets.2";
        verdict.destinations = destinations;
    } else if (lookup->first == '8') {
        verdict.result = TD_PIN_EXPIRED;
        verdict.account = "far-2";
    } else if (lookup->first == '2') {
        verdict.result = TD_PIN_GOOD;
        verdict.account = "far-2";
    } else if (lookup->first == '0') {
        verdict.result = TD_PIN_UNAVAILABLE;
    }
    if (lookup->question != NULL) {
        lookup->question->done (lookup->question, &verdict);
    }
    g_free (lookup);
}

static void
drop (TdWork *work)
{
    g_free (work);
}

static bool
ask (TdPinQuestion *question, void *data)
{
    Pins *pins = data;
    Lookup *lookup = g_new0 (Lookup, 1);

    lookup->question = question;
    lookup->first = question->digits[0];
    lookup->is_good = strcmp (question->digits, "135791357913") == 0;
    lookup->work = (TdWork){ .owner = pins->module, .run = look_up, .done = answer, .drop = drop };
    question->state = lookup;
    td_work_start (&lookup->work);
    return true;
}

static void
cancel (TdPinQuestion *question, void *data)
{
    ((Lookup *) question->state)->question = NULL;
}

static bool
start (TdModule *module, GError **error)
{
    Pins *pins = g_new0 (Pins, 1);

    pins->module = module;
    pins->service =
        (TdPinService){ .size = sizeof (TdPinService), .data = pins, .ask = ask, .cancel = cancel };
    td_module_set_state (module, pins);
    return td_feature_provide (module, TD_FEATURE_PIN, &pins->service, error);
}

static void
unload (TdModule *module)
{
    g_free (td_module_state (module));
}

TD_MODULE (pins, .summary = "Personal numbers for a test", .version = "1.0",
           .license = "LGPL-2.1-or-later", .provides = TD_LIST (TD_FEATURE_PIN), .start = start,
           .unload = unload)
