/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operator's verbs: registration list, registration remove, user list. */

#include "registrar.h"

#include <tandem/command.h>

#include <string.h>

/* --- registration list ------------------------------------------------------------------- */

static GVariant *
describe_binding (const char *user, const TdBinding *binding)
{
    g_auto (GVariantDict) row;
    int64_t left_us = binding->expires_us - td_clock_wall_us ();

    g_variant_dict_init (&row, NULL);
    g_variant_dict_insert (&row, "user", "s", user);
    g_variant_dict_insert (&row, "contact", "s", binding->contact);
    g_variant_dict_insert (&row, "q", "d", binding->q_thousandths / 1000.0);
    g_variant_dict_insert (&row, "expires_s", "x", (left_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC);
    g_variant_dict_insert (&row, "received", "s", binding->received);
    g_variant_dict_insert (&row, "user_agent", "s", binding->user_agent);
    return g_variant_dict_end (&row);
}

static void
add_set (const char *user, const BindingSet *set, void *data)
{
    int64_t now_us = td_clock_now_us ();

    for (unsigned i = 0; i < set->n; i++) {
        TdBinding shown = binding_show (set->items[i], now_us);
        if (set->items[i]->deadline_us > now_us) {
            g_ptr_array_add (data, g_variant_ref_sink (describe_binding (user, &shown)));
        }
    }
}

static const char *
user_of (void *row)
{
    const char *user = "";

    g_variant_lookup (row, "user", "&s", &user);
    return user;
}

static int
compare_rows (const void *a, const void *b)
{
    return strcmp (user_of (*(GVariant *const *) a), user_of (*(GVariant *const *) b));
}

static GVariant *
to_array (GPtrArray *rows)
{
    return g_variant_new_array (G_VARIANT_TYPE_VARDICT, (GVariant *const *) rows->pdata, rows->len);
}

static void
unref_row (void *row)
{
    g_variant_unref (row);
}

static void
run_list (TdRequest *request, void *data)
{
    Registrar *registrar = data;
    g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func (unref_row);
    const char *user = td_request_argument (request, "--user");

    if (user != NULL) {
        BindingSet *set = table_set_of (registrar->table, user);
        if (set != NULL) {
            add_set (user, set, rows);
        }
        binding_set_unref (set);
    } else {
        table_each (registrar->table, add_set, rows);
        g_ptr_array_sort (rows, compare_rows);
    }
    td_request_reply (request, to_array (rows));
}

/* --- registration remove ----------------------------------------------------------------- */

typedef struct {
    TdRequest *request;
    unsigned n_before;
} Removal;

static void
removed (TdRegistrarResult result, const TdBinding *bindings, unsigned n_bindings, void *data)
{
    Removal *removal = data;

    if (result == TD_REGISTRAR_DONE) {
        td_request_reply (
            removal->request,
            g_variant_new_parsed ("{'removed': <%u>}",
                                  removal->n_before - MIN (n_bindings, removal->n_before)));
    } else {
        td_request_fail (removal->request, "the database could not be written, so nothing was "
                                           "removed: the log says why");
    }
    td_request_unref (removal->request);
    g_free (removal);
}

static void
ignore_binding (const TdBinding *binding, void *data)
{
}

static void
note_contact (const TdBinding *binding, void *data)
{
    const char **contact = data;

    if (*contact != NULL && strcmp (binding->contact, *contact) == 0) {
        *contact = NULL;
    }
}

static void
run_remove (TdRequest *request, void *data)
{
    Registrar *registrar = data;
    const char *user = td_request_argument (request, "USER");
    const char *contact = td_request_argument (request, "CONTACT"), *missing = contact;
    TdBinding change = { .size = sizeof change, .contact = contact };

    if (table_lookup (registrar->table, user, ignore_binding, NULL) == 0) {
        td_request_fail (request,
                         "user \"%s\" has no contacts: \"registration list\" shows who "
                         "has some",
                         user);
        return;
    }
    unsigned n = table_lookup (registrar->table, user, note_contact, &missing);
    if (missing != NULL) {
        td_request_fail (request,
                         "user \"%s\" has no contact \"%s\": \"registration list --user "
                         "%s\" shows those there are",
                         user, contact, user);
        return;
    }
    Removal *removal = g_new0 (Removal, 1);
    removal->request = td_request_ref (request);
    removal->n_before = n;
    table_update (registrar->table, &(TableUpdate){ .asker = registrar->module,
                                                    .user = user,
                                                    .changes = &change,
                                                    .n_changes = contact != NULL ? 1 : 0,
                                                    .remove_all = contact == NULL,
                                                    .is_forced = true,
                                                    .done = removed,
                                                    .done_data = removal });
}

/* --- user list --------------------------------------------------------------------------- */

static GVariant *
describe_user (Registrar *registrar, const User *user)
{
    g_auto (GVariantDict) row;
    g_autoptr (GString) numbers = g_string_new (NULL);

    for (unsigned i = 0; i < user->numbers->len; i++) {
        g_string_append_printf (numbers, "%s%s", i > 0 ? " " : "",
                                (const char *) user->numbers->pdata[i]);
    }
    g_variant_dict_init (&row, NULL);
    g_variant_dict_insert (&row, "user", "s", user->name);
    g_variant_dict_insert (&row, "numbers", "s", numbers->str);
    g_variant_dict_insert (&row, "from", "s", user->is_configured ? "configuration" : "database");
    g_variant_dict_insert (&row, "contacts", "u",
                           table_lookup (registrar->table, user->name, ignore_binding, NULL));
    return g_variant_dict_end (&row);
}

static void
run_users (TdRequest *request, void *data)
{
    Registrar *registrar = data;
    const Directory *directory = registrar_directory (registrar);
    g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func (unref_row);
    GHashTableIter iter;
    void *user;

    g_hash_table_iter_init (&iter, directory->users);
    while (g_hash_table_iter_next (&iter, NULL, &user)) {
        g_ptr_array_add (rows, g_variant_ref_sink (describe_user (registrar, user)));
    }
    g_ptr_array_sort (rows, compare_rows);
    td_request_reply (request, to_array (rows));
}

bool
registrar_add_commands (Registrar *registrar, GError **error)
{
    static const TdArgument list[] = {
        { .name = "--user",
          .help = "Only of this user",
          .takes_value = true,
          .complete = "user list" },
    };
    static const TdArgument remove[] = {
        { .name = "USER",
          .help = "The user, as \"registration list\" shows it",
          .is_required = true,
          .complete = "user list" },
        { .name = "CONTACT", .help = "The contact's URI; all of them without it" },
    };
    const TdCommand commands[] = {
        { .name = "registration list",
          .help = "Shows who is registered, where, and for how long",
          .arguments = list,
          .n_arguments = G_N_ELEMENTS (list),
          .run = run_list },
        { .name = "registration remove",
          .help = "Takes contacts of a user away; a phone may register again",
          .arguments = remove,
          .n_arguments = G_N_ELEMENTS (remove),
          .is_change = true,
          .run = run_remove },
        { .name = "user list", .help = "Shows who may register", .run = run_users },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (commands); i++) {
        TdCommand command = commands[i];
        command.size = sizeof (TdCommand);
        command.argument_size = sizeof (TdArgument);
        command.data = registrar;
        if (!td_command_add (registrar->module, &command, error)) {
            return false;
        }
    }
    return true;
}
