/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Identities: certificate, key and whom to believe, read from files at start and at each reload. */

#include "tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <time.h>

enum {
    MAX_CHAIN_BYTES = 32 << 10, /* of the certificates that a peer shows */
    MAX_CHAIN = 8,
};

static void
identity_free (void *data)
{
    Identity *identity = data;

    SSL_CTX_free (identity->context);
    g_free (identity->name);
    g_free (identity);
}

static void
identities_free (TdTable *table)
{
    Identities *identities = (Identities *) table;

    g_hash_table_unref (identities->by_name);
    g_free (identities);
}

const Identity *
identities_find (const Identities *identities, const char *name)
{
    return identities != NULL && name != NULL ? g_hash_table_lookup (identities->by_name, name)
                                              : NULL;
}

/* Where an identity is read from, and what goes wrong. */
typedef struct {
    const TdConfig *config;
    const char *name;
    GError **error;
} Reading;

static const char *
text_of (const Reading *reading, const char *key)
{
    const char *text = td_config_text (reading->config, TLS_SECTION, reading->name, key);

    return text != NULL ? text : "";
}

/* With what OpenSSL has to say of it. */
static bool
refuse (const Reading *reading, const char *key, const char *what)
{
    unsigned long code = ERR_peek_last_error ();
    const char *reason = code != 0 ? ERR_reason_error_string (code) : NULL;
    g_autofree char *detail =
        reason != NULL ? g_strdup_printf (" (OpenSSL: %s)", reason) : g_strdup ("");

    ERR_clear_error ();
    return td_config_refuse (reading->config, TLS_SECTION, reading->name, key,
                             text_of (reading, key), reading->error, "%s%s", what, detail);
}

/* Nobody sits at a terminal. */
static int
no_passphrase (char *buffer, int size, int is_writing, void *data)
{
    return 0;
}

static bool
read_own (const Reading *reading, Identity *identity)
{
    SSL_CTX *context = identity->context;

    SSL_CTX_set_default_passwd_cb (context, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file (context, text_of (reading, "certificate")) != 1) {
        return refuse (reading, "certificate",
                       "no certificate can be read from it; it holds the switch's own in PEM, "
                       "first, and those that lead to the authority");
    }
    if (SSL_CTX_use_PrivateKey_file (context, text_of (reading, "key"), SSL_FILETYPE_PEM) != 1) {
        return refuse (reading, "key",
                       "it holds no private key of the certificate in PEM without a passphrase");
    }
    if (SSL_CTX_check_private_key (context) != 1) {
        return refuse (reading, "key", "it is not the key of the certificate");
    }
    return true;
}

static bool
read_authorities (const Reading *reading, Identity *identity)
{
    const char *ca = text_of (reading, "ca");

    identity->is_verifying =
        td_config_number (reading->config, TLS_SECTION, reading->name, "verify") != 0;
    if (*ca == '\0') {
        return !identity->is_verifying
               || refuse (reading, "ca",
                          "verify = peer needs ca: the file of the authorities that are believed");
    }
    STACK_OF (X509_NAME) *names = SSL_load_client_CA_file (ca);
    if (names == NULL || SSL_CTX_load_verify_file (identity->context, ca) != 1) {
        sk_X509_NAME_pop_free (names, X509_NAME_free);
        return refuse (reading, "ca", "no certificates of authorities can be read from it");
    }
    SSL_CTX_set_client_CA_list (identity->context, names);
    return true;
}

/* Takes LIST (transfer full). */
static void
add_list (Identity *identity, X509_CRL *list)
{
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate (list);
    struct tm end;

    if (next != NULL && ASN1_TIME_to_tm (next, &end) == 1) {
        identity->crl_expires_s = MIN (identity->crl_expires_s, (int64_t) timegm (&end));
    }
    X509_STORE_add_crl (SSL_CTX_get_cert_store (identity->context), list);
    X509_CRL_free (list);
}

