/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Facts, metrics, and the line in the log that nobody wants to see. */

#include "emergency.h"

#include <tandem/log.h>

static const char *const found_names[N_FOUND] = { "provisioned", "region", "fallback",
                                                  "lost",        "cache",  "stale" };
static const char *const outcome_names[N_OUTCOMES] = { "mapping", "none", "wrong", "lost" };

typedef struct {
    TdId call;
    const char *calling, *called, *calling_trunk;
    const char *service, *learnt;
    const char *region, *location, *psap, *found;
} RoutedFact;

static const TdField routed_fields[] = {
    TD_FIELD (RoutedFact, call, TD_FIELD_ID, "The call"),
    TD_FIELD (RoutedFact, calling, TD_FIELD_TEXT, "Who calls"),
    TD_FIELD (RoutedFact, called, TD_FIELD_TEXT, "What was called: a number or a URN"),
    TD_FIELD (RoutedFact, calling_trunk, TD_FIELD_TEXT, "Trunk group it came in by"),
    TD_FIELD (RoutedFact, service, TD_FIELD_TEXT, "The service that is asked for (RFC 5031)"),
    TD_FIELD (RoutedFact, learnt, TD_FIELD_TEXT, "By what it was recognised: sos, number"),
    TD_FIELD (RoutedFact, region, TD_FIELD_TEXT, "The caller's [emergency-region]"),
    TD_FIELD (RoutedFact, location, TD_FIELD_TEXT, "The caller's [emergency-location]"),
    TD_FIELD (RoutedFact, psap, TD_FIELD_TEXT, "The PSAP that is tried first: its name, or URI"),
    TD_FIELD (RoutedFact, found, TD_FIELD_TEXT,
              "How it was found: provisioned, region, fallback, lost, cache, stale"),
};

typedef struct {
    TdId call;
    const char *calling, *called, *calling_trunk, *service, *cause_text;
    uint32_t cause;
} UnansweredFact;

static const TdField unanswered_fields[] = {
    TD_FIELD (UnansweredFact, call, TD_FIELD_ID, "The call"),
    TD_FIELD (UnansweredFact, calling, TD_FIELD_TEXT, "Who called"),
    TD_FIELD (UnansweredFact, called, TD_FIELD_TEXT, "What was called: a number or a URN"),
    TD_FIELD (UnansweredFact, calling_trunk, TD_FIELD_TEXT, "Trunk group it came in by"),
    TD_FIELD (UnansweredFact, service, TD_FIELD_TEXT, "The service that was asked for"),
    TD_FIELD (UnansweredFact, cause, TD_FIELD_UINT, "What the last PSAP failed for: Q.850"),
    TD_FIELD (UnansweredFact, cause_text, TD_FIELD_TEXT, "The same in words"),
};

static TdTopic *
declare_topic (Emergency *emergency, const char *name, const char *help, const TdField *fields,
               uint32_t n_fields, uint32_t body_size)
{
    return td_topic_declare (emergency->module, &(TdTopicDecl){ .size = sizeof (TdTopicDecl),
                                                                .version = 1,
                                                                .name = name,
                                                                .help = help,
                                                                .fields = fields,
                                                                .n_fields = n_fields,
                                                                .body_size = body_size });
}

static TdMetric *
count (Emergency *emergency, const char *name, const char *label, const char *value,
       const char *help)
{
    g_autofree char *labels = label != NULL ? g_strdup_printf ("%s=\"%s\"", label, value) : NULL;

    return td_metric_declare (emergency->module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                                  .kind = TD_METRIC_COUNTER,
                                                                  .name = name,
                                                                  .labels = labels,
                                                                  .help = help });
}

static void
declare_metrics (Emergency *emergency)
{
    static const uint64_t bounds[] = { 1000, 5000, 20000, 50000, 100000, 200000, 500000, 1000000 };

    for (unsigned i = 0; i < 2; i++) {
        emergency->calls[i] =
            count (emergency, "tandem_emergency_calls_total", "learnt", i == 0 ? "sos" : "number",
                   "Emergency calls that were sent to PSAPs, by what they were recognised by.");
    }
    for (unsigned i = 0; i < N_FOUND; i++) {
        emergency->found[i] = count (emergency, "tandem_emergency_found_total", "how",
                                     found_names[i], "The same, by how the PSAP was found.");
    }
    for (unsigned i = 0; i < N_OUTCOMES; i++) {
        emergency->outcomes[i] =
            count (emergency, "tandem_emergency_lost_questions_total", "outcome", outcome_names[i],
                   "Questions asked of LoST servers, by what came of them.");
    }
    emergency->tests = count (emergency, "tandem_emergency_tests_total", NULL, NULL,
                              "Calls to urn:service:test.sos.");
    emergency->callbacks = count (emergency, "tandem_emergency_callbacks_total", NULL, NULL,
                                  "Calls that came from PSAPs and are marked so.");
    emergency->strangers = td_metric_declare (
        emergency->module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                            .kind = TD_METRIC_GAUGE,
                                            .name = "tandem_emergency_strangers",
                                            .help = "Emergency calls that are up and came by no "
                                                    "trunk (strangers-calls)." });
    emergency->failures = count (emergency, "tandem_emergency_failed_total", NULL, NULL,
                                 "Emergency calls that no PSAP has taken.");
    emergency->delay = td_metric_declare (
        emergency->module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                            .kind = TD_METRIC_HISTOGRAM,
                                            .name = "tandem_emergency_lost_delay_microseconds",
                                            .help = "How long mappings of LoST servers took.",
                                            .buckets = bounds,
                                            .n_buckets = G_N_ELEMENTS (bounds) });
}

