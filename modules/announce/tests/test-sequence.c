/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sequences and the library they are made of: ROU-031. */

#include "sequence.h"

#include "goertzel.h"

#include <string.h>

enum { MAX_SAMPLES = 40000 };

typedef struct {
    Library *library;
    int16_t samples[MAX_SAMPLES];
} World;

static const char plan[] = "[busy]\nsteps = 480+620 500, 0 500\nlevel = -24\n"
                           "[sit]\nsteps = 985.2 380, 1370.6 274, 1776.7 380\nlevel = -24\n"
                           "repeat = false\n";

static void
set_up (World *world, gconstpointer data)
{
    g_autoptr (GError) error = NULL;
    Prompt *prompt = g_new0 (Prompt, 1);

    world->library = library_new ();
    library_parse_tones (world->library, plan, strlen (plan), "plan", &error);
    g_assert_no_error (error);
    prompt->n_samples = 800;
    prompt->samples = g_new (int16_t, 800);
    for (unsigned i = 0; i < 800; i++) {
        prompt->samples[i] = (int16_t) (i + 1);
    }
    g_hash_table_insert (world->library->prompts, g_strdup ("vacant"), prompt);
}

static void
tear_down (World *world, gconstpointer data)
{
    library_free (world->library);
}

static Sequence
parse (World *world, const char *text)
{
    g_autoptr (GError) error = NULL;
    Sequence sequence;

    sequence_parse (&sequence, world->library, text, &error);
    g_assert_no_error (error);
    return sequence;
}

static unsigned
read_all (World *world, const Sequence *sequence)
{
    unsigned n = 0, got;

    do {
        got = sequence_read (sequence, n, world->samples + n, MIN (160, MAX_SAMPLES - n));
        n += got;
    } while (got == 160 && n < MAX_SAMPLES);
    return n;
}

static void
test_one_after_the_other (World *world, gconstpointer data)
{
    Sequence sequence = parse (world, "tone/sit, prompt/vacant, silence 100 ms");

    g_assert_cmpuint (sequence.n_samples, ==, 8272 + 800 + 800);
    g_assert_cmpuint (read_all (world, &sequence), ==, 9872);
    g_assert_cmpfloat_with_epsilon (goertzel_dbm0 (world->samples, 3040, 985.2), -24, 0.2);
    g_assert_cmpint (world->samples[8272], ==, 1);
    g_assert_cmpint (world->samples[8272 + 799], ==, 800);
    g_assert_cmpint (world->samples[8272 + 800], ==, 0);
}

static void
test_twice (World *world, gconstpointer data)
{
    Sequence sequence = parse (world, "prompt/vacant, silence 10 ms * 2");

    g_assert_cmpuint (read_all (world, &sequence), ==, 2 * 880);
    g_assert_cmpint (world->samples[880], ==, 1);
    g_assert_cmpuint (sequence_read (&sequence, 1760, world->samples, 160), ==, 0);
    g_assert_cmpuint (sequence_read (&sequence, 1700, world->samples, 160), ==, 60);
}

/* A time cuts what is longer, and silence fills what is shorter. */
static void
test_for_so_long (World *world, gconstpointer data)
{
    Sequence sequence = parse (world, "tone/busy 2 s, prompt/vacant 50 ms, prompt/vacant 200 ms");

    g_assert_cmpuint (read_all (world, &sequence), ==, 16000 + 400 + 1600);
    g_assert_cmpint (world->samples[16000 + 399], ==, 400);
    g_assert_cmpint (world->samples[16400], ==, 1);
    g_assert_cmpint (world->samples[16400 + 800], ==, 0);
}

static void
test_without_an_end (World *world, gconstpointer data)
{
    Sequence sequence = parse (world, "prompt/vacant, tone/busy");

    g_assert_cmpuint (sequence.n_samples, ==, TONE_ENDLESS);
    g_assert_cmpuint (
        sequence_read (&sequence, UINT64_C (8000) * 86400 + 800, world->samples, 4000), ==, 4000);
    g_assert_cmpfloat_with_epsilon (goertzel_dbm0 (world->samples, 4000, 620), -24, 0.2);
}

