/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who the users are, and the limits of what they may register. */

#include "directory.h"

#include "store.h"

#include <tandem/log.h>

#include <string.h>

static void
user_free (void *data)
{
    User *user = data;

    g_free (user->name);
    g_free (user->password);
    g_free (user->ha1_md5);
    g_free (user->ha1_sha256);
    g_ptr_array_unref (user->numbers);
    g_free (user);
}

static void
directory_free (TdTable *table)
{
    Directory *directory = (Directory *) table;

    g_hash_table_unref (directory->domains);
    g_hash_table_unref (directory->numbers);
    g_hash_table_unref (directory->users);
    g_ptr_array_unref (directory->dialables);
    g_free (directory->realm);
    g_free (directory);
}

static User *
add_user (Directory *directory, const char *name)
{
    User *user = g_new0 (User, 1);

    user->name = g_strdup (name);
    user->numbers = g_ptr_array_new_with_free_func (g_free);
    g_hash_table_insert (directory->users, user->name, user);
    return user;
}

/* NUMBER as calls are looked up; false when it is none, or RET_OTHER's already. */
static bool
add_number (Directory *directory, User *user, const char *text, const User **ret_other)
{
    TdParty party;

    if (!td_party_from_number (&party, text)) {
        return false;
    }
    char *number = g_strdup (td_party_key (&party));
    const User *other = g_hash_table_lookup (directory->numbers, number);
    if (other != NULL) {
        g_free (number);
        *ret_other = other;
        return other == user;
    }
    g_ptr_array_add (user->numbers, number);
    g_hash_table_insert (directory->numbers, number, user);
    return true;
}

/* --- From the configuration -------------------------------------------------------------- */

/* A ":" would move the borders within what is hashed (RFC 7616 3.4.2), an "@" those of an address. */
static bool
is_name (const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        if ((unsigned char) *c <= ' ' || *c == 0x7f || *c == ':' || *c == '@') {
            return false;
        }
    }
    return name[0] != '\0';
}

static bool
read_configured_numbers (Directory *directory, const TdConfig *config, User *user, GError **error)
{
    const char *const *numbers = td_config_list (config, "user", user->name, "numbers");

    for (; *numbers != NULL; numbers++) {
        const User *other = NULL;
        if (!add_number (directory, user, *numbers, &other)) {
            g_autofree char *whose =
                other != NULL ? g_strdup_printf ("is a number of [user %s], too", other->name)
                              : NULL;
            return td_config_refuse (config, "user", user->name, "numbers", *numbers, error, "%s",
                                     whose != NULL ? whose
                                                   : "is no number: that is digits, * and #, after "
                                                     "a + for international ones");
        }
    }
    return true;
}

static bool
read_configured_users (Directory *directory, const TdConfig *config, GError **error)
{
    const char *const *names = td_config_instances (config, "user");

    for (; *names != NULL; names++) {
        if (!is_name (*names)) {
            return td_config_refuse (config, "user", *names, "password", NULL, error,
                                     "the name of a user has no spaces, \":\" or \"@\"; the domain "
                                     "is left out");
        }
        User *user = add_user (directory, *names);
        user->is_configured = true;
        user->password = g_strdup (td_config_text (config, "user", *names, "password"));
        if (!read_configured_numbers (directory, config, user, error)) {
            return false;
        }
    }
    return true;
}

static uint32_t
seconds (const TdConfig *config, const char *key)
{
    /* What is no whole second is brought up: 0 would remove a contact. */
    return (uint32_t) ((td_config_number (config, "registrar", NULL, key) + 999) / 1000);
}

static bool
read_settings (Directory *directory, const TdConfig *config, GError **error)
{
    const char *const *domains = td_config_list (config, "registrar", NULL, "domains");

    directory->has_any_domain = *domains == NULL;
    for (; *domains != NULL; domains++) {
        directory->has_any_domain |= strcmp (*domains, "*") == 0;
        g_hash_table_add (directory->domains, g_ascii_strdown (*domains, -1));
    }
    directory->realm = g_strdup (td_config_text (config, "registrar", NULL, "realm"));
    directory->min_s = seconds (config, "min-expiry");
    directory->default_s = seconds (config, "default-expiry");
    directory->max_s = seconds (config, "max-expiry");
    directory->max_contacts =
        (unsigned) td_config_number (config, "registrar", NULL, "max-contacts");
    if (directory->min_s > directory->default_s || directory->default_s > directory->max_s) {
        return td_config_refuse (config, "registrar", NULL, "default-expiry",
                                 td_config_text (config, "registrar", NULL, "default-expiry"),
                                 error, "must not be below min-expiry or above max-expiry");
    }
    return true;
}

/* --- From the database ------------------------------------------------------------------- */

typedef struct {
    Directory *directory;
    TdModule *module;
    unsigned n_ignored;
    char *example;
} Reading;

static void
ignore (Reading *reading, const char *what, const char *name)
{
    reading->n_ignored++;
    if (reading->example == NULL) {
        reading->example = g_strdup_printf ("%s \"%s\"", what, name);
    }
}

