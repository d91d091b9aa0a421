/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is wrong between rows is found, with table and row, and what is right is not. */

#include "tables-fixture.h"

typedef struct {
    SchemaTableId table;
    unsigned line;
    bool is_error;
    const char *text;
} Expected;

static bool
is_section (const char *section, const char *name, void *data G_GNUC_UNUSED)
{
    return strcmp (name, "unknown") != 0;
}

/* Exactly these are found, in any order. */
static void
check (const char *text, const Expected *expected, unsigned n_expected)
{
    TablesBuilder *builder = tables_builder_new ();
    g_autoptr (Findings) findings = findings_new ();

    add_tables (builder, text);
    g_autoptr (Tables) tables G_GNUC_UNUSED =
        tables_builder_end (builder, findings, is_section, NULL);
    for (unsigned i = 0; i < findings->all->len; i++) {
        const Finding *found = &g_array_index (findings->all, Finding, i);
        g_test_message ("%s, line %u: %s", schema_table (found->table)->name, found->line,
                        found->text);
    }
    for (unsigned i = 0; i < n_expected; i++) {
        bool is_found = false;
        for (unsigned k = 0; k < findings->all->len && !is_found; k++) {
            const Finding *found = &g_array_index (findings->all, Finding, k);
            is_found = found->table == expected[i].table && found->line == expected[i].line
                       && found->is_error == expected[i].is_error
                       && strstr (found->text, expected[i].text) != NULL;
        }
        g_test_message ("expected: %s", expected[i].text);
        g_assert_true (is_found);
    }
    g_assert_cmpuint (findings->all->len, ==, n_expected);
}

#define CHECK(text, ...)                                                                           \
    check (text, (const Expected[]){ __VA_ARGS__ },                                                \
           sizeof ((const Expected[]){ __VA_ARGS__ }) / sizeof (Expected))

/* Rows in which nothing is wrong, and what tests add to them. */
#define GOOD                                                                                       \
    "[plan]\np,110,3,3,,emergency\np,0,,,,national\n"                                              \
    "[list]\nl\n[target]\nl,1,a\n"                                                                 \
    "[route]\nmain,49,,,,,,,,,,,,,,l\n"                                                            \
    "[ingress]\n*,p,,,main,,r\n"                                                                   \
    "[emergency]\nr,110,l\n"

static void
test_nothing_wrong (void)
{
    check (GOOD, NULL, 0);
    check ("", NULL, 0);
}

static void
test_dangling (void)
{
    CHECK ("[list]\nl,,,,c\n[target]\nl,1,a,,,,cal,tr\nl,2,@x\n"
           "[route]\nmain,49,,,,,,,,,,,,,,l\nmain,48,,,,,,,,,,,,,,y\nmain,47,,,,,,,,,,,,,cal2,l\n"
           "[emergency]\nr,110,z\n"
           "[ingress]\nt,p,tr2,s,tab,,r\n",
           { SCHEMA_LIST, 1, true, "list \"l\": causes \"c\" is no row of \"cause\"" },
           { SCHEMA_TARGET, 1, true, "target \"l\": calendar \"cal\" is no row of \"calendar\"" },
           { SCHEMA_TARGET, 1, true, "translation \"tr\" is no row of \"translation\"" },
           { SCHEMA_TARGET, 2, true, "list \"x\" is no row of \"list\"" },
           { SCHEMA_ROUTE, 2, true, "label \"y\" is no row of \"list\"" },
           { SCHEMA_ROUTE, 3, true, "calendar \"cal2\" is no row of \"calendar\"" },
           { SCHEMA_EMERGENCY, 1, true, "label \"z\" is no row of \"list\"" },
           { SCHEMA_INGRESS, 1, true, "plan \"p\" is no row of \"plan\"" },
           { SCHEMA_INGRESS, 1, true, "translation \"tr2\" is no row of \"translation\"" },
           { SCHEMA_INGRESS, 1, true, "screening \"s\" is no row of \"screening\"" },
           { SCHEMA_INGRESS, 1, true, "table \"tab\" is no row of \"route\"" });
}

static void
test_trunks (void)
{
    CHECK (GOOD "[target]\nl,2,unknown\n[ingress]\nunknown,p,,,main,,r\n",
           { SCHEMA_TARGET, 1, true, "there is no [trunk unknown]" },
           { SCHEMA_INGRESS, 1, true, "there is no [trunk unknown]" });
}

static void
test_loop (void)
{
    CHECK (GOOD "[list]\nm\n[target]\nl,2,@m\nm,1,@l\nm,2,b\n",
           { SCHEMA_TARGET, 2, true, "a loop" });
}

static void
test_unused_list (void)
{
    CHECK (GOOD "[list]\nm\n[target]\nm,1,b\n",
           { SCHEMA_LIST, 1, false, "list \"m\": nothing leads to it" });
}

