/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys, certificates and tokens for tests. */

#include "common/pki.h"

#include <openssl/asn1t.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { HALF_YEAR_S = 15768000 };

static void
add_extension (X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;

    X509V3_set_ctx (&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid (NULL, &context, nid, value);
    g_assert_nonnull (extension);
    g_assert_cmpint (X509_add_ext (certificate, extension, -1), ==, 1);
    X509_EXTENSION_free (extension);
}

/* The extension OID, not critical, whose value is TEXT: "SEQUENCE:x", with SECTION as "[x]". */
static void
add_unknown (X509 *certificate, const char *oid, const char *text, const char *section)
{
    CONF *conf = NCONF_new (NULL);
    BIO *in = BIO_new_mem_buf (section, -1);
    X509V3_CTX context;
    long line;

    g_assert_cmpint (NCONF_load_bio (conf, in, &line), ==, 1);
    X509V3_set_ctx (&context, certificate, certificate, NULL, NULL, 0);
    X509V3_set_nconf (&context, conf);
    ASN1_TYPE *value = ASN1_generate_v3 (text, &context);
    g_assert_nonnull (value);
    unsigned char *der = NULL;
    int len = i2d_ASN1_TYPE (value, &der);
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new ();
    ASN1_OCTET_STRING_set (octets, der, len);
    ASN1_OBJECT *object = OBJ_txt2obj (oid, 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ (NULL, object, 0, octets);
    X509_add_ext (certificate, extension, -1);
    X509_EXTENSION_free (extension);
    ASN1_OBJECT_free (object);
    ASN1_OCTET_STRING_free (octets);
    OPENSSL_free (der);
    ASN1_TYPE_free (value);
    BIO_free (in);
    NCONF_free (conf);
}

static void
add_extensions (Pair *pair, X509 *issuer, const PairDraft *draft)
{
    X509 *certificate = pair->certificate;

    add_extension (certificate, issuer, NID_basic_constraints,
                   draft->is_authority ? "critical,CA:TRUE" : "CA:FALSE");
    add_extension (certificate, issuer, NID_key_usage,
                   draft->is_authority  ? "critical,keyCertSign,cRLSign"
                   : draft->is_for_keys ? "critical,keyAgreement"
                                        : "critical,digitalSignature");
    if (draft->dns != NULL) {
        g_autofree char *name = g_strdup_printf ("DNS:%s", draft->dns);
        add_extension (certificate, issuer, NID_subject_alt_name, name);
    }
    if (draft->numbers != NULL) {
        add_unknown (certificate, "1.3.6.1.5.5.7.1.26", "SEQUENCE:list", draft->numbers);
    }
    if (draft->required != NULL) {
        g_autofree char *section =
            g_strdup_printf ("[c]\na=EXP:0,SEQUENCE:n\n[n]\na=IA5STRING:%s\n", draft->required);
        add_unknown (certificate, "1.3.6.1.5.5.7.1.27", "SEQUENCE:c", section);
    }
}

static void
set_time (ASN1_TIME *time, int64_t at_s)
{
    g_assert_nonnull (ASN1_TIME_set (time, (time_t) at_s));
}

Pair *
pair_new (const PairDraft *draft)
{
    Pair *pair = g_new0 (Pair, 1);
    X509 *certificate = pair->certificate = X509_new ();

    pair->key = EVP_EC_gen (draft->curve != NULL ? draft->curve : "P-256");
    const Pair *issuer = draft->issuer != NULL ? draft->issuer : pair;
    X509_set_version (certificate, X509_VERSION_3);
    ASN1_INTEGER_set (X509_get_serialNumber (certificate), g_random_int_range (1, G_MAXINT32));
    set_time (X509_getm_notBefore (certificate),
              draft->from_s != 0 ? draft->from_s : draft->now_s - HALF_YEAR_S);
    set_time (X509_getm_notAfter (certificate),
              draft->until_s != 0 ? draft->until_s : draft->now_s + HALF_YEAR_S);
    X509_NAME_add_entry_by_txt (X509_get_subject_name (certificate), "CN", MBSTRING_UTF8,
                                (const unsigned char *) draft->name, -1, -1, 0);
    X509_set_issuer_name (certificate, X509_get_subject_name (issuer->certificate));
    X509_set_pubkey (certificate, pair->key);
    add_extensions (pair, issuer->certificate, draft);
    g_assert_cmpint (X509_sign (certificate, issuer->key, EVP_sha256 ()), >, 0);
    return pair;
}

void
pair_free (Pair *pair)
{
    if (pair != NULL) {
        X509_free (pair->certificate);
        EVP_PKEY_free (pair->key);
        g_free (pair);
    }
}

static char *
take_text (BIO *out)
{
    char *data;
    long len = BIO_get_mem_data (out, &data);
    char *text = g_strndup (data, (gsize) len);

    BIO_free (out);
    return text;
}

char *
pair_print (const Pair *first, const Pair *second)
{
    BIO *out = BIO_new (BIO_s_mem ());

    PEM_write_bio_X509 (out, first->certificate);
    if (second != NULL) {
        PEM_write_bio_X509 (out, second->certificate);
    }
    return take_text (out);
}

char *
pair_print_key (const Pair *pair)
{
    BIO *out = BIO_new (BIO_s_mem ());

    PEM_write_bio_PrivateKey (out, pair->key, NULL, NULL, 0, NULL, NULL);
    return take_text (out);
}

static char *
encode (const void *bytes, size_t len)
{
    char *text = g_base64_encode (bytes, len);

    g_strdelimit (text, "+", '-');
    g_strdelimit (text, "/", '_');
    text[strcspn (text, "=")] = '\0';
    return text;
}

char *
pki_token (const Pair *pair, const char *header, const char *payload)
{
    g_autofree char *first = encode (header, strlen (header));
    g_autofree char *second = encode (payload, strlen (payload));
    g_autofree char *text = g_strjoin (".", first, second, NULL);
    unsigned char der[256], raw[64];
    size_t len = sizeof der;
    EVP_MD_CTX *context = EVP_MD_CTX_new ();

    EVP_DigestSignInit (context, NULL, EVP_sha256 (), NULL, pair->key);
    g_assert_cmpint (EVP_DigestSign (context, der, &len, (unsigned char *) text, strlen (text)), ==,
                     1);
    EVP_MD_CTX_free (context);
    const unsigned char *at = der;
    ECDSA_SIG *signature = d2i_ECDSA_SIG (NULL, &at, (long) len);
    /* A longer curve's does not fit, and is no ES256 whatever is cut off. */
    if (BN_bn2binpad (ECDSA_SIG_get0_r (signature), raw, 32) != 32
        || BN_bn2binpad (ECDSA_SIG_get0_s (signature), raw + 32, 32) != 32) {
        memset (raw, 1, sizeof raw);
    }
    ECDSA_SIG_free (signature);
    g_autofree char *third = encode (raw, sizeof raw);
    return g_strjoin (".", text, third, NULL);
}

char *
pki_identity (const Pair *pair, const char *info, const char *ppt, const char *payload)
{
    g_autofree char *type = ppt != NULL ? g_strdup_printf ("\"ppt\":\"%s\",", ppt) : g_strdup ("");
    g_autofree char *header =
        g_strdup_printf ("{\"alg\":\"ES256\",%s\"typ\":\"passport\",\"x5u\":\"%s\"}", type, info);
    g_autofree char *token = pki_token (pair, header, payload);

    return ppt != NULL ? g_strdup_printf ("%s;info=<%s>;alg=ES256;ppt=\"%s\"", token, info, ppt)
                       : g_strdup_printf ("%s;info=<%s>", token, info);
}

char *
pki_revoke (const Pair *issuer, const Pair *revoked, int64_t now_s)
{
    X509_CRL *list = X509_CRL_new ();
    ASN1_TIME *from = ASN1_TIME_set (NULL, (time_t) now_s - 1);
    ASN1_TIME *until = ASN1_TIME_set (NULL, (time_t) now_s + HALF_YEAR_S);
    BIO *out = BIO_new (BIO_s_mem ());

    X509_CRL_set_version (list, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name (list, X509_get_subject_name (issuer->certificate));
    X509_CRL_set1_lastUpdate (list, from);
    X509_CRL_set1_nextUpdate (list, until);
    if (revoked != NULL) {
        X509_REVOKED *entry = X509_REVOKED_new ();
        X509_REVOKED_set_serialNumber (entry, X509_get_serialNumber (revoked->certificate));
        X509_REVOKED_set_revocationDate (entry, from);
        X509_CRL_add0_revoked (list, entry);
    }
    g_assert_cmpint (X509_CRL_sign (list, issuer->key, EVP_sha256 ()), >, 0);
    PEM_write_bio_X509_CRL (out, list);
    X509_CRL_free (list);
    ASN1_TIME_free (from);
    ASN1_TIME_free (until);
    return take_text (out);
}

char *
pki_turn (const char *token)
{
    const char *at = strchr (strchr (token, '.') + 1, '.') + 1;
    size_t len = strcspn (at, ";");
    g_autofree char *before = g_strndup (token, (size_t) (at - token));
    g_autofree char *text = g_strdup_printf ("%.*s==", (int) len, at);
    gsize n_bytes;

    g_strdelimit (text, "-", '+');
    g_strdelimit (text, "_", '/');
    g_autofree unsigned char *raw = g_base64_decode (text, &n_bytes);
    g_assert_cmpuint (n_bytes, ==, 64);
    EC_GROUP *group = EC_GROUP_new_by_curve_name (NID_X9_62_prime256v1);
    BIGNUM *s = BN_bin2bn (raw + 32, 32, NULL);
    BN_sub (s, EC_GROUP_get0_order (group), s);
    BN_bn2binpad (s, raw + 32, 32);
    BN_free (s);
    EC_GROUP_free (group);
    g_autofree char *after = encode (raw, 64);
    return g_strconcat (before, after, at + len, NULL);
}
