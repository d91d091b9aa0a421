/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the table of personal numbers, and finds in it whose one is. */

#include "pins.h"

#include <crypt.h>
#include <string.h>
#include <tandem/base.h>

enum {
    N_COLUMNS = 4,
    MAX_ACCOUNT = 32,
    MAX_HASH = CRYPT_OUTPUT_SIZE - 1,
};

static const char method[] = "$y$"; /* yescrypt: slow and wanting memory, on purpose */

static void
free_pin (void *data)
{
    Pin *pin = data;

    g_free (pin->account);
    g_free (pin->profile);
    g_free (pin->hash);
    g_free (pin);
}

static Pins *
pins_new (void)
{
    Pins *pins = g_new0 (Pins, 1);

    pins->by_hash = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_pin);
    pins->salts = g_ptr_array_new_with_free_func (g_free);
    return pins;
}

void
pins_free (Pins *pins)
{
    if (pins != NULL) {
        g_hash_table_unref (pins->by_hash);
        g_ptr_array_unref (pins->salts);
        g_free (pins);
    }
}

/* --- Hashes ------------------------------------------------------------------------------ */

char *
pins_hash (const char *digits, const char *salt)
{
    /* It holds more than the digits need, so it is not on the stack. */
    struct crypt_data *data = g_new0 (struct crypt_data, 1);
    const char *hash = crypt_rn (digits, salt, data, sizeof *data);
    char *copy = hash != NULL && hash[0] != '*' ? g_strdup (hash) : NULL;

    explicit_bzero (data, sizeof *data);
    g_free (data);
    return copy;
}

/* What of HASH goes before its last "$": the method, its costs and the salt. NULL: it is no such hash. */
static char *
salt_of (const char *hash)
{
    const char *end = strrchr (hash, '$');

    return g_str_has_prefix (hash, method) && strlen (hash) <= MAX_HASH
                   && end > hash + strlen (method)
               ? g_strndup (hash, (size_t) (end - hash))
               : NULL;
}

static bool
has_salt (const Pins *pins, const char *salt)
{
    for (unsigned i = 0; i < pins->salts->len; i++) {
        if (strcmp (pins->salts->pdata[i], salt) == 0) {
            return true;
        }
    }
    return false;
}

/* The one that the fewest numbers have. */
static const char *
rarest_salt (const Pins *pins)
{
    unsigned counts[PINS_MAX_SALTS] = { 0 }, rarest = 0;
    GHashTableIter iter;
    void *key;

    g_hash_table_iter_init (&iter, pins->by_hash);
    while (g_hash_table_iter_next (&iter, &key, NULL)) {
        g_autofree char *salt = salt_of (key);
        for (unsigned i = 0; i < pins->salts->len; i++) {
            counts[i] += strcmp (pins->salts->pdata[i], salt) == 0;
        }
    }
    for (unsigned i = 1; i < pins->salts->len; i++) {
        rarest = counts[i] < counts[rarest] ? i : rarest;
    }
    return pins->salts->pdata[rarest];
}

char *
pins_salt (const Pins *pins)
{
    char salt[CRYPT_GENSALT_OUTPUT_SIZE];

    if (pins != NULL && pins->salts->len >= PINS_MAX_SALTS) {
        return g_strdup (rarest_salt (pins));
    }
    return g_strdup (crypt_gensalt_rn (method, 0, NULL, 0, salt, sizeof salt));
}

const Pin *
pins_find (const Pins *pins, const char *digits)
{
    const Pin *found = NULL;

    /* All of them, also behind the one that fits: how long it takes says nothing of who it was. */
    for (unsigned i = 0; i < pins->salts->len; i++) {
        g_autofree char *hash = pins_hash (digits, pins->salts->pdata[i]);
        const Pin *pin = hash != NULL ? g_hash_table_lookup (pins->by_hash, hash) : NULL;
        found = pin != NULL ? pin : found;
    }
    return found;
}

/* --- The table --------------------------------------------------------------------------- */

