/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tls: streams that nobody reads along, and peers that prove by certificates who they are.
 *
 *     start      identities are read from their files and published, the feature is there
 *     reload     the files are read again; connections keep what they began with
 *     stop       nobody begins a connection any more; those that stand keep the module in use
 */

#include "tls.h"

#include <tandem/lane.h>
#include <tandem/log.h>
#include <tandem/module.h>

enum {
    LOOK_MS = 3600 * 1000, /* at the latest: how often certificates are looked at */
    NEAR_S = 30 * 86400,   /* before its end a certificate is spoken of */
    QUICK_RSA_BITS = 2048, /* a longer key keeps a lane for more than a turn: docs/benchmarks.md */
};

typedef struct {
    TdModule *module;
    TdStreamFilter filter;
    TdTlsService service;
    Sessions sessions;
    uint64_t n_read; /* how often the files have been read */
    Identities *prepared;
    TdMetric *stale;
    TdTimer look;
} State;

static const char *const verify_choices[] = { "none", "peer", NULL };
static const char *const expired_choices[] = { "use", "refuse", NULL };
static const char *const minimum_choices[] = { "1.2", "1.3", NULL };

static const TdConfigKey keys[] = {
    { .name = "certificate",
      .type = TD_CONFIG_PATH,
      .flags = TD_CONFIG_REQUIRED | TD_CONFIG_RELOADABLE,
      .help = "PEM file of the switch's own certificate, first, and those that lead from it to the "
              "authority. Read again by each reload.",
      .since = "0.1" },
    { .name = "key",
      .type = TD_CONFIG_PATH,
      .flags = TD_CONFIG_REQUIRED | TD_CONFIG_RELOADABLE,
      .help =
          "PEM file of the certificate's private key, without a passphrase. A handshake with an "
          "elliptic curve costs a fraction of one with RSA.",
      .since = "0.1" },
    { .name = "ca",
      .type = TD_CONFIG_PATH,
      .flags = TD_CONFIG_RELOADABLE,
      .help =
          "PEM file of the authorities that peers' certificates are checked with, and no others.",
      .since = "0.1" },
    { .name = "crl",
      .type = TD_CONFIG_PATH,
      .flags = TD_CONFIG_RELOADABLE,
      .help =
          "PEM file of the lists of revoked certificates, one of each authority on the way from a "
          "peer's certificate to the one in ca: who is on a list, or whose authority has none in "
          "the file, is refused. Read again by each reload.",
      .since = "0.1" },
    { .name = "crl-expired",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "use",
      .choices = expired_choices,
      .help =
          "What is done with a list whose time is over (alarm tls-crl-expired). use: whom it names "
          "is refused, others are not. refuse: nobody of its authority is believed any more.",
      .since = "0.1" },
    { .name = "verify",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "peer",
      .choices = verify_choices,
      .help = "peer: who connects must show a certificate, and whom the switch connects to must be "
              "the domain it wants to reach. none: nothing is asked for and nothing is believed.",
      .since = "0.1" },
    { .name = "minimum",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "1.2",
      .choices = minimum_choices,
      .help = "The oldest version of TLS that is spoken.",
      .since = "0.1" },
    { .name = "ciphers",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "ECDHE+AESGCM:ECDHE+CHACHA20",
      .help = "What TLS 1.2 may use, as OpenSSL writes it; TLS 1.3 has a list of its own.",
      .since = "0.1" },
};

static const TdConfigSection sections[] = {
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = TLS_SECTION,
      .help = "Who this switch is in TLS, and whom it believes. The one called default is that of "
              "listeners and of trunks that name no other.",
      .is_named = true,
      .keys = keys,
      .n_keys = G_N_ELEMENTS (keys) },
};

static const Identities *
current (const State *state)
{
    return (const Identities *) td_snapshot_peek (state->sessions.identities);
}

/* --- The service ------------------------------------------------------------------------- */

static void *
begin (const TdFilterFlow *flow, GByteArray *wire, const char **ret_why, void *data)
{
    State *state = data;
    const Identity *identity = identities_find (current (state), flow->identity);

    if (identity == NULL) {
        *ret_why = "there is no [tls] section of the name that it asks for";
        return NULL;
    }
    return session_begin (&state->sessions, identity, flow, wire, ret_why);
}

