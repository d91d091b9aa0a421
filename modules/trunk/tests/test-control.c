/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ROU-050: network management controls, with calls from a seeded source. */

#include "control.h"

#include <string.h>
#include <tandem/cause.h>

enum { N_CALLS = 20000, SECOND_US = 1000000 };

static Control *
add (ControlSet *set, ControlKind kind, const char *trunk, const char *code)
{
    Control *control = control_new (kind);

    control->trunk = g_strdup (trunk);
    control->code = g_strdup (code);
    if (kind == CONTROL_GAP) {
        control->gap_ms = 1000;
    } else if (kind == CONTROL_RESERVATION) {
        control->threshold[0] = 10;
        control->threshold[1] = 4;
    } else if (kind == CONTROL_REROUTE || kind == CONTROL_REROUTE_OVERFLOW) {
        control->via = g_strsplit ("b,c", ",", -1);
    }
    return control;
}

static Control *
must_add (ControlSet *set, Control *control)
{
    GError *error = NULL;

    control_set_add (set, control, &error);
    g_assert_no_error (error);
    return control;
}

static ControlQuestion
call_to (const char *code)
{
    return (ControlQuestion){ .trunk = "a", .code = code, .n_idle = UINT32_MAX };
}

static ControlQuestion
any_call (void)
{
    static const char *const codes[] = { "+4930", "+4989", "+1212", "110" };
    ControlQuestion question = call_to (codes[g_test_rand_int_range (0, 4)]);

    question.trunk = g_test_rand_bit () ? "a" : "z";
    question.is_alternate = g_test_rand_bit ();
    question.is_hard_to_reach = g_test_rand_bit ();
    question.is_priority = g_test_rand_int_range (0, 10) == 0;
    question.level = (unsigned) g_test_rand_int_range (0, 4);
    question.n_idle = (uint32_t) g_test_rand_int_range (0, 20);
    return question;
}

/* The property of every control that has a share: of the calls it concerns exactly that share, at any
 * moment, and no other call. */
static void
test_share (gconstpointer data)
{
    ControlKind kind = GPOINTER_TO_UINT (data);
    ControlPoint point = kind == CONTROL_SILC ? AT_CALL
                         : kind == CONTROL_CANCEL_FROM || kind == CONTROL_REROUTE_OVERFLOW
                             ? AT_OVERFLOW
                             : AT_TARGET;

    for (unsigned round = 0; round < 30; round++) {
        ControlSet *set = control_set_new ();
        Control *control = add (set, kind, "a", g_test_rand_bit () ? "+49" : NULL);
        unsigned n_concerned = 0, n_hits = 0;
        control->percent = (uint32_t) g_test_rand_int_range (1, 101);
        control->traffic = (ControlTraffic) g_test_rand_int_range (0, 3);
        control->is_hard_to_reach = g_test_rand_bit ();
        must_add (set, control);
        for (unsigned i = 0; i < N_CALLS / 10; i++) {
            ControlQuestion call = any_call ();
            bool is_concerned = strcmp (call.trunk, "a") == 0
                                && (control->code == NULL || g_str_has_prefix (call.code, "+49"))
                                && (control->traffic == TRAFFIC_ALL
                                    || (control->traffic == TRAFFIC_DIRECT) == !call.is_alternate)
                                && (!control->is_hard_to_reach || call.is_hard_to_reach)
                                && (!call.is_priority || control->via != NULL);
            bool is_hit = control_set_ask (set, point, &call).verdict != CONTROL_PASS;
            n_concerned += is_concerned;
            n_hits += is_hit;
            g_assert_true (is_concerned || !is_hit);
            g_assert_cmpuint (n_hits, ==, n_concerned * control->percent / 100);
        }
        g_assert_cmpuint (control->n_seen, ==, n_concerned);
        g_assert_cmpuint (control->n_hits, ==, n_hits);
        control_set_free (set);
    }
}

/* However the calls come, no two pass within the gap; and one passes as soon as it is over. */
static void
test_gap (void)
{
    ControlSet *set = control_set_new ();
    Control *control = add (set, CONTROL_GAP, NULL, "+49");
    ControlQuestion call = call_to ("+4930");
    int64_t last_us = -1, now_us = 0;

    must_add (set, control);
    for (unsigned i = 0; i < N_CALLS; i++) {
        now_us += g_test_rand_int_range (0, 200000);
        call.now_us = now_us;
        bool passes = control_set_ask (set, AT_CALL, &call).verdict == CONTROL_PASS;
        g_assert_true (passes == (last_us < 0 || now_us - last_us >= SECOND_US));
        last_us = passes ? now_us : last_us;
    }
    control_set_free (set);
}

