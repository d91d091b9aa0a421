/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certificates: read, checked against the anchors, and used for ES256. */

#include "credential.h"

#include "extension.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { HALF = TOKEN_SIGNATURE_BYTES / 2 };

static bool
fail (GError **error, const char *what)
{
    ERR_clear_error ();
    g_set_error_literal (error, TD_ERROR, TD_ERROR_INVALID, what);
    return false;
}

static int64_t
time_of (const ASN1_TIME *time)
{
    struct tm tm;

    if (ASN1_TIME_to_tm (time, &tm) != 1) {
        return 0;
    }
    g_autoptr (GDateTime) date = g_date_time_new_utc (tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                                                      tm.tm_hour, tm.tm_min, tm.tm_sec);
    return date != NULL ? g_date_time_to_unix (date) : 0;
}

static char *
subject_of (X509 *certificate)
{
    BIO *out = BIO_new (BIO_s_mem ());
    char *text = NULL;

    X509_NAME_print_ex (out, X509_get_subject_name (certificate), 0, XN_FLAG_RFC2253);
    long len = BIO_get_mem_data (out, &text);
    char *subject = g_strndup (text, (gsize) MAX (len, 0));
    BIO_free (out);
    return subject;
}

/* Opens FILE for reading, or says why not. */
static BIO *
open_file (const char *file, GError **error)
{
    BIO *in;

    errno = 0;
    in = BIO_new_file (file, "r");
    if (in == NULL) {
        ERR_clear_error ();
        g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "%s: %s", file,
                     errno != 0 ? g_strerror (errno) : "it cannot be opened");
    }
    return in;
}

/* --- Anchors ----------------------------------------------------------------------------- */

static unsigned
add_certificates (Anchor *anchor, BIO *in)
{
    unsigned n = 0;
    X509 *certificate;

    while ((certificate = PEM_read_bio_X509 (in, NULL, NULL, NULL)) != NULL) {
        int64_t until_s = time_of (X509_get0_notAfter (certificate));
        if (n++ == 0) {
            anchor->subject = subject_of (certificate);
            anchor->until_s = until_s;
        }
        anchor->until_s = MIN (anchor->until_s, until_s);
        X509_STORE_add_cert (anchor->store, certificate);
        X509_free (certificate);
    }
    ERR_clear_error ();
    return n;
}

Anchor *
anchor_read (const char *name, const char *file, GError **error)
{
    BIO *in = open_file (file, error);

    if (in == NULL) {
        return NULL;
    }
    Anchor *anchor = g_new0 (Anchor, 1);
    anchor->name = g_strdup (name);
    anchor->store = X509_STORE_new ();
    anchor->crl_until_s = INT64_MAX;
    unsigned n = add_certificates (anchor, in);
    BIO_free (in);
    if (n == 0) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "%s: no certificate can be read there: it is to be PEM", file);
        anchor_free (anchor);
        return NULL;
    }
    return anchor;
}

/* An anchor is believed because the operator says so: nobody above it needs to have a list. */
static int
judge_list (int is_good, X509_STORE_CTX *context)
{
    int error = X509_STORE_CTX_get_error (context);
    int last = sk_X509_num (X509_STORE_CTX_get0_chain (context)) - 1;

    if (is_good == 0 && X509_STORE_CTX_get_error_depth (context) == last
        && (error == X509_V_ERR_UNABLE_TO_GET_CRL
            || error == X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER)) {
        X509_STORE_CTX_set_error (context, X509_V_OK);
        return 1;
    }
    return is_good;
}

bool
anchor_read_revoked (Anchor *anchor, const char *file, bool refuses_stale, GError **error)
{
    BIO *in = open_file (file, error);
    unsigned n = 0;
    X509_CRL *list;

    if (in == NULL) {
        return false;
    }
    ERR_clear_error ();
    while ((list = PEM_read_bio_X509_CRL (in, NULL, NULL, NULL)) != NULL) {
        const ASN1_TIME *next = X509_CRL_get0_nextUpdate (list);
        if (next != NULL) {
            anchor->crl_until_s = MIN (anchor->crl_until_s, time_of (next));
        }
        X509_STORE_add_crl (anchor->store, list);
        X509_CRL_free (list);
        n++;
    }
    BIO_free (in);
    bool is_whole = n > 0 && ERR_GET_REASON (ERR_peek_last_error ()) == PEM_R_NO_START_LINE;
    ERR_clear_error ();
    if (!is_whole) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "%s: no revocation lists can be read there: it is to be PEM", file);
        return false;
    }
    anchor->refuses_stale = refuses_stale;
    X509_STORE_set_flags (anchor->store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    X509_STORE_set_verify_cb (anchor->store, judge_list);
    return true;
}

void
anchor_free (void *data)
{
    Anchor *anchor = data;

    X509_STORE_free (anchor->store);
    g_strfreev (anchor->name_spaces);
    g_free (anchor->subject);
    g_free (anchor->name);
    g_free (anchor);
}

