/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A leg's machine: every event at every state, in calls of a real core on a wire that loses all. */

#include "common/fake-endpoint.h"
#include "common/machines.h"
#include "leg.h"

#include <string.h>
#include <tandem/hook.h>

#define SDP                                                                                        \
    "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"              \
    "m=audio 4000 RTP/AVP 0\r\n"
#define INVITE                                                                                     \
    "INVITE sip:123@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKx\r\n"         \
    "From: <sip:a@a.example>;tag=1\r\nTo: <sip:123@127.0.0.1>\r\nCall-ID: c@a\r\nCSeq: 7 INVITE"   \
    "\r\nContact: <sip:a@127.0.0.1:9>\r\nContent-Length: 0\r\n\r\n"
#define ACK                                                                                        \
    "ACK sip:123@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKy\r\n"            \
    "From: <sip:a@a.example>;tag=1\r\nTo: <sip:123@127.0.0.1>;tag=2\r\nCall-ID: c@a\r\n"           \
    "CSeq: 7 ACK\r\nContent-Length: 0\r\n\r\n"
#define RESPONSE                                                                                   \
    "SIP/2.0 %u x\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=%s\r\nFrom: <sip:a@a.example>;tag=1\r\n"    \
    "To: <sip:b@127.0.0.1>;tag=2\r\nCall-ID: c@a\r\nCSeq: 1 INVITE\r\n"                            \
    "Contact: <sip:b@127.0.0.1:9>\r\nContent-Type: application/sdp\r\n"                            \
    "Content-Length: %zu\r\n\r\n" SDP

enum { LONG_ENOUGH_MS = 300000 };

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
    TdModule module;
    Sip sip;
    unsigned state;
    TdToken *token; /* an incoming call is kept before its admission */
    TdId call, channel;
} LegWorld;

static LegWorld *here;

static SipLane *
lane (void)
{
    return &here->sip.lanes[0];
}

static SipLeg *
leg (void)
{
    return (SipLeg *) sip_table_any (&lane ()->legs);
}

/* --- The world --------------------------------------------------------------------------- */

static bool
lose (SipPath *path, const char *bytes, size_t len_bytes, void *data)
{
    return true;
}

static const TdAttribute *
declare (const char *name, TdAttributeType type)
{
    g_autoptr (GError) error = NULL;
    const TdAttribute *attribute = td_attribute_declare (&here->module, name, type, 0, "-", &error);

    g_assert_no_error (error);
    return attribute;
}

static void
open_sip (void)
{
    Sip *sip = &here->sip;
    g_autoptr (GError) error = NULL;

    td_owner_init (&here->module.owner, "sip");
    here->module.state = sip;
    sip->module = &here->module;
    sip->timers = sip_timers_default;
    sip->user_agent = (char *) "";
    sip->overload = sip_overload_new ();
    sip->other_headers = declare ("sip.other-headers", TD_ATTRIBUTE_TEXT);
    sip->max_forwards = declare ("sip.max-forwards", TD_ATTRIBUTE_NUMBER);
    sip->user_parameters = declare ("sip.user-parameters", TD_ATTRIBUTE_TEXT);
    sip->category = declare ("party.category", TD_ATTRIBUTE_TEXT);
    sip->line_information = declare ("party.line-information", TD_ATTRIBUTE_TEXT);
    sip->parts = declare ("sip.parts", TD_ATTRIBUTE_BYTES);
    sip->shown = declare (TD_ATTRIBUTE_SHOWN, TD_ATTRIBUTE_NUMBER);
    sip->retry_after = declare ("call.retry-after", TD_ATTRIBUTE_NUMBER);
    sip->is_sips = declare ("sip.sips", TD_ATTRIBUTE_NUMBER);
    sip->answer_lines = declare (TD_ATTRIBUTE_ANSWER_LINES, TD_ATTRIBUTE_TEXT);
    sip->source = declare (TD_ATTRIBUTE_SOURCE, TD_ATTRIBUTE_TEXT);
    sip->marks = declare ("sip.header.resource-priority", TD_ATTRIBUTE_TEXT);
    sip->trunks = td_snapshot_new (&here->module, "sip.trunks", &sip_trunks_new_none ()->table);
    sip->n_listeners = 1;
    sip->listeners[0] = (SipListener){ .sip = sip,
                                       .transport = TD_TRANSPORT_UDP,
                                       .host = "127.0.0.1:5060",
                                       .contact = "<sip:127.0.0.1>" };
    g_assert_true (td_address_parse ("127.0.0.1", 5060, &sip->listeners[0].address));
    sip->n_lanes = td_lane_count ();
    sip->lanes = g_new0 (SipLane, sip->n_lanes);
    for (unsigned i = 0; i < sip->n_lanes; i++) {
        sip->lanes[i].sip = sip;
        sip_stack_init (&sip->lanes[i].stack, sip->module, i, &sip->timers, 12345);
        sip->lanes[i].stack.send = lose;
        sip_table_init (&sip->lanes[i].legs);
    }
    td_machine_register (&here->module, &sip_leg_machine);
    td_channel_driver_register (&here->module, &sip_channel_driver, &error);
    g_assert_no_error (error);
}

