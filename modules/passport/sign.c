/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* New tokens (RFC 8224 6.1, RFC 8443 4.1): of r-values one for each authority that is needed. */

#include "passport.h"

#include <string.h>

TD_PRINTF (3, 4)
static bool
fail (GError **error, TdErrorCode code, const char *format, ...)
{
    va_list arguments;

    va_start (arguments, format);
    g_autofree char *text = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    g_set_error_literal (error, TD_ERROR, (int) code, text);
    return false;
}

/* --- Parties ----------------------------------------------------------------------------- */

/* The parties of a token: canonical texts that live as long as this. */
typedef struct {
    char *orig;
    bool orig_is_number;
    GPtrArray *numbers, *uris;
} Parties;

static void
parties_clear (Parties *parties)
{
    g_free (parties->orig);
    g_clear_pointer (&parties->numbers, g_ptr_array_unref);
    g_clear_pointer (&parties->uris, g_ptr_array_unref);
}

/* TEXT in the form that is signed (transfer full), or NULL. */
static char *
make_canonical (const Settings *settings, const char *text, bool *ret_is_number)
{
    char number[CANON_NUMBER_SIZE];
    Canon canon;

    if (!canon_read (&canon, text)) {
        return NULL;
    }
    *ret_is_number = canon.is_number;
    if (!canon.is_number) {
        return g_strdup (canon.uri);
    }
    canon_complete (&canon, &settings->plan, number);
    return g_strdup (number);
}

static bool
read_parties (Parties *parties, const Settings *settings, const TdPassportDemand *demand,
              GError **error)
{
    *parties = (Parties){ .numbers = g_ptr_array_new_with_free_func (g_free),
                          .uris = g_ptr_array_new_with_free_func (g_free) };
    parties->orig = make_canonical (settings, demand->orig, &parties->orig_is_number);
    if (parties->orig == NULL) {
        return fail (error, TD_ERROR_INVALID, "the caller \"%s\" is neither number nor URI",
                     demand->orig);
    }
    for (const char *const *dest = demand->dests; *dest != NULL; dest++) {
        bool is_number = false;
        char *text = make_canonical (settings, *dest, &is_number);
        if (text == NULL) {
            return fail (error, TD_ERROR_INVALID,
                         "the called party \"%s\" is neither number nor URI", *dest);
        }
        g_ptr_array_add (is_number ? parties->numbers : parties->uris, text);
    }
    return parties->numbers->len + parties->uris->len > 0
           || fail (error, TD_ERROR_INVALID, "nobody is called");
}

/* --- Signers ----------------------------------------------------------------------------- */

static bool
is_in_force (const Signer *signer, int64_t now_s)
{
    return now_s >= signer->credential->from_s && now_s <= signer->credential->until_s;
}

static bool
signs_name_space (const Signer *signer, const char *r_value)
{
    size_t len = strcspn (r_value, ".");

    for (char **name = signer->name_spaces; *name != NULL; name++) {
        if (strlen (*name) == len && g_ascii_strncasecmp (*name, r_value, len) == 0) {
            return true;
        }
    }
    return false;
}

/* The first signer whose certificate is valid that signs R_VALUE, or (NULL) calling numbers. */
static const Signer *
find_signer (const Settings *settings, const char *r_value, int64_t now_s)
{
    for (unsigned i = 0; i < settings->signers->len; i++) {
        const Signer *signer = settings->signers->pdata[i];
        if (is_in_force (signer, now_s)
            && (r_value != NULL ? signs_name_space (signer, r_value) : signer->is_for_identity)) {
            return signer;
        }
    }
    return NULL;
}

/* A token by SIGNER as the value of a header field (transfer full). */
static char *
make_token (const Signer *signer, const TokenDraft *draft, GError **error)
{
    g_autofree char *text = token_print (draft);
    uint8_t signature[TOKEN_SIGNATURE_BYTES];

    if (!credential_sign (signer->key, text, signature)) {
        fail (error, TD_ERROR_SYSTEM, "[passport-signer %s] its key does not sign", signer->name);
        return NULL;
    }
    g_autofree char *token = token_finish (text, signature);
    return identity_print (token, signer->info, draft->ppt);
}

/* --- rph --------------------------------------------------------------------------------- */

static bool
is_esnet (const char *const *auth)
{
    for (; *auth != NULL; auth++) {
        if (g_ascii_strncasecmp (*auth, "esnet.", 6) == 0) {
            return true;
        }
    }
    return false;
}

