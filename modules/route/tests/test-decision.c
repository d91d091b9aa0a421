/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole decisions, from the call to the targets. */

#include "tables-fixture.h"

#include <tandem/cause.h>

/* A small tandem switch in New York and New Jersey. */
static const char small_tandem[] =
    "[plan]\n"
    "nanp,911,3,3,,emergency\n"
    "nanp,[2-8]11,3,3,,service-n11\n"
    "nanp,NXXNXXXXXX,10,10,national,national\n"
    "nanp,1NXXNXXXXXX,11,11,national,national,,1\n"
    "nanp,1800NXXXXXX,11,11,national,toll-free,,1\n"
    "nanp,011[2-9],10,18,international,international,,3\n"
    "nanp,101(XXXX),7,25,,carrier-access,,7\n"
    "[translation]\n"
    "in,10,called,7(NXXXXXX)$,,replace,212\\1\n"
    "in,20,called,1900,,set-attribute,class=premium\n"
    "in,30,called,1976,,set-carrier,0976\n"
    "other,10,called,12015559999,,replace,12125551234\n"
    "out,10,called,NXX,national,prefix,+1\n"
    "out,20,calling,NXX,,prefix,+1\n"
    "[screening]\n"
    "guard,10,,+7,,deny,21,no-service\n"
    "guard,20,2125559,,,deny,57\n"
    "guard,30,,,restricted,deny,21\n"
    "[calendar]\n"
    "night,,America/New_York,,22:00,06:00\n"
    "[list]\n"
    "local,sequence,2,30,hunt\nlong,least-cost\nworld,percent\ndark\npsap\ncarrier-"
    "0288\ndirectory\n"
    "[target]\n"
    "local,1,tandem-a,,,,,out,,,,,,20\nlocal,2,tandem-b\n"
    "long,1,carrier-a,,,9\nlong,2,carrier-b,,,5\n"
    "world,1,carrier-a,,70\nworld,2,carrier-b,,30\n"
    "dark,1,carrier-a,,,,night\n"
    "psap,1,selective-router\ncarrier-0288,1,carrier-c\ndirectory,1,operator\n"
    "[cause]\n"
    "hunt,17,next\nhunt,34,stop\n"
    "late,3,next\nlate,14,stop\n"
    "[route]\n"
    "main,,9,,,,,,,,,,,,,long\n"
    "main,212,,,,,,,,,,,,,,local\n"
    "main,+,,,,,,,,,,,,,,world\n"
    "main,,1,,,,,0288,,,,,,,,carrier-0288\n"
    "main,212777,,,,,,,,,,,,,,dark\n"
    "main,,0,,alice,example.net,,,,,,,,,,local\n"
    "main,4,,,,,,,service-n11,,,,,,,directory\n"
    "[ingress]\n"
    "*,nanp,in,guard,main,,ny,busy-tone\n"
    "ours,nanp,,,main,0333,ny\n"
    "plain,,,,main\n"
    "nowhere,nanp,,,main,,nj\n"
    "asking,nanp,,,main,,ny,,1,freephone,lnp\n"
    "ours-asking,nanp,,,main,0333,ny,,1,freephone,lnp\n"
    "on-release,nanp,,,main,,ny,,1,,lnp,on-release\n"
    "own-causes,nanp,,,main,,ny,,1,,lnp,on-release,late\n"
    "american,nanp,,,main,,ny,,1\n"
    "replacing,nanp,other,,main,,ny\n"
    "[emergency]\n"
    "ny,911,psap\nny,933,psap\n"
    "[toll_free]\n"
    "800555,0288,2125550199\n800556,0444,\n800558,,2125551234\n"
    "[code]\n"
    "212,132,NY,US\n315,128,NY,US\n201,224,NJ,US\n917,132,NY,US,mobile\n+49,,,DE\n"
    "2129,132,NY,US,,vacant\n646,132,NY,US,,own\n"
    "[ported]\n"
    "2125551234,2015550000\n2125554321,6465550000\n";

