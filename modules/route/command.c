/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* routing show, check, load: which tables are in use, and what is wrong with them. */

#include "route.h"

#include <tandem/command.h>

static void
add (GVariantBuilder *row, const char *name, GVariant *value)
{
    g_variant_builder_add (row, "{sv}", name, value);
}

static void
run_show (TdRequest *request, void *data)
{
    const Route *route = data;
    const RouteTables *tables = route_tables (route);
    GVariantBuilder row;

    g_variant_builder_init (&row, G_VARIANT_TYPE_VARDICT);
    add (&row, "database", g_variant_new_string (route->name));
    add (&row, "version", g_variant_new_int64 (tables->version));
    add (&row, "rows", g_variant_new_int64 (tables->n_rows));
    add (&row, "bytes", g_variant_new_uint64 (tables_size_bytes (tables->tables)));
    add (&row, "read_in_s", g_variant_new_double (tables->took_s));
    add (&row, "remarks", g_variant_new_uint32 (tables->findings->all->len));
    add (&row, "routed", g_variant_new_int64 (td_metric_value (route->decided)));
    add (&row, "refused", g_variant_new_int64 (td_metric_value (route->unrouted)));
    if (route->watch != NULL && route_watch_loss (route->watch) != NULL) {
        add (&row, "loss", g_variant_new_string (route_watch_loss (route->watch)));
    }
    if (route->trouble != NULL) {
        add (&row, "trouble", g_variant_new_string (route->trouble));
    }
    td_request_reply (request, g_variant_builder_end (&row));
}

/* Of the version that was refused, where there is one: that is what an operator is after. */
static void
run_check (TdRequest *request, void *data)
{
    const Route *route = data;
    const RouteTables *tables = route->refused != NULL ? route->refused : route_tables (route);
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < tables->findings->all->len; i++) {
        const Finding *finding = &g_array_index (tables->findings->all, Finding, i);
        g_variant_builder_open (&rows, G_VARIANT_TYPE_VARDICT);
        add (&rows, "version", g_variant_new_int64 (tables->version));
        add (&rows, "kind", g_variant_new_string (finding->is_error ? "error" : "warning"));
        add (&rows, "table", g_variant_new_string (schema_table (finding->table)->name));
        add (&rows, "line", g_variant_new_uint32 (finding->line));
        add (&rows, "what", g_variant_new_string (finding->text));
        g_variant_builder_close (&rows);
    }
    td_request_reply (request, g_variant_builder_end (&rows));
}

static void
run_load (TdRequest *request, void *data)
{
    route_load (data, true);
    td_request_reply (request, NULL);
}

bool
route_commands_start (Route *route, GError **error)
{
    const TdCommand commands[] = {
        { .name = "routing show",
          .help = "Shows which routing tables are in use, and why not newer ones",
          .run = run_show },
        { .name = "routing check",
          .help = "Shows what is wrong or odd in the routing tables",
          .run = run_check },
        { .name = "routing load",
          .help = "Reads the routing tables again, in the background",
          .is_change = true,
          .run = run_load },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (commands); i++) {
        TdCommand command = commands[i];
        command.size = sizeof command;
        command.argument_size = sizeof (TdArgument);
        command.data = route;
        if (!td_command_add (route->module, &command, error)) {
            return false;
        }
    }
    return true;
}
