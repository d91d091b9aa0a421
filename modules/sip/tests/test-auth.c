/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Digest authentication both ways, against each other and against the RFCs' examples. */

#include "auth.h"

#define HEAD                                                                                       \
    "Via: SIP/2.0/UDP a;branch=z9hG4bKx\r\nFrom: <sip:a@a>;tag=1\r\nTo: <sip:a@a>;tag=2\r\n"       \
    "Call-ID: c\r\nCSeq: 7 REGISTER\r\n"

static const SipCredentials ann = { "ann", "se\"cret" };

typedef struct {
    SipAuthority *authority;
    char user[32];
    bool has_tried;
} Fixture;

static void
set_up (Fixture *f, const void *unused)
{
    static const uint8_t secret[32] = { 1, 2, 3 };

    td_lanes_open (&(TdLanesOptions){ .n_lanes = 1, .is_fake = true, .boot = 1 });
    *f = (Fixture){ .authority = sip_authority_new (secret, 60, SIP_DIGESTS_BOTH, 0) };
}

static void
tear_down (Fixture *f, const void *unused)
{
    sip_authority_free (f->authority);
    td_lanes_close ();
}

static bool
secret_of (const char *username, SipDigest digest, char ha1[SIP_HASH_SIZE], void *data)
{
    if (strcmp (username, "ann") != 0) {
        return false;
    }
    sip_auth_ha1 (digest, "ann", "r", "se\"cret", ha1);
    return true;
}

/* The Authorization line that CREDENTIALS make of the challenges in LINES; NULL: refused. */
static char *
answer_to (Fixture *f, const char *lines, const SipCredentials *credentials)
{
    g_autofree char *text = g_strconcat ("SIP/2.0 401 Unauthorized\r\n" HEAD, lines, "\r\n", NULL);
    GString *out = g_string_new (NULL);
    SipMessage message;
    SipScan scan;

    g_assert_cmpint (sip_scan (&scan, text, strlen (text), false), ==, SIP_SCAN_GOOD);
    sip_message_init (&message, &scan);
    bool is_answered =
        sip_auth_answer (out, &message, credentials, "REGISTER", "sip:us", "cn\"", f->has_tried);
    sip_message_clear (&message);
    return g_string_free (out, !is_answered);
}

static char *
challenge (Fixture *f, bool is_stale)
{
    GString *out = g_string_new (NULL);

    sip_authority_challenge (f->authority, out, false, "r", is_stale);
    return g_string_free (out, FALSE);
}

static SipAuthVerdict
check (Fixture *f, const char *line)
{
    g_autofree char *text = g_strconcat ("REGISTER sip:us SIP/2.0\r\n" HEAD, line, "\r\n", NULL);
    SipMessage message;
    SipScan scan;

    g_assert_cmpint (sip_scan (&scan, text, strlen (text), false), ==, SIP_SCAN_GOOD);
    sip_message_init (&message, &scan);
    SipAuthVerdict verdict = sip_authority_check (f->authority, &message, false, "r", secret_of,
                                                  NULL, f->user, sizeof f->user);
    sip_message_clear (&message);
    return verdict;
}

/* What is not asked for is not taken either. */
static void
test_only_md5 (Fixture *f, const void *unused)
{
    static const uint8_t secret[32] = { 1, 2, 3 };
    g_autofree char *both = challenge (f, false);
    g_autofree char *strong = answer_to (f, both, &ann);

    sip_authority_free (f->authority);
    f->authority = sip_authority_new (secret, 60, SIP_DIGESTS_MD5, 0);
    g_autofree char *lines = challenge (f, false);
    g_assert_null (strstr (lines, "SHA-256"));
    g_autofree char *weak = answer_to (f, lines, &ann);
    g_assert_cmpint (check (f, weak), ==, SIP_AUTH_GOOD);
    g_assert_cmpint (check (f, strong), ==, SIP_AUTH_NONE);
}

