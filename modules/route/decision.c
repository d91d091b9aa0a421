/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a call goes, from compiled tables: nine steps, each a function that may end it. */

#include "decision-way.h"

#include <string.h>
#include <tandem/cause.h>

enum { KIND_MOBILE = 1 }; /* of the choices of code.kind */

const char *
jurisdiction_name (Jurisdiction jurisdiction)
{
    static const char *const names[] = { "unknown",    "local",         "intrastate",
                                         "interstate", "international", "mobile" };

    return names[jurisdiction];
}

bool
way_refuse (Way *way, unsigned cause, const char *announcement)
{
    way->decision->verdict = DECISION_REFUSE;
    way->decision->cause = cause;
    way->decision->announcement = announcement;
    return false;
}

static bool
ask_for_more (Way *way, const char *why)
{
    EXPLAIN (way->explanation, "analysis", "more digits are awaited: %s", why);
    way->decision->verdict = DECISION_MORE_DIGITS;
    return false;
}

/* --- Ingress and translation ------------------------------------------------------------- */

static bool
find_ingress (Way *way)
{
    const Tables *tables = way->tables;
    uint32_t trunk = names_find (tables->trunks, way->request->trunk);
    uint32_t index = trunk != NAMES_NONE ? tables->ingress_of[trunk] : tables->any_ingress;

    if (index == NAMES_NONE) {
        EXPLAIN (way->explanation, "ingress", "no row for trunk \"%s\", and none for *",
                 way->request->trunk != NULL ? way->request->trunk : "");
        return way_refuse (way, TD_CAUSE_NO_ROUTE_TO_DESTINATION, "");
    }
    way->ingress = &g_array_index (tables->ingresses, Ingress, index);
    way->decision->treatment = way->ingress->treatment;
    way->decision->country = way->ingress->country;
    EXPLAIN (way->explanation, "ingress",
             "trunk \"%s\" (line %u): plan \"%s\", translation \"%s\", screening \"%s\", table "
             "\"%s\", region \"%s\"",
             way->request->trunk != NULL ? way->request->trunk : "", way->ingress->line,
             names_text (tables->plan_names, way->ingress->plan),
             names_text (tables->translation_names, way->ingress->translation),
             names_text (tables->screening_names, way->ingress->screening),
             names_text (tables->table_names, way->ingress->table),
             names_text (tables->regions, way->ingress->region));
    return true;
}

static bool
translate (Way *way)
{
    Translated *numbers = &way->decision->numbers;

    number_from_party (&numbers->called, way->request->called);
    number_from_party (&numbers->calling, way->request->calling);
    translations_run (way->tables->translations, way->ingress->translation, numbers,
                      way->explanation, "translation");
    return true;
}

/* --- Emergency --------------------------------------------------------------------------- */

static bool
choose_list (Way *way, uint32_t label)
{
    const TargetContext context = { way->tables->calendars, &way->moment, way->request->chance,
                                    way->request->quality, way->request->data };
    const TargetList *list = targets_list (way->tables->targets, label);
    Decision *decision = way->decision;

    decision->label = names_text (way->tables->labels, label);
    if (list != NULL) {
        decision->tries = list->tries;
        decision->seconds = list->seconds;
        decision->causes = list->causes;
        decision->n_targets = targets_choose (way->tables->targets, label, &context,
                                              decision->targets, way->explanation);
    }
    if (decision->n_targets == 0) {
        EXPLAIN (way->explanation, "targets", "list \"%s\" has no target at this time",
                 decision->label);
        return way_refuse (way, TD_CAUSE_NO_ROUTE_TO_DESTINATION, "");
    }
    EXPLAIN (way->explanation, "targets", "list \"%s\": %u targets, at most %u tries (0: all)",
             decision->label, decision->n_targets, decision->tries);
    decision->verdict = DECISION_ROUTE;
    return true;
}