typedef struct {
    Tables *tables;
    TdParty called, calling;
    DecisionRequest request;
    Decision decision;
    DipAnswer answers[N_DIP_KINDS];
    bool is_answered[N_DIP_KINDS];
    char asked[64]; /* "lnp +12125551234" */
} World;

static void
set_up (World *world, const void *data G_GNUC_UNUSED)
{
    world->tables = make_tables (small_tandem);
    g_assert_true (td_party_from_number (&world->calling, "2125550100"));
    world->request = (DecisionRequest){ .called = &world->called,
                                        .calling = &world->calling,
                                        .line_information = ROW_NOT_SAID,
                                        /* 12:00 in New York */
                                        .time_us = INT64_C (1894122000) * G_USEC_PER_SEC };
}

static void
tear_down (World *world, const void *data G_GNUC_UNUSED)
{
    tables_free (world->tables);
}

static void
decide (World *world, const char *called)
{
    g_assert_true (td_party_from_number (&world->called, called));
    decision_make (world->tables, &world->request, &world->decision, NULL);
}

static void
expect_route (World *world, const char *called, const char *label, const char *trunk)
{
    DecisionTarget target;

    g_test_message ("%s", called);
    decide (world, called);
    g_assert_cmpint (world->decision.verdict, ==, DECISION_ROUTE);
    g_assert_cmpstr (world->decision.label, ==, label);
    decision_target (world->tables, &world->decision, 0, &target, NULL);
    g_assert_cmpstr (target.trunk, ==, trunk);
}

static void
expect_refusal (World *world, const char *called, unsigned cause)
{
    g_test_message ("%s", called);
    decide (world, called);
    g_assert_cmpint (world->decision.verdict, ==, DECISION_REFUSE);
    g_assert_cmpuint (world->decision.cause, ==, cause);
}

static void
test_typical (World *world, const void *data G_GNUC_UNUSED)
{
    DecisionTarget target;

    expect_route (world, "12125550111", "local", "tandem-a");
    g_assert_cmpint (world->decision.type, ==, CALL_TYPE_NATIONAL);
    g_assert_cmpstr (world->decision.numbers.called.text, ==, "2125550111");
    g_assert_cmpuint (world->decision.tries, ==, 2);
    g_assert_cmpuint (world->decision.seconds, ==, 30);
    g_assert_cmpstr (world->decision.treatment, ==, "busy-tone");
    decision_target (world->tables, &world->decision, 0, &target, NULL);
    g_assert_cmpstr (target.numbers.called.text, ==, "+12125550111");
    g_assert_cmpstr (target.numbers.calling.text, ==, "+12125550100");
    g_assert_cmpuint (target.no_answer_s, ==, 20);
    decision_target (world->tables, &world->decision, 1, &target, NULL);
    g_assert_cmpstr (target.numbers.called.text, ==, "2125550111");
    expect_route (world, "13105550111", "long", "carrier-b");
    expect_route (world, "011498912345", "world", "carrier-a");
}

static void
test_translation (World *world, const void *data G_GNUC_UNUSED)
{
    expect_route (world, "75550111", "local", "tandem-a");
    g_assert_cmpstr (world->decision.numbers.called.text, ==, "2125550111");
    decide (world, "19005550111");
    g_assert_cmpuint (world->decision.numbers.n_attributes, ==, 1);
    g_assert_cmpstr (world->decision.numbers.attributes[0].name, ==, "class");
}

/* However it is dialled. */
static void
test_screening (World *world, const void *data G_GNUC_UNUSED)
{
    expect_refusal (world, "01174951234567", 21);
    g_assert_cmpstr (world->decision.announcement, ==, "no-service");
    g_assert_true (td_party_from_number (&world->calling, "2125559000"));
    expect_refusal (world, "12125550111", 57);
    g_assert_true (td_party_from_number (&world->calling, "2125550000"));
    world->calling.presentation = TD_PRESENTATION_RESTRICTED;
    expect_refusal (world, "12125550111", 21);
}

