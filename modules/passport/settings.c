/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration of the module, checked with the files that it names. */

#include "settings.h"

#include <string.h>

#define SECTION     "passport"
#define ANCHOR      "passport-anchor"
#define CERTIFICATE "passport-certificate"
#define SIGNER      "passport-signer"

enum { MAX_FILE_BYTES = 1 << 20, MS_PER_S = 1000 };

static const TdConfigKey keys[] = {
    { .name = "freshness",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "60 s",
      .min = 1000,
      .max = 3600000,
      .help = "How far a token's time of issue may be from now, before and behind.",
      .since = "0.1" },
    { .name = "replay",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "refuse",
      .choices = TD_LIST ("refuse", "allow-once"),
      .help = "What becomes of a token that another call, or one from another trunk, has brought "
              "already: nothing, or once more, for a call that is tried again upstream.",
      .since = "0.1" },
    { .name = "replays",
      .type = TD_CONFIG_INTEGER,
      .default_text = "100000",
      .unit = "tokens",
      .min = 100,
      .max = 10000000,
      .help = "For how many tokens, of those that are still fresh, it is remembered who has "
              "brought them, in a "
              "file of 128 octets each; of more, that which expires first is forgotten.",
      .since = "0.1" },
    { .name = "verdicts",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "10000",
      .unit = "tokens",
      .min = 10,
      .max = 1000000,
      .help = "Of how many good tokens, and of how many bad ones, the verdict is remembered.",
      .since = "0.1" },
    { .name = "queue",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "200",
      .unit = "tokens",
      .min = 1,
      .max = 100000,
      .help = "How many tokens of one trunk may wait to be verified; more are not looked at.",
      .since = "0.1" },
    { .name = "verifiers",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "1",
      .unit = "threads",
      .min = 1,
      .max = 3,
      .help = "How many of the workers may verify at the same time.",
      .since = "0.1" },
    { .name = "country-code",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help = "Put before numbers without \"+\" to compare and sign them: 1, 49. Empty: they stay "
              "as they are.",
      .since = "0.1" },
    { .name = "national-prefix",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help = "Dialled before national numbers, and taken off them: 1, 0.",
      .since = "0.1" },
    { .name = "international-prefix",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help = "Dialled before international numbers, and taken off them: 011, 00.",
      .since = "0.1" },
    { .name = "fetch",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help =
          "Certificates that are in no file are fetched from URLs that begin with one of these, "
          "such as https://certificates.example/; needs the module http. Empty: from nowhere.",
      .since = "0.1" },
    { .name = "fetch-deadline",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "1 s",
      .min = 50,
      .max = 30000,
      .help = "How long a certificate may take to come.",
      .since = "0.1" },
    { .name = "keep",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "1 h",
      .min = 1000,
      .max = 604800000,
      .help = "How long a certificate that was fetched is used before it is fetched anew.",
      .since = "0.1" },
    { .name = "fetch-retry",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "30 s",
      .min = 1000,
      .max = 3600000,
      .help = "How long nothing is fetched from a URL that gave no certificate.",
      .since = "0.1" },
    { .name = "expiry-warning",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "30 d",
      .min = 0,
      .max = INT64_MAX,
      .help = "How long before a certificate expires the log warns of it, each day.",
      .since = "0.1" },
    { .name = "alarm-failures",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "10",
      .unit = "tokens",
      .min = 0,
      .max = 1000000,
      .help = "How many tokens of one trunk must fail within alarm-window for the alarm "
              "passport-failures, which is over when fewer than half as many do; 0: never.",
      .since = "0.1" },
    { .name = "alarm-window",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "60 s",
      .min = 1000,
      .max = 86400000,
      .help = "See alarm-failures.",
      .since = "0.1" },
};

static const char *const expired_choices[] = { "use", "refuse", NULL };

static const TdConfigKey anchor_keys[] = {
    { .name = "certificates",
      .type = TD_CONFIG_PATH,
      .flags = TD_CONFIG_REQUIRED | TD_CONFIG_RELOADABLE,
      .help = "A file of certificates (PEM) that vouch for those below them.",
      .since = "0.1" },
    { .name = "crl",
      .type = TD_CONFIG_PATH,
      .flags = TD_CONFIG_RELOADABLE,
      .help =
          "A file with the lists of revoked certificates (PEM), one of each authority on the way "
          "from a signer's certificate to the anchor: who is on a list, or whose authority has "
          "none in the file, is not vouched for. Read again by each reload.",
      .since = "0.1" },
    { .name = "crl-expired",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "use",
      .choices = expired_choices,
      .help =
          "What is done with a list whose time is over (alarm passport-crl-expired). use: whom it "
          "names is not vouched for, others are. refuse: the anchor vouches for nobody any more.",
      .since = "0.1" },
    { .name = "namespaces",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help = "Of which namespaces of Resource-Priority it may grant values: ets, wps, esnet.",
      .since = "0.1" },
    { .name = "identity",
      .type = TD_CONFIG_BOOL,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "no",
      .help = "Whether it may vouch for calling numbers: tokens of the type shaken, and those "
              "without a type.",
      .since = "0.1" },
};

