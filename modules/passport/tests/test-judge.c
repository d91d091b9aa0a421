/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRI-032, PRI-035, PRI-037: each way in which a token can be no good, and the one in which it is good. */

#include "common/pki.h"
#include "judge.h"
#include "memory.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define INFO "https://cert.example.org/signer.pem"
#define FROM "12155550112"
#define TO   "12125550113"
#define PAYLOAD                                                                                    \
    "{\"dest\":{\"tn\":[\"" TO "\"]},\"iat\":%" G_GINT64_FORMAT ",\"orig\":{\"tn\":\"" FROM "\"}%" \
    "s}"
#define ETS ",\"rph\":{\"auth\":[\"ets.0\",\"wps.1\"]}"

enum { NOW_S = 1767225600, DAY_S = 86400 };

/* A root for ets and wps, one for calling numbers, and who signs below each. */
typedef struct {
    char *dir;
    Settings settings;
    Pair *root, *numbers_root, *signer, *numbers_signer;
    Finding finding;
    Replays *replays;
    /* The request. */
    const char *orig, *dest, *priority, *call_id, *trunk;
    const char *values[8];
    int64_t now_s;
    GPtrArray *authorised;
} Trial;

static char *
write_file (const Trial *trial, const char *name, const char *text)
{
    char *path = g_build_filename (trial->dir, name, NULL);
    g_autoptr (GError) error = NULL;

    g_file_set_contents (path, text, -1, &error);
    g_assert_no_error (error);
    return path;
}

/* REVOKED: a list of certificates that are, as PEM, or "". */
static Anchor *
make_anchor_with (Trial *trial, const char *name, const Pair *root, const char *name_spaces,
                  bool is_for_identity, const char *revoked)
{
    g_autofree char *pem = pair_print (root, NULL);
    g_autofree char *file = write_file (trial, name, pem);
    g_autofree char *list = write_file (trial, "revoked", revoked);
    g_autoptr (GError) error = NULL;

    Anchor *anchor = anchor_read (name, file, &error);
    g_assert_no_error (error);
    g_assert_true (*revoked == '\0' || anchor_read_revoked (anchor, list, false, &error));
    anchor->name_spaces = g_strsplit (name_spaces, ",", -1);
    anchor->is_for_identity = is_for_identity;
    g_unlink (file);
    g_unlink (list);
    return anchor;
}

static Anchor *
make_anchor (Trial *trial, const char *name, const Pair *root, const char *name_spaces,
             bool is_for_identity)
{
    return make_anchor_with (trial, name, root, name_spaces, is_for_identity, "");
}

static void
set_up (Trial *trial, gconstpointer data)
{
    trial->dir = g_dir_make_tmp ("tandem-passport-XXXXXX", NULL);
    trial->root = pair_new (&(PairDraft){ .name = "root", .is_authority = true, .now_s = NOW_S });
    trial->numbers_root =
        pair_new (&(PairDraft){ .name = "numbers", .is_authority = true, .now_s = NOW_S });
    trial->signer =
        pair_new (&(PairDraft){ .name = "signer", .issuer = trial->root, .now_s = NOW_S });
    trial->numbers_signer =
        pair_new (&(PairDraft){ .name = "carrier", .issuer = trial->numbers_root, .now_s = NOW_S });
    trial->settings = (Settings){ .freshness_us = 60 * G_USEC_PER_SEC,
                                  .max_verdicts = 10,
                                  .plan = { .country = "", .national = "", .international = "" },
                                  .anchors = g_ptr_array_new_with_free_func (anchor_free) };
    g_ptr_array_add (trial->settings.anchors,
                     make_anchor (trial, "ets", trial->root, "ets,wps", false));
    g_ptr_array_add (trial->settings.anchors,
                     make_anchor (trial, "numbers", trial->numbers_root, "", true));
    trial->replays = replays_new (NULL, 100);
    trial->orig = "sip:+" FROM "@example.com;user=phone";
    trial->dest = "+1 212 555 0113";
    trial->call_id = "a";
    trial->trunk = "carrier-a";
    trial->values[0] = "ets.0";
    trial->now_s = NOW_S;
    trial->authorised = g_ptr_array_new ();
}

