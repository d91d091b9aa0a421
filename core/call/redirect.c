/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A called leg whose peer would have the call elsewhere, before anybody has answered.
 *
 *     group fails, one of it redirected --> routing, for the first of those it named --> hunting
 *                                              | refused, no route       fails: the next one |
 *                                              +--> the next one <---------------------------+
 *                                                     none is left: what the list had behind the group
 *
 * It is the same call: who calls, the class, the account and all attributes stay, and the route hooks are asked
 * whether it may go there, as if the caller had dialled it (RFC 3261 8.1.3.4 leaves the choice among them to us).
 * Those named last are called first, with what they name in their turn.
 */

#include "call/call.h"

#include <string.h>
#include <tandem/log.h>

/* Where the call may still go. */
typedef struct {
    TdParty called;
    char *trunk;       /* the only one that may be taken; nullable */
    char *parameters;  /* behind the number; nullable */
    TdRouteList *rest; /* what is left of the list that was hunted; NULL: CALLED is to be routed */
    TdAttributes *attributes; /* of REST: what the call had then */
} Way;

struct TdRedirects {
    GQueue fresh;     /* Way, of legs of the group that is hunted */
    GQueue ways;      /* Way, the first to be tried first */
    GHashTable *seen; /* each URI once: RFC 3261 8.1.3.4 */
    Way *asked;       /* the route hooks are, about it; NULL: they are not */
    unsigned n_asked, n_followed;
    char *original;
};

static void
way_free (void *data)
{
    Way *way = data;

    if (way != NULL) {
        td_route_list_free (way->rest);
        td_attributes_free (way->attributes);
        g_free (way->trunk);
        g_free (way->parameters);
        g_free (way);
    }
}

static void
clear (TdRedirects *redirects)
{
    g_queue_clear_full (&redirects->fresh, way_free);
    g_queue_clear_full (&redirects->ways, way_free);
    g_clear_pointer (&redirects->asked, way_free);
}

void
td_redirects_free (TdRedirects *redirects)
{
    if (redirects != NULL) {
        clear (redirects);
        g_hash_table_unref (redirects->seen);
        g_free (redirects->original);
        g_free (redirects);
    }
}

void
td_redirect_stop (TdCall *call)
{
    if (call->redirects != NULL) {
        clear (call->redirects);
    }
}

unsigned
td_redirect_count (const TdCall *call)
{
    return call->redirects != NULL ? call->redirects->n_followed : 0;
}

const char *
td_redirect_original (const TdCall *call)
{
    return td_redirect_count (call) > 0 ? call->redirects->original : NULL;
}

/* --- Who is named ------------------------------------------------------------------------ */

static const TdAttribute *
user_parameters (void)
{
    return td_attribute_find (TD_ATTRIBUTE_USER_PARAMETERS);
}

static const char *
parameters_of (const TdAttributes *attributes)
{
    const TdAttribute *attribute = user_parameters ();

    return attribute != NULL ? td_attributes_text (attributes, attribute, 0) : NULL;
}

/* Whether it has not been seen before. */
static bool
see (TdRedirects *redirects, const TdParty *called, const char *trunk, const char *parameters)
{
    return g_hash_table_add (redirects->seen,
                             g_strdup_printf ("%s\t%s\t%s", td_party_key (called),
                                              trunk != NULL ? trunk : "",
                                              parameters != NULL ? parameters : ""));
}

/* TEXT is as TD_ATTRIBUTE_REDIRECTION has it; NULL when it names nobody. */
static Way *
read_way (const TdCall *call, const char *text)
{
    g_auto (GStrv) fields = g_strsplit (text, "\t", 3);
    unsigned n = g_strv_length (fields);
    TdParty called;

    if (n == 0 || *fields[0] == '\0'
        || !td_party_from_user (&called, fields[0], call->called.host)) {
        return NULL;
    }
    Way *way = g_new0 (Way, 1);
    way->called = called;
    way->trunk = n > 1 && *fields[1] != '\0' ? g_strdup (fields[1]) : NULL;
    way->parameters = n > 2 && *fields[2] != '\0' ? g_strdup (fields[2]) : NULL;
    return way;
}

