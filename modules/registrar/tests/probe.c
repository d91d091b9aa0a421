/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* probe: stands in the place of an endpoint and asks the registrar what the test wants to know.
 *
 *     probe update alice@example.org call-1 7 "sip:alice@10.0.0.1 1000 3600, sip:..."
 *     probe update alice@example.org call-1 8 "*"
 */

#include <tandem/command.h>
#include <tandem/iface/registrar.h>
#include <tandem/module.h>

#include <stdlib.h>
#include <string.h>

static const TdRegistrar *
registrar_of (void *data)
{
    return td_module_state (data);
}

static void
append (const TdBinding *binding, void *data)
{
    int64_t left_us = binding->expires_us - td_clock_wall_us ();

    g_string_append_printf (data, " %s;q=%u;expires=%" G_GINT64_FORMAT, binding->contact,
                            binding->q_thousandths, left_us / G_USEC_PER_SEC);
    if (binding->flow != 0) {
        g_string_append_printf (data, ";flow=%" G_GUINT64_FORMAT, binding->flow);
    }
}

static void
updated (TdRegistrarResult result, const TdBinding *bindings, unsigned n_bindings, void *data)
{
    static const char *const names[] = { "done", "out-of-order", "too-many", "failed" };
    g_autoptr (GString) text = g_string_new (names[result]);

    for (unsigned i = 0; i < n_bindings; i++) {
        append (&bindings[i], text);
    }
    td_request_reply (data, g_variant_new_string (text->str));
    td_request_unref (data);
}

/* "CONTACT Q SECONDS [RECEIVED [FLOW]]" */
static TdBinding
read_contact (char **words, const char *call_id, const char *cseq)
{
    unsigned n = g_strv_length (words);

    return (TdBinding){
        .size = sizeof (TdBinding),
        .cseq = (uint32_t) atoi (cseq),
        .call_id = call_id,
        .contact = words[0],
        .q_thousandths = (uint16_t) (n > 1 ? atoi (words[1]) : 1000),
        .expires_us =
            td_clock_wall_us () + (int64_t) (n > 2 ? atoi (words[2]) : 3600) * G_USEC_PER_SEC,
        .received = n > 3 ? words[3] : "",
        .user_agent = "probe",
        .flow = n > 4 ? (uint64_t) atoi (words[4]) : 0,
    };
}

static void
run_update (TdRequest *request, void *data)
{
    const char *aor = td_request_argument (request, "AOR");
    const char *call_id = td_request_argument (request, "CALL-ID");
    const char *cseq = td_request_argument (request, "CSEQ");
    const char *contacts = td_request_argument (request, "CONTACTS");
    g_auto (GStrv) texts = g_strsplit (contacts, ",", -1);
    unsigned n = g_strv_length (texts);
    g_autofree TdBinding *changes = g_new0 (TdBinding, n + 1);
    g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);

    for (unsigned i = 0; i < n; i++) {
        g_ptr_array_add (words, g_strsplit (g_strstrip (texts[i]), " ", -1));
        changes[i] = read_contact (words->pdata[i], call_id, cseq);
    }
    registrar_of (data)->update (data, aor, changes, n, strcmp (contacts, "*") == 0, updated,
                                 td_request_ref (request), registrar_of (data)->data);
}

static void
run_lookup (TdRequest *request, void *data)
{
    g_autoptr (GString) text = g_string_new (NULL);
    unsigned n = registrar_of (data)->lookup (td_request_argument (request, "AOR"), append, text,
                                              registrar_of (data)->data);

    g_string_prepend (text, n > 0 ? "known" : "none");
    td_request_reply (request, g_variant_new_string (text->str));
}

static void
run_credentials (TdRequest *request, void *data)
{
    g_autofree char *secret = registrar_of (data)->credentials (
        td_request_argument (request, "USER"), td_request_argument (request, "REALM"),
        td_request_argument (request, "ALGORITHM"), registrar_of (data)->data);

    td_request_reply (request, g_variant_new_string (secret != NULL ? secret : "none"));
}

static void
run_local (TdRequest *request, void *data)
{
    bool is_local = registrar_of (data)->is_local (td_request_argument (request, "DOMAIN"),
                                                   registrar_of (data)->data);

    td_request_reply (request, g_variant_new_string (is_local ? "yes" : "no"));
}

static void
run_release (TdRequest *request, void *data)
{
    td_feature_release (data, TD_FEATURE_REGISTRAR);
    td_module_set_state (data, NULL);
    td_request_reply (request, NULL);
}

static void
run_acquire (TdRequest *request, void *data)
{
    td_module_set_state (data, (void *) td_feature_acquire (data, TD_FEATURE_REGISTRAR));
    td_request_reply (request, g_variant_new_string (registrar_of (data) != NULL ? "yes" : "no"));
}

static bool
start (TdModule *module, GError **error)
{
    static const TdArgument update[] = { { .name = "AOR", .is_required = true },
                                         { .name = "CALL-ID", .is_required = true },
                                         { .name = "CSEQ", .is_required = true },
                                         { .name = "CONTACTS", .is_required = true } };
    static const TdArgument credentials[] = { { .name = "USER", .is_required = true },
                                              { .name = "REALM", .is_required = true },
                                              { .name = "ALGORITHM", .is_required = true } };
    static const TdArgument domain[] = { { .name = "DOMAIN", .is_required = true } };
    const TdCommand commands[] = {
        { .name = "probe update", .arguments = update, .n_arguments = 4, .run = run_update },
        { .name = "probe lookup", .arguments = update, .n_arguments = 1, .run = run_lookup },
        { .name = "probe credentials",
          .arguments = credentials,
          .n_arguments = 3,
          .run = run_credentials },
        { .name = "probe local", .arguments = domain, .n_arguments = 1, .run = run_local },
        { .name = "probe release", .run = run_release },
        { .name = "probe acquire", .run = run_acquire },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (commands); i++) {
        TdCommand command = commands[i];
        command.size = sizeof (TdCommand);
        command.argument_size = sizeof (TdArgument);
        command.help = "For tests.";
        command.data = module;
        if (!td_command_add (module, &command, error)) {
            return false;
        }
    }
    td_module_set_state (module, (void *) td_feature_acquire (module, TD_FEATURE_REGISTRAR));
    return true;
}

static void
stop (TdModule *module)
{
    if (registrar_of (module) != NULL) {
        td_feature_release (module, TD_FEATURE_REGISTRAR);
    }
}

TD_MODULE (probe, .summary = "Asks the registrar, for tests", .version = "1.0",
           .license = "LGPL-2.1-or-later", .wants = TD_LIST (TD_FEATURE_REGISTRAR), .start = start,
           .stop = stop)