static void
tear_down (Trial *trial, gconstpointer data)
{
    finding_clear (&trial->finding);
    g_ptr_array_unref (trial->authorised);
    replays_free (trial->replays);
    g_ptr_array_unref (trial->settings.anchors);
    pair_free (trial->signer);
    pair_free (trial->numbers_signer);
    pair_free (trial->root);
    pair_free (trial->numbers_root);
    g_rmdir (trial->dir);
    g_free (trial->dir);
}

/* What comes of the header field TEXT whose certificate is CERTIFICATE (nullable). */
static TdPassportResult
try_text (Trial *trial, const char *text, const Pair *certificate)
{
    const TdPassportQuestion question = { .orig = trial->orig,
                                          .dests = (const char *const[]){ trial->dest, NULL },
                                          .values = trial->values,
                                          .priority = trial->priority,
                                          .call_id = trial->call_id,
                                          .trunk = trial->trunk };
    g_autoptr (Credential) credential = NULL;
    g_autoptr (GError) error = NULL;
    VerdictHash hash;
    Identity identity;
    Request request;

    finding_clear (&trial->finding);
    trial->finding = (Finding){ 0 };
    g_ptr_array_set_size (trial->authorised, 0);
    if (certificate != NULL) {
        g_autofree char *pem = pair_print (certificate, NULL);
        credential = credential_read (pem, strlen (pem), trial->settings.anchors, &error);
        g_assert_no_error (error);
    }
    g_assert_true (identity_read (&identity, text, &trial->finding));
    verdict_hash (&hash, &identity);
    g_autoptr (Verdict) verdict =
        verdict_make (&identity, &hash, credential, &trial->settings, &trial->finding);
    request_init (&request, &question, &trial->settings, trial->now_s * G_USEC_PER_SEC);
    judge (verdict, &request, trial->replays, trial->authorised, &trial->finding);
    request_clear (&request);
    identity_clear (&identity);
    g_test_message ("%s: %s", finding_name (trial->finding.result), trial->finding.reason);
    return trial->finding.result;
}

static TdPassportResult
try_claims (Trial *trial, const char *ppt, const char *claims, const Pair *signer)
{
    g_autofree char *payload = g_strdup_printf (PAYLOAD, (int64_t) NOW_S, claims);
    g_autofree char *text = pki_identity (signer, INFO, ppt, payload);

    return try_text (trial, text, signer);
}

static TdPassportResult
try_usual (Trial *trial)
{
    return try_claims (trial, "rph", ETS, trial->signer);
}

/* --- Good ones --------------------------------------------------------------------------- */

static void
test_valid (Trial *trial, gconstpointer data)
{
    trial->values[1] = "WPS.1";
    trial->values[2] = "wps.0";
    g_assert_cmpint (try_usual (trial), ==, TD_PASSPORT_VALID);
    g_assert_cmpuint (trial->authorised->len, ==, 2);
    g_assert_cmpstr (trial->authorised->pdata[0], ==, "ets.0");
    g_assert_cmpstr (trial->authorised->pdata[1], ==, "WPS.1");
}

static void
test_shaken_beside (Trial *trial, gconstpointer data)
{
    static const char claims[] =
        ",\"attest\":\"A\",\"origid\":\"123e4567-e89b-12d3-a456-426655440000\"";

    g_assert_cmpint (try_claims (trial, "shaken", claims, trial->numbers_signer), ==,
                     TD_PASSPORT_VALID);
    g_assert_cmpuint (trial->authorised->len, ==, 0);
    g_assert_cmpint (try_claims (trial, NULL, "", trial->numbers_signer), ==, TD_PASSPORT_VALID);
}

/* --- Authority --------------------------------------------------------------------------- */

static void
test_shaken_grants_nothing (Trial *trial, gconstpointer data)
{
    g_assert_cmpint (try_claims (trial, "rph", ETS, trial->numbers_signer), ==,
                     TD_PASSPORT_UNTRUSTED);
    g_assert_cmpuint (trial->authorised->len, ==, 0);
}

static void
test_rph_is_no_identity (Trial *trial, gconstpointer data)
{
    g_assert_cmpint (try_claims (trial, NULL, "", trial->signer), ==, TD_PASSPORT_UNTRUSTED);
}

static void
test_one_authority (Trial *trial, gconstpointer data)
{
    g_ptr_array_add (trial->settings.anchors,
                     make_anchor (trial, "esnet", trial->root, "esnet", false));
    g_assert_cmpint (
        try_claims (trial, "rph", ",\"rph\":{\"auth\":[\"ets.0\",\"esnet.1\"]}", trial->signer), ==,
        TD_PASSPORT_UNTRUSTED);
}

