/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The steps of a decision that look a number up elsewhere: who carries a toll-free one, where a ported
 * one is served. From the local table, or from a dip that the request has the answer of. */

#include "decision-way.h"

#include <string.h>
#include <tandem/cause.h>

/* What came of asking. */
typedef enum {
    ASKED_FOUND,
    ASKED_NOT_FOUND,
    ASKED_NOBODY, /* as if nobody had to ask */
    ASKED_END,    /* the way ends here: it is refused, or has to wait */
} Asked;

typedef Asked (*AskTable) (Way *way, DipSaid *ret_said);

/* --- Dips -------------------------------------------------------------------------------- */

/* A source knows numbers in their international form. */
static const char *
number_to_ask (Way *way)
{
    Decision *decision = way->decision;
    bool is_short = way->key[0] != '+' && *way->ingress->country != '\0';

    g_snprintf (decision->dip_number, sizeof decision->dip_number, "%s%s%s", is_short ? "+" : "",
                is_short ? way->ingress->country : "", way->key);
    return decision->dip_number;
}

static void
explain_answer (const Way *way, const char *step, const char *name, const DipAnswer *answer)
{
    static const char *const fallbacks[] = { "the table is asked", "the call goes on as it is",
                                             "the call is refused" };
    char how[64] = "kept from before";

    if (!answer->is_cached) {
        g_snprintf (how, sizeof how, "%.1f ms, not kept", (double) answer->took_us / 1000);
    }
    if (answer->result == TD_DIP_FAILED) {
        EXPLAIN (way->explanation, step, "dip \"%s\" was asked for %s and did not answer: %s: %s",
                 name, way->decision->dip_number, answer->error, fallbacks[answer->fallback]);
    } else if (answer->result == TD_DIP_NOT_FOUND) {
        EXPLAIN (way->explanation, step, "dip \"%s\" was asked for %s: it is not there (%s)", name,
                 way->decision->dip_number, how);
    } else {
        EXPLAIN (way->explanation, step,
                 "dip \"%s\" was asked for %s: number \"%s\", carrier "
                 "\"%s\" (%s)",
                 name, way->decision->dip_number, answer->said.number, answer->said.carrier, how);
    }
}

static Asked
fall_back (Way *way, const DipAnswer *answer, AskTable ask_table, DipSaid *ret_said)
{
    switch (answer->fallback) {
    case DIP_BY_TABLE:
        return ask_table (way, ret_said);
    case DIP_AS_IS:
        return ASKED_NOBODY;
    case DIP_REFUSE:
        break;
    }
    way_refuse (way, answer->cause, "");
    return ASKED_END;
}

/* Asks the dip that the ingress names, or the table. */
static Asked
ask (Way *way, TdDipKind kind, const char *step, AskTable ask_table, DipSaid *ret_said)
{
    const DecisionRequest *request = way->request;
    const char *name = way->ingress->dips[kind];
    DipAnswer answer = { .result = TD_DIP_FAILED, .error = "nobody asks here" };

    if (*name == '\0') {
        return ask_table (way, ret_said);
    }
    const char *number = number_to_ask (way);
    if (request->dip != NULL && !request->dip (kind, name, number, &answer, request->data)) {
        way->decision->verdict = DECISION_DIP;
        way->decision->dip = name;
        way->decision->dip_kind = kind;
        return ASKED_END;
    }
    explain_answer (way, step, name, &answer);
    if (answer.result == TD_DIP_FAILED) {
        return fall_back (way, &answer, ask_table, ret_said);
    }
    *ret_said = answer.said;
    return answer.result == TD_DIP_FOUND ? ASKED_FOUND : ASKED_NOT_FOUND;
}

/* --- Whose call it is -------------------------------------------------------------------- */

/* A call that says it is another carrier's is asked for by that one: neither for where its number is
 * served, nor for who carries it (RFC 4694 5.1). So it is, too, when a look-up has named that carrier:
 * the last but one asks. An ingress that belongs to nobody makes no difference between carriers. */
static bool
is_anothers (const Way *way)
{
    return *way->ingress->carrier != '\0'
           && strcmp (way->decision->carrier_text, way->ingress->carrier) != 0;
}

/* --- Toll-free --------------------------------------------------------------------------- */

static Asked
ask_toll_free_table (Way *way, DipSaid *ret_said)
{
    uint32_t index = td_prefix_table_find (way->tables->toll_free_of, way->key);

    if (index == TD_PREFIX_NO_VALUE) {
        EXPLAIN (way->explanation, "toll-free", "%s has no row", way->key);
        return ASKED_NOT_FOUND;
    }
    const TollFree *row = &g_array_index (way->tables->toll_frees, TollFree, index);
    EXPLAIN (way->explanation, "toll-free", "%s (line %u): carrier \"%s\", number \"%s\"", way->key,
             row->line, row->carrier, row->routing_number);
    g_strlcpy (ret_said->carrier, row->carrier, sizeof ret_said->carrier);
    return g_strlcpy (ret_said->number, row->routing_number, sizeof ret_said->number)
                   < sizeof ret_said->number
               ? ASKED_FOUND
               : ASKED_NOT_FOUND;
}

/* RFC 4694 5.2.2: the number that was found MUST replace the freephone number. It is written as the
 * freephone number was, unless it is an international one. */
static void
replace_called (Way *way, const char *number)
{
    Number *called = &way->decision->numbers.called;
    TdNature nature = (TdNature) called->nature;

    number_set (called, number, nature != TD_NATURE_INTERNATIONAL ? nature : TD_NATURE_UNKNOWN);
    way->is_replaced = true;
    EXPLAIN (way->explanation, "toll-free", "the called number is %s from here on", called->text);
}