bool
tell_declare (Emergency *emergency, GError **error)
{
    declare_metrics (emergency);
    emergency->routed =
        declare_topic (emergency, "emergency.routed", "An emergency call is sent to PSAPs",
                       routed_fields, G_N_ELEMENTS (routed_fields), sizeof (RoutedFact));
    emergency->unanswered = declare_topic (
        emergency, "emergency.unanswered", "No PSAP has taken an emergency call", unanswered_fields,
        G_N_ELEMENTS (unanswered_fields), sizeof (UnansweredFact));
    emergency->asked_for =
        td_attribute_declare (emergency->module, "emergency.service", TD_ATTRIBUTE_TEXT, 0,
                              "The emergency service that a call asks for (RFC 5031)", error);
    emergency->failed =
        td_attribute_declare (emergency->module, "emergency.failed", TD_ATTRIBUTE_TEXT, 0,
                              "That no PSAP has taken an emergency call", error);
    emergency->no_hold =
        td_attribute_declare (emergency->module, TD_ATTRIBUTE_NO_HOLD, TD_ATTRIBUTE_NUMBER, 0,
                              "1: the calling party cannot put the called one on hold", error);
    emergency->no_transfer =
        td_attribute_declare (emergency->module, TD_ATTRIBUTE_NO_TRANSFER, TD_ATTRIBUTE_NUMBER, 0,
                              "1: the called party cannot hand the call on", error);
    emergency->callback =
        td_attribute_declare (emergency->module, "emergency.callback", TD_ATTRIBUTE_NUMBER, 0,
                              "1: the call is a callback of a PSAP, who is known to be one", error);
    emergency->shown = td_attribute_declare (
        emergency->module, TD_ATTRIBUTE_SHOWN, TD_ATTRIBUTE_NUMBER, 0,
        "That the called party is shown who calls, whatever the caller asks for", error);
    return emergency->asked_for != NULL && emergency->failed != NULL && emergency->shown != NULL
           && emergency->callback != NULL && emergency->no_hold != NULL
           && emergency->no_transfer != NULL;
}

void
tell_strangers (Emergency *emergency, unsigned n, unsigned max)
{
    if (max > 0 && n == max) { /* not of each INVITE, which may be looked at more than once */
        td_log_peer (emergency->module, "emergency.strangers", "strangers", NULL,
                     "%u of them have emergency calls up: the next ones must prove who they are "
                     "([emergency] strangers-calls)",
                     max);
    }
}

void
tell_routed (Emergency *emergency, TdCall *call, const TdEmergencyAnswer *asked, const char *region,
             const char *place, const char *psap, Found found)
{
    RoutedFact fact = { .call = td_call_id (call),
                        .calling = td_party_key (td_call_calling (call)),
                        .called = td_party_key (td_call_called (call)),
                        .calling_trunk = td_call_trunk (call),
                        .service = asked->service,
                        .learnt = asked->is_number ? "number" : "sos",
                        .region = region,
                        .location = place,
                        .psap = psap,
                        .found = found_names[found] };

    td_metric_add (emergency->calls[asked->is_number], 1);
    td_metric_add (emergency->found[found], 1);
    td_bus_publish (emergency->routed, fact.call, NULL, TD_CLASS_EMERGENCY, &fact);
}

void
tell_failed (Emergency *emergency, TdCall *call, const TdCause *cause)
{
    UnansweredFact fact = {
        .call = td_call_id (call),
        .calling = td_party_key (td_call_calling (call)),
        .called = td_party_key (td_call_called (call)),
        .calling_trunk = td_call_trunk (call),
        .service = td_attributes_text (td_call_attributes (call), emergency->asked_for, 0),
        .cause = cause->value,
        .cause_text = cause->text[0] != '\0' ? cause->text : td_cause_phrase (cause->value),
    };
    g_autoptr (GString) calling = g_string_new (NULL);
    g_autoptr (GString) why = g_string_new (NULL);

    td_text_append_value (calling, fact.calling);
    td_text_append_value (why, fact.cause_text);
    td_metric_add (emergency->failures, 1);
    td_log_error (emergency->module, fact.service,
                  "no PSAP has taken the emergency call of %s, cause %u, %s: see that the trunks "
                  "of each [emergency-psap] are in service",
                  calling->str, fact.cause, why->str);
    td_bus_publish (emergency->unanswered, fact.call, NULL, TD_CLASS_EMERGENCY, &fact);
}
