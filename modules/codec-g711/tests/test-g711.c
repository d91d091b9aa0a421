/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Both laws, every octet and every sample; from one law to the other; lost frames. */

#include "g711.h"

#include <stdlib.h>

typedef struct {
    const char *name;
    uint8_t (*encode) (int16_t sample);
    int16_t (*decode) (uint8_t octet);
    int largest; /* quantised value */
    int limit;   /* of samples: beyond is overload */
} Law;

static const Law mulaw = { "mu-law", g711_mulaw, g711_from_mulaw, 8031 * 4, 8159 * 4 };
static const Law alaw = { "A-law", g711_alaw, g711_from_alaw, 4032 * 8, 4096 * 8 };

/* G.711 Tables 1a and 2a: quantised values at the ends of segments, in 14 and 13 bits. */
static void
test_values_of_the_standard (void)
{
    static const struct {
        uint8_t octet;
        int value;
    } mu[] = { { 0xff, 0 },   { 0xfe, 2 },    { 0xef, 33 },   { 0xdf, 99 },   { 0xcf, 231 },
               { 0xbf, 495 }, { 0xaf, 1023 }, { 0x9f, 2079 }, { 0x8f, 4191 }, { 0x80, 8031 } },
      a[] = { { 0xd5, 1 },   { 0xc5, 33 },   { 0xf5, 66 },   { 0xe5, 132 }, { 0x95, 264 },
              { 0x85, 528 }, { 0xb5, 1056 }, { 0xa5, 2112 }, { 0xaa, 4032 } };

    for (unsigned i = 0; i < G_N_ELEMENTS (mu); i++) {
        g_assert_cmpint (g711_from_mulaw (mu[i].octet), ==, mu[i].value * 4);
        g_assert_cmpint (g711_from_mulaw (mu[i].octet & 0x7f), ==, -mu[i].value * 4);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS (a); i++) {
        g_assert_cmpint (g711_from_alaw (a[i].octet), ==, a[i].value * 8);
        g_assert_cmpint (g711_from_alaw (a[i].octet & 0x7f), ==, -a[i].value * 8);
    }
}

/* Only mu-law's negative zero, which a 16-bit zero cannot tell, comes back as the positive one. */
static void
test_octets_come_back (gconstpointer data)
{
    const Law *law = data;

    for (unsigned octet = 0; octet < 256; octet++) {
        unsigned expected = law == &mulaw && octet == 0x7f ? 0xff : octet;
        g_assert_cmphex (law->encode (law->decode ((uint8_t) octet)), ==, expected);
    }
}

/* The number of the quantised value, away from zero. */
static int
number_of (const Law *law, uint8_t octet)
{
    return law == &mulaw ? ~octet & 0x7f : (octet ^ 0x55) & 0x7f;
}

/* Half of what is between the decision values around the quantised value of OCTET. */
static int
half_step (const Law *law, uint8_t octet)
{
    int segment = number_of (law, octet) >> 4;

    return law == &mulaw ? 4 << segment : 8 << MAX (segment - 1, 0);
}

static void
test_samples_are_near (gconstpointer data)
{
    const Law *law = data;

    for (int sample = INT16_MIN; sample <= INT16_MAX; sample++) {
        int held = CLAMP (sample, -law->limit, law->limit);
        uint8_t octet = law->encode ((int16_t) sample);
        g_assert_cmpint (abs (law->decode (octet) - held), <=, half_step (law, octet));
    }
}

static void
test_order_is_kept (gconstpointer data)
{
    const Law *law = data;

    for (int sample = INT16_MIN; sample < INT16_MAX; sample++) {
        g_assert_cmpint (law->decode (law->encode ((int16_t) sample)), <=,
                         law->decode (law->encode ((int16_t) (sample + 1))));
    }
}

static void
test_overload (gconstpointer data)
{
    const Law *law = data;

    g_assert_cmpint (law->decode (law->encode (INT16_MAX)), ==, law->largest);
    g_assert_cmpint (law->decode (law->encode (INT16_MIN)), ==, -law->largest);
}

/* --- From one law to the other ----------------------------------------------------------- */

/* The table's octet and the one that is computed are the same or neighbours. */
static void
check_neighbours (const uint8_t table[256], const Law *from, const Law *to)
{
    for (unsigned octet = 0; octet < 256; octet++) {
        uint8_t computed = to->encode (from->decode ((uint8_t) octet));
        g_assert_cmpint (abs (number_of (to, table[octet]) - number_of (to, computed)), <=, 1);
        g_assert_cmphex (table[octet] & 0x80, ==, octet & 0x80);
    }
}

