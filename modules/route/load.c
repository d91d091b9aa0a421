/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the file to compiled tables: when it starts, and whenever there is a new version. */

#include "route.h"

#include "compile.h"
#include "dip-settings.h"

#include <glib/gstdio.h>
#include <tandem/log.h>

enum { BUSY_MS = 2000 };

struct Loading {
    TdWork work; /* first */
    Route *route;
    TdConfig *config; /* which trunks and dips there are */
    /* The version in use, or refused: it need not be read again. Its time as well: a file that was
     * made anew counts from 1 again. */
    int64_t known, known_us;
    uint64_t seen;
    RouteTables *result; /* NULL: there is nothing new, or ERROR */
    GError *error;
};

/* --- Reading ----------------------------------------------------------------------------- */

static void
tables_unused (TdTable *table)
{
    RouteTables *tables = (RouteTables *) table;

    g_clear_pointer (&tables->tables, tables_free);
    findings_free (tables->findings);
    g_free (tables);
}

static bool
is_section (const char *section, const char *name, void *data)
{
    return g_strv_contains (td_config_instances (data, section), name);
}

/* A dip that nobody asks was meant for something. */
static void
check_dips (const RouteTables *tables, const TdConfig *config)
{
    const char *const *dips = td_config_instances (config, DIP_SECTION_NAME);

    for (unsigned i = 0; tables->n_rows > 0 && dips[i] != NULL; i++) {
        if (!tables_have_dip (tables->tables, dips[i])) {
            findings_add (tables->findings, SCHEMA_INGRESS, 0, false,
                          "[dip %s]: no row of \"ingress\" names it, it is never asked", dips[i]);
        }
    }
}

/* The newest version of STORE, or NULL without an error when it is KNOWN, of KNOWN_US. */
static RouteTables *
read_newest (Store *store, const TdConfig *config, int64_t known, int64_t known_us, GError **error)
{
    int64_t newest, time_us, started_us = g_get_monotonic_time ();
    Compiled compiled;

    if (!store_newest (store, &newest, &time_us, error)
        || (newest == known && time_us == known_us)) {
        return NULL;
    }
    RouteTables *result = g_new0 (RouteTables, 1);
    td_table_init (&result->table, tables_unused);
    result->findings = findings_new ();
    if (!compile (store, STORE_NEWEST, is_section, (void *) config, &compiled, result->findings,
                  error)) {
        td_table_unref (&result->table);
        return NULL;
    }
    result->tables = compiled.tables;
    result->version = compiled.version;
    result->time_us = time_us;
    result->n_rows = compiled.n_rows;
    check_dips (result, config);
    result->took_s = (double) (g_get_monotonic_time () - started_us) / G_USEC_PER_SEC;
    return result;
}

static RouteTables *
load (const char *path, bool may_create, const TdConfig *config, int64_t known, int64_t known_us,
      GError **error)
{
    StoreOptions options = { .may_create = may_create, .busy_ms = BUSY_MS };
    g_autoptr (Store) store = store_open (path, &options, error);

    return store != NULL ? read_newest (store, config, known, known_us, error) : NULL;
}

/* Something that changes whenever the file or its log of writes does. */
static uint64_t
look_of (const char *path)
{
    static const char *const endings[] = { "", "-wal" };
    uint64_t look = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS (endings); i++) {
        g_autofree char *file = g_strconcat (path, endings[i], NULL);
        GStatBuf found;
        if (g_stat (file, &found) == 0) {
            look = (look ^ (uint64_t) found.st_size) * 31
                   + (uint64_t) found.st_mtim.tv_sec * UINT64_C (1000000000)
                   + (uint64_t) found.st_mtim.tv_nsec + found.st_ino;
        }
    }
    return look;
}

/* --- Taking over ------------------------------------------------------------------------- */

static void
set_trouble (Route *route, RouteTables *refused, char *trouble)
{
    if (trouble != NULL && g_strcmp0 (trouble, route->trouble) != 0) {
        td_log_error (route->module, "tables", "%s; the tables in use stay", trouble);
    }
    g_free (route->trouble);
    route->trouble = trouble;
    if (route->refused != NULL) {
        td_table_unref (&route->refused->table);
    }
    route->refused = refused;
}

