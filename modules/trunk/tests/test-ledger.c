/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ROU-061: the rules by which nodes share a pool, change by change. */

#include "ledger.h"

#include <string.h>

static const LedgerTerms terms = { .pool = 100, .timeout_ms = 40000, .text = "pool=100" };
static const LedgerTerms other_terms = { .pool = 50, .timeout_ms = 40000, .text = "pool=50" };

enum { EPOCH = 7 };

/* A ledger in a ripe epoch in which "a" holds 30 and "b" holds 50. */
static Ledger *
ledger_new (void)
{
    g_autoptr (GError) error = NULL;
    Ledger *ledger = ledger_parse ("tandem-lease 1\nepoch 7 ripe run\nterms pool=100\n"
                                   "node a 1 10 30 0\nnode b 2 20 50 0\n",
                                   &error);

    g_assert_no_error (error);
    return ledger;
}

static LedgerAsk
ask_new (const char *node, uint64_t boot)
{
    return (LedgerAsk){
        .node = node, .boot = boot, .seq = 11, .epoch = EPOCH, .fresh = 99, .terms = &terms
    };
}

static uint32_t
seats_of (const Ledger *ledger, const char *name)
{
    const LedgerNode *node = ledger_find (ledger, name);

    g_assert_nonnull (node);
    return node->seats;
}

static void
test_as_printed (void)
{
    g_autoptr (Ledger) ledger = ledger_new ();
    g_autofree char *text = ledger_print (ledger);
    g_autoptr (Ledger) again = ledger_parse (text, NULL);
    g_autofree char *text_again = ledger_print (again);

    g_assert_cmpstr (text, ==, text_again);
    g_assert_cmpuint (again->nodes->len, ==, 2);
    g_assert_true (again->is_ripe);
}

static void
test_names_of_any_kind (void)
{
    g_autoptr (Ledger) ledger = ledger_new ();
    LedgerAsk ask = ask_new ("a b\n%\xc3\xa9", 3);

    ask.want = 5;
    ledger_apply (ledger, "run", &ask);
    g_autofree char *text = ledger_print (ledger);
    g_autoptr (Ledger) again = ledger_parse (text, NULL);
    g_assert_nonnull (again);
    g_assert_cmpuint (seats_of (again, "a b\n%\xc3\xa9"), ==, 5);
}

static void
test_nonsense_is_named (void)
{
    static const char *const texts[] = {
        "",
        "hello",
        "tandem-lease 2\nepoch 7 ripe run\nterms x\n",
        "tandem-lease 1\n",
        "tandem-lease 1\nepoch 7 ripe run\n",
        "tandem-lease 1\nepoch 0 ripe run\nterms x\n",
        "tandem-lease 1\nepoch 7 green run\nterms x\n",
        "tandem-lease 1\nepoch 7 ripe run\nepoch 8 ripe run\nterms x\n",
        "tandem-lease 1\nepoch 7 ripe run\nterms x\nnode a 1 1 -5 0\n",
        "tandem-lease 1\nepoch 7 ripe run\nterms x\nnode a 1 1 5000000000 0\n",
        "tandem-lease 1\nepoch 7 ripe run\nterms x\nnode a 1 1 5\n",
        "tandem-lease 1\nepoch 7 ripe run\nterms x\nnode a 1 1 5 0\nnode a 2 1 5 0\n",
        "tandem-lease 1\nepoch 7 ripe run\nterms x\nwhatever\n",
        "tandem-lease 1\nepoch 7 ripe run\nterms \xff\n",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (texts); i++) {
        g_autoptr (GError) error = NULL;
        g_assert_null (ledger_parse (texts[i], &error));
        g_assert_error (error, TD_ERROR, TD_ERROR_INVALID);
        g_assert_true (g_str_has_prefix (error->message, "what the store has")
                       || g_str_has_prefix (error->message, "line "));
    }
}

static void
test_too_many_nodes (void)
{
    g_autoptr (Ledger) ledger = ledger_new ();
    g_autofree char *text = NULL;

    for (unsigned i = 0; ledger->nodes->len < LEDGER_MAX_NODES; i++) {
        g_autofree char *name = g_strdup_printf ("n%u", i);
        LedgerAsk ask = ask_new (name, i);
        ledger_apply (ledger, "run", &ask);
    }
    LedgerAsk ask = ask_new ("one too many", 1);
    LedgerVerdict verdict = ledger_apply (ledger, "run", &ask);
    g_assert_true (verdict.is_crowded);
    g_assert_cmpuint (verdict.seats, ==, 0);
    text = ledger_print (ledger);
    G_GNUC_UNUSED g_autoptr (Ledger) again = ledger_parse (text, NULL);
    g_assert_nonnull (again);
}

/* --- Giving ------------------------------------------------------------------------------ */

static void
test_what_is_free_is_given (void)
{
    g_autoptr (Ledger) ledger = ledger_new ();
    LedgerAsk ask = ask_new ("a", 1);

    ask.held = 30;
    ask.want = 45;
    LedgerVerdict verdict = ledger_apply (ledger, "run", &ask);
    g_assert_cmpuint (verdict.seats, ==, 45);
    g_assert_cmpuint (verdict.n_free, ==, 5);
    ask.held = 45;
    ask.want = 70;
    g_assert_cmpuint (ledger_apply (ledger, "run", &ask).seats, ==, 50);
    g_assert_cmpuint (seats_of (ledger, "b"), ==, 50);
}