/* An account with a priority pays for it: what the line may call is not asked. */
static void
test_unscreened (World *world, const void *data G_GNUC_UNUSED)
{
    g_assert_true (td_party_from_number (&world->calling, "2125559000"));
    world->request.is_unscreened = true;
    expect_route (world, "12125550111", "local", "tandem-a");
    g_assert_true (world->decision.is_exempted);
    g_assert_true (td_party_from_number (&world->calling, "2125550000"));
    expect_route (world, "12125550111", "local", "tandem-a");
    g_assert_false (world->decision.is_exempted);
}

static void
test_emergency (World *world, const void *data G_GNUC_UNUSED)
{
    g_assert_true (td_party_from_number (&world->calling, "2125559000")); /* who is denied */
    expect_route (world, "911", "psap", "selective-router");
    g_assert_cmpint (world->decision.type, ==, CALL_TYPE_EMERGENCY);
    expect_route (world, "933", "psap", "selective-router"); /* not in the plan, but in the table */
    expect_route (world, "1010288911", "psap", "selective-router");
    world->request.trunk = "nowhere";
    expect_refusal (world, "911", TD_CAUSE_NO_ROUTE_TO_DESTINATION);
    g_assert_cmpint (world->decision.type, ==, CALL_TYPE_EMERGENCY);
}

/* There is a row for any number, but none for services but directory assistance. */
static void
test_services (World *world, const void *data G_GNUC_UNUSED)
{
    expect_route (world, "411", "directory", "operator");
    expect_refusal (world, "611", TD_CAUSE_NO_ROUTE_TO_DESTINATION);
}

static void
test_carrier (World *world, const void *data G_GNUC_UNUSED)
{
    expect_route (world, "101028813105550111", "carrier-0288", "carrier-c");
    g_assert_cmpstr (world->decision.carrier, ==, "0288");
    world->request.carrier = "0444";
    expect_route (world, "13105550111", "long", "carrier-b");
    g_assert_cmpstr (world->decision.carrier, ==, "0444");
    expect_route (world, "101028813105550111", "carrier-0288", "carrier-c");
    decide (world, "19765550111"); /* what a translation sets is above all */
    g_assert_cmpstr (world->decision.carrier, ==, "0976");
    world->request.carrier = NULL;
    world->request.trunk = "ours";
    decide (world, "13105550111");
    g_assert_cmpstr (world->decision.carrier, ==, "0333");
}

static void
test_carrier_that_is_too_long (World *world, const void *data G_GNUC_UNUSED)
{
    world->request.carrier = "+12345678901234567890123456789012345";
    world->request.trunk = "ours";
    decide (world, "13105550111");
    g_assert_cmpstr (world->decision.carrier, ==, "0333");
}

/* RFC 4694 5.2.2: the number that was found MUST replace the freephone number. */
static void
test_toll_free (World *world, const void *data G_GNUC_UNUSED)
{
    DecisionTarget target;

    expect_route (world, "18005550111", "local", "tandem-a");
    g_assert_cmpstr (world->decision.numbers.called.text, ==, "2125550199");
    g_assert_cmpstr (world->decision.routing_number, ==, "");
    g_assert_cmpstr (world->decision.carrier, ==, "0288");
    decision_target (world->tables, &world->decision, 0, &target, NULL);
    g_assert_cmpstr (target.numbers.called.text, ==, "+12125550199");
    expect_route (world, "18005560111", "long", "carrier-b");
    g_assert_cmpstr (world->decision.numbers.called.text, ==, "8005560111");
    g_assert_cmpstr (world->decision.carrier, ==, "0444");
    expect_route (world, "18005570111", "long", "carrier-b");
}

/* RFC 4694 5.2.2: it is ported itself, perhaps. */
static void
test_toll_free_is_ported (World *world, const void *data G_GNUC_UNUSED)
{
    expect_route (world, "18005580111", "long", "carrier-b");
    g_assert_cmpstr (world->decision.numbers.called.text, ==, "2125551234");
    g_assert_cmpstr (world->decision.routing_number, ==, "2015550000");
    g_assert_true (world->decision.is_dipped);
}

