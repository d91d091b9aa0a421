/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A reload says what differs and who must be restarted, and is taken over by all or by nobody. */

#include "config/reload.h"

#include <string.h>

static const TdConfigKey core_keys[] = {
    { .name = "node", .type = TD_CONFIG_TEXT, .default_text = "n" },
    { .name = "level",
      .type = TD_CONFIG_TEXT,
      .default_text = "info",
      .flags = TD_CONFIG_RELOADABLE },
};
static const TdConfigSection core_sections[] = {
    { sizeof (TdConfigSection), sizeof (TdConfigKey), "tandem", .keys = core_keys, .n_keys = 2 },
    { sizeof (TdConfigSection), sizeof (TdConfigKey), "modules", .takes_any_key = true },
};
static const TdConfigKey trunk_keys[] = {
    { .name = "hold",
      .type = TD_CONFIG_DURATION,
      .default_text = "60 s",
      .flags = TD_CONFIG_RELOADABLE },
    { .name = "bind", .type = TD_CONFIG_TEXT },
    { .name = "password",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_SECRET | TD_CONFIG_RELOADABLE },
    { .name = "pin",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_SECRET | TD_CONFIG_REPEATED | TD_CONFIG_RELOADABLE },
    { .name = "match", .type = TD_CONFIG_TEXT, .flags = TD_CONFIG_REPEATED | TD_CONFIG_RELOADABLE },
};
static const TdConfigSection trunk_section = {
    sizeof (TdConfigSection), sizeof (TdConfigKey), "trunk",
    .is_named = true,         .keys = trunk_keys,   .n_keys = 5
};
/* Keys added to [trunk]: by one who takes a reload over, and by one who takes none. */
static const TdConfigKey lithe_keys[] = {
    { .name = "user", .type = TD_CONFIG_TEXT, .flags = TD_CONFIG_RELOADABLE },
    { .name = "via", .type = TD_CONFIG_TEXT },
};
static const TdConfigKey stiff_keys[] = {
    { .name = "rate", .type = TD_CONFIG_TEXT, .flags = TD_CONFIG_RELOADABLE },
};
static const TdConfigSection lithe_addition = {
    sizeof (TdConfigSection), sizeof (TdConfigKey), "trunk",
    .keys = lithe_keys,       .n_keys = 2,          .is_addition = true
};
static const TdConfigSection stiff_sections[] = {
    { sizeof (TdConfigSection), sizeof (TdConfigKey), "stiff", .is_named = true, .keys = trunk_keys,
      .n_keys = 1 },
    { sizeof (TdConfigSection), sizeof (TdConfigKey), "trunk", .keys = stiff_keys, .n_keys = 1,
      .is_addition = true },
};
static const TdSchemaOwner owners[] = {
    { .name = "core", .sections = core_sections, .n_sections = 2, .can_reload = true },
    { .name = "trunks", .sections = &trunk_section, .n_sections = 1, .can_reload = true },
    { .name = "stiff", .sections = stiff_sections, .n_sections = 2, .can_reload = false },
    { .name = "lithe", .sections = &lithe_addition, .n_sections = 1, .can_reload = true },
};

static TdConfig *
make_config (const char *text, unsigned n_owners)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GPtrArray) problems = td_problems_new ();
    g_autoptr (TdSchema) schema = td_schema_new (owners, n_owners, &error);
    g_assert_no_error (error);
    g_autoptr (TdIni) ini = td_ini_parse ("/f", text, strlen (text), problems);
    TdConfig *config = td_config_check (ini, NULL, schema, 0, problems);

    g_assert_cmpuint (problems->len, ==, 0);
    return config;
}

static char *
print_diff (const TdConfig *before, const TdConfig *after)
{
    g_autoptr (GPtrArray) changes = td_config_diff (before, after);
    GString *out = g_string_new (NULL);

    for (unsigned i = 0; i < changes->len; i++) {
        td_change_print (g_ptr_array_index (changes, i), out);
        g_string_append_c (out, '\n');
    }
    return g_string_free (out, FALSE);
}

