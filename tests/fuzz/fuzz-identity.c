/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as an Identity header field, and as damage to one that is good: whatever is read, only the good
 * token grants anything, and nothing but what it says.
 *
 * PRI-036. As damage: pairs of bytes, the place and what is written there. */

#include "fuzz.h"

#include "common/pki.h"
#include "judge.h"

#include <string.h>

#define INFO "https://cert.example.org/a.pem"
#define FROM "12155550112"
#define TO   "12125550113"

enum { NOW_S = 1767225600 };

/* Made once. */
typedef struct {
    Pair *signer;
    Settings settings;
    Credential *credential;
    char *good, *token;
} World;

static const World *
find_world (void)
{
    static World world;
    g_autoptr (GError) error = NULL;

    if (world.good != NULL) {
        return &world;
    }
    world.signer = pair_new (&(PairDraft){ .name = "signer", .now_s = NOW_S });
    Anchor *anchor = g_new0 (Anchor, 1);
    anchor->name = g_strdup ("ets");
    anchor->store = X509_STORE_new ();
    anchor->name_spaces = g_strsplit ("ets", ",", -1);
    X509_STORE_add_cert (anchor->store, world.signer->certificate);
    world.settings = (Settings){ .freshness_us = 60 * G_USEC_PER_SEC,
                                 .plan = { .country = "", .national = "", .international = "" },
                                 .anchors = g_ptr_array_new () };
    g_ptr_array_add (world.settings.anchors, anchor);
    g_autofree char *pem = pair_print (world.signer, NULL);
    world.credential = credential_read (pem, strlen (pem), world.settings.anchors, &error);
    FUZZ_CHECK (world.credential != NULL);
    world.good =
        pki_identity (world.signer, INFO, "rph",
                      "{\"dest\":{\"tn\":[\"" TO "\"]},\"iat\":1767225600,\"orig\":{\"tn\":"
                      "\"" FROM "\"},\"rph\":{\"auth\":[\"ets.3\"]}}");
    world.token = g_strndup (world.good, strcspn (world.good, ";"));
    return &world;
}

/* Whether TEXT grants ets.3 to the call it is for; never ets.0. */
static bool
grants (const World *world, const char *text)
{
    const TdPassportQuestion question = {
        .orig = "+" FROM,
        .dests = (const char *const[]){ "+" TO, NULL },
        .values = (const char *const[]){ "ets.0", "ets.3", NULL },
        .call_id = "",
        .trunk = "",
    };
    g_autoptr (GPtrArray) values = g_ptr_array_new ();
    Finding finding = { 0 };
    VerdictHash hash;
    Identity identity;
    Request request;
    bool is_valid = false;

    if (identity_read (&identity, text, &finding)) {
        verdict_hash (&hash, &identity);
        g_autoptr (Verdict) verdict =
            verdict_make (&identity, &hash, world->credential, &world->settings, &finding);
        request_init (&request, &question, &world->settings, (int64_t) NOW_S * G_USEC_PER_SEC);
        is_valid = judge (verdict, &request, NULL, values, &finding);
        request_clear (&request);
        FUZZ_CHECK (is_valid == (finding.result == TD_PASSPORT_VALID));
        FUZZ_CHECK (!is_valid || strcmp (identity.token, world->token) == 0);
        identity_clear (&identity);
    }
    FUZZ_CHECK (is_valid || finding.reason != NULL);
    FUZZ_CHECK (values->len == (is_valid ? 1 : 0));
    FUZZ_CHECK (!is_valid || strcmp (values->pdata[0], "ets.3") == 0);
    finding_clear (&finding);
    return is_valid;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n_bytes)
{
    const World *world = find_world ();
    g_autofree char *text = g_strndup ((const char *) data, n_bytes);
    g_autofree char *damaged = g_strdup (world->good);
    size_t len = strlen (damaged);
    Canon canon;

    FUZZ_CHECK (!grants (world, text));
    if (canon_read (&canon, text)) {
        FUZZ_CHECK (canon.is_number ? canon_is_tn (canon.number) : *canon.uri != '\0');
    }
    /* A valid mark is not lowered by what stands elsewhere. */
    FUZZ_CHECK (grants (world, world->good));
    for (size_t i = 0; i + 1 < n_bytes; i += 2) {
        damaged[(data[i] * len / 256 + i) % len] = (char) data[i + 1];
    }
    grants (world, damaged);
    return 0;
}