static bool
has_identity (const char *name, void *data)
{
    return identities_find (current (data), name) != NULL;
}

/* A name that is gone is not to be trusted more than before. */
static bool
verifies (const char *name, void *data)
{
    const Identity *identity = identities_find (current (data), name);

    return identity == NULL || identity->is_verifying;
}

static void
fill_tables (State *state)
{
    state->filter = (TdStreamFilter){ .size = sizeof (TdStreamFilter),
                                      .module = state->module,
                                      .data = state,
                                      .begin = begin,
                                      .receive = session_receive,
                                      .send = session_send,
                                      .peer = session_peer,
                                      .why = session_why,
                                      .close = session_close,
                                      .end = session_end };
    state->service = (TdTlsService){ .size = sizeof (TdTlsService),
                                     .data = state,
                                     .filter = &state->filter,
                                     .has_identity = has_identity,
                                     .verifies = verifies };
}

/* --- What an operator is told ------------------------------------------------------------ */

static TdMetric *
declare_stale (TdModule *module)
{
    return td_metric_declare (
        module,
        &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                         .kind = TD_METRIC_GAUGE,
                         .name = "tandem_tls_stale_crls",
                         .help = "[tls] sections with a list of revoked certificates whose "
                                 "time is over.",
                         .alarm = { .name = "tls-crl-expired",
                                    .help = "A list of revoked certificates is over: the log "
                                            "says of which [tls] section.",
                                    .raise_at = 1,
                                    .clear_below = 1 } });
}

static void
declare_metrics (State *state)
{
    state->sessions.handshakes = td_metric_declare (
        state->module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                        .kind = TD_METRIC_COUNTER,
                                        .name = "tandem_tls_handshakes_total",
                                        .help = "TLS handshakes that came to a good end." });
    state->sessions.failures = td_metric_declare (
        state->module,
        &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                         .kind = TD_METRIC_COUNTER,
                         .name = "tandem_tls_failed_handshakes_total",
                         .help = "TLS handshakes that failed: no certificate, one that is not "
                                 "believed, or bytes that are no TLS." });
    state->stale = declare_stale (state->module);
}

/* Whether the lists of IDENTITY are over, which is said then. */
static bool
is_stale (const State *state, const Identity *identity, int64_t now_s)
{
    if (identity->crl_expires_s > now_s) {
        return false;
    }
    td_log_error (state->module, identity->name,
                  "crl: a list of revoked certificates is over since %" G_GINT64_FORMAT " s: %s",
                  now_s - identity->crl_expires_s,
                  identity->refuses_stale ? "nobody of its authority is believed any more"
                                          : "who has been revoked since is still believed");
    return true;
}

/* Says when the certificate of IDENTITY ends, and says it aloud when that is soon. */
static void
look_at (State *state, const Identity *identity)
{
    g_autofree char *labels = g_strdup_printf ("identity=\"%s\"", identity->name);
    int64_t left_s = identity->expires_s - td_clock_wall_us () / G_USEC_PER_SEC;
    TdMetric *gauge = td_metric_declare (
        state->module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                        .kind = TD_METRIC_GAUGE,
                                        .name = "tandem_tls_certificate_end_seconds",
                                        .help = "When the certificate of a [tls] section ends, in "
                                                "seconds since 1970.",
                                        .labels = labels });

    td_metric_add (gauge, identity->expires_s - td_metric_value (gauge));
    if (left_s <= 0) {
        td_log_error (state->module, identity->name,
                      "the certificate has ended: peers will refuse it");
    } else if (left_s < NEAR_S) {
        td_log_warning (state->module, identity->name,
                        "the certificate ends in less than %" G_GINT64_FORMAT " days",
                        left_s / 86400 + 1);
    }
}

/* Looks at all, now and then again: when the next list is over, or in an hour. */
static void
look_at_all (State *state)
{
    int64_t now_s = td_clock_wall_us () / G_USEC_PER_SEC, next_s = LOOK_MS / 1000, n_stale = 0;
    GHashTableIter iter;
    void *data;

    g_hash_table_iter_init (&iter, current (state)->by_name);
    while (g_hash_table_iter_next (&iter, NULL, &data)) {
        const Identity *identity = data;
        look_at (state, identity);
        if (is_stale (state, identity, now_s)) {
            n_stale++;
        } else {
            next_s = MIN (next_s, identity->crl_expires_s - now_s);
        }
    }
    td_metric_add (state->stale, n_stale - td_metric_value (state->stale));
    td_timer_start (&state->look, (uint32_t) next_s * 1000);
}

