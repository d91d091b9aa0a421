/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dip list, forget: how the sources of dips do. */

#include "dip.h"

#include <tandem/command.h>

static void
add (GVariantBuilder *row, const char *name, GVariant *value)
{
    g_variant_builder_add (row, "{sv}", name, value);
}

static GVariant *
print_time (int64_t wall_us)
{
    g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (wall_us / G_USEC_PER_SEC);

    return g_variant_new_take_string (g_date_time_format (time, "%Y-%m-%dT%H:%M:%SZ"));
}

static void
add_row (const DipView *view, void *data)
{
    GVariantBuilder *rows = data;
    const char *state = !view->has_driver ? "away" : view->silent_us != 0 ? "silent" : "up";

    g_variant_builder_open (rows, G_VARIANT_TYPE_VARDICT);
    add (rows, "dip", g_variant_new_string (view->name));
    add (rows, "driver", g_variant_new_string (view->driver));
    add (rows, "state", g_variant_new_string (state));
    add (rows, "under_way", g_variant_new_uint32 (view->n_asked));
    add (rows, "kept", g_variant_new_uint32 (view->n_kept));
    add (rows, "answers", g_variant_new_int64 (view->n_answers));
    add (rows, "cached", g_variant_new_int64 (view->n_cached));
    add (rows, "failures", g_variant_new_int64 (view->n_failures));
    if (view->silent_us != 0) {
        add (rows, "silent_since", print_time (view->silent_us));
    }
    if (*view->trouble != '\0') {
        add (rows, "last_failure", g_variant_new_string (view->trouble));
    }
    g_variant_builder_close (rows);
}

static void
run_list (TdRequest *request, void *data)
{
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    dips_each (data, add_row, &rows);
    td_request_reply (request, g_variant_builder_end (&rows));
}

static void
run_forget (TdRequest *request, void *data)
{
    const char *name = td_request_argument (request, "DIP");

    if (dips_forget (data, name)) {
        td_request_reply (request, NULL);
    } else {
        td_request_fail (request, "there is no [dip %s]: \"dip list\" shows those that are", name);
    }
}

bool
dip_commands_start (Dips *dips, TdModule *module, GError **error)
{
    static const TdArgument which[] = {
        { .name = "DIP", .help = "The dip", .is_required = true, .complete = "dip list" },
    };
    const TdCommand commands[] = {
        { .name = "dip list",
          .help = "Shows the sources that are asked where numbers are served, and how they do",
          .run = run_list },
        { .name = "dip forget",
          .help = "Forgets what a dip was answered: it is asked anew",
          .arguments = which,
          .n_arguments = G_N_ELEMENTS (which),
          .is_change = true,
          .run = run_forget },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (commands); i++) {
        TdCommand command = commands[i];
        command.size = sizeof command;
        command.argument_size = sizeof (TdArgument);
        command.data = dips;
        if (!td_command_add (module, &command, error)) {
            return false;
        }
    }
    return true;
}
