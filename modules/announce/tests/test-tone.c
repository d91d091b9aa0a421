/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tones, measured: ROU-031. */

#include "tone.h"

#include "goertzel.h"

#include <string.h>

enum { SECOND = 8000 };

static void
parse (Tone *tone, const char *steps, double level, bool is_repeated)
{
    g_autoptr (GError) error = NULL;

    tone_parse (tone, steps, level, is_repeated, &error);
    g_assert_no_error (error);
}

static void
assert_level (const int16_t *samples, unsigned n, double hz, double dbm0)
{
    g_assert_cmpfloat_with_epsilon (goertzel_dbm0 (samples, n, hz), dbm0, 0.1);
}

static bool
is_silent (const int16_t *samples, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (samples[i] != 0) {
            return false;
        }
    }
    return true;
}

static void
test_two_frequencies_at_their_level (void)
{
    static int16_t samples[SECOND];
    Tone tone;

    parse (&tone, "350+440", -13, true);
    g_assert_cmpuint (tone_length (&tone), ==, TONE_ENDLESS);
    tone_read (&tone, 0, samples, SECOND);
    assert_level (samples, SECOND, 350, -13);
    assert_level (samples, SECOND, 440, -13);
    g_assert_cmpfloat (goertzel_dbm0 (samples, SECOND, 395), <, -60);
    g_assert_cmpfloat (goertzel_dbm0 (samples, SECOND, 700), <, -70);
}

/* What comes out does not depend on how much is read at once, nor on how long it has been going on. */
static void
test_pieces_are_the_whole (void)
{
    static int16_t whole[SECOND], pieces[SECOND], later[SECOND];
    Tone tone;

    parse (&tone, "480+620 250, 0 250", -24, true);
    tone_read (&tone, 0, whole, SECOND);
    for (unsigned at = 0; at < SECOND; at += 100) {
        tone_read (&tone, at, pieces + at, 100);
    }
    for (unsigned i = 0; i < SECOND; i++) {
        g_assert_cmpint (ABS (whole[i] - pieces[i]), <=, 1);
    }
    tone_read (&tone, UINT64_C (4000) * 1000000, later, SECOND);
    g_assert_cmpmem (later, sizeof later, whole, sizeof whole);
}

static void
test_cadence (void)
{
    static int16_t samples[SECOND];
    Tone tone;

    parse (&tone, "480+620 250, 0 250", -24, true);
    tone_read (&tone, 0, samples, SECOND);
    for (unsigned at = 0; at < SECOND; at += 4000) {
        assert_level (samples + at, 2000, 480, -24);
        assert_level (samples + at, 2000, 620, -24);
        g_assert_true (is_silent (samples + at + 2000, 2000));
    }
}

/* Where one step goes over into the next there is no click: no two samples are farther apart than the
 * faster of the two makes them. */
static void
test_phase_goes_on (void)
{
    static int16_t samples[SECOND];
    Tone tone;

    parse (&tone, "100 102, 150 101, 0 500", -10, true);
    tone_read (&tone, 0, samples, SECOND);
    double peak = 22656 * pow (10, -10 / 20.0), fastest = 2 * G_PI * 150 / 8000 * peak;
    for (unsigned i = 1; i < 203 * 8; i++) {
        g_assert_cmpfloat (fabs ((double) samples[i] - samples[i - 1]), <=, fastest + 2);
    }
}

static void
test_special_information (void)
{
    static int16_t samples[2 * SECOND];
    Tone tone;

    parse (&tone, "985.2 380, 1370.6 274, 1776.7 380", -24, false);
    g_assert_cmpuint (tone_length (&tone), ==, (380 + 274 + 380) * 8);
    tone_read (&tone, 0, samples, 2 * SECOND);
    assert_level (samples, 3040, 985.2, -24);
    assert_level (samples + 3040, 2192, 1370.6, -24);
    assert_level (samples + 5232, 3040, 1776.7, -24);
    g_assert_cmpfloat (goertzel_dbm0 (samples, 3040, 913.8), <, -40);
    g_assert_true (is_silent (samples + 8272, 2 * SECOND - 8272));
}

static void
test_too_loud_is_cut (void)
{
    int16_t samples[160];
    Tone tone;

    parse (&tone, "400+400+400+400", 3, true);
    tone_read (&tone, 0, samples, G_N_ELEMENTS (samples));
    g_assert_cmpint (samples[5], ==, INT16_MAX);
}

static void
test_what_is_refused (void)
{
    static const struct {
        const char *steps, *why;
    } cases[] = {
        { "", "it is empty" },
        { "480,", "the one before it never ends" },
        { "480 500,", "it is empty" },
        { "480 0", "milliseconds are none of" },
        { "480 700000", "milliseconds are none of" },
        { "480 500 ms", "milliseconds are none of" },
        { "0", "silence needs" },
        { "4000.0 10", "a frequency is none of" },
        { "-5 10", "a frequency is none of" },
        { "480.25 10", "a frequency is none of" },
        { "480+ 10", "a frequency is none of" },
        { "1+2+3+4+5 10", "more than four" },
        { "480, 620 100", "the one before it never ends" },
        { "1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1", "more than 16" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GError) error = NULL;
        Tone tone;
        g_assert_false (tone_parse (&tone, cases[i].steps, -10, true, &error));
        g_test_message ("\"%s\": %s", cases[i].steps, error->message);
        g_assert_nonnull (strstr (error->message, cases[i].why));
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/announce/tone/two-frequencies", test_two_frequencies_at_their_level);
    g_test_add_func ("/announce/tone/pieces-are-the-whole", test_pieces_are_the_whole);
    g_test_add_func ("/announce/tone/cadence", test_cadence);
    g_test_add_func ("/announce/tone/phase-goes-on", test_phase_goes_on);
    g_test_add_func ("/announce/tone/special-information", test_special_information);
    g_test_add_func ("/announce/tone/too-loud-is-cut", test_too_loud_is_cut);
    g_test_add_func ("/announce/tone/refused", test_what_is_refused);
    return g_test_run ();
}
