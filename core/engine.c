/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine: the order in which everything starts, is reloaded and stops.
 *
 *     open   files -> which modules -> lanes, bus, hooks, calls -> modules mapped -> schema whole
 *            -> configuration checked -> modules loaded
 *     start  modules started, each after those it needs
 *     close  no new calls -> drain -> calls released -> modules stopped and unmapped -> lanes ended
 *
 * It is the one place that knows every room; nothing but main.c knows it.
 */

#include "declared.h"
#include "engine-inside.h"
#include "report.h"
#include "state-folder.h"

#include "base/log.h"
#include "base/metric.h"
#include "base/version.h"
#include "call/call.h"
#include "call/codec.h"
#include "call/driver.h"
#include "call/media.h"
#include "call/settings.h"
#include "config/config.h"
#include "config/loss.h"
#include "config/reload.h"
#include "config/schema.h"
#include "module/note.h"
#include "module/registry.h"
#include "operate/operate.h"
#include "run/bus.h"
#include "run/hook.h"
#include "run/lane.h"
#include "run/socket.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <tandem/engine.h>
#include <tandem/log.h>

#ifndef TD_MODULE_DIR
#define TD_MODULE_DIR "/usr/lib/tandem/modules"
#endif

enum {
    CLOSE_STEP_MS = 20,
    RELEASE_MS = 4000,       /* of calls, once they are released */
    STRAGGLERS_MS = 1000,    /* of those whose media do not end */
    STOP_DEADLINE_MS = 5000, /* of modules, once no call is left */
};

static struct {
    bool is_open, is_started, is_fake;
    bool is_whole; /* no required module has failed, none refuses the configuration */
    char *config_file;
    char **overrides;
    char **module_path;
    char *state_dir;
    TdConfig *config;
    TdRegistry *registry;

    TdTimer close_timer;
    int64_t next_step_us; /* of closing: calls are released, then abandoned */
    bool is_releasing, is_closed;
} engine;

/* --- Configuration ----------------------------------------------------------------------- */

static TdIni *
read_files (GPtrArray *problems)
{
    return engine.config_file != NULL ? td_ini_load (engine.config_file, problems)
                                      : td_ini_new_empty ();
}

/* What INI says by the schema of now. FLAGS: of td_config_check(). */
static TdConfig *
check_files (TdIni *ini, unsigned flags, const TdConfig *earlier, GPtrArray *problems,
             GError **error)
{
    g_autoptr (TdSchema) schema = td_declared_schema (engine.registry, earlier, error);

    if (schema == NULL) {
        return NULL;
    }
    TdConfig *config =
        td_config_check (ini, (const char *const *) engine.overrides, schema, flags, problems);
    td_problems_sort (problems);
    return config;
}

/* The files as they are now. */
static TdConfig *
read_config (const TdConfig *earlier, GPtrArray *problems, GError **error)
{
    g_autoptr (TdIni) ini = read_files (problems);

    return check_files (ini, 0, earlier, problems, error);
}

/* --- Opening ----------------------------------------------------------------------------- */

static TdConfig *
configure_module (TdModule *module, void *data, GError **error)
{
    g_autoptr (GPtrArray) problems = td_problems_new ();
    g_autoptr (TdConfig) config = read_config (engine.config, problems, error);

    if (config == NULL || !td_report_problems (problems, NULL, NULL, error)) {
        return NULL;
    }
    return g_steal_pointer (&config);
}

static void
take_config (TdConfig *config)
{
    TdConfig *old = engine.config;

    engine.config = td_config_ref (config);
    td_registry_set_config (engine.registry, config);
    td_call_settings_swap (config);
    td_calls_set_limit (config);
    td_descriptors_reserve (
        (unsigned) td_config_number (config, "tandem", NULL, "descriptor-reserve"));
    td_log_set_level ((TdLogLevel) td_config_number (config, "tandem", NULL, "log-level"));
    g_clear_pointer (&old, td_config_unref);
}

