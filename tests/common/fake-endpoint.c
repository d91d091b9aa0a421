/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An endpoint that does what the test says. */

#include "common/fake-endpoint.h"

#include <stdlib.h>
#include <string.h>

static FakeEndpoint *endpoint; /* the driver's verbs know no other way to it */

/* A leg's data is its name. */
static const char *
name_of (TdChannel *channel)
{
    return td_channel_data (channel);
}

/* The first attribute line tells descriptions apart: "a=X" is written as "<X>". */
static void
log_verb (TdChannel *channel, const char *verb, TdDescription *description)
{
    g_string_append_printf (endpoint->log, "%s:%s", name_of (channel), verb);
    if (description != NULL && description->n_streams > 0) {
        const TdStream *stream = &description->streams[0];
        const char *label = stream->lines != NULL && stream->lines[0] != NULL
                                ? stream->lines[0] + strlen ("a=")
                                : "-";
        g_string_append_printf (endpoint->log, "<%s>", label);
    }
    g_string_append_c (endpoint->log, ' ');
}

static void
add_leg (const char *name, TdChannel *channel)
{
    TdId *id = g_new (TdId, 1);

    *id = td_channel_id (channel);
    g_hash_table_insert (endpoint->legs, g_strdup (name), id);
}

static void
originate (TdChannel *channel)
{
    const char *target = td_channel_target (channel);
    target += g_str_has_prefix (target, "fake:") ? strlen ("fake:") : 0;
    g_auto (GStrv) parts = g_strsplit (target, "=", 2);

    td_channel_set_data (channel, g_strdup (parts[0]));
    add_leg (parts[0], channel);
    log_verb (channel, "originate", td_channel_offer (channel));
    if (parts[1] != NULL) {
        TdCause cause = td_cause ((unsigned) atoi (parts[1]), NULL);
        td_channel_released (channel, &cause);
    }
}

static void
ring (TdChannel *channel, TdDescription *description)
{
    log_verb (channel, "ring", description);
}

static void
progress (TdChannel *channel, TdDescription *description)
{
    log_verb (channel, "progress", description);
}

static void
answer (TdChannel *channel, TdDescription *description)
{
    log_verb (channel, "answer", description);
}

static void
offer (TdChannel *channel, TdDescription *description)
{
    log_verb (channel, description != NULL ? "offer" : "ask-offer", description);
}

static void
accept_offer (TdChannel *channel, TdDescription *description)
{
    log_verb (channel, "accept", description);
}

static void
refuse (TdChannel *channel, const TdCause *cause)
{
    g_string_append_printf (endpoint->log, "%s:refuse(%u) ", name_of (channel), cause->value);
}

static void
digit (TdChannel *channel, char sent, uint32_t duration_ms)
{
    g_string_append_printf (endpoint->log, "%s:digit(%c,%u) ", name_of (channel), sent,
                            duration_ms);
}

static void
release (TdChannel *channel, const TdCause *cause)
{
    g_string_append_printf (endpoint->log, "%s:release(%u) ", name_of (channel), cause->value);
    if (endpoint->is_quick) {
        td_channel_released (channel, cause);
    }
}

static void
preempt (TdChannel *channel, const TdCause *cause)
{
    g_string_append_printf (endpoint->log, "%s:preempt(%u) ", name_of (channel), cause->value);
    if (endpoint->is_quick) {
        td_channel_released (channel, cause);
    }
}

static void
queued (TdChannel *channel)
{
    log_verb (channel, "queued", NULL);
}

static const TdChannelDriver driver = {
    .size = sizeof (TdChannelDriver),
    .name = "fake",
    .originate = originate,
    .ring = ring,
    .progress = progress,
    .answer = answer,
    .offer = offer,
    .accept = accept_offer,
    .refuse = refuse,
    .digit = digit,
    .release = release,
    .preempt = preempt,
    .queued = queued,
    .freed = g_free,
};

/* --- Routing ----------------------------------------------------------------------------- */

