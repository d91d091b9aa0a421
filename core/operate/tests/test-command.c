/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An operator's words find their command, or are told what to say instead. */

#include "operate/command.h"

static void
run_nothing (TdRequest *request, void *data)
{
    td_request_reply (request, NULL);
}

static bool
add (TdOwner *owner, const char *name, void *data, GError **error)
{
    static const TdArgument arguments[] = {
        { .name = "NUMBER", .help = "the digits dialled", .is_required = true },
        { .name = "TRUNK" },
        { .name = "--at", .takes_value = true },
        { .name = "--force" },
    };

    return td_command_add ((TdModule *) owner,
                           &(TdCommand){ .size = sizeof (TdCommand),
                                         .argument_size = sizeof (TdArgument),
                                         .name = name,
                                         .help = "Help",
                                         .arguments = arguments,
                                         .n_arguments = G_N_ELEMENTS (arguments),
                                         .data = data,
                                         .run = run_nothing },
                           error);
}

typedef struct {
    TdOwner owner;
} Fixture;

static void
set_up (Fixture *fixture, const void *data)
{
    static const char *const names[] = { "call list", "call show", "call hangup", "route test",
                                         "status" };
    g_autoptr (GError) error = NULL;

    td_owner_init (&fixture->owner, "calls");
    for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
        g_assert_true (add (&fixture->owner, names[i], NULL, &error));
        g_assert_no_error (error);
    }
}

static void
tear_down (Fixture *fixture, const void *data)
{
    g_assert_cmpuint (td_owner_revoke_all (&fixture->owner, NULL, NULL), ==, 0);
    td_owner_clear (&fixture->owner);
}

static const TdCommandLease *
find (const char *line, GError **error)
{
    g_auto (GStrv) words = g_strsplit (line, " ", -1);

    return td_command_find ((const char *const *) words, error);
}

static void
test_longest_name_is_found (Fixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;

    g_assert_true (add (&fixture->owner, "call", NULL, &error));
    g_assert_cmpstr (find ("call list --x y z", NULL)->decl.name, ==, "call list");
    g_assert_cmpstr (find ("call", NULL)->decl.name, ==, "call");
    g_assert_cmpstr (find ("call 1f3", NULL)->decl.name, ==, "call");
    g_assert_cmpstr (find ("status", NULL)->decl.name, ==, "status");
}

static void
test_unknown_says_what_to_say (Fixture *fixture, const void *data)
{
    static const struct {
        const char *line, *message;
    } pairs[] = {
        { "", "there is no command \"\": \"help\" lists those there are; a module that is not "
              "enabled brings none" },
        { "call", "\"call\" alone is no command: say call hangup, call list or call show" },
        { "call lsit", "there is no command \"call lsit\": did you mean \"call list\"?" },
        { "cal list", "there is no command \"cal list\": did you mean \"call list\"?" },
        { "call bananas", "there is no command \"call bananas\": say call hangup, call list or "
                          "call show" },
        { "rout", "there is no command \"rout\": did you mean \"route\"?" },
        { "staus now", "there is no command \"staus now\": did you mean \"status\"?" },
        { "bananas", "there is no command \"bananas\": \"help\" lists those there are; a module "
                     "that is not enabled brings none" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (pairs); i++) {
        const char *words[3] = { NULL };
        g_auto (GStrv) split = g_strsplit (pairs[i].line, " ", -1);
        g_autoptr (GError) error = NULL;
        words[0] = split[0] != NULL ? split[0] : "";
        words[1] = split[0] != NULL ? split[1] : NULL;
        g_assert_null (td_command_find (words, &error));
        g_assert_error (error, TD_OPERATE_ERROR, TD_OPERATE_ERROR_UNKNOWN);
        g_assert_cmpstr (error->message, ==, pairs[i].message);
    }
}

static void
test_no_words (Fixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;

    g_assert_null (td_command_find (TD_LIST (NULL), &error));
    g_assert_cmpstr (error->message, ==, "no command given: \"help\" lists those there are");
}

static void
test_newer_generation_takes_over (Fixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;
    TdOwner newer;

    td_owner_init (&newer, "calls");
    g_assert_true (add (&newer, "call list", &newer, &error));
    g_assert_true (find ("call list", NULL)->decl.data == &newer);
    /* The newer build is stopped first: the old one has its name back. */
    td_owner_revoke_all (&newer, NULL, NULL);
    g_assert_true (find ("call list", NULL)->decl.data == NULL);
    g_assert_true (add (&newer, "call list", &newer, &error));
    td_owner_revoke_all (&fixture->owner, NULL, NULL);
    g_assert_true (find ("call list", NULL)->decl.data == &newer);
    td_owner_revoke_all (&newer, NULL, NULL);
    g_assert_null (find ("call list", &error));
    td_owner_clear (&newer);
}

static void
test_name_of_another_module_is_refused (Fixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;
    TdOwner other;

    td_owner_init (&other, "other");
    g_assert_false (add (&other, "call list", NULL, &error));
    g_assert_error (error, TD_OPERATE_ERROR, TD_OPERATE_ERROR_TAKEN);
    g_assert_cmpstr (error->message, ==,
                     "the command \"call list\" belongs to module calls: module other must name "
                     "its own differently, or only one of them be enabled");
    td_owner_clear (&other);
}

static void
test_bad_names_are_refused (Fixture *fixture, const void *data)
{
    static const char *const names[] = { "",           " call",      "call ",    "call  list",
                                         "Call",       "-call",      "call -l",  "a b c d e",
                                         "call\tlist", "call list-", "c\xc3\xa4" };

    for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autoptr (GError) error = NULL;
        g_assert_false (add (&fixture->owner, names[i], NULL, &error));
        g_assert_error (error, TD_OPERATE_ERROR, TD_OPERATE_ERROR_NAME);
    }
    g_assert_true (add (&fixture->owner, "wait-ready", NULL, NULL));
}