static void
close_sip (void)
{
    g_assert_cmpuint (atomic_load (&here->sip.n_legs), ==, 0);
    for (unsigned i = 0; i < here->sip.n_lanes; i++) {
        sip_stack_clear (&here->sip.lanes[i].stack);
        sip_table_clear (&here->sip.lanes[i].legs);
    }
    td_owner_revoke_all (&here->module.owner, NULL, NULL);
}

static TdHookAnswer
admit (void *call, TdToken *token, void *data)
{
    here->call = td_call_id (call);
    if (g_str_equal (td_channel_driver_name (td_call_incoming (call)), "fake")) {
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    here->token = td_token_take (token, NULL);
    return (TdHookAnswer){ .verdict = TD_HOOK_LATER };
}

static TdHookAnswer
route (void *call, TdToken *token, void *data)
{
    TdRouteList *list = td_route_list_new ("test");

    td_route_list_add (list, &(TdTarget){ .size = sizeof (TdTarget),
                                          .driver = "sip",
                                          .address = "sip:b@127.0.0.1:9",
                                          .is_media_through = true });
    return (TdHookAnswer){ .verdict = TD_HOOK_DONE, .payload = list };
}

static void
add_hooks (void)
{
    g_autoptr (GError) error = NULL;

    td_hook_add (
        NULL, "admit",
        &(TdHook){
            .size = sizeof (TdHook), .name = "test.admit", .deadline_ms = 60000, .ask = admit },
        &error);
    g_assert_no_error (error);
    td_hook_add (NULL, "route",
                 &(TdHook){ .size = sizeof (TdHook), .name = "test.route", .ask = route }, &error);
    g_assert_no_error (error);
}

/* --- To a state -------------------------------------------------------------------------- */

/* No call has it: it was made, and its peer's address is not known yet. */
static void
make_alone (void *data)
{
    TdChannel *channel = td_channel_new (&here->module, "sip", NULL);
    SipLeg *made = sip_leg_new (lane (), false);

    made->channel = channel;
    td_channel_set_data (channel, made);
    here->channel = td_channel_id (channel);
}

static void
receive_invite (void *data)
{
    TdPacket packet = { .transport = TD_TRANSPORT_UDP };
    SipScan scan;

    g_assert_true (td_address_parse ("127.0.0.1", 9, &packet.remote));
    g_assert_cmpint (sip_scan (&scan, INVITE, strlen (INVITE), false), ==, SIP_SCAN_GOOD);
    g_assert_cmpint (sip_receive (&lane ()->stack, &scan), ==, SIP_RECEIVED_NEW);
    sip_uas_invite (lane (), &scan, &packet, "");
}

static void
scan_ack (SipScan *scan)
{
    g_assert_cmpint (sip_scan (scan, ACK, strlen (ACK), false), ==, SIP_SCAN_GOOD);
}

/* A response to the leg's INVITE, which lives as long as the result (transfer full). */
static char *
scan_response (SipScan *scan, unsigned status)
{
    const SipTransaction *invite = leg ()->invite;
    g_autofree char *branch = NULL;

    if (invite != NULL && invite->role == SIP_CLIENT_INVITE && invite->last != NULL) {
        g_assert_cmpint (sip_scan (scan, invite->last, invite->last_len_bytes, false), ==,
                         SIP_SCAN_GOOD);
        branch = sip_view_dup (scan->via.branch);
    }
    char *text =
        g_strdup_printf (RESPONSE, status, branch != NULL ? branch : "z9hG4bKz", strlen (SDP));
    g_assert_cmpint (sip_scan (scan, text, strlen (text), false), ==, SIP_SCAN_GOOD);
    return text;
}

static void
go_on (void *data)
{
    TdCause cause = td_cause (TD_CAUSE_NORMAL_CLEARING, NULL);
    SipLeg *led = leg ();
    SipScan scan;

    if (led->is_incoming && here->state != SIP_LEG_OFFERED) {
        sip_channel_driver.answer (led->channel, NULL);
    }
    if (here->state == SIP_LEG_TALKING || here->state == SIP_LEG_CLOSING) {
        scan_ack (&scan);
        sip_leg_take_ack (led, &scan);
    }
    if (here->state == SIP_LEG_ACCEPTING) {
        g_autofree char *text G_GNUC_UNUSED = scan_response (&scan, 200);
        g_assert_cmpint (sip_receive (&lane ()->stack, &scan), ==, SIP_RECEIVED_HANDLED);
    }
    if (here->state == SIP_LEG_CANCELLING || here->state == SIP_LEG_CLOSING) {
        sip_channel_driver.release (led->channel, &cause);
    }
}

static void
lead (unsigned state)
{
    switch (state) {
    case SIP_LEG_NEW:
        td_fixture_on (here->fixture, 0, make_alone, NULL);
        return;
    case SIP_LEG_CALLING:
    case SIP_LEG_CANCELLING:
        fake_call (here->endpoint, here->fixture, "123", SDP);
        break;
    case SIP_LEG_ACCEPTING:
        fake_call (here->endpoint, here->fixture, "123", NULL);
        break;
    default:
        td_fixture_on (here->fixture, 0, receive_invite, NULL);
    }
    if (state != SIP_LEG_OFFERED && state != SIP_LEG_CALLING) {
        td_fixture_on (here->fixture, 0, go_on, NULL);
    }
}

static void *
begin (unsigned state)
{
    if (state == SIP_LEG_GONE) {
        return NULL; /* it is freed at once */
    }
    here = g_new0 (LegWorld, 1);
    here->state = state;
    here->fixture = td_fixture_new (NULL);
    here->endpoint = fake_endpoint_new (here->fixture);
    open_sip ();
    add_hooks ();
    lead (state);
    return here;
}

/* --- What the trial does ----------------------------------------------------------------- */

static TdFsm *
find (void *world)
{
    return leg () != NULL ? &leg ()->fsm : NULL;
}

static void
give_response (TdFsm *fsm, unsigned event)
{
    SipScan scan;
    g_autofree char *text G_GNUC_UNUSED =
        scan_response (&scan, event == SIP_LEG_EV_SUCCESS ? 200 : 180);

    td_fsm_dispatch (fsm, event, &scan);
}

static void
give (void *world, TdFsm *fsm, unsigned event)
{
    TdCause cause = td_cause (TD_CAUSE_NORMAL_CLEARING, NULL);
    SipEarly early = { 180, NULL };
    SipScan scan;

    switch (event) {
    case SIP_LEG_EV_PROVISIONAL:
    case SIP_LEG_EV_SUCCESS:
        give_response (fsm, event);
        break;
    case SIP_LEG_EV_EARLY:
        td_fsm_dispatch (fsm, event, &early);
        break;
    case SIP_LEG_EV_ACKED:
        scan_ack (&scan);
        td_fsm_dispatch (fsm, event, &scan);
        break;
    case SIP_LEG_EV_RELEASE:
    case SIP_LEG_EV_FAILURE:
    case SIP_LEG_EV_BYE:
        td_fsm_dispatch (fsm, event, &cause);
        break;
    default:
        td_fsm_dispatch (fsm, event, NULL);
    }
}

static void
on_lane (void *world, void (*function) (void *data), void *data)
{
    td_fixture_on (here->fixture, 0, function, data);
}

static void
release_alone (void *data)
{
    TdChannel *channel = td_channel_find (here->channel);
    TdCause cause = td_cause (TD_CAUSE_NORMAL_CLEARING, NULL);

    if (channel != NULL) {
        td_channel_released (channel, &cause);
    }
}

static void
end (void *world)
{
    TdCause cause = td_cause (TD_CAUSE_NORMAL_CLEARING, NULL);

    if (here->token != NULL) {
        td_token_answer (here->token, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
    }
    if (here->call != TD_ID_NONE) {
        td_call_release_by_id (NULL, here->call, &cause);
    }
    td_fixture_on (here->fixture, 0, release_alone, NULL);
    td_engine_advance (LONG_ENOUGH_MS);
    close_sip ();
    td_fixture_free (here->fixture);
    fake_endpoint_free (here->endpoint);
    td_owner_clear (&here->module.owner);
    g_free (here->sip.lanes);
    sip_overload_free (here->sip.overload);
    g_clear_pointer (&here, g_free);
}

static const MachineCase cases[] = {
    { &sip_leg_machine, "", begin, find, give, on_lane, end },
};

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    machine_case_add (&cases[0]);
    return g_test_run ();
}
