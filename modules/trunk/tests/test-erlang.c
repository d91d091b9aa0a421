/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Erlang's loss formula against the group's own admission: Poisson arrivals, exponential holding times,
 * calls that find no place are lost. The loss of 500 simulated days, each a batch, lies within four
 * standard errors of what the formula says.
 *
 * ERLANG=long runs the large groups, too. */

#include "world.h"

#include <math.h>
#include <stdlib.h>

enum { N_DAYS = 500, HOLD_S = 180 };

#define DAY_US (INT64_C (86400) * 1000000)

typedef struct {
    TrunkLeg leg;
    int64_t end_us;
} Call;

typedef struct {
    World world;
    GRand *random;
    Call *calls; /* as many as there are places */
    Call **heap; /* those that are up, the first one to end on top */
    unsigned n_up;
    Call **idle;
    unsigned n_idle;
} Simulation;

typedef struct {
    double offered;
    unsigned n_trunks;
} Case;

static double
erlang_b (double offered, unsigned n_trunks)
{
    double loss = 1;

    for (unsigned n = 1; n <= n_trunks; n++) {
        loss = offered * loss / (n + offered * loss);
    }
    return loss;
}

static int64_t
draw_us (Simulation *simulation, double mean_us)
{
    return (int64_t) (-mean_us * log (1 - g_rand_double (simulation->random)));
}

