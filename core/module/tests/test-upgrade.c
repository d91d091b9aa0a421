/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A new build takes the place of the running one; a refused one leaves it as it was. */

#include "world.h"

#include "run/bus.h"
#include "run/lane.h"

#include <string.h>

/* Loads the variant FIRST, then upgrades to NEXT. Both are the module NAME. */
static void
upgrade_from (World *own, const char *name, const char *first, const char *next)
{
    g_autofree char *before = variant_path (first);
    g_autofree char *after = variant_path (next);

    if (first != NULL) {
        td_registry_load (own->registry, name, before, note_answer, NULL);
        td_lanes_settle ();
        g_assert_cmpstr (own->answers->str, ==, "ok;");
        g_string_truncate (own->answers, 0);
    }
    td_registry_upgrade (own->registry, name, after, 1000, note_answer, NULL);
    td_lanes_settle ();
}

static void
append_generation (TdModule *module, void *data)
{
    g_string_append_printf (data, "%u %s;", td_module_generation (module),
                            td_fsm_state_name (&module->fsm));
}

static void
assert_generations (World *own, const char *expected)
{
    g_autoptr (GString) states = g_string_new (NULL);

    td_registry_each (own->registry, append_generation, states);
    g_assert_cmpstr (states->str, ==, expected);
}

/* What the newest generation says of itself. */
static int
private_value (World *own)
{
    TdModule *module = td_registry_find (own->registry, "variant");
    g_autoptr (GVariant) info = g_variant_ref_sink (td_registry_info (module));
    int value = 0;

    g_assert_true (g_variant_lookup (info, "private", "i", &value));
    return value;
}

static void
assert_answer_has (World *own, const char *part)
{
    if (strstr (own->answers->str, part) == NULL) {
        g_error ("\"%s\" does not say \"%s\"", own->answers->str, part);
    }
}

static void
test_beside (World *own, gconstpointer unused)
{
    upgrade_from (own, "variant", "good", "next");
    g_assert_cmpstr (own->answers->str, ==, "ok;");
    assert_generations (own, "2 running;");
    g_assert_cmpint (private_value (own), ==, 2);
}

static void
note_turn (TdPost *post)
{
    g_string_append (world->calls, "turn of a lane;");
}

/* A lane begins a turn when the new build runs: as if it had looked for the newest just before. */
static void
hear_state (const TdFact *fact, void *data)
{
    const struct {
        const char *module;
        uint32_t generation;
        const char *version;
        const char *state;
    } *body = fact->body;

    if (body->generation == 2 && strcmp (body->state, "running") == 0) {
        td_lane_post (td_lane_at (0), data);
    } else if (strcmp (body->state, "draining") == 0) {
        g_string_append (world->calls, "draining;");
    }
}

static void
test_the_old_build_serves_the_turn_that_is_under_way (World *own, gconstpointer unused)
{
    TdPost turn = { .run = note_turn, .drop = note_turn };
    TdSubscription *subscription =
        td_bus_subscribe (NULL, TD_LIST ("module.changed"), hear_state, &turn);

    upgrade_from (own, "variant", "good", "next");
    td_bus_unsubscribe (subscription);
    g_assert_cmpstr (own->calls->str, ==, "turn of a lane;draining;");
}

static void
test_the_old_build_ends_its_calls (World *own, gconstpointer unused)
{
    g_autofree char *path = variant_path ("good");

    td_registry_load (own->registry, "variant", path, note_answer, NULL);
    td_lanes_settle ();
    TdModule *old = td_registry_find (own->registry, "variant");
    td_module_use (old);
    upgrade_from (own, "variant", NULL, "next");
    g_assert_cmpstr (own->answers->str, ==, "ok;ok;");
    assert_generations (own, "1 draining;2 running;");
    td_lanes_advance (60000);
    assert_generations (own, "1 draining;2 running;");
    td_module_unuse (old);
    td_lanes_advance (1000);
    assert_generations (own, "2 running;");
    g_assert_cmpuint (own->n_evicted, ==, 0);
}

static void
test_several_generations (World *own, gconstpointer unused)
{
    g_autofree char *path = variant_path ("good");

    td_registry_load (own->registry, "variant", path, note_answer, NULL);
    td_lanes_settle ();
    for (unsigned i = 0; i < 3; i++) {
        td_module_use (td_registry_find (own->registry, "variant"));
        upgrade_from (own, "variant", NULL, i % 2 == 0 ? "next" : "good");
    }
    assert_generations (own, "1 draining;2 draining;3 draining;4 running;");
    for (unsigned i = 0; i < 3; i++) {
        /* The second first. */
        static const unsigned order[] = { 1, 0, 0 };
        GPtrArray *modules = td_registry_modules (own->registry);
        td_module_unuse (modules->pdata[order[i]]);
        td_lanes_advance (1000);
    }
    assert_generations (own, "4 running;");
}

