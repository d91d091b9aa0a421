/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loads tones and recordings. */

#include "library.h"

#include "wav.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <tandem/base.h>

enum { TONES_MAX_BYTES = 1024 * 1024 };

static void
prompt_free (void *data)
{
    Prompt *prompt = data;

    g_free (prompt->samples);
    g_free (prompt);
}

Library *
library_new (void)
{
    Library *library = g_new0 (Library, 1);

    library->tones = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    library->prompts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, prompt_free);
    return library;
}

void
library_free (Library *library)
{
    if (library != NULL) {
        g_hash_table_unref (library->tones);
        g_hash_table_unref (library->prompts);
        g_free (library);
    }
}

/* What is in the file at PATH, looked at before it is opened: nobody may ever write into a pipe, and a file
 * may be longer than memory. */
static bool
read_file (const char *path, size_t max_bytes, char **ret_bytes, size_t *ret_n, GError **error)
{
    struct stat status;

    if (stat (path, &status) != 0) {
        g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "%s: %s", path, g_strerror (errno));
    } else if (!S_ISREG (status.st_mode)) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "%s: it is no file", path);
    } else if (status.st_size > (off_t) max_bytes) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "%s: it is longer than %zu MiB", path,
                     max_bytes / (1024 * 1024));
    } else {
        return g_file_get_contents (path, ret_bytes, ret_n, error);
    }
    return false;
}

/* --- Tones ------------------------------------------------------------------------------- */

static bool
check_keys (GKeyFile *file, const char *tone, GError **error)
{
    g_auto (GStrv) keys = g_key_file_get_keys (file, tone, NULL, NULL);
    static const char *const known[] = { "steps", "level", "repeat", NULL };

    for (unsigned i = 0; keys != NULL && keys[i] != NULL; i++) {
        if (!g_strv_contains (known, keys[i])) {
            g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                         "\"%s\" is not known; a tone has steps, level and repeat", keys[i]);
            return false;
        }
    }
    return true;
}

/* What one group of the file says. */
static bool
read_tone (GKeyFile *file, const char *name, Tone *tone, GError **error)
{
    g_autoptr (GError) failure = NULL;
    /* As it stands: no step has an escape in it. */
    g_autofree char *steps = g_key_file_get_value (file, name, "steps", error);
    bool is_repeated = true;

    if (steps == NULL || !check_keys (file, name, error)) {
        return false;
    }
    double level = g_key_file_get_double (file, name, "level", &failure);
    if (failure == NULL && g_key_file_has_key (file, name, "repeat", NULL)) {
        is_repeated = g_key_file_get_boolean (file, name, "repeat", &failure);
    }
    if (failure != NULL) {
        g_propagate_error (error, g_steal_pointer (&failure));
        return false;
    }
    if (!(level >= -60 && level <= 3)) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "level is none of -60 to 3 dBm0");
        return false;
    }
    return tone_parse (tone, steps, level, is_repeated, error);
}

bool
library_parse_tones (Library *library, const char *text, size_t n_bytes, const char *path,
                     GError **error)
{
    g_autoptr (GKeyFile) file = g_key_file_new ();

    if (n_bytes == 0 || !g_utf8_validate (text, (gssize) n_bytes, NULL)) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "%s: it is %s", path,
                     n_bytes == 0 ? "empty" : "not UTF-8");
        return false;
    }
    if (!g_key_file_load_from_data (file, text, n_bytes, G_KEY_FILE_NONE, error)) {
        g_prefix_error (error, "%s: ", path);
        return false;
    }
    g_auto (GStrv) names = g_key_file_get_groups (file, NULL);
    for (char **name = names; *name != NULL; name++) {
        g_autofree Tone *tone = g_new0 (Tone, 1);
        if (!read_tone (file, *name, tone, error)) {
            g_prefix_error (error, "%s: [%s]: ", path, *name);
            return false;
        }
        g_hash_table_replace (library->tones, g_strdup (*name), g_steal_pointer (&tone));
    }
    return true;
}

bool
library_add_tones (Library *library, const char *path, GError **error)
{
    g_autofree char *text = NULL;
    size_t n_bytes;

    return read_file (path, TONES_MAX_BYTES, &text, &n_bytes, error)
           && library_parse_tones (library, text, n_bytes, path, error);
}

/* --- Recordings -------------------------------------------------------------------------- */

static bool
add_prompt (Library *library, const char *path, const char *name, GError **error)
{
    g_autofree char *bytes = NULL;
    size_t n_bytes, n_samples;

    if (g_hash_table_size (library->prompts) == LIBRARY_MAX_PROMPTS) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "%s: more than %d recordings", path,
                     LIBRARY_MAX_PROMPTS);
        return false;
    }
    if (!read_file (path, WAV_MAX_BYTES, &bytes, &n_bytes, error)) {
        return false;
    }
    int16_t *samples = wav_parse ((const uint8_t *) bytes, n_bytes, &n_samples, error);
    if (samples == NULL) {
        g_prefix_error (error, "%s: ", path);
        return false;
    }
    Prompt *prompt = g_new0 (Prompt, 1);
    prompt->samples = samples;
    prompt->n_samples = n_samples;
    g_hash_table_replace (library->prompts, g_strndup (name, strlen (name) - strlen (".wav")),
                          prompt);
    library->n_bytes += n_samples * sizeof samples[0];
    if (library->n_bytes > LIBRARY_MAX_BYTES) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "%s: with it, the recordings are longer than 256 MiB", path);
        return false;
    }
    return true;
}

bool
library_add_prompts (Library *library, const char *folder, GError **error)
{
    g_autoptr (GDir) dir = g_dir_open (folder, 0, error);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
        g_autofree char *path = g_build_filename (folder, name, NULL);
        if (g_str_has_suffix (name, ".wav") && !add_prompt (library, path, name, error)) {
            return false;
        }
    }
    return dir != NULL;
}

const Tone *
library_tone (const Library *library, const char *name)
{
    return g_hash_table_lookup (library->tones, name);
}

const Prompt *
library_prompt (const Library *library, const char *name)
{
    return g_hash_table_lookup (library->prompts, name);
}
