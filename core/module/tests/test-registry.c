/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modules are found, brought up in order, and answer to an operator; what failed stays listed. */

#include "module/error.h"
#include "world.h"

#include "run/lane.h"

#include <tandem/bus.h>

#include <string.h>

/* A wish for the variant NAME as the module NAME: both have the same name here. */
static TdModuleWish
wish (const char *name, TdModulePolicy policy)
{
    g_autofree char *path = variant_path (name);
    TdModuleWish own = { name, policy, g_intern_string (path), NULL };

    return own;
}

static char *
problems_of (World *own)
{
    g_autoptr (GString) all = g_string_new (NULL);

    for (unsigned i = 0; i < own->problems->len; i++) {
        g_string_append_printf (all, "%s\n", (char *) own->problems->pdata[i]);
    }
    return g_string_free (g_steal_pointer (&all), FALSE);
}

static void
append_state (TdModule *module, void *data)
{
    g_string_append_printf (data, "%s %s;", td_module_name (module),
                            td_fsm_state_name (&module->fsm));
}

static void
assert_states (World *own, const char *expected)
{
    g_autoptr (GString) states = g_string_new (NULL);

    td_registry_each (own->registry, append_state, states);
    g_assert_cmpstr (states->str, ==, expected);
}

static void
test_all_in_order (World *own, gconstpointer unused)
{
    const TdModuleWish wishes[] = { wish ("user", TD_POLICY_REQUIRED),
                                    wish ("old", TD_POLICY_DISABLED),
                                    wish ("provider", TD_POLICY_OPTIONAL) };

    g_assert_true (td_registry_map_all (own->registry, wishes, 3, own->problems));
    assert_states (own, "provider found;user found;");
    g_assert_true (td_registry_load_all (own->registry, own->problems));
    assert_states (own, "provider loaded;user loaded;");
    g_assert_true (td_registry_start_all (own->registry, own->problems));
    assert_states (own, "provider running;user running;");
    g_assert_cmpuint (own->problems->len, ==, 0);
}

static void
test_found_in_the_module_path (World *own, gconstpointer unused)
{
    const TdModuleWish good = { "variant-old", TD_POLICY_REQUIRED, NULL, NULL };
    g_autofree char *path = variant_path ("old");
    g_autofree char *expected =
        g_strdup_printf ("module variant-old: %s: is the module \"old\", not \"variant-old\": "
                         "rename the file or ask for that name\n",
                         path);

    g_assert_false (td_registry_map_all (own->registry, &good, 1, own->problems));
    g_autofree char *problems = problems_of (own);
    g_assert_cmpstr (problems, ==, expected);
    assert_states (own, "variant-old failed;");
}

static void
test_unknown_names_the_nearest (World *own, gconstpointer unused)
{
    const TdModuleWish bad[] = { { "variant-odl", TD_POLICY_OPTIONAL, NULL, "a.conf:3:1" },
                                 { "../etc/passwd", TD_POLICY_OPTIONAL, NULL, NULL } };
    g_autofree char *expected = g_strdup_printf (
        "a.conf:3:1: module variant-odl: no variant-odl.so in %s: did you mean \"variant-old\"?\n"
        "module ../etc/passwd: \"../etc/passwd\" cannot be a module's name: that is a lower-case "
        "letter, then lower-case letters, digits and hyphens\n",
        g_getenv ("VARIANTS"));

    /* Nobody required them. */
    g_assert_true (td_registry_map_all (own->registry, bad, 2, own->problems));
    g_autofree char *problems = problems_of (own);
    g_assert_cmpstr (problems, ==, expected);
}

/* An uninstalled tree has a folder for each module. */
static void
test_of_a_long_module_path_the_beginning_is_told (World *own, gconstpointer unused)
{
    static const char *const path[] = { "/nowhere/a", "/nowhere/b", "/nowhere/c", "/nowhere/d",
                                        NULL };
    g_autoptr (GError) error = NULL;
    TdRegistry *registry = td_registry_open (
        &(TdRegistryOptions){ .module_path = path, .state_dir = own->folder.path });

    g_assert_null (td_registry_map (registry, "missing", NULL, &error));
    g_assert_cmpstr (
        error->message, ==,
        "no missing.so in /nowhere/a, /nowhere/b and 2 more folders of the module path");
    td_registry_close (registry);
}