static void
expect_diff (const char *before, const char *after, const char *wanted)
{
    g_autoptr (TdConfig) old = make_config (before, G_N_ELEMENTS (owners));
    g_autoptr (TdConfig) new = make_config (after, G_N_ELEMENTS (owners));
    g_autofree char *got = print_diff (old, new);

    g_assert_cmpstr (got, ==, wanted);
}

static void
test_nothing_differs (void)
{
    expect_diff ("[trunk a]\nmatch = 1\n", "# moved\n\n[trunk a]\nmatch = 1\n", "");
}

static void
test_the_same_in_another_unit_does_not_differ (void)
{
    expect_diff ("[trunk a]\nhold = 120 s\n", "[trunk a]\nhold = 2 min\n", "");
}

static void
test_a_default_that_is_written_does_not_differ (void)
{
    expect_diff ("[trunk a]\n", "[trunk a]\nhold = 1 min\n", "");
}

static void
test_keys_come_change_and_go (void)
{
    expect_diff ("[trunk a]\nhold = 5 s\n", "[trunk a]\nhold = 6 s\n",
                 "changed [trunk a] hold: 5 s -> 6 s (/f:2:8)\n");
    expect_diff ("[trunk a]\n", "[trunk a]\nhold = 6 s\n",
                 "added [trunk a] hold: 60 s (default) -> 6 s (/f:2:8)\n");
    expect_diff ("[trunk a]\nhold = 6 s\n", "[trunk a]\n",
                 "removed [trunk a] hold: 6 s -> 60 s (default) (default)\n");
    expect_diff ("[trunk a]\n", "[trunk a]\nmatch = 1\nmatch = \" 2\"\n",
                 "added [trunk a] match: nothing -> 1, \" 2\" (/f:2:9)\n");
}

static void
test_a_key_that_is_not_reloadable_needs_a_restart (void)
{
    expect_diff ("[trunk a]\nbind = 1\n", "[trunk a]\nbind = 2\n",
                 "changed [trunk a] bind: 1 -> 2; restart trunks (/f:2:8)\n");
}

static void
test_a_module_without_reload_needs_a_restart (void)
{
    expect_diff ("[stiff a]\nhold = 5 s\n", "[stiff a]\nhold = 6 s\n",
                 "changed [stiff a] hold: 5 s -> 6 s; restart stiff (/f:2:8)\n");
    expect_diff ("", "[stiff a]\n", "added [stiff a]; restart stiff (/f:1:1)\n");
}

static void
test_sections_come_and_go (void)
{
    expect_diff ("[trunk a]\n[trunk b]\n", "[trunk a]\n[trunk c]\nhold = 1 s\n",
                 "added [trunk c] (/f:2:1)\nremoved [trunk b] (/f:2:1)\n");
}

static void
test_unnamed_sections_are_compared_by_key (void)
{
    expect_diff ("[tandem]\nlevel = info\n", "[tandem]\nnode = m\nlevel = debug\n",
                 "added [tandem] node: n (default) -> m; restart core (/f:2:8)\n"
                 "changed [tandem] level: info -> debug (/f:3:9)\n");
}

static void
test_any_keys (void)
{
    expect_diff ("[modules]\na = 1\nb = 2\n", "[modules]\nb = 3\nc = 4\n",
                 "changed [modules] b: 2 -> 3; restart core (/f:2:5)\n"
                 "added [modules] c: nothing -> 4; restart core (/f:3:5)\n"
                 "removed [modules] a: 1 -> nothing; restart core (/f:2:5)\n");
}

static void
test_secrets_are_not_shown (void)
{
    expect_diff ("[trunk a]\npassword = hunter2\npin = hunter3\n",
                 "[trunk a]\npassword = hunter4\npin = hunter3\npin = hunter5\n",
                 "changed [trunk a] password: (secret) -> (secret) (/f:2:12)\n"
                 "changed [trunk a] pin: (secret) -> (secret) (/f:3:7)\n");
}

static void
test_a_module_that_comes_brings_its_sections (void)
{
    g_autoptr (TdConfig) before = make_config ("", 2);
    g_autoptr (TdConfig) after = make_config ("[stiff a]\nhold = 1 s\n", 3);
    g_autofree char *comes = print_diff (before, after);
    g_autofree char *goes = print_diff (after, before);

    g_assert_cmpstr (comes, ==, "added [stiff a] (/f:1:1)\n");
    g_assert_cmpstr (goes, ==, "removed [stiff a] (/f:1:1)\n");
}

