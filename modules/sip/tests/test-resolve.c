/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of names, also while nobody answers. The system's resolver is this test's own. */

#include "sip.h"

#include <netdb.h>
#include <tandem/snapshot.h>

static struct {
    int code;
    const char *address;
    unsigned n_asked;
} resolver;

int
getaddrinfo (const char *name, const char *service, const struct addrinfo *hints,
             struct addrinfo **ret)
{
    struct addrinfo *info = g_new0 (struct addrinfo, 1);
    TdAddress *address = g_new0 (TdAddress, 1);

    resolver.n_asked++;
    if (resolver.code != 0) {
        g_free (info);
        g_free (address);
        return resolver.code;
    }
    g_assert_true (td_address_parse (resolver.address, 0, address));
    info->ai_addr = &address->any;
    info->ai_addrlen = sizeof address->v4;
    *ret = info;
    return 0;
}

void
freeaddrinfo (struct addrinfo *info)
{
    g_free (info->ai_addr);
    g_free (info);
}

typedef struct {
    TdOwner owner;
    Sip sip;
    SipLane *lane;
    char found[TD_ADDRESS_TEXT_SIZE];
    unsigned n_answers;
} Fixture;

static void
set_up (Fixture *f, const void *data)
{
    td_lanes_open (&(TdLanesOptions){ .n_lanes = 1, .is_fake = true, .boot = 1 });
    td_owner_init (&f->owner, "sip");
    resolver.code = 0;
    resolver.address = "192.0.2.1";
    resolver.n_asked = 0;
    f->sip.trunks =
        td_snapshot_new ((TdModule *) &f->owner, "sip.trunks", &sip_trunks_new_none ()->table);
    f->sip.n_listeners = 1;
    f->sip.listeners[0] = (SipListener){ .sip = &f->sip, .transport = TD_TRANSPORT_UDP };
    g_assert_true (td_address_parse ("127.0.0.1", 5060, &f->sip.listeners[0].address));
    f->lane = g_new0 (SipLane, 1);
    f->lane->sip = &f->sip;
    f->lane->hosts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

static void
tear_down (Fixture *f, const void *data)
{
    td_lanes_settle ();
    g_hash_table_unref (f->lane->hosts);
    g_free (f->lane);
    td_owner_revoke_all (&f->owner, NULL, NULL);
    td_lanes_close ();
    td_owner_clear (&f->owner);
}

static void
resolved (const TdAddress *address, void *data)
{
    Fixture *f = data;

    f->n_answers++;
    f->found[0] = '\0';
    if (address != NULL) {
        td_address_print (address, f->found);
    }
}

static const char *
look_up (Fixture *f, const char *name)
{
    sip_resolve (f->lane, name, 5060, TD_CLASS_ORDINARY, resolved, f);
    td_lanes_settle ();
    return f->found;
}

static void
test_keeps_what_it_knew_while_nobody_answers (Fixture *f, const void *data)
{
    g_assert_cmpstr (look_up (f, "carrier.example"), ==, "192.0.2.1:5060");
    resolver.code = EAI_AGAIN;
    for (unsigned i = 0; i < 10; i++) {
        td_lanes_advance (61000);
        g_assert_cmpstr (look_up (f, "carrier.example"), ==, "192.0.2.1:5060");
    }
    resolver.code = 0;
    resolver.address = "192.0.2.2";
    td_lanes_advance (61000);
    g_assert_cmpstr (look_up (f, "carrier.example"), ==, "192.0.2.2:5060");
}

static void
test_believes_that_a_name_is_gone (Fixture *f, const void *data)
{
    TdAddress address;

    look_up (f, "carrier.example");
    resolver.code = EAI_NONAME;
    td_lanes_advance (61000);
    g_assert_cmpstr (look_up (f, "carrier.example"), ==, "");
    g_assert_false (sip_resolve_known (f->lane, "carrier.example", 0, &address));
}

static void
test_asks_once_for_all (Fixture *f, const void *data)
{
    look_up (f, "carrier.example");
    td_lanes_advance (61000);
    for (unsigned i = 0; i < 100; i++) {
        sip_resolve (f->lane, "carrier.example", 5060, TD_CLASS_ORDINARY, resolved, f);
    }
    td_lanes_settle ();
    g_assert_cmpuint (resolver.n_asked, ==, 2);
    g_assert_cmpuint (f->n_answers, ==, 101);
}

static void
ask_often (Fixture *f, unsigned priority_class, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        sip_resolve (f->lane, "carrier.example", 5060, priority_class, resolved, f);
    }
}