/* What has been tried when LEG redirects: the number as we have it, and as its trunk got it. */
static void
see_tried (TdCall *call, const TdChannel *leg)
{
    TdRedirects *redirects = call->redirects;
    const char *trunk = td_channel_trunk (leg);
    const char *parameters = parameters_of (call->attributes);

    see (redirects, &call->called, NULL, NULL);
    see (redirects, &call->called, NULL, parameters);
    see (redirects, &call->called, trunk, NULL);
    see (redirects, &call->called, trunk, parameters);
    see (redirects, &leg->called, trunk, NULL);
    see (redirects, &leg->called, trunk, parameters_of (leg->attributes));
}

static TdRedirects *
redirects_new (void)
{
    TdRedirects *redirects = g_new0 (TdRedirects, 1);

    g_queue_init (&redirects->fresh);
    g_queue_init (&redirects->ways);
    redirects->seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    return redirects;
}

void
td_redirect_take (TdCall *call, const TdChannel *leg)
{
    const TdAttribute *attribute = td_attribute_find (TD_ATTRIBUTE_REDIRECTION);
    const char *text =
        attribute != NULL ? td_attributes_text (leg->attributes, attribute, 0) : NULL;

    if (text == NULL || call->failure.is_treated || call->settings->max_redirects == 0) {
        return;
    }
    if (call->redirects == NULL) {
        call->redirects = redirects_new ();
    }
    see_tried (call, leg);
    for (unsigned i = 1; text != NULL; i++) {
        Way *way = read_way (call, text);
        if (way != NULL) {
            g_queue_push_tail (&call->redirects->fresh, way);
        }
        text = td_attributes_text (leg->attributes, attribute, i);
    }
}

/* --- Going there ------------------------------------------------------------------------- */

/* Whom WAY names is called from now on. */
static void
call_instead (TdCall *call, const Way *way)
{
    const TdAttribute *attribute = user_parameters ();

    call->called = way->called;
    call->called.is_complete = true;
    if (attribute != NULL) {
        td_attributes_set_text (call->attributes, attribute, way->parameters);
    }
}

/* Has the call routed WAY (transfer full); false when that may not be. */
static bool
ask_about (TdCall *call, Way *way)
{
    TdRedirects *redirects = call->redirects;

    if (redirects->n_asked >= call->settings->max_redirects
        || !see (redirects, &way->called, way->trunk, way->parameters)) {
        way_free (way);
        return false;
    }
    if (redirects->original == NULL) {
        redirects->original = g_strdup (td_party_key (&call->called));
    }
    redirects->n_asked++;
    redirects->asked = way;
    call_instead (call, way);
    if (td_fsm_state (&call->fsm) != TD_CALL_ROUTING) {
        td_fsm_enter (&call->fsm, TD_CALL_ROUTING);
    } else {
        td_hook_run_start (&call->hook, "route");
    }
    return true;
}

/* Goes on with what is left of the list of WAY (transfer full), as long as what came of those who were named in
 * between is worth another try. What was found out about their numbers is not about this one. */
static bool
resume (TdCall *call, Way *way)
{
    bool is_worth_it = call->may_try_next;

    if (is_worth_it) {
        call->called = way->called;
        td_attributes_free (call->attributes);
        call->attributes = g_steal_pointer (&way->attributes);
        td_hunt_begin (call, g_steal_pointer (&way->rest));
    }
    way_free (way);
    return is_worth_it;
}

/* 6xx: nobody else needs to be asked (RFC 3261 21.6). */
static bool
is_last_word (const TdCause *cause)
{
    return cause->space == TD_CODE_SIP && cause->code >= 600;
}