bool
anchor_has_name_space (const Anchor *anchor, const char *r_value)
{
    size_t len = strcspn (r_value, ".");

    for (char **name = anchor->name_spaces; name != NULL && *name != NULL; name++) {
        if (strlen (*name) == len && g_ascii_strncasecmp (*name, r_value, len) == 0) {
            return true;
        }
    }
    return false;
}

/* --- What an anchor says ------------------------------------------------------------------ */

static void
free_bytes (void *bytes)
{
    g_byte_array_unref (bytes);
}

static void
follow_chain (Vouch *vouch, const Anchor *anchor, STACK_OF (X509) * chain)
{
    vouch->is_vouched = true;
    vouch->until_s = anchor->refuses_stale ? anchor->crl_until_s : INT64_MAX;
    for (int i = 0; i < sk_X509_num (chain); i++) {
        X509 *certificate = sk_X509_value (chain, i);
        GByteArray *list = extension_find (certificate, EXTENSION_TN_AUTH_LIST);
        vouch->from_s = MAX (vouch->from_s, time_of (X509_get0_notBefore (certificate)));
        vouch->until_s = MIN (vouch->until_s, time_of (X509_get0_notAfter (certificate)));
        if (list != NULL) {
            g_ptr_array_add (vouch->numbers, list);
        }
    }
}

/* Whatever the time is, so that it need not be done again for each token: when the chain is good is kept
 * beside. An anchor may be a certificate below a root. */
static void
make_vouch (Vouch *vouch, const Anchor *anchor, const Credential *credential)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new ();

    vouch->numbers = g_ptr_array_new_with_free_func (free_bytes);
    if (X509_STORE_CTX_init (context, anchor->store, credential->leaf, credential->chain) == 1) {
        X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param (context);
        X509_VERIFY_PARAM_set_flags (param, X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_PARTIAL_CHAIN);
        X509_VERIFY_PARAM_set_depth (param, CREDENTIAL_MAX_CHAIN);
        if (X509_verify_cert (context) == 1) {
            follow_chain (vouch, anchor, X509_STORE_CTX_get0_chain (context));
        }
    }
    if (!vouch->is_vouched) {
        vouch->why = g_strdup (X509_verify_cert_error_string (X509_STORE_CTX_get_error (context)));
    }
    X509_STORE_CTX_free (context);
    ERR_clear_error ();
}

/* --- Certificates ------------------------------------------------------------------------ */

/* The certificates in IN, the first one to RET_LEAF, others to CHAIN. */
static void
read_pem (BIO *in, X509 **ret_leaf, STACK_OF (X509) * chain)
{
    X509 *certificate;

    *ret_leaf = PEM_read_bio_X509 (in, NULL, NULL, NULL);
    while (*ret_leaf != NULL && sk_X509_num (chain) < CREDENTIAL_MAX_CHAIN
           && (certificate = PEM_read_bio_X509 (in, NULL, NULL, NULL)) != NULL) {
        sk_X509_push (chain, certificate);
    }
    ERR_clear_error ();
}

/* RFC 8226 4: a key on P-256, and one that may sign. */
static bool
check_key (const Credential *credential, GError **error)
{
    char group[32] = "";

    if (credential->key == NULL || EVP_PKEY_get_base_id (credential->key) != EVP_PKEY_EC
        || EVP_PKEY_get_group_name (credential->key, group, sizeof group, NULL) != 1
        || strcmp (group, SN_X9_62_prime256v1) != 0) {
        return fail (error, "the certificate's key is not on the curve P-256");
    }
    if ((X509_get_key_usage (credential->leaf) & KU_DIGITAL_SIGNATURE) == 0) {
        return fail (error, "the certificate's key is not for signatures");
    }
    return true;
}

static bool
fill (Credential *credential, const void *data, size_t len, GError **error)
{
    BIO *in = BIO_new_mem_buf (data, (int) MIN (len, G_MAXINT));

    read_pem (in, &credential->leaf, credential->chain);
    BIO_free (in);
    if (credential->leaf == NULL) {
        const unsigned char *at = data;
        credential->leaf = d2i_X509 (NULL, &at, (long) MIN (len, G_MAXINT)); /* RFC 2585 4.1 */
    }
    if (credential->leaf == NULL) {
        return fail (error, "no certificate can be read there: it is to be PEM or DER");
    }
    credential->key = X509_get_pubkey (credential->leaf);
    credential->subject = subject_of (credential->leaf);
    credential->from_s = time_of (X509_get0_notBefore (credential->leaf));
    credential->until_s = time_of (X509_get0_notAfter (credential->leaf));
    return check_key (credential, error);
}

Credential *
credential_read (const void *data, size_t len, const GPtrArray *anchors, GError **error)
{
    g_autoptr (Credential) credential = g_new0 (Credential, 1);

    atomic_init (&credential->n_refs, 1);
    credential->chain = sk_X509_new_null ();
    if (!fill (credential, data, len, error)) {
        return NULL;
    }
    credential->n_vouches = anchors->len;
    credential->vouches = g_new0 (Vouch, MAX (anchors->len, 1));
    for (unsigned i = 0; i < anchors->len; i++) {
        make_vouch (&credential->vouches[i], anchors->pdata[i], credential);
    }
    return g_steal_pointer (&credential);
}

