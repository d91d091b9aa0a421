/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRI-032, PRI-035: header fields and tokens, the examples of the RFCs among them. */

#include "common/pki.h"
#include "credential.h"
#include "token.h"

#include <openssl/pem.h>
#include <string.h>

#define INFO   "https://cert.example.org/passport.cer"
#define HEADER "{\"alg\":\"ES256\",\"ppt\":\"%s\",\"typ\":\"passport\",\"x5u\":\"" INFO "\"}"
#define PARTIES                                                                                    \
    "\"dest\":{\"tn\":[\"12125550113\"]},\"iat\":1443208345,\"orig\":{\"tn\":\"12155550112\"}"
#define RPH    "{" PARTIES ",\"rph\":{\"auth\":[\"ets.0\",\"wps.0\"]}}"
#define SHAKEN "{\"attest\":\"A\"," PARTIES ",\"origid\":\"123e4567-e89b-12d3-a456-426655440000\"}"

/* RFC 8225 appendix A, and RFC 8946 3 with the key of its appendix A. */
#define RFC8225_SIGNED                                                                             \
    "eyJhbGciOiJFUzI1NiIsInR5cCI6InBhc3Nwb3J0IiwieDV1IjoiaHR0cHM6Ly9j"                             \
    "ZXJ0LmV4YW1wbGUub3JnL3Bhc3Nwb3J0LmNlciJ9."                                                    \
    "eyJkZXN0Ijp7InVyaSI6WyJzaXA6YWxpY2VAZXhhbXBsZS5jb20iXX0sImlhdCI"                              \
    "6MTQ3MTM3NTQxOCwib3JpZyI6eyJ0biI6IjEyMTU1NTUxMjEyIn19"
#define RFC8225_TOKEN                                                                              \
    RFC8225_SIGNED ".VLBCIVDCaeK6M4hLJb6SHQvacAQVvoiiEOWQ_iUkqk79UD81fHQ0E1b3_GluIkb"              \
                   "a7UWYRM47ZbNFdOJquE35cw"
#define RFC8946_TOKEN                                                                              \
    "eyJhbGciOiJFUzI1NiIsInBwdCI6ImRpdiIsInR5cCI6InBhc3Nwb3J0IiwieDV1Ij"                           \
    "oiaHR0cHM6Ly93d3cuZXhhbXBsZS5jb20vY2VydC5jZXIifQ.eyJkZXN0Ijp7InRuI"                           \
    "jpbIjEyMTU1NTUxMjE0Il19LCJkaXYiOnsidG4iOiIxMjE1NTU1NTEyMTMifSwiaWF"                           \
    "0IjoxNDQzMjA4MzQ1LCJvcmlnIjp7InRuIjoiMTIxNTU1NTEyMTIifX0.xBHWipDEE"                           \
    "J8a6TsdX6xUXAnblsFiGUiAxwLiv0HLC9IICj6eG9jQd6WzeSSjHRBwxmChHhVIiMT"                           \
    "SqIlk3yCNkg"
#define RFC8946_KEY                                                                                \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEmzGM1VsO+3IqbMF54rQMaYKQftO4\n"                           \
    "hUYm9wv5wutLgEd9FsiTy3+4+Wa2O7pffOXPC0QzO+yD8hGEXGP/2mZo6w==\n"                               \
    "-----END PUBLIC KEY-----\n"

static Pair *signer;

/* TEXT as a header field and its token; NULL, with the reason in FINDING, when one cannot be read. */
static Token *
read_text (const char *text, Finding *finding)
{
    Identity identity;
    Token *token = NULL;

    if (identity_read (&identity, text, finding)) {
        token = token_read (&identity, finding);
        identity_clear (&identity);
    }
    return token;
}

/* --- Header fields ----------------------------------------------------------------------- */