static void
assert_old_untouched (World *own, const char *next, const char *reason)
{
    upgrade_from (own, "variant", "good", next);
    assert_answer_has (own, reason);
    td_lanes_settle ();
    assert_generations (own, "1 running;");
    g_assert_cmpint (private_value (own), ==, 1);
}

static void
test_refused_file (World *own, gconstpointer unused)
{
    assert_old_untouched (own, "wrong-major", "built for ABI 2.0, this is 1.0");
}

static void
test_refused_by_the_linker (World *own, gconstpointer unused)
{
    assert_old_untouched (own, "missing-symbol", "calls td_call_the_moon");
}

static void
test_refused_other_name (World *own, gconstpointer unused)
{
    assert_old_untouched (own, "twin", "is the module \"twin\", not \"variant\"");
}

static void
test_refused_missing_feature (World *own, gconstpointer unused)
{
    assert_old_untouched (own, "next-needs",
                          "module variant needs test.one, which no running module provides");
}

static void
test_refused_load (World *own, gconstpointer unused)
{
    assert_old_untouched (own, "next-load-fails", "the moon is full");
}

static void
test_refused_start (World *own, gconstpointer unused)
{
    assert_old_untouched (own, "next-start-fails", "the port is taken");
}

static void
test_refused_handover (World *own, gconstpointer unused)
{
    assert_old_untouched (own, "next-handover-without", "has no import_state ()");
}

static void
test_refused_handover_of_nothing (World *own, gconstpointer unused)
{
    assert_old_untouched (own, "next-handover", "the running build has no export_state ()");
}

static void
test_restart (World *own, gconstpointer unused)
{
    upgrade_from (own, "variant", "good", "next-restart");
    g_assert_cmpstr (own->answers->str, ==, "ok;");
    assert_generations (own, "2 running;");
    g_assert_cmpint (private_value (own), ==, 2);
}

static void
test_restart_waits_for_calls (World *own, gconstpointer unused)
{
    g_autofree char *path = variant_path ("good");

    td_registry_load (own->registry, "variant", path, note_answer, NULL);
    td_lanes_settle ();
    TdModule *old = td_registry_find (own->registry, "variant");
    td_module_use (old);
    upgrade_from (own, "variant", NULL, "next-restart");
    td_lanes_advance (900);
    assert_generations (own, "1 draining;2 loaded;");
    td_module_unuse (old);
    td_lanes_advance (1000);
    assert_generations (own, "2 running;");
}

static void
test_restart_that_fails_brings_the_old_build_back (World *own, gconstpointer unused)
{
    assert_old_untouched (own, "next-restart-fails", "the build before goes on: the port is taken");
}

static void
test_handover (World *own, gconstpointer unused)
{
    upgrade_from (own, "variant", "exporting", "next-handover");
    g_assert_cmpstr (own->answers->str, ==, "ok;");
    assert_generations (own, "2 running;");
    g_assert_cmpint (private_value (own), ==, 207);
}

static void
test_handover_that_fails_brings_the_old_build_back (World *own, gconstpointer unused)
{
    upgrade_from (own, "variant", "exporting", "next-handover-fails");
    assert_answer_has (own, "the build before goes on: the port is taken");
    td_lanes_settle ();
    assert_generations (own, "1 running;");
    /* It got back what it had handed over, on top of its own. */
    g_assert_cmpint (private_value (own), ==, 707);
}

static void
test_a_needed_feature_may_not_go (World *own, gconstpointer unused)
{
    g_autofree char *user = variant_path ("user");
    g_autofree char *provider = variant_path ("provider");

    td_registry_load (own->registry, "provider", provider, note_answer, NULL);
    td_registry_load (own->registry, "user", user, note_answer, NULL);
    td_lanes_settle ();
    upgrade_from (own, "provider", NULL, "next-provider-without");
    assert_answer_has (own, "module provider provides test.one, which module user needs");
    assert_generations (own, "1 running;1 running;");
    /* The refused build had the second number. */
    upgrade_from (own, "provider", NULL, "provider");
    g_assert_true (g_str_has_suffix (own->answers->str, ";ok;"));
    assert_generations (own, "3 running;1 running;");
}