/* Signs those of VALUES from FIRST on that have the same signer as the first one, and marks them. */
static char *
sign_values (const Settings *settings, const TdPassportDemand *demand, TokenDraft *draft,
             unsigned first, bool *is_signed, GError **error)
{
    int64_t now_s = td_clock_wall_us () / G_USEC_PER_SEC;
    const Signer *signer = find_signer (settings, demand->values[first], now_s);
    g_autoptr (GPtrArray) auth = g_ptr_array_new ();

    if (signer == NULL) {
        fail (error, TD_ERROR_REFUSED, "no [passport-signer] whose certificate is valid signs %s",
              demand->values[first]);
        return NULL;
    }
    for (unsigned i = first; demand->values[i] != NULL; i++) {
        if (!is_signed[i] && find_signer (settings, demand->values[i], now_s) == signer) {
            g_ptr_array_add (auth, (void *) demand->values[i]);
            is_signed[i] = true;
        }
    }
    g_ptr_array_add (auth, NULL);
    draft->info = signer->info;
    draft->auth = (const char *const *) auth->pdata;
    /* RFC 9027 4: of no other value, and beside esnet alone. */
    draft->sph = is_esnet (draft->auth) && demand->priority != NULL
                         && g_ascii_strcasecmp (demand->priority, "psap-callback") == 0
                     ? "psap-callback"
                     : NULL;
    char *header = make_token (signer, draft, error);
    draft->auth = NULL;
    return header;
}

static bool
sign_rph (const Settings *settings, const TdPassportDemand *demand, TokenDraft *draft,
          GPtrArray *ret_headers, GError **error)
{
    unsigned n = demand->values != NULL ? g_strv_length ((char **) demand->values) : 0;
    g_autofree bool *is_signed = g_new0 (bool, MAX (n, 1));

    for (unsigned i = 0; i < n; i++) {
        char *header;
        if (is_signed[i]) {
            continue;
        }
        header = sign_values (settings, demand, draft, i, is_signed, error);
        if (header == NULL) {
            return false;
        }
        g_ptr_array_add (ret_headers, header);
    }
    return n > 0 || fail (error, TD_ERROR_INVALID, "there are no r-values to be signed");
}

/* --- shaken (RFC 8588) -------------------------------------------------------------------- */

static bool
sign_shaken (const Settings *settings, const TdPassportDemand *demand, TokenDraft *draft,
             GPtrArray *ret_headers, GError **error)
{
    const Signer *signer = find_signer (settings, NULL, td_clock_wall_us () / G_USEC_PER_SEC);
    g_autofree char *origid = g_uuid_string_random (); /* RFC 8588 10: one for each call */

    if (signer == NULL) {
        return fail (error, TD_ERROR_REFUSED,
                     "no [passport-signer] whose certificate is valid has identity = yes");
    }
    if (demand->attest == NULL || strlen (demand->attest) != 1
        || strchr ("ABC", *demand->attest) == NULL) {
        return fail (error, TD_ERROR_INVALID, "the attestation is not A, B or C");
    }
    draft->info = signer->info;
    draft->attest = demand->attest;
    draft->origid = demand->origid != NULL ? demand->origid : origid;
    char *header = make_token (signer, draft, error);
    draft->origid = NULL;
    if (header != NULL) {
        g_ptr_array_add (ret_headers, header);
    }
    return header != NULL;
}

char **
passport_sign (const TdPassportDemand *demand, void *data, GError **error)
{
    const Passport *passport = data;
    const Settings *settings = passport_settings (passport);
    TokenType type = token_type (demand->ppt);
    g_autoptr (GPtrArray) headers = g_ptr_array_new_with_free_func (g_free);
    Parties parties;
    bool is_signed = read_parties (&parties, settings, demand, error);
    TokenDraft draft = {
        .ppt = demand->ppt,
        .iat_s = (demand->wall_us != 0 ? demand->wall_us : td_clock_wall_us ()) / G_USEC_PER_SEC,
        .orig = parties.orig,
        .orig_is_number = parties.orig_is_number,
        .dest_numbers = parties.numbers,
        .dest_uris = parties.uris,
    };

    if (is_signed && type == TOKEN_RPH) {
        is_signed = sign_rph (settings, demand, &draft, headers, error);
    } else if (is_signed && type == TOKEN_SHAKEN) {
        is_signed = sign_shaken (settings, demand, &draft, headers, error);
    } else if (is_signed) {
        is_signed =
            fail (error, TD_ERROR_INVALID,
                  "tokens of the type \"%s\" are not signed here: rph and shaken are", demand->ppt);
    }
    parties_clear (&parties);
    if (!is_signed) {
        return NULL;
    }
    td_metric_add (passport->signed_tokens, headers->len);
    g_ptr_array_add (headers, NULL);
    return (char **) g_ptr_array_free (g_steal_pointer (&headers), FALSE);
}