static void
test_an_added_key_waits_for_who_adds_it (void)
{
    expect_diff ("[trunk a]\nuser = 1\n", "[trunk a]\nuser = 2\n",
                 "changed [trunk a] user: 1 -> 2 (/f:2:8)\n");
    expect_diff ("[trunk a]\nvia = 1\n", "[trunk a]\nvia = 2\n",
                 "changed [trunk a] via: 1 -> 2; restart lithe (/f:2:7)\n");
    expect_diff ("[trunk a]\nrate = 1\n", "[trunk a]\nrate = 2\n",
                 "changed [trunk a] rate: 1 -> 2; restart stiff (/f:2:8)\n");
}

/* The section's owner sees it come and go, and so does who takes over any key there. */
static void
test_who_adds_keys_may_not_see_a_section_come (void)
{
    expect_diff ("", "[trunk a]\nvia = 1\nrate = 2\n",
                 "added [trunk a] (/f:1:1)\n"
                 "added [trunk a] rate: nothing -> 2; restart stiff (/f:3:8)\n");
    expect_diff ("[trunk a]\nvia = 1\nrate = 2\n", "",
                 "removed [trunk a] (/f:1:1)\n"
                 "removed [trunk a] rate: 2 -> nothing; restart stiff (/f:3:8)\n");
}

static void
test_a_module_that_comes_brings_its_keys (void)
{
    g_autoptr (TdConfig) before = make_config ("[trunk a]\n", 2);
    g_autoptr (TdConfig) after = make_config ("[trunk a]\nrate = 1\n[trunk b]\nrate = 2\n", 3);
    g_autofree char *comes = print_diff (before, after);
    g_autofree char *goes = print_diff (after, before);

    g_assert_cmpstr (comes, ==,
                     "added [trunk a] rate: nothing -> 1 (/f:2:8)\n"
                     "added [trunk b] (/f:3:1)\n");
    g_assert_cmpstr (goes, ==,
                     "removed [trunk a] rate: 1 -> nothing (/f:2:8)\n"
                     "removed [trunk b] (/f:3:1)\n");
}

/* What the participants did, in order: "a+" prepared, "a!" committed, "a-" abandoned. */
typedef struct {
    const char *name;
    GString *story;
    bool refuses, refuses_mutely, breaks;
    const TdConfig *next;
} Player;

static bool
play (void *data, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    Player *player = data;

    g_string_append_printf (player->story, "%s%c ", player->name, "+!-"[phase]);
    player->next = next;
    if (phase == TD_RELOAD_PREPARE && player->refuses) {
        g_set_error (error, TD_CONFIG_ERROR, 0, "no such address");
        return false;
    }
    return (phase != TD_RELOAD_PREPARE || !player->refuses_mutely)
           && (phase == TD_RELOAD_PREPARE || !player->breaks);
}

/* Lets the three PLAYERS reload; returns what they did and the verdicts. */
static char *
run_players (Player players[3], bool *ret_is_taken)
{
    g_autoptr (TdConfig) next = make_config ("", 1);
    g_autoptr (GPtrArray) verdicts = NULL;
    static const char *const names[] = { "a", "b", "c" };
    TdReloadParticipant participants[3];
    GString *story = g_string_new (NULL);

    for (unsigned i = 0; i < 3; i++) {
        players[i].name = names[i];
        players[i].story = story;
        participants[i] = (TdReloadParticipant){ names[i], play, &players[i] };
    }
    *ret_is_taken = td_reload_run (participants, 3, next, &verdicts);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_true (players[i].next == next);
    }
    for (unsigned i = 0; i < verdicts->len; i++) {
        g_string_append_c (story, '\n');
        td_verdict_print (g_ptr_array_index (verdicts, i), story);
    }
    return g_string_free (story, FALSE);
}