static void
test_stranger (Trial *trial, gconstpointer data)
{
    g_autoptr (Pair) root =
        pair_new (&(PairDraft){ .name = "root", .is_authority = true, .now_s = NOW_S });
    g_autoptr (Pair) signer =
        pair_new (&(PairDraft){ .name = "signer", .issuer = root, .now_s = NOW_S });

    g_assert_cmpint (try_claims (trial, "rph", ETS, signer), ==, TD_PASSPORT_UNTRUSTED);
}

static void
test_no_certificate (Trial *trial, gconstpointer data)
{
    g_autofree char *payload = g_strdup_printf (PAYLOAD, (int64_t) NOW_S, ETS);
    g_autofree char *text = pki_identity (trial->signer, INFO, "rph", payload);

    g_assert_cmpint (try_text (trial, text, NULL), ==, TD_PASSPORT_NO_CREDENTIAL);
}

static void
test_signer_no_authority (Trial *trial, gconstpointer data)
{
    g_autoptr (Pair) below =
        pair_new (&(PairDraft){ .name = "below", .issuer = trial->signer, .now_s = NOW_S });

    g_assert_cmpint (try_claims (trial, "rph", ETS, below), ==, TD_PASSPORT_UNTRUSTED);
}

static void
test_expired (Trial *trial, gconstpointer data)
{
    g_autoptr (Pair) old = pair_new (&(PairDraft){
        .name = "old", .issuer = trial->root, .from_s = NOW_S - DAY_S, .until_s = NOW_S - 1 });
    g_autoptr (Pair) future = pair_new (&(PairDraft){
        .name = "future", .issuer = trial->root, .from_s = NOW_S + 1, .until_s = NOW_S + DAY_S });

    g_assert_cmpint (try_claims (trial, "rph", ETS, old), ==, TD_PASSPORT_UNTRUSTED);
    g_assert_cmpint (try_claims (trial, "rph", ETS, future), ==, TD_PASSPORT_UNTRUSTED);
}

/* RFC 5280 5 */
static void
test_revoked (Trial *trial, gconstpointer data)
{
    g_autofree char *nobody = pki_revoke (trial->root, NULL, NOW_S);
    g_autofree char *it = pki_revoke (trial->root, trial->signer, NOW_S);

    g_ptr_array_set_size (trial->settings.anchors, 0);
    g_ptr_array_add (trial->settings.anchors,
                     make_anchor_with (trial, "ets", trial->root, "ets,wps", false, nobody));
    g_assert_cmpint (try_usual (trial), ==, TD_PASSPORT_VALID);
    g_ptr_array_set_size (trial->settings.anchors, 0);
    g_ptr_array_add (trial->settings.anchors,
                     make_anchor_with (trial, "ets", trial->root, "ets,wps", false, it));
    g_assert_cmpint (try_usual (trial), ==, TD_PASSPORT_UNTRUSTED);
}

static void
test_keys (Trial *trial, gconstpointer data)
{
    g_autoptr (Pair) other = pair_new (
        &(PairDraft){ .name = "x", .issuer = trial->root, .curve = "P-384", .now_s = NOW_S });
    g_autoptr (Pair) agreement = pair_new (
        &(PairDraft){ .name = "x", .issuer = trial->root, .is_for_keys = true, .now_s = NOW_S });
    const Pair *const pairs[] = { other, agreement };

    for (unsigned i = 0; i < G_N_ELEMENTS (pairs); i++) {
        g_autofree char *pem = pair_print (pairs[i], NULL);
        g_autoptr (GError) error = NULL;
        g_autoptr (Credential) credential =
            credential_read (pem, strlen (pem), trial->settings.anchors, &error);
        g_assert_null (credential);
        g_assert_error (error, TD_ERROR, TD_ERROR_INVALID);
    }
}

