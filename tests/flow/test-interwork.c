/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRI-082 to PRI-085, PRI-080 for H.248 and MGCP, PRI-095 and PRI-096 for PSAPs and access gateways: a call
 * that comes in by one protocol and goes out by another, through the public contract, as the endpoint `gateway`
 * has it. Numbers of ITU-T Q.763, Q.735.3 and H.248.1, 3GPP TS 48.008 and TS 29.214 are those of Wireshark's
 * dissectors where it has them (category 14, parameter 58, levels 0 to 4), and else of docs/priority.md. */

#include "common/fixture.h"

#include <string.h>

#define TRUNK(name) "[trunk " name "]\naddress = gw:" name "\n"
#define TRUSTED     "rph-trust = accept\n"

static const char config[] =
    "[modules]\npriority = required\ngateway = required\nroute-table = required\n" /* */
    "[call]\nmedia = through\n" TRUNK ("ansi") TRUSTED
    "rph-accept = ets, wps, dsn, esnet\nrph-isup = ansi\n" /* */
    TRUNK ("itu") TRUSTED
    "rph-accept = ets\nrph-isup = itu\n"
    "rph-categories = 14:ets.2, 11:ets.4\nrph-precedence = 0001:0000ff\n" /* */
    TRUNK ("mg") TRUSTED "rph-accept = ets, esnet\n"                      /* */
    TRUNK ("bsc") TRUSTED "rph-accept = wps\nrph-admission = rdm\n"       /* */
    TRUNK ("nobody") "rph-isup = ansi\n"                                  /* */
    TRUNK ("mlpp") TRUSTED "rph-accept = q735\nrph-isup = itu\n"
                           "rph-precedence = 1234:00abcd\n"
                           "[route ansi]\nprefix = 1\ntargets = ansi\n"
                           "[route itu]\nprefix = 2\ntargets = itu\n"
                           "[route mg]\nprefix = 3\ntargets = mg\n"
                           "[route bsc]\nprefix = 4\ntargets = bsc\n"
                           "[route mlpp]\nprefix = 5\ntargets = mlpp\n";

/* A PSAP behind ISUP, and an access gateway. */
static const char emergency[] =
    "[modules]\nemergency = required\npriority = required\ngateway = required\n"
    "[call]\nmedia = through\n" TRUNK ("access")
        TRUNK ("psap") "rph-isup = ansi\n"
                       "[emergency]\nfallback = psap\npriority-codes = *272, 710xxxxxxx\n"
                       "[emergency-region here]\nnumbers = 911, 112\ntrunks = access\n"
                       "[emergency-psap psap]\ntrunks = psap\n";

#define ORDINARY "class:4 dscp:24,24"

/* What a call that comes by TRUNK and says WORDS is when it goes out to NUMBER. */
static void
assert_call (const char *trunk, const char *words, const char *number, const char *wanted)
{
    g_autofree char *line = g_strdup_printf ("gateway call %s %s %s", trunk, number, words);
    g_autofree char *quoted = g_strdup_printf ("\"%s\"", wanted);
    g_autofree char *called = td_fixture_ask (line);

    g_assert_cmpstr (called, ==, "");
    td_engine_settle ();
    g_autofree char *heard = td_fixture_ask ("gateway heard");
    g_assert_cmpstr (heard, ==, quoted);
}

/* NS/EP, 226, and message priority 1 in ANSI ISUP; IEPS, 14, in ITU ISUP; precedence where the trunk has it. */
static void
test_isup_out (void)
{
    G_GNUC_UNUSED g_autoptr (TdFixture) fixture = td_fixture_new (config);

    assert_call (
        "ansi", "category:226,precedence:0", "1",
        "class:11 category:226 mtp:1 h248:11,ieps radio:1,queue emlpp:0 rx:7,mps dscp:40,40");
    assert_call ("ansi", "category:226,precedence:0", "2",
                 "class:11 category:14 precedence:0@0001:0000ff h248:11,ieps radio:1,queue emlpp:0 "
                 "rx:7,mps dscp:40,40");
    assert_call ("ansi", "category:10", "1", ORDINARY);
}

/* What a category stands for is the trunk's to say; and nothing where it is not trusted. */
static void
test_isup_in (void)
{
    G_GNUC_UNUSED g_autoptr (TdFixture) fixture = td_fixture_new (config);
    const char rest[] = "h248:9,ieps radio:3,queue emlpp:2 rx:5,mps dscp:40,40";
    g_autofree char *by_trunk = g_strdup_printf ("class:9 category:226 mtp:1 %s", rest);
    g_autofree char *exact = g_strdup_printf (
        "class:10 category:226 mtp:1 %s", "h248:10,ieps radio:2,queue emlpp:1 rx:6,mps dscp:40,40");

    assert_call ("itu", "category:14", "1", by_trunk);
    assert_call ("itu", "category:14,precedence:1", "1", exact);
    assert_call ("itu", "category:226", "1", ORDINARY);
    assert_call ("nobody", "category:226", "1", ORDINARY);
    assert_call ("mg", "category:226", "1", ORDINARY); /* it says nothing of ISUP */
}

/* MLPP: a precedence, and the caller's own category; such calls may preempt. */
static void
test_precedence (void)
{
    G_GNUC_UNUSED g_autoptr (TdFixture) fixture = td_fixture_new (config);

    assert_call ("mlpp", "category:10,precedence:1", "5",
                 "class:8 precedence:1@1234:00abcd h248:8 radio:7,queue,preempt rx:4 dscp:40,40");
    assert_call ("ansi", "category:10,precedence:4", "3",
                 "class:5 h248:5 radio:10,queue,preempt rx:1 dscp:40,40"); /* dsn.routine */
}

