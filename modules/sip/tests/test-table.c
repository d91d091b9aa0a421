/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A table finds what is in it and nothing else, however it grew and shrank. */

#include "table.h"

enum { N = 5000 };

typedef struct {
    SipLink link; /* first */
    uint64_t hash;
} Thing;

static uint64_t
scatter (uint64_t number)
{
    return number * UINT64_C (0x9e3779b97f4a7c15);
}

static void
test_finds_what_is_there (void)
{
    g_autofree Thing *things = g_new0 (Thing, N);
    SipTable table;

    sip_table_init (&table);
    for (unsigned i = 0; i < N; i++) {
        things[i].hash = scatter (i);
        sip_table_add (&table, &things[i].link, things[i].hash);
    }
    for (unsigned i = 0; i < N; i += 3) {
        sip_table_remove (&table, &things[i].link);
        sip_table_remove (&table, &things[i].link); /* it is in no table any more */
    }
    for (unsigned i = 0; i < 2 * N; i++) {
        SipLink *link = sip_table_first (&table, scatter (i));
        g_assert_true (link == (i < N && i % 3 != 0 ? &things[i].link : NULL));
    }
    g_assert_cmpuint (table.n_links, ==, N - (N + 2) / 3);
    sip_table_clear (&table);
}

/* Links of one hash are found one after the other, and the last one keeps its place when the others go. */
static void
test_one_hash_may_be_of_many (void)
{
    Thing things[3] = { 0 };
    SipTable table;

    sip_table_init (&table);
    for (unsigned i = 0; i < 3; i++) {
        sip_table_add (&table, &things[i].link, 7);
    }
    unsigned n = 0;
    for (SipLink *link = sip_table_first (&table, 7); link != NULL; link = sip_table_next (link)) {
        n++;
    }
    g_assert_cmpuint (n, ==, 3);
    sip_table_remove (&table, &things[0].link);
    sip_table_remove (&table, &things[2].link);
    g_assert_true (sip_table_first (&table, 7) == &things[1].link);
    sip_table_remove (&table, &things[1].link);
    g_assert_null (sip_table_first (&table, 7));
    g_assert_null (sip_table_any (&table));
    sip_table_clear (&table);
}

int
main (int argc, char *argv[])
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/sip/table/finds-what-is-there", test_finds_what_is_there);
    g_test_add_func ("/sip/table/one-hash-may-be-of-many", test_one_hash_may_be_of_many);
    return g_test_run ();
}