static void
test_a_failed_optional_module_stays_listed (World *own, gconstpointer unused)
{
    const TdModuleWish wishes[] = { wish ("load-fails", TD_POLICY_OPTIONAL),
                                    wish ("start-fails", TD_POLICY_OPTIONAL),
                                    wish ("old", TD_POLICY_REQUIRED) };

    g_assert_true (td_registry_map_all (own->registry, wishes, 3, own->problems));
    g_assert_true (td_registry_load_all (own->registry, own->problems));
    g_assert_true (td_registry_start_all (own->registry, own->problems));
    td_lanes_settle ();
    assert_states (own, "load-fails failed;start-fails failed;old running;");
    g_autofree char *problems = problems_of (own);
    g_assert_cmpstr (problems, ==,
                     "module load-fails: the moon is full\n"
                     "module start-fails: the port is taken\n");
    TdModule *failed = td_registry_find (own->registry, "load-fails");
    g_autoptr (GVariant) info = g_variant_ref_sink (td_registry_info (failed));
    const char *reason;
    g_assert_true (g_variant_lookup (info, "reason", "&s", &reason));
    g_assert_cmpstr (reason, ==, "the moon is full");
}

static void
test_a_failed_required_module_is_told (World *own, gconstpointer unused)
{
    const TdModuleWish wishes[] = { wish ("load-fails", TD_POLICY_REQUIRED) };
    const TdModuleWish more[] = { wish ("start-fails", TD_POLICY_REQUIRED) };

    g_assert_true (td_registry_map_all (own->registry, wishes, 1, own->problems));
    g_assert_false (td_registry_load_all (own->registry, own->problems));
    g_assert_true (td_registry_map_all (own->registry, more, 1, own->problems));
    g_assert_true (td_registry_load_all (own->registry, own->problems));
    g_assert_false (td_registry_start_all (own->registry, own->problems));
}

static bool
fail (TdModule *module, GError **error)
{
    g_set_error_literal (error, g_quark_from_string ("test"), 1, "the moon is full");
    return false;
}

static const TdModuleDescriptor a = { .name = "a", .provides = TD_LIST ("a.one"), .start = fail };
static const TdModuleDescriptor b = { .name = "b",
                                      .provides = TD_LIST ("b.one"),
                                      .needs = TD_LIST ("a.one") };
static const TdModuleDescriptor c = { .name = "c", .needs = TD_LIST ("b.one") };

static void
test_failure_spreads_to_who_needs_it (World *own, gconstpointer unused)
{
    world_add (&a);
    world_add (&b);
    world_add (&c);
    td_registry_load_all (own->registry, own->problems);
    td_registry_start_all (own->registry, own->problems);
    td_lanes_settle ();
    g_autofree char *problems = problems_of (own);
    g_assert_cmpstr (problems, ==,
                     "module a: the moon is full\n"
                     "module b: needs a.one of module a, which has failed: the moon is full\n"
                     "module c: needs b.one of module b, which has failed: needs a.one of module "
                     "a, which has failed: the moon is full\n");
    assert_states (own, "a failed;b failed;c failed;");
}

static void
hear_state (const TdFact *fact, void *data)
{
    const struct {
        const char *module;
        uint32_t generation;
        const char *version;
        const char *state;
    } *body = fact->body;

    if (strcmp (body->state, "stopped") == 0) {
        g_string_append_printf (data, "%s ", body->module);
    }
}

static void
set_true (void *data)
{
    *(bool *) data = true;
}

