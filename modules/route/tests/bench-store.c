/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What N ported numbers (ten million) cost: to import from a pipe, to load into the table that calls
 * look them up in, and to change in one row. The import is a process of its own, so that its memory
 * is its own.
 *
 *     bench-store [N [SEED [shuffled]]]
 *     tests/common/with-postgresql.py bench-store ...
 */

#include "import.h"
#include "numbers.h"

#include "common/folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    N_ROUTING_NUMBERS = 1 << 15,
    N_LOOKUPS = 1 << 23,
};

typedef struct {
    unsigned n;
    uint32_t seed;
    bool is_shuffled;
    char *path;
} Bench;

static double
seconds_since (int64_t since_us)
{
    return (double) (g_get_monotonic_time () - since_us) / G_USEC_PER_SEC;
}

/* Of this process; on a busy machine it says more than the clock on the wall. */
static double
cpu_s (void)
{
    struct rusage usage;

    getrusage (RUSAGE_SELF, &usage);
    return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
           + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / G_USEC_PER_SEC;
}

static double
peak_mib (void)
{
    struct rusage usage;

    getrusage (RUSAGE_SELF, &usage);
    return (double) usage.ru_maxrss / 1024;
}

/* The numbers in the order of a network's own list, or shuffled: by steps that meet each once. */
static int64_t
number_at (const Bench *bench, unsigned i)
{
    uint64_t at = i;

    if (bench->is_shuffled) {
        at = (at * UINT64_C (2654435761) + bench->seed) % bench->n;
    }
    return INT64_C (12000000000) + (int64_t) (at * 799);
}

static void
write_csv (const Bench *bench, FILE *file)
{
    GRand *rand = g_rand_new_with_seed (bench->seed);

    fprintf (file, "number,routing_number\n");
    for (unsigned i = 0; i < bench->n; i++) {
        fprintf (file, "+%" G_GINT64_FORMAT ",+1303%07d\n", number_at (bench, i),
                 g_rand_int_range (rand, 0, N_ROUTING_NUMBERS));
    }
    g_rand_free (rand);
    fclose (file);
}

static void
fail (const GError *error)
{
    fprintf (stderr, "%s\n", error->message);
    exit (1);
}

/* --- Import ------------------------------------------------------------------------------ */

static void
import (const Bench *bench, int fd)
{
    const StoreOptions options = { .may_create = true, .busy_ms = 1000, .n_versions = 10 };
    const StoreNote note = { "bench", "ten million numbers", g_get_real_time () };
    g_autoptr (GError) error = NULL;
    g_autoptr (Report) report = report_new (10);
    g_autoptr (Store) store = store_open (bench->path, &options, &error);
    int64_t since_us = g_get_monotonic_time (), version;

    if (store == NULL) {
        fail (error);
    }
    g_autoptr (StoreChange) change = store_change_begin (store, &error);
    const Import job = { .table = schema_table (SCHEMA_PORTED), .fd = fd, .is_replacement = true };
    if (change == NULL || !import_csv (change, &job, report, &error)) {
        fail (error);
    }
    double read_s = seconds_since (since_us);
    if (!store_change_commit (change, &note, false, report, &version, &error)) {
        fail (error);
    }
    printf ("import: %.1f s, of which %.1f s to read and check; %.1f s of CPU, %.1f MiB at most\n",
            seconds_since (since_us), read_s, cpu_s (), peak_mib ());
}

static void
import_from_pipe (const Bench *bench)
{
    int ends[2], status;

    if (pipe (ends) != 0) {
        exit (1);
    }
    pid_t writer = fork ();
    if (writer == 0) {
        close (ends[0]);
        write_csv (bench, fdopen (ends[1], "w"));
        _exit (0);
    }
    close (ends[1]);
    import (bench, ends[0]);
    waitpid (writer, &status, 0);
}

/* --- Load -------------------------------------------------------------------------------- */

typedef struct {
    NumbersBuilder *builder;
    GHashTable *routing_numbers;
} Loading;

static bool
load_row (const StoreRow *row, void *data, GError **error)
{
    Loading *loading = data;
    const char *text = row->cells[PORTED_ROUTING_NUMBER];
    void *value;

    if (!g_hash_table_lookup_extended (loading->routing_numbers, text, NULL, &value)) {
        value = GUINT_TO_POINTER (g_hash_table_size (loading->routing_numbers));
        g_hash_table_insert (loading->routing_numbers, g_strdup (text), value);
    }
    return numbers_builder_add (loading->builder, row->cells[PORTED_NUMBER],
                                GPOINTER_TO_UINT (value));
}

static bool
count_row (const StoreRow *row, void *data, GError **error)
{
    ++*(unsigned *) data;
    return true;
}

static void
look_up (const Bench *bench, const Numbers *numbers)
{
    GRand *rand = g_rand_new_with_seed (bench->seed);
    char (*asked)[24] = g_malloc_n (1 << 16, 24);
    unsigned n_found = 0;

    for (unsigned i = 0; i < 1 << 16; i++) {
        snprintf (asked[i], 24, "+%" G_GINT64_FORMAT,
                  number_at (bench, (unsigned) g_rand_int_range (rand, 0, (int) bench->n)));
    }
    int64_t since_us = g_get_monotonic_time ();
    for (unsigned i = 0; i < N_LOOKUPS; i++) {
        n_found += numbers_find (numbers, asked[i % (1 << 16)]) != NUMBERS_NO_VALUE;
    }
    printf ("look-up: %.1f million/s, all found: %s\n", N_LOOKUPS / seconds_since (since_us) / 1e6,
            n_found == N_LOOKUPS ? "yes" : "NO");
    g_free (asked);
    g_rand_free (rand);
}