bool
pins_is_account (const char *text)
{
    size_t len = strlen (text);

    return len > 0 && len <= MAX_ACCOUNT
           && strspn (text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
                  == len;
}

bool
pins_read_until (const char *text, int64_t *ret_until_us)
{
    if (strcmp (text, "never") == 0) {
        *ret_until_us = INT64_MAX;
        return true;
    }
    g_autofree char *instant = g_strconcat (text, "T00:00:00Z", NULL);
    g_autoptr (GDateTime) day = strlen (text) == strlen ("2027-12-31")
                                    ? g_date_time_new_from_iso8601 (instant, NULL)
                                    : NULL;
    if (day == NULL) {
        return false;
    }
    g_autoptr (GDateTime) next = g_date_time_add_days (day, 1);
    *ret_until_us = g_date_time_to_unix (next) * G_USEC_PER_SEC;
    return true;
}

/* What is wrong with the COLUMNS, NULL: nothing, and PIN has them. */
static const char *
read_columns (Pin *pin, char **columns, char **ret_salt)
{
    if (g_strv_length (columns) != N_COLUMNS) {
        return "it is to be: account, profile, the last day or \"never\", hash";
    }
    if (!pins_is_account (columns[0])) {
        return "an account is 1 to 32 letters, digits and . _ -";
    }
    if (!pins_read_until (columns[2], &pin->until_us)) {
        return "the last day is to be as in 2027-12-31, or \"never\"";
    }
    *ret_salt = salt_of (columns[3]);
    if (*ret_salt == NULL) {
        return "it has no hash that begins with $y$: make the line with tandem-pin";
    }
    pin->account = g_strdup (columns[0]);
    pin->profile = g_strdup (columns[1]);
    pin->hash = g_strdup (columns[3]);
    return NULL;
}

/* What is wrong with LINE, NULL: nothing. */
static const char *
add_line (Pins *pins, const char *line)
{
    g_auto (GStrv) words = g_strsplit_set (line, " \t\r", -1);
    g_autofree char *salt = NULL;
    Pin *pin = g_new0 (Pin, 1);
    unsigned n = 0;

    for (unsigned i = 0; words[i] != NULL; i++) { /* without the empty ones between blanks */
        char *word = words[i];
        words[i] = words[n];
        words[n] = word;
        n += *word != '\0';
    }
    for (unsigned i = n; words[i] != NULL; i++) {
        g_clear_pointer (&words[i], g_free);
    }
    const char *wrong = read_columns (pin, words, &salt);
    if (wrong == NULL && g_hash_table_contains (pins->by_hash, pin->hash)) {
        wrong = "another account has the same number";
    }
    if (wrong == NULL && !has_salt (pins, salt)) {
        g_ptr_array_add (pins->salts, g_steal_pointer (&salt));
        if (pins->salts->len > PINS_MAX_SALTS) {
            wrong = "these are more salts than a table may have: make its lines with tandem-pin";
        }
    }
    if (wrong != NULL) {
        free_pin (pin);
        return wrong;
    }
    g_hash_table_insert (pins->by_hash, pin->hash, pin);
    return NULL;
}

Pins *
pins_parse (const char *text, const char *name, GError **error)
{
    Pins *pins = pins_new ();
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

    for (unsigned i = 0; lines[i] != NULL; i++) {
        const char *line = lines[i] + strspn (lines[i], " \t\r");
        const char *wrong = *line != '\0' && *line != '#' ? add_line (pins, line) : NULL;
        if (wrong != NULL) {
            g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "%s:%u: %s", name, i + 1, wrong);
            pins_free (pins);
            return NULL;
        }
    }
    return pins;
}

Pins *
pins_read (const char *path, GError **error)
{
    g_autofree char *text = NULL;
    size_t len;

    if (!g_file_get_contents (path, &text, &len, error)) {
        return NULL;
    }
    if (len > PINS_MAX_BYTES || strlen (text) != len) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "%s: it is no table of personal numbers: a text of 64 MiB at most", path);
        return NULL;
    }
    return pins_parse (text, path, error);
}