/* By the clock: the first call of each second passes, whenever it comes. */
static void
test_continuous_gap (void)
{
    ControlSet *set = control_set_new ();
    Control *control = add (set, CONTROL_GAP, NULL, "+49");
    ControlQuestion call = call_to ("+4930");
    int64_t slot = -1;

    control->is_continuous = true;
    must_add (set, control);
    for (unsigned i = 0; i < N_CALLS; i++) {
        call.now_us += g_test_rand_int_range (0, 400000);
        bool passes = control_set_ask (set, AT_CALL, &call).verdict == CONTROL_PASS;
        g_assert_true (passes == (call.now_us / SECOND_US != slot));
        slot = call.now_us / SECOND_US;
    }
    control_set_free (set);
}

static ControlVerdict
ask_once (ControlSet *set, ControlPoint point, ControlQuestion call)
{
    return control_set_ask (set, point, &call).verdict;
}

static void
test_verdicts (void)
{
    static const struct {
        ControlKind kind;
        ControlPoint point;
        ControlVerdict verdict;
    } rows[] = {
        { CONTROL_GAP, AT_TARGET, CONTROL_CANCEL },
        { CONTROL_BLOCK, AT_TARGET, CONTROL_CANCEL },
        { CONTROL_CANCEL_TO, AT_TARGET, CONTROL_CANCEL },
        { CONTROL_CANCEL_FROM, AT_OVERFLOW, CONTROL_CANCEL },
        { CONTROL_SKIP, AT_TARGET, CONTROL_GO_ON },
        { CONTROL_REROUTE, AT_TARGET, CONTROL_LEAD_OFF },
        { CONTROL_REROUTE_OVERFLOW, AT_OVERFLOW, CONTROL_LEAD_OFF },
        { CONTROL_SILC, AT_CALL, CONTROL_CANCEL },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++) {
        ControlSet *set = control_set_new ();
        must_add (set, add (set, rows[i].kind, "a", NULL));
        if (rows[i].kind == CONTROL_GAP) {
            g_assert_cmpint (ask_once (set, rows[i].point, call_to ("1")), ==, CONTROL_PASS);
        }
        for (ControlPoint point = AT_CALL; point <= AT_OVERFLOW; point++) {
            g_assert_cmpint (ask_once (set, point, call_to ("1")), ==,
                             point == rows[i].point ? rows[i].verdict : CONTROL_PASS);
        }
        control_set_free (set);
    }
}

static void
test_acc (void)
{
    ControlSet *set = control_set_new ();
    Control *control = must_add (set, add (set, CONTROL_ACC, "a", NULL));
    unsigned hits[4][2] = { { 0 } };

    for (unsigned i = 0; i < 8000; i++) {
        ControlQuestion call = call_to ("1");
        call.level = i / 2000;
        call.is_alternate = i % 2 == 1;
        hits[call.level][i % 2] += ask_once (set, AT_TARGET, call) == CONTROL_CANCEL;
    }
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpuint (hits[0][i], ==, 0);
        for (unsigned level = 1; level < 4; level++) {
            const uint32_t *percent = i == 0 ? control->direct : control->alternate;
            g_assert_cmpuint (hits[level][i], ==, percent[level - 1] * 10);
        }
    }
    control_set_free (set);
}

/* ROU-003: the first threshold keeps out who is hard to reach and a share of what is alternate-routed,
 * the second all but direct calls and those with a priority. */