/* RFC 8226 9 */
static void
test_numbers (Trial *trial, gconstpointer data)
{
    static const struct {
        const char *list;
        bool has;
    } cases[] = {
        { "[list]\na=EXP:2,IA5STRING:" FROM "\n", true },
        { "[list]\na=EXP:2,IA5STRING:12155550113\n", false },
        { "[list]\na=EXP:0,IA5STRING:1234\n", true },
        { "[list]\na=EXP:1,SEQUENCE:r\n[r]\ns=IA5STRING:12155550100\nc=INTEGER:13\n", true },
        { "[list]\na=EXP:1,SEQUENCE:r\n[r]\ns=IA5STRING:12155550100\nc=INTEGER:12\n", false },
        { "[list]\na=EXP:1,SEQUENCE:r\n[r]\ns=IA5STRING:12155550113\nc=INTEGER:9\n", false },
        { "[list]\na=EXP:1,SEQUENCE:r\n[r]\ns=IA5STRING:1\nc=INTEGER:99999999999999\n", false },
        { "[list]\na=EXP:1,SEQUENCE:r\n[r]\ns=IA5STRING:12155550100\nc=INTEGER:-1\n", false },
        { "[list]\na=EXP:2,IA5STRING:1\nb=EXP:2,IA5STRING:" FROM "\n", true },
        { "[list]\na=EXP:7,IA5STRING:" FROM "\n", false },
        { "[list]\na=INTEGER:5\n", false },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (Pair) carrier = pair_new (&(PairDraft){
            .name = "c", .issuer = trial->numbers_root, .numbers = cases[i].list, .now_s = NOW_S });
        g_test_message ("%s", cases[i].list);
        g_assert_cmpint (try_claims (trial, NULL, "", carrier), ==,
                         cases[i].has ? TD_PASSPORT_VALID : TD_PASSPORT_UNTRUSTED);
    }
}

/* RFC 8226 8 */
static void
test_constraints (Trial *trial, gconstpointer data)
{
    g_autoptr (Pair) bound = pair_new (&(PairDraft){
        .name = "bound", .issuer = trial->root, .required = "confidence", .now_s = NOW_S });

    g_assert_cmpint (try_claims (trial, "rph", ETS, bound), ==, TD_PASSPORT_UNTRUSTED);
    g_assert_cmpint (try_claims (trial, "rph", ETS ",\"confidence\":\"high\"", bound), ==,
                     TD_PASSPORT_VALID);
}

/* RFC 8224 8.4 */
static void
test_domain (Trial *trial, gconstpointer data)
{
    g_autofree char *payload = g_strdup_printf (
        "{\"dest\":{\"tn\":[\"" TO "\"]},\"iat\":%d,\"orig\":{\"uri\":\"sip:alice@example.com\"}}",
        NOW_S);
    static const struct {
        const char *dns;
        TdPassportResult result;
    } cases[] = { { "example.com", TD_PASSPORT_VALID },
                  { "example.org", TD_PASSPORT_UNTRUSTED },
                  { "*.com", TD_PASSPORT_UNTRUSTED },
                  { NULL, TD_PASSPORT_UNTRUSTED } };

    trial->orig = "sip:Alice@example.com:5060";
    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (Pair) carrier = pair_new (&(PairDraft){ .name = "example.com",
                                                           .issuer = trial->numbers_root,
                                                           .dns = cases[i].dns,
                                                           .now_s = NOW_S });
        g_autofree char *text = pki_identity (carrier, INFO, NULL, payload);
        g_assert_cmpint (try_text (trial, text, carrier), ==, cases[i].result);
    }
}

/* --- Signature and request ---------------------------------------------------------------- */

static void
test_forged (Trial *trial, gconstpointer data)
{
    g_autoptr (Pair) forger =
        pair_new (&(PairDraft){ .name = "signer", .issuer = trial->root, .now_s = NOW_S });
    g_autofree char *payload = g_strdup_printf (PAYLOAD, (int64_t) NOW_S, ETS);
    g_autofree char *text = pki_identity (forger, INFO, "rph", payload);

    g_assert_cmpint (try_text (trial, text, trial->signer), ==, TD_PASSPORT_INVALID);
    g_assert_cmpuint (trial->authorised->len, ==, 0);
}

static void
test_other_caller (Trial *trial, gconstpointer data)
{
    trial->orig = "sip:+12155550199@example.com;user=phone";
    g_assert_cmpint (try_usual (trial), ==, TD_PASSPORT_INVALID);
}

static void
test_other_called (Trial *trial, gconstpointer data)
{
    trial->dest = "+12125550199";
    g_assert_cmpint (try_usual (trial), ==, TD_PASSPORT_INVALID);
}

static void
test_unreadable_caller (Trial *trial, gconstpointer data)
{
    trial->orig = "";
    g_assert_cmpint (try_usual (trial), ==, TD_PASSPORT_INVALID);
}

