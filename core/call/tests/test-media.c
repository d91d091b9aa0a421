/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Media providers that were built against other headers: of their statistics, what they lack reads as
 * zero, and what they have too many is not read. And one that answers from a thread of its own. */

#include "call/media.h"
#include "run/lane.h"

#include <poll.h>
#include <stddef.h>
#include <string.h>

/* As a later minor might have it. */
typedef struct {
    TdMediaStats stats;
    uint64_t news[3];
} Longer;

enum { SHORTER = offsetof (TdMediaStats, packets_duplicated) };

typedef struct {
    TdOwner module;
    size_t stride; /* of what the provider answers */
    TdTermination *termination;
    unsigned n_answers;
    pthread_t thread;
    TdCauseValue cause;
} Fixture;

static void
request (TdMediaRequest *request, void *data)
{
    const Fixture *fixture = data;
    g_autofree char *bytes = g_malloc0 (3 * sizeof (Longer));
    TdMediaStats full = { .size = (uint32_t) fixture->stride,
                          .jitter_us = 1,
                          .packets_received = 2,
                          .packets_lost = 3,
                          .packets_duplicated = 4,
                          .remote = "198.51.100.7:4000" };

    for (unsigned i = 0; i < 3; i++) {
        full.bytes_received = i;
        memcpy (bytes + i * fixture->stride, &full, MIN (fixture->stride, sizeof full));
    }
    td_media_done (request, NULL, (const TdMediaStats *) bytes, 3);
}

static void *
answer_slowly (void *data)
{
    poll (NULL, 0, 100); /* as on a machine that has much else to do */
    td_media_failed (data, TD_CAUSE_RESOURCE_UNAVAILABLE, "none left");
    return NULL;
}

static void
request_of_thread (TdMediaRequest *request, void *data)
{
    Fixture *fixture = data;

    pthread_create (&fixture->thread, NULL, answer_slowly, request);
}

static void
set_up (Fixture *fixture, const void *data)
{
    TdLanesOptions options = { .n_lanes = 1, .is_fake = true, .seed = 1 };
    TdMediaProvider provider = { .size = sizeof provider,
                                 .name = "old or new",
                                 .kinds = 1u << TD_TERMINATION_IP,
                                 .data = fixture,
                                 .request = request };
    g_autoptr (GError) error = NULL;

    td_lanes_open (&options);
    td_media_open ();
    td_owner_init (&fixture->module, "guest");
    fixture->stride = *(const size_t *) data;
    if (fixture->stride == 0) {
        provider.request = request_of_thread;
    }
    td_media_provider_register ((TdModule *) &fixture->module, &provider, &error);
    g_assert_no_error (error);
    TdProviderEntry *entry = td_provider_acquire ();
    fixture->termination = td_termination_new (entry, TD_ID_NONE, 0, TD_TERMINATION_IP, NULL, 0);
    td_provider_release (entry);
}

static void
tear_down (Fixture *fixture, const void *data)
{
    td_termination_unref (fixture->termination);
    td_media_close ();
    td_owner_clear (&fixture->module);
    td_lanes_close ();
}

static void
take (void *data, const TdMediaOutcome *outcome)
{
    Fixture *fixture = data;
    bool is_shorter = fixture->stride < sizeof (TdMediaStats);

    fixture->n_answers++;
    g_assert_cmpuint (outcome->n_stats, ==, 3);
    for (unsigned i = 0; i < 3; i++) {
        const TdMediaStats *stats = &outcome->stats[i];
        g_assert_cmpuint (stats->size, ==, sizeof *stats);
        g_assert_cmpuint (stats->jitter_us, ==, 1);
        g_assert_cmpuint (stats->packets_received, ==, 2);
        g_assert_cmpuint (stats->bytes_received, ==, i);
        g_assert_cmpuint (stats->packets_lost, ==, 3);
        g_assert_cmpuint (stats->packets_duplicated, ==, is_shorter ? 0 : 4);
        g_assert_cmpstr (stats->remote, ==, is_shorter ? "" : "198.51.100.7:4000");
    }
}

static void
audit (void *data)
{
    Fixture *fixture = data;

    td_media_audit (fixture->termination, 1000, take, fixture);
}

static void
test_stats (Fixture *fixture, const void *data)
{
    td_lanes_on (td_lane_at (0), audit, fixture);
    td_lanes_settle ();
    g_assert_cmpuint (fixture->n_answers, ==, 1);
}

static void
take_cause (void *data, const TdMediaOutcome *outcome)
{
    ((Fixture *) data)->cause = outcome->cause;
}

static void
audit_by_thread (void *data)
{
    Fixture *fixture = data;

    td_media_audit (fixture->termination, 1000, take_cause, fixture);
}

/* However far the clock is moved, an answer of a thread is there before the time for it is over. */
static void
test_the_clock_waits_for_a_thread (Fixture *fixture, const void *data)
{
    atomic_store (&fixture->module.n_threads, 1);
    td_lanes_on (td_lane_at (0), audit_by_thread, fixture);
    td_lanes_advance (5000);
    g_assert_cmpuint (fixture->cause, ==, TD_CAUSE_RESOURCE_UNAVAILABLE);
    pthread_join (fixture->thread, NULL);
}

int
main (int argc, char **argv)
{
    static const size_t shorter = SHORTER, same = sizeof (TdMediaStats), longer = sizeof (Longer);
    static const size_t none = 0;

    g_test_init (&argc, &argv, NULL);
    g_test_add ("/call/media/stats-of-an-older-build", Fixture, &shorter, set_up, test_stats,
                tear_down);
    g_test_add ("/call/media/stats-of-this-build", Fixture, &same, set_up, test_stats, tear_down);
    g_test_add ("/call/media/stats-of-a-newer-build", Fixture, &longer, set_up, test_stats,
                tear_down);
    g_test_add ("/call/media/the-clock-waits-for-a-thread", Fixture, &none, set_up,
                test_the_clock_waits_for_a_thread, tear_down);
    return g_test_run ();
}
