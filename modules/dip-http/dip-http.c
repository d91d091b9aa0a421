/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dip-http: asks a web server where numbers are served.
 *
 *     [dip lnp]
 *     driver = http
 *     url    = https://numbers.example/v1/{kind}?number={number}
 */

#include "answer.h"

#include <stdatomic.h>
#include <string.h>
#include <tandem/bus.h>
#include <tandem/iface/http.h>
#include <tandem/module.h>
#include <tandem/snapshot.h>

#define DRIVER "http"

enum {
    PATIENCE_FACTOR = 4, /* so many deadlines after it was asked a question is given up */
    MAX_DEADLINE_MS = 60000,
};

static const TdConfigKey keys[] = {
    { .name = "url",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .help = "driver = http: what is asked with GET; {number} stands for the number, {kind} for "
              "portability or toll-free.",
      .since = "0.1" },
    { .name = "token",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_SECRET | TD_CONFIG_RELOADABLE,
      .help = "driver = http: sent as bearer token (RFC 6750 2.1).",
      .since = "0.1" },
    { .name = "number-member",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "number",
      .help = "driver = http: which member of the JSON object that is answered has the number.",
      .since = "0.1" },
    { .name = "carrier-member",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "carrier",
      .help = "driver = http: which member has the carrier.",
      .since = "0.1" },
    { .name = "ttl-member",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "ttl",
      .help = "driver = http: which member says for how many seconds the answer holds.",
      .since = "0.1" },
};

static const TdConfigSection sections[] = {
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = TD_DIP_SECTION,
      .is_addition = true,
      .keys = keys,
      .n_keys = G_N_ELEMENTS (keys) },
};

typedef struct {
    char *url, *token;
    HttpMembers members;
} Place;

/* name -> Place */
typedef struct {
    TdTable table; /* first */
    GHashTable *places;
} PlaceTable;

typedef struct {
    TdModule *module;
    TdDipDriver driver;
    TdSnapshot *places;                      /* PlaceTable */
    _Atomic (const TdHttpService *) service; /* nullable */
    TdSubscription *features;
} DipHttp;

/* A question on its way. It keeps the settings that it began with. */
typedef struct {
    TdHttpQuestion http; /* first */
    TdDipQuestion *question;
    const TdHttpService *service;
    PlaceTable *table;
    const Place *place;
} Asked;

/* --- Settings ---------------------------------------------------------------------------- */

static bool
is_url (const char *text)
{
    g_autofree char *url = http_make_url (text, TD_DIP_PORTABILITY, "1");
    g_autoptr (GUri) uri = g_uri_parse (url, G_URI_FLAGS_NONE, NULL);
    const char *scheme = uri != NULL ? g_uri_get_scheme (uri) : "";

    return (strcmp (scheme, "http") == 0 || strcmp (scheme, "https") == 0)
           && g_uri_get_host (uri) != NULL && *g_uri_get_host (uri) != '\0'
           && strstr (text, "{number}") != NULL;
}

static bool
check_one (const TdConfig *config, const char *name, GError **error)
{
    if (!td_config_is_set (config, TD_DIP_SECTION, name, "url")) {
        return td_config_refuse (config, TD_DIP_SECTION, name, "driver", NULL, error,
                                 "there is no url: say where to ask");
    }
    return is_url (td_config_text (config, TD_DIP_SECTION, name, "url"))
           || td_config_refuse (config, TD_DIP_SECTION, name, "url", NULL, error,
                                "the value is not as http://HOST/PATH?number={number}");
}

static bool
check (const TdConfig *config, GError **error)
{
    return td_dip_check (config, DRIVER, keys, G_N_ELEMENTS (keys), check_one, error);
}

static char *
read_text (const TdConfig *config, const char *name, const char *key)
{
    return g_strdup (td_config_text (config, TD_DIP_SECTION, name, key));
}

static void
free_place (void *data)
{
    Place *place = data;

    g_free (place->url);
    g_free (place->token);
    g_free (place->members.number);
    g_free (place->members.carrier);
    g_free (place->members.ttl);
    g_free (place);
}

static void
table_unused (TdTable *table)
{
    PlaceTable *places = (PlaceTable *) table;

    g_hash_table_unref (places->places);
    g_free (places);
}

static PlaceTable *
make_table (const TdConfig *config)
{
    const char *const *names = td_config_instances (config, TD_DIP_SECTION);
    PlaceTable *table = g_new0 (PlaceTable, 1);

    td_table_init (&table->table, table_unused);
    table->places = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_place);
    for (unsigned i = 0; names[i] != NULL; i++) {
        if (td_dip_is_for (config, names[i], DRIVER)) {
            Place *place = g_new (Place, 1);
            *place = (Place){ .url = read_text (config, names[i], "url"),
                              .token = read_text (config, names[i], "token"),
                              .members = { read_text (config, names[i], "number-member"),
                                           read_text (config, names[i], "carrier-member"),
                                           read_text (config, names[i], "ttl-member") } };
            g_hash_table_insert (table->places, g_strdup (names[i]), place);
        }
    }
    return table;
}

