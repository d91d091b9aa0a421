/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Features are found by name, at the newest running module, and keep their provider in use. */

#include "module/error.h"
#include "world.h"

#include "run/lane.h"

#include <tandem/bus.h>

typedef struct {
    uint32_t size;
    int number;
} Interface;

static const Interface one = { sizeof one, 1 }, two = { sizeof two, 2 };

static const TdModuleDescriptor user = { .name = "user" };

static bool
provide_one (TdModule *module, GError **error)
{
    return td_feature_provide (module, "test.one", &one, error);
}

static bool
provide_two (TdModule *module, GError **error)
{
    bool is_provided = td_feature_provide (module, "test.one", &two, error);

    /* Not while it is starting. */
    g_assert_true (td_feature_acquire (module, "test.one") == &one);
    td_feature_release (module, "test.one");
    return is_provided;
}

static const TdModuleDescriptor old_provider = { .name = "provider",
                                                 .provides = TD_LIST ("test.one"),
                                                 .start = provide_one };

static const TdModuleDescriptor new_provider = { .name = "provider",
                                                 .provides = TD_LIST ("test.one"),
                                                 .start = provide_one };

static const TdModuleDescriptor other_provider = { .name = "other",
                                                   .provides = TD_LIST ("test.one"),
                                                   .start = provide_two };

static const TdModuleDescriptor priority = { .name = "priority",
                                             .provides = TD_LIST ("a", "priority.class") };

static void
test_found_by_name (World *own, gconstpointer unused)
{
    TdModule *me = world_run (&user);

    g_assert_null (td_feature_acquire (me, "test.one"));
    world_run (&old_provider);
    g_assert_true (td_feature_acquire (me, "test.one") == &one);
    g_assert_null (td_feature_acquire (me, "test.two"));
    td_feature_release (me, "test.one");
}

static void
test_must_be_declared (World *own, gconstpointer unused)
{
    TdModule *me = world_run (&user);
    g_autoptr (GError) error = NULL;

    g_assert_false (td_feature_provide (me, "test.one", &one, &error));
    g_assert_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_DESCRIPTOR);
    g_assert_cmpstr (error->message, ==,
                     "module user offers the feature test.one, which its descriptor does not list: "
                     "add it to .provides");
}

static void
test_newest_is_found (World *own, gconstpointer unused)
{
    TdModule *me = world_run (&user);

    world_run (&old_provider);
    TdModule *other = world_run (&other_provider);
    g_assert_true (td_feature_acquire (me, "test.one") == &two);
    td_feature_release (me, "test.one");
    td_registry_unload (own->registry, "other", 0, note_answer, NULL);
    td_lanes_advance (10000);
    g_assert_cmpuint (td_module_phase (other), ==, TD_MODULE_UNLOADED);
    g_assert_true (td_feature_acquire (me, "test.one") == &one);
    td_feature_release (me, "test.one");
}

static void
test_a_lease_keeps_the_provider (World *own, gconstpointer unused)
{
    TdModule *me = world_run (&user);
    TdModule *provider = world_run (&old_provider);

    g_assert_nonnull (td_feature_acquire (me, "test.one"));
    g_assert_nonnull (td_feature_acquire (me, "test.one"));
    td_registry_unload (own->registry, "provider", TD_DEADLINE_NONE, note_answer, NULL);
    td_lanes_advance (1000);
    g_assert_cmpuint (td_module_phase (provider), ==, TD_MODULE_DRAINING);
    g_autoptr (GVariant) info = g_variant_ref_sink (td_registry_info (provider));
    const char *used_by;
    g_assert_true (g_variant_lookup (info, "used_by", "&s", &used_by));
    g_assert_cmpstr (used_by, ==, "feature test.one for user, feature test.one for user");
    /* Nobody new gets it. */
    g_assert_null (td_feature_acquire (me, "test.one"));
    td_feature_release (me, "test.one");
    td_feature_release (me, "test.one");
    td_lanes_advance (1000);
    g_assert_cmpuint (td_module_phase (provider), ==, TD_MODULE_UNLOADED);
    g_assert_cmpuint (provider->defects->len, ==, 0);
}

static void
test_a_user_changes_over (World *own, gconstpointer unused)
{
    TdModule *me = world_run (&user);
    TdModule *first = world_run (&old_provider);
    const void *held = td_feature_acquire (me, "test.one");
    TdModule *second = world_run (&new_provider);

    g_assert_nonnull (held);
    g_assert_nonnull (td_feature_acquire (me, "test.one"));
    td_feature_release (me, "test.one");
    g_assert_cmpuint (td_owner_uses (&first->owner), ==, 0);
    g_assert_cmpuint (td_owner_uses (&second->owner), ==, 1);
    td_feature_release (me, "test.one");
}

static void
test_a_forgotten_lease_is_taken_back (World *own, gconstpointer unused)
{
    TdModule *me = world_run (&user);
    TdModule *provider = world_run (&old_provider);

    td_feature_acquire (me, "test.one");
    td_registry_stop (own->registry, "user", 0, note_answer, NULL);
    td_lanes_settle ();
    g_assert_cmpuint (me->defects->len, ==, 1);
    g_assert_cmpstr (me->defects->pdata[0], ==, "feature test.one");
    g_assert_cmpuint (td_owner_uses (&provider->owner), ==, 0);
}

/* The start of the body of a fact of "feature.changed". */
typedef struct {
    const char *feature;
    const char *module;
    uint32_t generation;
    bool is_available;
} FeatureChanged;

static void
hear_feature (const TdFact *fact, void *data)
{
    const FeatureChanged *body = fact->body;

    g_string_append_printf (data, "%s of %s %u: %s;", body->feature, body->module, body->generation,
                            body->is_available ? "there" : "gone");
}

static void
test_changes_are_facts (World *own, gconstpointer unused)
{
    TdModule *me = world_run (&user);
    TdSubscription *subscription =
        td_bus_subscribe (me, TD_LIST ("feature.changed"), hear_feature, own->calls);

    world_run (&old_provider);
    td_registry_stop (own->registry, "provider", 0, note_answer, NULL);
    td_lanes_settle ();
    g_assert_cmpstr (own->calls->str, ==,
                     "test.one of provider 1: there;test.one of provider 1: gone;");
    td_bus_unsubscribe (subscription);
}

/* td_call_raise_priority () asks for it. */
static void
test_priority_class_is_a_right (World *own, gconstpointer unused)
{
    g_assert_true (world_run (&priority)->owner.may_raise_priority);
    g_assert_false (world_run (&old_provider)->owner.may_raise_priority);
    g_assert_false (world_run (&user)->owner.may_raise_priority);
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
    add ("/module/feature/found-by-name", test_found_by_name);
    add ("/module/feature/must-be-declared", test_must_be_declared);
    add ("/module/feature/newest-is-found", test_newest_is_found);
    add ("/module/feature/a-lease-keeps-the-provider", test_a_lease_keeps_the_provider);
    add ("/module/feature/a-user-changes-over", test_a_user_changes_over);
    add ("/module/feature/a-forgotten-lease-is-taken-back", test_a_forgotten_lease_is_taken_back);
    add ("/module/feature/priority-class", test_priority_class_is_a_right);
    add ("/module/feature/changes-are-facts", test_changes_are_facts);
    return g_test_run ();
}
