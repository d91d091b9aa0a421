/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an operator asks: the tables that are in force. */

#include "show.h"

#include "foreign.h"

#include <string.h>
#include <tandem/command.h>

static void
show_namespaces (TdRequest *request, void *data)
{
    const Show *show = data;
    const Settings *settings = show->settings (show->data);
    GVariantBuilder rows;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < settings->namespaces->in_order->len; i++) {
        const Namespace *name_space = settings->namespaces->in_order->pdata[i];
        g_autoptr (GString) values = g_string_new (NULL);
        for (unsigned j = 0; j < name_space->n_levels; j++) {
            g_string_append_printf (values, "%s%s:%u", j > 0 ? " " : "",
                                    name_space->levels[j].value,
                                    name_space->levels[j].priority_class);
        }
        g_variant_builder_open (&rows, G_VARIANT_TYPE ("a{sv}"));
        g_variant_builder_add (&rows, "{sv}", "namespace", g_variant_new_string (name_space->name));
        g_variant_builder_add (&rows, "{sv}", "algorithm",
                               g_variant_new_string (name_space->algorithm == TD_ALGORITHM_QUEUE
                                                         ? "queue"
                                                         : "preemption"));
        g_variant_builder_add (&rows, "{sv}", "values", g_variant_new_string (values->str));
        g_variant_builder_close (&rows);
    }
    td_request_reply (request, g_variant_builder_end (&rows));
}

/* --- Other protocols --------------------------------------------------------------------- */

static void
add_number (GVariantBuilder *row, const TdForeign *foreign, TdForeignField field, const char *name,
            unsigned number)
{
    if ((foreign->given & field) != 0) {
        g_variant_builder_add (row, "{sv}", name, g_variant_new_uint32 (number));
    }
}

static GVariant *
print_foreign (const TdForeign *foreign)
{
    static const char *const models[] = { "mam", "rdm", "prbm" };
    GVariantBuilder row;

    g_variant_builder_init (&row, G_VARIANT_TYPE_VARDICT);
    add_number (&row, foreign, TD_FOREIGN_CATEGORY, "category", foreign->category);
    add_number (&row, foreign, TD_FOREIGN_PRECEDENCE, "precedence", foreign->precedence);
    add_number (&row, foreign, TD_FOREIGN_MESSAGE_PRIORITY, "message_priority",
                foreign->message_priority);
    add_number (&row, foreign, TD_FOREIGN_CONTEXT, "context_priority", foreign->context_priority);
    if ((foreign->given & TD_FOREIGN_CONTEXT) != 0) {
        g_variant_builder_add (&row, "{sv}", "emergency",
                               g_variant_new_boolean (foreign->is_emergency));
        g_variant_builder_add (&row, "{sv}", "ieps", g_variant_new_boolean (foreign->is_ieps));
    }
    add_number (&row, foreign, TD_FOREIGN_RADIO, "radio_level", foreign->radio_level);
    add_number (&row, foreign, TD_FOREIGN_EMLPP, "emlpp", foreign->emlpp);
    add_number (&row, foreign, TD_FOREIGN_ADMISSION, "admission", foreign->admission);
    if ((foreign->given & TD_FOREIGN_ADMISSION) != 0) {
        g_variant_builder_add (&row, "{sv}", "model",
                               g_variant_new_string (models[foreign->model]));
    }
    add_number (&row, foreign, TD_FOREIGN_RESERVATION, "reservation", foreign->reservation);
    return g_variant_builder_end (&row);
}

/* "ets.0", or "sos". */
static bool
read_mark (const Settings *settings, const char *mark, TdPriority *ret)
{
    const char *dot = strchr (mark, '.');
    const Namespace *name_space =
        dot != NULL ? namespaces_find (settings->namespaces, mark, (size_t) (dot - mark)) : NULL;
    const Level *level =
        name_space != NULL ? namespace_find_level (name_space, dot + 1, strlen (dot + 1)) : NULL;

    *ret = (TdPriority){ .name_space = "sos", .priority_class = TD_CLASS_EMERGENCY };
    if (level != NULL) {
        level_to_priority (level, TD_LEARNT_MARK, ret);
    }
    return level != NULL || g_ascii_strcasecmp (mark, "sos") == 0;
}

static void
show_interwork (TdRequest *request, void *data)
{
    const Show *show = data;
    const Settings *settings = show->settings (show->data);
    const char *mark = td_request_argument (request, "VALUE");
    const char *trunk = td_request_argument (request, "--trunk");
    TdForeign foreign;
    TdPriority priority;

    if (!read_mark (settings, mark, &priority)) {
        td_request_fail (request,
                         "\"%s\" is no value of a namespace that is understood: write one such as "
                         "ets.0, or sos",
                         mark);
        return;
    }
    if (trunk != NULL && !g_hash_table_contains (settings->policies, trunk)) {
        td_request_fail (request, "there is no [trunk %s]", trunk);
        return;
    }
    foreign_of (settings, settings_policy (settings, trunk != NULL ? trunk : ""), &priority,
                &foreign);
    td_request_reply (request, print_foreign (&foreign));
}

bool
show_add_commands (TdModule *module, Show *show, GError **error)
{
    static const TdArgument arguments[] = {
        { .name = "VALUE", .help = "Such as ets.0, or sos.", .is_required = true },
        { .name = "--trunk",
          .help = "The trunk the call goes out by, whose profile says what ISUP it speaks.",
          .takes_value = true,
          .complete = "trunk list" },
    };

    return td_command_add (module,
                           &(TdCommand){ .size = sizeof (TdCommand),
                                         .argument_size = sizeof (TdArgument),
                                         .name = "priority namespaces",
                                         .help = "The namespaces of Resource-Priority that are "
                                                 "understood, and the classes of their values.",
                                         .data = show,
                                         .run = show_namespaces },
                           error)
           && td_command_add (module,
                              &(TdCommand){ .size = sizeof (TdCommand),
                                            .argument_size = sizeof (TdArgument),
                                            .name = "priority interwork",
                                            .help = "What a value of Resource-Priority is in other "
                                                    "protocols.",
                                            .arguments = arguments,
                                            .n_arguments = G_N_ELEMENTS (arguments),
                                            .data = show,
                                            .run = show_interwork },
                              error);
}
