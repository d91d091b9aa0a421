/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads tones, and makes them sound. */

#include "tone.h"

#include <math.h>
#include <string.h>
#include <tandem/base.h>

enum {
    TURN = 10 * TONE_RATE_HZ, /* units of phase: tenths of a hertz add up without a rest */
    MAX_DECIHERTZ = 39999,
    MAX_STEP_MS = 600000,
};

/* ITU-T G.711 clause 4, table 5: the sequence of 0 dBm0 peaks at this, in steps of 16 bits. */
static const double peak_of_0_dbm0 = 22656;

static bool
fail (GError **error, const char *text, const char *what)
{
    g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                 "\"%s\" is no step of a tone: %s; write FREQUENCY[+FREQUENCY...] "
                 "[MILLISECONDS], 0 for silence",
                 text, what);
    return false;
}

/* "985.2": tenths of a hertz. */
static bool
read_frequency (const char *text, unsigned *ret_decihertz)
{
    unsigned whole = 0, tenth = 0, n_digits = 0;

    for (; g_ascii_isdigit (*text) && n_digits < 5; text++, n_digits++) {
        whole = whole * 10 + (unsigned) (*text - '0');
    }
    if (n_digits > 0 && text[0] == '.' && g_ascii_isdigit (text[1])) {
        tenth = (unsigned) (text[1] - '0');
        text += 2;
    }
    *ret_decihertz = whole * 10 + tenth;
    return n_digits > 0 && *text == '\0' && *ret_decihertz <= MAX_DECIHERTZ;
}

static bool
read_frequencies (ToneStep *step, const char *text, const char *whole, GError **error)
{
    g_auto (GStrv) parts = g_strsplit (text, "+", TONE_MAX_FREQUENCIES + 2);

    if (g_str_equal (text, "0")) {
        return true;
    }
    for (unsigned i = 0; parts[i] != NULL; i++) {
        unsigned decihertz;
        if (i == TONE_MAX_FREQUENCIES) {
            return fail (error, whole, "more than four frequencies");
        }
        if (!read_frequency (parts[i], &decihertz) || decihertz == 0) {
            return fail (error, whole, "a frequency is none of 0.1 to 3999.9 Hz");
        }
        step->decihertz[step->n_frequencies++] = (uint16_t) decihertz;
    }
    return true;
}

static bool
read_step (ToneStep *step, const char *text, GError **error)
{
    g_auto (GStrv) words = g_strsplit (text, " ", 3);
    uint64_t ms = 0;

    *step = (ToneStep){ .n_samples = TONE_ENDLESS };
    if (words[0] == NULL || !read_frequencies (step, words[0], text, error)) {
        return words[0] != NULL ? false : fail (error, text, "it is empty");
    }
    if (words[1] == NULL) {
        return step->n_frequencies > 0 || fail (error, text, "silence needs its milliseconds");
    }
    if (words[2] != NULL || !g_ascii_string_to_unsigned (words[1], 10, 1, MAX_STEP_MS, &ms, NULL)) {
        return fail (error, text, "the milliseconds are none of 1 to 600000");
    }
    step->n_samples = ms * (TONE_RATE_HZ / 1000);
    return true;
}

/* Where the step after BEFORE begins: frequency by frequency where that one has come to. */
static void
carry_phase (ToneStep *step, const ToneStep *before)
{
    for (unsigned i = 0; i < MIN (step->n_frequencies, before->n_frequencies); i++) {
        step->phase[i] =
            (uint32_t) ((before->phase[i] + before->n_samples % TURN * before->decihertz[i])
                        % TURN);
    }
}

static bool
add_step (Tone *tone, const char *text, GError **error)
{
    ToneStep *step = &tone->steps[tone->n_steps];

    if (tone->n_once == TONE_ENDLESS) {
        return fail (error, text, "the one before it never ends");
    }
    if (!read_step (step, text, error)) {
        return false;
    }
    if (tone->n_steps > 0) {
        carry_phase (step, step - 1);
    }
    tone->n_once = step->n_samples == TONE_ENDLESS ? TONE_ENDLESS : tone->n_once + step->n_samples;
    tone->n_steps++;
    return true;
}

bool
tone_parse (Tone *tone, const char *text, double level_dbm0, bool is_repeated, GError **error)
{
    g_auto (GStrv) steps = g_strsplit (text, ",", TONE_MAX_STEPS + 2);

    *tone = (Tone){ .is_repeated = is_repeated };
    tone->amplitude = peak_of_0_dbm0 * pow (10, level_dbm0 / 20);
    for (unsigned i = 0; steps[i] != NULL; i++) {
        if (i == TONE_MAX_STEPS) {
            g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "a tone has more than %d steps",
                         TONE_MAX_STEPS);
            return false;
        }
        if (!add_step (tone, g_strstrip (steps[i]), error)) {
            return false;
        }
    }
    return tone->n_steps > 0 || fail (error, text, "it is empty");
}

uint64_t
tone_length (const Tone *tone)
{
    return tone->is_repeated ? TONE_ENDLESS : tone->n_once;
}

/* Adds one frequency, at AT samples from the beginning of STEP. The vector is turned by the same angle for
 * each sample; for so few of them the error of rounding is far below one step of 16 bits. */
static void
add_frequency (const ToneStep *step, unsigned index, uint64_t at, double amplitude, double *sum,
               unsigned n_samples)
{
    uint32_t phase = (uint32_t) ((step->phase[index] + at % TURN * step->decihertz[index]) % TURN);
    double angle = 2 * G_PI * phase / TURN, turn = 2 * G_PI * step->decihertz[index] / TURN;
    double x = amplitude * cos (angle), y = amplitude * sin (angle);
    double turn_x = cos (turn), turn_y = sin (turn);

    for (unsigned i = 0; i < n_samples; i++) {
        sum[i] += y;
        double next_x = x * turn_x - y * turn_y;
        y = x * turn_y + y * turn_x;
        x = next_x;
    }
}

enum { CHUNK = 160 };

static void
read_in_step (const Tone *tone, const ToneStep *step, uint64_t at, int16_t *samples,
              unsigned n_samples)
{
    double sum[CHUNK] = { 0 };

    for (unsigned i = 0; i < step->n_frequencies; i++) {
        add_frequency (step, i, at, tone->amplitude, sum, n_samples);
    }
    for (unsigned i = 0; i < n_samples; i++) {
        samples[i] = (int16_t) lrint (CLAMP (sum[i], INT16_MIN, INT16_MAX));
    }
}

/* The step at POSITION, and how far into it that is; NULL behind the end. */
static const ToneStep *
find_step (const Tone *tone, uint64_t position, uint64_t *ret_at)
{
    if (tone->is_repeated && tone->n_once != TONE_ENDLESS) {
        position %= tone->n_once;
    }
    for (unsigned i = 0; i < tone->n_steps; i++) {
        if (position < tone->steps[i].n_samples) {
            *ret_at = position;
            return &tone->steps[i];
        }
        position -= tone->steps[i].n_samples;
    }
    return NULL;
}

void
tone_read (const Tone *tone, uint64_t position, int16_t *samples, unsigned n_samples)
{
    while (n_samples > 0) {
        uint64_t at = 0;
        const ToneStep *step = find_step (tone, position, &at);
        if (step == NULL) {
            memset (samples, 0, n_samples * sizeof samples[0]);
            return;
        }
        unsigned n = (unsigned) MIN (MIN (n_samples, CHUNK), step->n_samples - at);
        read_in_step (tone, step, at, samples, n);
        position += n;
        samples += n;
        n_samples -= n;
    }
}
