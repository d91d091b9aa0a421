/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRI-112: numbers that stand for calls (pseudo-ANI, ESRK). */

#include "keys.h"

static char *const numbers[] = { (char *) "+1", (char *) "+2", NULL };

static TdParty
caller (const char *number)
{
    TdParty party;

    g_assert_true (td_party_from_number (&party, number));
    return party;
}

static void
test_one_call_each (void)
{
    TdParty ann = caller ("555"), bob = caller ("666");
    Keys *keys = keys_new ();

    g_assert_cmpstr (keys_take (keys, numbers, 10, &ann, 100), ==, "+1");
    g_assert_cmpstr (keys_take (keys, numbers, 20, &bob, 100), ==, "+2");
    g_assert_null (keys_take (keys, numbers, 30, &bob, 100));
    g_assert_cmpstr (keys_take (keys, numbers, 10, &ann, 100), ==, "+1"); /* its own, again */
    keys_end (keys, 20, 200);
    g_assert_null (keys_take (keys, numbers, 30, &bob, 200));
    g_assert_cmpstr (keys_take (keys, numbers, 30, &bob, 201), ==, "+2");
    keys_free (keys);
}

static void
test_who_it_was (void)
{
    TdParty ann = caller ("555");
    TdEmergencyCaller found = { .size = sizeof found };
    Keys *keys = keys_new ();

    g_assert_false (keys_find (keys, "+1", 100, &found));
    keys_take (keys, numbers, 10, &ann, 100);
    g_assert_true (keys_find (keys, "+1", 100, &found));
    g_assert_cmpstr (found.calling.digits, ==, "555");
    g_assert_true (found.is_up);
    g_assert_cmpint (found.since_us, ==, 100);
    keys_end (keys, 10, 500);
    g_assert_true (keys_find (keys, "+1", 499, &found));
    g_assert_false (found.is_up);
    g_assert_false (keys_find (keys, "+1", 500, &found));
    keys_free (keys);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/priority/PRI-112/keys/one-call-each", test_one_call_each);
    g_test_add_func ("/priority/PRI-112/keys/who", test_who_it_was);
    return g_test_run ();
}