static void
test_no_emergency (void)
{
    CHECK (GOOD "[ingress]\na,p,,,main\nb,p,,,main,,s\n",
           { SCHEMA_INGRESS, 1, false, "ingress \"a\": it has no region" },
           { SCHEMA_INGRESS, 2, false, "region \"s\" has no row in \"emergency\"" });
    CHECK (GOOD "[plan]\np,112,3,3,,emergency\n",
           { SCHEMA_INGRESS, 1, false, "region \"r\" has no row in \"emergency\" for 112" });
}

static void
test_overlapping (void)
{
    CHECK (GOOD "[plan]\np,7[2-5],,,,national\np,7[4-7],,,,national\np,7[4-7],,,,local\n"
                "p,7X1,,,,national\np,8[2-4],4,4,,national\np,8[3-5],5,5,,national\n",
           { SCHEMA_PLAN, 2, false, "pattern 7[4-7] fits numbers that 7[2-5] (line 1) fits" },
           { SCHEMA_PLAN, 3, false, "pattern 7[4-7] fits numbers that 7[2-5] (line 1) fits" },
           { SCHEMA_PLAN, 3, false, "pattern 7[4-7] fits numbers that 7[4-7] (line 2) fits" });
}

static void
test_shadowed (void)
{
    CHECK (GOOD "[route]\nmain,49,5,,alice,,,,,,,,,,,l\n"
                "[screening]\ns,1,,+49,,allow\ns,2,,+4989,,deny\n"
                "[translation]\nt,1,,,,stop\nt,2,,,,strip,1\n"
                "[ingress]\n*,p,,,main,,r\n[code]\n49,a\n49,b\n",
           { SCHEMA_ROUTE, 1, false, "comes first and holds whenever it does" },
           { SCHEMA_SCREENING, 2, false, "comes first and fits all that it fits" },
           { SCHEMA_TRANSLATION, 2, false, "translation \"t\", step 2: step 1 stops" },
           { SCHEMA_INGRESS, 1, false, "another row has the same trunk" },
           { SCHEMA_CODE, 2, false, "another row has the same prefix" });
}

/* Of a great many, the first ones; the rest is counted. */
static void
test_many (void)
{
    TablesBuilder *builder = tables_builder_new ();
    g_autoptr (Findings) findings = findings_new ();
    g_autoptr (GString) rows = g_string_new ("[target]\n");

    for (unsigned i = 0; i < FINDINGS_MAX + 5; i++) {
        g_string_append_printf (rows, "l%u,1,a\n", i);
    }
    add_tables (builder, rows->str);
    g_autoptr (Tables) tables G_GNUC_UNUSED = tables_builder_end (builder, findings, NULL, NULL);
    g_assert_cmpuint (findings->all->len, ==, FINDINGS_MAX);
    g_assert_cmpuint (findings->n_left_out, ==, 5);
    g_assert_cmpuint (findings->n_errors, ==, FINDINGS_MAX + 5);
}

static void
test_bad_rows (void)
{
    static const struct {
        SchemaTableId table;
        const char *line, *message;
    } cases[] = {
        { SCHEMA_INGRESS, ",p", "ingress.trunk" },
        { SCHEMA_EMERGENCY, "r,11x,l", "emergency.number" },
        { SCHEMA_TOLL_FREE, ",c", "toll_free.number" },
        { SCHEMA_TOLL_FREE, "800,c,x", "toll_free.routing_number" },
        { SCHEMA_CODE, "49,,,,odd", "code.kind" },
        { SCHEMA_PORTED, "12*,1", "ported.number" },
        { SCHEMA_PORTED, "12,", "ported.routing_number" },
        { SCHEMA_CAUSE, "c,128,next", "cause.cause" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (TablesBuilder) builder = tables_builder_new ();
        g_autoptr (GError) error = NULL;
        g_assert_false (
            add_line (cases[i].table, cases[i].line, 1, add_to_builder, builder, &error));
        g_test_message ("%s", error->message);
        g_assert_nonnull (strstr (error->message, cases[i].message));
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/route/check/ROU-042/nothing-wrong", test_nothing_wrong);
    g_test_add_func ("/route/check/ROU-042/dangling", test_dangling);
    g_test_add_func ("/route/check/ROU-042/trunks", test_trunks);
    g_test_add_func ("/route/check/ROU-042/loop", test_loop);
    g_test_add_func ("/route/check/ROU-042/unused-list", test_unused_list);
    g_test_add_func ("/route/check/ROU-029/no-emergency", test_no_emergency);
    g_test_add_func ("/route/check/ROU-042/overlapping", test_overlapping);
    g_test_add_func ("/route/check/ROU-042/shadowed", test_shadowed);
    g_test_add_func ("/route/check/ROU-042/many", test_many);
    g_test_add_func ("/route/check/ROU-042/bad-rows", test_bad_rows);
    return g_test_run ();
}