static void
test_what_is_not_wanted_is_free (void)
{
    g_autoptr (Ledger) ledger = ledger_new ();
    LedgerAsk ask = ask_new ("a", 1);

    ask.held = ask.want = 10;
    g_assert_cmpuint (ledger_apply (ledger, "run", &ask).seats, ==, 10);
    g_assert_cmpuint (ledger_apply (ledger, "run", &ask).n_free, ==, 40);
}

static void
test_who_leaves_holds_nothing (void)
{
    g_autoptr (Ledger) ledger = ledger_new ();
    LedgerAsk ask = ask_new ("a", 1);

    ask.is_leaving = true;
    ledger_apply (ledger, "run", &ask);
    g_assert_null (ledger_find (ledger, "a"));
}

static void
test_name_of_another_is_refused (void)
{
    g_autoptr (Ledger) ledger = ledger_new ();
    LedgerAsk ask = ask_new ("a", 5);

    ask.want = 10;
    LedgerVerdict verdict = ledger_apply (ledger, "run", &ask);
    g_assert_true (verdict.is_twin);
    g_assert_cmpuint (verdict.seats, ==, 0);
    g_assert_cmpuint (ledger_find (ledger, "a")->boot, ==, 1);
    g_assert_cmpuint (seats_of (ledger, "a"), ==, 30);
}

/* --- The dead ---------------------------------------------------------------------------- */

static void
test_dead_are_taken_out (void)
{
    g_autoptr (Ledger) ledger = ledger_new ();
    LedgerNode dead = { .name = (char *) "b", .boot = 2, .seq = 20 };
    LedgerAsk ask = ask_new ("a", 1);

    ask.dead = &dead;
    ask.n_dead = 1;
    ask.held = 30;
    ask.want = 90;
    g_assert_cmpuint (ledger_apply (ledger, "run", &ask).seats, ==, 90);
    g_assert_null (ledger_find (ledger, "b"));
}

static void
test_who_has_renewed_is_not_dead (void)
{
    g_autoptr (Ledger) ledger = ledger_new ();
    LedgerNode dead = { .name = (char *) "b", .boot = 2, .seq = 19 };
    LedgerAsk ask = ask_new ("a", 1);

    ask.dead = &dead;
    ask.n_dead = 1;
    ledger_apply (ledger, "run", &ask);
    g_assert_cmpuint (seats_of (ledger, "b"), ==, 50);
}

/* One that goes by a shorter time-out may not say so. */
static void
test_who_differs_buries_nobody (void)
{
    g_autoptr (Ledger) ledger = ledger_new ();
    LedgerNode dead = { .name = (char *) "b", .boot = 2, .seq = 20 };
    LedgerAsk ask = ask_new ("a", 1);

    ask.terms = &other_terms;
    ask.dead = &dead;
    ask.n_dead = 1;
    ledger_apply (ledger, "run", &ask);
    g_assert_cmpuint (seats_of (ledger, "b"), ==, 50);
}

/* --- Epochs ------------------------------------------------------------------------------ */

static void
assert_begun (Ledger *ledger, const char *run, const LedgerAsk *ask)
{
    LedgerVerdict verdict = ledger_apply (ledger, run, ask);

    g_assert_cmpuint (ledger->epoch, ==, ask->fresh);
    g_assert_false (ledger->is_ripe);
    g_assert_cmpuint (ledger->nodes->len, ==, 1);
    g_assert_cmpuint (verdict.seats, ==, ask->held);
}

static void
test_empty_store_begins_an_epoch (void)
{
    g_autoptr (Ledger) ledger = ledger_parse (NULL, NULL);
    LedgerAsk ask = ask_new ("a", 1);

    ask.held = 30;
    ask.want = 40;
    assert_begun (ledger, "run", &ask);
}

static void
test_other_run_begins_an_epoch (void)
{
    g_autoptr (Ledger) ledger = ledger_new ();
    LedgerAsk ask = ask_new ("a", 1);

    ask.held = ask.want = 30;
    assert_begun (ledger, "another", &ask);
}

/* It is the same run, but somebody has put an older text there. */
static void
test_store_that_forgot_begins_an_epoch (void)
{
    g_autoptr (Ledger) ledger = ledger_new ();
    LedgerAsk ask = ask_new ("a", 1);

    ask.held = ask.want = 31;
    assert_begun (ledger, "run", &ask);
}

static void
test_nothing_is_given_before_it_is_ripe (void)
{
    g_autoptr (Ledger) ledger = ledger_new ();
    LedgerAsk ask = ask_new ("a", 1);

    ledger->is_ripe = false;
    ask.held = 10;
    ask.want = 45;
    g_assert_cmpuint (ledger_apply (ledger, "run", &ask).seats, ==, 10);
    ask.known = EPOCH;
    g_assert_cmpuint (ledger_apply (ledger, "run", &ask).seats, ==, 45);
    g_assert_true (ledger->is_ripe);
}