static void
test_reservation (void)
{
    ControlSet *set = control_set_new ();
    ControlQuestion direct = call_to ("1"), alternate = call_to ("1"), hard = call_to ("1"),
                    priority = call_to ("1");
    unsigned n_alternate = 0;

    must_add (set, add (set, CONTROL_RESERVATION, "a", NULL));
    alternate.is_alternate = hard.is_hard_to_reach = true;
    priority.is_alternate = priority.is_hard_to_reach = priority.is_priority = true;
    for (uint32_t n_idle = 0; n_idle < 20; n_idle++) {
        direct.n_idle = alternate.n_idle = hard.n_idle = priority.n_idle = n_idle;
        g_assert_cmpint (ask_once (set, AT_TARGET, direct), ==, CONTROL_PASS);
        g_assert_cmpint (ask_once (set, AT_TARGET, priority), ==, CONTROL_PASS);
        g_assert_cmpint (ask_once (set, AT_TARGET, hard), ==,
                         n_idle <= 10 ? CONTROL_GO_ON : CONTROL_PASS);
        n_alternate += ask_once (set, AT_TARGET, alternate) == CONTROL_GO_ON;
    }
    g_assert_cmpuint (n_alternate, ==, 5 + 6 / 2);
    control_set_free (set);
}

static void
test_spray (void)
{
    ControlSet *set = control_set_new ();
    Control *control = add (set, CONTROL_REROUTE, "a", NULL);
    ControlQuestion call = call_to ("1");

    g_strfreev (control->via);
    control->via = g_strsplit ("b,c,d", ",", -1);
    control->is_spray = true;
    must_add (set, control);
    for (unsigned i = 0; i < 30; i++) {
        ControlAnswer answer = control_set_ask (set, AT_TARGET, &call);
        g_assert_cmpint (answer.verdict, ==, CONTROL_LEAD_OFF);
        g_assert_cmpstr (answer.via, ==, control->via[i % 3]);
    }
    control_set_free (set);
}

static void
test_schedule (void)
{
    ControlSet *set = control_set_new ();
    Control *control = add (set, CONTROL_SKIP, "a", NULL);
    ControlQuestion call = call_to ("1");

    control->from_us = 1000;
    control->until_us = 2000;
    must_add (set, control);
    for (call.wall_us = 0; call.wall_us < 3000; call.wall_us += 500) {
        g_assert_true ((ask_once (set, AT_TARGET, call) == CONTROL_GO_ON)
                       == (call.wall_us >= 1000 && call.wall_us < 2000));
    }
    control_set_free (set);
}

static void
test_rule (void)
{
    ControlSet *set = control_set_new ();
    Control *control = add (set, CONTROL_CANCEL_TO, "a", NULL);
    ControlQuestion call = call_to ("1");

    control->min_level = 2;
    must_add (set, control);
    for (call.level = 0; call.level < 4; call.level++) {
        g_assert_true ((ask_once (set, AT_TARGET, call) == CONTROL_CANCEL) == (call.level >= 2));
    }
    control_set_free (set);
}

/* A rule by the level of the switch itself does not ask for that of the group. */
static void
test_rule_by_machine (void)
{
    ControlSet *set = control_set_new ();
    Control *control = add (set, CONTROL_CANCEL_TO, "a", NULL);
    ControlQuestion call = call_to ("1");

    control->min_level = 2;
    control->is_machine = true;
    must_add (set, control);
    for (unsigned i = 0; i < 16; i++) {
        call.level = i / 4;
        call.machine_level = i % 4;
        g_assert_true ((ask_once (set, AT_TARGET, call) == CONTROL_CANCEL)
                       == (call.machine_level >= 2));
    }
    control_set_free (set);
}

/* Selective incoming load control: a share of the calls that come in, by level, whatever they are. */
static void
test_silc_by_level (void)
{
    static const uint32_t percent[4] = { 0, 25, 50, 100 };
    ControlSet *set = control_set_new ();
    Control *control = add (set, CONTROL_SILC, "a", NULL);
    unsigned hits[4] = { 0 };

    memcpy (control->direct, percent + 1, sizeof control->direct);
    control->is_machine = true;
    must_add (set, control);
    for (unsigned i = 0; i < 4000; i++) {
        ControlQuestion call = call_to ("1");
        call.machine_level = i / 1000;
        call.is_hard_to_reach = g_test_rand_bit ();
        hits[call.machine_level] += ask_once (set, AT_CALL, call) == CONTROL_CANCEL;
    }
    for (unsigned level = 0; level < 4; level++) {
        g_assert_cmpuint (hits[level], ==, percent[level] * 10);
    }
    control_set_free (set);
}