static void
test_all_commit_when_all_are_ready (void)
{
    Player players[3] = { 0 };
    bool is_taken;
    g_autofree char *story = run_players (players, &is_taken);

    g_assert_true (is_taken);
    g_assert_cmpstr (story, ==, "a+ b+ c+ a! b! c! \na: taken over\nb: taken over\nc: taken over");
}

static void
test_all_abandon_when_one_refuses (void)
{
    Player players[3] = { [1] = { .refuses = true } };
    bool is_taken;
    g_autofree char *story = run_players (players, &is_taken);

    g_assert_false (is_taken);
    g_assert_cmpstr (story, ==,
                     "a+ b+ c+ c- a- \na: abandoned\nb: refused: no such address\nc: abandoned");
}

static void
test_all_refusals_are_reported (void)
{
    Player players[3] = { { .refuses = true }, { 0 }, { .refuses_mutely = true } };
    bool is_taken;
    g_autofree char *story = run_players (players, &is_taken);

    g_assert_false (is_taken);
    g_assert_cmpstr (story, ==,
                     "a+ b+ c+ b- \na: refused: no such address\nb: abandoned\nc: refused: it "
                     "gives no reason");
}

static void
test_a_failed_commit_is_named_and_stops_nobody (void)
{
    Player players[3] = { { .breaks = true } };
    bool is_taken;
    g_autofree char *story = run_players (players, &is_taken);

    g_assert_true (is_taken);
    g_assert_cmpstr (story, ==,
                     "a+ b+ c+ a! b! c! \na: broken: it gives no reason\nb: taken over\nc: taken "
                     "over");
}

static void
test_nobody_takes_part (void)
{
    g_autoptr (TdConfig) next = make_config ("", 1);
    g_autoptr (GPtrArray) verdicts = NULL;

    g_assert_true (td_reload_run (NULL, 0, next, &verdicts));
    g_assert_cmpuint (verdicts->len, ==, 0);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/config/reload/nothing-differs", test_nothing_differs);
    g_test_add_func ("/config/reload/the-same-in-another-unit-does-not-differ",
                     test_the_same_in_another_unit_does_not_differ);
    g_test_add_func ("/config/reload/a-default-that-is-written-does-not-differ",
                     test_a_default_that_is_written_does_not_differ);
    g_test_add_func ("/config/reload/keys-come-change-and-go", test_keys_come_change_and_go);
    g_test_add_func ("/config/reload/a-key-that-is-not-reloadable-needs-a-restart",
                     test_a_key_that_is_not_reloadable_needs_a_restart);
    g_test_add_func ("/config/reload/a-module-without-reload-needs-a-restart",
                     test_a_module_without_reload_needs_a_restart);
    g_test_add_func ("/config/reload/sections-come-and-go", test_sections_come_and_go);
    g_test_add_func ("/config/reload/unnamed-sections-are-compared-by-key",
                     test_unnamed_sections_are_compared_by_key);
    g_test_add_func ("/config/reload/any-keys", test_any_keys);
    g_test_add_func ("/config/reload/secrets-are-not-shown", test_secrets_are_not_shown);
    g_test_add_func ("/config/reload/a-module-that-comes-brings-its-sections",
                     test_a_module_that_comes_brings_its_sections);
    g_test_add_func ("/config/reload/an-added-key-waits-for-who-adds-it",
                     test_an_added_key_waits_for_who_adds_it);
    g_test_add_func ("/config/reload/who-adds-keys-may-not-see-a-section-come",
                     test_who_adds_keys_may_not_see_a_section_come);
    g_test_add_func ("/config/reload/a-module-that-comes-brings-its-keys",
                     test_a_module_that_comes_brings_its_keys);
    g_test_add_func ("/config/reload/all-commit-when-all-are-ready",
                     test_all_commit_when_all_are_ready);
    g_test_add_func ("/config/reload/all-abandon-when-one-refuses",
                     test_all_abandon_when_one_refuses);
    g_test_add_func ("/config/reload/all-refusals-are-reported", test_all_refusals_are_reported);
    g_test_add_func ("/config/reload/a-failed-commit-is-named-and-stops-nobody",
                     test_a_failed_commit_is_named_and_stops_nobody);
    g_test_add_func ("/config/reload/nobody-takes-part", test_nobody_takes_part);
    return g_test_run ();
}
