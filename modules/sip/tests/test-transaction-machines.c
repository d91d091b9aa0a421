/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The machines of transactions: every event at every state. */

#include "common/machines.h"
#include "transaction-inside.h"

#include <string.h>

#define REQUEST                                                                                    \
    "%s sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=%s\r\n"                       \
    "From: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\nCall-ID: c@a\r\nCSeq: 7 %s\r\n"     \
    "Content-Length: 0\r\n\r\n"
#define RESPONSE                                                                                   \
    "SIP/2.0 %u x\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bKx\r\n"                               \
    "From: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>;tag=2\r\nCall-ID: c@a\r\n"             \
    "CSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n"

enum { LONG_ENOUGH_MS = 200000, END_OF_WAY = -1 };

typedef struct {
    SipStack stack;
    SipPath path;
    SipTransaction *transaction;
} TransactionWorld;

/* By which events a transaction comes to a state. */
static const struct {
    const TdMachine *machine;
    const char *state;
    int events[4];
} ways[] = {
    { &sip_invite_client, "calling", { SIP_EV_START, END_OF_WAY } },
    { &sip_invite_client, "proceeding", { SIP_EV_START, SIP_EV_PROVISIONAL, END_OF_WAY } },
    { &sip_invite_client, "completed", { SIP_EV_START, SIP_EV_FAILURE, END_OF_WAY } },
    { &sip_invite_client, "accepted", { SIP_EV_START, SIP_EV_SUCCESS, END_OF_WAY } },
    { &sip_invite_client, "terminated", { SIP_EV_START, SIP_EV_BROKEN, END_OF_WAY } },
    { &sip_other_client, "trying", { SIP_EV_START, END_OF_WAY } },
    { &sip_other_client, "proceeding", { SIP_EV_START, SIP_EV_PROVISIONAL, END_OF_WAY } },
    { &sip_other_client, "completed", { SIP_EV_START, SIP_EV_FAILURE, END_OF_WAY } },
    { &sip_other_client, "terminated", { SIP_EV_START, SIP_EV_BROKEN, END_OF_WAY } },
    { &sip_invite_server, "proceeding", { SIP_EV_START, END_OF_WAY } },
    { &sip_invite_server, "accepted", { SIP_EV_START, SIP_EV_SUCCESS, END_OF_WAY } },
    { &sip_invite_server, "completed", { SIP_EV_START, SIP_EV_FAILURE, END_OF_WAY } },
    { &sip_invite_server, "confirmed", { SIP_EV_START, SIP_EV_FAILURE, SIP_EV_ACK, END_OF_WAY } },
    { &sip_invite_server,
      "terminated",
      { SIP_EV_START, SIP_EV_FAILURE, SIP_EV_NO_ACK, END_OF_WAY } },
    { &sip_other_server, "trying", { SIP_EV_START, END_OF_WAY } },
    { &sip_other_server, "proceeding", { SIP_EV_START, SIP_EV_PROVISIONAL, END_OF_WAY } },
    { &sip_other_server, "completed", { SIP_EV_START, SIP_EV_FAILURE, END_OF_WAY } },
    { &sip_other_server,
      "terminated",
      { SIP_EV_START, SIP_EV_FAILURE, SIP_EV_LINGERED, END_OF_WAY } },
};

static bool
lose (SipPath *path, const char *bytes, size_t len_bytes, void *data)
{
    return true;
}

static void
hear_response (SipTransaction *transaction, const SipScan *response, void *data)
{
}

static void
hear_failure (SipTransaction *transaction, SipFailure failure, void *data)
{
}

static const SipUser user = { hear_response, hear_failure, NULL };

static bool
is_client (const SipTransaction *transaction)
{
    return transaction->role <= SIP_CLIENT_OTHER;
}

