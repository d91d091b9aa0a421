/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is counted, and what is known of a call. */

#include "access.h"

static TdMetric *
declare (const Access *access, TdMetricKind kind, const char *name, const char *labels,
         const char *help)
{
    return td_metric_declare (access->module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                               .kind = kind,
                                                               .name = name,
                                                               .labels = labels,
                                                               .help = help });
}

static void
declare_metrics (Access *access)
{
    static const char *const names[N_RESULTS] = { "good", "wrong", "expired", "unavailable",
                                                  "locked" };

    for (unsigned i = 0; i < N_RESULTS; i++) {
        g_autofree char *labels = g_strdup_printf ("result=\"%s\"", names[i]);
        access->results[i] =
            declare (access, TD_METRIC_COUNTER, "tandem_access_numbers_total", labels,
                     "Personal numbers that callers gave, and what became of them.");
    }
    access->up = declare (access, TD_METRIC_GAUGE, "tandem_access_callers", NULL,
                          "Callers who are asked for numbers now.");
    access->connected = declare (access, TD_METRIC_COUNTER, "tandem_access_calls_total", NULL,
                                 "Calls that went on to a destination.");
    access->n_locks = declare (access, TD_METRIC_COUNTER, "tandem_access_locks_total", NULL,
                               "Times that a caller or an account was locked out.");
}

static void
declare_attributes (Access *access)
{
    access->account = td_attribute_declare (access->module, TD_ATTRIBUTE_ACCOUNT, TD_ATTRIBUTE_TEXT,
                                            0, "The account that pays for the call", NULL);
    access->carrier = td_attribute_declare (
        access->module, "access.carrier", TD_ATTRIBUTE_TEXT, 0,
        "The code of the carrier that was dialled before an access number", NULL);
    access->source = td_attribute_declare (access->module, TD_ATTRIBUTE_SOURCE, TD_ATTRIBUTE_TEXT,
                                           0, "Who has placed the call", NULL);
    access->handed_on =
        td_attribute_declare (access->module, "access.handed-on", TD_ATTRIBUTE_NUMBER, 0,
                              "1: the call has been here, and has told whom it is for", NULL);
    access->destination = td_attribute_declare (
        access->module, "access.destination", TD_ATTRIBUTE_TEXT, 0,
        "Whom the caller has typed, as whoever has the personal number may call him", NULL);
    access->destinations = td_attribute_declare (
        access->module, "access.destinations", TD_ATTRIBUTE_TEXT, TD_ATTRIBUTE_MANY,
        "What numbers that the account pays for may begin with", NULL);
}

void
access_declare (Access *access)
{
    declare_attributes (access);
    declare_metrics (access);
}
