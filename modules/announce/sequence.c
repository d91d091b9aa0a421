/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads sequences, and plays them. */

#include "sequence.h"

#include <string.h>
#include <tandem/base.h>

static bool
fail (GError **error, const char *part, const char *what)
{
    g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                 "\"%s\": %s; write tone/NAME, prompt/NAME or silence, with a time such as 10 s or "
                 "500 ms behind it",
                 part, what);
    return false;
}

/* What NAME means, and how long it is by itself. */
static bool
find_sound (SequencePart *part, const Library *library, const char *name, GError **error)
{
    if (g_str_equal (name, "silence")) {
        part->n_samples = 0;
        return true;
    }
    if (g_str_has_prefix (name, "tone/")) {
        part->tone = library_tone (library, name + strlen ("tone/"));
        part->n_samples = part->tone != NULL ? tone_length (part->tone) : 0;
        return part->tone != NULL || fail (error, name, "no tone of the plan has this name");
    }
    if (g_str_has_prefix (name, "prompt/")) {
        part->prompt = library_prompt (library, name + strlen ("prompt/"));
        part->n_samples = part->prompt != NULL ? part->prompt->n_samples : 0;
        return part->prompt != NULL
               || fail (error, name, "there is no recording NAME.wav in the folder of prompts");
    }
    return fail (error, name, "it is nothing that can be heard");
}

/* "10 s", "500 ms": in samples. */
static bool
read_time (const char *number, const char *unit, uint64_t *ret_samples)
{
    uint64_t value, ms_each = g_strcmp0 (unit, "s") == 0 ? 1000 : 1;

    if (unit == NULL || (ms_each == 1 && !g_str_equal (unit, "ms"))
        || !g_ascii_string_to_unsigned (number, 10, 1, SEQUENCE_MAX_MS / ms_each, &value, NULL)) {
        return false;
    }
    *ret_samples = value * ms_each * (TONE_RATE_HZ / 1000);
    return true;
}

static bool
read_part (SequencePart *part, const Library *library, const char *text, GError **error)
{
    g_auto (GStrv) words = g_strsplit_set (text, " \t", -1);
    const char *given[4] = { "", NULL, NULL, NULL };
    unsigned n_given = 0;

    for (unsigned i = 0; words[i] != NULL && n_given < G_N_ELEMENTS (given); i++) {
        if (*words[i] != '\0') {
            given[n_given++] = words[i];
        }
    }
    *part = (SequencePart){ 0 };
    if (!find_sound (part, library, given[0], error)) {
        return false;
    }
    if (n_given > 1 && (n_given > 3 || !read_time (given[1], given[2], &part->n_samples))) {
        return fail (error, text, "its time is none of 1 ms to 1 h");
    }
    return part->n_samples > 0 || fail (error, text, "silence needs a time");
}

static bool
add_part (Sequence *sequence, const Library *library, const char *text, GError **error)
{
    if (sequence->n_parts == SEQUENCE_MAX_PARTS) {
        return fail (error, text, "it is one more than the sixteen parts there may be");
    }
    if (sequence->n_once == TONE_ENDLESS) {
        return fail (error, text, "what stands before it never ends, and has no time");
    }
    SequencePart *part = &sequence->parts[sequence->n_parts++];
    if (!read_part (part, library, text, error)) {
        return false;
    }
    sequence->n_once =
        part->n_samples == TONE_ENDLESS ? TONE_ENDLESS : sequence->n_once + part->n_samples;
    return true;
}

/* Cuts "* 2" off TEXT. */
static bool
take_times (char *text, uint64_t *ret_times, GError **error)
{
    char *star = strrchr (text, '*');

    *ret_times = 1;
    if (star == NULL) {
        return true;
    }
    *star = '\0';
    return g_ascii_string_to_unsigned (g_strstrip (star + 1), 10, 1, SEQUENCE_MAX_TIMES, ret_times,
                                       NULL)
           || fail (error, star + 1, "a sequence is played 1 to 100 times");
}

bool
sequence_parse (Sequence *sequence, const Library *library, const char *given, GError **error)
{
    g_autofree char *text = g_strdup (given);
    uint64_t n_times;

    *sequence = (Sequence){ 0 };
    if (!take_times (text, &n_times, error)) {
        return false;
    }
    g_auto (GStrv) parts = g_strsplit (text, ",", SEQUENCE_MAX_PARTS + 2);
    for (unsigned i = 0; parts[i] != NULL; i++) {
        if (!add_part (sequence, library, g_strstrip (parts[i]), error)) {
            return false;
        }
    }
    if (sequence->n_parts == 0) {
        return fail (error, given, "it is empty");
    }
    if (sequence->n_once == TONE_ENDLESS && n_times > 1) {
        return fail (error, given, "what never ends cannot be played again");
    }
    sequence->n_samples =
        sequence->n_once == TONE_ENDLESS ? TONE_ENDLESS : sequence->n_once * n_times;
    return true;
}

static void
read_in_part (const SequencePart *part, uint64_t at, int16_t *samples, unsigned n_samples)
{
    unsigned n = 0;

    if (part->tone != NULL) {
        tone_read (part->tone, at, samples, n_samples);
        return;
    }
    if (part->prompt != NULL && at < part->prompt->n_samples) {
        n = (unsigned) MIN (n_samples, part->prompt->n_samples - at);
        memcpy (samples, part->prompt->samples + at, n * sizeof samples[0]);
    }
    memset (samples + n, 0, (n_samples - n) * sizeof samples[0]);
}

/* The part at POSITION, which is before the end, and how far into it that is. */
static const SequencePart *
find_part (const Sequence *sequence, uint64_t position, uint64_t *ret_at)
{
    const SequencePart *part = sequence->parts;

    if (sequence->n_once != TONE_ENDLESS) {
        position %= sequence->n_once;
    }
    for (; position >= part->n_samples; part++) {
        position -= part->n_samples;
    }
    *ret_at = position;
    return part;
}

unsigned
sequence_read (const Sequence *sequence, uint64_t position, int16_t *samples, unsigned n_samples)
{
    unsigned n_done = 0;

    while (n_done < n_samples && position + n_done < sequence->n_samples) {
        uint64_t at = 0;
        const SequencePart *part = find_part (sequence, position + n_done, &at);
        unsigned n = (unsigned) MIN (n_samples - n_done, part->n_samples - at);
        read_in_part (part, at, samples + n_done, n);
        n_done += n;
    }
    return n_done;
}