static void
test_strongest (void)
{
    ControlSet *set = control_set_new ();

    must_add (set, add (set, CONTROL_REROUTE, "a", NULL));
    must_add (set, add (set, CONTROL_SKIP, "a", NULL));
    g_assert_cmpint (ask_once (set, AT_TARGET, call_to ("1")), ==, CONTROL_GO_ON);
    must_add (set, add (set, CONTROL_CANCEL_TO, "a", NULL));
    g_assert_cmpint (ask_once (set, AT_TARGET, call_to ("1")), ==, CONTROL_CANCEL);
    g_assert_true (control_set_remove (set, 3));
    g_assert_true (control_set_remove (set, 2));
    g_assert_false (control_set_remove (set, 2));
    g_assert_cmpint (ask_once (set, AT_TARGET, call_to ("1")), ==, CONTROL_LEAD_OFF);
    control_set_free (set);
}

static void
refuse (Control *control, const char *why)
{
    g_autoptr (GError) error = NULL;
    ControlSet *set = control_set_new ();

    g_assert_false (control_set_add (set, control, &error));
    g_assert_nonnull (strstr (error->message, why));
    g_assert_cmpuint (set->controls->len, ==, 0);
    control_set_free (set);
}

static void
test_senseless (void)
{
    Control *control;

    refuse (add (NULL, CONTROL_SKIP, NULL, "1"), "--trunk");
    refuse (add (NULL, CONTROL_BLOCK, NULL, NULL), "every call");
    control = add (NULL, CONTROL_BLOCK, NULL, "1");
    control->percent = 101;
    refuse (control, "1 to 100");
    control = add (NULL, CONTROL_GAP, NULL, "1");
    control->gap_ms = 0;
    refuse (control, "--gap");
    control = add (NULL, CONTROL_REROUTE, "b", NULL);
    refuse (control, "come from");
    control = add (NULL, CONTROL_RESERVATION, "a", NULL);
    control->threshold[0] = 3;
    refuse (control, "threshold");
    control = add (NULL, CONTROL_SKIP, "a", NULL);
    control->from_us = control->until_us = 5;
    refuse (control, "before it begins");
}

static void
test_at_most_a_thousand (void)
{
    ControlSet *set = control_set_new ();
    g_autoptr (GError) error = NULL;

    for (unsigned i = 0; i < CONTROL_MAX; i++) {
        must_add (set, add (set, CONTROL_SKIP, "a", NULL));
    }
    g_assert_false (control_set_add (set, add (set, CONTROL_SKIP, "a", NULL), &error));
    g_assert_nonnull (strstr (error->message, "1000"));
    control_set_free (set);
}

int
main (int argc, char **argv)
{
    static const ControlKind with_share[] = {
        CONTROL_BLOCK,   CONTROL_CANCEL_TO,        CONTROL_CANCEL_FROM, CONTROL_SKIP,
        CONTROL_REROUTE, CONTROL_REROUTE_OVERFLOW, CONTROL_SILC,
    };

    g_test_init (&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS (with_share); i++) {
        g_autofree char *path =
            g_strdup_printf ("/trunk/ROU-050/share/%s", control_kind_name (with_share[i]));
        g_test_add_data_func (path, GUINT_TO_POINTER (with_share[i]), test_share);
    }
    g_test_add_func ("/trunk/ROU-050/gap", test_gap);
    g_test_add_func ("/trunk/ROU-050/continuous-gap", test_continuous_gap);
    g_test_add_func ("/trunk/ROU-050/verdicts", test_verdicts);
    g_test_add_func ("/trunk/ROU-050/acc", test_acc);
    g_test_add_func ("/trunk/ROU-003/reservation", test_reservation);
    g_test_add_func ("/trunk/ROU-050/spray", test_spray);
    g_test_add_func ("/trunk/ROU-050/schedule", test_schedule);
    g_test_add_func ("/trunk/ROU-050/rule", test_rule);
    g_test_add_func ("/trunk/ROU-050/rule-by-machine", test_rule_by_machine);
    g_test_add_func ("/trunk/ROU-050/silc-by-level", test_silc_by_level);
    g_test_add_func ("/trunk/ROU-050/strongest", test_strongest);
    g_test_add_func ("/trunk/ROU-050/senseless", test_senseless);
    g_test_add_func ("/trunk/ROU-050/at-most-a-thousand", test_at_most_a_thousand);
    return g_test_run ();
}
