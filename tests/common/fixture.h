/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A whole switch on a fake clock, for tests: stepped by the test, the same for the same seed.
 *
 *     TdFixture *fixture = td_fixture_new ("[modules]\necho = required\n");
 *     td_fixture_on (fixture, 0, place_call, NULL);     a turn of lane 0
 *     td_engine_advance (1000);                         a second later
 *     td_fixture_free (fixture);                        fails the test if anything is left
 */

#ifndef TESTS_COMMON_FIXTURE_H
#define TESTS_COMMON_FIXTURE_H

#include <tandem/engine.h>
#include <tandem/lane.h>

/* Who tests media takes ports from here: above those the kernel gives away, and far from those that
 * tests which run beside have looked at and will bind in a moment. */
#define TD_FIXTURE_MEDIA_PORTS "[rtp]\nfirst-port = 61000\nlast-port = 65534\n"

typedef struct {
    char *dir; /* of its own, removed at the end */
    char *config_file;
    GString *problems; /* what was reported, a line each */
    uint64_t seed;
} TdFixture;

/* Opens and starts an engine with two lanes and CONFIG (the text of a configuration file, nullable)
 * on top. The seed comes from GLib's test seed, which a failing run prints. */
TdFixture *td_fixture_new (const char *config);

/* Stops the engine and removes the folder. */
void td_fixture_free (TdFixture *fixture);

/* Runs FUNCTION with DATA as a turn of the lane with INDEX, then settles. */
void td_fixture_on (TdFixture *fixture, unsigned index, void (*function) (void *data), void *data);

/* Gives the command LINE, words divided by blanks, and lets time pass until it is answered. Returns
 * (transfer full) JSON, or "error: " and the reason. */
char *td_fixture_ask (const char *line);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TdFixture, td_fixture_free)

#endif
