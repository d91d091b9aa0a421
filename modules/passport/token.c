/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PASSporTs (RFC 8225): header.payload.signature, each in base64url, the first two JSON.
 *
 *     {"alg":"ES256","ppt":"rph","typ":"passport","x5u":"https://cert.example.org/passport.cer"}
 *     {"dest":{"tn":["12125550113"]},"iat":1443208345,"orig":{"tn":"12155550112"},
 *      "rph":{"auth":["ets.0","wps.0"]}}
 */

#include "token.h"

#include "canon.h"

#include <string.h>
#include <tandem/command.h>

#define STEP "token"

enum { MAX_TEXTS = 64, MAX_TEXT_BYTES = 1024 };

TokenType
token_type (const char *ppt)
{
    return *ppt == '\0'                  ? TOKEN_BASELINE
           : strcmp (ppt, "rph") == 0    ? TOKEN_RPH
           : strcmp (ppt, "shaken") == 0 ? TOKEN_SHAKEN
                                         : TOKEN_OTHER;
}

TD_PRINTF (2, 3)
static bool
fail (Finding *finding, const char *format, ...)
{
    va_list arguments;

    va_start (arguments, format);
    g_autofree char *text = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    return finding_fail (finding, STEP, TD_PASSPORT_INVALID, "%s", text);
}

/* --- base64url (RFC 7515 2) -------------------------------------------------------------- */

static int
value_of (char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '-'             ? 62
           : c == '_'             ? 63
                                  : -1;
}

/* LEN bytes of TEXT as bytes (transfer full), NULL: it is not how RFC 7515 writes them. One text for
 * the same bytes: bits that say nothing are 0. */
static GByteArray *
decode (const char *text, size_t len)
{
    g_autoptr (GByteArray) bytes = g_byte_array_sized_new ((unsigned) (len * 3 / 4 + 1));
    uint32_t bits = 0;
    unsigned n_bits = 0;

    for (size_t i = 0; i < len; i++) {
        int value = value_of (text[i]);
        if (value < 0) {
            return NULL;
        }
        bits = bits << 6 | (uint32_t) value;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            uint8_t byte = (uint8_t) (bits >> n_bits);
            g_byte_array_append (bytes, &byte, 1);
            bits &= (UINT32_C (1) << n_bits) - 1;
        }
    }
    return len % 4 == 1 || bits != 0 ? NULL : g_steal_pointer (&bytes);
}

static void
encode (GString *out, const void *bytes, size_t len)
{
    g_autofree char *text = g_base64_encode (bytes, len);

    for (const char *c = text; *c != '\0' && *c != '='; c++) {
        g_string_append_c (out, *c == '+' ? '-' : *c == '/' ? '_' : *c);
    }
}

/* --- JSON -------------------------------------------------------------------------------- */

static bool has_duplicate (GVariant *value);

static bool
has_duplicate_member (GVariant *object)
{
    g_autoptr (GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    GVariantIter iter;
    char *name;
    GVariant *member;

    g_variant_iter_init (&iter, object);
    while (g_variant_iter_next (&iter, "{sv}", &name, &member)) {
        bool is_duplicate = !g_hash_table_add (names, name) || has_duplicate (member);
        g_variant_unref (member);
        if (is_duplicate) {
            return true;
        }
    }
    return false;
}

/* RFC 8225 9: no member stands twice; whoever reads the other one than the signer meant is deceived. */
static bool
has_duplicate (GVariant *value)
{
    if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT)) {
        return has_duplicate_member (value);
    }
    if (!g_variant_is_container (value) || g_variant_is_of_type (value, G_VARIANT_TYPE_MAYBE)) {
        return false;
    }
    for (gsize i = 0; i < g_variant_n_children (value); i++) {
        g_autoptr (GVariant) child = g_variant_get_child_value (value, i);
        if (has_duplicate (child)) {
            return true;
        }
    }
    return false;
}