static void
load (const Bench *bench)
{
    const StoreOptions options = { .busy_ms = 1000 };
    g_autoptr (GError) error = NULL;
    g_autoptr (Store) store = store_open (bench->path, &options, &error);
    unsigned n_rows = 0;
    Loading loading = { numbers_builder_new (),
                        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };
    int64_t since_us = g_get_monotonic_time ();

    if (store == NULL
        || !store_load (store, STORE_NEWEST, NULL, count_row, &n_rows, NULL, &error)) {
        fail (error);
    }
    double rows_s = seconds_since (since_us);
    printf ("rows alone: %u in %.1f s, %.2f million/s\n", n_rows, rows_s, n_rows / rows_s / 1e6);
    double before_s = cpu_s ();
    since_us = g_get_monotonic_time ();
    if (!store_load (store, STORE_NEWEST, NULL, load_row, &loading, NULL, &error)) {
        fail (error);
    }
    Numbers *numbers = numbers_builder_end (loading.builder);
    printf ("load: %.1f s, %.1f s of CPU, %.1f MiB at most, table %.1f MiB\n",
            seconds_since (since_us), cpu_s () - before_s, peak_mib (),
            (double) numbers_size_bytes (numbers) / (1 << 20));
    look_up (bench, numbers);
    numbers_free (numbers);
    g_hash_table_unref (loading.routing_numbers);
}

/* --- One row ----------------------------------------------------------------------------- */

static bool
count_difference (const StoreDifference *difference, void *data, GError **error)
{
    ++*(unsigned *) data;
    return true;
}

static void
tell (const char *what, bool is_good, double before_s, const GError *error)
{
    if (!is_good) {
        fail (error);
    }
    printf ("%s: %.3f s of CPU\n", what, cpu_s () - before_s);
}

static bool
put_one (Store *store, const StoreNote *note, Report *report, GError **error)
{
    static const char *const cells[] = { "+12000000000", "+13039999999" };
    g_autoptr (StoreChange) change = store_change_begin (store, error);

    return change != NULL
           && store_change_put (change, schema_table (SCHEMA_PORTED), cells, 0, report, error)
           && store_change_commit (change, note, false, report, NULL, error);
}

static void
change_one (const Bench *bench)
{
    const StoreOptions options = { .busy_ms = 1000, .n_versions = 10 };
    const StoreNote note = { "bench", "", 0 };
    g_autoptr (GError) error = NULL;
    g_autoptr (Store) store = store_open (bench->path, &options, &error);
    g_autoptr (Report) report = report_new (10);
    g_autoptr (Report) back = report_new (10);
    unsigned n_different = 0;
    int fd = open ("/dev/null", O_WRONLY | O_CLOEXEC);

    if (store == NULL) {
        fail (error);
    }
    double before_s = cpu_s ();
    tell ("one row changed", put_one (store, &note, report, &error), before_s, error);
    before_s = cpu_s ();
    tell ("the difference", store_diff (store, 1, 2, count_difference, &n_different, &error),
          before_s, error);
    before_s = cpu_s ();
    tell ("rolled back", store_roll_back (store, 1, &note, false, back, NULL, &error), before_s,
          error);
    before_s = cpu_s ();
    tell ("export", store_export (store, STORE_NEWEST, schema_table (SCHEMA_PORTED), fd, &error),
          before_s, error);
    close (fd);
}

int
main (int argc, char **argv)
{
    g_autofree char *folder = g_dir_make_tmp ("bench-store-XXXXXX", NULL);
    Bench bench = { .n = argc > 1 ? (unsigned) strtoul (argv[1], NULL, 10) : 10000000,
                    .seed = argc > 2 ? (uint32_t) strtoul (argv[2], NULL, 10) : 1,
                    .is_shuffled = argc > 3,
                    .path = g_getenv ("ROUTE_TEST_SERVER") != NULL
                                ? g_strconcat (g_getenv ("ROUTE_TEST_SERVER"), "postgres", NULL)
                                : g_build_filename (folder, "route.db", NULL) };
    GStatBuf place;
    int status;

    printf ("%u numbers, seed %u%s\n", bench.n, bench.seed, bench.is_shuffled ? ", shuffled" : "");
    fflush (stdout);
    pid_t importer = fork ();
    if (importer == 0) {
        import_from_pipe (&bench);
        fflush (stdout);
        _exit (0);
    }
    waitpid (importer, &status, 0);
    if (status == 0) {
        if (g_stat (bench.path, &place) == 0) {
            printf ("file: %.1f MiB\n", (double) place.st_size / (1 << 20));
        }
        load (&bench);
        change_one (&bench);
    }
    folder_remove (folder);
    g_free (bench.path);
    return status == 0 ? 0 : 1;
}
