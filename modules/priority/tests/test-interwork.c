/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What values are in other protocols: the table. */

#include "foreign.h"
#include "world.h"

static const InterworkLine *
line_of (const InterworkTable *table, const char *mark)
{
    const InterworkLine *line = g_hash_table_lookup (table->by_mark, mark);

    g_assert_nonnull (line);
    return line;
}

/* PRI-082, PRI-084, MSC-050: five levels of WPS, and GETS, as the table that ships has them. */
static void
test_shipped (void)
{
    Settings *settings = world_settings ("");
    static const char *const names[] = { "ets", "wps" };

    for (unsigned i = 0; i < 10; i++) {
        g_autofree char *mark = g_strdup_printf ("%s.%u", names[i / 5], i % 5);
        const InterworkLine *line = line_of (settings->interwork, mark);
        g_assert_cmpuint (line->ansi, ==, 0xe2);
        g_assert_cmpuint (line->itu, ==, 0x0e);
        g_assert_cmpuint (line->foreign.message_priority, ==, 1);
        g_assert_cmpuint (line->foreign.precedence, ==, i % 5);
        g_assert_cmpuint (line->foreign.emlpp, ==, i % 5);
        g_assert_cmpuint (line->foreign.radio_level, ==, i % 5 + 1);
        g_assert_cmpuint (line->foreign.context_priority, ==, line->level->priority_class);
        g_assert_true (line->foreign.is_ieps);
        g_assert_false (line->foreign.is_emergency);
    }
    td_table_unref (&settings->table);
}

/* No order of a namespace is turned around on its way to another protocol, and all have something. */
static void
test_order (void)
{
    Settings *settings = world_settings ("");
    const GPtrArray *names = settings->namespaces->in_order;

    for (unsigned i = 0; i < names->len; i++) {
        const Namespace *name_space = names->pdata[i];
        const InterworkLine *before = NULL;
        for (unsigned j = 0; j < name_space->n_levels; j++) {
            TdPriority priority;
            level_to_priority (&name_space->levels[j], TD_LEARNT_MARK, &priority);
            const InterworkLine *line = interwork_find (settings->interwork, &priority);
            g_assert_nonnull (line);
            if (before != NULL) {
                g_assert_cmpuint (line->foreign.context_priority, >=,
                                  before->foreign.context_priority);
                g_assert_cmpuint (line->foreign.admission, >=, before->foreign.admission);
                g_assert_cmpuint (line->foreign.reservation, >=, before->foreign.reservation);
                g_assert_cmpuint (line->foreign.radio_level, <=, before->foreign.radio_level);
                g_assert_cmpuint (line->foreign.precedence, <=, before->foreign.precedence);
            }
            before = line;
        }
    }
    td_table_unref (&settings->table);
}

/* A line of one's own takes the place of the one for the same value, wherever that stands. */
static void
test_own_lines (void)
{
    Settings *settings = world_settings ("[priority]\ninterwork = ETS.0 ansi:224 h248:15\n"
                                         "interwork = class.9 radio:14\n");
    const TdPriority of_class = { .name_space = "foo", .value = "1", .priority_class = 9 };
    const InterworkLine *line = line_of (settings->interwork, "ets.0");

    g_assert_true (line == settings->interwork->in_order->pdata[0]);
    g_assert_cmpuint (line->ansi, ==, 224);
    g_assert_cmpuint (line->itu, ==, 0);
    g_assert_cmpuint (line->foreign.given, ==, TD_FOREIGN_CONTEXT);
    g_assert_cmpuint (line->foreign.context_priority, ==, 15);
    line = interwork_find (settings->interwork, &of_class);
    g_assert_cmpuint (line->foreign.radio_level, ==, 14);
    td_table_unref (&settings->table);
}

static void
test_mistakes (void)
{
    static const struct {
        const char *line, *said;
    } mistakes[] = {
        { "ets.0", "says nothing" },
        { "ets ansi:1", "\"ets\" is no value" },
        { "class.4 h248:1", "\"class.4\" is no value" },
        { "ets.0 ansi:0", "no number from 1 to 255" },
        { "ets.0 ansi:256", "no number from 1 to 255" },
        { "ets.0 h248:-1", "no number from 0 to 15" },
        { "ets.0 h248:1x", "no number from 0 to 15" },
        { "ets.0 precedence:5", "no number from 0 to 4" },
        { "ets.0 radio:0", "no number from 1 to 14" },
        { "ets.0 foo:1", "\"foo:1\" is nothing a protocol says" },
        { "ets.0 ieps:1", "\"ieps:1\" is nothing a protocol says" },
        { "dscp.sip 0:1", "\"dscp.sip\" is no plane" },
        { "dscp.h248 16:1", "\"16:1\" is no class with a code point" },
        { "dscp.h248 0:64", "\"0:64\" is no class with a code point" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS (mistakes); i++) {
        g_autofree char *text = g_strdup_printf ("[priority]\ninterwork = %s\n", mistakes[i].line);
        world_refuse (text, mistakes[i].said);
        world_refuse (text, "f:2:13: ");
    }
    world_refuse ("[priority]\ninterworking = /nowhere\n",
                  "f:2:16: [priority] interworking: /nowhere ");
}

/* What a trunk's profile says of ISUP and of reservations. */
static void
test_profiles (void)
{
#define T "[trunk t]\naddress = sip:h\n"
    Settings *settings = world_settings (T "rph-precedence = 9876:ffffff\nrph-admission = prbm\n");
    const Policy *policy = settings_policy (settings, "t");

    g_assert_cmphex (policy->precedence_network, ==, 0x9876);
    g_assert_cmphex (policy->precedence_domain, ==, 0xffffff);
    g_assert_cmpuint (policy->model, ==, TD_BANDWIDTH_PRBM);
    td_table_unref (&settings->table);
    world_refuse (T "rph-precedence = 12345:0000f\n", "is no NETWORK:DOMAIN");
    world_refuse (T "rph-precedence = 00f1:0000ff\n", "is no NETWORK:DOMAIN");
    world_refuse (T "rph-precedence = 0001:00zzff\n", "is no NETWORK:DOMAIN");
    world_refuse (T "rph-precedence = 0001\n", "is no NETWORK:DOMAIN");
    world_refuse (T "rph-categories = nsep\n",
                  "f:3:18: [trunk t] rph-categories: nsep is no CATEGORY:VALUE");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/priority/PRI-084/shipped", test_shipped);
    g_test_add_func ("/priority/PRI-083/order", test_order);
    g_test_add_func ("/priority/interwork/own-lines", test_own_lines);
    g_test_add_func ("/priority/interwork/mistakes", test_mistakes);
    g_test_add_func ("/priority/PRI-082/profiles", test_profiles);
    return g_test_run ();
}