static const TdConfigKey certificate_keys[] = {
    { .name = "info",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_REQUIRED | TD_CONFIG_RELOADABLE,
      .help = "The URL that tokens name it by.",
      .since = "0.1" },
    { .name = "certificate",
      .type = TD_CONFIG_PATH,
      .flags = TD_CONFIG_REQUIRED | TD_CONFIG_RELOADABLE,
      .help = "The file that stands for what is there: the certificate, and those above it (PEM).",
      .since = "0.1" },
};

static const TdConfigKey signer_keys[] = {
    { .name = "info",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_REQUIRED | TD_CONFIG_RELOADABLE,
      .help = "The URL where others find the certificate.",
      .since = "0.1" },
    { .name = "certificate",
      .type = TD_CONFIG_PATH,
      .flags = TD_CONFIG_REQUIRED | TD_CONFIG_RELOADABLE,
      .help = "The certificate (PEM).",
      .since = "0.1" },
    { .name = "key",
      .type = TD_CONFIG_PATH,
      .flags = TD_CONFIG_REQUIRED | TD_CONFIG_RELOADABLE,
      .help = "Its private key (PEM, without a pass phrase), for this switch alone to read.",
      .since = "0.1" },
    { .name = "namespaces",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help = "The namespaces whose values it signs.",
      .since = "0.1" },
    { .name = "identity",
      .type = TD_CONFIG_BOOL,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "no",
      .help = "Whether it signs for calling numbers: tokens of the type shaken.",
      .since = "0.1" },
};

const TdConfigSection passport_sections[PASSPORT_N_SECTIONS] = {
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = SECTION,
      .help = "PASSporTs: how they are verified, and what that may cost.",
      .keys = keys,
      .n_keys = G_N_ELEMENTS (keys) },
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = ANCHOR,
      .help = "Certificates that are trusted, and for what: [passport-anchor NAME].",
      .is_named = true,
      .keys = anchor_keys,
      .n_keys = G_N_ELEMENTS (anchor_keys) },
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = CERTIFICATE,
      .help = "A certificate that signs tokens, in a file: [passport-certificate NAME].",
      .is_named = true,
      .keys = certificate_keys,
      .n_keys = G_N_ELEMENTS (certificate_keys) },
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = SIGNER,
      .help = "A key that signs tokens here: [passport-signer NAME].",
      .is_named = true,
      .keys = signer_keys,
      .n_keys = G_N_ELEMENTS (signer_keys) },
};

/* --- Reading ----------------------------------------------------------------------------- */

typedef struct {
    const TdConfig *config;
    const char *section, *name;
    GError **error;
} Place;

static bool
fail (const Place *place, const char *key, const char *what)
{
    return td_config_refuse (place->config, place->section, place->name, key, NULL, place->error,
                             "%s", what);
}

static bool
fail_with (const Place *place, const char *key, GError *error)
{
    bool is_ok = fail (place, key, error->message);

    g_error_free (error);
    return is_ok;
}

static const char *
text (const Place *place, const char *key)
{
    const char *value = td_config_text (place->config, place->section, place->name, key);

    return value != NULL ? value : "";
}

static int64_t
number (const Place *place, const char *key)
{
    return td_config_number (place->config, place->section, place->name, key);
}

