/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A token verified: its form, who vouches for its certificate, its signature. The dear step comes last. */

#include "verdict.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>

void
verdict_hash_text (VerdictHash *ret, const char *text)
{
    if (EVP_Digest (text, strlen (text), ret->bytes, NULL, EVP_sha256 (), NULL) != 1) {
        g_error ("OpenSSL has no SHA-256");
    }
}

void
verdict_hash (VerdictHash *ret, const Identity *identity)
{
    g_autofree char *text =
        g_strjoin ("\n", identity->token, identity->info, identity->alg, identity->ppt, NULL);

    verdict_hash_text (ret, text);
}

/* Anybody can turn the S of a signature into another one that is right as well (n - S), and has a token
 * that nobody has brought before. Not so its R, and what is signed. */
static void
hash_once (VerdictHash *ret, const Token *token)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new ();

    if (EVP_DigestInit_ex (context, EVP_sha256 (), NULL) != 1
        || EVP_DigestUpdate (context, token->text, token->signed_bytes) != 1
        || EVP_DigestUpdate (context, token->signature, TOKEN_SIGNATURE_BYTES / 2) != 1
        || EVP_DigestFinal_ex (context, ret->bytes, NULL) != 1) {
        g_error ("OpenSSL has no SHA-256");
    }
    EVP_MD_CTX_free (context);
}

unsigned
verdict_hash_value (const void *hash)
{
    unsigned value;

    memcpy (&value, ((const VerdictHash *) hash)->bytes, sizeof value);
    return value;
}

int
verdict_hash_equal (const void *a, const void *b)
{
    return memcmp (a, b, sizeof (VerdictHash)) == 0;
}

/* --- Authority --------------------------------------------------------------------------- */

/* RFC 8443 3: one authority for all that a token claims. A certificate that is good for calling numbers
 * is not therefore good for r-values. */
static bool
has_authority (const Anchor *anchor, const Token *token)
{
    if (token->type != TOKEN_RPH) {
        return anchor->is_for_identity;
    }
    for (char **value = token->auth; *value != NULL; value++) {
        if (!anchor_has_name_space (anchor, *value)) {
            return false;
        }
    }
    return true;
}

/* The first anchor that vouches for CREDENTIAL and may say what TOKEN says, or -1. */
static int
find_anchor (const Settings *settings, const Credential *credential, const Token *token,
             Finding *finding)
{
    const char *why = "no anchor has the authority that it needs";

    for (unsigned i = 0; i < settings->anchors->len; i++) {
        const Anchor *anchor = settings->anchors->pdata[i];
        const Vouch *vouch = &credential->vouches[i];
        if (has_authority (anchor, token)) {
            if (vouch->is_vouched) {
                finding_pass (finding, "chain", "vouched for by %s", anchor->name);
                return (int) i;
            }
            why = vouch->why;
        } else if (vouch->is_vouched) {
            finding_pass (finding, "chain", "%s vouches for it, but not for what it claims",
                          anchor->name);
        }
    }
    finding_fail (finding, "chain", TD_PASSPORT_UNTRUSTED,
                  token->type == TOKEN_RPH
                      ? "nobody with authority over all its r-values vouches for its signer: %s"
                      : "nobody with authority over calling numbers vouches for its signer: %s",
                  why);
    return -1;
}

/* RFC 8224 8.4, RFC 5922 7.2: the domain of the caller is one of the certificate's, without wildcards. */
static bool
covers_domain (const Credential *credential, const char *uri, Finding *finding)
{
    const char *at = strrchr (uri, '@');
    const char *host = at != NULL ? at + 1 : uri;

    if (X509_check_host (credential->leaf, host, strlen (host),
                         X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL)
        != 1) {
        return finding_fail (finding, "domain", TD_PASSPORT_UNTRUSTED,
                             "its certificate is not one of the domain of orig");
    }
    finding_pass (finding, "domain", "the certificate is one of %s", host);
    return true;
}

static bool
covers_orig (const Verdict *verdict, const Vouch *vouch, Finding *finding)
{
    const Token *token = verdict->token;

    if (token->type == TOKEN_RPH) {
        return true; /* RFC 8443 3: authority over the namespace is what counts */
    }
    return token->orig_is_number ? credential_covers_number (vouch, token->orig, finding)
                                 : covers_domain (verdict->credential, token->orig, finding);
}

/* --- The verdict ------------------------------------------------------------------------- */

static bool
verify (Verdict *verdict, const Identity *identity, const Settings *settings, Finding *finding)
{
    verdict->token = token_read (identity, finding);
    if (verdict->token == NULL) {
        return false;
    }
    if (verdict->credential == NULL) {
        return finding_fail (finding, "certificate", TD_PASSPORT_NO_CREDENTIAL,
                             "its certificate cannot be had");
    }
    finding_pass (finding, "certificate", "%s", verdict->credential->subject);
    int index = find_anchor (settings, verdict->credential, verdict->token, finding);
    if (index < 0) {
        return false;
    }
    const Vouch *vouch = &verdict->credential->vouches[index];
    verdict->from_s = vouch->from_s;
    verdict->until_s = vouch->until_s;
    if (!covers_orig (verdict, vouch, finding)
        || !credential_permits_claims (verdict->credential, verdict->token, finding)) {
        return false;
    }
    if (!credential_has_signed (verdict->credential->key, verdict->token)) {
        return finding_fail (finding, "signature", TD_PASSPORT_INVALID,
                             "its signature is not that of its certificate");
    }
    finding_pass (finding, "signature", "made with the certificate's key");
    hash_once (&verdict->once, verdict->token);
    verdict->anchor = g_strdup (((const Anchor *) settings->anchors->pdata[index])->name);
    return true;
}

Verdict *
verdict_make (const Identity *identity, const VerdictHash *hash, Credential *credential,
              const Settings *settings, Finding *finding)
{
    Verdict *verdict = g_new0 (Verdict, 1);

    atomic_init (&verdict->n_refs, 1);
    verdict->hash = *hash;
    verdict->credential = credential != NULL ? credential_ref (credential) : NULL;
    verify (verdict, identity, settings, finding);
    verdict->result = finding->result;
    verdict->reason = g_strdup (finding->reason);
    return verdict;
}

Verdict *
verdict_ref (Verdict *verdict)
{
    atomic_fetch_add (&verdict->n_refs, 1);
    return verdict;
}

void
verdict_unref (Verdict *verdict)
{
    if (verdict == NULL || atomic_fetch_sub (&verdict->n_refs, 1) > 1) {
        return;
    }
    g_free (verdict->reason);
    token_free (verdict->token);
    credential_unref (verdict->credential);
    g_free (verdict->anchor);
    g_free (verdict);
}