bool
td_redirect_go_on (TdCall *call)
{
    TdRedirects *redirects = call->redirects;
    Way *way;

    if (redirects == NULL) {
        return false;
    }
    if (is_last_word (&call->cause) || !td_call_may_be_handed_on (call)) {
        clear (redirects);
    }
    while ((way = g_queue_pop_head (&redirects->ways)) != NULL) {
        if (way->rest != NULL ? resume (call, way) : ask_about (call, way)) {
            return true;
        }
    }
    return false;
}

/* Who called for help is not sent to somebody else (RFC 6443 13). */
static void
tell_kept (TdCall *call)
{
    char text[TD_ID_TEXT_SIZE];

    td_log_peer (
        NULL, "call.redirected-help", td_id_print (call->id, text), NULL,
        "the call is for help: that it is redirected is not followed, the next target is tried");
}

static void
keep_rest (TdCall *call)
{
    TdRouteList *rest = td_route_list_part (call->routes, call->next_target, NULL);

    if (td_route_list_length (rest) == 0) {
        td_route_list_free (rest);
        return;
    }
    Way *way = g_new0 (Way, 1);
    way->called = call->called;
    way->attributes = td_attributes_copy (call->attributes);
    way->rest = rest;
    g_queue_push_head (&call->redirects->ways, way);
}

bool
td_redirect_begin (TdCall *call)
{
    TdRedirects *redirects = call->redirects;
    Way *way;

    if (redirects == NULL || g_queue_is_empty (&redirects->fresh)) {
        return false;
    }
    if (!td_call_may_be_handed_on (call)) {
        tell_kept (call);
        clear (redirects);
        return false;
    }
    keep_rest (call);
    while ((way = g_queue_pop_tail (&redirects->fresh)) != NULL) {
        g_queue_push_head (&redirects->ways, way);
    }
    /* That the group has no more targets is known; what they failed for decides as if nobody were named. */
    call->next_target = td_route_list_length (call->routes);
    return td_redirect_go_on (call);
}

/* --- What routing says ------------------------------------------------------------------- */

bool
td_redirect_is_asking (const TdCall *call)
{
    return call->redirects != NULL && call->redirects->asked != NULL;
}

/* Where WAY may go: what the routing allows, and of that only the trunk that it names. Empty: nowhere, for
 * RET_CAUSE. */
static TdRouteList *
allowed_routes (const Way *way, const TdHookAnswer *answer, TdCause *ret_cause)
{
    g_autoptr (TdRouteList) list = answer->verdict == TD_HOOK_DONE ? answer->payload : NULL;

    if (answer->verdict == TD_HOOK_REFUSE) {
        *ret_cause =
            td_cause (answer->cause != 0 ? answer->cause : TD_CAUSE_CALL_REJECTED, answer->reason);
    } else {
        *ret_cause = td_cause (TD_CAUSE_NO_ROUTE_TO_DESTINATION, NULL);
    }
    if (list == NULL) {
        return td_route_list_new (NULL);
    }
    return way->trunk != NULL ? td_route_list_part (list, 0, way->trunk) : g_steal_pointer (&list);
}

/* What a peer has said tells the caller more than that we do not go where another one wants. */
static void
keep_refusal (TdCall *call, const TdCause *refusal)
{
    if (call->cause.value == TD_CAUSE_NONE || call->cause.value == TD_CAUSE_REDIRECTION) {
        call->cause = *refusal;
    }
}

void
td_redirect_take_routes (TdCall *call, const TdHookAnswer *answer)
{
    TdRedirects *redirects = call->redirects;
    Way *way = g_steal_pointer (&redirects->asked);
    TdCause cause;
    TdRouteList *routes = allowed_routes (way, answer, &cause);

    way_free (way);
    if (td_route_list_length (routes) > 0) {
        redirects->n_followed++;
        td_hunt_begin (call, routes);
        return;
    }
    td_route_list_free (routes);
    keep_refusal (call, &cause);
    if (!td_redirect_go_on (call)) {
        cause = call->cause;
        call->failure.is_final = !td_cause_is_try_next (cause.value);
        td_call_fail (call, &cause, "called", g_steal_pointer (&call->returned));
    }
}