/* The JSON object in LEN bytes of TEXT in base64url (transfer full), or NULL. */
static GVariant *
read_object (const char *text, size_t len, const char *what, Finding *finding)
{
    g_autoptr (GByteArray) bytes = decode (text, len);
    g_autoptr (GError) error = NULL;

    if (bytes == NULL) {
        fail (finding, "its %s is not in base64url", what);
        return NULL;
    }
    g_autoptr (GVariant) object =
        td_result_from_json ((const char *) bytes->data, bytes->len, &error);
    if (object == NULL) {
        fail (finding, "its %s: %s", what, error->message);
    } else if (!g_variant_is_of_type (object, G_VARIANT_TYPE_VARDICT)) {
        fail (finding, "its %s is no JSON object", what);
    } else if (has_duplicate (object)) {
        fail (finding, "its %s has a member twice", what);
    } else {
        return g_steal_pointer (&object);
    }
    return NULL;
}

static bool
has_member (GVariant *object, const char *name)
{
    g_autoptr (GVariant) value = g_variant_lookup_value (object, name, NULL);

    return value != NULL;
}

static bool
is_plain (const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (g_ascii_iscntrl (*c)) {
            return false;
        }
    }
    return *text != '\0' && strlen (text) <= MAX_TEXT_BYTES;
}

/* The text NAME of OBJECT (transfer full); NULL: it is not there, or nothing that is written so. */
static char *
text_of (GVariant *object, const char *name)
{
    g_autoptr (GVariant) value = g_variant_lookup_value (object, name, G_VARIANT_TYPE_STRING);

    return value != NULL && is_plain (g_variant_get_string (value, NULL))
               ? g_variant_dup_string (value, NULL)
               : NULL;
}

/* The texts of the array NAME of OBJECT (transfer full); NULL: it is none, or empty. */
static char **
texts_of (GVariant *object, const char *name)
{
    g_autoptr (GVariant) value = g_variant_lookup_value (object, name, G_VARIANT_TYPE_STRING_ARRAY);
    gsize n = value != NULL ? g_variant_n_children (value) : 0;

    if (n == 0 || n > MAX_TEXTS) {
        return NULL;
    }
    char **texts = g_variant_dup_strv (value, NULL);
    for (gsize i = 0; i < n; i++) {
        if (!is_plain (texts[i])) {
            g_strfreev (texts);
            return NULL;
        }
    }
    return texts;
}

static GVariant *
object_of (GVariant *object, const char *name)
{
    return g_variant_lookup_value (object, name, G_VARIANT_TYPE_VARDICT);
}

/* --- Header (RFC 8225 4) ----------------------------------------------------------------- */

static bool
check_header (GVariant *header, const Identity *identity, Finding *finding)
{
    g_autofree char *typ = text_of (header, "typ"), *alg = text_of (header, "alg");
    g_autofree char *x5u = text_of (header, "x5u"), *ppt = text_of (header, "ppt");

    if (g_strcmp0 (typ, "passport") != 0) {
        return fail (finding, "its typ is not \"passport\"");
    }
    /* RFC 8225 4.2. Whatever else a token says of its algorithm ("none" too) is not followed. */
    if (g_strcmp0 (alg, "ES256") != 0 || strcmp (identity->alg, "ES256") != 0) {
        return finding_fail (finding, STEP, TD_PASSPORT_UNTRUSTED,
                             "its algorithm is not ES256, the only one that is understood");
    }
    /* RFC 7515 4.1.11: none of the extensions that must be understood is. */
    if (has_member (header, "crit")) {
        return fail (finding, "it has extensions that must be understood (crit)");
    }
    if (has_member (header, "ppt") && ppt == NULL) {
        return fail (finding, "its ppt is no text");
    }
    if (strcmp (ppt != NULL ? ppt : "", identity->ppt) != 0) {
        return fail (finding, "its ppt is \"%s\", the header field says \"%s\"",
                     ppt != NULL ? ppt : "", identity->ppt);
    }
    /* RFC 8224 4.1: simple string comparison (RFC 3986 6.2.1). */
    if (g_strcmp0 (x5u, identity->info) != 0) {
        return fail (finding, "its x5u is not the info of the header field");
    }
    return true;
}