/* RFC 4694 5.1: a call that names another carrier is looked up by that one. */
static void
test_toll_free_of_another (World *world, const void *data G_GNUC_UNUSED)
{
    world->request.trunk = "ours";
    world->request.carrier = "0444";
    decide (world, "18005550111");
    g_assert_cmpstr (world->decision.numbers.called.text, ==, "8005550111");
    g_assert_cmpstr (world->decision.carrier, ==, "0444");
    g_assert_false (world->decision.is_dipped);
    world->request.carrier = "0333";
    decide (world, "18005550111");
    g_assert_cmpstr (world->decision.carrier, ==, "0288");
    g_assert_false (world->decision.is_dipped); /* that is the one that asks from here on */
}

static void
test_ported (World *world, const void *data G_GNUC_UNUSED)
{
    expect_route (world, "12125551234", "long", "carrier-b");
    g_assert_cmpstr (world->decision.routing_number, ==, "2015550000");
    g_assert_true (world->decision.is_dipped);
    g_assert_cmpint (world->decision.jurisdiction, ==, JURISDICTION_INTERSTATE);
    expect_route (world, "12125551235", "local", "tandem-a");
    g_assert_cmpstr (world->decision.routing_number, ==, "");
    g_assert_true (world->decision.is_dipped);
}

/* A translation has put a number in the place of the one that was asked about. */
static void
test_dip_of_another_number (World *world, const void *data G_GNUC_UNUSED)
{
    world->request.trunk = "replacing";
    world->request.is_dipped = true;
    world->request.routing_number = "3155550000";
    decide (world, "12015559999");
    g_assert_cmpstr (world->decision.routing_number, ==, "2015550000");
    decide (world, "12015559998");
    g_assert_cmpstr (world->decision.routing_number, ==, "3155550000");
}

/* Nobody asks twice, and nobody asks for a call that another carrier takes on. */
static void
test_who_dips (World *world, const void *data G_GNUC_UNUSED)
{
    world->request.is_dipped = true;
    expect_route (world, "12125551234", "local", "tandem-a");
    world->request.routing_number = "3155550000";
    expect_route (world, "12125551234", "long", "carrier-b");
    g_assert_cmpstr (world->decision.routing_number, ==, "3155550000");
    world->request.is_dipped = false;
    world->request.routing_number = NULL;
    world->request.trunk = "ours";
    expect_route (world, "12125551234", "long", "carrier-b");
    g_assert_true (world->decision.is_dipped);
    expect_route (world, "101044412125551234", "local", "tandem-a");
    g_assert_false (world->decision.is_dipped);
}

/* RFC 4694 4: with a country code, or in its context, it is the number that the tables have. */
static void
test_country (World *world, const void *data G_GNUC_UNUSED)
{
    static const struct {
        const char *number, *context, *expected;
    } cases[] = {
        { "+13155550000", NULL, "3155550000" },   { "3155550000", "+1", "3155550000" },
        { "3155550000", NULL, "3155550000" },     { "305550000", "+49", "+49305550000" },
        { "+49305550000", NULL, "+49305550000" }, { "3155550000", "example.net", "3155550000" },
    };

    world->request.trunk = "american";
    world->request.is_dipped = true;
    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        world->request.routing_number = world->request.carrier = cases[i].number;
        world->request.routing_context = world->request.carrier_context = cases[i].context;
        decide (world, "12125551234");
        g_assert_cmpstr (world->decision.routing_number, ==, cases[i].expected);
        g_assert_cmpstr (world->decision.carrier, ==, cases[i].expected);
    }
}

/* --- Dips -------------------------------------------------------------------------------- */

static bool
answer_dip (TdDipKind kind, const char *name, const char *number, DipAnswer *ret_answer, void *data)
{
    World *world = data;

    g_snprintf (world->asked, sizeof world->asked, "%s %s", name, number);
    *ret_answer = world->answers[kind];
    return world->is_answered[kind];
}