static void
test_only_a_running_module (World *own, gconstpointer unused)
{
    upgrade_from (own, "variant", NULL, "next");
    g_assert_cmpstr (own->answers->str, ==,
                     "module variant is not loaded: only a running module is upgraded, load it "
                     "instead;");
}

static void
set_true (void *data)
{
    *(bool *) data = true;
}

/* While the new build waits for the old one's calls. */
static void
wait_for_calls (World *own)
{
    g_autofree char *path = variant_path ("good");

    td_registry_load (own->registry, "variant", path, note_answer, NULL);
    td_lanes_settle ();
    TdModule *old = td_registry_find (own->registry, "variant");
    td_module_use (old);
    upgrade_from (own, "variant", NULL, "next-restart");
    g_string_truncate (own->answers, 0);
}

static void
test_the_new_build_is_unloaded_meanwhile (World *own, gconstpointer unused)
{
    wait_for_calls (own);
    td_registry_unload (own->registry, "variant", 0, note_answer, NULL);
    td_lanes_settle ();
    td_module_unuse (td_registry_modules (own->registry)->pdata[0]);
    td_lanes_advance (1000);
    g_assert_cmpstr (own->answers->str, ==,
                     "ok;module variant: one of the two builds was unloaded meanwhile;");
    assert_generations (own, "1 stopped;");
}

static void
test_everything_stops_meanwhile (World *own, gconstpointer unused)
{
    bool is_done = false;

    wait_for_calls (own);
    td_registry_stop_all (own->registry, 100, set_true, &is_done);
    td_lanes_settle ();
    td_module_unuse (td_registry_modules (own->registry)->pdata[0]);
    td_lanes_advance (1000);
    g_assert_true (is_done);
    assert_answer_has (own, "one of the two builds was unloaded meanwhile");
    assert_generations (own, "1 unloaded;");
}

static void
test_no_copy_is_left (World *own, gconstpointer unused)
{
    g_autofree char *images = g_build_filename (own->folder.path, ".images", NULL);

    upgrade_from (own, "variant", "good", "next");
    g_assert_cmpuint (count_files (images), ==, 1);
    upgrade_from (own, "variant", NULL, "next-start-fails");
    g_assert_cmpuint (count_files (images), ==, 1);
}

static void
add (const char *path, void (*test) (World *, gconstpointer))
{
    g_test_add (path, World, NULL, world_set_up, test, world_tear_down);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    add ("/module/upgrade/beside", test_beside);
    add ("/module/upgrade/the-old-build-serves-the-turn-that-is-under-way",
         test_the_old_build_serves_the_turn_that_is_under_way);
    add ("/module/upgrade/the-old-build-ends-its-calls", test_the_old_build_ends_its_calls);
    add ("/module/upgrade/several-generations", test_several_generations);
    add ("/module/upgrade/refused-file", test_refused_file);
    add ("/module/upgrade/refused-by-the-linker", test_refused_by_the_linker);
    add ("/module/upgrade/refused-other-name", test_refused_other_name);
    add ("/module/upgrade/refused-missing-feature", test_refused_missing_feature);
    add ("/module/upgrade/refused-load", test_refused_load);
    add ("/module/upgrade/refused-start", test_refused_start);
    add ("/module/upgrade/refused-handover", test_refused_handover);
    add ("/module/upgrade/refused-handover-of-nothing", test_refused_handover_of_nothing);
    add ("/module/upgrade/restart", test_restart);
    add ("/module/upgrade/restart-waits-for-calls", test_restart_waits_for_calls);
    add ("/module/upgrade/restart-that-fails-brings-the-old-build-back",
         test_restart_that_fails_brings_the_old_build_back);
    add ("/module/upgrade/handover", test_handover);
    add ("/module/upgrade/handover-that-fails-brings-the-old-build-back",
         test_handover_that_fails_brings_the_old_build_back);
    add ("/module/upgrade/a-needed-feature-may-not-go", test_a_needed_feature_may_not_go);
    add ("/module/upgrade/only-a-running-module", test_only_a_running_module);
    add ("/module/upgrade/the-new-build-is-unloaded-meanwhile",
         test_the_new_build_is_unloaded_meanwhile);
    add ("/module/upgrade/everything-stops-meanwhile", test_everything_stops_meanwhile);
    add ("/module/upgrade/no-copy-is-left", test_no_copy_is_left);
    return g_test_run ();
}