static void
add_group (TdRouteList *list, unsigned group, const char *targets)
{
    g_auto (GStrv) names = g_strsplit (targets, " ", -1);

    for (char **name = names; *name != NULL; name++) {
        bool is_trunk = **name == '@';
        td_route_list_add (list, &(TdTarget){ .size = sizeof (TdTarget),
                                              .group = group,
                                              .driver = is_trunk ? NULL : "fake",
                                              .trunk = is_trunk ? *name + 1 : NULL,
                                              .address = is_trunk ? NULL : *name,
                                              .calling = endpoint->calling,
                                              .no_answer_ms = endpoint->no_answer_ms,
                                              .is_media_through = endpoint->is_through });
    }
}

static TdHookAnswer
route (void *subject, TdToken *token, void *data)
{
    const TdParty *called = td_call_called (subject);

    if (endpoint->routes == NULL) {
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    if (strlen (called->digits) < endpoint->min_digits) {
        return (TdHookAnswer){ .verdict = TD_HOOK_MORE_DIGITS };
    }
    g_auto (GStrv) groups = g_strsplit (endpoint->routes, ";", -1);
    TdRouteList *list = td_route_list_new ("test");
    for (unsigned i = 0; groups[i] != NULL; i++) {
        add_group (list, i, groups[i]);
    }
    endpoint->rules.size = sizeof (TdHuntRules);
    td_route_list_set_rules (list, &endpoint->rules);
    return (TdHookAnswer){ .verdict = TD_HOOK_DONE, .payload = list };
}

FakeEndpoint *
fake_endpoint_new (TdFixture *fixture)
{
    g_autoptr (GError) error = NULL;

    endpoint = g_new0 (FakeEndpoint, 1);
    endpoint->log = g_string_new (NULL);
    endpoint->legs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    endpoint->caller = "a";
    endpoint->is_quick = true;
    endpoint->is_through = true;
    td_channel_driver_register (NULL, &driver, &error);
    g_assert_no_error (error);
    td_hook_add (NULL, "route",
                 &(TdHook){ .size = sizeof (TdHook), .name = "fake.route", .ask = route }, &error);
    g_assert_no_error (error);
    return endpoint;
}

void
fake_endpoint_free (FakeEndpoint *given)
{
    g_string_free (given->log, true);
    g_hash_table_unref (given->legs);
    g_free (given->routes);
    g_clear_pointer (&endpoint, g_free);
}

/* --- What the test does ------------------------------------------------------------------ */

typedef struct {
    const char *name, *text;
    FakeEvent event;
    const char *state;
    bool is_there;
} Act;

static TdDescription *
parse (const char *sdp)
{
    g_autoptr (GError) error = NULL;
    TdDescription *description =
        sdp != NULL ? td_description_from_sdp (sdp, strlen (sdp), &error) : NULL;

    g_assert_no_error (error);
    return description;
}

static TdChannel *
find (const char *name)
{
    TdId *id = g_hash_table_lookup (endpoint->legs, name);

    return id != NULL ? td_channel_find (*id) : NULL;
}

static void
do_call (void *data)
{
    Act *act = data;
    g_autoptr (TdDescription) description = parse (act->text);
    TdChannel *channel = td_channel_new (NULL, "fake", g_strdup (endpoint->caller));

    g_assert_nonnull (channel);
    add_leg (endpoint->caller, channel);
    g_assert_true (td_party_from_number (td_channel_calling (channel),
                                         endpoint->number != NULL ? endpoint->number : "5550100"));
    if (*act->name != '\0') {
        TdParty *called = td_channel_called (channel); /* a number, or a name such as a URN */
        g_assert_true (td_party_from_number (called, act->name)
                       || td_party_from_user (called, act->name, ""));
    }
    td_channel_called (channel)->is_complete = endpoint->min_digits == 0;
    if (endpoint->trunk != NULL) {
        td_channel_set_trunk (channel, endpoint->trunk);
    }
    td_attributes_set_text (
        td_channel_attributes (channel),
        td_attribute_declare (NULL, TD_ATTRIBUTE_SOURCE, TD_ATTRIBUTE_TEXT, 0, "", NULL),
        endpoint->source);
    td_channel_offer_call (channel, description);
}

void
fake_call (FakeEndpoint *given, TdFixture *fixture, const char *called, const char *offered)
{
    td_fixture_on (fixture, given->lane, do_call, &(Act){ .name = called, .text = offered });
}

static void
redirect (TdChannel *channel, const char *text)
{
    const TdAttribute *redirection = td_attribute_declare (
        NULL, TD_ATTRIBUTE_REDIRECTION, TD_ATTRIBUTE_TEXT, TD_ATTRIBUTE_MANY, "", NULL);
    TdCause cause = td_cause (TD_CAUSE_REDIRECTION, NULL);
    g_auto (GStrv) ways = g_strsplit (text, " ", -1);

    for (char **way = ways; *way != NULL; way++) {
        td_attributes_add_text (td_channel_attributes (channel), redirection, *way);
    }
    td_channel_released (channel, &cause);
}

static void
do_say (void *data)
{
    Act *act = data;
    TdChannel *channel = find (act->name);
    bool has_sdp = act->text != NULL && g_str_has_prefix (act->text, "v=");
    g_autoptr (TdDescription) description = has_sdp ? parse (act->text) : NULL;
    TdCause cause =
        td_cause (act->text != NULL && !has_sdp ? (unsigned) atoi (act->text) : 16, NULL);

    g_assert_nonnull (channel);
    switch (act->event) {
    case FAKE_PROCEEDING:
        td_channel_proceeding (channel);
        break;
    case FAKE_RING:
        td_channel_ringing (channel, 0, description);
        break;
    case FAKE_PROGRESS:
        td_channel_progressed (channel, 0, description);
        break;
    case FAKE_ANSWER:
        td_channel_answered (channel, 0, description);
        break;
    case FAKE_OFFER:
        td_channel_offered (channel, description);
        break;
    case FAKE_OFFER_ANSWERED:
        td_channel_offer_answered (channel, description);
        break;
    case FAKE_OFFER_REFUSED:
        td_channel_offer_refused (channel, &cause);
        break;
    case FAKE_DIGIT:
        td_channel_digit (channel, act->text[0], 100);
        break;
    case FAKE_MORE_DIGITS:
    case FAKE_LAST_DIGITS:
        td_channel_more_digits (channel, act->text, act->event == FAKE_LAST_DIGITS);
        break;
    case FAKE_TRANSFER:
        td_channel_transferred (channel, act->text);
        break;
    case FAKE_REDIRECT:
        redirect (channel, act->text);
        break;
    case FAKE_RELEASE:
        td_channel_released (channel, &cause);
        break;
    }
}

void
fake_say (FakeEndpoint *given, TdFixture *fixture, const char *name, FakeEvent event,
          const char *text)
{
    td_fixture_on (fixture, given->lane, do_say,
                   &(Act){ .name = name, .text = text, .event = event });
}

static void
do_look (void *data)
{
    Act *act = data;
    TdChannel *channel = find (act->name);
    TdCall *call = channel != NULL ? td_channel_call (channel) : NULL;

    act->is_there = channel != NULL && td_channel_state (channel) != TD_CHANNEL_RELEASED;
    act->state = call != NULL ? td_call_state_name (call) : "";
}

bool
fake_is_there (FakeEndpoint *given, TdFixture *fixture, const char *name)
{
    Act act = { .name = name };

    td_fixture_on (fixture, given->lane, do_look, &act);
    return act.is_there;
}

const char *
fake_call_state (FakeEndpoint *given, TdFixture *fixture, const char *name)
{
    Act act = { .name = name };

    td_fixture_on (fixture, given->lane, do_look, &act);
    return act.state;
}