static void
module_configured (TdModule *module, TdConfig *config, void *data)
{
    take_config (config);
}

static void
release_if_served (TdCall *call, void *data)
{
    TdCause cause = td_cause (TD_CAUSE_TEMPORARY_FAILURE, "The module that serves it is stopping");

    for (unsigned i = 0; i < call->legs->len; i++) {
        TdChannel *leg = call->legs->pdata[i];
        if (td_channel_is_alive (leg) && td_channel_module (leg) == data) {
            td_call_release_by_id (NULL, td_call_id (call), &cause);
            return;
        }
    }
}

static void
evict_on_lane (TdLane *lane, void *data)
{
    if (lane != td_lane_control ()) {
        td_calls_each (release_if_served, data);
    }
}

static void
nothing_more (void *data)
{
}

static void
evict_calls (TdModule *module, void *data)
{
    td_lane_sweep (NULL, evict_on_lane, nothing_more, nothing_more, module);
}

static void
note_text (const char *problem, void *data)
{
    g_ptr_array_add (data, g_strdup (problem));
}

static TdConfig *
current_config (void)
{
    return engine.config;
}

/* The files as they are now, with all problems told. */
static TdConfig *
read_again (TdProblemVisit visit, void *data)
{
    g_autoptr (GPtrArray) problems = td_problems_new ();
    g_autoptr (GError) error = NULL;
    TdConfig *next = read_config (engine.config, problems, &error);

    if (next == NULL) {
        visit (error->message, data);
        return NULL;
    }
    td_declared_lanes (next, problems);
    td_declared_check_trunks (next, problems);
    if (td_report_problems (problems, visit, data, NULL)) {
        g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
        td_registry_check (engine.registry, next, texts);
        td_report_texts (texts, TD_ERROR_INVALID, visit, data, NULL);
    }
    return next;
}

/* Whoever hung up on us reads the log. */
static void
log_what_waits (const TdConfig *before, const TdConfig *after)
{
    g_autoptr (GPtrArray) changes = td_config_diff (before, after);

    for (unsigned i = 0; i < changes->len; i++) {
        const TdChange *change = changes->pdata[i];
        if (change->needs_restart) {
            g_autoptr (GString) text = g_string_new (NULL);
            td_change_print (change, text);
            td_log_warning (NULL, "reload", "not in force yet: %s", text->str);
        }
    }
}

/* Whether NEXT takes nothing away that hardly anybody means to. */
static bool
is_no_loss (const TdConfig *next, TdProblemVisit visit, void *data)
{
    g_autoptr (GPtrArray) losses = td_problems_new ();

    td_config_find_losses (engine.config, next, losses);
    return td_report_problems (losses, visit, data, NULL);
}

static bool
take_files (bool is_forced, TdProblemVisit visit, void *data)
{
    g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (TdConfig) next = read_again (note_text, problems);

    td_report_texts (problems, TD_ERROR_INVALID, visit, data, NULL);
    if (next == NULL || problems->len > 0 || (!is_forced && !is_no_loss (next, visit, data))) {
        return false;
    }
    bool is_ready = td_registry_prepare (engine.registry, next, texts);
    td_report_texts (texts, TD_ERROR_REFUSED, visit, data, NULL);
    if (is_ready) {
        log_what_waits (current_config (), next);
        td_registry_commit (engine.registry, next);
        take_config (next);
    }
    return is_ready;
}

static bool
is_ready (void)
{
    return engine.is_started;
}