/* All lists in FILE; false: there is none, or one that cannot be read. */
static bool
add_lists (Identity *identity, const char *file)
{
    BIO *in = BIO_new_file (file, "r");
    unsigned n = 0;
    X509_CRL *list;

    while (in != NULL && (list = PEM_read_bio_X509_CRL (in, NULL, NULL, NULL)) != NULL) {
        add_list (identity, list);
        n++;
    }
    BIO_free (in);
    return n > 0 && ERR_GET_REASON (ERR_peek_last_error ()) == PEM_R_NO_START_LINE;
}

/* RFC 5280 5, 6.3. Of all certificates up to the authority: each of these may have been revoked. */
static bool
read_revoked (const Reading *reading, Identity *identity)
{
    const char *file = text_of (reading, "crl");

    identity->crl_expires_s = INT64_MAX;
    identity->refuses_stale =
        td_config_number (reading->config, TLS_SECTION, reading->name, "crl-expired") != 0;
    if (*file == '\0') {
        return true;
    }
    if (!identity->is_verifying) {
        return refuse (reading, "crl", "verify = none asks nobody for a certificate: leave it out");
    }
    ERR_clear_error ();
    if (!add_lists (identity, file)) {
        return refuse (reading, "crl",
                       "no lists of revoked certificates, in PEM, can be read from it");
    }
    ERR_clear_error ();
    X509_VERIFY_PARAM_set_flags (SSL_CTX_get0_param (identity->context),
                                 X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return true;
}

static bool
read_methods (const Reading *reading, Identity *identity)
{
    int minimum = td_config_number (reading->config, TLS_SECTION, reading->name, "minimum") == 0
                      ? TLS1_2_VERSION
                      : TLS1_3_VERSION;

    if (SSL_CTX_set_min_proto_version (identity->context, minimum) != 1) {
        return refuse (reading, "minimum", "this host's OpenSSL does not have it");
    }
    if (SSL_CTX_set_cipher_list (identity->context, text_of (reading, "ciphers")) != 1) {
        return refuse (reading, "ciphers", "OpenSSL knows none of these");
    }
    return true;
}

/* Connections last for days: nothing is gained by resuming a session, and one that was resumed would not
 * see that its certificate is not believed any more. New keys are made (TLS 1.3), but no connection
 * becomes somebody else's. */
void
identity_set_manners (SSL_CTX *context)
{
    SSL_CTX_set_options (context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET
                                      | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode (context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets (context, 0);
    SSL_CTX_set_mode (context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_max_cert_list (context, MAX_CHAIN_BYTES);
    SSL_CTX_set_verify_depth (context, MAX_CHAIN);
}

/* What an operator wants to be told of the certificate. */
static void
look_at_own (Identity *identity)
{
    const X509 *certificate = SSL_CTX_get0_certificate (identity->context);
    EVP_PKEY *key = SSL_CTX_get0_privatekey (identity->context);

    identity->expires_s = end_of_certificate (certificate);
    if (EVP_PKEY_get_base_id (key) == EVP_PKEY_RSA) {
        identity->rsa_bits = (unsigned) EVP_PKEY_get_bits (key);
    }
}

static Identity *
identity_new (const Reading *reading)
{
    Identity *identity = g_new0 (Identity, 1);

    identity->name = g_strdup (reading->name);
    identity->context = SSL_CTX_new (TLS_method ());
    if (identity->context == NULL) {
        refuse (reading, "certificate", "OpenSSL cannot be used");
        identity_free (identity);
        return NULL;
    }
    identity_set_manners (identity->context);
    if (!read_methods (reading, identity) || !read_own (reading, identity)
        || !read_authorities (reading, identity) || !read_revoked (reading, identity)) {
        identity_free (identity);
        return NULL;
    }
    look_at_own (identity);
    return identity;
}

Identities *
identities_new (const TdConfig *config, uint64_t generation, GError **error)
{
    const char *const *names = td_config_instances (config, TLS_SECTION);
    Identities *identities = g_new0 (Identities, 1);

    td_table_init (&identities->table, identities_free);
    identities->generation = generation;
    identities->by_name = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, identity_free);
    for (; *names != NULL; names++) {
        Identity *identity = identity_new (&(Reading){ config, *names, error });
        if (identity == NULL) {
            td_table_unref (&identities->table);
            return NULL;
        }
        identity->generation = generation;
        g_hash_table_insert (identities->by_name, identity->name, identity);
    }
    return identities;
}
