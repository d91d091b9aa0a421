/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dip-sql: asks a database where numbers are served: a file of SQLite, or a PostgreSQL server.
 *
 *     [dip lnp]
 *     driver = sql
 *     server = postgresql://tandem@db1/portability
 *     query  = SELECT routing_number FROM ported WHERE number = $1
 */

#include "source.h"

#include <string.h>
#include <tandem/log.h>
#include <tandem/snapshot.h>

#define DRIVER "sql"

static const TdConfigKey keys[] = {
    { .name = "database",
      .type = TD_CONFIG_PATH,
      .flags = TD_CONFIG_RELOADABLE,
      .help = "driver = sql: the SQLite file that is asked.",
      .since = "0.1" },
    { .name = "server",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_SECRET | TD_CONFIG_RELOADABLE,
      .help = "driver = sql: instead of a file, the PostgreSQL database that is asked, as "
              "postgresql://USER@HOST/DATABASE. A password is better kept in ~/.pgpass.",
      .since = "0.1" },
    { .name = "query",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .help = "driver = sql: the statement, with one parameter for the number (?1 in SQLite, $1 in "
              "PostgreSQL), as +12125551234. Its row has the routing number, then, where it is "
              "known, the carrier, then for how many seconds that holds; no row: the number is not "
              "there.",
      .since = "0.1" },
    { .name = "connections",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .unit = "connections",
      .default_text = "4",
      .min = 1,
      .max = 32,
      .help = "driver = sql: how many questions a server is asked at a time.",
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

/* name -> Source, as long as lanes may look */
typedef struct {
    TdTable table; /* first */
    GHashTable *sources;
} SourceTable;

typedef struct {
    TdModule *module;
    TdDipDriver driver;
    TdSnapshot *sources; /* SourceTable */
} Sql;

/* --- Settings ---------------------------------------------------------------------------- */

static bool
is_set (const TdConfig *config, const char *name, const char *key)
{
    return td_config_is_set (config, TD_DIP_SECTION, name, key);
}

static bool
check_server (const TdConfig *config, const char *name, GError **error)
{
#ifdef HAVE_POSTGRESQL
    const char *uri = td_config_text (config, TD_DIP_SECTION, name, "server");
    bool is_uri = g_str_has_prefix (uri, "postgresql://") || g_str_has_prefix (uri, "postgres://");

    return (is_uri && postgresql_can_read (uri))
           || td_config_refuse (
               config, TD_DIP_SECTION, name, "server", NULL, error,
               "the value is not postgresql://USER@HOST/DATABASE; what is special in a password is "
               "written as %%40 for @, %%2F for /");
#else
    return td_config_refuse (config, TD_DIP_SECTION, name, "server", NULL, error,
                             "this build knows no PostgreSQL: build it with libpq and "
                             "-Dpostgresql=enabled, or name a database");
#endif
}

static bool
check_one (const TdConfig *config, const char *name, GError **error)
{
    bool has_file = is_set (config, name, "database"), has_server = is_set (config, name, "server");

    if (has_file == has_server) {
        return td_config_refuse (config, TD_DIP_SECTION, name, "driver", NULL, error,
                                 has_file
                                     ? "there are both database and server: take one of them out"
                                     : "there is neither database nor server: say where to ask");
    }
    if (!is_set (config, name, "query")) {
        return td_config_refuse (config, TD_DIP_SECTION, name, "driver", NULL, error,
                                 "there is no query: say what to ask");
    }
    return !has_server || check_server (config, name, error);
}

static bool
check (const TdConfig *config, GError **error)
{
    return td_dip_check (config, DRIVER, keys, G_N_ELEMENTS (keys), check_one, error);
}

static void
read_settings (SqlSettings *settings, const TdConfig *config, const char *name)
{
    *settings = (SqlSettings){
        .database = g_strdup (td_config_text (config, TD_DIP_SECTION, name, "database")),
        .server = g_strdup (td_config_text (config, TD_DIP_SECTION, name, "server")),
        .query = g_strdup (td_config_text (config, TD_DIP_SECTION, name, "query")),
        .n_connections = (unsigned) td_config_number (config, TD_DIP_SECTION, name, "connections"),
    };
}

/* --- Sources ----------------------------------------------------------------------------- */

static void
table_unused (TdTable *table)
{
    SourceTable *sources = (SourceTable *) table;

    g_hash_table_unref (sources->sources);
    g_free (sources);
}

static void
drop_source (void *data)
{
    source_unref (data);
}

static Source *
find (const SourceTable *table, const char *name)
{
    return table != NULL ? g_hash_table_lookup (table->sources, name) : NULL;
}

static const SourceTable *
current (const Sql *sql)
{
    return (const SourceTable *) td_snapshot_peek (sql->sources);
}

/* Ends those that are not in NEXT (nullable). */
static void
end_others (const SourceTable *table, const SourceTable *next)
{
    GHashTableIter iter;
    void *source;

    if (table == NULL) {
        return;
    }
    g_hash_table_iter_init (&iter, table->sources);
    while (g_hash_table_iter_next (&iter, NULL, &source)) {
        if (find (next, ((const Source *) source)->name) != source) {
            source_end (source);
        }
    }
}

/* Takes what is the same from BEFORE (nullable), and starts what is new. */
static SourceTable *
make_table (Sql *sql, const SourceTable *before, const TdConfig *config, GError **error)
{
    const char *const *names = td_config_instances (config, TD_DIP_SECTION);
    SourceTable *table = g_new0 (SourceTable, 1);

    td_table_init (&table->table, table_unused);
    table->sources = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, drop_source);
    for (unsigned i = 0; names[i] != NULL; i++) {
        SqlSettings settings;
        if (!td_dip_is_for (config, names[i], DRIVER)) {
            continue;
        }
        read_settings (&settings, config, names[i]);
        Source *source = find (before, names[i]);
        if (source != NULL && sql_settings_equal (&source->settings, &settings)) {
            source_ref (source);
        } else {
            source = source_new (sql->module, names[i], &settings, error);
        }
        sql_settings_clear (&settings);
        if (source == NULL) {
            end_others (table, before);
            td_table_unref (&table->table);
            return NULL;
        }
        g_hash_table_insert (table->sources, source->name, source);
    }
    return table;
}

static const char *
ask (TdDipQuestion *question, void *data)
{
    Source *source = find (current (data), question->dip);

    return source != NULL ? source_ask (source, question) : "the driver sql does not have it";
}

static void
cancel (TdDipQuestion *question, void *data)
{
    source_cancel (question);
}

/* --- Life -------------------------------------------------------------------------------- */

static bool
start (TdModule *module, GError **error)
{
    Sql *sql = g_new0 (Sql, 1);

    sql->module = module;
    td_module_set_state (module, sql);
    SourceTable *table = make_table (sql, NULL, td_module_config (module), error);
    if (table == NULL) {
        return false;
    }
    sql->sources = td_snapshot_new (module, "sources", &table->table);
    sql->driver =
        (TdDipDriver){ .size = sizeof (TdDipDriver), .data = sql, .ask = ask, .cancel = cancel };
    return td_feature_provide (module, TD_FEATURE_DIP DRIVER, &sql->driver, error);
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    Sql *sql = td_module_state (module);
    g_autoptr (GError) trouble = NULL;

    if (phase == TD_RELOAD_COMMIT) {
        const SourceTable *before = current (sql);
        SourceTable *table = make_table (sql, before, next, &trouble);
        if (table == NULL) {
            td_log_error (module, "reload", "%s; the sources before stay", trouble->message);
            return true;
        }
        end_others (before, table);
        td_snapshot_swap (sql->sources, &table->table);
    }
    return true;
}

static void
stop (TdModule *module)
{
    Sql *sql = td_module_state (module);

    end_others (current (sql), NULL);
}

static void
unload (TdModule *module)
{
    g_free (td_module_state (module));
}

TD_MODULE_NAMED ("dip-sql", .summary = "Asks a database where numbers are served", .version = "1.0",
                 .license = "LGPL-2.1-or-later", .provides = TD_LIST (TD_FEATURE_DIP DRIVER),
                 .config = sections, .n_config = G_N_ELEMENTS (sections),
                 .upgrade = TD_UPGRADE_BESIDE, .start = start, .reload = reload, .stop = stop,
                 .unload = unload, .check = check)