/* --- Questions --------------------------------------------------------------------------- */

static void
free_asked (Asked *asked)
{
    td_table_unref (&asked->table->table);
    g_free (asked);
}

static void
hear (TdHttpQuestion *http, const TdHttpAnswer *answer)
{
    Asked *asked = (Asked *) http;
    HttpSaid said;

    if (answer->status == 0) {
        http_fail (&said, answer->error);
    } else {
        http_read_answer (&said, answer->status, answer->body, answer->len_bytes,
                          &asked->place->members);
    }
    asked->question->done (asked->question, &said.answer);
    free_asked (asked);
}

static void
drop (TdHttpQuestion *http)
{
    Asked *asked = (Asked *) http;
    HttpSaid said;

    http_fail (&said, "the module has stopped");
    asked->question->done (asked->question, &said.answer);
    free_asked (asked);
}

static const char *
ask (TdDipQuestion *question, void *data)
{
    DipHttp *dip = data;
    PlaceTable *table = (PlaceTable *) td_snapshot_peek (dip->places);
    const TdHttpService *service = atomic_load (&dip->service);
    const Place *place = table != NULL ? g_hash_table_lookup (table->places, question->dip) : NULL;

    if (place == NULL) {
        return "the driver http does not have it";
    }
    if (service == NULL) {
        return "the module http does not run";
    }
    g_autofree char *url = http_make_url (place->url, question->kind, question->number);
    Asked *asked = g_new0 (Asked, 1);
    *asked = (Asked){
        .http = { .owner = dip->module,
                  .method = "GET",
                  .url = url,
                  .token = place->token,
                  .deadline_ms = MIN (question->deadline_ms * PATIENCE_FACTOR, MAX_DEADLINE_MS),
                  .done = hear,
                  .drop = drop },
        .question = question,
        .service = service,
        .table = (PlaceTable *) td_table_ref (&table->table),
        .place = place,
    };
    question->state = asked;
    service->ask (&asked->http, service->data); /* copies its texts */
    return NULL;
}

static void
cancel (TdDipQuestion *question, void *data)
{
    Asked *asked = question->state;

    asked->service->cancel (&asked->http, asked->service->data);
    free_asked (asked);
}

/* --- Life -------------------------------------------------------------------------------- */

static void
set_service (DipHttp *dip, const TdHttpService *next)
{
    if (atomic_exchange (&dip->service, next) != NULL) {
        td_feature_release_swept (dip->module, TD_FEATURE_HTTP);
    }
}

/* Another build of the module http, or none any more. */
static void
hear_feature (const TdFact *fact, void *data)
{
    DipHttp *dip = data;

    if (g_strcmp0 (td_fact_text (fact, "feature"), TD_FEATURE_HTTP) == 0) {
        set_service (dip, td_feature_acquire (dip->module, TD_FEATURE_HTTP));
    }
}

static bool
start (TdModule *module, GError **error)
{
    DipHttp *dip = g_new0 (DipHttp, 1);

    dip->module = module;
    td_module_set_state (module, dip);
    atomic_init (&dip->service, td_feature_acquire (module, TD_FEATURE_HTTP));
    if (atomic_load (&dip->service) == NULL) {
        g_set_error (
            error, TD_ERROR, TD_ERROR_NOT_FOUND,
            "it asks over HTTP, and no module that runs provides that: say http = required "
            "in [modules]");
        return false;
    }
    dip->places =
        td_snapshot_new (module, "places", &make_table (td_module_config (module))->table);
    dip->features = td_bus_subscribe (module, TD_LIST ("feature.changed"), hear_feature, dip);
    dip->driver =
        (TdDipDriver){ .size = sizeof (TdDipDriver), .data = dip, .ask = ask, .cancel = cancel };
    return td_feature_provide (module, TD_FEATURE_DIP DRIVER, &dip->driver, error);
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    const DipHttp *dip = td_module_state (module);

    if (phase == TD_RELOAD_COMMIT) {
        td_snapshot_swap (dip->places, &make_table (next)->table);
    }
    return true;
}

static void
stop (TdModule *module)
{
    DipHttp *dip = td_module_state (module);

    g_clear_pointer (&dip->features, td_bus_unsubscribe);
    set_service (dip, NULL);
}

static void
unload (TdModule *module)
{
    g_free (td_module_state (module));
}

TD_MODULE_NAMED ("dip-http", .summary = "Asks a web server where numbers are served",
                 .version = "1.0", .license = "LGPL-2.1-or-later",
                 .provides = TD_LIST (TD_FEATURE_DIP DRIVER), .wants = TD_LIST (TD_FEATURE_HTTP),
                 .config = sections, .n_config = G_N_ELEMENTS (sections),
                 .upgrade = TD_UPGRADE_BESIDE, .start = start, .reload = reload, .stop = stop,
                 .unload = unload, .check = check)
