/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a whole decision costs over N prefixes (a million): translate, analyse, screen in a list of a
 * tenth as many numbers, dip in as many ported ones, look up, and a list of 8 targets, each with its
 * own number; the same with the answer of a dip that is kept, in the place of the ported ones, and when
 * it has to be asked and the decision is made again. And what the tables take.
 *
 *     bench-decision [N [SEED]]
 */

#include "decision.h"
#include "dip-cache.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    N_SAMPLES = 1 << 14,
    N_DECISIONS = 1 << 20,
    N_LABELS = 500,
    N_TARGETS = 8,
};

static double
seconds_since (clock_t since) /* of a core: what else runs does not count */
{
    return (double) (clock () - since) / CLOCKS_PER_SEC;
}

G_GNUC_NULL_TERMINATED
static void
add (TablesBuilder *builder, SchemaTableId table, ...)
{
    const char *cells[SCHEMA_MAX_COLUMNS];
    g_autoptr (GError) error = NULL;
    va_list arguments;
    unsigned n = 0;

    va_start (arguments, table);
    for (const char *cell; (cell = va_arg (arguments, const char *)) != NULL;) {
        cells[n++] = cell;
    }
    va_end (arguments);
    while (n < SCHEMA_MAX_COLUMNS) {
        cells[n++] = "";
    }
    if (!tables_builder_add (builder, table, cells, 0, &error)) {
        g_error ("%s", error->message);
    }
}

/* A national number of LEN digits. */
static const char *
write_number (GRand *rand, char into[16], unsigned len)
{
    g_snprintf (into, 16, "%d%07d", g_rand_int_range (rand, 200, 1000),
                g_rand_int_range (rand, 2000000, 10000000));
    into[len] = '\0';
    return into;
}

static void
add_lists (TablesBuilder *builder)
{
    for (unsigned i = 0; i < N_LABELS; i++) {
        g_autofree char *label = g_strdup_printf ("list-%u", i);
        add (builder, SCHEMA_LIST, label, i % 2 == 0 ? "sequence" : "percent", "4", "20", NULL);
        for (unsigned k = 0; k < N_TARGETS; k++) {
            g_autofree char *position = g_strdup_printf ("%u", k + 1);
            g_autofree char *trunk = g_strdup_printf ("carrier-%u", (i + k) % 50);
            add (builder, SCHEMA_TARGET, label, position, trunk, "", "12", "",
                 k % 4 == 0 ? "day" : "", "out", NULL);
        }
    }
}

static void
add_small_tables (TablesBuilder *builder)
{
    add (builder, SCHEMA_PLAN, "nanp", "911", "3", "3", "", "emergency", NULL);
    add (builder, SCHEMA_PLAN, "nanp", "[2-8]11", "3", "3", "", "service-n11", NULL);
    add (builder, SCHEMA_PLAN, "nanp", "NXXNXXXXXX", "10", "10", "national", "national", NULL);
    add (builder, SCHEMA_PLAN, "nanp", "1NXXNXXXXXX", "11", "11", "national", "national", "", "1",
         NULL);
    add (builder, SCHEMA_PLAN, "nanp", "011[2-9]", "10", "18", "international", "international", "",
         "3", NULL);
    add (builder, SCHEMA_TRANSLATION, "in", "10", "called", "+1", "", "strip", "1", NULL);
    add (builder, SCHEMA_TRANSLATION, "in", "20", "calling", "+1", "", "strip", "1", NULL);
    add (builder, SCHEMA_TRANSLATION, "in", "30", "called", "9(NXXNXXXXXX)$", "", "replace", "\\1",
         NULL);
    add (builder, SCHEMA_TRANSLATION, "out", "10", "called", "NXXNXXXXXX", "", "prefix", "+1",
         NULL);
    add (builder, SCHEMA_CALENDAR, "day", "", "America/New_York", "", "00:00", "24:00", NULL);
    add (builder, SCHEMA_INGRESS, "*", "nanp", "in", "guard", "main", "", "ny", NULL);
    add (builder, SCHEMA_INGRESS, "asking", "nanp", "in", "guard", "main", "", "ny", "", "1", "",
         "lnp", NULL);
    add (builder, SCHEMA_EMERGENCY, "ny", "911", "list-0", NULL);
}

static Tables *
make_tables (GRand *rand, unsigned n, Findings *findings)
{
    TablesBuilder *builder = tables_builder_new ();
    char number[16], other[16];

    add_small_tables (builder);
    add_lists (builder);
    add (builder, SCHEMA_ROUTE, "main", "", "1", "", "", "", "", "", "", "", "", "", "", "", "",
         "list-1", NULL);
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *label = g_strdup_printf ("list-%d", g_rand_int_range (rand, 0, N_LABELS));
        write_number (rand, number, (unsigned) g_rand_int_range (rand, 5, 11));
        add (builder, SCHEMA_ROUTE, "main", number, "0", "", "", "", "", "", "", "", "", "", "", "",
             "", label, NULL);
        add (builder, SCHEMA_PORTED, write_number (rand, number, 10),
             i % 50 == 0 ? write_number (rand, other, 10) : other, NULL);
        if (i % 10 == 0) {
            add (builder, SCHEMA_SCREENING, "guard", "1", write_number (rand, number, 10), "", "",
                 "deny", NULL);
        }
    }
    return tables_builder_end (builder, findings, NULL, NULL);
}

