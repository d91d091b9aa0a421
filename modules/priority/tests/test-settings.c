/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an operator may say of marks, and what he is told when he may not. */

#include "world.h"

#include <unistd.h>

#define ACCEPT "rph-trust = accept\nrph-accept = ets, wps.1\n"

static const Policy *
policy (Settings *settings)
{
    return settings_policy (settings, "t");
}

/* Nobody is trusted who was not named. */
static void
test_nobody_is_trusted (void)
{
    Settings *settings = world_settings ("[trunk t]\naddress = sip:192.0.2.1\n");

    g_assert_cmpint (policy (settings)->trust, ==, TRUST_NONE);
    g_assert_true (policy (settings)->is_border);
    g_assert_cmpint (settings_policy (settings, "")->trust, ==, TRUST_NONE);
    g_assert_cmpint (settings_policy (settings, "strange")->trust, ==, TRUST_NONE);
    td_table_unref (&settings->table);
}

static void
test_list_of_values (void)
{
    Settings *settings =
        world_settings ("[trunk t]\naddress = sip:192.0.2.1;transport=TCP\n" ACCEPT);

    g_assert_cmpuint (g_hash_table_size (policy (settings)->accepted), ==, 6);
    td_table_unref (&settings->table);
    world_refuse ("[trunk t]\naddress = sips:h\nrph-trust = accept\nrph-accept = ets.5\n",
                  "f:4:14: [trunk t] rph-accept: ets.5 is no value");
    world_refuse ("[trunk t]\naddress = sips:h\nrph-trust = accept\n",
                  "f:3:13: [trunk t] rph-trust: accept needs rph-accept");
}

/* RFC 4412 11.3: by a way that cannot be forged. */
static void
test_spoofable_sources (void)
{
    static const char *const good[] = { "sip:192.0.2.1:5070;transport=tcp",
                                        "sip:a@[2001:db8::1];lr;transport=tcp",
                                        "sip:h;transport=tls", "sips:h" };

    world_refuse ("[trunk t]\naddress = sip:192.0.2.1\n" ACCEPT,
                  "f:2:11: [trunk t] address: sip:192.0.2.1 is reached");
    world_refuse ("[trunk t]\naddress = sip:h;transport=udp\n" ACCEPT, "reached by UDP");
    static const char *const seeming[] = { "sip:a;transport=tcp@192.0.2.1", "sip:h;transport=tcpx",
                                           "sip:h?transport=tcp",
                                           "sip:h;x;transport=udp;transport=tcp" };
    for (size_t i = 0; i < G_N_ELEMENTS (seeming); i++) {
        g_autofree char *text = g_strdup_printf ("[trunk t]\naddress = %s\n" ACCEPT, seeming[i]);
        world_refuse (text, "reached by UDP");
    }
    /* A name is where an answer of the DNS says: only a certificate proves that it is there. */
    static const char *const names[] = { "sip:h;transport=tcp",
                                         "sip:192.0.2.1@h:5060;transport=tcp",
                                         "sip:192.0.2.1.example;transport=tcp" };
    for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autofree char *text = g_strdup_printf ("[trunk t]\naddress = %s\n" ACCEPT, names[i]);
        world_refuse (text, "is a name");
    }
    world_refuse ("[trunk t]\n" ACCEPT "[member m]\ntrunk = t\naddress = sip:192.0.2.1\n",
                  "f:6:11: [member m] address: sip:192.0.2.1 is reached");
    for (size_t i = 0; i < G_N_ELEMENTS (good); i++) {
        g_autofree char *text = g_strdup_printf ("[trunk t]\naddress = %s\n" ACCEPT, good[i]);
        Settings *settings = world_settings (text);
        td_table_unref (&settings->table);
    }
    Settings *settings =
        world_settings ("[trunk t]\naddress = sip:192.0.2.1\nrph-interface = 10.0.0.1\n" ACCEPT);
    g_assert_true (policy (settings)->has_interface);
    td_table_unref (&settings->table);
}

static void
test_signatures_need_who_verifies (void)
{
#define VALIDATE "[trunk t]\naddress = sip:h\nrph-trust = validate\nrph-accept = ets\n"
    world_refuse (VALIDATE, "f:3:13: [trunk t] rph-trust: validate needs the module passport");
    world_refuse ("[modules]\npassport = disabled\n" VALIDATE, "needs the module passport");
    Settings *settings = world_settings ("[modules]\npassport = required\n" VALIDATE);
    td_table_unref (&settings->table);
}

static void
test_signing_needs_who_signs (void)
{
#define SIGN "[trunk t]\naddress = sip:h\nrph-sign = yes\n"
    world_refuse (SIGN, "f:3:12: [trunk t] rph-sign: yes needs the module passport, which signs");
    Settings *settings = world_settings ("[modules]\npassport = required\n" SIGN);
    td_table_unref (&settings->table);
}

