/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modules start after those they need; what cannot start is named with its reason. */

#include "module/order.h"
#include "world.h"

#include <string.h>

static void
note_refusal (TdModule *module, const char *reason, void *data)
{
    g_string_append_printf (data, "%s %s\n", td_module_name (module), reason);
}

/* The order of the modules DESCRIPTORS as "a b c"; the refusals go to RET_REFUSALS. */
static char *
sort (const TdModuleDescriptor *descriptors, unsigned n, GString *refusals)
{
    g_autoptr (GPtrArray) modules = g_ptr_array_new ();
    g_autoptr (GString) text = g_string_new (NULL);

    for (unsigned i = 0; i < n; i++) {
        g_ptr_array_add (modules, world_add (&descriptors[i]));
    }
    g_autoptr (GPtrArray) order = td_order_sort (modules, note_refusal, refusals);
    for (unsigned i = 0; i < order->len; i++) {
        g_string_append_printf (text, "%s%s", i > 0 ? " " : "", td_module_name (order->pdata[i]));
    }
    return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
assert_order (const TdModuleDescriptor *descriptors, unsigned n, const char *order,
              const char *refusals)
{
    g_autoptr (GString) refused = g_string_new (NULL);
    g_autofree char *got = sort (descriptors, n, refused);

    g_assert_cmpstr (got, ==, order);
    g_assert_cmpstr (refused->str, ==, refusals);
}

static void
test_needs_come_first (World *own, gconstpointer unused)
{
    const TdModuleDescriptor modules[] = {
        { .name = "a", .needs = TD_LIST ("z.one") },
        { .name = "b", .provides = TD_LIST ("b.one") },
        { .name = "z", .provides = TD_LIST ("z.one", "z.two"), .needs = TD_LIST ("b.one") },
    };

    assert_order (modules, 3, "b z a", "");
}

static void
test_wants_come_first (World *own, gconstpointer unused)
{
    const TdModuleDescriptor modules[] = {
        { .name = "a", .wants = TD_LIST ("nobody.has", "c.one") },
        { .name = "b" },
        { .name = "c", .provides = TD_LIST ("c.one") },
    };

    assert_order (modules, 3, "b c a", "");
}

static void
test_otherwise_as_given (World *own, gconstpointer unused)
{
    const TdModuleDescriptor modules[] = { { .name = "c" }, { .name = "a" }, { .name = "b" } };

    assert_order (modules, 3, "c a b", "");
}

static void
test_a_circle_of_wants_is_no_fault (World *own, gconstpointer unused)
{
    const TdModuleDescriptor modules[] = {
        { .name = "a", .provides = TD_LIST ("a.one"), .wants = TD_LIST ("b.one") },
        { .name = "b", .provides = TD_LIST ("b.one"), .wants = TD_LIST ("a.one") },
    };

    assert_order (modules, 2, "a b", "");
}

static void
test_a_circle_of_needs_is_named (World *own, gconstpointer unused)
{
    const TdModuleDescriptor modules[] = {
        { .name = "x", .needs = TD_LIST ("a.one") },
        { .name = "a", .provides = TD_LIST ("a.one"), .needs = TD_LIST ("b.one") },
        { .name = "b", .provides = TD_LIST ("b.one"), .needs = TD_LIST ("a.one") },
        { .name = "good" },
    };
#define CIRCLE                                                                                     \
    "is in a circle of needs: a needs b.one of b, b needs a.one of a: one of them must do "        \
    "without\n"

    assert_order (modules, 4, "good",
                  "a " CIRCLE "b " CIRCLE "x needs a.one of module a, which has failed\n");
}

static void
test_a_missing_feature_is_named (World *own, gconstpointer unused)
{
    const TdModuleDescriptor modules[] = {
        { .name = "c", .needs = TD_LIST ("b.one") },
        { .name = "b", .provides = TD_LIST ("b.one"), .needs = TD_LIST ("moon.full") },
        { .name = "a" },
    };

    assert_order (modules, 3, "a",
                  "b needs moon.full, which no module provides that is enabled: enable one in "
                  "[modules]\n"
                  "c needs b.one of module b, which has failed\n");
}

static void
test_one_of_two_providers_is_enough (World *own, gconstpointer unused)
{
    const TdModuleDescriptor modules[] = {
        { .name = "a", .needs = TD_LIST ("x") },
        { .name = "b", .provides = TD_LIST ("x"), .needs = TD_LIST ("moon.full") },
        { .name = "c", .provides = TD_LIST ("x") },
    };

    assert_order (modules, 3, "c a",
                  "b needs moon.full, which no module provides that is enabled: enable one in "
                  "[modules]\n");
}

static void
test_a_module_may_need_its_own (World *own, gconstpointer unused)
{
    const TdModuleDescriptor modules[] = {
        { .name = "a", .provides = TD_LIST ("x"), .needs = TD_LIST ("x") }
    };

    assert_order (modules, 1, "a", "");
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
    add ("/module/order/needs-come-first", test_needs_come_first);
    add ("/module/order/wants-come-first", test_wants_come_first);
    add ("/module/order/otherwise-as-given", test_otherwise_as_given);
    add ("/module/order/a-circle-of-wants-is-no-fault", test_a_circle_of_wants_is_no_fault);
    add ("/module/order/a-circle-of-needs-is-named", test_a_circle_of_needs_is_named);
    add ("/module/order/a-missing-feature-is-named", test_a_missing_feature_is_named);
    add ("/module/order/one-of-two-providers-is-enough", test_one_of_two_providers_is_enough);
    add ("/module/order/a-module-may-need-its-own", test_a_module_may_need_its_own);
    return g_test_run ();
}
