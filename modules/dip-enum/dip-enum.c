/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dip-enum: asks the DNS where numbers are served (RFC 6116, RFC 4769).
 *
 *     [dip lnp]
 *     driver  = enum
 *     suffix  = e164.carrier.example
 *     servers = 192.0.2.53, 192.0.2.54
 */

#include "resolver.h"

#include <string.h>
#include <tandem/log.h>
#include <tandem/snapshot.h>
#include <tandem/socket.h>

#define DRIVER "enum"

enum { DNS_PORT = 53, MAX_SUFFIX = 180 };

static const TdConfigKey keys[] = {
    { .name = "suffix",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .help = "driver = enum: the domain below which numbers are, such as e164.carrier.example.",
      .since = "0.1" },
    { .name = "servers",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .help =
          "driver = enum: the name servers that are asked, as ADDRESS or ADDRESS:PORT; not given: "
          "those of /etc/resolv.conf.",
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

/* name -> Resolver, as long as lanes may look */
typedef struct {
    TdTable table; /* first */
    GHashTable *resolvers;
} ResolverTable;

typedef struct {
    TdModule *module;
    TdDipDriver driver;
    TdSnapshot *resolvers; /* ResolverTable */
} Enum;

/* --- Settings ---------------------------------------------------------------------------- */

static bool
is_set (const TdConfig *config, const char *name, const char *key)
{
    return td_config_is_set (config, TD_DIP_SECTION, name, key);
}

/* RFC 1035 2.3.1, and underscores, which private trees have. */
static bool
is_domain (const char *text)
{
    g_auto (GStrv) labels = g_strsplit (text, ".", -1);

    for (char **label = labels; *label != NULL; label++) {
        size_t len = strlen (*label);
        if (len == 0 || len > 63
            || strspn (*label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
                   != len) {
            return false;
        }
    }
    return labels[0] != NULL && strlen (text) <= MAX_SUFFIX;
}

/* As libunbound has it (transfer full), NULL: TEXT is no address. */
static char *
read_server (const char *text)
{
    char host[TD_ADDRESS_TEXT_SIZE];
    TdAddress address;

    return td_address_parse (text, DNS_PORT, &address) ? g_strdup_printf (
               "%s@%u", td_address_print_host (&address, host), td_address_port (&address))
                                                       : NULL;
}

static bool
check_servers (const TdConfig *config, const char *name, GError **error)
{
    const char *const *servers = td_config_list (config, TD_DIP_SECTION, name, "servers");

    for (unsigned i = 0; servers[i] != NULL; i++) {
        g_autofree char *server = read_server (servers[i]);
        if (server == NULL) {
            return td_config_refuse (config, TD_DIP_SECTION, name, "servers", servers[i], error,
                                     "is no address: write it as 192.0.2.53, or 192.0.2.53:5353");
        }
    }
    return true;
}

static bool
check_one (const TdConfig *config, const char *name, GError **error)
{
    if (!is_set (config, name, "suffix")) {
        return td_config_refuse (config, TD_DIP_SECTION, name, "driver", NULL, error,
                                 "there is no suffix: say below which domain to ask");
    }
    const char *suffix = td_config_text (config, TD_DIP_SECTION, name, "suffix");
    if (!is_domain (suffix)) {
        return td_config_refuse (config, TD_DIP_SECTION, name, "suffix", suffix, error,
                                 "is no domain: write it as e164.carrier.example");
    }
    return check_servers (config, name, error);
}

static bool
check (const TdConfig *config, GError **error)
{
    return td_dip_check (config, DRIVER, keys, G_N_ELEMENTS (keys), check_one, error);
}

static void
read_settings (EnumSettings *settings, const TdConfig *config, const char *name)
{
    const char *const *servers = td_config_list (config, TD_DIP_SECTION, name, "servers");
    GPtrArray *read = g_ptr_array_new ();

    for (unsigned i = 0; servers[i] != NULL; i++) {
        g_ptr_array_add (read, read_server (servers[i]));
    }
    g_ptr_array_add (read, NULL);
    *settings = (EnumSettings){
        .suffix = g_strdup (td_config_text (config, TD_DIP_SECTION, name, "suffix")),
        .servers = (char **) g_ptr_array_free (read, FALSE),
    };
}

static bool
is_same (const EnumSettings *a, const EnumSettings *b)
{
    return strcmp (a->suffix, b->suffix) == 0
           && g_strv_equal ((const char *const *) a->servers, (const char *const *) b->servers);
}

/* --- Resolvers --------------------------------------------------------------------------- */

static void
table_unused (TdTable *table)
{
    ResolverTable *resolvers = (ResolverTable *) table;

    g_hash_table_unref (resolvers->resolvers);
    g_free (resolvers);
}

static void
drop_resolver (void *data)
{
    resolver_unref (data);
}

static Resolver *
find (const ResolverTable *table, const char *name)
{
    return table != NULL ? g_hash_table_lookup (table->resolvers, name) : NULL;
}

static const ResolverTable *
current (const Enum *state)
{
    return (const ResolverTable *) td_snapshot_peek (state->resolvers);
}

/* The one of BEFORE (nullable) where nothing has changed, or a new one. */
static Resolver *
make_resolver (Enum *state, const ResolverTable *before, const TdConfig *config, const char *name,
               GError **error)
{
    Resolver *same = find (before, name), *made = NULL;
    EnumSettings settings;

    read_settings (&settings, config, name);
    made = same != NULL && is_same (resolver_settings (same), &settings)
               ? resolver_ref (same)
               : resolver_new (state->module, name, &settings, error);
    enum_settings_clear (&settings);
    return made;
}

static ResolverTable *
make_table (Enum *state, const ResolverTable *before, const TdConfig *config, GError **error)
{
    const char *const *names = td_config_instances (config, TD_DIP_SECTION);
    ResolverTable *table = g_new0 (ResolverTable, 1);

    td_table_init (&table->table, table_unused);
    table->resolvers = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, drop_resolver);
    for (unsigned i = 0; names[i] != NULL; i++) {
        if (!td_dip_is_for (config, names[i], DRIVER)) {
            continue;
        }
        Resolver *resolver = make_resolver (state, before, config, names[i], error);
        if (resolver == NULL) {
            td_table_unref (&table->table);
            return NULL;
        }
        g_hash_table_insert (table->resolvers, (void *) resolver_name (resolver), resolver);
    }
    return table;
}

static const char *
ask (TdDipQuestion *question, void *data)
{
    Resolver *resolver = find (current (data), question->dip);

    return resolver != NULL ? resolver_ask (resolver, question)
                            : "the driver enum does not have it";
}

static void
cancel (TdDipQuestion *question, void *data)
{
    resolver_cancel (question);
}

/* --- Life -------------------------------------------------------------------------------- */

static bool
start (TdModule *module, GError **error)
{
    Enum *state = g_new0 (Enum, 1);

    state->module = module;
    td_module_set_state (module, state);
    ResolverTable *table = make_table (state, NULL, td_module_config (module), error);
    if (table == NULL) {
        return false;
    }
    state->resolvers = td_snapshot_new (module, "resolvers", &table->table);
    state->driver =
        (TdDipDriver){ .size = sizeof (TdDipDriver), .data = state, .ask = ask, .cancel = cancel };
    return td_feature_provide (module, TD_FEATURE_DIP DRIVER, &state->driver, error);
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    Enum *state = td_module_state (module);
    g_autoptr (GError) trouble = NULL;

    if (phase == TD_RELOAD_COMMIT) {
        ResolverTable *table = make_table (state, current (state), next, &trouble);
        if (table == NULL) {
            td_log_error (module, "reload", "%s; the servers before stay", trouble->message);
            return true;
        }
        td_snapshot_swap (state->resolvers, &table->table);
    }
    return true;
}

/* Each resolver uses the module until its last question is over. */
static void
stop (TdModule *module)
{
    const Enum *state = td_module_state (module);

    td_snapshot_swap (state->resolvers, NULL);
}

static void
unload (TdModule *module)
{
    g_free (td_module_state (module));
}

/* Libunbound starts a thread and brings a library of cryptography along. */
TD_MODULE_NAMED ("dip-enum", .summary = "Asks the DNS where numbers are served", .version = "1.0",
                 .license = "LGPL-2.1-or-later", .flags = TD_MODULE_RESIDENT,
                 .provides = TD_LIST (TD_FEATURE_DIP DRIVER), .config = sections,
                 .n_config = G_N_ELEMENTS (sections), .upgrade = TD_UPGRADE_BESIDE, .start = start,
                 .reload = reload, .stop = stop, .unload = unload, .check = check)