/* Ends the way when the call is one; IS_TYPE: the plan says so. */
static bool
pass_emergency (Way *way, bool is_type)
{
    const Emergency *emergency =
        tables_find_emergency (way->tables, way->ingress->region, way->called->text);

    if (emergency == NULL && !is_type) {
        return true;
    }
    way->decision->type = CALL_TYPE_EMERGENCY;
    if (emergency == NULL) {
        EXPLAIN (way->explanation, "emergency",
                 "%s is an emergency number, and region \"%s\" has no row for it; it never "
                 "enters ordinary lists",
                 way->called->text, names_text (way->tables->regions, way->ingress->region));
        return way_refuse (way, TD_CAUSE_NO_ROUTE_TO_DESTINATION, "");
    }
    EXPLAIN (way->explanation, "emergency", "%s in region \"%s\" (line %u): list \"%s\"",
             way->called->text, names_text (way->tables->regions, way->ingress->region),
             emergency->line, names_text (way->tables->labels, emergency->label));
    choose_list (way, emergency->label);
    return false;
}

static bool
catch_emergency (Way *way)
{
    return pass_emergency (way, false);
}

/* --- Analysis ---------------------------------------------------------------------------- */

void
way_take_carrier (Way *way, const char *carrier)
{
    if (carrier != NULL && *carrier != '\0' && strlen (carrier) < CARRIER_SIZE) {
        g_strlcpy (way->decision->carrier_text, carrier, sizeof way->decision->carrier_text);
        way->decision->is_own_carrier = strcmp (carrier, way->ingress->carrier) == 0;
    }
}

/* RFC 4694 4: what has no "+" holds in its context, which is a country code or a domain. */
const char *
way_localise (const Way *way, const char *text, const char *context, char into[TD_NUMBER_DIGITS])
{
    const char *country = way->ingress->country;
    size_t len = strlen (country);

    if (text == NULL || *country == '\0') {
        return text;
    }
    if (text[0] != '+' && context != NULL && context[0] == '+'
        && strcmp (context + 1, country) != 0) {
        return g_snprintf (into, TD_NUMBER_DIGITS, "%s%s", context, text) < TD_NUMBER_DIGITS ? into
                                                                                             : text;
    }
    return text[0] == '+' && strncmp (text + 1, country, len) == 0 ? text + 1 + len : text;
}

/* A translation's carrier before one that was dialled, before one that was signalled, before that of
 * the ingress. */
static void
choose_carrier (Way *way, const Analysis *analysis)
{
    char text[TD_NUMBER_DIGITS];
    const char *signalled =
        way_localise (way, way->request->carrier, way->request->carrier_context, text);

    way_take_carrier (way, way->ingress->carrier);
    way_take_carrier (way, signalled);
    way_take_carrier (way, analysis->carrier);
    way_take_carrier (way, way->decision->numbers.carrier);
    EXPLAIN (way->explanation, "carrier",
             "carrier \"%s\": dialled \"%s\", signalled \"%s\", set "
             "\"%s\", of the ingress \"%s\"",
             way->decision->carrier_text, analysis->carrier, signalled != NULL ? signalled : "",
             way->decision->numbers.carrier, way->ingress->carrier);
}

static bool
refuse_number (Way *way, AnalysisVerdict verdict)
{
    EXPLAIN (way->explanation, "analysis", "%s %s by plan \"%s\"", way->called->text,
             verdict == ANALYSIS_TOO_SHORT  ? "has too few digits"
             : verdict == ANALYSIS_TOO_LONG ? "has too many digits"
                                            : "begins like no number",
             names_text (way->tables->plan_names, way->ingress->plan));
    return way_refuse (way, TD_CAUSE_INVALID_NUMBER_FORMAT, "");
}