static DipAnswer
found (const char *number, const char *carrier)
{
    DipAnswer answer = { .result = TD_DIP_FOUND };

    g_strlcpy (answer.said.number, number, sizeof answer.said.number);
    g_strlcpy (answer.said.carrier, carrier, sizeof answer.said.carrier);
    return answer;
}

static void
set_answer (World *world, TdDipKind kind, DipAnswer answer)
{
    world->answers[kind] = answer;
    world->is_answered[kind] = true;
}

static void
use_dips (World *world, const char *trunk)
{
    world->request.trunk = trunk;
    world->request.dip = answer_dip;
    world->request.data = world;
}

static void
expect_dip (World *world, const char *called, TdDipKind kind, const char *name, const char *number)
{
    decide (world, called);
    g_assert_cmpint (world->decision.verdict, ==, DECISION_DIP);
    g_assert_cmpint (world->decision.dip_kind, ==, kind);
    g_assert_cmpstr (world->decision.dip, ==, name);
    g_assert_cmpstr (world->decision.dip_number, ==, number);
}

static void
test_dip_goes_on (World *world, const void *data G_GNUC_UNUSED)
{
    use_dips (world, "asking");
    expect_dip (world, "12125550111", TD_DIP_PORTABILITY, "lnp", "+12125550111");
    set_answer (world, TD_DIP_PORTABILITY, found ("+12015550000", ""));
    expect_route (world, "12125550111", "long", "carrier-b");
    g_assert_cmpstr (world->decision.routing_number, ==, "2015550000");
    g_assert_cmpstr (world->decision.numbers.called.text, ==, "2125550111");
    g_assert_true (world->decision.is_dipped);
    set_answer (world, TD_DIP_PORTABILITY, (DipAnswer){ .result = TD_DIP_NOT_FOUND });
    expect_route (world, "12125551234", "local", "tandem-a"); /* though the table has it */
    g_assert_true (world->decision.is_dipped);
}

static void
test_dip_of_toll_free (World *world, const void *data G_GNUC_UNUSED)
{
    use_dips (world, "asking");
    expect_dip (world, "18005550111", TD_DIP_TOLL_FREE, "freephone", "+18005550111");
    set_answer (world, TD_DIP_TOLL_FREE, found ("+12125550177", "+10288"));
    expect_dip (world, "18005550111", TD_DIP_PORTABILITY, "lnp", "+12125550177");
    set_answer (world, TD_DIP_PORTABILITY, found ("2015550000", ""));
    expect_route (world, "18005550111", "carrier-0288", "carrier-c");
    g_assert_cmpstr (world->decision.numbers.called.text, ==, "2125550177");
    g_assert_cmpstr (world->decision.routing_number, ==, "2015550000");
    g_assert_cmpstr (world->decision.carrier, ==, "0288");
}

/* The last but one carrier asks, once. */
static void
test_dip_is_whose (World *world, const void *data G_GNUC_UNUSED)
{
    use_dips (world, "ours-asking");
    expect_route (world, "101044412125551234", "local", "tandem-a");
    g_assert_cmpstr (world->asked, ==, "");
    world->request.is_dipped = true;
    expect_route (world, "12125551234", "local", "tandem-a");
    g_assert_cmpstr (world->asked, ==, "");
    world->request.is_dipped = false;
    expect_dip (world, "12125551234", TD_DIP_PORTABILITY, "lnp", "+12125551234");
    decide (world, "011498912345");
    g_assert_cmpint (world->decision.verdict, ==, DECISION_ROUTE);
    decide (world, "911");
    g_assert_cmpint (world->decision.verdict, ==, DECISION_ROUTE);
}

