/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What travels with a number: what is understood of it, and what goes on. */

#include "parameters.h"

static void
test_read (void)
{
    static const struct {
        const char *text, *number, *number_context, *carrier, *carrier_context;
        bool is_dipped;
    } cases[] = {
        { NULL, "", "", "", "", false },
        { "", "", "", "", "", false },
        { "npdi", "", "", "", "", true },
        { ";NPDI;rn=+1-202-544-0000", "+12025440000", "", "", "", true },
        { ";cic=+1-0288", "", "", "+10288", "", false },
        { ";cic=0288;cic-context=+1;rn=(202)5440000;rn-context=example.net", "2025440000",
          "example.net", "0288", "+1", false },
        { ";rn=+1202XYZ;rn-context=+1;cic=;npdi=yes", "", "", "", "", true },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        Parameters found;
        parameters_read (cases[i].text, &found);
        g_assert_cmpstr (found.routing_number, ==, cases[i].number);
        g_assert_cmpstr (found.routing_context, ==, cases[i].number_context);
        g_assert_cmpstr (found.carrier, ==, cases[i].carrier);
        g_assert_cmpstr (found.carrier_context, ==, cases[i].carrier_context);
        g_assert_cmpint (found.is_dipped, ==, cases[i].is_dipped);
    }
}

static void
check_written (const char *before, const char *number, const char *carrier, const char *country,
               const char *expected)
{
    const Decision decision = { .routing_number = number, .carrier = carrier, .country = country };
    g_autofree char *written = parameters_write (before, &decision);

    g_assert_cmpstr (written, ==, expected);
}

/* RFC 4694 4: a number or a carrier has a "+" and its country, or says in which network it holds. */
static void
test_context (void)
{
    check_written (NULL, "", "", "1", NULL);
    check_written (NULL, "2125550000", "0288", "1", ";rn=+12125550000;cic=+10288");
    check_written (NULL, "+49305550000", "+490123", "1", ";rn=+49305550000;cic=+490123");
    check_written (";rn=2125550000;rn-context=+1;x=y", "2125550000", "", "1",
                   ";x=y;rn=2125550000;rn-context=+1");
    check_written (";cic=0288;cic-context=example.net", "", "0288", "1",
                   ";cic=0288;cic-context=example.net");
    check_written (";rn=1234;rn-context=+1", "2125550000", "", "", ";rn=2125550000");
    check_written (NULL, "2125550000", "smith", "", ";rn=2125550000");
}

/* RFC 4694 5.1, 5.2.2: the carrier that we are is not named to others. */
static void
test_own_carrier (void)
{
    const Decision decision = {
        .routing_number = "", .carrier = "0333", .country = "1", .is_own_carrier = true
    };
    g_autofree char *written = parameters_write (";cic=+1-0333;x=y", &decision);

    g_assert_cmpstr (written, ==, ";x=y");
}

/* RFC 4694 5.2.1: a number that is not ported was looked up all the same. */
static void
test_dipped (void)
{
    const Decision decision = {
        .routing_number = "", .carrier = "", .country = "", .is_dipped = true
    };
    g_autofree char *written = parameters_write (NULL, &decision);

    g_assert_cmpstr (written, ==, ";npdi");
}

static void
test_others (void)
{
    g_autofree char *some = parameters_write_others (";npdi;isub=12;RN=+1212;x");
    g_autofree char *none = parameters_write_others (";npdi;cic=+10288");

    g_assert_cmpstr (some, ==, ";isub=12;x");
    g_assert_cmpstr (none, ==, NULL);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/route/parameters/ROU-025/read", test_read);
    g_test_add_func ("/route/parameters/ROU-025/context", test_context);
    g_test_add_func ("/route/parameters/ROU-025/own-carrier", test_own_carrier);
    g_test_add_func ("/route/parameters/ROU-025/dipped", test_dipped);
    g_test_add_func ("/route/parameters/ROU-025/others", test_others);
    return g_test_run ();
}