/* --- Payload (RFC 8225 5) ---------------------------------------------------------------- */

/* RFC 8225 5.2.1: exactly one identity. */
static bool
read_orig (Token *token, Finding *finding)
{
    g_autoptr (GVariant) orig = object_of (token->payload, "orig");

    if (orig == NULL || g_variant_n_children (orig) != 1) {
        return fail (finding, "its orig is not one identity");
    }
    token->orig = text_of (orig, "tn");
    token->orig_is_number = token->orig != NULL;
    if (token->orig_is_number && !canon_is_tn (token->orig)) {
        return fail (finding, "its orig is no canonical number: digits, * and # alone");
    }
    if (token->orig == NULL) {
        token->orig = text_of (orig, "uri");
    }
    return token->orig != NULL || fail (finding, "its orig is neither tn nor uri");
}

static bool
read_dest (Token *token, Finding *finding)
{
    g_autoptr (GVariant) dest = object_of (token->payload, "dest");

    if (dest == NULL) {
        return fail (finding, "its dest is no object");
    }
    token->dest_numbers = texts_of (dest, "tn");
    token->dest_uris = texts_of (dest, "uri");
    if ((token->dest_numbers == NULL && has_member (dest, "tn"))
        || (token->dest_uris == NULL && has_member (dest, "uri"))
        || (token->dest_numbers == NULL && token->dest_uris == NULL)) {
        return fail (finding, "its dest is no array of tn or uri");
    }
    for (char **tn = token->dest_numbers; tn != NULL && *tn != NULL; tn++) {
        if (!canon_is_tn (*tn)) {
            return fail (finding, "its dest has no canonical number: digits, * and # alone");
        }
    }
    return true;
}

/* RFC 7519 2: a number, not a text that looks like one. */
static bool
read_iat (Token *token, Finding *finding)
{
    static const int64_t max_s = INT64_C (1) << 40;
    g_autoptr (GVariant) iat = g_variant_lookup_value (token->payload, "iat", NULL);

    if (iat != NULL && g_variant_is_of_type (iat, G_VARIANT_TYPE_INT64)) {
        token->iat_s = g_variant_get_int64 (iat);
    } else if (iat != NULL && g_variant_is_of_type (iat, G_VARIANT_TYPE_DOUBLE)
               && g_variant_get_double (iat) >= 0 && g_variant_get_double (iat) < (double) max_s) {
        token->iat_s = (int64_t) g_variant_get_double (iat);
    } else {
        return fail (finding, "its iat is no number");
    }
    return (token->iat_s > 0 && token->iat_s < max_s) || fail (finding, "its iat is no time");
}

/* RFC 4412 3.1: namespace "." priority, of tokens without dots. */
static bool
is_r_value (const char *text)
{
    static const char chars[] = "abcdefghijklmnopqrstuvwxyz0123456789-!%*_+`'~";
    size_t name_space = strspn (text, chars);
    size_t priority = text[name_space] == '.' ? strspn (text + name_space + 1, chars) : 0;

    return name_space > 0 && priority > 0 && text[name_space + 1 + priority] == '\0';
}

static bool
has_esnet (const Token *token)
{
    for (char **value = token->auth; *value != NULL; value++) {
        if (g_str_has_prefix (*value, "esnet.")) {
            return true;
        }
    }
    return false;
}

/* RFC 9027 3: from a calling number, to a dial string, or to urn:service:sos (RFC 5031). */
static bool
check_esnet (const Token *token, Finding *finding)
{
    if (!token->orig_is_number) {
        return fail (finding, "it has esnet, and its orig is no number");
    }
    for (char **uri = token->dest_uris; uri != NULL && *uri != NULL; uri++) {
        if (g_ascii_strcasecmp (*uri, "urn:service:sos") != 0
            && g_ascii_strncasecmp (*uri, "urn:service:sos.", 16) != 0) {
            return fail (finding, "it has esnet, and its dest is neither a number nor "
                                  "urn:service:sos");
        }
    }
    return true;
}

