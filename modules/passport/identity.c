/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The value of an Identity header field (RFC 8224 4), read and written.
 *
 *     eyJhbGci...;info=<https://cert.example.org/passport.cer>;alg=ES256;ppt="rph"
 */

#include "identity.h"

#include <string.h>

#define STEP "header"

typedef struct {
    const char *at;
    Finding *finding;
} Reader;

/* RFC 3261 25.1: LWS may stand around SEMI and EQUAL. */
static void
skip_blanks (Reader *reader)
{
    reader->at += strspn (reader->at, " \t\r\n");
}

static bool
take (Reader *reader, char c)
{
    skip_blanks (reader);
    if (*reader->at != c) {
        return false;
    }
    reader->at++;
    skip_blanks (reader);
    return true;
}

static bool
is_token_char (char c)
{
    return g_ascii_isalnum (c) || (c != '\0' && strchr ("-.!%*_+`'~", c) != NULL);
}

/* (transfer full), NULL: there is none. */
static char *
read_token (Reader *reader)
{
    const char *from = reader->at;

    while (is_token_char (*reader->at)) {
        reader->at++;
    }
    return reader->at > from ? g_strndup (from, (size_t) (reader->at - from)) : NULL;
}

/* What is in quotes, or NULL. */
static char *
read_quoted (Reader *reader)
{
    g_autoptr (GString) text = g_string_new (NULL);

    for (reader->at++; *reader->at != '"'; reader->at++) {
        if (*reader->at == '\\') {
            reader->at++;
        }
        if (*reader->at == '\0' || g_ascii_iscntrl (*reader->at)) {
            return NULL;
        }
        g_string_append_c (text, *reader->at);
    }
    reader->at++;
    return g_string_free (g_steal_pointer (&text), FALSE);
}

/* What is in angle brackets, or NULL: an absolute URI (RFC 3986 2). */
static char *
read_uri (Reader *reader)
{
    const char *from = reader->at + 1;
    size_t len = 0;

    if (*reader->at != '<') {
        return NULL;
    }
    while (g_ascii_isgraph (from[len]) && strchr ("<>\"\\", from[len]) == NULL) {
        len++;
    }
    if (from[len] != '>' || memchr (from, ':', len) == NULL) {
        return NULL;
    }
    reader->at = from + len + 1;
    return g_strndup (from, len);
}

/* gen-value: a token, a quoted string, or a host, which may have what a token may not. */
static char *
read_value (Reader *reader)
{
    if (*reader->at == '"') {
        return read_quoted (reader);
    }
    if (*reader->at == '[') {
        size_t len = strspn (reader->at + 1, "0123456789abcdefABCDEF:.");
        if (reader->at[1 + len] != ']') {
            return NULL;
        }
        reader->at += len + 2;
        return g_strdup ("");
    }
    return read_token (reader);
}

static bool
fail (const Reader *reader, const char *what)
{
    return finding_fail (reader->finding, STEP, TD_PASSPORT_INVALID, "Identity header field: %s",
                         what);
}

/* Keeps VALUE (transfer full) where it belongs; one that is said already may mean two things. */
static bool
keep (const Reader *reader, char **place, char *value, const char *twice)
{
    if (*place != NULL) {
        g_free (value);
        return fail (reader, twice);
    }
    *place = value;
    return true;
}

static bool
read_parameter (Reader *reader, Identity *identity)
{
    g_autofree char *name = read_token (reader);
    char *value = NULL;

    if (name == NULL) {
        return fail (reader, "a parameter without a name");
    }
    if (take (reader, '=')) {
        bool is_info = g_ascii_strcasecmp (name, "info") == 0;
        value = is_info ? read_uri (reader) : read_value (reader);
        if (value == NULL) {
            return fail (reader, is_info ? "info is no URI in angle brackets"
                                         : "a parameter whose value cannot be read");
        }
        if (is_info) {
            return keep (reader, &identity->info, value, "info stands twice");
        }
        if (g_ascii_strcasecmp (name, "alg") == 0) {
            return keep (reader, &identity->alg, value, "alg stands twice");
        }
        if (g_ascii_strcasecmp (name, "ppt") == 0) {
            return keep (reader, &identity->ppt, value, "ppt stands twice");
        }
    }
    g_free (value);
    return true;
}

/* signed-identity-digest. RFC 7515 writes it in base64url, whose "-" and "_" the grammar forgets. */
static bool
read_digest (Reader *reader, Identity *identity)
{
    const char *from = reader->at;
    unsigned n_dots = 0;

    while (g_ascii_isalnum (*reader->at)
           || (*reader->at != '\0' && strchr ("-_./+=", *reader->at) != NULL)) {
        n_dots += *reader->at == '.';
        reader->at++;
    }
    if (reader->at == from) {
        return fail (reader, "it does not begin with a token");
    }
    if (strncmp (from, "..", 2) == 0) {
        /* RFC 8443 3, RFC 8588 3: not specified for them. RFC 8224 6.1.1: after a 438 the signer tries
         * again with the full form. */
        return fail (reader, "the compact form is not understood here: send the full form");
    }
    if (n_dots != 2) {
        return fail (reader, "its token is not header.payload.signature");
    }
    identity->token = g_strndup (from, (size_t) (reader->at - from));
    return true;
}

static bool
read_all (Reader *reader, Identity *identity)
{
    skip_blanks (reader);
    if (!read_digest (reader, identity)) {
        return false;
    }
    while (take (reader, ';')) {
        if (!read_parameter (reader, identity)) {
            return false;
        }
    }
    skip_blanks (reader);
    if (*reader->at != '\0') {
        return fail (reader, "more stands behind it than parameters");
    }
    return identity->info != NULL || fail (reader, "info is missing");
}

bool
identity_read (Identity *ret, const char *text, Finding *finding)
{
    Reader reader = { .at = text, .finding = finding };
    Identity identity = { 0 };

    *ret = identity;
    if (strnlen (text, IDENTITY_MAX_BYTES + 1) > IDENTITY_MAX_BYTES) {
        return fail (&reader, "it is over 8192 bytes");
    }
    if (!read_all (&reader, &identity)) {
        identity_clear (&identity);
        return false;
    }
    if (identity.alg == NULL) {
        identity.alg = g_strdup ("ES256"); /* RFC 8224 4.1 */
    }
    if (identity.ppt == NULL) {
        identity.ppt = g_strdup ("");
    }
    *ret = identity;
    return true;
}

void
identity_clear (Identity *identity)
{
    g_clear_pointer (&identity->token, g_free);
    g_clear_pointer (&identity->info, g_free);
    g_clear_pointer (&identity->alg, g_free);
    g_clear_pointer (&identity->ppt, g_free);
}

char *
identity_print (const char *token, const char *info, const char *ppt)
{
    return g_strdup_printf ("%s;info=<%s>;alg=ES256;ppt=\"%s\"", token, info, ppt);
}
