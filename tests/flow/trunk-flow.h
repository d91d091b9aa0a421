/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A switch with the module trunk, and calls by its groups: what the tests of it share. */

#ifndef TESTS_FLOW_TRUNK_FLOW_H
#define TESTS_FLOW_TRUNK_FLOW_H

#include "common/fake-endpoint.h"

#include <stdlib.h>
#include <string.h>

#define MODULE                                                                                     \
    "[modules]\n"                                                                                  \
    "trunk = required\n"

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
} Flow;

typedef struct {
    const char *config, *routes;
} Case;

static inline void
set_up (Flow *flow, gconstpointer data)
{
    const Case *of = data;
    g_autofree char *config = g_strconcat (MODULE, of->config, NULL);

    flow->fixture = td_fixture_new (config);
    flow->endpoint = fake_endpoint_new (flow->fixture);
    flow->endpoint->routes = g_strdup (of->routes);
}

static inline void
tear_down (Flow *flow, gconstpointer data)
{
    td_fixture_free (flow->fixture);
    fake_endpoint_free (flow->endpoint);
}

#define SAY(name, event, text) fake_say (flow->endpoint, flow->fixture, (name), (event), (text))
#define LOG(expected)          fake_assert_log (flow->endpoint, (expected))

/* A leg NAME comes in by TRUNK (nullable). */
static inline void
call (Flow *flow, const char *name, const char *trunk)
{
    flow->endpoint->caller = name;
    flow->endpoint->trunk = trunk;
    fake_call (flow->endpoint, flow->fixture, "5550199", NULL);
}

/* The answer to LINE, which must say EXPECTED (nullable) (transfer full). */
static inline char *
ask (const char *line, const char *expected)
{
    char *answer = td_fixture_ask (line);

    g_test_message ("%s: %s", line, answer);
    if (expected != NULL && strstr (answer, expected) == NULL) {
        g_error ("\"%s\" is answered by %s, which does not say %s", line, answer, expected);
    }
    return answer;
}

static inline void
must (const char *line, const char *expected)
{
    g_autofree char *answer = ask (line, expected);

    g_assert_nonnull (answer);
}

/* The number after "NAME": in what is shown of TRUNK. */
static inline long
shown (const char *trunk, const char *name)
{
    g_autofree char *line = g_strdup_printf ("trunk show %s", trunk);
    g_autofree char *answer = ask (line, NULL);
    g_autofree char *key = g_strdup_printf ("\"%s\":", name);
    const char *found = strstr (answer, key);

    g_assert_nonnull (found);
    return strtol (found + strlen (key), NULL, 10);
}

/* The same of the statistics of the present interval. */
static inline double
counted (const char *trunk, const char *name)
{
    g_autofree char *line = g_strdup_printf ("trunk statistics %s --last 1", trunk);
    g_autofree char *answer = ask (line, NULL);
    g_autofree char *key = g_strdup_printf ("\"%s\":", name);
    const char *found = strstr (answer, key);

    return found != NULL ? g_ascii_strtod (found + strlen (key), NULL) : -1;
}

static inline void
reconfigure (Flow *flow, const char *config)
{
    g_autofree char *text = g_strconcat (MODULE, config, NULL);

    g_assert_true (g_file_set_contents (flow->fixture->config_file, text, -1, NULL));
}

#define ONE   "[trunk one]\naddress = fake:b\n"
#define SMALL ONE "capacity = 2 calls\n"
#define PAIR                                                                                       \
    "[trunk pair]\n%s[member east]\ntrunk = pair\naddress = fake:e\n%s"                            \
    "[member west]\ntrunk = pair\naddress = fake:w\n%s"
#define TWO   "[trunk two]\naddress = fake:c\n"
#define THREE "[trunk three]\naddress = fake:d\n"

#define ADD_CASE(path, config_text, routes_text, test)                                             \
    do {                                                                                           \
        static const Case of = { config_text, routes_text };                                       \
        g_test_add ("/trunk/" path, Flow, &of, set_up, test, tear_down);                           \
    } while (0)

#define MEMBERS(group, east, west)                                                                 \
    "[trunk pair]\n" group "[member east]\ntrunk = pair\naddress = fake:e\n" east                  \
    "[member west]\ntrunk = pair\naddress = fake:w\n" west

#endif
