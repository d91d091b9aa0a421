/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cdr-file: a record for each answered, ended and failed call, a line each, in a file.
 *
 *     call.answered, call.ended --> spool --> take (), on a worker --> lines --> file
 */

#include "file.h"
#include "format.h"

#include <tandem/iface/record.h>
#include <tandem/log.h>
#include <tandem/module.h>

#include <string.h>

enum {
    RETRY_MS = 5000,
    SYNC_US = 100000, /* fsync = batch: how long a line may wait for the disk */
};

typedef enum {
    SYNC_ALWAYS,
    SYNC_BATCH,
    SYNC_NEVER,
} SyncPolicy;

/* What the configuration says. */
typedef struct {
    char *path;
    CdrFormat format;
    SyncPolicy sync;
    int64_t rotate_size_bytes;
    int64_t rotate_interval_us;
    char **records; /* names in lower case */
} Settings;

typedef struct {
    TdModule *module;
    TdSpool *spool;
    Settings *prepared; /* by a reload that is not committed yet */
    /* The worker's, between start() and end (): */
    Settings *settings;
    CdrFile file;
    int64_t synced_us;
    bool has_begun; /* take () has been there */
} State;

static const char *const formats[] = { "csv", "json", NULL };
static const char *const policies[] = { "always", "batch", "never", NULL };

static const TdConfigKey keys[] = {
    { .name = "path",
      .type = TD_CONFIG_PATH,
      .flags = TD_CONFIG_RELOADABLE,
      .help = "The file. Not given: cdr.csv or cdr.jsonl in the module's folder in state-dir.",
      .since = "0.1" },
    { .name = "format",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "csv",
      .choices = formats,
      .help = "How a record is written: csv (RFC 4180, with a line of column names) or json (one "
              "object a line).",
      .since = "0.1" },
    { .name = "records",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = TD_RECORD_DEFAULT,
      .choices = TD_RECORD_CHOICES,
      .help =
          "Which records are written: start when a call is answered, stop when an answered call "
          "ends, attempt when a call ends that was never answered.",
      .since = "0.1" },
    { .name = "fsync",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "batch",
      .choices = policies,
      .help = "When lines are brought to the disk: always (each batch at once), batch (at the "
              "latest after 100 ms), never (when the kernel likes).",
      .since = "0.1" },
    { .name = "rotate-size",
      .type = TD_CONFIG_SIZE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "0 B",
      .min = 0,
      .max = INT64_MAX,
      .help = "How large the file may grow before it is renamed and a new one begun; 0: no limit.",
      .since = "0.1" },
    { .name = "rotate-interval",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "0 s",
      .min = 0,
      .max = INT64_C (31) * 24 * 3600 * 1000,
      .help = "How often a new file is begun, counted from midnight UTC; 0: never.",
      .since = "0.1" },
    { .name = "spool",
      .type = TD_CONFIG_SIZE,
      .default_text = "64 MiB",
      .min = 64 * 1024,
      .max = INT64_MAX,
      .help = "How much memory records may take that wait while the file cannot be written.",
      .since = "0.1" },
};

static const TdConfigSection sections[] = {
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "cdr-file",
      .help = "Call detail records in a file.",
      .keys = keys,
      .n_keys = G_N_ELEMENTS (keys) },
};

/* --- Settings ---------------------------------------------------------------------------- */

static void
settings_free (void *data)
{
    Settings *settings = data;

    if (settings != NULL) {
        g_free (settings->path);
        g_strfreev (settings->records);
        g_free (settings);
    }
}

/* The file that CONFIG names (transfer full). */
static char *
find_path (TdModule *module, const TdConfig *config, CdrFormat format, GError **error)
{
    if (td_config_is_set (config, "cdr-file", NULL, "path")) {
        return g_strdup (td_config_text (config, "cdr-file", NULL, "path"));
    }
    const char *folder = td_module_state_dir (module, error);
    if (folder == NULL) {
        return NULL;
    }
    return g_build_filename (folder, format == CDR_FORMAT_CSV ? "cdr.csv" : "cdr.jsonl", NULL);
}

static Settings *
settings_new (TdModule *module, const TdConfig *config, GError **error)
{
    CdrFormat format = (CdrFormat) td_config_number (config, "cdr-file", NULL, "format");
    char *path = find_path (module, config, format, error);

    if (path == NULL) {
        return NULL;
    }
    Settings *settings = g_new0 (Settings, 1);
    settings->path = path;
    settings->format = format;
    settings->sync = (SyncPolicy) td_config_number (config, "cdr-file", NULL, "fsync");
    settings->rotate_size_bytes = td_config_number (config, "cdr-file", NULL, "rotate-size");
    settings->rotate_interval_us =
        td_config_number (config, "cdr-file", NULL, "rotate-interval") * 1000;
    settings->records = g_strdupv ((char **) td_config_list (config, "cdr-file", NULL, "records"));
    return settings;
}