/* RFC 4694 5.2.1 is of geographic numbers: neither of services nor of what is still a freephone number. */
static void
test_dip_of_what_cannot_be_ported (World *world, const void *data G_GNUC_UNUSED)
{
    use_dips (world, "asking");
    expect_route (world, "411", "directory", "operator");
    g_assert_cmpstr (world->asked, ==, "");
    g_assert_false (world->decision.is_dipped);
    set_answer (world, TD_DIP_TOLL_FREE, (DipAnswer){ .result = TD_DIP_NOT_FOUND });
    expect_route (world, "18005570111", "long", "carrier-b");
    g_assert_cmpstr (world->asked, ==, "freephone +18005570111");
    g_assert_false (world->decision.is_dipped);
}

static void
test_dip_finds_own_and_vacant (World *world, const void *data G_GNUC_UNUSED)
{
    use_dips (world, "asking");
    set_answer (world, TD_DIP_PORTABILITY, found ("+16465550000", ""));
    expect_route (world, "12125550111", "local", "tandem-a");
    g_assert_cmpstr (world->decision.routing_number, ==, "");
    set_answer (world, TD_DIP_PORTABILITY, (DipAnswer){ .result = TD_DIP_NOT_FOUND });
    expect_refusal (world, "12129550111", TD_CAUSE_UNALLOCATED_NUMBER);
}

static void
test_dip_fails (World *world, const void *data G_GNUC_UNUSED)
{
    DipAnswer failed = { .result = TD_DIP_FAILED, .error = "x", .fallback = DIP_BY_TABLE };

    use_dips (world, "asking");
    set_answer (world, TD_DIP_TOLL_FREE, failed);
    set_answer (world, TD_DIP_PORTABILITY, failed);
    expect_route (world, "12125551234", "long", "carrier-b");
    g_assert_cmpstr (world->decision.routing_number, ==, "2015550000");
    expect_route (world, "18005550111", "local", "tandem-a");
    g_assert_cmpstr (world->decision.numbers.called.text, ==, "2125550199");
    failed.fallback = DIP_AS_IS;
    set_answer (world, TD_DIP_PORTABILITY, failed);
    expect_route (world, "12125551234", "local", "tandem-a");
    g_assert_false (world->decision.is_dipped); /* the next network may know */
    failed.fallback = DIP_REFUSE;
    failed.cause = 41;
    set_answer (world, TD_DIP_PORTABILITY, failed);
    expect_refusal (world, "12125551234", 41);
}

static void
test_query_on_release (World *world, const void *data G_GNUC_UNUSED)
{
    use_dips (world, "on-release");
    expect_route (world, "12125551234", "local", "tandem-a");
    g_assert_cmpstr (world->asked, ==, "");
    g_assert_false (world->decision.is_dipped);
    world->request.is_released = true;
    world->request.release_cause = 17;
    expect_route (world, "12125551234", "local", "tandem-a");
    g_assert_cmpstr (world->asked, ==, "");
    world->request.release_cause = 14; /* ITU-T Q.850 2.2.7: QoR, ported number */
    expect_dip (world, "12125551234", TD_DIP_PORTABILITY, "lnp", "+12125551234");
    world->request.release_cause = TD_CAUSE_UNALLOCATED_NUMBER;
    expect_dip (world, "12125551234", TD_DIP_PORTABILITY, "lnp", "+12125551234");
    set_answer (world, TD_DIP_PORTABILITY, found ("+12015550000", ""));
    expect_route (world, "12125551234", "long", "carrier-b");
    g_assert_true (world->decision.is_queried);
    world->is_answered[TD_DIP_PORTABILITY] = false;
    world->request.trunk = "own-causes";
    world->request.release_cause = 3;
    expect_dip (world, "12125551234", TD_DIP_PORTABILITY, "lnp", "+12125551234");
    world->request.release_cause = 14;
    expect_route (world, "12125551234", "local", "tandem-a");
}

static void
test_own_routing_number (World *world, const void *data G_GNUC_UNUSED)
{
    expect_route (world, "12125554321", "local", "tandem-a");
    g_assert_cmpstr (world->decision.routing_number, ==, "");
}

static void
test_vacant (World *world, const void *data G_GNUC_UNUSED)
{
    expect_refusal (world, "12129550111", TD_CAUSE_UNALLOCATED_NUMBER);
}

