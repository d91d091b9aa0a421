/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config check, config diff, config reload, wait-ready. */

#include "operate/operate.h"

#include "config/loss.h"
#include "config/reload.h"
#include "operate/command.h"

static TdOperateOptions engine;

static void
add_problem (const char *problem, void *data)
{
    g_ptr_array_add (data, g_strdup (problem));
}

/* Replies with the problems, or that there is none: WHAT, such as "good". */
static void
reply (TdRequest *request, GPtrArray *problems, bool is_good, const char *what)
{
    if (!is_good || problems->len > 0) {
        g_ptr_array_add (problems, NULL);
        g_autofree char *text = g_strjoinv ("\n", (char **) problems->pdata);
        td_request_fail (request, "%s", text);
    } else {
        td_request_reply (request, g_variant_new_parsed ("{'configuration': <%s>}", what));
    }
}

static void
run_check (TdRequest *request, void *data)
{
    g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (TdConfig) next = engine.read (add_problem, problems);
    g_autoptr (GPtrArray) losses = td_problems_new ();

    if (next != NULL && problems->len == 0) {
        td_config_find_losses (engine.current (), next, losses);
    }
    for (unsigned i = 0; i < losses->len; i++) {
        g_autoptr (GString) text = g_string_new (NULL);
        td_problem_print (losses->pdata[i], text);
        add_problem (text->str, problems);
    }
    reply (request, problems, next != NULL, "good");
}

/* Says what has changed since BEFORE and who must be restarted for it to be in force. */
static void
reply_taken (TdRequest *request, const TdConfig *before)
{
    g_autoptr (GPtrArray) changes = td_config_diff (before, engine.current ());
    g_autoptr (GPtrArray) waiting = g_ptr_array_new_with_free_func (g_free);
    GVariantBuilder row;

    for (unsigned i = 0; i < changes->len; i++) {
        const TdChange *change = changes->pdata[i];
        if (change->needs_restart) {
            GString *text = g_string_new (NULL);
            td_change_print (change, text);
            g_ptr_array_add (waiting, g_string_free (text, FALSE));
        }
    }
    g_variant_builder_init (&row, G_VARIANT_TYPE_VARDICT);
    td_row_text (&row, "configuration", "taken over");
    if (waiting->len > 0) {
        td_row_list (&row, "not_in_force", (const char *const *) waiting->pdata,
                     (gssize) waiting->len);
    }
    td_request_reply (request, g_variant_builder_end (&row));
}

static void
run_reload (TdRequest *request, void *data)
{
    g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (TdConfig) before = td_config_ref (engine.current ());

    bool is_forced = td_request_argument (request, "--force") != NULL;

    if (engine.reload (is_forced, add_problem, problems) && problems->len == 0) {
        reply_taken (request, before);
    } else {
        reply (request, problems, false, NULL);
    }
}

static void
add_change (GVariantBuilder *rows, const TdChange *change)
{
    g_variant_builder_open (rows, G_VARIANT_TYPE_VARDICT);
    td_row_text (rows, "change", td_change_kind_name (change->kind));
    td_row_text (rows, "section", change->section);
    td_row_text (rows, "instance", change->instance);
    td_row_text (rows, "key", change->key);
    td_row_text (rows, "before", change->before);
    td_row_text (rows, "after", change->after);
    td_row_text (rows, "module", change->owner);
    td_row_text (rows, "needs", change->needs_restart ? "restart" : "reload");
    td_row_text (rows, "place", change->place);
    g_variant_builder_close (rows);
}

static void
run_diff (TdRequest *request, void *data)
{
    g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (TdConfig) next = engine.read (add_problem, problems);
    GVariantBuilder rows;

    if (next == NULL || problems->len > 0) {
        reply (request, problems, false, NULL);
        return;
    }
    g_autoptr (GPtrArray) changes = td_config_diff (engine.current (), next);
    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < changes->len; i++) {
        add_change (&rows, changes->pdata[i]);
    }
    td_request_reply (request, g_variant_builder_end (&rows));
}

static void
run_wait_ready (TdRequest *request, void *data)
{
    if (engine.is_ready ()) {
        td_request_reply (request, g_variant_new_parsed ("{'state': <'ready'>}"));
    } else {
        td_request_fail (request, "the switch is starting; ask again");
    }
}

static const TdArgument reload_arguments[] = {
    { "--force", "Though an emptied file, or all modules or trunks, go by it" },
};

#define COMMAND(command_name, command_help, function, changes)                                     \
    &(TdCommand)                                                                                   \
    {                                                                                              \
        .size = sizeof (TdCommand), .argument_size = sizeof (TdArgument), .name = command_name,    \
        .help = command_help, .is_change = changes, .run = function                                \
    }

void
td_config_commands_open (const TdOperateOptions *options)
{
    engine = *options;
    td_command_add_own (COMMAND (
        "config check", "Shows what is wrong with the files as they are now", run_check, false));
    td_command_add_own (COMMAND ("config diff",
                                 "Shows what a reload would change, and what needs a restart",
                                 run_diff, false));
    td_command_add_own (&(TdCommand){ .size = sizeof (TdCommand),
                                      .argument_size = sizeof (TdArgument),
                                      .name = "config reload",
                                      .help = "Takes the files over, all or nothing",
                                      .arguments = reload_arguments,
                                      .n_arguments = G_N_ELEMENTS (reload_arguments),
                                      .is_change = true,
                                      .run = run_reload });
    td_command_add_own (
        COMMAND ("wait-ready", "Says whether the switch has started", run_wait_ready, false));
}