static bool
analyse (Way *way)
{
    Analysis analysis = { .type = CALL_TYPE_NONE };
    Number *called = &way->decision->numbers.called;

    if (called->text[0] != '\0' && plans_has (way->tables->plans, way->ingress->plan)) {
        Number dialled = *called;
        AnalysisVerdict verdict = plans_analyse (way->tables->plans, way->ingress->plan, called,
                                                 way->request->called->is_complete, &analysis);
        if (verdict == ANALYSIS_WANTS_MORE) {
            return ask_for_more (way, "by the plan");
        }
        if (verdict != ANALYSIS_FITS) {
            return refuse_number (way, verdict);
        }
        EXPLAIN (way->explanation, "analysis", "%s is %s by pattern %s (line %u): %s", dialled.text,
                 call_type_name (analysis.type), analysis.pattern, analysis.line, called->text);
    } else if (!way->request->called->is_complete
               && lookup_has_longer (way->tables->lookup, way->ingress->table, called->text)) {
        return ask_for_more (way, "a longer prefix has routes");
    }
    way->decision->type = analysis.type;
    choose_carrier (way, &analysis);
    return pass_emergency (way, analysis.type == CALL_TYPE_EMERGENCY);
}

/* --- Screening --------------------------------------------------------------------------- */

static bool
screen (Way *way)
{
    ScreeningResult result = screenings_judge (
        way->tables->screenings, way->ingress->screening, &way->decision->numbers.calling,
        (TdPresentation) way->request->calling->presentation, way->called);

    if (way->ingress->screening == NAMES_NONE) {
        return true;
    }
    if (!result.is_row) {
        EXPLAIN (way->explanation, "screening", "no row fits: allowed");
        return true;
    }
    EXPLAIN (way->explanation, "screening", "rank %u (line %u): %s", result.rank, result.line,
             result.is_denied ? "denied" : "allowed");
    if (result.is_denied && way->request->is_unscreened) {
        EXPLAIN (way->explanation, "screening", "another account than the line's pays: allowed");
        way->decision->is_exempted = true;
        return true;
    }
    return !result.is_denied || way_refuse (way, result.cause, result.announcement);
}

/* --- Jurisdiction ------------------------------------------------------------------------ */

const Code *
way_code_of (const Way *way, const char *number)
{
    uint32_t index = td_prefix_table_find (way->tables->code_of, number);

    return index != TD_PREFIX_NO_VALUE ? &g_array_index (way->tables->codes, Code, index) : NULL;
}

bool
way_has_status (const Code *code, int status)
{
    return code != NULL && code->status == status;
}

static Jurisdiction
compare_codes (const Code *calling, const Code *called)
{
    if (called != NULL && called->kind == KIND_MOBILE) {
        return JURISDICTION_MOBILE;
    }
    if (calling == NULL || called == NULL || calling->country == NAMES_NONE
        || called->country == NAMES_NONE) {
        return JURISDICTION_UNKNOWN;
    }
    return calling->country != called->country ? JURISDICTION_INTERNATIONAL
           : calling->state != called->state   ? JURISDICTION_INTERSTATE
           : calling->region != called->region ? JURISDICTION_INTRASTATE
                                               : JURISDICTION_LOCAL;
}

static bool
find_jurisdiction (Way *way)
{
    Decision *decision = way->decision;

    if (way->tables->codes->len > 0) {
        decision->jurisdiction = compare_codes (way_code_of (way, decision->numbers.calling.text),
                                                way_code_of (way, way->key));
    }
    if (decision->type == CALL_TYPE_INTERNATIONAL) {
        decision->jurisdiction = JURISDICTION_INTERNATIONAL;
    }
    EXPLAIN (way->explanation, "jurisdiction", "%s, from \"%s\" to \"%s\"",
             jurisdiction_name (decision->jurisdiction), decision->numbers.calling.text, way->key);
    return true;
}

/* --- Route and list ---------------------------------------------------------------------- */

/* What a translation has set, or what the call has. */
static const char *
attribute_of (const char *name, void *data)
{
    const Way *way = data;
    const Translated *numbers = &way->decision->numbers;

    for (unsigned i = 0; i < numbers->n_attributes; i++) {
        if (strcmp (numbers->attributes[i].name, name) == 0) {
            return numbers->attributes[i].value;
        }
    }
    if (strcmp (name, "jurisdiction") == 0) {
        return jurisdiction_name (way->decision->jurisdiction);
    }
    return way->request->attribute != NULL ? way->request->attribute (name, way->request->data)
                                           : NULL;
}