/* RFC 7616 3.9.1. */
static void
test_rfc_example (Fixture *f, const void *algorithm)
{
    static const SipCredentials mufasa = { "Mufasa", "Circle of Life" };
    bool is_sha = strcmp (algorithm, "SHA-256") == 0;
    g_autofree char *text = g_strdup_printf (
        "SIP/2.0 401 x\r\n" HEAD "WWW-Authenticate: Digest realm=\"http-auth@example.org\",\r\n"
        " qop=\"auth, auth-int\", algorithm=%s,\r\n"
        " nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\",\r\n"
        " opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"\r\n\r\n",
        (const char *) algorithm);
    g_autoptr (GString) out = g_string_new (NULL);
    SipMessage message;
    SipScan scan;

    g_assert_cmpint (sip_scan (&scan, text, strlen (text), false), ==, SIP_SCAN_GOOD);
    sip_message_init (&message, &scan);
    g_assert_true (sip_auth_answer (out, &message, &mufasa, "GET", "/dir/index.html",
                                    "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", false));
    sip_message_clear (&message);
    g_assert_nonnull (strstr (
        out->str,
        is_sha ? "response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\""
               : "response=\"8ca523f5e9506fed4657c9700eebdbec\""));
    g_assert_nonnull (strstr (out->str, "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""));
}

static void
test_both_ways (Fixture *f, const void *unused)
{
    g_autofree char *lines = challenge (f, false);
    g_autofree char *answer = answer_to (f, lines, &ann);

    g_assert_nonnull (strstr (answer, "algorithm=SHA-256"));
    g_assert_cmpint (check (f, answer), ==, SIP_AUTH_GOOD);
    g_assert_cmpstr (f->user, ==, "ann");
}

static void
test_md5_where_the_client_knows_no_better (Fixture *f, const void *unused)
{
    g_autofree char *lines = challenge (f, false);
    const char *md5 = strchr (lines, '\n') + 1;
    g_autofree char *answer = answer_to (f, md5, &ann);

    g_assert_nonnull (strstr (answer, "algorithm=MD5"));
    g_assert_cmpint (check (f, answer), ==, SIP_AUTH_GOOD);
}

static void
test_replay_is_stale (Fixture *f, const void *unused)
{
    g_autofree char *lines = challenge (f, false);
    g_autofree char *answer = answer_to (f, lines, &ann);

    g_assert_cmpint (check (f, answer), ==, SIP_AUTH_GOOD);
    g_assert_cmpint (check (f, answer), ==, SIP_AUTH_STALE);
}

/* The line of ANSWER with the count that stands in no response, as a client without qop sends none. */
static char *
answer_without_qop (Fixture *f, const char *lines)
{
    const char *nonce = strstr (lines, "nonce=");
    g_autofree char *old =
        g_strdup_printf ("WWW-Authenticate: Digest realm=\"r\", %.*s, algorithm=MD5\r\n",
                         (int) strcspn (nonce, ","), nonce);

    return answer_to (f, old, &ann);
}

/* A count that the response does not vouch for counts nothing (RFC 7616 3.4.1). */
static void
test_count_without_qop (Fixture *f, const void *unused)
{
    g_autofree char *lines = challenge (f, false);
    g_autofree char *answer = answer_without_qop (f, lines);
    g_autofree char *again = g_strndup (answer, strlen (answer) - 2);
    g_autofree char *counted = g_strconcat (again, ", nc=00000002\r\n", NULL);

    g_assert_cmpint (check (f, answer), ==, SIP_AUTH_GOOD);
    g_assert_cmpint (check (f, counted), ==, SIP_AUTH_STALE);
}

/* Lanes share a secret, but no counts. */
static void
test_replay_on_another_lane (Fixture *f, const void *unused)
{
    static const uint8_t secret[32] = { 1, 2, 3 };
    g_autofree char *lines = challenge (f, false);
    g_autofree char *answer = answer_to (f, lines, &ann);

    g_assert_cmpint (check (f, answer), ==, SIP_AUTH_GOOD);
    sip_authority_free (f->authority);
    f->authority = sip_authority_new (secret, 60, SIP_DIGESTS_BOTH, 1);
    g_assert_cmpint (check (f, answer), ==, SIP_AUTH_STALE);
}

static void
test_nonce_ages (Fixture *f, const void *unused)
{
    g_autofree char *lines = challenge (f, false);
    g_autofree char *answer = answer_to (f, lines, &ann);

    td_lanes_advance (62000);
    g_assert_cmpint (check (f, answer), ==, SIP_AUTH_STALE);
}

static void
test_wrong (Fixture *f, const void *unused)
{
    static const SipCredentials wrong = { "ann", "guess" }, nobody = { "bob", "x" };
    g_autofree char *lines = challenge (f, false);
    g_autofree char *bad = answer_to (f, lines, &wrong);
    g_autofree char *unknown = answer_to (f, lines, &nobody);
    g_autofree char *good = answer_to (f, lines, &ann);
    g_autofree char *forged = g_strdup (good);

    char *nonce = strstr (forged, "nonce=\"") + 7;
    nonce[10] = nonce[10] == '0' ? '1' : '0';
    g_assert_cmpint (check (f, bad), ==, SIP_AUTH_BAD);
    g_assert_cmpint (check (f, unknown), ==, SIP_AUTH_BAD);
    g_assert_cmpint (check (f, forged), ==, SIP_AUTH_NONE);
    g_assert_cmpint (check (f, ""), ==, SIP_AUTH_NONE);
    g_assert_cmpint (check (f, "Authorization: Basic YTpi\r\n"), ==, SIP_AUTH_NONE);
    /* RFC 4475 3.3.7. */
    g_assert_cmpint (check (f, "Authorization: NoOneKnowsThisScheme opaque-data=here\r\n"), ==,
                     SIP_AUTH_NONE);
}

/* A response made for one request is not good for another (RFC 3261 22.4). */
static void
test_other_uri (Fixture *f, const void *unused)
{
    g_autofree char *lines = challenge (f, false);
    g_autofree char *answer = answer_to (f, lines, &ann);
    g_autoptr (GString) other = g_string_new (answer);

    g_string_replace (other, "uri=\"sip:us\"", "uri=\"sip:them\"", 0);
    g_assert_cmpint (check (f, other->str), ==, SIP_AUTH_NONE);
}

static void
test_refusal_is_final_unless_stale (Fixture *f, const void *unused)
{
    g_autofree char *lines = challenge (f, false);
    g_autofree char *stale = challenge (f, true);

    f->has_tried = true;
    g_assert_null (answer_to (f, lines, &ann));
    g_autofree char *answer = answer_to (f, stale, &ann);
    g_assert_nonnull (answer);
}

static void
test_unknown_challenges (Fixture *f, const void *unused)
{
    g_assert_null (answer_to (f, "WWW-Authenticate: Basic realm=\"r\"\r\n", &ann));
    g_assert_null (answer_to (
        f, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256\r\n", &ann));
    g_assert_null (answer_to (
        f, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"\r\n", &ann));
    g_autofree char *old =
        answer_to (f, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n", &ann);
    g_assert_null (strstr (old, "qop"));
}

static void
test_replay_of_a_forgotten_nonce (Fixture *f, const void *unused)
{
    g_autofree char *lines = challenge (f, false);
    g_autofree char *first = answer_to (f, lines, &ann);

    g_assert_cmpint (check (f, first), ==, SIP_AUTH_GOOD);
    for (unsigned i = 0; i < 5000; i++) {
        g_autofree char *more = challenge (f, false);
        g_autofree char *answer = answer_to (f, more, &ann);
        g_assert_cmpint (check (f, answer), ==, SIP_AUTH_GOOD);
    }
    g_assert_cmpint (check (f, first), ==, SIP_AUTH_STALE);
}

/* The table of counts is bounded. */
static void
test_many_nonces (Fixture *f, const void *unused)
{
    for (unsigned i = 0; i < 5000; i++) {
        g_autofree char *lines = challenge (f, false);
        g_autofree char *answer = answer_to (f, lines, &ann);
        g_assert_cmpint (check (f, answer), ==, SIP_AUTH_GOOD);
    }
}

#define ADD(path, function, data)                                                                  \
    g_test_add ("/sip/auth/" path, Fixture, data, set_up, function, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("rfc-example-md5", test_rfc_example, "MD5");
    ADD ("rfc-example-sha-256", test_rfc_example, "SHA-256");
    ADD ("both-ways", test_both_ways, NULL);
    ADD ("only-md5", test_only_md5, NULL);
    ADD ("md5-where-the-client-knows-no-better", test_md5_where_the_client_knows_no_better, NULL);
    ADD ("replay-is-stale", test_replay_is_stale, NULL);
    ADD ("count-without-qop", test_count_without_qop, NULL);
    ADD ("replay-on-another-lane", test_replay_on_another_lane, NULL);
    ADD ("replay-of-a-forgotten-nonce", test_replay_of_a_forgotten_nonce, NULL);
    ADD ("nonce-ages", test_nonce_ages, NULL);
    ADD ("wrong", test_wrong, NULL);
    ADD ("other-uri", test_other_uri, NULL);
    ADD ("refusal-is-final-unless-stale", test_refusal_is_final_unless_stale, NULL);
    ADD ("unknown-challenges", test_unknown_challenges, NULL);
    ADD ("many-nonces", test_many_nonces, NULL);
    return g_test_run ();
}
