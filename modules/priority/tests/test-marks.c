/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stands in Resource-Priority, and what the values of a namespace are worth. */

#include "marks.h"

#include <string.h>

static NamespaceTable *
shipped (void)
{
    g_autoptr (GError) error = NULL;
    NamespaceTable *table = namespaces_new ();

    namespaces_add_all (table, namespaces_shipped, "namespaces", &error);
    g_assert_no_error (error);
    return table;
}

/* What was read of TEXTS, as "NAMESPACE.VALUE=CLASS ", or what is wrong. */
static void
read_as (const char *const *texts, const char *wanted)
{
    NamespaceTable *table = shipped ();
    g_autoptr (GString) found = g_string_new (NULL);
    Marks marks;
    const char *why = marks_read (&marks, table, texts);

    for (unsigned i = 0; why == NULL && i < marks.n_marks; i++) {
        const Mark *mark = &marks.marks[i];
        g_string_append_printf (found, "%.*s=%d ", (int) mark->len_bytes, mark->text,
                                mark->level != NULL ? mark->level->priority_class : -1);
    }
    g_assert_cmpstr (why != NULL ? why : found->str, ==, wanted);
    namespaces_free (table);
}

/* RFC 4412 3.1: lists, several header fields, blanks and folds around commas, any case. */
static void
test_lists (void)
{
    read_as (TD_LIST ("ets.0"), "ets.0=11 ");
    read_as (TD_LIST ("ets.0, wps.1"), "ets.0=11 wps.1=10 ");
    read_as (TD_LIST ("ets.0", "wps.1"), "ets.0=11 wps.1=10 ");
    read_as (TD_LIST (" ets.0\t,\r\n wps.1 "), "ets.0=11 wps.1=10 ");
    read_as (TD_LIST ("DSN.Flash"), "DSN.Flash=8 ");
    read_as (TD_LIST ("a-!%*_+`'~.1"), "a-!%*_+`'~.1=-1 ");
    read_as ((const char *const[]){ NULL }, "");
}

static void
test_malformed (void)
{
    static const char *const texts[] = {
        "",       "ets",          "ets.",   ".0",     "ets.0.1", "ets.0 wps.1", "ets.0,",
        ",ets.0", "ets.0,,wps.1", "ets .0", "ets. 0", "e\"ts.0", "ets.0;a=b",   "ets.\xc3\xa9"
    };

    for (size_t i = 0; i < G_N_ELEMENTS (texts); i++) {
        read_as (TD_LIST (texts[i]), "Malformed Resource-Priority");
    }
}

/* RFC 4412 3.1: "a particular namespace MUST NOT appear more than once in the same SIP message". */
static void
test_twice (void)
{
    read_as (TD_LIST ("ets.0, ets.1"), "Resource-Priority Namespace Twice");
    read_as (TD_LIST ("ets.0", "wps.1, ETS.0"), "Resource-Priority Namespace Twice");
    read_as (TD_LIST ("strange.0", "Strange.1"), "Resource-Priority Namespace Twice");
}

static void
test_many (void)
{
    g_autoptr (GString) text = g_string_new ("x0.1");
    g_autofree char *long_one = g_strnfill (10000, 'n');
    g_autofree char *named = g_strconcat (long_one, ".1", NULL);
    NamespaceTable *table = shipped ();
    Marks marks;

    g_assert_null (marks_read (&marks, table, TD_LIST (named)));
    g_assert_null (marks.marks[0].name_space);
    for (unsigned i = 1; i < 1000; i++) {
        g_string_append_printf (text, ", x%u.1", i);
    }
    g_assert_cmpstr (marks_read (&marks, table, TD_LIST (text->str)), ==,
                     "Too Many Resource Values");
    namespaces_free (table);
}

/* The end of each namespace that is the highest one. */
static void
test_both_ends (void)
{
    static const char *const ends[][3] = {
        { "ets", "4", "0" },         { "wps", "4", "0" },
        { "q735", "4", "0" },        { "dsn", "routine", "flash-override" },
        { "esnet", "0", "4" },       { "drsn", "routine", "flash-override-override" },
        { "mcpttp", "0", "15" },     { "mcpttq", "0", "15" },
        { "dsn-000000", "0", "9" },  { "dsn-000009", "0", "9" },
        { "drsn-000003", "0", "9" }, { "rts-000000", "0", "9" },
        { "crts-000009", "0", "9" },
    };
    NamespaceTable *table = shipped ();

    for (size_t i = 0; i < G_N_ELEMENTS (ends); i++) {
        const Namespace *one = namespaces_find (table, ends[i][0], strlen (ends[i][0]));
        g_assert_nonnull (one);
        const Level *low = namespace_find_level (one, ends[i][1], strlen (ends[i][1]));
        const Level *high = namespace_find_level (one, ends[i][2], strlen (ends[i][2]));
        g_assert_true (low == &one->levels[0] && high == &one->levels[one->n_levels - 1]);
        g_assert_cmpuint (low->priority_class, >, TD_CLASS_ORDINARY);
        g_assert_cmpuint (high->priority_class, >, low->priority_class);
    }
    g_assert_cmpuint (table->in_order->len, ==, 8 + 40);
    namespaces_free (table);
}

