/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cdr-file: a record for each answered, ended and failed call, a line each, in a file.
 *
 *     call.answered, call.ended --> spool --> take (), on a worker --> lines --> file
 */

#include "file.h"
#include "format.h"

#include <tandem/iface/outlet.h>
#include <tandem/log.h>

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
    TdRecordPart part;
    bool is_private; /* nobody else may read the file */
    CdrFormat format;
    SyncPolicy sync;
    int64_t rotate_size_bytes;
    int64_t rotate_interval_us;
    char **records; /* names in lower case */
} Settings;

/* A file and how far it is: the worker's, while it has a spool. */
typedef struct {
    TdModule *module;
    Settings *settings;
    CdrFile file;
    int64_t synced_us;
    bool has_begun; /* take () has been there */
} Place;

typedef struct {
    TdOutlet outlets[TD_N_OUTLETS];
    Place places[TD_N_OUTLETS];
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
    { .name = "priority-records",
      .type = TD_CONFIG_CHOICE,
      .default_text = "include",
      .choices = TD_RECORD_PRIORITY_CHOICES,
      .help = "Where what is known of priorities goes: include (where path says), withhold (there "
              "as if no call "
              "had one, and whole where priority-path says), separate (calls with a priority are "
              "where priority-path says, and there alone).",
      .since = "0.1" },
    { .name = "priority-path",
      .type = TD_CONFIG_PATH,
      .flags = TD_CONFIG_RELOADABLE,
      .help = "The file of what is withheld, which nobody else may read. Not given: "
              "cdr-priority.csv or cdr-priority.jsonl in the module's folder in state-dir.",
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

static const char *
name (const TdConfig *config, bool is_priority)
{
    bool is_csv = td_config_number (config, "cdr-file", NULL, "format") == CDR_FORMAT_CSV;

    return is_priority ? (is_csv ? "cdr-priority.csv" : "cdr-priority.jsonl")
                       : (is_csv ? "cdr.csv" : "cdr.jsonl");
}

static void *
read_settings (const TdConfig *config, char *path, bool is_priority)
{
    Settings *settings = g_new0 (Settings, 1);

    settings->path = path;
    settings->part = td_record_part (
        td_config_number (config, "cdr-file", NULL, "priority-records"), is_priority);
    settings->is_private = is_priority;
    settings->format = (CdrFormat) td_config_number (config, "cdr-file", NULL, "format");
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
    file->is_private = settings->is_private;
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
    Place *place = data;
    CdrFormat format = place->settings->format;

    cdr_file_sync (&place->file, NULL);
    GString *owed = g_steal_pointer (&place->file.unsynced);
    cdr_file_clear (&place->file);
    settings_free (place->settings);
    place->settings = settings;
    set_up_file (&place->file, place->settings);
    if (format != place->settings->format && owed->len > 0) {
        td_log_error (place->module, place->settings->path,
                      "%zu bytes of records are lost: the file before did not take them, and they "
                      "are of another format",
                      owed->len);
        g_string_truncate (owed, 0);
    }
    cdr_file_owe (&place->file, owed);
}

/* Brings to the disk what the policy wants there by now. */
static bool
sync_as_told (Place *place, uint32_t *ret_again_ms)
{
    int64_t now_us = td_clock_now_us ();

    if (place->file.unsynced->len == 0) {
        return true;
    }
    if (place->settings->sync == SYNC_BATCH && now_us - place->synced_us < SYNC_US) {
        *ret_again_ms = (uint32_t) ((place->synced_us + SYNC_US - now_us) / 1000) + 1;
        return true;
    }
    place->synced_us = now_us;
    return cdr_file_sync (&place->file, NULL);
}

/* A file that nobody writes to is rotated, too, when its time has come. */
static void
look_ahead (const Place *place, int64_t now_us, uint32_t *ret_again_ms)
{
    int64_t interval_us = place->settings->rotate_interval_us;

    if (interval_us > 0) {
        int64_t wait_ms = (interval_us - now_us % interval_us + 999) / 1000;
        if (*ret_again_ms == 0 || wait_ms < *ret_again_ms) {
            *ret_again_ms = (uint32_t) wait_ms;
        }
    }
}

/* What the disk did not take is there before anything else is. */
static bool
pay (Place *place, CdrFileNews *news, int64_t now_us, GError **error)
{
    g_autoptr (GString) nothing = g_string_new (NULL);

    return !place->file.is_owed
           || (cdr_file_append (&place->file, nothing, now_us, news, error)
               && cdr_file_sync (&place->file, error));
}

/* Puts the lines of FACTS into TEXT, but for those that TAIL (nullable) has: they were written by a
 * process that was killed before it could note so, and now they come again. */
static void
write_facts (const Place *place, const TdFact *const *facts, unsigned n_facts, const GString *tail,
             GString *text)
{
    const char *const *chosen = (const char *const *) place->settings->records;

    for (unsigned i = 0; i < n_facts; i++) {
        const char *record = td_record_chosen_name (facts[i], chosen);
        g_autofree void *body = NULL;
        TdFact masked;
        const TdFact *fact = td_record_part_of (facts[i], place->settings->part, &masked, &body);
        gsize before = text->len;
        if (record == NULL || fact == NULL) {
            continue;
        }
        cdr_format_append (place->settings->format, text, record, fact);
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
    Place *place = data;
    g_autoptr (GString) text = g_string_new (NULL);
    CdrFileNews news = { 0 };
    int64_t now_us = td_clock_wall_us ();

    write_facts (place, facts, n_facts, NULL, text);
    if (!place->has_begun && text->len > 0) {
        g_autoptr (GString) tail = cdr_file_tail (&place->file, text->len);
        g_string_truncate (text, 0);
        write_facts (place, facts, n_facts, tail, text);
    }
    bool is_good = pay (place, &news, now_us, error)
                   && cdr_file_append (&place->file, text, now_us, &news, error);
    tell_news (place->module, place->settings->path, &news);
    if (!is_good) {
        cdr_file_rest (&place->file);
        return false;
    }
    place->has_begun |= n_facts > 0;
    if (!sync_as_told (place, ret_again_ms)) {
        *ret_again_ms = 1; /* the file has the lines, and owes them */
    }
    look_ahead (place, now_us, ret_again_ms);
    return true;
}

static void
end (void *data)
{
    Place *place = data;
    g_autoptr (GError) error = NULL;
    CdrFileNews news = { 0 };

    if (!pay (place, &news, td_clock_wall_us (), &error) || !cdr_file_sync (&place->file, &error)) {
        td_log_error (place->module, place->settings->path, "%zu bytes of records may be lost: %s",
                      place->file.unsynced->len, error->message);
    }
    tell_news (place->module, place->settings->path, &news);
    cdr_file_clear (&place->file);
}

/* Opens and mends the file that SETTINGS name. */
static bool
open_file (CdrFile *file, const Settings *settings, TdModule *module, GError **error)
{
    CdrFileNews news = { 0 };

    set_up_file (file, settings);
    if (!cdr_file_open (file, &news, error)) {
        cdr_file_clear (file);
        return false;
    }
    tell_news (module, settings->path, &news);
    return true;
}

static bool
open_place (TdOutlet *outlet, void *settings, GError **error)
{
    Place *place = outlet->place;

    settings_free (place->settings);
    place->settings = settings;
    place->has_begun = false;
    return open_file (&place->file, settings, outlet->module, error);
}

static bool
probe (const TdOutlet *outlet, const void *settings, GError **error)
{
    CdrFile file;

    if (!open_file (&file, settings, outlet->module, error)) {
        return false;
    }
    cdr_file_clear (&file);
    return true;
}

/* --- Life -------------------------------------------------------------------------------- */

static const TdOutletDecl outlet_decl = {
    .section = "cdr-file",
    .noun = "file",
    .retry_ms = RETRY_MS,
    .name = name,
    .read = read_settings,
    .open = open_place,
    .probe = probe,
    .drop_settings = settings_free,
    .take = take,
    .end = end,
    .configure = configure,
};

static bool
load (TdModule *module, GError **error)
{
    State *state = g_new0 (State, 1);

    td_outlets_init (state->outlets, &outlet_decl, module, state->places, sizeof (Place));
    for (unsigned i = 0; i < TD_N_OUTLETS; i++) {
        state->places[i].module = module;
        state->places[i].file.fd = -1;
    }
    td_module_set_state (module, state);
    return true;
}

static void
unload (TdModule *module)
{
    State *state = td_module_state (module);

    for (unsigned i = 0; i < TD_N_OUTLETS; i++) {
        cdr_file_clear (&state->places[i].file);
        settings_free (state->places[i].settings);
    }
    g_free (state);
}

static bool
start (TdModule *module, GError **error)
{
    State *state = td_module_state (module);
    const TdConfig *config = td_module_config (module);
    unsigned n_outlets = td_outlets_open (state->outlets, config, error);

    td_outlets_begin (state->outlets, n_outlets, config);
    return n_outlets > 0;
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    State *state = td_module_state (module);

    return td_outlets_reload (state->outlets, phase, next, error);
}

static void
stop (TdModule *module)
{
    State *state = td_module_state (module);

    td_outlets_end (state->outlets);
}

static void
describe (TdModule *module, GVariantDict *info)
{
    const State *state = td_module_state (module);
    const TdConfig *config = td_module_config (module);
    int64_t format = td_config_number (config, "cdr-file", NULL, "format");
    g_autofree char *path = td_outlet_path (&state->outlets[0], config, NULL);

    g_variant_dict_insert (info, "path", "s", path != NULL ? path : "");
    g_variant_dict_insert (info, "format", "s", formats[format]);
}

TD_MODULE_NAMED ("cdr-file", .summary = "Call detail records in a file, CSV or JSON",
                 .version = "1.0", .license = "LGPL-2.1-or-later",
                 .provides = TD_LIST ("records.file"), .config = sections,
                 .n_config = G_N_ELEMENTS (sections), .upgrade = TD_UPGRADE_BESIDE, .load = load,
                 .start = start, .reload = reload, .stop = stop, .unload = unload,
                 .describe = describe)