static void
test_what_is_refused (World *world, gconstpointer data)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        { "", "it is empty" },
        { "tone/none", "no tone of the plan" },
        { "prompt/none", "no recording" },
        { "busy", "nothing that can be heard" },
        { "silence", "silence needs a time" },
        { "tone/busy 2", "its time is none" },
        { "tone/busy 0 s", "its time is none" },
        { "tone/busy 3601 s", "its time is none" },
        { "tone/busy 2 h", "its time is none" },
        { "tone/busy 2 s more", "its time is none" },
        { "tone/busy, prompt/vacant", "never ends" },
        { "tone/busy * 2", "never ends" },
        { "prompt/vacant * 0", "1 to 100 times" },
        { "prompt/vacant * many", "1 to 100 times" },
        { "prompt/vacant,", "nothing that can be heard" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GError) error = NULL;
        Sequence sequence;
        g_assert_false (sequence_parse (&sequence, world->library, cases[i].text, &error));
        g_test_message ("\"%s\": %s", cases[i].text, error->message);
        g_assert_nonnull (strstr (error->message, cases[i].why));
    }
}

static void
test_plans_that_are_refused (World *world, gconstpointer data)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        { "", "empty" },
        { "steps = 480\n", "plan: " },
        { "[busy]\nlevel = -24\n", "[busy]: " },
        { "[busy]\nsteps = 480\n", "level" },
        { "[busy]\nsteps = 480\nlevel = loud\n", "[busy]: " },
        { "[busy]\nsteps = 480\nlevel = 4\n", "-60 to 3" },
        { "[busy]\nsteps = 480\nlevel = nan\n", "[busy]: " },
        { "[busy]\nsteps = 480\nlevel = -24\nrepeat = often\n", "[busy]: " },
        { "[busy]\nsteps = 480\nlevel = -24\npitch = high\n", "\"pitch\" is not known" },
        { "[busy]\nsteps = 480 ?\nlevel = -24\n", "milliseconds" },
        { "[busy]\nsteps = 480 500\\\nlevel = -24\n", "[busy]: " },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GError) error = NULL;
        g_assert_false (library_parse_tones (world->library, cases[i].text, strlen (cases[i].text),
                                             "plan", &error));
        g_test_message ("%s", error->message);
        g_assert_nonnull (strstr (error->message, cases[i].why));
    }
}

/* The plans that are installed are good, and have what the sample treatments name. */
static void
test_plans_of_the_tree (World *world, gconstpointer data)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *american = g_test_build_filename (G_TEST_DIST, "north-america.ini", NULL);
    g_autofree char *german = g_test_build_filename (G_TEST_DIST, "germany.ini", NULL);

    library_add_tones (world->library, german, &error);
    g_assert_no_error (error);
    library_add_tones (world->library, american, &error);
    g_assert_no_error (error);
    parse (world, "tone/sit-ic, tone/sit-vc, tone/sit-ro, tone/sit-nc, tone/sit-io");
    parse (world, "tone/busy 1 s, tone/reorder 1 s, tone/ringback 6 s, tone/dial");
    parse (world, "tone/congestion 1 s, tone/sit");
}

#define ADD(name, test)                                                                            \
    g_test_add ("/announce/sequence/" name, World, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("one-after-the-other", test_one_after_the_other);
    ADD ("twice", test_twice);
    ADD ("for-so-long", test_for_so_long);
    ADD ("without-an-end", test_without_an_end);
    ADD ("refused", test_what_is_refused);
    ADD ("plans-refused", test_plans_that_are_refused);
    ADD ("plans-of-the-tree", test_plans_of_the_tree);
    return g_test_run ();
}