Credential *
credential_ref (Credential *credential)
{
    atomic_fetch_add (&credential->n_refs, 1);
    return credential;
}

void
credential_unref (Credential *credential)
{
    if (credential == NULL || atomic_fetch_sub (&credential->n_refs, 1) > 1) {
        return;
    }
    for (unsigned i = 0; i < credential->n_vouches; i++) {
        g_free (credential->vouches[i].why);
        g_ptr_array_unref (credential->vouches[i].numbers);
    }
    g_free (credential->vouches);
    X509_free (credential->leaf);
    sk_X509_pop_free (credential->chain, X509_free);
    EVP_PKEY_free (credential->key);
    g_free (credential->subject);
    g_free (credential);
}

bool
credential_covers_number (const Vouch *vouch, const char *tn, Finding *finding)
{
    /* RFC 8226 9: that of a certificate of an authority limits those below it. */
    for (unsigned i = 0; i < vouch->numbers->len; i++) {
        if (!extension_has_number (vouch->numbers->pdata[i], tn)) {
            return finding_fail (finding, "number", TD_PASSPORT_UNTRUSTED,
                                 "its certificate is for other calling numbers");
        }
    }
    finding_pass (finding, "number", "the certificate may sign for %s", tn);
    return true;
}

bool
credential_permits_claims (const Credential *credential, const Token *token, Finding *finding)
{
    g_autoptr (GByteArray) constraints =
        extension_find (credential->leaf, EXTENSION_CLAIM_CONSTRAINT);
    const char *why = NULL;

    if (constraints != NULL && !extension_permits (constraints, token->payload, &why)) {
        ERR_clear_error ();
        return finding_fail (finding, "claims", TD_PASSPORT_UNTRUSTED, "%s", why);
    }
    return true;
}

/* --- ES256 (RFC 7518 3.4: R and S, 32 bytes each; OpenSSL takes and gives DER) ---------------- */

static bool
is_right (EVP_PKEY *key, const unsigned char *der, size_t der_len, const char *text, size_t len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new ();
    bool is_right =
        EVP_DigestVerifyInit (context, NULL, EVP_sha256 (), NULL, key) == 1
        && EVP_DigestVerify (context, der, der_len, (const unsigned char *) text, len) == 1;

    EVP_MD_CTX_free (context);
    return is_right;
}

bool
credential_has_signed (EVP_PKEY *key, const Token *token)
{
    ECDSA_SIG *pair = ECDSA_SIG_new ();
    unsigned char *der = NULL;

    ECDSA_SIG_set0 (pair, BN_bin2bn (token->signature, HALF, NULL),
                    BN_bin2bn (token->signature + HALF, HALF, NULL));
    int der_len = i2d_ECDSA_SIG (pair, &der);
    bool has_signed =
        der_len > 0 && is_right (key, der, (size_t) der_len, token->text, token->signed_bytes);
    OPENSSL_free (der);
    ECDSA_SIG_free (pair);
    ERR_clear_error ();
    return has_signed;
}

static bool
split (const unsigned char *der, size_t der_len, uint8_t ret[TOKEN_SIGNATURE_BYTES])
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG (NULL, &der, (long) der_len);

    if (pair == NULL) {
        return false;
    }
    bool is_split = BN_bn2binpad (ECDSA_SIG_get0_r (pair), ret, HALF) == HALF
                    && BN_bn2binpad (ECDSA_SIG_get0_s (pair), ret + HALF, HALF) == HALF;
    ECDSA_SIG_free (pair);
    return is_split;
}

/* RFC 8225 4.2 would like RFC 6979's nonces, which OpenSSL 3.0 does not make; its own are made of the key
 * and the text as well as of random bytes, so that none is used twice. */
bool
credential_sign (EVP_PKEY *key, const char *text, uint8_t ret[TOKEN_SIGNATURE_BYTES])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new ();
    unsigned char der[128];
    size_t der_len = sizeof der;
    bool is_signed =
        EVP_DigestSignInit (context, NULL, EVP_sha256 (), NULL, key) == 1
        && EVP_DigestSign (context, der, &der_len, (const unsigned char *) text, strlen (text)) == 1
        && split (der, der_len, ret);

    EVP_MD_CTX_free (context);
    ERR_clear_error ();
    return is_signed;
}

EVP_PKEY *
credential_read_key (const char *file, const Credential *credential, GError **error)
{
    BIO *in = open_file (file, error);

    if (in == NULL) {
        return NULL;
    }
    /* An empty pass phrase, so that nobody is asked for one. */
    EVP_PKEY *key = PEM_read_bio_PrivateKey (in, NULL, NULL, (void *) "");
    BIO_free (in);
    ERR_clear_error ();
    if (key == NULL) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "%s: no private key can be read there: it is to be PEM, without a pass phrase",
                     file);
    } else if (X509_check_private_key (credential->leaf, key) != 1) {
        ERR_clear_error ();
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "%s: the private key is not that of the certificate", file);
        g_clear_pointer (&key, EVP_PKEY_free);
    }
    return key;
}
