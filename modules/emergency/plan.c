/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which PSAPs a call goes to, one after the other. */

#include "plan.h"

#include <string.h>

enum { WITHIN_MS = 3600000 }; /* as long as the caller stays: nobody gives up for him */

typedef struct {
    const PlanQuestion *question;
    Plan *plan;
    unsigned n_groups;
} Planning;

/* How far PSAP is meant for SERVICE: the length of the URN of its that SERVICE is below, 1 when it takes
 * all, 0: not at all. So an unknown sub-service goes where its parent goes (RFC 5031 3). */
static size_t
fitness (const Psap *psap, const char *service)
{
    size_t best = psap->services[0] == NULL ? 1 : 0;

    for (char **one = psap->services; *one != NULL; one++) {
        if (urn_is_below (service, *one)) {
            best = MAX (best, strlen (*one));
        }
    }
    return best;
}

static bool
is_there (const TdRouteList *routes, const TdTarget *target)
{
    for (unsigned i = 0; i < td_route_list_length (routes); i++) {
        const TdTarget *other = td_route_list_target (routes, i);
        if (g_strcmp0 (other->trunk, target->trunk) == 0
            && g_strcmp0 (other->address, target->address) == 0
            && g_strcmp0 (other->number, target->number) == 0) {
            return true;
        }
    }
    return false;
}

static void
add_target (Planning *planning, TdTarget *target, const char *psap)
{
    target->size = sizeof *target;
    target->group = planning->n_groups;
    if (is_there (planning->plan->routes, target)
        || !td_route_list_add (planning->plan->routes, target)) {
        return;
    }
    if (planning->n_groups++ == 0) {
        planning->plan->psap = psap;
    }
}

/* What PSAP is shown as the caller's number: one that stands for the call, one to call back, or NULL: his
 * own. */
static const char *
number_to_show (Planning *planning, const Psap *psap)
{
    const PlanQuestion *question = planning->question;
    const char *callback = question->place != NULL ? question->place->callback : NULL;

    if (psap == NULL || psap->keys[0] == NULL || question->call == TD_ID_NONE) {
        return callback;
    }
    const char *key =
        keys_take (question->keys, psap->keys, question->call, question->calling, question->now_us);
    planning->plan->has_key |= key != NULL;
    return key != NULL ? key : callback;
}

static void
add_psap (Planning *planning, const Psap *psap)
{
    const char *number = psap->sends_urn ? planning->question->service : psap->number;
    const char *calling = number_to_show (planning, psap);

    for (char **trunk = psap->trunks; *trunk != NULL; trunk++) {
        TdTarget target = { .trunk = *trunk,
                            .number = number,
                            .calling = calling,
                            .no_answer_ms = psap->no_answer_ms };
        add_target (planning, &target, psap->name);
    }
}

/* Those of LIST that are meant for the service, the ones meant for nothing else first. */
static void
add_list (Planning *planning, const PsapList *list)
{
    const char *service = planning->question->service;

    for (size_t rank = strlen (service); rank > 0; rank--) {
        for (unsigned i = 0; i < list->len; i++) {
            if (fitness (list->pdata[i], service) == rank) {
                add_psap (planning, list->pdata[i]);
            }
        }
    }
}

/* RFC 6443 8: the URI is where the call goes, the service what it asks for. */
static void
add_uri (Planning *planning, const char *uri)
{
    const PlanQuestion *question = planning->question;
    const Psap *psap = settings_psap_of_uri (question->settings, uri);

    if (psap != NULL) {
        add_psap (planning, psap);
    } else if (question->settings->lost_trunk != NULL) {
        TdTarget target = { .trunk = question->settings->lost_trunk,
                            .address = uri,
                            .number = question->service,
                            .calling = number_to_show (planning, NULL) };
        add_target (planning, &target, uri);
    }
}

/* Any failure is worth another PSAP. */
static void
set_rules (TdRouteList *routes)
{
    TdHuntRules rules = { .size = sizeof rules,
                          .max_attempts = UINT32_MAX,
                          .within_ms = WITHIN_MS,
                          .has_causes = true,
                          .causes = { UINT64_MAX, UINT64_MAX } };

    td_route_list_set_rules (routes, &rules);
}

void
plan_make (const PlanQuestion *question, Plan *ret)
{
    Planning planning = { .question = question, .plan = ret };

    *ret = (Plan){ .routes = td_route_list_new ("emergency") };
    for (unsigned i = 0; question->uris != NULL && question->uris[i] != NULL; i++) {
        add_uri (&planning, question->uris[i]);
    }
    if (question->place != NULL) {
        add_list (&planning, question->place->psaps);
    }
    if (question->region != NULL) {
        add_list (&planning, question->region->psaps);
    }
    add_list (&planning, question->settings->fallback);
    for (unsigned i = 0; i < question->settings->fallback->len; i++) {
        add_psap (&planning, question->settings->fallback->pdata[i]);
    }
    set_rules (ret->routes);
}

TdRouteList *
plan_test (const Psap *psap, const char *service)
{
    TdRouteList *routes = td_route_list_new ("emergency-test");

    for (unsigned i = 0; psap->trunks[i] != NULL; i++) {
        td_route_list_add (routes, &(TdTarget){ .size = sizeof (TdTarget),
                                                .group = i,
                                                .trunk = psap->trunks[i],
                                                .number = service,
                                                .no_answer_ms = psap->no_answer_ms });
    }
    return routes;
}