/* Where the best and the least of each kind stand among the others. */
static void
test_ranking (void)
{
    static const char *const falling[][2] = {
        { "esnet", "4" }, { "ets", "0" },       { "dsn", "flash-override" },
        { "ets", "4" },   { "dsn", "routine" },
    };
    NamespaceTable *table = shipped ();
    unsigned last = TD_CLASS_MAX + 1;

    for (size_t i = 0; i < G_N_ELEMENTS (falling); i++) {
        const Namespace *one = namespaces_find (table, falling[i][0], strlen (falling[i][0]));
        const Level *level = namespace_find_level (one, falling[i][1], strlen (falling[i][1]));
        g_test_message ("%s.%s: %u", falling[i][0], falling[i][1], level->priority_class);
        g_assert_cmpuint (level->priority_class, <, last);
        last = level->priority_class;
    }
    namespaces_free (table);
}

static void
test_algorithms (void)
{
    static const char *const queue[] = { "ets", "wps", "esnet", "mcpttq" };
    NamespaceTable *table = shipped ();

    for (unsigned i = 0; i < table->in_order->len; i++) {
        const Namespace *one = table->in_order->pdata[i];
        bool is_queue = false;
        for (size_t j = 0; j < G_N_ELEMENTS (queue); j++) {
            is_queue = is_queue || strcmp (one->name, queue[j]) == 0;
        }
        g_assert_cmpint (one->algorithm, ==, is_queue ? TD_ALGORITHM_QUEUE : TD_ALGORITHM_PREEMPT);
    }
    namespaces_free (table);
}

/* RFC 4412 10.3: of all values that preempt, this one alone displaces its like. */
static void
test_takes_equals (void)
{
    NamespaceTable *table = shipped ();

    for (unsigned i = 0; i < table->in_order->len; i++) {
        const Namespace *one = table->in_order->pdata[i];
        for (unsigned j = 0; j < one->n_levels; j++) {
            TdPriority priority;
            bool takes_equals = strcmp (one->levels[j].value, "flash-override-override") == 0;
            level_to_priority (&one->levels[j], TD_LEARNT_MARK, &priority);
            g_assert_cmpint (priority.algorithm, ==,
                             takes_equals ? TD_ALGORITHM_PREEMPT_EQUAL : (int) one->algorithm);
        }
    }
    namespaces_free (table);
}

static void
refuse_line (const char *line, const char *wanted)
{
    g_autoptr (GError) error = NULL;
    NamespaceTable *table = namespaces_new ();

    g_assert_false (namespaces_add (table, line, &error));
    g_assert_nonnull (strstr (error->message, wanted));
    namespaces_free (table);
}

/* RFC 4412 8.3: orders that contradict a namespace's own "MUST NOT be configurable". */
static void
test_wrong_lines (void)
{
    refuse_line ("", "is no namespace");
    refuse_line ("foo queue", "is no namespace");
    refuse_line ("f.oo queue 1:5", "is no namespace");
    refuse_line ("foo first 1:5", "no algorithm");
    refuse_line ("foo queue 1", "VALUE:CLASS");
    refuse_line ("foo queue 1:4", "from 5 to 15");
    refuse_line ("foo queue 1:16", "from 5 to 15");
    refuse_line ("foo queue 1:5=", "VALUE:CLASS"); /* only who preempts displaces */
    refuse_line ("foo preemption 1:=", "VALUE:CLASS");
    refuse_line ("foo queue 1:5 1:6", "twice");
    refuse_line ("foo queue 1:6 2:5", "classes that do not fall");
    refuse_line ("foo queue 1:5 2:5 3:5 4:5 5:5 6:5 7:5 8:5 9:5 a:5 b:5 c:5 d:5 e:5 f:5 g:5 h:5",
                 "more than 16");
    refuse_line ("a-name-that-is-much-too-long queue 1:5", "is no namespace");
}

static void
test_line_of_one_s_own (void)
{
    NamespaceTable *table = shipped ();
    const Namespace *ets;

    g_assert_true (namespaces_add (table, "Foo\tqueue  low:5 HIGH:9", NULL));
    g_assert_true (namespaces_add (table, "ets queue 4:5 0:14", NULL));
    g_assert_nonnull (namespaces_find (table, "FOO", 3));
    ets = namespaces_find (table, "ets", 3);
    g_assert_cmpuint (ets->n_levels, ==, 2);
    g_assert_cmpuint (ets->levels[1].priority_class, ==, 14);
    g_assert_null (namespaces_find (table, "bar", 3));
    namespaces_free (table);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/priority/PRI-001/lists", test_lists);
    g_test_add_func ("/priority/PRI-001/malformed", test_malformed);
    g_test_add_func ("/priority/PRI-001/many", test_many);
    g_test_add_func ("/priority/PRI-002/twice", test_twice);
    g_test_add_func ("/priority/PRI-003/lines", test_line_of_one_s_own);
    g_test_add_func ("/priority/PRI-003/wrong-lines", test_wrong_lines);
    g_test_add_func ("/priority/PRI-004/both-ends", test_both_ends);
    g_test_add_func ("/priority/PRI-004/algorithms", test_algorithms);
    g_test_add_func ("/priority/PRI-052/ranking", test_ranking);
    g_test_add_func ("/priority/PRI-072/takes-equals", test_takes_equals);
    return g_test_run ();
}