/* As sip_client_start () and sip_server_start () make it, but not started. */
static SipTransaction *
make (TransactionWorld *here, SipRole role)
{
    bool is_invite = role == SIP_CLIENT_INVITE || role == SIP_SERVER_INVITE;
    SipMethod method = is_invite ? SIP_METHOD_INVITE : SIP_METHOD_BYE;
    const char *name = sip_method_name (method);
    char branch[SIP_BRANCH_SIZE];
    SipTransaction *transaction =
        sip_transaction_new (&here->stack, role, method, &here->path, &user, here, 0);

    if (is_client (transaction)) {
        sip_stack_make_branch (&here->stack, branch);
        g_autofree char *text = g_strdup_printf (REQUEST, name, branch, name);
        sip_transaction_keep (transaction, text, strlen (text));
    }
    sip_table_add (is_client (transaction) ? &here->stack.clients : &here->stack.servers,
                   &transaction->link, 1);
    return transaction;
}

static void
give (void *world, TdFsm *fsm, unsigned event)
{
    SipTransaction *transaction = ((TransactionWorld *) world)->transaction;
    static const unsigned statuses[] = {
        [SIP_EV_PROVISIONAL] = 180, [SIP_EV_SUCCESS] = 200, [SIP_EV_FAILURE] = 486
    };

    if (event < SIP_EV_PROVISIONAL || event > SIP_EV_FAILURE) {
        td_fsm_dispatch (fsm, event, NULL);
        return;
    }
    g_autofree char *text = g_strdup_printf (RESPONSE, statuses[event]);
    if (is_client (transaction)) {
        SipScan scan;
        g_assert_cmpint (sip_scan (&scan, text, strlen (text), false), ==, SIP_SCAN_GOOD);
        td_fsm_dispatch (fsm, event, &scan);
    } else {
        sip_server_respond (transaction, statuses[event], text, strlen (text));
    }
}

static void
lead (TransactionWorld *here, const TdMachine *machine, unsigned state)
{
    TdFsm *fsm = &here->transaction->fsm;

    for (unsigned i = 0; i < G_N_ELEMENTS (ways); i++) {
        if (ways[i].machine == machine
            && g_str_equal (ways[i].state, machine->states[state].name)) {
            for (const int *event = ways[i].events; *event != END_OF_WAY; event++) {
                give (here, fsm, (unsigned) *event);
            }
        }
    }
}

static void *
begin (SipRole role, unsigned state)
{
    TransactionWorld *here = g_new0 (TransactionWorld, 1);

    td_lanes_open (&(TdLanesOptions){ .n_lanes = 1, .is_fake = true, .boot = 1 });
    sip_stack_init (&here->stack, NULL, 0, &sip_timers_default, 12345);
    here->stack.send = lose;
    here->path.transport = TD_TRANSPORT_UDP;
    here->transaction = make (here, role);
    td_machine_register (NULL, here->transaction->fsm.machine);
    lead (here, here->transaction->fsm.machine, state);
    return here;
}

static void *
begin_invite_client (unsigned state)
{
    return begin (SIP_CLIENT_INVITE, state);
}

static void *
begin_other_client (unsigned state)
{
    return begin (SIP_CLIENT_OTHER, state);
}

static void *
begin_invite_server (unsigned state)
{
    return begin (SIP_SERVER_INVITE, state);
}

static void *
begin_other_server (unsigned state)
{
    return begin (SIP_SERVER_OTHER, state);
}

static TdFsm *
find (void *world)
{
    return &((TransactionWorld *) world)->transaction->fsm;
}

static void
end (void *world)
{
    TransactionWorld *here = world;

    td_lanes_advance (LONG_ENOUGH_MS);
    sip_stack_clear (&here->stack);
    td_lanes_close ();
    g_free (here);
}

static const MachineCase cases[] = {
    { &sip_invite_client, "", begin_invite_client, find, give, NULL, end },
    { &sip_other_client, "", begin_other_client, find, give, NULL, end },
    { &sip_invite_server, "", begin_invite_server, find, give, NULL, end },
    { &sip_other_server, "", begin_other_server, find, give, NULL, end },
};

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        machine_case_add (&cases[i]);
    }
    return g_test_run ();
}