static void
test_all_stop_in_reverse_order (World *own, gconstpointer unused)
{
    const TdModuleWish wishes[] = { wish ("old", TD_POLICY_REQUIRED),
                                    wish ("user", TD_POLICY_REQUIRED),
                                    wish ("provider", TD_POLICY_OPTIONAL),
                                    wish ("load-fails", TD_POLICY_OPTIONAL) };
    bool is_done = false;

    td_registry_map_all (own->registry, wishes, 4, own->problems);
    td_registry_load_all (own->registry, own->problems);
    td_registry_start_all (own->registry, own->problems);
    TdSubscription *subscription =
        td_bus_subscribe (NULL, TD_LIST ("module.changed"), hear_state, own->calls);
    td_lanes_settle ();
    g_string_truncate (own->calls, 0);
    td_registry_stop_all (own->registry, 1000, set_true, &is_done);
    td_lanes_settle ();
    g_assert_true (is_done);
    g_assert_cmpstr (own->calls->str, ==, "user provider old ");
    assert_states (own, "old unloaded;provider unloaded;user unloaded;load-fails failed;");
    td_bus_unsubscribe (subscription);
}

static void
test_operator_loads_and_unloads (World *own, gconstpointer unused)
{
    g_autofree char *path = variant_path ("old");

    td_registry_load (own->registry, "old", path, note_answer, NULL);
    assert_states (own, "");
    td_lanes_settle ();
    assert_states (own, "old running;");
    td_registry_unload (own->registry, "old", 0, note_answer, NULL);
    td_lanes_settle ();
    assert_states (own, "old unloaded;");
    td_registry_load (own->registry, "old", path, note_answer, NULL);
    td_lanes_settle ();
    assert_states (own, "old running;");
    g_assert_cmpuint (td_module_generation (td_registry_find (own->registry, "old")), ==, 2);
    g_assert_cmpstr (own->answers->str, ==, "ok;ok;ok;");
}

static void
test_operator_is_told_what_cannot_be (World *own, gconstpointer unused)
{
    g_autofree char *path = variant_path ("old");
    g_autofree char *user = variant_path ("user");
    g_autofree char *provider = variant_path ("provider");

    td_registry_stop (own->registry, "old", 0, note_answer, NULL);
    td_registry_load (own->registry, "old", path, note_answer, NULL);
    td_registry_load (own->registry, "old", path, note_answer, NULL);
    td_registry_stop (own->registry, "old", 0, note_answer, NULL);
    td_lanes_settle ();
    td_registry_stop (own->registry, "old", 0, note_answer, NULL);
    td_registry_load (own->registry, "old", path, note_answer, NULL);
    td_lanes_settle ();
    g_assert_cmpstr (own->answers->str, ==,
                     "module old is not loaded: \"module list\" shows those that are;"
                     "ok;"
                     "module old is running: \"module upgrade\" puts another build in its place;"
                     "ok;"
                     "module old is stopped: it is not running;"
                     "module old is stopped: unload it before loading another file;");
    g_string_truncate (own->answers, 0);
    td_registry_load (own->registry, "user", user, note_answer, NULL);
    td_registry_load (own->registry, "provider", provider, note_answer, NULL);
    td_registry_load (own->registry, "user", user, note_answer, NULL);
    td_registry_stop (own->registry, "provider", 0, note_answer, NULL);
    td_lanes_settle ();
    g_assert_cmpstr (own->answers->str, ==,
                     "module user needs test.one, which no running module provides: load one "
                     "first;ok;ok;"
                     "module provider provides test.one, which module user needs: stop user "
                     "first;");
}

/* Reload. */
static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    static const char *const names[] = { "prepare", "commit", "abandon" };

    g_string_append_printf (world->calls, "%s %s;", td_module_name (module), names[phase]);
    return true;
}

static bool
refuse_reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    g_assert_cmpint (phase, ==, TD_RELOAD_PREPARE);
    return fail (module, error);
}

static const TdModuleDescriptor willing = { .name = "willing", .reload = reload };
static const TdModuleDescriptor indifferent = { .name = "indifferent" };
static const TdModuleDescriptor unwilling = { .name = "unwilling", .reload = refuse_reload };

