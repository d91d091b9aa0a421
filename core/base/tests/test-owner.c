/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An owner knows what it has taken and gives all of it back. */

#include "base/owner.h"

typedef struct {
    TdOwned owned;
    GString *order;
} Thing;

static void
take_back (TdOwned *owned)
{
    g_string_append (((Thing *) owned)->order, owned->name);
}

static void
visit (const char *kind, const char *name, void *data)
{
    g_string_append_printf (data, "%s %s,", kind, name);
}

static void
test_revokes_youngest_first (void)
{
    g_autoptr (GString) order = g_string_new (NULL);
    g_autoptr (GString) left = g_string_new (NULL);
    Thing things[3];
    static const char *const names[] = { "a", "b", "c" };
    TdOwner owner;

    td_owner_init (&owner, "module");
    for (unsigned i = 0; i < 3; i++) {
        things[i] = (Thing){ { .kind = "thing", .name = names[i], .revoke = take_back }, order };
        td_owner_add (&owner, &things[i].owned);
    }
    td_owner_remove (&things[1].owned);
    td_owner_remove (&things[1].owned);
    g_assert_cmpuint (td_owner_count (&owner), ==, 2);
    g_assert_cmpuint (td_owner_revoke_all (&owner, visit, left), ==, 2);
    g_assert_cmpstr (order->str, ==, "ca");
    g_assert_cmpstr (left->str, ==, "thing c,thing a,");
    td_owner_clear (&owner);
}

static void
test_lease_is_no_defect (void)
{
    g_autoptr (GString) order = g_string_new (NULL);
    g_autoptr (GString) left = g_string_new (NULL);
    Thing lease = { { .kind = "command", .name = "a", .revoke = take_back, .is_lease = true },
                    order };
    Thing other = { { .kind = "timer", .name = "b", .revoke = take_back }, order };
    TdOwner owner;

    td_owner_init (&owner, "module");
    td_owner_add (&owner, &other.owned);
    td_owner_add (&owner, &lease.owned);
    g_assert_cmpuint (td_owner_revoke_all (&owner, visit, left), ==, 1);
    g_assert_cmpstr (order->str, ==, "ab");
    g_assert_cmpstr (left->str, ==, "timer b,");
    td_owner_clear (&owner);
}

static void
test_uses_are_counted (void)
{
    TdOwner owner;

    td_owner_init (&owner, "module");
    td_owner_use (&owner);
    td_owner_use (&owner);
    td_owner_unuse (&owner);
    g_assert_cmpuint (td_owner_uses (&owner), ==, 1);
    td_owner_unuse (&owner);
    td_owner_clear (&owner);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/base/owner/revokes-youngest-first", test_revokes_youngest_first);
    g_test_add_func ("/base/owner/lease-is-no-defect", test_lease_is_no_defect);
    g_test_add_func ("/base/owner/uses-are-counted", test_uses_are_counted);
    return g_test_run ();
}