static void
push (Simulation *simulation, Call *call)
{
    unsigned at = simulation->n_up++;

    while (at > 0 && simulation->heap[(at - 1) / 2]->end_us > call->end_us) {
        simulation->heap[at] = simulation->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    simulation->heap[at] = call;
}

static Call *
pop (Simulation *simulation)
{
    Call *first = simulation->heap[0], *last = simulation->heap[--simulation->n_up];
    unsigned at = 0, child;

    while ((child = 2 * at + 1) < simulation->n_up) {
        if (child + 1 < simulation->n_up
            && simulation->heap[child + 1]->end_us < simulation->heap[child]->end_us) {
            child++;
        }
        if (simulation->heap[child]->end_us >= last->end_us) {
            break;
        }
        simulation->heap[at] = simulation->heap[child];
        at = child;
    }
    simulation->heap[at] = last;
    return first;
}

static void
end_calls (Simulation *simulation, int64_t until_us)
{
    while (simulation->n_up > 0 && simulation->heap[0]->end_us <= until_us) {
        Call *call = pop (simulation);
        simulation->world.now_us = call->end_us;
        world_leave (&simulation->world, &call->leg);
        simulation->idle[simulation->n_idle++] = call;
    }
}

/* Returns whether the call was lost. */
static bool
arrive (Simulation *simulation)
{
    TrunkLeg lost = { 0 };
    bool has_place = simulation->n_idle > 0;
    Call *call = has_place ? simulation->idle[simulation->n_idle - 1] : NULL;
    TrunkLeg *leg = has_place ? &call->leg : &lost;

    *leg = (TrunkLeg){ 0 };
    bool is_taken =
        world_take (&simulation->world, leg, WAY_OUT, TD_CLASS_ORDINARY, false) == TAKE_DONE;
    g_assert_true (is_taken == has_place);
    if (is_taken) {
        simulation->n_idle--;
        call->end_us = simulation->world.now_us + draw_us (simulation, HOLD_S * 1e6);
        push (simulation, call);
    }
    return !is_taken;
}

static void
run_day (Simulation *simulation, double offered, int64_t end_us, unsigned *ret_calls,
         unsigned *ret_lost)
{
    double gap_us = HOLD_S * 1e6 / offered;

    *ret_calls = *ret_lost = 0;
    for (int64_t at_us = simulation->world.now_us + draw_us (simulation, gap_us); at_us < end_us;
         at_us += draw_us (simulation, gap_us)) {
        end_calls (simulation, at_us);
        simulation->world.now_us = at_us;
        *ret_lost += arrive (simulation);
        ++*ret_calls;
    }
    end_calls (simulation, end_us);
    simulation->world.now_us = end_us;
}

static void
begin (Simulation *simulation, const Case *of, guint32 seed)
{
    *simulation = (Simulation){ .random = g_rand_new_with_seed (seed),
                                .calls = g_new0 (Call, of->n_trunks),
                                .heap = g_new (Call *, of->n_trunks),
                                .idle = g_new (Call *, of->n_trunks) };
    world_open (&simulation->world);
    simulation->world.settings.capacity[WAY_ALL] = of->n_trunks;
    world_configure (&simulation->world, 1);
    for (unsigned i = 0; i < of->n_trunks; i++) {
        simulation->idle[simulation->n_idle++] = &simulation->calls[i];
    }
}

static void
end (Simulation *simulation)
{
    end_calls (simulation, INT64_MAX);
    world_close (&simulation->world);
    g_rand_free (simulation->random);
    g_free (simulation->calls);
    g_free (simulation->heap);
    g_free (simulation->idle);
}

/* The ratio of all lost calls to all calls, and its standard error by batch means. */
static void
estimate (const unsigned *calls, const unsigned *lost, double *ret_ratio, double *ret_error)
{
    double all = 0, all_lost = 0, squares = 0;

    for (unsigned i = 0; i < N_DAYS; i++) {
        all += calls[i];
        all_lost += lost[i];
    }
    *ret_ratio = all_lost / all;
    for (unsigned i = 0; i < N_DAYS; i++) {
        double difference = lost[i] - *ret_ratio * calls[i];
        squares += difference * difference;
    }
    *ret_error = sqrt (squares / (N_DAYS - 1) / N_DAYS) / (all / N_DAYS);
}

static void
test_erlang (gconstpointer data)
{
    const Case *of = data;
    guint32 seed = (guint32) g_test_rand_int ();
    g_autofree unsigned *calls = g_new (unsigned, N_DAYS), *lost = g_new (unsigned, N_DAYS);
    double expected = erlang_b (of->offered, of->n_trunks), ratio, error;
    Simulation simulation;

    begin (&simulation, of, seed);
    run_day (&simulation, of->offered, DAY_US, &calls[0], &lost[0]); /* to get going */
    for (unsigned i = 0; i < N_DAYS; i++) {
        run_day (&simulation, of->offered, (i + 2) * DAY_US, &calls[i], &lost[i]);
    }
    end (&simulation);
    estimate (calls, lost, &ratio, &error);
    g_test_message (
        "figure: | %d days of %g E on %u trunks, seed %u | lost %.5f, standard error %.5f; "
        "Erlang-B %.5f |",
        N_DAYS, of->offered, of->n_trunks, seed, ratio, error, expected);
    g_assert_cmpfloat (fabs (ratio - expected), <, 4 * error);
    g_assert_cmpfloat (error, <, expected / 5); /* the test could fail */
}

/* The check values: the smallest group that loses no more than that. */
static void
test_formula (void)
{
    static const struct {
        double offered, loss;
        unsigned n_trunks;
    } rows[] = { { 10, 0.01, 18 },    { 10, 0.001, 21 },  { 100, 0.01, 117 },
                 { 100, 0.001, 128 }, { 500, 0.01, 527 }, { 500, 0.001, 555 } };

    for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_assert_cmpfloat (erlang_b (rows[i].offered, rows[i].n_trunks), <=, rows[i].loss);
        g_assert_cmpfloat (erlang_b (rows[i].offered, rows[i].n_trunks - 1), >, rows[i].loss);
    }
}

int
main (int argc, char **argv)
{
    static const Case small = { 10, 18 }, large[] = { { 10, 21 }, { 100, 117 }, { 100, 128 } };

    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/trunk/erlang-b/formula", test_formula);
    g_test_add_data_func ("/trunk/erlang-b/10-18", &small, test_erlang);
    for (unsigned i = 0; g_getenv ("ERLANG") != NULL && i < G_N_ELEMENTS (large); i++) {
        g_autofree char *path =
            g_strdup_printf ("/trunk/erlang-b/%g-%u", large[i].offered, large[i].n_trunks);
        g_test_add_data_func (path, &large[i], test_erlang);
    }
    return g_test_run ();
}