static void
test_all_stop_by_one_deadline (World *own, gconstpointer unused)
{
    bool is_done = false;
    TdModule *first = world_run (&willing), *second = world_run (&indifferent);

    td_module_use (first);
    td_module_use (second);
    td_registry_stop_all (own->registry, 1000, set_true, &is_done);
    /* The time for both, and what each is given once its calls were ended. */
    td_lanes_advance (1000 + 2 * 5000 + 10);
    g_assert_true (is_done);
    g_assert_cmpuint (own->n_evicted, ==, 2);
    td_module_unuse (first);
    td_module_unuse (second);
    td_lanes_advance (1000);
    assert_states (own, "willing unloaded;indifferent unloaded;");
}

static void
test_reload_is_taken_by_all (World *own, gconstpointer unused)
{
    world_run (&willing);
    world_run (&indifferent);
    g_assert_true (td_registry_prepare (own->registry, NULL, own->problems));
    td_registry_commit (own->registry, NULL);
    g_assert_cmpstr (own->calls->str, ==, "willing prepare;willing commit;");
}

static void
test_reload_is_refused_by_one (World *own, gconstpointer unused)
{
    world_run (&willing);
    world_run (&unwilling);
    g_assert_false (td_registry_prepare (own->registry, NULL, own->problems));
    g_assert_cmpstr (own->calls->str, ==, "willing prepare;willing abandon;");
    g_autofree char *problems = problems_of (own);
    g_assert_cmpstr (problems, ==, "module unwilling: the moon is full\n");
}

static void
test_info (World *own, gconstpointer unused)
{
    g_autofree char *path = variant_path ("provider");

    td_registry_load (own->registry, "provider", path, note_answer, NULL);
    td_lanes_settle ();
    TdModule *module = td_registry_find (own->registry, "provider");
    g_autoptr (GVariant) info = g_variant_ref_sink (td_registry_info (module));
    g_autofree char *text = g_variant_print (info, FALSE);
    g_assert_nonnull (strstr (text, "'state': <'running'>"));
    g_assert_nonnull (strstr (text, "'version': <'1.0'>"));
    g_assert_nonnull (strstr (text, "'license': <'LGPL-2.1-or-later'>"));
    g_assert_nonnull (strstr (text, "'provides': <['test.one']>"));
    g_assert_nonnull (strstr (text, path));
    /* What it says of itself. */
    g_assert_nonnull (strstr (text, "'private': <1>"));
}

static const TdModuleDescriptor self = { .name = "self",
                                         .provides = TD_LIST ("self.one"),
                                         .needs = TD_LIST ("self.one", "other.one") };

static void
test_own_feature_hides_no_missing_one (World *own, gconstpointer unused)
{
    g_autoptr (GError) error = NULL;

    g_assert_false (td_registry_check_needs (world_add (&self), &error));
    g_assert_nonnull (strstr (error->message, "needs other.one"));
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
    add ("/module/registry/all-in-order", test_all_in_order);
    add ("/module/registry/found-in-the-module-path", test_found_in_the_module_path);
    add ("/module/registry/long-module-path", test_of_a_long_module_path_the_beginning_is_told);
    add ("/module/registry/unknown-names-the-nearest", test_unknown_names_the_nearest);
    add ("/module/registry/a-failed-optional-module-stays-listed",
         test_a_failed_optional_module_stays_listed);
    add ("/module/registry/a-failed-required-module-is-told",
         test_a_failed_required_module_is_told);
    add ("/module/registry/own-feature-hides-no-missing-one",
         test_own_feature_hides_no_missing_one);
    add ("/module/registry/failure-spreads-to-who-needs-it", test_failure_spreads_to_who_needs_it);
    add ("/module/registry/all-stop-in-reverse-order", test_all_stop_in_reverse_order);
    add ("/module/registry/all-stop-by-one-deadline", test_all_stop_by_one_deadline);
    add ("/module/registry/operator-loads-and-unloads", test_operator_loads_and_unloads);
    add ("/module/registry/operator-is-told-what-cannot-be", test_operator_is_told_what_cannot_be);
    add ("/module/registry/reload-is-taken-by-all", test_reload_is_taken_by_all);
    add ("/module/registry/reload-is-refused-by-one", test_reload_is_refused_by_one);
    add ("/module/registry/info", test_info);
    return g_test_run ();
}
