/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a token costs on one core: verified, remembered, judged, signed; beside OpenSSL's ES256 alone. */

#include "common/pki.h"
#include "judge.h"
#include "memory.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define INFO "https://cert.example.org/a.pem"
#define FROM "12155550112"
#define TO   "12125550113"

enum { NOW_S = 1767225600, N = 5000, ROUNDS = 5, N_TOKENS = 100000 };

typedef struct {
    Pair *signer;
    Settings settings;
    Credential *credential;
    Identity identity;
    VerdictHash hash;
    Verdict *verdict;
    Verdicts *verdicts;
    char *folder, *path;
    Replays *replays;
    uint64_t n_brought;
    Request request;
    TdPassportQuestion question;
    const char *dests[2], *values[2];
    char *signed_text;
} World;

static void
no_free (TdTable *table)
{
}

static void
open_world (World *world)
{
    g_autoptr (GError) error = NULL;
    Anchor *anchor = g_new0 (Anchor, 1);
    Finding finding = { 0 };

    world->signer = pair_new (&(PairDraft){ .name = "signer", .now_s = NOW_S });
    anchor->name = g_strdup ("ets");
    anchor->store = X509_STORE_new ();
    anchor->name_spaces = g_strsplit ("ets", ",", -1);
    X509_STORE_add_cert (anchor->store, world->signer->certificate);
    world->settings = (Settings){ .freshness_us = 60 * G_USEC_PER_SEC,
                                  .max_verdicts = 10,
                                  .plan = { .country = "", .national = "", .international = "" },
                                  .anchors = g_ptr_array_new () };
    td_table_init (&world->settings.table, no_free);
    g_ptr_array_add (world->settings.anchors, anchor);
    g_autofree char *pem = pair_print (world->signer, NULL);
    world->credential = credential_read (pem, strlen (pem), world->settings.anchors, &error);
    g_autofree char *text =
        pki_identity (world->signer, INFO, "rph",
                      "{\"dest\":{\"tn\":[\"" TO "\"]},\"iat\":1767225600,\"orig\":{\"tn\":\"" FROM
                      "\"},\"rph\":{\"auth\":[\"ets.0\"]}}");
    g_assert_true (identity_read (&world->identity, text, &finding));
    verdict_hash (&world->hash, &world->identity);
    world->verdict = verdict_make (&world->identity, &world->hash, world->credential,
                                   &world->settings, &finding);
    g_assert_cmpint (world->verdict->result, ==, TD_PASSPORT_VALID);
    world->verdicts = verdicts_new ();
    verdicts_add (world->verdicts, world->verdict, &world->settings);
    world->folder = g_dir_make_tmp ("tandem-replays-XXXXXX", &error);
    world->path = g_build_filename (world->folder, "replays", NULL);
    world->replays = replays_new (NULL, N_TOKENS);
    g_assert_true (
        replays_keep (world->replays, world->path, (int64_t) NOW_S * G_USEC_PER_SEC, &error));
    world->dests[0] = "+" TO;
    world->values[0] = "ets.0";
    world->question = (TdPassportQuestion){
        .orig = "+" FROM, .dests = world->dests, .values = world->values, .call_id = "", .trunk = ""
    };
    world->signed_text =
        g_strndup (world->verdict->token->text, world->verdict->token->signed_bytes);
}

static void
close_world (World *world)
{
    replays_free (world->replays);
    g_unlink (world->path);
    g_rmdir (world->folder);
}

/* --- What is timed ----------------------------------------------------------------------- */

static void
run_es256 (World *world)
{
    g_assert_true (credential_has_signed (world->signer->key, world->verdict->token));
}

static void
run_verify (World *world)
{
    Finding finding = { 0 };
    g_autoptr (Verdict) verdict = verdict_make (&world->identity, &world->hash, world->credential,
                                                &world->settings, &finding);

    g_assert_cmpint (verdict->result, ==, TD_PASSPORT_VALID);
}

static void
run_remembered (World *world)
{
    VerdictHash hash;

    verdict_hash (&hash, &world->identity);
    g_autoptr (Verdict) verdict = verdicts_find (world->verdicts, &hash, &world->settings);
    g_assert_nonnull (verdict);
}

static void
run_judge (World *world)
{
    g_autoptr (GPtrArray) values = g_ptr_array_new ();
    Finding finding = { 0 };

    request_init (&world->request, &world->question, &world->settings,
                  (int64_t) NOW_S * G_USEC_PER_SEC);
    g_assert_true (judge (world->verdict, &world->request, NULL, values, &finding));
    request_clear (&world->request);
}

/* Each time another one: the file is read and written. */
static void
run_bring (World *world)
{
    const int64_t now_us = (int64_t) NOW_S * G_USEC_PER_SEC;
    VerdictHash hash = world->hash;

    world->n_brought++;
    for (size_t i = 0; i < sizeof hash.bytes; i += sizeof world->n_brought) {
        uint64_t mixed = world->n_brought * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
        memcpy (hash.bytes + i, &mixed, sizeof mixed);
    }
    g_assert_true (
        replays_admit (world->replays, &hash, "call", "trunk", false, now_us, now_us + 1));
}

static void
run_sign (World *world)
{
    uint8_t signature[TOKEN_SIGNATURE_BYTES];

    g_assert_true (credential_sign (world->signer->key, world->signed_text, signature));
}

static const struct {
    const char *name;
    void (*run) (World *world);
} subjects[] = {
    { "ES256 alone, OpenSSL", run_es256 }, { "verified", run_verify },
    { "remembered", run_remembered },      { "held against its request", run_judge },
    { "noted as brought", run_bring },     { "signed", run_sign },
};

/* Of a core, not of the clock on the wall: the machine may be busy. */
static double
cpu_us (void)
{
    struct timespec now;

    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
    return (double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3;
}

static double
time_one (World *world, unsigned index)
{
    double begin_us = cpu_us ();

    for (unsigned i = 0; i < N; i++) {
        subjects[index].run (world);
    }
    return (cpu_us () - begin_us) / N;
}

/* In turn, the best of some rounds, so that what the machine does meanwhile falls on all. */
int
main (void)
{
    double best[G_N_ELEMENTS (subjects)];
    World world = { 0 };

    open_world (&world);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < G_N_ELEMENTS (subjects); i++) {
            double us = time_one (&world, i);
            best[i] = round == 0 ? us : MIN (best[i], us);
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS (subjects); i++) {
        printf ("%-26s %7.1f us  %8.0f/s a core  %5.2f of ES256\n", subjects[i].name, best[i],
                1e6 / best[i], best[i] / best[0]);
    }
    close_world (&world);
    return 0;
}