static void
test_headers (void)
{
    static const struct {
        const char *text, *ppt; /* NULL: refused */
    } cases[] = {
        { "a.b.c;info=<" INFO ">", "" },
        { "a.b.c;info=<" INFO ">;ppt=rph", "rph" },
        { " a.b.c ; info = <" INFO "> ; alg = ES256 ; ppt = \"rph\" ", "rph" },
        { "a.b.c;info=<" INFO ">\r\n ;PPT=\"r\\ph\";x;y=[::1];z=1.2.3.4", "rph" },
        { "a.b.c;ppt=shaken;info=<" INFO ">", "shaken" },
        { "", NULL },
        { ";info=<" INFO ">", NULL },
        { "a.b;info=<" INFO ">", NULL },
        { "a.b.c.d;info=<" INFO ">", NULL },
        { "..c;info=<" INFO ">;ppt=rph", NULL }, /* the compact form */
        { "a.b.c", NULL },
        { "a.b.c;info=" INFO, NULL },
        { "a.b.c;info=<" INFO, NULL },
        { "a.b.c;info=<no uri>", NULL },
        { "a.b.c;info=<none>", NULL },
        { "a.b.c;info=<" INFO ">;info=<" INFO ">", NULL },
        { "a.b.c;info=<" INFO ">;ppt=rph;ppt=shaken", NULL },
        { "a.b.c;info=<" INFO ">;alg=ES256;alg=none", NULL },
        { "a.b.c;info=<" INFO ">;ppt=", NULL },
        { "a.b.c;info=<" INFO ">;ppt=\"rph", NULL },
        { "a.b.c;info=<" INFO ">;", NULL },
        { "a.b.c;info=<" INFO ">, d.e.f;info=<" INFO ">", NULL },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        Finding finding = { 0 };
        Identity identity;
        g_test_message ("%s", cases[i].text);
        g_assert_cmpint (identity_read (&identity, cases[i].text, &finding), ==,
                         cases[i].ppt != NULL);
        g_assert_cmpstr (identity.ppt, ==, cases[i].ppt);
        g_assert_cmpint (finding.result, ==,
                         cases[i].ppt != NULL ? TD_PASSPORT_VALID : TD_PASSPORT_INVALID);
        identity_clear (&identity);
        finding_clear (&finding);
    }
}

static void
test_long_header (void)
{
    g_autofree char *token = g_strnfill (IDENTITY_MAX_BYTES, 'a');
    g_autofree char *text = g_strconcat (token, ".b.c;info=<" INFO ">", NULL);
    Finding finding = { 0 };
    Identity identity;

    g_assert_false (identity_read (&identity, text, &finding));
    finding_clear (&finding);
}

/* --- Tokens ------------------------------------------------------------------------------ */

static void
test_rph (void)
{
    g_autofree char *text = pki_identity (signer, INFO, "rph", RPH);
    Finding finding = { 0 };
    g_autoptr (Token) token = read_text (text, &finding);

    g_assert_nonnull (token);
    g_assert_cmpint (token->type, ==, TOKEN_RPH);
    g_assert_cmpint (token->iat_s, ==, 1443208345);
    g_assert_cmpstr (token->orig, ==, "12155550112");
    g_assert_cmpstr (token->dest_numbers[0], ==, "12125550113");
    g_assert_cmpstr (token->auth[0], ==, "ets.0");
    g_assert_cmpstr (token->auth[1], ==, "wps.0");
    g_assert_true (credential_has_signed (signer->key, token));
    token->signature[5] ^= 1;
    g_assert_false (credential_has_signed (signer->key, token));
}

