/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whom a certificate stands for in SIP (RFC 5922 7.1). */

#include "tls.h"

#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

enum { MAX_NAMES = 64 };

/* The text of VALUE, or NULL where it would end before its end. */
static const char *
text_of (const ASN1_IA5STRING *value, size_t *ret_len)
{
    const char *text = (const char *) ASN1_STRING_get0_data (value);
    int len = ASN1_STRING_length (value);

    if (text == NULL || len <= 0 || memchr (text, '\0', (size_t) len) != NULL) {
        return NULL;
    }
    *ret_len = (size_t) len;
    return text;
}

/* Adds a domain. RFC 5922 7.2: what stands for many domains stands for none. */
static void
add_domain (GPtrArray *names, const char *text, size_t len)
{
    bool is_plain = len > 0 && text[0] != '.';

    for (size_t i = 0; i < len; i++) {
        is_plain = is_plain && (g_ascii_isalnum (text[i]) || strchr ("-._[]:", text[i]) != NULL);
    }
    if (is_plain && names->len < MAX_NAMES) {
        g_ptr_array_add (names, g_strndup (text, len));
    }
}

/* RFC 5922 7.1: of the scheme "sip" alone, and none of a user. What follows the host is of no
 * meaning. */
static void
add_uri (GPtrArray *names, const ASN1_IA5STRING *value)
{
    size_t len, host_len;
    const char *text = text_of (value, &len);

    if (text == NULL || len < 5 || g_ascii_strncasecmp (text, "sip:", 4) != 0
        || memchr (text, '@', len) != NULL) {
        return;
    }
    g_autofree char *host = g_strndup (text + 4, len - 4);
    const char *end = host[0] == '[' ? strchr (host, ']') : NULL;
    host_len = end != NULL ? (size_t) (end + 1 - host) : strcspn (host, ":;?");
    add_domain (names, host, host_len);
}

char **
names_of_certificate (const X509 *certificate)
{
    GPtrArray *uris = g_ptr_array_new (), *hosts = g_ptr_array_new ();
    GENERAL_NAMES *all = X509_get_ext_d2i (certificate, NID_subject_alt_name, NULL, NULL);

    for (int i = 0; all != NULL && i < sk_GENERAL_NAME_num (all); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value (all, i);
        size_t len;
        if (name->type == GEN_URI) {
            add_uri (uris, name->d.uniformResourceIdentifier);
        } else if (name->type == GEN_DNS) {
            const char *text = text_of (name->d.dNSName, &len);
            if (text != NULL) {
                add_domain (hosts, text, len);
            }
        }
    }
    GENERAL_NAMES_free (all);
    /* RFC 5922 7.1: names of hosts count where no SIP URI is there. That the subject's common name may
     * count where neither is, is allowed there; nobody needs it, so it does not. */
    GPtrArray *names = uris->len > 0 ? uris : hosts, *others = names == uris ? hosts : uris;
    g_ptr_array_set_free_func (others, g_free);
    g_ptr_array_unref (others);
    g_ptr_array_add (names, NULL);
    return (char **) g_ptr_array_free (names, FALSE);
}

int64_t
end_of_certificate (const X509 *certificate)
{
    struct tm end;

    return ASN1_TIME_to_tm (X509_get0_notAfter (certificate), &end) == 1 ? (int64_t) timegm (&end)
                                                                         : 0;
}

char *
subject_of_certificate (const X509 *certificate)
{
    BIO *out = BIO_new (BIO_s_mem ());
    char *text = NULL;
    long len = 0;

    if (out != NULL
        && X509_NAME_print_ex (out, X509_get_subject_name (certificate), 0, XN_FLAG_RFC2253) >= 0) {
        len = BIO_get_mem_data (out, &text);
    }
    char *subject = g_strndup (text != NULL ? text : "", (gsize) MIN (MAX (len, 0), 200));
    BIO_free (out);
    return subject;
}
