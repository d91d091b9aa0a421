/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operator's view: passport list, passport verify. */

#include "passport.h"

#include <string.h>
#include <tandem/command.h>

enum { DAY_S = 86400 };

static void
add_text (GVariantBuilder *row, const char *name, const char *text)
{
    g_variant_builder_add (row, "{sv}", name, g_variant_new_string (text != NULL ? text : ""));
}

/* --- passport list ----------------------------------------------------------------------- */

typedef struct {
    const char *kind, *name, *subject, *good_for, *state;
    int64_t until_s; /* 0: nothing that expires */
} Row;

static void
add_row (GVariantBuilder *rows, const Row *row)
{
    int64_t now_s = td_clock_wall_us () / G_USEC_PER_SEC;
    g_autoptr (GDateTime) until =
        row->until_s != 0 ? g_date_time_new_from_unix_utc (row->until_s) : NULL;
    g_autofree char *expires =
        until != NULL ? g_date_time_format (until, "%Y-%m-%dT%H:%M:%SZ") : NULL;
    const char *state = row->state != NULL     ? row->state
                        : row->until_s < now_s ? "expired"
                                               : "valid";

    g_variant_builder_open (rows, G_VARIANT_TYPE_VARDICT);
    add_text (rows, "kind", row->kind);
    add_text (rows, "name", row->name);
    add_text (rows, "good_for", row->good_for);
    add_text (rows, "state", state);
    add_text (rows, "expires", expires);
    g_variant_builder_add (
        rows, "{sv}", "days",
        g_variant_new_int64 (row->until_s != 0 ? (row->until_s - now_s) / DAY_S : 0));
    add_text (rows, "subject", row->subject);
    g_variant_builder_close (rows);
}

/* "ets, wps, identity" (transfer full). */
static char *
print_good_for (char **name_spaces, bool is_for_identity)
{
    g_autofree char *names = g_strjoinv (", ", name_spaces);

    return g_strconcat (names, *names != '\0' && is_for_identity ? ", " : "",
                        is_for_identity ? "identity" : "", NULL);
}

static void
add_anchor (GVariantBuilder *rows, const Anchor *anchor)
{
    g_autofree char *good_for = print_good_for (anchor->name_spaces, anchor->is_for_identity);

    add_row (rows, &(Row){ .kind = "anchor",
                           .name = anchor->name,
                           .subject = anchor->subject,
                           .good_for = good_for,
                           .until_s = anchor->until_s });
}

static void
add_signer (GVariantBuilder *rows, const Signer *signer)
{
    g_autofree char *good_for = print_good_for (signer->name_spaces, signer->is_for_identity);

    add_row (rows, &(Row){ .kind = "signer",
                           .name = signer->name,
                           .subject = signer->credential->subject,
                           .good_for = good_for,
                           .until_s = signer->credential->until_s });
}

/* Which anchors vouch for CREDENTIAL, by name (transfer full). */
static char *
print_vouches (const Settings *settings, const Credential *credential)
{
    g_autoptr (GString) names = g_string_new (NULL);

    for (unsigned i = 0; i < credential->n_vouches && i < settings->anchors->len; i++) {
        if (credential->vouches[i].is_vouched) {
            g_string_append_printf (names, "%s%s", names->len > 0 ? ", " : "",
                                    ((const Anchor *) settings->anchors->pdata[i])->name);
        }
    }
    return g_string_free (g_steal_pointer (&names), FALSE);
}

static void
add_certificate (GVariantBuilder *rows, const Settings *settings, const char *kind,
                 const char *info, const Credential *credential)
{
    g_autofree char *vouches = print_vouches (settings, credential);

    add_row (rows, &(Row){ .kind = kind,
                           .name = info,
                           .subject = credential->subject,
                           .good_for = vouches,
                           .state = *vouches == '\0' ? "untrusted" : NULL,
                           .until_s = credential->until_s });
}

typedef struct {
    GVariantBuilder *rows;
    const Settings *settings;
} Fetched;

static void
add_fetched (const FetchView *view, void *data)
{
    const Fetched *fetched = data;

    if (view->credential != NULL) {
        add_certificate (fetched->rows, fetched->settings, "fetched", view->info, view->credential);
    } else {
        add_row (fetched->rows, &(Row){ .kind = "fetched",
                                        .name = view->info,
                                        .state = view->is_under_way ? "under way" : "failed",
                                        .good_for = view->why });
    }
}

static void
run_list (TdRequest *request, void *data)
{
    const Passport *passport = data;
    const Settings *settings = passport_settings (passport);
    GVariantBuilder rows;
    GHashTableIter iter;
    void *value;

    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < settings->anchors->len; i++) {
        add_anchor (&rows, settings->anchors->pdata[i]);
    }
    for (unsigned i = 0; i < settings->signers->len; i++) {
        add_signer (&rows, settings->signers->pdata[i]);
    }
    g_hash_table_iter_init (&iter, settings->provisioned);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        const Provisioned *provisioned = value;
        add_certificate (&rows, settings, "certificate", provisioned->info,
                         provisioned->credential);
    }
    fetcher_each (passport->fetcher, add_fetched, &(Fetched){ &rows, settings });
    td_request_reply (request, g_variant_builder_end (&rows));
}