static const struct {
    const char *ppt, *header, *payload;
} refused[] = {
    { "rph", "{\"alg\":\"ES256\",\"typ\":\"passport\",\"x5u\":\"" INFO "\"}", RPH },
    { "rph", "{\"alg\":\"none\",\"ppt\":\"rph\",\"typ\":\"passport\",\"x5u\":\"" INFO "\"}", RPH },
    { "rph", "{\"alg\":\"HS256\",\"ppt\":\"rph\",\"typ\":\"passport\",\"x5u\":\"" INFO "\"}", RPH },
    { "rph", "{\"alg\":\"ES256\",\"ppt\":\"rph\",\"typ\":\"JWT\",\"x5u\":\"" INFO "\"}", RPH },
    { "rph", "{\"alg\":\"ES256\",\"ppt\":\"rph\",\"typ\":\"passport\",\"x5u\":\"https://a/\"}",
      RPH },
    { "rph",
      "{\"alg\":\"ES256\",\"crit\":[\"x\"],\"ppt\":\"rph\",\"typ\":\"passport\",\"x5u\":\"" INFO
      "\"}",
      RPH },
    { "rph",
      "{\"alg\":\"none\",\"alg\":\"ES256\",\"ppt\":\"rph\",\"typ\":\"passport\",\"x5u\":\"" INFO
      "\"}",
      RPH },
    { "rph", "[]", RPH },
    { "rph", "{\"alg\":", RPH },
    { "rph", HEADER, "{" PARTIES "}" },
    { "rph", HEADER, "{" PARTIES ",\"rph\":{\"auth\":[]}}" },
    { "rph", HEADER, "{" PARTIES ",\"rph\":{\"auth\":\"ets.0\"}}" },
    { "rph", HEADER, "{" PARTIES ",\"rph\":{\"auth\":[\"ets\"]}}" },
    { "rph", HEADER, "{" PARTIES ",\"rph\":{\"auth\":[\"ets.0.1\"]}}" },
    { "rph", HEADER, "{" PARTIES ",\"rph\":{\"auth\":[\"ets.0\",1]}}" },
    { "rph", HEADER,
      "{" PARTIES ",\"rph\":{\"auth\":[\"ets.0\"]},\"rph\":{\"auth\":[\"ets.1\"]}}" },
    { "rph", HEADER, "{" PARTIES ",\"mky\":[{\"alg\":\"a\",\"alg\":\"b\"}]}" },
    { "rph", HEADER,
      "{\"dest\":{[\"tn\":\"1\"]},\"iat\":1,\"orig\":{\"tn\":\"2\"},\"rph\":{\"auth\":[\"ets."
      "0\"]}}" },
    { "rph", HEADER,
      "{\"dest\":{\"tn\":\"1\"},\"iat\":1,\"orig\":{\"tn\":\"2\"},\"rph\":{\"auth\":[\"ets.0\"]"
      "}}" },
    { "rph", HEADER,
      "{\"dest\":{\"tn\":[\"1\"]},\"iat\":\"1443208345\",\"orig\":{\"tn\":\"2\"},\"rph\":{"
      "\"auth\":[\"ets.0\"]}}" },
    { "rph", HEADER,
      "{\"dest\":{\"tn\":[\"1\"]},\"iat\":1e300,\"orig\":{\"tn\":\"2\"},\"rph\":{\"auth\":["
      "\"ets.0\"]}}" },
    { "rph", HEADER,
      "{\"dest\":{\"tn\":[\"1\"]},\"iat\":-5,\"orig\":{\"tn\":\"2\"},\"rph\":{\"auth\":[\"ets."
      "0\"]}}" },
    { "rph", HEADER,
      "{\"dest\":{\"tn\":[\"1\"]},\"iat\":1,\"orig\":{\"tn\":\"+2\"},\"rph\":{\"auth\":[\"ets."
      "0\"]}}" },
    { "rph", HEADER,
      "{\"dest\":{\"tn\":[\"1\"]},\"iat\":1,\"orig\":{\"tn\":\"2\",\"uri\":\"sip:a@b\"},"
      "\"rph\":{\"auth\":[\"ets.0\"]}}" },
    { "rph", HEADER,
      "{\"dest\":{},\"iat\":1,\"orig\":{\"tn\":\"2\"},\"rph\":{\"auth\":[\"ets.0\"]}}" },
    /* RFC 9027 3, 4 */
    { "rph", HEADER, "{" PARTIES ",\"rph\":{\"auth\":[\"ets.0\"]},\"sph\":\"psap-callback\"}" },
    { "rph", HEADER, "{" PARTIES ",\"rph\":{\"auth\":[\"esnet.0\"]},\"sph\":\"emergency\"}" },
    { "rph", HEADER, "{" PARTIES ",\"rph\":{\"auth\":[\"esnet.0\"]},\"sph\":1}" },
    { "rph", HEADER,
      "{\"dest\":{\"uri\":[\"sip:a@b\"]},\"iat\":1,\"orig\":{\"tn\":\"2\"},\"rph\":{\"auth\":["
      "\"esnet.0\"]}}" },
    { "rph", HEADER,
      "{\"dest\":{\"tn\":[\"911\"]},\"iat\":1,\"orig\":{\"uri\":\"sip:a@b\"},\"rph\":{\"auth\":"
      "[\"esnet.0\"]}}" },
    { "shaken", HEADER, "{" PARTIES "}" },
    { "shaken", HEADER,
      "{\"attest\":\"D\"," PARTIES ",\"origid\":\"123e4567-e89b-12d3-a456-426655440000\"}" },
    { "shaken", HEADER, "{\"attest\":\"A\"," PARTIES ",\"origid\":\"me\"}" },
};