/* --- Dips -------------------------------------------------------------------------------- */

/* As a dip keeps what it was answered: behind a lock, each use noted. */
typedef struct {
    pthread_mutex_t lock;
    DipCache *cache;
    bool is_asked; /* every second time there is no answer yet */
    bool has_asked;
} Kept;

static Kept *
kept_new (const TdParty *called)
{
    Kept *kept = g_new0 (Kept, 1);

    pthread_mutex_init (&kept->lock, NULL);
    kept->cache = dip_cache_new (N_SAMPLES);
    for (unsigned i = 0; i < N_SAMPLES; i++) {
        const DipKnown known = { i % 2 == 0 ? TD_DIP_FOUND : TD_DIP_NOT_FOUND,
                                 { .number = "+13155550000" } };
        dip_cache_put (kept->cache, called[i].digits, &known, INT64_MAX);
    }
    return kept;
}

static bool
find_answer (TdDipKind kind, const char *name, const char *number, DipAnswer *ret_answer,
             void *data)
{
    Kept *kept = data;

    kept->has_asked = !kept->has_asked;
    if (kept->is_asked && kept->has_asked) {
        return false;
    }
    pthread_mutex_lock (&kept->lock);
    const DipKnown *known = dip_cache_find (kept->cache, number, 0);
    *ret_answer = (DipAnswer){ .result = TD_DIP_FAILED };
    if (known != NULL) {
        *ret_answer = (DipAnswer){ known->result, known->said, .is_cached = true };
    }
    pthread_mutex_unlock (&kept->lock);
    return true;
}

/* --- Decisions --------------------------------------------------------------------------- */

static bool
measure (const Tables *tables, const TdParty *called, const TdParty *calling, const char *trunk,
         Kept *kept, const char *what)
{
    g_autofree Decision *decision = g_new0 (Decision, 1);
    uint64_t n_targets = 0, n_routed = 0;
    clock_t since = clock ();

    for (uint32_t i = 0; i < N_DECISIONS; i++) {
        const DecisionRequest request = { .trunk = trunk,
                                          .called = &called[i % N_SAMPLES],
                                          .calling = &calling[(i * 7) % N_SAMPLES],
                                          .line_information = -1,
                                          .dip = find_answer,
                                          .data = kept,
                                          .time_us = INT64_C (1894122000) * G_USEC_PER_SEC + i,
                                          .chance = targets_chance (i) };
        decision_make (tables, &request, decision, NULL);
        if (decision->verdict == DECISION_DIP) {
            decision_make (tables, &request, decision, NULL);
        }
        n_routed += decision->verdict == DECISION_ROUTE;
        for (unsigned k = 0; k < decision->n_targets; k++) {
            DecisionTarget target;
            decision_target (tables, decision, k, &target, NULL);
            n_targets += target.numbers.called.text[0] == '+';
        }
    }
    printf ("%s: %.2f us a decision with its targets; %.1f %% routed, %.2f targets each\n", what,
            seconds_since (since) / N_DECISIONS * 1e6, 100.0 * (double) n_routed / N_DECISIONS,
            (double) n_targets / (double) MAX (n_routed, 1));
    return n_routed > 0 && n_targets >= n_routed;
}

int
main (int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned) strtoul (argv[1], NULL, 10) : 1000000;
    uint32_t seed = argc > 2 ? (uint32_t) strtoul (argv[2], NULL, 10) : 1;
    GRand *rand = g_rand_new_with_seed (seed);
    TdParty *called = g_new0 (TdParty, N_SAMPLES), *calling = g_new0 (TdParty, N_SAMPLES);
    g_autoptr (Findings) findings = findings_new ();
    clock_t since = clock ();
    Tables *tables = make_tables (rand, n, findings);

    printf ("%u prefixes, as many ported numbers, %u screened, seed %u: made in %.2f s, %.1f MiB "
            "for prefixes and ported numbers\n",
            n, n / 10, seed, seconds_since (since),
            (double) tables_size_bytes (tables) / (1 << 20));
    for (unsigned i = 0; i < N_SAMPLES; i++) {
        char number[16], whole[20];
        g_snprintf (whole, sizeof whole, "+1%s", write_number (rand, number, 10));
        td_party_from_number (&called[i], whole);
        g_snprintf (whole, sizeof whole, "+1%s", write_number (rand, number, 10));
        td_party_from_number (&calling[i], whole);
    }
    Kept *kept = kept_new (called);
    bool is_good = measure (tables, called, calling, "any", kept, "local tables")
                   && measure (tables, called, calling, "asking", kept, "a dip's answer, kept");
    kept->is_asked = true;
    is_good = is_good && measure (tables, called, calling, "asking", kept, "a dip that is asked");
    dip_cache_free (kept->cache);
    g_free (kept);
    tables_free (tables);
    g_rand_free (rand);
    g_free (called);
    g_free (calling);
    return is_good ? 0 : 1;
}
