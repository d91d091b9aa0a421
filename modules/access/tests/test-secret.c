/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRI-049: where digits of personal numbers are. */

#include "secret.h"

#include <stdio.h>
#include <string.h>

static void
test_given_back_is_wiped (void)
{
    g_autoptr (GError) error = NULL;
    Secrets *secrets = secrets_new (2, &error);

    g_assert_no_error (error);
    char *secret = secret_take (secrets);
    strcpy (secret, "482915736028");
    secret_give (secrets, secret);
    char *again = secret_take (secrets);
    g_assert_true (again == secret);
    for (unsigned i = 0; i < SECRET_BYTES; i++) {
        g_assert_cmpint (again[i], ==, 0);
    }
    secret_give (secrets, again);
    secrets_free (secrets);
}

static void
test_no_more_than_there_are (void)
{
    Secrets *secrets = secrets_new (2, NULL);
    char *first = secret_take (secrets), *second = secret_take (secrets);

    g_assert_nonnull (first);
    g_assert_nonnull (second);
    g_assert_null (secret_take (secrets));
    secret_give (secrets, first);
    secret_give (secrets, second);
    secret_give (secrets, NULL);
    secrets_free (secrets);
}

/* The flags of the mapping that ADDRESS lies in, as the kernel says them. */
static char *
flags_of (const char *address)
{
    FILE *file = fopen ("/proc/self/smaps", "re");
    char line[512];
    bool is_in = false;

    g_assert_nonnull (file);
    while (fgets (line, sizeof line, file) != NULL) {
        unsigned long first, last;
        if (sscanf (line, "%lx-%lx ", &first, &last) == 2) {
            is_in = (unsigned long) address >= first && (unsigned long) address < last;
        } else if (is_in && g_str_has_prefix (line, "VmFlags:")) {
            fclose (file);
            return g_strdup (line);
        }
    }
    fclose (file);
    return g_strdup ("");
}

static void
test_out_of_core_and_swap (void)
{
    Secrets *secrets = secrets_new (1, NULL);
    char *secret = secret_take (secrets);
    g_autofree char *flags = flags_of (secret);

    g_assert_nonnull (strstr (flags, " dd")); /* not dumped */
#ifndef __SANITIZE_ADDRESS__                  /* under which nothing is locked */
    g_assert_nonnull (strstr (flags, " lo")); /* locked */
#endif
    secret_give (secrets, secret);
    secrets_free (secrets);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/access/PRI-049/wiped", test_given_back_is_wiped);
    g_test_add_func ("/access/PRI-049/bounded", test_no_more_than_there_are);
    g_test_add_func ("/access/PRI-049/out-of-core-and-swap", test_out_of_core_and_swap);
    return g_test_run ();
}
