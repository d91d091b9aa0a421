/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is shown of the name of the tables: never a secret, however it was written. */

#include "store-fixture.h"

#include <string.h>

static void
check (const char *name, const char *expected)
{
    g_autofree char *shown = store_show_name (name);

    g_assert_cmpstr (shown, ==, expected);
}

static void
test_paths_are_shown (void)
{
    check ("/var/lib/tandem/route/route.db", "/var/lib/tandem/route/route.db");
    check ("a@b:c.db", "a@b:c.db");
}

static void
test_hosts_and_databases_are_shown (void)
{
    check ("postgresql://db1/routes", "postgresql://db1/routes");
    check ("postgres://tandem@db1:5433/routes", "postgresql://db1:5433/routes");
    check ("postgresql://a@db1:1,[2001:db8::1]:2/r", "postgresql://db1:1,[2001:db8::1]:2/r");
    check ("postgresql://a@%2frun%2fpostgresql/r", "postgresql://%2frun%2fpostgresql/r");
    check ("postgresql:///routes", "postgresql:///routes");
    check ("postgresql://db1", "postgresql://db1/");
}

/* Each of these has the password "s3cret", some where it should have been escaped. */
static void
test_secrets_are_not_shown (void)
{
    static const char *const names[] = {
        "postgresql://a:s3cret@db1/r",
        "postgresql://a:s3cret@db1/r?sslmode=require",
        "postgresql://db1/r?user=a&password=s3cret",
        "postgresql://db1?password=s3cret",
        "postgresql://db1/r?password=x@s3cret",
        "postgresql://a:x@s3cret@db1/r",
        "postgresql://a:x/s3cret@db1/r",
        "postgresql://a:x?s3cret@db1/r",
        "postgresql://a:x#s3cret@db1/r",
        "postgresql://a:s3cret",
        "postgresql://a:1s3cret/r",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autofree char *shown = store_show_name (names[i]);
        if (strstr (shown, "s3cret") != NULL) {
            g_assert_cmpstr (shown, ==, "no secret");
        }
    }
}

/* What libpq says of them is not passed on either. */
static void
test_errors_show_no_secrets (void)
{
    static const char *const names[] = {
        "postgresql://a:s3cret@[db1/r",       "postgresql://a:x/s3cret@db1/r",
        "postgresql://a:x@s3cret@db1/r",      "postgresql://db1/r?pasword=s3cret",
        "postgresql://a:s3cret%0@db1/r",      "postgresql://a:s3cret",
        "postgresql://a:s3cret@%2fnowhere/r",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autoptr (GError) error = NULL;
        g_assert_null (store_open (names[i], &(StoreOptions){ .busy_ms = 10 }, &error));
        if (strstr (error->message, "s3cret") != NULL) {
            g_assert_cmpstr (error->message, ==, "no secret");
        }
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, function) g_test_add_func ("/route/ROU-040/name/" path, function)
    ADD ("paths-are-shown", test_paths_are_shown);
    ADD ("hosts-and-databases-are-shown", test_hosts_and_databases_are_shown);
    ADD ("secrets-are-not-shown", test_secrets_are_not_shown);
    ADD ("errors-show-no-secrets", test_errors_show_no_secrets);
    return g_test_run ();
}