static void
test_other_values (Trial *trial, gconstpointer data)
{
    trial->values[0] = "ets.1";
    g_assert_cmpint (try_usual (trial), ==, TD_PASSPORT_INVALID);
    g_assert_cmpuint (trial->authorised->len, ==, 0);
}

static void
test_stale (Trial *trial, gconstpointer data)
{
    trial->now_s = NOW_S + 60;
    g_assert_cmpint (try_usual (trial), ==, TD_PASSPORT_VALID);
    trial->now_s = NOW_S + 61;
    g_assert_cmpint (try_usual (trial), ==, TD_PASSPORT_STALE);
    trial->now_s = NOW_S - 60;
    g_assert_cmpint (try_usual (trial), ==, TD_PASSPORT_VALID);
    trial->now_s = NOW_S - 61;
    g_assert_cmpint (try_usual (trial), ==, TD_PASSPORT_STALE);
}

/* RFC 9027 4 */
static void
test_callback (Trial *trial, gconstpointer data)
{
    static const char claims[] = ",\"rph\":{\"auth\":[\"esnet.0\"]},\"sph\":\"psap-callback\"";

    g_ptr_array_add (trial->settings.anchors,
                     make_anchor (trial, "esnet", trial->root, "esnet", false));
    trial->values[0] = "esnet.0";
    g_assert_cmpint (try_claims (trial, "rph", claims, trial->signer), ==, TD_PASSPORT_INVALID);
    trial->priority = "emergency";
    g_assert_cmpint (try_claims (trial, "rph", claims, trial->signer), ==, TD_PASSPORT_INVALID);
    trial->priority = "psap-callback";
    g_assert_cmpint (try_claims (trial, "rph", claims, trial->signer), ==, TD_PASSPORT_VALID);
}

/* --- Replays ----------------------------------------------------------------------------- */

static void
test_replay (Trial *trial, gconstpointer allows_once)
{
    g_autofree char *payload = g_strdup_printf (PAYLOAD, (int64_t) NOW_S, ETS);
    g_autofree char *text = pki_identity (trial->signer, INFO, "rph", payload);
    TdPassportResult second = allows_once != NULL ? TD_PASSPORT_VALID : TD_PASSPORT_REPLAYED;

    trial->settings.allows_once = allows_once != NULL;
    g_assert_cmpint (try_text (trial, text, trial->signer), ==, TD_PASSPORT_VALID);
    g_assert_cmpint (try_text (trial, text, trial->signer), ==, TD_PASSPORT_VALID); /* the same */
    trial->call_id = "b";
    g_assert_cmpint (try_text (trial, text, trial->signer), ==, second);
    trial->call_id = "a";
    trial->trunk = "carrier-b";
    g_assert_cmpint (try_text (trial, text, trial->signer), ==, TD_PASSPORT_REPLAYED);
    g_assert_cmpuint (trial->authorised->len, ==, 0);
    trial->trunk = "carrier-a";
    g_assert_cmpint (try_text (trial, text, trial->signer), ==, TD_PASSPORT_VALID);
}

/* The same signature written otherwise is not another token. */
static void
test_turned (Trial *trial, gconstpointer data)
{
    g_autofree char *payload = g_strdup_printf (PAYLOAD, (int64_t) NOW_S, ETS);
    g_autofree char *text = pki_identity (trial->signer, INFO, "rph", payload);
    g_autofree char *turned = pki_turn (text);

    g_assert_cmpstr (turned, !=, text);
    g_assert_cmpint (try_text (trial, text, trial->signer), ==, TD_PASSPORT_VALID);
    trial->call_id = "b";
    g_assert_cmpint (try_text (trial, turned, trial->signer), ==, TD_PASSPORT_REPLAYED);
    trial->call_id = "a";
    g_assert_cmpint (try_text (trial, turned, trial->signer), ==, TD_PASSPORT_VALID);
}

/* A thief who is first, with another request, does not use it up. */
static void
test_no_theft (Trial *trial, gconstpointer data)
{
    g_autofree char *payload = g_strdup_printf (PAYLOAD, (int64_t) NOW_S, ETS);
    g_autofree char *text = pki_identity (trial->signer, INFO, "rph", payload);

    trial->call_id = "thief";
    trial->dest = "+12125550199";
    g_assert_cmpint (try_text (trial, text, trial->signer), ==, TD_PASSPORT_INVALID);
    trial->call_id = "a";
    trial->dest = "+" TO;
    g_assert_cmpint (try_text (trial, text, trial->signer), ==, TD_PASSPORT_VALID);
}