/* What the configuration says of a user is what counts. */
static void
visit_user (const char *name, const char *password, const char *ha1_md5, const char *ha1_sha256,
            void *data)
{
    Reading *reading = data;

    if (!is_name (name) || g_hash_table_contains (reading->directory->users, name)) {
        ignore (reading, "user", name);
        return;
    }
    User *user = add_user (reading->directory, name);
    user->password = g_strdup (password);
    user->ha1_md5 = ha1_md5 != NULL ? g_ascii_strdown (ha1_md5, -1) : NULL;
    user->ha1_sha256 = ha1_sha256 != NULL ? g_ascii_strdown (ha1_sha256, -1) : NULL;
}

static void
visit_number (const char *number, const char *name, void *data)
{
    Reading *reading = data;
    User *user = g_hash_table_lookup (reading->directory->users, name);
    const User *other;

    if (user == NULL || !add_number (reading->directory, user, number, &other)) {
        ignore (reading, "number", number);
    }
}

static bool
read_stored_users (Directory *directory, TdModule *module, const char *path, GError **error)
{
    static const StoreUserVisits visits = { visit_user, visit_number };
    Reading reading = { .directory = directory, .module = module };
    bool is_read = store_read_users (path, &visits, &reading, error);

    if (reading.n_ignored > 0) {
        td_log_warning (module, "database",
                        "registrar database %s: %u of its users and numbers are not used, among "
                        "them %s: no name, no number, of nobody, or there already",
                        path, reading.n_ignored, reading.example);
    }
    g_free (reading.example);
    return is_read;
}

/* --- Making and asking ------------------------------------------------------------------- */

static int
compare_texts (const void *a, const void *b)
{
    return strcmp (*(char *const *) a, *(char *const *) b);
}

static void
sort_dialables (Directory *directory)
{
    GHashTableIter iter;
    void *text;

    g_hash_table_iter_init (&iter, directory->users);
    while (g_hash_table_iter_next (&iter, &text, NULL)) {
        g_ptr_array_add (directory->dialables, text);
    }
    g_hash_table_iter_init (&iter, directory->numbers);
    while (g_hash_table_iter_next (&iter, &text, NULL)) {
        g_ptr_array_add (directory->dialables, text);
    }
    g_ptr_array_sort (directory->dialables, compare_texts);
}

static Directory *
read_configured (const TdConfig *config, GError **error)
{
    Directory *directory = g_new0 (Directory, 1);

    td_table_init (&directory->table, directory_free);
    directory->domains = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    directory->users = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, user_free);
    directory->numbers = g_hash_table_new (g_str_hash, g_str_equal);
    directory->dialables = g_ptr_array_new ();
    if (!read_settings (directory, config, error)
        || !read_configured_users (directory, config, error)) {
        td_table_unref (&directory->table);
        return NULL;
    }
    return directory;
}

bool
directory_check (const TdConfig *config, GError **error)
{
    Directory *directory = read_configured (config, error);

    if (directory != NULL) {
        td_table_unref (&directory->table);
    }
    return directory != NULL;
}

Directory *
directory_new (TdModule *module, const TdConfig *config, const char *path, GError **error)
{
    Directory *directory = read_configured (config, error);

    if (directory == NULL) {
        return NULL;
    }
    if (!read_stored_users (directory, module, path, error)) {
        td_table_unref (&directory->table);
        return NULL;
    }
    sort_dialables (directory);
    return directory;
}

bool
directory_is_local (const Directory *directory, const char *domain)
{
    g_autofree char *lower = NULL;

    if (directory->has_any_domain) {
        return true;
    }
    lower = g_ascii_strdown (domain, -1);
    return g_hash_table_contains (directory->domains, lower);
}

const User *
directory_user (const Directory *directory, const char *name)
{
    return g_hash_table_lookup (directory->users, name);
}

const User *
directory_find (const Directory *directory, const char *key)
{
    const User *user = directory_user (directory, key);

    return user != NULL ? user : g_hash_table_lookup (directory->numbers, key);
}

bool
directory_goes_on (const Directory *directory, const char *digits)
{
    unsigned low = 0, high = directory->dialables->len;

    /* The first text that comes after DIGITS. */
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (strcmp (directory->dialables->pdata[middle], digits) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return digits[0] != '\0' && low < directory->dialables->len
           && g_str_has_prefix (directory->dialables->pdata[low], digits);
}

static char *
hash (GChecksumType type, const char *ready, bool is_ready_good, const User *user,
      const char *realm)
{
    if (is_ready_good && ready != NULL && ready[0] != '\0') {
        return g_strdup (ready);
    }
    if (user->password == NULL) {
        return NULL;
    }
    g_autofree char *text = g_strdup_printf ("%s:%s:%s", user->name, realm, user->password);
    return g_compute_checksum_for_string (type, text, -1);
}

char *
directory_credentials (const Directory *directory, const char *name, const char *realm,
                       const char *algorithm)
{
    const User *user = directory_user (directory, name);
    bool is_realm = directory->realm[0] == '\0' || strcmp (directory->realm, realm) == 0;

    if (user == NULL) {
        return NULL;
    }
    if (g_ascii_strcasecmp (algorithm, "MD5") == 0) {
        return hash (G_CHECKSUM_MD5, user->ha1_md5, is_realm, user, realm);
    }
    if (g_ascii_strcasecmp (algorithm, "SHA-256") == 0) {
        return hash (G_CHECKSUM_SHA256, user->ha1_sha256, is_realm, user, realm);
    }
    return NULL;
}