static void
test_table (void)
{
    g_autofree char *path = NULL;
    g_autofree char *text = NULL;
    Settings *settings = world_settings ("[priority]\nnamespace = foo queue 1:5\n"
                                         "namespace = bar preemption a:6\nserve = foo, ETS\n");
    int fd = g_file_open_tmp (NULL, &path, NULL);

    g_assert_nonnull (namespaces_find (settings->namespaces, "foo", 3));
    g_assert_nonnull (namespaces_find (settings->namespaces, "ets", 3));
    g_assert_null (namespaces_find (settings->namespaces, "bar", 3));
    g_assert_null (namespaces_find (settings->namespaces, "wps", 3));
    td_table_unref (&settings->table);
    world_refuse ("[priority]\nnamespace = foo queue 1:6 2:5\n", "f:2:13: ");
    world_refuse ("[priority]\nserve = ets, nowhere\n",
                  "f:2:9: [priority] serve: \"nowhere\" is no namespace");
    world_refuse ("[priority]\nnamespaces = /nowhere\n",
                  "f:2:14: [priority] namespaces: /nowhere ");
    g_assert_true (g_file_set_contents (path, "# one\nfoo queue 1:5\nfoo queu 1:5\n", -1, NULL));
    text = g_strdup_printf ("[priority]\nnamespaces = %s\n", path);
    world_refuse (text, ":3: \"queu\" is no algorithm");
    close (fd);
    unlink (path);
}

static void
test_categories (void)
{
    Settings *settings = world_settings ("[priority]\ncategories = 0xE2:ets.0, NSEP:wps.1\n");

    g_assert_cmpuint (settings->categories->len, ==, 2);
    g_assert_cmpstr (g_array_index (settings->categories, CategoryRule, 0).category, ==, "226");
    g_assert_cmpstr (g_array_index (settings->categories, CategoryRule, 1).category, ==, "nsep");
    td_table_unref (&settings->table);
    world_refuse ("[priority]\ncategories = nsep\n",
                  "f:2:14: [priority] categories: nsep is no CATEGORY:VALUE");
    settings = world_settings ("[priority]\nserve = wps\n"); /* without ets none of it is left */
    g_assert_cmpuint (settings->categories->len, ==, 0);
    td_table_unref (&settings->table);
}

static void
test_numbers (void)
{
    Settings *settings = world_settings (
        "[trunk t]\naddress = sip:h\n"
        "[priority-number an]\nprefixes = 7106274387, +17106274387\nmark = ets.4\ntrunks = t\n"
        "[priority-number fc]\nkind = feature-code\nprefixes = *272\n");

    g_assert_cmpuint (settings->rules->len, ==, 2);
    td_table_unref (&settings->table);
    world_refuse ("[priority-number a]\nprefixes = 7x\nmark = ets.4\n",
                  "f:2:12: [priority-number a] prefixes: 7x is no prefix");
    world_refuse ("[priority-number a]\nprefixes = 7\n", "is no value of a namespace");
    world_refuse ("[priority-number a]\nprefixes = 7\nmark = foo.4\n",
                  "f:3:8: [priority-number a] mark: foo.4 ");
    world_refuse ("[priority-number a]\nkind = feature-code\nprefixes = 7\nmark = ets.4\n",
                  "is not for a feature code");
    world_refuse ("[priority-number a]\nprefixes = 7\nmark = ets.4\n"
                  "[priority-number b]\nprefixes = 7\nmark = ets.3\n",
                  "of another [priority-number]");
}

static void
test_mappings (void)
{
    Settings *settings =
        world_settings ("[trunk t]\naddress = sip:h\nrph-map = ets:wps, dsn.flash:q735.1\n");

    g_assert_cmpuint (policy (settings)->mappings->len, ==, 6);
    td_table_unref (&settings->table);
    world_refuse ("[trunk t]\naddress = sip:h\nrph-map = ets\n", "is no pair");
    world_refuse ("[trunk t]\naddress = sip:h\nrph-map = ets:drsn\n", "not have as many values");
    world_refuse ("[trunk t]\naddress = sip:h\nrph-map = ets.0:wps\n", "rph-map: ets.0:wps names");
    world_refuse ("[trunk t]\naddress = sip:h\nrph-send = foo\n", "rph-send: foo is no value");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/priority/PRI-003/table", test_table);
    g_test_add_func ("/priority/PRI-019/mappings", test_mappings);
    g_test_add_func ("/priority/PRI-030/nobody", test_nobody_is_trusted);
    g_test_add_func ("/priority/PRI-030/values", test_list_of_values);
    g_test_add_func ("/priority/PRI-031/spoofable", test_spoofable_sources);
    g_test_add_func ("/priority/PRI-032/needs-passport", test_signatures_need_who_verifies);
    g_test_add_func ("/priority/PRI-034/needs-passport", test_signing_needs_who_signs);
    g_test_add_func ("/priority/PRI-041/categories", test_categories);
    g_test_add_func ("/priority/PRI-042/numbers", test_numbers);
    return g_test_run ();
}