static bool
read_rph (Token *token, Finding *finding)
{
    g_autoptr (GVariant) rph = object_of (token->payload, "rph");

    token->auth = rph != NULL ? texts_of (rph, "auth") : NULL;
    if (token->auth == NULL) {
        return fail (finding, "it has no rph.auth with r-values"); /* RFC 8443 3 */
    }
    for (char **value = token->auth; *value != NULL; value++) {
        char *lower = g_ascii_strdown (*value, -1); /* RFC 4412 3.1: without case */
        g_free (*value);
        *value = lower;
        if (!is_r_value (*value)) {
            return fail (finding, "its rph.auth has what is no r-value");
        }
    }
    if (has_esnet (token) && !check_esnet (token, finding)) {
        return false;
    }
    token->sph = text_of (token->payload, "sph");
    /* RFC 9027 4: any other value, or sph without esnet, is a failure. */
    if (has_member (token->payload, "sph")
        && (g_strcmp0 (token->sph, "psap-callback") != 0 || !has_esnet (token))) {
        return fail (finding, "its sph is not \"psap-callback\" beside an esnet r-value");
    }
    return true;
}

/* RFC 8588 4, 5 */
static bool
read_shaken (Token *token, Finding *finding)
{
    token->attest = text_of (token->payload, "attest");
    token->origid = text_of (token->payload, "origid");
    if (token->attest == NULL || strlen (token->attest) != 1
        || strchr ("ABC", *token->attest) == NULL) {
        return fail (finding, "its attest is not A, B or C");
    }
    return (token->origid != NULL && g_uuid_string_is_valid (token->origid))
           || fail (finding, "its origid is no UUID");
}

static bool
read_payload (Token *token, Finding *finding)
{
    if (!read_orig (token, finding) || !read_dest (token, finding) || !read_iat (token, finding)) {
        return false;
    }
    return token->type == TOKEN_RPH      ? read_rph (token, finding)
           : token->type == TOKEN_SHAKEN ? read_shaken (token, finding)
                                         : true;
}

/* --- Whole tokens ------------------------------------------------------------------------ */

static bool
read_signature (Token *token, const char *text, Finding *finding)
{
    g_autoptr (GByteArray) bytes = decode (text, strlen (text));

    /* RFC 7518 3.4: R and S, 32 bytes each. */
    if (bytes == NULL || bytes->len != TOKEN_SIGNATURE_BYTES) {
        return fail (finding, "its signature is not 64 bytes in base64url");
    }
    memcpy (token->signature, bytes->data, TOKEN_SIGNATURE_BYTES);
    return true;
}

static bool
read_parts (Token *token, const Identity *identity, Finding *finding)
{
    const char *payload = strchr (token->text, '.') + 1, *signature = strchr (payload, '.') + 1;
    size_t header_len = (size_t) (payload - 1 - token->text);

    token->signed_bytes = (size_t) (signature - 1 - token->text);
    g_autoptr (GVariant) header = read_object (token->text, header_len, "header", finding);
    if (header == NULL || !check_header (header, identity, finding)) {
        return false;
    }
    token->payload = read_object (payload, (size_t) (signature - 1 - payload), "payload", finding);
    return token->payload != NULL && read_payload (token, finding)
           && read_signature (token, signature, finding);
}

Token *
token_read (const Identity *identity, Finding *finding)
{
    g_autoptr (Token) token = g_new0 (Token, 1);

    token->type = token_type (identity->ppt);
    token->text = g_strdup (identity->token);
    if (!read_parts (token, identity, finding)) {
        return NULL;
    }
    finding_pass (finding, STEP, "ppt \"%s\", issued at %" G_GINT64_FORMAT, identity->ppt,
                  token->iat_s);
    return g_steal_pointer (&token);
}