/* A context's priority and flags, both ways. */
static void
test_contexts (void)
{
    G_GNUC_UNUSED g_autoptr (TdFixture) fixture = td_fixture_new (config);

    assert_call ("mg", "h248:10,ieps", "3",
                 "class:10 h248:10,ieps radio:2,queue emlpp:1 rx:6,mps dscp:40,40");
    assert_call ("mg", "ieps", "3", /* no more than that says */
                 "class:7 h248:7,ieps radio:5,queue emlpp:4 rx:3,mps dscp:40,40");
    assert_call ("mg", "h248:0,emergency", "3",
                 "class:12 h248:12,emergency radio:1,queue rx:7 dscp:40,40");
    assert_call ("mg", "h248:0", "3", ORDINARY);
    assert_call ("nobody", "h248:11,ieps,emergency", "3", ORDINARY);
}

/* Level N + 1 of BSSMAP, level N of eMLPP, is wps.N. */
static void
test_radio (void)
{
    G_GNUC_UNUSED g_autoptr (TdFixture) fixture = td_fixture_new (config);

    for (unsigned i = 0; i < 5; i++) {
        g_autofree char *bssmap = g_strdup_printf ("radio:%u", i + 1);
        g_autofree char *emlpp = g_strdup_printf ("emlpp:%u", i);
        g_autofree char *wanted = g_strdup_printf (
            "class:%u h248:%u,ieps radio:%u,queue emlpp:%u admission:%u,rdm rank:%u rx:%u,mps "
            "dscp:40,40",
            11 - i, 11 - i, i + 1, i, 5 - i, i, 7 - i);
        assert_call ("bsc", bssmap, "4", wanted);
        assert_call ("bsc", emlpp, "4", wanted);
    }
    assert_call ("bsc", "radio:9", "4", ORDINARY); /* of no value that it may use */
}

/* RFC 6401 5.1: "Higher values represent higher priority"; 7: "the greatest priority is always allocated
 * value 0"; appendix A: the models. Where none is named nothing is said. */
static void
test_admission (void)
{
    G_GNUC_UNUSED g_autoptr (TdFixture) fixture = td_fixture_new (config);

    assert_call ("bsc", "emlpp:0", "4",
                 "class:11 h248:11,ieps radio:1,queue emlpp:0 admission:5,rdm rank:0 rx:7,mps "
                 "dscp:40,40");
    assert_call ("bsc", "emlpp:4", "4",
                 "class:7 h248:7,ieps radio:5,queue emlpp:4 admission:1,rdm rank:4 rx:3,mps "
                 "dscp:40,40");
    assert_call ("bsc", "emlpp:4", "3",
                 "class:7 h248:7,ieps radio:5,queue emlpp:4 rx:3,mps dscp:40,40");
}

/* A public call for help goes to a PSAP behind ISUP as an emergency service call: category 224. */
static void
test_psap (void)
{
    G_GNUC_UNUSED g_autoptr (TdFixture) fixture = td_fixture_new (emergency);

    assert_call ("access", "none", "911",
                 "class:12 category:224 h248:12,emergency radio:1,queue rx:7 dscp:40,40");
}

/* RFC 3435 2.1.5: what an access gateway with too much to do still collects, emergency codes of its region and
 * those of GETS and WPS. */
static void
test_digit_map (void)
{
    G_GNUC_UNUSED g_autoptr (TdFixture) fixture = td_fixture_new (emergency);
    g_autofree char *map = td_fixture_ask ("gateway map access");

    g_assert_cmpstr (map, ==, "\"(112|911|*272|710xxxxxxx)\"");
}

/* Signals of such calls are marked as those of SIP are. */
static void
test_planes (void)
{
    G_GNUC_UNUSED g_autoptr (TdFixture) fixture = td_fixture_new (config);
    g_autofree char *own =
        g_strconcat (config, "[priority]\ninterwork = dscp.h248 0:8 5:10 11:46\n", NULL);

    assert_call ("mg", "h248:7,ieps", "3",
                 "class:7 h248:7,ieps radio:5,queue emlpp:4 rx:3,mps dscp:40,40");
    td_fixture_free (g_steal_pointer (&fixture));
    fixture = td_fixture_new (own);
    assert_call ("mg", "h248:7,ieps", "3",
                 "class:7 h248:7,ieps radio:5,queue emlpp:4 rx:3,mps dscp:10,40");
    assert_call ("mg", "h248:11,ieps", "3",
                 "class:11 h248:11,ieps radio:1,queue emlpp:0 rx:7,mps dscp:46,40");
    assert_call ("mg", "h248:0", "3", "class:4 dscp:8,24");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/priority/PRI-080/planes", test_planes);
    g_test_add_func ("/priority/PRI-082/out", test_isup_out);
    g_test_add_func ("/priority/PRI-082/in", test_isup_in);
    g_test_add_func ("/priority/PRI-082/precedence", test_precedence);
    g_test_add_func ("/priority/PRI-083/contexts", test_contexts);
    g_test_add_func ("/priority/PRI-084/radio", test_radio);
    g_test_add_func ("/priority/PRI-085/admission", test_admission);
    g_test_add_func ("/priority/PRI-095/isup", test_psap);
    g_test_add_func ("/priority/PRI-096/gateway", test_digit_map);
    return g_test_run ();
}