/* --- The file ---------------------------------------------------------------------------- */

static void
set_up_file (CdrFile *file, const Settings *settings)
{
    g_autoptr (GString) head = g_string_new (NULL);

    cdr_format_append_head (settings->format, head, td_topic_find ("call.ended"));
    cdr_file_init (file, settings->path, head->str);
    file->rotate_size_bytes = settings->rotate_size_bytes;
    file->rotate_interval_us = settings->rotate_interval_us;
    file->is_never_synced = settings->sync == SYNC_NEVER;
}

static void
tell_news (TdModule *module, const char *path, CdrFileNews *news)
{
    if (news->n_cut_bytes > 0) {
        td_log_warning (module, path,
                        "the last line had no end, its %" G_GINT64_FORMAT
                        " bytes were taken off: whoever wrote it was killed meanwhile",
                        news->n_cut_bytes);
    }
    if (news->rotated_to != NULL) {
        td_log_info (module, path, "renamed to %s, and begun anew", news->rotated_to);
    }
    g_free (news->rotated_to);
}

/* Goes over to what a reload has committed. What the disk did not take goes along, unless it is of
 * another format. */
static void
configure (void *settings, void *data)
{
    State *state = data;
    CdrFormat format = state->settings->format;

    cdr_file_sync (&state->file, NULL);
    GString *owed = g_steal_pointer (&state->file.unsynced);
    cdr_file_clear (&state->file);
    settings_free (state->settings);
    state->settings = settings;
    set_up_file (&state->file, state->settings);
    if (format != state->settings->format && owed->len > 0) {
        td_log_error (state->module, state->settings->path,
                      "%zu bytes of records are lost: the file before did not take them, and they "
                      "are of another format",
                      owed->len);
        g_string_truncate (owed, 0);
    }
    cdr_file_owe (&state->file, owed);
}

/* Brings to the disk what the policy wants there by now. */
static bool
sync_as_told (State *state, uint32_t *ret_again_ms)
{
    int64_t now_us = td_clock_now_us ();

    if (state->file.unsynced->len == 0) {
        return true;
    }
    if (state->settings->sync == SYNC_BATCH && now_us - state->synced_us < SYNC_US) {
        *ret_again_ms = (uint32_t) ((state->synced_us + SYNC_US - now_us) / 1000) + 1;
        return true;
    }
    state->synced_us = now_us;
    return cdr_file_sync (&state->file, NULL);
}

/* A file that nobody writes to is rotated, too, when its time has come. */
static void
look_ahead (const State *state, int64_t now_us, uint32_t *ret_again_ms)
{
    int64_t interval_us = state->settings->rotate_interval_us;

    if (interval_us > 0) {
        int64_t wait_ms = (interval_us - now_us % interval_us + 999) / 1000;
        if (*ret_again_ms == 0 || wait_ms < *ret_again_ms) {
            *ret_again_ms = (uint32_t) wait_ms;
        }
    }
}

/* What the disk did not take is there before anything else is. */
static bool
pay (State *state, CdrFileNews *news, int64_t now_us, GError **error)
{
    g_autoptr (GString) nothing = g_string_new (NULL);

    return !state->file.is_owed
           || (cdr_file_append (&state->file, nothing, now_us, news, error)
               && cdr_file_sync (&state->file, error));
}

/* Puts the lines of FACTS into TEXT, but for those that TAIL (nullable) has: they were written by a
 * process that was killed before it could note so, and now they come again. */
static void
write_facts (const State *state, const TdFact *const *facts, unsigned n_facts, const GString *tail,
             GString *text)
{
    const char *const *chosen = (const char *const *) state->settings->records;

    for (unsigned i = 0; i < n_facts; i++) {
        const char *record = td_record_chosen_name (facts[i], chosen);
        gsize before = text->len;
        if (record == NULL) {
            continue;
        }
        cdr_format_append (state->settings->format, text, record, facts[i]);
        if (tail != NULL
            && memmem (tail->str, tail->len, text->str + before, text->len - before) != NULL) {
            g_string_truncate (text, before);
        }
    }
}

static bool
take (const TdFact *const *facts, unsigned n_facts, uint32_t *ret_again_ms, void *data,
      GError **error)
{
    State *state = data;
    g_autoptr (GString) text = g_string_new (NULL);
    CdrFileNews news = { 0 };
    int64_t now_us = td_clock_wall_us ();

    write_facts (state, facts, n_facts, NULL, text);
    if (!state->has_begun && text->len > 0) {
        g_autoptr (GString) tail = cdr_file_tail (&state->file, text->len);
        g_string_truncate (text, 0);
        write_facts (state, facts, n_facts, tail, text);
    }
    bool is_good = pay (state, &news, now_us, error)
                   && cdr_file_append (&state->file, text, now_us, &news, error);
    tell_news (state->module, state->settings->path, &news);
    if (!is_good) {
        cdr_file_rest (&state->file);
        return false;
    }
    state->has_begun |= n_facts > 0;
    if (!sync_as_told (state, ret_again_ms)) {
        *ret_again_ms = 1; /* the file has the lines, and owes them */
    }
    look_ahead (state, now_us, ret_again_ms);
    return true;
}

