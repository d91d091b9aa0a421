/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A look at a configuration: what is wrong with it, and what could stand in it. Nothing starts. */

#include "engine-inside.h"
#include "report.h"
#include "state-folder.h"

#include "config/schema.h"

#include <errno.h>
#include <string.h>

/* An engine without a thread, and with a folder of its own for state: whoever may read the files may
 * look, beside a running switch, too. */
typedef struct {
    char *folder;
    const TdConfig *config; /* NULL: not even read */
    GPtrArray *problems, *texts;
} Look;

static void
begin (Look *look, const TdEngineOptions *options, GError **error)
{
    TdEngineOptions threadless = *options;

    *look = (Look){ .folder = g_dir_make_tmp ("tandem-check-XXXXXX", error),
                    .problems = td_problems_new (),
                    .texts = g_ptr_array_new_with_free_func (g_free) };
    if (look->folder != NULL) {
        threadless.state_dir = look->folder;
        threadless.is_fake = true;
        look->config = td_engine_open_and_check (&threadless, look->problems, look->texts, error);
    }
}

static void
end (Look *look)
{
    if (look->config != NULL) {
        td_engine_close (0);
    }
    if (look->folder != NULL) {
        td_state_folder_remove (look->folder);
    }
    g_free (look->folder);
    g_ptr_array_unref (look->problems);
    g_ptr_array_unref (look->texts);
}

bool
td_engine_check (const TdEngineOptions *options, TdProblemVisit visit, void *data, GError **error)
{
    Look look;
    bool is_good = false;

    begin (&look, options, error);
    if (look.config != NULL) {
        is_good = td_report_problems (look.problems, visit, data, error);
        is_good &=
            td_report_texts (look.texts, TD_ERROR_INVALID, visit, data, is_good ? error : NULL);
    }
    end (&look);
    return is_good;
}

static bool
write_tables (const TdConfig *config, TdEngineText text, const char *const *owners, FILE *out,
              GError **error)
{
    static void (*const write[]) (GString * out, const TdSchema *schema,
                                  const char *const *owners) = {
        [TD_ENGINE_SAMPLE] = td_schema_write_sample,
        [TD_ENGINE_MANUAL] = td_schema_write_manual,
        [TD_ENGINE_MAN] = td_schema_write_man,
    };
    g_autoptr (GString) all = g_string_new (NULL);

    write[text](all, config->schema, owners);
    if (fwrite (all->str, 1, all->len, out) == all->len && fflush (out) == 0) {
        return true;
    }
    g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "the text cannot be written: %s",
                 g_strerror (errno));
    return false;
}

/* What makes each of OWNERS that is a module be mapped: "modules.NAME=required" (transfer full). */
static char **
require (const char *const *owners)
{
    g_autoptr (GStrvBuilder) overrides = g_strv_builder_new ();

    for (unsigned i = 0; owners[i] != NULL; i++) {
        if (strcmp (owners[i], "core") != 0) {
            g_autofree char *override = g_strdup_printf ("modules.%s=required", owners[i]);
            g_strv_builder_add (overrides, override);
        }
    }
    return g_strv_builder_end (overrides);
}

bool
td_engine_write (const TdEngineOptions *options, TdEngineText text, const char *const *owners,
                 FILE *out, GError **error)
{
    g_return_val_if_fail (text <= TD_ENGINE_MAN, false);
    g_auto (GStrv) overrides = require (owners);
    TdEngineOptions bare = *options;
    Look look;

    bare.config_file = NULL;
    bare.overrides = (const char *const *) overrides;
    begin (&look, &bare, error);
    /* That required keys are not given is no matter here: the problems are not looked at. */
    bool is_good = look.config != NULL
                   && td_report_texts (look.texts, TD_ERROR_NOT_FOUND, NULL, NULL, error)
                   && write_tables (look.config, text, owners, out, error);
    end (&look);
    return is_good;
}