static void
test_refused (void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS (refused); i++) {
        g_autoptr (GString) header = g_string_new (refused[i].header);
        Finding finding = { 0 };
        g_string_replace (header, "%s", refused[i].ppt, 0);
        g_autofree char *token = pki_token (signer, header->str, refused[i].payload);
        g_autofree char *text =
            g_strdup_printf ("%s;info=<" INFO ">;ppt=%s", token, refused[i].ppt);
        g_autoptr (Token) read = read_text (text, &finding);
        g_test_message ("%u: %s %s: %s", i, header->str, refused[i].payload, finding.reason);
        g_assert_null (read);
        g_assert_cmpint (finding.result, !=, TD_PASSPORT_VALID);
        finding_clear (&finding);
    }
}

/* Only one way to write the same bytes: otherwise one token could be many to who remembers it. */
static void
test_base64url (void)
{
    g_autofree char *text = pki_identity (signer, INFO, "rph", RPH);
    char *end = strchr (text, ';') - 1;
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=.";
    const char was = *end;
    unsigned n_read = 0;

    for (const char *c = letters; *c != '\0'; c++) {
        Finding finding = { 0 };
        *end = *c;
        g_autoptr (Token) token = read_text (text, &finding);
        /* Of 64 bytes the last letter has 2 bits that count: the other 4 are to be 0. */
        n_read += token != NULL;
        g_assert_true (*c != was || token != NULL);
        finding_clear (&finding);
    }
    g_assert_cmpuint (n_read, ==, 4);
}

static void
test_emergency (void)
{
    static const char *const payloads[] = {
        "{\"dest\":{\"uri\":[\"urn:service:sos\"]},\"iat\":1615471428,\"orig\":{\"tn\":"
        "\"12155551212\"},"
        "\"rph\":{\"auth\":[\"esnet.1\"]}}",
        "{\"dest\":{\"tn\":[\"12155551212\"]},\"iat\":1615471428,\"orig\":{\"tn\":\"12155551213\"},"
        "\"rph\":{\"auth\":[\"esnet.0\"]}}",
        "{\"dest\":{\"tn\":[\"12155551212\"]},\"iat\":1615471428,\"orig\":{\"tn\":\"12155551213\"},"
        "\"rph\":{\"auth\":[\"esnet.0\"]},\"sph\":\"psap-callback\"}",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (payloads); i++) {
        g_autofree char *text = pki_identity (signer, INFO, "rph", payloads[i]);
        Finding finding = { 0 };
        g_autoptr (Token) token = read_text (text, &finding);
        g_assert_cmpstr (finding.reason, ==, NULL);
        g_assert_nonnull (token);
        g_assert_cmpstr (token->sph, ==, i == 2 ? "psap-callback" : NULL);
    }
}

static void
test_shaken (void)
{
    g_autofree char *text = pki_identity (signer, INFO, "shaken", SHAKEN);
    Finding finding = { 0 };
    g_autoptr (Token) token = read_text (text, &finding);

    g_assert_nonnull (token);
    g_assert_cmpint (token->type, ==, TOKEN_SHAKEN);
    g_assert_cmpstr (token->attest, ==, "A");
}

/* --- The RFCs' own examples --------------------------------------------------------------- */

/* RFC 8225 appendix A: what we print is what is printed there, to the letter. */
static void
test_rfc8225_print (void)
{
    g_autoptr (GPtrArray) numbers = g_ptr_array_new (), uris = g_ptr_array_new ();
    const TokenDraft draft = { .ppt = "",
                               .info = INFO,
                               .iat_s = 1471375418,
                               .orig = "12155551212",
                               .orig_is_number = true,
                               .dest_numbers = numbers,
                               .dest_uris = uris };

    g_ptr_array_add (uris, (void *) "sip:alice@example.com");
    g_autofree char *text = token_print (&draft);
    g_assert_cmpstr (text, ==, RFC8225_SIGNED);
}