static void
end (void *data)
{
    State *state = data;
    g_autoptr (GError) error = NULL;
    CdrFileNews news = { 0 };

    if (!pay (state, &news, td_clock_wall_us (), &error) || !cdr_file_sync (&state->file, &error)) {
        td_log_error (state->module, state->settings->path, "%zu bytes of records may be lost: %s",
                      state->file.unsynced->len, error->message);
    }
    tell_news (state->module, state->settings->path, &news);
    cdr_file_clear (&state->file);
}

/* --- Life -------------------------------------------------------------------------------- */

static bool
load (TdModule *module, GError **error)
{
    State *state = g_new0 (State, 1);

    state->module = module;
    state->file.fd = -1;
    td_module_set_state (module, state);
    return true;
}

static void
unload (TdModule *module)
{
    State *state = td_module_state (module);

    cdr_file_clear (&state->file);
    settings_free (state->settings);
    g_free (state);
}

/* Opens and mends the file that SETTINGS name. */
static bool
open_file (CdrFile *file, const Settings *settings, CdrFileNews *news, GError **error)
{
    set_up_file (file, settings);
    if (cdr_file_open (file, news, error)) {
        return true;
    }
    cdr_file_clear (file);
    return false;
}

static bool
start (TdModule *module, GError **error)
{
    State *state = td_module_state (module);
    const TdConfig *config = td_module_config (module);
    Settings *settings = settings_new (module, config, error);
    CdrFileNews news = { 0 };

    if (settings == NULL) {
        return false;
    }
    settings_free (state->settings);
    state->settings = settings;
    state->has_begun = false;
    if (!open_file (&state->file, settings, &news, error)) {
        return false;
    }
    tell_news (module, settings->path, &news);
    state->spool = td_spool_open (module, TD_RECORD_TOPICS,
                                  &(TdSpoolDecl){ .size = sizeof (TdSpoolDecl),
                                                  .retry_ms = RETRY_MS,
                                                  .capacity_bytes = (uint64_t) td_config_number (
                                                      config, "cdr-file", NULL, "spool"),
                                                  .name = "records",
                                                  .journal = td_module_state_dir (module, NULL),
                                                  .begins = TD_RECORD_BEGINS,
                                                  .ends = TD_RECORD_ENDS,
                                                  .finish = td_record_finish,
                                                  .take = take,
                                                  .end = end,
                                                  .data = state,
                                                  .configure = configure,
                                                  .drop_settings = settings_free });
    return true;
}

static bool
prepare (State *state, const TdConfig *next, GError **error)
{
    CdrFile probe;
    CdrFileNews news = { 0 };

    state->prepared = settings_new (state->module, next, error);
    if (state->prepared == NULL) {
        return false;
    }
    if (open_file (&probe, state->prepared, &news, error)) {
        tell_news (state->module, state->prepared->path, &news);
        cdr_file_clear (&probe);
        return true;
    }
    g_clear_pointer (&state->prepared, settings_free);
    return false;
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    State *state = td_module_state (module);

    switch (phase) {
    case TD_RELOAD_PREPARE:
        return prepare (state, next, error);
    case TD_RELOAD_COMMIT:
        td_spool_configure (state->spool, g_steal_pointer (&state->prepared));
        break;
    case TD_RELOAD_ABANDON:
        g_clear_pointer (&state->prepared, settings_free);
        break;
    }
    return true;
}

static void
stop (TdModule *module)
{
    State *state = td_module_state (module);

    td_spool_close (g_steal_pointer (&state->spool));
}

static void
describe (TdModule *module, GVariantDict *info)
{
    const TdConfig *config = td_module_config (module);
    int64_t format = td_config_number (config, "cdr-file", NULL, "format");
    g_autofree char *path = find_path (module, config, (CdrFormat) format, NULL);

    g_variant_dict_insert (info, "path", "s", path != NULL ? path : "");
    g_variant_dict_insert (info, "format", "s", formats[format]);
}

TD_MODULE_NAMED ("cdr-file", .summary = "Call detail records in a file, CSV or JSON",
                 .version = "1.0", .license = "LGPL-2.1-or-later",
                 .provides = TD_LIST ("records.file"), .config = sections,
                 .n_config = G_N_ELEMENTS (sections), .upgrade = TD_UPGRADE_BESIDE, .load = load,
                 .start = start, .reload = reload, .stop = stop, .unload = unload,
                 .describe = describe)