static void
test_held_from_before_is_announced (void)
{
    g_autoptr (Ledger) ledger = ledger_new ();
    LedgerAsk ask = ask_new ("c", 3);

    ledger->is_ripe = false;
    ask.epoch = EPOCH - 1;
    ask.held = ask.want = 12;
    g_assert_cmpuint (ledger_apply (ledger, "run", &ask).seats, ==, 12);
    g_assert_cmpuint (ledger->epoch, ==, EPOCH);
}

/* A time-out has passed since: it has no right to it any more, but may ask like anybody. */
static void
test_held_from_before_is_nothing_when_ripe (void)
{
    g_autoptr (Ledger) ledger = ledger_new ();
    LedgerAsk ask = ask_new ("c", 3);

    ask.epoch = EPOCH - 1;
    ask.held = ask.want = 60;
    g_assert_cmpuint (ledger_apply (ledger, "run", &ask).seats, ==, 20);
    g_assert_cmpuint (ledger->epoch, ==, EPOCH);
}

/* Calls that an operator wants kept are counted, and nobody gets more until they have ended. */
static void
test_kept_are_counted (void)
{
    g_autoptr (Ledger) ledger = ledger_new ();
    LedgerAsk keeper = ask_new ("c", 3), ask = ask_new ("a", 1);

    keeper.kept = 40;
    g_assert_cmpuint (ledger_apply (ledger, "run", &keeper).seats, ==, 40);
    ask.held = 30;
    ask.want = 40;
    g_assert_cmpuint (ledger_apply (ledger, "run", &ask).seats, ==, 30);
}

/* --- Terms ------------------------------------------------------------------------------- */

static void
test_who_differs_gets_nothing_more (void)
{
    g_autoptr (Ledger) ledger = ledger_new ();
    LedgerAsk ask = ask_new ("a", 1);

    ask.terms = &other_terms;
    ask.held = 30;
    ask.want = 40;
    LedgerVerdict verdict = ledger_apply (ledger, "run", &ask);
    g_assert_cmpuint (verdict.seats, ==, 30);
    g_assert_false (verdict.is_agreed);
}

static void
test_terms_change_with_the_last_one (void)
{
    g_autoptr (Ledger) ledger = ledger_new ();
    LedgerAsk a = ask_new ("a", 1), b = ask_new ("b", 2);

    a.terms = b.terms = &other_terms;
    a.held = a.want = 30;
    b.held = b.want = 10;
    g_assert_false (ledger_apply (ledger, "run", &a).is_agreed);
    LedgerVerdict verdict = ledger_apply (ledger, "run", &b);
    g_assert_true (verdict.is_agreed);
    g_assert_cmpuint (verdict.n_free, ==, 10);
    g_assert_cmpstr (ledger->terms, ==, "pool=50");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/trunk/ROU-061/ledger/as-printed", test_as_printed);
    g_test_add_func ("/trunk/ROU-061/ledger/names", test_names_of_any_kind);
    g_test_add_func ("/trunk/ROU-061/ledger/nonsense", test_nonsense_is_named);
    g_test_add_func ("/trunk/ROU-061/ledger/too-many", test_too_many_nodes);
    g_test_add_func ("/trunk/ROU-061/ledger/free", test_what_is_free_is_given);
    g_test_add_func ("/trunk/ROU-061/ledger/given-back", test_what_is_not_wanted_is_free);
    g_test_add_func ("/trunk/ROU-061/ledger/leaving", test_who_leaves_holds_nothing);
    g_test_add_func ("/trunk/ROU-061/ledger/twin", test_name_of_another_is_refused);
    g_test_add_func ("/trunk/ROU-061/ledger/dead", test_dead_are_taken_out);
    g_test_add_func ("/trunk/ROU-061/ledger/not-dead", test_who_has_renewed_is_not_dead);
    g_test_add_func ("/trunk/ROU-061/ledger/differs-dead", test_who_differs_buries_nobody);
    g_test_add_func ("/trunk/ROU-061/ledger/empty", test_empty_store_begins_an_epoch);
    g_test_add_func ("/trunk/ROU-061/ledger/run", test_other_run_begins_an_epoch);
    g_test_add_func ("/trunk/ROU-061/ledger/forgot", test_store_that_forgot_begins_an_epoch);
    g_test_add_func ("/trunk/ROU-061/ledger/ripe", test_nothing_is_given_before_it_is_ripe);
    g_test_add_func ("/trunk/ROU-061/ledger/announced", test_held_from_before_is_announced);
    g_test_add_func ("/trunk/ROU-061/ledger/too-late", test_held_from_before_is_nothing_when_ripe);
    g_test_add_func ("/trunk/ROU-061/ledger/kept", test_kept_are_counted);
    g_test_add_func ("/trunk/ROU-061/ledger/differs", test_who_differs_gets_nothing_more);
    g_test_add_func ("/trunk/ROU-061/ledger/terms", test_terms_change_with_the_last_one);
    return g_test_run ();
}
