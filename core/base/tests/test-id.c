/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ids find what they were given for, and nothing once it is gone. */

#include "base/id.h"

static void
test_stale_id_finds_nothing (void)
{
    TdIdTable table;
    int first = 1, second = 2;

    td_id_table_init (&table, 0x1f3, 2);
    TdId old = td_id_table_add (&table, TD_ID_CALL, &first);
    g_assert_true (td_id_table_find (&table, TD_ID_CALL, old) == &first);
    td_id_table_remove (&table, old);
    g_assert_null (td_id_table_find (&table, TD_ID_CALL, old));

    /* The slot comes round again, with another generation. */
    TdId again = TD_ID_NONE;
    for (unsigned i = 0; i < 64; i++) {
        again = td_id_table_add (&table, TD_ID_CALL, &second);
        if ((again & 0xffffff) == (old & 0xffffff)) {
            break;
        }
        td_id_table_remove (&table, again);
    }
    g_assert_cmpuint (again & 0xffffff, ==, old & 0xffffff);
    g_assert_cmpuint (again, !=, old);
    g_assert_null (td_id_table_find (&table, TD_ID_CALL, old));
    td_id_table_remove (&table, old);
    g_assert_true (td_id_table_find (&table, TD_ID_CALL, again) == &second);
    td_id_table_remove (&table, again);
    td_id_table_clear (&table);
}

static void
test_kind_lane_and_boot_count (void)
{
    TdIdTable here, there, later;
    int object;

    td_id_table_init (&here, 1, 0);
    td_id_table_init (&there, 1, 1);
    td_id_table_init (&later, 2, 0);
    TdId id = td_id_table_add (&here, TD_ID_CALL, &object);
    TdId other = td_id_table_add (&there, TD_ID_CALL, &object);
    TdId next = td_id_table_add (&later, TD_ID_CALL, &object);
    g_assert_cmpuint (td_id_lane (other), ==, 1);
    g_assert_null (td_id_table_find (&here, TD_ID_CHANNEL, id));
    g_assert_null (td_id_table_find (&here, TD_ID_CALL, other));
    g_assert_null (td_id_table_find (&here, TD_ID_CALL, next));
    td_id_table_remove (&here, id);
    td_id_table_remove (&there, other);
    td_id_table_remove (&later, next);
    td_id_table_clear (&here);
    td_id_table_clear (&there);
    td_id_table_clear (&later);
}

static void
test_text_and_back (void)
{
    static const char *const bad[] = { "",
                                       "1f3",
                                       "1f3-02-00001-00002",
                                       "1f3-02-00001-0000021",
                                       "1g3-02-00001-000002",
                                       "1f3 02 00001 000002" };
    char text[TD_ID_TEXT_SIZE];
    TdId id = UINT64_C (0x1f302000a410002c), back = 7;

    g_assert_true (td_id_parse (td_id_print (id, text), &back));
    g_assert_cmpuint (back, ==, id);
    for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++) {
        back = 7;
        g_assert_false (td_id_parse (bad[i], &back));
        g_assert_cmpuint (back, ==, 7);
    }
}

static void
test_many_objects (void)
{
    enum { N = 10000 };
    TdIdTable table;
    g_autofree TdId *ids = g_new (TdId, N);
    g_autofree int *objects = g_new0 (int, N);

    td_id_table_init (&table, 1, 0);
    for (unsigned i = 0; i < N; i++) {
        ids[i] = td_id_table_add (&table, TD_ID_CHANNEL, &objects[i]);
    }
    for (unsigned i = 0; i < N; i++) {
        g_assert_true (td_id_table_find (&table, TD_ID_CHANNEL, ids[i]) == &objects[i]);
        td_id_table_remove (&table, ids[i]);
    }
    g_assert_cmpuint (table.n_used, ==, 0);
    td_id_table_clear (&table);
}

static bool
count_odd (TdId id, void *object, void *data)
{
    unsigned *seen = data;

    seen[*(int *) object]++;
    return *(int *) object % 2 == 0; /* an odd one ends the part */
}

static void
test_a_part_at_a_time (void)
{
    enum { N = 200 };
    TdIdTable table;
    TdId ids[N];
    int objects[N];
    unsigned seen[N] = { 0 }, n_parts = 0;
    uint32_t next = 0;

    td_id_table_init (&table, 1, 0);
    for (int i = 0; i < N; i++) {
        objects[i] = i;
        ids[i] = td_id_table_add (&table, i % 3 == 0 ? TD_ID_CALL : TD_ID_CHANNEL, &objects[i]);
    }
    do {
        next = td_id_table_some (&table, TD_ID_CALL, next, 50, count_odd, seen);
        n_parts++;
    } while (next != 0);
    for (int i = 0; i < N; i++) {
        g_assert_cmpuint (seen[i], ==, i % 3 == 0);
        td_id_table_remove (&table, ids[i]);
    }
    g_assert_cmpuint (n_parts, >, N / 6);
    g_assert_cmpuint (td_id_table_some (&table, TD_ID_CALL, 5000, 50, count_odd, seen), ==, 0);
    td_id_table_clear (&table);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/base/id/stale-finds-nothing", test_stale_id_finds_nothing);
    g_test_add_func ("/base/id/kind-lane-and-boot-count", test_kind_lane_and_boot_count);
    g_test_add_func ("/base/id/text-and-back", test_text_and_back);
    g_test_add_func ("/base/id/a-part-at-a-time", test_a_part_at_a_time);
    g_test_add_func ("/base/id/many-objects", test_many_objects);
    return g_test_run ();
}