static void
look_again (TdTimer *timer)
{
    look_at_all ((State *) ((char *) timer - offsetof (State, look)));
}

/* A step of a handshake is not interrupted: a lane that makes one does nothing else. */
static void
warn_of_slow_keys (State *state)
{
    GHashTableIter iter;
    void *data;

    g_hash_table_iter_init (&iter, current (state)->by_name);
    while (g_hash_table_iter_next (&iter, NULL, &data)) {
        const Identity *identity = data;
        if (identity->rsa_bits > QUICK_RSA_BITS) {
            td_log_warning (
                state->module, identity->name,
                "an RSA key of %u bits keeps a lane for milliseconds at each handshake: "
                "a key on an elliptic curve (P-256) does not",
                identity->rsa_bits);
        }
    }
}

/* --- Life -------------------------------------------------------------------------------- */

static bool
check (const TdConfig *config, GError **error)
{
    Identities *identities = identities_new (config, 0, error);

    if (identities == NULL) {
        return false;
    }
    td_table_unref (&identities->table);
    return true;
}

static bool
start (TdModule *module, GError **error)
{
    State *state = g_new0 (State, 1);
    Identities *identities = identities_new (td_module_config (module), 0, error);

    state->module = module;
    td_module_set_state (module, state);
    td_timer_init (&state->look, module, look_again);
    if (identities == NULL) {
        return false;
    }
    if (!sessions_open (&state->sessions)) {
        td_table_unref (&identities->table);
        g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "OpenSSL has no memory for a BIO method");
        return false;
    }
    fill_tables (state);
    declare_metrics (state);
    state->sessions.identities = td_snapshot_new (module, "tls.identities", &identities->table);
    look_at_all (state);
    warn_of_slow_keys (state);
    return td_feature_provide (module, TD_FEATURE_TLS, &state->service, error);
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    State *state = td_module_state (module);

    switch (phase) {
    case TD_RELOAD_PREPARE:
        state->prepared = identities_new (next, ++state->n_read, error);
        return state->prepared != NULL;
    case TD_RELOAD_COMMIT:
        td_snapshot_swap (state->sessions.identities, &state->prepared->table);
        look_at_all (state);
        warn_of_slow_keys (state);
        break;
    case TD_RELOAD_ABANDON:
        td_table_unref (&state->prepared->table);
        break;
    }
    state->prepared = NULL;
    return true;
}

static void
stop (TdModule *module)
{
    State *state = td_module_state (module);

    td_timer_stop (&state->look);
}

static void
unload (TdModule *module)
{
    State *state = td_module_state (module);

    if (state != NULL) {
        sessions_close (&state->sessions);
        g_free (state);
    }
}

static void
describe (TdModule *module, GVariantDict *info)
{
    State *state = td_module_state (module);
    const Identities *identities = state != NULL ? current (state) : NULL;
    g_autoptr (GString) names = g_string_new (NULL);
    GHashTableIter iter;
    void *name;

    if (identities == NULL) {
        return;
    }
    g_hash_table_iter_init (&iter, identities->by_name);
    while (g_hash_table_iter_next (&iter, &name, NULL)) {
        g_string_append_printf (names, "%s%s", names->len > 0 ? ", " : "", (const char *) name);
    }
    g_variant_dict_insert (info, "identities", "s", names->str);
}

/* OpenSSL keeps data of each thread and cannot be unmapped. */
TD_MODULE (tls, .summary = "TLS for streams, with certificates of both sides", .version = "1.0",
           .license = "LGPL-2.1-or-later", .flags = TD_MODULE_RESIDENT,
           .provides = TD_LIST (TD_FEATURE_TLS), .config = sections,
           .n_config = G_N_ELEMENTS (sections), .upgrade = TD_UPGRADE_BESIDE, .start = start,
           .reload = reload, .stop = stop, .unload = unload, .describe = describe, .check = check)