static void
open_rooms (const TdEngineOptions *options, const TdConfig *config, unsigned n_lanes)
{
    unsigned boot = options->is_fake ? 1 : td_state_folder_next_boot (engine.state_dir);

    td_metric_set_lanes (n_lanes);
    td_lanes_open (&(TdLanesOptions){
        .n_lanes = n_lanes, .is_fake = options->is_fake, .seed = options->seed, .boot = boot });
    td_bus_open (td_config_text (config, "tandem", NULL, "node"), boot);
    td_hooks_open ();
    td_drivers_open ();
    td_codecs_open ();
    td_media_open ();
    td_call_settings_open ((TdConfig *) config);
    td_calls_open (config);
    td_descriptors_reserve (
        (unsigned) td_config_number (config, "tandem", NULL, "descriptor-reserve"));
    engine.registry = td_registry_open (&(TdRegistryOptions){
        .module_path = (const char *const *) engine.module_path,
        .state_dir = engine.state_dir,
        .configure = configure_module,
        .configured = module_configured,
        .evict = evict_calls,
    });
    td_operate_open (&(TdOperateOptions){
        .current = current_config,
        .read = read_again,
        .reload = take_files,
        .is_ready = is_ready,
    });
    td_registry_add_commands (engine.registry);
    engine.is_open = true;
}

/* What [modules] wishes, with its places (transfer full; the places are the caller's to free). */
static GArray *
read_wishes (const TdConfig *config)
{
    const TdConfigBlock *block = td_config_find_block (config, "modules", NULL);
    GArray *wishes = g_array_new (false, false, sizeof (TdModuleWish));

    for (unsigned i = 0; block->any_names != NULL && i < block->any_names->len; i++) {
        const char *name = block->any_names->pdata[i];
        if (name != NULL) {
            TdModuleWish wish = {
                .name = name,
                .policy = (TdModulePolicy) td_config_number (config, "modules", NULL, name),
                .place = td_config_place (config, "modules", NULL, name),
            };
            g_array_append_val (wishes, wish);
        }
    }
    return wishes;
}

/* The options' folders come first: what they bring is there beside all that is installed. */
static char **
find_module_path (const TdEngineOptions *options)
{
    const char *from_environment = g_getenv ("TANDEM_MODULE_PATH");
    g_autoptr (GStrvBuilder) path = g_strv_builder_new ();

    if (options->module_path != NULL) {
        g_strv_builder_addv (path, (const char **) options->module_path);
    }
    if (from_environment != NULL && *from_environment != '\0') {
        g_auto (GStrv) folders = g_strsplit (from_environment, ":", -1);
        g_strv_builder_addv (path, (const char **) folders);
    } else {
        g_strv_builder_add (path, TD_MODULE_DIR);
    }
    return g_strv_builder_end (path);
}

static void
open_log (const TdConfig *config)
{
    static bool is_glib_captured; /* GLib takes its writer once in the life of a process */

    td_log_open (&(TdLogOptions){
        .level = (TdLogLevel) td_config_number (config, "tandem", NULL, "log-level"),
        .format = (TdLogFormat) td_config_number (config, "tandem", NULL, "log-format"),
    });
    if (!engine.is_fake && !is_glib_captured) {
        td_log_capture_glib ();
        is_glib_captured = true;
    }
}

/* An optional module that is broken takes nothing with it but what others add to its sections. */
static void
report_orphans (const TdConfig *config)
{
    GHashTableIter iter;
    void *section, *owner;

    g_hash_table_iter_init (&iter, config->schema->orphans);
    while (g_hash_table_iter_next (&iter, &section, &owner)) {
        td_log_warning (
            NULL, "modules",
            "%s adds keys to section [%s], which no module that is loaded declares: they "
            "say nothing until the one that does is loaded, too",
            (const char *) owner, (const char *) section);
    }
}