static bool
find_route (Way *way)
{
    const DecisionRequest *request = way->request;
    Decision *decision = way->decision;
    LookupSubject subject = {
        .number = way->key,
        .called = way->called,
        .calling = &decision->numbers.calling,
        .user = request->called->user,
        .domain = request->called->host,
        .ingress = request->trunk,
        .carrier = decision->carrier_text,
        .category = request->category,
        .bearer = request->bearer,
        .type = (int) decision->type,
        .has_own_rows = decision->type == CALL_TYPE_SERVICE_N11,
        .line_information = request->line_information,
        .attribute = attribute_of,
        .data = way,
        .moment = &way->moment,
    };
    uint32_t label = lookup_find (way->tables->lookup, way->ingress->table, &subject,
                                  way->tables->calendars, way->explanation);

    if (label == NAMES_NONE) {
        bool is_own = way_has_status (way_code_of (way, way->key), CODE_OWN);
        EXPLAIN (way->explanation, "route", "table \"%s\" has no row that holds for \"%s\"%s",
                 names_text (way->tables->table_names, way->ingress->table), way->key,
                 is_own ? ", a number of our own" : "");
        return way_refuse (
            way, is_own ? TD_CAUSE_UNALLOCATED_NUMBER : TD_CAUSE_NO_ROUTE_TO_DESTINATION, "");
    }
    EXPLAIN (way->explanation, "route", "table \"%s\": \"%s\" leads to list \"%s\"",
             names_text (way->tables->table_names, way->ingress->table), way->key,
             names_text (way->tables->labels, label));
    return choose_list (way, label);
}

/* --- The whole --------------------------------------------------------------------------- */

/* All but the targets, of which there are none: they are large. */
static void
clear_decision (Decision *decision)
{
    memset (decision, 0, offsetof (Decision, targets));
    decision->verdict = DECISION_REFUSE;
    decision->announcement = decision->treatment = decision->label = "";
    decision->routing_number = decision->routing_text;
    decision->country = "";
    decision->carrier = decision->carrier_text;
    decision->type = CALL_TYPE_NONE;
    decision->causes = NAMES_NONE;
}

void
decision_make (const Tables *tables, const DecisionRequest *request, Decision *ret_decision,
               Explanation *explanation)
{
    static bool (*const steps[]) (Way *) = {
        find_ingress,
        translate,
        catch_emergency,
        analyse,
        screen,
        way_look_up_toll_free,
        way_look_up_portability,
        find_jurisdiction,
        find_route,
    };
    Way way = {
        .tables = tables, .request = request, .decision = ret_decision, .explanation = explanation
    };

    clear_decision (ret_decision);
    way.called = &ret_decision->numbers.called;
    way.key = way.called->text;
    calendar_moment_init (&way.moment, request->time_us);
    for (unsigned i = 0; i < G_N_ELEMENTS (steps); i++) {
        if (!steps[i](&way)) {
            return;
        }
    }
}

void
decision_target (const Tables *tables, const Decision *decision, unsigned index,
                 DecisionTarget *ret_target, Explanation *explanation)
{
    g_return_if_fail (index < decision->n_targets);
    const Target *target = decision->targets[index].target;

    ret_target->trunk = names_text (tables->trunks, target->trunk);
    ret_target->group = decision->targets[index].group;
    ret_target->no_answer_s = target->no_answer_s;
    ret_target->numbers = decision->numbers;
    translations_run (tables->translations, target->translation, &ret_target->numbers, explanation,
                      "egress");
    if (target->number != NULL) {
        number_set (&ret_target->numbers.called, target->number, TD_NATURE_UNKNOWN);
    }
}

bool
decision_is_try_next (const Tables *tables, const Decision *decision, unsigned cause)
{
    return causes_is_try_next (tables->causes, decision->causes, cause);
}