bool
way_look_up_toll_free (Way *way)
{
    char text[TD_NUMBER_DIGITS];
    DipSaid said = { .number = "" };

    if (way->decision->type != CALL_TYPE_TOLL_FREE) {
        return true;
    }
    if (way->request->carrier != NULL && is_anothers (way)) {
        EXPLAIN (way->explanation, "toll-free", "carrier \"%s\" is to look it up",
                 way->decision->carrier_text);
        return true;
    }
    Asked asked = ask (way, TD_DIP_TOLL_FREE, "toll-free", ask_toll_free_table, &said);
    if (asked == ASKED_FOUND) {
        way_take_carrier (way, way_localise (way, said.carrier, NULL, text));
        if (said.number[0] != '\0') {
            replace_called (way, way_localise (way, said.number, NULL, text));
        }
    }
    return asked != ASKED_END;
}

/* --- Portability ------------------------------------------------------------------------- */

/* What was asked before holds for the number that came, and not for another in its place. */
static bool
was_dipped (const Way *way)
{
    return way->request->is_dipped
           && number_is_alike (way->request->called->digits, way->called->text);
}

static Asked
ask_ported_table (Way *way, DipSaid *ret_said)
{
    if (numbers_count (way->tables->ported) == 0) {
        return ASKED_NOBODY;
    }
    uint32_t value = numbers_find (way->tables->ported, way->key);
    const char *number =
        value != NUMBERS_NO_VALUE ? names_text (way->tables->routing_numbers, value) : "";
    EXPLAIN (way->explanation, "portability", "%s %s%s", way->key,
             *number != '\0' ? "is ported: routing number " : "is not ported", number);
    g_strlcpy (ret_said->number, number, sizeof ret_said->number);
    return *number != '\0' ? ASKED_FOUND : ASKED_NOT_FOUND;
}

/* ITU-T Q.850 2.2.7: 14, the number is ported; and 1, with which those answer that served it before and
 * know no better. */
static bool
is_release_cause (const Way *way)
{
    enum { QUERY_ON_RELEASE = 14 };
    uint32_t table = way->ingress->release_causes;
    unsigned cause = way->request->release_cause;

    return table != NAMES_NONE ? causes_says_next (way->tables->causes, table, cause)
                               : cause == TD_CAUSE_UNALLOCATED_NUMBER || cause == QUERY_ON_RELEASE;
}

/* Services have no number that could be ported, and of a freephone one it is asked who carries it. */
static bool
can_be_ported (const Way *way)
{
    switch (way->decision->type) {
    case CALL_TYPE_INTERNATIONAL:
    case CALL_TYPE_OPERATOR:
    case CALL_TYPE_SERVICE_N11:
    case CALL_TYPE_FEATURE:
        return false;
    case CALL_TYPE_TOLL_FREE:
        return way->is_replaced;
    default:
        return true;
    }
}

/* Whether it is for us to ask, and now. */
static bool
has_to_ask (const Way *way)
{
    if (!can_be_ported (way) || is_anothers (way)) {
        EXPLAIN (way->explanation, "portability", "not ours to dip");
        return false;
    }
    if (!way->ingress->is_on_release) {
        return true;
    }
    if (!way->request->is_released) {
        EXPLAIN (way->explanation, "portability", "is looked up when the call has failed");
        return false;
    }
    if (!is_release_cause (way)) {
        EXPLAIN (way->explanation, "portability", "cause %u does not ask for it",
                 way->request->release_cause);
        return false;
    }
    return true;
}

/* RET_NUMBER becomes the routing number, "" where there is none. False: the way ends. */
static bool
find_routing_number (Way *way, char ret_number[TD_NUMBER_DIGITS])
{
    char text[TD_NUMBER_DIGITS];
    const char *number = NULL;
    DipSaid said = { .number = "" };

    if (way->decision->is_dipped) {
        number =
            way_localise (way, way->request->routing_number, way->request->routing_context, text);
        EXPLAIN (way->explanation, "portability", "was dipped before: routing number \"%s\"",
                 number != NULL ? number : "");
    } else if (has_to_ask (way)) {
        Asked asked = ask (way, TD_DIP_PORTABILITY, "portability", ask_ported_table, &said);
        if (asked == ASKED_END) {
            return false;
        }
        way->decision->is_dipped = asked != ASKED_NOBODY;
        way->decision->is_queried = way->ingress->is_on_release;
        if (asked == ASKED_FOUND) {
            number = way_localise (way, said.number, NULL, text);
            if (said.carrier[0] != '\0') {
                char carrier[TD_NUMBER_DIGITS];
                way_take_carrier (way, way_localise (way, said.carrier, NULL, carrier));
            }
        }
    }
    g_strlcpy (ret_number, number != NULL ? number : "", TD_NUMBER_DIGITS);
    return true;
}

bool
way_look_up_portability (Way *way)
{
    char number[TD_NUMBER_DIGITS];

    way->decision->is_dipped = was_dipped (way);
    if (way->key[0] == '\0') {
        return true;
    }
    if (!find_routing_number (way, number)) {
        return false;
    }
    if (number[0] != '\0' && way_has_status (way_code_of (way, number), CODE_OWN)) {
        EXPLAIN (way->explanation, "portability", "routing number %s is our own: %s is served here",
                 number, way->key);
    } else if (number[0] != '\0') {
        g_strlcpy (way->decision->routing_text, number, sizeof way->decision->routing_text);
        way->key = way->decision->routing_number;
    } else if (way_has_status (way_code_of (way, way->key), CODE_VACANT)) {
        EXPLAIN (way->explanation, "portability", "the code of %s is vacant", way->key);
        return way_refuse (way, TD_CAUSE_UNALLOCATED_NUMBER, "");
    }
    return true;
}
