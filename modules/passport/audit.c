/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others learn: of each token a fact, of one that is no good a line of the log, of all of them counts. */

#include "passport.h"

#include <tandem/log.h>

enum { DAY_S = 86400 };

typedef struct {
    const char *result, *reason;
    uint32_t status;
    const char *ppt, *trunk, *call_id, *signer, *anchor, *info;
    const char *values;
    const char *token;
} VerifiedFact;

static const TdField fields[] = {
    TD_FIELD (VerifiedFact, result, TD_FIELD_TEXT,
              "valid, ignored, no-credential, untrusted, invalid, stale, replayed, unchecked"),
    TD_FIELD (VerifiedFact, reason, TD_FIELD_TEXT, "Why it is not valid"),
    TD_FIELD (VerifiedFact, status, TD_FIELD_UINT, "What RFC 8224 6.2.2 answers; 0: nothing"),
    TD_FIELD (VerifiedFact, ppt, TD_FIELD_TEXT, "Its type: rph, shaken; empty: the baseline"),
    TD_FIELD (VerifiedFact, trunk, TD_FIELD_TEXT, "The trunk group that brought it"),
    TD_FIELD (VerifiedFact, call_id, TD_FIELD_TEXT, "The Call-ID of the request"),
    TD_FIELD (VerifiedFact, signer, TD_FIELD_TEXT, "The subject of its certificate"),
    TD_FIELD (VerifiedFact, anchor, TD_FIELD_TEXT, "The anchor that vouches for the signer"),
    TD_FIELD (VerifiedFact, info, TD_FIELD_TEXT, "Where its certificate is"),
    TD_FIELD (VerifiedFact, values, TD_FIELD_TEXT, "The r-values of the request it authorises"),
    TD_FIELD (VerifiedFact, token, TD_FIELD_TEXT, "The first 64 bits of its SHA-256"),
};

static TdMetric *
declare (TdModule *module, const char *name, const char *labels, const char *help)
{
    return td_metric_declare (module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                       .kind = TD_METRIC_COUNTER,
                                                       .name = name,
                                                       .labels = labels,
                                                       .help = help,
                                                       .is_priority = true });
}

static TdMetric *
declare_expiring (TdModule *module)
{
    return td_metric_declare (
        module,
        &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                         .kind = TD_METRIC_GAUGE,
                         .name = "tandem_passport_expiring",
                         .help = "Certificates that have expired or will within expiry-warning.",
                         .alarm = { .name = "passport-expiring",
                                    .help = "Certificates of anchors or signers expire soon, or "
                                            "have: \"passport list\" says which.",
                                    .raise_at = 1,
                                    .clear_below = 1 } });
}

static TdMetric *
declare_stale (TdModule *module)
{
    return td_metric_declare (
        module,
        &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                         .kind = TD_METRIC_GAUGE,
                         .name = "tandem_passport_stale_crls",
                         .help = "Anchors with a list of revoked certificates whose time is "
                                 "over.",
                         .alarm = { .name = "passport-crl-expired",
                                    .help = "A list of revoked certificates is over: the log "
                                            "says of which anchor.",
                                    .raise_at = 1,
                                    .clear_below = 1 } });
}

void
audit_declare (Passport *passport)
{
    TdModule *module = passport->module;

    for (TdPassportResult i = 0; i < TD_PASSPORT_N_RESULTS; i++) {
        g_autofree char *labels = g_strdup_printf ("result=\"%s\"", finding_name (i));
        passport->results[i] = declare (module, "tandem_passport_tokens_total", labels,
                                        "PASSporTs that came with requests.");
    }
    passport->remembered = declare (module, "tandem_passport_remembered_total", NULL,
                                    "PASSporTs whose verdict was remembered.");
    passport->signed_tokens =
        declare (module, "tandem_passport_signed_total", NULL, "PASSporTs that were signed here.");
    passport->expiring = declare_expiring (module);
    passport->stale = declare_stale (module);
    passport->verified = td_topic_declare (
        module, &(TdTopicDecl){ .size = sizeof (TdTopicDecl),
                                .version = 1,
                                .name = "passport.verified",
                                .help = "A PASSporT that came with a request was judged",
                                .fields = fields,
                                .n_fields = G_N_ELEMENTS (fields),
                                .body_size = sizeof (VerifiedFact) });
}

static void
write_log (const Passport *passport, const VerifiedFact *fact)
{
    const TdLogField log_fields[] = { { "call_id", fact->call_id }, { "trunk", fact->trunk },
                                      { "ppt", fact->ppt },         { "result", fact->result },
                                      { "signer", fact->signer },   { "info", fact->info },
                                      { "token", fact->token },     { NULL, NULL } };

    td_log_peer (passport->module, "passport.failed", fact->trunk, log_fields,
                 "a PASSporT is no good: %s", fact->reason);
}