/* --- passport verify --------------------------------------------------------------------- */

/* The request that the operator describes; without parties, what the token says of them is right. */
typedef struct {
    const char *dests[2];
    char **values;
    TdPassportQuestion question;
} Described;

static void
describe (Described *described, const TdRequest *request, const Token *token)
{
    const char *from = td_request_argument (request, "--from");
    const char *to = td_request_argument (request, "--to");
    const char *values = td_request_argument (request, "--values");

    if (to == NULL) {
        to = token->dest_numbers != NULL ? *token->dest_numbers : *token->dest_uris;
    }
    *described = (Described){ .dests = { to, NULL },
                              .values = values != NULL ? g_strsplit (values, ",", -1)
                                                       : g_strdupv (token->auth) };
    for (char **value = described->values; value != NULL && *value != NULL; value++) {
        g_strstrip (*value);
    }
    described->question = (TdPassportQuestion){
        .size = sizeof (TdPassportQuestion),
        .orig = from != NULL ? from : token->orig,
        .dests = described->dests,
        .values = (const char *const *) described->values,
        .priority = token->sph,
        .call_id = "",
        .trunk = "",
    };
}

static void
judge_described (const Verdict *verdict, const TdRequest *asked, const Settings *settings,
                 Finding *finding)
{
    g_autoptr (GPtrArray) values = g_ptr_array_new ();
    Described described;
    Request request;

    describe (&described, asked, verdict->token);
    request_init (&request, &described.question, settings, td_clock_wall_us ());
    if (judge (verdict, &request, NULL, values, finding)) {
        finding_pass (finding, "result", "valid");
    }
    request_clear (&request);
    g_strfreev (described.values);
}

static void
verify_one (const Passport *passport, const TdRequest *request, const char *text, Finding *finding)
{
    const Settings *settings = passport_settings (passport);
    VerdictHash hash;
    Identity identity;

    if (!identity_read (&identity, text, finding)) {
        return;
    }
    finding_pass (finding, "header", "info %s", identity.info);
    if (token_type (identity.ppt) == TOKEN_OTHER) {
        finding_fail (finding, "type", TD_PASSPORT_IGNORED,
                      "tokens of the type \"%s\" are not understood", identity.ppt);
    } else {
        g_autoptr (Credential) credential = passport_find (passport, identity.info, settings);
        verdict_hash (&hash, &identity);
        g_autoptr (Verdict) verdict =
            verdict_make (&identity, &hash, credential, settings, finding);
        if (verdict->result == TD_PASSPORT_VALID) {
            judge_described (verdict, request, settings, finding);
        }
    }
    identity_clear (&identity);
}

static void
run_verify (TdRequest *request, void *data)
{
    const char *text = td_request_argument (request, "IDENTITY");
    Finding finding = { .steps = finding_steps_new () };
    GVariantBuilder rows;

    verify_one (data, request, text, &finding);
    g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
    for (unsigned i = 0; i < finding.steps->len; i++) {
        const Step *step = finding.steps->pdata[i];
        g_variant_builder_open (&rows, G_VARIANT_TYPE_VARDICT);
        add_text (&rows, "step", step->step);
        add_text (&rows, "verdict", step->is_passed ? "ok" : finding_name (finding.result));
        add_text (&rows, "text", step->text);
        g_variant_builder_close (&rows);
    }
    td_request_reply (request, g_variant_builder_end (&rows));
    finding_clear (&finding);
}

static const TdArgument verify_arguments[] = {
    { .name = "IDENTITY",
      .help = "the value of an Identity header field, in quotes",
      .is_required = true },
    { .name = "--from",
      .help = "who calls, as the request has it; what the token says where it is not given",
      .takes_value = true },
    { .name = "--to", .help = "who is called, in the same way", .takes_value = true },
    { .name = "--values",
      .help = "the r-values of the request, with commas between",
      .takes_value = true },
};

bool
commands_start (Passport *passport, GError **error)
{
    const TdCommand list = { .size = sizeof (TdCommand),
                             .argument_size = sizeof (TdArgument),
                             .name = "passport list",
                             .help =
                                 "Lists the anchors, signers and certificates of PASSporTs, what "
                                 "they are good for, and until when",
                             .data = passport,
                             .run = run_list };
    const TdCommand verify = { .size = sizeof (TdCommand),
                               .argument_size = sizeof (TdArgument),
                               .name = "passport verify",
                               .help =
                                   "Verifies a PASSporT step by step; it is not remembered, and "
                                   "nothing is fetched",
                               .arguments = verify_arguments,
                               .n_arguments = G_N_ELEMENTS (verify_arguments),
                               .data = passport,
                               .run = run_verify };

    return td_command_add (passport->module, &list, error)
           && td_command_add (passport->module, &verify, error);
}