static void
test_jurisdiction (World *world, const void *data G_GNUC_UNUSED)
{
    static const struct {
        const char *called;
        Jurisdiction expected;
    } cases[] = {
        { "12125550111", JURISDICTION_LOCAL },
        { "13155550111", JURISDICTION_INTRASTATE },
        { "12015550111", JURISDICTION_INTERSTATE },
        { "19175550111", JURISDICTION_MOBILE },
        { "011498912345", JURISDICTION_INTERNATIONAL },
        { "011448912345", JURISDICTION_INTERNATIONAL },
        { "13105550111", JURISDICTION_UNKNOWN },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        decide (world, cases[i].called);
        g_assert_cmpstr (jurisdiction_name (world->decision.jurisdiction), ==,
                         jurisdiction_name (cases[i].expected));
    }
}

static void
test_times (World *world, const void *data G_GNUC_UNUSED)
{
    expect_refusal (world, "12127770111", TD_CAUSE_NO_ROUTE_TO_DESTINATION);
    world->request.time_us += INT64_C (11) * 3600 * G_USEC_PER_SEC;
    expect_route (world, "12127770111", "dark", "carrier-a");
}

static void
test_overlap (World *world, const void *data G_GNUC_UNUSED)
{
    g_assert_true (td_party_from_number (&world->called, "1212555"));
    world->called.is_complete = false;
    decision_make (world->tables, &world->request, &world->decision, NULL);
    g_assert_cmpint (world->decision.verdict, ==, DECISION_MORE_DIGITS);
    g_assert_true (td_party_from_number (&world->called, "12125550111"));
    world->called.is_complete = false;
    decision_make (world->tables, &world->request, &world->decision, NULL);
    g_assert_cmpint (world->decision.verdict, ==, DECISION_ROUTE);
    expect_refusal (world, "1212555", TD_CAUSE_INVALID_NUMBER_FORMAT);
    world->request.trunk = "plain"; /* without a plan, by the prefixes */
    g_assert_true (td_party_from_number (&world->called, "21"));
    world->called.is_complete = false;
    decision_make (world->tables, &world->request, &world->decision, NULL);
    g_assert_cmpint (world->decision.verdict, ==, DECISION_MORE_DIGITS);
}

static void
test_user (World *world, const void *data G_GNUC_UNUSED)
{
    g_assert_true (td_party_from_user (&world->called, "alice", "example.net"));
    decision_make (world->tables, &world->request, &world->decision, NULL);
    g_assert_cmpint (world->decision.verdict, ==, DECISION_ROUTE);
    g_assert_cmpstr (world->decision.label, ==, "local");
}

static void
test_cause_table (World *world, const void *data G_GNUC_UNUSED)
{
    decide (world, "12125550111");
    g_assert_true (decision_is_try_next (world->tables, &world->decision, 17));
    g_assert_false (decision_is_try_next (world->tables, &world->decision, 34));
    g_assert_true (decision_is_try_next (world->tables, &world->decision, 42));
    decide (world, "13105550111"); /* a list without a table */
    g_assert_false (decision_is_try_next (world->tables, &world->decision, 17));
    g_assert_true (decision_is_try_next (world->tables, &world->decision, 34));
}

static void
test_no_ingress (void)
{
    g_autoptr (Tables) tables = make_tables ("[ingress]\n[list]\n");
    TdParty party;
    Decision decision;

    g_assert_true (td_party_from_number (&party, "1"));
    decision_make (tables, &(DecisionRequest){ .called = &party, .calling = &party }, &decision,
                   NULL);
    g_assert_cmpint (decision.verdict, ==, DECISION_REFUSE);
    g_assert_cmpuint (decision.cause, ==, TD_CAUSE_NO_ROUTE_TO_DESTINATION);
}