enum { N_ROOM = 100, UNTIL = 100 };

/* Brings the token I at NOW for the call CALL_ID. */
static bool
bring (Replays *replays, unsigned i, const char *call_id, int64_t now_us)
{
    g_autofree char *name = g_strdup_printf ("token %u", i);
    VerdictHash hash;

    verdict_hash_text (&hash, name);
    return replays_admit (replays, &hash, call_id, "t", false, now_us, now_us + UNTIL);
}

/* Where a file of replays can be. */
static char *
make_place (void)
{
    g_autofree char *folder = g_dir_make_tmp ("tandem-replays-XXXXXX", NULL);

    return g_build_filename (folder, "replays", NULL);
}

static void
remove_place (const char *path)
{
    g_autofree char *folder = g_path_get_dirname (path);

    g_unlink (path);
    g_rmdir (folder);
}

static Replays *
keep (const char *path, unsigned n_tokens, int64_t now_us)
{
    Replays *replays = replays_new (NULL, n_tokens);
    g_autoptr (GError) error = NULL;

    g_assert_true (replays_keep (replays, path, now_us, &error));
    g_assert_no_error (error);
    return replays;
}

static unsigned
count_known (Replays *replays, unsigned n_tokens, int64_t now_us)
{
    unsigned n_known = 0;

    for (unsigned i = 0; i < n_tokens; i++) {
        n_known += !bring (replays, i, "another", now_us);
    }
    return n_known;
}

/* What there is room for is all remembered; of more, something, and none of it for longer than it lives. */
static void
test_bounds (void)
{
    g_autoptr (Replays) few = replays_new (NULL, N_ROOM), many = replays_new (NULL, N_ROOM);

    for (unsigned i = 0; i < 100 * N_ROOM; i++) {
        g_assert_true (i >= N_ROOM || bring (few, i, "one", 1));
        g_assert_true (bring (many, i, "one", 1));
    }
    g_assert_cmpuint (count_known (few, N_ROOM, 2), ==, N_ROOM);
    g_assert_false (bring (many, 100 * N_ROOM - 1, "another", 1));
    g_assert_true (bring (many, 100 * N_ROOM - 1, "another", 1 + UNTIL));
}

/* A life of the process that ends is one thing, the file another: also with room for more, or for less. */
static void
test_file (void)
{
    g_autofree char *path = make_place ();
    static const unsigned rooms[] = { N_ROOM, N_ROOM, 10 * N_ROOM, N_ROOM };

    for (unsigned i = 0; i < G_N_ELEMENTS (rooms); i++) {
        g_autoptr (Replays) replays = keep (path, rooms[i], 1);
        for (unsigned j = 0; j < N_ROOM; j++) {
            g_assert_true (bring (replays, j, "one", 1));
        }
        g_assert_cmpuint (count_known (replays, N_ROOM, 2), ==, N_ROOM);
    }
    remove_place (path);
}

/* Two builds of the module have it open during an upgrade. */
static void
test_file_of_two (void)
{
    g_autofree char *path = make_place ();
    g_autoptr (Replays) old = keep (path, N_ROOM, 1), new = keep (path, N_ROOM, 1);

    g_assert_true (bring (old, 1, "one", 1));
    g_assert_false (bring (new, 1, "another", 1));
    g_assert_true (bring (new, 2, "one", 1));
    g_assert_false (bring (old, 2, "another", 1));
    remove_place (path);
}

/* Garbage of any length holds no place for ever, and a file that is cut off under way is no end. */
static void
test_file_broken (void)
{
    g_autofree char *path = make_place ();
    static const unsigned lengths[] = { 0, 1, 5000, 7 * 32 * 64 };
    g_autofree char *garbage = g_malloc (7 * 32 * 64);

    memset (garbage, 0x7f, 7 * 32 * 64);
    for (unsigned i = 0; i < G_N_ELEMENTS (lengths); i++) {
        g_assert_true (g_file_set_contents (path, garbage, lengths[i], NULL));
        g_autoptr (Replays) replays = keep (path, N_ROOM, 1);
        for (unsigned j = 0; j < N_ROOM; j++) {
            g_assert_true (bring (replays, j, "one", 1));
        }
        g_assert_cmpuint (count_known (replays, N_ROOM, 2), ==, N_ROOM);
        g_assert_cmpint (truncate (path, 0), ==, 0);
        g_assert_true (bring (replays, 1, "one", 2));
        g_assert_false (bring (replays, 1, "another", 2));
    }
    remove_place (path);
}

