/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The folder for what must survive a restart. */

#include "state-folder.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <tandem/log.h>

enum {
    N_BOOTS = 4096, /* 12 bits in an id */
};

/* The options know best, then the files, then the environment, which tests and uninstalled runs
 * set. */
static const char *
choose (const char *asked, const TdConfig *config)
{
    const char *from_environment = g_getenv ("TANDEM_STATE_DIR");

    if (asked != NULL) {
        return asked;
    }
    if (from_environment != NULL && *from_environment != '\0'
        && !td_config_is_set (config, "tandem", NULL, "state-dir")) {
        return from_environment;
    }
    return td_config_text (config, "tandem", NULL, "state-dir");
}

char *
td_state_folder_make (const char *asked, const TdConfig *config, GError **error)
{
    const char *folder = choose (asked, config);

    if (g_mkdir_with_parents (folder, 0750) == 0) {
        return g_strdup (folder);
    }
    g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM,
                 "state-dir %s: cannot be made: %s; choose another one with "
                 "--set tandem.state-dir=FOLDER",
                 folder, g_strerror (errno));
    return NULL;
}

unsigned
td_state_folder_next_boot (const char *folder)
{
    g_autofree char *path = g_build_filename (folder, "boot", NULL);
    g_autofree char *text = NULL;
    unsigned boot = 0;

    if (g_file_get_contents (path, &text, NULL, NULL)) {
        boot = (unsigned) strtoul (text, NULL, 10);
    }
    boot = (boot + 1) % N_BOOTS;
    g_autofree char *next = g_strdup_printf ("%u\n", boot);
    g_autoptr (GError) error = NULL;
    if (!g_file_set_contents (path, next, -1, &error)) {
        td_log_warning (NULL, "state", "cannot count this start: %s", error->message);
    }
    return boot;
}

void
td_state_folder_remove (const char *folder)
{
    g_autoptr (GDir) inside = g_dir_open (folder, 0, NULL);
    const char *name;

    while (inside != NULL && (name = g_dir_read_name (inside)) != NULL) {
        g_autofree char *path = g_build_filename (folder, name, NULL);
        if (g_unlink (path) < 0) {
            td_state_folder_remove (path);
        }
    }
    g_rmdir (folder);
}
