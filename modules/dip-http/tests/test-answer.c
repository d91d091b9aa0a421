/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a server says of a number, and what it is asked. */

#include "answer.h"

#include <string.h>

static const HttpMembers members = { (char *) "number", (char *) "carrier", (char *) "ttl" };

static void
test_said (void)
{
    static const struct {
        unsigned status;
        const char *body;
        TdDipResult result;
        const char *number, *carrier;
        int ttl_s; /* -1: not said */
    } cases[] = {
        { 200, "{\"number\": \"+12015550000\"}", TD_DIP_FOUND, "+12015550000", NULL, -1 },
        { 200, "{\"number\":12015550000,\"carrier\":\"0288\",\"ttl\":60,\"x\":[1]}", TD_DIP_FOUND,
          "12015550000", "0288", 60 },
        { 200, "{\"number\":null,\"carrier\":\"0288\",\"ttl\":-5}", TD_DIP_FOUND, NULL, "0288",
          -1 },
        { 200, "{\"number\":\"\"}", TD_DIP_NOT_FOUND, NULL, NULL, -1 },
        { 200, "{}", TD_DIP_NOT_FOUND, NULL, NULL, -1 },
        { 404, "nobody knows", TD_DIP_NOT_FOUND, NULL, NULL, -1 },
        { 204, "", TD_DIP_NOT_FOUND, NULL, NULL, -1 },
        { 500, "{\"number\":\"+12015550000\"}", TD_DIP_FAILED, NULL, NULL, -1 },
        { 302, "", TD_DIP_FAILED, NULL, NULL, -1 },
        { 200, "", TD_DIP_FAILED, NULL, NULL, -1 },
        { 200, "[]", TD_DIP_FAILED, NULL, NULL, -1 },
        { 200, "{\"number\":\"+1201", TD_DIP_FAILED, NULL, NULL, -1 },
        { 200, "{\"number\":{\"a\":1}}", TD_DIP_FAILED, NULL, NULL, -1 },
        { 200, "{\"number\":true}", TD_DIP_FAILED, NULL, NULL, -1 },
        { 200,
          "{\"number\":\"1234567890123456789012345678901234567890123456789012345678901234567\"}",
          TD_DIP_FAILED, NULL, NULL, -1 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        HttpSaid said;
        g_test_message ("%u %s", cases[i].status, cases[i].body);
        http_read_answer (&said, cases[i].status, cases[i].body, strlen (cases[i].body), &members);
        g_assert_cmpint (said.answer.result, ==, cases[i].result);
        g_assert_cmpstr (said.answer.number, ==, cases[i].number);
        g_assert_cmpstr (said.answer.carrier, ==, cases[i].carrier);
        g_assert_cmpint (said.answer.has_ttl ? (int) said.answer.ttl_s : -1, ==, cases[i].ttl_s);
        g_assert_cmpint (said.answer.error != NULL, ==, cases[i].result == TD_DIP_FAILED);
    }
}

static void
test_url (void)
{
    g_autofree char *url =
        http_make_url ("http://x/{kind}?n={number}", TD_DIP_TOLL_FREE, "+18005550199");
    g_autofree char *other = http_make_url ("http://x/{number}/{kind}", TD_DIP_PORTABILITY, "1#2");

    g_assert_cmpstr (url, ==, "http://x/toll-free?n=%2B18005550199");
    g_assert_cmpstr (other, ==, "http://x/1%232/portability");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/dip-http/answer/ROU-025/said", test_said);
    g_test_add_func ("/dip-http/answer/ROU-025/url", test_url);
    return g_test_run ();
}