/* RFC 8225 5.2.1.4: sorted, numbers first. */
static void
test_rfc8225_order (void)
{
    g_autoptr (GPtrArray) numbers = g_ptr_array_new (), uris = g_ptr_array_new ();
    const TokenDraft draft = { .ppt = "rph",
                               .info = INFO,
                               .iat_s = 1443208345,
                               .orig = "12155551212",
                               .orig_is_number = true,
                               .dest_numbers = numbers,
                               .dest_uris = uris,
                               .auth = (const char *const[]){ "ets.0", NULL } };
    static const uint8_t signature[TOKEN_SIGNATURE_BYTES];
    Finding finding = { 0 };

    g_ptr_array_add (uris, (void *) "sip:bob@example.net");
    g_ptr_array_add (uris, (void *) "sip:alice@example.com");
    g_ptr_array_add (numbers, (void *) "12125551212");
    g_autofree char *text = token_print (&draft);
    g_autofree char *whole = token_finish (text, signature);
    g_autofree char *header = identity_print (whole, INFO, "rph");
    g_autoptr (Token) token = read_text (header, &finding);
    g_assert_nonnull (token);
    g_autofree char *uris_read = g_strjoinv (" ", token->dest_uris);
    g_assert_cmpstr (uris_read, ==, "sip:alice@example.com sip:bob@example.net");
}

/* The signature printed in RFC 8225 is of neither of the keys printed there; its form can be read. */
static void
test_rfc8225_token (void)
{
    Finding finding = { 0 };
    g_autoptr (Token) token = read_text (RFC8225_TOKEN ";info=<" INFO ">", &finding);

    g_assert_nonnull (token);
    g_assert_cmpint (token->type, ==, TOKEN_BASELINE);
    g_assert_cmpstr (token->dest_uris[0], ==, "sip:alice@example.com");
}

/* That of RFC 8946 is: a token that others have signed. */
static void
test_rfc8946_signature (void)
{
    Finding finding = { 0 };
    BIO *in = BIO_new_mem_buf (RFC8946_KEY, -1);
    EVP_PKEY *key = PEM_read_bio_PUBKEY (in, NULL, NULL, NULL);
    g_autoptr (Token) token =
        read_text (RFC8946_TOKEN ";info=<https://www.example.com/cert.cer>;ppt=\"div\"", &finding);

    BIO_free (in);
    g_assert_nonnull (token);
    g_assert_cmpint (token->type, ==, TOKEN_OTHER);
    g_assert_true (credential_has_signed (key, token));
    token->text[token->signed_bytes - 1] ^= 1;
    g_assert_false (credential_has_signed (key, token));
    EVP_PKEY_free (key);
}

/* --- Garbage ----------------------------------------------------------------------------- */

/* PRI-036: no crash; what is damaged in what is signed is never what was signed. */
static void
test_damaged (void)
{
    g_autofree char *good = pki_identity (signer, INFO, "rph", RPH);
    g_autofree char *token_text = g_strndup (good, strcspn (good, ";"));

    for (unsigned i = 0; i < 1000; i++) {
        g_autofree char *text = g_strdup (good);
        Finding finding = { 0 };
        text[g_test_rand_int_range (0, (int) strlen (text))] =
            (char) g_test_rand_int_range (1, 256);
        g_autoptr (Token) token = read_text (text, &finding);
        if (token != NULL && strcmp (token->text, token_text) != 0) {
            g_assert_false (credential_has_signed (signer->key, token));
        }
        finding_clear (&finding);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    signer = pair_new (&(PairDraft){ .name = "signer", .now_s = 1443208345 });
    g_test_add_func ("/passport/PRI-032/headers", test_headers);
    g_test_add_func ("/passport/PRI-032/long-header", test_long_header);
    g_test_add_func ("/passport/PRI-032/rph", test_rph);
    g_test_add_func ("/passport/PRI-032/refused", test_refused);
    g_test_add_func ("/passport/PRI-032/base64url", test_base64url);
    g_test_add_func ("/passport/PRI-035/emergency", test_emergency);
    g_test_add_func ("/passport/PRI-035/shaken", test_shaken);
    g_test_add_func ("/passport/PRI-034/rfc8225-print", test_rfc8225_print);
    g_test_add_func ("/passport/PRI-034/rfc8225-order", test_rfc8225_order);
    g_test_add_func ("/passport/PRI-032/rfc8225-token", test_rfc8225_token);
    g_test_add_func ("/passport/PRI-032/rfc8946-signature", test_rfc8946_signature);
    g_test_add_func ("/passport/PRI-036/damaged", test_damaged);
    int result = g_test_run ();
    pair_free (signer);
    return result;
}