void
token_free (Token *token)
{
    if (token == NULL) {
        return;
    }
    g_free (token->text);
    g_clear_pointer (&token->payload, g_variant_unref);
    g_free (token->orig);
    g_strfreev (token->dest_numbers);
    g_strfreev (token->dest_uris);
    g_strfreev (token->auth);
    g_free (token->sph);
    g_free (token->attest);
    g_free (token->origid);
    g_free (token);
}

/* --- Writing (RFC 8225 9: no blanks, members in the order of their names) ------------------ */

/* As the core writes texts in JSON. */
static void
append_text (GString *out, const char *text)
{
    g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_string (text));
    g_autofree char *json = td_result_to_json (value);

    g_string_append (out, json);
}

static void
append_member (GString *out, const char *name, const char *text)
{
    g_string_append_printf (out, "%s\"%s\":", out->str[out->len - 1] == '{' ? "" : ",", name);
    append_text (out, text);
}

static void
append_texts (GString *out, const char *name, const char *const *texts, size_t n)
{
    g_string_append_printf (out, "%s\"%s\":[", out->str[out->len - 1] == '{' ? "" : ",", name);
    for (size_t i = 0; i < n; i++) {
        g_string_append (out, i > 0 ? "," : "");
        append_text (out, texts[i]);
    }
    g_string_append_c (out, ']');
}

static int
compare_texts (const void *a, const void *b)
{
    return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* RFC 8225 5.2.1: numbers first, each in their order. */
static void
append_identities (GString *out, const char *name, GPtrArray *texts)
{
    if (texts->len > 0) {
        g_ptr_array_sort (texts, compare_texts);
        append_texts (out, name, (const char *const *) texts->pdata, texts->len);
    }
}

static void
append_payload (GString *json, const TokenDraft *draft)
{
    g_string_append_c (json, '{');
    if (draft->attest != NULL) {
        append_member (json, "attest", draft->attest);
    }
    g_string_append_printf (json, "%s\"dest\":{", json->len > 1 ? "," : "");
    append_identities (json, "tn", draft->dest_numbers);
    append_identities (json, "uri", draft->dest_uris);
    g_string_append_printf (json, "},\"iat\":%" G_GINT64_FORMAT ",\"orig\":{", draft->iat_s);
    append_member (json, draft->orig_is_number ? "tn" : "uri", draft->orig);
    g_string_append_c (json, '}');
    if (draft->origid != NULL) {
        append_member (json, "origid", draft->origid);
    }
    if (draft->auth != NULL) {
        g_string_append (json, ",\"rph\":{");
        append_texts (json, "auth", draft->auth, g_strv_length ((char **) draft->auth));
        g_string_append_c (json, '}');
    }
    if (draft->sph != NULL) {
        append_member (json, "sph", draft->sph);
    }
    g_string_append_c (json, '}');
}

char *
token_print (const TokenDraft *draft)
{
    g_autoptr (GString) header = g_string_new ("{\"alg\":\"ES256\"");
    g_autoptr (GString) payload = g_string_new (NULL);
    g_autoptr (GString) out = g_string_new (NULL);

    if (*draft->ppt != '\0') {
        append_member (header, "ppt", draft->ppt);
    }
    append_member (header, "typ", "passport");
    append_member (header, "x5u", draft->info);
    g_string_append_c (header, '}');
    append_payload (payload, draft);
    encode (out, header->str, header->len);
    g_string_append_c (out, '.');
    encode (out, payload->str, payload->len);
    return g_string_free (g_steal_pointer (&out), FALSE);
}

char *
token_finish (const char *signed_text, const uint8_t signature[TOKEN_SIGNATURE_BYTES])
{
    g_autoptr (GString) out = g_string_new (signed_text);

    g_string_append_c (out, '.');
    encode (out, signature, TOKEN_SIGNATURE_BYTES);
    return g_string_free (g_steal_pointer (&out), FALSE);
}