/* Whether it is the token that is no good, as far as that is known. */
static bool
is_failure (TdPassportResult result)
{
    return result != TD_PASSPORT_VALID && result != TD_PASSPORT_IGNORED
           && result != TD_PASSPORT_UNCHECKED;
}

void
audit_tell (Passport *passport, const TdPassportQuestion *question,
            const TdPassportVerdict *verdict, const char *hash)
{
    g_autofree char *values = g_strjoinv (", ", (char **) verdict->values);
    const VerifiedFact fact = {
        .result = finding_name (verdict->result),
        .reason = verdict->reason,
        .status = verdict->status,
        .ppt = verdict->ppt,
        .trunk = question->trunk,
        .call_id = question->call_id,
        .signer = verdict->signer,
        .anchor = verdict->anchor,
        .info = verdict->info,
        .values = values,
        .token = hash,
    };

    td_metric_add (passport->results[verdict->result], 1);
    if (verdict->result != TD_PASSPORT_VALID && verdict->result != TD_PASSPORT_IGNORED) {
        write_log (passport, &fact);
    }
    if (is_failure (verdict->result)) {
        td_trunk_counter_add (&passport->failures, question->trunk);
    }
    td_bus_publish (passport->verified, TD_ID_NONE, NULL, 0, &fact);
}

/* --- Certificates that expire ------------------------------------------------------------- */

typedef struct {
    Passport *passport;
    int64_t now_s, warning_s;
    unsigned n;
} Look;

static void
look_at (Look *look, const char *what, const char *name, const char *subject, int64_t until_s)
{
    int64_t left_s = until_s - look->now_s;
    g_autofree char *section = g_strdup_printf ("[%s %s]", what, name);

    if (left_s > look->warning_s) {
        return;
    }
    look->n++;
    if (left_s < 0) {
        td_log_error (look->passport->module, section, "the certificate of %s has expired",
                      subject);
    } else {
        td_log_warning (look->passport->module, section,
                        "the certificate of %s expires in %" G_GINT64_FORMAT " days", subject,
                        left_s / DAY_S);
    }
}

static void
look_at_all (Look *look, const Settings *settings)
{
    GHashTableIter iter;
    void *value;

    for (unsigned i = 0; i < settings->anchors->len; i++) {
        const Anchor *anchor = settings->anchors->pdata[i];
        look_at (look, "passport-anchor", anchor->name, anchor->subject, anchor->until_s);
    }
    for (unsigned i = 0; i < settings->signers->len; i++) {
        const Signer *signer = settings->signers->pdata[i];
        look_at (look, "passport-signer", signer->name, signer->credential->subject,
                 signer->credential->until_s);
    }
    g_hash_table_iter_init (&iter, settings->provisioned);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        const Provisioned *provisioned = value;
        look_at (look, "passport-certificate", provisioned->name, provisioned->credential->subject,
                 provisioned->credential->until_s);
    }
}

/* Returns when the next list is over, in seconds, in a day at the latest. */
static int64_t
look_at_lists (Passport *passport, const Settings *settings, int64_t now_s)
{
    int64_t next_s = DAY_S, n_stale = 0;

    for (unsigned i = 0; i < settings->anchors->len; i++) {
        const Anchor *anchor = settings->anchors->pdata[i];
        g_autofree char *section = g_strdup_printf ("[passport-anchor %s]", anchor->name);
        if (anchor->crl_until_s > now_s) {
            next_s = MIN (next_s, anchor->crl_until_s - now_s);
            continue;
        }
        n_stale++;
        td_log_error (passport->module, section,
                      "crl: a list of revoked certificates is over since %" G_GINT64_FORMAT
                      " s: %s",
                      now_s - anchor->crl_until_s,
                      anchor->refuses_stale ? "the anchor vouches for nobody any more"
                                            : "who has been revoked since is still vouched for");
    }
    td_metric_add (passport->stale, n_stale - td_metric_value (passport->stale));
    return next_s;
}

void
audit_look_at_certificates (Passport *passport)
{
    const Settings *settings = passport_settings (passport);
    Look look = { .passport = passport,
                  .now_s = td_clock_wall_us () / G_USEC_PER_SEC,
                  .warning_s = settings->warning_s };

    look_at_all (&look, settings);
    td_metric_add (passport->expiring, look.n - td_metric_value (passport->expiring));
    td_timer_start (&passport->daily,
                    (uint32_t) look_at_lists (passport, settings, look.now_s) * 1000);
}