static bool
open_and_check (const TdEngineOptions *options, GPtrArray *problems, GPtrArray *texts,
                GError **error)
{
    g_autoptr (GPtrArray) ignored = td_problems_new ();
    g_autoptr (TdConfig) first = NULL;

    engine.config_file = g_strdup (options->config_file);
    engine.overrides = g_strdupv ((char **) options->overrides);
    engine.module_path = find_module_path (options);
    engine.is_fake = options->is_fake;
    /* Once: there may be 100,000 sections. */
    g_autoptr (TdIni) ini = read_files (problems);
    td_ini_find_losses (ini, options->overrides, problems);
    first = check_files (ini, TD_CHECK_DECLARED_ONLY, NULL, ignored, error);
    if (first == NULL) {
        return false;
    }
    engine.state_dir = td_state_folder_make (options->state_dir, first, error);
    if (engine.state_dir == NULL) {
        return false;
    }
    open_log (first);
    open_rooms (options, first, td_declared_lanes (first, ignored));

    g_autoptr (GArray) wishes = read_wishes (first);
    if (wishes->len == 0 && engine.config_file != NULL && !engine.is_fake) {
        td_log_warning (NULL, "modules",
                        "%s names no module under [modules]: this switch can do "
                        "nothing",
                        engine.config_file);
    }
    engine.is_whole = td_registry_map_all (engine.registry, (const TdModuleWish *) wishes->data,
                                           wishes->len, texts);
    engine.config = check_files (ini, 0, first, problems, error);
    if (engine.config == NULL) {
        return false;
    }
    report_orphans (engine.config);
    td_declared_lanes (engine.config, problems);
    td_declared_check_trunks (engine.config, problems);
    td_problems_sort (problems);
    if (problems->len == 0) {
        unsigned n_before = texts->len;
        td_registry_check (engine.registry, engine.config, texts);
        engine.is_whole &= texts->len == n_before;
    }
    take_config (engine.config);
    return true;
}

const TdConfig *
td_engine_open_and_check (const TdEngineOptions *options, GPtrArray *problems, GPtrArray *texts,
                          GError **error)
{
    g_return_val_if_fail (!engine.is_open, NULL);
    if (!open_and_check (options, problems, texts, error)) {
        td_engine_close (0);
    }
    return engine.config;
}

bool
td_engine_open (const TdEngineOptions *options, TdProblemVisit visit, void *data, GError **error)
{
    g_autoptr (GPtrArray) problems = td_problems_new ();
    g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);

    if (td_engine_open_and_check (options, problems, texts, error) == NULL) {
        return false;
    }
    bool is_good = td_report_problems (problems, visit, data, error);
    td_report_texts (texts, TD_ERROR_NOT_FOUND, visit, data,
                     is_good && !engine.is_whole ? error : NULL);
    is_good &= engine.is_whole;
    if (!is_good) {
        td_engine_close (0);
    }
    return is_good;
}

/* --- Starting, running, reloading -------------------------------------------------------- */

bool
td_engine_start (TdProblemVisit visit, void *data, GError **error)
{
    g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
    bool is_whole = td_registry_load_all (engine.registry, texts)
                    && td_registry_start_all (engine.registry, texts);

    td_report_texts (texts, TD_ERROR_REFUSED, visit, data, is_whole ? NULL : error);
    engine.is_started = is_whole;
    return is_whole;
}

void
td_engine_run (void)
{
    td_lanes_run ();
}

void
td_engine_quit (void)
{
    td_lanes_quit ();
}

bool
td_engine_reload (TdProblemVisit visit, void *data)
{
    return take_files (false, visit, data);
}

/* --- Closing ----------------------------------------------------------------------------- */

static void
release_call (TdCall *call, void *data)
{
    TdCause cause = td_cause (TD_CAUSE_TEMPORARY_FAILURE, "The switch is stopping");

    td_call_release_by_id (NULL, td_call_id (call), &cause);
}

static void
release_on_lane (TdLane *lane, void *data)
{
    if (lane != td_lane_control ()) {
        td_calls_each (release_call, NULL);
    }
}

static void
modules_stopped (void *data)
{
    engine.is_closed = true;
    td_lanes_quit ();
}

static void
abandon_call (TdCall *call, void *data)
{
    td_call_abandon (call);
}

static void
abandon_on_lane (TdLane *lane, void *data)
{
    if (lane != td_lane_control ()) {
        td_calls_each (abandon_call, NULL);
    }
}