static void
test_asks_once_for_all_who_need_a_new_name (Fixture *f, const void *data)
{
    ask_often (f, TD_CLASS_ORDINARY, 100);
    g_assert_cmpuint (f->n_answers, ==, 0);
    td_lanes_settle ();
    g_assert_cmpuint (resolver.n_asked, ==, 1);
    g_assert_cmpuint (f->n_answers, ==, 100);
    g_assert_cmpstr (f->found, ==, "192.0.2.1:5060");
}

static void
test_asks_once_for_all_who_need_an_unknown_name (Fixture *f, const void *data)
{
    resolver.code = EAI_AGAIN;
    for (unsigned i = 1; i <= 3; i++) {
        ask_often (f, TD_CLASS_ORDINARY, 100);
        td_lanes_settle ();
        g_assert_cmpuint (resolver.n_asked, ==, i);
        g_assert_cmpuint (f->n_answers, ==, 100 * i);
        td_lanes_advance (11000);
    }
}

/* A worker that is kept for those with a priority asks for them, and once. */
static void
test_who_has_a_priority_waits_for_nobody_below (Fixture *f, const void *data)
{
    ask_often (f, TD_CLASS_ORDINARY, 10);
    ask_often (f, TD_CLASS_EMERGENCY, 10);
    ask_often (f, TD_CLASS_ORDINARY, 10);
    td_lanes_settle ();
    g_assert_cmpuint (resolver.n_asked, ==, 2);
    g_assert_cmpuint (f->n_answers, ==, 30);
}

/* Whoever names thousands of hosts makes no trunk a stranger. */
static void
test_keeps_the_names_of_trunks (Fixture *f, const void *data)
{
    SipTrunks *trunks = (SipTrunks *) td_snapshot_peek (f->sip.trunks);
    SipPeer trunk = { .host = (char *) "carrier.example" };
    TdAddress address;

    g_ptr_array_add (trunks->by_dns, &trunk);
    look_up (f, "carrier.example");
    for (unsigned i = 0; i < 5000; i++) {
        g_autofree char *name = g_strdup_printf ("h%u.example", i);
        look_up (f, name);
    }
    g_assert_true (sip_resolve_known (f->lane, "carrier.example", 0, &address));
    g_assert_cmpuint (g_hash_table_size (f->lane->hosts), <=, 4096);
}

#define ADD(name, function)                                                                        \
    g_test_add ("/sip/resolve/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char *argv[])
{
    g_test_init (&argc, &argv, NULL);
    ADD ("keeps-what-it-knew-while-nobody-answers", test_keeps_what_it_knew_while_nobody_answers);
    ADD ("believes-that-a-name-is-gone", test_believes_that_a_name_is_gone);
    ADD ("asks-once-for-all", test_asks_once_for_all);
    ADD ("asks-once-for-all-who-need-a-new-name", test_asks_once_for_all_who_need_a_new_name);
    ADD ("asks-once-for-all-who-need-an-unknown-name",
         test_asks_once_for_all_who_need_an_unknown_name);
    ADD ("who-has-a-priority-waits-for-nobody-below",
         test_who_has_a_priority_waits_for_nobody_below);
    ADD ("keeps-the-names-of-trunks", test_keeps_the_names_of_trunks);
    return g_test_run ();
}