/* Where there can be no file, the kernel says why, and memory does. */
static void
test_no_file (void)
{
    g_autoptr (Replays) replays = replays_new (NULL, N_ROOM);
    g_autoptr (GError) error = NULL;

    g_assert_false (replays_keep (replays, "/nowhere/replays", 1, &error));
    g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    g_assert_true (bring (replays, 1, "one", 1));
    g_assert_false (bring (replays, 1, "another", 1));
}

static Verdict *
make_verdict (unsigned number, TdPassportResult result)
{
    Verdict *verdict = g_new0 (Verdict, 1);

    atomic_init (&verdict->n_refs, 1);
    memcpy (verdict->hash.bytes, &number, sizeof number);
    verdict->result = result;
    return verdict;
}

static void
no_free (TdTable *table)
{
}

/* PRI-038: forged tokens do not push the good ones out. */
static void
test_verdicts (void)
{
    Settings settings = { .max_verdicts = 10 };
    Verdicts *verdicts = verdicts_new ();
    g_autoptr (Verdict) good = make_verdict (1000, TD_PASSPORT_VALID);

    td_table_init (&settings.table, no_free);
    verdicts_add (verdicts, good, &settings);
    for (unsigned i = 0; i < 100; i++) {
        g_autoptr (Verdict) bad = make_verdict (i, TD_PASSPORT_INVALID);
        verdicts_add (verdicts, bad, &settings);
    }
    g_autoptr (Verdict) first = make_verdict (0, TD_PASSPORT_INVALID);
    g_assert_null (verdicts_find (verdicts, &first->hash, &settings));
    g_autoptr (Verdict) found = verdicts_find (verdicts, &good->hash, &settings);
    g_assert_true (found == good);
    g_assert_null (verdicts_find (verdicts, &good->hash, NULL)); /* after a reload */
    verdicts_free (verdicts);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, data, test) g_test_add ("/passport/" path, Trial, data, set_up, test, tear_down)
    ADD ("PRI-032/valid", NULL, test_valid);
    ADD ("PRI-035/shaken-beside", NULL, test_shaken_beside);
    ADD ("PRI-032/shaken-grants-nothing", NULL, test_shaken_grants_nothing);
    ADD ("PRI-032/rph-is-no-identity", NULL, test_rph_is_no_identity);
    ADD ("PRI-032/one-authority", NULL, test_one_authority);
    ADD ("PRI-032/stranger", NULL, test_stranger);
    ADD ("PRI-032/no-certificate", NULL, test_no_certificate);
    ADD ("PRI-032/signer-is-no-authority", NULL, test_signer_no_authority);
    ADD ("PRI-032/expired", NULL, test_expired);
    ADD ("PRI-032/revoked", NULL, test_revoked);
    ADD ("PRI-032/keys", NULL, test_keys);
    ADD ("PRI-035/numbers", NULL, test_numbers);
    ADD ("PRI-032/claim-constraints", NULL, test_constraints);
    ADD ("PRI-035/domain", NULL, test_domain);
    ADD ("PRI-032/forged", NULL, test_forged);
    ADD ("PRI-037/other-caller", NULL, test_other_caller);
    ADD ("PRI-037/other-called", NULL, test_other_called);
    ADD ("PRI-032/unreadable-caller", NULL, test_unreadable_caller);
    ADD ("PRI-032/other-values", NULL, test_other_values);
    ADD ("PRI-037/stale", NULL, test_stale);
    ADD ("PRI-035/callback", NULL, test_callback);
    ADD ("PRI-037/replay", NULL, test_replay);
    ADD ("PRI-037/allow-once", "yes", test_replay);
    ADD ("PRI-037/turned", NULL, test_turned);
    ADD ("PRI-037/no-theft", NULL, test_no_theft);
    g_test_add_func ("/passport/PRI-037/bounds", test_bounds);
    g_test_add_func ("/passport/PRI-037/file", test_file);
    g_test_add_func ("/passport/PRI-037/file-of-two-builds", test_file_of_two);
    g_test_add_func ("/passport/PRI-037/file-broken", test_file_broken);
    g_test_add_func ("/passport/PRI-037/no-file", test_no_file);
    g_test_add_func ("/passport/PRI-038/verdicts", test_verdicts);
    return g_test_run ();
}