static void
test_old_smaller_declaration (Fixture *fixture, const void *data)
{
    const TdArgument argument = { .name = "NUMBER", .is_required = true, .complete = (char *) 1 };
    TdCommand decl = { .size = offsetof (TdCommand, data),
                       .argument_size = offsetof (TdArgument, complete),
                       .name = "old",
                       .arguments = &argument,
                       .n_arguments = 1,
                       .data = fixture };

    g_assert_true (td_command_add ((TdModule *) &fixture->owner, &decl, NULL));
    const TdCommandLease *lease = find ("old", NULL);
    g_assert_null (lease->decl.data);
    g_assert_null (lease->arguments[0].complete);
    g_assert_true (lease->arguments[0].is_required);
    g_assert_cmpstr (lease->decl.help, ==, "");
}

static GHashTable *
parse (const char *line, GError **error)
{
    g_auto (GStrv) words = g_strsplit (line, " ", -1);

    return td_arguments_parse (find ("route test", NULL), (const char *const *) words, error);
}

static void
test_arguments (Fixture *fixture, const void *data)
{
    static const struct {
        const char *line, *number, *trunk, *at, *force;
    } rows[] = {
        { "4711", "4711", NULL, NULL, NULL },
        { "4711 a", "4711", "a", NULL, NULL },
        { "--at 12:00 4711 --force", "4711", NULL, "12:00", "" },
        { "4711 --at=12:00=x a", "4711", "a", "12:00=x", NULL },
        { "4711 --at= a", "4711", "a", "", NULL },
        { "--force -- --at --force", "--at", "--force", NULL, "" },
        { "- --force", "-", NULL, NULL, "" },
        { "4711 --at -1", "4711", NULL, "-1", NULL },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (GHashTable) values = parse (rows[i].line, &error);
        g_assert_no_error (error);
        g_assert_cmpstr (g_hash_table_lookup (values, "NUMBER"), ==, rows[i].number);
        g_assert_cmpstr (g_hash_table_lookup (values, "TRUNK"), ==, rows[i].trunk);
        g_assert_cmpstr (g_hash_table_lookup (values, "--at"), ==, rows[i].at);
        g_assert_cmpstr (g_hash_table_lookup (values, "--force"), ==, rows[i].force);
    }
}

static void
test_wrong_arguments (Fixture *fixture, const void *data)
{
    static const struct {
        const char *line, *what;
    } rows[] = {
        { "--force", "NUMBER is missing (the digits dialled)" },
        { "1 2 3", "\"3\" is one word too many" },
        { "1 --att x", "there is no option --att, did you mean --at?" },
        { "1 --verbose", "there is no option --verbose" },
        { "1 -f", "there is no option -f" },
        { "1 --at", "--at needs a value" },
        { "1 --at 1 --at 2", "--at is given twice" },
        { "1 --force=yes", "--force takes no value, not even \"yes\"" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GError) error = NULL;
        g_assert_null (parse (rows[i].line, &error));
        g_assert_error (error, TD_OPERATE_ERROR, TD_OPERATE_ERROR_ARGUMENT);
        g_autofree char *expected =
            g_strdup_printf ("route test: %s; usage: route test NUMBER [TRUNK] [--at AT] "
                             "[--force]",
                             rows[i].what);
        g_assert_cmpstr (error->message, ==, expected);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
    g_test_add ("/operate/command/" path, Fixture, NULL, set_up, function, tear_down)
    ADD ("longest-name-is-found", test_longest_name_is_found);
    ADD ("unknown-says-what-to-say", test_unknown_says_what_to_say);
    ADD ("no-words", test_no_words);
    ADD ("newer-generation-takes-over", test_newer_generation_takes_over);
    ADD ("name-of-another-module-is-refused", test_name_of_another_module_is_refused);
    ADD ("bad-names-are-refused", test_bad_names_are_refused);
    ADD ("old-smaller-declaration", test_old_smaller_declaration);
    ADD ("arguments", test_arguments);
    ADD ("wrong-arguments", test_wrong_arguments);
    return g_test_run ();
}