static void
test_tables_convert (void)
{
    uint8_t to_a[256], to_mu[256];

    g711_fill_mulaw_to_alaw (to_a);
    g711_fill_alaw_to_mulaw (to_mu);
    check_neighbours (to_a, &mulaw, &alaw);
    check_neighbours (to_mu, &alaw, &mulaw);
}

/* What the two tables are made for: there and back, all but 16 octets are as they
 * were, and these are one step away. */
static void
check_back (const uint8_t there[256], const uint8_t back[256], const Law *law)
{
    unsigned n_changed = 0;

    for (unsigned octet = 0; octet < 256; octet++) {
        uint8_t returned = back[there[octet]];
        n_changed += returned != octet;
        g_assert_cmpint (abs (number_of (law, returned) - number_of (law, (uint8_t) octet)), <=, 1);
    }
    g_assert_cmpuint (n_changed, ==, 16);
}

static void
test_there_and_back (void)
{
    uint8_t to_a[256], to_mu[256];

    g711_fill_mulaw_to_alaw (to_a);
    g711_fill_alaw_to_mulaw (to_mu);
    check_back (to_mu, to_a, &alaw);
    check_back (to_a, to_mu, &mulaw);
}

/* --- Lost frames ------------------------------------------------------------------------- */

static void
test_nothing_heard_is_silence (void)
{
    G711Past past = { 0 };
    int16_t samples[80];

    memset (samples, 0x55, sizeof samples);
    g711_past_conceal (&past, samples, 80);
    for (unsigned i = 0; i < 80; i++) {
        g_assert_cmpint (samples[i], ==, 0);
    }
}

static void
hear_ramp (G711Past *past, unsigned n_samples)
{
    int16_t samples[400];

    for (unsigned i = 0; i < n_samples; i++) {
        samples[i] = (int16_t) (1000 + i);
    }
    g711_past_heard (past, samples, n_samples);
}

static void
test_the_last_is_heard_again (void)
{
    G711Past past = { 0 };
    int16_t samples[80];

    hear_ramp (&past, 400);
    g711_past_conceal (&past, samples, 80);
    for (unsigned i = 0; i < 80; i++) {
        g_assert_cmpint (samples[i], ==, 1000 + 240 + (int) i);
    }
}

static void
test_short_frames_add_up (void)
{
    G711Past past = { 0 };
    int16_t samples[40];

    hear_ramp (&past, 100);
    hear_ramp (&past, 100);
    g_assert_cmpuint (past.n_history, ==, 160);
    g711_past_conceal (&past, samples, 40);
    g_assert_cmpint (samples[0], ==, 1040);
    g_assert_cmpint (samples[39], ==, 1079);
}

static void
test_it_fades (void)
{
    G711Past past = { 0 };
    int16_t samples[560];

    hear_ramp (&past, 160);
    g711_past_conceal (&past, samples, 560);
    g_assert_cmpint (samples[280], ==, (1000 + 120) / 2);
    g_assert_cmpint (samples[479], >, 0);
    g_assert_cmpint (samples[479], <, 10);
    for (unsigned i = 480; i < 560; i++) {
        g_assert_cmpint (samples[i], ==, 0);
    }
}

static void
test_a_frame_ends_the_loss (void)
{
    G711Past past = { 0 };
    int16_t samples[600];

    hear_ramp (&past, 160);
    g711_past_conceal (&past, samples, 600);
    hear_ramp (&past, 160);
    g711_past_conceal (&past, samples, 80);
    g_assert_cmpint (samples[79], ==, 1079);
}

static void
add_law (const char *path, const Law *law, void (*test) (gconstpointer data))
{
    g_autofree char *name = g_strdup_printf ("/g711/%s/%s", law->name, path);

    g_test_add_data_func (name, law, test);
}

int
main (int argc, char **argv)
{
    static const Law *const laws[] = { &mulaw, &alaw };

    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/g711/values-of-the-standard", test_values_of_the_standard);
    for (unsigned i = 0; i < G_N_ELEMENTS (laws); i++) {
        add_law ("octets-come-back", laws[i], test_octets_come_back);
        add_law ("samples-are-near", laws[i], test_samples_are_near);
        add_law ("order-is-kept", laws[i], test_order_is_kept);
        add_law ("overload", laws[i], test_overload);
    }
    g_test_add_func ("/g711/tables-convert", test_tables_convert);
    g_test_add_func ("/g711/there-and-back", test_there_and_back);
    g_test_add_func ("/g711/lost/nothing-heard", test_nothing_heard_is_silence);
    g_test_add_func ("/g711/lost/heard-again", test_the_last_is_heard_again);
    g_test_add_func ("/g711/lost/short-frames", test_short_frames_add_up);
    g_test_add_func ("/g711/lost/fades", test_it_fades);
    g_test_add_func ("/g711/lost/over", test_a_frame_ends_the_loss);
    return g_test_run ();
}