static void
test_explained (World *world, const void *data G_GNUC_UNUSED)
{
    static const char *const steps[] = { "ingress",     "translation", "translation",
                                         "translation", "analysis",    "carrier",
                                         "screening",   "portability", "jurisdiction",
                                         "route",       "targets" };
    g_autoptr (Explanation) explanation = explanation_new ();

    g_assert_true (td_party_from_number (&world->called, "12125550111"));
    decision_make (world->tables, &world->request, &world->decision, explanation);
    g_assert_cmpuint (explanation->steps->len, ==, G_N_ELEMENTS (steps));
    for (unsigned i = 0; i < G_N_ELEMENTS (steps); i++) {
        const ExplanationStep *step = &g_array_index (explanation->steps, ExplanationStep, i);
        g_test_message ("%s: %s", step->step, step->sentence);
        g_assert_cmpstr (step->step, ==, steps[i]);
    }
    g_assert_cmpuint (explanation->candidates->len, ==, 3); /* a row, two targets */
}

/* Whether it is explained or not, a decision is the same. */
static void
test_explained_alike (World *world, const void *data G_GNUC_UNUSED)
{
    static const char *const numbers[] = {
        "911", "12125550111", "12129550111", "01174951234567", "18005550111", "101028813105550111",
        "5"
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (numbers); i++) {
        g_autoptr (Explanation) explanation = explanation_new ();
        Decision explained;
        decide (world, numbers[i]);
        decision_make (world->tables, &world->request, &explained, explanation);
        g_assert_cmpint (explained.verdict, ==, world->decision.verdict);
        g_assert_cmpuint (explained.cause, ==, world->decision.cause);
        g_assert_cmpstr (explained.label, ==, world->decision.label);
        g_assert_cmpuint (explained.n_targets, ==, world->decision.n_targets);
        g_assert_cmpuint (explanation->steps->len, >, 0);
    }
}

#define ADD(path, test) g_test_add ("/route/decision/" path, World, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("ROU-020/typical", test_typical);
    ADD ("ROU-021/translation", test_translation);
    ADD ("ROU-028/screening", test_screening);
    ADD ("PRI-044/unscreened", test_unscreened);
    ADD ("ROU-029/emergency", test_emergency);
    ADD ("ROU-029/services", test_services);
    ADD ("ROU-024/carrier", test_carrier);
    ADD ("ROU-026/toll-free", test_toll_free);
    ADD ("ROU-026/toll-free-is-ported", test_toll_free_is_ported);
    ADD ("ROU-026/toll-free-of-another", test_toll_free_of_another);
    ADD ("ROU-025/ported", test_ported);
    ADD ("ROU-025/country", test_country);
    ADD ("ROU-025/dip-goes-on", test_dip_goes_on);
    ADD ("ROU-026/dip-of-toll-free", test_dip_of_toll_free);
    ADD ("ROU-025/dip-is-whose", test_dip_is_whose);
    ADD ("ROU-025/dip-of-what-cannot-be-ported", test_dip_of_what_cannot_be_ported);
    ADD ("ROU-025/dip-finds-own-and-vacant", test_dip_finds_own_and_vacant);
    ADD ("ROU-025/dip-fails", test_dip_fails);
    ADD ("ROU-025/query-on-release", test_query_on_release);
    ADD ("carrier-that-is-too-long", test_carrier_that_is_too_long);
    ADD ("ROU-025/who-dips", test_who_dips);
    ADD ("ROU-025/dip-of-another-number", test_dip_of_another_number);
    ADD ("ROU-025/own-routing-number", test_own_routing_number);
    ADD ("ROU-025/vacant", test_vacant);
    ADD ("ROU-027/jurisdiction", test_jurisdiction);
    ADD ("ROU-020/times", test_times);
    ADD ("ROU-030/overlap", test_overlap);
    ADD ("ROU-020/user", test_user);
    ADD ("ROU-023/cause-table", test_cause_table);
    g_test_add_func ("/route/decision/ROU-020/no-ingress", test_no_ingress);
    ADD ("ROU-043/explained", test_explained);
    ADD ("ROU-043/explained-alike", test_explained_alike);
    return g_test_run ();
}