/* The first mistake stands for all: "routing check" shows them. */
static char *
describe_mistakes (const RouteTables *tables)
{
    const Findings *findings = tables->findings;

    for (unsigned i = 0; i < findings->all->len; i++) {
        const Finding *finding = &g_array_index (findings->all, Finding, i);
        if (finding->is_error) {
            return g_strdup_printf ("version %" G_GINT64_FORMAT
                                    " has %u mistakes (\"routing check\" shows them), the first: "
                                    "%s line %u: %s",
                                    tables->version, findings->n_errors,
                                    schema_table (finding->table)->name, finding->line,
                                    finding->text);
        }
    }
    return g_strdup_printf ("version %" G_GINT64_FORMAT " has mistakes", tables->version);
}

static void
report (Route *route, const RouteTables *tables)
{
    td_metric_add (route->version_metric,
                   tables->version - td_metric_value (route->version_metric));
    td_log_notice (route->module, "tables",
                   "version %" G_GINT64_FORMAT ": %" G_GINT64_FORMAT " rows in %.1f MiB, read in "
                   "%.2f s, %u remarks",
                   tables->version, tables->n_rows,
                   (double) tables_size_bytes (tables->tables) / (1 << 20), tables->took_s,
                   tables->findings->all->len);
}

static void
take_over (Route *route, RouteTables *next)
{
    if (next->findings->n_errors > 0) {
        set_trouble (route, next, describe_mistakes (next));
        return;
    }
    set_trouble (route, NULL, NULL);
    report (route, next);
    td_snapshot_swap (route->current, &next->table);
}

RouteTables *
route_load_now (Route *route, GError **error)
{
    route->seen = look_of (route->path);
    RouteTables *tables = load (route->path, true, td_module_config (route->module), -1, 0, error);

    if (tables != NULL && tables->findings->n_errors > 0) {
        g_autofree char *mistakes = describe_mistakes (tables);
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "%s: %s: mend them with tandem-routes, or roll back", route->name, mistakes);
        td_table_unref (&tables->table);
        return NULL;
    }
    if (tables != NULL) {
        report (route, tables);
    }
    return tables;
}

/* --- On a worker ------------------------------------------------------------------------- */

static void
loading_free (Loading *loading)
{
    loading->route->loading = NULL;
    td_config_unref (loading->config);
    g_clear_error (&loading->error);
    g_free (loading);
}

static void
run_loading (TdWork *work)
{
    Loading *loading = (Loading *) work;

    loading->seen = look_of (loading->route->path);
    /* A file that has vanished is no empty one. */
    loading->result = load (loading->route->path, false, loading->config, loading->known,
                            loading->known_us, &loading->error);
}

static void
loaded (TdWork *work)
{
    Loading *loading = (Loading *) work;
    Route *route = loading->route;

    if (loading->result != NULL) {
        take_over (route, loading->result);
    } else if (loading->error != NULL) {
        set_trouble (route, NULL, g_strdup (loading->error->message));
    } else if (route->refused == NULL) {
        set_trouble (route, NULL, NULL); /* it can be read again, and is what is in use */
    }
    /* What could not be read is tried again. */
    route->seen = loading->error == NULL ? loading->seen : 0;
    route->is_stale |= loading->error != NULL && route->watch != NULL;
    bool has_result = loading->result != NULL;
    loading_free (loading);
    if (has_result && route->watch != NULL) {
        route_watch_ask (route->watch); /* another one may have come meanwhile */
    }
}

static void
drop_loading (TdWork *work)
{
    Loading *loading = (Loading *) work;

    if (loading->result != NULL) {
        td_table_unref (&loading->result->table);
    }
    loading_free (loading);
}

const RouteTables *
route_known (const Route *route)
{
    return route->refused != NULL ? route->refused : route_tables (route);
}

void
route_load (Route *route, bool is_forced)
{
    if (route->loading != NULL) {
        route->is_stale |= is_forced;
        return;
    }
    is_forced |= route->is_stale;
    if (!is_forced && route->watch == NULL && look_of (route->path) == route->seen) {
        return;
    }
    route->is_stale = false;
    Loading *loading = g_new0 (Loading, 1);
    loading->work = (TdWork){ .owner = route->module,
                              .queue = "route",
                              .run = run_loading,
                              .done = loaded,
                              .drop = drop_loading };
    loading->route = route;
    loading->config = td_config_ref (td_module_config (route->module));
    loading->known = is_forced ? -1 : route_known (route)->version;
    loading->known_us = route_known (route)->time_us;
    route->loading = loading;
    td_work_start (&loading->work);
}