static bool
is_name_space (const char *name)
{
    return *name != '\0'
           && name[strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789-!%*_+`'~")] == '\0';
}

/* The list "namespaces" in lower case (transfer full), or NULL. */
static char **
read_name_spaces (const Place *place)
{
    g_auto (GStrv) names = g_strdupv (
        (char **) td_config_list (place->config, place->section, place->name, "namespaces"));

    for (char **name = names; *name != NULL; name++) {
        char *lower = g_ascii_strdown (*name, -1);
        g_free (*name);
        *name = lower;
        if (!is_name_space (lower)) {
            fail (place, "namespaces",
                  "it has what is no namespace: they are words such as ets, wps, esnet");
            return NULL;
        }
    }
    return g_steal_pointer (&names);
}

/* Says that it is good for nothing. */
static bool
is_of_use (const Place *place, char **name_spaces, bool is_for_identity)
{
    return *name_spaces != NULL || is_for_identity
           || fail (place, "namespaces",
                    "it is good for nothing: name namespaces, or say identity = yes");
}

static bool
read_revoked (Anchor *anchor, const Place *place)
{
    const char *file = text (place, "crl");
    GError *error = NULL;

    return *file == '\0'
           || anchor_read_revoked (anchor, file, number (place, "crl-expired") == 1, &error)
           || fail_with (place, "crl", error);
}

static bool
read_anchor (Settings *settings, const Place *place)
{
    GError *error = NULL;
    Anchor *anchor = NULL;

    if (settings->anchors->len == CREDENTIAL_MAX_ANCHORS) {
        return fail (place, "certificates", "there are more than 64 anchors");
    }
    anchor = anchor_read (place->name, text (place, "certificates"), &error);
    if (anchor == NULL) {
        return fail_with (place, "certificates", error);
    }
    g_ptr_array_add (settings->anchors, anchor);
    anchor->is_for_identity = td_config_bool (place->config, ANCHOR, place->name, "identity");
    anchor->name_spaces = read_name_spaces (place);
    return anchor->name_spaces != NULL && read_revoked (anchor, place)
           && is_of_use (place, anchor->name_spaces, anchor->is_for_identity);
}

static bool
is_uri (const char *info)
{
    return g_uri_is_valid (info, G_URI_FLAGS_NONE, NULL) && strpbrk (info, "<>\" ") == NULL;
}

/* What "info" says (transfer full), or NULL. */
static char *
read_info (const Place *place)
{
    const char *info = text (place, "info");

    if (!is_uri (info)) {
        fail (place, "info", "it is no URL: write it as https://HOST/PATH");
        return NULL;
    }
    return g_strdup (info);
}

static Credential *
read_certificate (const Settings *settings, const Place *place)
{
    g_autofree char *data = NULL;
    GError *error = NULL;
    gsize len = 0;

    if (!g_file_get_contents (text (place, "certificate"), &data, &len, &error)) {
        fail_with (place, "certificate", error);
        return NULL;
    }
    if (len > MAX_FILE_BYTES) {
        fail (place, "certificate", "the file is over 1 MiB");
        return NULL;
    }
    Credential *credential = credential_read (data, len, settings->anchors, &error);
    if (credential == NULL) {
        g_prefix_error (&error, "%s: ", text (place, "certificate"));
        fail_with (place, "certificate", error);
    }
    return credential;
}

static void
free_provisioned (void *data)
{
    Provisioned *provisioned = data;

    g_free (provisioned->name);
    g_free (provisioned->info);
    credential_unref (provisioned->credential);
    g_free (provisioned);
}

static bool
read_provisioned (Settings *settings, const Place *place)
{
    g_autofree char *info = read_info (place);
    Credential *credential = info != NULL ? read_certificate (settings, place) : NULL;

    if (credential == NULL) {
        return false;
    }
    if (g_hash_table_contains (settings->provisioned, info)) {
        credential_unref (credential);
        return fail (place, "info", "another [passport-certificate] has the same one");
    }
    Provisioned *provisioned = g_new (Provisioned, 1);
    *provisioned = (Provisioned){ .name = g_strdup (place->name),
                                  .info = g_steal_pointer (&info),
                                  .credential = credential };
    g_hash_table_insert (settings->provisioned, provisioned->info, provisioned);
    return true;
}

static void
free_signer (void *data)
{
    Signer *signer = data;

    g_free (signer->name);
    g_free (signer->info);
    g_strfreev (signer->name_spaces);
    credential_unref (signer->credential);
    EVP_PKEY_free (signer->key);
    g_free (signer);
}

static bool
read_signer (Settings *settings, const Place *place)
{
    Signer *signer = g_new0 (Signer, 1);
    GError *error = NULL;

    g_ptr_array_add (settings->signers, signer);
    signer->name = g_strdup (place->name);
    signer->is_for_identity = td_config_bool (place->config, SIGNER, place->name, "identity");
    signer->info = read_info (place);
    signer->name_spaces = signer->info != NULL ? read_name_spaces (place) : NULL;
    if (signer->name_spaces == NULL
        || !is_of_use (place, signer->name_spaces, signer->is_for_identity)) {
        return false;
    }
    signer->credential = read_certificate (settings, place);
    if (signer->credential == NULL) {
        return false;
    }
    signer->key = credential_read_key (text (place, "key"), signer->credential, &error);
    return signer->key != NULL || fail_with (place, "key", error);
}

typedef bool (*ReadOne) (Settings *settings, const Place *place);

static bool
read_each (Settings *settings, const TdConfig *config, const char *section, ReadOne read_one,
           GError **error)
{
    const char *const *names = td_config_instances (config, section);

    for (unsigned i = 0; names[i] != NULL; i++) {
        if (!read_one (settings, &(Place){ .config = config,
                                           .section = section,
                                           .name = names[i],
                                           .error = error })) {
            return false;
        }
    }
    return true;
}

static bool
read_digits (const Place *place, const char *key, char **ret)
{
    const char *digits = text (place, key);

    if (strspn (digits, "0123456789") != strlen (digits) || strlen (digits) > 7) {
        return fail (place, key, "it is to be digits, 7 at most");
    }
    *ret = g_strdup (digits);
    return true;
}

static bool
read_fetch (Settings *settings, const Place *place)
{
    settings->fetch = g_strdupv ((char **) td_config_list (place->config, SECTION, NULL, "fetch"));
    for (char **url = settings->fetch; *url != NULL; url++) {
        bool is_http = g_str_has_prefix (*url, "http://") || g_str_has_prefix (*url, "https://");
        const char *host = is_http ? strstr (*url, "://") + 3 : "";
        /* Without the slash "https://a.example" would fit https://a.example.org, too. */
        if (!is_uri (*url) || *host == '\0' || *host == '/' || strchr (host, '/') == NULL
            || strchr (host, '@') != NULL) {
            return fail (place, "fetch",
                         "it has what is no beginning of a URL with the slash behind the host: "
                         "write it as https://HOST/");
        }
    }
    return true;
}

static bool
read_main (Settings *settings, const Place *place)
{
    settings->freshness_us = number (place, "freshness") * MS_PER_S;
    settings->allows_once = number (place, "replay") == 1;
    settings->max_replays = (unsigned) number (place, "replays");
    settings->max_verdicts = (unsigned) number (place, "verdicts");
    settings->max_queue = (unsigned) number (place, "queue");
    settings->n_verifiers = (unsigned) number (place, "verifiers");
    settings->keep_us = number (place, "keep") * MS_PER_S;
    settings->retry_us = number (place, "fetch-retry") * MS_PER_S;
    settings->fetch_ms = (uint32_t) number (place, "fetch-deadline");
    settings->warning_s = number (place, "expiry-warning") / MS_PER_S;
    settings->max_failures = (unsigned) number (place, "alarm-failures");
    settings->window_ms = (uint32_t) number (place, "alarm-window");
    if (!read_digits (place, "country-code", &settings->country)
        || !read_digits (place, "national-prefix", &settings->national)
        || !read_digits (place, "international-prefix", &settings->international)) {
        return false;
    }
    settings->plan = (CanonPlan){ .country = settings->country,
                                  .national = settings->national,
                                  .international = settings->international };
    return read_fetch (settings, place);
}

static void
unused (TdTable *table)
{
    Settings *settings = (Settings *) table;

    g_ptr_array_unref (settings->signers);
    g_hash_table_unref (settings->provisioned);
    g_ptr_array_unref (settings->anchors);
    g_strfreev (settings->fetch);
    g_free (settings->country);
    g_free (settings->national);
    g_free (settings->international);
    g_free (settings);
}

Settings *
settings_new (const TdConfig *config, GError **error)
{
    Settings *settings = g_new0 (Settings, 1);
    const Place place = { .config = config, .section = SECTION, .error = error };

    td_table_init (&settings->table, unused);
    settings->anchors = g_ptr_array_new_with_free_func (anchor_free);
    settings->signers = g_ptr_array_new_with_free_func (free_signer);
    settings->provisioned = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_provisioned);
    if (!read_main (settings, &place) || !read_each (settings, config, ANCHOR, read_anchor, error)
        || !read_each (settings, config, CERTIFICATE, read_provisioned, error)
        || !read_each (settings, config, SIGNER, read_signer, error)) {
        td_table_unref (&settings->table);
        return NULL;
    }
    return settings;
}

/* Whether URL has a segment "." or ".." (RFC 3986 5.2.4), as it stands or escaped: what it begins with is not where
 * it leads then. */
static bool
has_dot_segment (const char *url)
{
    g_autofree char *path = g_strndup (url, strcspn (url, "?#"));
    g_autofree char *plain = g_uri_unescape_string (path, NULL);
    g_auto (GStrv) segments = plain != NULL ? g_strsplit_set (plain, "/\\", -1) : NULL;

    return segments == NULL || g_strv_contains ((const char *const *) segments, ".")
           || g_strv_contains ((const char *const *) segments, "..");
}

bool
settings_may_fetch (const Settings *settings, const char *info)
{
    if (has_dot_segment (info)) {
        return false;
    }
    for (char **url = settings->fetch; *url != NULL; url++) {
        if (g_str_has_prefix (info, *url)) {
            return true;
        }
    }
    return false;
}