static void
release_all (void)
{
    td_log_notice (NULL, "stop", "the time to drain is over: calls under way are released, %u",
                   td_calls_count ());
    engine.is_releasing = true;
    engine.next_step_us = td_clock_now_us () + (int64_t) RELEASE_MS * 1000;
    td_lane_sweep (NULL, release_on_lane, nothing_more, nothing_more, NULL);
}

/* Peers had time for a message that was lost; who is silent keeps nobody from stopping. */
static void
abandon_all (void)
{
    td_log_warning (NULL, "stop", "calls whose peers do not answer end without them, %u",
                    td_calls_count ());
    engine.next_step_us = td_clock_now_us () + (int64_t) STRAGGLERS_MS * 1000;
    td_lane_sweep (NULL, abandon_on_lane, nothing_more, nothing_more, NULL);
}

/* Looks now and then whether the calls are gone; after the drain time ends them. */
static void
go_on_closing (TdTimer *timer)
{
    if (td_calls_count () == 0) {
        td_registry_stop_all (engine.registry, STOP_DEADLINE_MS, modules_stopped, NULL);
        return;
    }
    if (td_clock_now_us () >= engine.next_step_us) {
        if (engine.is_releasing) {
            abandon_all ();
        } else {
            release_all ();
        }
    }
    td_timer_start (timer, CLOSE_STEP_MS);
}

static void
drain (uint32_t drain_ms)
{
    td_calls_refuse_new ();
    engine.is_closed = engine.is_releasing = false;
    engine.next_step_us = td_clock_now_us () + (int64_t) drain_ms * 1000;
    if (td_calls_count () > 0 && drain_ms > 0) {
        td_log_notice (NULL, "stop", "no new calls; those under way, %u, have %u s to end",
                       td_calls_count (), drain_ms / 1000);
    }
    td_timer_init (&engine.close_timer, NULL, go_on_closing);
    go_on_closing (&engine.close_timer);
    while (!engine.is_closed) {
        if (engine.is_fake) {
            td_lanes_advance (CLOSE_STEP_MS);
        } else {
            td_lanes_run ();
        }
    }
}

static void
close_rooms (void)
{
    g_clear_pointer (&engine.registry, td_registry_close);
    td_operate_close ();
    td_owner_revoke_all (&td_owner_core, NULL, NULL);
    td_calls_close ();
    if (engine.is_fake) {
        td_lanes_settle ();
    }
    td_lanes_close ();
    td_call_settings_close ();
    td_media_close ();
    td_codecs_close ();
    td_drivers_close ();
    td_hooks_close ();
    td_bus_close ();
}

void
td_engine_close (uint32_t drain_ms)
{
    if (engine.is_open) {
        drain (drain_ms);
        close_rooms ();
    }
    td_log_close ();
    g_clear_pointer (&engine.config, td_config_unref);
    g_free (engine.config_file);
    g_strfreev (engine.overrides);
    g_strfreev (engine.module_path);
    g_free (engine.state_dir);
    memset (&engine, 0, sizeof (engine));
}

/* --- For tandemd ------------------------------------------------------------------------- */

uint32_t
td_engine_drain_ms (void)
{
    return (uint32_t) td_config_number (engine.config, "tandem", NULL, "drain");
}

const char *
td_engine_version (void)
{
    return td_version_text ();
}

bool
td_engine_dump_module (const char *file, FILE *out)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *text = td_note_dump (file, &error);

    fprintf (out, "%s\n", text != NULL ? text : error->message);
    return text != NULL;
}

/* --- Fake engines ------------------------------------------------------------------------ */

bool
td_engine_step (void)
{
    return td_lanes_step ();
}

void
td_engine_settle (void)
{
    td_lanes_settle ();
}

void
td_engine_advance (uint32_t ms)
{
    td_lanes_advance (ms);
}
